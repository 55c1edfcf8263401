package awsapi_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard/lanyard/internal/control"
)

// aFlow is the content of a flow that ends at once, and says so.
func aFlow(says string) string {
	return fmt.Sprintf(`{"Version":"2019-10-30","StartAction":"say","Metadata":{"x":{"y":1}},"Actions":[
		{"Identifier":"say","Type":"MessageParticipant","Parameters":{"Text":%q},
			"Transitions":{"NextAction":"end","Errors":[{"NextAction":"end","ErrorType":"NoMatchingError"}],"Conditions":[]}},
		{"Identifier":"end","Type":"DisconnectParticipant","Parameters":{},"Transitions":{}}]}`, says)
}

func contentOf(m members) string { return m["ContactFlow"].(members)["Content"].(string) }

func TestFlows(t *testing.T) {
	w := newWorld(t)
	in := w.instance("flows")
	of := func(more members) members { more["InstanceId"] = in; return more }
	made := w.do("CreateContactFlow", of(members{"Name": "Welcome", "Type": "CONTACT_FLOW", "Description": "says hello",
		"Content": aFlow("hello"), "Tags": members{"a": "b"}})).ok()
	id, arn := made["ContactFlowId"].(string), w.arn(in, "contact-flow", made["ContactFlowId"].(string))
	sum := control.ContentSum(aFlow("hello"))
	if made["ContactFlowArn"] != arn || made["FlowContentSha256"] != sum {
		t.Errorf("CreateContactFlow = %v", made)
	}
	want := members{"Id": id, "Arn": arn, "Name": "Welcome", "Type": "CONTACT_FLOW", "State": "ACTIVE",
		"Status": "PUBLISHED", "Description": "says hello", "Content": aFlow("hello"), "Tags": members{"a": "b"},
		"FlowContentSha256": sum, "LastModifiedRegion": "us-east-1"}
	got := w.do("DescribeContactFlow", of(members{"ContactFlowId": arn})).ok()["ContactFlow"].(members)
	delete(got, "LastModifiedTime")
	if !equal(got, want) {
		t.Errorf("DescribeContactFlow = %v, want %v", got, want)
	}
	w.do("CreateContactFlow", of(members{"Name": "Welcome", "Type": "CUSTOMER_HOLD", "Content": aFlow("x")})).
		fails("DuplicateResourceException", "flow", `"Welcome"`)

	// What is saved is shown to those who ask for it, until it is published.
	saved := id + ":$SAVED"
	w.do("UpdateContactFlowContent", of(members{"ContactFlowId": saved, "Content": aFlow("draft")})).ok()
	if got := w.do("DescribeContactFlow", of(members{"ContactFlowId": id})).ok(); contentOf(got) != aFlow("hello") {
		t.Errorf("saving changed what is published: %v", got)
	}
	got = w.do("DescribeContactFlow", of(members{"ContactFlowId": arn + ":$SAVED"})).ok()["ContactFlow"].(members)
	if got["Content"] != aFlow("draft") || got["Status"] != "SAVED" || got["FlowContentSha256"] == sum {
		t.Errorf("%s = %v", saved, got)
	}
	w.do("UpdateContactFlowContent", of(members{"ContactFlowId": id, "Content": aFlow("bye")})).ok()
	if got := w.do("DescribeContactFlow", of(members{"ContactFlowId": saved})).ok(); contentOf(got) != aFlow("bye") {
		t.Errorf("after publishing, %s = %v", saved, got)
	}

	w.do("UpdateContactFlowName", of(members{"ContactFlowId": id, "Name": "Hello"})).ok()
	w.do("UpdateContactFlowMetadata", of(members{"ContactFlowId": id, "Description": "", "ContactFlowState": "ARCHIVED"})).
		ok()
	got = w.do("DescribeContactFlow", of(members{"ContactFlowId": id})).ok()["ContactFlow"].(members)
	if got["Name"] != "Hello" || got["Description"] != nil || got["State"] != "ARCHIVED" {
		t.Errorf("after the updates: %v", got)
	}
	w.do("UpdateContactFlowContent", of(members{"ContactFlowId": id + ":1", "Content": aFlow("x")})).
		fails("InvalidParameterException", "ContactFlowId", "$SAVED")
	w.do("DeleteContactFlow", of(members{"ContactFlowId": id})).ok()
	w.do("DescribeContactFlow", of(members{"ContactFlowId": id})).fails("ResourceNotFoundException", "flow", id)
}

func equal(a, b any) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return string(x) == string(y)
}

// A flow that was only saved is not published: it is described with $SAVED, and found by its status.
func TestSavedFlows(t *testing.T) {
	w := newWorld(t)
	in := w.instance("saved")
	of := func(more members) members { more["InstanceId"] = in; return more }
	id := w.id("CreateContactFlow", of(members{"Name": "Draft", "Type": "CUSTOMER_QUEUE", "Content": `{"Actions":[]}`,
		"Status": "SAVED"}))
	w.id("CreateContactFlow", of(members{"Name": "Live", "Type": "CONTACT_FLOW", "Content": aFlow("x")}))
	w.do("DescribeContactFlow", of(members{"ContactFlowId": id})).fails("ContactFlowNotPublishedException", "$SAVED", id)
	w.do("CreateContactFlowVersion", of(members{"ContactFlowId": id})).fails("InvalidParameterException", "published", id)
	got := w.do("DescribeContactFlow", of(members{"ContactFlowId": id + ":$SAVED"})).ok()["ContactFlow"].(members)
	if got["Status"] != "SAVED" || got["Content"] != `{"Actions":[]}` {
		t.Errorf("the saved flow = %v", got)
	}
	names := func(op, list string, more members) (names []string) {
		for _, f := range w.do(op, of(more)).ok()[list].([]any) {
			names = append(names, f.(members)["Name"].(string))
		}
		return names
	}
	condition := func(m members) members { return members{"SearchCriteria": m} }
	filter := func(m members) members { return members{"SearchFilter": members{"FlowAttributeFilter": m}} }
	typed := members{"ContactFlowTypeCondition": members{"ContactFlowType": "CONTACT_FLOW"}}
	for _, tt := range []struct {
		name string
		got  []string
		want []string
	}{
		{"of a type", names("ListContactFlows", "ContactFlowSummaryList",
			members{"ContactFlowTypes": []any{"CUSTOMER_QUEUE"}}), []string{"Draft"}},
		{"of two types", names("ListContactFlows", "ContactFlowSummaryList",
			members{"ContactFlowTypes": []any{"CUSTOMER_QUEUE", "CONTACT_FLOW"}}), []string{"Draft", "Live"}},
		{"saved", names("SearchContactFlows", "ContactFlows", condition(members{"StatusCondition": "SAVED"})),
			[]string{"Draft"}},
		{"by type", names("SearchContactFlows", "ContactFlows", condition(members{"TypeCondition": "CONTACT_FLOW"})),
			[]string{"Live"}},
		{"active", names("SearchContactFlows", "ContactFlows", condition(members{"StateCondition": "ACTIVE"})),
			[]string{"Draft", "Live"}},
		{"archived", names("SearchContactFlows", "ContactFlows", condition(members{"StateCondition": "ARCHIVED"})), nil},
		{"filtered by type", names("SearchContactFlows", "ContactFlows", filter(typed)), []string{"Live"}},
		{"filtered by one of types", names("SearchContactFlows", "ContactFlows",
			filter(members{"OrConditions": []any{typed}})), []string{"Live"}},
	} {
		if !slices.Equal(tt.got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
	// Publishing makes it a flow like any other.
	w.do("UpdateContactFlowContent", of(members{"ContactFlowId": id, "Content": aFlow("done")})).ok()
	if got := w.do("DescribeContactFlow", of(members{"ContactFlowId": id})).ok()["ContactFlow"].(members); got["Status"] !=
		"PUBLISHED" || got["Content"] != aFlow("done") {
		t.Errorf("after publishing: %v", got)
	}
}

func TestFlowContent(t *testing.T) {
	w := newWorld(t)
	in := w.instance("content")
	action := func(name, rest string) string { return `{"Identifier":"` + name + `","Type":"T",` + rest + `}` }
	end := action("end", `"Parameters":{},"Transitions":{}`)
	flow := func(actions string) string {
		return `{"Version":"2019-10-30","StartAction":"end","Actions":[` + actions + `]}`
	}
	leads := func(transitions string) string {
		return flow(end + "," + action("a", `"Parameters":{},"Transitions":`+transitions))
	}
	for _, tt := range []struct {
		name, content string
		problems      []string
	}{
		{"no JSON", "hello", []string{"Content must be a JSON object"}},
		{"empty", "", []string{"Content must be a JSON object"}},
		{"spaces", " ", []string{"Content must be a JSON object"}},
		{"a list", "[]", []string{"Content must be a JSON object"}},
		{"twice the same name", `{"Version":"2019-10-30","Version":"2019-10-30"}`, []string{"duplicate names"}},
		{"two values", flow(end) + flow(end), []string{"Content must be a JSON object"}},
		{"nothing in it", "{}", []string{`Version must be "2019-10-30", got none`, "Actions must have at least one",
			"StartAction is required"}},
		{"another type", `{"Actions":{}}`, []string{"form of the Flow language"}},
		{"another version", `{"Version":"3","StartAction":"end","Actions":[` + end + `]}`, []string{`got "3"`}},
		{"starts nowhere", `{"Version":"2019-10-30","StartAction":"x","Actions":[` + end + `]}`,
			[]string{`StartAction must be the Identifier of an action of the flow, got "x"`}},
		{"no parameters", flow(`{"Identifier":"end","Type":"T","Transitions":{}}`), []string{"Actions[0].Parameters is required"}},
		{"bad parameters", flow(`{"Identifier":"end","Type":"T","Parameters":[],"Transitions":{}}`),
			[]string{"Actions[0].Parameters must be an object"}},
		{"no transitions", flow(`{"Identifier":"end","Type":"T","Parameters":{}}`), []string{"Actions[0].Transitions is required"}},
		{"no type", flow(`{"Identifier":"end","Parameters":{},"Transitions":{}}`), []string{"Actions[0].Type is required"}},
		{"no name", flow(end + `,{"Type":"T","Parameters":{},"Transitions":{}}`), []string{"Actions[1].Identifier is required"}},
		{"the same name", flow(end + "," + end), []string{`Actions[1].Identifier must be unique in the flow, got "end" again`}},
		{"a name with a bracket", flow(end + "," + action("a[", `"Parameters":{},"Transitions":{}`)),
			[]string{"Actions[1].Identifier must be 1 to 50 characters"}},
		{"a name of JavaScript", flow(end + "," + action("constructor", `"Parameters":{},"Transitions":{}`)),
			[]string{"no name of JavaScript"}},
		{"leads nowhere", leads(`{"NextAction":"b"}`), []string{`Actions[1].Transitions.NextAction must be the Identifier`}},
		{"an error that leads nowhere", leads(`{"Errors":[{"ErrorType":"E","NextAction":"b"}]}`),
			[]string{"Actions[1].Transitions.Errors[0].NextAction must be"}},
		{"an error without a type", leads(`{"Errors":[{"NextAction":"end"}]}`),
			[]string{"Actions[1].Transitions.Errors[0].ErrorType is required"}},
		{"a condition without one", leads(`{"Conditions":[{"NextAction":"end"}]}`),
			[]string{"Actions[1].Transitions.Conditions[0].Condition must be an object"}},
		{"a condition that leads nowhere", leads(`{"Conditions":[{"Condition":{}}]}`),
			[]string{"Actions[1].Transitions.Conditions[0].NextAction is required"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := w.do("CreateContactFlow", members{"InstanceId": in, "Name": tt.name, "Type": "CONTACT_FLOW",
				"Content": tt.content})
			var body struct{ Problems []struct{ Message string } }
			if err := json.Unmarshal([]byte(x.answer), &body); err != nil {
				t.Fatal(err)
			}
			x.fails("InvalidContactFlowException", tt.problems[0])
			if len(body.Problems) != len(tt.problems) {
				t.Fatalf("%s, want %d problems", x.answer, len(tt.problems))
			}
			for i, p := range tt.problems {
				if !strings.Contains(body.Problems[i].Message, p) {
					t.Errorf("problem %d is %q, want %q", i, body.Problems[i].Message, p)
				}
			}
		})
	}
	// There is a bound to how many problems are listed, and to content.
	many := strings.Repeat(action("x", `"Parameters":{},"Transitions":{}`)+",", 100) + end
	x := w.do("CreateContactFlow", members{"InstanceId": in, "Name": "many", "Type": "CONTACT_FLOW", "Content": flow(many)})
	if n := strings.Count(x.answer, "must be unique"); x.status != 400 || n != 53 { // three of them in the message, too
		t.Errorf("%d problems, status %d", n, x.status)
	}
	long := `{"Version":"` + strings.Repeat("x", 256_000) + `"}`
	for _, status := range []string{"SAVED", "PUBLISHED"} {
		w.do("CreateContactFlow", members{"InstanceId": in, "Name": "long", "Type": "CONTACT_FLOW", "Content": long,
			"Status": status}).fails("InvalidContactFlowException", "256000")
	}
	w.do("CreateContactFlow", members{"InstanceId": in, "Name": "saved", "Type": "CONTACT_FLOW", "Content": "[1]",
		"Status": "SAVED"}).fails("InvalidContactFlowException", "JSON object")
}

func TestFlowVersions(t *testing.T) {
	w := newWorld(t)
	in := w.instance("versions")
	id := w.id("CreateContactFlow", members{"InstanceId": in, "Name": "Welcome", "Type": "CONTACT_FLOW",
		"Content": aFlow("one")})
	of := func(more members) members { more["InstanceId"], more["ContactFlowId"] = in, id; return more }
	w.do("CreateContactFlowVersion", of(members{"FlowContentSha256": strings.Repeat("0", 64)})).
		fails("InvalidParameterException", "FlowContentSha256", control.ContentSum(aFlow("one")))
	for i, says := range []string{"one", "two"} {
		w.do("UpdateContactFlowContent", of(members{"Content": aFlow(says)})).ok()
		got := w.do("CreateContactFlowVersion", of(members{"Description": "says " + says,
			"FlowContentSha256": control.ContentSum(aFlow(says))})).ok()
		if got["Version"] != float64(i+1) || got["ContactFlowArn"] != w.arn(in, "contact-flow", id) {
			t.Errorf("CreateContactFlowVersion = %v", got)
		}
	}
	list := w.do("ListContactFlowVersions", of(members{"MaxResults": 1})).ok()
	first := list["ContactFlowVersionSummaryList"].([]any)[0].(members)
	if first["Version"] != 1.0 || first["Arn"] != w.arn(in, "contact-flow", id+":1") || first["VersionDescription"] != "says one" {
		t.Errorf("the first version is %v", first)
	}
	rest := w.do("ListContactFlowVersions", of(members{"NextToken": list["NextToken"]})).ok()
	if all := rest["ContactFlowVersionSummaryList"].([]any); len(all) != 1 || all[0].(members)["Version"] != 2.0 {
		t.Errorf("the next page is %v", rest)
	}
	qualified := func(q string) members {
		return w.do("DescribeContactFlow", members{"InstanceId": in, "ContactFlowId": id + ":" + q}).ok()["ContactFlow"].(members)
	}
	if got := qualified("1"); got["Content"] != aFlow("one") || got["Version"] != 1.0 ||
		got["VersionDescription"] != "says one" || got["Name"] != "Welcome" {
		t.Errorf("version 1 is %v", got)
	}

	alias := w.id("CreateContactFlowAlias", of(members{"AliasName": "prod", "ContactFlowVersion": 1, "Description": "in use"}))
	w.do("CreateContactFlowAlias", of(members{"AliasName": "prod", "ContactFlowVersion": 2})).
		fails("DuplicateResourceException", "AliasName", `"prod"`)
	w.do("CreateContactFlowAlias", of(members{"AliasName": "next", "ContactFlowVersion": 3})).
		fails("ResourceNotFoundException", "version 3", id)
	w.do("CreateContactFlowAlias", of(members{"AliasName": "$SAVED", "ContactFlowVersion": 1})).
		fails("InvalidParameterException", "AliasName")
	if got := qualified("prod"); got["Content"] != aFlow("one") {
		t.Errorf("the alias shows %v", got)
	}
	w.do("DeleteContactFlowVersion", of(members{"ContactFlowVersion": 1})).fails("InvalidRequestException", "in use", alias)
	w.do("UpdateContactFlowAlias", of(members{"AliasId": alias, "Name": "live", "ContactFlowVersion": 2})).ok()
	got := w.do("DescribeContactFlowAlias", of(members{"AliasId": alias})).ok()["ContactFlowAlias"].(members)
	delete(got, "LastModifiedTime")
	if want := (members{"ContactFlowId": id, "ContactFlowArn": w.arn(in, "contact-flow", id), "AliasId": alias,
		"Version": 2, "Name": "live", "Description": "in use", "LastModifiedRegion": "us-east-1"}); !equal(got, want) {
		t.Errorf("DescribeContactFlowAlias = %v, want %v", got, want)
	}
	summary := w.do("ListContactFlowAliases", of(members{})).ok()["ContactFlowAliasSummaryList"].([]any)[0].(members)
	delete(summary, "LastModifiedTime")
	if want := (members{"Arn": w.arn(in, "contact-flow", id+":live"), "AliasId": alias, "Version": 2, "AliasName": "live",
		"AliasDescription": "in use", "LastModifiedRegion": "us-east-1"}); !equal(summary, want) {
		t.Errorf("ListContactFlowAliases has %v, want %v", summary, want)
	}
	w.do("DeleteContactFlowVersion", of(members{"ContactFlowVersion": 1})).ok()
	w.do("DescribeContactFlow", members{"InstanceId": in, "ContactFlowId": id + ":1"}).
		fails("ResourceNotFoundException", "version 1")
	w.do("DescribeContactFlow", members{"InstanceId": in, "ContactFlowId": id + ":prod"}).
		fails("ResourceNotFoundException", `alias "prod"`)
	if got := w.do("CreateContactFlowVersion", of(members{})).ok(); got["Version"] != 3.0 {
		t.Errorf("numbers are never given again: %v", got)
	}
	// What hangs below a flow goes with it.
	w.do("DeleteContactFlow", of(members{})).ok()
	other := w.id("CreateContactFlow", members{"InstanceId": in, "Name": "Welcome", "Type": "CONTACT_FLOW",
		"Content": aFlow("one")})
	w.do("DescribeContactFlowAlias", members{"InstanceId": in, "ContactFlowId": other, "AliasId": alias}).
		fails("ResourceNotFoundException", alias)
}

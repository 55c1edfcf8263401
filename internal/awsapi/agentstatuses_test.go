package awsapi_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
)

// names are a member of every item of a list.
func names(list any, member string) (out []string) {
	items, _ := list.([]any)
	for _, item := range items {
		out = append(out, item.(members)[member].(string))
	}
	return out
}

// searchFor are the criteria of a search for a text in a field.
func searchFor(in, field, value, compare string) members {
	return members{"InstanceId": in, "SearchCriteria": members{"StringCondition": members{"FieldName": field,
		"Value": value, "ComparisonType": compare}}}
}

func TestAgentStatuses(t *testing.T) {
	w := newWorld(t)
	in := w.instance("statuses")
	list := func(more members) []string {
		m := members{"InstanceId": in}
		for k, v := range more {
			m[k] = v
		}
		return names(w.do("ListAgentStatuses", m).ok()["AgentStatusSummaryList"], "Name")
	}
	if got := list(nil); !slices.Equal(got, []string{"Available", "Offline"}) {
		t.Errorf("a new instance has %q", got)
	}
	if got := list(members{"AgentStatusTypes": []string{"OFFLINE"}}); !slices.Equal(got, []string{"Offline"}) {
		t.Errorf("of type OFFLINE are %q", got)
	}
	available := w.first("ListAgentStatuses", in, "AgentStatusSummaryList", "Id")

	id := w.id("CreateAgentStatus", members{"InstanceId": in, "Name": "Lunch", "State": "ENABLED", "DisplayOrder": 3,
		"Description": "Back soon", "Tags": members{"Team": "Sales"}})
	describe := func() members {
		return w.do("DescribeAgentStatus", members{"InstanceId": in, "AgentStatusId": id}).ok()["AgentStatus"].(members)
	}
	s := describe()
	got := fmt.Sprint(s["AgentStatusARN"], s["Name"], s["Type"], s["State"], s["DisplayOrder"], s["Description"], s["Tags"])
	if want := fmt.Sprint(w.arn(in, "agent-state", id), "Lunch", "CUSTOM", "ENABLED", 3, "Back soon",
		members{"Team": "Sales"}); got != want {
		t.Errorf("DescribeAgentStatus = %s, want %s", got, want)
	}
	w.do("CreateAgentStatus", members{"InstanceId": in, "Name": "Lunch", "State": "ENABLED"}).
		fails("DuplicateResourceException", "agent status", `"Lunch"`)
	for field, value := range map[string]string{"name": "lunch", "type": "custom", "displayOrder": "3", "resourceID": id} {
		found := w.do("SearchAgentStatuses", searchFor(in, field, value, "EXACT")).ok()
		if got := names(found["AgentStatuses"], "Name"); !slices.Equal(got, []string{"Lunch"}) {
			t.Errorf("the search for %s %s finds %q", field, value, got)
		}
	}

	update := func(id string, more members) *wire {
		more["InstanceId"], more["AgentStatusId"] = in, id
		return w.do("UpdateAgentStatus", more)
	}
	update(id, members{"Name": "Break", "State": "DISABLED", "Description": "", "ResetOrderNumber": true}).ok()
	if s := describe(); s["Name"] != "Break" || s["State"] != "DISABLED" || s["Description"] != nil || s["DisplayOrder"] != nil {
		t.Errorf("after the update it is %v", s)
	}
	update(id, members{"DisplayOrder": 2, "ResetOrderNumber": true}).fails("InvalidParameterException", "DisplayOrder")
	update(available, members{"State": "DISABLED"}).fails("InvalidParameterException", "State", "ROUTABLE")
	update(available, members{"Name": "Ready"}).ok()
	if got := list(members{"AgentStatusTypes": []string{"ROUTABLE"}}); !slices.Equal(got, []string{"Ready"}) {
		t.Errorf("after it was renamed, of type ROUTABLE are %q", got)
	}
	w.do("TagResource", members{"resourceArn": w.arn(in, "agent-state", id), "tags": members{"a": "b"}}).ok()
	if tags := describe()["Tags"].(members); tags["a"] != "b" {
		t.Errorf("after TagResource its tags are %v", tags)
	}
	w.do("DescribeAgentStatus", members{"InstanceId": in, "AgentStatusId": "none"}).
		fails("ResourceNotFoundException", "AgentStatusId", "none")
	for i := range 47 {
		w.id("CreateAgentStatus", members{"InstanceId": in, "Name": fmt.Sprint("Status ", i), "State": "ENABLED"})
	}
	w.do("CreateAgentStatus", members{"InstanceId": in, "Name": "One too many", "State": "ENABLED"}).
		fails("LimitExceededException", "50")
}

// An instance that an earlier version made has no statuses until somebody asks.
func TestAgentStatusesOfOldInstance(t *testing.T) {
	w := newWorld(t)
	in := w.instance("old")
	list := func() []string {
		return names(w.do("ListAgentStatuses", members{"InstanceId": in}).ok()["AgentStatusSummaryList"], "Id")
	}
	first := list()
	call := control.Call{Caller: lanyard.Caller{Account: account}, Operation: "DeleteAgentStatus"}
	for _, id := range first {
		if _, err := control.DeleteDocument[*lanyard.AgentStatus](t.Context(), w.svc, call, in,
			control.DocumentRef{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	if again := list(); !slices.Equal(again, first) || len(again) != 2 {
		t.Errorf("it has %q, want %q", again, first)
	}
}

func TestPredefinedAttributes(t *testing.T) {
	w := newWorld(t)
	things := w.furnish()
	in, user := things.instance, things.user
	attribute := func(more members) members { more["InstanceId"], more["Name"] = in, "Language/été"; return more }
	values := func(list ...string) members { return members{"StringList": list} }

	w.do("CreatePredefinedAttribute", attribute(members{"Values": values("English", "French"),
		"Purposes": []string{"AGENT"}})).ok()
	describe := func() members {
		return w.do("DescribePredefinedAttribute", attribute(members{})).ok()["PredefinedAttribute"].(members)
	}
	p := describe()
	got := fmt.Sprint(p["Name"], p["Values"], p["Purposes"], p["AttributeConfiguration"])
	if want := fmt.Sprint("Language/été", members{"StringList": []any{"English", "French"}}, []any{"AGENT"},
		members{"EnableValueValidationOnAssociation": false, "IsReadOnly": false}); got != want {
		t.Errorf("DescribePredefinedAttribute = %s, want %s", got, want)
	}
	w.do("CreatePredefinedAttribute", attribute(members{})).fails("DuplicateResourceException", "predefined attribute")
	w.do("UpdatePredefinedAttribute", attribute(members{"Values": values("French", "German", "French")})).
		fails("InvalidParameterException", "Values.StringList[2]", `"French"`)
	w.do("UpdatePredefinedAttribute", attribute(members{"Values": values("French", "German"),
		"AttributeConfiguration": members{"EnableValueValidationOnAssociation": true}})).ok()
	if p := describe(); fmt.Sprint(p["Values"]) != fmt.Sprint(values("French", "German")) ||
		p["AttributeConfiguration"].(members)["EnableValueValidationOnAssociation"] != true {
		t.Errorf("after the update it is %v", p)
	}
	listed := w.do("ListPredefinedAttributes", members{"InstanceId": in}).ok()["PredefinedAttributeSummaryList"]
	if got := names(listed, "Name"); !slices.Contains(got, "Language/été") {
		t.Errorf("ListPredefinedAttributes has %q", got)
	}
	found := w.do("SearchPredefinedAttributes", searchFor(in, "name", "lang", "STARTS_WITH")).ok()
	if got := names(found["PredefinedAttributes"], "Name"); !slices.Equal(got, []string{"Language/été"}) {
		t.Errorf("SearchPredefinedAttributes finds %q", got)
	}

	proficiency := func(op, name, value string, more members) *wire {
		more["AttributeName"], more["AttributeValue"] = name, value
		return w.do(op, members{"InstanceId": in, "UserId": user, "UserProficiencies": []members{more}})
	}
	associate := func(name, value string) *wire {
		return proficiency("AssociateUserProficiencies", name, value, members{"Level": 3})
	}
	associate("Languages", "French").fails("InvalidParameterException", "UserProficiencies[0].AttributeName", "Languages")
	associate("Language/été", "Welsh").fails("InvalidParameterException", "UserProficiencies[0].AttributeValue", "Welsh")
	associate("Language/été", "French").ok()
	w.do("DeletePredefinedAttribute", attribute(members{})).fails("ResourceInUseException", "user", user)
	// A value may be taken away, and with it proficiencies that name it.
	w.do("UpdatePredefinedAttribute", attribute(members{"Values": values("German")})).ok()
	proficiency("DisassociateUserProficiencies", "Language/été", "French", members{}).ok()
	w.do("DeletePredefinedAttribute", attribute(members{})).ok()
	w.do("DescribePredefinedAttribute", attribute(members{})).fails("ResourceNotFoundException", "Language/été")
	w.do("CreatePredefinedAttribute", attribute(members{"Values": values("Again")})).ok()
}

func TestAuthenticationProfiles(t *testing.T) {
	w := newWorld(t)
	in := w.instance("signing-in")
	id := w.first("ListAuthenticationProfiles", in, "AuthenticationProfileSummaryList", "Id")
	describe := func() members {
		return w.do("DescribeAuthenticationProfile", members{"InstanceId": in, "AuthenticationProfileId": id}).
			ok()["AuthenticationProfile"].(members)
	}
	p := describe()
	got := fmt.Sprint(p["Arn"], p["IsDefault"], p["AllowedIps"], p["PeriodicSessionDuration"], p["MaxSessionDuration"])
	if want := fmt.Sprint(w.arn(in, "authentication-profile", id), true, []any{}, 60, 720); got != want {
		t.Errorf("the default profile is %s, want %s", got, want)
	}
	update := func(more members) *wire {
		more["InstanceId"], more["AuthenticationProfileId"] = in, id
		return w.do("UpdateAuthenticationProfile", more)
	}
	update(members{"AllowedIps": []string{"2001:db8::/32", "::1"}, "PeriodicSessionDuration": 20, "Name": "House"}).ok()
	if p := describe(); fmt.Sprint([]any{p["AllowedIps"], p["PeriodicSessionDuration"], p["Name"], p["IsDefault"]}) !=
		"[[2001:db8::/32 ::1] 20 House true]" {
		t.Errorf("after the update it is %v", p)
	}
	update(members{"BlockedIps": []string{"::1", "everybody"}}).fails("InvalidParameterException", "BlockedIps[1]", "everybody")
	update(members{"AllowedIps": []string{}}).ok()
	if got := fmt.Sprint(describe()["AllowedIps"]); got != "[]" {
		t.Errorf("an empty list leaves %s", got)
	}
}

func TestNotifications(t *testing.T) {
	w := newWorld(t)
	things := w.furnish()
	in, user := things.instance, things.user
	create := func(more members) members {
		m := members{"InstanceId": in, "Recipients": []string{w.arn(in), w.arn(in, "agent", user)},
			"Content": members{"en_US": "Please log out", "fr_FR": "Déconnectez-vous"}}
		for k, v := range more {
			m[k] = v
		}
		return m
	}
	id := w.id("CreateNotification", create(members{"ClientToken": "once", "Tags": members{"a": "b"}}))
	if again := w.id("CreateNotification", create(members{"ClientToken": "once", "Tags": members{"a": "b"}})); again != id {
		t.Errorf("the same client token makes %s and %s", id, again)
	}
	describe := func() members {
		return w.do("DescribeNotification", members{"InstanceId": in, "NotificationId": id}).ok()["Notification"].(members)
	}
	n := describe()
	if got := n["ExpiresAt"].(float64) - n["CreatedAt"].(float64); got != 7*24*3600 {
		t.Errorf("it expires after %v seconds", got)
	}
	got := fmt.Sprint(n["Arn"], n["Priority"], n["Recipients"], n["Tags"])
	if want := fmt.Sprint(w.arn(in, "notification", id), "LOW", []any{w.arn(in), w.arn(in, "agent", user)},
		members{"a": "b"}); got != want {
		t.Errorf("DescribeNotification = %s, want %s", got, want)
	}
	for words, more := range map[string]members{
		"Recipients":    {"Recipients": []string{}},
		"Recipients[0]": {"Recipients": []string{w.arn(in, "agent", "none")}},
		"ExpiresAt":     {"ExpiresAt": 1},
		"Content":       {"Content": members{}},
	} {
		w.do("CreateNotification", create(more)).fails("InvalidParameterException", words)
	}
	w.do("UpdateNotificationContent", members{"InstanceId": in, "NotificationId": id,
		"Content": members{"en_US": "Stay"}}).ok()
	if got := fmt.Sprint(describe()["Content"]); got != fmt.Sprint(members{"en_US": "Stay"}) {
		t.Errorf("after the update its content is %s", got)
	}
	found := w.do("SearchNotifications", searchFor(in, "content", "stay", "CONTAINS")).ok()
	if got := names(found["Notifications"], "Id"); !slices.Equal(got, []string{id}) {
		t.Errorf("SearchNotifications finds %q", got)
	}
	listed := w.do("ListNotifications", members{"InstanceId": in}).ok()["NotificationSummaryList"]
	if got := names(listed, "Id"); !slices.Contains(got, id) {
		t.Errorf("ListNotifications has %q", got)
	}
	w.do("DeleteUser", members{"InstanceId": in, "UserId": user}).ok() // the notification stays
	w.do("DeleteNotification", members{"InstanceId": in, "NotificationId": id}).ok()
	w.do("DescribeNotification", members{"InstanceId": in, "NotificationId": id}).fails("ResourceNotFoundException", id)
}

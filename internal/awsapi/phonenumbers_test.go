package awsapi_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/control"
)

func numbers(list any) (all []string) {
	items, _ := list.([]any)
	for _, n := range items {
		all = append(all, n.(members)["PhoneNumber"].(string))
	}
	return all
}

func TestPhoneNumbers(t *testing.T) {
	w := newWorld(t)
	in := w.instance("phones")
	available := func(more members) []string {
		more["TargetArn"] = w.arn(in)
		return numbers(w.do("SearchAvailablePhoneNumbers", more).ok()["AvailableNumbersList"])
	}
	us := func() members {
		return members{"PhoneNumberCountryCode": "US", "PhoneNumberType": "DID", "MaxResults": 2}
	}
	if got := available(us()); !slices.Equal(got, []string{"+12015550100", "+12015550101"}) {
		t.Errorf("available: %q", got)
	}
	made := w.do("ClaimPhoneNumber", members{"TargetArn": w.arn(in), "PhoneNumber": "+12015550100",
		"PhoneNumberDescription": "sales", "Tags": members{"a": "b"}, "ClientToken": "t"}).ok()
	id := made["PhoneNumberId"].(string)
	arn := "arn:aws:connect:us-east-1:" + account + ":phone-number/" + id
	if made["PhoneNumberArn"] != arn {
		t.Errorf("ClaimPhoneNumber = %v", made)
	}
	again := w.do("ClaimPhoneNumber", members{"TargetArn": w.arn(in), "PhoneNumber": "+12015550100",
		"PhoneNumberDescription": "sales", "Tags": members{"a": "b"}, "ClientToken": "t"}).ok()
	if again["PhoneNumberId"] != id {
		t.Errorf("the same claim with the same token answers %v", again)
	}
	w.do("ClaimPhoneNumber", members{"InstanceId": in, "PhoneNumber": "+12015550101", "ClientToken": "t"}).
		fails("IdempotencyException", "ClientToken")
	if got := available(us()); !slices.Equal(got, []string{"+12015550101", "+12015550102"}) {
		t.Errorf("available after a claim: %q", got)
	}
	want := members{"PhoneNumberId": id, "PhoneNumberArn": arn, "PhoneNumber": "+12015550100",
		"PhoneNumberCountryCode": "US", "PhoneNumberType": "DID", "PhoneNumberDescription": "sales",
		"TargetArn": w.arn(in), "InstanceId": in, "Tags": members{"a": "b"}, "PhoneNumberStatus": members{"Status": "CLAIMED"}}
	for _, ref := range []string{id, arn} {
		if got := w.do("DescribePhoneNumber", members{"PhoneNumberId": ref}).ok()["ClaimedPhoneNumberSummary"]; !equal(got, want) {
			t.Errorf("DescribePhoneNumber %s = %v, want %v", ref, got, want)
		}
	}
	if got := w.do("ListPhoneNumbers", members{"InstanceId": in}).ok()["PhoneNumberSummaryList"]; !equal(got,
		[]any{members{"Id": id, "Arn": arn, "PhoneNumber": "+12015550100", "PhoneNumberCountryCode": "US",
			"PhoneNumberType": "DID"}}) {
		t.Errorf("ListPhoneNumbers = %v", got)
	}
	w.do("TagResource", members{"resourceArn": arn, "tags": members{"c": "d"}}).ok()
	if got := w.do("ListTagsForResource", members{"resourceArn": arn}).ok()["tags"]; !equal(got, members{"a": "b", "c": "d"}) {
		t.Errorf("the tags are %v", got)
	}
	w.do("UpdatePhoneNumberMetadata", members{"PhoneNumberId": arn, "PhoneNumberDescription": ""}).ok()
	got := w.do("DescribePhoneNumber", members{"PhoneNumberId": id}).ok()["ClaimedPhoneNumberSummary"].(members)
	if got["PhoneNumberDescription"] != nil {
		t.Errorf("the description is %v", got["PhoneNumberDescription"])
	}

	// A flow that calls to the number go to cannot be deleted.
	flow := w.id("CreateContactFlow", members{"InstanceId": in, "Name": "f", "Type": "CONTACT_FLOW", "Content": aFlow("x")})
	w.do("AssociatePhoneNumberContactFlow", members{"PhoneNumberId": id, "InstanceId": in, "ContactFlowId": "nope"}).
		fails("InvalidParameterException", "ContactFlowId", "nope")
	w.do("AssociatePhoneNumberContactFlow", members{"PhoneNumberId": id, "InstanceId": in, "ContactFlowId": flow}).ok()
	w.do("DeleteContactFlow", members{"InstanceId": in, "ContactFlowId": flow}).fails("InvalidRequestException", "in use", id)
	w.do("DisassociatePhoneNumberContactFlow", members{"PhoneNumberId": id, "InstanceId": in}).ok()
	w.do("DeleteContactFlow", members{"InstanceId": in, "ContactFlowId": flow}).ok()

	w.do("ReleasePhoneNumber", members{"PhoneNumberId": id}).ok()
	w.do("DescribePhoneNumber", members{"PhoneNumberId": id}).fails("ResourceNotFoundException", "phone number", id)
	if got := available(us()); !slices.Equal(got, []string{"+12015550100", "+12015550101"}) {
		t.Errorf("available after the release: %q", got)
	}
}

func TestPhoneNumbersRefused(t *testing.T) {
	w := newWorld(t)
	in := w.instance("refused")
	of := func(more members) members { more["InstanceId"] = in; return more }
	id := w.id("ClaimPhoneNumber", of(members{"PhoneNumber": "+12015550100"}))
	for _, tt := range []struct {
		name, op  string
		in        members
		exception string
		words     []string
	}{
		{"not of the pool", "ClaimPhoneNumber", of(members{"PhoneNumber": "+12015559999"}), "InvalidParameterException",
			[]string{"PhoneNumber", "SearchAvailablePhoneNumbers", "+12015559999"}},
		{"claimed", "ClaimPhoneNumber", of(members{"PhoneNumber": "+12015550100"}), "InvalidParameterException",
			[]string{"+12015550100", "already exists"}},
		{"for nobody", "ClaimPhoneNumber", members{"PhoneNumber": "+12015550101"}, "InvalidParameterException",
			[]string{"InstanceId is required"}},
		{"for a queue", "ClaimPhoneNumber", members{"PhoneNumber": "+12015550101", "TargetArn": w.arn(in, "queue", "q")},
			"InvalidParameterException", []string{"TargetArn must be the ARN of an instance"}},
		{"for two", "ClaimPhoneNumber", of(members{"PhoneNumber": "+12015550101", "TargetArn": w.arn("other")}),
			"InvalidParameterException", []string{"TargetArn"}},
		{"for an instance that is not there", "ClaimPhoneNumber", members{"PhoneNumber": "+12015550101", "InstanceId": "nope"},
			"ResourceNotFoundException", []string{"nope"}},
		{"a prefix without +", "SearchAvailablePhoneNumbers", of(members{"PhoneNumberCountryCode": "US",
			"PhoneNumberType": "DID", "PhoneNumberPrefix": "1206"}), "InvalidParameterException", []string{"PhoneNumberPrefix", "+"}},
		{"an unknown number", "DescribePhoneNumber", members{"PhoneNumberId": "nope"}, "ResourceNotFoundException",
			[]string{"nope"}},
		{"another ARN", "DescribePhoneNumber", members{"PhoneNumberId": w.arn(in, "queue", "q")}, "InvalidParameterException",
			[]string{"PhoneNumberId must be the id or ARN of a phone number"}},
		{"the ARN of another account", "DescribePhoneNumber", members{"PhoneNumberId": "arn:aws:connect:us-east-1:" + stranger +
			":phone-number/" + id}, "ResourceNotFoundException", nil},
		{"a flow of another instance", "AssociatePhoneNumberContactFlow", members{"PhoneNumberId": id, "InstanceId": "nope",
			"ContactFlowId": "f"}, "ResourceNotFoundException", []string{"nope"}},
		{"no ARN", "ImportPhoneNumber", of(members{"SourcePhoneNumberArn": "x"}), "InvalidParameterException",
			[]string{"SourcePhoneNumberArn"}},
	} {
		t.Run(tt.name, func(t *testing.T) { w.do(tt.op, tt.in).fails(tt.exception, tt.words...) })
	}
	// A stranger sees none of the account's numbers, and may claim the same.
	w.doAs(w.other, "DescribePhoneNumber", members{"PhoneNumberId": id}).fails("ResourceNotFoundException")
	w.doAs(w.other, "ReleasePhoneNumber", members{"PhoneNumberId": id}).fails("ResourceNotFoundException")
	if got := w.doAs(w.other, "ListPhoneNumbersV2", members{}).ok()["ListPhoneNumbersSummaryList"]; numbers(got) != nil {
		t.Errorf("a stranger lists %v", got)
	}
	for i := range 9 {
		w.id("ClaimPhoneNumber", of(members{"PhoneNumber": fmt.Sprintf("+120155501%02d", i+1)}))
	}
	w.do("ClaimPhoneNumber", of(members{"PhoneNumber": "+12015550150"})).
		fails("InvalidParameterException", "10 of at most 10 phone numbers")
}

// Numbers of several instances are listed together, found by id, moved, and claimed once.
func TestPhoneNumbersOfInstances(t *testing.T) {
	w := newWorld(t, func(c *control.Config, _ *awsapi.Config) { c.Quotas.InstancesPerAccount = -1 })
	one, two := w.instance("one"), w.instance("two")
	ids := map[string]string{}
	for i, in := range []string{one, two, one, two} {
		number := fmt.Sprintf("+120155501%02d", i)
		ids[number] = w.id("ClaimPhoneNumber", members{"InstanceId": in, "PhoneNumber": number})
	}
	w.do("ClaimPhoneNumber", members{"InstanceId": two, "PhoneNumber": "+12015550100"}).
		fails("InvalidParameterException", "already exists")
	var all []string
	for token := any(nil); ; {
		page := w.do("ListPhoneNumbersV2", members{"MaxResults": 1, "NextToken": token}).ok()
		all = append(all, numbers(page["ListPhoneNumbersSummaryList"])...)
		if token = page["NextToken"]; token == nil {
			break
		}
	}
	if want := []string{"+12015550100", "+12015550102", "+12015550101", "+12015550103"}; !slices.Equal(all, want) {
		t.Errorf("page by page: %q, want %q", all, want)
	}
	list := func(more members) []string {
		return numbers(w.do("ListPhoneNumbersV2", more).ok()["ListPhoneNumbersSummaryList"])
	}
	for _, tt := range []struct {
		name string
		in   members
		want []string
	}{
		{"of an instance", members{"InstanceId": two}, []string{"+12015550101", "+12015550103"}},
		{"of a target", members{"TargetArn": w.arn(one)}, []string{"+12015550100", "+12015550102"}},
		{"by prefix", members{"PhoneNumberPrefix": "+12015550102"}, []string{"+12015550102"}},
		{"by type", members{"PhoneNumberTypes": []any{"TOLL_FREE"}}, nil},
		{"by country", members{"PhoneNumberCountryCodes": []any{"US"}, "InstanceId": one},
			[]string{"+12015550100", "+12015550102"}},
	} {
		if got := list(tt.in); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}

	id := ids["+12015550100"]
	flow := w.id("CreateContactFlow", members{"InstanceId": one, "Name": "f", "Type": "CONTACT_FLOW", "Content": aFlow("x")})
	w.do("AssociatePhoneNumberContactFlow", members{"PhoneNumberId": id, "InstanceId": one, "ContactFlowId": flow}).ok()
	w.do("AssociatePhoneNumberContactFlow", members{"PhoneNumberId": id, "InstanceId": two, "ContactFlowId": flow}).
		fails("ResourceNotFoundException", id, two)
	for range 2 { // the second time there is nothing to do
		moved := w.do("UpdatePhoneNumber", members{"PhoneNumberId": id, "TargetArn": w.arn(two)}).ok()
		if moved["PhoneNumberId"] != id {
			t.Errorf("UpdatePhoneNumber = %v", moved)
		}
	}
	got := w.do("DescribePhoneNumber", members{"PhoneNumberId": id}).ok()["ClaimedPhoneNumberSummary"].(members)
	if got["TargetArn"] != w.arn(two) || got["PhoneNumber"] != "+12015550100" {
		t.Errorf("after the move: %v", got)
	}
	if got := list(members{"InstanceId": one}); !slices.Equal(got, []string{"+12015550102"}) {
		t.Errorf("where it was: %q", got)
	}
	w.do("DeleteContactFlow", members{"InstanceId": one, "ContactFlowId": flow}).ok() // the flow stayed behind

	imported := w.do("ImportPhoneNumber", members{"InstanceId": one,
		"SourcePhoneNumberArn": "arn:aws:sms-voice:us-east-1:123456789012:phone-number/phone-1"}).ok()
	got = w.do("DescribePhoneNumber", members{"PhoneNumberId": imported["PhoneNumberId"]}).ok()["ClaimedPhoneNumberSummary"].(members)
	if got["SourcePhoneNumberArn"] != "arn:aws:sms-voice:us-east-1:123456789012:phone-number/phone-1" || got["PhoneNumber"] == "" {
		t.Errorf("imported: %v", got)
	}
}

// Of many who claim the same number in different instances, one gets it.
func TestPhoneNumberIsClaimedOnce(t *testing.T) {
	w := newWorld(t, func(c *control.Config, _ *awsapi.Config) { c.Quotas.InstancesPerAccount = -1 })
	var ids []string
	for i := range 5 {
		ids = append(ids, w.instance(fmt.Sprint("i", i)))
	}
	var group sync.WaitGroup
	statuses := make([]int, len(ids))
	for i, in := range ids {
		group.Go(func() {
			statuses[i] = w.do("ClaimPhoneNumber", members{"InstanceId": in, "PhoneNumber": "+12015550100"}).status
		})
	}
	group.Wait()
	slices.Sort(statuses)
	if !slices.Equal(statuses, []int{200, 400, 400, 400, 400}) {
		t.Errorf("the claims are answered %v", statuses)
	}
}

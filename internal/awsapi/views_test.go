package awsapi_test

import (
	"fmt"
	"slices"
	"testing"
)

func aView(title string) members {
	return members{"Template": fmt.Sprintf(`{"Head":{"Title":%q},"Body":[]}`, title), "Actions": []any{"Submit"}}
}

func TestViews(t *testing.T) {
	w := newWorld(t)
	in := w.instance("views")
	of := func(more members) members { more["InstanceId"] = in; return more }
	made := w.do("CreateView", of(members{"Name": "Form", "Description": "asks", "Status": "PUBLISHED",
		"Content": aView("one"), "Tags": members{"a": "b"}, "ClientToken": "t"})).ok()["View"].(members)
	id := made["Id"].(string)
	if again := w.do("CreateView", of(members{"Name": "Form", "Description": "asks", "Status": "PUBLISHED",
		"Content": aView("one"), "Tags": members{"a": "b"}, "ClientToken": "t"})).ok()["View"].(members); again["Id"] != id {
		t.Errorf("the same view with the same token is %v", again)
	}
	for _, key := range []string{"CreatedTime", "LastModifiedTime", "ViewContentSha256"} {
		if delete(made, key); made[key] != nil {
			t.Errorf("there is no %s", key)
		}
	}
	want := members{"Id": id, "Arn": w.arn(in, "view", id), "Name": "Form", "Description": "asks", "Status": "PUBLISHED",
		"Type": "CUSTOMER_MANAGED", "Content": aView("one"), "Tags": members{"a": "b"}}
	if !equal(made, want) {
		t.Errorf("CreateView = %v, want %v", made, want)
	}
	described := func(ref string) members {
		return w.do("DescribeView", of(members{"ViewId": ref})).ok()["View"].(members)
	}
	// What is saved is shown to those who ask for it.
	saved := w.do("UpdateViewContent", of(members{"ViewId": id, "Status": "SAVED", "Content": aView("draft")})).ok()["View"].(members)
	if saved["Status"] != "SAVED" || !equal(saved["Content"], aView("draft")) {
		t.Errorf("what was saved: %v", saved)
	}
	if got := described(id); got["Status"] != "PUBLISHED" || !equal(got["Content"], aView("one")) {
		t.Errorf("saving changed what is published: %v", got)
	}
	if got := described(w.arn(in, "view", id) + ":$SAVED"); !equal(got["Content"], aView("draft")) {
		t.Errorf("$SAVED = %v", got)
	}
	w.do("UpdateViewMetadata", of(members{"ViewId": id, "Name": "Page"})).ok()

	// Versions are made of what is published, once for the same content.
	for range 2 {
		got := w.do("CreateViewVersion", of(members{"ViewId": id, "VersionDescription": "first"})).ok()["View"].(members)
		if got["Version"] != 1.0 || got["VersionDescription"] != "first" || got["Name"] != "Page" {
			t.Errorf("the version is %v", got)
		}
	}
	w.do("UpdateViewContent", of(members{"ViewId": id, "Status": "PUBLISHED", "Content": aView("two")})).ok()
	w.do("CreateViewVersion", of(members{"ViewId": id})).ok()
	var versions []float64
	for _, v := range w.do("ListViewVersions", of(members{"ViewId": id})).ok()["ViewVersionSummaryList"].([]any) {
		versions = append(versions, v.(members)["Version"].(float64))
	}
	if !slices.Equal(versions, []float64{2, 1}) {
		t.Errorf("the versions are %v, want the highest first", versions)
	}
	if got := described(id + ":1"); !equal(got["Content"], aView("one")) {
		t.Errorf("version 1 = %v", got)
	}
	w.do("DeleteViewVersion", of(members{"ViewId": id, "ViewVersion": 1})).ok()
	w.do("DescribeView", of(members{"ViewId": id + ":1"})).fails("ResourceNotFoundException", "version 1")

	draft := w.do("CreateView", of(members{"Name": "Draft", "Status": "SAVED", "Content": members{}})).ok()["View"].(members)
	w.do("DescribeView", of(members{"ViewId": draft["Id"]})).fails("ResourceNotFoundException", "$SAVED")
	search := func(criteria members) (names []string) {
		for _, v := range w.do("SearchViews", of(members{"SearchCriteria": criteria})).ok()["Views"].([]any) {
			names = append(names, v.(members)["Name"].(string))
		}
		return names
	}
	if got := search(members{"ViewStatusCondition": "SAVED"}); !slices.Equal(got, []string{"Draft"}) {
		t.Errorf("saved views: %q", got)
	}
	if got := search(members{"ViewTypeCondition": "AWS_MANAGED"}); got != nil {
		t.Errorf("managed views: %q", got)
	}
	if got := w.do("ListViews", of(members{"Type": "AWS_MANAGED"})).ok()["ViewsSummaryList"].([]any); len(got) != 0 {
		t.Errorf("managed views: %v", got)
	}
	if got := w.first("ListViews", in, "ViewsSummaryList", "Name"); got != "Page" {
		t.Errorf("the first view is %s", got)
	}

	for _, tt := range []struct {
		name      string
		in        members
		exception string
		words     []string
	}{
		{"the same name", members{"Name": "Page", "Status": "SAVED", "Content": members{}}, "DuplicateResourceException",
			[]string{"view", `"Page"`}},
		{"no template", members{"Name": "n", "Status": "PUBLISHED", "Content": members{}}, "InvalidParameterException",
			[]string{"Content.Template is required"}},
		{"no JSON", members{"Name": "n", "Status": "SAVED", "Content": members{"Template": "<p>"}},
			"InvalidParameterException", []string{"Content.Template must be a JSON object"}},
	} {
		t.Run(tt.name, func(t *testing.T) { w.do("CreateView", of(tt.in)).fails(tt.exception, tt.words...) })
	}
	w.do("DeleteView", of(members{"ViewId": id})).ok()
	w.do("DescribeView", of(members{"ViewId": id + ":2"})).fails("ResourceNotFoundException", id)
}

func TestVocabularies(t *testing.T) {
	w := newWorld(t)
	in := w.instance("vocabularies")
	of := func(more members) members { more["InstanceId"] = in; return more }
	table := "Phrase\tIPA\tSoundsLike\tDisplayAs\nLos-Angeles\t\t\tLos Angeles\nF.B.I.\tɛ f b i aɪ\t\tFBI\nEtienne\t\teh-tee-en\t\n"
	made := w.do("CreateVocabulary", of(members{"VocabularyName": "cities", "LanguageCode": "en-US", "Content": table,
		"Tags": members{"a": "b"}})).ok()
	id := made["VocabularyId"].(string)
	if !equal(made, members{"VocabularyId": id, "VocabularyArn": w.arn(in, "vocabulary", id), "State": "ACTIVE"}) {
		t.Errorf("CreateVocabulary = %v", made)
	}
	got := w.do("DescribeVocabulary", of(members{"VocabularyId": id})).ok()["Vocabulary"].(members)
	delete(got, "LastModifiedTime")
	if want := (members{"Id": id, "Arn": w.arn(in, "vocabulary", id), "Name": "cities", "LanguageCode": "en-US",
		"State": "ACTIVE", "Content": table, "Tags": members{"a": "b"}}); !equal(got, want) {
		t.Errorf("DescribeVocabulary = %v, want %v", got, want)
	}
	w.do("TagResource", members{"resourceArn": w.arn(in, "vocabulary", id), "tags": members{"c": "d"}}).ok()
	w.do("CreateVocabulary", of(members{"VocabularyName": "cities", "LanguageCode": "de-DE", "Content": table})).
		fails("ResourceConflictException", "vocabulary", `"cities"`)

	failed := map[string]string{}
	for _, tt := range []struct{ name, content, reason string }{
		{"no-table", "hello world", "line 1: the columns must be among"},
		{"twice", "Phrase\tPhrase\na\tb", "line 1"},
		{"no-phrase", "DisplayAs\nx", "line 1: the column Phrase is required"},
		{"empty", "Phrase\n", "line 2: a phrase is required"},
		{"spaces", "Phrase\nLos Angeles", "line 2: Phrase must have hyphens"},
		{"many-fields", "Phrase\na\nb\tc", "line 3: must have at most 1 fields"},
		{"blank", "Phrase\tIPA\n\tx", "line 2: Phrase is required"},
	} {
		made := w.do("CreateVocabulary", of(members{"VocabularyName": tt.name, "LanguageCode": "en-US", "Content": tt.content})).ok()
		got := w.do("DescribeVocabulary", of(members{"VocabularyId": made["VocabularyId"]})).ok()["Vocabulary"].(members)
		reason, _ := got["FailureReason"].(string)
		if made["State"] != "CREATION_FAILED" || got["State"] != "CREATION_FAILED" || len(reason) < len(tt.reason) ||
			reason[:len(tt.reason)] != tt.reason {
			t.Errorf("%s: %v, %q, want %q", tt.name, made["State"], reason, tt.reason)
		}
		failed[tt.name] = made["VocabularyId"].(string)
	}
	search := func(more members) (names []string) {
		for _, v := range w.do("SearchVocabularies", of(more)).ok()["VocabularySummaryList"].([]any) {
			names = append(names, v.(members)["Name"].(string))
		}
		return names
	}
	for _, tt := range []struct {
		in   members
		want []string
	}{
		{members{"State": "ACTIVE"}, []string{"cities"}},
		{members{"NameStartsWith": "no-"}, []string{"no-table", "no-phrase"}},
		{members{"LanguageCode": "de-DE"}, nil},
	} {
		if got := search(tt.in); !slices.Equal(got, tt.want) {
			t.Errorf("%v finds %q, want %q", tt.in, got, tt.want)
		}
	}

	// The default of a language is one of it that can be used, and stays until another one is.
	set := func(language string, id any) *wire {
		return w.do("AssociateDefaultVocabulary", of(members{"LanguageCode": language, "VocabularyId": id}))
	}
	set("de-DE", id).fails("InvalidRequestException", "VocabularyId", "de-DE", "en-US")
	set("en-US", failed["empty"]).fails("InvalidRequestException", "VocabularyId", "CREATION_FAILED")
	set("en-US", "nope").fails("ResourceNotFoundException", "nope")
	set("en-US", id).ok()
	want := []any{members{"InstanceId": in, "LanguageCode": "en-US", "VocabularyId": id, "VocabularyName": "cities"}}
	if got := w.do("ListDefaultVocabularies", of(members{})).ok()["DefaultVocabularyList"]; !equal(got, want) {
		t.Errorf("the defaults are %v, want %v", got, want)
	}
	if got := w.do("ListDefaultVocabularies", of(members{"LanguageCode": "de-DE"})).ok()["DefaultVocabularyList"]; !equal(got,
		[]any{}) {
		t.Errorf("the defaults of another language are %v", got)
	}
	w.do("DeleteVocabulary", of(members{"VocabularyId": id})).fails("ResourceInUseException", "cities")
	set("en-US", nil).ok()
	set("en-US", nil).ok() // there is none
	if got := w.do("DeleteVocabulary", of(members{"VocabularyId": id})).ok(); got["State"] != "DELETE_IN_PROGRESS" {
		t.Errorf("DeleteVocabulary = %v", got)
	}
	w.do("DescribeVocabulary", of(members{"VocabularyId": id})).fails("ResourceNotFoundException", id)
}

func TestFlowAssociations(t *testing.T) {
	w := newWorld(t)
	in := w.instance("associations")
	of := func(more members) members { more["InstanceId"] = in; return more }
	flow := func(name string) string {
		return w.id("CreateContactFlow", of(members{"Name": name, "Type": "CONTACT_FLOW", "Content": aFlow(name)}))
	}
	one, two := flow("one"), flow("two")
	sms := "arn:aws:sms-voice:us-east-1:123456789012:phone-number/phone-1"
	on := func(kind string, more members) members {
		more["ResourceId"], more["ResourceType"] = sms, kind
		return of(more)
	}
	w.do("AssociateFlow", on("SMS_PHONE_NUMBER", members{"FlowId": "nope"})).
		fails("InvalidParameterException", "FlowId", "nope")
	w.do("AssociateFlow", of(members{"ResourceId": "x", "ResourceType": "SMS_PHONE_NUMBER", "FlowId": one})).
		fails("InvalidParameterException", "ResourceId", "ARN")
	w.do("AssociateFlow", of(members{"ResourceId": w.arn(in, "email-address", "nope"), "ResourceType": "INBOUND_EMAIL",
		"FlowId": one})).fails("InvalidParameterException", "ResourceId", "e-mail address")
	w.do("GetFlowAssociation", on("SMS_PHONE_NUMBER", members{})).fails("ResourceNotFoundException", sms)
	for _, id := range []string{one, w.arn(in, "contact-flow", two)} {
		w.do("AssociateFlow", on("SMS_PHONE_NUMBER", members{"FlowId": id})).ok()
	}
	got := w.do("GetFlowAssociation", on("SMS_PHONE_NUMBER", members{})).ok()
	if want := (members{"ResourceId": sms, "ResourceType": "SMS_PHONE_NUMBER",
		"FlowId": w.arn(in, "contact-flow", two)}); !equal(got, want) {
		t.Errorf("GetFlowAssociation = %v, want %v", got, want)
	}
	w.do("AssociateFlow", on("ANALYTICS_CONNECTOR", members{"FlowId": one})).ok()
	number := w.do("ClaimPhoneNumber", of(members{"PhoneNumber": "+12015550100"})).ok()
	w.do("AssociatePhoneNumberContactFlow", of(members{"PhoneNumberId": number["PhoneNumberId"], "ContactFlowId": one})).ok()

	list := func(op string, more members) (all []string) {
		for token := any(nil); ; {
			if op == "ListFlowAssociations" {
				more["MaxResults"], more["NextToken"] = 1, token
			}
			page := w.do(op, of(more)).ok()
			for _, a := range page["FlowAssociationSummaryList"].([]any) {
				a := a.(members)
				kind, _ := a["ResourceType"].(string)
				all = append(all, kind+" "+a["ResourceId"].(string)+" "+a["FlowId"].(string))
			}
			if token = page["NextToken"]; token == nil {
				return all
			}
		}
	}
	voice := "VOICE_PHONE_NUMBER " + number["PhoneNumberArn"].(string) + " " + w.arn(in, "contact-flow", one)
	text := " " + sms + " " + w.arn(in, "contact-flow", two)
	analytics := "ANALYTICS_CONNECTOR " + sms + " " + w.arn(in, "contact-flow", one)
	for _, tt := range []struct {
		name      string
		got, want []string
	}{
		{"all", list("ListFlowAssociations", members{}), []string{voice, text, analytics}},
		{"voice", list("ListFlowAssociations", members{"ResourceType": "VOICE_PHONE_NUMBER"}), []string{voice}},
		{"of a resource", list("BatchGetFlowAssociation", members{"ResourceIds": []any{sms}}), []string{text, analytics}},
		{"of a number", list("BatchGetFlowAssociation", members{"ResourceIds": []any{number["PhoneNumberArn"]},
			"ResourceType": "VOICE_PHONE_NUMBER"}), []string{voice}},
	} {
		if !slices.Equal(tt.got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, tt.got, tt.want)
		}
	}
	w.do("DeleteContactFlow", of(members{"ContactFlowId": two})).fails("InvalidRequestException", "in use", "flow association")
	w.do("DisassociateFlow", on("SMS_PHONE_NUMBER", members{})).ok()
	w.do("DisassociateFlow", on("SMS_PHONE_NUMBER", members{})).fails("ResourceNotFoundException", sms)
	w.do("DeleteContactFlow", of(members{"ContactFlowId": two})).ok()
}

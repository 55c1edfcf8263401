package awsapi_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func question(id, kind string) members {
	return members{"Question": members{"Title": "Was it?", "RefId": id, "QuestionType": kind}}
}

func section(id string, items ...any) members {
	return members{"Section": members{"Title": "Part", "RefId": id, "Items": items}}
}

func TestEvaluationForms(t *testing.T) {
	w := newWorld(t)
	in := w.instance("forms")
	items := []any{section("s1", question("q1", "TEXT"), section("s2", question("q2", "DATETIME")))}
	content := members{"InstanceId": in, "Title": "Sales", "Description": "How it went", "Items": items,
		"ScoringStrategy":             members{"Mode": "QUESTION_ONLY", "Status": "DISABLED"},
		"AutoEvaluationConfiguration": members{"Enabled": false}}
	id := w.id("CreateEvaluationForm", changed(content, members{"Tags": members{"a": "b"}, "ClientToken": "t"}))
	w.do("CreateEvaluationForm", content).fails("ResourceConflictException", "Title", `"Sales"`)
	form := func(version any) members {
		return members{"InstanceId": in, "EvaluationFormId": id, "EvaluationFormVersion": version}
	}
	describe := func(version any) members {
		return w.do("DescribeEvaluationForm", form(version)).ok()["EvaluationForm"].(members)
	}
	const at, by = 1773500966.535, "arn:aws:iam::123456789012:root"
	arn := w.arn(in, "evaluation-form", id)
	want := changed(content, members{"InstanceId": nil, "EvaluationFormId": id, "EvaluationFormArn": arn, "EvaluationFormVersion": 1.0,
		"Locked": false, "Status": "DRAFT", "CreatedTime": at, "CreatedBy": by, "LastModifiedTime": at, "LastModifiedBy": by,
		"Tags": members{"a": "b"}})
	if got := describe(nil); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("DescribeEvaluationForm =\n%v, want\n%v", got, want)
	}

	// A version can be changed until it is active, and then a new one is made.
	update := func(version int, change members) *wire {
		return w.do("UpdateEvaluationForm", changed(changed(content, form(version)), change))
	}
	update(1, members{"Description": nil}).ok()
	if got := describe(1); got["Description"] != nil {
		t.Errorf("an update leaves the description %v", got["Description"])
	}
	w.do("ActivateEvaluationForm", form(1)).ok()
	w.do("ActivateEvaluationForm", form(1)).ok()
	update(1, nil).fails("ResourceConflictException", "EvaluationFormVersion", "CreateNewVersion")
	got := update(1, members{"CreateNewVersion": true, "Title": "Sales 2"}).ok()
	if want := (members{"EvaluationFormId": id, "EvaluationFormArn": arn, "EvaluationFormVersion": 2.0}); !reflect.DeepEqual(got, want) {
		t.Errorf("UpdateEvaluationForm = %v, want %v", got, want)
	}
	versions := w.do("ListEvaluationFormVersions", form(nil))
	versions.lists("EvaluationFormVersionSummaryList", "EvaluationFormVersion", "1", "2")
	versions.lists("EvaluationFormVersionSummaryList", "Status", "ACTIVE", "DRAFT")
	versions.lists("EvaluationFormVersionSummaryList", "Locked", "true", "false")
	list := w.do("ListEvaluationForms", members{"InstanceId": in}).ok()["EvaluationFormSummaryList"].([]any)[0].(members)
	if list["Title"] != "Sales 2" || list["LatestVersion"] != 2.0 || list["ActiveVersion"] != 1.0 ||
		list["LastActivatedBy"] != by || list["LastActivatedTime"] != 1773500966.0 {
		t.Errorf("ListEvaluationForms = %v", list)
	}
	w.do("ActivateEvaluationForm", form(2)).ok()
	if a, b := describe(1), describe(2); a["Status"] != "DRAFT" || a["Locked"] != true || b["Status"] != "ACTIVE" {
		t.Errorf("after the second was activated the versions are %v and %v", a["Status"], b["Status"])
	}
	w.do("DeactivateEvaluationForm", form(1)).fails("ResourceConflictException", "the active one, got 1")
	w.do("ActivateEvaluationForm", form(3)).fails("ResourceNotFoundException", "version 3")

	search := func(condition members) *wire {
		return w.do("SearchEvaluationForms", members{"InstanceId": in, "SearchCriteria": condition})
	}
	search(members{"StringCondition": members{"FieldName": "title", "Value": "sales", "ComparisonType": "STARTS_WITH"}}).
		lists("EvaluationFormSearchSummaryList", "Status", "ACTIVE")
	for _, kind := range []string{"NumberCondition", "BooleanCondition", "DateTimeCondition"} {
		search(members{"OrConditions": []any{members{kind: members{"FieldName": "x"}}}}).
			fails("InvalidParameterException", kind, "must be absent")
	}

	// Versions that are not active can be deleted; with the last the form goes.
	w.do("DeleteEvaluationForm", form(2)).fails("ResourceConflictException", "deactivate it first")
	w.do("DeactivateEvaluationForm", form(2)).ok()
	w.do("DeleteEvaluationForm", form(2)).ok()
	if got := describe(nil); got["EvaluationFormVersion"] != 1.0 || got["Title"] != "Sales" {
		t.Errorf("the latest version is %v of %v", got["EvaluationFormVersion"], got["Title"])
	}
	update(1, members{"CreateNewVersion": true}).ok()
	describe(3) // numbers are not given twice
	rule := members{"InstanceId": in, "Name": "auto", "TriggerEventSource": members{"EventSourceName": "OnPostCallAnalysisAvailable"},
		"Function": "{}", "PublishStatus": "DRAFT", "Actions": []any{members{"ActionType": "SUBMIT_AUTO_EVALUATION",
			"SubmitAutoEvaluationAction": members{"EvaluationFormId": id}}}}
	ruleID := w.id("CreateRule", rule)
	w.do("DeleteEvaluationForm", form(nil)).fails("InvalidParameterException", "in use by rule "+ruleID)
	w.do("DeleteRule", members{"InstanceId": in, "RuleId": ruleID}).ok()
	w.do("DeleteEvaluationForm", form(3)).ok()
	w.do("DeleteEvaluationForm", form(1)).ok()
	w.do("DescribeEvaluationForm", form(nil)).fails("ResourceNotFoundException", id)
}

func TestEvaluationFormContent(t *testing.T) {
	w := newWorld(t)
	in := w.instance("forms")
	var many []any
	for i := range 101 {
		many = append(many, question(fmt.Sprint("q", i), "TEXT"))
	}
	of := func(kind string, properties any) members {
		q := question("q", kind)
		q["Question"].(members)["QuestionTypeProperties"] = properties
		return section("s", q)
	}
	option := func(id string) members { return members{"RefId": id, "Text": "x"} }
	for name, tt := range map[string]struct {
		change members
		says   string
		draft  bool // a draft may be like this
	}{
		"a question without a section": {members{"Items": []any{question("q", "TEXT")}}, "Items[0] must be a section", false},
		"neither":                      {members{"Items": []any{members{}}}, "Items[0] must have exactly one of", false},
		"too deep": {members{"Items": []any{section("a", section("b", section("c", question("d", "TEXT"))))}},
			"must be a question", false},
		"an id twice": {members{"Items": []any{section("a", question("a", "TEXT"))}}, "RefId must be unique", false},
		"no id":       {members{"Items": []any{section("a b", question("d", "TEXT"))}}, "Items[0].Section.RefId must be", false},
		"many questions": {members{"Items": []any{section("s", many...)}},
			"at most 100 sections and 100 questions, got 1 and 101", false},
		"no section":             {members{"Items": []any{}}, "Items must have at least 1 section", true},
		"numbers without bounds": {members{"Items": []any{of("NUMERIC", nil)}}, "Numeric must have", true},
		"bounds in disorder": {members{"Items": []any{of("NUMERIC", members{"Numeric": members{"MinValue": 2, "MaxValue": 1}})}},
			"Numeric must have", true},
		"no options": {members{"Items": []any{of("SINGLESELECT", nil)}}, "SingleSelect.Options is required", true},
		"an option twice": {members{"Items": []any{of("MULTISELECT", members{"MultiSelect": members{"Options": []any{option("a"),
			option("a")}}})}}, "MultiSelect.Options must have unique RefIds", true},
		"a long title": {members{"Title": strings.Repeat("t", 129)}, "Title must be 1 to 128 characters", false},
		"no such user": {members{"ReviewConfiguration": members{"ReviewNotificationRecipients": []any{
			members{"Type": "USER_ID", "Value": members{"UserId": "nobody"}}}}}, "ReviewNotificationRecipients[0].Value.UserId must be", false},
	} {
		t.Run(name, func(t *testing.T) {
			form := changed(members{"InstanceId": in, "Title": name, "Items": []any{section("s", question("q", "TEXT"))}}, tt.change)
			w.do("CreateEvaluationForm", form).fails("InvalidParameterException", tt.says)
			made := w.do("CreateEvaluationForm", changed(form, members{"AsDraft": true}))
			if !tt.draft {
				made.fails("InvalidParameterException", tt.says)
				return
			}
			w.do("ActivateEvaluationForm", members{"InstanceId": in, "EvaluationFormId": made.ok()["EvaluationFormId"],
				"EvaluationFormVersion": 1}).fails("InvalidParameterException", tt.says)
		})
	}
}

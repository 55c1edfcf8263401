package awsapi_test

import (
	"slices"
	"testing"
)

// A document is created, found, changed and deleted by regular operations, each with the members of its request.
func TestDocuments(t *testing.T) {
	w := newWorld(t)
	in := w.instance("regular")
	id := w.id("CreatePrompt", members{"InstanceId": in, "Name": "Welcome", "Description": "says hello",
		"S3Uri": "s3://bucket/a.wav", "Tags": members{"a": "b"}})

	got := w.do("DescribePrompt", members{"InstanceId": in, "PromptId": w.arn(in, "prompt", id)}).ok()["Prompt"].(members)
	if got["Name"] != "Welcome" || got["Description"] != "says hello" || got["PromptARN"] != w.arn(in, "prompt", id) {
		t.Errorf("DescribePrompt = %v", got)
	}
	if item := w.first("ListPrompts", in, "PromptSummaryList", "Name"); item != "Welcome" {
		t.Errorf("ListPrompts has %s", item)
	}
	w.do("CreatePrompt", members{"InstanceId": in, "Name": "Welcome", "S3Uri": "s3://bucket/b.wav"}).
		fails("DuplicateResourceException", "prompt", `"Welcome"`)

	w.do("UpdatePrompt", members{"InstanceId": in, "PromptId": id, "Description": "says good-bye"}).ok()
	search := func(value string) (names []string) {
		found := w.do("SearchPrompts", members{"InstanceId": in, "SearchCriteria": members{"OrConditions": []any{
			members{"StringCondition": members{"FieldName": "description", "Value": value, "ComparisonType": "CONTAINS"}}}}}).ok()
		for _, p := range found["Prompts"].([]any) {
			names = append(names, p.(members)["Name"].(string))
		}
		return names
	}
	if got := search("GOOD"); !slices.Equal(got, []string{"Welcome"}) {
		t.Errorf("the search for the new description finds %q", got)
	}
	if got := search("hello"); got != nil {
		t.Errorf("the search for the old description finds %q", got)
	}
	w.do("DeletePrompt", members{"InstanceId": in, "PromptId": id}).ok()
	w.do("DescribePrompt", members{"InstanceId": in, "PromptId": id}).fails("ResourceNotFoundException", "prompt", id)
}

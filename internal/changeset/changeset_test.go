package changeset_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/changeset"
	"github.com/lanyard/lanyard/internal/stack"
)

type object = map[string]any

const instance = "arn:aws:connect:eu-west-2:123456789012:instance/11111111-1111-4111-8111-111111111111"

// described is a change set as DescribeChangeSet answers it, with contexts as JSON in strings.
const described = `{
 "ChangeSetName": "release", "StackName": "centre", "Status": "CREATE_COMPLETE", "CreationTime": "2026-11-01T10:00:00Z",
 "IncludeNestedStacks": false, "Parameters": [],
 "Changes": [
  {"Type": "Resource", "ResourceChange": {"Action": "Modify", "LogicalResourceId": "Lead", "Replacement": "False",
   "PhysicalResourceId": "` + instance + `/security-profile/22222222-2222-4222-8222-222222222222",
   "ResourceType": "AWS::Connect::SecurityProfile", "Scope": ["Properties"], "Details": [],
   "BeforeContext": "{\"Properties\":{\"InstanceArn\":\"` + instance + `\",\"SecurityProfileName\":\"Lead\",\"Description\":\"x\",\"Permissions\":[\"Users.View\"]},\"Metadata\":{}}",
   "AfterContext": "{\"Properties\":{\"InstanceArn\":\"` + instance + `\",\"SecurityProfileName\":\"Lead\",\"Permissions\":[\"Users.View\",\"Users.Edit\"]}}"}},
  {"Type": "Resource", "ResourceChange": {"Action": "Add", "LogicalResourceId": "Ann", "ResourceType": "AWS::Connect::User",
   "AfterContext": "{\"Properties\":{\"InstanceArn\":\"` + instance + `\",\"Username\":\"ann\",\"SecurityProfileArns\":[\"{{changeSet:KNOWN_AFTER_APPLY}}\"]}}"}},
  {"Type": "Resource", "ResourceChange": {"Action": "Remove", "LogicalResourceId": "Old", "PolicyAction": "Delete",
   "PhysicalResourceId": "` + instance + `/queue/33333333-3333-4333-8333-333333333333", "ResourceType": "AWS::Connect::Queue",
   "BeforeContext": "{\"Properties\":{\"InstanceArn\":\"` + instance + `\",\"Name\":\"Old\"}}"}},
  {"Type": "Resource", "ResourceChange": {"Action": "Modify", "LogicalResourceId": "Renamed", "Replacement": "True",
   "PhysicalResourceId": "` + instance + `/security-profile/44444444-4444-4444-8444-444444444444",
   "ResourceType": "AWS::Connect::SecurityProfile",
   "BeforeContext": "{\"Properties\":{\"InstanceArn\":\"` + instance + `\",\"SecurityProfileName\":\"A\"}}",
   "AfterContext": "{\"Properties\":{\"InstanceArn\":\"` + instance + `\",\"SecurityProfileName\":\"B\"}}"}},
  {"Type": "Resource", "ResourceChange": {"Action": "Add", "LogicalResourceId": "Bucket", "ResourceType": "AWS::S3::Bucket"}},
  {"Type": "Resource", "ResourceChange": {"Action": "Add", "LogicalResourceId": "Topic", "ResourceType": "AWS::SNS::Topic"}}
 ]}`

func TestRead(t *testing.T) {
	got, err := changeset.Read("set.json", []byte(described))
	if err != nil {
		t.Fatal(err)
	}
	profile := "AWS::Connect::SecurityProfile"
	want := &stack.Proposals{Others: map[string]int{"AWS::S3::Bucket": 1, "AWS::SNS::Topic": 1}, Changes: []stack.Proposal{
		{Address: "Lead", LogicalID: "R1", Action: stack.Update, Type: profile, Instance: instance,
			ID: "22222222-2222-4222-8222-222222222222", Properties: object{"SecurityProfileName": "Lead", "Description": nil,
				"Permissions": []any{"Users.View", "Users.Edit"}}},
		{Address: "Ann", LogicalID: "R2", Action: stack.Create, Type: "AWS::Connect::User", Instance: instance,
			Properties: object{"Username": "ann"}, Unknown: []string{"SecurityProfileArns"}},
		{Address: "Old", LogicalID: "R3", Action: stack.Delete, Type: "AWS::Connect::Queue", Instance: instance,
			ID: "33333333-3333-4333-8333-333333333333"},
		{Address: "Renamed", LogicalID: "R4", Action: stack.Replace, CreateFirst: true, Type: profile, Instance: instance,
			ID: "44444444-4444-4444-8444-444444444444", Properties: object{"SecurityProfileName": "B"}},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
}

// What the file lacks or has wrong is said, with how to make it.
func TestRefused(t *testing.T) {
	one := func(change string) string {
		return `{"Changes":[{"ResourceChange":{"LogicalResourceId":"Lead","ResourceType":"AWS::Connect::SecurityProfile",` +
			change + `}}]}`
	}
	for _, tt := range []struct{ name, content, want string }{
		{"no change set", `{"Resources":{}}`, "Changes is required; make the file with aws cloudformation describe-change-set"},
		{"a page of several", `{"Changes":[],"NextToken":"x"}`, "NextToken must be absent"},
		{"without values", one(`"Action":"Modify"`), `AfterContext of "Lead" is required; describe the change set with ` +
			"--include-property-values"},
		{"a removal without values", one(`"Action":"Remove"`), `BeforeContext of "Lead" is required`},
		{"another action", one(`"Action":"Explode"`), `must be Add, Modify, Remove, Import or Dynamic, got "Explode"`},
		{"a context that is none", one(`"Action":"Add","AfterContext":"{"`), `AfterContext of "Lead" must be JSON with Properties`},
		{"a wrong type", "{\n\"Changes\":{}}", "set.json:2:11: Changes must be a list, got an object"},
		{"cut", "{\n\"Changes\":[", "set.json:2:12: must be JSON"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := changeset.Read("set.json", []byte(tt.content))
			if !errors.Is(err, lanyard.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// Whatever is read, is refused or becomes proposals that name what they change.
func FuzzRead(f *testing.F) {
	f.Add([]byte(described))
	f.Add([]byte(`{"Changes":[{},{"ResourceChange":null},{"ResourceChange":{"ResourceType":"AWS::Connect::User"}}]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		p, err := changeset.Read("set.json", content)
		if err != nil {
			if !errors.Is(err, lanyard.ErrInvalid) {
				t.Errorf("refused with %v", err)
			}
			return
		}
		for _, c := range p.Changes {
			if c.Type == "" || c.Action == "" || c.LogicalID == "" {
				t.Errorf("a proposal says too little: %+v", c)
			}
		}
	})
}

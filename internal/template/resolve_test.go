package template

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

const instanceARN = "arn:aws:connect:us-east-1:123456789012:instance/11111111-2222-3333-4444-555555555555"

// outline writes values in one line each, so that tests compare whole stacks.
func outline(s *Stack) string {
	var b strings.Builder
	for _, r := range s.Resources {
		fmt.Fprintf(&b, "%s %s\n", r.LogicalID, strings.TrimPrefix(r.Type, "AWS::Connect::"))
		for _, m := range r.Properties.Members {
			fmt.Fprintf(&b, "  %s: %s\n", m.Key, short(m.Value))
		}
		if r.Metadata != nil {
			fmt.Fprintf(&b, "  Lanyard: %s\n", short(r.Metadata))
		}
	}
	return b.String()
}

// short writes a value in one line.
func short(v *Value) string {
	var parts []string
	switch {
	case v == nil:
		return "nothing"
	case v.Kind == String && !v.Secret:
		return strconv.Quote(v.Text)
	case v.Kind == List:
		for _, item := range v.Items {
			parts = append(parts, short(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case v.Kind == Map:
		for _, m := range v.Members {
			parts = append(parts, m.Key+": "+short(m.Value))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case v.call != nil:
		for _, a := range v.call.arguments {
			parts = append(parts, short(a))
		}
		return v.call.function + "(" + strings.Join(parts, ", ") + ")"
	}
	return v.String()
}

func parse(t *testing.T, name, text string) *File {
	t.Helper()
	f, err := Parse(name, []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func resolve(t *testing.T, in Inputs, texts ...string) (*Stack, error) {
	t.Helper()
	var files []*File
	for i, text := range texts {
		files = append(files, parse(t, fmt.Sprintf("%c.yaml", 'a'+i), text))
	}
	return Resolve(files, in)
}

func TestResolveProfile(t *testing.T) {
	const template = `AWSTemplateFormatVersion: 2010-09-09
Parameters:
  InstanceArn: {Type: String}
  Stage: {Type: String, Default: prod, AllowedValues: [prod, test]}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
Mappings:
  Names: {prod: {Agent: Agents}, test: {Agent: Test agents}}
Resources:
  Agent:
    Type: AWS::Connect::SecurityProfile
    Metadata:
      Lanyard: {AllowedAIAgents: [{Arn: a}]}
    Properties:
      InstanceArn: !Ref InstanceArn
      SecurityProfileName: !FindInMap [Names, !Ref Stage, Agent]
      Permissions:
      - BasicAgentAccess
      - !If [IsProd, OutboundCallAccess, !Ref AWS::NoValue]
      AllowedAccessControlHierarchyGroupId: !Select [3, !Split ["/", !Ref Group]]
      Tags: [{Key: account, Value: 012345678901}]
  Group:
    Type: AWS::Connect::UserHierarchyGroup
    Properties: {InstanceArn: !Sub "${InstanceArn}", Name: North}
`
	in := Inputs{Parameters: map[string]string{"InstanceArn": instanceARN}}
	stack, err := resolve(t, in, template)
	if err != nil {
		t.Fatal(err)
	}
	want := `Agent SecurityProfile
  InstanceArn: "` + instanceARN + `"
  SecurityProfileName: "Agents"
  Permissions: ["BasicAgentAccess", "OutboundCallAccess"]
  AllowedAccessControlHierarchyGroupId: Fn::Select("3", Fn::Split("/", Group.UserHierarchyGroupArn))
  Tags: [{Key: "account", Value: "012345678901"}]
  Lanyard: {AllowedAIAgents: [{Arn: "a"}]}
Group UserHierarchyGroup
  InstanceArn: "` + instanceARN + `"
  Name: "North"
`
	if got := strings.ReplaceAll(outline(stack), "Fn::Select(3,", `Fn::Select("3",`); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	group := func(Reference) (string, bool) { return "arn:x:1/instance/agent-group/5", true }
	id, err := stack.Get("Agent").Properties.Get("AllowedAccessControlHierarchyGroupId").Evaluate(group)
	if err != nil || id.Text != "5" {
		t.Errorf("the group's ID is %s, %v; want 5", id, err)
	}
	var order []string
	for _, r := range stack.Order() {
		order = append(order, r.LogicalID)
	}
	if got := strings.Join(order, " "); got != "Group Agent" {
		t.Errorf("the order is %s, want Group Agent", got)
	}
}

package template

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// valueTemplate has a value of every kind, and references in every function that can wait for them.
const valueTemplate = `Parameters: {I: {Type: String}, Secret: {Type: String, NoEcho: true, Default: Hidden-123}}
Resources:
  G:
    Type: AWS::Connect::UserHierarchyGroup
    Properties: {InstanceArn: !Ref I, Name: north}
  P:
    Type: AWS::Connect::SecurityProfile
    Metadata: {Lanyard: {AIAgentArns: []}}
    Properties:
      InstanceArn: !Ref I
      SecurityProfileName: !Sub "of ${G}"
      Description: !Join ["-", [a, !Select [1, !Split [/, !Ref G]], !Ref Secret]]
      Permissions:
        - Users.View
        - !Select [2, !Split [/, !GetAtt G.UserHierarchyGroupArn]]
  U:
    Type: AWS::Connect::User
    DependsOn: [P]
    Properties:
      InstanceArn: !Ref I
      Username: u
      RoutingProfileArn: !Sub "${I}/routing-profile/r"
      SecurityProfileArns: [!Ref P]
      PhoneConfig: {AutoAccept: true, AfterContactWorkTimeLimit: 30}
`

func valueStack(t *testing.T) *Stack {
	t.Helper()
	stack, err := resolve(t, Inputs{Parameters: map[string]string{"I": instanceARN}}, valueTemplate)
	if err != nil {
		t.Fatal(err)
	}
	return stack
}

func TestAny(t *testing.T) {
	stack := valueStack(t)
	for id, want := range map[string]map[string]any{
		"P": {"InstanceArn": instanceARN, "SecurityProfileName": "of g/1/2", "Description": "a-1-Hidden-123",
			"Permissions": []any{"Users.View", "2"}},
		"U": {"InstanceArn": instanceARN, "Username": "u", "RoutingProfileArn": instanceARN + "/routing-profile/r",
			"SecurityProfileArns": []any{"p"},
			"PhoneConfig":         map[string]any{"AutoAccept": true, "AfterContactWorkTimeLimit": 30.0}},
	} {
		got, err := stack.Get(id).Properties.Any(func(r Reference) string {
			return map[string]string{"G.UserHierarchyGroupArn": "g/1/2", "P.SecurityProfileArn": "p"}[r.String()]
		})
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, got %v, want %v", id, err, got, want)
		}
	}
	_, err := stack.Get("P").Properties.Any(func(Reference) string { return "short" })
	want := "a.yaml:12:36: Fn::Select must have an index from 0 to 0, got 1"
	if err == nil || err.Error() != want {
		t.Errorf("an attribute that does not fit: got %v, want %s", err, want)
	}
}

func TestEvaluateInPart(t *testing.T) {
	p := valueStack(t).Get("P").Properties
	same, err := p.Evaluate(func(Reference) (string, bool) { return "", false })
	if err != nil || short(same) != short(p) || len(same.References()) != 1 {
		t.Errorf("nothing is known: %v, got %s, want %s", err, short(same), short(p))
	}
	all, err := p.Evaluate(func(Reference) (string, bool) { return "g/1/2", true })
	if err != nil || len(all.References()) != 0 {
		t.Errorf("everything is known: %v, %v are left", err, all.References())
	}
	if d := all.Get("Description"); !d.Secret || d.String() != "a value that is not shown" {
		t.Errorf("what is made of a secret is shown: %s", d)
	}
}

func TestWhere(t *testing.T) {
	stack := valueStack(t)
	for _, tt := range []struct{ id, path, want string }{
		{"P", "", "a.yaml:6:3"},
		{"P", "Properties", "a.yaml:6:3"},
		{"P", "Properties/Permissions", "a.yaml:13:7"},
		{"P", "Properties/Permissions/1", "a.yaml:15:11"},
		{"P", "Properties/Permissions/7", "a.yaml:13:7"},
		{"P", "Properties/Nothing", "a.yaml:6:3"},
		{"P", "Metadata/Lanyard/AIAgentArns", "a.yaml:8:26"},
		{"U", "Metadata/Lanyard/AIAgentArns", "a.yaml:16:3"},
		{"U", "Properties/PhoneConfig/AutoAccept", "a.yaml:24:21"},
	} {
		var path []string
		if tt.path != "" {
			path = strings.Split(tt.path, "/")
		}
		if got := stack.Get(tt.id).Where(path...).String(); got != tt.want {
			t.Errorf("%s of %s: got %s, want %s", tt.path, tt.id, got, tt.want)
		}
	}
}

func TestSecrets(t *testing.T) {
	stack := valueStack(t)
	p, err := stack.Get("P").Properties.Evaluate(func(Reference) (string, bool) { return "a/b/c", true })
	if err != nil {
		t.Fatal(err)
	}
	stack.Get("P").Properties = p
	if got := fmt.Sprint(stack.Secrets()); got != "[a-b-Hidden-123]" {
		t.Errorf("got %s", got)
	}
}

func TestTypes(t *testing.T) {
	var got []string
	for _, r := range Types() {
		got = append(got, fmt.Sprint(strings.TrimPrefix(r.Name, "AWS::Connect::"), " ", r.Identifier, " ", r.Named, " ",
			r.CreateOnly, " ", r.WriteOnly, " ", r.Required))
	}
	want := []string{
		"ContactFlowModule ContactFlowModuleArn Name [] [] [InstanceArn Name Content]",
		"HoursOfOperation HoursOfOperationArn Name [] [] [InstanceArn Name TimeZone Config]",
		"Queue QueueArn Name [] [] [InstanceArn HoursOfOperationArn Name]",
		"QuickConnect QuickConnectArn Name [] [] [Name InstanceArn QuickConnectConfig]",
		"RoutingProfile RoutingProfileArn Name [] [] [InstanceArn Name Description MediaConcurrencies DefaultOutboundQueueArn]",
		"SecurityProfile SecurityProfileArn SecurityProfileName [InstanceArn SecurityProfileName] [] [InstanceArn SecurityProfileName]",
		"User UserArn Username [] [Password] [InstanceArn RoutingProfileArn SecurityProfileArns Username]",
		"UserHierarchyGroup UserHierarchyGroupArn Name [ParentGroupArn] [] [Name InstanceArn]",
		"UserHierarchyStructure UserHierarchyStructureArn  [InstanceArn] [] [InstanceArn]",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	for _, r := range Types() { // all patterns can be checked
		r.shape.visit(r, func(s *shape) {
			if s.Pattern != "" && s.compiled() == nil {
				t.Errorf("%s: pattern %s cannot be compiled", r.Name, s.Pattern)
			}
		})
	}
}

func (s *shape) visit(t *ResourceType, f func(*shape)) {
	s = t.follow(s)
	f(s)
	for _, p := range s.Properties {
		p.visit(t, f)
	}
	if s.Items != nil {
		s.Items.visit(t, f)
	}
}

func TestParseKinds(t *testing.T) {
	const text = "\ufeffA: yes\r\nB: ~\r\nC: 0o17\r\nD: 0x1F\r\nE: 1_000\r\nF: .5\r\nG: 2024-01-01\r\nH: 1:30\r\nI: !!str 12\r\n" +
		"J: !!int '7'\r\nK: \"ü\"\r\nL: '12'\r\nM: .\r\nN: !Ref 12\r\nO: y\r\n"
	want := []string{"A boolean 1:4", "B null 2:4", "C string 3:4", "D number 4:4", "E number 5:4", "F number 6:4",
		"G string 7:4", "H number 8:4", "I string 9:4", "J string 10:4", "K string 11:4", "L string 12:4", "M string 13:4",
		"N string 14:4", "O string 15:4"}
	f := parse(t, "a.yaml", text)
	for i, e := range f.Root.Entries {
		got := fmt.Sprintf("%s %s %d:%d", e.Key.Text, e.Value.Kind, e.Value.Pos.Line, e.Value.Pos.Column)
		if got != want[i] {
			t.Errorf("got %s, want %s", got, want[i])
		}
	}
	j := parse(t, "a.json", "{\"A\": 12345678901234567890123, \"B\": \"\\ud83d\\ude00\\n\", \"C\": -0.10e+5,\n\t\"D\": null}")
	for i, want := range []string{"number 12345678901234567890123 1:7", "string 😀\n 1:37", "number -0.10e+5 1:60", "null  2:7"} {
		v := j.Root.Entries[i].Value
		if got := fmt.Sprintf("%s %s %d:%d", v.Kind, v.Text, v.Pos.Line, v.Pos.Column); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

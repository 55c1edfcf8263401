package template

import (
	"strings"
	"testing"
	"time"
)

const group = "{Type: \"AWS::Connect::UserHierarchyGroup\", Properties: {InstanceArn: \"" + instanceARN + "\", Name: g}}"

func TestConditions(t *testing.T) {
	for _, tt := range []struct {
		name, condition, want string
	}{
		{"equal", "!Equals [a, a]", "there"},
		{"not equal", "!Equals [a, b]", ""},
		{"equal as text", "!Equals [true, 'true']", "there"},
		{"equal lists", "!Equals [[a, b], !Split [',', 'a,b']]", "there"},
		{"in full", "{'Fn::Not': [{'Fn::Equals': [a, b]}]}", "there"},
		{"and", "!And [!Equals [a, a], !Equals [a, b]]", ""},
		{"or", "!Or [!Equals [a, b], !Condition T]", "there"},
		{"or in full", "{'Fn::Or': [{Condition: F}, {Condition: F}]}", ""},
		{"and of one", "!And [!Equals [a, a]]", "a.yaml:2:6: Fn::And must be a list of 2 to 10 conditions, got a list of 1 item"},
		{"not of two", "!Not [!Condition T, !Condition T]", "a.yaml:2:6: Fn::Not must be a list of one condition, got a list of 2 items"},
		{"equals of one", "!Equals [a]", "a.yaml:2:6: Fn::Equals must be a list of two values, got a list of 1 item"},
		{"text", "a", `a.yaml:2:6: a condition must be Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition, got "a"`},
		{"a reference", "!Ref A", "a.yaml:2:6: a condition must be Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition, got Ref"},
		{"an unknown condition", "!Condition TT", `a.yaml:2:6: condition "TT" does not exist`},
		{"in a circle", "!Or [!Condition C, !Condition T]", `a.yaml:2:11: condition "C" must not depend on itself`},
		{"of an unknown parameter", "!Equals [!Ref Q, a]", `a.yaml:2:15: parameter or resource "Q" does not exist`},
		{"of a resource", "!Equals [!Sub \"${G}\", a]", "a.yaml:2:15: Fn::Equals must not depend on a resource, got G.UserHierarchyGroupArn"},
	} {
		text := "Conditions: {T: !Equals [a, a], F: !Equals [a, b],\n  C: " + tt.condition + "}\nResources:\n  G: " +
			strings.Replace(group, "{", "{Condition: C, ", 1) + "\n"
		stack, err := resolve(t, Inputs{}, text)
		got := ""
		if err != nil {
			got = err.Error()
		} else if stack.Get("G") != nil {
			got = "there"
		}
		if got != tt.want {
			t.Errorf("%s: got %s", tt.name, strings.ReplaceAll(got, "\n", "\\n"))
		}
	}
}

func TestFiles(t *testing.T) {
	const profiles = `Parameters: {I: {Type: String}, A: {Type: String, Default: one}}
Resources:
  P:
    Type: AWS::Connect::SecurityProfile
    Properties: {InstanceArn: !Ref I, SecurityProfileName: !Ref A}
Outputs: {P: {Value: !Ref P, Export: {Name: !Sub "${A}-p"}}}
`
	const users = `Parameters: {I: {Type: String}, A: {Type: String, Default: two}}
Resources:
  U:
    Type: AWS::Connect::User
    Properties:
      InstanceArn: !Ref I
      Username: !Ref A
      RoutingProfileArn: !Sub "${I}/routing-profile/a"
      SecurityProfileArns: [PROFILE]
`
	in := Inputs{Parameters: map[string]string{"I": instanceARN}}
	for _, tt := range []struct {
		name, profile, want string
	}{
		{"by its export", "!ImportValue one-p", "P SecurityProfile\n  InstanceArn: I\n  SecurityProfileName: \"one\"\n" +
			"U User\n  InstanceArn: I\n  Username: \"two\"\n  RoutingProfileArn: \"I/routing-profile/a\"\n" +
			"  SecurityProfileArns: [P.SecurityProfileArn]\n"},
		{"by its name", "!Ref P", "P SecurityProfile\n  InstanceArn: I\n  SecurityProfileName: \"one\"\n" +
			"U User\n  InstanceArn: I\n  Username: \"two\"\n  RoutingProfileArn: \"I/routing-profile/a\"\n" +
			"  SecurityProfileArns: [P.SecurityProfileArn]\n"},
		{"what does not exist", "!Ref Q", `b.yaml:9:29: parameter or resource "Q" does not exist`},
	} {
		stack, err := resolve(t, in, profiles, strings.ReplaceAll(users, "PROFILE", tt.profile))
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = strings.ReplaceAll(strings.ReplaceAll(outline(stack), instanceARN, "I"), `"I"`, "I")
		}
		if got != tt.want {
			t.Errorf("%s: got %s", tt.name, got)
		}
	}
	_, err := resolve(t, in, profiles, profiles)
	if want := `b.yaml:3:3: resource "P" already exists in the stack, at a.yaml:3:3`; err == nil || err.Error() != want {
		t.Errorf("the same resource in two files: got %v, want %s", err, want)
	}
}

// Files that grow when they are evaluated are refused in little time.
func TestBombs(t *testing.T) {
	laughs, merges := "  A: &a [x, x, x, x, x, x, x, x, x]\n", "  A: &a {k: v}\n"
	conditions := "  A: &a !Equals [x, x]\n"
	for c := 'b'; c < 'l'; c++ {
		name, last := string(c), "*"+string(c-1)+", "
		laughs += "  " + name + ": &" + name + " [" + strings.Repeat(last, 9) + "]\n"
		merges += "  " + name + ": &" + name + " {<<: [" + last + last + "]}\n"
		conditions += "  " + name + ": &" + name + " !And [" + strings.Repeat(last, 10) + "]\n"
	}
	resource := func(from, to string) string { return "Resources:\n  G: " + strings.Replace(group, from, to, 1) + "\n" }
	long := "Mappings: {M: {k: {v: " + strings.Repeat("x", 100_000) + "}}}\n"
	list := "Mappings: {M: {k: {v: [" + strings.Repeat("x, ", 20_000) + "]}}}\n"
	const values = "a stack must have at most 500000 values, nested at most 400 deep; aliases make too many of them"
	for _, tt := range []struct {
		name, text, want string
	}{
		{"a billion laughs", "Metadata:\n" + laughs + resource("Name: g", "Name: {'Fn::ToJsonString': *k}"),
			"a.yaml:2:31: " + values},
		{"a long text many times", long + resource("Name: g",
			"Name: !Sub [\""+strings.Repeat("${a}", 1000)+"\", {a: !FindInMap [M, k, v]}]"),
			"a.yaml:3:4183: the values of a stack must have at most 16777216 bytes of text, got more"},
		{"a long list many times", list + resource("Name: g",
			"Name: !Join ['', ["+strings.Repeat("!FindInMap [M, k, v], ", 10_000)+"]]"), "a.yaml:1:59634: " + values},
		{"merges of merges", "Metadata:\n" + merges + resource("Name: g", "Name: {'Fn::ToJsonString': *k}"), ""},
		{"conditions of conditions", "Conditions:\n" + conditions + resource("{", "{Condition: k, "), "a.yaml:2:21: " + values},
		{"many errors", "Resources:\n" + manyErrors(), "and 450 more"},
	} {
		start := time.Now()
		f, err := Parse("a.yaml", []byte(tt.text))
		if err == nil {
			_, err = Resolve([]*File{f}, Inputs{})
		}
		got := ""
		if err != nil {
			got = err.Error()
		}
		if took := time.Since(start); took > 30*time.Second {
			t.Errorf("%s took %v", tt.name, took)
		}
		if tt.name == "many errors" {
			got = got[strings.LastIndex(got, "\n")+1:]
		}
		if got != tt.want {
			t.Errorf("%s: got %s", tt.name, strings.ReplaceAll(got, "\n", "\\n"))
		}
	}
}

// manyErrors has a resource with 600 unknown properties.
func manyErrors() string {
	var b strings.Builder
	b.WriteString("  P:\n    Type: AWS::Connect::SecurityProfile\n    Properties:\n")
	for i := range 600 {
		b.WriteString("      Zz" + strings.Repeat("z", i) + ": a\n")
	}
	return b.String()
}

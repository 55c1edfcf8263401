package policytest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/lanyard/lanyard/internal/typo"
)

// TestBadFiles reads files that cannot be understood. Each problem names its place and, where something is misspelt,
// what was probably meant.
func TestBadFiles(t *testing.T) {
	for _, tt := range []struct {
		name, file, want string
		ofSchema         bool // the published schema finds it too
	}{
		{"empty", "", "1:1: tests is required; the file is empty", true},
		{"only a comment", "# later\n", "1:1: tests is required; the file is empty", true},
		{"a text", "tests", `1:1: the file must be a mapping with the key tests, or a list of tests, got "tests"`, true},
		{"no tests", "name: x\n", "1:1: tests is required", true},
		{"empty tests", "tests: []\n", "1:8: tests must have at least one test, got none", false},
		{"not YAML", "tests: [\n", "2:1: the file is not valid YAML: did not find expected node content", false},
		{"a tab", "tests:\n\t- user: x\n", "2:1: the file is not valid YAML: found character that cannot start any token", false},
		{"two documents", "tests: []\n---\ntests: []\n", "2:1: a test file must be one YAML document, got another one here", false},
		{"misspelt key", "test:\n- {user: a, permission: Users.View, expect: allow}\n", `1:1: the file must have keys among name, ` +
			`target, variables, resources, fixtures, tests, got "test"; did you mean tests?
x.yaml:1:1: tests is required`, true},
		{"misspelt key of a test", "tests:\n- {user: a, permision: Users.View, expect: allow}\n", `2:13: a test must have keys among ` +
			`name, user, on-behalf-of, permission, who-can, resource, surface, expect, table, fixtures, got "permision"; ` +
			`did you mean permission?
x.yaml:2:3: permission is required`, true},
		{"a key twice", "- user: a\n  user: b\n  permission: Users.View\n  expect: allow\n", `2:3: "user" is listed twice`, false},
		{"nothing expected", "- {user: a, permission: Users.View}\n", "1:3: expect is required", false},
		{"no user", "- {permission: Users.View, expect: allow}\n", "1:3: user is required when there is no who-can", false},
		{"user and who-can", "- {user: a, who-can: Users.View, expect: nobody}\n", "1:3: user must be left out when who-can is set",
			false},
		{"a wrong word", "- {user: a, permission: Users.View, expect: alow}\n",
			`1:45: expect must be allow or deny, got "alow"; did you mean allow?`, false},
		{"yes", "- {user: a, permission: Users.View, expect: yes}\n", `1:45: expect must be allow or deny, got "yes"`, false},
		{"a list expected", "- {user: a, permission: Users.View, expect: [a]}\n",
			"1:45: expect must be allow, deny or a mapping, got a list; lists answer who-can", false},
		{"a wrong reason", "- {user: a, permission: Users.View, expect: {reason: not grantd}}\n", `1:54: expect.reason must be not ` +
			`granted, granted, condition failed, unknown subject, unknown action, unknown resource, wrong type, restricted, ` +
			`unenforceable or human denied, got "not grantd"; did you mean not granted?`, true},
		{"keys of who-can", "- {user: a, permission: Users.View, expect: {exactly: a}}\n",
			"1:55: expect of user and permission must have keys among decision, profile, reason, missing, got exactly", false},
		{"keys of a decision", "- {who-can: Users.View, expect: {decision: allow}}\n",
			"1:44: expect of who-can must have keys among exactly, nobody-but, includes, excludes, got decision", false},
		{"allowed and denied", "- {user: a, permission: Users.View, expect: {decision: deny, profile: b}}\n",
			"1:45: expect must not name what allows it (profile, reason granted) along with what denies it", false},
		{"denied and allowed", "- {user: a, permission: Users.View, expect: {decision: allow, reason: not granted}}\n",
			"1:45: expect must not name what denies it (missing, or a reason other than granted) when decision is allow", false},
		{"expecting nothing", "- {user: a, permission: Users.View, expect: {}}\n",
			"1:45: expect must have keys among decision, profile, reason, missing, got none", false},
		{"a mapping as user", "- {user: {a: b}, permission: Users.View, expect: allow}\n", "1:10: user must be a text, got a mapping",
			true},
		{"unknown surface", "- {user: a, permission: Users.View, surface: admim, expect: allow}\n",
			`1:46: surface must be admin or reports, got "admim"; did you mean admin?`, true},
		{"empty list", "- {user: [], permission: Users.View, expect: allow}\n", "1:3: a list must have at least one value, got none",
			false},
		{"unknown variable", "variables: {boss: a}\ntests:\n- {user: \"${bos}\", permission: Users.View, expect: allow}\n",
			`3:10: variable "bos" does not exist; did you mean boss?`, false},
		{"a list in a text", "variables: {all: [a, b]}\ntests:\n- {user: \"x${all}\", permission: Users.View, expect: allow}\n",
			`3:10: ${all} is a list, which must be a value or an item of a list by itself, got "x${all}"`, false},
		{"a mapping as variable", "variables: {all: {a: b}}\ntests:\n- {user: x, permission: Users.View, expect: allow}\n",
			`1:18: variable "all" must be a text or a list of texts, got a mapping`, true},
		{"two targets", "target: {backup: a, mirror: b}\ntests:\n- {user: x, permission: Users.View, expect: allow}\n",
			"1:9: target must have one of instance, mirror and backup, got mirror and another", false},
		{"no target", "target: {parameters: {a: b}}\ntests:\n- {user: x, permission: Users.View, expect: allow}\n",
			`1:9: target.template is required when target.parameters is set
x.yaml:1:9: target must have one of instance, mirror, backup and template, got none`, false},
		{"a short row", "- table:\n  - [user, permission, expect]\n  - [a, Users.View]\n",
			"3:5: a row must have as many cells as the first row of the table, 3, got 2", false},
		{"a table without rows", "- table: []\n", "1:10: table must have a row that says what the columns are, got none", false},
		{"a column twice", "- user: a\n  table:\n  - [user, permission, expect]\n  - [a, Users.View, allow]\n",
			"3:6: user must be in the test or in one column of its table, got it in both", false},
		{"a column of nothing", "- table:\n  - [user, permission, resource, x]\n  - [a, Users.View, User/b, allow]\n", `2:34: a column ` +
			`must be one of user, on-behalf-of, permission, who-can, resource, surface, expect, got "x"; no other key is missing ` +
			`that it could be a value of`, false},
		{"a misspelt column", "- table:\n  - [user, permision, expect]\n  - [a, Users.View, allow]\n", `2:12: expect must be left out ` +
			`when the columns are values of permission, because the cells are what is expected; got the column "permision"; ` +
			`did you mean permission?`, false},
		{"type required", "resources: {x: {name: y}}\ntests:\n- {user: x, permission: Users.View, expect: allow}\n",
			"1:16: type is required", true},
		{"new is a truth value", "- {user: x, permission: Users.View, resource: {type: User, new: 1}, expect: allow}\n",
			`1:65: new must be true or false, got "1"`, true},
		{"deep", strings.Repeat("[", 40) + strings.Repeat("]", 40), "1:2: a test must be a mapping, got a list", true},
		{"a cycle of aliases", "- &a {user: [*a], permission: Users.View, expect: allow}\n", "1:3: user must be a text, got a mapping",
			true},
		{"too deep", "- user: a\n  permission: b\n  expect: allow\n  resource: &a {type: User, tags: {x: *a}}\n",
			"4:13: tags.x must be a text, got a mapping", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Read("x.yaml", []byte(tt.file), nil)
			if err == nil {
				t.Fatalf("it was read, with %d questions", f.Count())
			}
			if got, want := err.Error(), "x.yaml:"+tt.want; got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			if err := validate(t, tt.file); tt.ofSchema != (err != nil) && !strings.Contains(tt.file, "*a") {
				t.Errorf("the schema finds: %v", err)
			}
		})
	}
}

// TestBounds reads files that exceed each of the bounds.
func TestBounds(t *testing.T) {
	if underRaceDetector {
		t.Skip("the race detector makes this ten times as slow; make unit runs it without")
	}
	laughs := "variables:\n  a: &a " + strings.Repeat("x", 1000) + "\n"
	names := "[" + strings.Repeat("a,", 2000) + "a]"
	var bomb strings.Builder
	bomb.WriteString("resources:\n  l0: &l0 {type: User}\n")
	bomb.WriteString("tests:\n- &t0 [" + strings.Repeat("a,", 500) + "]\n")
	for i := range 9 {
		fmt.Fprintf(&bomb, "- &t%d [%s]\n", i+1, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*t%d,", i), 50), ","))
	}
	for _, tt := range []struct{ name, file, want string }{
		{"bytes", strings.Repeat("#\n", MaxFile/2+1), "1:1: the file must be at most 16 MiB"},
		{"questions", "- {user: " + names + ", permission: " + names + ", expect: allow}\n", "the file must ask at most 100000 questions"},
		{"expansion", laughs + "tests:\n- {user: \"" + strings.Repeat("${a}", 100_000) + "\", permission: x, expect: allow}\n",
			"variables must expand to at most 64 MiB in all"},
		{"variables", "variables:\n" + numbered("  v%d: x\n", maxVariables+1) + "tests: []\n", "there must be at most 1000 variables"},
		{"fixtures", "fixtures:\n  users:\n" + numbered("    u%d:\n", maxFixtures+1) + "tests: []\n",
			"there must be at most 10000 fixtures, got 10001"},
		{"values", "- {user: [" + strings.Repeat("a,", maxNodes) + "], permission: x, expect: allow}\n", "the file has more than 2000000 values"},
		{"problems", numbered("- {usr%d: a}\n", 100), "further problems are not listed"},
		{"aliases", bomb.String(), "a test must be a mapping, got a list"},
		{"nesting", strings.Repeat("- ", 100_000) + "x", "exceeded max depth"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Read("x.yaml", []byte(tt.file), nil)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %.300v, want %s", err, tt.want)
			}
		})
	}
}

func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

func TestVariables(t *testing.T) {
	const file = `
variables: {boss: olivia, team: [claire, hugo], action: View}
tests:
- {user: "${boss}", permission: "Users.${action}", expect: allow}
- {user: ["${team}", "${boss}"], permission: Users.Edit, expect: allow}
- {user: jonas, permission: Users.View, resource: {type: Case, tags: {price: "$$5"}}, expect: deny}
`
	f, err := Read("x.yaml", []byte(file), map[string]string{"boss": "claire"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, test := range f.Tests {
		for _, q := range test.Questions {
			got = append(got, q.String())
		}
	}
	const want = "claire Users.View; claire Users.Edit; hugo Users.Edit; claire Users.Edit; jonas Users.View Case (price=$5)"
	if strings.Join(got, "; ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, "; "), want)
	}
}

func TestDidYouMean(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{"Users.Veiw", "Users.View"}, {"users.view", "Users.View"}, {"UserView", "Users.View"}, {"x", ""}, {"", ""},
		{"SecurityProfile.Edit", "SecurityProfiles.Edit"}, {strings.Repeat("x", 300), ""},
	} {
		if near := typo.Nearest(tt.got, permissionNames()); near != tt.want {
			t.Errorf("typo.Nearest(%q) is %q, want %q", tt.got, near, tt.want)
		}
	}
}

const schemaFile = "../../docs/policy-tests.schema.json"

// TestSchema holds the published schema to the code. -update writes it.
func TestSchema(t *testing.T) {
	want, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(schemaFile, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs from the code; go test ./internal/policytest -run TestSchema -update writes it", schemaFile)
	}
}

var compiledSchema = sync.OnceValues(func() (*jsonschema.Schema, error) {
	b, err := Schema()
	if err != nil {
		return nil, err
	}
	schema, err := jsonschema.UnmarshalJSON(strings.NewReader(string(b)))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("schema.json", schema); err != nil {
		return nil, err
	}
	return c.Compile("schema.json")
})

// validate checks a file by the schema.
func validate(t testing.TB, file string) error {
	t.Helper()
	var document any
	if err := yaml.Unmarshal([]byte(file), &document); err != nil {
		return nil // the schema is about what can be parsed
	}
	compiled, err := compiledSchema()
	if err != nil {
		t.Fatal(err)
	}
	return compiled.Validate(document)
}

// TestGoodFilesMatchSchema validates the files of the other tests and of the documentation.
func TestGoodFilesMatchSchema(t *testing.T) {
	files, err := filepath.Glob("testdata/*.test.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, name := range files {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Read(name, source, nil); err != nil {
			t.Error(err)
		}
		if err := validate(t, string(source)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// underRaceDetector is set when the tests run under the race detector.
var underRaceDetector bool

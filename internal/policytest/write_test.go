package policytest

import (
	"encoding/xml"
	"maps"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"pgregory.net/rapid"

	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/questions"
)

// TestCaseIsRead writes questions with any texts as tests and reads them again.
func TestCaseIsRead(t *testing.T) {
	words := rapid.OneOf(rapid.StringN(1, 20, 60), rapid.SampledFrom([]string{"yes", "null", "~", "${a}", "$$", "a: b", "# x",
		"- x", "'", `"`, "1", "{a}", "[b", "a\nb", "é", "\u202e", "\x1b[2J", " a", "a ", "&a", "*a", "!x", "%"}))
	rapid.Check(t, func(t *rapid.T) {
		c := &Case{User: words.Draw(t, "user"), Permission: words.Draw(t, "permission"), Resource: "Case/" + words.Draw(t, "id")}
		if rapid.Bool().Draw(t, "reports") {
			c.Surface = access.Reports
		}
		if rapid.Bool().Draw(t, "described") {
			c.Described.Tags = rapid.MapOfN(words, words, 1, 3).Draw(t, "tags")
		}
		reason, missing := access.ConditionFailed.String(), words.Draw(t, "missing")
		c.Answer.Context.Reason = reason
		c.Answer.Context.Explanation = &questions.Explanation{Profiles: []questions.Finding{
			{Failed: []questions.Condition{{Kind: "tag", Want: missing}}}}}
		if c.Answer.Decision = rapid.Bool().Draw(t, "allowed"); c.Answer.Decision {
			c.Answer.Context.Profile = missing
		}
		b, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		f, err := Read("x.yaml", b, nil)
		if err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		q := f.Tests[0].Questions[0]
		if q.user.value != c.User || q.permission.value != c.Permission || q.surface != c.Surface ||
			q.expect.allow != c.Answer.Decision {
			t.Fatalf("read %q from\n%s", q, b)
		}
		switch {
		case c.Answer.Decision && q.expect.profile.value != missing,
			!c.Answer.Decision && q.expect.missing[0].value != "tag "+missing:
			t.Fatalf("read %q from\n%s", q.expect, b)
		case len(c.Described.Tags) > 0 && !maps.Equal(q.resource.described.resource.Tags, c.Described.Tags),
			len(c.Described.Tags) == 0 && q.resource.ref.value != c.Resource:
			t.Fatalf("read the resource %q from\n%s", &q.resource, b)
		}
	})
}

// TestHostileNames reports a failing question whose names try to forge lines and elements.
func TestHostileNames(t *testing.T) {
	const name = "x\nok 2 - forged\x1b[2J # SKIP </testcase>\u202e]]>"
	test := &Test{Name: name}
	q := &Question{Test: test, user: text{value: name}, permission: text{value: "Users.View"}, expect: &expectation{}}
	result := Result{Question: q, Status: Failed, Expected: name, Got: name, Explanation: name, Hints: []string{name},
		At: Position{name, 1, 1}}
	r := &Report{Files: []*FileResult{{File: &File{Path: name, Name: name},
		Target: &Target{Name: name}, Results: []Result{result}}}}
	out := map[string]string{}
	for format := range formats {
		var b strings.Builder
		if err := r.Write(&b, format); err != nil {
			t.Fatal(err)
		}
		out[format] = b.String()
	}
	for _, format := range []string{"text", "tap"} {
		for line := range strings.SplitSeq(out[format], "\n") {
			if strings.HasPrefix(line, "ok 2") || strings.ContainsAny(line, "\x1b\u202e") {
				t.Errorf("%s has the line %q", format, line)
			}
		}
	}
	if first, _, _ := strings.Cut(strings.TrimPrefix(out["tap"], "TAP version 14\n1..1\n"), "\n"); strings.Count(first, " # ") > 0 {
		t.Errorf("TAP has a directive: %s", first)
	}
	_, diagnostics, _ := strings.Cut(out["tap"], "---\n")
	diagnostics, _, _ = strings.Cut(diagnostics, "  ...")
	var block map[string]string
	if err := yaml.Unmarshal([]byte(diagnostics), &block); err != nil || len(block) != 5 {
		t.Errorf("%v of %v", err, block)
	}
	var suites junitSuites
	if err := xml.Unmarshal([]byte(out["junit"]), &suites); err != nil {
		t.Fatal(err)
	}
	if len(suites.Suites) != 1 || len(suites.Suites[0].Cases) != 1 || suites.Suites[0].Cases[0].Failure == nil {
		t.Errorf("JUnit reads as %+v", suites)
	}
	if !utf8.ValidString(out["json"]) || strings.Count(out["json"], "\n") != 1 {
		t.Errorf("the JSON is %q", out["json"])
	}
}

// TestReports compares the whole text, TAP and JSON of a small report.
func TestReports(t *testing.T) {
	f, err := Read("a.yaml", []byte("- {user: claire, permission: Users.View, resource: User/jonas, expect: allow}\n"+
		"- {user: clair, permission: Users.View, expect: allow}\n- {name: n, user: claire, permission: Users.View, expect: allow}\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	result, err := Run(harbour(t), f, Options{})
	if err != nil {
		t.Fatal(err)
	}
	r := &Report{Files: []*FileResult{result}, Verbose: true}
	for format, want := range map[string]string{
		"text": `FAIL  claire Users.View User/jonas
      a.yaml:1:72
      expected  allow
      got       deny (condition failed)
      User claire may not Users.View on User jonas: profile "Supervisor" requires tag Country=FR; the resource has Country=DE.
ERROR clair Users.View
      a.yaml:2:10
      user "clair" does not exist; did you mean claire?
ok    n › claire Users.View
FAIL  a.yaml  1 of 3 passed

3 questions in 1 file: 1 passed, 1 failed, 1 could not be asked
`,
		"tap": `TAP version 14
1..3
not ok 1 - claire Users.View User/jonas
  ---
  status: "failed"
  at: "a.yaml:1:72"
  expected: "allow"
  got: "deny (condition failed)"
  explanation: "User claire may not Users.View on User jonas: profile \"Supervisor\" requires tag Country=FR; the resource has Country=DE."
  ...
not ok 2 - clair Users.View
  ---
  status: "error"
  at: "a.yaml:2:10"
  expected: "allow"
  got: "no answer"
  explanation: "user \"clair\" does not exist; did you mean claire?"
  ...
ok 3 - n › claire Users.View
`,
		"json": `{"version":1,"passed":false,"questions":{"asked":3,"passed":1,"failed":1,"errors":1},"files":[{"file":"a.yaml",` +
			`"target":"harbour","results":[{"question":"claire Users.View User/jonas","status":"failed","line":1,"column":72,` +
			`"expected":"allow","got":"deny (condition failed)","explanation":"User claire may not Users.View on User jonas: ` +
			`profile \"Supervisor\" requires tag Country=FR; the resource has Country=DE."},{"question":"clair Users.View",` +
			`"status":"error","line":2,"column":10,"expected":"allow","got":"no answer","explanation":"user \"clair\" does not ` +
			`exist; did you mean claire?"},{"test":"n","question":"claire Users.View","status":"passed","line":3,"column":59,` +
			`"expected":"allow","got":"allow"}]}]}` + "\n",
	} {
		var b strings.Builder
		if err := r.Write(&b, format); err != nil {
			t.Fatal(err)
		}
		if got := b.String(); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", format, got, want)
		}
	}
	if err := r.Write(new(strings.Builder), "xml"); err == nil || err.Error() != `format must be text, junit, tap or json, got "xml"` {
		t.Errorf("an unknown format: %v", err)
	}
}

package lint

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/lanyard/lanyard"
)

// hostile are names that try to be something else in a report.
var hostile = []string{"[click](http://evil.example)", "\x1b[31mred\x1b[0m", "<script>alert(1)</script>", "::error::forged",
	"a\nb", "\u202eevil", "back\\slash", "{0}", "\xff\xfe"}

func hostileReport(t *testing.T) *Report {
	var e example
	for _, name := range hostile {
		e.profiles = append(e.profiles, restrict(profile(name, "connect:"+name, "users.edit", "ListenCallRecordings"),
			name+"="+name, "User", name))
		e.users = append(e.users, user(name, name))
	}
	r := e.run(t)
	for i := range r.Findings {
		r.Findings[i].Place = Place{"dir/a file%.yaml", i + 1, 2}
	}
	r.Findings[0].Silenced = &Silence{"a reason", time.Now()}
	r.Incomplete = []string{"something"}
	return r
}

// TestSARIF validates a report with the schema that OASIS publishes, and checks what code hosts make of it.
func TestSARIF(t *testing.T) {
	r := hostileReport(t)
	b, err := r.SARIF("1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := jsonschema.NewCompiler().Compile("testdata/sarif-schema-2.1.0.json")
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(document); err != nil {
		t.Errorf("the schema refuses it: %v", err)
	}
	var log sarifLog
	if err := json.Unmarshal(b, &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if len(run.Results) != len(r.Findings) || len(run.Tool.Driver.Rules) != len(Rules()) {
		t.Errorf("it has %d results of %d rules, want %d of %d", len(run.Results), len(run.Tool.Driver.Rules),
			len(r.Findings), len(Rules()))
	}
	seen := map[string]bool{}
	for i, one := range run.Results {
		if run.Tool.Driver.Rules[one.RuleIndex].ID != one.RuleID || one.RuleID != r.Findings[i].Code {
			t.Errorf("result %d is of rule %s and index %d", i, one.RuleID, one.RuleIndex)
		}
		if uri := one.Locations[0].Physical.Artifact.URI; uri != "dir/a%20file%25.yaml" {
			t.Errorf("result %d is in %q", i, uri)
		}
		fingerprint := one.Fingerprints["lanyard/v1"]
		if len(fingerprint) != 32 || seen[fingerprint] {
			t.Errorf("result %d has the fingerprint %q, as another one", i, fingerprint)
		}
		seen[fingerprint] = true
		for n, c := range one.Message.Text { // a link needs a bracket that no backslash escapes
			if c == '[' && (n == 0 || one.Message.Text[n-1] != '\\') {
				t.Errorf("result %d has an unescaped bracket: %q", i, one.Message.Text)
			}
		}
	}
	if got := run.Results[0].Suppressions; len(got) != 1 || got[0].Justification != "a reason" {
		t.Errorf("the silenced result has the suppressions %+v", got)
	}
	if len(run.Results[1].Suppressions) != 0 {
		t.Errorf("a result that is not silenced has suppressions")
	}
	if strings.ContainsAny(string(b), "\x1b<>") {
		t.Error("the text has control characters or markup")
	}
	if again, _ := r.SARIF("1.2.3"); string(again) != string(b) {
		t.Error("it is another text when it is written again")
	}
}

// TestFingerprints stay the same when ids, counts and lines differ, and differ between findings.
func TestFingerprints(t *testing.T) {
	fingerprints := func(id string, users int) map[string]string {
		p := profile("p", "users.edit", "Queues.Edit", "SecurityProfiles.Edit")
		p.ID = id
		e := example{profiles: []*lanyard.Profile{p}}
		for i := range users {
			e.users = append(e.users, user(strings.Repeat("u", i+1), id))
		}
		all := map[string]string{}
		for _, f := range e.run(t).Findings {
			all[f.Code] = f.Fingerprint
		}
		return all
	}
	one, other := fingerprints("1", 1), fingerprints("2", 3)
	for code, fingerprint := range one {
		if other[code] != fingerprint {
			t.Errorf("%s has the fingerprint %s, and %s where ids and counts differ", code, fingerprint, other[code])
		}
	}
	if len(one) < 3 {
		t.Errorf("there are only %v", one)
	}
}

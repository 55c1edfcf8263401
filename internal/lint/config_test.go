package lint

import (
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
)

const silences = `# findings that were accepted
silences:
  - code: LY1007
    resource: SecurityProfile/p
    reason: used by the API only
    expires: 2026-12-31
  - code: unused
    resource: SecurityProfile/gone
    reason: kept for the summer
    expires: 2027-01-31
`

func TestSilences(t *testing.T) {
	e := example{profiles: []*lanyard.Profile{profile("p", "Queues.Edit"), profile("q", "Rules.Edit")}}
	day := func(text string) time.Time {
		at, err := time.Parse(time.DateTime, text)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	for _, row := range []struct {
		name, now string
		ran       bool
		want      string // codes, with ! for a silenced finding
	}{
		{"on the last day", "2026-12-31 23:59:59", true, "!LY1007 LY1007 LY9002"},
		{"expired", "2027-01-01 00:00:00", true, "LY1007 LY1007 LY9001 LY9002"},
		{"a rule that did not run", "2026-12-01 00:00:00", false, "!LY1007 LY1007"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, err := ReadConfig("lint.yaml", strings.NewReader(silences))
			if err != nil {
				t.Fatal(err)
			}
			r := e.run(t)
			c.Apply(r, day(row.now), func(string) bool { return row.ran })
			var got []string
			for _, f := range r.Findings {
				code := f.Code
				if f.Silenced != nil {
					code = "!" + code
				}
				got = append(got, code)
				if f.Code == "LY9001" && (f.Place != Place{"lint.yaml", 3, 5} || !strings.Contains(f.Message, "expired on 2026-12-31")) {
					t.Errorf("the finding is %+v", f)
				}
			}
			if text := strings.Join(got, " "); text != row.want {
				t.Errorf("the findings are %s, want %s", text, row.want)
			}
			if fails := r.Fails(Warning); !fails {
				t.Error("the other profile's finding does not fail")
			}
		})
	}
}

func TestConfigRefused(t *testing.T) {
	entry := func(code, resource, reason, expires string) string {
		return "silences:\n  - {code: " + code + ", resource: " + resource + ", reason: " + reason + ", expires: " + expires + "}\n"
	}
	for _, row := range []struct{ name, text, want string }{
		{"not YAML", "silences: [", "c must be YAML: "},
		{"no map", "- a", "c:1:1: the configuration must be a map with silences, got a list"},
		{"unknown member", "silence: []", "c:1:1: a member of the configuration must be one of silences, got \"silence\""},
		{"no list", "silences: x", "c:1:11: silences must be a list, got \"x\""},
		{"no reason", "silences:\n  - code: LY1001\n    resource: User/a\n    expires: 2027-01-01", "c:2:5: reason is required"},
		{"empty reason", entry("LY1001", "User/a", `" "`, "2027-01-01"), "c:2:46: reason is required"},
		{"no expiry", "silences:\n  - code: LY1001\n    resource: User/a\n    reason: x", "c:2:5: expires is required"},
		{"unknown code", entry("LY0000", "User/a", "x", "2027-01-01"), "code must be that of a rule, such as LY1001, got \"LY0000\""},
		{"code of lint itself", entry("LY9001", "User/a", "x", "2027-01-01"), "code must be that of a rule"},
		{"no type", entry("LY1001", "a", "x", "2027-01-01"), "resource must be TYPE/NAME, such as SecurityProfile/Agent, got \"a\""},
		{"no day", entry("LY1001", "User/a", "x", "tomorrow"), "expires must be a day, such as 2027-01-31, got \"tomorrow\""},
		{"twice", "silences: []\nsilences: []", ""},
		{"alias", "silences:\n  - &a {code: LY1001, resource: User/a, reason: x, expires: 2027-01-01}\n  - *a", "a silence must be a map"},
		{"anchor", "silences:\n  - {code: &a LY1001, resource: *a, reason: x, expires: 2027-01-01}", "must be written out"},
		{"too large", "# " + strings.Repeat("x", maxConfig), "c must have at most 1048576 bytes, got more"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := ReadConfig("c", strings.NewReader(row.text))
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("the error is %v, want %q", err, row.want)
			}
		})
	}
	for _, empty := range []string{"", "# nothing\n", "silences:\n", "silences: []\n", "{}\n"} {
		if _, err := ReadConfig("c", strings.NewReader(empty)); err != nil {
			t.Errorf("%q is refused: %v", empty, err)
		}
	}
}

// A line that was torn when its writer was killed is passed over.
func TestTornLine(t *testing.T) {
	whole := line("ann", "Users.View", true)
	d, err := ReadDecisions("log", strings.NewReader(whole+whole[:len(whole)/2]+"\n"+whole))
	if err != nil || d.Count != 2 {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestDecisionsRefused(t *testing.T) {
	for _, row := range []struct{ name, text, want string }{
		{"no JSON", "x", "log:1: a line must be a decision as a JSON object"},
		{"list", "[]", "log:1: a line must be a decision as a JSON object"},
		{"second line", line("ann", "Users.View", true) + "\n{}", "log:3: subject.id is required"},
		{"no action", `{"subject":{"type":"user","id":"a"}}`, "action.name is required"},
		{"no decision", `{"subject":{"type":"user","id":"a"},"action":{"name":"x"}}`, "decision is required"},
		{"no time", `{"subject":{"type":"user","id":"a"},"action":{"name":"x"},"decision":true}`, "time is required"},
		{"type", strings.Replace(line("a", "x", true), `"user"`, `"robot"`, 1), `subject.type must be user or ai_agent, got "robot"`},
		{"long", `"` + strings.Repeat("x", maxDecisionLine), "log:1: a line must have at most 1048576 bytes, got more"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := ReadDecisions("log", strings.NewReader(row.text))
			if err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("the error is %v, want %q", err, row.want)
			}
		})
	}
}

func FuzzConfig(f *testing.F) {
	f.Add(silences)
	f.Add("silences: [{code: LY1001, resource: User/a, reason: x, expires: 2027-01-01}]")
	f.Add("a: &a [*a]")
	f.Add("silences:\n- !!binary aaaa")
	e := example{profiles: []*lanyard.Profile{profile("p", "Queues.Edit")}}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ReadConfig("c", strings.NewReader(text))
		if err != nil {
			if c != nil {
				t.Error("there is a configuration and an error")
			}
			return
		}
		for _, s := range c.silences {
			if s.Reason == "" || s.Expires.IsZero() || s.rule.Code == "" {
				t.Errorf("a silence lacks what is required: %+v", s)
			}
		}
		r := e.run(t)
		n := len(r.Findings)
		c.Apply(r, time.Unix(0, 0), func(string) bool { return true })
		if len(r.Findings) < n {
			t.Error("a silence removed a finding")
		}
	})
}

func FuzzDecisions(f *testing.F) {
	f.Add(line("ann", "Users.View", true) + line("bob", "Users.Edit", false))
	f.Add(`{"subject":{"type":"ai_agent","id":"arn"},"action":{"name":"x"},"decision":true,"time":"2026-01-01T00:00:00Z","x":{}}`)
	f.Add("{\"subject\":{\"type\":\"user\",\"id\":\"\xff\"}}")
	e := example{profiles: []*lanyard.Profile{profile("p", "Queues.Edit", "Queues.View")}, users: []*lanyard.User{user("ann", "p")}}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ReadDecisions("log", strings.NewReader(text))
		if err != nil {
			return
		}
		if d.Count > strings.Count(text, "\n")+1 || d.From.After(d.To) {
			t.Errorf("%d decisions from %s to %s", d.Count, d.From, d.To)
		}
		e.log = text
		e.run(t)
	})
}

package lint

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// An example is an instance that is put together from what a row of a table needs.
type example struct {
	management string
	profiles   []*lanyard.Profile
	users      []*lanyard.User
	more       []lanyard.Resource
	partial    bool
	log        string // of decisions
}

func profile(name string, permissions ...string) *lanyard.Profile {
	return &lanyard.Profile{Meta: lanyard.Meta{ID: name, Name: name}, Permissions: lanyard.SortPermissions(permissions)}
}

func (e *example) run(t *testing.T) *Report {
	t.Helper()
	in := &lanyard.Instance{Meta: lanyard.Meta{ID: "instance", Name: "instance"}, IdentityManagement: e.management}
	resources := slices.Clone(e.more)
	resources = append(resources, &lanyard.RoutingProfile{Meta: lanyard.Meta{ID: "routing", Name: "routing"}})
	for _, p := range e.profiles {
		resources = append(resources, p)
	}
	for _, u := range e.users {
		resources = append(resources, u)
	}
	input := From(in, resources)
	input.Partial = e.partial
	if e.log != "" {
		d, err := ReadDecisions("log", strings.NewReader(e.log))
		if err != nil {
			t.Fatal(err)
		}
		input.Decisions = d
	}
	return Run(input)
}

// withTools has a profile with three tools, which an AI agent and a user hold, and a log.
func withTools(log string) example {
	p := profile("p", "Users.View")
	p.Applications = []lanyard.Application{{Namespace: "crm", Type: "MCP", Permissions: []string{"find", "drop"}},
		{Namespace: "app", Type: "THIRD_PARTY_APPLICATION", Permissions: []string{"ACCESS"}}}
	p.FlowModules = []lanyard.FlowModule{{Type: "MCP", ID: "m"}}
	return example{profiles: []*lanyard.Profile{p}, users: []*lanyard.User{user("ann", "p")}, log: log,
		more: []lanyard.Resource{&lanyard.AIAgent{Meta: lanyard.Meta{ID: "arn"}, Profiles: []string{"p"}}}}
}

// toolLine is a decision about a tool.
func toolLine(agent, assisting, namespace, tool string, allowed bool) string {
	return fmt.Sprintf(`{"subject":{"type":"ai_agent","id":%q,"properties":{"assisting":%q}},"action":{"name":%q},`+
		`"resource":{"type":"Application","id":%q},"decision":%v,"time":"2026-11-01T09:30:00Z"}`+"\n", agent, assisting, tool,
		namespace, allowed)
}

func user(name string, profiles ...string) *lanyard.User {
	return &lanyard.User{Meta: lanyard.Meta{ID: name, Name: name}, Profiles: profiles, RoutingProfile: "routing"}
}

func restrict(p *lanyard.Profile, tag string, types ...string) *lanyard.Profile {
	if key, value, ok := strings.Cut(tag, "="); ok {
		p.AccessTags = map[string]string{key: value}
	}
	p.TagRestricted = types
	return p
}

func tagged[R lanyard.Resource](r R, tag string) R {
	key, value, _ := strings.Cut(tag, "=")
	r.Head().Tags = map[string]string{key: value}
	return r
}

func below(p *lanyard.Profile, group string) *lanyard.Profile {
	p.HierarchyRestricted, p.HierarchyGroup = []string{"User"}, group
	return p
}

func group(name string) *lanyard.Group {
	return &lanyard.Group{Meta: lanyard.Meta{ID: name, Name: name}, Path: []string{name}}
}

func inGroup(u *lanyard.User, group string) *lanyard.User {
	u.Group = group
	return u
}

// TestRules has, for each rule, examples in which it finds something about a profile, and examples in which it does
// not.
func TestRules(t *testing.T) {
	one := func(p *lanyard.Profile) example { return example{profiles: []*lanyard.Profile{p}} }
	held := func(p *lanyard.Profile) example {
		return example{profiles: []*lanyard.Profile{p}, users: []*lanyard.User{user("ann", p.ID)}}
	}
	rows := []struct {
		code, name string
		example    example
		want       string // a part of the message of the finding about "p"; "" for none
	}{
		{"LY1001", "unknown", one(profile("p", "Flying.View")), "does not know"},
		{"LY1001", "known", one(profile("p", "Users.View")), ""},
		{"LY1001", "misspelt", one(profile("p", "Users.Veiw")), ""},
		{"LY1001", "too long", one(profile("p", strings.Repeat("x", 2000))), "does not know"},
		{"LY1002", "one letter", one(profile("p", "User.View")), "did you mean Users.View?"},
		{"LY1002", "swapped letters", one(profile("p", "SecurityProfiles.Veiw")), "did you mean SecurityProfiles.View?"},
		{"LY1002", "case", one(profile("p", "users.edit")), "did you mean Users.Edit?"},
		{"LY1002", "spaces", one(profile("p", "Task templates.View")), "did you mean TaskTemplates.View?"},
		{"LY1002", "words of the web site", one(profile("p", "RoutingProfiles.Edit")), "did you mean RoutingPolicies.Edit?"},
		{"LY1002", "quick connects", one(profile("p", "QuickConnects.View")), "did you mean TransferDestinations.View?"},
		{"LY1002", "wrong action", one(profile("p", "TransferContact.Enable")), "did you mean TransferContact.Enabled?"},
		{"LY1002", "nothing near", one(profile("p", "Flying.View")), ""},
		{"LY1002", "as near to two", one(profile("p", "Cas.View")), ""},
		{"LY1003", "with a permission", one(profile("p", "connect:UpdateUserRoutingProfile")), "permission for it is Users.Edit"},
		{"LY1003", "assigns", one(profile("p", "connect:UpdateUserSecurityProfiles")), "for it is Users.EditPermission"},
		{"LY1003", "wildcard", one(profile("p", "connect:*")), "is an action of IAM"},
		{"LY1003", "no action", one(profile("p", "Flying.View")), ""},
		{"LY1004", "renamed", one(profile("p", "HistoricalMetrics.Access")), "names that were changed"},
		{"LY1004", "new name", one(profile("p", "AccessMetrics.HistoricalMetrics.Access")), ""},
		{"LY1005", "legacy", one(profile("p", "ListenCallRecordings")), "older names"},
		{"LY1005", "new names", one(profile("p", "CallRecordings.Unredacted.Access")), ""},
		{"LY1006", "restricting", one(profile("p", "RestrictTaskCreation.Access")), "take something away"},
		{"LY1006", "not restricting", one(profile("p", "SelfAssignContacts.Access")), ""},
		{"LY1007", "without View", one(profile("p", "Queues.Edit")), "without the View"},
		{"LY1007", "with View", one(profile("p", "Queues.Edit", "Queues.View")), ""},
		{"LY1007", "no View exists", one(profile("p", "TransferContact.Enabled")), ""},
		{"LY1008", "missing", held(profile("p", "ManagerBargeIn")), "requires BasicAgentAccess"},
		{"LY1008", "in the profile", held(profile("p", "ManagerBargeIn", "BasicAgentAccess")), ""},
		{"LY1008", "in another profile", example{profiles: []*lanyard.Profile{profile("p", "ManagerBargeIn"),
			profile("q", "BasicAgentAccess")}, users: []*lanyard.User{user("ann", "p", "q")}}, ""},
		{"LY1008", "nobody holds it", one(profile("p", "ManagerBargeIn")), ""},

		{"LY2001", "edits their own profile", held(profile("p", "SecurityProfiles.Edit")), "1 of its holders can become"},
		{"LY2001", "a template", example{partial: true, profiles: []*lanyard.Profile{profile("p", "SecurityProfiles.Edit")}},
			"whoever is given it can become"},
		{"LY2001", "only views", held(profile("p", "SecurityProfiles.View", "Users.View")), ""},
		{"LY2001", "administrators", held(profile("p", "SecurityProfiles.Edit", "Users.EditPermission")), ""},
		{"LY2001", "profiles out of reach", example{profiles: []*lanyard.Profile{
			restrict(profile("p", "SecurityProfiles.Edit"), "Team=1", "SecurityProfile")},
			users: []*lanyard.User{user("ann", "p")}}, ""},
		{"LY2002", "administrators", held(profile("p", "SecurityProfiles.Edit", "Users.EditPermission")), "1 person can edit"},
		{"LY2002", "restricted", held(restrict(profile("p", "SecurityProfiles.Edit", "Users.EditPermission"), "Team=1",
			"User")), ""},
		{"LY2003", "everything", one(profile("p", sensitiveMask.names()...)), "of them sensitive"},
		{"LY2003", "restricted", one(restrict(profile("p", sensitiveMask.names()...), "Team=1", "User")), ""},
		{"LY2003", "little", one(profile("p", "Users.View")), ""},

		{"LY3001", "tags alone", one(restrict(profile("p"), "Team=1")), "tags without restricted"},
		{"LY3001", "types alone", one(restrict(profile("p"), "", "User")), "types without tags"},
		{"LY3001", "group alone", one(&lanyard.Profile{Meta: lanyard.Meta{ID: "p", Name: "p"}, HierarchyGroup: "g"}),
			"names a hierarchy group"},
		{"LY3001", "both", one(restrict(profile("p"), "Team=1", "User")), ""},
		{"LY3001", "own group", one(below(profile("p"), "")), ""},
		{"LY3002", "writes profiles", one(restrict(profile("p", "SecurityProfiles.Create"), "Team=1", "User")),
			"write a profile"},
		{"LY3002", "assigns profiles", one(restrict(profile("p", "Users.Create"), "Team=1", "User")), "assign any profile"},
		{"LY3002", "by hierarchy", one(below(profile("p", "SecurityProfiles.Edit"), "")), "write a profile"},
		{"LY3002", "both types", one(restrict(profile("p", "SecurityProfiles.Edit", "Users.Create"), "Team=1", "User",
			"SecurityProfile")), ""},
		{"LY3002", "takes over users", one(restrict(profile("p", "Users.Edit"), "Team=1", "SecurityProfile")), "take over"},
		{"LY3002", "single sign-on", example{management: "SAML", profiles: []*lanyard.Profile{
			restrict(profile("p", "Users.Edit"), "Team=1", "SecurityProfile")}}, ""},
		{"LY3003", "undone", example{profiles: []*lanyard.Profile{restrict(profile("p", "Users.View"), "Team=1", "User"),
			profile("q", "Users.View")}, users: []*lanyard.User{user("ann", "p", "q")}}, "one of its holders also holds \"q\""},
		{"LY3003", "another permission", example{profiles: []*lanyard.Profile{restrict(profile("p", "Users.View"), "Team=1",
			"User"), profile("q", "Users.Edit")}, users: []*lanyard.User{user("ann", "p", "q")}}, ""},
		{"LY3003", "other people", example{profiles: []*lanyard.Profile{restrict(profile("p", "Users.View"), "Team=1", "User"),
			profile("q", "Users.View")}, users: []*lanyard.User{user("ann", "p"), user("bob", "q")}}, ""},
		{"LY3003", "both restricted", example{profiles: []*lanyard.Profile{restrict(profile("p", "Users.View"), "Team=1",
			"User"), restrict(profile("q", "Users.View"), "Team=2", "User")}, users: []*lanyard.User{user("ann", "p", "q")}}, ""},
		{"LY3003", "another type", example{profiles: []*lanyard.Profile{restrict(profile("p", "Users.View"), "Team=1",
			"Queue"), profile("q", "Users.View")}, users: []*lanyard.User{user("ann", "p", "q")}}, ""},
		{"LY3004", "no such tag", held(restrict(profile("p"), "Team=1", "User")), "no User carries the tag \"Team=1\""},
		{"LY3004", "carried", example{profiles: []*lanyard.Profile{restrict(profile("p"), "Team=1", "User")},
			users: []*lanyard.User{tagged(user("ann", "p"), "Team=1")}}, ""},
		{"LY3004", "carried by another type", example{profiles: []*lanyard.Profile{restrict(profile("p"), "Team=1", "User"),
			tagged(profile("q"), "Team=1")}, users: []*lanyard.User{user("ann", "p")}}, "no User carries"},
		{"LY3004", "not together", example{profiles: []*lanyard.Profile{{Meta: lanyard.Meta{ID: "p", Name: "p"},
			AccessTags: map[string]string{"A": "1", "B": "2"}, TagRestricted: []string{"User"}}}, users: []*lanyard.User{
			tagged(user("ann", "p"), "A=1"), tagged(user("bob", "p"), "B=2")}}, "carries all of its tags"},
		{"LY3004", "a template", example{partial: true, profiles: []*lanyard.Profile{restrict(profile("p"), "Team=1",
			"User")}}, ""},
		{"LY3005", "case", example{profiles: []*lanyard.Profile{restrict(profile("p"), "team=1", "User")},
			users: []*lanyard.User{tagged(user("ann", "p"), "Team=1")}}, "by case only"},
		{"LY3005", "exact", example{profiles: []*lanyard.Profile{restrict(profile("p"), "Team=1", "User")},
			users: []*lanyard.User{tagged(user("ann", "p"), "Team=1")}}, ""},
		{"LY3006", "unknown", one(restrict(profile("p"), "Team=1", "Widget")), "unknown here"},
		{"LY3006", "alias", one(restrict(profile("p"), "Team=1", "OperatingHours")), ""},
		{"LY3007", "deleted", held(below(profile("p"), "gone")), "has been deleted"},
		{"LY3007", "exists", example{profiles: []*lanyard.Profile{below(profile("p"), "g")}, more: []lanyard.Resource{
			group("g")}}, ""},
		{"LY3008", "empty", example{profiles: []*lanyard.Profile{below(profile("p"), "g")}, users: []*lanyard.User{user("ann",
			"p")}, more: []lanyard.Resource{group("g")}}, "nobody is in the hierarchy group \"g\""},
		{"LY3008", "in the group", example{profiles: []*lanyard.Profile{below(profile("p"), "g")}, users: []*lanyard.User{
			inGroup(user("ann", "p"), "g")}, more: []lanyard.Resource{group("g")}}, ""},
		{"LY3008", "below the group", example{profiles: []*lanyard.Profile{below(profile("p"), "g")}, users: []*lanyard.User{
			inGroup(user("ann", "p"), "h")}, more: []lanyard.Resource{group("g"), &lanyard.Group{Meta: lanyard.Meta{ID: "h",
			Name: "h"}, Path: []string{"g", "h"}}}}, ""},

		{"LY4001", "unused", example{profiles: []*lanyard.Profile{profile("p"), profile("q")}, users: []*lanyard.User{
			user("ann", "q")}}, "nobody holds it"},
		{"LY4001", "held", held(profile("p")), ""},
		{"LY4001", "held by an AI agent", example{profiles: []*lanyard.Profile{profile("p"), profile("q")},
			users: []*lanyard.User{user("ann", "q")}, more: []lanyard.Resource{&lanyard.AIAgent{Meta: lanyard.Meta{ID: "arn"},
				Profiles: []string{"p"}}}}, ""},
		{"LY4001", "an empty instance", one(profile("p")), ""},
		{"LY4002", "equal", example{profiles: []*lanyard.Profile{profile("p", "Queues.View", "Rules.View", "Prompts.View"),
			profile("q", "Queues.View", "Rules.View", "Prompts.View")}}, "3 permissions in common and differ in 0"},
		{"LY4002", "other restrictions", example{profiles: []*lanyard.Profile{
			restrict(profile("p", "Queues.View", "Rules.View", "Prompts.View"), "Team=1", "Queue"),
			restrict(profile("q", "Queues.View", "Rules.View", "Prompts.View"), "Team=2", "Queue")}}, ""},
		{"LY4002", "too different", example{profiles: []*lanyard.Profile{profile("p", "Queues.View", "Rules.View",
			"Prompts.View"), profile("q", "Queues.View", "Rules.View", "Users.View")}}, ""},
		{"LY4003", "missing", example{users: []*lanyard.User{user("ann", "p")}}, "it does not exist, and is held by 1 user"},
		{"LY4003", "a template", example{partial: true, users: []*lanyard.User{user("ann", "p")}}, ""},
		{"LY5001", "people lack it", agents("Wisdom.View", ""), "AI agent may use tools"},
		{"LY5001", "people have it", agents("Wisdom.View", "Wisdom.View"), ""},
		{"LY5001", "no tool", agents("Queues.View", ""), ""},
		{"LY5002", "unused", example{profiles: []*lanyard.Profile{profile("p", "Users.View", "Queues.View")},
			users: []*lanyard.User{user("ann", "p")}, log: line("ann", "Users.View", true)}, "1 of its 2 permissions"},
		{"LY5002", "denied", example{profiles: []*lanyard.Profile{profile("p", "Users.View")}, users: []*lanyard.User{user("ann",
			"p")}, log: line("ann", "Users.View", false)}, "1 of its 1 permissions"},
		{"LY5002", "all used", example{profiles: []*lanyard.Profile{profile("p", "Users.View")}, users: []*lanyard.User{
			user("ann", "p")}, log: line("ann", "Users.View", true)}, ""},
		{"LY5002", "no log", held(profile("p", "Users.View")), ""},
		{"LY5002", "a log of tools alone", example{profiles: []*lanyard.Profile{profile("p", "Users.View")},
			users: []*lanyard.User{user("ann", "p")}, log: toolLine("arn", "ann", "crm", "find", true)}, ""},
		{"LY5003", "unused", withTools(toolLine("arn", "", "crm", "find", true)), "2 of its 3 tools were not used from"},
		{"LY5003", "another application", withTools(toolLine("arn", "", "mail", "find", true)), "3 of its 3 tools"},
		{"LY5003", "denied", withTools(toolLine("arn", "", "crm", "find", false)), "3 of its 3 tools"},
		{"LY5003", "used by who assists", withTools(toolLine("other", "ann", "crm", "find", true) +
			toolLine("arn", "", "crm", "drop", true)), "1 of its 3 tools were not used"},
		{"LY5003", "a sample", withTools(strings.Replace(toolLine("arn", "", "crm", "find", true), `"time"`,
			`"sample":0.1,"time"`, 1)), "which is a sample"},
		{"LY5003", "all used", withTools(toolLine("arn", "", "crm", "find", true) + toolLine("arn", "", "crm", "drop", true) +
			strings.Replace(toolLine("arn", "", "m", "Invoke", true), "Application", "FlowModule", 1)), ""},
		{"LY5003", "a log of permissions alone", withTools(line("ann", "Users.View", true)), ""},
	}
	fires, not := map[string]bool{}, map[string]bool{}
	for _, row := range rows {
		t.Run(row.code+" "+row.name, func(t *testing.T) {
			var found []string
			for _, f := range row.example.run(t).Findings {
				if f.Code != row.code || !slices.ContainsFunc(f.Resources, func(r Resource) bool { return r.ID == "p" }) {
					continue
				}
				found = append(found, f.Message)
				if f.Rule == "" || f.Why == "" || f.Advice == "" || f.Fingerprint == "" {
					t.Errorf("the finding is %+v", f)
				}
			}
			switch {
			case row.want == "" && len(found) > 0:
				t.Errorf("it finds %q, want nothing", found)
			case row.want != "" && (len(found) != 1 || !strings.Contains(found[0], row.want)):
				t.Errorf("it finds %q, want %q in one", found, row.want)
			}
		})
		fires[row.code], not[row.code] = fires[row.code] || row.want != "", not[row.code] || row.want == ""
	}
	for _, r := range Rules() {
		if r.check != nil && (!fires[r.Code] || !not[r.Code]) {
			t.Errorf("%s has no row that fires, or none that does not", r.Code)
		}
	}
}

func line(who, action string, allowed bool) string {
	return fmt.Sprintf(`{"subject":{"type":"user","id":%q},"action":{"name":%q},"decision":%t,"time":%q}`+"\n", who, action,
		allowed, time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC).Format(time.RFC3339))
}

// agents has an AI agent by profile p and a person by another one.
func agents(tools, people string) example {
	return example{profiles: []*lanyard.Profile{profile("p", tools), profile("q", append(strings.Fields(people),
		"BasicAgentAccess")...)}, users: []*lanyard.User{user("ann", "q")}, more: []lanyard.Resource{
		&lanyard.AIAgent{Meta: lanyard.Meta{ID: "arn:agent"}, Profiles: []string{"p"}}}}
}

// TestEveryName compares the spelling of all names of the catalogue: none is taken for a mistake, and with another
// case each is found again.
func TestEveryName(t *testing.T) {
	for _, p := range lanyard.Permissions() {
		if s := spellingOf(strings.ToLower(p.Name)); p.Name != strings.ToLower(p.Name) &&
			(!s.exact || !slices.Equal(s.names, []string{p.Name})) {
			t.Errorf("%s in lowercase is taken for %v", p.Name, s)
		}
	}
	for old, by := range replaced {
		known, _ := lanyard.LookupPermission(old)
		if known.Status != "legacy" && known.Status != "renamed" {
			t.Errorf("%s is replaced and has the status %q", old, known.Status)
		}
		for _, name := range by {
			if p, ok := lanyard.LookupPermission(name); !ok || p.Status == "legacy" || p.Status == "renamed" {
				t.Errorf("%s is replaced by %s, which is no current name", old, name)
			}
		}
	}
	for word, stem := range stemWords {
		if !slices.ContainsFunc(lanyard.Permissions(), func(p lanyard.Permission) bool {
			return strings.HasPrefix(p.Name, stem+".")
		}) {
			t.Errorf("%s stands for %s, which no permission begins with", word, stem)
		}
	}
}

// TestRulesTable checks what the table of rules promises.
func TestRulesTable(t *testing.T) {
	codes, names := map[string]bool{}, map[string]bool{}
	last := ""
	for _, r := range Rules() {
		if codes[r.Code] || names[r.Name] || r.Code <= last || len(r.Code) != 6 {
			t.Errorf("rule %s %s is not in order, or its code or name is used twice", r.Code, r.Name)
		}
		codes[r.Code], names[r.Name], last = true, true, r.Code
		if r.Title == "" || !strings.HasSuffix(r.Why, ".") || !strings.HasSuffix(r.Advice, ".") || r.Sees == "" {
			t.Errorf("rule %s is not described: %+v", r.Code, r)
		}
	}
}

// TestSize bounds the report of an instance in which everything is wrong everywhere.
func TestSize(t *testing.T) {
	var e example
	for i := range 300 {
		p := restrict(profile(fmt.Sprint("p", i), "Flying.View", "Users.Veiw", "connect:UpdateUser", "ListenCallRecordings",
			"SecurityProfiles.Create", "Users.Create"), fmt.Sprintf("Team=%d", i), "User", "Widget")
		e.profiles = append(e.profiles, p)
		e.users = append(e.users, user(fmt.Sprint("u", i), p.ID))
	}
	r := e.run(t)
	counts := map[string]int{}
	for _, f := range r.Findings {
		counts[f.Code]++
		if len(f.Details) > maxDetails+1 {
			t.Errorf("a finding has %d details", len(f.Details))
		}
	}
	for code, n := range counts {
		if n > maxFindings {
			t.Errorf("%s has %d findings", code, n)
		}
	}
	if len(r.Incomplete) == 0 {
		t.Error("nothing says that there are more findings")
	}
}

// TestOrder has the same findings in the same order whenever they are looked for.
func TestOrder(t *testing.T) {
	for seed := range 20 {
		w := worlds.Example(seed)
		first := fmt.Sprintf("%+v", Run(From(w.instance, w.resources)).Findings)
		if again := fmt.Sprintf("%+v", Run(From(w.instance, w.resources)).Findings); first != again {
			t.Fatalf("world %d: the findings are\n%s\nand then\n%s", seed, first, again)
		}
	}
}

// TestGrants compares what a profile grants, and where, with what decisions say.
func TestGrants(t *testing.T) {
	for seed := range worldsToTry(200) {
		w := worlds.Example(seed)
		p := w.profiles[0]
		if seed%2 == 0 {
			p.TagRestricted = append(p.TagRestricted, []string{"Widget", "contact", "DataTable"}[seed%3])
			p.Permissions = lanyard.SortPermissions(append(p.Permissions, "DataTables.View", "Workspaces.View", "PhoneNumbers.View"))
		}
		if seed%5 == 0 {
			p.DataTables = []lanyard.AttributeRule{{Attribute: "a", Values: []string{"b"}}}
		}
		s := From(w.instance, append(w.resources, user("holder", p.ID))).Snapshot
		can, _ := s.WhatCan(access.Subject{ID: "holder"})
		var want grants
		for _, e := range can {
			i, ok := places[e.Action]
			if e.Type != "" || !ok {
				continue
			}
			want.granted.add(i)
			if slices.ContainsFunc(e.Grants[0].Conditions, func(c access.Condition) bool { return c.By == "" }) {
				want.conditional.add(i)
			}
		}
		got := grantsOf(p)
		if got.granted != want.granted || got.conditional != want.conditional {
			t.Fatalf("world %d: of %+v, conditional are %v, want %v", seed, p, got.conditional.names(), want.conditional.names())
		}
	}
}

// TestMerge compares the blast radius of merges with what decisions say about each user before and after.
func TestMerge(t *testing.T) {
	merges := 0
	for seed := range worldsToTry(100) {
		w := worlds.Example(seed)
		l := newLinter(From(w.instance, w.resources))
		keep, drop := 0, 1
		m := l.mergeOf(keep, drop)
		gain, lose := map[string]bool{}, map[string]bool{}
		var gained, lost mask
		for _, u := range w.users {
			if !slices.Contains(u.Profiles, w.profiles[drop].ID) {
				continue
			}
			after := *u
			after.Profiles = slices.Clone(u.Profiles)
			after.Profiles[slices.Index(u.Profiles, w.profiles[drop].ID)] = w.profiles[keep].ID
			before, now := all(l.Snapshot, u.ID), all(l.Snapshot.With(&after), u.ID)
			if x := now.without(before); x != (mask{}) {
				gain[u.ID] = true
				gained.or(x)
			}
			if x := before.without(now); x != (mask{}) {
				lose[u.ID] = true
				lost.or(x)
			}
		}
		merges += len(gain) + len(lose)
		if m.gain != len(gain) || m.lose != len(lose) || m.gained != gained || m.lost != lost {
			t.Errorf("world %d: %d gain %v and %d lose %v, want %d %v and %d %v", seed, m.gain, m.gained.names(), m.lose,
				m.lost.names(), len(gain), gained.names(), len(lose), lost.names())
		}
	}
	if merges == 0 {
		t.Error("no merge did anything")
	}
}

func all(s *access.Snapshot, user string) (m mask) {
	can, _ := s.WhatCan(access.Subject{ID: user})
	for _, e := range can {
		if i, ok := places[e.Action]; ok && e.Type == "" {
			m.add(i)
		}
	}
	return m
}

// TestPaths has one row for each kind of path, with its steps as people read them.
func TestPaths(t *testing.T) {
	admin := profile("Admin", "SecurityProfiles.Edit", "Users.EditPermission")
	rows := []struct {
		name    string
		example example
		want    []string
	}{
		{"edit", example{profiles: []*lanyard.Profile{profile("p", "SecurityProfiles.Edit")}, users: []*lanyard.User{user("ann",
			"p")}}, []string{`grant everything in profile "p", which they hold`}},
		{"assign", example{profiles: []*lanyard.Profile{profile("p", "Users.EditPermission"), admin}, users: []*lanyard.User{
			user("ann", "p")}}, []string{`give themselves the profile "Admin"`}},
		{"create and assign", example{profiles: []*lanyard.Profile{profile("p", "Users.EditPermission",
			"SecurityProfiles.Create")}, users: []*lanyard.User{user("ann", "p")}},
			[]string{"create a profile that grants everything", `give themselves the profile "new profile"`}},
		{"new user", example{profiles: []*lanyard.Profile{profile("p", "Users.Create"), admin}, users: []*lanyard.User{
			user("ann", "p")}}, []string{`create a user who holds the profile "Admin", and sign in as that user`}},
		{"take over", example{profiles: []*lanyard.Profile{profile("p", "Users.Edit"), admin}, users: []*lanyard.User{
			user("ann", "p"), user("bob", "Admin")}},
			[]string{`change the e-mail address of user "bob", have a link for a new password sent there, and sign in as that user`}},
		{"tag", example{management: "SAML", profiles: []*lanyard.Profile{profile("p", "Users.Edit"),
			restrict(profile("q", "Users.EditPermission"), "Team=1", "User"), admin}, users: []*lanyard.User{user("ann", "p", "q")}},
			[]string{`tag themselves, tagged "Team=1"`, `give themselves the profile "Admin"`}},
		{"move", example{management: "SAML", profiles: []*lanyard.Profile{profile("p", "Users.Edit"),
			below(profile("q", "Users.EditPermission"), "g"), admin}, users: []*lanyard.User{user("ann", "p", "q")},
			more: []lanyard.Resource{group("g")}},
			[]string{`move themselves to the hierarchy group "g"`, `give themselves the profile "Admin"`}},
		{"single sign-on", example{management: "SAML", profiles: []*lanyard.Profile{profile("p", "Users.Edit"), admin},
			users: []*lanyard.User{user("ann", "p"), user("bob", "Admin")}}, nil},
		{"out of reach", example{management: "SAML", profiles: []*lanyard.Profile{restrict(profile("p", "Users.EditPermission"),
			"Team=1", "User", "SecurityProfile"), admin}, users: []*lanyard.User{tagged(user("ann", "p"), "Team=1")}}, nil},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			var got []string
			for _, f := range row.example.run(t).Findings {
				for _, s := range f.Path {
					got = append(got, s.Text)
				}
			}
			if !slices.Equal(got, row.want) {
				t.Errorf("the path is %q, want %q", got, row.want)
			}
		})
	}
}

// TestDocs holds docs/lint.md to the table of rules; LANYARD_UPDATE=1 writes it.
func TestDocs(t *testing.T) {
	const name = "../../docs/lint.md"
	have, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "<!-- rules -->\n", "<!-- end of rules -->\n"
	head, rest, ok := strings.Cut(string(have), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no %q and %q", name, begin, end)
	}
	want := head + begin + rulesMarkdown() + end + tail
	if os.Getenv("LANYARD_UPDATE") != "" {
		if err := os.WriteFile(name, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(have) != want {
		t.Errorf("%s is not current: LANYARD_UPDATE=1 go test ./internal/lint -run TestDocs", name)
	}
}

func rulesMarkdown() string {
	var b strings.Builder
	b.WriteString("\n| code | severity | finds |\n| --- | --- | --- |\n")
	for _, r := range Rules() {
		fmt.Fprintf(&b, "| [%s](#%s) | %s | %s |\n", r.Code, strings.ToLower(r.Code), r.Severity, r.Title)
	}
	for _, r := range Rules() {
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n", r.Code, wrap(fmt.Sprintf("**%s** (`%s`, at least %s).", r.Title, r.Name, r.Severity)))
		fmt.Fprintf(&b, "%s\n\n%s\n\n%s\n", wrap(r.Why), wrap("Fix: "+r.Advice), wrap("In the console, for viewers who see "+
			strings.TrimPrefix(r.Sees, "not in the console: ")+"."))
	}
	b.WriteString("\n")
	return strings.ReplaceAll(b.String(), "In the console, for viewers who see it needs", "Not in the console: it needs")
}

// wrap breaks text into lines of at most 120 characters.
func wrap(text string) string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > 120 {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n")
}

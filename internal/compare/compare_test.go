package compare_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/compare"
)

func meta(id string) lanyard.Meta { return lanyard.Meta{ID: id, Name: strings.TrimPrefix(id, "id-")} }

func profile(id string, permissions ...string) *lanyard.Profile {
	return &lanyard.Profile{Meta: meta(id), Permissions: lanyard.SortPermissions(permissions)}
}

func user(id, group string, profiles ...string) *lanyard.User {
	return &lanyard.User{Meta: meta(id), Group: group, Profiles: profiles}
}

func build(t interface{ Fatal(...any) }, resources ...lanyard.Resource) *access.Snapshot {
	s, err := access.New(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}}, resources...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// team are five agents, one of whom is a supervisor too, and an administrator.
func team() []lanyard.Resource {
	supervisor := profile("id-Supervisor", "Users.View", "Queues.View")
	supervisor.HierarchyRestricted = []string{"User"}
	list := []lanyard.Resource{
		&lanyard.Group{Meta: meta("id-Paris"), Path: []string{"id-Paris"}},
		&lanyard.Group{Meta: meta("id-Rome"), Path: []string{"id-Rome"}},
		profile("id-Agent", "BasicAgentAccess"), supervisor, profile("id-Admin", "Users.Edit", "Users.View"),
		user("id-root", "", "id-Admin"), user("id-boss", "id-Paris", "id-Agent", "id-Supervisor"),
	}
	for _, name := range []string{"ann", "bob", "carl", "dora"} {
		list = append(list, user("id-"+name, "id-Paris", "id-Agent"))
	}
	return list
}

// with returns resources with some replaced or added.
func with(list []lanyard.Resource, more ...lanyard.Resource) []lanyard.Resource {
	list = slices.Clone(list)
	for _, r := range more {
		i := slices.IndexFunc(list, func(x lanyard.Resource) bool {
			return x.Type() == r.Type() && x.Head().ID == r.Head().ID
		})
		if i < 0 {
			list = append(list, r)
		} else {
			list[i] = r
		}
	}
	return list
}

func TestText(t *testing.T) {
	france := profile("id-Supervisor", "Users.View", "Queues.View")
	france.AccessTags, france.TagRestricted = map[string]string{"Country": "FR"}, []string{"User"}
	tagged := user("id-ann", "id-Paris", "id-Agent")
	tagged.Tags = map[string]string{"Country": "FR"}
	for _, tt := range []struct {
		name          string
		before, after []lanyard.Resource
		want          string
	}{
		{"nothing", team(), team(), "Nobody gains or loses anything.\n"},
		{"a profile grants more", team(), with(team(), profile("id-Agent", "BasicAgentAccess", "Users.Edit", "Queues.View")),
			`5 affected: 5 may do more, 0 may do less. 1 sensitive permission is gained.

Gains
  all 5 holders of Agent (ann, bob, boss and 2 others)
    over everything, through Agent
      ! Users.Edit (sensitive: escalates)
  ann, bob, carl and 1 other
    over everything, through Agent
        Queues.View
`},
		{"a restriction changes", team(), with(team(), france), `1 affected: 1 may do more, 1 may do less.

Changes
  boss
    other resources: from own group and below to tag Country=FR, through Supervisor
        Users.View
`},
		{"somebody changes group", team(), with(team(), user("id-boss", "id-Rome", "id-Agent", "id-Supervisor")),
			`1 affected: 1 may do more, 1 may do less.

Changes
  boss
    other resources: from own group ("Paris") and below to own group ("Rome") and below, through Supervisor
        Users.View
`},
		{"a resource changes", with(team(), france), with(team(), france, tagged), `1 affected: 1 may do more, 0 may do less.

Changes
  boss
    newly on User ann, whose tags or hierarchy group changed
        Users.View
`},
		{"people come and go", with(team()[:len(team())-1]), with(team()[:len(team())-2], user("id-eve", "", "id-Admin")),
			`2 affected: 1 may do more, 1 may do less. 1 sensitive permission is gained.

Gains
  eve, who is new
    over everything, through Admin
      ! Users.Edit (sensitive: escalates)
        Users.View

Loses
  carl, who is deleted
    over everything, through Agent
        BasicAgentAccess
`},
		{"a restricting permission", team(), with(team(), profile("id-Agent", "BasicAgentAccess", "RestrictTaskCreation.Access")),
			`5 affected: 0 may do more, 5 may do less.

Changes
  all 5 holders of Agent (ann, bob, boss and 2 others)
    newly held, which allows less, through Agent
        RestrictTaskCreation.Access
`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := compare.Compare(build(t, tt.before...), build(t, tt.after...), compare.Options{Names: 3})
			var b strings.Builder
			if err := (compare.Text{}).Write(&b, d); err != nil {
				t.Fatal(err)
			}
			if b.String() != tt.want {
				t.Errorf("got\n%s\nwant\n%s", b.String(), tt.want)
			}
		})
	}
}

// What is written to a terminal or a comment has no control characters, markup or mentions from names.
func TestHostileNames(t *testing.T) {
	evil := user("id-x", "", "id-Admin")
	evil.Name = "a\x1b[2J`|\n@everyone<b>"
	d := compare.Compare(build(t, team()...), build(t, with(team(), evil)...), compare.Options{})
	var b strings.Builder
	if err := (compare.Text{}).Write(&b, d); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "\x1b") {
		t.Errorf("an escape of a name is written: %q", b.String())
	}
	got := compare.Markdown{}.Format(d)
	want := "1 affected: 1 may do more, 0 may do less. 1 sensitive permission is gained.\n\n### Who gains\n\n" +
		"| who | what | over |\n| --- | --- | --- |\n" +
		"| ``a\\x1b[2J`\\|\\n@everyone<b>``, who is new | **`Users.Edit` (sensitive: escalates)**<br>`Users.View` | " +
		"over everything, through `Admin` |\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// However much differs, the lists and texts are bounded, and say how much they leave out.
func TestBounds(t *testing.T) {
	before, after := team(), team()
	for i := range 60 {
		id := fmt.Sprintf("id-p%d", i)
		after = append(after, profile(id, lanyard.Permissions()[i].Name, lanyard.Permissions()[i+1].Name))
		for j := range 20 {
			after = append(after, user(fmt.Sprintf("id-u%d-%d", i, j), "", id))
		}
	}
	d := compare.Compare(build(t, before...), build(t, after...), compare.Options{Names: 5, Entries: 40})
	if len(d.Gains) != 40 || d.Omitted == 0 || d.Affected != 1200 {
		t.Errorf("%d entries, %d omitted, %d affected", len(d.Gains), d.Omitted, d.Affected)
	}
	for _, e := range d.Gains {
		listed := 0
		for _, h := range e.Who.Holders {
			listed += h.Count
			if len(h.Names) > 5 {
				t.Errorf("%d names are listed", len(h.Names))
			}
		}
		if listed += len(e.Who.Names) + e.Who.Others; listed < e.Who.Count() {
			t.Errorf("%d of %d are listed or counted", listed, e.Who.Count())
		}
	}
	if text := (compare.Markdown{Bytes: 2000}).Format(d); len(text) > 2100 || !strings.Contains(text, "are left out") {
		t.Errorf("%d bytes: %s", len(text), text)
	}
}

// Both ways of writing a difference are the same however the states were made.
func TestStable(t *testing.T) {
	after := with(team(), profile("id-Agent", "Users.Edit"), user("id-zoe", "", "id-Agent"))
	write := func(before, after []lanyard.Resource) string {
		d := compare.Compare(build(t, before...), build(t, after...), compare.Options{})
		b, err := json.Marshal(d, json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		return string(b) + compare.Markdown{}.Format(d)
	}
	want := write(team(), after)
	for range 20 {
		if got := write(team(), after); got != want {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	}
}

// All that is answered differently of users, permissions and resources is in an entry that names the user, and nothing
// else is.
func TestAgreesWithDecisions(t *testing.T) {
	answers := 0
	rapid.Check(t, func(t *rapid.T) {
		before := drawInstance(t)
		after := drawChanges(t, before)
		s1, s2 := build(t, before...), build(t, after...)
		d := compare.Compare(s1, s2, compare.Options{Names: 1000})
		said := byName(d)
		affected := map[string]bool{}
		for _, who := range names(before, after) {
			for q := range questionsOf(before, after) {
				q.Subject.ID = who
				had, has := s1.Decide(&q), s2.Decide(&q)
				if had.Allow == has.Allow || had.Reason == access.UnknownResource || has.Reason == access.UnknownResource {
					continue
				}
				answers++
				if !said[claim{who, q.Action, has.Allow}] {
					t.Fatalf("%s: %+v was allowed: %v and is: %v, and no entry says so: %+v", who, q, had.Allow, has.Allow, d)
				}
			}
		}
		for c := range said {
			affected[c.who] = true
		}
		if len(affected) != d.Affected {
			t.Fatalf("%d are affected, %d are named: %+v", d.Affected, len(affected), d)
		}
	})
	if answers == 0 {
		t.Error("no answer ever differed")
	}
}

// A claim is that somebody gains or loses an action, altogether or on some resources.
type claim struct {
	who, action string
	gains       bool
}

// byName are the claims that a difference makes.
func byName(d *compare.Difference) map[claim]bool {
	out := map[claim]bool{}
	add := func(list []compare.Entry, gains func(compare.Entry) bool) {
		for _, e := range list {
			all := slices.Clone(e.Who.Names)
			for _, h := range e.Who.Holders {
				all = append(all, h.Names...)
			}
			for _, who := range all {
				if gains(e) {
					out[claim{who, e.Action, true}] = true
				} else {
					out[claim{who, e.Action, false}] = true
				}
				if e.More && e.Less {
					out[claim{who, e.Action, false}] = true
				}
			}
		}
	}
	add(d.Gains, func(compare.Entry) bool { return true })
	add(d.Losses, func(compare.Entry) bool { return false })
	add(d.Changed, func(e compare.Entry) bool { return e.More })
	return out
}

// names are the users of two states.
func names(states ...[]lanyard.Resource) (out []string) {
	for _, list := range states {
		for _, r := range list {
			if u, ok := r.(*lanyard.User); ok && !slices.Contains(out, u.Name) {
				out = append(out, u.Name)
			}
		}
	}
	return out
}

// questionsOf asks for every permission in use, of everything that there is and of nothing in particular.
func questionsOf(states ...[]lanyard.Resource) func(func(access.Query) bool) {
	return func(yield func(access.Query) bool) {
		for _, action := range allActions {
			if !yield(access.Query{Action: action}) {
				return
			}
		}
		for _, list := range states {
			for _, r := range list {
				for action, of := range map[string]lanyard.Type{"Users.View": lanyard.TypeUser, "Users.Edit": lanyard.TypeUser,
					"Queues.Edit": lanyard.TypeQueue, "SecurityProfiles.Edit": lanyard.TypeProfile} {
					if of == r.Type() && !yield(access.Query{Action: action,
						Resource: access.Resource{Type: of.DecisionName(), ID: r.Head().ID}}) {
						return
					}
				}
			}
		}
	}
}

var allActions = []string{"Users.View", "Users.Edit", "Queues.Edit", "SecurityProfiles.Edit", "AccessMetrics"}

func drawTags(t *rapid.T) map[string]string {
	if v := rapid.SampledFrom([]string{"", "FR", "DE"}).Draw(t, "country"); v != "" {
		return map[string]string{"Country": v}
	}
	return nil
}

var groupIDs = []string{"", "g1", "g2", "g3"}

func drawProfile(t *rapid.T, id string) *lanyard.Profile {
	p := profile(id, rapid.SliceOfDistinct(rapid.SampledFrom(allActions), rapid.ID[string]).Draw(t, "permissions")...)
	p.Tags = drawTags(t)
	if p.AccessTags = drawTags(t); p.AccessTags != nil {
		p.TagRestricted = rapid.SliceOfDistinct(rapid.SampledFrom([]string{"User", "Queue", "SecurityProfile"}),
			rapid.ID[string]).Draw(t, "restricted")
	}
	if rapid.Bool().Draw(t, "hierarchy") {
		p.HierarchyRestricted = []string{"User"}
		p.HierarchyGroup = rapid.SampledFrom(groupIDs).Draw(t, "group")
	}
	return p
}

func drawUser(t *rapid.T, id string, profiles []string) *lanyard.User {
	u := user(id, rapid.SampledFrom(groupIDs).Draw(t, "group"),
		rapid.SliceOfNDistinct(rapid.SampledFrom(profiles), 1, 3, rapid.ID[string]).Draw(t, "profiles")...)
	u.Tags = drawTags(t)
	return u
}

var profileIDs = []string{"id-p1", "id-p2", "id-p3", "id-p4"}

func drawInstance(t *rapid.T) []lanyard.Resource {
	list := []lanyard.Resource{&lanyard.Group{Meta: meta("g1"), Path: []string{"g1"}},
		&lanyard.Group{Meta: meta("g2"), Path: []string{"g1", "g2"}}, &lanyard.Group{Meta: meta("g3"), Path: []string{"g3"}}}
	for _, id := range profileIDs {
		list = append(list, drawProfile(t, id))
	}
	for i := range 6 {
		list = append(list, drawUser(t, fmt.Sprintf("id-u%d", i), profileIDs))
	}
	for i := range 2 {
		list = append(list, &lanyard.Queue{Meta: lanyard.Meta{ID: fmt.Sprintf("q%d", i), Name: fmt.Sprintf("q%d", i),
			Tags: drawTags(t)}})
	}
	return list
}

// drawChanges replaces, adds and removes some resources.
func drawChanges(t *rapid.T, list []lanyard.Resource) []lanyard.Resource {
	for range rapid.IntRange(0, 4).Draw(t, "changes") {
		switch rapid.IntRange(0, 4).Draw(t, "kind") {
		case 0:
			list = with(list, drawProfile(t, rapid.SampledFrom(profileIDs).Draw(t, "profile")))
		case 1:
			list = with(list, drawUser(t, fmt.Sprintf("id-u%d", rapid.IntRange(0, 5).Draw(t, "user")), profileIDs))
		case 2:
			list = with(list, drawUser(t, fmt.Sprintf("id-u%d", rapid.IntRange(6, 8).Draw(t, "user")), profileIDs))
		case 3:
			id := fmt.Sprintf("id-u%d", rapid.IntRange(0, 5).Draw(t, "user"))
			list = slices.DeleteFunc(slices.Clone(list), func(r lanyard.Resource) bool { return r.Head().ID == id })
		case 4:
			list = with(list, &lanyard.Queue{Meta: lanyard.Meta{ID: "q0", Name: "q0", Tags: drawTags(t)}})
		}
	}
	return list
}

package access_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// What is said of a proposed change is what the change then does: to what each user and AI agent may
// do, and to every decision about a resource that is there.
func TestWhatIfAgreesWithTheChange(t *testing.T) {
	compared, changes := 0, 0
	for round := range uint64(150) {
		g := newGenerator(round + 1000)
		e := access.Empty("i").Edit()
		e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
		for range 60 {
			g.change(e)
		}
		before := e.Snapshot(1)
		for range 10 {
			var page func(from access.Cursor) (access.WhatIf, bool)
			edit := before.Edit()
			if id := key(g, g.w.profiles); g.IntN(3) > 0 {
				p := g.proposal(id)
				if p == nil {
					break
				}
				page = func(from access.Cursor) (access.WhatIf, bool) {
					return before.IfProfile(p, nil, access.Page{From: from, Limit: 2})
				}
				edit.Put(p)
				g.w.profiles[id] = p
			} else {
				u := g.w.users[key(g, g.w.users)]
				if u == nil {
					break
				}
				u = lanyard.Clone(u)
				u.Profiles = g.held()
				page = func(access.Cursor) (access.WhatIf, bool) { return before.IfUser(u, nil) }
				edit.Put(u)
				g.w.users[u.ID] = u
			}
			after := edit.Snapshot(2)
			said := map[access.Subject]*access.Delta{}
			first, _ := page(access.Cursor{})
			for at := (access.Cursor{}); ; {
				w, ok := page(at)
				if !ok || w.Affected != first.Affected || w.Gaining != first.Gaining || w.Losing != first.Losing {
					t.Fatalf("round %d: the counts are %+v on one page and %+v on another", round, first, w)
				}
				for _, d := range w.Differences {
					said[access.Subject{Type: d.Type, ID: d.ID}] = d.Delta
				}
				if at = w.Next; at == (access.Cursor{}) {
					break
				}
			}
			if len(said) != first.Affected {
				t.Fatalf("round %d: %d are affected and %d listed", round, first.Affected, len(said))
			}
			gaining, losing := 0, 0
			for _, who := range g.subjects() {
				gains, loses := g.hold(t, before, after, who, said[who])
				if gains {
					gaining++
				}
				if loses {
					losing++
				}
				compared++
			}
			if gaining != first.Gaining || losing != first.Losing {
				t.Fatalf("round %d: %+v, but %d gain and %d lose", round, first, gaining, losing)
			}
			changes += len(said)
			before = after
		}
	}
	t.Logf("%d subjects compared, %d of them affected", compared, changes)
}

// proposal is another profile of that id, or the one that it is with one part changed.
func (g *generator) proposal(id string) *lanyard.Profile {
	old := g.w.profiles[id]
	if old == nil {
		return nil
	}
	fresh := g.profile(id)
	fresh.Tags = old.Tags // which the operation does not change
	p := lanyard.Clone(old)
	switch g.IntN(7) {
	case 0:
		return fresh
	case 1:
		p.Permissions = fresh.Permissions
	case 2:
		p.AccessTags, p.TagRestricted = g.tags(), some(g, 3, "User", "Queue", "Cases", "Widget")
	case 3:
		p.AccessTags, p.TagRestricted = nil, nil
	case 4:
		p.HierarchyRestricted, p.HierarchyGroup = fresh.HierarchyRestricted, fresh.HierarchyGroup
	case 5:
		p.DataTables = fresh.DataTables
	case 6:
		p.Applications, p.FlowModules = fresh.Applications, fresh.FlowModules
		p.AIAgents = []lanyard.AllowedAIAgent{{ARN: pick(g, "a1", "a2")}}
	}
	return p
}

func (g *generator) subjects() []access.Subject {
	var all []access.Subject
	for id := range g.w.users {
		all = append(all, access.Subject{ID: id})
	}
	for id := range g.w.agents {
		all = append(all, access.Subject{Type: access.AIAgent, ID: id})
	}
	return all
}

// hold compares what is said of one subject with what it may do before and after, and reports whether
// it is said to gain and to lose.
func (g *generator) hold(t *testing.T, before, after *access.Snapshot, who access.Subject,
	said *access.Delta) (gains, loses bool) {
	t.Helper()
	if said == nil {
		said = new(access.Delta)
	} else if len(said.Gains)+len(said.Loses)+len(said.Changes) == 0 {
		t.Fatalf("%+v is listed without a difference", who)
	}
	was, _ := before.WhatCan(who)
	is, _ := after.WhatCan(who)
	at := func(list []access.Effective, thing access.Thing) *access.Effective {
		if i := slices.IndexFunc(list, func(e access.Effective) bool { return e.Thing == thing }); i >= 0 {
			return &list[i]
		}
		return nil
	}
	missing := func(from, in []access.Effective) (out []access.Effective) {
		for _, e := range from {
			p, _ := lanyard.LookupPermission(e.Action)
			if at(in, e.Thing) == nil && !p.Restriction {
				out = append(out, e)
			}
		}
		return out
	}
	if want := missing(is, was); !reflect.DeepEqual(said.Gains, want) {
		t.Fatalf("%+v is said to gain %+v, gains %+v", who, said.Gains, want)
	}
	if want := missing(was, is); !reflect.DeepEqual(said.Loses, want) {
		t.Fatalf("%+v is said to lose %+v, loses %+v", who, said.Loses, want)
	}
	changed := map[access.Thing]access.Changed{}
	gains, loses = len(said.Gains) > 0, len(said.Loses) > 0
	for _, c := range said.Changes {
		changed[c.Thing] = c
		gains, loses = gains || c.More, loses || c.Less
		for _, x := range []struct {
			grants []access.Grant
			of     *access.Effective
		}{{c.Before, at(was, c.Thing)}, {c.After, at(is, c.Thing)}} {
			if x.of == nil && len(x.grants) > 0 || x.of != nil && !reflect.DeepEqual(x.grants, x.of.Grants) {
				t.Fatalf("%+v: %s is said to be granted by %+v, is by %+v", who, c.Action, x.grants, x.of)
			}
		}
		if !c.More && !c.Less {
			t.Fatalf("%+v: %+v changes neither way", who, c)
		}
		if p, _ := lanyard.LookupPermission(c.Action); !p.Restriction && (at(was, c.Thing) == nil || at(is, c.Thing) == nil) {
			t.Fatalf("%+v: %s changes, but is not held before and after", who, c.Action)
		}
	}
	for q := range g.questions(who) {
		had, has := before.Decide(&q).Allow, after.Decide(&q).Allow
		if had == has {
			continue
		}
		thing := access.Thing{Action: q.Action}
		if len(said.Gains)+len(said.Loses)+len(said.Changes) > 0 &&
			(at(said.Gains, thing) != nil && has || at(said.Loses, thing) != nil && had) {
			continue
		}
		if c := changed[thing]; !(has && c.More || had && c.Less) {
			t.Fatalf("%+v: %+v was allowed: %v and is: %v, and nothing is said of that: %+v\n%s\n%s", who, q, had, has, said,
				before.Explain(&q).Sentence, after.Explain(&q).Sentence)
		}
	}
	return gains, loses
}

// questions are about all that a permission is about and that is there.
func (g *generator) questions(who access.Subject) func(func(access.Query) bool) {
	return func(yield func(access.Query) bool) {
		ask := func(action string, r access.Resource) bool {
			return yield(access.Query{Subject: who, Action: action, Resource: r})
		}
		for id := range g.w.users {
			for _, action := range []string{"Users.View", "Users.Edit"} {
				if !ask(action, access.Resource{Type: access.TypeUser, ID: id}) {
					return
				}
			}
		}
		for id := range g.w.queues {
			if !ask("Queues.View", access.Resource{Type: access.TypeQueue, ID: id}) {
				return
			}
		}
		for id := range g.w.profiles {
			if !ask("SecurityProfiles.View", access.Resource{Type: access.TypeSecurityProfile, ID: id}) {
				return
			}
		}
		for id := range g.w.groups {
			if !ask("ContactSearch.View", access.Resource{Type: access.TypeContact, Group: id}) {
				return
			}
		}
		for _, country := range []string{"FR", "DE", ""} {
			for action, name := range map[string]string{"AccessMetrics": "Gadget", "Cases.View": "Case",
				"ContactSearch.View": access.TypeContact} {
				if !ask(action, access.Resource{Type: name, Tags: map[string]string{"Country": country},
					Group: key(g, g.w.groups)}) {
					return
				}
			}
		}
		for _, region := range []string{"EU", "UK", "US"} {
			for _, tier := range []string{"Gold", "Silver"} {
				if !ask("DataTables.View",
					access.Resource{Type: access.TypeDataTableRow, ID: "row",
						Attributes: map[string]string{"Region": region, "Tier": tier}}) {
					return
				}
			}
		}
		for _, action := range actions {
			if p, _ := lanyard.LookupPermission(action); p.Restriction {
				continue // who newly holds it is allowed less
			}
			if !ask(action, access.Resource{}) {
				return
			}
		}
	}
}

// Each row says how what a user reaches differs when their profiles become others.
func TestWhatIfDirections(t *testing.T) {
	view := []string{"Users.View"}
	france := tagged(map[string]string{"Country": "FR"}, "User")
	franceSales := tagged(map[string]string{"Country": "FR", "Department": "Sales"}, "User")
	below := func(group string) func(*lanyard.Profile) {
		return func(p *lanyard.Profile) { p.HierarchyRestricted, p.HierarchyGroup = []string{"User"}, group }
	}
	rows := func(values ...string) func(*lanyard.Profile) {
		return func(p *lanyard.Profile) {
			p.DataTables = []lanyard.AttributeRule{{Attribute: "Region", Values: values}}
		}
	}
	all := []*lanyard.Profile{
		profile("all", view, nil), profile("france", view, france), profile("france sales", view, franceSales),
		profile("queues", view, tagged(map[string]string{"Country": "FR"}, "Queue")),
		profile("EU", view, below("EU")), profile("FR", view, below("FR")), profile("own", view, below("")),
		profile("gone", view, below("nowhere")),
		profile("EU rows", []string{"DataTables.View"}, rows("EU")),
		profile("EU and UK rows", []string{"DataTables.View"}, rows("UK", "EU")),
		profile("search", []string{"ContactSearch.View"}, nil),
		profile("hemmed", []string{"ContactSearch.View", "RestrictContactAccessByHierarchy.View"}, nil),
		profile("assign", []string{"SelfAssignContacts.Access"}, nil),
		profile("no tasks", []string{"RestrictTaskCreation.Access"}, nil),
		profile("phones", []string{"ContactSearch.View", "RestrictPhoneTypeSettings.Access"}, nil), profile("none", nil, nil),
		profile("metrics", []string{"AccessMetrics"}, nil),
		profile("metrics of widgets", []string{"AccessMetrics"}, tagged(map[string]string{"Country": "FR"}, "Widget")),
	}
	e := access.Empty("i").Edit()
	e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	e.Put(&lanyard.Group{Meta: lanyard.Meta{ID: "EU"}, Path: []string{"EU"}})
	e.Put(&lanyard.Group{Meta: lanyard.Meta{ID: "FR"}, Path: []string{"EU", "FR"}})
	for _, p := range all {
		e.Put(p)
	}
	for _, tt := range []struct {
		before, after []string
		group         string
		want          string
	}{
		{[]string{"all"}, []string{"france"}, "", "less Users.View"},
		{[]string{"france"}, []string{"all"}, "", "more Users.View"},
		{[]string{"metrics"}, []string{"metrics of widgets"}, "", "less AccessMetrics"},
		{[]string{"metrics of widgets", "metrics"}, []string{"metrics of widgets"}, "", "less AccessMetrics"},
		{[]string{"france"}, []string{"france", "all"}, "", "more Users.View"},
		{[]string{"all"}, []string{"france", "all"}, "", ""},
		{[]string{"all"}, []string{"queues"}, "", ""},
		{[]string{"france"}, []string{"france sales"}, "", "less Users.View"},
		{[]string{"france"}, []string{"france", "france sales"}, "", ""},
		{[]string{"france"}, []string{"EU"}, "", "more less Users.View"},
		{[]string{"EU"}, []string{"FR"}, "", "less Users.View"},
		{[]string{"EU", "FR"}, []string{"EU"}, "", ""},
		{[]string{"own"}, []string{"EU"}, "FR", "more Users.View"},
		{[]string{"own"}, []string{"FR"}, "FR", ""},
		{[]string{"own"}, []string{"FR"}, "", "more Users.View"},
		{[]string{"gone", "none"}, []string{"own"}, "", ""},
		{[]string{"gone"}, []string{"own"}, "FR", "more Users.View"},
		{[]string{"EU rows"}, []string{"EU and UK rows"}, "", "more DataTables.View"},
		{[]string{"EU and UK rows"}, []string{"EU rows"}, "", "less DataTables.View"},
		{[]string{"search"}, []string{"hemmed"}, "", "less ContactSearch.View less RestrictContactAccessByHierarchy.View"},
		{[]string{"search", "hemmed"}, []string{"search"}, "",
			"more ContactSearch.View more RestrictContactAccessByHierarchy.View"},
		{[]string{"search"}, []string{"phones"}, "", "less RestrictPhoneTypeSettings.Access"},
		{[]string{"hemmed"}, []string{"hemmed", "none"}, "", ""},
		{[]string{"assign"}, []string{"assign", "no tasks"}, "",
			"less RestrictTaskCreation.Access less SelfAssignContacts.Access"},
		{[]string{"none"}, []string{"search", "france"}, "", "gains ContactSearch.View gains Users.View"},
		{[]string{"search", "france"}, []string{"france"}, "", "loses ContactSearch.View"},
	} {
		t.Run(fmt.Sprint(tt.before, " to ", tt.after, " in ", tt.group), func(t *testing.T) {
			edit := e.Snapshot(1).Edit()
			u := &lanyard.User{Meta: lanyard.Meta{ID: "u", Name: "u"}, Profiles: tt.before, Group: tt.group}
			edit.Put(u)
			u = lanyard.Clone(u)
			u.Profiles = tt.after
			w, ok := edit.Snapshot(2).IfUser(u, nil)
			got := ""
			for _, d := range w.Differences {
				for _, g := range d.Gains {
					got += "gains " + g.Action + " "
				}
				for _, l := range d.Loses {
					got += "loses " + l.Action + " "
				}
				for _, c := range d.Changes {
					if c.More {
						got += "more "
					}
					if c.Less {
						got += "less "
					}
					got += c.Action + " "
				}
			}
			if len(got) > 0 {
				got = got[:len(got)-1]
			}
			if !ok || got != tt.want {
				t.Errorf("the change is said to do %q, want %q", got, tt.want)
			}
		})
	}
}

// Holders of the same profiles differ by their groups when another profile reaches their own group.
func TestWhatIfByGroup(t *testing.T) {
	e := access.Empty("i").Edit()
	e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	e.Put(&lanyard.Group{Meta: lanyard.Meta{ID: "EU"}, Path: []string{"EU"}})
	e.Put(&lanyard.Group{Meta: lanyard.Meta{ID: "FR"}, Path: []string{"EU", "FR"}})
	view, user := []string{"Users.View", "Users.Edit"}, []string{"User"}
	e.Put(profile("own", view, func(p *lanyard.Profile) { p.HierarchyRestricted = user }))
	e.Put(profile("changed", view[:1], nil))
	for _, u := range []struct{ id, group string }{{"in EU", "EU"}, {"in FR", "FR"}} {
		e.Put(&lanyard.User{Meta: lanyard.Meta{ID: u.id, Name: u.id}, Profiles: []string{"own", "changed"}, Group: u.group})
	}
	scoped := func(group string, tags map[string]string) *lanyard.Profile {
		return profile("changed", view, func(p *lanyard.Profile) {
			p.HierarchyRestricted, p.HierarchyGroup = user, group
			if p.AccessTags = tags; tags != nil {
				p.TagRestricted = user
			}
		})
	}
	for _, tt := range []struct {
		before, after *lanyard.Profile
		want          map[string]string
	}{
		{scoped("FR", nil), scoped("EU", nil), map[string]string{"in FR": "more Users.Edit, more Users.View, "}},
		{profile("changed", view[:1], nil), scoped("EU", map[string]string{"Country": "FR"}), map[string]string{
			"in EU": "less Users.View, ", // and Users.Edit as before: all of the EU by the own group
			"in FR": "more Users.Edit, less Users.View, ",
		}},
	} {
		w, _ := e.Snapshot(1).With(tt.before).IfProfile(tt.after, nil, access.Page{Limit: 10})
		got := map[string]string{}
		for _, d := range w.Differences {
			for _, c := range d.Changes {
				got[d.ID] += map[bool]string{true: "more ", false: "less "}[c.More] + c.Action + ", "
			}
		}
		if !reflect.DeepEqual(got, tt.want) || w.Affected != len(tt.want) {
			t.Errorf("%+v, want %v", got, tt.want)
		}
	}
}

// BenchmarkIfProfile proposes changes to a profile that every one of 10,000 users holds, alongside one
// or two of 100 others.
func BenchmarkIfProfile(b *testing.B) {
	s, ids := centre(10_000)
	e := s.Edit()
	everyone := &lanyard.Profile{Meta: lanyard.Meta{ID: "everyone", Name: "everyone"}}
	for i, p := range lanyard.Permissions() {
		if i%3 == 0 {
			everyone.Permissions = append(everyone.Permissions, p.Name)
		}
	}
	e.Put(everyone)
	for i, id := range ids {
		u := &lanyard.User{Meta: lanyard.Meta{ID: id, Name: fmt.Sprintf("user.%d", i)}, Profiles: []string{"everyone"},
			Group: fmt.Sprintf("group-%d", i%40)}
		for j := range 2 {
			u.Profiles = append(u.Profiles, fmt.Sprintf("00000000-0000-0000-0000-%012d", (i*(7*j+1)+i/100)%100))
		}
		e.Put(u)
	}
	s = e.Snapshot(2)
	one := lanyard.Clone(everyone)
	one.Permissions = append(one.Permissions, "Users.Delete")
	restricted := lanyard.Clone(everyone)
	restricted.AccessTags, restricted.TagRestricted = map[string]string{"Country": "FR"}, []string{"User", "Queue"}
	own := lanyard.Clone(everyone)
	own.HierarchyRestricted = []string{"User"}
	nothing := lanyard.Clone(everyone)
	nothing.Permissions = nil
	for _, c := range []struct {
		name string
		p    *lanyard.Profile
	}{{"one-more", one}, {"tags", restricted}, {"own-group", own}, {"nothing-left", nothing}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			var w access.WhatIf
			for b.Loop() {
				w, _ = s.IfProfile(c.p, nil, access.Page{Limit: 100})
			}
			b.ReportMetric(float64(w.Affected), "affected")
		})
	}
}

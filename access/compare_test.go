package access_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// What is said of two snapshots, whatever changed in between, is what WhatCan and Decide answer differently.
func TestCompareAgreesWithDecisions(t *testing.T) {
	var n struct{ subjects, affected, shifts, answers int }
	for round := range uint64(200) {
		g := newGenerator(round + 5000)
		e := access.Empty("i").Edit()
		e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
		for range 60 {
			g.change(e)
		}
		before := e.Snapshot(1)
		for range 6 {
			was := maps.Clone(g.w.users)
			agents := maps.Clone(g.w.agents)
			edit := before.Edit()
			for range 1 + g.IntN(6) {
				g.change(edit)
				g.retag(edit)
			}
			after := edit.Snapshot(2)
			if g.IntN(2) == 0 {
				after = g.rebuild(t) // which has the same resources in other places
			}
			said := map[access.Subject]access.SharedDifference{}
			for _, d := range access.Compare(before, after) {
				for _, h := range d.Subjects {
					said[access.Subject{Type: h.Type, ID: h.ID}] = d
				}
				n.shifts += len(d.Shifts)
			}
			who := g.subjects()
			for id := range was {
				if g.w.users[id] == nil {
					who = append(who, access.Subject{ID: id})
				}
			}
			for _, s := range who {
				d, affected := said[s]
				delete(said, s)
				_, now := g.w.users[s.ID]
				_, had := was[s.ID]
				if s.Type == access.AIAgent {
					_, now = g.w.agents[s.ID]
					_, had = agents[s.ID]
				}
				if affected && (d.Created == had || d.Deleted == now) {
					t.Fatalf("round %d: %+v is said to be created %v, deleted %v", round, s, d.Created, d.Deleted)
				}
				n.answers += g.holdShared(t, before, after, s, d)
				n.subjects++
				if affected {
					n.affected++
				}
			}
			if len(said) > 0 {
				t.Fatalf("round %d: %v are listed and nowhere", round, said)
			}
			before = after
		}
	}
	t.Logf("%+v", n)
	if n.shifts == 0 || n.answers == 0 {
		t.Errorf("nothing was compared: %+v", n)
	}
}

// retag changes what conditions see of a resource.
func (g *generator) retag(e *access.Edit) {
	if u := g.w.users[key(g, g.w.users)]; u != nil && g.IntN(2) == 0 {
		u = lanyard.Clone(u)
		if u.Tags = g.tags(); g.IntN(2) == 0 {
			u.Group = key(g, g.w.groups)
		}
		g.w.users[u.ID] = u
		e.Put(u)
	}
	if q := g.w.queues[key(g, g.w.queues)]; q != nil && g.IntN(2) == 0 {
		q = lanyard.Clone(q)
		q.Tags = g.tags()
		g.w.queues[q.ID] = q
		e.Put(q)
	}
}

// rebuild makes a snapshot of all that there is.
func (g *generator) rebuild(t *testing.T) *access.Snapshot {
	e := access.Empty("i").Edit()
	e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	putAll(g, e, g.w.groups)
	putAll(g, e, g.w.users)
	putAll(g, e, g.w.profiles)
	putAll(g, e, g.w.queues)
	putAll(g, e, g.w.modules)
	putAll(g, e, g.w.agents)
	return e.Snapshot(1)
}

func putAll[R lanyard.Resource](g *generator, e *access.Edit, all map[string]R) {
	for _, id := range slices.SortedFunc(maps.Keys(all), func(a, b string) int {
		return int(g.hash(a)>>2) - int(g.hash(b)>>2)
	}) {
		e.Put(all[id])
	}
}

// holdShared compares what is said of a subject with what it may do before and after, and returns how many answers
// differ.
func (g *generator) holdShared(t *testing.T, before, after *access.Snapshot, who access.Subject,
	said access.SharedDifference) (answers int) {
	t.Helper()
	was, _ := before.WhatCan(who)
	is, _ := after.WhatCan(who)
	if want := onlyIn(is, was); !reflect.DeepEqual(said.Gains, want) {
		t.Fatalf("%+v is said to gain %+v, gains %+v", who, said.Gains, want)
	}
	if want := onlyIn(was, is); !reflect.DeepEqual(said.Loses, want) {
		t.Fatalf("%+v is said to lose %+v, loses %+v", who, said.Loses, want)
	}
	for _, c := range said.Changes {
		if b, a := grantsAt(was, c.Thing), grantsAt(is, c.Thing); !reflect.DeepEqual(c.Before, b) ||
			!reflect.DeepEqual(c.After, a) {
			t.Fatalf("%+v: %s is said to be granted by %+v and then %+v, is by %+v and then %+v", who, c.Action, c.Before,
				c.After, b, a)
		}
		if !c.More && !c.Less {
			t.Fatalf("%+v: %+v changes neither way", who, c)
		}
	}
	for _, s := range said.Shifts {
		for _, action := range s.Actions {
			for _, r := range s.On.Resources {
				q := access.Query{Subject: who, Action: action, Resource: access.Resource{Type: s.On.Type, ID: r.ID}}
				if had, has := before.Decide(&q).Allow, after.Decide(&q).Allow; had == has || has != s.Gained {
					t.Fatalf("%+v: %+v was allowed: %v and is: %v, but is said to shift: %+v", who, q, had, has, s)
				}
			}
		}
	}
	for q := range g.questions(who) {
		had, has := before.Decide(&q), after.Decide(&q)
		if had.Allow == has.Allow || had.Reason == access.UnknownResource || has.Reason == access.UnknownResource {
			continue
		}
		answers++
		if !explains(said, q, has.Allow) {
			t.Fatalf("%+v: %+v was allowed: %v and is: %v, and nothing is said of that: %+v\n%s\n%s", who, q, had, has, said,
				before.Explain(&q).Sentence, after.Explain(&q).Sentence)
		}
	}
	return answers
}

// explains reports whether what is said of a subject includes that a question is answered otherwise.
func explains(said access.SharedDifference, q access.Query, gained bool) bool {
	of := said.Loses
	if gained {
		of = said.Gains
	}
	thing := access.Thing{Action: q.Action}
	for _, e := range of {
		if e.Thing == thing {
			return true
		}
	}
	for _, c := range said.Changes {
		if c.Thing == thing && (gained && c.More || !gained && c.Less) {
			return true
		}
	}
	for _, s := range said.Shifts {
		if s.Gained == gained && s.On.Type == q.Resource.Type && slices.Contains(s.Actions, q.Action) &&
			slices.ContainsFunc(s.On.Resources, func(r access.Found) bool { return r.ID == q.Resource.ID }) {
			return true
		}
	}
	return false
}

func grantsAt(list []access.Effective, thing access.Thing) []access.Grant {
	for _, e := range list {
		if e.Thing == thing {
			return e.Grants
		}
	}
	return nil
}

// onlyIn are those of some things that others do not have, apart from restricting permissions.
func onlyIn(from, others []access.Effective) (out []access.Effective) {
	for _, e := range from {
		p, _ := lanyard.LookupPermission(e.Action)
		if grantsAt(others, e.Thing) == nil && !p.Restriction {
			out = append(out, e)
		}
	}
	return out
}

// Nothing differs between a snapshot and itself, however it was made.
func TestCompareSame(t *testing.T) {
	for round := range uint64(50) {
		g := newGenerator(round)
		e := access.Empty("i").Edit()
		e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
		for range 80 {
			g.change(e)
		}
		s := e.Snapshot(1)
		if d := access.Compare(s, g.rebuild(t)); len(d) > 0 {
			t.Fatalf("round %d: the same resources differ: %+v", round, d)
		}
	}
}

// A subject's own group counts where a profile or a restricting permission depends on it.
func TestCompareOwnGroup(t *testing.T) {
	group := func(id string, above ...string) *lanyard.Group {
		return &lanyard.Group{Meta: lanyard.Meta{ID: id, Name: id}, Path: append(above, id)}
	}
	own := &lanyard.Profile{Meta: lanyard.Meta{ID: "own", Name: "own"}, Permissions: []string{"Users.View"},
		HierarchyRestricted: []string{"User"}}
	contacts := &lanyard.Profile{Meta: lanyard.Meta{ID: "contacts", Name: "contacts"},
		Permissions: []string{"ContactSearch.View", "RestrictContactAccessByHierarchy.View"}}
	all := &lanyard.Profile{Meta: lanyard.Meta{ID: "all", Name: "all"}, Permissions: []string{"Users.View"}}
	user := func(group string, profile string) *lanyard.User {
		return &lanyard.User{Meta: lanyard.Meta{ID: "u", Name: "u"}, Profiles: []string{profile}, Group: group}
	}
	for _, tt := range []struct {
		name               string
		profile            string
		from, to           string
		wantMore, wantLess bool
	}{
		{"to the group above", "own", "paris", "france", true, false},
		{"to a group below", "own", "france", "paris", false, true},
		{"to another group", "own", "paris", "rome", true, true},
		{"into a group", "own", "", "paris", true, false},
		{"out of all groups", "own", "paris", "", false, true},
		{"contacts of the group above", "contacts", "paris", "france", true, false},
		{"contacts of another group", "contacts", "paris", "rome", true, true},
		{"unrestricted", "all", "paris", "rome", false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := access.New(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}}, group("france"), group("paris", "france"),
				group("rome"), own, contacts, all, user(tt.from, tt.profile))
			if err != nil {
				t.Fatal(err)
			}
			more, less := false, false
			for _, d := range access.Compare(s, s.With(user(tt.to, tt.profile))) {
				if d.GroupBefore != tt.from || d.GroupAfter != tt.to {
					t.Errorf("the group is said to change from %q to %q", d.GroupBefore, d.GroupAfter)
				}
				for _, c := range d.Changes {
					more, less = more || c.More, less || c.Less
				}
			}
			if more != tt.wantMore || less != tt.wantLess {
				t.Errorf("more %v, less %v", more, less)
			}
		})
	}
}

// A hundred thousand users are compared in seconds; the bound is for slow machines and the race detector.
func TestCompareScales(t *testing.T) {
	before, after := largeInstances(t)
	begin := time.Now()
	affected := 0
	for _, d := range access.Compare(before, after) {
		affected += len(d.Subjects)
	}
	took := time.Since(begin)
	t.Logf("%d affected of 100,000, in %v", affected, took)
	if affected < 1_000 || took > 2*time.Minute {
		t.Errorf("%d affected, in %v", affected, took)
	}
}

// largeInstances are two states of an instance with 500 profiles, 500 groups and 100,000 users, made apart.
func largeInstances(t testing.TB) (before, after *access.Snapshot) {
	t.Helper()
	make := func(changed bool) *access.Snapshot {
		e := access.Empty("i").Edit()
		e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
		for i := range 500 {
			id := fmt.Sprintf("group-%d", i)
			e.Put(&lanyard.Group{Meta: lanyard.Meta{ID: id, Name: id}, Path: []string{id}})
		}
		all := lanyard.Permissions()
		for i := range 500 {
			id := fmt.Sprintf("profile-%d", i)
			p := &lanyard.Profile{Meta: lanyard.Meta{ID: id, Name: id}}
			for j := range 40 {
				p.Permissions = append(p.Permissions, all[(i*7+j*5)%len(all)].Name)
			}
			if p.Permissions = append(p.Permissions, "Users.View"); i%3 == 0 {
				p.AccessTags, p.TagRestricted = map[string]string{"Team": fmt.Sprint(i % 20)}, []string{"User"}
			} else if i%3 == 1 {
				p.HierarchyRestricted = []string{"User"}
			}
			if changed && i%50 == 0 {
				p.Permissions = append(p.Permissions, "Users.Edit")
			}
			p.Permissions = lanyard.SortPermissions(p.Permissions)
			e.Put(p)
		}
		for i := range 100_000 {
			u := &lanyard.User{Meta: lanyard.Meta{ID: fmt.Sprintf("user-%d", i), Name: fmt.Sprintf("name-%d", i),
				Tags: map[string]string{"Team": fmt.Sprint(i % 20)}}, Group: fmt.Sprintf("group-%d", i%500)}
			for j := range 1 + i%4 {
				u.Profiles = append(u.Profiles, fmt.Sprintf("profile-%d", (i/4*j+i)%500))
			}
			if u.Profiles = slices.Compact(slices.Sorted(slices.Values(u.Profiles))); changed && i%10 == 0 {
				u.Tags, u.Group = map[string]string{"Team": fmt.Sprint(i % 7)}, fmt.Sprintf("group-%d", i%77)
			}
			e.Put(u)
		}
		return e.Snapshot(1)
	}
	return make(false), make(true)
}

func BenchmarkCompare(b *testing.B) {
	before, after := largeInstances(b)
	for b.Loop() {
		access.Compare(before, after)
	}
}

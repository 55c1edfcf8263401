package access_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// A world of resources that name one another, as a store has them.
func drawResources(t *rapid.T) []lanyard.Resource {
	var all []lanyard.Resource
	seq := int64(0)
	meta := func(kind string, i int) lanyard.Meta {
		seq++
		id := fmt.Sprint(kind, i)
		return lanyard.Meta{ID: id, Name: id, Seq: seq,
			Tags: map[string]string{"Team": rapid.SampledFrom([]string{"1", "2"}).Draw(t, "team")}}
	}
	groups := []string{"", "g0", "g1", "g2", "gone"}
	for i, path := range [][]string{{"g0"}, {"g0", "g1"}, {"g0", "g1", "g2"}} {
		all = append(all, &lanyard.Group{Meta: meta("g", i), Path: path})
	}
	var profiles []string
	for i := range 4 {
		p := &lanyard.Profile{Meta: meta("p", i), Permissions: []string{"Users.View"},
			FlowModules: []lanyard.FlowModule{{ID: rapid.SampledFrom([]string{"m0", "gone"}).Draw(t, "module")}}}
		switch rapid.IntRange(0, 2).Draw(t, "restriction") {
		case 0:
			p.AccessTags, p.TagRestricted = map[string]string{"Team": "1"}, []string{"User"}
		case 1:
			p.HierarchyRestricted, p.HierarchyGroup = []string{"User"}, rapid.SampledFrom(groups).Draw(t, "group")
		}
		all, profiles = append(all, p), append(profiles, p.ID)
	}
	for i := range 5 {
		all = append(all, &lanyard.User{Meta: meta("u", i), Group: rapid.SampledFrom(groups[:4]).Draw(t, "group"),
			Profiles: rapid.SliceOfNDistinct(rapid.SampledFrom(profiles), 1, 4, rapid.ID[string]).Draw(t, "profiles")})
	}
	all = append(all, &lanyard.AIAgent{Meta: meta("a", 0), Profiles: profiles[:2]}, &lanyard.Module{Meta: meta("m", 0)},
		&lanyard.Queue{Meta: meta("q", 0)})
	return all
}

// answers are those of a snapshot to all that can be asked about drawResources.
func answers(s *access.Snapshot) []any {
	var all []any
	for _, surface := range []access.Surface{access.Admin, access.Reports} {
		for _, resource := range []access.Resource{{}, {Type: access.TypeUser, ID: "u0"}, {Type: access.TypeUser, ID: "u1"},
			{Type: access.TypeUser, ID: "u2"}, {Type: access.TypeUser, ID: "u4"}} {
			q := access.Query{Action: "Users.View", Resource: resource, Surface: surface}
			can, _ := s.WhoCan(&q, access.Page{Limit: 100})
			all = append(all, can)
			for i := range 5 {
				q.Subject.ID = fmt.Sprint("u", i)
				all = append(all, s.Explain(&q))
			}
		}
	}
	for _, module := range []string{"m0", "gone"} {
		can, _ := s.WhoCan(&access.Query{Action: access.ActionInvoke,
			Resource: access.Resource{Type: access.TypeFlowModule, ID: module}}, access.Page{})
		all = append(all, can)
	}
	for i := range 4 {
		holders, _, _ := s.Holders(fmt.Sprint("p", i), access.Page{Limit: 100})
		all = append(all, holders, s.CountHoldersByGroup(fmt.Sprint("p", i)))
	}
	for _, who := range []access.Subject{{ID: "u0"}, {ID: "u1"}, {Type: access.AIAgent, ID: "a0"}} {
		can, _ := s.WhatCan(who)
		all = append(all, can)
	}
	for u := range s.UsersWithTags() {
		all = append(all, u)
	}
	for _, t := range []string{access.TypeUser, access.TypeSecurityProfile, access.TypeHierarchyGroup, access.TypeQueue} {
		all = append(all, s.Count(t))
	}
	return append(all, s.CountByGroup(), s.Seq())
}

// In whatever order resources are put, put again and removed, with whatever edits, what is there at the
// end answers alike: nothing that names what is not there yet is forgotten.
func TestOrderOfPutsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		all := drawResources(rt)
		put := func(list []lanyard.Resource) *access.Snapshot {
			s := access.Empty("i")
			e := s.Edit()
			for _, r := range list {
				e.Put(r)
				if rapid.IntRange(0, 3).Draw(rt, "edit ends") == 0 {
					s = e.Snapshot(1)
					e = s.Edit()
				}
				if rapid.IntRange(0, 9).Draw(rt, "removed and put again") == 0 {
					e.Remove(r.Type(), r.Head().ID)
					e.Put(r)
				}
			}
			e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
			return e.Snapshot(1)
		}
		want := answers(put(all))
		got := put(rapid.Permutation(all).Draw(rt, "order"))
		for i, a := range answers(got) {
			if !reflect.DeepEqual(a, want[i]) {
				rt.Fatalf("answer %d is\n%+v\nwant\n%+v", i, a, want[i])
			}
		}
		// All removed again, in any order, leaves nothing behind.
		e := got.Edit()
		for _, r := range rapid.Permutation(all).Draw(rt, "order of removal") {
			e.Remove(r.Type(), r.Head().ID)
		}
		fresh := access.Empty("i").Edit()
		fresh.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
		s := e.Snapshot(2)
		if slices.Contains([]int{s.Count(access.TypeUser), s.Count(access.TypeSecurityProfile),
			s.Count(access.TypeHierarchyGroup)}, 1) {
			rt.Fatal("something is left of what was removed")
		}
		e = s.Edit()
		for _, r := range all {
			e.Put(r)
		}
		if again := e.Snapshot(3); again.Memory() > got.Memory()+1024 {
			rt.Fatalf("what was put again after it was removed takes %d bytes, before it took %d", again.Memory(), got.Memory())
		}
	})
}

// A right by a profile that comes after its holder counts as soon as the profile is there, and is gone
// with it. Nothing else that gets its place in between grants anything.
func TestProfileAfterItsHolder(t *testing.T) {
	q := access.Query{Subject: access.Subject{ID: "u"}, Action: "Users.View"}
	e := access.Empty("i").Edit()
	e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	e.Put(user("u", nil, "p"))
	s := e.Snapshot(1)
	if got, want := s.Decide(&q), (access.Decision{}); got != want {
		t.Errorf("without the profile: %+v, want %+v", got, want)
	}
	e = s.Edit()
	e.Put(profile("p", []string{"Users.View"}, nil))
	s = e.Snapshot(2)
	if got, want := s.Decide(&q), (access.Decision{Allow: true, Reason: access.Granted, Profile: "p"}); got != want {
		t.Errorf("with the profile: %+v, want %+v", got, want)
	}
	e = s.Edit()
	e.Remove(lanyard.TypeProfile, "p")
	e.Put(profile("other", []string{"Users.View"}, nil))
	if got, want := e.Snapshot(3).Decide(&q), (access.Decision{}); got != want {
		t.Errorf("with another profile where that was: %+v, want %+v", got, want)
	}
}

// An AI agent that loses its profiles while a list is read, and gets one again, is a new holder, and not
// listed twice.
func TestListedOnceThoughMadeAgain(t *testing.T) {
	agent := func(id string, seq int64) *lanyard.AIAgent {
		return &lanyard.AIAgent{Meta: lanyard.Meta{ID: id, Name: id, Seq: seq}, Profiles: []string{"p"}}
	}
	e := access.Empty("i").Edit()
	e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	e.Put(profile("p", []string{"Users.View"}, nil))
	e.Put(agent("a", 11))
	e.Put(agent("b", 12))
	s := e.Snapshot(1)
	q := access.Query{Subject: access.Subject{Type: access.AIAgent}, Action: "Users.View"}
	first, next := s.WhoCan(&q, access.Page{Limit: 1})
	if want := (access.Cursor{After: 11, Until: 12}); len(first) != 1 || first[0].ID != "a" || next != want {
		t.Fatalf("the first page has %+v and leads to %+v, want %+v", first, next, want)
	}
	e = s.Edit()
	e.Remove(lanyard.TypeAIAgent, "a")
	e.Put(agent("a", 13))
	second, next := e.Snapshot(2).WhoCan(&q, access.Page{From: next, Limit: 5})
	if len(second) != 1 || second[0].ID != "b" || next != (access.Cursor{}) {
		t.Errorf("the second page has %+v and leads to %+v", second, next)
	}
}

// Without a Seq, or with one that another has, whatever is put comes last, and is listed.
func TestPlacesWithoutSeq(t *testing.T) {
	e := access.Empty("i").Edit()
	e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	e.Put(profile("p", []string{"Users.View"}, nil))
	for i, seq := range []int64{0, 7, 7, 0, -1, 3, 1 << 60} {
		u := user(fmt.Sprint("u", i), nil, "p")
		u.Seq = seq
		e.Put(u)
	}
	var got []string
	for at := (access.Cursor{}); ; {
		page, next, _ := e.Snapshot(1).Holders("p", access.Page{From: at, Limit: 1})
		for _, h := range page {
			got = append(got, h.ID)
		}
		if at = next; next == (access.Cursor{}) {
			break
		}
	}
	if want := []string{"u0", "u5", "u1", "u2", "u3", "u4", "u6"}; !slices.Equal(got, want) {
		t.Errorf("page by page there are %v, want %v", got, want)
	}
}

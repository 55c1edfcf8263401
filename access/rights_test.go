package access_test

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"
	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// A solo decides what the snapshot does, in everything that the subject may ask about, and grants nothing beyond.
func TestSoloAgreesWithSnapshot(t *testing.T) {
	asked, allowed := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		g := newGenerator(rapid.Uint64().Draw(t, "seed"))
		s := randomSnapshot(g)
		for range 60 {
			q := g.query()
			if g.IntN(3) == 0 {
				q.Resource.Tags = nil
			}
			solo := soloOf(t, s, q.Subject)
			if solo == nil {
				if d := s.Decide(&q); d.Allow {
					t.Fatalf("%+v is allowed to a subject without rights", q)
				}
				continue
			}
			want, sees := s.Decide(describe(g, &q)), seesResource(s, &q)
			if group := g.w.groups[q.Resource.Group]; group != nil {
				q.Resource.Group = strings.Join(group.Path, "/") // which the subject may not view
			}
			got := solo.Decide(&q)
			x := solo.Explain(&q)
			if x.Decision != got {
				t.Fatalf("%+v is decided %+v and explained as %+v", q, got, x.Decision)
			}
			if got.Reason == access.UnknownAction {
				got.Reason, want.Reason = 0, 0 // a permission that profiles of others alone know is unknown here
			}
			switch exists := want.Reason != access.UnknownResource; {
			case !exists: // which the rights do not know
			case sees && got != want:
				t.Fatalf("%+v is decided %+v alone and %+v by the snapshot", q, got, want)
			case got.Allow && !want.Allow:
				t.Fatalf("%+v is allowed alone and %+v by the snapshot", q, want)
			}
			if asked++; got.Allow {
				allowed++
			}
		}
	})
	if t.Logf("%d decisions, %d allow", asked, allowed); allowed*10 < asked || asked == 0 {
		t.Errorf("only %d of %d decisions allow, so that little is tried", allowed, asked)
	}
}

func randomSnapshot(g *generator) *access.Snapshot {
	e := access.Empty("i").Edit()
	e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	for range 80 {
		g.change(e)
	}
	for _, id := range slices.Sorted(maps.Keys(g.w.profiles)) {
		p := *g.w.profiles[id]
		if g.IntN(3) == 0 {
			p.Permissions = append(slices.Clone(p.Permissions), "AgentGrouping.View")
			p.TagRestricted = slices.Concat(p.TagRestricted, some(g, 1, "AgentGroup"))
		}
		g.w.profiles[id] = &p
		e.Put(&p)
	}
	return e.Snapshot(7)
}

// The rights of a subject are the same without all that the subject may not know of, so they say nothing about it, not
// even that it exists.
func TestRightsHoldNothingOfOthers(t *testing.T) {
	tried := 0
	rapid.Check(t, func(t *rapid.T) {
		g := newGenerator(rapid.Uint64().Draw(t, "seed"))
		s := randomSnapshot(g)
		sub := g.query().Subject
		before, ok := s.RightsOf(sub)
		if !ok {
			t.Skip("nobody asks")
		}
		e := s.Edit()
		gone := removeOthers(g, s, e, &before)
		after, _ := e.Snapshot(7).RightsOf(sub)
		one, other := encode(t, &before), encode(t, &after)
		if one != other {
			t.Fatalf("without others, the rights are\n%s and with them\n%s", other, one)
		}
		for _, text := range gone {
			if strings.Contains(one, `"`+text+`"`) {
				t.Fatalf("the rights have %q in them: %s", text, one)
			}
		}
		tried += len(gone)
	})
	if tried < 1000 {
		t.Errorf("only %d resources of others were removed", tried)
	}
}

// removeOthers removes all that the holder of rights may not know of, and returns its ids.
func removeOthers(g *generator, s *access.Snapshot, e *access.Edit, r *access.Rights) (gone []string) {
	remove := func(t lanyard.Type, id string) {
		e.Remove(t, id)
		gone = append(gone, id)
	}
	own := map[string]bool{}
	for _, h := range r.Holders {
		own[h.ID] = true
	}
	for _, p := range r.Profiles {
		own[p.ID] = true
		for _, id := range p.Modules {
			own[id] = true
		}
	}
	for id := range g.w.users {
		if !own[id] {
			remove(lanyard.TypeUser, id)
		}
	}
	for id := range g.w.agents {
		if !own[id] {
			remove(lanyard.TypeAIAgent, id)
		}
	}
	for id := range g.w.profiles {
		if !own[id] {
			remove(lanyard.TypeProfile, id)
		}
	}
	for id := range g.w.modules {
		if !own[id] {
			remove(lanyard.TypeModule, id)
		}
	}
	sub := access.Subject{ID: r.Holders[0].ID}
	if r.Holders[0].Agent {
		sub.Type = access.AIAgent
	}
	if len(r.Holders) > 1 {
		sub.Human = r.Holders[1].ID
	}
	views := func(permission, resourceType, id string) bool {
		return s.Decide(&access.Query{Subject: sub, Action: permission,
			Resource: access.Resource{Type: resourceType, ID: id}}).Allow
	}
	for id := range g.w.queues {
		if !views("Queues.View", access.TypeQueue, id) {
			remove(lanyard.TypeQueue, id)
		}
	}
	for _, h := range r.Holders {
		if group := g.w.groups[h.Group]; group != nil {
			for _, id := range group.Path {
				own[id] = true
			}
		}
	}
	for _, p := range r.Profiles {
		own[p.Group] = true
	}
	for id := range g.w.groups {
		if !own[id] && !views("AgentGrouping.View", access.TypeHierarchyGroup, id) {
			remove(lanyard.TypeGroup, id)
		}
	}
	return gone
}

func encode(t *rapid.T, r *access.Rights) string {
	b, err := json.Marshal(r, json.Deterministic(true))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A type that has too many resources is not listed, and nothing of it is allowed then unless the question has the tags.
func TestRightsAreBounded(t *testing.T) {
	e := access.Empty("i").Edit()
	e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	e.Put(&lanyard.Profile{Meta: lanyard.Meta{ID: "p", Name: "p"}, Permissions: []string{"Queues.View", "Prompts.View"},
		AccessTags: map[string]string{"Country": "FR"}, TagRestricted: []string{"Queue", "QuickConnect"}})
	e.Put(&lanyard.User{Meta: lanyard.Meta{ID: "u", Name: "u"}, Profiles: []string{"p"}})
	for i := range 6000 {
		id := fmt.Sprintf("queue-with-an-id-that-is-as-long-as-uuids-%d", i)
		e.Put(&lanyard.Queue{Meta: lanyard.Meta{ID: id, Name: id, Tags: map[string]string{"Country": "FR", "Other": "x"}}})
	}
	s := e.Snapshot(1)
	r, ok := s.RightsOf(access.Subject{ID: "u"})
	if !ok || r.Listed[access.TypeQueue] != nil || r.Listed[access.TypeQuickConnect] == nil {
		t.Fatalf("the rights list %d queues", len(r.Listed[access.TypeQueue]))
	}
	solo, err := r.Compile()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		r    access.Resource
		want access.Decision
	}{
		{"without tags", access.Resource{ID: "q"}, access.Decision{Reason: access.UnknownResource}},
		{"with tags", access.Resource{ID: "q", Tags: map[string]string{"Country": "FR"}},
			access.Decision{Allow: true, Reason: access.Granted, Profile: "p"}},
		{"with other tags", access.Resource{ID: "q", Tags: map[string]string{"Country": "DE"}},
			access.Decision{Reason: access.ConditionFailed}},
		{"known to have none", access.Resource{ID: "q", Tags: map[string]string{}},
			access.Decision{Reason: access.ConditionFailed}},
		{"without id", access.Resource{}, access.Decision{Reason: access.UnknownResource}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.r.Type = access.TypeQueue
			q := access.Query{Action: "Queues.View", Resource: tt.r}
			if got := solo.Decide(&q); got != tt.want {
				t.Errorf("it is decided %+v, want %+v", got, tt.want)
			}
			if x := solo.Explain(&q); x.Decision != tt.want || x.Sentence == "" {
				t.Errorf("it is explained as %+v, want %+v", x, tt.want)
			}
		})
	}
}

// What the snapshot knows of a listed resource counts, not what a question says of it.
func TestListedResourcesAreDecidedByTheirOwnTags(t *testing.T) {
	s, err := access.New(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}},
		&lanyard.Profile{Meta: lanyard.Meta{ID: "p", Name: "p"}, Permissions: []string{"Queues.Edit", "Queues.View"},
			AccessTags: map[string]string{"Country": "FR"}, TagRestricted: []string{"Queue"}},
		&lanyard.User{Meta: lanyard.Meta{ID: "u", Name: "u"}, Profiles: []string{"p"}},
		&lanyard.Queue{Meta: lanyard.Meta{ID: "paris", Name: "Paris", Tags: map[string]string{"Country": "FR", "Secret": "x"}}},
		&lanyard.Queue{Meta: lanyard.Meta{ID: "berlin", Name: "Berlin", Tags: map[string]string{"Country": "DE"}}})
	if err != nil {
		t.Fatal(err)
	}
	r, _ := s.RightsOf(access.Subject{ID: "u"})
	want := map[string][]access.RightsResource{"Queue": {{ID: "paris", Tags: map[string]string{"Country": "FR"}}}}
	if !reflect.DeepEqual(r.Listed, want) {
		t.Fatalf("the rights list %v, want %v", r.Listed, want)
	}
	solo, err := r.Compile()
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]bool{"paris": true, "berlin": false, "nowhere": false} {
		for _, tag := range []string{"FR", "DE"} {
			q := access.Query{Action: "Queues.Edit", Resource: access.Resource{Type: "Queue", ID: id,
				Tags: map[string]string{"Country": tag}}}
			if got := solo.Decide(&q); got.Allow != want {
				t.Errorf("%s, said to be of %s, is decided %+v", id, tag, got)
			}
		}
	}
}

// describe has q carry the tags and the group that a restricted user or security profile of the snapshot has, and
// returns it.
func describe(g *generator, q *access.Query) *access.Query {
	r := &q.Resource
	switch r.Type {
	case access.TypeUser:
		if u := g.w.users[r.ID]; u != nil && !r.New {
			r.Tags, r.Group = tagsOr(u.Tags), u.Group
		}
	case access.TypeSecurityProfile:
		if p := g.w.profiles[r.ID]; p != nil {
			r.Tags = tagsOr(p.Tags)
		}
	}
	return q
}

func tagsOr(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// seesResource reports whether the subject may view what a query is about, or does not have to.
func seesResource(s *access.Snapshot, q *access.Query) bool {
	view := *q
	view.Surface = access.Admin
	switch q.Resource.Type {
	case access.TypeQueue:
		view.Action = "Queues.View"
	default:
		return true
	}
	return s.Decide(&view).Allow
}

// soloOf returns what decides for a subject alone, after a way through JSON; nil for nobody.
func soloOf(t *rapid.T, s *access.Snapshot, sub access.Subject) *access.Solo {
	r, ok := s.RightsOf(sub)
	if !ok {
		return nil
	}
	b, err := json.Marshal(&r)
	if err != nil {
		t.Fatal(err)
	}
	var back access.Rights
	if err := json.Unmarshal(b, &back, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}
	solo, err := back.Compile()
	if err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return solo
}

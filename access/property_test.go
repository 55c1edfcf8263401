package access_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// decisions is how many decisions the engine is held to the oracle for. LANYARD_DECISIONS sets more.
func decisions(t *testing.T) int {
	if text := os.Getenv("LANYARD_DECISIONS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	return 1_000_000
}

// The engine answers as the oracle does, after any series of changes, and old snapshots go on
// answering as they did.
func TestEngineAgreesWithOracle(t *testing.T) {
	total := decisions(t)
	allowed := 0
	for asked, round := 0, uint64(0); asked < total; round++ {
		g := newGenerator(round)
		s := access.Empty("i").Edit()
		s.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
		snapshot := s.Snapshot(0)
		var old *access.Snapshot
		var oldQuestions []access.Query
		var oldAnswers []access.Decision
		for revision := int64(1); revision <= 40; revision++ {
			edit := snapshot.Edit()
			for range 1 + g.IntN(5) {
				g.change(edit)
			}
			snapshot = edit.Snapshot(revision)
			for range 120 {
				q := g.query()
				want := g.w.oracle(q)
				got := snapshot.Decide(&q)
				if got != want {
					t.Fatalf("round %d, revision %d: the engine says %+v, the rules say %+v\n%+v\n%s", round, revision, got, want, q,
						snapshot.Explain(&q).Sentence)
				}
				if want.Allow {
					allowed++
				}
				asked++
			}
			if revision == 20 {
				old = snapshot
				for range 100 {
					q := g.query()
					oldQuestions, oldAnswers = append(oldQuestions, q), append(oldAnswers, snapshot.Decide(&q))
				}
			}
		}
		for i := range oldQuestions {
			if got := old.Decide(&oldQuestions[i]); got != oldAnswers[i] {
				t.Fatalf("round %d: a snapshot changed its answer to %+v from %+v to %+v after later edits", round, oldQuestions[i],
					oldAnswers[i], got)
			}
		}
		g.checkSearches(t, snapshot)
	}
	t.Logf("%d%% of the decisions allow", allowed*100/total)
}

// generator makes random instances, changes and questions out of few words, so that they meet.
type generator struct {
	*rand.Rand
	w    *world
	next int
}

func newGenerator(seed uint64) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 7)),
		w: &world{map[string]*lanyard.Profile{}, map[string]*lanyard.User{}, map[string]*lanyard.AIAgent{},
			map[string]*lanyard.Group{}, map[string]*lanyard.Queue{}, map[string]*lanyard.Module{}}}
}

func (g *generator) id(kind string) string {
	g.next++
	return fmt.Sprintf("%s-%d", kind, g.next)
}

func pick[T any](g *generator, from ...T) T { return from[g.IntN(len(from))] }

func some[T any](g *generator, most int, from ...T) []T {
	var out []T
	for _, i := range g.Perm(len(from))[:g.IntN(min(most, len(from))+1)] {
		out = append(out, from[i])
	}
	return out
}

// key returns a random key of m, or "".
func key[T any](g *generator, m map[string]T) string {
	if len(m) == 0 {
		return ""
	}
	least, at := "", uint64(0)
	for k := range m { // the least by a random hash: map order would not repeat
		h := g.hash(k)
		if least == "" || h < at {
			least, at = k, h
		}
	}
	g.Uint64()
	return least
}

func (g *generator) hash(k string) uint64 {
	h := g.salt()
	for i := range len(k) {
		h = (h ^ uint64(k[i])) * 1099511628211
	}
	return h ^ h>>29
}

func (g *generator) salt() uint64 { return uint64(g.next)*0x9e3779b97f4a7c15 + 14695981039346656037 }

func (g *generator) tags() map[string]string {
	m := map[string]string{}
	for range g.IntN(3) {
		m[pick(g, "Country", "Team")] = pick(g, "FR", "DE", "fr", "")
	}
	return m
}

var actions = []string{"Users.View", "Users.Edit", "Queues.View", "SecurityProfiles.View", "DataTables.View",
	"ContactSearch.View",
	"SelfAssignContacts.Access", "AccessMetrics", "Cases.View", "TransferDestinations.Edit",
	"RestrictContactAccessByHierarchy.View", "RestrictTaskCreation.Access", "New.Permission"}

func (g *generator) change(e *access.Edit) {
	g.next++
	switch g.IntN(12) {
	case 0, 1:
		id := g.id("group")
		path := []string{id}
		if above := g.w.groups[key(g, g.w.groups)]; above != nil && len(above.Path) < 5 && g.IntN(4) > 0 {
			path = append(append([]string{}, above.Path...), id)
		}
		r := &lanyard.Group{Meta: lanyard.Meta{ID: id, Name: id}, Path: path}
		g.w.groups[id] = r
		e.Put(r)
	case 2, 3, 4:
		id := g.id("profile")
		if old := key(g, g.w.profiles); old != "" && g.IntN(2) == 0 {
			id = old
		}
		r := g.profile(id)
		g.w.profiles[id] = r
		e.Put(r)
	case 5, 6, 7:
		id := g.id("user")
		if old := key(g, g.w.users); old != "" && g.IntN(3) > 0 {
			id = old
		}
		r := &lanyard.User{Meta: lanyard.Meta{ID: id, Name: "name of " + id, Tags: g.tags()}, Profiles: g.held()}
		if g.IntN(3) > 0 {
			r.Group = key(g, g.w.groups)
		}
		g.w.users[id] = r
		e.Put(r)
	case 8:
		id := g.id("agent")
		r := &lanyard.AIAgent{Meta: lanyard.Meta{ID: id, Name: id}, Profiles: g.held()}
		g.w.agents[id] = r
		e.Put(r)
	case 9:
		id := g.id("queue")
		r := &lanyard.Queue{Meta: lanyard.Meta{ID: id, Name: id, Tags: g.tags()}}
		g.w.queues[id] = r
		e.Put(r)
		m := pick(g, "m1", "m2")
		if g.w.modules[m] != nil && g.IntN(3) == 0 {
			delete(g.w.modules, m)
			e.Remove(lanyard.TypeModule, m)
		} else {
			g.w.modules[m] = &lanyard.Module{Meta: lanyard.Meta{ID: m, Name: m}}
			e.Put(g.w.modules[m])
		}
	case 10:
		switch id := key(g, g.w.users); {
		case id != "" && g.IntN(2) == 0:
			delete(g.w.users, id)
			e.Remove(lanyard.TypeUser, id)
		default:
			if id := key(g, g.w.queues); id != "" {
				delete(g.w.queues, id)
				e.Remove(lanyard.TypeQueue, id)
			}
		}
	case 11:
		g.removeUnused(e)
	}
}

// removeUnused deletes a profile that nobody holds, or a group that nobody is in.
func (g *generator) removeUnused(e *access.Edit) {
	if id := key(g, g.w.profiles); id != "" {
		used := false
		for _, u := range g.w.users {
			for _, p := range u.Profiles {
				used = used || p == id
			}
		}
		for _, a := range g.w.agents {
			for _, p := range a.Profiles {
				used = used || p == id
			}
		}
		if !used {
			delete(g.w.profiles, id)
			e.Remove(lanyard.TypeProfile, id)
		}
	}
	if id := key(g, g.w.groups); id != "" {
		used := false
		for _, u := range g.w.users {
			used = used || u.Group == id
		}
		for _, other := range g.w.groups {
			for _, above := range other.Path {
				used = used || above == id && other.ID != id
			}
		}
		if !used {
			delete(g.w.groups, id)
			e.Remove(lanyard.TypeGroup, id)
		}
	}
}

func (g *generator) held() []string {
	var ids []string
	for range 1 + g.IntN(6) {
		g.next++
		if id := key(g, g.w.profiles); id != "" {
			seen := false
			for _, have := range ids {
				seen = seen || have == id
			}
			if !seen {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

func (g *generator) profile(id string) *lanyard.Profile {
	p := &lanyard.Profile{Meta: lanyard.Meta{ID: id, Name: id, Tags: g.tags()}, Permissions: some(g, 7, actions...)}
	if g.IntN(3) == 0 {
		p.AccessTags, p.TagRestricted = g.tags(),
			some(g, 4, "User", "Queue", "SecurityProfile", "EmailAddress", "Cases", "DataTable", "Widget")
	}
	if g.IntN(3) == 0 {
		p.HierarchyRestricted = []string{"User"}
		if g.IntN(8) == 0 {
			p.HierarchyRestricted = []string{"Agent"}
		}
	}
	if g.IntN(2) == 0 {
		p.HierarchyGroup = key(g, g.w.groups)
	}
	if g.IntN(3) == 0 {
		p.DataTables = []lanyard.AttributeRule{{Attribute: "Region", Values: some(g, 2, "EU", "UK")}}
		if g.IntN(2) == 0 {
			p.DataTables = append(p.DataTables,
				lanyard.AttributeRule{Attribute: "Tier", Values: []string{"Gold"}, Access: pick(g, "", "ALLOW", "DENY")})
		}
	}
	if g.IntN(2) == 0 {
		p.Applications = []lanyard.Application{{Namespace: "app", Permissions: []string{"ACCESS"},
			Type: "THIRD_PARTY_APPLICATION"},
			{Namespace: pick(g, "app", "gw"), Permissions: some(g, 2, "a", "b", "ACCESS"), Type: pick(g, "MCP", "MCP", "OTHER")}}
		p.FlowModules = []lanyard.FlowModule{{ID: pick(g, "m1", "m2"), Type: pick(g, "", "MCP", "OTHER")}}
	}
	return p
}

func (g *generator) query() access.Query {
	g.next++
	q := access.Query{Subject: access.Subject{ID: key(g, g.w.users)}, Action: pick(g, actions...)}
	g.next++
	switch g.IntN(10) {
	case 0:
		q.Subject = access.Subject{Type: access.AIAgent, ID: key(g, g.w.agents)}
		if g.IntN(2) == 0 {
			q.Subject.Human = key(g, g.w.users)
		}
	case 1:
		q.Subject.ID = "name of " + q.Subject.ID
	case 2:
		q.Subject.ID = pick(g, "nobody", q.Subject.ID)
	}
	g.next++
	r := &q.Resource
	switch g.IntN(13) {
	case 0, 1, 2, 3:
		r.Type, r.ID = access.TypeUser, key(g, g.w.users)
		q.Action = pick(g, "Users.View", "Users.Edit", q.Action)
		if g.IntN(3) == 0 {
			q.Surface = access.Reports
		}
		if g.IntN(8) == 0 {
			r.New, r.Group = true, key(g, g.w.groups)
		}
	case 4:
		r.Type, r.ID, q.Action = access.TypeQueue, key(g, g.w.queues), pick(g, "Queues.View", q.Action)
	case 5:
		r.Type, r.ID, q.Action = access.TypeSecurityProfile, key(g, g.w.profiles), pick(g, "SecurityProfiles.View", q.Action)
	case 6:
		r.Type, q.Action = access.TypeDataTableRow, "DataTables.View"
		r.Attributes = map[string]string{"Region": pick(g, "EU", "UK", "US")}
		if g.IntN(2) == 0 {
			r.Attributes["Tier"] = pick(g, "Gold", "Silver")
		}
	case 7:
		r.Type, r.ID, q.Action = access.TypeApplication, pick(g, "app", "gw"), pick(g, "ACCESS", "a", "b")
	case 8:
		r.Type, r.ID, q.Action = access.TypeFlowModule, pick(g, "m1", "m2"), "Invoke"
	case 9:
		r.Type, r.Group, q.Action = access.TypeContact, key(g, g.w.groups),
			pick(g, "ContactSearch.View", "SelfAssignContacts.Access")
		r.Channel = pick(g, "TASK", "VOICE")
	case 10:
		r.Type, q.Action = pick(g, "Case", "Cases", "EmailAddress", "Gadget", "Widget"),
			pick(g, "Cases.View", "AccessMetrics", "New.Permission")
		r.Group = key(g, g.w.groups)
	case 11:
		r.Type, q.Action = pick(g, access.TypeUser, access.TypeQueue, access.TypeSecurityProfile), access.ActionReference
		r.ID = map[string]string{access.TypeUser: key(g, g.w.users), access.TypeQueue: key(g, g.w.queues),
			access.TypeSecurityProfile: key(g, g.w.profiles)}[r.Type]
		if g.IntN(3) == 0 {
			q.Surface = access.Reports
		}
	}
	r.Tags = g.tags() // which must count for nothing that is stored
	return q
}

// checkSearches holds the searches to the decisions: what they list is allowed, and nothing else is.
func (g *generator) checkSearches(t *testing.T, s *access.Snapshot) {
	t.Helper()
	for range 20 {
		q := g.query()
		q.Subject.Human = ""
		for _, kind := range []access.SubjectType{access.User, access.AIAgent} {
			q.Subject.Type = kind
			found, through := map[string]bool{}, map[string]string{}
			for from := (access.Cursor{}); ; {
				page, next := s.WhoCan(&q, access.Page{From: from, Limit: 3})
				for _, h := range page {
					if found[h.ID] {
						t.Fatalf("WhoCan lists %s twice for %+v", h.ID, q)
					}
					found[h.ID], through[h.ID] = true, h.Profile
				}
				if from = next; next == (access.Cursor{}) {
					break
				}
			}
			ask := func(id string) {
				q := q
				q.Subject.ID = id
				if want := g.w.oracle(q); found[id] != want.Allow || through[id] != want.Profile {
					t.Fatalf("WhoCan lists %s: %v through %q, the rules say %+v, for %+v", id, found[id], through[id], want, q)
				}
			}
			if kind == access.User {
				for id := range g.w.users {
					ask(id)
				}
			} else {
				for id := range g.w.agents {
					ask(id)
				}
			}
		}
	}
}

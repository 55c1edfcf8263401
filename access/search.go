package access

import (
	"cmp"
	"slices"

	"github.com/lanyard/lanyard"
)

// A Holder is a user or an AI agent that a search found.
type Holder struct {
	Type SubjectType
	ID   string
	Name string // the user name; "" of an AI agent
	Seq  int64  // see Cursor
	// Profile is the id of the first profile that allows it by itself, as in a Decision. Only WhoCan sets it.
	Profile string
	// Profiles are the ids of the profiles that the search was about and that it holds, in its order: those that allow
	// what was asked, or the one that was asked about. There are Granting of them, of which the first MaxProfiles are
	// listed.
	Profiles []string
	Granting int
}

// MaxProfiles is how many profiles a Holder lists. In Amazon Connect users hold at most that many; AI agents may hold
// more.
const MaxProfiles = 10

// A Page is the part of a list that a search returns. The zero Page is the whole list.
type Page struct {
	From  Cursor // where the page begins: the zero Cursor, or what the search for the page before returned
	Limit int    // how many entries the page has at most; 0 or less for no limit
}

// full reports whether a page with n entries takes no more.
func (p Page) full(n int) bool { return p.Limit > 0 && n >= p.Limit }

// room is for how many entries memory is allocated at first.
func (p Page) room() int {
	if p.Limit > 0 {
		return min(p.Limit, 1000)
	}
	return 100
}

// A Cursor is a position in a list that is in the order of creation: after everything created up to After and before
// everything created later than Until, unless that is 0. Both are values of Seq (see lanyard.Meta), which are the
// same in all snapshots of an instance. A caller that passes the cursor of one page on to the next therefore gets
// every entry that stays in the list exactly once, on any server and whatever else changes in between.
//
// The zero Cursor is the beginning of a list, and where a search returns it, the end.
type Cursor struct{ After, Until int64 }

// from is the place where a page begins.
func (c Cursor) from() place { return after(max(c.After, 0)) }

// Begin returns c with Until set to the newest resource of s, unless it is set already, so that nothing created while
// the pages are read is in the list. The searches do so by themselves.
func (c Cursor) Begin(s *Snapshot) Cursor {
	if c.Until <= 0 {
		c.Until = s.Seq()
	}
	return c
}

// Behind returns the position after the entry with a Seq, of a list that began at c.
func (c Cursor) Behind(seq int64) Cursor { return Cursor{After: seq, Until: c.Until} }

// WhoCan lists the users, or the AI agents if q's subject is one, that Decide allows what q asks; the ID of q's subject
// is ignored. They are in the order of their creation. next is where the next page begins, the zero Cursor after the
// last one. The cost grows with how many hold the profiles that grant the action, not with the instance.
func (s *Snapshot) WhoCan(q *Query, page Page) (found []Holder, next Cursor) {
	if s == nil || !s.exists || q.Subject.Type > AIAgent {
		return nil, Cursor{}
	}
	var a ask
	if a.prepare(s, q) != Granted {
		return nil, Cursor{}
	}
	if q.Subject.Human != "" {
		if human := s.user(q.Subject.Human); human == nil || !a.decide(human).Allow {
			return nil, Cursor{}
		}
	}
	want := kindUser
	if q.Subject.Type == AIAgent {
		want = kindAgent
	}
	from := page.From.Begin(s)
	var ids []string // of all that are found, one after the other
	for slot := range union(a.candidates(), from.from()) {
		e := s.entities.At(slot)
		if e.seq > from.Until {
			break
		}
		if e.kind != want {
			continue
		}
		d := a.decide(e)
		if !d.Allow {
			continue
		}
		if page.full(len(found)) {
			return found, from.Behind(found[len(found)-1].Seq)
		}
		if found == nil {
			found = make([]Holder, 0, page.room())
			ids = make([]string, 0, 2*cap(found))
		}
		n, granting := len(ids), 0
		ids, granting = a.granting(ids, e)
		found = append(found, Holder{Type: q.Subject.Type, ID: e.id, Name: e.name(), Seq: e.seq, Profile: d.Profile,
			Profiles: ids[n:len(ids):len(ids)], Granting: granting})
	}
	return found, Cursor{}
}

// granting appends the first MaxProfiles of the profiles by which an allowed subject is allowed, and counts all of
// them. On reports several profiles may allow something only together; then those that grant it count.
func (a *ask) granting(ids []string, subject *entity) (_ []string, count int) {
	begin := len(ids)
	for _, together := range []bool{false, true} {
		for i := 0; ; i++ {
			slot := subject.ref(i)
			if slot == 0 {
				break
			}
			p := a.s.profile(slot)
			if !a.grants(p) || !together && !a.meets(p, subject) {
				continue
			}
			if count++; len(ids)-begin < MaxProfiles {
				ids = append(ids, p.id)
			}
		}
		if count > 0 {
			break
		}
	}
	return ids, count
}

// candidates are the holders of the profiles that grant what is asked and may allow it to some of their holders.
// Conditions that are the same for every holder are checked once.
func (a *ask) candidates() []*placeSet {
	var sets []*placeSet
	a.s.each(kindProfile, func(e *entity) bool {
		p := e.prof()
		if !a.grants(p) || p.holders.Len() == 0 {
			return true
		}
		dependsOnHolder := p.scope == scopeOwn && p.scopes.has(a.t) || a.q.Surface == Reports
		if dependsOnHolder || a.meets(p, nil) {
			sets = append(sets, p.holders)
		}
		return true
	})
	return sets
}

// union yields the slots of the members of sets in the order of their creation, each once, from a
// place on.
func union(sets []*placeSet, from place) func(yield func(uint32) bool) {
	return func(yield func(uint32) bool) {
		type cursor struct {
			next func() bool
			key  func() place
			at   place
		}
		var heap []cursor
		down := func(i int) {
			for {
				least := i
				for _, kid := range [2]int{2*i + 1, 2*i + 2} {
					if kid < len(heap) && heap[kid].at < heap[least].at {
						least = kid
					}
				}
				if least == i {
					return
				}
				heap[i], heap[least] = heap[least], heap[i]
				i = least
			}
		}
		for _, set := range sets {
			it := set.Iter()
			if it.Seek(from) {
				heap = append(heap, cursor{it.Next, it.Key, it.Key()})
			}
		}
		for i := len(heap)/2 - 1; i >= 0; i-- {
			down(i)
		}
		for last := place(0); len(heap) > 0; { // no place is 0
			if at := heap[0].at; at != last {
				if !yield(at.slot()) {
					return
				}
				last = at
			}
			if heap[0].next() {
				heap[0].at = heap[0].key()
			} else {
				heap[0] = heap[len(heap)-1]
				heap = heap[:len(heap)-1]
			}
			down(0)
		}
	}
}

// A Found is a resource that a search found.
type Found struct {
	ID   string
	Name string
	Seq  int64 // see Cursor
}

// WhichResources lists the resources of q's type that Decide allows q's subject q's action on; the ID of q's resource
// is ignored. They are paged as in WhoCan. known is false, and nothing is found, when lanyard stores no resources of
// the type. The cost grows with how many resources of the type there are.
func (s *Snapshot) WhichResources(q *Query, page Page) (found []Found, next Cursor, known bool) {
	k := s.stored(q.about())
	if k == 0 || s == nil || !s.exists || s.kinds[k] == nil {
		return nil, Cursor{}, k != 0
	}
	from, one := page.From.Begin(s), *q
	for slot := range s.kinds[k].slots(from.from()) {
		e := s.entities.At(slot)
		if e.seq > from.Until {
			break
		}
		one.Resource.ID = e.id
		if !s.Decide(&one).Allow {
			continue
		}
		if page.full(len(found)) {
			return found, from.Behind(found[len(found)-1].Seq), true
		}
		if found == nil {
			found = make([]Found, 0, page.room())
		}
		found = append(found, Found{ID: e.id, Name: e.name(), Seq: e.seq})
	}
	return found, Cursor{}, true
}

// Lookup finds the resources of a type with an id or else a name, compared exactly. It finds nothing of types that
// lanyard does not store. There can be several hierarchy groups of one name, below different parents.
func (s *Snapshot) Lookup(resourceType, ref string) []Found {
	k := s.stored(typeOf(resourceType))
	if k == 0 || s == nil || !s.exists {
		return nil
	}
	if _, e := s.findByID(k, ref); e != nil {
		return []Found{{e.id, e.name(), e.seq}}
	}
	if k == kindUser {
		if e := s.user(ref); e != nil {
			return []Found{{e.id, e.name(), e.seq}}
		}
		return nil
	}
	var found []Found
	s.each(k, func(e *entity) bool {
		if e.name() == ref {
			found = append(found, Found{e.id, e.name(), e.seq})
		}
		return true
	})
	return found
}

// WhichProfiles lists, in the order of their creation, the security profiles that grant q's action on q's resource,
// whoever holds them. q's subject is ignored, and so are conditions: tags, hierarchy and the like.
func (s *Snapshot) WhichProfiles(q *Query) (found []Found) {
	if s == nil || !s.exists {
		return nil
	}
	var a ask
	if a.prepare(s, q) != Granted {
		return nil
	}
	s.each(kindProfile, func(e *entity) bool {
		if a.grants(e.prof()) {
			found = append(found, Found{e.id, e.name(), e.seq})
		}
		return true
	})
	return found
}

// WhichActions lists, in byte order, the actions that Decide allows q's subject on q's resource; q's action is ignored.
// Of the permissions only those about the type of the resource are listed, if any are.
func (s *Snapshot) WhichActions(q *Query) []string {
	if s == nil || !s.exists {
		return nil
	}
	e := s.subject(&q.Subject)
	if e == nil {
		return nil
	}
	var names []string
	one := *q
	for _, eff := range s.effective(heldSlots(e)) {
		if one.Action = eff.Action; !one.fitting() {
			continue
		}
		if (len(names) == 0 || names[len(names)-1] != eff.Action) && s.Decide(&one).Allow {
			names = append(names, eff.Action)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// fitting reports whether the permission is about the type of the resource. A permission about nothing in particular
// may be asked of any type, but fits only types without a number.
func (q *Query) fitting() bool {
	t := q.about()
	about := t.set().permissions()
	if t == typeNone || about == (permissions{}) {
		return true
	}
	sym, known := symbols[q.Action]
	if t == typeContact && sym.place == symbols[selfAssign].place && known {
		return true
	}
	return known && about.has(sym.place) || !known && t == typeOther
}

// Holders lists the users and AI agents that hold a profile, by its id. They are paged as in WhoCan, users and AI
// agents mixed. ok is false when there is no such profile.
func (s *Snapshot) Holders(profile string, page Page) (found []Holder, next Cursor, ok bool) {
	_, e := s.findByID(kindProfile, profile)
	if e == nil {
		return nil, Cursor{}, false
	}
	from := page.From.Begin(s)
	profiles := []string{e.id}
	for slot := range e.prof().holders.slots(from.from()) {
		h := s.entities.At(slot)
		if h.seq > from.Until {
			break
		}
		if page.full(len(found)) {
			return found, from.Behind(found[len(found)-1].Seq), true
		}
		found = append(found, holder(h, profiles))
	}
	return found, Cursor{}, true
}

func holder(e *entity, profiles []string) Holder {
	h := Holder{ID: e.id, Name: e.name(), Seq: e.seq, Profiles: profiles, Granting: len(profiles)}
	if e.kind == kindAgent {
		h.Type = AIAgent
	}
	return h
}

// A Thing is what a profile can grant: a permission, or an action on one application, flow module or AI agent.
type Thing struct {
	Action string // a permission, the id of a tool, or one of the Action constants
	Type   string // TypeApplication, TypeFlowModule or TypeAIAgent; "" for a permission
	On     string // namespace of the application, id of the flow module or ARN of the AI agent; "" for a permission
}

// Compare returns a negative number if t comes before other in lists, a positive one if after it, and 0 if they are
// equal. Permissions come first, in byte order, then applications, flow modules and AI agents.
func (t Thing) Compare(other Thing) int { return compareThings(t, other) }

// compareThings puts permissions in byte order first, then applications, flow modules and AI agents.
func compareThings(a, b Thing) int {
	rank := func(t Thing) int {
		return slices.Index([]string{"", TypeApplication, TypeFlowModule, TypeAIAgent}, t.Type)
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.On, b.On), cmp.Compare(a.Action, b.Action))
}

// An Effective is a thing that a subject may do, and through which profiles.
type Effective struct {
	Thing
	Grants []Grant // in the order in which the subject holds the profiles
}

// A Grant is a profile that grants something, and under which conditions.
type Grant struct {
	Profile    string      // id
	Name       string      // of the profile
	Conditions []Condition // all of which must be met; none for everywhere
}

// WhatCan lists all that a subject may do, in the order of Thing.Compare, and the conditions. Of an AI agent that
// assists a human it lists what both may do, and the human's grants follow the agent's. ok is false when there is no
// such subject, or no such human.
func (s *Snapshot) WhatCan(subject Subject) (can []Effective, ok bool) {
	if s == nil || !s.exists {
		return nil, false
	}
	e := s.subject(&subject)
	if e == nil {
		return nil, false
	}
	can = s.effective(heldSlots(e))
	if subject.Human == "" {
		return can, true
	}
	human := s.user(subject.Human)
	if human == nil {
		return nil, false
	}
	var both []Effective
	too := s.effective(heldSlots(human))
	for _, eff := range can {
		if i, ok := slices.BinarySearchFunc(too, eff.Thing,
			func(e Effective, t Thing) int { return compareThings(e.Thing, t) }); ok {
			eff.Grants = slices.Concat(eff.Grants, too[i].Grants)
			both = append(both, eff)
		}
	}
	return both, true
}

func (s *Snapshot) effective(slots []uint32) []Effective {
	grants := map[Thing][]Grant{}
	for _, slot := range slots {
		p := s.profile(slot)
		for i := range p.perms.all {
			t := permissionAt(i)
			conditions := withCondition(p.conditions(aboutOf(i)), s.contactRestriction(slots, i))
			grants[t] = append(grants[t], Grant{p.id, p.name, conditions})
		}
		s.things(p, func(t Thing) { grants[t] = append(grants[t], Grant{Profile: p.id, Name: p.name}) })
	}
	out := make([]Effective, 0, len(grants))
	for t, g := range grants {
		out = append(out, Effective{t, g})
	}
	slices.SortFunc(out, func(a, b Effective) int { return compareThings(a.Thing, b.Thing) })
	return out
}

// things yields what p grants apart from permissions of the catalogue.
func (s *Snapshot) things(p *profile, yield func(Thing)) {
	for _, name := range p.unknown {
		yield(Thing{Action: name})
	}
	for _, app := range p.apps {
		for _, name := range app.Permissions {
			if (name == ActionAccess) == (app.Type != lanyard.ApplicationMCP) {
				yield(Thing{name, TypeApplication, app.Namespace})
			}
		}
	}
	for _, id := range p.modules {
		if _, e := s.findByID(kindModule, id); e == nil {
			continue // it has been deleted
		}
		yield(Thing{ActionInvoke, TypeFlowModule, id})
	}
	for _, arn := range p.agents {
		yield(Thing{ActionHandOff, TypeAIAgent, arn})
	}
}

// grantsThing reports whether t is among the things of p.
func (s *Snapshot) grantsThing(p *profile, t Thing) bool {
	switch t.Type {
	case TypeApplication:
		return p.application(t.On, t.Action)
	case TypeFlowModule:
		_, e := s.findByID(kindModule, t.On)
		return e != nil && slices.Contains(p.modules, t.On)
	case TypeAIAgent:
		return slices.Contains(p.agents, t.On)
	}
	return slices.Contains(p.unknown, t.Action)
}

// grantsOf are those of a thing that is no permission of the catalogue.
func (s *Snapshot) grantsOf(slots []uint32, t Thing) []Grant {
	var out []Grant
	for _, slot := range slots {
		p := s.profile(slot)
		if s.grantsThing(p, t) {
			out = append(out, Grant{Profile: p.id, Name: p.name})
		}
	}
	return out
}

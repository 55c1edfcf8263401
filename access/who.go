package access

import (
	"cmp"
	"slices"

	"github.com/lanyard/lanyard"
)

// A Holder is a user or an AI agent that a search found.
type Holder struct {
	Type    SubjectType
	ID      string
	Name    string // of a user: the user name
	Profile string // the first profile that allows
}

// WhoCan lists the users, or AI agents, that are allowed what q asks, whatever its Subject's ID, in
// the order of their places in the snapshot: those after the place after (0 for the beginning), at
// most limit. next is the place for the next call, 0 at the end.
func (s *Snapshot) WhoCan(q Query, after uint32, limit int) (found []Holder, next uint32) {
	if s == nil || !s.exists || limit <= 0 || q.Subject.Type > AIAgent {
		return nil, 0
	}
	var a ask
	if a.prepare(s, &q) != Granted {
		return nil, 0
	}
	var human *entity
	if q.Subject.Human != "" {
		if human = s.user(q.Subject.Human); human == nil || !a.decide(human).Allow {
			return nil, 0
		}
	}
	want := kindUser
	if q.Subject.Type == AIAgent {
		want = kindAgent
	}
	for slot := range s.union(a.candidates(), after) {
		e := s.entities.at(slot)
		if e.kind != want {
			continue
		}
		d := a.decide(e)
		if !d.Allow {
			continue
		}
		if len(found) == limit {
			return found, next
		}
		found = append(found, Holder{Type: q.Subject.Type, ID: e.id, Name: e.name(), Profile: d.Profile})
		next = slot + 1
	}
	return found, 0
}

// candidates are the holders of the profiles that grant what is asked and may allow it to some of
// their holders. Conditions that are the same for every holder are met or not once.
func (a *ask) candidates() []*slotSet {
	var sets []*slotSet
	a.s.each(kindProfile, func(e *entity) bool {
		p := e.prof()
		if !a.grants(p) || p.holders.Len() == 0 {
			return true
		}
		dependsOnHolder := a.t == typeUser && p.scope == scopeOwn || a.q.Surface == Reports
		if dependsOnHolder || a.meets(p, nil) {
			sets = append(sets, p.holders)
		}
		return true
	})
	return sets
}

// union yields the members of sets in ascending order, each once, from after on.
func (s *Snapshot) union(sets []*slotSet, after uint32) func(yield func(uint32) bool) {
	return func(yield func(uint32) bool) {
		type cursor struct {
			next func() bool
			key  func() uint32
			at   uint32
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
			if it.Seek(after) {
				heap = append(heap, cursor{it.Next, it.Key, it.Key()})
			}
		}
		for i := len(heap)/2 - 1; i >= 0; i-- {
			down(i)
		}
		for first, last := true, uint32(0); len(heap) > 0; {
			at := heap[0].at
			if first || at != last {
				if !yield(at) {
					return
				}
				first, last = false, at
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

// Found is a resource that a search found.
type Found struct {
	ID   string
	Name string
}

// WhichResources lists the resources of q's type that its subject is allowed q's action on. It
// knows the types that lanyard stores; known is false for any other. Paging is as in WhoCan.
func (s *Snapshot) WhichResources(q Query, after uint32, limit int) (found []Found, next uint32, known bool) {
	k := stored[typeOf(q.Resource.Type)]
	if k == 0 || s == nil || !s.exists || limit <= 0 {
		return nil, 0, k != 0
	}
	if s.kinds[k] == nil {
		return nil, 0, true
	}
	s.kinds[k].Ascend(after, func(slot uint32, _ struct{}) bool {
		e := s.entities.at(slot)
		q.Resource.ID = e.id
		if !s.Decide(&q).Allow {
			return true
		}
		if len(found) == limit {
			return false
		}
		found = append(found, Found{ID: e.id, Name: e.name()})
		next = slot + 1
		return true
	})
	if len(found) < limit {
		next = 0
	}
	return found, next, true
}

// Lookup finds the resources of a type that lanyard stores by id or else by name, compared exactly.
// Names of hierarchy groups are unique below one parent only, so there can be several.
func (s *Snapshot) Lookup(resourceType, ref string) []Found {
	k := stored[typeOf(resourceType)]
	if k == 0 || s == nil || !s.exists {
		return nil
	}
	if _, e := s.find(k, ref); e != nil {
		return []Found{{ID: e.id, Name: e.name()}}
	}
	if k == kindUser {
		if _, e := s.findName(ref); e != nil {
			return []Found{{ID: e.id, Name: e.name()}}
		}
		return nil
	}
	var found []Found
	s.each(k, func(e *entity) bool {
		if e.name() == ref {
			found = append(found, Found{ID: e.id, Name: e.name()})
		}
		return true
	})
	return found
}

// WhichActions lists, in byte order, the actions that q's subject is allowed on q's resource.
func (s *Snapshot) WhichActions(q Query) []string {
	if s == nil || !s.exists {
		return nil
	}
	e := s.subject(&q.Subject)
	if e == nil {
		return nil
	}
	var names []string
	for _, eff := range s.effective(heldSlots(e)) {
		q.Action = eff.Action
		if (len(names) == 0 || names[len(names)-1] != eff.Action) && s.Decide(&q).Allow {
			names = append(names, eff.Action)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Holders lists the users and AI agents that hold a profile, users and AI agents mixed in the order
// of their places. Paging is as in WhoCan. It is false when there is no such profile.
func (s *Snapshot) Holders(profile string, after uint32, limit int) (found []Holder, next uint32, ok bool) {
	_, e := s.find(kindProfile, profile)
	if e == nil || limit <= 0 {
		return nil, 0, e != nil
	}
	e.prof().holders.Ascend(after, func(slot uint32, _ struct{}) bool {
		if len(found) == limit {
			return false
		}
		h := s.entities.at(slot)
		found = append(found, holder(h, e.id))
		next = slot + 1
		return true
	})
	if len(found) < limit {
		next = 0
	}
	return found, next, true
}

func holder(e *entity, profile string) Holder {
	h := Holder{ID: e.id, Name: e.name(), Profile: profile}
	if e.kind == kindAgent {
		h.Type = AIAgent
	}
	return h
}

// A Thing can be granted: a permission, or an action on one application, flow module or AI agent.
type Thing struct {
	Action string
	Type   string // TypeApplication, TypeFlowModule or TypeAIAgent; "" for permissions
	On     string // its namespace, id or ARN
}

// compareThings puts permissions in byte order first, then applications, flow modules and AI agents.
func compareThings(a, b Thing) int {
	rank := func(t Thing) int {
		return slices.Index([]string{"", TypeApplication, TypeFlowModule, TypeAIAgent}, t.Type)
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.On, b.On), cmp.Compare(a.Action, b.Action))
}

// Effective is one thing that a subject may do, and through which profiles.
type Effective struct {
	Thing
	Grants []Grant // in the order in which the subject holds the profiles
}

// Grant is a profile that grants, and the conditions that it ties to that.
type Grant struct {
	Profile    string
	Name       string
	Conditions []string // readable, sorted; none: unconditional
}

// WhatCan lists all that a subject may do, in the order of compareThings. Of an AI agent that
// assists a human it is what both may do, and the human's grants follow the agent's. It is false
// when there is no such subject, or no such human.
func (s *Snapshot) WhatCan(subject Subject) ([]Effective, bool) {
	if s == nil || !s.exists {
		return nil, false
	}
	e := s.subject(&subject)
	if e == nil {
		return nil, false
	}
	can := s.effective(heldSlots(e))
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
		if i, ok := slices.BinarySearchFunc(too, eff.Thing, func(e Effective, t Thing) int { return compareThings(e.Thing, t) }); ok {
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
			grants[t] = append(grants[t], Grant{p.id, p.name, narrowed(p.conditions(s, aboutOf(i)), s.narrowing(slots, i))})
		}
		p.things(func(t Thing) { grants[t] = append(grants[t], Grant{Profile: p.id, Name: p.name}) })
	}
	out := make([]Effective, 0, len(grants))
	for t, g := range grants {
		out = append(out, Effective{t, g})
	}
	slices.SortFunc(out, func(a, b Effective) int { return compareThings(a.Thing, b.Thing) })
	return out
}

// things yields what p grants beside permissions of the catalogue.
func (p *profile) things(yield func(Thing)) {
	for _, name := range p.unknown {
		yield(Thing{Action: name})
	}
	for _, app := range p.apps {
		for _, name := range app.Permissions {
			if p.application(app.Namespace, name) && (name == ActionAccess) == (app.Type != lanyard.ApplicationMCP) {
				yield(Thing{name, TypeApplication, app.Namespace})
			}
		}
	}
	for _, id := range p.modules {
		yield(Thing{ActionInvoke, TypeFlowModule, id})
	}
	for _, arn := range p.agents {
		yield(Thing{ActionHandOff, TypeAIAgent, arn})
	}
}

// grantsOf are those of a thing that is no permission of the catalogue.
func (s *Snapshot) grantsOf(slots []uint32, t Thing) []Grant {
	var out []Grant
	for _, slot := range slots {
		p := s.profile(slot)
		has := false
		p.things(func(other Thing) { has = has || other == t })
		if has {
			out = append(out, Grant{Profile: p.id, Name: p.name})
		}
	}
	return out
}

// conditions are what p ties to permissions about a type.
func (p *profile) conditions(s *Snapshot, t typeID) []string {
	var out []string
	if len(p.tags) > 0 && t != typeNone && p.types>>t&1 != 0 {
		for _, tag := range p.tags {
			out = append(out, "tag "+tag.Value().key+"="+tag.Value().value)
		}
		slices.Sort(out)
	}
	if t == typeUser {
		switch p.scope {
		case scopeOwn:
			out = append(out, "hierarchy: own group and below")
		case scopeGroup:
			out = append(out, "hierarchy: group "+p.groupID+" and below")
		}
	}
	if t == typeDataTable {
		for _, r := range p.rows {
			values := slices.Clone(r.Values)
			slices.Sort(values)
			c := "rows with " + r.Attribute + " in"
			for _, v := range values {
				c += " " + v
			}
			out = append(out, c)
		}
	}
	return out
}

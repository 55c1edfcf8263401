package access

import (
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
		found = append(found, Holder{Type: q.Subject.Type, ID: e.id, Name: e.name, Profile: d.Profile})
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
		found = append(found, Found{ID: e.id, Name: e.name})
		next = slot + 1
		return true
	})
	if len(found) < limit {
		next = 0
	}
	return found, next, true
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
	h := Holder{ID: e.id, Name: e.name, Profile: profile}
	if e.kind == kindAgent {
		h.Type = AIAgent
	}
	return h
}

// Effective is one thing that a subject may do, and through which profiles.
type Effective struct {
	Action string
	// On narrows the action: a namespace, the id of a flow module, the ARN of an AI agent; "" for permissions.
	On     string
	Grants []Grant // in the order in which the subject holds the profiles
}

// Grant is a profile that grants, and the conditions that it ties to that.
type Grant struct {
	Profile    string
	Name       string
	Conditions []string // readable, sorted; none: unconditional
}

// WhatCan lists all that a subject may do: permissions in byte order, then applications, flow
// modules and AI agents. It is false when there is no such subject.
func (s *Snapshot) WhatCan(subject Subject) ([]Effective, bool) {
	if s == nil || !s.exists {
		return nil, false
	}
	e := s.subject(&subject)
	if e == nil {
		return nil, false
	}
	return s.effective(heldSlots(e)), true
}

func (s *Snapshot) effective(slots []uint32) []Effective {
	type key struct{ action, on string }
	byKey := map[key]*Effective{}
	var order []key
	add := func(action, on string, p *profile, conditions []string) {
		k := key{action, on}
		if byKey[k] == nil {
			byKey[k] = &Effective{Action: action, On: on}
			order = append(order, k)
		}
		byKey[k].Grants = append(byKey[k].Grants, Grant{Profile: p.id, Name: p.name, Conditions: conditions})
	}
	catalogue := lanyard.Permissions()
	known := symbols()
	for _, slot := range slots {
		p := s.profile(slot)
		for i := range catalogue {
			if p.perms.has(uint16(i)) {
				add(catalogue[i].Name, "", p, p.conditions(s, known[catalogue[i].Name].about))
			}
		}
		for _, name := range p.unknown {
			add(name, "", p, nil)
		}
	}
	slices.SortFunc(order, func(a, b key) int { return compare(a.action, b.action) })
	for _, slot := range slots {
		p := s.profile(slot)
		for _, app := range p.apps {
			for _, name := range app.Permissions {
				add(name, app.Namespace, p, nil)
			}
		}
		for _, id := range p.modules {
			add(ActionInvoke, id, p, nil)
		}
		for _, arn := range p.agents {
			add(ActionHandOff, arn, p, nil)
		}
	}
	out := make([]Effective, len(order))
	for i, k := range order {
		out[i] = *byKey[k]
	}
	return out
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
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

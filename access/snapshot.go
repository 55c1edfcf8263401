// Package access decides who may do what. It compiles the profiles, users, hierarchy and
// associations of an instance into an immutable Snapshot and answers from that, without locks and
// without I/O. It neither stores anything nor knows how a question arrives; see docs/concepts.md
// for the rules.
package access

import (
	"bytes"
	"maps"
	"slices"
	"unique"

	"github.com/tidwall/btree"

	"github.com/lanyard/lanyard"
)

// A Snapshot is an instance at one revision. It never changes, so any number of goroutines may
// share it; the next one is made of it by With and shares all that did not change.
type Snapshot struct {
	instance string
	revision int64
	hash     []byte // of the event of that revision, nil when it is not known
	exists   bool
	account  string // that owns the instance

	entities vector[entity]
	ids      index
	free     uint32 // slot+1 of the first free entity; each leads to the next in group
	kinds    [kindCount]*slotSet

	// What the entities take beside their places, in bytes; see Memory.
	weight    int64
	tagWeight int64   // of their tags, if each had its own
	tagShare  float64 // of tagWeight, what is taken since equal tags are the same
}

// slotSet is an ordered set that is cheap to copy.
type slotSet struct{ btree.Map[uint32, struct{}] }

func (s *slotSet) Insert(slot uint32) { s.Set(slot, struct{}{}) }

// Copy leaves s as it is, even inside: others may be copying it at the same time.
func (s *slotSet) Copy() *slotSet {
	m := s.Map
	return &slotSet{*m.Copy()}
}

// Instance is the id of the instance.
func (s *Snapshot) Instance() string { return s.instance }

// Revision is that of the last event that the snapshot holds.
func (s *Snapshot) Revision() int64 { return s.revision }

// Contradicts tells that s has something else than the last event of its instance says, which was
// read after s was there: the source is another than it was.
func (s *Snapshot) Contradicts(revision int64, hash []byte) bool {
	return s.revision > revision || s.revision == revision && s.hash != nil && hash != nil && !bytes.Equal(s.hash, hash)
}

// Account is that which owns the instance, "" when it does not exist.
func (s *Snapshot) Account() string { return s.account }

// Exists tells whether the instance exists at this revision.
func (s *Snapshot) Exists() bool { return s.exists }

// kind is what an entity is, and under what it is found.
type kind uint8

const (
	kindFree kind = iota
	kindUser
	kindProfile
	kindQueue
	kindRoutingProfile
	kindGroup
	kindHours
	kindModule
	kindAgent
	kindCount
	kindName = kindCount // users by name; no entity has it
)

var kindOf = map[lanyard.Type]kind{
	lanyard.TypeUser: kindUser, lanyard.TypeProfile: kindProfile, lanyard.TypeQueue: kindQueue,
	lanyard.TypeRoutingProfile: kindRoutingProfile, lanyard.TypeGroup: kindGroup, lanyard.TypeHours: kindHours,
	lanyard.TypeModule: kindModule, lanyard.TypeAIAgent: kindAgent,
}

// inlineRefs is how many of an entity's references stand in itself. Nearly every user holds fewer
// profiles.
const inlineRefs = 4

// An entity is anything that lanyard stores and that may be asked about. There are millions of them,
// and nearly every decision touches two that no cache holds: what it needs stands first, and what
// few have stands in extra.
type entity struct {
	id    string
	refs  [inlineRefs]uint32    // slot+1: the profiles that a user or AI agent holds; of a group, those above it and itself
	tags  unique.Handle[tagSet] // the zero Handle for none
	group uint32                // slot+1 of a user's hierarchy group
	kind  kind
	own   uint16 // how much of text is the name
	text  string // the name and, of a user, what only Users wants to know; see setPerson
	seq   int64  // of a user, see lanyard.Meta
	extra *extra // nil for most; never changed, but replaced
}

// name is the name of a resource, and of a user the user name.
func (e *entity) name() string { return e.text[:e.own] }

// extra is what few entities have.
type extra struct {
	refs []uint32 // what does not fit into the entity's
	tags []tag    // what does not fit into the entity's
	prof *profile // of a security profile
}

// A tagSet is the first of an entity's tags, in the order of their keys. Most resources have few
// tags and share them with many others, so that one set serves all of them.
type tagSet [4]tag

// A tag is compared by pointer, for equal ones are the same.
type tag = unique.Handle[pair]

type pair struct{ key, value string }

func tagsOf(m map[string]string) []tag {
	if len(m) == 0 {
		return nil
	}
	tags := make([]tag, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		tags = append(tags, unique.Make(pair{k, m[k]}))
	}
	return tags
}

// has tells whether e carries a tag.
func (e *entity) has(t tag) bool {
	if e.tags == (unique.Handle[tagSet]{}) {
		return false
	}
	set := e.tags.Value()
	return set[0] == t || set[1] == t || set[2] == t || set[3] == t || e.extra != nil && slices.Contains(e.extra.tags, t)
}

// allTags are the tags that e carries.
func (e *entity) allTags() []tag {
	if e.tags == (unique.Handle[tagSet]{}) {
		return nil
	}
	set := e.tags.Value()
	all := slices.DeleteFunc(set[:], func(t tag) bool { return t == tag{} })
	if e.extra != nil {
		all = append(all, e.extra.tags...)
	}
	return all
}

// setTags replaces the tags.
func (e *entity) setTags(m map[string]string) {
	e.tags = unique.Handle[tagSet]{}
	tags := tagsOf(m)
	var set tagSet
	n := copy(set[:], tags)
	if n > 0 {
		e.tags = unique.Make(set)
	}
	e.extend(n < len(tags) || e.extra != nil && e.extra.tags != nil, func(x *extra) { x.tags = slices.Clone(tags[n:]) })
}

// extend replaces the extra by a changed copy, if need be.
func (e *entity) extend(needed bool, change func(*extra)) {
	if !needed {
		return
	}
	x := new(extra)
	if e.extra != nil {
		*x = *e.extra
	}
	change(x)
	e.extra = x
}

// ref returns the i-th reference as slot+1, 0 after the last.
func (e *entity) ref(i int) uint32 {
	if i < inlineRefs {
		return e.refs[i]
	}
	if i -= inlineRefs; e.extra != nil && i < len(e.extra.refs) {
		return e.extra.refs[i]
	}
	return 0
}

func (e *entity) setRefs(slots []uint32) {
	e.refs = [inlineRefs]uint32{}
	n := copy(e.refs[:], slots)
	e.extend(n < len(slots) || e.extra != nil && e.extra.refs != nil, func(x *extra) { x.refs = slices.Clone(slots[n:]) })
}

// prof is the compiled profile of a security profile, nil of anything else.
func (e *entity) prof() *profile {
	if e.extra == nil {
		return nil
	}
	return e.extra.prof
}

// nothing is the profile that grants nothing.
var nothing profile

// profile returns the compiled profile that a reference leads to. A profile is not deleted while it
// is held; should that ever fail, its holder is granted nothing.
func (s *Snapshot) profile(slot uint32) *profile {
	if p := s.entities.at(slot - 1).prof(); p != nil {
		return p
	}
	return &nothing
}

func (s *Snapshot) find(k kind, id string) (uint32, *entity) {
	slot, ok := s.ids.find(hashOf(k, id), func(slot uint32) bool {
		e := s.entities.at(slot)
		return e.kind == k && e.id == id
	})
	if !ok {
		return 0, nil
	}
	return slot, s.entities.at(slot)
}

// findBoth is find for two at a time. Of each it looks at one candidate only and may miss it.
func (s *Snapshot) findBoth(k1 kind, id1 string, k2 kind, id2 string) (e1, e2 *entity) {
	h1, h2 := hashOf(k1, id1), hashOf(k2, id2)
	slot1, ok1, slot2, ok2 := s.ids.candidates(h1, h2)
	if !ok1 || !ok2 {
		return nil, nil
	}
	e1, e2 = s.entities.at(slot1), s.entities.at(slot2)
	if e1.kind != k1 || e2.kind != k2 || e1.id != id1 || e2.id != id2 {
		return nil, nil
	}
	return e1, e2
}

func (s *Snapshot) findName(name string) (uint32, *entity) {
	slot, ok := s.ids.find(hashOf(kindName, name), func(slot uint32) bool {
		e := s.entities.at(slot)
		return e.kind == kindUser && e.name() == name
	})
	if !ok {
		return 0, nil
	}
	return slot, s.entities.at(slot)
}

// Empty is the snapshot of an instance before its first event.
func Empty(instance string) *Snapshot { return &Snapshot{instance: instance, tagShare: 1} }

// An Edit makes the next snapshot out of one. It is used by one goroutine, and ends with Snapshot.
type Edit struct {
	s        Snapshot
	m        mark
	ownKinds [kindCount]bool
	ownProfs map[uint32]bool
	seen     *seen // nil but for what begins empty
}

// Edit begins the next snapshot.
func (s *Snapshot) Edit() *Edit {
	e := &Edit{s: *s, m: newMark(), ownProfs: map[uint32]bool{}}
	if s.entities.n == 0 {
		e.seen = &seen{tags: map[tag]bool{}, sets: map[unique.Handle[tagSet]]bool{}}
	}
	return e
}

// Snapshot ends the edit at a revision.
func (e *Edit) Snapshot(revision int64) *Snapshot {
	s := e.s
	s.revision = revision
	if e.seen != nil && s.tagWeight > 0 {
		s.tagShare = min(1, float64(e.seen.room)/float64(s.tagWeight))
	}
	return &s
}

func (e *Edit) set(k kind) *slotSet {
	if !e.ownKinds[k] {
		e.ownKinds[k] = true
		if e.s.kinds[k] == nil {
			e.s.kinds[k] = new(slotSet)
		} else {
			e.s.kinds[k] = e.s.kinds[k].Copy()
		}
	}
	return e.s.kinds[k]
}

// slot finds or makes the entity of an id.
func (e *Edit) slot(k kind, id string) uint32 {
	if slot, found := e.s.find(k, id); found != nil {
		return slot
	}
	slot := e.s.entities.n
	if e.s.free != 0 {
		slot = e.s.free - 1
		e.s.free = e.s.entities.at(slot).group
	}
	ent := e.s.entities.edit(slot, e.m)
	*ent = entity{id: id, kind: k}
	e.weigh(ent, 1)
	e.s.ids.put(hashOf(k, id), slot, e.m)
	e.set(k).Insert(slot)
	return slot
}

// prof returns the compiled profile at a slot for changing.
func (e *Edit) prof(slot uint32) *profile {
	ent := e.s.entities.edit(slot, e.m)
	if !e.ownProfs[slot] {
		e.ownProfs[slot] = true
		p := profile{slot: slot, id: ent.id}
		if old := ent.prof(); old != nil {
			p = *old
			p.holders = p.holders.Copy()
		} else {
			p.holders = new(slotSet)
		}
		ent.extend(true, func(x *extra) { x.prof = &p })
	}
	return ent.prof()
}

// Put adds a resource or replaces the one with its type and id. Groups must be put after those
// above them, and users and AI agents after the profiles and groups that they name; events come in
// such an order.
func (e *Edit) Put(r lanyard.Resource) {
	if in, ok := r.(*lanyard.Instance); ok {
		e.s.exists, e.s.account = true, in.Account
		return
	}
	k, ok := kindOf[r.Type()]
	if !ok {
		return // nothing that decides anything
	}
	h := r.Head()
	slot := e.slot(k, h.ID)
	ent := e.s.entities.edit(slot, e.m)
	e.weigh(ent, -1)
	defer e.weigh(ent, 1)
	ent.setTags(h.Tags)
	switch r := r.(type) {
	case *lanyard.User:
		if had := ent.name(); had != h.Name {
			if had != "" {
				e.s.ids.remove(hashOf(kindName, had), slot, e.m)
			}
			e.s.ids.put(hashOf(kindName, h.Name), slot, e.m)
		}
		ent.setPerson(r)
		ent.group = 0
		if r.Group != "" {
			if g, found := e.s.find(kindGroup, r.Group); found != nil {
				ent.group = g + 1
			}
		}
		e.hold(slot, r.Profiles)
	case *lanyard.AIAgent:
		e.hold(slot, r.Profiles)
	case *lanyard.Group:
		ent.setName(h.Name)
		path := make([]uint32, 0, len(r.Path))
		for _, id := range r.Path {
			if g, found := e.s.find(kindGroup, id); found != nil {
				path = append(path, g+1)
			}
		}
		ent.setRefs(path)
	case *lanyard.Profile:
		ent.setName(h.Name)
		e.prof(slot).compile(&e.s, r)
	default:
		ent.setName(h.Name)
	}
}

// hold makes the entity at slot a holder of these profiles and of no others.
func (e *Edit) hold(slot uint32, profiles []string) {
	ent := e.s.entities.edit(slot, e.m)
	had := heldSlots(ent)
	slots := make([]uint32, 0, len(profiles))
	for _, id := range profiles {
		p, found := e.s.find(kindProfile, id)
		if found == nil {
			continue
		}
		slots = append(slots, p+1)
		if !slices.Contains(had, p+1) {
			e.prof(p).holders.Insert(slot)
		}
	}
	for _, p := range had {
		if !slices.Contains(slots, p) {
			e.prof(p - 1).holders.Delete(slot)
		}
	}
	e.s.entities.edit(slot, e.m).setRefs(slots)
}

func heldSlots(ent *entity) []uint32 {
	var slots []uint32
	for i := 0; ; i++ {
		p := ent.ref(i)
		if p == 0 {
			return slots
		}
		slots = append(slots, p)
	}
}

// Remove takes a resource out; the instance itself takes everything with it.
func (e *Edit) Remove(t lanyard.Type, id string) {
	if t == lanyard.TypeInstance {
		hash := e.s.hash
		*e = *Empty(e.s.instance).Edit()
		e.s.hash = hash
		return
	}
	k, ok := kindOf[t]
	if !ok {
		return
	}
	slot, found := e.s.find(k, id)
	if found == nil {
		return
	}
	ent := e.s.entities.edit(slot, e.m)
	e.weigh(ent, -1)
	if k == kindUser || k == kindAgent {
		e.hold(slot, nil)
	}
	e.s.ids.remove(hashOf(k, id), slot, e.m)
	if k == kindUser && ent.own > 0 {
		e.s.ids.remove(hashOf(kindName, ent.name()), slot, e.m)
	}
	e.set(k).Delete(slot)
	delete(e.ownProfs, slot)
	*ent = entity{}
	if k == kindGroup {
		return // its slot stays unused: a profile may still name it, and must then match nobody
	}
	ent.group = e.s.free
	e.s.free = slot + 1
}

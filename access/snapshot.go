package access

import (
	"bytes"
	"iter"
	"maps"
	"slices"
	"unique"

	"github.com/tidwall/btree"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/cow"
)

// A Snapshot is an instance at one revision. It never changes, so any number of goroutines may
// share it; the next one is made of it by With and shares all that did not change.
type Snapshot struct {
	instance string
	revision int64
	hash     []byte // of the event of that revision, nil when it is not known
	exists   bool
	account  string // that owns the instance

	entities cow.Vector[entity]
	ids      cow.Index
	free     uint32 // slot+1 of the first free entity; each leads to the next in group
	kinds    [kindCount]*placeSet
	last     [kindCount]int64 // the highest seq that each kind has or had

	// What the entities take beside their places, in bytes; see Memory.
	weight    int64
	tagWeight int64   // of their tags, if each had its own
	tagShare  float64 // of tagWeight, what is taken since equal tags are the same
}

// A place is where an entity stands among others: its seq and, behind that, its slot. So sets of places
// are in the order of creation, which is the same on every server and after every change, and slots,
// which are not, can be given again.
type place uint64

// Bounds of what a place holds. A seq beyond it counts as the highest.
const (
	slotBits = 28
	maxSlots = 1 << slotBits
	maxRank  = 1<<(64-slotBits) - 1
)

func placeOf(seq int64, slot uint32) place {
	return place(min(uint64(seq), maxRank)<<slotBits | uint64(slot))
}

func (p place) slot() uint32 { return uint32(p % maxSlots) }

// after is the first place behind everything with a seq.
func after(seq int64) place {
	if uint64(seq) >= maxRank {
		return placeOf(maxRank, maxSlots-1)
	}
	return placeOf(seq+1, 0)
}

// placeSet is an ordered set that is cheap to copy.
type placeSet struct{ btree.Map[place, struct{}] }

func (s *placeSet) Insert(p place) { s.Set(p, struct{}{}) }

// Copy leaves s as it is, even inside: others may be copying it at the same time.
func (s *placeSet) Copy() *placeSet {
	m := s.Map
	return &placeSet{*m.Copy()}
}

// slots yields the slots of s, in the order of their creation, from a place on.
func (s *placeSet) slots(from place) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		s.Ascend(from, func(p place, _ struct{}) bool { return yield(p.slot()) })
	}
}

// Instance returns the id of the instance.
func (s *Snapshot) Instance() string { return s.instance }

// Revision returns the revision of the last event that the snapshot includes.
func (s *Snapshot) Revision() int64 { return s.revision }

// Contradicts reports whether s disagrees with a revision and hash that were read, after s was made, as those of the
// last event of its instance: the source then has another history than the one s was made from.
func (s *Snapshot) Contradicts(revision int64, hash []byte) bool {
	return s.revision > revision || s.revision == revision && s.hash != nil && hash != nil && !bytes.Equal(s.hash, hash)
}

// Account returns the account that owns the instance, or "" when the instance does not exist.
func (s *Snapshot) Account() string { return s.account }

// Seq returns the highest Seq that a resource of the snapshot has or had; see lanyard.Meta.
func (s *Snapshot) Seq() int64 { return slices.Max(s.last[:]) }

// Exists reports whether the instance exists at this revision.
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
	kindQuickConnect
	kindAgent
	kindCount
	kindName = kindCount // users by name; no entity has it

	kindAbsent kind = 1 << 7 // a flag, so that what is absent is found under no kind
)

// kindOf numbers the types that a snapshot holds.
var kindOf = map[lanyard.Type]kind{
	lanyard.TypeUser: kindUser, lanyard.TypeProfile: kindProfile, lanyard.TypeQueue: kindQueue,
	lanyard.TypeRoutingProfile: kindRoutingProfile, lanyard.TypeGroup: kindGroup, lanyard.TypeHours: kindHours,
	lanyard.TypeModule: kindModule, lanyard.TypeQuickConnect: kindQuickConnect, lanyard.TypeAIAgent: kindAgent,
}

// inlineRefs is how many of an entity's references stand in itself. Nearly every user holds fewer
// profiles.
const inlineRefs = 4

// An entity is anything that lanyard stores and that may be asked about, or a profile or group that is
// only named so far: that one is absent. There are millions of them, and nearly every decision touches
// two that no cache holds: what it needs stands first, and what few have stands in extra.
type entity struct {
	id string
	// slot+1: the profiles that a user or AI agent holds; of a group, those above it and itself
	refs  [inlineRefs]uint32
	tags  unique.Handle[tagSet] // the zero Handle for none
	group uint32                // slot+1 of a user's hierarchy group; of a group, how many others name it
	kind  kind
	own   uint16 // how much of text is the name
	text  string // the name and, of a user, what only Users wants to know; see setPerson
	seq   int64  // see lanyard.Meta; 0 for what is absent
	extra *extra // nil for most; never changed, but replaced
}

// absent reports whether e is only named by others and not there, or not any more.
func (e *entity) absent() bool { return e.kind&kindAbsent != 0 }

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

// has reports whether e carries a tag.
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

// profile returns the compiled profile that a reference leads to. One that is absent grants nothing.
func (s *Snapshot) profile(slot uint32) *profile {
	if p := s.entities.At(slot - 1).prof(); p != nil {
		return p
	}
	return &nothing
}

// Empty returns the snapshot of an instance before its first event. To build one from resources, use New.
func Empty(instance string) *Snapshot { return &Snapshot{instance: instance, tagShare: 1} }

// An Edit makes the next snapshot from an existing one. It must be used by one goroutine only; Snapshot ends it.
// Unlike New it does not check what it is given: what refers to a missing resource waits for it.
type Edit struct {
	s        Snapshot
	edit     cow.Edit
	ownKinds [kindCount]bool
	ownProfs map[uint32]bool
	seen     *seen // nil but for what begins empty
	regroup  bool  // a group that a profile may name came or went
}

// Edit begins the next snapshot.
func (s *Snapshot) Edit() *Edit {
	e := &Edit{s: *s, edit: cow.NewEdit(), ownProfs: map[uint32]bool{}}
	if s.entities.Len() == 0 {
		e.seen = &seen{tags: map[tag]bool{}, sets: map[unique.Handle[tagSet]]bool{}}
	}
	return e
}

// Snapshot ends the edit at a revision.
func (e *Edit) Snapshot(revision int64) *Snapshot {
	if e.regroup {
		e.regroup = false
		e.s.each(kindProfile, func(ent *entity) bool {
			if p := ent.prof(); p.group != e.s.there(p.named) {
				e.prof(p.slot).group = e.s.there(p.named)
			}
			return true
		})
	}
	s := e.s
	s.revision = revision
	if e.seen != nil && s.tagWeight > 0 {
		s.tagShare = min(1, float64(e.seen.room)/float64(s.tagWeight))
	}
	return &s
}

func (e *Edit) set(k kind) *placeSet {
	if !e.ownKinds[k] {
		e.ownKinds[k] = true
		if e.s.kinds[k] == nil {
			e.s.kinds[k] = new(placeSet)
		} else {
			e.s.kinds[k] = e.s.kinds[k].Copy()
		}
	}
	return e.s.kinds[k]
}

// slot finds or makes the entity of an id. A new one is absent.
func (e *Edit) slot(k kind, id string) uint32 {
	if slot, known := e.s.known(k, id); known != nil {
		return slot
	}
	slot := e.s.entities.Len()
	if e.s.free != 0 {
		slot = e.s.free - 1
		e.s.free = e.s.entities.At(slot).group
	}
	if slot >= maxSlots {
		panic("access: an instance has more resources than there are slots")
	}
	ent := e.s.entities.Edit(slot, e.edit)
	*ent = entity{id: id, kind: k | kindAbsent}
	if k == kindProfile {
		e.prof(slot)
	}
	e.weigh(ent, 1)
	e.s.ids.Put(hashOf(k, id), slot, e.edit)
	return slot
}

// release gives the slot of what is absent free, unless others name it.
func (e *Edit) release(slot uint32) {
	ent := e.s.entities.Edit(slot, e.edit)
	k := ent.kind &^ kindAbsent
	if !ent.absent() || k == kindFree || k == kindGroup && ent.group > 0 || k == kindProfile &&
		ent.prof().holders.Len() > 0 {
		return
	}
	e.weigh(ent, -1)
	e.s.ids.Remove(hashOf(k, ent.id), slot, e.edit)
	delete(e.ownProfs, slot)
	*ent = entity{group: e.s.free}
	e.s.free = slot + 1
}

// prof returns the compiled profile at a slot for changing.
func (e *Edit) prof(slot uint32) *profile {
	ent := e.s.entities.Edit(slot, e.edit)
	if !e.ownProfs[slot] {
		e.ownProfs[slot] = true
		p := profile{slot: slot, id: ent.id}
		if old := ent.prof(); old != nil {
			p = *old
			p.holders = p.holders.Copy()
		} else {
			p.holders = new(placeSet)
		}
		ent.extend(true, func(x *extra) { x.prof = &p })
	}
	return ent.prof()
}

// there is a reference to what is there, 0 for one to what is absent.
func (s *Snapshot) there(ref uint32) uint32 {
	if ref == 0 || s.entities.At(ref-1).absent() {
		return 0
	}
	return ref
}

// name makes a reference to a group, which may be absent; unname takes one back. Neither does anything
// for no group.
func (e *Edit) name(group string) uint32 {
	if group == "" {
		return 0
	}
	slot := e.slot(kindGroup, group)
	e.s.entities.Edit(slot, e.edit).group++
	return slot + 1
}

func (e *Edit) unname(ref uint32) {
	if ref == 0 {
		return
	}
	e.s.entities.Edit(ref-1, e.edit).group--
	e.release(ref - 1)
}

// rank gives the entity at a slot its place: where seq says, if nothing else has that, or else where
// it is, or else last.
func (e *Edit) rank(slot uint32, seq int64) {
	ent := e.s.entities.Edit(slot, e.edit)
	if seq <= 0 && !ent.absent() || ent.seq == seq && seq > 0 {
		return
	}
	k := ent.kind &^ kindAbsent
	if seq <= 0 || e.taken(k, seq) {
		seq = e.s.Seq() + 1
	}
	held := heldIDs(&e.s, ent)
	e.vacate(slot)
	if ent.absent() && k == kindGroup && ent.group > 0 {
		e.regroup = true
	}
	ent.kind, ent.seq = k, seq
	e.s.last[ent.kind] = max(e.s.last[ent.kind], seq)
	e.set(ent.kind).Insert(placeOf(seq, slot))
	if len(held) > 0 {
		e.hold(slot, held)
	}
}

// vacate takes the entity at a slot from its place and, where it is a holder, from its profiles.
func (e *Edit) vacate(slot uint32) {
	ent := e.s.entities.Edit(slot, e.edit)
	if ent.absent() {
		return
	}
	if ent.kind == kindUser || ent.kind == kindAgent {
		e.hold(slot, nil)
	}
	e.set(ent.kind).Delete(placeOf(ent.seq, slot))
}

// taken reports whether something that is listed together with those of a kind has a seq.
func (e *Edit) taken(k kind, seq int64) bool {
	kinds := []kind{k}
	if k == kindUser || k == kindAgent {
		kinds = []kind{kindUser, kindAgent}
	}
	for _, k := range kinds {
		if seq > e.s.last[k] {
			continue
		}
		found := false
		e.s.kinds[k].Ascend(placeOf(seq, 0), func(p place, _ struct{}) bool {
			found = p < after(seq)
			return false
		})
		if found {
			return true
		}
	}
	return false
}

// Put adds a resource or replaces the one with its type and id. The order does not matter: what names
// a profile or a group that is not there yet counts as naming it once it is. Without a Seq a resource
// stays where it is in lists, or comes last.
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
	e.rank(slot, h.Seq)
	ent := e.s.entities.Edit(slot, e.edit)
	e.weigh(ent, -1)
	defer e.weigh(ent, 1)
	ent.setTags(h.Tags)
	switch r := r.(type) {
	case *lanyard.User:
		if had := ent.name(); had != h.Name {
			if had != "" {
				e.s.ids.Remove(hashOf(kindName, had), slot, e.edit)
			}
			e.s.ids.Put(hashOf(kindName, h.Name), slot, e.edit)
		}
		ent.setPerson(r)
		had := ent.group
		ent.group = e.name(r.Group)
		e.unname(had)
		e.hold(slot, r.Profiles)
	case *lanyard.AIAgent:
		e.hold(slot, r.Profiles)
	case *lanyard.Group:
		ent.setName(h.Name)
		e.setPath(slot, r.Path)
	case *lanyard.Profile:
		ent.setName(h.Name)
		p := e.prof(slot)
		had := p.named
		p.compile(&e.s, r)
		if p.scope == scopeGroup {
			p.named = e.name(r.HierarchyGroup)
		}
		e.unname(had)
	default:
		ent.setName(h.Name)
	}
}

// setPath sets the groups above the one at slot, and itself.
func (e *Edit) setPath(slot uint32, path []string) {
	ent := e.s.entities.Edit(slot, e.edit)
	had := heldSlots(ent)
	slots := make([]uint32, len(path))
	for i, id := range path {
		slots[i] = slot + 1
		if id != ent.id {
			slots[i] = e.name(id)
		}
	}
	ent.setRefs(slots)
	for _, ref := range had {
		if ref != slot+1 {
			e.unname(ref)
		}
	}
}

// hold makes the entity at slot a holder of these profiles and of no others.
func (e *Edit) hold(slot uint32, profiles []string) {
	ent := e.s.entities.Edit(slot, e.edit)
	at, had := placeOf(ent.seq, slot), heldSlots(ent)
	slots := make([]uint32, len(profiles))
	for i, id := range profiles {
		p := e.slot(kindProfile, id)
		slots[i] = p + 1
		if !slices.Contains(had, p+1) {
			e.prof(p).holders.Insert(at)
		}
	}
	ent.setRefs(slots)
	for _, p := range had {
		if !slices.Contains(slots, p) {
			e.prof(p - 1).holders.Delete(at)
			e.release(p - 1)
		}
	}
}

// heldIDs are the ids of the profiles that a user or AI agent holds.
func heldIDs(s *Snapshot, ent *entity) []string {
	if ent.kind != kindUser && ent.kind != kindAgent {
		return nil
	}
	var ids []string
	for _, slot := range heldSlots(ent) {
		ids = append(ids, s.entities.At(slot-1).id)
	}
	return ids
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
	ent := e.s.entities.Edit(slot, e.edit)
	e.weigh(ent, -1)
	if k == kindUser && ent.own > 0 {
		e.s.ids.Remove(hashOf(kindName, ent.name()), slot, e.edit)
	}
	e.vacate(slot)
	gone := entity{id: ent.id, kind: k | kindAbsent}
	switch k {
	case kindUser:
		e.unname(ent.group)
	case kindGroup:
		e.setPath(slot, nil)
		gone.group = ent.group
		e.regroup = e.regroup || ent.group > 0
	case kindProfile:
		p := e.prof(slot)
		e.unname(p.named)
		*p = profile{slot: slot, id: ent.id, holders: p.holders}
		gone.extra = &extra{prof: p}
	}
	*ent = gone
	e.weigh(ent, 1)
	e.release(slot)
}

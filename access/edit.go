package access

import (
	"fmt"
	"slices"
	"unique"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/cow"
	"github.com/lanyard/lanyard/internal/laxjson"
)

// An Edit makes another snapshot from an existing one, which stays as it is. It must be used by one goroutine only, and
// not at all after its Snapshot method. Unlike New it does not check what it is given: what refers to a missing
// resource waits for it, and grants nothing until then.
type Edit struct {
	s        Snapshot
	edit     cow.Edit
	ownKinds [kindCount]bool
	ownProfs map[uint32]bool
	seen     *seen // nil unless the edit began with an empty snapshot
	regroup  bool  // a group that a profile may name came or went
	altered  bool  // something was put or removed
}

// Edit begins another snapshot.
func (s *Snapshot) Edit() *Edit {
	e := &Edit{s: *s, edit: cow.NewEdit(), ownProfs: map[uint32]bool{}}
	if s.entities.Len() == 0 {
		e.seen = &seen{tags: map[tag]bool{}, sets: map[unique.Handle[tagSet]]bool{}}
	}
	return e
}

// Snapshot ends the edit and returns the snapshot that it made, at a revision.
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
	if e.altered {
		s.altered = revision
	}
	if e.seen != nil && s.tagWeight > 0 {
		s.tagShare = min(1, float64(e.seen.room)/float64(s.tagWeight))
	}
	return &s
}

// With returns the snapshot as it would be after putting resources (see Edit.Put), at the same revision.
func (s *Snapshot) With(put ...lanyard.Resource) *Snapshot {
	e := s.Edit()
	for _, r := range put {
		e.Put(r)
	}
	return e.Snapshot(s.revision)
}

// Put adds a resource or replaces the one with its type and id; r must not be changed afterwards. The order does not
// matter: what refers to a profile or a group that is not there yet refers to it once it is. A resource without a Seq
// stays where it is in lists, or comes last. Types that decide nothing are ignored.
func (e *Edit) Put(r lanyard.Resource) {
	if in, ok := r.(*lanyard.Instance); ok {
		e.altered = true
		e.s.exists, e.s.account, e.s.mirror = true, in.Account, in.Mirror != nil
		return
	}
	k, ok := kindOf[r.Type()]
	if !ok {
		return // decisions do not depend on it
	}
	if t, ok := r.(*lanyard.DataTable); ok && e.s.hasTable(t) {
		return // it counts its values, of which decisions know nothing
	}
	e.altered = true
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

// hasTable reports whether the snapshot has a data table with all that decisions know of it.
func (s *Snapshot) hasTable(t *lanyard.DataTable) bool {
	_, had := s.findByID(kindDataTable, t.ID)
	if had == nil || had.extra != nil || had.seq != t.Seq || had.name() != t.Name {
		return false
	}
	var now entity
	now.setTags(t.Tags)
	return now.extra == nil && now.tags == had.tags
}

// Remove takes a resource out, if it is there. The instance takes everything else with it.
func (e *Edit) Remove(t lanyard.Type, id string) {
	if t == lanyard.TypeInstance {
		hash := e.s.hash
		*e = *Empty(e.s.instance).Edit()
		e.s.hash, e.altered = hash, true
		return
	}
	k, ok := kindOf[t]
	if !ok {
		return
	}
	slot, found := e.s.findByID(k, id)
	if found == nil {
		return
	}
	e.altered = true
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

// Apply puts and removes what an event changed. It fails when a resource of the event is not valid JSON, and must then
// be abandoned.
func (e *Edit) Apply(event *lanyard.Event) error {
	e.s.hash = event.Hash
	for i := range event.Changes {
		c := &event.Changes[i]
		if len(c.After) == 0 {
			e.Remove(c.Type, c.ID)
			continue
		}
		r, err := put(event, c)
		if err != nil {
			return err
		}
		if r != nil {
			e.Put(r)
		}
	}
	return nil
}

// put returns the resource that a change of an event puts, nil when decisions do not depend on it.
func put(event *lanyard.Event, c *lanyard.Change) (lanyard.Resource, error) {
	if _, decides := kindOf[c.Type]; !decides && c.Type != lanyard.TypeInstance {
		return nil, nil
	}
	if c.Now != nil { // where the change was made in this process
		return c.Now, nil
	}
	r := lanyard.New(c.Type)
	if err := laxjson.Unmarshal(c.After, r); err != nil {
		return nil, fmt.Errorf("revision %d of instance %s: read %s %s: %w", event.Revision, event.Instance, c.Type, c.ID, err)
	}
	return r, nil
}

// decoded returns events with the Now of what they put, so that it is read once for all who need it.
func decoded(events []lanyard.Event) ([]lanyard.Event, error) {
	events = slices.Clone(events)
	for i := range events {
		e := &events[i]
		e.Changes = slices.Clone(e.Changes)
		for j := range e.Changes {
			c := &e.Changes[j]
			if len(c.After) == 0 {
				continue
			}
			r, err := put(e, c)
			if err != nil {
				return nil, err
			}
			c.Now = r
		}
	}
	return events, nil
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

// slot finds the entity with an id, or makes an absent one.
func (e *Edit) slot(k kind, id string) uint32 {
	if slot, known := e.s.findKnown(k, id); known != nil {
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

// release frees the slot of an absent entity, unless others still name it.
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
		ent.extend(func(x *extra) { x.prof = &p })
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

// rank gives the entity at a slot its place: the one of seq, if no other entity has it; otherwise the place it has
// already, or else the last.
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

// taken reports whether a seq is in use by an entity that is listed together with those of a kind.
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

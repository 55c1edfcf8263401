package access

import "unique"

// CountHolders returns how many users and AI agents hold a profile, by its id; 0 when there is no such profile.
func (s *Snapshot) CountHolders(profile string) int {
	_, e := s.findByID(kindProfile, profile)
	if e == nil {
		return 0
	}
	return e.prof().holders.Len()
}

// CountDistinctHolders returns how many users and AI agents hold at least one of some profiles, by their ids.
func (s *Snapshot) CountDistinctHolders(profiles []string) (n int) {
	seen := make([]uint64, s.entities.Len()/64+1)
	for _, id := range profiles {
		if _, e := s.findByID(kindProfile, id); e != nil {
			for slot := range e.prof().holders.slots(0) {
				if bit := uint64(1) << (slot % 64); seen[slot/64]&bit == 0 {
					seen[slot/64] |= bit
					n++
				}
			}
		}
	}
	return n
}

// ProfilesOf returns the ids of the profiles that a subject holds, in its order. ok is false when there is no such
// subject. The subject's Human is ignored.
func (s *Snapshot) ProfilesOf(subject Subject) (profiles []string, ok bool) {
	e := s.subject(&subject)
	if e == nil {
		return nil, false
	}
	for _, slot := range heldSlots(e) {
		profiles = append(profiles, s.entities.At(slot-1).id)
	}
	return profiles, true
}

// countable are the types that a snapshot holds, by name.
var countable = func() map[string]kind {
	m := make(map[string]kind, len(kindOf))
	for t, k := range kindOf {
		m[t.Name()] = k
	}
	return m
}()

// Count returns how many resources of a type there are, such as TypeUser; of TypeAIAgent, how many AI agents hold
// profiles. It is 0 for types that lanyard does not store.
func (s *Snapshot) Count(resourceType string) int {
	if k, ok := countable[resourceType]; ok && s.kinds[k] != nil {
		return s.kinds[k].Len()
	}
	return 0
}

// CountByGroup returns how many users are directly in each hierarchy group, by its id; "" has those in none.
func (s *Snapshot) CountByGroup() map[string]int {
	bySlot := map[uint32]int{}
	s.each(kindUser, func(e *entity) bool {
		bySlot[e.group]++
		return true
	})
	byID := make(map[string]int, len(bySlot))
	for slot, n := range bySlot {
		id := ""
		if slot != 0 {
			id = s.entities.At(slot - 1).id
		}
		byID[id] += n
	}
	return byID
}

// CountHoldersByGroup returns how many users that hold a profile are directly in each hierarchy group, by its id; ""
// has those in none. It is nil when there is no such profile.
func (s *Snapshot) CountHoldersByGroup(profile string) map[string]int {
	_, e := s.findByID(kindProfile, profile)
	if e == nil {
		return nil
	}
	groups := map[string]int{}
	for slot := range e.prof().holders.slots(0) {
		h := s.entities.At(slot)
		if h.kind != kindUser {
			continue
		}
		id := ""
		if h.group != 0 {
			id = s.entities.At(h.group - 1).id
		}
		groups[id]++
	}
	return groups
}

// A Tag is a tag that resources of a type carry.
type Tag struct{ Type, Key, Value string }

// TagUsage returns how many resources carry each tag.
func (s *Snapshot) TagUsage() map[Tag]int {
	type of struct {
		k    kind
		tags unique.Handle[tagSet]
	}
	sets := map[of]int{} // nearly all of what carries tags shares a few sets
	all := map[Tag]int{}
	for t, k := range countable {
		s.each(k, func(e *entity) bool {
			if e.tags != (unique.Handle[tagSet]{}) {
				sets[of{k, e.tags}]++
			}
			if e.extra != nil {
				for _, more := range e.extra.tags {
					all[Tag{t, more.Value().key, more.Value().value}]++
				}
			}
			return true
		})
		for set, n := range sets {
			for _, one := range set.tags.Value() {
				if one != (tag{}) {
					all[Tag{t, one.Value().key, one.Value().value}] += n
				}
			}
		}
		clear(sets)
	}
	return all
}

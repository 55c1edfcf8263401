package access

import (
	"unique"
	"unsafe"
)

// The size of a snapshot is added up while it is made, because measuring it would take as long as making it. The sums
// include how Go's allocator rounds and what the structures share, but not strings that others keep too.
//
// A constant for each user and profile would not do for Engine.Memory: users take 270 bytes each in a generated contact
// centre, 650 with ten profiles and twenty tags, and 940 when no two have a tag in common; profiles from 700 bytes to
// 4 KB. A bound that is four times too low holds fewer instances than fit, and one that is four times too high ends the
// process.
const (
	base = 1 << 10 // of a snapshot with nothing in it
	// of an entry of a placeSet, half of whose room is free
	memberOf = 24
	setRoom  = int64(unsafe.Sizeof(placeSet{})) + 64 // of a placeSet with a node
	tagRoom  = 2*16 + 144                            // of a pair in package unique, without its texts
	tagsRoom = int64(unsafe.Sizeof(tagSet{})) + 128  // of a tagSet there
	profRoom = int64(unsafe.Sizeof(profile{})) + int64(unsafe.Sizeof(extra{})) + setRoom
)

// Memory estimates how many bytes of the heap s takes, within 30 %. Most of them are shared with the snapshots that s
// was made from and those made from it.
func (s *Snapshot) Memory() int64 {
	return base + s.entities.Bytes() + s.ids.Bytes() + s.weight + int64(float64(s.tagWeight)*s.tagShare)
}

// text is what a string takes.
func text(s string) int64 { return int64(len(s)+15) / 16 * 16 }

func texts(list []string) (n int64) {
	for _, s := range list {
		n += 16 + text(s)
	}
	return n
}

// seen are the tags of an instance that is loaded, and what they take.
type seen struct {
	tags map[tag]bool
	sets map[unique.Handle[tagSet]]bool
	room int64
}

// weigh adds what an entity takes apart from its place, times sign.
func (e *Edit) weigh(ent *entity, sign int64) {
	own := text(ent.id) + text(ent.text) + memberOf
	for i := 0; ent.ref(i) != 0; i++ {
		if own += 4; ent.kind == kindUser || ent.kind == kindAgent {
			own += memberOf // among the profile's holders
		}
	}
	if x := ent.extra; x != nil {
		own += int64(unsafe.Sizeof(*x)) + 8*int64(len(x.tags))
		if x.prof != nil {
			own += x.prof.room()
		}
	}
	e.s.weight += sign * own
	e.s.tagWeight += sign * e.weighTags(ent)
}

func (p *profile) room() int64 {
	n := profRoom + texts(p.unknown) + texts(p.warnings) + 8*int64(len(p.tags)) + texts(p.modules) + texts(p.agents) +
		text(p.groupID)
	for i := range p.apps {
		a := &p.apps[i]
		n += int64(unsafe.Sizeof(*a)) + text(a.Namespace) + text(a.Type) + texts(a.Permissions)
	}
	for i := range p.rows {
		r := &p.rows[i]
		n += int64(unsafe.Sizeof(*r)) + text(r.Access) + text(r.Attribute) + texts(r.Values)
	}
	return n
}

// weighTags is what the tags of an entity would take if no other entity had the same. Most tags are
// shared: the part that is really taken is counted while an instance is loaded, and assumed not to change.
func (e *Edit) weighTags(ent *entity) (n int64) {
	if ent.tags == (unique.Handle[tagSet]{}) {
		return 0
	}
	n = tagsRoom
	if e.seen != nil && !e.seen.sets[ent.tags] {
		e.seen.sets[ent.tags] = true
		e.seen.room += tagsRoom
	}
	weigh := func(t tag) {
		p := t.Value()
		room := tagRoom + text(p.key) + text(p.value)
		n += room
		if e.seen != nil && !e.seen.tags[t] {
			e.seen.tags[t] = true
			e.seen.room += room
		}
	}
	for _, t := range ent.tags.Value() {
		if t != (tag{}) {
			weigh(t)
		}
	}
	if ent.extra != nil {
		for _, t := range ent.extra.tags {
			weigh(t)
		}
	}
	return n
}

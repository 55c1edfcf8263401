package access

import (
	"encoding/binary"
	"slices"

	"github.com/lanyard/lanyard"
)

// A WhatIf says what a proposed change would do, and to whom.
type WhatIf struct {
	Affected int // how many users and AI agents may then do something else
	Gaining  int // how many of them may do something more, or on more resources
	Losing   int // how many of them something less, or on fewer; those who do both count twice
	// Differences are those of a page of the affected, in the order of their creation.
	Differences []Difference
	Next        Cursor // where the next page begins, the zero Cursor after the last one
	// Hidden counts the profiles that IfUser left out because the Sight does not show them, among those that the user
	// holds and those that the user would hold.
	Hidden int
}

// A Sight reports whether somebody may see a resource: a user, an AI agent or a security profile, by one of the Type
// constants and its id. A nil Sight shows everything.
type Sight func(resourceType, id string) bool

// holder reports whether the sight shows a holder.
func (see Sight) holder(e *entity) bool {
	t := TypeUser
	if e.kind == kindAgent {
		t = TypeAIAgent
	}
	return see == nil || see(t, e.id)
}

// profiles returns those of slots that the sight shows, and how many it does not.
func (see Sight) profiles(s *Snapshot, slots []uint32) (shown []uint32, hidden int) {
	if see == nil {
		return slots, 0
	}
	for _, slot := range slots {
		if see(TypeSecurityProfile, s.profile(slot).id) {
			shown = append(shown, slot)
		} else {
			hidden++
		}
	}
	return shown, hidden
}

// A Difference is what a change would do to one subject. Subjects to whom it does the same may share a Delta.
type Difference struct {
	Holder // without Profiles
	*Delta
}

// A Delta is what a subject may do after a change and not before, or the reverse, each list in the order of WhatCan. It
// must not be changed.
type Delta struct {
	Gains   []Effective // allowed afterwards only, as it is granted then
	Loses   []Effective // allowed before only, as it was granted then
	Changes []Changed   // allowed before and afterwards, on other resources
}

// A Changed is a thing that is allowed on other resources afterwards. Restricting permissions are listed as Changed
// too: to get one is to be allowed less.
type Changed struct {
	Thing
	More   bool    // it is allowed on resources that it was not allowed on
	Less   bool    // it is no longer allowed on some that it was allowed on
	Before []Grant // in the order in which the subject holds the profiles
	After  []Grant
}

// IfProfile returns what it would do to the holders of a profile to replace it by p, which has its id. Holders and
// profiles that see does not show count as if they did not exist, so the answer gives nothing away about them. The
// differences are paged as in WhoCan; the counts are those of all holders on every page. ok is false when there is no
// such profile.
//
// Compared are the conditions of the profiles that each holder has, as they combine outside of reports, and not the
// resources that there are: a tag that no resource carries is a condition all the same. Several profiles that allow as
// much as another one only together count as less than it.
func (s *Snapshot) IfProfile(p *lanyard.Profile, see Sight, page Page) (w WhatIf, ok bool) {
	slot, e := s.findByID(kindProfile, p.ID)
	if e == nil {
		return WhatIf{}, false
	}
	next := s.With(p)
	d := newDiffer(s, next, []*profile{e.prof()}, []*profile{next.profile(slot + 1)})
	var held, stay []uint32
	shown := map[uint32]bool{}
	page.From = page.From.Begin(s)
	for at := range e.prof().holders.slots(0) {
		h := s.entities.At(at)
		if !see.holder(h) {
			continue
		}
		held, stay = held[:0], stay[:0]
		for i := 0; h.ref(i) != 0; i++ {
			if see != nil {
				ok, known := shown[h.ref(i)]
				if !known {
					ok = see(TypeSecurityProfile, s.profile(h.ref(i)).id)
					shown[h.ref(i)] = ok
				}
				if !ok {
					continue
				}
			}
			held = append(held, h.ref(i))
			if h.ref(i) != slot+1 {
				stay = append(stay, h.ref(i))
			}
		}
		d.add(h, held, held, stay, page)
	}
	return d.result, true
}

// IfUser returns what it would do to a user to replace their profiles by those of u, which has the user's id. Profiles
// that see does not show count as if nobody held them. ok is false when there is no such user. See IfProfile.
func (s *Snapshot) IfUser(u *lanyard.User, see Sight) (w WhatIf, ok bool) {
	slot, e := s.findByID(kindUser, u.ID)
	if e == nil {
		return WhatIf{}, false
	}
	next := s.With(u)
	if !see.holder(e) {
		return WhatIf{}, true
	}
	had, hidden := see.profiles(s, heldSlots(e))
	has, _ := see.profiles(s, heldSlots(next.entities.At(slot)))
	for _, id := range u.Profiles { // those that come
		if _, p := s.findByID(kindProfile, id); see != nil && p != nil && !see(TypeSecurityProfile, id) &&
			!s.Holds(u.ID, id) {
			hidden++
		}
	}
	var out, in []*profile
	var stay []uint32
	for _, p := range had {
		if slices.Contains(has, p) {
			stay = append(stay, p)
		} else {
			out = append(out, s.profile(p))
		}
	}
	for _, p := range has {
		if !slices.Contains(had, p) {
			in = append(in, s.profile(p))
		}
	}
	d := newDiffer(s, next, out, in)
	d.add(e, had, has, stay, Page{From: Cursor{}.Begin(s), Limit: 1})
	d.result.Hidden = hidden
	return d.result, true
}

// A differ compares what subjects may do before and after a change that takes some profiles away from them (out) and
// gives them others (in). The others are kept, so permissions are compared as sets of bits, and what a kept profile
// compensates for is worked out once for all its holders.
type differ struct {
	before, after *Snapshot
	out, in       []*profile
	lost, gained  permissions // of out and of in, whatever the other profiles grant
	goes, comes   []Thing     // the same for what is not a permission of the catalogue
	covers        map[covering]*cover
	conditions    map[conditioned][]Condition
	deltas        map[string]*Delta
	work, base    cover // of one subject; of out by in, and of in by out
	own           bool  // some scope of out or in depends on the holder
	baseGroup     uint32
	result        WhatIf
}

// A covering is a kept profile, and its holder's group where that matters.
type covering struct{ slot, group uint32 }

// A cover records what one kept profile compensates for.
type cover struct {
	perms       permissions   // those that it grants
	out, in     []permissions // for each removed and added profile, those by which it allows at least as much
	goes, comes []bool        // whether it grants each of the things that go and come
}

type conditioned struct {
	p     *profile
	about typeID
}

func newDiffer(before, after *Snapshot, out, in []*profile) *differ {
	d := &differ{before: before, after: after, out: out, in: in, covers: map[covering]*cover{},
		conditions: map[conditioned][]Condition{}, deltas: map[string]*Delta{}, baseGroup: noGroup}
	was, is := map[Thing]bool{}, map[Thing]bool{}
	for _, p := range out {
		d.lost.or(p.perms)
		d.own = d.own || p.scope == scopeOwn
		before.things(p, func(t Thing) { was[t] = true })
	}
	for _, p := range in {
		d.gained.or(p.perms)
		d.own = d.own || p.scope == scopeOwn
		after.things(p, func(t Thing) { is[t] = true })
	}
	for t := range was {
		if !is[t] {
			d.goes = append(d.goes, t)
		}
	}
	for t := range is {
		if !was[t] {
			d.comes = append(d.comes, t)
		}
	}
	slices.SortFunc(d.goes, compareThings)
	slices.SortFunc(d.comes, compareThings)
	d.work, d.base = d.newCover(), d.newCover()
	return d
}

func (d *differ) newCover() cover {
	return cover{out: make([]permissions, len(d.out)), in: make([]permissions, len(d.in)),
		goes: make([]bool, len(d.goes)), comes: make([]bool, len(d.comes))}
}

// baseOf returns what the removed and the added profiles compensate for in each other, for a holder in a group.
func (d *differ) baseOf(group uint32) *cover {
	if d.baseGroup == group || d.baseGroup != noGroup && !d.own {
		return &d.base
	}
	d.baseGroup = group
	for i, p := range d.out {
		d.base.out[i] = permissions{}
		for _, q := range d.in {
			d.base.out[i].or(d.before.covered(p, q, group))
		}
	}
	for i, p := range d.in {
		d.base.in[i] = permissions{}
		for _, q := range d.out {
			d.base.in[i].or(d.before.covered(p, q, group))
		}
	}
	return &d.base
}

// coverOf returns what a kept profile compensates for when its holder is in a group.
func (d *differ) coverOf(slot, group uint32) *cover {
	p := d.before.profile(slot)
	if !d.own && p.scope != scopeOwn {
		group = 0
	}
	key := covering{slot, group}
	if c := d.covers[key]; c != nil {
		return c
	}
	c := d.newCover()
	c.perms = p.perms
	for i, q := range d.out {
		c.out[i] = d.before.covered(q, p, group)
	}
	for i, q := range d.in {
		c.in[i] = d.before.covered(q, p, group)
	}
	d.before.things(p, func(t Thing) {
		if i, ok := slices.BinarySearchFunc(d.goes, t, compareThings); ok {
			c.goes[i] = true
		}
		if i, ok := slices.BinarySearchFunc(d.comes, t, compareThings); ok {
			c.comes[i] = true
		}
	})
	d.covers[key] = &c
	return &c
}

// sums are what differs for one subject, as sets of permissions.
type sums struct {
	gains, loses, more, less permissions
}

// add compares one subject, which holds the profiles had before, has afterwards, and stay all along.
func (d *differ) add(h *entity, had, has, stay []uint32, page Page) {
	d.compensate(h.group, stay)
	x := d.sums()
	gains, loses := slices.Contains(d.work.comes, false), slices.Contains(d.work.goes, false)
	gains = gains || x.gains != permissions{} || x.more != permissions{}
	loses = loses || x.loses != permissions{} || x.less != permissions{}
	if !gains && !loses {
		return
	}
	d.result.Affected++
	if gains {
		d.result.Gaining++
	}
	if loses {
		d.result.Losing++
	}
	switch {
	case h.seq <= page.From.After || h.seq > page.From.Until:
	case !page.full(len(d.result.Differences)):
		d.result.Differences = append(d.result.Differences, Difference{holder(h, nil), d.delta(had, has, x)})
	case d.result.Next == Cursor{}:
		d.result.Next = page.From.Behind(d.result.Differences[page.Limit-1].Seq)
	}
}

// compensate sets d.work to what the removed, added and kept profiles compensate for together.
func (d *differ) compensate(group uint32, stay []uint32) {
	w, base := &d.work, d.baseOf(group)
	copy(w.out, base.out)
	copy(w.in, base.in)
	clear(w.goes)
	clear(w.comes)
	w.perms = permissions{}
	for _, slot := range stay {
		c := d.coverOf(slot, group)
		w.perms.or(c.perms)
		for i := range c.out {
			w.out[i].or(c.out[i])
		}
		for i := range c.in {
			w.in[i].or(c.in[i])
		}
		for i, ok := range c.goes {
			w.goes[i] = w.goes[i] || ok
		}
		for i, ok := range c.comes {
			w.comes[i] = w.comes[i] || ok
		}
	}
}

// sums computes the differences from d.work.
func (d *differ) sums() sums {
	w := &d.work
	was, is := w.perms, w.perms
	was.or(d.lost)
	is.or(d.gained)
	x := sums{gains: is.without(was), loses: was.without(is)}
	for i, p := range d.in {
		x.more.or(p.perms.without(w.in[i]))
	}
	for i, p := range d.out {
		x.less.or(p.perms.without(w.out[i]))
	}
	x.restrict(was, is)
	return x
}

// restrict completes x, which compares what profiles grant and cover, by what restricting permissions do to it. was and
// is are all permissions that are held before and afterwards.
func (x *sums) restrict(was, is permissions) {
	x.more, x.less = x.more.without(x.gains), x.less.without(x.loses)
	// To get a restricting permission is to lose something.
	restricting := restrictions()
	x.less.or(x.gains.and(restricting))
	x.more.or(x.loses.and(restricting))
	x.gains, x.loses = x.gains.without(restricting), x.loses.without(restricting)
	for _, n := range contactRestrictions() {
		if !was.has(n.what) || !is.has(n.what) {
			continue
		}
		switch had, has := was.has(n.by), is.has(n.by); {
		case has && !had:
			x.less.add(n.what)
		case had && !has:
			x.more.add(n.what)
		}
	}
}

// delta lists what differs for a subject. Subjects with the same profiles share it, unless their hierarchy groups make
// a difference.
func (d *differ) delta(had, has []uint32, x sums) *Delta {
	b := []byte(slotKey(had) + "/" + slotKey(has) + "/")
	for _, w := range slices.Concat(x.more[:], x.less[:]) {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	key := string(b)
	if v := d.deltas[key]; v != nil {
		return v
	}
	v := &Delta{}
	for i := range x.gains.all {
		v.Gains = append(v.Gains, Effective{permissionAt(i), d.grants(d.after, has, i)})
	}
	for i := range x.loses.all {
		v.Loses = append(v.Loses, Effective{permissionAt(i), d.grants(d.before, had, i)})
	}
	changed := x.more
	changed.or(x.less)
	for i := range changed.all {
		v.Changes = append(v.Changes, Changed{Thing: permissionAt(i), More: x.more.has(i), Less: x.less.has(i),
			Before: d.grants(d.before, had, i), After: d.grants(d.after, has, i)})
	}
	for i, t := range d.comes {
		if !d.work.comes[i] {
			v.Gains = append(v.Gains, Effective{t, d.after.grantsOf(has, t)})
		}
	}
	for i, t := range d.goes {
		if !d.work.goes[i] {
			v.Loses = append(v.Loses, Effective{t, d.before.grantsOf(had, t)})
		}
	}
	byThing := func(a, b Effective) int { return compareThings(a.Thing, b.Thing) }
	slices.SortFunc(v.Gains, byThing)
	slices.SortFunc(v.Loses, byThing)
	d.deltas[key] = v
	return v
}

// grants are those of a permission by profiles of a snapshot.
func (d *differ) grants(s *Snapshot, slots []uint32, place uint16) []Grant {
	narrow := s.contactRestriction(slots, place)
	var out []Grant
	for _, slot := range slots {
		p := s.profile(slot)
		if !p.perms.has(place) {
			continue
		}
		k := conditioned{p, aboutOf(place)}
		conditions, ok := d.conditions[k]
		if !ok {
			conditions = p.conditions(k.about)
			d.conditions[k] = conditions
		}
		out = append(out, Grant{Profile: p.id, Name: p.name, Conditions: withCondition(conditions, narrow)})
	}
	return out
}

func slotKey(slots []uint32) string {
	b := make([]byte, 0, 4*len(slots))
	for _, s := range slots {
		b = binary.LittleEndian.AppendUint32(b, s)
	}
	return string(b)
}

// covered are the permissions that p and q both grant and by which q allows at least as much as p, for a holder in a
// group. Conditions differ by type only, and so are compared by type.
func (s *Snapshot) covered(p, q *profile, group uint32) permissions {
	return p.perms.and(q.perms).without(s.lacks(q.in(group), p.in(group)).permissions())
}

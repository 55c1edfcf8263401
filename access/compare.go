package access

import (
	"encoding/binary"
	"slices"

	"github.com/lanyard/lanyard"
)

// A SharedDifference is what differs between two snapshots for one or more subjects, to all of whom it is the same.
type SharedDifference struct {
	// Subjects are in the order of their creation, without Profiles, and are those of the later snapshot if it has them.
	Subjects []Holder
	// Created and Deleted say that only the later or only the earlier snapshot has the subjects.
	Created, Deleted bool
	// GroupBefore and GroupAfter are the ids of the hierarchy group of the subjects, "" for none. They are set only if a
	// profile depends on the holder's own group, and that changed.
	GroupBefore, GroupAfter string
	Delta
	// Shifts are what the subjects are allowed on because resources changed, and not what they hold. Resources that one
	// of the snapshots does not have are not among them.
	Shifts []Shift
}

// A Shift is what a subject is allowed, or no longer allowed, on resources whose tags or hierarchy group changed.
type Shift struct {
	Actions []string // permissions about the type of the resources, in byte order
	Gained  bool     // allowed afterwards only; else before only
	On      *Shifted
}

// Shifted are resources of a type that changed. Shifts may share it; it must not be changed.
type Shifted struct {
	Type      string // one of the Type constants
	Resources []Found
}

// Compare returns what the users and AI agents of two snapshots may do in the one and not in the other, for all whom
// that is something. The snapshots may be states of an instance, whatever changed in between, or of two instances whose
// resources have the same ids.
//
// Compared is what [Snapshot.IfProfile] compares: the conditions of the profiles that each subject holds, as they
// combine outside of reports. A tag that no resource carries is a condition all the same, and several profiles that
// allow as much as another one only together count as less than it. In addition, resources that both snapshots have are
// compared, because a change of their tags or hierarchy group changes to whom they are open.
//
// The cost grows with the number of users and with how many combinations of profiles are held: 100,000 users with
// 50,000 combinations take some seconds.
func Compare(before, after *Snapshot) []SharedDifference {
	c := newComparison(before, after)
	c.classify()
	c.collectShifted()
	var out []SharedDifference
	for _, class := range c.classes {
		if d, differs := c.compare(class); differs {
			out = append(out, d)
		}
	}
	return out
}

// A comparison is that of two snapshots.
type comparison struct {
	before, after *Snapshot
	// union is after with the groups of before that it lacks. Slots of after mean the same in it.
	union   *Snapshot
	groups  map[uint32]uint32 // of before to those of union, as slot+1
	moved   map[uint32]bool   // groups of after whose path was another one
	changed map[string]bool   // profiles by id
	things  map[*profile][]Thing
	texts   *differ // which lists grants
	classes []*class
	byKey   map[string]*class
	shifted map[typeID][]*signature
	lists   map[string]*Shifted
}

func newComparison(before, after *Snapshot) *comparison {
	c := &comparison{before: before, after: after, groups: map[uint32]uint32{}, moved: map[uint32]bool{},
		changed: map[string]bool{}, things: map[*profile][]Thing{}, byKey: map[string]*class{},
		texts: &differ{conditions: map[conditioned][]Condition{}}, shifted: map[typeID][]*signature{},
		lists: map[string]*Shifted{}}
	c.uniteGroups()
	before.each(kindProfile, func(e *entity) bool {
		_, now := after.findByID(kindProfile, e.id)
		if now == nil || c.profileChanged(e.prof(), now.prof()) {
			c.changed[e.id] = true
		}
		return true
	})
	return c
}

// uniteGroups makes the snapshot in which groups of both can be compared.
func (c *comparison) uniteGroups() {
	edit := c.after.Edit()
	c.before.each(kindGroup, func(e *entity) bool {
		slot, now := c.after.findByID(kindGroup, e.id)
		if now == nil {
			edit.Put(&lanyard.Group{Meta: lanyard.Meta{ID: e.id}, Path: c.before.path(e)})
		} else if !slices.Equal(c.before.path(e), c.after.path(now)) {
			c.moved[slot+1] = true
		}
		return true
	})
	c.union = edit.Snapshot(c.after.revision)
}

// path are the ids of the groups from level one down to the group e.
func (s *Snapshot) path(e *entity) []string {
	ids := make([]string, 0, lanyard.MaxLevels)
	for i := 0; e.ref(i) != 0; i++ {
		ids = append(ids, s.entities.At(e.ref(i)-1).id)
	}
	return ids
}

// group returns the place in the union of a group of before. The place of one that exists in neither is noGroup, which
// is in no other and has none below it.
func (c *comparison) group(ref uint32) uint32 {
	if ref == 0 {
		return 0
	}
	place, known := c.groups[ref]
	if !known {
		place = noGroup
		if slot, e := c.union.findByID(kindGroup, c.before.entities.At(ref-1).id); e != nil {
			place = slot + 1
		}
		c.groups[ref] = place
	}
	return place
}

// was returns what a profile of before covers, in the union, for a holder in a group of the union.
func (c *comparison) was(p *profile, own uint32) reach {
	switch p.scope {
	case scopeOwn:
		return reach{p, own, false}
	case scopeGroup:
		return reach{p, c.group(p.group), false}
	}
	return reach{p, 0, true}
}

// profileChanged reports whether a profile may allow its holders something else, whoever they are.
func (c *comparison) profileChanged(b, a *profile) bool {
	p, q := c.was(b, noGroup), a.in(noGroup)
	return b.perms != a.perms || c.union.lacks(p, q) != 0 || c.union.lacks(q, p) != 0 ||
		!slices.Equal(c.thingsOf(c.before, b), c.thingsOf(c.after, a))
}

// thingsOf are those of a profile apart from permissions of the catalogue, in order.
func (c *comparison) thingsOf(s *Snapshot, p *profile) []Thing {
	// A profile may be the same in both snapshots, and a module that it lists exist in one only.
	if len(p.unknown)+len(p.apps)+len(p.modules)+len(p.agents) == 0 {
		return nil
	}
	list, known := c.things[p]
	if known && len(p.modules) == 0 {
		return list
	}
	list = nil
	s.things(p, func(t Thing) { list = append(list, t) })
	slices.SortFunc(list, compareThings)
	list = slices.Compact(list)
	c.things[p] = list
	return list
}

// A class is all subjects that hold the same profiles before and the same afterwards, and are in the same groups where
// these matter.
type class struct {
	subjects          []Holder
	had, has          []uint32 // slots of before and of after
	was, is           bool     // before and after have the subjects
	own               bool     // the holder's own group matters
	groupWas, groupIs uint32   // of before and of after
}

// classify sorts all subjects into classes, in the order of the first of each.
func (c *comparison) classify() {
	for _, k := range []kind{kindUser, kindAgent} {
		c.after.each(k, func(e *entity) bool {
			_, b := c.before.findByID(k, e.id)
			c.addSubject(b, e)
			return true
		})
		c.before.each(k, func(e *entity) bool {
			if _, now := c.after.findByID(k, e.id); now == nil {
				c.addSubject(e, nil)
			}
			return true
		})
	}
}

// addSubject puts a subject into its class. One of b and a may be nil.
func (c *comparison) addSubject(b, a *entity) {
	var buf [2 * (MaxProfiles + 2) * 4]byte
	key, own := buf[:0], false
	shown := a
	for i, side := range [2]struct {
		s *Snapshot
		e *entity
	}{{c.before, b}, {c.after, a}} {
		if side.e == nil {
			key = append(key, 'x')
			continue
		}
		if i == 0 && a == nil {
			shown = b
		}
		for i := 0; side.e.ref(i) != 0; i++ {
			own = own || side.s.profile(side.e.ref(i)).dependsOnHolder()
			key = binary.LittleEndian.AppendUint32(key, side.e.ref(i))
		}
		key = append(key, '/')
	}
	if own {
		for _, e := range []*entity{b, a} {
			if e != nil {
				key = binary.LittleEndian.AppendUint32(key, e.group)
			}
		}
	}
	known := c.byKey[string(key)]
	if known == nil {
		known = &class{was: b != nil, is: a != nil, own: own}
		if b != nil {
			known.had = heldSlots(b)
		}
		if a != nil {
			known.has = heldSlots(a)
		}
		if own && b != nil {
			known.groupWas = b.group
		}
		if own && a != nil {
			known.groupIs = a.group
		}
		c.byKey[string(key)] = known
		c.classes = append(c.classes, known)
	}
	known.subjects = append(known.subjects, holder(shown, nil))
}

// dependsOnHolder reports whether p may cover other resources for a holder in another group.
func (p *profile) dependsOnHolder() bool {
	if p.scope == scopeOwn {
		return true
	}
	for i := range contactRestrictions() {
		if n := &contactRestrictions()[i]; n.own && p.perms.has(n.by) {
			return true
		}
	}
	return false
}

// compare returns what differs for a class.
func (c *comparison) compare(k *class) (d SharedDifference, differs bool) {
	x := sums{}
	if c.mayDiffer(k) {
		x = c.sums(k)
		c.fill(&d.Delta, k, x)
	}
	if k.was && k.is {
		d.Shifts = c.shifts(k, x)
	}
	if len(d.Gains)+len(d.Loses)+len(d.Changes)+len(d.Shifts) == 0 {
		return d, false
	}
	d.Subjects, d.Created, d.Deleted = k.subjects, !k.was, !k.is
	if k.was && k.is && c.group(k.groupWas) != k.groupIs {
		d.GroupBefore, d.GroupAfter = c.before.groupID(k.groupWas), c.after.groupID(k.groupIs)
	}
	return d, true
}

// groupID is the id of a group, "" for none.
func (s *Snapshot) groupID(ref uint32) string {
	if ref == 0 {
		return ""
	}
	return s.entities.At(ref - 1).id
}

// mayDiffer reports whether what a class holds may differ.
func (c *comparison) mayDiffer(k *class) bool {
	if len(k.had) != len(k.has) || k.own && c.group(k.groupWas) != k.groupIs {
		return true
	}
	for i := range k.had {
		b, a := c.before.entities.At(k.had[i]-1), c.after.entities.At(k.has[i]-1)
		if b.id != a.id || b.absent() != a.absent() || c.changed[b.id] {
			return true
		}
	}
	return false
}

// sums computes what differs for a class.
func (c *comparison) sums(k *class) sums {
	was, is := make([]reach, len(k.had)), make([]reach, len(k.has))
	var hadAll, hasAll permissions
	groupWas := c.group(k.groupWas)
	for i, slot := range k.had {
		was[i] = c.was(c.before.profile(slot), groupWas)
		hadAll.or(was[i].perms)
	}
	for i, slot := range k.has {
		is[i] = c.after.profile(slot).in(k.groupIs)
		hasAll.or(is[i].perms)
	}
	x := sums{gains: hasAll.without(hadAll), loses: hadAll.without(hasAll), more: c.uncovered(is, was),
		less: c.uncovered(was, is)}
	x.restrict(hadAll, hasAll)
	for _, n := range contactRestrictions() {
		if !n.own || !hadAll.has(n.what) || !hasAll.has(n.what) || !hadAll.has(n.by) || !hasAll.has(n.by) {
			continue
		}
		if !c.union.inside(k.groupIs, groupWas) {
			x.more.add(n.what)
		}
		if !c.union.inside(groupWas, k.groupIs) {
			x.less.add(n.what)
		}
	}
	return x
}

// uncovered are the permissions of some profiles by which no single one of others allows at least as much.
func (c *comparison) uncovered(of, by []reach) (out permissions) {
	for _, p := range of {
		rest := p.perms
		for _, q := range by {
			rest = rest.without(p.perms.and(q.perms).without(c.union.lacks(q, p).permissions()))
		}
		out.or(rest)
	}
	return out
}

// fill lists what differs.
func (c *comparison) fill(d *Delta, k *class, x sums) {
	g := c.texts
	for i := range x.gains.all {
		d.Gains = append(d.Gains, Effective{permissionAt(i), g.grants(c.after, k.has, i)})
	}
	for i := range x.loses.all {
		d.Loses = append(d.Loses, Effective{permissionAt(i), g.grants(c.before, k.had, i)})
	}
	changed := x.more
	changed.or(x.less)
	for i := range changed.all {
		d.Changes = append(d.Changes, Changed{Thing: permissionAt(i), More: x.more.has(i), Less: x.less.has(i),
			Before: g.grants(c.before, k.had, i), After: g.grants(c.after, k.has, i)})
	}
	was, is := c.allThings(c.before, k.had), c.allThings(c.after, k.has)
	for t := range is {
		if !was[t] {
			d.Gains = append(d.Gains, Effective{t, c.after.grantsOf(k.has, t)})
		}
	}
	for t := range was {
		if !is[t] {
			d.Loses = append(d.Loses, Effective{t, c.before.grantsOf(k.had, t)})
		}
	}
	byThing := func(a, b Effective) int { return compareThings(a.Thing, b.Thing) }
	slices.SortFunc(d.Gains, byThing)
	slices.SortFunc(d.Loses, byThing)
}

// allThings are those of several profiles apart from permissions of the catalogue.
func (c *comparison) allThings(s *Snapshot, slots []uint32) map[Thing]bool {
	var all map[Thing]bool
	for _, slot := range slots {
		for _, t := range c.thingsOf(s, s.profile(slot)) {
			if all == nil {
				all = map[Thing]bool{}
			}
			all[t] = true
		}
	}
	return all
}

package access

import (
	"encoding/binary"
	"slices"
	"strings"
)

// A signature is what profiles see of resources of a type that changed, all in the same way.
type signature struct {
	t                 typeID
	tagsWas, tagsIs   []tag // those that any profile requires
	groupWas, groupIs uint32
	resources         []Found
}

// collectShifted finds the resources of both snapshots to which other conditions apply than before.
func (c *comparison) collectShifted() {
	required := map[tag]bool{}
	byScope := false
	for _, s := range []*Snapshot{c.before, c.after} {
		s.each(kindProfile, func(e *entity) bool {
			for _, t := range e.prof().tags {
				required[t] = true
			}
			byScope = byScope || e.prof().scope != scopeAll
			return true
		})
	}
	if len(required) == 0 && !byScope {
		return
	}
	for t, k := range stored {
		if k == 0 || k == kindAgent {
			continue
		}
		known := map[string]*signature{}
		c.after.each(k, func(a *entity) bool {
			if _, b := c.before.findByID(k, a.id); b != nil && b != a {
				c.addShifted(known, signature{t: typeID(t)}, required, b, a)
			}
			return true
		})
	}
}

// addShifted adds a resource to those of its signature if it changed.
func (c *comparison) addShifted(known map[string]*signature, sig signature, required map[tag]bool, b, a *entity) {
	// Conditions combine, so tags and group both count once one of them changed.
	sig.tagsWas, sig.tagsIs = onlyOf(b.allTags(), required), onlyOf(a.allTags(), required)
	regrouped := false
	if sig.t == typeUser {
		sig.groupWas, sig.groupIs = b.group, a.group
		regrouped = c.group(b.group) != a.group || c.moved[a.group]
	}
	if !regrouped && slices.Equal(sig.tagsWas, sig.tagsIs) {
		return
	}
	key := sig.key()
	s := known[key]
	if s == nil {
		s = &sig
		known[key] = s
		c.shifted[sig.t] = append(c.shifted[sig.t], s)
	}
	s.resources = append(s.resources, Found{ID: a.id, Name: a.name(), Seq: a.seq})
}

// onlyOf are the tags that are required by any profile.
func onlyOf(tags []tag, required map[tag]bool) []tag {
	return slices.DeleteFunc(slices.Clone(tags), func(t tag) bool { return !required[t] })
}

// key is the same for equal signatures of a type.
func (s *signature) key() string {
	var b strings.Builder
	for _, tags := range [][]tag{s.tagsWas, s.tagsIs} {
		for _, t := range tags {
			b.WriteString(t.Value().key + "\x00" + t.Value().value + "\x00")
		}
		b.WriteByte(1)
	}
	var groups [8]byte
	binary.LittleEndian.PutUint32(groups[:4], s.groupWas)
	binary.LittleEndian.PutUint32(groups[4:], s.groupIs)
	b.Write(groups[:])
	return b.String()
}

// shifts returns what a class is allowed on resources that changed, apart from what x says of all resources.
func (c *comparison) shifts(k *class, x sums) []Shift {
	var out []Shift
	for t := range typeOther {
		if len(c.shifted[t]) == 0 || !c.restricts(k, t) {
			continue
		}
		type effect struct {
			perms  permissions
			gained bool
		}
		var order []effect
		places := map[effect][]uint32{}
		note := func(e effect, i int) {
			if e.perms == (permissions{}) {
				return
			}
			if places[e] == nil {
				order = append(order, e)
			}
			places[e] = append(places[e], uint32(i))
		}
		about := permissionsAbout()[t].without(restrictions())
		for i, sig := range c.shifted[t] {
			was, is := c.allowed(k, sig)
			note(effect{is.without(was).and(about).without(x.gains).without(x.more), true}, i)
			note(effect{was.without(is).and(about).without(x.loses).without(x.less), false}, i)
		}
		for _, e := range order {
			var actions []string
			for i := range e.perms.all {
				actions = append(actions, permissionAt(i).Action)
			}
			out = append(out, Shift{Actions: actions, Gained: e.gained, On: c.shiftedList(t, places[e])})
		}
	}
	return out
}

// shiftedList is the resources of some signatures of a type, in the order of their creation.
func (c *comparison) shiftedList(t typeID, places []uint32) *Shifted {
	key := typeNames[t] + slotKey(places)
	list := c.lists[key]
	if list == nil {
		list = &Shifted{Type: typeNames[t]}
		for _, i := range places {
			list.Resources = append(list.Resources, c.shifted[t][i].resources...)
		}
		slices.SortFunc(list.Resources, func(a, b Found) int { return int(a.Seq - b.Seq) })
		c.lists[key] = list
	}
	return list
}

// restricts reports whether a profile of a class, before or afterwards, restricts a type.
func (c *comparison) restricts(k *class, t typeID) bool {
	on := func(s *Snapshot, slots []uint32) bool {
		return slices.ContainsFunc(slots, func(slot uint32) bool {
			p := s.profile(slot)
			return p.types.has(t) || p.scopes.has(t)
		})
	}
	return on(c.before, k.had) || on(c.after, k.has)
}

// allowed are the permissions that a class has on resources with a signature, before and afterwards.
func (c *comparison) allowed(k *class, sig *signature) (was, is permissions) {
	for _, slot := range k.had {
		if p := c.before.profile(slot); c.before.lets(p, sig.t, sig.tagsWas, sig.groupWas, k.groupWas) {
			was.or(p.perms)
		}
	}
	for _, slot := range k.has {
		if p := c.after.profile(slot); c.after.lets(p, sig.t, sig.tagsIs, sig.groupIs, k.groupIs) {
			is.or(p.perms)
		}
	}
	return was, is
}

// lets reports whether a resource of a type, with some tags and in a group, meets p's conditions for a holder in the
// group own.
func (s *Snapshot) lets(p *profile, t typeID, tags []tag, group, own uint32) bool {
	if p.types.has(t) && !subset(p.tags, tags) {
		return false
	}
	return !p.scopes.has(t) || p.scope == scopeAll || s.within(group, p.in(own).top)
}

package access

import (
	"fmt"
	"slices"

	"github.com/lanyard/lanyard"
)

// User finds a user by id or user name and returns the id.
func (s *Snapshot) User(ref string) (id string, ok bool) {
	if e := s.user(ref); e != nil {
		return e.id, true
	}
	return "", false
}

// Holds reports whether a user, by id or user name, holds a profile.
func (s *Snapshot) Holds(user, profile string) bool {
	e := s.user(user)
	slot, p := s.find(kindProfile, profile)
	return e != nil && p != nil && slices.Contains(heldSlots(e), slot+1)
}

// A Holding is what somebody holds.
type Holding struct {
	Profiles []*lanyard.Profile
	Group    string // id of their hierarchy group; "" for none
	// Anybody says that it is unknown who holds the profiles, in which group and beside which others.
	Anybody bool
}

// Beyond names the first thing that after lets its holder reach and that neither before nor a user, by
// id or user name, does; "" when there is nothing. What is compared is everything that follows from
// what is held: resources, those offered in pick-lists, contacts, and what reports show. One profile
// must cover by itself what another lets through. Taking a restricting permission away grants
// something to everybody but those who do not have it.
//
// Of a holding that is Anybody's only its own profiles are compared. What reports then show to
// holders of further profiles can be more, for there profiles do not add up.
func (s *Snapshot) Beyond(user string, after, before Holding) string {
	e := s.user(user)
	if e == nil {
		return "anything"
	}
	c := escalation{s: s, before: s.holding(before), after: s.holding(after), anybody: after.Anybody}
	c.giver.group = e.group
	for _, slot := range heldSlots(e) {
		c.giver.add(s.profile(slot))
	}
	for _, find := range []func() string{c.lifted, c.permissions, c.pickLists, c.things} {
		if what := find(); what != "" {
			return what
		}
	}
	return ""
}

// An escalation is the comparison of what somebody is to hold with what they and a user do.
type escalation struct {
	s                    *Snapshot
	giver, before, after holding
	anybody              bool
}

// A holding is a Holding compiled.
type holding struct {
	profiles []reach
	perms    permissions
	group    uint32 // as slot+1
}

// noGroup is the place of a group that is not known, or of none that there is.
const noGroup = ^uint32(0)

func (s *Snapshot) holding(h Holding) holding {
	var out holding
	if h.Anybody {
		out.group = noGroup
	} else if slot, g := s.find(kindGroup, h.Group); g != nil {
		out.group = slot + 1
	}
	for _, r := range h.Profiles {
		p := new(profile)
		p.compile(s, r)
		out.add(p)
	}
	return out
}

func (h *holding) add(p *profile) {
	h.profiles = append(h.profiles, p.in(h.group))
	h.perms.or(p.perms)
}

// granting are the profiles of h that grant something.
func (h *holding) granting(grants func(*profile) bool) []reach {
	var out []reach
	for _, p := range h.profiles {
		if grants(p.profile) {
			out = append(out, p)
		}
	}
	return out
}

// lifted names a restricting permission that no longer restricts, if the giver is restricted by it too.
func (c *escalation) lifted() string {
	for place := range c.before.perms.and(restrictions()).without(c.after.perms).all {
		name := permissionAt(place).Action
		if c.giver.perms.has(place) || c.anybody && !c.reachesAll(place) {
			return "the absence of " + name
		}
	}
	return ""
}

// reachesAll reports whether the giver has what the absence of a restriction grants to holders of other
// profiles.
func (c *escalation) reachesAll(by uint16) bool {
	everything := reach{new(profile), 0, true}
	for _, n := range narrowings() {
		if n.by == by && !slices.ContainsFunc(c.giver.profiles, func(q reach) bool {
			return q.perms.has(n.what) && !c.s.lacks(q, everything).has(typeContact)
		}) {
			return false
		}
	}
	return true
}

// permissions names a permission that reaches more.
func (c *escalation) permissions() string {
	for place := range c.after.perms.without(restrictions()).all {
		about := aboutOf(place)
		has := func(p *profile) bool { return p.perms.has(place) }
		if how, more := c.exceeds(has, about, place); more {
			return permissionAt(place).Action + how
		}
	}
	var names []string
	for _, p := range c.after.profiles {
		names = append(names, p.unknown...)
	}
	for _, name := range lanyard.SortPermissions(names) {
		has := func(p *profile) bool { return slices.Contains(p.unknown, name) }
		if how, more := c.exceeds(has, typeNone, noPlace); more {
			return name + how
		}
	}
	return ""
}

// noPlace is that of what is no permission of the catalogue.
const noPlace = ^uint16(0)

// pickLists names a type that pick-lists offer more of.
func (c *escalation) pickLists() string {
	for t := range typeOther {
		a := ask{what: aReference, t: t}
		if how, more := c.exceeds(a.grants, t, noPlace); more {
			return typeNames[t] + " in pick-lists" + how
		}
	}
	return ""
}

// exceeds reports whether a right to resources of a type, or of every type, reaches more, and how unless
// it is not held at all or not over as much.
func (c *escalation) exceeds(grants func(*profile) bool, about typeID, place uint16) (how string, more bool) {
	types := about.set()
	if about == typeNone {
		types = ^typeSet(0) // it may be asked of any
	}
	after := c.after.granting(grants)
	narrow := c.after.narrow(place)
	for _, p := range after {
		covered, unrestricted := false, false
		for _, h := range []*holding{&c.before, &c.giver} {
			if !slices.ContainsFunc(h.granting(grants), func(q reach) bool { return c.s.lacks(q, p)&types == 0 }) {
				continue
			}
			wide := h.narrow(place)
			covered = covered || wide.all || !narrow.all && c.s.inside(narrow.top, wide.top)
			unrestricted = true
		}
		switch {
		case covered:
		case unrestricted:
			return " without what restricts it", true
		default:
			return "", true
		}
	}
	if types.has(typeUser) && !c.reported(after, grants) {
		return " in reports", true
	}
	return "", false
}

// narrow is what the restricting permissions of h leave of a permission: all of it, contacts of the
// holder's group and below, or what no group stands for.
func (h *holding) narrow(place uint16) reach {
	for _, n := range narrowings() {
		switch {
		case n.what != place || !h.perms.has(n.by):
		case n.own:
			return reach{top: h.group}
		default:
			return reach{top: noGroup}
		}
	}
	return reach{all: true}
}

// reported reports whether everybody whom reports show by a right of some profiles is also shown to
// the holders before, or to the giver.
func (c *escalation) reported(after []reach, grants func(*profile) bool) bool {
	before := c.before.granting(grants)
	same := func(p, q reach) bool { return p.id == q.id && p.top == q.top }
	if !c.anybody && slices.EqualFunc(after, before, same) {
		return true
	}
	shown := boxes(after, above)
	return c.s.insideBoxes(shown, boxes(before, below)) ||
		c.s.insideBoxes(shown, boxes(c.giver.granting(grants), below))
}

// things names an application, flow module or AI agent that is new.
func (c *escalation) things() string {
	has := map[Thing]bool{}
	for _, h := range []*holding{&c.before, &c.giver} {
		for _, p := range h.profiles {
			c.s.things(p.profile, func(t Thing) { has[t] = true })
		}
	}
	what := ""
	for _, p := range c.after.profiles {
		c.s.things(p.profile, func(t Thing) {
			if what != "" || has[t] {
				return
			}
			switch t.Type {
			case TypeApplication:
				what = fmt.Sprintf("%s on application %q", t.Action, t.On)
			case TypeFlowModule:
				what = fmt.Sprintf("flow module %q", t.On)
			case TypeAIAgent:
				what = fmt.Sprintf("AI agent %q", t.On)
			}
		})
	}
	return what
}

// subset reports whether b has all of a.
func subset[T comparable](a, b []T) bool {
	for _, x := range a {
		if !slices.Contains(b, x) {
			return false
		}
	}
	return true
}

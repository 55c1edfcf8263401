package access

import (
	"fmt"
	"slices"

	"github.com/lanyard/lanyard"
)

// A Holding is what one subject holds, or any subject with the same profiles.
type Holding struct {
	Profiles []*lanyard.Profile
	Group    string // id of the subject's hierarchy group; "" for none
}

// A Handover is a change of what one subject holds, or any subject with the same profiles.
type Handover struct {
	Before, After Holding
	// Anybody is set when it is unknown who holds the profiles: in which group, and along with which other profiles. The
	// groups of Before and After do not count then.
	Anybody bool
}

// An Excess is a right that somebody would get from a user who has less. The zero Excess stands for every right.
type Excess struct {
	// Thing is what is granted. With ActionReference and a Type but no On it is the resources of the type in pick-lists.
	Thing Thing
	// Lifted is set when Thing is a restricting permission that is taken away, which grants what it restricts.
	Lifted bool
	Extent Extent
}

// An Extent says how far a right goes beyond that of the user. The zero Extent is Altogether.
type Extent uint8

// The extents.
const (
	Altogether   Extent = iota // the user does not have the right, or not on as many resources
	Unrestricted               // a restricting permission leaves the user less of it
	InReports                  // only reports show more
)

// String names the right, such as "Users.View in reports".
func (x Excess) String() string {
	how := map[Extent]string{Unrestricted: " without what restricts it", InReports: " in reports"}[x.Extent]
	switch t := x.Thing; {
	case x == Excess{}:
		return "anything"
	case x.Lifted:
		return "the absence of " + t.Action
	case t.Action == ActionReference && t.Type != "" && t.On == "":
		return t.Type + " in pick-lists" + how
	case t.Type == TypeApplication:
		return fmt.Sprintf("%s on application %q", t.Action, t.On)
	case t.Type == TypeFlowModule:
		return fmt.Sprintf("flow module %q", t.On)
	case t.Type == TypeAIAgent:
		return fmt.Sprintf("AI agent %q", t.On)
	default:
		return t.Action + how
	}
}

// Exceeds reports whether a user, by id or user name, would give away more than they have by a handover: whether the
// holding After allows anything that neither the holding Before nor the user's own profiles allow. It returns the first
// such right. A user that does not exist has nothing.
//
// Compared is everything that follows from a holding: resources, those in pick-lists, contacts, and what reports show.
// The comparison is strict: a profile of After must be covered by a single other profile, not by several together; and
// to take a restricting permission away counts as granting what it restricts.
//
// With Anybody, only the profiles of the two holdings are compared. Reports can then show more to those who hold
// further profiles, because profiles do not add up there.
func (s *Snapshot) Exceeds(user string, h Handover) (x Excess, exceeds bool) {
	e := s.user(user)
	if e == nil {
		return Excess{}, true
	}
	c := escalation{s: s, before: s.compileHolding(h, &h.Before), after: s.compileHolding(h, &h.After), anybody: h.Anybody}
	c.giver.group = e.group
	for _, slot := range heldSlots(e) {
		c.giver.add(s.profile(slot))
	}
	for _, find := range []func() (Excess, bool){c.lifted, c.permissions, c.pickLists, c.things} {
		if x, found := find(); found {
			return x, true
		}
	}
	return Excess{}, false
}

// An escalation compares what somebody is to hold with what they hold and with what a user holds.
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

// compileHolding compiles one of the two holdings of a handover.
func (s *Snapshot) compileHolding(of Handover, h *Holding) holding {
	var out holding
	if of.Anybody {
		out.group = noGroup
	} else if slot, g := s.findByID(kindGroup, h.Group); g != nil {
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

// lifted finds a restricting permission that no longer restricts, if the giver is restricted by it too.
func (c *escalation) lifted() (Excess, bool) {
	for place := range c.before.perms.and(restrictions()).without(c.after.perms).all {
		if c.giver.perms.has(place) || c.anybody && !c.reachesAll(place) {
			return Excess{Thing: permissionAt(place), Lifted: true}, true
		}
	}
	return Excess{}, false
}

// reachesAll reports whether the giver has what the absence of a restriction grants to holders of other
// profiles.
func (c *escalation) reachesAll(by uint16) bool {
	everything := reach{new(profile), 0, true}
	for _, n := range contactRestrictions() {
		if n.by == by && !slices.ContainsFunc(c.giver.profiles, func(q reach) bool {
			return q.perms.has(n.what) && !c.s.lacks(q, everything).has(typeContact)
		}) {
			return false
		}
	}
	return true
}

// permissions finds a permission that reaches more.
func (c *escalation) permissions() (Excess, bool) {
	for place := range c.after.perms.without(restrictions()).all {
		about := aboutOf(place)
		has := func(p *profile) bool { return p.perms.has(place) }
		if how, more := c.exceeds(has, about, place); more {
			return Excess{Thing: permissionAt(place), Extent: how}, true
		}
	}
	var names []string
	for _, p := range c.after.profiles {
		names = append(names, p.unknown...)
	}
	for _, name := range lanyard.SortPermissions(names) {
		has := func(p *profile) bool { return slices.Contains(p.unknown, name) }
		if how, more := c.exceeds(has, typeNone, noPlace); more {
			return Excess{Thing: Thing{Action: name}, Extent: how}, true
		}
	}
	return Excess{}, false
}

// noPlace is that of what is no permission of the catalogue.
const noPlace = ^uint16(0)

// pickLists finds a type that pick-lists offer more of.
func (c *escalation) pickLists() (Excess, bool) {
	for t := range typeOther {
		a := ask{what: aReference, t: t}
		if how, more := c.exceeds(a.grants, t, noPlace); more {
			return Excess{Thing: Thing{Action: ActionReference, Type: typeNames[t]}, Extent: how}, true
		}
	}
	return Excess{}, false
}

// exceeds reports whether a right to resources of a type, or of every type, reaches more, and how.
func (c *escalation) exceeds(grants func(*profile) bool, about typeID, place uint16) (how Extent, more bool) {
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
			return Unrestricted, true
		default:
			return Altogether, true
		}
	}
	if types.has(typeUser) && !c.reported(after, grants) {
		return InReports, true
	}
	return Altogether, false
}

// narrow returns what the restricting permissions of h leave of a permission: all of it, contacts of the holder's group
// and below, or contacts that are no tasks, for which noGroup stands.
func (h *holding) narrow(place uint16) reach {
	for _, n := range contactRestrictions() {
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

// reported reports whether every user whom reports show by a right of the profiles after is also shown by those before,
// or to the giver.
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

// things finds an application, flow module or AI agent that is new.
func (c *escalation) things() (what Excess, found bool) {
	has := map[Thing]bool{}
	for _, h := range []*holding{&c.before, &c.giver} {
		for _, p := range h.profiles {
			c.s.things(p.profile, func(t Thing) { has[t] = true })
		}
	}
	for _, p := range c.after.profiles {
		c.s.things(p.profile, func(t Thing) {
			if !found && !has[t] && t.Type != "" { // permissions were compared before
				what, found = Excess{Thing: t}, true
			}
		})
	}
	return what, found
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

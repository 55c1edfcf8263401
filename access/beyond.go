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

// Holds tells whether a user, by id or user name, holds a profile.
func (s *Snapshot) Holds(user, profile string) bool {
	e := s.user(user)
	slot, p := s.find(kindProfile, profile)
	return e != nil && p != nil && slices.Contains(heldSlots(e), slot+1)
}

// Beyond names the first thing that profile p would grant beyond what before grants (nil: nothing)
// and beyond what a user, by id or user name, holds; "" when there is nothing. A right is held when
// one profile of the user grants it under conditions no narrower than p's. group is the hierarchy
// group of whoever p is for, "" when that is not known: it stands in for the holder's own group.
// Taking a restricting permission away grants something to everybody but those who do not have it.
func (s *Snapshot) Beyond(user string, p, before *lanyard.Profile, group string) string {
	e := s.user(user)
	if e == nil {
		return "anything"
	}
	var wanted, had profile
	wanted.compile(s, p)
	if before != nil {
		had.compile(s, before)
	}
	var top uint32 // the group, as slot+1
	if slot, g := s.find(kindGroup, group); g != nil {
		top = slot + 1
	}
	if wanted.scope == scopeOwn && group != "" {
		wanted.scope, wanted.group = scopeGroup, top
	}
	lifted := false // what before granted was restricted, and no longer is
	held := func(grants func(*profile) bool, about typeID) bool {
		if grants(&had) && !lifted && s.covers(&had, &wanted, about, 0, true) {
			return true
		}
		for _, slot := range heldSlots(e) {
			if q := s.profile(slot); grants(q) && s.covers(q, &wanted, about, e.group, false) {
				return true
			}
		}
		return false
	}
	names := lanyard.Permissions()
	lifts := func(by string) bool {
		place := symbols()[by].place
		return had.perms.has(place) && !wanted.perms.has(place)
	}
	for i := range names {
		name, sym := names[i].Name, symbols()[names[i].Name]
		lifted = restrictedBy[name] != "" && lifts(restrictedBy[name])
		has := func(q *profile) bool { return q.perms.has(sym.place) }
		switch {
		case slices.Contains(restricting, name):
			if lifts(name) && s.holds(e, name) {
				return "the absence of " + name
			}
		case has(&wanted) && !held(has, sym.about):
			return name
		case has(&wanted) && s.looser(e, &wanted, &had, name, top):
			return name + " without what restricts it"
		}
	}
	lifted = false
	for _, name := range wanted.unknown {
		if !held(func(q *profile) bool { return slices.Contains(q.unknown, name) }, typeNone) {
			return name
		}
	}
	for _, a := range wanted.apps {
		for _, permission := range a.Permissions {
			if !held(func(q *profile) bool { return q.application(a.Namespace, permission) }, typeApplication) {
				return fmt.Sprintf("%s on application %q", permission, a.Namespace)
			}
		}
	}
	for _, id := range wanted.modules {
		if !held(func(q *profile) bool { return slices.Contains(q.modules, id) }, typeFlowModule) {
			return fmt.Sprintf("flow module %q", id)
		}
	}
	for _, arn := range wanted.agents {
		if !held(func(q *profile) bool { return slices.Contains(q.agents, arn) }, typeAIAgent) {
			return fmt.Sprintf("AI agent %q", arn)
		}
	}
	return ""
}

// looser tells whether wanted grants a permission that something restricts for user, and for the
// holders of had, without restricting it as much for its holders, who are in the group top.
func (s *Snapshot) looser(user *entity, wanted, had *profile, name string, top uint32) bool {
	by := restrictedBy[name]
	if by == "" || !s.holds(user, by) {
		return false
	}
	place, restricts := symbols()[name].place, symbols()[by].place
	if had.perms.has(place) && (!had.perms.has(restricts) || wanted.perms.has(restricts)) {
		return false // no looser than it was
	}
	// Contacts are restricted to the holder's own group, which must then not be a wider one.
	return !wanted.perms.has(restricts) || by == restrictContacts && !s.within(top, user.group)
}

// restrictedBy are the permissions that decisions restrict, and by which.
var restrictedBy = map[string]string{contactSearch: restrictContacts, selfAssign: restrictTasks}

// restricting are the permissions that take something away from whoever holds them.
var restricting = []string{restrictContacts, restrictTasks, "RestrictPhoneTypeSettings.Access", "RequireEndContactConfirmation.Enabled"}

// covers tells whether whatever meets the conditions of p, for resources of a type or for those of
// every type, meets those of q too, for a holder of q in the group own. same tells that the two have
// the same holders, so that "own group" is the same group.
func (s *Snapshot) covers(q, p *profile, about typeID, own uint32, same bool) bool {
	switch about {
	case typeApplication, typeFlowModule, typeAIAgent:
		return true // no conditions
	case typeNone:
		if q.types&^p.types != 0 || len(q.others) > 0 && !subset(q.others, p.others) {
			return false
		}
	}
	restricts := func(x *profile) bool { return x.types != 0 || len(x.others) > 0 }
	if about != typeNone {
		restricts = func(x *profile) bool { return x.types>>about&1 != 0 }
	}
	if restricts(q) && (!restricts(p) || !subset(q.tags, p.tags)) {
		return false
	}
	if about == typeUser || about == typeNone {
		top := q.group
		if q.scope == scopeOwn {
			top = own
		}
		switch {
		case q.scope == scopeAll:
		case q.scope == scopeOwn && p.scope == scopeOwn && same:
		case p.scope == scopeGroup && (p.group == 0 || s.within(p.group, top)):
		default:
			return false
		}
	}
	if about == typeDataTable || about == typeNone {
		for _, r := range q.rows {
			i := slices.IndexFunc(p.rows, func(x lanyard.AttributeRule) bool { return x.Attribute == r.Attribute })
			if i < 0 || !subset(p.rows[i].Values, r.Values) {
				return false
			}
		}
	}
	return true
}

// subset tells whether b has all of a.
func subset[T comparable](a, b []T) bool {
	for _, x := range a {
		if !slices.Contains(b, x) {
			return false
		}
	}
	return true
}

package access

import (
	"math/bits"
	"slices"

	"github.com/lanyard/lanyard"
)

// A typeSet is a set of types of resources.
type typeSet uint64

func (s typeSet) has(t typeID) bool { return s>>t&1 != 0 }

// set is what a restriction of t restricts: the rows of a data table are reached through the table.
func (t typeID) set() typeSet {
	if t == typeDataTable {
		return 1<<typeDataTable | 1<<typeDataTableRow
	}
	return 1 << t
}

// unnamed are the types of resources for which TagRestrictedResources has no known name. An unknown name may mean any
// of them. Applications, flow modules as tools and AI agents are not among them: a profile lists each by itself.
var unnamed = func() typeSet {
	set := typeSet(1<<(typeOther+1) - 1)
	set &^= 1<<typeNone | 1<<typeApplication | 1<<typeFlowModule | 1<<typeAIAgent
	for _, t := range lanyard.ResourceTypes() {
		if len(t.TagNames) > 0 {
			set &^= typeOf(t.Name).set()
		}
	}
	return set
}()

// permissions are those about the types. Those about nothing in particular may be asked of any type,
// but are about types without number, if about any.
func (s typeSet) permissions() (set permissions) {
	for ; s != 0; s &= s - 1 {
		t := typeID(bits.TrailingZeros64(uint64(s)))
		switch t {
		case typeDataTableRow:
			t = typeDataTable
		case typeOther:
			t = typeNone
		}
		set.or(permissionsAbout()[t])
	}
	return set
}

// A reach is what a profile covers for a holder in a certain hierarchy group, or for a holder in an unknown one.
type reach struct {
	*profile
	top uint32 // as slot+1, the group whose users and those below are reached; 0: nobody
	all bool   // there is no such group: everybody is
}

// in returns what p covers for a holder in a group.
func (p *profile) in(group uint32) reach {
	switch p.scope {
	case scopeOwn:
		return reach{p, group, false}
	case scopeGroup:
		return reach{p, p.group, false}
	}
	return reach{p, 0, true}
}

// lacks returns the types of which q covers less than p, whatever they grant. It is the only comparison of what
// profiles cover. It does not find that two profiles cover together what p does.
func (s *Snapshot) lacks(q, p reach) typeSet {
	set := q.types
	if subset(q.tags, p.tags) {
		set &^= p.types
	}
	if s.inside(p.top, q.top) {
		set |= q.scopes &^ p.scopes
	} else {
		set |= q.scopes
	}
	if p.scopes != 0 && p.top == 0 {
		set &^= p.scopes // p lets nobody through
	}
	for _, rule := range q.rows {
		if !slices.ContainsFunc(p.rows, func(r lanyard.AttributeRule) bool {
			return r.Attribute == rule.Attribute && subset(r.Values, rule.Values)
		}) {
			return set | 1<<typeDataTableRow
		}
	}
	return set
}

// inside reports whether group p, which may be empty, and all groups below it are in or below group q.
func (s *Snapshot) inside(p, q uint32) bool {
	return p == 0 || p == q || p != noGroup && q != noGroup && s.within(p, q)
}

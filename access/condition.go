package access

import (
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
)

// A Condition is what a profile, or a restricting permission of one, requires of a resource.
type Condition struct {
	Kind ConditionKind
	// Key is the key of the tag, or the name of the primary attribute of a data-table row.
	Key string
	// Values has the value of the tag, the values of the attribute of which the row must have one, in byte order, or
	// the channel that a contact must not be of.
	Values []string
	// Group is the id of the hierarchy group that the resource must be in or below; "" is the holder's own.
	Group string
	// By is the restricting permission that requires this, from whichever profile of the subject; "" when the
	// profile that grants does.
	By string
}

// A ConditionKind says which members of a Condition count.
type ConditionKind uint8

// The kinds of conditions.
const (
	TagCondition       ConditionKind = iota // the resource carries the tag Key with the value of Values
	HierarchyCondition                      // it is in Group or below
	AttributeCondition                      // the row's attribute Key is one of Values
	ChannelCondition                        // the contact is not of the channel in Values
)

// String returns the kind as the decision API spells it, such as "tag".
func (k ConditionKind) String() string {
	switch k {
	case TagCondition:
		return "tag"
	case HierarchyCondition:
		return "hierarchy"
	case AttributeCondition:
		return "attribute"
	case ChannelCondition:
		return "channel"
	}
	return "unknown kind"
}

// String returns the condition as the decision API and the command line show it, such as "tag Country=FR".
func (c Condition) String() string {
	switch c.Kind {
	case TagCondition:
		return "tag " + c.tag().String()
	case HierarchyCondition:
		group := "group " + c.Group
		if c.Group == "" {
			group = "own group"
		}
		if c.By != "" {
			return "hierarchy: contacts of " + group + " and below, by " + c.By
		}
		return "hierarchy: " + group + " and below"
	case AttributeCondition:
		return strings.Join(append([]string{"rows with " + c.Key + " in"}, c.Values...), " ")
	case ChannelCondition:
		return "no contacts of channel " + strings.Join(c.Values, " ") + ", by " + c.By
	}
	return c.Kind.String()
}

// tag is the tag of a TagCondition.
func (c Condition) tag() pair { return pair{c.Key, strings.Join(c.Values, " ")} }

// conditions are what p requires of resources that a permission about a type is used on, in a fixed order.
func (p *profile) conditions(t typeID) []Condition {
	if t == typeNone {
		t = typeOther // what a permission about nothing in particular is about, if anything
	}
	var out []Condition
	if p.types.has(t) {
		for _, tag := range p.tags {
			out = append(out, tag.Value().condition())
		}
		slices.SortFunc(out, func(a, b Condition) int { return strings.Compare(a.String(), b.String()) })
	}
	if p.scopes.has(t) && p.scope != scopeAll {
		out = append(out, p.hierarchyCondition())
	}
	if t == typeDataTable {
		for i := range p.rows {
			out = append(out, rowCondition(p.rows[i]))
		}
	}
	return out
}

// ConditionsOf returns every condition of a profile, whatever it is a condition of: those of its tags, its hierarchy
// group and its rules for rows, if they restrict anything, and those of the restricting permissions that it holds. They
// are as in a FailedCondition or a Grant.
func ConditionsOf(r *lanyard.Profile) []Condition {
	var p profile
	p.compile(Empty(""), r)
	var out []Condition
	if p.types != 0 {
		for _, tag := range p.tags {
			out = append(out, tag.Value().condition())
		}
		slices.SortFunc(out, func(a, b Condition) int { return strings.Compare(a.String(), b.String()) })
	}
	if p.scope != scopeAll {
		out = append(out, p.hierarchyCondition())
	}
	for i := range p.rows {
		out = append(out, rowCondition(p.rows[i]))
	}
	for _, n := range contactRestrictions() {
		if p.perms.has(n.by) {
			out = append(out, n.condition)
		}
	}
	return out
}

// hierarchyCondition is what a profile that the hierarchy restricts requires.
func (p *profile) hierarchyCondition() Condition {
	c := Condition{Kind: HierarchyCondition}
	if p.scope == scopeGroup {
		c.Group = p.groupID
	}
	return c
}

// rowCondition is what a rule of a profile requires of rows.
func rowCondition(r lanyard.AttributeRule) Condition {
	return Condition{Kind: AttributeCondition, Key: r.Attribute, Values: slices.Sorted(slices.Values(r.Values))}
}

// condition is what a profile with a tag requires.
func (p pair) condition() Condition {
	return Condition{Kind: TagCondition, Key: p.key, Values: []string{p.value}}
}

// withCondition returns conditions with one more, unless that is nil. It leaves conditions as they are.
func withCondition(conditions []Condition, more *Condition) []Condition {
	if more == nil {
		return conditions
	}
	return append(slices.Clone(conditions), *more)
}

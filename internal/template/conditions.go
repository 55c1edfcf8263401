package template

import (
	"maps"
	"slices"
)

// A condition is decided when it is first asked about.
type condition struct {
	node  *Node
	pos   Position
	state conditionState
}

type conditionState uint8

const (
	undecided conditionState = iota
	deciding
	holds
	fails
	broken
)

// namedCondition decides a condition of a file. The second result is false if it could not be decided, which is
// reported.
func (r *resolver) namedCondition(s *scope, name string, pos Position) (bool, bool) {
	c := s.conditions[name]
	if c == nil {
		r.fail(pos, "condition %q does not exist%s", name,
			r.hint(name, func() []string { return slices.Sorted(maps.Keys(s.conditions)) }))
		return false, false
	}
	switch c.state {
	case deciding:
		r.fail(pos, "condition %q must not depend on itself", name)
		return false, false
	case undecided, broken: // what is broken is reported again to whoever depends on it, and only once in all
		c.state = deciding
		held, ok := r.decide(s, c.node)
		switch {
		case !ok:
			c.state = broken
		case held:
			c.state = holds
		default:
			c.state = fails
		}
	}
	return c.state == holds, c.state != broken
}

// decide evaluates a condition's functions.
func (r *resolver) decide(s *scope, n *Node) (bool, bool) {
	n = n.resolved()
	if r.values++; r.values > maxValues || r.depth > 4*maxDepth || r.exhausted {
		r.eval(s, n) // reports it
		return false, false
	}
	r.depth++
	defer func() { r.depth-- }()
	c := r.functionOf(s, n)
	if c == nil && n.Kind == Map && len(n.Entries) == 1 && n.Entries[0].Key.Text == "Condition" {
		c = &call{"Condition", n.Entries[0].Value, n.Pos, s}
	}
	if c == nil {
		r.fail(n.Pos, "a condition must be Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition, got %s", describe(n))
		return false, false
	}
	switch c.name {
	case "Condition":
		name := c.argument.resolved()
		return r.namedCondition(s, name.Text, name.Pos)
	case "Fn::Equals":
		return r.equals(c)
	case "Fn::Not":
		items := r.arguments(c, 1, 1, "a list of one condition")
		if items == nil {
			return false, false
		}
		held, ok := r.decide(s, items[0])
		return !held, ok
	case "Fn::And", "Fn::Or":
		return r.andOr(c)
	}
	r.fail(c.pos, "a condition must be Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition, got %s", printable(c.name))
	return false, false
}

func (r *resolver) andOr(c *call) (bool, bool) {
	items := r.arguments(c, 2, 10, "a list of 2 to 10 conditions")
	if items == nil {
		return false, false
	}
	result := c.name == "Fn::And"
	for _, item := range items {
		held, ok := r.decide(c.scope, item)
		if !ok {
			return false, false
		}
		if c.name == "Fn::And" {
			result = result && held
		} else {
			result = result || held
		}
	}
	return result, true
}

func (r *resolver) equals(c *call) (bool, bool) {
	items := r.arguments(c, 2, 2, "a list of two values")
	if items == nil {
		return false, false
	}
	var sides [2]*Value
	for i := range sides {
		v := r.eval(c.scope, items[i])
		if refs := v.References(); len(refs) > 0 {
			v = r.fail(v.Pos, "Fn::Equals must not depend on a resource, got %s", refs[0])
		}
		if v.Kind == Invalid {
			return false, false
		}
		sides[i] = v
	}
	return sides[0].key() == sides[1].key(), true
}

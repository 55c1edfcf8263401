package compare

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lanyard/lanyard/access"
)

// An Extent is over what something is allowed: resources that meet all conditions of any of the alternatives. An
// alternative without conditions is everything, and is then the only one.
type Extent [][]string

// String returns the extent in words, such as "tag Country=FR, or own group and below"; "nothing" when it is nil.
func (x Extent) String() string { return x.words(plainText) }

// words is String with each condition quoted.
func (x Extent) words(quote func(string) string) string {
	if len(x) == 0 {
		return "nothing"
	}
	texts := make([]string, len(x))
	for i, conditions := range x {
		texts[i] = strings.Join(quoteAll(conditions, quote), " and ")
		if len(conditions) == 0 {
			texts[i] = "everything"
		}
	}
	return strings.Join(texts, ", or ")
}

func quoteAll(texts []string, quote func(string) string) []string {
	out := make([]string, len(texts))
	for i, t := range texts {
		out[i] = quote(t)
	}
	return out
}

// A wording words the conditions of some subjects.
type wording struct {
	g     *grouping
	own   [2]string // ids of the subjects' own group, before and afterwards
	moved bool      // these differ, so they are named
}

// extent words grants, and leaves out those that others include. state is 0 before and 1 afterwards.
func (w wording) extent(grants []access.Grant, state int) Extent {
	var all Extent
	for _, g := range grants {
		conditions := make([]string, 0, len(g.Conditions))
		for _, c := range g.Conditions {
			conditions = append(conditions, w.condition(c, state))
		}
		slices.Sort(conditions)
		all = append(all, slices.Compact(conditions))
	}
	slices.SortFunc(all, func(a, b []string) int { return slices.Compare(a, b) })
	all = slices.CompactFunc(all, slices.Equal)
	var out Extent
	for i, x := range all {
		included := false
		for j, y := range all {
			included = included || i != j && includes(x, y)
		}
		if !included {
			out = append(out, x)
		}
	}
	return out
}

// includes reports whether conditions has all of fewer.
func includes(conditions, fewer []string) bool {
	for _, c := range fewer {
		if !slices.Contains(conditions, c) {
			return false
		}
	}
	return true
}

// condition words a condition, with the names of groups instead of their ids.
func (w wording) condition(c access.Condition, state int) string {
	if c.Kind != access.HierarchyCondition {
		return c.String()
	}
	group := "own group"
	switch {
	case c.Group != "":
		group = "group " + w.g.groupName(c.Group)
	case w.moved && w.own[state] == "":
		group = "own group (none)"
	case w.moved:
		group = "own group (" + w.g.groupName(w.own[state]) + ")"
	}
	if c.By != "" {
		return fmt.Sprintf("contacts of %s and below, by %s", group, c.By)
	}
	return group + " and below"
}

// groupName names a hierarchy group by its name, if there is one.
func (g *grouping) groupName(id string) string {
	if name, known := g.groupNames[id]; known {
		return name
	}
	name := id
	for _, s := range []*access.Snapshot{g.before, g.after} {
		for _, found := range s.Lookup(access.TypeHierarchyGroup, id) {
			if found.ID == id {
				name = fmt.Sprintf("%q", found.Name)
			}
		}
	}
	g.groupNames[id] = name
	return name
}

package access

import (
	"slices"

	"github.com/lanyard/lanyard"
)

// A RowSet is a set of rows of a data table: those that meet all of its rules. Without rules it has every row.
type RowSet []lanyard.AttributeRule

// Rows returns the rows of a data table on which a subject may do an action: those of any of the sets. Of a query's
// resource it looks at the Tags, which are the table's. It returns nil when the subject may do it on no row at all. For
// every row, whether it is in one of the sets is what Decide answers about that row.
//
// An AI agent that assists a human may do it on the rows of a set of its own that are in a set of the human's too.
func (s *Snapshot) Rows(q *Query) []RowSet {
	if s == nil || !s.exists {
		return nil
	}
	row := *q
	row.Resource = Resource{Type: TypeDataTableRow, New: true, Tags: q.Resource.Tags}
	var a ask
	if a.prepare(s, &row) != Granted {
		return nil
	}
	subject := s.subject(&q.Subject)
	if subject == nil {
		return nil
	}
	sets := a.rowSets(subject)
	if q.Subject.Human == "" {
		return sets
	}
	human := s.user(q.Subject.Human)
	if human == nil {
		return nil
	}
	return intersectRows(sets, a.rowSets(human))
}

// rowSets returns the set of rows of each profile of a subject that grants what is asked on the table. One without
// rules makes all others needless.
func (a *ask) rowSets(subject *entity) (sets []RowSet) {
	if a.restricted(subject) != Granted {
		return nil
	}
	for i := 0; ; i++ {
		slot := subject.ref(i)
		if slot == 0 {
			return sets
		}
		p := a.s.profile(slot)
		if !a.grants(p) || !a.tagsMatch(p) || p.scopes.has(a.t) && !a.inScope(p, subject) {
			continue
		}
		if len(p.rows) == 0 {
			return []RowSet{{}}
		}
		sets = append(sets, slices.Clone(p.rows))
	}
}

// intersectRows returns the rows that are in a set of one and in a set of the other.
func intersectRows(one, other []RowSet) (sets []RowSet) {
	for _, x := range one {
		for _, y := range other {
			sets = append(sets, slices.Concat(RowSet{}, x, y))
		}
	}
	return sets
}

// Has reports whether a row with the attributes, by name, is in the set.
func (set RowSet) Has(attributes map[string]string) bool {
	for i := range set {
		value, ok := attributes[set[i].Attribute]
		if !ok || !slices.Contains(set[i].Values, value) {
			return false
		}
	}
	return true
}

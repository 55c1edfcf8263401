package control

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/store"
)

// A tableView is a data table with its attributes, as it was read.
type tableView struct {
	*lanyard.DataTable
	attributes []*lanyard.DataTableAttribute // in the order of their creation
	byName     map[string]*lanyard.DataTableAttribute
	byID       map[string]*lanyard.DataTableAttribute
}

// viewTable reads the attributes of a data table.
func viewTable(ctx context.Context, r store.Reader, t *lanyard.DataTable) (*tableView, error) {
	all, err := attributesOf(ctx, r, t.ID)
	if err != nil {
		return nil, err
	}
	v := &tableView{DataTable: t, attributes: all, byName: map[string]*lanyard.DataTableAttribute{},
		byID: map[string]*lanyard.DataTableAttribute{}}
	for _, a := range all {
		v.byName[lanyard.FoldCase(a.Name)], v.byID[a.ID] = a, a
	}
	return v, nil
}

// named returns the attribute with a name, which is not case-sensitive, or nil.
func (v *tableView) named(name string) *lanyard.DataTableAttribute {
	return v.byName[lanyard.FoldCase(name)]
}

// values are the primary values of a row by the attributes' names, as rules of security profiles name them.
func (v *tableView) values(row *lanyard.DataTableRow) map[string]string {
	values := make(map[string]string, len(row.Primary))
	for id, value := range row.Primary {
		if a := v.byID[id]; a != nil && a.Primary && value != "" {
			values[a.Name] = value
		}
	}
	return values
}

// A rowSight is which rows of a data table somebody may do something to: those of any of its sets.
type rowSight struct {
	table *tableView
	all   bool
	sets  []rowSet
}

// A rowSet is the rows that have, for each of the primary attributes, one of the values. Attributes are named by id.
type rowSet map[string][]string

// rowSightOf returns what the principal of a call may do to the rows of a table, by the permission that the call asks
// for.
func rowSightOf(s *access.Snapshot, a *acting, table *tableView) *rowSight {
	if a == nil {
		return &rowSight{table: table, all: true}
	}
	v := &rowSight{table: table}
	for _, set := range s.Rows(&access.Query{Subject: a.subject(), Action: a.right.Permission,
		Resource: access.Resource{Tags: table.Tags}}) {
		if len(set) == 0 {
			return &rowSight{table: table, all: true}
		}
		if resolved, ok := table.resolve(set); ok {
			v.sets = append(v.sets, resolved)
		}
	}
	return v
}

// resolve names the attributes of rules by id, and reports false when the rules leave no row: because values of the
// same attribute exclude each other, or because the table has no such primary attribute.
func (v *tableView) resolve(set access.RowSet) (rowSet, bool) {
	resolved := rowSet{}
	for _, rule := range set {
		a := v.named(rule.Attribute)
		if a == nil || !a.Primary || a.Name != rule.Attribute {
			return nil, false
		}
		if !resolved.narrow(a.ID, rule.Values) {
			return nil, false
		}
	}
	return resolved, true
}

// narrow leaves the rows that have one of the values of an attribute, and reports whether there can be any. No rule
// and no filter is about rows without a value.
func (set rowSet) narrow(attribute string, values []string) bool {
	had, ok := set[attribute]
	left := slices.DeleteFunc(slices.Clone(values), func(value string) bool {
		return value == "" || ok && !slices.Contains(had, value)
	})
	slices.Sort(left)
	set[attribute] = slices.Compact(left)
	return len(left) > 0
}

// has reports whether a row with these primary values is in the set.
func (set rowSet) has(primary map[string]string) bool {
	for id, values := range set {
		if value := primary[id]; value == "" || !slices.Contains(values, value) {
			return false
		}
	}
	return true
}

// sees reports whether a row with these primary values is among those of the sight.
func (v *rowSight) sees(primary map[string]string) bool {
	return v.all || slices.ContainsFunc(v.sets, func(set rowSet) bool { return set.has(primary) })
}

// maxCombinations bounds the combinations of values that a filter lists, and maxLists the lists that are then looked
// at: those combinations with those of the values that security profiles list.
const (
	maxCombinations = 100
	maxLists        = 4096
)

// filtered returns the rows of the sight that are in a filter too, as sets.
func (v *rowSight) filtered(filter rowSet) (sets []rowSet) {
	if v.all {
		return []rowSet{filter}
	}
	for _, set := range v.sets {
		both, ok := maps.Clone(set), true
		for id, values := range filter {
			ok = ok && both.narrow(id, values)
		}
		if ok {
			sets = append(sets, both)
		}
	}
	return sets
}

// lists returns the lists that have the rows of sets, each once.
func (v *rowSight) lists(sets []rowSet) ([]lanyard.Ref, error) {
	seen := map[string]bool{}
	var lists []lanyard.Ref
	for _, set := range sets {
		if n := set.combinations(); n > maxLists || len(lists)+n > 2*maxLists {
			return nil, lanyard.Errorf(lanyard.Invalid, "PrimaryAttributeValues must be narrower: with the rules of security "+
				"profiles it has more than %d combinations of values", maxLists)
		}
		for combination := range set.each {
			name := lanyard.DataTableList(v.table.ID, combination)
			if !seen[name] {
				seen[name] = true
				lists = append(lists, lanyard.ListRef(name))
			}
		}
	}
	return lists, nil
}

// combinations is how many combinations of values a set has.
func (set rowSet) combinations() int {
	n := 1
	for _, values := range set {
		n *= len(values)
		if n > 1<<30 {
			return n
		}
	}
	return n
}

// each yields every combination of one value for each attribute. The map is changed between the calls.
func (set rowSet) each(yield func(map[string]string) bool) {
	ids := slices.Sorted(maps.Keys(set))
	now := make(map[string]string, len(ids))
	var next func(i int) bool
	next = func(i int) bool {
		if i == len(ids) {
			return yield(now)
		}
		for _, value := range set[ids[i]] {
			now[ids[i]] = value
			if !next(i + 1) {
				return false
			}
		}
		return true
	}
	next(0)
}

// A RowFilter asks for the rows that have one of the values of a primary attribute.
type RowFilter struct {
	Attribute string
	Values    []string
}

// readFilters reads filters, all of which a row must pass.
func (v *tableView) readFilters(filters []RowFilter) (rowSet, bool, error) {
	set, some := rowSet{}, true
	for i, f := range filters {
		member := item("PrimaryAttributeValues", i)
		a := v.named(f.Attribute)
		switch {
		case a == nil:
			return nil, false, lanyard.Errorf(lanyard.NotFound, "%s.AttributeName: attribute %s does not exist", member,
				lanyard.Quote(f.Attribute))
		case !a.Primary:
			return nil, false, lanyard.Errorf(lanyard.Invalid, "%s.AttributeName must be a primary attribute of the data table, "+
				"got %s", member, lanyard.Quote(f.Attribute))
		case set[a.ID] != nil:
			return nil, false, lanyard.Errorf(lanyard.Invalid, "%s.AttributeName must be another attribute than those before, got %s",
				member, lanyard.Quote(f.Attribute))
		case len(f.Values) == 0:
			return nil, false, lanyard.Errorf(lanyard.Invalid, "%s.Values must have at least one value, got none", member)
		case len(f.Values) > maxCombinations:
			return nil, false, lanyard.Errorf(lanyard.Invalid, "%s.Values must have at most %d values, got %d", member,
				maxCombinations, len(f.Values))
		}
		if !set.narrow(a.ID, f.Values) {
			some, set[a.ID] = false, []string{}
		}
	}
	if n := set.combinations(); n > maxCombinations {
		return nil, false, lanyard.Errorf(lanyard.Invalid, "PrimaryAttributeValues must have at most %d combinations of values, "+
			"got %d", maxCombinations, n)
	}
	return set, some, nil
}

// deniesRows refuses a call that names rows outside of the sight. It says the same of rows that exist and of rows that
// do not: it is known from the primary values alone.
func (a *acting) deniesRows(t *tableView) *denial {
	return &denial{fmt.Sprintf("%s is not allowed %s on rows with these primary values of data table %s: the rules for rows of "+
		"%s do not cover them", a.name(), a.right.Permission, lanyard.Quote(t.ID), a.profiles()), a.right.Permission}
}

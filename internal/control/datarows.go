package control

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/store"
)

// A PrimaryValue is the value of a primary attribute, by the attribute's name.
type PrimaryValue struct{ Attribute, Value string }

// A ValueID names a value of a data table. Without primary values it is the default of its attribute.
type ValueID struct {
	Primary   []PrimaryValue
	Attribute string
}

// ValueLocks are lock versions of a value and of what has it. What is not known, or was not sent, is "".
type ValueLocks struct{ Table, Attribute, Row, Value string }

// A TableValue is a value of a data table.
type TableValue struct {
	Table     *lanyard.DataTable
	Attribute *lanyard.DataTableAttribute
	Row       *lanyard.DataTableRow
	Cell      lanyard.DataTableCell
	Locks     ValueLocks
}

// valueAt returns the value of an attribute in a row, and reports whether there is one.
func (v *tableView) valueAt(row *lanyard.DataTableRow, a *lanyard.DataTableAttribute) (TableValue, bool) {
	cell, ok := row.Cells[a.ID]
	return TableValue{Table: v.DataTable, Attribute: a, Row: row, Cell: cell,
		Locks: ValueLocks{v.Lock, a.Lock, row.Lock, cell.Lock}}, ok
}

// PrimaryOf returns the primary values of a row in the order of the attributes, with the attributes' ids.
func (v *TableRows) PrimaryOf(row *lanyard.DataTableRow) (values []RowPrimary) {
	for _, a := range v.table.attributes {
		if a.Primary && !row.Default {
			values = append(values, RowPrimary{a, row.Primary[a.ID]})
		}
	}
	return values
}

// A RowPrimary is a primary value of a row.
type RowPrimary struct {
	Attribute *lanyard.DataTableAttribute
	Value     string
}

// resolvePrimary returns the primary values by the attributes' ids. None name the default row.
func (v *tableView) resolvePrimary(sent []PrimaryValue) (values map[string]string, isDefault bool, err error) {
	if len(sent) == 0 {
		return nil, true, nil
	}
	values = map[string]string{}
	seen := map[string]bool{}
	for _, p := range sent {
		a := v.named(p.Attribute)
		switch {
		case a == nil:
			return nil, false, lanyard.Errorf(lanyard.NotFound, "PrimaryValues: attribute %s does not exist",
				lanyard.Quote(p.Attribute))
		case !a.Primary:
			return nil, false, lanyard.Errorf(lanyard.Invalid, "PrimaryValues must name primary attributes of the data table, got %s",
				lanyard.Quote(p.Attribute))
		case seen[a.ID]:
			return nil, false, lanyard.Errorf(lanyard.Invalid, "PrimaryValues must name each attribute once, got %s twice",
				lanyard.Quote(p.Attribute))
		}
		if err := checkPrimary(a, p.Value); err != nil {
			return nil, false, lanyard.Errorf(lanyard.Invalid, "PrimaryValues: %s %v, got %s", lanyard.Quote(a.Name), err,
				lanyard.Quote(p.Value))
		}
		if seen[a.ID] = true; p.Value != "" {
			values[a.ID] = p.Value
		}
	}
	for _, a := range v.attributes {
		if a.Primary && !seen[a.ID] {
			return nil, false, lanyard.Errorf(lanyard.Invalid, "PrimaryValues: a value of %s is required when there are others",
				lanyard.Quote(a.Name))
		}
	}
	return values, false, nil
}

// findRow returns the row with these primary values, or nil. Attributes that ignore case find a row of any case.
func (v *tableView) findRow(ctx context.Context, r store.Reader, values map[string]string,
	isDefault bool) (*lanyard.DataTableRow, error) {
	found, err := r.Find(ctx, lanyard.TypeDataTableRow, lanyard.DataTableRowKey(v.ID, values, isDefault))
	if err == nil {
		return found.(*lanyard.DataTableRow), nil
	}
	folds := slices.ContainsFunc(primaryOf(v.attributes), ignoresCase)
	if !errors.Is(err, lanyard.ErrNotFound) || isDefault || !folds {
		return nil, notThere(err)
	}
	// Of the rows that differ in case only there is one, unless they are older than the rule that ignores case.
	const most = 100
	rows, err := r.ListReferrers(ctx,
		[]lanyard.Ref{lanyard.ListRef(lanyard.DataTableFoldedList(v.ID, values))},
		lanyard.TypeDataTableRow, "", most)
	for _, row := range rows {
		if row := row.(*lanyard.DataTableRow); row.Table == v.ID && v.same(row.Primary, values) {
			return row, nil
		}
	}
	return nil, err
}

// notThere is nil for NotFound.
func notThere(err error) error {
	if errors.Is(err, lanyard.ErrNotFound) {
		return nil
	}
	return err
}

// same reports whether two rows with these primary values cannot both be in the table.
func (v *tableView) same(one, other map[string]string) bool {
	for _, a := range v.attributes {
		if x, y := one[a.ID], other[a.ID]; a.Primary && x != y && !(ignoresCase(a) && strings.EqualFold(x, y)) {
			return false
		}
	}
	return true
}

// readTable returns the table that a call is about, its attributes, and which of its rows the principal may read.
func (s *Service) readTable(ctx context.Context, call Call, instance, ref string) (*TableRows, *rowSight, error) {
	in, t, err := s.DescribeDataTable(ctx, call, instance, ref)
	if err != nil {
		return nil, nil, err
	}
	view, err := viewTable(ctx, s.store.Reader(in.ID), t)
	if err != nil {
		return nil, nil, err
	}
	rows := &TableRows{Instance: in, Table: t, table: view}
	if call.acting == nil {
		return rows, rowSightOf(nil, nil, view), nil
	}
	snapshot, err := s.engine.Snapshot(ctx, in.ID)
	if err != nil {
		return nil, nil, err
	}
	return rows, rowSightOf(snapshot, call.acting, view), nil
}

// A ValueOutcome is what came of one item of a batch.
type ValueOutcome struct {
	ValueID
	TableValue
	Failure string // why the item failed; "" when it did not
}

// maxValues is how many values one call writes or describes.
const maxValues = 100

func checkValueCount(n int) error {
	if n > maxValues {
		return lanyard.Errorf(lanyard.Invalid, "Values must have at most %d items, got %d", maxValues, n)
	}
	return nil
}

// BatchDescribeDataTableValue returns values by what identifies them.
func (s *Service) BatchDescribeDataTableValue(ctx context.Context, call Call, instance, ref string, ids []ValueID) (
	*TableRows, []ValueOutcome, error) {
	if err := checkValueCount(len(ids)); err != nil {
		return nil, nil, err
	}
	out, sight, err := s.readTable(ctx, call, instance, ref)
	if err != nil {
		return nil, nil, err
	}
	wanted, err := s.identify(ctx, call, out, sight, ids)
	if err != nil {
		return nil, nil, err
	}
	outcomes := make([]ValueOutcome, len(ids))
	for i, w := range wanted {
		outcomes[i].ValueID = ids[i]
		switch {
		case w.err != nil:
			outcomes[i].Failure = w.err.Error()
		case !w.found:
			outcomes[i].Failure = noValue(ids[i].Attribute)
		default:
			outcomes[i].TableValue = w.value
		}
	}
	return out, outcomes, nil
}

func noValue(attribute string) string {
	return "a value of " + lanyard.Quote(attribute) + " with these primary values does not exist"
}

// An identified value is what an id names.
type identified struct {
	err       error // why it can name nothing
	attribute *lanyard.DataTableAttribute
	row       *lanyard.DataTableRow // nil for none
	value     TableValue
	found     bool
}

// identify finds the values that ids name. When they name a row by primary values that the principal may not see,
// whether or not there is one, the call is refused.
func (s *Service) identify(ctx context.Context, call Call, t *TableRows, sight *rowSight,
	ids []ValueID) ([]identified, error) {
	all := make([]identified, len(ids))
	primary, isDefault := make([]map[string]string, len(ids)), make([]bool, len(ids))
	for i, id := range ids {
		if primary[i], isDefault[i], all[i].err = t.table.resolvePrimary(id.Primary); all[i].err != nil {
			continue
		}
		if !sight.sees(primary[i]) {
			return nil, s.refuse(ctx, call, t.Instance.ID, call.acting.deniesRows(t.table))
		}
		all[i].attribute, all[i].err = t.table.plainAttribute(id.Attribute)
	}
	r := s.store.Reader(t.Instance.ID)
	for i := range all {
		w := &all[i]
		if w.err != nil {
			continue
		}
		row, err := t.table.findRow(ctx, r, primary[i], isDefault[i])
		if err != nil {
			return nil, err
		}
		if row == nil {
			continue
		}
		if !sight.sees(row.Primary) { // found in another case: what is hidden is missing
			continue
		}
		w.row = row
		w.value, w.found = t.table.valueAt(row, w.attribute)
	}
	return all, nil
}

// plainAttribute returns an attribute that rows have values of. The values of primary attributes identify rows and are
// no values of their own.
func (v *tableView) plainAttribute(name string) (*lanyard.DataTableAttribute, error) {
	a := v.named(name)
	switch {
	case a == nil:
		return nil, lanyard.Errorf(lanyard.NotFound, "attribute %s does not exist", lanyard.Quote(name))
	case a.Primary:
		return nil, lanyard.Errorf(lanyard.Invalid, "AttributeName must be an attribute that is not primary, got %s; "+
			"UpdateDataTablePrimaryValues changes primary values", lanyard.Quote(name))
	}
	return a, nil
}

// guardedSight returns which rows of a table a transaction may change.
func guardedSight(tx store.Tx, table *tableView) *rowSight {
	if g, ok := tx.(*guard); ok {
		return rowSightOf(g.snapshot, g.acting, table)
	}
	return rowSightOf(nil, nil, table)
}

// checkRow decides about a row as it was or as it becomes.
func (g *guard) checkRow(ctx context.Context, row *lanyard.DataTableRow) error {
	t, err := g.Tx.Get(ctx, lanyard.TypeDataTable, row.Table)
	if err != nil {
		return err
	}
	view := g.tables[row.Table]
	if view == nil {
		if view, err = viewTable(ctx, g.Tx, t.(*lanyard.DataTable)); err != nil {
			return err
		}
		if g.tables == nil {
			g.tables = map[string]*tableView{}
		}
		g.tables[row.Table] = view
	}
	r := access.Resource{Type: access.TypeDataTableRow, New: true, Tags: t.Head().Tags, Attributes: view.values(row)}
	if !g.decide(g.snapshot, g.right.Permission, r).Allow {
		return g.deniesRows(view)
	}
	return nil
}

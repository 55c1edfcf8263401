package control

import (
	"context"
	"errors"
	"slices"
	"strconv"
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

// A RowQuery asks for rows of a data table.
type RowQuery struct {
	Instance, Table string // ids or ARNs
	// IDs, unless empty, are those of the rows that are meant. Those that are not there, or not for the principal, are
	// left out.
	IDs     []string
	Filters []RowFilter
	Page
}

// TableRows are rows of a data table, or values of them.
type TableRows struct {
	Instance *lanyard.Instance
	Table    *lanyard.DataTable
	Rows     []*lanyard.DataTableRow
	Values   []TableValue
	Next     string // the position After which the next page begins; "" after the last

	table *tableView
	size  int // bytes of Values
}

// maxRowIDs bounds the rows that a call names by their ids.
const maxRowIDs = 1000

// A rowReader reads the rows of a query in order, as far as the principal may see them.
type rowReader struct {
	reader store.Reader
	sight  *rowSight
	sets   []rowSet
	lists  []lanyard.Ref
	ids    []string // of the rows that are meant; nil for all of the lists
}

func (s *Service) newRowReader(in *lanyard.Instance, v *rowSight, q RowQuery) (*rowReader, error) {
	if len(q.IDs) > maxRowIDs {
		return nil, lanyard.Errorf(lanyard.Invalid, "RecordIds must have at most %d ids, got %d", maxRowIDs, len(q.IDs))
	}
	filter, some, err := v.table.readFilters(q.Filters)
	if err != nil {
		return nil, err
	}
	r := &rowReader{reader: s.store.Reader(in.ID), sight: v}
	if some {
		r.sets = v.filtered(filter)
	}
	if len(q.IDs) > 0 {
		r.ids = slices.Compact(slices.Sorted(slices.Values(q.IDs)))
		return r, nil
	}
	r.lists, err = v.lists(r.sets)
	return r, err
}

// isAsked reports whether a row is one of those that are asked for and that the principal may see.
func (r *rowReader) isAsked(row *lanyard.DataTableRow) bool {
	return row.Table == r.sight.table.ID &&
		slices.ContainsFunc(r.sets, func(set rowSet) bool { return set.has(row.Primary) })
}

// get returns a row by its id, or nil when it is not among those that are asked for.
func (r *rowReader) get(ctx context.Context, id string) (*lanyard.DataTableRow, error) {
	found, err := r.reader.Get(ctx, lanyard.TypeDataTableRow, id)
	if err != nil {
		return nil, notThere(err)
	}
	if row := found.(*lanyard.DataTableRow); r.isAsked(row) {
		return row, nil
	}
	return nil, nil
}

// next returns the rows after an id, at most limit; fewer than limit when they are the last.
func (r *rowReader) next(ctx context.Context, after string, limit int) (rows []*lanyard.DataTableRow, err error) {
	if r.ids != nil {
		return r.nextOfIDs(ctx, after, limit)
	}
	for len(rows) < limit {
		most := limit - len(rows)
		some, err := r.reader.ListReferrers(ctx, r.lists, lanyard.TypeDataTableRow, after, most)
		if err != nil {
			return nil, err
		}
		for _, found := range some {
			row := found.(*lanyard.DataTableRow)
			if after = row.ID; r.isAsked(row) { // as the lists say
				rows = append(rows, row)
			}
		}
		if len(some) < most {
			break
		}
	}
	return rows, nil
}

func (r *rowReader) nextOfIDs(ctx context.Context, after string, limit int) (rows []*lanyard.DataTableRow, err error) {
	at, found := slices.BinarySearch(r.ids, after)
	if found {
		at++
	}
	for _, id := range r.ids[at:] {
		if len(rows) == limit {
			break
		}
		row, err := r.get(ctx, id)
		if err != nil {
			return nil, err
		}
		if row != nil {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// ListDataTablePrimaryValues pages through the rows of a data table in the order of their creation.
func (s *Service) ListDataTablePrimaryValues(ctx context.Context, call Call, q RowQuery) (*TableRows, error) {
	out, sight, err := s.readTable(ctx, call, q.Instance, q.Table)
	if err != nil {
		return nil, err
	}
	r, err := s.newRowReader(out.Instance, sight, q)
	if err != nil {
		return nil, err
	}
	for after := q.After; ; {
		most := min(q.Limit+1-len(out.Rows), rowChunk)
		rows, err := r.next(ctx, after, most)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			after = row.ID
			named := *row
			named.Cells = nil // of many rows they could be very large together
			out.Rows = append(out.Rows, &named)
		}
		if len(rows) < most || len(out.Rows) > q.Limit {
			break
		}
	}
	if len(out.Rows) > q.Limit {
		out.Rows = out.Rows[:q.Limit]
		out.Next = out.Rows[q.Limit-1].ID
	}
	return out, nil
}

// maxScanned is how many rows one page of values looks at. Only rows whose attributes were all deleted have no values,
// so that it is reached where very many of those follow one another.
const maxScanned = 5000

// maxPageSize is how many bytes of values end a page, however many values were asked for.
const maxPageSize = 1 << 20

// rowChunk is how many rows, of at most maxRow bytes each, are read at once: enough for a page of 100 rows with one
// value each, and to know whether there is another.
const rowChunk = 101

// ListDataTableValues pages through the values of a data table: by row in the order of their creation, and within a row
// in that of the attributes.
func (s *Service) ListDataTableValues(ctx context.Context, call Call, q RowQuery) (*TableRows, error) {
	out, sight, err := s.readTable(ctx, call, q.Instance, q.Table)
	if err != nil {
		return nil, err
	}
	r, err := s.newRowReader(out.Instance, sight, q)
	if err != nil {
		return nil, err
	}
	after, done, within := strings.Cut(q.After, "/")
	if within { // the page before ended within a row
		seq, err := strconv.ParseInt(done, 10, 64)
		if err != nil {
			return nil, lanyard.Errorf(lanyard.Invalid, "NextToken must be one that this list returned")
		}
		row, err := r.get(ctx, after)
		if err != nil {
			return nil, err
		}
		if row != nil && out.addValues(row, seq, q.Limit) {
			return out, nil
		}
	}
	return out, out.scanValues(ctx, r, after, q.Limit)
}

// scanValues adds the values of the rows after an id until the page is full.
func (v *TableRows) scanValues(ctx context.Context, r *rowReader, after string, limit int) error {
	for scanned := 0; ; {
		// One more than there is room for, should each have one value: it shows whether there is another page.
		chunk := min(limit-len(v.Values)+1, rowChunk)
		rows, err := r.next(ctx, after, chunk)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if v.addValues(row, 0, limit) {
				return nil
			}
			after = row.ID
		}
		if len(rows) < chunk {
			return nil
		}
		if scanned += len(rows); scanned >= maxScanned {
			v.Next = after
			return nil
		}
	}
}

// addValues adds the values of a row whose attributes were created after a Seq, and reports whether the page is full
// and there is more.
func (v *TableRows) addValues(row *lanyard.DataTableRow, after int64, limit int) bool {
	for _, a := range v.table.attributes {
		value, ok := v.table.valueAt(row, a)
		if !ok || a.Seq <= after {
			continue
		}
		if n := len(v.Values); n == limit || v.size > maxPageSize {
			last := v.Values[n-1]
			v.Next = last.Row.ID + "/" + strconv.FormatInt(last.Attribute.Seq, 10)
			return true
		}
		v.Values = append(v.Values, value)
		v.size += len(value.Cell.Value)
	}
	return false
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
		if !sight.sees(row.Primary) { // found in another case; it is hidden, and so as if it were missing
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

// An Evaluation asks for values of one row, or for the defaults.
type Evaluation struct {
	Primary    []PrimaryValue
	Attributes []string
}

// An EvaluationQuery asks for values of a data table as flows get them.
type EvaluationQuery struct {
	Instance, Table string // ids or ARNs
	TimeZone        string // in which expressions would be evaluated; "" for the table's
	Asked           []Evaluation
	Page
}

// An EvaluatedValue is a value as flows get it.
type EvaluatedValue struct {
	Primary   []PrimaryValue // as it was asked for
	Attribute *lanyard.DataTableAttribute
	Row       string // id; "" when there is none
	Found     bool   // there is a value, or a default
	Failed    bool   // it cannot be evaluated
	Value     string
}

// EvaluatedValues are a page of values that were evaluated.
type EvaluatedValues struct {
	Items []EvaluatedValue
	Next  string
}

// maxEvaluated bounds the values that one call names, on all of its pages.
const maxEvaluated = 1000

// EvaluateDataTableValues returns values as flows get them: the default of an attribute where a row has no value of it.
// Expressions refer to a contact, and there is none.
func (s *Service) EvaluateDataTableValues(ctx context.Context, call Call, q EvaluationQuery) (*EvaluatedValues, error) {
	if q.TimeZone != "" {
		if err := checkTimeZone(q.TimeZone); err != nil {
			return nil, err
		}
	}
	table, sight, err := s.readTable(ctx, call, q.Instance, q.Table)
	if err != nil {
		return nil, err
	}
	var ids []ValueID
	for _, e := range q.Asked {
		for _, name := range e.Attributes {
			ids = append(ids, ValueID{e.Primary, name})
		}
	}
	if len(ids) > maxEvaluated {
		return nil, lanyard.Errorf(lanyard.Invalid, "Values must name at most %d values, got %d", maxEvaluated, len(ids))
	}
	first, err := position(q.After)
	if err != nil {
		return nil, err
	}
	ids = ids[min(int(first), len(ids)):]
	out := &EvaluatedValues{}
	if len(ids) > q.Limit {
		ids, out.Next = ids[:q.Limit], strconv.FormatInt(first+int64(q.Limit), 10)
	}
	wanted, err := s.identify(ctx, call, table, sight, ids)
	if err != nil {
		return nil, err
	}
	defaults, err := s.defaults(ctx, table, sight)
	if err != nil {
		return nil, err
	}
	for i, w := range wanted {
		if w.err != nil {
			return nil, within("Values", w.err)
		}
		e := evaluate(table.table, w, defaults)
		e.Primary = ids[i].Primary
		out.Items = append(out.Items, e)
	}
	return out, nil
}

// defaults returns the default row, or nil when there is none, or none for the principal.
func (s *Service) defaults(ctx context.Context, t *TableRows, sight *rowSight) (*lanyard.DataTableRow, error) {
	if !sight.sees(nil) {
		return nil, nil
	}
	return t.table.findRow(ctx, s.store.Reader(t.Instance.ID), nil, true)
}

// evaluate evaluates a value. One that is not of its attribute's type any more is as good as none.
func evaluate(v *tableView, w identified, defaults *lanyard.DataTableRow) EvaluatedValue {
	e := EvaluatedValue{Attribute: w.attribute}
	untyped := &lanyard.DataTableAttribute{ValueType: w.attribute.ValueType}
	for _, row := range []*lanyard.DataTableRow{w.row, defaults} {
		if row == nil {
			continue
		}
		value, ok := v.valueAt(row, w.attribute)
		if !ok {
			continue
		}
		if lanyard.IsExpression(value.Cell.Value) {
			e.Row, e.Found, e.Failed, e.Value = row.ID, true, true, ""
			return e
		}
		if checkPlain(untyped, value.Cell.Value) == nil {
			e.Row, e.Found, e.Failed, e.Value = row.ID, true, false, value.Cell.Value
			return e
		}
		e.Row, e.Failed = row.ID, true
	}
	return e
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

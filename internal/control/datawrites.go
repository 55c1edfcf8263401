package control

import (
	"context"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/store"
)

// A ValueChange is one item of a batch that writes values. A deletion has no Value.
type ValueChange struct {
	ValueID
	Value string
	Locks ValueLocks
}

// A ValueBatch is what a call does to values of a data table.
type ValueBatch struct {
	Instance, Table string // ids or ARNs
	Changes         []ValueChange
}

// WrittenValues is what came of a batch.
type WrittenValues struct {
	Result
	Outcomes []ValueOutcome // of each item, in order
}

// maxRow bounds the values of one row together, in bytes: an event has a row before and after.
const maxRow = 256 << 10

// maxBatchRows bounds the values that the rows of one batch had before it, in bytes: they are all in one event.
const maxBatchRows = 4 << 20

// BatchCreateDataTableValue adds values, and the rows that they are the first of.
func (s *Service) BatchCreateDataTableValue(ctx context.Context, call Call, b ValueBatch) (WrittenValues, error) {
	return s.writeValues(ctx, call, b, createValue)
}

// BatchUpdateDataTableValue replaces values.
func (s *Service) BatchUpdateDataTableValue(ctx context.Context, call Call, b ValueBatch) (WrittenValues, error) {
	return s.writeValues(ctx, call, b, updateValue)
}

// BatchDeleteDataTableValue removes values, and the rows that they were the last of.
func (s *Service) BatchDeleteDataTableValue(ctx context.Context, call Call, b ValueBatch) (WrittenValues, error) {
	return s.writeValues(ctx, call, b, deleteValue)
}

// A valueWrite is what a batch does to each value.
type valueWrite uint8

const (
	createValue valueWrite = iota
	updateValue
	deleteValue
)

// writeValues carries out a batch as one change. What is wrong with an item fails that item only; what the principal
// may not do refuses the call.
func (s *Service) writeValues(ctx context.Context, call Call, b ValueBatch, what valueWrite) (WrittenValues, error) {
	if err := checkValueCount(len(b.Changes)); err != nil {
		return WrittenValues{}, err
	}
	ref, err := tableRef(b.Table, LatestQualifier, SavedQualifier)
	if err != nil {
		return WrittenValues{}, err
	}
	var w *valueWriter
	result, err := s.change(ctx, call, b.Instance, func(tx store.Tx, in *lanyard.Instance) error {
		t, err := getTarget[*lanyard.DataTable](ctx, s, tx, in, ref)
		if err != nil {
			return err
		}
		if w, err = s.newValueWriter(ctx, tx, t); err != nil {
			return err
		}
		if err := w.run(ctx, b.Changes, what); err != nil {
			return err
		}
		return w.store(ctx)
	})
	if err != nil {
		return WrittenValues{}, err
	}
	return WrittenValues{result, w.outcomes(b.Changes)}, nil
}

// A valueWriter writes values of one table within a transaction.
type valueWriter struct {
	service *Service
	tx      store.Tx
	table   *tableView
	sight   *rowSight
	lock    string // the version that all that changes gets
	rows    map[string]*rowEdit
	order   []*rowEdit
	items   []valueItem
	touched map[string]bool // the attributes whose values changed, by id
	size    int             // of the values that the rows had before, in bytes
}

// A rowEdit is a row that a batch changes.
type rowEdit struct {
	before *lanyard.DataTableRow // nil for none
	row    *lanyard.DataTableRow
	edited map[string]bool // the attributes of the items so far, by id
	done   bool            // some item changed it
	sized  bool            // it is counted in the size of the batch
}

// A valueItem is one item of a batch, carried out.
type valueItem struct {
	edit      *rowEdit
	attribute *lanyard.DataTableAttribute
	failure   error
}

func (s *Service) newValueWriter(ctx context.Context, tx store.Tx, t *lanyard.DataTable) (*valueWriter, error) {
	table, err := viewTable(ctx, tx, t)
	if err != nil {
		return nil, err
	}
	return &valueWriter{service: s, tx: tx, table: table, sight: guardedSight(tx, table), lock: s.newID(),
		rows: map[string]*rowEdit{}, touched: map[string]bool{}}, nil
}

// run carries out the items, in memory.
func (w *valueWriter) run(ctx context.Context, changes []ValueChange, what valueWrite) error {
	primary, isDefault, err := w.authorize(changes)
	if err != nil {
		return err
	}
	for i, c := range changes {
		it := &w.items[i]
		if it.failure != nil {
			continue
		}
		if it.attribute, it.failure = w.table.plainAttribute(c.Attribute); it.failure != nil {
			continue
		}
		if err := w.authorizeExpression(c, primary[i]); err != nil {
			return err
		}
		if it.edit, err = w.edit(ctx, primary[i], isDefault[i]); err != nil {
			return err
		}
		if it.failure = w.addSize(it.edit); it.failure == nil {
			it.failure = w.apply(it, c, what)
		}
	}
	return nil
}

// addSize counts what a row had before, unless that would make the event of the batch too large.
func (w *valueWriter) addSize(e *rowEdit) error {
	if e.sized || e.before == nil {
		return nil
	}
	n := rowSize(e.before)
	if w.size+n > maxBatchRows {
		return lanyard.Errorf(lanyard.Limit, "the rows of a batch must have values of at most %d bytes together; "+
			"send this one in another batch", maxBatchRows)
	}
	w.size, e.sized = w.size+n, true
	return nil
}

// authorize refuses the call when an item is about a row that the principal may not change. That is decided by the
// primary values of the items, before anything is looked up.
func (w *valueWriter) authorize(changes []ValueChange) (primary []map[string]string, isDefault []bool, err error) {
	w.items = make([]valueItem, len(changes))
	primary, isDefault = make([]map[string]string, len(changes)), make([]bool, len(changes))
	for i, c := range changes {
		it := &w.items[i]
		if primary[i], isDefault[i], it.failure = w.table.resolvePrimary(c.Primary); it.failure != nil {
			continue
		}
		if !w.sight.sees(primary[i]) {
			return nil, nil, w.denied()
		}
	}
	return primary, isDefault, nil
}

// denied is the refusal of rows outside of the sight. Only a principal has one.
func (w *valueWriter) denied() error { return w.tx.(*guard).deniesRows(w.table) }

// authorizeExpression asks for the permission to write expressions, on that row.
func (w *valueWriter) authorizeExpression(c ValueChange, primary map[string]string) error {
	if !lanyard.IsExpression(c.Value) {
		return nil
	}
	row := &lanyard.DataTableRow{Primary: primary}
	return also(w.tx, "DataTables.EditExpressionValues", access.Resource{Type: access.TypeDataTableRow, New: true,
		Tags: w.table.Tags, Attributes: w.table.values(row)})
}

// edit returns the row with these primary values, which may not exist yet.
func (w *valueWriter) edit(ctx context.Context, primary map[string]string, isDefault bool) (*rowEdit, error) {
	key := lanyard.DataTableRowKey(w.table.ID, primary, isDefault)
	if e := w.rows[key]; e != nil {
		return e, nil
	}
	row, err := w.table.findRow(ctx, w.tx, primary, isDefault)
	if err != nil {
		return nil, err
	}
	if row != nil && !w.sight.sees(row.Primary) { // found in another case
		return nil, w.denied()
	}
	if row == nil {
		for _, e := range w.order { // a new one, in another case
			if e.before == nil && e.row.Default == isDefault && w.table.same(e.row.Primary, primary) {
				w.rows[key] = e
				return e, nil
			}
		}
	}
	e := &rowEdit{before: row, edited: map[string]bool{}}
	if row != nil {
		if e = w.sameRow(row, e); e.row == nil {
			e.row = lanyard.Clone(row)
		}
	} else {
		e.row = &lanyard.DataTableRow{Meta: lanyard.Meta{ID: w.service.newRowID()}, Table: w.table.ID, Primary: primary,
			Default: isDefault}
	}
	if e.row.Cells == nil {
		e.row.Cells = map[string]lanyard.DataTableCell{}
	}
	if w.rows[key] = e; !slices.Contains(w.order, e) {
		w.order = append(w.order, e)
	}
	return e, nil
}

// sameRow returns the edit of a row that an item named in another case, or e.
func (w *valueWriter) sameRow(row *lanyard.DataTableRow, e *rowEdit) *rowEdit {
	for _, other := range w.order {
		if other.before != nil && other.before.ID == row.ID {
			return other
		}
	}
	return e
}

// apply carries out one item.
func (w *valueWriter) apply(it *valueItem, c ValueChange, what valueWrite) error {
	id := it.attribute.ID
	var cell lanyard.DataTableCell
	exists := false
	if it.edit.before != nil {
		cell, exists = it.edit.before.Cells[id]
	}
	switch {
	case it.edit.edited[id]:
		return lanyard.Errorf(lanyard.Invalid, "the value of %s with these primary values is listed twice",
			lanyard.Quote(c.Attribute))
	case what == createValue && exists:
		return lanyard.Errorf(lanyard.Duplicate, "a value of %s with these primary values already exists",
			lanyard.Quote(c.Attribute))
	case what != createValue && !exists:
		return lanyard.Errorf(lanyard.NotFound, "%s", noValue(c.Attribute))
	}
	if err := w.checkLocks(it, c.Locks, cell, what); err != nil {
		return err
	}
	if what == deleteValue {
		delete(it.edit.row.Cells, id)
	} else {
		if err := checkValue(it.attribute, c.Value); err != nil {
			return lanyard.Errorf(lanyard.Invalid, "Value %v, got %s", err, lanyard.Quote(c.Value))
		}
		if n := rowSize(it.edit.row) - len(cell.Value) + len(c.Value); n > maxRow {
			return lanyard.Errorf(lanyard.Limit, "the values of a row must have at most %d bytes together, got %d", maxRow, n)
		}
		it.edit.row.Cells[id] = lanyard.DataTableCell{Value: c.Value, Modified: w.service.time(), Lock: w.lock}
	}
	it.edit.edited[id], it.edit.done, w.touched[id] = true, true, true
	return nil
}

func rowSize(row *lanyard.DataTableRow) (n int) {
	for _, cell := range row.Cells {
		n += len(cell.Value)
	}
	return n
}

// checkLocks refuses to write over what others wrote: the lock version at the level of the table must be the current
// one. A new value has none yet, and its row, attribute and table are asked about only when their versions are sent.
func (w *valueWriter) checkLocks(it *valueItem, sent ValueLocks, cell lanyard.DataTableCell, what valueWrite) error {
	var member, has, current string
	switch w.table.LockLevel {
	case lanyard.LockTable:
		member, has, current = "DataTable", sent.Table, w.table.Lock
	case lanyard.LockAttribute:
		member, has, current = "Attribute", sent.Attribute, it.attribute.Lock
	case lanyard.LockRow:
		member, has = "PrimaryValues", sent.Row
		if it.edit.before != nil {
			current = it.edit.before.Lock
		}
	case lanyard.LockValue:
		member, has, current = "Value", sent.Value, cell.Lock
	default:
		return nil
	}
	if what == createValue && has == "" {
		return nil
	}
	return staleLock(member, has, current, w.table.LockLevel)
}

// staleLock refuses a lock version that is not the current one.
func staleLock(member, sent, current, level string) error {
	switch {
	case sent == "":
		return lanyard.Errorf(lanyard.Invalid, "LockVersion.%s is required when the table's ValueLockLevel is %s", member, level)
	case sent != current:
		return lanyard.Errorf(lanyard.Stale, "LockVersion.%s must be the current one, got %s; somebody changed it since it was "+
			"read", member, lanyard.Quote(lanyard.ClipTo(sent, 64)))
	}
	return nil
}

// store stores what the items changed.
func (w *valueWriter) store(ctx context.Context) error {
	values := 0
	changed := false
	for _, e := range w.order {
		if !e.done {
			continue
		}
		n, err := w.storeRow(ctx, e)
		if err != nil {
			return err
		}
		values, changed = values+n, true
	}
	if !changed {
		return errUnchanged
	}
	return w.storeTable(ctx, values)
}

// storeRow stores a row and returns by how many values it has more. A row without values is removed.
func (w *valueWriter) storeRow(ctx context.Context, e *rowEdit) (int, error) {
	for id := range e.row.Cells { // of attributes that were deleted
		if w.table.byID[id] == nil {
			delete(e.row.Cells, id)
		}
	}
	had := 0
	if e.before != nil {
		had = len(e.before.Cells)
	}
	if len(e.row.Cells) == 0 { // there was one, for a batch does not both create and delete
		return -had, w.tx.Delete(ctx, e.row.Type(), e.row.ID)
	}
	e.row.Lock, e.row.Modified = w.lock, w.service.time()
	return len(e.row.Cells) - had, w.tx.Put(ctx, e.row)
}

// storeTable counts the values, and gives the table or the attributes another version where others lock them to write
// values.
func (w *valueWriter) storeTable(ctx context.Context, more int) error {
	t := lanyard.Clone(w.table.DataTable)
	t.Values += more
	if most := w.service.quotas.ValuesPerTable; more > 0 && most >= 0 && t.Values > most {
		// Not how many there are: some may be hidden.
		return lanyard.Errorf(lanyard.Quota, "data table %q may have at most %d values; delete some first", t.ID, most)
	}
	switch t.LockLevel {
	case lanyard.LockTable:
		t.Lock = w.lock
	case lanyard.LockAttribute:
		for _, a := range w.table.attributes {
			if w.touched[a.ID] {
				if err := w.relock(ctx, a); err != nil {
					return err
				}
			}
		}
	}
	if t.Values == w.table.Values && t.Lock == w.table.Lock {
		return nil
	}
	if err := unguarded(w.tx).Put(ctx, t); err != nil {
		return err
	}
	w.table.DataTable = t
	return nil
}

func (w *valueWriter) relock(ctx context.Context, a *lanyard.DataTableAttribute) error {
	b := lanyard.Clone(a)
	b.Lock = w.lock
	if err := unguarded(w.tx).Put(ctx, b); err != nil {
		return err
	}
	w.table.byID[a.ID] = b
	return nil
}

// unguarded returns the transaction without its guard, for what follows from a change that the principal may make.
func unguarded(tx store.Tx) store.Tx {
	if g, ok := tx.(*guard); ok {
		return g.Tx
	}
	return tx
}

// outcomes returns what came of each item, once all is stored.
func (w *valueWriter) outcomes(changes []ValueChange) []ValueOutcome {
	list := make([]ValueOutcome, len(changes))
	for i, it := range w.items {
		list[i].ValueID = changes[i].ValueID
		if it.failure != nil {
			list[i].Failure = it.failure.Error()
			continue
		}
		list[i].TableValue, _ = w.table.valueAt(it.edit.row, w.table.byID[it.attribute.ID])
	}
	return list
}

// A PrimaryChange gives a row other primary values.
type PrimaryChange struct {
	Instance, Table string // ids or ARNs
	Old, New        []PrimaryValue
	Locks           ValueLocks
}

// UpdateDataTablePrimaryValues gives a row other primary values. As in Amazon Connect, nobody whose security profiles
// have rules for rows may do so.
func (s *Service) UpdateDataTablePrimaryValues(ctx context.Context, call Call, c PrimaryChange) (TableValue, Result,
	error) {
	ref, err := tableRef(c.Table, LatestQualifier, SavedQualifier)
	if err != nil {
		return TableValue{}, Result{}, err
	}
	var made TableValue
	result, err := s.change(ctx, call, c.Instance, func(tx store.Tx, in *lanyard.Instance) error {
		t, err := getTarget[*lanyard.DataTable](ctx, s, tx, in, ref)
		if err != nil {
			return err
		}
		w, err := s.newValueWriter(ctx, tx, t)
		if err != nil {
			return err
		}
		row, err := w.changePrimary(ctx, c)
		made = TableValue{Table: w.table.DataTable, Row: row}
		if row != nil {
			made.Locks = ValueLocks{Table: w.table.Lock, Row: row.Lock}
		}
		return err
	})
	return made, result, err
}

func (w *valueWriter) changePrimary(ctx context.Context, c PrimaryChange) (*lanyard.DataTableRow, error) {
	if err := coversAllRows(w.tx, w.table.DataTable); err != nil {
		return nil, err
	}
	if len(c.Old) == 0 || len(c.New) == 0 {
		return nil, lanyard.Errorf(lanyard.Invalid, "PrimaryValues and NewPrimaryValues must name every primary attribute, got none")
	}
	old, _, err := w.table.resolvePrimary(c.Old)
	if err != nil {
		return nil, err
	}
	primary, _, err := w.table.resolvePrimary(c.New)
	if err != nil {
		return nil, err
	}
	before, err := w.table.findRow(ctx, w.tx, old, false)
	if err != nil {
		return nil, err
	}
	if before == nil {
		return nil, lanyard.Errorf(lanyard.NotFound, "PrimaryValues: a row with these values does not exist in data table %q",
			w.table.ID)
	}
	if err := w.checkRowLock(c.Locks, before); err != nil {
		return nil, err
	}
	other, err := w.table.findRow(ctx, w.tx, primary, false)
	if err != nil {
		return nil, err
	}
	if other != nil && other.ID != before.ID {
		return nil, lanyard.Errorf(lanyard.Duplicate, "NewPrimaryValues: a row with these values already exists in data table %q",
			w.table.ID)
	}
	row := lanyard.Clone(before)
	row.Primary, row.Lock, row.Modified = primary, w.lock, w.service.time()
	if err := w.tx.Put(ctx, row); err != nil {
		return nil, err
	}
	return row, w.storeTable(ctx, 0)
}

// checkRowLock is checkLocks of a row.
func (w *valueWriter) checkRowLock(sent ValueLocks, row *lanyard.DataTableRow) error {
	switch level := w.table.LockLevel; level {
	case lanyard.LockNone:
		return nil
	case lanyard.LockTable:
		return staleLock("DataTable", sent.Table, w.table.Lock, level)
	default:
		return staleLock("PrimaryValues", sent.Row, row.Lock, level)
	}
}

package control

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

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

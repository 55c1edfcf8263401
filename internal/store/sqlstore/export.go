package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

var _ store.Portable = (*DB)(nil)

// The bounds of what is in memory of a copy, in rows and about in bytes.
const (
	copyRows  = 1000
	copyBytes = 8 << 20
)

// Export reads everything in one transaction, which sees one committed state, and page by page, so
// that nobody who writes waits for whoever takes the rows.
func (d *DB) Export(ctx context.Context, scope store.Scope, emit func(store.Row) error) (err error) {
	s, err := d.snapshot(ctx)
	if err != nil {
		return d.wrapError(ctx, err, "begin to read the whole store")
	}
	defer d.readers.give(s)
	e := &export{ctx: ctx, s: s, emit: emit, scattered: d.explicit}
	defer func() {
		if !s.broken && s.noteBroken(s.conn.Script(context.WithoutCancel(ctx), `ROLLBACK`)) != nil {
			s.broken = true
		}
	}()
	for _, t := range store.Tables {
		if t.Server && scope.Instance == "" && scope.Has(t) && err == nil {
			err = e.table(t, "")
		}
	}
	instance := scope.Instance
	if err == nil && instance == "" {
		instance, err = e.next(d.dialect.Known, "")
	}
	for err == nil && instance != "" {
		for _, t := range store.Tables {
			if !t.Server && scope.Has(t) && err == nil {
				err = e.table(t, instance)
			}
		}
		if scope.Instance != "" {
			break
		}
		if err == nil {
			instance, err = e.next(d.dialect.Known, instance)
		}
	}
	if e.emitted != nil {
		return e.emitted
	}
	return d.wrapError(ctx, err, "read the whole store")
}

// snapshot takes a reader's connection and begins a transaction on it that sees one committed state.
func (d *DB) snapshot(ctx context.Context) (*connection, error) {
	for n := 1; ; n++ {
		s, err := d.readers.take(ctx)
		if err != nil {
			return nil, err
		}
		for _, script := range d.dialect.Snapshot {
			if err == nil {
				err = s.noteBroken(s.conn.Script(ctx, script))
			}
		}
		if err == nil {
			return s, nil
		}
		lost := s.wasLost(ctx, err)
		s.broken = true
		d.readers.give(s)
		if !lost || n == attempts {
			return nil, err
		}
	}
}

// export is one Export.
type export struct {
	ctx     context.Context
	s       *connection
	emit    func(store.Row) error
	emitted error // of emit
	// scattered says that the transaction sees one state of each instance, but not of all together.
	scattered bool
}

// next is the id of the instance after another; "" after the last. One that is in the directory
// belongs to the store even when its events are gone, which they must not be.
func (e *export) next(known, after string) (first string, err error) {
	for _, table := range []string{known, "directory", "checkpoints"} {
		err = e.s.queryRows(e.ctx, `SELECT instance_id FROM `+table+` WHERE instance_id > $1 ORDER BY instance_id LIMIT 1`,
			[]any{after}, func(row Row) error {
				var id string
				err := row.Scan(&id)
				if first == "" || id < first {
					first = id
				}
				return err
			})
		if err != nil {
			return "", err
		}
	}
	return first, nil
}

var errPage = errors.New("enough for one page")

// table emits the rows of a table, all or those of an instance. What is read is emitted when the
// query is over, for nobody knows how long that takes.
func (e *export) table(t *store.Table, instance string) error {
	query, fixed := pageOf(t)
	args := []any{instance}[:fixed]
	for first := true; ; first = false {
		q := query[1]
		if first {
			q = query[0]
		}
		var page []store.Row
		size := 0
		err := e.s.queryRows(e.ctx, q, append(args, copyRows), func(row Row) error {
			values, n, err := scanRow(t, row)
			if err != nil {
				return err
			}
			page, size = append(page, store.Row{Table: t, Values: values}), size+n
			if size > copyBytes {
				return errPage
			}
			return nil
		})
		if err != nil && !errors.Is(err, errPage) {
			return fmt.Errorf("read table %s: %w", t.Name, err)
		}
		for _, row := range page {
			if there, failed := e.there(row); failed != nil {
				return fmt.Errorf("read table %s: %w", t.Name, failed)
			} else if !there {
				continue
			}
			if e.emitted = e.emit(row); e.emitted != nil {
				return e.emitted
			}
		}
		if err == nil && len(page) < copyRows || t.Key == 0 {
			return nil
		}
		args = append(args[:fixed:fixed], page[len(page)-1].Values[fixed:fixed+t.Key]...)
	}
}

// there reports whether a row belongs to the export. Where the state is scattered, an instance can be deleted
// after its line of the directory was read. Asking for it fixes what the transaction sees of it.
func (e *export) there(row store.Row) (found bool, err error) {
	if row.Table != store.Directory || !e.scattered {
		return true, nil
	}
	instance := row.Values[1].(string)
	err = e.s.queryRows(e.ctx, getQuery, []any{instance, string(lanyard.TypeInstance), instance}, func(Row) error {
		found = true
		return nil
	})
	return found, err
}

// pageOf returns the queries of a table's first page and of those after a key, and how many
// arguments come before the key.
func pageOf(t *store.Table) (query [2]string, fixed int) {
	var names, params []string
	for _, c := range t.Columns {
		names = append(names, c.Name)
	}
	var where []string
	if !t.Server {
		where, fixed = append(where, names[0]+" = $1"), 1
	}
	key := names[fixed : fixed+t.Key]
	for i := range key {
		params = append(params, "$"+strconv.Itoa(fixed+i+1))
	}
	make := func(where []string, limit int) string {
		q := `SELECT ` + strings.Join(names, ", ") + ` FROM ` + t.Name
		if len(where) > 0 {
			q += ` WHERE ` + strings.Join(where, " AND ")
		}
		if len(key) > 0 {
			q += ` ORDER BY ` + strings.Join(key, ", ")
		}
		return q + ` LIMIT $` + strconv.Itoa(limit)
	}
	query[0] = make(where, fixed+1)
	if t.Key > 0 {
		query[1] = make(append(where, "("+strings.Join(key, ", ")+") > ("+strings.Join(params, ", ")+")"), fixed+t.Key+1)
	}
	return query, fixed
}

func scanRow(t *store.Table, row Row) (values []any, size int, err error) {
	dest := make([]any, len(t.Columns))
	for i, c := range t.Columns {
		switch c.Kind {
		case store.Text:
			dest[i] = new(string)
		case store.Int:
			dest[i] = new(int64)
		default:
			dest[i] = new([]byte)
		}
	}
	if err := row.Scan(dest...); err != nil {
		return nil, 0, err
	}
	for i, d := range dest {
		switch d := d.(type) {
		case *string:
			dest[i] = *d
			size += len(*d)
		case *int64:
			dest[i] = *d
		case *[]byte:
			if t == store.Events && t.Columns[i].Name == "body" {
				// One that cannot be read is emitted as nothing: whoever verifies it names it.
				if body, err := Unpack(*d); err == nil {
					*d = body
				} else {
					*d = nil
				}
			}
			dest[i] = *d
			size += len(*d)
		}
	}
	return dest, size, nil
}

// Size adds up what the instances are known to have.
func (d *DB) Size(ctx context.Context) (n int64, err error) {
	err = d.withConn(ctx, func(ctx context.Context, s *connection) error {
		n = 0
		e := &export{ctx: ctx, s: s}
		for instance := ""; ; {
			var err error
			if instance, err = e.next(d.dialect.Known, instance); err != nil || instance == "" {
				return err
			}
			for _, query := range []string{
				`SELECT 2 * COALESCE(SUM(n), 0) FROM counts WHERE instance_id = $1`, // resources, and what they refer to
				`SELECT COALESCE(MAX(revision), 0) FROM events WHERE instance_id = $1`,
				`SELECT -COALESCE(MAX(revision), 0) FROM checkpoints WHERE instance_id = $1`,
			} {
				var some int64
				if err := s.queryRow(ctx, query, []any{instance}, &some); err != nil {
					return err
				}
				n += some
			}
		}
	})
	return n, d.wrapError(ctx, err, "count what the store has")
}

// Fill marks the store as incomplete and puts the rows in, many in a transaction.
func (d *DB) Import(ctx context.Context, next func() (store.Row, error)) error {
	doing := "fill the store"
	since, err := d.incomplete(ctx)
	if err != nil {
		return d.wrapError(ctx, err, doing)
	}
	var begin []Statement
	for _, t := range slices.Backward(store.Tables) {
		if since == 0 {
			empty, err := d.empty(ctx, t.Name)
			if err != nil {
				return d.wrapError(ctx, err, doing)
			}
			if !empty {
				return lanyard.Errorf(lanyard.Condition, "the store is not empty: it has %s", t.Name)
			}
		}
		begin = append(begin, Statement{Query: d.dialect.Clear + t.Name})
	}
	for _, table := range d.dialect.Derived {
		begin = append(begin, Statement{Query: d.dialect.Clear + table})
	}
	if since == 0 {
		begin = append(begin,
			Statement{Query: `INSERT INTO filling (since) VALUES ($1)`, Args: []any{time.Now().UnixMilli()}})
	}
	if err := d.runTransaction(ctx, begin); err != nil {
		return d.wrapError(ctx, err, doing)
	}
	instance := ""
	for ended := false; !ended; {
		var batch []Statement
		for size := 0; len(batch) < copyRows && size < copyBytes; {
			row, err := next()
			if errors.Is(err, io.EOF) {
				ended = true
				break
			}
			if err != nil {
				return err
			}
			if id, _ := row.Values[0].(string); !row.Table.Server && id != instance {
				instance = id
				for _, query := range d.dialect.Enter {
					batch = append(batch, Statement{Query: query, Args: []any{id}})
				}
			}
			st, n := d.insert(row)
			batch, size = append(batch, st), size+n
		}
		if err := ctx.Err(); err != nil {
			return d.wrapError(ctx, err, doing)
		}
		if len(batch) == 0 {
			continue
		}
		if err := d.runTransaction(ctx, batch); err != nil {
			return d.wrapError(ctx, err, doing)
		}
	}
	return nil
}

// insert is the statement that puts a row in.
func (d *DB) insert(row store.Row) (st Statement, size int) {
	t := row.Table
	var names, params []string
	st.Args = slices.Clone(row.Values)
	positioned := ""
	for i, c := range t.Columns {
		names, params = append(names, c.Name), append(params, "$"+strconv.Itoa(i+1))
		switch v := st.Args[i].(type) {
		case []byte:
			if t == store.Events && c.Name == "body" {
				st.Args[i] = pack(v)
			}
			size += len(v)
		case string:
			size += len(v)
		}
		if c.Name == "position" {
			positioned = d.dialect.Positioned
		}
	}
	st.Query = `INSERT INTO ` + t.Name + ` (` + strings.Join(names, ", ") + `) ` + positioned + `VALUES (` +
		strings.Join(params, ", ") + `)`
	return st, size
}

func (d *DB) empty(ctx context.Context, table string) (empty bool, err error) {
	err = d.withConn(ctx, func(ctx context.Context, s *connection) error {
		empty = true
		return s.queryRows(ctx, `SELECT 1 FROM `+table+` LIMIT 1`, nil, func(Row) error {
			empty = false
			return nil
		})
	})
	return empty, err
}

// incomplete tells since when the store is being filled, 0 when it is not.
func (d *DB) incomplete(ctx context.Context) (since int64, err error) {
	err = d.withConn(ctx, func(ctx context.Context, s *connection) error {
		since, err = Incomplete(ctx, s.conn)
		return s.noteBroken(err)
	})
	return since, err
}

// Incomplete tells since when, in milliseconds since 1970, a database is being filled; 0 when it is not.
func Incomplete(ctx context.Context, conn Conn) (since int64, err error) {
	err = conn.Query(ctx, `SELECT since FROM filling`, nil, func(row Row) error { return row.Scan(&since) })
	return since, err
}

// CheckComplete refuses a database that is being filled.
func CheckComplete(ctx context.Context, conn Conn) error {
	since, err := Incomplete(ctx, conn)
	if err == nil && since != 0 {
		err = lanyard.Errorf(lanyard.Condition,
			"the database is incomplete: a restore or a migration into it began at %s and did not end; run it again",
			time.UnixMilli(since).UTC().Format(time.RFC3339))
	}
	return err
}

// Complete ends filling.
func (d *DB) FinishImport(ctx context.Context) error {
	var list []Statement
	for _, query := range d.dialect.Filled {
		list = append(list, Statement{Query: query})
	}
	list = append(list, Statement{Query: `DELETE FROM filling`, One: true})
	return d.wrapError(ctx, d.runTransaction(ctx, list), "complete the filling of the store")
}

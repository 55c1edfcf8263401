package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

var _ store.Portable = (*DB)(nil)

// The bounds of what is in memory of an export or import, in rows and about in bytes.
const (
	copyRows  = 1000
	copyBytes = 8 << 20
)

// Export reads everything in one transaction, which sees one committed state, and page by page, so that no writer waits
// for whoever takes the rows.
func (d *DB) Export(ctx context.Context, scope store.Scope, emit func(store.Row) error) (err error) {
	s, err := d.beginSnapshot(ctx)
	if err != nil {
		return d.wrapError(ctx, err, "begin to read the whole store")
	}
	defer d.readers.give(s)
	e := &export{d: d, ctx: ctx, s: s, scope: scope, emit: emit}
	defer func() {
		s.rollback(context.WithoutCancel(ctx), d.log)
	}()
	if scope.Instance != "" {
		err = e.emitInstance(scope.Instance)
	} else {
		err = e.emitAll()
	}
	if e.emitted != nil {
		return e.emitted
	}
	return d.wrapError(ctx, err, "read the whole store")
}

// emitAll emits the tables of the server, and then those of each instance.
func (e *export) emitAll() error {
	for _, t := range store.Tables {
		if t.Server && e.scope.Has(t) {
			if err := e.emitTable(t, ""); err != nil {
				return err
			}
		}
	}
	for instance := ""; ; {
		var err error
		if instance, err = e.nextInstance(instance); err != nil || instance == "" {
			return err
		}
		if err := e.emitInstance(instance); err != nil {
			return err
		}
	}
}

func (e *export) emitInstance(instance string) error {
	for _, t := range store.Tables {
		if !t.Server && e.scope.Has(t) {
			if err := e.emitTable(t, instance); err != nil {
				return err
			}
		}
	}
	return nil
}

// beginSnapshot takes a reader's connection and begins a transaction on it that sees one committed state.
func (d *DB) beginSnapshot(ctx context.Context) (*connection, error) {
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
		s.abandon()
		d.readers.give(s)
		if !lost || n == attempts {
			return nil, err
		}
	}
}

// export is one Export.
type export struct {
	d       *DB
	ctx     context.Context
	s       *connection
	scope   store.Scope
	emit    func(store.Row) error
	emitted error // of emit
}

// nextInstance is the id of the instance after another; "" after the last. One that is in the directory belongs to the
// store even when its events are gone, which must not happen.
func (e *export) nextInstance(after string) (first string, err error) {
	for _, table := range []string{e.d.dialect.Known, "directory", "checkpoints"} {
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

// emitTable emits the rows of a table, all or those of an instance. A page is emitted when its query has ended, because
// nobody knows how long emit takes.
func (e *export) emitTable(t *store.Table, instance string) error {
	query, fixed := pageQueries(t)
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
			if belongs, failed := e.belongs(row); failed != nil {
				return fmt.Errorf("read table %s: %w", t.Name, failed)
			} else if !belongs {
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

// belongs reports whether a row belongs to the export. Where transactions are explicit, one sees one state of each
// instance but not of all of them, and an instance can be deleted after its line of the directory was read. Reading it
// fixes what the transaction sees of it.
func (e *export) belongs(row store.Row) (found bool, err error) {
	if row.Table != store.Directory || !e.d.explicit {
		return true, nil
	}
	instance := row.Values[1].(string)
	err = e.s.queryRows(e.ctx, getQuery, []any{instance, string(lanyard.TypeInstance), instance}, func(Row) error {
		found = true
		return nil
	})
	return found, err
}

// pageQueries returns the queries of a table's first page and of those after a key, and how many arguments come before
// the key.
func pageQueries(t *store.Table) (query [2]string, fixed int) {
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
				// One that cannot be read is emitted as nothing; verification reports it.
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

// Size adds up the counters of the instances.
func (d *DB) Size(ctx context.Context) (n int64, err error) {
	err = d.withConn(ctx, func(ctx context.Context, s *connection) error {
		n = 0
		e := &export{d: d, ctx: ctx, s: s}
		for instance := ""; ; {
			var err error
			if instance, err = e.nextInstance(instance); err != nil || instance == "" {
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

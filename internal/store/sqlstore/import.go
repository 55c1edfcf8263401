package sqlstore

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

const importing = "import into the store"

// Import marks the store as incomplete and stores the rows, many in a transaction.
func (d *DB) Import(ctx context.Context, next func() (store.Row, error)) error {
	if err := d.beginImport(ctx); err != nil {
		return err
	}
	rows := importRows{d: d, next: next}
	for !rows.ended {
		batch, err := rows.nextBatch()
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return d.wrapError(ctx, err, importing)
		}
		if len(batch) == 0 {
			continue
		}
		if err := d.runTransaction(ctx, batch); err != nil {
			return d.wrapError(ctx, err, importing)
		}
	}
	return nil
}

// beginImport refuses a store that has rows, and removes those of an import that was not finished.
func (d *DB) beginImport(ctx context.Context) error {
	since, err := d.incompleteSince(ctx)
	if err != nil {
		return d.wrapError(ctx, err, importing)
	}
	var begin []Statement
	for _, t := range slices.Backward(store.Tables) {
		if since == 0 {
			empty, err := d.isEmpty(ctx, t.Name)
			if err != nil {
				return d.wrapError(ctx, err, importing)
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
	return d.wrapError(ctx, d.runTransaction(ctx, begin), importing)
}

// importRows makes statements of the rows of an import.
type importRows struct {
	d        *DB
	next     func() (store.Row, error)
	instance string // of the last row
	ended    bool
}

// nextBatch returns the statements of one transaction.
func (r *importRows) nextBatch() (batch []Statement, err error) {
	for size := 0; len(batch) < copyRows && size < copyBytes; {
		row, err := r.next()
		if errors.Is(err, io.EOF) {
			r.ended = true
			break
		}
		if err != nil {
			return nil, err
		}
		if id, _ := row.Values[0].(string); !row.Table.Server && id != r.instance {
			r.instance = id
			for _, query := range r.d.dialect.Enter {
				batch = append(batch, Statement{Query: query, Args: []any{id}})
			}
		}
		st, n := r.d.insertRow(row)
		batch, size = append(batch, st), size+n
	}
	return batch, nil
}

// insertRow returns the statement that stores a row, and about how many bytes it has.
func (d *DB) insertRow(row store.Row) (st Statement, size int) {
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

func (d *DB) isEmpty(ctx context.Context, table string) (empty bool, err error) {
	err = d.withConn(ctx, func(ctx context.Context, s *connection) error {
		empty = true
		return s.queryRows(ctx, `SELECT 1 FROM `+table+` LIMIT 1`, nil, func(Row) error {
			empty = false
			return nil
		})
	})
	return empty, err
}

// incompleteSince is IncompleteSince of this store.
func (d *DB) incompleteSince(ctx context.Context) (since int64, err error) {
	err = d.withConn(ctx, func(ctx context.Context, s *connection) error {
		since, err = IncompleteSince(ctx, s.conn)
		return s.noteBroken(err)
	})
	return since, err
}

// IncompleteSince returns when, in milliseconds since 1970, the import into a database began that is not finished, or
// 0.
func IncompleteSince(ctx context.Context, conn Conn) (since int64, err error) {
	err = conn.Query(ctx, `SELECT since FROM filling`, nil, func(row Row) error { return row.Scan(&since) })
	return since, err
}

// CheckComplete refuses a database whose import is not finished.
func CheckComplete(ctx context.Context, conn Conn) error {
	since, err := IncompleteSince(ctx, conn)
	if err == nil && since != 0 {
		err = lanyard.Errorf(lanyard.Condition,
			"the database is incomplete: a restore or a migration into it began at %s and was not finished; run it again",
			time.UnixMilli(since).UTC().Format(time.RFC3339))
	}
	return err
}

// FinishImport ends an import.
func (d *DB) FinishImport(ctx context.Context) error {
	var list []Statement
	for _, query := range d.dialect.AfterImport {
		list = append(list, Statement{Query: query})
	}
	list = append(list, Statement{Query: `DELETE FROM filling`, One: true})
	return d.wrapError(ctx, d.runTransaction(ctx, list), "finish the import into the store")
}

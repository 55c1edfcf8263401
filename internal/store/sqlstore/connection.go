package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"

	"github.com/jackc/puddle/v2"
)

// A connection is a Conn of a pool. Its zero value is not connected yet. It is used by one goroutine at a time.
type connection struct {
	conn    Conn
	pipe    Pipeline    // conn, if it is one
	pending []Statement // for pipe, sent with the next statement that waits for its answer
	broken  bool        // the connection is in an unknown state and must not be used again
	slot    *puddle.Resource[*connection]
}

// open connects, unless the connection is open and still usable.
func (c *connection) open(ctx context.Context, connect func(context.Context) (Conn, error)) (err error) {
	if c.conn != nil && !c.conn.Ready(ctx) {
		c.broken = true
		c.close()
	}
	if c.conn != nil {
		return nil
	}
	if c.conn, err = connect(ctx); err != nil {
		c.conn = nil
		return err
	}
	c.pipe, _ = c.conn.(Pipeline)
	return nil
}

func (c *connection) close() (err error) {
	if c.conn != nil {
		err = c.conn.Close()
	}
	*c = connection{}
	return err
}

// exec runs a statement that returns no rows.
func (c *connection) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := c.sendPending(ctx); err != nil {
		return nil, err
	}
	res, err := c.conn.Exec(ctx, query, args...)
	return res, c.noteBroken(err)
}

// queryRows calls scan for every row of a query.
func (c *connection) queryRows(ctx context.Context, query string, args []any, scan func(Row) error) error {
	if len(c.pending) > 0 {
		c.addPending(Statement{Query: query, Args: args, Scan: scan})
		return c.sendPending(ctx)
	}
	return c.noteBroken(c.conn.Query(ctx, query, args, scan))
}

// queryRow scans the first row of a query into dest, or returns sql.ErrNoRows.
func (c *connection) queryRow(ctx context.Context, query string, args []any, dest ...any) error {
	found := false
	err := c.queryRows(ctx, query, args, func(row Row) error {
		found = true
		return row.Scan(dest...)
	})
	if err == nil && !found {
		return sql.ErrNoRows
	}
	return err
}

// addPending adds statements to those that are sent with the next one that waits for its answer.
func (c *connection) addPending(list ...Statement) { c.pending = append(c.pending, list...) }

// sendPending sends the pending statements.
func (c *connection) sendPending(ctx context.Context) error {
	if len(c.pending) == 0 {
		return nil
	}
	err := c.pipe.Send(ctx, c.pending)
	c.dropPending()
	return c.noteBroken(err)
}

// dropPending forgets the pending statements, and keeps no reference to the documents that they hold.
func (c *connection) dropPending() {
	clear(c.pending)
	c.pending = c.pending[:0]
}

// execAll runs statements in order.
func (c *connection) execAll(ctx context.Context, list []Statement) error {
	if c.pipe != nil {
		c.addPending(list...)
		return c.sendPending(ctx) // not along with COMMIT, which would not wait for what One finds
	}
	for _, st := range list {
		res, err := c.exec(ctx, st.Query, st.Args...)
		if err == nil && st.One {
			var n int64
			if n, err = res.RowsAffected(); err == nil && n != 1 {
				err = ErrNotOne
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// transact runs statements in a transaction of their own.
func (c *connection) transact(ctx context.Context, begin string, list []Statement) error {
	err := c.execAll(ctx, append([]Statement{{Query: begin}}, list...))
	if err == nil {
		err = c.commit(ctx)
	}
	return err
}

// commit commits, over a Pipeline along with the pending statements.
func (c *connection) commit(ctx context.Context) error {
	if c.pipe == nil {
		_, err := c.exec(ctx, `COMMIT`)
		return err
	}
	err := c.pipe.Commit(ctx, c.pending)
	c.dropPending()
	return c.noteBroken(err)
}

// rollback rolls back the transaction that has begun. Closing a broken connection does so too.
func (c *connection) rollback(ctx context.Context, log *slog.Logger) {
	c.dropPending()
	if c.broken {
		return
	}
	if _, err := c.exec(ctx, `ROLLBACK`); err != nil {
		c.broken = true
		log.ErrorContext(ctx, "rollback failed, reconnecting", "error", err)
	}
}

// abandon has the pool close the connection instead of handing it out again.
func (c *connection) abandon() { c.broken = true }

// wasLost reports whether err came of losing the connection, and not of a caller who gave up.
func (c *connection) wasLost(ctx context.Context, err error) bool {
	return c.broken && ctx.Err() == nil && !errors.Is(err, context.DeadlineExceeded)
}

// noteBroken remembers whether an error broke the connection, and returns the error.
func (c *connection) noteBroken(err error) error {
	if err != nil && c.conn.Broken() {
		c.broken = true
	}
	return err
}

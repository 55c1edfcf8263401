package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// Connect opens connections of a database/sql driver, of which at most size stay open. The driver's connections must
// implement driver.ConnPrepareContext, and their statements driver.StmtExecContext.
func Connect(db *sql.DB, size int) func(context.Context) (Conn, error) {
	db.SetMaxOpenConns(0) // the pool bounds them
	db.SetMaxIdleConns(size)
	return func(ctx context.Context) (Conn, error) {
		conn, err := db.Conn(ctx)
		if err != nil {
			return nil, err
		}
		return NewConn(conn), nil
	}
}

// NewConn returns a connection of database/sql as a Conn, which owns it. Its driver must be one for Connect.
func NewConn(conn *sql.Conn) Conn {
	return &driverConn{conn: conn, stmts: make(map[string]*sql.Stmt), execs: make(map[string]driver.Stmt)}
}

// driverConn is a connection of database/sql.
type driverConn struct {
	conn   *sql.Conn
	stmts  map[string]*sql.Stmt
	execs  map[string]driver.Stmt // of Exec
	args   []driver.NamedValue    // room for Exec's
	broken bool
}

func (c *driverConn) Ready(context.Context) bool { return true }

func (c *driverConn) Broken() bool { return c.broken }

func (c *driverConn) Close() (err error) {
	for _, stmt := range c.stmts {
		err = errors.Join(err, stmt.Close())
	}
	err = errors.Join(err, c.closeExecs())
	if c.broken { // else Close hands it back to database/sql for reuse
		c.conn.Raw(func(any) error { return driver.ErrBadConn })
		c.conn.Close()
		return nil
	}
	return errors.Join(err, c.conn.Close())
}

func (c *driverConn) closeExecs() (err error) {
	if len(c.execs) == 0 {
		return nil
	}
	failed := c.conn.Raw(func(any) error {
		for _, stmt := range c.execs {
			err = errors.Join(err, stmt.Close())
		}
		return nil
	})
	return errors.Join(err, failed)
}

// prepare returns the statement of a query, prepared at its first use.
func (c *driverConn) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt := c.stmts[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := c.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, c.noteBroken(err)
	}
	c.stmts[query] = stmt
	return stmt, nil
}

// Exec runs a statement on the driver itself: database/sql's own path costs as much again as a
// short statement.
func (c *driverConn) Exec(ctx context.Context, query string, args ...any) (res sql.Result, err error) {
	failed := c.conn.Raw(func(conn any) error {
		stmt := c.execs[query]
		if stmt == nil {
			if stmt, err = conn.(driver.ConnPrepareContext).PrepareContext(ctx, query); err != nil {
				return nil
			}
			c.execs[query] = stmt
		}
		c.args = c.args[:0]
		for i, a := range args {
			if n, ok := a.(int); ok {
				a = int64(n) // the driver takes what driver.Value has
			}
			c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
		}
		res, err = stmt.(driver.StmtExecContext).ExecContext(ctx, c.args)
		clear(c.args)
		return nil
	})
	if err == nil {
		err = failed
	}
	return res, c.noteBroken(err)
}

func (c *driverConn) Query(ctx context.Context, query string, args []any, scan func(Row) error) error {
	stmt, err := c.prepare(ctx, query)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return c.noteBroken(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return c.noteBroken(rows.Err())
}

func (c *driverConn) Script(ctx context.Context, script string) error {
	_, err := c.conn.ExecContext(ctx, script)
	return c.noteBroken(err)
}

func (c *driverConn) noteBroken(err error) error {
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
		c.broken = true
	}
	return err
}

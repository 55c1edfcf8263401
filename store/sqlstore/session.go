package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
)

var errClosed = errors.New("the store is closed")

// A pool hands out a fixed number of sessions, first come, first served.
type pool struct {
	db     *sql.DB
	size   int
	free   chan *session
	closed chan struct{}
	once   sync.Once
}

func newPool(db *sql.DB, size int) *pool {
	db.SetMaxOpenConns(0) // the channel bounds them
	db.SetMaxIdleConns(size)
	p := &pool{db: db, size: size, free: make(chan *session, size), closed: make(chan struct{})}
	for range size {
		p.free <- new(session)
	}
	return p
}

// take waits for a session until ctx ends or the pool closes.
func (p *pool) take(ctx context.Context) (*session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case <-p.closed:
		return nil, errClosed
	default:
	}
	select {
	case s := <-p.free:
		if err := s.open(ctx, p.db); err != nil {
			p.free <- s
			return nil, err
		}
		return s, nil
	case <-p.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pool) give(s *session) {
	if s.broken {
		s.discard()
	}
	p.free <- s
}

// close waits for every session to come back.
func (p *pool) close() (err error) {
	p.once.Do(func() {
		close(p.closed)
		for range p.size {
			s := <-p.free
			err = errors.Join(err, s.close())
		}
	})
	return err
}

// A session is one connection and the statements prepared on it. Its zero value is not connected
// yet. It is used by one goroutine at a time.
type session struct {
	conn   *sql.Conn
	stmts  map[string]*sql.Stmt
	execs  map[string]driver.Stmt // of exec
	args   []driver.NamedValue    // room for exec's
	broken bool                   // the connection is in a state unknown and must not be used again
}

func (s *session) open(ctx context.Context, db *sql.DB) (err error) {
	if s.conn != nil {
		return nil
	}
	if s.conn, err = db.Conn(ctx); err != nil {
		s.conn = nil
		return err
	}
	s.stmts, s.execs = make(map[string]*sql.Stmt), make(map[string]driver.Stmt)
	return nil
}

func (s *session) close() (err error) {
	if s.conn == nil {
		return nil
	}
	for _, stmt := range s.stmts {
		err = errors.Join(err, stmt.Close())
	}
	err = errors.Join(err, s.closeExecs(), s.conn.Close())
	*s = session{}
	return err
}

func (s *session) closeExecs() (err error) {
	if len(s.execs) == 0 {
		return nil
	}
	failed := s.conn.Raw(func(any) error {
		for _, stmt := range s.execs {
			err = errors.Join(err, stmt.Close())
		}
		return nil
	})
	return errors.Join(err, failed)
}

// discard closes the connection itself, where close would hand it back to database/sql for reuse.
func (s *session) discard() {
	if s.conn != nil {
		for _, stmt := range s.stmts {
			stmt.Close()
		}
		s.closeExecs()
		s.conn.Raw(func(any) error { return driver.ErrBadConn })
		s.conn.Close()
	}
	*s = session{}
}

// prepare returns the statement of a query, prepared at its first use.
func (s *session) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if stmt := s.stmts[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := s.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, s.check(err)
	}
	s.stmts[query] = stmt
	return stmt, nil
}

// exec runs a statement that answers no rows, on the driver itself: database/sql's own path costs as
// much again as a short statement.
func (s *session) exec(ctx context.Context, query string, args ...any) (res sql.Result, err error) {
	failed := s.conn.Raw(func(conn any) error {
		stmt := s.execs[query]
		if stmt == nil {
			if stmt, err = conn.(driver.ConnPrepareContext).PrepareContext(ctx, query); err != nil {
				return nil
			}
			s.execs[query] = stmt
		}
		s.args = s.args[:0]
		for i, a := range args {
			if n, ok := a.(int); ok {
				a = int64(n) // the driver takes what driver.Value has
			}
			s.args = append(s.args, driver.NamedValue{Ordinal: i + 1, Value: a})
		}
		res, err = stmt.(driver.StmtExecContext).ExecContext(ctx, s.args)
		clear(s.args)
		return nil
	})
	if err == nil {
		err = failed
	}
	return res, s.check(err)
}

// rows calls scan for every row of a query.
func (s *session) rows(ctx context.Context, query string, args []any, scan func(*sql.Rows) error) error {
	stmt, err := s.prepare(ctx, query)
	if err != nil {
		return err
	}
	rows, err := stmt.QueryContext(ctx, args...)
	if err != nil {
		return s.check(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return s.check(rows.Err())
}

// row scans the first row of a query into dest, or answers sql.ErrNoRows.
func (s *session) row(ctx context.Context, query string, args []any, dest ...any) error {
	found := false
	err := s.rows(ctx, query, args, func(rows *sql.Rows) error {
		found = true
		return rows.Scan(dest...)
	})
	if err == nil && !found {
		return sql.ErrNoRows
	}
	return err
}

func (s *session) check(err error) error {
	if errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) {
		s.broken = true
	}
	return err
}

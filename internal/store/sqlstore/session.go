package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"sync"
	"time"
)

var (
	errClosed = errors.New("the store is closed")
	errBusy   = errors.New("the database is busy: no connection became free in time")
	errTurn   = errors.New("the instance is busy: other changes of it did not end in time")
)

// A pool hands out a fixed number of sessions, first come, first served, and of the free ones that
// which was used last: its connection is open, and its statements are prepared.
type pool struct {
	connect func(context.Context) (Conn, error)
	size    int
	wait    time.Duration // how long take waits at most, 0 for as long as its context lets it
	free    chan struct{} // holds one for every free session
	closed  chan struct{}
	once    sync.Once

	mu       sync.Mutex
	sessions []*session // the free ones
}

func newPool(connect func(context.Context) (Conn, error), size int, wait time.Duration) *pool {
	p := &pool{connect: connect, size: size, wait: wait, free: make(chan struct{}, size), closed: make(chan struct{})}
	for range size {
		p.put(new(session))
	}
	return p
}

// take waits for a session until ctx ends, the pool closes or it has waited for too long.
func (p *pool) take(ctx context.Context) (*session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case <-p.closed:
		return nil, errClosed
	default:
	}
	if p.wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, p.wait, errBusy)
		defer cancel()
	}
	select {
	case <-p.free:
		s := p.pop()
		if err := s.open(ctx, p.connect); err != nil {
			p.put(s)
			return nil, err
		}
		return s, nil
	case <-p.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (p *pool) give(s *session) {
	if s.broken {
		s.close() // it was broken already, which somebody has been told
	}
	p.put(s)
}

func (p *pool) put(s *session) {
	p.mu.Lock()
	p.sessions = append(p.sessions, s)
	p.mu.Unlock()
	p.free <- struct{}{}
}

// pop is for who has received from free.
func (p *pool) pop() *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.sessions) - 1
	s := p.sessions[last]
	p.sessions = p.sessions[:last]
	return s
}

// close waits for every session to come back.
func (p *pool) close() (err error) {
	p.once.Do(func() {
		close(p.closed)
		for range p.size {
			<-p.free
			err = errors.Join(err, p.pop().close())
		}
	})
	return err
}

// A session is one connection. Its zero value is not connected yet. It is used by one goroutine at
// a time.
type session struct {
	conn   Conn
	pipe   Pipeline    // conn, if it is one
	queue  []Statement // for pipe, sent with the next statement that waits for its answer
	calm   bool        // over a Pipeline, nobody's call interrupts: that would take the lock of others' changes along
	broken bool        // the connection is in a state unknown and must not be used again
}

func (s *session) open(ctx context.Context, connect func(context.Context) (Conn, error)) (err error) {
	if s.conn != nil && !s.conn.Ready(ctx) {
		s.broken = true
		s.close()
	}
	if s.conn != nil {
		return nil
	}
	if s.conn, err = connect(ctx); err != nil {
		s.conn = nil
		return err
	}
	s.pipe, _ = s.conn.(Pipeline)
	return nil
}

func (s *session) close() (err error) {
	if s.conn != nil {
		err = s.conn.Close()
	}
	*s = session{}
	return err
}

// exec runs a statement that answers no rows.
func (s *session) exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	ctx = s.bound(ctx)
	if err := s.flush(ctx); err != nil {
		return nil, err
	}
	res, err := s.conn.Exec(ctx, query, args...)
	return res, s.check(err)
}

// rows calls scan for every row of a query.
func (s *session) rows(ctx context.Context, query string, args []any, scan func(Row) error) error {
	ctx = s.bound(ctx)
	if len(s.queue) > 0 {
		s.queue = append(s.queue, Statement{Query: query, Args: args, Scan: scan})
		return s.flush(ctx)
	}
	return s.check(s.conn.Query(ctx, query, args, scan))
}

// row scans the first row of a query into dest, or answers sql.ErrNoRows.
func (s *session) row(ctx context.Context, query string, args []any, dest ...any) error {
	found := false
	err := s.rows(ctx, query, args, func(row Row) error {
		found = true
		return row.Scan(dest...)
	})
	if err == nil && !found {
		return sql.ErrNoRows
	}
	return err
}

// flush sends what is in the queue.
func (s *session) flush(ctx context.Context) error {
	if len(s.queue) == 0 {
		return nil
	}
	err := s.pipe.Send(s.bound(ctx), s.queue)
	s.drop()
	return s.check(err)
}

// bound is the context of a statement. A Pipeline's own bounds hold beside it.
func (s *session) bound(ctx context.Context) context.Context {
	if s.calm && s.pipe != nil {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// transact runs statements in a transaction of their own.
func (s *session) transact(ctx context.Context, begin string, list []Statement) error {
	err := s.all(ctx, append([]Statement{{Query: begin}}, list...))
	if err == nil {
		err = s.commit(ctx)
	}
	return err
}

// commit commits, over a Pipeline along with what is in the queue.
func (s *session) commit(ctx context.Context) error {
	if s.pipe == nil {
		_, err := s.exec(ctx, `COMMIT`)
		return err
	}
	err := s.pipe.Commit(ctx, s.queue)
	s.drop()
	return s.check(err)
}

// rollback ends a transaction that is not to happen.
func (s *session) rollback(ctx context.Context, log *slog.Logger) {
	s.drop()
	if s.broken {
		return // closing the connection rolls back
	}
	if _, err := s.exec(ctx, `ROLLBACK`); err != nil {
		s.broken = true // closing the connection rolls back too
		log.ErrorContext(ctx, "rollback failed, reconnecting", "error", err)
	}
}

// drop empties the queue, so that nothing hangs on to documents.
func (s *session) drop() {
	clear(s.queue)
	s.queue = s.queue[:0]
}

// lost reports whether err came of losing the connection, and not of giving up on it.
func (s *session) lost(ctx context.Context, err error) bool {
	return s.broken && ctx.Err() == nil && !errors.Is(err, context.DeadlineExceeded)
}

func (s *session) check(err error) error {
	if err != nil && s.conn.Broken() {
		s.broken = true
	}
	return err
}

package sqlstore

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/jackc/puddle/v2"
)

var (
	errClosed = errors.New("the store is closed")
	errBusy   = errors.New("the database is busy: no connection became free in time")
)

// A pool hands out a fixed number of connections, first come, first served. Of the idle ones it takes the one that
// was used last, whose statements are prepared. What is pooled is a connection that connects when it is taken, so
// that one that was lost is replaced without trying the other idle ones first.
type pool struct {
	connect func(context.Context) (Conn, error)
	wait    time.Duration // how long take waits at most, 0 for as long as its context lets it
	idle    *puddle.Pool[*connection]

	mu       sync.Mutex
	closeErr error // of connections that were closed along with the pool
}

func newPool(connect func(context.Context) (Conn, error), size int, wait time.Duration) *pool {
	p := &pool{connect: connect, wait: wait}
	var err error
	p.idle, err = puddle.NewPool(&puddle.Config[*connection]{
		Constructor: func(context.Context) (*connection, error) { return new(connection), nil },
		Destructor:  p.destroy,
		MaxSize:     int32(size),
	})
	if err != nil {
		panic(err) // the size is not positive
	}
	return p
}

// take waits for a connection until ctx ends, the pool closes or it has waited for too long.
func (p *pool) take(ctx context.Context) (*connection, error) {
	if p.wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, p.wait, errBusy)
		defer cancel()
	}
	slot, err := p.idle.Acquire(ctx)
	switch {
	case errors.Is(err, puddle.ErrClosedPool):
		return nil, errClosed
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	}
	c := slot.Value()
	if err := c.open(ctx, p.connect); err != nil {
		slot.Release()
		return nil, err
	}
	c.slot = slot
	return c, nil
}

// give takes back a connection. One that is broken is closed; whoever noticed has reported why.
func (p *pool) give(c *connection) {
	slot := c.slot
	if c.broken {
		c.close()
	}
	slot.Release()
}

// close waits for every connection to come back.
func (p *pool) close() error {
	p.idle.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closeErr
}

func (p *pool) destroy(c *connection) {
	err := c.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closeErr = errors.Join(p.closeErr, err)
}

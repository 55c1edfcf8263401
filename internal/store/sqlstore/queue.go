package sqlstore

import (
	"context"
	"errors"
	"slices"
	"sync"
)

var errTurn = errors.New("the instance is busy: other changes of it did not end in time")

// A queue makes changes one after another: those of one instance or, when only this process writes to the
// database, all. Whoever has the turn has the open batch to itself.
type queue struct {
	turn     turn
	batch    *batch
	instance string
	users    int // those who wait or have the turn; guarded by DB.queuesMu
}

// queueOf returns the queue for changes of an instance. Every call is followed by one of release.
func (d *DB) queueOf(instance string) *queue {
	if !d.dialect.Shared {
		return &d.queue
	}
	d.queuesMu.Lock()
	defer d.queuesMu.Unlock()
	q := d.queues[instance]
	if q == nil {
		q = &queue{instance: instance}
		d.queues[instance] = q
	}
	q.users++
	return q
}

// Waiting returns how many changes of an instance wait for their turn. Those of a database that is not Shared wait for
// one another whatever their instance.
func (d *DB) Waiting(instance string) int {
	q := d.queueOf(instance)
	defer d.release(q)
	q.turn.mu.Lock()
	defer q.turn.mu.Unlock()
	return len(q.turn.waiting)
}

func (d *DB) release(q *queue) {
	if q == &d.queue {
		return
	}
	d.queuesMu.Lock()
	defer d.queuesMu.Unlock()
	if q.users--; q.users == 0 {
		delete(d.queues, q.instance)
	}
}

// waitForTurn waits for the turn, for no longer than for a connection.
func (d *DB) waitForTurn(ctx context.Context, q *queue) error {
	if wait := d.writers.wait; wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, wait, errTurn)
		defer cancel()
	}
	return q.turn.take(ctx)
}

// A turn is a lock that goes to the waiting in the order in which they came.
type turn struct {
	mu      sync.Mutex
	taken   bool
	closed  bool
	waiting []chan struct{}
}

// take waits for the turn.
func (t *turn) take(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	t.mu.Lock()
	switch {
	case t.closed:
		t.mu.Unlock()
		return errClosed
	case !t.taken:
		t.taken = true
		t.mu.Unlock()
		return nil
	}
	mine := make(chan struct{})
	t.waiting = append(t.waiting, mine)
	t.mu.Unlock()
	select {
	case <-mine:
		return nil
	case <-ctx.Done():
	}
	t.mu.Lock()
	i := slices.Index(t.waiting, mine)
	if i >= 0 {
		t.waiting = slices.Delete(t.waiting, i, i+1)
	}
	t.mu.Unlock()
	if i < 0 { // it was given the turn in the meantime, and whoever gave it relies on that
		return nil
	}
	return context.Cause(ctx)
}

// pass gives the turn to the next, and reports whether there is one. Else the caller still has it.
func (t *turn) pass() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.passLocked()
}

func (t *turn) passLocked() bool {
	if len(t.waiting) == 0 {
		return false
	}
	close(t.waiting[0])
	t.waiting = slices.Delete(t.waiting, 0, 1)
	return true
}

// leave gives the turn to the next, or to whoever comes.
func (t *turn) leave() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.taken = t.passLocked()
}

// close refuses newcomers. Those who wait still get their turn.
func (t *turn) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
}

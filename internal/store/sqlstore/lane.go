package sqlstore

import (
	"context"
	"slices"
	"sync"
)

// A lane is those who want to change the same, and the batch that is open. batch belongs to whoever is
// at the head.
type lane struct {
	lineup
	batch    *batch
	instance string
	users    int // those in it; guarded by DB.lanesMu
}

// laneOf is the line for changes of an instance. Every call of it ends with release.
func (d *DB) laneOf(instance string) *lane {
	if !d.dialect.Shared {
		return &d.lane
	}
	d.lanesMu.Lock()
	defer d.lanesMu.Unlock()
	l := d.lanes[instance]
	if l == nil {
		l = &lane{instance: instance}
		d.lanes[instance] = l
	}
	l.users++
	return l
}

func (d *DB) release(l *lane) {
	if l == &d.lane {
		return
	}
	d.lanesMu.Lock()
	defer d.lanesMu.Unlock()
	if l.users--; l.users == 0 {
		delete(d.lanes, l.instance)
	}
}

// enter waits to be at the head of a lane, as long as for a connection.
func (d *DB) enter(ctx context.Context, l *lane) error {
	if wait := d.writers.wait; wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, wait, errTurn)
		defer cancel()
	}
	return l.enter(ctx)
}

// A lineup is a queue in which the one at its head says who comes next.
type lineup struct {
	mu     sync.Mutex
	busy   bool
	closed bool
	queue  []chan struct{}
}

// enter waits to be at the head.
func (l *lineup) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	switch {
	case l.closed:
		l.mu.Unlock()
		return errClosed
	case !l.busy:
		l.busy = true
		l.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	l.queue = append(l.queue, turn)
	l.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	i := slices.Index(l.queue, turn)
	if i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
	}
	l.mu.Unlock()
	if i < 0 { // it was this one's turn already; whoever gave it counts on it
		return nil
	}
	return context.Cause(ctx)
}

// pass gives the head to the next, if there is one.
func (l *lineup) pass() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.next()
}

func (l *lineup) next() bool {
	if len(l.queue) == 0 {
		return false
	}
	close(l.queue[0])
	l.queue = slices.Delete(l.queue, 0, 1)
	return true
}

// leave gives the head to the next, or to whoever comes.
func (l *lineup) leave() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy = l.next()
}

// close turns newcomers away.
func (l *lineup) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}

package sqlstore

import (
	"context"
	"sync"
)

// turns lets one Update of an instance go on at a time in this process. The database would see to
// that too, but those who wait there each hold a connection: an instance that everybody writes to
// would take them all from the others.
type turns struct {
	mu        sync.Mutex
	instances map[string]*turn
}

type turn struct {
	free  chan struct{} // holds one when nobody's turn it is
	users int           // those who have it or wait; guarded by turns.mu
}

// enter waits for the turn until ctx ends or closed is closed.
func (t *turns) enter(ctx context.Context, closed <-chan struct{}, instance string) error {
	t.mu.Lock()
	if t.instances == nil {
		t.instances = make(map[string]*turn)
	}
	c := t.instances[instance]
	if c == nil {
		c = &turn{free: make(chan struct{}, 1)}
		c.free <- struct{}{}
		t.instances[instance] = c
	}
	c.users++
	t.mu.Unlock()
	var err error
	select {
	case <-c.free:
		return nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-closed:
		err = errClosed
	}
	t.done(instance)
	return err
}

// leave gives the turn to the next.
func (t *turns) leave(instance string) {
	t.mu.Lock()
	t.instances[instance].free <- struct{}{}
	t.mu.Unlock()
	t.done(instance)
}

func (t *turns) done(instance string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.instances[instance]
	if c.users--; c.users == 0 {
		delete(t.instances, instance)
	}
}

package sqlstore

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/store"
)

// A group is one transaction of the Updates that came while the one before was being flushed. Each
// has a savepoint of its own, so that one which fails harms no other, and sees what those before it
// did. None is answered before the flush, not even one that changed nothing: it may have seen what
// will not be there if the flush fails.
//
// It is for a database that only this process writes to, over one connection. Whoever is at the head
// of the line has the connection and the group to itself.
type group struct {
	d       *DB
	s       *session
	members []*tx
	changed map[string]*changed // by instance
	done    chan struct{}       // closed when it is over
	err     error               // why it did not happen; read after done is closed
}

// changed is what the members of a group did to an instance.
type changed struct {
	touched map[lanyard.Ref]version
	types   []lanyard.Type
	wiped   bool
	now     head
}

// maxGroup bounds how long the first of a group waits for the last.
const maxGroup = 128

// together runs change as one of a group.
func (d *DB) together(ctx context.Context, instance string, change func(store.Tx) error) (err error) {
	if err := d.line.enter(ctx); err != nil {
		return d.wrap(ctx, err, "wait to change instance "+instance)
	}
	g := d.group
	if g == nil {
		s, err := d.writers.take(ctx)
		if err != nil {
			d.line.leave()
			return d.wrap(ctx, err, "wait to change instance "+instance)
		}
		g = &group{d: d, s: s, changed: map[string]*changed{}, done: make(chan struct{})}
		d.group = g
	}
	tx := &tx{d: d, s: g.s, instance: instance, group: g, before: g.changed[instance]}
	joined := false
	defer func() { // also when change panics
		if !joined {
			tx.rollback(ctx)
		}
		alone := len(g.members) == 0
		if g.part(ctx); alone {
			return
		}
		<-g.done
		if g.err != nil {
			err = tx.uncommitted(ctx, g.err)
		}
	}()
	if err = change(tx); err == nil {
		joined, err = tx.join(ctx)
	}
	return err
}

// Alone waits for its turn as an Update does, and runs f on the connection that writes, outside of any
// transaction. It is for the upkeep of a database that is not Shared.
func (d *DB) Alone(ctx context.Context, f func(Conn) error) error {
	if err := d.line.enter(ctx); err != nil {
		return d.wrap(ctx, err, "wait for the database")
	}
	defer d.line.leave()
	if d.group != nil {
		d.group.end(ctx)
	}
	s, err := d.writers.take(ctx)
	if err != nil {
		return d.wrap(ctx, err, "wait for the database")
	}
	defer d.writers.give(s)
	return s.check(f(s.conn))
}

// join makes what tx did a part of its group. A transaction that did nothing has no part in it.
func (tx *tx) join(ctx context.Context) (bool, error) {
	if ok, err := tx.complete(ctx); !ok {
		return false, err
	}
	if len(tx.group.members) > 0 {
		if err := tx.fail(ctx, tx.exec(context.WithoutCancel(ctx), `RELEASE member`)); err != nil {
			return false, tx.d.wrap(ctx, err, "change instance "+tx.instance)
		}
	}
	tx.begun = false
	tx.err = errOver
	g := tx.group
	g.members = append(g.members, tx)
	c := tx.before
	if c == nil {
		c = &changed{touched: map[lanyard.Ref]version{}}
		g.changed[tx.instance] = c
	}
	if tx.wiped {
		c.wiped = true
		clear(c.touched)
	}
	for ref, now := range tx.touched {
		c.touched[ref] = now
		if !slices.Contains(c.types, ref.Type) {
			c.types = append(c.types, ref.Type)
		}
	}
	c.now = tx.now
	return true, nil
}

// part lets the next Update in line into the group or, when there is none, commits.
func (g *group) part(ctx context.Context) {
	if len(g.members) > 0 && len(g.members) < maxGroup && g.err == nil && g.d.line.pass() {
		return
	}
	g.end(ctx)
	g.d.line.leave()
}

// end commits, and answers all. Whoever calls it remains at the head of the line.
func (g *group) end(ctx context.Context) {
	if len(g.members) > 0 {
		g.commit(ctx)
	}
	g.d.group = nil
	g.d.writers.give(g.s)
	close(g.done)
}

func (g *group) commit(ctx context.Context) {
	ctx = context.WithoutCancel(ctx) // the others' changes do not end with this one's call
	cache := g.d.cache
	var keys []key
	all := false
	for instance, c := range g.changed {
		keys = append(keys, key{instance: instance})
		for ref := range c.touched {
			keys = append(keys, key{instance: instance, t: ref.Type, id: ref.ID})
		}
		for _, t := range c.types {
			keys = append(keys, key{instance: instance, t: t, limit: 1})
		}
		all = all || c.wiped
	}
	bar := cache.bar(keys, all)
	if g.err == nil {
		g.err = g.s.commit(ctx)
	}
	if g.err != nil {
		// It must be undone before anybody may read on.
		if _, err := g.s.exec(ctx, `ROLLBACK`); err != nil {
			g.s.broken = true // closing the connection rolls back too
			g.d.log.ErrorContext(ctx, "rollback failed, reconnecting", "changes", len(g.members), "error", err)
		}
		for _, tx := range g.members {
			tx.forget()
		}
		bar.lift()
		return
	}
	bar.lift()
	for instance, c := range g.changed {
		cache.hold(instance, c.touched, c.now)
	}
	for _, tx := range g.members {
		tx.created = nil
		g.d.committed(tx.instance, tx.now.revision)
	}
}

// undo takes back what a member did that cannot join. When not even that succeeds the database has
// given up the whole transaction.
func (g *group) undo(ctx context.Context) {
	_, err := g.s.exec(ctx, `ROLLBACK TO SAVEPOINT member`)
	if err == nil {
		_, err = g.s.exec(ctx, `RELEASE member`)
	}
	if err != nil {
		g.err = errors.Join(errors.New("a change that failed took those before it along"), err)
	}
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

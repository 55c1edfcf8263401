package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/store"
)

// A group is one transaction of the Updates that came while the one before was being flushed. Each
// has a savepoint of its own, so that one which fails harms no other, and sees what those before it
// did. None is answered before the flush, not even one that changed nothing: it may have seen what
// will not be there if the flush fails.
//
// A database that only this process writes to has one lane for all of them; of a Shared database
// every instance has its own, for there a transaction locks its instance. Whoever is at the head of
// a lane has its group, and the group's connection, to itself.
type group struct {
	d       *DB
	lane    *lane
	s       *session
	members []*tx
	changed map[string]*changed // by instance
	done    chan struct{}       // closed when it is over
	err     error               // why it did not happen; read after done is closed
	again   bool                // it can be tried again from the start

	// Of a Shared database:
	seen     map[lanyard.Ref]version // what was read: nobody else can change it
	believed bool                    // it begins with what the server knew, where base is where the instance stood
	base     head
	moved    bool // the instance did not stand there any more
}

// changed is what the members of a group did to an instance.
type changed struct {
	touched map[lanyard.Ref]version
	types   []lanyard.Type
	wiped   bool
	now     head
}

// maxGroup bounds how long the first of a group waits for the last, and in a Shared database how long
// other servers wait; PostgreSQL slows down beyond 64 savepoints, of which a member may take two. In
// larger groups all callers wait at the same time and then all come at once, so that their requests
// are not read while others' are carried out: at 24 a flush is shared by enough.
const maxGroup = 24

// together runs change as one of a group, or alone in one. again tells that it did not happen and may
// be tried again, moved that nothing is in the way of that.
func (d *DB) together(ctx context.Context, instance string, change func(store.Tx) error, alone bool) (again, moved bool, err error) {
	l := d.laneOf(instance)
	defer d.release(l)
	if err := d.enter(ctx, l); err != nil {
		return false, false, d.wrap(ctx, err, "wait to change instance "+instance)
	}
	if alone && l.group != nil {
		l.group.end(ctx)
	}
	g := l.group
	if g == nil {
		s, err := d.writers.take(ctx)
		if err != nil {
			l.leave()
			return false, false, d.wrap(ctx, err, "wait to change instance "+instance)
		}
		g = &group{d: d, lane: l, s: s, changed: map[string]*changed{}, done: make(chan struct{})}
		if d.dialect.Shared {
			g.seen = map[lanyard.Ref]version{}
			if k := d.keeper.take(instance); k != nil && !alone {
				g.believed, g.base, g.seen = true, k.now, k.seen
			}
		}
		l.group = g
	}
	tx := &tx{d: d, s: g.s, instance: instance, group: g, before: g.changed[instance], seen: g.seen}
	tx.locked = tx.before != nil || g.believed
	if g.believed {
		tx.now, tx.loaded = g.base, tx.before == nil
	}
	joined := false
	defer func() { // also when change panics
		if !joined {
			tx.rollback(ctx)
		}
		members := len(g.members)
		g.part(ctx, alone)
		if members > 0 {
			<-g.done
			switch {
			case g.err == nil:
			case !joined && errors.Is(g.err, ErrUnknown): // that is the others'
				tx.again = d.dialect.Shared
				err = &lanyard.Error{Kind: lanyard.Unavailable, Err: g.err,
					Message: "change instance " + instance + ": nothing was changed, but what it was to be built on may be undone"}
			default:
				tx.again = g.again
				err = tx.uncommitted(ctx, g.err)
			}
		}
		again, moved = tx.again, g.moved
	}()
	if err = change(tx); err == nil {
		joined, err = tx.join(ctx)
	}
	if !joined && g.believed && len(g.members) == 0 {
		// What it was refused for, or why there was nothing to do, may have changed.
		tx.rollback(ctx)
		if g.unsupported(ctx, err) {
			tx.again = true
			return false, false, err
		}
		switch stands, failed := g.stands(ctx); {
		case failed != nil:
			tx.again = g.s.lost(ctx, failed)
			err = d.wrap(ctx, failed, "read the revision of instance "+instance)
		case !stands:
			g.overtaken()
			tx.again = true
			err = lanyard.Errorf(lanyard.Unavailable, "instance %s is busy: other servers change it all the time", instance)
		default:
			d.keeper.give(instance, &known{g.base, g.seen}, true)
		}
	}
	return false, false, err
}

// overtaken notes that the instance does not stand where the group believed it to.
func (g *group) overtaken() {
	g.moved = true
	g.d.keeper.doubt(g.lane.instance)
}

// unsupported tells whether err says that the database cannot begin a change with what was known, which
// is then not tried again: not every one that speaks PostgreSQL's protocol takes what PostgreSQL does.
func (g *group) unsupported(ctx context.Context, err error) bool {
	if err == nil || !g.d.dialect.IsUnsupported(err) {
		return false
	}
	if g.d.keeper.off() {
		g.d.log.WarnContext(ctx, "the database does not take a change in one round trip; changes are made in two from now on", "error", err)
	}
	g.moved = true
	return true
}

// Alone waits for its turn as an Update does, and runs f on the connection that writes, outside of any
// transaction. It is for the upkeep of a database that is not Shared.
func (d *DB) Alone(ctx context.Context, f func(Conn) error) error {
	l := d.laneOf("")
	defer d.release(l)
	if err := d.enter(ctx, l); err != nil {
		return d.wrap(ctx, err, "wait for the database")
	}
	defer l.leave()
	if l.group != nil {
		l.group.end(ctx)
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
	if err := tx.s.lacks; err != nil {
		return false, tx.d.wrap(ctx, err, "change instance "+tx.instance)
	}
	if len(tx.group.members) > 0 && !tx.s.unsaved {
		if err := tx.fail(ctx, tx.exec(context.WithoutCancel(ctx), `RELEASE SAVEPOINT member`)); err != nil {
			return false, tx.d.wrap(ctx, err, "change instance "+tx.instance)
		}
	}
	tx.begun = false
	tx.err = errOver
	g := tx.group
	g.s.calm, g.s.owed = true, len(g.s.queue)
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
func (g *group) part(ctx context.Context, last bool) {
	if n := len(g.members); !last && n > 0 && n < maxGroup && g.err == nil && g.lane.pass() {
		return
	}
	g.end(ctx)
	g.lane.leave()
}

// end commits, and answers all. Whoever calls it remains at the head of the line.
func (g *group) end(ctx context.Context) {
	if len(g.members) > 0 {
		g.commit(ctx)
	}
	g.lane.group = nil
	g.s.calm, g.s.unsaved, g.s.lacks = false, false, nil
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
		if err := g.s.commit(ctx, g.believed); err != nil {
			g.fail(ctx, err)
		}
	}
	if g.err != nil {
		// It must be undone before anybody may read on.
		g.s.rollback(ctx, g.d.log)
		g.d.refusing(ctx, g.err)
		for _, tx := range g.members {
			tx.forget()
		}
		bar.lift()
		return
	}
	g.d.refusing(ctx, nil)
	bar.lift()
	if g.d.dialect.Shared {
		g.keep()
	}
	for instance, c := range g.changed {
		cache.hold(instance, c.touched, c.now)
	}
	for _, tx := range g.members {
		tx.created = nil
		g.d.committed(tx.instance, tx.now.revision)
	}
}

// fail remembers why the group cannot happen. In a Shared database one of several goes on alone: what
// it failed for may have been another's.
func (g *group) fail(ctx context.Context, err error) {
	err = g.d.uncertain(err)
	g.err = err
	if !g.d.dialect.Shared || errors.Is(err, ErrUnknown) {
		return
	}
	if g.believed && !g.moved && !g.unsupported(ctx, err) && g.d.dialect.IsOvertaken(err) {
		g.overtaken()
	}
	// The only key that can be taken by now is the revision.
	g.again = g.again || g.moved || len(g.members) > 1 || g.d.dialect.IsConflict(err) || g.d.dialect.IsUnique(err) || g.s.lost(ctx, err)
}

// refusing says in the log, now and then, that changes cannot be stored and why, and when they can again.
// Whoever has the head of the line calls it; of a Shared database others say it.
func (d *DB) refusing(ctx context.Context, err error) {
	const again = 10 * time.Second
	switch {
	case d.dialect.Shared:
	case err != nil && time.Since(d.said) > again:
		d.log.ErrorContext(ctx, "changes cannot be stored and are refused until this ends; reads and decisions go on", "error", err)
		d.said = time.Now()
	case err == nil && !d.said.IsZero():
		d.log.InfoContext(ctx, "changes are stored again")
		d.said = time.Time{}
	}
}

// uncertain marks an error of a commit that may have happened all the same. Of an Update that did not,
// SQLite shows nothing as long as the process lives; but what it wrote of it may be whole on the disk, and
// then be recovered after a crash, unless another change was committed in its place.
func (d *DB) uncertain(err error) error {
	if err != nil && d.dialect.IsUncertain != nil && d.dialect.IsUncertain(err) {
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return err
}

// undo takes back what a member did that cannot join. When not even that succeeds the database has
// given up the whole transaction.
func (g *group) undo(ctx context.Context) {
	err := g.s.lacks
	if err == nil && g.s.unsaved { // nothing was sent of it
		g.s.cut()
		return
	}
	if err == nil {
		_, err = g.s.exec(ctx, `ROLLBACK TO SAVEPOINT member`)
	}
	if err == nil {
		_, err = g.s.exec(ctx, `RELEASE SAVEPOINT member`)
	}
	if err != nil {
		g.again = g.d.dialect.Shared
		g.fail(ctx, errors.Join(errors.New("a change that failed took those before it along"), err))
	}
}

// A lane is those who want to change the same, and the group that is open. group belongs to whoever is
// at the head.
type lane struct {
	lineup
	group    *group
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

package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// A batch is the changes that came while the one before was being flushed; they are committed together.
// Each is computed in memory, over what those before it left, so one that fails is simply not in it. None
// is answered before the flush, not even one that changed nothing: it may have seen what will not be there
// if the flush fails.
//
// A database that only this process writes to has one lane for all of them; of a Shared database every
// instance has its own. Whoever is at the head of a lane has its batch, and the batch's connection, to
// itself.
//
// Of a Shared database a batch either begins with what the server knew of the instance (optimistic), and
// is committed in one round trip if the instance still stands there; or it holds the instance's lock from
// its first read on.
type batch struct {
	d       *DB
	lane    *lane
	s       *session
	members []*overlay
	size    int               // bytes of what they write
	layers  map[string]*layer // by instance: what the members did
	heads   map[string]head   // where they left it
	done    chan struct{}     // closed when it is over
	err     error             // why it did not happen; read after done is closed
	again   bool              // it can be tried again from the start
	moved   bool              // the instance did not stand where it was known to

	// Of a Shared database:
	optimistic bool
	start      head                    // where the instance stands before the first member
	begun      bool                    // the transaction that locks the instance
	held       bool                    // the lock
	seen       map[lanyard.Ref]version // what was read: nobody else can have changed it when it is committed
}

// maxBatch bounds how long the first of a batch waits for the last, and in a Shared database how long other
// servers wait. In larger batches all callers wait at the same time and then all come at once, so that
// their requests are not read while others' are carried out: at 24 a flush is shared by enough.
const maxBatch = 24

// maxBatchSize is after how many bytes no more members are let in: a batch is in memory until it is committed.
const maxBatchSize = 4 << 20

// outcome is what became of an attempt at a change.
type outcome struct {
	again bool // it did not happen and may be tried again
	moved bool // nothing is in the way of that
}

// attempt runs change as one of a batch, or alone in one.
func (d *DB) attempt(
	ctx context.Context, instance string, change func(store.Tx) error, alone bool,
) (out outcome, err error) {
	l := d.laneOf(instance)
	defer d.release(l)
	if err := d.enter(ctx, l); err != nil {
		return out, d.wrap(ctx, err, "wait to change instance "+instance)
	}
	if alone && l.batch != nil {
		l.batch.end(ctx)
	}
	if l.batch == nil {
		if l.batch, err = d.open(ctx, l, alone); err != nil {
			l.leave()
			return out, d.wrap(ctx, err, "wait to change instance "+instance)
		}
	}
	b := l.batch
	o := b.overlay(instance)
	joined := false
	defer func() { // also when change panics
		if !joined {
			o.forget()
		}
		err = b.leave(ctx, o, joined, alone, err)
		out = outcome{again: o.again, moved: b.moved}
	}()
	if err = change(o); err == nil {
		joined, err = b.join(ctx, o)
	}
	if !joined && len(b.members) == 0 {
		err = b.alone(ctx, o, err)
	}
	return out, err
}

// open begins a batch.
func (d *DB) open(ctx context.Context, l *lane, alone bool) (*batch, error) {
	s, err := d.writers.take(ctx)
	if err != nil {
		return nil, err
	}
	b := &batch{d: d, lane: l, s: s, layers: map[string]*layer{}, heads: map[string]head{}, done: make(chan struct{})}
	if d.dialect.Shared {
		b.seen = map[lanyard.Ref]version{}
		if k := d.keeper.take(l.instance); k != nil && !alone {
			b.optimistic, b.start, b.seen = true, k.now, k.seen
		}
	}
	return b, nil
}

// overlay is the next change's view of an instance.
func (b *batch) overlay(instance string) *overlay {
	o := &overlay{d: b.d, instance: instance, base: &view{b, instance}, under: b.layers[instance]}
	if now, ok := b.heads[instance]; ok {
		o.now, o.loaded = now, true
	} else if b.optimistic {
		o.now, o.loaded = b.start, true
	}
	return o
}

// join makes a change a part of the batch. One that did nothing has no part in it.
func (b *batch) join(ctx context.Context, o *overlay) (bool, error) {
	if ok, err := o.complete(ctx); !ok {
		return false, err
	}
	if b.err != nil {
		return false, b.d.wrap(ctx, b.err, "change instance "+o.instance)
	}
	o.err = errOver
	under := b.layers[o.instance]
	if under == nil {
		under = new(layer)
		b.layers[o.instance] = under
	}
	under.add(&o.own)
	b.heads[o.instance] = o.now
	b.members = append(b.members, o)
	b.size += o.own.size()
	b.s.calm = true
	return true, nil
}

// alone ends a change that is no part of the batch, which has no other. Where the batch began with what
// the server knew, what the change was refused for, or why there was nothing to do, may not hold any more.
func (b *batch) alone(ctx context.Context, o *overlay, err error) error {
	o.err = errOver
	if !b.optimistic {
		o.again = o.again || b.again
		return err
	}
	switch stands, failed := b.stands(ctx); {
	case failed != nil:
		o.again = b.s.lost(ctx, failed)
		return b.d.wrap(ctx, failed, "read the revision of instance "+o.instance)
	case !stands:
		b.conflict()
		o.again = true
		return lanyard.Errorf(lanyard.Unavailable, "instance %s is busy: other servers change it all the time", o.instance)
	}
	b.d.keeper.give(o.instance, &known{b.start, b.seen}, true)
	return err
}

// leave lets the next in line into the batch or, when there is none, commits; then it waits for the
// flush, unless nothing was changed.
func (b *batch) leave(ctx context.Context, o *overlay, joined, last bool, err error) error {
	o.err = errOver
	members := len(b.members)
	full := members >= maxBatch || b.size >= maxBatchSize
	if last || members == 0 || full || b.err != nil || !b.lane.pass() {
		b.end(ctx)
		b.lane.leave()
	}
	if members == 0 {
		return err
	}
	<-b.done
	switch {
	case b.err == nil:
		return err
	case !joined && errors.Is(b.err, ErrUnknown): // that is the others'
		o.again = b.d.dialect.Shared
		return &lanyard.Error{Kind: lanyard.Unavailable, Err: b.err, Message: "change instance " + o.instance +
			": nothing was changed; an earlier change in the same commit has an unknown outcome"}
	}
	o.again = b.again
	return b.uncommitted(ctx, o, b.err)
}

// end commits, and answers all. Whoever calls it remains at the head of the line.
func (b *batch) end(ctx context.Context) {
	ctx = context.WithoutCancel(ctx) // the others' changes do not end with this one's call
	if len(b.members) > 0 {
		b.commit(ctx)
	} else if b.begun {
		b.s.rollback(ctx, b.d.log)
	}
	b.lane.batch = nil
	b.s.calm = false
	b.d.writers.give(b.s)
	close(b.done)
}

func (b *batch) commit(ctx context.Context) {
	bar := b.d.cache.bar(b.keys())
	if b.err == nil {
		if err := b.write(ctx); err != nil {
			b.fail(ctx, err)
		}
	}
	if !b.again {
		b.d.refusing(ctx, b.err)
	}
	if b.err != nil {
		b.s.rollback(ctx, b.d.log) // it must be undone before anybody may read on
		for _, o := range b.members {
			o.forget()
		}
		bar.lift()
		return
	}
	bar.lift()
	if b.d.dialect.Shared {
		b.keep()
	}
	for instance, l := range b.layers {
		b.d.cache.hold(instance, l.touched, b.heads[instance])
	}
	for _, o := range b.members {
		b.d.committed(o.instance, o.now.revision)
	}
}

// keys are what the cache must not show while it is being committed.
func (b *batch) keys() (keys []key, all bool) {
	for instance, l := range b.layers {
		keys = append(keys, key{instance: instance})
		var types []lanyard.Type
		for _, ref := range l.order {
			keys = append(keys, key{instance: instance, t: ref.Type, id: ref.ID})
			if !slices.Contains(types, ref.Type) {
				types = append(types, ref.Type)
				keys = append(keys, key{instance: instance, t: ref.Type, limit: 1})
			}
		}
		all = all || l.wiped
	}
	return keys, all
}

// write makes the batch part of the database.
func (b *batch) write(ctx context.Context) error {
	var list []Statement
	var start *head
	if b.optimistic {
		start = &b.start
	}
	for _, instance := range slices.Sorted(maps.Keys(b.layers)) {
		some, err := b.layers[instance].statements(instance, start)
		if err != nil {
			return err
		}
		list = append(list, some...)
	}
	switch {
	case b.s.pipe == nil:
		return b.s.transact(ctx, b.d.dialect.Begin, list)
	case b.optimistic:
		return b.s.check(b.s.pipe.Transact(ctx, list))
	}
	b.begun = false
	return b.s.check(b.s.pipe.Commit(ctx, list))
}

// fail remembers why the batch cannot happen. One of several goes on alone: what it failed for may have
// been another's.
func (b *batch) fail(ctx context.Context, err error) {
	err = b.d.uncertain(err)
	b.err = err
	if errors.Is(err, ErrUnknown) {
		return
	}
	unique := b.d.dialect.IsUnique(err)
	if !b.d.dialect.Shared {
		b.again = unique && len(b.members) > 1
		return
	}
	if b.optimistic && b.unsupported(ctx, err) || b.optimistic && b.d.dialect.IsOvertaken(err) {
		b.conflict()
	}
	b.again = b.again || b.moved || len(b.members) > 1 || b.d.dialect.IsConflict(err) || b.s.lost(ctx, err)
}

// conflict notes that the instance does not stand where it was known to.
func (b *batch) conflict() {
	b.moved = true
	b.d.keeper.doubt(b.lane.instance)
}

// unsupported reports whether err says that the database cannot begin a change with what was known, which
// is then not tried again: not every one that speaks PostgreSQL's protocol takes what PostgreSQL does.
func (b *batch) unsupported(ctx context.Context, err error) bool {
	if err == nil || !b.d.dialect.IsUnsupported(err) {
		return false
	}
	if b.d.keeper.off() {
		b.d.log.WarnContext(ctx,
			"the database does not take a change in one round trip; changes are made in two from now on", "error", err)
	}
	return true
}

// stands reports whether the instance still stands where it was known to.
func (b *batch) stands(ctx context.Context) (bool, error) {
	now := head{hash: make([]byte, 32)}
	err := b.s.row(ctx, headQuery, []any{b.lane.instance}, &now.revision, &now.seq, &now.hash)
	if isNoRows(err) {
		err = nil
	}
	return now.revision == b.start.revision && string(now.hash) == string(b.start.hash), err
}

// keep gives what the batch left to the next.
func (b *batch) keep() {
	l := b.layers[b.lane.instance]
	if l == nil || l.wiped {
		return
	}
	seen := b.seen
	for ref, v := range l.touched {
		seen[ref] = version{r: v.r, doc: v.doc}
	}
	maps.DeleteFunc(seen, func(_ lanyard.Ref, v version) bool { return v.r == nil })
	b.d.keeper.give(b.lane.instance, &known{b.heads[b.lane.instance], seen}, b.optimistic)
}

// uncommitted words an error of the commit.
func (b *batch) uncommitted(ctx context.Context, o *overlay, err error) error {
	doing := "commit a change of instance " + o.instance
	switch {
	case errors.Is(err, ErrUnknown):
		return unknown(doing, err)
	case b.d.dialect.IsUnique(err) && !b.again: // an alias that another instance took a moment ago
		for _, ref := range o.own.order {
			if in := o.own.touched[ref].r; ref.Type == lanyard.TypeInstance && in != nil {
				return taken(in, err)
			}
		}
	case !b.d.dialect.Shared && b.d.dialect.IsUnavailable(err):
		return &lanyard.Error{Kind: lanyard.Unavailable, Err: err,
			Message: doing + ": the disk is full or does not take it; nothing was changed"}
	}
	return b.d.wrap(ctx, err, doing)
}

func unknown(doing string, err error) error {
	return &lanyard.Error{Kind: lanyard.Unknown, Err: err, Message: doing +
		": the database or its disk failed before it was certain, so whether it happened is unknown; " +
		"look before you try again"}
}

// A view is what a batch shows of the committed state of an instance.
type view struct {
	*batch
	instance string
}

// do runs f on the batch's connection; of a Shared database in the transaction that holds the lock, which
// the first call begins, unless the batch is optimistic.
func (v *view) do(ctx context.Context, f func(*session) error) error {
	b := v.batch
	if b.err != nil {
		return b.err
	}
	if !b.d.dialect.Shared || b.optimistic {
		return f(b.s)
	}
	err := b.begin(ctx)
	if err == nil {
		err = f(b.s)
	}
	if (err == nil || isNoRows(err)) && !b.held {
		if err = b.enter(ctx); err == nil {
			err = f(b.s)
		}
	}
	var e *lanyard.Error
	if err != nil && !isNoRows(err) && !errors.As(err, &e) { // it took the transaction, and so the lock, with it
		b.again = b.again || b.d.dialect.IsConflict(err) || b.s.lost(ctx, err) || len(b.members) > 0
		b.err = err
	}
	return err
}

// begin begins the transaction, which keeps other processes off the instance, and reads where that stands,
// in this order: what is read after the lock cannot change any more. All of it goes along with what is
// read first.
func (b *batch) begin(ctx context.Context) error {
	if b.begun {
		return nil
	}
	b.begun = true // even when it fails: it may have begun and then been interrupted
	b.s.queue = append(b.s.queue, Statement{Query: b.d.dialect.Begin})
	b.lock()
	return nil
}

func (b *batch) lock() {
	b.start = head{hash: make([]byte, 32)}
	b.s.queue = append(b.s.queue,
		Statement{Query: b.d.dialect.Lock, Args: []any{b.lane.instance}, Scan: func(Row) error {
			b.held = true
			return nil
		}},
		Statement{Query: headQuery, Args: []any{b.lane.instance}, Scan: func(row Row) error {
			return row.Scan(&b.start.revision, &b.start.seq, &b.start.hash)
		}})
}

// enter is for an instance that has never been written to: there was nothing to lock, so what was read
// must be read again after this.
func (b *batch) enter(ctx context.Context) error {
	for _, query := range b.d.dialect.Enter {
		b.s.queue = append(b.s.queue, Statement{Query: query, Args: []any{b.lane.instance}})
	}
	b.lock()
	err := b.s.flush(context.WithoutCancel(ctx))
	if (err == nil || isNoRows(err)) && !b.held {
		err = errors.New("the instance cannot be locked")
	}
	return err
}

func (v *view) head(ctx context.Context) (head, error) {
	if !v.d.dialect.Shared {
		return v.d.head(ctx, v, v.instance)
	}
	err := v.do(ctx, func(s *session) error { return s.flush(ctx) })
	return v.start, err
}

func (v *view) get(ctx context.Context, t lanyard.Type, id string) (lanyard.Resource, error) {
	if !v.d.dialect.Shared {
		return v.d.get(ctx, v, v.instance, t, id)
	}
	ref := lanyard.Ref{Type: t, ID: id}
	if was, ok := v.seen[ref]; ok {
		return was.r, nil
	}
	var now version
	err := v.do(ctx, func(s *session) error {
		now = version{}
		return s.rows(ctx, getQuery, []any{v.instance, string(t), id}, func(row Row) (err error) {
			if err = row.Scan(&now.doc); err == nil {
				now.r, err = decode(t, now.doc)
			}
			return err
		})
	})
	if err == nil && now.r == nil {
		err = notFound(t, id)
	}
	if err != nil {
		return nil, v.d.wrap(ctx, err, "read "+string(t)+" "+id)
	}
	v.seen[ref] = now
	return now.r, nil
}

func (v *view) docOf(ref lanyard.Ref, r lanyard.Resource) []byte {
	if was, ok := v.seen[ref]; ok && was.r == r {
		return was.doc
	}
	k := key{instance: v.instance, t: ref.Type, id: ref.ID}
	if got, _ := v.d.cache.get(&k); got != nil {
		if now := got.(*version); now.r == r {
			return now.doc
		}
	}
	return nil
}

// refusing says in the log, now and then, that changes cannot be stored and why, and when they can again.
// Whoever has the head of the line calls it; of a Shared database others say it.
func (d *DB) refusing(ctx context.Context, err error) {
	const again = 10 * time.Second
	switch {
	case d.dialect.Shared:
	case err != nil && time.Since(d.said) > again:
		d.log.ErrorContext(ctx,
			"changes cannot be stored and are refused until this ends; reads and decisions go on", "error", err)
		d.said = time.Now()
	case err == nil && !d.said.IsZero():
		d.log.InfoContext(ctx, "changes are stored again")
		d.said = time.Time{}
	}
}

// uncertain marks an error of a commit that may have happened all the same. Of a change that did not,
// SQLite shows nothing as long as the process lives; but what it wrote of it may be whole on the disk, and
// then be recovered after a crash, unless another change was committed in its place.
func (d *DB) uncertain(err error) error {
	if err != nil && d.dialect.IsUncertain != nil && d.dialect.IsUncertain(err) {
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return err
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
	if l.batch != nil {
		l.batch.end(ctx)
	}
	s, err := d.writers.take(ctx)
	if err != nil {
		return d.wrap(ctx, err, "wait for the database")
	}
	defer d.writers.give(s)
	return s.check(f(s.conn))
}

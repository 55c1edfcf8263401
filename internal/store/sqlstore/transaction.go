package sqlstore

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/lanyard/lanyard"
)

// A transaction is how a batch reads what is committed, and commits what its members did. There are three:
// soleWriter for a database that only this process writes to; for a Shared database lockedInstance, which keeps
// other servers off the instance from its first read on, and optimisticInstance, which is computed from what the
// server remembers of the instance and committed in one round trip, if the head is still the same.
type transaction interface {
	// base is where an overlay of the instance reads the committed state.
	base(instance string) base
	// failure is why the transaction cannot be committed any more, or success.
	failure() outcome
	// commit commits the writes, or undoes all of them.
	commit(ctx context.Context, w writes) outcome
	// confirm makes sure that the outcome of a change that is not a member of the batch, which has none, is not
	// based on stale data.
	confirm(ctx context.Context, err error) outcome
	// discard ends a transaction in which there is nothing to commit.
	discard(ctx context.Context)
	// release gives the connection back, after everything else.
	release()
}

func (d *DB) newTransaction(ctx context.Context, instance string, with company) (transaction, error) {
	if d.dialect.Shared {
		in := sharedInstance{d: d, instance: instance, read: map[lanyard.Ref]version{}}
		if cached := d.heads.take(instance); cached != nil && with == others {
			in.start, in.read = cached.head, cached.resources
			return &optimisticInstance{in}, nil
		}
		if err := in.connect(ctx); err != nil {
			return nil, err
		}
		return &lockedInstance{sharedInstance: in}, nil
	}
	conn, err := d.writers.take(ctx)
	if err != nil {
		return nil, err
	}
	return &soleWriter{d, conn}, nil
}

// A soleWriter commits to a database that only this process writes to. Nothing can change while its batch has the
// turn, so it reads outside of any transaction.
type soleWriter struct {
	d    *DB
	conn *connection
}

func (w *soleWriter) withConn(ctx context.Context, f func(context.Context, *connection) error) error {
	return f(ctx, w.conn)
}

func (w *soleWriter) base(instance string) base { return committedState{w.d, w, instance} }

func (w *soleWriter) failure() outcome { return outcome{} }

func (w *soleWriter) confirm(_ context.Context, err error) outcome { return outcome{err: err} }

func (w *soleWriter) discard(context.Context) {}

func (w *soleWriter) release() { w.d.writers.give(w.conn) }

func (w *soleWriter) commit(ctx context.Context, wr writes) outcome {
	bar := w.barCache(wr)
	out := w.write(ctx, wr)
	if out.retry == noRetry {
		w.d.logRefusals(ctx, out.err)
	}
	if out.err != nil {
		w.conn.rollback(ctx, w.d.log) // before the barrier is lifted, and anybody reads on
		bar.lift()
		return out
	}
	bar.lift()
	for instance, l := range wr.layers {
		w.d.cache.putCommitted(instance, l.touched, wr.heads[instance])
	}
	return out
}

// write makes the writes part of the database. After a key that is taken, each of several members is tried again
// alone: the key may have been another's.
func (w *soleWriter) write(ctx context.Context, wr writes) outcome {
	list, err := wr.statements()
	if err == nil {
		err = w.d.markUncertain(w.conn.transact(ctx, w.d.dialect.Begin, list))
	}
	out := outcome{err: err}
	if err != nil && !errors.Is(err, ErrUnknown) && w.d.dialect.IsUnique(err) && wr.members > 1 {
		out.retry = retryAlone
	}
	return out
}

// barCache keeps the cache from showing what the writes change while they are being committed.
func (w *soleWriter) barCache(wr writes) barrier {
	var keys []key
	for instance, l := range wr.layers {
		if l.hidesBelow() {
			return w.d.cache.barAll()
		}
		keys = append(keys, key{instance: instance})
		var types []lanyard.Type
		for _, ref := range l.order {
			keys = append(keys, key{instance: instance, t: ref.Type, id: ref.ID})
			if !slices.Contains(types, ref.Type) {
				types = append(types, ref.Type)
				keys = append(keys, key{instance: instance, t: ref.Type, limit: 1})
			}
		}
	}
	return w.d.cache.bar(keys)
}

// statements are those of all layers.
func (w writes) statements() (list []Statement, err error) {
	for _, instance := range slices.Sorted(maps.Keys(w.layers)) {
		some, err := w.layers[instance].statements(instance)
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	return list, nil
}

// A sharedInstance is what the two transactions of a Shared database have in common. Each is of one instance.
type sharedInstance struct {
	d        *DB
	conn     *connection // nil when there is none
	instance string
	start    head                    // of the instance before the first member
	read     map[lanyard.Ref]version // nobody else can have changed these when the transaction is committed
}

// connect takes a connection, unless there is one.
func (in *sharedInstance) connect(ctx context.Context) (err error) {
	if in.conn == nil {
		in.conn, err = in.d.writers.take(ctx)
	}
	return err
}

func (in *sharedInstance) release() {
	if in.conn != nil {
		in.d.writers.give(in.conn)
		in.conn = nil
	}
}

// readResource reads a resource from a source, once.
func (in *sharedInstance) readResource(
	ctx context.Context, from source, t lanyard.Type, id string,
) (lanyard.Resource, error) {
	ref := lanyard.Ref{Type: t, ID: id}
	if was, ok := in.read[ref]; ok {
		return was.r, nil
	}
	var now version
	err := from.withConn(ctx, func(ctx context.Context, s *connection) error {
		now = version{}
		return s.queryRows(ctx, getQuery, []any{in.instance, string(t), id}, func(row Row) (err error) {
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
		return nil, in.d.wrapError(ctx, err, "read "+string(t)+" "+id)
	}
	in.read[ref] = now
	return now.r, nil
}

func (in *sharedInstance) docOf(ref lanyard.Ref, r lanyard.Resource) []byte {
	if was, ok := in.read[ref]; ok && was.r == r {
		return was.doc
	}
	return nil
}

// cacheHead remembers what the writes left for the next change of the instance.
func (in *sharedInstance) cacheHead(w writes) {
	l := w.layers[in.instance]
	if l == nil || l.hidesBelow() {
		return
	}
	for ref, v := range l.touched {
		in.read[ref] = version{r: v.r, doc: v.doc}
	}
	maps.DeleteFunc(in.read, func(_ lanyard.Ref, v version) bool { return v.r == nil })
	in.d.heads.put(in.instance, &cachedHead{w.heads[in.instance], in.read})
}

// retryAfter says whether changes may be tried again whose commit failed with err. Of several each is then alone:
// the reason may have been another's.
func (in *sharedInstance) retryAfter(ctx context.Context, err error, members int) retry {
	if !errors.Is(err, ErrUnknown) && (members > 1 || in.d.dialect.IsConflict(err) || in.conn.wasLost(ctx, err)) {
		return retryAlone
	}
	return noRetry
}

// A lockedInstance locks the instance with its first read, and then reads its head.
type lockedInstance struct {
	sharedInstance
	lock   lockState
	failed outcome // of a read, which took the transaction and its lock with it
}

type lockState uint8

const (
	notBegun  lockState = iota
	lockSent            // the transaction has begun, or may have
	lockTaken           // nobody else changes the instance
)

func (in *lockedInstance) base(string) base { return in }

func (in *lockedInstance) failure() outcome { return in.failed }

func (in *lockedInstance) confirm(_ context.Context, err error) outcome {
	return outcome{err, in.failed.retry}
}

func (in *lockedInstance) discard(ctx context.Context) {
	if in.lock != notBegun {
		in.conn.rollback(ctx, in.d.log)
	}
}

func (in *lockedInstance) commit(ctx context.Context, w writes) outcome {
	out := in.failed
	if out.err != nil {
		out.retry = retryAlone
	} else if list, err := w.statements(); err != nil {
		out.err = err
	} else {
		in.conn.addPending(list...)
		if err := in.conn.commit(ctx); err != nil {
			out = outcome{err, in.retryAfter(ctx, err, w.members)}
		}
	}
	if out.err != nil {
		in.conn.rollback(ctx, in.d.log)
		return out
	}
	in.cacheHead(w)
	return out
}

// withConn runs f in the transaction, which the first call begins.
func (in *lockedInstance) withConn(ctx context.Context, f func(context.Context, *connection) error) error {
	if in.failed.err != nil {
		return in.failed.err
	}
	if in.lock == notBegun {
		in.begin()
	}
	err := f(ctx, in.conn)
	if (err == nil || isNoRows(err)) && in.lock != lockTaken {
		if err = in.makeLockable(ctx); err == nil {
			err = f(ctx, in.conn)
		}
	}
	var e *lanyard.Error
	if err != nil && !isNoRows(err) && !errors.As(err, &e) {
		in.failed = outcome{err, in.retryAfter(ctx, err, 1)}
	}
	return err
}

// begin begins the transaction, locks the instance, and reads its head, in this order: what is read after the
// lock cannot change any more. All of it is sent along with the first read.
func (in *lockedInstance) begin() {
	in.conn.addPending(Statement{Query: in.d.dialect.Begin})
	in.sendLock()
}

func (in *lockedInstance) sendLock() {
	in.lock = lockSent
	in.start = head{hash: make([]byte, 32)}
	in.conn.addPending(
		Statement{Query: in.d.dialect.Lock, Args: []any{in.instance}, Scan: func(Row) error {
			in.lock = lockTaken
			return nil
		}},
		Statement{Query: headQuery, Args: []any{in.instance}, Scan: func(row Row) error {
			return row.Scan(&in.start.revision, &in.start.seq, &in.start.hash)
		}})
}

// makeLockable is for an instance that has never been written to: there was nothing to lock, so what was read must
// be read again after this.
func (in *lockedInstance) makeLockable(ctx context.Context) error {
	for _, query := range in.d.dialect.Enter {
		in.conn.addPending(Statement{Query: query, Args: []any{in.instance}})
	}
	in.sendLock()
	err := in.conn.sendPending(context.WithoutCancel(ctx))
	if (err == nil || isNoRows(err)) && in.lock != lockTaken {
		err = errors.New("the instance cannot be locked")
	}
	return err
}

func (in *lockedInstance) head(ctx context.Context) (head, error) {
	err := in.withConn(ctx, func(ctx context.Context, s *connection) error { return s.sendPending(ctx) })
	return in.start, err
}

func (in *lockedInstance) getResource(ctx context.Context, t lanyard.Type, id string) (lanyard.Resource, error) {
	return in.readResource(ctx, in, t, id)
}

// An optimisticInstance assumes that the head of the instance is still the one that this server's last change
// left. The database checks that with the commit, or confirm does.
type optimisticInstance struct{ sharedInstance }

func (in *optimisticInstance) base(string) base { return in }

func (in *optimisticInstance) failure() outcome { return outcome{} }

func (in *optimisticInstance) discard(context.Context) {}

// withConn runs f outside of any transaction, so it runs it again on another connection when one was lost.
func (in *optimisticInstance) withConn(ctx context.Context, f func(context.Context, *connection) error) error {
	for n := 1; ; n++ {
		if err := in.connect(ctx); err != nil {
			return err
		}
		err := f(ctx, in.conn)
		lost := err != nil && in.conn.wasLost(ctx, err)
		if in.conn.broken {
			in.release()
		}
		if !lost || n == attempts {
			return err
		}
	}
}

func (in *optimisticInstance) head(context.Context) (head, error) { return in.start, nil }

func (in *optimisticInstance) getResource(ctx context.Context, t lanyard.Type, id string) (lanyard.Resource, error) {
	return in.readResource(ctx, in, t, id)
}

// commit gives the connection back first: who makes the call takes one, and there may be no more.
func (in *optimisticInstance) commit(ctx context.Context, w writes) outcome {
	in.release()
	list, err := w.statements()
	if err != nil {
		return outcome{err: err}
	}
	set := WriteSet{in.instance, in.start.revision, in.start.hash, list}
	out, done := in.commitTogether(ctx, set, w)
	if !done {
		out = in.commitAlone(ctx, set, w)
	}
	if out.err == nil {
		in.d.heads.noteSuccess(in.instance)
		in.cacheHead(w)
	}
	return out
}

// commitTogether commits by a call that other instances may share, and reports false when that is not possible.
func (in *optimisticInstance) commitTogether(ctx context.Context, set WriteSet, w writes) (out outcome, done bool) {
	if in.d.commits.isOff() || !fitsFunction(set.Statements) {
		return outcome{}, false
	}
	p := in.d.commits.commit(ctx, set, w.layers[in.instance].size())
	switch {
	case p.err == nil && p.verdict == Written:
		return outcome{}, true
	case p.err == nil && p.verdict == Busy:
		return outcome{}, false
	case p.err == nil:
		return in.conflict(errConflict), true
	case errors.Is(p.err, ErrNoFunction):
		if in.d.commits.turnOff() {
			in.d.log.WarnContext(ctx, "instances commit separately from now on", "error", p.err)
		}
		return outcome{}, false
	}
	return in.refused(ctx, p.err, p.shared || w.members > 1, p.lost), true
}

var errConflict = errors.New("another server has changed the instance")

// commitAlone commits in one round trip, and waits for the lock of the instance.
func (in *optimisticInstance) commitAlone(ctx context.Context, set WriteSet, w writes) outcome {
	err := in.connect(ctx)
	if err == nil {
		err = in.conn.noteBroken(in.conn.pipe.Transact(ctx, set.guarded(guardedInsert)))
	}
	if err == nil {
		return outcome{}
	}
	if !errors.Is(err, ErrUnknown) && in.d.dialect.IsGuardViolated(err) {
		return in.conflict(err)
	}
	return in.refused(ctx, err, w.members > 1, in.conn != nil && in.conn.wasLost(ctx, err))
}

// refused is the outcome of what the database did not commit. It was a transaction of its own, which is undone.
func (in *optimisticInstance) refused(ctx context.Context, err error, several, lost bool) outcome {
	switch {
	case errors.Is(err, ErrUnknown):
		return outcome{err: err}
	case in.isUnsupported(ctx, err):
		return in.conflict(err)
	case several || lost || in.d.dialect.IsConflict(err):
		return outcome{err, retryAlone}
	}
	return outcome{err: err}
}

// conflict has the changes run again, over the head that the instance has now.
func (in *optimisticInstance) conflict(err error) outcome {
	in.d.heads.noteConflict(in.instance)
	return outcome{err, retryAtOnce}
}

// confirm reads the head of the instance: the reason why the change was refused, or had nothing to do, may not hold
// any more.
func (in *optimisticInstance) confirm(ctx context.Context, err error) outcome {
	now := head{hash: make([]byte, 32)}
	failed := in.withConn(ctx, func(ctx context.Context, s *connection) error {
		return s.queryRow(ctx, headQuery, []any{in.instance}, &now.revision, &now.seq, &now.hash)
	})
	switch {
	case failed != nil && !isNoRows(failed):
		return outcome{err: in.d.wrapError(ctx, failed, "read the revision of instance "+in.instance)}
	case now.revision != in.start.revision || string(now.hash) != string(in.start.hash):
		in.d.heads.noteConflict(in.instance)
		return outcome{lanyard.Errorf(lanyard.Unavailable,
			"instance %s is busy: other servers change it all the time", in.instance), retryAtOnce}
	}
	in.d.heads.noteSuccess(in.instance)
	in.d.heads.put(in.instance, &cachedHead{in.start, in.read})
	return outcome{err: err}
}

// isUnsupported reports whether err says that the database does not support a guarded insert, which is then not
// tried again: not every database that speaks PostgreSQL's protocol accepts what PostgreSQL does.
func (in *optimisticInstance) isUnsupported(ctx context.Context, err error) bool {
	if !in.d.dialect.IsUnsupported(err) {
		return false
	}
	if in.d.heads.turnOff() {
		in.d.log.WarnContext(ctx,
			"the database does not support a change in one round trip; changes take two from now on", "error", err)
	}
	return true
}

// uninterrupted is a base whose reads go on when their caller leaves. A Pipeline bounds them.
type uninterrupted struct{ base }

func (u uninterrupted) withConn(ctx context.Context, f func(context.Context, *connection) error) error {
	return u.base.withConn(context.WithoutCancel(ctx), f)
}

func (u uninterrupted) head(ctx context.Context) (head, error) {
	return u.base.head(context.WithoutCancel(ctx))
}

func (u uninterrupted) getResource(ctx context.Context, t lanyard.Type, id string) (lanyard.Resource, error) {
	return u.base.getResource(context.WithoutCancel(ctx), t, id)
}

// committedState is the latest committed state of an instance as a base.
type committedState struct {
	d *DB
	source
	instance string
}

func (c committedState) head(ctx context.Context) (head, error) {
	return c.d.readHead(ctx, c.source, c.instance)
}

func (c committedState) getResource(ctx context.Context, t lanyard.Type, id string) (lanyard.Resource, error) {
	return c.d.getResource(ctx, c.source, c.instance, t, id)
}

func (c committedState) docOf(ref lanyard.Ref, r lanyard.Resource) []byte {
	k := key{instance: c.instance, t: ref.Type, id: ref.ID}
	if got, _ := c.d.cache.getValue(&k); got != nil {
		if now := got.(*version); now.r == r {
			return now.doc
		}
	}
	return nil
}

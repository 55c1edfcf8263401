package sqlstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// A batch is the changes that arrived while the one before was being flushed; they are committed together. Each is
// computed in memory over what the members before it left, so one that fails is simply not in the batch. Nobody is
// answered before the flush, not even a change that did nothing: it may have seen what is lost if the flush fails.
//
// Whoever has the turn of the queue has the batch and its transaction to itself.
type batch struct {
	d       *DB
	queue   *queue
	tx      transaction
	members []*overlay
	writes  writes
	size    int           // bytes that the members write
	done    chan struct{} // closed when it is over
	result  outcome       // read after done is closed
}

// writes are what the members of a batch did.
type writes struct {
	members int
	layers  map[string]*layer // by instance
	heads   map[string]head   // where they left each
}

// maxBatch bounds how long the first of a batch waits for the last and, in a Shared database, how long other servers
// wait. In larger batches all callers wait at the same time and then all come at once, so that their requests are not
// read while others' are carried out: with 24, enough share a flush.
const maxBatch = 24

// maxBatchSize is after how many bytes no more members join: a batch is in memory until it is committed.
const maxBatchSize = 4 << 20

func (d *DB) openBatch(ctx context.Context, q *queue, with company) error {
	tx, err := d.newTransaction(ctx, q.instance, with)
	if err != nil {
		return err
	}
	q.batch = &batch{
		d: d, queue: q, tx: tx,
		writes: writes{layers: map[string]*layer{}, heads: map[string]head{}}, done: make(chan struct{}),
	}
	return nil
}

// runChange runs change on an overlay of its own, passes the turn on, and waits for the commit.
func (b *batch) runChange(
	ctx context.Context, instance string, change func(store.Tx) error, with company,
) (out outcome) {
	o := b.openOverlay(instance)
	joined := false
	defer func() { // also when change panics
		o.close()
		if joined {
			out = b.leaveMember(ctx, o, with)
		} else {
			o.forget()
			out = b.leaveOther(ctx, o, with, out)
		}
	}()
	if out.err = change(o); out.err == nil {
		joined, out.err = b.join(ctx, o)
	}
	if !joined && len(b.members) == 0 {
		o.close()
		out = b.tx.confirm(ctx, out.err)
	}
	return out
}

// openOverlay is the next change's view of an instance. What it reads while there are members is not interrupted when
// its caller leaves: on PostgreSQL that would take the members' transaction with it.
func (b *batch) openOverlay(instance string) *overlay {
	base := b.tx.base(instance)
	if len(b.members) > 0 && b.d.dialect.Shared {
		base = uninterrupted{base}
	}
	var now *head
	if left, ok := b.writes.heads[instance]; ok {
		now = &left
	}
	return newOverlay(b.d, instance, base, b.writes.layers[instance], now)
}

// join makes a change a member of the batch, and reports whether it is. One that did nothing is none.
func (b *batch) join(ctx context.Context, o *overlay) (bool, error) {
	if ok, err := o.complete(ctx); !ok {
		return false, err
	}
	if failed := b.tx.failure(); failed.err != nil {
		return false, b.d.wrapError(ctx, failed.err, "change instance "+o.instance)
	}
	under := b.writes.layers[o.instance]
	if under == nil {
		under = new(layer)
		b.writes.layers[o.instance] = under
	}
	under.addLayer(&o.own)
	b.writes.heads[o.instance] = *o.now
	b.writes.members++
	b.members = append(b.members, o)
	b.size += o.own.size()
	return true, nil
}

// leaveMember passes the turn on and returns the outcome of the batch.
func (b *batch) leaveMember(ctx context.Context, o *overlay, with company) outcome {
	b.passTurn(ctx, with)
	<-b.done
	if b.result.err == nil {
		return outcome{}
	}
	return outcome{b.commitError(ctx, o), b.result.retry}
}

// leaveOther is leaveMember for a change that was refused, failed or did nothing, which is its outcome if the batch
// is committed: it may have seen what the members did.
func (b *batch) leaveOther(ctx context.Context, o *overlay, with company, out outcome) outcome {
	members := len(b.members)
	b.passTurn(ctx, with)
	if members == 0 {
		return out
	}
	<-b.done
	switch err := b.result.err; {
	case err == nil:
		return out
	case errors.Is(err, ErrUnknown): // whether the members' changes happened; this one did not
		out = outcome{err: &lanyard.Error{Kind: lanyard.Unavailable, Err: err, Message: "change instance " + o.instance +
			": nothing was changed; an earlier change in the same commit has an unknown outcome"}}
		if b.d.dialect.Shared {
			out.retry = retryAlone
		}
		return out
	}
	return outcome{b.commitError(ctx, o), b.result.retry}
}

// passTurn lets the next in the queue into the batch, or ends the batch.
func (b *batch) passTurn(ctx context.Context, with company) {
	full := len(b.members) >= maxBatch || b.size >= maxBatchSize
	if with == nobody || len(b.members) == 0 || full || b.tx.failure().err != nil || !b.queue.turn.pass() {
		b.end(ctx)
		b.queue.turn.leave()
	}
}

// end commits, and lets everybody have the result. Whoever calls it keeps the turn.
func (b *batch) end(ctx context.Context) {
	ctx = context.WithoutCancel(ctx) // the members' changes do not end with this caller
	if len(b.members) > 0 {
		b.result = b.tx.commit(ctx, b.writes)
	} else {
		b.tx.discard(ctx)
	}
	for _, o := range b.members {
		if b.result.err != nil {
			o.forget()
		} else {
			b.d.committed(o.instance, o.now.revision)
		}
	}
	b.queue.batch = nil
	b.tx.release()
	close(b.done)
}

// commitError words the error of the batch for one of its changes.
func (b *batch) commitError(ctx context.Context, o *overlay) error {
	doing, err := "commit a change of instance "+o.instance, b.result.err
	switch {
	case errors.Is(err, ErrUnknown):
		return unknownOutcome(doing, err)
	case b.d.dialect.IsUnique(err) && b.result.retry == noRetry: // an alias that another instance took a moment ago
		for _, ref := range o.own.order {
			if in := o.own.touched[ref].r; ref.Type == lanyard.TypeInstance && in != nil {
				return taken(in, err)
			}
		}
	case !b.d.dialect.Shared && b.d.dialect.IsUnavailable(err):
		return &lanyard.Error{Kind: lanyard.Unavailable, Err: err,
			Message: doing + ": " + cmp.Or(b.d.dialect.Full, "the disk is full or cannot be written") +
				"; nothing was changed"}
	}
	return b.d.wrapError(ctx, err, doing)
}

func unknownOutcome(doing string, err error) error {
	return &lanyard.Error{Kind: lanyard.Unknown, Err: err, Message: doing +
		": the database or its disk failed before it was certain, so whether it happened is unknown; " +
		"look before you try again"}
}

// logRefusals logs, now and then, that changes cannot be stored and why, and when they can be stored again. Whoever
// has the turn calls it.
func (d *DB) logRefusals(ctx context.Context, err error) {
	const interval = 10 * time.Second
	switch {
	case err != nil && time.Since(d.refusalLogged) > interval:
		d.log.ErrorContext(ctx, "changes cannot be stored and are refused; reads and decisions go on", "error", err)
		d.refusalLogged = time.Now()
	case err == nil && !d.refusalLogged.IsZero():
		d.log.InfoContext(ctx, "changes are stored again")
		d.refusalLogged = time.Time{}
	}
}

// markUncertain marks an error of a commit that may have happened all the same. SQLite shows nothing of a change
// whose commit failed as long as the process lives; but all that it wrote may be on the disk, and be recovered
// after a crash, unless another change was committed in its place.
func (d *DB) markUncertain(err error) error {
	if err != nil && d.dialect.IsUncertain != nil && d.dialect.IsUncertain(err) {
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	return err
}

// RunExclusive waits for its turn as an Update does, and runs f on the connection that writes, outside of any
// transaction. It is for the upkeep of a database that is not Shared.
func (d *DB) RunExclusive(ctx context.Context, f func(Conn) error) error {
	q := d.queueOf("")
	defer d.release(q)
	if err := d.waitForTurn(ctx, q); err != nil {
		return d.wrapError(ctx, err, "wait for the database")
	}
	defer q.turn.leave()
	if q.batch != nil {
		q.batch.end(ctx)
	}
	conn, err := d.writers.take(ctx)
	if err != nil {
		return d.wrapError(ctx, err, "wait for the database")
	}
	defer d.writers.give(conn)
	return conn.noteBroken(f(conn.conn))
}

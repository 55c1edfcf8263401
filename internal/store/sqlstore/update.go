package sqlstore

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/lanyard/lanyard/internal/store"
)

// Update computes change over the committed state of an instance and commits what it did. These are the steps, and
// no other way changes an instance:
//
//	Update          tries until the change is committed, refused or has failed
//	attempt         waits for the turn of the instance, and opens a batch if none is open
//	batch.runChange runs the change on an overlay, which it joins to the batch as a layer, and passes the turn on
//	batch.end       commits the layers of all members, when nobody else is waiting or the batch is full
func (d *DB) Update(ctx context.Context, instance string, change func(store.Tx) error) error {
	if err := d.checkDamage(); err != nil {
		return err
	}
	with := others
	for n := 1; ; n++ {
		out := d.attempt(ctx, instance, change, with)
		if out.err == nil || out.retry == noRetry || n == attempts {
			return out.err
		}
		if out.retry == retryAtOnce {
			continue
		}
		if with = nobody; !pause(ctx, n) {
			return out.err
		}
		d.log.DebugContext(ctx, "a change is retried", "instance", instance, "attempt", n, "error", out.err)
	}
}

// An outcome is how an attempt at a change, or a batch, ended. Its zero value is success.
type outcome struct {
	err   error
	retry retry
}

// A retry says whether a change that was not committed may be computed again.
type retry uint8

const (
	noRetry     retry = iota
	retryAlone        // after a pause, and in a batch with nobody else
	retryAtOnce       // it lost a race against another server, which is over
)

// A company says with whom a change shares its batch.
type company uint8

const (
	others company = iota
	nobody
)

// attempt runs change in the open batch or, with nobody, in a batch of its own.
func (d *DB) attempt(ctx context.Context, instance string, change func(store.Tx) error, with company) outcome {
	doing := "wait to change instance " + instance
	q := d.queueOf(instance)
	defer d.release(q)
	if err := d.waitForTurn(ctx, q); err != nil {
		return outcome{err: d.wrapError(ctx, err, doing)}
	}
	if with == nobody && q.batch != nil {
		q.batch.end(ctx)
	}
	if q.batch == nil {
		if err := d.openBatch(ctx, q, with); err != nil {
			q.turn.leave()
			return outcome{err: d.wrapError(ctx, err, doing)}
		}
	}
	return q.batch.runChange(ctx, instance, change, with)
}

// attempts bounds how often a change is tried that loses against others or loses its connection: with the pauses in
// between, well under a second.
const attempts = 10

// pause waits before attempt n+1, and reports whether ctx is still open. The waits are random, so that those who
// collided do not collide again.
func pause(ctx context.Context, n int) bool {
	select {
	case <-time.After(rand.N(min(time.Millisecond<<n, 100*time.Millisecond))):
		return true
	case <-ctx.Done():
		return false
	}
}

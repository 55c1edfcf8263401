package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/store"
)

var errOver = errors.New("the transaction is over")

// Update runs change in a transaction. This and together are the one path by which instances change.
func (d *DB) Update(ctx context.Context, instance string, change func(store.Tx) error) error {
	if err := d.undamaged(); err != nil {
		return err
	}
	alone := false
	for n := 1; ; n++ {
		again, moved, err := d.together(ctx, instance, change, alone)
		if err == nil || !again || n == attempts {
			return err
		}
		if moved {
			continue
		}
		if alone = true; !pause(ctx, n) {
			return err
		}
		d.log.DebugContext(ctx, "a change is tried again", "instance", instance, "attempt", n, "error", err)
	}
}

// attempts bounds how often a change is tried that loses against others or loses its connection:
// with the waits in between, well under a second.
const attempts = 10

// pause waits before attempt n+1, and tells whether the caller does too. Those who met must not meet
// again, so each waits for another time.
func pause(ctx context.Context, n int) bool {
	select {
	case <-time.After(rand.N(min(time.Millisecond<<n, 100*time.Millisecond))):
		return true
	case <-ctx.Done():
		return false
	}
}

// do runs f on the transaction's connection. The first call begins the transaction: one that finds
// all it wants in the cache and changes nothing never does. Until then no other writer can come in
// between, for the connection is the only one that writes, or there is no cache.
func (tx *tx) do(ctx context.Context, f func(*session) error) error {
	if tx.err != nil {
		return tx.err
	}
	if !tx.begun {
		tx.begun = true // even when it fails: it may have begun and then been interrupted
		if err := tx.begin(ctx); err != nil {
			return tx.fail(ctx, err)
		}
	}
	err := tx.fail(ctx, f(tx.s))
	if tx.err == nil && tx.d.dialect.Shared && !tx.locked {
		if err := tx.found(ctx); err != nil {
			return tx.fail(ctx, err)
		}
		err = tx.fail(ctx, f(tx.s))
	}
	return err
}

// begin begins the transaction. In a Shared database it also keeps other processes off the instance
// and reads where that stands, in this order: what is read after the lock cannot change any more. All
// this goes along with what the transaction reads first.
func (tx *tx) begin(ctx context.Context) error {
	switch {
	case !tx.d.dialect.Shared && len(tx.group.members) > 0:
		return tx.exec(ctx, `SAVEPOINT member`)
	case !tx.d.dialect.Shared:
		return tx.exec(ctx, tx.d.dialect.Begin)
	case len(tx.group.members) > 0:
		tx.s.unsaved = true
		return nil
	}
	tx.s.queue = append(tx.s.queue, Statement{Query: tx.d.dialect.Begin})
	if tx.group.believed {
		tx.s.queue = append(tx.s.queue, Statement{Query: tx.d.dialect.Lock, Args: []any{tx.instance}, Scan: func(Row) error { return nil }})
	} else {
		tx.lock()
	}
	tx.s.first = len(tx.s.queue)
	return nil
}

func (tx *tx) lock() {
	tx.now = head{hash: make([]byte, 32)}
	tx.s.queue = append(tx.s.queue,
		Statement{Query: tx.d.dialect.Lock, Args: []any{tx.instance}, Scan: func(Row) error {
			tx.locked = true
			return nil
		}},
		Statement{Query: headQuery, Args: []any{tx.instance}, Scan: func(row Row) error {
			return row.Scan(&tx.now.revision, &tx.now.seq, &tx.now.hash)
		}})
}

// found is for an instance that has never been written to: there was nothing to lock, so what was
// read must be read again after this.
func (tx *tx) found(ctx context.Context) error {
	for _, query := range tx.d.dialect.Enter {
		tx.s.queue = append(tx.s.queue, Statement{Query: query, Args: []any{tx.instance}})
	}
	tx.lock()
	err := tx.s.flush(context.WithoutCancel(ctx))
	if err == nil && !tx.locked {
		err = errors.New("the instance cannot be locked")
	}
	return err
}

// fail remembers that the database did not do what it should: an interrupted statement can take
// its transaction with it, and what came after would not be part of any.
func (tx *tx) fail(ctx context.Context, err error) error {
	var e *lanyard.Error
	if err != nil && !errors.As(err, &e) && !errors.Is(err, sql.ErrNoRows) {
		tx.err = err
		tx.again = tx.d.dialect.Shared && (tx.d.dialect.IsConflict(err) || tx.s.lost(ctx, err))
		if tx.s.unsaved && err != ctx.Err() { // a read, and there is no savepoint to go back to
			tx.s.lacks = err
		}
	}
	return err
}

// complete tells whether tx did something, all of it.
func (tx *tx) complete(ctx context.Context) (bool, error) {
	if tx.err == nil {
		tx.err = ctx.Err()
	}
	switch {
	case tx.err != nil:
		return false, tx.d.wrap(ctx, tx.err, "change instance "+tx.instance)
	case !tx.appended && len(tx.changes) == 0:
		return false, nil
	case !tx.appended:
		return false, lanyard.Errorf(lanyard.Internal, "a change of instance %s has no event", tx.instance)
	}
	return true, nil
}

// uncommitted words an error of the commit.
func (tx *tx) uncommitted(ctx context.Context, err error) error {
	doing := "commit a change of instance " + tx.instance
	if errors.Is(err, ErrUnknown) {
		return unknown(doing, err)
	}
	if !tx.d.dialect.Shared && tx.d.dialect.IsUnavailable(err) {
		return &lanyard.Error{Kind: lanyard.Unavailable, Message: doing + ": the disk is full or does not take it; nothing was changed", Err: err}
	}
	return tx.d.wrap(ctx, err, doing)
}

func unknown(doing string, err error) error {
	return &lanyard.Error{Kind: lanyard.Unknown, Err: err,
		Message: doing + ": the database or its disk failed before it was certain, so whether it happened is unknown; look before you try again"}
}

// forget takes back what tx said of what it created, so that the caller may try again.
func (tx *tx) forget() {
	for _, r := range tx.created {
		r.Head().Seq = 0
	}
	tx.created = nil
}

// rollback undoes what is not committed.
func (tx *tx) rollback(ctx context.Context) {
	tx.err = errOver
	tx.forget()
	if !tx.begun {
		return
	}
	tx.begun = false
	ctx = context.WithoutCancel(ctx)
	if len(tx.group.members) > 0 {
		tx.group.undo(ctx)
		return
	}
	tx.s.rollback(ctx, tx.d.log)
}

package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/store"
)

var errOver = errors.New("the transaction is over")

// Update runs change in a transaction. This and commit are the one path by which instances change.
func (d *DB) Update(ctx context.Context, instance string, change func(store.Tx) error) error {
	s, err := d.writers.take(ctx)
	if err != nil {
		return d.wrap(ctx, err, "wait to change instance "+instance)
	}
	tx := &tx{d: d, s: s, instance: instance}
	defer func() { // also when change panics
		tx.rollback(ctx)
		d.writers.give(s)
	}()
	if err := change(tx); err != nil {
		return err
	}
	return tx.commit(ctx)
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
		if _, err := tx.exec(ctx, tx.d.dialect.Begin); err != nil {
			return tx.fail(err)
		}
	}
	return tx.fail(f(tx.s))
}

// fail remembers that the database did not do what it should: an interrupted statement can take
// its transaction with it, and what came after would not be part of any.
func (tx *tx) fail(err error) error {
	var e *lanyard.Error
	if err != nil && !errors.As(err, &e) && !errors.Is(err, sql.ErrNoRows) {
		tx.err = err
	}
	return err
}

func (tx *tx) commit(ctx context.Context) error {
	if tx.err == nil {
		tx.err = ctx.Err()
	}
	switch {
	case tx.err != nil:
		return tx.d.wrap(ctx, tx.err, "change instance "+tx.instance)
	case !tx.appended && len(tx.changes) == 0:
		return nil
	case !tx.appended:
		return lanyard.Errorf(lanyard.Internal, "a change of instance %s has no event", tx.instance)
	}
	cache := tx.d.cache
	keys := tx.keys()
	bar := cache.bar(keys, tx.wiped)
	// From here on the caller cannot stop it: whether it happened must be known.
	_, err := tx.s.exec(context.WithoutCancel(ctx), `COMMIT`)
	if err != nil {
		// It must be undone before anybody may read on.
		tx.rollback(ctx)
		bar.lift()
		return tx.d.wrap(ctx, err, "commit a change of instance "+tx.instance)
	}
	tx.begun = false
	tx.created = nil
	tx.err = errOver
	bar.lift()
	for ref, now := range tx.touched {
		if now.r != nil {
			k := key{instance: tx.instance, t: ref.Type, id: ref.ID}
			_, ticket := cache.get(&k)
			cache.put(k, ticket, &now, weight(now.doc)+int64(len(now.doc)))
		}
	}
	k := key{instance: tx.instance}
	_, ticket := cache.get(&k)
	cache.put(k, ticket, tx.now, 128)
	return nil
}

// keys are the keys of the cache that the transaction changes.
func (tx *tx) keys() []key {
	keys := []key{{instance: tx.instance}}
	for ref := range tx.touched {
		keys = append(keys, key{instance: tx.instance, t: ref.Type, id: ref.ID}, key{instance: tx.instance, t: ref.Type, limit: 1})
	}
	return keys
}

// rollback undoes what is not committed.
func (tx *tx) rollback(ctx context.Context) {
	tx.err = errOver
	for _, r := range tx.created {
		r.Head().Seq = 0 // so that the caller may try again
	}
	tx.created = nil
	if !tx.begun {
		return
	}
	tx.begun = false
	if _, err := tx.s.exec(context.WithoutCancel(ctx), `ROLLBACK`); err != nil {
		tx.s.broken = true // closing the connection rolls back too
		tx.d.log.ErrorContext(ctx, "rollback failed, reconnecting", "instance", tx.instance, "error", err)
	}
}

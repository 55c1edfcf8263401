package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/lanyard/lanyard"
)

func (r *reader) Records(ctx context.Context, after int64, limit int) ([]lanyard.Record, error) {
	return r.d.readRecords(ctx, r.d, r.instance, after, limit)
}

func (r *reader) Checkpoint(ctx context.Context) (lanyard.Checkpoint, error) {
	return r.d.readCheckpoint(ctx, r.d, r.instance)
}

func (d *DB) readRecords(ctx context.Context, from source, instance string, after int64,
	limit int) (list []lanyard.Record, err error) {
	if limit <= 0 {
		return nil, nil
	}
	err = from.withConn(ctx, func(ctx context.Context, s *connection) error {
		list = nil
		size := 0
		err := s.queryRows(ctx, `
			SELECT revision, time, seq, body, hash FROM events
			WHERE instance_id = $1 AND revision > $2 ORDER BY revision LIMIT $3`,
			[]any{instance, after, limit},
			func(row Row) error {
				var packed sql.RawBytes
				r := lanyard.Record{Instance: instance}
				err := row.Scan(&r.Revision, &r.Time, &r.Seq, &packed, &r.Hash)
				if err == nil {
					r.Body, err = Unpack(packed)
				}
				list = append(list, r)
				if size += len(r.Body); err == nil && size > copyBytes {
					return errPage
				}
				return err
			})
		if errors.Is(err, errPage) {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, d.wrapError(ctx, err, "read the records of instance "+instance)
	}
	return list, nil
}

func (d *DB) readCheckpoint(ctx context.Context, from source, instance string) (c lanyard.Checkpoint, err error) {
	var at int64
	err = from.withConn(ctx, func(ctx context.Context, s *connection) error {
		return s.queryRow(ctx, `SELECT revision, seq, hash, time, who, mac FROM checkpoints WHERE instance_id = $1`,
			[]any{instance}, &c.Revision, &c.Seq, &c.Hash, &at, &c.By, &c.MAC)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return lanyard.Checkpoint{}, nil
	}
	c.Instance, c.Time = instance, time.UnixMilli(at).UTC()
	return c, d.wrapError(ctx, err, "read the checkpoint of instance "+instance)
}

// Prune removes the oldest events of an instance. Of two at the same time, the second waits for the checkpoint's row,
// and then finds that its event is gone.
func (d *DB) Prune(ctx context.Context, c lanyard.Checkpoint) error {
	err := d.runTransaction(ctx, []Statement{
		{Query: `
			INSERT INTO checkpoints (instance_id, revision, seq, hash, time, who, mac)
			SELECT instance_id, revision, seq, hash, $5, $6, $7 FROM events
			WHERE instance_id = $1 AND revision = $2 AND seq = $3 AND hash = $4
			AND EXISTS (SELECT 1 FROM events WHERE instance_id = $1 AND revision > $2)
			ON CONFLICT (instance_id) DO UPDATE
			SET revision = excluded.revision, seq = excluded.seq, hash = excluded.hash, time = excluded.time, who = excluded.who, mac = excluded.mac
			WHERE checkpoints.revision < excluded.revision`,
			Args: []any{c.Instance, c.Revision, c.Seq, c.Hash, c.Time.UnixMilli(), c.By, c.MAC}, One: true},
		{Query: `
			DELETE FROM events
			WHERE instance_id = $1 AND revision <= (SELECT revision FROM checkpoints WHERE instance_id = $1)`, Args: []any{c.Instance}},
	})
	if errors.Is(err, ErrNotOne) {
		return lanyard.Errorf(lanyard.Condition,
			"cannot prune instance %s to revision %d: it is the newest event, does not exist, or does not match the checkpoint",
			c.Instance, c.Revision)
	}
	return d.wrapError(ctx, err, "prune the events of instance "+c.Instance)
}

// runTransaction runs statements in a transaction, which is retried as an Update is. Once begun it is not interrupted,
// so that its error says whether it happened.
func (d *DB) runTransaction(ctx context.Context, list []Statement) error {
	if err := d.checkDamage(); err != nil {
		return err
	}
	for n := 1; ; n++ {
		out := d.tryTransaction(ctx, list)
		if out.err == nil || out.retry == noRetry || n == attempts || !pause(ctx, n) {
			return out.err
		}
		d.log.DebugContext(ctx, "a transaction is retried", "attempt", n, "error", out.err)
	}
}

func (d *DB) tryTransaction(ctx context.Context, list []Statement) outcome {
	s, err := d.writers.take(ctx)
	if err != nil {
		return outcome{err: err}
	}
	defer d.writers.give(s)
	ctx = context.WithoutCancel(ctx)
	out := outcome{err: d.markUncertain(s.transact(ctx, d.dialect.Begin, list))}
	if out.err == nil {
		return out
	}
	s.rollback(ctx, d.log)
	lost := d.dialect.Shared && (d.dialect.IsConflict(out.err) || s.wasLost(ctx, out.err))
	if lost && !errors.Is(out.err, ErrUnknown) {
		out.retry = retryAlone
	}
	return out
}

package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/store"
)

// The directory finds instances without knowing them. It is kept by Put and Delete of an instance.

func quote(s string) string { return strconv.Quote(s) }

// direct stores the directory's line of in. before is the instance as it was, or nil.
func (tx *tx) direct(ctx context.Context, before lanyard.Resource, in *lanyard.Instance) error {
	if before == nil {
		_, err := tx.exec(ctx, `
			INSERT INTO directory (instance_id, account, alias, token) VALUES ($1, $2, $3, $4)`,
			in.ID, in.Account, in.Name, in.ClientToken)
		return err
	}
	if was := before.(*lanyard.Instance); was.Account == in.Account && was.Name == in.Name && was.ClientToken == in.ClientToken {
		return nil
	}
	return one(tx.exec(ctx, `
		UPDATE directory SET account = $1, alias = $2, token = $3 WHERE instance_id = $4`,
		in.Account, in.Name, in.ClientToken, in.ID))
}

// Instances pages through an account's instances.
func (d *DB) Instances(ctx context.Context, account string, after int64, limit int) ([]store.Entry, error) {
	if limit <= 0 {
		return nil, nil
	}
	var list []store.Entry
	err := d.do(ctx, func(s *session) error {
		return s.rows(ctx, `
			SELECT d.position, r.doc
			FROM directory d JOIN resources r ON r.instance_id = d.instance_id AND r.type = $1 AND r.id = d.instance_id
			WHERE d.account = $2 AND d.position > $3 ORDER BY d.position LIMIT $4`,
			[]any{string(lanyard.TypeInstance), account, after, limit},
			func(rows *sql.Rows) error {
				var position int64
				var doc sql.RawBytes
				if err := rows.Scan(&position, &doc); err != nil {
					return err
				}
				r, err := decode(lanyard.TypeInstance, doc)
				if err != nil {
					return err
				}
				list = append(list, store.Entry{Position: position, Instance: r.(*lanyard.Instance)})
				return nil
			})
	})
	if err != nil {
		return nil, d.wrap(ctx, err, "list the instances of account "+account)
	}
	return list, nil
}

// InstanceCount counts an account's instances.
func (d *DB) InstanceCount(ctx context.Context, account string) (n int, err error) {
	err = d.do(ctx, func(s *session) error {
		return s.row(ctx, `SELECT COUNT(*) FROM directory WHERE account = $1`, []any{account}, &n)
	})
	return n, d.wrap(ctx, err, "count the instances of account "+account)
}

// InstanceByToken finds the instance that a client token made.
func (d *DB) InstanceByToken(ctx context.Context, account, token string) (*lanyard.Instance, error) {
	var in *lanyard.Instance
	err := d.do(ctx, func(s *session) error {
		return s.rows(ctx, `
			SELECT r.doc
			FROM directory d JOIN resources r ON r.instance_id = d.instance_id AND r.type = $1 AND r.id = d.instance_id
			WHERE d.account = $2 AND d.token = $3 AND d.token <> ''`,
			[]any{string(lanyard.TypeInstance), account, token},
			func(rows *sql.Rows) error {
				r, _, err := scan(rows, lanyard.TypeInstance)
				if err == nil {
					in = r.(*lanyard.Instance)
				}
				return err
			})
	})
	if err == nil && in == nil {
		err = lanyard.Errorf(lanyard.NotFound, "no instance was created with client token %q", token)
	}
	return in, d.wrap(ctx, err, "find an instance by its client token")
}

// Known pages through the ids of all instances that have events.
func (d *DB) Known(ctx context.Context, after string, limit int) (ids []string, err error) {
	if limit <= 0 {
		return nil, nil
	}
	err = d.do(ctx, func(s *session) error {
		ids = nil
		for len(ids) < limit { // one look into the index each: an instance may have very many events
			var id string
			err := s.row(ctx, `SELECT instance_id FROM events WHERE instance_id > $1 ORDER BY instance_id LIMIT 1`, []any{after}, &id)
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			ids, after = append(ids, id), id
		}
		return nil
	})
	if err != nil {
		return nil, d.wrap(ctx, err, "list the instances with events")
	}
	return ids, nil
}

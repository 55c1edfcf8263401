package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// The directory finds instances whose ids are not known. Putting or deleting an instance updates it.

func quote(s string) string { return strconv.Quote(s) }

// Instances pages through an account's instances.
func (d *DB) Instances(ctx context.Context, account string, after int64, limit int) ([]store.Entry, error) {
	if limit <= 0 {
		return nil, nil
	}
	var list []store.Entry
	for len(list) < limit {
		page, err := d.listDirectory(ctx, account, after, limit-len(list))
		if err != nil {
			return nil, d.wrapError(ctx, err, "list the instances of account "+account)
		}
		if len(page) == 0 {
			break
		}
		for _, l := range page {
			after = l.position
			in, err := d.readInstance(ctx, l.instance)
			if err == nil {
				list = append(list, store.Entry{Position: l.position, Instance: in})
			} else if !errors.Is(err, lanyard.ErrNotFound) { // else it was deleted a moment ago
				return nil, err
			}
		}
	}
	return list, nil
}

// line is one line of the directory.
type line struct {
	position int64
	instance string
}

// listDirectory reads a page of the directory. The instances themselves are read one by one: where they are
// spread over several machines, no query may need more than one instance.
func (d *DB) listDirectory(ctx context.Context, account string, after int64, limit int) (page []line, err error) {
	err = d.withConn(ctx, func(ctx context.Context, s *connection) error {
		page = nil
		return s.queryRows(ctx, `
			SELECT position, instance_id FROM directory
			WHERE account = $1 AND position > $2 ORDER BY position LIMIT $3`,
			[]any{account, after, limit},
			func(row Row) error {
				var l line
				err := row.Scan(&l.position, &l.instance)
				page = append(page, l)
				return err
			})
	})
	return page, err
}

func (d *DB) readInstance(ctx context.Context, id string) (*lanyard.Instance, error) {
	r, err := d.getResource(ctx, d, id, lanyard.TypeInstance, id)
	if err != nil {
		return nil, err
	}
	return r.(*lanyard.Instance), nil
}

// InstanceCount counts an account's instances.
func (d *DB) InstanceCount(ctx context.Context, account string) (n int, err error) {
	err = d.withConn(ctx, func(ctx context.Context, s *connection) error {
		return s.queryRow(ctx, `SELECT COUNT(*) FROM directory WHERE account = $1`, []any{account}, &n)
	})
	return n, d.wrapError(ctx, err, "count the instances of account "+account)
}

// InstanceByToken finds the instance that a client token made.
func (d *DB) InstanceByToken(ctx context.Context, account, token string) (*lanyard.Instance, error) {
	var id string
	err := d.withConn(ctx, func(ctx context.Context, s *connection) error {
		return s.queryRow(ctx, `SELECT instance_id FROM directory WHERE account = $1 AND token = $2 AND token <> ''`,
			[]any{account, token}, &id)
	})
	var in *lanyard.Instance
	if err == nil {
		in, err = d.readInstance(ctx, id)
	}
	if errors.Is(err, sql.ErrNoRows) || errors.Is(err, lanyard.ErrNotFound) {
		err = lanyard.Errorf(lanyard.NotFound, "no instance was created with client token %q", token)
	}
	return in, d.wrapError(ctx, err, "find an instance by its client token")
}

// Known pages through the ids of all instances that have events.
func (d *DB) KnownInstances(ctx context.Context, after string, limit int) (ids []string, err error) {
	if limit <= 0 {
		return nil, nil
	}
	query := `SELECT instance_id FROM ` + d.dialect.Known + ` WHERE instance_id > $1 ORDER BY instance_id LIMIT 1`
	err = d.withConn(ctx, func(ctx context.Context, s *connection) error {
		ids = nil
		// one lookup in the index for each: it may have an instance very many times
		for last := after; len(ids) < limit; last = ids[len(ids)-1] {
			var id string
			err := s.queryRow(ctx, query, []any{last}, &id)
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		return nil
	})
	if err != nil {
		return nil, d.wrapError(ctx, err, "list the instances with events")
	}
	return ids, nil
}

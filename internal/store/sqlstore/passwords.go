package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/lanyard/lanyard"
)

func (r *reader) Password(ctx context.Context, user string) (string, error) {
	return r.d.readPassword(ctx, r.d, r.instance, user)
}

func (d *DB) readPassword(ctx context.Context, from source, instance, user string) (hash string, err error) {
	err = from.withConn(ctx, func(ctx context.Context, s *connection) error {
		return s.queryRow(ctx, `SELECT hash FROM passwords WHERE instance_id = $1 AND user_id = $2`, []any{instance, user}, &hash)
	})
	if errors.Is(err, sql.ErrNoRows) {
		err = lanyard.Errorf(lanyard.NotFound, "user %q has no password", user)
	}
	return hash, d.wrapError(ctx, err, "read the password of user "+user)
}

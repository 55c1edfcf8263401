package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
)

// Session returns a session of the console.
func (d *DB) Session(ctx context.Context, id string) (s lanyard.Session, err error) {
	var seen int64
	err = d.withConn(ctx, func(ctx context.Context, on *connection) error {
		found := false
		err := on.queryRows(ctx, `SELECT seen, doc FROM sessions WHERE id = $1`, []any{id}, func(row Row) error {
			var doc sql.RawBytes
			found = true
			if err := row.Scan(&seen, &doc); err != nil {
				return err
			}
			s = lanyard.Session{}
			return laxjson.Unmarshal(doc, &s)
		})
		if err == nil && !found {
			return sql.ErrNoRows
		}
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return s, lanyard.Errorf(lanyard.NotFound, "the session does not exist")
	}
	s.Seen = time.UnixMilli(seen).UTC()
	return s, d.wrapError(ctx, err, "read a session")
}

// AddSession stores a new session.
func (d *DB) AddSession(ctx context.Context, s lanyard.Session) error {
	doc, err := laxjson.Marshal(s)
	if err == nil {
		err = d.execStatement(ctx, `INSERT INTO sessions (id, owner, created, seen, expires, doc) VALUES ($1, $2, $3, $4, $5, $6)`,
			s.ID, s.Owner, s.Created.UnixMilli(), s.Seen.UnixMilli(), s.Expires.UnixMilli(), doc)
	}
	return d.wrapError(ctx, err, "store a session")
}

// TouchSession notes when a session was last used.
func (d *DB) TouchSession(ctx context.Context, id string, seen time.Time) error {
	return d.wrapError(ctx, d.execStatement(ctx, `UPDATE sessions SET seen = $1 WHERE id = $2 AND seen < $1`, seen.UnixMilli(),
		id), "touch a session")
}

// EndSession removes a session.
func (d *DB) EndSession(ctx context.Context, id string) error {
	return d.wrapError(ctx, d.execStatement(ctx, `DELETE FROM sessions WHERE id = $1`, id), "end a session")
}

// EndSessions removes the sessions of an owner except the newest ones and the one with the id except.
func (d *DB) EndSessions(ctx context.Context, owner, except string, keep int) error {
	return d.wrapError(ctx, d.execStatement(ctx, `
		DELETE FROM sessions WHERE owner = $1 AND id <> $2
		AND id NOT IN (SELECT id FROM sessions WHERE owner = $1 ORDER BY created DESC, id LIMIT $3)`, owner, except, keep), "end sessions")
}

// ExpireSessions removes the sessions that have expired.
func (d *DB) ExpireSessions(ctx context.Context, now time.Time) error {
	return d.wrapError(ctx, d.execStatement(ctx, `DELETE FROM sessions WHERE expires <= $1`, now.UnixMilli()),
		"remove expired sessions")
}

package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
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

func (r *reader) History(ctx context.Context, about lanyard.Ref, before int64, scan,
	limit int) ([]lanyard.Event, int64, error) {
	return r.d.readHistory(ctx, r.d, r.instance, about, before, scan, limit)
}

// readHistory reads events backwards, a chunk at a time.
func (d *DB) readHistory(
	ctx context.Context, from source, instance string, about lanyard.Ref, before int64, scan, limit int,
) (events []lanyard.Event, next int64, err error) {
	if limit <= 0 || scan <= 0 {
		return nil, before, nil
	}
	h := historyPage{instance: instance, about: about, scan: scan, limit: limit, next: before}
	if h.quoted, err = jsontext.AppendQuote(nil, about.ID); err != nil { // as the event has it
		return nil, 0, &lanyard.Error{Kind: lanyard.Invalid, Message: "the id is not UTF-8", Err: err}
	}
	if before <= 0 {
		h.next = math.MaxInt64
	}
	for h.next > 0 && h.scan > 0 && !h.full() {
		if err := h.readChunk(ctx, from); err != nil {
			return nil, 0, d.wrapError(ctx, err, "read the history of instance "+instance)
		}
	}
	return h.events, h.next, nil
}

// A historyPage is a page of history that is being read.
type historyPage struct {
	instance string
	about    lanyard.Ref // only events about it, if it has an ID
	quoted   []byte      // the ID as JSON
	scan     int         // how many events to look at, at most
	limit    int
	events   []lanyard.Event
	size     int   // bytes of the events
	next     int64 // the revision before which to go on, 0 at the beginning of time
}

func (h *historyPage) full() bool { return len(h.events) == h.limit || h.size > eventBytes }

// readChunk reads some events before h.next. Those that do not even contain the ID are not decoded: unpacking an event
// costs a tenth of that.
func (h *historyPage) readChunk(ctx context.Context, from source) error {
	n := min(250, h.scan) // so that few are read in vain
	if h.about.ID == "" {
		n = min(n, h.limit-len(h.events))
	}
	var now historyPage // replaces h when all rows were read; a connection that was lost has the query run again
	rows := 0
	err := from.withConn(ctx, func(ctx context.Context, s *connection) error {
		now, rows = *h, 0
		now.events = slices.Clip(h.events)
		return s.queryRows(ctx, `
			SELECT revision, body FROM events WHERE instance_id = $1 AND revision < $2 ORDER BY revision DESC LIMIT $3`,
			[]any{h.instance, h.next, n}, func(row Row) error {
				rows++
				return now.addRow(row)
			})
	})
	if err != nil {
		return err
	}
	now.scan -= rows
	if now.next == 1 || rows < n && !now.full() {
		now.next = 0
	}
	*h = now
	return nil
}

// addRow adds an event, if it is about what is asked for and there is room.
func (h *historyPage) addRow(row Row) error {
	var packed sql.RawBytes
	var revision int64
	if err := row.Scan(&revision, &packed); err != nil || h.full() {
		return err
	}
	h.next = revision
	body, err := Unpack(packed)
	if err != nil || h.about.ID != "" && !bytes.Contains(body, h.quoted) {
		return err
	}
	var e lanyard.Event
	if err := laxjson.Unmarshal(body, &e); err != nil {
		return err
	}
	if h.about.ID == "" || isAbout(&e, h.about) {
		h.events = append(h.events, e)
		h.size += len(body)
	}
	return nil
}

// isAbout reports whether an event changed a resource, or gave that user a password.
func isAbout(e *lanyard.Event, about lanyard.Ref) bool {
	for _, p := range e.Passwords {
		if p.User == about.ID && about.Type == lanyard.TypeUser {
			return true
		}
	}
	for i := range e.Changes {
		if e.Changes[i].ID == about.ID && e.Changes[i].Type == about.Type {
			return true
		}
	}
	return false
}

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
		return s, lanyard.Errorf(lanyard.NotFound, "there is no such session")
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

// EndSessions removes the sessions of an owner but the newest of them, and but one.
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

package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"math"
	"slices"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
)

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

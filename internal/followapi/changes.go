package followapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/compact"
)

// errBroken says that a hub is not to be used any more.
var errBroken = errors.New("the changes of the instance have to be read again")

// Why streams end, as followers are told.
const (
	endShutdown = "the server is shutting down"
	endRenewed  = "the stream has reached its limit; resume it"
	endBroken   = "the server has to read the changes again; resume the stream"
)

// sendChanges sends changes as they are committed, and signs of life, until either side ends it.
func (f *following) sendChanges() error {
	at, err := f.position()
	if err != nil {
		return err
	}
	every, err := f.heartbeat()
	if err != nil {
		return err
	}
	h, err := f.join()
	if err != nil {
		return err
	}
	defer h.leave()
	tail, err := f.meet(h, at)
	if err != nil {
		return err
	}
	missed, err := f.missed(at, tail.to)
	if err != nil {
		return err
	}
	s := &stream{following: f, hub: h, tail: tail, at: at, every: every, pack: acceptedEncoding(f.r) == "zstd"}
	h.add(s, tail)
	defer h.remove(s)
	if err := s.begin(); err != nil {
		return nil // it is gone
	}
	s.run(missed)
	return nil
}

// meet returns a message of the hub that is not before a position. A follower may come from a server that is ahead.
func (f *following) meet(h *hub, at compact.Position) (*message, error) {
	const wait = 2 * time.Second
	tail := h.tail()
	if tail.to.Revision >= at.Revision {
		return tail, nil
	}
	now, err := f.Control.Revision(f.ctx, f.instance)
	if err != nil {
		return nil, err
	}
	if now < at.Revision {
		return nil, refuse(http.StatusConflict, "the instance is at revision %d and has lost revision %d, as after a failover "+
			"to a replica that lags behind; load the snapshot again", now, at.Revision)
	}
	timeout := time.NewTimer(wait)
	defer timeout.Stop()
	for tail.to.Revision < at.Revision {
		select {
		case <-tail.ready:
			tail = tail.next
		case <-h.broken:
			return nil, lanyard.Errorf(lanyard.Unavailable, "%s", endBroken)
		case <-timeout.C:
			return nil, lanyard.Errorf(lanyard.Unavailable, "this server is at revision %d of instance %s and has yet to read "+
				"revision %d; retry, or use another server", tail.to.Revision, f.instance, at.Revision)
		case <-f.ctx.Done():
			return nil, f.ctx.Err()
		}
	}
	return tail, nil
}

// resumePage is how many events are read, and sent as one change, when a stream is resumed.
const resumePage = 500

// missed returns the first events after a position, none if it is where the hub is. The history that the follower has
// must be that of the instance.
func (f *following) missed(at, tail compact.Position) ([]lanyard.Event, error) {
	switch {
	case at == tail:
		return nil, nil
	case at.Revision == tail.Revision:
		return nil, otherHistory(at)
	case tail.Revision-at.Revision > f.Limits.Resume:
		return nil, refuse(http.StatusGone, "the instance is at revision %d, too far after revision %d; load the snapshot again",
			tail.Revision, at.Revision)
	}
	events, err := f.Control.Events(f.ctx, f.instance, at.Revision, resumePage)
	switch {
	case err != nil:
		return nil, err
	case len(events) == 0 || events[0].Revision != at.Revision+1:
		return nil, refuse(http.StatusGone, "the events after revision %d were pruned; load the snapshot again", at.Revision)
	case string(events[0].Previous) != at.Hash:
		return nil, otherHistory(at)
	}
	return events, nil
}

func otherHistory(at compact.Position) error {
	return refuse(http.StatusConflict, "revision %d of the instance is another than that of the follower; load the snapshot "+
		"again", at.Revision)
}

// A stream sends changes to one follower.
type stream struct {
	*following
	hub   *hub
	tail  *message         // the last that was sent, or where the stream joined the hub
	at    compact.Position // what the follower has
	every time.Duration
	due   confirmation // to be sent
	buf   []byte
	pack  bool // what is sent is packed
}

// A confirmation says that there were no changes after a revision at a time.
type confirmation struct {
	revision int64 // 0: none
	at       time.Time
}

// begin sends the headers and the first message, so that everything in between lets them pass.
func (s *stream) begin() error {
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no")
	h.Set("Vary", "Accept-Encoding")
	if s.pack {
		h.Set("Content-Encoding", "zstd")
	}
	s.w.WriteHeader(http.StatusOK)
	return s.event("hello", compact.Hello{Version: compact.Version, Instance: s.instance, Position: s.at,
		Heartbeat: s.every.Milliseconds()})
}

func (s *stream) event(kind string, data any) error {
	text, err := encodeEvent(kind, data)
	if err != nil {
		return err
	}
	return s.sendNow(text)
}

// sendNow sends a text.
func (s *stream) sendNow(text []byte) error {
	if s.pack {
		text = s.Server.pack(text)
	}
	if err := s.write(text); err != nil {
		return err
	}
	return s.flush()
}

// sendMessage sends a message of the hub, without flushing it.
func (s *stream) sendMessage(m *message) error {
	switch {
	case !s.pack:
		return s.write(m.text)
	case m.frame == nil:
		return s.write(s.Server.pack(m.text))
	}
	return s.write(m.frame)
}

// run sends what the follower missed, and then what comes.
func (s *stream) run(missed []lanyard.Event) {
	reason := s.catchUp(missed)
	if reason == "" {
		reason = s.follow()
	}
	if s.slow.Load() {
		s.Logger.Warn("a follower is too slow and has to resume", "instance", s.instance, "token", s.by.Token)
		return
	}
	if reason != gone && s.r.Context().Err() == nil {
		_ = s.event("end", compact.Goodbye{Reason: reason}) // one that is gone needs none
	}
}

// gone is the reason of a stream whose follower is gone.
const gone = "gone"

// catchUp sends the events from the first that the follower missed up to where the hub was. It returns why the stream
// ends, "" if it does not.
func (s *stream) catchUp(events []lanyard.Event) (reason string) {
	for s.at != s.tail.to {
		for len(events) > 0 && events[len(events)-1].Revision > s.tail.to.Revision {
			events = events[:len(events)-1] // the hub has it
		}
		if after, ok := eventsAfter(s.at, events); !ok || len(after) == 0 {
			return endBroken
		}
		text, err := encodeChange(events)
		if err != nil {
			s.Logger.Error("a follower cannot follow", "instance", s.instance, "error", err)
			return endBroken
		}
		if s.sendNow(text) != nil {
			return gone
		}
		s.at = compact.PositionOf(&events[len(events)-1])
		if s.at == s.tail.to {
			break
		}
		if events, err = s.Control.Events(s.ctx, s.instance, s.at.Revision, resumePage); err != nil {
			return endBroken
		}
	}
	return ""
}

// follow sends what the hub has. It returns why the stream ends.
func (s *stream) follow() (reason string) {
	beat := time.NewTicker(s.every)
	defer beat.Stop()
	if reason := s.confirm(); reason != "" { // at once: the follower may have lost its server for long
		return reason
	}
	for {
		select {
		case <-s.tail.ready:
			reason = s.send()
		case <-beat.C:
			reason = s.confirm()
		case <-s.hub.broken:
			reason = endBroken
		case <-s.ctx.Done():
			reason = s.ended()
		}
		if reason != "" {
			return reason
		}
	}
}

// ended says why the stream's context ended.
func (s *stream) ended() string {
	if s.Server.ctx.Err() != nil {
		return endShutdown
	}
	return gone
}

// send sends all messages that there are.
func (s *stream) send() (reason string) {
	if err := s.valid(); err != nil {
		return err.Error()
	}
	for more := true; more; {
		select {
		case <-s.tail.ready:
			s.tail = s.tail.next
			s.at = s.tail.to
			if s.sendMessage(s.tail) != nil {
				return gone
			}
			s.hub.passed(s, s.tail)
		default:
			more = false
		}
	}
	if s.due.revision > 0 && s.due.revision <= s.at.Revision {
		s.buf = s.alive()
		if s.sendNow(s.buf) != nil {
			return gone
		}
	} else if s.flush() != nil {
		return gone
	}
	if s.sent > s.Limits.Bytes {
		return endRenewed
	}
	return ""
}

// alive returns the text of the confirmation that is due.
func (s *stream) alive() []byte {
	ago := s.due.at.Sub(s.began)
	at := ago.Milliseconds()
	if time.Duration(at)*time.Millisecond > ago { // rather too early than too late
		at--
	}
	text := encodeAlive(s.buf[:0], s.at.Revision, at)
	s.due = confirmation{}
	return text
}

// confirm tells the follower that it is up to date, or notes that it is to be told once it is. While the server itself
// cannot be sure, it says nothing.
func (s *stream) confirm() (reason string) {
	if err := s.valid(); err != nil {
		return err.Error()
	}
	if time.Since(s.began) > s.Limits.Age {
		return endRenewed
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.every)
	defer cancel()
	now, at, err := s.Control.Current(ctx, s.call, s.instance)
	switch {
	case errors.Is(err, lanyard.ErrNotFound): // it was deleted, which is a change like others
		return s.keepAlive([]byte(": deleted\n\n"))
	case err != nil:
		return s.keepAlive([]byte(": not confirmed\n\n"))
	case !s.hub.has(now.Revision()):
		return endBroken
	}
	s.due = confirmation{now.Revision(), at}
	if s.due.revision > s.at.Revision {
		return "" // the changes are on their way
	}
	s.buf = s.alive()
	return s.keepAlive(s.buf)
}

// keepAlive sends a sign of life.
func (s *stream) keepAlive(text []byte) (reason string) {
	if s.sendNow(text) != nil {
		return gone
	}
	return ""
}

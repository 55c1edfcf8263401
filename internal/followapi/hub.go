package followapi

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/compact"
)

// A hub has the changes of one instance for all of its followers. Each is encoded once.
type hub struct {
	*Server
	instance string
	users    int // streams that follow; the Server's mu guards it
	stop     func()
	packed   atomic.Int64  // streams that take frames
	done     chan struct{} // closed when the hub is needed no more
	wake     chan struct{} // has a value when there are events
	broken   chan struct{} // closed when events are missing: the streams end, and are resumed from the store

	mu      sync.Mutex
	streams map[*stream]*message // the last that each has sent
	events  []lanyard.Event      // applied and not yet encoded
	failed  bool
	last    *message // the latest
	heard   int64    // revision of the last event in events or before
}

// A message is a part of the stream that all followers are sent. They are linked, so that each stays in memory as long
// as somebody has yet to send it.
type message struct {
	text  []byte
	frame []byte // text as a frame of Zstandard; nil when nobody took such frames
	to    compact.Position
	total int64         // bytes up to its end, of all messages of the hub
	next  *message      // set before ready is closed
	ready chan struct{} // closed when there is a next one
}

// join returns the hub of an instance, which the caller leaves with leave.
func (f *following) join() (*hub, error) {
	for {
		h := f.hub()
		err := h.start(f)
		if err == nil {
			return h, nil
		}
		h.leave()
		if err != errBroken {
			return nil, err
		}
		select {
		case <-f.ctx.Done():
			return nil, f.ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
}

// hub returns the hub that streams share, or a new one.
func (f *following) hub() *hub {
	f.mu.Lock()
	defer f.mu.Unlock()
	h := f.hubs[f.instance]
	if h == nil || h.isBroken() {
		h = &hub{Server: f.Server, instance: f.instance, done: make(chan struct{}), wake: make(chan struct{}, 1),
			broken: make(chan struct{}), streams: map[*stream]*message{}}
		h.stop = f.Control.Observe(f.instance, h.observe)
		f.hubs[f.instance] = h
		go h.run()
	}
	h.users++
	return h
}

// leave gives the hub back.
func (h *hub) leave() {
	h.Server.mu.Lock()
	h.users--
	last := h.users == 0
	if last && h.hubs[h.instance] == h {
		delete(h.hubs, h.instance)
	}
	h.Server.mu.Unlock()
	if last {
		h.stop()
		close(h.done)
	}
}

// start makes sure that the hub knows where it is.
func (h *hub) start(f *following) error {
	now, _, err := f.Control.Current(f.ctx, f.call, f.instance)
	if err != nil {
		return err
	}
	if !now.Exists() || len(now.Hash()) == 0 {
		return lanyard.Errorf(lanyard.NotFound, "instance %s does not exist", lanyard.Quote(f.instance))
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failed {
		return errBroken
	}
	if h.last != nil {
		return nil
	}
	at := compact.Position{Revision: now.Revision(), Hash: string(now.Hash())}
	h.last = &message{to: at, ready: make(chan struct{})}
	h.heard = max(h.heard, at.Revision)
	h.nudge()
	return nil
}

// observe takes events that decisions have come to follow.
func (h *hub) observe(events []lanyard.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.failed:
		return
	case len(events) == 0:
		if h.last != nil { // else the instance is being loaded for the first stream
			h.fail()
		}
		return
	case len(h.events)+len(events) > h.Limits.Pending:
		h.fail()
		return
	}
	h.events = append(h.events, events...)
	h.heard = max(h.heard, events[len(events)-1].Revision)
	h.nudge()
}

func (h *hub) nudge() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// fail ends the streams. The caller holds mu.
func (h *hub) fail() {
	if !h.failed {
		h.failed, h.events = true, nil
		close(h.broken)
	}
}

func (h *hub) isBroken() bool {
	select {
	case <-h.broken:
		return true
	default:
		return false
	}
}

// tail returns the latest message.
func (h *hub) tail() *message {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// has reports whether the hub has heard of a revision. If it has not, it has missed something, because it hears of
// events before anybody else does.
func (h *hub) has(revision int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.heard < revision {
		h.fail()
	}
	return !h.failed
}

// perEvent is for how long more events are waited for after a message, for each that was in it: a single change is
// followed at once by the next, and while there are many, each message has many.
const perEvent = 2 * time.Millisecond

// run makes messages of events: the first at once, and those that come soon after it together.
func (h *hub) run() {
	for {
		select {
		case <-h.done:
			return
		case <-h.broken:
			return
		case <-h.wake:
		}
		sent := h.send()
		if sent == 0 {
			continue
		}
		select {
		case <-h.done:
			return
		case <-time.After(min(h.Limits.Pace, time.Duration(sent)*perEvent)):
		}
	}
}

// send makes a message of the events that wait, and returns how many there were.
func (h *hub) send() int {
	h.mu.Lock()
	last, events := h.last, h.events
	if last == nil || len(events) == 0 {
		h.mu.Unlock()
		return 0
	}
	h.events = nil
	h.mu.Unlock()
	events, ok := eventsAfter(last.to, events)
	if len(events) == 0 && ok {
		return 0
	}
	var m *message
	if ok {
		m, ok = h.encode(last, events)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !ok {
		h.fail()
		return 0
	}
	h.last, last.next = m, m
	close(last.ready)
	for s, at := range h.streams {
		if m.total-at.total > max(h.Limits.Lag, int64(len(m.text))) { // else what it has yet to send would fill the memory
			delete(h.streams, s)
			s.giveUp()
		}
	}
	return len(events)
}

// add has a stream given up when it falls behind; passed says how far it is, and remove ends that.
func (h *hub) add(s *stream, at *message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.streams[s] = at
	if s.pack {
		h.packed.Add(1)
	}
}

func (h *hub) passed(s *stream, at *message) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.streams[s] != nil {
		h.streams[s] = at
	}
}

func (h *hub) remove(s *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.streams, s)
	if s.pack {
		h.packed.Add(-1)
	}
}

// eventsAfter returns the events after a position, and reports whether they follow it and one another.
func eventsAfter(at compact.Position, events []lanyard.Event) ([]lanyard.Event, bool) {
	var after []lanyard.Event
	for i := range events {
		e := &events[i]
		switch {
		case e.Revision < at.Revision:
		case e.Revision == at.Revision:
			if string(e.Hash) != at.Hash {
				return nil, false
			}
		case e.Revision != at.Revision+1 || string(e.Previous) != at.Hash || len(e.Hash) == 0:
			return nil, false
		default:
			at = compact.PositionOf(e)
			after = append(after, *e)
		}
	}
	return after, true
}

// encode makes the message of events.
func (h *hub) encode(last *message, events []lanyard.Event) (*message, bool) {
	text, err := encodeChange(events)
	if err != nil {
		h.Logger.Error("followers cannot follow", "instance", h.instance, "error", err)
		return nil, false
	}
	var frame []byte
	if h.packed.Load() > 0 {
		frame = h.pack(text)
	}
	return &message{text: text, frame: frame, to: compact.PositionOf(&events[len(events)-1]),
		total: last.total + int64(len(text)), ready: make(chan struct{})}, true
}

// encodeChange returns the text of what events lead to.
func encodeChange(events []lanyard.Event) ([]byte, error) {
	change, err := compact.ChangeOf(events)
	if err != nil {
		return nil, err
	}
	b := make([]byte, 0, 1024)
	b = append(b, "event: change\nid: "...)
	b = append(append(b, change.To.String()...), "\ndata: "...)
	return slices.Clip(append(change.Append(b), "\n\n"...)), nil
}

// encodeEvent returns the text of a server-sent event.
func encodeEvent(kind string, data any) ([]byte, error) {
	doc, err := compact.Encode(data)
	if err != nil {
		return nil, err
	}
	return fmt.Appendf(nil, "event: %s\ndata: %s\n\n", kind, doc), nil
}

func encodeAlive(buf []byte, revision, at int64) []byte {
	buf = append(buf, "event: alive\ndata: {\"revision\":"...)
	buf = strconv.AppendInt(buf, revision, 10)
	buf = append(buf, ",\"at\":"...)
	buf = strconv.AppendInt(buf, at, 10)
	return append(buf, "}\n\n"...)
}

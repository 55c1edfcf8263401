package gateway

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A keptStream is a stream of a session, whose events are kept, within the session's bounds, for an agent that lost
// the connection.
type keptStream struct {
	s  *session
	id string

	mu     sync.Mutex
	events []keptEvent
	next   int // number of the next event
	sent   int // number of the first event that no connection has taken
	ended  bool
	wake   chan struct{} // closed when something has changed
	reader int           // number of the connection that reads
}

type keptEvent struct {
	number int
	data   []byte
}

func newKeptStream(s *session) *keptStream {
	return &keptStream{s: s, id: rand.Text(), wake: make(chan struct{})}
}

// touch makes the session know the stream, so that it can be resumed.
func (k *keptStream) touch() {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	if !slices.Contains(k.s.streams, k) {
		k.s.streams = append(k.s.streams, k)
	}
}

// prime returns the event that tells the agent where to resume, in revisions that have it.
func (k *keptStream) prime(version string) []byte {
	k.touch()
	k.mu.Lock()
	defer k.mu.Unlock()
	number := k.next
	k.next++
	k.sent = k.next
	if version < revisionSessions {
		return []byte(": begin\n\n")
	}
	return fmt.Appendf(nil, "id: %s_%d\ndata: \n\n", k.id, number)
}

// add keeps an event and returns its id.
func (k *keptStream) add(data []byte) string {
	k.mu.Lock()
	number := k.next
	k.next++
	k.events = append(k.events, keptEvent{number, data})
	k.awaken()
	k.mu.Unlock()
	k.s.keep(len(data))
	return k.id + "_" + strconv.Itoa(number)
}

// awaken wakes who reads. The caller holds mu.
func (k *keptStream) awaken() {
	close(k.wake)
	k.wake = make(chan struct{})
}

// push adds an event to a stream outside of requests.
func (k *keptStream) push(data []byte) {
	k.touch()
	k.add(data)
}

// end notes that nothing follows.
func (k *keptStream) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ended = true
	k.awaken()
}

// keep bounds what a session keeps: its oldest streams are forgotten first.
func (s *session) keep(added int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept += added
	for s.kept > s.g.ReplayBytesSession || len(s.streams) > maxCalls {
		i := slices.IndexFunc(s.streams, func(k *keptStream) bool { return k != s.out })
		if i < 0 {
			s.kept -= s.out.forget(s.g.ReplayBytesSession / 2)
			return
		}
		s.kept -= s.streams[i].forget(0)
		s.streams = slices.Delete(s.streams, i, i+1)
	}
}

// forget drops the oldest events until at most so many bytes are left, and returns how many went.
func (k *keptStream) forget(left int) (dropped int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	total := 0
	for _, e := range k.events {
		total += len(e.data)
	}
	for len(k.events) > 0 && total-dropped > left {
		dropped += len(k.events[0].data)
		k.events = k.events[1:]
	}
	return dropped
}

// serveStream serves GET: the stream outside of requests, or one that is resumed.
func (g *Gateway) serveStream(w http.ResponseWriter, r *http.Request, c *Caller) {
	if r.Header.Get(headerSession) == "" {
		w.Header().Set("Allow", "POST")
		http.Error(w, "method must be POST without Mcp-Session-Id", http.StatusMethodNotAllowed)
		return
	}
	if !accepts(r, "text/event-stream") {
		http.Error(w, "Accept must have text/event-stream", http.StatusNotAcceptable)
		return
	}
	s := g.session(w, r, c)
	if s == nil {
		return
	}
	defer s.leave()
	if !g.streams.take(g, c) {
		http.Error(w, "the gateway has no room for another stream now", http.StatusServiceUnavailable)
		return
	}
	defer g.streams.leave(c)
	k, from := s.out, -1
	if last := r.Header.Get(headerLastEvent); last != "" {
		if k, from = s.resumed(last); k == nil {
			http.Error(w, "Last-Event-ID must be of a stream of this session", http.StatusBadRequest)
			return
		}
	}
	ctx, cancel := g.streamContext(r.Context(), c)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	defer context.AfterFunc(g.streaming, cancel)()
	startEvents(w)
	g.spawn(func() { g.endRevoked(ctx, cancel, r, c) })
	k.serve(ctx, w, from, g.KeepAlive)
}

// resumed returns the stream of an event, and the number of the event after it.
func (s *session) resumed(last string) (*keptStream, int) {
	id, number, _ := strings.Cut(last, "_")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 {
		return nil, 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if id == s.out.id {
		return s.out, n + 1
	}
	i := slices.IndexFunc(s.streams, func(k *keptStream) bool { return k.id == id })
	if i < 0 {
		return nil, 0
	}
	return s.streams[i], n + 1
}

// serve writes events from a number on, or those that no connection has taken if it is -1, until the stream ends or
// another connection reads it.
func (k *keptStream) serve(ctx context.Context, w http.ResponseWriter, from int, keepAlive time.Duration) {
	k.mu.Lock()
	k.reader++
	me := k.reader
	if from < 0 {
		from = k.sent
	}
	k.awaken()
	k.mu.Unlock()
	tick := time.NewTicker(keepAlive)
	defer tick.Stop()
	if writeFlushed(w, []byte(": open\n\n")) != nil {
		return
	}
	for {
		k.mu.Lock()
		var out []byte
		for _, e := range k.events {
			if e.number >= from {
				out = appendEvent(out, k.id+"_"+strconv.Itoa(e.number), e.data)
			}
		}
		from = max(from, k.next)
		k.sent = max(k.sent, from)
		done, wake := k.ended || k.reader != me, k.wake
		k.mu.Unlock()
		if len(out) > 0 && writeFlushed(w, out) != nil || done {
			return
		}
		select {
		case <-wake:
		case <-tick.C:
			if writeFlushed(w, []byte(": alive\n\n")) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

package gateway

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// quick is how long an answer may take before it becomes a stream, on which there are signs of life.
const quick = 2 * time.Second

// A reply is the answer to one request of an agent. One that comes at once, with nothing before it, is plain JSON;
// otherwise it is a stream of events. In a session the events are kept for an agent that loses the connection.
type reply struct {
	keepAlive time.Duration
	accepts   bool // events

	mu      sync.Mutex
	w       http.ResponseWriter // nil after the end, and for good when the agent is gone
	events  bool
	kept    *keptStream // of a session; nil without
	version string
	timer   *time.Timer
}

func newReply(w http.ResponseWriter, r *http.Request, keepAlive time.Duration) *reply {
	p := &reply{w: w, keepAlive: keepAlive, accepts: accepts(r, "text/event-stream")}
	if p.accepts {
		p.timer = time.AfterFunc(quick, p.stayAlive)
	}
	return p
}

// accepts reports whether the request accepts an answer of a type.
func accepts(r *http.Request, kind string) bool {
	family, _, _ := strings.Cut(kind, "/")
	for _, header := range r.Header["Accept"] {
		for one := range strings.SplitSeq(header, ",") {
			one, _, _ = strings.Cut(one, ";")
			switch strings.ToLower(strings.TrimSpace(one)) {
			case kind, family + "/*", "*/*":
				return true
			}
		}
	}
	return false
}

// stayAlive sends a sign of life and comes back.
func (p *reply) stayAlive() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w == nil {
		return
	}
	if p.startEvents() {
		p.write([]byte(": working\n\n"))
	}
	p.timer.Reset(p.keepAlive)
}

// startEvents makes the answer a stream, and reports whether it is one. The caller holds mu.
func (p *reply) startEvents() bool {
	if p.events || !p.accepts || p.w == nil {
		return p.events && p.w != nil
	}
	p.events = true
	startEvents(p.w)
	if p.kept != nil {
		p.write(p.kept.prime(p.version))
	}
	return true
}

// startEvents writes the headers of a stream.
func startEvents(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no")
	// The server's time limit for reading the request would end the stream.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	w.WriteHeader(http.StatusOK)
}

// write writes and flushes. An agent that does not read holds up nobody but itself, and not for long.
func (p *reply) write(b []byte) {
	if err := writeFlushed(p.w, b); err != nil {
		p.w = nil
	}
}

// writeWithin is how long an agent may take to read what is written to it.
const writeWithin = 30 * time.Second

func writeFlushed(w http.ResponseWriter, b []byte) error {
	c := http.NewResponseController(w)
	_ = c.SetWriteDeadline(time.Now().Add(writeWithin)) // not every writer can
	if _, err := w.Write(b); err != nil {
		return err
	}
	return c.Flush()
}

// interim sends what comes before the response.
func (p *reply) interim(text []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept != nil {
		p.kept.touch()
	}
	if !p.startEvents() && (p.kept == nil || !p.events) {
		return // nobody would ever read it
	}
	id := ""
	if p.kept != nil {
		id = p.kept.add(text)
	}
	if p.w != nil {
		p.write(appendEvent(nil, id, text))
	}
}

// final sends the response and ends the answer. The status is that of plain JSON.
func (p *reply) final(status int, text []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
	}
	if p.events {
		id := ""
		if p.kept != nil {
			id = p.kept.add(text)
			p.kept.end()
		}
		if p.w != nil {
			p.write(appendEvent(nil, id, text))
		}
		p.w = nil
		return
	}
	if p.w != nil {
		writeJSON(p.w, status, text)
	}
	p.w = nil
}

func writeJSON(w http.ResponseWriter, status int, text []byte) {
	h := w.Header()
	h["Content-Type"] = jsonType
	h["Content-Length"] = []string{strconv.Itoa(len(text))}
	h["Cache-Control"] = noStore
	w.WriteHeader(status)
	_, _ = w.Write(text) // an agent that is gone gets nothing
}

var (
	jsonType = []string{"application/json"}
	noStore  = []string{"no-store"}
)

package gateway

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// maxCalls is how many requests of a session may be unanswered.
const maxCalls = 256

// serve serves a request. A lost connection does not end it: its answer is kept for an agent that comes back.
func (s *session) serve(w http.ResponseWriter, r *http.Request, c *Caller, m *message) {
	p := newReply(w, r, s.g.KeepAlive)
	defer p.detach()
	p.kept, p.version = newKeptStream(s), s.version
	ctx, cancel := s.g.streamContext(s.ctx, c)
	defer cancel()
	q := &request{g: s.g, ctx: ctx, http: r, caller: c, message: m, reply: p, session: s}
	id := string(m.raw(m.id))
	if !s.beginCall(id, cancel) {
		q.fail(faultf(codeInvalidRequest, "id must be of no other unanswered request, and these must be at most %d", maxCalls))
		return
	}
	defer s.endCall(id)
	q.serve(sessionMethods)
}

func (s *session) beginCall(id string, cancel context.CancelFunc) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls[id] != nil || len(s.calls) >= maxCalls {
		return false
	}
	s.calls[id] = cancel
	return true
}

func (s *session) endCall(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.calls, id)
}

// notified takes a notification of the agent. Those that mean nothing to the gateway or an upstream end here.
func (s *session) notified(m *message) {
	switch m.method {
	case "notifications/initialized":
		s.mu.Lock()
		first := !s.begun
		s.begun = true
		s.mu.Unlock()
		if first {
			s.g.spawn(s.watch)
		}
	case "notifications/cancelled":
		if !m.requestID.there() {
			return
		}
		s.mu.Lock()
		cancel := s.calls[string(m.raw(m.requestID))]
		s.mu.Unlock()
		if cancel != nil {
			cancel()
		}
	case "notifications/roots/list_changed":
		s.mu.Lock()
		links := make([]*sessionLink, 0, len(s.links))
		for _, l := range s.links {
			links = append(links, l)
		}
		s.mu.Unlock()
		text := notificationMessage(m.method, nil)
		for _, l := range links {
			s.g.spawn(func() {
				ctx, cancel := context.WithTimeout(s.ctx, s.g.ConnectTimeout)
				defer cancel()
				_ = l.notify(ctx, text) // it asks again when it needs them
			})
		}
	}
}

// watch tells the agent when its lists have changed.
func (s *session) watch() {
	s.mu.Lock()
	c := s.caller
	s.mu.Unlock()
	first, err := s.g.fingerprints(s.ctx, c)
	if err != nil {
		first = nil
	}
	send := func(changed string) { s.out.push(notificationMessage(changed, nil)) }
	w := &watcher{g: s.g, caller: c, last: first, send: send}
	w.run(s.ctx)
}

// answered takes a response of the agent to a request that it was sent.
func (s *session) answered(m *message) {
	if !m.id.there() || m.raw(m.id).Kind() != '"' {
		return
	}
	s.mu.Lock()
	id := unquote(m.raw(m.id))
	c := s.asked[id]
	delete(s.asked, id)
	s.mu.Unlock()
	if c != nil {
		c <- m // has room
	}
}

// ask sends a request to the agent, within a reply or outside of all, and waits for the response.
func (s *session) ask(ctx context.Context, method string, params jsontext.Value, within *reply) (*message, error) {
	c := make(chan *message, 1)
	s.mu.Lock()
	if len(s.asked) >= maxAsking {
		s.mu.Unlock()
		return nil, errors.New("agent has too many requests to answer")
	}
	s.last++
	id := "lanyard-" + strconv.Itoa(s.last)
	s.asked[id] = c
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.asked, id)
	}()
	msg := map[string]any{"jsonrpc": "2.0", "id": id, "method": method}
	if params != nil {
		msg["params"] = params
	}
	if within != nil {
		within.interim(encode(msg))
	} else {
		s.out.push(encode(msg))
	}
	select {
	case m := <-c:
		return m, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-s.ctx.Done():
		return nil, s.ctx.Err()
	}
}

// agentMethods are the requests of upstreams that reach agents.
var agentMethods = []string{"sampling/createMessage", "elicitation/create", "roots/list"}

func isAgentMethod(method string) bool { return slices.Contains(agentMethods, method) }

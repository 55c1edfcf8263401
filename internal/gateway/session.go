package gateway

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// sessions are those of agents that speak a revision with sessions.
type sessions struct {
	mu   sync.Mutex
	byID map[string]*session
}

// A session is one of an agent. It is its caller's alone.
type session struct {
	g       *Gateway
	id      string
	key     string // of the caller
	version string
	caps    jsontext.Value // of the agent
	out     *keptStream    // outside of requests
	ctx     context.Context
	cancel  context.CancelFunc

	mu      sync.Mutex
	caller  *Caller // as of the last request
	used    time.Time
	active  int // requests and streams
	begun   bool
	level   string
	links   map[*upstream]*sessionLink
	streams []*keptStream // that have events, the oldest first
	kept    int           // bytes of their events
	asked   map[string]chan *message
	last    int // number of the last request to the agent
	calls   map[string]context.CancelFunc
	follows map[string]func() // by URI of the resource
}

// key returns what a session, or a connection that is kept for a caller, is bound to.
func (c *Caller) key() string {
	return strings.Join([]string{c.Account, c.Instance, c.Agent, c.User, c.Credential}, "\x00")
}

// sessionMethods are those of revisions with sessions. Whatever is not here is denied.
var sessionMethods map[string]method

func init() { // a variable would depend on itself
	sessionMethods = map[string]method{
		"ping":                     (*request).ping,
		"tools/list":               (*request).listTools,
		"tools/call":               (*request).callTool,
		"prompts/list":             (*request).listPrompts,
		"prompts/get":              (*request).getPrompt,
		"resources/list":           (*request).listResources,
		"resources/templates/list": (*request).listTemplates,
		"resources/read":           (*request).readResource,
		"resources/subscribe":      (*request).subscribe,
		"resources/unsubscribe":    (*request).unsubscribe,
		"completion/complete":      (*request).complete,
		"logging/setLevel":         (*request).setLevel,
		"tasks/get":                (*request).task,
		"tasks/result":             (*request).task,
		"tasks/cancel":             (*request).task,
	}
}

func (q *request) ping() error {
	q.succeed(map[string]any{})
	return nil
}

// levels are those of log messages, the least important first.
var levels = []string{"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"}

// setLevel serves logging/setLevel, which concerns what the upstreams send to this agent.
func (q *request) setLevel() error {
	if !slices.Contains(levels, q.level) {
		return faultf(codeInvalidParams, "params.level must be one of %s, got %.40q", strings.Join(levels, ", "), q.level)
	}
	s := q.session
	s.mu.Lock()
	s.level = q.level
	links := make([]*sessionLink, 0, len(s.links))
	for _, l := range s.links {
		links = append(links, l)
	}
	s.mu.Unlock()
	for _, l := range links {
		ctx, cancel := context.WithTimeout(q.ctx, q.g.ConnectTimeout)
		_ = l.setLevel(ctx, q.level) // one that has no levels sends what it sends
		cancel()
	}
	q.succeed(map[string]any{})
	return nil
}

// subscribe serves resources/subscribe. The gateway subscribes with the upstream, once for all agents.
func (q *request) subscribe() error {
	if !q.uri.at.there() {
		return faultf(codeInvalidParams, "params.uri is required")
	}
	u, _, rights := q.g.resourceRights(q.uri.value)
	return q.decideOnly(errand{upstream: u, tool: q.uri.value, rights: rights}, func() error {
		s := q.session
		s.mu.Lock()
		defer s.mu.Unlock()
		uri := q.uri.value
		if s.follows == nil || s.follows[uri] == nil && len(s.follows) >= maxResourceSubscriptions {
			return faultf(codeInvalidParams, "a session must have at most %d subscriptions", maxResourceSubscriptions)
		}
		if s.follows[uri] == nil {
			s.follows[uri] = q.g.subscribe(s.ctx, q.caller, []string{uri}, func(uri string) {
				s.out.push(notificationMessage("notifications/resources/updated", map[string]any{"uri": uri}))
			})
		}
		return nil
	})
}

// unsubscribe serves resources/unsubscribe.
func (q *request) unsubscribe() error {
	s := q.session
	s.mu.Lock()
	stop := s.follows[q.uri.value]
	if stop != nil {
		delete(s.follows, q.uri.value)
	}
	s.mu.Unlock()
	if stop != nil {
		stop()
	}
	q.succeed(map[string]any{})
	return nil
}

// serveInSession serves a message by a revision with sessions.
func (g *Gateway) serveInSession(w http.ResponseWriter, r *http.Request, c *Caller, m *message) {
	if m.method == "initialize" && m.isRequest() {
		g.beginSession(w, r, c, m)
		return
	}
	s := g.session(w, r, c)
	if s == nil {
		return
	}
	defer s.leave()
	switch {
	case m.isResponse():
		s.answered(m)
		w.WriteHeader(http.StatusAccepted)
	case m.isNotification():
		s.notified(m)
		w.WriteHeader(http.StatusAccepted)
	default:
		s.serve(w, r, c, m)
	}
}

// session returns the caller's session that the request names. Otherwise it answers, in the same way whether the
// session is another's or none, and returns nil.
func (g *Gateway) session(w http.ResponseWriter, r *http.Request, c *Caller) *session {
	ids := r.Header.Values(headerSession)
	if len(ids) != 1 {
		http.Error(w, "Mcp-Session-Id is required; a session begins with initialize", http.StatusBadRequest)
		return nil
	}
	g.sessions.mu.Lock()
	s := g.sessions.byID[ids[0]]
	g.sessions.mu.Unlock()
	if s == nil || s.key != c.key() || !s.enter(c) {
		http.Error(w, "session does not exist", http.StatusNotFound)
		return nil
	}
	return s
}

// enter notes that the session is used, and reports whether it has not ended.
func (s *session) enter(c *Caller) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.caller, s.used = c, time.Now()
	s.active++
	return s.ctx.Err() == nil
}

func (s *session) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = time.Now()
	s.active--
}

// beginSession serves initialize.
func (g *Gateway) beginSession(w http.ResponseWriter, r *http.Request, c *Caller, m *message) {
	p := newReply(w, r, g.KeepAlive)
	defer p.detach()
	s := &session{g: g, id: rand.Text() + rand.Text(), key: c.key(), version: m.version, caller: c, used: time.Now(),
		links: map[*upstream]*sessionLink{}, asked: map[string]chan *message{}, calls: map[string]context.CancelFunc{},
		follows: map[string]func(){}, caps: jsontext.Value("{}")}
	q := &request{g: g, ctx: r.Context(), http: r, caller: c, message: m, reply: p, session: s, began: time.Now()}
	if m.version == "" {
		q.fail(faultf(codeInvalidParams, "params.protocolVersion is required"))
		return
	}
	if !slices.Contains(agentSessions, s.version) {
		s.version = revisionSessions
	}
	if m.caps.there() {
		if s.caps = m.raw(m.caps).Clone(); s.caps.Kind() != '{' {
			q.fail(faultf(codeInvalidParams, "params.capabilities must be an object"))
			return
		}
	}
	s.out = newKeptStream(s)
	s.ctx, s.cancel = context.WithCancel(g.ctx)
	if !g.sessions.add(s) {
		s.cancel()
		q.fail(faultf(codeUnavailable, "the gateway has no room for another session now"))
		return
	}
	g.ready(r.Context())
	result := map[string]any{"protocolVersion": s.version, "capabilities": g.capabilities(true), "serverInfo": gatewayInfo}
	if text := g.instructions(r.Context(), c); text != "" {
		result["instructions"] = text
	}
	p.setHeader(headerSession, s.id)
	q.succeed(result)
}

// add adds a session if there is room. The oldest idle one of the same caller makes room.
func (all *sessions) add(s *session) bool {
	all.mu.Lock()
	defer all.mu.Unlock()
	var own []*session
	for _, other := range all.byID {
		if other.key == s.key {
			own = append(own, other)
		}
	}
	if len(own) >= s.g.MaxCallerSessions {
		oldest := slices.MinFunc(own, func(a, b *session) int { return a.lastUsed().Compare(b.lastUsed()) })
		delete(all.byID, oldest.id)
		s.g.spawn(oldest.end)
	}
	if len(all.byID) >= s.g.MaxSessions {
		return false
	}
	all.byID[s.id] = s
	return true
}

func (s *session) lastUsed() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.active > 0 {
		return time.Now()
	}
	return s.used
}

// end ends a session and those with upstreams that were opened for it.
func (s *session) end() {
	s.cancel()
	s.mu.Lock()
	links, follows := s.links, s.follows
	s.links, s.follows = nil, nil
	s.mu.Unlock()
	for _, l := range links {
		l.close()
	}
	for _, stop := range follows {
		stop()
	}
}

func (all *sessions) endAll() {
	all.mu.Lock()
	ended := all.byID
	all.byID = map[string]*session{}
	all.mu.Unlock()
	for _, s := range ended {
		s.end()
	}
}

// endIdle ends sessions that nobody uses, until the gateway ends.
func (g *Gateway) endIdle() {
	tick := time.NewTicker(max(g.SessionIdle/10, time.Second))
	defer tick.Stop()
	for {
		select {
		case <-g.ctx.Done():
			return
		case <-tick.C:
		}
		before := time.Now().Add(-g.SessionIdle)
		var idle []*session
		g.sessions.mu.Lock()
		for id, s := range g.sessions.byID {
			if s.lastUsed().Before(before) {
				delete(g.sessions.byID, id)
				idle = append(idle, s)
			}
		}
		g.sessions.mu.Unlock()
		for _, s := range idle {
			s.end()
		}
		g.pools.endIdle(before)
	}
}

// serveEnd serves DELETE.
func (g *Gateway) serveEnd(w http.ResponseWriter, r *http.Request, c *Caller) {
	if r.Header.Get(headerSession) == "" {
		w.Header().Set("Allow", "POST")
		http.Error(w, "method must be POST without Mcp-Session-Id", http.StatusMethodNotAllowed)
		return
	}
	s := g.session(w, r, c)
	if s == nil {
		return
	}
	defer s.leave()
	g.sessions.mu.Lock()
	delete(g.sessions.byID, s.id)
	g.sessions.mu.Unlock()
	s.end()
	w.WriteHeader(http.StatusNoContent)
}

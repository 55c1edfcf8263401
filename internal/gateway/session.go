package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
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

// sessionPeer hands what an upstream sends to the agent.
type sessionPeer struct{ s *session }

func (p sessionPeer) outside(u *upstream, m *message) {
	switch m.method {
	case "notifications/message", "notifications/elicitation/complete":
		p.s.out.push(m.text)
	default:
		u.heard(m)
	}
}

func (p sessionPeer) ask(ctx context.Context, u *upstream, m *message, within *reply) []byte {
	if !isAgentMethod(m.method) {
		return answerAlone(m)
	}
	var params jsontext.Value
	if m.params.there() {
		params = m.raw(m.params)
	}
	answer, err := p.s.ask(ctx, m.method, params, within)
	if err != nil {
		return faultMessage(m.raw(m.id), faultf(codeInternal, "the agent did not answer"))
	}
	return splice(answer.text, edit{answer.id, m.raw(m.id)})
}

// link returns the session with an upstream that belongs to this one.
func (s *session) link(ctx context.Context, u *upstream) (*sessionLink, error) {
	s.mu.Lock()
	l := s.links[u]
	s.mu.Unlock()
	if l != nil && l.ctx.Err() == nil {
		return l, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, u.g.ConnectTimeout, errTimeout)
	defer cancel()
	l, err := u.openSession(ctx, sessionPeer{s}, s.caps)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	if s.links == nil { // ended in the meantime
		s.mu.Unlock()
		l.close()
		return nil, errSessionGone
	}
	if other := s.links[u]; other != nil && other.ctx.Err() == nil {
		s.mu.Unlock()
		l.close()
		return other, nil
	}
	s.links[u] = l
	level := s.level
	s.mu.Unlock()
	if level != "" {
		_ = l.setLevel(ctx, level) // it does not matter to the call
	}
	s.g.spawn(func() { _ = l.listen(l.ctx, func() {}) }) // what it says there is a courtesy
	return l, nil
}

func (l *sessionLink) setLevel(ctx context.Context, level string) error {
	_, err := l.call(ctx, &outgoing{id: jsontext.Value("0"), method: "logging/setLevel", text: encode(map[string]any{
		"jsonrpc": "2.0", "id": 0, "method": "logging/setLevel", "params": map[string]any{"level": level}})},
		func(*message) {})
	return err
}

// askSession has an upstream answer that speaks a revision with sessions.
func (q *request) askSession(ctx context.Context, e errand, c *connection) (*incoming, error) {
	o := &outgoing{id: q.raw(q.id), method: q.method, text: splice(q.text, append(e.edits, q.withoutMeta()...)...)}
	if !c.sessions() {
		return c.link.call(ctx, o, q.pass)
	}
	if q.stateless() {
		return q.askParked(ctx, e, o)
	}
	for again := true; ; again = false {
		l, err := q.session.link(ctx, e.upstream)
		if err != nil {
			return nil, err
		}
		in, err := l.call(ctx, o, func(m *message) {
			if m.isRequest() {
				l.take(ctx, m, q.reply)
			} else {
				q.pass(m)
			}
		})
		if !errors.Is(err, errSessionGone) || !again {
			return in, err
		}
		l.cancel() // the upstream has forgotten it, and has not seen the request
	}
}

// askParked has an upstream answer in a session of the caller's own. The call may have to wait for the agent.
func (q *request) askParked(ctx context.Context, e errand, o *outgoing) (*incoming, error) {
	if strings.HasPrefix(e.state, parkedState) {
		return q.resume(ctx, e.state)
	}
	for again := true; ; again = false {
		l, err := q.g.pools.link(ctx, q.caller, e.upstream, q.sessionCapabilities())
		if err != nil {
			return nil, err
		}
		in, err := q.await(ctx, q.park(l, o))
		if !errors.Is(err, errSessionGone) || !again {
			return in, err
		}
		l.cancel() // the upstream has forgotten it, and has not seen the request
	}
}

// withoutMeta returns the edit that removes what only the revision without sessions says in each request.
func (q *request) withoutMeta() []edit {
	if !q.stateless() || !q.meta.there() {
		return nil
	}
	var meta map[string]jsontext.Value
	if json.Unmarshal(q.raw(q.meta), &meta) != nil {
		return nil
	}
	for _, key := range []string{keyVersion, keyClientInfo, keyClientCaps, keyLogLevel} {
		delete(meta, key)
	}
	return []edit{{q.meta, encode(meta)}}
}

// maxRounds is how often an upstream may ask for more in one call.
const maxRounds = 10

// inputNeeded is a result that asks the agent for something.
type inputNeeded struct {
	ResultType    string                    `json:"resultType"`
	InputRequests map[string]agentRequest   `json:"inputRequests"`
	RequestState  jsontext.Value            `json:"requestState"`
	responses     map[string]jsontext.Value // to be sent
}

type agentRequest struct {
	Method string         `json:"method"`
	Params jsontext.Value `json:"params"`
}

// callStateless has an upstream answer that speaks the revision without sessions. What it needs of the agent is asked
// for in the session, and each further round is decided like the first.
func (s *session) callStateless(ctx context.Context, q *request, e errand, c *connection, o *outgoing) (
	*incoming, error) {
	if q.inputs.there() || q.state.at.there() { // which the gateway sends in later rounds
		return nil, faultf(codeInvalidParams, "params.inputResponses and params.requestState must be absent in a session")
	}
	o.text = splice(q.text, append(e.edits, s.metaEdit(q.message, nil))...)
	for range maxRounds {
		in, err := c.link.call(ctx, o, q.pass)
		if err != nil || !in.result.there() {
			return in, err
		}
		var need inputNeeded
		if json.Unmarshal(in.raw(in.result), &need) != nil || need.ResultType != "input_required" {
			return in, nil
		}
		if err := s.fulfil(ctx, q, &need); err != nil {
			return nil, err
		}
		if err := q.decideAgain(e); err != nil {
			return nil, err
		}
		o.text = splice(q.text, append(e.edits, s.metaEdit(q.message, &need))...)
	}
	return nil, fmt.Errorf("upstream asked for more in %d rounds", maxRounds)
}

// fulfil asks the agent for all that an upstream needs.
func (s *session) fulfil(ctx context.Context, q *request, need *inputNeeded) error {
	if len(need.InputRequests) > maxAsking {
		return errors.New("upstream asks for too much")
	}
	need.responses = map[string]jsontext.Value{}
	for key, r := range need.InputRequests {
		if !isAgentMethod(r.Method) {
			return fmt.Errorf("upstream asks for %q", r.Method)
		}
		m, err := s.ask(ctx, r.Method, r.Params, q.reply)
		if err != nil {
			return err
		}
		if m.fault.there() {
			return readFault(m)
		}
		need.responses[key] = m.raw(m.result)
	}
	return nil
}

// decideAgain decides an errand once more.
func (q *request) decideAgain(e errand) error {
	decisions, err := q.g.Authority.Decide(q.ctx, q.caller, e.rights)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(decisions, func(d Decision) bool { return d.Allow }) {
		return faultf(codeDenied, "%s", q.g.Authority.Refusal(q.ctx, q.caller, e.rights[0]))
	}
	return nil
}

// metaEdit returns the edit that adds to a request of a session what the revision without requires.
func (s *session) metaEdit(m *message, need *inputNeeded) edit {
	meta := map[string]any{keyVersion: revisionStateless, keyClientInfo: gatewayInfo, keyClientCaps: s.caps}
	s.mu.Lock()
	if s.level != "" {
		meta[keyLogLevel] = s.level
	}
	s.mu.Unlock()
	inner := encode(meta)
	inner = inner[1 : len(inner)-1]
	var more []byte
	if need != nil {
		more = fmt.Appendf(more, `"inputResponses":%s,`, encode(need.responses))
		if need.RequestState != nil {
			more = fmt.Appendf(more, `"requestState":%s,`, need.RequestState)
		}
	}
	comma := func(at span) string {
		for _, c := range m.text[at.start+1 : at.end-1] {
			if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
				return ","
			}
		}
		return ""
	}
	switch {
	case !m.params.there():
		end := len(m.text)
		for m.text[end-1] != '}' {
			end--
		}
		return edit{span{end - 1, end - 1}, fmt.Appendf(nil, `,"params":{%s"_meta":{%s}}`, more, inner)}
	case !m.meta.there():
		at := m.params.start + 1
		return edit{span{at, at}, fmt.Appendf(nil, `%s"_meta":{%s}%s`, more, inner, comma(m.params))}
	}
	return edit{m.meta, append(encode(mergedMeta(m.raw(m.meta), meta)), moreAfter(more)...)}
}

// mergedMeta returns what an agent says in _meta with what the gateway says of itself, which the agent cannot say.
func mergedMeta(sent jsontext.Value, own map[string]any) map[string]any {
	var all map[string]jsontext.Value
	if json.Unmarshal(sent, &all) != nil {
		return own
	}
	for name, value := range all {
		switch name {
		case keyVersion, keyClientInfo, keyClientCaps, keyLogLevel:
		default:
			own[name] = value
		}
	}
	return own
}

// moreAfter returns members that follow another.
func moreAfter(more []byte) []byte {
	if len(more) == 0 {
		return nil
	}
	return append([]byte(","), more[:len(more)-1]...)
}

// pools are the sessions with upstreams of callers that have none with the gateway. A caller shares none with another.
type pools struct {
	mu    sync.Mutex
	links map[poolKey]*pooled
}

type poolKey struct {
	caller       string
	upstream     *upstream
	capabilities string // of the agent
}

type pooled struct {
	link *sessionLink
	used time.Time
}

// link returns the session of a caller with an upstream, for an agent with these capabilities.
func (p *pools) link(ctx context.Context, c *Caller, u *upstream, capabilities jsontext.Value) (*sessionLink, error) {
	key := poolKey{c.key(), u, string(capabilities)}
	p.mu.Lock()
	if have := p.links[key]; have != nil && have.link.ctx.Err() == nil {
		have.used = time.Now()
		p.mu.Unlock()
		return have.link, nil
	}
	p.mu.Unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, u.g.ConnectTimeout, errTimeout)
	defer cancel()
	l, err := u.openSession(ctx, nobody{}, capabilities)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.links == nil {
		p.links = map[poolKey]*pooled{}
	}
	if other := p.links[key]; other != nil && other.link.ctx.Err() == nil {
		l.close()
		return other.link, nil
	}
	if len(p.links) >= u.g.MaxSessions {
		p.endOldest()
	}
	p.links[key] = &pooled{l, time.Now()}
	return l, nil
}

// endOldest makes room. The caller holds mu.
func (p *pools) endOldest() {
	var oldest poolKey
	var at *pooled
	for key, have := range p.links {
		if at == nil || have.used.Before(at.used) {
			oldest, at = key, have
		}
	}
	if at != nil {
		delete(p.links, oldest)
		at.link.close()
	}
}

func (p *pools) endIdle(before time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, have := range p.links {
		if have.used.Before(before) {
			delete(p.links, key)
			have.link.close()
		}
	}
}

func (p *pools) endAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, have := range p.links {
		have.link.close()
	}
	p.links = nil
}

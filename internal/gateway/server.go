package gateway

import (
	"context"
	"errors"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/lanyard/lanyard/internal/sealed"
)

// A Gateway is the MCP server that agents see. It is an http.Handler for one path and for the metadata below
// /.well-known/.
type Gateway struct {
	Config
	upstreams []*upstream
	prefixed  bool
	changes   feed    // of what upstreams offer
	updates   updates // of resources
	sessions  sessions
	streams   streamSlots
	began     time.Time
	pools     pools
	parked    parkedCalls
	tasks     sealed.Box
	states    sealed.Box

	streaming  context.Context // ends with EndStreams
	endStreams context.CancelFunc

	away rate.Sometimes // when to log that nothing can be decided

	ctx    context.Context // ends with the gateway
	cancel context.CancelFunc
	group  sync.WaitGroup
}

// New returns a gateway, which connects to its upstreams at once and again whenever a connection is lost. Close ends
// it.
func New(c Config) (*Gateway, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	g := &Gateway{Config: c, prefixed: c.Prefixed || len(c.Upstreams) > 1, began: time.Now(),
		tasks:  sealed.Box{Secret: c.Secret, Purpose: "mcp task"},
		states: sealed.Box{Secret: c.Secret, Purpose: "mcp request state"},
		away:   rate.Sometimes{Interval: time.Second}}
	g.ctx, g.cancel = context.WithCancel(context.Background())
	g.streaming, g.endStreams = context.WithCancel(g.ctx)
	g.sessions.byID = map[string]*session{}
	for i, u := range c.Upstreams {
		g.upstreams = append(g.upstreams, newUpstream(g, i, u))
	}
	for _, u := range g.upstreams {
		if u.Local != nil {
			close(u.tried)
			continue
		}
		g.spawn(u.run)
	}
	g.spawn(g.endIdle)
	return g, nil
}

// spawn runs f in a goroutine that Close waits for.
func (g *Gateway) spawn(f func()) {
	g.group.Add(1)
	go func() {
		defer g.group.Done()
		f()
	}()
}

// EndStreams ends the streams that would go on for ever: subscriptions, and those of sessions outside of requests.
// Calls in progress go on.
func (g *Gateway) EndStreams() { g.endStreams() }

// Close ends all streams and the connections to upstreams, and waits for what runs.
func (g *Gateway) Close() {
	g.cancel()
	g.sessions.endAll()
	g.parked.endAll()
	g.pools.endAll()
	g.group.Wait()
	for _, u := range g.upstreams {
		u.client.CloseIdleConnections()
	}
}

const wellKnown = "/.well-known/"

func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, wellKnown) {
		g.Authenticator.ServeMetadata(w, r)
		return
	}
	if f := g.checkOrigin(r); f != nil {
		writeJSON(w, http.StatusForbidden, faultMessage(nil, f))
		return
	}
	if r.Header.Get("Origin") != "" {
		allowOrigin(w.Header(), r)
		if r.Method == http.MethodOptions {
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	c, err := g.Authenticator.Authenticate(r)
	if err != nil {
		g.answerStranger(w, r, err)
		return
	}
	switch r.Method {
	case http.MethodPost:
		g.servePost(w, r, c)
	case http.MethodGet:
		g.serveStream(w, r, c)
	case http.MethodDelete:
		g.serveEnd(w, r, c)
	default:
		w.Header().Set("Allow", "POST, GET, DELETE")
		http.Error(w, "method must be POST, GET or DELETE", http.StatusMethodNotAllowed)
	}
}

// answerStranger answers a request that proves nobody's identity.
func (g *Gateway) answerStranger(w http.ResponseWriter, r *http.Request, err error) {
	var who *Unauthenticated
	if !errors.As(err, &who) {
		g.logAway("callers cannot be authenticated now", err)
		writeJSON(w, http.StatusServiceUnavailable, faultMessage(nil, faultf(codeInternal, "callers cannot be authenticated now")))
		return
	}
	status, insufficient := http.StatusUnauthorized, (*Right)(nil)
	if who.Insufficient {
		status, insufficient = http.StatusForbidden, &Right{}
	}
	if challenge := g.Authenticator.Challenge(r, insufficient); challenge != "" {
		w.Header().Set("WWW-Authenticate", challenge)
	}
	writeJSON(w, status, faultMessage(nil, faultf(codeDenied, "%s", who.Reason)))
}

// logAway logs that callers cannot be decided about, but not for each request of an agent that keeps on asking.
func (g *Gateway) logAway(what string, err error) {
	g.away.Do(func() { g.Logger.Error(what, "error", err) })
}

// checkOrigin refuses web pages that are not meant to call. A page of a stranger can reach a gateway on the machine of
// its reader, by a name that the stranger points there; so names of a gateway on loopback are checked as well.
func (g *Gateway) checkOrigin(r *http.Request) *fault {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	called := strings.ToLower(hostOf(r.Host))
	if local != nil && isLoopback(hostOf(local.String())) && !isLoopback(called) && !g.hasHost(called) {
		return faultf(codeInvalidRequest, "Host must be a name of this machine or listed in hosts, got %.100q", r.Host)
	}
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return nil
	}
	if len(origins) == 1 {
		if slices.Contains(g.Origins, origins[0]) {
			return nil
		}
		u, err := url.Parse(origins[0])
		if err == nil && (u.Scheme == "http" || u.Scheme == "https") && isLoopback(u.Hostname()) && isLoopback(called) {
			return nil
		}
	}
	return faultf(codeInvalidRequest, "Origin must be listed in origins, got %.100q", strings.Join(origins, ", "))
}

// hasHost reports whether the gateway may be called by a name, whose case does not matter.
func (g *Gateway) hasHost(name string) bool {
	return slices.ContainsFunc(g.Hosts, func(host string) bool { return strings.EqualFold(host, name) })
}

func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	return strings.Trim(host, "[]")
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// allowOrigin lets a page read the answer.
func allowOrigin(h http.Header, r *http.Request) {
	h.Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Expose-Headers", "Mcp-Session-Id, Lanyard-Decision-Id, WWW-Authenticate, Retry-After")
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "POST, GET, DELETE")
		h.Set("Access-Control-Allow-Headers", r.Header.Get("Access-Control-Request-Headers"))
		h.Set("Access-Control-Max-Age", "600")
	}
}

// servePost reads a message and finds out by which revision it is meant.
func (g *Gateway) servePost(w http.ResponseWriter, r *http.Request, c *Caller) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		http.Error(w, "Content-Type must be application/json", http.StatusUnsupportedMediaType)
		return
	}
	if r.Header.Get("Content-Encoding") != "" {
		http.Error(w, "Content-Encoding must be absent", http.StatusUnsupportedMediaType)
		return
	}
	body, err := readAll(r.Body, r.ContentLength, g.MaxRequestBytes)
	if errors.Is(err, errTooLarge) {
		w.Header().Set("Connection", "close")
		writeJSON(w, http.StatusRequestEntityTooLarge,
			faultMessage(nil, faultf(codeInvalidRequest, "body must have at most %d bytes", g.MaxRequestBytes)))
		return
	}
	if err != nil {
		http.Error(w, "body could not be read", http.StatusBadRequest)
		return
	}
	m, err := parseMessage(body)
	if err != nil {
		writeJSON(w, http.StatusBadRequest, faultMessage(nil, faultf(codeInvalidRequest, "%v", err)))
		return
	}
	versions := r.Header.Values(headerVersion)
	if len(versions) > 1 {
		refuseHeaders(w, m, faultf(codeHeaderMismatch, "MCP-Protocol-Version must be sent once"))
		return
	}
	version := r.Header.Get(headerVersion)
	switch {
	case version == revisionStateless:
		g.serveStateless(w, r, c, m)
	case version != "" && !slices.Contains(agentSessions, version) && m.method != "initialize":
		g.refuseVersion(w, m, version)
	case m.metaVersion != "":
		refuseHeaders(w, m, faultf(codeHeaderMismatch, "MCP-Protocol-Version must be %q as in the body, got %q",
			m.metaVersion, version))
	default:
		g.serveInSession(w, r, c, m)
	}
}

// idOf returns the id of a message, nil if it has none.
func idOf(m *message) []byte {
	if m.isResponse() || !m.id.there() {
		return nil
	}
	return m.raw(m.id)
}

func refuseHeaders(w http.ResponseWriter, m *message, f *fault) {
	writeJSON(w, http.StatusBadRequest, faultMessage(idOf(m), f))
}

func (g *Gateway) refuseVersion(w http.ResponseWriter, m *message, requested string) {
	f := faultf(codeUnsupportedVersion, "MCP-Protocol-Version must be one that the gateway supports, got %.40q", requested)
	f.Data = encode(map[string]any{"supported": append([]string{revisionStateless}, agentSessions...), "requested": requested})
	refuseHeaders(w, m, f)
}

// serveStateless serves a message by the revision without sessions.
func (g *Gateway) serveStateless(w http.ResponseWriter, r *http.Request, c *Caller, m *message) {
	switch {
	case m.isResponse():
		refuseHeaders(w, m, faultf(codeInvalidRequest, "message must be a request or a notification"))
		return
	case m.isNotification():
		w.WriteHeader(http.StatusAccepted) // this revision has none that mean anything
		return
	}
	if f := checkMeta(m); f != nil {
		refuseHeaders(w, m, f)
		return
	}
	if f := checkHeaders(r.Header, m); f != nil {
		refuseHeaders(w, m, f)
		return
	}
	p := newReply(w, r, g.KeepAlive)
	defer p.detach()
	q := &request{g: g, ctx: r.Context(), http: r, caller: c, message: m, reply: p}
	if m.method == "subscriptions/listen" {
		p.stop()
		g.serveSubscription(w, q)
		return
	}
	q.serve(statelessMethods)
}

// checkMeta reports what is wrong with what each request of the revision without sessions says of itself.
func checkMeta(m *message) *fault {
	switch {
	case m.metaVersion == "":
		return faultf(codeInvalidParams, "params._meta.%s is required", keyVersion)
	case m.metaVersion != revisionStateless:
		return faultf(codeHeaderMismatch, "MCP-Protocol-Version must be %q as in the body, got %q", m.metaVersion, revisionStateless)
	case !m.clientCaps.there():
		return faultf(codeInvalidParams, "params._meta.%s is required", keyClientCaps)
	case m.raw(m.clientCaps).Kind() != '{':
		return faultf(codeInvalidParams, "params._meta.%s must be an object", keyClientCaps)
	}
	return nil
}

// detach ends the answer without a response: the agent is gone, or gets it on another stream.
func (p *reply) detach() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
	}
	p.w = nil
}

// stop ends the signs of life.
func (p *reply) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.timer != nil {
		p.timer.Stop()
	}
}

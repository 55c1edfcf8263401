package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/time/rate"
)

// Revisions of the protocol.
const (
	revisionStateless = "2026-07-28"
	revisionSessions  = "2025-11-25"
)

// agentSessions are the revisions with sessions that agents may speak, and upstreamSessions those of upstreams.
var (
	agentSessions    = []string{revisionSessions, "2025-06-18"}
	upstreamSessions = []string{revisionSessions, "2025-06-18", "2025-03-26", "2024-11-05"}
)

// An outgoing is a request on its way to an upstream.
type outgoing struct {
	text   []byte
	id     jsontext.Value
	method string
	name   string      // for Mcp-Name; "" has none
	header http.Header // Mcp-Param-…
}

// An incoming is the response of an upstream, whose id is that of the request.
type incoming struct {
	*message
	status   int  // of HTTP; 0 elsewhere
	sessions bool // in a revision with sessions
}

// A link carries requests to an upstream in the revision that it speaks.
type link interface {
	// call sends a request and returns its response. Until then, each takes the notifications of the upstream, and its
	// requests in revisions that have them, one after the other.
	call(ctx context.Context, o *outgoing, each func(*message)) (*incoming, error)
	// notify sends a notification, or a response to a request of the upstream.
	notify(ctx context.Context, text []byte) error
	close()
}

// Errors of links.
var (
	errSessionGone = errors.New("upstream ended the session")
	errMalformed   = errors.New("upstream sent a malformed message")
	errNoResponse  = errors.New("upstream ended its answer without a response")
	errDown        = errors.New("upstream is not connected")
)

// A statusError is an answer of an upstream that is not JSON-RPC.
type statusError struct{ status int }

func (e *statusError) Error() string {
	return fmt.Sprintf("upstream answered with HTTP status %d", e.status)
}

// newClient returns a client for upstreams. It follows no redirects: they could lead anywhere.
func newClient() *http.Client {
	dialer := net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		MaxIdleConns:           1024,
		MaxIdleConnsPerHost:    512,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}
	return &http.Client{
		Transport:     newRoundTripper(transport, dialer),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// stateless is the link to an upstream that speaks 2026-07-28 over HTTP. It has no state.
type stateless struct{ u *upstream }

var (
	acceptBoth    = []string{"application/json, text/event-stream"}
	acceptEvents  = []string{"text/event-stream"}
	userAgent     = []string{"lanyard-mcp-gateway"}
	statelessOnly = []string{revisionStateless}
)

func (l stateless) call(ctx context.Context, o *outgoing, each func(*message)) (*incoming, error) {
	h := make(http.Header, 8+len(l.u.Header)+len(o.header))
	for k, v := range l.u.Header {
		h[k] = v
	}
	for k, v := range o.header {
		h[k] = v
	}
	h[headerVersion] = statelessOnly
	h[headerMethod] = []string{o.method}
	if o.name != "" {
		h[headerName] = []string{encodeHeader(o.name)}
	}
	resp, err := l.u.send(ctx, http.MethodPost, h, o.text)
	if err != nil {
		return nil, err
	}
	defer closeBody(resp)
	return l.u.readAnswer(resp, o.id, each, nil)
}

func (l stateless) notify(context.Context, []byte) error { return nil } // this revision has none

func (l stateless) close() {}

// send sends a request to the upstream's URL. It takes h over.
func (u *upstream) send(ctx context.Context, method string, h http.Header, body []byte) (*http.Response, error) {
	req := &http.Request{Method: method, URL: u.at, Host: u.at.Host, Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if host := h.Get("Host"); host != "" {
		req.Host = host
	}
	h["User-Agent"] = userAgent
	if method == http.MethodPost {
		h["Content-Type"] = jsonType
		h["Accept"] = acceptBoth
		req.ContentLength = int64(len(body))
		req.Body = io.NopCloser(bytes.NewReader(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	} else if method == http.MethodGet {
		h["Accept"] = acceptEvents
	}
	resp, err := u.client.Do(req.WithContext(ctx))
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	return resp, nil
}

// closeBody ends an answer. What is left of a short one is read, so that the connection can be used again.
func closeBody(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
	_ = resp.Body.Close()
}

// readAnswer reads an answer to the request with an id up to its response. noted is told of each event, if it is not
// nil.
func (u *upstream) readAnswer(resp *http.Response, id jsontext.Value, each func(*message), noted func(event)) (
	*incoming, error) {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	switch {
	case kind == "application/json":
		text, err := readAll(resp.Body, resp.ContentLength, u.g.MaxMessageBytes)
		if err != nil {
			return nil, err
		}
		m, err := parseMessage(text)
		if err != nil || !m.isResponse() {
			if resp.StatusCode >= 400 {
				return nil, &statusError{resp.StatusCode}
			}
			return nil, fmt.Errorf("%w: %v", errMalformed, err)
		}
		if resp.StatusCode >= 400 && !m.fault.there() {
			return nil, &statusError{resp.StatusCode}
		}
		return answer(m, id, resp.StatusCode)
	case resp.StatusCode != http.StatusOK:
		return nil, &statusError{resp.StatusCode}
	case kind == "text/event-stream":
		return u.readEvents(resp.Body, id, each, noted)
	}
	return nil, fmt.Errorf("%w: content type %q", errMalformed, kind)
}

// readEvents reads a stream up to the response to the request with an id.
func (u *upstream) readEvents(body io.Reader, id jsontext.Value, each func(*message), noted func(event)) (
	*incoming, error) {
	r, pace := newEventReader(body, u.g.MaxMessageBytes), newPace()
	for {
		e, err := r.next()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, errNoResponse
		}
		if err != nil {
			return nil, err
		}
		if noted != nil {
			noted(e)
		}
		if len(e.data) == 0 {
			continue
		}
		m, err := parseMessage(e.data)
		if err != nil {
			return nil, fmt.Errorf("%w: %v", errMalformed, err)
		}
		if m.isResponse() {
			return answer(m, id, 0)
		}
		if err := pace.Wait(u.g.ctx); err != nil {
			return nil, err
		}
		each(m)
	}
}

// newPace returns what slows down an upstream that sends more notifications in a stream than any agent can use, so
// that others have the machine.
func newPace() *rate.Limiter { return rate.NewLimiter(1000, 200) }

// answer returns m as the response to the request with an id. An error may have none.
func answer(m *message, id jsontext.Value, status int) (*incoming, error) {
	switch {
	case m.id.there() && sameID(m.raw(m.id), id):
		return &incoming{message: m, status: status}, nil
	case !m.id.there() && m.fault.there():
		var text []byte
		text = append(append(text, `{"jsonrpc":"2.0","id":`...), id...)
		text = append(append(append(text, `,"error":`...), m.raw(m.fault)...), '}')
		m, err := parseMessage(text)
		return &incoming{message: m, status: status}, err
	}
	return nil, fmt.Errorf("%w: a response to another request", errMalformed)
}

// sameID reports whether two ids are the same, however they are written.
func sameID(a, b jsontext.Value) bool {
	if bytes.Equal(a, b) {
		return true
	}
	return a.Kind() == '"' && b.Kind() == '"' && unquote(a) == unquote(b)
}

// readAll reads a body of a known size, or -1.
func readAll(r io.Reader, size int64, limit int) ([]byte, error) {
	if size > int64(limit) {
		return nil, errTooLarge
	}
	if size >= 0 {
		b := make([]byte, size)
		_, err := io.ReadFull(r, b)
		return b, err
	}
	b, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if len(b) > limit {
		return nil, errTooLarge
	}
	return b, err
}

// A sessionLink is a session with an upstream that speaks a revision with sessions over HTTP.
type sessionLink struct {
	u       *upstream
	peer    peer
	version string
	id      string // "" if the upstream has none
	hello   *hello
	asking  chan struct{} // has an item for each request of the upstream that waits for its response
	last    atomic.Int64  // id of a request
	ctx     context.Context
	cancel  context.CancelFunc
}

// maxAsking is how many requests of an upstream may wait for their responses in one session.
const maxAsking = 32

// A peer takes what an upstream sends in a session outside of calls, and requests of the upstream in calls.
type peer interface {
	// outside takes a notification.
	outside(u *upstream, m *message)
	// ask answers a request, which came in the call whose reply is given, or outside of all.
	ask(ctx context.Context, u *upstream, m *message, within *reply) []byte
}

// nobody is the peer where there is no agent with a session.
type nobody struct{}

func (nobody) outside(*upstream, *message) {}

func (nobody) ask(_ context.Context, _ *upstream, m *message, _ *reply) []byte { return answerAlone(m) }

// answerAlone answers a request of an upstream where no agent can.
func answerAlone(m *message) []byte {
	if m.method == "ping" {
		return resultMessage(m.raw(m.id), jsontext.Value("{}"))
	}
	return faultMessage(m.raw(m.id), faultf(codeMethodNotFound, "method %q is not available here", m.method))
}

// openSession begins a session: it initializes the upstream for an agent with these capabilities.
func (u *upstream) openSession(ctx context.Context, p peer, capabilities jsontext.Value) (*sessionLink, error) {
	l := &sessionLink{u: u, peer: p, asking: make(chan struct{}, maxAsking)}
	o := initializeRequest(capabilities)
	resp, err := u.send(ctx, http.MethodPost, l.headers(), o.text)
	if err != nil {
		return nil, err
	}
	defer closeBody(resp)
	in, err := u.readAnswer(resp, o.id, func(*message) {}, nil)
	if err != nil {
		return nil, err
	}
	if l.hello, err = readHello(in.message); err != nil {
		return nil, err
	}
	if !slices.Contains(upstreamSessions, l.hello.version) {
		return nil, fmt.Errorf("upstream speaks revision %q, which the gateway does not", l.hello.version)
	}
	l.version, l.id = l.hello.version, resp.Header.Get(headerSession)
	if len(l.id) > 1024 {
		return nil, errors.New("upstream has a session id of more than 1024 bytes")
	}
	l.ctx, l.cancel = context.WithCancel(u.g.ctx)
	if err := l.notify(ctx, initialized); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

var initialized = []byte(`{"jsonrpc":"2.0","method":"notifications/initialized"}`)

// initializeRequest returns the first request of a session.
func initializeRequest(capabilities jsontext.Value) *outgoing {
	if capabilities == nil {
		capabilities = jsontext.Value("{}")
	}
	return &outgoing{id: jsontext.Value("0"), method: "initialize", text: encode(map[string]any{
		"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": map[string]any{
			"protocolVersion": revisionSessions, "capabilities": capabilities, "clientInfo": gatewayInfo}})}
}

func (l *sessionLink) headers() http.Header {
	h := make(http.Header, 6+len(l.u.Header))
	for k, v := range l.u.Header {
		h[k] = v
	}
	if l.id != "" {
		h[headerSession] = []string{l.id}
	}
	if l.version >= "2025-06-18" { // earlier ones have no such header
		h[headerVersion] = []string{l.version}
	}
	return h
}

// maxResumptions is how often the stream of one call is taken up again.
const maxResumptions = 5

// call implements link. The request gets an id that no other of the session has: agents without sessions share one.
func (l *sessionLink) call(ctx context.Context, o *outgoing, each func(*message)) (*incoming, error) {
	m, err := parseMessage(o.text)
	if err != nil {
		return nil, err
	}
	own := *o
	own.id = strconv.AppendInt(nil, l.last.Add(1), 10)
	own.text = splice(m.text, edit{m.id, own.id})
	in, err := l.exchange(ctx, &own, each)
	if err != nil {
		return nil, err
	}
	return restoreID(in.message, o.id)
}

func (l *sessionLink) exchange(ctx context.Context, o *outgoing, each func(*message)) (*incoming, error) {
	resp, err := l.u.send(ctx, http.MethodPost, l.headers(), o.text)
	if err != nil {
		l.cancelCall(ctx, o)
		return nil, err
	}
	last, retry := "", time.Second
	noted := func(e event) {
		if e.hasID && len(e.id) < 1024 {
			last = e.id
		}
		if e.retry >= 0 {
			retry = min(e.retry, 10*time.Second)
		}
	}
	for range maxResumptions {
		in, err := l.u.readAnswer(resp, o.id, each, noted)
		closeBody(resp)
		var status *statusError
		switch {
		case err == nil:
			return in, nil
		case errors.As(err, &status) && status.status == http.StatusNotFound && l.id != "":
			return nil, errSessionGone
		case !errors.Is(err, errNoResponse) || last == "":
			l.cancelCall(ctx, o)
			return nil, err
		}
		if err := sleep(ctx, retry); err != nil {
			l.cancelCall(ctx, o)
			return nil, err
		}
		h := l.headers()
		h[headerLastEvent] = []string{last}
		if resp, err = l.u.send(ctx, http.MethodGet, h, nil); err != nil {
			return nil, err
		}
	}
	closeBody(resp)
	return nil, errNoResponse
}

// cancelCall tells the upstream that nobody waits for the response any more.
func (l *sessionLink) cancelCall(ctx context.Context, o *outgoing) {
	if ctx.Err() == nil {
		return
	}
	text := notificationMessage("notifications/cancelled", map[string]any{"requestId": o.id, "reason": "no longer needed"})
	l.u.g.spawn(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second) // also when the session ends
		defer cancel()
		_ = l.notify(ctx, text) // it may be gone as well
	})
}

func (l *sessionLink) notify(ctx context.Context, text []byte) error {
	resp, err := l.u.send(ctx, http.MethodPost, l.headers(), text)
	if err != nil {
		return err
	}
	defer closeBody(resp)
	if resp.StatusCode == http.StatusNotFound && l.id != "" {
		return errSessionGone
	}
	if resp.StatusCode >= 300 {
		return &statusError{resp.StatusCode}
	}
	return nil
}

// listen reads what the upstream sends outside of calls until the session ends. It calls opened each time that it
// begins, and returns an error that is a statusError with 405 when the upstream sends nothing.
func (l *sessionLink) listen(ctx context.Context, opened func()) error {
	last, retry := "", time.Second
	for {
		h := l.headers()
		if last != "" {
			h[headerLastEvent] = []string{last}
		}
		resp, err := l.u.send(ctx, http.MethodGet, h, nil)
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			closeBody(resp)
			return &statusError{resp.StatusCode}
		}
		opened()
		_, err = l.u.readEvents(resp.Body, nil, func(m *message) { l.take(ctx, m, nil) }, func(e event) {
			if e.hasID && len(e.id) < 1024 {
				last = e.id
			}
			if e.retry >= 0 {
				retry = min(e.retry, 10*time.Second)
			}
		})
		closeBody(resp)
		if ctx.Err() != nil || !errors.Is(err, errNoResponse) {
			return err
		}
		if err := sleep(ctx, max(retry, 100*time.Millisecond)); err != nil {
			return err
		}
	}
}

// take hands on what the upstream sends.
func (l *sessionLink) take(ctx context.Context, m *message, within *reply) {
	if !m.isRequest() {
		l.peer.outside(l.u, m)
		return
	}
	select {
	case l.asking <- struct{}{}:
	default:
		return // it asks more than anybody answers
	}
	l.u.g.spawn(func() {
		defer func() { <-l.asking }()
		text := l.peer.ask(ctx, l.u, m, within)
		ctx, cancel := context.WithTimeout(l.ctx, l.u.g.ConnectTimeout)
		defer cancel()
		if err := l.notify(ctx, text); err != nil {
			l.u.log.Debug("upstream did not take a response", "error", err)
		}
	})
}

// close ends the session.
func (l *sessionLink) close() {
	l.cancel()
	if l.id == "" {
		return
	}
	l.u.g.spawn(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		if resp, err := l.u.send(ctx, http.MethodDelete, l.headers(), nil); err == nil {
			closeBody(resp)
		}
	})
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

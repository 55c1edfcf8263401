package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/goleak"

	"github.com/lanyard/lanyard/internal/gateway"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rights is an authority, an authenticator and a recorder in memory. The bearer token is the name of the caller.
type rights struct {
	mu       sync.Mutex
	granted  map[string]bool // "CALLER NAMESPACE TOOL"; a caller of * has everything
	watching map[chan struct{}]bool
	calls    []gateway.Call
	revoked  map[string]bool // callers
	broken   error           // of Decide
	unsaved  error           // of Record
}

func newRights(granted ...string) *rights {
	a := &rights{granted: map[string]bool{}, watching: map[chan struct{}]bool{}}
	a.grant(granted...)
	return a
}

func (a *rights) change(f func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	f()
	for c := range a.watching {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}

func (a *rights) grant(rows ...string) {
	a.change(func() {
		for _, row := range rows {
			a.granted[row] = true
		}
	})
}

func (a *rights) revoke(rows ...string) {
	a.change(func() {
		for _, row := range rows {
			delete(a.granted, row)
		}
	})
}

func (a *rights) Authenticate(r *http.Request) (*gateway.Caller, error) {
	name, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return nil, &gateway.Unauthenticated{Reason: "Authorization is required"}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.revoked[name] {
		return nil, &gateway.Unauthenticated{Reason: "the token is unknown"}
	}
	return &gateway.Caller{Account: "1", Instance: "i", Agent: name, Credential: "token " + name}, nil
}

func (a *rights) ServeMetadata(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "metadata") }

func (a *rights) Challenge(_ *http.Request, insufficient *gateway.Right) string {
	if insufficient == nil {
		return `Bearer scope="mcp"`
	}
	return ""
}

func (a *rights) Decide(_ context.Context, c *gateway.Caller, asked []gateway.Right) ([]gateway.Decision, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []gateway.Decision
	for _, r := range asked {
		all = append(all, gateway.Decision{Allow: a.granted["*"] || a.granted[c.Agent+" "+r.Namespace+" "+r.Tool], Revision: 7})
	}
	return all, a.broken
}

func (a *rights) Refusal(_ context.Context, c *gateway.Caller, r gateway.Right) string {
	return fmt.Sprintf("%s requires permission %q of application %q", c.Agent, r.Tool, r.Namespace)
}

func (a *rights) Watch(ctx context.Context, _ *gateway.Caller, changed func()) {
	c := make(chan struct{}, 1)
	a.mu.Lock()
	a.watching[c] = true
	a.mu.Unlock()
	for {
		select {
		case <-c:
			changed()
		case <-ctx.Done():
			a.mu.Lock()
			delete(a.watching, c)
			a.mu.Unlock()
			return
		}
	}
}

func (a *rights) Record(_ context.Context, c *gateway.Call) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, *c)
	return a.unsaved
}

// outcomes returns what was recorded of calls of a method.
func (a *rights) outcomes(method string) (all []string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.calls {
		if c.Method == method {
			all = append(all, fmt.Sprintf("%s %s/%s %s", c.Outcome, c.Right.Namespace, c.Right.Tool, c.Arguments))
		}
	}
	return all
}

// start starts a gateway over upstreams, which are served by the authority's rights.
func start(t *testing.T, a *rights, c gateway.Config, upstreams ...gateway.Upstream) string {
	t.Helper()
	c.Upstreams, c.Authority, c.Authenticator, c.Recorder = upstreams, a, a, a
	g, err := gateway.New(c)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(g)
	t.Cleanup(func() {
		s.CloseClientConnections()
		g.Close()
		s.Close()
	})
	return s.URL
}

// seen are the headers of all requests that an upstream got.
type seen struct {
	mu      sync.Mutex
	headers []http.Header
}

func (s *seen) all() []http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.headers)
}

// serveMCP serves an SDK server over HTTP, and returns its URL and the headers that it gets.
func serveMCP(t *testing.T, server *mcp.Server, stateless bool) (string, *seen) {
	t.Helper()
	s := &seen{}
	h := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server },
		&mcp.StreamableHTTPOptions{Stateless: stateless, PropagateRequestCancellation: true})
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.headers = append(s.headers, r.Header.Clone())
		s.mu.Unlock()
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		at.CloseClientConnections()
		at.Close()
		for session := range server.Sessions() {
			session.Close()
		}
	})
	return at.URL, s
}

type echoInput struct {
	Text string `json:"text"`
}

// shop is a server with two tools, a prompt, a resource and a template.
func shop() *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "shop", Version: "1"}, &mcp.ServerOptions{
		Instructions:       "Sell things.",
		SubscribeHandler:   func(context.Context, *mcp.SubscribeRequest) error { return nil },
		UnsubscribeHandler: func(context.Context, *mcp.UnsubscribeRequest) error { return nil },
		CompletionHandler: func(_ context.Context, r *mcp.CompleteRequest) (*mcp.CompleteResult, error) {
			values := []string{r.Params.Argument.Value + "!"}
			return &mcp.CompleteResult{Completion: mcp.CompletionResultDetails{Values: values}}, nil
		},
	})
	for _, name := range []string{"sell", "refund"} {
		mcp.AddTool(s, &mcp.Tool{Name: name}, func(_ context.Context, _ *mcp.CallToolRequest, in echoInput) (
			*mcp.CallToolResult, any, error) {
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: name + " " + in.Text}}}, nil, nil
		})
	}
	s.AddPrompt(&mcp.Prompt{Name: "greet"}, func(context.Context, *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		hello := &mcp.PromptMessage{Role: "user", Content: &mcp.TextContent{Text: "Hello"}}
		return &mcp.GetPromptResult{Messages: []*mcp.PromptMessage{hello}}, nil
	})
	read := func(_ context.Context, r *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: r.Params.URI, Text: "text"}}}, nil
	}
	s.AddResource(&mcp.Resource{Name: "prices", URI: "shop://prices"}, read)
	s.AddResourceTemplate(&mcp.ResourceTemplate{Name: "orders", URITemplate: "shop://orders/{id}"}, read)
	return s
}

// An agent is an SDK client of a gateway.
type agent struct {
	*mcp.ClientSession
	changed chan string
}

// told returns what the agent is told next.
func (a *agent) told(t *testing.T) string {
	t.Helper()
	select {
	case what := <-a.changed:
		return what
	case <-time.After(10 * time.Second):
		t.Fatal("not told within 10 seconds")
		return ""
	}
}

// bearer adds a token to each request.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// connect returns an agent with a name that speaks a revision.
func connect(t *testing.T, url, name, revision string, options mcp.ClientOptions) *agent {
	t.Helper()
	a := &agent{changed: make(chan string, 100)}
	options.ToolListChangedHandler = func(context.Context, *mcp.ToolListChangedRequest) { a.changed <- "tools" }
	options.PromptListChangedHandler = func(context.Context, *mcp.PromptListChangedRequest) { a.changed <- "prompts" }
	options.ResourceListChangedHandler = func(context.Context, *mcp.ResourceListChangedRequest) { a.changed <- "resources" }
	options.ResourceUpdatedHandler = func(_ context.Context, r *mcp.ResourceUpdatedNotificationRequest) {
		a.changed <- "updated " + r.Params.URI
	}
	c := mcp.NewClient(&mcp.Implementation{Name: "agent", Version: "1"}, &options)
	var err error
	a.ClientSession, err = c.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: url,
		HTTPClient: &http.Client{Transport: bearer(name)}}, &mcp.ClientSessionOptions{ProtocolVersion: revision})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

// toolNames returns the names of the tools that an agent sees.
func toolNames(t *testing.T, a *agent) []string {
	t.Helper()
	names := []string{}
	for tool, err := range a.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, tool.Name)
	}
	return names
}

// textOf returns the text of a result.
func textOf(r *mcp.CallToolResult) string {
	var b strings.Builder
	for _, c := range r.Content {
		if text, ok := c.(*mcp.TextContent); ok {
			b.WriteString(text.Text)
		}
	}
	return b.String()
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 10 seconds", what)
		}
	}
}

const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}`

// An answer is what a raw request got.
type answer struct {
	status  int
	header  http.Header
	body    string
	code    int    // of the error
	message string // of the error
	result  map[string]any
}

// post sends a body with headers, as NAME: VALUE.
func post(t *testing.T, url, body string, headers ...string) answer {
	t.Helper()
	return send(t, http.MethodPost, url, body, headers...)
}

func send(t *testing.T, method, url, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader([]byte(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("Authorization", "Bearer ann")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if value == "-" {
			r.Header.Del(name)
			continue
		}
		r.Header.Set(name, value)
		if name == "Host" {
			r.Host = value
		}
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(b)}
	var m struct {
		Result map[string]any
		Error  struct {
			Code    int
			Message string
		}
	}
	text := b
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		for line := range strings.Lines(string(b)) {
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				text = []byte(data)
			}
		}
	}
	if json.Unmarshal(text, &m) == nil {
		a.code, a.message, a.result = m.Error.Code, m.Error.Message, m.Result
	}
	return a
}

// call calls a tool in the revision without sessions.
func call(t *testing.T, url, name, params string, headers ...string) answer {
	t.Helper()
	return post(t, url, fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,%s%s}}`, name, params, meta),
		append([]string{"Mcp-Protocol-Version: 2026-07-28", "Mcp-Method: tools/call", "Mcp-Name: " + name}, headers...)...)
}

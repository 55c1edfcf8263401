package gateway_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	neturl "net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/lanyard/lanyard/internal/gateway"
)

// Each kind of agent works with each kind of upstream, and sees what it may use alone.
func TestRevisions(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, revision := range []string{"2026-07-28", "2025-11-25", "2025-06-18"} {
		for _, kind := range []string{"without sessions", "with sessions", "process"} {
			t.Run(revision+" to an upstream "+kind, func(t *testing.T) {
				u := gateway.Upstream{Name: "shop"}
				if kind == "process" {
					u.Command, u.Env = []string{program}, []string{beShop + "=1"}
				} else {
					u.URL, _ = serveMCP(t, shop(), kind == "without sessions")
				}
				a := newRights("ann shop sell", "ann shop prompts/greet", "ann shop resources/shop://orders/{id}")
				testAgent(t, connect(t, start(t, a, gateway.Config{}, u), "ann", revision, mcp.ClientOptions{}), a)
			})
		}
	}
}

func testAgent(t *testing.T, c *agent, a *rights) {
	if got, want := toolNames(t, c), []string{"sell"}; !slices.Equal(got, want) {
		t.Errorf("tools are %q, want %q", got, want)
	}
	r, err := c.CallTool(t.Context(), &mcp.CallToolParams{Name: "sell", Arguments: map[string]any{"text": "tea"}})
	if err != nil || r.IsError || textOf(r) != "sell tea" {
		t.Errorf("sell: %v, %v", r, err)
	}
	for _, name := range []string{"refund", "nothing"} {
		r, err = c.CallTool(t.Context(), &mcp.CallToolParams{Name: name, Arguments: map[string]any{"text": "tea"}})
		if want := fmt.Sprintf(`ann requires permission %q of application "shop"`, name); err != nil || !r.IsError || textOf(r) != want {
			t.Errorf("%s: %v, %v", name, r, err)
		}
	}
	if p, err := c.GetPrompt(t.Context(), &mcp.GetPromptParams{Name: "greet"}); err != nil || len(p.Messages) != 1 {
		t.Errorf("greet: %v, %v", p, err)
	}
	if p, err := c.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "shop://orders/1"}); err != nil || len(p.Contents) != 1 {
		t.Errorf("order: %v, %v", p, err)
	}
	if _, err := c.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "shop://prices"}); err == nil {
		t.Error("prices can be read without a right")
	}
	complete, err := c.Complete(t.Context(), &mcp.CompleteParams{Ref: &mcp.CompleteReference{Type: "ref/prompt", Name: "greet"},
		Argument: mcp.CompleteParamsArgument{Name: "x", Value: "y"}})
	if err != nil || !slices.Equal(complete.Completion.Values, []string{"y!"}) {
		t.Errorf("complete: %v, %v", complete, err)
	}
	want := []string{`answered shop/sell {"text":"tea"}`, `refused shop/refund {"text":"tea"}`, `refused shop/nothing {"text":"tea"}`}
	if got := a.outcomes("tools/call"); !slices.Equal(got, want) {
		t.Errorf("recorded %q, want %q", got, want)
	}
}

// beShop makes the test binary a server that speaks over its standard streams.
const beShop = "LANYARD_TEST_BE_SHOP"

func init() {
	if os.Getenv(beShop) != "" {
		_ = shop().Run(context.Background(), &mcp.StdioTransport{})
		os.Exit(0)
	}
}

// With more than one upstream, names say which is meant, and nothing that one offers is taken for another's.
func TestManyUpstreams(t *testing.T) {
	first, _ := serveMCP(t, shop(), true)
	second, _ := serveMCP(t, shop(), false)
	a := newRights("ann a sell", "ann b refund", "ann b resources/shop://orders/{id}", "ann a prompts/greet")
	url := start(t, a, gateway.Config{}, gateway.Upstream{Name: "one", Namespace: "a", URL: first},
		gateway.Upstream{Name: "two", Namespace: "b", URL: second})
	for _, revision := range []string{"2026-07-28", "2025-11-25"} {
		t.Run(revision, func(t *testing.T) {
			c := connect(t, url, "ann", revision, mcp.ClientOptions{})
			if got, want := toolNames(t, c), []string{"one___sell", "two___refund"}; !slices.Equal(got, want) {
				t.Fatalf("tools are %q, want %q", got, want)
			}
			r, err := c.CallTool(t.Context(), &mcp.CallToolParams{Name: "two___refund", Arguments: map[string]any{"text": "tea"}})
			if err != nil || textOf(r) != "refund tea" {
				t.Errorf("refund: %v, %v", r, err)
			}
			for _, name := range []string{"two___sell", "one___refund", "sell", "one__sell", "three___sell", "one____sell", "ONE___sell"} {
				if r, err := c.CallTool(t.Context(), &mcp.CallToolParams{Name: name}); err == nil && !r.IsError {
					t.Errorf("%s can be called", name)
				}
			}
			read, err := c.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "two+shop://orders/1"})
			if err != nil || read.Contents[0].URI != "two+shop://orders/1" {
				t.Errorf("order: %v, %v", read, err)
			}
			if _, err := c.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "one+shop://orders/1"}); err == nil {
				t.Error("the right to a resource of one upstream opens another's")
			}
			if _, err := c.GetPrompt(t.Context(), &mcp.GetPromptParams{Name: "one___greet"}); err != nil {
				t.Errorf("prompt: %v", err)
			}
		})
	}
}

// What is decided is what the body says, and a request that could be read in two ways is refused.
func TestRequestsThatAreRefused(t *testing.T) {
	at, _ := serveMCP(t, shop(), true)
	url := start(t, newRights("ann shop sell"), gateway.Config{MaxRequestBytes: 4096, Hosts: []string{"Tools.Example"}},
		gateway.Upstream{Name: "shop", URL: at})
	body := func(params string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{` + params + meta + `}}`
	}
	sell := `"name":"sell","arguments":{"text":"x"},`
	for _, tt := range []struct {
		name    string
		body    string
		headers []string
		status  int
		code    int
	}{
		{"as it should be", body(sell), nil, 200, 0},
		{"name in base64", body(sell), []string{"Mcp-Name: =?base64?c2VsbA==?="}, 200, 0},
		{"another name in the header", body(sell), []string{"Mcp-Name: refund"}, 400, -32020},
		{"another name in base64", body(sell), []string{"Mcp-Name: =?base64?cmVmdW5k?="}, 400, -32020},
		{"malformed base64", body(sell), []string{"Mcp-Name: =?base64?c2VsbA=?="}, 400, -32020},
		{"the granted name in the header, another in the body", body(`"name":"refund",`), []string{"Mcp-Name: sell"}, 400, -32020},
		{"no name in the header", body(sell), []string{"Mcp-Name: -"}, 400, -32020},
		{"another method in the header", body(sell), []string{"Mcp-Method: tools/list"}, 400, -32020},
		{"no method in the header", body(sell), []string{"Mcp-Method: -"}, 400, -32020},
		{"no revision in the header", body(sell), []string{"Mcp-Protocol-Version: -"}, 400, -32020},
		{"another revision in the header", body(sell), []string{"Mcp-Protocol-Version: 2025-11-25"}, 400, -32020},
		{"unknown revision", body(sell), []string{"Mcp-Protocol-Version: 2031-01-01"}, 400, -32022},
		{"name twice", body(`"name":"sell","name":"refund",`), nil, 400, -32600},
		{"name in other case", body(sell + `"Name":"refund",`), nil, 400, -32600},
		{"name with a long s", body(sell + `"argument\u017f":{},`), nil, 400, -32600},
		{"method in other case", strings.Replace(body(sell), `"id"`, `"Method":"tools/list","id"`, 1), nil, 400, -32600},
		{"params twice", strings.Replace(body(sell), `"id"`, `"params":{},"id"`, 1), nil, 400, -32600},
		{"batch", "[" + body(sell) + "]", nil, 400, -32600},
		{"two messages", body(sell) + body(sell), nil, 400, -32600},
		{"no JSON", "{", nil, 400, -32600},
		{"not UTF-8", body("\"name\":\"sell\xff\","), nil, 400, -32600},
		{"deep", body(sell + `"x":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + ","), nil, 400, -32600},
		{"null id", strings.Replace(body(sell), `"id":1`, `"id":null`, 1), nil, 400, -32600},
		{"too large", body(sell + `"x":"` + strings.Repeat("x", 5000) + `",`), nil, 413, -32600},
		{"unknown method", strings.Replace(body(sell), "tools/call", "tools/drop", 1), []string{"Mcp-Method: tools/drop"}, 404, -32601},
		{"method of sessions", strings.Replace(body(sell), "tools/call", "ping", 1), []string{"Mcp-Method: ping"}, 404, -32601},
		{"no capabilities", strings.Replace(body(sell), "clientCapabilities", "x", 1), nil, 400, -32602},
		{"other page", body(sell), []string{"Origin: https://evil.example"}, 403, -32600},
		{"page of this machine", body(sell), []string{"Origin: http://localhost:1234"}, 200, 0},
		{"other name of this machine", body(sell), []string{"Host: evil.example", "Origin: http://evil.example"}, 403, -32600},
		{"other name of this machine without a page", body(sell), []string{"Host: evil.example"}, 403, -32600},
		{"name of this machine in other case", body(sell), []string{"Host: LocalHost:1"}, 200, 0},
		{"name of the gateway in other case", body(sell), []string{"Host: tOOLS.example"}, 200, 0},
		{"nobody", body(sell), []string{"Authorization: -"}, 401, -32001},
		{"form", body(sell), []string{"Content-Type: text/plain"}, 415, 0},
		{"no session", body(sell), []string{"Mcp-Protocol-Version: -", "Mcp-Method: -"}, 400, -32020},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := post(t, url, tt.body, append([]string{"Mcp-Protocol-Version: 2026-07-28", "Mcp-Method: tools/call",
				"Mcp-Name: sell"}, tt.headers...)...)
			if got.status != tt.status || got.code != tt.code {
				t.Errorf("got status %d, code %d, want %d, %d: %s", got.status, got.code, tt.status, tt.code, got.body)
			}
		})
	}
}

// A command that ends at once leaves its last words in the log.
func TestCommandThatFails(t *testing.T) {
	var log lockedBuffer
	start(t, newRights(), gateway.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}, gateway.Upstream{Name: "shop",
		Command: []string{"/bin/sh", "-c", `printf 'Traceback\nno module named shop\n\n' >&2; exit 1`}})
	eventually(t, "the log says why", func() bool { return strings.Contains(log.String(), "no module named shop") })
}

// A lockedBuffer is a buffer that many may write to.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// An agent cannot tell a tool that it may not use from one that does not exist.
func TestRefusalsRevealNothing(t *testing.T) {
	at, _ := serveMCP(t, shop(), true)
	url := start(t, newRights("ann shop sell"), gateway.Config{}, gateway.Upstream{Name: "shop", URL: at})
	hidden, none := call(t, url, "refund", ""), call(t, url, "refunx", "")
	id := func(a answer) string { return a.header.Get("Lanyard-Decision-Id") }
	same := func(a answer) string {
		return strings.NewReplacer(id(a), "ID", "refund", "TOOL", "refunx", "TOOL").Replace(a.body)
	}
	if hidden.status != none.status || same(hidden) != same(none) {
		t.Errorf("answers differ:\n%s\n%s", hidden.body, none.body)
	}
	if id(hidden) == "" || id(hidden) == id(none) {
		t.Errorf("decision ids are %q and %q", id(hidden), id(none))
	}
	hidden.header.Del("Lanyard-Decision-Id")
	none.header.Del("Lanyard-Decision-Id")
	hidden.header.Del("Date")
	none.header.Del("Date")
	if !reflect.DeepEqual(hidden.header, none.header) {
		t.Errorf("headers differ: %v, %v", hidden.header, none.header)
	}
}

// An agent cannot tell a server that there is from one that there is not, nor which application stands for it.
func TestRefusalsRevealNoServer(t *testing.T) {
	at, _ := serveMCP(t, shop(), true)
	a := newRights()
	url := start(t, a, gateway.Config{Prefixed: true},
		gateway.Upstream{Name: "shop", Namespace: "hidden-application", URL: at})
	there, not := call(t, url, "shop___sell", ""), call(t, url, "shap___sell", "")
	same := func(a answer) string {
		return strings.NewReplacer(a.header.Get("Lanyard-Decision-Id"), "ID", "shop", "SERVER", "shap", "SERVER").Replace(a.body)
	}
	if there.status != not.status || same(there) != same(not) || strings.Contains(there.body, "hidden-application") {
		t.Errorf("answers reveal a server:\n%s\n%s", there.body, not.body)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if got := a.calls[0].Error; !strings.Contains(got, `"hidden-application"`) {
		t.Errorf("the record says %q, which does not name the permission that is missing", got)
	}
}

// Headers of arguments that the tool does not have do not reach the server: nothing compared them with the body.
func TestForeignHeadersOfArgumentsStay(t *testing.T) {
	var mu sync.Mutex
	var seen []http.Header
	at, _ := serveMCP(t, shop(), true)
	inner, err := neturl.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(inner)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = append(seen, r.Header.Clone())
		mu.Unlock()
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	url := start(t, newRights("ann shop sell"), gateway.Config{}, gateway.Upstream{Name: "shop", URL: front.URL + inner.Path})
	post(t, url, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"sell","arguments":{},`+meta+`}}`,
		"Mcp-Protocol-Version: 2026-07-28", "Mcp-Method: tools/call", "Mcp-Name: sell", "Mcp-Param-Tenant: other")
	mu.Lock()
	defer mu.Unlock()
	calls := 0
	for _, h := range seen {
		if h.Get("Mcp-Method") == "tools/call" || h.Get("Mcp-Name") == "sell" {
			calls++
		}
		if h.Get("Mcp-Param-Tenant") != "" {
			t.Errorf("the server got %v", h)
		}
	}
	if calls == 0 {
		t.Errorf("the server got no call: %v", seen)
	}
}

// Lists are the caller's own and do not outlive a change by more than a second.
func TestListsArePrivate(t *testing.T) {
	at, _ := serveMCP(t, shop(), true)
	url := start(t, newRights("*"), gateway.Config{}, gateway.Upstream{Name: "shop", URL: at})
	for _, method := range []string{"server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list"} {
		a := post(t, url, fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":%q,"params":{%s}}`, method, meta),
			"Mcp-Protocol-Version: 2026-07-28", "Mcp-Method: "+method)
		ttl, ok := a.result["ttlMs"].(float64)
		if a.result["cacheScope"] != "private" || !ok || ttl > 1000 || a.result["resultType"] != "complete" {
			t.Errorf("%s: %s", method, a.body)
		}
	}
	a := post(t, url, `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"shop://prices",`+meta+`}}`,
		"Mcp-Protocol-Version: 2026-07-28", "Mcp-Method: resources/read", "Mcp-Name: shop://prices")
	if a.result["cacheScope"] != "private" {
		t.Errorf("read: %s", a.body)
	}
}

// A changed profile reaches who listens within a second, if it changes what they see.
func TestChangedProfile(t *testing.T) {
	at, _ := serveMCP(t, shop(), true)
	for _, revision := range []string{"2026-07-28", "2025-11-25"} {
		t.Run(revision, func(t *testing.T) {
			a := newRights("ann shop sell")
			url := start(t, a, gateway.Config{}, gateway.Upstream{Name: "shop", URL: at})
			c := connect(t, url, "ann", revision, mcp.ClientOptions{})
			if got := toolNames(t, c); len(got) != 1 {
				t.Fatalf("tools are %q", got)
			}
			eventually(t, "watch", func() bool { a.mu.Lock(); defer a.mu.Unlock(); return len(a.watching) > 0 })
			a.grant("bob shop refund", "ann other tool") // changes nothing for this agent
			time.Sleep(300 * time.Millisecond)           // nothing is to happen
			if len(c.changed) > 0 {
				t.Errorf("told of %s, which did not change", <-c.changed)
			}
			began := time.Now()
			a.grant("ann shop refund")
			select {
			case what := <-c.changed:
				if took := time.Since(began); what != "tools" || took > time.Second {
					t.Errorf("told of %s after %v", what, took)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("not told")
			}
			if got, want := toolNames(t, c), []string{"refund", "sell"}; !slices.Equal(got, want) {
				t.Errorf("tools are %q, want %q", got, want)
			}
			a.revoke("ann shop refund", "ann shop sell")
			if what := c.told(t); what != "tools" {
				t.Errorf("told of %s", what)
			}
			if r, err := c.CallTool(t.Context(), &mcp.CallToolParams{Name: "sell"}); err != nil || !r.IsError {
				t.Errorf("a revoked tool: %v, %v", r, err)
			}
		})
	}
}

// A list that the upstream changes reaches those who see the change.
func TestChangedUpstream(t *testing.T) {
	for _, stateless := range []bool{true, false} {
		t.Run(fmt.Sprint(stateless), func(t *testing.T) {
			server := shop()
			at, _ := serveMCP(t, server, stateless)
			url := start(t, newRights("ann shop sell", "ann shop buy"), gateway.Config{}, gateway.Upstream{Name: "shop", URL: at})
			c := connect(t, url, "ann", "2026-07-28", mcp.ClientOptions{})
			toolNames(t, c)
			server.RemoveTools("refund")
			mcp.AddTool(server, &mcp.Tool{Name: "buy"}, func(context.Context, *mcp.CallToolRequest, struct{}) (
				*mcp.CallToolResult, any, error) {
				return &mcp.CallToolResult{}, nil, nil
			})
			if what := c.told(t); what != "tools" {
				t.Errorf("told of %s", what)
			}
			if got, want := toolNames(t, c), []string{"buy", "sell"}; !slices.Equal(got, want) {
				t.Errorf("tools are %q, want %q", got, want)
			}
		})
	}
}

// Updates of a resource reach subscribers that may read it, and end when they may no longer.
func TestUpdatedResource(t *testing.T) {
	for _, stateless := range []bool{true, false} {
		for _, revision := range []string{"2026-07-28", "2025-11-25"} {
			t.Run(fmt.Sprint(revision, stateless), func(t *testing.T) {
				server := shop()
				at, _ := serveMCP(t, server, stateless)
				a := newRights("ann shop resources/shop://prices")
				c := connect(t, start(t, a, gateway.Config{}, gateway.Upstream{Name: "shop", URL: at}), "ann", revision,
					mcp.ClientOptions{})
				if err := c.Subscribe(t.Context(), &mcp.SubscribeParams{URI: "shop://prices"}); err != nil {
					t.Fatal(err)
				}
				update := func() {
					_ = server.ResourceUpdated(context.Background(), &mcp.ResourceUpdatedNotificationParams{URI: "shop://prices"})
				}
				eventually(t, "update", func() bool {
					update()
					select {
					case what := <-c.changed:
						return what == "updated shop://prices"
					default:
						return false
					}
				})
				a.revoke("ann shop resources/shop://prices")
				for quiet := false; !quiet; { // what was decided before still comes
					select {
					case <-c.changed:
					case <-time.After(200 * time.Millisecond):
						quiet = true
					}
				}
				update()
				time.Sleep(200 * time.Millisecond) // nothing is to happen
				for len(c.changed) > 0 {
					if what := <-c.changed; strings.HasPrefix(what, "updated") {
						t.Error("told of a resource that it may no longer read")
					}
				}
			})
		}
	}
}

// A session is that of its caller, whoever knows its id.
func TestSessionFixation(t *testing.T) {
	at, _ := serveMCP(t, shop(), true)
	url := start(t, newRights("*"), gateway.Config{}, gateway.Upstream{Name: "shop", URL: at})
	begin := `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},` +
		`"clientInfo":{"name":"x","version":"1"}}}`
	id := post(t, url, begin).header.Get("Mcp-Session-Id")
	if len(id) < 32 {
		t.Fatalf("session id is %q", id)
	}
	list := `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`
	for _, tt := range []struct {
		name, method, caller, id string
		status                   int
	}{
		{"own", "POST", "ann", id, 200},
		{"another's", "POST", "bob", id, 404},
		{"another's stream", "GET", "bob", id, 404},
		{"end of another's", "DELETE", "bob", id, 404},
		{"none", "POST", "ann", strings.Repeat("x", len(id)), 404},
		{"none named", "POST", "ann", "-", 400},
		{"own end", "DELETE", "ann", id, 204},
		{"own after its end", "POST", "ann", id, 404},
		{"stream without one", "GET", "ann", "-", 405},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := send(t, tt.method, url, list, "Mcp-Session-Id: "+tt.id, "Authorization: Bearer "+tt.caller)
			if got.status != tt.status {
				t.Errorf("got status %d, want %d: %s", got.status, tt.status, got.body)
			}
		})
	}
	if chosen := post(t, url, begin, "Mcp-Session-Id: chosen-by-the-client").header.Get("Mcp-Session-Id"); chosen == "chosen-by-the-client" {
		t.Error("an agent can choose its session's id")
	}
}

// Nothing that agents send for the gateway reaches an upstream.
func TestTokensStay(t *testing.T) {
	for _, stateless := range []bool{true, false} {
		at, headers := serveMCP(t, shop(), stateless)
		url := start(t, newRights("*"), gateway.Config{}, gateway.Upstream{Name: "shop", URL: at,
			Header: http.Header{"X-Api-Key": {"of the gateway"}}})
		call(t, url, "sell", `"arguments":{"text":"x"},`, "Cookie: a=b", "X-Forwarded-For: 1.2.3.4", "X-Api-Key: mine")
		c := connect(t, url, "ann", "2025-11-25", mcp.ClientOptions{})
		toolNames(t, c)
		sell := &mcp.CallToolParams{Name: "sell", Arguments: map[string]any{"text": "x"}}
		if _, err := c.CallTool(t.Context(), sell); err != nil {
			t.Fatal(err)
		}
		for _, h := range headers.all() {
			if h.Get("Authorization") != "" || h.Get("Cookie") != "" || h.Get("X-Forwarded-For") != "" ||
				h.Get("X-Api-Key") != "of the gateway" {
				t.Fatalf("the upstream got %v", h)
			}
		}
	}
}

// What cannot be decided or recorded is not answered.
func TestBrokenAuthority(t *testing.T) {
	at, _ := serveMCP(t, shop(), true)
	a := newRights("*")
	url := start(t, a, gateway.Config{}, gateway.Upstream{Name: "shop", URL: at})
	a.change(func() { a.broken = errors.New("no database") })
	if got := call(t, url, "sell", ""); got.code != -32603 || strings.Contains(got.body, "database") {
		t.Errorf("undecided: %s", got.body)
	}
	a.change(func() { a.broken, a.unsaved = nil, errors.New("disk is full") })
	if got := call(t, url, "sell", `"arguments":{"text":"secret"},`); got.code != -32603 || strings.Contains(got.body, "secret") {
		t.Errorf("unrecorded: %s", got.body)
	}
}

// A stream outlives the time limits of the server that it is on, and ends with EndStreams.
func TestStreamsLast(t *testing.T) {
	at, _ := serveMCP(t, shop(), true)
	a := newRights("ann shop sell")
	g, err := gateway.New(gateway.Config{Upstreams: []gateway.Upstream{{Name: "shop", URL: at}}, Authority: a, Authenticator: a})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(g)
	s.Config.ReadTimeout, s.Config.WriteTimeout = 200*time.Millisecond, 200*time.Millisecond
	s.Start()
	t.Cleanup(func() { s.CloseClientConnections(); g.Close(); s.Close() })
	listen := `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true},` + meta + `}}`
	ended := make(chan string)
	go func() {
		ended <- post(t, s.URL, listen, "Mcp-Protocol-Version: 2026-07-28", "Mcp-Method: subscriptions/listen").body
	}()
	eventually(t, "watch", func() bool { a.mu.Lock(); defer a.mu.Unlock(); return len(a.watching) > 0 })
	select {
	case body := <-ended:
		t.Fatalf("the stream ended early: %s", body)
	case <-time.After(500 * time.Millisecond):
	}
	a.grant("ann shop refund")
	time.Sleep(100 * time.Millisecond)
	g.EndStreams()
	if body := <-ended; !strings.Contains(body, "tools/list_changed") || !strings.Contains(body, `"result"`) {
		t.Errorf("the stream was %s", body)
	}
}

// A stream ends within a second after the token that opened it is revoked, and one caller cannot take all streams.
func TestStreamsOfCallers(t *testing.T) {
	at, _ := serveMCP(t, shop(), true)
	a := newRights("*")
	url := start(t, a, gateway.Config{MaxCallerStreams: 2},
		gateway.Upstream{Name: "shop", URL: at})
	begin := `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},` +
		`"clientInfo":{"name":"x","version":"1"}}}`
	session := post(t, url, begin).header.Get("Mcp-Session-Id")
	ended := make(chan answer, 2)
	listen := func(caller string) answer {
		return post(t, url, `{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{},`+meta+`}}`,
			"Mcp-Protocol-Version: 2026-07-28", "Mcp-Method: subscriptions/listen", "Authorization: Bearer "+caller)
	}
	go func() { ended <- listen("ann") }()
	go func() { ended <- send(t, http.MethodGet, url, "", "Mcp-Session-Id: "+session) }()
	eventually(t, "no more streams", func() bool {
		got := send(t, http.MethodGet, url, "", "Mcp-Session-Id: "+session, "Last-Event-Id: none_1")
		return got.status == http.StatusServiceUnavailable
	})
	if got := listen("ann"); !strings.Contains(got.body, "no room") {
		t.Errorf("a third stream: %s", got.body)
	}
	go func() { ended <- listen("bob") }()
	a.change(func() { a.revoked = map[string]bool{"ann": true, "bob": true} })
	began := time.Now()
	for range 3 {
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			t.Fatal("a stream outlives its token")
		}
	}
	if took := time.Since(began); took > 2*time.Second { // a busy machine included
		t.Errorf("the streams ended %v after the token was revoked", took)
	}
}

// slow is a server whose tool reports progress, and then waits until it is told to end or is cancelled.
func slow() (server *mcp.Server, end chan struct{}, cancelled chan struct{}) {
	server = mcp.NewServer(&mcp.Implementation{Name: "slow", Version: "1"}, nil)
	end, cancelled = make(chan struct{}), make(chan struct{}, 10)
	mcp.AddTool(server, &mcp.Tool{Name: "work"}, func(ctx context.Context, r *mcp.CallToolRequest, _ struct{}) (
		*mcp.CallToolResult, any, error) {
		_ = r.Session.NotifyProgress(ctx,
			&mcp.ProgressNotificationParams{ProgressToken: r.Params.GetProgressToken(), Progress: 1})
		select {
		case <-end:
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "done"}}}, nil, nil
		case <-ctx.Done():
			cancelled <- struct{}{}
			return nil, nil, ctx.Err()
		}
	})
	return server, end, cancelled
}

// beginWork begins a session and a call in it, and returns the session's id and the open answer after its first event.
func beginWork(t *testing.T, url string) (session, event string, open *http.Response) {
	t.Helper()
	session = post(t, url, `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",`+
		`"capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`).header.Get("Mcp-Session-Id")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(
		`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"work","arguments":{},"_meta":{"progressToken":"p"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"},
		"Authorization": {"Bearer ann"}, "Mcp-Session-Id": {session}}
	if open, err = http.DefaultClient.Do(r); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(open.Body)
	for lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			event = id
		}
		if strings.Contains(lines.Text(), `"p"`) {
			return session, event, open
		}
	}
	t.Fatalf("no progress: %v", lines.Err())
	return
}

// An agent that loses the connection in the middle of a call gets the result when it comes back.
func TestResumption(t *testing.T) {
	for _, stateless := range []bool{true, false} {
		t.Run(fmt.Sprint(stateless), func(t *testing.T) {
			server, end, _ := slow()
			at, _ := serveMCP(t, server, stateless)
			url := start(t, newRights("*"), gateway.Config{}, gateway.Upstream{Name: "x", URL: at})
			session, event, open := beginWork(t, url)
			open.Body.Close()
			close(end)
			resume := func(caller, event string) (got answer) {
				return send(t, http.MethodGet, url, "", "Mcp-Session-Id: "+session, "Last-Event-Id: "+event,
					"Authorization: Bearer "+caller)
			}
			if got := resume("bob", event); got.status != 404 {
				t.Errorf("another agent: %d %s", got.status, got.body)
			}
			if got := resume("ann", "made_1"); got.status != 400 {
				t.Errorf("another stream: %d %s", got.status, got.body)
			}
			for range 2 { // as often as it likes
				if got := resume("ann", event); !strings.Contains(got.body, `"text":"done"`) || strings.Contains(got.body, `"p"`) {
					t.Errorf("resumed: %s", got.body)
				}
			}
		})
	}
}

// A call that the agent cancels is cancelled with the upstream, whatever revision that speaks.
func TestCancellation(t *testing.T) {
	for _, stateless := range []bool{true, false} {
		t.Run(fmt.Sprint(stateless), func(t *testing.T) {
			server, _, cancelled := slow()
			at, _ := serveMCP(t, server, stateless)
			a := newRights("*")
			url := start(t, a, gateway.Config{}, gateway.Upstream{Name: "x", URL: at})
			session, _, open := beginWork(t, url)
			defer open.Body.Close()
			post(t, url, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}`, "Mcp-Session-Id: "+session)
			<-cancelled
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(100*time.Millisecond, cancel)
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(
				`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"work","arguments":{},`+meta+`}}`))
			if err != nil {
				t.Fatal(err)
			}
			r.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}, "Authorization": {"Bearer ann"},
				"Mcp-Protocol-Version": {"2026-07-28"}, "Mcp-Method": {"tools/call"}, "Mcp-Name": {"work"}}
			if _, err := http.DefaultClient.Do(r); err == nil {
				t.Error("the call was answered")
			}
			<-cancelled
			eventually(t, "recorded", func() bool {
				return slices.Equal(a.outcomes("tools/call"), []string{"cancelled x/work {}", "cancelled x/work {}"})
			})
		})
	}
}

// Agents without sessions number their requests as they like.
func TestSameIDs(t *testing.T) {
	server, end, _ := slow()
	at, _ := serveMCP(t, server, false)
	url := start(t, newRights("*"), gateway.Config{}, gateway.Upstream{Name: "x", URL: at})
	done := make(chan string, 8)
	for range cap(done) {
		go func() { done <- call(t, url, "work", `"arguments":{},`).body }()
	}
	time.Sleep(100 * time.Millisecond) // so that they wait together
	close(end)
	for range cap(done) {
		if body := <-done; !strings.Contains(body, `"id":1,`) || !strings.Contains(body, "done") {
			t.Errorf("got %s", body)
		}
	}
}

// A page that may call is told so by its browser's question, which has no token; no other page is.
func TestPreflight(t *testing.T) {
	at, _ := serveMCP(t, shop(), true)
	url := start(t, newRights("*"), gateway.Config{Origins: []string{"https://agents.example"}},
		gateway.Upstream{Name: "shop", URL: at})
	for origin, status := range map[string]int{"https://agents.example": 204, "https://evil.example": 403, "null": 403,
		"https://agents.example.evil.example": 403} {
		got := send(t, http.MethodOptions, url, "", "Origin: "+origin, "Authorization: -",
			"Access-Control-Request-Headers: mcp-method")
		allowed := got.header.Get("Access-Control-Allow-Origin")
		if got.status != status || (allowed == origin) != (status == 204) {
			t.Errorf("%s: status %d, allowed %q", origin, got.status, allowed)
		}
	}
}

package gateway_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/lanyard/lanyard/internal/gateway"
)

// An agent in a session cannot say in a request what the gateway says of itself to an upstream without sessions: its
// name, what the agent can do, and the revision. Two readers would take two different ones of two that are sent.
func TestSessionsCannotSpeakForTheGateway(t *testing.T) {
	var mu sync.Mutex
	var sent []string
	inner := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return shop() },
		&mcp.StreamableHTTPOptions{Stateless: true})
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if bytes.Contains(body, []byte("tools/call")) {
			mu.Lock()
			sent = append(sent, string(body))
			mu.Unlock()
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { upstream.CloseClientConnections(); upstream.Close() })
	url := start(t, newRights("*"), gateway.Config{}, gateway.Upstream{Name: "shop", URL: upstream.URL})
	post := func(body string, session string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), "POST", url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Authorization": {"Bearer ann"}, "Content-Type": {"application/json"},
			"Accept": {"application/json, text/event-stream"}, "Mcp-Session-Id": {session}}
		if session == "" {
			r.Header.Del("Mcp-Session-Id")
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { res.Body.Close() })
		return res
	}
	begun := post(`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",`+
		`"capabilities":{},"clientInfo":{"name":"x","version":"1"}}}`, "")
	res := post(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"sell","arguments":{"text":"a"},"_meta":{`+
		`"io.modelcontextprotocol/clientInfo":{"name":"somebody else","version":"1"},"kept":"yes",`+
		`"io.modelcontextprotocol/clientCapabilities":{"sampling":{}},"io.modelcontextprotocol/logLevel":"debug"}}}`,
		begun.Header.Get("Mcp-Session-Id"))
	if body, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 200 {
		t.Fatalf("status %d: %s, %v", res.StatusCode, body, err)
	}
	for _, member := range []string{`"inputResponses":{"a":{}}`, `"requestState":"x"`} {
		res := post(`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"sell","arguments":{"text":"a"},`+member+
			`}}`, begun.Header.Get("Mcp-Session-Id"))
		if body, err := io.ReadAll(res.Body); err != nil || !bytes.Contains(body, []byte("-32602")) {
			t.Errorf("%s in a session is answered %s, %v", member, body, err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(sent) != 1 {
		t.Fatalf("the upstream got %d calls", len(sent))
	}
	for _, name := range []string{"clientInfo", "clientCapabilities", "protocolVersion"} {
		if n := strings.Count(sent[0], `"io.modelcontextprotocol/`+name+`"`); n != 1 {
			t.Errorf("the upstream is told %s %d times: %s", name, n, sent[0])
		}
	}
	var got struct {
		Params struct {
			Meta map[string]json.RawMessage `json:"_meta"`
		}
	}
	if err := json.Unmarshal([]byte(sent[0]), &got); err != nil {
		t.Fatal(err)
	}
	meta := got.Params.Meta
	if strings.Contains(sent[0], "somebody else") || string(meta["io.modelcontextprotocol/clientCapabilities"]) != "{}" ||
		meta["io.modelcontextprotocol/logLevel"] != nil || string(meta["kept"]) != `"yes"` {
		t.Errorf("the upstream is told %s", sent[0])
	}
}

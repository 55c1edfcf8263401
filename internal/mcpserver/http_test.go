package mcpserver_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// post sends a body to the server as an MCP client would, with other headers, of which an empty one is left out.
func (w *world) post(body string, headers ...string) (status int, header http.Header, answer string) {
	w.Helper()
	method := http.MethodPost
	r, err := http.NewRequest(method, w.url, strings.NewReader(body))
	w.must(err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/event-stream")
	r.Header.Set("Authorization", "Bearer operator")
	for i := 0; i < len(headers); i += 2 {
		switch name, value := headers[i], headers[i+1]; {
		case name == "METHOD":
			r.Method = value
		case name == "Host":
			r.Host = value
		case value == "":
			r.Header.Del(name)
		default:
			r.Header.Set(name, value)
		}
	}
	res, err := http.DefaultClient.Do(r)
	w.must(err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	w.must(err)
	return res.StatusCode, res.Header, string(b)
}

const (
	callInstances = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_instances","arguments":{}}}`
	listTools     = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	stateless     = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_instances","arguments":{},` +
		`"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"x","version":"1"},` +
		`"io.modelcontextprotocol/clientCapabilities":{}}}}`
)

// Requests are refused before they are read as far as possible, and by what is in the body.
func TestRefused(t *testing.T) {
	w := newWorld(t)
	current := []string{"MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "tools/call", "Mcp-Name", "list_instances"}
	with := func(more ...string) []string { return append(append([]string{}, current...), more...) }
	for _, tt := range []struct {
		name, body string
		headers    []string
		status     int
		says       string
	}{
		{"a call of an earlier revision", callInstances, nil, 200, "harbour-outfitters"},
		{"a stateless call", stateless, current, 200, "harbour-outfitters"},
		{"no token", callInstances, []string{"Authorization", ""}, 401, "unknown"},
		{"another's token", callInstances, []string{"Authorization", "Bearer mallory"}, 401, "the token is unknown"},
		{"GET", "", []string{"METHOD", "GET"}, 405, "POST"},
		{"DELETE of a session", "", []string{"METHOD", "DELETE", "Mcp-Session-Id", "x"}, 405, "POST"},
		{"the session of another", callInstances, []string{"Mcp-Session-Id", "stolen", "Authorization", "Bearer mallory"}, 401,
			"the token is unknown"},
		{"a page of another site", callInstances, []string{"Origin", "https://evil.example"}, 403, "another site"},
		{"a page of a name that is not ours", callInstances, []string{"Origin", "http://evil.example", "Host", "evil.example"},
			403, "does not know the name"},
		{"a batch", "[" + callInstances + "]", nil, 400, "one JSON-RPC message"},
		{"a batch behind spaces", " \n[" + callInstances + "]", nil, 400, "one JSON-RPC message"},
		{"a large body", `{"x":"` + strings.Repeat("x", 1<<20) + `"}`, nil, 413, ""},
		{"deep nesting", strings.Repeat("[", 1000), nil, 400, ""},
		{"deep nesting in an object", `{"x":` + strings.Repeat("[", 1000), nil, 400, "deep"},
		{"no JSON", "x", nil, 400, ""},
		{"another type", callInstances, []string{"Content-Type", "text/plain"}, 415, ""},
		{"packed", callInstances, []string{"Content-Encoding", "gzip"}, 415, "identity"},
		{"a header that names another tool", stateless, with("Mcp-Name", "find_permissions"), 400, "-32020"},
		{"a header that names another tool in base64", stateless, with("Mcp-Name", "=?base64?ZmluZF9wZXJtaXNzaW9ucw==?="), 400,
			"-32020"},
		{"a header that names another method", stateless, with("Mcp-Method", "tools/list"), 400, "-32020"},
		{"a revision that does not exist", stateless, with("MCP-Protocol-Version", "2031-01-01"), 400, ""},
		{"a method that does not exist", strings.Replace(listTools, "tools/list", "tools/fly", 1), nil, 400, ""},
		{"a method that is not served", strings.Replace(listTools, "tools/list", "resources/list", 1), nil, 200,
			"-32601"},
		{"a subscription", strings.NewReplacer("tools/call", "subscriptions/listen", `"name":"list_instances","arguments":{}`,
			`"notifications":{"toolsListChanged":true}`).Replace(stateless),
			[]string{"MCP-Protocol-Version", "2026-07-28", "Mcp-Method", "subscriptions/listen"}, 404, "-32601"},
		{"a level of logging", strings.Replace(listTools, `tools/list"`, `logging/setLevel","params":{"level":"debug"}`, 1), nil,
			200, "-32601"},
		{"a tool that does not exist", strings.Replace(callInstances, "list_instances", "list_instance", 1), nil, 200,
			"did you mean list_instances?"},
		{"a tool like another in Unicode", strings.Replace(callInstances, "list_instances", "list_\u0456nstances", 1), nil, 200,
			"does not exist"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, header, body := w.post(tt.body, tt.headers...)
			if status != tt.status || !strings.Contains(body, tt.says) {
				t.Errorf("answers %d %s, want %d with %q in it", status, body, tt.status, tt.says)
			}
			if challenge := header.Get("WWW-Authenticate"); (status == 401) != (challenge == `Bearer realm="lanyard"`) {
				t.Errorf("status %d has WWW-Authenticate %q", status, challenge)
			}
			if header.Get("Mcp-Session-Id") != "" {
				t.Error("a session was begun")
			}
		})
	}
}

// A list that depends on the token is private, and is the same for every connection.
func TestListIsPrivate(t *testing.T) {
	w := newWorld(t)
	lists := map[string]string{}
	for _, who := range []string{"operator", "decider", "operator", "decider"} {
		_, _, body := w.post(strings.Replace(strings.Replace(stateless, "tools/call", "tools/list", 1),
			`"name":"list_instances","arguments":{},`, "", 1), "Authorization", "Bearer "+who, "MCP-Protocol-Version",
			"2026-07-28", "Mcp-Method", "tools/list")
		var got struct {
			Result struct {
				CacheScope string
				TTLMs      int
			}
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || got.Result.CacheScope != "private" ||
			got.Result.TTLMs > 1000 {
			t.Errorf("%s is answered %+v, %v: %.300s", who, got, err, body)
		}
		if lists[who] != "" && lists[who] != body {
			t.Errorf("%s is answered %s, and before %s", who, body, lists[who])
		}
		lists[who] = body
	}
	if lists["operator"] == lists["decider"] {
		t.Error("everybody is offered the same tools")
	}
}

// Clients of every revision get the same answer.
func TestRevisions(t *testing.T) {
	w := newWorld(t)
	for _, version := range mcp.SupportedProtocolVersions() {
		s := w.connect("claire.dubois", &mcp.ClientSessionOptions{ProtocolVersion: version})
		if got := s.InitializeResult().ProtocolVersion; got != version {
			t.Errorf("asked for %s, the server speaks %s", version, got)
		}
		if !strings.Contains(s.InitializeResult().Instructions, "check_access") {
			t.Errorf("%s: the instructions are %q", version, s.InitializeResult().Instructions)
		}
		got := ask(t, s, "list_instances", args(t, `{}`))
		if got.isErr || !strings.Contains(got.json, `"name":"claire.dubois"`) {
			t.Errorf("%s: answers %+v", version, got)
		}
		_, err := s.ListPrompts(t.Context(), nil)
		var refused *jsonrpc.Error
		if !errors.As(err, &refused) || refused.Code != jsonrpc.CodeMethodNotFound {
			t.Errorf("%s: prompts/list answers %v", version, err)
		}
	}
}

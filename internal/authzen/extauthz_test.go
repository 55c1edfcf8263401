package authzen_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/coaz"
	"github.com/lanyard/lanyard/internal/control"
)

func newRequest(method, path, body string) *http.Request {
	return httptest.NewRequest(method, path, strings.NewReader(body))
}

func (p *pdp) serve(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	return w
}

const door = "/access/v1/ext-authz/door"

// newDoor is a decision point that proxies ask: door is in front of orders, agents lets agents alone through, shared is
// in front of servers that audiences tell apart.
func newDoor(t *testing.T) *pdp {
	m := deskMapping()
	m.Proxies = map[string]*coaz.Proxy{
		"door":   {Namespace: "orders", User: "X-Jwt-Sub", Agent: "X-Jwt-Client-Id"},
		"agents": {Namespace: "orders", Agent: "X-Jwt-Client-Id"},
		"people": {Namespace: "orders", User: "X-Jwt-Sub"},
		"shared": {User: "X-Jwt-Sub", Agent: "X-Jwt-Client-Id", Audience: "X-Jwt-Aud"},
	}
	return newGateways(t).mapped(m)
}

// proxied is a client's request as a proxy hands it over.
func (p *pdp) proxied(method, path, body string, headers ...string) *http.Request {
	r := newRequest(method, path, body)
	r.Header.Set("Authorization", "Bearer "+p.token)
	r.Header.Set("X-Jwt-Sub", jonas)
	r.Header.Set("X-Jwt-Client-Id", client)
	r.Header.Set("X-Envoy-Auth-Partial-Body", "false")
	for i := 0; i < len(headers); i += 2 {
		switch name, value := headers[i], headers[i+1]; {
		case value == "":
			r.Header.Del(name)
		case strings.HasPrefix(value, "+"):
			r.Header.Add(name, value[1:])
		default:
			r.Header.Set(name, value)
		}
	}
	return r
}

func rpc(method, params string) string {
	return fmt.Sprintf(`{"jsonrpc":"2.0","id":7,"method":%q,"params":%s}`, method, params)
}

func TestExtAuthz(t *testing.T) {
	p := newDoor(t)
	find, cancel := rpc("tools/call", `{"name":"find","arguments":{"q":"x"}}`), rpc("tools/call", `{"name":"cancel"}`)
	// What the answers are made of.
	const allowed = "200 "
	failed := func(status, code int, id, message string) string {
		return fmt.Sprintf(`%d {"jsonrpc":"2.0","id":%s,"error":{"code":%d,"message":%q}}`, status, id, code, message)
	}
	denied := func(what string) string { return failed(403, -32001, "7", "access denied: "+what) }
	invalid := func(id, message string) string { return failed(400, -32600, id, message) }
	unset := failed(403, -32603, "null", "no decision: the gateway is not set up to ask for one")
	another := "/instances/" + strings.Repeat("0", 8) + p.instance[8:] + door
	for _, tt := range []struct {
		name, method, path, body string
		headers                  []string
		want                     string
	}{
		{"a tool that both have", "POST", door + "/mcp?x=1", find, nil, allowed},
		{"with the instance in the path", "POST", "/instances/" + p.instance + door, find, nil, allowed},
		{"a tool that only the agent has", "POST", door + "/mcp", cancel, nil, denied(`tools/call "cancel"`)},
		{"a tool that only the agent has, of a proxy for agents", "POST", "/access/v1/ext-authz/agents", cancel, nil, allowed},
		{"a tool that only the user has, of a proxy for people", "POST", "/access/v1/ext-authz/people", rpc("tools/call", `{"name":"refund"}`), nil, allowed},
		{"a token of the agent itself", "POST", door, cancel, []string{"X-Jwt-Sub", client}, allowed},
		{"an id that is a string", "POST", door, strings.Replace(cancel, `7`, `"a\u0000\"b"`, 1), nil,
			failed(403, -32001, `"a\u0000\"b"`, `access denied: tools/call "cancel"`)},
		{"a tool as a notification", "POST", door, strings.Replace(cancel, `"id":7,`, ``, 1), nil,
			failed(403, -32001, "null", `access denied: tools/call "cancel"`)},
		{"a ping", "POST", door, rpc("ping", `{}`), nil, allowed},
		{"a notification", "POST", door, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, nil, allowed},
		{"a request that is named like a notification", "POST", door, rpc("notifications/x", `{}`), nil,
			denied(`"request notifications/x"`)},
		{"a list", "POST", door, rpc("tools/list", `{}`), nil, allowed},
		{"a prompt", "POST", door, rpc("prompts/get", `{"name":"summary"}`), nil, allowed},
		{"a completion", "POST", door, rpc("completion/complete", `{"ref":{"type":"ref/resource","uri":"file:///a"}}`), nil,
			denied(`completion/complete "file:///a"`)},
		{"a method that is not known", "POST", door, rpc("tools/rename", `{"name":"find"}`), nil, denied(`"tools/rename"`)},
		{"an answer to the server", "POST", door, `{"jsonrpc":"2.0","id":1,"result":{}}`, nil, allowed},
		{"an answer of who may do nothing", "POST", door, `{"jsonrpc":"2.0","id":1,"result":{}}`, []string{"X-Jwt-Sub", "auth0|nobody"},
			failed(403, -32001, "1", `access denied: "subscriptions/listen"`)},
		{"a stream", "GET", door + "/mcp", "", nil, allowed},
		{"the end of a session", "DELETE", door + "/mcp", "", nil, allowed},
		{"a stream of who may do nothing", "GET", door + "/mcp", "", []string{"X-Jwt-Sub", "auth0|nobody"},
			failed(403, -32001, "null", `access denied: "subscriptions/listen"`)},

		{"no body", "POST", door, "", nil, unset},
		{"no body, and a name in the headers", "POST", door, "", []string{"Mcp-Method", "tools/call", "Mcp-Name", "find"}, unset},
		{"a truncated body", "POST", door, find, []string{"X-Envoy-Auth-Partial-Body", "true"},
			invalid("null", "the request is too large to be decided on")},
		{"a client's word that it is not truncated", "POST", door, find, []string{"X-Envoy-Auth-Partial-Body", "+true"},
			invalid("null", "the request is too large to be decided on")},
		{"no word on that, of another proxy", "POST", door, find, []string{"X-Envoy-Auth-Partial-Body", ""}, allowed},
		{"a part of a body, and no word on that", "POST", door, find[:len(find)-1], []string{"X-Envoy-Auth-Partial-Body", ""},
			invalid("null", "the message must be valid JSON with no member listed twice")},
		{"a body of a GET", "GET", door, cancel, nil, invalid("null", "the method must be POST, or GET or DELETE without a body")},
		{"another method", "PUT", door, find, nil, invalid("null", "the method must be POST, or GET or DELETE without a body")},
		{"a compressed body", "POST", door, find, []string{"Content-Encoding", "gzip"}, failed(403, -32603, "null", "no decision: ask again later")},

		{"a name in the headers that says the same", "POST", door, find, []string{"Mcp-Method", "tools/call", "Mcp-Name", "find"}, allowed},
		{"a name in the headers that says the same, encoded", "POST", door, find,
			[]string{"Mcp-Name", "=?base64?" + base64.StdEncoding.EncodeToString([]byte("find")) + "?="}, allowed},
		{"a name in the headers that says something else", "POST", door, find, []string{"Mcp-Name", "cancel"},
			failed(400, -32020, "7", `Mcp-Name must be "find" as in the body, got "cancel"`)},
		{"a name in the headers that says something else, encoded", "POST", door, find,
			[]string{"Mcp-Name", "=?base64?" + base64.StdEncoding.EncodeToString([]byte("cancel")) + "?="},
			failed(400, -32020, "7", `Mcp-Name must be "find" as in the body, got "=?base64?Y2FuY2Vs?="`)},
		{"two names in the headers", "POST", door, find, []string{"Mcp-Name", "find", "Mcp-Name", "+cancel"},
			failed(400, -32020, "7", `Mcp-Name must be "find" as in the body, got "find, cancel"`)},
		{"a method in the headers that says something else", "POST", door, rpc("ping", `{}`), []string{"Mcp-Method", "tools/call"},
			failed(400, -32020, "7", `Mcp-Method must be "ping" as in the body, got "tools/call"`)},

		{"nobody", "POST", door, find, []string{"X-Jwt-Sub", ""}, unset},
		{"no client", "POST", door, find, []string{"X-Jwt-Client-Id", ""}, unset},
		{"an empty client", "POST", door, find, []string{"X-Jwt-Client-Id", " "}, unset},
		{"a second user", "POST", door, find, []string{"X-Jwt-Sub", "+auth0|nobody"}, unset},
		{"a second client", "POST", door, cancel, []string{"X-Jwt-Client-Id", "+" + client}, unset},
		{"a client of no agent", "POST", door, find, []string{"X-Jwt-Client-Id", robot}, denied(`tools/call "find"`)},
		{"a ping of nobody", "POST", door, rpc("ping", `{}`), []string{"X-Jwt-Sub", ""}, unset},
		{"an audience where none counts", "POST", door, find, []string{"X-Jwt-Aud", "https://refunds.example/mcp"}, allowed},
		{"an acting user", "POST", door, find, []string{"X-Lanyard-Acting-User", "jonas"}, failed(403, -32603, "null", "no decision: ask again later")},

		{"an audience", "POST", "/access/v1/ext-authz/shared", find, []string{"X-Jwt-Aud", orders}, allowed},
		{"an audience of another server", "POST", "/access/v1/ext-authz/shared", find,
			[]string{"X-Jwt-Aud", "https://refunds.example/mcp"}, denied(`tools/call "find"`)},
		{"no audience", "POST", "/access/v1/ext-authz/shared", find, nil, unset},
		{"an audience and another", "POST", "/access/v1/ext-authz/shared", find, []string{"X-Jwt-Aud", orders, "X-Jwt-Aud", "+x"}, unset},

		{"another proxy", "POST", "/access/v1/ext-authz/window", find, nil, unset},
		{"no proxy", "POST", "/access/v1/ext-authz/", find, nil, unset},
		{"a path that leads back", "POST", door + "/../agents", cancel, nil, denied(`tools/call "cancel"`)},
		{"a path that goes on", "POST", door + "s", find, nil, unset},
		{"a path that is encoded", "POST", "/access/v1/ext-authz/door%2f..%2fagents", cancel, nil, denied(`tools/call "cancel"`)},
		{"a token of the client", "POST", door, find, []string{"Authorization", "Bearer " + strings.Repeat("x", 40)},
			failed(403, -32603, "null", "no decision: ask again later")},
		{"no token", "POST", door, find, []string{"Authorization", ""}, failed(403, -32603, "null", "no decision: ask again later")},
		{"another instance than the token's", "POST", another, find, nil, failed(403, -32603, "null", "no decision: ask again later")},
	} {
		w := p.serve(p.proxied(tt.method, tt.path, tt.body, tt.headers...))
		if got := fmt.Sprintf("%d %s", w.Code, w.Body); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
		if w.Header().Get("WWW-Authenticate") != "" {
			t.Errorf("%s: asks the client to sign in to lanyard", tt.name)
		}
	}
}

// Without a mapping there is no proxy whose headers count.
func TestExtAuthzWithoutMapping(t *testing.T) {
	p := newGateways(t)
	for _, m := range []*coaz.Mapping{nil, {}} {
		w := p.mapped(m).serve(p.proxied("POST", door, rpc("tools/call", `{"name":"find"}`)))
		if w.Code != http.StatusForbidden {
			t.Errorf("with mapping %v: answers %d %s", m, w.Code, w.Body)
		}
	}
}

// A change of a profile decides the next request.
func TestExtAuthzFollowsChanges(t *testing.T) {
	p := newDoor(t)
	ask := func() int {
		return p.serve(p.proxied("POST", door, rpc("tools/call", `{"name":"find"}`))).Code
	}
	if got := ask(); got != 200 {
		t.Fatalf("before: %d", got)
	}
	_, user, err := p.svc.Named(t.Context(), account, p.instance, "jonas")
	if err != nil {
		t.Fatal(err)
	}
	empty := p.profile("Emptier", control.ProfileChange{})
	if _, err := p.svc.UpdateUserSecurityProfiles(t.Context(), p.call("UpdateUserSecurityProfiles"), p.instance, user.ID,
		[]string{empty}); err != nil {
		t.Fatal(err)
	}
	if got := ask(); got != 403 {
		t.Errorf("after: %d", got)
	}
}

// A token of scope decide of another instance asks nothing about this one.
func TestExtAuthzToken(t *testing.T) {
	p := newDoor(t)
	_, all := p.newToken(lanyard.Token{Account: account, Scope: lanyard.ScopeDecide})
	find := rpc("tools/call", `{"name":"find"}`)
	for path, want := range map[string]int{door: 403, "/instances/" + p.instance + door: 200} {
		if w := p.serve(p.proxied("POST", path, find, "Authorization", "Bearer "+all)); w.Code != want {
			t.Errorf("%s: answers %d %s, want %d", path, w.Code, w.Body, want)
		}
	}
}

package authzen_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/coaz"
	"github.com/lanyard/lanyard/internal/control"
)

// The shapes of requests that the documentation of gateways gives, with names of our own. TOKEN is lanyard's token.
var shapes = []struct {
	name, request, want string
}{
	{"the default mapping of COAZ-MCP", `POST /servers/shop/access/v1/evaluation HTTP/1.1
Host: pdp.example
Authorization: Bearer TOKEN
Content-Type: application/json
X-Request-ID: r-1

{"subject":{"type":"identity","id":"alice@example.com"},"context":{"agent":"http://agentprovider.example/app"},` +
		`"action":{"name":"tools/call"},"resource":{"type":"tool","id":"get_local_weather"}}`, `200 {"decision":true`},
	{"a list, whose id is the audience", `POST /access/v1/evaluation HTTP/1.1
Host: pdp.example
Authorization: Bearer TOKEN
Content-Type: application/json; charset=utf-8

{"subject":{"type":"identity","id":"alice@example.com"},"context":{"agent":"http://agentprovider.example/app"},` +
		`"action":{"name":"tools/list"},"resource":{"type":"mcp_server","id":"https://mcp.example.com"}}`, `200 {"decision":true`},
	{"a declared mapping with two decisions", `POST /access/v1/evaluations HTTP/1.1
Host: pdp.example
Authorization: Bearer TOKEN
Content-Type: application/json

{"subject":{"type":"identity","id":"alice@example.com"},"context":{"agent":"http://agentprovider.example/app"},` +
		`"evaluations":[{"action":{"name":"Queues.View"},"resource":{"type":"Instance","id":"x"}},` +
		`{"action":{"name":"write"},"resource":{"type":"storage_object","id":"/bucket/q1.pdf"}}]}`,
		`200 {"evaluations":[{"decision":true,"context":{"reason":"granted","profile":"P","revision":0}},` +
			`{"decision":false,"context":{"reason":"unknown action","revision":0}}]}`},
	{"Traefik Hub, with the tenant in its metadata", `GET /.well-known/authzen-configuration/servers/shop HTTP/1.1
Host: lanyard:4580

`, `200 {"access_evaluation_endpoint":"http://lanyard:4580/servers/shop/access/v1/evaluation",`},
	{"Envoy, with the client's path behind its prefix", `POST /access/v1/ext-authz/door/mcp?session=1 HTTP/1.1
Host: mcp.example.com
Authorization: Bearer TOKEN
Content-Length: 108
X-Envoy-Auth-Partial-Body: false
X-Envoy-Internal: true
X-Forwarded-For: 10.0.0.1
X-Jwt-Sub: alice@example.com
X-Jwt-Client-Id: http://agentprovider.example/app

{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"get_local_weather","arguments":{"zip":"1"}}}`, `200 `},
	{"agentgateway, with a path of its own", `POST /access/v1/ext-authz/door HTTP/1.1
Host: lanyard:4580
Authorization: Bearer TOKEN
Content-Length: 102
X-Envoy-Auth-Partial-Body: false
X-Jwt-Sub: alice@example.com
X-Jwt-Client-Id: http://agentprovider.example/app

{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"get_customer","arguments":{"id":"c"}}}`,
		`403 {"jsonrpc":"2.0","id":2,"error":{"code":-32001,"message":"access denied: tools/call \"get_customer\""}}`},
	{"agentgateway, the end of a session", `DELETE /access/v1/ext-authz/door HTTP/1.1
Host: lanyard:4580
Authorization: Bearer TOKEN
Content-Length: 0
X-Envoy-Auth-Partial-Body: false
X-Jwt-Sub: alice@example.com
X-Jwt-Client-Id: http://agentprovider.example/app

`, `200 `},
}

func TestShapesOfGateways(t *testing.T) {
	p := newPDP(t)
	weather := p.profile("Weather", control.ProfileChange{Permissions: []string{"Queues.View"}, Applications: []lanyard.Application{
		{Namespace: "shop", Permissions: []string{"get_local_weather"}, Type: "MCP"}}})
	p.user("alice@example.com", nil, weather)
	result, err := p.svc.AssociateSecurityProfiles(t.Context(), p.call("AssociateSecurityProfiles"), p.instance,
		control.Entity{Type: control.EntityAIAgent, ARN: robot}, []string{weather})
	if err != nil {
		t.Fatal(err)
	}
	p.mapped(&coaz.Mapping{Agents: map[string]string{"http://agentprovider.example/app": robot},
		Servers: map[string]string{"https://mcp.example.com": "shop"},
		Proxies: map[string]*coaz.Proxy{"door": {Namespace: "shop", User: "X-Jwt-Sub", Agent: "X-Jwt-Client-Id"}}})
	for _, tt := range shapes {
		head, body, _ := strings.Cut(tt.request, "\n\n")
		head = strings.ReplaceAll(strings.ReplaceAll(head, "TOKEN", p.token), "\n", "\r\n") + "\r\n"
		if !strings.Contains(head, "Content-Length") {
			head += fmt.Sprintf("Content-Length: %d\r\n", len(body))
		}
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + "\r\n" + body)))
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		w := httptest.NewRecorder()
		p.handler.ServeHTTP(w, r)
		got := fmt.Sprintf("%d %s", w.Code, w.Body)
		got = strings.ReplaceAll(strings.ReplaceAll(got, weather, "P"), fmt.Sprintf(`"revision":%d`, result.Revision), `"revision":0`)
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s:\n got %s\nwant %s…", tt.name, got, tt.want)
		}
		if w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: answers no JSON: %s", tt.name, w.Body)
		}
	}
}

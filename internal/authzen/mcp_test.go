package authzen_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/authzen"
	"github.com/lanyard/lanyard/internal/coaz"
	"github.com/lanyard/lanyard/internal/control"
)

const (
	robot   = "arn:aws:wisdom:us-east-1:123456789012:ai-agent/desk/robot:1"
	scout   = "arn:aws:wisdom:us-east-1:123456789012:ai-agent/desk/scout"
	orders  = "https://orders.example/mcp"
	client  = "http://agents.example/desk"
	scouts  = "scout-client"
	jonas   = "auth0|jonas"
	refunds = "refunds"
)

// newGateways is a decision point that gateways ask: an agent and a user who share one tool of the application orders,
// and an agent that has tools of another application only.
func newGateways(t *testing.T) *pdp {
	p := newPDP(t)
	tools := func(name, namespace, kind string, tools ...string) string {
		return p.profile(name, control.ProfileChange{Permissions: []string{"Queues.View"},
			Applications: []lanyard.Application{{Namespace: namespace, Permissions: tools, Type: kind}}})
	}
	desk := tools("Desk", "orders", "MCP", "find", "cancel", "prompts/summary", "resources/file:///a",
		"resources/docs:///{name}", "Ünder", "weird")
	clerk := tools("Clerk", "orders", "MCP", "find", "refund", "prompts/summary", "resources/docs:///a",
		"resources/docs:///{name}")
	other := tools("Other", refunds, "MCP", "find")
	opener := tools("Opener", "portal", "THIRD_PARTY_APPLICATION", "ACCESS")
	p.user("jonas", nil, clerk, opener)
	p.user("nobody", nil, p.profile("Empty", control.ProfileChange{}))
	for arn, profile := range map[string]string{robot: desk, scout: other} {
		result, err := p.svc.AssociateSecurityProfiles(t.Context(), p.call("AssociateSecurityProfiles"), p.instance,
			control.Entity{Type: control.EntityAIAgent, ARN: arn}, []string{profile})
		if err != nil {
			t.Fatal(err)
		}
		p.revision = max(p.revision, result.Revision)
	}
	return p
}

// mapped sets what tokens stand for.
func (p *pdp) mapped(m *coaz.Mapping) *pdp {
	p.handler.(*authzen.Server).Questions.Mapping = coaz.Mappings{p.instance: m}.Of
	return p
}

func deskMapping() *coaz.Mapping {
	return &coaz.Mapping{Agents: map[string]string{client: robot, scouts: scout},
		Users: map[string]string{jonas: "jonas", "auth0|nobody": "nobody", "auth0|gone": "gone"},
		Servers: map[string]string{orders: "orders", "https://orders.example/old": "orders",
			"https://refunds.example/mcp": refunds}}
}

// decision is what of an answer is compared.
type decision struct {
	Decision bool `json:"decision"`
	Context  struct {
		Reason  string `json:"reason"`
		Message string `json:"message"`
	} `json:"context"`
}

func (d decision) String() string {
	return strings.TrimSuffix(fmt.Sprintf("%v: %s; %s", d.Decision, d.Context.Reason, d.Context.Message), "; ")
}

func (p *pdp) decide(path, body string) string {
	p.Helper()
	status, answer, _ := p.ask(path, body)
	if status != 200 {
		return fmt.Sprintf("%d %s", status, answer)
	}
	var d decision
	if err := json.Unmarshal([]byte(answer), &d); err != nil {
		p.Errorf("answers %s: %v", answer, err)
	}
	return d.String()
}

// mcpAsks returns a request of the binding. context is its members.
func mcpAsks(identity, action, kind, id, context string) string {
	return fmt.Sprintf(`{"subject":{"type":"identity","id":%q},"action":{"name":%q},"resource":{"type":%q,"id":%q},`+
		`"context":{%s}}`, identity, action, kind, id, context)
}

func agentOf(id string) string { return fmt.Sprintf(`"agent":%q`, id) }

func TestRequestsOfMCP(t *testing.T) {
	p := newGateways(t).mapped(deskMapping())
	const at, elsewhere = "/servers/orders" + evaluation, "/servers/refunds" + evaluation
	const notGranted = "false: not granted; it requires "
	call := func(identity, tool, context string) string {
		return mcpAsks(identity, "tools/call", "tool", tool, context)
	}
	list := func(identity, method, audience, context string) string {
		return mcpAsks(identity, method, "mcp_server", audience, context)
	}
	for _, tt := range []struct{ name, path, body, want string }{
		{"both have the tool", at, call(jonas, "find", agentOf(client)), "true: granted"},
		{"the agent alone has the tool", at, call(jonas, "cancel", agentOf(client)),
			`false: human denied; it requires "cancel" of application "orders"`},
		{"the user alone has the tool", at, call(jonas, "refund", agentOf(client)),
			notGranted + `"refund" of application "orders"`},
		{"a user without an agent", at, call(jonas, "refund", ``), "true: granted"},
		{"a user, with a null agent", at, call(jonas, "refund", `"agent":null`), "true: granted"},
		{"a user without the tool", at, call(jonas, "cancel", ``), notGranted + `"cancel" of application "orders"`},
		{"an agent without a user", at, call(client, "cancel", agentOf(client)), "true: granted"},
		{"an agent without a user and the tool", at, call(client, "refund", agentOf(client)),
			notGranted + `"refund" of application "orders"`},
		{"a client as the subject, of whom nobody says that it is one", at, call(client, "cancel", ``),
			`false: unknown subject; users has no user for the subject "http://agents.example/desk"`},
		{"one agent as the subject of another", at, call(scouts, "find", agentOf(client)),
			`false: unknown subject; users has no user for the subject "scout-client"`},
		{"an agent of no client", at, call(jonas, "find", agentOf("x")),
			`false: unknown subject; agents has no AI agent for the client id "x"`},
		{"an ARN that the table does not list", at, call(jonas, "find", agentOf(robot)),
			`false: unknown subject; agents has no AI agent for the client id "` + robot + `"`},
		{"an empty client", at, call(jonas, "find", agentOf("")),
			`false: unknown subject; agents has no AI agent for the client id ""`},
		{"a user whom the table does not list", at, call("jonas", "find", agentOf(client)),
			`false: unknown subject; users has no user for the subject "jonas"`},
		{"a user whom the instance does not have", at, call("auth0|gone", "find", ``),
			`false: unknown subject; it requires "find" of application "orders"`},
		{"an empty subject", at, call("", "find", agentOf(client)), "false: unknown subject; subject.id is required"},
		{"an agent that is not a string", at, call(jonas, "find", `"agent":5`), `400 "context.agent must be a string, got a number"`},

		{"the server by its audience", evaluation, call(jonas, "find", `"agent":"`+client+`","audience":"`+orders+`"`), "true: granted"},
		{"the server by one of several audiences", evaluation,
			call(jonas, "find", `"agent":"`+client+`","audience":["https://x.example","`+orders+`"]`), "true: granted"},
		{"two audiences of one application", at, call(jonas, "find", `"audience":["https://orders.example/old","`+orders+`"]`), "true: granted"},
		{"audiences of two applications", evaluation,
			call(jonas, "find", `"audience":["https://refunds.example/mcp","`+orders+`"]`),
			`false: unknown resource; the audience must be of one application, got "refunds orders"`},
		{"a token for another server", at, call(client, "find", agentOf(client)+`,"audience":"https://refunds.example/mcp"`),
			`false: unknown resource; the audience is of application "refunds", and the question about "orders"`},
		{"another server's tool of the same name", elsewhere, call(client, "find", agentOf(client)),
			notGranted + `"find" of application "refunds"`},
		{"no server", evaluation, call(jonas, "find", agentOf(client)),
			"false: unknown resource; the MCP server is not named: send context.audience, or ask at /servers/NAMESPACE/access/v1/…"},
		{"an audience that the table does not list", evaluation, call(jonas, "find", `"audience":"orders"`),
			`false: unknown resource; servers has no application for the audience "orders"`},
		{"an address that the table does not list", "/servers/portal" + evaluation, call(jonas, "ACCESS", ``),
			`false: wrong type; a tool must not be called ACCESS, prompts/… or resources/…, got "ACCESS"`},
		{"an application that the table does not list", "/servers/portal" + evaluation, call(jonas, "find", ``),
			`false: unknown resource; servers has no application "portal"`},
		{"an audience that is not a string", at, call(jonas, "find", `"audience":{}`),
			`400 "context.audience must be a string or a list of strings, got an object"`},
		{"a list of other things than audiences", at, call(jonas, "find", `"audience":[1]`),
			`400 "an item of context.audience must be a string, got a number"`},

		{"a tool in another case", at, call(jonas, "Find", agentOf(client)), notGranted + `"Find" of application "orders"`},
		{"a look-alike in Cyrillic", at, call(client, "саnсеl", agentOf(client)), notGranted + `"саnсеl" of application "orders"`},
		{"another normal form", at, call(client, "U\u0308nder", agentOf(client)), notGranted + "\"U\u0308nder\" of application \"orders\""},
		{"the same normal form", at, call(client, "Ünder", agentOf(client)), "true: granted"},
		{"an empty tool", at, call(jonas, "", agentOf(client)), "false: wrong type; resource.id is required"},
		{"a prompt as a tool", at, call(client, "prompts/summary", agentOf(client)),
			`false: wrong type; a tool must not be called ACCESS, prompts/… or resources/…, got "prompts/summary"`},

		{"lists of those who have a tool in common", at, list(jonas, "tools/list", orders, agentOf(client)), "true: granted"},
		{"discovery", evaluation, list(jonas, "server/discover", orders, agentOf(client)), "true: granted"},
		{"subscriptions", evaluation, list(client, "subscriptions/listen", orders, agentOf(client)), "true: granted"},
		{"the beginning of a session", evaluation, list(jonas, "initialize", orders, agentOf(client)+`,"protocol_version":"2025-11-25"`), "true: granted"},
		{"lists of those who have no tool in common", evaluation, list("auth0|nobody", "tools/list", orders, agentOf(client)),
			`false: human denied; it requires any tool of application "orders"`},
		{"lists of an agent with tools of another server", evaluation, list(jonas, "tools/list", orders, agentOf(scouts)),
			`false: not granted; it requires any tool of application "orders"`},
		{"lists of another server than the token's", at, list(jonas, "tools/list", "https://refunds.example/mcp", agentOf(client)),
			`false: unknown resource; the audience is of application "refunds", and the question about "orders"`},
		{"a list of tools", at, mcpAsks(jonas, "tools/list", "tool", "find", agentOf(client)),
			`false: wrong type; tools/list must be about a resource of type mcp_server, got "tool"`},
		{"a call of a server", at, list(jonas, "tools/call", orders, agentOf(client)),
			`false: wrong type; tools/call must be about a resource of type tool, got "mcp_server"`},

		{"a prompt that both have", at, mcpAsks(jonas, "prompts/get", "prompt", "summary", agentOf(client)), "true: granted"},
		{"a prompt that nobody has", at, mcpAsks(jonas, "prompts/get", "prompt", "find", agentOf(client)),
			notGranted + `"prompts/find" of application "orders"`},
		{"completion of a prompt", at, mcpAsks(jonas, "completion/complete", "prompt", "summary", agentOf(client)), "true: granted"},
		{"a resource", at, mcpAsks(client, "resources/read", "resource", "file:///a", agentOf(client)), "true: granted"},
		{"a subscription to a resource", at, mcpAsks(client, "resources/subscribe", "resource", "file:///b", agentOf(client)),
			notGranted + `"resources/file:///b" of application "orders"`},
		{"a resource of a template", at, mcpAsks(jonas, "resources/read", "resource", "docs:///b", agentOf(client)), "true: granted"},
		{"a resource that steps out of a template", at, mcpAsks(jonas, "resources/read", "resource", "docs:///../b", agentOf(client)),
			notGranted + `"resources/docs:///../b" of application "orders"`},
		{"a resource of another template", at, mcpAsks("auth0|nobody", "resources/read", "resource", "docs:///b", agentOf(client)),
			notGranted + `"resources/docs:///b" of application "orders"`},
		{"a task", at, mcpAsks(jonas, "tasks/get", "task", "t-1", agentOf(client)), "true: granted"},
		{"a task of those without tools", at, mcpAsks("auth0|nobody", "tasks/get", "task", "t-1", agentOf(client)),
			`false: human denied; it requires any tool of application "orders"`},
		{"all tasks", at, list(jonas, "tasks/list", orders, agentOf(client)), `false: unknown action; the method "tasks/list" is not known`},

		{"a method of the future", at, list(jonas, "tools/rename", orders, agentOf(client)),
			`false: unknown action; the method "tools/rename" is not known`},
		{"a ping", at, list("", "ping", "", ``), "true: granted"},
		{"a notification", at, list("", "notifications/cancelled", "", ``), "true: granted"},
		{"a notification without a name", at, list(jonas, "notifications/", orders, agentOf(client)),
			`false: unknown action; the method "notifications/" is not known`},

		{"a tool's own mapping to a permission", evaluation, mcpAsks(client, "Queues.View", "Instance", "", agentOf(client)), "true: granted"},
		{"a tool's own mapping to a permission that the user lacks", evaluation,
			mcpAsks("auth0|nobody", "Queues.View", "Instance", "", agentOf(client)), "false: human denied"},
		{"a tool's own mapping to a tool", evaluation, mcpAsks(jonas, "find", "Application", "orders", agentOf(client)), "true: granted"},
		{"a tool's own mapping to what is not known here", evaluation,
			mcpAsks(jonas, "get_customer", "customer", "cust-1", agentOf(client)+`,"case":"case-1"`), "false: unknown action"},
		{"a tool's own mapping of a tool's name to an action", at, mcpAsks(jonas, "cancel", "tool", "find", agentOf(client)),
			`false: unknown action; the method "cancel" is not known`},
	} {
		if got := p.decide(tt.path, tt.body); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// Without a mapping users, agents and servers go by their own names.
func TestRequestsWithoutMapping(t *testing.T) {
	p := newGateways(t)
	for _, tt := range []struct{ name, body, want string }{
		{"by names", mcpAsks("jonas", "tools/call", "tool", "find", agentOf(robot)+`,"audience":"orders"`), "true: granted"},
		{"an agent by itself", mcpAsks(robot, "tools/call", "tool", "cancel", agentOf(robot)+`,"audience":"orders"`), "true: granted"},
		{"a list", mcpAsks("jonas", "tools/list", "mcp_server", "orders", agentOf(robot)), "true: granted"},
		{"an ARN as a subject that nobody calls a client", mcpAsks(robot, "tools/call", "tool", "find", `"audience":"orders"`),
			`false: unknown subject; it requires "find" of application "orders"`},
		{"a client id", mcpAsks("jonas", "tools/call", "tool", "find", agentOf(client)+`,"audience":"orders"`),
			`false: unknown subject; context.agent must be the ARN of an AI agent, or a client id that agents lists, got "` + client + `"`},
		{"no server", mcpAsks("jonas", "tools/call", "tool", "find", agentOf(robot)),
			"false: unknown resource; the MCP server is not named: send context.audience, or ask at /servers/NAMESPACE/access/v1/…"},
		{"an empty server", mcpAsks("jonas", "tools/list", "mcp_server", "", agentOf(robot)),
			`false: unknown resource; servers has no application for the audience ""`},
	} {
		if got := p.decide(evaluation, tt.body); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
	p.mapped(&coaz.Mapping{Servers: map[string]string{orders: "orders"}})
	if got := p.decide(evaluation, mcpAsks("jonas", "tools/call", "tool", "find", agentOf(robot))); got != "true: granted" {
		t.Errorf("the only server there is need not be named, got %s", got)
	}
	// Who registers a user name that is also a client id gets no more than both have.
	p.mapped(&coaz.Mapping{Agents: map[string]string{"jonas": robot}, Servers: map[string]string{orders: "orders"}})
	if got := p.decide(evaluation, mcpAsks("jonas", "tools/call", "tool", "cancel", agentOf("jonas"))); !strings.HasPrefix(got,
		"false: human denied") {
		t.Errorf("a user named like a client: %s", got)
	}
}

// A gateway that filters a list of tools asks about all of them at once.
func TestBatchesOfMCP(t *testing.T) {
	p := newGateways(t).mapped(deskMapping())
	item := func(tool string) string { return `{"resource":{"type":"tool","id":"` + tool + `"}}` }
	head := `{"subject":{"type":"identity","id":"` + jonas + `"},"action":{"name":"tools/call"},"context":{` + agentOf(client) + `},`
	status, body, _ := p.ask("/instances/"+p.instance+"/servers/orders/access/v1/evaluations", head+`"evaluations":[`+
		strings.Join([]string{item("find"), item("cancel"), item("refund"),
			`{"resource":{"type":"tool","id":"cancel"},"context":{}}`,
			`{"resource":{"type":"tool","id":"find"},"context":{"agent":[]}}`,
			`{"resource":{"type":"User","id":"jonas"},"action":{"name":"Users.View"},"subject":{"type":"user","id":"jonas"}}`}, ",")+`]}`)
	var answer struct{ Evaluations []decision }
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != 200 {
		t.Fatalf("answers %d %s", status, body)
	}
	var got []string
	for _, d := range answer.Evaluations {
		got = append(got, d.String())
	}
	want := []string{"true: granted", `false: human denied; it requires "cancel" of application "orders"`,
		`false: not granted; it requires "refund" of application "orders"`,
		`false: not granted; it requires "cancel" of application "orders"`, "false: ", "false: not granted"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("answers\n%q, want\n%q", got, want)
	}

	search := func(path, context string) string {
		_, body, _ := p.ask(path+"/access/v1/search/resource", `{"subject":{"type":"identity","id":"`+jonas+
			`"},"action":{"name":"tools/call"},"resource":{"type":"tool"},"context":{`+context+`}}`)
		return body
	}
	const find = `{"type":"tool","id":"find","properties":{"name":"find"}}`
	const refund = `{"type":"tool","id":"refund","properties":{"name":"refund"}}`
	for _, tt := range []struct{ name, got, want string }{
		{"what both may call", search("/servers/orders", agentOf(client)), find},
		{"what the user may call", search("/servers/orders", ``), find + "," + refund},
		{"by the audience", search("", agentOf(client)+`,"audience":"`+orders+`"`), find},
		{"of no server", search("", agentOf(client)), ``},
		{"of an agent that is not known", search("/servers/orders", agentOf("x")), ``},
	} {
		want := fmt.Sprintf(`{"page":{"next_token":"","count":%d},"results":[%s]}`, strings.Count(tt.want, `"id"`), tt.want)
		if tt.got != want {
			t.Errorf("%s: %s, want %s", tt.name, tt.got, want)
		}
	}
}

// The document at an address of an MCP server leads back to that address.
func TestMetadataOfServer(t *testing.T) {
	p := newPDP(t)
	for base, want := range map[string]int{"": 200, "/instances/" + p.instance: 200, "/servers/orders": 200,
		"/instances/" + p.instance + "/servers/orders": 200, "/servers/": 404, "/servers/orders/x": 404, "/servers": 404,
		"/access/v1/ext-authz/door": 404, "/instances/x/access/v1/ext-authz/door": 404} {
		r := newRequest("GET", "/.well-known/authzen-configuration"+base, "")
		w := p.serve(r)
		if w.Code != want {
			t.Errorf("%s: answers %d, want %d", base, w.Code, want)
		}
		if url := "http://" + r.Host + base; want == 200 && !strings.Contains(w.Body.String(),
			`"access_evaluation_endpoint":"`+url+evaluation+`"`) {
			t.Errorf("%s: answers %s", base, w.Body)
		}
	}
}

// Whatever tokens say, what both agent and user have is allowed, and nothing else.
func TestAssistanceIsIntersection(t *testing.T) {
	p := newGateways(t).mapped(deskMapping())
	has := map[string][]string{client: {"find", "cancel", "Ünder", "weird"}, jonas: {"find", "refund"}}
	rapid.Check(t, func(t *rapid.T) {
		identity := rapid.SampledFrom([]string{jonas, client, scouts, "auth0|nobody", "auth0|gone", "", "jonas"}).Draw(t, "identity")
		agent := rapid.SampledFrom([]string{client, scouts, "", "-"}).Draw(t, "agent")
		tool := rapid.SampledFrom([]string{"find", "cancel", "refund", "Ünder", "weird", "ACCESS", "prompts/summary", ""}).Draw(t, "tool")
		context, want := "", true
		holds := func(who string) bool {
			for _, name := range has[who] {
				if name == tool {
					return true
				}
			}
			return false
		}
		if agent != "-" {
			context, want = agentOf(agent), holds(agent)
		}
		if identity != agent {
			want = want && identity == jonas && holds(identity)
		}
		got := p.decide("/servers/orders"+evaluation, mcpAsks(identity, "tools/call", "tool", tool, context))
		if strings.HasPrefix(got, "true") != want {
			t.Fatalf("%s with %q calls %q: %s, want %v", identity, agent, tool, got, want)
		}
	})
}

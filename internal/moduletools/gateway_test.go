package moduletools_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/authority"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/gateway"
	"github.com/lanyard/lanyard/internal/moduletools"
)

const agentARN = "arn:aws:wisdom:us-east-1:123456789012:ai-agent/a1/orders"

// everybody is who calls: the agent of the test.
type everybody struct{ caller *gateway.Caller }

func (e everybody) Authenticate(*http.Request) (*gateway.Caller, error)          { return e.caller, nil }
func (everybody) ServeMetadata(w http.ResponseWriter, _ *http.Request)           { http.NotFound(w, nil) }
func (everybody) Challenge(_ *http.Request, _ *gateway.Right) (challenge string) { return "" }

// records are the calls that were recorded.
type records struct {
	mu    sync.Mutex
	calls []gateway.Call
}

func (r *records) Record(_ context.Context, c *gateway.Call) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, *c)
	return nil
}

// A record is what matters here of a call of a tool.
type record struct {
	outcome, module string
	allowed         bool
	id              string
}

func (r *records) ofTools() (found []record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.calls {
		if c.Method == "tools/call" {
			found = append(found, record{c.Outcome, c.Right.Module, c.Decision.Allow, c.ID})
		}
	}
	return found
}

// agent connects the AI agent to a gateway whose only upstream are the flow modules. It is told of changes.
func (c *centre) agent(kept *records) (*mcp.ClientSession, <-chan struct{}) {
	c.Helper()
	g, err := gateway.New(gateway.Config{Prefixed: true, Recorder: kept,
		Upstreams:     []gateway.Upstream{{Name: "modules", Local: c.Upstream}},
		Authority:     &authority.Local{Control: c.Service, Account: account},
		Authenticator: everybody{&gateway.Caller{Account: account, Instance: c.in.ID, Agent: agentARN}}})
	c.must(err)
	c.Cleanup(g.Close)
	server := httptest.NewServer(g)
	c.Cleanup(server.Close)
	told := make(chan struct{}, 100)
	client := mcp.NewClient(&mcp.Implementation{Name: "agent", Version: "1"}, &mcp.ClientOptions{
		ToolListChangedHandler: func(context.Context, *mcp.ToolListChangedRequest) { told <- struct{}{} }})
	session, err := client.Connect(c.Context(), &mcp.StreamableClientTransport{Endpoint: server.URL}, nil)
	c.must(err)
	c.Cleanup(func() { session.Close() })
	return session, told
}

// TestThroughGateway has an AI agent see and call the flow modules that its profile grants, and learn of changes.
func TestThroughGateway(t *testing.T) {
	c := newCentre(t, func(c *moduletools.Config) { c.Alias = "live" })
	c.answer = func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "sent") }
	granted, other := c.module("Find order", settings), c.module("Refund", settings)
	profile, err := c.CreateSecurityProfile(t.Context(), c.call(), c.in.ID, control.NewProfile{Name: "Tools",
		ProfileChange: control.ProfileChange{FlowModules: []lanyard.FlowModule{{ID: granted.ID}}}})
	c.must(err)
	_, err = c.AssociateSecurityProfiles(t.Context(), c.call(), c.in.ID,
		control.Entity{Type: control.EntityAIAgent, ARN: agentARN}, []string{profile.Resource.ID})
	c.must(err)

	kept := new(records)
	agent, told := c.agent(kept)
	name := func(slug string, m *lanyard.Module) string { return "modules___" + slug + "_" + m.ID[len(m.ID)-12:] }
	find, refund := name("find_order", granted), name("refund", other)
	sees := func(want ...string) {
		t.Helper()
		list, err := agent.ListTools(t.Context(), nil)
		c.must(err)
		got := []string{}
		for _, tool := range list.Tools {
			got = append(got, tool.Name)
		}
		if !reflect.DeepEqual(got, append([]string{}, want...)) {
			t.Errorf("the agent sees %q, want %q", got, want)
		}
	}
	call := func(name string) (string, bool) {
		t.Helper()
		result, err := agent.CallTool(t.Context(), &mcp.CallToolParams{Name: name, Arguments: map[string]any{"order": "1"}})
		c.must(err)
		return result.Content[0].(*mcp.TextContent).Text, result.IsError
	}
	isTold := func(after string) {
		t.Helper()
		select {
		case <-told:
		case <-time.After(time.Second):
			t.Fatalf("the agent was not told within a second after %s", after)
		}
	}

	sees(find)
	if got, failed := call(find); got != "sent" || failed {
		t.Errorf("got %q, %v", got, failed)
	}
	if got, failed := call(refund); !failed || strings.Contains(got, "Refund") {
		t.Errorf("got %q, %v for a module that is not granted", got, failed)
	}
	got := kept.ofTools()
	if len(got) != 2 || got[0].id == got[1].id {
		t.Fatalf("recorded %+v, want two calls", got)
	}
	want := []record{{"answered", granted.ID, true, got[0].id}, {"refused", other.ID, false, got[1].id}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("recorded %+v, want %+v", got, want)
	}
	if !strings.Contains(c.bodies[0], `"decision":"`+got[0].id+`"`) {
		t.Errorf("decision %s; the target was sent %s", got[0].id, c.bodies[0])
	}
	if len(c.bodies) != 1 {
		t.Errorf("the target was sent %q", c.bodies)
	}

	_, err = c.UpdateSecurityProfile(t.Context(), c.call(), c.in.ID, profile.Resource.ID, control.ProfileChange{
		FlowModules: []lanyard.FlowModule{{ID: granted.ID}, {ID: other.ID}}})
	c.must(err)
	isTold("a module was granted")
	sees(find, refund)
	if got, failed := call(refund); got != "sent" || failed {
		t.Errorf("got %q, %v", got, failed)
	}

	const another = `"{\"input\":{\"schema\":{\"properties\":{\"order\":{\"type\":\"string\",\"maxLength\":9}}}}}"`
	_, err = c.UpdateContactFlowModuleContent(t.Context(), c.call(), c.in.ID, other.ID,
		control.ContentChange{Settings: lanyard.Settings{"Settings": lanyard.JSON(another)}})
	c.must(err)
	second := c.version(other)
	isTold("a version was made")
	alias, err := c.CreateContactFlowModuleAlias(t.Context(), c.call(), c.in.ID, other.ID,
		lanyard.ModuleAlias{Meta: lanyard.Meta{Name: "live"}, Version: 1})
	c.must(err)
	isTold("an alias was made")
	_, err = c.UpdateContactFlowModuleAlias(t.Context(), c.call(), c.in.ID,
		control.AliasRef{Module: other.ID, ID: alias.Resource.ID}, control.AliasChange{Version: &second})
	c.must(err)
	isTold("an alias was moved")
	_, err = c.DeleteContactFlowModuleVersion(t.Context(), c.call(), c.in.ID, granted.ID, 1)
	c.must(err)
	isTold("a version was deleted")
	sees(refund)
	c.version(granted)
	isTold("a version was made again")
	sees(find, refund)

	archived := true
	_, err = c.UpdateContactFlowModuleMetadata(t.Context(), c.call(), c.in.ID, granted.ID,
		control.ModuleChange{Archived: &archived})
	c.must(err)
	isTold("a module was archived")
	sees(refund)
	if _, failed := call(find); !failed {
		t.Error("an archived module was called")
	}
}

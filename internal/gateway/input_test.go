package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/lanyard/lanyard/internal/gateway"
)

// asking is a server whose tool asks the agent's user for a name: in its result, or in the middle of the call.
func asking(within bool) *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "asking", Version: "1"}, nil)
	schema := map[string]any{"type": "object", "properties": map[string]any{"name": map[string]any{"type": "string"}}}
	mcp.AddTool(s, &mcp.Tool{Name: "greet"}, func(ctx context.Context, r *mcp.CallToolRequest, _ struct{}) (
		*mcp.CallToolResult, any, error) {
		question := &mcp.ElicitParams{Message: "Your name?", RequestedSchema: schema}
		answer, _ := r.Params.InputResponses["who"].(*mcp.ElicitResult)
		if within {
			var err error
			if answer, err = r.Session.Elicit(ctx, question); err != nil {
				return nil, nil, err
			}
		} else if answer == nil {
			return &mcp.CallToolResult{InputRequests: mcp.InputRequestMap{"who": question}, RequestState: "first"}, nil, nil
		} else if r.Params.RequestState != "first" {
			return nil, nil, fmt.Errorf("state is %q", r.Params.RequestState)
		}
		hello := &mcp.TextContent{Text: fmt.Sprint("Hello ", answer.Content["name"])}
		return &mcp.CallToolResult{Content: []mcp.Content{hello}}, nil, nil
	})
	return s
}

// An upstream can ask an agent's user for something, whatever revision either speaks, and each round is decided.
func TestInputRequired(t *testing.T) {
	for _, revision := range []string{"2026-07-28", "2025-11-25"} {
		for _, stateless := range []bool{true, false} {
			t.Run(fmt.Sprint(revision, stateless), func(t *testing.T) {
				at, _ := serveMCP(t, asking(!stateless), stateless)
				a := newRights("ann x greet")
				url := start(t, a, gateway.Config{}, gateway.Upstream{Name: "x", URL: at})
				revoke := false
				c := connect(t, url, "ann", revision, mcp.ClientOptions{ElicitationHandler: func(context.Context, *mcp.ElicitRequest) (
					*mcp.ElicitResult, error) {
					if revoke {
						a.revoke("ann x greet")
					}
					return &mcp.ElicitResult{Action: "accept", Content: map[string]any{"name": "Bo"}}, nil
				}})
				r, err := c.CallTool(t.Context(), &mcp.CallToolParams{Name: "greet"})
				if err != nil || textOf(r) != "Hello Bo" {
					t.Fatalf("%v, %v", r, err)
				}
				if revision == "2025-11-25" && !stateless {
					return // one call, decided once
				}
				revoke = true
				r, err = c.CallTool(t.Context(), &mcp.CallToolParams{Name: "greet"})
				if err == nil && !r.IsError {
					t.Errorf("a round without the right: %v", textOf(r))
				}
			})
		}
	}
}

// The state of a call is of use to its caller, for the same tool, alone.
func TestStateIsBound(t *testing.T) {
	for _, stateless := range []bool{true, false} {
		t.Run(fmt.Sprint(stateless), func(t *testing.T) {
			at, _ := serveMCP(t, asking(!stateless), stateless)
			url := start(t, newRights("*"), gateway.Config{}, gateway.Upstream{Name: "x", URL: at})
			withElicitation := func(name, state, caller string) answer {
				key := "who"
				if !stateless {
					key = "1"
				}
				params := ""
				if state != "" {
					params = fmt.Sprintf(`"requestState":%q,"inputResponses":{%q:{"action":"accept","content":{"name":"Bo"}}},`, state, key)
				}
				return post(t, url, fmt.Sprintf(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":%q,"arguments":{},%s%s}}`,
					name, params, strings.Replace(meta, `Capabilities":{}`, `Capabilities":{"elicitation":{}}`, 1)),
					"Mcp-Protocol-Version: 2026-07-28", "Mcp-Method: tools/call", "Mcp-Name: "+name, "Authorization: Bearer "+caller)
			}
			first := withElicitation("greet", "", "ann")
			state, _ := first.result["requestState"].(string)
			if state == "" || strings.Contains(state, "first") {
				t.Fatalf("first: %s", first.body)
			}
			for _, got := range []answer{withElicitation("greet", state, "bob"), withElicitation("other", state, "ann"),
				withElicitation("greet", state+"x", "ann"), withElicitation("greet", "first", "ann")} {
				if got.status != 400 || got.code != -32602 {
					t.Errorf("got %d: %s", got.status, got.body)
				}
			}
			if got := withElicitation("greet", state, "ann"); !strings.Contains(got.body, "Hello Bo") {
				t.Errorf("its caller: %s", got.body)
			}
		})
	}
}

// raw is an upstream without sessions that answers as it is told.
type raw struct {
	mu     sync.Mutex
	bodies []string
	answer func(method string, body []byte) string // result
}

func serveRaw(t *testing.T, answer func(method string, body []byte) string) (string, *raw) {
	r := &raw{answer: answer}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		b, _ := io.ReadAll(q.Body)
		var m struct {
			ID     json.RawMessage
			Method string
		}
		_ = json.Unmarshal(b, &m)
		r.mu.Lock()
		r.bodies = append(r.bodies, string(b))
		r.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		result := map[string]string{
			"server/discover": `{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{},` +
				`"extensions":{"io.modelcontextprotocol/tasks":{}}},"ttlMs":0,"cacheScope":"public"}`,
			"tools/list": `{"resultType":"complete","tools":[{"name":"slow","inputSchema":{"type":"object"}}],"ttlMs":60000,"cacheScope":"public"}`,
		}[m.Method]
		if result == "" {
			result = answer(m.Method, b)
		}
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":%s}`, m.ID, result)
	}))
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s.URL, r
}

// A task is its caller's alone, and needs the right to the tool that began it at every request.
func TestTasks(t *testing.T) {
	at, upstream := serveRaw(t, func(method string, _ []byte) string {
		if method == "tools/call" {
			return `{"resultType":"task","taskId":"t-1","status":"working","ttlMs":1,"unknown":{"kept":[1.50]}}`
		}
		return `{"resultType":"complete","taskId":"t-1","status":"completed","result":{"content":[]}}`
	})
	a := newRights("ann x slow", "bob x slow")
	url := start(t, a, gateway.Config{}, gateway.Upstream{Name: "x", URL: at})
	began := call(t, url, "slow", `"arguments":{},`)
	id, _ := began.result["taskId"].(string)
	if id == "" || id == "t-1" || !strings.Contains(began.body, `"unknown":{"kept":[1.50]}`) {
		t.Fatalf("began: %s", began.body)
	}
	task := func(id, caller string) answer {
		return post(t, url, fmt.Sprintf(`{"jsonrpc":"2.0","id":2,"method":"tasks/get","params":{"taskId":%q,%s}}`, id, meta),
			"Mcp-Protocol-Version: 2026-07-28", "Mcp-Method: tasks/get", "Mcp-Name: "+id, "Authorization: Bearer "+caller)
	}
	if got := task(id, "ann"); got.result["status"] != "completed" || got.result["taskId"] != id {
		t.Errorf("own: %s", got.body)
	}
	for _, got := range []answer{task(id, "bob"), task("t-1", "ann"), task(id+"x", "ann")} {
		if got.code != -32602 {
			t.Errorf("another's: %s", got.body)
		}
	}
	a.revoke("ann x slow")
	if got := task(id, "ann"); got.code != -32001 {
		t.Errorf("without the right: %s", got.body)
	}
	upstream.mu.Lock()
	defer upstream.mu.Unlock()
	if last := upstream.bodies[len(upstream.bodies)-1]; !strings.Contains(last, `"taskId":"t-1"`) {
		t.Errorf("the upstream got %s", last)
	}
}

// What the gateway does not know of a result, and how it is written, stays.
func TestResultsStay(t *testing.T) {
	result := `{"resultType":"complete","content":[{"type":"text","text":"\u0041","x":1e2}],"x":{"b":1,"a":2}}`
	at, upstream := serveRaw(t, func(string, []byte) string { return result })
	url := start(t, newRights("*"), gateway.Config{}, gateway.Upstream{Name: "x", URL: at})
	got := call(t, url, "slow", `"arguments":{"n":1.0e0,"s":"\u0041"},`)
	if want := `{"jsonrpc":"2.0","id":1,"result":` + result + `}`; got.body != want {
		t.Errorf("got  %s\nwant %s", got.body, want)
	}
	upstream.mu.Lock()
	defer upstream.mu.Unlock()
	if last := upstream.bodies[len(upstream.bodies)-1]; !strings.Contains(last, `"arguments":{"n":1.0e0,"s":"\u0041"}`) {
		t.Errorf("the upstream got %s", last)
	}
}

// What an upstream says of a task reaches the agent that began it, by the id that the agent knows.
func TestTaskNotifications(t *testing.T) {
	at, _ := serveRaw(t, func(string, []byte) string { return `{"resultType":"task","taskId":"t-1","status":"working"}` })
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Mcp-Method") != "subscriptions/listen" {
			r.URL, _ = r.URL.Parse(at)
			r.RequestURI, r.Host = "", ""
			resp, err := http.DefaultClient.Do(r.WithContext(context.Background()))
			if err != nil {
				return
			}
			defer resp.Body.Close()
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.Copy(w, resp.Body)
			return
		}
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		if strings.Contains(string(body), `"taskIds":["t-1"]`) {
			for _, id := range []string{"t-2", "t-1"} {
				fmt.Fprintf(w, "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tasks\",\"params\":{\"taskId\":%q,"+
					"\"status\":\"completed\",\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":0}}}\n\n", id)
			}
		}
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	t.Cleanup(func() { front.CloseClientConnections(); front.Close() })
	a := newRights("ann x slow")
	g, err := gateway.New(gateway.Config{Upstreams: []gateway.Upstream{{Name: "x", URL: front.URL}}, Authority: a,
		Authenticator: a})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(g)
	t.Cleanup(func() { s.CloseClientConnections(); g.Close(); s.Close() })
	id, _ := call(t, s.URL, "slow", `"arguments":{},`).result["taskId"].(string)
	body := fmt.Sprintf(`{"jsonrpc":"2.0","id":"s","method":"subscriptions/listen","params":{"notifications":`+
		`{"taskIds":[%q]},%s}}`, id, meta)
	headers := []string{"Mcp-Protocol-Version: 2026-07-28", "Mcp-Method: subscriptions/listen"}
	others := make(chan string, 1)
	go func() { others <- post(t, s.URL, body, append(headers, "Authorization: Bearer bob")...).body }()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"text/event-stream"}, "Authorization": {"Bearer ann"},
		"Mcp-Protocol-Version": {"2026-07-28"}, "Mcp-Method": {"subscriptions/listen"}}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var stream strings.Builder
	lines := bufio.NewScanner(resp.Body)
	for !strings.Contains(stream.String(), `"completed"`) {
		if !lines.Scan() {
			t.Fatalf("the stream ended: %s", &stream)
		}
		stream.WriteString(lines.Text() + "\n")
	}
	g.EndStreams()
	got := stream.String()
	if !strings.Contains(got, `"notifications":{"taskIds":["`+id+`"]}`) || strings.Count(got, id) != 2 ||
		strings.Contains(got, "t-1") || strings.Contains(got, "t-2") || strings.Count(got, `subscriptionId":"s"`) != 2 {
		t.Errorf("the stream was %s", got)
	}
	if other := <-others; strings.Contains(other, id) || !strings.Contains(other, "acknowledged") {
		t.Errorf("another agent's stream was %s", other)
	}
}

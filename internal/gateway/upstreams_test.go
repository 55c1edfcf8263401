package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/lanyard/lanyard/internal/gateway"
	"github.com/lanyard/lanyard/internal/guard"
)

// How an upstream misbehaves when its tool is called, unless the text of the call is "well".
const (
	hangs      = "hangs"
	floods     = "floods"       // one message that does not end
	chatters   = "chatters"     // messages without end
	malformed  = "malformed"    // no JSON
	truncated  = "truncated"    // half an answer
	stranger   = "stranger"     // the answer to another request
	dies       = "dies"         // in mid-call
	diesAtOnce = "diesAtOnce"   // whenever it is started
	deafAtOnce = "deaf at once" // it never answers anything
)

// badEnv has the test binary be an upstream over standard input and output.
const badEnv = "GATEWAY_TEST_UPSTREAM"

func init() {
	if mode := os.Getenv(badEnv); mode != "" {
		serveBadly(mode)
		os.Exit(3)
	}
}

// serveBadly is an upstream over standard input and output, of the revision 2025-11-25.
func serveBadly(mode string) {
	if mode == diesAtOnce {
		return
	}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var m struct {
			ID     json.RawMessage
			Method string
		}
		if json.Unmarshal(in.Bytes(), &m) != nil || m.ID == nil || mode == deafAtOnce {
			continue
		}
		answer := func(member, text string) { fmt.Printf(`{"jsonrpc":"2.0","id":%s,"%s":%s}`+"\n", m.ID, member, text) }
		switch m.Method {
		case "initialize":
			answer("result", `{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},`+
				`"serverInfo":{"name":"bad","version":"1"}}`)
		case "tools/list":
			answer("result", `{"tools":[{"name":"do","inputSchema":{"type":"object"}}]}`)
		case "tools/call":
			if bytes.Contains(in.Bytes(), []byte(`"well"`)) {
				answer("result", `{"content":[{"type":"text","text":"done"}]}`)
				continue
			}
			if misbehave(mode, os.Stdout, string(m.ID)) {
				return
			}
		case "ping":
			answer("result", `{}`)
		default:
			answer("error", `{"code":-32601,"message":"no such method"}`)
		}
	}
}

// misbehave writes what an upstream writes that misbehaves, and reports whether it then ends.
func misbehave(mode string, w io.Writer, id string) (ends bool) {
	switch mode {
	case floods:
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"text","text":"`, id)
		for chunk := bytes.Repeat([]byte("x"), 1<<20); ; {
			if _, err := w.Write(chunk); err != nil {
				return true
			}
		}
	case chatters:
		for i := 0; ; i++ {
			const text = `{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":%d}}` + "\n"
			if _, err := fmt.Fprintf(w, text, i); err != nil {
				return true
			}
		}
	case malformed:
		fmt.Fprintf(w, "\x00\xff{]%s\n", id)
	case truncated:
		fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"content":[{"type":"te`, id)
		return true
	case stranger:
		fmt.Fprintln(w, `{"jsonrpc":"2.0","id":987654,"result":{"content":[{"type":"text","text":"stolen"}]}}`)
	case dies:
		return true
	}
	return false // it hangs
}

// addTool adds a tool that answers a text.
func addTool(s *mcp.Server, name, text string) {
	mcp.AddTool(s, &mcp.Tool{Name: name}, func(context.Context, *mcp.CallToolRequest, echoInput) (*mcp.CallToolResult, any,
		error) {
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: text}}}, nil, nil
	})
}

// badHTTP returns the URL of a real server that misbehaves in calls of its tool.
func badHTTP(t *testing.T, mode string) string {
	t.Helper()
	s := mcp.NewServer(&mcp.Implementation{Name: "bad", Version: "1"}, nil)
	addTool(s, "do", "done")
	h := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s },
		&mcp.StreamableHTTPOptions{Stateless: true})
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var m struct {
			ID     json.RawMessage
			Method string
		}
		json.Unmarshal(body, &m)
		switch {
		case mode == deafAtOnce:
			<-r.Context().Done()
		case mode == diesAtOnce:
			panic(http.ErrAbortHandler)
		case m.Method != "tools/call" || bytes.Contains(body, []byte(`"well"`)):
			r.Body = io.NopCloser(bytes.NewReader(body))
			h.ServeHTTP(w, r)
		default:
			w.Header().Set("Content-Type", "application/json")
			out := io.Writer(flushing{w})
			if mode == chatters {
				w.Header().Set("Content-Type", "text/event-stream")
				out = eventWriter{flushing{w}}
			}
			if misbehave(mode, out, string(m.ID)) {
				panic(http.ErrAbortHandler)
			}
			if mode == hangs {
				<-r.Context().Done()
			}
		}
	}))
	t.Cleanup(func() {
		at.CloseClientConnections()
		at.Close()
	})
	return at.URL
}

// flushing sends at once what is written.
type flushing struct{ http.ResponseWriter }

func (f flushing) Write(b []byte) (int, error) {
	n, err := f.ResponseWriter.Write(b)
	if err == nil {
		err = http.NewResponseController(f.ResponseWriter).Flush()
	}
	return n, err
}

// eventWriter writes each message as an event.
type eventWriter struct{ w io.Writer }

func (e eventWriter) Write(b []byte) (int, error) {
	if _, err := fmt.Fprintf(e.w, "data: %s\n\n", bytes.TrimSpace(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// neighbour calls a good upstream again and again until stop is called, which returns how many calls failed, how many
// were made, and how long the slowest took.
func neighbour(t *testing.T, url string) (stop func() (failed, made int, slowest time.Duration)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var failed, made int
	var slowest time.Duration
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			began := time.Now()
			a := call(t, url, "shop___sell", `"arguments":{"text":"x"},`, "Authorization: Bearer bob")
			if made++; a.status != 200 || !strings.Contains(a.body, "sell x") {
				failed++
				t.Logf("the neighbour got %d %s", a.status, a.body)
			}
			slowest = max(slowest, time.Since(began))
		}
	}()
	return func() (int, int, time.Duration) {
		cancel()
		<-done
		return failed, made, slowest
	}
}

// Whatever an upstream does in a call, the caller gets an answer within the call's time, the call is recorded, other
// callers and upstreams notice nothing, memory stays bounded, and the upstream is used again when it is well.
func TestBadUpstreams(t *testing.T) {
	shopURL, _ := serveMCP(t, shop(), true)
	for _, over := range []string{"http", "stdio"} {
		for _, mode := range []string{hangs, floods, chatters, malformed, truncated, stranger, dies, diesAtOnce, deafAtOnce} {
			t.Run(over+" "+mode, func(t *testing.T) {
				bad := gateway.Upstream{Name: "bad"}
				if over == "http" {
					bad.URL = badHTTP(t, mode)
				} else {
					bad.Command, bad.Env = []string{os.Args[0]}, []string{badEnv + "=" + mode}
				}
				a := newRights("*")
				limits := guard.New(guard.Config{Limits: guard.Limits{Timeout: 300 * time.Millisecond, CallsPerMinute: -1},
					UpstreamLimits: guard.UpstreamLimits{CoolDown: 100 * time.Millisecond}},
					slog.New(slog.DiscardHandler))
				url := start(t, a, gateway.Config{Guard: limits, ConnectTimeout: 500 * time.Millisecond, MaxMessageBytes: 1 << 20,
					RefreshInterval: 500 * time.Millisecond},
					bad, gateway.Upstream{Name: "shop", URL: shopURL})
				well := func() bool {
					got := call(t, url, "bad___do", `"arguments":{"text":"well"},`)
					return got.status == 200 && strings.Contains(got.body, "done")
				}
				recovers := mode != diesAtOnce && mode != deafAtOnce
				if recovers {
					eventually(t, "the upstream is used", well)
				}
				awaitShop(t, url)
				before := heap()
				stop := neighbour(t, url)
				const calls = 2
				for range calls {
					began := time.Now()
					got := call(t, url, "bad___do", `"arguments":{"text":"ill"},`)
					if took := time.Since(began); took > 5*time.Second {
						t.Errorf("a call took %v", took)
					}
					if got.status != 200 || got.result["isError"] != true || strings.Contains(got.body, "stolen") {
						t.Errorf("a call is answered with %d %.300s", got.status, got.body)
					}
				}
				if grown := heap() - before; grown > 64<<20 {
					t.Errorf("the heap has grown by %d bytes", grown)
				}
				failed, made, slowest := stop()
				if failed > 0 || made == 0 || slowest > 3*time.Second {
					t.Errorf("%d of %d calls of the neighbour failed, the slowest took %v", failed, made, slowest)
				}
				if got, want := outcomesOfIll(a), outcomesOf(over, mode); len(got) != calls || !slices.Contains(want, got[0]) ||
					!slices.Contains(want, got[1]) {
					t.Errorf("recorded %q, want %d of %q", got, calls, want)
				}
				if recovers {
					eventually(t, "the upstream is used again", well)
				}
			})
		}
	}
}

// outcomesOf are how calls of an upstream that misbehaves may end. What comes in time and is wrong fails.
func outcomesOf(over, mode string) []string {
	switch {
	case over == "stdio" && (mode == chatters || mode == floods || mode == deafAtOnce):
		return []string{"timed out", "failed"} // the process may be replaced before the call's time is over
	case mode == deafAtOnce:
		return []string{"timed out", "failed"} // the first call waits for the first attempt to connect
	case mode == hangs, mode == chatters, over == "stdio" && mode == stranger: // a process answers several at a time
		return []string{"timed out"}
	}
	return []string{"failed"}
}

// outcomesOfIll are how the calls ended in which the upstream misbehaved.
func outcomesOfIll(a *rights) (all []string) {
	for _, text := range a.outcomes("tools/call") {
		if outcome, ok := strings.CutSuffix(text, ` bad/do {"text":"ill"}`); ok {
			all = append(all, outcome)
		}
	}
	return all
}

// awaitShop waits until the good upstream is connected.
func awaitShop(t *testing.T, url string) {
	t.Helper()
	eventually(t, "the shop is used", func() bool {
		return strings.Contains(call(t, url, "shop___sell", `"arguments":{"text":"x"},`).body, "sell x")
	})
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// An upstream that fails again and again is left alone for a while: calls are refused at once, by the status that says
// when to come back, and another agent's are not as long as only the one fails.
func TestFailingUpstreamRests(t *testing.T) {
	url := badHTTP(t, dies)
	shopURL, _ := serveMCP(t, shop(), true)
	a := newRights("*")
	limits := guard.New(guard.Config{UpstreamLimits: guard.UpstreamLimits{Failures: 3, CoolDown: time.Hour}},
		slog.New(slog.DiscardHandler))
	at := start(t, a, gateway.Config{Guard: limits}, gateway.Upstream{Name: "bad", URL: url},
		gateway.Upstream{Name: "shop", URL: shopURL})
	awaitShop(t, at)
	eventually(t, "the upstream is used", func() bool {
		got := call(t, at, "bad___do", `"arguments":{"text":"well"},`, "Authorization: Bearer bob")
		return strings.Contains(got.body, "done")
	})
	for range 3 {
		call(t, at, "bad___do", `"arguments":{"text":"ill"},`)
	}
	got := call(t, at, "bad___do", `"arguments":{"text":"well"},`)
	if got.header.Get("Retry-After") != "3600" || !strings.Contains(got.body, "retry in 1h0m0s") {
		t.Errorf("refused with %v %s", got.header, got.body)
	}
	outcomes := a.outcomes("tools/call")
	if last := outcomes[len(outcomes)-1]; !strings.HasPrefix(last, "limited bad/do") {
		t.Errorf("recorded: %q", outcomes)
	}
	got = call(t, at, "bad___do", `"arguments":{"text":"well"},`, "Authorization: Bearer bob")
	if !strings.Contains(got.body, "done") {
		t.Errorf("another agent: %s", got.body)
	}
	if got := call(t, at, "shop___sell", `"arguments":{"text":"x"},`); !strings.Contains(got.body, "sell x") {
		t.Errorf("another upstream: %s", got.body)
	}
}

// Tools that an upstream renames are those of its own namespace, whatever they are called, and what an agent may call
// is decided by the new name.
func TestRenamedTools(t *testing.T) {
	s := mcp.NewServer(&mcp.Implementation{Name: "bad", Version: "1"}, nil)
	addTool(s, "do", "bad did do")
	badURL, _ := serveMCP(t, s, false)
	shopURL, _ := serveMCP(t, shop(), true)
	a := newRights("ann shop sell", "ann bad do")
	url := start(t, a, gateway.Config{RefreshInterval: 50 * time.Millisecond}, gateway.Upstream{Name: "bad", URL: badURL},
		gateway.Upstream{Name: "shop", URL: shopURL})
	ann := connect(t, url, "ann", "2026-07-28", mcp.ClientOptions{})
	eventually(t, "both are seen", func() bool { return fmt.Sprint(toolNames(t, ann)) == "[bad___do shop___sell]" })
	s.RemoveTools("do")
	for _, name := range []string{"sell", "shop___sell", "drop_everything", "Do"} {
		addTool(s, name, "bad did "+name)
	}
	eventually(t, "what was renamed is hidden", func() bool { return fmt.Sprint(toolNames(t, ann)) == "[shop___sell]" })
	for _, name := range []string{"bad___sell", "bad___shop___sell", "bad___drop_everything", "bad___Do"} {
		if got := call(t, url, name, `"arguments":{"text":"x"},`); strings.Contains(got.body, "bad did") {
			t.Errorf("%s: %s", name, got.body)
		}
	}
	if got := call(t, url, "shop___sell", `"arguments":{"text":"x"},`); !strings.Contains(got.body, "sell x") {
		t.Errorf("the tool of the other upstream: %s", got.body)
	}
}

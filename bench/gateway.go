package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// gatewayFound is what a call of a tool takes without the gateway and through it.
type gatewayFound struct {
	options          options
	direct, through  []result // with one client
	loaded, unbroken []result // with many clients: through it, without it
}

const gatewayClients = 16

// measureGateway measures calls of a tool by an agent, of an upstream that does next to nothing. Each call is
// authenticated, decided, limited and recorded in the audit.
func measureGateway(ctx context.Context, o options, bin, dir string) (*gatewayFound, error) {
	f := &gatewayFound{options: o}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	upstream, err := start(ctx, "/", self, "-serve", "mcp")
	if err != nil {
		return nil, err
	}
	defer upstream.stop()
	data, config := filepath.Join(dir, "gateway"), filepath.Join(dir, "gateway.yaml")
	defer os.RemoveAll(data)
	if err := os.WriteFile(config, fmt.Appendf(nil, gatewayConfig, upstream.addr), 0o600); err != nil {
		return nil, err
	}
	s, err := startLanyard(ctx, bin, data, "--mcp-gateway="+config)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	token, err := makeAgent(ctx, bin, data, s.addr)
	if err != nil {
		return nil, err
	}
	return f, f.measure(ctx, toolCall(upstream.addr, ""), upstream.addr, toolCall(s.addr, token), s.addr)
}

// gatewayConfig has limits that no measurement meets, so that their cost is measured alone.
const gatewayConfig = `upstreams:
  - name: bench
    url: http://%s/mcp
limits:
  calls-per-minute: 60000000
  burst: 1000000
  concurrent: 1000
  concurrent-per-agent: 1000
  concurrent-per-upstream: 1000
`

func (f *gatewayFound) measure(ctx context.Context, direct []byte, upstream string, through []byte,
	gateway string) error {
	if err := checkToolCall(ctx, upstream, direct); err != nil {
		return fmt.Errorf("without the gateway: %w", err)
	}
	if err := checkToolCall(ctx, gateway, through); err != nil {
		return fmt.Errorf("through the gateway: %w", err)
	}
	one, many := func(b []byte) [][][]byte { return [][][]byte{{b}} }, func(b []byte) (all [][][]byte) {
		for range gatewayClients {
			all = append(all, [][]byte{b})
		}
		return all
	}
	for i := range f.options.rounds {
		progress("MCP gateway %d of %d", i+1, f.options.rounds)
		for _, m := range []struct {
			to      *[]result
			clients [][][]byte
			addr    string
		}{{&f.direct, one(direct), upstream}, {&f.through, one(through), gateway},
			{&f.unbroken, many(direct), upstream}, {&f.loaded, many(through), gateway}} {
			r, err := load(ctx, f.options.step, m.clients, m.addr)
			if err != nil {
				return err
			}
			*m.to = append(*m.to, r)
		}
	}
	return nil
}

// makeAgent makes an instance with an AI agent that may call the tool, and returns its token.
func makeAgent(ctx context.Context, bin, data, addr string) (string, error) {
	in, err := makeInstance(ctx, addr)
	if err != nil {
		return "", err
	}
	const agent = "arn:aws:wisdom:" + region + ":" + account + ":ai-agent/2f1f6a52-5c1d-4a8e-9d62-0a8c4de33f5b/" +
		"2f1f6a52-5c1d-4a8e-9d62-0a8c4de33f5c:1"
	err = call(ctx, addr, "POST", in.path(in.profiles[0]), object{"Applications": []object{{"Namespace": "bench",
		"ApplicationPermissions": []string{"echo"}, "Type": "MCP"}}}, nil)
	if err != nil {
		return "", err
	}
	err = call(ctx, addr, "POST", "/associate-security-profiles/"+in.id, object{"EntityType": "AI_AGENT",
		"EntityArn": agent, "SecurityProfiles": []object{{"Id": in.profiles[0]}}}, nil)
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, bin, "token", "create", "--data", data, "--account", account, "--instance", in.id,
		"--agent", agent, "--output", "json").Output()
	if err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	var made struct{ Token string }
	err = json.Unmarshal(out, &made)
	return made.Token, err
}

// toolCall returns a call of the tool as it goes over the wire.
func toolCall(addr, token string) []byte {
	body := []byte(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"hello"},` +
		`"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",` +
		`"io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"},` +
		`"io.modelcontextprotocol/clientCapabilities":{}}}}`)
	h := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json, text/event-stream"},
		"Mcp-Protocol-Version": {"2026-07-28"}, "Mcp-Method": {"tools/call"}, "Mcp-Name": {"echo"}}
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	return wire(addr, http.MethodPost, "/mcp", h, body)
}

// checkToolCall reports whether a call gets the tool's result.
func checkToolCall(ctx context.Context, addr string, request []byte) error {
	var answer struct {
		Result struct {
			IsError bool
			Content []struct{ Text string }
		}
	}
	if err := send(ctx, addr, request, &answer); err != nil {
		return err
	}
	if r := answer.Result; r.IsError || len(r.Content) != 1 || r.Content[0].Text != "hello" {
		return fmt.Errorf("the tool answers %+v", r)
	}
	return nil
}

// serveTool is the least that an MCP server without sessions must do to offer one tool.
func serveTool(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var m struct {
		ID     json.RawMessage `json:"id"`
		Method string          `json:"method"`
	}
	if r.Method == http.MethodPost {
		if err := json.Unmarshal(body, &m); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"jsonrpc":"2.0","id":%s,"result":{"resultType":"complete",%s}}`, m.ID, map[string]string{
		"server/discover": `"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}},"ttlMs":0,"cacheScope":"public"`,
		"tools/list":      `"tools":[{"name":"echo","inputSchema":{"type":"object"}}],"ttlMs":0,"cacheScope":"public"`,
		"tools/call":      `"content":[{"type":"text","text":"hello"}]`,
	}[m.Method])
}

func (f *gatewayFound) targets() []target {
	var added, rate []float64
	for i := range f.direct {
		added = append(added, float64(f.through[i].p50-f.direct[i].p50)/float64(time.Microsecond))
		rate = append(rate, f.loaded[i].rate)
	}
	return []target{
		below("what the gateway adds to a call of a tool, median", newSpread(added), fixed(0), " µs", 150),
		atLeast(fmt.Sprintf("calls of a tool through the gateway, %d clients", gatewayClients), newSpread(rate), thousands,
			"/s", 8000),
	}
}

func (f *gatewayFound) tables() []table {
	rows := [][]string{}
	for _, m := range []struct {
		what    string
		results []result
	}{{"without the gateway, 1 client", f.direct}, {"through the gateway, 1 client", f.through},
		{fmt.Sprintf("without the gateway, %d clients", gatewayClients), f.unbroken},
		{fmt.Sprintf("through the gateway, %d clients", gatewayClients), f.loaded}} {
		var rate, p50, p99 []float64
		for _, r := range m.results {
			rate = append(rate, r.rate)
			p50 = append(p50, float64(r.p50)/float64(time.Microsecond))
			p99 = append(p99, float64(r.p99)/float64(time.Microsecond))
		}
		rows = append(rows, []string{m.what, newSpread(rate).format(thousands), newSpread(p50).format(fixed(0)),
			newSpread(p99).format(fixed(0))})
	}
	return []table{{head: []string{"calls of a tool", "a second", "median, µs", "99th percentile, µs"}, align: "lrrr", rows: rows}}
}

func (f *gatewayFound) picture() string { return "" }

func (f *gatewayFound) page(b *strings.Builder, _ string) {
	b.WriteString("## MCP gateway\n\n")
	targetTable(f.targets()).markdown(b)
	b.WriteString("\n")
	for _, t := range f.tables() {
		t.markdown(b)
	}
	b.WriteString("\nClient, gateway and MCP server share the machine's cores. The server does as little as one can. Through " +
		"the gateway, each call is authenticated by a token, decided by the agent's profile, limited, and recorded in the " +
		"audit. The two are measured in turns.\n")
}

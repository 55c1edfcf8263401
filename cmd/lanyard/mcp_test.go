package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/goleak"

	"github.com/lanyard/lanyard/internal/mcpserver"
)

// newToken makes a token by the command.
func newToken(t *testing.T, dir string, args ...string) string {
	t.Helper()
	status, out, errs := command(t, append([]string{"token", "create", "--data", dir, "--output", "table"}, args...)...)
	if status != 0 {
		t.Fatalf("token create %v: %s", args, errs)
	}
	return strings.TrimSpace(out)
}

// startMCP starts lanyard mcp as an assistant does.
func startMCP(t *testing.T, environ []string, args ...string) (*mcp.ClientSession, *lockedBuffer, error) {
	t.Helper()
	cmd := exec.Command("lanyard", append([]string{"mcp"}, args...)...)
	cmd.Env = append(append(os.Environ(), "GORACE=atexit_sleep_ms=0"), environ...)
	errs := new(lockedBuffer)
	cmd.Stderr = errs
	client := mcp.NewClient(&mcp.Implementation{Name: "assistant", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &mcp.CommandTransport{Command: cmd}, nil)
	if err == nil {
		t.Cleanup(func() { session.Close() })
	}
	return session, errs, err
}

// callTool calls a tool, and returns its text and its structured content.
func callTool(t *testing.T, s *mcp.ClientSession, name, arguments string) (text, structured string) {
	t.Helper()
	res, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: name, Arguments: json.RawMessage(arguments)})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	b, err := json.Marshal(res.StructuredContent)
	if err != nil {
		t.Fatal(err)
	}
	return res.Content[0].(*mcp.TextContent).Text, string(b)
}

// An assistant that starts the program has the rights of the user whose token it gives, on any server.
func TestMCPStandardInput(t *testing.T) {
	dir := t.TempDir()
	s := start(t, "lanyard", dir, "--demo").ready()
	awaitDemo(t, dir)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(newToken(t, dir, "--user", "claire.dubois")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	user, decide := newToken(t, dir, "--user", "olivia.stone"), newToken(t, dir)
	for _, tt := range []struct {
		name    string
		environ []string
		args    []string
		want    string
		tools   int
	}{
		{"the root key", nil, []string{"--data", dir}, `"rights":"everything"`, 13},
		{"a user's token", []string{"LANYARD_TOKEN=" + user}, []string{"--data", dir}, `"name":"olivia.stone"`, 13},
		{"a user's token in a file, for a URL", nil, []string{"--token-file", file, "--endpoint", s.url + "/"},
			`"name":"claire.dubois"`, 13},
		{"a token without a user", []string{"LANYARD_TOKEN=" + decide}, []string{"--endpoint", s.url}, `"scope":"decide"`, 10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			session, errs, err := startMCP(t, tt.environ, tt.args...)
			if err != nil {
				t.Fatalf("%v: %s", err, errs.String())
			}
			if _, got := callTool(t, session, "list_instances", `{}`); !strings.Contains(got, tt.want) {
				t.Errorf("list_instances answers %s, want %s in it", got, tt.want)
			}
			list, err := session.ListTools(t.Context(), nil)
			if err != nil || len(list.Tools) != tt.tools {
				t.Errorf("%d tools, %v; want %d", len(list.Tools), err, tt.tools)
			}
			for _, tool := range list.Tools {
				if tool.OutputSchema == nil || !tool.Annotations.ReadOnlyHint {
					t.Errorf("%s has the output schema %v and the annotations %+v", tool.Name, tool.OutputSchema, tool.Annotations)
				}
			}
			if warned := strings.Contains(errs.String(), "No token is set"); warned != (tt.name == "the root key") {
				t.Errorf("it says %q", errs.String())
			}
		})
	}
}

// awaitDemo waits until the server of a folder has the demo's instance.
func awaitDemo(t *testing.T, dir string) {
	t.Helper()
	if err := until(func() error {
		status, _, errs := command(t, "check", "claire.dubois", "Users.View", "--data", dir)
		if status != 0 {
			return fmt.Errorf("%s", errs)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// The tools come back with the server, wherever it listens then.
func TestMCPServerRestarts(t *testing.T) {
	dir := t.TempDir()
	s := start(t, "lanyard", dir, "--demo").ready()
	awaitDemo(t, dir)
	session, errs, err := startMCP(t, nil, "--data", dir)
	if err != nil {
		t.Fatalf("%v: %s", err, errs.String())
	}
	s.end(syscall.SIGKILL)
	if text, _ := callTool(t, session, "list_instances", `{}`); !strings.Contains(text, "does not answer") {
		t.Errorf("without a server it answers %s", text)
	}
	start(t, "lanyard", dir).ready()
	if text, _ := callTool(t, session, "list_instances", `{}`); !strings.Contains(text, "harbour-outfitters") {
		t.Errorf("with another server it answers %s", text)
	}
}

// The command refuses what it cannot serve, before an assistant waits for it.
func TestMCPRefuses(t *testing.T) {
	dir := t.TempDir()
	s := start(t, "lanyard", dir, "--demo").ready()
	awaitDemo(t, dir)
	agent := newToken(t, dir, "--agent", "arn:aws:wisdom:us-east-1:123456789012:ai-agent/"+
		"5d1f4a3e-90b7-4c52-8a6d-2f6b1c7e9d10/7c9e6679-7425-40de-944b-e07fc1f90ae7", "--user", "hugo.moreau")
	revoked := newToken(t, dir, "--user", "hugo.moreau")
	_, list, _ := command(t, "token", "list", "--data", dir, "--output", "json")
	var tokens []struct{ ID, User, Agent string }
	if err := json.Unmarshal([]byte(list), &tokens); err != nil {
		t.Fatal(err)
	}
	for _, token := range tokens {
		if token.Agent == "" {
			command(t, "token", "revoke", token.ID, "--data", dir)
		}
	}
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		says   string
	}{
		{"no server", []string{"--data", t.TempDir()}, 2, "no server runs on the data folder"},
		{"no server and a token", []string{"--data", t.TempDir(), "--token", "x"}, 2, "no server runs on the data folder"},
		{"no token", []string{"--endpoint", s.url}, 2, "--token or LANYARD_TOKEN is required"},
		{"two tokens", []string{"--token", "x", "--token-file", "/dev/null"}, 2, "must not be used together"},
		{"a token for everybody", []string{"--token", "x", "--http", "127.0.0.1:0"}, 2, "each request brings its own token"},
		{"no URL", []string{"--endpoint", "lanyard.example", "--token", "x"}, 2, "--endpoint must be the URL"},
		{"half of TLS", []string{"--http", "127.0.0.1:0", "--http-tls-cert", "/dev/null"}, 2, "required together"},
		{"an unknown token", []string{"--data", dir, "--token", "lanyard_x"}, 1, "the token is unknown to this server"},
		{"a revoked token", []string{"--data", dir, "--token", revoked}, 1, "the token has been revoked"},
		{"the token of an AI agent", []string{"--data", dir, "--token", agent}, 1, "the token must be that of a user"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, out, errs := command(t, append([]string{"mcp"}, tt.args...)...)
			if status != tt.status || !strings.Contains(errs, tt.says) || out != "" {
				t.Errorf("exit status %d, standard output %q, says %s; want %d and %q", status, out, errs, tt.status, tt.says)
			}
		})
	}
}

// Over HTTP each request brings its own token, and gets nowhere else.
func TestMCPOverHTTP(t *testing.T) {
	dir := t.TempDir()
	s := start(t, "lanyard", dir, "--demo").ready()
	awaitDemo(t, dir)
	claire, olivia := newToken(t, dir, "--user", "claire.dubois"), newToken(t, dir, "--user", "olivia.stone")
	leak := goleak.IgnoreCurrent()
	url, stop := serveMCP(t, dir)
	for name, token := range map[string]string{"claire.dubois": claire, "olivia.stone": olivia} {
		client := mcp.NewClient(&mcp.Implementation{Name: "assistant", Version: "1"}, nil)
		session, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: url, MaxRetries: -1,
			HTTPClient: &http.Client{Transport: bearer(token)}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, got := callTool(t, session, "list_instances", `{}`); !strings.Contains(got, `"name":"`+name+`"`) {
			t.Errorf("%s is answered %s", name, got)
		}
		session.Close()
	}
	const list = `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`
	for _, tt := range []struct {
		name, path, authorization, origin string
		status                            int
	}{
		{"with a token", mcpserver.Path, "Bearer " + claire, "", 200},
		{"without", mcpserver.Path, "", "", 401},
		{"with none that it knows", mcpserver.Path, "Bearer lanyard_x", "", 401},
		{"with another scheme", mcpserver.Path, "AWS4-HMAC-SHA256 Credential=x", "", 401},
		{"from a page", mcpserver.Path, "Bearer " + claire, "https://evil.example", 403},
		{"the API", "/instance", "Bearer " + claire, "", 404},
		{"the API by dots", mcpserver.Path + "/../../instance", "Bearer " + claire, "", 404},
		{"management", "/lanyard/v1/keys", "Bearer " + claire, "", 404},
		{"health", "/healthz", "", "", 200},
	} {
		r, err := http.NewRequest("POST", strings.TrimSuffix(url, mcpserver.Path)+tt.path, strings.NewReader(list))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		r.Header.Set("Authorization", tt.authorization)
		r.Header.Set("Origin", tt.origin)
		if tt.origin == "" {
			r.Header.Del("Origin")
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != tt.status {
			t.Errorf("%s: status %d, want %d", tt.name, res.StatusCode, tt.status)
		}
	}
	stop()
	s.client.CloseIdleConnections()
	http.DefaultClient.CloseIdleConnections()
	goleak.VerifyNone(t, leak)
}

// A server without authentication is not opened to others.
func TestMCPBeforeNoAuth(t *testing.T) {
	dir := t.TempDir()
	start(t, "lanyard", dir, "--demo", "--no-auth").ready()
	url, stop := serveMCP(t, dir)
	defer stop()
	for _, authorization := range []string{"", "Bearer", "Bearer ", "Basic eDp4", "Bearer x"} {
		r, err := http.NewRequest("POST", url, strings.NewReader(`{"jsonrpc":"2.0","id":1,"method":"tools/list"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "application/json, text/event-stream")
		r.Header.Set("Authorization", authorization)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("with Authorization %q: status %d, want 401", authorization, res.StatusCode)
		}
	}
}

// serveMCP runs lanyard mcp --http until stop is called.
func serveMCP(t *testing.T, dir string) (url string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs lockedBuffer
	ended := make(chan int, 1)
	go func() {
		ended <- runProgram(streams{ctx: ctx, in: new(bytes.Buffer), out: &out, errs: &errs},
			[]string{"mcp", "--data", dir, "--listen", "127.0.0.1:0"})
	}()
	at := regexp.MustCompile(`http://\S+` + mcpserver.Path)
	if err := until(func() error {
		if url = at.FindString(out.String()); url == "" {
			return fmt.Errorf("it says %q %q", out.String(), errs.String())
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return url, func() {
		cancel()
		if status := <-ended; status != 0 {
			t.Errorf("exit status %d: %s", status, errs.String())
		}
	}
}

// bearer adds a token to requests.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

package main

import (
	"bufio"
	"context"
	_ "embed"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/lanyard/lanyard/internal/terminal"
)

// agentARN is the AI agent of the demo instance.
const agentARN = "arn:aws:wisdom:us-east-1:123456789012:ai-agent/5d1f4a3e-90b7-4c52-8a6d-2f6b1c7e9d10/" +
	"0f8b2c6d-3a41-4e0f-9b57-6c1d2e3f4a5b"

//go:embed admin.py
var adminScript []byte

// demo is one run.
type demo struct {
	out             io.Writer
	paint           terminal.Painter
	lanyard, python string
	step            int

	folder  string // of this run
	self    string // this program, which is the MCP servers too
	url     string // of the server
	running []*process
	agent   *mcp.ClientSession
	changed chan struct{} // receives when the agent is told that its tools have changed
}

func (d *demo) data() string { return filepath.Join(d.folder, "data") }

// environment is what the programs see: nothing of the caller's AWS or lanyard settings.
func (d *demo) environment(more ...string) []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "AWS_") && !strings.HasPrefix(v, "LANYARD_") {
			env = append(env, v)
		}
	}
	return append(env, more...)
}

// start runs the second MCP server, and lanyard with its gateway, which runs the first.
func (d *demo) start(ctx context.Context) (err error) {
	if d.self, err = os.Executable(); err != nil {
		return err
	}
	refunds, err := d.startRefunds()
	if err != nil {
		return err
	}
	file := filepath.Join(d.folder, "gateway.yaml")
	config := fmt.Sprintf(`upstreams:
  - name: orders
    command: [%s, orders]
  - name: refunds
    url: %s
`, d.self, refunds)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return err
	}
	d.heading("A contact centre, with two MCP servers behind the gateway")
	d.command("lanyard serve --demo --mcp-gateway gateway.yaml")
	for line := range strings.Lines(strings.ReplaceAll(config, d.self, "demo-agent")) {
		d.say("  %s", d.paint.Paint(terminal.Faint, strings.TrimRight(line, "\n")))
	}
	if err := d.startLanyard(ctx, file); err != nil {
		return err
	}
	d.say("The AI agent holds the security profile Self-service assistant. It grants find_order and refund_status,")
	d.say("of the four tools that the servers have.")
	return d.administer(ctx, "orders=find_order", "refunds=refund_status")
}

// startRefunds returns the address of the second MCP server.
func (d *demo) startRefunds() (string, error) {
	c := exec.Command(d.self, "refunds")
	out, err := c.StdoutPipe()
	if err != nil {
		return "", err
	}
	if _, err := d.run(c); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	return strings.TrimSpace(line), err
}

// startLanyard returns when the server is ready.
func (d *demo) startLanyard(ctx context.Context, config string) error {
	p, err := d.run(exec.Command(d.lanyard, "serve", "--demo", "--listen", "127.0.0.1:0", "--data", d.data(),
		"--mcp-gateway", config))
	if err != nil {
		return err
	}
	return await(ctx, "the server was ready", func() (bool, error) {
		select {
		case <-p.done:
			return false, fmt.Errorf("lanyard did not start: %w\n%s", p.err, terminal.EscapeLines(p.log.String()))
		default:
		}
		var endpoint struct{ URL string }
		file, err := os.ReadFile(filepath.Join(d.data(), "endpoint.json"))
		if err != nil || json.Unmarshal(file, &endpoint) != nil || endpoint.URL == "" {
			return false, nil
		}
		d.url = endpoint.URL
		r, err := http.Get(d.url + "/readyz")
		if err != nil {
			return false, nil
		}
		r.Body.Close()
		return r.StatusCode == http.StatusOK, nil
	})
}

// administer has boto3 set which tools the AI agent's profile grants.
func (d *demo) administer(ctx context.Context, grants ...string) error {
	script := filepath.Join(d.folder, "admin.py")
	if err := os.WriteFile(script, adminScript, 0o600); err != nil {
		return err
	}
	c := exec.CommandContext(ctx, d.python, append([]string{script}, grants...)...)
	c.Env = d.environment("AWS_ENDPOINT_URL_CONNECT="+d.url, "AWS_REGION=us-east-1", "AWS_DEFAULT_REGION=us-east-1",
		"AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(d.data(), "credentials"))
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("boto3: %w\n%s", err, terminal.EscapeLines(string(out)))
	}
	return nil
}

// lanyardCommand runs another command of the program and returns what it prints.
func (d *demo) lanyardCommand(ctx context.Context, args ...string) (string, error) {
	c := exec.CommandContext(ctx, d.lanyard, append(args, "--data", d.data())...)
	c.Env = d.environment()
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("lanyard %s: %w", strings.Join(args, " "), err)
	}
	return string(out), nil
}

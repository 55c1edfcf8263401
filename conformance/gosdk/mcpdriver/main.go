// Command mcpdriver drives the client of the Go SDK for MCP by commands: one JSON object a line on stdin, answers and
// events on stdout. The other SDKs have drivers that take the same commands.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

type command struct {
	ID              int
	Op              string
	URL, Token, Era string
	Elicited        map[string]any
	Name            string
	Arguments       json.RawMessage
	Progress        bool
	Call            int
}

type driver struct {
	mu      sync.Mutex
	out     *json.Encoder
	calls   map[int]context.CancelFunc
	session *mcp.ClientSession
}

func main() {
	d := &driver{out: json.NewEncoder(os.Stdout), calls: map[int]context.CancelFunc{}}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 16<<20)
	for in.Scan() {
		var c command
		if err := json.Unmarshal(in.Bytes(), &c); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		ctx, cancel := context.WithCancel(context.Background())
		d.mu.Lock()
		d.calls[c.ID] = cancel
		d.mu.Unlock()
		go d.answer(ctx, &c)
	}
}

func (d *driver) say(message map[string]any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.out.Encode(message)
}

func (d *driver) answer(ctx context.Context, c *command) {
	ok, err := d.do(ctx, c)
	if err == nil {
		d.say(map[string]any{"id": c.ID, "ok": ok})
		return
	}
	var refused *jsonrpc.Error
	code := int64(0)
	if errors.As(err, &refused) {
		code = refused.Code
	}
	d.say(map[string]any{"id": c.ID, "error": map[string]any{"code": code, "message": err.Error()}})
}

func (d *driver) do(ctx context.Context, c *command) (any, error) {
	switch c.Op {
	case "connect":
		return d.connect(ctx, c)
	case "list":
		list, err := d.session.ListTools(ctx, nil)
		if err != nil {
			return nil, err
		}
		return list.Tools, nil
	case "call":
		params := &mcp.CallToolParams{Name: c.Name, Arguments: c.Arguments}
		if len(c.Arguments) == 0 {
			params.Arguments = map[string]any{}
		}
		if c.Progress {
			params.SetProgressToken(c.ID)
		}
		return d.session.CallTool(ctx, params)
	case "cancel":
		d.mu.Lock()
		defer d.mu.Unlock()
		d.calls[c.Call]()
		return nil, nil
	case "close":
		return nil, d.session.Close()
	}
	return nil, fmt.Errorf("op must be connect, list, call, cancel or close, got %q", c.Op)
}

// withToken sends a bearer token with every request.
type withToken string

func (t withToken) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(t))
	return http.DefaultTransport.RoundTrip(r)
}

func (d *driver) connect(ctx context.Context, c *command) (any, error) {
	client := mcp.NewClient(&mcp.Implementation{Name: "driver", Version: "1"}, &mcp.ClientOptions{
		ToolListChangedHandler: func(context.Context, *mcp.ToolListChangedRequest) {
			d.say(map[string]any{"event": "tools_changed"})
		},
		ProgressNotificationHandler: func(_ context.Context, r *mcp.ProgressNotificationClientRequest) {
			d.say(map[string]any{"event": "progress", "call": r.Params.ProgressToken, "progress": r.Params.Progress})
		},
		ElicitationHandler: func(_ context.Context, r *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
			d.say(map[string]any{"event": "elicitation", "text": r.Params.Message})
			return &mcp.ElicitResult{Action: "accept", Content: c.Elicited}, nil
		},
		CreateMessageHandler: func(_ context.Context, r *mcp.CreateMessageRequest) (*mcp.CreateMessageResult, error) {
			asked, _ := r.Params.Messages[0].Content.(*mcp.TextContent)
			d.say(map[string]any{"event": "sampling", "text": asked.Text})
			return &mcp.CreateMessageResult{Role: "assistant", Model: "scripted", Content: &mcp.TextContent{Text: "sampled"}}, nil
		},
	})
	options := &mcp.ClientSessionOptions{ProtocolVersion: "2026-07-28"}
	if c.Era == "legacy" {
		options.ProtocolVersion = "2025-11-25"
	}
	var err error
	d.session, err = client.Connect(ctx, &mcp.StreamableClientTransport{Endpoint: c.URL,
		HTTPClient: &http.Client{Transport: withToken(c.Token)}}, options)
	if err != nil {
		return nil, err
	}
	return d.session.InitializeResult().ProtocolVersion, nil
}

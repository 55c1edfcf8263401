package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/lanyard/lanyard/internal/mcpserver"
)

type mcpCmd struct {
	Data      string `help:"Data folder of the server, from which its address and root key are read; default ${default}." default:"./lanyard-data" type:"path" placeholder:"DIR"`
	Endpoint  string `help:"Use the server at this URL; default: the server of the data folder." placeholder:"URL"`
	Token     string `help:"Bearer token from lanyard token create, whose rights count; set it through the environment. Default: the root key of the folder, which sees everything." placeholder:"TOKEN"`
	TokenFile string `help:"Read the token from this file, again for each request." type:"existingfile" placeholder:"FILE"`
	HTTP      string `help:"Listen on this address for HTTP instead of standard input; each request brings its own token. --listen is another name of it." name:"http" aliases:"listen" placeholder:"ADDR"`
	TLSCert   string `help:"With --http: serve HTTPS with this certificate chain (PEM)." type:"existingfile" name:"http-tls-cert" placeholder:"FILE"`
	TLSKey    string `help:"With --http: private key of --http-tls-cert (PEM)." type:"existingfile" name:"http-tls-key" placeholder:"FILE"`
}

func (mcpCmd) Help() string {
	return `Tools for AI assistants of administrators, over the Model Context Protocol (MCP): who can, what can, check with
explanation, what-if, findings of lint and history. They read and never change anything.

The tools are those of a running server (lanyard serve), which answers with the rights of the user whose token it is
given. Assistants start this command and talk to it over standard input and output. With --http they connect over
HTTP, and send the token as Authorization: Bearer. lanyard serve itself serves the same at ` + mcpserver.Path + `.

Examples:
  LANYARD_TOKEN=lanyard_… lanyard mcp
  lanyard mcp --endpoint https://lanyard.example --token-file /run/secrets/lanyard-token
  lanyard mcp --http 127.0.0.1:4590`
}

func (c *mcpCmd) Run(io streams) error {
	if err := c.checkFlags(); err != nil {
		return err
	}
	if c.HTTP != "" {
		return c.serveHTTP(io)
	}
	return c.serveStdio(io)
}

func (c *mcpCmd) checkFlags() error {
	switch {
	case c.Token != "" && c.TokenFile != "":
		return refuse("--token and --token-file must not be used together")
	case c.HTTP != "" && (c.Token != "" || c.TokenFile != ""):
		return refuse("--token must not be set with --http: each request brings its own token")
	case c.HTTP == "" && c.TLSCert != "":
		return refuse("--http is required when --http-tls-cert is set")
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return refuse("--http-tls-cert and --http-tls-key are required together, got only one")
	case c.Endpoint != "" && c.HTTP == "" && c.Token == "" && c.TokenFile == "":
		return refuse("--token or LANYARD_TOKEN is required when --endpoint is set; lanyard token create makes a token")
	}
	if u, err := url.Parse(c.Endpoint); c.Endpoint != "" && (err != nil || u.Host == "" ||
		u.Scheme != "http" && u.Scheme != "https") {
		return refuse("--endpoint must be the URL of a server, such as https://lanyard.example, got %q", c.Endpoint)
	}
	return notURL("--data", c.Data)
}

// assistantServer is the running server whose tools are offered.
type assistantServer struct {
	*remote
	tokenFile string
}

// openServer finds the running server.
func (c *mcpCmd) openServer(ctx context.Context) (*assistantServer, error) {
	s := &assistantServer{tokenFile: c.TokenFile}
	switch {
	case c.Endpoint != "":
		s.remote = &remote{endpoint: endpoint{URL: strings.TrimSuffix(c.Endpoint, "/")},
			client: &http.Client{Timeout: 30 * time.Second}}
	case c.Token != "" || c.TokenFile != "" || c.HTTP != "":
		here, err := readEndpoint(c.Data)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, c.noServer()
		}
		if err != nil {
			return nil, err
		}
		s.remote = &remote{endpoint: here, client: here.client()}
	default:
		r, err := dataFlag{Data: c.Data}.connectServer(ctx)
		if err != nil && notRunning(err) {
			return nil, c.noServer()
		}
		if err != nil {
			return nil, err
		}
		s.remote = r
	}
	s.token = c.Token
	return s, nil
}

func (c *mcpCmd) noServer() error {
	return refuse("no server runs on the data folder %s; start one with lanyard serve, or name one with --endpoint", c.Data)
}

// RoundTrip sends a request with the token, or signs it with the root key.
func (s *assistantServer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	token := s.token
	if s.tokenFile != "" {
		b, err := os.ReadFile(s.tokenFile)
		if err != nil {
			return nil, err
		}
		token = strings.TrimSpace(string(b))
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	} else if err := s.sign(r); err != nil {
		return nil, err
	}
	res, err := s.transport().RoundTrip(r)
	if err != nil || res.StatusCode != http.StatusUnauthorized && res.StatusCode != http.StatusForbidden {
		return res, err
	}
	defer res.Body.Close()
	var answer struct{ Error struct{ Message string } }
	b, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil || readAnswer(b, &answer) != nil || answer.Error.Message == "" {
		answer.Error.Message = "the server answers " + res.Status
	}
	return nil, &refusedAnswer{answer.Error.Message}
}

// refusedAnswer is the answer of a server that does not accept the caller.
type refusedAnswer struct{ message string }

func (r *refusedAnswer) Error() string { return r.message }

// sign signs a request with the root key.
func (s *assistantServer) sign(r *http.Request) error {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return err
		}
		r.Body.Close()
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	sum := sha256.Sum256(body)
	return v4.NewSigner().SignHTTP(r.Context(), s.credentials, r, hex.EncodeToString(sum[:]), "connect", s.endpoint.Region,
		time.Now())
}

func (s *assistantServer) transport() http.RoundTripper {
	if s.client.Transport != nil {
		return s.client.Transport
	}
	return http.DefaultTransport
}

// connect returns a session with the server's tools.
func (s *assistantServer) connect(ctx context.Context) (*mcp.ClientSession, error) {
	client := mcp.NewClient(&mcp.Implementation{Name: "lanyard mcp", Version: version()}, nil)
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{Endpoint: s.endpoint.URL + mcpserver.Path,
		HTTPClient: &http.Client{Transport: s, Timeout: s.client.Timeout}, MaxRetries: -1, DisableStandaloneSSE: true}, nil)
	var refused *refusedAnswer
	switch {
	case errors.As(err, &refused):
		return nil, refused
	case err != nil:
		return nil, fmt.Errorf("connect to the server at %s: %w", s.endpoint.URL, err)
	}
	return session, nil
}

// An assistantBridge offers the tools of a running server to an assistant that has started this process.
type assistantBridge struct {
	open func(ctx context.Context) (*mcp.ClientSession, error)

	mu      sync.Mutex
	session *mcp.ClientSession // nil: not connected
}

// serveStdio serves one assistant over standard input and output.
func (c *mcpCmd) serveStdio(s streams) error {
	b := &assistantBridge{open: func(ctx context.Context) (*mcp.ClientSession, error) {
		server, err := c.openServer(ctx) // which may have been restarted at another address
		if err != nil {
			return nil, err
		}
		return server.connect(ctx)
	}}
	session, err := b.connected(s.ctx, nil)
	if err != nil {
		return err
	}
	defer b.close()
	server, err := b.newServer(s.ctx, session)
	if err != nil {
		return err
	}
	if c.Token == "" && c.TokenFile == "" {
		fmt.Fprintln(s.errs, "No token is set, so the tools show everything; with --token they show what its user may view.")
	}
	err = server.Run(s.ctx, &mcp.IOTransport{Reader: io.NopCloser(s.in), Writer: unclosed{s.out}})
	if errors.Is(err, io.EOF) || s.ctx.Err() != nil {
		return nil
	}
	return err
}

// unclosed is a writer that others close.
type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }

// newServer returns a server with the same tools as the one that a session is with.
func (b *assistantBridge) newServer(ctx context.Context, session *mcp.ClientSession) (*mcp.Server, error) {
	about := session.InitializeResult()
	server := mcp.NewServer(&mcp.Implementation{Name: "lanyard", Version: version()}, &mcp.ServerOptions{
		Instructions: about.Instructions, Capabilities: &mcp.ServerCapabilities{Tools: &mcp.ToolCapabilities{}}})
	for tool, err := range session.Tools(ctx, nil) {
		if err != nil {
			return nil, fmt.Errorf("list the tools: %w", err)
		}
		server.AddTool(tool, b.call)
	}
	return server, nil
}

// connected returns a session, a new one if the last one failed.
func (b *assistantBridge) connected(ctx context.Context, failed *mcp.ClientSession) (*mcp.ClientSession, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.session != nil && b.session != failed {
		return b.session, nil
	}
	if b.session != nil {
		b.session.Close()
		b.session = nil
	}
	var err error
	b.session, err = b.open(ctx)
	return b.session, err
}

func (b *assistantBridge) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.session != nil {
		b.session.Close()
	}
}

// call has the server answer a call of a tool. Tools only read, so one is called again when the connection was lost.
func (b *assistantBridge) call(ctx context.Context, req *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	var failed *mcp.ClientSession
	for again := false; ; again = true {
		session, err := b.connected(ctx, failed)
		if err == nil {
			var result *mcp.CallToolResult
			result, err = session.CallTool(ctx, &mcp.CallToolParams{Name: req.Params.Name, Arguments: req.Params.Arguments})
			var refused *jsonrpc.Error // codes above these are of the SDK's transport
			switch {
			case err == nil: // without what is of the protocol that this session speaks
				return &mcp.CallToolResult{Content: result.Content, StructuredContent: result.StructuredContent,
					IsError: result.IsError}, nil
			case errors.As(err, &refused) && refused.Code <= jsonrpc.CodeInvalidRequest || ctx.Err() != nil:
				return nil, err
			}
		}
		var refused *refusedAnswer
		if failed = session; errors.As(err, &refused) {
			return failedCall(refused.message), nil
		}
		if again {
			return failedCall("the server of lanyard does not answer: " + err.Error()), nil
		}
	}
}

// failedCall is a result that tells a model why there is none.
func failedCall(why string) *mcp.CallToolResult {
	var r mcp.CallToolResult
	r.SetError(errors.New(printable(why)))
	return &r
}

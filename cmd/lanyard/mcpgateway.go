package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/authority"
	"github.com/lanyard/lanyard/internal/callers"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/decisionlog"
	"github.com/lanyard/lanyard/internal/frontends"
	"github.com/lanyard/lanyard/internal/gateway"
	"github.com/lanyard/lanyard/internal/gatewayfile"
	"github.com/lanyard/lanyard/internal/guard"
	"github.com/lanyard/lanyard/internal/intake"
	"github.com/lanyard/lanyard/internal/moduletools"
	"github.com/lanyard/lanyard/internal/recorder"
	"github.com/lanyard/lanyard/internal/redact"
	"github.com/lanyard/lanyard/internal/store"
)

type mcpGatewayCmd struct {
	Listen string `help:"Address and port to listen on; default ${default}." default:"127.0.0.1:4590" placeholder:"ADDR"`
	Data   string `help:"Data folder of the server that decides, from which its root key and address are read; default ${default}." default:"./lanyard-data" type:"path" placeholder:"DIR"`
	Check  bool   `help:"Check the configuration and connect to nothing."`

	tlsFlags `embed:""`

	MaxConnections           int           `help:"Connections at a time. Beyond it, the one that has been idle for the longest is closed." default:"4096"`
	MaxConnectionsPerAddress int           `help:"Connections at a time from one IPv4 address or IPv6 /64 network; 0 for no limit. Loopback addresses have no limit." default:"1024"`
	Grace                    time.Duration `help:"How long calls in progress may take to finish at shutdown." default:"20s"`

	logFlags `embed:""`
}

func (mcpGatewayCmd) Help() string {
	return `Examples:
  lanyard mcp-gateway --config gateway.yaml --check
  lanyard mcp-gateway --config gateway.yaml --data /var/lib/lanyard --listen 0.0.0.0:4590
  lanyard serve --mcp-gateway gateway.yaml     # in the process of the server, at /mcp

Decisions come from the server that uses the data folder. While it does not answer, nothing is allowed.
Settings other than --config come from flags and the environment.`
}

// Run serves until the context of io ends.
func (c *mcpGatewayCmd) Run(io streams, p *program) (err error) {
	if p.Config == "" {
		return refuse("--config is required: the configuration of the gateway, a YAML file")
	}
	if err := errors.Join(c.checkTLS(), checkAddress(c.Listen), notURL("--data", c.Data)); err != nil {
		return err
	}
	file, err := gatewayfile.Read(string(p.Config))
	if err != nil {
		return refuse("%v", err)
	}
	if c.Check {
		fmt.Fprintf(io.out, "%s is valid\n", printable(string(p.Config)))
		return nil
	}
	certificates, err := c.loadCertificates()
	if err != nil {
		return err
	}
	log := c.newLogger(io)
	slog.SetDefault(log)
	link := &serverLink{data: dataFlag{Data: c.Data}}
	if err := link.connect(io.ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background()) // calls in progress are decided after the end of io's
	defer cancel()
	return c.serve(io, gatewayParts{file: file, log: log, authority: authority.NewRemote(ctx, link.call),
		modules: moduletools.Remote(link.call), by: lanyard.Caller{UserAgent: gatewayUserAgent}}, certificates)
}

// serve serves the gateway that the parts make.
func (c *mcpGatewayCmd) serve(io streams, parts gatewayParts, certificates []tls.Certificate) error {
	in, err := parts.authority.Instance(io.ctx, "", parts.file.Instance)
	if err != nil {
		return fmt.Errorf("find the instance of the gateway: %w", err)
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", c.Listen, err)
	}
	defer listener.Close()
	here := c.urlOf(listener)
	parts.resource = cmp.Or(parts.file.Resource, here+frontends.GatewayPath)
	if u, err := url.Parse(parts.resource); err == nil {
		parts.paths = []string{cmp.Or(u.Path, "/")}
	}
	running, err := parts.start()
	if err != nil {
		return err
	}
	defer running.Close()
	srv := c.newServer(running, parts, certificates)
	served := make(chan error, 1)
	go func() { served <- c.serveOn(srv, listener) }()
	parts.log.Info("serving the MCP gateway", "url", here+frontends.GatewayPath, "resource", parts.resource, "instance", in.ID,
		"upstreams", len(parts.file.Upstreams), "version", version())
	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-io.ctx.Done():
	}
	return (&serveCmd{Grace: c.Grace}).shutDown(srv, parts.log)
}

func (c *mcpGatewayCmd) newServer(running *runningGateway, parts gatewayParts,
	certificates []tls.Certificate) *http.Server {
	conns := &intake.Conns{Most: c.MaxConnections, PerAddress: c.MaxConnectionsPerAddress, Reserve: reservedConnections,
		Vital: frontends.AsksHealth}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if _, err := parts.authority.Instance(r.Context(), "", parts.file.Instance); err != nil {
			parts.log.Error("the gateway is not ready", "error", err)
			http.Error(w, "the server that decides does not answer", http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, "ready\n")
	})
	mux.Handle("/", running.handler())
	srv := &http.Server{
		Handler:           conns.Handler(mux),
		ConnContext:       conns.Context,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      3 * time.Minute, // the gateway moves it for as long as it has something to write
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 64, MaxReceiveBufferPerConnection: 256 << 10,
			MaxReceiveBufferPerStream: 64 << 10},
		TLSConfig: &tls.Config{Certificates: certificates},
		ErrorLog:  slog.NewLogLogger(parts.log.Handler(), slog.LevelDebug),
	}
	srv.RegisterOnShutdown(running.endStreams) // whose streams do not end by themselves
	return srv
}

// gatewayParts are what a gateway is made of.
type gatewayParts struct {
	file      *gatewayfile.File
	authority authority.Authority
	modules   moduletools.Catalogue
	by        lanyard.Caller // who records calls
	resource  string         // URL of the gateway
	paths     []string       // of calls, besides that of frontends
	secret    []byte         // seals what travels through agents; nil for a random one
	log       *slog.Logger
}

// runningGateway is a gateway that is connected to its upstreams.
type runningGateway struct {
	gateway   *gateway.Gateway
	http      *frontends.Gateway
	recorder  *recorder.Recorder
	decisions *decisionlog.Log
	// logsAuthZEN reports whether decisions takes those of the AuthZEN API, too.
	logsAuthZEN bool
	log         *slog.Logger
	ending      sync.Once
	closing     sync.Once
}

// handler returns what serves the gateway; nil when there is none.
func (g *runningGateway) handler() *frontends.Gateway {
	if g == nil {
		return nil
	}
	return g.http
}

// maxClosing bounds how long storing what was recorded may take at the end.
const maxClosing = 10 * time.Second

// endStreams ends what would go on for ever, once. Calls in progress are still answered, and recorded.
func (g *runningGateway) endStreams() {
	if g != nil {
		g.ending.Do(g.gateway.EndStreams)
	}
}

// Close ends the gateway, once, and stores what was recorded. No call may be in progress: it would not be recorded.
func (g *runningGateway) Close() {
	if g == nil {
		return
	}
	g.endStreams()
	g.closing.Do(func() {
		g.gateway.Close()
		ctx, cancel := context.WithTimeout(context.Background(), maxClosing)
		defer cancel()
		if err := errors.Join(g.recorder.Close(ctx), g.decisions.Close(ctx)); err != nil {
			g.log.Error("not everything was recorded", "error", err)
		}
	})
}

// start makes the gateway of its parts.
func (p gatewayParts) start() (*runningGateway, error) {
	upstreams, err := p.upstreams()
	if err != nil {
		return nil, err
	}
	redactor, err := redact.New(p.file.Redaction)
	if err != nil {
		return nil, err
	}
	decisions, err := decisionlog.New(p.file.DecisionLog, p.log)
	if err != nil {
		return nil, err
	}
	store := func(ctx context.Context, b lanyard.CallBatch) error { return p.authority.RecordCalls(ctx, p.by, b) }
	running := &runningGateway{decisions: decisions, logsAuthZEN: p.file.DecisionLog.AuthZEN, log: p.log}
	running.recorder = recorder.New(p.file.Audit, recorder.Options{Store: store, Redactor: redactor, Decisions: decisions,
		Logger: p.log})
	running.gateway, err = gateway.New(gateway.Config{
		Upstreams: upstreams,
		Authenticator: callers.New(callers.Config{Resource: p.resource, Instance: p.file.Instance, Directory: p.authority,
			Issuers: p.file.IssuerConfigs(), Scopes: p.file.Scopes, StepUp: p.file.StepUp, Logger: p.log}),
		Authority: p.authority,
		Recorder:  running.recorder,
		Guard:     guard.New(p.file.Limits, p.log),
		Logger:    p.log,
		Prefixed:  p.file.Prefixed,
		Origins:   p.file.Origins,
		Hosts:     p.hosts(),
		Secret:    p.secret,
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the gateway: %w", err), decisions.Close(context.Background()))
	}
	running.http = frontends.NewGateway(running.gateway, p.resource, p.paths...)
	return running, nil
}

// upstreams returns those of the file, and flow modules as another one.
func (p gatewayParts) upstreams() ([]gateway.Upstream, error) {
	all, err := p.file.UpstreamConfigs()
	if err != nil || p.file.FlowModules == nil {
		return all, err
	}
	m := p.file.FlowModules
	headers, err := gatewayfile.Headers("flow-modules.headers", m.Headers)
	if err != nil {
		return nil, err
	}
	local, err := moduletools.New(moduletools.Config{Target: m.Target, Headers: headers, Alias: m.Alias,
		Timeout: m.Timeout, MaxAnswer: int64(m.MaxAnswer), Logger: p.log}, p.modules)
	if err != nil {
		return nil, err
	}
	return append(all, gateway.Upstream{Name: m.Upstream(), Local: local}), nil
}

// hosts are the names by which agents may call the gateway: those of the file, and that of its URL.
func (p gatewayParts) hosts() []string {
	u, err := url.Parse(p.resource)
	if err != nil || u.Hostname() == "" {
		return p.file.Hosts
	}
	return append([]string{strings.ToLower(u.Hostname())}, p.file.Hosts...)
}

// gatewayUserAgent is what records of calls have as the program that made them.
const gatewayUserAgent = "lanyard mcp-gateway"

// gatewayHost is the server in whose process a gateway is.
type gatewayHost struct {
	svc     *control.Service
	secrets store.Credentials
	root    lanyard.AccessKey
	here    endpoint
	log     *slog.Logger
}

// start starts the gateway of a file; nil when there is none.
func (h gatewayHost) start(ctx context.Context, file *gatewayfile.File) (*runningGateway, error) {
	if file == nil {
		return nil, nil
	}
	secret, err := h.secrets.Secret(ctx, "mcp-gateway")
	if err != nil {
		return nil, err
	}
	parts := gatewayParts{file: file, secret: secret, log: h.log,
		authority: &authority.Local{Control: h.svc, Account: h.root.Account},
		modules:   moduletools.InProcess{Control: h.svc},
		by:        lanyard.Caller{Account: h.root.Account, AccessKeyID: h.root.ID, UserAgent: gatewayUserAgent},
		resource:  cmp.Or(file.Resource, h.here.URL+frontends.GatewayPath)}
	if _, err := parts.authority.Instance(ctx, "", file.Instance); err != nil {
		h.log.Warn("the MCP gateway refuses every caller until its instance exists", "error", err)
	}
	return parts.start()
}

package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/admin"
	"github.com/lanyard/lanyard/internal/coaz"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/demo"
	"github.com/lanyard/lanyard/internal/fault"
	"github.com/lanyard/lanyard/internal/frontends"
	"github.com/lanyard/lanyard/internal/gatewayfile"
	"github.com/lanyard/lanyard/internal/intake"
	"github.com/lanyard/lanyard/internal/store"
)

type serveCmd struct {
	Listen  string `help:"Address and port to listen on; default ${default}." default:"127.0.0.1:4580" placeholder:"ADDR"`
	Data    string `help:"Folder that holds the credentials and, with --store sqlite, the database; default ${default}, and none with --store memory." default:"./lanyard-data" type:"path" placeholder:"DIR"`
	Store   string `help:"Where to keep the data: sqlite (in the data folder), memory (nowhere: all is gone when the server stops, and nothing is on disk), or a PostgreSQL database by its URL, which several servers may use; set that through the environment, because it has a password. Default: sqlite; memory with --emulator." placeholder:"sqlite|memory|postgres://…"`
	Region  string `help:"AWS Region of this server." default:"us-east-1"`
	Account string `help:"AWS account of the root access key; default: that of the data folder, otherwise ${default}." default:"123456789012"`

	Partition string `help:"Partition of ARNs." default:"aws"`
	tlsFlags  `embed:""`

	RootAccessKeyID     string `help:"Root access key; default: generated at the first start." name:"root-access-key-id" placeholder:"ID"`
	RootSecretAccessKey string `help:"Secret of --root-access-key-id; set it through the environment." name:"root-secret-access-key" placeholder:"SECRET"`
	NoAuth              bool   `help:"Accept every request, signed or not, as one of --account. Loopback addresses only."`

	Throttle       string `help:"Limit calls: off, or aws (2 a second with a burst of 5, per account and operation)." default:"off" enum:"off,aws"`
	Lenient        bool   `help:"Store unknown names of permissions and resource types as they are sent; an unknown type restricts every type without a name of its own."`
	Strict         bool   `help:"Calls on behalf of a user (header x-lanyard-acting-user): nobody grants what they do not hold, nobody changes their own profiles. From every caller: incomplete tag restrictions are refused."`
	AssociateUsers bool   `help:"Let AssociateSecurityProfiles accept users as well as AI agents."`
	Demo           bool   `help:"Create a demo instance unless one exists."`
	MCPGateway     string `help:"Also be an MCP gateway, at /mcp, as this file says; see lanyard mcp-gateway." name:"mcp-gateway" type:"existingfile" placeholder:"FILE"`

	emulatorFlags `embed:"" group:"Emulator for tests"`

	AuthzenMCP string `help:"File that says which AI agents, users and applications the tokens of other gateways for MCP stand for, in questions over AuthZEN and ext_authz (YAML). Without one, each stands for itself." name:"authzen-mcp" type:"existingfile" placeholder:"FILE"`
	mappings   coaz.Mappings

	consoleFlags `embed:""`

	Quota quotaFlags `embed:"" prefix:"quota-" group:"Quotas (0: Amazon Connect's default; -1: none)"`

	AuditKeepDays   int           `help:"Prune audit records that are older than this many days; 0 keeps all." default:"0" placeholder:"DAYS"`
	AuditKeepEvents int64         `help:"Prune all but the last N audit records of each instance; 0 keeps all." default:"0" placeholder:"N"`
	AuditKeepEvery  time.Duration `help:"How often to look for records to prune." default:"1h"`

	Poll           time.Duration `help:"How often to ask PostgreSQL what other servers changed, in case a notification is lost." default:"250ms"`
	MaxStaleness   time.Duration `help:"Refuse decisions (503) when PostgreSQL has not answered for this long what other servers changed; 0s: always decide from memory. At least a second, and twice --poll." default:"0s"`
	SnapshotMemory byteSize      `help:"Memory for the instances that decisions are made from. Beyond it, those not asked about for the longest time are dropped, and loaded again when somebody asks. 0: no limit." default:"512MiB" placeholder:"SIZE"`
	MaxConnections int           `help:"Connections at a time. Beyond it, the one that has been idle for the longest is closed." default:"4096"`

	MaxConnectionsPerAddress int      `help:"Connections at a time from one IPv4 address or IPv6 /64 network; raise it, or set 0 for no limit, if a proxy on another machine is in front. Loopback addresses have no limit." default:"1024"`
	BodyMemory               byteSize `help:"Memory for request bodies whose sender is not yet authenticated, of all connections together. Beyond it, requests are answered with 503. Bodies of known senders have four times as much." default:"64MiB" placeholder:"SIZE"`

	Grace     time.Duration `help:"How long calls in progress may take to finish at shutdown." default:"20s"`
	StopAtEOF bool          `help:"Shut down when standard input ends: a program that holds the other end of a pipe cannot leave the server behind, however it ends." name:"stop-at-eof"`
	logFlags  `embed:""`
}

func (serveCmd) Help() string {
	return `Examples:
  lanyard serve
  lanyard serve --listen 127.0.0.1:9000 --data /var/lib/lanyard --region eu-central-1
  LANYARD_THROTTLE=aws lanyard serve --demo
  LANYARD_STORE=postgres://lanyard:secret@db.example/lanyard lanyard serve
  lanyard serve --store postgres://db.example/lanyard --max-staleness 5s --snapshot-memory 2GiB
  lanyard serve --store memory --demo          # to try out; nothing is left
  lanyard serve --emulator --seed team.yaml    # for tests
  lanyard serve --authzen-mcp gateways.yaml
  lanyard serve --mcp-gateway gateway.yaml
  lanyard serve --config /etc/lanyard.json     # {"listen": "127.0.0.1:9000", "quota-profiles": 200}

The first start writes the root access key into DATA/credentials (AWS shared-credentials format).
Servers on one PostgreSQL database share one root access key: either the first generates it and the others
find it there, or you set it for all. Each requires a data folder of its own.
Requests may be sent with boto3, the AWS CLI, any AWS SDK or Terraform, with
AWS_ENDPOINT_URL_CONNECT set to this server.`
}

func (c *serveCmd) retention() (control.Retention, error) {
	return admin.Prune{Days: c.AuditKeepDays, Events: c.AuditKeepEvents}.Retention()
}

// Run serves until the context of io ends.
func (c *serveCmd) Run(io streams) (err error) {
	c.setStore()
	c.dropFolder()
	if err := c.checkFlags(); err != nil {
		return err
	}
	certificates, err := c.loadCertificates()
	if err != nil {
		return err
	}
	var gateway *gatewayfile.File
	if c.MCPGateway != "" {
		if gateway, err = gatewayfile.Read(c.MCPGateway); err != nil {
			return refuse("%v", err)
		}
	}
	if err := c.readMappings(); err != nil {
		return err
	}
	// Little memory is in use, so collecting it less often costs little and saves a tenth of the work.
	if os.Getenv("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(200))
	}
	log := c.newLogger(io)
	slog.SetDefault(log)
	s := startedServer{certificates: certificates, gateway: gateway, log: log, started: time.Now()}
	if s.seed, err = c.readSeed(); err != nil {
		return err
	}
	if c.Emulator && c.Store == inMemory {
		return acceptEnd(io.ctx, log, c.serveWorld(io, s))
	}
	if err := c.claimFolder(); err != nil {
		return err
	}
	db, err := openStore(io.ctx, c.Store, c.Data, log)
	if err != nil {
		return acceptEnd(io.ctx, log, err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return acceptEnd(io.ctx, log, c.serveStore(io, db, s))
}

// acceptEnd returns err, but nil if a server that was told to end before it was ready has failed for that alone.
func acceptEnd(ctx context.Context, log *slog.Logger, err error) error {
	if ctx.Err() == nil || !errors.Is(err, context.Canceled) {
		return err
	}
	log.Info("the server was told to end while it was starting", "reason", err)
	return nil
}

// defaultData is the default of --data.
const defaultData = "./lanyard-data"

// dropFolder leaves a server that keeps its data in memory without a data folder, unless one is named: that has what
// commands need to find the server.
func (c *serveCmd) dropFolder() {
	standard, err := filepath.Abs(defaultData)
	if c.Store == inMemory && (c.Data == defaultData || err == nil && c.Data == standard) {
		c.Data = ""
	}
}

// announce leaves in the data folder, if there is one, what commands and clients need to find the server. leave removes
// the address.
func (c *serveCmd) announce(root lanyard.AccessKey, here endpoint) (leave func(), err error) {
	if c.Data == "" {
		return func() {}, nil
	}
	if err := writeCredentials(c.Data, root, here); err != nil {
		return nil, err
	}
	return func() { os.Remove(filepath.Join(c.Data, endpointFile)) }, nil
}

// forgetEndpoint removes the address that a crashed server left, to which commands must not be led.
func (c *serveCmd) forgetEndpoint() error {
	if c.Data == "" {
		return nil
	}
	err := os.Remove(filepath.Join(c.Data, endpointFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the address of an earlier server: %w", err)
	}
	return nil
}

// startedServer is what a server has before it opens its store.
type startedServer struct {
	certificates []tls.Certificate
	gateway      *gatewayfile.File // nil for a server that is no gateway
	seed         *templateSeed     // nil without --seed
	log          *slog.Logger
	started      time.Time
}

// serveStore serves what is in a store until the context of io ends.
func (c *serveCmd) serveStore(io streams, db store.Store, s startedServer) error {
	log := s.log
	svc, root, err := c.newService(io.ctx, db, log)
	if err != nil {
		return err
	}
	stop, err := c.startUpkeep(svc)
	if err != nil {
		return err
	}
	defer stop()

	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", c.Listen, err)
	}
	defer listener.Close()
	here := c.newEndpoint(listener, s.certificates)
	leave, err := c.announce(root, here)
	if err != nil {
		return err
	}
	defer leave()
	gateway, err := gatewayHost{svc, db, root, here, log}.start(io.ctx, s.gateway)
	if err != nil {
		return err
	}
	defer gateway.Close()
	e := emulated{config: c.frontendsConfig(svc, db, log, gateway), faults: new(fault.Set), log: log}
	e.config.Faults = e.faults
	handler, err := frontends.New(io.ctx, e.config)
	if err != nil {
		return err
	}
	shown, err := c.prepareDemo(io.ctx, svc, root, log)
	if err != nil {
		return err
	}
	if c.Emulator {
		kept := &keptState{service: svc, store: db, place: c.Store, faults: e.faults, seed: s.seed}
		if err := kept.makeSeed(io.ctx, &shown); err != nil {
			return err
		}
		e.state = kept
	}
	return c.serveHandler(io, s, listening{listener: listener, here: here, handler: handler, gateway: gateway,
		shown: shown, root: root, emulated: e})
}

// listening is a server that is about to serve.
type listening struct {
	listener net.Listener
	here     endpoint
	handler  http.Handler
	gateway  *runningGateway
	shown    demoShown
	root     lanyard.AccessKey
	emulated emulated
}

// serveHandler serves until the context of io ends.
func (c *serveCmd) serveHandler(io streams, s startedServer, on listening) (err error) {
	log := s.log
	if c.Emulator {
		if on.emulated.scripts, err = c.findScripts(on.here.URL, log); err != nil {
			return err
		}
		on.handler = c.wrap(on.emulated, on.handler)
	}
	srv, conns := c.newServer(proving(on.here.Proof, on.handler), s.certificates, log)
	srv.RegisterOnShutdown(on.gateway.endStreams) // whose streams do not end by themselves
	served := make(chan error, 1)
	go func() { served <- c.serveOn(srv, conns.Listen(on.listener)) }()
	log.Info("serving", "url", on.here.URL, "data", c.Data, "store", storeName(c.Store), "region", c.Region, "version",
		version(), "ready", time.Since(s.started).Round(time.Millisecond).String())
	if c.NoAuth {
		log.Warn("NO AUTHENTICATION: every request that reaches this address may do everything; for tests on this "+
			"machine only", "listen", c.Listen)
	}
	c.printGreeting(io, on.here, on.root, on.shown)
	if c.Emulator {
		c.warnEmulator(log)
		ctx, cancel := context.WithCancel(io.ctx)
		var scripts sync.WaitGroup
		scripts.Go(func() { becomeReady(ctx, io, on.emulated.scripts) })
		defer func() { cancel(); scripts.Wait() }()
	}

	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-io.ctx.Done():
	case <-c.inputEnds(io, log):
	}
	return c.shutDown(srv, log)
}

// inputEnds returns a channel that is closed when standard input ends, if --stop-at-eof is set. Nothing interrupts a
// read of standard input, so its goroutine may outlive the server; the program ends then.
func (c *serveCmd) inputEnds(in streams, log *slog.Logger) <-chan struct{} {
	if !c.StopAtEOF {
		return nil
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if _, err := io.Copy(io.Discard, in.in); err != nil {
			log.Warn("standard input cannot be read; this server shuts down as if it had ended", "error", err)
			return
		}
		log.Info("standard input has ended")
	}()
	return ended
}

// readMappings reads --authzen-mcp, if it is set.
func (c *serveCmd) readMappings() error {
	if c.AuthzenMCP == "" {
		return nil
	}
	source, err := os.ReadFile(c.AuthzenMCP)
	if err != nil {
		return fmt.Errorf("read --authzen-mcp: %w", err)
	}
	if c.mappings, err = coaz.Read(c.AuthzenMCP, source); err != nil {
		return refuse("%s", err)
	}
	return nil
}

// defaultAccount is the default of --account.
const defaultAccount = "123456789012"

// newService sets up the operations on a store, and returns the root key.
func (c *serveCmd) newService(ctx context.Context, db store.Store, log *slog.Logger) (*control.Service,
	lanyard.AccessKey, error) {
	if err := c.forgetEndpoint(); err != nil {
		return nil, lanyard.AccessKey{}, err
	}
	rules := c.rules()
	rules.Store, rules.Logger = db, log
	rules.SnapshotMemory, rules.MaxStaleness = int64(c.SnapshotMemory), c.MaxStaleness
	svc := control.New(rules)
	root, err := svc.SetRootKey(ctx, c.RootAccessKeyID, c.RootSecretAccessKey, c.Account)
	if err != nil {
		return nil, root, fmt.Errorf("set up the root access key: %w", err)
	}
	if err := svc.LoadTokens(ctx); err != nil {
		return nil, root, fmt.Errorf("read the tokens: %w", err)
	}
	if c.Account == defaultAccount { // nobody said which
		c.Account = root.Account
	}
	if root.Account != c.Account {
		log.Warn("the root access key stays with the account for which it was created; to change that, set a new key",
			"account", root.Account, "asked", c.Account)
	}
	return svc, root, nil
}

// startUpkeep follows other servers, prunes the audit and records refused calls until stop is called.
func (c *serveCmd) startUpkeep(svc *control.Service) (stop func(), err error) {
	keep, err := c.retention()
	if err != nil {
		return nil, err
	}
	// This is not the context of the program, because calls in progress are still served after that has ended.
	ctx, cancel := context.WithCancel(context.Background())
	var upkeep sync.WaitGroup
	upkeep.Go(func() { svc.Follow(ctx, c.Poll) })
	upkeep.Go(func() { svc.Retain(ctx, keep, c.AuditKeepEvery) })
	upkeep.Go(func() { svc.RecordRefusals(ctx) })
	upkeep.Go(func() { svc.RemoveRows(ctx) })
	return func() { cancel(); upkeep.Wait() }, nil
}

// newEndpoint describes where the server listens.
func (c *serveCmd) newEndpoint(listener net.Listener, certificates []tls.Certificate) endpoint {
	here := endpoint{URL: c.urlOf(listener), Region: c.Region, Proof: rand.Text()}
	for _, pair := range certificates {
		here.Certificate = fingerprint(pair.Certificate[0])
	}
	return here
}

// shutDown lets calls in progress finish.
func (c *serveCmd) shutDown(srv *http.Server, log *slog.Logger) error {
	log.Info("shutting down; calls in progress finish first", "grace", c.Grace.String())
	ctx, cancel := context.WithTimeout(context.Background(), c.Grace)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		srv.Close()
		return fmt.Errorf("shut down: calls in progress did not finish within %v: %w", c.Grace, err)
	}
	return nil
}

// demoShown is what the greeting says about the instance to try.
type demoShown struct {
	instance *lanyard.Instance // nil when there is none
	signIns  string            // who can sign in, with their new passwords; "" when none were generated
}

// prepareDemo creates the demo instance if --demo is set. Otherwise it returns any instance.
func (c *serveCmd) prepareDemo(ctx context.Context, svc *control.Service, root lanyard.AccessKey,
	log *slog.Logger) (shown demoShown, err error) {
	if c.Demo {
		shown.instance, err = demo.Make(ctx, svc, root)
		switch {
		case errors.Is(err, lanyard.ErrQuota):
			log.Warn("no demo instance is created: the quota has no room for one more", "reason", err)
		case err != nil:
			return shown, fmt.Errorf("create the demo instance: %w", err)
		default:
			if shown.signIns, err = c.giveDemoPasswords(ctx, svc, root, shown.instance); err != nil {
				return shown, fmt.Errorf("generate the passwords of the demo: %w", err)
			}
			return shown, nil
		}
	}
	list, _, err := svc.ListInstances(ctx, control.Call{Caller: lanyard.Caller{Account: root.Account}},
		control.Page{Limit: 1})
	if err == nil && len(list) > 0 { // without one, or after an interrupt, the greeting is shorter
		shown.instance = list[0]
	}
	return shown, nil
}

// demoFile holds the passwords of the demo, readable by its owner only.
const demoFile = "demo-credentials"

// giveDemoPasswords gives users of the demo passwords, and writes new ones to the data folder.
func (c *serveCmd) giveDemoPasswords(ctx context.Context, svc *control.Service, root lanyard.AccessKey,
	in *lanyard.Instance) (string, error) {
	signIns, err := demo.GivePasswords(ctx, svc, root, in)
	if err != nil || signIns == "" || c.Data == "" {
		return signIns, err
	}
	return signIns, replaceFile(filepath.Join(c.Data, demoFile), []byte(signIns))
}

// frontendsConfig describes the front ends as the flags do.
func (c *serveCmd) frontendsConfig(svc *control.Service, db store.Credentials, log *slog.Logger,
	gateway *runningGateway) frontends.Config {
	config := frontends.Config{Control: svc, Credentials: db, Logger: log, Account: c.Account,
		Region: c.Region, Listen: c.Listen, NoAuth: c.NoAuth, Throttled: c.Throttle == "aws",
		BodyMemory: int64(c.BodyMemory), Version: version(), Console: c.consoleConfig(), Mappings: c.mappings,
		Gateway: gateway.handler(), LogDecision: gateway.logDecision()}
	if c.Emulator {
		config.Emulator = &frontends.Emulator{Hosts: c.EmulatorHost}
	}
	return config
}

// reservedConnections are kept for health checks while all other connections are busy.
const reservedConnections = 16

// newServer returns the HTTP server and the limits of its connections.
func (c *serveCmd) newServer(handler http.Handler, certificates []tls.Certificate,
	log *slog.Logger) (*http.Server, *intake.Conns) {
	conns := &intake.Conns{Most: c.MaxConnections, PerAddress: c.MaxConnectionsPerAddress, Reserve: reservedConnections,
		Vital: frontends.AsksHealth}
	return &http.Server{
		Handler:           conns.Handler(handler),
		ConnContext:       conns.Context,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      3 * time.Minute, // an injected latency is at most a minute
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10, // a request target has at most 16 KiB, an Authorization header 8
		// Streams, and what is received of them before it is read, count per connection, and there can be many
		// connections.
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 64, MaxReceiveBufferPerConnection: 256 << 10,
			MaxReceiveBufferPerStream: 64 << 10},
		TLSConfig: &tls.Config{Certificates: certificates},
		ErrorLog:  slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}, conns
}

// rules returns the rules for calls, without a store.
func (c *serveCmd) rules() control.Config {
	return control.Config{Region: c.Region, Partition: c.Partition, Quotas: c.quotas(), Lenient: c.Lenient,
		AssociateUsers: c.AssociateUsers, Strict: c.Strict}
}

// shellQuote quotes a word for a shell.
func shellQuote(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

package main

import (
	"cmp"
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
	"net/netip"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/admin"
	"github.com/lanyard/lanyard/internal/authzen"
	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/console"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/fault"
	"github.com/lanyard/lanyard/internal/intake"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/throttle"
	"github.com/lanyard/lanyard/sigv4"
)

type serveCmd struct {
	Listen  string `help:"Address and port to listen on; default ${default}." default:"127.0.0.1:4580" placeholder:"ADDR"`
	Data    string `help:"Folder that holds the credentials and, with --store sqlite, the database; default ${default}." default:"./lanyard-data" type:"path" placeholder:"DIR"`
	Store   string `help:"Where to keep the data: sqlite (in the data folder), or a PostgreSQL database by its URL, which several servers may use; set it through the environment, because it has a password." default:"sqlite" placeholder:"sqlite|postgres://…"`
	Region  string `help:"AWS Region of this server." default:"us-east-1"`
	Account string `help:"AWS account of the root access key." default:"123456789012"`

	Partition string `help:"Partition of ARNs." default:"aws"`
	TLSCert   string `help:"Serve HTTPS with this certificate chain (PEM)." type:"existingfile" name:"tls-cert" placeholder:"FILE"`
	TLSKey    string `help:"Private key of --tls-cert (PEM)." type:"existingfile" name:"tls-key" placeholder:"FILE"`

	RootAccessKeyID     string `help:"Root access key; default: generated at the first start." name:"root-access-key-id" placeholder:"ID"`
	RootSecretAccessKey string `help:"Secret of --root-access-key-id; set it through the environment." name:"root-secret-access-key" placeholder:"SECRET"`
	NoAuth              bool   `help:"Accept every request, signed or not, as one of --account. Loopback addresses only."`

	Throttle       string `help:"Limit calls: off, or aws (2 a second with a burst of 5, per account and operation)." default:"off" enum:"off,aws"`
	Lenient        bool   `help:"Store unknown names of permissions and resource types as they are sent; an unknown type restricts every type without a name of its own."`
	Strict         bool   `help:"Calls on behalf of a user (header x-lanyard-acting-user): nobody grants what they do not hold, nobody changes their own profiles. From every caller: incomplete tag restrictions are refused."`
	AssociateUsers bool   `help:"Let AssociateSecurityProfiles accept users as well as AI agents."`
	Demo           bool   `help:"Create a demo instance unless one exists."`

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
	LogLevel  string        `help:"Lowest level that is logged." default:"info" enum:"debug,info,warn,error"`
	LogFormat string        `help:"Format of the log; auto is text on a terminal and JSON elsewhere." default:"auto" enum:"auto,text,json"`
}

type quotaFlags struct {
	Instances         int `help:"Instances of an account (2)." default:"0"`
	Profiles          int `help:"Security profiles of an instance (100)." default:"0"`
	Users             int `help:"Users of an instance (500)." default:"0"`
	Groups            int `help:"Hierarchy groups of an instance (500)." default:"0"`
	Queues            int `help:"Queues of an instance (50)." default:"0"`
	RoutingProfiles   int `help:"Routing profiles of an instance (100)." default:"0"`
	Hours             int `help:"Hours of operation of an instance (100)." default:"0"`
	Modules           int `help:"Flow modules of an instance (200)." default:"0"`
	QuickConnects     int `help:"Quick connects of an instance (100)." default:"0"`
	QueuesPerProfile  int `help:"Queues of a routing profile, counting each channel (50)." default:"0" name:"queues-per-routing-profile"`
	AIAgents          int `help:"AI agents with profiles in an instance (10000)." default:"0" name:"ai-agents"`
	RestrictedPerUser int `help:"Profiles with tag or hierarchy restrictions that one user may hold (3)." default:"0"`
}

func (q quotaFlags) quotas() control.Quotas {
	return control.Quotas{InstancesPerAccount: q.Instances, Profiles: q.Profiles, Users: q.Users, Groups: q.Groups,
		Queues:          q.Queues,
		RoutingProfiles: q.RoutingProfiles, Hours: q.Hours, Modules: q.Modules, QuickConnects: q.QuickConnects,
		QueuesPerRoutingProfile: q.QueuesPerProfile, AIAgents: q.AIAgents, RestrictedProfilesPerUser: q.RestrictedPerUser}
}

func (serveCmd) Help() string {
	return `Examples:
  lanyard serve
  lanyard serve --listen 127.0.0.1:9000 --data /var/lib/lanyard --region eu-central-1
  LANYARD_THROTTLE=aws lanyard serve --demo
  LANYARD_STORE=postgres://lanyard:secret@db.example/lanyard lanyard serve
  lanyard serve --store postgres://db.example/lanyard --max-staleness 5s --snapshot-memory 2GiB
  lanyard serve --config /etc/lanyard.json     # {"listen": "127.0.0.1:9000", "quota-profiles": 200}

The first start writes the root access key into DATA/credentials (AWS shared-credentials format).
Servers on one PostgreSQL database share one root access key: either the first generates it and the others
find it there, or you set it for all. Each requires a data folder of its own.
Requests may be sent with boto3, the AWS CLI, any AWS SDK or Terraform, with
AWS_ENDPOINT_URL_CONNECT set to this server.`
}

// check refuses combinations that cannot be meant.
func (c *serveCmd) check() error {
	if (c.RootAccessKeyID == "") != (c.RootSecretAccessKey == "") {
		return refuse("--root-access-key-id and --root-secret-access-key are required together, got only one")
	}
	if n := len(c.RootAccessKeyID); n > 0 && (n < 16 || n > 128 || strings.ContainsAny(c.RootAccessKeyID, "/ \t\r\n,=")) {
		return refuse("--root-access-key-id must be 16 to 128 characters with no spaces, slashes, commas or equals signs")
	}
	if n := len(c.RootSecretAccessKey); n > 0 && n < 16 {
		return refuse("--root-secret-access-key must have at least 16 characters, got %d", n)
	}
	if strings.ContainsFunc(c.RootSecretAccessKey, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return refuse("--root-secret-access-key must be printable characters with no spaces")
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return refuse("--tls-cert and --tls-key are required together, got only one")
	}
	if err := checkPlace(c.Account, c.Region); err != nil {
		return err
	}
	if !partitionForm.MatchString(c.Partition) {
		return refuse("--partition must be aws or a name that begins with aws-, such as aws-cn, got %q",
			c.Partition)
	}
	if _, port, err := net.SplitHostPort(c.Listen); err != nil {
		return refuse("--listen must be ADDRESS:PORT, such as 127.0.0.1:4580, got %q", c.Listen)
	} else if _, err := net.LookupPort("tcp", port); err != nil {
		return refuse("the port of --listen must be 0 to 65535, got %q", port)
	}
	if c.Grace < 0 {
		return refuse("--grace must be 0s or more, got %v", c.Grace)
	}
	if c.NoAuth && !isLoopback(c.Listen) {
		return refuse("--listen must be a loopback address when --no-auth is set, got %s, which others can reach", c.Listen)
	}
	if c.Poll < time.Millisecond {
		return refuse("--poll must be 1ms or more, got %v", c.Poll)
	}
	if c.MaxStaleness < 0 || c.MaxStaleness > 0 && c.MaxStaleness < max(time.Second, 2*c.Poll) {
		return refuse("--max-staleness must be 0s for no limit, or at least %v (a second, and twice --poll), got %v",
			max(time.Second, 2*c.Poll), c.MaxStaleness)
	}
	if err := errors.Join(checkStore(c.Store), notURL("--data", c.Data)); err != nil {
		return err
	}
	if _, err := c.retention(); err != nil {
		return refuse("--audit-keep-days, --audit-keep-events: %s", err)
	}
	if c.AuditKeepEvery < time.Second {
		return refuse("--audit-keep-every must be 1s or more, got %v", c.AuditKeepEvery)
	}
	if c.MaxConnections < 1 {
		return refuse("--max-connections must be 1 or more, got %d", c.MaxConnections)
	}
	if c.MaxConnectionsPerAddress < 0 {
		return refuse("--max-connections-per-address must be 0 for no limit, or more, got %d", c.MaxConnectionsPerAddress)
	}
	if c.BodyMemory < awsapi.MaxBody || c.BodyMemory > 1<<40 {
		return refuse("--body-memory must be 4MiB to 1TiB, got %d bytes", c.BodyMemory)
	}
	return c.consoleFlags.check()
}

func checkPlace(account, region string) error {
	if len(account) != 12 || strings.Trim(account, "0123456789") != "" {
		return refuse("--account must be an account id of twelve digits, got %q", account)
	}
	if !regionForm.MatchString(region) {
		return refuse("--region must be an AWS Region, such as us-east-1, got %q", region)
	}
	return nil
}

func (c *serveCmd) retention() (control.Retention, error) {
	return admin.Prune{Days: c.AuditKeepDays, Events: c.AuditKeepEvents}.Retention()
}

func isLoopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// Run serves until the context of io ends.
func (c *serveCmd) Run(io streams) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	var certificates []tls.Certificate
	if c.TLSCert != "" {
		pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
		if err != nil {
			return fmt.Errorf("read --tls-cert and --tls-key: %w", err)
		}
		certificates = append(certificates, pair)
	}
	// Little memory is in use, so collecting it less often costs little and saves a tenth of the work.
	if os.Getenv("GOGC") == "" {
		defer debug.SetGCPercent(debug.SetGCPercent(200))
	}
	log := c.logger(io)
	slog.SetDefault(log)
	started := time.Now()

	db, err := openStore(io.ctx, c.Store, c.Data, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	// One of a server that crashed does not lead to this one.
	if err := os.Remove(filepath.Join(c.Data, endpointFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the address of an earlier server: %w", err)
	}

	rules := c.rules()
	rules.Store, rules.Logger = db, log
	rules.SnapshotMemory, rules.MaxStaleness = int64(c.SnapshotMemory), c.MaxStaleness
	svc := control.New(rules)
	root, err := svc.SetRootKey(io.ctx, c.RootAccessKeyID, c.RootSecretAccessKey, c.Account)
	if err != nil {
		return fmt.Errorf("set up the root access key: %w", err)
	}
	if err := svc.LoadTokens(io.ctx); err != nil {
		return fmt.Errorf("read the tokens: %w", err)
	}
	if root.Account != c.Account {
		log.Warn("the root access key stays with the account for which it was created; to change that, set a new key", "account",
			root.Account, "asked", c.Account)
	}

	keep, err := c.retention()
	if err != nil {
		return err
	}
	following, stop := context.WithCancel(context.Background()) // as long as calls are served
	var follower sync.WaitGroup
	follower.Go(func() { svc.Follow(following, c.Poll) })
	follower.Go(func() { svc.Retain(following, keep, c.AuditKeepEvery) })
	follower.Go(func() { svc.RecordRefusals(following) })
	defer func() { stop(); follower.Wait() }()

	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", c.Listen, err)
	}
	defer listener.Close()
	here := endpoint{URL: c.url(listener), Region: c.Region, Proof: rand.Text()}
	for _, pair := range certificates {
		here.Certificate = fingerprint(pair.Certificate[0])
	}
	if err := writeCredentials(c.Data, root, here); err != nil {
		return err
	}
	defer os.Remove(filepath.Join(c.Data, endpointFile))
	handler, err := c.handler(io.ctx, db, svc, log)
	if err != nil {
		return err
	}
	var demo *lanyard.Instance
	signIns := ""
	if c.Demo {
		demo, err = makeDemo(io.ctx, svc, root)
		switch {
		case errors.Is(err, lanyard.ErrQuota):
			log.Warn("no demo instance is created: the quota has no room for one more", "reason", err)
		case err != nil:
			return fmt.Errorf("create the demo instance: %w", err)
		default:
			if signIns, err = demoPasswords(io.ctx, svc, root, demo, c.Data); err != nil {
				return fmt.Errorf("generate the passwords of the demo: %w", err)
			}
		}
	}
	srv, conns := c.server(proving(here.Proof, handler), certificates, log)
	served := make(chan error, 1)
	limited := conns.Listen(listener)
	go func() {
		if c.TLSCert != "" {
			served <- srv.ServeTLS(limited, "", "")
			return
		}
		served <- srv.Serve(limited)
	}()
	log.Info("serving", "url", here.URL, "data", c.Data, "store", storeName(c.Store), "region", c.Region, "version",
		version(), "ready", time.Since(started).Round(time.Millisecond).String())
	if c.NoAuth {
		log.Warn("NO AUTHENTICATION: every request that reaches this address may do everything; for tests on this machine only", "listen", c.Listen)
	}
	if demo == nil { // any instance will do to try the server on
		list, _, err := svc.ListInstances(io.ctx, control.Call{Caller: lanyard.Caller{Account: root.Account}},
			control.Page{Limit: 1})
		if err == nil && len(list) > 0 { // without one, or when told to stop already, the greeting says less
			demo = list[0]
		}
	}
	c.greet(io, here, demo, signIns)

	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-io.ctx.Done():
	}
	log.Info("shutting down; calls in progress finish first", "grace", c.Grace.String())
	ctx, cancel := context.WithTimeout(context.Background(), c.Grace)
	defer cancel()
	if err := srv.Shutdown(ctx); err != nil {
		srv.Close()
		return fmt.Errorf("shut down: calls in progress did not finish within %v: %w", c.Grace, err)
	}
	return nil
}

// reservedConnections are for whoever asks how the server is while all others are at work.
const reservedConnections = 16

// server returns what serves handler, and what bounds its connections.
func (c *serveCmd) server(handler http.Handler, certificates []tls.Certificate,
	log *slog.Logger) (*http.Server, *intake.Conns) {
	conns := &intake.Conns{Most: c.MaxConnections, PerAddress: c.MaxConnectionsPerAddress, Reserve: reservedConnections,
		Vital: asksHealth}
	return &http.Server{
		Handler:           conns.Handler(handler),
		ConnContext:       conns.Context,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      3 * time.Minute, // an injected latency is at most one
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10, // a target has at most 16 KiB, an Authorization 8
		// Streams and what is received of them before it is read are per connection, of which there may be many.
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: 64, MaxReceiveBufferPerConnection: 256 << 10,
			MaxReceiveBufferPerStream: 64 << 10},
		TLSConfig: &tls.Config{Certificates: certificates},
		ErrorLog:  slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}, conns
}

// asksHealth reports whether a request is of whoever watches the server.
func asksHealth(r *http.Request) bool { return r.URL.Path == "/healthz" || r.URL.Path == "/readyz" }

func (c *serveCmd) logger(io streams) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		panic(err) // the flag's enum allows no other
	}
	options := &slog.HandlerOptions{Level: level}
	if c.LogFormat == "text" || c.LogFormat == "auto" && io.errTerminal {
		return slog.New(limitLog(slog.NewTextHandler(io.errs, options)))
	}
	return slog.New(limitLog(slog.NewJSONHandler(io.errs, options)))
}

func (c *serveCmd) url(l net.Listener) string {
	scheme := "http"
	if c.TLSCert != "" {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return scheme + "://" + l.Addr().String()
	}
	if a, err := netip.ParseAddr(host); err == nil && a.IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// rules are what calls are held to, without a store.
func (c *serveCmd) rules() control.Config {
	return control.Config{Region: c.Region, Partition: c.Partition, Quotas: c.Quota.quotas(), Lenient: c.Lenient,
		AssociateUsers: c.AssociateUsers, Strict: c.Strict}
}

// handler combines the front ends.
func (c *serveCmd) handler(ctx context.Context, db store.Credentials, svc *control.Service,
	log *slog.Logger) (http.Handler, error) {
	secret, err := db.Secret(ctx, "next-token")
	if err != nil {
		return nil, fmt.Errorf("read the secret of tokens: %w", err)
	}
	auth := &sigv4.Verifier{Region: c.Region, Service: "connect",
		Signed: []string{awsapi.ActingUser, awsapi.IfMatch, authzen.Revision},
		Keys: func(_ context.Context, id string) (sigv4.Key, bool, error) {
			k, ok := svc.Key(id)
			return sigv4.Key{Secret: k.Secret}, ok, nil
		}}
	config := awsapi.Config{Control: svc, Auth: auth, Faults: new(fault.Set), TokenSecret: secret, Logger: log}
	if c.Throttle == "aws" {
		config.Throttle = &throttle.Limiter{Rate: 2, Burst: 5}
	}
	if c.NoAuth {
		config.NoAuth = c.Account
	}
	// A stranger's body is read only once they claim to be somebody, and of all strangers only so much.
	strangers, callers := &intake.Pool{Bytes: int64(c.BodyMemory)}, &intake.Pool{Bytes: 4 * int64(c.BodyMemory)}
	config.Bodies = strangers
	api := awsapi.New(config)
	management := admin.NewServer(admin.Config{Control: svc, Auth: auth, Faults: config.Faults, CanFail: awsapi.CanFail,
		IsServed: awsapi.IsServed, Bodies: strangers, Logger: log})
	ask := newQuestions(api, svc, secret)
	decisions := authzen.NewServer(authzen.Config{
		Claim: func(r *http.Request) (authzen.Principal, bool, error) { return c.claim(svc, auth, r) },
		Authenticate: func(r *http.Request,
			body []byte) (authzen.Principal, error) {
			return c.principal(svc, auth, r, body)
		},
		Strangers: strangers, Callers: callers,
		Questions: ask, Logger: log,
	})
	var calls atomic.Int64
	page, err := c.console(ctx, db, svc, api, ask, bodies{strangers, callers}, &calls, log)
	if err != nil {
		return nil, fmt.Errorf("set up the console: %w", err)
	}
	go rest(ctx, &calls)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		w.Header()["X-Content-Type-Options"] = noSniff
		if len(r.TransferEncoding) > 0 {
			// A Content-Length alongside it is dropped before we see it. A proxy that went by that one would take
			// for the next request what is none, so there is no next request.
			w.Header().Set("Connection", "close")
		}
		defer finish(w, r)
		switch {
		case !c.mayReach(r):
			refuseReach(w)
		case r.URL.Path == "/healthz":
			w.Write([]byte("ok\n"))
		case r.URL.Path == "/readyz":
			if err := svc.Ready(r.Context()); err != nil {
				log.Error("not ready", "error", err)
				http.Error(w, "the store does not answer", http.StatusServiceUnavailable)
				return
			}
			w.Write([]byte("ready\n"))
		case strings.HasPrefix(r.URL.Path, admin.Prefix):
			management.ServeHTTP(w, r)
		case authzen.Serves(r.URL.Path):
			decisions.ServeHTTP(w, r)
		case console.Serves(r.URL.Path):
			page.ServeHTTP(w, r)
		default:
			api.ServeHTTP(w, r)
		}
	}), nil
}

var noSniff = []string{"nosniff"}

// bodies are the pools of those who are not known yet, and of the others.
type bodies struct{ strangers, callers *intake.Pool }

// What is read of a body that was refused for its size, or for anything else: so many bytes, in so
// long, and no slower than a piece in each pause.
const (
	maxRest      = 32 << 20
	maxRestTime  = 10 * time.Second
	maxRestPause = 2 * time.Second
	restPiece    = 64 << 10
)

// finish takes in what is left of a request's body before the answer goes out. Most clients send all
// before they read, and if the server hung up on them they would see a broken connection and no
// answer. Beyond the bounds that is what they see; who has stopped sending gets the answer.
func finish(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 || r.Header.Get("Expect") != "" { // who expects a word before the body waits for the answer
		return
	}
	control, until := http.NewResponseController(w), time.Now().Add(maxRestTime)
	for left := int64(maxRest); left > 0; {
		now := time.Now()
		if !now.Before(until) {
			return
		}
		if err := control.SetReadDeadline(now.Add(min(maxRestPause, until.Sub(now)))); err != nil &&
			!errors.Is(err, http.ErrNotSupported) {
			return
		}
		n, err := io.CopyN(io.Discard, r.Body, min(left, restPiece))
		if left -= n; err != nil { // mostly io.EOF
			return
		}
	}
}

// claim finds out who asks for a decision as far as headers tell: the bearer of a token. Whoever signs with
// an access key is known by principal.
func (c *serveCmd) claim(svc *control.Service, auth *sigv4.Verifier,
	r *http.Request) (p authzen.Principal, known bool, err error) {
	if scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		t, err := svc.Token(strings.TrimSpace(text))
		return authzen.Principal{Account: t.Account, Instance: t.Instance, Administer: t.Scope == lanyard.ScopeAdminister},
			true, err
	}
	if c.NoAuth {
		return authzen.Principal{Account: c.Account, Administer: true}, true, nil
	}
	return p, false, unsigned(auth.Claim(r))
}

// principal finds out who signed a question with an access key.
func (c *serveCmd) principal(svc *control.Service, auth *sigv4.Verifier, r *http.Request,
	body []byte) (authzen.Principal, error) {
	id, err := auth.Verify(r, body)
	if err != nil {
		return authzen.Principal{}, unsigned(err)
	}
	key, ok := svc.Key(id)
	if !ok {
		return authzen.Principal{}, lanyard.Errorf(lanyard.Invalid, "the access key is unknown or disabled")
	}
	return authzen.Principal{Account: key.Account, Administer: true}, nil
}

// unsigned says what else than a signature would do.
func unsigned(err error) error {
	var refused *sigv4.Error
	if errors.As(err, &refused) {
		return lanyard.Errorf(lanyard.Invalid,
			"%s; send a token of lanyard token create as Authorization: Bearer, or sign with an access key", refused.Message)
	}
	return err
}

// rest gives memory back to the system once a busy spell is over, until ctx ends.
func rest(ctx context.Context, calls *atomic.Int64) {
	const quiet = 5 * time.Second
	tick := time.NewTicker(quiet)
	defer tick.Stop()
	rested, last := int64(0), int64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := calls.Load()
		if now == last && now != rested {
			debug.FreeOSMemory()
			rested = now
		}
		last = now
	}
}

// greet tells a newcomer what to do next.
func (c *serveCmd) greet(io streams, here endpoint, in *lanyard.Instance, signIns string) {
	file, err := filepath.Abs(filepath.Join(c.Data, credentialsFile))
	if err != nil {
		file = filepath.Join(c.Data, credentialsFile)
	}
	fmt.Fprintf(io.out, `lanyard serves %s. In another shell:

  export AWS_ENDPOINT_URL_CONNECT=%s
  export AWS_SHARED_CREDENTIALS_FILE=%s
  export AWS_REGION=%s AWS_DEFAULT_REGION=%s

`, here.URL, here.URL, shellQuote(file), c.Region, c.Region)
	// What is set here is probably set there, and would win over the credentials file.
	var others []string
	for _, name := range []string{"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		if os.Getenv(name) != "" {
			others = append(others, name)
		}
	}
	if len(others) > 0 {
		fmt.Fprintf(io.out, "  unset %s\n\n", strings.Join(others, " "))
	}
	if in != nil {
		fmt.Fprintf(io.out, "  aws connect list-security-profiles --instance-id %s\n\n", in.ID)
	} else {
		fmt.Fprint(io.out, "  aws connect create-instance --identity-management-type CONNECT_MANAGED --instance-alias "+
			"my-centre --inbound-calls-enabled --outbound-calls-enabled\n\n")
	}
	url := cmp.Or(c.ConsoleURL, here.URL)
	if signIns != "" {
		fmt.Fprintf(io.out, "The console is at %s/ for a browser. Sign in as one of these, who are also in %s:\n\n", url,
			filepath.Join(c.Data, demoFile))
		for line := range strings.Lines(signIns) {
			fmt.Fprint(io.out, "  "+line)
		}
		fmt.Fprintln(io.out)
		return
	}
	fmt.Fprintf(io.out, "The console is at %s/ for a browser. Sign in with the root access key in %s, or as a user "+
		"with a password\n(lanyard user password).\n", url, file)
	if _, err := os.Stat(filepath.Join(c.Data, demoFile)); c.Demo && err == nil {
		fmt.Fprintf(io.out, "The users of the demo are in %s.\n", filepath.Join(c.Data, demoFile))
	}
	fmt.Fprintln(io.out)
}

func shellQuote(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

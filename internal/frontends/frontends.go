// Package frontends combines the front ends of a server into one handler: the API, the management API, the decision
// API, the console and the tools for assistants. Flags, stores and listeners are not its job, so tests build the same
// server as the program.
package frontends

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/admin"
	"github.com/lanyard/lanyard/internal/audit"
	"github.com/lanyard/lanyard/internal/authzen"
	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/coaz"
	"github.com/lanyard/lanyard/internal/console"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/fault"
	"github.com/lanyard/lanyard/internal/followapi"
	"github.com/lanyard/lanyard/internal/intake"
	"github.com/lanyard/lanyard/internal/invocation"
	"github.com/lanyard/lanyard/internal/mcpserver"
	"github.com/lanyard/lanyard/internal/questions"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/subjectapi"
	"github.com/lanyard/lanyard/internal/throttle"
	"github.com/lanyard/lanyard/sigv4"
)

// Config says how a server answers its callers.
type Config struct {
	Control     *control.Service
	Credentials store.Credentials
	Logger      *slog.Logger

	Account, Region string
	Listen          string // the address, whose name requests may be for
	NoAuth          bool   // requests need no signature; they act for Account
	Throttled       bool   // as Amazon Connect does
	// Emulator, unless nil, accepts requests without checking signatures: each is of the account and region that it names.
	Emulator   *Emulator
	BodyMemory int64 // for the bodies of unauthenticated senders; others have four times as much
	Version    string
	// KeepMemory leaves it to whoever runs several servers in one process to return idle memory to the system.
	KeepMemory bool
	// Faults are the injected faults, of which there are none at first when it is nil.
	Faults *fault.Set

	Console Console
	// Mappings say what the tokens of gateways for AI agents stand for. nil: everything stands for itself.
	Mappings coaz.Mappings

	// Followers bound who follows instances; the zero value has defaults.
	Followers followapi.Limits

	// Gateway is the MCP gateway, at GatewayPath and where its metadata is; nil when there is none.
	Gateway *Gateway
	// LogDecision is told of what is decided for callers of the AuthZEN API; see questions.Config.
	LogDecision func(by questions.Viewer, asked *access.Query, answer *questions.Evaluation)
}

// Console says how the console signs in. URL is where browsers reach it, if that differs from Listen.
type Console struct {
	URL           string
	Idle, Session time.Duration
	OIDC          *console.OIDC // nil without single sign-on
}

// A Handler serves every path. Operations can be called by their names, too, as by whoever the call says.
type Handler interface {
	http.Handler
	Invoke(ctx context.Context, call invocation.Call) invocation.Answer
}

// server serves every path.
type server struct {
	Config
	calls atomic.Int64

	api                                       *awsapi.Server
	management, decisions, following, console http.Handler
	subjects                                  *subjectapi.Server

	assistant func() http.Handler // made at the first request
}

// New returns the handler of a server. Until ctx ends, it serves followers and those who wait for a change of
// rights and, unless KeepMemory is set, returns idle memory to the operating system.
func New(ctx context.Context, c Config) (Handler, error) {
	secret, err := c.Credentials.Secret(ctx, "next-token")
	if err != nil {
		return nil, fmt.Errorf("read the secret of tokens: %w", err)
	}
	// Bodies of unauthenticated senders are read only after their headers claim an identity, and within one budget.
	pools := bodies{&intake.Pool{Bytes: c.BodyMemory}, &intake.Pool{Bytes: 4 * c.BodyMemory}}
	auth, faults := c.newVerifier(), cmp.Or(c.Faults, new(fault.Set))
	config := awsapi.Config{Control: c.Control, Auth: auth, Faults: faults, Bodies: pools.strangers, TokenSecret: secret,
		Logger: c.Logger, Now: c.Control.Now}
	if c.Throttled {
		config.Throttle = &throttle.Limiter{Rate: 2, Burst: 5}
	}
	if c.NoAuth {
		config.NoAuth = c.Account
	}
	if c.Emulator != nil {
		config.Trust = c.identify
	}
	api := awsapi.New(config)
	ask := NewQuestions(api, c.Control, secret)
	ask.Log = c.LogDecision
	ask.Mapping = c.Mappings.Of
	s := &server{Config: c, api: api}
	s.management = admin.NewServer(admin.Config{Control: c.Control, Auth: auth, Trust: c.trustsOperator(), Faults: faults,
		CanFail: awsapi.CanFail, IsServed: awsapi.IsServed, Bodies: pools.strangers, Logger: c.Logger})
	s.decisions = authzen.NewServer(authzen.Config{
		Claim: func(r *http.Request) (authzen.Principal, bool, error) { return c.claimPrincipal(auth, r) },
		Authenticate: func(r *http.Request, body []byte) (authzen.Principal, error) {
			return c.verifyPrincipal(auth, r, body)
		},
		Strangers: pools.strangers, Callers: pools.callers,
		Questions: ask, Logger: c.Logger,
	})
	s.subjects = s.newSubjects(ctx, auth)
	s.following = followapi.NewServer(ctx, followapi.Config{Control: c.Control, Authenticate: c.authenticateFollower,
		Limits: c.Followers, Logger: c.Logger})
	shown, err := s.newConsole(ctx, api, ask, pools)
	if err != nil {
		return nil, fmt.Errorf("set up the console: %w", err)
	}
	s.console = shown
	// The schemas of its tools take longer than all the rest, and many servers in memory are never asked.
	s.assistant = sync.OnceValue(func() http.Handler { return s.newAssistant(auth, ask, shown, pools) })
	if !c.KeepMemory {
		go freeIdleMemory(ctx, &s.calls)
	}
	return s, nil
}

// newConsole wires the console to the API and the questions.
func (s *server) newConsole(ctx context.Context, api *awsapi.Server, ask *questions.Service,
	pools bodies) (*console.Server, error) {
	secret, err := s.Credentials.Secret(ctx, "console")
	if err != nil {
		return nil, err
	}
	return console.New(console.Config{
		Control: s.Control, Account: s.Account, URL: s.Console.URL, Idle: s.Console.Idle, Session: s.Console.Session,
		OIDC: s.Console.OIDC, Secret: secret, Version: s.Version, Logger: s.Logger, Now: s.Control.Now,
		Strangers: pools.strangers, Callers: pools.callers, OwnHost: s.ownHost,
		Call: api.Invoke, Questions: ask,
		SubjectSnapshot: s.subjects.Own,
		Export:          exportRecords,
		Stats: func() console.Stats {
			n := console.Stats{Calls: s.calls.Load(), Refused: api.Refused(), Store: "ok"}
			n.Decisions, n.Denied = ask.Decided()
			if err := s.Control.Ready(ctx); err != nil {
				n.Store = "the store does not answer"
			}
			return n
		},
	})
}

// exportRecords shapes an event for programs.
func exportRecords(e lanyard.Event) (records []any) {
	for _, r := range audit.Records(e) {
		records = append(records, r)
	}
	return records
}

// newVerifier verifies signatures with the keys of the server.
func (c *Config) newVerifier() *sigv4.Verifier {
	return &sigv4.Verifier{Region: c.Region, Service: "connect",
		Signed: []string{awsapi.ActingUser, awsapi.ActingAgent, awsapi.IfMatch, authzen.Revision},
		Keys: func(_ context.Context, id string) (sigv4.Key, bool, error) {
			k, ok := c.Control.Key(id)
			return sigv4.Key{Secret: k.Secret}, ok, nil
		}}
}

func (s *server) Invoke(ctx context.Context, call invocation.Call) invocation.Answer {
	return s.api.Invoke(ctx, call)
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.calls.Add(1)
	w.Header()["X-Content-Type-Options"] = noSniff
	if len(r.TransferEncoding) > 0 {
		// Go drops a Content-Length next to Transfer-Encoding before we see it. A proxy that trusts the
		// Content-Length would take the rest of the body for another request, so this request is the last on its
		// connection.
		w.Header().Set("Connection", "close")
	}
	if r.ContentLength != 0 {
		body := &countedBody{r.Body, r.ContentLength}
		r.Body = body
		defer drainBody(w, r, body)
	}
	if !s.Admit(w, r) {
		return
	}
	switch {
	case r.URL.Path == "/healthz":
		w.Write([]byte("ok\n"))
	case r.URL.Path == "/readyz":
		if err := s.Control.Ready(r.Context()); err != nil {
			s.Logger.Error("the server is not ready", "error", err)
			http.Error(w, "the store does not answer", http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte("ready\n"))
	case subjectapi.Serves(r.URL.Path):
		s.subjects.ServeHTTP(w, r)
	case followapi.Serves(r.URL.Path):
		s.following.ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, admin.Prefix):
		s.management.ServeHTTP(w, r)
	case authzen.Serves(r.URL.Path):
		s.decisions.ServeHTTP(w, r)
	case r.URL.Path == mcpserver.Path:
		s.assistant().ServeHTTP(w, r)
	case s.Gateway.serves(r.URL.Path):
		s.Gateway.ServeHTTP(w, r)
	case console.Serves(r.URL.Path):
		s.console.ServeHTTP(w, r)
	default:
		s.api.ServeHTTP(w, r)
	}
}

var noSniff = []string{"nosniff"}

// bodies are the memory budgets for request bodies of unauthenticated senders and of the others.
type bodies struct{ strangers, callers *intake.Pool }

// Bounds for reading the rest of a refused body: bytes, time, and the longest pause between pieces.
const (
	MaxRest      = 32 << 20
	MaxRestTime  = 10 * time.Second
	maxRestPause = 2 * time.Second
	restPiece    = 64 << 10
)

// A countedBody knows how much of it is left to read; a negative number when that is not known.
type countedBody struct {
	io.ReadCloser
	left int64
}

func (b *countedBody) Read(p []byte) (n int, err error) {
	n, err = b.ReadCloser.Read(p)
	b.left -= int64(n)
	return n, err
}

// drainBody reads the rest of a request's body before the answer is sent. Most clients send everything before they
// read; if the server closed the connection, they would see a broken connection instead of the answer. Beyond the
// bounds they do. A client that stops sending gets the answer.
func drainBody(w http.ResponseWriter, r *http.Request, body *countedBody) {
	if body.left == 0 || r.Header.Get("Expect") != "" { // the client waits for the answer before it sends
		return
	}
	control, until := http.NewResponseController(w), time.Now().Add(MaxRestTime)
	for left := int64(MaxRest); left > 0; {
		now := time.Now()
		if !now.Before(until) {
			return
		}
		if err := control.SetReadDeadline(now.Add(min(maxRestPause, until.Sub(now)))); err != nil &&
			!errors.Is(err, http.ErrNotSupported) {
			return
		}
		n, err := io.CopyN(io.Discard, body, min(left, restPiece))
		if left -= n; err != nil { // mostly io.EOF
			return
		}
	}
}

// claimPrincipal identifies who asks for a decision as far as the headers tell: the holder of a bearer token.
// Requests that are signed with an access key are identified by verifyPrincipal.
func (c *Config) claimPrincipal(auth *sigv4.Verifier,
	r *http.Request) (p authzen.Principal, known bool, err error) {
	if scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		t, err := c.Control.Token(strings.TrimSpace(text))
		if err == nil && t.Scope != lanyard.ScopeDecide && t.Scope != lanyard.ScopeAdminister {
			err = lanyard.Errorf(lanyard.Invalid, "the scope of the token must be %s or %s to ask for decisions, got %s",
				lanyard.ScopeDecide, lanyard.ScopeAdminister, t.Scope)
		}
		if err != nil {
			return authzen.Principal{}, true, err
		}
		return authzen.Principal{Account: t.Account, Instance: t.Instance, Administer: t.Scope == lanyard.ScopeAdminister},
			true, nil
	}
	if c.NoAuth {
		return authzen.Principal{Account: c.Account, Administer: true}, true, nil
	}
	if c.Emulator != nil {
		who, err := c.identify(r)
		return authzen.Principal{Account: who.Account, Administer: true}, true, err
	}
	return p, false, explainUnsigned(auth.Claim(r))
}

// authenticateFollower identifies who follows an instance: the holder of a token for that.
func (c *Config) authenticateFollower(r *http.Request) (p followapi.Principal, err error) {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		if c.NoAuth {
			return followapi.Principal{Account: c.Account}, nil
		}
		if c.Emulator != nil {
			who, err := c.identify(r)
			return followapi.Principal{Account: who.Account}, err
		}
		return p, lanyard.Errorf(lanyard.Invalid,
			"Authorization: Bearer is required, with a token of lanyard token create --scope follow")
	}
	sum := control.HashToken(strings.TrimSpace(text))
	t, err := c.Control.TokenOf(sum)
	if err == nil && t.Scope != lanyard.ScopeFollow {
		err = lanyard.Errorf(lanyard.Denied, "the scope of the token must be %s to follow an instance, got %s",
			lanyard.ScopeFollow, t.Scope)
	}
	if err != nil {
		return p, err
	}
	return followapi.Principal{Account: t.Account, Instance: t.Instance, Token: t.ID, Valid: func() error {
		_, err := c.Control.TokenOf(sum)
		return err
	}}, nil
}

// verifyPrincipal identifies who signed a question with an access key.
func (c *Config) verifyPrincipal(auth *sigv4.Verifier, r *http.Request,
	body []byte) (authzen.Principal, error) {
	id, err := auth.Verify(r, body)
	if err != nil {
		return authzen.Principal{}, explainUnsigned(err)
	}
	key, ok := c.Control.Key(id)
	if !ok {
		return authzen.Principal{}, lanyard.Errorf(lanyard.Invalid, "the access key is unknown or disabled")
	}
	return authzen.Principal{Account: key.Account, Administer: true}, nil
}

// explainUnsigned adds to a refused signature how else to authenticate.
func explainUnsigned(err error) error {
	var refused *sigv4.Error
	if errors.As(err, &refused) {
		return lanyard.Errorf(lanyard.Invalid,
			"%s; send a token of lanyard token create as Authorization: Bearer, or sign with an access key",
			strings.TrimSuffix(refused.Message, "."))
	}
	return err
}

// freeIdleMemory returns memory to the operating system after a busy period, until ctx ends.
func freeIdleMemory(ctx context.Context, calls *atomic.Int64) {
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

// Package lanyardtest runs a lanyard server in the process of a Go test: a real server of Amazon Connect's security
// profiles, with an instance of the test's own, that needs no port, no container and no cleaning up.
//
//	func TestRename(t *testing.T) {
//		srv := lanyardtest.New(t)
//		client := connect.NewFromConfig(srv.AWSConfig()) // of aws-sdk-go-v2
//		id := srv.AddProfile("Night shift", "Users.View")
//		// … test what your code does with client and srv.Instance.ID
//	}
//
// Everything is in memory, and starting a server takes a millisecond or two, so each test may have one, parallel tests
// and subtests included. Requests go through the same code as over a network, signatures apart: they are accepted
// unchecked, unless the test says otherwise (WithSignatures).
//
// A Server reports to the test that it was made for, and ends with it. Methods without an error as their result end
// the test when they fail, and so must be called from the test's goroutine; assertions let it go on.
package lanyardtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/frontends"
	"github.com/lanyard/lanyard/internal/sandbox"
	"github.com/lanyard/lanyard/internal/seed"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/sqlite"
	"github.com/lanyard/lanyard/internal/world"
)

// A Server is a lanyard server in memory. Its fields must not be changed. It is safe for concurrent use.
type Server struct {
	Account  string // to which requests belong, unless their access key is another account: twelve digits
	Region   string
	Instance Instance // that the server was made with

	t      testing.TB
	world  *world.World
	wire   *wire
	signed bool
}

// An Instance names an instance.
type Instance struct{ ID, ARN, Alias string }

// An Option changes how New makes a Server.
type Option func(*config)

type config struct {
	account, region, alias string
	throttled, signed      bool
	quotas                 control.Quotas
	stacks                 []templates
	parameters             map[string]string
}

// templates are those of one stack.
type templates struct {
	files []string // to be read
	text  string   // or a template itself
}

// WithAccount makes the instance in an account, instead of 123456789012.
func WithAccount(id string) Option { return func(c *config) { c.account = id } }

// WithRegion makes the instance in an AWS Region, instead of us-east-1.
func WithRegion(name string) Option { return func(c *config) { c.region = name } }

// WithAlias gives the instance an alias, instead of test.
func WithAlias(alias string) Option { return func(c *config) { c.alias = alias } }

// WithTemplates fills the instance with what CloudFormation templates say, as lanyard apply does. The files are one
// stack. Templates that declare a parameter InstanceArn get that of the instance.
func WithTemplates(files ...string) Option {
	return func(c *config) { c.stacks = append(c.stacks, templates{files: files}) }
}

// WithTemplate fills the instance with what a CloudFormation template says, given as YAML or JSON; see WithTemplates.
func WithTemplate(text string) Option {
	return func(c *config) { c.stacks = append(c.stacks, templates{text: text}) }
}

// WithParameters sets parameters of all templates.
func WithParameters(values map[string]string) Option {
	return func(c *config) { c.parameters = values }
}

// WithThrottling limits calls as Amazon Connect does: 2 a second with a burst of 5, for each operation.
func WithThrottling() Option { return func(c *config) { c.throttled = true } }

// WithQuotas bounds what an instance may have by the documented quotas of Amazon Connect. Without it there are none.
func WithQuotas() Option { return func(c *config) { c.quotas = control.Quotas{} } }

// WithSignatures accepts only requests that are signed with the key of AWSConfig, or with one that the management API
// has made. Without it, any signature is accepted, and none.
func WithSignatures() Option { return func(c *config) { c.signed = true } }

// New starts a server with one instance, as CreateInstance makes it and the options say. It ends with the test.
func New(t testing.TB, options ...Option) *Server {
	t.Helper()
	c := config{account: "123456789012", region: "us-east-1", alias: "test", quotas: control.Unbounded()}
	for _, o := range options {
		o(&c)
	}
	s, err := c.newServer(t)
	if err != nil {
		t.Fatalf("lanyardtest: start a server: %v", err)
	}
	t.Cleanup(s.close)
	return s
}

// bodyMemory bounds the bodies of requests that are read at a time.
const bodyMemory = 256 << 20

func (c *config) newServer(t testing.TB) (*Server, error) {
	s := &Server{Account: c.account, Region: c.region, t: t, signed: c.signed}
	front := frontends.Config{Account: c.account, Listen: loopback, Throttled: c.throttled, BodyMemory: bodyMemory}
	if !c.signed {
		front.Emulator = new(frontends.Emulator)
	}
	w, err := world.New(t.Context(), world.Config{
		Rules:     control.Config{Region: c.region, Quotas: c.quotas, NoPasswords: true},
		Frontends: front,
		Seed: func(ctx context.Context, svc *control.Service) (err error) {
			s.Instance, err = c.seed(ctx, svc)
			return err
		},
		Logger: slog.New(testLog{t}),
	})
	if err != nil {
		return nil, err
	}
	s.world, s.wire = w, newWire(w)
	return s, nil
}

// seed makes the instance.
func (c *config) seed(ctx context.Context, svc *control.Service) (made Instance, err error) {
	owner := lanyard.Caller{Account: c.account}
	in, err := svc.CreateInstance(ctx, control.Call{Caller: owner, Operation: "CreateInstance"},
		control.NewInstance{Alias: c.alias, IdentityManagement: control.ConnectManaged, Inbound: true, Outbound: true})
	if err != nil {
		return made, err
	}
	arn := svc.ARN(in.Instance, lanyard.TypeInstance, in.Instance.ID)
	made = Instance{ID: in.Instance.ID, ARN: arn, Alias: c.alias}
	if len(c.stacks) == 0 {
		return made, nil
	}
	parsed, err := lanyard.ParseARN(arn)
	if err != nil {
		return made, err
	}
	to := seed.Config{API: sandbox.Account{API: awsapi.New(awsapi.Config{Control: svc}), Caller: owner}, Instance: parsed,
		Parameters: c.parameters,
		NewStore:   func(ctx context.Context) (store.Store, error) { return sqlite.OpenMemory(ctx) }}
	for _, stack := range c.stacks {
		if err := stack.apply(ctx, to); err != nil {
			return made, err
		}
	}
	return made, nil
}

func (t *templates) apply(ctx context.Context, to seed.Config) error {
	var files []seed.File
	if t.text != "" {
		files = append(files, seed.File{Name: "template", Content: []byte(t.text)})
	}
	for _, name := range t.files {
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		files = append(files, seed.File{Name: name, Content: content})
	}
	parsed, err := seed.Parse(files...)
	if err != nil {
		return err
	}
	return seed.Apply(ctx, to, parsed...)
}

func (s *Server) close() {
	if err := errors.Join(s.wire.close(), s.world.Close()); err != nil {
		s.t.Errorf("lanyardtest: stop the server: %v", err)
	}
}

// For returns the same server for a subtest, to which it reports then.
func (s *Server) For(t testing.TB) *Server {
	other := *s
	other.t = t
	return &other
}

// must ends the test on an error.
func (s *Server) must(doing string, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("lanyardtest: %s: %v", doing, err)
	}
}

// Reset has the server begin again with what New made: the instance, with the same id, and what templates put into it.
// Injected faults are removed, and the clock shows the real time. What was saved stays.
func (s *Server) Reset() {
	s.t.Helper()
	s.must("reset", s.world.Reset(context.Background(), world.Seeded))
}

// Save keeps everything that the server has under a name, for Load.
func (s *Server) Save(name string) {
	s.t.Helper()
	s.must("save", s.world.Save(context.Background(), name))
}

// Load goes back to what was saved under a name. Injected faults and the clock stay as they are.
func (s *Server) Load(name string) {
	s.t.Helper()
	s.must("load", s.world.Load(context.Background(), name))
}

// SetTime stops the clock of the server at a time, from the year 1970 on. What has a time or expires goes by it: the
// tokens of the decision API and of lists, times of creation and modification, and the history. Signatures of requests,
// timeouts and throttling do not.
func (s *Server) SetTime(to time.Time) {
	s.t.Helper()
	if to.IsZero() {
		s.t.Fatal("lanyardtest: the time is required; Reset sets the clock to the real one")
	}
	s.must("set the time", s.world.SetTime(world.Clock{At: to, Frozen: true}))
}

// Advance stops the clock of the server a while after the time that it shows, or before that.
func (s *Server) Advance(d time.Duration) {
	s.t.Helper()
	s.SetTime(s.Now().Add(d))
}

// Now returns the time that the clock of the server shows.
func (s *Server) Now() time.Time { return s.world.Now() }

// testLog has warnings and errors of a server among the output of its test.
type testLog struct{ t testing.TB }

func (l testLog) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func (l testLog) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "lanyardtest: %s: %s", r.Level, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		return true
	})
	l.t.Log(b.String())
	return nil
}

func (l testLog) WithAttrs([]slog.Attr) slog.Handler { return l }

func (l testLog) WithGroup(string) slog.Handler { return l }

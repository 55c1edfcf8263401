package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/lanyard/lanyard"
)

// Config is what a gateway is made of. Zero values mean the defaults that are named here.
type Config struct {
	Upstreams     []Upstream
	Authenticator Authenticator
	Authority     Authority
	Recorder      Recorder // nil: nothing is recorded
	Guard         Guard    // nil: nothing is limited
	Logger        *slog.Logger

	// Prefixed makes agents see UPSTREAM___TOOL even if there is one upstream only. With more, they always do.
	Prefixed bool
	// Origins are those of web pages that may call, such as https://agents.example.com. Pages of this machine may call
	// a gateway that is called by a loopback address.
	Origins []string
	// Hosts are names by which a gateway that listens on a loopback address may be called, besides those of loopback.
	Hosts []string
	// Secret seals what travels through agents: task ids and the state of calls that need input. Gateways that share
	// it accept each other's. Nil: a random one, so that a restart ends tasks and calls in progress.
	Secret []byte

	MaxRequestBytes int // of one request of an agent; 4 MiB
	MaxMessageBytes int // of one message of an upstream; 16 MiB
	MaxItems        int // of each kind that one upstream offers, such as tools; 10,000
	PageSize        int // of lists; 1,000

	MaxSessions        int           // of agents that speak revisions with sessions; 10,000
	MaxCallerSessions  int           // of one caller; 100
	MaxStreams         int           // that are open outside of calls; 10,000
	MaxCallerStreams   int           // of one caller; 100
	SessionIdle        time.Duration // after which a session without requests and streams ends; 30 minutes
	KeepAlive          time.Duration // between signs of life on a silent stream; 15 seconds
	RefreshInterval    time.Duration // between looks at the lists of an upstream; 1 minute
	ConnectTimeout     time.Duration // of a handshake or one page of a list; 10 seconds
	CallTimeout        time.Duration // of a call, if Guard sets no shorter; 5 minutes
	ReplayBytesSession int           // kept of each session for agents that resume a stream; 1 MiB
}

// An Upstream is an MCP server behind the gateway. Exactly one of URL, Command and Local is set.
type Upstream struct {
	Name      string // in the names of tools: letters, digits and single hyphens
	Namespace string // of the application in profiles that stands for it; "" means Name

	URL    string      // of a server that speaks streamable HTTP
	Header http.Header // sent with each request, such as an API key of the gateway; never what agents send

	Command []string // and arguments of a server that speaks over its standard input and output
	Env     []string // of the command, as NAME=VALUE; nothing is inherited but PATH, HOME, LANG, TMPDIR and TZ
	Dir     string

	Local Local // within this program

	Client *http.Client // that calls URL; nil: one of the gateway's own, which follows no redirects
}

// Local is an upstream within this program. Its tools may depend on the caller.
type Local interface {
	// Tools returns the tools that exist for a caller, whatever their profiles grant.
	Tools(ctx context.Context, c *Caller) ([]LocalTool, error)
	// Right returns what is required to call a tool, whether or not there is such a tool.
	Right(ctx context.Context, c *Caller, name string) (Right, error)
	// Call returns a CallToolResult, or an error whose text is for the log.
	Call(ctx context.Context, c *Caller, call LocalCall) (lanyard.JSON, error)
	// Watch calls changed after the tools of the caller may have changed, until ctx ends.
	Watch(ctx context.Context, c *Caller, changed func())
}

// A LocalTool is one that a Local upstream offers.
type LocalTool struct {
	Right      Right
	Definition lanyard.JSON // as in the result of tools/list
}

// A LocalCall is a call of a tool of a Local upstream that is allowed.
type LocalCall struct {
	ID        string // of the decision
	Name      string // of the tool
	Right     Right  // that was decided; the tool of that name may require another by now
	Arguments lanyard.JSON
}

// upstreamName has no underscore, so that the first ___ of a tool's name always ends the upstream's, and no +, which
// ends it in the URI of a resource.
var upstreamName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*$`)

const maxUpstreamName = 40

// withDefaults returns c with its defaults filled in.
func (c Config) withDefaults() Config {
	set := func(v *int, to int) {
		if *v <= 0 {
			*v = to
		}
	}
	wait := func(v *time.Duration, to time.Duration) {
		if *v <= 0 {
			*v = to
		}
	}
	set(&c.MaxRequestBytes, 4<<20)
	set(&c.MaxMessageBytes, 16<<20)
	set(&c.MaxItems, 10_000)
	set(&c.PageSize, 1000)
	set(&c.MaxSessions, 10_000)
	set(&c.MaxCallerSessions, 100)
	set(&c.MaxStreams, 10_000)
	set(&c.MaxCallerStreams, 100)
	set(&c.ReplayBytesSession, 1<<20)
	wait(&c.SessionIdle, 30*time.Minute)
	wait(&c.KeepAlive, 15*time.Second)
	wait(&c.RefreshInterval, time.Minute)
	wait(&c.ConnectTimeout, 10*time.Second)
	wait(&c.CallTimeout, 5*time.Minute)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Recorder == nil {
		c.Recorder = noRecorder{}
	}
	if c.Guard == nil {
		c.Guard = noGuard{}
	}
	if c.Secret == nil {
		c.Secret = []byte(rand.Text() + rand.Text())
	}
	return c
}

// check reports what is wrong with c.
func (c Config) check() error {
	if c.Authenticator == nil || c.Authority == nil {
		return errors.New("configuration must have Authenticator and Authority")
	}
	if len(c.Upstreams) == 0 {
		return errors.New("number of Upstreams must be at least 1, got 0")
	}
	names, namespaces := map[string]string{}, map[string]string{}
	for i, u := range c.Upstreams {
		if err := u.check(); err != nil {
			return fmt.Errorf("Upstreams[%d]%w", i, err)
		}
		if other, ok := names[FoldName(u.Name)]; ok {
			return fmt.Errorf("Upstreams[%d].Name must differ from %s, got %s", i, lanyard.Quote(other), lanyard.Quote(u.Name))
		}
		// Two servers with one namespace would share each grant: who may search in one could search in the other.
		if other, ok := namespaces[FoldName(u.namespace())]; ok {
			return fmt.Errorf("Upstreams[%d].Namespace must differ from that of %s, got %s", i, lanyard.Quote(other),
				lanyard.Quote(u.namespace()))
		}
		names[FoldName(u.Name)], namespaces[FoldName(u.namespace())] = u.Name, u.Name
	}
	return nil
}

// FoldName returns the same text for all names that people take for one.
func FoldName(s string) string { return cases.Fold().String(norm.NFKC.String(s)) }

func (u Upstream) namespace() string {
	if u.Namespace == "" {
		return u.Name
	}
	return u.Namespace
}

func (u Upstream) check() error {
	if !upstreamName.MatchString(u.Name) || len(u.Name) > maxUpstreamName {
		return fmt.Errorf(".Name must be a letter, then letters, digits and single hyphens, at most %d in all, got %s",
			maxUpstreamName, lanyard.Quote(u.Name))
	}
	set := 0
	for _, is := range []bool{u.URL != "", len(u.Command) > 0, u.Local != nil} {
		if is {
			set++
		}
	}
	if set != 1 {
		return fmt.Errorf(" must have exactly one of URL, Command and Local, got %d", set)
	}
	if u.URL == "" {
		return nil
	}
	at, err := url.Parse(u.URL)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" || at.User != nil {
		return fmt.Errorf(".URL must be an http or https URL without user information, got %s",
			lanyard.Quote(strings.SplitN(u.URL, "@", 2)[0]))
	}
	return nil
}

// noRecorder and noGuard stand for what is not there.
type (
	noRecorder struct{}
	noGuard    struct{}
)

func (noRecorder) Record(context.Context, *Call) error { return nil }

func (noGuard) Enter(ctx context.Context, _ *Caller, _, _ string) (context.Context, func(error), error) {
	return ctx, func(error) {}, nil
}

func (noGuard) Sizes(*Caller, string, string) Sizes { return Sizes{-1, -1} }

// Package follow decides in your own process by the security profiles of one instance of a running lanyard server. It
// loads what decisions need of the instance, follows its changes as they are committed, and knows how old what it knows
// may be.
//
// # Use
//
//	rights, err := follow.Open(ctx, "https://lanyard.example", token, instance)
//	if err != nil {
//		return err
//	}
//	defer rights.Close()
//	d, err := rights.Decide(&access.Query{Subject: access.Subject{ID: user}, Action: "Users.Edit"})
//
// A token of the scope follow is made by
//
//	lanyard token create --instance INSTANCE --scope follow
//
// # Freshness
//
// The server confirms about every second that nothing has changed since. When it has not for Config.MaxStaleness, all
// questions are refused with ErrStale, and the Decision denies. In the meantime the follower goes on from one server to
// the next, with growing pauses, and picks up where it was. A server whose history is another, as after a failover to a
// replica that lost its last changes, makes it load the instance again.
//
// To decide by a change that was just made over the API, pass the revision of its answer (x-lanyard-revision) to
// [Follower.WaitFor].
//
// What is sent, and how to follow an instance from another language, is in docs/follow.md.
package follow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// Errors of a Follower.
var (
	// ErrStale says that what the follower knows may be older than Config.MaxStaleness. The error that matches it says
	// how old, and why. It also matches lanyard.ErrUnavailable.
	ErrStale = errors.New("what the follower knows may be too old to decide by")
	// ErrClosed says that the Follower was closed.
	ErrClosed = errors.New("the follower is closed")
)

// Config says what to follow. The zero values of all but URLs and Instance mean the defaults.
type Config struct {
	// URLs are those of the servers, which have the same database. When one fails the next is used.
	URLs     []string
	Token    string // of the scope follow
	Instance string // id
	// MaxStaleness is for how long after the last confirmation questions are answered: 10 seconds unless set, at least
	// 200 milliseconds.
	MaxStaleness time.Duration
	// Client makes the requests; a new one unless set. Its Timeout and CheckRedirect are not used.
	Client *http.Client
	Logger *slog.Logger     // slog.Default() unless set
	Now    func() time.Time // time.Now unless set
}

const (
	defaultStaleness = 10 * time.Second
	leastStaleness   = 200 * time.Millisecond
)

// A Follower has the rights of an instance as they are now. It is safe for concurrent use.
type Follower struct {
	config Config
	bases  []*url.URL
	client *http.Client
	own    *http.Transport // of the client, unless that is the caller's
	log    *slog.Logger
	now    func() time.Time

	snapshot  atomic.Pointer[access.Snapshot]
	confirmed atomic.Pointer[confirmation]
	closed    atomic.Bool

	stop    context.CancelFunc
	stopped chan struct{} // closed when nothing of the Follower runs any more

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced when there is another snapshot, or questions are answered again
	server   string        // that it is connected to; "" for none
	failure  error         // of the last attempt; nil while connected
	hopeless error         // set when no server will ever let it follow
}

// Open follows an instance of a server, and returns when questions can be answered. It tries again until ctx ends,
// unless the server refuses the token or has no such instance. Options change the Config:
//
//	follow.Open(ctx, url, token, instance, func(c *follow.Config) { c.MaxStaleness = time.Minute })
func Open(ctx context.Context, url, token, instance string, options ...func(*Config)) (*Follower, error) {
	c := Config{URLs: []string{url}, Token: token, Instance: instance}
	for _, change := range options {
		change(&c)
	}
	return c.Open(ctx)
}

// Open follows what the Config says, as the function Open does.
func (c Config) Open(ctx context.Context) (*Follower, error) {
	f, err := c.newFollower()
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	f.stop = stop
	go f.run(running)
	if err := f.waitOpen(ctx); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// newFollower checks the Config.
func (c Config) newFollower() (*Follower, error) {
	f := &Follower{log: cmp.Or(c.Logger, slog.Default()), now: c.Now, changed: make(chan struct{}),
		stopped: make(chan struct{})}
	if f.now == nil {
		f.now = time.Now
	}
	if len(c.URLs) == 0 {
		return nil, lanyard.Errorf(lanyard.Invalid, "URLs is required")
	}
	for _, text := range c.URLs {
		base, err := parseURL(text)
		if err != nil {
			return nil, err
		}
		f.bases = append(f.bases, base)
	}
	switch {
	case c.Instance == "":
		return nil, lanyard.Errorf(lanyard.Invalid, "Instance is required")
	case strings.ContainsFunc(c.Token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, lanyard.Errorf(lanyard.Invalid, "Token must be a token of lanyard token create")
	case c.MaxStaleness == 0:
		c.MaxStaleness = defaultStaleness
	case c.MaxStaleness < leastStaleness:
		return nil, lanyard.Errorf(lanyard.Invalid, "MaxStaleness must be at least %v, got %v", leastStaleness, c.MaxStaleness)
	}
	f.config = c
	f.setClient()
	return f, nil
}

// parseURL reads the URL of a server.
func parseURL(text string) (*url.URL, error) {
	base, err := url.Parse(text)
	if err != nil || base.Scheme != "http" && base.Scheme != "https" || base.Host == "" || base.User != nil ||
		base.RawQuery != "" || base.Fragment != "" {
		return nil, lanyard.Errorf(lanyard.Invalid, "URLs must be http or https and a host, without credentials or a query, "+
			"got %s", lanyard.Quote(text))
	}
	return base, nil
}

// setClient chooses the client. The token goes to the servers that were named and to no others, so redirects are not
// followed.
func (f *Follower) setClient() {
	client := http.Client{}
	if f.config.Client != nil {
		client = *f.config.Client
	} else {
		f.own = http.DefaultTransport.(*http.Transport).Clone()
		f.own.DisableCompression = true // it is unpacked here
		client.Transport = f.own
	}
	client.Timeout, client.CheckRedirect = 0, func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	f.client = &client
}

// waitOpen waits until questions are answered.
func (f *Follower) waitOpen(ctx context.Context) error {
	for {
		changed := f.changes()
		if _, err := f.Snapshot(); err == nil {
			return nil
		}
		f.mu.Lock()
		failure, hopeless := f.failure, f.hopeless
		f.mu.Unlock()
		if hopeless != nil {
			return hopeless
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("follow instance %s: %w", f.config.Instance, errors.Join(context.Cause(ctx), failure))
		}
	}
}

// Close ends the Follower. Questions are refused with ErrClosed from then on.
func (f *Follower) Close() error {
	f.closed.Store(true)
	f.stop()
	<-f.stopped
	f.notify()
	if f.own != nil {
		f.own.CloseIdleConnections()
	}
	return nil
}

// Snapshot returns the instance as it is, for questions that belong together: they are answered from one revision. Keep
// it for the length of a request, not longer.
func (f *Follower) Snapshot() (*access.Snapshot, error) {
	if f.closed.Load() {
		return nil, ErrClosed
	}
	if age, ok := f.age(); !ok || age > f.config.MaxStaleness {
		return nil, f.stale(age, ok)
	}
	return f.snapshot.Load(), nil
}

// Decide answers a query, as access.Snapshot.Decide does. With an error the Decision denies.
func (f *Follower) Decide(q *access.Query) (access.Decision, error) {
	s, err := f.Snapshot()
	if err != nil {
		return access.Decision{}, err
	}
	return s.Decide(q), nil
}

// Explain returns what Decide does and says why. With an error the Explanation denies.
func (f *Follower) Explain(q *access.Query) (access.Explanation, error) {
	s, err := f.Snapshot()
	if err != nil {
		return access.Explanation{}, err
	}
	return s.Explain(q), nil
}

// WhoCan lists who may do something, as access.Snapshot.WhoCan does.
func (f *Follower) WhoCan(q *access.Query, page access.Page) (found []access.Holder, next access.Cursor, err error) {
	s, err := f.Snapshot()
	if err != nil {
		return nil, access.Cursor{}, err
	}
	found, next = s.WhoCan(q, page)
	return found, next, nil
}

// WhatCan lists what a subject may do, as access.Snapshot.WhatCan does. The error matches lanyard.ErrNotFound when
// there is no such subject.
func (f *Follower) WhatCan(subject access.Subject) ([]access.Effective, error) {
	s, err := f.Snapshot()
	if err != nil {
		return nil, err
	}
	can, ok := s.WhatCan(subject)
	if !ok {
		return nil, lanyard.Errorf(lanyard.NotFound, "subject %s does not exist", lanyard.Quote(subject.ID))
	}
	return can, nil
}

// WaitFor waits until questions are answered from a revision or a later one, such as that of the caller's own last
// change (x-lanyard-revision of its answer). When ctx ends first the error matches lanyard.ErrCondition, or ErrStale,
// and that of ctx.
func (f *Follower) WaitFor(ctx context.Context, revision int64) error {
	for {
		changed := f.changes()
		s, err := f.Snapshot()
		switch {
		case errors.Is(err, ErrClosed):
			return err
		case err == nil && s.Revision() >= revision:
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if err != nil {
				return errors.Join(err, context.Cause(ctx))
			}
			return &lanyard.Error{Kind: lanyard.Condition, Err: context.Cause(ctx),
				Message: fmt.Sprintf("instance %s is at revision %d here; revision %d did not come in time", f.config.Instance,
					s.Revision(), revision)}
		}
	}
}

// Freshness says how current a Follower is.
type Freshness struct {
	Revision int64 // of the instance; 0 before the first was loaded
	// Age is for how long changes may have gone unnoticed: the time since the last confirmation. Before the first it is
	// negative.
	Age    time.Duration
	Server string // URL of the server that is followed; "" while there is none
	Err    error  // why there is none
}

// Freshness returns how current the follower is.
func (f *Follower) Freshness() Freshness {
	fresh := Freshness{Age: -1}
	if age, ok := f.age(); ok {
		fresh.Age = age
	}
	if s := f.snapshot.Load(); s != nil {
		fresh.Revision = s.Revision()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	fresh.Server, fresh.Err = f.server, f.failure
	return fresh
}

// age is the time since the last confirmation; ok is false before the first.
func (f *Follower) age() (age time.Duration, ok bool) {
	last := f.confirmed.Load()
	if last == nil {
		return 0, false
	}
	now := f.now()
	// By the wall clock too, because the monotonic one may stop while the machine sleeps.
	return max(0, now.Sub(last.at), time.Duration(now.UnixNano()-last.wall)), true
}

// A confirmation is that there were no other changes at a time.
type confirmation struct {
	at   time.Time
	wall int64 // at by the wall clock, in nanoseconds: every decision compares it
}

// stale is the error of a question that is refused.
func (f *Follower) stale(age time.Duration, confirmed bool) error {
	f.mu.Lock()
	failure := f.failure
	f.mu.Unlock()
	e := &staleError{cause: failure}
	if !confirmed {
		e.text = fmt.Sprintf("instance %s has not been loaded yet", f.config.Instance)
	} else {
		e.text = fmt.Sprintf("the rights in instance %s were last confirmed as current %v ago, and decisions are made only "+
			"within %v of that", f.config.Instance, age.Round(time.Millisecond), f.config.MaxStaleness)
	}
	return e
}

// A staleError refuses a question.
type staleError struct {
	text  string
	cause error
}

func (e *staleError) Error() string {
	if e.cause == nil {
		return e.text
	}
	return e.text + ": " + e.cause.Error()
}

func (e *staleError) Unwrap() error { return e.cause }

func (e *staleError) Is(target error) bool {
	return target == ErrStale || target == lanyard.ErrUnavailable
}

// changes returns what is closed when there is another snapshot, or questions are answered again.
func (f *Follower) changes() <-chan struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.changed
}

func (f *Follower) notify() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.changed)
	f.changed = make(chan struct{})
}

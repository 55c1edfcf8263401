package follow_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/follow"
)

// What is changed on the server is decided by here.
func TestFollows(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p := s.profile("agents", "Users.View")
	u := s.user("ada", p.ID)
	f := s.follow()
	decides(t, f, "ada", "Users.View", true)
	decides(t, f, "ada", "Users.Edit", false)

	waitFor(t, f, s.grant(p.ID, "Users.Edit"))
	decides(t, f, u.ID, "Users.Edit", true)
	decides(t, f, u.ID, "Users.View", false)

	e, err := f.Explain(&access.Query{Subject: access.Subject{ID: u.ID}, Action: "Users.Edit"})
	if err != nil || !e.Allow {
		t.Errorf("the explanation is %+v, %v", e, err)
	}
	can, err := f.WhatCan(access.Subject{ID: u.ID})
	if err != nil || len(can) != 1 || can[0].Action != "Users.Edit" {
		t.Errorf("ada can do %+v, %v", can, err)
	}
	who, _, err := f.WhoCan(&access.Query{Action: "Users.Edit"}, access.Page{})
	if err != nil || len(who) != 1 || who[0].Name != "ada" {
		t.Errorf("Users.Edit can be done by %+v, %v", who, err)
	}
	fresh := f.Freshness()
	if fresh.Server != s.url || fresh.Err != nil || fresh.Age < 0 || fresh.Revision < 4 {
		t.Errorf("the freshness is %+v", fresh)
	}
}

// The follower lives through restarts of its server, and decides by what was changed while it was away.
func TestRestart(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p := s.profile("agents", "Users.View")
	s.user("ada", p.ID)
	f := s.follow()
	for range 3 {
		s.close()
		eventually(t, "the follower notices", func() bool { return f.Freshness().Err != nil })
		decides(t, f, "ada", "Users.View", true) // not stale yet
		s.grant(p.ID, "Users.Edit")
		s.listen(s.url)
		eventually(t, "the change arrives", func() bool {
			d, err := f.Decide(&access.Query{Subject: access.Subject{ID: "ada"}, Action: "Users.Edit"})
			return err == nil && d.Allow
		})
		waitFor(t, f, s.grant(p.ID, "Users.View"))
	}
	if n := s.loads.Load(); n != 1 {
		t.Errorf("the instance was loaded %d times, want once: streams are resumed", n)
	}
}

// When a server ends its streams the follower goes on with another one.
func TestFailover(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p := s.profile("agents", "Users.View")
	s.user("ada", p.ID)
	other := s.another()
	f := s.follow(func(c *follow.Config) { c.URLs = append(c.URLs, other.url) })
	s.close()
	eventually(t, "the follower goes to the other server", func() bool { return f.Freshness().Server == other.url })
	waitFor(t, f, other.grant(p.ID, "Users.Edit"))
	decides(t, f, "ada", "Users.Edit", true)
}

// A replica that lost the last changes, and made others of the same revisions, is noticed.
func TestLostChanges(t *testing.T) {
	t.Parallel()
	for _, more := range []int{0, 1, 2} { // changes on the replica, as opposed to one here
		s := newServer(t)
		p := s.profile("agents", "Users.View")
		s.user("ada", p.ID)
		replica := s.replica()
		f := s.follow(func(c *follow.Config) { c.URLs = append(c.URLs, replica.url) })
		waitFor(t, f, s.grant(p.ID, "Users.Edit"))
		decides(t, f, "ada", "Users.Edit", true)

		s.close()
		for i := range more {
			replica.profile(fmt.Sprint("another ", i), "Queues.View")
		}
		eventually(t, "the follower decides as the replica does", func() bool {
			d, err := f.Decide(&access.Query{Subject: access.Subject{ID: "ada"}, Action: "Users.Edit"})
			return err == nil && !d.Allow
		})
		waitFor(t, f, replica.grant(p.ID, "Users.Delete"))
		decides(t, f, "ada", "Users.Delete", true)
	}
}

// Changes that were pruned in the meantime are no loss: the instance is loaded again.
func TestPruned(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p := s.profile("agents", "Users.View")
	s.user("ada", p.ID)
	f := s.follow()
	s.close()
	eventually(t, "the follower notices", func() bool { return f.Freshness().Err != nil })
	s.grant(p.ID, "Users.Delete")
	revision := s.grant(p.ID, "Users.Edit")
	events, err := s.Events(t.Context(), s.in.ID, revision-2, 1)
	must(t, err)
	records, err := s.store.Reader(s.in.ID).Records(t.Context(), revision-2, 1)
	must(t, err)
	must(t, s.store.Prune(t.Context(), lanyard.Checkpoint{Instance: s.in.ID, Revision: events[0].Revision,
		Seq: records[0].Seq, Hash: events[0].Hash, MAC: []byte{0}}))
	s.listen(s.url)
	waitFor(t, f, revision)
	decides(t, f, "ada", "Users.Edit", true)
	if n := s.loads.Load(); n != 2 {
		t.Errorf("the instance was loaded %d times, want twice", n)
	}
}

// A follower that lost its server refuses after its bound, says why, and decides again when the server is back.
func TestStale(t *testing.T) {
	t.Parallel()
	s, c := newServer(t), new(clock)
	p := s.profile("agents", "Users.View")
	s.user("ada", p.ID)
	f := s.follow(func(f *follow.Config) { f.MaxStaleness, f.Now = time.Hour, c.Now })
	q := &access.Query{Subject: access.Subject{ID: "ada"}, Action: "Users.View"}
	s.close()
	eventually(t, "the follower notices", func() bool { return f.Freshness().Err != nil })
	c.pass(59 * time.Minute)
	decides(t, f, "ada", "Users.View", true)
	c.pass(2 * time.Minute)
	d, err := f.Decide(q)
	if d.Allow || !errors.Is(err, follow.ErrStale) || !errors.Is(err, lanyard.ErrUnavailable) {
		t.Errorf("after 61 minutes it decides %+v, %v", d, err)
	}
	for _, words := range []string{s.in.ID, "were last confirmed as current 1h1m", "within 1h0m0s of that: follow instance"} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("the error %q does not say %q", err, words)
		}
	}
	if e, err := f.Explain(q); e.Allow || !errors.Is(err, follow.ErrStale) {
		t.Errorf("it explains %+v, %v", e, err)
	}
	if who, _, err := f.WhoCan(q, access.Page{}); who != nil || !errors.Is(err, follow.ErrStale) {
		t.Errorf("it lists %+v, %v", who, err)
	}
	if can, err := f.WhatCan(q.Subject); can != nil || !errors.Is(err, follow.ErrStale) {
		t.Errorf("it lists %+v, %v", can, err)
	}
	if _, err := f.Snapshot(); !errors.Is(err, follow.ErrStale) {
		t.Errorf("it has a snapshot: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := f.WaitFor(ctx, 1); !errors.Is(err, follow.ErrStale) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("waiting ends with %v", err)
	}
	s.listen(s.url)
	waitFor(t, f, 1)
	decides(t, f, "ada", "Users.View", true)
}

// A connection that stays open and says nothing is no confirmation, and is given up.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.user("ada", s.profile("agents", "Users.View").ID)
	gate := newGate(t, s.url)
	f := s.follow(func(c *follow.Config) { c.URLs, c.MaxStaleness = []string{gate.url}, 500*time.Millisecond })
	gate.hold()
	q := &access.Query{Subject: access.Subject{ID: "ada"}, Action: "Users.View"}
	eventually(t, "it refuses", func() bool { _, err := f.Decide(q); return errors.Is(err, follow.ErrStale) })
	eventually(t, "the connection is given up", func() bool {
		err := f.Freshness().Err
		return err != nil && strings.Contains(err.Error(), "silent")
	})
	gate.release()
	eventually(t, "it decides again", func() bool { d, err := f.Decide(q); return err == nil && d.Allow })
}

// What is sent may be truncated anywhere, over and over.
func TestCutConnections(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	p := s.profile("agents", "Users.View")
	s.user("ada", p.ID)
	gate := newGate(t, s.url)
	gate.cutAfter(3000)
	f := s.follow(func(c *follow.Config) { c.URLs = []string{gate.url} })
	for i := range 8 {
		gate.cutAfter(int64(150 + 89*i))
		gate.cut()
		want := i%2 == 0
		revision := s.grant(p.ID, map[bool]string{true: "Users.Edit", false: "Users.View"}[want])
		waitFor(t, f, revision)
		decides(t, f, "ada", "Users.Edit", want)
	}
}

// A revoked token ends the stream, and after the bound the follower refuses and says why.
func TestRevokedToken(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.user("ada", s.profile("agents", "Users.View").ID)
	f := s.follow(func(c *follow.Config) { c.MaxStaleness = 500 * time.Millisecond })
	list, err := s.Tokens(t.Context())
	must(t, err)
	must(t, s.RevokeToken(t.Context(), list[0].ID))
	q := &access.Query{Subject: access.Subject{ID: "ada"}, Action: "Users.View"}
	eventually(t, "it refuses and says why", func() bool {
		_, err := f.Decide(q)
		return errors.Is(err, follow.ErrStale) && strings.Contains(err.Error(), "the token has been revoked")
	})
}

// A deleted instance allows nothing.
func TestDeletedInstance(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.user("ada", s.profile("agents", "Users.View").ID)
	f := s.follow()
	_, err := s.DeleteInstance(t.Context(), call("DeleteInstance"), s.in.ID)
	must(t, err)
	eventually(t, "nothing is allowed", func() bool {
		d, err := f.Decide(&access.Query{Subject: access.Subject{ID: "ada"}, Action: "Users.View"})
		return err == nil && d == access.Decision{Reason: access.UnknownInstance}
	})
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	wrong := func(change func(*follow.Config)) error {
		c := follow.Config{URLs: []string{s.url}, Token: s.token, Instance: s.in.ID, Logger: quiet}
		change(&c)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		f, err := c.Open(ctx)
		if err == nil {
			f.Close()
		}
		return err
	}
	for _, tt := range []struct {
		name   string
		change func(*follow.Config)
		want   string
	}{
		{"no server", func(c *follow.Config) { c.URLs = nil }, "URLs is required"},
		{"no URL", func(c *follow.Config) { c.URLs = []string{"lanyard"} }, `must be http or https and a host, without`},
		{"another scheme", func(c *follow.Config) { c.URLs = []string{"ftp://lanyard"} }, "must be http or https"},
		{"credentials in the URL", func(c *follow.Config) { c.URLs = []string{"http://a:b@lanyard"} }, "without credentials"},
		{"no instance", func(c *follow.Config) { c.Instance = "" }, "Instance is required"},
		{"a token of two lines", func(c *follow.Config) { c.Token = "a\nb" }, "Token must be"},
		{"no staleness", func(c *follow.Config) { c.MaxStaleness = time.Millisecond }, "MaxStaleness must be at least 200ms, got 1ms"},
		{"unknown token", func(c *follow.Config) { c.Token = "lanyard_x" }, "401: the token is unknown"},
		{"no token", func(c *follow.Config) { c.Token = "" }, "401: Authorization: Bearer is required"},
		{"another instance", func(c *follow.Config) { c.Instance = "5b1f" }, "403: the token is for another instance"},
		{"a path for an instance", func(c *follow.Config) { c.Instance = "../../keys" }, "status 40"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := wrong(tt.change); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v, want %q", err, tt.want)
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := follow.Open(ctx, "http://127.0.0.1:1", "t", "i", func(c *follow.Config) { c.Logger = quiet })
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "refused") {
		t.Errorf("without a server it ends with %v", err)
	}
}

// A redirect would take the token elsewhere.
func TestRedirect(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the token was sent elsewhere: %v", r.Header)
	}))
	defer elsewhere.Close()
	here := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer here.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := follow.Open(ctx, here.URL, "t", "i", func(c *follow.Config) { c.Logger = quiet })
	if err == nil || !strings.Contains(err.Error(), "status 307") {
		t.Errorf("the error is %v", err)
	}
}

// WaitFor says when a revision did not come.
func TestWaitForInVain(t *testing.T) {
	t.Parallel()
	f := newServer(t).follow()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	err := f.WaitFor(ctx, 1000)
	if !errors.Is(err, lanyard.ErrCondition) || !errors.Is(err, context.DeadlineExceeded) ||
		!strings.Contains(err.Error(), "is at revision 1 here; revision 1000 did not come in time") {
		t.Errorf("the error is %v", err)
	}
}

// Close leaves nothing behind, and questions are refused.
func TestClose(t *testing.T) {
	s := newServer(t)
	before := runtime.NumGoroutine()
	var all []*follow.Follower
	for range 10 {
		all = append(all, s.follow())
	}
	waiting := make(chan error)
	go func() { waiting <- all[0].WaitFor(context.Background(), 1000) }()
	for _, f := range all {
		must(t, f.Close())
		must(t, f.Close())
		if _, err := f.Decide(&access.Query{}); !errors.Is(err, follow.ErrClosed) {
			t.Errorf("a closed follower decides: %v", err)
		}
	}
	if err := <-waiting; !errors.Is(err, follow.ErrClosed) {
		t.Errorf("waiting ends with %v", err)
	}
	eventually(t, "all goroutines end", func() bool { return runtime.NumGoroutine() <= before })
}

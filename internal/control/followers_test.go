package control_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/follow"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/frontends"
	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
)

// listen serves a world over HTTP until stop is called.
func (w *world) listen(t *testing.T) (url string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	h, err := frontends.New(ctx, frontends.Config{Control: w.Service, Credentials: w.store, Account: account,
		Region: region, BodyMemory: 1 << 20, KeepMemory: true, Logger: slog.New(slog.DiscardHandler)})
	w.must(err)
	s := httptest.NewServer(h)
	stop = func() { cancel(); s.CloseClientConnections(); s.Close() }
	t.Cleanup(stop)
	return s.URL, stop
}

// A process that follows one server of several decides by what another one changed, goes on when its server is gone,
// and is never told that it is current by a server that cannot ask the database.
func TestFollowersOfServers(t *testing.T) {
	t.Parallel()
	pg := pgtest.Start(t)
	schema, wire := pg.Schema(t, t.TempDir()), pg.Proxy(t)
	a := server(t, pg.URL(schema), true, 20*time.Millisecond)
	b := server(t, pg.At(wire.Address, schema), true, 20*time.Millisecond)
	a.in = a.instance(account, "centre")
	p := a.profile("Viewer", control.ProfileChange{})
	_, text, err := a.CreateToken(t.Context(),
		lanyard.Token{Account: account, Instance: a.in.ID, Scope: lanyard.ScopeFollow})
	a.must(err)
	soon(t, "the token counts on the other server", func() bool { _, err := b.Token(text); return err == nil })
	urlA, _ := a.listen(t)
	urlB, stopB := b.listen(t)
	f, err := follow.Open(t.Context(), urlB, text, a.in.ID, func(c *follow.Config) {
		c.URLs, c.MaxStaleness = append(c.URLs, urlA), time.Second
		c.Logger = slog.New(slog.DiscardHandler)
	})
	a.must(err)
	defer f.Close()
	wait := func(revision int64) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		a.must(f.WaitFor(ctx, revision))
		if s, err := f.Snapshot(); err != nil || len(s.WhichProfiles(&access.Query{Action: "Users.Edit"})) == 0 {
			t.Errorf("at revision %d the follower knows no profile that grants it: %v", revision, err)
		}
	}
	wait(a.change(p, "Users.Edit"))
	if got := f.Freshness().Server; got != urlB {
		t.Errorf("the follower follows %s, want %s", got, urlB)
	}

	wire.Set(pgtest.Blackout)
	a.change(p, "Users.Edit", "Users.View")
	soon(t, "the follower refuses while its server cannot ask", func() bool { _, err := f.Snapshot(); return err != nil })
	wire.Set(pgtest.Through)
	soon(t, "the follower decides again", func() bool { _, err := f.Snapshot(); return err == nil })

	stopB()
	wait(a.change(p, "Users.Edit"))
	if got := f.Freshness().Server; got != urlA {
		t.Errorf("the follower follows %s, want %s", got, urlA)
	}
}

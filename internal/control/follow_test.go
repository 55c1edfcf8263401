package control_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/postgres"
	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

// deaf is a store whose notifications are all lost.
type deaf struct{ *postgres.Store }

func (deaf) Watch(ctx context.Context, _ func(string, int64)) error {
	<-ctx.Done()
	return ctx.Err()
}

// server opens a database as one of several servers does.
func server(t *testing.T, url string, hears bool, poll time.Duration, change ...func(*control.Config)) *world {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	db, err := postgres.Open(t.Context(), postgres.Config{URL: url, Connections: 6, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	var s store.Shared = db
	if !hears {
		s = deaf{db}
	}
	w := &world{T: t, store: s, now: time.Now()}
	c := control.Config{Store: s, Region: region, Now: w.clock,
		Quotas: control.Quotas{InstancesPerAccount: -1, Profiles: -1}, Logger: quiet}
	for _, f := range change {
		f(&c)
	}
	w.Service = control.New(c)
	if err := w.LoadKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.LoadTokens(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { w.Follow(ctx, poll) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return w
}

// soon waits for something to come true and returns how long that took.
func soon(t *testing.T, what string, f func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !f() {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("not within 10 s: %s", what)
		}
		time.Sleep(200 * time.Microsecond)
	}
	return time.Since(began)
}

// allows decides on a server whether a user may see users.
func (w *world) allows(in *lanyard.Instance, user string) bool {
	w.Helper()
	s, err := w.Snapshot(w.Context(), call(""), in.ID, 0)
	w.must(err)
	return s.Decide(&access.Query{Subject: access.Subject{Type: access.User, ID: user}, Action: "Users.View",
		Resource: access.Resource{Type: access.TypeUser, ID: user}}).Allow
}

// What one server did is decided on by the others: at once when they hear of it, and within a poll
// when every notification is lost.
func TestServersFollowOneAnother(t *testing.T) {
	pg := pgtest.Start(t)
	for _, tt := range []struct {
		name   string
		hears  bool
		poll   time.Duration
		rounds int
		most   time.Duration // that following takes; generous, for tests run alongside others
	}{
		{"by notifications alone", true, time.Hour, 40, 2 * time.Second},
		{"by polling alone", false, 50 * time.Millisecond, 40, 2 * time.Second},
		{"by polling alone, as often as by default", false, 0, 6, 3 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url := pg.URL(pg.Schema(t, t.TempDir()))
			a, b := server(t, url, true, 0), server(t, url, tt.hears, tt.poll)
			in := a.instance(account, "centre")
			a.in = in
			p := a.profile("Viewer", control.ProfileChange{})
			u := a.user("anna", p.ID)
			if b.allows(in, u.ID) {
				t.Fatal("it is allowed before it is granted")
			}
			var took []time.Duration
			for round := range tt.rounds {
				grant := round%2 == 0
				change := control.ProfileChange{Permissions: []string{}}
				if grant {
					change.Permissions = []string{"Users.View"}
				}
				a.must(a.update(p, change))
				took = append(took, soon(t, fmt.Sprintf("the decision is %v", grant),
					func() bool { return b.allows(in, u.ID) == grant }))
			}
			slices.Sort(took)
			t.Logf("a change decides on the other server after %v (median), %v (worst)", took[len(took)/2], took[len(took)-1])
			if worst := took[len(took)-1]; worst > tt.most {
				t.Errorf("following took %v, want at most %v", worst, tt.most)
			}
			// A question that carries a revision is right at once, whoever is asked.
			for range 10 {
				text := fmt.Sprint(time.Now())
				result, err := a.UpdateSecurityProfile(t.Context(), call("UpdateSecurityProfile"), in.ID, p.ID,
					control.ProfileChange{Description: &text})
				a.must(err)
				s, err := b.Snapshot(t.Context(), call(""), in.ID, result.Revision)
				if err != nil || s.Revision() < result.Revision {
					t.Errorf("asked for revision %d: %v", result.Revision, err)
				}
			}

			key, err := a.CreateKey(t.Context(), lanyard.AccessKey{Account: account})
			a.must(err)
			soon(t, "the key counts", func() bool { _, ok := b.Key(key.ID); return ok })
			a.must(a.DisableKey(t.Context(), key.ID))
			soon(t, "the key counts no more", func() bool { _, ok := b.Key(key.ID); return !ok })
			token, text, err := b.CreateToken(t.Context(), lanyard.Token{Account: account, Scope: lanyard.ScopeDecide})
			b.must(err)
			soon(t, "the token counts", func() bool { _, err := a.Token(text); return err == nil })
			a.must(a.RevokeToken(t.Context(), token.ID))
			soon(t, "the token counts no more", func() bool { _, err := b.Token(text); return err != nil })

			a.did(a.DeleteInstance(t.Context(), call("DeleteInstance"), in.ID))
			soon(t, "the instance is gone", func() bool {
				_, err := b.Snapshot(t.Context(), call(""), in.ID, 0)
				return errors.Is(err, lanyard.ErrNotFound)
			})
		})
	}
}

// Following goes on after the database was away.
func TestFollowAfterRestart(t *testing.T) {
	pg := pgtest.Start(t)
	url := pg.URL(pg.Schema(t, t.TempDir()))
	a, b := server(t, url, true, 0), server(t, url, true, 0)
	a.in = a.instance(account, "centre")
	p := a.profile("Viewer", control.ProfileChange{})
	revision := func() int64 {
		s, err := b.Snapshot(t.Context(), call(""), a.in.ID, 0)
		b.must(err)
		return s.Revision()
	}
	before := revision()
	a.must(pg.Stop())
	if got := revision(); got != before { // decisions go on
		t.Errorf("revision %d, before it was %d", got, before)
	}
	a.must(pg.Start())
	text := "after"
	a.must(a.update(p, control.ProfileChange{Description: &text}))
	soon(t, "the change is followed", func() bool { return revision() > before })
}

// A database that was set back, as by a failover to a replica that had not got the last changes, goes
// on with others of the same revisions. Every server comes to decide from what it has, not from what
// it had.
func TestDatabaseGoesBack(t *testing.T) {
	pg := pgtest.Start(t)
	url := pg.URL(pg.Schema(t, t.TempDir()))
	a, b := server(t, url, true, 0), server(t, url, true, 0)
	in := a.instance(account, "centre")
	a.in = in
	p := a.profile("Viewer", control.ProfileChange{Permissions: []string{"Users.View"}})
	u := a.user("anna", a.profile("Nothing", control.ProfileChange{}).ID)
	now := pg.Copy(t)
	grant := func(profiles ...string) {
		t.Helper()
		a.did(a.UpdateUserSecurityProfiles(t.Context(), call("UpdateUserSecurityProfiles"), in.ID, u.ID, profiles))
	}
	for _, after := range []int{0, 2, 3} { // fewer than were lost, as many, more
		t.Run(fmt.Sprintf("%d changes since", after), func(t *testing.T) {
			if a.allows(in, u.ID) {
				t.Fatal("it is allowed before it is granted")
			}
			others := a.profile(fmt.Sprintf("Other %d", after), control.ProfileChange{})
			grant(p.ID)
			for who, w := range map[string]*world{"who wrote it": a, "the other": b} {
				soon(t, "the grant counts on "+who, func() bool { return w.allows(in, u.ID) })
			}
			pg.Restore(t, now)
			soon(t, "the database answers", func() bool { return a.Ready(t.Context()) == nil })
			for i := range after {
				text := fmt.Sprint(after, i)
				a.must(a.update(p, control.ProfileChange{Description: &text}))
			}
			for who, w := range map[string]*world{"who wrote it": a, "the other": b} {
				soon(t, "the grant that is lost counts no more on "+who, func() bool { return !w.allows(in, u.ID) })
				s, err := w.Snapshot(t.Context(), call(""), in.ID, 0)
				w.must(err)
				if _, _, known := s.Holders(others.ID, access.Page{Limit: 1}); known {
					t.Errorf("a profile that is lost is still known to %s", who)
				}
			}
		})
	}
	// The number by which servers notice other keys is the same before and after.
	c := server(t, url, true, time.Hour)
	listens := func(n int) func() bool {
		return func() bool {
			db, err := pgx.Connect(t.Context(), url)
			if err != nil {
				return false
			}
			defer db.Close(t.Context())
			var got int
			return db.QueryRow(t.Context(),
				`SELECT count(*) FROM pg_stat_activity WHERE query = 'LISTEN lanyard'`).Scan(&got) == nil && got == n
		}
	}
	soon(t, "all listen", listens(3))
	lost, err := a.CreateKey(t.Context(), lanyard.AccessKey{Account: account})
	a.must(err)
	soon(t, "the key counts", func() bool { _, ok := c.Key(lost.ID); return ok })
	pg.Restore(t, now)
	soon(t, "all listen again", listens(3))
	var key lanyard.AccessKey
	soon(t, "a key is made", func() bool { // connections of before may be tried first
		key, err = a.CreateKey(t.Context(), lanyard.AccessKey{Account: account})
		return err == nil
	})
	soon(t, "the key made instead counts", func() bool { _, ok := c.Key(key.ID); return ok })
	if _, ok := c.Key(lost.ID); ok {
		t.Error("the key that is lost counts")
	}
}

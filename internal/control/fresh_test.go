package control_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
)

// at asks a server about an instance, at a revision or later, and returns that of the answer.
func (w *world) at(instance string, atLeast int64) (int64, error) {
	s, err := w.Snapshot(w.Context(), call(""), instance, atLeast)
	if err != nil {
		return 0, err
	}
	return s.Revision(), nil
}

// change updates a profile and returns the revision.
func (w *world) change(p *lanyard.Profile, permissions ...string) int64 {
	w.Helper()
	text := fmt.Sprint(time.Now().UnixNano())
	result, err := w.UpdateSecurityProfile(w.Context(), call("UpdateSecurityProfile"), w.in.ID, p.ID,
		control.ProfileChange{Description: &text, Permissions: permissions})
	w.must(err)
	return result.Revision
}

// A server that has lost the database answers from what it knows, but nothing that names a
// revision that it does not, and within a bound nothing at all; with the database all comes back.
func TestCutOff(t *testing.T) {
	pg := pgtest.Start(t)
	for _, tt := range []struct {
		name string
		mode pgtest.Mode
	}{{"nothing comes back", pgtest.Blackout}, {"connections are refused", pgtest.Shut}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			schema := pg.Schema(t, t.TempDir())
			wire := pg.Proxy(t)
			const bound = 1500 * time.Millisecond
			a := server(t, pg.URL(schema), true, 0)
			loose := server(t, pg.At(wire.Address, schema), true, 50*time.Millisecond)
			strict := server(t, pg.At(wire.Address, schema), true, 50*time.Millisecond,
				func(c *control.Config) { c.MaxStaleness = bound })
			cold := a.instance(account, "cold")
			a.in = a.instance(account, "centre")
			p := a.profile("Viewer", control.ProfileChange{})
			known := a.change(p)
			for _, b := range []*world{loose, strict} {
				if got, err := b.at(a.in.ID, known); err != nil || got < known {
					t.Fatalf("asked for revision %d: %d, %v", known, got, err)
				}
			}

			wire.Set(tt.mode)
			if tt.mode == pgtest.Shut {
				wire.Cut()
			}
			later := a.change(p)
			began := time.Now()
			if got, err := loose.at(a.in.ID, known); err != nil || got != known {
				t.Errorf("without the database, and asked for a revision that is known: %d, %v", got, err)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("what is known took %v", took)
			}
			began = time.Now()
			_, err := loose.at(a.in.ID, later)
			loose.fails(err, lanyard.Unavailable, fmt.Sprintf("at revision %d", known), fmt.Sprintf("revision %d", later),
				"cannot reach its database")
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("a revision that is not known was refused after %v", took)
			}
			if tt.mode == pgtest.Shut {
				_, err := loose.at(cold.ID, 0)
				loose.fails(err, lanyard.Unavailable)
			}
			soon(t, "nothing is answered any more", func() bool {
				_, err := strict.at(a.in.ID, 0)
				return err != nil
			})
			for _, revision := range []int64{0, known, later} {
				began := time.Now()
				_, err := strict.at(a.in.ID, revision)
				strict.fails(err, lanyard.Unavailable, "its data was last confirmed", bound.String())
				if took := time.Since(began); took > time.Second {
					t.Errorf("it was refused after %v", took)
				}
			}
			if _, err := loose.at(a.in.ID, 0); err != nil {
				t.Errorf("without a bound: %v", err)
			}

			wire.Set(pgtest.Through)
			wire.Cut()
			for _, b := range []*world{loose, strict} {
				soon(t, "the revision is answered again", func() bool {
					got, err := b.at(a.in.ID, later)
					return err == nil && got >= later
				})
				if _, err := b.at(cold.ID, 0); err != nil {
					t.Errorf("a cold instance after it: %v", err)
				}
			}
		})
	}
}

// The connections of a server go dark, as when a firewall forgets them; new ones are as ever. It finds
// out soon, and neither its own changes nor those of others wait for it longer.
func TestDarkConnections(t *testing.T) {
	pg := pgtest.Start(t)
	schema := pg.Schema(t, t.TempDir())
	wire := pg.Proxy(t)
	a, b := server(t, pg.URL(schema), true, 0), server(t, pg.At(wire.Address, schema), true, 50*time.Millisecond)
	a.in = a.instance(account, "centre")
	b.in = a.in
	p := a.profile("Viewer", control.ProfileChange{})
	if _, err := b.at(a.in.ID, a.change(p)); err != nil {
		t.Fatal(err)
	}
	const most = 8 * time.Second
	wire.Darken()
	later := a.change(p)
	if took := soon(t, "the change is decided from",
		func() bool { _, err := b.at(a.in.ID, later); return err == nil }); took > most {
		t.Errorf("the change of another server is decided from after %v", took)
	} else {
		t.Logf("after %v", took)
	}
	wire.Darken()
	began := time.Now()
	soon(t, "a change succeeds",
		func() bool { return b.update(p, control.ProfileChange{Permissions: []string{"Users.View"}}) == nil })
	if took := time.Since(began); took > most {
		t.Errorf("a change took %v", took)
	} else {
		t.Logf("a change took %v", took)
	}
}

// A revision that is not committed is refused as such while the database can be asked.
func TestRevisionOfTheFuture(t *testing.T) {
	pg := pgtest.Start(t)
	a := server(t, pg.URL(pg.Schema(t, t.TempDir())), true, 0)
	a.in = a.instance(account, "centre")
	_, err := a.at(a.in.ID, 1000)
	a.fails(err, lanyard.Condition, "revision 1000 was not committed")
}

// Where nobody else can change the database there is nothing to be too old.
func TestStalenessOfAStoreOfOurOwn(t *testing.T) {
	w := newWorld(t, func(c *control.Config) { c.MaxStaleness = time.Nanosecond })
	if _, err := w.at(w.in.ID, 0); err != nil {
		t.Error(err)
	}
}

// However the wire fails, and with room for one instance of three, no answer is older than the
// revision that it was asked for, none mixes two states, and none goes back behind what the same
// server answered before. The first server always knows what it has acknowledged.
func TestNoStaleAnswerThroughFaults(t *testing.T) {
	pg := pgtest.Start(t)
	schema := pg.Schema(t, t.TempDir())
	wire := pg.Proxy(t)
	a := server(t, pg.URL(schema), true, 50*time.Millisecond, func(c *control.Config) { c.SnapshotMemory = 1 })
	b := server(t, pg.At(wire.Address, schema), true, 50*time.Millisecond,
		func(c *control.Config) { c.SnapshotMemory = 1 })
	const instances = 3
	var ins [instances]*lanyard.Instance
	var profiles [instances]*lanyard.Profile
	var users [instances]*lanyard.User
	var known [instances]atomic.Int64
	states := [instances]*sync.Map{} // by revision, whether the user is allowed
	for i := range ins {
		ins[i] = a.instance(account, fmt.Sprint("centre ", i))
		a.in = ins[i]
		profiles[i] = a.profile("Viewer", control.ProfileChange{})
		users[i] = a.user("anna", profiles[i].ID)
		states[i] = new(sync.Map)
		revision := a.change(profiles[i])
		states[i].Store(revision, false)
		known[i].Store(revision)
	}
	ctx, stop := context.WithTimeout(t.Context(), 4*time.Second)
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { // changes
		for n := 0; ctx.Err() == nil; n++ {
			i := rand.IntN(instances)
			text, permissions := fmt.Sprint(n), []string{}
			if n%2 == 0 {
				permissions = []string{"Users.View"}
			}
			result, err := a.UpdateSecurityProfile(t.Context(), call("UpdateSecurityProfile"), ins[i].ID, profiles[i].ID,
				control.ProfileChange{Description: &text, Permissions: permissions})
			if err != nil {
				t.Error(err)
				return
			}
			revision := result.Revision
			states[i].Store(revision, n%2 == 0)
			known[i].Store(revision)
			if got, err := a.at(ins[i].ID, 0); err != nil || got < revision {
				t.Errorf("revision %d was acknowledged, and is answered as %d, %v", revision, got, err)
			}
		}
	})
	wg.Go(func() { // faults
		for ctx.Err() == nil {
			time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
			mode := []pgtest.Mode{pgtest.Blackout, pgtest.Shut, pgtest.Deaf, pgtest.Mute}[rand.IntN(4)]
			wire.Set(mode)
			if mode == pgtest.Shut {
				wire.Cut()
			}
			time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
			wire.Set(pgtest.Through)
			wire.Cut()
		}
	})
	var answered, refused atomic.Int64
	for range 3 {
		wg.Go(func() {
			var seen [instances]int64
			for n := 0; ctx.Err() == nil; n++ {
				i := rand.IntN(instances)
				want := int64(0)
				if n%2 == 0 {
					want = known[i].Load()
				}
				began := time.Now()
				s, err := b.Snapshot(t.Context(), call(""), ins[i].ID, want)
				if took := time.Since(began); took > 30*time.Second {
					t.Errorf("an answer took %v", took)
				}
				if err != nil {
					if k := lanyard.KindOf(err); k != lanyard.Unavailable && k != lanyard.Condition {
						t.Errorf("refused with %v", err)
					}
					refused.Add(1)
					continue
				}
				answered.Add(1)
				if s.Revision() < want || s.Revision() < seen[i] {
					t.Errorf("instance %d answers at revision %d; asked for %d, answered before %d", i, s.Revision(), want, seen[i])
				}
				seen[i] = s.Revision()
				if allowed, ok := states[i].Load(s.Revision()); ok &&
					allowed != s.Decide(&access.Query{Subject: access.Subject{Type: access.User, ID: users[i].ID},
						Action:   "Users.View",
						Resource: access.Resource{Type: access.TypeUser, ID: users[i].ID}}).Allow {
					t.Errorf("instance %d decides at revision %d as at another", i, s.Revision())
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d answers, %d refusals, last revisions %d, %d, %d", answered.Load(), refused.Load(), known[0].Load(),
		known[1].Load(), known[2].Load())
	if answered.Load() == 0 || refused.Load() == 0 {
		t.Errorf("%d answers and %d refusals test nothing", answered.Load(), refused.Load())
	}
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
	"github.com/lanyard/lanyard/internal/store/storetest"
)

// endConnections has the database end a connection now and then, until stop is called.
func endConnections(t *testing.T, server *pgtest.Server) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-end:
				return
			case <-time.After(20 * time.Millisecond):
				server.Exec(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
					WHERE application_name = 'lanyard' AND state <> 'idle' AND query LIKE '%resources%' LIMIT 1`)
			}
		}
	}()
	return func() { close(end); <-ended }
}

// Servers change the same instances in batches: one, two, and on a database that ends connections or does not support
// a change in one round trip.
func TestBatchesOfServers(t *testing.T) {
	server := pgtest.Start(t)
	for name, tt := range map[string]struct {
		servers        int
		ends, explicit bool
	}{
		"one":             {servers: 1},
		"two":             {servers: 2},
		"connections end": {servers: 2, ends: true},
		"two round trips": {servers: 2, explicit: true},
		"both":            {servers: 2, ends: true, explicit: true},
	} {
		t.Run(name, func(t *testing.T) {
			schema := server.Schema(t, t.TempDir())
			url := server.URL(schema)
			if tt.explicit { // it says that it is Citus
				server.Exec(t, fmt.Sprintf(`SET search_path = %s, pg_catalog; CREATE TABLE pg_extension (extname text);
					INSERT INTO pg_extension VALUES ('citus')`, schema))
				url = strings.Replace(url, "search_path="+schema, "search_path="+schema+"%2Cpg_catalog", 1)
			}
			var stores []store.Store
			for range tt.servers {
				stores = append(stores, opened(t, Config{URL: url}))
			}
			if tt.ends {
				defer endConnections(t, server)()
			}
			storetest.RunBatches(t, storetest.Load{Writers: 12, Rounds: 12, Seed: uint64(tt.servers), Fails: tt.ends}, stores...)
		})
	}
}

// A behaviour is how a change ends that has raised the description of profile p by one.
type behaviour struct {
	name  string
	often int // of 12
	end   func(ctx context.Context, tx store.Tx, id string) error
	want  lanyard.Kind // of the error that Update must return
	err   error        // instead of want
	adds  bool         // it adds a profile
	idle  bool         // it changes nothing
	leave bool         // its caller leaves before the event
}

// succeeds reports whether the change is acknowledged, if the database confirms it.
func (b *behaviour) succeeds() bool { return b.err == nil && b.want == 0 && !b.idle }

var errRefused = errors.New("refused")

var behaviours = []behaviour{
	{name: "does nothing", often: 1, idle: true},
	{name: "is refused after it wrote", often: 1, err: errRefused,
		end: func(context.Context, store.Tx, string) error { return errRefused }},
	{name: "panics", often: 1, err: errRefused,
		end: func(context.Context, store.Tx, string) error { panic(errRefused) }},
	{name: "is given up by its caller", often: 1, want: lanyard.Unavailable, leave: true},
	{name: "finds a name taken", often: 1, want: lanyard.Duplicate,
		end: func(ctx context.Context, tx store.Tx, _ string) error { return tx.Put(ctx, profile("p")) }},
	{name: "finds a name taken and adds another profile", often: 1, adds: true,
		end: func(ctx context.Context, tx store.Tx, id string) error {
			if err := tx.Put(ctx, profile("p")); !errors.Is(err, lanyard.ErrDuplicate) {
				return fmt.Errorf("a name that is taken: %w", err)
			}
			return tx.Put(ctx, profile(id))
		}},
	{name: "adds a profile", often: 1, adds: true,
		end: func(ctx context.Context, tx store.Tx, id string) error { return tx.Put(ctx, profile(id)) }},
	{name: "succeeds", often: 5},
}

func randomBehaviour() *behaviour {
	n := rand.IntN(12)
	for i := range behaviours {
		if n -= behaviours[i].often; n < 0 {
			return &behaviours[i]
		}
	}
	panic("behaviours are fewer than 12")
}

// change makes one change of instance i.
func (b *behaviour) change(ctx context.Context, s *Store, id string) (err error) {
	ctx, leave := context.WithCancel(ctx)
	defer leave()
	defer func() {
		if r := recover(); r != nil {
			err = r.(error)
		}
	}()
	return s.Update(ctx, "i", func(tx store.Tx) error {
		r, err := tx.Get(ctx, lanyard.TypeProfile, "p")
		if err != nil {
			return err
		}
		if rand.IntN(4) == 0 { // waits for the database
			if _, err := tx.Count(ctx, lanyard.TypeProfile); err != nil {
				return err
			}
		}
		if b.idle {
			return nil
		}
		p := lanyard.Clone(r.(*lanyard.Profile))
		n, _ := strconv.Atoi(p.Description)
		p.Description = strconv.Itoa(n + 1)
		if err := tx.Put(ctx, p); err != nil {
			return err
		}
		if b.end != nil {
			if err := b.end(ctx, tx, id); err != nil {
				return err
			}
		}
		if b.leave {
			leave()
		}
		return tx.Append(ctx, event("i"))
	})
}

// A tally counts the changes that were meant to succeed, by how they ended.
type tally struct{ added, done, unknown atomic.Int64 }

// note counts a change, and checks what it was answered. Where connections end, the outcome may be unknown.
func (c *tally) note(t *testing.T, b *behaviour, err error, connectionsEnd bool) {
	kind := lanyard.KindOf(err)
	switch {
	case b.succeeds() && err == nil:
		c.done.Add(1)
		if b.adds {
			c.added.Add(1)
		}
	case b.succeeds() && connectionsEnd && kind == lanyard.Unknown:
		c.unknown.Add(1)
	case b.idle && err == nil, b.err != nil && errors.Is(err, b.err), b.want != 0 && err != nil && kind == b.want:
	default:
		t.Errorf("a change that %s was answered with %v", b.name, err)
	}
}

// checkEvents checks that every acknowledged change is stored once, and nothing else but those of unknown outcome.
func (c *tally) checkEvents(t *testing.T, s *Store) {
	done, added, unknown := c.done.Load(), c.added.Load(), c.unknown.Load()
	ctx := t.Context()
	r, err := s.Reader("i").Get(ctx, lanyard.TypeProfile, "p")
	if err != nil {
		t.Fatal(err)
	}
	counted, _ := strconv.ParseInt(r.(*lanyard.Profile).Description, 10, 64)
	if counted < done || counted > done+unknown {
		t.Errorf("%d changes were acknowledged and %d are unknown, and the profile counts %d", done, unknown, counted)
	}
	revision, err := s.Reader("i").Revision(ctx)
	if err != nil || revision != counted+1 {
		t.Errorf("the instance is at revision %d, %v; the profile counts %d changes after its own", revision, err, counted)
	}
	n, err := s.Reader("i").Count(ctx, lanyard.TypeProfile)
	if err != nil || int64(n) < 1+added || int64(n) > 1+added+unknown {
		t.Errorf("there are %d profiles, %v; %d were added, and %d changes are unknown", n, err, added, unknown)
	}
	whole(t, s, "i")
}

// Servers change the same instance at the same time, and much of it goes wrong; in one of the rounds the database
// ends connections now and then. What was acknowledged is there, once, and nothing else.
func TestStressOfServers(t *testing.T) {
	server := pgtest.Start(t)
	for name, ends := range map[string]bool{"connections stay": false, "connections are ended": true} {
		t.Run(name, func(t *testing.T) {
			url := server.URL(server.Schema(t, t.TempDir()))
			stores := []*Store{opened(t, Config{URL: url}), opened(t, Config{URL: url})}
			if err := add(t.Context(), stores[0], "i", "p", nil); err != nil {
				t.Fatal(err)
			}
			if ends {
				defer endConnections(t, server)()
			}
			const workers, each = 12, 60
			var count tally
			var wg sync.WaitGroup
			for w := range workers {
				// Most changes go to the first server, so that they share batches.
				s := stores[min(w/(workers-2), 1)]
				wg.Go(func() {
					for i := range each {
						b := randomBehaviour()
						count.note(t, b, b.change(t.Context(), s, fmt.Sprint(w, " ", i)), ends)
					}
				})
			}
			wg.Wait()
			for _, s := range stores {
				count.checkEvents(t, s)
			}
			t.Logf("%d changes were acknowledged, %d are unknown", count.done.Load(), count.unknown.Load())
		})
	}
}

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

// Servers change the same instances in batches, alone, together, and on a database that ends connections
// or does not take a change in one round trip.
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

// Servers change the same instance at the same time, and much of it goes wrong: changes are refused after
// they wrote, find names taken, panic, do nothing, their callers leave; and in one of the rounds the
// database ends connections now and then. What was acknowledged is there, once, and nothing else.
func TestCrowdInWhichMuchGoesWrong(t *testing.T) {
	server := pgtest.Start(t)
	for name, ends := range map[string]bool{"connections stay": false, "connections are ended": true} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			url := server.URL(server.Schema(t, t.TempDir()))
			stores := []*Store{opened(t, Config{URL: url}), opened(t, Config{URL: url})}
			if err := add(ctx, stores[0], "i", "p", nil); err != nil {
				t.Fatal(err)
			}
			if ends {
				defer endConnections(t, server)()
			}
			const workers, each = 12, 60
			var added, done, unknown atomic.Int64
			refused := errors.New("refused")
			var wg sync.WaitGroup
			for w := range workers {
				// The first server's changes mostly come together, so that they share transactions.
				s := stores[min(w/(workers-2), 1)]
				wg.Go(func() {
					for i := range each {
						kind := rand.IntN(12)
						call, leave := context.WithCancel(ctx)
						id := fmt.Sprint(w, " ", i)
						err := func() (err error) {
							defer func() {
								if r := recover(); r != nil {
									err = r.(error)
								}
							}()
							return s.Update(call, "i", func(tx store.Tx) error {
								r, err := tx.Get(call, lanyard.TypeProfile, "p")
								if err != nil {
									return err
								}
								if rand.IntN(4) == 0 { // waits for the database
									if _, err := tx.Count(call, lanyard.TypeProfile); err != nil {
										return err
									}
								}
								p := lanyard.Clone(r.(*lanyard.Profile))
								n, _ := strconv.Atoi(p.Description)
								p.Description = strconv.Itoa(n + 1)
								if kind == 0 {
									return nil
								}
								if err := tx.Put(call, p); err != nil {
									return err
								}
								switch kind {
								case 1:
									return refused
								case 2:
									panic(refused)
								case 3:
									leave()
								case 4:
									if err := tx.Put(call, profile("p")); err != nil {
										return err
									}
								case 5: // goes on with another name
									if err := tx.Put(call, profile("p")); !errors.Is(err, lanyard.ErrDuplicate) {
										return err
									}
									fallthrough
								case 6:
									if err := tx.Put(call, profile(id)); err != nil {
										return err
									}
								}
								return tx.Append(call, event("i"))
							})
						}()
						leave()
						is := lanyard.KindOf(err)
						switch {
						case err == nil && kind == 0:
						case err == nil && kind >= 5:
							done.Add(1)
							if kind <= 6 {
								added.Add(1)
							}
						case kind >= 5 && ends && is == lanyard.Unknown:
							unknown.Add(1)
						case kind == 1 && errors.Is(err, refused), kind == 2 && errors.Is(err, refused):
						case kind == 3 && is == lanyard.Unavailable, kind == 4 && is == lanyard.Duplicate:
						default:
							t.Errorf("a change of kind %d was answered with %v", kind, err)
						}
					}
				})
			}
			wg.Wait()
			for _, s := range stores {
				within := func(what string, got int) {
					if n := int64(got); n < done.Load() || n > done.Load()+unknown.Load() {
						t.Errorf("%d changes were acknowledged and %d are unknown, and %s %d", done.Load(), unknown.Load(), what, n)
					}
				}
				r, err := s.Reader("i").Get(ctx, lanyard.TypeProfile, "p")
				if err != nil {
					t.Fatal(err)
				}
				n, _ := strconv.Atoi(r.(*lanyard.Profile).Description)
				within("the profile counts", n)
				revision, err := s.Reader("i").Revision(ctx)
				if err != nil || revision != int64(n)+1 {
					t.Errorf("the instance is at revision %d, %v; the profile counts %d changes after its own", revision, err, n)
				}
				if n, err := s.Reader("i").Count(ctx, lanyard.TypeProfile); err != nil || int64(n) < 1+added.Load() || int64(n) > 1+
					added.Load()+unknown.Load() {
					t.Errorf("there are %d profiles, %v; %d were added, and %d changes are unknown", n, err, added.Load(),
						unknown.Load())
				}
				whole(t, s, "i")
			}
			t.Logf("%d changes were acknowledged, %d are unknown", done.Load(), unknown.Load())
		})
	}
}

package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"runtime"
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

func TestMain(m *testing.M) {
	// The model test reads very much, and here every read goes to the server: fewer rounds, unless
	// the command line says how many.
	flag.Set("rapid.checks", "20")
	os.Exit(pgtest.Main(m))
}

func TestStore(t *testing.T) {
	server := pgtest.Start(t)
	before := runtime.NumGoroutine()
	storetest.Run(t, func(t *testing.T, dir string) store.Store {
		return opened(t, Config{URL: server.URL(server.Schema(t, dir))})
	})
	idleAgain(t, before)
}

// idleAgain waits until no more goroutines run than before.
func idleAgain(t *testing.T, before int) {
	t.Helper()
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	stacks := make([]byte, 1<<16)
	t.Errorf("%d goroutines, before there were %d:\n%s", runtime.NumGoroutine(), before,
		stacks[:runtime.Stack(stacks, true)])
}

func opened(t testing.TB, c Config) *Store {
	t.Helper()
	db, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// Whoever opens a database first makes its tables, and others wait for that.
func TestOpenedByManyAtOnce(t *testing.T) {
	server := pgtest.Start(t)
	for range 3 {
		schema := server.Schema(t, t.TempDir())
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				db, err := Open(t.Context(), Config{URL: server.URL(schema)})
				if err != nil {
					t.Error(err)
					return
				}
				defer db.Close()
				if err := add(t.Context(), db, "i", fmt.Sprintf("%p", db), nil); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		db := opened(t, Config{URL: server.URL(schema)})
		if n, err := db.Reader("i").Count(t.Context(), lanyard.TypeProfile); n != 4 || err != nil {
			t.Errorf("%d profiles, %v", n, err)
		}
	}
}

// Two servers write to one instance: revisions have no gaps, and no change is lost.
func TestTwoServersWrite(t *testing.T) {
	server := pgtest.Start(t)
	url := server.URL(server.Schema(t, t.TempDir()))
	stores := []*Store{opened(t, Config{URL: url}), opened(t, Config{URL: url})}
	ctx := t.Context()
	const workers, each = 8, 20
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				err := stores[w%2].Update(ctx, "i", func(tx store.Tx) error {
					n, err := tx.Count(ctx, lanyard.TypeProfile)
					if err != nil {
						return err
					}
					p := profile(fmt.Sprintf("%d-%d", w, i))
					p.Description = fmt.Sprint(n) // the number of those before it
					if err := tx.Put(ctx, p); err != nil {
						return err
					}
					return tx.Append(ctx, event("i"))
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, s := range stores {
		events, err := s.Reader("i").Events(ctx, 0, 1000)
		if err != nil || len(events) != workers*each {
			t.Fatalf("%d events, %v", len(events), err)
		}
		for i, e := range events {
			if e.Revision != int64(i+1) {
				t.Errorf("event %d has revision %d", i, e.Revision)
			}
		}
		all, err := s.Reader("i").List(ctx, lanyard.TypeProfile, 0, 1000)
		if err != nil || len(all) != workers*each {
			t.Fatalf("%d profiles, %v", len(all), err)
		}
		for i, r := range all {
			if p := r.(*lanyard.Profile); p.Seq != int64(i+1) || p.Description != fmt.Sprint(i) {
				t.Errorf("profile %d has Seq %d and saw %s before it", i, p.Seq, p.Description)
			}
		}
	}
}

// What the database cannot hold is refused, and is not found.
func TestTextThatCannotBeStored(t *testing.T) {
	server := pgtest.Start(t)
	db := opened(t, Config{URL: server.URL(server.Schema(t, t.TempDir()))})
	ctx := t.Context()
	for _, bad := range []string{"zero\x00", "\xff"} {
		for _, in := range []string{"i", bad} {
			_, err := db.Reader(in).Get(ctx, lanyard.TypeProfile, bad)
			wantKind(t, "get", err, lanyard.NotFound)
			_, err = db.Reader(in).Find(ctx, lanyard.TypeProfile, bad)
			wantKind(t, "find", err, lanyard.NotFound)
			wantKind(t, "put", add(ctx, db, in, bad, nil), lanyard.Invalid)
		}
		err := db.Update(ctx, "i", func(tx store.Tx) error {
			tx.Put(ctx, &lanyard.User{Meta: lanyard.Meta{ID: "u", Name: "u"}, Profiles: []string{bad}})
			return tx.Append(ctx, event("i")) // as if it had not noticed
		})
		wantKind(t, "put what refers to it", err, lanyard.Invalid)
	}
	if err := add(ctx, db, "i", "good", nil); err != nil {
		t.Error(err)
	}
}

func TestOpenRefuses(t *testing.T) {
	server := pgtest.Start(t)
	newer := server.Schema(t, t.TempDir())
	opened(t, Config{URL: server.URL(newer)})
	server.Exec(t, `INSERT INTO `+newer+`.schema_version (version, name, applied) VALUES (999, 'later', 0)`)
	for name, tt := range map[string]struct {
		url  string
		kind lanyard.Kind
		want string
	}{
		"not a URL":           {"postgres://u:hunter2 %zz@h/db", lanyard.Invalid, "must be postgres://"},
		"another database":    {"mysql://u:hunter2@h/db", lanyard.Invalid, "must be postgres://"},
		"bad setting":         {"postgres://u:hunter2@h/db?sslmode=perhaps", lanyard.Invalid, "sslmode"},
		"too few connections": {"postgres://u:hunter2@h/db?pool_max_conns=1", lanyard.Invalid, "must be 2 or more, got 1"},
		"for readers only": {"postgres://u:hunter2@one,two/db?target_session_attrs=standby", lanyard.Invalid,
			"must be read-write, got standby"},
		"nobody listens": {"postgres://u:hunter2@127.0.0.1:1/db", lanyard.Unavailable, "127.0.0.1"},
		"wrong password": {strings.Replace(server.At("", ""), server.Password(), "hunter2", 1), lanyard.Unavailable,
			"password authentication failed"},
		"schema not there":      {server.URL("nowhere"), lanyard.Unavailable, "schema"},
		"newer schema":          {server.URL(newer), lanyard.Unavailable, "newer program"},
		"password in the query": {"postgres://h/db?password=hunter2&sslmode=perhaps", lanyard.Invalid, "sslmode"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			db, err := Open(ctx, Config{URL: tt.url})
			if err == nil {
				db.Close()
				t.Fatal("it was opened")
			}
			wantKind(t, "Open", err, tt.kind)
			if !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error is %q, want one about %q and without the password", err, tt.want)
			}
		})
	}
}

// Where the first host of the URL is dead, or a replica, the next is used, and found in time.
func TestSeveralHosts(t *testing.T) {
	server := pgtest.Start(t)
	dead := server.Proxy(t)
	dead.Set(pgtest.Blackout)
	schema := server.Schema(t, t.TempDir())
	url := server.At(fmt.Sprintf("%s,127.0.0.1:1,127.0.0.1:%d", dead.Address, server.Port), schema)
	ctx, cancel := context.WithTimeout(t.Context(), connectTimeout) // as for what waits least
	defer cancel()
	s, err := Open(ctx, Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := add(t.Context(), s, "i", "p", nil); err != nil {
		t.Error(err)
	}

	server.Exec(t, `CREATE ROLE reader LOGIN PASSWORD '`+server.Password()+
		`'; ALTER ROLE reader SET default_transaction_read_only = on`)
	only := strings.Replace(server.At("", schema), "lanyard:", "reader:", 1)
	for _, attrs := range []string{"", "&target_session_attrs=any", "&target_session_attrs=read-write"} {
		_, err = Open(t.Context(), Config{URL: only + attrs})
		wantKind(t, "a server that takes no writes"+attrs, err, lanyard.Unavailable)
		if err == nil || !strings.Contains(err.Error(), "read only") {
			t.Errorf("the error says %v", err)
		}
	}
}

// A store hears of every commit, its own too; bursts come together.
func TestWatch(t *testing.T) {
	server := pgtest.Start(t)
	url := server.URL(server.Schema(t, t.TempDir()))
	a, b := opened(t, Config{URL: url}), opened(t, Config{URL: url})
	ctx, cancel := context.WithCancel(t.Context())
	type note struct {
		instance string
		revision int64
	}
	heard := make(chan note, 1000)
	ended := make(chan error)
	go func() { ended <- b.Watch(ctx, func(in string, revision int64) { heard <- note{in, revision} }) }()
	await := func(want note) {
		t.Helper()
		for {
			select {
			case got := <-heard:
				if got == want {
					return
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("not heard of %v", want)
			}
		}
	}
	if err := add(ctx, a, "first", "p", nil); err != nil {
		t.Fatal(err)
	}
	for range 100 { // until it listens
		a.DB.PutKey(ctx, lanyard.AccessKey{ID: "k"})
		if len(heard) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	await(note{"", 0})
	for i := range 30 {
		if err := add(ctx, a, "i", fmt.Sprint(i), nil); err != nil {
			t.Fatal(err)
		}
	}
	await(note{"i", 30})
	server.Exec(t, `NOTIFY lanyard, 'not ours'`)
	if err := add(ctx, b, "j\n\"{é", "p", nil); err != nil {
		t.Fatal(err)
	}
	await(note{"j\n\"{é", 1})
	ids := []string{"i", "never", "j\n\"{é", "zero\x00"}
	heads, err := b.Heads(ctx, ids)
	for i, want := range []int64{30, 0, 1, 0} {
		var hash []byte
		if want > 0 {
			events, err := b.Reader(ids[i]).Events(ctx, want-1, 1)
			if err != nil || len(events) != 1 {
				t.Fatalf("the last event of %q: %v, %v", ids[i], events, err)
			}
			hash = events[0].Hash
		}
		if err != nil || heads[i].Revision != want || !bytes.Equal(heads[i].Hash, hash) || (want > 0) != (len(hash) == 32) {
			t.Errorf("%q is at %v, %v; want revision %d, hash %x", ids[i], heads[i], err, want, hash)
		}
	}
	cancel()
	if err := <-ended; err == nil {
		t.Error("Watch ended without an error")
	}
}

// Under load notifications are gathered.
func TestNotificationsAreGathered(t *testing.T) {
	server := pgtest.Start(t)
	url := server.URL(server.Schema(t, t.TempDir()))
	s := opened(t, Config{URL: url})
	n := newNotifier(s.config, slog.Default())
	var heard atomic.Int64
	last := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	listening := make(chan error)
	go func() {
		listening <- s.Watch(ctx, func(in string, revision int64) {
			if in != "gathered" {
				return
			}
			heard.Add(1)
			if revision == 400 {
				close(last)
			}
		})
	}()
	server.AwaitTrue(t, "somebody to listen", `SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE query = 'LISTEN lanyard')`)
	began := time.Now()
	for revision := range int64(400) {
		n.add("gathered", revision+1)
		time.Sleep(500 * time.Microsecond)
	}
	n.close()
	most := int64(time.Since(began)/maxGather) + 4
	<-last
	cancel()
	<-listening
	if got := heard.Load(); got > most {
		t.Errorf("400 changes were notified of %d times, want at most %d", got, most)
	}
}

func TestPayloads(t *testing.T) {
	pending := map[string]int64{}
	for i := range 1000 {
		pending[fmt.Sprintf("instance-%d", i)] = int64(i)
	}
	pending[strings.Repeat("x", maxPayload)] = 1 // polling finds it
	got := map[string]int64{}
	all := payloads(pending)
	for _, p := range all {
		if len(p) > maxPayload {
			t.Errorf("a payload has %d bytes", len(p))
		}
		if err := json.Unmarshal([]byte(p), &got); err != nil {
			t.Fatal(err)
		}
	}
	delete(pending, strings.Repeat("x", maxPayload))
	if !maps.Equal(got, pending) || len(all) > 5 {
		t.Errorf("%d payloads hold %d of %d", len(all), len(got), len(pending))
	}
}

// Changes of one instance that come together share a transaction. One of them that the database cannot
// hold is found out when others' statements are sent, and must fail alone.
func TestWhatCannotBeStoredHarmsNoOther(t *testing.T) {
	server := pgtest.Start(t)
	s := opened(t, Config{URL: server.URL(server.Schema(t, t.TempDir()))})
	ctx := t.Context()
	const writers, rounds = 16, 12
	if err := add(ctx, s, "i", "first", nil); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var kept atomic.Int64
	for w := range writers {
		wg.Go(func() {
			for round := range rounds {
				id := fmt.Sprintf("p-%d-%d", w, round)
				bad := (w+round)%5 == 0
				err := s.Update(ctx, "i", func(tx store.Tx) error {
					p := profile(id)
					if err := tx.Put(ctx, p); err != nil {
						return err
					}
					if bad { // what it refers to is sent with what comes next, of whomever that is
						if err := tx.Put(ctx,
							&lanyard.User{Meta: lanyard.Meta{ID: id, Name: id}, Profiles: []string{"zero\x00"}}); err != nil {
							return err
						}
					}
					return tx.Append(ctx, event("i"))
				})
				switch {
				case bad:
					wantKind(t, id, err, lanyard.Invalid)
				case err != nil:
					t.Errorf("%s: %v", id, err)
				default:
					kept.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n, err := s.Reader("i").Count(ctx, lanyard.TypeProfile); err != nil || int64(n) != kept.Load()+1 {
		t.Errorf("there are %d profiles, %v, want %d", n, err, kept.Load()+1)
	}
	if r, err := s.Reader("i").Revision(ctx); err != nil || r != kept.Load()+1 {
		t.Errorf("revision %d, %v, want %d", r, err, kept.Load()+1)
	}
}

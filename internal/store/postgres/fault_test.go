package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
)

func profile(id string) *lanyard.Profile {
	return &lanyard.Profile{Meta: lanyard.Meta{ID: id, Name: id}, Permissions: []string{"Users.View"}}
}

func event(in string) *lanyard.Event {
	return &lanyard.Event{ID: "event", Instance: in, Time: time.Now().UTC(), Operation: "Test", Account: "123456789012",
		Region: "us-east-1"}
}

// add stores a profile and calls before right before the commit.
func add(ctx context.Context, s store.Store, in, id string, before func()) error {
	return s.Update(ctx, in, func(tx store.Tx) error {
		if err := tx.Put(ctx, profile(id)); err != nil {
			return err
		}
		if err := tx.Append(ctx, event(in)); err != nil {
			return err
		}
		if before != nil {
			before()
		}
		return nil
	})
}

func wantKind(t *testing.T, doing string, err error, kind lanyard.Kind) {
	t.Helper()
	var e *lanyard.Error
	if !errors.As(err, &e) || e.Kind != kind {
		t.Errorf("%s: error %v, want one of kind %v", doing, err, kind)
	}
}

// A change that loses against another is tried again, and not for ever.
func TestConflictIsTriedAgain(t *testing.T) {
	server := pgtest.Start(t)
	for _, code := range []string{"40001", "40P01"} {
		for _, table := range []string{"events", "resources"} {
			for _, tt := range []struct {
				fails, runs int
				ok          bool
			}{{3, 4, true}, {1000, 10, false}} {
				t.Run(fmt.Sprintf("%s on %s %d times", code, table, tt.fails), func(t *testing.T) {
					schema := server.Schema(t, t.TempDir())
					db := opened(t, Config{URL: server.URL(schema)})
					if err := add(t.Context(), db, "i", "warm", nil); err != nil {
						t.Fatal(err)
					}
					server.Exec(t, fmt.Sprintf(`SET search_path = %s;
						CREATE SEQUENCE tries;
						CREATE FUNCTION fail() RETURNS trigger AS $$ BEGIN
							IF nextval('tries') <= %d THEN RAISE EXCEPTION 'as if' USING ERRCODE = '%s'; END IF;
							RETURN NEW;
						END $$ LANGUAGE plpgsql;
						CREATE TRIGGER fail BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION fail()`, schema, tt.fails, code, table))
					runs := 0
					began := time.Now()
					err := db.Update(t.Context(), "i", func(tx store.Tx) error {
						runs++
						if err := tx.Put(t.Context(), profile("p")); err != nil {
							return err
						}
						return tx.Append(t.Context(), event("i"))
					})
					if runs != tt.runs {
						t.Errorf("change ran %d times, want %d", runs, tt.runs)
					}
					if took := time.Since(began); took > 5*time.Second {
						t.Errorf("it took %v", took)
					}
					if !tt.ok {
						wantKind(t, "a conflict without end", err, lanyard.Unavailable)
					} else if err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

// When the connection is lost during the commit, nobody claims to know how it went.
func TestConnectionLostInCommit(t *testing.T) {
	server := pgtest.Start(t)
	p := server.Proxy(t)
	schema := server.Schema(t, t.TempDir())
	db := opened(t, Config{URL: server.At(p.Address, schema)})
	ctx := t.Context()
	revision := int64(0)
	// A connection that is new prepares its statements at their first use, for which it waits before it
	// sends anything: first those of a change that reads the head of the instance, then of one that has it cached.
	warm := func(id string) {
		t.Helper()
		for i := range 2 {
			if err := add(ctx, db, "i", fmt.Sprint(id, i), nil); err != nil {
				t.Fatal(err)
			}
			revision++
		}
	}
	warm("warm")
	for round := range 4 {
		for name, tt := range map[string]struct {
			mode     pgtest.Mode
			happened bool
		}{"after the server has it": {pgtest.Deaf, true}, "before the server has it": {pgtest.Mute, false}} {
			id := fmt.Sprintf("%s %d", name, round)
			runs := 0
			err := add(ctx, db, "i", id, func() { runs++; p.Set(tt.mode) })
			wantKind(t, "the wire is cut "+name, err, lanyard.Unknown)
			if err != nil && !strings.Contains(err.Error(), "unknown") {
				t.Errorf("the error says %q", err)
			}
			if runs != 1 {
				t.Errorf("the change ran %d times", runs)
			}
			if tt.happened {
				revision++
			}
			// The server may take a moment to notice. Waiting for the instance is waiting for that.
			warm(id + " after")
			if got, err := db.Reader("i").Revision(ctx); err != nil || got != revision {
				t.Errorf("the revision is %d, %v; want %d", got, err, revision)
			}
			_, err = db.Reader("i").Get(ctx, lanyard.TypeProfile, id)
			if (err == nil) != tt.happened {
				t.Errorf("cut %s: the change is there: %v", name, err == nil)
			}
		}
	}
}

// outside are the calls of a store that change something outside of any instance's transaction.
var outside = map[string]func(ctx context.Context, db *Store, id string) error{
	"PutKey": func(ctx context.Context, db *Store, id string) error {
		return db.PutKey(ctx, lanyard.AccessKey{ID: id})
	},
	"PutToken": func(ctx context.Context, db *Store, id string) error { return db.PutToken(ctx, lanyard.Token{ID: id}) },
	"AddSession": func(ctx context.Context, db *Store, id string) error {
		return db.AddSession(ctx, lanyard.Session{ID: id})
	},
	"EndSession": func(ctx context.Context, db *Store, id string) error { return db.EndSession(ctx, id) },
	"Secret": func(ctx context.Context, db *Store, id string) error {
		_, err := db.Secret(ctx, id)
		return err
	},
	"Cut": func(ctx context.Context, db *Store, id string) error {
		if err := errors.Join(add(ctx, db, id, "p", nil), add(ctx, db, id, "q", nil)); err != nil {
			return err
		}
		records, err := db.Reader(id).Records(ctx, 0, 1)
		if err != nil {
			return err
		}
		return db.Prune(ctx, lanyard.Checkpoint{Instance: id, Revision: 1, Seq: records[0].Seq, Hash: records[0].Hash,
			MAC: []byte("mac")})
	},
}

// Keys, tokens, secrets, sessions and cuts are as robust as changes of instances: connections that died
// earlier, all at once and a moment after they were used, are nobody's trouble; nor is a conflict.
func TestLostConnectionsOutsideInstances(t *testing.T) {
	server := pgtest.Start(t)
	p := server.Proxy(t)
	schema := server.Schema(t, t.TempDir())
	db := opened(t, Config{URL: server.At(p.Address, schema)})
	ctx := t.Context()
	// open has several connections of both kinds in use at a time, so that as many are open.
	open := func(n int) {
		var nest func(n int) error
		nest = func(n int) error {
			if n == 0 {
				return nil
			}
			once := false
			return errors.Join(add(ctx, db, fmt.Sprint("warm ", n), rand.Text(), nil),
				db.Export(ctx, store.Scope{}, func(store.Row) error {
					if once {
						return nil
					}
					once = true
					return add(ctx, db, fmt.Sprint("nested ", n), rand.Text(), func() {
						if err := nest(n - 1); err != nil {
							t.Error(err)
						}
					})
				}))
		}
		if err := nest(n); err != nil {
			t.Fatal(err)
		}
	}
	for name, call := range outside {
		t.Run(name, func(t *testing.T) {
			open(5)
			p.Cut()
			if err := call(ctx, db, name+" cut"); err != nil {
				t.Errorf("after all connections were cut: %v", err)
			}
			if _, err := db.Keys(ctx); err != nil {
				t.Errorf("a read after it: %v", err)
			}
		})
	}
	open(5)
	p.Cut()
	if _, err := db.Keys(ctx); err != nil {
		t.Errorf("a read after all connections were cut: %v", err)
	}
	failing := func(table, function string) {
		server.Exec(t, fmt.Sprintf(`SET search_path = %s; CREATE SEQUENCE IF NOT EXISTS tries; SELECT setval('tries', 1, false);
			CREATE OR REPLACE FUNCTION fail() RETURNS trigger AS $$ BEGIN %s; RETURN NULL; END $$ LANGUAGE plpgsql;
			DROP TRIGGER IF EXISTS fail ON %[3]s;
			CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON %[3]s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()`, schema, function, table))
	}
	for name, table := range map[string]string{"PutKey": "access_keys", "PutToken": "tokens", "AddSession": "sessions",
		"Secret": "secrets", "Cut": "checkpoints"} {
		failing(table, `IF nextval('tries') <= 3 THEN RAISE EXCEPTION 'as if' USING ERRCODE = '40001'; END IF`)
		if err := outside[name](ctx, db, name+" conflict"); err != nil {
			t.Errorf("%s, which meets three conflicts at its commit: %v", name, err)
		}
		// When the connection is lost during the commit nobody claims to know how it went.
		failing(table, `IF nextval('tries') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); END IF`)
		wantKind(t, name+", which loses its connection in the commit", outside[name](ctx, db, name+" lost"), lanyard.Unknown)
		if err := outside[name](ctx, db, name+" after"); err != nil {
			t.Errorf("%s after it: %v", name, err)
		}
	}
}

// When it is lost before the commit, the change is made again.
func TestConnectionLostBeforeCommit(t *testing.T) {
	server := pgtest.Start(t)
	p := server.Proxy(t)
	db := opened(t, Config{URL: server.At(p.Address, server.Schema(t, t.TempDir()))})
	ctx := t.Context()
	runs := 0
	err := db.Update(ctx, "i", func(tx store.Tx) error {
		if runs++; runs < 3 {
			if _, err := tx.Revision(ctx); err != nil {
				return err
			}
			p.Cut()
		}
		if err := tx.Put(ctx, profile("p")); err != nil {
			return err
		}
		return tx.Append(ctx, event("i"))
	})
	if err != nil || runs != 3 {
		t.Errorf("the change ran %d times: %v", runs, err)
	}
	p.Cut()
	if _, err := db.Reader("i").Get(ctx, lanyard.TypeProfile, "p"); err != nil {
		t.Errorf("a read after a cut: %v", err)
	}
	if revision, err := db.Reader("i").Revision(ctx); err != nil || revision != 1 {
		t.Errorf("revision %d, %v", revision, err)
	}
}

// When nothing answers any more, a call ends when its context does, and its connection is not kept.
func TestBlackout(t *testing.T) {
	server := pgtest.Start(t)
	p := server.Proxy(t)
	db := opened(t, Config{URL: server.At(p.Address, server.Schema(t, t.TempDir()))})
	if err := add(t.Context(), db, "i", "p", nil); err != nil {
		t.Fatal(err)
	}
	p.Set(pgtest.Blackout)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := db.Reader("i").Get(ctx, lanyard.TypeProfile, "p")
	wantKind(t, "a read in the dark", err, lanyard.Unavailable)
	wantKind(t, "a change in the dark", add(ctx, db, "i", "q", nil), lanyard.Unavailable)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	p.Set(pgtest.Through)
	p.Cut()
	if err := add(t.Context(), db, "i", "r", nil); err != nil {
		t.Errorf("after the blackout: %v", err)
	}
}

// soon is how long others may wait for a server whose connections are dark, apart from the time that they need
// themselves.
const soon = 6 * time.Second

// took runs f, which must end soon.
func took(t *testing.T, doing string, f func() error) error {
	t.Helper()
	began := time.Now()
	err := f()
	if took := time.Since(began); took > soon {
		t.Errorf("%s took %v: %v", doing, took.Round(time.Millisecond), err)
	} else {
		t.Logf("%s took %v: %v", doing, took.Round(time.Millisecond), err)
	}
	return err
}

// A server whose connections go dark while it has an instance locked, or waits for the lock, keeps the
// others from it for a moment only.
func TestDarkLockHolder(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	for _, waits := range []bool{false, true} {
		t.Run(map[bool]string{false: "it has the lock", true: "it waits for the lock"}[waits], func(t *testing.T) {
			t.Parallel()
			p := server.Proxy(t)
			schema := server.Schema(t, t.TempDir())
			a, b := opened(t, Config{URL: server.At(p.Address, schema)}), opened(t, Config{URL: server.URL(schema)})
			ctx := t.Context()
			for _, db := range []*Store{a, b} {
				if err := add(ctx, db, "i", rand.Text(), nil); err != nil {
					t.Fatal(err)
				}
			}
			short, cancel := context.WithTimeout(ctx, 20*time.Second)
			defer cancel()
			ended := make(chan error, 1)
			if waits {
				release := server.Lock(t, schema, "i")
				go func() { ended <- add(short, a, "i", "dark", nil) }()
				server.AwaitLockWaits(t, 1)
				p.Darken()
				release()
			} else {
				locked := make(chan struct{})
				go func() {
					ended <- add(short, a, "i", "dark", func() {
						p.Darken()
						close(locked)
					})
				}()
				<-locked
			}
			if err := took(t, "a change by another server",
				func() error { return add(ctx, b, "i", "second", nil) }); err != nil {
				t.Error(err)
			}
			err := <-ended
			t.Logf("the one in the dark: %v", err)
			if _, there := b.Reader("i").Get(ctx, lanyard.TypeProfile, "dark"); (there == nil) && err != nil &&
				!errors.Is(err, lanyard.ErrUnknown) {
				t.Errorf("it was told %v, and its change happened", err)
			}
			if err := add(ctx, a, "i", "third", nil); err != nil {
				t.Errorf("a change on a new connection: %v", err)
			}
		})
	}
}

// A server that halts in the middle of a change keeps nobody waiting. If it held the lock, of an instance whose head it
// has not cached, it loses the lock and makes the change again.
func TestStandstill(t *testing.T) {
	server := pgtest.Start(t)
	db := opened(t, Config{URL: server.At("", server.Schema(t, t.TempDir())) + "&idle_in_transaction_session_timeout=200"})
	for i := range 5 {
		runs, want := 0, 1
		if i == 0 {
			want = 2
		}
		if err := add(t.Context(), db, "i", fmt.Sprint(i), func() {
			if runs++; runs == 1 {
				time.Sleep(400 * time.Millisecond) // longer than the server lets it
			}
		}); err != nil || runs != want {
			t.Errorf("change %d ran %d times, want %d: %v", i, runs, want, err)
		}
	}
}

// A connection that goes dark is given up on soon, and what is asked next goes over another.
func TestDarkConnections(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	for name, idle := range map[string]time.Duration{"just used": 0, "idle": idle + 100*time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := server.Proxy(t)
			db := opened(t, Config{URL: server.At(p.Address, server.Schema(t, t.TempDir()))})
			ctx := t.Context()
			read := func() error {
				_, err := db.Reader("i").Get(ctx, lanyard.TypeProfile, "p")
				return err
			}
			if err := errors.Join(add(ctx, db, "i", "p", nil), read()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(idle) // this is what the test is about
			p.Darken()
			if err := took(t, "a read", read); err != nil {
				if idle > 0 {
					t.Errorf("a read over a connection that was idle: %v", err)
				}
				wantKind(t, "a read", err, lanyard.Unavailable)
			}
			if err := took(t, "the next read", read); err != nil {
				t.Errorf("the next read: %v", err)
			}
		})
	}
}

// While the server is down calls fail soon, and when it is back they work without a restart of ours.
func TestServerRestart(t *testing.T) {
	server := pgtest.Start(t)
	for name, end := range map[string]func() error{"stop": server.Stop, "crash": server.Crash} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			db := opened(t, Config{URL: server.URL(server.Schema(t, t.TempDir()))})
			for i := range 3 {
				if err := add(ctx, db, fmt.Sprint(i), "p", nil); err != nil {
					t.Fatal(err)
				}
			}
			if err := end(); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			wantKind(t, "change while the server is down", add(ctx, db, "0", "q", nil), lanyard.Unavailable)
			_, err := db.Reader("0").Get(ctx, lanyard.TypeProfile, "p")
			wantKind(t, "read while the server is down", err, lanyard.Unavailable)
			wantKind(t, "ping while the server is down", db.Ping(ctx), lanyard.Unavailable)
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("it took %v to fail", took)
			}
			if err := server.Start(); err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				in := fmt.Sprint(i)
				if _, err := db.Reader(in).Get(ctx, lanyard.TypeProfile, "p"); err != nil {
					t.Error(err)
				}
				if err := add(ctx, db, in, "r", nil); err != nil {
					t.Error(err)
				}
			}
			// Restarted between two calls, nobody notices.
			if err := errors.Join(end(), server.Start()); err != nil {
				t.Fatal(err)
			}
			if err := add(ctx, db, "0", "s", nil); err != nil {
				t.Error(err)
			}
			if err := db.PutKey(ctx, lanyard.AccessKey{ID: "k"}); err != nil {
				t.Error(err)
			}
		})
	}
}

// commitsWait returns an error unless a commit waits for a replica that does not answer.
func commitsWait(t *testing.T, server *pgtest.Server) error {
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	c, err := pgx.Connect(t.Context(), server.URL(""))
	if err != nil {
		return err
	}
	defer c.Close(t.Context())
	switch _, err := c.Exec(ctx, `SELECT pg_logical_emit_message(true, 'lanyard', 'a commit')`); {
	case err == nil:
		return errors.New("a commit does not wait")
	case errors.Is(err, context.DeadlineExceeded):
		return nil
	default:
		return err
	}
}

// An acknowledged change is one that the replicas have which it should wait for.
func TestSynchronousReplicaIsMissing(t *testing.T) {
	server := pgtest.Start(t)
	url := server.URL(server.Schema(t, t.TempDir()))
	db, patient := opened(t, Config{URL: url + "&statement_timeout=300"}), opened(t, Config{URL: url})
	if err := add(t.Context(), db, "i", "p", nil); err != nil {
		t.Fatal(err)
	}
	ends := []string{"pg_cancel_backend", "pg_terminate_backend"}
	for _, end := range ends { // what is known of an instance is known until a change of unknown outcome
		if err := add(t.Context(), patient, end, "p", nil); err != nil {
			t.Fatal(err)
		}
	}
	server.Exec(t, `ALTER SYSTEM SET synchronous_standby_names = 'nobody'`)
	server.Exec(t, `SELECT pg_reload_conf()`)
	defer server.Exec(t, `SET synchronous_commit = local; SELECT pg_reload_conf()`)
	defer server.Exec(t, `ALTER SYSTEM RESET synchronous_standby_names`)
	pgtest.Await(t, "commits to wait for a replica", func() error { return commitsWait(t, server) })
	// The first goes to the database in one, the second does not.
	wantKind(t, "a change that no replica has",
		describe(t.Context(), db, "i", func(string) (string, error) { return "new", nil }), lanyard.Unknown)
	wantKind(t, "a commit that no replica has", add(t.Context(), db, "i", "q", nil), lanyard.Unknown)
	// When somebody ends the wait in the database, that answers COMMIT all the same, and warns; or it says
	// nothing any more.
	for _, end := range ends {
		for name, change := range map[string]func() error{
			"a change that went to the database in one": func() error {
				return describe(t.Context(), patient, end, func(string) (string, error) { return "new", nil })
			},
			"a commit": func() error { return add(t.Context(), patient, "i", rand.Text(), nil) },
		} {
			ended := make(chan error, 1)
			go func() { ended <- change() }()
			var err error
			for waiting := true; waiting; {
				select {
				case err = <-ended:
					waiting = false
				case <-time.After(20 * time.Millisecond):
					server.Exec(t, `SELECT `+end+`(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`)
				}
			}
			wantKind(t, name+" whose wait was ended by "+end, err, lanyard.Unknown)
			if end == "pg_cancel_backend" && err != nil && !strings.Contains(err.Error(), "synchronous replication") {
				t.Errorf("%s: %v; want what the database warned of", name, err)
			}
		}
	}
}

// Who finds no connection waits for one, and not for ever.
func TestBoundedWaits(t *testing.T) {
	server := pgtest.Start(t)
	const wait = 200 * time.Millisecond
	schema := server.Schema(t, t.TempDir())
	db := opened(t, Config{URL: server.URL(schema), Connections: 2, Wait: wait})
	ctx := t.Context()
	other := opened(t, Config{URL: db.config.ConnString(), Wait: wait})
	if err := errors.Join(add(ctx, db, "i", "p", nil), add(ctx, db, "j", "p", nil)); err != nil {
		t.Fatal(err)
	}
	err := add(ctx, db, "i", "q", func() {
		for name, f := range map[string]func() error{
			"the only connection":          func() error { return add(ctx, db, "j", "q", nil) },
			"the instance":                 func() error { return add(ctx, db, "i", "r", nil) },
			"the only connection, for key": func() error { return db.PutKey(ctx, lanyard.AccessKey{ID: "k"}) },
		} {
			began := time.Now()
			err := f()
			wantKind(t, "wait for "+name, err, lanyard.Unavailable)
			if took := time.Since(began); took < wait || took > 10*wait {
				t.Errorf("waited %v for %s, want %v", took, name, wait)
			}
			if err == nil || !strings.Contains(err.Error(), "busy") {
				t.Errorf("waited for %s: %v", name, err)
			}
		}
		if _, err := db.Reader("i").Get(ctx, lanyard.TypeProfile, "p"); err != nil {
			t.Errorf("readers wait for writers: %v", err)
		}
	})
	if err != nil {
		t.Error(err)
	}
	// Another server waits in the database, until its caller gives up.
	release := server.Lock(t, schema, "i")
	short, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	wantKind(t, "wait for another server", add(short, other, "i", "s", nil), lanyard.Unavailable)
	if err := add(ctx, other, "j", "s", nil); err != nil {
		t.Errorf("another instance on another server: %v", err)
	}
	release()
	if err := add(ctx, other, "i", "s", nil); err != nil {
		t.Error(err)
	}
}

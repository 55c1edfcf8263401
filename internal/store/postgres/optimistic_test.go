package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
)

// knowing opens a store that has cached the head of instance i, which has profiles p and q.
func knowing(t *testing.T, url string) *Store {
	t.Helper()
	s := opened(t, Config{URL: url})
	for _, id := range []string{"p", "q"} {
		if err := add(t.Context(), s, "i", id, nil); err != nil {
			t.Fatal(err)
		}
	}
	// its statements are prepared
	if err := s.Update(t.Context(), "i", saying(t.Context(), "p", "before", nil)); err != nil {
		t.Fatal(err)
	}
	if err := s.Update(t.Context(), "i", saying(t.Context(), "q", "before", nil)); err != nil {
		t.Fatal(err)
	}
	return s
}

// awaitQueued waits until n changes of instance i wait for their turn.
func awaitQueued(t *testing.T, s *Store, n int) {
	t.Helper()
	pgtest.Await(t, "changes that wait for their turn", func() error {
		if got := s.Waiting("i"); got != n {
			return fmt.Errorf("%d changes wait, want %d", got, n)
		}
		return nil
	})
}

// A connection that died before a change was begun is nobody's trouble, though the change would be sent
// over it in one.
func TestChangeInOneOverALostConnection(t *testing.T) {
	server := pgtest.Start(t)
	ctx := t.Context()
	refused := errors.New("refused")
	for name, tt := range map[string]struct {
		change func(store.Tx) error
		want   error
	}{
		"a change":     {change: saying(ctx, "p", "after", nil)},
		"a refusal":    {change: func(store.Tx) error { return refused }, want: refused},
		"a read":       {change: func(tx store.Tx) error { _, err := tx.Get(ctx, lanyard.TypeProfile, "p"); return err }},
		"another read": {change: func(tx store.Tx) error { _, err := tx.Count(ctx, lanyard.TypeProfile); return err }},
	} {
		for lost, cut := range map[string]func(*pgtest.Proxy){
			"cut": (*pgtest.Proxy).Cut,
			"ended by the server": func(*pgtest.Proxy) {
				server.Exec(t, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lanyard'`)
			},
		} {
			for when, during := range map[string]bool{"before": false, "after it began": true} {
				t.Run(name+" over a connection "+lost+" "+when, func(t *testing.T) {
					p := server.Proxy(t)
					s := knowing(t, server.At(p.Address, server.Schema(t, t.TempDir())))
					now := sync.OnceFunc(func() {
						cut(p)
						p.AwaitClosed(t)
					})
					if !during {
						now()
					}
					err := s.Update(ctx, "i", func(tx store.Tx) error {
						if during {
							now()
						}
						return tt.change(tx)
					})
					// Of a commit over a connection that is cut under way, nobody knows whether it happened.
					if unknown := during && name == "a change" && lost == "cut"; unknown && errors.Is(err, lanyard.ErrUnknown) {
						return
					}
					if !errors.Is(err, tt.want) || err != nil && tt.want == nil {
						t.Errorf("it was answered with %v, want %v", err, tt.want)
					}
				})
			}
		}
	}
}

// Who waits for another server when the database shuts down has not happened, and is not told that it may have.
func TestEndedWhileWaitingForTheLock(t *testing.T) {
	server := pgtest.Start(t)
	schema := server.Schema(t, t.TempDir())
	s := knowing(t, server.URL(schema))
	other := opened(t, Config{URL: server.URL(schema)})
	ctx := t.Context()
	errs := make(chan error, 1)
	if err := add(ctx, other, "i", "r", func() {
		go func() { errs <- s.Update(ctx, "i", saying(ctx, "p", "after", nil)) }()
		server.AwaitTrue(t, "a change that waits for the lock, to end it",
			`SELECT COALESCE(bool_and(pg_terminate_backend(pid, 10000)), false) FROM pg_stat_activity
			WHERE wait_event_type = 'Lock'`)
	}); err != nil {
		t.Fatal(err)
	}
	if err := <-errs; err != nil {
		t.Errorf("a change that was ended while it waited: %v", err)
	}
	says(t, other, "p", "after")
	whole(t, other, "i")
}

// Nor is who waited for longer than a statement may, and they do not wait twice.
func TestWaitIsOverBeforeTheLock(t *testing.T) {
	server := pgtest.Start(t)
	ctx := t.Context()
	for _, bound := range []string{"statement_timeout", "lock_timeout"} {
		schema := server.Schema(t, t.TempDir())
		s := knowing(t, server.URL(schema)+"&"+bound+"=300")
		other := opened(t, Config{URL: server.URL(schema)})
		if err := add(ctx, other, "i", "r", func() {
			runs := 0
			wantKind(t, "a change that waited for too long", s.Update(ctx, "i", func(tx store.Tx) error {
				runs++
				return saying(ctx, "p", "after", nil)(tx)
			}), lanyard.Unavailable)
			if runs != 1 {
				t.Errorf("with %s it ran, and waited, %d times", bound, runs)
			}
		}); err != nil {
			t.Fatal(err)
		}
		says(t, other, "p", "before")
		// Who is first when both give up at the same time is chance.
		c, err := connect(ctx, s.config)
		if err != nil {
			t.Fatal(err)
		}
		if bound == "statement_timeout" && c.patience < 800*time.Millisecond {
			t.Errorf("a commit is waited for %v, no longer than the server takes to end a statement", c.patience)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// What the database finds wrong when it commits is an error also of what is sent in one; and when it
// goes away in the middle of that, nobody knows.
func TestRefusedByTheCommit(t *testing.T) {
	server := pgtest.Start(t)
	for does, want := range map[string]lanyard.Kind{
		`RAISE EXCEPTION 'as if' USING ERRCODE = '53100'`:                     lanyard.Unavailable,
		`PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1)`: lanyard.Unknown,
	} {
		schema := server.Schema(t, t.TempDir())
		s := knowing(t, server.URL(schema))
		server.Exec(t, fmt.Sprintf(`SET search_path = %s;
			CREATE FUNCTION fail() RETURNS trigger AS $$ BEGIN %s; RETURN NULL; END $$ LANGUAGE plpgsql;
			CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION fail()`, schema, does))
		runs := 0
		wantKind(t, "a change whose commit does "+does, s.Update(t.Context(), "i", func(tx store.Tx) error {
			runs++
			return saying(t.Context(), "p", "after", nil)(tx)
		}), want)
		if runs != 1 {
			t.Errorf("it ran %d times", runs)
		}
		says(t, s, "p", "before")
	}
}

// The head that a change is based on may have been followed by others, and pruned, while the change waits for the lock.
func TestConflictAndPrune(t *testing.T) {
	server := pgtest.Start(t)
	schema := server.Schema(t, t.TempDir())
	s := knowing(t, server.URL(schema))
	ctx := t.Context()
	revision, err := s.Reader("i").Revision(ctx)
	if err != nil {
		t.Fatal(err)
	}
	locked := make(chan struct{})
	go func() {
		defer close(locked)
		// As two changes by other servers, and a prune by a third, that all get hold of the instance first.
		server.Exec(t, strings.NewReplacer("@", fmt.Sprint(revision), "%", schema).Replace(`
			SET search_path = %;
			BEGIN;
			SELECT * FROM instance_locks FOR UPDATE;
			DO $$ BEGIN
				FOR i IN 1..500 LOOP
					EXIT WHEN EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted);
					PERFORM pg_sleep(0.02);
				END LOOP;
				IF NOT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted) THEN RAISE 'nobody waits for the lock'; END IF;
			END $$;
			INSERT INTO events SELECT instance_id, revision + n, time, seq, body, sha256(hash || convert_to(n::text, 'UTF8')) FROM events, generate_series(1, 2) n WHERE revision = @;
			INSERT INTO checkpoints SELECT instance_id, revision, seq, hash, time, '', '' FROM events WHERE revision = @ + 1;
			DELETE FROM events WHERE revision <= @ + 1;
			COMMIT`))
	}()
	server.AwaitTrue(t, "the lock to be taken", fmt.Sprintf(`SELECT EXISTS (SELECT 1 FROM pg_locks
		WHERE granted AND mode = 'RowShareLock' AND relation = '%s.instance_locks'::regclass)`, schema))
	if err := s.Update(ctx, "i", saying(ctx, "p", "after", nil)); err != nil {
		t.Error(err)
	}
	<-locked
	if now, err := s.Reader("i").Revision(ctx); err != nil || now != revision+3 {
		t.Errorf("the instance is at revision %d, %v; want %d, after two other changes", now, err, revision+3)
	}
	records, err := s.Reader("i").Records(ctx, 0, 10)
	if err != nil || len(records) != 2 || records[0].Revision != revision+2 {
		t.Errorf("%d events are there, %v; want the second of those and this change's", len(records), err)
	}
}

// What was refused, or found nothing to do, did not happen, whatever became of the change that it shared
// a transaction with.
func TestRefusedBesideTheUnknown(t *testing.T) {
	server := pgtest.Start(t)
	ctx := t.Context()
	refused := errors.New("refused")
	for name, want := range map[string]error{"refused": refused, "nothing to do": nil} {
		t.Run(name, func(t *testing.T) {
			p := server.Proxy(t)
			s := knowing(t, server.At(p.Address, server.Schema(t, t.TempDir())))
			errs := make(chan error, 1)
			cut := sync.OnceFunc(func() { p.Set(pgtest.Deaf) })
			comes := sync.OnceFunc(func() {
				go func() {
					errs <- s.Update(ctx, "i", func(tx store.Tx) error {
						_, err := tx.Get(ctx, lanyard.TypeProfile, "p")
						cut()
						return errors.Join(err, want)
					})
				}()
				awaitQueued(t, s, 1)
			})
			runs := 0
			err := s.Update(ctx, "i", func(tx store.Tx) error {
				runs++
				comes()
				return saying(ctx, "p", "first", nil)(tx)
			})
			wantKind(t, "the change", err, lanyard.Unknown)
			if runs != 1 {
				t.Errorf("it ran %d times", runs)
			}
			if err := <-errs; !errors.Is(err, want) || err != nil && want == nil {
				t.Errorf("what did nothing was answered with %v, want %v", err, want)
			}
		})
	}
}

// A read that fails in the database takes the transaction along. It must not be another's trouble.
func TestGroupAfterAReadThatFailed(t *testing.T) {
	server := pgtest.Start(t)
	ctx := t.Context()
	for _, begins := range []string{"optimistically", "with the lock"} {
		t.Run(begins, func(t *testing.T) {
			schema := server.Schema(t, t.TempDir())
			url := server.URL(schema) + "&lock_timeout=200"
			s := knowing(t, url)
			if begins == "with the lock" {
				s = opened(t, Config{URL: url})
			}
			errs := make(chan error, 1)
			comes := sync.OnceFunc(func() {
				go func() {
					errs <- s.Update(ctx, "i", func(tx store.Tx) error {
						_, err := tx.Revision(ctx)
						if err == nil {
							_, err = tx.List(ctx, lanyard.TypeProfile, 0, 10) // sends what others wrote
						}
						if err == nil {
							_, err = tx.Count(ctx, lanyard.TypeProfile)
						}
						return err
					})
				}()
				awaitQueued(t, s, 1)
				go server.Exec(t, fmt.Sprintf(`BEGIN; LOCK TABLE %s.counts; SELECT pg_sleep(1); COMMIT`, schema))
				server.AwaitTrue(t, "the table to be locked", fmt.Sprintf(`SELECT EXISTS (SELECT 1 FROM pg_locks
					WHERE granted AND mode = 'AccessExclusiveLock' AND relation = '%s.counts'::regclass)`, schema))
			})
			if err := s.Update(ctx, "i", func(tx store.Tx) error {
				comes()
				return saying(ctx, "p", "first", nil)(tx)
			}); err != nil {
				t.Errorf("the change: %v", err)
			}
			wantKind(t, "the read", <-errs, lanyard.Unavailable)
			says(t, s, "p", "first")
			whole(t, s, "i")
		})
	}
}

// A refusal that nobody has made sure of is not told, not even to a caller who is gone.
func TestRefusalOfACallerWhoLeft(t *testing.T) {
	server := pgtest.Start(t)
	url := server.URL(server.Schema(t, t.TempDir()))
	s, other := knowing(t, url), opened(t, Config{URL: url})
	if err := other.Update(t.Context(), "i", saying(t.Context(), "p", "free", nil)); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	ctx, leave := context.WithCancel(t.Context())
	err := s.Update(ctx, "i", func(tx store.Tx) error {
		r, err := tx.Get(ctx, lanyard.TypeProfile, "p")
		if err != nil {
			return err
		}
		leave()
		if r.(*lanyard.Profile).Description == "before" {
			return refused
		}
		return nil
	})
	wantKind(t, "a refusal by what is no more", err, lanyard.Unavailable)
}

// What a change left is what the next one of the same server finds, without asking.
func TestNextChangeFindsWhatTheLastLeft(t *testing.T) {
	server := pgtest.Start(t)
	ctx := t.Context()
	refused := errors.New("refused")
	remove := func(typ lanyard.Type, id string, refused error) func(store.Tx) error {
		return func(tx store.Tx) error {
			if err := tx.Delete(ctx, typ, id); err != nil || refused != nil {
				return errors.Join(err, refused)
			}
			return tx.Append(ctx, event("i"))
		}
	}
	for name, tt := range map[string]struct {
		changes []func(store.Tx) error
		want    map[string]string // descriptions of the profiles there are
	}{
		"a profile was changed": {[]func(store.Tx) error{saying(ctx, "p", "new", nil)},
			map[string]string{"p": "new", "q": "before"}},
		"a profile was not changed": {[]func(store.Tx) error{saying(ctx, "p", "new", refused)},
			map[string]string{"p": "before", "q": "before"}},
		"a profile was deleted": {[]func(store.Tx) error{remove(lanyard.TypeProfile, "p", nil)},
			map[string]string{"q": "before"}},
		"a profile was not deleted": {[]func(store.Tx) error{remove(lanyard.TypeProfile, "p", refused)},
			map[string]string{"p": "before", "q": "before"}},
		"the instance was deleted": {[]func(store.Tx) error{remove(lanyard.TypeInstance, "i", nil)}, nil},
		"the instance was not deleted": {[]func(store.Tx) error{remove(lanyard.TypeInstance, "i", refused)},
			map[string]string{"p": "before", "q": "before"}},
		"one of several was deleted": {[]func(store.Tx) error{saying(ctx, "p", "new", nil),
			remove(lanyard.TypeProfile, "q", nil), saying(ctx, "p", "newer", refused)}, map[string]string{"p": "new"}},
		"several, the instance too": {[]func(store.Tx) error{saying(ctx, "p", "new", nil),
			remove(lanyard.TypeInstance, "i", nil), saying(ctx, "p", "newer", nil)}, nil},
		"several, the instance was not": {[]func(store.Tx) error{saying(ctx, "p", "new", nil),
			remove(lanyard.TypeInstance, "i", refused), saying(ctx, "q", "newer", nil)},
			map[string]string{"p": "new", "q": "newer"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := knowing(t, server.URL(server.Schema(t, t.TempDir())))
			if err := s.Update(ctx, "i", func(tx store.Tx) error {
				if err := tx.Put(ctx,
					&lanyard.Instance{Meta: lanyard.Meta{ID: "i", Name: rand.Text()}, Account: "123456789012"}); err != nil {
					return err
				}
				return tx.Append(ctx, event("i"))
			}); err != nil {
				t.Fatal(err)
			}
			if err := s.Update(ctx, "i", func(tx store.Tx) error { // the rest is read, too
				_, err := tx.Get(ctx, lanyard.TypeProfile, "p")
				_, failed := tx.Get(ctx, lanyard.TypeProfile, "q")
				return errors.Join(err, failed)
			}); err != nil {
				t.Fatal(err)
			}
			// The first change is at work until the others are in line: they share a transaction.
			var others sync.WaitGroup
			comes := sync.OnceFunc(func() {
				for i, change := range tt.changes[1:] {
					others.Go(func() {
						if err := s.Update(ctx, "i", change); err != nil && !errors.Is(err, refused) &&
							!errors.Is(err, lanyard.ErrNotFound) {
							t.Error(err)
						}
					})
					awaitQueued(t, s, i+1)
				}
			})
			if err := s.Update(ctx, "i", func(tx store.Tx) error { comes(); return tt.changes[0](tx) }); err != nil &&
				!errors.Is(err, refused) {
				t.Error(err)
			}
			others.Wait()
			for _, id := range []string{"p", "q"} {
				want, there := tt.want[id]
				err := s.Update(ctx, "i", func(tx store.Tx) error {
					r, err := tx.Get(ctx, lanyard.TypeProfile, id)
					if err == nil && r.(*lanyard.Profile).Description != want {
						t.Errorf("the next change finds that profile %s says %q, want %q", id, r.(*lanyard.Profile).Description, want)
					}
					return err
				})
				if there && err != nil || !there && !errors.Is(err, lanyard.ErrNotFound) {
					t.Errorf("the next change finds profile %s: %v; it is there: %v", id, err, there)
				}
			}
			whole(t, s, "i")
		})
	}
}

// A database that does not take a change in one round trip gets it in two, from then on.
func TestChangesInOneAreUnsupported(t *testing.T) {
	server := pgtest.Start(t)
	ctx := t.Context()
	for name, change := range map[string]func(s *Store, text string) error{
		"at the commit": func(s *Store, text string) error { return s.Update(ctx, "i", saying(ctx, "p", text, nil)) },
		"before it": func(s *Store, text string) error {
			return s.Update(ctx, "i", func(tx store.Tx) error {
				if err := saying(ctx, "p", text, nil)(tx); err != nil {
					return err
				}
				_, err := tx.Count(ctx, lanyard.TypeProfile)
				return err
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			schema := server.Schema(t, t.TempDir())
			s := knowing(t, server.URL(schema))
			server.Exec(t, fmt.Sprintf(`SET search_path = %s;
				CREATE FUNCTION unsupported() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
					IF current_query() LIKE '%%FOR KEY SHARE%%' OR current_query() LIKE '%%lanyard_write%%' THEN RAISE feature_not_supported; END IF;
					RETURN NEW;
				END $$;
				CREATE TRIGGER unsupported BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION unsupported()`, schema))
			for i := range 3 {
				text := fmt.Sprint("change ", i)
				if err := change(s, text); err != nil {
					t.Fatal(err)
				}
				r, err := s.Reader("i").Get(ctx, lanyard.TypeProfile, "p")
				if err != nil || r.(*lanyard.Profile).Description != text {
					t.Errorf("after %q the profile says %+v, %v", text, r, err)
				}
			}
		})
	}
}

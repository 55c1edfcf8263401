package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
	"github.com/lanyard/lanyard/internal/store/storetest"
)

// The promises are kept whether the function is called for everything that it can do or, as on other databases, never.
func TestStoreByFunction(t *testing.T) {
	server := pgtest.Start(t)
	for name, use := range map[string]functionUse{"always": functionAlways, "never": functionNever} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T, dir string) store.Store {
				return opened(t, Config{URL: server.URL(server.Schema(t, dir)), function: use})
			})
		})
	}
}

// writeEverything makes changes that together do every kind of write.
func writeEverything(t *testing.T, s *Store) (changes int) {
	t.Helper()
	ctx := t.Context()
	put := func(rs ...lanyard.Resource) func(store.Tx) error {
		return func(tx store.Tx) error {
			for _, r := range rs {
				if now, err := tx.Get(ctx, r.Type(), r.Head().ID); err == nil {
					r.Head().Seq = now.Head().Seq
				}
				if err := tx.Put(ctx, r); err != nil {
					return err
				}
			}
			return nil
		}
	}
	remove := func(typ lanyard.Type, id string) func(store.Tx) error {
		return func(tx store.Tx) error { return tx.Delete(ctx, typ, id) }
	}
	named := func(id, name string, tags map[string]string) *lanyard.Profile {
		p := profile(id)
		p.Name, p.Tags = name, tags
		return p
	}
	user := func(profiles ...string) *lanyard.User {
		return &lanyard.User{Meta: lanyard.Meta{ID: "u", Name: "u"}, Profiles: profiles}
	}
	tags := map[string]string{"team": "ä"}
	for i, change := range []func(store.Tx) error{
		put(named("p", "p", nil), named("q", "q", tags)),
		put(user("p")),
		func(tx store.Tx) error { return tx.SetPassword(ctx, "u", "first") },
		func(tx store.Tx) error { return tx.SetPassword(ctx, "u", "second") },
		put(user("q")), // another reference
		// Two of them swap their names by way of a third.
		func(tx store.Tx) error {
			return errors.Join(put(named("p", "r", nil))(tx), put(named("q", "p", tags))(tx), put(named("p", "q", nil))(tx))
		},
		put(user()),
		remove(lanyard.TypeProfile, "q"), // leaves tags behind
		put(named("q", "new", nil)),      // of the same id
		remove(lanyard.TypeProfile, "q"), // takes them along
		func(tx store.Tx) error { return put(profile("both"))(tx) }, // of the next two
		remove(lanyard.TypeUser, "u"),                               // with its password
	} {
		if err := s.Update(ctx, "i", func(tx store.Tx) error {
			if err := change(tx); err != nil {
				return err
			}
			e := event("i")
			e.Time = time.UnixMilli(int64(i))
			return tx.Append(ctx, e)
		}); err != nil {
			t.Fatalf("change %d: %v", i+1, err)
		}
		changes++
	}
	return changes
}

// rows are all that a store has.
func rows(t *testing.T, s *Store) string {
	t.Helper()
	var b strings.Builder
	err := s.Export(t.Context(), store.Scope{Tables: store.Tables}, func(r store.Row) error {
		_, err := fmt.Fprintf(&b, "%s %q\n", r.Table.Name, r.Values)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The function writes what the statements write.
func TestFunctionWritesTheSame(t *testing.T) {
	server := pgtest.Start(t)
	schema := server.Schema(t, t.TempDir())
	with := opened(t, Config{URL: server.URL(schema) + "&track_functions=pl", function: functionAlways})
	changes := writeEverything(t, with)
	without := opened(t, Config{URL: server.URL(server.Schema(t, t.TempDir())), function: functionNever})
	writeEverything(t, without)
	if got, want := rows(t, with), rows(t, without); got != want {
		t.Errorf("the function wrote\n%s\nwant\n%s", got, want)
	}
	// The first change of a server has nothing to begin with.
	server.AwaitTrue(t, "the calls to be counted", fmt.Sprintf(
		`SELECT COALESCE(SUM(calls), 0) = %d FROM pg_stat_user_functions WHERE schemaname = '%s'`, changes-1, schema))
}

// several opens a store that has cached the heads of n instances, which all have profile p.
func several(t *testing.T, url string, n int, c Config) (*Store, []string) {
	t.Helper()
	c.URL = url
	s := opened(t, c)
	var ids []string
	for i := range n {
		id := fmt.Sprint("i", i)
		ids = append(ids, id)
		for _, p := range []string{"p", "q"} {
			if err := add(t.Context(), s, id, p, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s, ids
}

// A changing is an Update of each of several instances, at the same time.
type changing struct {
	wg   sync.WaitGroup
	mu   sync.Mutex
	errs map[string]error
	runs map[string]int
}

func changeAll(ctx context.Context, s *Store, ids []string, text string) *changing {
	c := &changing{errs: map[string]error{}, runs: map[string]int{}}
	for _, id := range ids {
		c.change(ctx, s, id, text)
	}
	return c
}

// change begins to change the description of profile p of one more instance.
func (c *changing) change(ctx context.Context, s *Store, id, text string) {
	c.wg.Go(func() {
		runs := 0
		err := describe(ctx, s, id, func(string) (string, error) { runs++; return text, nil })
		c.mu.Lock()
		defer c.mu.Unlock()
		c.errs[id], c.runs[id] = err, runs
	})
}

// awaitCommitting waits until n batches wait to be committed by a call.
func awaitCommitting(t *testing.T, s *Store, n int) {
	t.Helper()
	pgtest.Await(t, "batches that wait for a call", func() error {
		if got := s.Committing(); got != n {
			return fmt.Errorf("%d batches wait, want %d", got, n)
		}
		return nil
	})
}

// The batches of instances that come while others are being committed are committed together.
func TestInstancesShareACommit(t *testing.T) {
	server := pgtest.Start(t)
	schema := server.Schema(t, t.TempDir())
	s, ids := several(t, server.URL(schema), 12, Config{})
	release := server.LockTable(t, schema, "events")
	all := changeAll(t.Context(), s, ids, "together")
	awaitCommitting(t, s, 10) // of 12
	release()
	all.wg.Wait()
	for id, err := range all.errs {
		if err != nil || all.runs[id] != 1 {
			t.Errorf("the change of %s ran %d times: %v", id, all.runs[id], err)
		}
		whole(t, s, id)
	}
	n := 0
	if err := s.QueryRow(t.Context(), `SELECT COUNT(DISTINCT xmin::text) FROM events WHERE revision = 3`, nil, &n); err != nil ||
		n > 4 {
		t.Errorf("12 instances were changed in %d transactions, want 3: %v", n, err)
	}
}

// Nobody waits for ever for calls that do not end.
func TestCallsThatDoNotEnd(t *testing.T) {
	server := pgtest.Start(t)
	schema := server.Schema(t, t.TempDir())
	s, ids := several(t, server.URL(schema), 4, Config{})
	release := server.LockTable(t, schema, "events")
	all := changeAll(t.Context(), s, ids, "after")
	awaitCommitting(t, s, 2) // of 4
	awaitCommitting(t, s, 0) // each makes a call of its own
	release()
	all.wg.Wait()
	for id, err := range all.errs {
		if err != nil || all.runs[id] != 1 {
			t.Errorf("the change of %s ran %d times: %v", id, all.runs[id], err)
		}
		whole(t, s, id)
	}
	// Calls are shared as before.
	release = server.LockTable(t, schema, "events")
	all = changeAll(t.Context(), s, ids, "again")
	awaitCommitting(t, s, 2)
	release()
	all.wg.Wait()
}

// Whatever becomes of one of the instances of a call, the others are committed, once.
func TestInstancesOfOneCallDoNotHarmOthers(t *testing.T) {
	server := pgtest.Start(t)
	ctx := t.Context()
	for name, tt := range map[string]struct {
		before func(t *testing.T, schema string, other *Store) // what becomes of instance i5
		err    func(error) bool
		runs   int // of i5's change
		others int // runs of the others' changes, at most
	}{
		"another server has changed it": {
			before: func(t *testing.T, _ string, other *Store) {
				if err := describe(ctx, other, "i5", func(string) (string, error) { return "theirs", nil }); err != nil {
					t.Fatal(err)
				}
			},
			err: func(err error) bool { return err == nil }, runs: 2, others: 1,
		},
		"another server has its lock": {
			before: func(t *testing.T, schema string, _ *Store) { server.Lock(t, schema, "i5") },
			err:    func(err error) bool { return lanyard.KindOf(err) == lanyard.Unavailable }, runs: 1, others: 1,
		},
		"the database refuses it": {
			before: func(t *testing.T, schema string, _ *Store) {
				server.Exec(t, fmt.Sprintf(`SET search_path = %s;
					CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
						IF NEW.instance_id = 'i5' THEN RAISE 'as if'; END IF;
						RETURN NEW;
					END $$;
					CREATE TRIGGER refuse BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION refuse()`, schema))
			},
			err: func(err error) bool { return lanyard.KindOf(err) == lanyard.Internal }, runs: 2, others: 2,
		},
		"it lost a row": {
			before: func(t *testing.T, schema string, _ *Store) {
				server.Exec(t, fmt.Sprintf(`DELETE FROM %s.resources WHERE instance_id = 'i5'`, schema))
			},
			err: func(err error) bool { return lanyard.KindOf(err) == lanyard.NotFound }, runs: 2, others: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			schema := server.Schema(t, t.TempDir())
			s, ids := several(t, server.URL(schema)+"&lock_timeout=1500", 12, Config{})
			// what is to be in the cache is
			for _, id := range ids {
				if err := describe(ctx, s, id, func(string) (string, error) { return "before", nil }); err != nil {
					t.Fatal(err)
				}
			}
			tt.before(t, schema, opened(t, Config{URL: server.URL(schema)}))
			release := server.LockTable(t, schema, "events")
			others := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == "i5" })
			all := changeAll(ctx, s, others, "after")
			awaitCommitting(t, s, 9) // of 11
			all.change(ctx, s, "i5", "after")
			awaitCommitting(t, s, 10)
			release()
			all.wg.Wait()
			for _, id := range ids {
				r, err := s.Reader(id).Get(ctx, lanyard.TypeProfile, "p")
				switch {
				case id == "i5":
					if !tt.err(all.errs[id]) || all.runs[id] > tt.runs {
						t.Errorf("its change ran %d times: %v", all.runs[id], all.errs[id])
					}
				case all.errs[id] != nil || all.runs[id] > tt.others:
					t.Errorf("the change of %s ran %d times: %v", id, all.runs[id], all.errs[id])
				case err != nil || r.(*lanyard.Profile).Description != "after":
					t.Errorf("the profile of %s is %+v, %v", id, r, err)
				}
				whole(t, s, id)
			}
		})
	}
}

// A database that loses the function, or never had it, is written to without.
func TestWithoutTheFunction(t *testing.T) {
	server := pgtest.Start(t)
	ctx := t.Context()
	drop := func(schema string) string {
		return fmt.Sprintf(`DROP FUNCTION %s.%s`, schema, theFunction().name)
	}
	t.Run("it is dropped", func(t *testing.T) {
		schema := server.Schema(t, t.TempDir())
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, nil))
		s, _ := several(t, server.URL(schema), 1, Config{function: functionAlways, Logger: logger})
		server.Exec(t, drop(schema))
		for i := range 3 {
			if err := describe(ctx, s, "i0", func(string) (string, error) { return fmt.Sprint(i), nil }); err != nil {
				t.Fatal(err)
			}
		}
		if got := strings.Count(log.String(), "instances commit separately"); got != 1 {
			t.Errorf("%d warnings, want 1:\n%s", got, log.String())
		}
		whole(t, s, "i0")
	})
	t.Run("it belongs to a stranger", func(t *testing.T) {
		schema := server.Schema(t, t.TempDir())
		with, _ := several(t, server.URL(schema), 1, Config{function: functionAlways})
		if err := with.Close(); err != nil {
			t.Fatal(err)
		}
		server.Exec(t, fmt.Sprintf(`CREATE ROLE stranger; GRANT CREATE ON SCHEMA %[1]s TO stranger;
			ALTER FUNCTION %[1]s.%[2]s OWNER TO stranger`, schema, theFunction().name))
		var log bytes.Buffer
		s := opened(t, Config{URL: server.URL(schema) + "&track_functions=pl", function: functionAlways,
			Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err := describe(ctx, s, "i0", func(string) (string, error) { return "after", nil }); err != nil {
			t.Error(err)
		}
		if !strings.Contains(log.String(), "belongs to a role that owns no tables") {
			t.Errorf("the log is:\n%s", log.String())
		}
		n := 0
		if err := s.QueryRow(ctx, `SELECT COALESCE(SUM(calls), 0) FROM pg_stat_user_functions WHERE schemaname = $1`,
			[]any{schema}, &n); err != nil || n != 0 {
			t.Errorf("it was called %d times: %v", n, err)
		}
	})
	t.Run("it is refused", func(t *testing.T) {
		schema := server.Schema(t, t.TempDir())
		server.Exec(t, fmt.Sprintf(`
			CREATE FUNCTION public.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
				IF current_setting('search_path') = '%s' THEN RAISE insufficient_privilege; END IF;
			END $$;
			CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('CREATE FUNCTION')
			EXECUTE FUNCTION public.refuse()`, schema))
		defer server.Exec(t, `DROP EVENT TRIGGER refuse; DROP FUNCTION public.refuse()`)
		var log bytes.Buffer
		s, _ := several(t, server.URL(schema), 1, Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err := describe(ctx, s, "i0", func(string) (string, error) { return "after", nil }); err != nil {
			t.Error(err)
		}
		if got := strings.Count(log.String(), "instances commit separately"); got != 1 {
			t.Errorf("%d warnings, want 1:\n%s", got, log.String())
		}
	})
}

// Servers of two versions each call their own function.
func TestFunctionsOfTwoVersions(t *testing.T) {
	server := pgtest.Start(t)
	schema := server.Schema(t, t.TempDir())
	server.Exec(t, fmt.Sprintf(`SET search_path = %s; CREATE FUNCTION lanyard_write_00000000(int) RETURNS int LANGUAGE sql AS 'SELECT 1'`, schema))
	s, _ := several(t, server.URL(schema), 1, Config{})
	n := 0
	if err := s.QueryRow(t.Context(), `SELECT COUNT(*) FROM pg_proc WHERE proname LIKE 'lanyard\_write\_%' AND pronamespace = $1::regnamespace`,
		[]any{schema}, &n); err != nil || n != 2 {
		t.Errorf("there are %d functions, want 2: %v", n, err)
	}
}

// When the database is lost in the commit, the outcome is unknown for all instances of the call, and for no others.
func TestCallOfUnknownOutcome(t *testing.T) {
	server := pgtest.Start(t)
	schema := server.Schema(t, t.TempDir())
	s, ids := several(t, server.URL(schema), 12, Config{})
	server.Exec(t, fmt.Sprintf(`SET search_path = %s;
		CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			PERFORM pg_terminate_backend(pg_backend_pid());
			PERFORM pg_sleep(1);
			RETURN NULL;
		END $$;
		CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED
		FOR EACH ROW WHEN (NEW.instance_id = 'i5') EXECUTE FUNCTION fail()`, schema))
	release := server.LockTable(t, schema, "events")
	others := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == "i5" })
	all := changeAll(t.Context(), s, others, "after")
	awaitCommitting(t, s, 9) // of 11
	all.change(t.Context(), s, "i5", "after")
	awaitCommitting(t, s, 10)
	release()
	all.wg.Wait()
	unknown := 0
	for id, err := range all.errs {
		if errors.Is(err, lanyard.ErrUnknown) {
			unknown++
		} else if err != nil {
			t.Errorf("the change of %s: %v", id, err)
		}
		if all.runs[id] != 1 {
			t.Errorf("the change of %s ran %d times", id, all.runs[id])
		}
	}
	if !errors.Is(all.errs["i5"], lanyard.ErrUnknown) || unknown < 2 || unknown > 10 {
		t.Errorf("%d changes are unknown; want those of one call, with i5: %v", unknown, all.errs)
	}
}

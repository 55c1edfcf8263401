package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
)

// describe changes the description of profile p, to what f makes of it.
func describe(ctx context.Context, s *Store, in string, f func(was string) (string, error)) error {
	return s.Update(ctx, in, func(tx store.Tx) error {
		r, err := tx.Get(ctx, lanyard.TypeProfile, "p")
		if err != nil {
			return err
		}
		p := lanyard.Clone(r.(*lanyard.Profile))
		if p.Description, err = f(p.Description); err != nil {
			return err
		}
		if p.Description == r.(*lanyard.Profile).Description {
			return nil
		}
		if err := tx.Put(ctx, p); err != nil {
			return err
		}
		return tx.Append(ctx, event(in))
	})
}

// A server bases a change on what its last one left. When another server has changed the instance since, it must
// notice, whatever it was about to answer.
func TestConflict(t *testing.T) {
	server := pgtest.Start(t)
	ctx := t.Context()
	refused := errors.New("refused")
	for name, tt := range map[string]struct {
		between func(t *testing.T, schema string, other *Store) // while the server does not look
		change  func(was string) (string, error)
		want    string // the description in the end; "" when there is no profile
		err     func(error) bool
		runs    int
	}{
		"nothing came in between": {
			between: func(*testing.T, string, *Store) {},
			change:  func(was string) (string, error) { return was + " mine", nil },
			want:    "first mine", runs: 1,
		},
		"a change of the same": {
			between: func(t *testing.T, _ string, other *Store) {
				if err := describe(ctx, other, "i", func(was string) (string, error) { return was + " theirs", nil }); err != nil {
					t.Fatal(err)
				}
			},
			change: func(was string) (string, error) { return was + " mine", nil },
			want:   "first theirs mine", runs: 2,
		},
		"a change of something else": {
			between: func(t *testing.T, _ string, other *Store) {
				if err := add(ctx, other, "i", "another", nil); err != nil {
					t.Fatal(err)
				}
			},
			change: func(was string) (string, error) { return was + " mine", nil },
			want:   "first mine", runs: 2,
		},
		"there seems to be nothing to do": {
			between: func(t *testing.T, _ string, other *Store) {
				if err := describe(ctx, other, "i", func(string) (string, error) { return "theirs", nil }); err != nil {
					t.Fatal(err)
				}
			},
			change: func(string) (string, error) { return "first", nil },
			want:   "first", runs: 2,
		},
		"there is nothing to do": {
			between: func(*testing.T, string, *Store) {},
			change:  func(was string) (string, error) { return was, nil },
			want:    "first", runs: 1,
		},
		"it seems to be forbidden": {
			between: func(t *testing.T, _ string, other *Store) {
				if err := describe(ctx, other, "i", func(string) (string, error) { return "free", nil }); err != nil {
					t.Fatal(err)
				}
			},
			change: func(was string) (string, error) {
				if was == "first" {
					return "", refused
				}
				return "mine", nil
			},
			want: "mine", runs: 2,
		},
		"it is forbidden": {
			between: func(*testing.T, string, *Store) {},
			change:  func(string) (string, error) { return "", refused },
			want:    "first", err: func(err error) bool { return errors.Is(err, refused) }, runs: 1,
		},
		"it was deleted": {
			between: func(t *testing.T, _ string, other *Store) {
				err := other.Update(ctx, "i", func(tx store.Tx) error {
					if err := tx.Delete(ctx, lanyard.TypeProfile, "p"); err != nil {
						return err
					}
					return tx.Append(ctx, event("i"))
				})
				if err != nil {
					t.Fatal(err)
				}
			},
			change: func(was string) (string, error) { return was + " mine", nil },
			err:    func(err error) bool { return errors.Is(err, lanyard.ErrNotFound) }, runs: 1,
		},
		"a failover lost the last change": {
			between: func(t *testing.T, schema string, _ *Store) {
				server.Exec(t, fmt.Sprintf(`SET search_path = %s;
					DELETE FROM events WHERE revision = (SELECT MAX(revision) FROM events);
					UPDATE resources SET doc = convert_to(replace(convert_from(doc, 'UTF8'), '"first"', '"older"'), 'UTF8')`, schema))
			},
			change: func(was string) (string, error) { return was + " mine", nil },
			want:   "older mine", runs: 2,
		},
		"a failover lost the last change, and there is another of its number": {
			between: func(t *testing.T, schema string, other *Store) {
				server.Exec(t, fmt.Sprintf(`SET search_path = %s;
					DELETE FROM events WHERE revision = (SELECT MAX(revision) FROM events);
					UPDATE resources SET doc = convert_to(replace(convert_from(doc, 'UTF8'), '"first"', '"older"'), 'UTF8')`, schema))
				if err := describe(ctx, other, "i", func(was string) (string, error) { return was + " theirs", nil }); err != nil {
					t.Fatal(err)
				}
			},
			change: func(was string) (string, error) { return was + " mine", nil },
			want:   "older theirs mine", runs: 2,
		},
		"a failover lost the last change, there is another of its number, and there seems to be nothing to do": {
			between: func(t *testing.T, schema string, other *Store) {
				server.Exec(t, fmt.Sprintf(`SET search_path = %s; DELETE FROM events WHERE revision = (SELECT MAX(revision) FROM events)`, schema))
				if err := describe(ctx, other, "i", func(was string) (string, error) { return was + " theirs", nil }); err != nil {
					t.Fatal(err)
				}
			},
			change: func(was string) (string, error) { return "first", nil },
			want:   "first", runs: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			schema := server.Schema(t, t.TempDir())
			mine, other := opened(t, Config{URL: server.URL(schema)}), opened(t, Config{URL: server.URL(schema)})
			if err := add(ctx, mine, "i", "p", nil); err != nil {
				t.Fatal(err)
			}
			if err := describe(ctx, mine, "i", func(string) (string, error) { return "first", nil }); err != nil {
				t.Fatal(err)
			}
			tt.between(t, schema, other)
			runs := 0
			err := describe(ctx, mine, "i", func(was string) (string, error) { runs++; return tt.change(was) })
			if tt.err == nil && err != nil || tt.err != nil && !tt.err(err) {
				t.Errorf("the change is answered with %v", err)
			}
			if runs != tt.runs {
				t.Errorf("the change ran %d times, want %d", runs, tt.runs)
			}
			got := ""
			if r, err := other.Reader("i").Get(ctx, lanyard.TypeProfile, "p"); err == nil {
				got = r.(*lanyard.Profile).Description
			}
			if got != tt.want {
				t.Errorf("the profile says %q, want %q", got, tt.want)
			}
			whole(t, other, "i")
		})
	}
}

// whole checks that the chain of an instance's events has no gap and no break.
func whole(t *testing.T, s *Store, in string) {
	t.Helper()
	events, err := s.Reader(in).Events(t.Context(), 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range events {
		if e.Revision != int64(i+1) {
			t.Fatalf("event %d has revision %d", i+1, e.Revision)
		}
		if i > 0 && (len(e.Previous) != 32 || !bytes.Equal(e.Previous, events[i-1].Hash)) {
			t.Errorf("event %d does not follow the one before it", e.Revision)
		}
	}
}

// Servers that change the same instance at the same time lose nothing, whoever lost a race.
func TestConflictsOfServers(t *testing.T) {
	server := pgtest.Start(t)
	ctx := t.Context()
	url := server.URL(server.Schema(t, t.TempDir()))
	stores := []*Store{opened(t, Config{URL: url}), opened(t, Config{URL: url}), opened(t, Config{URL: url})}
	if err := add(ctx, stores[0], "i", "p", nil); err != nil {
		t.Fatal(err)
	}
	const workers, each = 9, 60
	var wg sync.WaitGroup
	for w := range workers {
		s := stores[w%len(stores)]
		wg.Go(func() {
			for i := range each {
				if rand.IntN(10) == 0 { // which waits for the database before it is done
					if err := add(ctx, s, "i", fmt.Sprint(w, " ", i), nil); err != nil {
						t.Error(err)
					}
				}
				err := describe(ctx, s, "i", func(was string) (string, error) {
					n, _ := strconv.Atoi(was)
					return strconv.Itoa(n + 1), nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	r, err := stores[0].Reader("i").Get(ctx, lanyard.TypeProfile, "p")
	if err != nil {
		t.Fatal(err)
	}
	if got := r.(*lanyard.Profile).Description; got != strconv.Itoa(workers*each) {
		t.Errorf("%d increments were acknowledged, and the profile counts %s", workers*each, got)
	}
	whole(t, stores[1], "i")
}

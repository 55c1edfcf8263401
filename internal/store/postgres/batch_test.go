package postgres

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
	"github.com/lanyard/lanyard/internal/store/sqlstore"
)

// saying changes the description of a profile, and appends the event unless it is refused.
func saying(ctx context.Context, id, text string, refused error) func(store.Tx) error {
	return func(tx store.Tx) error {
		r, err := tx.Get(ctx, lanyard.TypeProfile, id)
		if err != nil {
			return err
		}
		p := lanyard.Clone(r.(*lanyard.Profile))
		p.Description = text
		if err := tx.Put(ctx, p); err != nil || refused != nil {
			return errors.Join(err, refused)
		}
		return tx.Append(ctx, event("i"))
	}
}

// says tells what a profile says to another server.
func says(t *testing.T, s *Store, id, want string) {
	t.Helper()
	r, err := s.Reader("i").Get(t.Context(), lanyard.TypeProfile, id)
	if err != nil {
		t.Error(err)
	} else if got := r.(*lanyard.Profile).Description; got != want {
		t.Errorf("profile %s says %q, want %q", id, got, want)
	}
}

// Whatever becomes of those who share a transaction with a change, it is there when it is acknowledged.
func TestGroupAfterRefusal(t *testing.T) {
	server := pgtest.Start(t)
	ctx := t.Context()
	refused := errors.New("refused")
	for name, tt := range map[string]struct {
		second func(context.Context, context.CancelFunc) func(store.Tx) error
		err    func(error) bool
		runs   int // of the first change, at most
	}{
		"refused after a Put": {
			func(ctx context.Context, _ context.CancelFunc) func(store.Tx) error {
				return saying(ctx, "q", "second", refused)
			},
			func(err error) bool { return errors.Is(err, refused) }, 1,
		},
		"its caller left after a Put": {
			func(ctx context.Context, leave context.CancelFunc) func(store.Tx) error {
				return func(tx store.Tx) error {
					if err := saying(ctx, "q", "second", refused)(tx); !errors.Is(err, refused) {
						return err
					}
					leave()
					return tx.Append(ctx, event("i"))
				}
			},
			func(err error) bool { return errors.Is(err, lanyard.ErrUnavailable) }, 1,
		},
		"refused after a read": {
			func(ctx context.Context, _ context.CancelFunc) func(store.Tx) error {
				return func(tx store.Tx) error {
					_, err := tx.Count(ctx, lanyard.TypeProfile)
					return errors.Join(err, refused)
				}
			},
			func(err error) bool { return errors.Is(err, refused) }, 1,
		},
		"refused after a Put and a read": {
			func(ctx context.Context, _ context.CancelFunc) func(store.Tx) error {
				return func(tx store.Tx) error {
					err := saying(ctx, "q", "second", refused)(tx)
					_, failed := tx.Count(ctx, lanyard.TypeProfile)
					return errors.Join(err, failed)
				}
			},
			func(err error) bool { return errors.Is(err, refused) }, 1,
		},
		"a name that is taken": {
			func(ctx context.Context, _ context.CancelFunc) func(store.Tx) error {
				return func(tx store.Tx) error { return tx.Put(ctx, profile("q")) }
			},
			// whose the taken key was nobody can tell: together once more, then alone
			func(err error) bool { return errors.Is(err, lanyard.ErrDuplicate) }, 3,
		},
		"nothing to do": {
			func(ctx context.Context, _ context.CancelFunc) func(store.Tx) error {
				return func(tx store.Tx) error { _, err := tx.Get(ctx, lanyard.TypeProfile, "q"); return err }
			},
			func(err error) bool { return err == nil }, 1,
		},
	} {
		for _, begins := range []string{"optimistically", "with the lock"} {
			t.Run(name+", begun "+begins, func(t *testing.T) {
				url := server.URL(server.Schema(t, t.TempDir()))
				s, other := opened(t, Config{URL: url}), opened(t, Config{URL: url})
				knows := s
				if begins == "with the lock" {
					knows = other
				}
				for _, id := range []string{"p", "q"} {
					if err := add(ctx, knows, "i", id, nil); err != nil {
						t.Fatal(err)
					}
				}
				left, leave := context.WithCancel(ctx)
				defer leave()
				errs := make(chan error, 1)
				runs := 0
				comes := sync.OnceFunc(func() {
					go func() { errs <- s.Update(left, "i", tt.second(left, leave)) }()
					awaitQueued(t, s, 1)
				})
				err := s.Update(ctx, "i", func(tx store.Tx) error {
					runs++
					comes()
					return saying(ctx, "p", "first", nil)(tx)
				})
				if err != nil || runs > tt.runs {
					t.Errorf("the first change ran %d times, want %d at most: %v", runs, tt.runs, err)
				}
				if err := <-errs; !tt.err(err) {
					t.Errorf("the second change: %v", err)
				}
				says(t, other, "p", "first")
				says(t, other, "q", "")
				// What comes next neither finds the instance locked nor has anything undone.
				if err := add(ctx, other, "i", "r", nil); err != nil {
					t.Error(err)
				}
				if err := s.Update(ctx, "i", saying(ctx, "p", "third", nil)); err != nil {
					t.Error(err)
				}
				says(t, other, "p", "third")
				whole(t, other, "i")
			})
		}
	}
}

// What is sent in one and is not committed by that is an error, however it came about.
func TestTransactThatBeginsATransaction(t *testing.T) {
	server := pgtest.Start(t)
	s := opened(t, Config{URL: server.URL(server.Schema(t, t.TempDir()))})
	c, err := connect(t.Context(), s.config)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	put := sqlstore.Statement{Query: `INSERT INTO secrets (name, value) VALUES ('s', '')`}
	if err := c.Transact(t.Context(), []sqlstore.Statement{{Query: dialect.Begin}, put}); err == nil ||
		errors.Is(err, sqlstore.ErrUnknown) {
		t.Errorf("a transaction that nobody ended: %v", err)
	}
	if !c.Broken() {
		t.Error("the connection is used on")
	}
	n := -1
	if err := s.QueryRow(t.Context(), `SELECT COUNT(*) FROM secrets`, nil, &n); err != nil || n != 0 {
		t.Errorf("%d rows that it wrote are there: %v", n, err)
	}
}

package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/sqlstore"
	"github.com/lanyard/lanyard/internal/store/storetest"
)

// flaky is a connection on which every third commit fails and every 23rd event takes the whole transaction with
// it, as SQLite does when the disk is full. The events are counted across transactions: in each one, every large
// batch would be lost. A commit takes a while, as on a disk, so that changes come to share one.
type flaky struct {
	sqlstore.Conn
	commits, failed, lost, shared int
	events, inTransaction         int
	reliable                      bool // nothing fails
}

var errDisk = errors.New("the disk does not do what it should")

func (f *flaky) Exec(ctx context.Context, query string, args ...any) (sql.Result, error) {
	switch {
	case query == `BEGIN IMMEDIATE`:
		f.inTransaction = 0
	case query == `COMMIT`:
		time.Sleep(time.Millisecond)
		if f.inTransaction > 1 {
			f.shared++
		}
		if f.commits++; f.commits%3 == 0 && !f.reliable {
			f.failed++
			return nil, errDisk
		}
	case strings.Contains(query, `INSERT INTO events`):
		f.inTransaction++
		if f.events++; f.events%23 == 0 && !f.reliable {
			f.lost++
			f.Conn.Exec(ctx, `ROLLBACK`)
			return nil, errDisk
		}
	}
	return f.Conn.Exec(ctx, query, args...)
}

// Changes in batches of which some fail at the commit are as if those had not been made.
func TestBatchesThatFail(t *testing.T) {
	f := new(flaky)
	db := opened(t, Config{Dir: t.TempDir(), unsynced: true, Logger: slog.New(slog.DiscardHandler),
		wrap: func(c sqlstore.Conn) sqlstore.Conn { f.Conn = c; return f }})
	storetest.RunBatches(t, storetest.Load{Writers: 16, Rounds: 60, Fails: true}, db)
	if f.failed == 0 || f.shared == 0 {
		t.Errorf("%d commits failed, %d were shared; the test requires some of each", f.failed, f.shared)
	}
}

// Large changes are not held in memory together.
func TestBatchesOfLargeChanges(t *testing.T) {
	f := &flaky{reliable: true}
	db := opened(t, Config{Dir: t.TempDir(), unsynced: true,
		wrap: func(c sqlstore.Conn) sqlstore.Conn { f.Conn = c; return f }})
	large := strings.Repeat("x", 5<<20)
	putLarge := func(id int, before func()) {
		if err := db.Update(t.Context(), "i", func(tx store.Tx) error {
			before()
			p := profile(id)
			p.Description = large
			return errors.Join(tx.Put(t.Context(), p), tx.Append(t.Context(), event("i")))
		}); err != nil {
			t.Error(err)
		}
	}
	const others = 4
	var wg sync.WaitGroup
	putLarge(0, func() {
		for id := range others {
			wg.Go(func() { putLarge(1+id, func() {}) })
		}
		awaitQueued(t, db, others)
	})
	wg.Wait()
	if f.shared > 0 {
		t.Errorf("%d commits are of several large changes", f.shared)
	}
}

// awaitQueued waits until n changes wait for their turn.
func awaitQueued(t *testing.T, db *sqlstore.DB, n int) {
	for began := time.Now(); db.Waiting("") != n; time.Sleep(time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Errorf("%d changes wait for their turn, want %d", db.Waiting(""), n)
			return
		}
	}
}

// A flush that fails fails for all who share it, and for nobody else.
func TestGroupThatFails(t *testing.T) {
	f := new(flaky)
	db := opened(t, Config{Dir: t.TempDir(), unsynced: true, Logger: slog.New(slog.DiscardHandler),
		wrap: func(c sqlstore.Conn) sqlstore.Conn { f.Conn = c; return f }})
	const in = "i"
	failure := errors.New("a change that fails")
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(w), 2))
			for round := range 60 {
				id, fails := fmt.Sprintf("p-%d-%d", w, round), rnd.IntN(4) == 0
				err := db.Update(t.Context(), in, func(tx store.Tx) error {
					if err := tx.Put(t.Context(), &lanyard.Profile{Meta: lanyard.Meta{ID: id, Name: id}}); err != nil {
						return err
					}
					if fails {
						return failure
					}
					return tx.Append(t.Context(), &lanyard.Event{ID: id, Instance: in, Time: time.Now()})
				})
				_, read := db.Reader(in).Get(t.Context(), lanyard.TypeProfile, id)
				switch {
				case err == nil && (fails || read != nil):
					t.Errorf("%s is acknowledged, and then %v", id, read)
				case err != nil && !errors.Is(err, failure) && !errors.Is(err, errDisk):
					t.Errorf("%s was refused with %v, which is neither its own nor the disk's", id, err)
				case err != nil && !errors.Is(read, lanyard.ErrNotFound):
					t.Errorf("%s was refused with %v, and is there", id, err)
				case err == nil:
					mu.Lock()
					acknowledged[id] = true
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	events, err := db.Reader(in).Events(t.Context(), 0, 10_000)
	if err != nil || len(events) != len(acknowledged) {
		t.Fatalf("%d events, %d changes acknowledged, %v", len(events), len(acknowledged), err)
	}
	for i, e := range events {
		if e.Revision != int64(i+1) || !acknowledged[e.ID] {
			t.Fatalf("event %d is %s of revision %d, acknowledged: %v", i+1, e.ID, e.Revision, acknowledged[e.ID])
		}
	}
	list, err := db.Reader(in).List(t.Context(), lanyard.TypeProfile, 0, 10_000)
	if err != nil || len(list) != len(acknowledged) {
		t.Errorf("%d profiles, %d acknowledged, %v", len(list), len(acknowledged), err)
	}
	if f.failed == 0 || f.lost == 0 || f.shared == 0 {
		t.Errorf("%d commits failed, %d transactions were lost, %d were shared; the test requires some of each", f.failed,
			f.lost, f.shared)
	}
	t.Logf("%d changes acknowledged, %d commits failed, %d transactions lost, %d shared", len(acknowledged), f.failed,
		f.lost, f.shared)
}

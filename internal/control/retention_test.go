package control_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/audit"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
)

// describe changes a profile so many times.
func (w *world) describe(p *lanyard.Profile, times int) (revision int64) {
	w.Helper()
	for i := range times {
		result, err := w.UpdateSecurityProfile(w.Context(), call("UpdateSecurityProfile"), w.in.ID, p.ID,
			control.ProfileChange{Description: ptr(fmt.Sprint(w.now, i))})
		w.must(err)
		revision = result.Revision
	}
	return revision
}

// left returns the revisions of the first and the last event that are kept, when the chain from the
// checkpoint on is whole and signed.
func (w *world) left() (first, last int64) {
	w.Helper()
	r := w.store.Reader(w.in.ID)
	from, err := r.Checkpoint(w.Context())
	w.must(err)
	secret, err := w.store.Secret(w.Context(), audit.Secret)
	w.must(err)
	chain, err := audit.Begin(w.in.ID, secret, from)
	w.must(err)
	list, err := r.Records(w.Context(), 0, 10_000)
	w.must(err)
	for _, record := range list {
		_, err := chain.Next(record)
		w.must(err)
	}
	return from.Revision + 1, chain.Last().Revision
}

func TestPrune(t *testing.T) {
	w := newWorld(t)
	p := w.profile("Viewer", control.ProfileChange{})
	const day = 24 * time.Hour
	w.describe(p, 10) // up to revision 12
	w.pass(10 * day)
	w.describe(p, 10) // up to 22
	for _, tt := range []struct {
		name string
		keep control.Retention
		want int64 // first that is left
	}{
		{"everything", control.Retention{}, 1},
		{"more than there are", control.Retention{Events: 100}, 1},
		{"longer than there were any", control.Retention{Age: 11 * day}, 1},
		{"by count", control.Retention{Events: 18}, 5},
		{"the same again", control.Retention{Events: 18}, 5},
		{"by age", control.Retention{Age: 5 * day}, 13},
		{"by both, whichever comes first", control.Retention{Age: 5 * day, Events: 4}, 19},
		{"the last one stays", control.Retention{Age: time.Nanosecond}, 19},
	} {
		if tt.name == "the last one stays" {
			w.pass(day)
			tt.want = 22
		}
		_, before := w.left()
		_, more, err := w.Prune(t.Context(), w.in.ID, tt.keep, "AKIAROOT")
		first, last := w.left()
		if err != nil || more || first != tt.want || last != before {
			t.Errorf("keep %s: %v, more %v; revisions %d to %d are left, want %d to %d", tt.name, err, more, first, last,
				tt.want, before)
		}
	}
	c, err := w.store.Reader(w.in.ID).Checkpoint(t.Context())
	if err != nil || c.By != "AKIAROOT" || !c.Time.Equal(w.now) {
		t.Errorf("the checkpoint is by %q of %v, %v; want AKIAROOT, %v", c.By, c.Time, err, w.now)
	}
	if _, more, err := w.Prune(t.Context(), "none such", control.Retention{Events: 1}, ""); err != nil || more {
		t.Errorf("an instance that never was: %v, %v", more, err)
	}
}

// Many are pruned in steps.
func TestPruneMany(t *testing.T) {
	w := newWorld(t)
	p := w.profile("Viewer", control.ProfileChange{})
	last := w.describe(p, 1200)
	cut, more, err := w.Prune(t.Context(), w.in.ID, control.Retention{Events: 10}, "x")
	if err != nil || !more || cut != 500 {
		t.Fatalf("the first step: %d, %v, %v; want 500 and more", cut, more, err)
	}
	w.must(w.PruneAll(t.Context(), control.Retention{Events: 10}, "x"))
	if first, end := w.left(); first != last-9 || end != last {
		t.Errorf("revisions %d to %d are left, want the 10 up to %d", first, end, last)
	}
}

// Nobody without the server's secret can say that records were pruned, and what is pruned
// after such a lie would hide it.
func TestPruneForged(t *testing.T) {
	w := newWorld(t)
	p := w.profile("Viewer", control.ProfileChange{})
	w.describe(p, 10)
	r, err := w.store.Reader(w.in.ID).Records(t.Context(), 4, 1)
	w.must(err)
	c := lanyard.Checkpoint{Instance: w.in.ID, Revision: 5, Seq: r[0].Seq, Hash: r[0].Hash, Time: w.now, By: "an outsider"}
	c.MAC = audit.Sign([]byte("a guess"), c)
	w.must(w.store.Prune(t.Context(), c))
	_, _, err = w.Prune(t.Context(), w.in.ID, control.Retention{Events: 1}, "AKIAROOT")
	w.fails(err, lanyard.Condition, "nothing was pruned", "revision 5", "signature")
}

// Retain does it by itself.
func TestRetain(t *testing.T) {
	w := newWorld(t)
	p := w.profile("Viewer", control.ProfileChange{})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		w.Retain(ctx, control.Retention{Events: 3}, time.Millisecond)
		close(ended)
	}()
	last := w.describe(p, 20)
	soon(t, "three are left", func() bool {
		c, err := w.store.Reader(w.in.ID).Checkpoint(t.Context())
		w.must(err)
		return c.Revision == last-3
	})
	stop()
	<-ended
	if first, end := w.left(); first != last-2 || end != last {
		t.Errorf("revisions %d to %d are left, want the 3 up to %d", first, end, last)
	}
}

// Several servers may prune at a time, and none takes that for a broken chain.
func TestPruneTogether(t *testing.T) {
	pg := pgtest.Start(t)
	url := pg.URL(pg.Schema(t, t.TempDir()))
	a, b := server(t, url, true, 0), server(t, url, true, 0)
	a.in = a.instance(account, "centre")
	p := a.profile("Viewer", control.ProfileChange{})
	var wg sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	for _, w := range []*world{a, b, b} {
		wg.Go(func() {
			for ctx.Err() == nil {
				if _, _, err := w.Prune(t.Context(), a.in.ID, control.Retention{Events: 1}, "x"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	last := a.describe(p, 100)
	stop()
	wg.Wait()
	_, _, err := a.Prune(t.Context(), a.in.ID, control.Retention{Events: 1}, "x")
	a.must(err)
	if events, err := b.Events(t.Context(), a.in.ID, 0, 10); err != nil || len(events) != 1 || events[0].Revision != last {
		t.Errorf("%v, %v are left, want revision %d", events, err, last)
	}
}

// A server that has an older snapshot than what is left of the events loads the instance from scratch, and
// answers rightly, whichever way it learns that it is behind.
func TestFollowPastCut(t *testing.T) {
	pg := pgtest.Start(t)
	for name, poll := range map[string]time.Duration{"asked for a revision": time.Hour,
		"by polling": 200 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			url := pg.URL(pg.Schema(t, t.TempDir()))
			a, b := server(t, url, true, 0), server(t, url, false, poll)
			a.in = a.instance(account, "centre")
			keep, gone := a.profile("Viewer", control.ProfileChange{}),
				a.profile("Guest", control.ProfileChange{Permissions: []string{"Users.View"}})
			anna, bert := a.user("anna", keep.ID), a.user("bert", gone.ID)
			if b.allows(a.in, anna.ID) || !b.allows(a.in, bert.ID) {
				t.Fatal("what was granted at first is not what is decided")
			}
			a.must(a.update(keep, control.ProfileChange{Permissions: []string{"Users.View"}}))
			a.must(a.update(gone, control.ProfileChange{Permissions: []string{}}))
			last := a.describe(keep, 3)
			if cut, _, err := a.Prune(t.Context(), a.in.ID, control.Retention{Events: 1}, "x"); err != nil || cut != last-1 {
				t.Fatalf("%d were pruned, %v; want %d", cut, err, last-1)
			}
			if poll == time.Hour {
				_, err := b.Snapshot(t.Context(), call(""), a.in.ID, last)
				b.must(err)
			}
			soon(t, "the other server follows", func() bool { return b.allows(a.in, anna.ID) && !b.allows(a.in, bert.ID) })
		})
	}
}

package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// A behaviour is how one of the concurrent changes of the stress test ends, after it stored a profile with its id.
type behaviour struct {
	name   string
	often  int                                                     // compared with the others
	end    func(ctx context.Context, tx store.Tx, id string) error // what it does last, or nil
	leaves bool                                                    // its caller leaves before the event
	want   func(error) bool                                        // what Update must return
}

var errStress = errors.New("a change that fails")

var behaviours = []behaviour{
	{name: "succeeds", often: 4, want: func(err error) bool { return err == nil }},
	{name: "fails after it wrote", often: 1,
		end:  func(context.Context, store.Tx, string) error { return errStress },
		want: func(err error) bool { return errors.Is(err, errStress) }},
	{name: "panics", often: 1,
		end:  func(context.Context, store.Tx, string) error { panic(errStress) },
		want: func(err error) bool { return errors.Is(err, errStress) }},
	{name: "finds a name taken and goes on", often: 1, end: putTakenName,
		want: func(err error) bool { return err == nil }},
	{name: "is given up by its caller", often: 1, leaves: true,
		want: func(err error) bool { return errors.Is(err, lanyard.ErrUnavailable) }},
}

func putTakenName(ctx context.Context, tx store.Tx, id string) error {
	if err := tx.Put(ctx, profile(id+"-too", "Base")); !errors.Is(err, lanyard.ErrDuplicate) {
		return fmt.Errorf("a name that is taken: %v", err)
	}
	return nil
}

func randomBehaviour(rnd *rand.Rand) behaviour {
	all := 0
	for _, b := range behaviours {
		all += b.often
	}
	n := rnd.IntN(all)
	for _, b := range behaviours {
		if n -= b.often; n < 0 {
			return b
		}
	}
	panic("unreachable")
}

// A stress is many concurrent changes of few instances.
type stress struct {
	t  *testing.T
	s  store.Store
	mu sync.Mutex
	// acknowledged are the ids of the changes that succeeded, by instance
	acknowledged map[string][]string
	done         map[string]int // by behaviour
}

// testStress has many concurrent writers of few instances. Each change reads back what it did; every change that was
// acknowledged is there, nothing of the others is, and revisions have no gaps.
func testStress(t *testing.T, open Open) {
	const writers, rounds, instances = 32, 25, 3
	st := &stress{t: t, s: fresh(t, open), acknowledged: map[string][]string{}, done: map[string]int{}}
	for i := range instances {
		counter := profile("p", "Base")
		counter.Description = "0"
		put(t, st.s, numbered("instance", i), counter)
	}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(w), 1))
			for round := range rounds {
				st.change(numbered("instance", rnd.IntN(instances)), fmt.Sprintf("p-%d-%d", w, round), randomBehaviour(rnd))
			}
		})
	}
	wg.Wait()
	for _, b := range behaviours {
		if st.done[b.name] == 0 {
			t.Errorf("no change %s", b.name)
		}
	}
	for i := range instances {
		st.checkResources(numbered("instance", i))
		st.checkEvents(numbered("instance", i))
	}
}

// change makes one change of an instance and checks what is answered.
func (st *stress) change(in, id string, b behaviour) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	err := catchPanic(func() error {
		return st.s.Update(ctx, in, func(tx store.Tx) error {
			if err := putAndReadBack(ctx, tx, id, b); err != nil {
				return err
			}
			if b.leaves {
				cancel()
			}
			return tx.Append(ctx, event(in))
		})
	})
	if !b.want(err) {
		st.t.Errorf("%s, which %s, is answered with %v", id, b.name, err)
	}
	st.mu.Lock()
	st.done[b.name]++
	if err == nil {
		st.acknowledged[in] = append(st.acknowledged[in], id)
	}
	st.mu.Unlock()
	if err == nil { // Fresh: whoever reads after the answer sees it
		if _, err := st.s.Reader(in).Get(context.Background(), lanyard.TypeProfile, id); err != nil {
			st.t.Errorf("%s is acknowledged, and then: %v", id, err)
		}
	}
}

// putAndReadBack stores a profile and raises the counter that everybody raises.
func putAndReadBack(ctx context.Context, tx store.Tx, id string, b behaviour) error {
	before, err := tx.Revision(ctx)
	if err != nil {
		return err
	}
	if err := errors.Join(tx.Put(ctx, profile(id, id)), increment(ctx, tx)); err != nil {
		return err
	}
	if got, err := tx.Get(ctx, lanyard.TypeProfile, id); err != nil || got.Head().Name != id {
		return fmt.Errorf("%s reads %v, %v after it put it", id, got, err)
	}
	if b.end != nil {
		if err := b.end(ctx, tx, id); err != nil {
			return err
		}
	}
	if after, err := tx.Revision(ctx); err != nil || after != before {
		return fmt.Errorf("revision %d became %d, %v", before, after, err)
	}
	return nil
}

func catchPanic(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = p.(error)
		}
	}()
	return f()
}

// checkResources checks that exactly what was acknowledged is there.
func (st *stress) checkResources(in string) {
	r, want := st.s.Reader(in), st.acknowledged[in]
	var got []string
	for _, p := range must(r.List(st.t.Context(), lanyard.TypeProfile, 0, 10_000))(st.t) {
		if p.Head().ID != "p" {
			got = append(got, p.Head().ID)
		} else if n := p.(*lanyard.Profile).Description; n != fmt.Sprint(len(want)) {
			st.t.Errorf("%s counted %s changes, %d were acknowledged", in, n, len(want))
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		st.t.Errorf("%s holds %d profiles, %d were acknowledged:\n%v\n%v", in, len(got), len(want), got, want)
	}
	if n := must(r.Count(st.t.Context(), lanyard.TypeProfile))(st.t); n != len(want)+1 {
		st.t.Errorf("%s counts %d profiles, want %d", in, n, len(want)+1)
	}
}

// checkEvents checks that each change that was acknowledged, and no other, has a revision.
func (st *stress) checkEvents(in string) {
	events := must(st.s.Reader(in).Events(st.t.Context(), 0, 10_000))(st.t)
	if want := len(st.acknowledged[in]) + 1; len(events) != want {
		st.t.Errorf("%s has %d events, want %d", in, len(events), want)
	}
	for n, e := range events {
		if e.Revision != int64(n+1) {
			st.t.Fatalf("%s: event %d has revision %d", in, n+1, e.Revision)
		}
	}
}

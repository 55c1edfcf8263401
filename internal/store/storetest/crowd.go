package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// testCrowd has many writers at a time, of few instances. Some fail after they wrote, some panic,
// some find a name taken and go on, some give up, some delete all. Each reads back what it did, every
// change that was acknowledged is there, nothing of the others is, and revisions have no gaps.
func testCrowd(t *testing.T, open Open) {
	s := fresh(t, open)
	const writers, rounds, instances = 32, 25, 3
	failure := errors.New("a change that fails")
	name := func(i int) string { return fmt.Sprintf("instance-%d", i) }
	for i := range instances {
		counter := profile("p", "Base")
		counter.Description = "0"
		put(t, s, name(i), counter)
	}
	var mu sync.Mutex
	kept := map[string][]string{} // ids by instance
	var acknowledged [instances]atomic.Int64
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(w), 1))
			for round := range rounds {
				n := rnd.IntN(instances)
				in, id := name(n), fmt.Sprintf("p-%d-%d", w, round)
				what := rnd.IntN(8)
				ctx, cancel := context.WithCancel(context.Background())
				change := func(ctx context.Context, tx store.Tx) error {
					before, err := tx.Revision(ctx)
					if err != nil {
						return err
					}
					if err := tx.Put(ctx, profile(id, id)); err != nil {
						return err
					}
					// What everybody changes must not be lost.
					if err := increment(ctx, tx); err != nil {
						return err
					}
					if got, err := tx.Get(ctx, lanyard.TypeProfile, id); err != nil || got.Head().Name != id {
						return fmt.Errorf("%s reads %v, %v after it put it", id, got, err)
					}
					switch what {
					case 0:
						return failure
					case 1:
						panic(failure)
					case 2:
						if err := tx.Put(ctx, profile(id+"-too", "Base")); !errors.Is(err, lanyard.ErrDuplicate) {
							return fmt.Errorf("a name that is taken: %v", err)
						}
					case 3:
						cancel()
					}
					if after, err := tx.Revision(ctx); what != 3 && (err != nil || after != before) {
						return fmt.Errorf("revision %d became %d, %v", before, after, err)
					}
					return nil
				}
				err := func() (err error) {
					defer func() {
						if p := recover(); p != nil {
							err = failure
						}
					}()
					return s.Update(ctx, in, func(tx store.Tx) error {
						if err := change(ctx, tx); err != nil {
							return err
						}
						return tx.Append(ctx, event(in))
					})
				}()
				cancel()
				switch {
				case what < 2 && !errors.Is(err, failure), what == 3 && !errors.Is(err, lanyard.ErrUnavailable), what != 0 &&
					what != 1 && what != 3 && err != nil:
					t.Errorf("%s of kind %d: %v", id, what, err)
				case err == nil:
					acknowledged[n].Add(1)
					mu.Lock()
					kept[in] = append(kept[in], id)
					mu.Unlock()
					// Fresh: whoever reads after the answer sees it.
					if _, err := s.Reader(in).Get(context.Background(), lanyard.TypeProfile, id); err != nil {
						t.Errorf("%s is acknowledged, and then: %v", id, err)
					}
				}
			}
		})
	}
	wg.Wait()
	for i := range instances {
		in, r := name(i), s.Reader(name(i))
		all := must(r.List(t.Context(), lanyard.TypeProfile, 0, 10_000))(t)
		var got []string
		for _, p := range all {
			if p.Head().ID != "p" {
				got = append(got, p.Head().ID)
			} else if n := p.(*lanyard.Profile).Description; n != fmt.Sprint(acknowledged[i].Load()) {
				t.Errorf("%s counted %s changes, %d were acknowledged", in, n, acknowledged[i].Load())
			}
		}
		want := kept[in]
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s holds %d profiles, %d were acknowledged:\n%v\n%v", in, len(got), len(want), got, want)
		}
		if n := must(r.Count(t.Context(), lanyard.TypeProfile))(t); n != len(want)+1 {
			t.Errorf("%s counts %d profiles, want %d", in, n, len(want)+1)
		}
		events := must(r.Events(t.Context(), 0, 10_000))(t)
		if int64(len(events)) != acknowledged[i].Load()+1 {
			t.Errorf("%s has %d events, %d changes were acknowledged", in, len(events), acknowledged[i].Load()+1)
		}
		for n, e := range events {
			if e.Revision != int64(n+1) {
				t.Fatalf("%s: event %d has revision %d", in, n+1, e.Revision)
			}
		}
	}
}

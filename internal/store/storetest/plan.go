package storetest

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// A plan is made on one state, also when the instance changes all the time, and changes nothing.
func testPlan(t *testing.T, open Open) {
	s := fresh(t, open)
	ctx := t.Context()
	put(t, s, instance, profile("a", "A"), profile("b", "B"))
	set := func(n int) { // both always say the same
		err := update(s, instance, func(ctx context.Context, tx store.Tx) error {
			for _, id := range []string{"a", "b"} {
				r, err := tx.Get(ctx, lanyard.TypeProfile, id)
				if err != nil {
					return err
				}
				p := lanyard.Clone(r.(*lanyard.Profile))
				p.Description = strconv.Itoa(n)
				if err := tx.Put(ctx, p); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	runs := 0
	var setting sync.WaitGroup
	var said [2]string
	changes, err := s.Plan(ctx, instance, func(tx store.Tx) error {
		runs++
		for i, id := range []string{"a", "b"} {
			r, err := tx.Get(ctx, lanyard.TypeProfile, id)
			if err != nil {
				return err
			}
			said[i] = r.(*lanyard.Profile).Description
			if i > 0 {
				continue
			}
			done := make(chan struct{})
			setting.Go(func() { defer close(done); set(runs) })
			select {
			case <-done:
			case <-time.After(200 * time.Millisecond): // it waits for the plan
			}
		}
		return tx.Delete(ctx, lanyard.TypeProfile, "b")
	})
	setting.Wait()
	if err != nil || len(changes) != 1 || changes[0].ID != "b" || said[0] != said[1] {
		t.Errorf("the last of %d runs saw %q; the plan is %v, %v", runs, said, changes, err)
	}
	must(s.Reader(instance).Get(ctx, lanyard.TypeProfile, "b"))(t)
	changes, err = s.Plan(ctx, instance, func(tx store.Tx) error {
		if err := tx.Put(ctx, profile("c", "C")); err != nil {
			return err
		}
		return errDone
	})
	if err != errDone || len(changes) != 1 {
		t.Errorf("a plan that is refused has %d changes, %v", len(changes), err)
	}
}

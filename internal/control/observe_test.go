package control_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
)

// told collects the revisions that an observer is told; 0 for a load.
type told struct {
	mu   sync.Mutex
	list []int64
}

func (o *told) take(events []lanyard.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(events) == 0 {
		o.list = append(o.list, 0)
	}
	for _, e := range events {
		o.list = append(o.list, e.Revision)
	}
}

func (o *told) revisions() []int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.list)
}

// An observer is told every event in order, however many changes are made at once, and before a decision follows it.
func TestObserve(t *testing.T) {
	w := newWorld(t, manyOfAll)
	var o, other told
	stop := w.Observe(w.in.ID, o.take)
	stopOther := w.Observe("another instance", other.take)
	now, _, err := w.Current(t.Context(), call(""), w.in.ID)
	w.must(err)
	if got := o.revisions(); !slices.Equal(got, []int64{0}) {
		t.Errorf("of a load it is told %v", got)
	}
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			_, err := w.CreateSecurityProfile(context.Background(), call("CreateSecurityProfile"), w.in.ID,
				control.NewProfile{Name: fmt.Sprint("Profile ", i)})
			if err != nil {
				t.Error(err)
			}
			s, _, err := w.Current(context.Background(), call(""), w.in.ID)
			if have := o.revisions(); err != nil || have[len(have)-1] < s.Revision() {
				t.Errorf("a decision is made at revision %d, and told were %v (%v)", s.Revision(), have, err)
			}
		})
	}
	all.Wait()
	want := []int64{0}
	for i := range int64(40) {
		want = append(want, now.Revision()+1+i)
	}
	if got := o.revisions(); !slices.Equal(got, want) {
		t.Errorf("told are %v, want %v", got, want)
	}
	stop()
	stopOther()
	_, err = w.CreateSecurityProfile(t.Context(), call("CreateSecurityProfile"), w.in.ID, control.NewProfile{Name: "Last"})
	w.must(err)
	if got := o.revisions(); !slices.Equal(got, want) || len(other.revisions()) > 0 {
		t.Errorf("after stop it is told %v, and another one %v", got[len(want):], other.revisions())
	}
}

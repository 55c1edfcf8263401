package control

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/store"
)

// observers are who is told what changes, by instance.
type observers struct {
	mu sync.RWMutex
	of map[string][]*observer
}

type observer struct{ told func([]lanyard.Event) }

func (o *observers) tell(instance string, events []lanyard.Event) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	for _, one := range o.of[instance] {
		one.told(events)
	}
}

// Observe has told called with the events of an instance, in order, when decisions have come to follow them, whichever
// server made them; and without any when the instance was loaded, so that something may be missing. The same events may
// come again. It does not have the instance loaded: Current does. told must be quick, and neither keep the slice nor
// change the events. It is not called any more once stop has returned.
func (s *Service) Observe(instance string, told func([]lanyard.Event)) (stop func()) {
	one, o := &observer{told}, &s.observers
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.of == nil {
		o.of = map[string][]*observer{}
	}
	o.of[instance] = append(slices.Clip(o.of[instance]), one)
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		left := slices.DeleteFunc(slices.Clone(o.of[instance]), func(other *observer) bool { return other == one })
		if o.of[instance] = left; len(left) == 0 {
			delete(o.of, instance)
		}
	}
}

// Current returns the latest snapshot of an instance, and a time at which there was no change that it lacks.
func (s *Service) Current(ctx context.Context, call Call, instance string) (*access.Snapshot, time.Time, error) {
	at := time.Now()
	if _, shared := s.store.(store.Watcher); shared {
		at = s.engine.Confirmed()
	}
	snapshot, err := s.Snapshot(ctx, call, instance, 0)
	return snapshot, at, err
}

// Load calls put for every resource that decisions depend on, and for the instance itself, those that others refer to
// first. It returns the revision of the state that it read; later changes may be among the resources. An instance that
// does not exist has no resources.
func (s *Service) Load(ctx context.Context, instance string, put func(lanyard.Resource)) (int64, error) {
	return source{s.store}.Load(ctx, instance, put)
}

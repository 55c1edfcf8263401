package control

import (
	"context"
	"errors"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/store"
)

// source is the store as the decision engine reads it.
type source struct{ store store.Instances }

// Load reads every resource that decides anything. The revision is read first: what changes in the
// meantime comes again with the events after it.
func (s source) Load(ctx context.Context, instance string, put func(lanyard.Resource)) (int64, error) {
	r := s.store.Reader(instance)
	revision, err := r.Revision(ctx)
	if err != nil {
		return 0, err
	}
	in, err := r.Get(ctx, lanyard.TypeInstance, instance)
	if errors.Is(err, lanyard.ErrNotFound) {
		return revision, nil
	}
	if err != nil {
		return 0, err
	}
	put(in)
	// One reads while the other compiles.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	pages := make(chan []lanyard.Resource, 4)
	go func() {
		defer close(pages)
		for _, t := range lanyard.LoadOrder() {
			if err := eachPage(ctx, r, t, func(page []lanyard.Resource) error {
				select {
				case pages <- page:
					return nil
				case <-ctx.Done():
					return context.Cause(ctx)
				}
			}); err != nil {
				cancel(err)
				return
			}
		}
	}()
	for page := range pages {
		for _, res := range page {
			put(res)
		}
	}
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	return revision, nil
}

func (s source) Events(ctx context.Context, instance string, after int64, limit int) ([]lanyard.Event, error) {
	return s.store.Reader(instance).Events(ctx, after, limit)
}

func (s source) Revision(ctx context.Context, instance string) (int64, error) {
	return s.store.Reader(instance).Revision(ctx)
}

// maxWait bounds how long a question waits for the revision that it names.
const maxWait = 2 * time.Second

// Snapshot returns what the caller may decide from: the latest state of an instance, of at least a
// revision. An instance that the caller does not own does not exist.
func (s *Service) Snapshot(ctx context.Context, call Call, instance string, atLeast int64) (*access.Snapshot, error) {
	// Where there is a snapshot it knows whose the instance is: a decision asks the store nothing.
	if have := s.engine.Peek(instance); have != nil && have.Exists() && have.Account() == call.Account &&
		call.Region == "" {
		return s.engine.AtLeast(ctx, instance, atLeast, maxWait)
	}
	in, err := s.Instance(ctx, call, instance)
	if err != nil {
		return nil, err
	}
	return s.engine.AtLeast(ctx, in.ID, atLeast, maxWait)
}

// NextSnapshot waits until the snapshot of an instance has another Altered than the one that the caller knows, and
// returns it then, or the latest one when ctx ends.
func (s *Service) NextSnapshot(ctx context.Context, call Call, instance string, known int64) (*access.Snapshot, error) {
	now, err := s.Snapshot(ctx, call, instance, 0) // refuses an instance of another account
	if err != nil || now.Altered() != known {
		return now, err
	}
	return s.engine.Next(ctx, now.Instance(), known)
}

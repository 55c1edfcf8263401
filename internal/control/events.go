package control

import (
	"context"

	"github.com/lanyard/lanyard"
)

// Events returns events of one instance, of whatever account, in order, as store.Reader's does: a page may be short
// before the last. It is for the operator.
func (s *Service) Events(ctx context.Context, instance string, after int64, limit int) ([]lanyard.Event, error) {
	return s.store.Reader(instance).Events(ctx, after, limit)
}

// Revision is that of the last event of one instance, of whatever account.
func (s *Service) Revision(ctx context.Context, instance string) (int64, error) {
	return s.store.Reader(instance).Revision(ctx)
}

// KnownInstances lists the ids of all instances that ever had an event. It is for the operator.
func (s *Service) KnownInstances(ctx context.Context, after string, limit int) ([]string, error) {
	return s.store.KnownInstances(ctx, after, limit)
}

// Ready reports whether calls can be answered.
func (s *Service) Ready(ctx context.Context) error { return s.store.Ping(ctx) }

// History returns events of one instance, newest first, as store.Reader's does. Who may see which is
// for the caller.
func (s *Service) History(ctx context.Context, instance string, about lanyard.Ref, before int64, scan,
	limit int) ([]lanyard.Event, int64, error) {
	return s.store.Reader(instance).History(ctx, about, before, scan, limit)
}

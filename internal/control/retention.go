package control

import (
	"context"
	"errors"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/audit"
	"github.com/lanyard/lanyard/internal/store"
)

// Retention bounds the events that are kept. An event is pruned as soon as one bound says so; the
// last of an instance never is.
type Retention struct {
	Age    time.Duration // events older than that; 0 for no bound
	Events int64         // of an instance, those before its last so many; 0 for no bound
}

// None reports whether everything is kept.
func (r Retention) None() bool { return r.Age <= 0 && r.Events <= 0 }

const (
	cutEvents = 500 // at most in one transaction, so that changes do not wait for long
	cutPage   = 100 // records in memory
)

// Prune removes the oldest events of an instance that need not be kept, some hundreds at most, and
// returns how many they were and whether there may be more. What is pruned is verified first: a chain
// that is broken there is Condition, and stays as it is. by goes into the checkpoint. It is for the operator.
func (s *Service) Prune(ctx context.Context, instance string, keep Retention,
	by string) (cut int64, more bool, err error) {
	if keep.None() {
		return 0, false, nil
	}
	secret, err := s.store.Secret(ctx, audit.Secret)
	if err != nil {
		return 0, false, err
	}
	r := s.store.Reader(instance)
	from, err := r.Checkpoint(ctx)
	if err != nil {
		return 0, false, err
	}
	head, err := r.Revision(ctx)
	if err != nil {
		return 0, false, err
	}
	chain, err := audit.Begin(instance, secret, from)
	if err != nil {
		return 0, false, whole(err)
	}
	now := s.time()
	last, more, err := verifyOld(ctx, r, chain, func(r lanyard.Record) bool {
		return r.Revision < head &&
			(keep.Events > 0 && r.Revision <= head-keep.Events || keep.Age > 0 && r.Time < now.Add(-keep.Age).UnixMilli())
	})
	if err == nil && last.Revision == from.Revision {
		return 0, false, nil
	}
	if err != nil {
		if s.prunedByAnother(ctx, r, from, err) {
			return 0, true, nil
		}
		return 0, false, err
	}
	c := lanyard.Checkpoint{Instance: instance, Revision: last.Revision, Seq: last.Seq, Hash: last.Hash, Time: now, By: by}
	c.MAC = audit.Sign(secret, c)
	if err := s.store.Prune(ctx, c); err != nil {
		if s.prunedByAnother(ctx, r, from, err) {
			return 0, true, nil
		}
		return 0, false, err
	}
	s.log.Info("old events were pruned", "instance", instance, "events", last.Revision-from.Revision, "revision",
		last.Revision, "by", by)
	return last.Revision - from.Revision, more, nil
}

// prunedByAnother reports whether an error means that another server has pruned events at the same time.
func (s *Service) prunedByAnother(ctx context.Context, r store.InstanceReader, from lanyard.Checkpoint,
	err error) bool {
	if !errors.Is(err, lanyard.ErrCondition) {
		return false
	}
	now, failed := r.Checkpoint(ctx)
	return failed == nil && now.Revision != from.Revision
}

// verifyOld verifies the records that follow in the chain as long as they are old, and returns the last of them. more
// reports that it stopped for another reason.
func verifyOld(ctx context.Context, r store.InstanceReader, chain *audit.Chain,
	old func(lanyard.Record) bool) (last lanyard.Record, more bool, err error) {
	for n := 0; err == nil && n < cutEvents; {
		var page []lanyard.Record
		page, err = r.Records(ctx, chain.Last().Revision, cutPage)
		for _, record := range page {
			if err != nil || !old(record) {
				return chain.Last(), false, whole(err)
			}
			if n++; n > cutEvents {
				break
			}
			_, err = chain.Next(record)
		}
		if err == nil && len(page) == 0 {
			return chain.Last(), false, nil
		}
	}
	if err != nil {
		return last, false, whole(err)
	}
	return chain.Last(), true, nil
}

// whole words the error of a chain that is broken.
func whole(err error) error {
	var broken *audit.Broken
	if errors.As(err, &broken) {
		return lanyard.Errorf(lanyard.Condition,
			"nothing was pruned, because the chain of records is broken: %s; lanyard audit verify tells more", broken)
	}
	return err
}

// PruneAll prunes every instance until nothing more needs to be pruned. It rests as long as it works,
// so that changes always find their turn.
func (s *Service) PruneAll(ctx context.Context, keep Retention, by string) error {
	var failed error
	for after := ""; ; {
		ids, err := s.store.KnownInstances(ctx, after, 1000)
		if err != nil || len(ids) == 0 {
			return errors.Join(failed, err)
		}
		for _, id := range ids {
			for more := true; more; {
				began := time.Now()
				if _, more, err = s.Prune(ctx, id, keep, by); err != nil {
					failed = errors.Join(failed, err) // the others' are pruned all the same
					more = false
				}
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(time.Since(began)):
				}
			}
		}
		after = ids[len(ids)-1]
	}
}

// Retain prunes every instance now and again, until ctx ends.
func (s *Service) Retain(ctx context.Context, keep Retention, every time.Duration) {
	if keep.None() {
		return
	}
	for {
		if err := s.PruneAll(ctx, keep, "retention"); err != nil && ctx.Err() == nil {
			s.log.Error("some old events are not pruned yet; retrying", "again", every.String(), "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}

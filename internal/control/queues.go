package control

import (
	"context"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// maxQuickConnectsOfQueue bounds a queue's document. Amazon documents no number.
const maxQuickConnectsOfQueue = 700

// CreateQueue adds a queue.
func (s *Service) CreateQueue(ctx context.Context, call Call, instance string,
	q *lanyard.Queue) (Created[*lanyard.Queue], error) {
	return create(ctx, s, call, instance, creation[*lanyard.Queue]{resource: q, quota: s.quotas.Queues,
		prepare: func(tx store.Tx, in *lanyard.Instance, q *lanyard.Queue) (err error) {
			if q.Hours, err = referID[*lanyard.Hours](ctx, s, tx, in, "HoursOfOperationId", q.Hours); err != nil {
				return err
			}
			quickConnects, addresses := q.QuickConnects, q.EmailAddresses
			q.QuickConnects, q.EmailAddresses = nil, nil
			if err := s.addQuickConnects(ctx, tx, in, q, quickConnects); err != nil {
				return err
			}
			check := &documentCheck{ctx, s, tx, in, call}
			if err := check.addEmailAddresses(q, addresses); err != nil {
				return err
			}
			return check.resolveSettings(&lanyard.Queue{}, q)
		}})
}

// DescribeQueue returns a queue.
func (s *Service) DescribeQueue(ctx context.Context, call Call, instance,
	queue string) (*lanyard.Instance, *lanyard.Queue, error) {
	return describe[*lanyard.Queue](ctx, s, call, instance, queue)
}

// UpdateQueueHoursOfOperation gives a queue other hours of operation.
func (s *Service) UpdateQueueHoursOfOperation(ctx context.Context, call Call, instance, queue, hours string) (Result,
	error) {
	return update(ctx, s, call, instance, queue,
		func(tx store.Tx, in *lanyard.Instance, q *lanyard.Queue) (err error) {
			q.Hours, err = referID[*lanyard.Hours](ctx, s, tx, in, "HoursOfOperationId", hours)
			return err
		})
}

// UpdateQueueMaxContacts sets how many contacts may wait in a queue; nil lifts the bound.
func (s *Service) UpdateQueueMaxContacts(ctx context.Context, call Call, instance, queue string, most *int32) (Result,
	error) {
	return update(ctx, s, call, instance, queue, func(_ store.Tx, _ *lanyard.Instance, q *lanyard.Queue) error {
		q.MaxContacts = most
		return nil
	})
}

// UpdateQueueName renames or describes a queue.
func (s *Service) UpdateQueueName(ctx context.Context, call Call, instance, queue string, n Naming) (Result, error) {
	if err := n.refuseEmpty(); err != nil {
		return Result{}, err
	}
	return update(ctx, s, call, instance, queue, func(_ store.Tx, _ *lanyard.Instance, q *lanyard.Queue) error {
		n.set(&q.Meta, &q.Description)
		return nil
	})
}

// UpdateQueueStatus enables or disables a queue.
func (s *Service) UpdateQueueStatus(ctx context.Context, call Call, instance, queue, status string) (Result, error) {
	return update(ctx, s, call, instance, queue, func(_ store.Tx, _ *lanyard.Instance, q *lanyard.Queue) error {
		q.Disabled = status == QueueDisabled
		return nil
	})
}

// QueueDisabled is the status of a queue that takes no contacts.
const QueueDisabled = "DISABLED"

// UpdateQueueSettings replaces single settings of a queue, whole each; a nil value removes one.
func (s *Service) UpdateQueueSettings(ctx context.Context, call Call, instance, queue string,
	settings lanyard.Settings) (Result, error) {
	return update(ctx, s, call, instance, queue, func(tx store.Tx, in *lanyard.Instance, q *lanyard.Queue) error {
		before := lanyard.Clone(q) // merged changes the settings themselves
		q.Settings = merged(q.Settings, settings)
		return (&documentCheck{ctx, s, tx, in, call}).resolveSettings(before, q)
	})
}

// AssociateQueueQuickConnects adds quick connects to those of a queue. Those that it has stay.
func (s *Service) AssociateQueueQuickConnects(ctx context.Context, call Call, instance, queue string,
	quickConnects []string) (Result, error) {
	return update(ctx, s, call, instance, queue, func(tx store.Tx, in *lanyard.Instance, q *lanyard.Queue) error {
		return s.addQuickConnects(ctx, tx, in, q, quickConnects)
	})
}

func (s *Service) addQuickConnects(ctx context.Context, r store.Reader, in *lanyard.Instance, q *lanyard.Queue,
	refs []string) error {
	ids, err := s.quickConnectIDs(ctx, r, in, refs)
	if err != nil {
		return err
	}
	q.QuickConnects = unique(append(q.QuickConnects, ids...))
	if n := len(q.QuickConnects); n > maxQuickConnectsOfQueue {
		return lanyard.Errorf(lanyard.Limit, "QuickConnectIds must leave the queue with at most %d quick connects, got %d",
			maxQuickConnectsOfQueue, n)
	}
	return nil
}

// quickConnectIDs returns the ids of the quick connects that a request names.
func (s *Service) quickConnectIDs(ctx context.Context, r store.Reader, in *lanyard.Instance,
	refs []string) ([]string, error) {
	ids := make([]string, len(refs))
	for i, ref := range refs {
		var err error
		if ids[i], err = referID[*lanyard.QuickConnect](ctx, s, r, in, item("QuickConnectIds", i), ref); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// DisassociateQueueQuickConnects takes quick connects from a queue. Those that it does not have are ignored.
func (s *Service) DisassociateQueueQuickConnects(ctx context.Context, call Call, instance, queue string,
	quickConnects []string) (Result, error) {
	return update(ctx, s, call, instance, queue, func(tx store.Tx, in *lanyard.Instance, q *lanyard.Queue) error {
		ids, err := s.quickConnectIDs(ctx, tx, in, quickConnects)
		if err != nil {
			return err
		}
		q.QuickConnects = unique(slices.DeleteFunc(q.QuickConnects, func(id string) bool { return contains(ids, id) }))
		return nil
	})
}

// ListQueueQuickConnects pages through the quick connects of a queue by id, less those that the user on whose
// behalf the call is made may not view.
func (s *Service) ListQueueQuickConnects(ctx context.Context, call Call, instance, queue string,
	p Page) (PartOf[*lanyard.Queue, *lanyard.QuickConnect], error) {
	var out PartOf[*lanyard.Queue, *lanyard.QuickConnect]
	in, q, err := s.DescribeQueue(ctx, call, instance, queue)
	if err != nil {
		return out, err
	}
	see, err := s.Sight(ctx, call, in)
	if err != nil {
		return out, err
	}
	seen := slices.DeleteFunc(slices.Clone(q.QuickConnects),
		func(id string) bool { return !see.Sees(lanyard.TypeQuickConnect, id) })
	ids, next := pageBy(seen, func(id string) string { return id }, p)
	out.Instance, out.Of, out.Next = in, q, next
	for _, id := range ids {
		c, err := load[*lanyard.QuickConnect](ctx, s, s.store.Reader(in.ID), in, id)
		if err != nil {
			return out, err
		}
		out.Items = append(out.Items, c)
	}
	return out, nil
}

// DeleteQueue removes a queue that no routing profile uses and no quick connect leads to.
func (s *Service) DeleteQueue(ctx context.Context, call Call, instance, queue string) (Result, error) {
	return remove[*lanyard.Queue](ctx, s, call, instance, queue, lanyard.TypeRoutingProfile, lanyard.TypeQuickConnect)
}

package control

import (
	"context"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// merged returns settings with single ones replaced, or removed where the new value is nil.
func merged(have, with lanyard.Settings) lanyard.Settings {
	for name, value := range with {
		if value == nil {
			delete(have, name)
			continue
		}
		if have == nil {
			have = lanyard.Settings{}
		}
		have[name] = value
	}
	return have
}

// CreateHoursOfOperation adds hours of operation.
func (s *Service) CreateHoursOfOperation(ctx context.Context, call Call, instance string,
	h *lanyard.Hours) (Created[*lanyard.Hours], error) {
	if err := checkTimeZone(h.TimeZone); err != nil {
		return Created[*lanyard.Hours]{}, err
	}
	return create(ctx, s, call, instance, creation[*lanyard.Hours]{resource: h, quota: s.quotas.Hours,
		prepare: func(tx store.Tx, in *lanyard.Instance, h *lanyard.Hours) (err error) {
			h.Parents, err = s.parentIDs(ctx, tx, in, parentConfig, h.Parents)
			h.Parents = unique(h.Parents)
			return err
		}})
}

// DescribeHoursOfOperation returns hours of operation.
func (s *Service) DescribeHoursOfOperation(ctx context.Context, call Call, instance,
	hours string) (*lanyard.Instance, *lanyard.Hours, error) {
	return describe[*lanyard.Hours](ctx, s, call, instance, hours)
}

// ParentHours returns the hours that those of in inherit from, less what the user on whose behalf the call
// is made may not view.
func (s *Service) ParentHours(ctx context.Context, call Call, in *lanyard.Instance,
	h *lanyard.Hours) ([]*lanyard.Hours, error) {
	see, err := s.Sight(ctx, call, in)
	if err != nil {
		return nil, err
	}
	var parents []*lanyard.Hours
	for _, id := range h.Parents {
		if !see.Sees(lanyard.TypeHours, id) {
			continue
		}
		p, err := get[*lanyard.Hours](ctx, s, s.store.Reader(in.ID), in, id)
		if err != nil {
			return nil, err
		}
		parents = append(parents, p)
	}
	return parents, nil
}

// DeleteHoursOfOperation removes hours that no queue uses and no other hours inherit from.
func (s *Service) DeleteHoursOfOperation(ctx context.Context, call Call, instance, hours string) (Result, error) {
	return remove[*lanyard.Hours](ctx, s, call, instance, hours, lanyard.TypeQueue, lanyard.TypeHours)
}

// CreateQueue adds a queue.
func (s *Service) CreateQueue(ctx context.Context, call Call, instance string,
	q *lanyard.Queue) (Created[*lanyard.Queue], error) {
	return create(ctx, s, call, instance, creation[*lanyard.Queue]{resource: q, quota: s.quotas.Queues,
		prepare: func(tx store.Tx, in *lanyard.Instance, q *lanyard.Queue) (err error) {
			if q.Hours, err = referID[*lanyard.Hours](ctx, s, tx, in, "HoursOfOperationId", q.Hours); err != nil {
				return err
			}
			sent := q.QuickConnects
			q.QuickConnects = nil
			return s.addQuickConnects(ctx, tx, in, q, sent)
		}})
}

// DescribeQueue returns a queue.
func (s *Service) DescribeQueue(ctx context.Context, call Call, instance,
	queue string) (*lanyard.Instance, *lanyard.Queue, error) {
	return describe[*lanyard.Queue](ctx, s, call, instance, queue)
}

// DeleteQueue removes a queue that no routing profile uses and no quick connect leads to.
func (s *Service) DeleteQueue(ctx context.Context, call Call, instance, queue string) (Result, error) {
	return remove[*lanyard.Queue](ctx, s, call, instance, queue, lanyard.TypeRoutingProfile, lanyard.TypeQuickConnect)
}

// CreateRoutingProfile adds a routing profile.
func (s *Service) CreateRoutingProfile(ctx context.Context, call Call, instance string,
	r *lanyard.RoutingProfile) (Created[*lanyard.RoutingProfile], error) {
	return create(ctx, s, call, instance, creation[*lanyard.RoutingProfile]{resource: r, quota: s.quotas.RoutingProfiles,
		prepare: func(tx store.Tx, in *lanyard.Instance, r *lanyard.RoutingProfile) (err error) {
			if r.DefaultQueue, err = referID[*lanyard.Queue](ctx, s, tx, in, "DefaultOutboundQueueId",
				r.DefaultQueue); err != nil {
				return err
			}
			if err := s.queueConfigs(ctx, tx, in, "QueueConfigs", r.Queues); err != nil {
				return err
			}
			if err := s.queueConfigs(ctx, tx, in, "ManualAssignmentQueueConfigs", r.ManualQueues); err != nil {
				return err
			}
			return s.roomForQueues(r)
		}})
}

func (s *Service) queueConfigs(ctx context.Context, r store.Reader, in *lanyard.Instance, list string,
	configs []lanyard.QueueConfig) (err error) {
	seen := map[string]bool{}
	for i := range configs {
		c := &configs[i]
		where := member(list, i, "QueueReference.QueueId")
		if c.Queue, err = referID[*lanyard.Queue](ctx, s, r, in, where, c.Queue); err != nil {
			return err
		}
		if seen[queueKey(*c)] {
			return lanyard.Errorf(lanyard.Invalid, "%s: queue %s is listed twice for channel %s", where, c.Queue, c.Channel)
		}
		seen[queueKey(*c)] = true
	}
	return nil
}

func queueKey(c lanyard.QueueConfig) string { return c.Queue + "/" + c.Channel }

// DescribeRoutingProfile returns a routing profile, less the queues that the user on whose behalf the call is
// made may not view.
func (s *Service) DescribeRoutingProfile(ctx context.Context, call Call, instance,
	routingProfile string) (*lanyard.Instance, *lanyard.RoutingProfile, error) {
	in, r, err := describe[*lanyard.RoutingProfile](ctx, s, call, instance, routingProfile)
	if err != nil {
		return nil, nil, err
	}
	see, err := s.Sight(ctx, call, in)
	return in, see.queues(r), err
}

// queues returns a routing profile with those of its queues that the sight shows.
func (see Sight) queues(r *lanyard.RoutingProfile) *lanyard.RoutingProfile {
	if see == nil {
		return r
	}
	hidden := func(c lanyard.QueueConfig) bool { return !see(lanyard.TypeQueue, c.Queue) }
	r = lanyard.Clone(r)
	r.Queues, r.ManualQueues = slices.DeleteFunc(r.Queues, hidden), slices.DeleteFunc(r.ManualQueues, hidden)
	return r
}

// RoutingProfileUsers counts the users of a routing profile whom the user on whose behalf the call is made
// may view. Its cost grows with their number.
func (s *Service) RoutingProfileUsers(ctx context.Context, call Call, in *lanyard.Instance, id string) (int64, error) {
	see, err := s.Sight(ctx, call, in)
	if err != nil {
		return 0, err
	}
	const chunk = 1000
	var n int64
	for after := ""; ; {
		ids, err := s.store.Reader(in.ID).Referrers(ctx, lanyard.Ref{Type: lanyard.TypeRoutingProfile, ID: id},
			lanyard.TypeUser, after, chunk)
		if err != nil {
			return 0, err
		}
		for _, user := range ids {
			if see.Sees(lanyard.TypeUser, user) {
				n++
			}
		}
		if len(ids) < chunk {
			return n, nil
		}
		after = ids[len(ids)-1]
	}
}

// NamedQueue is a line of a routing profile's list of queues.
type NamedQueue struct {
	lanyard.QueueConfig
	Name string
}

// ListRoutingProfileQueues pages through the queues of a routing profile by queue and channel.
func (s *Service) ListRoutingProfileQueues(ctx context.Context, call Call, instance, routingProfile string,
	p Page) (PartOf[*lanyard.RoutingProfile, NamedQueue], error) {
	in, r, err := s.DescribeRoutingProfile(ctx, call, instance, routingProfile)
	if err != nil {
		return PartOf[*lanyard.RoutingProfile, NamedQueue]{}, err
	}
	return s.nameQueues(ctx, partOf(in, r, r.Queues, queueKey, p))
}

// ListRoutingProfileManualAssignmentQueues pages through the queues of a routing profile whose contacts are
// assigned by hand, by queue and channel.
func (s *Service) ListRoutingProfileManualAssignmentQueues(ctx context.Context, call Call, instance,
	routingProfile string, p Page) (PartOf[*lanyard.RoutingProfile, NamedQueue], error) {
	in, r, err := s.DescribeRoutingProfile(ctx, call, instance, routingProfile)
	if err != nil {
		return PartOf[*lanyard.RoutingProfile, NamedQueue]{}, err
	}
	return s.nameQueues(ctx, partOf(in, r, r.ManualQueues, queueKey, p))
}

// nameQueues looks up the names of the queues of a page.
func (s *Service) nameQueues(ctx context.Context,
	p PartOf[*lanyard.RoutingProfile, lanyard.QueueConfig]) (PartOf[*lanyard.RoutingProfile, NamedQueue], error) {
	named := PartOf[*lanyard.RoutingProfile, NamedQueue]{Of: p.Of}
	named.Instance, named.Next = p.Instance, p.Next
	for _, c := range p.Items {
		q, err := load[*lanyard.Queue](ctx, s, s.store.Reader(p.Instance.ID), p.Instance, c.Queue)
		if err != nil {
			return named, err
		}
		named.Items = append(named.Items, NamedQueue{c, q.Name})
	}
	return named, nil
}

// DeleteRoutingProfile removes a routing profile that no user has.
func (s *Service) DeleteRoutingProfile(ctx context.Context, call Call, instance, routingProfile string) (Result,
	error) {
	return remove[*lanyard.RoutingProfile](ctx, s, call, instance, routingProfile, lanyard.TypeUser)
}

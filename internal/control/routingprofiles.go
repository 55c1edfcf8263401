package control

import (
	"context"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

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

// UpdateRoutingProfileName renames or describes a routing profile.
func (s *Service) UpdateRoutingProfileName(ctx context.Context, call Call, instance, routingProfile string,
	n Naming) (Result, error) {
	if err := n.refuseEmpty(); err != nil {
		return Result{}, err
	}
	return update(ctx, s, call, instance, routingProfile,
		func(_ store.Tx, _ *lanyard.Instance, r *lanyard.RoutingProfile) error {
			n.set(&r.Meta, &r.Description)
			return nil
		})
}

// UpdateRoutingProfileDefaultOutboundQueue gives a routing profile another queue for outbound calls.
func (s *Service) UpdateRoutingProfileDefaultOutboundQueue(ctx context.Context, call Call, instance, routingProfile,
	queue string) (Result, error) {
	return update(ctx, s, call, instance, routingProfile,
		func(tx store.Tx, in *lanyard.Instance, r *lanyard.RoutingProfile) (err error) {
			r.DefaultQueue, err = referID[*lanyard.Queue](ctx, s, tx, in, "DefaultOutboundQueueId", queue)
			return err
		})
}

// UpdateRoutingProfileSettings replaces single settings of a routing profile, whole each.
func (s *Service) UpdateRoutingProfileSettings(ctx context.Context, call Call, instance, routingProfile string,
	settings lanyard.Settings) (Result, error) {
	return update(ctx, s, call, instance, routingProfile,
		func(_ store.Tx, _ *lanyard.Instance, r *lanyard.RoutingProfile) error {
			r.Settings = merged(r.Settings, settings)
			return nil
		})
}

// RoutingQueues are queues that a call adds to a routing profile, changes in it or takes from it.
type RoutingQueues struct {
	Queues       []lanyard.QueueConfig
	ManualQueues []lanyard.QueueConfig
}

// The lists of a request that fill a RoutingQueues.
var (
	sentConfigs    = [2]string{"QueueConfigs", "ManualAssignmentQueueConfigs"}
	sentReferences = [2]string{"QueueReferences", "ManualAssignmentQueueReferences"}
)

// resolved is q with the ids of its queues, each of which must exist.
func (s *Service) resolved(ctx context.Context, r store.Reader, in *lanyard.Instance, q RoutingQueues,
	lists [2]string) (RoutingQueues, error) {
	q = RoutingQueues{slices.Clone(q.Queues), slices.Clone(q.ManualQueues)} // write may repeat
	if err := s.queueConfigs(ctx, r, in, lists[0], q.Queues); err != nil {
		return q, err
	}
	return q, s.queueConfigs(ctx, r, in, lists[1], q.ManualQueues)
}

// AssociateRoutingProfileQueues adds queues to a routing profile. A queue that is there for the channel gets
// the priority and delay that are sent.
func (s *Service) AssociateRoutingProfileQueues(ctx context.Context, call Call, instance, routingProfile string,
	sent RoutingQueues) (Result, error) {
	return update(ctx, s, call, instance, routingProfile,
		func(tx store.Tx, in *lanyard.Instance, r *lanyard.RoutingProfile) error {
			more, err := s.resolved(ctx, tx, in, sent, sentConfigs)
			if err != nil {
				return err
			}
			r.Queues, r.ManualQueues = withQueues(r.Queues, more.Queues), withQueues(r.ManualQueues, more.ManualQueues)
			return s.roomForQueues(r)
		})
}

func withQueues(have, more []lanyard.QueueConfig) []lanyard.QueueConfig {
	for _, c := range more {
		if at := indexOfQueue(have, c); at >= 0 {
			have[at] = c
		} else {
			have = append(have, c)
		}
	}
	return have
}

func indexOfQueue(list []lanyard.QueueConfig, c lanyard.QueueConfig) int {
	return slices.IndexFunc(list, func(have lanyard.QueueConfig) bool { return queueKey(have) == queueKey(c) })
}

// roomForQueues refuses more queues than a routing profile may have. Each channel of a queue counts.
func (s *Service) roomForQueues(r *lanyard.RoutingProfile) error {
	most := s.quotas.QueuesPerRoutingProfile
	for i, n := range []int{len(r.Queues), len(r.ManualQueues)} {
		if most >= 0 && n > most {
			return lanyard.Errorf(lanyard.Limit,
				"%s must leave the routing profile with at most %d queues, got %d; each channel of a queue counts",
				sentConfigs[i], most, n)
		}
	}
	return nil
}

// UpdateRoutingProfileQueues changes the priority and delay of queues that a routing profile has.
func (s *Service) UpdateRoutingProfileQueues(ctx context.Context, call Call, instance, routingProfile string,
	configs []lanyard.QueueConfig) (Result, error) {
	return update(ctx, s, call, instance, routingProfile,
		func(tx store.Tx, in *lanyard.Instance, r *lanyard.RoutingProfile) error {
			sent, err := s.resolved(ctx, tx, in, RoutingQueues{Queues: configs}, sentConfigs)
			if err != nil {
				return err
			}
			for i, c := range sent.Queues {
				at := indexOfQueue(r.Queues, c)
				if at < 0 {
					return lanyard.Errorf(lanyard.Malformed,
						"%s must be a queue that is associated with the routing profile for channel %s, got %s; "+
							"associate it with AssociateRoutingProfileQueues", member(sentConfigs[0], i, "QueueReference"), c.Channel,
						lanyard.Quote(c.Queue))
				}
				r.Queues[at] = c
			}
			return nil
		})
}

// DisassociateRoutingProfileQueues takes queues from a routing profile. Those that it does not have are ignored.
func (s *Service) DisassociateRoutingProfileQueues(ctx context.Context, call Call, instance, routingProfile string,
	sent RoutingQueues) (Result, error) {
	return update(ctx, s, call, instance, routingProfile,
		func(tx store.Tx, in *lanyard.Instance, r *lanyard.RoutingProfile) error {
			gone, err := s.resolved(ctx, tx, in, sent, sentReferences)
			if err != nil {
				return err
			}
			r.Queues, r.ManualQueues = withoutQueues(r.Queues, gone.Queues), withoutQueues(r.ManualQueues, gone.ManualQueues)
			return nil
		})
}

func withoutQueues(have, gone []lanyard.QueueConfig) []lanyard.QueueConfig {
	return slices.DeleteFunc(have, func(c lanyard.QueueConfig) bool { return indexOfQueue(gone, c) >= 0 })
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

package control

import (
	"context"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// UpdateRoutingProfileName renames or describes a routing profile.
func (s *Service) UpdateRoutingProfileName(ctx context.Context, call Call, instance, routingProfile string,
	n Naming) (Result, error) {
	if err := n.check(); err != nil {
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

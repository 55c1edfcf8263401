package control

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/store"
)

// create adds a resource that prepare has completed, within a quota.
func create[R lanyard.Resource](ctx context.Context, s *Service, call Call, instance string, quota int, sent R, prepare func(store.Tx, *lanyard.Instance, R) error) (*lanyard.Instance, R, error) {
	var made R
	in, err := s.Instance(ctx, call, instance)
	if err != nil {
		return nil, made, err
	}
	err = s.write(ctx, call, in.ID, func(tx store.Tx) error {
		if err := s.room(ctx, tx, sent.Type(), quota); err != nil {
			return err
		}
		made = lanyard.Clone(sent) // afresh each time: write may repeat
		m := made.Head()
		m.ID, m.Modified = s.newID(), s.time()
		if err := prepare(tx, in, made); err != nil {
			return err
		}
		return taken("Name", made, tx.Put(ctx, made))
	})
	return in, made, err
}

// CreateHoursOfOperation adds hours of operation.
func (s *Service) CreateHoursOfOperation(ctx context.Context, call Call, instance string, h *lanyard.Hours) (*lanyard.Instance, *lanyard.Hours, error) {
	if _, err := time.LoadLocation(h.TimeZone); err != nil || h.TimeZone == "" || h.TimeZone == "Local" {
		return nil, nil, lanyard.Errorf(lanyard.Invalid, "TimeZone: %s is not a time zone; names of the IANA database are accepted, e.g. Europe/Paris", quote(h.TimeZone))
	}
	return create(ctx, s, call, instance, s.quotas.Hours, h, func(tx store.Tx, in *lanyard.Instance, h *lanyard.Hours) (err error) {
		for i, ref := range h.Parents {
			if h.Parents[i], err = referID[*lanyard.Hours](ctx, s, tx, in, member("ParentHoursOfOperationConfigs", i, "HoursOfOperationId"), ref); err != nil {
				return err
			}
		}
		h.Parents = unique(h.Parents)
		return nil
	})
}

// DescribeHoursOfOperation returns hours of operation and those that they inherit from.
func (s *Service) DescribeHoursOfOperation(ctx context.Context, call Call, instance, hours string) (*lanyard.Instance, *lanyard.Hours, error) {
	return describe[*lanyard.Hours](ctx, s, call, instance, hours)
}

// HoursByID returns hours of an instance that the caller has already been given.
func (s *Service) HoursByID(ctx context.Context, in *lanyard.Instance, id string) (*lanyard.Hours, error) {
	return get[*lanyard.Hours](ctx, s, s.store.Reader(in.ID), in, id)
}

// DeleteHoursOfOperation removes hours that no queue uses and no other hours inherit from.
func (s *Service) DeleteHoursOfOperation(ctx context.Context, call Call, instance, hours string) error {
	return remove[*lanyard.Hours](ctx, s, call, instance, hours, lanyard.TypeQueue, lanyard.TypeHours)
}

// CreateQueue adds a queue.
func (s *Service) CreateQueue(ctx context.Context, call Call, instance string, q *lanyard.Queue) (*lanyard.Instance, *lanyard.Queue, error) {
	return create(ctx, s, call, instance, s.quotas.Queues, q, func(tx store.Tx, in *lanyard.Instance, q *lanyard.Queue) (err error) {
		q.Hours, err = referID[*lanyard.Hours](ctx, s, tx, in, "HoursOfOperationId", q.Hours)
		return err
	})
}

// DescribeQueue returns a queue.
func (s *Service) DescribeQueue(ctx context.Context, call Call, instance, queue string) (*lanyard.Instance, *lanyard.Queue, error) {
	return describe[*lanyard.Queue](ctx, s, call, instance, queue)
}

// DeleteQueue removes a queue that no routing profile uses.
func (s *Service) DeleteQueue(ctx context.Context, call Call, instance, queue string) error {
	return remove[*lanyard.Queue](ctx, s, call, instance, queue, lanyard.TypeRoutingProfile)
}

// CreateRoutingProfile adds a routing profile.
func (s *Service) CreateRoutingProfile(ctx context.Context, call Call, instance string, r *lanyard.RoutingProfile) (*lanyard.Instance, *lanyard.RoutingProfile, error) {
	return create(ctx, s, call, instance, s.quotas.RoutingProfiles, r, func(tx store.Tx, in *lanyard.Instance, r *lanyard.RoutingProfile) (err error) {
		if r.DefaultQueue, err = referID[*lanyard.Queue](ctx, s, tx, in, "DefaultOutboundQueueId", r.DefaultQueue); err != nil {
			return err
		}
		if err := s.queueConfigs(ctx, tx, in, "QueueConfigs", r.Queues); err != nil {
			return err
		}
		return s.queueConfigs(ctx, tx, in, "ManualAssignmentQueueConfigs", r.ManualQueues)
	})
}

func (s *Service) queueConfigs(ctx context.Context, r store.Reader, in *lanyard.Instance, list string, configs []lanyard.QueueConfig) (err error) {
	seen := map[string]bool{}
	for i := range configs {
		c := &configs[i]
		where := member(list, i, "QueueReference.QueueId")
		if c.Queue, err = referID[*lanyard.Queue](ctx, s, r, in, where, c.Queue); err != nil {
			return err
		}
		if seen[queueKey(*c)] {
			return lanyard.Errorf(lanyard.Invalid, "%s: queue %s stands twice for channel %s; once is accepted", where, c.Queue, c.Channel)
		}
		seen[queueKey(*c)] = true
	}
	return nil
}

func queueKey(c lanyard.QueueConfig) string { return c.Queue + "/" + c.Channel }

// DescribeRoutingProfile returns a routing profile and how many users have it.
func (s *Service) DescribeRoutingProfile(ctx context.Context, call Call, instance, routingProfile string) (*lanyard.Instance, *lanyard.RoutingProfile, error) {
	return describe[*lanyard.RoutingProfile](ctx, s, call, instance, routingProfile)
}

// RoutingProfileUsers counts the users of a routing profile. Its cost grows with their number.
func (s *Service) RoutingProfileUsers(ctx context.Context, in *lanyard.Instance, id string) (int64, error) {
	const chunk = 1000
	var n int64
	for after := ""; ; {
		ids, err := s.store.Reader(in.ID).Referrers(ctx, lanyard.Ref{Type: lanyard.TypeRoutingProfile, ID: id}, lanyard.TypeUser, after, chunk)
		if err != nil {
			return 0, err
		}
		n += int64(len(ids))
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
func (s *Service) ListRoutingProfileQueues(ctx context.Context, call Call, instance, routingProfile string, p Page) (*lanyard.Instance, *lanyard.RoutingProfile, []NamedQueue, string, error) {
	in, r, err := s.DescribeRoutingProfile(ctx, call, instance, routingProfile)
	if err != nil {
		return nil, nil, nil, "", err
	}
	page, next := pageBy(r.Queues, queueKey, p)
	named := make([]NamedQueue, len(page))
	for i, c := range page {
		q, err := load[*lanyard.Queue](ctx, s, s.store.Reader(in.ID), in, c.Queue)
		if err != nil {
			return nil, nil, nil, "", err
		}
		named[i] = NamedQueue{c, q.Name}
	}
	return in, r, named, next, nil
}

// DeleteRoutingProfile removes a routing profile that no user has.
func (s *Service) DeleteRoutingProfile(ctx context.Context, call Call, instance, routingProfile string) error {
	return remove[*lanyard.RoutingProfile](ctx, s, call, instance, routingProfile, lanyard.TypeUser)
}

const (
	// tokenLife is how long a client token is remembered after its first use.
	tokenLife = 7 * 24 * time.Hour
	// forgotten is how many old client tokens a call with a new one removes: two, so that after a busy
	// time they go faster than others come, at a cost that does not depend on how many there are.
	forgotten = 2
)

// forgetTokens removes the oldest client tokens if their life is over, and what is left of the one
// that is about to be used again.
func (s *Service) forgetTokens(ctx context.Context, tx store.Tx, id string) error {
	old, err := tx.List(ctx, lanyard.TypeClientToken, 0, forgotten)
	if err != nil {
		return err
	}
	ids := []string{id}
	for _, t := range old {
		if t.Head().ID != id && s.expired(t) {
			ids = append(ids, t.Head().ID)
		}
	}
	for _, id := range ids {
		if err := tx.Delete(ctx, lanyard.TypeClientToken, id); err != nil && lanyard.KindOf(err) != lanyard.NotFound {
			return err
		}
	}
	return nil
}

func (s *Service) expired(token lanyard.Resource) bool {
	return s.time().Sub(token.Head().Modified) >= tokenLife
}

// CreateContactFlowModule adds a flow module. For seven days the same client token with the same
// request makes it once; with another request it is TokenReused.
func (s *Service) CreateContactFlowModule(ctx context.Context, call Call, instance string, m *lanyard.Module, token string) (*lanyard.Instance, *lanyard.Module, error) {
	sum := sha256.Sum256(call.Request)
	hash := hex.EncodeToString(sum[:])
	if token == "" {
		return create(ctx, s, call, instance, s.quotas.Modules, m, func(store.Tx, *lanyard.Instance, *lanyard.Module) error { return nil })
	}
	in, err := s.Instance(ctx, call, instance)
	if err != nil {
		return nil, nil, err
	}
	id := call.Operation + "/" + token
	seen := func(r store.Reader) (*lanyard.Module, error) {
		t, err := r.Get(ctx, lanyard.TypeClientToken, id)
		if err != nil {
			return nil, err
		}
		if s.expired(t) {
			return nil, lanyard.Errorf(lanyard.NotFound, "client token %s is forgotten", quote(token))
		}
		if t := t.(*lanyard.ClientToken); t.RequestHash == hash {
			m, err := load[*lanyard.Module](ctx, s, r, in, t.Result)
			if err != nil && lanyard.KindOf(err) == lanyard.NotFound {
				return nil, lanyard.Errorf(lanyard.TokenReused, "ClientToken: %s was used for flow module %s, which has been deleted since; use a new token", quote(token), t.Result)
			}
			return m, err
		}
		return nil, lanyard.Errorf(lanyard.TokenReused, "ClientToken: %s was used with other parameters; repeat the same request, or use a new token", quote(token))
	}
	var repeated *lanyard.Module
	_, made, err := create(ctx, s, call, instance, -1, m, func(tx store.Tx, in *lanyard.Instance, m *lanyard.Module) (err error) {
		if repeated, err = seen(tx); err == nil {
			return errUnchanged
		}
		if lanyard.KindOf(err) != lanyard.NotFound {
			return err
		}
		if err := s.room(ctx, tx, m.Type(), s.quotas.Modules); err != nil { // now, for a repetition needs none
			return err
		}
		if err := s.forgetTokens(ctx, tx, id); err != nil {
			return err
		}
		return tx.Put(ctx, &lanyard.ClientToken{Meta: lanyard.Meta{ID: id, Name: id, Modified: m.Modified}, RequestHash: hash, Result: m.ID})
	})
	if repeated != nil && err == nil {
		made = repeated
	}
	return in, made, err
}

// DescribeContactFlowModule returns a flow module.
func (s *Service) DescribeContactFlowModule(ctx context.Context, call Call, instance, module string) (*lanyard.Instance, *lanyard.Module, error) {
	return describe[*lanyard.Module](ctx, s, call, instance, module)
}

// DeleteContactFlowModule removes a flow module. Profiles that allow it keep its id, which then
// grants nothing.
func (s *Service) DeleteContactFlowModule(ctx context.Context, call Call, instance, module string) error {
	return remove[*lanyard.Module](ctx, s, call, instance, module)
}

package control

import (
	"context"
	"slices"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

const (
	// maxParents is the model's bound of a list of parents.
	maxParents = 3
	// maxAncestors bounds what is read to find a cycle.
	maxAncestors = 100
)

// HoursChange is what UpdateHoursOfOperation is told. Nil members stay as they are.
type HoursChange struct {
	Naming
	TimeZone *string
	Settings lanyard.Settings
}

func checkTimeZone(name string) error {
	if _, err := time.LoadLocation(name); err != nil || name == "" || name == "Local" {
		return lanyard.Errorf(lanyard.Invalid,
			"TimeZone must be a name of the IANA time zone database such as Europe/Paris, got %s", lanyard.Quote(name))
	}
	return nil
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
		p, err := getTarget[*lanyard.Hours](ctx, s, s.store.Reader(in.ID), in, id)
		if err != nil {
			return nil, err
		}
		parents = append(parents, p)
	}
	return parents, nil
}

// UpdateHoursOfOperation changes hours of operation.
func (s *Service) UpdateHoursOfOperation(ctx context.Context, call Call, instance, hours string,
	c HoursChange) (Result, error) {
	if c.TimeZone != nil {
		if err := checkTimeZone(*c.TimeZone); err != nil {
			return Result{}, err
		}
	}
	return update(ctx, s, call, instance, hours, func(_ store.Tx, _ *lanyard.Instance, h *lanyard.Hours) error {
		c.set(&h.Meta, &h.Description)
		if c.TimeZone != nil {
			h.TimeZone = *c.TimeZone
		}
		h.Settings = merged(h.Settings, c.Settings)
		return nil
	})
}

// parentIDs returns the ids of the hours that a list of a request names.
func (s *Service) parentIDs(ctx context.Context, r store.Reader, in *lanyard.Instance, members func(int) string,
	refs []string) ([]string, error) {
	ids := make([]string, len(refs))
	for i, ref := range refs {
		var err error
		if ids[i], err = referID[*lanyard.Hours](ctx, s, r, in, members(i), ref); err != nil {
			return nil, err
		}
	}
	return ids, nil
}

func parentConfig(i int) string {
	return member("ParentHoursOfOperationConfigs", i, "HoursOfOperationId")
}

// AssociateHoursOfOperations adds parents to hours of operation. Those that they have stay.
func (s *Service) AssociateHoursOfOperations(ctx context.Context, call Call, instance, hours string,
	parents []string) (Result, error) {
	return update(ctx, s, call, instance, hours, func(tx store.Tx, in *lanyard.Instance, h *lanyard.Hours) error {
		ids, err := s.parentIDs(ctx, tx, in, parentConfig, parents)
		if err != nil {
			return err
		}
		for i, id := range ids {
			if err := s.checkNoCycle(ctx, tx, in, h.ID, id, parentConfig(i)); err != nil {
				return err
			}
		}
		h.Parents = unique(append(h.Parents, ids...))
		if n := len(h.Parents); n > maxParents {
			return lanyard.Errorf(lanyard.Quota,
				"ParentHoursOfOperationConfigs must leave the hours of operation with at most %d parents, got %d", maxParents, n)
		}
		return nil
	})
}

// checkNoCycle refuses a parent that inherits from the child, over however many others.
func (s *Service) checkNoCycle(ctx context.Context, r store.Reader, in *lanyard.Instance, child, parent,
	member string) error {
	above := []string{parent}
	for i := 0; i < len(above); i++ {
		if above[i] == child {
			return lanyard.Errorf(lanyard.Invalid, "%s must be hours of operation that do not inherit from %s, got %s", member,
				lanyard.Quote(child), lanyard.Quote(parent))
		}
		if len(above) > maxAncestors {
			return lanyard.Errorf(lanyard.Invalid, "%s must inherit from at most %d other hours of operation, got %s with more",
				member, maxAncestors, lanyard.Quote(parent))
		}
		h, err := load[*lanyard.Hours](ctx, s, r, in, above[i])
		if err != nil {
			return err
		}
		above = unique(append(above, h.Parents...))
	}
	return nil
}

// DisassociateHoursOfOperations takes parents from hours of operation. Those that they do not have are ignored.
func (s *Service) DisassociateHoursOfOperations(ctx context.Context, call Call, instance, hours string,
	parents []string) (Result, error) {
	return update(ctx, s, call, instance, hours, func(tx store.Tx, in *lanyard.Instance, h *lanyard.Hours) error {
		ids, err := s.parentIDs(ctx, tx, in, func(i int) string { return item("ParentHoursOfOperationIds", i) }, parents)
		if err != nil {
			return err
		}
		h.Parents = unique(slices.DeleteFunc(h.Parents, func(id string) bool { return contains(ids, id) }))
		return nil
	})
}

// ListChildHoursOfOperations pages through the hours of operation that inherit from some, by id.
func (s *Service) ListChildHoursOfOperations(ctx context.Context, call Call, instance, hours string,
	p Page) (PartOf[*lanyard.Hours, *lanyard.Hours], error) {
	var out PartOf[*lanyard.Hours, *lanyard.Hours]
	in, parent, err := s.DescribeHoursOfOperation(ctx, call, instance, hours)
	if err != nil {
		return out, err
	}
	see, err := s.visible(ctx, call, in)
	if err != nil {
		return out, err
	}
	out.Instance, out.Of = in, parent
	r, to := s.store.Reader(in.ID), lanyard.Ref{Type: lanyard.TypeHours, ID: parent.ID}
	for after := p.After; ; {
		ids, err := r.Referrers(ctx, to, lanyard.TypeHours, after, p.Limit+1) // one more shows that there is more
		if err != nil {
			return out, err
		}
		for _, id := range ids {
			child, err := load[*lanyard.Hours](ctx, s, r, in, id)
			if err != nil {
				return out, err
			}
			if see != nil && !see(child) {
				continue
			}
			if len(out.Items) == p.Limit {
				out.Next = out.Items[p.Limit-1].ID
				return out, nil
			}
			out.Items = append(out.Items, child)
		}
		if len(ids) <= p.Limit {
			return out, nil
		}
		after = ids[len(ids)-1]
	}
}

// DeleteHoursOfOperation removes hours that no queue uses and no other hours inherit from.
func (s *Service) DeleteHoursOfOperation(ctx context.Context, call Call, instance, hours string) (Result, error) {
	return remove[*lanyard.Hours](ctx, s, call, instance, hours, lanyard.TypeQueue, lanyard.TypeHours)
}

package control

import (
	"context"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// maxAddressesOfQueue is documented: 50 with the default.
const maxAddressesOfQueue = 50

// outboundAddress is the setting of a queue that has its default e-mail address.
var outboundAddress = reference{path: "OutboundEmailConfig.OutboundEmailAddressId", t: lanyard.TypeEmailAddress}

// queueReferences are the settings of queues that name other resources.
var queueReferences = []reference{
	{path: "OutboundCallerConfig.OutboundCallerIdNumberId", t: lanyard.TypePhoneNumber},
	{path: "OutboundCallerConfig.OutboundFlowId", t: lanyard.TypeFlow},
	outboundAddress,
}

// resolveSettings puts ids in the place of what the settings of q name. What they named before may stay as it is: an
// earlier version of lanyard did not look for it.
func (c *documentCheck) resolveSettings(before, q *lanyard.Queue) error {
	had := map[string]string{}
	for _, ref := range queueReferences {
		note := func(at, id string) (string, error) { had[at] = id; return id, nil }
		if err := eachSetting(before.Settings, ref, note); err != nil {
			return err
		}
	}
	q.Uses = nil
	for _, ref := range queueReferences {
		err := eachSetting(q.Settings, ref, func(at, value string) (id string, err error) {
			use := lanyard.Ref{Type: ref.t, ID: value}
			switch {
			case value == "":
				return value, nil
			case had[at] == value && !slices.Contains(before.Uses, use):
				return value, nil
			case had[at] != value:
				if use.ID, err = c.referTo(ref.t, at, value); err != nil {
					return "", err
				}
			}
			if !slices.Contains(q.Uses, use) {
				q.Uses = append(q.Uses, use)
			}
			return use.ID, nil
		})
		if err != nil {
			return err
		}
	}
	return c.boundAddresses(q)
}

// eachSetting calls f for what settings name by a reference, and replaces it by what f returns.
func eachSetting(settings lanyard.Settings, ref reference, f func(at, value string) (string, error)) error {
	name, _, _ := strings.Cut(ref.path, ".")
	raw := settings[name]
	if raw == nil {
		return nil
	}
	changed := false
	resolved, err := eachString(raw, strings.TrimPrefix(ref.path, name), name, func(at, value string) (string, error) {
		id, err := f(at, value)
		changed = changed || id != value
		return id, err
	})
	if err == nil && changed {
		settings[name] = resolved
	}
	return err
}

// defaultAddress returns the id of the e-mail address from which a queue writes, or "".
func defaultAddress(q *lanyard.Queue) (id string, err error) {
	err = eachSetting(q.Settings, outboundAddress, func(_, value string) (string, error) { id = value; return value, nil })
	return id, err
}

// addressesOf returns the ids of the e-mail addresses of a queue, with the default one.
func addressesOf(q *lanyard.Queue) ([]string, error) {
	id, err := defaultAddress(q)
	if err != nil || id == "" {
		return q.EmailAddresses, err
	}
	return unique(append(slices.Clone(q.EmailAddresses), id)), nil
}

func (c *documentCheck) boundAddresses(q *lanyard.Queue) error {
	all, err := addressesOf(q)
	if err == nil && len(all) > maxAddressesOfQueue {
		err = lanyard.Errorf(lanyard.Limit, "EmailAddressesConfig must leave the queue with at most %d e-mail addresses, got %d",
			maxAddressesOfQueue, len(all))
	}
	return err
}

func (c *documentCheck) addEmailAddresses(q *lanyard.Queue, refs []string) error {
	for i, ref := range refs {
		id, err := c.referTo(lanyard.TypeEmailAddress, member("EmailAddressesConfig", i, "EmailAddressId"), ref)
		if err != nil {
			return err
		}
		q.EmailAddresses = append(q.EmailAddresses, id)
	}
	q.EmailAddresses = unique(q.EmailAddresses)
	return c.boundAddresses(q)
}

// AssociateQueueEmailAddresses adds e-mail addresses to those of a queue. Those that it has stay.
func (s *Service) AssociateQueueEmailAddresses(ctx context.Context, call Call, instance, queue string,
	addresses []string) (Result, error) {
	return update(ctx, s, call, instance, queue, func(tx store.Tx, in *lanyard.Instance, q *lanyard.Queue) error {
		return (&documentCheck{ctx, s, tx, in, call}).addEmailAddresses(q, addresses)
	})
}

// DisassociateQueueEmailAddresses takes e-mail addresses from a queue. Those that it does not have are ignored, and the
// default one stays.
func (s *Service) DisassociateQueueEmailAddresses(ctx context.Context, call Call, instance, queue string,
	addresses []string) (Result, error) {
	return update(ctx, s, call, instance, queue, func(tx store.Tx, in *lanyard.Instance, q *lanyard.Queue) error {
		c := &documentCheck{ctx, s, tx, in, call}
		var ids []string
		for i, ref := range addresses {
			id, err := c.referTo(lanyard.TypeEmailAddress, item("EmailAddressesId", i), ref)
			if err != nil {
				return err
			}
			ids = append(ids, id)
		}
		q.EmailAddresses = unique(slices.DeleteFunc(q.EmailAddresses, func(id string) bool { return contains(ids, id) }))
		return nil
	})
}

// A QueueAddress is an e-mail address from which agents write for a queue.
type QueueAddress struct {
	ID      string
	Default bool
}

// ListQueueEmailAddresses pages through the e-mail addresses of a queue by id, less those that the user on whose behalf
// the call is made may not view.
func (s *Service) ListQueueEmailAddresses(ctx context.Context, call Call, instance, queue string,
	p Page) (PartOf[*lanyard.Queue, QueueAddress], error) {
	var none PartOf[*lanyard.Queue, QueueAddress]
	in, q, err := s.DescribeQueue(ctx, call, instance, queue)
	if err != nil {
		return none, err
	}
	see, err := s.Sight(ctx, call, in)
	if err != nil {
		return none, err
	}
	first, err := defaultAddress(q)
	if err != nil {
		return none, err
	}
	ids, err := addressesOf(q)
	if err != nil {
		return none, err
	}
	var all []QueueAddress
	for _, id := range ids {
		if see.Sees(lanyard.TypeEmailAddress, id) {
			all = append(all, QueueAddress{id, id == first})
		}
	}
	return partOf(in, q, all, func(a QueueAddress) string { return a.ID }, p), nil
}

package control

import (
	"context"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// CreateQuickConnect adds a quick connect.
func (s *Service) CreateQuickConnect(ctx context.Context, call Call, instance string,
	q *lanyard.QuickConnect) (Created[*lanyard.QuickConnect], error) {
	return create(ctx, s, call, instance, creation[*lanyard.QuickConnect]{resource: q, quota: s.quotas.QuickConnects,
		prepare: func(tx store.Tx, in *lanyard.Instance, q *lanyard.QuickConnect) error {
			return (&documentCheck{ctx, s, tx, in, call}).resolveDestination(&lanyard.QuickConnect{}, q)
		}})
}

// resolveDestination turns the queue, user and flow that a quick connect leads to into ids. The user and the flow to
// which it led before may be gone.
func (c *documentCheck) resolveDestination(before, q *lanyard.QuickConnect) (err error) {
	config := "QuickConnectConfig." + quickConnectConfigs[q.Kind] + "."
	resolve := func(t lanyard.Type, member, had, ref string) (string, error) {
		if had != "" && (ref == had || ref == c.ARN(c.in, t, had)) {
			return had, nil
		}
		return c.referTo(t, config+member, ref)
	}
	switch q.Kind {
	case lanyard.ToQueue:
		q.Queue, err = c.referTo(lanyard.TypeQueue, config+"QueueId", q.Queue)
	case lanyard.ToUser:
		q.User, err = resolve(lanyard.TypeUser, "UserId", before.User, q.User)
	}
	if err == nil && q.Kind != lanyard.ToPhoneNumber {
		q.Flow, err = resolve(lanyard.TypeFlow, "ContactFlowId", before.Flow, q.Flow)
	}
	return err
}

// DescribeQuickConnect returns a quick connect.
func (s *Service) DescribeQuickConnect(ctx context.Context, call Call, instance,
	quickConnect string) (*lanyard.Instance, *lanyard.QuickConnect, error) {
	return describe[*lanyard.QuickConnect](ctx, s, call, instance, quickConnect)
}

// UpdateQuickConnectName renames or describes a quick connect.
func (s *Service) UpdateQuickConnectName(ctx context.Context, call Call, instance, quickConnect string,
	n Naming) (Result, error) {
	if err := n.refuseEmpty(); err != nil {
		return Result{}, err
	}
	return update(ctx, s, call, instance, quickConnect,
		func(_ store.Tx, _ *lanyard.Instance, q *lanyard.QuickConnect) error {
			n.set(&q.Meta, &q.Description)
			return nil
		})
}

// UpdateQuickConnectConfig changes where a quick connect leads, to the destination of to. A user to whom, or a flow to
// which, it leads already need not exist.
func (s *Service) UpdateQuickConnectConfig(ctx context.Context, call Call, instance, quickConnect string,
	to lanyard.QuickConnect) (Result, error) {
	return update(ctx, s, call, instance, quickConnect,
		func(tx store.Tx, in *lanyard.Instance, q *lanyard.QuickConnect) error {
			before := *q
			q.Kind, q.User, q.Queue, q.PhoneNumber, q.Flow = to.Kind, to.User, to.Queue, to.PhoneNumber, to.Flow
			return (&documentCheck{ctx, s, tx, in, call}).resolveDestination(&before, q)
		})
}

// DeleteQuickConnect removes a quick connect that no queue has.
func (s *Service) DeleteQuickConnect(ctx context.Context, call Call, instance, quickConnect string) (Result, error) {
	return remove[*lanyard.QuickConnect](ctx, s, call, instance, quickConnect, lanyard.TypeQueue)
}

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
			return s.resolveDestination(ctx, tx, in, q)
		}})
}

// resolveDestination turns the queue or user that a quick connect leads to into an id.
func (s *Service) resolveDestination(ctx context.Context, r store.Reader, in *lanyard.Instance,
	q *lanyard.QuickConnect) (err error) {
	switch q.Kind {
	case lanyard.ToQueue:
		q.Queue, err = referID[*lanyard.Queue](ctx, s, r, in, "QuickConnectConfig.QueueConfig.QueueId", q.Queue)
	case lanyard.ToUser:
		q.User, err = referID[*lanyard.User](ctx, s, r, in, "QuickConnectConfig.UserConfig.UserId", q.User)
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

// UpdateQuickConnectConfig changes where a quick connect leads, to the destination of to. A user that
// it leads to already may have been deleted since.
func (s *Service) UpdateQuickConnectConfig(ctx context.Context, call Call, instance, quickConnect string,
	to lanyard.QuickConnect) (Result, error) {
	return update(ctx, s, call, instance, quickConnect,
		func(tx store.Tx, in *lanyard.Instance, q *lanyard.QuickConnect) error {
			before := *q
			q.Kind, q.User, q.Queue, q.PhoneNumber, q.Flow = to.Kind, to.User, to.Queue, to.PhoneNumber, to.Flow
			if q.Kind == lanyard.ToUser && before.User != "" &&
				(q.User == before.User || q.User == s.ARN(in, lanyard.TypeUser, before.User)) {
				q.User = before.User
				return nil
			}
			return s.resolveDestination(ctx, tx, in, q)
		})
}

// DeleteQuickConnect removes a quick connect that no queue has.
func (s *Service) DeleteQuickConnect(ctx context.Context, call Call, instance, quickConnect string) (Result, error) {
	return remove[*lanyard.QuickConnect](ctx, s, call, instance, quickConnect, lanyard.TypeQueue)
}

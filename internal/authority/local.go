package authority

import (
	"context"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/gateway"
)

// Local decides from the snapshots of this process.
type Local struct {
	Control *control.Service
	Account string // of the server
}

var _ Authority = (*Local)(nil)

// callOf is how operations know the owner of an instance.
func callOf(account string) control.Call {
	return control.Call{Caller: lanyard.Caller{Account: account}}
}

// Decide decides rights from one snapshot.
func (l *Local) Decide(ctx context.Context, c *gateway.Caller, rights []gateway.Right) ([]gateway.Decision, error) {
	d, err := l.DecideAll(ctx, c, rights)
	return d.Decisions, err
}

// DecideAll is Decide for who keeps the decisions while nothing is altered.
func (l *Local) DecideAll(ctx context.Context, c *gateway.Caller, rights []gateway.Right) (Decisions, error) {
	s, err := l.Control.Snapshot(ctx, callOf(c.Account), c.Instance, 0)
	if err != nil {
		return Decisions{}, err
	}
	return Decisions{Altered: s.Altered(), Decisions: decide(s, c, rights)}, nil
}

// Refusal words why a caller does not have a right.
func (l *Local) Refusal(ctx context.Context, c *gateway.Caller, r gateway.Right) string {
	s, err := l.Control.Snapshot(ctx, callOf(c.Account), c.Instance, 0)
	if err != nil {
		return refusedPlainly
	}
	return refusal(s, c, r)
}

// Watch calls changed after each change of the caller's instance, and once when it cannot be read any more, until ctx
// ends.
func (l *Local) Watch(ctx context.Context, c *gateway.Caller, changed func()) {
	watch(ctx, changed, func(ctx context.Context, known int64) (int64, error) {
		return l.Next(ctx, Instance{c.Account, c.Instance}, known)
	})
}

// Next waits until something that decisions depend on was changed at another revision than the one that is known, and
// returns it, or the known one when ctx ends. Records of calls change nothing of the kind.
func (l *Local) Next(ctx context.Context, in Instance, known int64) (int64, error) {
	s, err := l.Control.NextSnapshot(ctx, callOf(in.Account), in.ID, known)
	if err != nil {
		return 0, err
	}
	return s.Altered(), nil
}

// Token returns the token of that text if it is valid now.
func (l *Local) Token(_ context.Context, text string) (lanyard.Token, error) {
	return l.Control.Token(text)
}

// Instance finds an account's instance by id or alias.
func (l *Local) Instance(ctx context.Context, account, ref string) (Instance, error) {
	if account == "" {
		account = l.Account
	}
	in, err := l.Control.InstanceNamed(ctx, account, ref)
	if err != nil {
		return Instance{}, err
	}
	return Instance{in.Account, in.ID}, nil
}

// User finds a user by id or name.
func (l *Local) User(ctx context.Context, in Instance, ref string) (string, error) {
	s, err := l.Control.Snapshot(ctx, callOf(in.Account), in.ID, 0)
	if err != nil {
		return "", err
	}
	id, ok := s.LookupUser(ref)
	if !ok {
		return "", lanyard.Errorf(lanyard.NotFound, "user %s does not exist in instance %s", lanyard.Quote(ref), in.ID)
	}
	return id, nil
}

// RecordCalls stores calls of AI agents as one event.
func (l *Local) RecordCalls(ctx context.Context, by lanyard.Caller, b lanyard.CallBatch) error {
	return l.Control.RecordCalls(ctx, by, b)
}

package frontends

import (
	"context"
	"fmt"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/invocation"
	"github.com/lanyard/lanyard/internal/questions"
)

// NewQuestions returns what answers questions from the snapshots of a service.
func NewQuestions(api *awsapi.Server, svc *control.Service, secret []byte) *questions.Service {
	return questions.New(questions.Config{
		Snapshot: func(ctx context.Context, by questions.Viewer, atLeast int64) (*access.Snapshot, error) {
			return svc.Snapshot(ctx, control.Call{Caller: by.Caller}, by.Instance, atLeast)
		},
		Propose:     proposer{api, svc}.propose,
		TokenSecret: secret,
	})
}

// proposer plans operations by the API itself, so that a proposal is refused exactly where the operation
// would be, and in the same words.
type proposer struct {
	api *awsapi.Server
	svc *control.Service
}

func (p proposer) propose(ctx context.Context, by questions.Viewer, in questions.Proposal) (questions.Outcome, error) {
	got := p.api.Invoke(ctx, invocation.Call{Operation: in.Operation, Input: in.Parameters, Caller: by.Caller,
		User: by.User, Instance: by.Instance, Planning: true})
	switch kind := lanyard.KindOf(got.Err); {
	case got.Exception == "":
		return p.outcome(ctx, by, in, got.Plan)
	case kind != lanyard.Internal:
		return questions.Outcome{}, &lanyard.Error{Kind: kind, Message: got.Message, Permission: got.Permission}
	}
	return questions.Outcome{},
		fmt.Errorf("propose %s: the API answers %d %s: %w", in.Operation, got.Status, got.Message, got.Err)
}

// outcome returns the profile or user that a plan changes, as it is and as it would be.
func (p proposer) outcome(ctx context.Context, by questions.Viewer, in questions.Proposal, plan []lanyard.Change) (
	out questions.Outcome, err error) {
	for _, c := range plan {
		if c.Type == lanyard.TypeProfile || c.Type == lanyard.TypeUser {
			return questions.Outcome{Before: c.Was, After: c.Now}, nil
		}
	}
	call := control.Call{Caller: by.Caller}
	if in.Operation == "UpdateUserSecurityProfiles" { // it would change nothing
		_, out.Before, err = p.svc.DescribeUser(ctx, call, by.Instance, in.ID)
	} else {
		_, out.Before, err = p.svc.DescribeSecurityProfile(ctx, call, by.Instance, in.ID)
	}
	out.After = out.Before
	return out, err
}

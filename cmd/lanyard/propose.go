package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/authzen"
	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/control"
)

// proposer plans operations by the API itself, so that a proposal is refused exactly where the operation
// would be, and in the same words.
type proposer struct {
	api *awsapi.Server
	svc *control.Service
}

func (p proposer) propose(ctx context.Context, who authzen.Principal, in authzen.Proposal) (authzen.Outcome, error) {
	plan, caller := new(control.Plan), lanyard.Caller{Account: who.Account}
	got := p.api.Invoke(ctx, awsapi.Invocation{
		Operation: in.Operation, Input: in.Parameters, Caller: caller, Instance: in.Instance, Plan: plan})
	switch kind := lanyard.KindOf(got.Err); {
	case got.Exception == "":
		return p.outcome(ctx, control.Call{Caller: caller}, in, plan)
	case kind != lanyard.Internal:
		return authzen.Outcome{}, &lanyard.Error{Kind: kind, Message: got.Message, Permission: got.Permission}
	}
	return authzen.Outcome{},
		fmt.Errorf("propose %s: the API answers %d %s: %w", in.Operation, got.Status, got.Message, got.Err)
}

// outcome is the profile or user that a plan changes, as it is and as it would be.
func (p proposer) outcome(ctx context.Context, call control.Call, in authzen.Proposal, plan *control.Plan) (
	out authzen.Outcome, err error) {
	for _, c := range plan.Changes {
		if c.Type == lanyard.TypeProfile || c.Type == lanyard.TypeUser {
			return authzen.Outcome{Before: c.Was, After: c.Now}, nil
		}
	}
	if in.Operation == "UpdateUserSecurityProfiles" { // it would change nothing
		_, out.Before, err = p.svc.DescribeUser(ctx, call, in.Instance, in.ID)
	} else {
		_, out.Before, err = p.svc.DescribeSecurityProfile(ctx, call, in.Instance, in.ID)
	}
	out.After = out.Before
	return out, err
}

// answer takes in what a handler of this process writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func newAnswer() *answer { return &answer{header: http.Header{}, status: http.StatusOK} }

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }

package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/authzen"
	"github.com/lanyard/lanyard/awsapi"
	"github.com/lanyard/lanyard/control"
	"github.com/lanyard/lanyard/store"
)

// proposer carries operations out by the API itself, on a store that keeps nothing, so that a
// proposal is refused exactly where the operation would be, and in the same words.
type proposer struct {
	db     store.Store
	config control.Config // without Store
}

// proposer has proposals meet the rules that this server's calls meet.
func (c *serveCmd) proposer(db store.Store) proposer {
	return proposer{db, c.rules()}
}

func (p proposer) propose(ctx context.Context, who authzen.Principal, in authzen.Proposal) (authzen.Outcome, error) {
	dry := &dryStore{Store: p.db, of: lanyard.TypeProfile}
	if in.Operation == "UpdateUserSecurityProfiles" {
		dry.of = lanyard.TypeUser
	}
	c := p.config
	c.Store, c.Logger = dry, slog.New(slog.DiscardHandler)
	api := awsapi.New(awsapi.Config{Control: control.New(c), Logger: c.Logger})
	got := api.Invoke(ctx, awsapi.Invocation{Operation: in.Operation, Input: in.Parameters, Caller: lanyard.Caller{Account: who.Account}, Instance: in.Instance})
	switch kind := lanyard.KindOf(got.Err); {
	case got.Exception == "" && dry.before != nil:
		if dry.after == nil { // it would change nothing
			dry.after = dry.before
		}
		return authzen.Outcome{Before: dry.before, After: dry.after}, nil
	case got.Exception != "" && kind != lanyard.Internal:
		return authzen.Outcome{}, &lanyard.Error{Kind: kind, Message: got.Message, Permission: got.Permission}
	}
	return authzen.Outcome{}, fmt.Errorf("propose %s: the API answers %d %s: %w", in.Operation, got.Status, got.Message, got.Err)
}

// dryStore reads from a store and keeps what an update would put to itself. It is for one update.
type dryStore struct {
	store.Store
	of            lanyard.Type // what the update is about
	before, after lanyard.Resource
}

func (s *dryStore) Update(_ context.Context, instance string, change func(store.Tx) error) error {
	return change(&dryTx{s.Reader(instance), s})
}

type dryTx struct {
	store.Reader
	s *dryStore
}

func (tx *dryTx) Get(ctx context.Context, t lanyard.Type, id string) (lanyard.Resource, error) {
	r, err := tx.Reader.Get(ctx, t, id)
	if err == nil && t == tx.s.of && tx.s.before == nil { // an update reads first what it is about
		tx.s.before = r
	}
	return r, err
}

func (tx *dryTx) Put(_ context.Context, r lanyard.Resource) error {
	tx.s.after = r
	return nil
}

func (tx *dryTx) Delete(context.Context, lanyard.Type, string) error {
	return lanyard.Errorf(lanyard.Internal, "a proposal deletes nothing")
}

func (tx *dryTx) SetPassword(context.Context, string, string) error {
	return lanyard.Errorf(lanyard.Internal, "a proposal sets no password")
}

// Append keeps the record of a refusal, and nothing else.
func (tx *dryTx) Append(ctx context.Context, e *lanyard.Event) error {
	if e.Refused == "" {
		return nil
	}
	e.Refused = "what-if: " + e.Refused
	return tx.s.Store.Update(ctx, e.Instance, func(real store.Tx) error { return real.Append(ctx, e) })
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

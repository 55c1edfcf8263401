package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/frontends"
	"github.com/lanyard/lanyard/internal/questions"
	"github.com/lanyard/lanyard/internal/store"
)

// A decider answers questions about one instance: a server, or this very process when no server uses the folder.
type decider interface {
	// Instances lists what Select may be called with.
	Instances(ctx context.Context) ([]instanceName, error)
	// Select says which instance the questions are about.
	Select(instance string)
	Evaluate(ctx context.Context, q *questions.Question) (questions.Evaluation, error)
	WhoCan(ctx context.Context, q questions.Search) (questions.WhoCan, error)
	Effective(ctx context.Context, q questions.Search) (questions.Effective, error)
	Lookup(ctx context.Context, q questions.Search) (questions.Resources, error)
	WhatIf(ctx context.Context, q questions.WhatIf) (questions.Effects, error)
	Close() error
}

// serverDecider asks a server.
type serverDecider struct {
	*remote
	prefix string // of the paths
}

func (d *serverDecider) Select(instance string) { d.prefix = "/instances/" + url.PathEscape(instance) }

func (d *serverDecider) Close() error { return nil }

func (d *serverDecider) Instances(ctx context.Context) (all []instanceName, err error) {
	for token := ""; ; {
		status, answer, err := d.send(ctx, http.MethodGet, "/instance?maxResults=10&nextToken="+url.QueryEscape(token), nil)
		if err != nil {
			return nil, err
		}
		var page struct {
			InstanceSummaryList []instanceName
			NextToken           string
			Message             string
		}
		if err := readAnswer(answer, &page); err != nil || status != http.StatusOK {
			return nil, fmt.Errorf("list the instances: the server answers %d %s", status, page.Message)
		}
		all = append(all, page.InstanceSummaryList...)
		if token = page.NextToken; token == "" {
			return all, nil
		}
	}
}

// askServer writes a question, asks an endpoint and decodes the answer.
func askServer[A, Q any](ctx context.Context, d *serverDecider, endpoint string, write func(*Q) ([]byte, error), q *Q) (
	out A, err error) {
	body, err := write(q)
	if err != nil {
		return out, err
	}
	status, answer, err := d.send(ctx, http.MethodPost, d.prefix+"/access/v1/"+endpoint, body)
	if err != nil {
		return out, err
	}
	if status != http.StatusOK {
		var message string
		if readAnswer(answer, &message) != nil {
			message = http.StatusText(status)
		}
		return out, errors.New(message)
	}
	err = readAnswer(answer, &out)
	return out, err
}

func (d *serverDecider) Evaluate(ctx context.Context, q *questions.Question) (questions.Evaluation, error) {
	return askServer[questions.Evaluation](ctx, d, "evaluation", questions.WriteEvaluation, q)
}

func (d *serverDecider) WhoCan(ctx context.Context, q questions.Search) (questions.WhoCan, error) {
	return askServer[questions.WhoCan](ctx, d, "search/subject", questions.WriteSearch, &q)
}

func (d *serverDecider) Effective(ctx context.Context, q questions.Search) (questions.Effective, error) {
	return askServer[questions.Effective](ctx, d, "effective", questions.WriteSearch, &q)
}

func (d *serverDecider) Lookup(ctx context.Context, q questions.Search) (questions.Resources, error) {
	return askServer[questions.Resources](ctx, d, "lookup", questions.WriteSearch, &q)
}

func (d *serverDecider) WhatIf(ctx context.Context, q questions.WhatIf) (questions.Effects, error) {
	return askServer[questions.Effects](ctx, d, "what-if", questions.WriteWhatIf, &q)
}

// folderDecider answers from the folder, as a server would.
type folderDecider struct {
	ask *questions.Service
	by  questions.Viewer
	svc *control.Service
	db  store.Store
}

// newFolderDecider answers about the instances of the account that owns the root key. db is closed with it.
func newFolderDecider(ctx context.Context, db store.Store) (*folderDecider, error) {
	log := slog.New(slog.DiscardHandler)
	svc := control.New(control.Config{Store: db, Logger: log})
	keys, err := svc.Keys(ctx)
	if err != nil {
		return nil, err
	}
	d := &folderDecider{svc: svc, db: db}
	for _, k := range keys {
		if k.Root {
			d.by.Caller.Account = k.Account
		}
	}
	secret, err := db.Secret(ctx, "next-token")
	if err != nil {
		return nil, err
	}
	// The API plans what is proposed; nobody calls it.
	d.ask = frontends.NewQuestions(awsapi.New(awsapi.Config{Control: svc, TokenSecret: secret, Logger: log}), svc, secret)
	return d, nil
}

func (d *folderDecider) Select(instance string) { d.by.Instance = instance }

func (d *folderDecider) Close() error { return d.db.Close() }

func (d *folderDecider) Instances(ctx context.Context) (all []instanceName, err error) {
	for page := (control.Page{Limit: 100}); ; {
		some, next, err := d.svc.ListInstances(ctx, control.Call{Caller: d.by.Caller}, page)
		if err != nil {
			return nil, err
		}
		for _, in := range some {
			all = append(all, instanceName{in.ID, in.Name})
		}
		if page.After = next; next == "" {
			return all, nil
		}
	}
}

func (d *folderDecider) Evaluate(ctx context.Context, q *questions.Question) (questions.Evaluation, error) {
	return d.ask.Evaluate(ctx, d.by, q)
}

func (d *folderDecider) WhoCan(ctx context.Context, q questions.Search) (questions.WhoCan, error) {
	return d.ask.WhoCan(ctx, d.by, q)
}

func (d *folderDecider) Effective(ctx context.Context, q questions.Search) (questions.Effective, error) {
	return d.ask.Effective(ctx, d.by, q)
}

func (d *folderDecider) Lookup(ctx context.Context, q questions.Search) (questions.Resources, error) {
	return d.ask.Lookup(ctx, d.by, q)
}

func (d *folderDecider) WhatIf(ctx context.Context, q questions.WhatIf) (out questions.Effects, err error) {
	if q.Proposal, err = questions.NewProposal(q.Operation, q.Parameters, d.by.Instance); err != nil {
		return out, err
	}
	return d.ask.WhatIf(ctx, d.by, q)
}

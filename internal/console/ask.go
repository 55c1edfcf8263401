package console

import (
	"context"
	"net/http"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/questions"
)

// An answerer answers a question of the page, as far as the viewer may ask it and see the answer.
type answerer func(ctx context.Context, ask *questions.Service, by questions.Viewer, body []byte) (any, error)

// answerers answer the questions of the page, by name.
var answerers = map[string]answerer{
	"evaluation": evaluate,
	"effective":  search(questions.ReadEffective, (*questions.Service).Effective),
	"who-can":    search(questions.ReadWhoCan, (*questions.Service).WhoCan),
	"resources":  search(questions.ReadResources, (*questions.Service).Resources),
	"actions":    search(questions.ReadActions, (*questions.Service).Actions),
	"holders":    search(questions.ReadHolders, (*questions.Service).Holders),
	"lookup":     search(questions.ReadLookup, (*questions.Service).Lookup),
	"what-if":    whatIf,
}

// answerQuestion answers a question of the page. The body is in the form of the decision API.
func (s *Server) answerQuestion(ctx context.Context, a *asking) (any, error) {
	answer, ok := answerers[a.rest]
	if !ok {
		return nil, &failure{Status: http.StatusNotFound, Code: "ResourceNotFoundException",
			Message: "question " + lanyard.Quote(a.rest) + " does not exist"}
	}
	v, err := s.view(ctx, a, a.http.URL.Query().Get("InstanceId"))
	if err != nil {
		return nil, err
	}
	out, err := answer(ctx, s.Questions,
		questions.Viewer{Caller: v.call.Caller, Instance: v.in.ID, User: v.Viewer}, a.body)
	if err != nil {
		return nil, err
	}
	b, err := questions.Marshal(out)
	return raw(b), err
}

func evaluate(ctx context.Context, ask *questions.Service, by questions.Viewer, body []byte) (any, error) {
	q, err := questions.ReadEvaluation(body)
	if err != nil {
		return nil, err
	}
	return ask.Evaluate(ctx, by, &q)
}

func whatIf(ctx context.Context, ask *questions.Service, by questions.Viewer, body []byte) (any, error) {
	q, err := questions.ReadWhatIf(body, by.Instance)
	if err != nil {
		return nil, err
	}
	return ask.WhatIf(ctx, by, q)
}

// search returns the answerer of a question whose answer is a list.
func search[A any](read func([]byte) (questions.Search, error),
	answer func(*questions.Service, context.Context, questions.Viewer, questions.Search) (A, error)) answerer {
	return func(ctx context.Context, ask *questions.Service, by questions.Viewer, body []byte) (any, error) {
		q, err := read(body)
		if err != nil {
			return nil, err
		}
		return answer(ask, ctx, by, q)
	}
}

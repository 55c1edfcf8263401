package authzen

import (
	"context"
	"net/http"

	"github.com/lanyard/lanyard/internal/questions"
)

// search answers a search of a kind, or another question whose answer is a list.
func search[A any](a *asking, body []byte, read func([]byte) (questions.Search, error),
	answer func(context.Context, questions.Viewer, questions.Search) (A, error)) ([]byte, error) {
	q, err := read(body)
	if err != nil {
		return nil, err
	}
	if q.AtLeast, err = a.atLeast(q.AtLeast); err != nil {
		return nil, err
	}
	a.locate(&q.Question)
	out, err := answer(a.ctx, a.by, q)
	if err != nil {
		return nil, err
	}
	return questions.Marshal(out)
}

// whatIf answers what a change that is not carried out would do.
func (a *asking) whatIf(body []byte) ([]byte, error) {
	if a.s.Questions.Propose == nil {
		return nil, &httpError{http.StatusNotFound, "this server takes no proposals"}
	}
	if !a.administer {
		return nil, &httpError{http.StatusForbidden,
			"the token is of scope decide; a proposed change needs one of scope administer, or a signature"}
	}
	q, err := questions.ReadWhatIf(body, a.by.Instance)
	if err != nil {
		return nil, err
	}
	if q.AtLeast, err = a.atLeast(q.AtLeast); err != nil {
		return nil, err
	}
	out, err := a.s.Questions.WhatIf(a.ctx, a.by, q)
	if err != nil {
		return nil, err
	}
	return questions.Marshal(out)
}

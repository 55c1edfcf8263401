package console

import (
	"context"

	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/questions"
)

// What other front ends show of the console's answers, for a viewer whom they have identified themselves.

// viewerOf returns the viewer who asks a question.
func (s *Server) viewerOf(ctx context.Context, by questions.Viewer) (v *viewer, err error) {
	v = &viewer{View: questions.View{Viewer: by.User}, call: control.Call{Caller: by.Caller}}
	if v.in, err = s.Control.Instance(ctx, v.call, by.Instance); err != nil {
		return nil, err
	}
	v.Snapshot, err = s.Control.Snapshot(ctx, v.call, v.in.ID, 0)
	return v, err
}

// A HistoryQuery asks for the changes of a resource, of a type, or with neither of an instance.
type HistoryQuery struct {
	Type, ID string
	Before   int64 // the revision before which to look; 0 for the newest changes
	Limit    int
}

// HistoryFor answers a page of changes, newest first, as the page would show it to a viewer.
func (s *Server) HistoryFor(ctx context.Context, by questions.Viewer, q HistoryQuery) (HistoryAnswer, error) {
	v, err := s.viewerOf(ctx, by)
	if err != nil {
		return HistoryAnswer{}, err
	}
	return s.showHistory(ctx, v, historyRequest{Type: q.Type, ID: q.ID, Before: q.Before, Limit: q.Limit})
}

// FindingsFor answers what lint finds, the errors first, as the page would show it to a viewer.
func (s *Server) FindingsFor(ctx context.Context, by questions.Viewer) ([]Finding, error) {
	v, err := s.viewerOf(ctx, by)
	if err != nil {
		return nil, err
	}
	all, err := v.all(ctx, s)
	if err != nil {
		return nil, err
	}
	return s.lints.findings(v, all), nil
}

package main

import (
	"cmp"
	"crypto/rand"
	"strings"
	"time"

	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/decisionlog"
	"github.com/lanyard/lanyard/internal/questions"
)

// logDecision returns what logs decisions of the AuthZEN API; nil when they are not logged.
func (g *runningGateway) logDecision() func(questions.Viewer, *access.Query, *questions.Evaluation) {
	if g == nil || g.decisions == nil || !g.logsAuthZEN {
		return nil
	}
	return func(by questions.Viewer, asked *access.Query, answer *questions.Evaluation) {
		g.decisions.Add(newDecision(by, asked, answer))
	}
}

// newDecision is a decision as the decision log has it.
func newDecision(by questions.Viewer, asked *access.Query, answer *questions.Evaluation) *decisionlog.Entry {
	e := &decisionlog.Entry{Time: time.Now().UTC(), ID: rand.Text(), Account: by.Caller.Account, Instance: by.Instance,
		Subject: decisionlog.Subject{Type: "user", ID: strings.Clone(asked.Subject.ID)},
		Action:  decisionlog.Action{Name: strings.Clone(asked.Action)},
		Resource: decisionlog.Resource{Type: strings.Clone(cmp.Or(asked.Resource.Type, "Instance")),
			ID: strings.Clone(asked.Resource.ID)},
		Decision: answer.Decision, Context: decisionlog.Context{Reason: answer.Context.Reason,
			Profile: answer.Context.Profile, Revision: answer.Context.Revision}}
	if asked.Subject.Type == access.AIAgent {
		e.Subject.Type = "ai_agent"
	}
	if asked.Subject.Human != "" {
		e.Subject.Properties = &decisionlog.SubjectProperties{Assisting: strings.Clone(asked.Subject.Human)}
	}
	if e.Resource.Type == "Instance" {
		e.Resource.ID = by.Instance
	}
	return e
}

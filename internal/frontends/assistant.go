package frontends

import (
	"context"
	"net/http"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/authzen"
	"github.com/lanyard/lanyard/internal/console"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/mcpserver"
	"github.com/lanyard/lanyard/internal/questions"
	"github.com/lanyard/lanyard/sigv4"
)

// newAssistant wires the tools for assistants to the server.
func (s *server) newAssistant(auth *sigv4.Verifier, ask *questions.Service, shown *console.Server,
	pools bodies) http.Handler {
	c := NewAssistant(s.Control, ask, shown)
	c.Claim = func(r *http.Request) (mcpserver.Principal, bool, error) {
		if p, ok, err := s.claimUser(r); ok || err != nil {
			return p, true, err
		}
		p, known, err := s.claimPrincipal(auth, r)
		return assistantOf(p), known, err
	}
	c.Authenticate = func(r *http.Request, body []byte) (mcpserver.Principal, error) {
		p, err := s.verifyPrincipal(auth, r, body)
		return assistantOf(p), err
	}
	c.OwnHost, c.Version, c.Logger = s.ownHost, s.Version, s.Logger
	c.Strangers, c.Callers = pools.strangers, pools.callers
	return mcpserver.New(c)
}

// NewAssistant returns what the tools for assistants answer from, without who may call them.
func NewAssistant(svc *control.Service, ask *questions.Service, shown *console.Server) mcpserver.Config {
	return mcpserver.Config{Control: svc, Questions: ask,
		History: func(ctx context.Context, by questions.Viewer, q mcpserver.HistoryQuery) (mcpserver.HistoryPage, error) {
			got, err := shown.HistoryFor(ctx, by, console.HistoryQuery(q))
			return historyPageOf(&got), err
		},
		Findings: func(ctx context.Context, by questions.Viewer) ([]mcpserver.Finding, error) {
			got, err := shown.FindingsFor(ctx, by)
			out := make([]mcpserver.Finding, len(got))
			for i := range got {
				out[i] = assistantFinding(&got[i])
			}
			return out, err
		},
	}
}

func assistantFinding(f *console.Finding) mcpserver.Finding {
	out := mcpserver.Finding{Code: f.Code, Rule: f.Rule, Severity: f.Severity, Message: f.Message, Details: f.Details,
		Why: f.Why, Advice: f.Advice}
	for _, p := range f.Profiles {
		out.Profiles = append(out.Profiles, mcpserver.Named{ID: p.ID, Name: p.Name})
	}
	return out
}

// claimUser identifies the user to whom the token of a request is bound, and reports whether there is one. A token of
// an AI agent is refused: what that may call is for the gateway to decide, and it views nothing here.
func (c *Config) claimUser(r *http.Request) (p mcpserver.Principal, ok bool, err error) {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return p, false, nil
	}
	t, err := c.Control.Token(strings.TrimSpace(text))
	if err != nil || t.Scope != lanyard.ScopeCall {
		return p, false, err
	}
	if t.Agent != "" || t.User == "" {
		return p, false, lanyard.Errorf(lanyard.Denied, "the token must be that of a user, got one of AI agent %s; "+
			"lanyard token create --user makes one", lanyard.Quote(t.Agent))
	}
	return mcpserver.Principal{Account: t.Account, Instance: t.Instance, User: t.User, Administer: true}, true, nil
}

// assistantOf returns the one whom an assistant asks for.
func assistantOf(p authzen.Principal) mcpserver.Principal {
	return mcpserver.Principal{Account: p.Account, Instance: p.Instance, Administer: p.Administer}
}

// historyPageOf returns a page of history as assistants are shown it: without addresses and browsers.
func historyPageOf(a *console.HistoryAnswer) mcpserver.HistoryPage {
	out := mcpserver.HistoryPage{Names: a.Names, Next: a.Next}
	for _, e := range a.Events {
		x := mcpserver.Event{Revision: e.Revision, Time: e.Time, Operation: e.Operation, ByKind: e.By.Kind,
			By: mcpserver.Named{ID: e.By.ID, Name: e.By.Name}, Refused: e.Refused, Total: e.ChangesTotal}
		for _, c := range e.Changes {
			one := mcpserver.Change{Type: c.Type, Action: c.Action, Resource: mcpserver.Named{ID: c.ID, Name: c.Name}}
			for _, f := range c.Fields {
				field := mcpserver.Field{Name: f.Field, Before: f.Before, After: f.After}
				if f.Added != nil && f.Removed != nil {
					field.Added, field.Removed = *f.Added, *f.Removed
				}
				one.Fields = append(one.Fields, field)
			}
			x.Changes = append(x.Changes, one)
		}
		out.Events = append(out.Events, x)
	}
	return out
}

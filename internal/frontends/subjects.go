package frontends

import (
	"context"
	"net/http"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/subjectapi"
	"github.com/lanyard/lanyard/sigv4"
)

// newSubjects wires what gives out subject snapshots to the server.
func (s *server) newSubjects(ctx context.Context, auth *sigv4.Verifier) *subjectapi.Server {
	return subjectapi.New(ctx, subjectapi.Config{Control: s.Control, Secret: s.Credentials.Secret, Logger: s.Logger,
		Authenticate: func(r *http.Request) (subjectapi.Caller, error) { return s.claimSubject(auth, r) }})
}

// claimSubject identifies who asks for a subject snapshot: whom a token is bound to may have their own, and whoever may
// ask for decisions may have everybody's.
func (c *Config) claimSubject(auth *sigv4.Verifier, r *http.Request) (subjectapi.Caller, error) {
	var by subjectapi.Caller
	if scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		t, err := c.Control.Token(strings.TrimSpace(text))
		if err != nil {
			return by, err
		}
		if by.Expires = t.Expires; t.Scope == lanyard.ScopeCall {
			return boundCaller(&t), nil
		}
	}
	p, known, err := c.claimPrincipal(auth, r)
	if !known && err == nil {
		p, err = c.verifyPrincipal(auth, r, nil)
	}
	by.Account, by.Instance = p.Account, p.Instance
	return by, err
}

// boundCaller is the caller with a token that is bound to a user, an AI agent, or one that assists a user.
func boundCaller(t *lanyard.Token) subjectapi.Caller {
	by := subjectapi.Caller{Account: t.Account, Instance: t.Instance, Expires: t.Expires,
		Subject: access.Subject{ID: t.User}}
	if t.Agent != "" {
		by.Subject = access.Subject{Type: access.AIAgent, ID: t.Agent, Human: t.User}
	}
	return by
}

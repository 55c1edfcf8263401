package control_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
)

func TestTokens(t *testing.T) {
	w := newWorld(t)
	w.must(w.LoadTokens(t.Context()))
	soon := w.now.Add(time.Hour)
	made, text, err := w.CreateToken(t.Context(),
		lanyard.Token{Account: account, Instance: w.arn(w.in), Scope: lanyard.ScopeDecide, Expires: soon, Comment: "desktop"})
	w.must(err)
	if !strings.HasPrefix(text, "lanyard_") || len(text) < 40 || made.Instance != w.in.ID ||
		strings.Contains(made.Hash, text) {
		t.Errorf("made %+v with text %q", made, text)
	}
	got, err := w.Token(text)
	if err != nil || got.ID != made.ID || got.Instance != w.in.ID {
		t.Errorf("Token = %+v, %v", got, err)
	}
	for _, bad := range []string{"", "lanyard_", text + "A", text[:len(text)-1], strings.ToUpper(text), "Bearer " + text,
		made.Hash, "lanyard_" + made.Hash} {
		if _, err := w.Token(bad); err == nil {
			t.Errorf("%q is taken for a token", bad)
		}
	}
	list, err := w.Tokens(t.Context())
	w.must(err)
	if len(list) != 1 || list[0].Hash != "" || list[0].Comment != "desktop" {
		t.Errorf("the list is %+v; want the token without its hash", list)
	}
	w.pass(time.Hour)
	if _, err := w.Token(text); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("an hour later: %v, want expired", err)
	}

	_, text, err = w.CreateToken(t.Context(), lanyard.Token{Account: account, Scope: lanyard.ScopeAdminister})
	w.must(err)
	list, _ = w.Tokens(t.Context())
	w.must(w.RevokeToken(t.Context(), list[1].ID))
	if _, err := w.Token(text); err == nil || !strings.Contains(err.Error(), "revoked") {
		t.Errorf("revoked: %v", err)
	}
	w.must(w.LoadTokens(t.Context())) // as after a restart
	if _, err := w.Token(text); err == nil {
		t.Error("a revoked token is good again after a restart")
	}
	w.fails(w.RevokeToken(t.Context(), "none"), lanyard.NotFound, "none")

	for _, tt := range []struct {
		token lanyard.Token
		kind  lanyard.Kind
		says  string
	}{
		{lanyard.Token{Account: "1", Scope: lanyard.ScopeDecide}, lanyard.Invalid, "twelve digits"},
		{lanyard.Token{Account: account, Scope: "all"}, lanyard.Invalid, "decide, administer, call or follow"},
		{lanyard.Token{Account: account, Scope: lanyard.ScopeDecide, Expires: w.now}, lanyard.Invalid, "Expires must be in the future"},
		{lanyard.Token{Account: stranger, Scope: lanyard.ScopeDecide, Instance: w.in.ID}, lanyard.NotFound, w.in.ID},
	} {
		_, text, err := w.CreateToken(t.Context(), tt.token)
		w.fails(err, tt.kind, tt.says)
		if text != "" {
			t.Errorf("%+v is refused, and its text given", tt.token)
		}
	}
}

// TestTokensOfCallers makes tokens that call tools as an AI agent, a user or both.
func TestTokensOfCallers(t *testing.T) {
	w := newWorld(t)
	w.must(w.LoadTokens(t.Context()))
	agent := "arn:aws:wisdom:us-east-1:" + account + ":ai-agent/a1/booking:$LATEST"
	user := w.user("claire")
	bound := func(t lanyard.Token) lanyard.Token { // what is checked
		return lanyard.Token{Account: t.Account, Instance: t.Instance, Scope: t.Scope, Agent: t.Agent, User: t.User}
	}
	for _, tt := range []struct {
		name  string
		token lanyard.Token
		agent string
		user  string
	}{
		{"an agent", lanyard.Token{Instance: w.in.ID, Agent: agent}, agent, ""},
		{"an agent, the only instance", lanyard.Token{Agent: agent}, agent, ""},
		{"an agent, instance by alias", lanyard.Token{Instance: "centre", Agent: agent}, agent, ""},
		{"an agent, instance by ARN", lanyard.Token{Instance: w.arn(w.in), Agent: agent}, agent, ""},
		{"an agent for a user by name", lanyard.Token{Instance: w.in.ID, Agent: agent, User: "claire"}, agent, user.ID},
		{"an agent for a user by id", lanyard.Token{Instance: w.in.ID, Agent: agent, User: user.ID}, agent, user.ID},
		{"a user", lanyard.Token{Instance: w.in.ID, User: "claire"}, "", user.ID},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.token.Account, tt.token.Scope = account, lanyard.ScopeCall
			_, text, err := w.CreateToken(t.Context(), tt.token)
			w.must(err)
			got, err := w.Token(text)
			w.must(err)
			want := lanyard.Token{Account: account, Instance: w.in.ID, Scope: lanyard.ScopeCall, Agent: tt.agent, User: tt.user}
			if bound(got) != want {
				t.Errorf("got %+v, want %+v", bound(got), want)
			}
		})
	}
	for _, tt := range []struct {
		name  string
		token lanyard.Token
		kind  lanyard.Kind
		says  string
	}{
		{"nobody", lanyard.Token{Scope: lanyard.ScopeCall}, lanyard.Invalid, "Agent or User is required when Scope is call"},
		{"an agent that asks", lanyard.Token{Scope: lanyard.ScopeDecide, Agent: agent}, lanyard.Invalid,
			"Scope must be call when Agent or User is set, got decide"},
		{"a user who administers", lanyard.Token{Scope: lanyard.ScopeAdminister, User: "claire"}, lanyard.Invalid,
			"Scope must be call when Agent or User is set, got administer"},
		{"no ARN", lanyard.Token{Scope: lanyard.ScopeCall, Agent: "booking"}, lanyard.Invalid,
			"Agent must be arn:PARTITION:wisdom:"},
		{"an agent of another account", lanyard.Token{Scope: lanyard.ScopeCall,
			Agent: "arn:aws:wisdom:us-east-1:" + stranger + ":ai-agent/a1/b2"}, lanyard.NotFound, "Agent: AI agent"},
		{"an agent of another region", lanyard.Token{Scope: lanyard.ScopeCall,
			Agent: "arn:aws:wisdom:eu-west-1:" + account + ":ai-agent/a1/b2"}, lanyard.NotFound, "Agent: AI agent"},
		{"an unknown user", lanyard.Token{Scope: lanyard.ScopeCall, Agent: agent, User: "nobody"}, lanyard.NotFound,
			`User: user "nobody" does not exist`},
		{"an unknown user's id", lanyard.Token{Scope: lanyard.ScopeCall, User: "7d7f9b6c-0000-4000-8000-000000000000"},
			lanyard.NotFound, "User: "},
		{"an unknown instance", lanyard.Token{Scope: lanyard.ScopeCall, Agent: agent, Instance: "elsewhere"}, lanyard.NotFound,
			`instance "elsewhere" does not exist`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.token.Account = account
			_, _, err := w.CreateToken(t.Context(), tt.token)
			w.fails(err, tt.kind, tt.says)
		})
	}
}

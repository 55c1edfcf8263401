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
		{lanyard.Token{Account: account, Scope: "all"}, lanyard.Invalid, "decide or administer"},
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

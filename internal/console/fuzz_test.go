package console

import (
	"context"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/questions"
)

// FuzzCookie gives what reads cookies anything: nothing panics, and only what was made here is taken.
func FuzzCookie(f *testing.F) {
	now := time.Date(2026, 3, 14, 15, 0, 0, 0, time.UTC)
	s := &Server{Config: Config{Secret: []byte("the secret"), Now: func() time.Time { return now }}}
	other := &Server{Config: Config{Secret: []byte("another secret"), Now: s.Now}}
	good := s.seal(flow{State: "state", Nonce: "nonce", Verifier: "verifier", Until: now.Unix() + 60})
	for _, seed := range []string{"", "x", strings.Repeat("A", 43), good, good[:40], good + "A",
		other.seal(flow{State: "state", Until: now.Unix() + 60}),
		s.seal(flow{State: "state", Until: now.Unix()}), base64.RawURLEncoding.EncodeToString([]byte(`{"State":""}`)),
		"\x00\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		if got, ok := s.open(value); ok && value != good {
			// Base64 has one form of each, so nothing else can be right.
			t.Errorf("%q is taken for %+v", value, got)
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", "lanyard="+value)
		c, err := r.Cookie(s.cookieName(r))
		if err == nil && parseToken(c.Value) {
			b, err := base64.RawURLEncoding.DecodeString(c.Value)
			if err != nil || len(b) != tokenSize || base64.RawURLEncoding.EncodeToString(b) != c.Value {
				t.Errorf("%q is taken for a session's cookie", c.Value)
			}
			if csrfToken(c.Value) == c.Value || SessionID(c.Value) == c.Value {
				t.Error("what is derived from a cookie is the cookie")
			}
		}
	})
}

// FuzzBody gives the decoder of requests anything.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{``, `{}`, `{"Search": "x"}`, `{"Search": 1}`, `{"Tag": {"Key": "a", "Value": null}}`,
		`{"subject":{"type":"user","id":"u"},"action":{"name":"Users.View"},"resource":{"type":"User","id":"u"}}`,
		`{"operation":"UpdateSecurityProfile","parameters":{"SecurityProfileId":"p"}}`,
		`{"Page": 1e99}`, `[`, `{"Search": "\ud800"}`, `{"A": {"B": [[[[`} {
		f.Add(seed)
	}
	snapshot, err := access.New(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}},
		&lanyard.Profile{Meta: lanyard.Meta{ID: "p", Name: "p"}, Permissions: []string{"Users.View"}},
		&lanyard.User{Meta: lanyard.Meta{ID: "u", Name: "u"}, Profiles: []string{"p"}})
	if err != nil {
		f.Fatal(err)
	}
	ask := questions.New(questions.Config{
		Snapshot: func(context.Context, questions.Viewer, int64) (*access.Snapshot, error) { return snapshot, nil },
		Propose: func(context.Context, questions.Viewer, questions.Proposal) (questions.Outcome, error) {
			p := &lanyard.Profile{Meta: lanyard.Meta{ID: "p", Name: "p"}}
			return questions.Outcome{Before: p, After: p}, nil
		},
	})
	s := &Server{Config: Config{Logger: slog.New(slog.DiscardHandler)}}
	f.Fuzz(func(t *testing.T, body string) {
		a := &asking{http: httptest.NewRequest("POST", "/console/api/users", nil), body: []byte(body)}
		var in peopleRequest
		if err := a.decode(&in); err != nil {
			if got := s.fail(a, err); got.Status != http.StatusBadRequest || got.Message == "" {
				t.Errorf("%q is refused with %+v", body, got)
			}
		}
		for name, answer := range answerers {
			_, err := answer(t.Context(), ask, questions.Viewer{Instance: "i", User: "u"}, []byte(body))
			if err == nil {
				continue
			}
			if got := s.fail(a, err); got.Status >= http.StatusInternalServerError || got.Message == "" {
				t.Errorf("%s %q is refused with %+v", name, body, got)
			}
		}
	})
}

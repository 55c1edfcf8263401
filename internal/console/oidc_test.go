package console

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

// nobodyThere is a service without an instance.
func nobodyThere(t *testing.T) *control.Service {
	db, err := sqlite.OpenMemory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return control.New(control.Config{Store: db, Region: "us-east-1"})
}

// idp is a provider that says whatever a test has it say.
type idp struct {
	*httptest.Server
	key         ed25519.PrivateKey
	token, info map[string]any
}

func newIDP(t *testing.T) *idp {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &idp{key: key}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *idp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b64 := base64.RawURLEncoding.EncodeToString
	var out any
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		out = map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/auth", "token_endpoint": p.URL + "/token",
			"userinfo_endpoint": p.URL + "/info",
			"jwks_uri":          p.URL + "/keys", "id_token_signing_alg_values_supported": []string{"EdDSA"}}
	case "/keys":
		out = map[string]any{"keys": []any{map[string]string{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
			"kid": "k", "x": b64(p.key.Public().(ed25519.PublicKey))}}}
	case "/token":
		body, _ := json.Marshal(p.token)
		text := b64([]byte(`{"alg":"EdDSA","kid":"k"}`)) + "." + b64(body)
		out = map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": text + "." +
			b64(ed25519.Sign(p.key, []byte(text)))}
	case "/info":
		out = p.info
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(out)
}

// A verified address is one that the same document calls verified, a token is for the client that asked for
// it, and a flow is finished once.
func TestCallbackRefuses(t *testing.T) {
	const fine = "unknown-user: " // who was named is looked for next, and nobody is there
	both := map[string]any{"email": "ann@example.com", "email_verified": true}
	for _, tt := range []struct {
		name        string
		token, info map[string]any
		want        string
	}{
		{"verified in the token", both, nil, fine},
		{"verified in the user info", nil, both, fine},
		{"not verified", map[string]any{"email": "ann@example.com"}, both, "has not verified"},
		{"the address from one, that it is verified from the other", map[string]any{"email_verified": true},
			map[string]any{"email": "ann@example.com"}, "has not verified"},
		{"the other says that it is not", map[string]any{"email_verified": true},
			map[string]any{"email": "ann@example.com", "email_verified": false}, "has not verified"},
		{"claims of another", nil, map[string]any{"email": "ann@example.com", "email_verified": true, "sub": "other"},
			"somebody else"},
		{"several audiences", map[string]any{"aud": []string{"lanyard", "other"}}, both, "azp is required"},
		{"several audiences, for us", map[string]any{"aud": []string{"lanyard", "other"}, "azp": "lanyard"}, both, fine},
		{"several audiences, for another", map[string]any{"aud": []string{"lanyard", "other"}, "azp": "other"}, both,
			`azp must be "lanyard", got "other"`},
		{"one audience, for another", map[string]any{"azp": "other"}, both, `azp must be "lanyard", got "other"`},
		{"azp that is no text", map[string]any{"azp": 7}, both, `azp must be "lanyard", got "7"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newIDP(t)
			s, err := New(Config{Control: nobodyThere(t), Account: "123456789012", URL: "http://console.example",
				Secret: []byte("secret"),
				OIDC:   &OIDC{Issuer: p.URL, ClientID: "lanyard", Claim: "email"}})
			if err != nil {
				t.Fatal(err)
			}
			f := flow{State: "state", Nonce: "nonce", Verifier: "verifier", Until: time.Now().Add(time.Minute).Unix()}
			p.token = map[string]any{"iss": p.URL, "sub": "ann", "aud": "lanyard", "nonce": f.Nonce, "iat": time.Now().Unix(),
				"exp": time.Now().Add(time.Minute).Unix()}
			maps.Copy(p.token, tt.token)
			p.info = map[string]any{"sub": "ann"}
			maps.Copy(p.info, tt.info)
			callback := func() error {
				r := httptest.NewRequest("GET", "/console/oidc/callback?code=c&state="+url.QueryEscape(f.State), nil)
				r.AddCookie(&http.Cookie{Name: flowCookie, Value: s.seal(f)})
				return s.oidcCallback(t.Context(), &asking{http: r, header: http.Header{}})
			}
			if err := callback(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if err := callback(); err == nil || !strings.Contains(err.Error(), "finished before") {
				t.Errorf("the same again: %v", err)
			}
		})
	}
}

// What is remembered of flows has a bound, and ends with them.
func TestFinished(t *testing.T) {
	var d finished
	for i := range 3 * maxFinished {
		if !d.first(flow{State: fmt.Sprint(i), Until: int64(i)}, 0) {
			t.Fatalf("flow %d was there before", i)
		}
	}
	if len(d.until) > maxFinished {
		t.Errorf("%d flows are remembered", len(d.until))
	}
	d.first(flow{State: "late", Until: 4 * maxFinished}, 3*maxFinished)
	if len(d.until) != 1 || d.first(flow{State: "late"}, 3*maxFinished) {
		t.Errorf("%d flows are remembered after all but one have ended", len(d.until))
	}
}

package callers_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/authority"
	"github.com/lanyard/lanyard/internal/callers"
	"github.com/lanyard/lanyard/internal/gateway"
)

const (
	resource = "https://tools.example.com/mcp"
	account  = "123456789012"
	agent    = "arn:aws:wisdom:us-east-1:123456789012:ai-agent/a1/booking"
)

// directory has the users and tokens of these tests.
type directory struct{ tokens map[string]lanyard.Token }

var harbour = authority.Instance{Account: account, ID: "i1"}

func (d directory) Token(_ context.Context, text string) (lanyard.Token, error) {
	t, ok := d.tokens[text]
	if !ok {
		return t, lanyard.Errorf(lanyard.Invalid, "the token is unknown to this server")
	}
	return t, nil
}

func (directory) Instance(_ context.Context, _, ref string) (authority.Instance, error) {
	if ref != "harbour" {
		return authority.Instance{}, lanyard.Errorf(lanyard.NotFound, "instance %q does not exist", ref)
	}
	return harbour, nil
}

func (directory) User(_ context.Context, in authority.Instance, ref string) (string, error) {
	if in != harbour || ref != "claire" && ref != "u-claire" {
		return "", lanyard.Errorf(lanyard.NotFound, "user %q does not exist", ref)
	}
	return "u-claire", nil
}

// moving is a directory whose instance is another after a time.
type moving struct {
	directory
	now string // id; "" for none
}

func (m *moving) Instance(_ context.Context, _, ref string) (authority.Instance, error) {
	if m.now == "" || ref != m.now && ref != "harbour" {
		return authority.Instance{}, lanyard.Errorf(lanyard.NotFound, "instance %q does not exist", ref)
	}
	return authority.Instance{Account: account, ID: m.now}, nil
}

// TestInstance lets callers in once there is the instance, and those of the next one of its name.
func TestInstance(t *testing.T) {
	tokens := map[string]lanyard.Token{}
	for _, id := range []string{"i1", "i2"} {
		tokens["lanyard_"+id] = lanyard.Token{Account: account, Instance: id, Scope: lanyard.ScopeCall, Agent: agent}
	}
	c, d := new(clock), &moving{directory: directory{tokens}}
	a := newAuthenticator(callers.Config{Directory: d, Now: c.now})
	if _, err := a.Authenticate(withToken("lanyard_i1")); !errors.Is(err, lanyard.ErrUnavailable) {
		t.Errorf("without an instance: %v", err)
	}
	for _, step := range []struct{ now, good, bad string }{{"i1", "lanyard_i1", "lanyard_i2"}, {"i2", "lanyard_i2", "lanyard_i1"}} {
		d.now = step.now
		c.pass(11 * time.Second)
		if got, err := a.Authenticate(withToken(step.good)); err != nil || got.Instance != step.now {
			t.Errorf("%s: got %+v, %v", step.now, got, err)
		}
		refused(t, a, withToken(step.bad), "must be for the instance")
	}
	d.now = ""
	c.pass(11 * time.Second)
	if _, err := a.Authenticate(withToken("lanyard_i2")); !errors.Is(err, lanyard.ErrUnavailable) {
		t.Errorf("after the instance was deleted: %v", err)
	}
}

// clock is one that tests set forward.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

func newAuthenticator(c callers.Config) *callers.Authenticator {
	c.Instance, c.Logger = "harbour", slog.New(slog.DiscardHandler)
	if c.Resource == "" {
		c.Resource = resource
	}
	if c.Directory == nil {
		c.Directory = directory{}
	}
	return callers.New(c)
}

func withToken(text string) *http.Request {
	r := httptest.NewRequest("POST", "/mcp", nil)
	r.Header.Set("Authorization", "Bearer "+text)
	return r
}

// refused demands that a request proves nobody, and why.
func refused(t *testing.T, a *callers.Authenticator, r *http.Request, says string) {
	t.Helper()
	c, err := a.Authenticate(r)
	var who *gateway.Unauthenticated
	if !errors.As(err, &who) || !strings.Contains(who.Reason, says) || c != nil {
		t.Errorf("got %+v, %v; want a refusal with %q", c, err, says)
	}
}

func TestTokens(t *testing.T) {
	until := time.Now().Add(time.Hour)
	valid := lanyard.Token{ID: "t1", Account: account, Instance: "i1", Scope: lanyard.ScopeCall, Agent: agent, User: "u-claire",
		Expires: until}
	change := func(f func(*lanyard.Token)) lanyard.Token {
		token := valid
		f(&token)
		return token
	}
	a := newAuthenticator(callers.Config{Directory: directory{map[string]lanyard.Token{
		"lanyard_valid":    valid,
		"lanyard_alone":    change(func(t *lanyard.Token) { t.User = "" }),
		"lanyard_user":     change(func(t *lanyard.Token) { t.Agent = "" }),
		"lanyard_decide":   change(func(t *lanyard.Token) { t.Scope = lanyard.ScopeDecide }),
		"lanyard_nobody":   change(func(t *lanyard.Token) { t.Agent, t.User = "", "" }),
		"lanyard_other":    change(func(t *lanyard.Token) { t.Instance = "i2" }),
		"lanyard_stranger": change(func(t *lanyard.Token) { t.Account = "210987654321" }),
		"lanyard_all":      change(func(t *lanyard.Token) { t.Instance = "" }),
	}}})
	for text, want := range map[string]gateway.Caller{
		"lanyard_valid": {Agent: agent, User: "u-claire"}, "lanyard_alone": {Agent: agent}, "lanyard_user": {User: "u-claire"},
	} {
		want.Account, want.Instance, want.Credential, want.Expires = account, "i1", "token t1", until
		if got, err := a.Authenticate(withToken(text)); err != nil || *got != want {
			t.Errorf("%s is %+v, %v; want %+v", text, got, err, want)
		}
	}
	for text, says := range map[string]string{
		"lanyard_decide": "scope of the token must be call, got decide", "lanyard_nobody": "scope of the token",
		"lanyard_other": "must be for the instance", "lanyard_stranger": "must be for the instance", "lanyard_all": "must be for the instance",
		"lanyard_unknown": "unknown", "x": "unknown", "a.b.c": "unknown", strings.Repeat("a", 17<<10): "at most 16384 bytes",
	} {
		refused(t, a, withToken(text), says)
	}
}

// TestHeaders sends tokens in other places, and several.
func TestHeaders(t *testing.T) {
	a := newAuthenticator(callers.Config{Directory: directory{map[string]lanyard.Token{"lanyard_valid": {Account: account,
		Instance: "i1", Scope: lanyard.ScopeCall, Agent: agent}}}})
	for name, send := range map[string]func(*http.Request){
		"none":              func(*http.Request) {},
		"in the query":      func(r *http.Request) { r.URL.RawQuery = "access_token=lanyard_valid" },
		"in a cookie":       func(r *http.Request) { r.Header.Set("Cookie", "access_token=lanyard_valid") },
		"in another header": func(r *http.Request) { r.Header.Set("Proxy-Authorization", "Bearer lanyard_valid") },
		"another scheme":    func(r *http.Request) { r.Header.Set("Authorization", "Basic lanyard_valid") },
		"no scheme":         func(r *http.Request) { r.Header.Set("Authorization", "lanyard_valid") },
		"no token":          func(r *http.Request) { r.Header.Set("Authorization", "Bearer ") },
		"two headers": func(r *http.Request) {
			r.Header["Authorization"] = []string{"Bearer lanyard_valid", "Bearer lanyard_valid"}
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/mcp", nil)
			send(r)
			refused(t, a, r, "Bearer")
		})
	}
	r := httptest.NewRequest("POST", "/mcp", nil)
	r.Header.Set("Authorization", "bEARER  lanyard_valid")
	if c, err := a.Authenticate(r); err != nil || c.Agent != agent {
		t.Errorf("a scheme in other letters: %+v, %v", c, err)
	}
}

// of returns the configuration of a provider whose client bot assists users.
func of(p *provider, change ...func(*callers.Issuer)) callers.Config {
	i := callers.Issuer{URL: p.url, Clients: map[string]callers.Client{
		"bot": {Agent: agent, Subject: callers.SubjectUser}, "desktop": {Subject: callers.SubjectUser},
		"alone": {Agent: agent, Subject: callers.SubjectAgent}, "both": {Agent: agent, Subject: callers.SubjectEither}}}
	for _, f := range change {
		f(&i)
	}
	return callers.Config{Issuers: []callers.Issuer{i}}
}

// TestIssuer lets callers in by tokens that a provider made.
func TestIssuer(t *testing.T) {
	p := newProvider(t)
	a := newAuthenticator(of(p))
	aud := "aud:" + resource
	for _, tt := range []struct {
		name, token, agent, user string
	}{
		{"an agent assisting a user", p.token("bot", aud, "sub:claire"), agent, "u-claire"},
		{"a user without an agent", p.token("desktop", aud, "sub:claire"), "", "u-claire"},
		{"an agent by itself", p.token("alone", aud), agent, ""},
		{"an agent by itself, whose subject is not asked for", p.token("alone", aud, "sub:somebody"), agent, ""},
		{"either: by itself", p.token("both", aud), agent, ""},
		{"either: for a user", p.token("both", aud, "sub:claire"), agent, "u-claire"},
		{"several audiences", p.token("bot", "aud:https://other.example", aud, "sub:claire"), agent, "u-claire"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // the second time it is remembered
				got, err := a.Authenticate(withToken(tt.token))
				if err != nil {
					t.Fatal(err)
				}
				if until := time.Until(got.Expires); until <= 0 || until > time.Hour {
					t.Errorf("it expires in %v", until)
				}
				got.Expires = time.Time{}
				if want := (gateway.Caller{Account: account, Instance: "i1", Agent: tt.agent, User: tt.user,
					Credential: got.Credential}); *got != want || !strings.HasPrefix(got.Credential, "jwt "+p.url+" ") {
					t.Errorf("got %+v, want %+v", got, want)
				}
			}
		})
	}
	for _, tt := range []struct{ name, token, says string }{
		{"another audience", p.token("bot", "aud:https://other.example/mcp", "sub:claire"), "audience"},
		{"the client as the audience", p.token("bot", "sub:claire"), "audience"},
		{"a part of the audience", p.token("bot", "aud:https://tools.example.com", "sub:claire"), "audience"},
		{"a client that is not mapped", p.token("stranger", aud, "sub:claire"), `client "stranger"`},
		{"an agent without its user", p.token("bot", aud), "no user"},
		{"a user who does not exist", p.token("bot", aud, "sub:somebody"), "no user"},
		{"a user by the id of another", p.token("bot", aud, "sub:7d7f9b6c-0000-4000-8000-000000000000"), "must be a user name"},
	} {
		t.Run(tt.name, func(t *testing.T) { refused(t, a, withToken(tt.token), tt.says) })
	}
	// Another provider, whose tokens are just as valid, and one that names this one.
	other := newProvider(t)
	refused(t, a, withToken(other.token("bot", aud, "sub:claire")), "issuer")
	refused(t, a, withToken(other.forge(forged{claims: map[string]any{"iss": p.url}})), "signature")
}

// TestForged sends tokens that no issuer gave for this, or for now.
func TestForged(t *testing.T) {
	p := newProvider(t)
	config := of(p, func(i *callers.Issuer) { i.UserClaim = "name" })
	config.Scopes = []string{"tools"}
	a := newAuthenticator(config)
	valid := map[string]any{"name": "claire", "scope": "more tools"}
	with := func(change map[string]any) map[string]any {
		all := map[string]any{}
		for _, m := range []map[string]any{valid, change} {
			for k, v := range m {
				all[k] = v
			}
		}
		return all
	}
	now := time.Now().Unix()
	for _, tt := range []struct {
		name   string
		claims map[string]any
		header map[string]any
	}{
		{"at+jwt", nil, map[string]any{"typ": "at+jwt"}},
		{"application/at+jwt", nil, map[string]any{"typ": "application/AT+JWT"}},
		{"azp", map[string]any{"client_id": nil, "azp": "bot"}, nil},
		{"azp and client_id", map[string]any{"azp": "bot"}, nil},
		{"a list as audience", map[string]any{"aud": []string{"x", resource}}, nil},
		{"a list of scopes", map[string]any{"scope": nil, "scp": []string{"tools"}}, nil},
		{"a text of scopes", map[string]any{"scope": nil, "scp": "more tools"}, nil},
		{"expired within the leeway", map[string]any{"exp": now - 10}, nil},
		{"from a clock that is ahead", map[string]any{"iat": now + 10, "nbf": now + 10}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if c, err := a.Authenticate(withToken(p.forge(forged{claims: with(tt.claims), header: tt.header}))); err != nil ||
				c.User != "u-claire" {
				t.Errorf("got %+v, %v", c, err)
			}
		})
	}
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public := x509.MarshalPKCS1PublicKey(&p.newest().private.PublicKey)
	shown := pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: public})
	good := p.forge(forged{claims: valid})
	parts := strings.Split(good, ".")
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	for _, tt := range []struct{ name, token, says string }{
		{"no algorithm", part(`{"alg":"none","typ":"JWT"}`) + "." + parts[1] + ".", "signature"},
		{"no algorithm, with a signature", part(`{"alg":"none","typ":"JWT"}`) + "." + parts[1] + "." + parts[2], "signature"},
		{"the public key as a secret", p.forge(forged{alg: jose.HS256, key: shown, claims: valid}), "signature"},
		{"an algorithm that is not accepted", p.forge(forged{alg: jose.RS384, claims: valid}), "signature"},
		{"another's key", p.forge(forged{key: stranger, claims: valid}), "signature"},
		{"another's key in the header", p.forge(forged{key: stranger, claims: valid, header: map[string]any{
			"jwk": jose.JSONWebKey{Key: &stranger.PublicKey}}}), "signature"},
		{"other claims", parts[0] + "." + part(`{"iss":"`+p.url+`","sub":"root"}`) + "." + parts[2], "signature"},
		{"no signature", parts[0] + "." + parts[1] + ".", "signature"},
		{"a critical header", p.forge(forged{claims: valid, header: map[string]any{"crit": []string{"x"}, "x": 1}}), "signature"},
		{"four parts", good + ".x", "signed JWT"},
		{"no base64", "{}." + parts[1] + "." + parts[2], "read as a JWT"},
		{"a doubled header", part(`{"alg":"RS256","typ":"JWT","typ":"at+jwt"}`) + "." + parts[1] + "." + parts[2], "read as a JWT"},
		{"a token for signing out", p.forge(forged{claims: valid, header: map[string]any{"typ": "logout+jwt"}}), "type"},
		{"a proof of possession", p.forge(forged{claims: valid, header: map[string]any{"typ": "dpop+jwt"}}), "type"},
		{"no issuer", p.forge(forged{claims: with(map[string]any{"iss": nil})}), "issuer"},
		{"an issuer with a slash", p.forge(forged{claims: with(map[string]any{"iss": p.url + "/"})}), "issuer"},
		{"expired", p.forge(forged{claims: with(map[string]any{"exp": now - 31})}), "expired"},
		{"never expires", p.forge(forged{claims: with(map[string]any{"exp": nil})}), "expires"},
		{"expires in ages", p.forge(forged{claims: with(map[string]any{"exp": 1e18})}), "expires"},
		{"not valid yet", p.forge(forged{claims: with(map[string]any{"nbf": now + 60})}), "not valid yet"},
		{"made in the future", p.forge(forged{claims: with(map[string]any{"iat": now + 60})}), "not valid yet"},
		{"no audience", p.forge(forged{claims: with(map[string]any{"aud": nil})}), "audience"},
		{"an audience that is no text", p.forge(forged{claims: with(map[string]any{"aud": map[string]any{resource: 1}})}), ""},
		{"two clients", p.forge(forged{claims: with(map[string]any{"azp": "alone"})}), "must be the same"},
		{"no client", p.forge(forged{claims: with(map[string]any{"client_id": nil})}), "client_id or azp"},
		{"no user", p.forge(forged{claims: with(map[string]any{"name": nil})}), "claim name"},
		{"a user that is no text", p.forge(forged{claims: with(map[string]any{"name": []string{"claire"}})}), "claim name"},
	} {
		t.Run(tt.name, func(t *testing.T) { refused(t, a, withToken(tt.token), tt.says) })
	}
	t.Run("without the scope", func(t *testing.T) {
		for _, claims := range []map[string]any{{"scope": "toolsmith"}, {"scope": nil}, {"scope": nil, "scp": []string{"x"}}} {
			r := withToken(p.forge(forged{claims: with(claims)}))
			_, err := a.Authenticate(r)
			var who *gateway.Unauthenticated
			if !errors.As(err, &who) || !who.Insufficient {
				t.Errorf("%v: got %v, want that the scope is missing", claims, err)
			}
			if got, want := a.Challenge(r, new(gateway.Right)), `Bearer error="insufficient_scope", resource_metadata=`+
				`"https://tools.example.com/.well-known/oauth-protected-resource/mcp", scope="tools"`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
	})
}

func TestUserClaims(t *testing.T) {
	p := newProvider(t)
	a := newAuthenticator(of(p, func(i *callers.Issuer) {
		i.UserClaim, i.Users = "email", map[string]string{"claire@example.com": "u-claire"}
	}))
	for _, tt := range []struct {
		name   string
		claims map[string]any
		says   string // "" for a token that is good
	}{
		{"mapped", map[string]any{"email": "claire@example.com", "email_verified": true}, ""},
		{"not verified", map[string]any{"email": "claire@example.com"}, "verified"},
		{"verified as a text", map[string]any{"email": "claire@example.com", "email_verified": "true"}, "verified"},
		{"in other letters", map[string]any{"email": "Claire@example.com", "email_verified": true}, "that the gateway knows"},
		{"the user's own name", map[string]any{"email": "claire", "email_verified": true}, "that the gateway knows"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := withToken(p.forge(forged{claims: tt.claims}))
			if tt.says != "" {
				refused(t, a, r, tt.says)
				return
			}
			if c, err := a.Authenticate(r); err != nil || c.User != "u-claire" {
				t.Errorf("got %+v, %v", c, err)
			}
		})
	}
}

// TestExpiry uses a token again after it has expired, when it is still remembered.
func TestExpiry(t *testing.T) {
	p, c := newProvider(t), new(clock)
	config := of(p)
	config.Now = c.now
	a := newAuthenticator(config)
	text := p.forge(forged{claims: map[string]any{"exp": time.Now().Unix() + 10}})
	if _, err := a.Authenticate(withToken(text)); err != nil {
		t.Fatal(err)
	}
	c.pass(41 * time.Second)
	refused(t, a, withToken(text), "expired")
}

// TestRotation has the provider sign with new keys, and forget old ones.
func TestRotation(t *testing.T) {
	p, c := newProvider(t), new(clock)
	config := of(p)
	config.Now = c.now
	a := newAuthenticator(config)
	good := func(text string) bool {
		_, err := a.Authenticate(withToken(text))
		var who *gateway.Unauthenticated
		if err != nil && !errors.As(err, &who) {
			t.Fatal(err)
		}
		return err == nil
	}
	const scopes = "aud:" + resource
	old := p.forge(forged{claims: map[string]any{"exp": time.Now().Unix() + 9000}})
	if !good(old) {
		t.Fatal("the first token is refused")
	}
	p.rotate()
	c.pass(4 * time.Second)
	if !good(p.token("bot", scopes, "sub:claire")) || !good(old) {
		t.Error("a token by a new key, or an old one, is refused after a rotation")
	}
	p.rotate()
	p.forget()
	c.pass(6 * time.Minute) // the keys are read again, though no token has an unknown one
	for range 100 {         // in the background
		if c.pass(31 * time.Second); !good(old) {
			if !good(p.forge(forged{claims: map[string]any{"exp": time.Now().Unix() + 9000}})) {
				t.Error("a token by the newest key is refused")
			}
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("a token by a key that the provider has removed is accepted")
}

// TestIssuerAway loses the provider before and after its keys were read.
func TestIssuerAway(t *testing.T) {
	p, c := newProvider(t), new(clock)
	config := of(p)
	config.Now = c.now
	a := newAuthenticator(config)
	text := p.forge(forged{claims: map[string]any{"exp": time.Now().Unix() + 9000}})
	p.down.Store(true)
	for range 10 {
		if _, err := a.Authenticate(withToken(text)); !errors.Is(err, lanyard.ErrUnavailable) {
			t.Fatalf("got %v, want unavailable", err)
		}
	}
	if n := p.hits.Load(); n > 1 {
		t.Errorf("it was asked %d times at once", n)
	}
	p.down.Store(false)
	c.pass(4 * time.Second)
	if _, err := a.Authenticate(withToken(text)); err != nil {
		t.Errorf("it is back: %v", err)
	}
	p.down.Store(true)
	c.pass(50 * time.Minute)
	if _, err := a.Authenticate(withToken(text)); err != nil {
		t.Errorf("away for less than an hour: %v", err)
	}
	c.pass(15 * time.Minute)
	if _, err := a.Authenticate(withToken(text)); !errors.Is(err, lanyard.ErrUnavailable) {
		t.Errorf("away for more than an hour: %v", err)
	}
}

// TestUnknownKeys sends many tokens with made-up key ids. The provider is asked for new keys once in a while only.
func TestUnknownKeys(t *testing.T) {
	p := newProvider(t)
	a := newAuthenticator(of(p))
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		text := p.forge(forged{key: stranger, header: map[string]any{"kid": rand.Text()}})
		refused(t, a, withToken(text), "signature")
	}
	if n := p.hits.Load(); n > 4 {
		t.Errorf("the provider was asked %d times", n)
	}
}

func TestMetadata(t *testing.T) {
	a := newAuthenticator(callers.Config{Issuers: []callers.Issuer{{URL: "https://login.example"}}, Scopes: []string{"tools"}})
	w := httptest.NewRecorder()
	a.ServeMetadata(w, httptest.NewRequest("GET", "/.well-known/oauth-protected-resource/mcp", nil))
	const want = `{"resource":"https://tools.example.com/mcp","authorization_servers":["https://login.example"],` +
		`"scopes_supported":["tools"],"bearer_methods_supported":["header"],"resource_name":"lanyard MCP gateway"}`
	if w.Code != 200 || w.Body.String() != want || w.Header().Get("Access-Control-Allow-Origin") != "*" ||
		w.Header().Get("Content-Type") != "application/json" {
		t.Errorf("got %d %v %s", w.Code, w.Header(), w.Body)
	}
	w = httptest.NewRecorder()
	a.ServeMetadata(w, httptest.NewRequest("POST", "/.well-known/oauth-protected-resource", nil))
	if w.Code != 405 {
		t.Errorf("POST is answered with %d", w.Code)
	}
	for path, want := range map[string]bool{"/.well-known/oauth-protected-resource": true,
		"/.well-known/oauth-protected-resource/mcp": true, "/.well-known/oauth-protected-resource/other": false,
		"/.well-known/oauth-protected-resourcemcp": false, "/mcp": false} {
		if got := callers.ServesMetadata(path, "/mcp"); got != want {
			t.Errorf("%s is metadata: %t", path, got)
		}
	}
}

func TestChallenge(t *testing.T) {
	const meta = `resource_metadata="https://tools.example.com/.well-known/oauth-protected-resource/mcp"`
	right := &gateway.Right{Namespace: "crm ns", Tool: `a"b/c`}
	module := &gateway.Right{Module: "m1"}
	nothing, jwt, token := httptest.NewRequest("POST", "/mcp", nil), withToken("a.b.c"), withToken("lanyard_x")
	plain := newAuthenticator(callers.Config{})
	steps := newAuthenticator(callers.Config{StepUp: true, Scopes: []string{"one", "two"}})
	for _, tt := range []struct {
		name  string
		a     *callers.Authenticator
		r     *http.Request
		right *gateway.Right
		want  string
	}{
		{"nothing sent", plain, nothing, nil, "Bearer " + meta},
		{"nothing sent, scopes", steps, nothing, nil, "Bearer " + meta + `, scope="one two"`},
		{"a bad token", plain, jwt, nil, `Bearer error="invalid_token", ` + meta},
		{"a right that no token brings", plain, jwt, right, ""},
		{"a right that no token of lanyard brings", steps, token, right, ""},
		{"a right", steps, jwt, right, `Bearer error="insufficient_scope", ` + meta + `, scope="one two tool:crm%20ns/a%22b%2Fc"`},
		{"a module", steps, jwt, module, `Bearer error="insufficient_scope", ` + meta + `, scope="one two module:m1"`},
		{"a long right", steps, jwt, &gateway.Right{Namespace: "n", Tool: strings.Repeat("x", 2000)}, ""},
		{"a scope that is missing", steps, jwt, new(gateway.Right), `Bearer error="insufficient_scope", ` + meta + `, scope="one two"`},
		{"nothing in particular, a token of lanyard", steps, token, new(gateway.Right), ""},
	} {
		if got := tt.a.Challenge(tt.r, tt.right); got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
	if !reflect.DeepEqual(steps.Scopes, []string{"one", "two"}) {
		t.Errorf("the scopes became %q", steps.Scopes)
	}
}

// FuzzAuthenticate sends any text as a token. It proves nobody, and asks no issuer for anything.
func FuzzAuthenticate(f *testing.F) {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	const url = "http://127.0.0.1:1/issuer"
	for _, text := range []string{"", "lanyard_x", "a.b.c", part(`{"alg":"none"}`) + "." + part(`{"iss":"`+url+`"}`) + ".",
		part(`{"alg":"RS256","typ":"at+jwt"}`) + "." + part(`{"iss":"x"}`) + "." + part("x"), part(`{"typ":1}`) + "..",
		"...."} {
		f.Add(text)
	}
	a := newAuthenticator(callers.Config{Issuers: []callers.Issuer{{URL: url}},
		Client: &http.Client{Transport: nowhere{}}})
	f.Fuzz(func(t *testing.T, text string) {
		r := httptest.NewRequest("POST", "/mcp", nil)
		r.Header["Authorization"] = []string{"Bearer " + text}
		c, err := a.Authenticate(r)
		var who *gateway.Unauthenticated
		if c != nil || !errors.As(err, &who) && !errors.Is(err, lanyard.ErrUnavailable) {
			t.Errorf("got %+v, %v", c, err)
		}
		for _, right := range []*gateway.Right{nil, {}, {Namespace: text, Tool: text}, {Module: text}} {
			if header := a.Challenge(r, right); strings.ContainsAny(header, "\r\n\x00") {
				t.Errorf("the challenge is %q", header)
			}
		}
	})
}

// nowhere is a network without anybody.
type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("no network") }

package callers_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// A provider is an OpenID provider of another project that gives JWTs to clients. What is in a token is asked for by
// scopes: aud:AUDIENCE and sub:SUBJECT; others become the claim scope.
type provider struct {
	*storage.Storage
	t    testing.TB
	url  string
	down atomic.Bool // answers 500
	hits atomic.Int64

	mu   sync.Mutex
	keys []*key // the last one signs
}

// nobody are the users of the provider, which are not asked for here.
type nobody struct{}

func (nobody) GetUserByID(string) *storage.User       { return nil }
func (nobody) GetUserByUsername(string) *storage.User { return nil }
func (nobody) ExampleClientID() string                { return "service" }

// key is a signing key as the provider has it, and as it shows it.
type key struct {
	id      string
	private *rsa.PrivateKey
}

func (k *key) SignatureAlgorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k *key) Key() any                                    { return k.private }
func (k *key) ID() string                                  { return k.id }

type shownKey struct{ *key }

func (k shownKey) Algorithm() jose.SignatureAlgorithm { return jose.RS256 }
func (k shownKey) Use() string                        { return "sig" }
func (k shownKey) Key() any                           { return &k.private.PublicKey }

// tokenClient is a client that gets JWTs.
type tokenClient struct {
	op.Client
	id string
}

func (c tokenClient) GetID() string                       { return c.id }
func (c tokenClient) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }

func newProvider(t testing.TB) *provider {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{Storage: storage.NewStorage(nobody{}), t: t, url: "http://" + l.Addr().String()}
	p.rotate()
	quiet := slog.New(slog.DiscardHandler)
	handler, err := op.NewProvider(&op.Config{CryptoKey: [32]byte{1}}, p, op.StaticIssuer(p.url), op.WithAllowInsecure(),
		op.WithLogger(quiet))
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			p.hits.Add(1)
		}
		if p.down.Load() {
			http.Error(w, "down", http.StatusInternalServerError)
			return
		}
		handler.ServeHTTP(w, r)
	})}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return p
}

// rotate has the provider sign with a new key, and show the old ones as well.
func (p *provider) rotate() {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		p.t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = append(p.keys, &key{fmt.Sprint("key-", len(p.keys)), private})
}

// forget has the provider show its newest key only.
func (p *provider) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = p.keys[len(p.keys)-1:]
}

func (p *provider) newest() *key {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keys[len(p.keys)-1]
}

func (p *provider) SigningKey(context.Context) (op.SigningKey, error) { return p.newest(), nil }

func (p *provider) KeySet(context.Context) (all []op.Key, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, k := range p.keys {
		all = append(all, shownKey{k})
	}
	return all, nil
}

func (p *provider) ClientCredentials(ctx context.Context, id, secret string) (op.Client, error) {
	c, err := p.Storage.ClientCredentials(ctx, "sid1", secret)
	return tokenClient{c, id}, err
}

func (p *provider) ClientCredentialsTokenRequest(_ context.Context, id string,
	scopes []string) (op.TokenRequest, error) {
	r := &oidc.JWTTokenRequest{Subject: id}
	for _, s := range scopes {
		switch kind, value, _ := strings.Cut(s, ":"); kind {
		case "aud":
			r.Audience = append(r.Audience, value)
		case "sub":
			r.Subject = value
		default:
			r.Scopes = append(r.Scopes, s)
		}
	}
	return r, nil
}

func (p *provider) GetPrivateClaimsFromScopes(_ context.Context, _, _ string, scopes []string) (map[string]any, error) {
	return map[string]any{"scope": strings.Join(scopes, " ")}, nil
}

// token returns a token that a client got from the provider.
func (p *provider) token(client string, scopes ...string) string {
	p.t.Helper()
	res, err := http.PostForm(p.url+"/oauth/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {client},
		"client_secret": {"verysecret"}, "scope": {strings.Join(scopes, " ")}})
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	var answer struct {
		Token string `json:"access_token"`
		Error string `json:"error_description"`
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || answer.Token == "" {
		p.t.Fatalf("the provider answers %d %+v, %v", res.StatusCode, answer, err)
	}
	return answer.Token
}

// forged is a token that is not of the provider, but for what it takes from it.
type forged struct {
	key    any // signs; default the provider's
	alg    jose.SignatureAlgorithm
	header map[string]any
	claims map[string]any // in place of or besides those of a valid token; nil values are left out
}

// forge signs a token.
func (p *provider) forge(f forged) string {
	p.t.Helper()
	now := time.Now().Unix()
	claims := map[string]any{"iss": p.url, "sub": "claire", "aud": resource, "client_id": "bot", "exp": now + 300, "iat": now}
	for name, v := range f.claims {
		if claims[name] = v; v == nil {
			delete(claims, name)
		}
	}
	own := p.newest()
	if f.key == nil {
		f.key = own.private
	}
	if f.alg == "" {
		f.alg = jose.RS256
	}
	options := new(jose.SignerOptions).WithHeader("kid", own.id)
	for name, v := range f.header {
		options = options.WithHeader(jose.HeaderKey(name), v)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: f.alg, Key: f.key}, options)
	if err != nil {
		p.t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		p.t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		p.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		p.t.Fatal(err)
	}
	return text
}

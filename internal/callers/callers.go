// Package callers finds out who calls the MCP gateway: by a token of lanyard that is bound to an AI agent, a user or
// both, or by a JWT of an OpenID Connect issuer whose client and subject are mapped to them. It also says where tokens
// come from, in the metadata of a protected resource (RFC 9728) and in WWW-Authenticate.
//
// It does not decide what a caller may do, and it passes no token on.
package callers

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/authority"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/gateway"
)

// Config says which callers there are.
type Config struct {
	// Resource is the URL of the gateway, for which tokens of issuers must be made out.
	Resource string
	// Instance is the id or alias of the only instance whose callers are let in; "" for the only one of the account.
	Instance  string
	Directory Directory
	Issuers   []Issuer
	// Scopes are those that a JWT must have.
	Scopes []string
	// StepUp has refused tools named to holders of a JWT as a scope to ask their issuer for, which must know such scopes.
	StepUp bool
	Client *http.Client     // talks to the issuers; default one with bounds
	Now    func() time.Time // default time.Now
	Logger *slog.Logger     // default slog.Default()
}

// A Directory knows tokens, instances and users. See authority.Authority, which is one.
type Directory interface {
	Token(ctx context.Context, text string) (lanyard.Token, error)
	Instance(ctx context.Context, account, ref string) (authority.Instance, error)
	User(ctx context.Context, in authority.Instance, ref string) (id string, err error)
}

// Authenticator finds out who sends a request. It is safe for concurrent use.
type Authenticator struct {
	Config
	issuers map[string]*issuer // by URL

	mu       sync.Mutex
	instance authority.Instance // once it is known
	looked   time.Time          // when it was last there
	verified map[[sha256.Size]byte]identity
}

var _ gateway.Authenticator = (*Authenticator)(nil)

// New returns an Authenticator.
func New(c Config) *Authenticator {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	a := &Authenticator{Config: c, issuers: map[string]*issuer{}, verified: map[[sha256.Size]byte]identity{}}
	for _, i := range c.Issuers {
		a.issuers[i.URL] = newIssuer(i, c)
	}
	return a
}

// refuse returns the error of a request that proves nobody.
func refuse(reason string) error { return &gateway.Unauthenticated{Reason: reason} }

// Authenticate returns who sends a request, as its Authorization header proves. A token anywhere else is ignored.
func (a *Authenticator) Authenticate(r *http.Request) (*gateway.Caller, error) {
	text, err := bearer(r)
	if err != nil {
		return nil, err
	}
	if control.IsToken(text) {
		return a.byToken(r.Context(), text)
	}
	return a.byJWT(r.Context(), text)
}

// maxToken bounds a token, in bytes.
const maxToken = 16 << 10

// bearer returns the token of a request.
func bearer(r *http.Request) (string, error) {
	values := r.Header["Authorization"]
	if len(values) != 1 {
		return "", refuse("one header Authorization: Bearer TOKEN is required; a token is taken from nowhere else")
	}
	scheme, text, _ := strings.Cut(values[0], " ")
	text = strings.TrimSpace(text)
	switch {
	case !strings.EqualFold(scheme, "Bearer") || text == "":
		return "", refuse("Authorization must be Bearer and a token")
	case len(text) > maxToken:
		return "", refuse(fmt.Sprintf("the token must have at most %d bytes", maxToken))
	}
	return text, nil
}

// byToken returns who a token of lanyard is bound to.
func (a *Authenticator) byToken(ctx context.Context, text string) (*gateway.Caller, error) {
	t, err := a.Directory.Token(ctx, text)
	switch {
	case errors.Is(err, lanyard.ErrInvalid):
		return nil, refuse(err.Error())
	case err != nil:
		return nil, err
	case t.Scope != lanyard.ScopeCall || t.Agent == "" && t.User == "":
		return nil, refuse("the scope of the token must be call, got " + string(t.Scope))
	}
	in, err := a.in(ctx)
	if err != nil {
		return nil, err
	}
	if (authority.Instance{Account: t.Account, ID: t.Instance}) != in {
		return nil, refuse("the token must be for the instance of this gateway")
	}
	return &gateway.Caller{Account: t.Account, Instance: t.Instance, Agent: t.Agent, User: t.User,
		Credential: "token " + t.ID, Expires: t.Expires}, nil
}

// instanceFor is for how long an instance that was found is not looked for again.
const instanceFor = 10 * time.Second

// in returns the instance whose callers are let in. There may be none when the gateway starts, and it may be deleted
// and another one made with its alias.
func (a *Authenticator) in(ctx context.Context) (authority.Instance, error) {
	now := a.Now()
	a.mu.Lock()
	known, looked := a.instance, a.looked
	a.mu.Unlock()
	if known.ID != "" && now.Sub(looked) < instanceFor {
		return known, nil
	}
	found, err := known, error(nil)
	if known.ID != "" { // that one stays, even if there is more than one by now
		found, err = a.Directory.Instance(ctx, known.Account, known.ID)
	}
	if known.ID == "" || errors.Is(err, lanyard.ErrNotFound) {
		found, err = a.Directory.Instance(ctx, "", a.Instance)
	}
	if err != nil {
		return authority.Instance{}, &lanyard.Error{Kind: lanyard.Unavailable, Message: "the gateway has no instance", Err: err}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.instance, a.looked = found, now
	return found, nil
}

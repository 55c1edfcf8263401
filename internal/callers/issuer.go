package callers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/lanyard/lanyard"
)

// An Issuer makes JWTs that prove who calls.
type Issuer struct {
	URL        string
	Audience   string            // that its tokens must have; default the URL of the gateway
	Algorithms []string          // of signatures; default DefaultAlgorithms
	Claim      string            // that has the client's id; default client_id and azp, of which one is required
	UserClaim  string            // that names the user; default sub
	Users      map[string]string // names or ids of users by the claim; nil: the claim itself is a name
	Clients    map[string]Client // by the client's id
}

// A Client is what a client of an issuer stands for.
type Client struct {
	Agent   string // ARN of the AI agent that it is; "" for a client that is none
	Subject Subject
}

// A Subject says who the subject of a client's tokens is.
type Subject string

// The subjects of tokens.
const (
	SubjectUser   Subject = "user"   // a user, whom the AI agent assists
	SubjectAgent  Subject = "agent"  // the client itself: the AI agent serves itself
	SubjectEither Subject = "either" // the client itself if the subject is its id, else a user
)

// DefaultAlgorithms are the algorithms of signatures that are accepted by default.
var DefaultAlgorithms = []string{oidc.RS256, oidc.ES256, oidc.PS256, oidc.EdDSA}

// issuer is an Issuer and its keys.
type issuer struct {
	Issuer
	client *http.Client
	now    func() time.Time
	log    *slog.Logger

	mu         sync.Mutex
	found      *oidc.IDTokenVerifier
	read       time.Time // when found was read
	refreshing bool
	failed     time.Time // when it was last not found
	err        error
}

// Bounds of relying on and talking to an issuer.
const (
	keyLife    = 5 * time.Minute // keys are read again after that, so that removed ones are forgotten
	keyStale   = time.Hour       // keys that cannot be read again are relied on for that long
	issuerWait = 5 * time.Second
	issuerAgo  = 3 * time.Second // an issuer is not asked the same again sooner, whoever sends tokens with unknown keys
)

func newIssuer(i Issuer, c Config) *issuer {
	if len(i.Algorithms) == 0 {
		i.Algorithms = DefaultAlgorithms
	}
	i.UserClaim = cmp.Or(i.UserClaim, "sub")
	client := c.Client
	if client == nil {
		client = &http.Client{}
	}
	own := *client
	own.Timeout = issuerWait
	own.Transport = &bounded{next: cmp.Or[http.RoundTripper](client.Transport, http.DefaultTransport), now: c.Now,
		kept: map[string]answer{}}
	own.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if len(via) > 3 || r.URL.Scheme != via[0].URL.Scheme {
			return errors.New("too many redirects, or to another scheme")
		}
		return nil
	}
	return &issuer{Issuer: i, client: &own, now: c.Now, log: c.Logger}
}

// verifier returns what verifies the issuer's tokens. Its keys are read when they are first needed, so that an issuer
// that is down keeps no gateway from starting, and again from time to time while the old ones are used.
func (i *issuer) verifier(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.now()
	age := now.Sub(i.read)
	mayAsk := !i.refreshing && now.Sub(i.failed) >= issuerAgo
	switch {
	case i.found != nil && age < keyLife, i.found != nil && age < keyStale && !mayAsk:
		return i.found, nil
	case i.found != nil && age < keyStale:
		i.refreshing = true
		go func() {
			found, err := i.discover(context.WithoutCancel(ctx))
			i.mu.Lock()
			defer i.mu.Unlock()
			i.refreshing = false
			i.took(found, err)
		}()
		return i.found, nil
	case !mayAsk:
		return nil, i.unavailable(i.err)
	}
	i.found = nil
	i.took(i.discover(context.WithoutCancel(ctx)))
	if i.err != nil {
		return nil, i.unavailable(i.err)
	}
	return i.found, nil
}

// took notes what came of a discovery. The caller holds i.mu.
func (i *issuer) took(found *oidc.IDTokenVerifier, err error) {
	i.err = err
	if err != nil {
		i.failed = i.now()
		i.log.Warn("cannot read the keys of an issuer; retrying", "issuer", i.URL, "error", err)
		return
	}
	i.found, i.read = found, i.now()
}

// unavailable is the error when an issuer cannot be asked.
func (i *issuer) unavailable(err error) error {
	return &lanyard.Error{Kind: lanyard.Unavailable, Message: "the issuer of the token cannot be asked for its keys", Err: err}
}

// discover reads where the issuer's keys are, and the keys.
func (i *issuer) discover(ctx context.Context) (*oidc.IDTokenVerifier, error) {
	ctx = oidc.ClientContext(ctx, i.client)
	p, err := oidc.NewProvider(ctx, i.URL)
	if err != nil {
		return nil, fmt.Errorf("find the issuer %s: %w", i.URL, err)
	}
	var found struct {
		Keys string `json:"jwks_uri"`
	}
	if err := p.Claims(&found); err != nil {
		return nil, err
	}
	from, err := url.Parse(found.Keys)
	if here, _ := url.Parse(i.URL); err != nil || here == nil || from.Host == "" || from.Scheme != "https" &&
		from.Scheme != here.Scheme {
		return nil, fmt.Errorf("jwks_uri of the issuer %s must be an https URL", i.URL)
	}
	res, err := i.client.Get(found.Keys) // which bounded keeps for the key set
	if err != nil {
		return nil, fmt.Errorf("read the keys of the issuer %s: %w", i.URL, err)
	}
	res.Body.Close()
	// Audience and times are checked by checkClaims, with the leeway that it has.
	return oidc.NewVerifier(i.URL, oidc.NewRemoteKeySet(ctx, found.Keys), &oidc.Config{SkipClientIDCheck: true,
		SkipExpiryCheck: true, SupportedSigningAlgs: i.Algorithms}), nil
}

// identity maps what a JWT says.
func (i *issuer) identity(c *claims) (who identity, err error) {
	id, err := i.clientID(c)
	if err != nil {
		return who, err
	}
	client, ok := i.Clients[id]
	if !ok {
		return who, refuse("the client " + lanyard.Quote(id) + " of the token must be one that the gateway knows")
	}
	who = identity{agent: client.Agent, credential: "jwt " + i.URL + " " + lanyard.Clip(cmp.Or(c.Subject, id)),
		expires: time.UnixMilli(int64(c.Expires * 1000)).UTC()}
	if client.Subject == SubjectAgent || client.Subject == SubjectEither && c.Subject == id {
		return who, nil
	}
	who.user, err = i.userOf(c)
	return who, err
}

// clientID returns the id of the client that a token was given to.
func (i *issuer) clientID(c *claims) (string, error) {
	if i.Claim != "" {
		if id := c.text(i.Claim); id != "" {
			return id, nil
		}
		return "", refuse("the token must have the claim " + i.Claim)
	}
	switch {
	case c.ClientID == "" && c.Party == "":
		return "", refuse("the token must have the claim client_id or azp")
	case c.ClientID != "" && c.Party != "" && c.ClientID != c.Party:
		return "", refuse("the claims client_id and azp of the token must be the same")
	}
	return cmp.Or(c.ClientID, c.Party), nil
}

// userOf returns the name or id of the user whom a token is about. A user cannot be left out: an AI agent by itself may
// do what it may not do for somebody.
func (i *issuer) userOf(c *claims) (string, error) {
	value := c.text(i.UserClaim)
	switch {
	case value == "":
		return "", refuse("the token must have the claim " + i.UserClaim)
	case i.UserClaim == "email" && !c.isTrue("email_verified"):
		return "", refuse("the e-mail address of the token must be verified")
	case i.Users == nil && lanyard.IsID(value):
		return "", refuse("the claim " + i.UserClaim + " of the token must be a user name")
	case i.Users == nil:
		return value, nil
	}
	name, ok := i.Users[value]
	if !ok {
		return "", refuse("the subject of the token must be a user that the gateway knows")
	}
	return name, nil
}

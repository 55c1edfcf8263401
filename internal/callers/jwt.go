package callers

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/gateway"
)

// Bounds of JWTs.
const (
	leeway      = 30 * time.Second // by which clocks may differ
	maxVerified = 10_000           // JWTs that are remembered as verified
	// verifiedFor is for how long a JWT is not verified again. A key that its issuer removes is relied on for that
	// much longer than keyLife.
	verifiedFor = 30 * time.Second
)

// An identity is what a JWT proves.
type identity struct {
	agent, user string // user as the mapping names it: id or name
	credential  string
	expires     time.Time
	until       time.Time // for how long it is remembered
}

// byJWT returns who a JWT is mapped to.
func (a *Authenticator) byJWT(ctx context.Context, text string) (*gateway.Caller, error) {
	if len(a.issuers) == 0 {
		return nil, refuse("the token is unknown to this gateway")
	}
	who, err := a.identify(ctx, text)
	if err != nil {
		return nil, err
	}
	in, err := a.in(ctx)
	if err != nil {
		return nil, err
	}
	c := &gateway.Caller{Account: in.Account, Instance: in.ID, Agent: who.agent, Credential: who.credential,
		Expires: who.expires}
	if who.user == "" {
		return c, nil
	}
	c.User, err = a.Directory.User(ctx, in, who.user)
	if errors.Is(err, lanyard.ErrNotFound) {
		return nil, refuse("the subject of the token is no user of the instance")
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// identify verifies a JWT, unless it did so shortly before.
func (a *Authenticator) identify(ctx context.Context, text string) (identity, error) {
	sum, now := sha256.Sum256([]byte(text)), a.Now()
	a.mu.Lock()
	who, ok := a.verified[sum]
	a.mu.Unlock()
	if ok && now.Before(who.until) {
		return who, nil
	}
	who, err := a.verify(ctx, text, now)
	if err != nil {
		return who, err
	}
	who.until = now.Add(verifiedFor)
	if last := who.expires.Add(leeway); last.Before(who.until) {
		who.until = last
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.verified) >= maxVerified {
		clear(a.verified)
	}
	a.verified[sum] = who
	return who, nil
}

// verify verifies a JWT and maps what it says.
func (a *Authenticator) verify(ctx context.Context, text string, now time.Time) (identity, error) {
	from, err := a.issuerOf(text)
	if err != nil {
		return identity{}, err
	}
	verifier, err := from.verifier(ctx)
	if err != nil {
		return identity{}, err
	}
	token, err := verifier.Verify(oidc.ClientContext(ctx, from.client), text)
	if err != nil {
		var away *fetchError
		if errors.As(err, &away) || ctx.Err() != nil {
			return identity{}, from.unavailable(err)
		}
		a.Logger.Debug("token refused", "issuer", from.URL, "error", err)
		return identity{}, refuse("the signature of the token must be one of its issuer, by an algorithm that the gateway accepts")
	}
	var claims lanyard.JSON
	if err := token.Claims(&claims); err != nil {
		return identity{}, refuse("the claims of the token cannot be read")
	}
	c, err := readClaims(claims)
	if err != nil {
		return identity{}, err
	}
	if err := a.checkClaims(from, c, now); err != nil {
		return identity{}, err
	}
	return from.identity(c)
}

// tokenTypes are the values of typ that access tokens have. A JWT of another type was made for something else.
var tokenTypes = []string{"", "jwt", "at+jwt", "application/at+jwt", "application/jwt"}

// issuerOf returns the issuer that a JWT claims to be from, which is to be verified.
func (a *Authenticator) issuerOf(text string) (*issuer, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, refuse("the token must be one of this server or a signed JWT")
	}
	var header struct {
		Type string `json:"typ"`
	}
	var payload struct {
		Issuer string `json:"iss"`
	}
	if readPart(parts[0], &header) != nil || readPart(parts[1], &payload) != nil {
		return nil, refuse("the token cannot be read as a JWT")
	}
	if !slices.Contains(tokenTypes, strings.ToLower(header.Type)) {
		return nil, refuse("the type of the JWT must be at+jwt or JWT")
	}
	from := a.issuers[payload.Issuer]
	if from == nil {
		return nil, refuse("the issuer of the token must be one that the gateway knows")
	}
	return from, nil
}

func readPart(part string, to any) error {
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, to)
}

// claims are those of a JWT that are looked at.
type claims struct {
	Audience  audience       `json:"aud"`
	Subject   string         `json:"sub"`
	ClientID  string         `json:"client_id"`
	Party     string         `json:"azp"`
	Expires   float64        `json:"exp"`
	NotBefore float64        `json:"nbf"`
	Issued    float64        `json:"iat"`
	Scope     string         `json:"scope"`
	Scopes    audience       `json:"scp"` // a list or a text, depending on the issuer
	Others    jsontext.Value `json:",embed"`
}

// audience is a text or a list of texts.
type audience []string

// UnmarshalJSONFrom reads either form.
func (a *audience) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	if d.PeekKind() == '"' {
		*a = make([]string, 1)
		return json.UnmarshalDecode(d, &(*a)[0])
	}
	return json.UnmarshalDecode(d, (*[]string)(a))
}

// readClaims reads claims. It refuses doubled members, which two readers would understand in two ways.
func readClaims(b []byte) (*claims, error) {
	c := new(claims)
	if err := json.Unmarshal(b, c); err != nil {
		return nil, refuse("the claims of the token cannot be read")
	}
	return c, nil
}

// text returns a claim that is a text, by its name; "" when there is none.
func (c *claims) text(name string) string {
	switch name {
	case "sub":
		return c.Subject
	case "client_id":
		return c.ClientID
	case "azp":
		return c.Party
	}
	var all map[string]jsontext.Value
	if len(c.Others) == 0 || json.Unmarshal(c.Others, &all) != nil {
		return ""
	}
	var s string
	if json.Unmarshal(all[name], &s) != nil {
		return ""
	}
	return s
}

// isTrue reports whether a claim is true.
func (c *claims) isTrue(name string) bool {
	var all map[string]jsontext.Value
	return len(c.Others) > 0 && json.Unmarshal(c.Others, &all) == nil && bytes.Equal(all[name], []byte("true"))
}

// checkClaims refuses a JWT that is not for this gateway, or not for now.
func (a *Authenticator) checkClaims(from *issuer, c *claims, now time.Time) error {
	if !slices.Contains(c.Audience, cmp.Or(from.Audience, a.Resource)) {
		return refuse("the audience of the token must be this gateway")
	}
	seconds := float64(now.UnixMilli()) / 1000
	const tolerated = float64(leeway / time.Second)
	switch {
	case c.Expires <= 0 || c.Expires > math.MaxInt32*1000:
		return refuse("the token must say when it expires")
	case seconds >= c.Expires+tolerated:
		return refuse("the token has expired")
	case c.NotBefore > seconds+tolerated || c.Issued > seconds+tolerated:
		return refuse("the token is not valid yet")
	}
	for _, scope := range a.Scopes {
		if !slices.Contains(strings.Fields(c.Scope), scope) && !slices.Contains(c.Scopes, scope) &&
			!(len(c.Scopes) == 1 && slices.Contains(strings.Fields(c.Scopes[0]), scope)) {
			return &gateway.Unauthenticated{Reason: "the token lacks the scope " + scope, Insufficient: true}
		}
	}
	return nil
}

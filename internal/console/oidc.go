package console

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/remoteaddr"
	"github.com/lanyard/lanyard/internal/sealed"
)

// OIDC is a provider that says who people are.
type OIDC struct {
	Issuer       string // URL
	ClientID     string
	ClientSecret string   // "" for a public client
	Claim        string   // that holds the user name: preferred_username, email, sub, or another
	Instance     string   // id or alias of the instance whose users sign in; "" for the only one
	Scopes       []string // in addition to openid; default profile and email
	Label        string   // of the button; default Single sign-on
	Client       *http.Client
}

// provider finds the provider's endpoints when they are first needed, so that a provider that is
// down keeps no server from starting.
type provider struct {
	*OIDC
	now func() time.Time

	mu     sync.Mutex
	found  *oidc.Provider
	failed time.Time // when it was last not found
	err    error
}

// Bounds of talking to a provider.
const (
	providerWait  = 10 * time.Second
	providerRetry = 5 * time.Second // after a failure
	oidcLife      = 10 * time.Minute
)

// discover returns the provider. One caller looks for it at a time, and not at once again after a failure.
func (p *provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil {
		return p.found, nil
	}
	if p.err != nil && p.now().Sub(p.failed) < providerRetry {
		return nil, p.err
	}
	// The keys are read with this context later on, so it must not end; the client bounds each request.
	found, err := oidc.NewProvider(p.context(context.WithoutCancel(ctx)), p.Issuer)
	if err != nil {
		p.err, p.failed = fmt.Errorf("find the provider %s: %w", p.Issuer, err), p.now()
		return nil, p.err
	}
	p.found, p.err = found, nil
	return found, nil
}

func (p *provider) context(ctx context.Context) context.Context {
	c := p.Client
	if c == nil {
		c = &http.Client{Timeout: providerWait}
	}
	return oidc.ClientContext(ctx, c)
}

func (s *Server) config(p *oidc.Provider, r *http.Request) *oauth2.Config {
	base := s.URL
	if base == "" {
		base = "http://" + r.Host
		if r.TLS != nil {
			base = "https://" + r.Host
		}
	}
	scopes := s.OIDC.Scopes
	if scopes == nil {
		scopes = []string{"profile", "email"}
	}
	return &oauth2.Config{ClientID: s.OIDC.ClientID, ClientSecret: s.OIDC.ClientSecret, Endpoint: p.Endpoint(),
		RedirectURL: base + oidcPrefix + "callback", Scopes: append([]string{oidc.ScopeOpenID}, scopes...)}
}

// flow is a sign-in on its way through the provider. The browser keeps it in a cookie, so that any
// server can go on with it.
type flow struct {
	State, Nonce, Verifier string
	Until                  int64 // seconds since 1970
}

const flowCookie = "lanyard-oidc"

func (s *Server) seal(f flow) string {
	b, err := laxjson.Marshal(f)
	if err != nil {
		panic(err) // texts and a number encode
	}
	return s.flows().Seal(b)
}

func (s *Server) flows() sealed.Box { return sealed.Box{Secret: s.Secret, Purpose: "console oidc"} }

// open reads a flow that seal wrote and that is not too old.
func (s *Server) open(value string) (f flow, ok bool) {
	b, ok := s.flows().Open(value)
	return f, ok && laxjson.Unmarshal(b, &f) == nil && s.Now().Unix() < f.Until
}

// setFlow sets the cookie, which must come along when the provider sends the browser back.
func (s *Server) setFlow(a *asking, value string, age int) {
	c := http.Cookie{Name: flowCookie, Value: value, Path: oidcPrefix, MaxAge: age, HttpOnly: true,
		Secure: s.https(a.http), SameSite: http.SameSiteLaxMode}
	a.header.Add("Set-Cookie", c.String())
}

// serveOIDC sends a browser to the provider, or takes it back.
func (s *Server) serveOIDC(w http.ResponseWriter, r *http.Request) {
	a := &asking{http: r, header: w.Header()}
	a.header.Set("Cache-Control", "no-store")
	if s.OIDC == nil {
		http.Error(w, "single sign-on is not set up", http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet {
		a.header.Set("Allow", http.MethodGet)
		http.Error(w, "the method must be GET", http.StatusMethodNotAllowed)
		return
	}
	if err := s.ownHost(r); err != nil {
		http.Error(w, err.Error(), http.StatusForbidden)
		return
	}
	var to string
	var err error
	switch r.URL.Path[len(oidcPrefix):] {
	case "start":
		to, err = s.oidcStart(r.Context(), a)
	case "callback":
		to, err = "/", s.oidcCallback(r.Context(), a)
	default:
		http.Error(w, "the page does not exist", http.StatusNotFound)
		return
	}
	if err != nil {
		var f *signInFailure
		if !errors.As(err, &f) {
			f = &signInFailure{"failed", err}
		}
		s.Logger.Warn("single sign-on failed", "from", remoteaddr.Host(r), "reason", f.reason, "error", f.err)
		to = "/#/sign-in?error=" + url.QueryEscape(f.reason)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// signInFailure is the error of a failed sign-in.
type signInFailure struct {
	reason string
	err    error
}

func (f *signInFailure) Error() string { return f.reason + ": " + f.err.Error() }

func (s *Server) oidcStart(ctx context.Context, a *asking) (string, error) {
	p, err := s.provider.discover(ctx)
	if err != nil {
		return "", &signInFailure{"unavailable", err}
	}
	f := flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(),
		Until: s.Now().Add(oidcLife).Unix()}
	s.setFlow(a, s.seal(f), int(oidcLife/time.Second))
	return s.config(p, a.http).AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), nil
}

// oidcCallback finishes what oidcStart began in the same browser.
func (s *Server) oidcCallback(ctx context.Context, a *asking) error {
	ctx, cancel := context.WithTimeout(ctx, providerWait)
	defer cancel()
	f, err := s.flowOf(a)
	if err != nil {
		return err
	}
	claims, err := s.exchange(ctx, a, f)
	if err != nil {
		return err
	}
	name, err := s.named(claims)
	if err != nil {
		return err
	}
	in, u, err := s.Control.Named(ctx, s.Account, s.OIDC.Instance, name)
	if errors.Is(err, lanyard.ErrNotFound) {
		return &signInFailure{"unknown-user", fmt.Errorf("the claim %s is %q: %w", s.OIDC.Claim, lanyard.Clip(name), err)}
	}
	if err != nil {
		return err
	}
	if err := s.identify(ctx, a); err != nil {
		return err
	}
	_, err = s.begin(ctx, a, lanyard.Session{Instance: in.ID, User: u.ID, Method: "oidc"})
	return err
}

// flowOf returns the sign-in that the browser began here, which can be finished once.
func (s *Server) flowOf(a *asking) (f flow, err error) {
	q := a.http.URL.Query()
	s.setFlow(a, "", -1)
	c, err := a.http.Cookie(flowCookie)
	if err != nil {
		return f, errors.New("the browser did not begin here")
	}
	f, ok := s.open(c.Value)
	if !ok || !sameToken(q.Get("state"), f.State) {
		return f, errors.New("the state is not the one that the browser began with, or too old")
	}
	if e := q.Get("error"); e != "" {
		return f, &signInFailure{"denied", errors.New(lanyard.Clip(e + " " + q.Get("error_description")))}
	}
	if !s.finished.first(f, s.Now().Unix()) {
		return f, errors.New("this sign-in has been finished before")
	}
	return f, nil
}

// exchange returns what the provider says about the user who signed in. The browser brings the code.
func (s *Server) exchange(ctx context.Context, a *asking, f flow) (claims map[string]any, err error) {
	p, err := s.provider.discover(ctx)
	if err != nil {
		return nil, &signInFailure{"unavailable", err}
	}
	ctx = s.provider.context(ctx)
	got, err := s.config(p, a.http).Exchange(ctx, a.http.URL.Query().Get("code"), oauth2.VerifierOption(f.Verifier))
	if err != nil {
		var refused *oauth2.RetrieveError
		if errors.As(err, &refused) && refused.Response.StatusCode < http.StatusInternalServerError {
			return nil, fmt.Errorf("exchange the code: %w", err)
		}
		return nil, &signInFailure{"unavailable", fmt.Errorf("exchange the code: %w", err)}
	}
	text, _ := got.Extra("id_token").(string)
	id, err := p.VerifierContext(ctx, &oidc.Config{ClientID: s.OIDC.ClientID, Now: s.Now}).Verify(ctx, text)
	if err != nil {
		return nil, fmt.Errorf("verify the identity token: %w", err)
	}
	if !sameToken(id.Nonce, f.Nonce) {
		return nil, errors.New("the identity token is for another sign-in")
	}
	if err := id.Claims(&claims); err != nil {
		return nil, fmt.Errorf("read the claims: %w", err)
	}
	if err := meant(claims, id.Audience, s.OIDC.ClientID); err != nil {
		return nil, err
	}
	if _, ok := claims[s.OIDC.Claim]; ok { // many providers keep them for those who ask
		return claims, nil
	}
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(got))
	if err != nil {
		return nil, fmt.Errorf("ask for the claims: %w", err)
	}
	return claimsOf(info, id.Subject)
}

// claimsOf returns what the provider says of a subject when asked. It takes the place of what the token says:
// that an address is verified is about the address in the same document.
func claimsOf(info *oidc.UserInfo, subject string) (claims map[string]any, err error) {
	if info.Subject != subject {
		return nil, errors.New("the claims are those of somebody else")
	}
	if err := info.Claims(&claims); err != nil {
		return nil, fmt.Errorf("read the claims: %w", err)
	}
	return claims, nil
}

// meant refuses an identity token that was issued to another client: of several audiences, azp names the one
// that asked for it.
func meant(claims map[string]any, audience []string, client string) error {
	azp, has := claims["azp"]
	if has && azp != client {
		return fmt.Errorf("azp must be %q, got %q", client, lanyard.Clip(fmt.Sprint(azp)))
	}
	if !has && len(audience) > 1 {
		return fmt.Errorf("azp is required when the identity token is for %d audiences", len(audience))
	}
	return nil
}

// finished remembers which flows were finished on this server, until they expire. On another server it is the
// provider that refuses the code.
type finished struct {
	mu    sync.Mutex
	until map[string]int64 // by state
}

// maxFinished bounds how many are remembered, some 1 MB.
const maxFinished = 10_000

// first reports whether a flow has not been finished before, and notes that it is now.
func (d *finished) first(f flow, now int64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, ok := d.until[f.State]; ok {
		return false
	}
	if len(d.until) >= maxFinished {
		maps.DeleteFunc(d.until, func(_ string, until int64) bool { return until <= now })
	}
	for state := range d.until {
		if len(d.until) < maxFinished {
			break
		}
		delete(d.until, state)
	}
	if d.until == nil {
		d.until = map[string]int64{}
	}
	d.until[f.State] = f.Until
	return true
}

// named reads the user name out of what the provider says of somebody.
func (s *Server) named(claims map[string]any) (string, error) {
	name, _ := claims[s.OIDC.Claim].(string)
	if strings.TrimSpace(name) == "" {
		return "", fmt.Errorf("the claim %s is required, and the provider does not return it", s.OIDC.Claim)
	}
	// An address that anybody may have typed in proves nothing.
	if verified, ok := claims["email_verified"].(bool); s.OIDC.Claim == "email" && (!ok || !verified) {
		return "", errors.New("the provider has not verified the e-mail address")
	}
	return name, nil
}

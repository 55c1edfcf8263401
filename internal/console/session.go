package console

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/remoteaddr"
)

// csrfHeader carries the token without which nothing is done.
const csrfHeader = "X-Lanyard-Csrf"

// cookieName is that of the session's cookie. The prefix has browsers refuse it from plain HTTP and
// from other hosts.
func (s *Server) cookieName(r *http.Request) string {
	if s.https(r) {
		return "__Host-lanyard"
	}
	return "lanyard"
}

func (s *Server) https(r *http.Request) bool { return s.secure || r.TLS != nil }

const tokenSize = 32 // bytes

// parseToken reports whether a cookie can be one of ours.
func parseToken(value string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(value)
	return err == nil && len(b) == tokenSize
}

// SessionID is under what a session is stored: who reads the database cannot use it.
func SessionID(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// csrfToken is derived from what scripts of other sites cannot read.
func csrfToken(token string) string {
	h := hmac.New(sha256.New, []byte(token))
	h.Write([]byte("csrf"))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func sameToken(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// Why nobody is signed in.
const (
	none            = "none"
	expired         = "expired"
	ended           = "ended"
	instanceDeleted = "instance-deleted"
)

// identify finds the session of a request, if it has one that counts.
func (s *Server) identify(ctx context.Context, a *asking) error {
	a.why = none
	c, err := a.http.Cookie(s.cookieName(a.http))
	if err != nil || !parseToken(c.Value) {
		return nil
	}
	n, err := s.Control.Session(ctx, SessionID(c.Value))
	if err != nil {
		if errors.Is(err, lanyard.ErrNotFound) {
			a.why = ended
			return nil
		}
		return err
	}
	if a.why, err = s.counts(ctx, n); err != nil {
		return err
	}
	if a.why != "" {
		return s.Control.EndSession(ctx, n.ID)
	}
	if now := s.Now().UTC(); now.Sub(n.Seen) > s.Idle/30 {
		if err := s.Control.TouchSession(ctx, n.ID, now); err != nil {
			return err
		}
		n.Seen = now
	}
	a.session, a.token = &n, c.Value
	return nil
}

// counts says why a session does not count, "" when it does: whose it is may be gone in the meantime.
func (s *Server) counts(ctx context.Context, n lanyard.Session) (why string, err error) {
	now := s.Now()
	if !now.Before(n.Expires) || now.Sub(n.Seen) >= s.Idle {
		return expired, nil
	}
	if n.User == "" {
		if k, ok := s.Control.Key(n.Key); !ok || !k.Root || k.Account != s.Account {
			return ended, nil
		}
		return "", nil
	}
	call := control.Call{Caller: lanyard.Caller{Account: s.Account}}
	if _, _, err = s.Control.DescribeUser(ctx, call, n.Instance, n.User); err == nil {
		return "", nil
	}
	if !errors.Is(err, lanyard.ErrNotFound) {
		return "", err
	}
	if _, err = s.Control.Instance(ctx, call, n.Instance); err == nil {
		return ended, nil
	}
	if !errors.Is(err, lanyard.ErrNotFound) {
		return "", err
	}
	return instanceDeleted, nil
}

var reasons = map[string]string{
	none: "nobody is signed in", expired: "the session has expired; sign in again",
	ended: "the session has ended; sign in again", instanceDeleted: "the instance has been deleted",
}

func (s *Server) notSignedIn(why string) *failure {
	return &failure{Status: http.StatusUnauthorized, Code: "NotSignedIn", Message: reasons[why], Reason: why}
}

// session answers who is signed in.
func (s *Server) session(ctx context.Context, a *asking) (any, error) {
	if a.session != nil {
		return s.describe(ctx, a)
	}
	f := s.notSignedIn(a.why)
	var start *OIDCStart
	if s.OIDC != nil {
		start = &OIDCStart{Label: s.OIDC.Label, Path: oidcPrefix + "start"}
	}
	_, err := s.Control.InstanceNamed(ctx, s.Account, "")
	if err != nil && !errors.Is(err, lanyard.ErrNotFound) {
		return nil, err
	}
	f.signIn = &SignIn{InstanceNeeded: err != nil, OIDC: start}
	return nil, f
}

// describe shows a session to whom it belongs.
func (s *Server) describe(ctx context.Context, a *asking) (any, error) {
	n := a.session
	idle := n.Seen.Add(s.Idle)
	if idle.After(n.Expires) {
		idle = n.Expires
	}
	out := Session{Kind: "operator", Permissions: []string{}, Method: n.Method, Expires: n.Expires, IdleExpires: idle,
		Idle: int(s.Idle / time.Second)}
	if n.User == "" {
		for _, p := range lanyard.Permissions() {
			out.Permissions = append(out.Permissions, p.Name)
		}
		return SessionAnswer{out, csrfToken(a.token)}, nil
	}
	v, err := s.view(ctx, a, "")
	if err != nil {
		return nil, err
	}
	in, u, err := s.Control.DescribeUser(ctx, v.call, n.Instance, n.User)
	if err != nil {
		return nil, err
	}
	out.Kind = "user"
	out.Instance = &InstanceRef{in.ID, s.Control.ARN(in, lanyard.TypeInstance, in.ID), in.Name}
	out.User = &SessionUser{u.ID, u.Name, u.FirstName, u.LastName}
	all, _ := v.WhatCan(access.Subject{ID: n.User})
	for _, e := range all {
		if e.Type == "" {
			out.Permissions = append(out.Permissions, e.Action)
		}
	}
	return SessionAnswer{out, csrfToken(a.token)}, nil
}

// signIn begins a session.
func (s *Server) signIn(ctx context.Context, a *asking) (any, error) {
	var in struct {
		Instance, Username, Password string
		AccessKeyID                  string `json:"AccessKeyId"`
		SecretAccessKey              string
	}
	if err := a.decode(&in); err != nil {
		return nil, err
	}
	byKey := in.AccessKeyID != "" || in.SecretAccessKey != ""
	if byKey == (in.Username != "" || in.Password != "" || in.Instance != "") {
		return nil, &failure{Status: http.StatusBadRequest, Code: invalid,
			Message: "Username and Password, or AccessKeyId and SecretAccessKey, are required"}
	}
	from := remoteaddr.Host(a.http)
	who, err := s.claimed(ctx, in.Instance, in.Username, in.AccessKeyID)
	if err != nil {
		return nil, err
	}
	wait, done := s.attempts.signIn(who, network(from))
	if wait > 0 {
		seconds := int(wait/time.Second) + 1
		return nil, &failure{Status: http.StatusTooManyRequests, Code: "TooManyAttempts", RetryAfter: seconds,
			Message: fmt.Sprintf("too many attempts failed; try again in %d seconds", seconds)}
	}
	n := lanyard.Session{Method: "password"}
	if byKey {
		k, ok := s.Control.Key(in.AccessKeyID)
		right := sameToken(hashed(in.SecretAccessKey), hashed(k.Secret))
		if !ok || !right || !k.Root || k.Account != s.Account {
			return nil, s.refused(from, in.AccessKeyID)
		}
		n.Method, n.Key = "key", k.ID
	} else {
		instance, u, err := s.Control.SignIn(ctx, s.Account, in.Instance, in.Username, in.Password)
		if errors.Is(err, lanyard.ErrDenied) {
			return nil, s.refused(from, in.Username)
		}
		if err != nil {
			var limited *lanyard.Error
			if errors.As(err, &limited) && limited.Kind == lanyard.Throttled {
				return nil, &failure{Status: http.StatusTooManyRequests, Code: "TooManyAttempts", Message: limited.Message,
					RetryAfter: 5}
			}
			return nil, err
		}
		n.Instance, n.User = instance.ID, u.ID
	}
	done(true)
	return s.begin(ctx, a, n)
}

// claimed is whom a sign-in says to be: one text for each user and each key, however the instance is named.
func (s *Server) claimed(ctx context.Context, instance, name, key string) (string, error) {
	if key != "" {
		return "key\x00" + key, nil
	}
	in, err := s.Control.InstanceNamed(ctx, s.Account, instance)
	switch {
	case err == nil:
		instance = in.ID
	case !errors.Is(err, lanyard.ErrNotFound):
		return "", err
	}
	return "user\x00" + instance + "\x00" + name, nil
}

// hashed makes texts of any length equally long to compare.
func hashed(s string) string {
	sum := sha256.Sum256([]byte(s))
	return string(sum[:])
}

func (s *Server) refused(from, name string) error {
	s.Logger.Warn("sign-in refused", "from", from, "name", lanyard.Clip(strings.ToValidUTF8(name, "?")))
	return &failure{Status: http.StatusUnauthorized, Code: "SignInFailed",
		Message: "the name, the password or the key is not right"}
}

// begin stores a session and gives it to the browser. One that the browser had ends.
func (s *Server) begin(ctx context.Context, a *asking, n lanyard.Session) (any, error) {
	if a.session != nil {
		if err := s.Control.EndSession(ctx, a.session.ID); err != nil {
			return nil, err
		}
	}
	b := make([]byte, tokenSize)
	rand.Read(b)
	a.token = base64.RawURLEncoding.EncodeToString(b)
	n.ID, n.Owner = SessionID(a.token), control.SessionOwner(n.Instance, n.User, n.Key)
	n.Created = s.Now().UTC().Truncate(time.Millisecond)
	n.Seen, n.Expires = n.Created, n.Created.Add(s.Session)
	if err := s.Control.AddSession(ctx, n); err != nil {
		return nil, err
	}
	s.Logger.Info("signed in", "owner", n.Owner, "method", n.Method, "from", remoteaddr.Host(a.http))
	s.cookie(a, a.token, int(s.Session/time.Second))
	a.session = &n
	return s.describe(ctx, a)
}

// cookie sets the session's cookie, or with a negative age takes it away.
func (s *Server) cookie(a *asking, token string, age int) {
	c := http.Cookie{Name: s.cookieName(a.http), Value: token, Path: "/", MaxAge: age, HttpOnly: true,
		Secure: s.https(a.http), SameSite: http.SameSiteStrictMode}
	a.header.Add("Set-Cookie", c.String())
}

func (s *Server) signOut(ctx context.Context, a *asking) (any, error) {
	s.cookie(a, "", -1)
	return struct{}{}, s.Control.EndSession(ctx, a.session.ID)
}

func (s *Server) signOutEverywhere(ctx context.Context, a *asking) (any, error) {
	s.cookie(a, "", -1)
	return struct{}{}, s.Control.EndSessions(ctx, a.session.Owner, "")
}

// password changes one's own.
func (s *Server) password(ctx context.Context, a *asking) (any, error) {
	var in struct{ OldPassword, NewPassword string }
	if err := a.decode(&in); err != nil {
		return nil, err
	}
	if a.session.User == "" {
		return nil, lanyard.Errorf(lanyard.Invalid, "the operator signs in with the root key, which has no password")
	}
	wait, done := s.attempts.try(map[string]int{"password\x00" + a.session.Owner: freeByUser})
	if wait > 0 {
		seconds := int(wait/time.Second) + 1
		return nil, &failure{Status: http.StatusTooManyRequests, Code: "TooManyAttempts", RetryAfter: seconds,
			Message: fmt.Sprintf("too many attempts failed; try again in %d seconds", seconds)}
	}
	call := control.PasswordCall(s.caller(a), a.session.Instance, a.session.User)
	err := s.Control.ChangePassword(ctx, call.Of(a.session.User), control.NewPassword{Instance: a.session.Instance,
		User: a.session.User, Password: in.NewPassword, Session: a.session.ID}, in.OldPassword)
	if err == nil || errors.Is(err, lanyard.ErrInvalid) {
		done(true) // the old one was right
	}
	if errors.Is(err, lanyard.ErrDenied) {
		return nil, &failure{Status: http.StatusForbidden, Code: "AccessDeniedException",
			Message: "OldPassword is not the current password", Members: []string{"OldPassword"}}
	}
	return struct{}{}, err
}

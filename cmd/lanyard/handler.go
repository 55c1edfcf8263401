package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/admin"
	"github.com/lanyard/lanyard/internal/authzen"
	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/console"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/fault"
	"github.com/lanyard/lanyard/internal/intake"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/throttle"
	"github.com/lanyard/lanyard/sigv4"
)

// frontEnds serves every path of a server.
type frontEnds struct {
	cmd   *serveCmd
	svc   *control.Service
	log   *slog.Logger
	calls atomic.Int64

	api, management, decisions, console http.Handler
}

// newHandler combines the front ends.
func (c *serveCmd) newHandler(ctx context.Context, db store.Credentials, svc *control.Service,
	log *slog.Logger) (http.Handler, error) {
	secret, err := db.Secret(ctx, "next-token")
	if err != nil {
		return nil, fmt.Errorf("read the secret of tokens: %w", err)
	}
	// Bodies of unauthenticated senders are read only after their headers claim an identity, and within one budget.
	pools := bodies{&intake.Pool{Bytes: int64(c.BodyMemory)}, &intake.Pool{Bytes: 4 * int64(c.BodyMemory)}}
	auth, faults := c.newVerifier(svc), new(fault.Set)
	config := awsapi.Config{Control: svc, Auth: auth, Faults: faults, Bodies: pools.strangers, TokenSecret: secret,
		Logger: log}
	if c.Throttle == "aws" {
		config.Throttle = &throttle.Limiter{Rate: 2, Burst: 5}
	}
	if c.NoAuth {
		config.NoAuth = c.Account
	}
	api := awsapi.New(config)
	ask := newQuestions(api, svc, secret)
	f := &frontEnds{cmd: c, svc: svc, log: log, api: api}
	f.management = admin.NewServer(admin.Config{Control: svc, Auth: auth, Faults: faults, CanFail: awsapi.CanFail,
		IsServed: awsapi.IsServed, Bodies: pools.strangers, Logger: log})
	f.decisions = authzen.NewServer(authzen.Config{
		Claim: func(r *http.Request) (authzen.Principal, bool, error) { return c.claimPrincipal(svc, auth, r) },
		Authenticate: func(r *http.Request, body []byte) (authzen.Principal, error) {
			return c.verifyPrincipal(svc, auth, r, body)
		},
		Strangers: pools.strangers, Callers: pools.callers,
		Questions: ask, Logger: log,
	})
	if f.console, err = c.console(ctx, db, svc, api, ask, pools, &f.calls, log); err != nil {
		return nil, fmt.Errorf("set up the console: %w", err)
	}
	go freeIdleMemory(ctx, &f.calls)
	return f, nil
}

// newVerifier verifies signatures with the keys of the server.
func (c *serveCmd) newVerifier(svc *control.Service) *sigv4.Verifier {
	return &sigv4.Verifier{Region: c.Region, Service: "connect",
		Signed: []string{awsapi.ActingUser, awsapi.IfMatch, authzen.Revision},
		Keys: func(_ context.Context, id string) (sigv4.Key, bool, error) {
			k, ok := svc.Key(id)
			return sigv4.Key{Secret: k.Secret}, ok, nil
		}}
}

func (f *frontEnds) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.calls.Add(1)
	w.Header()["X-Content-Type-Options"] = noSniff
	if len(r.TransferEncoding) > 0 {
		// Go drops a Content-Length next to Transfer-Encoding before we see it. A proxy that trusts the
		// Content-Length would take the rest of the body for another request, so this request is the last on its
		// connection.
		w.Header().Set("Connection", "close")
	}
	defer drainBody(w, r)
	switch {
	case !f.cmd.mayReach(r):
		refuseReach(w)
	case r.URL.Path == "/healthz":
		w.Write([]byte("ok\n"))
	case r.URL.Path == "/readyz":
		if err := f.svc.Ready(r.Context()); err != nil {
			f.log.Error("the server is not ready", "error", err)
			http.Error(w, "the store does not answer", http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte("ready\n"))
	case strings.HasPrefix(r.URL.Path, admin.Prefix):
		f.management.ServeHTTP(w, r)
	case authzen.Serves(r.URL.Path):
		f.decisions.ServeHTTP(w, r)
	case console.Serves(r.URL.Path):
		f.console.ServeHTTP(w, r)
	default:
		f.api.ServeHTTP(w, r)
	}
}

var noSniff = []string{"nosniff"}

// bodies are the memory budgets for request bodies of unauthenticated senders and of the others.
type bodies struct{ strangers, callers *intake.Pool }

// Bounds for reading the rest of a refused body: bytes, time, and the longest pause between pieces.
const (
	maxRest      = 32 << 20
	maxRestTime  = 10 * time.Second
	maxRestPause = 2 * time.Second
	restPiece    = 64 << 10
)

// drainBody reads the rest of a request's body before the answer is sent. Most clients send everything before they
// read; if the server closed the connection, they would see a broken connection instead of the answer. Beyond the
// bounds they do. A client that stops sending gets the answer.
func drainBody(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength == 0 || r.Header.Get("Expect") != "" { // the client waits for the answer before it sends
		return
	}
	control, until := http.NewResponseController(w), time.Now().Add(maxRestTime)
	for left := int64(maxRest); left > 0; {
		now := time.Now()
		if !now.Before(until) {
			return
		}
		if err := control.SetReadDeadline(now.Add(min(maxRestPause, until.Sub(now)))); err != nil &&
			!errors.Is(err, http.ErrNotSupported) {
			return
		}
		n, err := io.CopyN(io.Discard, r.Body, min(left, restPiece))
		if left -= n; err != nil { // mostly io.EOF
			return
		}
	}
}

// claimPrincipal identifies who asks for a decision as far as the headers tell: the holder of a bearer token.
// Requests that are signed with an access key are identified by verifyPrincipal.
func (c *serveCmd) claimPrincipal(svc *control.Service, auth *sigv4.Verifier,
	r *http.Request) (p authzen.Principal, known bool, err error) {
	if scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		t, err := svc.Token(strings.TrimSpace(text))
		return authzen.Principal{Account: t.Account, Instance: t.Instance, Administer: t.Scope == lanyard.ScopeAdminister},
			true, err
	}
	if c.NoAuth {
		return authzen.Principal{Account: c.Account, Administer: true}, true, nil
	}
	return p, false, explainUnsigned(auth.Claim(r))
}

// verifyPrincipal identifies who signed a question with an access key.
func (c *serveCmd) verifyPrincipal(svc *control.Service, auth *sigv4.Verifier, r *http.Request,
	body []byte) (authzen.Principal, error) {
	id, err := auth.Verify(r, body)
	if err != nil {
		return authzen.Principal{}, explainUnsigned(err)
	}
	key, ok := svc.Key(id)
	if !ok {
		return authzen.Principal{}, lanyard.Errorf(lanyard.Invalid, "the access key is unknown or disabled")
	}
	return authzen.Principal{Account: key.Account, Administer: true}, nil
}

// explainUnsigned adds to a refused signature how else to authenticate.
func explainUnsigned(err error) error {
	var refused *sigv4.Error
	if errors.As(err, &refused) {
		return lanyard.Errorf(lanyard.Invalid,
			"%s; send a token of lanyard token create as Authorization: Bearer, or sign with an access key", refused.Message)
	}
	return err
}

// freeIdleMemory returns memory to the operating system after a busy period, until ctx ends.
func freeIdleMemory(ctx context.Context, calls *atomic.Int64) {
	const quiet = 5 * time.Second
	tick := time.NewTicker(quiet)
	defer tick.Stop()
	rested, last := int64(0), int64(0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		now := calls.Load()
		if now == last && now != rested {
			debug.FreeOSMemory()
			rested = now
		}
		last = now
	}
}

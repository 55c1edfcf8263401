// Package subjectapi gives out subject snapshots over HTTP: what one user or AI agent may do, signed, for programs that
// decide by themselves; and the keys that verify them. It reads requests, knows who may have whose snapshot, and waits
// for changes. What is in a snapshot is package subject's and the decision engine's, and how callers prove who they are
// is handed to it.
package subjectapi

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/httpstatus"
	"github.com/lanyard/lanyard/internal/subject"
)

// Where the endpoints are.
const (
	SnapshotPath = "/lanyard/v1/subject-snapshot"
	KeysPath     = "/.well-known/lanyard-keys.json"
)

// Serves reports whether a path is one of this package's.
func Serves(path string) bool { return path == SnapshotPath || path == KeysPath }

// Config says what a Server works with.
type Config struct {
	Control *control.Service
	// Secret returns a secret of the server, 32 random bytes made at first use.
	Secret func(ctx context.Context, name string) ([]byte, error)
	// Authenticate identifies the caller. An error is a refusal: lanyard.Denied for a caller who may not ask, any other
	// for a caller who is not known.
	Authenticate func(r *http.Request) (Caller, error)
	Logger       *slog.Logger // default slog.Default()
}

// A Caller asks for a snapshot.
type Caller struct {
	Account  string
	Instance string         // the only instance that may be asked about; "" for all of the account
	Subject  access.Subject // the only one whose snapshot may be had; the zero Subject for all
	Expires  time.Time      // when the caller's credentials expire; zero: never
}

// A Server gives out snapshots.
type Server struct {
	Config
	ctx  context.Context // ends all waiting
	keys keyring
	turn chan struct{} // who compares the rights of a waiting caller

	mu      sync.Mutex
	waiting map[string]int // callers that wait, by subject
	waiters int
}

// New returns a Server. Nobody waits for a change any longer once ctx ends.
func New(ctx context.Context, c Config) *Server {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	s := &Server{Config: c, ctx: ctx, turn: make(chan struct{}, 1), waiting: map[string]int{}}
	s.keys.secret, s.keys.now, s.keys.keys = c.Secret, c.Control.Now, map[int64]ed25519.PrivateKey{}
	return s
}

// Bounds of a request.
const (
	defaultLifetime = 5 * time.Minute
	minLifetime     = 10 * time.Second
	maxWait         = 50 * time.Second
	maxWaiters      = 2_000 // callers that wait for a change
	maxWaitersOfOne = 32    // for the change of one subject's rights
)

// ServeHTTP answers one request. Pages of every origin may ask: what they must know for it is in no cookie.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "ETag, X-Lanyard-Revision")
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET")
		h.Set("Access-Control-Allow-Headers", "Authorization, If-None-Match")
		h.Set("Access-Control-Max-Age", "3600")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if r.Method != http.MethodGet {
		h.Set("Allow", "GET, OPTIONS")
		s.send(w, http.StatusMethodNotAllowed, "the method must be GET")
		return
	}
	var err error
	if r.URL.Path == KeysPath {
		err = s.sendKeys(w, r)
	} else {
		h.Set("Cache-Control", "no-store")
		err = s.sendSnapshot(w, r)
	}
	if err != nil {
		s.fail(w, r, err)
	}
}

// sendKeys answers with the keys, as a JWK set.
func (s *Server) sendKeys(w http.ResponseWriter, r *http.Request) error {
	set, err := s.keys.published(r.Context())
	if err != nil {
		return err
	}
	b, err := json.Marshal(&set)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/jwk-set+json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Write(b)
	return nil
}

// sendSnapshot answers with a snapshot, or with 304 when the caller has it.
func (s *Server) sendSnapshot(w http.ResponseWriter, r *http.Request) error {
	by, err := s.authenticate(r)
	if err != nil {
		return err
	}
	q, err := readQuestion(r, &by)
	if err != nil {
		return err
	}
	got, err := s.find(r.Context(), &by, q)
	if err != nil {
		return err
	}
	if q.wait > 0 {
		// Whose token was revoked in the meantime gets no new rights.
		if by, err = s.authenticate(r); err != nil {
			return err
		}
	}
	w.Header().Set("ETag", got.tag)
	w.Header().Set("X-Lanyard-Revision", strconv.FormatInt(got.rights.Revision, 10))
	if got.tag == q.known {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	text, err := s.sign(r.Context(), &got.rights, q.lifetime, by.Expires)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/jose")
	w.Write(text)
	return nil
}

// authenticate identifies who asks.
func (s *Server) authenticate(r *http.Request) (Caller, error) {
	by, err := s.Authenticate(r)
	if status, message := httpstatus.OfStranger(err); status != 0 {
		return by, &httpError{status, message}
	}
	return by, err
}

// A question is a request for a snapshot.
type question struct {
	instance string
	subject  access.Subject
	lifetime time.Duration
	known    string // the ETag that the caller has
	wait     time.Duration
}

// readQuestion reads what is asked, and refuses what the caller may not ask.
func readQuestion(r *http.Request, by *Caller) (q question, err error) {
	values := r.URL.Query()
	for name, all := range values {
		switch name {
		case "instance", "type", "id", "assisting", "lifetime", "wait":
		default:
			return q, bad("the parameter must be instance, type, id, assisting, lifetime or wait, got %s", lanyard.Quote(name))
		}
		if len(all) > 1 {
			return q, bad("%s is listed twice", name)
		}
	}
	q.known = r.Header.Get("If-None-Match")
	q.wait, err = seconds(values.Get("wait"), "wait", 0, maxWait)
	if err != nil {
		return q, err
	}
	q.lifetime = defaultLifetime
	if v := values.Get("lifetime"); v != "" {
		if q.lifetime, err = seconds(v, "lifetime", minLifetime, subject.MaxLifetime); err != nil {
			return q, err
		}
	}
	if q.instance = values.Get("instance"); q.instance == "" {
		q.instance = by.Instance
	}
	switch {
	case q.instance == "":
		return q, bad("instance is required when the caller may ask about every instance of account %s", by.Account)
	case by.Instance != "" && by.Instance != q.instance:
		return q, &httpError{http.StatusForbidden, "the token is for another instance"}
	}
	return q, q.readSubject(values.Get, by)
}

// seconds reads a number of seconds; "" is 0.
func seconds(text, name string, least, most time.Duration) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 16)
	d := time.Duration(n) * time.Second
	if err != nil || d < least || d > most {
		return 0, bad("%s must be %d to %d seconds, got %s", name, least/time.Second, most/time.Second,
			lanyard.Quote(text))
	}
	return d, nil
}

// readSubject reads whose snapshot is asked for: by default that of the caller, who may be one with no other.
func (q *question) readSubject(get func(string) string, by *Caller) error {
	asked := subject.QSubject{Type: get("type"), ID: get("id"), Assisting: get("assisting")}
	bound := by.Subject != access.Subject{}
	if bound && asked == (subject.QSubject{}) {
		q.subject = by.Subject
		return nil
	}
	var ok bool
	if q.subject, ok = asked.Parse(); !ok {
		return bad("type must be user or ai_agent, and assisting is for an ai_agent")
	}
	if asked.ID == "" {
		return bad("id is required when the token is not bound to a user or an AI agent")
	}
	return nil
}

// A finding is the rights of a subject and their ETag.
type finding struct {
	rights access.Rights
	tag    string
}

// find returns the rights that are asked for. Those that the caller has are waited on until they are others.
func (s *Server) find(ctx context.Context, by *Caller, q question) (got finding, err error) {
	call := control.Call{Caller: lanyard.Caller{Account: by.Account}}
	state, err := s.Control.Snapshot(ctx, call, q.instance, 0)
	if err != nil {
		return got, err
	}
	if got, err = rightsOf(state, by, &q); err != nil || got.tag != q.known || q.wait == 0 {
		return got, err
	}
	done, err := s.beginWait(&q)
	if err != nil {
		return got, err
	}
	defer done()
	ctx, cancel := context.WithTimeout(ctx, q.wait)
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	for ctx.Err() == nil {
		known := state.Altered()
		if state, err = s.Control.NextSnapshot(ctx, call, q.instance, known); err != nil && ctx.Err() == nil {
			return got, err
		}
		if err != nil || state.Altered() == known {
			continue
		}
		next, err := s.compare(ctx, func() (finding, error) {
			if state, err = s.Control.Snapshot(ctx, call, q.instance, 0); err != nil {
				return got, err
			}
			return rightsOf(state, by, &q)
		})
		if ctx.Err() != nil {
			break
		}
		if got = next; err != nil || got.tag != q.known {
			return got, err
		}
	}
	return got, nil
}

// beginWait counts one more who waits.
func (s *Server) beginWait(q *question) (done func(), err error) {
	key := strings.Join([]string{q.instance, strconv.Itoa(int(q.subject.Type)), q.subject.ID, q.subject.Human}, "\x00")
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiters >= maxWaiters || s.waiting[key] >= maxWaitersOfOne {
		return nil, lanyard.Errorf(lanyard.Unavailable, "too many callers wait for a change; at most %d may, and %d for one "+
			"subject; retry without wait", maxWaiters, maxWaitersOfOne)
	}
	s.waiters++
	s.waiting[key]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.waiters--
		if s.waiting[key]--; s.waiting[key] == 0 {
			delete(s.waiting, key)
		}
	}, nil
}

// compare finds rights for one who waits. However many wait and however much is changed, that takes a fifth of a
// processor at most.
func (s *Server) compare(ctx context.Context, find func() (finding, error)) (finding, error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return finding{}, ctx.Err()
	}
	began := time.Now()
	got, err := find()
	time.AfterFunc(4*time.Since(began), func() { <-s.turn })
	return got, err
}

// rightsOf returns the rights of the subject of a question at a state.
func rightsOf(state *access.Snapshot, by *Caller, q *question) (got finding, err error) {
	asked := q.subject
	if asked.Type == access.User {
		if id, ok := state.LookupUser(asked.ID); ok {
			asked.ID = id
		}
	}
	if id, ok := state.LookupUser(asked.Human); ok && asked.Human != "" {
		asked.Human = id
	}
	if (by.Subject != access.Subject{}) && asked != by.Subject {
		return got, &httpError{http.StatusForbidden, "the token is for another subject"}
	}
	var ok bool
	if got.rights, ok = state.RightsOf(asked); !ok {
		return got, lanyard.Errorf(lanyard.NotFound, "%s does not exist in instance %s", subject.Describe(q.subject),
			lanyard.Quote(q.instance))
	}
	got.tag, err = subject.ETag(&got.rights)
	return got, err
}

// sign returns rights as a snapshot that is valid for lifetime, and not beyond the credentials that it was had by.
func (s *Server) sign(ctx context.Context, r *access.Rights, lifetime time.Duration, until time.Time) ([]byte, error) {
	key, err := s.keys.signer(ctx)
	if err != nil {
		return nil, err
	}
	now := s.Control.Now()
	expires := now.Add(lifetime)
	if !until.IsZero() && until.Before(expires) {
		expires = until
	}
	c := subject.Claims{Issued: now.Unix(), Expires: expires.Unix(), Rights: *r}
	if c.Expires <= c.Issued { // of credentials that expire within the second
		return nil, &httpError{http.StatusUnauthorized, "the token has expired"}
	}
	return subject.Sign(key, &c)
}

// Own returns the snapshot of a user of an account's instance, for a front end that knows who that is.
func (s *Server) Own(ctx context.Context, account, instance, user string) ([]byte, error) {
	by := Caller{Account: account, Instance: instance, Subject: access.Subject{ID: user}}
	got, err := s.find(ctx, &by, question{instance: instance, subject: by.Subject})
	if err != nil {
		return nil, err
	}
	return s.sign(ctx, &got.rights, defaultLifetime, time.Time{})
}

// httpError is a refusal.
type httpError struct {
	status  int
	message string
}

func (e *httpError) Error() string { return e.message }

// bad refuses a request that cannot be understood.
func bad(format string, args ...any) error {
	return &httpError{http.StatusBadRequest, lanyard.Errorf(lanyard.Invalid, format, args...).Message}
}

// fail answers with what was wrong, as a JSON string.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, message := http.StatusInternalServerError, "internal failure; see the server's log"
	var refused *httpError
	var domain *lanyard.Error
	switch known := httpstatus.Of(lanyard.KindOf(err)); {
	case errors.As(err, &refused):
		status, message = refused.status, refused.message
	case known != http.StatusInternalServerError && errors.As(err, &domain):
		status, message = known, domain.Message
	case r.Context().Err() == nil:
		s.Logger.Error("subject snapshot not sent", "path", r.URL.Path, "error", err)
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="lanyard"`)
	}
	if after := httpstatus.RetryAfter(status); after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(after))
	}
	s.send(w, status, message)
}

func (s *Server) send(w http.ResponseWriter, status int, message string) {
	b, err := json.Marshal(strings.ToValidUTF8(message, "?"))
	if err != nil {
		b = []byte(`"failed"`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(b)
}

// Package awsapi speaks Amazon Connect's REST-JSON: it finds the operation, authenticates and
// throttles the caller, decodes and checks the request, has package control carry it out, and
// writes the answer or the exception. It has no rules of its own about what a profile may hold.
package awsapi

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/fault"
	"github.com/lanyard/lanyard/internal/intake"
	"github.com/lanyard/lanyard/internal/remoteaddr"
	"github.com/lanyard/lanyard/internal/throttle"
	"github.com/lanyard/lanyard/sigv4"
)

// Config says what a Server works with.
type Config struct {
	Control  *control.Service
	Auth     *sigv4.Verifier
	Throttle *throttle.Limiter // nil: none
	Faults   *fault.Set        // nil: none
	// NoAuth takes every request for one of this account, unsigned. For tests on the loopback
	// interface only.
	NoAuth string
	// Trust, unless nil, says whose a request is, signed or not, and nothing is verified: for emulators.
	Trust       func(*http.Request) (Identity, error)
	Bodies      *intake.Pool     // for bodies of callers who are not known yet; nil: no bound
	TokenSecret []byte           // signs NextTokens
	Now         func() time.Time // default time.Now
	Logger      *slog.Logger     // default slog.Default()
}

// An Identity is whose a request says it is.
type Identity struct{ Account, AccessKeyID, Region string }

// A Server answers the operations of the service model.
type Server struct {
	control  *control.Service
	auth     *sigv4.Verifier
	throttle *throttle.Limiter
	faults   *fault.Set
	bodies   *intake.Pool
	trust    func(*http.Request) (Identity, error) // nil: requests are authenticated
	tokens   tokens
	log      *slog.Logger
	all      []*operation
	routes   *node
	refused  atomic.Int64
}

// Refused counts the calls that were refused for want of a right since the server began.
func (s *Server) Refused() int64 { return s.refused.Load() }

// New returns a Server.
func New(c Config) *Server {
	if c.Faults == nil {
		c.Faults = new(fault.Set)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.NoAuth != "" {
		c.Trust = func(*http.Request) (Identity, error) { return Identity{Account: c.NoAuth}, nil }
	}
	s := &Server{control: c.Control, auth: c.Auth, throttle: c.Throttle, faults: c.Faults, bodies: c.Bodies,
		trust:  c.Trust,
		tokens: tokens{secret: c.TokenSecret, now: c.Now}, log: c.Logger}
	s.all = s.operations()
	s.routes = newRoutes(s.all)
	return s
}

// request is one call on its way through the steps.
type request struct {
	control.Call
	op          *operation
	actingUser  []string      // on whose behalf, as sent; nil when nobody is named
	actingAgent []string      // the same of an AI agent
	ifMatch     []string      // as sent
	http        *http.Request // nil for a call from within the server, which no step of HTTP takes
	plain       bool          // the body says what was understood of it, no more; see decodeBody
	values      []string      // of the labels in the path, and the query: as sent
	query       string
	params      model.Params
	body        []byte
	received    intake.Body // which has body, until it is known whose call this is
}

// answer is what came of a call.
type answer struct {
	control.Result
	output any // nil when the operation has none
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	req := &request{http: r, actingUser: r.Header[ActingUser], actingAgent: r.Header[ActingAgent],
		ifMatch: r.Header[IfMatch],
		Call: control.Call{Caller: lanyard.Caller{
			SourceIP: remoteaddr.Host(r), UserAgent: cut(r.UserAgent(), maxUserAgent), RequestID: uuid.NewString(),
		}}}
	w.Header()["X-Amzn-Requestid"] = []string{req.RequestID}
	a, err := s.call(w, req)
	if err != nil {
		s.writeError(w, req, err)
		return
	}
	if a.Revision > 0 {
		w.Header()["X-Lanyard-Revision"] = []string{strconv.FormatInt(a.Revision, 10)}
	}
	if a.ETag != "" {
		w.Header()["Etag"] = []string{a.ETag}
	}
	if len(a.Warnings) > 0 {
		w.Header()[Warning] = []string{warning(a.Warnings)}
	}
	s.writeAnswer(w, req, a.output)
}

// Warning is the header that says what a security profile holds that does not work as it may be meant.
const Warning = "X-Lanyard-Warning"

// maxWarning is the longest value of the header, in bytes.
const maxWarning = 1024

// warning joins warnings into one value: printable ASCII of a bounded length.
func warning(all []string) string {
	b := []byte(strings.Join(all, "; "))
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	if len(b) > maxWarning {
		b = append(b[:maxWarning-3], "..."...)
	}
	return string(b)
}

// call takes one request through every step, in this order and nowhere else.
func (s *Server) call(w http.ResponseWriter, req *request) (answer, error) {
	ctx := req.http.Context()
	if err := s.route(req); err != nil {
		return answer{}, err
	}
	if err := s.claim(req); err != nil {
		return answer{}, err
	}
	if err := s.readBody(w, req); err != nil {
		return answer{}, err
	}
	err := s.authenticate(req)
	req.received.Free() // from here on the memory is that of a known caller
	if err != nil {
		return answer{}, err
	}
	if req.op.Service == model.NotServed {
		return answer{}, notServed(req.op)
	}
	if err := s.limit(ctx, req); err != nil {
		return answer{}, err
	}
	in, err := decode(req)
	if err != nil {
		return answer{}, err
	}
	return s.runOperation(ctx, req, in)
}

// limit throttles, and injects faults.
func (s *Server) limit(ctx context.Context, req *request) error {
	if s.throttle != nil && !s.throttle.Allow(req.Account, s.regionOf(req), req.op.Name) {
		return lanyard.Errorf(lanyard.Throttled, "rate exceeded for %s", req.op.Name)
	}
	return s.inject(ctx, req)
}

// regionOf is the region that a call is for.
func (s *Server) regionOf(req *request) string { return cmp.Or(req.Region, s.control.Region()) }

// runOperation carries out what was decoded.
func (s *Server) runOperation(ctx context.Context, req *request, in model.Input) (a answer, err error) {
	if err := in.Validate(); err != nil {
		return a, &lanyard.Error{Kind: lanyard.Invalid, Message: err.Error()}
	}
	if req.IfMatch, err = ifMatch(req); err != nil {
		return a, err
	}
	if !req.op.ReadOnly || req.acts() { // what is refused to a user is recorded, reads too
		if req.Request, err = auditRequest(req, in); err != nil {
			return a, err
		}
	}
	if req.Call, err = s.act(ctx, req, in); err != nil {
		return a, err
	}
	return req.op.handle(ctx, req, in)
}

// IfMatch is the header by which an operation changes only what its caller has read.
const IfMatch = "If-Match"

// conditional are the operations that take If-Match. Others reject it, because they would not honour it.
var conditional = map[string]bool{
	"UpdateSecurityProfile": true, "TagResource": true, "UntagResource": true,
	"UpdateUserSecurityProfiles": true, "UpdateUserHierarchy": true, "UpdateUserRoutingProfile": true,
	"UpdateUserIdentityInfo": true, "UpdateUserPhoneConfig": true,
}

// ifMatch returns the entity tag that the call is bound to, "" for none.
func ifMatch(req *request) (string, error) {
	values := req.ifMatch
	if len(values) == 0 || len(values) == 1 && values[0] == "*" {
		return "", nil
	}
	if !conditional[req.op.Name] {
		return "", lanyard.Errorf(lanyard.Invalid, "If-Match must be absent from a call of %s; it is for %s",
			req.op.Name, strings.Join(slices.Sorted(maps.Keys(conditional)), ", "))
	}
	v := values[0]
	if len(values) != 1 || len(v) < 3 || len(v) > 128 || v[0] != '"' || strings.IndexByte(v[1:], '"') != len(v)-2 {
		return "", lanyard.Errorf(lanyard.Invalid,
			"If-Match must be one entity tag in quotes, as in the header ETag, got %q",
			lanyard.Clip(strings.Join(values, ", ")))
	}
	return v, nil
}

// claim refuses what cannot be authenticated whatever its body is, so that nobody has the server read a
// body without naming a key.
func (s *Server) claim(req *request) error {
	if s.trust != nil || req.http.ContentLength == 0 { // authenticate says the same
		return nil
	}
	return s.auth.Claim(req.http)
}

// readBody takes in the whole body: the signature covers its bytes.
func (s *Server) readBody(w http.ResponseWriter, req *request) error {
	r := req.http
	if r.ContentLength == 0 {
		return nil
	}
	if e := r.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return lanyard.Errorf(lanyard.Malformed, "Content-Encoding must be identity or absent, got %q", e)
	}
	var err error
	req.received, err = s.bodies.Read(w, r, nil, req.op.maxBody())
	req.body = req.received.Bytes
	var large *intake.TooLargeError
	switch {
	case errors.As(err, &large) && req.op.Service == model.NotServed: // however large it should have been
		return notServed(req.op)
	case errors.As(err, &large):
		return lanyard.Errorf(lanyard.TooLarge, "%v", err)
	case errors.Is(err, intake.ErrShort):
		return &lanyard.Error{Kind: lanyard.Malformed, Message: intake.ErrShort.Error(), Err: err}
	case errors.Is(err, intake.ErrSlow):
		return lanyard.Errorf(lanyard.Malformed, "%v", err)
	}
	return err
}

func notServed(op *operation) error {
	return lanyard.Errorf(lanyard.NotServed, "lanyard does not serve %s; docs/coverage.md lists what it serves", op.Name)
}

// authenticate finds out whose call this is, before anything of it is parsed.
func (s *Server) authenticate(req *request) error {
	if s.trust != nil {
		who, err := s.trust(req.http)
		req.Account, req.AccessKeyID, req.Region = who.Account, who.AccessKeyID, who.Region
		return err
	}
	id, err := s.auth.Verify(req.http, req.body)
	if err != nil {
		return err
	}
	key, ok := s.control.Key(id)
	if !ok { // disabled since the signature was checked
		return &sigv4.Error{Code: sigv4.UnrecognizedClient, Message: "The access key in the request is unknown or disabled."}
	}
	req.AccessKeyID, req.Account, req.Root = key.ID, key.Account, key.Root
	return nil
}

// injected is a failure that somebody asked for.
type injected struct{ exception *model.Exception }

func (i injected) Error() string { return "injected fault: " + i.exception.Name }

func (s *Server) inject(ctx context.Context, req *request) error {
	f, ok := s.faults.Next(req.op.Name)
	if !ok {
		f, ok = s.faults.Match(s.regionOf(req), req.op.Name)
	}
	if !ok {
		return nil
	}
	if f.Latency > 0 {
		t := time.NewTimer(f.Latency)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	e := exceptionNamed(req.op.Operation, f.Exception)
	if e == nil {
		return nil
	}
	if f.Status != 0 && f.Status != e.Status {
		other := *e
		other.Status = f.Status
		e = &other
	}
	return injected{e}
}

// CanFail reports whether operation ("*" for any) may answer with the exception of that name, and so
// whether a fault may ask for it. Any operation may answer ThrottlingException,
// InternalServiceException and ServiceUnavailable.
func CanFail(operation, exception string) bool {
	for i := range model.Operations {
		op := &model.Operations[i]
		if (operation == "*" || op.Name == operation) && op.Service != model.NotServed &&
			exceptionNamed(op, exception) != nil {
			return true
		}
	}
	return false
}

// IsServed reports whether operation is one that is answered.
func IsServed(operation string) bool {
	for i := range model.Operations {
		if op := &model.Operations[i]; op.Name == operation {
			return op.Service != model.NotServed
		}
	}
	return false
}

func exceptionNamed(op *model.Operation, name string) *model.Exception {
	for _, e := range op.Errors {
		if e.Name == name {
			return e
		}
	}
	for _, e := range []*model.Exception{model.ThrottlingException, model.InternalServiceException, serviceUnavailable} {
		if e.Name == name {
			return e
		}
	}
	return nil
}

// maxUserAgent is how much is kept of what a caller's program calls itself, in bytes.
const maxUserAgent = 512

// Package admin is lanyard's own management of a running server: access keys, injected faults, mirrors, the audit and
// what an MCP gateway in another process asks, for the root access key alone. What concerns a contact centre is package
// awsapi's.
package admin

import (
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/fault"
	"github.com/lanyard/lanyard/internal/httpstatus"
	"github.com/lanyard/lanyard/internal/intake"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/remoteaddr"
	"github.com/lanyard/lanyard/sigv4"
)

// Prefix is where the paths of this package begin.
const Prefix = "/lanyard/v1/"

// Config says what a Server works with. All but Bodies and Logger must be set.
type Config struct {
	Control *control.Service
	Auth    *sigv4.Verifier
	// Trust, unless nil, says which key a request is taken for, and nothing is verified: for emulators.
	Trust  func(*http.Request) (lanyard.AccessKey, error)
	Faults *fault.Set
	// CanFail reports whether an operation ("*" for any) may answer with an exception.
	CanFail func(operation, exception string) bool
	// IsServed reports whether there is such an operation.
	IsServed func(operation string) bool
	Bodies   *intake.Pool // for bodies of callers who are not known yet; nil: no bound
	Logger   *slog.Logger // default slog.Default()
}

// NewServer returns the handler of everything below Prefix.
func NewServer(c Config) http.Handler {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	s := &server{c}
	mux := http.NewServeMux()
	handlers := s.gatewayPaths()
	maps.Copy(handlers, map[string]func(r *http.Request, body []byte) (any, error){
		"GET " + Prefix + "keys":                s.listKeys,
		"POST " + Prefix + "keys":               s.createKey,
		"POST " + Prefix + "keys/{id}/disable":  s.disableKey,
		"GET " + Prefix + "tokens":              s.listTokens,
		"POST " + Prefix + "tokens":             s.createToken,
		"POST " + Prefix + "tokens/{id}/revoke": s.revokeToken,
		"POST " + Prefix + "users/password":     s.setPassword,
		"GET " + Prefix + "faults":              s.listFaults,
		"POST " + Prefix + "faults":             s.setFault,
		"DELETE " + Prefix + "faults":           s.clearFaults,
		"GET " + Prefix + "events":              s.events,
		"GET " + Prefix + "events/instances":    s.known,
		"POST " + Prefix + "events/prune":       s.prune,

		"GET " + Prefix + "mirrors/{id}":           s.mirror,
		"GET " + Prefix + "mirrors/{id}/resources": s.mirrorResources,
		"POST " + Prefix + "mirrors/pieces":        s.applyMirror,
		"POST " + Prefix + "mirrors/detach":        s.detachMirror,
	})
	for pattern, f := range handlers {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, f) })
	}
	return mux
}

type server struct{ Config }

// maxBody is far more than any request here needs, in bytes, but for pieces of mirrors and questions of gateways.
const maxBody = 64 << 10

// serve authenticates, runs and answers one request. Nobody but the root key gets further.
func (s *server) serve(w http.ResponseWriter, r *http.Request, f func(*http.Request, []byte) (any, error)) {
	out, err := func() (any, error) {
		read, err := s.readBody(w, r)
		if err != nil {
			return nil, err
		}
		body := read.Bytes
		key, err := s.identify(r, body)
		read.Free()
		if err != nil {
			return nil, err
		}
		if !key.Root {
			return nil, lanyard.Errorf(lanyard.Denied, "access key %s is not allowed to do this; only the root access key is",
				key.ID)
		}
		return f(r, body)
	}()
	status := http.StatusOK
	if err != nil {
		var refused *sigv4.Error
		message := err.Error()
		switch k := lanyard.KindOf(err); {
		case errors.As(err, &refused):
			status, message = http.StatusForbidden, refused.Message
		case errors.Is(err, intake.ErrBusy):
			status = httpstatus.Of(lanyard.Unavailable)
		case k == lanyard.Unknown, k == lanyard.Unavailable: // say so: whoever asked must look, or try again
			s.Logger.Error("management call failed", "path", r.URL.Path, "error", err)
			var domain *lanyard.Error
			errors.As(err, &domain)
			status, message = httpstatus.Of(k), domain.Message
		case k == lanyard.Internal:
			s.Logger.Error("management call failed", "path", r.URL.Path, "error", err)
			status, message = http.StatusInternalServerError, "internal failure; see the server's log"
		default:
			status = httpstatus.Of(k)
		}
		if seconds := httpstatus.RetryAfter(status); seconds > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(seconds))
		}
		out = map[string]string{"message": message}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := laxjson.Write(w, out); err != nil {
		s.Logger.Debug("management answer was not sent", "path", r.URL.Path, "error", err)
	}
}

// identify returns the key that signed a request; one that has been disabled since is no longer Root.
func (s *server) identify(r *http.Request, body []byte) (lanyard.AccessKey, error) {
	if s.Trust != nil {
		return s.Trust(r)
	}
	id, err := s.Auth.Verify(r, body)
	if err != nil {
		return lanyard.AccessKey{}, err
	}
	key, ok := s.Control.Key(id)
	return lanyard.AccessKey{ID: id, Account: key.Account, Root: ok && key.Root}, nil
}

// readBody reads the body of whoever claims to be a key. Signatures in the query are not accepted here: they live
// longer, and in links, histories and logs.
func (s *server) readBody(w http.ResponseWriter, r *http.Request) (intake.Body, error) {
	if r.Header["Authorization"] == nil && s.Trust == nil {
		return intake.Body{},
			&sigv4.Error{Code: sigv4.MissingAuthenticationToken,
				Message: "Authorization is required; management does not accept presigned queries"}
	}
	if s.Trust == nil {
		if err := s.Auth.Claim(r); err != nil {
			return intake.Body{}, err
		}
	}
	most := int64(maxBody)
	switch {
	case r.URL.Path == Prefix+"mirrors/pieces":
		most = MaxMirrorBody
	case strings.HasPrefix(r.URL.Path, Prefix+"gateway/"):
		most = MaxGatewayBody
	}
	body, err := s.Bodies.Read(w, r, nil, most)
	if err != nil && !errors.Is(err, intake.ErrBusy) {
		err = lanyard.Errorf(lanyard.TooLarge, "%v", err)
	}
	return body, err
}

func decode(body []byte, to any) error {
	if err := json.Unmarshal(body, to, json.RejectUnknownMembers(true)); err != nil {
		return lanyard.Errorf(lanyard.Invalid, "the request body cannot be read: %v", err)
	}
	return nil
}

func (s *server) listKeys(r *http.Request, _ []byte) (any, error) {
	return s.Control.Keys(r.Context())
}

func (s *server) createKey(r *http.Request, body []byte) (any, error) {
	var in struct{ Account, Comment string }
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	return s.Control.CreateKey(r.Context(), lanyard.AccessKey{Account: in.Account, Comment: in.Comment})
}

func (s *server) disableKey(r *http.Request, _ []byte) (any, error) {
	return struct{}{}, s.Control.DisableKey(r.Context(), r.PathValue("id"))
}

// NewPassword is a user's password for the console.
type NewPassword struct {
	Instance string // id or alias; "" for the only one
	User     string // id or name
	Password string
}

func (s *server) setPassword(r *http.Request, body []byte) (any, error) {
	var in NewPassword
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	key, err := s.identify(r, body)
	if err != nil {
		return nil, err
	}
	caller := lanyard.Caller{Account: key.Account, AccessKeyID: key.ID, Root: true, SourceIP: remoteaddr.Host(r),
		UserAgent: "lanyard user password"}
	return struct{}{}, s.Control.SetPassword(r.Context(), control.PasswordCall(caller, in.Instance, in.User),
		control.NewPassword{Instance: in.Instance, User: in.User, Password: in.Password})
}

// NewToken is what a token is asked for with.
type NewToken struct {
	Account  string // default: the root key's
	Instance string
	Scope    lanyard.TokenScope
	Agent    string // ARN of an AI agent
	User     string // id or name
	Expires  time.Time
	Comment  string
}

// MadeToken is a token with its text, which is shown this once.
type MadeToken struct {
	lanyard.Token
	Text string
}

func (s *server) listTokens(r *http.Request, _ []byte) (any, error) {
	return s.Control.Tokens(r.Context())
}

func (s *server) createToken(r *http.Request, body []byte) (any, error) {
	var in NewToken
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	t, text, err := s.Control.CreateToken(r.Context(),
		lanyard.Token{Account: in.Account, Instance: in.Instance, Scope: in.Scope, Agent: in.Agent, User: in.User,
			Expires: in.Expires, Comment: in.Comment})
	t.Hash = ""
	return MadeToken{t, text}, err
}

func (s *server) revokeToken(r *http.Request, _ []byte) (any, error) {
	return struct{}{}, s.Control.RevokeToken(r.Context(), r.PathValue("id"))
}

// Fault is a fault.Fault as the wire has it.
type Fault struct {
	Operation, Exception string
	Rate                 float64
	Latency              int64 // nanoseconds
	Count                int
}

// NewFault returns the Fault of a fault.Fault.
func NewFault(f fault.Fault) Fault {
	return Fault{f.Operation, f.Exception, f.Rate, int64(f.Latency), f.Count}
}

// Fault is the inverse of NewFault.
func (f Fault) Fault() fault.Fault {
	return fault.Fault{Operation: f.Operation, Exception: f.Exception, Rate: f.Rate, Latency: time.Duration(f.Latency),
		Count: f.Count}
}

func (s *server) listFaults(*http.Request, []byte) (any, error) {
	faults := []Fault{}
	for _, f := range s.Faults.List() {
		faults = append(faults, NewFault(f))
	}
	return faults, nil
}

// maxLatency bounds how long a fault may hold a call.
const maxLatency = time.Minute

func (s *server) setFault(_ *http.Request, body []byte) (any, error) {
	in := Fault{Rate: 1}
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	f := in.Fault()
	switch {
	case f.Operation != "*" && !s.IsServed(f.Operation):
		return nil, lanyard.Errorf(lanyard.Invalid,
			"operation must be one that lanyard serves or * for all, got %q; docs/coverage.md lists them", f.Operation)
	case f.Exception != "" && !s.CanFail(f.Operation, f.Exception):
		return nil, lanyard.Errorf(lanyard.Invalid, "exception must be one that %s declares, got %q; docs/coverage.md lists them",
			f.Operation, f.Exception)
	case f.Exception == "" && f.Latency == 0:
		return nil, lanyard.Errorf(lanyard.Invalid, "exception is required when latency is 0")
	case !(f.Rate > 0 && f.Rate <= 1):
		return nil, lanyard.Errorf(lanyard.Invalid, "rate must be greater than 0 and at most 1, got %v", f.Rate)
	case f.Latency < 0 || f.Latency > maxLatency:
		return nil, lanyard.Errorf(lanyard.Invalid, "latency must be 0 to %v, got %v", maxLatency, f.Latency)
	case f.Count < 0:
		return nil, lanyard.Errorf(lanyard.Invalid, "count must be 0 for no end, or more, got %d", f.Count)
	}
	s.Faults.Put(f)
	s.Logger.Warn("fault set", "operation", f.Operation, "exception", f.Exception, "rate", f.Rate, "latency", f.Latency,
		"count", f.Count)
	return in, nil
}

func (s *server) clearFaults(r *http.Request, _ []byte) (any, error) {
	n := s.Faults.Clear(r.URL.Query().Get("operation"))
	return map[string]int{"Cleared": n}, nil
}

// maxEvents bounds one page of events.
const maxEvents = 1000

func (s *server) events(r *http.Request, _ []byte) (any, error) {
	q := r.URL.Query()
	after, err := number("after", q.Get("after"), 0)
	if err != nil {
		return nil, err
	}
	limit, err := number("limit", q.Get("limit"), maxEvents)
	if err != nil {
		return nil, err
	}
	return s.Control.Events(r.Context(), q.Get("instance"), after, int(min(max(limit, 1), maxEvents)))
}

func (s *server) known(r *http.Request, _ []byte) (any, error) {
	return s.Control.KnownInstances(r.Context(), r.URL.Query().Get("after"), maxEvents)
}

// Prune asks to prune old events of an instance. At least one bound is set.
type Prune struct {
	Instance string
	Days     int   // events older than that are pruned
	Events   int64 // events before the last so many are pruned
}

// maxDays bounds what Prune.Days may be: a hundred years.
const maxDays = 36500

// Retention checks the bounds.
func (p Prune) Retention() (control.Retention, error) {
	switch {
	case p.Days < 0 || p.Days > maxDays:
		return control.Retention{},
			lanyard.Errorf(lanyard.Invalid, "Days must be 1 to %d, or 0 for no bound, got %d", maxDays, p.Days)
	case p.Events < 0:
		return control.Retention{},
			lanyard.Errorf(lanyard.Invalid, "Events must be at least 1, or 0 for no bound, got %d", p.Events)
	}
	return control.Retention{Age: time.Duration(p.Days) * 24 * time.Hour, Events: p.Events}, nil
}

// Pruned is what one call has pruned. It stops after some hundreds.
type Pruned struct {
	Cut  int64
	More bool // there may be more to prune
}

func (s *server) prune(r *http.Request, body []byte) (any, error) {
	var in Prune
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	keep, err := in.Retention()
	if err != nil {
		return nil, err
	}
	if keep.None() {
		return nil, lanyard.Errorf(lanyard.Invalid, "Days or Events is required: without them nothing would be pruned")
	}
	by, err := s.identify(r, body)
	if err != nil {
		return nil, err
	}
	var out Pruned
	out.Cut, out.More, err = s.Control.Prune(r.Context(), in.Instance, keep, by.ID)
	return out, err
}

func number(name, text string, absent int64) (int64, error) {
	if text == "" {
		return absent, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, lanyard.Errorf(lanyard.Invalid, "%s must be a whole number of at least 0, got %q", name, text)
	}
	return n, nil
}

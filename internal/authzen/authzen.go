// Package authzen answers the OpenID AuthZEN Authorization API 1.0 over HTTP: evaluations, searches and the metadata
// document, and alongside them lanyard's own questions in the same form: who holds a security profile, what a user
// can do, and what a proposed change would do. Proxies that know ext_authz may ask with a request of MCP itself. The
// package reads requests, names the caller and encodes what package questions answers; it has no rules about who may
// do what, and knows neither a store nor how callers' credentials are kept.
package authzen

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/httpstatus"
	"github.com/lanyard/lanyard/internal/intake"
	"github.com/lanyard/lanyard/internal/questions"
)

// Config says what a Server works with.
type Config struct {
	// Claim identifies the caller without the body, and reports whether it could. A signature needs the body; then
	// Authenticate decides. Claim refuses, as Authenticate does, what no body can make valid. nil: the body is read
	// for everybody.
	Claim func(r *http.Request) (p Principal, known bool, err error)
	// Authenticate identifies the caller by the request and its whole body, which it must not keep. An error is a
	// refusal: lanyard.Denied for a caller who may not ask, any other for a caller who is not known.
	Authenticate func(r *http.Request, body []byte) (Principal, error)
	// Questions answers. Without its Propose there is no what-if.
	Questions *questions.Service
	// Strangers is the memory for bodies of callers who are not known yet, Callers for those of others.
	// nil: no bound.
	Strangers, Callers *intake.Pool
	Logger             *slog.Logger // default slog.Default()
}

// A Principal is a caller who asks.
type Principal struct {
	Account  string
	Instance string // the only instance that may be asked about; "" for all of the account
	// Administer lets the caller ask about proposed changes too.
	Administer bool
}

// A Server is the policy decision point.
type Server struct{ Config }

// NewServer returns a Server.
func NewServer(c Config) *Server {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Server{Config: c}
}

// maxBody bounds a request, in bytes.
const maxBody = 4 << 20

// Revision is the header that demands an answer as of a revision or a later one. A signature must cover it, so that
// nobody in between can remove it.
const Revision = "X-Lanyard-Revision"

// Where the endpoints are, below the base URL of an instance or of the server.
const (
	instances   = "/instances/"
	servers     = "/servers/"
	evaluation  = "/access/v1/evaluation"
	evaluations = "/access/v1/evaluations"
	subjects    = "/access/v1/search/subject"
	resources   = "/access/v1/search/resource"
	actions     = "/access/v1/search/action"
	whatCan     = "/access/v1/effective"
	holders     = "/access/v1/holders"
	lookup      = "/access/v1/lookup"
	whatIf      = "/access/v1/what-if"
	extAuthz    = "/access/v1/ext-authz/"
	wellKnown   = "/.well-known/authzen-configuration"
)

// Serves reports whether a path is one of this package's.
func Serves(path string) bool {
	return split(path).endpoint != "" || strings.HasPrefix(path, wellKnown)
}

// An address is what a path says.
type address struct {
	instance string // id; "" when none is named
	server   string // namespace of the application that stands for an MCP server; "" when none is named
	endpoint string // "" when there is none
	proxy    string // name of the proxy, where endpoint is extAuthz
}

// split takes a path apart.
func split(path string) (a address) {
	a.instance, path = cutNamed(path, instances)
	if rest, ok := strings.CutPrefix(path, extAuthz); ok {
		// What follows the name of the proxy is the path of its client's request, and says nothing here.
		a.endpoint = extAuthz
		a.proxy, _, _ = strings.Cut(rest, "/")
		return a
	}
	a.server, path = cutNamed(path, servers)
	switch path {
	case evaluation, evaluations, subjects, resources, actions, whatCan, holders, lookup, whatIf:
		a.endpoint = path
		return a
	}
	return address{}
}

// cutNamed cuts a prefix and the name after it off a path; name is "" when it does not begin so.
func cutNamed(path, prefix string) (name, rest string) {
	if after, ok := strings.CutPrefix(path, prefix); ok {
		if i := strings.IndexByte(after, '/'); i > 0 {
			return after[:i], after[i:]
		}
	}
	return "", path
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if id := r.Header["X-Request-Id"]; len(id) > 0 {
		h["X-Request-Id"] = id[:1]
	}
	if strings.HasPrefix(r.URL.Path, wellKnown) {
		s.metadata(w, r)
		return
	}
	memory := scratches.Get().(*scratch)
	at := split(r.URL.Path)
	if at.endpoint == extAuthz {
		s.checkProxied(w, r, at, memory)
	} else if out, err := s.call(w, r, at, memory); err != nil {
		s.fail(w, r, err)
	} else {
		send(w, http.StatusOK, out)
	}
	memory.free()
}

// call takes one request through every step.
func (s *Server) call(w http.ResponseWriter, r *http.Request, at address, memory *scratch) ([]byte, error) {
	if r.Method != http.MethodPost {
		return nil, &httpError{http.StatusMethodNotAllowed, "the method must be POST"}
	}
	p, err := s.readRequest(w, r, memory)
	if err != nil {
		return nil, err
	}
	body := memory.read.Bytes
	by, err := viewer(r, p, at)
	if err != nil {
		return nil, err
	}
	if mt := r.Header["Content-Type"]; len(mt) == 0 || !isJSON(mt[0]) {
		return nil, bad("Content-Type must be application/json")
	}
	return (&asking{s, r.Context(), by, p.Administer, at.server, r.Header, memory}).answer(at.endpoint, body)
}

// viewer returns who asks, about which instance.
func viewer(r *http.Request, p Principal, at address) (by questions.Viewer, err error) {
	by = questions.Viewer{Caller: lanyard.Caller{Account: p.Account}, Instance: at.instance}
	if by.Instance == "" {
		if by.Instance = p.Instance; by.Instance == "" {
			return by, bad("the caller may ask about every instance of account %s; say which with %sINSTANCE%s", p.Account,
				instances, at.endpoint)
		}
	} else if p.Instance != "" && p.Instance != by.Instance {
		return by, &httpError{http.StatusForbidden, "the token is for another instance"}
	}
	for _, header := range []string{"X-Lanyard-Acting-User", "X-Lanyard-Acting-Agent"} {
		if r.Header[header] != nil {
			return by, bad("%s is for calls of the API; here, name the user or AI agent as the subject",
				strings.ToLower(header))
		}
	}
	return by, nil
}

// asking is one request after its caller is known.
type asking struct {
	s          *Server
	ctx        context.Context
	by         questions.Viewer
	administer bool
	server     string // of address
	header     http.Header
	scratch    *scratch
}

// answer answers the question of an endpoint.
func (a *asking) answer(endpoint string, body []byte) ([]byte, error) {
	ask := a.s.Questions
	switch endpoint {
	case evaluation:
		return a.evaluation(body)
	case evaluations:
		return a.evaluations(body)
	case subjects:
		return search(a, body, questions.ReadWhoCan, ask.WhoCan)
	case resources:
		return search(a, body, questions.ReadResources, ask.Resources)
	case actions:
		return search(a, body, questions.ReadActions, ask.Actions)
	case whatCan:
		return search(a, body, questions.ReadEffective, ask.Effective)
	case holders:
		return search(a, body, questions.ReadHolders, ask.Holders)
	case lookup:
		return search(a, body, questions.ReadLookup, ask.Lookup)
	default:
		return a.whatIf(body)
	}
}

// atLeast returns the revision that an answer must be from, or a later one, as the request or the header says.
func (a *asking) atLeast(asked int64) (int64, error) {
	v := a.header[Revision]
	if len(v) == 0 {
		return asked, nil
	}
	n, err := strconv.ParseInt(v[0], 10, 64)
	if err != nil || n < 0 {
		return 0, bad("x-lanyard-revision must be a revision, 0 or more, got %q", lanyard.Clip(v[0]))
	}
	if asked < 0 { // which is refused
		return asked, nil
	}
	return max(asked, n), nil
}

func isJSON(contentType string) bool {
	if contentType == "application/json" {
		return true
	}
	mt, _, err := mime.ParseMediaType(contentType)
	return err == nil && mt == "application/json"
}

// scratch is the memory of a request, which later requests reuse.
type scratch struct {
	body, answer []byte
	read         intake.Body
	items        []questions.Item
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

const maxScratch = 256 << 10 // bytes of either kind that are kept

// free gives the memory to the next request. Nothing may refer to it any more.
func (m *scratch) free() {
	m.read.Free()
	m.read = intake.Body{}
	if cap(m.body) > maxScratch {
		m.body = nil
	}
	if cap(m.answer) > maxScratch {
		m.answer = nil
	}
	clear(m.items) // which hold the request
	m.items = m.items[:0]
	scratches.Put(m)
}

// readRequest finds out who calls and reads the body, of strangers only as far as their pool allows.
func (s *Server) readRequest(w http.ResponseWriter, r *http.Request, memory *scratch) (p Principal, err error) {
	known := false
	if s.Claim != nil {
		if p, known, err = s.Claim(r); err != nil {
			return p, notKnown(err)
		}
	}
	if e := r.Header["Content-Encoding"]; len(e) > 0 && e[0] != "" && e[0] != "identity" {
		return p, bad("Content-Encoding must be identity or absent, got %q", lanyard.Clip(e[0]))
	}
	if known { // their memory is used again
		memory.read, err = s.Callers.Read(w, r, memory.body, maxBody)
		memory.body = memory.read.Bytes[:0]
		return p, unread(err)
	}
	if memory.read, err = s.Strangers.Read(w, r, nil, maxBody); err != nil {
		return p, unread(err)
	}
	p, err = s.Authenticate(r, memory.read.Bytes)
	memory.read.Free()
	return p, notKnown(err)
}

// unread returns what to tell the caller of a body that was not read.
func unread(err error) error {
	switch {
	case errors.Is(err, intake.ErrBusy):
		return lanyard.Errorf(lanyard.Unavailable, "%v", err)
	case errors.Is(err, intake.ErrShort):
		return bad("%v", intake.ErrShort)
	case err != nil:
		return bad("%v", err)
	}
	return nil
}

// notKnown returns what to tell a caller who is not known, or may not ask.
func notKnown(err error) error {
	if status, message := httpstatus.OfStranger(err); status != 0 {
		return &httpError{status, message}
	}
	return err
}

// httpError is a refusal of a whole request.
type httpError struct {
	status  int
	message string
}

func (e *httpError) Error() string { return e.message }

// bad refuses a request that cannot be understood.
func bad(format string, args ...any) error {
	return &httpError{http.StatusBadRequest, fmt.Sprintf(format, args...)}
}

// fail writes the answer to an error: a JSON string that says what was wrong.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, message := http.StatusInternalServerError, "internal failure; see the server's log"
	var refused *httpError
	var domain *lanyard.Error
	switch known := statusOf(lanyard.KindOf(err)); {
	case errors.As(err, &refused):
		status, message = refused.status, refused.message
	case known != http.StatusInternalServerError && errors.As(err, &domain):
		status, message = known, domain.Message
		if domain.Err != nil && status == http.StatusServiceUnavailable && r.Context().Err() == nil {
			s.Logger.Warn("question not answered", "path", r.URL.Path, "error", err)
		}
	default:
		if r.Context().Err() == nil {
			s.Logger.Error("question failed", "path", r.URL.Path, "error", err)
		}
	}
	if seconds := httpstatus.RetryAfter(status); seconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="lanyard"`)
	}
	b, err := json.Marshal(strings.ToValidUTF8(message, "?"))
	if err != nil {
		b = []byte(`"failed"`)
	}
	send(w, status, b)
}

// statusOf returns the status of a kind of error. A proposed change may be refused in any way that an operation is.
// That is an answer about the proposal, so it is neither a failed precondition of the question nor not implemented.
func statusOf(k lanyard.Kind) int {
	switch k {
	case lanyard.NotServed:
		return http.StatusBadRequest
	case lanyard.Stale:
		return http.StatusConflict
	}
	return httpstatus.Of(k)
}

var jsonType = []string{"application/json"}

func send(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h["Content-Type"] = jsonType
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	w.WriteHeader(status)
	w.Write(body) // a caller that is gone is no failure of ours
}

// metadata answers the well-known document for the server, or for an instance or an MCP server whose path follows.
func (s *Server) metadata(w http.ResponseWriter, r *http.Request) {
	base, ok := strings.CutPrefix(r.URL.Path, wellKnown)
	if !ok || base != "" && split(base+evaluation).endpoint != evaluation {
		s.fail(w, r, &httpError{http.StatusNotFound, "the document does not exist"})
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		s.fail(w, r, &httpError{http.StatusMethodNotAllowed, "the method must be GET"})
		return
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	// The URLs are those that the caller reached the document by, so nobody may be given them who came another way.
	w.Header().Set("Cache-Control", "no-store")
	url := scheme + "://" + r.Host + base
	b, err := json.Marshal(map[string]string{
		"policy_decision_point":       url,
		"access_evaluation_endpoint":  url + evaluation,
		"access_evaluations_endpoint": url + evaluations,
		"search_subject_endpoint":     url + subjects,
		"search_resource_endpoint":    url + resources,
		"search_action_endpoint":      url + actions,
	}, json.Deterministic(true))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	send(w, http.StatusOK, b)
}

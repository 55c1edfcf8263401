// Package console serves the web console: the page itself, who is signed in to it, and what it asks
// the server. It decides nothing: operations run through the API on behalf of whoever is signed in,
// and what it shows is what the decision engine lets that user view. docs/console-api.md is the
// contract with the page.
package console

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/klauspost/compress/gzhttp"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/httpstatus"
	"github.com/lanyard/lanyard/internal/intake"
	"github.com/lanyard/lanyard/internal/invocation"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/questions"
	"github.com/lanyard/lanyard/internal/remoteaddr"
)

// Config says what a Server works with. Control, Call and Questions must be set.
type Config struct {
	Control *control.Service
	Account string // whose instances the console is for
	// Call runs an operation of the API.
	Call func(context.Context, invocation.Call) invocation.Answer
	// Questions answers the questions of the page.
	Questions *questions.Service
	// SubjectSnapshot returns the signed rights of a user of an account's instance.
	SubjectSnapshot func(ctx context.Context, account, instance, user string) ([]byte, error)
	// Export shapes an event for programs, as one record or several.
	Export func(lanyard.Event) []any
	Stats  func() Stats // of the server; nil: none

	URL     string        // under which browsers reach the console; "" for whatever they ask
	Idle    time.Duration // after which an unused session ends; default 30 minutes
	Session time.Duration // after which any session ends; default 12 hours
	OIDC    *OIDC         // nil: none
	// OwnHost reports whether the Host of a request can be meant for this server; without URL, nobody signs in
	// under another. nil: any can.
	OwnHost func(*http.Request) bool
	// Strangers is the memory for bodies of those who are not signed in, Callers for those of others. nil: no
	// bound.
	Strangers, Callers *intake.Pool
	Secret             []byte // signs what travels through browsers
	Version            string
	Now                func() time.Time // default time.Now
	Logger             *slog.Logger     // default slog.Default()
}

// Stats are what the server has done since it started.
type Stats struct {
	Decisions, Denied int64
	Calls, Refused    int64
	Store             string // ok, or what is wrong
}

// A Server is the console.
type Server struct {
	Config
	started       time.Time
	static        *static
	origins       *http.CrossOriginProtection
	secure        bool
	attempts      attempts
	provider      provider
	finished      finished
	changeIndexes changeIndexes
	lints         lints
	deletedStates deletedStates
	rate          rate
	endpoints     map[string]endpoint
	catalog       func() catalogueAnswer
	api           http.Handler // serveAPI, compressed
}

// New returns a Server. URL, if not empty, must be an http or https URL without path.
func New(c Config) (*Server, error) {
	if c.Idle == 0 {
		c.Idle = 30 * time.Minute
	}
	if c.Session == 0 {
		c.Session = 12 * time.Hour
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	var err error
	s := &Server{Config: c, started: c.Now(), origins: http.NewCrossOriginProtection()}
	if c.URL != "" {
		u, err := url.Parse(c.URL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" ||
			u.RawQuery != "" || u.User != nil {
			return nil, lanyard.Errorf(lanyard.Invalid, "URL must be that of a server, such as https://console.example, got %q", c.URL)
		}
		s.URL = u.Scheme + "://" + u.Host
		s.secure = u.Scheme == "https"
		if err = s.origins.AddTrustedOrigin(s.URL); err != nil {
			return nil, err
		}
	}
	s.attempts.now, s.provider.OIDC, s.provider.now = c.Now, c.OIDC, c.Now
	s.static = builtPage()
	s.endpoints = s.table()
	s.catalog = sync.OnceValue(s.makeCatalogue)
	if s.api, err = compressed(http.HandlerFunc(s.serveAPI)); err != nil {
		return nil, err
	}
	return s, nil
}

// Where everything of the console is, apart from the page at /.
const (
	apiPrefix  = "/console/api/"
	oidcPrefix = "/console/oidc/"
)

// Serves reports whether a path is one of the console's. The rest of / is Amazon Connect's.
func Serves(path string) bool {
	return path == "/" || path == "/favicon.svg" || path == "/favicon.ico" || strings.HasPrefix(path, "/assets/") ||
		strings.HasPrefix(path, "/console/")
}

// who may call an endpoint.
type who uint8

const (
	anybody who = iota
	signedIn
)

// endpoint is a row of the table of what the page may ask.
type endpoint struct {
	method string
	who    who
	most   int64 // bytes of a body
	run    func(ctx context.Context, a *asking) (any, error)
}

// Bounds of bodies, in bytes.
const (
	maxBody   = 4 << 20
	maxSignIn = 16 << 10
)

// table has every endpoint below apiPrefix, with the rest of the path for those that end in a slash.
// A test asks each as every kind of user.
func (s *Server) table() map[string]endpoint {
	post := func(run func(context.Context, *asking) (any, error)) endpoint {
		return endpoint{http.MethodPost, signedIn, maxBody, run}
	}
	return map[string]endpoint{
		"session":             {http.MethodGet, anybody, 0, s.session},
		"sign-in":             {http.MethodPost, anybody, maxSignIn, s.signIn},
		"sign-out":            {http.MethodPost, signedIn, maxSignIn, s.signOut},
		"sign-out-everywhere": {http.MethodPost, signedIn, maxSignIn, s.signOutEverywhere},
		"password":            {http.MethodPost, signedIn, maxSignIn, s.password},
		"catalogue":           {http.MethodGet, signedIn, 0, s.catalogue},
		"call/":               post(s.call),
		"ask/":                post(s.answerQuestion),
		"profile":             post(s.profile),
		"profiles":            post(s.profiles),
		"users":               post(s.users),
		"agents":              post(s.agents),
		"blockers":            post(s.blockers),
		"history":             post(s.history),
		"history/state":       post(s.historyState),
		"history/export":      post(s.historyExport),
		"overview":            post(s.overview),
		"findings":            post(s.findings),
		"heat":                post(s.heat),
		"mirror":              post(s.mirror),
		"visibility":          post(s.visibility),
		"subject-snapshot":    post(s.subjectSnapshot),
	}
}

// Endpoints lists what the page may ask, below /console/api/, for tests that must cover all of it.
func Endpoints() []string {
	all := slices.Collect(maps.Keys((&Server{}).table()))
	for name := range answerers {
		all = append(all, "ask/"+name)
	}
	slices.Sort(all)
	return all
}

// asking is a request of the page on its way.
type asking struct {
	http      *http.Request
	header    http.Header // of the answer
	rest      string      // of the path, behind the endpoint's
	body      []byte
	read      intake.Body // which has body
	requestID string
	session   *lanyard.Session // nil: nobody is signed in
	token     string           // that the browser has
	why       string           // there is no session, if there is none
}

// ServeHTTP answers one request for which Serves is true.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.headers(w.Header(), r)
	switch {
	case strings.HasPrefix(r.URL.Path, apiPrefix):
		s.api.ServeHTTP(w, r)
	case strings.HasPrefix(r.URL.Path, oidcPrefix):
		s.serveOIDC(w, r)
	default:
		s.static.ServeHTTP(w, r)
	}
}

// policy is the content security policy: nothing is loaded from elsewhere, and no script or style
// stands in the page itself.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self' data:; " +
	"connect-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

func (s *Server) headers(h http.Header, r *http.Request) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
	if s.https(r) && !isLocal(r.Host) {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// isLocal reports whether a Host is one of the machine that the browser runs on. Having it reached by TLS alone
// would break what else runs there.
func isLocal(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// serveAPI takes a question of the page through every step, in this order.
func (s *Server) serveAPI(w http.ResponseWriter, r *http.Request) {
	a := &asking{http: r, header: w.Header(), requestID: uuid.NewString()}
	a.header.Set("X-Amzn-Requestid", a.requestID)
	a.header.Set("Cache-Control", "no-store")
	out, err := func() (any, error) {
		e, ok := s.findEndpoint(r.URL.Path[len(apiPrefix):], a)
		if !ok {
			return nil, &failure{Status: http.StatusNotFound, Code: "ResourceNotFoundException",
				Message: "the path " + lanyard.Quote(r.URL.Path) + " does not exist"}
		}
		if r.Method != e.method {
			a.header.Set("Allow", e.method)
			return nil, &failure{Status: http.StatusMethodNotAllowed, Code: invalid, Message: "the method must be " + e.method}
		}
		if err := s.identify(r.Context(), a); err != nil {
			return nil, err
		}
		if e.who == signedIn && a.session == nil {
			return nil, s.notSignedIn(a.why)
		}
		if e.who == anybody && e.method == http.MethodPost {
			if err := s.ownHost(r); err != nil {
				return nil, err
			}
		}
		if e.method == http.MethodPost {
			if err := s.checkOrigin(a, e.who); err != nil {
				return nil, err
			}
			if err := s.receive(w, a, e.most); err != nil {
				return nil, err
			}
		}
		return e.run(r.Context(), a)
	}()
	defer a.read.Free()
	s.write(w, a, out, err)
}

// findEndpoint returns the endpoint of a path below the prefix of the API, and notes what the path names in it.
func (s *Server) findEndpoint(path string, a *asking) (endpoint, bool) {
	if e, ok := s.endpoints[path]; ok && !strings.HasSuffix(path, "/") {
		return e, true
	}
	for _, prefix := range []string{"call/", "ask/"} {
		if rest, ok := strings.CutPrefix(path, prefix); ok && rest != "" && !strings.Contains(rest, "/") {
			a.rest = rest
			return s.endpoints[prefix], true
		}
	}
	return endpoint{}, false
}

// checkOrigin refuses what another site has a browser send. Whoever must be signed in must also know the CSRF token.
func (s *Server) checkOrigin(a *asking, may who) error {
	if err := s.origins.Check(a.http); err != nil {
		return &failure{Status: http.StatusForbidden, Code: "CsrfMismatch", Message: "the request comes from another site"}
	}
	if may == signedIn && !sameToken(a.http.Header.Get(csrfHeader), csrfToken(a.token)) {
		return &failure{Status: http.StatusForbidden, Code: "CsrfMismatch", Message: "the header " + csrfHeader +
			" is required and must be that of the session; GET session returns it"}
	}
	return nil
}

// ownHost refuses to sign anybody in under a name that may be another's.
func (s *Server) ownHost(r *http.Request) error {
	if s.URL != "" || s.OwnHost == nil || s.OwnHost(r) {
		return nil
	}
	return &failure{Status: http.StatusForbidden, Code: "CsrfMismatch",
		Message: "the server does not know the name " + lanyard.Quote(r.Host) +
			"; start it with --console-url, or use its address"}
}

// receive reads the body. Bodies of senders who are not signed in share one budget of memory.
func (s *Server) receive(w http.ResponseWriter, a *asking, most int64) error {
	r := a.http
	if mt := r.Header.Get("Content-Type"); mt != "application/json" && !strings.HasPrefix(mt, "application/json;") {
		return &failure{Status: http.StatusUnsupportedMediaType, Code: invalid,
			Message: "Content-Type must be application/json"}
	}
	from := s.Strangers
	if a.session != nil {
		from = s.Callers
	}
	var err error
	if a.read, err = from.Read(w, r, nil, most); err != nil {
		return unread(err)
	}
	if a.body = a.read.Bytes; len(bytes.TrimSpace(a.body)) == 0 {
		a.body = []byte("{}")
	}
	return nil
}

// unread returns the error for a body that could not be read.
func unread(err error) error {
	var large *intake.TooLargeError
	switch {
	case errors.Is(err, intake.ErrBusy):
		return &failure{Status: http.StatusServiceUnavailable, Code: internal, Message: err.Error(), RetryAfter: 1}
	case errors.As(err, &large):
		return &failure{Status: http.StatusRequestEntityTooLarge, Code: invalid, Message: err.Error()}
	case errors.Is(err, intake.ErrShort):
		err = intake.ErrShort
	}
	return &failure{Status: http.StatusBadRequest, Code: invalid, Message: err.Error()}
}

// decode reads the body into to. Nothing unknown, twice or of a wrong type is accepted.
func (a *asking) decode(to any) error {
	err := json.Unmarshal(a.body, to, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	f := &failure{Status: http.StatusBadRequest, Code: invalid, Message: "the request body cannot be read: " + err.Error()}
	var semantic *json.SemanticError
	if errors.As(err, &semantic) && semantic.JSONPointer != "" {
		f.Members = []string{strings.ReplaceAll(strings.TrimPrefix(string(semantic.JSONPointer), "/"), "/", ".")}
		f.Message = f.Members[0] + " is not a member, or its value has the wrong type"
	}
	return f
}

// invalid is the code of requests that cannot be understood.
const invalid = "InvalidRequestException"

// failure is an error and its status.
type failure struct {
	Status     int
	Code       string
	Message    string
	Reason     string
	Permission string
	Members    []string
	RetryAfter int // seconds
	RequestID  string
	signIn     *SignIn
	current    *ProfileAnswer
}

// answer is the failure as the page gets it.
func (f *failure) answer() ErrorAnswer {
	return ErrorAnswer{SignIn: f.signIn, Current: f.current, Error: ErrorBody{Code: f.Code, Message: f.Message,
		Reason: f.Reason, Permission: f.Permission, Members: f.Members, RetryAfter: f.RetryAfter, RequestID: f.RequestID}}
}

func (f *failure) Error() string { return f.Code + ": " + f.Message }

// codes are those of the kinds of errors here, where no SDK reads them. The other kinds are internal failures.
var codes = map[lanyard.Kind]string{
	lanyard.Malformed:   invalid,
	lanyard.TooLarge:    invalid,
	lanyard.Invalid:     "InvalidParameterException",
	lanyard.NotFound:    "ResourceNotFoundException",
	lanyard.Throttled:   "TooManyAttempts",
	lanyard.Denied:      "AccessDeniedException",
	lanyard.Condition:   "ResourceConflictException",
	lanyard.Unavailable: internal,

	// What a proposed operation may be refused with; the names are those of the API.
	lanyard.Duplicate:    "DuplicateResourceException",
	lanyard.InUse:        "ResourceInUseException",
	lanyard.Limit:        "LimitExceededException",
	lanyard.Quota:        "ServiceQuotaExceededException",
	lanyard.Exists:       "ResourceConflictException",
	lanyard.Stale:        "ResourceConflictException",
	lanyard.TokenReused:  "IdempotencyException",
	lanyard.Untaggable:   "BadRequestException",
	lanyard.BadContent:   "InvalidContactFlowException",
	lanyard.NotPublished: "ContactFlowNotPublishedException",
	lanyard.NotServed:    "UnsupportedOperationException",
	lanyard.UnknownRoute: "UnknownOperationException",
}

const internal = "InternalServiceException"

// fail makes a failure of any error.
func (s *Server) fail(a *asking, err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		copied := *f
		f = &copied
	} else {
		k := lanyard.KindOf(err)
		code, ok := codes[k]
		f = &failure{Status: httpstatus.Of(k), Code: code}
		f.RetryAfter = httpstatus.RetryAfter(f.Status)
		var domain *lanyard.Error
		if errors.As(err, &domain) {
			f.Message, f.Permission = domain.Message, domain.Permission
		}
		if !ok {
			f.Status, f.Code, f.Message = http.StatusInternalServerError, internal,
				"internal failure; the server's log has it under request "+a.requestID
		}
		if f.Status >= http.StatusInternalServerError && a.http.Context().Err() == nil {
			s.Logger.Error("console request failed", "path", a.http.URL.Path, "request", a.requestID, "error", err)
		}
	}
	if f.RequestID = a.requestID; f.Members == nil {
		f.Members = membersIn(f.Code, f.Message)
	}
	f.Message = strings.ToValidUTF8(f.Message, "?")
	return f
}

var memberForm = regexp.MustCompile(
	`^([A-Za-z][A-Za-z0-9]*(?:\[\d+\])?(?:\.[A-Za-z][A-Za-z0-9]*(?:\[\d+\])?)*)(?:: | must | is required)`)

// membersIn finds the member that a message begins with, as those about parameters do.
func membersIn(code, message string) []string {
	if code != invalid && code != "InvalidParameterException" && code != "DuplicateResourceException" {
		return nil
	}
	if m := memberForm.FindStringSubmatch(message); m != nil {
		return []string{m[1]}
	}
	return nil
}

// compressed serves answers of 1 KiB and more with gzip, but those that s.plain marks.
func compressed(h http.Handler) (http.Handler, error) {
	wrap, err := gzhttp.NewWrapper(gzhttp.MinSize(1 << 10))
	if err != nil {
		return nil, err
	}
	return wrap(h), nil
}

// secret are the endpoints whose answers hold the CSRF token or are about passwords. Compressed, the length of
// such an answer would tell an eavesdropper how much of the secret a guess next to it repeats (BREACH).
var secret = map[string]bool{"session": true, "sign-in": true, "password": true}

// plain keeps an answer from being compressed: one with a secret, and an error, which repeats what was asked.
func plain(path string, err error) bool {
	return err != nil || secret[strings.TrimPrefix(path, apiPrefix)]
}

// raw is an answer that is JSON already.
type raw []byte

// same says that the browser's copy of an answer is still good.
type same struct{}

func (s *Server) write(w http.ResponseWriter, a *asking, out any, err error) {
	status := http.StatusOK
	if plain(a.http.URL.Path, err) {
		w.Header().Set(gzhttp.HeaderNoCompression, "true") // gzhttp takes it away
	}
	if _, ok := out.(same); ok && err == nil {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	if err != nil {
		f := s.fail(a, err)
		status = f.Status
		if f.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
		}
		out = f.answer()
	}
	b, ok := out.(raw)
	if !ok {
		if b, err = laxjson.Marshal(out); err != nil {
			s.Logger.Error("console answer cannot be encoded", "path", a.http.URL.Path, "request", a.requestID, "error", err)
			status, b = http.StatusInternalServerError, raw(`{"Error":{"Code":"`+internal+`","Message":"internal failure"}}`)
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	w.Write(b) // a page that is gone is no failure of ours
}

// viewer is the one who looks at an instance: a user, or the operator, who may see everything.
type viewer struct {
	questions.View // whose Viewer is "" for the operator
	in             *lanyard.Instance
	call           control.Call

	tally  *tally         // made when it is needed
	counts map[string]int // holders of profiles
}

// about reads a question into in, and answers its viewer of the instance that it names.
func (s *Server) about(ctx context.Context, a *asking, in any, instance *string) (*viewer, error) {
	if err := a.decode(in); err != nil {
		return nil, err
	}
	return s.view(ctx, a, *instance)
}

// view finds out who looks at which instance. ref is the instance that the page names, if any.
func (s *Server) view(ctx context.Context, a *asking, ref string) (*viewer, error) {
	v := &viewer{View: questions.View{Viewer: a.session.User}, call: control.Call{Caller: s.caller(a)}}
	switch {
	case v.Viewer != "":
		if ref != "" && ref != a.session.Instance {
			if arn, err := lanyard.ParseARN(ref); err != nil || arn.Instance != a.session.Instance {
				return nil, lanyard.Errorf(lanyard.NotFound, "InstanceId must be the instance that you are signed in to, got %q",
					lanyard.Clip(ref))
			}
		}
		ref = a.session.Instance
	case ref == "":
		return nil, lanyard.Errorf(lanyard.Invalid, "InstanceId is required when the operator asks")
	}
	var err error
	if v.in, err = s.Control.Instance(ctx, v.call, ref); err != nil {
		return nil, err
	}
	if v.Snapshot, err = s.Control.Snapshot(ctx, v.call, v.in.ID, 0); err != nil {
		return nil, err
	}
	a.header.Set("X-Lanyard-Revision", strconv.FormatInt(v.Revision(), 10))
	return v, nil
}

// caller is what the audit says of a call through the console.
func (s *Server) caller(a *asking) lanyard.Caller {
	c := lanyard.Caller{Account: s.Account, AccessKeyID: consoleKey, SourceIP: remoteaddr.Host(a.http),
		UserAgent: consoleAgent, RequestID: a.requestID}
	if ua := strings.ToValidUTF8(a.http.UserAgent(), "?"); ua != "" {
		c.UserAgent += " (" + lanyard.ClipTo(ua, 256) + ")"
	}
	if a.session != nil && a.session.Key != "" {
		c.AccessKeyID, c.Root = a.session.Key, true
	}
	return c
}

// What the audit shows of calls through the console instead of an access key, and before the
// browser's name.
const (
	consoleKey   = "console"
	consoleAgent = "lanyard-console"
)

// list is never null on the wire.
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

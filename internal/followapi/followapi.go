// Package followapi serves what followers of an instance need to decide in their own processes: a snapshot, and the
// changes after it as they are committed. It has no rules about who may do what, and sends what package compact says
// and nothing else. How it speaks is in docs/follow.md.
package followapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/klauspost/compress/zstd"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/compact"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/httpstatus"
)

// Where an instance is followed: prefix, its id, and one of the endings.
const (
	prefix         = "/lanyard/v1/instances/"
	changesEnding  = "/follow"
	snapshotEnding = "/follow/snapshot"
)

// A Principal is who follows.
type Principal struct {
	Account  string
	Instance string // the only instance that may be followed; "" for all of the account
	Token    string // id; "" for who needs none
	// Valid returns an error when the principal may not follow any longer; nil: always.
	Valid func() error
}

// Config says what a Server works with. The zero values of all but Control and Authenticate mean the defaults.
type Config struct {
	Control *control.Service
	// Authenticate identifies the caller. An error is a refusal: lanyard.Denied for one who may not follow, any other
	// for one who is not known.
	Authenticate func(*http.Request) (Principal, error)
	Limits       Limits
	Logger       *slog.Logger // default slog.Default()
}

// Limits bound what followers make a server hold and send. A zero means the default.
type Limits struct {
	Followers   int // streams of this server at a time: 1,000
	PerInstance int // of one instance: 500
	PerToken    int // of one token: 100
	Loads       int // snapshots that are sent at a time; others wait for their turn: 4

	Lag     int64         // bytes that a stream may be behind: 8 MiB
	Bytes   int64         // of a stream, which then ends and is resumed: 1 GiB
	Age     time.Duration // of a stream, likewise: an hour
	Resume  int64         // revisions that a stream may have to make up for when it begins: 20,000
	Write   time.Duration // within which a follower must take what is sent: 30 seconds
	Turn    time.Duration // for which a load waits for its turn: 30 seconds
	Load    time.Duration // within which a follower must take a snapshot, because others wait: 10 minutes
	Pace    time.Duration // at most between two messages while there are many changes: 15 milliseconds
	Pending int           // events that wait to be sent: 20,000
}

func (l Limits) withDefaults() Limits {
	l.Followers, l.PerInstance = cmp.Or(l.Followers, 1000), cmp.Or(l.PerInstance, 500)
	l.PerToken, l.Loads = cmp.Or(l.PerToken, 100), cmp.Or(l.Loads, 4)
	l.Lag, l.Bytes, l.Age = cmp.Or(l.Lag, 8<<20), cmp.Or(l.Bytes, 1<<30), cmp.Or(l.Age, time.Hour)
	l.Resume, l.Write, l.Turn = cmp.Or(l.Resume, 20_000), cmp.Or(l.Write, 30*time.Second), cmp.Or(l.Turn, 30*time.Second)
	l.Load = cmp.Or(l.Load, 10*time.Minute)
	l.Pace, l.Pending = cmp.Or(l.Pace, 15*time.Millisecond), cmp.Or(l.Pending, 20_000)
	return l
}

// A Server serves followers.
type Server struct {
	Config
	ctx   context.Context // of all streams
	frame *zstd.Encoder   // makes frames of what streams send
	loads chan struct{}   // holds one for each snapshot that is being sent

	mu      sync.Mutex
	hubs    map[string]*hub
	streams int            // of all
	of      map[string]int // streams by instance, and by token
}

// NewServer returns a Server whose streams end with ctx at the latest.
func NewServer(ctx context.Context, c Config) *Server {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Limits = c.Limits.withDefaults()
	frame, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(1<<18), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic("followapi: the options of the encoder are wrong: " + err.Error())
	}
	return &Server{Config: c, ctx: ctx, frame: frame, loads: make(chan struct{}, c.Limits.Loads), hubs: map[string]*hub{},
		of: map[string]int{}}
}

// pack returns a frame of Zstandard. Frames one after the other are packed data as well, so that each is made once for
// all streams.
func (s *Server) pack(text []byte) []byte { return s.frame.EncodeAll(text, nil) }

// Serves reports whether a path is one of this package's.
func Serves(path string) bool {
	_, ending := split(path)
	return ending != ""
}

// split takes a path apart; ending is "" for a path of others.
func split(path string) (instance, ending string) {
	rest, ok := strings.CutPrefix(path, prefix)
	if !ok {
		return "", ""
	}
	instance, ending, _ = strings.Cut(rest, "/")
	if ending = "/" + ending; instance == "" || ending != changesEnding && ending != snapshotEnding {
		return "", ""
	}
	return instance, ending
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := s.call(w, r); err != nil {
		s.fail(w, r, err)
	}
}

// A following is one request, after its caller is known.
type following struct {
	*Server
	ctx      context.Context
	w        http.ResponseWriter
	r        *http.Request
	by       Principal
	call     control.Call
	instance string
	began    time.Time
	sent     int64       // bytes
	slow     atomic.Bool // it does not take what is sent, and is given up
}

// call takes a request through every step. An error means that nothing was answered yet.
func (s *Server) call(w http.ResponseWriter, r *http.Request) error {
	began := time.Now()
	instance, ending := split(r.URL.Path)
	if r.Method != http.MethodGet {
		return &httpError{http.StatusMethodNotAllowed, "the method must be GET"}
	}
	by, err := s.Authenticate(r)
	if err != nil {
		if status, message := httpstatus.OfStranger(err); status != 0 {
			return &httpError{status, message}
		}
		return err
	}
	if by.Instance != "" && by.Instance != instance {
		return &httpError{http.StatusForbidden, "the token is for another instance"}
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(s.ctx, cancel)()
	f := &following{Server: s, ctx: ctx, w: w, r: r, by: by, instance: instance, began: began,
		call: control.Call{Caller: lanyard.Caller{Account: by.Account}}}
	leave, err := s.enter(instance, by.Token)
	if err != nil {
		return err
	}
	defer leave()
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // the time limit for requests would end the stream
	if ending == snapshotEnding {
		return f.sendSnapshot()
	}
	return f.sendChanges()
}

// enter counts a stream, until leave is called.
func (s *Server) enter(instance, token string) (leave func(), err error) {
	instance, token = "instance "+instance, "token "+token
	s.mu.Lock()
	defer s.mu.Unlock()
	busy := func(what string, most int) error {
		return lanyard.Errorf(lanyard.Throttled, "%s has %d followers at a time, which is the most", what, most)
	}
	switch l := s.Limits; {
	case s.streams >= l.Followers:
		return nil, busy("the server", l.Followers)
	case s.of[instance] >= l.PerInstance:
		return nil, busy("the instance", l.PerInstance)
	case token != "token " && s.of[token] >= l.PerToken:
		return nil, busy("the token", l.PerToken)
	}
	s.streams++
	s.of[instance]++
	s.of[token]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.streams--
		for _, key := range []string{instance, token} {
			if s.of[key]--; s.of[key] == 0 {
				delete(s.of, key)
			}
		}
	}, nil
}

// Streams returns how many streams are open.
func (s *Server) Streams() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.streams
}

// write sends bytes. A follower that does not take them holds up nobody but itself, and not for long.
func (f *following) write(b []byte) error {
	_ = http.NewResponseController(f.w).SetWriteDeadline(time.Now().Add(f.Limits.Write)) // not every writer can
	// Only now is this asked, because giveUp sets the time limit too.
	if f.slow.Load() {
		return errSlow
	}
	f.sent += int64(len(b))
	_, err := f.w.Write(b)
	return err
}

var errSlow = errors.New("the follower is too slow")

// giveUp ends a write that waits for the follower, and all later ones. The request must still be in progress.
func (f *following) giveUp() {
	f.slow.Store(true)
	_ = http.NewResponseController(f.w).SetWriteDeadline(time.Now())
}

func (f *following) flush() error { return http.NewResponseController(f.w).Flush() }

// valid is an error when the follower may not follow any longer.
func (f *following) valid() error {
	if f.by.Valid == nil {
		return nil
	}
	return f.by.Valid()
}

// httpError is a refusal.
type httpError struct {
	status  int
	message string
}

func (e *httpError) Error() string { return e.message }

func refuse(status int, format string, args ...any) error {
	return &httpError{status, fmt.Sprintf(format, args...)}
}

// fail answers an error: a JSON string that says what was wrong.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, message := http.StatusInternalServerError, "internal failure; see the server's log"
	var refused *httpError
	var domain *lanyard.Error
	switch {
	case r.Context().Err() != nil:
	case errors.As(err, &refused):
		status, message = refused.status, refused.message
	case errors.As(err, &domain) && httpstatus.Of(domain.Kind) != status:
		status, message = httpstatus.Of(domain.Kind), domain.Message
		if status == http.StatusServiceUnavailable && domain.Err != nil {
			s.Logger.Warn("follower not served", "path", r.URL.Path, "error", err)
		}
	default:
		s.Logger.Error("follower failed", "path", r.URL.Path, "error", err)
	}
	h := w.Header()
	if seconds := httpstatus.RetryAfter(status); seconds > 0 {
		h.Set("Retry-After", strconv.Itoa(seconds))
	}
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="lanyard"`)
	}
	body, err := json.Marshal(strings.ToValidUTF8(message, "?"))
	if err != nil {
		body = []byte(`"failed"`)
	}
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body) // one that is gone gets nothing
}

// position reads where the follower is: the parameter after, or what a reconnecting reader of server-sent events sends.
func (f *following) position() (p compact.Position, err error) {
	text := cmp.Or(f.r.URL.Query().Get("after"), f.r.Header.Get("Last-Event-ID"))
	if text == "" {
		return p, refuse(http.StatusBadRequest, "after is required: the position of a snapshot or of the last change")
	}
	if err := p.UnmarshalText([]byte(text)); err != nil {
		return p, refuse(http.StatusBadRequest, "after: %v", err)
	}
	return p, nil
}

// Bounds of heartbeats.
const (
	leastHeartbeat   = 100 * time.Millisecond
	mostHeartbeat    = 10 * time.Second
	defaultHeartbeat = time.Second
)

// heartbeat reads how often the follower is told that it is up to date.
func (f *following) heartbeat() (time.Duration, error) {
	text := f.r.URL.Query().Get("heartbeat")
	if text == "" {
		return defaultHeartbeat, nil
	}
	n, err := strconv.Atoi(text)
	every := time.Duration(n) * time.Millisecond
	if err != nil || n < 0 || n > int(mostHeartbeat/time.Millisecond) || every < leastHeartbeat {
		return 0, refuse(http.StatusBadRequest, "heartbeat must be %d to %d milliseconds, got %s",
			leastHeartbeat.Milliseconds(), mostHeartbeat.Milliseconds(), lanyard.Quote(text))
	}
	return every, nil
}

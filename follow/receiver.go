package follow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/compact"
)

// A receiver receives what servers send. It is used by one goroutine.
type receiver struct {
	*Follower
	next    *access.Snapshot // as far as it was received; nil before the first
	at      compact.Position // of next
	reach   int64            // from which revision on next is a state that the instance had
	reload  bool             // the servers have another history
	server  int              // counts up
	healthy bool             // the last attempt brought a confirmation
	failing bool             // it was logged that it does not
}

var (
	// errAgain says that the same server is to be asked again.
	errAgain = errors.New("the instance has to be loaded again")
	// errSilent says that a server sends nothing, not even signs of life.
	errSilent = errors.New("the server has gone silent")
)

// An endError says why a server ended a stream.
type endError struct{ reason string }

func (e *endError) Error() string { return "the server ended the stream: " + lanyard.Quote(e.reason) }

// malformed says what is wrong with what a server sent.
func malformed(format string, args ...any) error {
	return lanyard.Errorf(lanyard.Malformed, "what the server sends is malformed: "+format, args...)
}

// attempt loads the instance if there is need and follows it for as long as the server sends. It always fails.
func (r *receiver) attempt(ctx context.Context, base *url.URL) error {
	if r.next == nil || r.reload {
		if err := r.load(ctx, base); err != nil {
			return fmt.Errorf("load instance %s from %s: %w", r.config.Instance, base.Redacted(), err)
		}
	}
	err := r.stream(ctx, base)
	var e *statusError
	if errors.As(err, &e) && (e.status == http.StatusConflict || e.status == http.StatusGone) {
		if r.reload { // it was loaded a moment ago, and that did not help
			return err
		}
		r.reload = true
		return fmt.Errorf("%w: %w", errAgain, err)
	}
	return fmt.Errorf("follow instance %s on %s: %w", r.config.Instance, base.Redacted(), err)
}

// Bounds of silence.
const (
	loadSilence  = 45 * time.Second // a load waits for its turn, and proxies may buffer
	leastSilence = 2 * time.Second
	leastBeat    = 100 * time.Millisecond
	mostBeat     = time.Second
)

// heartbeat is how often confirmations are asked for.
func (r *receiver) heartbeat() time.Duration {
	return min(max(r.config.MaxStaleness/5, leastBeat), mostBeat)
}

// A response is what a server answers, as far as it comes.
type response struct {
	*http.Response
	sent   time.Time // when the request was sent
	cancel context.CancelCauseFunc
	watch  *time.Timer
	ctx    context.Context
	idle   time.Duration
}

// get asks a server. It fails when nothing comes for too long.
func (r *receiver) get(ctx context.Context, base *url.URL, ending string, query url.Values, accept string,
	idle time.Duration) (*response, error) {
	u := base.JoinPath("lanyard/v1/instances", url.PathEscape(r.config.Instance), ending)
	u.RawQuery = query.Encode()
	ctx, cancel := context.WithCancelCause(ctx)
	a := &response{cancel: cancel, ctx: ctx, idle: idle, watch: time.AfterFunc(idle, func() { cancel(errSilent) })}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		a.close()
		return nil, err
	}
	req.Header.Set("Accept", accept)
	req.Header.Set("User-Agent", "lanyard-follow")
	if r.config.Token != "" {
		req.Header.Set("Authorization", "Bearer "+r.config.Token)
	}
	req.Header.Set("Accept-Encoding", "zstd, gzip")
	a.sent = r.now()
	if a.Response, err = r.client.Do(req); err != nil {
		err = a.why(err)
		a.close()
		return nil, err
	}
	a.watch.Reset(idle)
	if a.StatusCode != http.StatusOK {
		defer a.close()
		return nil, readStatus(a.Response)
	}
	return a, nil
}

// Paths below that of the instance.
const (
	changesPath  = "follow"
	snapshotPath = "follow/snapshot"
)

// Read reads what comes. It is no silence while something does.
func (a *response) Read(b []byte) (int, error) {
	n, err := a.Body.Read(b)
	if n > 0 {
		a.watch.Reset(a.idle)
	}
	if err != nil && err != io.EOF {
		err = a.why(err)
	}
	return n, err
}

// why returns the reason for which a request was given up, if it was.
func (a *response) why(err error) error {
	if cause := context.Cause(a.ctx); cause != nil {
		return cause
	}
	return err
}

func (a *response) close() {
	a.watch.Stop()
	a.cancel(nil)
	if a.Response != nil {
		a.Body.Close()
	}
}

// A statusError is an answer other than what was asked for.
type statusError struct {
	status     int
	message    string
	retryAfter time.Duration
}

func (e *statusError) Error() string {
	if e.message == "" {
		return fmt.Sprintf("the server answers with status %d", e.status)
	}
	return fmt.Sprintf("the server answers with status %d: %s", e.status, e.message)
}

// maxMessage bounds what is read of an answer that is an error.
const maxMessage = 4 << 10

func readStatus(resp *http.Response) error {
	e := &statusError{status: resp.StatusCode}
	if n, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && n > 0 {
		e.retryAfter = time.Duration(min(n, 3600)) * time.Second
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxMessage)) // what came of it will do
	var text string
	if json.Unmarshal(body, &text) == nil {
		e.message = lanyard.Clip(printable(text))
	}
	return e
}

// printable returns a text without what could control a terminal.
func printable(text string) string {
	out := []rune(text)
	for i, c := range out {
		if !strconv.IsPrint(c) {
			out[i] = '?'
		}
	}
	return string(out)
}

// publish makes what was received what questions are answered from, if it is a state that the instance had.
func (r *receiver) publish() {
	if r.next.Revision() < r.reach {
		return
	}
	r.snapshot.Store(r.next)
	if r.confirmed.Load() != nil { // else nobody can ask yet
		r.notify()
	}
}

// confirm notes that the server had no other changes at a time.
func (r *receiver) confirm(at time.Time) {
	if r.snapshot.Load() != r.next {
		return // there is more to come
	}
	r.healthy, r.failing, r.reload = true, false, false
	was := r.confirmed.Load()
	if was != nil && !at.After(was.at) {
		return
	}
	age, ok := r.age()
	r.confirmed.Store(&confirmation{at, at.UnixNano()})
	if !ok || age > r.config.MaxStaleness {
		r.notify()
	}
}

// Package recorder keeps what a gateway decided: every call in the audit of its instance, and in the decision log if
// there is one. Calls that come close together become one event, so that there can be many; calls that cost their
// caller nothing, refused ones and lists, are counted when there are too many. It redacts arguments and knows no store.
package recorder

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/decisionlog"
	"github.com/lanyard/lanyard/internal/gateway"
	"github.com/lanyard/lanyard/internal/redact"
	"github.com/lanyard/lanyard/internal/setting"
)

// Config is the section audit of a gateway's configuration.
type Config struct {
	// Window is how long calls are gathered for one event; default 1s. What was gathered is lost if the gateway is
	// killed.
	Window  time.Duration `yaml:"window" help:"How long calls are gathered for one record of the audit, 10ms to 1m. Default: 1s. They are lost if the gateway is killed."`
	Durable bool          `yaml:"durable" help:"Calls are answered only when they are stored, so that none is lost."`
}

// Check returns what is wrong with the configuration; its members are relative to the section.
func (c *Config) Check() error {
	return setting.Between("window", c.Window, 10*time.Millisecond, time.Minute)
}

// Options are what a Recorder works with besides its configuration.
type Options struct {
	// Store stores a batch, as control.Service.RecordCalls does. After an error that may be temporary it is called
	// again with the same batch.
	Store     func(ctx context.Context, b lanyard.CallBatch) error
	Redactor  *redact.Redactor
	Decisions *decisionlog.Log // may be nil
	Logger    *slog.Logger     // default slog.Default()
}

// Bounds of what waits to be stored.
const (
	defaultWindow = time.Second
	maxPending    = 8 << 20 // bytes of one instance
	maxAllPending = 64 << 20
	maxWait       = 10 * time.Second // of a call for room
	maxStoring    = 30 * time.Second // of one attempt
	minRetry      = 50 * time.Millisecond
	maxRetry      = 5 * time.Second
	overhead      = 8 // bytes of a call besides its own
)

// A Recorder is a gateway.Recorder. Make it with New and close it.
type Recorder struct {
	Config
	Options

	mu      sync.Mutex
	queues  map[instance]*queue
	pending int           // bytes of all queues
	room    chan struct{} // closed and replaced when there is more room, or none any more
	closed  bool
	storing sync.WaitGroup
	ctx     context.Context // ends when it is not to be tried any more
	cancel  context.CancelFunc
	lost    int64 // calls
}

type instance struct{ account, id string }

// New returns a Recorder for a configuration that has passed Check.
func New(c Config, o Options) *Recorder {
	if c.Window == 0 {
		c.Window = defaultWindow
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Recorder{Config: c, Options: o, queues: map[instance]*queue{}, room: make(chan struct{}), ctx: ctx,
		cancel: cancel}
}

var _ gateway.Recorder = (*Recorder)(nil)

// A queue is the batches of one instance that wait to be stored, in order. The last may still grow.
type queue struct {
	batches  []*batch
	pending  int // bytes
	storing  bool
	refusals refusals
	lists    refusals
	review   *time.Timer // ends windows of both; nil when there are none
}

type batch struct {
	lanyard.CallBatch
	size   int
	due    *time.Timer
	isDue  bool
	stored chan struct{} // closed when it is stored or given up
	failed error         // why it was given up
}

var errClosed = errors.New("the gateway is shutting down, and records no more calls")

// Record takes a call for the audit and the decision log. It waits while too much waits to be stored, and with
// Durable until the call is stored.
func (r *Recorder) Record(ctx context.Context, c *gateway.Call) error {
	call := r.newCall(c)
	r.Decisions.Add(newEntry(c, call, r.Decisions.Arguments()))
	size := sizeOf(call)
	waiting, cancel := context.WithTimeoutCause(ctx, maxWait,
		errors.New("the audit has no room: its store does not answer or is too slow"))
	defer cancel()
	b, err := r.enqueue(waiting, instance{c.Caller.Account, c.Caller.Instance}, call, size)
	if err != nil || b == nil || !r.Durable {
		return err
	}
	select {
	case <-b.stored:
		return b.failed
	case <-waiting.Done():
		return fmt.Errorf("record a call: %w", context.Cause(waiting))
	}
}

// sizeOf returns how many bytes a call takes in a batch at the most. It is made into JSON later, when no agent waits.
func sizeOf(call *lanyard.AgentCall) int {
	const always = len(`{"ID":,"Time":"2006-01-02T15:04:05.999999999Z","Method":,"Allowed":false,"Outcome":}`)
	n := overhead + always + sizeOfText(call.ID) + sizeOfText(call.Method) + sizeOfText(call.Outcome)
	for _, text := range [...]string{call.Agent, call.User, call.Credential, call.Upstream, call.Namespace, call.Tool,
		call.Module, call.Reason, call.Profile, call.Error} {
		if text != "" {
			n += len(`,"Credential":`) + sizeOfText(text) // the longest name
		}
	}
	if len(call.Arguments) > 0 {
		n += len(`,"Arguments":`) + len(call.Arguments)
	}
	for _, number := range [...]int64{call.Revision, call.Duration, int64(call.More)} {
		if number != 0 {
			n += len(`,"Revision":-9223372036854775808`)
		}
	}
	if !call.Last.IsZero() {
		n += len(`,"Last":"2006-01-02T15:04:05.999999999Z"`)
	}
	return n
}

// sizeOfText returns how many bytes a string takes as JSON at the most.
func sizeOfText(s string) int {
	n := len(s) + len(`""`)
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c == '"' || c == '\\':
			n += len(`\u0000`) - 1
		case c >= 0x80: // part of a letter, or in its place the one for what is none
			n += len("\uFFFD") - 1
		}
	}
	return n
}

// enqueue adds a call to the last batch of its instance, which it returns, as soon as there is room. A call that is
// counted has none.
func (r *Recorder) enqueue(ctx context.Context, in instance, call *lanyard.AgentCall, size int) (*batch, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed {
		q := r.queue(in)
		if n := q.counted(call); n != nil {
			admitted := n.admit(call, time.Now())
			if r.reviewLater(in, q); !admitted {
				return nil, nil
			}
		}
	}
	for {
		if r.closed {
			return nil, errClosed
		}
		if q := r.queue(in); q.pending == 0 || q.pending+size <= maxPending && r.pending+size <= maxAllPending {
			return r.add(in, q, call, size), nil
		}
		room := r.room
		r.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
		}
		r.mu.Lock()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("record a call: %w", context.Cause(ctx))
		}
	}
}

func (r *Recorder) queue(in instance) *queue {
	q := r.queues[in]
	if q == nil {
		q = &queue{refusals: newRefusals(), lists: newRefusals()}
		r.queues[in] = q
	}
	return q
}

// add adds a call to the last batch of a queue, or to a new one.
func (r *Recorder) add(in instance, q *queue, call *lanyard.AgentCall, size int) *batch {
	var b *batch
	if n := len(q.batches); n > 0 {
		b = q.batches[n-1]
	}
	if b == nil || b.size+size > lanyard.MaxBatchSize || len(b.Calls) == lanyard.MaxBatchCalls ||
		q.storing && len(q.batches) == 1 {
		if b != nil {
			r.setDue(in, q, b)
		}
		b = &batch{CallBatch: lanyard.CallBatch{ID: uuid.NewString(), Account: in.account, Instance: in.id},
			stored: make(chan struct{})}
		q.batches = append(q.batches, b)
		b.due = time.AfterFunc(r.Window, func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.setDue(in, q, b)
		})
	}
	b.Calls = append(b.Calls, *call)
	b.size, q.pending, r.pending = b.size+size, q.pending+size, r.pending+size
	if r.Durable || len(b.Calls) == lanyard.MaxBatchCalls {
		r.setDue(in, q, b)
	}
	return b
}

// setDue has a batch stored as soon as those before it are.
func (r *Recorder) setDue(in instance, q *queue, b *batch) {
	b.due.Stop()
	b.isDue = true
	if !q.storing && len(q.batches) > 0 && q.batches[0].isDue {
		q.storing = true
		r.storing.Go(func() { r.storeAll(in, q) })
	}
}

// storeAll stores the batches of a queue that are due, one after the other.
func (r *Recorder) storeAll(in instance, q *queue) {
	for {
		r.mu.Lock()
		if len(q.batches) == 0 || !q.batches[0].isDue {
			q.storing = false
			r.forget(in, q)
			r.mu.Unlock()
			return
		}
		b := q.batches[0]
		r.mu.Unlock()
		b.failed = r.store(b)
		close(b.stored)
		r.mu.Lock()
		q.batches = q.batches[1:]
		q.pending, r.pending = q.pending-b.size, r.pending-b.size
		if b.failed != nil {
			r.lost += int64(len(b.Calls))
		}
		close(r.room)
		r.room = make(chan struct{})
		r.mu.Unlock()
	}
}

// forget removes a queue that nothing is known of.
func (r *Recorder) forget(in instance, q *queue) {
	if len(q.batches) == 0 && q.refusals.isEmpty() && q.lists.isEmpty() && r.queues[in] == q {
		delete(r.queues, in)
	}
}

// isFinal reports whether trying again would not help.
func isFinal(kind lanyard.Kind) bool {
	switch kind {
	case lanyard.NotFound, lanyard.Invalid, lanyard.Malformed, lanyard.TooLarge:
		return true
	}
	return false
}

// store stores a batch, and tries again until it is stored, cannot be, or the recorder is closed.
func (r *Recorder) store(b *batch) error {
	for wait, said := minRetry, false; ; wait = min(2*wait, maxRetry) {
		ctx, cancel := context.WithTimeout(r.ctx, maxStoring)
		err := r.Store(ctx, b.CallBatch)
		cancel()
		switch kind := lanyard.KindOf(err); {
		case err == nil:
			if said {
				r.Logger.Info("calls of AI agents are recorded again", "instance", b.Instance)
			}
			return nil
		case isFinal(kind) || r.ctx.Err() != nil:
			r.Logger.Error("calls of AI agents are lost to the audit", "instance", b.Instance, "calls", len(b.Calls),
				"error", err)
			return fmt.Errorf("record calls: %w", err)
		case !said:
			r.Logger.Error("calls of AI agents cannot be recorded; retrying", "instance", b.Instance, "error", err)
			said = true
		}
		b.Again = true
		select {
		case <-time.After(wait):
		case <-r.ctx.Done():
		}
	}
}

// Close stores what waits until ctx ends, and returns an error that says how many calls are lost. Calls that come
// later are refused.
func (r *Recorder) Close(ctx context.Context) error {
	r.mu.Lock()
	for in, q := range r.queues {
		r.endRefusals(in, q, time.Now())
		for _, b := range q.batches {
			r.setDue(in, q, b)
		}
	}
	r.closed = true
	close(r.room) // whoever waits for room is told
	r.room = make(chan struct{})
	r.mu.Unlock()
	done := make(chan struct{})
	go func() { r.storing.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		r.cancel()
		<-done
	}
	r.cancel()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, q := range r.queues {
		if q.review != nil {
			q.review.Stop()
		}
	}
	if r.lost > 0 {
		return fmt.Errorf("%d calls of AI agents are lost to the audit", r.lost)
	}
	return nil
}

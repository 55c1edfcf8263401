package authority

import (
	"context"
	"encoding/hex"
	"errors"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/gateway"
)

// Remote asks a running server. Answers are kept while the server confirms, several times a second, that nothing has
// changed. When it does not answer, nothing is allowed any more within a second.
type Remote struct {
	ctx  context.Context // ends the goroutines that follow instances
	call Call

	strangers *rate.Limiter // questions about tokens that were never valid

	mu        sync.Mutex
	instances map[Instance]*followed
	tokens    map[control.TokenHash]keptToken
}

var _ Authority = (*Remote)(nil)

// A Call sends a question to a path of the management API and decodes the answer.
type Call func(ctx context.Context, path string, question, answer any) error

// NewRemote returns a Remote that follows the instances that it is asked about until ctx ends.
func NewRemote(ctx context.Context, call Call) *Remote {
	return &Remote{ctx: ctx, call: call, strangers: rate.NewLimiter(maxStrangers, maxStrangers),
		instances: map[Instance]*followed{}, tokens: map[control.TokenHash]keptToken{}}
}

// Bounds of what a Remote keeps, and for how long it relies on it.
const (
	maxAge       = 900 * time.Millisecond // of what is not confirmed again
	tokenAge     = 500 * time.Millisecond
	nextWait     = 250 * time.Millisecond // how long the server may hold the question what has changed
	followedIdle = time.Minute            // an instance that nobody asks about is no longer followed
	maxKept      = 100_000                // decisions of an instance, or tokens
	maxAsking    = 3 * time.Second        // for an answer that an agent waits for; then the server does not answer
	maxStrangers = 500                    // tokens a second that are asked about and were not valid before
)

// followed is an instance that is asked about.
type followed struct {
	mu        sync.Mutex
	used      time.Time
	altered   int64         // see access.Snapshot.Altered; unknown at first, and when the server does not answer
	confirmed time.Time     // when the question was sent that altered answers
	changed   chan struct{} // closed and replaced when altered is another
	decisions map[asked]gateway.Decision
	users     map[string]string
}

// asked is what a decision is about.
type asked struct {
	agent, user string
	right       gateway.Right
}

type keptToken struct {
	token lanyard.Token
	at    time.Time
}

// ask asks the server for an agent, which is not kept waiting by a server that accepts questions and answers none.
func (r *Remote) ask(ctx context.Context, path string, question, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, maxAsking)
	defer cancel()
	return r.call(ctx, path, question, answer)
}

// follow returns what is kept of an instance, which is followed from then on.
func (r *Remote) follow(in Instance) *followed {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.instances[in]; f != nil {
		f.mu.Lock()
		f.used = time.Now()
		f.mu.Unlock()
		return f
	}
	f := &followed{used: time.Now(), altered: unknown, changed: make(chan struct{})}
	f.forget()
	r.instances[in] = f
	go r.keepUp(in, f)
	return f
}

// keepUp asks what was altered in an instance again and again, until nobody has asked about the instance for some time.
func (r *Remote) keepUp(in Instance, f *followed) {
	for r.ctx.Err() == nil && !r.dropIdle(in, f) {
		ctx, cancel := context.WithTimeout(r.ctx, maxAge)
		began, known := time.Now(), f.known()
		var next Next
		err := r.call(ctx, PathNext, NextQuestion{in.Account, in.ID, known, int64(nextWait)}, &next)
		cancel()
		if err != nil {
			f.set(unknown, time.Time{})
			select {
			case <-r.ctx.Done():
			case <-time.After(watchRetry):
			}
			continue
		}
		f.set(next.Altered, began)
	}
}

// dropIdle drops an instance that nobody has asked about for some time, and reports whether it did.
func (r *Remote) dropIdle(in Instance, f *followed) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.used) < followedIdle {
		return false
	}
	delete(r.instances, in)
	return true
}

func (f *followed) known() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.altered
}

// set records when an instance was altered last, as the server knew at a time or later.
func (f *followed) set(altered int64, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.confirmed = at
	if altered == f.altered {
		return
	}
	f.altered = altered
	f.forget()
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *followed) forget() {
	f.decisions, f.users = map[asked]gateway.Decision{}, map[string]string{}
}

// fresh reports whether what is kept may be relied on. The caller holds f.mu.
func (f *followed) fresh() bool { return f.altered != unknown && time.Since(f.confirmed) < maxAge }

// kept returns the decisions about rights if all are kept.
func (f *followed) kept(c *gateway.Caller, rights []gateway.Right) ([]gateway.Decision, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.fresh() {
		return nil, false
	}
	out := make([]gateway.Decision, len(rights))
	for i, right := range rights {
		d, ok := f.decisions[asked{c.Agent, c.User, right}]
		if !ok {
			return nil, false
		}
		out[i] = d
	}
	return out, true
}

// keep keeps decisions that are of the state that is followed.
func (f *followed) keep(c *gateway.Caller, rights []gateway.Right, answer Decisions) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if answer.Altered != f.altered {
		return
	}
	if len(f.decisions)+len(rights) > maxKept {
		f.decisions = map[asked]gateway.Decision{}
	}
	for i, d := range answer.Decisions {
		f.decisions[asked{c.Agent, c.User, rights[i]}] = d
	}
}

// Decide returns decisions that are kept, or asks for all of them.
func (r *Remote) Decide(ctx context.Context, c *gateway.Caller, rights []gateway.Right) ([]gateway.Decision, error) {
	f := r.follow(Instance{c.Account, c.Instance})
	if decisions, ok := f.kept(c, rights); ok {
		return decisions, nil
	}
	var answer Decisions
	if err := r.ask(ctx, PathDecide, DecideQuestion{NewWho(c), rights}, &answer); err != nil {
		return nil, unavailable(err)
	}
	if len(answer.Decisions) != len(rights) {
		return nil, lanyard.Errorf(lanyard.Internal, "the server made %d decisions about %d rights", len(answer.Decisions),
			len(rights))
	}
	f.keep(c, rights, answer)
	return answer.Decisions, nil
}

// unavailable is the error of a server that did not answer as it should.
func unavailable(err error) error {
	return &lanyard.Error{Kind: lanyard.Unavailable, Message: "the server of the gateway does not answer", Err: err}
}

// Refusal asks the server for the words.
func (r *Remote) Refusal(ctx context.Context, c *gateway.Caller, right gateway.Right) string {
	var answer Refusal
	if err := r.ask(ctx, PathRefusal, RefusalQuestion{NewWho(c), right}, &answer); err != nil || answer.Text == "" {
		return refusedPlainly
	}
	return answer.Text
}

// Watch calls changed after each change of the caller's instance, and once when the server does not answer any more,
// until ctx ends.
func (r *Remote) Watch(ctx context.Context, c *gateway.Caller, changed func()) {
	watch(ctx, changed, func(ctx context.Context, known int64) (int64, error) {
		for {
			f := r.follow(Instance{c.Account, c.Instance}) // in every round, so that it is not dropped
			altered, next := f.state()
			switch {
			case altered == unknown && known != unknown:
				return 0, unavailable(nil)
			case altered != known:
				return altered, nil
			}
			select {
			case <-next:
			case <-time.After(followedIdle / 4):
			case <-ctx.Done():
				return altered, nil
			}
		}
	})
}

// state returns when the instance was altered last and what is closed when that changes.
func (f *followed) state() (altered int64, next <-chan struct{}) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.altered, f.changed
}

// Token asks for a token, at most twice a second for each.
func (r *Remote) Token(ctx context.Context, text string) (lanyard.Token, error) {
	if !control.IsToken(text) {
		return lanyard.Token{}, lanyard.Errorf(lanyard.Invalid, "the token is unknown to this server")
	}
	sum, began := control.HashToken(text), time.Now()
	r.mu.Lock()
	kept, ok := r.tokens[sum]
	r.mu.Unlock()
	if ok && began.Sub(kept.at) < tokenAge && (kept.token.Expires.IsZero() || began.Before(kept.token.Expires)) {
		return kept.token, nil
	}
	if !ok && !r.strangers.Allow() {
		return lanyard.Token{}, lanyard.Errorf(lanyard.Unavailable, "too many unknown tokens are sent; try again")
	}
	var answer Token
	if err := r.ask(ctx, PathToken, TokenQuestion{hex.EncodeToString(sum[:])}, &answer); err != nil {
		return lanyard.Token{}, unavailable(err)
	}
	if answer.Refused != "" {
		return lanyard.Token{}, &lanyard.Error{Kind: lanyard.Invalid, Message: answer.Refused}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.tokens) >= maxKept {
		r.tokens = map[control.TokenHash]keptToken{}
	}
	r.tokens[sum] = keptToken{answer.Token, began}
	return answer.Token, nil
}

// Instance asks for an instance.
func (r *Remote) Instance(ctx context.Context, account, ref string) (in Instance, err error) {
	err = r.ask(ctx, PathInstance, InstanceQuestion{account, ref}, &in)
	if errors.Is(err, context.DeadlineExceeded) {
		err = unavailable(err)
	}
	return in, err
}

// User returns a user that is kept, or asks for it.
func (r *Remote) User(ctx context.Context, in Instance, ref string) (string, error) {
	f := r.follow(in)
	f.mu.Lock()
	id, ok := f.users[ref]
	ok = ok && f.fresh()
	altered := f.altered
	f.mu.Unlock()
	if ok {
		return id, nil
	}
	var answer User
	if err := r.ask(ctx, PathUser, UserQuestion{in.Account, in.ID, ref}, &answer); err != nil {
		return "", unavailable(err)
	}
	if answer.ID == "" {
		return "", lanyard.Errorf(lanyard.NotFound, "user %s does not exist in instance %s", lanyard.Quote(ref), in.ID)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.altered == altered && len(f.users) < maxKept {
		f.users[ref] = answer.ID
	}
	return answer.ID, nil
}

// RecordCalls has the server store calls of AI agents as one event. It is sent for the server's root key, with the
// address and the key that the server sees.
func (r *Remote) RecordCalls(ctx context.Context, by lanyard.Caller, b lanyard.CallBatch) error {
	if err := r.call(ctx, PathRecord, RecordQuestion{by.UserAgent, b}, &struct{}{}); err != nil {
		return unavailable(err)
	}
	return nil
}

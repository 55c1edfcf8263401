package world

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/frontends"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

// A state is a server on one store. Requests hold it open; so does the World, as long as it is the current one.
type state struct {
	store   *sqlite.Memory
	service *control.Service
	handler frontends.Handler
	rootKey lanyard.AccessKey
	context context.Context // ends when requests are to end
	cancel  context.CancelFunc
	upkeep  sync.WaitGroup
	holders atomic.Int64  // 0 once nobody can take it
	idle    chan struct{} // closed when holders becomes 0
}

var errReplaced = errors.New("the state of the server was replaced")

const (
	// defaultGrace is how long requests on a state that is no longer current may take before their contexts end.
	defaultGrace = time.Second
	// maxEnding is how long they may take after that. Then the store is closed nevertheless, and refuses them.
	maxEnding = 10 * time.Second
)

// newState starts a server on a store, which it owns, also when it fails.
func (w *World) newState(ctx context.Context, db *sqlite.Memory) (_ *state, err error) {
	s := &state{store: db, idle: make(chan struct{})}
	s.holders.Store(1)
	s.context, s.cancel = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	rules := w.config.Rules
	rules.Store, rules.Now, rules.Logger = db, w.Now, w.config.Logger
	s.service = control.New(rules)
	key := w.config.RootKey
	if s.rootKey, err = s.service.SetRootKey(ctx, key.ID, key.Secret, w.config.Frontends.Account); err != nil {
		return nil, err
	}
	if err := s.service.LoadTokens(ctx); err != nil {
		return nil, err
	}
	front := w.config.Frontends
	front.Control, front.Credentials, front.Logger = s.service, db, w.config.Logger
	front.Region, front.Faults, front.KeepMemory = rules.Region, w.faults, true
	if s.handler, err = frontends.New(s.context, front); err != nil {
		return nil, err
	}
	s.upkeep.Go(func() { s.service.RecordRefusals(s.context) })
	s.upkeep.Go(func() { s.service.RemoveRows(s.context) })
	return s, nil
}

// close ends the upkeep and closes the store.
func (s *state) close() error {
	s.cancel()
	s.upkeep.Wait()
	return s.store.Close()
}

// acquire returns the current state, held open, or nil when the World is closed.
func (w *World) acquire() *state {
	for {
		s := w.current.Load()
		if s == nil || s.hold() {
			return s
		}
	}
}

// hold holds the state open, unless nobody did any more.
func (s *state) hold() bool {
	for {
		n := s.holders.Load()
		if n == 0 {
			return false
		}
		if s.holders.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

func (s *state) release() {
	if s.holders.Add(-1) == 0 {
		close(s.idle)
	}
}

// maxRetiring is how many states may be about to be closed. Each takes as much memory as the current one.
const maxRetiring = 8

// retirement is the states that are no longer current and still have requests in progress.
type retirement struct {
	room   chan struct{} // has one for each
	mu     sync.Mutex
	states map[*state]bool
	done   sync.WaitGroup
}

func newRetirement() retirement {
	return retirement{room: make(chan struct{}, maxRetiring), states: map[*state]bool{}}
}

// patience is how long to wait for room before requests have to end.
const patience = 100 * time.Millisecond

// makeRoom waits until there is room for one more. When there is none for long, the requests on the others are ended.
func (r *retirement) makeRoom(ctx context.Context) error {
	hurry := time.NewTimer(patience)
	defer hurry.Stop()
	for {
		select {
		case r.room <- struct{}{}:
			return nil
		case <-hurry.C:
			r.endRequests()
		case <-ctx.Done():
			return &lanyard.Error{Kind: lanyard.Unavailable, Err: context.Cause(ctx),
				Message: "requests on earlier states of the server have not ended yet"}
		}
	}
}

func (r *retirement) endRequests() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for s := range r.states {
		s.cancel()
	}
}

// retire closes a state that is no longer current, after its requests. The caller has made room for it.
func (w *World) retire(s *state) {
	r := &w.retired
	r.mu.Lock()
	r.states[s] = true
	r.mu.Unlock()
	s.release()
	r.done.Go(func() {
		if !s.waitIdle(s.context, w.config.Grace) {
			s.cancel()
			s.waitIdle(context.Background(), maxEnding)
		}
		if err := s.close(); err != nil {
			w.config.Logger.Error("an earlier state of the server was not closed properly", "error", err)
		}
		r.mu.Lock()
		delete(r.states, s)
		r.mu.Unlock()
		<-r.room
	})
}

// waitIdle waits until nothing holds the state open, for some time at most and until ctx ends, and reports whether that
// is so.
func (s *state) waitIdle(ctx context.Context, most time.Duration) bool {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-s.idle:
		return true
	case <-ctx.Done():
		return false
	case <-timer.C:
		return false
	}
}

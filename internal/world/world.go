// Package world holds a whole server in memory: a store, the operations and the front ends, behind one http.Handler.
// It goes back to its start, or to a state that was saved, in milliseconds, and its clock can be set. It is for tests
// and emulators; it neither listens nor reads flags.
package world

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/fault"
	"github.com/lanyard/lanyard/internal/frontends"
	"github.com/lanyard/lanyard/internal/invocation"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

// Config says what a World is like. Rules.Region and Frontends.Account are required.
type Config struct {
	// Rules are those of the operations. Store, Now and Logger are the World's.
	Rules control.Config
	// Frontends configures the front ends. Control, Credentials, Region and Logger are the World's, and so is Faults
	// when it is nil.
	Frontends frontends.Config
	// RootKey has the ID and Secret of the root access key; both are generated if it has none.
	RootKey lanyard.AccessKey
	// Seed, unless nil, makes what is there at the start and after Reset(ctx, Seeded).
	Seed func(context.Context, *control.Service) error
	// MaxSnapshots is how many states may be saved, default 100, and MaxSnapshotBytes how large they may be together,
	// default 256 MiB.
	MaxSnapshots     int
	MaxSnapshotBytes int64
	// Grace is how long requests may go on that a Reset, a Load or Close finds in progress, before their contexts end:
	// default a second.
	Grace  time.Duration
	Logger *slog.Logger // default slog.Default()
}

// A Start is a state in which a World starts again.
type Start uint8

const (
	Seeded Start = iota // what Config.Seed made
	Empty               // no instances
)

// A World is a server in memory. It is safe for concurrent use.
type World struct {
	config  Config
	faults  *fault.Set
	clock   clock
	rootKey lanyard.AccessKey

	current  atomic.Pointer[state] // nil once closed
	changing sync.Mutex            // held while current is replaced or its image is taken
	starts   map[Start][]byte      // images
	saved    snapshots
	retired  retirement
	closed   error // why nothing changes any more; guarded by changing
}

var errClosed = &lanyard.Error{Kind: lanyard.Unavailable, Message: "the server is closed"}

// New starts a World. When Seed fails, New returns its error.
func New(ctx context.Context, c Config) (_ *World, err error) {
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.Grace = cmp.Or(c.Grace, defaultGrace)
	w := &World{config: c, faults: c.Frontends.Faults, starts: map[Start][]byte{}, saved: newSnapshots(c),
		retired: newRetirement()}
	if w.faults == nil {
		w.faults = new(fault.Set)
	}
	db, err := sqlite.OpenMemory(ctx)
	if err != nil {
		return nil, err
	}
	s, err := w.newState(ctx, db)
	if err != nil {
		return nil, err
	}
	if err := w.takeStarts(ctx, s); err != nil {
		return nil, errors.Join(err, s.close())
	}
	w.rootKey = s.rootKey
	w.current.Store(s)
	return w, nil
}

// takeStarts seeds the first state, and keeps its images before and after that.
func (w *World) takeStarts(ctx context.Context, s *state) (err error) {
	if w.starts[Empty], err = s.store.Image(ctx); err != nil {
		return err
	}
	w.starts[Seeded] = w.starts[Empty]
	if w.config.Seed == nil {
		return nil
	}
	if err := w.config.Seed(ctx, s.service); err != nil {
		return err
	}
	w.starts[Seeded], err = s.store.Image(ctx)
	return err
}

// ServeHTTP serves a request from the state that is current when it comes.
func (w *World) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	s := w.acquire()
	if s == nil {
		http.Error(rw, errClosed.Message, http.StatusServiceUnavailable)
		return
	}
	defer s.release()
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	defer context.AfterFunc(s.context, func() { cancel(errReplaced) })()
	s.handler.ServeHTTP(rw, r.WithContext(ctx))
}

// Invoke carries out an operation on the current state, as the front ends do it for who they know.
func (w *World) Invoke(ctx context.Context, call invocation.Call) invocation.Answer {
	s := w.acquire()
	if s == nil {
		return invocation.Answer{Status: http.StatusServiceUnavailable, Exception: "ServiceUnavailable",
			Message: errClosed.Message, Err: errClosed}
	}
	defer s.release()
	return s.handler.Invoke(ctx, call)
}

// Do runs f with the operations of the current state, which stays open until f returns.
func (w *World) Do(f func(*control.Service) error) error {
	s := w.acquire()
	if s == nil {
		return errClosed
	}
	defer s.release()
	return f(s.service)
}

// Service returns the operations of the current state. After a Reset or Load they refuse, soon; see Do.
func (w *World) Service() *control.Service {
	if s := w.current.Load(); s != nil {
		return s.service
	}
	return nil
}

// RootKey returns the root access key.
func (w *World) RootKey() lanyard.AccessKey { return w.rootKey }

// Faults returns the injected faults. Reset removes them; Load leaves them.
func (w *World) Faults() *fault.Set { return w.faults }

// Reset starts again. It also removes the injected faults and sets the clock to the real time. Saved states stay.
// Requests that came before it finish on the state that they found.
func (w *World) Reset(ctx context.Context, from Start) error {
	return w.change(func() error {
		if err := w.replace(ctx, w.starts[from]); err != nil {
			return err
		}
		w.faults.Clear("")
		w.faults.SetRules(nil)
		w.faults.SetLatency(0)
		w.clock.set(Clock{})
		return nil
	})
}

// Save keeps the current state under a name, in place of what had that name.
func (w *World) Save(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	return w.change(func() error {
		image, err := w.current.Load().store.Image(ctx)
		if err != nil {
			return err
		}
		return w.saved.put(name, image, w.Now())
	})
}

// Load goes back to a state that was saved. Faults and the clock stay as they are.
func (w *World) Load(ctx context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	return w.change(func() error {
		image, err := w.saved.get(name)
		if err != nil {
			return err
		}
		return w.replace(ctx, image)
	})
}

// Snapshots lists the states that were saved, by name.
func (w *World) Snapshots() []Snapshot { return w.saved.list() }

// DeleteSnapshot forgets a state that was saved.
func (w *World) DeleteSnapshot(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	return w.saved.remove(name)
}

// change runs f alone, unless the World is closed.
func (w *World) change(f func() error) error {
	w.changing.Lock()
	defer w.changing.Unlock()
	if w.closed != nil {
		return w.closed
	}
	return f()
}

// replace makes a state of an image and has it be the current one. The caller holds changing.
func (w *World) replace(ctx context.Context, image []byte) error {
	if err := w.retired.makeRoom(ctx); err != nil {
		return err
	}
	s, err := w.openState(ctx, image)
	if err != nil {
		<-w.retired.room
		return fmt.Errorf("start again: %w", err)
	}
	w.retire(w.current.Swap(s))
	return nil
}

func (w *World) openState(ctx context.Context, image []byte) (*state, error) {
	db, err := sqlite.OpenImage(ctx, sqlite.MemoryConfig{Image: image, Logger: w.config.Logger})
	if err != nil {
		return nil, err
	}
	return w.newState(ctx, db)
}

// Close waits for the requests in progress, for a moment, and closes everything. Later ones are refused.
func (w *World) Close() error {
	err := w.change(func() error {
		if err := w.retired.makeRoom(context.Background()); err != nil {
			return err
		}
		w.closed = errClosed
		w.retire(w.current.Swap(nil))
		return nil
	})
	w.retired.done.Wait()
	if errors.Is(err, errClosed) { // it was closed before
		return nil
	}
	return err
}

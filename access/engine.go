package access

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lanyard/lanyard"
)

// A Source is where an Engine reads instances from, such as a database. Its methods see committed state only, and are
// called by several goroutines at a time.
type Source interface {
	// Load calls put for every resource of an instance, and for the instance itself, in any order. It returns the
	// revision of the state that it read. Later changes may be among the resources too: their events are applied again.
	// An instance that does not exist has no resources and the revision 0; that is no error.
	Load(ctx context.Context, instance string, put func(lanyard.Resource)) (revision int64, err error)
	// Events returns the events of an instance after a revision, in order: at most limit, and fewer if they are large,
	// but at least one if there is one. When the first does not follow the revision, the events in between have been
	// pruned, and Load returns a later revision.
	Events(ctx context.Context, instance string, after int64, limit int) ([]lanyard.Event, error)
	// Revision returns the revision of an instance's last event, 0 without events.
	Revision(ctx context.Context, instance string) (int64, error)
}

// An Engine keeps the latest snapshot of each instance that it is asked about, as far as Memory allows. It is safe for
// concurrent use; readers never wait for writers. Set its fields before its first use.
type Engine struct {
	// Source is required.
	Source Source
	// Memory is how many bytes the snapshots may take together, as Snapshot.Memory estimates; 0 for no bound. The least
	// recently used are dropped, and loaded again by the next question. The last one used is kept however large it is.
	Memory int64
	// MaxAge is for how long after the last Confirm questions are answered; later ones are refused with
	// lanyard.ErrUnavailable. It is for a Source that other processes change too. 0 answers always.
	MaxAge time.Duration
	// Applied, unless nil, is called with the events that lead from a snapshot of an instance to the next, in their order
	// and before anybody is answered from that one; and without any when the instance is loaded, and may have lost what
	// was applied before. The same events may come again. It must be quick, and neither keep the slice nor change the
	// events.
	Applied func(instance string, events []lanyard.Event)
	// Logger is slog.Default() if nil.
	Logger *slog.Logger

	instances sync.Map // id to *current
	confirmed atomic.Pointer[time.Time]

	// epoch goes up with every load, so that questions mark an instance as used once between two loads: an instance in
	// constant use is then only read.
	epoch   atomic.Int64
	held    atomic.Int64 // bytes
	loads   atomic.Int64
	evicted atomic.Int64
	evict   sync.Mutex
	loading chan struct{} // holds one for each load under way
	once    sync.Once     // makes loading
}

// maxLoads is how many instances are loaded at a time: what is being loaded is not bounded by Memory.
const maxLoads = 8

// current is an instance's latest snapshot and those who wait for a later one. Questions that began before it left
// Engine.instances may finish with it.
type current struct {
	snapshot atomic.Pointer[Snapshot]
	asked    atomic.Int64 // the epoch of the last question
	size     atomic.Int64 // what Engine.held has of it; -1 when it has left
	failures atomic.Int64 // loads that failed
	turn     chan struct{}
	// The fields below belong to the holder of turn.
	changed chan struct{} // closed and replaced when a snapshot is published
	failure error         // of the last load that failed
}

func (e *Engine) current(instance string) *current {
	if c, ok := e.instances.Load(instance); ok {
		return c.(*current)
	}
	c, _ := e.instances.LoadOrStore(instance, &current{turn: make(chan struct{}, 1), changed: make(chan struct{})})
	return c.(*current)
}

// lock waits for c's turn. Its holder may be reading from a database that does not answer, so nobody
// waits for it longer than ctx.
func (c *current) lock(ctx context.Context) error {
	select {
	case c.turn <- struct{}{}:
		return nil
	default:
	}
	select {
	case c.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return &lanyard.Error{Kind: lanyard.Unavailable, Message: "the instance is still being read from the store",
			Err: context.Cause(ctx)}
	}
}

func (c *current) unlock() { <-c.turn }

// use returns the snapshot, if there is one, and records that it was asked for in an epoch.
func (c *current) use(epoch int64) *Snapshot {
	if c.asked.Load() != epoch {
		c.asked.Store(epoch)
	}
	return c.snapshot.Load()
}

// Snapshot returns the latest snapshot of an instance. The first call loads the instance; calls in the meantime wait
// for that and share what comes of it. Of an instance that does not exist it returns a snapshot that denies everything
// (see Snapshot.Exists).
//
// It fails with lanyard.ErrUnavailable when the data may be older than MaxAge, or when ctx ends while the instance is
// being loaded, and otherwise with the error of the Source.
func (e *Engine) Snapshot(ctx context.Context, instance string) (*Snapshot, error) {
	if err := e.stale(); err != nil {
		return nil, err
	}
	epoch := e.epoch.Load()
	if c, ok := e.instances.Load(instance); ok {
		if s := c.(*current).use(epoch); s != nil {
			return s, nil
		}
	}
	s, loaded, err := e.first(ctx, instance)
	if loaded {
		e.trim()
	}
	return s, err
}

// first loads an instance, unless another call does first.
func (e *Engine) first(ctx context.Context, instance string) (s *Snapshot, loaded bool, err error) {
	c := e.current(instance)
	failures := c.failures.Load()
	if err := c.lock(ctx); err != nil {
		return nil, false, err
	}
	defer c.unlock()
	if s := c.snapshot.Load(); s != nil {
		return s, false, nil
	}
	if c.failures.Load() != failures { // while this one waited: it shares what came of it
		return nil, false, c.failure
	}
	defer func() {
		if err != nil && ctx.Err() == nil {
			c.failure = err
			c.failures.Add(1)
		}
	}()
	e.once.Do(func() { e.loading = make(chan struct{}, maxLoads) })
	select {
	case e.loading <- struct{}{}:
		defer func() { <-e.loading }()
	case <-ctx.Done():
		return nil, false, &lanyard.Error{Kind: lanyard.Unavailable,
			Message: "other instances are still being read from the store", Err: context.Cause(ctx)}
	}
	if s, err = e.load(ctx, instance); err == nil {
		s, err = e.catchUp(ctx, s, latest)
	}
	if err != nil {
		return nil, false, err
	}
	e.loads.Add(1)
	c.asked.Store(e.epoch.Add(1)) // later than all that were asked about before
	e.swap(c, s)
	return s, true, nil
}

// load reads an instance from the start.
func (e *Engine) load(ctx context.Context, instance string) (*Snapshot, error) {
	edit := Empty(instance).Edit()
	revision, err := e.Source.Load(ctx, instance, edit.Put)
	if err != nil {
		return nil, fmt.Errorf("load instance %s: %w", instance, err)
	}
	e.applied(instance, nil)
	return edit.Snapshot(revision), nil
}

// swap makes s the latest snapshot. The caller holds c's turn.
func (e *Engine) swap(c *current, s *Snapshot) {
	c.snapshot.Store(s)
	for size := s.Memory(); ; {
		old := c.size.Load()
		if old < 0 {
			break
		}
		if c.size.CompareAndSwap(old, size) {
			e.held.Add(size - old)
			break
		}
	}
	close(c.changed)
	c.changed = make(chan struct{})
}

// Confirm records that at a time all the snapshots held were as new as the Source; see MaxAge.
func (e *Engine) Confirm(at time.Time) { e.confirmed.Store(&at) }

// Confirmed returns the time of the last Confirm, the zero time before the first.
func (e *Engine) Confirmed() time.Time {
	if at := e.confirmed.Load(); at != nil {
		return *at
	}
	return time.Time{}
}

// applied tells Applied.
func (e *Engine) applied(instance string, events []lanyard.Event) {
	if e.Applied != nil {
		e.Applied(instance, events)
	}
}

// stale is an error when the last Confirm is too long ago.
func (e *Engine) stale() error {
	if e.MaxAge <= 0 {
		return nil
	}
	at := e.confirmed.Load()
	if at == nil {
		return lanyard.Errorf(lanyard.Unavailable,
			"this server has not yet confirmed that its data is current; retry, or use another server")
	}
	now := time.Now()
	// By the wall clock too, because the monotonic one may stop while the machine sleeps.
	if age := max(now.Sub(*at), now.Round(0).Sub(at.Round(0))); age > e.MaxAge {
		return lanyard.Errorf(lanyard.Unavailable,
			"its data was last confirmed as current %v ago, and this server answers only within %v of that; retry, or use "+
				"another server",
			age.Round(time.Millisecond), e.MaxAge)
	}
	return nil
}

// eventPage is how many events are read at a time.
const eventPage = 500

// maxAgain bounds how often an instance is read again because its events do not follow.
const maxAgain = 10

// follows reports whether an event is the next after s. A database that lost its last changes, as after
// a failover to a replica that lagged behind, has others of the same revisions.
func (s *Snapshot) follows(event *lanyard.Event) bool {
	return event.Revision == s.revision+1 &&
		(s.hash == nil || event.Previous == nil || bytes.Equal(s.hash, event.Previous))
}

// latest is a revision that is never reached: catchUp goes on until there are no more events.
const latest = math.MaxInt64

// catchUp applies the events after s, up to the revision reach at least. A page of events may be short because they
// are large, so one that is not full is the last only past that. When they do not follow s the instance is loaded
// from scratch.
func (e *Engine) catchUp(ctx context.Context, s *Snapshot, reach int64) (*Snapshot, error) {
	looked := false
	for again := 0; ; {
		after := s.revision
		if s.hash == nil && after > 0 && !looked {
			after-- // a snapshot that was loaded just now has to know its hash
		}
		looked = true
		events, err := e.Source.Events(ctx, s.instance, after, eventPage)
		if err != nil {
			return nil, fmt.Errorf("read the events of instance %s: %w", s.instance, err)
		}
		full := len(events) == eventPage
		if after < s.revision && len(events) > 0 && events[0].Revision == s.revision {
			if events[0].Hash != nil { // else s stays the same, and nobody who waits for another is woken
				known := *s
				known.hash = events[0].Hash
				s = &known
			}
			if events = events[1:]; len(events) == 0 && s.revision < reach {
				continue // it may have filled the page
			}
		}
		if len(events) == 0 {
			return s, nil
		}
		if !s.follows(&events[0]) {
			if again++; again > maxAgain {
				return nil, lanyard.Errorf(lanyard.Internal, "the events of instance %s after revision %d do not follow it",
					s.instance, s.revision)
			}
			if s, err = e.load(ctx, s.instance); err != nil {
				return nil, err
			}
			looked = false
			continue
		}
		if e.Applied != nil {
			if events, err = decoded(events); err != nil {
				return nil, err
			}
		}
		edit := s.Edit()
		for i := range events {
			if err := edit.Apply(&events[i]); err != nil {
				return nil, err
			}
		}
		s = edit.Snapshot(events[len(events)-1].Revision)
		e.applied(s.instance, events)
		if !full && s.revision >= reach {
			return s, nil
		}
	}
}

// Apply makes the state after a committed event the latest of its instance. An event that the snapshot includes already
// is ignored; when events before it are missing they are read from the Source, for two writers can commit in one order
// and call Apply in the other. Nothing is done for an instance without a snapshot: the next question loads it.
func (e *Engine) Apply(ctx context.Context, event *lanyard.Event) error {
	has := func(s *Snapshot) bool {
		return s.revision > event.Revision || s.revision == event.Revision && !s.Contradicts(event.Revision, event.Hash)
	}
	return e.advance(ctx, event.Instance, has, func(s *Snapshot) (_ *Snapshot, err error) {
		switch {
		case s.follows(event):
			edit := s.Edit()
			if err := edit.Apply(event); err != nil {
				return nil, err
			}
			e.applied(s.instance, []lanyard.Event{*event})
			return edit.Snapshot(event.Revision), nil
		case s.revision == event.Revision:
			if s, err = e.load(ctx, s.instance); err != nil {
				return nil, err
			}
		}
		return e.catchUp(ctx, s, event.Revision)
	})
}

// CatchUp reads the events of an instance from the Source, up to at least a revision that another process committed.
// Nothing is done for an instance without a snapshot.
func (e *Engine) CatchUp(ctx context.Context, instance string, revision int64) error {
	if s := e.Peek(instance); s == nil || s.revision >= revision {
		return nil // without waiting
	}
	has := func(s *Snapshot) bool { return s.revision >= revision }
	return e.advance(ctx, instance, has, func(s *Snapshot) (*Snapshot, error) { return e.catchUp(ctx, s, revision) })
}

// advance makes an instance's next snapshot the latest, unless the one that there is has what is required. When there
// is none it is being loaded, and this waits for that, or the next question loads it: either has what was committed
// before this was called.
func (e *Engine) advance(ctx context.Context, instance string, has func(*Snapshot) bool,
	next func(*Snapshot) (*Snapshot, error)) error {
	v, ok := e.instances.Load(instance)
	if !ok {
		return nil
	}
	c := v.(*current)
	if err := c.lock(ctx); err != nil {
		return err
	}
	err := func() error {
		defer c.unlock()
		s := c.snapshot.Load()
		if s == nil || has(s) {
			return nil
		}
		after, err := next(s)
		if err == nil && after != s {
			e.swap(c, after)
		}
		return err
	}()
	e.trim()
	return err
}

// Loaded returns the snapshots held, by instance.
func (e *Engine) Loaded() map[string]*Snapshot {
	loaded := make(map[string]*Snapshot)
	e.instances.Range(func(id, v any) bool {
		if s := v.(*current).snapshot.Load(); s != nil {
			loaded[id.(string)] = s
		}
		return true
	})
	return loaded
}

// Peek returns the latest snapshot of an instance, or nil when none is held. It neither loads one nor counts as a use.
func (e *Engine) Peek(instance string) *Snapshot {
	if c, ok := e.instances.Load(instance); ok {
		return c.(*current).snapshot.Load()
	}
	return nil
}

// AtLeast is Snapshot for a caller that must see a revision, such as that of its own last change. It reads the events
// that are missing, and waits at most wait for the revision to be committed.
//
// It fails with lanyard.ErrCondition when the revision was not committed in time, and with lanyard.ErrUnavailable when
// the Source did not answer.
func (e *Engine) AtLeast(ctx context.Context, instance string, revision int64, wait time.Duration) (*Snapshot, error) {
	s, err := e.Snapshot(ctx, instance)
	if err != nil || s.revision >= revision {
		return s, err
	}
	until, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	const poll = 20 * time.Millisecond
	var failed error
	known := false // whether the source answered
	for {
		var changed chan struct{}
		if v, ok := e.instances.Load(instance); ok {
			c := v.(*current)
			if err := c.lock(until); err != nil {
				failed = err
			} else {
				changed = c.changed
				c.unlock()
			}
		}
		if err := e.CatchUp(until, instance, revision); err != nil {
			failed = err
		} else {
			known = true
		}
		// It may have been dropped in the meantime; loading may take longer than the wait for a revision.
		if s, err = e.Snapshot(ctx, instance); err != nil || s.revision >= revision {
			return s, err
		}
		select {
		case <-changed:
		case <-time.After(poll):
		case <-until.Done():
			if !known {
				return nil, &lanyard.Error{Kind: lanyard.Unavailable, Err: failed,
					Message: fmt.Sprintf("this server has instance %s at revision %d and cannot reach its database to read "+
						"revision %d; retry, or use another server", instance, s.revision, revision)}
			}
			return nil, lanyard.Errorf(lanyard.Condition,
				"instance %s is at revision %d; revision %d was not committed within %v", instance, s.revision, revision, wait)
		}
	}
}

// Next waits until the latest snapshot of an instance has another Altered than the one that the caller knows, and
// returns it. When ctx ends first it returns the latest all the same, and otherwise it fails as Snapshot does.
func (e *Engine) Next(ctx context.Context, instance string, known int64) (*Snapshot, error) {
	const look = 250 * time.Millisecond // a snapshot that was dropped is replaced without a sign
	for {
		changed := e.changes(ctx, instance)
		s, err := e.Snapshot(ctx, instance)
		if err != nil || s.altered != known {
			return s, err
		}
		select {
		case <-changed:
		case <-time.After(look):
		case <-ctx.Done():
			return s, nil
		}
	}
}

// changes returns what is closed when the next snapshot of an instance is published; nil when none is held.
func (e *Engine) changes(ctx context.Context, instance string) <-chan struct{} {
	v, ok := e.instances.Load(instance)
	if !ok {
		return nil
	}
	c := v.(*current)
	if c.lock(ctx) != nil {
		return nil
	}
	defer c.unlock()
	return c.changed
}

// Forget drops the snapshot of an instance, if one is held; the next question loads it again.
func (e *Engine) Forget(instance string) {
	if v, ok := e.instances.Load(instance); ok {
		e.drop(instance, v.(*current))
	}
}

package access

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lanyard/lanyard"
)

// A Source is where an Engine reads instances from, such as a database. Its methods see committed state only.
type Source interface {
	// Load calls put for every resource of an instance: those that others refer to before those
	// that refer to them, that is groups in the order of their creation, profiles, and then users and
	// AI agents. It returns the revision that the resources have; changes that come in between may
	// or may not be among them.
	Load(ctx context.Context, instance string, put func(lanyard.Resource)) (revision int64, err error)
	// Events returns events of an instance in order, those after a revision, at most limit, and fewer where
	// they are large together, but one at least if there is one. When the first is not the next, those in between are
	// gone, and what Load has is of a later revision.
	Events(ctx context.Context, instance string, after int64, limit int) ([]lanyard.Event, error)
	// Revision returns the revision of an instance's last event.
	Revision(ctx context.Context, instance string) (int64, error)
}

// An Engine keeps the latest snapshot of each instance that it was asked about, as far as Memory
// allows. It is safe for concurrent use; readers never wait for writers.
type Engine struct {
	Source Source
	// Memory is how many bytes the snapshots may take together, by their own estimate; 0 for no bound.
	// Those that were not asked about for the longest time are dropped, and loaded again when somebody
	// asks again. The one asked about last is kept however large it is.
	Memory int64
	// MaxAge, unless 0, is how long questions are answered after the last Confirm; later they are
	// refused with Unavailable. It is for a Source that others change too.
	MaxAge time.Duration
	Logger *slog.Logger // default slog.Default()

	instances sync.Map // id to *current
	confirmed atomic.Pointer[time.Time]

	// epoch goes up with every load, so that a question leaves its mark at most once between two loads:
	// what is asked about all the time is read by many and written by nobody.
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

// current is an instance's latest snapshot and those who wait for a later one. When it has left
// Engine.instances, whoever had it before may still finish with it: what they asked began before.
type current struct {
	snapshot atomic.Pointer[Snapshot]
	asked    atomic.Int64 // the epoch of the last question
	size     atomic.Int64 // what Engine.held has of it; -1 when it has left
	failures atomic.Int64 // loads that failed
	turn     chan struct{}
	// The rest belongs to who holds turn.
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

// ask returns the snapshot, if there is one, for a question.
func (c *current) ask(epoch int64) *Snapshot {
	if c.asked.Load() != epoch {
		c.asked.Store(epoch)
	}
	return c.snapshot.Load()
}

// Snapshot returns the latest snapshot of an instance, loading it at first. Of those who ask at a
// time one loads it for all.
func (e *Engine) Snapshot(ctx context.Context, instance string) (*Snapshot, error) {
	if err := e.stale(); err != nil {
		return nil, err
	}
	epoch := e.epoch.Load()
	if c, ok := e.instances.Load(instance); ok {
		if s := c.(*current).ask(epoch); s != nil {
			return s, nil
		}
	}
	s, loaded, err := e.first(ctx, instance)
	if loaded {
		e.trim()
	}
	return s, err
}

// first loads an instance, unless somebody else does first.
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
	e.publish(c, s)
	return s, true, nil
}

// load reads an instance from the start.
func (e *Engine) load(ctx context.Context, instance string) (*Snapshot, error) {
	edit := Empty(instance).Edit()
	revision, err := e.Source.Load(ctx, instance, edit.Put)
	if err != nil {
		return nil, fmt.Errorf("load instance %s: %w", instance, err)
	}
	return edit.Snapshot(revision), nil
}

// publish makes s the snapshot that everybody sees. The caller holds c's turn.
func (e *Engine) publish(c *current, s *Snapshot) {
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

// drop takes an instance's snapshot out. Questions under way keep it.
func (e *Engine) drop(instance string, c *current) bool {
	if !e.instances.CompareAndDelete(instance, c) {
		return false
	}
	if size := c.size.Swap(-1); size > 0 {
		e.held.Add(-size)
	}
	return true
}

// trim drops snapshots when they take more than they may, and then a little more, so that not every
// load has to look for the oldest.
func (e *Engine) trim() {
	if e.Memory <= 0 || e.held.Load() <= e.Memory {
		return
	}
	e.evict.Lock()
	defer e.evict.Unlock()
	if e.held.Load() <= e.Memory {
		return
	}
	type candidate struct {
		instance string
		c        *current
		asked    int64
	}
	var all []candidate
	e.instances.Range(func(id, v any) bool {
		if c := v.(*current); c.size.Load() > 0 {
			all = append(all, candidate{id.(string), c, c.asked.Load()})
		}
		return true
	})
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Compare(a.asked, b.asked) })
	n := 0
	for _, x := range all[:max(0, len(all)-1)] {
		if e.held.Load() <= e.Memory/8*7 {
			break
		}
		if e.drop(x.instance, x.c) {
			n++
		}
	}
	e.evicted.Add(int64(n))
	log := e.Logger
	if log == nil {
		log = slog.Default()
	}
	s := e.Stats()
	log.Debug("snapshots dropped that were not asked about for the longest time", "dropped", n, "held", s.Held, "bytes",
		s.Bytes, "bound", e.Memory, "loads", s.Loads, "evicted", s.Evicted)
}

// Stats are counts of what an Engine holds and has done.
type Stats struct {
	Held    int   // instances with a snapshot
	Bytes   int64 // that the snapshots take, by their own estimate
	Loads   int64 // instances loaded since the start
	Evicted int64 // of them, dropped to stay below Engine.Memory
}

// Stats returns the counts, in time that grows with the number of instances held.
func (e *Engine) Stats() Stats {
	s := Stats{Bytes: e.held.Load(), Loads: e.loads.Load(), Evicted: e.evicted.Load()}
	e.instances.Range(func(_, v any) bool {
		if v.(*current).snapshot.Load() != nil {
			s.Held++
		}
		return true
	})
	return s
}

// Confirm records that all the snapshots held are what the Source had at a time; see MaxAge.
func (e *Engine) Confirm(at time.Time) { e.confirmed.Store(&at) }

// stale is an error when the last Confirm is too long ago.
func (e *Engine) stale() error {
	if e.MaxAge <= 0 {
		return nil
	}
	at := e.confirmed.Load()
	if at == nil {
		return lanyard.Errorf(lanyard.Unavailable,
			"this server has not yet heard from its database how old its answers would be; ask again soon, or another server")
	}
	now := time.Now()
	// By the clock too, for the other time may stand still while the machine sleeps.
	if age := max(now.Sub(*at), now.Round(0).Sub(at.Round(0))); age > e.MaxAge {
		return lanyard.Errorf(lanyard.Unavailable,
			"this server last heard from its database %v ago, and answers from no older state than of %v; ask another "+
				"server, or this one again soon",
			age.Round(time.Millisecond), e.MaxAge)
	}
	return nil
}

// eventPage is how many events are read at a time.
const eventPage = 500

// maxAgain bounds how often an instance is read again because its events do not follow.
const maxAgain = 10

// follows reports whether an event is the next after s. A database that lost its last changes, as after
// a failover to a replica that had not got them, has others of the same revisions.
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
			known := *s
			known.hash = events[0].Hash
			if s, events = &known, events[1:]; len(events) == 0 && s.revision < reach {
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
		edit := s.Edit()
		for i := range events {
			if err := edit.Apply(&events[i]); err != nil {
				return nil, err
			}
		}
		s = edit.Snapshot(events[len(events)-1].Revision)
		if !full && s.revision >= reach {
			return s, nil
		}
	}
}

// Apply makes the state after event current for its instance, unless that has it already: two
// writers can commit in one order and arrive here in the other, and then the events in between are
// read. An instance that has no snapshot is passed over.
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
			return edit.Snapshot(event.Revision), nil
		case s.revision == event.Revision:
			if s, err = e.load(ctx, s.instance); err != nil {
				return nil, err
			}
		}
		return e.catchUp(ctx, s, event.Revision)
	})
}

// CatchUp reads the events of an instance up to at least the revision, which somebody else has
// committed. An instance that has no snapshot is passed over.
func (e *Engine) CatchUp(ctx context.Context, instance string, revision int64) error {
	if s := e.Peek(instance); s == nil || s.revision >= revision {
		return nil // without waiting
	}
	has := func(s *Snapshot) bool { return s.revision >= revision }
	return e.advance(ctx, instance, has, func(s *Snapshot) (*Snapshot, error) { return e.catchUp(ctx, s, revision) })
}

// advance makes an instance's next snapshot current, unless it has what is wanted or no snapshot at
// all. When it has none, that is still being loaded, and this waits, or the next question loads it:
// with what was committed before this was called.
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
			e.publish(c, after)
		}
		return err
	}()
	e.trim()
	return err
}

// Loaded returns the snapshots that there are, by instance.
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

// Peek returns the latest snapshot of an instance that has one already, or nil. It neither
// loads one nor counts as a question.
func (e *Engine) Peek(instance string) *Snapshot {
	if c, ok := e.instances.Load(instance); ok {
		return c.(*current).snapshot.Load()
	}
	return nil
}

// AtLeast returns a snapshot of at least the revision. When the engine has none yet it reads what
// is missing, and waits at most wait for the revision to be committed. The refusal is Condition when
// it was not, and Unavailable when that could not be found out.
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
					Message: fmt.Sprintf("this server has instance %s at revision %d, and cannot reach its database to know of "+
						"revision %d, which was asked for; ask again soon, or another server",
						instance, s.revision, revision)}
			}
			return nil, lanyard.Errorf(lanyard.Condition,
				"instance %s is at revision %d; revision %d was asked for and did not come within %v", instance, s.revision,
				revision, wait)
		}
	}
}

// Forget drops an instance's snapshot; the next question loads it again.
func (e *Engine) Forget(instance string) {
	if v, ok := e.instances.Load(instance); ok {
		e.drop(instance, v.(*current))
	}
}

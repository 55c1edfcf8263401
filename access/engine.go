package access

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lanyard/lanyard"
)

// Source is where an Engine reads instances: a store, seen from here. Both methods see committed
// state only.
type Source interface {
	// Load calls put for every resource of an instance: those that others refer to before those
	// that refer to them, that is groups in the order of their creation, profiles, and then users and
	// AI agents. It returns the revision that the resources have; changes that come in between may
	// or may not be among them.
	Load(ctx context.Context, instance string, put func(lanyard.Resource)) (revision int64, err error)
	// Events returns events of an instance in order, those after a revision, at most limit. When the
	// first is not the next, those in between are gone, and what Load has is of a later revision.
	Events(ctx context.Context, instance string, after int64, limit int) ([]lanyard.Event, error)
	// Revision is that of an instance's last event.
	Revision(ctx context.Context, instance string) (int64, error)
}

// An Engine keeps the latest snapshot of each instance that it was asked about. It is safe for
// concurrent use; readers never wait for writers.
type Engine struct {
	Source Source

	instances sync.Map // id to *current
}

// current is an instance's latest snapshot and those who wait for a later one.
type current struct {
	snapshot atomic.Pointer[Snapshot]
	mu       sync.Mutex    // orders writers
	changed  chan struct{} // closed and replaced when a snapshot is published; guarded by mu
}

func (e *Engine) current(instance string) *current {
	if c, ok := e.instances.Load(instance); ok {
		return c.(*current)
	}
	c, _ := e.instances.LoadOrStore(instance, &current{changed: make(chan struct{})})
	return c.(*current)
}

// Snapshot returns the latest snapshot of an instance, loading it at first.
func (e *Engine) Snapshot(ctx context.Context, instance string) (*Snapshot, error) {
	if c, ok := e.instances.Load(instance); ok {
		if s := c.(*current).snapshot.Load(); s != nil {
			return s, nil
		}
	}
	c := e.current(instance)
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.snapshot.Load(); s != nil {
		return s, nil
	}
	s, err := e.load(ctx, instance)
	if err == nil {
		s, err = e.catchUp(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	c.publish(s)
	return s, nil
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

// publish makes s the snapshot that everybody sees. The caller holds c.mu.
func (c *current) publish(s *Snapshot) {
	c.snapshot.Store(s)
	close(c.changed)
	c.changed = make(chan struct{})
}

// eventPage is how many events are read at a time.
const eventPage = 500

// maxAgain bounds how often an instance is read anew because its events do not follow.
const maxAgain = 10

// follows tells whether an event is the next after s. A database that lost its last changes, as after
// a failover to a replica that had not got them, has others of the same revisions.
func (s *Snapshot) follows(event *lanyard.Event) bool {
	return event.Revision == s.revision+1 && (s.hash == nil || event.Previous == nil || bytes.Equal(s.hash, event.Previous))
}

// catchUp applies the events after s. When they do not follow it the instance is loaded anew.
func (e *Engine) catchUp(ctx context.Context, s *Snapshot) (*Snapshot, error) {
	for again := 0; ; {
		after := s.revision
		if s.hash == nil && after > 0 {
			after-- // a snapshot that was loaded just now has to know its hash
		}
		events, err := e.Source.Events(ctx, s.instance, after, eventPage)
		if err != nil {
			return nil, fmt.Errorf("read the events of instance %s: %w", s.instance, err)
		}
		full := len(events) == eventPage
		if after < s.revision && len(events) > 0 && events[0].Revision == s.revision {
			known := *s
			known.hash = events[0].Hash
			s, events = &known, events[1:]
		}
		if len(events) == 0 {
			return s, nil
		}
		if !s.follows(&events[0]) {
			if again++; again > maxAgain {
				return nil, lanyard.Errorf(lanyard.Internal, "the events of instance %s after revision %d do not follow it", s.instance, s.revision)
			}
			if s, err = e.load(ctx, s.instance); err != nil {
				return nil, err
			}
			continue
		}
		edit := s.Edit()
		for i := range events {
			if err := edit.Apply(&events[i]); err != nil {
				return nil, err
			}
		}
		s = edit.Snapshot(events[len(events)-1].Revision)
		if !full {
			return s, nil
		}
	}
}

// Apply puts what an event changed.
func (e *Edit) Apply(event *lanyard.Event) error {
	e.s.hash = event.Hash
	for _, c := range event.Changes {
		if len(c.After) == 0 {
			e.Remove(c.Type, c.ID)
			continue
		}
		if _, decides := kindOf[c.Type]; !decides && c.Type != lanyard.TypeInstance {
			continue
		}
		r := lanyard.New(c.Type)
		if err := json.Unmarshal(c.After, r); err != nil {
			return fmt.Errorf("revision %d of instance %s: read %s %s: %w", event.Revision, event.Instance, c.Type, c.ID, err)
		}
		e.Put(r)
	}
	return nil
}

// Apply makes the state after event current for its instance, unless that has it already: two
// writers can commit in one order and arrive here in the other, and then the events in between are
// read. An instance that nobody has asked about is passed over.
func (e *Engine) Apply(ctx context.Context, event *lanyard.Event) error {
	v, ok := e.instances.Load(event.Instance)
	if !ok {
		return nil
	}
	c := v.(*current)
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.snapshot.Load()
	if s == nil || s.revision > event.Revision || s.revision == event.Revision && !s.Contradicts(event.Revision, event.Hash) {
		return nil
	}
	var err error
	switch {
	case s.follows(event):
		edit := s.Edit()
		if err := edit.Apply(event); err != nil {
			return err
		}
		s = edit.Snapshot(event.Revision)
	case s.revision == event.Revision:
		if s, err = e.load(ctx, s.instance); err != nil {
			return err
		}
		fallthrough
	default:
		if s, err = e.catchUp(ctx, s); err != nil {
			return err
		}
	}
	c.publish(s)
	return nil
}

// CatchUp reads the events of an instance up to at least the revision, which somebody else has
// committed. An instance that nobody has asked about is passed over.
func (e *Engine) CatchUp(ctx context.Context, instance string, revision int64) error {
	v, ok := e.instances.Load(instance)
	if !ok {
		return nil
	}
	c := v.(*current)
	if s := c.snapshot.Load(); s == nil || s.revision >= revision {
		return nil // without waiting
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.snapshot.Load()
	if s == nil || s.revision >= revision {
		return nil
	}
	next, err := e.catchUp(ctx, s)
	if err == nil && next != s {
		c.publish(next)
	}
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

// Peek returns the latest snapshot of an instance that has one already, or nil.
func (e *Engine) Peek(instance string) *Snapshot {
	if c, ok := e.instances.Load(instance); ok {
		return c.(*current).snapshot.Load()
	}
	return nil
}

// AtLeast returns a snapshot of at least the revision. When the engine has none yet it reads what
// is missing, and waits at most wait for the revision to be committed.
func (e *Engine) AtLeast(ctx context.Context, instance string, revision int64, wait time.Duration) (*Snapshot, error) {
	s, err := e.Snapshot(ctx, instance)
	if err != nil || s.revision >= revision {
		return s, err
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	const poll = 20 * time.Millisecond
	for {
		c := e.current(instance)
		c.mu.Lock()
		changed := c.changed
		s := c.snapshot.Load()
		if s != nil && s.revision < revision {
			next, err := e.catchUp(ctx, s)
			if err == nil && next != s {
				c.publish(next)
				s = next
			}
		}
		c.mu.Unlock()
		if s != nil && s.revision >= revision {
			return s, nil
		}
		select {
		case <-changed:
		case <-time.After(poll):
		case <-ctx.Done():
			at := int64(0)
			if s != nil {
				at = s.revision
			}
			return nil, lanyard.Errorf(lanyard.Condition, "instance %s is at revision %d; revision %d was asked for and did not come within %v", instance, at, revision, wait)
		}
	}
}

// Forget drops an instance's snapshot; the next question loads it anew.
func (e *Engine) Forget(instance string) { e.instances.Delete(instance) }

package console

import (
	"context"
	"sync"
	"time"

	"github.com/lanyard/lanyard"
)

// A changeIndex is what the console remembers of an instance's events: who changed each profile last,
// and how many changes there were on each day. It is made by reading a bounded number of events
// backwards, and then follows those that come.
type changeIndex struct {
	mu       sync.Mutex
	revision int64     // of the last event that it has
	since    time.Time // of the first
	profiles map[string]lastChange
	days     map[string]int
	used     time.Time
}

type lastChange struct {
	revision int64
	time     time.Time
	author
}

// An author is who made a call: the user on whose behalf, if any, and the access key, which may be the root key.
type author struct {
	user, key string
	root      bool
}

// Bounds of these indexes.
const (
	// What is read at first, which takes some 0.1 s: at most so many events, of so many bytes or few more.
	maxIndexed     = 4000
	maxIndexedSize = 8 << 20
	maxIndexes     = 64 // instances
	maxDays        = 366
)

type changeIndexes struct {
	mu  sync.Mutex
	all map[string]*changeIndex
}

// readIndex returns the index of an instance, up to date.
func (c *changeIndexes) readIndex(ctx context.Context, s *Server, instance string) (*changeIndex, error) {
	c.mu.Lock()
	if c.all == nil {
		c.all = map[string]*changeIndex{}
	}
	one := c.all[instance]
	if one == nil {
		if len(c.all) >= maxIndexes {
			oldest := ""
			for id, other := range c.all {
				if oldest == "" || other.used.Before(c.all[oldest].used) {
					oldest = id
				}
			}
			delete(c.all, oldest)
		}
		one = &changeIndex{}
		c.all[instance] = one
	}
	one.used = s.Now()
	c.mu.Unlock()
	one.mu.Lock()
	defer one.mu.Unlock()
	return one, one.follow(ctx, s, instance)
}

func (c *changeIndex) follow(ctx context.Context, s *Server, instance string) error {
	if c.profiles == nil {
		profiles, days := map[string]lastChange{}, map[string]int{}
		for before, read, size := int64(0), 0, 0; read < maxIndexed; {
			events, next, err := s.Control.History(ctx, instance, lanyard.Ref{}, before, maxIndexed, 50)
			if err != nil {
				return err
			}
			for i := range events {
				note(s, profiles, days, &events[i])
			}
			if len(events) > 0 && read == 0 {
				c.revision = events[0].Revision
			}
			if len(events) > 0 {
				c.since = events[len(events)-1].Time
			}
			read += len(events)
			for i := range events {
				size += sizeOf(&events[i])
			}
			if before = next; next == 0 || size > maxIndexedSize {
				break
			}
		}
		c.profiles, c.days = profiles, days
		return nil
	}
	upTo, err := s.Control.Revision(ctx, instance)
	if err != nil {
		return err
	}
	for c.revision < upTo {
		events, err := s.Control.Events(ctx, instance, c.revision, 500)
		if err != nil {
			return err
		}
		for i := range events {
			note(s, c.profiles, c.days, &events[i])
			c.revision = events[i].Revision
		}
		if len(events) == 0 {
			break
		}
	}
	for len(c.days) > maxDays {
		oldest := ""
		for day := range c.days {
			if oldest == "" || day < oldest {
				oldest = day
			}
		}
		delete(c.days, oldest)
	}
	return nil
}

// note adds an event, in any order.
func note(s *Server, profiles map[string]lastChange, days map[string]int, e *lanyard.Event) {
	if e.Refused != "" {
		return
	}
	days[e.Time.UTC().Format(time.DateOnly)]++
	for _, change := range e.Changes {
		switch {
		case change.Type == lanyard.TypeInstance && len(change.After) == 0:
			clear(profiles)
		case change.Type == lanyard.TypeProfile:
			if have, ok := profiles[change.ID]; !ok || have.revision < e.Revision {
				profiles[change.ID] = lastChange{e.Revision, e.Time, s.authorOf(e)}
			}
		}
	}
}

// authorOf returns who made the call of an event.
func (s *Server) authorOf(e *lanyard.Event) author {
	return author{e.OnBehalfOf, e.AccessKeyID, s.isRoot(e.AccessKeyID)}
}

// isRoot reports whether an access key is the operator's own.
func (s *Server) isRoot(key string) bool {
	k, ok := s.Control.Key(key)
	return ok && k.Root
}

func (c *changeIndex) last(profile string) (lastChange, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, ok := c.profiles[profile]
	return l, ok
}

// daily returns the changes of each day, and since when they are known.
func (c *changeIndex) daily() (map[string]int, time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	days := make(map[string]int, len(c.days))
	for day, n := range c.days {
		days[day] = n
	}
	return days, c.since
}

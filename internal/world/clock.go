package world

import (
	"sync/atomic"
	"time"

	"github.com/lanyard/lanyard"
)

// A Clock says what time it is in a World. The zero Clock is the real time.
//
// What has a time or expires goes by it: events, creation and modification, tokens, sessions of the console and
// NextToken. Signatures do not, because clients sign with their own clocks; neither do timeouts and throttling.
type Clock struct {
	At     time.Time // what time it is when the clock is set
	Frozen bool      // it stays At; otherwise it runs on from there
}

// The times to which a clock can be set: those that every format of a time in an answer can show.
var (
	earliest = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
)

type clock struct {
	now atomic.Pointer[func() time.Time]
}

func (c *clock) time() time.Time {
	if now := c.now.Load(); now != nil {
		return (*now)()
	}
	return time.Now()
}

func (c *clock) set(to Clock) {
	began := time.Now()
	now := func() time.Time { return to.At.Add(time.Since(began)) }
	switch {
	case to.At.IsZero():
		c.now.Store(nil)
		return
	case to.Frozen:
		now = func() time.Time { return to.At }
	}
	c.now.Store(&now)
}

// Now returns what time it is.
func (w *World) Now() time.Time { return w.clock.time() }

// SetTime sets the clock. Nothing is changed by it but what is done or decided afterwards.
func (w *World) SetTime(to Clock) error {
	switch {
	case to.At.IsZero() && to.Frozen:
		to.At = time.Now()
	case to.At.IsZero():
	case to.At.Before(earliest), !to.At.Before(latest):
		return lanyard.Errorf(lanyard.Invalid, "Time must be from 1970 to 9998, got %s", to.At.Format(time.RFC3339))
	}
	w.clock.set(to)
	return nil
}

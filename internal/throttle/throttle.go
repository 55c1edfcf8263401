// Package throttle limits how often an account may call an operation: one token bucket per
// account, region and operation. It keeps time and counts; it does not know what an operation
// is, nor how a refusal is worded.
package throttle

import (
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limiter holds the buckets. It is safe for concurrent use and must not be copied. A nil
// Limiter, like a zero one, allows everything. Its fields must not change once it is in use.
type Limiter struct {
	Rate  float64          // tokens a second that flow into each bucket; no limit if zero
	Burst int              // tokens that a bucket holds; what flows in a second, and at least 1, if zero
	Now   func() time.Time // time.Now if nil

	mu sync.Mutex
	// Buckets live in two generations, each at least as long as an empty bucket takes to fill. A
	// bucket that is used moves to the current one. So what is left in the previous one when it
	// ends has been idle for a whole generation, is full, and can be forgotten: a new bucket is
	// no different. No bucket is ever searched for, and none that is not full is dropped.
	current, previous map[key]*rate.Limiter
	began             time.Time // when the current generation did
}

type key struct{ account, region, operation string }

// Allow reports whether the account may call the operation in the region now, and takes a token
// if so.
func (l *Limiter) Allow(account, region, operation string) bool {
	if l == nil || !(l.Rate > 0) {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()

	now := l.now() // with the lock held, so that no bucket sees time go back
	l.turn(now)
	return l.bucket(key{account, region, operation}).AllowN(now, 1)
}

// turn begins a new generation if the current one is old enough.
func (l *Limiter) turn(now time.Time) {
	if l.current != nil && now.Sub(l.began) < l.fillTime() {
		return
	}
	l.previous, l.current = l.current, make(map[key]*rate.Limiter)
	l.began = now
}

func (l *Limiter) bucket(k key) *rate.Limiter {
	if b, ok := l.current[k]; ok {
		return b
	}
	b, ok := l.previous[k]
	if ok {
		delete(l.previous, k)
	} else {
		b = rate.NewLimiter(rate.Limit(l.Rate), l.burst())
	}
	l.current[k] = b
	return b
}

func (l *Limiter) burst() int {
	if l.Burst > 0 {
		return l.Burst
	}
	return int(max(1, min(l.Rate, math.MaxInt32)))
}

// fillTime returns how long an empty bucket takes to fill, rounded up.
func (l *Limiter) fillTime() time.Duration {
	ns := math.Ceil(float64(l.burst()) / l.Rate * float64(time.Second))
	return time.Duration(min(ns, math.MaxInt64/2)) + 1
}

func (l *Limiter) now() time.Time {
	if l.Now != nil {
		return l.Now()
	}
	return time.Now()
}

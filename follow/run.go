package follow

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

// Pauses between attempts. Half of each is random, so that followers do not come back all at once.
const (
	firstPause = 50 * time.Millisecond  // before a server that has not failed yet
	leastPause = 100 * time.Millisecond // when all have; it doubles
	mostPause  = 5 * time.Second
)

// run follows, from one server to the next, until ctx ends.
func (f *Follower) run(ctx context.Context) {
	defer close(f.stopped)
	r := &receiver{Follower: f}
	refusals := 0
	for failures := 0; ctx.Err() == nil; {
		base := f.bases[r.server%len(f.bases)]
		r.healthy = false
		err := r.attempt(ctx, base)
		if ctx.Err() != nil {
			return
		}
		if r.healthy {
			failures = 0
		}
		failures++
		if refused := isRefusal(err); refused {
			refusals++
		} else {
			refusals = 0
		}
		pause := pauseAfter(failures, len(f.bases), retryAfter(err))
		f.failed(err, refusals >= len(f.bases) && f.snapshot.Load() == nil)
		f.logFailure(r, base.Redacted(), err)
		if !errors.Is(err, errAgain) {
			r.server++
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// logFailure logs the first failure after things went well.
func (f *Follower) logFailure(r *receiver, server string, err error) {
	var end *endError
	switch {
	case errors.Is(err, errAgain) || errors.As(err, &end):
		f.log.Info("following again", "instance", f.config.Instance, "server", server, "reason", err.Error())
	case r.healthy || !r.failing:
		r.failing = true
		f.log.Warn("cannot follow the instance; trying again, and deciding until that is too long ago", "instance",
			f.config.Instance, "server", server, "max-staleness", f.config.MaxStaleness.String(), "error", err)
	}
}

// pauseAfter returns how long to wait after a number of failures in a row.
func pauseAfter(failures, servers int, atLeast time.Duration) time.Duration {
	pause := firstPause
	if rounds := failures - servers; rounds >= 0 {
		pause = min(mostPause, leastPause<<min(rounds, 16))
	}
	pause = max(pause, min(atLeast, 2*mostPause))
	return pause/2 + rand.N(pause/2+1)
}

// failed notes why there is no connection.
func (f *Follower) failed(err error, hopeless bool) {
	f.mu.Lock()
	f.server, f.failure = "", err
	if hopeless {
		f.hopeless = err
	}
	f.mu.Unlock()
	f.notify()
}

// connected notes that there is one.
func (f *Follower) connected(server string) {
	f.mu.Lock()
	f.server, f.failure, f.hopeless = server, nil, nil
	f.mu.Unlock()
}

// refusals are the statuses of servers that another attempt does not change.
var refusals = []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
	http.StatusMethodNotAllowed}

func isRefusal(err error) bool {
	var e *statusError
	return errors.As(err, &e) && slices.Contains(refusals, e.status)
}

func retryAfter(err error) time.Duration {
	var e *statusError
	if errors.As(err, &e) {
		return e.retryAfter
	}
	return 0
}

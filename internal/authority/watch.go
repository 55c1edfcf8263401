package authority

import (
	"context"
	"time"
)

// watchRetry is how long a watch waits after a failure.
const watchRetry = 250 * time.Millisecond

// unknown stands for the revision at which an instance was altered last while that is not known.
const unknown = -1

// watch calls changed when next, which waits for another alteration than the one that is known, has found one, and once
// when it begins to fail: what was allowed before may not be any more.
func watch(ctx context.Context, changed func(), next func(context.Context, int64) (int64, error)) {
	known, failed := int64(unknown), false
	for {
		altered, err := next(ctx, known)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil && !failed:
			failed = true
			changed()
		case err == nil && (failed || known != unknown && altered != known):
			changed()
		}
		if err == nil {
			known, failed = altered, false
			continue
		}
		select {
		case <-ctx.Done():
		case <-time.After(watchRetry):
		}
	}
}

package sqlstore

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/lanyard/lanyard/internal/store"
)

// Update runs change in a transaction. This and attempt are the one path by which instances change.
func (d *DB) Update(ctx context.Context, instance string, change func(store.Tx) error) error {
	if err := d.undamaged(); err != nil {
		return err
	}
	alone := false
	for n := 1; ; n++ {
		out, err := d.attempt(ctx, instance, change, alone)
		if err == nil || !out.again || n == attempts {
			return err
		}
		if out.moved {
			continue
		}
		if alone = true; !pause(ctx, n) {
			return err
		}
		d.log.DebugContext(ctx, "a change is tried again", "instance", instance, "attempt", n, "error", err)
	}
}

// attempts bounds how often a change is tried that loses against others or loses its connection:
// with the waits in between, well under a second.
const attempts = 10

// pause waits before attempt n+1, and reports whether ctx is still open. Those who met must not meet again,
// so each waits for another time.
func pause(ctx context.Context, n int) bool {
	select {
	case <-time.After(rand.N(min(time.Millisecond<<n, 100*time.Millisecond))):
		return true
	case <-ctx.Done():
		return false
	}
}

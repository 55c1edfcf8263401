//go:build seeded

package sqlstore

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/lanyard/lanyard"
)

// Faults that a test of linearizability must find. LANYARD_SEEDED chooses one; no program that anybody
// runs is built with this tag.
var (
	staleRead  = os.Getenv("LANYARD_SEEDED") == "stale-read"
	lostUpdate = os.Getenv("LANYARD_SEEDED") == "lost-update"
)

type staleKey struct {
	instance string
	t        lanyard.Type
	id       string
}

type staleValue struct {
	r    lanyard.Resource
	read time.Time
}

var stale sync.Map // staleKey to staleValue

// latest answers from memory what was read less than 20 ms ago, as if nobody else could change it.
func (d *DB) latest(ctx context.Context, instance string, t lanyard.Type, id string) (lanyard.Resource, error) {
	k := staleKey{instance, t, id}
	if v, ok := stale.Load(k); ok && staleRead && time.Since(v.(staleValue).read) < 20*time.Millisecond {
		return v.(staleValue).r, nil
	}
	began := time.Now()
	r, err := d.get(ctx, d, instance, t, id)
	if err == nil {
		stale.Store(k, staleValue{r, began})
	}
	return r, err
}

// holder reads what a change begins with on another connection, before the lock.
func (tx *tx) holder() source {
	if lostUpdate {
		return tx.d
	}
	return tx
}

//go:build !seeded

package sqlstore

import (
	"context"

	"github.com/lanyard/lanyard"
)

// What follows is where the tag seeded puts faults (seeded.go). Here are none.

// latest reads a resource for a reader.
func (d *DB) latest(ctx context.Context, instance string, t lanyard.Type, id string) (lanyard.Resource, error) {
	return d.get(ctx, d, instance, t, id)
}

// holder is what a transaction reads on: its own connection, which holds the lock of the instance.
func (tx *tx) holder() source { return tx }

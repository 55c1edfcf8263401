package sqlstore

import (
	"context"
	"errors"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// maxPlans is how often a plan is computed alongside changes, before it waits for its turn among them.
const maxPlans = 3

var errPlanned = errors.New("it is only a plan")

// Plan runs change on the committed state of an instance and discards what it did.
func (d *DB) Plan(
	ctx context.Context, instance string, change func(store.Tx) error,
) (changes []lanyard.Change, err error) {
	base := committedState{d, d, instance}
	for range maxPlans {
		before, err := base.head(ctx)
		if err != nil {
			return nil, err
		}
		o := &overlay{d: d, instance: instance, base: base, now: &before}
		failed := change(o)
		o.forget()
		after, err := base.head(ctx)
		if err != nil {
			return nil, err
		}
		if string(before.hash) == string(after.hash) { // else it may have seen half of another change
			return o.changes, failed
		}
	}
	var failed error
	err = d.Update(ctx, instance, func(tx store.Tx) error {
		failed = change(tx)
		changes = tx.(*overlay).changes
		return errPlanned
	})
	if errors.Is(err, errPlanned) {
		err = failed
	}
	return changes, err
}

package sqlstore

import (
	"context"
	"errors"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// maxPlans is how often a plan is made alongside changes, before it waits for its turn among them.
const maxPlans = 3

var errPlanned = errors.New("it is only a plan")

// Plan runs change on the committed state of an instance and keeps nothing of it.
func (d *DB) Plan(
	ctx context.Context, instance string, change func(store.Tx) error,
) (changes []lanyard.Change, err error) {
	base := committed{d, instance}
	for range maxPlans {
		before, err := base.head(ctx)
		if err != nil {
			return nil, err
		}
		o := &overlay{d: d, instance: instance, base: base, now: before, loaded: true}
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

// committed is the latest committed state of an instance as a base.
type committed struct {
	d        *DB
	instance string
}

func (c committed) do(ctx context.Context, f func(*session) error) error { return c.d.do(ctx, f) }

func (c committed) head(ctx context.Context) (head, error) { return c.d.head(ctx, c.d, c.instance) }

func (c committed) get(ctx context.Context, t lanyard.Type, id string) (lanyard.Resource, error) {
	return c.d.get(ctx, c.d, c.instance, t, id)
}

func (c committed) docOf(lanyard.Ref, lanyard.Resource) []byte { return nil }

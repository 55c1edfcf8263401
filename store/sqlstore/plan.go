package sqlstore

import (
	"context"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/store"
)

// Plan runs change on the committed state of an instance and keeps nothing of it.
func (d *DB) Plan(ctx context.Context, instance string, change func(store.Tx) error) ([]lanyard.Change, error) {
	for n := 1; ; n++ {
		before, err := d.stand(ctx, instance)
		if err != nil {
			return nil, err
		}
		o := &overlay{d: d, instance: instance, base: committed{d, instance}, now: before, loaded: true}
		failed := change(o)
		o.forget()
		after, err := d.stand(ctx, instance)
		if err != nil {
			return nil, err
		}
		if string(before.hash) == string(after.hash) || n == attempts { // else it may have seen half a change
			return o.changes, failed
		}
	}
}

// stand reads where an instance stands.
func (d *DB) stand(ctx context.Context, instance string) (head, error) {
	return committed{d, instance}.head(ctx)
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

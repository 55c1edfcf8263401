package mirror

import (
	"context"
	"fmt"
	"maps"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
)

// text returns what p points at, or "".
func text(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// when returns a Meta with the time that t points at as that of the last change, if there is one.
func when(t *model.Timestamp) (out lanyard.Meta) {
	if t != nil {
		out.Modified = stamp(t.Time)
	}
	return out
}

// some returns m, or nil if it is empty.
func some[M ~map[K]V, K comparable, V any](m M) M {
	if len(m) == 0 {
		return nil
	}
	return m
}

// list returns l, or nil if it is empty.
func list[T any](l []T) []T {
	if len(l) == 0 {
		return nil
	}
	return l
}

// keep notes a member in settings, unless it is absent or an empty object.
func keep[T any](settings lanyard.Settings, name string, value *T) error {
	if value == nil {
		return nil
	}
	b, err := json.Marshal(value, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	if string(b) != "{}" {
		settings[name] = b
	}
	return nil
}

// keepList is keep for a list, which is absent when it is nil.
func keepList[T any](settings lanyard.Settings, name string, value []T) error {
	if value == nil {
		return nil
	}
	return keep(settings, name, &value)
}

// first returns the first error.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// withExtra returns settings of members that lanyard does not know, to be completed.
func withExtra(extra lanyard.Settings) lanyard.Settings {
	if extra == nil {
		return lanyard.Settings{}
	}
	return maps.Clone(extra)
}

// in is the input of an operation about the instance, with more members by turns of name and value.
func (r *reader) in(more ...any) members {
	m := members{"InstanceId": r.instance}
	for i := 0; i+1 < len(more); i += 2 {
		m[more[i].(string)] = more[i+1]
	}
	return m
}

// changedTimes reads when resources of one type were last changed, which their search does not answer.
func changedTimes[Out, Item any](ctx context.Context, r *reader, l listing[Out, Item],
	of func(Item) (id *string, at *model.Timestamp)) (map[string]lanyard.Meta, error) {
	times := map[string]lanyard.Meta{}
	l.input, l.most = r.in(), 1000
	l.each = func(item Item, _ lanyard.Settings) error {
		id, at := of(item)
		if _, twice := times[text(id)]; id == nil || twice {
			return fmt.Errorf("the Id must be listed once, got %s", lanyard.Quote(text(id)))
		}
		times[*id] = when(at)
		return nil
	}
	return times, readPages(ctx, r, l)
}

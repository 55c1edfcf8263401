// Package past rebuilds an instance as it was at a moment, from what it is now and the events since then. It opens no
// store and keeps nothing.
package past

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/store"
)

// A Moment is when: after the event with a revision, or at a time. The zero Moment is now.
type Moment struct {
	Revision int64
	Time     time.Time
}

// ParseMoment reads a moment: a revision such as 42, or a time such as 2026-11-01, 2026-11-01T10:00Z or
// 2026-11-01T10:00:30+01:00.
func ParseMoment(text string) (Moment, error) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n > 0 {
		return Moment{Revision: n}, nil
	}
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", time.DateOnly} {
		if t, err := time.Parse(form, text); err == nil && !t.IsZero() {
			return Moment{Time: t}, nil
		}
	}
	return Moment{}, lanyard.Errorf(lanyard.Invalid, "a moment must be a revision such as 42, or a time such as "+
		"2026-11-01T10:00Z or 2026-11-01, got %q", lanyard.Clip(text))
}

// String returns the moment as messages have it.
func (m Moment) String() string {
	if m.Revision > 0 {
		return fmt.Sprintf("revision %d", m.Revision)
	}
	return m.Time.UTC().Format(time.RFC3339)
}

// A State is an instance at a moment.
type State struct {
	Instance  *lanyard.Instance
	Resources []lanyard.Resource // by type and in the order of their creation, without the rows of data tables
	Revision  int64              // of the last event that it includes
}

// page is how many resources or events are read at once.
const page = 1000

// At returns an instance as it was at a moment. It is lanyard.ErrNotFound when the instance did not exist then, and
// lanyard.ErrCondition when the events since then are not all there.
//
// What changed while it is read makes no difference, since all changes after the moment are undone.
func At(ctx context.Context, r store.InstanceReader, m Moment) (*State, error) {
	revision, err := findRevision(ctx, r, m)
	if err != nil {
		return nil, err
	}
	resources := map[lanyard.Ref]lanyard.Resource{}
	for _, t := range lanyard.Types() {
		if t.Bulk() {
			continue
		}
		if err := readType(ctx, r, t, resources); err != nil {
			return nil, err
		}
	}
	if err := undo(ctx, r, revision, resources); err != nil {
		return nil, err
	}
	s := &State{Revision: revision}
	for ref, resource := range resources {
		if in, ok := resource.(*lanyard.Instance); ok {
			s.Instance = in
		} else if ref.Type != lanyard.TypeClientToken && ref.Type != lanyard.TypeDataTableRemoval {
			s.Resources = append(s.Resources, resource)
		}
	}
	if s.Instance == nil {
		return nil, lanyard.Errorf(lanyard.NotFound, "the instance did not exist at %s", m)
	}
	types := lanyard.Types()
	slices.SortFunc(s.Resources, func(a, b lanyard.Resource) int {
		if x, y := slices.Index(types, a.Type()), slices.Index(types, b.Type()); x != y {
			return x - y
		}
		return int(a.Head().Seq - b.Head().Seq)
	})
	return s, nil
}

// findRevision returns the revision of the last event at or before a moment.
func findRevision(ctx context.Context, r store.InstanceReader, m Moment) (int64, error) {
	head, err := r.Revision(ctx)
	if err != nil {
		return 0, err
	}
	pruned, err := r.Checkpoint(ctx)
	if err != nil {
		return 0, err
	}
	switch {
	case head == 0:
		return 0, lanyard.Errorf(lanyard.NotFound, "the instance does not exist")
	case m == Moment{}:
		return head, nil
	case m.Revision > head:
		return 0, lanyard.Errorf(lanyard.Invalid, "the revision must be at most %d, which is the newest, got %d", head, m.Revision)
	case m.Revision > 0 && m.Revision < pruned.Revision:
		return 0, lanyard.Errorf(lanyard.Condition, "revision %d cannot be rebuilt: the events up to revision %d were pruned",
			m.Revision, pruned.Revision)
	case m.Revision > 0:
		return m.Revision, nil
	}
	return findTime(ctx, r, m.Time, pruned.Revision, head)
}

// findTime returns the revision of the last event up to a time, of those after a revision.
func findTime(ctx context.Context, r store.InstanceReader, at time.Time, after, head int64) (int64, error) {
	first, err := eventAfter(ctx, r, after)
	if err != nil {
		return 0, err
	}
	if first.Time.After(at) {
		if after > 0 {
			return 0, lanyard.Errorf(lanyard.Condition, "the state at %s cannot be rebuilt: the events before %s were pruned",
				at.UTC().Format(time.RFC3339), first.Time.UTC().Format(time.RFC3339))
		}
		return 0, lanyard.Errorf(lanyard.NotFound, "the instance did not exist at %s; it was created at %s",
			at.UTC().Format(time.RFC3339), first.Time.UTC().Format(time.RFC3339))
	}
	low, high := first.Revision, head // low is at or before the time
	for low < high {
		middle := low + (high-low+1)/2
		e, err := eventAfter(ctx, r, middle-1)
		if err != nil {
			return 0, err
		}
		if e.Time.After(at) {
			high = middle - 1
		} else {
			low = middle
		}
	}
	return low, nil
}

// eventAfter returns the event that follows a revision.
func eventAfter(ctx context.Context, r store.InstanceReader, revision int64) (lanyard.Event, error) {
	events, err := r.Events(ctx, revision, 1)
	if err == nil && (len(events) == 0 || events[0].Revision != revision+1) {
		err = prunedSince(revision)
	}
	if err != nil {
		return lanyard.Event{}, err
	}
	return events[0], nil
}

func prunedSince(revision int64) error {
	return lanyard.Errorf(lanyard.Condition, "the events after revision %d were pruned while they were read", revision)
}

func readType(ctx context.Context, r store.InstanceReader, t lanyard.Type,
	into map[lanyard.Ref]lanyard.Resource) error {
	for after := int64(0); ; {
		list, err := r.List(ctx, t, after, page)
		if err != nil {
			return fmt.Errorf("read the %s: %w", t.Plural(), err)
		}
		for _, resource := range list {
			into[lanyard.Ref{Type: t, ID: resource.Head().ID}] = resource
			after = resource.Head().Seq
		}
		if len(list) < page {
			return nil
		}
	}
}

// undo undoes the changes of all events after a revision.
func undo(ctx context.Context, r store.InstanceReader, revision int64,
	resources map[lanyard.Ref]lanyard.Resource) error {
	seen := map[lanyard.Ref]bool{}
	for after := revision; ; {
		events, err := r.Events(ctx, after, page)
		if err != nil || len(events) == 0 {
			return err
		}
		if events[0].Revision != after+1 {
			return prunedSince(after)
		}
		for i := range events {
			for _, c := range events[i].Changes {
				if err := undoChange(&c, seen, resources); err != nil {
					return fmt.Errorf("undo revision %d: %w", events[i].Revision, err)
				}
			}
			after = events[i].Revision
		}
	}
}

// undoChange puts a resource back as the first change after the moment found it.
func undoChange(c *lanyard.Change, seen map[lanyard.Ref]bool, resources map[lanyard.Ref]lanyard.Resource) error {
	ref := lanyard.Ref{Type: c.Type, ID: c.ID}
	if seen[ref] || c.Type.Bulk() {
		return nil
	}
	seen[ref] = true
	if c.Type == lanyard.TypeInstance && len(c.After) == 0 {
		return lanyard.Errorf(lanyard.Condition, "the instance was deleted, and with it what it had; its earlier states "+
			"cannot be rebuilt")
	}
	if len(c.Before) == 0 {
		delete(resources, ref)
		return nil
	}
	resource := lanyard.New(c.Type)
	if resource == nil {
		return lanyard.Errorf(lanyard.Invalid, "type %q is not known", c.Type)
	}
	if err := laxjson.Unmarshal(c.Before, resource); err != nil {
		return fmt.Errorf("read %s %q: %w", c.Type.Word(), c.ID, err)
	}
	if now := resources[ref]; now != nil && resource.Head().Seq == 0 {
		resource.Head().Seq = now.Head().Seq
	}
	resources[ref] = resource
	return nil
}

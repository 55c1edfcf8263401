package past_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/past"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

const instance = "11111111-1111-4111-8111-111111111111"

// A record is a store with everything that its instance ever was.
type record struct {
	db     store.Store
	states []map[lanyard.Ref]lanyard.Resource // after each revision, from 0
	times  []time.Time                        // of each event, from revision 1
}

func begin(t interface{ Fatal(...any) }, ctx context.Context) *record {
	db, err := sqlite.OpenMemory(ctx)
	if err != nil {
		t.Fatal(err)
	}
	p := &record{db: db, states: []map[lanyard.Ref]lanyard.Resource{{}}}
	p.change(t, ctx, &lanyard.Instance{Meta: lanyard.Meta{ID: instance, Name: "past"}, Account: "123456789012",
		Region: "eu-west-2"})
	return p
}

// change puts a resource, or deletes the one with its id if its name is "", as one event.
func (p *record) change(t interface{ Fatal(...any) }, ctx context.Context, r lanyard.Resource) {
	ref := lanyard.Ref{Type: r.Type(), ID: r.Head().ID}
	state := maps.Clone(p.states[len(p.states)-1])
	at := time.Date(2026, 11, 1, 10, len(p.states), 0, 0, time.UTC)
	err := p.db.Update(ctx, instance, func(tx store.Tx) error {
		if r.Head().Name == "" {
			if err := tx.Delete(ctx, ref.Type, ref.ID); err != nil {
				return err
			}
			delete(state, ref)
		} else {
			fresh := lanyard.Clone(r)
			if old := state[ref]; old != nil {
				fresh.Head().Seq = old.Head().Seq
			}
			if err := tx.Put(ctx, fresh); err != nil {
				return err
			}
			state[ref] = fresh
		}
		return tx.Append(ctx, &lanyard.Event{ID: fmt.Sprint("event-", len(p.states)), Instance: instance, Operation: "Test",
			Account: "123456789012", Region: "eu-west-2", Time: at})
	})
	if err != nil {
		t.Fatal(err)
	}
	p.states, p.times = append(p.states, state), append(p.times, at)
}

func queue(i int, version int) *lanyard.Queue {
	id := fmt.Sprintf("%08d-0000-4000-8000-000000000000", i)
	return &lanyard.Queue{Meta: lanyard.Meta{ID: id, Name: fmt.Sprintf("queue %d", i)}, Description: fmt.Sprint(version)}
}

// Whatever happened, every state can be rebuilt, by its revision and by its time.
func TestEveryState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		p := begin(t, ctx)
		defer p.db.Close()
		for range rapid.IntRange(0, 12).Draw(t, "changes") {
			q := queue(rapid.IntRange(0, 4).Draw(t, "queue"), rapid.IntRange(0, 9).Draw(t, "version"))
			if p.states[len(p.states)-1][lanyard.Ref{Type: lanyard.TypeQueue, ID: q.ID}] != nil && rapid.Bool().Draw(t, "delete") {
				q.Name = ""
			}
			p.change(t, ctx, q)
		}
		for revision := 1; revision < len(p.states); revision++ {
			for _, m := range []past.Moment{{Revision: int64(revision)}, {Time: p.times[revision-1]},
				{Time: p.times[revision-1].Add(30 * time.Second)}} {
				s, err := past.At(ctx, p.db.Reader(instance), m)
				if err != nil {
					t.Fatal(err)
				}
				got := map[lanyard.Ref]lanyard.Resource{{Type: lanyard.TypeInstance, ID: instance}: s.Instance}
				for _, r := range s.Resources {
					got[lanyard.Ref{Type: r.Type(), ID: r.Head().ID}] = r
				}
				if s.Revision != int64(revision) || !reflect.DeepEqual(got, p.states[revision]) {
					t.Fatalf("%v: got revision %d\n%v\nwant\n%v", m, s.Revision, got, p.states[revision])
				}
			}
		}
	})
}

// A moment of which not everything is known is an error that says why.
func TestRefused(t *testing.T) {
	ctx := t.Context()
	p := begin(t, ctx)
	defer p.db.Close()
	for i := range 6 {
		p.change(t, ctx, queue(i, 0))
	}
	one, err := p.db.Reader(instance).Records(ctx, 3, 1)
	if err != nil {
		t.Fatal(err)
	}
	c := lanyard.Checkpoint{Instance: instance, Revision: 4, Seq: one[0].Seq, Hash: one[0].Hash, Time: time.Now(), By: "test",
		MAC: []byte{1}}
	if err := p.db.Prune(ctx, c); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		moment past.Moment
		kind   error
		want   string
	}{
		{"pruned", past.Moment{Revision: 3}, lanyard.ErrCondition,
			"revision 3 cannot be rebuilt: the events up to revision 4 were pruned"},
		{"pruned time", past.Moment{Time: p.times[1]}, lanyard.ErrCondition,
			"the state at 2026-11-01T10:02:00Z cannot be rebuilt: the events before 2026-11-01T10:05:00Z were pruned"},
		{"not yet", past.Moment{Revision: 99}, lanyard.ErrInvalid,
			"the revision must be at most 7, which is the newest, got 99"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := past.At(ctx, p.db.Reader(instance), tt.moment); !errors.Is(err, tt.kind) ||
				!strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
	if s, err := past.At(ctx, p.db.Reader(instance), past.Moment{Revision: 4}); err != nil || len(s.Resources) != 3 {
		t.Errorf("the oldest state that can be rebuilt: %+v, %v", s, err)
	}
	if _, err := past.At(ctx, p.db.Reader("none"), past.Moment{}); !errors.Is(err, lanyard.ErrNotFound) {
		t.Errorf("an instance that is not there: %v", err)
	}
	other := begin(t, ctx)
	defer other.db.Close()
	if _, err := past.At(ctx, other.db.Reader(instance), past.Moment{Time: time.Unix(0, 0)}); !errors.Is(err,
		lanyard.ErrNotFound) || !strings.Contains(err.Error(), "it was created at 2026-11-01T10:01:00Z") {
		t.Errorf("before the first event: %v", err)
	}
}

// An instance that was deleted took everything with it, so its earlier states are not made up.
func TestDeleted(t *testing.T) {
	ctx := t.Context()
	p := begin(t, ctx)
	defer p.db.Close()
	p.change(t, ctx, queue(1, 0))
	p.change(t, ctx, &lanyard.Instance{Meta: lanyard.Meta{ID: instance}})
	if _, err := past.At(ctx, p.db.Reader(instance), past.Moment{Revision: 2}); !errors.Is(err, lanyard.ErrCondition) {
		t.Errorf("before the deletion: %v", err)
	}
	if _, err := past.At(ctx, p.db.Reader(instance), past.Moment{}); !errors.Is(err, lanyard.ErrNotFound) {
		t.Errorf("after the deletion: %v", err)
	}
}

func TestParseMoment(t *testing.T) {
	at := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		text string
		want past.Moment
	}{
		{"42", past.Moment{Revision: 42}},
		{"2026-11-01T10:00Z", past.Moment{Time: at}},
		{"2026-11-01T10:00:00Z", past.Moment{Time: at}},
		{"2026-11-01T12:00+02:00", past.Moment{Time: at}},
		{"2026-11-01", past.Moment{Time: at.Add(-10 * time.Hour)}},
		{"0", past.Moment{}}, {"-3", past.Moment{}}, {"", past.Moment{}}, {"yesterday", past.Moment{}},
		{"2026-13-01", past.Moment{}},
	} {
		got, err := past.ParseMoment(tt.text)
		if (err != nil) != (tt.want == past.Moment{}) || !got.Time.Equal(tt.want.Time) || got.Revision != tt.want.Revision {
			t.Errorf("%q is %+v, %v", tt.text, got, err)
		}
	}
}

package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"
)

// A fakePipeline applies what apply does.
type fakePipeline struct {
	Pipeline
	apply func([]WriteSet) ([]Verdict, error)
}

func (p fakePipeline) Apply(_ context.Context, sets []WriteSet) ([]Verdict, error) {
	return p.apply(sets)
}
func (fakePipeline) Ready(context.Context) bool { return true }
func (fakePipeline) Broken() bool               { return false }
func (fakePipeline) Close() error               { return nil }

// committing is a committer whose calls do what apply does.
func committing(apply func([]WriteSet) ([]Verdict, error)) *committer {
	d := &DB{log: slog.Default(), writers: newPool(func(context.Context) (Conn, error) {
		return fakePipeline{apply: apply}, nil
	}, maxCalls, 0)}
	d.commits = committer{d: d, least: 1}
	return &d.commits
}

// A call that panics, as of a fault in the program, takes nobody with it but its caller.
func TestCallPanics(t *testing.T) {
	first := make(chan struct{})
	calls := make(chan int, 10)
	c := committing(func(sets []WriteSet) ([]Verdict, error) {
		calls <- len(sets)
		if sets[0].Instance == "first" {
			<-first
			return make([]Verdict, len(sets)), nil
		}
		panic("a fault")
	})
	ended := make(chan error, 10)
	commit := func(instance string) {
		defer func() {
			if recover() != nil {
				ended <- errors.New("it panicked")
			}
		}()
		ended <- c.commit(context.Background(), WriteSet{Instance: instance}, 1).err
	}
	for range maxCalls {
		go commit("first")
		<-calls
	}
	for i := range 3 {
		go commit(fmt.Sprint(i))
		for waiting := 0; waiting <= i; time.Sleep(time.Millisecond) {
			c.mu.Lock()
			waiting = len(c.waiting)
			c.mu.Unlock()
		}
	}
	close(first)
	panicked, unknown := 0, 0
	for range maxCalls + 3 {
		switch err := <-ended; {
		case errors.Is(err, ErrUnknown):
			unknown++
		case err != nil:
			panicked++
		}
	}
	if panicked == 0 || panicked+unknown != 3 {
		t.Errorf("%d panicked and %d are unknown, want 3 together", panicked, unknown)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls != 0 || len(c.waiting) != 0 {
		t.Errorf("%d calls are in progress, and %d batches wait", c.calls, len(c.waiting))
	}
}

// A call holds as many members as maxSets and maxBatchSize allow, in the order in which they came.
func TestCollect(t *testing.T) {
	for _, tt := range []struct {
		name  string
		sizes []int // of those that wait
		want  int   // members, with the caller
	}{
		{"nobody else", nil, 1},
		{"all", []int{1, 1, 1}, 4},
		{"too many", make([]int, 40), maxSets},
		{"too large together", []int{1, maxBatchSize, 1}, 2},
		{"too large alone", []int{2 * maxBatchSize}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &committer{}
			for i, size := range tt.sizes {
				c.waiting = append(c.waiting, &pendingCommit{set: WriteSet{Revision: int64(i + 1)}, size: size})
			}
			members := c.collect(&pendingCommit{size: 1})
			if len(members) != tt.want || len(c.waiting) != len(tt.sizes)+1-tt.want {
				t.Fatalf("%d members and %d that wait, want %d members", len(members), len(c.waiting), tt.want)
			}
			for i, p := range members {
				if p.set.Revision != int64(i) {
					t.Errorf("member %d is number %d", i, p.set.Revision)
				}
			}
		})
	}
}

package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"reflect"
	"sync"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// chained checks that records follow one another after a checkpoint, and returns the last revision.
func chained(t *testing.T, from lanyard.Checkpoint, list []lanyard.Record) int64 {
	t.Helper()
	at, hash := from.Revision, from.Hash
	if at == 0 {
		hash = make([]byte, 32)
	}
	for _, r := range list {
		sum := sha256.New()
		sum.Write(hash)
		sum.Write(r.Body)
		if hash = sum.Sum(nil); r.Revision != at+1 || !bytes.Equal(hash, r.Hash) {
			t.Errorf("the record of revision %d does not follow that of %d", r.Revision, at)
		}
		at = r.Revision
	}
	return at
}

// checkpointAt is the checkpoint of an event.
func checkpointAt(t *testing.T, s store.Store, in string, revision int64) lanyard.Checkpoint {
	t.Helper()
	r := must(s.Reader(in).Records(context.Background(), revision-1, 1))(t)
	if len(r) != 1 || r[0].Revision != revision {
		t.Fatalf("the record of revision %d is not there", revision)
	}
	return lanyard.Checkpoint{Instance: in, Revision: revision, Seq: r[0].Seq, Hash: r[0].Hash, Time: when, By: "tester",
		MAC: []byte("signature")}
}

func testRecords(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	for i := range 7 {
		put(t, s, instance, profile(numbered("p", i), numbered("P", i)), user(numbered("u", i)))
	}
	put(t, s, "other", profile("p", "P"))
	all := must(s.Reader(instance).Records(ctx, 0, 100))(t)
	if at := chained(t, lanyard.Checkpoint{}, all); at != 7 {
		t.Errorf("the records go up to revision %d, want 7", at)
	}
	events := must(s.Reader(instance).Events(ctx, 0, 100))(t)
	last := make([]byte, 32)
	for i, r := range all {
		e := lanyard.Event{Hash: r.Hash, Previous: last} // which the text has not
		last = r.Hash
		if err := json.Unmarshal(r.Body, &e); err != nil || !reflect.DeepEqual(e, events[i]) {
			t.Errorf("record %d holds %s, %v; want the event %v", i, r.Body, err, events[i])
		}
		if r.Instance != instance || r.Time != when.UnixMilli() || r.Seq != int64(2*i+2) {
			t.Errorf("record %d is of %s, %d with Seq %d; want of %s, %d with %d", i, r.Instance, r.Time, r.Seq, instance,
				when.UnixMilli(), 2*i+2)
		}
	}
	page := must(s.Reader(instance).Records(ctx, 2, 3))(t)
	if !reflect.DeepEqual(page, all[2:5]) {
		t.Errorf("a page of 3 after 2 is %v", page)
	}
	if c := must(s.Reader(instance).Checkpoint(ctx))(t); !reflect.DeepEqual(c, lanyard.Checkpoint{}) {
		t.Errorf("the checkpoint is %v before anything was pruned", c)
	}
}

func testPrune(t *testing.T, open Open) {
	dir, ctx := t.TempDir(), context.Background()
	s := open(t, dir)
	for i := range 10 {
		put(t, s, instance, profile(numbered("p", i), numbered("P", i)))
		put(t, s, "other", profile(numbered("p", i), numbered("P", i)))
	}
	right := checkpointAt(t, s, instance, 4)
	for name, change := range map[string]func(*lanyard.Checkpoint){
		"another hash": func(c *lanyard.Checkpoint) { c.Hash = make([]byte, 32) },
		"another Seq":  func(c *lanyard.Checkpoint) { c.Seq++ },
		"the last":     func(c *lanyard.Checkpoint) { *c = checkpointAt(t, s, instance, 10) },
		"none such":    func(c *lanyard.Checkpoint) { c.Revision = 11 },
		"no instance":  func(c *lanyard.Checkpoint) { c.Instance = "never" },
	} {
		c := right
		change(&c)
		wantKind(t, name, s.Prune(ctx, c), lanyard.Condition)
	}
	if n := len(must(s.Reader(instance).Events(ctx, 0, 100))(t)); n != 10 {
		t.Fatalf("%d events are left of 10, and nothing was pruned", n)
	}
	check := func(s store.Store, want lanyard.Checkpoint, last int64) {
		t.Helper()
		r := s.Reader(instance)
		got := must(r.Checkpoint(ctx))(t)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("the checkpoint is %v, want %v", got, want)
		}
		if at := chained(t, got, must(r.Records(ctx, 0, 100))(t)); at != last {
			t.Errorf("the chain ends at %d, want %d", at, last)
		}
		if at := must(r.Revision(ctx))(t); at != last {
			t.Errorf("the revision is %d, want %d", at, last)
		}
		if n := must(r.Count(ctx, lanyard.TypeProfile))(t); n != int(last) {
			t.Errorf("%d profiles are left of %d", n, last)
		}
	}
	if err := s.Prune(ctx, right); err != nil {
		t.Fatal(err)
	}
	check(s, right, 10)
	wantKind(t, "the same again", s.Prune(ctx, right), lanyard.Condition)
	later := checkpointAt(t, s, instance, 9) // all but the last
	if err := s.Prune(ctx, later); err != nil {
		t.Fatal(err)
	}
	check(s, later, 10)
	put(t, s, instance, profile("new", "new"))
	check(s, later, 11)
	if n := len(must(s.Reader("other").Events(ctx, 0, 100))(t)); n != 10 {
		t.Errorf("%d events of another instance are left of 10", n)
	}
	if known := must(s.KnownInstances(ctx, "", 10))(t); len(known) != 2 {
		t.Errorf("the known instances are %q, want both", known)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	check(open(t, dir), later, 11)
}

// While events are pruned, by several at a time, changes go on.
func testPruneWhileChanging(t *testing.T, open Open) {
	s, ctx := fresh(t, open), context.Background()
	const writers, each = 4, 30
	var changing, pruning sync.WaitGroup
	for w := range writers {
		changing.Go(func() {
			for i := range each {
				if err := update(s, instance, func(ctx context.Context, tx store.Tx) error {
					return tx.Put(ctx, profile(numbered("p", w*each+i), numbered("P", w*each+i)))
				}); err != nil {
					t.Errorf("a change alongside a prune: %v", err)
				}
			}
		})
	}
	done := make(chan struct{})
	for range 2 {
		pruning.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				r, err := s.Reader(instance).Records(ctx, 0, 4)
				if err != nil {
					t.Error(err)
					return
				}
				if len(r) < 4 {
					continue
				}
				last := r[len(r)-2]
				err = s.Prune(ctx, lanyard.Checkpoint{Instance: instance, Revision: last.Revision, Seq: last.Seq, Hash: last.Hash,
					Time: when, By: "tester", MAC: []byte{1}})
				if err != nil && !errors.Is(err, lanyard.ErrCondition) {
					t.Errorf("prune: %v", err)
				}
			}
		})
	}
	changing.Wait()
	close(done)
	pruning.Wait()
	r := s.Reader(instance)
	if at := chained(t, must(r.Checkpoint(ctx))(t), must(r.Records(ctx, 0, 1000))(t)); at != writers*each {
		t.Errorf("the chain ends at %d, want %d", at, writers*each)
	}
}

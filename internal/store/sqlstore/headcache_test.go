package sqlstore

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
)

// The cache is bounded and counts its size correctly, whatever becomes of the changes that took a head.
func TestHeadCacheIsBounded(t *testing.T) {
	doc := make([]byte, maxHeadSize)
	rapid.Check(t, func(t *rapid.T) {
		k := headCache{instances: map[string]*headEntry{}}
		given := map[string]*cachedHead{}
		for range rapid.IntRange(150, 300).Draw(t, "steps") {
			instance := fmt.Sprint(rapid.IntRange(0, 30).Draw(t, "instance"))
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				k.noteConflict(instance)
			case 1, 2, 3:
				if was := k.take(instance); was != nil && was != given[instance] {
					t.Fatalf("instance %s: the head that was taken is not the one that was put last", instance)
				}
				if k.take(instance) != nil {
					t.Fatalf("instance %s: its head was taken twice", instance)
				}
			default:
				now := &cachedHead{resources: map[lanyard.Ref]version{}}
				for n := range rapid.SampledFrom([]int{0, 1, 1, 1, 3, maxHeadResources, maxHeadResources + 1}).Draw(t,
					"resources") {
					size := rapid.SampledFrom([]int{1000, maxHeadSize / 4, maxHeadSize / 4, maxHeadSize / 4,
						maxHeadSize}).Draw(t, "bytes") / (1 + n*n)
					now.resources[lanyard.Ref{ID: fmt.Sprint(n)}] = version{doc: doc[:size]}
				}
				if rapid.Bool().Draw(t, "right") {
					k.noteSuccess(instance)
				}
				k.put(instance, now)
				given[instance] = now
			}
			var size, documents int64
			for instance, e := range k.instances {
				size += e.size
				if e.cached == nil {
					if e.size != emptyEntrySize(instance) {
						t.Fatalf("instance %s counts %d bytes, but its head is not cached", instance, e.size)
					}
					continue
				}
				bytes := int64(0)
				for _, v := range e.cached.resources {
					bytes += int64(len(v.doc))
				}
				if n := len(e.cached.resources); n > maxHeadResources || bytes > maxHeadSize {
					t.Fatalf("instance %s has %d cached resources of %d bytes", instance, n, bytes)
				}
				documents += bytes
			}
			if size != k.size || size > maxHeads || documents > size {
				t.Fatalf("%d bytes are counted, the cache says %d, %d of them are documents; want at most %d", k.size, size, documents,
					maxHeads)
			}
		}
	})
}

// After conflicts in a row, changes go without the cached head, and try it now and then.
func TestHeadCacheAfterConflicts(t *testing.T) {
	k := headCache{instances: map[string]*headEntry{}}
	now := func() *cachedHead { return &cachedHead{resources: map[lanyard.Ref]version{}} }
	k.put("i", now())
	for n, want := range []int{2, 4, 8, 16, 32, 64, 64, 64} {
		if k.take("i") == nil {
			t.Fatal("the head that was put is not there")
		}
		k.noteConflict("i")
		skipped := 0
		for ; skipped < 1000; skipped++ {
			k.put("i", now())
			if k.take("i") != nil {
				break
			}
		}
		if skipped != want {
			t.Errorf("after %d conflicts in a row, %d changes went without the cached head, want %d", n+1, skipped, want)
		}
		k.put("i", now())
	}
	k.take("i")
	k.noteSuccess("i")
	k.put("i", now())
	if k.take("i") == nil {
		t.Error("after a success the head is not used")
	}
	k.noteConflict("i")
	if got := k.instances["i"].skip; got != 2 {
		t.Errorf("after a success and a conflict %d changes go without the head, want 2", got)
	}
}

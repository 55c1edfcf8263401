package sqlstore

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
)

// What is kept is bounded, and counted rightly, whatever comes of the changes that took it.
func TestKeeperIsBounded(t *testing.T) {
	doc := make([]byte, maxKeptInstance)
	rapid.Check(t, func(t *rapid.T) {
		k := keeper{instances: map[string]*kept{}}
		given := map[string]*known{}
		for range rapid.IntRange(150, 300).Draw(t, "steps") {
			instance := fmt.Sprint(rapid.IntRange(0, 30).Draw(t, "instance"))
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				k.doubt(instance)
			case 1, 2, 3:
				if was := k.take(instance); was != nil && was != given[instance] {
					t.Fatalf("instance %s: another was given last than was taken", instance)
				}
				if k.take(instance) != nil {
					t.Fatalf("instance %s: what is known was taken twice", instance)
				}
			default:
				now := &known{seen: map[lanyard.Ref]version{}}
				for n := range rapid.SampledFrom([]int{0, 1, 1, 1, 3, maxKeptResources, maxKeptResources + 1}).Draw(t,
					"resources") {
					size := rapid.SampledFrom([]int{1000, maxKeptInstance / 4, maxKeptInstance / 4, maxKeptInstance / 4,
						maxKeptInstance}).Draw(t, "bytes") / (1 + n*n)
					now.seen[lanyard.Ref{ID: fmt.Sprint(n)}] = version{doc: doc[:size]}
				}
				k.give(instance, now, rapid.Bool().Draw(t, "right"))
				given[instance] = now
			}
			var size, documents int64
			for instance, e := range k.instances {
				size += e.size
				if e.known == nil {
					if e.size != least(instance) {
						t.Fatalf("instance %s counts %d bytes, and nothing is known of it", instance, e.size)
					}
					continue
				}
				bytes := int64(0)
				for _, v := range e.known.seen {
					bytes += int64(len(v.doc))
				}
				if n := len(e.known.seen); n > maxKeptResources || bytes > maxKeptInstance {
					t.Fatalf("of instance %s %d resources are kept, of %d bytes", instance, n, bytes)
				}
				documents += bytes
			}
			if size != k.size || size > maxKept || documents > size {
				t.Fatalf("%d bytes are counted, %d are kept, of which %d are documents; at most %d may be", k.size, size, documents,
					maxKept)
			}
		}
	})
}

// Who is overtaken again and again asks first, and tries now and then.
func TestDoubt(t *testing.T) {
	k := keeper{instances: map[string]*kept{}}
	now := func() *known { return &known{seen: map[lanyard.Ref]version{}} }
	k.give("i", now(), false)
	for n, want := range []int{2, 4, 8, 16, 32, 64, 64, 64} {
		if k.take("i") == nil {
			t.Fatal("what was given was not there")
		}
		k.doubt("i")
		asked := 0
		for ; asked < 1000; asked++ {
			k.give("i", now(), false)
			if k.take("i") != nil {
				break
			}
		}
		if asked != want {
			t.Errorf("overtaken %d times in a row, %d changes asked before the next was tried, want %d", n+1, asked, want)
		}
		k.give("i", now(), false)
	}
	k.take("i")
	k.give("i", now(), true)
	if k.take("i") == nil {
		t.Error("after a success what is known is not believed")
	}
	k.doubt("i")
	if got := k.instances["i"].skip; got != 2 {
		t.Errorf("after a success and a failure %d changes ask, want 2", got)
	}
}

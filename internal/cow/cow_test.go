package cow_test

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard/internal/cow"
)

// A version of a list and an index of it, and what they must have.
type version struct {
	vector cow.Vector[string]
	index  cow.Index
	values []string
	keys   map[string]uint32
}

// hash is one of few, so that keys collide, and lets as many have the same one as a page has room for.
func hash(key string) cow.Hash {
	sum := uint32(0)
	for _, c := range key {
		sum = sum*31 + uint32(c)
	}
	return cow.NewHash(sum % 97 * 0x9e3779b1)
}

func (v *version) find(key string) (uint32, bool) {
	return v.index.Find(hash(key), func(n uint32) bool { return *v.vector.At(n) == key })
}

// check compares v with what it must have.
func (v *version) check(t *rapid.T) {
	t.Helper()
	if n := int(v.vector.Len()); n != len(v.values) {
		t.Fatalf("the list has %d values, want %d", n, len(v.values))
	}
	for i, want := range v.values {
		if got := *v.vector.At(uint32(i)); got != want {
			t.Fatalf("value %d is %q, want %q", i, got, want)
		}
		n, ok := v.find(want)
		if want, indexed := v.keys[want]; ok != indexed || n != want {
			t.Fatalf("the index has value %d at %d, %v; want %d, %v", i, n, ok, want, indexed)
		}
	}
	if _, ok := v.find("never put"); ok {
		t.Fatal("the index has a key that was never put")
	}
}

// edit returns a version that differs from v by some changes.
func (v *version) edit(t *rapid.T) *version {
	next := &version{v.vector, v.index, slices.Clone(v.values), maps.Clone(v.keys)}
	e := cow.NewEdit()
	for range rapid.IntRange(1, 300).Draw(t, "changes") {
		switch at := rapid.IntRange(0, len(next.values)).Draw(t, "at"); {
		case at == len(next.values) || rapid.IntRange(0, 2).Draw(t, "append") > 0: // and index it
			n := uint32(len(next.values))
			key := fmt.Sprint("key ", n)
			next.values = append(next.values, key)
			*next.vector.Edit(n, e) = key
			next.keys[key] = n
			next.index.Put(hash(key), n, e)
		default: // rename, and index that one or not
			old := next.values[at]
			if n, ok := next.keys[old]; ok {
				next.index.Remove(hash(old), n, e)
				delete(next.keys, old)
			}
			key := fmt.Sprint(old, "'")
			next.values[at] = key
			*next.vector.Edit(uint32(at), e) = key
			if rapid.Bool().Draw(t, "index") {
				next.keys[key] = uint32(at)
				next.index.Put(hash(key), uint32(at), e)
			}
		}
	}
	return next
}

// Whatever is edited, and however versions branch, each has what was put into it and nothing else.
func TestVersions(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		versions := []*version{{keys: map[string]uint32{}}}
		for range rapid.IntRange(1, 12).Draw(rt, "versions") {
			from := rapid.IntRange(0, len(versions)-1).Draw(rt, "from")
			versions = append(versions, versions[from].edit(rt))
		}
		for _, v := range versions {
			v.check(rt)
		}
	})
}

// An index of many pages finds everything, alone and two at a time.
func TestManyPages(t *testing.T) {
	const n = 200_000
	spread := func(i uint32) cow.Hash { return cow.NewHash(i * 0x9e3779b1) }
	is := func(want uint32) func(uint32) bool { return func(got uint32) bool { return got == want } }
	var x cow.Index
	e := cow.NewEdit()
	for i := range uint32(n) {
		x.Put(spread(i), i, e)
	}
	before := x
	e = cow.NewEdit()
	for i := uint32(0); i < n; i += 2 {
		x.Remove(spread(i), i, e)
	}
	for i := range uint32(n) {
		if got, ok := before.Find(spread(i), is(i)); !ok || got != i {
			t.Fatalf("%d is at %d, %v", i, got, ok)
		}
		if _, ok := x.Find(spread(i), is(i)); ok != (i%2 == 1) {
			t.Fatalf("%d is there: %v", i, ok)
		}
		even, odd := x.FindTwo(spread(i&^1), spread(i|1))
		if (even != cow.Candidate{}) || odd != (cow.Candidate{Number: i | 1, Found: true}) {
			t.Fatalf("the candidates for %d and %d are %+v and %+v", i&^1, i|1, even, odd)
		}
	}
}

// An edit costs the same however many values there are.
func TestEditCost(t *testing.T) {
	cost := func(n uint32) float64 {
		var v cow.Vector[[4]uint64]
		var x cow.Index
		e := cow.NewEdit()
		for i := range n {
			v.Edit(i, e)[0] = uint64(i)
			x.Put(cow.NewHash(i*0x9e3779b1), i, e)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range uint32(100) {
			v, x, e := v, x, cow.NewEdit()
			v.Edit(i*n/100, e)[0]++
			x.Remove(cow.NewHash(i*n/100*0x9e3779b1), i*n/100, e)
			runtime.KeepAlive(v)
		}
		runtime.ReadMemStats(&after)
		return float64(after.TotalAlloc-before.TotalAlloc) / 100
	}
	small, large := cost(1000), cost(500_000)
	if large > 4*small {
		t.Errorf("an edit allocates %.0f bytes among 1,000 values and %.0f among 500,000", small, large)
	}
}

// The estimate of what they take is what the heap grows by.
func TestBytes(t *testing.T) {
	const n = 300_000
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	v, x, e := new(cow.Vector[[12]uint64]), new(cow.Index), cow.NewEdit()
	for i := range uint32(n) {
		v.Edit(i, e)[0] = uint64(i)
	}
	vector := heap() - before
	for i := range uint32(n) {
		x.Put(cow.NewHash(i*0x9e3779b1), i, e)
	}
	index := heap() - before - vector
	for _, tt := range []struct {
		name           string
		estimate, real int64
	}{{"list", v.Bytes(), vector}, {"index", x.Bytes(), index}} {
		if off := float64(tt.estimate)/float64(tt.real) - 1; off > 0.1 || off < -0.1 {
			t.Errorf("the %s takes %d bytes, estimated as %d", tt.name, tt.real, tt.estimate)
		}
	}
	runtime.KeepAlive(v)
	runtime.KeepAlive(x)
}

package access_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/gen"
)

// worlds are instances of different make. Each puts its resources in order.
var worlds = []struct {
	name string
	put  func(put func(lanyard.Resource))
}{
	{"5,000 users of a real centre", generated(100, 5000)},
	{"500 users of a real centre", generated(30, 500)},
	{"no users, 1,000 profiles", generated(1000, 0)},
	{"profiles with many applications and rows", func(put func(lanyard.Resource)) {
		for i := range 300 {
			p := &lanyard.Profile{Meta: lanyard.Meta{ID: fmt.Sprint("p", i)}, Permissions: []string{"Users.View", "Not.Known"}}
			for j := range 10 {
				p.Applications = append(p.Applications,
					lanyard.Application{Namespace: fmt.Sprintf("application %d of %d", j, i),
						Permissions: []string{"ACCESS", "tool " + fmt.Sprint(j)}})
				p.DataTables = append(p.DataTables,
					lanyard.AttributeRule{Attribute: fmt.Sprint("attribute ", j), Values: []string{strings.Repeat("v", 40), "w"}})
			}
			put(p)
		}
	}},
	{"users of ten profiles and twenty tags", func(put func(lanyard.Resource)) {
		var held []string
		for i := range 10 {
			held = append(held, fmt.Sprint("p", i))
			put(&lanyard.Profile{Meta: lanyard.Meta{ID: held[i]}})
		}
		for i := range 2000 {
			tags := map[string]string{}
			for j := range 20 {
				tags[fmt.Sprint("tag", j)] = fmt.Sprint("value ", i%7)
			}
			put(user(fmt.Sprintf("00000000-0000-0000-0000-%012d", i), tags, held...))
		}
	}},
	{"tags that no two share", func(put func(lanyard.Resource)) {
		for i := range 2000 {
			put(user(fmt.Sprintf("00000000-0000-0000-0000-%012d", i),
				map[string]string{"Desk": fmt.Sprint("room 7, desk ", i), "Badge": fmt.Sprint(i)}))
		}
	}},
}

func generated(profiles, users int) func(func(lanyard.Resource)) {
	return func(put func(lanyard.Resource)) {
		w := gen.New(1, gen.Size{Profiles: profiles, Users: users})
		for _, g := range w.Groups {
			put(g)
		}
		for _, p := range w.Profiles {
			put(p)
		}
		for i := range w.Users {
			put(w.User(i))
		}
		for _, q := range w.Queues {
			put(q)
		}
	}
}

// read has a resource as a store returns it, with nothing shared.
func read(r lanyard.Resource) lanyard.Resource {
	doc, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	out := lanyard.New(r.Type())
	if err := json.Unmarshal(doc, out); err != nil {
		panic(err)
	}
	return out
}

// heap is what is in use for good: what package unique has no more use for goes late.
func heap() (n int64) {
	for range 8 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		last := n
		if n = int64(m.HeapAlloc); last-n < 8<<10 && n-last < 8<<10 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	return n
}

// A snapshot's estimate of its memory is what the heap grows by.
func TestMemoryEstimate(t *testing.T) {
	for _, w := range worlds {
		var list []lanyard.Resource
		w.put(func(r lanyard.Resource) { list = append(list, r) })
		before := heap()
		e := access.Empty("i").Edit()
		for _, r := range list {
			e.Put(read(r))
		}
		s := e.Snapshot(1)
		e = nil
		grown := heap() - before
		off := float64(s.Memory())/float64(grown) - 1
		t.Logf("%s: the heap grows by %d KB, estimated as %d KB (%+.0f %%)", w.name, grown>>10, s.Memory()>>10, 100*off)
		if off > 0.3 || off < -0.3 {
			t.Errorf("%s: the heap grows by %d bytes, estimated as %d", w.name, grown, s.Memory())
		}
		runtime.KeepAlive(s)
		runtime.KeepAlive(list)
	}
}

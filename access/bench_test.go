package access_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// centre is an instance of n users in 100 profiles of 60 permissions, a third of them restricted by
// tags or hierarchy.
func centre(n int) (*access.Snapshot, []string) {
	e := access.Empty("i").Edit()
	e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	rnd := rand.New(rand.NewPCG(1, 2))
	var groups []string
	for i := range 40 {
		id := fmt.Sprintf("group-%d", i)
		path := []string{id}
		if i > 7 {
			path = []string{groups[i%8], id}
		}
		groups = append(groups, id)
		e.Put(&lanyard.Group{Meta: lanyard.Meta{ID: id}, Path: path})
	}
	names := lanyard.Permissions()
	for i := range 100 {
		p := &lanyard.Profile{Meta: lanyard.Meta{ID: fmt.Sprintf("00000000-0000-0000-0000-%012d", i),
			Name: fmt.Sprintf("profile %d", i)}}
		for _, j := range rnd.Perm(len(names))[:60] {
			p.Permissions = append(p.Permissions, names[j].Name)
		}
		switch i % 6 {
		case 0:
			p.AccessTags = map[string]string{"Country": countries[i%len(countries)]}
			p.TagRestricted = []string{"User", "Queue"}
		case 1:
			p.HierarchyRestricted = []string{"User"}
			p.HierarchyGroup = groups[i%len(groups)]
		}
		e.Put(p)
	}
	ids := make([]string, n)
	for i := range n {
		ids[i] = fmt.Sprintf("11111111-2222-3333-4444-%012d", i)
		u := &lanyard.User{Meta: lanyard.Meta{ID: ids[i], Name: fmt.Sprintf("user.%d", i),
			Tags: map[string]string{"Country": countries[i%len(countries)]}},
			FirstName: "Alexandra", LastName: "Meyer", Group: groups[rnd.IntN(len(groups))]}
		for range 1 + rnd.IntN(3) {
			u.Profiles = append(u.Profiles, fmt.Sprintf("00000000-0000-0000-0000-%012d", rnd.IntN(100)))
		}
		e.Put(u)
	}
	return e.Snapshot(1), ids
}

var countries = []string{"FR", "DE", "US", "UK"}

// BenchmarkEngine is what a question costs before it is decided.
func BenchmarkEngine(b *testing.B) {
	m := newMany(100)
	e := &access.Engine{Source: m, Memory: 1 << 30}
	for _, age := range []time.Duration{0, time.Hour} {
		e.MaxAge = age
		e.Confirm(time.Now())
		b.Run(fmt.Sprint("MaxAge=", age), func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := e.AtLeast(b.Context(), "i", 1, time.Second); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

func questions(ids []string) []access.Query {
	rnd := rand.New(rand.NewPCG(3, 4))
	actions := []string{"Users.View", "Users.Edit", "Users.Create", "Users.Delete", "Users.EditPermission"}
	qs := make([]access.Query, 1<<16)
	for i := range qs {
		qs[i] = access.Query{Subject: access.Subject{ID: ids[rnd.IntN(len(ids))]}, Action: actions[rnd.IntN(len(actions))],
			Resource: access.Resource{Type: access.TypeUser, ID: ids[rnd.IntN(len(ids))]}}
	}
	return qs
}

func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{100, 10_000, 1_000_000} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		s, ids := centre(n)
		runtime.GC()
		runtime.ReadMemStats(&after)
		qs := questions(ids)
		b.Run(fmt.Sprint("users=", n), func(b *testing.B) {
			b.ReportAllocs()
			allowed := 0
			for i := 0; b.Loop(); i++ {
				if s.Decide(&qs[i&(1<<16-1)]).Allow {
					allowed++
				}
			}
			b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(n), "B/user")
			_ = allowed
		})
	}
}

func BenchmarkUpdate(b *testing.B) {
	for _, n := range []int{100, 10_000, 1_000_000} {
		s, ids := centre(n)
		b.Run(fmt.Sprint("user/users=", n), func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				e := s.Edit()
				e.Put(&lanyard.User{Meta: lanyard.Meta{ID: ids[i%n], Name: fmt.Sprintf("user.%d", i%n)},
					Profiles: []string{fmt.Sprintf("00000000-0000-0000-0000-%012d", i%100)}})
				s = e.Snapshot(1)
			}
		})
	}
}

// BenchmarkWhoCan is a page of who can, at the beginning and from the middle on.
func BenchmarkWhoCan(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		s, ids := centre(n)
		q := access.Query{Action: "Users.View", Resource: access.Resource{Type: access.TypeUser, ID: ids[n/2]}}
		found, from := s.WhoCan(&q, access.Page{Limit: n / 20})
		if len(found) != n/20 || from == (access.Cursor{}) {
			b.Fatalf("%d can", len(found))
		}
		for _, page := range []struct {
			name string
			from access.Cursor
		}{{"first", access.Cursor{}}, {"later", from}} {
			b.Run(fmt.Sprint("users=", n, "/", page.name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					s.WhoCan(&q, access.Page{From: page.from, Limit: 100})
				}
			})
		}
		b.Run(fmt.Sprint("users=", n, "/resources"), func(b *testing.B) {
			b.ReportAllocs()
			q.Subject.ID = found[0].ID
			for b.Loop() {
				s.WhichResources(&q, access.Page{Limit: 100})
			}
		})
	}
}

// BenchmarkUsers is the walk over all users of an instance, as searches take it.
func BenchmarkUsers(b *testing.B) {
	s, ids := centre(100_000)
	for name, users := range map[string]iter.Seq[lanyard.User]{"tags=false": s.Users(), "tags=true": s.UsersWithTags()} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				for u := range users {
					if len(u.Profiles) > 0 && u.Seq > 0 {
						n++
					}
				}
				if n != len(ids) {
					b.Fatalf("%d of %d users", n, len(ids))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(ids)), "ns/user")
		})
	}
}

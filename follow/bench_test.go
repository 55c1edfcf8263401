package follow_test

import (
	"testing"

	"github.com/lanyard/lanyard/access"
)

// BenchmarkDecide is a decision, and what of it is the engine's.
func BenchmarkDecide(b *testing.B) {
	s := newServer(b)
	s.user("ada", s.profile("agents", "Users.View").ID)
	f := s.follow()
	q := &access.Query{Subject: access.Subject{ID: "ada"}, Action: "Users.View"}
	b.Run("follower", func(b *testing.B) {
		for b.Loop() {
			if d, err := f.Decide(q); err != nil || !d.Allow {
				b.Fatal(d, err)
			}
		}
	})
	snapshot, err := f.Snapshot()
	must(b, err)
	b.Run("engine", func(b *testing.B) {
		for b.Loop() {
			snapshot.Decide(q)
		}
	})
}

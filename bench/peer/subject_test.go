package peer

import (
	"testing"
	"time"

	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/subject"
)

// TestSubjects holds the snapshots of users to the answers that every engine in WebAssembly must give, and OPA's policy
// to being one that it compiles.
func TestSubjects(t *testing.T) {
	all, keys, err := NewWorld(100, 1000).Subjects(10, 50)
	if err != nil {
		t.Fatal(err)
	}
	allowed := 0
	for _, s := range all {
		snapshot, err := subject.Open([]byte(s.Snapshot), keys.Keys, subject.Expected{}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		for _, asked := range s.Asked {
			q := access.Query{Action: asked.Lanyard["action"].(string)}
			r := asked.Lanyard["resource"].(map[string]any)
			q.Resource.Type, _ = r["type"].(string)
			q.Resource.ID, _ = r["id"].(string)
			q.Resource.Tags, _ = r["tags"].(map[string]string)
			q.Resource.Group, _ = r["group"].(string)
			if got := snapshot.Decide(&q); got.Allow != asked.Answer {
				t.Errorf("%v is decided %+v, want %v", asked.Lanyard, got, asked.Answer)
			}
			if asked.Answer {
				allowed++
			}
		}
	}
	if allowed < 50 {
		t.Errorf("%d of 500 questions are allowed", allowed)
	}
	if wasm, err := SubjectWASM(); err != nil || len(wasm) < 1000 {
		t.Errorf("OPA compiles the policy to %d bytes: %v", len(wasm), err)
	}
}

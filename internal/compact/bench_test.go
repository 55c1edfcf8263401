package compact

import (
	"testing"

	"github.com/lanyard/lanyard"
)

// BenchmarkChange is what the server does for a change, once for all followers.
func BenchmarkChange(b *testing.B) {
	p := &lanyard.Profile{Meta: lanyard.Meta{ID: "5b1f3c52-5c1d-4a8e-9d62-0a8c4de33f5b", Name: "Supervisors", Seq: 17},
		AccessTags: map[string]string{"Country": "FR", "Department": "Sales"}, TagRestricted: []string{"User", "Queue"},
		Applications: []lanyard.Application{{Namespace: "orders", Permissions: []string{"ACCESS"}}}}
	for _, one := range lanyard.Permissions()[:60] {
		p.Permissions = append(p.Permissions, one.Name)
	}
	was := lanyard.Clone(p)
	was.Permissions = was.Permissions[1:]
	events := []lanyard.Event{{Revision: 7, Previous: make([]byte, 32), Hash: make([]byte, 32), Changes: []lanyard.Change{{
		Type: lanyard.TypeProfile, ID: p.ID, After: lanyard.JSON(`{}`), Was: was, Now: p}}}}
	var text []byte
	b.ReportAllocs()
	for b.Loop() {
		c, err := ChangeOf(events)
		if err != nil {
			b.Fatal(err)
		}
		text = c.Append(text[:0])
		b.SetBytes(int64(len(text)))
	}
}

package compare_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/compare"
)

// large is an instance with 500 profiles and 100,000 users.
func large(t testing.TB) *access.Snapshot {
	t.Helper()
	e := access.Empty("i").Edit()
	e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	all := lanyard.Permissions()
	for i := range 500 {
		p := profile(fmt.Sprintf("id-p%d", i), "Users.View")
		for j := range 40 {
			p.Permissions = append(p.Permissions, all[(i*7+j*5)%len(all)].Name)
		}
		if p.Permissions = lanyard.SortPermissions(p.Permissions); i%3 == 0 {
			p.AccessTags, p.TagRestricted = map[string]string{"Team": fmt.Sprint(i % 20)}, []string{"User"}
		}
		e.Put(p)
	}
	for i := range 100_000 {
		u := user(fmt.Sprintf("id-u%d", i), "", fmt.Sprintf("id-p%d", i%500), fmt.Sprintf("id-p%d", (i/500+i+1)%500))
		u.Tags = map[string]string{"Team": fmt.Sprint(i % 20)}
		e.Put(u)
	}
	return e.Snapshot(1)
}

// A hundred thousand users are compared in seconds; the bound is for slow machines and the race detector.
func TestScales(t *testing.T) {
	before := large(t)
	one := profile("id-p7", "Users.Edit", "Users.View")
	retagged := before.Edit()
	for i := range 10_000 {
		u := user(fmt.Sprintf("id-u%d", i*10), "", fmt.Sprintf("id-p%d", i*10%500))
		u.Tags = map[string]string{"Team": fmt.Sprint(i % 7)}
		retagged.Put(u)
	}
	for name, after := range map[string]*access.Snapshot{"one profile": before.With(one),
		"ten thousand users": retagged.Snapshot(2)} {
		begin := time.Now()
		d := compare.Compare(before, after, compare.Options{})
		took := time.Since(begin)
		t.Logf("%s: %d affected, %d entries and %d more, in %v", name, d.Affected,
			len(d.Gains)+len(d.Losses)+len(d.Changed), d.Omitted, took)
		if d.Empty() || took > 2*time.Minute {
			t.Errorf("%s: %d affected, in %v", name, d.Affected, took)
		}
	}
}

package lint

import (
	"fmt"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/gen"
)

// managers are profiles by which people change others, restricted in all ways; a large instance has some of each team.
func managers(groups []*lanyard.Group) (all []*lanyard.Profile) {
	sets := [][]string{{"Users.Edit", "Users.View"}, {"Users.Create", "SecurityProfiles.View"}, {"Users.EditPermission"},
		{"SecurityProfiles.Edit"}, {"SecurityProfiles.Create", "Users.Create"}, {"Users.Edit", "Users.EditPermission"}}
	for i := range 120 {
		p := profile("manager"+string(rune('a'+i%26))+string(rune('a'+i/26)), sets[i%len(sets)]...)
		switch i % 4 {
		case 0:
			p.AccessTags = map[string]string{"Country": []string{"FR", "DE", "US"}[i%3]}
			p.TagRestricted = []string{"User", "SecurityProfile"}
		case 1:
			p.HierarchyRestricted, p.HierarchyGroup = []string{"User"}, groups[i%len(groups)].ID
		case 2:
			p.HierarchyRestricted = []string{"User"}
		}
		all = append(all, p)
	}
	return all
}

func large(management string, managed int) Input {
	w := gen.New(1, gen.Size{Profiles: 380, Users: 100_000})
	in := &lanyard.Instance{Meta: lanyard.Meta{ID: "instance", Name: "instance"}, IdentityManagement: management}
	resources := []lanyard.Resource{&lanyard.RoutingProfile{Meta: lanyard.Meta{ID: "routing", Name: "routing"}}}
	for _, g := range w.Groups {
		resources = append(resources, g)
	}
	for _, p := range w.Profiles {
		resources = append(resources, p)
	}
	bosses := managers(w.Groups)
	for _, p := range bosses {
		resources = append(resources, p)
	}
	for i := range w.Users {
		u := w.User(i)
		if managed > 0 && i%managed == 0 { // two of them manage others
			u.Profiles = append(u.Profiles, bosses[i/50%len(bosses)].ID, bosses[i/77%len(bosses)].ID)
		}
		resources = append(resources, u)
	}
	return From(in, resources)
}

// BenchmarkRun looks at 500 profiles and 100,000 users, of whom 2,000 manage others in all ways.
func BenchmarkRun(b *testing.B) {
	for _, of := range []struct {
		management string
		managed    int
	}{{"SAML", 0}, {"CONNECT_MANAGED", 0}, {"SAML", 50}, {"CONNECT_MANAGED", 50}} {
		b.Run(fmt.Sprint(of), func(b *testing.B) {
			in := large(of.management, of.managed)
			b.ReportAllocs()
			for b.Loop() {
				r := Run(in)
				b.ReportMetric(float64(len(r.Findings)), "findings")
				b.ReportMetric(float64(len(r.Incomplete)), "incomplete")
			}
		})
	}
}

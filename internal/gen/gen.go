// Package gen makes instances of any size, with the proportions of real contact centres: most
// people are agents and hold one profile, a few profiles have most of the holders, a third of the
// profiles are restricted, and teams differ in size. The same seed makes the same instance.
package gen

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// Size is how much there is of what grows. The zero values mean none.
type Size struct {
	Profiles int // besides those that every instance has
	Users    int
}

// Most that a Size may ask for.
const (
	MaxProfiles = 100_000
	MaxUsers    = 10_000_000
)

// A World is what is put into an instance. It is not changed after New, so any number of goroutines
// may use it.
type World struct {
	Size
	Groups   []*lanyard.Group // parents before children
	Profiles []*lanyard.Profile
	Queues   []*lanyard.Queue // without hours of operation

	seed   uint64
	teams  []*lanyard.Group // groups of the lowest level
	places []place          // of the teams
	zipf   []float64        // cumulative weights of profiles
}

type place struct{ region, country, site, department string }

var modified = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

var (
	regions = []struct {
		name      string
		countries []string
	}{
		{"Europe", []string{"FR", "DE", "UK", "ES", "PL"}},
		{"Americas", []string{"US", "CA", "BR", "MX"}},
		{"Asia Pacific", []string{"IN", "JP", "AU", "PH"}},
	}
	sites       = []string{"North", "South", "East", "West"}
	departments = []string{"Sales", "Support", "Billing", "Claims", "Logistics"}
	given       = strings.Fields("ada ben carla dev elif finn grace hugo ines jonas kaya leo mara noah olga pia quinn " +
		"rosa sami tara uma vera wim xenia yara zeno")
	family = strings.Fields("adler brandt costa dubois evans fischer garcia hansen ito jensen keller lopez mehta " +
		"novak okafor petit quist rossi silva tanaka ueda vogel weber xu young zeman")
)

// role is what people do; share is how many of a hundred profiles are for it.
type role struct {
	name   string
	share  int
	least  int      // permissions
	most   int      // permissions
	starts []string // what the names of its permissions begin with, "" for any
}

var roles = []role{
	{"agent", 40, 8, 25,
		[]string{"BasicAgentAccess", "OutboundCallAccess", "Contact", "Chat", "Voice", "Cases", "Wisdom", "CustomerProfiles",
			"Audio", "Agent", "My"}},
	{"senior agent", 20, 20, 40,
		[]string{"BasicAgentAccess", "Contact", "Cases", "Queues.View", "Users.View", "Wisdom", "CustomerProfiles",
			"AccessMetrics", "Agent", "CallRecordings"}},
	{"supervisor", 15, 30, 70,
		[]string{"BasicAgentAccess", "AccessMetrics", "Users", "Queues", "RealtimeContactLens", "ManagerListenIn", "Contact",
			"Evaluation", "Agent", "Report", "RoutingPolicies"}},
	{"analyst", 10, 25, 60,
		[]string{"AccessMetrics", "Report", "Analytics", "Contact", "CallRecordings", "Evaluation", "Rules", "Forecast"}},
	{"planner", 5, 20, 50,
		[]string{"Forecast", "Capacity", "Scheduling", "Users.View", "AccessMetrics", "HoursOfOperation", "Agent"}},
	{"administrator", 10, 90, 200, []string{""}},
}

// New makes the world of a seed. A size beyond the most is an error of the caller's, and cut.
func New(seed uint64, s Size) *World {
	s.Profiles, s.Users = min(max(s.Profiles, 0), MaxProfiles), min(max(s.Users, 0), MaxUsers)
	w := &World{Size: s, seed: seed}
	w.addGroups()
	for i := range s.Profiles {
		w.Profiles = append(w.Profiles, w.profile(i))
	}
	sum := 0.0
	for i := range s.Profiles {
		sum += 1 / (3 + float64(i))
		w.zipf = append(w.zipf, sum)
	}
	for i := range min(5+s.Users/20, 500) {
		p := w.places[i%len(w.places)]
		w.Queues = append(w.Queues,
			&lanyard.Queue{Meta: w.meta(queues, i, fmt.Sprintf("%s %s %d", p.department, p.country, i), p.tags())})
	}
	return w
}

// kinds of what is drawn, so that each has numbers of its own.
const (
	groups = iota + 1
	profiles
	queues
	users
)

func (w *World) random(kind, i int) *rand.Rand {
	return rand.New(rand.NewPCG(w.seed, uint64(kind)<<56|uint64(i)))
}

// id has the form of a UUID.
func (w *World) id(kind, i int) string {
	r := rand.New(rand.NewPCG(w.seed^0x6c616e79617264, uint64(kind)<<56|uint64(i)))
	a, b := r.Uint64(), r.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", a>>32, a>>16&0xffff, a&0xfff, 0x8000|b>>48&0x3fff, b&0xffffffffffff)
}

// UserID is the id of the i-th user.
func (w *World) UserID(i int) string { return w.id(users, i) }

func (w *World) meta(kind, i int, name string, tags map[string]string) lanyard.Meta {
	return lanyard.Meta{ID: w.id(kind, i), Name: name, Tags: tags, Modified: modified}
}

func (p place) tags() map[string]string {
	return map[string]string{"Country": p.country, "Department": p.department}
}

// addGroups makes a hierarchy of five levels, with teams of some 25 people and at least ten of them.
func (w *World) addGroups() {
	under := func(parent *lanyard.Group, name string) *lanyard.Group {
		g := &lanyard.Group{Meta: w.meta(groups, len(w.Groups), name, nil)}
		if parent != nil {
			g.Path = slices.Clone(parent.Path)
		}
		g.Path = append(g.Path, g.ID)
		w.Groups = append(w.Groups, g)
		return g
	}
	top := under(nil, "Company")
	want := min(max(w.Users/25, 10), 400)
	type branch struct {
		g     *lanyard.Group
		place place
	}
	var all []branch
	for _, region := range regions {
		r := under(top, region.name)
		for _, country := range region.countries {
			c := under(r, country)
			for _, site := range sites[:1+len(all)%len(sites)] {
				all = append(all, branch{under(c, country+" "+site), place{region.name, country, site, ""}})
			}
		}
	}
	for i := range want {
		b := all[i%len(all)]
		b.place.department = departments[(i+i/len(all))%len(departments)]
		w.teams = append(w.teams, under(b.g, fmt.Sprintf("%s %s team %d", b.g.Name, b.place.department, i+1)))
		w.places = append(w.places, b.place)
	}
}

func (w *World) profile(i int) *lanyard.Profile {
	r := w.random(profiles, i)
	var job role
	n := i * 37 % 100 // so that few profiles have all roles too
	for _, job = range roles {
		if n -= job.share; n < 0 {
			break
		}
	}
	at := w.places[r.IntN(len(w.places))]
	p := &lanyard.Profile{
		Meta:        w.meta(profiles, i, fmt.Sprintf("%s %s %s %d", at.department, job.name, at.country, i+1), at.tags()),
		Description: "What a " + job.name + " of " + at.department + " in " + at.country + " may do",
		Permissions: job.permissions(r),
	}
	switch {
	case job.name == "administrator":
	case r.IntN(3) == 0:
		p.AccessTags, p.TagRestricted = at.tags(), []string{"User", "Queue"}
		if r.IntN(2) == 0 {
			delete(p.AccessTags, "Department")
		}
	case r.IntN(5) == 0:
		p.HierarchyRestricted = []string{lanyard.HierarchyRestrictable}
		if r.IntN(2) == 0 {
			p.HierarchyGroup = w.teams[r.IntN(len(w.teams))].Path[r.IntN(4)]
		}
	}
	if r.IntN(4) == 0 {
		p.Applications = append(p.Applications,
			lanyard.Application{Namespace: strings.ToLower(at.department) + "-desk", Permissions: []string{"ACCESS"},
				Type: "THIRD_PARTY_APPLICATION"})
	}
	if r.IntN(8) == 0 {
		p.Applications = append(p.Applications,
			lanyard.Application{Namespace: "order-gateway", Permissions: []string{"orders___GetOrder", "orders___ListOrders"},
				Type: "MCP"})
	}
	if r.IntN(20) == 0 {
		p.DataTables = []lanyard.AttributeRule{{Access: "ALLOW", Attribute: "country", Values: []string{at.country}}}
	}
	return p
}

func (job role) permissions(r *rand.Rand) []string {
	var may []string
	for _, p := range lanyard.Permissions() {
		if slices.ContainsFunc(job.starts, func(start string) bool { return strings.HasPrefix(p.Name, start) }) {
			may = append(may, p.Name)
		}
	}
	r.Shuffle(len(may), func(i, j int) { may[i], may[j] = may[j], may[i] })
	return lanyard.SortPermissions(may[:min(len(may), job.least+r.IntN(job.most-job.least+1))])
}

// User makes the i-th user, without a routing profile. Nine of ten users are in the team of their
// tags, some have no group and some no tags.
func (w *World) User(i int) *lanyard.User {
	r := w.random(users, i)
	first, last := given[r.IntN(len(given))], family[r.IntN(len(family))]
	u := &lanyard.User{Meta: w.meta(users, i, fmt.Sprintf("%s.%s.%d", first, last, i+1), nil),
		FirstName: strings.ToUpper(first[:1]) + first[1:], LastName: strings.ToUpper(last[:1]) + last[1:]}
	team := int(float64(len(w.teams)) * r.Float64() * r.Float64()) // some are large
	if r.IntN(20) > 0 {
		u.Tags = w.places[team].tags()
	}
	if r.IntN(10) > 0 {
		u.Group = w.teams[team].ID
	}
	if len(w.Profiles) == 0 {
		return u
	}
	for n := 1 + r.IntN(10)/7 + r.IntN(20)/19; n > 0; n-- { // one, seldom two or three
		if p := w.Profiles[w.popular(r)].ID; !slices.Contains(u.Profiles, p) {
			u.Profiles = append(u.Profiles, p)
		}
	}
	return u
}

// popular draws a profile; the first ones come most often.
func (w *World) popular(r *rand.Rand) int {
	i, _ := slices.BinarySearch(w.zipf, r.Float64()*w.zipf[len(w.zipf)-1])
	return min(i, len(w.zipf)-1)
}

// levels names the five levels of the hierarchy.
func levels(ctx context.Context, st store.Instances, instance string, e lanyard.Event) error {
	return st.Update(ctx, instance, func(tx store.Tx) error {
		r, err := tx.Get(ctx, lanyard.TypeStructure, lanyard.StructureID)
		if err != nil {
			return err
		}
		s := lanyard.Clone(r.(*lanyard.Structure))
		s.Levels = nil
		for i, name := range []string{"Company", "Region", "Country", "Site", "Team"} {
			s.Levels = append(s.Levels, lanyard.Level{ID: lanyard.LevelID(i + 1), Name: name, Modified: modified})
		}
		if err := tx.Put(ctx, s); err != nil {
			return err
		}
		e.ID, e.Instance, e.Time = instance+"-levels", instance, time.Now().UTC()
		return tx.Append(ctx, &e)
	})
}

// Resources is how many resources Fill puts.
func (w *World) Resources() int {
	return len(w.Groups) + len(w.Profiles) + len(w.Queues) + w.Users
}

// batch bounds the resources of one transaction, and so the size of its event.
const batch = 2000

// Fill puts w into an instance that exists and has only what every new instance has. It goes past the rules of the API,
// which would take hours, in transactions of at most 2,000 resources. Each has an event that is like event but for its
// id and time. done, unless nil, is called after each with how many resources there are by then.
func Fill(ctx context.Context, st store.Instances, instance string, w *World, event lanyard.Event,
	done func(resources int)) error {
	f := &filling{store: st, instance: instance, event: event, done: done}
	var defaults []string // the ids of what every instance has
	for _, t := range []lanyard.Type{lanyard.TypeRoutingProfile, lanyard.TypeHours, lanyard.TypeProfile} {
		r, err := f.firstOf(ctx, t)
		if err != nil {
			return err
		}
		defaults = append(defaults, r.Head().ID)
	}
	routing, hours, basic := defaults[0], defaults[1], defaults[2]
	if err := levels(ctx, st, instance, event); err != nil {
		return err
	}
	for _, part := range []struct {
		what string
		n    int
		make func(i int) lanyard.Resource
	}{
		{"groups", len(w.Groups), func(i int) lanyard.Resource { return lanyard.Clone(w.Groups[i]) }},
		{"profiles", len(w.Profiles), func(i int) lanyard.Resource { return lanyard.Clone(w.Profiles[i]) }},
		{"queues", len(w.Queues), func(i int) lanyard.Resource {
			q := *w.Queues[i]
			q.Hours = hours
			return &q
		}},
		{"users", w.Users, func(i int) lanyard.Resource {
			u := w.User(i)
			u.RoutingProfile = routing
			if len(u.Profiles) == 0 {
				u.Profiles = []string{basic}
			}
			return u
		}},
	} {
		for from := 0; from < part.n; from += batch {
			to := min(from+batch, part.n)
			if err := f.put(ctx, part.what, from, to, part.make); err != nil {
				return fmt.Errorf("put %s %d to %d: %w", part.what, from+1, to, err)
			}
		}
	}
	return nil
}

// A filling is one call of Fill.
type filling struct {
	store    store.Instances
	instance string
	event    lanyard.Event
	done     func(resources int)
	stored   int
}

// firstOf returns the first resource of a type.
func (f *filling) firstOf(ctx context.Context, t lanyard.Type) (lanyard.Resource, error) {
	list, err := f.store.Reader(f.instance).List(ctx, t, 0, 1)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, lanyard.Errorf(lanyard.NotFound, "instance %s has no %s", f.instance, t)
	}
	return list[0], nil
}

// put stores the resources from from to before to in one transaction.
func (f *filling) put(ctx context.Context, what string, from, to int, make func(i int) lanyard.Resource) error {
	err := f.store.Update(ctx, f.instance, func(tx store.Tx) error {
		for i := from; i < to; i++ {
			if err := tx.Put(ctx, make(i)); err != nil {
				return err
			}
		}
		e := f.event
		e.ID, e.Instance, e.Time = fmt.Sprintf("%s-%s-%d", f.instance, what, from), f.instance, time.Now().UTC()
		return tx.Append(ctx, &e)
	})
	if err != nil {
		return err
	}
	f.stored += to - from
	if f.done != nil {
		f.done(f.stored)
	}
	return nil
}

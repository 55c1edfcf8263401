package lint

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/invocation"
	"github.com/lanyard/lanyard/internal/sandbox"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

// A world is a small instance in which paths are looked for.
type world struct {
	instance  *lanyard.Instance
	resources []lanyard.Resource
	users     []*lanyard.User
	profiles  []*lanyard.Profile
	groups    []*lanyard.Group
}

func id(kind, n int) string { return fmt.Sprintf("%08d-0000-4000-8000-%012d", kind, n) }

var teams = []map[string]string{nil, {"Team": "1"}, {"Team": "2"}}

// worlds draws instances in which a few profiles with few permissions restrict each other in all ways.
var worlds = rapid.Custom(func(t *rapid.T) *world {
	w := &world{instance: &lanyard.Instance{Meta: lanyard.Meta{ID: id(1, 1), Name: "world"}, Account: "123456789012",
		Region: "us-east-1", Created: time.Unix(0, 0).UTC(), IdentityManagement: rapid.SampledFrom([]string{"SAML",
			"CONNECT_MANAGED"}).Draw(t, "identity")}}
	hours := &lanyard.Hours{Meta: lanyard.Meta{ID: id(2, 1), Name: "hours"}, TimeZone: "UTC"}
	queue := &lanyard.Queue{Meta: lanyard.Meta{ID: id(3, 1), Name: "queue"}, Hours: hours.ID}
	routing := &lanyard.RoutingProfile{Meta: lanyard.Meta{ID: id(4, 1), Name: "routing"}, DefaultQueue: queue.ID}
	level := lanyard.Level{ID: lanyard.LevelID(1), Name: "level"}
	structure := &lanyard.Structure{Meta: lanyard.Meta{ID: lanyard.StructureID, Name: lanyard.StructureID},
		Levels: []lanyard.Level{level, level}}
	w.resources = []lanyard.Resource{structure, hours, queue, routing}
	for i := range 2 {
		g := &lanyard.Group{Meta: lanyard.Meta{ID: id(5, i), Name: fmt.Sprint("g", i)}, Path: []string{id(5, 0)}}
		if i > 0 {
			g.Path = append(g.Path, g.ID)
		}
		w.groups = append(w.groups, g)
		w.resources = append(w.resources, g)
	}
	group := rapid.SampledFrom([]string{"", id(5, 0), id(5, 1)})
	for i := range rapid.IntRange(2, 4).Draw(t, "profiles") {
		p := drawProfile(t, id(6, i), fmt.Sprint("p", i))
		w.profiles = append(w.profiles, p)
		w.resources = append(w.resources, p)
	}
	for i := range rapid.IntRange(1, 3).Draw(t, "users") {
		u := &lanyard.User{Meta: lanyard.Meta{ID: id(7, i), Name: fmt.Sprint("u", i),
			Tags: rapid.SampledFrom(teams).Draw(t, "tags")}, RoutingProfile: routing.ID, Group: group.Draw(t, "group")}
		for _, p := range w.profiles {
			if rapid.IntRange(0, 2).Draw(t, "holds") == 0 || len(u.Profiles) == 0 && p == w.profiles[len(w.profiles)-1] {
				u.Profiles = append(u.Profiles, p.ID)
			}
		}
		w.users = append(w.users, u)
		w.resources = append(w.resources, u)
	}
	return w
})

func drawProfile(t *rapid.T, profile, name string) *lanyard.Profile {
	p := &lanyard.Profile{Meta: lanyard.Meta{ID: profile, Name: name, Tags: rapid.SampledFrom(teams).Draw(t, "own tags")}}
	for _, permission := range []string{"SecurityProfiles.Create", "SecurityProfiles.Edit", "SecurityProfiles.View",
		"Users.Create", "Users.Edit", "Users.EditPermission", "Users.View", "ManagerBargeIn", "ContactSearch.View",
		"Users.Delete"} {
		if rapid.IntRange(0, 3).Draw(t, permission) == 0 {
			p.Permissions = append(p.Permissions, permission)
		}
	}
	p.Permissions = lanyard.SortPermissions(append(p.Permissions, "BasicAgentAccess"))
	if p.AccessTags = rapid.SampledFrom(teams).Draw(t, "access tags"); p.AccessTags != nil {
		p.TagRestricted = rapid.SampledFrom([][]string{{"User"}, {"SecurityProfile"}, {"SecurityProfile", "User"}}).Draw(t, "types")
	}
	if rapid.IntRange(0, 3).Draw(t, "hierarchy") == 0 {
		p.HierarchyRestricted = []string{"User"}
		p.HierarchyGroup = rapid.SampledFrom([]string{"", id(5, 0), id(5, 1)}).Draw(t, "scope")
	}
	return p
}

// box copies a world into memory, where the real operations run.
func box(t *testing.T, w *world, more ...lanyard.Resource) *sandbox.Sandbox {
	t.Helper()
	db, err := sqlite.OpenMemory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s, err := sandbox.New(t.Context(), sandbox.Config{Store: db, Instance: w.instance,
		Resources: slices.Concat(w.resources, more)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A performer takes steps by the real operations.
type performer struct {
	*testing.T
	*sandbox.Sandbox
	instance string
	ids      map[string]string // of what was created
}

func (p *performer) real(id string) string {
	if r, ok := p.ids[id]; ok {
		return r
	}
	return id
}

// perform carries out an operation on behalf of a user. An input's ids may be those of a path.
func (p *performer) perform(actor, operation string, input map[string]any) error {
	in := maps.Clone(input)
	in["InstanceId"] = p.instance
	for key, value := range in {
		switch v := value.(type) {
		case string:
			in[key] = p.real(v)
		case []string:
			ids := []string{}
			for _, one := range v {
				ids = append(ids, p.real(one))
			}
			in[key] = ids
		}
	}
	if operation == "TagResource" {
		delete(in, "InstanceId")
	}
	b, err := json.Marshal(in)
	if err != nil {
		p.Fatal(err)
	}
	out, err := p.InvokeAs(p.Context(), p.real(actor), operation, b)
	if err != nil {
		return err
	}
	var made struct{ UserId, SecurityProfileId string }
	if len(out) > 0 {
		if err := json.Unmarshal(out, &made); err != nil {
			p.Fatal(err)
		}
	}
	switch operation {
	case "CreateUser":
		p.ids[newUser] = made.UserId
	case "CreateSecurityProfile":
		p.ids[newProfile] = made.SecurityProfileId
	}
	return nil
}

func (w *world) arn(t, id string) string {
	return fmt.Sprintf("arn:aws:connect:us-east-1:123456789012:instance/%s/%s/%s", w.instance.ID, t, id)
}

// input completes the input of a step.
func (w *world) input(s *Step, real func(string) string) map[string]any {
	in := maps.Clone(s.input)
	switch s.Operation {
	case "TagResource":
		in["resourceArn"] = w.arn(string(in["resourceArn"].(lanyard.Type)), real(s.Resource.ID))
	case "CreateUser":
		in["IdentityInfo"] = map[string]string{"FirstName": "x", "LastName": "x"}
		if real != nil && w.instance.IdentityManagement == "CONNECT_MANAGED" {
			in["Password"] = "Passw0rd-of-nobody"
		}
	}
	return in
}

// powers are the sensitive permissions that somebody has at all and everywhere, by what WhatCan says.
func powers(s *access.Snapshot, user string) (some, everywhere mask) {
	can, _ := s.WhatCan(access.Subject{ID: user})
	for _, e := range can {
		i, ok := places[e.Action]
		if e.Type != "" || !ok || !sensitiveMask.has(i) {
			continue
		}
		some.add(i)
		for _, g := range e.Grants {
			if !slices.ContainsFunc(g.Conditions, func(c access.Condition) bool { return c.By == "" }) {
				everywhere.add(i)
			}
		}
	}
	return some, everywhere
}

// reached says what the people of a path have that somebody did not have.
func reached(s *access.Snapshot, actors []string, from start) (full, gains bool) {
	for _, a := range actors {
		some, everywhere := powers(s, a)
		full = full || everywhere.and(fullMask) == fullMask
		more := some.without(from.some)
		more.or(everywhere.without(from.everywhere))
		gains = gains || more.and(sensitiveMask) != (mask{})
	}
	return full, gains
}

// worldsToTry is how many worlds a test tries: LANYARD_WORLDS, as make properties sets it, or else few.
func worldsToTry(few int) int {
	if n, err := strconv.Atoi(os.Getenv("LANYARD_WORLDS")); err == nil {
		return n
	}
	return few
}

// TestPathsArePerformed takes each step of each path in a copy of the instance, by the real operations on behalf of who
// takes it, and decides afterwards.
func TestPathsArePerformed(t *testing.T) {
	kinds := map[string]int{}
	for seed := range worldsToTry(60) {
		w := worlds.Example(seed)
		l := newLinter(From(w.instance, w.resources))
		s := newSearcher(l)
		for _, v := range append(variantsOf(l, w), l.unheld()...) {
			some, everywhere := l.levels(v.set)
			if some.and(adminMask) == (mask{}) || everywhere.and(fullMask) == fullMask {
				continue
			}
			p := s.find(v, some, everywhere)
			if len(p.steps) == 0 {
				continue
			}
			var more []lanyard.Resource
			if v.unheld {
				v.user.RoutingProfile = id(4, 1)
				more = append(more, &v.user)
			}
			// People of the same kind share a path, which names the first of them.
			perf := &performer{t, box(t, w, more...), w.instance.ID, map[string]string{p.steps[0].actor: v.user.ID}}
			actors := []string{v.user.ID}
			for n := range p.steps {
				step := &p.steps[n]
				kinds[step.Operation]++
				if err := perf.perform(step.actor, step.Operation, w.input(step, perf.real)); err != nil {
					t.Fatalf("world %d: user %s, step %d of\n%s: %v", seed, v.user.Name, n+1, p, err)
				}
				if step.Operation == "CreateUser" || step.Operation == "UpdateUserIdentityInfo" {
					actors = append(actors, perf.real(step.Resource.ID))
				}
			}
			snapshot, err := perf.Snapshot(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			full, gains := reached(snapshot, actors, start{some, everywhere})
			if full != p.full || !gains {
				t.Errorf("world %d: user %s: after\n%s\nfull is %t, want %t; anything gained: %t", seed, v.user.Name, p, full,
					p.full, gains)
			}
			perf.Close()
		}
	}
	for _, operation := range []string{"UpdateSecurityProfile", "CreateSecurityProfile", "UpdateUserSecurityProfiles",
		"CreateUser", "UpdateUserIdentityInfo", "UpdateUserHierarchy"} { // TestPaths has TagResource
		if kinds[operation] == 0 {
			t.Errorf("no path had %s; all had %v", operation, kinds)
		}
	}
}

// variantsOf makes each user of a world a kind of its own.
func variantsOf(l *linter, w *world) (out []*variant) {
	for _, u := range w.users {
		held := l.heldPlaces(nil, u.Profiles)
		out = append(out, &variant{set: &profileSet{profiles: held, count: 1}, user: *u, count: 1, sample: []string{u.Name}})
	}
	return out
}

// TestShortestPaths compares with an oracle that tries every operation with every input, really, for two steps.
func TestShortestPaths(t *testing.T) {
	worldsTried, found := worldsToTry(3), 0
	for seed := range worldsTried {
		w := worlds.Example(seed)
		l := newLinter(From(w.instance, w.resources))
		s := newSearcher(l)
		for _, v := range variantsOf(l, w) {
			some, everywhere := l.levels(v.set)
			if everywhere.and(fullMask) == fullMask {
				continue
			}
			o := oracle{t: t, w: w, from: start{some, everywhere}}
			full, gain := o.search(&v.user)
			var p path
			if some.and(adminMask) != (mask{}) {
				p = s.find(v, some, everywhere)
			}
			n := len(p.steps)
			switch {
			case p.full && n <= 2 && full != n, full > 0 && !(p.full && n == full):
				t.Errorf("world %d: user %s: full after %d steps, the oracle after %d (0 is never):\n%s\noracle: %v", seed, v.user.Name,
					n, full, p, o.fullPath)
			case !p.full && gain != n && (gain > 0 || n <= 2):
				t.Errorf("world %d: user %s: gains after %d steps, the oracle after %d:\n%s\noracle: %v", seed, v.user.Name, n, gain,
					p, o.gainPath)
			}
			if full > 0 || gain > 0 {
				found++
			}
		}
	}
	if found < worldsTried/4 {
		t.Errorf("only %d users of %d worlds had a path", found, worldsTried)
	}
}

// An oracle finds paths by trying everything.
type oracle struct {
	t                  *testing.T
	w                  *world
	from               start
	fullPath, gainPath []string
}

// A tried is a state that operations led to.
type tried struct {
	resources []lanyard.Resource
	actors    []string
	done      []string
}

// search returns after how many steps the user has everything, and anything more; 0 for not within two steps.
func (o *oracle) search(u *lanyard.User) (full, gain int) {
	states := []tried{{o.w.resources, []string{u.ID}, nil}}
	for depth := 1; depth <= 2; depth++ {
		var next []tried
		for _, st := range states {
			for _, after := range o.step(st) {
				f, g := o.reached(after)
				if f && full == 0 {
					full, o.fullPath = depth, after.done
				}
				if g && gain == 0 {
					gain, o.gainPath = depth, after.done
				}
				next = append(next, after)
			}
		}
		if full > 0 {
			return full, gain
		}
		states = next
	}
	return full, gain
}

func (o *oracle) reached(st tried) (full, gain bool) {
	return reached(From(o.w.instance, st.resources).Snapshot, st.actors, o.from)
}

// step tries every operation on behalf of each of the people.
func (o *oracle) step(st tried) (after []tried) {
	in := *o.w.instance
	if in.IdentityManagement == "CONNECT_MANAGED" { // what people may do is the same, and no passwords are hashed
		in.IdentityManagement = "EXISTING_DIRECTORY"
	}
	w := &world{instance: &in, resources: st.resources}
	perf := &performer{o.t, box(o.t, w), w.instance.ID, map[string]string{}}
	defer func() { perf.Close() }()
	for _, actor := range st.actors {
		for _, try := range o.operations(st) {
			err := perf.perform(actor, try.operation, try.input)
			if err != nil {
				if e := new(invocation.Exception); !errors.As(err, &e) {
					o.t.Fatal(err)
				}
				continue
			}
			resources, err := perf.Resources(o.t.Context())
			if err != nil {
				o.t.Fatal(err)
			}
			next := tried{resources, st.actors, append(slices.Clip(st.done), fmt.Sprint(actor, try))}
			switch try.operation {
			case "CreateUser":
				next.actors = append(slices.Clip(st.actors), perf.ids[newUser])
			case "UpdateUserIdentityInfo":
				next.actors = append(slices.Clip(st.actors), try.input["UserId"].(string))
			}
			after = append(after, next)
			perf.Close()
			perf = &performer{o.t, box(o.t, w), w.instance.ID, map[string]string{}}
		}
	}
	return after
}

type attempt struct {
	operation string
	input     map[string]any
}

// operations are all that may change what people may do.
func (o *oracle) operations(st tried) (all []attempt) {
	add := func(operation string, input map[string]any) { all = append(all, attempt{operation, input}) }
	var users []*lanyard.User
	var profiles []*lanyard.Profile
	for _, r := range st.resources {
		switch r := r.(type) {
		case *lanyard.User:
			users = append(users, r)
		case *lanyard.Profile:
			profiles = append(profiles, r)
		}
	}
	groups := []string{"", id(5, 0), id(5, 1)}
	everything := sensitiveMask.names()
	for _, tags := range teams {
		in := map[string]any{"SecurityProfileName": fmt.Sprint("new", len(profiles)), "Permissions": everything}
		if tags != nil {
			in["Tags"] = tags
		}
		add("CreateSecurityProfile", in)
	}
	for _, p := range profiles {
		add("UpdateSecurityProfile", map[string]any{"SecurityProfileId": p.ID, "Permissions": everything,
			"AllowedAccessControlTags": map[string]string{}, "TagRestrictedResources": []string{},
			"HierarchyRestrictedResources": []string{}})
		for _, tags := range teams[1:] {
			add("TagResource", map[string]any{"resourceArn": o.w.arn("security-profile", p.ID), "tags": tags})
		}
		for _, tags := range teams {
			for _, g := range groups {
				step := &Step{Operation: "CreateUser", input: map[string]any{"Username": fmt.Sprint("new", len(users)),
					"SecurityProfileIds": []string{p.ID}, "RoutingProfileId": id(4, 1),
					"PhoneConfig": map[string]string{"PhoneType": "SOFT_PHONE"}}}
				if tags != nil {
					step.input["Tags"] = tags
				}
				if g != "" {
					step.input["HierarchyGroupId"] = g
				}
				add("CreateUser", o.w.input(step, nil))
			}
		}
	}
	for _, u := range users {
		if !slices.Contains(st.actors, u.ID) {
			if o.w.instance.IdentityManagement == "CONNECT_MANAGED" {
				add("UpdateUserIdentityInfo", map[string]any{"UserId": u.ID,
					"IdentityInfo": map[string]string{"Email": "x@example.com"}})
			}
			continue
		}
		for _, p := range profiles {
			if !slices.Contains(u.Profiles, p.ID) {
				add("UpdateUserSecurityProfiles", map[string]any{"UserId": u.ID,
					"SecurityProfileIds": append(slices.Clip(u.Profiles), p.ID)})
			}
		}
		for _, tags := range teams[1:] {
			add("TagResource", map[string]any{"resourceArn": o.w.arn("agent", u.ID), "tags": tags})
		}
		for _, g := range groups[1:] {
			add("UpdateUserHierarchy", map[string]any{"UserId": u.ID, "HierarchyGroupId": g})
		}
	}
	return all
}

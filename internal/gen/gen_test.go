package gen_test

import (
	"reflect"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/gen"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

func TestSameSeedSameWorld(t *testing.T) {
	s := gen.Size{Profiles: 40, Users: 500}
	a, b, other := gen.New(7, s), gen.New(7, s), gen.New(8, s)
	if !reflect.DeepEqual(a.Groups, b.Groups) || !reflect.DeepEqual(a.Profiles, b.Profiles) ||
		!reflect.DeepEqual(a.Queues, b.Queues) {
		t.Error("the same seed made another instance")
	}
	for i := range s.Users {
		if !reflect.DeepEqual(a.User(i), b.User(i)) {
			t.Fatalf("user %d differs", i)
		}
	}
	if reflect.DeepEqual(a.Profiles, other.Profiles) || a.UserID(1) == other.UserID(1) {
		t.Error("another seed made the same instance")
	}
}

// The proportions that the documentation speaks of.
func TestProportions(t *testing.T) {
	w := gen.New(1, gen.Size{Profiles: 200, Users: 20_000})
	restricted := 0
	for _, p := range w.Profiles {
		if len(p.TagRestricted)+len(p.HierarchyRestricted) > 0 {
			restricted++
		}
		for _, name := range p.Permissions {
			if _, ok := lanyard.LookupPermission(name); !ok {
				t.Fatalf("profile %s has the unknown permission %s", p.Name, name)
			}
		}
		if n := len(p.Permissions); n < 5 || n > 200 {
			t.Errorf("profile %s has %d permissions", p.Name, n)
		}
	}
	if restricted < 40 || restricted > 120 {
		t.Errorf("%d of 200 profiles are restricted, want about a third", restricted)
	}
	names, holders, one := map[string]bool{}, map[string]int{}, 0
	for i := range w.Users {
		u := w.User(i)
		if names[u.Name] {
			t.Fatalf("the name %s is there twice", u.Name)
		}
		names[u.Name] = true
		if len(u.Profiles) == 1 {
			one++
		}
		for _, p := range u.Profiles {
			holders[p]++
		}
	}
	if one < w.Users/2 || one == w.Users {
		t.Errorf("%d of %d users hold one profile, want most", one, w.Users)
	}
	if first, last := holders[w.Profiles[0].ID], holders[w.Profiles[199].ID]; first < 5*last || last == 0 {
		t.Errorf("the first profile has %d holders and the last %d", first, last)
	}
}

// What is filled in is an instance like others: the API lists it, and decisions are made of it.
func TestFill(t *testing.T) {
	ctx := t.Context()
	db, err := sqlite.OpenMemory(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	svc := control.New(control.Config{Store: db, Region: "us-east-1"})
	call := control.Call{Caller: lanyard.Caller{Account: "123456789012"}, Operation: "CreateInstance"}
	created, err := svc.CreateInstance(ctx, call, control.NewInstance{Alias: "gen", IdentityManagement: control.SAML})
	if err != nil {
		t.Fatal(err)
	}
	in := created.Instance
	w := gen.New(3, gen.Size{Profiles: 30, Users: 5000})
	last := 0
	if err := gen.Fill(ctx, db, in.ID, w, lanyard.Event{Operation: "Generate"}, func(n int) { last = n }); err != nil {
		t.Fatal(err)
	}
	if last != w.Resources() {
		t.Errorf("%d resources were reported, want %d", last, w.Resources())
	}
	for kind, want := range map[lanyard.Type]int{lanyard.TypeUser: 5000, lanyard.TypeProfile: 30 +
		len(lanyard.DefaultProfiles()), lanyard.TypeGroup: len(w.Groups)} {
		if n, err := db.Reader(in.ID).Count(ctx, kind); err != nil || n != want {
			t.Errorf("%d of %s, %v, want %d", n, kind, err, want)
		}
	}
	allowed := 0
	s, err := svc.Snapshot(ctx, call, in.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2000 {
		d := s.Decide(&access.Query{Subject: access.Subject{ID: w.UserID(i)}, Action: "Users.View",
			Resource: access.Resource{Type: access.TypeUser, ID: w.UserID(i + 1)}})
		if d.Allow {
			allowed++
		}
	}
	if allowed == 0 || allowed == 2000 {
		t.Errorf("%d of 2000 questions are answered with yes", allowed)
	}
}

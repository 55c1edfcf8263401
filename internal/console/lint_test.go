package console

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/questions"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

// TestLint has one profile for each rule, and one that none is about.
func TestLint(t *testing.T) {
	db, err := sqlite.OpenMemory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	const account = "123456789012"
	svc := control.New(control.Config{Store: db, Region: "us-east-1", Lenient: true,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	call := control.Call{Caller: lanyard.Caller{Account: account}, Operation: "Test"}
	created, err := svc.CreateInstance(t.Context(), call,
		control.NewInstance{Alias: "a", IdentityManagement: control.SAML})
	if err != nil {
		t.Fatal(err)
	}
	in := created.Instance
	profile := func(name string, c control.ProfileChange) string {
		t.Helper()
		created, err := svc.CreateSecurityProfile(t.Context(), call, in.ID,
			control.NewProfile{Name: name, ProfileChange: c})
		if err != nil {
			t.Fatal(err)
		}
		p := created.Resource
		return p.ID
	}
	group := "gone"
	if _, err := svc.UpdateUserHierarchyStructure(t.Context(), call, in.ID,
		[lanyard.MaxLevels]*string{&group}); err != nil {
		t.Fatal(err)
	}
	gone, err := svc.CreateUserHierarchyGroup(t.Context(), call, in.ID, control.NewGroup{Name: "gone"})
	if err != nil {
		t.Fatal(err)
	}
	g := gone.Resource
	fr, user := map[string]string{"Country": "FR"}, []string{"User"}
	var all []string
	for _, p := range lanyard.Permissions() {
		all = append(all, p.Name)
	}
	ids := []string{
		profile("sound", control.ProfileChange{Permissions: []string{"Users.View", "Users.Edit"}, AccessTags: fr,
			TagRestricted: user}),
		profile("edit-without-view", control.ProfileChange{Permissions: []string{"Queues.Edit"}}),
		profile("tag-case", control.ProfileChange{Permissions: []string{"Users.View"},
			AccessTags: map[string]string{"country": "FR"}, TagRestricted: user}),
		profile("tag-on-nothing",
			control.ProfileChange{Permissions: []string{"Users.View"}, AccessTags: map[string]string{"Country": "XX"},
				TagRestricted: user}),
		profile("half-restriction", control.ProfileChange{Permissions: []string{"Users.View"}, AccessTags: fr}),
		profile("unknown-type",
			control.ProfileChange{Permissions: []string{"Users.View"}, AccessTags: fr,
				TagRestricted: []string{"User", "Widget"}}),
		profile("missing-group",
			control.ProfileChange{Permissions: []string{"Users.View"}, HierarchyRestricted: user, HierarchyGroup: &g.ID}),
		profile("over-broad", control.ProfileChange{Permissions: all}),
		profile("legacy-permission", control.ProfileChange{Permissions: []string{"ListenCallRecordings"}}),
		profile("unknown-permission", control.ProfileChange{Permissions: []string{"Flying.View"}}),
		profile("near-identical",
			control.ProfileChange{Permissions: []string{"Queues.View", "RoutingPolicies.View", "Prompts.View"}}),
		profile("near-identical 2",
			control.ProfileChange{Permissions: []string{"Queues.View", "RoutingPolicies.View", "Prompts.View"}}),
	}
	profile("unused", control.ProfileChange{Permissions: []string{"Rules.View"}})
	routing, err := control.List[*lanyard.RoutingProfile](t.Context(), svc, call, in.ID, control.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids { // one each, because profiles undo each other's restrictions
		_, err := svc.CreateUser(t.Context(), call, in.ID,
			control.NewUser{User: lanyard.User{Meta: lanyard.Meta{Name: "holder-" + id, Tags: fr}, Profiles: []string{id},
				RoutingProfile: routing.Items[0].ID}})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := svc.DeleteUserHierarchyGroup(t.Context(), call, in.ID, g.ID); err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{Control: svc, Account: account})
	if err != nil {
		t.Fatal(err)
	}
	snapshot, err := svc.Snapshot(context.Background(), call, in.ID, 0)
	if err != nil {
		t.Fatal(err)
	}
	v := &viewer{View: questions.View{Snapshot: snapshot}, in: in, call: call}
	list, err := v.all(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	findings := v.lint(list)
	found := map[string][]string{}
	for _, f := range findings {
		for _, p := range f.Profiles {
			found[p.Name] = append(found[p.Name], f.Rule)
		}
		if f.Message == "" || !slices.Contains([]string{"error", "warning", "info"}, f.Severity) {
			t.Errorf("the finding is %+v", f)
		}
	}
	for _, name := range []string{"sound", "edit-without-view", "tag-case", "tag-on-nothing", "half-restriction",
		"unknown-type", "missing-group", "legacy-permission", "unknown-permission", "near-identical", "unused"} {
		want := []string{name}
		if name == "sound" {
			want = nil
		}
		if !slices.Equal(found[name], want) {
			t.Errorf("of %s it is said %q", name, found[name])
		}
	}
	for name, want := range map[string]string{"near-identical 2": "near-identical", "over-broad": "over-broad",
		"Admin": "unused"} {
		if !slices.Contains(found[name], want) {
			t.Errorf("of %s it is said %q, want %s among it", name, found[name], want)
		}
	}
}

package follow_test

import (
	"context"
	"fmt"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/control"
)

// Whatever is changed on the server, a follower decides and explains as the server does at the same revision, and so
// does one that comes later.
func TestDecidesAsTheServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	_, err := s.UpdateUserHierarchyStructure(t.Context(), call("UpdateUserHierarchyStructure"), s.in.ID,
		[lanyard.MaxLevels]*string{new("Site"), new("Team"), new("Desk")})
	must(t, err)
	f, changed, refused := s.follow(), 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		d := &drawn{Service: s.Service, T: rt, s: s}
		for range rapid.IntRange(1, 12).Draw(rt, "changes") {
			if d.change() {
				changed++
			} else {
				refused++
			}
		}
		now, _, err := s.Current(t.Context(), call("Decide"), s.in.ID)
		must(t, err)
		waitFor(t, f, now.Revision())
		here, err := f.Snapshot()
		must(t, err)
		compare(rt, now, here)
		if rapid.IntRange(0, 9).Draw(rt, "late") == 0 {
			late := s.follow()
			there, err := late.Snapshot()
			must(t, err)
			compare(rt, now, there)
			must(t, late.Close())
		}
	})
	if changed < refused {
		t.Errorf("%d changes were made and %d refused: that is no test", changed, refused)
	}
}

// compare compares what two snapshots decide and explain, of all users, and of resources.
func compare(t *rapid.T, server, here *access.Snapshot) {
	if server.Revision() != here.Revision() || server.Account() != here.Account() || server.Exists() != here.Exists() {
		t.Fatalf("the server is at revision %d, the follower at %d", server.Revision(), here.Revision())
	}
	for _, kind := range []string{access.TypeUser, access.TypeSecurityProfile, access.TypeQueue,
		access.TypeHierarchyGroup} {
		if want, got := fmt.Sprint(server.Count(kind)), fmt.Sprint(here.Count(kind)); want != got {
			t.Fatalf("the server has %s resources of type %s, the follower %s", want, kind, got)
		}
	}
	resources := []access.Resource{{}}
	for _, kind := range []string{access.TypeUser, access.TypeQueue} {
		for id := range server.All(kind) {
			resources = append(resources, access.Resource{Type: kind, ID: id})
		}
	}
	resources = resources[:min(len(resources), 12)]
	for u := range server.Users() {
		for _, action := range actions {
			for _, r := range resources {
				q := access.Query{Subject: access.Subject{ID: u.Name}, Action: action, Resource: r}
				if want, got := server.Explain(&q), here.Explain(&q); !reflect.DeepEqual(want, got) {
					t.Fatalf("%+v: the server explains\n%+v, the follower\n%+v", q, want, got)
				}
			}
		}
		want, _ := server.WhatCan(access.Subject{ID: u.ID})
		if got, _ := here.WhatCan(access.Subject{ID: u.ID}); !reflect.DeepEqual(want, got) {
			t.Fatalf("%s can do %+v on the server, and %+v by the follower", u.Name, want, got)
		}
	}
	for _, action := range actions {
		q := access.Query{Action: action}
		want, _ := server.WhoCan(&q, access.Page{})
		if got, _ := here.WhoCan(&q, access.Page{}); !reflect.DeepEqual(want, got) {
			t.Fatalf("%s can be done by %+v on the server, and by %+v by the follower", action, want, got)
		}
	}
}

var actions = []string{"Users.View", "Users.Edit", "Queues.View", "RestrictContactAccessByHierarchy.View", "ContactSearch.View"}

// drawn makes changes that rapid draws.
type drawn struct {
	*control.Service
	*rapid.T
	s *server
}

// change makes one, and reports whether it was not refused.
func (d *drawn) change() bool {
	var err error
	ctx, in := context.Background(), d.s.in.ID
	switch rapid.IntRange(0, 11).Draw(d.T, "change") {
	case 0, 1:
		_, err = d.CreateSecurityProfile(ctx, call("CreateSecurityProfile"), in,
			control.NewProfile{Name: d.name(), Tags: d.tags(), ProfileChange: d.profileChange()})
	case 2, 3:
		_, err = d.UpdateSecurityProfile(ctx, call("UpdateSecurityProfile"), in, d.one(lanyard.TypeProfile), d.profileChange())
	case 4:
		_, err = d.DeleteSecurityProfile(ctx, call("DeleteSecurityProfile"), in, d.one(lanyard.TypeProfile))
	case 5, 11:
		u := lanyard.User{Meta: lanyard.Meta{Name: d.name(), Tags: d.tags()}, Profiles: d.profiles(),
			RoutingProfile: d.one(lanyard.TypeRoutingProfile), Group: d.maybe(lanyard.TypeGroup)}
		_, err = d.CreateUser(ctx, call("CreateUser"), in, control.NewUser{User: u})
	case 6:
		_, err = d.UpdateUserSecurityProfiles(ctx, call("UpdateUserSecurityProfiles"), in, d.one(lanyard.TypeUser), d.profiles())
	case 7:
		_, err = d.UpdateUserHierarchy(ctx, call("UpdateUserHierarchy"), in, d.one(lanyard.TypeUser), d.maybe(lanyard.TypeGroup))
	case 8:
		_, err = d.CreateUserHierarchyGroup(ctx, call("CreateUserHierarchyGroup"), in,
			control.NewGroup{Name: d.name(), Parent: d.maybe(lanyard.TypeGroup)})
	case 9:
		kind := rapid.SampledFrom([]lanyard.Type{lanyard.TypeUser, lanyard.TypeProfile, lanyard.TypeQueue}).Draw(d.T, "type")
		_, err = d.TagResource(ctx, call("TagResource"), d.ARN(d.s.in, kind, d.one(kind)), d.tags())
	case 10:
		_, err = d.DeleteUser(ctx, call("DeleteUser"), in, d.one(lanyard.TypeUser))
	}
	if k := lanyard.KindOf(err); err != nil && (k == lanyard.Internal || k == lanyard.Unavailable) {
		d.Fatal(err)
	}
	return err == nil
}

func (d *drawn) name() string { return rapid.StringMatching("[a-z]{3,8}").Draw(d.T, "name") }

func (d *drawn) tags() map[string]string {
	return rapid.MapOfN(rapid.SampledFrom([]string{"Country", "Team"}), rapid.SampledFrom([]string{"FR", "DE"}), 0, 2).
		Draw(d.T, "tags")
}

// one is the id of a resource of a type; one that does not exist if there are none.
func (d *drawn) one(kind lanyard.Type) string {
	list, err := d.s.store.Reader(d.s.in.ID).List(context.Background(), kind, 0, 40)
	if err != nil {
		d.Fatal(err)
	}
	if len(list) == 0 {
		return "none"
	}
	return rapid.SampledFrom(list).Draw(d.T, "resource").Head().ID
}

func (d *drawn) maybe(kind lanyard.Type) string {
	if id := d.one(kind); id != "none" && rapid.Bool().Draw(d.T, "any") {
		return id
	}
	return ""
}

func (d *drawn) profiles() (ids []string) {
	for range rapid.IntRange(1, 3).Draw(d.T, "profiles") {
		ids = append(ids, d.one(lanyard.TypeProfile))
	}
	return ids
}

func (d *drawn) profileChange() control.ProfileChange {
	some := func(of ...string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom(of), 0, len(of), rapid.ID).Draw(d.T, "some")
	}
	group := d.maybe(lanyard.TypeGroup)
	c := control.ProfileChange{Description: new(d.name()), Permissions: some(actions...), AccessTags: d.tags(),
		TagRestricted: some("User", "Queue"), HierarchyRestricted: some("User"), HierarchyGroup: &group}
	return c
}

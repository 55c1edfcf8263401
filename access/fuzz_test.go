package access_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// FuzzCompile compiles any profile, user and group that a store could hold. Whatever is in them, Explain and the
// searches say what Decide does, nothing changes for nobody, and what is removed is gone.
func FuzzCompile(f *testing.F) {
	f.Add([]byte(`{"ID":"p","Permissions":["Users.View"],"AccessTags":{"a":"b"},"TagRestricted":["User","x"],"HierarchyRestricted":["User"],"HierarchyGroup":"g"}`),
		[]byte(`{"ID":"u","Name":"u","Tags":{"a":"b"},"Profiles":["p","p","q"],"Group":"g"}`),
		[]byte(`{"ID":"g","Path":["x","g"]}`), "Users.View", "User", "u")
	f.Add([]byte(`{"ID":"p","Applications":[{"Namespace":"n","Permissions":["ACCESS"]}],"DataTables":[{"Attribute":"a"}]}`),
		[]byte(`{"ID":"u","Profiles":["p"]}`), []byte(`{}`), "ACCESS", "Application", "n")
	f.Fuzz(func(t *testing.T, profile, user, group []byte, action, resourceType, id string) {
		p, u, g := new(lanyard.Profile), new(lanyard.User), new(lanyard.Group)
		if json.Unmarshal(profile, p) != nil || json.Unmarshal(user, u) != nil || json.Unmarshal(group, g) != nil {
			return
		}
		e := access.Empty("i").Edit()
		e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
		e.Put(g)
		e.Put(p)
		e.Put(u)
		s := e.Snapshot(1)
		for _, surface := range []access.Surface{access.Admin, access.Reports} {
			q := access.Query{Subject: access.Subject{ID: u.ID}, Action: action,
				Resource: access.Resource{Type: resourceType, ID: id}, Surface: surface}
			checkSearches(t, s, u, q)
		}
		if w, ok := s.IfProfile(p, nil, access.Page{}); !ok || w.Affected > 0 {
			t.Fatalf("a profile replaced by itself does %+v, %v", w, ok)
		}
		if w, ok := s.IfUser(u, nil); !ok || w.Affected > 0 {
			t.Fatalf("a user replaced by themselves does %+v, %v", w, ok)
		}
		if found := s.Lookup(access.TypeUser, u.ID); len(found) != 1 || found[0].ID != u.ID {
			t.Fatalf("user %q is looked up as %+v", u.ID, found)
		}
		e = s.Edit()
		e.Remove(lanyard.TypeUser, u.ID)
		e.Remove(lanyard.TypeProfile, p.ID)
		e.Remove(lanyard.TypeGroup, g.ID)
		if s := e.Snapshot(2); s.Count(access.TypeUser)+s.Count(access.TypeSecurityProfile)+
			s.Count(access.TypeHierarchyGroup) > 0 {
			t.Fatal("something is left of what was removed")
		}
	})
}

// checkSearches compares what Explain and the searches say of the only user with Decide.
func checkSearches(t *testing.T, s *access.Snapshot, u *lanyard.User, q access.Query) {
	t.Helper()
	d, x := s.Decide(&q), s.Explain(&q)
	if d != x.Decision || x.Sentence == "" || d.Allow != (d.Reason == access.Granted) {
		t.Fatalf("Decide says %+v, Explain %+v", d, x)
	}
	can, _ := s.WhoCan(&q, access.Page{})
	want := []access.Holder(nil)
	if d.Allow {
		want = []access.Holder{{ID: u.ID, Name: u.Name, Profile: d.Profile}}
		if len(can) == 1 {
			want[0].Seq, want[0].Profiles, want[0].Granting = can[0].Seq, can[0].Profiles, can[0].Granting
		}
	}
	if !reflect.DeepEqual(can, want) {
		t.Fatalf("Decide says %+v, WhoCan %+v", d, can)
	}
	for _, action := range s.WhichActions(&q) {
		one := q
		if one.Action = action; !s.Decide(&one).Allow {
			t.Fatalf("WhichActions lists %q, which Decide denies", action)
		}
	}
	found, _, _ := s.WhichResources(&q, access.Page{})
	for _, f := range found {
		one := q
		if one.Resource.ID = f.ID; !s.Decide(&one).Allow {
			t.Fatalf("WhichResources lists %q, which Decide denies", f.ID)
		}
	}
}

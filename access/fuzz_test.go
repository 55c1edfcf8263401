package access_test

import (
	"encoding/json"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// FuzzCompile compiles any profile, user and group that a store could hold, and asks: no panic, and
// Explain decides as Decide does.
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
			if d, x := s.Decide(&q), s.Explain(&q); d != x.Decision || x.Sentence == "" {
				t.Fatalf("Decide says %+v, Explain %+v", d, x)
			}
			s.WhoCan(&q, access.Page{Limit: 10})
			s.WhichActions(&q)
			s.WhichResources(&q, access.Page{Limit: 10})
		}
		s.IfProfile(p, nil, access.Page{Limit: 10})
		s.IfUser(u, nil)
		s.WhatCan(access.Subject{ID: u.ID})
		s.Lookup(resourceType, id)
		e = s.Edit()
		e.Remove(lanyard.TypeUser, u.ID)
		e.Remove(lanyard.TypeProfile, p.ID)
		e.Remove(lanyard.TypeGroup, g.ID)
		e.Snapshot(2)
	})
}

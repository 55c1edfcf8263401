package access_test

import (
	"errors"
	"fmt"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// sales is an instance in which ann may view users tagged Country=FR, and bob may view all users and queues.
func sales() *access.Snapshot {
	s, err := access.New(&lanyard.Instance{Meta: lanyard.Meta{ID: "sales"}},
		&lanyard.User{Meta: lanyard.Meta{ID: "1", Name: "ann", Tags: map[string]string{"Country": "FR"}},
			Profiles: []string{"french"}},
		&lanyard.User{Meta: lanyard.Meta{ID: "2", Name: "bob", Tags: map[string]string{"Country": "DE"}},
			Profiles: []string{"french", "admin"}},
		&lanyard.Profile{Meta: lanyard.Meta{ID: "admin", Name: "Administrators"},
			Permissions: []string{"Queues.View", "Users.View"}},
		&lanyard.Profile{Meta: lanyard.Meta{ID: "french", Name: "French team"}, Permissions: []string{"Users.View"},
			AccessTags: map[string]string{"Country": "FR"}, TagRestricted: []string{"User"}},
	)
	if err != nil {
		panic(err)
	}
	return s
}

// The resources may come in any order. A user whose profile is missing is an error, not a user with fewer rights.
func ExampleNew() {
	instance := &lanyard.Instance{Meta: lanyard.Meta{ID: "sales"}}
	ann := &lanyard.User{Meta: lanyard.Meta{ID: "1", Name: "ann"}, Profiles: []string{"viewers"}}
	viewers := &lanyard.Profile{Meta: lanyard.Meta{ID: "viewers", Name: "Viewers"}, Permissions: []string{"Users.View"}}

	s, err := access.New(instance, ann, viewers)
	if err != nil {
		panic(err)
	}
	fmt.Println(s.Decide(&access.Query{Subject: access.Subject{ID: "ann"}, Action: "Users.View"}).Allow)

	_, err = access.New(instance, ann)
	fmt.Println(err)
	fmt.Println(errors.Is(err, lanyard.ErrNotFound))
	// Output:
	// true
	// User "1": SecurityProfile "viewers" does not exist
	// true
}

// ann and bob ask to view bob, who is not tagged Country=FR. The profile that restricts ann does not restrict bob, who
// has another one without conditions.
func ExampleSnapshot_Decide() {
	s := sales()
	for _, who := range []string{"ann", "bob"} {
		d := s.Decide(&access.Query{
			Subject:  access.Subject{ID: who},
			Action:   "Users.View",
			Resource: access.Resource{Type: access.TypeUser, ID: "bob"},
		})
		fmt.Printf("%s: %v, %v, by %q\n", who, d.Allow, d.Reason, d.Profile)
	}
	// Output:
	// ann: false, condition failed, by ""
	// bob: true, granted, by "admin"
}

// Explain says the same as Decide, and why: in a sentence for people and profile by profile for programs.
func ExampleSnapshot_Explain() {
	x := sales().Explain(&access.Query{
		Subject:  access.Subject{ID: "ann"},
		Action:   "Users.View",
		Resource: access.Resource{Type: access.TypeUser, ID: "bob"},
	})
	fmt.Println(x.Sentence)
	for _, f := range x.Profiles {
		fmt.Printf("%s: grants %v, allows %v\n", f.Name, f.Grants, f.Allows)
		for _, c := range f.Failed {
			fmt.Println("  not met:", c.Condition)
		}
	}
	// Output:
	// User ann may not Users.View on User bob: profile "French team" requires tag Country=FR; the resource has Country=DE.
	// French team: grants true, allows false
	//   not met: tag Country=FR
}

// Everybody who may view ann, with the profiles that allow it. The zero Page is the whole list.
func ExampleSnapshot_WhoCan() {
	q := access.Query{Action: "Users.View", Resource: access.Resource{Type: access.TypeUser, ID: "ann"}}
	found, _ := sales().WhoCan(&q, access.Page{})
	for _, h := range found {
		fmt.Println(h.Name, h.Profiles)
	}
	// Output:
	// ann [french]
	// bob [french admin]
}

// Long lists are read page by page, each from where the one before ended. The pages can be asked of different
// snapshots of the instance, and by different servers.
func ExampleSnapshot_WhoCan_pages() {
	s := sales()
	q := access.Query{Action: "Users.View"}
	page := access.Page{Limit: 1}
	for {
		found, next := s.WhoCan(&q, page)
		for _, h := range found {
			fmt.Println(h.Name)
		}
		if next == (access.Cursor{}) {
			break
		}
		page.From = next
	}
	// Output:
	// ann
	// bob
}

// All that ann may do, and under which conditions.
func ExampleSnapshot_WhatCan() {
	can, _ := sales().WhatCan(access.Subject{ID: "ann"})
	for _, e := range can {
		for _, g := range e.Grants {
			fmt.Println(e.Action, "by", g.Name, g.Conditions)
		}
	}
	// Output:
	// Users.View by French team [tag Country=FR]
}

// What would it do to its holders to let the French team edit users too, without the tag?
func ExampleSnapshot_IfProfile() {
	proposal := &lanyard.Profile{Meta: lanyard.Meta{ID: "french", Name: "French team"},
		Permissions: []string{"Users.Edit", "Users.View"}}
	w, _ := sales().IfProfile(proposal, nil, access.Page{})
	fmt.Println(w.Affected, "affected")
	for _, d := range w.Differences {
		for _, e := range d.Gains {
			fmt.Println(d.Name, "gains", e.Action)
		}
		for _, c := range d.Changes {
			fmt.Println(d.Name, "changes", c.Action, "more:", c.More, "less:", c.Less)
		}
	}
	// Output:
	// 2 affected
	// ann gains Users.Edit
	// ann changes Users.View more: true less: false
	// bob gains Users.Edit
}

// May ann hand out a profile? Not one that allows more than her own: that would be privilege escalation.
func ExampleSnapshot_Exceeds() {
	s := sales()
	admins := &lanyard.Profile{Meta: lanyard.Meta{ID: "admin"}, Permissions: []string{"Queues.View", "Users.View"}}
	handover := access.Handover{After: access.Holding{Profiles: []*lanyard.Profile{admins}}, Anybody: true}
	for _, user := range []string{"ann", "bob"} {
		if x, exceeds := s.Exceeds(user, handover); exceeds {
			fmt.Println(user, "must not: that would give away", x)
		} else {
			fmt.Println(user, "may")
		}
	}
	// Output:
	// ann must not: that would give away Queues.View
	// bob may
}

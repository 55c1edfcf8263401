package access_test

import (
	"errors"
	"fmt"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// sales is an instance in which ann may view users tagged Country=FR, and bob all users and queues.
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

// Resources are given in any order. One that refers to another which is missing is an error.
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

func ExampleSnapshot_Explain() {
	x := sales().Explain(&access.Query{
		Subject:  access.Subject{ID: "ann"},
		Action:   "Users.View",
		Resource: access.Resource{Type: access.TypeUser, ID: "bob"},
	})
	fmt.Println(x.Sentence)
	for _, f := range x.Profiles {
		fmt.Println(f.Name, f.Grants, f.Allows)
	}
	// Output:
	// User ann may not Users.View on User bob: profile "French team" requires tag Country=FR; the resource has Country=DE.
	// French team true false
}

func ExampleSnapshot_WhoCan() {
	s := sales()
	q := access.Query{Action: "Users.View", Resource: access.Resource{Type: access.TypeUser, ID: "ann"}}
	for from := (access.Cursor{}); ; {
		page, next := s.WhoCan(&q, access.Page{From: from, Limit: 100})
		for _, h := range page {
			fmt.Println(h.Name, h.Profiles)
		}
		if from = next; next == (access.Cursor{}) {
			break
		}
	}
	// Output:
	// ann [french]
	// bob [french admin]
}

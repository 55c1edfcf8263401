package access_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// In whatever order New is given resources, it decides as a snapshot does to which they were put one by one.
func TestNewTakesAnyOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		all := whole(drawResources(rt))
		instance := &lanyard.Instance{Meta: lanyard.Meta{ID: "i"}}
		e := access.Empty("i").Edit()
		e.Put(instance)
		for _, r := range all {
			e.Put(r)
		}
		want := answers(e.Snapshot(0))
		s, err := access.New(instance, rapid.Permutation(all).Draw(rt, "order")...)
		if err != nil {
			rt.Fatal(err)
		}
		for i, a := range answers(s) {
			if !reflect.DeepEqual(a, want[i]) {
				rt.Fatalf("answer %d is\n%+v\nwant\n%+v", i, a, want[i])
			}
		}
	})
}

func TestNewReports(t *testing.T) {
	instance := &lanyard.Instance{Meta: lanyard.Meta{ID: "i"}}
	group := func(path ...string) *lanyard.Group {
		id := path[len(path)-1]
		return &lanyard.Group{Meta: lanyard.Meta{ID: id, Name: id}, Path: path}
	}
	inGroup := func(id, group string) *lanyard.User {
		return &lanyard.User{Meta: lanyard.Meta{ID: id, Name: id}, Group: group}
	}
	p := profile("p", []string{"Users.View"}, nil)
	for _, tt := range []struct {
		name      string
		instance  *lanyard.Instance
		resources []lanyard.Resource
		want      string // the messages; "" for none
		is        error
	}{
		{"nothing", instance, nil, "", nil},
		{"no instance", nil, nil, "instance must not be nil: its ID is required", lanyard.ErrInvalid},
		{"an instance without an id", new(lanyard.Instance), nil, "the id of the instance is required", lanyard.ErrInvalid},
		{"two instances", instance, []lanyard.Resource{&lanyard.Instance{Meta: lanyard.Meta{ID: "j"}}},
			`resource 0 must belong to the instance, got instance "j"`, lanyard.ErrInvalid},
		{"nil", instance, []lanyard.Resource{p, nil}, "resource 1 must not be nil", lanyard.ErrInvalid},
		{"a nil user", instance, []lanyard.Resource{(*lanyard.User)(nil)}, "resource 0 must not be nil", lanyard.ErrInvalid},
		{"a user of the caller's own making", instance, []lanyard.Resource{ownUser{user("u", nil)}},
			"resource 0 must be a *lanyard.User, got a access_test.ownUser", lanyard.ErrInvalid},
		{"no id", instance, []lanyard.Resource{user("", nil)}, "resource 0: the id of the User is required",
			lanyard.ErrInvalid},
		{"a user before its profile", instance, []lanyard.Resource{user("u", nil, "p"), p}, "", nil},
		{"a user without its profile", instance, []lanyard.Resource{user("u", nil, "p", "q"), p},
			`User "u": SecurityProfile "q" does not exist`, lanyard.ErrNotFound},
		{"an AI agent without its profile", instance,
			[]lanyard.Resource{&lanyard.AIAgent{Meta: lanyard.Meta{ID: "a"}, Profiles: []string{"q"}}},
			`AIAgent "a": SecurityProfile "q" does not exist`, lanyard.ErrNotFound},
		{"a user without its group", instance, []lanyard.Resource{inGroup("u", "g")},
			`User "u": HierarchyGroup "g" does not exist`, lanyard.ErrNotFound},
		{"groups, the lowest first", instance,
			[]lanyard.Resource{inGroup("u", "g"), group("e", "f", "g"), group("e", "f"), group("e")}, "", nil},
		{"a group without its parent", instance, []lanyard.Resource{group("e", "f")},
			`HierarchyGroup "f": HierarchyGroup "e" does not exist`, lanyard.ErrNotFound},
		{"a group whose parent is elsewhere", instance,
			[]lanyard.Resource{group("e"), group("d"), group("d", "f"), group("e", "f", "g")},
			`HierarchyGroup "g": Path must be that of its parent, ["d" "f"], and then its own id, got ["e" "f" "g"]`,
			lanyard.ErrInvalid},
		{"a group without a path", instance, []lanyard.Resource{&lanyard.Group{Meta: lanyard.Meta{ID: "g"}}},
			`HierarchyGroup "g": Path must be 1 to 5 ids that end with the group's own, got []`, lanyard.ErrInvalid},
		{"a group twice", instance, []lanyard.Resource{group("e"), group("e")}, `HierarchyGroup "e" already exists`,
			lanyard.ErrDuplicate},
		{"two users of a name", instance,
			[]lanyard.Resource{inGroup("u", ""), &lanyard.User{Meta: lanyard.Meta{ID: "v", Name: "u"}}},
			`User "v": the name "u" is in use by User "u"`, lanyard.ErrDuplicate},
		{"a user and a profile of one id and name", instance, []lanyard.Resource{profile("u", nil, nil), inGroup("u", "")},
			"", nil},
		{"groups of a name in different places", instance,
			[]lanyard.Resource{group("e"), &lanyard.Group{Meta: lanyard.Meta{ID: "f", Name: "e"}, Path: []string{"e", "f"}}}, "",
			nil},
		{"what decides nothing", instance, []lanyard.Resource{&lanyard.Structure{}, &lanyard.ClientToken{}}, "", nil},
		{"profiles that name what is not there", instance,
			[]lanyard.Resource{profile("q", []string{"Prompts.Fly"}, func(p *lanyard.Profile) {
				p.HierarchyRestricted, p.HierarchyGroup, p.FlowModules = []string{"User"}, "gone",
					[]lanyard.FlowModule{{ID: "gone"}}
			})}, "", nil},
		{"several problems", instance, []lanyard.Resource{user("u", nil, "q"), inGroup("v", "g")},
			"User \"u\": SecurityProfile \"q\" does not exist\nUser \"v\": HierarchyGroup \"g\" does not exist",
			lanyard.ErrNotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, err := access.New(tt.instance, tt.resources...)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tt.want || !errors.Is(err, tt.is) || (s == nil) != (tt.want != "") {
				t.Errorf("New = %v, %q; want %q", s, got, tt.want)
			}
		})
	}
	var many []lanyard.Resource
	for i := range 1000 {
		many = append(many, user(fmt.Sprint(i), nil, "q"))
	}
	if _, err := access.New(instance, many...); strings.Count(err.Error(), "\n") != 9 {
		t.Errorf("of a thousand problems it reports %d, want 10", strings.Count(err.Error(), "\n")+1)
	}
}

// ownUser is a User that access does not know how to read.
type ownUser struct{ *lanyard.User }

// Without a Seq the order of lists is that of the arguments, behind those that have one.
func TestNewOrder(t *testing.T) {
	placed := func(id string, seq int64) *lanyard.User {
		return &lanyard.User{Meta: lanyard.Meta{ID: id, Name: id, Seq: seq}, Profiles: []string{"p"}}
	}
	s, err := access.New(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}},
		placed("d", 0), placed("b", 2), placed("c", 0), placed("a", 1), profile("p", nil, nil))
	if err != nil {
		t.Fatal(err)
	}
	holders, _, _ := s.Holders("p", access.Page{Limit: 10})
	var got []string
	for _, h := range holders {
		got = append(got, h.ID)
	}
	if want := []string{"a", "b", "d", "c"}; !slices.Equal(got, want) || s.Revision() != 0 || s.Instance() != "i" ||
		!s.Exists() {
		t.Errorf("the holders are %v, want %v", got, want)
	}
}

// whole are resources without what refers to others that are not among them.
func whole(all []lanyard.Resource) []lanyard.Resource {
	for {
		n := len(all)
		all = slices.DeleteFunc(all, func(r lanyard.Resource) bool {
			return slices.ContainsFunc(r.Refs(), func(ref lanyard.Ref) bool {
				return ref.ID != "" &&
					!slices.ContainsFunc(all, func(o lanyard.Resource) bool { return o.Type() == ref.Type && o.Head().ID == ref.ID })
			})
		})
		if len(all) == n {
			return all
		}
	}
}

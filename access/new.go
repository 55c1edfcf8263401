package access

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/lanyard/lanyard"
)

// New returns the snapshot, at revision 0, of an instance with some resources, in any order. Lists are in the order
// of Seq; resources without a Seq follow, in the order given. Resources of types that decide nothing are ignored.
// The resources must not be changed afterwards.
//
// New fails rather than let anybody lose a right unnoticed: when a user or an AI agent holds a profile that is
// missing, when the hierarchy group of a user or one above a group is missing, and when two resources of a type
// have the same id or the same name. The error lists the first problems, each of which is a *lanyard.Error that
// matches lanyard.ErrNotFound, lanyard.ErrDuplicate or lanyard.ErrInvalid.
//
// What a profile refers to may be missing, as it may in Amazon Connect after a deletion: a missing hierarchy group
// has no members, and a missing flow module cannot be invoked. Permissions that are not in the catalogue (see
// lanyard.LookupPermission) are kept, and granted to whoever asks for exactly that name.
func New(instance *lanyard.Instance, resources ...lanyard.Resource) (*Snapshot, error) {
	var c checker
	if instance == nil {
		c.report(lanyard.Invalid, "instance must not be nil: its ID is required")
	} else if instance.ID == "" {
		c.report(lanyard.Invalid, "the id of the instance is required")
	}
	c.collect(resources)
	if len(c.problems) == 0 { // else it is not known what is there
		c.checkReferences()
	}
	if len(c.problems) > 0 {
		return nil, errors.Join(c.problems...)
	}
	edit := Empty(instance.ID).Edit()
	edit.Put(instance)
	for _, r := range bySeq(c.resources) {
		edit.Put(r)
	}
	return edit.Snapshot(0), nil
}

// bySeq sorts resources by Seq, those without one last.
func bySeq(resources []lanyard.Resource) []lanyard.Resource {
	slices.SortStableFunc(resources, func(a, b lanyard.Resource) int {
		x, y := a.Head().Seq, b.Head().Seq
		if (x > 0) != (y > 0) {
			return cmp.Compare(y, x)
		}
		return cmp.Compare(x, y)
	})
	return resources
}

// maxProblems is how many problems New reports.
const maxProblems = 10

// A checker finds what is wrong with the resources of an instance.
type checker struct {
	resources []lanyard.Resource // that decide something
	byID      map[lanyard.Ref]lanyard.Resource
	problems  []error
}

func (c *checker) report(k lanyard.Kind, format string, args ...any) {
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, lanyard.Errorf(k, format, args...))
	}
}

// nameOf is how messages name a resource.
func nameOf(t lanyard.Type, id string) string { return fmt.Sprintf("%s %q", typeNameOf[t], id) }

// typeNameOf are the names that queries use for the types that snapshots hold.
var typeNameOf = func() map[lanyard.Type]string {
	names := map[lanyard.Type]string{}
	for t, k := range kindOf {
		for name, named := range countable {
			if named == k {
				names[t] = name
			}
		}
	}
	return names
}()

// collect takes the resources that decide something and checks that each is one and that they are told apart.
func (c *checker) collect(resources []lanyard.Resource) {
	types := map[lanyard.Type]reflect.Type{}
	for t := range kindOf {
		types[t] = reflect.TypeOf(lanyard.New(t))
	}
	c.resources = make([]lanyard.Resource, 0, len(resources))
	c.byID = make(map[lanyard.Ref]lanyard.Resource, len(resources))
	byKey := make(map[lanyard.Ref]string, len(resources))
	for i, r := range resources {
		if v := reflect.ValueOf(r); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
			c.report(lanyard.Invalid, "resource %d must not be nil", i)
			continue
		}
		t, h := r.Type(), r.Head()
		switch want, decides := types[t]; {
		case t == lanyard.TypeInstance:
			c.report(lanyard.Invalid, "resource %d must belong to the instance, got instance %q", i, h.ID)
			continue
		case !decides:
			continue
		case reflect.TypeOf(r) != want:
			c.report(lanyard.Invalid, "resource %d must be a %v, got a %T", i, want, r)
			continue
		case h.ID == "":
			c.report(lanyard.Invalid, "resource %d: the id of the %s is required", i, typeNameOf[t])
			continue
		}
		ref, key := lanyard.Ref{Type: t, ID: h.ID}, lanyard.Ref{Type: t, ID: r.Key()}
		if _, twice := c.byID[ref]; twice {
			c.report(lanyard.Duplicate, "%s already exists", nameOf(t, h.ID))
			continue
		}
		if other, taken := byKey[key]; taken && h.Name != "" {
			c.report(lanyard.Duplicate, "%s: the name %q is in use by %s", nameOf(t, h.ID), h.Name, nameOf(t, other))
		}
		c.byID[ref], byKey[key] = r, h.ID
		c.resources = append(c.resources, r)
	}
}

// checkReferences checks that what a right depends on is there.
func (c *checker) checkReferences() {
	for _, r := range c.resources {
		switch r := r.(type) {
		case *lanyard.User:
			c.needsAll(r, lanyard.TypeProfile, r.Profiles...)
			if r.Group != "" {
				c.needsAll(r, lanyard.TypeGroup, r.Group)
			}
		case *lanyard.AIAgent:
			c.needsAll(r, lanyard.TypeProfile, r.Profiles...)
		case *lanyard.Group:
			c.checkPath(r)
		}
	}
}

// needsAll checks that everything of a type that r refers to is there.
func (c *checker) needsAll(r lanyard.Resource, t lanyard.Type, ids ...string) {
	for _, id := range ids {
		if c.byID[lanyard.Ref{Type: t, ID: id}] == nil {
			c.report(lanyard.NotFound, "%s: %s does not exist", nameOf(r.Type(), r.Head().ID), nameOf(t, id))
		}
	}
}

// checkPath checks that a group's path is its parent's and then itself.
func (c *checker) checkPath(g *lanyard.Group) {
	name := nameOf(lanyard.TypeGroup, g.ID)
	switch n := len(g.Path); {
	case n == 0 || n > lanyard.MaxLevels || g.Path[n-1] != g.ID:
		c.report(lanyard.Invalid, "%s: Path must be 1 to %d ids that end with the group's own, got %q", name,
			lanyard.MaxLevels, g.Path)
	case n > 1:
		parent, ok := c.byID[lanyard.Ref{Type: lanyard.TypeGroup, ID: g.Path[n-2]}].(*lanyard.Group)
		if !ok {
			c.needsAll(g, lanyard.TypeGroup, g.Path[n-2])
		} else if !slices.Equal(parent.Path, g.Path[:n-1]) {
			c.report(lanyard.Invalid, "%s: Path must be that of its parent, %q, and then its own id, got %q", name, parent.Path,
				g.Path)
		}
	}
}

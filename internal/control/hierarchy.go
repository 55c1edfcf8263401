package control

import (
	"context"
	"slices"
	"unicode/utf8"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/store"
)

// maxGroupName is documented for group names; level names get the same bound.
const maxGroupName = 100

func checkName(member, name string) error {
	if n := utf8.RuneCountInString(name); n < 1 || n > maxGroupName {
		return lanyard.Errorf(lanyard.Invalid, "%s must be 1 to %d characters long, got %d", member, maxGroupName, n)
	}
	return nil
}

// NewGroup is what CreateUserHierarchyGroup is told.
type NewGroup struct {
	Name   string
	Parent string // id or ARN; "" for a group at level one
	Tags   map[string]string
}

// CreateUserHierarchyGroup adds a group.
func (s *Service) CreateUserHierarchyGroup(ctx context.Context, call Call, instance string,
	n NewGroup) (Created[*lanyard.Group], error) {
	if err := checkName("Name", n.Name); err != nil {
		return Created[*lanyard.Group]{}, err
	}
	sent := &lanyard.Group{Meta: lanyard.Meta{Name: n.Name, Tags: n.Tags}}
	return create(ctx, s, call, instance, creation[*lanyard.Group]{resource: sent, quota: s.quotas.Groups,
		prepare: func(tx store.Tx, in *lanyard.Instance, g *lanyard.Group) error {
			return s.place(ctx, tx, in, g, n.Parent)
		}})
}

// place puts a new group below parent, or at level one when parent is "".
func (s *Service) place(ctx context.Context, r store.Reader, in *lanyard.Instance, g *lanyard.Group,
	parent string) error {
	if parent != "" {
		p, err := refer[*lanyard.Group](ctx, s, r, in, "ParentGroupId", parent)
		if err != nil {
			return err
		}
		g.Path = slices.Clone(p.Path)
	}
	g.Path = append(g.Path, g.ID)
	levels, err := s.levels(ctx, r, in)
	if err != nil {
		return err
	}
	if len(g.Path) > lanyard.MaxLevels {
		return lanyard.Errorf(lanyard.Invalid, "ParentGroupId must be a group above level %d, the deepest, got %s",
			lanyard.MaxLevels, lanyard.Quote(parent))
	}
	if len(g.Path) > len(levels.Levels) {
		return lanyard.Errorf(lanyard.NotFound,
			"level %d of the hierarchy structure does not exist; the structure has %d levels. Add the level of the group "+
				"with UpdateUserHierarchyStructure", len(g.Path), len(levels.Levels))
	}
	return nil
}

// levels returns the instance's hierarchy structure.
func (s *Service) levels(ctx context.Context, r store.Reader, in *lanyard.Instance) (*lanyard.Structure, error) {
	return load[*lanyard.Structure](ctx, s, r, in, lanyard.StructureID)
}

// GroupPath is a group with those above it, level one first, and the instance's levels.
type GroupPath struct {
	Group  *lanyard.Group
	Above  []*lanyard.Group // ends with Group itself
	Levels []lanyard.Level
}

// DescribeUserHierarchyGroup returns a group and its place in the hierarchy.
func (s *Service) DescribeUserHierarchyGroup(ctx context.Context, call Call, instance,
	group string) (*lanyard.Instance, GroupPath, error) {
	in, g, err := describe[*lanyard.Group](ctx, s, call, instance, group)
	if err != nil {
		return nil, GroupPath{}, err
	}
	path, err := s.GroupPath(ctx, call, in, g)
	return in, path, err
}

// GroupPath returns the place of a group of in. Of groups above it that the user on whose behalf the call is
// made may not view, it has the id alone.
func (s *Service) GroupPath(ctx context.Context, call Call, in *lanyard.Instance, g *lanyard.Group) (GroupPath, error) {
	path, err := s.path(ctx, s.store.Reader(in.ID), in, g)
	if err != nil {
		return path, err
	}
	see, err := s.Sight(ctx, call, in)
	for i, above := range path.Above {
		if above.ID != g.ID && !see.Sees(lanyard.TypeGroup, above.ID) {
			path.Above[i] = &lanyard.Group{Meta: lanyard.Meta{ID: above.ID}}
		}
	}
	return path, err
}

func (s *Service) path(ctx context.Context, r store.Reader, in *lanyard.Instance, g *lanyard.Group) (GroupPath, error) {
	st, err := s.levels(ctx, r, in)
	if err != nil {
		return GroupPath{}, err
	}
	p := GroupPath{Group: g, Levels: st.Levels}
	for _, id := range g.Path {
		above := g
		if id != g.ID {
			if above, err = load[*lanyard.Group](ctx, s, r, in, id); err != nil {
				return GroupPath{}, err
			}
		}
		p.Above = append(p.Above, above)
	}
	return p, nil
}

// UpdateUserHierarchyGroupName renames a group.
func (s *Service) UpdateUserHierarchyGroupName(ctx context.Context, call Call, instance, group, name string) (Result,
	error) {
	if err := checkName("Name", name); err != nil {
		return Result{}, err
	}
	return update(ctx, s, call, instance, group, func(_ store.Tx, _ *lanyard.Instance, g *lanyard.Group) error {
		g.Name = name
		return nil
	})
}

// DeleteUserHierarchyGroup removes a group without groups below it and without users.
func (s *Service) DeleteUserHierarchyGroup(ctx context.Context, call Call, instance, group string) (Result, error) {
	return remove[*lanyard.Group](ctx, s, call, instance, group, lanyard.TypeGroup, lanyard.TypeUser)
}

// DescribeUserHierarchyStructure returns the levels of the hierarchy.
func (s *Service) DescribeUserHierarchyStructure(ctx context.Context, call Call,
	instance string) (*lanyard.Instance, *lanyard.Structure, error) {
	return describe[*lanyard.Structure](ctx, s, call, instance, lanyard.StructureID)
}

var levelNames = [lanyard.MaxLevels]string{"LevelOne", "LevelTwo", "LevelThree", "LevelFour", "LevelFive"}

// UpdateUserHierarchyStructure sets the levels: a name adds or renames a level, nil removes it.
// Levels with groups cannot be removed, and there are no gaps.
func (s *Service) UpdateUserHierarchyStructure(ctx context.Context, call Call, instance string,
	names [lanyard.MaxLevels]*string) (Result, error) {
	count := 0
	for i, name := range names {
		if name == nil {
			continue
		}
		if count != i {
			return Result{}, lanyard.Errorf(lanyard.Invalid,
				"HierarchyStructure.%s is required when HierarchyStructure.%s is given: levels have no gaps", levelNames[count],
				levelNames[i])
		}
		if err := checkName("HierarchyStructure."+levelNames[i]+".Name", *name); err != nil {
			return Result{}, err
		}
		count++
	}
	change := func(tx store.Tx, _ *lanyard.Instance, st *lanyard.Structure) error {
		before := st.Levels
		if err := s.levelsEmpty(ctx, tx, count, len(before)); err != nil {
			return err
		}
		st.Levels = st.Levels[:min(count, len(before))]
		for i := range count {
			switch {
			case i >= len(before):
				st.Levels = append(st.Levels, lanyard.Level{ID: lanyard.LevelID(i + 1), Name: *names[i], Modified: s.time()})
			case before[i].Name != *names[i]:
				st.Levels[i].Name, st.Levels[i].Modified = *names[i], s.time()
			}
		}
		return nil
	}
	return update(ctx, s, call, instance, lanyard.StructureID, change)
}

// levelsEmpty returns an error unless the levels after keep, of have, are without groups.
func (s *Service) levelsEmpty(ctx context.Context, r store.Reader, keep, have int) error {
	if keep >= have {
		return nil
	}
	return each(ctx, r, func(found *lanyard.Group) error {
		if len(found.Path) <= keep {
			return nil
		}
		if g, ok := r.(*guard); ok && !g.views(g.snapshot, lanyard.TypeGroup, found.ID) {
			return lanyard.Errorf(lanyard.InUse, "HierarchyStructure.%s is in use by groups at that level; delete them first",
				levelNames[len(found.Path)-1])
		}
		e := lanyard.Errorf(lanyard.InUse, "HierarchyStructure.%s is in use by group %q (%s) at that level; delete it first",
			levelNames[len(found.Path)-1], found.Name, found.ID)
		e.Ref = lanyard.Ref{Type: lanyard.TypeGroup, ID: found.ID}
		return e
	})
}

package mirror

import (
	"context"
	"fmt"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
)

// hierarchy reads the levels and the groups.
func (r *reader) hierarchy(ctx context.Context) error {
	out, err := call[model.DescribeUserHierarchyStructureResponse](ctx, r, "DescribeUserHierarchyStructure", r.in(), nil)
	if err != nil {
		return err
	}
	st := &lanyard.Structure{Meta: lanyard.Meta{ID: lanyard.StructureID, Name: lanyard.StructureID}}
	if s := out.HierarchyStructure; s != nil {
		if st.Levels, err = levels(s); err != nil {
			return err
		}
		for _, l := range st.Levels {
			if l.Modified.After(st.Modified) {
				st.Modified = l.Modified
			}
		}
	}
	if err := r.add(st); err != nil {
		return err
	}
	return readPages(ctx, r, listing[model.SearchUserHierarchyGroupsResponse, model.HierarchyGroup]{
		operation: "SearchUserHierarchyGroups", input: r.in(), most: 100, list: "UserHierarchyGroups",
		items: func(o *model.SearchUserHierarchyGroupsResponse) ([]model.HierarchyGroup, *string) {
			return o.UserHierarchyGroups, o.NextToken
		},
		total: func(o *model.SearchUserHierarchyGroupsResponse) *int64 { return o.ApproximateTotalCount },
		each: func(g model.HierarchyGroup, _ lanyard.Settings) error {
			group, err := r.group(g)
			if err != nil {
				return err
			}
			return r.add(group)
		}})
}

func levels(s *model.HierarchyStructure) (list []lanyard.Level, err error) {
	all := []*model.HierarchyLevel{s.LevelOne, s.LevelTwo, s.LevelThree, s.LevelFour, s.LevelFive}
	for i, l := range all {
		switch {
		case l == nil:
		case len(list) < i:
			return nil, fmt.Errorf("DescribeUserHierarchyStructure: level %d is required when there is a level %d", len(list)+1,
				i+1)
		default:
			list = append(list, lanyard.Level{ID: lanyard.LevelID(i + 1), Name: text(l.Name),
				Modified: when(l.LastModifiedTime).Modified})
		}
	}
	return list, nil
}

func (r *reader) group(g model.HierarchyGroup) (*lanyard.Group, error) {
	if err := r.checkID("hierarchy group", g.Id, g.Arn); err != nil {
		return nil, err
	}
	out := &lanyard.Group{Meta: when(g.LastModifiedTime)}
	out.ID, out.Name, out.Tags = *g.Id, text(g.Name), some(g.Tags)
	if h := g.HierarchyPath; h != nil {
		for _, l := range []*model.HierarchyGroupSummary{h.LevelOne, h.LevelTwo, h.LevelThree, h.LevelFour, h.LevelFive} {
			if l != nil {
				out.Path = append(out.Path, text(l.Id))
			}
		}
	}
	if n := len(out.Path); n == 0 || slices.Index(out.Path, out.ID) != n-1 {
		return nil, fmt.Errorf("HierarchyPath of hierarchy group %s must end with the group itself", lanyard.Quote(out.ID))
	}
	return out, nil
}

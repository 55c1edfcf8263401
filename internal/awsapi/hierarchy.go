package awsapi

import (
	"context"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

func (s *Server) createUserHierarchyGroup(ctx context.Context, req *request,
	in *model.CreateUserHierarchyGroupRequest) (answer, error) {
	created, err := s.control.CreateUserHierarchyGroup(ctx, req.Call, *in.InstanceId,
		control.NewGroup{Name: *in.Name, Parent: text(in.ParentGroupId), Tags: in.Tags})
	if err != nil {
		return answer{}, err
	}
	return answer{created.Result, &model.CreateUserHierarchyGroupResponse{HierarchyGroupId: &created.Resource.ID,
		HierarchyGroupArn: s.arn(created.Instance, created.Resource)}}, nil
}

func (s *Server) groupSummary(in *lanyard.Instance, g *lanyard.Group) model.HierarchyGroupSummary {
	if g.Name == "" { // it may not be viewed
		return model.HierarchyGroupSummary{Id: &g.ID, Arn: s.arn(in, g)}
	}
	return model.HierarchyGroupSummary{Id: &g.ID, Arn: s.arn(in, g), Name: &g.Name, LastModifiedTime: stamp(g.Modified),
		LastModifiedRegion: &in.Region}
}

func (s *Server) group(in *lanyard.Instance, p control.GroupPath) model.HierarchyGroup {
	g := p.Group
	out := model.HierarchyGroup{Id: &g.ID, Arn: s.arn(in, g), Name: &g.Name, HierarchyPath: &model.HierarchyPath{},
		Tags:             fullMap(g.Tags),
		LastModifiedTime: stamp(g.Modified), LastModifiedRegion: &in.Region}
	if n := len(g.Path); n <= len(p.Levels) {
		out.LevelId = ptr(lanyard.LevelID(n))
	}
	h := out.HierarchyPath
	for i, to := range []**model.HierarchyGroupSummary{&h.LevelOne, &h.LevelTwo, &h.LevelThree, &h.LevelFour,
		&h.LevelFive} {
		if i < len(p.Above) {
			*to = ptr(s.groupSummary(in, p.Above[i]))
		}
	}
	return out
}

func (s *Server) describeUserHierarchyGroup(ctx context.Context, req *request,
	in *model.DescribeUserHierarchyGroupRequest) (any, error) {
	instance, p, err := s.control.DescribeUserHierarchyGroup(ctx, req.Call, *in.InstanceId, *in.HierarchyGroupId)
	if err != nil {
		return nil, err
	}
	return &model.DescribeUserHierarchyGroupResponse{HierarchyGroup: ptr(s.group(instance, p))}, nil
}

func (s *Server) listUserHierarchyGroups(ctx context.Context, req *request,
	in *model.ListUserHierarchyGroupsRequest) (any, error) {
	l, err := listed[*lanyard.Group](ctx, s, req, listing{in.InstanceId, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &model.ListUserHierarchyGroupsResponse{UserHierarchyGroupSummaryList: make([]model.HierarchyGroupSummary,
		len(l.Items)), NextToken: l.next}
	for i, g := range l.Items {
		out.UserHierarchyGroupSummaryList[i] = s.groupSummary(l.Instance, g)
	}
	return out, nil
}

func (s *Server) searchUserHierarchyGroups(ctx context.Context, req *request,
	in *model.SearchUserHierarchyGroupsRequest) (any, error) {
	f, err := search[*lanyard.Group](ctx, s, req, searching{listing{in.InstanceId, in.MaxResults, in.NextToken},
		in.SearchCriteria, in.SearchFilter, hierarchyGroupConditions(in)})
	if err != nil {
		return nil, err
	}
	out := &model.SearchUserHierarchyGroupsResponse{UserHierarchyGroups: make([]model.HierarchyGroup, len(f.Items)),
		NextToken: f.next, ApproximateTotalCount: &f.Total}
	for i, g := range f.Items {
		p, err := s.control.GroupPath(ctx, req.Call, f.Instance, g)
		if err != nil {
			return nil, err
		}
		out.UserHierarchyGroups[i] = s.group(f.Instance, p)
	}
	return out, nil
}

func (s *Server) deleteUserHierarchyGroup(ctx context.Context, req *request,
	in *model.DeleteUserHierarchyGroupRequest) (control.Result, error) {
	return s.control.DeleteUserHierarchyGroup(ctx, req.Call, *in.InstanceId, *in.HierarchyGroupId)
}

func (s *Server) updateUserHierarchyGroupName(ctx context.Context, req *request,
	in *model.UpdateUserHierarchyGroupNameRequest) (control.Result, error) {
	return s.control.UpdateUserHierarchyGroupName(ctx, req.Call, *in.InstanceId, *in.HierarchyGroupId, *in.Name)
}

func (s *Server) describeUserHierarchyStructure(ctx context.Context, req *request,
	in *model.DescribeUserHierarchyStructureRequest) (any, error) {
	instance, st, err := s.control.DescribeUserHierarchyStructure(ctx, req.Call, *in.InstanceId)
	if err != nil {
		return nil, err
	}
	out := &model.HierarchyStructure{}
	for i, to := range []**model.HierarchyLevel{&out.LevelOne, &out.LevelTwo, &out.LevelThree, &out.LevelFour,
		&out.LevelFive} {
		if i < len(st.Levels) {
			l, id := st.Levels[i], lanyard.LevelID(i+1)
			*to = &model.HierarchyLevel{Id: &id, Arn: ptr(s.control.ARN(instance, lanyard.TypeLevel, id)), Name: &l.Name,
				LastModifiedTime: stamp(l.Modified), LastModifiedRegion: &instance.Region}
		}
	}
	return &model.DescribeUserHierarchyStructureResponse{HierarchyStructure: out}, nil
}

func (s *Server) updateUserHierarchyStructure(ctx context.Context, req *request,
	in *model.UpdateUserHierarchyStructureRequest) (control.Result, error) {
	var names [lanyard.MaxLevels]*string
	h := in.HierarchyStructure
	for i, l := range []*model.HierarchyLevelUpdate{h.LevelOne, h.LevelTwo, h.LevelThree, h.LevelFour, h.LevelFive} {
		if l != nil {
			names[i] = l.Name
		}
	}
	return s.control.UpdateUserHierarchyStructure(ctx, req.Call, *in.InstanceId, names)
}

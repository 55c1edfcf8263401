package awsapi

import (
	"context"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

func (s *Server) createSecurityProfile(ctx context.Context, req *request,
	in *model.CreateSecurityProfileRequest) (answer, error) {
	created, err := s.control.CreateSecurityProfile(ctx, req.Call, *in.InstanceId, control.NewProfile{
		Name: *in.SecurityProfileName, Tags: in.Tags, ProfileChange: control.ProfileChange{
			Description: in.Description, Permissions: in.Permissions, AccessTags: in.AllowedAccessControlTags,
			TagRestricted: in.TagRestrictedResources, HierarchyRestricted: in.HierarchyRestrictedResources,
			HierarchyGroup: in.AllowedAccessControlHierarchyGroupId, Applications: applications(in.Applications),
			FlowModules: flowModules(in.AllowedFlowModules), AIAgents: aiAgents(in.AllowedAIAgents),
			DataTables: dataTables(in.GranularAccessControlConfiguration),
		}})
	if err != nil {
		return answer{}, err
	}
	return answer{created.Result, &model.CreateSecurityProfileResponse{SecurityProfileId: &created.Resource.ID,
		SecurityProfileArn: s.arn(created.Instance, created.Resource)}}, nil
}

func (s *Server) updateSecurityProfile(ctx context.Context, req *request,
	in *model.UpdateSecurityProfileRequest) (control.Result, error) {
	return s.control.UpdateSecurityProfile(ctx, req.Call, *in.InstanceId, *in.SecurityProfileId,
		control.ProfileChange{
			Description: in.Description, Permissions: in.Permissions, AccessTags: in.AllowedAccessControlTags,
			TagRestricted: in.TagRestrictedResources, HierarchyRestricted: in.HierarchyRestrictedResources,
			HierarchyGroup: in.AllowedAccessControlHierarchyGroupId, Applications: applications(in.Applications),
			FlowModules: flowModules(in.AllowedFlowModules), AIAgents: aiAgents(in.AllowedAIAgents),
			DataTables: dataTables(in.GranularAccessControlConfiguration),
		})
}

// The conversions below keep the difference between absent (nil) and empty.

func applications(sent []model.Application) []lanyard.Application {
	if sent == nil {
		return nil
	}
	apps := make([]lanyard.Application, len(sent))
	for i, a := range sent {
		apps[i] = lanyard.Application{Namespace: text(a.Namespace), Permissions: a.ApplicationPermissions, Type: text(a.Type)}
	}
	return apps
}

func flowModules(sent []model.FlowModule) []lanyard.FlowModule {
	if sent == nil {
		return nil
	}
	modules := make([]lanyard.FlowModule, len(sent))
	for i, m := range sent {
		modules[i] = lanyard.FlowModule{Type: text(m.Type), ID: text(m.FlowModuleId)}
	}
	return modules
}

func aiAgents(sent []model.AIAgent) []lanyard.AllowedAIAgent {
	if sent == nil {
		return nil
	}
	agents := make([]lanyard.AllowedAIAgent, len(sent))
	for i, a := range sent {
		agents[i] = lanyard.AllowedAIAgent{ARN: text(a.Arn), Type: text(a.Type)}
	}
	return agents
}

// dataTables reads the granular configuration; an empty object at any level clears it.
func dataTables(sent *model.GranularAccessControlConfiguration) []lanyard.AttributeRule {
	if sent == nil {
		return nil
	}
	rules := []lanyard.AttributeRule{}
	if t := sent.DataTableAccessControlConfiguration; t != nil && t.PrimaryAttributeAccessControlConfiguration != nil {
		for _, v := range t.PrimaryAttributeAccessControlConfiguration.PrimaryAttributeValues {
			rules = append(rules,
				lanyard.AttributeRule{Access: text(v.AccessType), Attribute: text(v.AttributeName), Values: v.Values})
		}
	}
	return rules
}

func granular(rules []lanyard.AttributeRule) *model.GranularAccessControlConfiguration {
	if len(rules) == 0 {
		return nil
	}
	values := make([]model.PrimaryAttributeValue, len(rules))
	for i, r := range rules {
		values[i] = model.PrimaryAttributeValue{AccessType: &r.Access, AttributeName: &r.Attribute, Values: r.Values}
	}
	return &model.GranularAccessControlConfiguration{
		DataTableAccessControlConfiguration: &model.DataTableAccessControlConfiguration{
			PrimaryAttributeAccessControlConfiguration: &model.PrimaryAttributeAccessControlConfigurationItem{
				PrimaryAttributeValues: values}}}
}

func (s *Server) describeSecurityProfile(ctx context.Context, req *request,
	in *model.DescribeSecurityProfileRequest) (answer, error) {
	instance, p, err := s.control.DescribeSecurityProfile(ctx, req.Call, *in.InstanceId, *in.SecurityProfileId)
	if err != nil {
		return answer{}, err
	}
	out := &model.DescribeSecurityProfileResponse{SecurityProfile: &model.SecurityProfile{
		Id:                                   &p.ID,
		Arn:                                  ptr(s.control.ARN(instance, p.Type(), p.ID)),
		OrganizationResourceId:               &instance.ID,
		SecurityProfileName:                  &p.Name,
		Description:                          some(p.Description),
		Tags:                                 fullMap(p.Tags),
		AllowedAccessControlTags:             fullMap(p.AccessTags),
		TagRestrictedResources:               full(p.TagRestricted),
		HierarchyRestrictedResources:         full(p.HierarchyRestricted),
		AllowedAccessControlHierarchyGroupId: some(p.HierarchyGroup),
		GranularAccessControlConfiguration:   granular(p.DataTables),
		LastModifiedTime:                     stamp(p.Modified),
		LastModifiedRegion:                   &instance.Region,
	}}
	return answer{control.Result{ETag: control.ETag(p), Warnings: p.Warnings()}, out}, nil
}

func (s *Server) deleteSecurityProfile(ctx context.Context, req *request,
	in *model.DeleteSecurityProfileRequest) (control.Result, error) {
	return s.control.DeleteSecurityProfile(ctx, req.Call, *in.InstanceId, *in.SecurityProfileId)
}

func (s *Server) listSecurityProfiles(ctx context.Context, req *request,
	in *model.ListSecurityProfilesRequest) (any, error) {
	scope := bare(in.InstanceId)
	page, err := s.page(req, in.MaxResults, in.NextToken, scope)
	if err != nil {
		return nil, err
	}
	l, err := control.List[*lanyard.Profile](ctx, s.control, req.Call, *in.InstanceId, page.Page)
	if err != nil {
		return nil, err
	}
	out := &model.ListSecurityProfilesResponse{SecurityProfileSummaryList: make([]model.SecurityProfileSummary,
		len(l.Items)),
		NextToken: page.next(l.Next, 0)}
	for i, p := range l.Items {
		out.SecurityProfileSummaryList[i] = model.SecurityProfileSummary{
			Id: &p.ID, Arn: ptr(s.control.ARN(l.Instance, p.Type(), p.ID)), Name: &p.Name,
			LastModifiedTime: stamp(p.Modified), LastModifiedRegion: &l.Instance.Region,
		}
	}
	return out, nil
}

func (s *Server) searchSecurityProfiles(ctx context.Context, req *request,
	in *model.SearchSecurityProfilesRequest) (any, error) {
	found, err := search[*lanyard.Profile](ctx, s, req, searching{listing{in.InstanceId, in.MaxResults, in.NextToken},
		in.SearchCriteria, in.SearchFilter, profileConditions(in)})
	if err != nil {
		return nil, err
	}
	out := &model.SearchSecurityProfilesResponse{SecurityProfiles: make([]model.SecurityProfileSearchSummary,
		len(found.Items)), NextToken: found.next, ApproximateTotalCount: &found.Total}
	for i, p := range found.Items {
		out.SecurityProfiles[i] = model.SecurityProfileSearchSummary{
			Id: &p.ID, OrganizationResourceId: &found.Instance.ID, Arn: ptr(s.control.ARN(found.Instance, p.Type(), p.ID)),
			SecurityProfileName: &p.Name, Description: some(p.Description), Tags: fullMap(p.Tags),
		}
	}
	return out, nil
}

func (s *Server) listSecurityProfilePermissions(ctx context.Context, req *request,
	in *model.ListSecurityProfilePermissionsRequest) (any, error) {
	scope := []string{bare(in.InstanceId), bare(in.SecurityProfileId)}
	page, err := s.page(req, in.MaxResults, in.NextToken, scope...)
	if err != nil {
		return nil, err
	}
	l, err := s.control.ListSecurityProfilePermissions(ctx, req.Call, *in.InstanceId,
		*in.SecurityProfileId, page.Page)
	if err != nil {
		return nil, err
	}
	return &model.ListSecurityProfilePermissionsResponse{Permissions: full(l.Items),
		NextToken:        page.next(l.Next, 0),
		LastModifiedTime: stamp(l.Of.Modified), LastModifiedRegion: &l.Instance.Region}, nil
}

func (s *Server) listSecurityProfileApplications(ctx context.Context, req *request,
	in *model.ListSecurityProfileApplicationsRequest) (any, error) {
	scope := []string{bare(in.InstanceId), bare(in.SecurityProfileId)}
	page, err := s.page(req, in.MaxResults, in.NextToken, scope...)
	if err != nil {
		return nil, err
	}
	l, err := s.control.ListSecurityProfileApplications(ctx, req.Call, *in.InstanceId,
		*in.SecurityProfileId, page.Page)
	if err != nil {
		return nil, err
	}
	out := &model.ListSecurityProfileApplicationsResponse{Applications: make([]model.Application, len(l.Items)),
		NextToken:        page.next(l.Next, 0),
		LastModifiedTime: stamp(l.Of.Modified), LastModifiedRegion: &l.Instance.Region}
	for i, a := range l.Items {
		out.Applications[i] = model.Application{Namespace: &a.Namespace, ApplicationPermissions: a.Permissions, Type: &a.Type}
	}
	return out, nil
}

func (s *Server) listSecurityProfileFlowModules(ctx context.Context, req *request,
	in *model.ListSecurityProfileFlowModulesRequest) (any, error) {
	scope := []string{bare(in.InstanceId), bare(in.SecurityProfileId)}
	page, err := s.page(req, in.MaxResults, in.NextToken, scope...)
	if err != nil {
		return nil, err
	}
	l, err := s.control.ListSecurityProfileFlowModules(ctx, req.Call, *in.InstanceId,
		*in.SecurityProfileId, page.Page)
	if err != nil {
		return nil, err
	}
	out := &model.ListSecurityProfileFlowModulesResponse{AllowedFlowModules: make([]model.FlowModule, len(l.Items)),
		NextToken:        page.next(l.Next, 0),
		LastModifiedTime: stamp(l.Of.Modified), LastModifiedRegion: &l.Instance.Region}
	for i, m := range l.Items {
		out.AllowedFlowModules[i] = model.FlowModule{Type: &m.Type, FlowModuleId: &m.ID}
	}
	return out, nil
}

func (s *Server) listSecurityProfileAIAgents(ctx context.Context, req *request,
	in *model.ListSecurityProfileAIAgentsRequest) (any, error) {
	scope := []string{bare(in.InstanceId), bare(in.SecurityProfileId)}
	page, err := s.page(req, in.MaxResults, in.NextToken, scope...)
	if err != nil {
		return nil, err
	}
	page.Limit = min(page.Limit, 100) // the answer's list has that bound, though MaxResults may be more
	l, err := s.control.ListSecurityProfileAIAgents(ctx, req.Call, *in.InstanceId,
		*in.SecurityProfileId, page.Page)
	if err != nil {
		return nil, err
	}
	out := &model.ListSecurityProfileAIAgentsResponse{AllowedAIAgents: make([]model.AIAgent, len(l.Items)),
		NextToken:        page.next(l.Next, 0),
		LastModifiedTime: stamp(l.Of.Modified), LastModifiedRegion: &l.Instance.Region}
	for i, a := range l.Items {
		out.AllowedAIAgents[i] = model.AIAgent{Arn: &a.ARN, Type: &a.Type}
	}
	return out, nil
}

func (s *Server) associateSecurityProfiles(ctx context.Context, req *request,
	in *model.AssociateSecurityProfilesRequest) (control.Result, error) {
	ids, err := itemIDs(in.SecurityProfiles)
	if err != nil {
		return control.Result{}, err
	}
	return s.control.AssociateSecurityProfiles(ctx, req.Call, *in.InstanceId,
		control.Entity{Type: *in.EntityType, ARN: *in.EntityArn}, ids)
}

func (s *Server) disassociateSecurityProfiles(ctx context.Context, req *request,
	in *model.DisassociateSecurityProfilesRequest) (control.Result, error) {
	ids, err := itemIDs(in.SecurityProfiles)
	if err != nil {
		return control.Result{}, err
	}
	return s.control.DisassociateSecurityProfiles(ctx, req.Call, *in.InstanceId,
		control.Entity{Type: *in.EntityType, ARN: *in.EntityArn}, ids)
}

func itemIDs(items []model.SecurityProfileItem) ([]string, error) {
	ids := make([]string, len(items))
	for i, item := range items {
		if item.Id == nil {
			return nil, lanyard.Errorf(lanyard.Invalid, "SecurityProfiles[%d].Id is required", i)
		}
		ids[i] = *item.Id
	}
	return ids, nil
}

func (s *Server) listEntitySecurityProfiles(ctx context.Context, req *request,
	in *model.ListEntitySecurityProfilesRequest) (any, error) {
	scope := []string{bare(in.InstanceId), *in.EntityType, *in.EntityArn}
	page, err := s.page(req, in.MaxResults, in.NextToken, scope...)
	if err != nil {
		return nil, err
	}
	ids, next, err := s.control.ListEntitySecurityProfiles(ctx, req.Call, *in.InstanceId,
		control.Entity{Type: *in.EntityType, ARN: *in.EntityArn}, page.Page)
	if err != nil {
		return nil, err
	}
	out := &model.ListEntitySecurityProfilesResponse{SecurityProfiles: make([]model.SecurityProfileItem, len(ids)),
		NextToken: page.next(next, 0)}
	for i := range ids {
		out.SecurityProfiles[i] = model.SecurityProfileItem{Id: &ids[i]}
	}
	return out, nil
}

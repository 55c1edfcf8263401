package awsapi

import (
	"context"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

// The state of a flow module that is not active, and the statuses.
const (
	archived  = "ARCHIVED"
	published = "PUBLISHED"
	saved     = "SAVED"
)

func (s *Server) createContactFlowModule(ctx context.Context, req *request,
	in *model.CreateContactFlowModuleRequest) (answer, error) {
	m := &lanyard.Module{Meta: lanyard.Meta{Name: *in.Name, Tags: in.Tags}, Description: text(in.Description),
		Content: *in.Content, Settings: moduleSettings(in.Settings)}
	if e := in.ExternalInvocationConfiguration; e != nil && e.Enabled != nil {
		m.ExternalInvocation = *e.Enabled
	}
	created, err := s.control.CreateContactFlowModule(ctx, req.Call, *in.InstanceId, m, text(in.ClientToken))
	if err != nil {
		return answer{}, err
	}
	return answer{created.Result, &model.CreateContactFlowModuleResponse{Id: &created.Resource.ID,
		Arn: s.arn(created.Instance, created.Resource)}}, nil
}

func moduleSettings(sent *string) lanyard.Settings {
	settings := lanyard.Settings{}
	keep(settings, "Settings", sent)
	return settings
}

func (s *Server) module(in *lanyard.Instance, m control.ModuleView) (model.ContactFlowModule, error) {
	state, status := active, published
	if m.Archived {
		state = archived
	}
	if m.Saved {
		status = saved
	}
	out := model.ContactFlowModule{Id: &m.ID, Arn: s.arn(in, m), Name: &m.Name, Description: some(m.Description),
		Content: &m.Content,
		State:   &state, Status: &status, Tags: fullMap(m.Tags), FlowModuleContentSha256: ptr(control.ContentSum(m.Content)),
		ExternalInvocationConfiguration: &model.ExternalInvocationConfiguration{Enabled: &m.ExternalInvocation}}
	if m.Version > 0 {
		out.Version, out.VersionDescription = &m.Version, some(m.VersionDescription)
	}
	return out, kept(m.Settings, "Settings", &out.Settings)
}

func (s *Server) describeContactFlowModule(ctx context.Context, req *request,
	in *model.DescribeContactFlowModuleRequest) (any, error) {
	instance, m, err := s.control.DescribeContactFlowModule(ctx, req.Call, *in.InstanceId, *in.ContactFlowModuleId)
	if err != nil {
		return nil, err
	}
	out, err := s.module(instance, m)
	return &model.DescribeContactFlowModuleResponse{ContactFlowModule: &out}, err
}

func (s *Server) listContactFlowModules(ctx context.Context, req *request,
	in *model.ListContactFlowModulesRequest) (any, error) {
	state := text(in.ContactFlowModuleState)
	scope := []string{bare(in.InstanceId), state}
	page, _, err := s.page(req, in.MaxResults, in.NextToken, scope...)
	if err != nil {
		return nil, err
	}
	instance, list, next, err := s.control.ListContactFlowModules(ctx, req.Call, *in.InstanceId, state, page)
	if err != nil {
		return nil, err
	}
	out := &model.ListContactFlowModulesResponse{NextToken: s.next(req, next, 0, scope...),
		ContactFlowModulesSummaryList: make([]model.ContactFlowModuleSummary, len(list))}
	for i, m := range list {
		state := active
		if m.Archived {
			state = archived
		}
		out.ContactFlowModulesSummaryList[i] = model.ContactFlowModuleSummary{Id: &m.ID, Arn: s.arn(instance, m),
			Name: &m.Name, State: &state}
	}
	return out, nil
}

func (s *Server) searchContactFlowModules(ctx context.Context, req *request,
	in *model.SearchContactFlowModulesRequest) (any, error) {
	f, err := search[*lanyard.Module](ctx, s, req, in.InstanceId, in.SearchCriteria, in.SearchFilter, in.MaxResults,
		in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &model.SearchContactFlowModulesResponse{ContactFlowModules: make([]model.ContactFlowModule, len(f.page)),
		NextToken: f.next, ApproximateTotalCount: &f.total}
	for i, m := range f.page {
		if out.ContactFlowModules[i], err = s.module(f.instance, control.ModuleView{Module: m}); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Server) deleteContactFlowModule(ctx context.Context, req *request,
	in *model.DeleteContactFlowModuleRequest) (control.Result, error) {
	return s.control.DeleteContactFlowModule(ctx, req.Call, *in.InstanceId, *in.ContactFlowModuleId)
}

func (s *Server) updateContactFlowModuleContent(ctx context.Context, req *request,
	in *model.UpdateContactFlowModuleContentRequest) (control.Result, error) {
	return s.control.UpdateContactFlowModuleContent(ctx, req.Call, *in.InstanceId, *in.ContactFlowModuleId, in.Content,
		moduleSettings(in.Settings))
}

func (s *Server) updateContactFlowModuleMetadata(ctx context.Context, req *request,
	in *model.UpdateContactFlowModuleMetadataRequest) (control.Result, error) {
	c := control.ModuleChange{Name: in.Name, Description: in.Description}
	if in.State != nil {
		c.Archived = ptr(*in.State == archived)
	}
	return s.control.UpdateContactFlowModuleMetadata(ctx, req.Call, *in.InstanceId, *in.ContactFlowModuleId,
		c)
}

func (s *Server) createContactFlowModuleVersion(ctx context.Context, req *request,
	in *model.CreateContactFlowModuleVersionRequest) (answer, error) {
	created, err := s.control.CreateContactFlowModuleVersion(ctx, req.Call, *in.InstanceId, *in.ContactFlowModuleId,
		text(in.Description), text(in.FlowModuleContentSha256))
	if err != nil {
		return answer{}, err
	}
	arn := s.control.ARN(created.Instance, lanyard.TypeModule, created.Resource.Module)
	return answer{created.Result, &model.CreateContactFlowModuleVersionResponse{ContactFlowModuleArn: &arn,
		Version: &created.Resource.Number}}, nil
}

func (s *Server) listContactFlowModuleVersions(ctx context.Context, req *request,
	in *model.ListContactFlowModuleVersionsRequest) (any, error) {
	scope := []string{bare(in.InstanceId), bare(in.ContactFlowModuleId)}
	page, _, err := s.page(req, in.MaxResults, in.NextToken, scope...)
	if err != nil {
		return nil, err
	}
	instance, list, next, err := s.control.ListContactFlowModuleVersions(ctx, req.Call, *in.InstanceId,
		*in.ContactFlowModuleId, page)
	if err != nil {
		return nil, err
	}
	out := &model.ListContactFlowModuleVersionsResponse{NextToken: s.next(req, next, 0, scope...),
		ContactFlowModuleVersionSummaryList: make([]model.ContactFlowModuleVersionSummary, len(list))}
	for i, v := range list {
		out.ContactFlowModuleVersionSummaryList[i] = model.ContactFlowModuleVersionSummary{
			Arn: ptr(s.control.ARN(instance, lanyard.TypeModule, v.ID)), Version: &v.Number,
			VersionDescription: some(v.Description)}
	}
	return out, nil
}

func (s *Server) deleteContactFlowModuleVersion(ctx context.Context, req *request,
	in *model.DeleteContactFlowModuleVersionRequest) (control.Result, error) {
	return s.control.DeleteContactFlowModuleVersion(ctx, req.Call, *in.InstanceId, *in.ContactFlowModuleId,
		*in.ContactFlowModuleVersion)
}

func (s *Server) createContactFlowModuleAlias(ctx context.Context, req *request,
	in *model.CreateContactFlowModuleAliasRequest) (answer, error) {
	created, err := s.control.CreateContactFlowModuleAlias(ctx, req.Call, *in.InstanceId, *in.ContactFlowModuleId,
		lanyard.ModuleAlias{Meta: lanyard.Meta{Name: *in.AliasName}, Version: *in.ContactFlowModuleVersion,
			Description: text(in.Description)})
	if err != nil {
		return answer{}, err
	}
	arn := s.control.ARN(created.Instance, lanyard.TypeModule, created.Resource.Module)
	return answer{created.Result, &model.CreateContactFlowModuleAliasResponse{ContactFlowModuleArn: &arn,
		Id: &created.Resource.ID}}, nil
}

func (s *Server) describeContactFlowModuleAlias(ctx context.Context, req *request,
	in *model.DescribeContactFlowModuleAliasRequest) (any, error) {
	instance, a, err := s.control.DescribeContactFlowModuleAlias(ctx, req.Call, *in.InstanceId, *in.ContactFlowModuleId,
		*in.AliasId)
	if err != nil {
		return nil, err
	}
	return &model.DescribeContactFlowModuleAliasResponse{ContactFlowModuleAlias: &model.ContactFlowModuleAliasInfo{
		ContactFlowModuleId: &a.Module, ContactFlowModuleArn: ptr(s.control.ARN(instance, lanyard.TypeModule, a.Module)),
		AliasId: &a.ID,
		Version: &a.Version, Name: &a.Name, Description: some(a.Description),
		LastModifiedRegion: &instance.Region, LastModifiedTime: stamp(a.Modified)}}, nil
}

func (s *Server) updateContactFlowModuleAlias(ctx context.Context, req *request,
	in *model.UpdateContactFlowModuleAliasRequest) (control.Result, error) {
	return s.control.UpdateContactFlowModuleAlias(ctx, req.Call, *in.InstanceId, *in.ContactFlowModuleId, *in.AliasId,
		control.AliasChange{Name: in.Name, Description: in.Description, Version: in.ContactFlowModuleVersion})
}

func (s *Server) listContactFlowModuleAliases(ctx context.Context, req *request,
	in *model.ListContactFlowModuleAliasesRequest) (any, error) {
	scope := []string{bare(in.InstanceId), bare(in.ContactFlowModuleId)}
	page, _, err := s.page(req, in.MaxResults, in.NextToken, scope...)
	if err != nil {
		return nil, err
	}
	instance, list, next, err := s.control.ListContactFlowModuleAliases(ctx, req.Call, *in.InstanceId,
		*in.ContactFlowModuleId, page)
	if err != nil {
		return nil, err
	}
	out := &model.ListContactFlowModuleAliasesResponse{NextToken: s.next(req, next, 0, scope...),
		ContactFlowModuleAliasSummaryList: make([]model.ContactFlowModuleAliasSummary, len(list))}
	for i, a := range list {
		out.ContactFlowModuleAliasSummaryList[i] = model.ContactFlowModuleAliasSummary{
			Arn: ptr(s.control.ARN(instance, lanyard.TypeModule, a.Module+":"+a.Name)), AliasId: &a.ID, Version: &a.Version,
			AliasName: &a.Name, AliasDescription: some(a.Description), LastModifiedTime: stamp(a.Modified)}
	}
	return out, nil
}

func (s *Server) deleteContactFlowModuleAlias(ctx context.Context, req *request,
	in *model.DeleteContactFlowModuleAliasRequest) (control.Result, error) {
	return s.control.DeleteContactFlowModuleAlias(ctx, req.Call, *in.InstanceId, *in.ContactFlowModuleId, *in.AliasId)
}

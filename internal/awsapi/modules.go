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
	page, err := s.page(req, in.MaxResults, in.NextToken, scope...)
	if err != nil {
		return nil, err
	}
	l, err := s.control.ListContactFlowModules(ctx, req.Call, *in.InstanceId, state, page.Page)
	if err != nil {
		return nil, err
	}
	out := &model.ListContactFlowModulesResponse{NextToken: page.next(l.Next, 0),
		ContactFlowModulesSummaryList: make([]model.ContactFlowModuleSummary, len(l.Items))}
	for i, m := range l.Items {
		state := active
		if m.Archived {
			state = archived
		}
		out.ContactFlowModulesSummaryList[i] = model.ContactFlowModuleSummary{Id: &m.ID, Arn: s.arn(l.Instance, m),
			Name: &m.Name, State: &state}
	}
	return out, nil
}

func (s *Server) searchContactFlowModules(ctx context.Context, req *request,
	in *model.SearchContactFlowModulesRequest) (any, error) {
	f, err := search[*lanyard.Module](ctx, s, req, searching{listing{in.InstanceId, in.MaxResults, in.NextToken},
		in.SearchCriteria, in.SearchFilter, moduleConditions(in)})
	if err != nil {
		return nil, err
	}
	out := &model.SearchContactFlowModulesResponse{ContactFlowModules: make([]model.ContactFlowModule, len(f.Items)),
		NextToken: f.next, ApproximateTotalCount: &f.Total}
	for i, m := range f.Items {
		if out.ContactFlowModules[i], err = s.module(f.Instance, control.ModuleView{Module: m}); err != nil {
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
	return s.control.UpdateContactFlowModuleContent(ctx, req.Call, *in.InstanceId, *in.ContactFlowModuleId,
		control.ContentChange{Content: in.Content, Settings: moduleSettings(in.Settings)})
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
		control.NewModuleVersion{Description: text(in.Description), ContentSum: text(in.FlowModuleContentSha256)})
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
	page, err := s.page(req, in.MaxResults, in.NextToken, scope...)
	if err != nil {
		return nil, err
	}
	l, err := s.control.ListContactFlowModuleVersions(ctx, req.Call, *in.InstanceId,
		*in.ContactFlowModuleId, page.Page)
	if err != nil {
		return nil, err
	}
	out := &model.ListContactFlowModuleVersionsResponse{NextToken: page.next(l.Next, 0),
		ContactFlowModuleVersionSummaryList: make([]model.ContactFlowModuleVersionSummary, len(l.Items))}
	for i, v := range l.Items {
		out.ContactFlowModuleVersionSummaryList[i] = model.ContactFlowModuleVersionSummary{
			Arn: ptr(s.control.ARN(l.Instance, lanyard.TypeModule, v.ID)), Version: &v.Number,
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
	instance, a, err := s.control.DescribeContactFlowModuleAlias(ctx, req.Call, *in.InstanceId,
		control.AliasRef{Module: *in.ContactFlowModuleId, ID: *in.AliasId})
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
	return s.control.UpdateContactFlowModuleAlias(ctx, req.Call, *in.InstanceId,
		control.AliasRef{Module: *in.ContactFlowModuleId, ID: *in.AliasId},
		control.AliasChange{Name: in.Name, Description: in.Description, Version: in.ContactFlowModuleVersion})
}

func (s *Server) listContactFlowModuleAliases(ctx context.Context, req *request,
	in *model.ListContactFlowModuleAliasesRequest) (any, error) {
	scope := []string{bare(in.InstanceId), bare(in.ContactFlowModuleId)}
	page, err := s.page(req, in.MaxResults, in.NextToken, scope...)
	if err != nil {
		return nil, err
	}
	l, err := s.control.ListContactFlowModuleAliases(ctx, req.Call, *in.InstanceId,
		*in.ContactFlowModuleId, page.Page)
	if err != nil {
		return nil, err
	}
	out := &model.ListContactFlowModuleAliasesResponse{NextToken: page.next(l.Next, 0),
		ContactFlowModuleAliasSummaryList: make([]model.ContactFlowModuleAliasSummary, len(l.Items))}
	for i, a := range l.Items {
		out.ContactFlowModuleAliasSummaryList[i] = model.ContactFlowModuleAliasSummary{
			Arn: ptr(s.control.ARN(l.Instance, lanyard.TypeModule, a.Module+":"+a.Name)), AliasId: &a.ID, Version: &a.Version,
			AliasName: &a.Name, AliasDescription: some(a.Description), LastModifiedTime: stamp(a.Modified)}
	}
	return out, nil
}

func (s *Server) deleteContactFlowModuleAlias(ctx context.Context, req *request,
	in *model.DeleteContactFlowModuleAliasRequest) (control.Result, error) {
	return s.control.DeleteContactFlowModuleAlias(ctx, req.Call, *in.InstanceId,
		control.AliasRef{Module: *in.ContactFlowModuleId, ID: *in.AliasId})
}

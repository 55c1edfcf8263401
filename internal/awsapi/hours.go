package awsapi

import (
	"context"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

// hoursConfig is the setting of hours of operation.
const hoursConfig = "Config"

func (s *Server) createHoursOfOperation(ctx context.Context, req *request,
	in *model.CreateHoursOfOperationRequest) (answer, error) {
	h := &lanyard.Hours{Meta: lanyard.Meta{Name: *in.Name, Tags: in.Tags}, Description: text(in.Description),
		TimeZone: *in.TimeZone, Settings: lanyard.Settings{}}
	h.Parents = parents(in.ParentHoursOfOperationConfigs)
	keep(h.Settings, hoursConfig, in.Config)
	created, err := s.control.CreateHoursOfOperation(ctx, req.Call, *in.InstanceId, h)
	if err != nil {
		return answer{}, err
	}
	return answer{created.Result, &model.CreateHoursOfOperationResponse{HoursOfOperationId: &created.Resource.ID,
		HoursOfOperationArn: s.arn(created.Instance, created.Resource)}}, nil
}

func (s *Server) hours(ctx context.Context, req *request, in *lanyard.Instance,
	h *lanyard.Hours) (model.HoursOfOperation, error) {
	out := model.HoursOfOperation{HoursOfOperationId: &h.ID, HoursOfOperationArn: s.arn(in, h), Name: &h.Name,
		Description: some(h.Description), TimeZone: &h.TimeZone,
		ParentHoursOfOperations: []model.HoursOfOperationsIdentifier{}, Tags: fullMap(h.Tags),
		LastModifiedTime: stamp(h.Modified), LastModifiedRegion: &in.Region}
	parents, err := s.control.ParentHours(ctx, req.Call, in, h)
	if err != nil {
		return out, err
	}
	for _, p := range parents {
		out.ParentHoursOfOperations = append(out.ParentHoursOfOperations, s.hoursIdentifier(in, p))
	}
	return out, kept(h.Settings, hoursConfig, &out.Config)
}

func (s *Server) describeHoursOfOperation(ctx context.Context, req *request,
	in *model.DescribeHoursOfOperationRequest) (any, error) {
	instance, h, err := s.control.DescribeHoursOfOperation(ctx, req.Call, *in.InstanceId, *in.HoursOfOperationId)
	if err != nil {
		return nil, err
	}
	out, err := s.hours(ctx, req, instance, h)
	return &model.DescribeHoursOfOperationResponse{HoursOfOperation: &out}, err
}

func (s *Server) listHoursOfOperations(ctx context.Context, req *request,
	in *model.ListHoursOfOperationsRequest) (any, error) {
	l, err := listed[*lanyard.Hours](ctx, s, req, listing{in.InstanceId, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &model.ListHoursOfOperationsResponse{HoursOfOperationSummaryList: make([]model.HoursOfOperationSummary,
		len(l.Items)), NextToken: l.next}
	for i, h := range l.Items {
		out.HoursOfOperationSummaryList[i] = model.HoursOfOperationSummary{Id: &h.ID, Arn: s.arn(l.Instance, h),
			Name:             &h.Name,
			LastModifiedTime: stamp(h.Modified), LastModifiedRegion: &l.Instance.Region}
	}
	return out, nil
}

func (s *Server) searchHoursOfOperations(ctx context.Context, req *request,
	in *model.SearchHoursOfOperationsRequest) (any, error) {
	f, err := search[*lanyard.Hours](ctx, s, req, searching{listing{in.InstanceId, in.MaxResults, in.NextToken},
		in.SearchCriteria, in.SearchFilter, hoursConditions(in)})
	if err != nil {
		return nil, err
	}
	out := &model.SearchHoursOfOperationsResponse{HoursOfOperations: make([]model.HoursOfOperation, len(f.Items)),
		NextToken: f.next, ApproximateTotalCount: &f.Total}
	for i, h := range f.Items {
		if out.HoursOfOperations[i], err = s.hours(ctx, req, f.Instance, h); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Server) updateHoursOfOperation(ctx context.Context, req *request,
	in *model.UpdateHoursOfOperationRequest) (control.Result, error) {
	c := control.HoursChange{Naming: control.Naming{Name: in.Name, Description: in.Description}, TimeZone: in.TimeZone,
		Settings: lanyard.Settings{}}
	keep(c.Settings, hoursConfig, in.Config)
	return s.control.UpdateHoursOfOperation(ctx, req.Call, *in.InstanceId, *in.HoursOfOperationId, c)
}

func (s *Server) associateHoursOfOperations(ctx context.Context, req *request,
	in *model.AssociateHoursOfOperationsRequest) (control.Result, error) {
	return s.control.AssociateHoursOfOperations(ctx, req.Call, *in.InstanceId, *in.HoursOfOperationId,
		parents(in.ParentHoursOfOperationConfigs))
}

func parents(list []model.ParentHoursOfOperationConfig) (ids []string) {
	for _, p := range list {
		ids = append(ids, text(p.HoursOfOperationId))
	}
	return ids
}

func (s *Server) disassociateHoursOfOperations(ctx context.Context, req *request,
	in *model.DisassociateHoursOfOperationsRequest) (control.Result, error) {
	return s.control.DisassociateHoursOfOperations(ctx, req.Call, *in.InstanceId, *in.HoursOfOperationId,
		in.ParentHoursOfOperationIds)
}

func (s *Server) hoursIdentifier(in *lanyard.Instance, h *lanyard.Hours) model.HoursOfOperationsIdentifier {
	return model.HoursOfOperationsIdentifier{Name: &h.Name, Id: &h.ID, Arn: s.arn(in, h)}
}

func (s *Server) listChildHoursOfOperations(ctx context.Context, req *request,
	in *model.ListChildHoursOfOperationsRequest) (any, error) {
	scope := []string{bare(in.InstanceId), bare(in.HoursOfOperationId)}
	page, err := s.page(req, in.MaxResults, in.NextToken, scope...)
	if err != nil {
		return nil, err
	}
	l, err := s.control.ListChildHoursOfOperations(ctx, req.Call, *in.InstanceId, *in.HoursOfOperationId, page.Page)
	if err != nil {
		return nil, err
	}
	list := make([]model.HoursOfOperationsIdentifier, len(l.Items))
	for i, h := range l.Items {
		list[i] = s.hoursIdentifier(l.Instance, h)
	}
	return &model.ListChildHoursOfOperationsResponse{ChildHoursOfOperationsSummaryList: list,
		NextToken:        page.next(l.Next, 0),
		LastModifiedTime: stamp(l.Of.Modified), LastModifiedRegion: &l.Instance.Region}, nil
}

func (s *Server) deleteHoursOfOperation(ctx context.Context, req *request,
	in *model.DeleteHoursOfOperationRequest) (control.Result, error) {
	return s.control.DeleteHoursOfOperation(ctx, req.Call, *in.InstanceId, *in.HoursOfOperationId)
}

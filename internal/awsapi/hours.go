package awsapi

import (
	"context"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

// hoursConfig is the setting of hours of operation.
const hoursConfig = "Config"

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

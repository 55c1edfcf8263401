package awsapi

import (
	"context"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

// The settings of queues.
const (
	callerConfig = "OutboundCallerConfig"
	emailConfig  = "OutboundEmailConfig"
)

func queueStatus(q *lanyard.Queue) string {
	if q.Disabled {
		return control.QueueDisabled
	}
	return "ENABLED"
}

// keepCallerConfig notes a config for outbound calls, or nil when it says nothing.
func keepCallerConfig(settings lanyard.Settings, c *model.OutboundCallerConfig) {
	if c != nil {
		c.OutboundCallerIdName = some(text(c.OutboundCallerIdName))
	}
	keepSome(settings, callerConfig, c)
}

// keepEmailConfig notes a config for outbound e-mail, or nil when it says nothing.
func keepEmailConfig(settings lanyard.Settings, c *model.OutboundEmailConfig) {
	if c != nil {
		c.OutboundEmailAddressId = some(text(c.OutboundEmailAddressId))
	}
	keepSome(settings, emailConfig, c)
}

func (s *Server) updateQueueHoursOfOperation(ctx context.Context, req *request,
	in *model.UpdateQueueHoursOfOperationRequest) (control.Result, error) {
	return s.control.UpdateQueueHoursOfOperation(ctx, req.Call, *in.InstanceId, *in.QueueId, *in.HoursOfOperationId)
}

func (s *Server) updateQueueMaxContacts(ctx context.Context, req *request,
	in *model.UpdateQueueMaxContactsRequest) (control.Result, error) {
	return s.control.UpdateQueueMaxContacts(ctx, req.Call, *in.InstanceId, *in.QueueId, in.MaxContacts)
}

func (s *Server) updateQueueName(ctx context.Context, req *request, in *model.UpdateQueueNameRequest) (control.Result,
	error) {
	return s.control.UpdateQueueName(ctx, req.Call, *in.InstanceId, *in.QueueId,
		control.Naming{Name: in.Name, Description: in.Description})
}

func (s *Server) updateQueueOutboundCallerConfig(ctx context.Context, req *request,
	in *model.UpdateQueueOutboundCallerConfigRequest) (control.Result, error) {
	settings := lanyard.Settings{}
	keepCallerConfig(settings, in.OutboundCallerConfig)
	return s.control.UpdateQueueSettings(ctx, req.Call, *in.InstanceId, *in.QueueId, settings)
}

func (s *Server) updateQueueOutboundEmailConfig(ctx context.Context, req *request,
	in *model.UpdateQueueOutboundEmailConfigRequest) (control.Result, error) {
	settings := lanyard.Settings{}
	keepEmailConfig(settings, in.OutboundEmailConfig)
	return s.control.UpdateQueueSettings(ctx, req.Call, *in.InstanceId, *in.QueueId, settings)
}

func (s *Server) updateQueueStatus(ctx context.Context, req *request,
	in *model.UpdateQueueStatusRequest) (control.Result, error) {
	return s.control.UpdateQueueStatus(ctx, req.Call, *in.InstanceId, *in.QueueId, *in.Status)
}

func (s *Server) associateQueueQuickConnects(ctx context.Context, req *request,
	in *model.AssociateQueueQuickConnectsRequest) (control.Result, error) {
	return s.control.AssociateQueueQuickConnects(ctx, req.Call, *in.InstanceId, *in.QueueId, in.QuickConnectIds)
}

func (s *Server) disassociateQueueQuickConnects(ctx context.Context, req *request,
	in *model.DisassociateQueueQuickConnectsRequest) (control.Result, error) {
	return s.control.DisassociateQueueQuickConnects(ctx, req.Call, *in.InstanceId, *in.QueueId, in.QuickConnectIds)
}

func (s *Server) listQueueQuickConnects(ctx context.Context, req *request,
	in *model.ListQueueQuickConnectsRequest) (any, error) {
	scope := []string{bare(in.InstanceId), bare(in.QueueId)}
	page, err := s.page(req, in.MaxResults, in.NextToken, scope...)
	if err != nil {
		return nil, err
	}
	l, err := s.control.ListQueueQuickConnects(ctx, req.Call, *in.InstanceId, *in.QueueId, page.Page)
	if err != nil {
		return nil, err
	}
	return &model.ListQueueQuickConnectsResponse{QuickConnectSummaryList: s.quickConnectSummaries(l.Instance, l.Items),
		NextToken:        page.next(l.Next, 0),
		LastModifiedTime: stamp(l.Of.Modified), LastModifiedRegion: &l.Instance.Region}, nil
}

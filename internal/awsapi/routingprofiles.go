package awsapi

import (
	"context"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

// The settings of routing profiles.
const (
	mediaConcurrencies = "MediaConcurrencies"
	availabilityTimer  = "AgentAvailabilityTimer"
)

func queueConfigs(list []model.RoutingProfileQueueConfig) (out []lanyard.QueueConfig) {
	for _, q := range list {
		out = append(out, lanyard.QueueConfig{Queue: *q.QueueReference.QueueId, Channel: *q.QueueReference.Channel,
			Priority: *q.Priority, Delay: *q.Delay})
	}
	return out
}

func manualQueueConfigs(list []model.RoutingProfileManualAssignmentQueueConfig) (out []lanyard.QueueConfig) {
	for _, q := range list {
		out = append(out, lanyard.QueueConfig{Queue: *q.QueueReference.QueueId, Channel: *q.QueueReference.Channel})
	}
	return out
}

func queueReferences(list []model.RoutingProfileQueueReference) (out []lanyard.QueueConfig) {
	for _, q := range list {
		out = append(out, lanyard.QueueConfig{Queue: *q.QueueId, Channel: *q.Channel})
	}
	return out
}

func (s *Server) updateRoutingProfileName(ctx context.Context, req *request,
	in *model.UpdateRoutingProfileNameRequest) (control.Result, error) {
	return s.control.UpdateRoutingProfileName(ctx, req.Call, *in.InstanceId, *in.RoutingProfileId,
		control.Naming{Name: in.Name, Description: in.Description})
}

func (s *Server) updateRoutingProfileDefaultOutboundQueue(ctx context.Context, req *request,
	in *model.UpdateRoutingProfileDefaultOutboundQueueRequest) (control.Result, error) {
	return s.control.UpdateRoutingProfileDefaultOutboundQueue(ctx, req.Call, *in.InstanceId, *in.RoutingProfileId,
		*in.DefaultOutboundQueueId)
}

func (s *Server) updateRoutingProfileConcurrency(ctx context.Context, req *request,
	in *model.UpdateRoutingProfileConcurrencyRequest) (control.Result, error) {
	settings := lanyard.Settings{}
	keep(settings, mediaConcurrencies, in.MediaConcurrencies)
	return s.control.UpdateRoutingProfileSettings(ctx, req.Call, *in.InstanceId, *in.RoutingProfileId, settings)
}

func (s *Server) updateRoutingProfileAgentAvailabilityTimer(ctx context.Context, req *request,
	in *model.UpdateRoutingProfileAgentAvailabilityTimerRequest) (control.Result, error) {
	settings := lanyard.Settings{}
	keep(settings, availabilityTimer, in.AgentAvailabilityTimer)
	return s.control.UpdateRoutingProfileSettings(ctx, req.Call, *in.InstanceId, *in.RoutingProfileId, settings)
}

func (s *Server) updateRoutingProfileQueues(ctx context.Context, req *request,
	in *model.UpdateRoutingProfileQueuesRequest) (control.Result, error) {
	return s.control.UpdateRoutingProfileQueues(ctx, req.Call, *in.InstanceId, *in.RoutingProfileId,
		queueConfigs(in.QueueConfigs))
}

func (s *Server) associateRoutingProfileQueues(ctx context.Context, req *request,
	in *model.AssociateRoutingProfileQueuesRequest) (control.Result, error) {
	return s.control.AssociateRoutingProfileQueues(ctx, req.Call, *in.InstanceId, *in.RoutingProfileId,
		control.RoutingQueues{Queues: queueConfigs(in.QueueConfigs),
			ManualQueues: manualQueueConfigs(in.ManualAssignmentQueueConfigs)})
}

// maxReferences is documented: more queue references in a single call are refused.
const maxReferences = 10

func (s *Server) disassociateRoutingProfileQueues(ctx context.Context, req *request,
	in *model.DisassociateRoutingProfileQueuesRequest) (control.Result, error) {
	if n := len(in.QueueReferences) + len(in.ManualAssignmentQueueReferences); n > maxReferences {
		return control.Result{}, lanyard.Errorf(lanyard.Invalid,
			"QueueReferences and ManualAssignmentQueueReferences must have at most %d items together, got %d", maxReferences, n)
	}
	return s.control.DisassociateRoutingProfileQueues(ctx, req.Call, *in.InstanceId, *in.RoutingProfileId,
		control.RoutingQueues{Queues: queueReferences(in.QueueReferences),
			ManualQueues: queueReferences(in.ManualAssignmentQueueReferences)})
}

func (s *Server) listRoutingProfileManualAssignmentQueues(ctx context.Context, req *request,
	in *model.ListRoutingProfileManualAssignmentQueuesRequest) (any, error) {
	scope := []string{bare(in.InstanceId), bare(in.RoutingProfileId)}
	page, err := s.page(req, in.MaxResults, in.NextToken, scope...)
	if err != nil {
		return nil, err
	}
	l, err := s.control.ListRoutingProfileManualAssignmentQueues(ctx, req.Call, *in.InstanceId, *in.RoutingProfileId,
		page.Page)
	if err != nil {
		return nil, err
	}
	list := make([]model.RoutingProfileManualAssignmentQueueConfigSummary, len(l.Items))
	for i, q := range l.Items {
		list[i] = model.RoutingProfileManualAssignmentQueueConfigSummary{QueueId: &q.Queue,
			QueueArn:  ptr(s.control.ARN(l.Instance, lanyard.TypeQueue, q.Queue)),
			QueueName: &q.Name, Channel: &q.Channel}
	}
	return &model.ListRoutingProfileManualAssignmentQueuesResponse{
		RoutingProfileManualAssignmentQueueConfigSummaryList: list,
		NextToken: page.next(l.Next, 0), LastModifiedTime: stamp(l.Of.Modified),
		LastModifiedRegion: &l.Instance.Region}, nil
}

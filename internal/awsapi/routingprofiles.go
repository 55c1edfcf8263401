package awsapi

import (
	"context"
	"slices"

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

func (s *Server) createRoutingProfile(ctx context.Context, req *request,
	in *model.CreateRoutingProfileRequest) (answer, error) {
	r := &lanyard.RoutingProfile{Meta: lanyard.Meta{Name: *in.Name, Tags: in.Tags}, Description: *in.Description,
		DefaultQueue: *in.DefaultOutboundQueueId,
		Settings:     lanyard.Settings{}}
	r.Queues, r.ManualQueues = queueConfigs(in.QueueConfigs), manualQueueConfigs(in.ManualAssignmentQueueConfigs)
	keep(r.Settings, mediaConcurrencies, in.MediaConcurrencies)
	keep(r.Settings, availabilityTimer, in.AgentAvailabilityTimer)
	created, err := s.control.CreateRoutingProfile(ctx, req.Call, *in.InstanceId, r)
	if err != nil {
		return answer{}, err
	}
	return answer{created.Result, &model.CreateRoutingProfileResponse{RoutingProfileId: &created.Resource.ID,
		RoutingProfileArn: s.arn(created.Instance, created.Resource)}}, nil
}

func (s *Server) routingProfile(ctx context.Context, req *request, in *lanyard.Instance,
	r *lanyard.RoutingProfile) (model.RoutingProfile, error) {
	out := model.RoutingProfile{
		InstanceId: &in.ID, RoutingProfileId: &r.ID, RoutingProfileArn: s.arn(in, r), Name: &r.Name,
		Description:            some(r.Description),
		DefaultOutboundQueueId: &r.DefaultQueue, IsDefault: &r.IsDefault, Tags: fullMap(r.Tags),
		AssociatedQueueIds: queueIDs(r.Queues), AssociatedManualAssignmentQueueIds: queueIDs(r.ManualQueues),
		LastModifiedTime: stamp(r.Modified), LastModifiedRegion: &in.Region,
	}
	out.NumberOfAssociatedQueues = ptr(int64(len(out.AssociatedQueueIds)))
	out.NumberOfAssociatedManualAssignmentQueues = ptr(int64(len(out.AssociatedManualAssignmentQueueIds)))
	users, err := s.control.RoutingProfileUsers(ctx, req.Call, in, r.ID)
	if err != nil {
		return out, err
	}
	out.NumberOfAssociatedUsers = &users
	out.AgentAvailabilityTimer = ptr("TIME_SINCE_LAST_ACTIVITY") // what it is when nobody has said
	return out, keptAll(r.Settings,
		map[string]any{mediaConcurrencies: &out.MediaConcurrencies, availabilityTimer: &out.AgentAvailabilityTimer})
}

func queueIDs(configs []lanyard.QueueConfig) []string {
	ids := []string{}
	for _, c := range configs {
		if !slices.Contains(ids, c.Queue) {
			ids = append(ids, c.Queue)
		}
	}
	return ids
}

func (s *Server) describeRoutingProfile(ctx context.Context, req *request,
	in *model.DescribeRoutingProfileRequest) (any, error) {
	instance, r, err := s.control.DescribeRoutingProfile(ctx, req.Call, *in.InstanceId, *in.RoutingProfileId)
	if err != nil {
		return nil, err
	}
	out, err := s.routingProfile(ctx, req, instance, r)
	return &model.DescribeRoutingProfileResponse{RoutingProfile: &out}, err
}

func (s *Server) listRoutingProfiles(ctx context.Context, req *request,
	in *model.ListRoutingProfilesRequest) (any, error) {
	l, err := listed[*lanyard.RoutingProfile](ctx, s, req, listing{in.InstanceId, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &model.ListRoutingProfilesResponse{RoutingProfileSummaryList: make([]model.RoutingProfileSummary, len(l.Items)),
		NextToken: l.next}
	for i, r := range l.Items {
		out.RoutingProfileSummaryList[i] = model.RoutingProfileSummary{Id: &r.ID, Arn: s.arn(l.Instance, r), Name: &r.Name,
			LastModifiedTime: stamp(r.Modified), LastModifiedRegion: &l.Instance.Region}
	}
	return out, nil
}

func (s *Server) searchRoutingProfiles(ctx context.Context, req *request,
	in *model.SearchRoutingProfilesRequest) (any, error) {
	f, err := search[*lanyard.RoutingProfile](ctx, s, req, searching{listing{in.InstanceId, in.MaxResults, in.NextToken},
		in.SearchCriteria, in.SearchFilter, routingProfileConditions(in)})
	if err != nil {
		return nil, err
	}
	out := &model.SearchRoutingProfilesResponse{RoutingProfiles: make([]model.RoutingProfile, len(f.Items)),
		NextToken: f.next, ApproximateTotalCount: &f.Total}
	for i, r := range f.Items {
		if out.RoutingProfiles[i], err = s.routingProfile(ctx, req, f.Instance, r); err != nil {
			return nil, err
		}
	}
	return out, nil
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

func (s *Server) listRoutingProfileQueues(ctx context.Context, req *request,
	in *model.ListRoutingProfileQueuesRequest) (any, error) {
	scope := []string{bare(in.InstanceId), bare(in.RoutingProfileId)}
	page, err := s.page(req, in.MaxResults, in.NextToken, scope...)
	if err != nil {
		return nil, err
	}
	l, err := s.control.ListRoutingProfileQueues(ctx, req.Call, *in.InstanceId, *in.RoutingProfileId, page.Page)
	if err != nil {
		return nil, err
	}
	out := &model.ListRoutingProfileQueuesResponse{
		RoutingProfileQueueConfigSummaryList: make([]model.RoutingProfileQueueConfigSummary, len(l.Items)),
		NextToken:                            page.next(l.Next, 0), LastModifiedTime: stamp(l.Of.Modified),
		LastModifiedRegion: &l.Instance.Region}
	for i, q := range l.Items {
		out.RoutingProfileQueueConfigSummaryList[i] = model.RoutingProfileQueueConfigSummary{QueueId: &q.Queue,
			QueueArn:  ptr(s.control.ARN(l.Instance, lanyard.TypeQueue, q.Queue)),
			QueueName: &q.Name, Priority: &q.Priority, Delay: &q.Delay, Channel: &q.Channel}
	}
	return out, nil
}

func (s *Server) deleteRoutingProfile(ctx context.Context, req *request,
	in *model.DeleteRoutingProfileRequest) (control.Result, error) {
	return s.control.DeleteRoutingProfile(ctx, req.Call, *in.InstanceId, *in.RoutingProfileId)
}

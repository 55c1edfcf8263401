package awsapi

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

func (s *Server) createQueue(ctx context.Context, req *request, in *model.CreateQueueRequest) (answer, error) {
	q := &lanyard.Queue{Meta: lanyard.Meta{Name: *in.Name, Tags: in.Tags}, Description: text(in.Description),
		Hours:       *in.HoursOfOperationId,
		MaxContacts: in.MaxContacts, QuickConnects: in.QuickConnectIds, Settings: lanyard.Settings{}}
	keepCallerConfig(q.Settings, in.OutboundCallerConfig)
	keepEmailConfig(q.Settings, in.OutboundEmailConfig)
	maps.DeleteFunc(q.Settings, func(_ string, v lanyard.JSON) bool { return v == nil })
	if len(in.EmailAddressesConfig) > 0 {
		return answer{}, lanyard.Errorf(lanyard.Invalid,
			"EmailAddressesConfig must be absent, got %d: the instance has no email addresses", len(in.EmailAddressesConfig))
	}
	created, err := s.control.CreateQueue(ctx, req.Call, *in.InstanceId, q)
	if err != nil {
		return answer{}, err
	}
	return answer{created.Result, &model.CreateQueueResponse{QueueId: &created.Resource.ID,
		QueueArn: s.arn(created.Instance, created.Resource)}}, nil
}

func (s *Server) queue(in *lanyard.Instance, q *lanyard.Queue) (model.Queue, error) {
	out := model.Queue{QueueId: &q.ID, QueueArn: s.arn(in, q), Name: &q.Name, Description: some(q.Description),
		HoursOfOperationId: &q.Hours,
		MaxContacts:        q.MaxContacts, Status: ptr(queueStatus(q)), Tags: fullMap(q.Tags),
		LastModifiedTime:   stamp(q.Modified),
		LastModifiedRegion: &in.Region}
	return out, keptAll(q.Settings,
		map[string]any{callerConfig: &out.OutboundCallerConfig, emailConfig: &out.OutboundEmailConfig})
}

func (s *Server) describeQueue(ctx context.Context, req *request, in *model.DescribeQueueRequest) (any, error) {
	instance, q, err := s.control.DescribeQueue(ctx, req.Call, *in.InstanceId, *in.QueueId)
	if err != nil {
		return nil, err
	}
	out, err := s.queue(instance, q)
	return &model.DescribeQueueResponse{Queue: &out}, err
}

// standard is the type of every queue here; the queues of single agents are not kept.
const standard = "STANDARD"

func (s *Server) listQueues(ctx context.Context, req *request, in *model.ListQueuesRequest) (any, error) {
	types := strings.Join(in.QueueTypes, ",")
	l, err := listedOnly[*lanyard.Queue](ctx, s, req, listing{in.InstanceId, in.MaxResults, in.NextToken}, nil, types)
	if err != nil {
		return nil, err
	}
	out := &model.ListQueuesResponse{QueueSummaryList: []model.QueueSummary{}, NextToken: l.next}
	if len(in.QueueTypes) > 0 && !slices.Contains(in.QueueTypes, standard) {
		out.NextToken = nil
		return out, nil
	}
	for _, q := range l.Items {
		out.QueueSummaryList = append(out.QueueSummaryList,
			model.QueueSummary{Id: &q.ID, Arn: s.arn(l.Instance, q), Name: &q.Name, QueueType: ptr(standard),
				LastModifiedTime: stamp(q.Modified), LastModifiedRegion: &l.Instance.Region})
	}
	return out, nil
}

func (s *Server) searchQueues(ctx context.Context, req *request, in *model.SearchQueuesRequest) (any, error) {
	f, err := search[*lanyard.Queue](ctx, s, req, searching{listing{in.InstanceId, in.MaxResults, in.NextToken},
		in.SearchCriteria, in.SearchFilter, queueConditions(in)})
	if err != nil {
		return nil, err
	}
	out := &model.SearchQueuesResponse{Queues: make([]model.Queue, len(f.Items)), NextToken: f.next,
		ApproximateTotalCount: &f.Total}
	for i, q := range f.Items {
		if out.Queues[i], err = s.queue(f.Instance, q); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Server) deleteQueue(ctx context.Context, req *request, in *model.DeleteQueueRequest) (control.Result, error) {
	return s.control.DeleteQueue(ctx, req.Call, *in.InstanceId, *in.QueueId)
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

func (s *Server) deleteHoursOfOperation(ctx context.Context, req *request,
	in *model.DeleteHoursOfOperationRequest) (control.Result, error) {
	return s.control.DeleteHoursOfOperation(ctx, req.Call, *in.InstanceId, *in.HoursOfOperationId)
}

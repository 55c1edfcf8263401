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

func (s *Server) createQueue(ctx context.Context, req *request, in *model.CreateQueueRequest) (answer, error) {
	q := &lanyard.Queue{Meta: lanyard.Meta{Name: *in.Name, Tags: in.Tags}, Description: text(in.Description),
		Hours:       *in.HoursOfOperationId,
		MaxContacts: in.MaxContacts, QuickConnects: in.QuickConnectIds, Settings: lanyard.Settings{}}
	keepCallerConfig(q.Settings, in.OutboundCallerConfig)
	keepEmailConfig(q.Settings, in.OutboundEmailConfig)
	maps.DeleteFunc(q.Settings, func(_ string, v lanyard.JSON) bool { return v == nil })
	q.EmailAddresses = addressIDs(in.EmailAddressesConfig)
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

func (s *Server) deleteQueue(ctx context.Context, req *request, in *model.DeleteQueueRequest) (control.Result, error) {
	return s.control.DeleteQueue(ctx, req.Call, *in.InstanceId, *in.QueueId)
}

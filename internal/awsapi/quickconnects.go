package awsapi

import (
	"context"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

// destination is what a config says, as the parts of a quick connect that it fills. A config holds what its
// type needs and nothing else.
func destination(c *model.QuickConnectConfig) (lanyard.QuickConnect, error) {
	q := lanyard.QuickConnect{Kind: *c.QuickConnectType}
	for _, part := range []struct {
		kind, member string
		sent         bool
	}{
		{lanyard.ToUser, "UserConfig", c.UserConfig != nil}, {lanyard.ToQueue, "QueueConfig", c.QueueConfig != nil},
		{lanyard.ToPhoneNumber, "PhoneConfig", c.PhoneConfig != nil}, {lanyard.ToFlow, "FlowConfig", c.FlowConfig != nil},
	} {
		switch {
		case part.kind == q.Kind && !part.sent:
			return q, lanyard.Errorf(lanyard.Invalid, "QuickConnectConfig.%s is required when QuickConnectType is %s",
				part.member, q.Kind)
		case part.kind != q.Kind && part.sent:
			return q, lanyard.Errorf(lanyard.Invalid,
				"QuickConnectConfig.%s must be absent when QuickConnectType is %s", part.member, q.Kind)
		}
	}
	switch q.Kind {
	case lanyard.ToUser:
		q.User, q.Flow = *c.UserConfig.UserId, *c.UserConfig.ContactFlowId
	case lanyard.ToQueue:
		q.Queue, q.Flow = *c.QueueConfig.QueueId, *c.QueueConfig.ContactFlowId
	case lanyard.ToPhoneNumber:
		q.PhoneNumber = *c.PhoneConfig.PhoneNumber
	case lanyard.ToFlow:
		q.Flow = *c.FlowConfig.ContactFlowId
	}
	return q, nil
}

func quickConnectConfig(q *lanyard.QuickConnect) *model.QuickConnectConfig {
	c := &model.QuickConnectConfig{QuickConnectType: &q.Kind}
	switch q.Kind {
	case lanyard.ToUser:
		c.UserConfig = &model.UserQuickConnectConfig{UserId: &q.User, ContactFlowId: &q.Flow}
	case lanyard.ToQueue:
		c.QueueConfig = &model.QueueQuickConnectConfig{QueueId: &q.Queue, ContactFlowId: &q.Flow}
	case lanyard.ToPhoneNumber:
		c.PhoneConfig = &model.PhoneNumberQuickConnectConfig{PhoneNumber: &q.PhoneNumber}
	case lanyard.ToFlow:
		c.FlowConfig = &model.FlowQuickConnectConfig{ContactFlowId: &q.Flow}
	}
	return c
}

func (s *Server) createQuickConnect(ctx context.Context, req *request,
	in *model.CreateQuickConnectRequest) (answer, error) {
	q, err := destination(in.QuickConnectConfig)
	if err != nil {
		return answer{}, err
	}
	q.Meta, q.Description = lanyard.Meta{Name: *in.Name, Tags: in.Tags}, text(in.Description)
	created, err := s.control.CreateQuickConnect(ctx, req.Call, *in.InstanceId, &q)
	if err != nil {
		return answer{}, err
	}
	return answer{created.Result, &model.CreateQuickConnectResponse{QuickConnectId: &created.Resource.ID,
		QuickConnectARN: s.arn(created.Instance, created.Resource)}}, nil
}

func (s *Server) quickConnect(in *lanyard.Instance, q *lanyard.QuickConnect) model.QuickConnect {
	return model.QuickConnect{QuickConnectId: &q.ID, QuickConnectARN: s.arn(in, q), Name: &q.Name,
		Description:        some(q.Description),
		QuickConnectConfig: quickConnectConfig(q), Tags: fullMap(q.Tags), LastModifiedTime: stamp(q.Modified),
		LastModifiedRegion: &in.Region}
}

func (s *Server) describeQuickConnect(ctx context.Context, req *request,
	in *model.DescribeQuickConnectRequest) (any, error) {
	instance, q, err := s.control.DescribeQuickConnect(ctx, req.Call, *in.InstanceId, *in.QuickConnectId)
	if err != nil {
		return nil, err
	}
	out := s.quickConnect(instance, q)
	return &model.DescribeQuickConnectResponse{QuickConnect: &out}, nil
}

func (s *Server) quickConnectSummaries(in *lanyard.Instance, list []*lanyard.QuickConnect) []model.QuickConnectSummary {
	out := make([]model.QuickConnectSummary, len(list))
	for i, q := range list {
		out[i] = model.QuickConnectSummary{Id: &q.ID, Arn: s.arn(in, q), Name: &q.Name, QuickConnectType: &q.Kind,
			LastModifiedTime: stamp(q.Modified), LastModifiedRegion: &in.Region}
	}
	return out
}

func (s *Server) listQuickConnects(ctx context.Context, req *request, in *model.ListQuickConnectsRequest) (any, error) {
	kinds := in.QuickConnectTypes
	wanted := func(q *lanyard.QuickConnect) bool { return len(kinds) == 0 || slices.Contains(kinds, q.Kind) }
	l, err := listedOnly(ctx, s, req, listing{in.InstanceId, in.MaxResults, in.NextToken}, wanted, strings.Join(kinds, ","))
	if err != nil {
		return nil, err
	}
	return &model.ListQuickConnectsResponse{QuickConnectSummaryList: s.quickConnectSummaries(l.Instance, l.Items),
		NextToken: l.next}, nil
}

func (s *Server) searchQuickConnects(ctx context.Context, req *request,
	in *model.SearchQuickConnectsRequest) (any, error) {
	f, err := search[*lanyard.QuickConnect](ctx, s, req, searching{listing{in.InstanceId, in.MaxResults, in.NextToken},
		in.SearchCriteria, in.SearchFilter, quickConnectConditions(in)})
	if err != nil {
		return nil, err
	}
	out := &model.SearchQuickConnectsResponse{QuickConnects: make([]model.QuickConnect, len(f.Items)), NextToken: f.next,
		ApproximateTotalCount: &f.Total}
	for i, q := range f.Items {
		out.QuickConnects[i] = s.quickConnect(f.Instance, q)
	}
	return out, nil
}

func (s *Server) updateQuickConnectName(ctx context.Context, req *request,
	in *model.UpdateQuickConnectNameRequest) (control.Result, error) {
	return s.control.UpdateQuickConnectName(ctx, req.Call, *in.InstanceId, *in.QuickConnectId,
		control.Naming{Name: in.Name, Description: in.Description})
}

func (s *Server) updateQuickConnectConfig(ctx context.Context, req *request,
	in *model.UpdateQuickConnectConfigRequest) (control.Result, error) {
	q, err := destination(in.QuickConnectConfig)
	if err != nil {
		return control.Result{}, err
	}
	return s.control.UpdateQuickConnectConfig(ctx, req.Call, *in.InstanceId, *in.QuickConnectId, q)
}

func (s *Server) deleteQuickConnect(ctx context.Context, req *request,
	in *model.DeleteQuickConnectRequest) (control.Result, error) {
	return s.control.DeleteQuickConnect(ctx, req.Call, *in.InstanceId, *in.QuickConnectId)
}

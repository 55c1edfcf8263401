package awsapi

import (
	"context"
	"reflect"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

func (s *Server) trafficGroupHandlers() map[string]handler {
	return map[string]handler{
		"CreateTrafficDistributionGroup":   answers(s.createTrafficDistributionGroup),
		"DescribeTrafficDistributionGroup": reads(s.describeTrafficDistributionGroup),
		"ListTrafficDistributionGroups":    reads(s.listTrafficDistributionGroups),
		"DeleteTrafficDistributionGroup":   changesEmpty(s.deleteTrafficDistributionGroup),
		"GetTrafficDistribution":           reads(s.getTrafficDistribution),
		"UpdateTrafficDistribution":        changesEmpty(s.updateTrafficDistribution),
	}
}

func (s *Server) trafficGroups() documentType[*lanyard.TrafficGroup] {
	return documentType[*lanyard.TrafficGroup]{Server: s, noun: "TrafficDistributionGroup",
		empty: func() *lanyard.TrafficGroup { return new(lanyard.TrafficGroup) },
		show: func(in *lanyard.Instance, g *lanyard.TrafficGroup) (map[string]any, error) {
			return map[string]any{"InstanceArn": ptr(s.control.ARN(in, lanyard.TypeInstance, in.ID)), "Status": ptr(active),
				"IsDefault": &g.Default}, nil
		}}
}

func (s *Server) createTrafficDistributionGroup(ctx context.Context, req *request,
	in *model.CreateTrafficDistributionGroupRequest) (answer, error) {
	m, d, g := membersOf(in), s.trafficGroups(), new(lanyard.TrafficGroup)
	g.Name, g.Tags = *in.Name, in.Tags
	g.Doc().Set(d.settings(m), true)
	made, err := s.control.CreateTrafficGroup(ctx, req.Call, *in.InstanceId, g, text(in.ClientToken))
	if err != nil {
		return answer{}, err
	}
	return answer{made.Result, &model.CreateTrafficDistributionGroupResponse{Id: &made.Resource.ID,
		Arn: s.arn(made.Instance, made.Resource)}}, nil
}

func (s *Server) describeTrafficDistributionGroup(ctx context.Context, req *request,
	in *model.DescribeTrafficDistributionGroupRequest) (any, error) {
	of, err := s.control.TrafficGroup(ctx, req.Call, "TrafficDistributionGroupId", *in.TrafficDistributionGroupId)
	if err != nil {
		return nil, err
	}
	out := new(model.DescribeTrafficDistributionGroupResponse)
	return out, s.trafficGroups().fillOutput(reflect.ValueOf(out).Elem(), of.Instance, of.Group)
}

func (s *Server) listTrafficDistributionGroups(ctx context.Context, req *request,
	in *model.ListTrafficDistributionGroupsRequest) (any, error) {
	if in.MaxResults == nil {
		in.MaxResults = ptr(int32(10)) // the most that the model allows, and there is no other default
	}
	page, err := s.page(req, in.MaxResults, in.NextToken, bare(in.InstanceId))
	if err != nil {
		return nil, err
	}
	groups, next, err := s.control.ListTrafficGroups(ctx, req.Call, text(in.InstanceId), page.Page)
	if err != nil {
		return nil, err
	}
	out := &model.ListTrafficDistributionGroupsResponse{NextToken: page.next(next, 0),
		TrafficDistributionGroupSummaryList: make([]model.TrafficDistributionGroupSummary, len(groups))}
	for i, of := range groups {
		to := reflect.ValueOf(&out.TrafficDistributionGroupSummaryList[i]).Elem()
		if err := s.trafficGroups().fill(to, of.Instance, of.Group); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Server) deleteTrafficDistributionGroup(ctx context.Context, req *request,
	in *model.DeleteTrafficDistributionGroupRequest) (control.Result, error) {
	return s.control.DeleteTrafficGroup(ctx, req.Call, *in.TrafficDistributionGroupId)
}

func (s *Server) getTrafficDistribution(ctx context.Context, req *request,
	in *model.GetTrafficDistributionRequest) (any, error) {
	of, err := s.control.TrafficGroup(ctx, req.Call, "Id", *in.Id)
	if err != nil {
		return nil, err
	}
	out := new(model.GetTrafficDistributionResponse)
	return out, s.trafficGroups().fill(reflect.ValueOf(out).Elem(), of.Instance, of.Group)
}

func (s *Server) updateTrafficDistribution(ctx context.Context, req *request,
	in *model.UpdateTrafficDistributionRequest) (control.Result, error) {
	set := lanyard.Settings{}
	keep(set, "TelephonyConfig", in.TelephonyConfig)
	keep(set, "AgentConfig", in.AgentConfig)
	keep(set, "SignInConfig", in.SignInConfig)
	return s.control.UpdateTrafficDistribution(ctx, req.Call, *in.Id, set)
}

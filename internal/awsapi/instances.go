package awsapi

import (
	"context"
	"strconv"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

func (s *Server) createInstance(ctx context.Context, req *request, in *model.CreateInstanceRequest) (answer, error) {
	created, err := s.control.CreateInstance(ctx, req.Call, control.NewInstance{
		ClientToken: text(in.ClientToken), Alias: text(in.InstanceAlias), IdentityManagement: *in.IdentityManagementType,
		DirectoryID: text(in.DirectoryId), Inbound: *in.InboundCallsEnabled, Outbound: *in.OutboundCallsEnabled,
		Tags: in.Tags,
	})
	if err != nil {
		return answer{}, err
	}
	return answer{created.Result, &model.CreateInstanceResponse{Id: &created.Instance.ID,
		Arn: s.arn(created.Instance, created.Resource)}}, nil
}

// arn names a resource of an instance.
func (s *Server) arn(in *lanyard.Instance, r lanyard.Resource) *string {
	return ptr(s.control.ARN(in, r.Type(), r.Head().ID))
}

// active is the status of every instance: they are there as soon as they are made.
const active = "ACTIVE"

func attributeIs(in *lanyard.Instance, name string) *bool {
	on, err := strconv.ParseBool(in.Attributes[name])
	return ptr(on && err == nil)
}

func serviceRole(in *lanyard.Instance, partition string) *string {
	return ptr("arn:" + partition + ":iam::" + in.Account +
		":role/aws-service-role/connect.amazonaws.com/AWSServiceRoleForAmazonConnect")
}

// accessURL is where people would sign in to an instance at Amazon.
func accessURL(in *lanyard.Instance) *string {
	if in.Name == "" {
		return nil
	}
	return ptr("https://" + in.Name + ".my.connect.aws")
}

func (s *Server) describeInstance(ctx context.Context, req *request, in *model.DescribeInstanceRequest) (any, error) {
	i, err := s.control.Instance(ctx, req.Call, *in.InstanceId)
	if err != nil {
		return nil, err
	}
	return &model.DescribeInstanceResponse{Instance: &model.Instance{
		Id: &i.ID, Arn: s.arn(i, i), IdentityManagementType: &i.IdentityManagement, InstanceAlias: some(i.Name),
		CreatedTime: stamp(i.Created), ServiceRole: serviceRole(i, s.control.Partition()), InstanceStatus: ptr(active),
		InboundCallsEnabled:  attributeIs(i, control.InboundCalls),
		OutboundCallsEnabled: attributeIs(i, control.OutboundCalls),
		InstanceAccessUrl:    accessURL(i), Tags: fullMap(i.Tags),
	}}, nil
}

func (s *Server) listInstances(ctx context.Context, req *request, in *model.ListInstancesRequest) (any, error) {
	page, err := s.page(req, in.MaxResults, in.NextToken)
	if err != nil {
		return nil, err
	}
	page.Limit = min(page.Limit, 10) // the model's bound of MaxResults
	list, next, err := s.control.ListInstances(ctx, req.Call, page.Page)
	if err != nil {
		return nil, err
	}
	out := &model.ListInstancesResponse{InstanceSummaryList: make([]model.InstanceSummary, len(list)),
		NextToken: page.next(next, 0)}
	for n, i := range list {
		out.InstanceSummaryList[n] = model.InstanceSummary{
			Id: &i.ID, Arn: s.arn(i, i), IdentityManagementType: &i.IdentityManagement, InstanceAlias: some(i.Name),
			CreatedTime: stamp(i.Created), ServiceRole: serviceRole(i, s.control.Partition()), InstanceStatus: ptr(active),
			InboundCallsEnabled:  attributeIs(i, control.InboundCalls),
			OutboundCallsEnabled: attributeIs(i, control.OutboundCalls),
			InstanceAccessUrl:    accessURL(i),
		}
	}
	return out, nil
}

func (s *Server) deleteInstance(ctx context.Context, req *request, in *model.DeleteInstanceRequest) (control.Result,
	error) {
	return s.control.DeleteInstance(ctx, req.Call, *in.InstanceId)
}

func (s *Server) describeInstanceAttribute(ctx context.Context, req *request,
	in *model.DescribeInstanceAttributeRequest) (any, error) {
	value, err := s.control.DescribeInstanceAttribute(ctx, req.Call, *in.InstanceId, *in.AttributeType)
	if err != nil {
		return nil, err
	}
	return &model.DescribeInstanceAttributeResponse{Attribute: &model.Attribute{AttributeType: in.AttributeType,
		Value: &value}}, nil
}

func (s *Server) listInstanceAttributes(ctx context.Context, req *request,
	in *model.ListInstanceAttributesRequest) (any, error) {
	scope := bare(in.InstanceId)
	page, err := s.page(req, in.MaxResults, in.NextToken, scope)
	if err != nil {
		return nil, err
	}
	l, err := s.control.ListInstanceAttributes(ctx, req.Call, *in.InstanceId, page.Page)
	if err != nil {
		return nil, err
	}
	out := &model.ListInstanceAttributesResponse{Attributes: make([]model.Attribute, len(l.Items)),
		NextToken: page.next(l.Next, 0)}
	for i := range l.Items {
		out.Attributes[i] = model.Attribute{AttributeType: &l.Items[i], Value: ptr(l.Instance.Attributes[l.Items[i]])}
	}
	return out, nil
}

func (s *Server) updateInstanceAttribute(ctx context.Context, req *request,
	in *model.UpdateInstanceAttributeRequest) (control.Result, error) {
	return s.control.UpdateInstanceAttribute(ctx, req.Call, *in.InstanceId, *in.AttributeType, *in.Value)
}

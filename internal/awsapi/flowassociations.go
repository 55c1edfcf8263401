package awsapi

import (
	"context"
	"slices"
	"strings"

	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

func (s *Server) flowAssociationHandlers() map[string]handler {
	return map[string]handler{
		"AssociateFlow":           changesEmpty(s.associateFlow),
		"DisassociateFlow":        changesEmpty(s.disassociateFlow),
		"GetFlowAssociation":      reads(s.getFlowAssociation),
		"ListFlowAssociations":    reads(s.listFlowAssociations),
		"BatchGetFlowAssociation": reads(s.batchGetFlowAssociation),
	}
}

func (s *Server) associateFlow(ctx context.Context, req *request, in *model.AssociateFlowRequest) (control.Result,
	error) {
	return s.control.AssociateFlow(ctx, req.Call, *in.InstanceId,
		control.FlowAssociation{Type: *in.ResourceType, Resource: *in.ResourceId, Flow: *in.FlowId})
}

func (s *Server) disassociateFlow(ctx context.Context, req *request,
	in *model.DisassociateFlowRequest) (control.Result, error) {
	return s.control.DisassociateFlow(ctx, req.Call, *in.InstanceId,
		control.FlowAssociation{Type: *in.ResourceType, Resource: *in.ResourceId})
}

func (s *Server) getFlowAssociation(ctx context.Context, req *request,
	in *model.GetFlowAssociationRequest) (any, error) {
	a, err := s.control.GetFlowAssociation(ctx, req.Call, *in.InstanceId,
		control.FlowAssociation{Type: *in.ResourceType, Resource: *in.ResourceId})
	return &model.GetFlowAssociationResponse{ResourceId: &a.Resource, ResourceType: &a.Type, FlowId: &a.Flow}, err
}

// flowSummary is an association in a list. The model has no word for the type of numbers for text messages there.
func flowSummary(a control.FlowAssociation) model.FlowAssociationSummary {
	out := model.FlowAssociationSummary{ResourceId: &a.Resource, FlowId: &a.Flow}
	if a.Type != "SMS_PHONE_NUMBER" {
		out.ResourceType = &a.Type
	}
	return out
}

func (s *Server) listFlowAssociations(ctx context.Context, req *request,
	in *model.ListFlowAssociationsRequest) (any, error) {
	wanted := text(in.ResourceType)
	page, err := s.page(req, in.MaxResults, in.NextToken, bare(in.InstanceId), wanted)
	if err != nil {
		return nil, err
	}
	l, err := s.control.ListFlowAssociations(ctx, req.Call, *in.InstanceId, control.AssociationSelection{
		Page: page.Page, Wanted: func(a control.FlowAssociation) bool { return wanted == "" || a.Type == wanted }})
	if err != nil {
		return nil, err
	}
	return &model.ListFlowAssociationsResponse{NextToken: page.next(l.Next, 0),
		FlowAssociationSummaryList: full(each(l.Items, flowSummary))}, nil
}

func (s *Server) batchGetFlowAssociation(ctx context.Context, req *request,
	in *model.BatchGetFlowAssociationRequest) (any, error) {
	wanted := text(in.ResourceType)
	isWanted := func(a control.FlowAssociation) bool {
		return (wanted == "" || a.Type == wanted) && slices.ContainsFunc(in.ResourceIds,
			func(id string) bool { return id == a.Resource || strings.HasSuffix(a.Resource, "/"+id) })
	}
	out := &model.BatchGetFlowAssociationResponse{FlowAssociationSummaryList: []model.FlowAssociationSummary{}}
	for page := (control.Page{Limit: 1000}); ; {
		l, err := s.control.ListFlowAssociations(ctx, req.Call, *in.InstanceId,
			control.AssociationSelection{Page: page, Wanted: isWanted})
		if err != nil {
			return nil, err
		}
		out.FlowAssociationSummaryList = append(out.FlowAssociationSummaryList, each(l.Items, flowSummary)...)
		if page.After = l.Next; l.Next == "" {
			return out, nil
		}
	}
}

package awsapi

import (
	"context"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

func (s *Server) flowHandlers() map[string]handler {
	d, alias := s.flows(), s.flowAliases()
	return map[string]handler{
		"CreateContactFlow":         createsDocument[model.CreateContactFlowResponse](d),
		"DescribeContactFlow":       describesQualified[model.DescribeContactFlowResponse](d),
		"ListContactFlows":          listsDocuments[model.ListContactFlowsResponse](d),
		"SearchContactFlows":        searchesDocuments[model.SearchContactFlowsResponse](d),
		"UpdateContactFlowMetadata": updates(d),
		"UpdateContactFlowName":     updates(d),
		"UpdateContactFlowContent":  changesEmpty(s.updateContactFlowContent),
		"DeleteContactFlow":         deletes(d),

		"CreateContactFlowVersion": answers(s.createContactFlowVersion),
		"ListContactFlowVersions":  reads(s.listContactFlowVersions),
		"DeleteContactFlowVersion": changesEmpty(s.deleteContactFlowVersion),

		"CreateContactFlowAlias":   createsDocument[model.CreateContactFlowAliasResponse](alias),
		"DescribeContactFlowAlias": describesDocument[model.DescribeContactFlowAliasResponse](alias),
		"ListContactFlowAliases":   listsDocuments[model.ListContactFlowAliasesResponse](alias),
		"UpdateContactFlowAlias":   updates(alias),
		"DeleteContactFlowAlias":   deletes(alias),
	}
}

// flows says how the API speaks of flows. They keep the state under State, whatever requests call it.
func (s *Server) flows() documentType[*lanyard.Flow] {
	return documentType[*lanyard.Flow]{Server: s, noun: "ContactFlow", empty: func() *lanyard.Flow { return new(lanyard.Flow) },
		fixed: []string{control.Status, "ContactFlowState"},
		enter: func(in any, f *lanyard.Flow) error {
			f.Members["State"] = textSetting(active)
			control.SetStatus(f.Doc(), text(in.(*model.CreateContactFlowRequest).Status))
			return nil
		},
		change: func(in any, f *lanyard.Flow) error {
			if state := membersOf(in).pointer("ContactFlowState"); state != nil {
				f.Members["State"] = textSetting(*state)
			}
			return nil
		},
		show: func(_ *lanyard.Instance, f *lanyard.Flow) (map[string]any, error) {
			return map[string]any{"ContactFlowType": f.Members["Type"], "ContactFlowState": f.Members["State"],
				"ContactFlowStatus": f.Members[control.Status], "FlowContentSha256": contentSum(f.Doc())}, nil
		},
		shown: func(f *lanyard.Flow) *lanyard.Flow {
			if f.Members[control.Content] != nil {
				return f
			}
			f = lanyard.Clone(f)
			control.ShowSaved(f.Doc())
			return f
		},
		wanted: func(in any) (func(*lanyard.Flow) bool, string) {
			list, ok := in.(*model.ListContactFlowsRequest)
			if !ok || len(list.ContactFlowTypes) == 0 {
				return nil, ""
			}
			return hasMember[*lanyard.Flow]("Type", list.ContactFlowTypes), strings.Join(list.ContactFlowTypes, ",")
		}}
}

// hasMember selects documents with one of some values in a member.
func hasMember[R lanyard.Documented](member string, values []string) func(R) bool {
	var wanted []string
	for _, v := range values {
		wanted = append(wanted, string(textSetting(v)))
	}
	return func(r R) bool { return slices.Contains(wanted, string(r.Doc().Members[member])) }
}

func (s *Server) updateContactFlowContent(ctx context.Context, req *request,
	in *model.UpdateContactFlowContentRequest) (control.Result, error) {
	base, qualifier := control.SplitQualifier(*in.ContactFlowId)
	if qualifier != "" && qualifier != control.SavedQualifier {
		return control.Result{}, lanyard.Errorf(lanyard.Invalid,
			"ContactFlowId must be an id or ARN, with or without :%s, got %s", control.SavedQualifier,
			lanyard.Quote(*in.ContactFlowId))
	}
	return control.UpdateContent[*lanyard.Flow](ctx, s.control, req.Call, *in.InstanceId, base,
		control.ContentUpdate{Content: textSetting(*in.Content), Saved: qualifier != ""})
}

func (s *Server) createContactFlowVersion(ctx context.Context, req *request,
	in *model.CreateContactFlowVersionRequest) (answer, error) {
	n := control.NewVersion{Sum: text(in.FlowContentSha256), SumMember: "FlowContentSha256"}
	if in.Description != nil {
		n.Description = textSetting(*in.Description)
	}
	made, err := control.CreateVersion[*lanyard.Flow](ctx, s.control, req.Call, *in.InstanceId, *in.ContactFlowId, n)
	if err != nil {
		return answer{}, err
	}
	v := made.Resource.Doc()
	return answer{made.Result, &model.CreateContactFlowVersionResponse{Version: &v.Number,
		ContactFlowArn: ptr(s.control.ARN(made.Instance, lanyard.TypeFlow, v.Whole))}}, nil
}

func (s *Server) listContactFlowVersions(ctx context.Context, req *request,
	in *model.ListContactFlowVersionsRequest) (any, error) {
	all, next, err := listVersions(ctx, s.flows(), req, in,
		func(in *lanyard.Instance, arn string, v *lanyard.Document) (model.ContactFlowVersionSummary, error) {
			out := model.ContactFlowVersionSummary{Arn: &arn, Version: &v.Number, LastModifiedTime: stamp(v.Modified),
				LastModifiedRegion: &in.Region}
			return out, kept(v.Members, "Description", &out.VersionDescription)
		})
	return &model.ListContactFlowVersionsResponse{ContactFlowVersionSummaryList: all, NextToken: next}, err
}

func (s *Server) deleteContactFlowVersion(ctx context.Context, req *request,
	in *model.DeleteContactFlowVersionRequest) (control.Result, error) {
	return control.DeleteVersion[*lanyard.Flow](ctx, s.control, req.Call, *in.InstanceId, *in.ContactFlowId,
		*in.ContactFlowVersion)
}

// flowAliases says how the API speaks of aliases of flows. Their name is AliasName, and Name in an update.
func (s *Server) flowAliases() documentType[*lanyard.FlowAlias] {
	return documentType[*lanyard.FlowAlias]{Server: s, noun: "ContactFlowAlias", id: "AliasId", whole: "ContactFlowId",
		named: "AliasName", empty: func() *lanyard.FlowAlias { return new(lanyard.FlowAlias) }, fixed: []string{"Name"},
		change: func(in any, a *lanyard.FlowAlias) error {
			if name := membersOf(in).pointer("Name"); name != nil {
				a.Name = *name
			}
			return nil
		},
		show: func(in *lanyard.Instance, a *lanyard.FlowAlias) (map[string]any, error) {
			flow := s.control.ARN(in, lanyard.TypeFlow, a.Whole)
			return map[string]any{"ContactFlowArn": &flow, "Arn": ptr(flow + ":" + a.Name),
				"Version": a.Members["ContactFlowVersion"], "AliasDescription": a.Members["Description"]}, nil
		}}
}

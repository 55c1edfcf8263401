package awsapi

import (
	"context"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

func (s *Server) workspaceHandlers() map[string]handler {
	d, pages, associations := s.workspaces(), s.workspacePages(), s.workspaceAssociations()
	themes := d
	themes.change = func(in any, w *lanyard.Workspace) error {
		if in.(*model.UpdateWorkspaceThemeRequest).Theme == nil {
			delete(w.Members, "Theme")
		}
		return nil
	}
	return map[string]handler{
		"CreateWorkspace":           createsDocument[model.CreateWorkspaceResponse](d),
		"DescribeWorkspace":         describesDocument[model.DescribeWorkspaceResponse](d),
		"ListWorkspaces":            listsDocuments[model.ListWorkspacesResponse](d),
		"SearchWorkspaces":          searchesDocuments[model.SearchWorkspacesResponse](d),
		"UpdateWorkspaceMetadata":   updatesTo[model.UpdateWorkspaceMetadataResponse](d),
		"UpdateWorkspaceTheme":      updatesTo[model.UpdateWorkspaceThemeResponse](themes),
		"UpdateWorkspaceVisibility": updatesTo[model.UpdateWorkspaceVisibilityResponse](d),
		"DeleteWorkspace":           deletes(d),

		"CreateWorkspacePage": createsDocument[model.CreateWorkspacePageResponse](pages),
		"ListWorkspacePages":  listsDocuments[model.ListWorkspacePagesResponse](pages),
		"UpdateWorkspacePage": updatesEmpty(pages),
		"DeleteWorkspacePage": deletes(pages),

		"AssociateWorkspace":          answers(s.associateWorkspace),
		"DisassociateWorkspace":       answers(s.disassociateWorkspace),
		"SearchWorkspaceAssociations": searchesDocuments[model.SearchWorkspaceAssociationsResponse](associations),
	}
}

// updatesEmpty is updates for an operation whose output is an object without members.
func updatesEmpty[R lanyard.Documented](d documentType[R]) handler {
	update := updates(d)
	return func(ctx context.Context, req *request, in model.Input) (answer, error) {
		a, err := update(ctx, req, in)
		a.output = struct{}{}
		return a, err
	}
}

func (s *Server) workspaces() documentType[*lanyard.Workspace] {
	return documentType[*lanyard.Workspace]{Server: s, noun: "Workspace",
		empty: func() *lanyard.Workspace { return new(lanyard.Workspace) },
		enter: func(_ any, w *lanyard.Workspace) error {
			keep(w.Members, "Visibility", ptr("NONE"))
			return nil
		},
		show: func(_ *lanyard.Instance, w *lanyard.Workspace) (map[string]any, error) {
			return map[string]any{"CreatedAt": stamp(w.Created)}, nil
		}}
}

// workspacePages are parts of workspaces, and found by their name.
func (s *Server) workspacePages() documentType[*lanyard.WorkspacePage] {
	return documentType[*lanyard.WorkspacePage]{Server: s, noun: "WorkspacePage", id: "-", whole: "WorkspaceId", named: "Page",
		fixed: []string{"NewPage"}, empty: func() *lanyard.WorkspacePage { return new(lanyard.WorkspacePage) },
		key: func(in any) string { return membersOf(in).text("Page") },
		change: func(in any, p *lanyard.WorkspacePage) error {
			if name := in.(*model.UpdateWorkspacePageRequest).NewPage; name != nil {
				p.Name = *name
			}
			return nil
		}}
}

func (s *Server) workspaceAssociations() documentType[*lanyard.WorkspaceAssociation] {
	return documentType[*lanyard.WorkspaceAssociation]{Server: s, noun: "WorkspaceAssociation", whole: "WorkspaceId",
		named: "ResourceArn", empty: func() *lanyard.WorkspaceAssociation { return new(lanyard.WorkspaceAssociation) },
		show: func(in *lanyard.Instance, a *lanyard.WorkspaceAssociation) (map[string]any, error) {
			return map[string]any{"WorkspaceArn": ptr(s.control.ARN(in, lanyard.TypeWorkspace, a.Whole))}, nil
		}}
}

// associated is what happened to each of some ARNs.
func associated(arns []string, failed []control.NotAssociated) (ok []model.SuccessfulBatchAssociationSummary,
	bad []model.FailedBatchAssociationSummary) {
	ok, bad = []model.SuccessfulBatchAssociationSummary{}, []model.FailedBatchAssociationSummary{}
	for i := range arns {
		if !slices.ContainsFunc(failed, func(f control.NotAssociated) bool { return f.ARN == arns[i] }) {
			ok = append(ok, model.SuccessfulBatchAssociationSummary{ResourceArn: &arns[i]})
		}
	}
	for _, f := range failed {
		bad = append(bad, model.FailedBatchAssociationSummary{ResourceArn: &f.ARN, ErrorCode: &f.Code,
			ErrorMessage: &f.Message})
	}
	return ok, bad
}

func (s *Server) associateWorkspace(ctx context.Context, req *request, in *model.AssociateWorkspaceRequest) (answer,
	error) {
	failed, result, err := s.control.AssociateWorkspace(ctx, req.Call, *in.InstanceId, *in.WorkspaceId, in.ResourceArns)
	if err != nil {
		return answer{}, err
	}
	out := new(model.AssociateWorkspaceResponse)
	out.SuccessfulList, out.FailedList = associated(in.ResourceArns, failed)
	return answer{result, out}, nil
}

func (s *Server) disassociateWorkspace(ctx context.Context, req *request,
	in *model.DisassociateWorkspaceRequest) (answer, error) {
	failed, result, err := s.control.DisassociateWorkspace(ctx, req.Call, *in.InstanceId, *in.WorkspaceId, in.ResourceArns)
	if err != nil {
		return answer{}, err
	}
	out := new(model.DisassociateWorkspaceResponse)
	out.SuccessfulList, out.FailedList = associated(in.ResourceArns, failed)
	return answer{result, out}, nil
}

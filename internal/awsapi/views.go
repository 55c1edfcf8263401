package awsapi

import (
	"context"
	"reflect"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

// customerManaged is the type of all views here. Those of Amazon Connect itself are pages of its agent workspace.
const customerManaged = "CUSTOMER_MANAGED"

func (s *Server) viewHandlers() map[string]handler {
	d := s.views()
	return map[string]handler{
		"CreateView":         createsDocument[model.CreateViewResponse](d),
		"DescribeView":       describesQualified[model.DescribeViewResponse](d),
		"ListViews":          listsDocuments[model.ListViewsResponse](d),
		"SearchViews":        searchesDocuments[model.SearchViewsResponse](d),
		"UpdateViewMetadata": updates(d),
		"UpdateViewContent":  answers(s.updateViewContent),
		"DeleteView":         deletes(d),
		"CreateViewVersion":  answers(s.createViewVersion),
		"ListViewVersions":   reads(s.listViewVersions),
		"DeleteViewVersion":  changesEmpty(s.deleteViewVersion),
	}
}

// views says how the API speaks of views.
func (s *Server) views() documentType[*lanyard.View] {
	return documentType[*lanyard.View]{Server: s, noun: "View", empty: func() *lanyard.View { return new(lanyard.View) },
		fixed: []string{control.Status},
		enter: func(in any, v *lanyard.View) error {
			v.Members["Type"] = textSetting(customerManaged)
			control.SetStatus(v.Doc(), text(in.(*model.CreateViewRequest).Status))
			return nil
		},
		show: func(_ *lanyard.Instance, v *lanyard.View) (map[string]any, error) {
			return map[string]any{"ViewContentSha256": contentSum(v.Doc())}, nil
		},
		shown: func(v *lanyard.View) *lanyard.View {
			if v.Members[control.Content] != nil {
				return v
			}
			v = lanyard.Clone(v)
			control.ShowSaved(v.Doc())
			return v
		},
		wanted: func(in any) (func(*lanyard.View) bool, string) {
			t := membersOf(in).text("Type")
			return func(*lanyard.View) bool { return t == "" || t == customerManaged }, t
		}}
}

func (s *Server) updateViewContent(ctx context.Context, req *request, in *model.UpdateViewContentRequest) (answer,
	error) {
	content := lanyard.Settings{}
	keep(content, control.Content, in.Content)
	base, _ := control.SplitQualifier(*in.ViewId)
	saved := *in.Status == control.Saved
	result, err := control.UpdateContent[*lanyard.View](ctx, s.control, req.Call, *in.InstanceId, base,
		control.ContentUpdate{Content: content[control.Content], Saved: saved})
	if err != nil {
		return answer{}, err
	}
	if saved {
		base += ":" + control.SavedQualifier
	}
	out, err := s.describeView(ctx, req, *in.InstanceId, base)
	return answer{result, &model.UpdateViewContentResponse{View: out}}, err
}

// describeView returns a view as it is answered.
func (s *Server) describeView(ctx context.Context, req *request, in, ref string) (*model.View, error) {
	instance, v, err := control.Qualified[*lanyard.View](ctx, s.control, req.Call, in, ref)
	if err != nil {
		return nil, err
	}
	out := new(model.View)
	return out, s.views().fill(reflect.ValueOf(out).Elem(), instance, v)
}

func (s *Server) createViewVersion(ctx context.Context, req *request, in *model.CreateViewVersionRequest) (answer,
	error) {
	n := control.NewVersion{Sum: text(in.ViewContentSha256), SumMember: "ViewContentSha256", Reuse: true}
	if in.VersionDescription != nil {
		n.Description = textSetting(*in.VersionDescription)
	}
	made, err := control.CreateVersion[*lanyard.View](ctx, s.control, req.Call, *in.InstanceId, *in.ViewId, n)
	if err != nil {
		return answer{}, err
	}
	out, err := s.describeView(ctx, req, *in.InstanceId, made.Resource.Doc().ID)
	return answer{made.Result, &model.CreateViewVersionResponse{View: out}}, err
}

func (s *Server) listViewVersions(ctx context.Context, req *request, in *model.ListViewVersionsRequest) (any, error) {
	_, v, err := control.Document[*lanyard.View](ctx, s.control, req.Call, *in.InstanceId,
		control.DocumentRef{ID: *in.ViewId})
	if err != nil {
		return nil, err
	}
	all, next, err := listVersions(ctx, s.views(), req, in,
		func(_ *lanyard.Instance, arn string, of *lanyard.Document) (model.ViewVersionSummary, error) {
			out := model.ViewVersionSummary{Id: &of.ID, Arn: &arn, Name: &v.Name, Type: ptr(customerManaged),
				Version: ptr(int32(of.Number))}
			if err := kept(v.Members, "Description", &out.Description); err != nil {
				return out, err
			}
			return out, kept(of.Members, "Description", &out.VersionDescription)
		})
	return &model.ListViewVersionsResponse{ViewVersionSummaryList: all, NextToken: next}, err
}

func (s *Server) deleteViewVersion(ctx context.Context, req *request,
	in *model.DeleteViewVersionRequest) (control.Result, error) {
	return control.DeleteVersion[*lanyard.View](ctx, s.control, req.Call, *in.InstanceId, *in.ViewId,
		int64(*in.ViewVersion))
}

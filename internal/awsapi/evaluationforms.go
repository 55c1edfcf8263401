package awsapi

import (
	"context"
	"reflect"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

func (s *Server) evaluationFormHandlers() map[string]handler {
	d := s.evaluationForms()
	return map[string]handler{
		"CreateEvaluationForm":       answers(s.createEvaluationForm),
		"DescribeEvaluationForm":     reads(s.describeEvaluationForm),
		"ListEvaluationForms":        listsDocuments[model.ListEvaluationFormsResponse](d),
		"ListEvaluationFormVersions": listsDocuments[model.ListEvaluationFormVersionsResponse](s.formVersions()),
		"SearchEvaluationForms":      searchesDocuments[model.SearchEvaluationFormsResponse](d),
		"UpdateEvaluationForm":       answers(s.updateEvaluationForm),
		"DeleteEvaluationForm":       changes(s.deleteEvaluationForm),
		"ActivateEvaluationForm":     answers(s.activateEvaluationForm),
		"DeactivateEvaluationForm":   answers(s.deactivateEvaluationForm),
	}
}

const draft = "DRAFT"

// formStatus is the status of a form or of a version of one.
func formStatus(on bool) *string {
	if on {
		return ptr(active)
	}
	return ptr(draft)
}

func (s *Server) evaluationForms() documentType[*lanyard.EvaluationForm] {
	return documentType[*lanyard.EvaluationForm]{Server: s, noun: "EvaluationForm", named: "Title",
		empty: func() *lanyard.EvaluationForm { return new(lanyard.EvaluationForm) },
		show: func(_ *lanyard.Instance, f *lanyard.EvaluationForm) (map[string]any, error) {
			out := map[string]any{"Status": formStatus(f.Members[control.ActiveVersion] != nil)}
			var auto model.EvaluationFormAutoEvaluationConfiguration
			var language model.EvaluationFormLanguageConfiguration
			var target model.EvaluationFormTargetConfiguration
			for name, to := range map[string]any{"AutoEvaluationConfiguration": &auto, "LanguageConfiguration": &language,
				"TargetConfiguration": &target} {
				if err := kept(f.Members, name, to); err != nil {
					return nil, err
				}
			}
			out["AutoEvaluationEnabled"] = auto.Enabled
			out["EvaluationFormLanguage"], out["ContactInteractionType"] = language.FormLanguage, target.ContactInteractionType
			return out, nil
		}}
}

// formVersions are parts of forms, and have their ids and ARNs.
func (s *Server) formVersions() documentType[*lanyard.FormVersion] {
	return documentType[*lanyard.FormVersion]{Server: s, noun: "EvaluationForm", id: "-", whole: "EvaluationFormId",
		named: "Title", empty: func() *lanyard.FormVersion { return new(lanyard.FormVersion) },
		show: func(in *lanyard.Instance, v *lanyard.FormVersion) (map[string]any, error) {
			return map[string]any{"EvaluationFormId": &v.Whole, "EvaluationFormVersion": ptr(int32(v.Number)),
				"EvaluationFormArn": ptr(s.control.ARN(in, lanyard.TypeEvaluationForm, v.Whole)), "Locked": &v.Locked,
				"Status": formStatus(v.Active)}, nil
		}}
}

// formContent is what a request says that a version has.
func formContent(in any) control.FormContent {
	m := membersOf(in)
	d := documentType[*lanyard.FormVersion]{noun: "EvaluationForm", named: "Title",
		fixed: []string{"AsDraft", "CreateNewVersion", "EvaluationFormVersion"}}
	flag := func(name string) bool {
		f := m.v.FieldByName(name)
		return f.IsValid() && !f.IsNil() && f.Elem().Bool()
	}
	return control.FormContent{Title: m.text("Title"), Members: d.settings(m), Draft: flag("AsDraft"),
		New: flag("CreateNewVersion")}
}

func (s *Server) createEvaluationForm(ctx context.Context, req *request, in *model.CreateEvaluationFormRequest) (answer,
	error) {
	f := &lanyard.EvaluationForm{Document: lanyard.Document{Meta: lanyard.Meta{Tags: in.Tags}}}
	made, err := s.control.CreateEvaluationForm(ctx, req.Call, *in.InstanceId, f, formContent(in), text(in.ClientToken))
	if err != nil {
		return answer{}, err
	}
	return answer{made.Result, &model.CreateEvaluationFormResponse{EvaluationFormId: &made.Resource.ID,
		EvaluationFormArn: s.arn(made.Instance, made.Resource)}}, nil
}

func (s *Server) describeEvaluationForm(ctx context.Context, req *request,
	in *model.DescribeEvaluationFormRequest) (any, error) {
	found, v, err := s.control.FormVersion(ctx, req.Call, *in.InstanceId, *in.EvaluationFormId,
		number(in.EvaluationFormVersion))
	if err != nil {
		return nil, err
	}
	out := &model.EvaluationForm{}
	if err := s.formVersions().fill(reflect.ValueOf(out).Elem(), found.Instance, v); err != nil {
		return nil, err
	}
	out.Tags = fullMap(found.Resource.Tags)
	return &model.DescribeEvaluationFormResponse{EvaluationForm: out}, nil
}

func number(n *int32) int64 {
	if n == nil {
		return 0
	}
	return int64(*n)
}

// formAnswer fills an output that names a version of a form.
func formAnswer[O any](s *Server, made control.Created[*lanyard.EvaluationForm], v *lanyard.FormVersion,
	err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	out := new(O)
	return answer{made.Result, out}, s.formVersions().fill(reflect.ValueOf(out).Elem(), made.Instance, v)
}

func (s *Server) updateEvaluationForm(ctx context.Context, req *request, in *model.UpdateEvaluationFormRequest) (answer,
	error) {
	if *in.EvaluationFormVersion < 1 {
		return answer{}, badVersion(in.EvaluationFormVersion)
	}
	made, v, err := s.control.UpdateEvaluationForm(ctx, req.Call, *in.InstanceId, *in.EvaluationFormId,
		number(in.EvaluationFormVersion), formContent(in))
	return formAnswer[model.UpdateEvaluationFormResponse](s, made, v, err)
}

func badVersion(n *int32) error {
	return lanyard.Errorf(lanyard.Invalid, "EvaluationFormVersion must be at least 1, got %d", *n)
}

func (s *Server) deleteEvaluationForm(ctx context.Context, req *request,
	in *model.DeleteEvaluationFormRequest) (control.Result, error) {
	if in.EvaluationFormVersion == nil {
		return control.DeleteDocument[*lanyard.EvaluationForm](ctx, s.control, req.Call, *in.InstanceId,
			control.DocumentRef{ID: *in.EvaluationFormId})
	}
	if *in.EvaluationFormVersion < 1 {
		return control.Result{}, badVersion(in.EvaluationFormVersion)
	}
	return s.control.DeleteFormVersion(ctx, req.Call, *in.InstanceId, *in.EvaluationFormId,
		number(in.EvaluationFormVersion))
}

func (s *Server) activateEvaluationForm(ctx context.Context, req *request,
	in *model.ActivateEvaluationFormRequest) (answer, error) {
	made, v, err := s.control.ActivateEvaluationForm(ctx, req.Call, *in.InstanceId, *in.EvaluationFormId,
		number(in.EvaluationFormVersion))
	return formAnswer[model.ActivateEvaluationFormResponse](s, made, v, err)
}

func (s *Server) deactivateEvaluationForm(ctx context.Context, req *request,
	in *model.DeactivateEvaluationFormRequest) (answer, error) {
	made, v, err := s.control.DeactivateEvaluationForm(ctx, req.Call, *in.InstanceId, *in.EvaluationFormId,
		number(in.EvaluationFormVersion))
	return formAnswer[model.DeactivateEvaluationFormResponse](s, made, v, err)
}

package awsapi

import (
	"context"
	"math"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

func (s *Server) listUserProficiencies(ctx context.Context, req *request,
	in *model.ListUserProficienciesRequest) (any, error) {
	scope := []string{bare(in.InstanceId), bare(in.UserId)}
	page, err := s.page(req, in.MaxResults, in.NextToken, scope...)
	if err != nil {
		return nil, err
	}
	l, err := s.control.ListUserProficiencies(ctx, req.Call, *in.InstanceId, *in.UserId, page.Page)
	if err != nil {
		return nil, err
	}
	out := &model.ListUserProficienciesResponse{UserProficiencyList: make([]model.UserProficiency, len(l.Items)),
		NextToken:        page.next(l.Next, 0),
		LastModifiedTime: stamp(l.Of.Modified), LastModifiedRegion: &l.Instance.Region}
	for i, p := range l.Items {
		out.UserProficiencyList[i] = model.UserProficiency{AttributeName: &p.Attribute, AttributeValue: &p.Value,
			Level: ptr(float64(p.Level))}
	}
	return out, nil
}

// proficiencies reads levels, which are whole numbers though the model has them as any.
func proficiencies(sent []model.UserProficiency) ([]lanyard.Proficiency, error) {
	list := make([]lanyard.Proficiency, len(sent))
	for i, p := range sent {
		if *p.Level != math.Trunc(*p.Level) {
			return nil, lanyard.Errorf(lanyard.Invalid, "UserProficiencies[%d].Level must be 1, 2, 3, 4 or 5, got %v", i,
				*p.Level)
		}
		list[i] = lanyard.Proficiency{Attribute: *p.AttributeName, Value: *p.AttributeValue, Level: int(*p.Level)}
	}
	return list, nil
}

func (s *Server) associateUserProficiencies(ctx context.Context, req *request,
	in *model.AssociateUserProficienciesRequest) (control.Result, error) {
	list, err := proficiencies(in.UserProficiencies)
	if err != nil {
		return control.Result{}, err
	}
	return s.control.AssociateUserProficiencies(ctx, req.Call, *in.InstanceId, *in.UserId, list)
}

func (s *Server) updateUserProficiencies(ctx context.Context, req *request,
	in *model.UpdateUserProficienciesRequest) (control.Result, error) {
	list, err := proficiencies(in.UserProficiencies)
	if err != nil {
		return control.Result{}, err
	}
	return s.control.UpdateUserProficiencies(ctx, req.Call, *in.InstanceId, *in.UserId, list)
}

func (s *Server) disassociateUserProficiencies(ctx context.Context, req *request,
	in *model.DisassociateUserProficienciesRequest) (control.Result, error) {
	list := make([]lanyard.Proficiency, len(in.UserProficiencies))
	for i, p := range in.UserProficiencies {
		list[i] = lanyard.Proficiency{Attribute: *p.AttributeName, Value: *p.AttributeValue}
	}
	return s.control.DisassociateUserProficiencies(ctx, req.Call, *in.InstanceId, *in.UserId, list)
}

// updateUserConfig replaces each list of settings that is sent, whole.
func (s *Server) updateUserConfig(ctx context.Context, req *request,
	in *model.UpdateUserConfigRequest) (control.Result, error) {
	if err := checkPhones(in.PhoneNumberConfigs); err != nil {
		return control.Result{}, err
	}
	settings := lanyard.Settings{}
	keep(settings, "AutoAcceptConfigs", in.AutoAcceptConfigs)
	keep(settings, "AfterContactWorkConfigs", in.AfterContactWorkConfigs)
	keep(settings, "PhoneNumberConfigs", in.PhoneNumberConfigs)
	keep(settings, "PersistentConnectionConfigs", in.PersistentConnectionConfigs)
	keep(settings, "VoiceEnhancementConfigs", in.VoiceEnhancementConfigs)
	return s.control.UpdateUserSettings(ctx, req.Call, *in.InstanceId, *in.UserId, settings)
}

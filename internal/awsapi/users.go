package awsapi

import (
	"context"
	"math"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

func (s *Server) createUser(ctx context.Context, req *request, in *model.CreateUserRequest) (answer, error) {
	if err := checkPhone(in.PhoneConfig); err != nil {
		return answer{}, err
	}
	if err := checkPhones(in.PhoneNumberConfigs); err != nil {
		return answer{}, err
	}
	n := control.NewUser{Password: in.Password, User: lanyard.User{
		Meta: lanyard.Meta{Name: *in.Username, Tags: in.Tags}, DirectoryUserID: text(in.DirectoryUserId),
		Profiles: in.SecurityProfileIds, RoutingProfile: *in.RoutingProfileId, Group: text(in.HierarchyGroupId),
		Settings: lanyard.Settings{},
	}}
	identity(in.IdentityInfo).Set(&n.User)
	keep(n.User.Settings, "PhoneConfig", in.PhoneConfig)
	keep(n.User.Settings, "AutoAcceptConfigs", in.AutoAcceptConfigs)
	keep(n.User.Settings, "AfterContactWorkConfigs", in.AfterContactWorkConfigs)
	keep(n.User.Settings, "PhoneNumberConfigs", in.PhoneNumberConfigs)
	keep(n.User.Settings, "PersistentConnectionConfigs", in.PersistentConnectionConfigs)
	keep(n.User.Settings, "VoiceEnhancementConfigs", in.VoiceEnhancementConfigs)
	created, err := s.control.CreateUser(ctx, req.Call, *in.InstanceId, n)
	if err != nil {
		return answer{}, err
	}
	return answer{created.Result, &model.CreateUserResponse{UserId: &created.Resource.ID,
		UserArn: s.arn(created.Instance, created.Resource)}}, nil
}

// checkPhone refuses a desk phone without a number.
func checkPhone(p *model.UserPhoneConfig) error {
	if p != nil && text(p.PhoneType) == deskPhone && text(p.DeskPhoneNumber) == "" {
		return lanyard.Errorf(lanyard.Invalid,
			"PhoneConfig.DeskPhoneNumber is required when PhoneConfig.PhoneType is DESK_PHONE")
	}
	return nil
}

// checkPhones is checkPhone for the numbers of channels.
func checkPhones(list []model.PhoneNumberConfig) error {
	for i, p := range list {
		if text(p.PhoneType) == deskPhone && text(p.PhoneNumber) == "" {
			return lanyard.Errorf(lanyard.Invalid, "PhoneNumberConfigs[%d].PhoneNumber is required when its PhoneType is %s", i,
				deskPhone)
		}
	}
	return nil
}

// The types of phones.
const (
	softPhone = "SOFT_PHONE"
	deskPhone = "DESK_PHONE"
)

// settings decodes into to what a user has of settings. The members of the phone configuration that Amazon Connect
// always answers are always there.
func settings(u *lanyard.User, phone **model.UserPhoneConfig, to map[string]any) error {
	to["PhoneConfig"] = phone
	if err := keptAll(u.Settings, to); err != nil {
		return err
	}
	if *phone == nil {
		*phone = new(model.UserPhoneConfig)
	}
	p := *phone
	p.PhoneType = orElse(p.PhoneType, softPhone)
	p.AutoAccept = orElse(p.AutoAccept, false)
	p.AfterContactWorkTimeLimit = orElse(p.AfterContactWorkTimeLimit, 0)
	p.DeskPhoneNumber = orElse(p.DeskPhoneNumber, "")
	return nil
}

// orElse is p, or when that is nil a pointer to other.
func orElse[T any](p *T, other T) *T {
	if p == nil {
		return &other
	}
	return p
}

// directoryID is the id of a user in the directory: lanyard is the directory of those who came without one.
func directoryID(u *lanyard.User) *string {
	if u.DirectoryUserID != "" {
		return &u.DirectoryUserID
	}
	return &u.ID
}

func identity(i *model.UserIdentityInfo) control.Identity {
	if i == nil {
		return control.Identity{}
	}
	return control.Identity{FirstName: i.FirstName, LastName: i.LastName, Email: i.Email, SecondaryEmail: i.SecondaryEmail,
		Mobile: i.Mobile}
}

func identityInfo(u *lanyard.User) *model.UserIdentityInfo {
	return &model.UserIdentityInfo{FirstName: some(u.FirstName), LastName: some(u.LastName), Email: some(u.Email),
		SecondaryEmail: some(u.SecondaryEmail), Mobile: some(u.Mobile)}
}

// keptAll decodes settings into the members that to names.
func keptAll(settings lanyard.Settings, to map[string]any) error {
	for name, p := range to {
		if err := kept(settings, name, p); err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) describeUser(ctx context.Context, req *request, in *model.DescribeUserRequest) (answer, error) {
	instance, u, err := s.control.DescribeUser(ctx, req.Call, *in.InstanceId, *in.UserId)
	if err != nil {
		return answer{}, err
	}
	out := &model.User{
		Id: &u.ID, Arn: s.arn(instance, u), Username: &u.Name, IdentityInfo: identityInfo(u), DirectoryUserId: directoryID(u),
		SecurityProfileIds: u.Profiles, RoutingProfileId: &u.RoutingProfile, HierarchyGroupId: some(u.Group),
		Tags:             fullMap(u.Tags),
		LastModifiedTime: stamp(u.Modified), LastModifiedRegion: &instance.Region,
	}
	err = settings(u, &out.PhoneConfig, map[string]any{
		"AutoAcceptConfigs": &out.AutoAcceptConfigs, "AfterContactWorkConfigs": &out.AfterContactWorkConfigs,
		"PhoneNumberConfigs": &out.PhoneNumberConfigs, "PersistentConnectionConfigs": &out.PersistentConnectionConfigs,
		"VoiceEnhancementConfigs": &out.VoiceEnhancementConfigs,
	})
	return answer{control.Result{ETag: control.UserETag(u)}, &model.DescribeUserResponse{User: out}}, err
}

func (s *Server) listUsers(ctx context.Context, req *request, in *model.ListUsersRequest) (any, error) {
	l, err := listed[*lanyard.User](ctx, s, req, listing{in.InstanceId, in.MaxResults, in.NextToken})
	if err != nil {
		return nil, err
	}
	out := &model.ListUsersResponse{UserSummaryList: make([]model.UserSummary, len(l.Items)), NextToken: l.next}
	for i, u := range l.Items {
		out.UserSummaryList[i] = model.UserSummary{Id: &u.ID, Arn: s.arn(l.Instance, u), Username: &u.Name,
			LastModifiedTime: stamp(u.Modified), LastModifiedRegion: &l.Instance.Region}
	}
	return out, nil
}

func (s *Server) searchUsers(ctx context.Context, req *request, in *model.SearchUsersRequest) (any, error) {
	if in.SearchCriteria != nil && asksProficiencies(*in.SearchCriteria) {
		return nil, lanyard.Errorf(lanyard.Invalid,
			"SearchCriteria.ListCondition must be absent: lanyard does not search users by proficiency")
	}
	f, err := search[*lanyard.User](ctx, s, req, searching{listing{in.InstanceId, in.MaxResults, in.NextToken},
		in.SearchCriteria, in.SearchFilter, userConditions(in)})
	if err != nil {
		return nil, err
	}
	out := &model.SearchUsersResponse{Users: make([]model.UserSearchSummary, len(f.Items)), NextToken: f.next,
		ApproximateTotalCount: &f.Total}
	for i, u := range f.Items {
		o := &out.Users[i]
		*o = model.UserSearchSummary{
			Id: &u.ID, Arn: s.arn(f.Instance, u), Username: &u.Name, DirectoryUserId: directoryID(u),
			IdentityInfo:       &model.UserIdentityInfoLite{FirstName: some(u.FirstName), LastName: some(u.LastName)},
			SecurityProfileIds: u.Profiles, RoutingProfileId: &u.RoutingProfile, HierarchyGroupId: some(u.Group),
			Tags: fullMap(u.Tags),
		}
		err := settings(u, &o.PhoneConfig, map[string]any{
			"AutoAcceptConfigs": &o.AutoAcceptConfigs, "AfterContactWorkConfigs": &o.AfterContactWorkConfigs,
			"PhoneNumberConfigs": &o.PhoneNumberConfigs, "PersistentConnectionConfigs": &o.PersistentConnectionConfigs,
			"VoiceEnhancementConfigs": &o.VoiceEnhancementConfigs,
		})
		if err != nil {
			return nil, err
		}
		inMilliseconds(o.PhoneConfig.AfterContactWorkTimeLimit)
	}
	return out, nil
}

// inMilliseconds turns a limit of seconds into what SearchUsers alone is documented to answer.
func inMilliseconds(limit *int32) { *limit = int32(min(int64(*limit)*1000, math.MaxInt32)) }

func (s *Server) deleteUser(ctx context.Context, req *request, in *model.DeleteUserRequest) (control.Result, error) {
	return s.control.DeleteUser(ctx, req.Call, *in.InstanceId, *in.UserId)
}

func (s *Server) updateUserHierarchy(ctx context.Context, req *request,
	in *model.UpdateUserHierarchyRequest) (control.Result, error) {
	return s.control.UpdateUserHierarchy(ctx, req.Call, *in.InstanceId, *in.UserId, text(in.HierarchyGroupId))
}

func (s *Server) updateUserRoutingProfile(ctx context.Context, req *request,
	in *model.UpdateUserRoutingProfileRequest) (control.Result, error) {
	return s.control.UpdateUserRoutingProfile(ctx, req.Call, *in.InstanceId, *in.UserId, *in.RoutingProfileId)
}

func (s *Server) updateUserIdentityInfo(ctx context.Context, req *request,
	in *model.UpdateUserIdentityInfoRequest) (control.Result, error) {
	return s.control.UpdateUserIdentityInfo(ctx, req.Call, *in.InstanceId, *in.UserId, identity(in.IdentityInfo))
}

func (s *Server) updateUserPhoneConfig(ctx context.Context, req *request,
	in *model.UpdateUserPhoneConfigRequest) (control.Result, error) {
	if err := checkPhone(in.PhoneConfig); err != nil {
		return control.Result{}, err
	}
	settings := lanyard.Settings{}
	keep(settings, "PhoneConfig", in.PhoneConfig)
	return s.control.UpdateUserSettings(ctx, req.Call, *in.InstanceId, *in.UserId, settings)
}

func (s *Server) updateUserSecurityProfiles(ctx context.Context, req *request,
	in *model.UpdateUserSecurityProfilesRequest) (control.Result, error) {
	return s.control.UpdateUserSecurityProfiles(ctx, req.Call, *in.InstanceId, *in.UserId, in.SecurityProfileIds)
}

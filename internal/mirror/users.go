package mirror

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
)

func (r *reader) users(ctx context.Context) error {
	times, err := changedTimes(ctx, r, listing[model.ListUsersResponse, model.UserSummary]{
		operation: "ListUsers", list: "UserSummaryList",
		items: func(o *model.ListUsersResponse) ([]model.UserSummary, *string) { return o.UserSummaryList, o.NextToken },
	}, func(u model.UserSummary) (*string, *model.Timestamp) { return u.Id, u.LastModifiedTime })
	if err != nil {
		return err
	}
	err = readPages(ctx, r, listing[model.SearchUsersResponse, model.UserSearchSummary]{
		operation: "SearchUsers", input: r.in(), most: 500, list: "Users", keeps: true,
		items: func(o *model.SearchUsersResponse) ([]model.UserSearchSummary, *string) {
			return o.Users, o.NextToken
		},
		total: func(o *model.SearchUsersResponse) *int64 { return o.ApproximateTotalCount },
		each: func(s model.UserSearchSummary, extra lanyard.Settings) error {
			u, err := r.user(s, extra)
			if err != nil {
				return err
			}
			u.Modified = times[u.ID].Modified
			return r.add(u)
		}})
	if err != nil || !r.Complete && r.CompleteUser == nil {
		return err
	}
	users := of[*lanyard.User](r)
	if !r.Complete {
		users = slices.DeleteFunc(users, func(u *lanyard.User) bool { return !r.CompleteUser(u) })
	}
	r.expect(2 * len(users))
	return forEach(ctx, r, users, func(ctx context.Context, _ int, u *lanyard.User) error {
		return r.completeUser(ctx, u)
	})
}

func (r *reader) user(s model.UserSearchSummary, extra lanyard.Settings) (*lanyard.User, error) {
	if err := r.checkID("user", s.Id, s.Arn); err != nil {
		return nil, err
	}
	u := &lanyard.User{Profiles: s.SecurityProfileIds, RoutingProfile: text(s.RoutingProfileId),
		Group: text(s.HierarchyGroupId), DirectoryUserID: text(s.DirectoryUserId), Settings: withExtra(extra)}
	u.ID, u.Name, u.Tags = *s.Id, text(s.Username), some(s.Tags)
	if u.DirectoryUserID == u.ID { // lanyard is the directory
		u.DirectoryUserID = ""
	}
	if i := s.IdentityInfo; i != nil {
		u.FirstName, u.LastName = text(i.FirstName), text(i.LastName)
	}
	if p := s.PhoneConfig; p != nil && p.AfterContactWorkTimeLimit != nil {
		if *p.AfterContactWorkTimeLimit == math.MaxInt32 {
			r.note(notKept, "time limits of after contact work that exceed 24 days")
		}
		*p.AfterContactWorkTimeLimit /= 1000 // SearchUsers alone is documented to answer milliseconds
	}
	return u, first(keep(u.Settings, "PhoneConfig", s.PhoneConfig),
		keepList(u.Settings, "AutoAcceptConfigs", s.AutoAcceptConfigs),
		keepList(u.Settings, "AfterContactWorkConfigs", s.AfterContactWorkConfigs),
		keepList(u.Settings, "PhoneNumberConfigs", s.PhoneNumberConfigs),
		keepList(u.Settings, "PersistentConnectionConfigs", s.PersistentConnectionConfigs),
		keepList(u.Settings, "VoiceEnhancementConfigs", s.VoiceEnhancementConfigs))
}

// completeUser reads what the search does not answer.
func (r *reader) completeUser(ctx context.Context, u *lanyard.User) error {
	out, err := call[model.DescribeUserResponse](ctx, r, "DescribeUser", r.in("UserId", u.ID), nil)
	if err != nil {
		return err
	}
	if out.User == nil {
		return fmt.Errorf("DescribeUser: User is required")
	}
	if err := r.checkID("user", out.User.Id, out.User.Arn); err != nil || *out.User.Id != u.ID {
		return cmp.Or(err, fmt.Errorf("DescribeUser: Id must be %s, got %s", u.ID, lanyard.Quote(text(out.User.Id))))
	}
	if i := out.User.IdentityInfo; i != nil {
		u.Email, u.SecondaryEmail, u.Mobile = text(i.Email), text(i.SecondaryEmail), text(i.Mobile)
	}
	if err := keep(u.Settings, "PhoneConfig", out.User.PhoneConfig); err != nil {
		return err
	}
	return readPages(ctx, r, listing[model.ListUserProficienciesResponse, model.UserProficiency]{
		operation: "ListUserProficiencies", input: r.in("UserId", u.ID), most: 100, list: "UserProficiencyList",
		items: func(o *model.ListUserProficienciesResponse) ([]model.UserProficiency, *string) {
			return o.UserProficiencyList, o.NextToken
		},
		each: func(p model.UserProficiency, _ lanyard.Settings) error {
			if p.Level == nil || *p.Level != math.Trunc(*p.Level) || math.Abs(*p.Level) > 100 {
				return fmt.Errorf("the Level of proficiency %s must be a whole number", lanyard.Quote(text(p.AttributeName)))
			}
			u.Proficiencies = append(u.Proficiencies, lanyard.Proficiency{Attribute: text(p.AttributeName),
				Value: text(p.AttributeValue), Level: int(*p.Level)})
			return nil
		}})
}

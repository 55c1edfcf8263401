package console

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/questions"
)

type peopleRequest struct {
	InstanceID        string `json:"InstanceId"`
	Search            string
	UserID            string `json:"UserId"`
	SecurityProfileID string `json:"SecurityProfileId"`
	HierarchyGroupID  string `json:"HierarchyGroupId"`
	Tag               *tagFilter
	NextToken         string
	Limit             int
}

func (in *peopleRequest) checkMembers() error {
	switch {
	case in.Limit == 0:
		in.Limit = defaultPage
	case in.Limit < 1 || in.Limit > maxPage:
		return lanyard.Errorf(lanyard.Invalid, "Limit must be 1 to %d, got %d", maxPage, in.Limit)
	}
	const most = 25
	if in.Search = strings.TrimSpace(in.Search); utf8.RuneCountInString(in.Search) > most {
		return lanyard.Errorf(lanyard.Invalid, "Search must have at most %d characters, got %d", most,
			utf8.RuneCountInString(in.Search))
	}
	if in.Tag != nil && in.Tag.Value == nil {
		return lanyard.Errorf(lanyard.Invalid, "Tag.Value is required")
	}
	return nil
}

// conditions returns what the users that are searched for meet.
func (in *peopleRequest) conditions() (all []control.Condition) {
	is := func(field, value, compare string) control.Condition {
		return control.Condition{String: &control.StringCondition{Field: field, Value: value, Compare: compare}}
	}
	if in.Search != "" {
		compare := "CONTAINS"
		if utf8.RuneCountInString(in.Search) < 2 {
			compare = "STARTS_WITH"
		}
		all = append(all, control.Condition{Or: []control.Condition{is("Username", in.Search, compare),
			is("FirstName", in.Search, compare), is("LastName", in.Search, compare)}})
	}
	if in.UserID != "" {
		all = append(all, is("ResourceId", in.UserID, "EXACT"))
	}
	if in.SecurityProfileID != "" {
		all = append(all, is("SecurityProfileId", in.SecurityProfileID, "EXACT"))
	}
	if in.HierarchyGroupID != "" {
		all = append(all, control.Condition{Group: &control.GroupCondition{Group: in.HierarchyGroupID, Below: true}})
	}
	if in.Tag != nil {
		all = append(all, control.Condition{Tag: &control.TagCondition{Key: in.Tag.Key, Value: *in.Tag.Value}})
	}
	return all
}

// users answers a page of the people.
func (s *Server) users(ctx context.Context, a *asking) (any, error) {
	var in peopleRequest
	if err := a.decode(&in); err != nil {
		return nil, err
	}
	if err := in.checkMembers(); err != nil {
		return nil, err
	}
	v, err := s.view(ctx, a, in.InstanceID)
	if err != nil {
		return nil, err
	}
	if err := v.RequirePermission(questions.ViewPermission(access.TypeUser)); err != nil {
		return nil, err
	}
	call := v.call
	if call.Operation = "SearchUsers"; v.Viewer != "" {
		if call, err = s.Control.Act(ctx, call, v.in.ID, control.Principal{User: v.Viewer},
			control.Right{Permission: questions.ViewPermission(access.TypeUser), Type: lanyard.TypeUser}); err != nil {
			return nil, err
		}
	}
	q := control.Query{Conditions: in.conditions(), Page: control.Page{After: in.NextToken, Limit: in.Limit}}
	if in.NextToken != "" {
		q.Total = control.Uncounted
	}
	found, err := control.Search[*lanyard.User](ctx, s.Control, call, v.in.ID, q)
	if err != nil {
		return nil, err
	}
	out := UsersAnswer{Cursor: Cursor{NextToken: found.Next, Revision: v.Revision()}}
	if out.Rows, err = s.userRows(ctx, v, found.Items); err != nil {
		return nil, err
	}
	if q.Total >= 0 {
		out.Total = &found.Total
	}
	return out, nil
}

func (s *Server) userRows(ctx context.Context, v *viewer, users []*lanyard.User) (rows []UserRow, err error) {
	rows, groups := []UserRow{}, map[string]*GroupRef{}
	for _, u := range users {
		r := UserRow{ID: u.ID, ARN: s.Control.ARN(v.in, lanyard.TypeUser, u.ID), Username: u.Name, FirstName: u.FirstName,
			LastName: u.LastName, Tags: full(u.Tags), SecurityProfiles: v.profileNames(u.Profiles)}
		if u.Group != "" {
			if _, ok := groups[u.Group]; !ok {
				if groups[u.Group], err = s.group(ctx, v, u.Group); err != nil {
					return nil, err
				}
			}
			r.HierarchyGroup = groups[u.Group]
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// group shows a hierarchy group: only its id to viewers who may not see it.
func (s *Server) group(ctx context.Context, v *viewer, id string) (*GroupRef, error) {
	out := &GroupRef{ID: id, Path: []string{}}
	if !v.Sees(access.TypeHierarchyGroup, id) {
		return out, nil
	}
	_, path, err := s.Control.DescribeUserHierarchyGroup(ctx, v.call, v.in.ID, id)
	if err != nil {
		if errors.Is(err, lanyard.ErrNotFound) {
			return out, nil
		}
		return nil, err
	}
	out.Name = path.Group.Name
	for _, above := range path.Above {
		if above.ID != id && v.Sees(access.TypeHierarchyGroup, above.ID) {
			out.Path = append(out.Path, above.Name)
		}
	}
	return out, nil
}

// agents answers a page of the AI agents that hold profiles.
func (s *Server) agents(ctx context.Context, a *asking) (any, error) {
	var in peopleRequest
	if err := a.decode(&in); err != nil {
		return nil, err
	}
	if in.HierarchyGroupID != "" || in.Tag != nil || in.UserID != "" {
		return nil, lanyard.Errorf(lanyard.Invalid, "UserId, HierarchyGroupId and Tag must not be set for AI agents")
	}
	if err := in.checkMembers(); err != nil {
		return nil, err
	}
	v, err := s.view(ctx, a, in.InstanceID)
	if err != nil {
		return nil, err
	}
	if err := v.RequirePermission(questions.ViewPermission(access.TypeAIAgent)); err != nil {
		return nil, err
	}
	rows, want := []AgentRow{}, strings.ToLower(in.Search)
	out := AgentsAnswer{Cursor: Cursor{Revision: v.Revision()}}
	for page := (control.Page{After: in.NextToken, Limit: in.Limit}); ; {
		some, err := control.List[*lanyard.AIAgent](ctx, s.Control, v.call, v.in.ID, page)
		if err != nil {
			return nil, err
		}
		for _, x := range some.Items {
			if strings.Contains(strings.ToLower(x.ID), want) && (in.SecurityProfileID == "" || slices.Contains(x.Profiles,
				in.SecurityProfileID)) {
				rows = append(rows, AgentRow{x.ID, v.profileNames(x.Profiles)})
			}
		}
		if out.NextToken = some.Next; some.Next == "" || len(rows) >= in.Limit {
			break
		}
		page.After = some.Next
	}
	out.Rows = rows
	if want == "" && in.SecurityProfileID == "" {
		n := int64(v.Count(access.TypeAIAgent))
		out.Total = &n
	}
	return out, nil
}

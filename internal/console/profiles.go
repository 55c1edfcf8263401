package console

import (
	"cmp"
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

// maxProfiles bounds how many profiles of an instance are looked at for one answer.
const maxProfiles = 20_000

// all returns the profiles of an instance that the viewer may see, in the order of their creation.
func (v *viewer) all(ctx context.Context, s *Server) ([]*lanyard.Profile, error) {
	if err := v.RequirePermission(questions.ViewPermission(access.TypeSecurityProfile)); err != nil {
		return nil, err
	}
	var found []*lanyard.Profile
	for page := (control.Page{Limit: 500}); ; {
		some, err := control.List[*lanyard.Profile](ctx, s.Control, v.call, v.in.ID, page)
		if err != nil {
			return nil, err
		}
		for _, p := range some.Items {
			if v.Sees(access.TypeSecurityProfile, p.ID) {
				found = append(found, p)
			}
		}
		if some.Next == "" || len(found) >= maxProfiles {
			return found, nil
		}
		page.After = some.Next
	}
}

type tagFilter struct {
	Key   string
	Value *string
}

// bounds of pages.
const (
	defaultPage = 25
	maxPage     = 100
	maxSearch   = 256 // bytes of a text that is searched for
)

func sensitive(p *lanyard.Profile) (n int) {
	for _, name := range p.Permissions {
		if known, _ := lanyard.LookupPermission(name); known.Sensitive != "" {
			n++
		}
	}
	return n
}

// matches tells whether texts or tags fit what is looked for.
func (f *tagFilter) matches(tags map[string]string) bool {
	if f == nil {
		return true
	}
	value, ok := tags[f.Key]
	return ok && (f.Value == nil || *f.Value == value)
}

// profiles answers a page of the table.
func (s *Server) profiles(ctx context.Context, a *asking) (any, error) {
	in := struct {
		InstanceID     string `json:"InstanceId"`
		Search         string
		Tag            *tagFilter
		Sort           string
		Descending     bool
		Page, PageSize int
	}{Sort: "Name", Page: 1, PageSize: defaultPage}
	if err := a.decode(&in); err != nil {
		return nil, err
	}
	switch {
	case len(in.Search) > maxSearch:
		return nil, lanyard.Errorf(lanyard.Invalid, "Search: has %d bytes; at most %d are accepted", len(in.Search),
			maxSearch)
	case in.PageSize < 1 || in.PageSize > maxPage:
		return nil, lanyard.Errorf(lanyard.Invalid, "PageSize: %d is not accepted; 1 to %d are", in.PageSize, maxPage)
	case in.Page < 1 || in.Page > maxProfiles:
		return nil, lanyard.Errorf(lanyard.Invalid, "Page: %d is not accepted; 1 or more is", in.Page)
	}
	v, err := s.view(ctx, a, in.InstanceID)
	if err != nil {
		return nil, err
	}
	everything, err := v.all(ctx, s)
	if err != nil {
		return nil, err
	}
	want, keys := strings.ToLower(strings.TrimSpace(in.Search)), map[string]bool{}
	var found []*lanyard.Profile
	for _, p := range everything {
		for k := range p.Tags {
			keys[k] = true
		}
		if in.Tag.matches(p.Tags) &&
			(strings.Contains(strings.ToLower(p.Name), want) || strings.Contains(strings.ToLower(p.Description), want)) {
			found = append(found, p)
		}
	}
	var order func(x, y *lanyard.Profile) int
	byName := func(x, y *lanyard.Profile) int {
		return cmp.Or(cmp.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name)), cmp.Compare(x.ID, y.ID))
	}
	switch in.Sort {
	case "Name":
		order = byName
	case "Holders":
		order = func(x, y *lanyard.Profile) int {
			return cmp.Or(cmp.Compare(v.holderCount(x.ID), v.holderCount(y.ID)), byName(x, y))
		}
	case "Modified":
		order = func(x, y *lanyard.Profile) int { return cmp.Or(x.Modified.Compare(y.Modified), byName(x, y)) }
	default:
		return nil, lanyard.Errorf(lanyard.Invalid, "Sort: %q is not accepted; Name, Holders and Modified are",
			lanyard.Clip(in.Sort))
	}
	slices.SortFunc(found, order)
	if in.Descending {
		slices.Reverse(found)
	}
	changed, err := s.chronicles.of(ctx, s, v.in.ID)
	if err != nil {
		return nil, err
	}
	total := len(found)
	from := min((in.Page-1)*in.PageSize, total)
	rows := []ProfileRow{}
	for _, p := range found[from:min(from+in.PageSize, total)] {
		rows = append(rows, ProfileRow{ID: p.ID, ARN: s.Control.ARN(v.in, lanyard.TypeProfile, p.ID), Name: p.Name,
			Description: p.Description, Tags: full(p.Tags),
			Holders: v.holderCount(p.ID), Permissions: len(p.Permissions), Sensitive: sensitive(p),
			TagRestricted:       len(p.TagRestricted) > 0 && len(p.AccessTags) > 0,
			HierarchyRestricted: len(p.HierarchyRestricted) > 0, LastModified: v.lastModified(s, changed, p)})
	}
	tagKeys := []string{}
	for k := range keys {
		tagKeys = append(tagKeys, k)
	}
	slices.Sort(tagKeys)
	const maxKeys = 500
	return ProfilesAnswer{Rows: rows, Total: total, Page: in.Page, Pages: (total + in.PageSize - 1) / in.PageSize,
		Revision: v.Revision(), TagKeys: tagKeys[:min(len(tagKeys), maxKeys)]}, nil
}

// lastModified says when and by whom a profile was changed last. The chronicle knows of changes of tags
// too, and the revision, but goes back only so far.
func (v *viewer) lastModified(s *Server, c *chronicle, p *lanyard.Profile) LastModified {
	out := LastModified{Time: p.Modified, By: By{Kind: "unknown"}}
	if who := p.ModifiedBy; who != (lanyard.Actor{}) {
		out.By = v.by(who.User, who.AccessKeyID, s.isRoot(who.AccessKeyID))
	}
	if last, ok := c.last(p.ID); ok {
		out = LastModified{last.time, v.by(last.user, last.key, last.root), last.revision}
	}
	return out
}

// by shows who made a call: a user by id only to whoever may view the user, and keys only to the operator.
func (v *viewer) by(user, key string, root bool) By {
	if v.Viewer != "" {
		key = ""
	}
	switch {
	case user != "" && v.Viewer != user && !v.Sees(access.TypeUser, user) && !v.SeesAll(access.TypeUser):
		return By{"user", "", ""}
	case user != "":
		return By{"user", user, v.userName(user)}
	case root:
		return By{"operator", key, ""}
	}
	return By{"key", key, ""}
}

// userName is the name of a user, for whoever may see some users; else and of who is gone it is "".
func (v *viewer) userName(id string) string {
	for _, f := range v.Lookup(access.TypeUser, id) {
		if f.ID == id && (v.Viewer == id || v.Sees(access.TypeUser, id)) {
			return f.Name
		}
	}
	return ""
}

// profileNames shows the profiles of a holder. One that the viewer may not see has no name.
func (v *viewer) profileNames(ids []string) []Named {
	out := []Named{}
	for _, id := range ids {
		n := Named{ID: id}
		if v.Sees(access.TypeSecurityProfile, id) {
			for _, f := range v.Lookup(access.TypeSecurityProfile, id) {
				if f.ID == id {
					n.Name = f.Name
				}
			}
		}
		out = append(out, n)
	}
	return out
}

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

func (in *peopleRequest) check() error {
	switch {
	case in.Limit == 0:
		in.Limit = defaultPage
	case in.Limit < 1 || in.Limit > maxPage:
		return lanyard.Errorf(lanyard.Invalid, "Limit: %d is not accepted; 1 to %d are", in.Limit, maxPage)
	}
	if in.Search = strings.TrimSpace(in.Search); utf8.RuneCountInString(in.Search) > 25 {
		return lanyard.Errorf(lanyard.Invalid, "Search: has %d characters; at most 25 are accepted",
			utf8.RuneCountInString(in.Search))
	}
	return nil
}

// users answers a page of the people.
func (s *Server) users(ctx context.Context, a *asking) (any, error) {
	var in peopleRequest
	if err := a.decode(&in); err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	v, err := s.view(ctx, a, in.InstanceID)
	if err != nil {
		return nil, err
	}
	if err := v.RequirePermission(questions.ViewPermission(access.TypeUser)); err != nil {
		return nil, err
	}
	var conditions []control.Condition
	if in.Search != "" {
		compare := "CONTAINS"
		if utf8.RuneCountInString(in.Search) < 2 {
			compare = "STARTS_WITH"
		}
		var any []control.Condition
		for _, f := range []string{"Username", "FirstName", "LastName"} {
			any = append(any, control.Condition{String: &control.StringCondition{Field: f, Value: in.Search, Compare: compare}})
		}
		conditions = append(conditions, control.Condition{Or: any})
	}
	if in.UserID != "" {
		conditions = append(conditions,
			control.Condition{String: &control.StringCondition{Field: "ResourceId", Value: in.UserID, Compare: "EXACT"}})
	}
	if in.SecurityProfileID != "" {
		conditions = append(conditions,
			control.Condition{String: &control.StringCondition{Field: "SecurityProfileId", Value: in.SecurityProfileID,
				Compare: "EXACT"}})
	}
	if in.HierarchyGroupID != "" {
		conditions = append(conditions,
			control.Condition{Group: &control.GroupCondition{Group: in.HierarchyGroupID, Below: true}})
	}
	if in.Tag != nil && in.Tag.Value == nil {
		return nil, lanyard.Errorf(lanyard.Invalid, "Tag.Value: is required")
	}
	if in.Tag != nil {
		conditions = append(conditions, control.Condition{Tag: &control.TagCondition{Key: in.Tag.Key, Value: *in.Tag.Value}})
	}
	call := v.call
	if call.Operation = "SearchUsers"; v.Viewer != "" {
		var err error
		if call, err = s.Control.Act(ctx, call, v.in.ID, v.Viewer,
			control.Right{Permission: questions.ViewPermission(access.TypeUser), Type: lanyard.TypeUser}); err != nil {
			return nil, err
		}
	}
	count := int64(0)
	if in.NextToken != "" {
		count = -1
	}
	found, err := control.Search[*lanyard.User](ctx, s.Control, call, v.in.ID, control.Query{
		Conditions: conditions, Page: control.Page{After: in.NextToken, Limit: in.Limit}, Total: count})
	if err != nil {
		return nil, err
	}
	rows, groups := []UserRow{}, map[string]*GroupRef{}
	for _, u := range found.Items {
		r := UserRow{ID: u.ID, ARN: s.Control.ARN(v.in, lanyard.TypeUser, u.ID), Username: u.Name, FirstName: u.FirstName,
			LastName: u.LastName, Tags: full(u.Tags),
			SecurityProfiles: v.profileNames(u.Profiles)}
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
	out := UsersAnswer{Rows: rows, Cursor: Cursor{NextToken: found.Next, Revision: v.Revision()}}
	if count >= 0 {
		out.Total = &found.Total
	}
	return out, nil
}

// group shows a hierarchy group; who may not see groups gets its id.
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
		return nil, lanyard.Errorf(lanyard.Invalid, "UserId, HierarchyGroupId and Tag: AI agents have none of them")
	}
	if err := in.check(); err != nil {
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

// blockers answers what keeps profiles from being deleted.
func (s *Server) blockers(ctx context.Context, a *asking) (any, error) {
	var in struct {
		InstanceID         string   `json:"InstanceId"`
		SecurityProfileIDs []string `json:"SecurityProfileIds"`
	}
	if err := a.decode(&in); err != nil {
		return nil, err
	}
	if n := len(in.SecurityProfileIDs); n < 1 || n > maxPage {
		return nil, lanyard.Errorf(lanyard.Invalid, "SecurityProfileIds: has %d ids; 1 to %d are accepted", n, maxPage)
	}
	v, err := s.view(ctx, a, in.InstanceID)
	if err != nil {
		return nil, err
	}
	out := []Blocker{}
	for _, ref := range in.SecurityProfileIDs {
		id, err := v.ID(ref)
		if err != nil {
			return nil, err
		}
		if err := v.RequireView(access.TypeSecurityProfile, id); err != nil {
			return nil, err
		}
		b := Blocker{Named: v.profileNames([]string{id})[0], Sample: v.sample(id, maxSample)}
		b.Users, b.Agents = v.holderCounts(id)
		out = append(out, b)
	}
	return BlockersAnswer{Blockers: out}, nil
}

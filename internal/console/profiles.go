package console

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

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

// matches reports whether tags have the key and, if there is one, the value.
func (f *tagFilter) matches(tags map[string]string) bool {
	if f == nil {
		return true
	}
	value, ok := tags[f.Key]
	return ok && (f.Value == nil || *f.Value == value)
}

type profilesRequest struct {
	InstanceID     string `json:"InstanceId"`
	Search         string
	Tag            *tagFilter
	Sort           string
	Descending     bool
	Page, PageSize int
}

func (in *profilesRequest) checkMembers() error {
	switch {
	case len(in.Search) > maxSearch:
		return lanyard.Errorf(lanyard.Invalid, "Search must have at most %d bytes, got %d", maxSearch, len(in.Search))
	case in.PageSize < 1 || in.PageSize > maxPage:
		return lanyard.Errorf(lanyard.Invalid, "PageSize must be 1 to %d, got %d", maxPage, in.PageSize)
	case in.Page < 1 || in.Page > maxProfiles:
		return lanyard.Errorf(lanyard.Invalid, "Page must be 1 to %d, got %d", maxProfiles, in.Page)
	}
	return nil
}

// filter returns the profiles that are searched for.
func (in *profilesRequest) filter(all []*lanyard.Profile) (found []*lanyard.Profile) {
	want := strings.ToLower(strings.TrimSpace(in.Search))
	for _, p := range all {
		if in.Tag.matches(p.Tags) &&
			(strings.Contains(strings.ToLower(p.Name), want) || strings.Contains(strings.ToLower(p.Description), want)) {
			found = append(found, p)
		}
	}
	return found
}

// sort puts profiles into the order that is asked for.
func (in *profilesRequest) sort(v *viewer, found []*lanyard.Profile) error {
	byName := func(x, y *lanyard.Profile) int {
		return cmp.Or(cmp.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name)), cmp.Compare(x.ID, y.ID))
	}
	order := byName
	switch in.Sort {
	case "Name":
	case "Holders":
		order = func(x, y *lanyard.Profile) int {
			return cmp.Or(cmp.Compare(v.holderCount(x.ID), v.holderCount(y.ID)), byName(x, y))
		}
	case "Modified":
		order = func(x, y *lanyard.Profile) int { return cmp.Or(x.Modified.Compare(y.Modified), byName(x, y)) }
	default:
		return lanyard.Errorf(lanyard.Invalid, "Sort must be Name, Holders or Modified, got %q", lanyard.Clip(in.Sort))
	}
	slices.SortFunc(found, order)
	if in.Descending {
		slices.Reverse(found)
	}
	return nil
}

// profiles answers a page of the table.
func (s *Server) profiles(ctx context.Context, a *asking) (any, error) {
	in := profilesRequest{Sort: "Name", Page: 1, PageSize: defaultPage}
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
	all, err := v.all(ctx, s)
	if err != nil {
		return nil, err
	}
	found := in.filter(all)
	if err := in.sort(v, found); err != nil {
		return nil, err
	}
	changed, err := s.changeIndexes.readIndex(ctx, s, v.in.ID)
	if err != nil {
		return nil, err
	}
	total := len(found)
	from := min((in.Page-1)*in.PageSize, total)
	rows := []ProfileRow{}
	for _, p := range found[from:min(from+in.PageSize, total)] {
		rows = append(rows, s.profileRow(v, changed, p))
	}
	return ProfilesAnswer{Rows: rows, Total: total, Page: in.Page, Pages: (total + in.PageSize - 1) / in.PageSize,
		Revision: v.Revision(), TagKeys: tagKeys(all)}, nil
}

func (s *Server) profileRow(v *viewer, changed *changeIndex, p *lanyard.Profile) ProfileRow {
	return ProfileRow{ID: p.ID, ARN: s.Control.ARN(v.in, lanyard.TypeProfile, p.ID), Name: p.Name,
		Description: p.Description, Tags: full(p.Tags), Holders: v.holderCount(p.ID), Permissions: len(p.Permissions),
		Sensitive:           sensitive(p),
		TagRestricted:       len(p.TagRestricted) > 0 && len(p.AccessTags) > 0,
		HierarchyRestricted: len(p.HierarchyRestricted) > 0, LastModified: v.lastModified(s, changed, p)}
}

// tagKeys returns the first keys of the tags of profiles, sorted.
func tagKeys(all []*lanyard.Profile) []string {
	const most = 500
	keys := map[string]bool{}
	for _, p := range all {
		for k := range p.Tags {
			keys[k] = true
		}
	}
	sorted := slices.AppendSeq([]string{}, maps.Keys(keys))
	slices.Sort(sorted)
	return sorted[:min(len(sorted), most)]
}

// lastModified says when and by whom a profile was changed last. The index knows of changes of tags
// too, and the revision, but goes back only so far.
func (v *viewer) lastModified(s *Server, c *changeIndex, p *lanyard.Profile) LastModified {
	out := LastModified{Time: p.Modified, By: By{Kind: "unknown"}}
	if who := p.ModifiedBy; who != (lanyard.Actor{}) {
		out.By = v.by(author{who.User, who.AccessKeyID, s.isRoot(who.AccessKeyID)})
	}
	if last, ok := c.last(p.ID); ok {
		out = LastModified{last.time, v.by(last.author), last.revision}
	}
	return out
}

// by shows who made a call: a user by id only to whoever may view the user, and keys only to the operator.
func (v *viewer) by(who author) By {
	key := who.key
	if v.Viewer != "" {
		key = ""
	}
	switch user := who.user; {
	case user != "" && v.Viewer != user && !v.Sees(access.TypeUser, user) && !v.SeesAll(access.TypeUser):
		return By{"user", "", ""}
	case user != "":
		return By{"user", user, v.userName(user)}
	case who.root:
		return By{"operator", key, ""}
	}
	return By{"key", key, ""}
}

// userName returns the name of a user; "" when the user was deleted or the viewer may not see them.
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
		return nil, lanyard.Errorf(lanyard.Invalid, "SecurityProfileIds must have 1 to %d ids, got %d", maxPage, n)
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

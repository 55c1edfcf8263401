package console

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/questions"
)

// Bounds of what the overview shows of each.
const (
	maxShownProfiles = 10 // of a finding
	maxGranting      = 6  // of a sensitive permission
	maxUnheld        = 30
	firstFindings    = 8
)

// instanceRequest is the body of a question about an instance as a whole.
type instanceRequest struct {
	InstanceID string `json:"InstanceId"`
}

// overview answers a summary of an instance. A part that the viewer may not see is null.
func (s *Server) overview(ctx context.Context, a *asking) (any, error) {
	var in instanceRequest
	v, err := s.about(ctx, a, &in, &in.InstanceID)
	if err != nil {
		return nil, err
	}
	out := OverviewAnswer{Revision: v.Revision(), Mirror: s.mirrorOf(v.in)}
	if v.RequirePermission(questions.ViewPermission(access.TypeSecurityProfile)) == nil {
		all, err := v.all(ctx, s)
		if err != nil {
			return nil, err
		}
		counts := &Counts{Profiles: len(all)}
		if v.RequirePermission(questions.ViewPermission(access.TypeUser)) == nil {
			n := v.userCount()
			counts.Users = &n
		}
		if v.RequirePermission(questions.ViewPermission(access.TypeAIAgent)) == nil {
			n := v.Count(access.TypeAIAgent)
			counts.Agents = &n
		}
		findings := s.lints.findings(v, all)
		out.Counts, out.Sensitive = counts, v.sensitive(all)
		if v.seesAllHolders() { // others cannot know that nobody holds one
			unheld, n := v.unheld(all)
			out.Unheld, out.UnheldTotal = unheld, &n
		}
		n := len(findings)
		out.Findings, out.FindingsTotal = findings[:min(n, firstFindings)], &n
	}
	if v.Viewer == "" || v.RequirePermission("HistoricalChanges.View") == nil && v.SeesAll(access.TypeUser) &&
		v.SeesAll(access.TypeSecurityProfile) {
		c, err := s.changeIndexes.readIndex(ctx, s, v.in.ID)
		if err != nil {
			return nil, err
		}
		days := []Day{}
		daily, since := c.daily()
		for _, d := range slices.Sorted(maps.Keys(daily)) {
			days = append(days, Day{d, daily[d]})
		}
		out.Changes, out.ChangesSince = days, &since
	}
	if v.Viewer == "" {
		out.Server = s.health()
	}
	return out, nil
}

// mirror answers what an instance is a mirror of, for pages on which somebody may begin to edit.
func (s *Server) mirror(ctx context.Context, a *asking) (any, error) {
	var in instanceRequest
	v, err := s.about(ctx, a, &in, &in.InstanceID)
	if err != nil {
		return nil, err
	}
	return MirrorAnswer{s.mirrorOf(v.in)}, nil
}

// mirrorOf says what an instance is a mirror of; nil when it is none.
func (s *Server) mirrorOf(in *lanyard.Instance) *Mirror {
	if in.Mirror == nil {
		return nil
	}
	m := &Mirror{Source: in.Mirror.Source, Incomplete: in.Mirror.Run != ""}
	if at := s.Control.Refreshed(in); !at.IsZero() {
		m.Refreshed = &at
	}
	return m
}

// unheld lists the first profiles that nobody holds, and counts all.
func (v *viewer) unheld(all []*lanyard.Profile) (first []Named, n int) {
	first = []Named{}
	for _, p := range all {
		if v.CountHolders(p.ID) > 0 {
			continue
		}
		if n++; n <= maxUnheld {
			first = append(first, Named{p.ID, p.Name})
		}
	}
	return first, n
}

// maxCountedHolders bounds how many holders are gone through to count each once: some 20 ms.
const maxCountedHolders = 2_000_000

// sensitive lists who holds the permissions that deserve attention, those with holders first.
func (v *viewer) sensitive(all []*lanyard.Profile) []SensitiveInUse {
	granting := map[string][]*lanyard.Profile{}
	for _, p := range all {
		for _, name := range p.Permissions {
			if known, _ := lanyard.LookupPermission(name); known.Sensitive != "" {
				granting[name] = append(granting[name], p)
			}
		}
	}
	out, left := []SensitiveInUse{}, maxCountedHolders
	for _, name := range slices.Sorted(maps.Keys(granting)) {
		known, _ := lanyard.LookupPermission(name)
		x := SensitiveInUse{Permission: name, Why: known.Sensitive, Profiles: []Named{}, ProfilesTotal: len(granting[name]),
			Sample: []Holder{}}
		most, ids := 0, []string{}
		for _, p := range granting[name] {
			if ids = append(ids, p.ID); len(ids) <= maxGranting {
				x.Profiles = append(x.Profiles, Named{p.ID, p.Name})
			}
			most += v.holderCount(p.ID)
			if len(x.Sample) < 5 {
				for _, h := range v.sample(p.ID, 5-len(x.Sample)) {
					if !slices.Contains(x.Sample, h) {
						x.Sample = append(x.Sample, h)
					}
				}
			}
		}
		if x.Holders = most; len(granting[name]) > 1 && most <= left { // somebody may hold several
			left -= most
			x.Holders = v.holdersOf(ids)
		}
		out = append(out, x)
	}
	slices.SortStableFunc(out, func(x, y SensitiveInUse) int { return cmp.Compare(y.Holders, x.Holders) })
	return out
}

// findings answers a page of what lint finds, the errors first.
func (s *Server) findings(ctx context.Context, a *asking) (any, error) {
	var in struct {
		InstanceID string `json:"InstanceId"`
		After      int
		Limit      int
	}
	if err := a.decode(&in); err != nil {
		return nil, err
	}
	switch {
	case in.Limit == 0:
		in.Limit = defaultPage
	case in.Limit < 1 || in.Limit > maxPage:
		return nil, lanyard.Errorf(lanyard.Invalid, "Limit must be 1 to %d, got %d", maxPage, in.Limit)
	}
	if in.After < 0 {
		return nil, lanyard.Errorf(lanyard.Invalid, "After must be 0 or more, got %d", in.After)
	}
	v, err := s.view(ctx, a, in.InstanceID)
	if err != nil {
		return nil, err
	}
	all, err := v.all(ctx, s)
	if err != nil {
		return nil, err
	}
	found := s.lints.findings(v, all)
	page := found[min(in.After, len(found)):]
	return FindingsAnswer{Findings: page[:min(in.Limit, len(page))], Total: len(found), Revision: v.Revision()}, nil
}

// rate remembers how many decisions there were a while ago.
type rate struct {
	mu        sync.Mutex
	at        time.Time
	decisions int64
	last      float64
}

func (r *rate) perSecond(now time.Time, decisions int64) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	const least = 5 * time.Second
	if passed := now.Sub(r.at); r.at.IsZero() || passed >= least {
		if !r.at.IsZero() {
			r.last = float64(decisions-r.decisions) / passed.Seconds()
		}
		r.at, r.decisions = now, decisions
	}
	return r.last
}

// health is how the server is.
func (s *Server) health() *Health {
	now := s.Now()
	var n Stats
	if s.Stats != nil {
		n = s.Stats()
	}
	return &Health{Version: s.Version, Started: s.started.UTC(), Uptime: int(now.Sub(s.started) / time.Second),
		Store:     n.Store,
		Decisions: DecisionCounts{Total: n.Decisions, Denied: n.Denied, PerSecond: s.rate.perSecond(now, n.Decisions)},
		Calls:     CallCounts{Total: n.Calls, Refused: n.Refused}}
}

// Bounds of pictures.
const (
	maxHeat = 1000 // profiles
	maxNear = 200  // pairs
)

// unknownGroup is where permissions stand that the catalogue does not know.
const unknownGroup = "Not in the catalogue"

// heat answers how many permissions of each group each profile has.
func (s *Server) heat(ctx context.Context, a *asking) (any, error) {
	var in instanceRequest
	v, err := s.about(ctx, a, &in, &in.InstanceID)
	if err != nil {
		return nil, err
	}
	all, err := v.all(ctx, s)
	if err != nil {
		return nil, err
	}
	groups, place := []PermissionGroup{}, map[string]int{}
	for _, p := range lanyard.Permissions() {
		i, ok := place[p.Group]
		if !ok {
			i = len(groups)
			place[p.Group] = i
			groups = append(groups, PermissionGroup{Name: p.Group})
		}
		groups[i].Permissions++
	}
	unknown := len(groups)
	groups = append(groups, PermissionGroup{Name: unknownGroup})
	truncated := len(all) > maxHeat
	all = all[:min(len(all), maxHeat)]
	rows := []HeatRow{}
	for _, p := range all {
		r := HeatRow{Named: Named{p.ID, p.Name}, Holders: v.holderCount(p.ID), Counts: make([]int, len(groups)),
			Total: len(p.Permissions), Sensitive: sensitive(p)}
		for _, name := range p.Permissions {
			i := unknown
			if known, ok := lanyard.LookupPermission(name); ok {
				i = place[known.Group]
			} else {
				groups[unknown].Permissions++
			}
			r.Counts[i]++
		}
		rows = append(rows, r)
	}
	slices.SortFunc(rows, func(x, y HeatRow) int { return cmp.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name)) })
	return HeatAnswer{Groups: groups, Profiles: rows, Near: nearest(all), Truncated: truncated, Revision: v.Revision()},
		nil
}

// nearest finds the pairs of profiles whose permissions are nearly the same, the nearest first.
func nearest(all []*lanyard.Profile) []NearPair {
	index := map[string]int{}
	for i, p := range lanyard.Permissions() {
		index[p.Name] = i
	}
	type set [8]uint64
	sets := make([]set, len(all))
	for i, p := range all {
		for _, name := range p.Permissions {
			if at, ok := index[name]; ok && at < len(set{})*64 {
				sets[i][at/64] |= 1 << (at % 64)
			}
		}
	}
	out := []NearPair{}
	for i := range all {
		if len(all[i].Permissions) < leastNear {
			continue
		}
		for j := i + 1; j < len(all); j++ {
			if len(all[j].Permissions) < leastNear {
				continue
			}
			x := NearPair{A: Named{all[i].ID, all[i].Name}, B: Named{all[j].ID, all[j].Name}}
			for w := range sets[i] {
				x.Shared += ones(sets[i][w] & sets[j][w])
				x.OnlyA += ones(sets[i][w] &^ sets[j][w])
				x.OnlyB += ones(sets[j][w] &^ sets[i][w])
			}
			if (x.OnlyA+x.OnlyB)*10 <= x.Shared { // at least ten elevenths in common
				out = append(out, x)
			}
		}
	}
	slices.SortStableFunc(out, func(x, y NearPair) int { return cmp.Compare(x.OnlyA+x.OnlyB, y.OnlyA+y.OnlyB) })
	return out[:min(len(out), maxNear)]
}

// leastNear is below how many permissions profiles are not compared: small ones are alike by chance.
const leastNear = 3

// maxGroups bounds the picture of who may see whom.
const maxGroups = 2000

// visibility answers which profiles show the users of which groups.
func (s *Server) visibility(ctx context.Context, a *asking) (any, error) {
	var in instanceRequest
	v, err := s.about(ctx, a, &in, &in.InstanceID)
	if err != nil {
		return nil, err
	}
	if err := v.RequirePermission(questions.ViewPermission(access.TypeHierarchyGroup)); err != nil {
		return nil, err
	}
	all, err := v.all(ctx, s)
	if err != nil {
		return nil, err
	}
	groups, truncated, err := s.groups(ctx, v)
	if err != nil {
		return nil, err
	}
	members, holders := v.members()
	seen := newSightings(groups, members)
	for _, p := range all {
		if !slices.Contains(p.Permissions, questions.ViewPermission(access.TypeUser)) {
			continue
		}
		switch {
		case len(p.HierarchyRestricted) == 0:
			seen.everywhere(p, v.holderCount(p.ID))
		case p.HierarchyGroup != "":
			seen.below(p.HierarchyGroup, SeenBy{Named{p.ID, p.Name}, false, v.holderCount(p.ID)})
		default: // the groups of its holders, and those below; who is in none sees nobody
			for group, count := range holders(p.ID) {
				if group != "" {
					seen.below(group, SeenBy{Named{p.ID, p.Name}, true, count})
				}
			}
		}
	}
	return VisibilityAnswer{Groups: seen.groups, Everywhere: seen.free, Ungrouped: members[""], Truncated: truncated,
		Revision: v.Revision()}, nil
}

// sightings collects which profiles show the users of which groups.
type sightings struct {
	groups []*GroupSeen
	path   map[string][]string // of a group
	free   []Everywhere
}

func newSightings(groups []*lanyard.Group, members map[string]int) *sightings {
	s := &sightings{groups: []*GroupSeen{}, path: map[string][]string{}, free: []Everywhere{}}
	for _, g := range groups {
		s.groups = append(s.groups, &GroupSeen{ID: g.ID, Name: g.Name, Parent: g.Parent(), Level: len(g.Path),
			Users: members[g.ID], SeenBy: []SeenBy{}})
		s.path[g.ID] = g.Path
	}
	return s
}

// everywhere adds a profile that no hierarchy restricts.
func (s *sightings) everywhere(p *lanyard.Profile, holders int) {
	e := Everywhere{Named: Named{p.ID, p.Name}, Holders: holders, Tags: map[string]string{}}
	if slices.Contains(p.TagRestricted, access.TypeUser) {
		e.Tags = full(p.AccessTags)
	}
	s.free = append(s.free, e)
}

// below adds a profile that shows a group and those below it, or more of its holders.
func (s *sightings) below(group string, by SeenBy) {
	for _, g := range s.groups {
		if !slices.Contains(s.path[g.ID], group) {
			continue
		}
		i := slices.IndexFunc(g.SeenBy, func(x SeenBy) bool { return x.ID == by.ID })
		if i < 0 {
			g.SeenBy = append(g.SeenBy, by)
		} else {
			g.SeenBy[i].Holders += by.Holders
		}
	}
}

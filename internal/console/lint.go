package console

import (
	"context"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/control"
)

func ones(w uint64) int { return bits.OnesCount64(w) }

// Severities of findings.
const (
	warning = "warning"
	info    = "info"
)

const (
	maxFindings = 100 // of one rule
	maxDetails  = 20  // of a finding
)

// groups returns the hierarchy groups that the viewer may see.
func (s *Server) groups(ctx context.Context, v *viewer) (all []*lanyard.Group, truncated bool, err error) {
	for page := (control.Page{Limit: 500}); ; {
		some, err := control.List[*lanyard.Group](ctx, s.Control, v.call, v.in.ID, page)
		if err != nil {
			return nil, false, err
		}
		for _, g := range some.Items {
			if v.Sees(access.TypeHierarchyGroup, g.ID) {
				all = append(all, g)
			}
		}
		if some.Next == "" {
			return all, false, nil
		}
		if len(all) >= maxGroups {
			return all[:maxGroups], true, nil
		}
		page.After = some.Next
	}
}

// A linter looks at profiles for what is likely not meant.
type linter struct {
	*viewer
	found  []Finding
	counts map[string]int // findings by rule
	// whole are the types of which the viewer sees all. Findings about others must not depend on hidden resources.
	whole map[string]bool
	tags  map[access.Tag]int         // in use
	keys  map[string]map[string]bool // of those tags, by their lowercase form
}

func newLinter(v *viewer) *linter {
	l := &linter{viewer: v, found: []Finding{}, counts: map[string]int{}, whole: map[string]bool{}, tags: v.TagUsage(),
		keys: map[string]map[string]bool{}}
	for _, t := range lanyard.Types() {
		if name := t.DecisionName(); name != "" {
			l.whole[name] = v.SeesAll(name)
		}
	}
	for t := range l.tags {
		if !l.whole[t.Type] {
			continue
		}
		lower := strings.ToLower(t.Key)
		if l.keys[lower] == nil {
			l.keys[lower] = map[string]bool{}
		}
		l.keys[lower][t.Key] = true
	}
	return l
}

// add adds a finding, but no more than maxFindings of its rule.
func (l *linter) add(f Finding, profiles ...*lanyard.Profile) {
	if l.counts[f.Rule]++; l.counts[f.Rule] > maxFindings {
		return
	}
	f.Profiles, f.Details = []Named{}, list(f.Details[:min(len(f.Details), maxDetails)])
	for _, p := range profiles {
		f.Profiles = append(f.Profiles, Named{p.ID, p.Name})
	}
	l.found = append(l.found, f)
}

// lint looks at the profiles that the viewer may see, and returns the warnings first.
func (v *viewer) lint(all []*lanyard.Profile) []Finding {
	l := newLinter(v)
	held := v.seesAllHolders()
	for _, p := range all {
		if held && v.CountHolders(p.ID) == 0 {
			l.add(Finding{Rule: "unused", Severity: info, Message: "nobody holds it"}, p)
		}
		if without := editWithoutView(p); len(without) > 0 {
			l.add(Finding{Rule: "edit-without-view", Severity: warning, Details: without, Message: "it grants actions " +
				"without the View of the same resource, so the web site does not show what they are for"}, p)
		}
		if p.IncompleteTagRestriction() {
			l.add(Finding{Rule: "half-restriction", Severity: warning, Message: "it has tags without restricted resource " +
				"types, or types without tags, and restricts nothing by tags"}, p)
		}
		l.lintHierarchy(p)
		l.lintTags(p)
		if unknown := unknownTypes(p); len(unknown) > 0 {
			l.add(Finding{Rule: "unknown-type", Severity: warning, Details: unknown, Message: "it restricts resource types " +
				"by names that are unknown here, and so every type that has no name of its own"}, p)
		}
		l.lintPermissions(p)
	}
	l.lintPairs(all)
	slices.SortStableFunc(l.found, func(x, y Finding) int { return strings.Compare(y.Severity, x.Severity) })
	return l.found
}

// lintHierarchy looks at the hierarchy group of a profile.
func (l *linter) lintHierarchy(p *lanyard.Profile) {
	if p.HierarchyGroup == "" {
		return
	}
	if len(p.HierarchyRestricted) == 0 {
		l.add(Finding{Rule: "half-restriction", Severity: warning,
			Message: "it names a hierarchy group but restricts nothing by hierarchy"}, p)
	}
	if l.whole[access.TypeHierarchyGroup] && len(l.Lookup(access.TypeHierarchyGroup, p.HierarchyGroup)) == 0 {
		l.add(Finding{Rule: "missing-group", Severity: warning, Details: []string{p.HierarchyGroup},
			Message: "its hierarchy group has been deleted, so its holders see nobody by it"}, p)
	}
}

// lintTags looks at the access-control tags of a profile.
func (l *linter) lintTags(p *lanyard.Profile) {
	for _, key := range slices.Sorted(maps.Keys(p.AccessTags)) {
		if used := l.keys[strings.ToLower(key)]; used != nil && !used[key] {
			l.add(Finding{Rule: "tag-case", Severity: warning, Details: []string{key},
				Message: fmt.Sprintf("the tag key %s differs from %s, which is in use, by case only, and so matches nothing",
					key, strings.Join(sorted(used), " and "))}, p)
			continue
		}
		value := p.AccessTags[key]
		for _, name := range p.TagRestricted {
			t, _ := lanyard.RestrictedType(name)
			if l.whole[t] && l.tags[access.Tag{Type: t, Key: key, Value: value}] == 0 {
				l.add(Finding{Rule: "tag-on-nothing", Severity: warning, Details: []string{key + "=" + value},
					Message: fmt.Sprintf("no %s carries the tag %s=%s, so its holders reach none", t, key, value)}, p)
			}
		}
	}
}

// lintPermissions looks at what a profile grants.
func (l *linter) lintPermissions(p *lanyard.Profile) {
	var legacy, unknown, keen []string
	for _, name := range p.Permissions {
		known, ok := lanyard.LookupPermission(name)
		switch {
		case !ok:
			unknown = append(unknown, name)
		case known.Status == "legacy" || known.Status == "renamed":
			legacy = append(legacy, name)
		}
		if known.Sensitive != "" {
			keen = append(keen, name)
		}
	}
	if len(legacy) > 0 {
		l.add(Finding{Rule: "legacy-permission", Severity: info, Details: legacy,
			Message: "it has older names of permissions, which still count but are hidden in the web site"}, p)
	}
	if len(unknown) > 0 {
		l.add(Finding{Rule: "unknown-permission", Severity: info, Details: unknown,
			Message: "it has permissions that the catalogue does not know"}, p)
	}
	if !p.Restricted() && (len(p.Permissions)*2 > len(lanyard.Permissions()) || len(keen) >= broadly) {
		l.add(Finding{Rule: "over-broad", Severity: info, Details: keen,
			Message: fmt.Sprintf("it grants %d permissions, %d of them sensitive, without any restriction",
				len(p.Permissions), len(keen))}, p)
	}
}

// lintPairs looks for profiles that are nearly the same.
func (l *linter) lintPairs(all []*lanyard.Profile) {
	byID := map[string]*lanyard.Profile{}
	for _, p := range all {
		byID[p.ID] = p
	}
	for _, near := range nearest(all) {
		x, y := byID[near.A.ID], byID[near.B.ID]
		l.add(Finding{Rule: "near-identical", Severity: info,
			Details: append(less(x.Permissions, y.Permissions), less(y.Permissions, x.Permissions)...),
			Message: fmt.Sprintf("they have %d permissions in common and differ in %d", near.Shared, near.OnlyA+near.OnlyB)},
			x, y)
	}
}

// broadly is from how many sensitive permissions on a profile without restrictions is over-broad.
const broadly = 15

// unknownTypes lists the names of restricted types that are unknown.
func unknownTypes(p *lanyard.Profile) []string {
	unknown := p.UnknownHierarchyRestricted()
	if len(p.AccessTags) > 0 {
		unknown = append(p.UnknownTagRestricted(), unknown...)
	}
	return unknown
}

// editWithoutView lists the permissions of a profile whose View it lacks.
func editWithoutView(p *lanyard.Profile) []string {
	var without []string
	for _, name := range p.Permissions {
		if view, ok := lanyard.ViewOf(name); ok && !slices.Contains(p.Permissions, view) {
			without = append(without, name)
		}
	}
	return without
}

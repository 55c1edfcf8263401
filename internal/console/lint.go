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

// lint looks at the profiles that the viewer may see for what is likely not meant.
func (s *Server) lint(ctx context.Context, v *viewer, all []*lanyard.Profile) ([]Finding, error) {
	out, counts := []Finding{}, map[string]int{}
	add := func(rule, severity, message string, details []string, profiles ...*lanyard.Profile) {
		if counts[rule]++; counts[rule] > maxFindings {
			return
		}
		f := Finding{Rule: rule, Severity: severity, Profiles: []Named{}, Message: message,
			Details: list(details[:min(len(details), maxDetails)])}
		for _, p := range profiles {
			f.Profiles = append(f.Profiles, Named{p.ID, p.Name})
		}
		out = append(out, f)
	}
	tags := v.TagUsage()
	keys := map[string]map[string]bool{} // in use, by what they are without regard to case
	whole := map[string]bool{}           // types of which the viewer sees all; what others carry is not told
	for _, t := range lanyard.Types() {
		if name := t.DecisionName(); name != "" {
			whole[name] = v.SeesAll(name)
		}
	}
	held := v.seesAllHolders()
	for t := range tags {
		if !whole[t.Type] {
			continue
		}
		small := strings.ToLower(t.Key)
		if keys[small] == nil {
			keys[small] = map[string]bool{}
		}
		keys[small][t.Key] = true
	}
	byID := map[string]*lanyard.Profile{}
	for _, p := range all {
		byID[p.ID] = p
		if held && v.CountHolders(p.ID) == 0 {
			add("unused", info, "nobody holds it", nil, p)
		}
		if without := editWithoutView(p); len(without) > 0 {
			add("edit-without-view", warning,
				"it grants actions without the View of the same resource, so the web site does not show what they are for", without,
				p)
		}
		if p.IncompleteTagRestriction() {
			add("half-restriction", warning,
				"it has tags without restricted resource types, or types without tags, and restricts nothing by tags", nil, p)
		}
		if p.HierarchyGroup != "" && len(p.HierarchyRestricted) == 0 {
			add("half-restriction", warning, "it names a hierarchy group but restricts nothing by hierarchy", nil, p)
		}
		if p.HierarchyGroup != "" && whole[access.TypeHierarchyGroup] &&
			len(v.Lookup(access.TypeHierarchyGroup, p.HierarchyGroup)) == 0 {
			add("missing-group", warning, "its hierarchy group has been deleted, so its holders see nobody by it",
				[]string{p.HierarchyGroup}, p)
		}
		for _, key := range slices.Sorted(maps.Keys(p.AccessTags)) {
			if used := keys[strings.ToLower(key)]; used != nil && !used[key] {
				add("tag-case", warning,
					fmt.Sprintf("the tag key %s differs from %s, which is in use, by case only, and so matches nothing", key,
						strings.Join(sorted(used), " and ")), []string{key}, p)
				continue
			}
			for _, name := range p.TagRestricted {
				t, _ := lanyard.RestrictedType(name)
				if whole[t] && tags[access.Tag{Type: t, Key: key, Value: p.AccessTags[key]}] == 0 {
					add("tag-on-nothing", warning,
						fmt.Sprintf("no %s carries the tag %s=%s, so its holders reach none", t, key, p.AccessTags[key]),
						[]string{key + "=" + p.AccessTags[key]}, p)
				}
			}
		}
		if unknown := unknownTypes(p); len(unknown) > 0 {
			add("unknown-type", warning,
				"it restricts resource types by names that are unknown here, and so every type that has no name of its own",
				unknown, p)
		}
		legacy, unknown, keen := []string{}, []string{}, []string{}
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
			add("legacy-permission", info, "it has older names of permissions, which still count but are hidden in the web site",
				legacy, p)
		}
		if len(unknown) > 0 {
			add("unknown-permission", info, "it has permissions that the catalogue does not know", unknown, p)
		}
		if !p.Restricted() && (len(p.Permissions)*2 > len(lanyard.Permissions()) || len(keen) >= broadly) {
			add("over-broad", info,
				fmt.Sprintf("it grants %d permissions, %d of them sensitive, without any restriction", len(p.Permissions),
					len(keen)), keen, p)
		}
	}
	for _, near := range nearest(all) {
		differ := append(less(byID[near.A.ID].Permissions, byID[near.B.ID].Permissions),
			less(byID[near.B.ID].Permissions, byID[near.A.ID].Permissions)...)
		add("near-identical", info,
			fmt.Sprintf("they have %d permissions in common and differ in %d", near.Shared, near.OnlyA+near.OnlyB), differ,
			byID[near.A.ID], byID[near.B.ID])
	}
	slices.SortStableFunc(out, func(x, y Finding) int { return strings.Compare(y.Severity, x.Severity) }) // warnings first
	return out, nil
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

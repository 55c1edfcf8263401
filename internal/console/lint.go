package console

import (
	"context"
	"math/bits"
	"slices"
	"sync"
	"weak"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/lint"
)

func ones(w uint64) int { return bits.OnesCount64(w) }

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

// lint looks at the profiles that the viewer may see, and returns the errors first.
func (v *viewer) lint(all []*lanyard.Profile) []Finding {
	report := lint.Run(lint.Input{Snapshot: v.Snapshot, Profiles: all, IdentityManagement: v.in.IdentityManagement,
		Sees: v.Sees, SeesAll: v.SeesAll})
	found := make([]Finding, 0, len(report.Findings))
	for i := range report.Findings {
		found = append(found, findingOf(&report.Findings[i]))
	}
	return found
}

// findingOf returns a finding as the page shows it.
func findingOf(f *lint.Finding) Finding {
	out := Finding{Code: f.Code, Rule: f.Rule, Severity: f.Severity.String(), Profiles: []Named{}, Message: f.Message,
		Details: shownDetails(f.Details), Why: f.Why, Advice: f.Advice}
	for _, r := range f.Resources {
		if r.Type == access.TypeSecurityProfile && len(out.Profiles) < maxShownProfiles {
			out.Profiles = append(out.Profiles, Named{r.ID, r.Name})
		}
	}
	return out
}

// shownDetails are the first of the details.
func shownDetails(all []string) []string {
	const most = 8
	if len(all) > most {
		return append(slices.Clone(all[:most]), "and more, which lanyard lint shows")
	}
	return list(all)
}

// maxLinted bounds the instances whose findings are remembered.
const maxLinted = 16

// lints remembers the findings of instances as they are shown to those who may see everything. Others are told what
// depends on what they may see, which is looked at each time.
type lints struct {
	mu  sync.Mutex
	all map[string]linted
}

type linted struct {
	snapshot weak.Pointer[access.Snapshot] // that was looked at
	findings []Finding
}

// findings returns what lint finds, remembered or new.
func (l *lints) findings(v *viewer, all []*lanyard.Profile) []Finding {
	if !v.seesEverything() {
		return v.lint(all)
	}
	l.mu.Lock()
	known, ok := l.all[v.in.ID]
	l.mu.Unlock()
	if ok && known.snapshot == weak.Make(v.Snapshot) {
		return known.findings
	}
	known = linted{weak.Make(v.Snapshot), v.lint(all)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all == nil || len(l.all) >= maxLinted {
		l.all = map[string]linted{}
	}
	l.all[v.in.ID] = known
	return known.findings
}

// seesEverything reports whether the viewer may see every resource of every type that decisions know.
func (v *viewer) seesEverything() bool {
	for _, t := range lanyard.Types() {
		if name := t.DecisionName(); name != "" && !v.SeesAll(name) {
			return false
		}
	}
	return v.SeesAll(access.TypeAIAgent)
}

package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// A Step is an operation by which somebody becomes more powerful, or gets nearer to it.
type Step struct {
	Operation string `json:"operation"` // of the API
	// Permission is the one that it requires of who takes the step, and Profile grants it.
	Permission string   `json:"permission"`
	Profile    Resource `json:"profile"`
	Resource   Resource `json:"resource"` // what is changed
	Text       string   `json:"text"`     // what is done, as a clause

	actor string         // id of who takes it
	input map[string]any // of the operation; newUser and newProfile stand for ids that are not known yet
	next  *state         // what comes of it
	tell  func(*Step)    // completes Text and input, which most steps never need; nil when they are there
}

// Ids of what a path creates.
const (
	newUser    = "new-user"
	newProfile = "new-profile"
)

// Bounds of the search for paths.
const (
	maxSteps      = 4
	maxStates     = 100     // of one search
	maxDecisions  = 500_000 // of all searches
	maxTargets    = 2_000   // people whose accounts are tried in one state
	maxHolders    = 20      // of a profile whose accounts are tried
	maxRestricted = 3       // profiles with restrictions that a user may hold, by default
)

// A path is how somebody becomes more powerful.
type path struct {
	steps []Step
	full  bool // it leads to everything
	gains mask // else, to these
}

// checkEscalation finds the shortest path to everything, or else to any sensitive permission, for all kinds of people.
func (l *linter) checkEscalation() {
	if !l.seesPeople(access.TypeUser, access.TypeSecurityProfile, access.TypeHierarchyGroup, access.TypeRoutingProfile) {
		return
	}
	s := newSearcher(l)
	found := map[string]*escalated{}
	var order []*escalated
	for _, v := range append(slices.Clone(s.targets), l.unheld()...) {
		if len(order) > 2*maxFindings { // more than are shown
			l.skip("ways to become more powerful after the first %d", len(order))
			break
		}
		some, everywhere := l.levels(v.set)
		if some.and(adminMask) == (mask{}) || everywhere.and(fullMask) == fullMask {
			continue // they can do nothing about it, or anything
		}
		p := s.find(v, some, everywhere)
		if len(p.steps) == 0 {
			continue
		}
		key := p.key()
		e := found[key]
		if e == nil {
			e = &escalated{path: p, about: key}
			found[key] = e
			order = append(order, e)
		}
		e.people(v)
	}
	if s.decisions >= maxDecisions {
		l.skip("some of the ways to become more powerful, after %d decisions", maxDecisions)
	}
	for _, e := range order {
		l.addEscalation(e)
	}
}

// escalated is people who have the same path.
type escalated struct {
	path
	about  string
	count  int
	sample []string
}

func (e *escalated) people(v *variant) {
	if v.unheld {
		return
	}
	e.count += v.count
	for _, name := range v.sample {
		if len(e.sample) < maxSample {
			e.sample = append(e.sample, name)
		}
	}
}

// String writes a path for people, a step a line.
func (p path) String() string {
	var parts []string
	for _, s := range p.steps {
		parts = append(parts, s.Operation+" by "+s.Profile.String()+": "+s.Text)
	}
	return strings.Join(parts, "\n")
}

// key is the same for people who take the same steps by the same profiles, whomever these are about, to the same end.
func (p path) key() string {
	var parts []string
	for _, s := range p.steps {
		part := s.Operation + " by " + s.Profile.String()
		if s.Resource.Type != access.TypeUser {
			part += " on " + s.Resource.String()
		}
		parts = append(parts, part)
	}
	if !p.full {
		parts = append(parts, strings.Join(p.gains.names(), " "))
	}
	return strings.Join(parts, "\n")
}

func (l *linter) addEscalation(e *escalated) {
	goal := "become an administrator who can do anything"
	if !e.full {
		goal = "gain " + list(e.gains.names())
	}
	f := Finding{about: e.about, Path: slices.Clone(e.steps), Severity: Warning}
	for i := range f.Path {
		f.Path[i].next, f.Path[i].tell = nil, nil // they may be large
	}
	in := " in " + plural(len(e.steps), "step", "steps")
	if e.count == 0 {
		f.Message = "whoever is given it can " + goal + in
	} else {
		text := strings.Join(quoteAll(e.sample), ", ")
		if more := e.count - len(e.sample); more > 0 {
			text += fmt.Sprintf(" and %d more", more)
		}
		f.Message = fmt.Sprintf("%s can %s%s: %s", plural(e.count, "of its holders", "of its holders"), goal, in, text)
		if e.full {
			f.Severity = Error
		}
	}
	var by []*lanyard.Profile
	for n, s := range e.steps {
		f.Details = append(f.Details, fmt.Sprintf("%d. %s (%s, by profile %s): %s", n+1, s.Operation, s.Permission,
			lanyard.Quote(s.Profile.Name), s.Text))
		if i, ok := l.byID[s.Profile.ID]; ok && !slices.Contains(by, l.Profiles[i]) {
			by = append(by, l.Profiles[i])
		}
	}
	f.in, f.value = Permissions, e.steps[0].Permission
	l.add(f, by...)
}

// checkAdministrators says who may do anything already.
func (l *linter) checkAdministrators() {
	if !l.seesPeople(access.TypeUser, access.TypeSecurityProfile) {
		return
	}
	var sets []*profileSet
	var by []*lanyard.Profile
	for _, set := range l.everybody().sets {
		if _, everywhere := l.levels(set); everywhere.and(fullMask) != fullMask {
			continue
		}
		sets = append(sets, set)
		for _, i := range set.profiles {
			if l.grantsOf(i).everywhere().and(fullMask) != (mask{}) && !slices.Contains(by, l.Profiles[i]) {
				by = append(by, l.Profiles[i])
			}
		}
	}
	if len(sets) == 0 {
		return
	}
	slices.SortFunc(by, func(a, b *lanyard.Profile) int { return strings.Compare(a.Name, b.Name) })
	_, total := names(sets)
	l.add(Finding{about: "", Message: fmt.Sprintf("%s edit and assign every security profile: %s",
		plural(total, "person can", "people can"), who(sets))}, by...)
}

// levels returns what a set of profiles grants at all, and everywhere.
func (l *linter) levels(set *profileSet) (some, everywhere mask) {
	for _, i := range set.profiles {
		g := l.grantsOf(i)
		some.or(g.granted)
		everywhere.or(g.everywhere())
	}
	return some, everywhere
}

package lint

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// A searcher looks for paths. Each step of a path is a change of a snapshot that the guard of a call on behalf of a
// user would let through, decided by the snapshot itself.
type searcher struct {
	*linter
	targets   []*variant         // the most powerful first
	searches  map[string]*search // by what matters
	decisions int
	holders   map[string][]*variant // some of them, by profile
	useful    map[string]bool       // profiles by id with permissions of adminMask
	routing   []string              // ids of routing profiles
	groups    []string              // ids of hierarchy groups
	offered   []string              // profiles worth having in the current search, the best first
}

// A state is an instance in which somebody has taken some steps.
type state struct {
	snapshot *access.Snapshot
	put      []lanyard.Resource // what the snapshot lacks until the state is opened: most states never are
	actors   []lanyard.User     // whom they can act as, themselves first
	written  map[string]bool    // profiles that they have written, which grant everything
	// before and step say how it was reached, after n steps.
	before *state
	step   *Step
	n      int
}

// path returns the steps that led to a state.
func (st *state) path() []Step {
	steps := make([]Step, st.n)
	for at := st; at.step != nil; at = at.before {
		one := *at.step
		if one.tell != nil {
			one.tell(&one)
		}
		steps[at.n-1] = one
	}
	return steps
}

// A start is what somebody has who looks for more.
type start struct{ some, everywhere mask }

func newSearcher(l *linter) *searcher {
	s := &searcher{linter: l, searches: map[string]*search{}, targets: l.variantsOf()}
	s.rankTargets()
	return s
}

// rankTargets sorts the people by what their accounts are worth.
func (s *searcher) rankTargets() {
	worth := map[*profileSet]int{}
	for _, v := range s.targets {
		some, everywhere := s.levels(v.set)
		worth[v.set] = 1000*everywhere.and(fullMask).count() + 10*everywhere.and(sensitiveMask).count() +
			some.and(sensitiveMask).count()
	}
	slices.SortStableFunc(s.targets, func(a, b *variant) int { return cmp.Compare(worth[b.set], worth[a.set]) })
	s.holders = map[string][]*variant{}
	for _, v := range s.targets {
		for _, id := range v.user.Profiles {
			if len(s.holders[id]) < maxHolders {
				s.holders[id] = append(s.holders[id], v)
			}
		}
	}
	s.useful = map[string]bool{}
	for i, p := range s.Profiles {
		s.useful[p.ID] = s.grantsOf(i).granted.and(adminMask) != (mask{})
	}
	probe := func(t string) (ids []string) {
		for id := range s.Snapshot.All(t) {
			ids = append(ids, id)
			if len(ids) == maxTargets {
				break
			}
		}
		return ids
	}
	s.routing, s.groups = probe(access.TypeRoutingProfile), probe(access.TypeHierarchyGroup)
}

// find returns the shortest path to everything, or else the shortest path to anything sensitive. People for whom the
// same matters have the same paths: only what is a gain differs.
func (s *searcher) find(v *variant, some, everywhere mask) (best path) {
	key, ids := s.helpful(v)
	found := s.searches[key]
	if found == nil {
		u := v.user
		u.Profiles = ids
		found = s.search(&u)
		s.searches[key] = found
	}
	if found.full != nil {
		return path{steps: found.full.path(), full: true}
	}
	var to *state
	for _, o := range found.outcomes {
		gains := o.some.without(some)
		gains.or(o.everywhere.without(everywhere))
		if gains != (mask{}) && (to == nil || o.st.n == to.n && gains.count() > best.gains.count()) {
			to, best.gains = o.st, gains
		}
	}
	if to != nil {
		best.steps = to.path()
	}
	return best
}

// A search is what was found for people for whom the same matters.
type search struct {
	full     *state    // which leads to everything; nil for none
	outcomes []outcome // otherwise, those with fewer steps first
}

// An outcome is what somebody can act with after some steps, of what is sensitive.
type outcome struct {
	some, everywhere mask
	st               *state
}

// search goes through the states in the order of their number of steps.
func (s *searcher) search(u *lanyard.User) *search {
	first := &state{snapshot: s.Snapshot.With(u), actors: []lanyard.User{*u}, written: map[string]bool{}}
	var from start
	from.some, from.everywhere = s.levelsOf(first, u)
	s.rankOffers(from)
	found, known := new(search), map[[2]mask]bool{}
	seen := map[string]bool{first.key(): true}
	for queue := []*state{first}; len(queue) > 0 && s.decisions < maxDecisions; queue = queue[1:] {
		st := queue[0]
		st.open()
		for _, step := range s.moves(st, from) {
			next := step.next
			some, everywhere := s.goal(next)
			if everywhere.and(fullMask) == fullMask {
				found.full, found.outcomes = next, nil
				return found
			}
			if o := [2]mask{some, everywhere}; !known[o] {
				known[o] = true
				found.outcomes = append(found.outcomes, outcome{some, everywhere, next})
			}
			if next.n >= maxSteps || len(seen) >= maxStates || !s.leads(st, next) {
				continue
			}
			if key := next.key(); !seen[key] {
				seen[key] = true
				queue = append(queue, next)
			}
		}
	}
	return found
}

// rankOffers lists the profiles that are worth having for somebody: those of administrators first.
func (s *searcher) rankOffers(from start) {
	var full, rest []string
	for i, p := range s.Profiles {
		g := s.grantsOf(i)
		gains := g.granted.without(from.some)
		gains.or(g.everywhere().without(from.everywhere))
		switch {
		case g.everywhere().and(fullMask) == fullMask:
			full = append(full, p.ID)
		case gains.and(sensitiveMask) != (mask{}) || s.useful[p.ID]:
			rest = append(rest, p.ID)
		}
	}
	s.offered = append(full, rest...)
}

// goal returns what is sensitive that the people of a state have. Somebody who has everything by themselves has it
// everywhere; what several have together is not put together.
func (s *searcher) goal(st *state) (some, everywhere mask) {
	for i := range st.actors {
		x, y := s.levelsOf(st, &st.actors[i])
		if y.and(fullMask) == fullMask {
			return sensitiveMask, sensitiveMask
		}
		some.or(x)
		everywhere.or(y)
	}
	if everywhere.and(fullMask) == fullMask { // of two people: neither is an administrator
		everywhere = everywhere.without(maskOf("SecurityProfiles.Edit"))
	}
	return some.and(sensitiveMask), everywhere.and(sensitiveMask)
}

func (s *searcher) levelsOf(st *state, u *lanyard.User) (some, everywhere mask) {
	for _, id := range u.Profiles {
		if st.written[id] {
			return sensitiveMask, sensitiveMask
		}
		if i, ok := s.byID[id]; ok {
			g := s.grantsOf(i)
			some.or(g.granted)
			everywhere.or(g.everywhere())
		}
	}
	return some, everywhere
}

// leads reports whether there may be more steps after a state: it has more to act with than the one before.
func (s *searcher) leads(before, after *state) bool {
	switch after.last() {
	case "UpdateUserSecurityProfiles", "CreateUser", "UpdateUserIdentityInfo":
	default:
		return true
	}
	for i, u := range after.actors {
		var had []string
		if i < len(before.actors) {
			had = before.actors[i].Profiles
		}
		for _, id := range u.Profiles {
			if (s.useful[id] || after.written[id]) && !slices.Contains(had, id) {
				return true
			}
		}
	}
	return false
}

func (st *state) last() string {
	if st.step == nil {
		return ""
	}
	return st.step.Operation
}

// key is the same for states in which the same can be done.
func (st *state) key() string {
	var b strings.Builder
	for _, u := range st.actors {
		fmt.Fprintf(&b, "%s %q %v %s\n", u.ID, slices.Sorted(slices.Values(u.Profiles)), u.Tags, u.Group)
	}
	for _, id := range slices.Sorted(maps.Keys(st.written)) {
		fmt.Fprintf(&b, "%s ", id)
	}
	if st.last() == "TagResource" {
		b.WriteString(st.step.Text)
	}
	return b.String()
}

// open makes the snapshot that of the state.
func (st *state) open() {
	if st.put != nil {
		st.snapshot, st.put = st.snapshot.With(st.put...), nil
	}
}

// after returns the state after a step that puts resources.
func (st *state) after(step *Step, put ...lanyard.Resource) *state {
	next := &state{snapshot: st.snapshot, put: put, actors: slices.Clone(st.actors), written: st.written}
	for _, r := range put {
		switch r := r.(type) {
		case *lanyard.User:
			if i := slices.IndexFunc(next.actors, func(u lanyard.User) bool { return u.ID == r.ID }); i >= 0 {
				next.actors[i] = *r
			} else {
				next.actors = append(next.actors, *r)
			}
		case *lanyard.Profile:
			next.written = maps.Clone(st.written)
			next.written[r.ID] = true
		}
	}
	next.before, next.step, next.n = st, step, st.n+1
	step.next = next
	return next
}

// may decides for an actor, and returns the profile that allows it.
func (s *searcher) may(st *state, actor *lanyard.User, permission string, r access.Resource) (by Resource, ok bool) {
	s.decisions++
	d := st.snapshot.Decide(&access.Query{Subject: access.Subject{ID: actor.ID}, Action: permission, Resource: r})
	if !d.Allow {
		return Resource{}, false
	}
	by = Resource{Type: access.TypeSecurityProfile, ID: d.Profile}
	if i, known := s.byID[d.Profile]; known {
		by.Name = s.Profiles[i].Name
	}
	return by, true
}

// mayChange decides about both ends of a change of a user.
func (s *searcher) mayChange(st *state, actor *lanyard.User, permission string, before, after *lanyard.User) (Resource,
	bool) {
	by, ok := s.may(st, actor, permission, access.Resource{Type: access.TypeUser, ID: before.ID})
	if !ok || before == after { // what is decided of a new user with the same tags and group is the same
		return by, ok
	}
	_, ok = s.may(st, actor, permission, newUserResource(after))
	return by, ok
}

func newUserResource(u *lanyard.User) access.Resource {
	return access.Resource{Type: access.TypeUser, New: true, Tags: u.Tags, Group: u.Group}
}

// mayUse reports whether an actor may refer to a resource: it is in their pick-lists, or they may view it.
func (s *searcher) mayUse(st *state, actor *lanyard.User, t lanyard.Type, id string) bool {
	r := access.Resource{Type: t.DecisionName(), ID: id}
	if _, ok := s.may(st, actor, access.ActionReference, r); ok {
		return true
	}
	_, ok := s.may(st, actor, t.View(), r)
	return ok
}

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

// broadly is from how many sensitive permissions on a profile without restrictions is over-broad.
const broadly = 15

func (l *linter) checkBroad() {
	for i, p := range l.Profiles {
		keen := l.grantsOf(i).granted.and(sensitiveMask)
		if n := len(p.Permissions); !p.Restricted() && (n*2 > len(lanyard.Permissions()) || keen.count() >= broadly) {
			l.add(Finding{Details: keen.names(),
				Message: fmt.Sprintf("it grants %d permissions, %d of them sensitive, without any restriction", n, keen.count())}, p)
		}
	}
}

func (l *linter) checkUnused() {
	if !l.seesAll(access.TypeUser, access.TypeAIAgent) || l.Snapshot.Count(access.TypeUser) == 0 {
		return
	}
	message := "nobody holds it"
	if l.UnknownAgents {
		message = "no user holds it; the API does not reveal whether an AI agent does"
	}
	for _, p := range l.Profiles {
		if l.Snapshot.CountHolders(p.ID) == 0 {
			l.add(Finding{Message: message}, p)
		}
	}
}

func (l *linter) checkMissingProfiles() {
	if !l.seesAll(access.TypeUser, access.TypeSecurityProfile) {
		return
	}
	missing := l.everybody().missing
	for _, id := range slices.Sorted(maps.Keys(missing)) {
		l.add(Finding{Resources: []Resource{{Type: access.TypeSecurityProfile, ID: id}},
			Message: fmt.Sprintf("it does not exist, and is held by %s", plural(missing[id], "user", "users"))})
	}
}

// leastNear is below how many permissions profiles are not compared: small ones are alike by chance.
const leastNear = 3

// maxCompared bounds how many profiles are compared with each other.
const maxCompared = 3000

// A nearPair is two profiles that are nearly the same.
type nearPair struct {
	x, y                 int
	shared, onlyX, onlyY mask
}

func (p nearPair) differ() int { return p.onlyX.count() + p.onlyY.count() }

// checkNear finds profiles with the same restrictions and nearly the same permissions.
func (l *linter) checkNear() {
	pairs := l.nearPairs()
	for _, pair := range pairs[:min(len(pairs), maxFindings+1)] {
		x, y := l.Profiles[pair.x], l.Profiles[pair.y]
		f := Finding{Details: append(signed("only "+x.Name+": ", pair.onlyX), signed("only "+y.Name+": ", pair.onlyY)...),
			Message: fmt.Sprintf("they have %d permissions in common and differ in %d", pair.shared.count(), pair.differ())}
		f.Advice = l.mergeAdvice(pair)
		l.add(f, x, y)
	}
}

func signed(prefix string, m mask) []string {
	var out []string
	for _, name := range m.names() {
		out = append(out, prefix+name)
	}
	return out
}

func (l *linter) nearPairs() []nearPair {
	var pairs []nearPair
	byRest := map[string][]int{} // profiles that may be merged: all but the permissions is equal
	for i, p := range l.Profiles[:min(len(l.Profiles), maxCompared)] {
		if len(p.Permissions) >= leastNear {
			byRest[restKey(p)] = append(byRest[restKey(p)], i)
		}
	}
	if len(l.Profiles) > maxCompared {
		l.skip("nearly identical profiles among more than %d", maxCompared)
	}
	for _, group := range byRest {
		for n, i := range group {
			x := l.grantsOf(i).granted
			for _, j := range group[n+1:] {
				y := l.grantsOf(j).granted
				p := nearPair{x: i, y: j, shared: x.and(y), onlyX: x.without(y), onlyY: y.without(x)}
				if p.shared != (mask{}) && p.differ()*10 <= p.shared.count() { // at least ten elevenths in common
					pairs = append(pairs, p)
				}
			}
		}
	}
	slices.SortFunc(pairs, func(a, b nearPair) int {
		return cmp.Or(cmp.Compare(a.differ(), b.differ()), cmp.Compare(a.x, b.x), cmp.Compare(a.y, b.y))
	})
	return pairs
}

// restKey is the same for profiles that differ in names, descriptions and permissions of the catalogue only.
func restKey(p *lanyard.Profile) string {
	unknown := slices.DeleteFunc(slices.Clone(p.Permissions), func(name string) bool { _, ok := places[name]; return ok })
	q := []any{unknown, p.AccessTags, p.TagRestricted, p.HierarchyRestricted, p.HierarchyGroup, p.Applications,
		p.FlowModules, p.AIAgents, p.DataTables}
	return fmt.Sprintf("%q", q)
}

// A merge is what it would do to people if one of two profiles were replaced by the other one.
type merge struct {
	keep, drop      int
	gain, lose      int // people
	gained, lost    mask
	sensitive       bool // somebody gains a sensitive permission
	gaining, losing []*profileSet
}

// mergeOf computes what would happen to the users who hold drop and would hold keep.
func (l *linter) mergeOf(keep, drop int) merge {
	m := merge{keep: keep, drop: drop}
	for _, set := range l.everybody().holding[drop] {
		var rest mask
		for _, i := range set.profiles {
			if i != drop {
				rest.or(l.grantsOf(i).granted)
			}
		}
		before, after := rest, rest
		before.or(l.grantsOf(drop).granted)
		after.or(l.grantsOf(keep).granted)
		if gained := after.without(before); gained != (mask{}) {
			m.gain += set.count
			m.gained.or(gained)
			m.gaining = append(m.gaining, set)
		}
		if lost := before.without(after); lost != (mask{}) {
			m.lose += set.count
			m.lost.or(lost)
			m.losing = append(m.losing, set)
		}
	}
	m.sensitive = m.gained.and(sensitiveMask) != (mask{})
	return m
}

// mergeAdvice proposes the merge that gives the fewest people something more, and says to whom it would do what.
func (l *linter) mergeAdvice(pair nearPair) string {
	a, b := l.mergeOf(pair.x, pair.y), l.mergeOf(pair.y, pair.x)
	m := a
	cost := func(m merge) []int { return []int{boolInt(m.sensitive), m.gain, m.lose} }
	if slices.Compare(cost(b), cost(a)) < 0 {
		m = b
	}
	keep, drop := l.Profiles[m.keep].Name, l.Profiles[m.drop].Name
	text := fmt.Sprintf("Give the holders of %s the profile %s instead, and delete %s. ", lanyard.Quote(drop),
		lanyard.Quote(keep), lanyard.Quote(drop))
	if m.gain == 0 && m.lose == 0 {
		return text + "No user would gain or lose a permission."
	}
	var parts []string
	if m.gain > 0 {
		parts = append(parts, fmt.Sprintf("%s would gain %s: %s", plural(m.gain, "user", "users"),
			list(m.gained.names()), who(m.gaining)))
	}
	if m.lose > 0 {
		parts = append(parts, fmt.Sprintf("%s would lose %s: %s", plural(m.lose, "user", "users"), list(m.lost.names()),
			who(m.losing)))
	}
	return text + strings.Join(parts, ". ") + "."
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// checkAgents finds tools of AI agents that the people who take contacts cannot use.
func (l *linter) checkAgents() {
	if !l.seesPeople(access.TypeUser, access.TypeSecurityProfile, access.TypeAIAgent) {
		return
	}
	assisted := l.assisted()
	_, total := names(assisted)
	if total == 0 {
		return
	}
	found := map[string]*agentTools{}
	var order []*agentTools
	for _, id := range l.agentIDs() {
		tools := l.toolsOf(id, assisted, total)
		if len(tools.details) == 0 {
			continue
		}
		key := fmt.Sprintf("%q %q", tools.details, tools.profiles)
		if found[key] == nil {
			found[key] = tools
			order = append(order, tools)
		}
		found[key].agents = append(found[key].agents, Resource{Type: access.TypeAIAgent, ID: id})
	}
	for _, t := range order {
		l.addAgentTools(t, total)
	}
}

// agentTools are the tools that AI agents have by some profiles and that people whom they may assist cannot use.
type agentTools struct {
	agents, profiles []Resource
	details          []string
	nobody           bool // nobody can use some of them
}

// toolsOf returns the tools of an AI agent that some of the people cannot use.
func (l *linter) toolsOf(agent string, assisted []*profileSet, total int) *agentTools {
	t := new(agentTools)
	can, _ := l.Snapshot.WhatCan(access.Subject{Type: access.AIAgent, ID: agent})
	for _, e := range can {
		if e.Type == "" && !toolPermissions.has(places[e.Action]) {
			continue
		}
		lacking := l.cannotUse(assisted, e.Thing)
		if len(lacking) == 0 {
			continue
		}
		_, n := names(lacking)
		t.nobody = t.nobody || n == total
		t.details = append(t.details, fmt.Sprintf("%s: %d of %d cannot use it: %s", thing(e.Thing), n, total, who(lacking)))
		for _, g := range e.Grants {
			if r := (Resource{access.TypeSecurityProfile, g.Profile, g.Name}); !slices.Contains(t.profiles, r) {
				t.profiles = append(t.profiles, r)
			}
		}
	}
	return t
}

// toolPermissions are the permissions that built-in tools of AI agents require.
var toolPermissions = maskOf("Cases.View", "Cases.Edit", "CustomerProfiles.View", "Wisdom.View")

func (l *linter) addAgentTools(t *agentTools, total int) {
	f := Finding{Resources: append(slices.Clip(t.profiles), t.agents...),
		Details: t.details, Message: fmt.Sprintf("%s may use tools by it that some of the %s whom they may assist cannot use",
			plural(len(t.agents), "AI agent", "AI agents"), plural(total, "person", "people"))}
	if t.nobody {
		f.Severity = Warning
	}
	l.add(f)
}

func thing(t access.Thing) string {
	switch t.Type {
	case access.TypeApplication:
		return fmt.Sprintf("%s of application %s", lanyard.Quote(t.Action), lanyard.Quote(t.On))
	case access.TypeFlowModule:
		return "flow module " + lanyard.Quote(t.On)
	case access.TypeAIAgent:
		return "the hand-off to AI agent " + lanyard.Quote(t.On)
	}
	return t.Action
}

// assisted returns the people who take contacts; where nobody may, everybody.
func (l *linter) assisted() []*profileSet {
	p := l.everybody()
	sets := slices.DeleteFunc(slices.Clone(p.sets), func(set *profileSet) bool {
		has := l.granted(set)
		return !has.has(places["BasicAgentAccess"])
	})
	if len(sets) == 0 {
		return p.sets
	}
	return sets
}

// cannotUse returns the people of some sets who may not use a thing.
func (l *linter) cannotUse(sets []*profileSet, t access.Thing) (lacking []*profileSet) {
	for _, set := range sets {
		if !slices.ContainsFunc(set.profiles, func(i int) bool { return l.allowsThing(i, t) }) {
			lacking = append(lacking, set)
		}
	}
	return lacking
}

// allowsThing reports whether a profile grants a thing, conditions apart.
func (l *linter) allowsThing(profile int, t access.Thing) bool {
	p := l.Profiles[profile]
	switch t.Type {
	case access.TypeApplication:
		return slices.ContainsFunc(p.Applications, func(a lanyard.Application) bool {
			return a.Namespace == t.On && (a.Type == lanyard.ApplicationMCP) == (t.Action != access.ActionAccess) &&
				slices.Contains(a.Permissions, t.Action)
		})
	case access.TypeFlowModule:
		return slices.ContainsFunc(p.FlowModules, func(m lanyard.FlowModule) bool { return m.Known() && m.ID == t.On })
	case access.TypeAIAgent:
		return slices.ContainsFunc(p.AIAgents, func(a lanyard.AllowedAIAgent) bool { return a.Known() && a.ARN == t.On })
	}
	return slices.Contains(p.Permissions, t.Action)
}

// maxAgents bounds how many AI agents are looked at.
const maxAgents = 1000

// agentIDs returns the AI agents that hold profiles, in the order of their creation.
func (l *linter) agentIDs() []string {
	var ids []string
	for a := range l.Snapshot.AIAgents() {
		if len(ids) == maxAgents {
			l.skip("all but %d of %d AI agents", maxAgents, l.Snapshot.Count(access.TypeAIAgent))
			break
		}
		ids = append(ids, a.ID)
	}
	return ids
}

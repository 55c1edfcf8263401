package access

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
)

// An Explanation says why a query is decided as it is. Its sentences are for people and may be worded differently in
// another version; programs use the other members.
type Explanation struct {
	Decision
	// Profiles has all profiles that the subject holds, in its order, then those of the human whom an AI agent
	// assists. It is empty when the query names something unknown.
	Profiles []Finding
	// Hints point an administrator at likely mistakes, such as a tag that differs in case only.
	Hints []string
	// Sentence sums the decision up.
	Sentence string
}

// A Finding is what one profile contributes to a decision.
type Finding struct {
	Profile string // id
	Name    string // of the profile
	Holder  string // id of the subject or human that holds it
	Grants  bool   // it has the permission
	Allows  bool   // it grants, and the resource meets its conditions
	// Failed has the conditions that are not met, if it grants and does not allow.
	Failed []FailedCondition
}

// A FailedCondition is a condition that a resource does not meet, and in words what is missing.
type FailedCondition struct {
	Condition
	Want string // what the profile requires, with the names of groups instead of their ids
	Have string // what the resource has; "" for nothing
}

// String returns the condition as a clause, such as "requires tag Country=FR; the resource has Country=DE".
func (c FailedCondition) String() string {
	have := c.Have
	if have == "" {
		have = "nothing"
	}
	return fmt.Sprintf("requires %s %s; the resource has %s", c.Kind, c.Want, have)
}

// Explain returns what Decide does and says why. It costs some microseconds.
func (s *Snapshot) Explain(q *Query) Explanation {
	x := Explanation{Decision: s.Decide(q)}
	if s == nil || !s.exists {
		x.Sentence = "Denied: the instance does not exist."
		return x
	}
	subject := s.subject(&q.Subject)
	var a ask
	reason := a.prepare(s, q)
	if subject != nil && a.what == aModule && reason == UnknownResource {
		x.Hints = a.dangling(subject)
	}
	if subject != nil && reason == Granted {
		x.Profiles = a.findings(subject)
		if q.Subject.Human != "" {
			if human := s.user(q.Subject.Human); human != nil {
				x.Profiles = append(x.Profiles, a.findings(human)...)
			}
		}
		x.Hints = a.hints(subject, x)
	}
	x.Sentence = x.sentence(q)
	return x
}

func (a *ask) findings(subject *entity) []Finding {
	var out []Finding
	for _, slot := range heldSlots(subject) {
		p := a.s.profile(slot)
		f := Finding{Profile: p.id, Name: p.name, Holder: subject.id, Grants: a.grants(p)}
		if f.Grants {
			f.Allows = a.meets(p, subject)
			if !f.Allows {
				f.Failed = a.failed(p, subject)
			}
		}
		out = append(out, f)
	}
	return out
}

// failed lists the conditions of p that the resource does not meet.
func (a *ask) failed(p *profile, subject *entity) []FailedCondition {
	var out []FailedCondition
	for _, want := range a.missingTags(p) {
		c := FailedCondition{Condition: want.condition(), Want: want.String()}
		if have, ok := a.tags()[want.key]; ok {
			c.Have = pair{want.key, have}.String()
		}
		out = append(out, c)
	}
	if p.scopes.has(a.t) && !a.inScope(p, subject) {
		out = append(out, FailedCondition{p.hierarchyCondition(), a.s.scopeName(p, subject), a.s.groupName(a.group())})
	}
	if a.t != typeDataTableRow {
		return out
	}
	for _, r := range p.rows {
		have, ok := a.q.Resource.Attributes[r.Attribute]
		if ok && slices.Contains(r.Values, have) {
			continue
		}
		c := FailedCondition{Condition: rowCondition(r), Want: r.Attribute + " in " + strings.Join(r.Values, ", ")}
		if ok {
			c.Have = r.Attribute + "=" + have
		}
		out = append(out, c)
	}
	return out
}

// scopeName says in words which groups p, in the hands of a subject, is restricted to.
func (s *Snapshot) scopeName(p *profile, subject *entity) string {
	switch {
	case p.scope == scopeOwn && subject.group == 0:
		return "the holder's own group or below, but the holder is in none"
	case p.scope == scopeOwn:
		return "the holder's own group or below, which is " + s.groupName(subject.group)
	case p.group != 0:
		return "group " + s.groupName(p.group) + " or below"
	}
	return "group " + p.groupID + " or below"
}

func (p pair) String() string { return p.key + "=" + p.value }

// tags returns the tags of the resource.
func (a *ask) tags() map[string]string {
	if a.resource == nil {
		return a.q.Resource.Tags
	}
	tags := map[string]string{}
	for _, t := range a.resource.allTags() {
		tags[t.Value().key] = t.Value().value
	}
	return tags
}

// missingTags are the tags of p that what is asked about would need and has not, in byte order.
func (a *ask) missingTags(p *profile) []pair {
	if a.tagsMatch(p) {
		return nil
	}
	var missing []pair
	have := a.tags()
	for _, t := range p.tags {
		want := t.Value()
		if value, ok := have[want.key]; !ok || value != want.value {
			missing = append(missing, want)
		}
	}
	slices.SortFunc(missing, func(a, b pair) int { return strings.Compare(a.String(), b.String()) })
	return missing
}

func (s *Snapshot) groupName(slot uint32) string {
	if slot == 0 {
		return ""
	}
	g := s.entities.At(slot - 1)
	if g.own > 0 {
		return fmt.Sprintf("%q", g.name())
	}
	return g.id
}

// dangling names the profiles that list the resource although it does not exist.
func (a *ask) dangling(subject *entity) []string {
	var out []string
	for _, slot := range heldSlots(subject) {
		if p := a.s.profile(slot); a.grants(p) {
			out = append(out, fmt.Sprintf("profile %q lists flow module %q, which does not exist; the entry grants nothing",
				p.name, a.q.Resource.ID))
		}
	}
	return out
}

// hints returns what helps an administrator, first about the profiles.
func (a *ask) hints(subject *entity, x Explanation) []string {
	return slices.Compact(slices.Concat(a.profileHints(subject), a.prevailHint(subject, x), a.hierarchyHints(subject, x),
		a.permissionHints(subject, x), a.warnings(x)))
}

// profileHints are about profiles that do not exist, and tags that nearly match those of the ones that grant.
func (a *ask) profileHints(subject *entity) (out []string) {
	for _, slot := range heldSlots(subject) {
		p := a.s.profile(slot)
		if e := a.s.entities.At(slot - 1); e.absent() {
			out = append(out, fmt.Sprintf("profile %q does not exist; that it is held grants nothing", e.id))
		}
		if a.grants(p) {
			for _, want := range a.missingTags(p) {
				out = append(out, a.caseHints(want)...)
			}
		}
	}
	return out
}

// prevailHint names the profiles whose conditions are not met and those that allow it all the same.
func (a *ask) prevailHint(subject *entity, x Explanation) []string {
	var restrict, override []string
	for _, slot := range heldSlots(subject) {
		switch p := a.s.profile(slot); {
		case !a.grants(p):
		case a.meets(p, subject):
			override = append(override, fmt.Sprintf("%q", p.name))
		default:
			restrict = append(restrict, fmt.Sprintf("%q", p.name))
		}
	}
	if !x.Allow || len(restrict) == 0 || len(override) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s not allow it, but %s: what any profile allows is allowed",
		does(restrict, "does", "do"), does(override, "does", "do"))}
}

// hierarchyHints are about groups that are missing where the hierarchy restricts.
func (a *ask) hierarchyHints(subject *entity, x Explanation) (out []string) {
	if x.Reason != ConditionFailed || !x.anyFailed(HierarchyCondition) {
		return nil
	}
	for _, slot := range heldSlots(subject) {
		switch p := a.s.profile(slot); {
		case !a.grants(p):
		case p.scope == scopeOwn && subject.group == 0:
			out = append(out, fmt.Sprintf("profile %q covers the holder's own hierarchy group, and the holder is in none",
				p.name))
		case p.scope == scopeGroup && p.group == 0:
			out = append(out, fmt.Sprintf("profile %q names hierarchy group %s, which does not exist any more", p.name,
				p.groupID))
		}
	}
	if a.t == typeUser && a.group() == 0 {
		out = append(out, "the user asked about is in no hierarchy group, so no hierarchy restriction covers them")
	}
	return out
}

// permissionHints are about permissions that the asked one depends on.
func (a *ask) permissionHints(subject *entity, x Explanation) (out []string) {
	if a.what != aPermission {
		return nil
	}
	if view, ok := lanyard.ViewOf(a.q.Action); ok && !a.s.holds(subject, symbols[view].place) {
		out = append(out, fmt.Sprintf("the subject does not hold %s, without which the pages for it do not open", view))
	}
	for _, n := range contactRestrictions() {
		if x.Reason == Restricted && n.what == a.sym.place && a.s.holds(subject, n.by) {
			out = append(out, permissionAt(n.by).Action+" takes something away from whoever holds it in any profile")
		}
	}
	return out
}

// warnings are about the restrictions of the profiles that grant, and how reports combine them.
func (a *ask) warnings(x Explanation) (out []string) {
	for _, f := range x.Profiles {
		if !f.Grants {
			continue
		}
		if a.reports() && x.Reason == ConditionFailed && f.Allows {
			out = append(out, fmt.Sprintf("profile %q allows it elsewhere, but reports require the tags and the hierarchy of "+
				"all restricted profiles together", f.Name))
		}
		if _, e := a.s.findByID(kindProfile, f.Profile); e != nil {
			for _, w := range e.prof().warnings {
				out = append(out, fmt.Sprintf("profile %q: %s", f.Name, w))
			}
		}
	}
	return out
}

func (x Explanation) anyFailed(kind ConditionKind) bool {
	return slices.ContainsFunc(x.Profiles, func(f Finding) bool {
		return slices.ContainsFunc(f.Failed, func(c FailedCondition) bool { return c.Kind == kind })
	})
}

// caseHints name the tags that differ only in case from a required tag.
func (a *ask) caseHints(want pair) []string {
	var out []string
	have := a.tags()
	for _, k := range slices.Sorted(maps.Keys(have)) {
		if strings.EqualFold(k, want.key) && strings.EqualFold(have[k], want.value) &&
			(k != want.key || have[k] != want.value) {
			out = append(out, fmt.Sprintf("tag %s differs from %s in case only; tags are compared exactly", pair{k, have[k]},
				want))
		}
	}
	return out
}

// does names profiles, and says in the form of the verb that goes with them what they do.
func does(profiles []string, one, many string) string {
	if len(profiles) == 1 {
		return "profile " + profiles[0] + " " + one
	}
	return "profiles " + and(profiles) + " " + many
}

// and lists at most MaxProfiles names.
func and(names []string) string {
	last := names[len(names)-1]
	if n := len(names); n > MaxProfiles {
		names, last = names[:MaxProfiles+1], fmt.Sprintf("%d others", n-MaxProfiles)
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + last
}

// sentence sums an explanation up.
func (x Explanation) sentence(q *Query) string {
	who := "user " + q.Subject.ID
	if q.Subject.Type == AIAgent {
		who = "AI agent " + q.Subject.ID
		if q.Subject.Human != "" {
			who += " assisting " + q.Subject.Human
		}
	}
	on := ""
	if q.Resource.Type != "" {
		on = " on " + q.Resource.Type
		if q.Resource.ID != "" {
			on += " " + q.Resource.ID
		}
	}
	verb := map[bool]string{true: "may", false: "may not"}[x.Allow]
	return fmt.Sprintf("%s %s %s%s: %s.", strings.ToUpper(who[:1])+who[1:], verb, q.Action, on, x.because())
}

// because gives the reason for the decision.
func (x Explanation) because() string {
	switch x.Reason {
	case Granted:
		return x.granted()
	case NotGranted:
		if len(x.Profiles) == 0 {
			return "they hold no profile"
		}
		return "no profile that they hold grants it"
	case ConditionFailed:
		return x.failedConditions()
	case UnknownSubject:
		return "there is no such subject, or it holds no profile"
	case UnknownAction:
		return "the action is neither in the permission catalogue nor in any profile"
	case UnknownResource:
		return "there is no such resource"
	case WrongType:
		return "the permission is not about resources of that type"
	case Restricted:
		return "a restricting permission takes it away"
	case Unenforceable:
		return "two profiles with tags and hierarchy each cannot be enforced on reports"
	case HumanDenied:
		return "the AI agent may, but the human whom it assists may not"
	}
	return x.Reason.String()
}

// failedConditions lists at most MaxProfiles of the conditions that are not met.
func (x Explanation) failedConditions() string {
	var parts []string
	for _, f := range x.Profiles {
		for _, c := range f.Failed {
			parts = append(parts, fmt.Sprintf("profile %q %s", f.Name, c))
		}
	}
	if len(parts) == 0 {
		return "the tags and the hierarchy of the profiles that grant it are not both met, as reports require"
	}
	if n := len(parts); n > MaxProfiles {
		parts = append(parts[:MaxProfiles], fmt.Sprintf("and %d more conditions are not met", n-MaxProfiles))
	}
	return strings.Join(parts, "; ")
}

// granted names the subject's profiles that allow the action. On reports possibly none does alone.
func (x Explanation) granted() string {
	var grant, allow []string
	for _, f := range x.Profiles {
		if f.Holder != x.Profiles[0].Holder || !f.Grants {
			continue // of the human whom an AI agent assists, or about something else
		}
		name := fmt.Sprintf("%q", f.Name)
		grant = append(grant, name)
		if f.Allows {
			allow = append(allow, name)
		}
	}
	if len(allow) > 0 {
		return does(allow, "grants it", "grant it")
	}
	return does(grant, "grants it", "grant it together") + ": reports apply the tags of a profile only to users in the " +
		"hierarchies of all profiles, so they show this user though no profile alone grants it"
}

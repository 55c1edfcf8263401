package access

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
)

// An Explanation says why a query is decided as it is.
type Explanation struct {
	Decision
	// Profiles are those that the subject holds, in its order, then those of the human whom an AI
	// agent assists.
	Profiles []Finding
	// Hints are what an administrator would want to be told, in a fixed order.
	Hints []string
	// Sentence sums it up.
	Sentence string
}

// Finding is what one profile contributes.
type Finding struct {
	Profile string // id
	Name    string
	Holder  string // id of the subject or human that holds it
	Grants  bool   // it has the permission
	Allows  bool   // and the resource meets its conditions
	// Failed are the conditions that are not met, of a profile that grants.
	Failed []Condition
}

// Condition is a condition of a profile on a resource.
type Condition struct {
	Kind string // tag, hierarchy or attribute
	Want string // what the profile asks for
	Have string // what the resource has; "" for nothing
}

func (c Condition) String() string {
	have := c.Have
	if have == "" {
		have = "nothing"
	}
	return fmt.Sprintf("%s %s is wanted, the resource has %s", c.Kind, c.Want, have)
}

// Explain decides q and says why. It costs far more than Decide.
func (s *Snapshot) Explain(q *Query) Explanation {
	x := Explanation{Decision: s.Decide(q)}
	if s == nil || !s.exists {
		x.Sentence = "Denied: the instance does not exist."
		return x
	}
	subject := s.subject(&q.Subject)
	var a ask
	reason := a.prepare(s, q)
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
func (a *ask) failed(p *profile, subject *entity) []Condition {
	var out []Condition
	if !a.tagsMatch(p) {
		for _, t := range p.tags {
			want := t.Value()
			have, ok := a.tag(want.key)
			if ok && have == want.value {
				continue
			}
			c := Condition{Kind: "tag", Want: want.key + "=" + want.value}
			if ok {
				c.Have = want.key + "=" + have
			}
			out = append(out, c)
		}
		slices.SortFunc(out, func(a, b Condition) int { return strings.Compare(a.Want, b.Want) })
	}
	if p.scopes.has(a.t) && !a.inScope(p, subject) {
		c := Condition{Kind: "hierarchy", Want: "group " + p.groupID + " or below", Have: a.s.groupName(a.group())}
		if p.scope == scopeOwn {
			c.Want = "the holder's own group or below, which is " + a.s.groupName(subject.group)
			if subject.group == 0 {
				c.Want = "the holder's own group or below, but the holder is in none"
			}
		} else if p.group != 0 {
			c.Want = "group " + a.s.groupName(p.group) + " or below"
		}
		out = append(out, c)
	}
	if a.t == typeDataTableRow {
		for _, r := range p.rows {
			have, ok := a.q.Resource.Attributes[r.Attribute]
			if ok && slices.Contains(r.Values, have) {
				continue
			}
			c := Condition{Kind: "attribute", Want: r.Attribute + " in " + strings.Join(r.Values, ", ")}
			if ok {
				c.Have = r.Attribute + "=" + have
			}
			out = append(out, c)
		}
	}
	return out
}

// tag is the value of a tag of what is asked about.
func (a *ask) tag(key string) (string, bool) {
	if a.resource == nil {
		v, ok := a.q.Resource.Tags[key]
		return v, ok
	}
	for _, t := range a.resource.allTags() {
		if p := t.Value(); p.key == key {
			return p.value, true
		}
	}
	return "", false
}

func (s *Snapshot) groupName(slot uint32) string {
	if slot == 0 {
		return ""
	}
	g := s.entities.at(slot - 1)
	if g.own > 0 {
		return fmt.Sprintf("%q", g.name())
	}
	return g.id
}

// hints are what an administrator would want to be told.
func (a *ask) hints(subject *entity, x Explanation) []string {
	var out []string
	restricts, overrides := "", ""
	for _, f := range x.Profiles {
		for _, c := range f.Failed {
			if c.Kind == "tag" {
				out = append(out, a.caseHint(c)...)
			}
		}
		if f.Grants && f.Allows {
			overrides = f.Name
		} else if f.Grants {
			restricts = f.Name
		}
	}
	if x.Allow && restricts != "" && overrides != "" {
		out = append(out, fmt.Sprintf("profile %q restricts, but %q lets it through: what any profile allows is allowed", restricts, overrides))
	}
	if x.anyFailed("hierarchy") && x.Reason == ConditionFailed {
		for _, slot := range heldSlots(subject) {
			p := a.s.profile(slot)
			if a.grants(p) && p.scope == scopeOwn && subject.group == 0 {
				out = append(out, fmt.Sprintf("profile %q covers the holder's own hierarchy group, and the holder is in none", p.name))
			}
			if a.grants(p) && p.scope == scopeGroup && p.group == 0 {
				out = append(out, fmt.Sprintf("profile %q names hierarchy group %s, which does not exist any more", p.name, p.groupID))
			}
		}
		if a.t == typeUser && a.group() == 0 {
			out = append(out, "the user asked about is in no hierarchy group, so no hierarchy restriction covers them")
		}
	}
	if a.what == aPermission {
		stem, action, dotted := strings.Cut(a.q.Action, ".")
		view := stem + ".View"
		if _, ok := lanyard.LookupPermission(view); ok && dotted && action != "View" && !a.s.holds(subject, view) {
			out = append(out, fmt.Sprintf("the subject does not hold %s, without which the pages for it do not open", view))
		}
		for _, name := range []string{restrictContacts, restrictTasks} {
			if x.Reason == Restricted && a.s.holds(subject, name) {
				out = append(out, fmt.Sprintf("%s takes something away from whoever holds it in any profile", name))
			}
		}
	}
	out = append(out, a.warnings(x)...)
	return slices.Compact(out)
}

// warnings are about the restrictions of the profiles that grant, and how reports combine them.
func (a *ask) warnings(x Explanation) (out []string) {
	for _, f := range x.Profiles {
		if !f.Grants {
			continue
		}
		if a.reports() && x.Reason == ConditionFailed && f.Allows {
			out = append(out, fmt.Sprintf("profile %q allows it elsewhere, but reports require the tags and the hierarchy of all restricted profiles together", f.Name))
		}
		if _, e := a.s.find(kindProfile, f.Profile); e != nil {
			for _, w := range e.prof().warnings {
				out = append(out, fmt.Sprintf("profile %q: %s", f.Name, w))
			}
		}
	}
	return out
}

func (x Explanation) anyFailed(kind string) bool {
	return slices.ContainsFunc(x.Profiles, func(f Finding) bool {
		return slices.ContainsFunc(f.Failed, func(c Condition) bool { return c.Kind == kind })
	})
}

// caseHint tells when a tag differs in case only.
func (a *ask) caseHint(c Condition) []string {
	key, value, _ := strings.Cut(c.Want, "=")
	have := a.q.Resource.Tags
	if a.resource != nil {
		have = map[string]string{}
		for _, t := range a.resource.allTags() {
			have[t.Value().key] = t.Value().value
		}
	}
	var out []string
	for _, k := range slices.Sorted(maps.Keys(have)) {
		if strings.EqualFold(k, key) && strings.EqualFold(have[k], value) && (k != key || have[k] != value) {
			out = append(out, fmt.Sprintf("tag %s=%s differs from %s in case only; tags are compared exactly", k, have[k], c.Want))
		}
	}
	return out
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
	because := ""
	switch x.Reason {
	case Granted:
		because = "profile " + x.name(x.Profile) + " grants it"
		if x.Profile == "" {
			because = "reports apply the tags of a profile only to users in the hierarchies of all profiles, so they show this user though no profile alone grants it"
		}
	case NotGranted:
		because = "no profile that they hold grants it"
		if len(x.Profiles) == 0 {
			because = "they hold no profile"
		}
	case ConditionFailed:
		var parts []string
		for _, f := range x.Profiles {
			for _, c := range f.Failed {
				parts = append(parts, fmt.Sprintf("profile %q: %s", f.Name, c))
			}
		}
		because = strings.Join(parts, "; ")
		if because == "" {
			because = "the tags and the hierarchy of the profiles that grant it are not both met, as reports require"
		}
	case UnknownSubject:
		because = "there is no such subject, or it holds no profile"
	case UnknownAction:
		because = "the action is neither in the permission catalogue nor in any profile"
	case UnknownResource:
		because = "there is no such resource"
	case WrongType:
		because = "the permission is not about resources of that type"
	case Restricted:
		because = "a restricting permission takes it away"
	case Unenforceable:
		because = "two profiles with tags and hierarchy each cannot be enforced on reports"
	case HumanDenied:
		because = "the AI agent may, but the human whom it assists may not"
	}
	return fmt.Sprintf("%s %s %s%s: %s.", strings.ToUpper(who[:1])+who[1:], verb, q.Action, on, because)
}

func (x Explanation) name(id string) string {
	for _, f := range x.Profiles {
		if f.Profile == id {
			return fmt.Sprintf("%q", f.Name)
		}
	}
	return id
}

package lanyard

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
)

var restrictableByName = sync.OnceValue(func() map[string]string {
	m := map[string]string{}
	for _, t := range resourceTypes {
		for _, name := range t.TagNames {
			m[name] = t.Name
		}
	}
	return m
})

// RestrictedType returns the type that a name in TagRestrictedResources restricts. Names are
// case-sensitive.
func RestrictedType(name string) (resourceType string, ok bool) {
	resourceType, ok = restrictableByName()[name]
	return resourceType, ok
}

// RestrictableNames lists the names that TagRestrictedResources accepts, for messages; aliases follow an equals sign.
func RestrictableNames() string {
	var names []string
	for _, t := range resourceTypes {
		if len(t.TagNames) > 0 {
			names = append(names, strings.Join(t.TagNames, " = "))
		}
	}
	return strings.Join(names, ", ")
}

// HierarchyRestrictable is the only name that HierarchyRestrictedResources may hold.
const HierarchyRestrictable = "User"

// IncompleteTagRestriction reports whether p has access tags without restricted types, or types
// without tags. Either half alone restricts nothing.
func (p *Profile) IncompleteTagRestriction() bool {
	return (len(p.AccessTags) == 0) != (len(p.TagRestricted) == 0)
}

// Restricted reports whether tags or the hierarchy restrict anything that p grants.
func (p *Profile) Restricted() bool {
	return len(p.AccessTags) > 0 && len(p.TagRestricted) > 0 || len(p.HierarchyRestricted) > 0
}

// Warnings says what in a profile has no effect, or not the one that its author may expect: one sentence each, in a
// fixed order, without the profile's name.
func (p *Profile) Warnings() []string {
	out := p.RestrictionWarnings()
	isPermission := func(name string) bool { _, ok := LookupPermission(name); return ok }
	if bad := unknown(p.Permissions, isPermission); len(bad) > 0 {
		const text = "Permissions lists unknown %s, which grants only itself and takes nothing away"
		out = append(out, fmt.Sprintf(text, quoted(bad)))
	}
	return append(out, p.inert()...)
}

// RestrictionWarnings returns those of the Warnings that are about tags and the hierarchy.
func (p *Profile) RestrictionWarnings() []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	switch {
	case !p.IncompleteTagRestriction():
	case len(p.TagRestricted) == 0:
		add("AllowedAccessControlTags restricts nothing without TagRestrictedResources")
	default:
		add("TagRestrictedResources restricts nothing without AllowedAccessControlTags")
	}
	if p.HierarchyGroup != "" && len(p.HierarchyRestricted) == 0 {
		add("AllowedAccessControlHierarchyGroupId has no effect unless HierarchyRestrictedResources lists %s",
			HierarchyRestrictable)
	}
	if bad := p.UnknownTagRestricted(); len(bad) > 0 && len(p.AccessTags) > 0 {
		add("TagRestrictedResources lists unknown %s, which restricts every resource type that has no name of its own",
			quoted(bad))
	}
	if bad := p.UnknownHierarchyRestricted(); len(bad) > 0 {
		add("HierarchyRestrictedResources lists unknown %s, which restricts users and every type that has no name of its own",
			quoted(bad))
	}
	return out
}

// UnknownTagRestricted returns the names in TagRestricted that no type has.
func (p *Profile) UnknownTagRestricted() []string {
	return unknown(p.TagRestricted, func(name string) bool { _, ok := RestrictedType(name); return ok })
}

// UnknownHierarchyRestricted returns the names in HierarchyRestricted other than HierarchyRestrictable.
func (p *Profile) UnknownHierarchyRestricted() []string {
	return unknown(p.HierarchyRestricted, func(name string) bool { return name == HierarchyRestrictable })
}

func unknown(names []string, known func(string) bool) (bad []string) {
	for _, name := range names {
		if !known(name) {
			bad = append(bad, name)
		}
	}
	return bad
}

// inert says which applications, flow modules, AI agents and attribute rules grant nothing because
// their type is unknown.
func (p *Profile) inert() (out []string) {
	add := func(what, name, kind, effect string) {
		out = append(out, fmt.Sprintf("%s %s has the unknown %s and %s", what, quoted([]string{name}), kind, effect))
	}
	typed := func(t string) string { return "type " + quoted([]string{t}) }
	for _, a := range p.Applications {
		if !a.Known() {
			add("application", a.Namespace, typed(a.Type), "grants nothing")
		}
	}
	for _, m := range p.FlowModules {
		if !m.Known() {
			add("flow module", m.ID, typed(m.Type), "grants nothing")
		}
	}
	for _, a := range p.AIAgents {
		if !a.Known() {
			add("AI agent", a.ARN, typed(a.Type), "grants nothing")
		}
	}
	for _, r := range p.DataTables {
		if !r.Known() {
			add("the rule of attribute", r.Attribute, "AccessType "+quoted([]string{r.Access}), "matches no row")
		}
	}
	return out
}

// Known reports whether the application is of a type whose permissions have a meaning. Without a type it is a
// third-party application, because older clients never send one.
func (a Application) Known() bool {
	return a.Type == "" || a.Type == ApplicationThirdParty || a.Type == ApplicationMCP
}

// Known reports whether the flow module is of the only type there is: a tool.
func (m FlowModule) Known() bool { return m.Type == "" || m.Type == ApplicationMCP }

// AIAgentThirdParty is the only type of AllowedAIAgents.
const AIAgentThirdParty = "THIRD_PARTY"

// Known reports whether the AI agent is of the only type there is.
func (a AllowedAIAgent) Known() bool { return a.Type == "" || a.Type == AIAgentThirdParty }

// AttributeAllow is the only AccessType of attribute rules.
const AttributeAllow = "ALLOW"

// Known reports whether the rule allows, the only access type there is.
func (r AttributeRule) Known() bool { return r.Access == "" || r.Access == AttributeAllow }

// quoted lists the first few values in ASCII, each shortened.
func quoted(values []string) string {
	const most, longest = 3, 64
	var parts []string
	for i, v := range values {
		if i == most {
			parts = append(parts, fmt.Sprintf("%d more", len(values)-most))
			break
		}
		if runes := []rune(v); len(runes) > longest {
			v = string(runes[:longest]) + "..."
		}
		parts = append(parts, strconv.QuoteToASCII(v))
	}
	return strings.Join(parts, ", ")
}

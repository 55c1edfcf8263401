package access_test

import (
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// world is an instance as plain lists, for the oracle.
type world struct {
	profiles map[string]*lanyard.Profile
	users    map[string]*lanyard.User
	agents   map[string]*lanyard.AIAgent
	groups   map[string]*lanyard.Group
	queues   map[string]*lanyard.Queue
}

// oracle decides slowly and obviously, from the rules as they are written down. It shares nothing
// with the engine but the types of the question.
func (w *world) oracle(q access.Query) bool {
	var held []string
	var group string
	switch q.Subject.Type {
	case access.User:
		u := w.user(q.Subject.ID)
		if u == nil {
			return false
		}
		held, group = u.Profiles, u.Group
	case access.AIAgent:
		a := w.agents[q.Subject.ID]
		if a == nil {
			return false
		}
		held = a.Profiles
	}
	if !w.allowed(held, group, q) {
		return false
	}
	if q.Subject.Human != "" {
		human := w.user(q.Subject.Human)
		return human != nil && w.allowed(human.Profiles, human.Group, q)
	}
	return true
}

func (w *world) user(ref string) *lanyard.User {
	if u := w.users[ref]; u != nil {
		return u
	}
	for _, u := range w.users {
		if u.Name == ref {
			return u
		}
	}
	return nil
}

func (w *world) allowed(held []string, group string, q access.Query) bool {
	// Applications, modules and agents know no conditions.
	switch q.Resource.Type {
	case access.TypeApplication:
		for _, id := range held {
			for _, a := range w.profiles[id].Applications {
				thirdParty := a.Type == "THIRD_PARTY_APPLICATION"
				if a.Namespace == q.Resource.ID && thirdParty == (q.Action == "ACCESS") && slices.Contains(a.Permissions, q.Action) {
					return true
				}
			}
		}
		return false
	case access.TypeFlowModule:
		for _, id := range held {
			for _, m := range w.profiles[id].FlowModules {
				if q.Action == "Invoke" && m.ID == q.Resource.ID {
					return true
				}
			}
		}
		return false
	}

	// The permission must be about the type.
	about := map[string][]string{
		"Users": {"User"}, "Queues": {"Queue"}, "SecurityProfiles": {"SecurityProfile"},
		"DataTables": {"DataTable", "DataTableRow"}, "ContactSearch": {"Contact"},
	}[strings.Split(q.Action, ".")[0]]
	if about != nil && q.Resource.Type != "" && !slices.Contains(about, q.Resource.Type) {
		return false
	}

	// What is stored is known; what is not is as the caller says.
	tags, agentGroup, concrete := q.Resource.Tags, q.Resource.Group, true
	if q.Resource.Type == "" {
		concrete = false
	}
	if !q.Resource.New {
		switch q.Resource.Type {
		case access.TypeUser:
			if concrete = q.Resource.ID != ""; concrete {
				u := w.user(q.Resource.ID)
				if u == nil {
					return false
				}
				tags, agentGroup = u.Tags, u.Group
			}
		case access.TypeQueue:
			if concrete = q.Resource.ID != ""; concrete {
				u := w.queues[q.Resource.ID]
				if u == nil {
					return false
				}
				tags = u.Tags
			}
		case access.TypeSecurityProfile:
			if concrete = q.Resource.ID != ""; concrete {
				p := w.profiles[q.Resource.ID]
				if p == nil {
					return false
				}
				tags = p.Tags
			}
		}
	}

	// Restricting permissions.
	if q.Resource.Type == access.TypeContact && q.Action == "ContactSearch.View" && w.any(held, "RestrictContactAccessByHierarchy.View") && !w.below(agentGroup, group) {
		return false
	}
	if q.Resource.Type == access.TypeContact && q.Action == "SelfAssignContacts.Access" && q.Resource.Channel == "TASK" && w.any(held, "RestrictTaskCreation.Access") {
		return false
	}

	type verdict struct{ byTags, tags, byScope, scope bool }
	var verdicts []verdict
	for _, id := range held {
		p := w.profiles[id]
		if !slices.Contains(p.Permissions, q.Action) {
			continue
		}
		if !concrete {
			return true
		}
		v := verdict{tags: true, scope: true}
		if len(p.AccessTags) > 0 && slices.Contains(p.TagRestricted, q.Resource.Type) {
			v.byTags = true
			for key, value := range p.AccessTags {
				if have, ok := tags[key]; !ok || have != value {
					v.tags = false
				}
			}
		}
		if q.Resource.Type == access.TypeUser && slices.Contains(p.HierarchyRestricted, "User") {
			v.byScope = true
			top := p.HierarchyGroup
			if top == "" {
				top = group
			}
			v.scope = w.below(agentGroup, top)
		}
		if q.Resource.Type == access.TypeDataTableRow {
			row := true
			for _, rule := range p.DataTables {
				if have, ok := q.Resource.Attributes[rule.Attribute]; !ok || !slices.Contains(rule.Values, have) {
					row = false
				}
			}
			if !row {
				continue
			}
		}
		verdicts = append(verdicts, v)
	}

	if q.Surface != access.Reports || q.Resource.Type != access.TypeUser {
		return slices.ContainsFunc(verdicts, func(v verdict) bool { return v.tags && v.scope })
	}
	// Reports: whoever has an unrestricted profile sees all; two profiles with both cannot be
	// enforced; both hierarchical and one tagged: the tags count for who is in both hierarchies;
	// otherwise tags and hierarchy must both hold, whichever profiles they stand in.
	var both, scoped, tagged []verdict
	for _, v := range verdicts {
		switch {
		case !v.byTags && !v.byScope:
			return true
		case v.byTags && v.byScope:
			both = append(both, v)
		}
		if v.byScope {
			scoped = append(scoped, v)
		}
		if v.byTags {
			tagged = append(tagged, v)
		}
	}
	anyScope := slices.ContainsFunc(scoped, func(v verdict) bool { return v.scope })
	anyTags := slices.ContainsFunc(tagged, func(v verdict) bool { return v.tags })
	switch {
	case len(verdicts) == 0 || len(both) > 1:
		return false
	case len(both) == 1 && len(scoped) > 1 && len(tagged) == 1:
		inOther := slices.ContainsFunc(scoped, func(v verdict) bool { return !v.byTags && v.scope })
		if both[0].scope && inOther {
			return both[0].tags
		}
		return both[0].scope || inOther
	}
	return (len(scoped) == 0 || anyScope) && (len(tagged) == 0 || anyTags)
}

func (w *world) any(held []string, permission string) bool {
	return slices.ContainsFunc(held, func(id string) bool { return slices.Contains(w.profiles[id].Permissions, permission) })
}

// below tells whether group is top or below it.
func (w *world) below(group, top string) bool {
	g := w.groups[group]
	return g != nil && top != "" && w.groups[top] != nil && slices.Contains(g.Path, top)
}

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
	modules  map[string]*lanyard.Module
}

// oracle decides slowly and obviously, from the rules as they are written down. It shares nothing
// with the engine but the types of question and answer.
func (w *world) oracle(q access.Query) access.Decision {
	var held []string
	var group string
	switch q.Subject.Type {
	case access.User:
		u := w.user(q.Subject.ID)
		if u == nil {
			return access.Decision{Reason: access.UnknownSubject}
		}
		held, group = u.Profiles, u.Group
	case access.AIAgent:
		a := w.agents[q.Subject.ID]
		if a == nil {
			return access.Decision{Reason: access.UnknownSubject}
		}
		held = a.Profiles
	}
	d := w.decide(held, group, q)
	if d.Allow && q.Subject.Human != "" {
		human := w.user(q.Subject.Human)
		if human == nil || !w.decide(human.Profiles, human.Group, q).Allow {
			return access.Decision{Reason: access.HumanDenied}
		}
	}
	return d
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

func denied(r access.Reason) access.Decision { return access.Decision{Reason: r} }
func granted(profile string) access.Decision {
	return access.Decision{Allow: true, Reason: access.Granted, Profile: profile}
}

// taggable are the types that tags can restrict, by the names of them in use here.
var taggable = map[string]string{"User": "User", "Queue": "Queue", "SecurityProfile": "SecurityProfile",
	"EmailAddress": "EmailAddress",
	"Cases":        "Case", "Case": "Case", "DataTable": "DataTable", "OperatingHours": "HoursOfOperation"}

// restricts reports whether names restrict a type. A name that is unknown restricts every type that has
// none of its own; rows are reached through their tables.
func restricts(names []string, resourceType string) bool {
	t := resourceType
	if t == "DataTableRow" {
		t = "DataTable"
	}
	known := false
	for _, of := range taggable {
		known = known || of == t
	}
	return slices.ContainsFunc(names, func(name string) bool {
		of, ok := taggable[name]
		return ok && of == t || !ok && !known
	})
}

func (w *world) decide(held []string, group string, q access.Query) access.Decision {
	// Applications, modules and agents know no conditions.
	switch q.Resource.Type {
	case access.TypeApplication:
		for _, id := range held {
			for _, a := range w.profiles[id].Applications {
				third := a.Type == "THIRD_PARTY_APPLICATION" && q.Action == "ACCESS"
				if a.Namespace == q.Resource.ID && (third || a.Type == "MCP" && q.Action != "ACCESS") &&
					slices.Contains(a.Permissions, q.Action) {
					return granted(id)
				}
			}
		}
		return denied(access.NotGranted)
	case access.TypeFlowModule:
		if w.modules[q.Resource.ID] == nil {
			return denied(access.UnknownResource)
		}
		for _, id := range held {
			for _, m := range w.profiles[id].FlowModules {
				if q.Action == "Invoke" && m.ID == q.Resource.ID && (m.Type == "" || m.Type == "MCP") {
					return granted(id)
				}
			}
		}
		return denied(access.NotGranted)
	}

	// The permission must be known, and about the type.
	if _, ok := lanyard.LookupPermission(q.Action); !ok && q.Action != "Reference" {
		held := false
		for _, p := range w.profiles {
			held = held || slices.Contains(p.Permissions, q.Action)
		}
		if !held {
			return denied(access.UnknownAction)
		}
	}
	about := map[string][]string{
		"Users": {"User"}, "Queues": {"Queue"}, "SecurityProfiles": {"SecurityProfile"}, "Cases": {"Case", "Cases"},
		"TransferDestinations": {"QuickConnect"},
		"DataTables":           {"DataTable", "DataTableRow"}, "ContactSearch": {"Contact"},
	}[strings.Split(q.Action, ".")[0]]
	if about != nil && q.Resource.Type != "" && !slices.Contains(about, q.Resource.Type) {
		return denied(access.WrongType)
	}

	// What is stored is known; what is not is as the caller says.
	of := q.Resource.Type
	if of == "Cases" {
		of = "Case"
	}
	tags, itsGroup, concrete := q.Resource.Tags, q.Resource.Group, of != ""
	if !q.Resource.New {
		var found lanyard.Resource
		switch of {
		case access.TypeUser:
			if u := w.user(q.Resource.ID); u != nil {
				found, itsGroup = u, u.Group
			}
		case access.TypeQueue:
			if u := w.queues[q.Resource.ID]; u != nil {
				found = u
			}
		case access.TypeSecurityProfile:
			if p := w.profiles[q.Resource.ID]; p != nil {
				found = p
			}
		default:
			if of == "" || of == "Instance" || q.Resource.ID != "" {
				found = &lanyard.Queue{Meta: lanyard.Meta{Tags: tags}}
			}
		}
		switch {
		case found == nil:
			return denied(access.UnknownResource)
		default:
			tags = found.Head().Tags
		}
	}

	// Restricting permissions.
	if of == access.TypeContact && q.Action == "ContactSearch.View" &&
		w.any(held, "RestrictContactAccessByHierarchy.View") && !w.below(itsGroup, group) {
		return denied(access.Restricted)
	}
	if of == access.TypeContact && q.Action == "SelfAssignContacts.Access" && q.Resource.Channel == "TASK" &&
		w.any(held, "RestrictTaskCreation.Access") {
		return denied(access.Restricted)
	}

	var verdicts []verdict
	for _, id := range held {
		p := w.profiles[id]
		if !w.grants(p, q) {
			continue
		}
		v := verdict{profile: id, tags: true, scope: true, row: true}
		if concrete && len(p.AccessTags) > 0 && restricts(p.TagRestricted, of) {
			v.byTags = true
			for key, value := range p.AccessTags {
				if have, ok := tags[key]; !ok || have != value {
					v.tags = false
				}
			}
		}
		unknown := slices.ContainsFunc(p.HierarchyRestricted, func(name string) bool { return name != "User" })
		if concrete && (of == access.TypeUser && len(p.HierarchyRestricted) > 0 || unknown && restricts([]string{"?"}, of)) {
			v.byScope = true
			top := p.HierarchyGroup
			if top == "" {
				top = group
			}
			v.scope = w.below(itsGroup, top)
		}
		if of == access.TypeDataTableRow {
			for _, rule := range p.DataTables {
				have, ok := q.Resource.Attributes[rule.Attribute]
				if !ok || !slices.Contains(rule.Values, have) || rule.Access != "" && rule.Access != "ALLOW" {
					v.row = false
				}
			}
		}
		verdicts = append(verdicts, v)
	}
	if q.Surface == access.Reports && of == access.TypeUser && concrete {
		return reported(verdicts)
	}
	return anyOf(verdicts)
}

func (w *world) grants(p *lanyard.Profile, q access.Query) bool {
	if q.Action == "Reference" { // what pages for these offer to choose from
		lists := map[string][]string{"User": {"TransferDestinations.Edit"}, "Queue": {"TransferDestinations.Edit"},
			"SecurityProfile": {"Users.Edit"}}[q.Resource.Type]
		return slices.ContainsFunc(lists, func(name string) bool { return slices.Contains(p.Permissions, name) })
	}
	return slices.Contains(p.Permissions, q.Action)
}

// A verdict is what one profile that grants says.
type verdict struct {
	profile                           string
	byTags, tags, byScope, scope, row bool
}

func (v verdict) allows() bool { return v.tags && v.scope && v.row }

// anyOf allows what any profile allows.
func anyOf(verdicts []verdict) access.Decision {
	for _, v := range verdicts {
		if v.allows() {
			return granted(v.profile)
		}
	}
	if len(verdicts) > 0 {
		return denied(access.ConditionFailed)
	}
	return denied(access.NotGranted)
}

// reported decides for reports: whoever has an unrestricted profile sees all; two profiles with both
// cannot be enforced; both hierarchical and one tagged: the tags count for who is in both hierarchies;
// otherwise tags and hierarchy must both hold, whichever profiles they stand in. What is allowed names
// the first profile that would allow it alone, if there is one.
func reported(verdicts []verdict) access.Decision {
	var both, scoped, tagged []verdict
	for _, v := range verdicts {
		switch {
		case !v.byTags && !v.byScope:
			return granted(v.profile)
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
	allowed := (len(scoped) == 0 || anyScope) && (len(tagged) == 0 || anyTags)
	switch {
	case len(verdicts) == 0:
		return denied(access.NotGranted)
	case len(both) > 1:
		return denied(access.Unenforceable)
	case len(both) == 1 && len(scoped) > 1 && len(tagged) == 1:
		inOther := slices.ContainsFunc(scoped, func(v verdict) bool { return !v.byTags && v.scope })
		allowed = both[0].scope || inOther
		if both[0].scope && inOther {
			allowed = both[0].tags
		}
	}
	if !allowed {
		return denied(access.ConditionFailed)
	}
	return granted(anyOf(verdicts).Profile)
}

func (w *world) any(held []string, permission string) bool {
	return slices.ContainsFunc(held,
		func(id string) bool { return slices.Contains(w.profiles[id].Permissions, permission) })
}

// below reports whether group is top or below it.
func (w *world) below(group, top string) bool {
	g := w.groups[group]
	return g != nil && top != "" && w.groups[top] != nil && slices.Contains(g.Path, top)
}

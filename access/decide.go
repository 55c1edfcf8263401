package access

import (
	"slices"

	"github.com/lanyard/lanyard"
)

// Decide answers a query. It is a pure function of the snapshot and the query, takes no lock and allocates nothing. A
// nil snapshot denies everything as that of an UnknownInstance.
func (s *Snapshot) Decide(q *Query) Decision {
	if s == nil || !s.exists {
		return Decision{Reason: UnknownInstance}
	}
	var a ask
	reason := a.readQuery(s, q)
	subject := a.findSubject(&q.Subject)
	if subject == nil {
		return Decision{Reason: UnknownSubject}
	}
	if reason == Granted {
		reason = a.checkResource()
	}
	if reason != Granted {
		return Decision{Reason: reason}
	}
	d := a.decide(subject)
	if d.Allow && q.Subject.Human != "" {
		human := s.user(q.Subject.Human)
		if human == nil || !a.decide(human).Allow {
			return Decision{Reason: HumanDenied}
		}
	}
	return d
}

// findSubject returns the subject, and looks the resource up on the way: in a large instance neither is in
// a cache, and looked up side by side they cost one wait for memory instead of two.
func (a *ask) findSubject(sub *Subject) *entity {
	if a.stored == 0 {
		return a.s.subject(sub)
	}
	k := kindUser
	if sub.Type == AIAgent {
		k = kindAgent
	}
	subject, resource := a.s.findBoth(k, sub.ID, a.stored, a.q.Resource.ID)
	if subject == nil {
		subject = a.s.subject(sub)
	}
	a.resource = resource
	return subject
}

// An ask is a query with all that does not depend on the subject looked up.
type ask struct {
	s        *Snapshot
	q        *Query
	what     what
	sym      symbol // of a permission of the catalogue
	t        typeID
	stored   kind    // of a resource that lanyard stores and that is named; 0 for anything else
	resource *entity // that resource
}

// what an ask is about.
type what uint8

const (
	aPermission   what = iota // of the catalogue
	anUnknown                 // a permission that only profiles know
	anApplication             // a third-party application or a tool of an MCP server
	aModule                   // a flow module as a tool
	anAgent                   // a hand-off to an AI agent
	aReference                // a read for a pick-list
)

// prepare looks up what does not depend on the subject, and returns why there is no need to ask
// anybody, or Granted.
func (a *ask) prepare(s *Snapshot, q *Query) Reason {
	if reason := a.readQuery(s, q); reason != Granted {
		return reason
	}
	return a.checkResource()
}

// checkResource makes sure of the resource, and looks it up unless findSubject has.
func (a *ask) checkResource() Reason {
	if r := &a.q.Resource; r.ID == "" && a.t != typeNone && !r.New && a.resource == nil {
		return UnknownResource // a lost id must not ask about anything at all
	}
	if a.stored == 0 || a.resource != nil {
		return Granted
	}
	if a.stored == kindUser {
		a.resource = a.s.user(a.q.Resource.ID)
	} else {
		_, a.resource = a.s.findByID(a.stored, a.q.Resource.ID)
	}
	if a.resource == nil {
		return UnknownResource
	}
	return Granted
}

// about is the type of what is asked about. Amazon Connect calls flow modules as resources FlowModule
// too, where tags restrict them, so what is asked of one decides.
func (q *Query) about() typeID {
	t := typeOf(q.Resource.Type)
	if t == typeFlowModule {
		if sym, ok := symbols[q.Action]; ok && sym.about == typeModule {
			return typeModule
		}
	}
	return t
}

// readQuery sets what is asked, and returns why nobody may do it, or Granted.
func (a *ask) readQuery(s *Snapshot, q *Query) Reason {
	a.s, a.q, a.t = s, q, q.about()
	switch {
	case a.t == typeApplication:
		a.what = anApplication
		return Granted
	case a.t == typeFlowModule && q.Action == ActionInvoke:
		a.what, a.stored = aModule, kindModule // one that was deleted is no tool any more
		return Granted
	case a.t == typeAIAgent && q.Action == ActionHandOff:
		a.what = anAgent
		return Granted
	case a.t == typeFlowModule || a.t == typeAIAgent:
		return UnknownAction
	case q.Action == ActionReference:
		a.what = aReference
	default:
		sym, ok := symbols[q.Action]
		a.sym = sym
		if !ok {
			if !s.knows(q.Action) {
				return UnknownAction
			}
			a.what = anUnknown
		}
		if !fits(sym.about, a.t) {
			return WrongType
		}
	}
	if k := s.stored(a.t); k != 0 && !q.Resource.New {
		a.stored = k
	}
	return Granted
}

// fits reports whether a permission about one type may be asked of another. Permissions about
// nothing in particular fit every type, and without a resource every permission may be asked.
func fits(about, t typeID) bool {
	return about == typeNone || t == typeNone || about == t || about == typeDataTable && t == typeDataTableRow
}

// knows reports whether any profile holds a permission that the catalogue does not know.
func (s *Snapshot) knows(name string) bool {
	found := false
	s.each(kindProfile, func(e *entity) bool {
		found = slices.Contains(e.prof().unknown, name)
		return !found
	})
	return found
}

func (s *Snapshot) each(k kind, do func(*entity) bool) {
	if s.kinds[k] != nil {
		s.kinds[k].Scan(func(p place, _ struct{}) bool { return do(s.entities.At(p.slot())) })
	}
}

// decide asks for one subject.
func (a *ask) decide(subject *entity) Decision {
	if reason := a.restricted(subject); reason != Granted {
		return Decision{Reason: reason}
	}
	if a.reports() {
		return a.decideReports(subject)
	}
	d := Decision{}
	for i := 0; ; i++ {
		slot := subject.ref(i)
		if slot == 0 {
			return d
		}
		p := a.s.profile(slot)
		if !a.grants(p) {
			continue
		}
		if a.meets(p, subject) {
			return Decision{Allow: true, Reason: Granted, Profile: p.id}
		}
		d.Reason = ConditionFailed
	}
}

// reports reports whether profiles combine as in reports.
func (a *ask) reports() bool { return a.q.Surface == Reports && a.t == typeUser && a.typed() }

// grants reports whether p grants what is asked, conditions apart.
func (a *ask) grants(p *profile) bool {
	switch a.what {
	case aPermission:
		return p.perms.has(a.sym.place)
	case anUnknown:
		return slices.Contains(p.unknown, a.q.Action)
	case anApplication:
		return p.application(a.q.Resource.ID, a.q.Action)
	case aModule:
		return slices.Contains(p.modules, a.q.Resource.ID)
	case anAgent:
		return slices.Contains(p.agents, a.q.Resource.ID)
	case aReference:
		return a.references(p)
	}
	return false
}

func (p *profile) application(namespace, permission string) bool {
	for i := range p.apps {
		app := &p.apps[i]
		thirdParty := app.Type != lanyard.ApplicationMCP
		if app.Namespace == namespace && (permission == ActionAccess) == thirdParty &&
			slices.Contains(app.Permissions, permission) {
			return true
		}
	}
	return false
}

// pickLists are the types of resources whose names a page shows to whoever may edit the page's own
// type, by that right.
var pickLists = [typeOther + 1][]string{
	typeSecurityProfile: {"Users.Edit", "Users.Create", "Users.EditPermission", "QConnectAIAgents.Edit",
		"QConnectAIAgents.Create"},
	typeRoutingProfile: {"Users.Edit", "Users.Create"},
	typeHierarchyGroup: {"Users.Edit", "Users.Create", "AgentGrouping.Edit", "AgentGrouping.Create"},
	typeHours:          {"Queues.Edit", "Queues.Create", "HoursOfOperation.Edit", "HoursOfOperation.Create"},
	typePhoneNumber:    {"Queues.Edit", "Queues.Create"},
	typeContactFlow:    {"PhoneNumbers.Edit", "TransferDestinations.Edit", "TransferDestinations.Create"},
	typeQueue: {"TransferDestinations.Edit", "TransferDestinations.Create", "RoutingPolicies.Edit",
		"RoutingPolicies.Create"},
	typeUser: {"TransferDestinations.Edit", "TransferDestinations.Create"},
}

func (a *ask) references(p *profile) bool {
	for _, name := range pickLists[a.t] {
		if p.perms.has(symbols[name].place) {
			return true
		}
	}
	return false
}

// typed reports whether there is a resource whose conditions are to be met. Without a type the question
// is whether the subject may do the action to anything at all.
func (a *ask) typed() bool { return a.t != typeNone }

// meets reports whether the resource meets p's conditions for its type, for this subject.
func (a *ask) meets(p *profile, subject *entity) bool {
	if a.what == anApplication || a.what == aModule || a.what == anAgent || !a.typed() {
		return true
	}
	if !a.tagsMatch(p) {
		return false
	}
	if p.scopes.has(a.t) && !a.inScope(p, subject) {
		return false
	}
	return a.t != typeDataTableRow || a.rowMatches(p)
}

func (a *ask) tagsMatch(p *profile) bool {
	if !p.types.has(a.t) {
		return true
	}
	for _, t := range p.tags {
		if a.resource != nil {
			if !a.resource.has(t) {
				return false
			}
			continue
		}
		want := t.Value()
		if value, ok := a.q.Resource.Tags[want.key]; !ok || value != want.value {
			return false
		}
	}
	return true
}

// inScope reports whether what is asked about is within p's hierarchy scope.
func (a *ask) inScope(p *profile, subject *entity) bool {
	var top uint32
	switch p.scope {
	case scopeAll:
		return true
	case scopeOwn:
		top = subject.group
	case scopeGroup:
		top = p.group
	}
	return a.s.within(a.group(), top)
}

// group is the hierarchy group of what is asked about, as slot+1.
func (a *ask) group() uint32 {
	if a.resource != nil {
		if a.resource.kind != kindUser {
			return 0
		}
		return a.resource.group
	}
	if a.q.Resource.Group == "" {
		return 0
	}
	slot, found := a.s.findByID(kindGroup, a.q.Resource.Group)
	if found == nil {
		return 0
	}
	return slot + 1
}

// within reports whether group is top or below it. Neither may be missing.
func (s *Snapshot) within(group, top uint32) bool {
	if group == 0 || top == 0 {
		return false
	}
	g := s.entities.At(group - 1)
	for i := 0; ; i++ {
		switch g.ref(i) {
		case 0:
			return false
		case top:
			return true
		}
	}
}

// rowMatches reports whether a row has, for every attribute that p restricts, one of its values.
func (a *ask) rowMatches(p *profile) bool {
	for i := range p.rows {
		value, ok := a.q.Resource.Attributes[p.rows[i].Attribute]
		if !ok || !slices.Contains(p.rows[i].Values, value) {
			return false
		}
	}
	return true
}

// Permissions that take something away, and what from.
const (
	restrictContacts = "RestrictContactAccessByHierarchy.View"
	restrictTasks    = "RestrictTaskCreation.Access"
	selfAssign       = "SelfAssignContacts.Access"
	contactSearch    = "ContactSearch.View"
	channelTask      = "TASK"
)

// restricted returns Restricted when a restricting permission, held in any profile, takes away what is asked,
// and Granted otherwise.
func (a *ask) restricted(subject *entity) Reason {
	if a.what != aPermission || a.t != typeContact {
		return Granted
	}
	for i := range contactRestrictions() {
		n := &contactRestrictions()[i]
		if n.what == a.sym.place && !a.leaves(n, subject) && a.s.holds(subject, n.by) {
			return Restricted
		}
	}
	return Granted
}

// leaves reports whether what is asked about is among the contacts that a contact restriction leaves to its holder.
func (a *ask) leaves(n *contactRestriction, subject *entity) bool {
	if n.own {
		return a.s.within(a.group(), subject.group)
	}
	return a.q.Resource.Channel != channelTask
}

// holds reports whether any profile of the subject has a permission of the catalogue.
func (s *Snapshot) holds(subject *entity, place uint16) bool {
	for i := 0; ; i++ {
		slot := subject.ref(i)
		if slot == 0 {
			return false
		}
		if s.profile(slot).perms.has(place) {
			return true
		}
	}
}

// decideReports combines the profiles as reports and dashboards do. An allowing profile is named only
// if it allows by itself: where reports show what no profile shows elsewhere, there is none.
func (a *ask) decideReports(subject *entity) Decision {
	var c combination
	alone := "" // the first profile that allows by itself
	for i := 0; ; i++ {
		slot := subject.ref(i)
		if slot == 0 {
			break
		}
		p := a.s.profile(slot)
		if !a.grants(p) {
			continue
		}
		part := p.part()
		part.tagsOK, part.scopeOK = a.tagsMatch(p), a.inScope(p, subject)
		if part.tagsOK && part.scopeOK && alone == "" {
			alone = p.id
		}
		if !part.byTags && !part.byScope {
			return Decision{Allow: true, Reason: Granted, Profile: p.id}
		}
		c.add(part)
	}
	switch rule := c.rule(); {
	case rule == noParts:
		return Decision{}
	case rule == unenforceable:
		return Decision{Reason: Unenforceable}
	case !c.met(rule):
		return Decision{Reason: ConditionFailed}
	}
	return Decision{Allow: true, Reason: Granted, Profile: alone}
}

package access

import (
	"math/bits"
	"slices"
	"strings"
	"sync"

	"github.com/lanyard/lanyard"
)

// A profile is a security profile compiled for deciding.
type profile struct {
	slot    uint32
	id      string
	name    string
	perms   permissions
	unknown []string // permissions that the catalogue does not know
	types   typeSet  // that tags restrict; none without tags
	tags    []tag
	scopes  typeSet // that the hierarchy restricts; none with scopeAll
	scope   scope
	group   uint32 // slot+1 of the group of scopeGroup, 0 when that group does not exist
	named   uint32 // the same, or the absent entity of a group that does not exist; see Edit.name
	apps    []lanyard.Application
	modules []string
	agents  []string
	rows    []lanyard.AttributeRule
	groupID string
	// warnings say which restrictions do not work as they may be meant.
	warnings []string

	holders *placeSet
}

// scope is how the hierarchy restricts users.
type scope uint8

const (
	scopeAll   scope = iota
	scopeOwn         // the holder's group and below
	scopeGroup       // the profile's group and below
)

// permissions is a set of names of the catalogue, by their place in it.
type permissions [6]uint64

func (p *permissions) add(i uint16)      { p[i/64] |= 1 << (i % 64) }
func (p *permissions) has(i uint16) bool { return p[i/64]>>(i%64)&1 != 0 }

func (p *permissions) or(q permissions) {
	for i := range p {
		p[i] |= q[i]
	}
}

func (p permissions) and(q permissions) permissions {
	for i := range p {
		p[i] &= q[i]
	}
	return p
}

func (p permissions) without(q permissions) permissions {
	for i := range p {
		p[i] &^= q[i]
	}
	return p
}

// all yields the places of p in ascending order, which is the byte order of their names.
func (p permissions) all(yield func(uint16) bool) {
	for i, w := range p {
		for ; w != 0; w &= w - 1 {
			if !yield(uint16(i*64 + bits.TrailingZeros64(w))) {
				return
			}
		}
	}
}

// symbol is a permission's place in the catalogue, and what it is about.
type symbol struct {
	place uint16
	about typeID // 0: no type in particular
}

// symbols are the permissions of the catalogue by name. A map costs a decision some 4 ns more than a hash table
// made for these names did.
var symbols = func() map[string]symbol {
	all := lanyard.Permissions()
	if len(all) > len(permissions{})*64 {
		panic("access: the catalogue has outgrown the set of permissions")
	}
	m := make(map[string]symbol, len(all))
	for i, p := range all {
		stem, _, _ := strings.Cut(p.Name, ".")
		m[p.Name] = symbol{uint16(i), stems[stem]}
	}
	return m
}()

// permissionsAbout are the permissions about each type.
var permissionsAbout = sync.OnceValue(func() *[typeOther + 1]permissions {
	var sets [typeOther + 1]permissions
	for _, sym := range symbols {
		sets[sym.about].add(sym.place)
	}
	return &sets
})

// restrictions are the permissions that take something away from their holder.
var restrictions = sync.OnceValue(func() (set permissions) {
	for i, p := range lanyard.Permissions() {
		if p.Restriction {
			set.add(uint16(i))
		}
	}
	return set
})

// A contactRestriction is a restricting permission that leaves fewer contacts of another permission.
type contactRestriction struct {
	by, what  uint16
	own       bool // those of the holder's own group and below; else those that are no tasks
	condition Condition
}

// contactRestrictions are the restrictions that change decisions. All others only change what the web site shows.
var contactRestrictions = sync.OnceValue(func() []contactRestriction {
	return []contactRestriction{
		{symbols[restrictContacts].place, symbols[contactSearch].place, true,
			Condition{Kind: HierarchyCondition, By: restrictContacts}},
		{symbols[restrictTasks].place, symbols[selfAssign].place, false,
			Condition{Kind: ChannelCondition, Values: []string{channelTask}, By: restrictTasks}},
	}
})

// contactRestriction returns the condition that a restricting permission, held in any of the profiles, ties to a
// permission; nil for none.
func (s *Snapshot) contactRestriction(slots []uint32, place uint16) *Condition {
	all := contactRestrictions()
	for i := range all {
		if all[i].what != place {
			continue
		}
		for _, slot := range slots {
			if s.profile(slot).perms.has(all[i].by) {
				return &all[i].condition
			}
		}
	}
	return nil
}

func permissionAt(place uint16) Thing { return Thing{Action: lanyard.Permissions()[place].Name} }

func aboutOf(place uint16) typeID { return symbols[lanyard.Permissions()[place].Name].about }

// typeID numbers the types of resources that permissions are about.
type typeID uint8

const (
	typeNone typeID = iota
	typeUser
	typeSecurityProfile
	typeQueue
	typeRoutingProfile
	typeHierarchyGroup
	typeHours
	typeModule
	typeContact
	typeDataTableRow
	typeDataTable
	typeApplication
	typeFlowModule
	typeAIAgent
	typeContactFlow
	typePrompt
	typeQuickConnect
	typeEmailAddress
	typeCase
	typeView
	typeWorkspace
	typePhoneNumber
	typeTestCase
	typeEvaluationForm
	typeOther // a type without number
)

// typeNames are what queries call the types. Numbers are constants here, which the table of types in package lanyard
// cannot make: a test compares the names.
var typeNames = [typeOther]string{
	typeUser: TypeUser, typeSecurityProfile: TypeSecurityProfile, typeQueue: TypeQueue,
	typeRoutingProfile: TypeRoutingProfile,
	typeHierarchyGroup: TypeHierarchyGroup, typeHours: TypeHoursOfOperation, typeModule: TypeContactFlowModule,
	typeContact: TypeContact, typeDataTableRow: TypeDataTableRow, typeDataTable: TypeDataTable,
	typeApplication: TypeApplication,
	typeFlowModule:  TypeFlowModule, typeAIAgent: TypeAIAgent, typeContactFlow: "ContactFlow", typePrompt: "Prompt",
	typeQuickConnect: "QuickConnect", typeEmailAddress: "EmailAddress", typeCase: "Case", typeView: "View",
	typeWorkspace: "Workspace", typePhoneNumber: "PhoneNumber", typeTestCase: "TestCase",
	typeEvaluationForm: "EvaluationForm",
}

// typeIDs are the types by all their names. FlowModule is a flow module as a tool, unless the
// question makes it a resource; see ask.readQuery.
var typeIDs = func() map[string]typeID {
	m := make(map[string]typeID, 2*len(typeNames))
	for id, name := range typeNames {
		m[name] = typeID(id)
	}
	for _, t := range lanyard.ResourceTypes() {
		for _, name := range t.TagNames {
			if _, ok := m[name]; !ok {
				m[name] = m[t.Name]
			}
		}
	}
	return m
}()

func typeOf(name string) typeID {
	if id, ok := typeIDs[name]; ok {
		return id
	}
	return typeOther
}

// stems are the first words of permission names and the types that they are about.
var stems = func() map[string]typeID {
	m := map[string]typeID{}
	for _, t := range lanyard.ResourceTypes() {
		if t.Stem != "" {
			m[t.Stem] = typeIDs[t.Name]
		}
	}
	return m
}()

// stored are the types whose resources decisions find by id, and the kinds that they are found under.
var stored = func() (kinds [typeOther + 1]kind) {
	for _, t := range lanyard.Types() {
		if name := t.DecisionName(); name != "" {
			kinds[typeIDs[name]] = kindOf[t]
		}
	}
	return kinds
}()

// unmirrored are the types whose resources mirrors do not read.
var unmirrored = func() (types [typeOther + 1]bool) {
	for _, t := range lanyard.Types() {
		if t.Unmirrored() {
			types[typeIDs[t.DecisionName()]] = true
		}
	}
	return types
}()

// stored returns the kind under which the snapshot has the resources of a type; kindFree when it has none, and what a
// question says of them counts.
func (s *Snapshot) stored(t typeID) kind {
	if s != nil && s.mirror && unmirrored[t] {
		return kindFree
	}
	return stored[t]
}

// compile sets p to what r says. Its holders stay.
func (p *profile) compile(s *Snapshot, r *lanyard.Profile) {
	*p = profile{slot: p.slot, id: r.ID, name: r.Name, holders: p.holders, groupID: r.HierarchyGroup,
		warnings: r.RestrictionWarnings()}
	for _, name := range r.Permissions {
		if sym, ok := symbols[name]; ok {
			p.perms.add(sym.place)
		} else {
			p.unknown = append(p.unknown, name)
		}
	}
	p.apps, p.rows = slices.DeleteFunc(slices.Clone(r.Applications),
		func(a lanyard.Application) bool { return !a.Known() }), rowRules(r)
	for _, m := range r.FlowModules {
		if m.Known() {
			p.modules = append(p.modules, m.ID)
		}
	}
	for _, a := range r.AIAgents {
		if a.Known() {
			p.agents = append(p.agents, a.ARN)
		}
	}
	p.restrictByTags(r)
	p.restrictByHierarchy(s, r)
}

// rowRules are the rules of r for the rows of data tables. One that does not allow, or that allows
// in a way unknown here, is met by no row.
func rowRules(r *lanyard.Profile) []lanyard.AttributeRule {
	if !slices.ContainsFunc(r.DataTables, func(rule lanyard.AttributeRule) bool { return !rule.Known() }) {
		return r.DataTables
	}
	rules := slices.Clone(r.DataTables)
	for i := range rules {
		if !rules[i].Known() {
			rules[i].Values = nil
		}
	}
	return rules
}

// restrictByTags sets what tags restrict. An incomplete restriction restricts nothing. A name that
// is unknown restricts every type that has no name of its own, and the one whose name differs in
// case only. Applications and AI agents, which a profile lists one by one, carry no tags: a restriction by
// their own name leaves none of them.
func (p *profile) restrictByTags(r *lanyard.Profile) {
	if len(r.AccessTags) == 0 || len(r.TagRestricted) == 0 {
		return
	}
	p.tags = tagsOf(r.AccessTags)
	for _, name := range r.TagRestricted {
		if t, ok := lanyard.RestrictedType(name); ok {
			p.types |= typeOf(t).set()
			continue
		}
		p.types |= unnamed
		switch t := foldedType(name); t {
		case typeApplication:
			p.apps = nil
		case typeAIAgent:
			p.agents = nil
		default:
			p.types |= t.set()
		}
	}
}

// restrictByHierarchy sets what the hierarchy restricts: users, and by a name that is unknown also
// every type that has no name of its own.
func (p *profile) restrictByHierarchy(s *Snapshot, r *lanyard.Profile) {
	if len(r.HierarchyRestricted) == 0 {
		return
	}
	p.scope, p.scopes = scopeOwn, typeUser.set()
	if slices.ContainsFunc(r.HierarchyRestricted,
		func(name string) bool { return name != lanyard.HierarchyRestrictable }) {
		p.scopes |= unnamed
	}
	if r.HierarchyGroup != "" {
		p.scope = scopeGroup
		if g, found := s.findByID(kindGroup, r.HierarchyGroup); found != nil {
			p.group = g + 1
		}
	}
}

// foldedType returns the type that has name as one of its names, in any case.
func foldedType(name string) typeID {
	for known, t := range typeIDs {
		if strings.EqualFold(known, name) {
			return t
		}
	}
	return typeOther
}

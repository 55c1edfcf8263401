package access

import (
	"slices"

	"github.com/lanyard/lanyard"
)

// Rights are what decides for one subject alone: what its profiles grant and how they restrict it, where it is in the
// hierarchy, and of resources only those that its restrictions must tell apart and that it may view. They have nothing
// of other users and profiles, no names of groups and resources, and nothing that tells a resource that the subject may
// not view from one that does not exist.
type Rights struct {
	Instance string
	Revision int64
	// Holders are the subject and, of an AI agent that assists a user, that user.
	Holders  []RightsHolder
	Profiles []RightsProfile
	// Groups are the hierarchy groups that decide: those above the holders' own, those that a profile restricts its
	// holder to, and those below these that the subject may view.
	Groups []RightsGroup `json:",omitempty"`
	// Modules are the flow modules that the profiles list as tools and that exist.
	Modules []string `json:",omitempty"`
	// Listed are the resources that a restricting profile covers and that the subject may view, by the name of
	// their type. Every other resource of these types is covered by none.
	Listed map[string][]RightsResource `json:",omitempty"`
}

// A RightsHolder is who holds profiles.
type RightsHolder struct {
	Agent    bool              `json:",omitzero"` // an AI agent, else a user
	ID       string            // of an AI agent its ARN
	Name     string            `json:",omitempty"` // user name
	Group    string            `json:",omitempty"`
	Tags     map[string]string `json:",omitempty"` // those by whose keys the profiles restrict
	Profiles []string
}

// A RightsProfile is what a security profile grants and how it restricts.
type RightsProfile struct {
	ID, Name    string
	Permissions []string `json:",omitempty"`
	// Tags are what a resource of the types in TagRestricted must carry; "*" stands for every type that has no name.
	Tags          map[string]string `json:",omitempty"`
	TagRestricted []string          `json:",omitempty"`
	// Hierarchy is "own" or "group", which is Group, when the hierarchy restricts users, and with Unnamed also every
	// type that has no name.
	Hierarchy    string                  `json:",omitempty"`
	Group        string                  `json:",omitempty"`
	Unnamed      bool                    `json:",omitzero"`
	Applications []lanyard.Application   `json:",omitempty"`
	Modules      []string                `json:",omitempty"`
	Agents       []string                `json:",omitempty"`
	Rows         []lanyard.AttributeRule `json:",omitempty"`
	Warnings     []string                `json:",omitempty"`
}

// A RightsGroup is a hierarchy group: the ids from the highest group that decides down to its own.
type RightsGroup []string

// A RightsResource is a resource and those of its tags by whose keys the profiles restrict.
type RightsResource struct {
	ID   string
	Tags map[string]string `json:",omitempty"`
}

// Bounds of Rights. A type of resources that would exceed them is not listed: then whoever asks must say what a
// resource's tags are.
const (
	maxScanned    = 20_000    // resources of a type that are looked at
	maxListed     = 256 << 10 // bytes of resources that are listed
	maxGroupsHeld = 2_000
)

// Values of RightsProfile.
const (
	anyUnnamed = "*"
	ownGroup   = "own"
	namedGroup = "group"
)

// RightsOf returns the rights of a subject; ok is false when there is no such subject, or no such user whom an AI agent
// would assist.
func (s *Snapshot) RightsOf(sub Subject) (r Rights, ok bool) {
	if s == nil || !s.exists {
		return r, false
	}
	c := rightsCollector{s: s, sub: sub, keys: keySet{}, have: map[uint32]bool{}}
	subject := s.subject(&sub)
	if subject == nil {
		return r, false
	}
	c.holders = []*entity{subject}
	if sub.Human != "" {
		human := s.user(sub.Human)
		if human == nil || sub.Type != AIAgent {
			return r, false
		}
		c.holders = append(c.holders, human)
	}
	c.r = Rights{Instance: s.instance, Revision: s.revision}
	c.collectProfiles()
	c.collectHolders()
	c.collectGroups()
	c.collectModules()
	c.collectResources()
	return c.r, true
}

// A rightsCollector collects the rights of a subject.
type rightsCollector struct {
	s        *Snapshot
	sub      Subject
	holders  []*entity
	profiles []*profile
	have     map[uint32]bool // slots of profiles
	keys     keySet
	r        Rights
}

// collectProfiles collects the profiles of all holders, each once.
func (c *rightsCollector) collectProfiles() {
	for _, h := range c.holders {
		for _, ref := range heldSlots(h) {
			p := c.s.entities.At(ref - 1).prof()
			if p == nil || c.have[ref] {
				continue
			}
			c.have[ref] = true
			c.profiles = append(c.profiles, p)
			c.r.Profiles = append(c.r.Profiles, p.held())
			for _, t := range p.tags {
				c.keys.add(t.Value().key)
			}
		}
	}
}

// held returns what p grants and how it restricts.
func (p *profile) held() RightsProfile {
	h := RightsProfile{ID: p.id, Name: p.name, Applications: p.apps, Modules: p.modules, Agents: p.agents, Rows: p.rows,
		Warnings: p.warnings}
	for place := range p.perms.all {
		h.Permissions = append(h.Permissions, lanyard.Permissions()[place].Name)
	}
	h.Permissions = append(h.Permissions, p.unknown...)
	if p.types != 0 {
		h.Tags = map[string]string{}
		for _, t := range p.tags {
			h.Tags[t.Value().key] = t.Value().value
		}
		h.TagRestricted = p.types.tagNames()
	}
	switch p.scope {
	case scopeOwn:
		h.Hierarchy = ownGroup
	case scopeGroup:
		h.Hierarchy, h.Group = namedGroup, p.groupID
	}
	h.Unnamed = p.scopes&unnamed != 0
	return h
}

// tagNames are names by which TagRestrictedResources restricts the types of s.
func (s typeSet) tagNames() (names []string) {
	for _, t := range lanyard.ResourceTypes() {
		if len(t.TagNames) > 0 && s.has(typeOf(t.Name)) {
			names = append(names, t.TagNames[0])
		}
	}
	if s&unnamed != 0 {
		names = append(names, anyUnnamed)
	}
	return names
}

// collectHolders collects who holds the profiles.
func (c *rightsCollector) collectHolders() {
	for _, h := range c.holders {
		out := RightsHolder{Agent: h.kind == kindAgent, ID: h.id, Tags: c.keys.of(h), Profiles: []string{}}
		if h.kind == kindUser {
			out.Name = h.name()
		}
		if g := c.groupOf(h); g != nil {
			out.Group = g.id
		}
		for _, ref := range heldSlots(h) {
			if c.have[ref] {
				out.Profiles = append(out.Profiles, c.s.entities.At(ref-1).id)
			}
		}
		c.r.Holders = append(c.r.Holders, out)
	}
}

// collectGroups collects the groups that decide: those above a holder's own, those that a restriction names, and of
// those below these the ones that the subject may view, unless they are too many.
func (c *rightsCollector) collectGroups() {
	keep, tops := map[uint32]bool{}, map[uint32]bool{}
	for _, h := range c.holders {
		g := c.groupOf(h)
		if g == nil {
			continue
		}
		for _, ref := range pathOf(g) {
			keep[ref] = !c.s.entities.At(ref - 1).absent()
		}
		if c.ownGroupDecides(h) {
			tops[h.group] = true
		}
	}
	for _, p := range c.profiles {
		if p.scope == scopeGroup && p.group != 0 {
			tops[p.group], keep[p.group] = true, true
		}
	}
	if len(tops) > 0 {
		c.collectGroupsBelow(tops, keep)
	}
	c.s.each(kindGroup, func(g *entity) bool {
		if n := g.level(); n > 0 && keep[g.ref(n-1)] {
			var ids RightsGroup
			for _, ref := range pathOf(g) {
				if keep[ref] {
					ids = append(ids, c.s.entities.At(ref-1).id)
				}
			}
			c.r.Groups = append(c.r.Groups, ids)
		}
		return true
	})
}

// collectGroupsBelow keeps the groups in or below tops that the subject may view.
func (c *rightsCollector) collectGroupsBelow(tops, keep map[uint32]bool) {
	q := Query{Subject: c.sub, Action: lanyard.TypeGroup.View(), Resource: Resource{Type: TypeHierarchyGroup}}
	least := len(keep)
	c.s.each(kindGroup, func(g *entity) bool {
		in, self := false, uint32(0)
		for i := 0; g.ref(i) != 0; i++ {
			self = g.ref(i)
			in = in || tops[self]
		}
		if q.Resource.ID = g.id; in && c.s.Decide(&q).Allow {
			keep[self] = true
		}
		return len(keep) <= least+maxGroupsHeld
	})
}

// groupOf returns the hierarchy group of a holder; nil for none.
func (c *rightsCollector) groupOf(h *entity) *entity {
	if h.group == 0 || c.s.entities.At(h.group-1).absent() {
		return nil
	}
	return c.s.entities.At(h.group - 1)
}

// ownGroupDecides reports whether a restriction of a holder is by the holder's own group.
func (c *rightsCollector) ownGroupDecides(h *entity) bool {
	for _, ref := range heldSlots(h) {
		if p := c.s.profile(ref); p.scope == scopeOwn || p.perms.has(symbols[restrictContacts].place) {
			return true
		}
	}
	return false
}

// level is the level of a group, 1 for the highest.
func (e *entity) level() (n int) {
	for e.ref(n) != 0 {
		n++
	}
	return n
}

// pathOf are the groups above g and itself, as slot+1.
func pathOf(g *entity) (path []uint32) {
	for i := 0; g.ref(i) != 0; i++ {
		path = append(path, g.ref(i))
	}
	return path
}

// collectModules collects the flow modules that are tools of the holders.
func (c *rightsCollector) collectModules() {
	for _, p := range c.profiles {
		for _, id := range p.modules {
			if _, e := c.s.findByID(kindModule, id); e != nil && !slices.Contains(c.r.Modules, id) {
				c.r.Modules = append(c.r.Modules, id)
			}
		}
	}
}

// listable are the types of which Rights list resources: no users and no security profiles, because those are others.
var listable = []lanyard.Type{lanyard.TypeQueue, lanyard.TypeRoutingProfile, lanyard.TypeHours,
	lanyard.TypeQuickConnect, lanyard.TypeModule, lanyard.TypeGroup, lanyard.TypeDataTable}

// collectResources lists the resources of the types that tags restrict, as long as they are few.
func (c *rightsCollector) collectResources() {
	room := maxListed
	for _, t := range listable {
		about := typeOf(t.DecisionName())
		if !slices.ContainsFunc(c.profiles, func(p *profile) bool { return p.types.has(about) }) {
			continue
		}
		if c.s.stored(about) == kindFree {
			continue
		}
		if set := c.s.kinds[kindOf[t]]; set != nil && set.Len() > maxScanned {
			continue
		}
		list, ok := c.list(t, &room)
		if !ok {
			continue
		}
		if c.r.Listed == nil {
			c.r.Listed = map[string][]RightsResource{}
		}
		c.r.Listed[t.DecisionName()] = list
	}
}

// list lists the resources of a type that the subject may view and that a profile which restricts the type covers, as
// long as there is room.
func (c *rightsCollector) list(t lanyard.Type, room *int) (list []RightsResource, ok bool) {
	ok, list = true, []RightsResource{}
	q := Query{Subject: c.sub, Action: t.View(), Resource: Resource{Type: t.DecisionName()}}
	a := ask{s: c.s, q: &q, t: typeOf(t.DecisionName())}
	left := *room
	c.s.each(kindOf[t], func(e *entity) bool {
		a.resource, q.Resource.ID = e, e.id
		if !c.covered(&a) || !c.s.Decide(&q).Allow {
			return true
		}
		r := RightsResource{e.id, c.keys.of(e)}
		left -= len(r.ID) + 16
		for k, v := range r.Tags {
			left -= len(k) + len(v) + 8
		}
		ok, list = left >= 0, append(list, r)
		return ok
	})
	if !ok {
		return nil, false
	}
	*room = left
	return list, true
}

// covered reports whether a profile that restricts the type of a resource covers that resource.
func (c *rightsCollector) covered(a *ask) bool {
	return slices.ContainsFunc(c.profiles, func(p *profile) bool { return p.types.has(a.t) && a.tagsMatch(p) })
}

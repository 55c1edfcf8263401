// Package compare says who gains and who loses what between two states of an instance, for a person to read: by
// permission, with the people named or counted, and as text, Markdown and JSON. What differs is decided by package
// access; this package groups and words it. It reads no states and plans no changes.
package compare

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// Options say how much is listed. The zero values mean the defaults.
type Options struct {
	Names   int // of people or resources in a list, of which the others are counted; default 10
	Entries int // of each of the three lists of a Difference; default 1000
}

// A Difference is what users and AI agents may do in one state and not in another. Its lists begin with what is
// sensitive, and are otherwise in the order of access.Thing.Compare.
type Difference struct {
	Affected int `json:"affected"` // users and AI agents that may do something else
	Gaining  int `json:"gaining"`  // those of them who may do something more, or on more resources
	Losing   int `json:"losing"`   // those who may do something less, or on fewer; who does both counts twice
	Created  int `json:"created"`  // those of the affected whom only the later state has
	Deleted  int `json:"deleted"`  // those whom only the earlier state has
	// SensitiveGains is how many sensitive permissions somebody gains, or has on more resources.
	SensitiveGains int     `json:"sensitiveGains"`
	Gains          []Entry `json:"gains"`   // allowed afterwards only
	Losses         []Entry `json:"losses"`  // allowed before only
	Changed        []Entry `json:"changed"` // allowed before and afterwards, on other resources
	// Omitted is how many entries the lists do not have.
	Omitted int `json:"omitted,omitzero"`
}

// Empty reports whether nobody may do anything else.
func (d *Difference) Empty() bool { return d.Affected == 0 }

// An Entry is one thing that some users and AI agents gain or lose, or may do on other resources.
type Entry struct {
	Action string `json:"action"`          // a permission, the id of a tool, or one of the actions of package access
	Type   string `json:"type,omitzero"`   // Application, FlowModule or AIAgent; "" for a permission
	On     string `json:"on,omitzero"`     // namespace of the application, id of the module or ARN of the agent
	OnName string `json:"onName,omitzero"` // name of the flow module
	// Sensitive says why a holder deserves attention, as lanyard.Permission has it; "" if not.
	Sensitive string `json:"sensitive,omitzero"`
	// Restricts is set for permissions that take something away from their holder.
	Restricts bool `json:"restricts,omitzero"`
	More      bool `json:"more,omitzero"` // of Changed: it is allowed on resources that it was not allowed on
	Less      bool `json:"less,omitzero"` // of Changed: it is not allowed on some any more
	// Before and After are over what it is allowed, nil where it is not.
	Before Extent `json:"before,omitzero"`
	After  Extent `json:"after,omitzero"`
	// Resources are set when not the extent changed, but resources to which it applies.
	Resources *Resources `json:"resources,omitzero"`
	// Through are the names of the profiles that grant it: afterwards, or before if it is lost. Bounded.
	Through []string  `json:"through,omitempty"`
	Who     *Audience `json:"who"`
}

// Thing is what the entry is about.
func (e *Entry) Thing() access.Thing { return access.Thing{Action: e.Action, Type: e.Type, On: e.On} }

// Resources are some that changed, so that other people may use them.
type Resources struct {
	Type   string   `json:"type"`
	Count  int      `json:"count"`
	Names  []string `json:"names"` // of the first of them
	shared *access.Shifted
}

// maxThrough is how many profiles an entry names.
const maxThrough = 10

// Compare returns who gains and who loses what from before to after: two states of one instance, or of two whose
// resources have the same ids. People and resources are named as in after, or as in before if after has them not.
func Compare(before, after *access.Snapshot, o Options) *Difference {
	o.Names, o.Entries = cmp.Or(o.Names, 10), cmp.Or(o.Entries, 1000)
	g := grouping{before: before, after: after, o: o, entries: map[string]*group{}, audiences: map[string]*Audience{},
		resources: map[*access.Shifted]*Resources{}, groupNames: map[string]string{}}
	d := &Difference{Gains: []Entry{}, Losses: []Entry{}, Changed: []Entry{}}
	for _, shared := range access.Compare(before, after) {
		d.count(&shared)
		g.add(&shared)
	}
	g.finish(d)
	return d
}

// count adds subjects to the counts.
func (d *Difference) count(s *access.SharedDifference) {
	n := len(s.Subjects)
	gains, loses := len(s.Gains) > 0, len(s.Loses) > 0
	for _, c := range s.Changes {
		gains, loses = gains || c.More, loses || c.Less
	}
	for _, shift := range s.Shifts {
		gains, loses = gains || shift.Gained, loses || !shift.Gained
	}
	d.Affected += n
	if gains {
		d.Gaining += n
	}
	if loses {
		d.Losing += n
	}
	if s.Created {
		d.Created += n
	}
	if s.Deleted {
		d.Deleted += n
	}
}

// A list of a Difference.
type list byte

const (
	gains list = iota
	losses
	changed
)

// A group collects who is to be in one entry.
type group struct {
	list    list
	entry   Entry
	through map[string]bool
	shared  []uint32 // the differences of those who are in it
}

// A grouping collects entries.
type grouping struct {
	before, after *access.Snapshot
	o             Options
	shared        []*cohort
	entries       map[string]*group
	audiences     map[string]*Audience
	resources     map[*access.Shifted]*Resources
	groupNames    map[string]string
}

// add adds what differs for some subjects.
func (g *grouping) add(s *access.SharedDifference) {
	place := uint32(len(g.shared))
	g.shared = append(g.shared, g.newCohort(s))
	w := wording{g: g, own: [2]string{s.GroupBefore, s.GroupAfter}, moved: s.GroupBefore != s.GroupAfter}
	for i := range s.Gains {
		e := g.entryOf(s.Gains[i].Thing)
		e.After = w.extent(s.Gains[i].Grants, 1)
		g.put(gains, e, place, s.Gains[i].Grants)
	}
	for i := range s.Loses {
		e := g.entryOf(s.Loses[i].Thing)
		e.Before = w.extent(s.Loses[i].Grants, 0)
		g.put(losses, e, place, s.Loses[i].Grants)
	}
	for i := range s.Changes {
		c := &s.Changes[i]
		e := g.entryOf(c.Thing)
		e.More, e.Less, e.Before, e.After = c.More, c.Less, w.extent(c.Before, 0), w.extent(c.After, 1)
		grants := c.After
		if len(grants) == 0 {
			grants = c.Before
		}
		g.put(changed, e, place, grants)
	}
	for _, shift := range s.Shifts {
		for _, action := range shift.Actions {
			e := g.entryOf(access.Thing{Action: action})
			e.More, e.Less, e.Resources = shift.Gained, !shift.Gained, g.resourcesOf(shift.On)
			g.put(changed, e, place, nil)
		}
	}
}

// entryOf begins an entry.
func (g *grouping) entryOf(t access.Thing) Entry {
	e := Entry{Action: t.Action, Type: t.Type, On: t.On}
	if t.Type == "" {
		p, _ := lanyard.LookupPermission(t.Action)
		e.Sensitive, e.Restricts = p.Sensitive, p.Restriction
	}
	if t.Type == access.TypeFlowModule {
		for _, s := range []*access.Snapshot{g.after, g.before} {
			if found := s.Lookup(access.TypeContactFlowModule, t.On); len(found) == 1 && e.OnName == "" {
				e.OnName = found[0].Name
			}
		}
	}
	return e
}

// put adds subjects to the entry that is like e.
func (g *grouping) put(of list, e Entry, place uint32, grants []access.Grant) {
	c := g.shared[place]
	key := entryKey(of, &e, c)
	known := g.entries[key]
	if known == nil {
		known = &group{list: of, entry: e, through: map[string]bool{}}
		g.entries[key] = known
	}
	known.shared = append(known.shared, place)
	for _, grant := range grants {
		if len(known.through) < maxThrough {
			known.through[grant.Name] = true
		}
	}
}

// entryKey is the same for subjects that can be in one entry.
func entryKey(of list, e *Entry, c *cohort) string {
	b := []byte{byte(of), flag(e.More), flag(e.Less), flag(c.created), flag(c.deleted)}
	b = append(b, e.Type+"\x00"+e.On+"\x00"+e.Action+"\x00"+e.Before.String()+"\x00"+e.After.String()...)
	if e.Resources != nil {
		b = append(b, e.Resources.key()...)
	}
	return string(b)
}

func flag(set bool) byte {
	if set {
		return '1'
	}
	return '0'
}

// key tells some resources from others.
func (r *Resources) key() string {
	b := []byte("\x00" + r.Type)
	for _, f := range r.shared.Resources {
		b = binary.AppendVarint(b, f.Seq)
	}
	return string(b)
}

// resourcesOf names resources that changed.
func (g *grouping) resourcesOf(s *access.Shifted) *Resources {
	r := g.resources[s]
	if r == nil {
		r = &Resources{Type: s.Type, Count: len(s.Resources), shared: s, Names: []string{}}
		for _, f := range s.Resources[:min(g.o.Names, len(s.Resources))] {
			r.Names = append(r.Names, cmp.Or(f.Name, f.ID))
		}
		g.resources[s] = r
	}
	return r
}

// finish makes the lists of d.
func (g *grouping) finish(d *Difference) {
	sensitive := map[string]bool{}
	for _, k := range g.entries {
		if e := &k.entry; e.Sensitive != "" && (k.list == gains || k.list == changed && e.More) {
			sensitive[e.Action] = true
		}
	}
	d.SensitiveGains = len(sensitive)
	groups := make([]*group, 0, len(g.entries))
	for _, k := range g.entries {
		groups = append(groups, k)
	}
	slices.SortFunc(groups, g.compareGroups)
	for _, k := range groups {
		of := map[list]*[]Entry{gains: &d.Gains, losses: &d.Losses, changed: &d.Changed}[k.list]
		if len(*of) >= g.o.Entries {
			d.Omitted++
			continue
		}
		for name := range k.through {
			k.entry.Through = append(k.entry.Through, name)
		}
		slices.Sort(k.entry.Through)
		k.entry.Who = g.audience(k)
		*of = append(*of, k.entry)
	}
}

// compareGroups orders entries, the sensitive ones first.
func (g *grouping) compareGroups(a, b *group) int {
	return cmp.Or(cmp.Compare(a.list, b.list), cmp.Compare(rank(&a.entry), rank(&b.entry)),
		a.entry.Thing().Compare(b.entry.Thing()), cmp.Compare(a.entry.After.String(), b.entry.After.String()),
		cmp.Compare(a.entry.Before.String(), b.entry.Before.String()), compareResources(a.entry.Resources, b.entry.Resources),
		cmp.Compare(flag(b.entry.More), flag(a.entry.More)), cmp.Compare(flag(b.entry.Less), flag(a.entry.Less)),
		slices.Compare(a.shared, b.shared))
}

// rank is 0 for what lets somebody make themselves or others more powerful, and higher for what is less dangerous.
func rank(e *Entry) int {
	i := slices.Index([]string{"escalates", "exposes", "intrudes", "destroys"}, e.Sensitive)
	if i < 0 {
		return 4
	}
	return i
}

func compareResources(a, b *Resources) int {
	switch {
	case a == nil || b == nil:
		return cmp.Compare(flag(a != nil), flag(b != nil))
	default:
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Count, b.Count), slices.Compare(a.Names, b.Names))
	}
}

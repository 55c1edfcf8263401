package lint

import (
	"math/bits"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// A mask is a set of permissions of the catalogue, by their place in it.
type mask [6]uint64

func (m *mask) add(i int)      { m[i/64] |= 1 << (i % 64) }
func (m *mask) has(i int) bool { return m[i/64]>>(i%64)&1 != 0 }

func (m *mask) or(n mask) {
	for i := range m {
		m[i] |= n[i]
	}
}

func (m mask) and(n mask) mask {
	for i := range m {
		m[i] &= n[i]
	}
	return m
}

func (m mask) without(n mask) mask {
	for i := range m {
		m[i] &^= n[i]
	}
	return m
}

func (m mask) count() (n int) {
	for _, w := range m {
		n += bits.OnesCount64(w)
	}
	return n
}

// names returns the permissions of m, in byte order.
func (m mask) names() []string {
	var out []string
	for i, p := range lanyard.Permissions() {
		if m.has(i) {
			out = append(out, p.Name)
		}
	}
	return out
}

// places are those of the permissions in the catalogue.
var places = func() map[string]int {
	if len(lanyard.Permissions()) > len(mask{})*64 {
		panic("lint: the catalogue has outgrown the set of permissions")
	}
	m := map[string]int{}
	for i, p := range lanyard.Permissions() {
		m[p.Name] = i
	}
	return m
}()

func maskOf(names ...string) (m mask) {
	for _, name := range names {
		if i, ok := places[name]; ok {
			m.add(i)
		}
	}
	return m
}

// sensitiveMask has the permissions whose holders deserve attention.
var sensitiveMask = func() (m mask) {
	for i, p := range lanyard.Permissions() {
		if p.Sensitive != "" {
			m.add(i)
		}
	}
	return m
}()

// aboutType has the permissions about each type of resources, by its name; anyOtherType has all others.
var aboutType = func() map[string]mask {
	stems := map[string]string{}
	for _, t := range lanyard.ResourceTypes() {
		if t.Stem != "" {
			stems[t.Stem] = t.Name
		}
	}
	byType := map[string]mask{}
	for i, p := range lanyard.Permissions() {
		stem, _, _ := strings.Cut(p.Name, ".")
		m := byType[stems[stem]]
		m.add(i)
		byType[stems[stem]] = m
	}
	return byType
}()

// grants are what a profile grants of the catalogue.
type grants struct {
	granted mask
	// conditional are those that it grants only on resources with certain tags or in certain groups.
	conditional mask
	known       bool
}

// everywhere are the permissions that the profile grants on every resource.
func (g grants) everywhere() mask { return g.granted.without(g.conditional) }

func (l *linter) grantsOf(profile int) grants {
	if l.grants == nil {
		l.grants = make([]grants, len(l.Profiles))
	}
	if g := &l.grants[profile]; !g.known {
		*g = grantsOf(l.Profiles[profile])
	}
	return l.grants[profile]
}

// grantsOf returns what a profile grants. Conditions are those of access: a test compares the two.
func grantsOf(p *lanyard.Profile) grants {
	g := grants{granted: maskOf(p.Permissions...), known: true}
	for _, t := range restrictedTypes(p) {
		g.conditional.or(aboutType[t].and(g.granted))
	}
	if len(p.DataTables) > 0 {
		g.conditional.or(aboutType["DataTable"].and(g.granted))
	}
	return g
}

// anyOtherType stands for every type that no permission is about by its first word.
const anyOtherType = ""

// restrictedTypes are the types of resources that tags or the hierarchy restrict in a profile.
func restrictedTypes(p *lanyard.Profile) []string {
	var types []string
	unnamed := len(p.UnknownHierarchyRestricted()) > 0
	if len(p.AccessTags) > 0 {
		for _, name := range p.TagRestricted {
			if t, ok := lanyard.RestrictedType(name); ok {
				types = append(types, t)
				continue
			}
			unnamed = true
			types = append(types, foldedTypes[strings.ToLower(name)]...)
		}
	}
	if len(p.HierarchyRestricted) > 0 {
		types = append(types, access.TypeUser)
	}
	if unnamed {
		types = append(types, unnamedTypes...)
	}
	slices.Sort(types)
	return slices.Compact(types)
}

// unnamedTypes are those that TagRestrictedResources has no name for; an unknown name may mean any of them.
var unnamedTypes = func() (types []string) {
	types = append(types, anyOtherType)
	for _, t := range lanyard.ResourceTypes() {
		if t.Name != "" && t.Stem != "" && len(t.TagNames) == 0 {
			types = append(types, t.Name)
		}
	}
	return types
}()

// foldedTypes are the types by their lowercase names.
var foldedTypes = func() map[string][]string {
	m := map[string][]string{}
	for _, t := range lanyard.ResourceTypes() {
		for _, name := range append(slices.Clone(t.TagNames), t.Name) {
			m[strings.ToLower(name)] = append(m[strings.ToLower(name)], t.Name)
		}
	}
	return m
}()

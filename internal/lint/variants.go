package lint

import (
	"maps"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// adminMask has the permissions by which people change what they or others may do.
var adminMask = maskOf("SecurityProfiles.Create", "SecurityProfiles.Edit", "Users.Create", "Users.Edit",
	"Users.EditPermission")

// helpMask has the permissions that decide on what paths there are: adminMask, and those that show what is to be
// assigned.
var helpMask = func() mask {
	m := maskOf("SecurityProfiles.View", "RoutingPolicies.View", "AgentGrouping.View", "AgentGrouping.Edit",
		"AgentGrouping.Create", "QConnectAIAgents.Edit", "QConnectAIAgents.Create")
	m.or(adminMask)
	return m
}()

// fullMask has the permissions that make an administrator: everywhere, they lead to everything else.
var fullMask = maskOf("SecurityProfiles.Edit", "Users.EditPermission")

// A variant is the people who hold the same profiles and who are the same to every restriction that matters for paths.
type variant struct {
	set    *profileSet
	user   lanyard.User // the first of them, with tags
	count  int
	sample []string // user names of the first
	// unheld is set when nobody holds the profiles: the user is made up.
	unheld bool
}

// maxVariants bounds how many kinds of people are told apart.
const maxVariants = 20_000

// variantsOf returns the kinds of people who hold anything sensitive.
func (l *linter) variantsOf() []*variant {
	p := l.everybody()
	keys, byGroup := l.relevantTags()
	sets := map[string]*profileSet{}
	for _, set := range p.sets {
		has := l.granted(set)
		if has.and(sensitiveMask) != (mask{}) {
			sets[string(setKey(nil, set.profiles))] = set
		}
	}
	if len(sets) == 0 {
		return nil
	}
	var out []*variant
	found := map[string]*variant{}
	var key []byte
	var held []int
	users := l.Snapshot.Users()
	if len(keys) > 0 {
		users = l.Snapshot.UsersWithTags()
	}
	for u := range users {
		held = l.heldPlaces(held[:0], u.Profiles)
		key = setKey(key[:0], held)
		set := sets[string(key)]
		if set == nil {
			continue
		}
		for _, k := range keys {
			value, has := u.Tags[k]
			key = append(append(append(key, 0, byte(boolInt(has))), value...), 0)
		}
		if byGroup {
			key = append(key, l.groupKey(u.Group)...)
		}
		v := found[string(key)]
		if v == nil {
			if len(out) >= maxVariants {
				l.skip("privilege escalation by people other than the first %d kinds", maxVariants)
				break
			}
			v = &variant{set: set, user: u}
			found[string(key)] = v
			out = append(out, v)
		}
		if v.count++; len(v.sample) < maxSample {
			v.sample = append(v.sample, u.Name)
		}
	}
	return out
}

// heldPlaces appends the places of profiles by id, ascending.
func (l *linter) heldPlaces(held []int, ids []string) []int {
	for _, id := range ids {
		if i, ok := l.byID[id]; ok {
			held = append(held, i)
		}
	}
	slices.Sort(held)
	return held
}

func setKey(key []byte, held []int) []byte {
	for _, i := range held {
		key = append(key, byte(i), byte(i>>8), byte(i>>16))
	}
	return key
}

// relevant is what relevantTags returns.
type relevant struct {
	keys   []string
	groups bool
	named  map[string]bool   // groups that restrictions name
	byKey  map[string]string // what groupKey returned
}

// groupKey is the same for groups that are the same to every restriction. Where accounts can be taken over, who else is
// in a group matters too.
func (l *linter) groupKey(group string) string {
	if group == "" || l.managed() {
		return group
	}
	key, ok := l.relevant.byKey[group]
	if !ok {
		key = "in"
		for _, above := range l.Snapshot.GroupPath(group) {
			if l.relevant.named[above] {
				key += " " + above
			}
		}
		l.relevant.byKey[group] = key
	}
	return key
}

// relevantTags returns the keys of tags, and whether groups, by which profiles restrict the users whom paths lead
// through.
func (l *linter) relevantTags() (keys []string, groups bool) {
	if l.relevant != nil {
		return l.relevant.keys, l.relevant.groups
	}
	named := map[string]bool{}
	defer func() { l.relevant = &relevant{keys, groups, named, map[string]string{}} }()
	all := map[string]bool{}
	for i, p := range l.Profiles {
		if l.grantsOf(i).granted.and(adminMask) == (mask{}) {
			continue
		}
		groups = groups || len(p.HierarchyRestricted) > 0
		named[p.HierarchyGroup] = true
		if slices.Contains(restrictedTypes(p), access.TypeUser) {
			for key := range p.AccessTags {
				all[key] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(all)), groups
}

// unheld makes up a holder for each profile that leads somewhere and that nobody holds.
func (l *linter) unheld() (out []*variant) {
	for i, p := range l.Profiles {
		if l.grantsOf(i).granted.and(adminMask) == (mask{}) || len(l.everybody().holding[i]) > 0 {
			continue
		}
		u := lanyard.User{Meta: lanyard.Meta{ID: "holder", Name: "holder"}, Profiles: []string{p.ID}}
		out = append(out, &variant{set: &profileSet{profiles: []int{i}}, user: u, unheld: true})
	}
	return out
}

// helpful returns the ids of the profiles of a variant that matter for paths, and these with whatever else matters as a
// key: people with the same key have the same paths.
func (l *linter) helpful(v *variant) (key string, ids []string) {
	var b strings.Builder
	for _, i := range v.set.profiles {
		g := l.grantsOf(i)
		if g.granted.and(helpMask) != (mask{}) {
			b.Write(setKey(nil, []int{i}))
			ids = append(ids, l.Profiles[i].ID)
		}
	}
	keys, byGroup := l.relevantTags()
	for _, k := range keys {
		value, has := v.user.Tags[k]
		b.WriteString("\x00" + strings.Repeat("=", boolInt(has)) + value)
	}
	if byGroup {
		b.WriteString("\x00" + l.groupKey(v.user.Group))
	}
	return b.String(), ids
}

package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/typo"
)

func (l *linter) checkHalf() {
	for _, p := range l.Profiles {
		if p.IncompleteTagRestriction() {
			l.add(Finding{about: "tags", Message: "it has tags without restricted resource types, or types without tags, and " +
				"restricts nothing by tags"}, p)
		}
		if p.HierarchyGroup != "" && len(p.HierarchyRestricted) == 0 {
			l.add(Finding{about: "hierarchy", Message: "it names a hierarchy group but restricts nothing by hierarchy"}, p)
		}
	}
}

// checkPartial finds profiles that restrict users or security profiles, and lead around that through the other.
func (l *linter) checkPartial() {
	writes := maskOf("SecurityProfiles.Create", "SecurityProfiles.Edit")
	assigns := maskOf("Users.Create", "Users.EditPermission")
	for i, p := range l.Profiles {
		types, g := restrictedTypes(p), l.grantsOf(i)
		users := slices.Contains(types, access.TypeUser)
		profiles := slices.Contains(types, access.TypeSecurityProfile)
		if users && !profiles {
			if open := g.granted.and(writes); open != (mask{}) {
				l.add(Finding{about: "profiles", Details: open.names(), in: TagRestricted, Message: "it restricts which users it " +
					"reaches but not which security profiles, and its holders can write a profile without the restriction"}, p)
			} else if open := g.granted.and(assigns); open != (mask{}) {
				l.add(Finding{about: "assign", Details: open.names(), in: TagRestricted, Message: "it restricts which users it " +
					"reaches but not which security profiles, and its holders can assign any profile to those users"}, p)
			}
		}
		if profiles && !users {
			if open := g.granted.and(maskOf("Users.Edit", "Users.Create")); open != (mask{}) && l.managed() {
				l.add(Finding{about: "users", Details: open.names(), in: TagRestricted, Message: "it restricts which security " +
					"profiles it reaches but not which users, and its holders can take over users who hold other profiles"}, p)
			}
		}
	}
}

// managed reports whether the instance may keep the passwords of its users.
func (l *linter) managed() bool {
	return l.IdentityManagement == "" || l.IdentityManagement == "CONNECT_MANAGED"
}

func (l *linter) checkMissingGroup() {
	if !l.whole[access.TypeHierarchyGroup] {
		return
	}
	for _, p := range l.Profiles {
		if p.HierarchyGroup != "" && len(l.Snapshot.Lookup(access.TypeHierarchyGroup, p.HierarchyGroup)) == 0 {
			l.add(Finding{Details: []string{p.HierarchyGroup},
				Message: "its hierarchy group has been deleted, so its holders see nobody by it"}, p)
		}
	}
}

// checkEmptyGroup finds profiles that are restricted to groups in which, and below which, nobody is.
func (l *linter) checkEmptyGroup() {
	if !l.seesAll(access.TypeHierarchyGroup, access.TypeUser) || l.Snapshot.Count(access.TypeUser) == 0 {
		return
	}
	for _, p := range l.Profiles {
		if p.HierarchyGroup == "" || len(p.HierarchyRestricted) == 0 {
			continue
		}
		found := l.Snapshot.Lookup(access.TypeHierarchyGroup, p.HierarchyGroup)
		if len(found) == 1 && found[0].ID == p.HierarchyGroup && !l.groupHasUsers(p.HierarchyGroup) {
			l.add(Finding{Details: []string{found[0].Name},
				Message: fmt.Sprintf("nobody is in the hierarchy group %s or below it, so its holders see nobody by it",
					lanyard.Quote(found[0].Name))}, p)
		}
	}
}

// groupHasUsers reports whether a user is in a group or below it.
func (l *linter) groupHasUsers(group string) bool {
	if l.inhabited == nil {
		l.inhabited = map[string]bool{}
		for g, n := range l.Snapshot.CountByGroup() {
			for _, above := range l.Snapshot.GroupPath(g) {
				l.inhabited[above] = l.inhabited[above] || n > 0
			}
		}
	}
	return l.inhabited[group]
}

func (l *linter) checkTagCase() {
	for _, p := range l.Profiles {
		for _, key := range slices.Sorted(maps.Keys(p.AccessTags)) {
			if used := l.otherCase(key); used != nil {
				l.add(Finding{about: key, Details: []string{key},
					Message: fmt.Sprintf("the tag key %s differs from %s, which is in use, by case only, and so matches nothing",
						lanyard.Quote(key), list(quoteAll(slices.Sorted(maps.Keys(used)))))}, p)
			}
		}
	}
}

// otherCase returns the keys in use that differ from one that is not, by case only; nil for none.
func (l *linter) otherCase(key string) map[string]bool {
	if used := l.keys[strings.ToLower(key)]; used != nil && !used[key] {
		return used
	}
	return nil
}

// checkTagsOnNothing finds tags that no resource of a restricted type carries, and sets of tags that none carries
// together.
func (l *linter) checkTagsOnNothing() {
	for _, p := range l.Profiles {
		keys := slices.Sorted(maps.Keys(p.AccessTags))
		keys = slices.DeleteFunc(keys, func(key string) bool { return l.otherCase(key) != nil })
		seen := map[string]bool{}
		for _, name := range p.TagRestricted {
			t, _ := lanyard.RestrictedType(name)
			if !l.whole[t] || seen[t] {
				continue
			}
			seen[t] = true
			l.tagsOnNothing(p, t, keys)
		}
	}
}

func (l *linter) tagsOnNothing(p *lanyard.Profile, t string, keys []string) {
	alone := true
	for _, key := range keys {
		if value := p.AccessTags[key]; l.tags[access.Tag{Type: t, Key: key, Value: value}] == 0 {
			alone = false
			tag := key + "=" + value
			l.add(Finding{about: t + " " + tag, Details: []string{tag},
				Message: fmt.Sprintf("no %s carries the tag %s, so its holders reach none", t, lanyard.Quote(tag))}, p)
		}
	}
	if alone && len(keys) > 1 && len(keys) == len(p.AccessTags) && !l.carried(t, p.AccessTags) {
		var tags []string
		for _, key := range keys {
			tags = append(tags, key+"="+p.AccessTags[key])
		}
		l.add(Finding{about: t, Details: tags,
			Message: fmt.Sprintf("no %s carries all of its tags, so its holders reach none", t)}, p)
	}
}

// carried reports whether a resource of a type carries all of some tags.
func (l *linter) carried(t string, tags map[string]string) bool {
	sets, ok := l.tagSets[t]
	if !ok {
		sets = l.readTagSets(t)
		if l.tagSets == nil {
			l.tagSets = map[string][]map[string]string{}
		}
		l.tagSets[t] = sets
	}
	if sets == nil {
		return true // it is not known
	}
	return slices.ContainsFunc(sets, func(has map[string]string) bool {
		for k, v := range tags {
			if got, ok := has[k]; !ok || got != v {
				return false
			}
		}
		return true
	})
}

// maxTagSets bounds how many different sets of tags of a type are compared.
const maxTagSets = 10_000

// readTagSets returns the different sets of tags that resources of a type carry; nil when it is not known.
func (l *linter) readTagSets(t string) []map[string]string {
	sets, seen := []map[string]string{}, map[string]bool{}
	for tags := range l.Snapshot.TagSets(t) {
		key := fmt.Sprint(tags) // in the order of the keys
		if seen[key] {
			continue
		}
		if seen[key] = true; len(sets) >= maxTagSets {
			l.skip("the tags of type %s, of which there are more than %d different sets", t, maxTagSets)
			return nil
		}
		sets = append(sets, tags)
	}
	return sets
}

// checkTypes finds names of restricted types that are unknown.
func (l *linter) checkTypes() {
	for _, p := range l.Profiles {
		unknown, member := p.UnknownHierarchyRestricted(), HierarchyRestricted
		if len(p.AccessTags) > 0 {
			if tags := p.UnknownTagRestricted(); len(tags) > 0 {
				unknown, member = append(tags, unknown...), TagRestricted
			}
		}
		if len(unknown) == 0 {
			continue
		}
		f := Finding{Details: unknown, in: member, value: unknown[0], Message: "it restricts resource types by names that are " +
			"unknown here, and so every type that has no name of its own"}
		for _, name := range unknown {
			if right := l.nearestType(name); right != "" && member == TagRestricted {
				f.Fixes = append(f.Fixes, fixOf(p, member, []string{name}, []string{right}, false))
			}
		}
		l.add(f, p)
	}
}

// nearestType returns the name of TagRestrictedResources that an unknown one likely stands for, or "".
func (l *linter) nearestType(name string) string {
	lower, found := strings.ToLower(name), ""
	for _, t := range lanyard.ResourceTypes() {
		for _, known := range t.TagNames {
			d := typo.Distance(lower, strings.ToLower(known), 1)
			if d <= 1 || strings.EqualFold(t.Name, name) || strings.EqualFold(t.Plural, name) {
				if found != "" && found != t.TagNames[0] {
					return ""
				}
				found = t.TagNames[0]
			}
		}
	}
	return found
}

// checkUndone finds restrictions that another profile of the same people undoes.
func (l *linter) checkUndone() {
	for i, p := range l.Profiles {
		if !p.Restricted() {
			continue
		}
		restricted := l.grantsOf(i).conditional
		if restricted == (mask{}) {
			continue
		}
		by := map[int][]*profileSet{}
		for _, set := range l.everybody().holding[i] {
			for _, j := range set.profiles {
				if j != i && l.grantsOf(j).everywhere().and(restricted) != (mask{}) {
					by[j] = append(by[j], set)
				}
			}
		}
		for _, j := range slices.Sorted(maps.Keys(by)) {
			l.addUndone(p, l.Profiles[j], l.grantsOf(j).everywhere().and(restricted), by[j])
		}
	}
}

func (l *linter) addUndone(p, by *lanyard.Profile, undone mask, sets []*profileSet) {
	_, total := names(sets)
	l.add(Finding{Details: undone.names(), Message: fmt.Sprintf("%s %s, which grants %s without the restriction, so the "+
		"restriction has no effect on them: %s", holdersOf(total), lanyard.Quote(by.Name),
		plural(undone.count(), "permission", "of its permissions"), who(sets))}, p, by)
}

// holdersOf begins a sentence about people who hold something else too.
func holdersOf(n int) string {
	if n == 1 {
		return "one of its holders also holds"
	}
	return fmt.Sprintf("%d of its holders also hold", n)
}

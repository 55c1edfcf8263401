package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// people are the users whom the viewer sees, by the sets of profiles that they hold.
type people struct {
	sets    []*profileSet
	holding [][]*profileSet // by profile
	missing map[string]int  // users by the id of a profile that they hold and that does not exist
	users   int
}

// A profileSet is a set of profiles that somebody holds, of those that the viewer sees, and who holds it.
type profileSet struct {
	profiles []int // places in Profiles, ascending
	count    int
	sample   []lanyard.User // the first
}

// maxSample is how many people are named as examples.
const maxSample = 5

// everybody counts the users, once.
func (l *linter) everybody() *people {
	if l.people != nil {
		return l.people
	}
	p := &people{holding: make([][]*profileSet, len(l.Profiles)), missing: map[string]int{}}
	l.people = p
	all, bySet := l.whole[access.TypeUser], map[string]*profileSet{}
	whole := l.seesAll(access.TypeUser, access.TypeSecurityProfile)
	var held []int
	var key []byte
	for u := range l.Snapshot.Users() {
		if !all && !l.Sees(access.TypeUser, u.ID) {
			continue
		}
		p.users++
		held = held[:0]
		for _, id := range u.Profiles {
			if i, ok := l.byID[id]; ok {
				held = append(held, i)
			} else if whole && len(l.Snapshot.Lookup(access.TypeSecurityProfile, id)) == 0 {
				p.missing[id]++
			}
		}
		slices.Sort(held)
		key = key[:0]
		for _, i := range held {
			key = append(key, byte(i), byte(i>>8), byte(i>>16))
		}
		set := bySet[string(key)]
		if set == nil {
			set = &profileSet{profiles: slices.Clone(held)}
			bySet[string(key)] = set
			p.sets = append(p.sets, set)
			for _, i := range held {
				p.holding[i] = append(p.holding[i], set)
			}
		}
		if set.count++; len(set.sample) < maxSample {
			set.sample = append(set.sample, u)
		}
	}
	return p
}

// granted returns what the profiles of a set grant.
func (l *linter) granted(set *profileSet) (all mask) {
	for _, i := range set.profiles {
		all.or(l.grantsOf(i).granted)
	}
	return all
}

// names lists the first people of sets, and counts all.
func names(sets []*profileSet) (first []string, total int) {
	for _, set := range sets {
		total += set.count
		for _, u := range set.sample {
			if len(first) < maxSample {
				first = append(first, u.Name)
			}
		}
	}
	return first, total
}

// who names the people of sets, in words.
func who(sets []*profileSet) string {
	first, total := names(sets)
	text := strings.Join(quoteAll(first), ", ")
	if more := total - len(first); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

func quoteAll(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = lanyard.Quote(name)
	}
	return out
}

// list joins names, with and before the last.
func list(names []string) string {
	const most = 5
	if n := len(names); n > most {
		names = append(slices.Clip(names[:most]), fmt.Sprintf("%d more", n-most))
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

func count(n int) string { return fmt.Sprintf("%d", n) }

// plural counts things.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

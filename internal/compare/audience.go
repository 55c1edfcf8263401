package compare

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/lanyard/lanyard/access"
)

// An Audience is some users and AI agents: all holders of some profiles, and others by name.
type Audience struct {
	Users    int       `json:"users"`
	AIAgents int       `json:"aiAgents,omitzero"`
	Created  bool      `json:"created,omitzero"` // only the later state has them
	Deleted  bool      `json:"deleted,omitzero"` // only the earlier state has them
	Holders  []Holders `json:"holders,omitempty"`
	// Names are the first of those who are not among the holders, user names and ARNs, in byte order. There are Others
	// whom they do not name.
	Names  []string `json:"names,omitempty"`
	Others int      `json:"others,omitzero"`
}

// Holders are all users and AI agents that hold a profile.
type Holders struct {
	Profile string   `json:"profile"` // its name
	ID      string   `json:"id"`
	Count   int      `json:"count"`
	Names   []string `json:"names"` // of the first of them
}

// Count is how many users and AI agents they are.
func (a *Audience) Count() int { return a.Users + a.AIAgents }

// String names them, such as `all 12 holders of "Agent" (ann, bob and 10 others), and carla`.
func (a *Audience) String() string { return a.words(plainName) }

// plainName quotes a name unless it cannot be taken for more than one name, or for other words.
func plainName(name string) string {
	if strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-+@/:$", r)
	}) || name == "" {
		return strconv.Quote(name)
	}
	return name
}

// words is String with names quoted.
func (a *Audience) words(quote func(string) string) string {
	var parts []string
	for _, h := range a.Holders {
		parts = append(parts, fmt.Sprintf("all %d holders of %s (%s)", h.Count, quote(h.Profile),
			nameSome(quoteAll(h.Names, quote), h.Count)))
	}
	if len(a.Names) > 0 || a.Others > 0 {
		parts = append(parts, nameSome(quoteAll(a.Names, quote), len(a.Names)+a.Others))
	}
	text := strings.Join(parts, ", and ")
	switch {
	case a.Created && a.Count() == 1:
		return text + ", who is new"
	case a.Created:
		return text + ", who are new"
	case a.Deleted && a.Count() == 1:
		return text + ", who is deleted"
	case a.Deleted:
		return text + ", who are deleted"
	}
	return text
}

// nameSome lists the first names of count.
func nameSome(names []string, count int) string {
	text := strings.Join(names, ", ")
	switch rest := count - len(names); {
	case rest == 0:
		return text
	case len(names) == 0:
		return fmt.Sprintf("%d others", rest)
	case rest == 1:
		return text + " and 1 other"
	default:
		return fmt.Sprintf("%s and %d others", text, rest)
	}
}

// A cohort is the subjects of a shared difference.
type cohort struct {
	subjects         []access.Holder
	created, deleted bool
	held             [2][]string // ids of their profiles, before and afterwards
}

func (g *grouping) newCohort(s *access.SharedDifference) *cohort {
	c := &cohort{subjects: s.Subjects, created: s.Created, deleted: s.Deleted}
	one := access.Subject{Type: s.Subjects[0].Type, ID: s.Subjects[0].ID}
	for i, of := range []*access.Snapshot{g.before, g.after} {
		c.held[i], _ = of.ProfilesOf(one)
	}
	return c
}

// fewestHolders is of how many it is said that they are all holders of a profile; fewer are named.
const fewestHolders = 3

// audience returns who is in an entry. Entries with the same people share it.
func (g *grouping) audience(k *group) *Audience {
	state := 1 // they are told by the profiles that they hold afterwards
	if k.list == losses || g.shared[k.shared[0]].deleted {
		state = 0
	}
	key := []byte{byte(state)}
	for _, i := range k.shared {
		key = binary.AppendUvarint(key, uint64(i))
	}
	if a := g.audiences[string(key)]; a != nil {
		return a
	}
	c := g.shared[k.shared[0]]
	a := &Audience{Created: c.created, Deleted: c.deleted}
	rest := make([]*cohort, 0, len(k.shared))
	for _, i := range k.shared {
		rest = append(rest, g.shared[i])
		for _, h := range g.shared[i].subjects {
			if h.Type == access.AIAgent {
				a.AIAgents++
			} else {
				a.Users++
			}
		}
	}
	for len(a.Holders) < maxThrough {
		h, others, found := g.holders(rest, state, k.through)
		if !found {
			break
		}
		a.Holders, rest = append(a.Holders, h), others
	}
	names := namesOf(rest)
	a.Names = names[:min(len(names), g.o.Names)]
	a.Others = len(names) - len(a.Names)
	g.audiences[string(key)] = a
	return a
}

// holders finds the profile that most of some cohorts hold, of those all of whose holders are among them, and returns
// those who do not hold it.
func (g *grouping) holders(cohorts []*cohort, state int,
	through map[string]bool) (h Holders, rest []*cohort, found bool) {
	s := []*access.Snapshot{g.before, g.after}[state]
	counts := map[string]int{}
	for _, c := range cohorts {
		for _, id := range c.held[state] {
			counts[id] += len(c.subjects)
		}
	}
	for id, n := range counts {
		if n < max(fewestHolders, h.Count) || n != s.CountHolders(id) {
			continue
		}
		name := profileName(s, id)
		if better := cmp.Or(cmp.Compare(n, h.Count), cmp.Compare(flag(through[name]), flag(through[h.Profile])),
			cmp.Compare(h.Profile, name)); h.ID == "" || better > 0 {
			h = Holders{Profile: name, ID: id, Count: n}
		}
	}
	if h.ID == "" {
		return h, nil, false
	}
	var holders []*cohort
	for _, c := range cohorts {
		if slices.Contains(c.held[state], h.ID) {
			holders = append(holders, c)
		} else {
			rest = append(rest, c)
		}
	}
	names := namesOf(holders)
	h.Names = names[:min(len(names), g.o.Names)]
	return h, rest, true
}

func profileName(s *access.Snapshot, id string) string {
	for _, f := range s.Lookup(access.TypeSecurityProfile, id) {
		return cmp.Or(f.Name, f.ID)
	}
	return id
}

// namesOf names everybody of some cohorts, in byte order.
func namesOf(cohorts []*cohort) []string {
	names := []string{}
	for _, c := range cohorts {
		for _, h := range c.subjects {
			names = append(names, cmp.Or(h.Name, h.ID))
		}
	}
	slices.Sort(names)
	return names
}

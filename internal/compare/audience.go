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
	covering := g.newCover(rest, state, k.through)
	for len(a.Holders) < maxThrough {
		h, found := covering.take()
		if !found {
			break
		}
		a.Holders = append(a.Holders, h)
	}
	a.Names, a.Others = firstNames(covering.left(), g.o.Names)
	g.audiences[string(key)] = a
	return a
}

// A cover finds the profiles all of whose holders are among some cohorts.
type cover struct {
	cohorts []*cohort
	taken   []bool
	state   int
	names   int              // how many people are named
	holding map[string][]int // the places of the cohorts that hold a profile, by its id
	open    map[string]int   // how many of them are not taken
	all     []Holders        // the profiles all of whose holders are there, without Names; the first is preferred
}

func (g *grouping) newCover(cohorts []*cohort, state int, through map[string]bool) *cover {
	c := &cover{cohorts: cohorts, taken: make([]bool, len(cohorts)), state: state, names: g.o.Names,
		holding: map[string][]int{}, open: map[string]int{}}
	for i, one := range cohorts {
		for _, id := range one.held[state] {
			c.holding[id] = append(c.holding[id], i)
			c.open[id] += len(one.subjects)
		}
	}
	s := []*access.Snapshot{g.before, g.after}[state]
	for id, n := range c.open {
		if n >= fewestHolders && n == s.CountHolders(id) {
			c.all = append(c.all, Holders{Profile: profileName(s, id), ID: id, Count: n})
		}
	}
	slices.SortFunc(c.all, func(a, b Holders) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(flag(through[b.Profile]), flag(through[a.Profile])),
			cmp.Compare(a.Profile, b.Profile), cmp.Compare(a.ID, b.ID))
	})
	return c
}

// take returns the holders of the first profile none of whose holders is taken, and takes them.
func (c *cover) take() (h Holders, found bool) {
	for len(c.all) > 0 {
		h, c.all = c.all[0], c.all[1:]
		if c.open[h.ID] < h.Count {
			continue
		}
		var holders []*cohort
		for _, i := range c.holding[h.ID] {
			c.taken[i] = true
			holders = append(holders, c.cohorts[i])
			for _, id := range c.cohorts[i].held[c.state] {
				c.open[id] -= len(c.cohorts[i].subjects)
			}
		}
		h.Names, _ = firstNames(holders, c.names)
		return h, true
	}
	return h, false
}

// left are the cohorts that are not taken.
func (c *cover) left() (out []*cohort) {
	for i, one := range c.cohorts {
		if !c.taken[i] {
			out = append(out, one)
		}
	}
	return out
}

func profileName(s *access.Snapshot, id string) string {
	for _, f := range s.Lookup(access.TypeSecurityProfile, id) {
		return cmp.Or(f.Name, f.ID)
	}
	return id
}

// firstNames returns the first names of everybody in some cohorts, in byte order, and how many others there are.
func firstNames(cohorts []*cohort, most int) (names []string, others int) {
	names = make([]string, 0, most+1)
	for _, c := range cohorts {
		for i := range c.subjects {
			name := cmp.Or(c.subjects[i].Name, c.subjects[i].ID)
			if len(names) == most {
				if others++; name >= names[most-1] {
					continue
				}
				names = names[:most-1]
			}
			at, _ := slices.BinarySearch(names, name)
			names = slices.Insert(names, at, name)
		}
	}
	return names, others
}

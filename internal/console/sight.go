package console

import (
	"cmp"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/questions"
)

// What a viewer is told of other people and things in passing, such as how many hold a profile, counts
// what the viewer may view and nothing else.

// seesAllHolders reports whether the viewer may view all holders of a profile.
func (v *viewer) seesAllHolders() bool {
	return v.SeesAll(access.TypeUser) && v.SeesAll(access.TypeAIAgent)
}

// tally counts the users whom a viewer may see, in one pass over all users.
type tally struct {
	users   int
	holders map[string]int            // by profile
	sets    map[string]int            // by all of their profiles
	groups  map[string]int            // by the group that they are in, "" for none
	within  map[string]map[string]int // holders of a profile by group
	first   map[string][]access.Holder
}

// maxSample is how many holders of a profile are shown as examples.
const maxSample = 5

// tallied returns the tally of a viewer who does not see all users.
func (v *viewer) tallied() *tally {
	if v.tally != nil {
		return v.tally
	}
	t := &tally{holders: map[string]int{}, sets: map[string]int{}, groups: map[string]int{},
		within: map[string]map[string]int{}, first: map[string][]access.Holder{}}
	v.tally = t
	if !v.May(questions.ViewPermission(access.TypeUser), access.Resource{}) {
		return t
	}
	for u := range v.Users() {
		if !v.Sees(access.TypeUser, u.ID) {
			continue
		}
		t.users++
		t.groups[u.Group]++
		t.sets[strings.Join(u.Profiles, "\x00")]++
		for _, p := range u.Profiles {
			t.holders[p]++
			if t.within[p] == nil {
				t.within[p] = map[string]int{}
			}
			t.within[p][u.Group]++
			t.first[p] = firstOf(t.first[p], access.Holder{ID: u.ID, Name: u.Name, Seq: u.Seq})
		}
	}
	return t
}

// firstOf adds a holder to the first of several, in the order of their creation.
func firstOf(first []access.Holder, h access.Holder) []access.Holder {
	at, _ := slices.BinarySearchFunc(first, h.Seq, func(x access.Holder, seq int64) int { return cmp.Compare(x.Seq, seq) })
	first = slices.Insert(first, at, h)
	return first[:min(len(first), maxSample)]
}

// eachHolder calls do with the holders of a profile, also hidden ones, until do returns false.
func (v *viewer) eachHolder(profile string, do func(access.Holder) bool) {
	const chunk = 10_000
	for from := (access.Cursor{}); ; {
		found, next, _ := v.Holders(profile, access.Page{From: from, Limit: chunk})
		for _, h := range found {
			if !do(h) {
				return
			}
		}
		if from = next; next == (access.Cursor{}) {
			return
		}
	}
}

// agentsOf are the AI agents that hold a profile, if the viewer may see them.
func (v *viewer) agentsOf(profile string) (agents []access.Holder) {
	if !v.SeesAll(access.TypeAIAgent) {
		return nil
	}
	v.eachHolder(profile, func(h access.Holder) bool {
		if h.Type == access.AIAgent {
			agents = append(agents, h)
		}
		return true
	})
	return agents
}

// holderCounts counts the holders of a profile.
func (v *viewer) holderCounts(profile string) (users, agents int) {
	agents = len(v.agentsOf(profile))
	if !v.SeesAll(access.TypeUser) {
		return v.tallied().holders[profile], agents
	}
	users = v.CountHolders(profile)
	if v.SeesAll(access.TypeAIAgent) {
		return users - agents, agents
	}
	v.eachHolder(profile, func(h access.Holder) bool {
		if h.Type == access.AIAgent {
			users--
		}
		return true
	})
	return users, 0
}

// holderCount counts the users and AI agents that hold a profile.
func (v *viewer) holderCount(profile string) int {
	if v.seesAllHolders() {
		return v.CountHolders(profile)
	}
	n, ok := v.counts[profile]
	if !ok {
		users, agents := v.holderCounts(profile)
		n = users + agents
		if v.counts == nil {
			v.counts = map[string]int{}
		}
		v.counts[profile] = n
	}
	return n
}

// holdersOf counts the holders of any of some profiles, each once.
func (v *viewer) holdersOf(profiles []string) (n int) {
	if v.seesAllHolders() {
		return v.CountDistinctHolders(profiles)
	}
	agents := map[string]bool{}
	for _, p := range profiles {
		for _, h := range v.agentsOf(p) {
			agents[h.ID] = true
		}
	}
	if v.SeesAll(access.TypeUser) {
		all := map[string]bool{}
		for _, p := range profiles {
			v.eachHolder(p, func(h access.Holder) bool {
				if h.Type == access.AIAgent {
					all[h.ID] = true
				}
				return true
			})
		}
		return v.CountDistinctHolders(profiles) - len(all) + len(agents)
	}
	for set, users := range v.tallied().sets {
		if slices.ContainsFunc(strings.Split(set, "\x00"), func(p string) bool { return slices.Contains(profiles, p) }) {
			n += users
		}
	}
	return n + len(agents)
}

// sample shows the first holders of a profile, in the order of their creation.
func (v *viewer) sample(profile string, most int) []Holder {
	var first []access.Holder
	if all := v.SeesAll(access.TypeUser); all || v.SeesAll(access.TypeAIAgent) {
		v.eachHolder(profile, func(h access.Holder) bool {
			if agent := h.Type == access.AIAgent; !agent && all || agent && v.SeesAll(access.TypeAIAgent) {
				first = firstOf(first, h)
			}
			return !all || len(first) < maxSample
		})
	}
	if !v.SeesAll(access.TypeUser) {
		for _, h := range v.tallied().first[profile] {
			first = firstOf(first, h)
		}
	}
	out := []Holder{}
	for _, h := range first[:min(most, len(first))] {
		x := Holder{"user", h.ID, h.Name}
		if h.Type == access.AIAgent {
			x.Type = "ai_agent"
		}
		out = append(out, x)
	}
	return out
}

// members counts the users directly in each group, "" for none, and the holders of each profile by group.
func (v *viewer) members() (in map[string]int, holders func(profile string) map[string]int) {
	if v.SeesAll(access.TypeUser) {
		return v.CountByGroup(), v.CountHoldersByGroup
	}
	t := v.tallied()
	return t.groups, func(profile string) map[string]int { return t.within[profile] }
}

// userCount counts the users.
func (v *viewer) userCount() int {
	if v.SeesAll(access.TypeUser) {
		return v.Count(access.TypeUser)
	}
	return v.tallied().users
}

// lists are the members of documents that list other resources, with the type of these. Viewers are shown the entries
// that they may see.
var lists = map[lanyard.Type]map[string]struct {
	t  string
	id string // member of an entry; "" when the entry is the id
}{
	lanyard.TypeRoutingProfile: {"Queues": {access.TypeQueue, "Queue"}, "ManualQueues": {access.TypeQueue, "Queue"}},
	lanyard.TypeQueue: {"QuickConnects": {access.TypeQuickConnect, ""},
		"EmailAddresses": {lanyard.TypeEmailAddress.DecisionName(), ""}},
	lanyard.TypeHours: {"Parents": {access.TypeHoursOfOperation, ""}},
}

// showsWhole reports whether the viewer is shown documents of a type whole, whatever they name.
func (v *viewer) showsWhole(t lanyard.Type) bool {
	for _, of := range lists[t] {
		if !v.SeesAll(of.t) {
			return false
		}
	}
	return true
}

// shown takes out of a document the entries of lists that name what the viewer may not see.
func (v *viewer) shown(t lanyard.Type, doc lanyard.JSON) (lanyard.JSON, error) {
	if len(doc) == 0 || v.showsWhole(t) {
		return doc, nil
	}
	members := map[string]lanyard.JSON{}
	if err := laxjson.Unmarshal(doc, &members); err != nil {
		return nil, err
	}
	for name, of := range lists[t] {
		var entries, kept []lanyard.JSON
		if len(members[name]) == 0 {
			continue
		}
		if err := laxjson.Unmarshal(members[name], &entries); err != nil {
			return nil, err
		}
		for _, entry := range entries {
			id, err := idIn(entry, of.id)
			if err != nil {
				return nil, err
			}
			if v.Sees(of.t, id) {
				kept = append(kept, entry)
			}
		}
		if delete(members, name); len(kept) > 0 {
			b, err := laxjson.Marshal(kept)
			if err != nil {
				return nil, err
			}
			members[name] = b
		}
	}
	return laxjson.Marshal(members)
}

// idIn returns the id in an entry of a list: a member of it, or with "" the entry itself.
func idIn(entry lanyard.JSON, member string) (id string, err error) {
	if member != "" {
		var fields map[string]lanyard.JSON
		if err := laxjson.Unmarshal(entry, &fields); err != nil {
			return "", err
		}
		entry = fields[member]
	}
	err = laxjson.Unmarshal(entry, &id)
	return id, err
}

package console

import (
	"encoding/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// What a viewer is told of other people and things in passing, such as how many hold a profile, counts
// what the viewer may view and nothing else.

// seesAll reports whether the viewer may view every resource of a type, those that do not exist too.
func (v *viewer) seesAll(resourceType string) bool {
	if v.user == "" {
		return true
	}
	r := access.Resource{Type: resourceType, New: true}
	if resourceType == access.TypeAIAgent {
		r = access.Resource{}
	}
	return v.may(views[resourceType], r)
}

// seesAllHolders reports whether the viewer may view whoever holds a profile.
func (v *viewer) seesAllHolders() bool {
	return v.seesAll(access.TypeUser) && v.seesAll(access.TypeAIAgent)
}

// seesHolder is sees of a holder. It remembers the users, who may hold many profiles.
func (v *viewer) seesHolder(t access.SubjectType, id string) bool {
	if t == access.AIAgent {
		return v.sees(access.TypeAIAgent, id)
	}
	seen, ok := v.users[id]
	if !ok {
		if v.users == nil {
			v.users = map[string]bool{}
		}
		seen = v.sees(access.TypeUser, id)
		v.users[id] = seen
	}
	return seen
}

// eachHolder calls do with the holders of a profile whom the viewer may see, until do returns false. Its
// cost grows with the number of holders.
func (v *viewer) eachHolder(profile string, do func(access.Holder) bool) {
	if !v.may(views[access.TypeUser], access.Resource{}) && !v.may(views[access.TypeAIAgent], access.Resource{}) {
		return
	}
	const chunk = 10_000
	for from := (access.Cursor{}); ; {
		found, next, _ := v.Holders(profile, from, chunk)
		for _, h := range found {
			if v.seesHolder(h.Type, h.ID) && !do(h) {
				return
			}
		}
		if from = next; next == (access.Cursor{}) {
			return
		}
	}
}

// holderCount counts the holders of a profile.
func (v *viewer) holderCount(profile string) (n int) {
	if v.seesAllHolders() {
		return v.HolderCount(profile)
	}
	if n, ok := v.counts[profile]; ok {
		return n
	}
	v.eachHolder(profile, func(access.Holder) bool { n++; return true })
	if v.counts == nil {
		v.counts = map[string]int{}
	}
	v.counts[profile] = n
	return n
}

// holdersOf counts the holders of any of some profiles, each once.
func (v *viewer) holdersOf(profiles []string) int {
	if v.seesAllHolders() {
		return v.HoldersOf(profiles)
	}
	seen := map[string]bool{}
	for _, p := range profiles {
		v.eachHolder(p, func(h access.Holder) bool { seen[h.ID] = true; return true })
	}
	return len(seen)
}

// members counts the users directly in each group, "" for none, and the holders of each profile by group.
func (v *viewer) members() (in map[string]int, holders func(profile string) map[string]int) {
	if v.seesAll(access.TypeUser) {
		return v.Members(), v.HolderGroups
	}
	in = map[string]int{}
	by := map[string]map[string]int{}
	v.Users(false, func(u *lanyard.User) bool {
		if !v.seesHolder(access.User, u.ID) {
			return true
		}
		in[u.Group]++
		for _, p := range u.Profiles {
			if by[p] == nil {
				by[p] = map[string]int{}
			}
			by[p][u.Group]++
		}
		return true
	})
	return in, func(profile string) map[string]int { return by[profile] }
}

// userCount counts the users.
func (v *viewer) userCount() (n int) {
	if v.seesAll(access.TypeUser) {
		return v.Count(access.TypeUser)
	}
	in, _ := v.members()
	for _, users := range in {
		n += users
	}
	return n
}

// lists are the members of documents that name other resources in a list that answers do not show whole
// to everybody, and of which type these are.
var lists = map[lanyard.Type]map[string]struct {
	t  string
	id string // member of an entry; "" when the entry is the id
}{
	lanyard.TypeRoutingProfile: {"Queues": {access.TypeQueue, "Queue"}, "ManualQueues": {access.TypeQueue, "Queue"}},
	lanyard.TypeHours:          {"Parents": {access.TypeHoursOfOperation, ""}},
}

// showsWhole reports whether the viewer is shown documents of a type whole, whatever they name.
func (v *viewer) showsWhole(t lanyard.Type) bool {
	for _, of := range lists[t] {
		if !v.seesAll(of.t) {
			return false
		}
	}
	return true
}

// shown takes out of a document the entries of lists that name what the viewer may not see.
func (v *viewer) shown(t lanyard.Type, doc json.RawMessage) (json.RawMessage, error) {
	if len(doc) == 0 || v.showsWhole(t) {
		return doc, nil
	}
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(doc, &members); err != nil {
		return nil, err
	}
	for name, of := range lists[t] {
		var entries, kept []json.RawMessage
		if len(members[name]) == 0 {
			continue
		}
		if err := json.Unmarshal(members[name], &entries); err != nil {
			return nil, err
		}
		for _, entry := range entries {
			id, err := idIn(entry, of.id)
			if err != nil {
				return nil, err
			}
			if v.sees(of.t, id) {
				kept = append(kept, entry)
			}
		}
		if delete(members, name); len(kept) > 0 {
			b, err := json.Marshal(kept)
			if err != nil {
				return nil, err
			}
			members[name] = b
		}
	}
	return json.Marshal(members)
}

// idIn returns the id in an entry of a list: a member of it, or with "" the entry itself.
func idIn(entry json.RawMessage, member string) (id string, err error) {
	if member != "" {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(entry, &fields); err != nil {
			return "", err
		}
		entry = fields[member]
	}
	err = json.Unmarshal(entry, &id)
	return id, err
}

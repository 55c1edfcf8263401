package peer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// Sizes of a World that do not depend on its users. Three hundred names are what Amazon Connect has.
const (
	Names       = 300
	Permissions = 60 // of a profile
	Profiles    = 100
	queues      = 200
)

// A World is an instance: Profiles security profiles, a hierarchy, queues, users, and questions.
// It comes out the same however often it is made.
type World struct {
	Users    int
	Groups   []*lanyard.Group
	Profiles []*lanyard.Profile
	Queues   []*lanyard.Queue

	Questions []Question
	Plain     []Question // those of Questions that are about no resource
}

// A Question is who does what to which resource; Type is "" when it is about none.
type Question struct{ User, Action, Type, Resource string }

func (q *Question) String() string {
	if q.Type == "" {
		return q.User + " " + q.Action
	}
	return q.User + " " + q.Action + " " + q.Type + " " + q.Resource
}

func (q *Question) query() access.Query {
	return access.Query{Subject: access.Subject{ID: q.User}, Action: q.Action,
		Resource: access.Resource{Type: q.Type, ID: q.Resource}}
}

var (
	names       = lanyard.Permissions()[len(lanyard.Permissions())-Names:]
	countries   = []string{"FR", "DE", "US", "UK"}
	departments = []string{"Sales", "Support", "Claims"}
	modified    = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	// labels are all sets of tags of users and queues. Sharing them keeps large worlds small.
	labels = func() (all []map[string]string) {
		for _, c := range countries {
			for _, d := range departments {
				all = append(all, map[string]string{"Country": c, "Department": d})
			}
		}
		return all
	}()
)

// What a random number generator is for, so that each thing has its own.
const (
	forGroups = iota + 1
	forProfiles
	forQueues
	forUsers
	forQuestions
)

func random(purpose, i int) *rand.Rand { return rand.New(rand.NewPCG(uint64(purpose), uint64(i))) }

// id looks like a UUID and is always the same for a thing.
func id(purpose, i int) string {
	r := rand.NewPCG(uint64(purpose)<<8, uint64(i))
	a, b := r.Uint64(), r.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", a>>32, a>>16&0xffff, a&0xfff, b>>48&0xfff, b&(1<<48-1))
}

// NewWorld makes an instance with so many users, and so many questions.
func NewWorld(users, questions int) *World {
	w := &World{Users: users}
	w.addGroups()
	for i := range Profiles {
		w.Profiles = append(w.Profiles, w.profile(i))
	}
	for i := range queues {
		w.Queues = append(w.Queues,
			&lanyard.Queue{Meta: lanyard.Meta{ID: id(forQueues, i), Name: fmt.Sprintf("queue %d", i),
				Tags: labels[i%len(labels)], Modified: modified}})
	}
	r := random(forQuestions, users)
	for range questions {
		q := w.question(r)
		w.Questions = append(w.Questions, q)
		if q.Type == "" {
			w.Plain = append(w.Plain, q)
		}
	}
	return w
}

// addGroups makes a tree of three levels.
func (w *World) addGroups() {
	var add func(path []string, level int)
	add = func(path []string, level int) {
		for range []int{8, 4, 3}[level] {
			n := len(w.Groups)
			g := &lanyard.Group{Meta: lanyard.Meta{ID: id(forGroups, n), Name: fmt.Sprintf("group %d", n), Modified: modified}}
			g.Path = append(slices.Clone(path), g.ID)
			w.Groups = append(w.Groups, g)
			if level < 2 {
				add(g.Path, level+1)
			}
		}
	}
	add(nil, 0)
}

// restrictable are the names of which every profile holds about half, so that questions about
// resources meet with both answers.
func restrictable(name string) bool {
	return strings.HasPrefix(name, "Users.") || strings.HasPrefix(name, "Queues.")
}

// profile makes a profile; five of eight are restricted, each in one of five ways.
func (w *World) profile(i int) *lanyard.Profile {
	r := random(forProfiles, i)
	p := &lanyard.Profile{Meta: lanyard.Meta{ID: id(forProfiles, i), Name: fmt.Sprintf("profile %d", i),
		Modified: modified}}
	for _, j := range r.Perm(Names) {
		if name := names[j].Name; restrictable(name) && r.IntN(2) == 0 {
			p.Permissions = append(p.Permissions, name)
		}
	}
	for _, j := range r.Perm(Names) {
		if name := names[j].Name; len(p.Permissions) < Permissions && !restrictable(name) {
			p.Permissions = append(p.Permissions, name)
		}
	}
	p.Permissions = lanyard.SortPermissions(p.Permissions)
	group := w.Groups[r.IntN(len(w.Groups))].Path[0]
	switch i % 8 {
	case 0:
		p.AccessTags, p.TagRestricted = map[string]string{"Country": countries[r.IntN(len(countries))]},
			[]string{access.TypeUser, access.TypeQueue}
	case 1:
		p.AccessTags, p.TagRestricted = labels[r.IntN(len(labels))], []string{access.TypeUser}
	case 2:
		p.HierarchyRestricted = []string{access.TypeUser} // the holder's own group
	case 3:
		p.HierarchyRestricted, p.HierarchyGroup = []string{access.TypeUser}, group
	case 4:
		p.AccessTags, p.TagRestricted = map[string]string{"Department": departments[r.IntN(len(departments))]},
			[]string{access.TypeUser, access.TypeQueue}
		p.HierarchyRestricted, p.HierarchyGroup = []string{access.TypeUser}, group
	}
	return p
}

// User makes the i-th user, who holds one to three profiles.
func (w *World) User(i int) *lanyard.User {
	r := random(forUsers, i)
	u := &lanyard.User{Meta: lanyard.Meta{ID: id(forUsers, i), Name: userName(i), Tags: labels[r.IntN(len(labels))],
		Modified: modified}}
	for n := 1 + r.IntN(3); len(u.Profiles) < n; {
		if p := w.Profiles[r.IntN(len(w.Profiles))].ID; !slices.Contains(u.Profiles, p) {
			u.Profiles = append(u.Profiles, p)
		}
	}
	if r.IntN(20) > 0 {
		u.Group = w.Groups[r.IntN(len(w.Groups))].ID
	}
	return u
}

func userName(i int) string { return fmt.Sprintf("user.%d@example.com", i) }

// question makes one of three kinds: about a user (half of them), a queue, or nothing.
func (w *World) question(r *rand.Rand) Question {
	q := Question{User: id(forUsers, r.IntN(w.Users))}
	of := func(prefix string) string {
		for {
			if name := names[r.IntN(Names)].Name; strings.HasPrefix(name, prefix) {
				return name
			}
		}
	}
	switch r.IntN(4) {
	case 0, 1:
		q.Action, q.Type, q.Resource = of("Users."), access.TypeUser, id(forUsers, r.IntN(w.Users))
	case 2:
		q.Action, q.Type, q.Resource = of("Queues."), access.TypeQueue, id(forQueues, r.IntN(queues))
	default:
		q.Action = of("")
	}
	// A caller's strings are its own, not those that the engine keeps.
	q.Action = strings.Clone(q.Action)
	return q
}

// ByName returns the questions with user names in place of user ids.
func (w *World) ByName() []Question {
	name := make(map[string]string, w.Users)
	for i := range w.Users {
		name[id(forUsers, i)] = userName(i)
	}
	all := slices.Clone(w.Questions)
	for i := range all {
		all[i].User = strings.Clone(name[all[i].User])
		if all[i].Type == access.TypeUser {
			all[i].Resource = strings.Clone(name[all[i].Resource])
		}
	}
	return all
}

package peer

import (
	"slices"

	"github.com/lanyard/lanyard/access"
)

// Bare is the least that answers the questions: users, queues and permissions looked up by name in
// maps, permissions as bits, tags and groups as numbers. It serves no other purpose: it cannot be
// changed, gives no reasons, knows no other types and trusts that what is asked fits together.
type Bare struct {
	questions   []Question
	permissions map[string]uint16
	users       map[string]uint32 // place in people
	queues      map[string]uint32 // place in labels
	people      []person
	labels      [][2]uint16
	profiles    []bareProfile
	paths       [][3]uint16 // of each group, itself and those above it; the first stands for no group
}

// person is small on purpose: a million of them are cold.
type person struct {
	profiles [3]uint16 // number+1
	group    uint16
	labels   [2]uint16
}

type bareProfile struct {
	permissions [5]uint64
	users       bool // tags restrict users
	queues      bool
	own         bool // users of the holder's group or below
	group       uint16
	labels      [2]uint16
}

// NewBare compiles a world and is asked these questions, which have user names when byName is set.
func NewBare(w *World, questions []Question, byName bool) *Bare {
	b := &Bare{questions: questions, permissions: map[string]uint16{}, users: make(map[string]uint32, w.Users),
		queues: map[string]uint32{}, paths: make([][3]uint16, 1)}
	for i, p := range names {
		b.permissions[p.Name] = uint16(i)
	}
	groups := map[string]uint16{}
	for i, g := range w.Groups {
		groups[g.ID] = uint16(i + 1)
		var path [3]uint16
		for j, id := range g.Path {
			path[j] = groups[id]
		}
		b.paths = append(b.paths, path)
	}
	tags := map[[2]string]uint16{}
	label := func(m map[string]string) (l [2]uint16) {
		i := 0
		for k, v := range m {
			t := [2]string{k, v}
			if tags[t] == 0 {
				tags[t] = uint16(len(tags) + 1)
			}
			l[i] = tags[t]
			i++
		}
		return l
	}
	profiles := map[string]uint16{}
	for i, p := range w.Profiles {
		profiles[p.ID] = uint16(i + 1)
		c := bareProfile{labels: label(p.AccessTags), group: groups[p.HierarchyGroup], own: len(p.HierarchyRestricted) > 0 &&
			p.HierarchyGroup == "",
			users: slices.Contains(p.TagRestricted, access.TypeUser), queues: slices.Contains(p.TagRestricted, access.TypeQueue)}
		for _, name := range p.Permissions {
			n := b.permissions[name]
			c.permissions[n/64] |= 1 << (n % 64)
		}
		b.profiles = append(b.profiles, c)
	}
	for i, q := range w.Queues {
		b.queues[q.ID] = uint32(i)
		b.labels = append(b.labels, label(q.Tags))
	}
	b.people = make([]person, w.Users)
	for i := range b.people {
		u := w.User(i)
		p := &b.people[i]
		p.group, p.labels = groups[u.Group], label(u.Tags)
		for j, id := range u.Profiles {
			p.profiles[j] = profiles[id]
		}
		key := u.ID
		if byName {
			key = u.Name
		}
		b.users[key] = uint32(i)
	}
	return b
}

// Allowed answers one question.
func (b *Bare) Allowed(i int) (bool, error) { return b.Ask(&b.questions[i]), nil }

// Ask answers any question.
func (b *Bare) Ask(q *Question) bool {
	at, ok := b.users[q.User]
	if !ok {
		return false
	}
	permission, ok := b.permissions[q.Action]
	if !ok {
		return false
	}
	subject := &b.people[at]
	var target target
	if !b.find(q, &target) {
		return false
	}
	for _, n := range subject.profiles {
		if n == 0 {
			return false
		}
		p := &b.profiles[n-1]
		if p.permissions[permission/64]>>(permission%64)&1 != 0 && b.meets(p, subject, &target) {
			return true
		}
	}
	return false
}

// target is what a question is about.
type target struct {
	user, queue bool
	labels      [2]uint16
	path        *[3]uint16
}

func (b *Bare) find(q *Question, t *target) bool {
	switch q.Type {
	case access.TypeUser:
		at, ok := b.users[q.Resource]
		if !ok {
			return false
		}
		u := &b.people[at]
		t.user, t.labels, t.path = true, u.labels, &b.paths[u.group]
	case access.TypeQueue:
		at, ok := b.queues[q.Resource]
		if !ok {
			return false
		}
		t.queue, t.labels = true, b.labels[at]
	}
	return true
}

func (b *Bare) meets(p *bareProfile, subject *person, t *target) bool {
	if t.user && p.users || t.queue && p.queues {
		for _, want := range p.labels {
			if want != 0 && want != t.labels[0] && want != t.labels[1] {
				return false
			}
		}
	}
	if t.user && (p.own || p.group != 0) {
		top := p.group
		if p.own {
			top = subject.group
		}
		return top != 0 && (t.path[0] == top || t.path[1] == top || t.path[2] == top)
	}
	return true
}

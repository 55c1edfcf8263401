package peer

import (
	"bytes"
	"context"
	"crypto/ed25519"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"testing/fstest"
	"time"

	"github.com/open-policy-agent/opa/v1/bundle"
	"github.com/open-policy-agent/opa/v1/compile"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/subject"
)

// A Subject is one user of a World as each engine in WebAssembly is given them, and what it is asked. All are asked
// by the same texts, know the tags of queues, and are told those of users.
type Subject struct {
	Snapshot string         // lanyard's
	Data     map[string]any // OPA's
	Policies string         // Cedar's
	Asked    []Asked
}

// Asked is a question about a Subject, as each engine takes it, and the answer.
type Asked struct {
	Lanyard, OPA, Cedar map[string]any
	Answer              bool
}

// Subjects are some users of a world, each of whom asks as many questions, and the key of their snapshots.
func (w *World) Subjects(users, questions int) ([]Subject, subject.KeySet, error) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))
	keys := subject.KeySet{Keys: []subject.PublicKey{subject.Publish(key)}}
	s := NewLanyard(w, nil).Snapshot
	m := newScribe(w)
	var all []Subject
	for i := range users {
		u := w.User(i)
		rights, ok := s.RightsOf(access.Subject{ID: u.ID})
		if !ok {
			return nil, keys, fmt.Errorf("user %s has no rights", u.ID)
		}
		now := time.Now()
		claims := subject.Claims{Issued: now.Unix(), Expires: now.Add(time.Hour).Unix(), Rights: rights}
		text, err := subject.Sign(key, &claims)
		if err != nil {
			return nil, keys, err
		}
		one := Subject{Snapshot: string(text), Data: m.opaData(u), Policies: m.cedarPolicies(u)}
		for j := i * questions; len(one.Asked) < questions; j++ {
			q := w.Questions[j%len(w.Questions)]
			q.User = u.ID
			query := q.query()
			view := query
			if view.Action = "Queues.View"; q.Type == access.TypeQueue && !s.Decide(&view).Allow {
				continue // a snapshot has nothing of what its subject may not view
			}
			one.Asked = append(one.Asked, m.ask(&q, s.Decide(&query).Allow))
		}
		all = append(all, one)
	}
	return all, keys, nil
}

// A scribe writes a world down for the engines.
type scribe struct {
	w        *World
	profiles map[string]*lanyard.Profile
	paths    map[string][]string
	users    map[string]*lanyard.User
	queues   map[string]map[string]string // tags
}

func newScribe(w *World) *scribe {
	m := &scribe{w, map[string]*lanyard.Profile{}, map[string][]string{}, map[string]*lanyard.User{},
		map[string]map[string]string{}}
	for _, p := range w.Profiles {
		m.profiles[p.ID] = p
	}
	for _, g := range w.Groups {
		m.paths[g.ID] = g.Path
	}
	for i := range w.Users {
		u := w.User(i)
		m.users[u.ID] = u
	}
	for _, q := range w.Queues {
		m.queues[q.ID] = q.Tags
	}
	return m
}

// opaData has the profiles of a user, whose own group is in them where it decides, and the tags of all queues.
func (m *scribe) opaData(u *lanyard.User) map[string]any {
	set := func(members []string) map[string]any {
		out := map[string]any{}
		for _, s := range members {
			out[s] = true
		}
		return out
	}
	var profiles []any
	for _, id := range u.Profiles {
		p := m.profiles[id]
		o := map[string]any{"permissions": set(p.Permissions), "restricted": set(p.TagRestricted), "tags": p.AccessTags}
		if group, restricted := groupOf(p, u); restricted {
			o["group"] = group
		}
		profiles = append(profiles, o)
	}
	return map[string]any{"profiles": profiles, "queues": m.queues}
}

// groupOf is the group to which the hierarchy restricts a profile in the hands of a user; "" for nobody's.
func groupOf(p *lanyard.Profile, u *lanyard.User) (group string, restricted bool) {
	if len(p.HierarchyRestricted) == 0 {
		return "", false
	}
	if p.HierarchyGroup == "" {
		return u.Group, true
	}
	return p.HierarchyGroup, true
}

// cedarPolicies are a policy for each profile of a user, with the user's own group where it decides. What is in a
// policy need not be sent with each question, which takes most of the time.
func (m *scribe) cedarPolicies(u *lanyard.User) string {
	var b strings.Builder
	for _, id := range u.Profiles {
		p := *m.profiles[id]
		b.WriteString("permit (principal, action in [")
		for i, name := range p.Permissions {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(&b, "Action::%q", name)
		}
		if group, restricted := groupOf(&p, u); restricted {
			p.HierarchyGroup = group + " " // no group has the name of a user in none
			if group != "" {
				p.HierarchyGroup = group
			}
		}
		fmt.Fprintf(&b, "], resource)\nwhen { true%s };\n", cedarCondition(&p))
	}
	return b.String()
}

// ask writes a question for each engine.
func (m *scribe) ask(q *Question, answer bool) Asked {
	resource := map[string]any{}
	opa := map[string]any{"action": q.Action, "type": q.Type, "resource": q.Resource}
	entity := map[string]any{"type": q.Type, "id": q.Resource}
	attributes, tags := map[string]any{}, map[string]string{}
	switch q.Type {
	case access.TypeUser:
		u := m.users[q.Resource]
		tags = u.Tags
		groups, refs := map[string]any{}, []any{}
		for _, g := range m.paths[u.Group] {
			groups[g] = true
			refs = append(refs, map[string]any{"__entity": map[string]any{"type": "Group", "id": g}})
		}
		resource = map[string]any{"type": q.Type, "id": q.Resource, "tags": tags,
			"group": strings.Join(m.paths[u.Group], "/")} // the subject's snapshot has no groups that it may not view
		opa["tags"], opa["groups"], attributes["groups"] = tags, groups, refs
	case access.TypeQueue:
		tags = m.queues[q.Resource]
		resource = map[string]any{"type": q.Type, "id": q.Resource}
	default:
		entity = map[string]any{"type": "Instance", "id": Instance}
	}
	return Asked{
		Lanyard: map[string]any{"action": q.Action, "resource": resource}, OPA: opa, Answer: answer,
		Cedar: map[string]any{"principal": map[string]any{"type": "User", "id": q.User},
			"action": map[string]any{"type": "Action", "id": q.Action}, "resource": entity, "context": map[string]any{},
			"entities": []any{map[string]any{"uid": entity, "attrs": attributes, "parents": []any{}, "tags": tags}}},
	}
}

// subjectRego is the policy that OPA is given about one subject.
//
//go:embed subject.rego
var subjectRego string

// SubjectWASM returns the policy about one subject, compiled by OPA to WebAssembly.
func SubjectWASM() ([]byte, error) {
	var out bytes.Buffer
	files := fstest.MapFS{"subject.rego": {Data: []byte(subjectRego)}}
	if err := compile.New().WithTarget(compile.TargetWasm).WithEntrypoints("subject/allow").WithFS(files).
		WithPaths("subject.rego").WithOutput(&out).Build(context.Background()); err != nil {
		return nil, fmt.Errorf("compile the policy to WebAssembly: %w", err)
	}
	b, err := bundle.NewReader(&out).Read()
	if err != nil {
		return nil, err
	}
	if len(b.WasmModules) != 1 {
		return nil, fmt.Errorf("OPA made %d modules, want 1", len(b.WasmModules))
	}
	return b.WasmModules[0].Raw, nil
}

// WriteSubjects encodes what the program that asks in WebAssembly reads.
func WriteSubjects(subjects []Subject, keys subject.KeySet) ([]byte, error) {
	return json.Marshal(map[string]any{"keys": keys, "subjects": subjects})
}

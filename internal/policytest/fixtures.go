package policytest

import (
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
	"go.yaml.in/yaml/v4"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/typo"
)

// Fixtures are resources that a file describes, in the order of the file.
type fixtures struct {
	groups, profiles, users, agents []fixture
	tagged                          []fixture
}

// A fixture is one of them. What its type does not have is empty.
type fixture struct {
	t        lanyard.Type
	name     text
	tags     map[string]string
	profiles []text // of a user or an AI agent
	group    text
	profile  *profileFixture
}

// A profileFixture is what a security profile has in addition.
type profileFixture struct {
	permissions, restricted, hierarchy []text
	accessTags                         map[string]string
	group                              text
	applications                       []lanyard.Application
	modules                            []text
	agents                             []text
	rows                               []lanyard.AttributeRule
}

// fixtures reads the fixtures of a file or test.
func (r *reader) fixtures(n *yaml.Node, depth int) *fixtures {
	f := &fixtures{}
	fields := r.fields(n, depth, fixturesShape)
	for _, kind := range []struct {
		key  string
		t    lanyard.Type
		s    *shape
		list *[]fixture
	}{
		{"hierarchy-groups", lanyard.TypeGroup, taggedShape, &f.groups},
		{"profiles", lanyard.TypeProfile, profileShape, &f.profiles},
		{"users", lanyard.TypeUser, userShape, &f.users},
		{"ai-agents", lanyard.TypeAIAgent, agentShape, &f.agents},
	} {
		if fields[kind.key] != nil {
			*kind.list = r.fixturesOf(fields[kind.key], depth+1, kind.key, kind.t, kind.s)
		}
	}
	for _, kind := range taggedKinds {
		if fields[kind.key] != nil {
			f.tagged = append(f.tagged, r.fixturesOf(fields[kind.key], depth+1, kind.key, kind.t, taggedShape)...)
		}
	}
	if n := len(f.groups) + len(f.profiles) + len(f.users) + len(f.agents) + len(f.tagged); n > maxFixtures {
		r.stop(fields[slices.Sorted(maps.Keys(fields))[0]], "there must be at most %d fixtures, got %d", maxFixtures, n)
	}
	return f
}

// fixturesOf reads the fixtures of one type. One without a value has nothing but its name.
func (r *reader) fixturesOf(n *yaml.Node, depth int, key string, t lanyard.Type, s *shape) (all []fixture) {
	n, ok := r.resolve(n, depth)
	if !ok {
		return nil
	}
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 { // mapping leaves out what has no value
			if name, value := n.Content[i], n.Content[i+1]; isNull(value) && name.Kind == yaml.ScalarNode {
				all = append(all, fixture{t: t, name: text{name.Value, r.at(name)}, profile: new(profileFixture)})
			}
		}
	}
	for _, m := range r.mapping(n, depth, key) {
		all = append(all, r.fixture(m, depth+1, t, s))
	}
	return all
}

func (r *reader) fixture(m member, depth int, t lanyard.Type, s *shape) fixture {
	one := fixture{t: t, name: m.key, profile: new(profileFixture)}
	fields := r.fields(m.value, depth, s)
	if n := fields["tags"]; n != nil {
		one.tags = r.pairs(n, depth+1, "tags")
	}
	if n := fields["profiles"]; n != nil {
		one.profiles = r.texts(n, depth+1, "profiles")
	}
	if n := fields["group"]; n != nil {
		one.group, _ = r.text(n, depth+1, "group")
	}
	if t == lanyard.TypeProfile {
		one.profile = r.profileFixture(fields, depth+1)
	}
	return one
}

func (r *reader) profileFixture(fields map[string]*yaml.Node, depth int) *profileFixture {
	p := &profileFixture{}
	for key, list := range map[string]*[]text{"permissions": &p.permissions, "tag-restricted-resources": &p.restricted,
		"hierarchy-restricted-resources": &p.hierarchy, "allowed-flow-modules": &p.modules,
		"allowed-ai-agents": &p.agents} {
		if fields[key] != nil {
			*list = r.texts(fields[key], depth, key)
		}
	}
	if n := fields["allowed-access-control-tags"]; n != nil {
		p.accessTags = r.pairs(n, depth, "allowed-access-control-tags")
	}
	if n := fields["allowed-access-control-hierarchy-group"]; n != nil {
		p.group, _ = r.text(n, depth, "allowed-access-control-hierarchy-group")
	}
	if n := fields["applications"]; n != nil {
		for _, item := range r.items(n, depth) {
			p.applications = append(p.applications, r.application(item, depth+1))
		}
	}
	if n := fields["data-table-rows"]; n != nil {
		for _, m := range r.mapping(n, depth, "data-table-rows") {
			rule := lanyard.AttributeRule{Attribute: m.key.value,
				Values: values(r.texts(m.value, depth+1, "data-table-rows."+clip(m.key.value)))}
			p.rows = append(p.rows, rule)
		}
	}
	return p
}

func (r *reader) application(n *yaml.Node, depth int) lanyard.Application {
	fields := r.fields(n, depth, applicationShape)
	app := lanyard.Application{Type: lanyard.ApplicationThirdParty}
	if v := fields["namespace"]; v != nil {
		t, _ := r.text(v, depth+1, "namespace")
		app.Namespace = t.value
	}
	if v := fields["type"]; v != nil {
		t, _ := r.oneOf(v, depth+1, "type", []string{lanyard.ApplicationThirdParty, lanyard.ApplicationMCP})
		app.Type = t.value
	}
	if v := fields["permissions"]; v != nil {
		app.Permissions = values(r.texts(v, depth+1, "permissions"))
	}
	for _, key := range applicationShape.required {
		if fields[key] == nil && n.Kind == yaml.MappingNode {
			r.report(r.at(n), "%s is required", key)
		}
	}
	return app
}

func values(list []text) []string {
	out := make([]string, len(list))
	for i, t := range list {
		out[i] = t.value
	}
	return out
}

// fixtureSpace makes the ids of fixtures, which are the same in every run.
var fixtureSpace = uuid.MustParse("6a0d2a4e-6f3b-5c1d-9a7e-3b1f0c2d4e5f")

func fixtureID(t lanyard.Type, name string) string {
	return uuid.NewSHA1(fixtureSpace, []byte(string(t)+"/"+name)).String()
}

// apply adds fixtures to the world: first what others refer to.
func (w *world) apply(f *fixtures) {
	if f == nil {
		return
	}
	for _, one := range f.groups {
		w.putGroup(one)
	}
	for _, one := range f.tagged {
		w.putTagged(one)
	}
	for _, one := range f.profiles {
		w.putProfile(one)
	}
	for _, list := range [][]fixture{f.users, f.agents} {
		for _, one := range list {
			w.putHolder(one)
		}
	}
}

// meta is the head of a fixture: that of the resource that it replaces, if there is one.
func (w *world) meta(f fixture) lanyard.Meta {
	m := lanyard.Meta{ID: fixtureID(f.t, f.name.value), Name: f.name.value, Tags: f.tags}
	found := w.snapshot.Lookup(f.t.DecisionName(), f.name.value)
	switch {
	case len(found) == 1:
		m.ID, m.Name, m.Seq = found[0].ID, found[0].Name, found[0].Seq
	case len(found) == 0 && lanyard.IsID(f.name.value):
		w.report(f.name.at, "%s %q does not exist; a fixture that is added is called by a name, not an id", f.t.Word(),
			f.name.value)
	}
	return m
}

func (w *world) putTagged(f fixture) {
	r := lanyard.New(f.t)
	*r.Head() = w.meta(f)
	w.put(r)
}

// putGroup adds a group and the groups above it that are missing.
func (w *world) putGroup(f fixture) {
	names := strings.Split(f.name.value, "/")
	if len(names) > lanyard.MaxLevels || slices.Contains(names, "") {
		w.report(f.name.at, "a hierarchy group must be the names of 1 to %d groups from the top, joined by /, got %q",
			lanyard.MaxLevels, clip(f.name.value))
		return
	}
	var path []string
	for i, name := range names {
		full := strings.Join(names[:i+1], "/")
		id, exists := w.groups[full]
		if !exists {
			id = fixtureID(lanyard.TypeGroup, full)
		}
		path = append(path, id)
		last := i == len(names)-1
		if exists && !last {
			continue
		}
		g := &lanyard.Group{Meta: lanyard.Meta{ID: id, Name: name}, Path: slices.Clone(path)}
		if last {
			g.Tags = f.tags
		}
		w.groups[full] = id
		w.put(g)
	}
}

func (w *world) putProfile(f fixture) {
	p := f.profile
	out := &lanyard.Profile{Meta: w.meta(f), Permissions: lanyard.SortPermissions(values(p.permissions)),
		AccessTags: p.accessTags, TagRestricted: values(p.restricted), HierarchyRestricted: values(p.hierarchy),
		Applications: p.applications, DataTables: p.rows}
	for _, t := range p.permissions {
		if _, known := lanyard.LookupPermission(t.value); !known {
			w.report(t.at, "permission %q does not exist%s", clip(t.value), typo.DidYouMean(t.value, permissionNames()))
		}
	}
	for _, t := range p.restricted {
		if _, known := lanyard.RestrictedType(t.value); !known {
			w.report(t.at, "tag-restricted-resources must be among %s, got %q", lanyard.RestrictableNames(), clip(t.value))
		}
	}
	for _, t := range p.hierarchy {
		if t.value != lanyard.HierarchyRestrictable {
			w.report(t.at, "hierarchy-restricted-resources must be %s, got %q", lanyard.HierarchyRestrictable, clip(t.value))
		}
	}
	if p.group.value != "" {
		out.HierarchyGroup = w.group(p.group)
	}
	for _, t := range p.modules {
		out.FlowModules = append(out.FlowModules, lanyard.FlowModule{ID: w.find(lanyard.TypeModule, t)})
	}
	for _, t := range p.agents {
		out.AIAgents = append(out.AIAgents, lanyard.AllowedAIAgent{ARN: t.value})
	}
	w.profiles[out.ID] = out
	w.put(out)
}

// putHolder adds a user or an AI agent.
func (w *world) putHolder(f fixture) {
	var profiles []string
	for _, t := range f.profiles {
		if id := w.find(lanyard.TypeProfile, t); id != "" {
			profiles = append(profiles, id)
		}
	}
	if f.t == lanyard.TypeAIAgent {
		w.put(&lanyard.AIAgent{Meta: lanyard.Meta{ID: f.name.value}, Profiles: profiles})
		return
	}
	u := &lanyard.User{Meta: w.meta(f), Profiles: profiles}
	if f.group.value != "" {
		u.Group = w.group(f.group)
	}
	w.put(u)
}

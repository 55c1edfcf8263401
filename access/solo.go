package access

import (
	"maps"
	"strings"

	"github.com/lanyard/lanyard"
)

// A Solo decides for one subject, by the rights of that subject alone. It is a Snapshot of an instance in which there
// is nothing else, so the rules are those of Snapshot.Decide.
//
// Of the resources that lanyard stores it knows only some, so it decides about one in one of three ways:
//
//   - No profile of the subject restricts the type: the answer is the same for every resource, and that the resource
//     exists is assumed.
//   - The rights list the type: a resource that is not listed is decided as one that carries no tags.
//   - Else, and always of users and security profiles that are restricted: the query must have the Tags, of a user also
//     the Group. Without any, the answer is UnknownResource.
//
// Tags and Group of a query count for nothing of a type that is listed, unless the resource is New.
//
// A Group that the subject may not view is not known either. So Group may be the path to the group instead, ids from
// the highest group down with slashes between them: the lowest that is known decides.
type Solo struct {
	snapshot *Snapshot
	subject  Subject
	self     map[string]bool // ids and names of the holders
	listed   map[kind]map[string]bool
	modules  map[string]bool // that a profile lists as tools, whether or not they exist
	types    typeSet         // that a profile restricts
}

// Compile returns what decides by r. It fails when r is not what RightsOf returns.
func (r *Rights) Compile() (*Solo, error) {
	if len(r.Holders) == 0 || len(r.Holders) > 2 || len(r.Holders) == 2 && (!r.Holders[0].Agent || r.Holders[1].Agent) {
		return nil, lanyard.Errorf(lanyard.Invalid, "Holders must be a user, or an AI agent and at most one user")
	}
	s, err := New(&lanyard.Instance{Meta: lanyard.Meta{ID: r.Instance}}, r.resources()...)
	if err != nil {
		return nil, err
	}
	s.revision = r.Revision
	solo := &Solo{snapshot: s, self: map[string]bool{}, listed: map[kind]map[string]bool{},
		modules: map[string]bool{}}
	for i, h := range r.Holders {
		solo.self[h.ID] = !h.Agent
		solo.self[h.Name] = !h.Agent && !lanyard.IsID(h.Name)
		if i > 0 {
			solo.subject.Human = h.ID
			continue
		}
		solo.subject.ID = h.ID
		if h.Agent {
			solo.subject.Type = AIAgent
		}
	}
	delete(solo.self, "")
	for name, list := range r.Listed {
		ids := map[string]bool{}
		for _, e := range list {
			ids[e.ID] = true
		}
		solo.listed[stored[typeOf(name)]] = ids
	}
	for _, p := range r.Profiles {
		_, e := s.findByID(kindProfile, p.ID)
		e.prof().warnings = p.Warnings
		for _, id := range p.Modules {
			solo.modules[id] = true
		}
		solo.types |= e.prof().types | e.prof().scopes
	}
	return solo, nil
}

// resources are what r is about as resources of an instance.
func (r *Rights) resources() (all []lanyard.Resource) {
	listed := map[lanyard.Ref]bool{}
	groupTags := map[string]map[string]string{}
	for name, list := range r.Listed {
		t, ok := lanyard.StoredType(name)
		for _, e := range list {
			if t == lanyard.TypeGroup {
				groupTags[e.ID] = e.Tags
			}
			if !ok || t == lanyard.TypeGroup || listed[lanyard.Ref{Type: t, ID: e.ID}] {
				continue
			}
			listed[lanyard.Ref{Type: t, ID: e.ID}] = true
			one := lanyard.New(t)
			one.Head().ID, one.Head().Tags = e.ID, e.Tags
			all = append(all, one)
		}
	}
	for _, path := range r.Groups {
		if len(path) > 0 {
			id := path[len(path)-1]
			all = append(all, &lanyard.Group{Meta: lanyard.Meta{ID: id, Tags: groupTags[id]}, Path: path})
			delete(groupTags, id)
		}
	}
	for id, tags := range groupTags {
		all = append(all, &lanyard.Group{Meta: lanyard.Meta{ID: id, Tags: tags}, Path: []string{id}})
	}
	for _, id := range r.Modules {
		if !listed[lanyard.Ref{Type: lanyard.TypeModule, ID: id}] {
			all = append(all, &lanyard.Module{Meta: lanyard.Meta{ID: id}})
		}
	}
	for i := range r.Profiles {
		all = append(all, r.Profiles[i].resource())
	}
	for _, h := range r.Holders {
		meta := lanyard.Meta{ID: h.ID, Name: h.Name, Tags: h.Tags}
		if h.Agent {
			all = append(all, &lanyard.AIAgent{Meta: meta, Profiles: h.Profiles})
		} else {
			all = append(all, &lanyard.User{Meta: meta, Profiles: h.Profiles, Group: h.Group})
		}
	}
	return all
}

// resource is h as a security profile that compiles to the same.
func (h *RightsProfile) resource() *lanyard.Profile {
	p := &lanyard.Profile{Meta: lanyard.Meta{ID: h.ID, Name: h.Name}, Permissions: h.Permissions, AccessTags: h.Tags,
		TagRestricted: h.TagRestricted, Applications: h.Applications, DataTables: h.Rows}
	for _, id := range h.Modules {
		p.FlowModules = append(p.FlowModules, lanyard.FlowModule{ID: id})
	}
	for _, arn := range h.Agents {
		p.AIAgents = append(p.AIAgents, lanyard.AllowedAIAgent{ARN: arn})
	}
	if h.Hierarchy == "" {
		return p
	}
	p.HierarchyRestricted = []string{lanyard.HierarchyRestrictable}
	if h.Unnamed {
		p.HierarchyRestricted = append(p.HierarchyRestricted, anyUnnamed)
	}
	if h.Hierarchy != ownGroup {
		p.HierarchyGroup = h.Group
	}
	return p
}

// Subject returns whom o decides for, by id.
func (o *Solo) Subject() Subject { return o.subject }

// Revision returns the revision of the instance at which the rights were what they are.
func (o *Solo) Revision() int64 { return o.snapshot.revision }

// Decide answers a query for the subject of o, whatever its own Subject is, as Snapshot.Decide does.
func (o *Solo) Decide(q *Query) Decision {
	own, reason := o.own(q)
	if reason != Granted {
		return Decision{Reason: reason}
	}
	return o.snapshot.Decide(&own)
}

// Explain returns what Decide does and says why.
func (o *Solo) Explain(q *Query) Explanation {
	own, reason := o.own(q)
	if reason == Granted {
		return o.snapshot.Explain(&own)
	}
	x := Explanation{Decision: Decision{Reason: reason}}
	if x.Sentence = x.sentence(&own); reason == UnknownResource {
		x.Hints = []string{own.Resource.Type + " " + lanyard.Quote(own.Resource.ID) + " is restricted for the subject and not " +
			"listed in its rights: Tags is required to decide about it, and of a user the hierarchy group"}
	}
	return x
}

// own returns q for the subject of o, and Granted or why it is denied: what it asks about is neither known to o nor
// described by q.
func (o *Solo) own(q *Query) (own Query, reason Reason) {
	own = *q
	own.Subject = o.subject
	if strings.Contains(own.Resource.Group, "/") {
		own.Resource.Group = o.lowest(own.Resource.Group)
	}
	var a ask
	if a.readQuery(o.snapshot, &own) != Granted || a.stored == 0 || own.Resource.ID == "" {
		return own, Granted // the resource decides nothing, or counts as it is described
	}
	if a.what == aModule { // whether a module exists that no profile lists is not known
		if !o.modules[own.Resource.ID] {
			return own, NotGranted
		}
		return own, Granted
	}
	ids, listed := o.listed[a.stored]
	switch r := &own.Resource; {
	case a.stored == kindUser && o.self[r.ID], ids[r.ID]:
		return own, Granted
	case listed, !o.types.has(a.t):
		r.Tags, r.Group = nil, ""
	case r.Tags == nil && r.Group == "":
		return own, UnknownResource
	}
	own.Resource.New = true
	return own, Granted
}

// lowest returns the last group of a path that is known; "/", which no group is, for none.
func (o *Solo) lowest(path string) string {
	for path != "" {
		i := strings.LastIndexByte(path, '/')
		if _, g := o.snapshot.findByID(kindGroup, path[i+1:]); g != nil {
			return path[i+1:]
		}
		path = path[:max(i, 0)]
	}
	return "/"
}

// A keySet has the keys of tags, in any case.
type keySet map[string]bool

func (s keySet) add(key string) { s[strings.ToLower(key)] = true }

// of returns the tags of an entity that have a key of s.
func (s keySet) of(e *entity) map[string]string {
	var tags map[string]string
	for _, t := range e.allTags() {
		if p := t.Value(); s[strings.ToLower(p.key)] {
			if tags == nil {
				tags = map[string]string{}
			}
			maps.Copy(tags, map[string]string{p.key: p.value})
		}
	}
	return tags
}

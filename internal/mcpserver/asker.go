package mcpserver

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/questions"
	"github.com/lanyard/lanyard/internal/typo"
)

// An asker answers one call of a tool.
type asker struct {
	s      *Server
	p      Principal
	viewer questions.Viewer
	in     *lanyard.Instance // nil for tools that are about none
	view   questions.View    // of in
	done   func()
}

// withoutInstance are the tools that are about no one instance.
var withoutInstance = []string{"list_instances", "find_permissions"}

// ask returns who answers a call of a tool about an instance. Its done must be called.
func (s *Server) ask(ctx context.Context, ref string, t tool) (*asker, error) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	if !ok {
		return nil, errors.New("a tool was called without a principal")
	}
	a := &asker{s: s, p: p, done: func() {},
		viewer: questions.Viewer{Caller: lanyard.Caller{Account: p.Account, UserAgent: "lanyard mcp"}, User: p.User}}
	if slices.Contains(withoutInstance, t.name) {
		return a, nil
	}
	if err := a.enter(ctx, ref); err != nil {
		return nil, err
	}
	if t.slow {
		select {
		case s.slow <- struct{}{}:
			a.done = func() { <-s.slow }
		case <-ctx.Done():
			return nil, lanyard.Errorf(lanyard.Unavailable, "the server is busy with other questions about whole instances")
		}
	}
	return a, nil
}

// enter finds the instance that a tool is about, and the caller's user in it.
func (a *asker) enter(ctx context.Context, ref string) (err error) {
	if a.in, err = a.findInstance(ctx, ref); err != nil {
		return err
	}
	a.viewer.Instance = a.in.ID
	snapshot, err := a.s.Questions.Snapshot(ctx, a.viewer, 0)
	if err != nil {
		return err
	}
	a.view = questions.View{Snapshot: snapshot, Viewer: a.p.User}
	if a.p.User != "" && a.userName(a.p.User) == "" {
		return lanyard.Errorf(lanyard.Denied, "the user of the token does not exist any more")
	}
	return nil
}

// maxInstances bounds the instances of an account that are looked through.
const maxInstances = 1000

// findInstance returns the instance with an id, ARN or alias, or the only one.
func (a *asker) findInstance(ctx context.Context, ref string) (*lanyard.Instance, error) {
	id := ref
	if arn, err := lanyard.ParseARN(ref); lanyard.IsARN(ref) && err == nil {
		id = arn.Instance
	}
	if a.p.Instance != "" {
		in, err := a.s.Control.Instance(ctx, control.Call{Caller: a.viewer.Caller}, a.p.Instance)
		if err == nil && id != "" && id != in.ID && id != in.Name {
			err = lanyard.Errorf(lanyard.Denied, "instance must be %s, which the token is for, got %s", in.ID, lanyard.Quote(ref))
		}
		return in, err
	}
	var names []string
	var only *lanyard.Instance
	for page := (control.Page{Limit: 100}); ; {
		some, next, err := a.s.Control.ListInstances(ctx, control.Call{Caller: a.viewer.Caller}, page)
		if err != nil {
			return nil, err
		}
		for _, in := range some {
			if id != "" && (in.ID == id || in.Name == id) {
				return in, nil
			}
			names, only = append(names, in.Name), in
		}
		if page.After = next; next == "" || len(names) >= maxInstances {
			break
		}
	}
	switch {
	case id != "":
		near := didYouMean(typo.Nearest(id, names))
		if near == "" {
			near = "; list_instances lists those that do"
		}
		return nil, lanyard.Errorf(lanyard.NotFound, "instance %s does not exist%s", lanyard.Quote(ref), near)
	case len(names) == 0:
		return nil, lanyard.Errorf(lanyard.NotFound, "there is no instance in account %s yet", a.p.Account)
	case len(names) > 1:
		return nil, lanyard.Errorf(lanyard.Invalid, "instance is required when there are several; list_instances lists them")
	}
	return only, nil
}

func didYouMean(name string) string {
	if name == "" {
		return ""
	}
	return "; did you mean " + quote(name) + "?"
}

// userName returns the name of the user with an id, whoever may see it; "" when there is none.
func (a *asker) userName(id string) string {
	for _, f := range a.view.Lookup(access.TypeUser, id) {
		if f.ID == id {
			return f.Name
		}
	}
	return ""
}

// seenName returns the name of a resource that the viewer may see, or "".
func (a *asker) seenName(resourceType, id string) string {
	if id == "" || !a.view.Sees(resourceType, id) {
		return ""
	}
	for _, f := range a.view.Lookup(resourceType, id) {
		if f.ID == id {
			return f.Name
		}
	}
	return ""
}

// A Named is something that was found, by the id and name that it has.
type Named struct {
	ID   string `json:"id" jsonschema:"Id, or of an AI agent the ARN."`
	Name string `json:"name,omitempty" jsonschema:"Name. Left out if it has none or you may not view it."`
}

// text names it.
func (n Named) text() string {
	if n.Name == "" || n.Name == n.ID {
		return word(n.ID)
	}
	return quote(n.Name) + " (" + word(n.ID) + ")"
}

// lookup finds a resource that lanyard stores, by id, name or ARN.
func (a *asker) lookup(ctx context.Context, resourceType, ref string) (Named, error) {
	id := ref
	if questions.IsConnectARN(ref) {
		arn, err := lanyard.ParseARN(ref)
		if err != nil {
			return Named{}, lanyard.Errorf(lanyard.Invalid, "%v", err)
		}
		if !arn.MayBeOf(a.in.ID) || arn.Type.DecisionName() != resourceType {
			return Named{}, lanyard.Errorf(lanyard.Invalid, "ARN must be of a %s of instance %s, got %s", resourceType, a.in.ID,
				lanyard.Quote(ref))
		}
		id = arn.ID
	}
	if resourceType == access.TypeUser && a.view.IsViewer(id) {
		return Named{a.viewer.User, a.userName(a.viewer.User)}, nil
	}
	q := questions.Search{Page: questions.Page{Limit: 5}}
	q.Resource.Type, q.Resource.ID = resourceType, id
	found, err := a.s.Questions.Lookup(ctx, a.viewer, q)
	if err != nil {
		return Named{}, err
	}
	switch len(found.Results) {
	case 0:
		return Named{}, a.notFound(ctx, resourceType, ref)
	case 1:
		return Named{found.Results[0].ID, found.Results[0].Properties.Name}, nil
	}
	var ids []string
	for _, r := range found.Results {
		ids = append(ids, r.ID)
	}
	return Named{}, lanyard.Errorf(lanyard.Invalid, "%s is the name of several resources of type %s; give an id, such as %s",
		lanyard.Quote(ref), resourceType, strings.Join(ids, ", "))
}

// notFound says that a resource does not exist as far as the viewer may know, and which one may be meant.
func (a *asker) notFound(ctx context.Context, resourceType, ref string) error {
	near, err := a.s.Questions.Nearest(ctx, a.viewer, resourceType, ref)
	if err != nil {
		return err
	}
	hidden := ""
	if a.viewer.User != "" {
		hidden = ", or you may not view it"
	}
	if near == "" {
		near = "; find_resources finds resources by part of a name"
	} else {
		near = didYouMean(near)
	}
	return lanyard.Errorf(lanyard.NotFound, "%s %s does not exist%s%s", resourceType, lanyard.Quote(ref), hidden, near)
}

// subject finds a user, or takes the ARN of an AI agent, and the user on whose behalf it acts.
func (a *asker) subject(ctx context.Context, ref, human string) (s access.Subject, err error) {
	if lanyard.IsARN(ref) && !questions.IsConnectARN(ref) {
		s.Type, s.ID = access.AIAgent, ref
		if human != "" {
			s.Human, err = a.user(ctx, human)
		}
		return s, err
	}
	if human != "" {
		return s, lanyard.Errorf(lanyard.Invalid, "subject must be the ARN of an AI agent when on_behalf_of is given, got %s",
			lanyard.Quote(ref))
	}
	s.ID, err = a.user(ctx, ref)
	return s, err
}

// user finds a user, who keeps the name by which the answer can be read.
func (a *asker) user(ctx context.Context, ref string) (string, error) {
	found, err := a.lookup(ctx, access.TypeUser, ref)
	if err == nil && ref == found.Name {
		return ref, nil
	}
	return found.ID, err
}

// Described are the arguments that describe a resource that lanyard does not store, or one about to be created.
type Described struct {
	New            bool              `json:"new,omitzero" jsonschema:"The resource is about to be created, with these tags and this hierarchy_group."`
	Tags           map[string]string `json:"tags,omitempty" jsonschema:"Tags of a resource that lanyard does not store or that is about to be created, such as {\"Country\": \"FR\"}."`
	Attributes     map[string]string `json:"attributes,omitempty" jsonschema:"Primary attributes of a DataTableRow, by name."`
	HierarchyGroup string            `json:"hierarchy_group,omitempty" jsonschema:"Hierarchy group, by name or id, of a user about to be created or of the agent who has a contact."`
	Channel        string            `json:"channel,omitempty" jsonschema:"Channel of a Contact."`
}

var channels = []string{"VOICE", "CHAT", "TASK", "EMAIL"}

// resource finds a resource; "" stands for anything.
func (a *asker) resource(ctx context.Context, ref string, d Described) (r access.Resource, err error) {
	isDescribed := len(d.Tags) > 0 || len(d.Attributes) > 0 || d.Channel != "" || d.HierarchyGroup != ""
	if ref == "" {
		if isDescribed || d.New {
			return r, lanyard.Errorf(lanyard.Invalid, "resource is required when new, tags, attributes, hierarchy_group or channel "+
				"is given")
		}
		return r, nil
	}
	if r, err = questions.ParseResource(ref); err != nil {
		return r, lanyard.Errorf(lanyard.Invalid, "%v", strings.Replace(err.Error(), "RESOURCE must", "resource must", 1))
	}
	if arn, err := lanyard.ParseARN(ref); questions.IsConnectARN(ref) && err == nil && !arn.MayBeOf(a.in.ID) {
		return r, lanyard.Errorf(lanyard.Invalid, "resource must be of instance %s, got %s", a.in.ID, lanyard.Quote(ref))
	}
	switch stored := questions.FoundByID(r.Type); {
	case stored && !d.New && isDescribed:
		return r, lanyard.Errorf(lanyard.Invalid, "new is required when tags, attributes, hierarchy_group or channel describe a %s: "+
			"those that exist are decided about by what lanyard has stored", r.Type)
	case stored && !d.New && r.Type == access.TypeUser:
		r.ID, err = a.user(ctx, r.ID)
		return r, err
	case stored && !d.New:
		found, err := a.lookup(ctx, r.Type, r.ID)
		r.ID = found.ID
		return r, err
	case r.Type == access.TypeFlowModule:
		found, err := a.lookup(ctx, access.TypeContactFlowModule, r.ID)
		if err != nil {
			return r, err
		}
		r.ID = found.ID
	}
	r.New, r.Tags, r.Attributes, r.Channel = d.New, d.Tags, d.Attributes, d.Channel
	if d.HierarchyGroup != "" {
		found, err := a.lookup(ctx, access.TypeHierarchyGroup, d.HierarchyGroup)
		if err != nil {
			return r, err
		}
		r.Group = found.ID
	}
	return r, nil
}

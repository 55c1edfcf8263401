package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/questions"
)

// askFlags say whom to ask about which instance.
type askFlags struct {
	dataFlag   `embed:""`
	outputFlag `embed:""`
	Instance   string `help:"Instance to ask about: its id, ARN or (not with --token) alias; default: the only one."`
	Endpoint   string `help:"Ask the server at this URL, with --token; default: the server of the data folder, or the folder itself if none runs." placeholder:"URL"`
	Token      string `help:"Bearer token from lanyard token create; default: sign with the root key of the folder."`
}

const askHelp = `USER is a user's name, id or ARN, or the ARN of an AI agent. RESOURCE is TYPE/NAME, TYPE/ID or an ARN,
with a TYPE such as User, SecurityProfile, Queue, RoutingProfile, HierarchyGroup, HoursOfOperation,
ContactFlowModule, Application, FlowModule, AIAgent, Contact, DataTableRow. An id goes before a name.`

// asker asks about one instance.
type asker struct {
	decider
	instance string // its id; "" when a token tells
}

// openAsker opens the way to an instance. refs are what the command line names: an ARN among them says
// which instance is meant.
func (f *askFlags) openAsker(ctx context.Context, refs ...string) (*asker, error) {
	want, err := f.named(refs)
	if err != nil {
		return nil, err
	}
	a, err := f.connect(ctx)
	if err != nil {
		return nil, err
	}
	if f.Token == "" {
		want, err = a.findInstance(ctx, want)
	}
	if err == nil && want != "" {
		a.instance = want
		a.Select(want)
	}
	if err == nil {
		err = a.agrees(refs)
	}
	if err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// named is the instance that the command line names: an id, an alias or "".
func (f *askFlags) named(refs []string) (string, error) {
	for _, ref := range append([]string{f.Instance}, refs...) {
		if !strings.HasPrefix(ref, "arn:") || !questions.IsConnectARN(ref) {
			continue
		}
		arn, err := lanyard.ParseARN(ref)
		if err != nil {
			return "", refuse("%s", err)
		}
		if !arn.Type.Apart() && (ref == f.Instance || f.Instance == "") {
			return arn.Instance, nil
		}
	}
	return f.Instance, nil
}

// agrees refuses ARNs of other instances.
func (a *asker) agrees(refs []string) error {
	for _, ref := range refs {
		if arn, err := lanyard.ParseARN(ref); questions.IsConnectARN(ref) && err == nil && a.instance != "" &&
			!arn.MayBeOf(a.instance) {
			return refuse("%s does not belong to instance %s", ref, a.instance)
		}
	}
	return nil
}

func (f *askFlags) connect(ctx context.Context) (*asker, error) {
	if f.Token != "" {
		r := &remote{token: f.Token, endpoint: endpoint{URL: strings.TrimSuffix(f.Endpoint, "/")}, client: http.DefaultClient}
		if f.Endpoint == "" {
			here, err := readEndpoint(f.Data)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			if err != nil {
				return nil, refuse("no server runs on the data folder %s; use --endpoint to name the server to ask with the token", f.Data)
			}
			r.endpoint, r.client = here, here.client()
		}
		return &asker{decider: &serverDecider{remote: r}}, nil
	}
	if f.Endpoint != "" {
		return nil, refuse("--token or LANYARD_TOKEN is required when --endpoint is set; lanyard token create makes a token")
	}
	r, err := f.connectServer(ctx)
	if err == nil {
		return &asker{decider: &serverDecider{remote: r}}, nil
	}
	if !notRunning(err) {
		return nil, err
	}
	return f.here(ctx)
}

// here has this process answer from the folder, as a server would.
func (f *askFlags) here(ctx context.Context) (*asker, error) {
	db, err := f.openOwnStore(ctx)
	if err != nil {
		return nil, err
	}
	d, err := newFolderDecider(ctx, db)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &asker{decider: d}, nil
}

// findInstance returns the id of the account's instance with an id or alias, or of the only one.
func (a *asker) findInstance(ctx context.Context, ref string) (string, error) {
	all, err := a.Instances(ctx)
	if err != nil {
		return "", err
	}
	i, err := chooseInstance(all, ref, "")
	if err != nil {
		return "", err
	}
	return all[i].ID, nil
}

// lookup returns the id of what lanyard stores under a name or id.
func (a *asker) lookup(ctx context.Context, resourceType, ref string) (id string, err error) {
	if questions.IsConnectARN(ref) {
		arn, err := lanyard.ParseARN(ref)
		if err != nil {
			return "", refuse("%s", err)
		}
		if arn.Type.DecisionName() != resourceType {
			return "", refuse("%s is the ARN of a %s; give a %s", ref, arn.Type, resourceType)
		}
		ref = arn.ID
	}
	q := questions.Search{}
	q.Resource.Type, q.Resource.ID = resourceType, ref
	found, err := a.Lookup(ctx, q)
	if err != nil {
		return "", err
	}
	switch len(found.Results) {
	case 0:
		return "", fmt.Errorf("%s %q does not exist", resourceType, ref)
	case 1:
		return found.Results[0].ID, nil
	}
	var ids []string
	for _, r := range found.Results {
		ids = append(ids, r.ID)
	}
	return "", refuse("%q is the name of %d resources of type %s; give the id of one of them: %s", ref, len(ids), resourceType,
		strings.Join(ids, ", "))
}

// subject resolves USER and the user whom an AI agent assists.
func (a *asker) subject(ctx context.Context, ref, human string) (s access.Subject, err error) {
	if strings.HasPrefix(ref, "arn:") && !questions.IsConnectARN(ref) {
		s.Type, s.ID = access.AIAgent, ref
		if human != "" {
			s.Human, err = a.user(ctx, human)
		}
		return s, err
	}
	if human != "" {
		return s, refuse("--on-behalf-of is for AI agents, and names the user whom the agent assists; %s is not the "+
			"ARN of an AI agent", ref)
	}
	s.ID, err = a.user(ctx, ref)
	return s, err
}

// user resolves a user, who keeps the name by which the question and its answer can be read.
func (a *asker) user(ctx context.Context, ref string) (string, error) {
	id, err := a.lookup(ctx, access.TypeUser, ref)
	if err == nil && !questions.IsConnectARN(ref) {
		id = ref
	}
	return id, err
}

// resourceFlags describe a resource that lanyard does not store, or one about to be made.
type resourceFlags struct {
	New       bool              `help:"RESOURCE is about to be created, with --tag and --group."`
	Tag       map[string]string `help:"Tag of a resource that lanyard does not store." mapsep:"none" placeholder:"KEY=VALUE"`
	Attribute map[string]string `help:"Primary attribute of a DataTableRow." mapsep:"none" placeholder:"NAME=VALUE"`
	Group     string            `help:"Hierarchy group, by name or id, of a user about to be created or of a contact's agent."`
	Channel   string            `help:"Channel of a Contact: VOICE, CHAT, TASK or EMAIL."`
}

// resource resolves RESOURCE; "" stands for none.
func (f resourceFlags) resource(ctx context.Context, a *asker, ref string) (r access.Resource, err error) {
	if ref == "" {
		return r, nil
	}
	if r, err = questions.ParseResource(ref); err != nil {
		return r, refuse("%s", err)
	}
	described := len(f.Tag) > 0 || len(f.Attribute) > 0 || f.Channel != "" || f.Group != ""
	switch {
	case questions.FoundByID(r.Type) && !f.New && described:
		return r, refuse("lanyard stores resources of type %s and decides by what it has stored; --tag, --group, "+
			"--attribute and --channel are for other types, or require --new", r.Type)
	case questions.FoundByID(r.Type) && !f.New && r.Type == access.TypeUser:
		r.ID, err = a.user(ctx, r.ID)
		return r, err
	case questions.FoundByID(r.Type) && !f.New:
		r.ID, err = a.lookup(ctx, r.Type, r.ID)
		return r, err
	case r.Type == access.TypeFlowModule:
		if r.ID, err = a.lookup(ctx, access.TypeContactFlowModule, r.ID); err != nil {
			return r, err
		}
	}
	r.New, r.Tags, r.Attributes, r.Channel = f.New, f.Tag, f.Attribute, f.Channel
	if f.Group != "" {
		r.Group, err = a.lookup(ctx, access.TypeHierarchyGroup, f.Group)
	}
	return r, err
}

// printJSON writes v as one line.
func printJSON(io streams, v any) error {
	b, err := questions.Marshal(v)
	if err != nil {
		return err
	}
	_, err = io.out.Write(append(b, '\n'))
	return err
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/control"
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

// asker asks the decision endpoints about one instance: of a server, or of this very process when
// no server uses the folder.
type asker struct {
	*remote
	prefix   string // of the paths
	instance string // its id; "" when a token tells
	close    func() error
}

// ask opens the way to an instance. refs are what the command line names: an ARN among them says
// which instance is meant.
func (f *askFlags) ask(ctx context.Context, refs ...string) (*asker, error) {
	want, err := f.named(refs)
	if err != nil {
		return nil, err
	}
	a, err := f.connect(ctx)
	if err != nil {
		return nil, err
	}
	if f.Token == "" {
		want, err = a.find(ctx, want)
	}
	if err == nil && want != "" {
		a.instance, a.prefix = want, "/instances/"+url.PathEscape(want)
	}
	if err == nil {
		err = a.agrees(refs)
	}
	if err != nil {
		return nil, errors.Join(err, a.close())
	}
	return a, nil
}

// named is the instance that the command line names: an id, an alias or "".
func (f *askFlags) named(refs []string) (string, error) {
	for _, ref := range append([]string{f.Instance}, refs...) {
		if !strings.HasPrefix(ref, "arn:") || !isConnectARN(ref) {
			continue
		}
		arn, err := lanyard.ParseARN(ref)
		if err != nil {
			return "", refuse("%s", err)
		}
		if ref == f.Instance || f.Instance == "" {
			return arn.Instance, nil
		}
	}
	return f.Instance, nil
}

// agrees refuses ARNs of other instances.
func (a *asker) agrees(refs []string) error {
	for _, ref := range refs {
		if arn, err := lanyard.ParseARN(ref); isConnectARN(ref) && err == nil && a.instance != "" &&
			arn.Instance != a.instance {
			return refuse("%s does not belong to instance %s", ref, a.instance)
		}
	}
	return nil
}

// isConnectARN tells ARNs of instances and what is in them from those of AI agents.
func isConnectARN(ref string) bool {
	parts := strings.SplitN(ref, ":", 4)
	return len(parts) == 4 && parts[0] == "arn" && parts[2] == "connect"
}

func (f *askFlags) connect(ctx context.Context) (*asker, error) {
	nothing := func() error { return nil }
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
		return &asker{remote: r, close: nothing}, nil
	}
	if f.Endpoint != "" {
		return nil, refuse("--token or LANYARD_TOKEN is required when --endpoint is set; lanyard token create makes a token")
	}
	r, err := f.remote(ctx)
	if err == nil {
		return &asker{remote: r, close: nothing}, nil
	}
	if !notRunning(err) {
		return nil, err
	}
	return f.here(ctx)
}

// here has this process answer from the folder, as a server would.
func (f *askFlags) here(ctx context.Context) (*asker, error) {
	db, err := f.store(ctx)
	if err != nil {
		return nil, err
	}
	svc := control.New(control.Config{Store: db})
	keys, err := svc.Keys(ctx)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	account := ""
	for _, k := range keys {
		if k.Root {
			account = k.Account
		}
	}
	server := &serveCmd{NoAuth: true, Account: account, Partition: "aws"}
	handler, err := server.handler(ctx, db, svc, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	// The handler takes every request for the account; the signature is not looked at.
	r := &remote{endpoint: endpoint{URL: "http://localhost", Region: "us-east-1"},
		client: &http.Client{Transport: inProcess{handler}}}
	r.credentials.AccessKeyID, r.credentials.SecretAccessKey = "folder", "folder"
	return &asker{remote: r, close: db.Close}, nil
}

// inProcess carries requests to a handler of this process.
type inProcess struct{ http.Handler }

func (h inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	a := newAnswer()
	r.Host = r.URL.Host
	if r.Body == nil {
		r.Body = http.NoBody
	}
	h.ServeHTTP(a, r)
	return &http.Response{StatusCode: a.status, Header: a.header, Body: io.NopCloser(&a.body), Request: r}, nil
}

// find returns the id of the account's instance with an id or alias, or of the only one.
func (a *asker) find(ctx context.Context, ref string) (string, error) {
	type instance struct{ ID, InstanceAlias string }
	var all []instance
	for token := ""; ; {
		status, answer, err := a.send(ctx, http.MethodGet, "/instance?maxResults=10&nextToken="+url.QueryEscape(token), nil)
		if err != nil {
			return "", err
		}
		var page struct {
			InstanceSummaryList []instance
			NextToken           string
			Message             string
		}
		if err := json.Unmarshal(answer, &page); err != nil || status != http.StatusOK {
			return "", fmt.Errorf("list the instances: the server answers %d %s", status, page.Message)
		}
		all = append(all, page.InstanceSummaryList...)
		if token = page.NextToken; token == "" {
			break
		}
	}
	if ref == "" && len(all) == 1 {
		return all[0].ID, nil
	}
	var names []string
	for _, in := range all {
		if in.ID == ref {
			return in.ID, nil
		}
		names = append(names, printable(in.InstanceAlias)+" ("+printable(in.ID)+")")
	}
	for _, in := range all {
		if ref != "" && in.InstanceAlias == ref {
			return in.ID, nil
		}
	}
	switch {
	case len(all) == 0:
		return "", errors.New("no instance exists yet")
	case ref == "":
		return "", refuse("--instance is required when there are several: %s", strings.Join(names, ", "))
	}
	return "", fmt.Errorf("instance %q does not exist; there is %s", ref, strings.Join(names, ", "))
}

// post asks an endpoint and decodes the answer into out.
func (a *asker) post(ctx context.Context, endpoint string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	status, answer, err := a.send(ctx, http.MethodPost, a.prefix+"/access/v1/"+endpoint, body)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		var message string
		if json.Unmarshal(answer, &message) != nil {
			message = http.StatusText(status)
		}
		return fmt.Errorf("%s", message)
	}
	return json.Unmarshal(answer, out)
}

// asked is an entity of a question or an answer.
type asked struct {
	Type       string         `json:"type"`
	ID         string         `json:"id"`
	Properties map[string]any `json:"properties,omitempty"`
}

// what names the thing, for people.
func (e asked) what() string {
	if name, _ := e.Properties["name"].(string); name != "" {
		return name
	}
	return e.ID
}

// lookup returns the id of what lanyard stores under a name or id.
func (a *asker) lookup(ctx context.Context, resourceType, ref string) (asked, error) {
	if isConnectARN(ref) {
		arn, err := lanyard.ParseARN(ref)
		if err != nil {
			return asked{}, refuse("%s", err)
		}
		if arn.Type.DecisionName() != resourceType {
			return asked{}, refuse("%s is the ARN of a %s; give a %s", ref, arn.Type, resourceType)
		}
		ref = arn.ID
	}
	var found struct{ Results []asked }
	if err := a.post(ctx, "lookup", map[string]any{"resource": asked{Type: resourceType, ID: ref}}, &found); err != nil {
		return asked{}, err
	}
	switch len(found.Results) {
	case 0:
		return asked{}, fmt.Errorf("%s %q does not exist", resourceType, ref)
	case 1:
		return found.Results[0], nil
	}
	var ids []string
	for _, r := range found.Results {
		ids = append(ids, r.ID)
	}
	return asked{}, refuse("%q is the name of %d resources of type %s; give the id of one of them: %s", ref, len(ids), resourceType,
		strings.Join(ids, ", "))
}

// knownType is the name of a type that is called by any of its names, in any case.
func knownType(name string) string {
	is := func(known string) bool { return strings.EqualFold(known, name) }
	for _, t := range lanyard.ResourceTypes() { // a name goes before the names that tag restrictions have
		if t.Name != "" && is(t.Name) {
			return t.Name
		}
	}
	for _, t := range lanyard.ResourceTypes() {
		if slices.ContainsFunc(t.TagNames, is) {
			return t.Name
		}
	}
	return name
}

// instanceType is for permissions without an object.
const instanceType = "Instance"

// isStored reports whether lanyard stores resources of a type and decisions find them by id.
func isStored(name string) bool {
	t, ok := lanyard.StoredType(name)
	return ok && t.DecisionName() != ""
}

// subject resolves USER and the user whom an AI agent assists.
func (a *asker) subject(ctx context.Context, ref, human string) (asked, error) {
	if strings.HasPrefix(ref, "arn:") && !isConnectARN(ref) {
		s := asked{Type: "ai_agent", ID: ref}
		if human != "" {
			h, err := a.user(ctx, human)
			if err != nil {
				return s, err
			}
			s.Properties = map[string]any{"assisting": h.ID}
		}
		return s, nil
	}
	if human != "" {
		return asked{}, refuse("--on-behalf-of is for AI agents, and names the user whom the agent assists; %s is not the ARN of an AI agent", ref)
	}
	return a.user(ctx, ref)
}

// user resolves a user, who keeps the name by which the question and its answer can be read.
func (a *asker) user(ctx context.Context, ref string) (asked, error) {
	u, err := a.lookup(ctx, access.TypeUser, ref)
	if err != nil {
		return u, err
	}
	if u.ID != ref && !isConnectARN(ref) {
		u.ID = ref
	}
	return asked{Type: "user", ID: u.ID}, nil
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
func (f resourceFlags) resource(ctx context.Context, a *asker, ref string) (asked, error) {
	if ref == "" {
		return asked{Type: instanceType}, nil
	}
	r, err := f.parse(ref)
	if err != nil {
		return r, err
	}
	properties := map[string]any{}
	if f.New {
		properties["new"] = true
	}
	if len(f.Tag) > 0 {
		properties["tags"] = f.Tag
	}
	if len(f.Attribute) > 0 {
		properties["attributes"] = f.Attribute
	}
	if f.Channel != "" {
		properties["channel"] = f.Channel
	}
	if f.Group != "" {
		g, err := a.lookup(ctx, access.TypeHierarchyGroup, f.Group)
		if err != nil {
			return r, err
		}
		properties["hierarchy_group"] = g.ID
	}
	if isStored(r.Type) && !f.New {
		if len(properties) > 0 {
			return r, refuse("lanyard stores resources of type %s and decides by what it has stored; --tag, --group, "+
				"--attribute and --channel are for other types, or require --new", r.Type)
		}
		if r.Type == access.TypeUser {
			u, err := a.user(ctx, r.ID)
			r.ID = u.ID
			return r, err
		}
		found, err := a.lookup(ctx, r.Type, r.ID)
		r.ID = found.ID
		return r, err
	}
	if r.Type == access.TypeFlowModule {
		m, err := a.lookup(ctx, access.TypeContactFlowModule, r.ID)
		if err != nil {
			return r, err
		}
		r.ID = m.ID
	}
	if len(properties) > 0 {
		r.Properties = properties
	}
	return r, nil
}

// parse reads TYPE/ID or an ARN.
func (resourceFlags) parse(ref string) (asked, error) {
	switch {
	case isConnectARN(ref):
		arn, err := lanyard.ParseARN(ref)
		if err != nil {
			return asked{}, refuse("%s", err)
		}
		if t := arn.Type.DecisionName(); t != "" {
			return asked{Type: t, ID: arn.ID}, nil
		}
		return asked{}, refuse("%s: no permission is about resources of type %s", ref, arn.Type)
	case strings.HasPrefix(ref, "arn:"):
		return asked{Type: access.TypeAIAgent, ID: ref}, nil
	}
	t, id, ok := strings.Cut(ref, "/")
	if !ok || t == "" {
		return asked{}, refuse("RESOURCE must be TYPE/NAME, TYPE/ID or an ARN, such as User/jonas.becker, got %q",
			ref)
	}
	return asked{Type: knownType(t), ID: id}, nil
}

// printJSON writes v as one line.
func printJSON(io streams, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := io.out.Write(b.Bytes())
	return err
}

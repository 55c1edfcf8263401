package mcpserver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/console"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/demo"
	"github.com/lanyard/lanyard/internal/frontends"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/mcpserver"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

const account = "123456789012"

// A world is the demo's instance with a server for assistants over HTTP. The bearer token says who asks: "operator",
// "decider", an operator who may not administer, or a user name.
type world struct {
	*testing.T
	db    store.Store
	svc   *control.Service
	in    *lanyard.Instance
	users map[string]string // ids by tokens that are no names
	url   string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := sqlite.OpenMemory(t.Context())
	w := &world{T: t, db: db, users: map[string]string{}}
	w.must(err)
	t.Cleanup(func() { db.Close() })
	w.serve()
	w.in, err = demo.Make(t.Context(), w.svc, lanyard.AccessKey{ID: "AKIATEST", Account: account})
	w.must(err)
	return w
}

// serve starts a server on the store.
func (w *world) serve() {
	w.Helper()
	w.svc = control.New(control.Config{Store: w.db, Region: "us-east-1",
		Quotas: control.Quotas{InstancesPerAccount: -1, Profiles: -1, Users: -1}})
	secret := []byte("secret")
	api := awsapi.New(awsapi.Config{Control: w.svc, TokenSecret: secret})
	ask := frontends.NewQuestions(api, w.svc, secret)
	shown, err := console.New(console.Config{Control: w.svc, Account: account, Call: api.Invoke, Questions: ask,
		Secret: secret})
	w.must(err)
	c := frontends.NewAssistant(w.svc, ask, shown)
	c.Version = "test"
	c.Claim = w.claim
	c.OwnHost = func(r *http.Request) bool { return !strings.HasPrefix(r.Host, "evil") }
	server := httptest.NewServer(mcpserver.New(c))
	w.Cleanup(server.Close)
	w.url = server.URL + mcpserver.Path
}

// seed stores a profile and a user who holds it, with a text in every member that takes any, as an earlier version
// without today's rules could have.
func (w *world) seed(suffix, text string) {
	w.Helper()
	tags := map[string]string{text: text}
	id := func(kind int) string { return fmt.Sprintf("00000000-0000-4000-8000-%010d%02s", kind, suffix) }
	p := &lanyard.Profile{Meta: lanyard.Meta{ID: id(1), Name: text, Tags: tags}, Description: text,
		Permissions: []string{"Users.View", text}, AccessTags: tags, TagRestricted: []string{"User", text},
		Applications: []lanyard.Application{{Namespace: text, Permissions: []string{text}, Type: "MCP"}},
		DataTables:   []lanyard.AttributeRule{{Attribute: text, Values: []string{text}}}}
	u := &lanyard.User{Meta: lanyard.Meta{ID: id(2), Name: "hostile-" + suffix, Tags: tags}, FirstName: text,
		Profiles: []string{p.ID}}
	named := &lanyard.User{Meta: lanyard.Meta{ID: id(3), Name: text, Tags: tags}, Profiles: []string{p.ID}}
	w.must(w.db.Update(w.Context(), w.in.ID, func(tx store.Tx) error {
		e := &lanyard.Event{ID: "seed" + suffix, Instance: w.in.ID, Time: time.Now(), Operation: "CreateSecurityProfile",
			Account: account, AccessKeyID: "AKIATEST"}
		for _, r := range []lanyard.Resource{p, u, named} {
			if err := tx.Put(w.Context(), r); err != nil {
				return err
			}
			after, err := laxjson.Marshal(r)
			if err != nil {
				return err
			}
			e.Changes = append(e.Changes, lanyard.Change{Type: r.Type(), ID: r.Head().ID, After: after})
		}
		return tx.Append(w.Context(), e)
	}))
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// claim identifies callers.
func (w *world) claim(r *http.Request) (p mcpserver.Principal, known bool, err error) {
	p.Account, p.Administer = account, true
	switch who := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); who {
	case "operator":
	case "decider":
		p.Administer = false
	default:
		id, ok := w.users[who]
		if !ok {
			id, ok = w.snapshot().LookupUser(who)
		}
		if !ok {
			return p, true, lanyard.Errorf(lanyard.Invalid, "the token is unknown to this server")
		}
		p.Instance, p.User = w.in.ID, id
	}
	return p, true, nil
}

func (w *world) snapshot() *access.Snapshot {
	s, err := w.svc.Snapshot(w.Context(), w.call(""), w.in.ID, 0)
	if err != nil {
		w.Error(err)
	}
	return s
}

func (w *world) call(operation string) control.Call {
	return control.Call{Caller: lanyard.Caller{Account: account, AccessKeyID: "AKIATEST", Root: true}, Operation: operation}
}

// profile creates a security profile.
func (w *world) profile(name string, c control.ProfileChange) string {
	w.Helper()
	created, err := w.svc.CreateSecurityProfile(w.Context(), w.call("CreateSecurityProfile"), w.in.ID,
		control.NewProfile{Name: name, ProfileChange: c})
	w.must(err)
	return created.Resource.ID
}

// user creates a user.
func (w *world) user(name string, tags map[string]string, profiles ...string) string {
	w.Helper()
	routing, err := control.List[*lanyard.RoutingProfile](w.Context(), w.svc, w.call(""), w.in.ID, control.Page{Limit: 1})
	w.must(err)
	created, err := w.svc.CreateUser(w.Context(), w.call("CreateUser"), w.in.ID, control.NewUser{User: lanyard.User{
		Meta: lanyard.Meta{Name: name, Tags: tags}, Profiles: profiles, RoutingProfile: routing.Items[0].ID}})
	w.must(err)
	return created.Resource.ID
}

// bearer adds a token to requests.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// connect returns a session of the official client.
func (w *world) connect(who string, options *mcp.ClientSessionOptions) *mcp.ClientSession {
	w.Helper()
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := client.Connect(w.Context(), &mcp.StreamableClientTransport{Endpoint: w.url, MaxRetries: -1,
		HTTPClient: &http.Client{Transport: bearer(who)}}, options)
	w.must(err)
	w.Cleanup(func() { session.Close() })
	return session
}

// An answered is what a tool answered.
type answered struct {
	text  string
	json  string // structured content; "" of an error
	isErr bool
}

func ask(t testing.TB, s *mcp.ClientSession, name string, arguments any) answered {
	t.Helper()
	res, err := s.CallTool(context.Background(), &mcp.CallToolParams{Name: name, Arguments: arguments})
	if err != nil {
		t.Fatalf("%s %v: %v", name, arguments, err)
	}
	out := answered{isErr: res.IsError}
	for _, c := range res.Content {
		out.text += c.(*mcp.TextContent).Text
	}
	if res.StructuredContent != nil {
		b, err := json.Marshal(res.StructuredContent)
		if err != nil {
			t.Fatal(err)
		}
		out.json = string(b)
	}
	return out
}

// args are arguments written as JSON.
func args(t testing.TB, text string) map[string]any {
	t.Helper()
	m := map[string]any{}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(text, err)
	}
	return m
}

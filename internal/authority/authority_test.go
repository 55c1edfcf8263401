package authority_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/google/uuid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/admin"
	"github.com/lanyard/lanyard/internal/authority"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/fault"
	"github.com/lanyard/lanyard/internal/gateway"
	"github.com/lanyard/lanyard/internal/store/sqlite"
	"github.com/lanyard/lanyard/sigv4"
)

const (
	account = "123456789012"
	agent   = "arn:aws:wisdom:us-east-1:123456789012:ai-agent/a1/booking"
	lonely  = "arn:aws:wisdom:us-east-1:123456789012:ai-agent/a1/lonely"
)

// world is a service with an instance, and both authorities in front of it.
type world struct {
	*testing.T
	svc      *control.Service
	in       *lanyard.Instance
	profiles map[string]string
	users    map[string]string
	local    *authority.Local
	remote   *authority.Remote
	away     atomic.Bool  // the server does not answer the remote
	asked    atomic.Int64 // decisions that the remote asked for
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, err := sqlite.OpenMemory(t.Context())
	w := &world{T: t, profiles: map[string]string{}, users: map[string]string{}}
	w.must(err)
	t.Cleanup(func() { db.Close() })
	quiet := slog.New(slog.DiscardHandler)
	w.svc = control.New(control.Config{Store: db, Region: "us-east-1", Logger: quiet})
	root, err := w.svc.SetRootKey(t.Context(), "", "", account)
	w.must(err)
	w.must(w.svc.LoadTokens(t.Context()))
	made, err := w.svc.CreateInstance(t.Context(), w.call(),
		control.NewInstance{Alias: "harbour", IdentityManagement: control.SAML})
	w.must(err)
	w.in = made.Resource
	w.local = &authority.Local{Control: w.svc, Account: account}
	auth := &sigv4.Verifier{Region: "us-east-1", Service: "connect",
		Keys: func(_ context.Context, id string) (sigv4.Key, bool, error) {
			k, ok := w.svc.Key(id)
			return sigv4.Key{Secret: k.Secret}, ok, nil
		}}
	server := httptest.NewServer(admin.NewServer(admin.Config{Control: w.svc, Auth: auth, Faults: new(fault.Set),
		Logger: quiet}))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	w.remote = authority.NewRemote(ctx, func(ctx context.Context, path string, question, answer any) error {
		if path == authority.PathDecide {
			w.asked.Add(1)
		}
		if w.away.Load() {
			return errors.New("connection refused")
		}
		return post(ctx, server.URL+admin.Prefix+path, root, question, answer)
	})
	return w
}

// post calls the management API.
func post(ctx context.Context, url string, key lanyard.AccessKey, question, answer any) error {
	body, err := json.Marshal(question)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, aws.Credentials{AccessKeyID: key.ID, SecretAccessKey: key.Secret}, r,
		hex.EncodeToString(sum[:]), "connect", "us-east-1", time.Now()); err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode == http.StatusNotFound {
		return &lanyard.Error{Kind: lanyard.NotFound, Message: string(text)}
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%d %s", res.StatusCode, text)
	}
	return json.Unmarshal(text, answer)
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) call() control.Call {
	return control.Call{Caller: lanyard.Caller{Account: account}, Operation: "Test"}
}

// profile makes a security profile that grants permissions, and tools of the application crm.
func (w *world) profile(name string, permissions []string, tools ...string) {
	w.Helper()
	change := control.ProfileChange{Permissions: permissions}
	if len(tools) > 0 {
		change.Applications = []lanyard.Application{{Namespace: "crm", Permissions: tools, Type: lanyard.ApplicationMCP}}
	}
	made, err := w.svc.CreateSecurityProfile(w.Context(), w.call(), w.in.ID,
		control.NewProfile{Name: name, ProfileChange: change})
	w.must(err)
	w.profiles[name] = made.Resource.ID
}

func (w *world) ids(names ...string) (all []string) {
	for _, n := range names {
		all = append(all, w.profiles[n])
	}
	return all
}

func (w *world) user(name string, profiles ...string) {
	w.Helper()
	routing, err := control.List[*lanyard.RoutingProfile](w.Context(), w.svc, w.call(), w.in.ID, control.Page{Limit: 1})
	w.must(err)
	made, err := w.svc.CreateUser(w.Context(), w.call(), w.in.ID, control.NewUser{User: lanyard.User{
		Meta: lanyard.Meta{Name: name}, Profiles: w.ids(profiles...), RoutingProfile: routing.Items[0].ID}})
	w.must(err)
	w.users[name] = made.Resource.ID
}

func (w *world) agent(arn string, profiles ...string) {
	w.Helper()
	_, err := w.svc.AssociateSecurityProfiles(w.Context(), w.call(), w.in.ID,
		control.Entity{Type: control.EntityAIAgent, ARN: arn}, w.ids(profiles...))
	w.must(err)
}

// caller is an agent assisting a user, or one of them; "" for neither.
func (w *world) caller(arn, user string) *gateway.Caller {
	return &gateway.Caller{Account: account, Instance: w.in.ID, Agent: arn, User: w.users[user]}
}

func tool(name string) gateway.Right { return gateway.Right{Namespace: "crm", Tool: name} }

// eachAuthority runs a test with both authorities.
func (w *world) eachAuthority(test func(t *testing.T, a authority.Authority)) {
	for name, a := range map[string]authority.Authority{"local": w.local, "remote": w.remote} {
		w.Run(name, func(t *testing.T) { test(t, a) })
	}
}

func TestDecide(t *testing.T) {
	w := newWorld(t)
	w.profile("Tools", nil, "lookup", "book")
	w.profile("Lookup", nil, "lookup")
	w.profile("Nothing", nil)
	made, err := w.svc.CreateSecurityProfile(t.Context(), w.call(), w.in.ID, control.NewProfile{Name: "Site",
		ProfileChange: control.ProfileChange{Applications: []lanyard.Application{{Namespace: "site",
			Permissions: []string{"ACCESS"}, Type: lanyard.ApplicationThirdParty}}}})
	w.must(err)
	w.profiles["Site"] = made.Resource.ID
	w.agent(agent, "Tools", "Site")
	w.user("claire", "Lookup")
	w.user("hugo", "Tools")
	w.user("nora", "Nothing")
	rights := []gateway.Right{tool("lookup"), tool("book"), tool("Lookup"), tool("look"), tool(""),
		{Namespace: "CRM", Tool: "lookup"}, {Tool: "lookup"}, {Namespace: "site", Tool: "ACCESS"}, {Module: "none"},
		{Namespace: "crm", Tool: "lookup", Module: "m"}, {}}
	const first, second = true, true
	w.eachAuthority(func(t *testing.T, a authority.Authority) {
		for _, tt := range []struct {
			name string
			c    *gateway.Caller
			want []bool // the first two; nothing else is ever allowed
		}{
			{"an agent by itself", w.caller(agent, ""), []bool{first, second}},
			{"an agent assisting a user who may less", w.caller(agent, "claire"), []bool{first, false}},
			{"an agent assisting a user who may the same", w.caller(agent, "hugo"), []bool{first, second}},
			{"an agent assisting a user who may nothing", w.caller(agent, "nora"), []bool{false, false}},
			{"an agent that may nothing, assisting", w.caller(lonely, "hugo"), []bool{false, false}},
			{"an agent that holds nothing", w.caller(lonely, ""), []bool{false, false}},
			{"another qualifier", w.caller(agent+":$LATEST", ""), []bool{false, false}},
			{"a user", w.caller("", "claire"), []bool{first, false}},
			{"nobody", w.caller("", ""), []bool{false, false}},
			{"an agent assisting a user who was deleted", &gateway.Caller{Account: account, Instance: w.in.ID, Agent: agent,
				User: "7d7f9b6c-0000-4000-8000-000000000000"}, []bool{false, false}},
		} {
			t.Run(tt.name, func(t *testing.T) {
				for range 2 { // the second time they may be kept
					got, err := a.Decide(t.Context(), tt.c, rights)
					if err != nil {
						t.Fatal(err)
					}
					for i, d := range got {
						want := i < len(tt.want) && tt.want[i]
						if d.Allow != want || (d.Profile != "") != want || (d.Reason == "granted") != want || d.Revision == 0 {
							t.Errorf("%+v: got %+v, want %t", rights[i], d, want)
						}
					}
				}
			})
		}
		for name, c := range map[string]*gateway.Caller{
			"another account":     {Account: "210987654321", Instance: w.in.ID, Agent: agent},
			"an unknown instance": {Account: account, Instance: "none", Agent: agent},
		} {
			if got, err := a.Decide(t.Context(), c, rights); err == nil {
				t.Errorf("%s: got %+v", name, got)
			}
		}
	})
}

func TestRefusal(t *testing.T) {
	w := newWorld(t)
	view := []string{"SecurityProfiles.View"}
	w.profile("Tools", nil, "book")
	w.profile("More", nil, "book")
	w.profile("Nothing", nil)
	w.profile("Viewer", view)
	w.profile("Auditor", append(view, "QConnectAIAgents.View"))
	w.profile("Booker", append(view, "QConnectAIAgents.View"), "book")
	w.profile("Rest", nil, "rest")
	w.agent(agent, "Rest")
	w.user("nora", "Nothing")
	w.user("vera", "Viewer")
	w.user("adam", "Auditor")
	w.user("bea", "Booker")
	const granting = `; security profiles that grant it: "Tools", "More", "Booker"`
	w.eachAuthority(func(t *testing.T, a authority.Authority) {
		for _, tt := range []struct {
			name  string
			c     *gateway.Caller
			right gateway.Right
			want  string
		}{
			{"an agent by itself", w.caller(agent, ""), tool("book"), `the AI agent lacks the permission "book" on server "crm"`},
			{"an agent by itself, of a flow module", w.caller(agent, ""), gateway.Right{Module: "m1"},
				"the AI agent lacks the flow module of this tool"},
			{"for a user who views nothing", w.caller(agent, "nora"), tool("book"), "you are not allowed to do this"},
			{"a user who views nothing", w.caller("", "nora"), tool("book"), "you are not allowed to do this"},
			{"for a user who views profiles", w.caller(agent, "vera"), tool("book"),
				`the AI agent and you both require the permission "book" of application "crm"` + granting},
			{"for a user who views agents too", w.caller(agent, "adam"), tool("book"),
				`the AI agent and you both lack the permission "book" of application "crm"` + granting},
			{"for a user who may it", w.caller(agent, "bea"), tool("book"),
				`the AI agent lacks the permission "book" of application "crm"` + granting},
			{"that the agent may", w.caller(agent, "adam"), tool("rest"),
				`you lack the permission "rest" of application "crm", which the AI agent has; security profiles that grant it: "Rest"`},
			{"a user", w.caller("", "adam"), tool("book"), `you lack the permission "book" of application "crm"` + granting},
			{"that nothing grants", w.caller("", "adam"), tool("none"),
				`you lack the permission "none" of application "crm"; no security profile that you may view grants it`},
			{"a flow module", w.caller("", "adam"), gateway.Right{Module: "m1"},
				`you lack flow module "m1"; no security profile that you may view grants it`},
			{"another account's", &gateway.Caller{Account: "210987654321", Instance: w.in.ID, Agent: agent}, tool("book"),
				"you are not allowed to do this"},
		} {
			t.Run(tt.name, func(t *testing.T) {
				if got := a.Refusal(t.Context(), tt.c, tt.right); got != tt.want {
					t.Errorf("got  %s\nwant %s", got, tt.want)
				}
			})
		}
	})
}

// TestRefusalHides restricts who views profiles by tags. What the viewer does not see is not named.
func TestRefusalHides(t *testing.T) {
	w := newWorld(t)
	for name, team := range map[string]string{"Mine": "1", "Hidden": "2"} {
		made, err := w.svc.CreateSecurityProfile(t.Context(), w.call(), w.in.ID, control.NewProfile{Name: name,
			Tags: map[string]string{"Team": team}, ProfileChange: control.ProfileChange{Applications: []lanyard.Application{
				{Namespace: "crm", Permissions: []string{"book"}, Type: lanyard.ApplicationMCP}}}})
		w.must(err)
		w.profiles[name] = made.Resource.ID
	}
	made, err := w.svc.CreateSecurityProfile(t.Context(), w.call(), w.in.ID, control.NewProfile{Name: "Viewer",
		ProfileChange: control.ProfileChange{Permissions: []string{"SecurityProfiles.View"},
			AccessTags: map[string]string{"Team": "1"}, TagRestricted: []string{"SecurityProfile"}}})
	w.must(err)
	w.profiles["Viewer"] = made.Resource.ID
	w.user("vera", "Viewer")
	w.eachAuthority(func(t *testing.T, a authority.Authority) {
		const want = `you lack the permission "book" of application "crm"; security profiles that grant it: "Mine"`
		if got := a.Refusal(t.Context(), w.caller("", "vera"), tool("book")); got != want {
			t.Errorf("got %s", got)
		}
	})
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 500 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%s: not within 5 seconds", what)
}

// TestWatch wakes those who watch when rights change, and not by records of calls.
func TestWatch(t *testing.T) {
	w := newWorld(t)
	w.profile("Tools", nil, "book")
	w.eachAuthority(func(t *testing.T, a authority.Authority) {
		ctx, cancel := context.WithCancel(t.Context())
		var woken atomic.Int64
		ended := make(chan struct{})
		go func() { defer close(ended); a.Watch(ctx, w.caller(agent, ""), func() { woken.Add(1) }) }()
		allowed := func() bool {
			d, err := a.Decide(t.Context(), w.caller(agent, ""), []gateway.Right{tool("book")})
			return err == nil && d[0].Allow
		}
		if allowed() {
			t.Fatal("it is allowed at first")
		}
		time.Sleep(300 * time.Millisecond) // it has begun to watch; earlier changes need not be told of
		before := woken.Load()
		w.must(a.RecordCalls(t.Context(), lanyard.Caller{UserAgent: "test"}, lanyard.CallBatch{ID: uuid.NewString(),
			Account: account, Instance: w.in.ID, Calls: []lanyard.AgentCall{{}}}))
		time.Sleep(300 * time.Millisecond)
		if woken.Load() != before {
			t.Errorf("a record of calls woke it %d times", woken.Load()-before)
		}
		began := time.Now()
		w.agent(agent, "Tools")
		eventually(t, "woken by a right", func() bool { return woken.Load() > before && allowed() })
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %v", took)
		}
		_, err := w.svc.DisassociateSecurityProfiles(t.Context(), w.call(), w.in.ID,
			control.Entity{Type: control.EntityAIAgent, ARN: agent}, w.ids("Tools"))
		w.must(err)
		eventually(t, "the right is gone", func() bool { return !allowed() })
		cancel()
		<-ended
	})
}

// TestRemoteKeeps asks once for what does not change, and allows nothing while the server is away.
func TestRemoteKeeps(t *testing.T) {
	w := newWorld(t)
	w.profile("Tools", nil, "book", "lookup")
	w.agent(agent, "Tools")
	c, rights := w.caller(agent, ""), []gateway.Right{tool("book"), tool("lookup")}
	decide := func() ([]gateway.Decision, error) { return w.remote.Decide(t.Context(), c, rights) }
	eventually(t, "decisions are kept", func() bool {
		before := w.asked.Load()
		_, err := decide()
		return err == nil && w.asked.Load() == before
	})
	before := w.asked.Load()
	for range 1000 {
		if d, err := decide(); err != nil || !d[0].Allow || !d[1].Allow {
			t.Fatalf("got %+v, %v", d, err)
		}
	}
	if n := w.asked.Load() - before; n > 10 {
		t.Errorf("the server was asked %d times", n)
	}
	w.away.Store(true)
	began := time.Now()
	eventually(t, "nothing is allowed without the server", func() bool { _, err := decide(); return err != nil })
	if took := time.Since(began); took > time.Second {
		t.Errorf("decisions were kept for %v without the server", took)
	}
	if _, err := decide(); !errors.Is(err, lanyard.ErrUnavailable) {
		t.Errorf("got %v, want unavailable", err)
	}
	if text := w.remote.Refusal(t.Context(), c, rights[0]); text != "you are not allowed to do this" {
		t.Errorf("a refusal without the server: %s", text)
	}
	w.away.Store(false)
	eventually(t, "the server is back", func() bool { d, err := decide(); return err == nil && d[0].Allow })
}

// TestTokensOf gives and revokes a token. It is refused within a second.
func TestTokensOf(t *testing.T) {
	w := newWorld(t)
	w.profile("Nothing", nil)
	w.user("claire", "Nothing")
	w.eachAuthority(func(t *testing.T, a authority.Authority) {
		made, text, err := w.svc.CreateToken(t.Context(), lanyard.Token{Account: account, Scope: lanyard.ScopeCall,
			Agent: agent, User: "claire"})
		w.must(err)
		got, err := a.Token(t.Context(), text)
		w.must(err)
		got.Hash, made.Hash = "", ""
		if !reflect.DeepEqual(got, made) || got.User != w.users["claire"] {
			t.Errorf("got %+v, want %+v", got, made)
		}
		w.must(w.svc.RevokeToken(t.Context(), made.ID))
		began := time.Now()
		eventually(t, "revoked", func() bool { _, err := a.Token(t.Context(), text); return errors.Is(err, lanyard.ErrInvalid) })
		if took := time.Since(began); took > time.Second {
			t.Errorf("it was accepted for %v", took)
		}
		for _, bad := range []string{"", "lanyard_", "lanyard_" + strings.Repeat("x", 40), text + "x", "a.b.c"} {
			if _, err := a.Token(t.Context(), bad); !errors.Is(err, lanyard.ErrInvalid) {
				t.Errorf("%q: %v", bad, err)
			}
		}
	})
	w.away.Store(true)
	if _, err := w.remote.Token(t.Context(), "lanyard_"+strings.Repeat("y", 43)); !errors.Is(err, lanyard.ErrUnavailable) {
		t.Errorf("without the server: %v", err)
	}
}

// TestServerThatHangs asks a server that takes questions and never answers. Agents do not wait for it.
func TestServerThatHangs(t *testing.T) {
	in := authority.Instance{Account: account, ID: "i"}
	caller := &gateway.Caller{Account: account, Instance: "i", Agent: agent}
	right := gateway.Right{Namespace: "crm", Tool: "find"}
	for name, ask := range map[string]func(context.Context, *authority.Remote) error{
		"Decide": func(ctx context.Context, r *authority.Remote) error {
			_, err := r.Decide(ctx, caller, []gateway.Right{right})
			return err
		},
		"Token": func(ctx context.Context, r *authority.Remote) error {
			_, err := r.Token(ctx, "lanyard_"+strings.Repeat("x", 43))
			return err
		},
		"User": func(ctx context.Context, r *authority.Remote) error {
			_, err := r.User(ctx, in, "claire.dubois")
			return err
		},
		"Instance": func(ctx context.Context, r *authority.Remote) error {
			_, err := r.Instance(ctx, account, "")
			return err
		},
		"Refusal": func(ctx context.Context, r *authority.Remote) error {
			if text := r.Refusal(ctx, caller, right); text != "you are not allowed to do this" {
				return fmt.Errorf("refusal is %q", text)
			}
			return lanyard.ErrUnavailable
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := authority.NewRemote(t.Context(), func(ctx context.Context, _ string, _, _ any) error {
					select {
					case <-ctx.Done():
						return ctx.Err()
					case <-time.After(time.Minute):
						return errors.New("the connection was closed")
					}
				})
				began := time.Now()
				err := ask(t.Context(), r)
				if took := time.Since(began); took > 5*time.Second || !errors.Is(err, lanyard.ErrUnavailable) {
					t.Errorf("after %v: %v", took, err)
				}
			})
		})
	}
}

// TestStrangers sends many unknown tokens. The server is asked about some of them, and about all that were valid
// before.
func TestStrangers(t *testing.T) { synctest.Test(t, testStrangers) }

func testStrangers(t *testing.T) {
	asked := 0
	known := "lanyard_known"
	sum := control.HashToken(known)
	r := authority.NewRemote(t.Context(), func(_ context.Context, path string, question, answer any) error {
		asked++
		a := answer.(*authority.Token)
		if question.(authority.TokenQuestion).Hash != hex.EncodeToString(sum[:]) {
			a.Refused = "the token is unknown to this server"
		}
		return nil
	})
	if _, err := r.Token(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	for i := range 5000 {
		if _, err := r.Token(t.Context(), fmt.Sprint("lanyard_", i)); err == nil {
			t.Fatal("an unknown token is accepted")
		}
	}
	if asked != 500 {
		t.Errorf("the server was asked about %d tokens, want 500", asked)
	}
	if _, err := r.Token(t.Context(), "lanyard_new"); !errors.Is(err, lanyard.ErrUnavailable) {
		t.Errorf("one more: %v, want unavailable", err)
	}
	time.Sleep(time.Second - time.Millisecond) // of the test's own clock
	asked = 0
	for range 600 {
		r.Token(t.Context(), fmt.Sprint("lanyard_", asked))
	}
	before := asked
	if _, err := r.Token(t.Context(), known); err != nil || asked != before+1 {
		t.Errorf("a known token among strangers: %v, asked %d times", err, asked-before)
	}
}

func TestDirectory(t *testing.T) {
	w := newWorld(t)
	w.profile("Nothing", nil)
	w.user("claire", "Nothing")
	in := authority.Instance{Account: account, ID: w.in.ID}
	w.eachAuthority(func(t *testing.T, a authority.Authority) {
		for _, ref := range []string{"", "harbour", w.in.ID} {
			if got, err := a.Instance(t.Context(), "", ref); err != nil || got != in {
				t.Errorf("instance %q is %+v, %v", ref, got, err)
			}
		}
		if got, err := a.Instance(t.Context(), "", "elsewhere"); !errors.Is(err, lanyard.ErrNotFound) {
			t.Errorf("an instance elsewhere: %+v, %v", got, err)
		}
		for range 2 {
			for _, ref := range []string{"claire", w.users["claire"]} {
				if id, err := a.User(t.Context(), in, ref); err != nil || id != w.users["claire"] {
					t.Errorf("user %q is %q, %v", ref, id, err)
				}
			}
			if id, err := a.User(t.Context(), in, "nobody"); !errors.Is(err, lanyard.ErrNotFound) || id != "" {
				t.Errorf("nobody is %q, %v", id, err)
			}
		}
	})
}

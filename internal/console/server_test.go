package console_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/console"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/demo"
	"github.com/lanyard/lanyard/internal/frontends"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

// site is a server with the demo instance and the console, set up as serve does.
type site struct {
	*testing.T
	db      store.Store
	svc     *control.Service
	config  frontends.Config
	handler http.Handler
	root    lanyard.AccessKey
	in      *lanyard.Instance
	other   *lanyard.Instance // of the same account
	routing string
	rules   func(*control.Config) // changes the rules, unless nil
}

const ownAccount = "123456789012"

// ownConfig has the defaults of the program.
var ownConfig = frontends.Config{Account: ownAccount, Region: "us-east-1", Listen: "example.com:4580",
	BodyMemory: 64 << 20, Console: frontends.Console{Idle: 30 * time.Minute, Session: 12 * time.Hour}}

const goodPassword = "Harbour-42"

func newSite(t *testing.T, change ...func(*frontends.Config)) *site {
	t.Helper()
	db, err := sqlite.OpenMemory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return newSiteOn(t, db, change...)
}

// newEmptySite is a site without an instance.
func newEmptySite(t *testing.T, rules func(*control.Config)) *site {
	t.Helper()
	db, err := sqlite.OpenMemory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s := &site{T: t, db: db, config: ownConfig, rules: rules}
	s.start()
	return s
}

func newSiteOn(t *testing.T, db store.Store, change ...func(*frontends.Config)) *site {
	t.Helper()
	s := &site{T: t, db: db, config: ownConfig}
	for _, f := range change {
		f(&s.config)
	}
	s.start()
	var err error
	if s.in, err = demo.Make(t.Context(), s.svc, s.root); err != nil {
		t.Fatal(err)
	}
	routing, err := control.List[*lanyard.RoutingProfile](t.Context(), s.svc, s.operation("x"), s.in.ID,
		control.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	s.routing = routing.Items[0].ID
	return s
}

// start is what a restart of the server does.
func (s *site) start() {
	s.Helper()
	log := slog.New(slog.DiscardHandler)
	rules := control.Config{Store: s.db, Region: s.config.Region, Partition: "aws", Logger: log}
	if s.rules != nil {
		s.rules(&rules)
	}
	s.svc = control.New(rules)
	var err error
	if s.root, err = s.svc.SetRootKey(s.Context(), "", "", ownAccount); err == nil {
		err = s.svc.LoadTokens(s.Context())
	}
	if err == nil {
		s.config.Control, s.config.Credentials, s.config.Logger = s.svc, s.db, log
		s.handler, err = frontends.New(s.Context(), s.config)
	}
	if err != nil {
		s.Fatal(err)
	}
}

func (s *site) operation(name string) control.Call {
	return control.Call{Caller: lanyard.Caller{Account: ownAccount, AccessKeyID: s.root.ID}, Operation: name}
}

func (s *site) profile(name string) string {
	s.Helper()
	for after := ""; ; {
		list, err := control.List[*lanyard.Profile](s.Context(), s.svc, s.operation("x"), s.in.ID,
			control.Page{After: after, Limit: 100})
		if err != nil {
			s.Fatal(err)
		}
		for _, p := range list.Items {
			if p.Name == name {
				return p.ID
			}
		}
		if after = list.Next; list.Next == "" {
			s.Fatalf("there is no profile %s", name)
		}
	}
}

func (s *site) user(name string) string {
	s.Helper()
	_, u, err := s.svc.Named(s.Context(), ownAccount, s.in.ID, name)
	if err != nil {
		s.Fatal(err)
	}
	return u.ID
}

// password gives a user of the demo a password.
func (s *site) password(instance, user string) {
	s.Helper()
	if err := s.svc.SetPassword(s.Context(), s.operation("SetUserPassword"),
		control.NewPassword{Instance: instance, User: user, Password: goodPassword}); err != nil {
		s.Fatal(err)
	}
}

// second creates another instance with an administrator, boss.
func (s *site) second() {
	s.Helper()
	created, err := s.svc.CreateInstance(s.Context(), s.operation("CreateInstance"),
		control.NewInstance{Alias: "elsewhere", IdentityManagement: control.ConnectManaged})
	if err != nil {
		s.Fatal(err)
	}
	in := created.Instance
	s.other = in
	profiles, err := control.List[*lanyard.Profile](s.Context(), s.svc, s.operation("x"), in.ID,
		control.Page{Limit: 100})
	if err != nil {
		s.Fatal(err)
	}
	routing, err := control.List[*lanyard.RoutingProfile](s.Context(), s.svc, s.operation("x"), in.ID,
		control.Page{Limit: 1})
	if err != nil {
		s.Fatal(err)
	}
	for _, p := range profiles.Items {
		if p.Name != "Admin" {
			continue
		}
		password := goodPassword
		_, err := s.svc.CreateUser(s.Context(), s.operation("CreateUser"), in.ID, control.NewUser{Password: &password,
			User: lanyard.User{Meta: lanyard.Meta{Name: "boss"}, Profiles: []string{p.ID}, RoutingProfile: routing.Items[0].ID}})
		if err != nil {
			s.Fatal(err)
		}
	}
}

// browser is the state that a browser keeps of a session.
type browser struct {
	*testing.T
	*site
	cookie, csrf string
	answer       http.Header
}

func (s *site) nobody() *browser { return &browser{T: s.T, site: s} }

// do sends a request as the page does.
func (b *browser) do(method, path, body string, change ...func(*http.Request)) (int, map[string]any) {
	b.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if b.cookie != "" {
		r.AddCookie(&http.Cookie{Name: "lanyard", Value: b.cookie})
		r.Header.Set("X-Lanyard-Csrf", b.csrf)
	}
	for _, f := range change {
		f(r)
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	b.answer = w.Header()
	for _, c := range w.Result().Cookies() {
		if c.Name == "lanyard" || c.Name == "__Host-lanyard" {
			b.cookie = c.Value
		}
	}
	var answer map[string]any
	if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			b.Fatalf("%s %s answers %d %s: %v", method, path, w.Code, w.Body, err)
		}
	}
	return w.Code, answer
}

func (b *browser) post(path, body string) (int, map[string]any) {
	b.Helper()
	return b.do("POST", "/console/api/"+path, body)
}

// ok is post for what must succeed.
func (b *browser) ok(path, body string) map[string]any {
	b.Helper()
	status, answer := b.post(path, body)
	if status != 200 {
		b.Fatalf("%s %s answers %d %v", path, body, status, answer)
	}
	return answer
}

// refused is post for what must fail with a status and a code.
func (b *browser) refused(path, body string, status int, code string) map[string]any {
	b.Helper()
	got, answer := b.post(path, body)
	e, _ := answer["Error"].(map[string]any)
	if got != status || e["Code"] != code || e["Message"] == "" {
		b.Errorf("%s %s answers %d %v, want %d %s", path, body, got, answer, status, code)
	}
	return e
}

func (b *browser) signIn(body string) *browser {
	b.Helper()
	b.csrf, _ = b.ok("sign-in", body)["Csrf"].(string)
	return b
}

// as signs a user of an instance in.
func (s *site) as(instance *lanyard.Instance, name string) *browser {
	s.Helper()
	s.password(instance.ID, name)
	return s.nobody().signIn(fmt.Sprintf(`{"Instance": %q, "Username": %q, "Password": %q}`, instance.Name, name,
		goodPassword))
}

func (s *site) operator() *browser {
	s.Helper()
	return s.nobody().signIn(fmt.Sprintf(`{"AccessKeyId": %q, "SecretAccessKey": %q}`, s.root.ID, s.root.Secret))
}

// names are the values of a member of a list of objects.
func names(list any, member string) []string {
	var out []string
	items, _ := list.([]any)
	for _, one := range items {
		name, _ := one.(map[string]any)[member].(string)
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// TestRights calls every endpoint as every kind of user.
func TestRights(t *testing.T) {
	s := newSite(t)
	s.second()
	group := ""
	groups, err := control.List[*lanyard.Group](t.Context(), s.svc, s.operation("x"), s.in.ID,
		control.Page{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups.Items {
		if g.Name == "Europe" {
			group = g.ID
		}
	}
	europe, err := s.svc.CreateSecurityProfile(t.Context(), s.operation("CreateSecurityProfile"), s.in.ID,
		control.NewProfile{Name: "Administrator Europe", ProfileChange: control.ProfileChange{
			Permissions: []string{"AgentGrouping.View", "SecurityProfiles.Edit", "SecurityProfiles.View", "Users.Edit",
				"Users.EditPermission", "Users.View"},
			HierarchyRestricted: []string{"User"}, HierarchyGroup: &group}})
	if err == nil {
		_, err = s.svc.CreateUser(t.Context(), s.operation("CreateUser"), s.in.ID,
			control.NewUser{User: lanyard.User{Meta: lanyard.Meta{Name: "heidi.brandt"},
				Profiles: []string{europe.Resource.ID}, RoutingProfile: s.routing, Group: group}})
	}
	if err != nil {
		t.Fatal(err)
	}
	old := s.as(s.in, "olivia.stone")
	expired := s.nobody()
	expired.cookie, expired.csrf = old.cookie, old.csrf
	old.ok("sign-out", `{}`)
	who := map[string]*browser{
		"nobody": s.nobody(), "expired": expired, "stranger": s.as(s.other, "boss"), "agent": s.as(s.in, "manon.roux"),
		"tagged":    s.as(s.in, "priya.shah"),
		"hierarchy": s.as(s.in, "heidi.brandt"), "admin": s.as(s.in, "olivia.stone"), "operator": s.operator(),
	}
	kinds := []string{"nobody", "expired", "stranger", "agent", "tagged", "hierarchy", "admin", "operator"}
	fr, order := s.profile("Supervisor France"), s.profile("Order desk")
	sales, jack := s.user("hugo.moreau"), s.user("jack.turner") // Sales in Paris, Support in Portland
	in := fmt.Sprintf(`"InstanceId": %q`, s.in.ID)
	about := func(more string) string { return "{" + in + more + "}" }
	self := map[string]string{"agent": "manon.roux", "tagged": "priya.shah", "hierarchy": "heidi.brandt",
		"admin": "olivia.stone"}
	table := []struct {
		name, path, body string
		want             string // a status for each kind; . is 200
	}{
		// nobody, expired, stranger, agent, tagged, hierarchy, admin, operator
		{"who is it", "GET session", "", "401 401 . . . . . ."},
		{"what forms are made of", "GET catalogue", "", "401 401 . . . . . ."},
		{"one profile", "profile", about(`, "SecurityProfileId": "` + fr + `"`), "401 401 404 403 403 . . ."},
		{"the table of profiles", "profiles", about(``), "401 401 404 403 . . . ."},
		{"the people", "users", about(``), "401 401 404 403 . . . ."},
		{"the AI agents", "agents", about(``), "401 401 404 403 403 403 . ."},
		{"what blocks deleting", "blockers", about(`, "SecurityProfileIds": ["` + fr + `"]`), "401 401 404 403 403 . . ."},
		{"history of all", "history", about(``), "401 401 404 403 . . . ."},
		{"history of a profile", "history", about(`, "Type": "SecurityProfile", "Id": "` + fr + `"`),
			"401 401 404 403 . . . ."},
		{"history of the instance", "history", about(`, "Type": "Instance", "Id": "` + s.in.ID + `"`),
			"401 401 404 403 403 403 403 ."},
		{"an earlier state", "history/state", about(`, "Type": "SecurityProfile", "Id": "` + fr + `", "Revision": 60`),
			"401 401 404 403 404 . . ."},
		{"export", "history/export", about(``), "401 401 404 403 . . . ."},
		{"overview", "overview", about(``), "401 401 404 . . . . ."},
		{"findings", "findings", about(``), "401 401 404 403 . . . ."},
		{"what it is a mirror of", "mirror", about(``), "401 401 404 . . . . ."},
		{"history of all profiles", "history", about(`, "Type": "SecurityProfile"`), "401 401 404 403 . . . ."},
		{"history of all instances", "history", about(`, "Type": "Instance"`), "401 401 404 403 403 403 403 ."},
		{"heat map", "heat", about(``), "401 401 404 403 . . . ."},
		{"who sees whom", "visibility", about(``), "401 401 404 403 403 . . ."},
		{"one's own rights", "subject-snapshot", about(``), "401 401 404 . . . . 400"},
		{"an operation that reads", "call/DescribeSecurityProfile", about(`, "SecurityProfileId": "` + fr + `"`),
			"401 401 404 403 403 . . ."},
		{"an operation that changes", "call/UpdateSecurityProfile",
			about(`, "SecurityProfileId": "` + order + `", "Description": "x"`), "401 401 404 403 403 . . ."},
		{"an operation on a person", "call/DescribeUser", about(`, "UserId": "` + jack + `"`), "401 401 404 403 403 403 . ."},
		{"an operation on no instance", "call/ListInstances", `{}`, "401 401 403 403 403 403 403 ."},
		{"an operation on the instance", "call/DeleteInstance", `{"InstanceId": "00000000-0000-4000-8000-000000000000"}`,
			"401 401 404 404 404 404 404 404"},
		{"an operation that is none", "call/DropTables", `{}`, "401 401 404 404 404 404 404 404"},
		{"a question that is none", "ask/anything", about(``), "401 401 404 404 404 404 404 404"},
		{"what another can", "ask/effective", `{"subject": {"type": "user", "id": "` + sales + `"}}`,
			"401 401 403 403 403 . . ."},
		{"a question about another", "ask/evaluation", `{"subject": {"type": "user", "id": "` + jack +
			`"}, "action": {"name": "Queues.View"}, "resource": {"type": "Instance", "id": ""}}`,
			"401 401 403 403 403 403 . ."},
		{"the same, explained", "ask/evaluation", `{"subject": {"type": "user", "id": "` + sales +
			`"}, "action": {"name": "Users.View"}, "resource": {"type": "User", "id": "` + jack +
			`"}, "context": {"explain": true}}`,
			"401 401 403 403 403 403 . ."},
		{"who can", "ask/who-can",
			`{"subject": {"type": "user"}, "action": {"name": "Users.View"}, "resource": {"type": "User", "id": "` + sales +
				`"}}`, "401 401 403 403 . . . ."},
		{"which AI agents can", "ask/who-can",
			`{"subject": {"type": "ai_agent"}, "action": {"name": "Users.View"}, "resource": {"type": "User", "id": "` + sales +
				`"}}`, "401 401 403 403 403 403 . ."},
		{"which resources", "ask/resources", `{"subject": {"type": "user", "id": "` + jack +
			`"}, "action": {"name": "Users.View"}, "resource": {"type": "User"}}`, "401 401 403 403 403 403 . ."},
		{"which actions", "ask/actions", `{"subject": {"type": "user", "id": "` + jack +
			`"}, "resource": {"type": "Instance", "id": ""}}`, "401 401 403 403 403 403 . ."},
		{"who holds", "ask/holders", `{"resource": {"type": "SecurityProfile", "id": "` + fr + `"}}`,
			"401 401 403 403 403 . . ."},
		{"what is called so", "ask/lookup", `{"resource": {"type": "User", "id": "jack.turner"}}`, "401 401 . . . . . ."},
		{"what if a profile were another", "ask/what-if",
			`{"operation": "UpdateSecurityProfile", "parameters": {"SecurityProfileId": "` + fr +
				`", "Permissions": ["Users.View"]}}`,
			"401 401 404 403 403 . . ."},
		{"what if a person had others", "ask/what-if",
			`{"operation": "UpdateUserSecurityProfiles", "parameters": {"UserId": "` + jack + `", "SecurityProfileIds": ["` +
				order + `"]}}`,
			"401 401 404 403 403 403 . ."},
		{"a wrong password", "password", `{"OldPassword": "x", "NewPassword": "y"}`, "401 401 403 403 403 403 403 400"},
		// Signing in and out is TestSignIn's.
		{"signing in with nothing", "sign-in", `{}`, "400 400 400 400 400 400 400 400"},
	}
	for _, path := range console.Endpoints() {
		asked := strings.HasPrefix(path, "sign-out") // asked below, because they end sessions that this table needs
		for _, tt := range table {
			asked = asked || strings.TrimPrefix(tt.path, "GET ") == path || strings.HasSuffix(path, "/") &&
				strings.HasPrefix(tt.path, path)
		}
		if !asked {
			t.Errorf("%s is not in the table of who may ask what", path)
		}
	}
	for _, tt := range table {
		t.Run(tt.name, func(t *testing.T) {
			want := strings.Fields(tt.want)
			for i, kind := range kinds {
				b := who[kind]
				b.T = t
				method, path := "POST", tt.path
				if rest, ok := strings.CutPrefix(path, "GET "); ok {
					method, path = "GET", rest
				}
				if kind == "operator" && strings.HasPrefix(path, "ask/") {
					path += "?InstanceId=" + s.in.ID
				}
				status, answer := b.do(method, "/console/api/"+path, tt.body)
				if got := strings.Replace(fmt.Sprint(status), "200", ".", 1); got != want[i] {
					t.Errorf("%s: %d %v, want %s", kind, status, answer, want[i])
					continue
				}
				e, _ := answer["Error"].(map[string]any)
				if status >= 400 && (e["Code"] == "" || e["Message"] == "" || e["RequestId"] == "") {
					t.Errorf("%s: the error is %v", kind, answer)
				}
				if status == 403 && e["Permission"] == nil && !strings.Contains(tt.path, "password") &&
					!strings.Contains(tt.path, "ListInstances") && !strings.Contains(tt.body, `"Instance"`) {
					t.Errorf("%s: the refusal does not say which permission is missing: %v", kind, e)
				}
				if status == 401 && e["Code"] != "NotSignedIn" {
					t.Errorf("%s: %v", kind, e)
				}
			}
		})
	}
	t.Run("oneself", func(t *testing.T) {
		for _, kind := range slices.Sorted(maps.Keys(self)) {
			b := who[kind]
			b.T = t
			b.ok("ask/effective", `{"subject": {"type": "user", "id": "`+self[kind]+`"}}`)
			b.ok("ask/evaluation", `{"subject": {"type": "user", "id": "`+self[kind]+
				`"}, "action": {"name": "Queues.View"}, "resource": {"type": "Instance", "id": ""}, "context": {"explain": true}}`)
		}
	})
	for _, tt := range []struct {
		kind, path, body, list, member string
		want                           int
		has, hasNot                    string
	}{
		// no profile of the demo carries the tag
		{"tagged", "profiles", about(`, "PageSize": 100`), "Rows", "Name", 0, "", "Supervisor France"},
		{"hierarchy", "profiles", about(`, "PageSize": 100`), "Rows", "Name", 13, "Supervisor France", ""},
		{"admin", "profiles", about(`, "PageSize": 100`), "Rows", "Name", 13, "Supervisor France", ""},
		{"tagged", "users", about(`, "Limit": 100`), "Rows", "Username", 15, "hugo.moreau", "jack.turner"},
		{"hierarchy", "users", about(`, "Limit": 100`), "Rows", "Username", 27, "hugo.moreau", "jack.turner"},
		{"admin", "users", about(`, "Limit": 100`), "Rows", "Username", 41, "jack.turner", ""},
		{"tagged", "users", about(`, "UserId": "` + jack + `"`), "Rows", "Username", 0, "", "jack.turner"},
		{"hierarchy", "users", about(`, "UserId": "` + sales + `"`), "Rows", "Username", 1, "hugo.moreau", ""},
		{"admin", "users", about(`, "UserId": "` + jack + `"`), "Rows", "Username", 1, "jack.turner", ""},
		{"tagged", "ask/lookup", `{"resource": {"type": "User", "id": "jack.turner"}}`, "results", "id", 0, "", jack},
		{"admin", "ask/lookup", `{"resource": {"type": "User", "id": "jack.turner"}}`, "results", "id", 1, jack, ""},
		{"hierarchy", "ask/holders", `{"resource": {"type": "SecurityProfile", "id": "` + s.profile("Agent") + `"}}`,
			"results", "id", 24, sales, jack},
		{"admin", "ask/holders", `{"resource": {"type": "SecurityProfile", "id": "` + s.profile("Agent") + `"}}`, "results",
			"id", 34, jack, ""},
		{"hierarchy", "ask/who-can",
			`{"subject": {"type": "user"}, "action": {"name": "BasicAgentAccess"}, "resource": {"type": "Instance", "id": ""}}`,
			"results", "id", 24, sales, jack},
		{"hierarchy", "ask/what-if", `{"operation": "UpdateSecurityProfile", "parameters": {"SecurityProfileId": "` +
			s.profile("Agent") + `", "Permissions": ["Users.View"]}}`, "results", "id", 24, sales, jack},
		{"agent", "ask/lookup", `{"resource": {"type": "SecurityProfile", "id": "Agent"}}`, "results", "id", 0, "", ""},
	} {
		t.Run(tt.kind+" sees of "+tt.path, func(t *testing.T) {
			b := who[tt.kind]
			b.T = t
			got := names(b.ok(tt.path, tt.body)[tt.list], tt.member)
			if len(got) != tt.want || tt.has != "" && !slices.Contains(got, tt.has) || slices.Contains(got, tt.hasNot) &&
				tt.hasNot != "" {
				t.Errorf("%d: %q, want %d with %q and without %q", len(got), got, tt.want, tt.has, tt.hasNot)
			}
		})
	}
	t.Run("signing out", func(t *testing.T) {
		for _, path := range []string{"sign-out", "sign-out-everywhere"} {
			for _, kind := range []string{"nobody", "expired"} {
				b := *who[kind]
				b.T = t
				b.refused(path, `{}`, 401, "NotSignedIn")
			}
		}
	})
	t.Run("history shows what may be viewed", func(t *testing.T) {
		for kind, hidden := range map[string][]string{"tagged": {fr, jack}, "hierarchy": {jack}, "admin": {},
			"operator": {}} {
			b := who[kind]
			b.T = t
			b.ok("history", about(`, "Limit": 200`))
			body := fmt.Sprint(b.ok("history", about(`, "Limit": 200`)), b.ok("history/export", about(`, "Limit": 200`)))
			for _, id := range hidden {
				if strings.Contains(body, id) {
					t.Errorf("%s is shown %s", kind, id)
				}
			}
			if !strings.Contains(body, sales) {
				t.Errorf("%s is not shown %s", kind, sales)
			}
			if refused := strings.Contains(body, "is not allowed"); refused != (kind == "operator") {
				t.Errorf("%s: refusals are shown: %v", kind, refused)
			}
		}
	})
}

// TestSignIn tests who can sign in, how often, and for how long.
func TestSignIn(t *testing.T) {
	s := newSite(t)
	s.password(s.in.ID, "olivia.stone")
	right := fmt.Sprintf(`{"Username": "olivia.stone", "Password": %q}`, goodPassword)
	for _, tt := range []struct {
		name, body string
		status     int
		code       string
	}{
		{"no body", `{}`, 400, "InvalidRequestException"},
		{"both ways", `{"Username": "olivia.stone", "AccessKeyId": "x"}`, 400, "InvalidRequestException"},
		{"unknown member", `{"Username": "olivia.stone", "Password": "x", "Admin": true}`, 400, "InvalidRequestException"},
		{"twice", `{"Username": "olivia.stone", "Username": "x", "Password": "x"}`, 400, "InvalidRequestException"},
		{"no JSON", `sign me in`, 400, "InvalidRequestException"},
		{"wrong password", `{"Username": "olivia.stone", "Password": "Harbour-43"}`, 401, "SignInFailed"},
		{"no such user", `{"Username": "nobody", "Password": "Harbour-42"}`, 401, "SignInFailed"},
		{"no such instance", `{"Instance": "nowhere", "Username": "olivia.stone", "Password": "Harbour-42"}`, 401,
			"SignInFailed"},
		{"a user without a password", `{"Username": "hugo.moreau", "Password": ""}`, 401, "SignInFailed"},
		{"a name that is far too long", `{"Username": "` + strings.Repeat("x", 5000) + `", "Password": "x"}`, 401,
			"SignInFailed"},
		{"a wrong key", `{"AccessKeyId": "AKIANOBODY", "SecretAccessKey": "x"}`, 401, "SignInFailed"},
		{"a wrong secret", `{"AccessKeyId": "` + s.root.ID + `", "SecretAccessKey": "x"}`, 401, "SignInFailed"},
		{"a key without a secret", `{"AccessKeyId": "` + s.root.ID + `"}`, 401, "SignInFailed"},
		{"far too much", `{"Username": "` + strings.Repeat("x", 17<<10) + `"}`, 413, "InvalidRequestException"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := s.nobody()
			b.T = t
			b.refused("sign-in", tt.body, tt.status, tt.code)
			if b.cookie != "" {
				t.Error("a cookie is set")
			}
		})
	}
	t.Run("another key than the root key", func(t *testing.T) {
		k, err := s.svc.CreateKey(t.Context(), lanyard.AccessKey{Account: ownAccount})
		if err != nil {
			t.Fatal(err)
		}
		s.nobody().refused("sign-in", fmt.Sprintf(`{"AccessKeyId": %q, "SecretAccessKey": %q}`, k.ID, k.Secret), 401,
			"SignInFailed")
	})
	t.Run("the cookie", func(t *testing.T) {
		b := s.nobody().signIn(right)
		c := b.answer.Get("Set-Cookie")
		if !strings.Contains(c, "HttpOnly") || !strings.Contains(c, "SameSite=Strict") || !strings.Contains(c, "Path=/") ||
			strings.Contains(c, "Secure") || strings.Contains(c, "Domain") {
			t.Errorf("over HTTP the cookie is %s", c)
		}
		secure := newSite(t, func(c *frontends.Config) { c.Console.URL = "https://console.example" })
		secure.password(secure.in.ID, "olivia.stone")
		x := secure.nobody().signIn(right)
		if c := x.answer.Get("Set-Cookie"); !strings.HasPrefix(c, "__Host-lanyard=") || !strings.Contains(c, "; Secure") {
			t.Errorf("over HTTPS the cookie is %s", c)
		}
	})
	t.Run("tampered cookies", func(t *testing.T) {
		b := s.nobody().signIn(right)
		good := b.cookie
		b.ok("profiles", `{}`)
		for _, bad := range []string{"", "x", good[:len(good)-1], good + "A", strings.ToLower(good), good[1:] + good[:1],
			strings.Repeat("A", 4000), good[:10] + "\x01" + good[11:]} {
			b.cookie = bad
			if bad == good {
				continue
			}
			b.refused("profiles", `{}`, 401, "NotSignedIn")
			b.cookie = good
		}
		b.ok("profiles", `{}`)
	})
	t.Run("from another site", func(t *testing.T) {
		b := s.nobody().signIn(right)
		for name, change := range map[string]func(*http.Request){
			"fetched cross-site": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
			"a sibling's":        func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") },
			"another origin": func(r *http.Request) {
				r.Header.Del("Sec-Fetch-Site")
				r.Header.Set("Origin",
					"https://evil.example")
			},
			"no token":            func(r *http.Request) { r.Header.Del("X-Lanyard-Csrf") },
			"a stale token":       func(r *http.Request) { r.Header.Set("X-Lanyard-Csrf", s.operator().csrf) },
			"a token cut short":   func(r *http.Request) { r.Header.Set("X-Lanyard-Csrf", b.csrf[:10]) },
			"the cookie as token": func(r *http.Request) { r.Header.Set("X-Lanyard-Csrf", b.cookie) },
		} {
			if status, answer := b.do("POST", "/console/api/sign-out-everywhere", `{}`, change); status != 403 {
				t.Errorf("%s: %d %v", name, status, answer)
			}
		}
		for name, change := range map[string]func(*http.Request){
			"a form":    func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") },
			"text":      func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
			"no type":   func(r *http.Request) { r.Header.Del("Content-Type") },
			"multipart": func(r *http.Request) { r.Header.Set("Content-Type", "multipart/form-data; boundary=x") },
		} {
			if status, answer := b.do("POST", "/console/api/sign-in", right, change); status != 415 {
				t.Errorf("%s: %d %v", name, status, answer)
			}
		}
		if status, answer := b.do("POST", "/console/api/sign-in", right,
			func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }); status != 403 {
			t.Errorf("a sign-in from another site: %d %v", status, answer)
		}
		b.ok("profiles", `{}`)
	})
	t.Run("methods and sizes", func(t *testing.T) {
		b := s.nobody().signIn(right)
		for _, tt := range []struct {
			method, path string
			want         int
		}{{"GET", "profiles", 405}, {"PUT", "profiles", 405}, {"DELETE", "sign-out", 405}, {"POST", "session", 405},
			{"GET", "call/ListUsers", 405}, {"POST", "nowhere", 404},
			{"POST", "call/", 404}, {"POST", "call", 404}, {"POST", "call/a/b", 404}, {"POST", "", 404},
			{"POST", "profiles/", 404}} {
			if status, answer := b.do(tt.method, "/console/api/"+tt.path, `{}`); status != tt.want {
				t.Errorf("%s %s: %d %v, want %d", tt.method, tt.path, status, answer, tt.want)
			}
		}
		b.refused("profiles", `{"Search": "`+strings.Repeat("x", 5<<20)+`"}`, 413, "InvalidRequestException")
		for path, bodies := range map[string][]string{
			"profiles": {`{"PageSize": 101}`, `{"PageSize": 0}`, `{"Page": 0}`, `{"Sort": "Colour"}`,
				`{"Tag": "x"}`, `[]`, `{"Search": 1}`, `{"Nothing": 1}`, `{"Search": "` + strings.Repeat("x", 300) + `"}`},
			"users": {`{"Limit": 101}`, `{"Limit": -1}`, `{"NextToken": "x"}`, `{"Search": "` +
				strings.Repeat("x", 26) + `"}`, `{"Tag": {"Key": "a"}}`},
			"history": {`{"Id": "x"}`, `{"Type": "Tree", "Id": "x"}`, `{"Before": -1}`, `{"Limit": 201}`},
			"history/state": {`{}`, `{"Type": "User", "Id": "x", "Revision": 0}`,
				`{"Type": "User", "Id": "x", "Revision": 99999}`},
			"findings": {`{"After": -1}`, `{"Limit": 101}`, `{"Limit": -1}`, `{"After": 1e99}`},
			"blockers": {`{}`, `{"SecurityProfileIds": []}`},
			"ask/evaluation": {`{}`, `[]`, `{"subject": {"type": "user"}, "subject": {"type": "user"}}`,
				`{"subject": {"type": "tree", "id": "x"}}`},
			"ask/what-if": {`{}`, `{"operation": "DeleteUser", "parameters": {}}`,
				`{"operation": "UpdateSecurityProfile", "parameters": {"SecurityProfileId": "x", "Nothing": 1}}`},
			"call/UpdateSecurityProfile": {`[]`, `{"SecurityProfileId": 1}`, `{"SecurityProfileId": "` + s.profile("Auditor") +
				`", "Nothing": 1}`, `{"SecurityProfileId": "` + s.profile("Auditor") + `", "Permissions": ["Fly.High"]}`},
		} {
			for _, body := range bodies {
				if status, answer := b.post(path, body); status != 400 {
					t.Errorf("%s %.60s: %d %v, want 400", path, body, status, answer)
				}
			}
		}
	})
	t.Run("sign-out", func(t *testing.T) {
		one, two := s.nobody().signIn(right), s.nobody().signIn(right)
		copied := *one
		one.ok("sign-out", `{}`)
		if e := copied.refused("profiles", `{}`, 401, "NotSignedIn"); e["Reason"] != "ended" {
			t.Errorf("the reason is %v", e)
		}
		two.ok("profiles", `{}`)
	})
	t.Run("sign-out everywhere", func(t *testing.T) {
		one, two, other := s.nobody().signIn(right), s.nobody().signIn(right), s.operator()
		one.ok("sign-out-everywhere", `{}`)
		two.refused("profiles", `{}`, 401, "NotSignedIn")
		other.ok("call/ListInstances", `{}`)
	})
	t.Run("many sessions", func(t *testing.T) {
		first := s.operator()
		for range 21 {
			s.operator()
			for now := time.Now().UnixMilli(); time.Now().UnixMilli() == now; { // sessions are told apart by milliseconds
				runtime.Gosched()
			}
		}
		first.refused("call/ListInstances", `{}`, 401, "NotSignedIn")
	})
	t.Run("a restart", func(t *testing.T) {
		b := s.nobody().signIn(right)
		s.start()
		b.ok("profiles", `{}`)
	})
	t.Run("another server on the same database", func(t *testing.T) {
		b := s.nobody().signIn(right)
		there := *s
		there.start()
		elsewhere := &browser{T: t, site: &there, cookie: b.cookie, csrf: b.csrf}
		elsewhere.ok("sign-out-everywhere", `{}`)
		b.refused("profiles", `{}`, 401, "NotSignedIn")
	})
	t.Run("expiry", func(t *testing.T) {
		now := time.Now().UTC().Truncate(time.Millisecond)
		for name, tt := range map[string]struct {
			seen, expires time.Time
			want          int
		}{
			"in use":       {now.Add(-29 * time.Minute), now.Add(time.Hour), 200},
			"idle":         {now.Add(-31 * time.Minute), now.Add(time.Hour), 401},
			"over":         {now, now.Add(-time.Second), 401},
			"just touched": {now, now.Add(time.Minute), 200},
		} {
			b := s.nobody().signIn(right)
			n, err := s.db.Session(t.Context(), sessionOf(b.cookie))
			if err == nil {
				err = s.db.EndSession(t.Context(), n.ID)
			}
			if n.Seen, n.Expires = tt.seen, tt.expires; err == nil {
				err = s.db.AddSession(t.Context(), n)
			}
			if err != nil {
				t.Fatal(err)
			}
			status, answer := b.post("profiles", `{}`)
			if status != tt.want {
				t.Errorf("%s: %d %v, want %d", name, status, answer, tt.want)
			}
			if e, ok := answer["Error"].(map[string]any); ok && e["Reason"] != "expired" {
				t.Errorf("%s: the reason is %v", name, e)
			}
			if after, err := s.db.Session(t.Context(), n.ID); tt.want == 200 &&
				(err != nil || after.Seen.Before(now.Add(-time.Minute))) {
				t.Errorf("%s: it was seen last at %v, %v", name, after.Seen, err)
			}
		}
	})
	t.Run("one's own password", func(t *testing.T) {
		one, two := s.nobody().signIn(right), s.nobody().signIn(right)
		one.refused("password", `{"OldPassword": "Harbour-43", "NewPassword": "Harbour-44"}`, 403, "AccessDeniedException")
		for _, weak := range []string{"", "Short-1", "nocapital-1", "NOSMALL-1", "NoDigit-x", "With space 1",
			strings.Repeat("Aa1", 22)} {
			e := one.refused("password", fmt.Sprintf(`{"OldPassword": %q, "NewPassword": %q}`, goodPassword, weak), 400,
				"InvalidParameterException")
			if fmt.Sprint(e["Members"]) != "[NewPassword]" {
				t.Errorf("the members are %v", e["Members"])
			}
		}
		two.ok("profiles", `{}`)
		one.ok("password", fmt.Sprintf(`{"OldPassword": %q, "NewPassword": "Harbour-44"}`, goodPassword))
		one.ok("profiles", `{}`)
		two.refused("profiles", `{}`, 401, "NotSignedIn")
		s.nobody().refused("sign-in", right, 401, "SignInFailed")
		s.nobody().signIn(`{"Username": "olivia.stone", "Password": "Harbour-44"}`)
		// Neither the audit nor any document has a password or a hash.
		events, err := s.svc.Events(t.Context(), s.in.ID, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		all, _ := json.Marshal(events)
		for _, secret := range []string{"Harbour-4", "argon2"} {
			if strings.Contains(string(all), secret) {
				t.Errorf("the events have %q", secret)
			}
		}
		last := events[len(events)-1]
		if last.Operation != "SetUserPassword" || last.OnBehalfOf != s.user("olivia.stone") ||
			!strings.HasPrefix(last.UserAgent, "lanyard-console") {
			t.Errorf("the change of the password is recorded as %+v", last)
		}
	})
	t.Run("guessing", func(t *testing.T) {
		s := newSite(t)
		s.password(s.in.ID, "olivia.stone")
		b := s.nobody()
		wrong := `{"Username": "olivia.stone", "Password": "wrong"}`
		for range 5 {
			b.refused("sign-in", wrong, 401, "SignInFailed")
		}
		e := b.refused("sign-in", right, 429, "TooManyAttempts") // the right one, too
		if b.answer.Get("Retry-After") == "" || e["RetryAfter"] == nil {
			t.Errorf("how long to wait is not said: %v", e)
		}
		s.operator() // somebody else is not held up
		if err := until(func() error {
			if status, answer := b.post("sign-in", right); status != 200 {
				return fmt.Errorf("the right password is answered %d %v", status, answer)
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
		b.refused("sign-in", wrong, 401, "SignInFailed") // and the count begins again
	})
	t.Run("guessing under every name of the instance", func(t *testing.T) {
		s := newSite(t)
		s.password(s.in.ID, "olivia.stone")
		b := s.nobody()
		for _, instance := range []string{"", s.in.ID, s.in.Name, "", s.in.ID} {
			b.refused("sign-in", fmt.Sprintf(`{"Instance": %q, "Username": "olivia.stone", "Password": "wrong"}`, instance), 401,
				"SignInFailed")
		}
		for _, instance := range []string{"", s.in.ID, s.in.Name} {
			b.refused("sign-in",
				fmt.Sprintf(`{"Instance": %q, "Username": "olivia.stone", "Password": %q}`, instance, goodPassword), 429,
				"TooManyAttempts")
		}
		// Guesses from elsewhere hold nobody up.
		status, _ := b.do("POST", "/console/api/sign-in", right, func(r *http.Request) { r.RemoteAddr = "203.0.113.9:1234" })
		if status != 200 {
			t.Errorf("from another address the right password is answered %d", status)
		}
	})
}

// TestEnds tests what changes do to an open session.
func TestEnds(t *testing.T) {
	for _, tt := range []struct {
		name   string
		who    string
		do     func(s *site) error
		reason string
	}{
		{"the user is deleted", "olivia.stone", func(s *site) error {
			_, err := s.svc.DeleteUser(s.Context(), s.operation("DeleteUser"), s.in.ID, s.user("olivia.stone"))
			return err
		}, "ended"},
		{"the instance is deleted", "olivia.stone", func(s *site) error {
			_, err := s.svc.DeleteInstance(s.Context(), s.operation("DeleteInstance"), s.in.ID)
			return err
		}, "instance-deleted"},
		{"the operator gives the user another password", "olivia.stone", func(s *site) error {
			s.password(s.in.ID, "olivia.stone")
			return nil
		}, "ended"},
		{"the root key is replaced", "", func(s *site) error {
			_, err := s.svc.SetRootKey(s.Context(), "AKIDANOTHER000000001", "0123456789abcdef", ownAccount)
			return err
		}, "ended"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			var b *browser
			if tt.who == "" {
				b = s.operator()
			} else {
				b = s.as(s.in, tt.who)
			}
			b.ok("profiles", fmt.Sprintf(`{"InstanceId": %q}`, s.in.ID))
			if err := tt.do(s); err != nil {
				t.Fatal(err)
			}
			e := b.refused("profiles", `{}`, 401, "NotSignedIn")
			if e["Reason"] != tt.reason {
				t.Errorf("the reason is %v, want %s", e["Reason"], tt.reason)
			}
			if status, answer := b.do("GET", "/console/api/session", ""); status != 401 {
				t.Errorf("the session is %d %v", status, answer)
			}
		})
	}
	t.Run("the user loses the right", func(t *testing.T) {
		s := newSite(t)
		b := s.as(s.in, "olivia.stone")
		b.ok("profiles", `{}`)
		if _, err := s.svc.UpdateUserSecurityProfiles(t.Context(), s.operation("UpdateUserSecurityProfiles"), s.in.ID,
			s.user("olivia.stone"), []string{s.profile("Agent")}); err != nil {
			t.Fatal(err)
		}
		b.refused("profiles", `{}`, 403, "AccessDeniedException")
	})
}

// TestStory is the story of the demo: a supervisor cannot see an agent; why, whom a change would affect, the
// change, and what it leaves in history.
func TestStory(t *testing.T) {
	s := newSite(t)
	claire, olivia := s.as(s.in, "claire.dubois"), s.as(s.in, "olivia.stone")
	sarah, fr := s.user("sarah.masson"), s.profile("Supervisor France")
	if got := names(claire.ok("users", `{"Limit": 100}`)["Rows"], "Username"); slices.Contains(got, "sarah.masson") ||
		!slices.Contains(got, "hugo.moreau") {
		t.Fatalf("claire sees %q", got)
	}
	why := olivia.ok("ask/evaluation",
		fmt.Sprintf(`{"subject": {"type": "user", "id": "claire.dubois"}, "action": {"name": "Users.View"}, "resource": {"type": "User", "id": %q}, "context": {"explain": true}}`, sarah))
	if text := fmt.Sprint(why); !strings.Contains(text, "Country=Fr") || !strings.Contains(text, "case only") {
		t.Errorf("why is explained by %v", why)
	}
	read := olivia.ok("profile", fmt.Sprintf(`{"SecurityProfileId": %q}`, fr))
	tag, _ := read["ETag"].(string)
	if olivia.answer.Get("Etag") != tag || tag == "" {
		t.Errorf("the ETag is %q in the body and %q in the header", tag, olivia.answer.Get("Etag"))
	}
	change := fmt.Sprintf(`"SecurityProfileId": %q, "AllowedAccessControlTags": {"Country": "Fr"}`, fr)
	if got := names(olivia.ok("ask/what-if", `{"operation": "UpdateSecurityProfile", "parameters": {`+change+
		`}}`)["results"], "id"); len(got) != 2 {
		t.Errorf("what-if affects %q, want two", got)
	}
	if after := olivia.ok("profile", fmt.Sprintf(`{"SecurityProfileId": %q}`, fr)); fmt.Sprint(after) != fmt.Sprint(read) {
		t.Errorf("what-if changed the profile to %v", after)
	}
	// Somebody else saves in the meantime.
	s.operator().ok("call/UpdateSecurityProfile",
		fmt.Sprintf(`{"InstanceId": %q, "SecurityProfileId": %q, "Description": "Theirs"}`, s.in.ID, fr))
	match := func(tag string) func(*http.Request) { return func(r *http.Request) { r.Header.Set("If-Match", tag) } }
	status, stale := olivia.do("POST", "/console/api/call/UpdateSecurityProfile", "{"+change+"}", match(tag))
	current, _ := stale["Current"].(map[string]any)
	now, _ := current["ETag"].(string)
	if state, _ := current["Profile"].(map[string]any); status != 412 || state["Description"] != "Theirs" || now == tag ||
		now == "" {
		t.Fatalf("saving over it answers %d %v", status, stale)
	}
	status, saved := olivia.do("POST", "/console/api/call/UpdateSecurityProfile", "{"+change+"}", match(now))
	if status != 200 || olivia.answer.Get("Etag") == "" || olivia.answer.Get("Etag") == now {
		t.Fatalf("saving answers %d %v, ETag %s", status, saved, olivia.answer.Get("Etag"))
	}
	if read := olivia.ok("profile",
		fmt.Sprintf(`{"SecurityProfileId": %q}`, fr)); read["ETag"] != olivia.answer.Get("Etag") ||
		fmt.Sprint(read["LastModified"]) == "" ||
		!strings.Contains(fmt.Sprint(read["LastModified"]), "olivia.stone") {
		t.Errorf("after it the profile is %v", read)
	}
	if got := names(claire.ok("users", `{"Limit": 100}`)["Rows"], "Username"); !slices.Equal(got,
		[]string{"sarah.masson"}) {
		t.Errorf("now claire sees %q", got)
	}
	// The history of it, and back.
	h := olivia.ok("history", fmt.Sprintf(`{"Type": "SecurityProfile", "Id": %q, "Limit": 2}`, fr))
	events, _ := h["Events"].([]any)
	if len(events) != 2 {
		t.Fatalf("the history is %v", h)
	}
	first := events[0].(map[string]any)
	fields := first["Changes"].([]any)[0].(map[string]any)["Fields"].([]any)
	if by := first["By"].(map[string]any); by["Name"] != "olivia.stone" || len(fields) != 1 ||
		fmt.Sprint(fields[0]) != "map[After:map[Country:Fr] Before:map[Country:FR] Field:AllowedAccessControlTags]" {
		t.Errorf("the last change is %v", first)
	}
	second := events[1].(map[string]any)
	if by := second["By"].(map[string]any); by["Kind"] != "operator" {
		t.Errorf("the one before is %v", second)
	}
	was := olivia.ok("history/state",
		fmt.Sprintf(`{"Type": "SecurityProfile", "Id": %q, "Revision": %v}`, fr, int(second["Revision"].(float64))))
	state := was["Profile"].(map[string]any)
	for _, name := range []string{"SecurityProfileArn", "SecurityProfileName", "Tags", "LastModifiedTime"} {
		delete(state, name)
	}
	restore, _ := json.Marshal(state)
	olivia.ok("call/UpdateSecurityProfile", string(restore))
	if got := names(claire.ok("users", `{"Limit": 100}`)["Rows"], "Username"); slices.Contains(got, "sarah.masson") ||
		!slices.Contains(got, "hugo.moreau") {
		t.Errorf("after restoring claire sees %q", got)
	}
	// The audit has who it was, through what.
	all, err := s.svc.Events(t.Context(), s.in.ID, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	if last := all[len(all)-1]; last.OnBehalfOf != s.user("olivia.stone") || last.AccessKeyID != "console" ||
		!strings.HasPrefix(last.UserAgent, "lanyard-console") {
		t.Errorf("the audit has %+v", last)
	}
}

// sessionOf returns the id under which the store has the session of a cookie.
func sessionOf(cookie string) string { return console.SessionID(cookie) }

// TestPage tests the page itself and the headers of its answers.
func TestPage(t *testing.T) {
	s := newSite(t)
	get := func(path string, header ...string) *http.Response {
		r := httptest.NewRequest("GET", path, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		return w.Result()
	}
	for _, path := range []string{"/", "/console/api/session", "/assets/none.js", "/console/oidc/start"} {
		h := get(path).Header
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self';", "style-src 'self'",
			"frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the policy %q lacks %s", path, csp, want)
			}
		}
		if strings.Contains(csp, "unsafe-eval") || strings.Contains(strings.Split(csp, "style-src")[0], "unsafe") ||
			h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s has the headers %v", path, h)
		}
	}
	res := get("/")
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") ||
		!strings.Contains(string(body), "lanyard") {
		t.Errorf("/ answers %d %s", res.StatusCode, body)
	}
	if again := get("/", "If-None-Match", res.Header.Get("Etag")); again.StatusCode != http.StatusNotModified {
		t.Errorf("asked again, / answers %d", again.StatusCode)
	}
	if strings.Contains(string(body), "<script>") || strings.Contains(string(body), "<style") {
		t.Errorf("the page has script or style in itself: %s", body)
	}
	for path, want := range map[string]int{"/assets/none.js": 404, "/assets/../../etc/passwd": 404, "/console/": 404,
		"/console/oidc/start": 404, "/security-profiles": 404} {
		if got := get(path).StatusCode; got != want {
			t.Errorf("%s answers %d, want %d", path, got, want)
		}
	}
}

// TestHistoryNames expects that history names the resources in it, also deleted ones, to viewers who may see
// them.
func TestHistoryNames(t *testing.T) {
	s := newSite(t)
	olivia, claire := s.as(s.in, "olivia.stone"), s.as(s.in, "claire.dubois")
	hugo := s.user("hugo.moreau")
	gone := olivia.ok("call/CreateSecurityProfile", `{"SecurityProfileName": "Short-lived"}`)["SecurityProfileId"].(string)
	was := olivia.ok("call/DescribeUser", fmt.Sprintf(`{"UserId": %q}`, hugo))["User"].(map[string]any)
	group := was["HierarchyGroupId"].(string)
	olivia.ok("call/UpdateUserSecurityProfiles",
		fmt.Sprintf(`{"UserId": %q, "SecurityProfileIds": [%q, %q]}`, hugo, s.profile("Agent"), gone))
	olivia.ok("call/UpdateUserSecurityProfiles",
		fmt.Sprintf(`{"UserId": %q, "SecurityProfileIds": [%q]}`, hugo, s.profile("Agent")))
	olivia.ok("call/UpdateUserHierarchy", fmt.Sprintf(`{"UserId": %q}`, hugo))
	olivia.ok("call/DeleteSecurityProfile", fmt.Sprintf(`{"SecurityProfileId": %q}`, gone))
	about := fmt.Sprintf(`{"Type": "User", "Id": %q, "Limit": 3}`, hugo)
	named := func(b *browser, path, body string) map[string]any {
		names, ok := b.ok(path, body)["Names"].(map[string]any)
		if !ok {
			t.Fatalf("%s has no Names", path)
		}
		return names
	}
	names := named(olivia, "history", about)
	for id, want := range map[string]string{gone: "Short-lived", s.profile("Agent"): "Agent"} {
		if names[id] != want {
			t.Errorf("olivia reads %v for %s", names[id], want)
		}
	}
	if path, _ := names[group].(string); !strings.HasPrefix(path, "Harbour Outfitters / Europe / ") ||
		names[was["RoutingProfileId"].(string)] == nil {
		t.Errorf("the group or the routing profile has no name in %v", names)
	}
	revision := int(olivia.ok("history", about)["Events"].([]any)[2].(map[string]any)["Revision"].(float64))
	if names := named(olivia, "history/state",
		fmt.Sprintf(`{"Type": "User", "Id": %q, "Revision": %d}`, hugo, revision)); names[gone] != "Short-lived" {
		t.Errorf("the state of then has the names %v", names)
	}
	// She may see the user, but neither profiles nor groups.
	if names := named(claire, "history", about); len(names) != 0 {
		t.Errorf("claire reads the names %v", names)
	}
}

// TestHistoryOfTheDeleted expects that the last group of a deleted user counts, whatever group an event is of:
// a viewer who was not to see the user any more does not see their past either.
func TestHistoryOfTheDeleted(t *testing.T) {
	s := newSite(t)
	olivia := s.as(s.in, "olivia.stone")
	groups := map[string]string{}
	all, err := control.List[*lanyard.Group](t.Context(), s.svc, s.operation("x"), s.in.ID, control.Page{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range all.Items {
		groups[g.Name] = g.ID
	}
	create := func(name, profile, group string) string {
		return olivia.ok("call/CreateUser", fmt.Sprintf(`{"Username": %q, "SecurityProfileIds": [%q], "RoutingProfileId": %q, "HierarchyGroupId": %q,
			"PhoneConfig": {"PhoneType": "SOFT_PHONE"}, "IdentityInfo": {"FirstName": "A", "LastName": "B"}}`, name, profile, s.routing, group))["UserId"].(string)
	}
	europe := olivia.ok("call/CreateSecurityProfile", fmt.Sprintf(`{"SecurityProfileName": "Europe only", "Permissions": ["Users.View"],
		"HierarchyRestrictedResources": ["User"], "AllowedAccessControlHierarchyGroupId": %q}`, groups["Europe"]))["SecurityProfileId"].(string)
	create("heidi.brandt", europe, groups["Europe"])
	heidi := s.as(s.in, "heidi.brandt")
	for _, tt := range []struct {
		name  string
		moves string
		want  int // events that heidi sees once the user is deleted
	}{
		{"stayed", "", 2},
		{"moved.away", groups["Americas"], 0},
	} {
		id := create(tt.name, s.profile("Agent"), groups["Europe"])
		if tt.moves != "" {
			olivia.ok("call/UpdateUserHierarchy", fmt.Sprintf(`{"UserId": %q, "HierarchyGroupId": %q}`, id, tt.moves))
		}
		olivia.ok("call/DeleteUser", fmt.Sprintf(`{"UserId": %q}`, id))
		events := heidi.ok("history", fmt.Sprintf(`{"Type": "User", "Id": %q}`, id))["Events"].([]any)
		if len(events) != tt.want {
			t.Errorf("%s: heidi sees %d events, want %d", tt.name, len(events), tt.want)
		}
		if page := fmt.Sprint(heidi.ok("history", `{"Limit": 200}`)); strings.Contains(page, id) != (tt.want > 0) {
			t.Errorf("%s: the history of all: %.500s", tt.name, page)
		}
	}
}

// TestHistoryOfPasswords expects that only viewers of a user see that the user was given a password, and that
// the earlier states of the user stay as they were.
func TestHistoryOfPasswords(t *testing.T) {
	s := newSite(t)
	hugo := s.user("hugo.moreau")
	s.password(s.in.ID, "hugo.moreau")
	about := fmt.Sprintf(`{"Type": "User", "Id": %q}`, hugo)
	for _, name := range []string{"olivia.stone", "claire.dubois"} {
		b := s.as(s.in, name)
		events := b.ok("history", about)["Events"].([]any)
		first := events[0].(map[string]any)
		if first["Operation"] != "SetUserPassword" {
			t.Errorf("%s sees %v first", name, first)
		}
		revision := int(first["Revision"].(float64))
		b.ok("history/state", fmt.Sprintf(`{"Type": "User", "Id": %q, "Revision": %d}`, hugo, revision))
		if got := fmt.Sprint(b.ok("history/export", about)); strings.Contains(got, "Digest") ||
			strings.Contains(got, "argon") {
			t.Errorf("%s exports %s", name, got)
		}
	}
	s.password(s.in.ID, "priya.shah")
	if got := fmt.Sprint(s.as(s.in, "claire.dubois").ok("history", `{"Limit": 200}`)); strings.Contains(got,
		s.user("priya.shah")) {
		t.Errorf("claire sees %.300s", got)
	}
}

// TestBytes tests how much the page loads: what can be compressed is, what has not changed is not sent again,
// and an answer with a secret is never compressed.
func TestBytes(t *testing.T) {
	s := newSite(t)
	olivia := s.as(s.in, "olivia.stone")
	send := func(method, path, body string, header ...string) *http.Response {
		t.Helper()
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		r.Header.Set("Accept-Encoding", "gzip, deflate, br")
		r.Header.Set("X-Lanyard-Csrf", olivia.csrf)
		r.AddCookie(&http.Cookie{Name: "lanyard", Value: olivia.cookie})
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		return w.Result()
	}
	long := strings.Repeat("x", 4000)
	for _, tt := range []struct {
		name, method, path, body string
		status                   int
		packed                   bool
		cache                    string
	}{
		{"catalogue", "GET", "catalogue", "", 200, true, "private, no-cache"},
		{"overview", "POST", "overview", "{}", 200, true, "no-store"},
		{"profiles", "POST", "profiles", "{}", 200, true, "no-store"},
		{"users", "POST", "users", "{}", 200, true, "no-store"},
		{"history", "POST", "history", "{}", 200, true, "no-store"},
		{"an operation", "POST", "call/ListUsers", "{}", 200, true, "no-store"},
		{"a question", "POST", "ask/effective",
			fmt.Sprintf(`{"subject": {"type": "user", "id": %q}}`, s.user("olivia.stone")), 200, true, "no-store"},
		{"session", "GET", "session", "", 200, false, "no-store"},
		{"sign-in", "POST", "sign-in",
			fmt.Sprintf(`{"Instance": %q, "Username": "olivia.stone", "Password": %q}`, s.in.Name, goodPassword), 200, false,
			"no-store"},
		{"an error", "POST", "ask/" + long, "{}", 404, false, "no-store"},
		{"a short answer", "POST", "users", `{"Search": "nobody at all"}`, 200, false, "no-store"},
	} {
		var header []string
		if tt.path == "sign-in" {
			header = []string{"Cookie", ""} // it would end the session that the other rows have
		}
		res := send(tt.method, "/console/api/"+tt.path, tt.body, header...)
		if packed := res.Header.Get("Content-Encoding") == "gzip"; res.StatusCode != tt.status || packed != tt.packed ||
			res.Header.Get("Cache-Control") != tt.cache {
			t.Errorf("%s: %d, compressed %t, Cache-Control %q; want %d, %t, %q", tt.name, res.StatusCode, packed,
				res.Header.Get("Cache-Control"), tt.status, tt.packed, tt.cache)
		}
		if res.Header.Get("No-Gzip-Compression") != "" {
			t.Errorf("%s: the header for the compressor is sent", tt.name)
		}
	}
	first := send("GET", "/console/api/catalogue", "")
	packed, err := io.ReadAll(first.Body)
	if err != nil || len(packed) > 12_000 || len(packed) < 1000 {
		t.Errorf("the catalogue is sent in %d bytes (%v), want some 10 kB", len(packed), err)
	}
	again := send("GET", "/console/api/catalogue", "", "If-None-Match", first.Header.Get("Etag"))
	if body, err := io.ReadAll(again.Body); again.StatusCode != http.StatusNotModified || len(body) != 0 || err != nil {
		t.Errorf("the catalogue again answers %d with %d bytes", again.StatusCode, len(body))
	}
	if other := send("GET", "/console/api/catalogue", "", "If-None-Match",
		`"of another version"`); other.StatusCode != 200 {
		t.Errorf("the catalogue of another version answers %d", other.StatusCode)
	}
	if out := send("GET", "/console/api/catalogue", "", "Cookie", "", "If-None-Match",
		first.Header.Get("Etag")); out.StatusCode != 401 {
		t.Errorf("without a session the catalogue answers %d", out.StatusCode)
	}
	page := send("GET", "/", "")
	if page.Header.Get("Cache-Control") != "no-cache" || page.Header.Get("Etag") == "" {
		t.Errorf("the page has the headers %v", page.Header)
	}
	html, err := io.ReadAll(send("GET", "/", "", "Accept-Encoding", "identity").Body)
	if err != nil {
		t.Fatal(err)
	}
	asset := regexp.MustCompile(`assets/[\w-]+\.js`).Find(html)
	if asset == nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("the console was not built into this test: make console")
		}
		t.Skip("SKIPPED, the console was not built into this test: make console")
	}
	if res := send("GET", "/"+string(asset),
		""); res.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" ||
		res.Header.Get("Content-Encoding") != "gzip" {
		t.Errorf("%s has the headers %v", asset, res.Header)
	}
}

// TestLastChange expects that the last change of a profile is known also after its event was pruned.
func TestLastChange(t *testing.T) {
	s := newSite(t)
	order := s.profile("Order desk")
	s.as(s.in, "olivia.stone").ok("call/UpdateSecurityProfile",
		fmt.Sprintf(`{"SecurityProfileId": %q, "Description": "Mine"}`, order))
	s.operator().ok("call/UpdateSecurityProfile",
		fmt.Sprintf(`{"InstanceId": %q, "SecurityProfileId": %q, "Description": "Other"}`, s.in.ID, s.profile("Auditor")))
	if err := s.svc.PruneAll(t.Context(), control.Retention{Events: 1}, "tester"); err != nil {
		t.Fatal(err)
	}
	s.start() // nothing is remembered
	o := s.operator()
	if h := o.ok("history", fmt.Sprintf(`{"InstanceId": %q}`, s.in.ID)); len(h["Events"].([]any)) != 1 {
		t.Fatalf("after the cut there is %v", h)
	}
	by := map[string]any{}
	for _, row := range o.ok("profiles", fmt.Sprintf(`{"InstanceId": %q, "PageSize": 100}`, s.in.ID))["Rows"].([]any) {
		row := row.(map[string]any)
		by[row["Id"].(string)] = row["LastModified"].(map[string]any)["By"]
	}
	if got := fmt.Sprint(by[order]); !strings.Contains(got, "olivia.stone") {
		t.Errorf("the last change was by %s, want olivia.stone", got)
	}
	if got := fmt.Sprint(by[s.profile("Auditor")]); !strings.Contains(got, "operator") {
		t.Errorf("the last change was by %s, want the operator", got)
	}
}

// until repeats a check until it passes, for at most ten seconds.
func until(check func() error) (err error) {
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if err = check(); err == nil {
			return nil
		}
	}
	return err
}

// TestHistoryOfDataTables shows changes of attributes with those of their table, to those who may view the table.
func TestHistoryOfDataTables(t *testing.T) {
	w := newHidingWorld(t)
	w.begin("history")
	for _, table := range []string{"table", "htable"} {
		w.root.ok("call/CreateDataTableAttribute", spell(`{"InstanceId": "$instance", "DataTableId": "$`+table+
			`", "Name": "Added", "ValueType": "TEXT", "Validation": {"MaxLength": 3}}`))
		w.root.ok("call/DeleteDataTableAttribute", spell(`{"InstanceId": "$instance", "DataTableId": "$`+table+
			`", "AttributeName": "Added"}`))
	}
	changes := func(b *browser, body string) (all []string) {
		for _, e := range b.ok("history", spell(body))["Events"].([]any) {
			for _, c := range e.(map[string]any)["Changes"].([]any) {
				c := c.(map[string]any)
				all = append(all, fmt.Sprint(c["Action"], " ", c["Type"], " ", c["Name"]))
			}
		}
		return all
	}
	looker := w.nobody().signIn(fmt.Sprintf(`{"Username": "looker", "Password": %q}`, goodPassword))
	const last = `{"InstanceId": "$instance", "Type": "DataTable", "Id": "$table", "Limit": 2}`
	// Of the table itself only its lock version changed, which tells a user nothing.
	want := []string{"delete DataTableAttribute Added", "create DataTableAttribute Added"}
	if got := changes(looker, last); !slices.Equal(got, want) {
		t.Errorf("a user who may view the table is shown %q, want %q", got, want)
	}
	got := slices.DeleteFunc(changes(w.root, last), func(c string) bool { return c == "update DataTable Table" })
	if !slices.Equal(got, want) {
		t.Errorf("the operator is shown %q, want %q", got, want)
	}
	for _, body := range []string{`{"InstanceId": "$instance"}`, `{"InstanceId": "$instance", "Type": "DataTable"}`,
		`{"InstanceId": "$instance", "Type": "DataTable", "Id": "$htable"}`} {
		for _, c := range changes(looker, body) {
			if strings.Contains(c, "Canary") {
				t.Errorf("%s shows the looker %s", body, c)
			}
		}
	}
	hidden := changes(looker, `{"InstanceId": "$instance", "Type": "DataTable", "Id": "$htable"}`)
	if len(hidden) > 0 {
		t.Errorf("the looker is shown %q of a hidden table", hidden)
	}
}

package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/frontends"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

// centre is a server without a network, and what is in it.
type centre struct {
	testing.TB
	svc      *control.Service
	handler  http.Handler
	instance string
	routing  string
}

const ownAccount = "123456789012"

func newCentre(t testing.TB) *centre {
	t.Helper()
	db, err := sqlite.OpenMemory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	cmd := &serveCmd{Region: "us-east-1", Partition: "aws", Account: ownAccount, Listen: "example.com:4580", NoAuth: true,
		Quota: quotaFlags{Users: -1, Profiles: -1}}
	log := slog.New(slog.DiscardHandler)
	c := &centre{TB: t, svc: control.New(control.Config{Store: db, Region: cmd.Region, Quotas: cmd.Quota.quotas(),
		Logger: log})}
	if err := c.svc.LoadTokens(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c.handler, err = frontends.New(t.Context(), cmd.frontendsConfig(c.svc, db, log, nil)); err != nil {
		t.Fatal(err)
	}
	created, err := c.svc.CreateInstance(t.Context(), c.call(),
		control.NewInstance{Alias: "centre", IdentityManagement: control.SAML})
	if err != nil {
		t.Fatal(err)
	}
	in := created.Instance
	c.instance = in.ID
	routing, err := control.List[*lanyard.RoutingProfile](t.Context(), c.svc, c.call(), c.instance,
		control.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	c.routing = routing.Items[0].ID
	return c
}

func (c *centre) call() control.Call {
	return control.Call{Caller: lanyard.Caller{Account: ownAccount}, Operation: "Test"}
}

func (c *centre) profile(name string, change control.ProfileChange) string {
	c.Helper()
	created, err := c.svc.CreateSecurityProfile(c.Context(), c.call(), c.instance,
		control.NewProfile{Name: name, ProfileChange: change})
	if err != nil {
		c.Fatal(err)
	}
	p := created.Resource
	return p.ID
}

func (c *centre) user(name string, tags map[string]string, profiles ...string) string {
	c.Helper()
	created, err := c.svc.CreateUser(c.Context(), c.call(), c.instance, control.NewUser{User: lanyard.User{
		Meta: lanyard.Meta{Name: name, Tags: tags}, Profiles: profiles, RoutingProfile: c.routing}})
	if err != nil {
		c.Fatal(err)
	}
	u := created.Resource
	return u.ID
}

func (c *centre) send(path, body string, header ...string) (int, string) {
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func (c *centre) whatIf(body string, header ...string) (int, string) {
	return c.send("/instances/"+c.instance+"/access/v1/what-if", body, header...)
}

// shown is an answer to what-if.
type shown struct {
	Page struct {
		NextToken string `json:"next_token"`
		Count     int
	}
	Revision, Affected, Gaining, Losing int
	Results                             []struct {
		Type, ID   string
		Properties struct{ Name string }
		Difference int
	}
	Differences []struct {
		Gains, Loses []struct{ Action string }
		Changes      []struct {
			Action     string
			More, Less bool
		}
	}
	Before, After struct{ Decision bool }
}

func (c *centre) shown(body string) (s shown) {
	c.Helper()
	status, answer := c.whatIf(body)
	if err := json.Unmarshal([]byte(answer), &s); err != nil || status != http.StatusOK {
		c.Fatalf("%s\nis answered %d %s", body, status, answer)
	}
	return s
}

func TestBearer(t *testing.T) {
	c := newCentre(t)
	_, text, err := c.svc.CreateToken(t.Context(), lanyard.Token{Account: ownAccount, Scope: lanyard.ScopeDecide})
	if err != nil {
		t.Fatal(err)
	}
	const question = `{"subject":{"type":"user","id":"ann"},"action":{"name":"Users.View"},"resource":{"type":"User","id":"bob"}}`
	for _, tt := range []struct {
		header []string
		status int
	}{
		{[]string{"Authorization", "Bearer " + text}, 200},
		{[]string{"Authorization", "bearer  " + text}, 200}, // the scheme's case is free (RFC 9110)
		{[]string{"Authorization", "Bearer " + text + "x"}, 401},
		{[]string{"Authorization", "Bearer"}, 401},
		{[]string{"Authorization", "Bearer " + text, "X-Lanyard-Acting-User", "ann"}, 400},
	} {
		if status, answer := c.send("/instances/"+c.instance+"/access/v1/evaluation", question,
			tt.header...); status != tt.status {
			t.Errorf("%q is answered %d %s, want %d", tt.header, status, answer, tt.status)
		}
	}
}

func TestWhatIf(t *testing.T) {
	c := newCentre(t)
	view := c.profile("View", control.ProfileChange{Permissions: []string{"Users.View"}})
	edit := c.profile("Edit", control.ProfileChange{Permissions: []string{"Users.View", "Users.Edit"}})
	ann := c.user("ann", map[string]string{"Country": "FR"}, view)
	c.user("bob", map[string]string{"Country": "DE"}, view, edit)
	events := func() int {
		list, err := c.svc.Events(t.Context(), c.instance, 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	before := events()

	restrict := fmt.Sprintf(`{"operation":"UpdateSecurityProfile","parameters":{"SecurityProfileId":%q,"AllowedAccessControlTags":{"Country":"FR"},"TagRestrictedResources":["User"]},
		"subject":{"type":"user","id":"ann"},"action":{"name":"Users.View"},"resource":{"type":"User","id":"bob"}}`, view)
	got := c.shown(restrict)
	if got.Affected != 1 || got.Gaining != 0 || got.Losing != 1 || len(got.Results) != 1 || got.Results[0].ID != ann ||
		got.Results[0].Type != "user" ||
		got.Results[0].Properties.Name != "ann" || !got.Differences[0].Changes[0].Less ||
		got.Differences[0].Changes[0].More || !got.Before.Decision || got.After.Decision {
		t.Errorf("restricting to a tag is said to do %+v", got)
	}

	swap := fmt.Sprintf(`{"operation":"UpdateUserSecurityProfiles","parameters":{"UserId":%q,"SecurityProfileIds":[%q],"InstanceId":%q}}`,
		ann, edit, c.instance)
	if got := c.shown(swap); got.Affected != 1 || got.Gaining != 1 || got.Losing != 0 ||
		got.Differences[0].Gains[0].Action != "Users.Edit" || len(got.Differences[0].Changes) != 0 {
		t.Errorf("another profile is said to do %+v", got)
	}

	// Omitted is unchanged, empty clears, the same is nothing, and ARNs are ids.
	for body, want := range map[string]string{
		`"Description":"x"`: "0 0 0", `"Permissions":["Users.View"]`: "0 0 0", `"Permissions":[]`: "1 0 1",
		`"Permissions":["Users.View","Queues.View"]`: "2 2 0", ``: "0 0 0",
	} {
		for _, id := range []string{view, "arn:aws:connect:us-east-1:" + ownAccount + ":instance/" + c.instance +
			"/security-profile/" + view} {
			s := c.shown(fmt.Sprintf(`{"operation":"UpdateSecurityProfile","parameters":{"SecurityProfileId":%q%s}}`, id,
				strings.TrimSuffix(","+body, ",")))
			if got := fmt.Sprint(s.Affected, s.Gaining, s.Losing); got != want || s.Results == nil || s.Differences == nil {
				t.Errorf("%s: affected, gaining and losing are %s, want %s", body, got, want)
			}
		}
	}
	if events() != before {
		t.Error("a proposal left an event")
	}
	_, described, err := c.svc.DescribeSecurityProfile(t.Context(), c.call(), c.instance, view)
	if err != nil || len(described.AccessTags) > 0 {
		t.Errorf("a proposal changed the profile to %+v (%v)", described, err)
	}

	// The answer holds once the change is made.
	if status, answer := c.send("/security-profiles/"+c.instance+"/"+view,
		`{"AllowedAccessControlTags":{"Country":"FR"},"TagRestrictedResources":["User"]}`); status != 200 {
		t.Fatal(status, answer)
	}
	if got := c.shown(restrict); got.Affected != 0 || got.Before.Decision || got.After.Decision {
		t.Errorf("once made, the change is said to do %+v", got)
	}
}

// A proposal is refused where the operation is, in the same words.
func TestWhatIfRefusesAsTheOperation(t *testing.T) {
	c := newCentre(t)
	id := c.profile("P", control.ProfileChange{Permissions: []string{"Users.View"}})
	u := c.user("u", nil, id)
	for _, tt := range []struct{ operation, id, request string }{
		{"UpdateSecurityProfile", id, `{"Permissions":["Users.Fly"]}`},
		{"UpdateSecurityProfile", id, `{"TagRestrictedResources":["Widget"],"AllowedAccessControlTags":{"a":"b"}}`},
		{"UpdateSecurityProfile", id,
			`{"AllowedAccessControlTags":{"1":"","2":"","3":"","4":"","5":""},"TagRestrictedResources":["User"]}`},
		{"UpdateSecurityProfile", id, `{"AllowedAccessControlHierarchyGroupId":"nowhere"}`},
		{"UpdateSecurityProfile", id, `{"Applications":[{"Namespace":"x"}]}`},
		{"UpdateSecurityProfile", id, `{"AllowedFlowModules":[{"FlowModuleId":"none","Type":"MCP"}]}`},
		{"UpdateSecurityProfile", id, `{"Permissions":"Users.View"}`},
		{"UpdateSecurityProfile", id, `{"Description":"` + strings.Repeat("x", 300) + `"}`},
		{"UpdateSecurityProfile", "00000000-0000-4000-8000-000000000000", `{}`},
		{"UpdateUserSecurityProfiles", u, `{"SecurityProfileIds":[]}`},
		{"UpdateUserSecurityProfiles", u, `{}`},
		{"UpdateUserSecurityProfiles", u, `{"SecurityProfileIds":["none"]}`},
		{"UpdateUserSecurityProfiles", "nobody", fmt.Sprintf(`{"SecurityProfileIds":[%q]}`, id)},
	} {
		path, member := "/security-profiles/"+c.instance+"/"+tt.id, "SecurityProfileId"
		if tt.operation == "UpdateUserSecurityProfiles" {
			path, member = "/users/"+c.instance+"/"+tt.id+"/security-profiles", "UserId"
		}
		status, real := c.send(path, tt.request)
		var want struct{ Message string }
		if err := json.Unmarshal([]byte(real), &want); err != nil || status < 400 || want.Message == "" {
			t.Errorf("%s %s is answered %d %s", tt.operation, tt.request, status, real)
			continue
		}
		parameters := strings.Replace(tt.request, "{", fmt.Sprintf("{%q:%q,", member, tt.id), 1)
		parameters = strings.Replace(parameters, ",}", "}", 1)
		got, answer := c.whatIf(fmt.Sprintf(`{"operation":%q,"parameters":%s}`, tt.operation, parameters))
		var message string
		if err := json.Unmarshal([]byte(answer), &message); err != nil || got != status || message != want.Message {
			t.Errorf("%s %s\nis refused    %d %s\nas a proposal %d %s", tt.operation, tt.request, status, want.Message, got,
				answer)
		}
	}
}

func TestWhatIfRefusals(t *testing.T) {
	c := newCentre(t)
	id := c.profile("P", control.ProfileChange{Permissions: []string{"Users.View"}})
	for i := range 3 {
		c.user(fmt.Sprint("u", i), nil, id)
	}
	good := fmt.Sprintf(`{"operation":"UpdateSecurityProfile","parameters":{"SecurityProfileId":%q,"Permissions":[]}}`, id)
	token := func(scope lanyard.TokenScope) string {
		_, text, err := c.svc.CreateToken(t.Context(), lanyard.Token{Account: ownAccount, Scope: scope})
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + text
	}
	paged := strings.TrimSuffix(good, "}") + `,"page":{"limit":1,"token":"TOKEN"}}`
	first := c.shown(strings.Replace(paged, "TOKEN", "", 1))
	next := strings.Replace(paged, "TOKEN", first.Page.NextToken, 1)
	for _, tt := range []struct {
		name, body    string
		authorization string
		status        int
		says          string
	}{
		{"scope decide", good, token(lanyard.ScopeDecide), 403, "scope decide"},
		{"scope administer", good, token(lanyard.ScopeAdminister), 200, `"affected":3`},
		{"made-up token", good, "Bearer lanyard_x", 401, "unknown to this server"},
		{"no operation", `{}`, "", 400, "operation is required"},
		{"another operation", `{"operation":"DeleteUser","parameters":{}}`, "", 400, "UpdateUserSecurityProfiles"},
		{"no parameters", `{"operation":"UpdateSecurityProfile"}`, "", 400, "parameters"},
		{"parameters that are a list", `{"operation":"UpdateSecurityProfile","parameters":[]}`, "", 400, "parameters"},
		{"no profile", `{"operation":"UpdateSecurityProfile","parameters":{}}`, "", 400, "parameters.SecurityProfileId"},
		{"no user", `{"operation":"UpdateUserSecurityProfiles","parameters":{"UserId":""}}`, "", 400, "parameters.UserId"},
		{"profile that is a number", `{"operation":"UpdateSecurityProfile","parameters":{"SecurityProfileId":5}}`, "", 400,
			"strings"},
		{"another instance",
			fmt.Sprintf(`{"operation":"UpdateSecurityProfile","parameters":{"InstanceId":"other","SecurityProfileId":%q}}`, id),
			"", 400, "parameters.InstanceId"},
		{"half a question", strings.TrimSuffix(good, "}") + `,"subject":{"type":"user","id":"u0"}}`, "", 400, "action"},
		{"repeated member", strings.TrimSuffix(good, "}}") + `,"Permissions":[]}}`, "", 400, "duplicate"},
		{"a future revision", strings.TrimSuffix(good, "}") + `,"context":{"at_least_revision":1000000}}`, "", 409,
			"revision"},
		{"next page", next, "", 200, `"affected":3`},
		{"token of another proposal", strings.Replace(next, `"Permissions":[]`, `"Permissions":["Queues.View"]`, 1), "", 400,
			"page.token"},
		{"made-up page token", strings.Replace(paged, "TOKEN", "AAAA", 1), "", 400, "page.token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var header []string
			if tt.authorization != "" {
				header = []string{"Authorization", tt.authorization}
			}
			status, body := c.whatIf(tt.body, header...)
			if status != tt.status || !strings.Contains(body, tt.says) {
				t.Errorf("answers %d %s, want %d that says %q", status, body, tt.status, tt.says)
			}
		})
	}
}

// Whoever is affected all the while is listed once, whatever changes between the pages.
func TestWhatIfPagesUnderChange(t *testing.T) {
	c := newCentre(t)
	id, other := c.profile("P", control.ProfileChange{Permissions: []string{"Users.View"}}),
		c.profile("Q", control.ProfileChange{})
	want := map[string]bool{}
	var leavers []string
	for i := range 20 {
		if u := c.user(fmt.Sprint("u", i), nil, id); i%4 == 3 {
			leavers = append(leavers, u)
		} else {
			want[u] = true
		}
	}
	for token, page := "", 0; ; page++ {
		s := c.shown(fmt.Sprintf(`{"page":{"limit":2,"token":%q},"operation":"UpdateSecurityProfile","parameters":{"Permissions":[],"SecurityProfileId":%q}}`, token, id))
		if s.Affected != 20-min(page, len(leavers)) || s.Losing != s.Affected {
			t.Errorf("page %d counts %+v", page, s)
		}
		for _, r := range s.Results {
			if !want[r.ID] && !strings.Contains(strings.Join(leavers, " "), r.ID) {
				t.Errorf("%s is listed again", r.ID)
			}
			delete(want, r.ID)
		}
		if token = s.Page.NextToken; token == "" {
			break
		}
		if page < len(leavers) {
			if _, err := c.svc.UpdateUserSecurityProfiles(t.Context(), c.call(), c.instance, leavers[page],
				[]string{other}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(want) > 0 {
		t.Errorf("%d affected all the while are not listed", len(want))
	}
}

// BenchmarkWhatIf asks about a profile that every one of 10,000 users holds together with two of 100 others,
// through the whole handler: decode, check, compare, encode a first page of 100.
func BenchmarkWhatIf(b *testing.B) {
	c := newCentre(b)
	names := lanyard.Permissions()
	var others []string
	for i := range 100 {
		var held []string
		for j := range 60 {
			held = append(held, names[(i*37+j*5)%len(names)].Name)
		}
		others = append(others, c.profile(fmt.Sprint("other ", i), control.ProfileChange{Permissions: held}))
	}
	var held []string
	for i := range 60 {
		held = append(held, names[i*5].Name)
	}
	everyone := c.profile("everyone", control.ProfileChange{Permissions: held})
	for i := range 10_000 {
		c.user(fmt.Sprint("user.", i), nil, everyone, others[i%100], others[(i*7+i/100+1)%100])
	}
	list := func(names []string) string { return `["` + strings.Join(names, `","`) + `"]` }
	for _, bb := range []struct{ name, parameters string }{
		{"one-more", `"Permissions":` + list(append(held, "Users.Delete"))},
		{"tags", `"AllowedAccessControlTags":{"Country":"FR"},"TagRestrictedResources":["User","Queue"]`},
		{"nothing-left", `"Permissions":[]`},
	} {
		body := fmt.Sprintf(`{"operation":"UpdateSecurityProfile","parameters":{"SecurityProfileId":%q,%s}}`, everyone,
			bb.parameters)
		first := c.shown(body)
		b.Run(bb.name, func(b *testing.B) {
			size := 0
			for b.Loop() {
				_, answer := c.whatIf(body)
				size = len(answer)
			}
			b.ReportMetric(float64(first.Affected), "affected")
			b.ReportMetric(float64(size), "B/answer")
		})
	}
}

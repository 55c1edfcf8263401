package authzen_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/authzen"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/questions"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

const account = "123456789012"

// pdp is a decision point over a real store.
type pdp struct {
	*testing.T
	svc      *control.Service
	handler  http.Handler
	instance string
	token    string
	revision int64
}

func newPDP(t *testing.T) *pdp {
	db, err := sqlite.OpenMemory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	p := &pdp{T: t, svc: control.New(control.Config{Store: db, Region: "us-east-1"})}
	p.handler = authzen.NewServer(authzen.Config{
		Authenticate: func(r *http.Request, _ []byte) (authzen.Principal, error) {
			tok, err := p.svc.Token(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
			return authzen.Principal{Account: tok.Account, Instance: tok.Instance,
				Administer: tok.Scope == lanyard.ScopeAdminister}, err
		},
		Questions: questions.New(questions.Config{
			Snapshot: func(ctx context.Context, who questions.Viewer, atLeast int64) (*access.Snapshot, error) {
				return p.svc.Snapshot(ctx, control.Call{Caller: who.Caller}, who.Instance, atLeast)
			},
			TokenSecret: []byte("secret"),
		}),
	})
	created, err := p.svc.CreateInstance(t.Context(), p.call("CreateInstance"),
		control.NewInstance{Alias: "centre", IdentityManagement: control.SAML})
	if err != nil {
		t.Fatal(err)
	}
	in := created.Instance
	p.instance = in.ID
	_, p.token = p.newToken(lanyard.Token{Account: account, Instance: in.ID, Scope: lanyard.ScopeDecide})
	return p
}

func (p *pdp) newToken(tok lanyard.Token) (lanyard.Token, string) {
	p.Helper()
	made, text, err := p.svc.CreateToken(p.Context(), tok)
	if err != nil {
		p.Fatal(err)
	}
	return made, text
}

func (p *pdp) call(operation string) control.Call {
	return control.Call{Caller: lanyard.Caller{Account: account}, Operation: operation}
}

func (p *pdp) profile(name string, c control.ProfileChange) string {
	p.Helper()
	created, err := p.svc.CreateSecurityProfile(p.Context(), p.call("CreateSecurityProfile"), p.instance,
		control.NewProfile{Name: name, ProfileChange: c})
	if err != nil {
		p.Fatal(err)
	}
	p.revision = created.Revision
	return created.Resource.ID
}

func (p *pdp) user(name string, tags map[string]string, profiles ...string) string {
	p.Helper()
	routing, err := control.List[*lanyard.RoutingProfile](p.Context(), p.svc, p.call(""), p.instance,
		control.Page{Limit: 1})
	if err != nil {
		p.Fatal(err)
	}
	created, err := p.svc.CreateUser(p.Context(), p.call("CreateUser"), p.instance, control.NewUser{User: lanyard.User{
		Meta: lanyard.Meta{Name: name, Tags: tags}, Profiles: profiles, RoutingProfile: routing.Items[0].ID}})
	if err != nil {
		p.Fatal(err)
	}
	p.revision = created.Revision
	return created.Resource.ID
}

// ask sends a request and returns the status and the body.
func (p *pdp) ask(path, body string, header ...string) (int, string, http.Header) {
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+p.token)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	if !json.Valid(w.Body.Bytes()) {
		p.Errorf("POST %s %s answers %d and no JSON: %s", path, body, w.Code, w.Body)
	}
	return w.Code, w.Body.String(), w.Header()
}

const evaluation = "/access/v1/evaluation"

func question(subject, action, resourceType, id string) string {
	return fmt.Sprintf(`{"subject":{"type":"user","id":%q},"action":{"name":%q},"resource":{"type":%q,"id":%q}}`, subject,
		action, resourceType, id)
}

func TestEvaluation(t *testing.T) {
	p := newPDP(t)
	french := p.profile("French",
		control.ProfileChange{Permissions: []string{"Users.View"}, AccessTags: map[string]string{"Country": "FR"},
			TagRestricted: []string{"User"}})
	viewer := p.user("viewer", nil, french)
	amelie := p.user("amelie", map[string]string{"Country": "FR"}, french)
	p.user("hans", map[string]string{"Country": "fr"}, french)

	for _, tt := range []struct {
		name, body string
		want       bool
		says       string
	}{
		{"allowed", question(viewer, "Users.View", "User", amelie), true, `"reason":"granted","profile":"` + french},
		{"by names", question("viewer", "Users.View", "User", "amelie"), true, "granted"},
		{"tag differs", question("viewer", "Users.View", "User", "hans"), false, "condition failed"},
		{"not granted", question("viewer", "Users.Edit", "User", "amelie"), false, "not granted"},
		{"nobody", question("nobody", "Users.View", "User", "amelie"), false, "unknown subject"},
		{"no such user", question("viewer", "Users.View", "User", "x"), false, "unknown resource"},
		{"no such action", question("viewer", "Users.Fly", "User", "amelie"), false, "unknown action"},
		{"of another type", question("viewer", "Users.View", "Queue", "x"), false, "wrong type"},
		{"without an object", question("viewer", "Users.View", "Instance", p.instance), true, "granted"},
		{"of no type of subject", strings.Replace(question("viewer", "Users.View", "User", "amelie"), `"user"`, `"robot"`, 1),
			false, "unknown subject"},
		{"the caller's tags count for nothing that is stored",
			`{"subject":{"type":"user","id":"viewer"},"action":{"name":"Users.View"},"resource":{"type":"User","id":"hans","properties":{"tags":{"Country":"FR"}}}}`,
			false, "condition failed"},
		{"unknown members and null",
			`{"x":[1],"context":null,"subject":{"type":"user","id":"viewer","y":1},"action":{"name":"Users.View","properties":{}},"resource":{"type":"User","id":"amelie"}}`, true, "granted"},
		{"explained", strings.TrimSuffix(question("viewer", "Users.View", "User", "hans"), "}") +
			`,"context":{"explain":true}}`, false, "differs from Country=FR in case only"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body, _ := p.ask(evaluation, tt.body)
			var got struct{ Decision bool }
			if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 || got.Decision != tt.want ||
				!strings.Contains(body, tt.says) {
				t.Errorf("%s\nanswers %d %s, want %v that says %s", tt.body, status, body, tt.want, tt.says)
			}
		})
	}
}

// A question that carries the revision of a write is answered from that state or a later one.
func TestRevision(t *testing.T) {
	p := newPDP(t)
	id := p.profile("P", control.ProfileChange{})
	p.user("u", nil, id)
	for i := range 100 {
		permissions := []string{"Queues.View"}
		if i%2 == 0 {
			permissions = []string{"Users.View"}
		}
		result, err := p.svc.UpdateSecurityProfile(t.Context(), p.call("UpdateSecurityProfile"), p.instance, id,
			control.ProfileChange{Permissions: permissions})
		if err != nil {
			t.Fatal(err)
		}
		p.revision = result.Revision
		status, body, _ := p.ask(evaluation, question("u", "Users.View", "Instance", ""), "x-lanyard-revision",
			strconv.FormatInt(p.revision, 10))
		if want := fmt.Sprintf(`{"decision":%v`, i%2 == 0); status != 200 || !strings.HasPrefix(body, want) {
			t.Fatalf("after revision %d the answer is %d %s, want %s", p.revision, status, body, want)
		}
	}
	future := strings.TrimSuffix(question("u", "Users.View", "Instance", ""), "}") +
		fmt.Sprintf(`,"context":{"at_least_revision":%d}}`, p.revision+1)
	if status, body, _ := p.ask(evaluation, future); status != http.StatusConflict || !strings.Contains(body, "revision") {
		t.Errorf("a revision that never comes is answered %d %s, want 409", status, body)
	}
}

func TestEvaluations(t *testing.T) {
	p := newPDP(t)
	id := p.profile("P", control.ProfileChange{Permissions: []string{"Users.View", "Queues.View"}})
	p.user("u", nil, id)
	head := `{"subject":{"type":"user","id":"u"},"resource":{"type":"Instance","id":""},`
	items := `"evaluations":[{"action":{"name":"Users.View"}},{"action":{"name":"Users.Edit"}},{},{"action":{"name":"Queues.View"}},{"action":5}]`
	for _, tt := range []struct{ name, body, want string }{
		{"all", head + items + `}`, "true false false true false"},
		{"all, said so", head + items + `,"options":{"evaluations_semantic":"execute_all","x":1}}`,
			"true false false true false"},
		{"until denied", head + items + `,"options":{"evaluations_semantic":"deny_on_first_deny"}}`, "true false"},
		{"until permitted", head +
			`"evaluations":[{"action":{"name":"Users.Edit"}},{"action":{"name":"Users.View"}},{}],"options":{"evaluations_semantic":"permit_on_first_permit"}}`, "false true"},
		{"a default is replaced whole",
			`{"subject":{"type":"user","id":"u"},"action":{"name":"Users.View"},"resource":{"type":"Instance","id":""},"evaluations":[{"subject":{"type":"user"}},{}]}`, "false true"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body, _ := p.ask("/access/v1/evaluations", tt.body)
			var got struct {
				Evaluations []struct{ Decision bool }
				Decision    *bool
			}
			if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 || got.Decision != nil {
				t.Fatalf("%s answers %d %s", tt.body, status, body)
			}
			var words []string
			for _, e := range got.Evaluations {
				words = append(words, strconv.FormatBool(e.Decision))
			}
			if s := strings.Join(words, " "); s != tt.want {
				t.Errorf("%s\nanswers %s, want %s", tt.body, s, tt.want)
			}
		})
	}
	if _, body, _ := p.ask("/access/v1/evaluations", head+
		`"action":{"name":"Users.View"},"evaluations":[]}`); !strings.HasPrefix(body, `{"decision":true`) {
		t.Errorf("without evaluations the answer is %s, want a single decision", body)
	}
}

func TestSearch(t *testing.T) {
	p := newPDP(t)
	id := p.profile("P", control.ProfileChange{Permissions: []string{"Users.View", "Queues.View"}})
	other := p.profile("Q", control.ProfileChange{Permissions: []string{"Queues.View"}})
	want := map[string]bool{}
	for i := range 25 {
		u := p.user(fmt.Sprintf("u%d", i), nil, []string{id, other}[i%2])
		if i%2 == 0 {
			want[u] = true
		}
	}
	search := func(path, body string) (ids []string) {
		for token := ""; ; {
			status, answer, _ := p.ask(path, strings.TrimSuffix(body, "}")+`,"page":{"limit":4,"token":"`+token+`"}}`)
			var got struct {
				Page    struct{ Next_token string }
				Results []struct{ Type, ID, Name string }
			}
			if err := json.Unmarshal([]byte(answer), &got); err != nil || status != 200 || got.Results == nil {
				t.Fatalf("%s answers %d %s", body, status, answer)
			}
			for _, r := range got.Results {
				ids = append(ids, r.ID+r.Name)
			}
			if token = got.Page.Next_token; token == "" {
				return ids
			}
		}
	}
	found := search("/access/v1/search/subject",
		`{"subject":{"type":"user","id":"ignored"},"action":{"name":"Users.View"},"resource":{"type":"Instance","id":""}}`)
	for _, u := range found {
		if !want[u] {
			t.Errorf("the search lists %s, which is not allowed or was listed before", u)
		}
		delete(want, u)
	}
	if len(want) > 0 {
		t.Errorf("the search leaves out %v", want)
	}
	if got := search("/access/v1/search/resource",
		`{"subject":{"type":"user","id":"u0"},"action":{"name":"Users.View"},"resource":{"type":"User"}}`); len(got) != 25 {
		t.Errorf("u0 may view %d users, want 25", len(got))
	}
	if got := search("/access/v1/search/action",
		`{"subject":{"type":"user","id":"u0"},"resource":{"type":"Instance","id":""}}`); strings.Join(got,
		" ") != "Queues.View Users.View" {
		t.Errorf("u0 may do %v", got)
	}
	for _, body := range []string{
		`{"subject":{"type":"robot"},"action":{"name":"Users.View"},"resource":{"type":"Instance","id":""}}`,
		`{"subject":{"type":"user"},"action":{"name":"Users.Fly"},"resource":{"type":"Instance","id":""}}`,
		`{"subject":{"type":"user"},"action":{"name":"Users.View"},"resource":{"type":"User","id":"nobody"}}`,
	} {
		if got := search("/access/v1/search/subject", body); len(got) != 0 {
			t.Errorf("%s finds %v, want nobody", body, got)
		}
	}
	_, answer, _ := p.ask("/access/v1/search/subject",
		`{"subject":{"type":"user"},"action":{"name":"Users.View"},"resource":{"type":"Instance","id":""},"page":{"limit":1}}`)
	var first struct{ Page struct{ Next_token string } }
	if err := json.Unmarshal([]byte(answer), &first); err != nil {
		t.Fatal(err)
	}
	if status, body, _ := p.ask("/access/v1/search/subject",
		`{"subject":{"type":"user"},"action":{"name":"Queues.View"},"resource":{"type":"Instance","id":""},"page":{"token":"`+
			first.Page.Next_token+`"}}`); status != 400 || !strings.Contains(body, "page.token") {
		t.Errorf("the token of another search is answered %d %s, want 400", status, body)
	}
}

func TestRefusals(t *testing.T) {
	p := newPDP(t)
	id := p.profile("P", control.ProfileChange{Permissions: []string{"Users.View"}})
	p.user("u", nil, id)
	good := question("u", "Users.View", "Instance", "")
	revoked, revokedText := p.newToken(lanyard.Token{Account: account, Scope: lanyard.ScopeDecide})
	if err := p.svc.RevokeToken(t.Context(), revoked.ID); err != nil {
		t.Fatal(err)
	}
	_, whole := p.newToken(lanyard.Token{Account: account, Scope: lanyard.ScopeDecide})
	_, stranger := p.newToken(lanyard.Token{Account: "210987654321", Scope: lanyard.ScopeDecide})
	many := strings.TrimSuffix(good, "}") + `,"evaluations":[{}` + strings.Repeat(",{}", 1000) + `]}`
	for _, tt := range []struct {
		name, path, body string
		header           []string
		status           int
		says             string
	}{
		{"no token", evaluation, good, []string{"Authorization", ""}, 401, "token"},
		{"made-up token", evaluation, good, []string{"Authorization", "Bearer lanyard_x"}, 401, "unknown to this server"},
		{"revoked token", evaluation, good, []string{"Authorization", "Bearer " + revokedText}, 401, "revoked"},
		{"token of another account", "/instances/" + p.instance + evaluation, good,
			[]string{"Authorization", "Bearer " + stranger}, 404, "does not exist"},
		{"token for another instance", "/instances/other" + evaluation, good, nil, 403, "another instance"},
		{"which instance?", evaluation, good, []string{"Authorization", "Bearer " + whole}, 400, "/instances/INSTANCE"},
		{"named instance", "/instances/" + p.instance + evaluation, good, []string{"Authorization", "Bearer " + whole}, 200,
			`"decision":true`},
		{"no such instance", "/instances/none" + evaluation, good, []string{"Authorization", "Bearer " + whole}, 404,
			"does not exist"},
		{"not JSON by its type", evaluation, good, []string{"Content-Type", "text/plain"}, 400, "application/json"},
		{"empty", evaluation, "", nil, 400, "not a JSON object"},
		{"truncated", evaluation, good[:30], nil, 400, "not valid JSON"},
		{"more behind it", evaluation, good + "{}", nil, 400, "not valid JSON"},
		{"a list", evaluation, "[]", nil, 400, "not a JSON object"},
		{"repeated member", evaluation, `{"subject":{"type":"user","type":"user","id":"u"}}`, nil, 400, "duplicate"},
		{"wrong type", evaluation, `{"subject":"u"}`, nil, 400, "subject must be an object, got a string"},
		{"invalid UTF-8", evaluation, "{\"subject\":{\"type\":\"\xff\"}}", nil, 400, "UTF-8"},
		{"no subject", evaluation, `{"action":{"name":"x"},"resource":{"type":"x","id":"x"}}`, nil, 400, "subject"},
		{"no action", evaluation, `{"subject":{"type":"user","id":"x"},"resource":{"type":"x","id":"x"}}`, nil, 400,
			"action"},
		{"no resource", evaluation, `{"subject":{"type":"user","id":"x"},"action":{"name":"x"}}`, nil, 400, "resource"},
		{"too deep", evaluation, strings.Repeat(`{"x":`, 40) + "1" + strings.Repeat("}", 40), nil, 400, "deep"},
		{"too large", evaluation, `{"x":"` + strings.Repeat("x", 5<<20) + `"}`, nil, 400, "bytes"},
		{"too many", "/access/v1/evaluations", many, nil, 400, "at most"},
		{"unknown semantic", "/access/v1/evaluations", strings.TrimSuffix(good, "}") +
			`,"evaluations":[{}],"options":{"evaluations_semantic":"any"}}`, nil, 400, "execute_all"},
		{"revision that is none", evaluation, good, []string{"x-lanyard-revision", "-1"}, 400, "x-lanyard-revision"},
		{"unknown surface", evaluation, strings.TrimSuffix(good, "}") + `,"context":{"surface":"mars"}}`, nil, 400,
			"reports"},
		{"negative limit", "/access/v1/search/subject",
			`{"subject":{"type":"user"},"action":{"name":"x"},"resource":{"type":"x","id":"x"},"page":{"limit":-1}}`, nil, 400,
			"page.limit"},
		{"made-up page token", "/access/v1/search/subject",
			`{"subject":{"type":"user"},"action":{"name":"x"},"resource":{"type":"x","id":"x"},"page":{"token":"AAAA"}}`, nil,
			400, "page.token"},
		{"search without a type", "/access/v1/search/subject",
			`{"subject":{"id":"u"},"action":{"name":"x"},"resource":{"type":"x","id":"x"}}`, nil, 400, "subject.type"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body, header := p.ask(tt.path, tt.body, append(tt.header, "X-Request-ID", "r-1")...)
			if status != tt.status || !strings.Contains(body, tt.says) {
				t.Errorf("answers %d %.300s, want %d that says %q", status, body, tt.status, tt.says)
			}
			if got := header.Get("X-Request-ID"); got != "r-1" {
				t.Errorf("X-Request-ID comes back as %q", got)
			}
			if status == 401 && header.Get("WWW-Authenticate") == "" {
				t.Error("401 without WWW-Authenticate")
			}
		})
	}
	r := httptest.NewRequest("GET", evaluation, nil)
	w := httptest.NewRecorder()
	if p.handler.ServeHTTP(w, r); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("GET is answered %d, want 405", w.Code)
	}
}

func TestMetadata(t *testing.T) {
	p := newPDP(t)
	for path, base := range map[string]string{
		"/.well-known/authzen-configuration":               "https://pdp.example",
		"/.well-known/authzen-configuration/instances/i-1": "https://pdp.example/instances/i-1",
	} {
		w := httptest.NewRecorder()
		p.handler.ServeHTTP(w, httptest.NewRequest("GET", "https://pdp.example"+path, nil))
		var got map[string]string
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
			t.Fatalf("%s answers %d %s", path, w.Code, w.Body)
		}
		if got["policy_decision_point"] != base || got["access_evaluation_endpoint"] != base+evaluation || len(got) != 6 {
			t.Errorf("%s answers %v, want the endpoints below %s", path, got, base)
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s may be given to somebody who asked for another host", path)
		}
	}
	w := httptest.NewRecorder()
	if p.handler.ServeHTTP(w,
		httptest.NewRequest("GET", "/.well-known/authzen-configuration/elsewhere", nil)); w.Code != 404 {
		t.Errorf("an unknown document is answered %d, want 404", w.Code)
	}
}

// FuzzRequest sends any body to any endpoint: always JSON, never a failure of the server.
func FuzzRequest(f *testing.F) {
	for _, body := range []string{question("u", "Users.View", "User", "u"), `{"evaluations":[{},5,{"subject":null}]}`,
		`{"page":{"limit":1e3}}`, `{`,
		`{"subject":{"type":"user"},"action":{"name":"x"},"resource":{"type":"User","id":"u"},"context":{"explain":true}}`,
		`{"resource":{"type":"SecurityProfile","id":"p"},"page":{"limit":1,"token":""}}`,
		`{"operation":"UpdateSecurityProfile","parameters":{"SecurityProfileId":"p","Permissions":[]},"subject":{"type":"user","id":"u"},"action":{"name":"Users.View"},"resource":{"type":"Instance","id":""}}`,
		`{"operation":"UpdateUserSecurityProfiles","parameters":{"UserId":5}}`} {
		for i := range 9 {
			f.Add(uint8(i), body)
		}
	}
	e := access.Empty("i").Edit()
	e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	e.Put(&lanyard.Profile{Meta: lanyard.Meta{ID: "p", Name: "p"}, Permissions: []string{"Users.View"}})
	e.Put(&lanyard.User{Meta: lanyard.Meta{ID: "u", Name: "u"}, Profiles: []string{"p"}})
	snapshot := e.Snapshot(1)
	s := authzen.NewServer(authzen.Config{
		Authenticate: func(*http.Request, []byte) (authzen.Principal, error) {
			return authzen.Principal{Instance: "i", Administer: true}, nil
		},
		Questions: questions.New(questions.Config{
			Propose: func(_ context.Context, _ questions.Viewer, p questions.Proposal) (questions.Outcome, error) {
				o := questions.Outcome{Before: &lanyard.Profile{Meta: lanyard.Meta{ID: "p", Name: "p"},
					Permissions: []string{"Users.View"}},
					After: &lanyard.Profile{Meta: lanyard.Meta{ID: p.ID, Name: "p"}, Permissions: []string{string(p.Parameters)}}}
				return o, nil
			},
			Snapshot: func(context.Context, questions.Viewer, int64) (*access.Snapshot, error) {
				return snapshot, nil
			},
		}),
	})
	paths := []string{evaluation, "/access/v1/evaluations", "/access/v1/search/subject", "/access/v1/search/resource",
		"/access/v1/search/action",
		"/access/v1/effective", "/access/v1/holders", "/access/v1/lookup", "/access/v1/what-if"}
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		r := httptest.NewRequest("POST", paths[int(which)%len(paths)], strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != 200 && w.Code != 400 && w.Code != 404 || !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%q is answered %d %s", body, w.Code, w.Body)
		}
	})
}

// A server that cannot know what to answer says so with 503 and what to do, on every endpoint, and
// keeps the cause for its log.
func TestUnavailable(t *testing.T) {
	var logged strings.Builder
	handler := authzen.NewServer(authzen.Config{
		Authenticate: func(*http.Request, []byte) (authzen.Principal, error) {
			return authzen.Principal{Account: account, Administer: true}, nil
		},
		Questions: questions.New(questions.Config{
			Snapshot: func(context.Context, questions.Viewer, int64) (*access.Snapshot, error) {
				return nil, fmt.Errorf("load: %w",
					&lanyard.Error{Kind: lanyard.Unavailable, Message: "the database is away; ask again soon",
						Err: errors.New("dial db.internal")})
			},
			Propose: func(context.Context, questions.Viewer, questions.Proposal) (questions.Outcome, error) {
				return questions.Outcome{}, lanyard.Errorf(lanyard.Unavailable, "the database is away; ask again soon")
			},
			TokenSecret: []byte("secret"),
		}),
		Logger: slog.New(slog.NewTextHandler(&logged, nil)),
	})
	const (
		who   = `"subject":{"type":"user","id":"u"}`
		what  = `"action":{"name":"Users.View"}`
		which = `"resource":{"type":"User","id":"u"}`
	)
	for path, body := range map[string]string{
		"evaluation":      `{` + who + `,` + what + `,` + which + `}`,
		"evaluations":     `{` + who + `,` + what + `,"evaluations":[{` + which + `}]}`,
		"search/subject":  `{"subject":{"type":"user"},` + what + `,` + which + `}`,
		"search/resource": `{` + who + `,` + what + `,"resource":{"type":"User"}}`,
		"search/action":   `{` + who + `,` + which + `}`,
		"effective":       `{` + who + `}`,
		"holders":         `{"resource":{"type":"SecurityProfile","id":"p"}}`,
		"lookup":          `{"resource":{"type":"User","id":"u"}}`,
		"what-if":         `{"operation":"UpdateSecurityProfile","parameters":{"SecurityProfileId":"p"}}`,
	} {
		r := httptest.NewRequest("POST", "/instances/i/access/v1/"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "1" ||
			w.Body.String() != `"the database is away; ask again soon"` {
			t.Errorf("%s answers %d %s with %v", path, w.Code, w.Body, w.Header())
		}
	}
	if !strings.Contains(logged.String(), "dial db.internal") {
		t.Errorf("the log does not have the cause: %s", logged.String())
	}
}

// Types that lanyard does not store are restricted by tags too, which come with the question; all names of a
// type mean the same.
func TestTypesByTheirNames(t *testing.T) {
	p := newPDP(t)
	french := p.profile("French",
		control.ProfileChange{Permissions: []string{"TransferDestinations.View", "TestCases.View",
			"HoursOfOperation.View", "Cases.View"},
			AccessTags:    map[string]string{"Country": "FR"},
			TagRestricted: []string{"OperatingHours", "TestCase", "TransferDestination"}})
	p.user("viewer", nil, french)
	hours, err := control.List[*lanyard.Hours](t.Context(), p.svc, p.call(""), p.instance, control.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	const fr, de = `,"properties":{"tags":{"Country":"FR"}}`, `,"properties":{"tags":{"Country":"DE"}}`
	for _, tt := range []struct {
		action, resourceType, id, properties string
		want                                 bool
	}{
		{"TestCases.View", "TestCase", "e", fr, true},
		{"TestCases.View", "TestCase", "e", de, false},
		{"TestCases.View", "TestCase", "e", "", false},
		{"Cases.View", "Case", "p", de, true},
		// what is stored is judged by what is known of it
		{"HoursOfOperation.View", "HoursOfOperation", hours.Items[0].ID, fr, false},
		{"HoursOfOperation.View", "OperatingHours", hours.Items[0].ID, fr, false},
		{"TransferDestinations.View", "TransferDestination", "q", `,"properties":{"new":true,"tags":{"Country":"FR"}}`, true},
		{"TransferDestinations.View", "QuickConnect", "q", `,"properties":{"new":true,"tags":{"Country":"DE"}}`, false},
	} {
		body := strings.TrimSuffix(question("viewer", tt.action, tt.resourceType, tt.id), "}}") + tt.properties + "}}"
		status, answer, _ := p.ask(evaluation, body)
		if want := fmt.Sprintf(`{"decision":%v`, tt.want); status != 200 || !strings.HasPrefix(answer, want) {
			t.Errorf("%s\nanswers %d %s, want %v", body, status, answer, tt.want)
		}
	}
}

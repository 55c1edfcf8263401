package authzen_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/authzen"
	"github.com/lanyard/lanyard/internal/questions"
)

// standing is a decision point over one snapshot.
func standing(s *access.Snapshot, propose func(questions.Proposal) (questions.Outcome, error)) func(path,
	body string) (int, string, http.Header) {
	h := authzen.NewServer(authzen.Config{
		Authenticate: func(*http.Request, []byte) (authzen.Principal, error) {
			return authzen.Principal{Account: account, Instance: "i", Administer: true}, nil
		},
		Questions: questions.New(questions.Config{
			Snapshot: func(context.Context, questions.Viewer, int64) (*access.Snapshot, error) { return s, nil },
			Propose: func(_ context.Context, _ questions.Viewer, p questions.Proposal) (questions.Outcome, error) {
				return propose(p)
			},
			TokenSecret: []byte("secret"),
		}),
	})
	return func(path, body string) (int, string, http.Header) {
		r := httptest.NewRequest("POST", "/access/v1/"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, w.Body.String(), w.Header()
	}
}

// A refusal of a proposed change reaches the caller as what it is, whatever it is.
func TestKindsOfRefusals(t *testing.T) {
	want := map[lanyard.Kind]int{
		lanyard.Internal: 500, lanyard.Unknown: 500, lanyard.Untaggable: 400, lanyard.BadContent: 400,
		lanyard.Unavailable: 503, lanyard.NotPublished: 404,
		lanyard.Throttled: 429, lanyard.Denied: 403, lanyard.NotFound: 404, lanyard.UnknownRoute: 404,
		lanyard.Malformed: 400, lanyard.Invalid: 400, lanyard.TooLarge: 400, lanyard.Limit: 400, lanyard.Quota: 400,
		lanyard.NotServed: 400,
		lanyard.Condition: 409, lanyard.Stale: 409, lanyard.Duplicate: 409, lanyard.InUse: 409, lanyard.Exists: 409,
		lanyard.TokenReused: 409,
	}
	for _, kind := range lanyard.Kinds() {
		ask := standing(access.Empty("i"), func(questions.Proposal) (questions.Outcome, error) {
			return questions.Outcome{}, fmt.Errorf("proposed: %w", lanyard.Errorf(kind, "the reason"))
		})
		status, body, header := ask("what-if", `{"operation":"UpdateSecurityProfile","parameters":{"SecurityProfileId":"p"}}`)
		message, retry := `"the reason"`, ""
		if status >= 500 && status != 503 {
			message = `"internal failure; see the server's log"`
		}
		if status == 503 || status == 429 {
			retry = "1"
		}
		if status != want[kind] || body != message || header.Get("Retry-After") != retry {
			t.Errorf("%v is answered %d %s, Retry-After %q; want %d %s, %q", kind, status, body, header.Get("Retry-After"),
				want[kind], message, retry)
		}
	}
}

// long is a text of n bytes that begins with s.
func long(s string, n int) string { return s + strings.Repeat("é", (n-len(s))/2) }

// hostileProfile is a profile of the instance hostile.
func hostileProfile(i int) *lanyard.Profile {
	p := &lanyard.Profile{Meta: lanyard.Meta{ID: fmt.Sprintf("00000000-0000-4000-8000-%012d", i),
		Name: long(fmt.Sprint("profile ", i), 250)},
		AccessTags: map[string]string{}, TagRestricted: []string{"User", "Queue", "SecurityProfile", "RoutingProfile"}}
	for _, permission := range lanyard.Permissions() {
		p.Permissions = append(p.Permissions, permission.Name)
	}
	for j := range 4 {
		p.AccessTags[long(fmt.Sprint("key ", j), 250)] = long(fmt.Sprint("value ", i, " ", j), 500)
	}
	for j := range 10 {
		a := lanyard.Application{Namespace: long(fmt.Sprint("app ", i, " ", j), 250), Type: "MCP"}
		for k := range 8 {
			a.Permissions = append(a.Permissions, long(fmt.Sprint("tool ", k), 250))
		}
		p.Applications = append(p.Applications, a)
	}
	return p
}

// hostile is an instance of which every answer is as large as it can be made.
func hostile() *access.Snapshot {
	e := access.Empty("i").Edit()
	e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	var profiles []string
	for i := range 100 {
		p := hostileProfile(i)
		e.Put(p)
		profiles = append(profiles, p.ID)
	}
	e.Put(&lanyard.AIAgent{Meta: lanyard.Meta{ID: "agent"}, Profiles: profiles})
	group := &lanyard.Group{Meta: lanyard.Meta{ID: "top", Name: "top"}, Path: []string{"top"}}
	e.Put(group)
	for i := range 3000 {
		if i < 1000 {
			e.Put(&lanyard.User{Meta: lanyard.Meta{ID: fmt.Sprint("user ", i), Name: long(fmt.Sprint("user ", i), 200)},
				Profiles: profiles[i%90:][:10]})
		}
		id := fmt.Sprint("group ", i)
		e.Put(&lanyard.Group{Meta: lanyard.Meta{ID: id, Name: long("same", 500)}, Path: []string{"top", id}})
	}
	return e.Snapshot(1)
}

// No answer is larger than a bound, however much there is to say, and what does not fit is on the next
// pages.
func TestAnswersAreBounded(t *testing.T) {
	const most = 16 << 20
	s := hostile()
	ask := standing(s, func(p questions.Proposal) (questions.Outcome, error) {
		before := hostileProfile(10)
		after := *before
		after.Permissions = nil
		return questions.Outcome{Before: before, After: &after}, nil
	})
	agent := `"subject":{"type":"ai_agent","id":"agent"}`
	whole := agent + `,"action":{"name":"Users.View"},"resource":{"type":"User","id":"user 1"}`
	items := `{}` + strings.Repeat(`,{}`, 999)
	for _, tt := range []struct {
		name, path, body string
		results          int // on all pages; -1: no pages
	}{
		{"explained", "evaluation", `{` + whole + `,"context":{"explain":true}}`, -1},
		{"a thousand explained", "evaluations", `{` + whole + `,"context":{"explain":true},"evaluations":[` + items + `]}`,
			-1},
		{"a thousand explained each by itself", "evaluations", `{` + whole + `,"evaluations":[` +
			strings.ReplaceAll(items, "{}", `{"context":{"explain":true}}`) + `]}`, -1},
		{"a long surface in a thousand errors", "evaluations", `{` + whole + `,"context":{"surface":"` +
			strings.Repeat("x", 1<<20) + `"},"evaluations":[` + items + `]}`, -1},
		{"long names of members in a thousand errors", "evaluations", `{` + whole + `,"evaluations":[` +
			strings.ReplaceAll(items, "{}", `{"resource":{"type":"User","id":"x","properties":{"tags":{"`+
				strings.Repeat("x", 3000)+`":5}}}}`) + `]}`, -1},
		{"what an agent can do", "effective", `{` + agent + `}`, 330 + 100*10*8},
		{"actions", "search/action", `{` + agent + `,"resource":{"type":"Instance","id":""}}`, 330},
		{"who can", "search/subject",
			`{"subject":{"type":"user"},"action":{"name":"BasicAgentAccess"},"resource":{"type":"Instance","id":""},"page":{"limit":1000}}`, 1000},
		{"resources", "search/resource", `{` + agent +
			`,"action":{"name":"AgentGrouping.View"},"resource":{"type":"HierarchyGroup"},"page":{"limit":1000}}`, 3001},
		{"holders", "holders",
			`{"resource":{"type":"SecurityProfile","id":"00000000-0000-4000-8000-000000000010"},"page":{"limit":1000}}`, 120},
		{"groups of one name", "lookup", `{"resource":{"type":"HierarchyGroup","id":"` + "same" + strings.Repeat("é", 248) +
			`"}}`, 3000},
		{"what-if", "what-if",
			`{"operation":"UpdateSecurityProfile","parameters":{"SecurityProfileId":"00000000-0000-4000-8000-000000000010"},"page":{"limit":100}}`, 120},
	} {
		t.Run(tt.name, func(t *testing.T) {
			listed, largest := 0, 0
			for token := ""; ; {
				body := tt.body
				if token != "" {
					if at := strings.Index(body, `,"page":{"limit":`); at >= 0 {
						body = body[:strings.LastIndex(body, "}}")] + fmt.Sprintf(`,"token":%q}}`, token)
					} else {
						body = strings.TrimSuffix(body, "}") + fmt.Sprintf(`,"page":{"limit":1000,"token":%q}}`, token)
					}
				}
				status, answer, _ := ask(tt.path, body)
				var got struct {
					Page        struct{ Next_token string }
					Results     []json.RawMessage
					Evaluations []struct{ Decision *bool }
				}
				if err := json.Unmarshal([]byte(answer), &got); err != nil || status != 200 {
					t.Fatalf("the answer is %d %.200s", status, answer)
				}
				if n := len(got.Evaluations); tt.path == "evaluations" &&
					(n != 1000 || slices.ContainsFunc(got.Evaluations,
						func(e struct{ Decision *bool }) bool { return e.Decision == nil })) {
					t.Errorf("%d are decided, want 1000", n)
				}
				if largest = max(largest, len(answer)); largest > most {
					t.Fatalf("an answer has %d bytes, want at most %d", largest, most)
				}
				listed += len(got.Results)
				if token = got.Page.Next_token; token == "" {
					break
				}
			}
			if tt.results >= 0 && listed != tt.results {
				t.Errorf("all pages list %d, want %d", listed, tt.results)
			}
			t.Logf("the largest answer has %d bytes", largest)
		})
	}
}

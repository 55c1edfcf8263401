package authzen_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
)

const (
	effective = "/access/v1/effective"
	holders   = "/access/v1/holders"
	lookup    = "/access/v1/lookup"
)

func TestEffective(t *testing.T) {
	p := newPDP(t)
	french := p.profile("French",
		control.ProfileChange{Permissions: []string{"Users.View"}, AccessTags: map[string]string{"Country": "FR"},
			TagRestricted: []string{"User"}})
	desk := p.profile("Desk",
		control.ProfileChange{Permissions: []string{"Users.View", "Wisdom.View"},
			Applications: []lanyard.Application{{Namespace: "orders", Permissions: []string{"ACCESS"}}}})
	wisdom := p.profile("Wisdom", control.ProfileChange{Permissions: []string{"Wisdom.View"}})
	p.user("u", nil, french, desk)
	p.user("human", nil, wisdom)
	agent := "arn:aws:wisdom:us-east-1:" + account +
		":ai-agent/11111111-2222-3333-4444-555555555555/66666666-7777-8888-9999-000000000000"
	result, err := p.svc.AssociateSecurityProfiles(t.Context(), p.call("AssociateSecurityProfiles"), p.instance,
		control.Entity{Type: control.EntityAIAgent, ARN: agent}, []string{desk})
	if err != nil {
		t.Fatal(err)
	}
	p.revision = result.Revision
	both := fmt.Sprintf(`{"profile":%q,"name":"French","conditions":["tag Country=FR"]},{"profile":%q,"name":"Desk","conditions":[]}`, french, desk)
	byDesk := fmt.Sprintf(`{"profile":%q,"name":"Desk","conditions":[]}`, desk)
	for _, tt := range []struct{ name, subject, want string }{
		{"a user", `{"type":"user","id":"u"}`, `{"action":"Users.View","grants":[` + both +
			`]},{"action":"Wisdom.View","grants":[` + byDesk +
			`]},{"action":"ACCESS","resource":{"type":"Application","id":"orders"},"grants":[` + byDesk + `]}`},
		{"an AI agent", fmt.Sprintf(`{"type":"ai_agent","id":%q}`, agent), `{"action":"Users.View","grants":[` + byDesk +
			`]},{"action":"Wisdom.View","grants":[` + byDesk +
			`]},{"action":"ACCESS","resource":{"type":"Application","id":"orders"},"grants":[` + byDesk + `]}`},
		{"an AI agent that assists", fmt.Sprintf(`{"type":"ai_agent","id":%q,"properties":{"assisting":"human"}}`, agent),
			`{"action":"Wisdom.View","grants":[` + byDesk +
				fmt.Sprintf(`,{"profile":%q,"name":"Wisdom","conditions":[]}`, wisdom) + `]}`},
		{"nobody", `{"type":"user","id":"nobody"}`, ``},
		{"of no type of subject", `{"type":"robot","id":"u"}`, ``},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body, _ := p.ask(effective, `{"subject":`+tt.subject+`,"page":{"limit":1}}`)
			count := strings.Count(tt.want, `"action"`)
			if want := fmt.Sprintf(`{"page":{"next_token":"","count":%d},"revision":%d,"results":[%s]}`, count, p.revision,
				tt.want); status != 200 || body != want {
				t.Errorf("answers %d\n%s, want\n%s", status, body, want)
			}
		})
	}
}

func TestLookup(t *testing.T) {
	p := newPDP(t)
	id := p.profile("P", control.ProfileChange{})
	u := p.user("u", nil, id)
	for _, tt := range []struct{ typ, ref, want string }{
		{"User", "u", u}, {"User", u, u}, {"User", "U", ""}, {"SecurityProfile", "P", id}, {"SecurityProfile", id, id},
		{"SecurityProfile", u, ""}, {"Queue", "x", ""}, {"Nonsense", "P", ""},
	} {
		status, body, _ := p.ask(lookup, fmt.Sprintf(`{"resource":{"type":%q,"id":%q}}`, tt.typ, tt.ref))
		var got struct {
			Results []struct{ Type, ID string }
		}
		err := json.Unmarshal([]byte(body), &got)
		if ok := len(got.Results) == 1 && got.Results[0].ID == tt.want && got.Results[0].Type == tt.typ; err != nil ||
			status != 200 || ok != (tt.want != "") || got.Results == nil {
			t.Errorf("%s %s is found as %d %s, want %q", tt.typ, tt.ref, status, body, tt.want)
		}
	}
}

// Holders come in pages; those who hold the profile all the while come once, whatever else changes.
func TestHoldersUnderChange(t *testing.T) {
	p := newPDP(t)
	id, other := p.profile("P", control.ProfileChange{}), p.profile("Q", control.ProfileChange{})
	want := map[string]bool{}
	var leavers []string
	for i := range 30 {
		u := p.user(fmt.Sprintf("u%d", i), nil, id)
		if i%5 == 4 {
			leavers = append(leavers, u)
		} else {
			want[u] = true
		}
	}
	for token, page := "", 0; ; page++ {
		status, body, _ := p.ask(holders,
			fmt.Sprintf(`{"resource":{"type":"SecurityProfile","id":%q},"page":{"limit":3,"token":%q}}`, id, token))
		var got struct {
			Page    struct{ Next_token string }
			Results []struct {
				Type, ID   string
				Properties struct{ Name string }
			}
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 {
			t.Fatalf("answers %d %s", status, body)
		}
		for _, r := range got.Results {
			if r.Type != "user" || !strings.HasPrefix(r.Properties.Name, "u") {
				t.Errorf("lists %+v", r)
			}
			if stays := want[r.ID]; !stays && !contains(leavers, r.ID) && !strings.HasPrefix(r.Properties.Name, "u-new") {
				t.Errorf("lists %s again", r.ID)
			}
			delete(want, r.ID)
		}
		if token = got.Page.Next_token; token == "" {
			break
		}
		if page < len(leavers) {
			if _, err := p.svc.UpdateUserSecurityProfiles(t.Context(), p.call("UpdateUserSecurityProfiles"), p.instance,
				leavers[page], []string{other}); err != nil {
				t.Fatal(err)
			}
			p.user(fmt.Sprintf("u-new%d", page), nil, id)
		}
	}
	if len(want) > 0 {
		t.Errorf("%d who hold the profile all the while are not listed", len(want))
	}
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func TestRefusalsOfOwnEndpoints(t *testing.T) {
	p := newPDP(t)
	id := p.profile("P", control.ProfileChange{})
	p.user("u", nil, id)
	for _, tt := range []struct {
		name, path, body string
		status           int
		says             string
	}{
		{"effective of nothing", effective, `{}`, 400, "subject.id"},
		{"effective of a type alone", effective, `{"subject":{"type":"user"}}`, 400, "subject.id"},
		{"effective, repeated", effective, `{"subject":{"type":"user","id":"u"},"subject":{}}`, 400, "duplicate"},
		{"effective, wrong type", effective, `{"subject":{"type":"user","id":5}}`, 400,
			"subject.id must be a string, got a number"},
		{"effective, a future revision", effective,
			`{"subject":{"type":"user","id":"u"},"context":{"at_least_revision":1000000}}`, 409, "revision"},
		{"holders of nothing", holders, `{}`, 400, "resource.id"},
		{"holders of a queue", holders, `{"resource":{"type":"Queue","id":"x"}}`, 400, "SecurityProfile"},
		{"holders of no profile", holders, `{"resource":{"type":"SecurityProfile","id":"x"}}`, 404, `\"x\" does not exist`},
		{"holders, made-up token", holders,
			fmt.Sprintf(`{"resource":{"type":"SecurityProfile","id":%q},"page":{"token":"AAAA"}}`, id), 400, "page.token"},
		{"holders, negative limit", holders,
			fmt.Sprintf(`{"resource":{"type":"SecurityProfile","id":%q},"page":{"limit":-1}}`, id), 400, "page.limit"},
		{"lookup of nothing", lookup, `{"resource":{"type":"User"}}`, 400, "resource.id"},
		{"what-if where there is none", "/access/v1/what-if", `{}`, 404, "no proposals"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body, header := p.ask(tt.path, tt.body, "X-Request-ID", "r-1")
			if status != tt.status || !strings.Contains(body, tt.says) || header.Get("X-Request-ID") != "r-1" {
				t.Errorf("answers %d %s, want %d that says %q", status, body, tt.status, tt.says)
			}
		})
	}
	if status, body, _ := p.ask(effective, `{"subject":{"type":"user","id":"u"}}`, "Authorization",
		""); status != http.StatusUnauthorized {
		t.Errorf("without a token the answer is %d %s", status, body)
	}
}

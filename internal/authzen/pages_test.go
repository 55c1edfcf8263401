package authzen_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/authzen"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/questions"
	"github.com/lanyard/lanyard/internal/store"
	"github.com/lanyard/lanyard/internal/store/sqlite"
)

// servers are several decision points over one store, any of which may be started again.
type servers struct {
	t        *rapid.T
	db       store.Store
	services []*control.Service
	handlers []http.Handler
	instance string
	revision int64
	routing  string
	granting string // the profile that is asked about
	others   []string
	users    []string
	holds    map[string]bool // user id or ARN: holds granting
	there    map[string]bool // user id
}

func newServers(ctx context.Context, t *rapid.T) *servers {
	db, err := sqlite.OpenMemory(ctx)
	if err != nil {
		t.Fatal(err)
	}
	s := &servers{t: t, db: db, services: make([]*control.Service, 2), handlers: make([]http.Handler, 2),
		holds: map[string]bool{}, there: map[string]bool{}}
	for i := range s.services {
		s.restart(i)
	}
	created, err := s.services[0].CreateInstance(ctx, s.call("CreateInstance"),
		control.NewInstance{Alias: "centre", IdentityManagement: control.SAML})
	if err != nil {
		t.Fatal(err)
	}
	in := created.Instance
	s.instance = in.ID
	routing, err := control.List[*lanyard.RoutingProfile](ctx, s.services[0], s.call(""), s.instance,
		control.Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	s.routing = routing.Items[0].ID
	s.granting = s.profile(ctx, "granting", "Users.View")
	s.others = []string{s.profile(ctx, "other", "Queues.View")}
	for range rapid.IntRange(0, 12).Draw(t, "users") {
		s.create(ctx, rapid.Bool().Draw(t, "holds"))
	}
	return s
}

func (s *servers) restart(i int) {
	svc := control.New(control.Config{Store: s.db, Region: "us-east-1"})
	s.services[i] = svc
	s.handlers[i] = authzen.NewServer(authzen.Config{
		Authenticate: func(*http.Request, []byte) (authzen.Principal, error) {
			return authzen.Principal{Account: account, Instance: s.instance, Administer: true}, nil
		},
		Questions: questions.New(questions.Config{
			Snapshot: func(ctx context.Context, who questions.Viewer, atLeast int64) (*access.Snapshot, error) {
				return svc.Snapshot(ctx, control.Call{Caller: who.Caller}, who.Instance, atLeast)
			},
			Propose: func(ctx context.Context, by questions.Viewer, p questions.Proposal) (questions.Outcome, error) {
				before, err := s.db.Reader(by.Instance).Get(ctx, lanyard.TypeProfile, p.ID)
				if err != nil {
					return questions.Outcome{}, err
				}
				after := lanyard.Clone(before.(*lanyard.Profile))
				after.Permissions = nil
				return questions.Outcome{Before: before, After: after}, nil
			},
			TokenSecret: []byte("secret"),
		}),
	})
}

func (s *servers) call(operation string) control.Call {
	return control.Call{Caller: lanyard.Caller{Account: account}, Operation: operation}
}

// any is a server that takes a change.
func (s *servers) any() *control.Service {
	return s.services[rapid.IntRange(0, len(s.services)-1).Draw(s.t, "server")]
}

// did notes the revision that a change led to.
func (s *servers) did(r control.Result, err error) {
	s.must(err)
	s.revision = r.Revision
}

func (s *servers) must(err error) {
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *servers) profile(ctx context.Context, name, permission string) string {
	created, err := s.any().CreateSecurityProfile(ctx, s.call("CreateSecurityProfile"), s.instance,
		control.NewProfile{Name: name, ProfileChange: control.ProfileChange{Permissions: []string{permission}}})
	s.did(created.Result, err)
	return created.Resource.ID
}

func (s *servers) held(holds bool) []string {
	if holds {
		return []string{s.others[0], s.granting}
	}
	return []string{s.others[0]}
}

func (s *servers) create(ctx context.Context, holds bool) {
	created, err := s.any().CreateUser(ctx, s.call("CreateUser"), s.instance, control.NewUser{User: lanyard.User{
		Meta: lanyard.Meta{Name: fmt.Sprint("user", s.revision)}, Profiles: s.held(holds), RoutingProfile: s.routing}})
	s.did(created.Result, err)
	id := created.Resource.ID
	s.users = append(s.users, id)
	s.holds[id], s.there[id] = holds, true
}

// change changes something, so that slots are given, freed and given again.
func (s *servers) change(ctx context.Context) {
	live := slices.DeleteFunc(slices.Clone(s.users), func(id string) bool { return !s.there[id] })
	what := rapid.IntRange(0, 9).Draw(s.t, "change")
	if what >= 3 && what <= 5 && len(live) == 0 {
		return
	}
	switch what {
	case 0:
		s.create(ctx, rapid.Bool().Draw(s.t, "holds"))
	case 1:
		s.others = append(s.others, s.profile(ctx, fmt.Sprint("other", s.revision), "Queues.View"))
	case 2:
		if n := len(s.others); n > 1 {
			s.did(s.any().DeleteSecurityProfile(ctx, s.call("DeleteSecurityProfile"), s.instance, s.others[n-1]))
			s.others = s.others[:n-1]
		}
	case 3:
		id := rapid.SampledFrom(live).Draw(s.t, "user")
		s.did(s.any().DeleteUser(ctx, s.call("DeleteUser"), s.instance, id))
		delete(s.there, id)
		delete(s.holds, id)
	case 4:
		id, holds := rapid.SampledFrom(live).Draw(s.t, "user"), rapid.Bool().Draw(s.t, "holds")
		s.did(s.any().UpdateUserSecurityProfiles(ctx, s.call("UpdateUserSecurityProfiles"), s.instance, id, s.held(holds)))
		s.holds[id] = holds
	case 5:
		arn := fmt.Sprintf("arn:aws:connect:us-east-1:%s:instance/%s/agent/%s", account, s.instance,
			rapid.SampledFrom(live).Draw(s.t, "user"))
		s.did(s.any().TagResource(ctx, s.call("TagResource"), arn,
			map[string]string{"Country": rapid.SampledFrom([]string{"FR", "DE"}).Draw(s.t, "tag")}))
	default:
		arn := fmt.Sprintf("arn:aws:wisdom:us-east-1:%s:ai-agent/a/%d", account, rapid.IntRange(0, 3).Draw(s.t, "agent"))
		e := control.Entity{Type: control.EntityAIAgent, ARN: arn}
		if s.holds[arn] {
			s.did(s.any().DisassociateSecurityProfiles(ctx, s.call("DisassociateSecurityProfiles"), s.instance, e,
				[]string{s.granting}))
			delete(s.holds, arn)
		} else {
			s.did(s.any().AssociateSecurityProfiles(ctx, s.call("AssociateSecurityProfiles"), s.instance, e,
				[]string{s.granting}))
			s.holds[arn] = true
		}
	}
}

// belongs are those who belong into a list now.
func (s *servers) belongs(list string) map[string]bool {
	all := map[string]bool{}
	for id, holds := range s.holds {
		if isAgent := strings.HasPrefix(id, "arn:"); holds && (list != "users" || !isAgent) && (list != "agents" || isAgent) {
			all[id] = true
		}
	}
	if list == "resources" {
		return maps.Clone(s.there)
	}
	return all
}

// Whoever follows a list from page to page finds everybody who belongs into it all the time, nobody
// twice, and nobody who never did: whatever changes in the meantime, whichever server is asked, and however
// often it started over.
func TestPagesLoseAndRepeatNobody(t *testing.T) {
	lists := map[string]struct{ path, body string }{
		"users": {"search/subject",
			`"subject":{"type":"user"},"action":{"name":"Users.View"},"resource":{"type":"Instance","id":""}`},
		"agents": {"search/subject",
			`"subject":{"type":"ai_agent"},"action":{"name":"Users.View"},"resource":{"type":"Instance","id":""}`},
		"holders": {"holders", `"resource":{"type":"SecurityProfile","id":"GRANTING"}`},
		"resources": {"search/resource",
			`"subject":{"type":"user","id":"VIEWER"},"action":{"name":"Users.View"},"resource":{"type":"User"}`},
		"what-if": {"what-if", `"operation":"UpdateSecurityProfile","parameters":{"SecurityProfileId":"GRANTING"}`},
	}
	rapid.Check(t, func(rt *rapid.T) {
		s := newServers(t.Context(), rt)
		defer s.db.Close()
		for range rapid.IntRange(0, 10).Draw(rt, "before") {
			s.change(t.Context())
		}
		name := rapid.SampledFrom(slices.Sorted(maps.Keys(lists))).Draw(rt, "list")
		s.create(t.Context(), true) // who may view
		viewer := s.users[len(s.users)-1]
		s.users = s.users[:len(s.users)-1] // and stays as they are
		body := strings.NewReplacer("GRANTING", s.granting, "VIEWER", viewer).Replace(lists[name].body)
		throughout, ever := s.belongs(name), s.belongs(name)
		listed := map[string]bool{}
		for token := ""; ; {
			i := rapid.IntRange(0, len(s.handlers)-1).Draw(rt, "server asked")
			if rapid.IntRange(0, 3).Draw(rt, "restart") == 0 {
				s.restart(i)
			}
			limit := rapid.IntRange(1, 3).Draw(rt, "limit")
			r := httptest.NewRequest("POST", "/access/v1/"+lists[name].path,
				strings.NewReader(fmt.Sprintf(`{%s,"page":{"limit":%d,"token":%q}}`, body, limit, token)))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("x-lanyard-revision", strconv.FormatInt(s.revision, 10))
			w := httptest.NewRecorder()
			s.handlers[i].ServeHTTP(w, r)
			var got struct {
				Page    struct{ Next_token string }
				Results []struct{ ID string }
			}
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 || len(got.Results) > limit {
				rt.Fatalf("%s answers %d %s", name, w.Code, w.Body)
			}
			for _, r := range got.Results {
				if listed[r.ID] || !ever[r.ID] {
					rt.Fatalf("%s lists %s twice, or though it never belonged there", name, r.ID)
				}
				listed[r.ID] = true
			}
			if token = got.Page.Next_token; token == "" {
				break
			}
			for range rapid.IntRange(0, 5).Draw(rt, "changes") {
				s.change(t.Context())
				now := s.belongs(name)
				maps.Copy(ever, now)
				maps.DeleteFunc(throughout, func(id string, _ bool) bool { return !now[id] })
			}
		}
		for id := range throughout {
			if !listed[id] {
				rt.Fatalf("%s leaves out %s", name, id)
			}
		}
	})
}

package questions

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// centre is an instance with users of two countries, of whom claire sees the French and olivia everybody.
func centre(t *testing.T) *Service {
	t.Helper()
	french := func(permissions ...string) *lanyard.Profile {
		return &lanyard.Profile{Permissions: permissions, AccessTags: map[string]string{"Country": "FR"},
			TagRestricted: []string{"User", "SecurityProfile"}}
	}
	profile := func(id string, p *lanyard.Profile, tags map[string]string) *lanyard.Profile {
		p.Meta = lanyard.Meta{ID: id, Name: "the " + id, Tags: tags}
		return p
	}
	fr := map[string]string{"Country": "FR"}
	resources := []lanyard.Resource{
		profile("lead", french("Users.View", "SecurityProfiles.View"), fr),
		profile("desk", &lanyard.Profile{Permissions: []string{"Queues.View"}}, fr),
		profile("secret", &lanyard.Profile{Permissions: []string{"Queues.View", "Users.Edit"}}, nil),
		profile("admin", &lanyard.Profile{Permissions: []string{"Users.View", "SecurityProfiles.View",
			"QConnectAIAgents.View"}}, nil),
		&lanyard.User{Meta: lanyard.Meta{ID: "claire", Name: "claire"}, Profiles: []string{"lead"}},
		&lanyard.User{Meta: lanyard.Meta{ID: "olivia", Name: "olivia"}, Profiles: []string{"admin"}},
		&lanyard.User{Meta: lanyard.Meta{ID: "idle", Name: "idle"}},
	}
	for i := range 20 {
		country := []string{"FR", "DE"}[i%2]
		resources = append(resources, &lanyard.User{Meta: lanyard.Meta{ID: fmt.Sprintf("%s-%02d", country, i),
			Name: fmt.Sprint("agent ", i), Tags: map[string]string{"Country": country}, Seq: int64(i + 1)},
			Profiles: []string{"desk", "secret"}})
	}
	snapshot, err := access.New(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}}, resources...)
	if err != nil {
		t.Fatal(err)
	}
	return New(Config{TokenSecret: []byte("secret"),
		Snapshot: func(context.Context, Viewer, int64) (*access.Snapshot, error) { return snapshot, nil },
		Propose: func(_ context.Context, by Viewer, p Proposal) (Outcome, error) {
			if by.User == "idle" {
				return Outcome{}, &lanyard.Error{Kind: lanyard.Denied, Permission: "SecurityProfiles.Edit", Message: "no"}
			}
			before := profile(p.ID, &lanyard.Profile{Permissions: []string{"Queues.View"}}, fr)
			after := profile(p.ID, &lanyard.Profile{}, fr)
			return Outcome{before, after}, nil
		}})
}

func of(subject, action, resourceType, id string) Question {
	return Question{Query: access.Query{Subject: access.Subject{ID: subject}, Action: action,
		Resource: access.Resource{Type: resourceType, ID: id}}}
}

// Lists are selected before they are cut into pages: every page but the last is full, all of them together are what
// the viewer sees, and there is no token when nothing seen is left.
func TestPagesHoldWhatTheViewerSees(t *testing.T) {
	s := centre(t)
	french, everybody := []string{}, []string{}
	for i := range 20 {
		id := fmt.Sprintf("%s-%02d", []string{"FR", "DE"}[i%2], i)
		if everybody = append(everybody, id); i%2 == 0 {
			french = append(french, id)
		}
	}
	lists := map[string]func(Viewer, Page) ([]string, PageInfo, error){
		"who can": func(by Viewer, p Page) (ids []string, _ PageInfo, err error) {
			got, err := s.WhoCan(t.Context(), by, Search{of("", "Queues.View", "", ""), p})
			for _, r := range got.Results {
				ids = append(ids, r.ID)
			}
			return ids, got.Page, err
		},
		"holders": func(by Viewer, p Page) (ids []string, _ PageInfo, err error) {
			got, err := s.Holders(t.Context(), by, Search{of("", "", "SecurityProfile", "desk"), p})
			for _, r := range got.Results {
				ids = append(ids, r.ID)
			}
			return ids, got.Page, err
		},
		"what if": func(by Viewer, p Page) (ids []string, _ PageInfo, err error) {
			got, err := s.WhatIf(t.Context(), by, WhatIf{Page: p, Proposal: Proposal{Operation: "UpdateSecurityProfile",
				ID: "desk", Parameters: []byte(`{"SecurityProfileId":"desk"}`)}})
			for _, r := range got.Results {
				ids = append(ids, r.ID)
			}
			return ids, got.Page, err
		},
	}
	for _, tt := range []struct {
		list, user string
		want       []string
	}{
		{"who can", "", everybody}, {"who can", "olivia", everybody}, {"who can", "claire", french},
		{"holders", "", everybody}, {"holders", "olivia", everybody}, {"holders", "claire", french},
		// Olivia and the operator see the profile that grants the same still; Claire does not.
		{"what if", "", nil}, {"what if", "olivia", nil}, {"what if", "claire", french},
	} {
		for _, limit := range []int{1, 3, 5, 10, 1000} {
			var all []string
			for page := (Page{Limit: limit}); ; {
				ids, info, err := lists[tt.list](Viewer{Instance: "i", User: tt.user}, page)
				if err != nil {
					t.Fatalf("%s for %q: %v", tt.list, tt.user, err)
				}
				if all = append(all, ids...); info.Count != len(ids) || info.NextToken != "" && len(ids) != limit {
					t.Errorf("%s for %q: a page of %d has %d of them, then %+v", tt.list, tt.user, limit, len(ids), info)
				}
				if info.NextToken == "" {
					break
				}
				if page.Token = info.NextToken; len(all) == len(tt.want) {
					t.Errorf("%s for %q: a token leads behind the last", tt.list, tt.user)
					break
				}
			}
			if !slices.Equal(all, tt.want) {
				t.Errorf("%s for %q in pages of %d: %v, want %v", tt.list, tt.user, limit, all, tt.want)
			}
		}
	}
}

// Profiles that the viewer may not see are not named in answers about users whom they may see.
func TestAnswersNameWhatTheViewerSees(t *testing.T) {
	s := centre(t)
	for user, want := range map[string]AllowedProperties{
		"olivia": {"agent 0", "desk", "the desk", []string{"desk", "secret"}, 2},
		"claire": {"agent 0", "desk", "the desk", []string{"desk"}, 1},
	} {
		got, err := s.WhoCan(t.Context(), Viewer{Instance: "i", User: user},
			Search{of("", "Queues.View", "", ""), Page{Limit: 1}})
		if err != nil || len(got.Results) != 1 || !reflect.DeepEqual(got.Results[0].Properties, want) {
			t.Errorf("%s is told %+v, %v; want %+v", user, got, err, want)
		}
		if _, named := got.Context.Profiles["secret"]; named != (user == "olivia") {
			t.Errorf("%s is told the names %v", user, got.Context.Profiles)
		}
	}
	found, err := s.Lookup(t.Context(), Viewer{Instance: "i", User: "claire"},
		Search{Question: of("", "", "SecurityProfile", "the secret")})
	if err != nil || len(found.Results) > 0 {
		t.Errorf("claire finds %+v, %v", found, err)
	}
}

// A question is refused for want of the permission to view what its answer is about. Nobody needs one to ask about
// themselves.
func TestViewersMayAsk(t *testing.T) {
	s := centre(t)
	evaluate := func(q Question) func(Viewer) error {
		return func(by Viewer) error {
			_, err := s.Evaluate(t.Context(), by, &q)
			return err
		}
	}
	explained := func(q Question) Question {
		q.Explain = true
		return q
	}
	for _, tt := range []struct {
		name string
		ask  func(Viewer) error
		// the permission that is missing, of olivia, claire and idle; "" when they are answered
		want [3]string
	}{
		{"about another", evaluate(of("FR-00", "Queues.View", "", "")), [3]string{"", "", "Users.View"}},
		{"about one of another country", evaluate(of("DE-01", "Queues.View", "", "")),
			[3]string{"", "Users.View", "Users.View"}},
		{"explained", evaluate(explained(of("FR-00", "Queues.View", "", ""))),
			[3]string{"", "SecurityProfiles.View", "Users.View"}},
		{"about oneself", evaluate(explained(of("idle", "Queues.View", "", ""))), [3]string{"", "Users.View", ""}},
		{"about what one does not see", evaluate(of("idle", "Users.View", "User", "DE-01")),
			[3]string{"", "Users.View", "Users.View"}},
		{"resources", func(by Viewer) error {
			_, err := s.Resources(t.Context(), by, Search{Question: of("DE-01", "Users.View", "User", "")})
			return err
		}, [3]string{"", "Users.View", "Users.View"}},
		{"actions", func(by Viewer) error {
			_, err := s.Actions(t.Context(), by, Search{Question: of("FR-00", "", "User", "DE-01")})
			return err
		}, [3]string{"", "Users.View", "Users.View"}},
		{"effective", func(by Viewer) error {
			_, err := s.Effective(t.Context(), by, Search{Question: of("FR-00", "", "", "")})
			return err
		}, [3]string{"", "SecurityProfiles.View", "Users.View"}},
		{"who can", func(by Viewer) error {
			_, err := s.WhoCan(t.Context(), by, Search{Question: of("", "Queues.View", "", "")})
			return err
		}, [3]string{"", "", "Users.View"}},
		{"which AI agents can", func(by Viewer) error {
			q := Search{Question: of("", "Queues.View", "", "")}
			q.Subject.Type = access.AIAgent
			_, err := s.WhoCan(t.Context(), by, q)
			return err
		}, [3]string{"", "QConnectAIAgents.View", "QConnectAIAgents.View"}},
		{"holders", func(by Viewer) error {
			_, err := s.Holders(t.Context(), by, Search{Question: of("", "", "SecurityProfile", "secret")})
			return err
		}, [3]string{"", "SecurityProfiles.View", "SecurityProfiles.View"}},
		{"what if", func(by Viewer) error {
			q := of("FR-00", "Queues.View", "", "")
			_, err := s.WhatIf(t.Context(), by, WhatIf{Question: &q, Proposal: Proposal{Operation: "UpdateSecurityProfile",
				ID: "desk", Parameters: []byte(`{"SecurityProfileId":"desk"}`)}})
			return err
		}, [3]string{"", "SecurityProfiles.View", "SecurityProfiles.Edit"}},
	} {
		if err := tt.ask(Viewer{Instance: "i"}); err != nil {
			t.Errorf("%s: the operator is told %v", tt.name, err)
		}
		for i, user := range []string{"olivia", "claire", "idle"} {
			var refusal *lanyard.Error
			err := tt.ask(Viewer{Instance: "i", User: user})
			if errors.As(err, &refusal) != (err != nil) || (err == nil) != (tt.want[i] == "") ||
				err != nil && (refusal.Kind != lanyard.Denied || refusal.Permission != tt.want[i]) {
				t.Errorf("%s: %s is told %v, want %q", tt.name, user, err, tt.want[i])
			}
		}
	}
}

package authzen

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/questions"
)

// Requests at the same time, of all sizes and forms, get their own answers, and nothing that is kept
// changes with the next request.
func TestMemoryIsNotShared(t *testing.T) {
	snapshot, err := access.New(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}},
		&lanyard.Profile{Meta: lanyard.Meta{ID: "p", Name: "p"}, Permissions: []string{"Users.View"}},
		&lanyard.User{Meta: lanyard.Meta{ID: "u", Name: "u"}, Profiles: []string{"p"}})
	if err != nil {
		t.Fatal(err)
	}
	const whole = `"subject":{"type":"user","id":"u"},"action":{"name":"Users.View"},"resource":{"id":"u","type":"User"}`
	var mu sync.Mutex
	kept := map[string]int{}
	var proposals []questions.Proposal
	s := NewServer(Config{
		Authenticate: func(*http.Request,
			[]byte) (Principal, error) {
			return Principal{Instance: "i", Administer: true}, nil
		},
		Questions: questions.New(questions.Config{
			Snapshot: func(context.Context, questions.Viewer, int64) (*access.Snapshot, error) { return snapshot, nil },
			Propose: func(_ context.Context, _ questions.Viewer, p questions.Proposal) (questions.Outcome, error) {
				mu.Lock()
				defer mu.Unlock()
				proposals = append(proposals, p)
				return questions.Outcome{}, lanyard.Errorf(lanyard.NotFound, "no")
			},
		}),
	})
	ask := func(path, body string) string {
		r := httptest.NewRequest("POST", path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Body.String()
	}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 200 {
				id := fmt.Sprintf("%d-%d-%s", worker, i, strings.Repeat("x", i*37%4000))
				n := 1 + i%7
				body := `{"evaluations":[{` + whole + `}` + strings.Repeat(`,{"subject":{"type":"user","id":"u"}}`, n) +
					`,{"context":{"surface":"` + id + `"},` + whole + `}],` + whole + `}`
				got := ask(evaluations, body)
				if strings.Count(got, `{"decision":true`) != n+1 || !strings.Contains(got, id[:min(len(id), 100)]) ||
					!json.Valid([]byte(got)) {
					t.Errorf("%s\nanswers %s", body, got)
				}
				ask(whatIf, `{"operation":"UpdateUserSecurityProfiles","parameters":{"UserId":"`+id+`"}}`)
				mu.Lock()
				kept[id]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(proposals) != 8*200 {
		t.Errorf("%d proposals arrive, want %d", len(proposals), 8*200)
	}
	for _, p := range proposals {
		if string(p.Parameters) != `{"UserId":"`+p.ID+`"}` || kept[p.ID] != 1 {
			t.Fatalf("a proposal became %s of %s", p.Parameters, p.ID)
		}
	}
}

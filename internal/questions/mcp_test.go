package questions

import (
	"testing"

	"github.com/lanyard/lanyard"
)

// Subjects of gateways are for gateways: a user who asks with their own rights learns nothing by them, whoever they
// are.
func TestViewersAskNothingAboutTokens(t *testing.T) {
	s := centre(t)
	for _, user := range []string{"claire", "olivia", "idle"} {
		by := Viewer{User: user}
		for _, body := range []string{
			`{"subject":{"type":"identity","id":"` + user + `"},"action":{"name":"Queues.View"},"resource":{"type":"Instance","id":""}}`,
			`{"subject":{"type":"identity","id":"DE-01"},"action":{"name":"ping"},"resource":{"type":"mcp_server","id":"x"}}`,
			`{"subject":{"type":"identity","id":"DE-01"},"action":{"name":"tools/list"},"resource":{"type":"mcp_server","id":"x"},` +
				`"context":{"explain":true,"agent":"arn:x"}}`,
		} {
			q, err := ReadEvaluation([]byte(body))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := s.Evaluate(t.Context(), by, &q); lanyard.KindOf(err) != lanyard.Malformed {
				t.Errorf("%s asks %s: %+v, %v", user, body, got, err)
			}
		}
		q, err := ReadResources([]byte(`{"subject":{"type":"identity","id":"DE-01"},"action":{"name":"tools/call"},"resource":{"type":"tool"}}`))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Resources(t.Context(), by, q); lanyard.KindOf(err) != lanyard.Malformed {
			t.Errorf("%s searches for tools: %+v, %v", user, got, err)
		}
	}
}

// What a gateway says of tokens counts for its subjects alone: the context of others may have anything there.
func TestContextOfOthers(t *testing.T) {
	for _, value := range []string{`5`, `null`, `{"a":[1]}`, `"Mozilla/5.0"`, `[]`, `true`} {
		body := `{"subject":{"type":"user","id":"u"},"action":{"name":"Users.View"},"resource":{"type":"Instance","id":""},` +
			`"context":{"agent":` + value + `,"audience":` + value + `}}`
		q, err := ReadEvaluation([]byte(body))
		if err != nil || q.MCP != nil {
			t.Errorf("%s: %+v, %v", body, q, err)
		}
	}
}

// A page's token is of no use for the tools of another caller.
func TestPagesOfTools(t *testing.T) {
	s := centre(t)
	tokens := map[string]bool{}
	for _, context := range []string{`"agent":"arn:a"`, `"agent":"arn:b"`, `"audience":"a"`, ``} {
		q, err := ReadResources([]byte(`{"subject":{"type":"identity","id":"x"},"action":{"name":"tools/call"},` +
			`"resource":{"type":"tool"},"context":{` + context + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		v, err := s.beginSearch(t.Context(), Viewer{}, "resources", &q)
		if err != nil {
			t.Fatal(err)
		}
		for token := range tokens {
			q.Page.Token = token
			if _, err := s.Resources(t.Context(), Viewer{}, q); lanyard.KindOf(err) != lanyard.Malformed {
				t.Errorf("%s: the token of another caller's search is taken: %v", context, err)
			}
		}
		tokens[v.pager.info(1, position("a")).NextToken] = true
	}
}

package authzen_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/questions"
)

// jsonTypes has a value of each type that JSON has, by the words of messages.
var jsonTypes = []struct{ name, value string }{
	{"null", `null`}, {"true", `true`}, {"false", `false`}, {"a number", `5`}, {"a string", `"text"`}, {"an array", `[]`},
	{"an array", `["x"]`}, {"an object", `{}`}, {"an object", `{"x":[1]}`},
}

// members are all members of requests that count for something, and what each must be.
var members = map[string]string{
	"subject": "an object", "subject.type": "a string", "subject.id": "a string", "subject.properties": "an object",
	"subject.properties.assisting": "a string",
	"action":                       "an object", "action.name": "a string", "action.properties": "an object",
	"resource": "an object", "resource.type": "a string", "resource.id": "a string", "resource.properties": "an object",
	"resource.properties.new":  "true or false",
	"resource.properties.tags": "an object", "resource.properties.tags.Country": "a string",
	"resource.properties.hierarchy_group": "a string",
	"resource.properties.attributes":      "an object", "resource.properties.attributes.Region": "a string",
	"resource.properties.channel": "a string",
	"context":                     "an object", "context.surface": "a string", "context.at_least_revision": "an integer",
	"context.explain": "true or false",
}

var (
	paged = map[string]string{"page": "an object", "page.token": "a string", "page.limit": "an integer",
		"page.properties": "an object"}
	batch = map[string]string{"options": "an object", "options.evaluations_semantic": "a string",
		"evaluations": "an array"}
	proposed = map[string]string{"operation": "a string"}
)

const plainItem = `{"subject":{"type":"user","id":"u"},"action":{"name":"Users.View"},"resource":{"type":"User","id":"u"}}`

// set returns a request with a member, which may stand in others, set to a value.
func set(t *testing.T, request, member, value string) string {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal([]byte(request), &root); err != nil {
		t.Fatal(err)
	}
	at, names := root, strings.Split(member, ".")
	for _, name := range names[:len(names)-1] {
		next, ok := at[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			at[name] = next
		}
		at = next
	}
	at[names[len(names)-1]] = json.RawMessage(value)
	b, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// accepts reports whether a member that must be something may have a value. null is as if it were absent.
func accepts(must, name string) bool {
	switch must {
	case "true or false":
		return name == "true" || name == "false" || name == "null"
	case "an integer":
		return name == "a number" || name == "null"
	}
	return name == must || name == "null"
}

// Every member of every request is refused when it is of another type than it must be, and the refusal
// names it. Inside of a batch it spoils its own item only.
func TestTypes(t *testing.T) {
	ask := standing(typed(), func(questions.Proposal) (questions.Outcome, error) {
		return questions.Outcome{}, lanyard.Errorf(lanyard.NotFound, "proposed")
	})
	whatIf := set(t, set(t, plainItem, "operation", `"UpdateSecurityProfile"`), "parameters", `{"SecurityProfileId":"p"}`)
	for _, e := range []struct {
		path, request string
		more          []map[string]string
	}{
		{"evaluation", plainItem, nil},
		{"evaluations", plainItem, []map[string]string{batch}},
		{"evaluations", set(t, plainItem, "evaluations", `[{}]`), []map[string]string{batch}},
		{"search/subject", plainItem, []map[string]string{paged}},
		{"search/resource", plainItem, []map[string]string{paged}},
		{"search/action", plainItem, []map[string]string{paged}},
		{"effective", plainItem, []map[string]string{paged}},
		{"holders", set(t, plainItem, "resource", `{"type":"SecurityProfile","id":"p"}`), []map[string]string{paged}},
		{"lookup", plainItem, []map[string]string{paged}},
		{"what-if", whatIf, []map[string]string{paged, proposed}},
	} {
		for _, table := range append(slices.Clone(e.more), members) {
			for member, must := range table {
				for _, typ := range jsonTypes {
					body := set(t, e.request, member, typ.value)
					status, answer, _ := ask(e.path, body)
					want := fmt.Sprintf(`"%s must be %s, got `, member, must)
					if refused := status == http.StatusBadRequest &&
						strings.HasPrefix(answer, want); refused == accepts(must, typ.name) {
						t.Errorf("%s %s\nanswers %d %s", e.path, body, status, answer)
					}
				}
			}
		}
	}
	for member, must := range members {
		for _, typ := range jsonTypes {
			item := set(t, plainItem, member, typ.value)
			body := `{"evaluations":[` + plainItem + `,` + item + `,` + plainItem + `]}`
			status, answer, _ := ask("evaluations", body)
			var got struct {
				Evaluations []struct {
					Decision bool
					Context  struct{ Error struct{ Message string } }
				}
			}
			if err := json.Unmarshal([]byte(answer), &got); err != nil || status != 200 || len(got.Evaluations) != 3 ||
				!got.Evaluations[0].Decision || !got.Evaluations[2].Decision {
				t.Errorf("%s\nanswers %d %s", body, status, answer)
				continue
			}
			want := fmt.Sprintf(`%s must be %s, got `, member, must)
			if refused := strings.HasPrefix(got.Evaluations[1].Context.Error.Message, want); refused == accepts(must, typ.name) {
				t.Errorf("the item %s\nis answered %s", item, answer)
			}
		}
	}
	for _, item := range jsonTypes {
		status, answer, _ := ask("evaluations", `{"evaluations":[`+item.value+`]}`)
		if want := "an evaluation must be an object, got " + item.name; item.name != "an object" &&
			(status != 200 || !strings.Contains(answer, want)) {
			t.Errorf("the item %s is answered %d %s, want one that says %s", item.value, status, answer, want)
		}
	}
	for _, typ := range jsonTypes {
		body := set(t, whatIf, "parameters", typ.value)
		if status, answer, _ := ask("what-if", body); status != 400 || !strings.HasPrefix(answer, `"parameters`) {
			t.Errorf("%s\nanswers %d %s", body, status, answer)
		}
	}
}

// typed is an instance in which plainItem is allowed.
func typed() *access.Snapshot {
	e := access.Empty("i").Edit()
	e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	e.Put(&lanyard.Profile{Meta: lanyard.Meta{ID: "p", Name: "p"}, Permissions: []string{"Users.View"}})
	e.Put(&lanyard.User{Meta: lanyard.Meta{ID: "u", Name: "u"}, Profiles: []string{"p"}})
	return e.Snapshot(1)
}

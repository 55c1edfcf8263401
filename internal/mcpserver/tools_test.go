package mcpserver_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// calls are calls of every tool, with answers in testdata/answers.txt.
var calls = []struct{ who, tool, arguments string }{
	{"operator", "list_instances", `{}`},
	{"claire.dubois", "list_instances", `{}`},
	{"operator", "find_resources", `{"type": "SecurityProfile", "text": "SUPER"}`},
	{"operator", "find_resources", `{"type": "User", "limit": 2}`},
	{"operator", "find_permissions", `{"text": "edit security profiles"}`},
	{"operator", "find_permissions", `{"sensitive": true, "limit": 2}`},
	{"operator", "describe_profile", `{"profile": "Supervisor Europe"}`},
	{"operator", "describe_profile", `{"profile": "Order desk"}`},
	{"operator", "describe_user", `{"user": "claire.dubois"}`},
	{"operator", "check_access", `{"subject": "claire.dubois", "permission": "Users.Edit", "resource": "User/jonas.becker"}`},
	{"operator", "check_access", `{"subject": "claire.dubois", "permission": "Users.Create", "resource": "User/newcomer", "new": true, "tags": {"Country": "FR"}}`},
	{"operator", "who_can", `{"permission": "SecurityProfiles.Edit"}`},
	{"operator", "who_can", `{"permission": "orders___GetOrder", "resource": "Application/harbour-order-gateway", "kind": "ai_agent"}`},
	{"operator", "what_can", `{"subject": "claire.dubois"}`},
	{"operator", "which_resources", `{"subject": "claire.dubois", "permission": "Users.View", "type": "User", "limit": 2}`},
	{"operator", "profile_holders", `{"profile": "Supervisor France"}`},
	{"operator", "what_if", `{"profile": "Supervisor France", "add_permissions": ["Users.Delete"], "remove_permissions": ["Queues.Edit"], "ask_subject": "claire.dubois", "ask_permission": "Users.Delete"}`},
	{"operator", "what_if", `{"profile": "Supervisor France", "access_control_tags": {"Country": "DE"}}`},
	{"operator", "what_if", `{"user": "claire.dubois", "remove_profiles": ["Supervisor France"], "add_profiles": ["Auditor"]}`},
	{"operator", "lint_findings", `{"min_severity": "error", "limit": 1}`},
	{"operator", "lint_findings", `{"profile": "Supervisor Europe"}`},
	{"operator", "history", `{"type": "SecurityProfile", "resource": "Supervisor Europe"}`},
	{"operator", "history", `{"limit": 1}`},

	// Errors say what would be right.
	{"operator", "describe_user", `{"user": "claire.duboi"}`},
	{"operator", "describe_profile", `{"profile": "Supervisor Frence"}`},
	{"operator", "describe_profile", `{"profile": "something else altogether"}`},
	{"operator", "describe_profile", `{}`},
	{"operator", "check_access", `{"subject": "claire.dubois", "permission": "Users.Edt"}`},
	{"operator", "check_access", `{"subject": "claire.dubois", "permission": "Users.Edit", "resource": "jonas.becker"}`},
	{"operator", "check_access", `{"subject": "claire.dubois", "permission": "Users.Edit", "resource": "Queue/All queues"}`},
	{"operator", "check_access", `{"subjct": "claire.dubois", "permission": "Users.Edit"}`},
	{"operator", "check_access", `{"subject": "claire.dubois", "permission": "Users.Edit", "surface": "report"}`},
	{"operator", "check_access", `{"subject": 7, "permission": "Users.Edit"}`},
	{"operator", "who_can", `{"permission": "Users.Veiw"}`},
	{"operator", "who_can", `{"permission": "Users.View", "limit": 1000}`},
	{"operator", "who_can", `{"permission": "Users.View", "page_token": "x"}`},
	{"operator", "who_can", `{"permission": "Users.View", "instance": "harbour-outfiters"}`},
	{"operator", "find_resources", `{"type": "Usr"}`},
	{"operator", "what_if", `{"profile": "Auditor"}`},
	{"operator", "what_if", `{"profile": "Auditor", "user": "claire.dubois"}`},
	{"operator", "what_if", `{"profile": "Auditor", "remove_permissions": ["Users.Delete"]}`},
	{"operator", "what_if", `{"profile": "Auditor", "set_permissions": ["Nonsense.View"], "ask_permission": "Users.View"}`},
	{"operator", "lint_findings", `{"rule": "privilege-escalaton"}`},
	{"operator", "history", `{"resource": "Auditor"}`},
	{"operator", "history", `{"page_token": "-1"}`},
	{"decider", "history", `{}`},
}

// What differs from run to run in answers, and what is written in its place.
var (
	uuids  = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
	times  = regexp.MustCompile(`20\d\d-\d\d-\d\dT[0-9:.]+Z`)
	tokens = regexp.MustCompile(`(page_token"?[ :]"?)[A-Za-z0-9_-]{20,}`)
)

// steady writes what differs from run to run in the same way each time.
func steady(text string, ids map[string]string) string {
	text = uuids.ReplaceAllStringFunc(text, func(id string) string {
		if ids[id] == "" {
			ids[id] = fmt.Sprintf("ID%d", len(ids)+1)
		}
		return ids[id]
	})
	return tokens.ReplaceAllString(times.ReplaceAllString(text, "TIME"), "${1}TOKEN")
}

func TestAnswers(t *testing.T) {
	w := newWorld(t)
	sessions := map[string]*mcp.ClientSession{}
	schemas := outputSchemas(t, w.connect("operator", nil))
	untried := maps.Clone(schemas)
	ids, got := map[string]string{}, strings.Builder{}
	for _, c := range calls {
		if sessions[c.who] == nil {
			sessions[c.who] = w.connect(c.who, nil)
		}
		a := ask(t, sessions[c.who], c.tool, args(t, c.arguments))
		fmt.Fprintf(&got, ">>> %s: %s %s\n%s\n", c.who, c.tool, c.arguments, steady(a.text, ids))
		if a.isErr != (a.json == "") {
			t.Errorf("%s %s: isError is %v, and the structured content %s", c.tool, c.arguments, a.isErr, a.json)
		}
		if a.isErr {
			continue
		}
		fmt.Fprintf(&got, "%s\n", steady(a.json, ids))
		delete(untried, c.tool)
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(a.json))
		if err == nil {
			err = schemas[c.tool].Validate(value)
		}
		if err != nil {
			t.Errorf("%s %s: the structured content does not fit the output schema: %v", c.tool, c.arguments, err)
		}
	}
	for name := range untried {
		t.Errorf("no call of %s has an answer", name)
	}
	const file = "testdata/answers.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the answers differ from %s; rewrite it with -update and look at the difference. They are\n%s", file, got.String())
	}
}

// outputSchemas compiles the schemas of all tools with a library other than the server's.
func outputSchemas(t *testing.T, s *mcp.ClientSession) map[string]*jsonschema.Schema {
	t.Helper()
	out := map[string]*jsonschema.Schema{}
	for tool, err := range s.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		for kind, schema := range map[string]any{"input": tool.InputSchema, "output": tool.OutputSchema} {
			b, err := json.Marshal(schema)
			if err != nil {
				t.Fatal(err)
			}
			document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(b)))
			if err != nil {
				t.Fatal(err)
			}
			c := jsonschema.NewCompiler()
			if err := c.AddResource(tool.Name+kind, document); err != nil {
				t.Fatal(err)
			}
			compiled, err := c.Compile(tool.Name + kind)
			if err != nil {
				t.Fatalf("%s schema of %s: %v", kind, tool.Name, err)
			}
			if kind == "output" {
				out[tool.Name] = compiled
			}
		}
	}
	return out
}

// A model has nothing but the descriptions to go by. Every tool and parameter has one, and the examples work.
func TestDescriptions(t *testing.T) {
	w := newWorld(t)
	s := w.connect("operator", nil)
	example := regexp.MustCompile(`(?m)^(?:.*Examples?: )?(\{.*\})$`)
	for tool, err := range s.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		a := tool.Annotations
		if !a.ReadOnlyHint || !a.IdempotentHint || a.OpenWorldHint == nil || *a.OpenWorldHint || a.DestructiveHint == nil ||
			*a.DestructiveHint || tool.Title == "" || len(tool.Description) < 80 {
			t.Errorf("%s has the annotations %+v, title %q and description %q", tool.Name, a, tool.Title, tool.Description)
		}
		input := tool.InputSchema.(map[string]any)
		if input["type"] != "object" || input["additionalProperties"] == nil {
			t.Errorf("the input of %s is not a closed object: %v", tool.Name, input)
		}
		for name, property := range input["properties"].(map[string]any) {
			p := property.(map[string]any)
			if text, _ := p["description"].(string); len(text) < 15 && p["enum"] == nil || p["type"] == nil {
				t.Errorf("parameter %s of %s has description %q and type %v", name, tool.Name, text, p["type"])
			}
		}
		found := example.FindAllStringSubmatch(tool.Description, -1)
		if len(found) == 0 {
			t.Errorf("%s has no example: %s", tool.Name, tool.Description)
		}
		for _, m := range found {
			if strings.Contains(m[1], "…") {
				continue
			}
			if got := ask(t, s, tool.Name, args(t, m[1])); got.isErr {
				t.Errorf("the example %s of %s answers: %s", m[1], tool.Name, got.text)
			}
		}
	}
}

// Pages go on where the one before ended, whatever their size, and none is large.
func TestPages(t *testing.T) {
	w := newWorld(t)
	desk := w.profile("Desk", profileOf("Queues.View"))
	for i := range 60 {
		w.user(fmt.Sprintf("agent-%03d", i), map[string]string{"Country": []string{"FR", "DE"}[i%2]}, desk)
	}
	for _, tt := range []struct {
		who, tool, arguments string
		want                 int
	}{
		{"operator", "profile_holders", `{"profile": "Desk"}`, 60},
		{"operator", "find_resources", `{"type": "User", "text": "AGENT-"}`, 60},
		{"claire.dubois", "find_resources", `{"type": "User", "text": "AGENT-"}`, 30},
		{"operator", "which_resources", `{"subject": "olivia.stone", "permission": "Users.View", "type": "User"}`, 100},
		{"operator", "who_can", `{"permission": "Queues.View"}`, -1},
		{"operator", "what_if", `{"profile": "Desk", "set_permissions": []}`, 60},
		{"operator", "find_permissions", `{}`, -1},
		{"operator", "history", `{}`, -1},
		{"operator", "lint_findings", `{}`, -1},
	} {
		s := w.connect(tt.who, nil)
		var whole []string
		for _, limit := range []int{100, 9, 1} {
			if limit == 1 && tt.tool != "find_resources" {
				continue
			}
			got := walk(t, s, tt.tool, args(t, tt.arguments), limit)
			if tt.want >= 0 && len(got) != tt.want {
				t.Errorf("%s as %s in pages of %d: %d results, want %d", tt.tool, tt.who, limit, len(got), tt.want)
			}
			if whole == nil {
				whole = got
			}
			if !slices.Equal(got, whole) {
				t.Errorf("%s as %s in pages of %d: %d results that differ from those in pages of 100, %d", tt.tool, tt.who,
					limit, len(got), len(whole))
			}
		}
		if unique := slices.Compact(slices.Sorted(slices.Values(whole))); len(unique) != len(whole) {
			t.Errorf("%s has %d results, of which %d differ", tt.tool, len(whole), len(unique))
		}
	}
}

// walk returns the results on all pages of a list.
func walk(t *testing.T, s *mcp.ClientSession, tool string, arguments map[string]any, limit int) (all []string) {
	t.Helper()
	arguments = maps.Clone(arguments)
	arguments["limit"] = limit
	for range 2000 {
		got := ask(t, s, tool, arguments)
		if got.isErr {
			t.Fatalf("%s %v: %s", tool, arguments, got.text)
		}
		if size := len(got.json) + len(got.text); size > 80<<10 {
			t.Errorf("%s %v has %d bytes", tool, arguments, size)
		}
		var page struct {
			Results, Findings, Events []json.RawMessage
			Next                      string `json:"next_page_token"`
		}
		if err := json.Unmarshal([]byte(got.json), &page); err != nil {
			t.Fatal(err)
		}
		results := slices.Concat(page.Results, page.Findings, page.Events)
		if len(results) > limit {
			t.Errorf("%s %v has %d results", tool, arguments, len(results))
		}
		for _, r := range results {
			var entry map[string]any
			if err := json.Unmarshal(r, &entry); err != nil {
				t.Fatal(err)
			}
			delete(entry, "difference") // its place on the page
			b, err := json.Marshal(entry)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, string(b))
		}
		if page.Next == "" {
			return all
		}
		arguments["page_token"] = page.Next
	}
	t.Fatalf("%s does not end", tool)
	return nil
}

package coaz_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/lanyard/lanyard/internal/coaz"
)

func TestReadMessage(t *testing.T) {
	const invalid = "the message must be valid JSON with no member listed twice"
	const known = "the message must have members among jsonrpc, id, method, params, result, error, got "
	for _, tt := range []struct{ name, body, want string }{
		{"a call", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"name":"b"}}}`, `1 tools/call tool "a"`},
		{"a call whose id is a string", `{"jsonrpc":"2.0","id":"1","method":"tools/call","params":{"name":"a"}}`, `"1" tools/call tool "a"`},
		{"a call with escapes", `{"jsonrpc":"2.0","id":1,"meth\u006fd":"tools\/call","params":{"n\u0061me":"\u0061"}}`, `1 tools/call tool "a"`},
		{"a call with what is new", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","_meta":{"x":1},"task":{}}}`, `1 tools/call tool "a"`},
		{"a read", `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///a"}}`, `1 resources/read resource "file:///a"`},
		{"a completion of a prompt", `{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"a"}}}`, `1 completion/complete prompt "a"`},
		{"a completion of a resource", `{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/resource","uri":"a:b"}}}`, `1 completion/complete resource "a:b"`},
		{"a task", `{"jsonrpc":"2.0","id":1,"method":"tasks/cancel","params":{"taskId":"t"}}`, `1 tasks/cancel task "t"`},
		{"a list", `{"jsonrpc":"2.0","id":1,"method":"tools/list"}`, `1 tools/list mcp_server ""`},
		{"a notification", ` {"jsonrpc":"2.0","method":"notifications/initialized"} ` + "\n", `null notifications/initialized  ""`},
		{"a method that is not known", `{"jsonrpc":"2.0","id":1,"method":"x","params":{"name":"a"}}`, `1 x  ""`},
		{"an answer", `{"jsonrpc":"2.0","id":1,"error":{"code":1}}`, `1   ""`},

		{"nothing", ``, "the message must be one JSON object"},
		{"a batch", `[{"jsonrpc":"2.0","id":1,"method":"ping"}]`, "the message must be one JSON object"},
		{"two messages", `{"jsonrpc":"2.0","id":1,"method":"ping"}{"jsonrpc":"2.0","id":1,"method":"tools/call"}`, invalid},
		{"two methods", `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}`, invalid},
		{"two names", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}`, invalid},
		{"two methods, one with an escape", `{"jsonrpc":"2.0","id":1,"method":"ping","meth\u006fd":"tools/call"}`, invalid},
		{"two arguments of a name", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"x":1,"x":2}}}`, invalid},
		{"two methods in different case", `{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}`, known + `"Method"`},
		{"two names in different case", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","NAME":"b"}}`,
			`params must not have a member "NAME" next to what name means`},
		{"a name with a long s", `{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"a","taſkId":"b"}}`,
			`params must not have a member "taſkId" next to what taskId means`},
		{"a name with a hyphen", `{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"a","task-id":"b"}}`,
			`params must not have a member "task-id" next to what taskId means`},
		{"a type in another case", `{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"Type":"ref/prompt","name":"a"}}}`,
			`ref must not have a member "Type" next to what type means`},
		{"a byte that is not UTF-8", "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"a\xff\"}}", invalid},
		{"half a surrogate", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a\ud800"}}`, invalid},
		{"a byte order mark", "\ufeff" + `{"jsonrpc":"2.0","id":1,"method":"ping"}`, "the message must be one JSON object"},
		{"a comment", `{"jsonrpc":"2.0","id":1,/**/"method":"ping"}`, invalid},
		{"too deep", `{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}}`,
			"the message must have values at most 128 deep in one another"},
		{"no version", `{"id":1,"method":"ping"}`, `jsonrpc must be "2.0"`},
		{"another version", `{"jsonrpc":"1.0","id":1,"method":"ping"}`, `jsonrpc must be "2.0"`},
		{"an id that is null", `{"jsonrpc":"2.0","id":null,"method":"ping"}`, "id must be a string or a number of at most 256 bytes"},
		{"a long id", `{"jsonrpc":"2.0","id":"` + strings.Repeat("x", 300) + `","method":"ping"}`, "id must be a string or a number of at most 256 bytes"},
		{"no method", `{"jsonrpc":"2.0","id":1}`, "method is required"},
		{"a result and an error", `{"jsonrpc":"2.0","id":1,"result":{},"error":{}}`, "method is required"},
		{"a result without an id", `{"jsonrpc":"2.0","result":{}}`, "method is required"},
		{"a method and a result", `{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}`,
			"the message must have either method or one of result and error"},
		{"a method that is empty", `{"jsonrpc":"2.0","id":1,"method":""}`, "method must be a string"},
		{"a method that is a number", `{"jsonrpc":"2.0","id":1,"method":1}`, "method must be a string"},
		{"params in an array", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["a"]}`, "params must be an object"},
		{"params that are null", `{"jsonrpc":"2.0","id":1,"method":"ping","params":null}`, "params must be an object"},
		{"no params", `{"jsonrpc":"2.0","id":1,"method":"tools/call"}`, "params.name must be a string that is not empty"},
		{"a name that is a list", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":["a"]}}`, "params.name must be a string that is not empty"},
		{"no URI", `{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"name":"a"}}`, "params.uri must be a string that is not empty"},
		{"no reference", `{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{}}`, `params.ref.type must be ref/prompt or ref/resource, got ""`},
		{"another reference", `{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/tool","name":"a"}}}`,
			`params.ref.type must be ref/prompt or ref/resource, got "ref/tool"`},
		{"a prompt by its URI", `{"jsonrpc":"2.0","id":1,"method":"completion/complete","params":{"ref":{"type":"ref/prompt","uri":"a"}}}`,
			"params.ref.name must be a string that is not empty"},
	} {
		m, err := coaz.ReadMessage([]byte(tt.body))
		got := fmt.Sprintf("%s %s %s %q", m.ID, m.Method, m.Type, m.Name)
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// seen is a message as another reader sees it, one that takes no notice of case and of what comes twice.
type seen struct {
	ID     json.RawMessage
	Method string
	Params struct {
		Name, URI, TaskID string
		Ref               struct{ Type, Name, URI string }
	}
}

func (s *seen) target() string {
	switch s.Method {
	case "tools/call", "prompts/get":
		return s.Params.Name
	case "resources/read", "resources/subscribe", "resources/unsubscribe":
		return s.Params.URI
	case "tasks/get", "tasks/result", "tasks/update", "tasks/cancel":
		return s.Params.TaskID
	case "completion/complete":
		if s.Params.Ref.Type == "ref/prompt" {
			return s.Params.Ref.Name
		}
		return s.Params.Ref.URI
	}
	return ""
}

// Whatever is accepted, a reader that is less strict sees the same method and the same name in it.
func FuzzReadMessage(f *testing.F) {
	for _, s := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"name":"b"}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"ping","METHOD":"tools/call"}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"},"Params":{"name":"b"}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"a","taſkid":"b"}}`,
		`{"jsonrpc":"2.0","id":"x","method":"completion/complete","params":{"ref":{"type":"ref/prompt","name":"a","Uri":"b"}}}`,
		`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a:\u0062"}}`,
		`{"jsonrpc":"2.0","id":1,"result":{}}`, `{"jsonrpc":"2.0","method":"notifications/x"}`, `[]`, `{`, ``,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		m, err := coaz.ReadMessage(body)
		if err != nil {
			return
		}
		var other seen
		if err := json.Unmarshal(body, &other); err != nil {
			if _, mismatch := err.(*json.UnmarshalTypeError); mismatch {
				return // of a member that does not count for this method
			}
			t.Fatalf("accepts %q, which is no JSON: %v", body, err)
		}
		if m.Method != other.Method || m.Name != other.target() || string(m.ID) != string(other.ID) {
			t.Fatalf("reads %q as %q of %q with id %s, another reader as %q of %q with id %s", body, m.Method, m.Name, m.ID,
				other.Method, other.target(), other.ID)
		}
		if r := m.Request(); m.Type == "" && r.Action != "ping" && !strings.HasPrefix(r.Action, "notifications/") && r.Type == "tool" {
			t.Fatalf("asks of %q about a tool", body)
		}
	})
}

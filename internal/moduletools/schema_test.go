package moduletools

import (
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
)

// closed is the schema of a module that takes no arguments.
const closed = `{"additionalProperties":false,"type":"object"}`

func TestReadSettings(t *testing.T) {
	for _, tt := range []struct{ name, settings, input, output, fails string }{
		{name: "none", settings: ``, input: closed},
		{name: "empty", settings: `{}`, input: closed},
		{name: "as the designer writes it", settings: `{"input": {"schema": {"type": "object", "properties": {"order": {"type": "string"}}}},
			"resultData": {"schema": {"type": "object", "properties": {"state": {"type": "string"}}}},
			"transitions": {"results": [{"name": "branch_1", "description": ""}]}}`,
			input:  `{"additionalProperties":false,"properties":{"order":{"type":"string"}},"type":"object"}`,
			output: `{"properties":{"state":{"type":"string"}},"type":"object"}`},
		{name: "no type", settings: `{"input":{"schema":{"required":["a"]}}}`,
			input: `{"additionalProperties":false,"required":["a"],"type":"object"}`},
		{name: "more members", settings: `{"input":{"schema":{"additionalProperties":{"type":"string"}}}}`,
			input: `{"additionalProperties":{"type":"string"},"type":"object"}`},
		{name: "members in a part", settings: `{"input":{"schema":{"allOf":[{"properties":{"a":true}}]}}}`,
			input: `{"allOf":[{"properties":{"a":true}}],"type":"object","unevaluatedProperties":false}`},
		{name: "draft 4", settings: `{"input":{"schema":{"$schema":"http://json-schema.org/draft-04/schema#","id":"urn:x",
			"properties":{"id":{"type":"integer","minimum":1,"exclusiveMinimum":true,"maximum":9,"exclusiveMaximum":false},
				"pair":{"type":"array","items":[{"type":"string"}],"additionalItems":false}},
			"dependencies":{"id":["pair"],"pair":{"required":["id"]}}}}}`,
			input: `{"dependentRequired":{"id":["pair"]},"dependentSchemas":{"pair":{"required":["id"]}},` +
				`"properties":{"id":{"exclusiveMinimum":1,"maximum":9,"type":"integer"},` +
				`"pair":{"items":false,"prefixItems":[{"type":"string"}],"type":"array"}},"type":"object","unevaluatedProperties":false}`},
		{name: "later drafts", settings: `{"input":{"schema":{"properties":{"n":{"exclusiveMinimum":3},"l":{"items":{"const":1}}}}}}`,
			input: `{"additionalProperties":false,"properties":{"l":{"items":{"const":1}},"n":{"exclusiveMinimum":3}},"type":"object"}`},
		{name: "references within", settings: `{"input":{"schema":{"properties":{"a":{"$ref":"#/definitions/d"}},"definitions":{"d":{"type":"null"}}}}}`,
			input: `{"additionalProperties":false,"definitions":{"d":{"type":"null"}},"properties":{"a":{"$ref":"#/definitions/d"}},"type":"object"}`},
		{name: "a file", settings: `{"input":{"schema":{"properties":{"a":{"$ref":"file:///etc/passwd"}}}}}`, fails: "file"},
		{name: "an address", settings: `{"input":{"schema":{"properties":{"a":{"$ref":"http://127.0.0.1/"}}}}}`, fails: "http"},
		{name: "no object", settings: `{"input":{"schema":{"type":"string"}}}`, fails: "input.schema must be of type object, got string"},
		{name: "no schema", settings: `{"input":{"schema":{"type":"object","properties":[]}}}`, fails: "input.schema is no JSON Schema"},
		{name: "no schema of results", settings: `{"resultData":{"schema":{"type":7}}}`, fails: "resultData.schema must be of type object, got 7"},
		{name: "no JSON", settings: `input`, fails: "Settings cannot be read"},
		{name: "listed twice", settings: `{"input":{},"input":{"schema":{"additionalProperties":true}}}`, fails: "Settings cannot be read"},
		{name: "another shape", settings: `{"input":[]}`, fails: "Settings cannot be read"},
		{name: "too deep", settings: strings.Repeat(`{"input":`, 40) + "1" + strings.Repeat("}", 40), fails: "at most 32 levels"},
		{name: "too large", settings: `{"a":"` + strings.Repeat("x", maxSettings) + `"}`, fails: "at most 65536 bytes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := readSettings(tt.settings)
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) {
					t.Fatalf("got %v, want an error that says %q", err, tt.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if string(got.input) != tt.input || string(got.output) != tt.output {
				t.Errorf("input\n%s\nwant\n%s\noutput\n%s\nwant\n%s", got.input, tt.input, got.output, tt.output)
			}
		})
	}
}

func TestCheckArguments(t *testing.T) {
	s, err := readSettings(`{"input":{"schema":{"properties":{"order":{"type":"string","maxLength":5},"count":{"type":"integer"}},
		"required":["order"]}}}`)
	if err != nil {
		t.Fatal(err)
	}
	module := &tool{schemas: s}
	for _, tt := range []struct{ name, arguments, fails string }{
		{"all right", `{"order":"1","count":12345678901234567890}`, ""},
		{"missing", `{}`, "arguments: missing property 'order'"},
		{"of another type", `{"order":1}`, "arguments.order: got number, want string"},
		{"too long", `{"order":"123456"}`, "arguments.order: maxLength: got 6, want 5"},
		{"not declared", `{"order":"1","host":"evil.example"}`, "additional properties 'host' not allowed"},
		{"listed twice", `{"order":"1","order":"2"}`, `duplicate`},
		{"two mistakes", `{"order":1,"count":"x"}`, "arguments.count: got string, want integer; arguments.order: got number, want string"},
		{"a list", `[]`, "must be a JSON object"},
		{"no JSON", `{"order"`, "cannot be read"},
		{"no UTF-8", "{\"order\":\"\xff\"}", "cannot be read"},
		{"too deep", `{"order":` + strings.Repeat("[", 101) + strings.Repeat("]", 101) + `}`, "at most 100 levels"},
	} {
		err := module.checkArguments(lanyard.JSON(tt.arguments))
		if tt.fails == "" && err != nil || tt.fails != "" && (err == nil || !strings.Contains(err.Error(), tt.fails)) {
			t.Errorf("%s: got %v, want %q", tt.name, err, tt.fails)
		}
	}
}

// FuzzSettings has a schema that is accepted stay a schema when it is sent to a client and read again.
func FuzzSettings(f *testing.F) {
	f.Add(`{"input":{"schema":{"type":"object","properties":{"a":{"type":"string"}}}}}`, `{"a":"b"}`)
	f.Add(`{"input":{"schema":{"minimum":1,"exclusiveMinimum":true,"items":[{}],"dependencies":{"a":["b"]}}}}`, `{"a":1,"b":2}`)
	f.Add(`{"input":{"schema":{"$ref":"#"}}}`, `{}`)
	f.Add(`{"input":{"schema":{"properties":{"a":{"$ref":"#"}}}}}`, `{"a":{"a":{}}}`)
	f.Fuzz(func(t *testing.T, settings, arguments string) {
		s, err := readSettings(settings)
		if err != nil {
			return
		}
		again, err := readSettings(`{"input":{"schema":` + string(s.input) + `}}`)
		if err != nil || string(again.input) != string(s.input) {
			t.Fatalf("%s was read as\n%s\nand then as\n%s (%v)", settings, s.input, again.input, err)
		}
		first := (&tool{schemas: s}).checkArguments([]byte(arguments))
		then := (&tool{schemas: again}).checkArguments([]byte(arguments))
		if (first == nil) != (then == nil) {
			t.Fatalf("%s: %v, then %v", arguments, first, then)
		}
	})
}

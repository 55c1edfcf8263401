package template

import (
	"strings"
	"testing"
)

func TestParseErrors(t *testing.T) {
	deep := strings.Repeat("[", 200) + strings.Repeat("]", 200)
	for _, tt := range []struct {
		name, file, text, want string
	}{
		{"nothing", "a.yaml", "", "a.yaml: a template must be a map with Resources, got an empty file"},
		{"only a comment", "a.yaml", "# nothing\n", "a.yaml: a template must be a map with Resources, got an empty file"},
		{"null", "a.yaml", "---\n...\n", "a.yaml:2:1: a template must be a map with Resources, got nothing (null)"},
		{"a list", "a.yaml", "- a\n", "a.yaml:1:1: a template must be a map with Resources, got a list"},
		{"a text", "a.yaml", "\n\n  hello\n", `a.yaml:3:3: a template must be a map with Resources, got "hello"`},
		{"a function", "a.yaml", "!Sub {a: b}\n", "a.yaml:1:1: a template must be a map with Resources, got !Sub"},
		{"a tab", "a.yaml", "Resources:\n\tA: b\n", "a.yaml:2:1: the file must be YAML: indentation must be spaces, got a tab"},
		{"a tab in a list", "a.yaml", "Resources:\n- a\n\t- b\n", "a.yaml:3:1: the file must be YAML: found a tab character that violates indentation while scanning a plain scalar, which begins on line 2"},
		{"no end of quotes", "a.yaml", "Resources:\n  A: \"b\n  C: d\n", "a.yaml:4:1: the file must be YAML: found unexpected end of stream while scanning a quoted scalar, which begins on line 2; close the quotes"},
		{"no end of brackets", "a.yaml", "Resources: [a,\n  b\nC: d\n", "a.yaml:3:2: the file must be YAML: did not find expected ',' or ']' while parsing a flow sequence, which begins on line 1; close the bracket, or separate the items by commas"},
		{"bad indentation", "a.yaml", "Resources:\n    A: b\n  C: d\n", "a.yaml:3:3: the file must be YAML: did not find expected key while parsing a block mapping, which begins on line 1; check the indentation"},
		{"a colon in text", "a.yaml", "Resources: a: b\n", "a.yaml:1:13: the file must be YAML: mapping values are not allowed in this context; put text that has a colon and a space in quotes, or check the indentation"},
		{"an unknown escape", "a.yaml", "Resources: \"\\q\"\n", `a.yaml:1:13: the file must be YAML: found unknown escape character while scanning a quoted scalar; write \\ for a backslash, or use single quotes`},
		{"a reserved character", "a.yaml", "Resources: @a\n", "a.yaml:1:12: the file must be YAML: found character that cannot start any token while scanning for the next token; put text that begins with this character in quotes"},
		{"a key twice", "a.yaml", "Resources:\n  A: b\n  C: d\n  A: e\n", `a.yaml:4:3: key "A" must be unique in its map, got it already on line 2`},
		{"a key twice in brackets", "a.yaml", "Resources: {A: b, \"A\": c}\n", `a.yaml:1:19: key "A" must be unique in its map, got it already on line 1`},
		{"a key that is a list", "a.yaml", "Resources:\n  ? [a]\n  : b\n", "a.yaml:2:5: a key must be a string, got a list"},
		{"a key that is nothing", "a.yaml", "Resources:\n  : b\n", "a.yaml:2:3: a key must be a string, got nothing (null)"},
		{"an unknown alias", "a.yaml", "Resources: *a\n", "a.yaml:1:12: the file must be YAML: unknown anchor 'a' referenced; an alias such as *name must come after its anchor &name; put text that begins with * in quotes"},
		{"an anchor in itself", "a.yaml", "Resources: &a [b, *a]\n", "a.yaml:1:19: *a must stand outside of &a, got an anchor that contains itself"},
		{"a merge of a text", "a.yaml", "Resources:\n  <<: a\n", `a.yaml:2:7: << must be a map or a list of maps, got "a"`},
		{"a merge of a function", "a.yaml", "Resources:\n  <<: [!Ref a]\n", "a.yaml:2:8: << must be a map or a list of maps, got !Ref"},
		{"a binary", "a.yaml", "Resources: !!binary aGk=\n", "a.yaml:1:12: a tag must be one of CloudFormation's functions, got !!binary; AWS does not accept it"},
		{"a set", "a.yaml", "Resources: !!set {a}\n", "a.yaml:1:12: a tag must be one of CloudFormation's functions, got !!set; AWS does not accept it"},
		{"two documents", "a.yaml", "Resources: {}\n---\nResources: {}\n", "a.yaml:2:1: a file must be one YAML document, got a second one; put it into a file of its own"},
		{"a broken second document", "a.yaml", "Resources: {}\n---\n[", "a.yaml:3:2: the file must be YAML: did not find expected node content while parsing a flow node"},
		{"invalid UTF-8", "a.yaml", "Resources:\n  A: \xc3\xbc\xff\n", "a.yaml:2:7: the file must be UTF-8, got byte 0xFF; save it as UTF-8"},
		{"UTF-16", "a.yaml", "\xff\xfeR\x00", "a.yaml:1:1: the file must be UTF-8, got byte 0xFF; save it as UTF-8"},
		{"a control character", "a.yaml", "Resources:\n  A: \x01\n", "a.yaml:2:6: the file must be YAML: control characters are not allowed (value: 1)"},
		{"a control character after others", "a.yaml", "\ufeff\u00e4: \x01\n", "a.yaml:1:4: the file must be YAML: control characters are not allowed (value: 1)"},
		{"a lone carriage return", "a.yaml", "Resources:\r  A: b\r", "a.yaml:1:11: lines must end in LF or CRLF, got a lone CR"},
		{"a line separator", "a.yaml", "Resources: \u2028a\n", `a.yaml:1:12: U+2028 must be written in quotes as "\u2028", got the character itself`},
		{"deep brackets", "a.yaml", "Resources: " + deep, "a.yaml:1:112: lists and maps must be nested at most 100 deep"},
		{"deep lines", "a.yaml", "Resources:\n  " + strings.Repeat("- ", 200), "a.yaml:2:203: lists and maps must be nested at most 100 deep"},
		{"very deep brackets", "a.yaml", strings.Repeat("[", 500_000), "a.yaml:1:10001: lists and maps must be nested at most 100 deep"},
		{"very deep JSON", "a.json", strings.Repeat("[", 500_000), "a.json:1:102: lists and maps must be nested at most 100 deep"},
		{"too large", "a.yaml", strings.Repeat("a", MaxFileSize+1), "a.yaml: a template must have at most 1048576 bytes, as on AWS, got 1048577; split it into several files"},

		{"JSON that is no map", "a.json", "[]", "a.json:1:1: a template must be a map with Resources, got a list"},
		{"JSON that is empty", "a.json", " ", "a.json:1:2: the file must be JSON: the file ends too early; close the brackets"},
		{"JSON with a trailing comma", "a.json", "{\n  \"Resources\": {},\n}\n", "a.json:2:18: the file must be JSON: invalid character ',' at start of value; JSON has no comments, no single quotes and no comma after the last item"},
		{"JSON with a comment", "a.json", "{\n  // why\n}\n", "a.json:2:3: the file must be JSON: invalid character '/' at start of value; JSON has no comments, no single quotes and no comma after the last item"},
		{"JSON without an end", "a.json", "{\"Resources\": {", "a.json:1:16: the file must be JSON: the file ends too early; close the brackets"},
		{"JSON with text behind it", "a.json", "{}\n{}", "a.json:2:1: a JSON file must be one value, got more after its end"},
		{"JSON with single quotes", "a.json", "{'a': 1}", `a.json:1:2: the file must be JSON: invalid character '\'' at start of value; JSON has no comments, no single quotes and no comma after the last item`},
		{"JSON with a bad escape", "a.json", `{"a": "\x"}`, "a.json:1:8: the file must be JSON: invalid escape sequence `\\x` in string"},
		{"JSON with half a surrogate", "a.json", `{"a": "\ud83d"}`, "a.json:1:8: the file must be JSON: invalid surrogate pair `\\ud83d\"}` in string"},
		{"JSON with a leading zero", "a.json", `{"a": 012}`, "a.json:1:8: the file must be JSON: invalid character '1' after object value (expecting ',' or '}'); JSON has no comments, no single quotes and no comma after the last item"},
		{"JSON with a key twice", "a.json", "{\"a\": 1,\n \"\\u0061\": 2}", `a.json:2:2: key "a" must be unique in its map, got it already on line 1`},
		{"deep JSON", "a.json", `{"a": ` + deep + "}", "a.json:1:107: lists and maps must be nested at most 100 deep"},
		{"JSON in a file for both", "a.template", "{\"a\": 1,}}", "a.template:1:8: the file must be JSON: invalid character ',' at start of value; JSON has no comments, no single quotes and no comma after the last item"},
		{"JSON in a file for YAML", "a.yaml", "{\"a\": [}", "a.yaml:1:8: the file must be YAML: did not find expected node content while parsing a flow node"},
		{"YAML in a file for JSON", "a.json", "Resources:\n", "a.json:1:1: the file must be JSON: invalid character 'R' at start of value; JSON has no comments, no single quotes and no comma after the last item"},
	} {
		_, err := Parse(tt.file, []byte(tt.text))
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

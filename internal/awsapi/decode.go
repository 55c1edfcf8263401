package awsapi

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/nesting"
)

// maxNesting bounds how deep arrays and objects of a request may be nested.
const maxNesting = 64

// decode makes the operation's input of body, labels and query. Unknown members are ignored
// and null is absent, as the protocol requires; repeated members, wrong types, invalid UTF-8 and
// anything after the object are refused.
func decode(req *request) (model.Input, error) {
	if err := bind(req); err != nil {
		return nil, err
	}
	in := req.op.NewInput()
	if req.http.Method != "GET" && req.http.Method != "DELETE" {
		plain, err := decodeBody(req.body, in)
		if err != nil {
			return nil, err
		}
		req.plain = plain
	}
	if err := in.Bind(req.params); err != nil {
		return nil, &lanyard.Error{Kind: lanyard.Invalid, Message: err.Error()}
	}
	for _, l := range req.params.Labels {
		if !utf8.ValidString(l.Value) {
			return nil, lanyard.Errorf(lanyard.Malformed, "%s must be UTF-8", l.Name)
		}
	}
	for key, values := range req.params.Query {
		for _, v := range values {
			if !utf8.ValidString(v) {
				return nil, lanyard.Errorf(lanyard.Malformed, "query parameter %q must be UTF-8", lanyard.Clip(key))
			}
		}
	}
	return in, nil
}

// decodeBody decodes a request body. It is plain when it holds nothing but what in knows, without
// nulls and escapes, so that its bytes say the same as in does.
func decodeBody(body []byte, in any) (plain bool, err error) {
	body = bytes.TrimLeft(body, " \t\r\n")
	if len(body) == 0 {
		return false, nil // as the empty object
	}
	if body[0] != '{' {
		return false, lanyard.Errorf(lanyard.Malformed, "the request body must be a JSON object")
	}
	if nesting.Exceeds(body, maxNesting) {
		return false, lanyard.Errorf(lanyard.Malformed, "the request body must be nested at most %d levels deep",
			maxNesting)
	}
	if !bytes.Contains(body, []byte("null")) && bytes.IndexByte(body, '\\') < 0 {
		err := json.Unmarshal(body, in, json.RejectUnknownMembers(true))
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, json.ErrUnknownName) {
			return false, refusal(err)
		}
		reflect.ValueOf(in).Elem().SetZero() // begin again
	}
	if err := json.Unmarshal(body, in); err != nil {
		return false, refusal(err)
	}
	if at := findNull(body, reflect.TypeOf(in)); at != "" {
		return false, lanyard.Errorf(lanyard.Malformed,
			"%s must not be null: lists and maps cannot hold null; leave the entry out", place(at))
	}
	return false, nil
}

// refusal says what is wrong with a body.
func refusal(err error) error {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		return lanyard.Errorf(lanyard.Malformed, "%s %s", place(semantic.JSONPointer), wrongType(semantic))
	}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		return lanyard.Errorf(lanyard.Malformed, "the request body must be valid JSON: at byte %d, %s: %v",
			syntactic.ByteOffset, place(syntactic.JSONPointer), syntactic.Err)
	}
	return lanyard.Errorf(lanyard.Malformed, "the request body cannot be read: %v", err)
}

// findNull returns the place of the first null among the items of a list or the values of a map, "" when there is none.
// A null member of a structure is absent, so SDKs may send that. Lists and maps of the model hold no nulls, and SDKs
// never send any; taken for "" or ignored, a restriction would be another than its author wrote.
func findNull(body []byte, t reflect.Type) jsontext.Pointer {
	dec := jsontext.NewDecoder(bytes.NewReader(body))
	if nullWithin(dec, t) {
		return dec.StackPointer()
	}
	return ""
}

// nullWithin reads one value that became a t, and stops after a null as findNull looks for it. The body has been
// decoded
// by then, so nothing is wrong with it.
func nullWithin(dec *jsontext.Decoder, t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	dense := t.Kind() == reflect.Slice || t.Kind() == reflect.Map
	if k := dec.PeekKind(); k != '[' && k != '{' || !dense && t.Kind() != reflect.Struct {
		_ = dec.SkipValue()
		return false
	}
	opened, _ := dec.ReadToken()
	for k := dec.PeekKind(); k != '}' && k != ']' && k != 0; k = dec.PeekKind() {
		name := ""
		if opened.Kind() == '{' {
			token, _ := dec.ReadToken()
			name = token.String()
			k = dec.PeekKind()
		}
		if dense && k == 'n' {
			_, _ = dec.ReadToken() // so that the decoder is at the null
			return true
		}
		if nullWithin(dec, itemType(t, name)) {
			return true
		}
	}
	_, _ = dec.ReadToken()
	return false
}

// itemType is the type of an item of a list or map, or of the member of a structure with that name on the wire. Members
// that a structure does not have may hold anything.
func itemType(t reflect.Type, name string) reflect.Type {
	if t.Kind() != reflect.Struct {
		return t.Elem()
	}
	for i := range t.NumField() {
		if tag, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ","); tag == name {
			return t.Field(i).Type
		}
	}
	return reflect.TypeFor[any]()
}

// wrongType says what would be right and what was sent, in JSON's words.
func wrongType(e *json.SemanticError) string {
	sent := map[jsontext.Kind]string{'n': "null", 't': "a boolean", 'f': "a boolean", '"': "a string", '0': "a number",
		'{': "an object", '[': "a list"}[e.JSONKind]
	if e.GoType == nil {
		return "must be absent, got " + sent
	}
	t := e.GoType
	for t.Kind().String() == "ptr" {
		t = t.Elem()
	}
	want := map[string]string{"string": "a string", "bool": "true or false", "int32": "a whole number of 32 bits",
		"int64":   "a whole number of 64 bits",
		"float64": "a number", "struct": "an object", "map": "an object", "slice": "a list"}[t.Kind().String()]
	if t.Name() == "Timestamp" {
		want = "a number of seconds"
	}
	if sent == "a number" && len(e.JSONValue) > 0 {
		sent = lanyard.Clip(string(e.JSONValue))
	}
	return "must be " + want + ", got " + sent
}

// place is a JSON pointer as messages name members: A.B[0].C.
func place(p jsontext.Pointer) string {
	const most = 512
	var b strings.Builder
	for token := range p.Tokens() {
		switch {
		case token != "" && strings.Trim(token, "0123456789") == "":
			b.WriteString("[" + token + "]")
		case b.Len() > 0:
			b.WriteString("." + token)
		default:
			b.WriteString(token)
		}
		if b.Len() > most {
			return b.String()[:most] + "…"
		}
	}
	if b.Len() == 0 {
		return "the top level"
	}
	return b.String()
}

package questions

import (
	"errors"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard/internal/nesting"
)

// Bounds of a question.
const (
	maxNesting     = 32   // arrays and objects in one another
	maxEvaluations = 1000 // items of a batch
	maxPage        = 1000 // results of a page
	defaultPage    = 100
)

// The JSON form of what questions are made of. A nil pointer was absent.
type (
	subject struct {
		Type       *string            `json:"type"`
		ID         *string            `json:"id"`
		Properties *subjectProperties `json:"properties"`
	}
	subjectProperties struct {
		Assisting *string `json:"assisting"` // of an AI agent: the user whom it assists
	}
	action struct {
		Name       *string `json:"name"`
		Properties *object `json:"properties"`
	}
	// object is any object: its members count for nothing.
	object   struct{}
	resource struct {
		Type       *string             `json:"type"`
		ID         *string             `json:"id"`
		Properties *resourceProperties `json:"properties"`
	}
	resourceProperties struct {
		New            bool              `json:"new"`
		Tags           map[string]string `json:"tags"`
		HierarchyGroup string            `json:"hierarchy_group"`
		Attributes     map[string]string `json:"attributes"`
		Channel        string            `json:"channel"`
	}
	requestContext struct {
		Surface         string `json:"surface"`
		AtLeastRevision *int64 `json:"at_least_revision"`
		Explain         bool   `json:"explain"`
		token
	}
	// A token is what a gateway says of the token of who sends a request of MCP. It counts for subjects of type
	// identity alone; others may have anything there.
	token struct {
		Agent    jsontext.Value `json:"agent"`
		Audience jsontext.Value `json:"audience"`
	}
	page struct {
		Token      *string `json:"token"`
		Limit      *int64  `json:"limit"`
		Properties *object `json:"properties"`
	}
	// request is the JSON form of a question.
	request struct {
		Subject  *subject        `json:"subject"`
		Action   *action         `json:"action"`
		Resource *resource       `json:"resource"`
		Context  *requestContext `json:"context"`
	}
	searchRequest struct {
		request
		Page *page `json:"page"`
	}
	options struct {
		Semantic *string `json:"evaluations_semantic"`
	}
	batchRequest struct {
		request                      // what a question takes that gives nothing else
		Options     *options         `json:"options"`
		Evaluations []jsontext.Value `json:"evaluations"`
	}
	whatIfRequest struct {
		searchRequest
		Operation  *string        `json:"operation"`
		Parameters jsontext.Value `json:"parameters"`
	}
)

// decode reads a request: an object without repeated members, wrong types or invalid UTF-8. Unknown members are
// passed over.
func decode(body []byte, to any) error {
	if nesting.Exceeds(body, maxNesting) {
		return malformed("the request body has values more than %d deep in one another", maxNesting)
	}
	start := 0
	for start < len(body) && (body[start] == ' ' || body[start] == '\n' || body[start] == '\t' || body[start] == '\r') {
		start++
	}
	if start == len(body) || body[start] != '{' {
		return malformed("the request body is not a JSON object")
	}
	return decodeObject(body, to)
}

// decodeObject is decode where depth and kind are known.
func decodeObject(body []byte, to any) error {
	err := json.Unmarshal(body, to)
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &semantic):
		return wrongType(semantic)
	case errors.As(err, &syntactic):
		return malformed("the request body is not valid JSON: at byte %d: %v", syntactic.ByteOffset, syntactic.Err)
	}
	return malformed("the request body cannot be read: %v", err)
}

// wrongType says what a member must be.
func wrongType(err *json.SemanticError) error {
	var names []string
	for name := range err.JSONPointer.Tokens() {
		names = append(names, name)
	}
	member := strings.Join(names, ".")
	if member == "" {
		member = "the request"
	}
	got := kindWords[err.JSONKind]
	want := "another value"
	if t := err.GoType; t != nil {
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		want = typeWords[t.Kind()]
	}
	if want == "an integer" && len(err.JSONValue) > 0 {
		got = string(err.JSONValue)
	}
	return malformed("%s must be %s, got %s", member, want, got)
}

var (
	kindWords = map[jsontext.Kind]string{'n': "null", 't': "true", 'f': "false", '"': "a string", '0': "a number",
		'[': "an array", '{': "an object"}
	typeWords = map[reflect.Kind]string{reflect.String: "a string", reflect.Bool: "true or false",
		reflect.Int64:  "an integer",
		reflect.Struct: "an object", reflect.Map: "an object", reflect.Slice: "an array"}
)

package coaz

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/nesting"
)

// Bounds of a message.
const (
	maxNesting = 128
	maxID      = 256 // bytes
)

// A Message is a message of MCP that a client sends.
type Message struct {
	ID     jsontext.Value // of a request, as it was sent; nil for a notification
	Method string         // "" for a response to a request of the server
	Type   string         // of the resource that a request is about; "" for a method that is not known
	Name   string         // of that resource
}

// named are the names that count at a place. Whoever reads a message after us may take no notice of case, or of - and
// _, and would take another member for one of these than we do. So no other member may be called so.
var named = map[string][]string{
	"params": {"name", "uri", "ref", "taskId", "arguments", "_meta"},
	"ref":    {"type", "name", "uri"},
}

// members are those that a message may have.
var members = []string{"jsonrpc", "id", "method", "params", "result", "error"}

// ReadMessage reads a message, as far as a decision needs it. What another reader could understand in another way is
// refused: names that are listed twice or differ in case only, several messages in one, bytes that are not UTF-8. The
// message has the id of a message that is refused, if it could be read.
func ReadMessage(body []byte) (m Message, err error) {
	if nesting.Exceeds(body, maxNesting) {
		return m, fmt.Errorf("the message must have values at most %d deep in one another", maxNesting)
	}
	if jsontext.Value(body).Kind() != '{' {
		return m, errors.New("the message must be one JSON object")
	}
	var all map[string]jsontext.Value
	if err := json.Unmarshal(body, &all); err != nil {
		return m, errors.New("the message must be valid JSON with no member listed twice")
	}
	if m.ID, err = readID(all); err != nil {
		return m, err
	}
	for name := range all {
		if !slices.Contains(members, name) {
			return m, fmt.Errorf("the message must have members among %s, got %s", strings.Join(members, ", "),
				lanyard.Quote(name))
		}
	}
	if version, _ := text(all["jsonrpc"]); version != "2.0" {
		return m, errors.New(`jsonrpc must be "2.0"`)
	}
	return m, m.readMethod(all)
}

// readID returns the id of a message, as it was sent.
func readID(all map[string]jsontext.Value) (jsontext.Value, error) {
	id, ok := all["id"]
	if !ok {
		return nil, nil
	}
	if k := id.Kind(); k != '"' && k != '0' || len(id) > maxID {
		return nil, fmt.Errorf("id must be a string or a number of at most %d bytes", maxID)
	}
	return id, nil
}

// readMethod reads what a message is about.
func (m *Message) readMethod(all map[string]jsontext.Value) error {
	answers := 0
	for _, name := range []string{"result", "error"} {
		if _, ok := all[name]; ok {
			answers++
		}
	}
	method, ok := all["method"]
	if !ok {
		if answers != 1 || m.ID == nil {
			return errors.New("method is required")
		}
		return nil
	}
	if answers > 0 {
		return errors.New("the message must have either method or one of result and error")
	}
	if m.Method, ok = text(method); !ok || m.Method == "" {
		return errors.New("method must be a string")
	}
	params, err := object(all["params"], "params")
	if err != nil {
		return err
	}
	return m.readTarget(params)
}

// readTarget reads the resource that a request is about.
func (m *Message) readTarget(params map[string]jsontext.Value) (err error) {
	about := methods[m.Method]
	if len(about) == 0 {
		return nil
	}
	m.Type = about[0]
	switch {
	case m.Type == TypeServer:
	case m.Method == "completion/complete":
		return m.readRef(params)
	case m.Type == TypeResource:
		m.Name, err = target(params, "params", "uri")
	case m.Type == TypeTask:
		m.Name, err = target(params, "params", "taskId")
	default:
		m.Name, err = target(params, "params", "name")
	}
	return err
}

// readRef reads the prompt or resource of which an argument is completed.
func (m *Message) readRef(params map[string]jsontext.Value) error {
	ref, err := object(params["ref"], "ref")
	if err != nil {
		return err
	}
	kind, _ := text(ref["type"])
	switch kind {
	case "ref/prompt":
		m.Type = TypePrompt
		m.Name, err = target(ref, "params.ref", "name")
	case "ref/resource":
		m.Type = TypeResource
		m.Name, err = target(ref, "params.ref", "uri")
	default:
		return fmt.Errorf("params.ref.type must be ref/prompt or ref/resource, got %s", lanyard.Quote(kind))
	}
	return err
}

// target returns a string that must be there.
func target(of map[string]jsontext.Value, place, name string) (string, error) {
	if s, ok := text(of[name]); ok && s != "" {
		return s, nil
	}
	return "", fmt.Errorf("%s.%s must be a string that is not empty", place, name)
}

// object returns the members of an object that may be left out, none of which may be taken for another.
func object(v jsontext.Value, place string) (all map[string]jsontext.Value, err error) {
	if v == nil {
		return nil, nil
	}
	if v.Kind() != '{' || json.Unmarshal(v, &all) != nil {
		return nil, fmt.Errorf("%s must be an object", place)
	}
	for name := range all {
		for _, counts := range named[place] {
			if name != counts && alike(name, counts) {
				return nil, fmt.Errorf("%s must not have a member %s next to what %s means", place, lanyard.Quote(name), counts)
			}
		}
	}
	return all, nil
}

// alike reports whether some reader takes one name for the other.
func alike(a, b string) bool {
	plain := strings.NewReplacer("-", "", "_", "")
	return strings.EqualFold(plain.Replace(a), plain.Replace(b))
}

// text returns the value of a string.
func text(v jsontext.Value) (s string, ok bool) {
	if v.Kind() != '"' || json.Unmarshal(v, &s) != nil {
		return "", false
	}
	return s, true
}

// Request returns what to ask about a message of a caller.
func (m *Message) Request() Request {
	switch {
	case m.Method == "": // an answer belongs to a stream that the caller may have
		return Request{Action: MethodStream, Type: TypeServer, Unnamed: true}
	case passes(m.Method) && (m.ID != nil) == (m.Method == "ping"):
		return Request{Action: m.Method}
	case passes(m.Method): // a request that is named like a notification, or the other way round
		return Request{Action: "request " + m.Method, Type: TypeServer, Unnamed: true}
	}
	return Request{Action: m.Method, Type: m.Type, ID: m.Name, Unnamed: true}
}

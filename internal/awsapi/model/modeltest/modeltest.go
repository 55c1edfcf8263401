// Package modeltest checks answers against the service model itself, not against
// the types generated from it, so that a test also catches what those would
// quietly lose. It is for tests: it carries the whole pinned model. It does not
// check patterns.
package modeltest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/lanyard/lanyard/internal/awsapi/model"
)

type service struct {
	Operations map[string]struct {
		Output *ref
		Errors []ref
	}
	Shapes map[string]shape
}

type ref struct{ Shape, Location, LocationName string }

type shape struct {
	Type               string
	Members            map[string]ref
	Required           []string
	Union              bool
	Member, Key, Value *ref
	Min, Max           *float64
	Enum               []string
	Error              *struct{ HTTPStatusCode int }
}

var pinned = sync.OnceValue(func() (s service) {
	if err := json.Unmarshal([]byte(model.JSON), &s); err != nil {
		panic(err)
	}
	return s
})

// CheckOutput says how the body of an answer is not what the model has for the
// operation: an unknown member, or one in the wrong case, of the wrong type, out
// of its bounds, or missing.
func CheckOutput(op string, body []byte) error {
	o, ok := pinned().Operations[op]
	if !ok {
		return fmt.Errorf("the model has no operation %s", op)
	}
	if o.Output == nil {
		if len(body) == 0 || string(body) == "{}" {
			return nil
		}
		return fmt.Errorf("%s has no output, got %s", op, body)
	}
	return check(o.Output.Shape, body, op)
}

// common are the errors that any operation may answer with, declared or not, and
// their statuses.
var common = map[string][]int{
	"ThrottlingException":                 {429},
	"AccessDeniedException":               {403},
	"UnrecognizedClientException":         {403},
	"InvalidSignatureException":           {403},
	"MissingAuthenticationTokenException": {403},
	"IncompleteSignatureException":        {400, 403},
	"UnknownOperationException":           {400, 404},
	"BadRequestException":                 {400}, // observed for agent-queue ARNs
	"UnsupportedOperationException":       {400, 404, 501},
}

// CheckError says how an error is not one that the operation may answer with.
func CheckError(op string, status int, code string, body []byte) error {
	o, ok := pinned().Operations[op]
	if !ok {
		return fmt.Errorf("the model has no operation %s", op)
	}
	var members map[string]jsontext.Value
	if err := jsonv2.Unmarshal(body, &members); err != nil {
		return fmt.Errorf("%s: %s: %w", op, code, err)
	}
	if !slices.ContainsFunc(o.Errors, func(e ref) bool { return e.Shape == code }) {
		statuses, ok := common[code]
		if !ok {
			return fmt.Errorf("%s does not declare %s", op, code)
		}
		if !slices.Contains(statuses, status) {
			return fmt.Errorf("%s: %s has status %d, want one of %v", op, code, status, statuses)
		}
		if !isText(members["Message"]) && !isText(members["message"]) {
			return fmt.Errorf("%s: %s has no message: %s", op, code, body)
		}
		return nil
	}
	e := pinned().Shapes[code]
	if e.Error == nil {
		return fmt.Errorf("%s: %s is not in the reduced model", op, code)
	}
	if status != e.Error.HTTPStatusCode {
		return fmt.Errorf("%s: %s has status %d, want %d", op, code, status, e.Error.HTTPStatusCode)
	}
	if _, ok := e.Members["Message"]; ok && !isText(members["Message"]) {
		return fmt.Errorf("%s: %s has no Message: %s", op, code, body)
	}
	if _, ok := e.Members["Message"]; !ok && isText(members["Message"]) {
		delete(members, "Message") // SDKs read it of every exception, whether or not its shape has it
	}
	delete(members, "__type") // no member of any shape: the protocol's own
	return checkMembers(e, members, op+": "+code)
}

// isText reports whether v is a JSON string with something in it.
func isText(v jsontext.Value) bool { return v.Kind() == '"' && len(v) > 2 }

func check(name string, v jsontext.Value, path string) error {
	s, ok := pinned().Shapes[name]
	if !ok {
		return fmt.Errorf("%s: the reduced model has no shape %s", path, name)
	}
	var err error
	switch s.Type {
	case "structure":
		var members map[string]jsontext.Value
		if v.Kind() != '{' {
			return fmt.Errorf("%s: want an object, got %s", path, v)
		}
		if err := jsonv2.Unmarshal(v, &members); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return checkMembers(s, members, path)
	case "list":
		err = checkList(s, v, path)
	case "map":
		err = checkMap(s, v, path)
	case "string":
		err = checkString(s, v)
	case "boolean":
		if v.Kind() != 't' && v.Kind() != 'f' {
			err = fmt.Errorf("want a boolean, got %s", v)
		}
	default:
		err = checkNumber(s, v)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func checkMembers(s shape, members map[string]jsontext.Value, path string) error {
	known := map[string]string{}
	for member, r := range s.Members {
		if r.Location != "" {
			return fmt.Errorf("%s.%s: a member in the %s is not supported", path, member, r.Location)
		}
		key := member
		if r.LocationName != "" {
			key = r.LocationName
		}
		known[key] = r.Shape
		if _, ok := members[key]; !ok && slices.Contains(s.Required, member) {
			return fmt.Errorf("%s.%s: required", path, key)
		}
	}
	if s.Union && len(members) != 1 {
		return fmt.Errorf("%s: a union has one member, got %d", path, len(members))
	}
	for key, v := range members {
		name, ok := known[key]
		if !ok {
			return fmt.Errorf("%s.%s: no such member", path, key)
		}
		if err := check(name, v, path+"."+key); err != nil {
			return err
		}
	}
	return nil
}

func checkList(s shape, v jsontext.Value, path string) error {
	if v.Kind() != '[' {
		return fmt.Errorf("want a list, got %s", v)
	}
	var elements []jsontext.Value
	if err := jsonv2.Unmarshal(v, &elements); err != nil {
		return err
	}
	for i, e := range elements {
		if err := check(s.Member.Shape, e, fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return err
		}
	}
	return bounds(s, float64(len(elements)), "items")
}

func checkMap(s shape, v jsontext.Value, path string) error {
	if v.Kind() != '{' {
		return fmt.Errorf("want a map, got %s", v)
	}
	var values map[string]jsontext.Value
	if err := jsonv2.Unmarshal(v, &values); err != nil {
		return err
	}
	for key, value := range values {
		path := fmt.Sprintf("%s[%q]", path, key)
		if err := checkText(pinned().Shapes[s.Key.Shape], key); err != nil {
			return fmt.Errorf("key %q: %w", key, err)
		}
		if err := check(s.Value.Shape, value, path); err != nil {
			return err
		}
	}
	return bounds(s, float64(len(values)), "items")
}

func checkString(s shape, v jsontext.Value) error {
	var text string
	if v.Kind() != '"' {
		return fmt.Errorf("want a string, got %s", v)
	}
	if err := jsonv2.Unmarshal(v, &text); err != nil {
		return err
	}
	return checkText(s, text)
}

func checkText(s shape, text string) error {
	if s.Enum != nil && !slices.Contains(s.Enum, text) {
		return fmt.Errorf("%q is not one of %v", text, s.Enum)
	}
	return bounds(s, float64(utf8.RuneCountInString(text)), "characters")
}

var (
	whole        = regexp.MustCompile(`^-?[0-9]+$`)
	milliseconds = regexp.MustCompile(`^-?[0-9]+(\.[0-9]{1,3})?$`)
)

func checkNumber(s shape, v jsontext.Value) error {
	if v.Kind() != '0' {
		return fmt.Errorf("want a number, got %s", v)
	}
	switch s.Type {
	case "integer", "long":
		bits := map[string]int{"integer": 32, "long": 64}[s.Type]
		if _, err := strconv.ParseInt(string(v), 10, bits); err != nil || !whole.Match(v) {
			return fmt.Errorf("%s is not a whole number of %d bits", v, bits)
		}
	case "timestamp":
		if !milliseconds.Match(v) {
			return fmt.Errorf("%s is not a time in seconds with at most three decimals", v)
		}
	case "float", "double":
	default:
		return fmt.Errorf("type %s is not supported", s.Type)
	}
	n, err := strconv.ParseFloat(string(v), 64)
	if err != nil {
		return err
	}
	return bounds(s, n, "as its value")
}

func bounds(s shape, n float64, what string) error {
	if s.Min != nil && n < *s.Min || s.Max != nil && n > *s.Max {
		return fmt.Errorf("has %v %s, out of bounds", n, what)
	}
	return nil
}

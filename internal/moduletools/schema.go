package moduletools

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/nesting"
)

// Bounds of the settings of a flow module that is a tool.
const (
	maxSettings = 64 << 10 // bytes
	maxLevels   = 32       // of nested objects and arrays
)

// schemas are what a flow module takes and returns.
type schemas struct {
	input, output lanyard.JSON // JSON Schema 2020-12; output is nil where nothing is known of it
	takes, gives  *jsonschema.Schema
}

// readSettings reads the settings of a flow module as Amazon Connect's designer writes them:
//
//	{"input": {"schema": {…}}, "resultData": {"schema": {…}}, "transitions": {…}}
//
// A module without an input schema takes no arguments, and members that a schema does not name are refused: Amazon
// Connect refuses to publish a flow that passes them.
func readSettings(settings string) (*schemas, error) {
	var s struct {
		Input struct {
			Schema map[string]any `json:"schema"`
		} `json:"input"`
		ResultData struct {
			Schema map[string]any `json:"schema"`
		} `json:"resultData"`
	}
	switch {
	case len(settings) > maxSettings:
		return nil, lanyard.Errorf(lanyard.Invalid, "Settings must be at most %d bytes, got %d", maxSettings, len(settings))
	case nesting.Exceeds([]byte(settings), maxLevels):
		return nil, lanyard.Errorf(lanyard.Invalid, "Settings must be nested at most %d levels deep", maxLevels)
	case settings != "":
		if err := json.Unmarshal([]byte(settings), &s); err != nil {
			return nil, lanyard.Errorf(lanyard.Invalid, "Settings cannot be read: %v", err)
		}
	}
	read := new(schemas)
	input := currentObject(s.Input.Schema)
	closeObject(input)
	var err error
	if read.input, read.takes, err = compileSchema("input.schema", input); err != nil {
		return nil, err
	}
	if s.ResultData.Schema != nil {
		read.output, read.gives, err = compileSchema("resultData.schema", currentObject(s.ResultData.Schema))
	}
	return read, err
}

// compileSchema returns a schema of an object as JSON, and ready to check with. It loads nothing from elsewhere.
func compileSchema(name string, schema map[string]any) (lanyard.JSON, *jsonschema.Schema, error) {
	if t, ok := schema["type"]; !ok {
		schema["type"] = "object"
	} else if t != "object" {
		return nil, nil, fmt.Errorf("%s must be of type object, got %v", name, t)
	}
	text, err := json.Marshal(schema, json.Deterministic(true))
	if err != nil {
		return nil, nil, fmt.Errorf("%s cannot be written: %w", name, err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(jsonschema.SchemeURLLoader{}) // it knows no scheme
	const at = "urn:flow-module"
	if err := c.AddResource(at, schema); err != nil {
		return nil, nil, fmt.Errorf("%s is no JSON Schema: %w", name, err)
	}
	compiled, err := c.Compile(at)
	if err != nil {
		return nil, nil, fmt.Errorf("%s is no JSON Schema: %w", name, err)
	}
	return text, compiled, nil
}

// closeObject has a schema refuse members that it does not name, unless it says something about them itself.
func closeObject(schema map[string]any) {
	for _, says := range []string{"additionalProperties", "unevaluatedProperties"} {
		if _, ok := schema[says]; ok {
			return
		}
	}
	for _, part := range []string{"allOf", "anyOf", "oneOf", "$ref", "if", "dependentSchemas"} {
		if _, ok := schema[part]; ok {
			schema["unevaluatedProperties"] = false // members may be named in the part
			return
		}
	}
	schema["additionalProperties"] = false
}

// Amazon Connect's schemas are of draft 4, and those of MCP of 2020-12 unless they say otherwise, which few clients
// understand. current rewrites what differs. Names that it does not know stay, so schemas of later drafts stay as
// they are.
func current(schema any) any {
	if s, ok := schema.(map[string]any); ok {
		return currentObject(s)
	}
	return schema // true or false, or a mistake that the compiler finds
}

func currentObject(schema map[string]any) map[string]any {
	out := make(map[string]any, len(schema))
	for name, v := range schema {
		switch name {
		case "$schema", "id", "$id": // nothing refers to them from outside, and nothing may be loaded by them
		case "properties", "patternProperties", "definitions", "$defs", "dependentSchemas":
			out[name] = currentMap(v)
		case "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else",
			"unevaluatedProperties", "unevaluatedItems":
			out[name] = current(v)
		case "allOf", "anyOf", "oneOf", "prefixItems":
			out[name] = currentList(v)
		case "items", "additionalItems", "dependencies", "exclusiveMinimum", "exclusiveMaximum":
		default:
			out[name] = v
		}
	}
	currentItems(schema, out)
	currentBound(schema, out, "minimum", "exclusiveMinimum")
	currentBound(schema, out, "maximum", "exclusiveMaximum")
	currentDependencies(schema, out)
	return out
}

func currentMap(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return v
	}
	m = maps.Clone(m)
	for name, schema := range m {
		m[name] = current(schema)
	}
	return m
}

func currentList(v any) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	out := make([]any, len(list))
	for i, schema := range list {
		out[i] = current(schema)
	}
	return out
}

// currentItems writes a list of schemas in items as prefixItems.
func currentItems(schema, out map[string]any) {
	items, ok := schema["items"]
	if !ok {
		return
	}
	if _, tuple := items.([]any); !tuple {
		out["items"] = current(items)
		return
	}
	out["prefixItems"] = currentList(items)
	if rest, ok := schema["additionalItems"]; ok {
		out["items"] = current(rest)
	}
}

// currentBound writes an exclusive bound that is true or false as a number.
func currentBound(schema, out map[string]any, bound, exclusive string) {
	switch is := schema[exclusive].(type) {
	case nil:
	case bool:
		if value, ok := schema[bound]; ok && is {
			out[exclusive] = value
			delete(out, bound)
		}
	default:
		out[exclusive] = is
	}
}

// currentDependencies writes dependencies as the two keywords that they became.
func currentDependencies(schema, out map[string]any) {
	dependencies, ok := schema["dependencies"].(map[string]any)
	if !ok {
		return
	}
	required, schemas := map[string]any{}, map[string]any{}
	for name, v := range dependencies {
		if _, names := v.([]any); names {
			required[name] = v
		} else {
			schemas[name] = current(v)
		}
	}
	if len(required) > 0 {
		out["dependentRequired"] = required
	}
	if len(schemas) > 0 {
		out["dependentSchemas"] = schemas
	}
}

// printer words what the validator found, always in English.
var printer = message.NewPrinter(language.English)

// maxMismatches bounds how many mistakes an answer names.
const maxMismatches = 5

// checkValue reports, by its error, where the members of a JSON object do not match a schema.
func checkValue(s *jsonschema.Schema, of string, value any) error {
	err := s.Validate(value)
	var wrong *jsonschema.ValidationError
	if !errors.As(err, &wrong) {
		return err
	}
	lines := mismatches(of, wrong, nil)
	slices.Sort(lines) // the validator finds them in any order
	if more := len(lines) - maxMismatches; more > 0 {
		lines = append(lines[:maxMismatches], fmt.Sprintf("and %d more", more))
	}
	return errors.New(strings.Join(lines, "; "))
}

func mismatches(of string, e *jsonschema.ValidationError, lines []string) []string {
	if len(e.Causes) == 0 {
		where := strings.Join(append([]string{of}, e.InstanceLocation...), ".")
		return append(lines, lanyard.Clip(where)+": "+lanyard.Clip(e.ErrorKind.LocalizedString(printer)))
	}
	for _, cause := range e.Causes {
		lines = mismatches(of, cause, lines)
	}
	return lines
}

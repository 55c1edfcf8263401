package policytest

import (
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
)

// SchemaID is the address of the published schema.
const SchemaID = "https://raw.githubusercontent.com/lanyard/lanyard/main/docs/policy-tests.schema.json"

// A form is what a value may be, as a JSON schema.
type form = map[string]any

// formText takes numbers and truth values too, as they are written.
var formText = form{"type": []string{"string", "number", "boolean"}}

var (
	formBool        = form{"anyOf": []form{{"type": "boolean"}, {"type": "string", "pattern": `^\$\{`}}}
	formTexts       = formOneOrList(formText)
	formPermissions = formOneOrList(formAnyOf(form{"enum": permissionNames()}, formText))
	formTypes       = formAnyOf(form{"enum": typeNames()}, formText)
	formExpect      = formAnyOf(form{"enum": append([]string{nobody}, decisionWords...)},
		formTexts, formOf("expect"))
)

func formEnum(words []string) form {
	return form{"anyOf": []form{{"enum": words}, {"type": "string", "pattern": `^\$\{`}}}
}

func formAnyOf(forms ...form) form { return form{"anyOf": forms} }

func formListOf(f form) form { return form{"type": "array", "items": f} }

func formMapOf(f form) form {
	return form{"type": "object", "additionalProperties": formAnyOf(f, form{"type": "null"})}
}

func formOneOrList(f form) form { return formAnyOf(f, formListOf(f)) }

// formOf refers to a shape.
func formOf(name string) form { return form{"$ref": "#/$defs/" + name} }

func permissionNames() []string {
	var all []string
	for _, p := range lanyard.Permissions() {
		all = append(all, p.Name)
	}
	return all
}

// typeNames are the names of types that questions are about.
func typeNames() []string {
	var all []string
	for _, t := range lanyard.ResourceTypes() {
		if t.Name != "" && t.Type != lanyard.TypeInstance && t.Type != lanyard.TypeStructure {
			all = append(all, t.Name)
		}
	}
	return all
}

// Schema returns the JSON schema of test files, with which editors complete and check them.
func Schema() ([]byte, error) {
	defs := map[string]any{}
	for name, s := range shapes {
		defs[name] = s.schema()
	}
	tests, _ := fileShape.find("tests")
	top := form{
		"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SchemaID,
		"title": "Tests of lanyard test", "description": fileShape.help,
		"anyOf": []form{fileShape.schema(), tests.form}, "$defs": defs,
	}
	b, err := json.Marshal(top, json.Deterministic(true), jsontext.WithIndent("  "))
	return append(b, '\n'), err
}

func (s *shape) schema() form {
	properties := map[string]any{}
	for _, k := range s.keys {
		described := form{"description": k.help}
		for name, value := range formAnyOf(k.form, form{"type": "null"}) {
			described[name] = value
		}
		properties[k.name] = described
	}
	out := form{"type": "object", "description": s.help, "properties": properties, "additionalProperties": false}
	if len(s.required) > 0 {
		out["required"] = s.required
	}
	return out
}

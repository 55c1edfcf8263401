package strictyaml

import (
	"encoding"
	"reflect"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A Schema says what a file may be.
type Schema struct{ ID, Title, Description string }

// Of returns the JSON schema of files that Decode reads into a value of the type of to.
func (s Schema) Of(to any) ([]byte, error) {
	top := formOf(reflect.TypeOf(to), field{help: s.Description})
	top["$schema"], top["$id"], top["title"] = "https://json-schema.org/draft/2020-12/schema", s.ID, s.Title
	b, err := json.Marshal(top, json.Deterministic(true), jsontext.WithIndent("  "))
	return append(b, '\n'), err
}

// form is a JSON schema.
type form = map[string]any

// formOf returns the schema of a value of a type.
func formOf(t reflect.Type, f field) form {
	out := formOfType(t, f)
	if f.help != "" {
		out["description"] = f.help
	}
	return out
}

func formOfType(t reflect.Type, f field) form {
	switch {
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return form{"type": []string{"string", "number"}}
	case t.Kind() == reflect.Pointer:
		return formOfType(t.Elem(), f)
	case t.Kind() == reflect.Struct:
		return formOfStruct(t)
	case t.Kind() == reflect.Slice:
		return form{"type": "array", "items": formOfType(t.Elem(), field{enum: f.enum})}
	case t.Kind() == reflect.Map:
		return form{"type": "object", "additionalProperties": formOfType(t.Elem(), field{enum: f.enum})}
	case t == durationType:
		return form{"type": "string", "pattern": `^(0|([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+)$`}
	case t.Kind() == reflect.Bool:
		return form{"type": "boolean"}
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		return form{"type": "integer"}
	case t.Kind() == reflect.Float64:
		return form{"type": "number"}
	case len(f.enum) > 0:
		return form{"enum": f.enum}
	}
	return form{"type": []string{"string", "number"}}
}

func formOfStruct(t reflect.Type) form {
	fields := fieldsOf(t)
	properties, required := form{}, []string{}
	for _, f := range fields {
		properties[f.name] = formOf(t.FieldByIndex(f.index).Type, f)
		if f.required {
			required = append(required, f.name)
		}
	}
	out := form{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		out["required"] = required
	}
	if i := slices.IndexFunc(fields, func(f field) bool { return f.short }); i >= 0 {
		return form{"anyOf": []form{formOf(t.FieldByIndex(fields[i].index).Type, fields[i]), out}}
	}
	return out
}

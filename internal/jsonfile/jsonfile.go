// Package jsonfile reads files of JSON that other tools wrote, within bounds, and says at which line and column one is
// wrong. It is for files whose members are mostly of no interest: those that nobody reads are skipped.
package jsonfile

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/nesting"
)

// Bounds are how large a file may be.
type Bounds struct {
	Size  int // bytes
	Depth int // of arrays and objects in each other
}

// Read reads a file into v. name is that of the file, for messages. The error is a *lanyard.Error that matches
// lanyard.ErrInvalid.
func Read(name string, content []byte, most Bounds, v any) error {
	if len(content) > most.Size {
		return lanyard.Errorf(lanyard.Invalid, "%s must have at most %d bytes, got %d", name, most.Size, len(content))
	}
	if nesting.Exceeds(content, most.Depth) {
		return lanyard.Errorf(lanyard.Invalid, "%s must be nested at most %d deep", name, most.Depth)
	}
	if err := json.Unmarshal(content, v); err != nil {
		return explain(name, content, err)
	}
	return nil
}

// explain words an error of the decoder, with line and column.
func explain(name string, content []byte, err error) error {
	var semantic *json.SemanticError
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntax):
		return fail(name, content, syntax.ByteOffset, "must be JSON: "+syntax.Err.Error())
	case errors.As(err, &semantic):
		what := "the document"
		if semantic.JSONPointer != "" {
			what = lanyard.Clip(strings.ReplaceAll(strings.TrimPrefix(string(semantic.JSONPointer), "/"), "/", "."))
		}
		return fail(name, content, semantic.ByteOffset, fmt.Sprintf("%s must be %s, got %s", what, wanted(semantic),
			kindName(semantic.JSONKind)))
	}
	return lanyard.Errorf(lanyard.Invalid, "%s must be JSON: %v", name, err)
}

func fail(name string, content []byte, at int64, text string) error {
	before := content[:min(max(at, 0), int64(len(content)))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := 1 + len([]rune(string(before[bytes.LastIndexByte(before, '\n')+1:])))
	return lanyard.Errorf(lanyard.Invalid, "%s:%d:%d: %s", name, line, column, text)
}

func wanted(err *json.SemanticError) string {
	if err.GoType == nil {
		return "of another type"
	}
	switch err.GoType.Kind().String() {
	case "struct", "map", "ptr":
		return "an object"
	case "slice":
		return "a list"
	case "string":
		return "a string"
	}
	return "a " + err.GoType.Kind().String()
}

func kindName(k jsontext.Kind) string {
	switch k {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case '0':
		return "a number"
	case 'n':
		return "null"
	}
	return "a boolean"
}

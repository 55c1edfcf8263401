package lanyard_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// Under omitempty, encoding/json omits what is zero, and go-json-experiment what is encoded as nothing: "", [], {} or
// null. They agree on texts, lists and maps; all else says omitzero. Stored documents, whose bytes are hashed, depend
// on it. What awsapi, authzen and questions write was never written by encoding/json.
func TestOmitempty(t *testing.T) {
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "bench" || d.Name() == "modelgen" ||
			d.Name() == "awsapi" || d.Name() == "authzen" || d.Name() == "questions" || strings.HasPrefix(d.Name(), ".") && path != "."):
			return filepath.SkipDir
		case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if f, ok := n.(*ast.Field); ok && f.Tag != nil && strings.Contains(f.Tag.Value, "omitempty") && !emptyIsZero(f.Type) {
				t.Errorf("%s: a field that is no text, list or map says omitempty; it must say omitzero", set.Position(f.Pos()))
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// emptyIsZero reports whether both packages omit the same values of a type.
func emptyIsZero(t ast.Expr) bool {
	switch t := t.(type) {
	case *ast.ArrayType:
		return t.Len == nil
	case *ast.MapType:
		return true
	case *ast.Ident:
		return t.Name == "string" || t.Name == "Type" || t.Name == "Settings"
	}
	return false
}

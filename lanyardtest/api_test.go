package lanyardtest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// What the package shows is made of types that its users can name: none is of an internal package.
func TestNothingInternalIsShown(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil || len(names) < 4 {
		t.Fatalf("the files are %q, %v", names, err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		internal := map[string]bool{}
		for _, i := range f.Imports {
			if path, _ := strconv.Unquote(i.Path.Value); strings.Contains(path, "/internal/") {
				internal[filepath.Base(path)] = true
			}
		}
		for _, d := range f.Decls {
			for _, shown := range shownOf(d) {
				ast.Inspect(shown, func(n ast.Node) bool {
					if s, ok := n.(*ast.SelectorExpr); ok {
						if p, ok := s.X.(*ast.Ident); ok && internal[p.Name] {
							t.Errorf("%s: %s.%s is internal", fset.Position(n.Pos()), p.Name, s.Sel.Name)
						}
					}
					return true
				})
			}
		}
	}
}

// shownOf returns what others see of a declaration: signatures of functions and methods, exported fields and types.
func shownOf(d ast.Decl) (shown []ast.Node) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() {
			shown = append(shown, d.Type)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				fields, ok := spec.Type.(*ast.StructType)
				if spec.Name.IsExported() && !ok {
					shown = append(shown, spec.Type)
				}
				for n := 0; ok && spec.Name.IsExported() && n < len(fields.Fields.List); n++ {
					if f := fields.Fields.List[n]; len(f.Names) == 0 || f.Names[0].IsExported() {
						shown = append(shown, f.Type)
					}
				}
			case *ast.ValueSpec:
				if spec.Names[0].IsExported() {
					shown = append(shown, spec)
				}
			}
		}
	}
	return shown
}

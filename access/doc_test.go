package access_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// Every method of Snapshot is under one of the headings of its doc comment: godoc lists them by the alphabet only.
func TestSnapshotMethodsAreGrouped(t *testing.T) {
	fset := token.NewFileSet()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, e.Name(), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	p, err := doc.NewFromFiles(fset, files, "access")
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range p.Types {
		if typ.Name != "Snapshot" {
			continue
		}
		for _, m := range typ.Methods {
			if n := strings.Count(typ.Doc, "[Snapshot."+m.Name+"]"); n != 1 {
				t.Errorf("the doc comment of Snapshot links to %s %d times, want once", m.Name, n)
			}
		}
	}
}

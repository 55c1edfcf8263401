package lanyard_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What DESIGN.md and CONTRIBUTING.md name in backquotes exists: files and folders in the tree, libraries in what is
// required, and the names of code in the package that the page says, or in any.
func TestDocsNames(t *testing.T) {
	tree := readTree(t)
	for _, page := range []string{"DESIGN.md", "CONTRIBUTING.md"} {
		text := wordsSection.ReplaceAllString(prose(t, page), "")
		for _, span := range codeSpan.FindAllStringSubmatch(text, -1) {
			if !tree.has(span[1]) {
				t.Errorf("%s names `%s`, which does not exist", page, span[1])
			}
		}
	}
}

// Every package has a row, or is named, in the map of DESIGN.md.
func TestDesignHasEveryPackage(t *testing.T) {
	text := prose(t, "DESIGN.md")
	for folder := range rules {
		last := filepath.Base("/" + folder)
		if !strings.Contains(text, "`"+folder+"`") && !strings.Contains(text, "`"+last+"`") && folder != "" {
			if !slices.Contains(helpers, folder) {
				t.Errorf("DESIGN.md does not say what %s is for", folder)
			}
		}
	}
}

// helpers are packages that need no row: they serve the tests of the package that they are in.
var helpers = []string{"store/sqlite/disktest", "store/postgres/pgtest", "console/app/e2e/provider"}

// A Go program in README.md is a part of an example, which tests run.
func TestReadmeProgram(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := ""
	for _, name := range []string{"access/example_test.go", "follow/example_test.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		examples += strings.ReplaceAll(string(text), "\n\t", "\n")
	}
	programs := goBlock.FindAllStringSubmatch(string(readme), -1)
	if len(programs) == 0 {
		t.Error("README.md has no Go program")
	}
	for _, p := range programs {
		if !strings.Contains(examples, p[1]) {
			t.Errorf("the examples of access and follow do not have this program of README.md:\n%s", p[1])
		}
	}
}

var (
	goBlock  = regexp.MustCompile("(?ms)^```go\n(.*?)^```$")
	fileName = regexp.MustCompile(`^[\w./-]+\.(go|md|txt|csv|json|py|sh|ts|tsx)$`)
	codeName = regexp.MustCompile(`^(?:(\w+)\.)?(?:\(\*\w+\)\.)?\w+$`)
	slashed  = regexp.MustCompile(`^[@\w.-]+(/[\w.-]+)+$`)
)

// notNames are spans of one word that name nothing in the tree.
var notNames = []string{
	"when", // in the forms of messages
	"test", // marks a block of a page
}

// A tree is what the pages can name.
type tree struct {
	paths    []string                   // of files and folders, each with a slash in front
	declared map[string]map[string]bool // names by package; "" has those of all packages
	words    string                     // of the files whose words pages name: modules, operations, statuses
}

// has reports whether a span names what exists. Spans that are sentences, commands or forms name nothing.
func (t *tree) has(span string) bool {
	switch {
	case slices.Contains(notNames, span):
		return true
	case fileName.MatchString(span):
		return t.hasPath(span)
	case slashed.MatchString(span):
		return t.hasPath(span) || t.requires(span)
	case codeName.MatchString(span):
		name := span[strings.LastIndex(span, ".")+1:]
		pkg, _, qualified := strings.Cut(span, ".")
		if names, ok := t.declared[pkg]; qualified && ok {
			return names[name]
		}
		return t.declared[""][name] || !qualified && (t.hasPath(span) || wholeWord(t.words, span))
	}
	return true
}

// hasPath reports whether a path ends a path of the tree.
func (t *tree) hasPath(path string) bool {
	return slices.ContainsFunc(t.paths, func(p string) bool { return strings.HasSuffix(p, "/"+path) })
}

// requires reports whether a library is required: a module, or a package of one, without its host.
func (t *tree) requires(library string) bool {
	for strings.Contains(library, "/") {
		if strings.Contains(t.words, library) {
			return true
		}
		library = library[:strings.LastIndex(library, "/")]
	}
	return false
}

func wholeWord(text, word string) bool {
	return regexp.MustCompile(`\b` + regexp.QuoteMeta(word) + `\b`).MatchString(text)
}

func readTree(t *testing.T) *tree {
	t.Helper()
	out := &tree{declared: map[string]map[string]bool{"": {}}}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains([]string{".git", ".cache", "node_modules"}, entry.Name()):
			return fs.SkipDir
		}
		out.paths = append(out.paths, "/"+filepath.ToSlash(path))
		if strings.HasSuffix(path, ".go") && !entry.IsDir() {
			return out.declare(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"go.mod", "internal/console/app/package.json", "internal/console/app/tygo/go.mod",
		"conformance/requirements.txt", "conformance/packages/package.json", "permissions.csv", "Makefile", "internal/awsapi/model/operations.txt"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out.words += string(text) + "\n"
	}
	return out
}

// declare adds the names that a source declares: functions, methods, types, fields, variables and constants.
func (t *tree) declare(path string) error {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	pkg := strings.TrimSuffix(file.Name.Name, "_test")
	if t.declared[pkg] == nil {
		t.declared[pkg] = map[string]bool{}
	}
	add := func(names ...*ast.Ident) {
		for _, n := range names {
			t.declared[pkg][n.Name], t.declared[""][n.Name] = true, true
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BlockStmt:
			return false // what is within a function is nobody else's
		case *ast.FuncDecl:
			add(n.Name)
		case *ast.TypeSpec:
			add(n.Name)
		case *ast.ValueSpec:
			add(n.Names...)
		case *ast.Field:
			add(n.Names...)
		}
		return true
	})
	return nil
}

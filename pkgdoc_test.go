package lanyard_test

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every package has one comment, of two sentences or more: its job, and what is not its job.
func TestPackageComments(t *testing.T) {
	for _, p := range packages(t) {
		var comments, files []string
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil,
				parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if f.Doc != nil && strings.TrimSpace(f.Doc.Text()) != "" {
				comments, files = append(comments, f.Doc.Text()), append(files, name)
			}
		}
		if len(comments) != 1 {
			t.Errorf("%s has %d package comments (%s), want one", p.ImportPath, len(comments), strings.Join(files, ", "))
			continue
		}
		for _, problem := range commentProblems(p.Name, filepath.Base(p.Dir), comments[0]) {
			t.Errorf("%s, %s: the package comment %s", p.ImportPath, files[0], problem)
		}
	}
}

// sentence ends with a full stop that is followed by space or the end, which one within a name is not.
var sentence = regexp.MustCompile(`[\pL\pN)"'` + "`" + `][.!?](\s|$)`)

func commentProblems(name, folder, comment string) (problems []string) {
	begins := []string{"Package " + name + " "}
	if name == "main" {
		begins = []string{"Command " + folder + " ", strings.ToUpper(folder[:1]) + folder[1:] + " "}
	}
	fits := false
	for _, b := range begins {
		fits = fits || strings.HasPrefix(comment, b)
	}
	if !fits {
		problems = append(problems, "does not begin with "+strings.Join(begins, "or "))
	}
	if n := len(sentence.FindAllString(comment, -1)); n < 2 {
		problems = append(problems, "has fewer than two sentences: its job, and what is not its job")
	}
	return problems
}

func TestCommentProblems(t *testing.T) {
	for _, tt := range []struct {
		name, pkg, folder, comment string
		want                       int
	}{
		{"whole", "throttle", "throttle", "Package throttle limits calls. It does not word refusals.\n", 0},
		{"a command", "main", "modelgen", "Modelgen makes code. It does not fetch the model.\n", 0},
		{"a command, named so", "main", "lanyard", "Command lanyard serves. It has no rules.\n", 0},
		{"one sentence", "throttle", "throttle", "Package throttle limits calls by v1.2 of the rules.\n", 1},
		{"another name", "throttle", "throttle", "Package limit limits calls. It does not word refusals.\n", 1},
		{"neither", "throttle", "throttle", "Limits calls", 2},
	} {
		if got := commentProblems(tt.pkg, tt.folder, tt.comment); len(got) != tt.want {
			t.Errorf("%s: %q, want %d problems", tt.name, got, tt.want)
		}
	}
}

package lanyard_test

import (
	"fmt"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Nobody writes a word that the table of words in CONTRIBUTING.md replaces.
func TestWords(t *testing.T) {
	words := readWords(t)
	for _, file := range writtenFiles(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, problem := range wordProblems(words, readable(file, text)) {
			t.Errorf("%s:%s", file, problem)
		}
	}
}

// word is a row of the table: what to write, and the expressions that are not written.
type word struct {
	write string
	not   []*regexp.Regexp
}

var (
	wordsSection = regexp.MustCompile(`(?ms)^### Words$.*?(^#|\z)`)
	codeSpan     = regexp.MustCompile("`([^`\n]+)`")
	identifier   = regexp.MustCompile("`[^`\\s]+`")
	escapes      = regexp.MustCompile(`\\[nt]`) // as long as what replaces them
)

// readWords reads the table of words, which has no second copy.
func readWords(t *testing.T) (words []word) {
	t.Helper()
	text, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(string(wordsSection.Find(text)), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 4 {
			continue
		}
		w := word{write: strings.TrimSpace(cells[1])}
		for _, span := range codeSpan.FindAllStringSubmatch(cells[2], -1) {
			w.not = append(w.not, wordPattern(span[1]))
		}
		words = append(words, w)
	}
	if len(words) < 10 {
		t.Fatalf("CONTRIBUTING.md has %d rows under Words", len(words))
	}
	return words
}

// wordPattern matches an expression of the table as whole words, in any case, also when a line ends within it.
func wordPattern(expression string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)\b` + strings.ReplaceAll(expression, " ", `[\s/*#>]+`) + `\b`)
}

// writtenFiles lists the pages and sources, apart from generated ones and test data.
func writtenFiles(t *testing.T) (files []string) {
	t.Helper()
	skipped := []string{".git", ".cache", "bin", "dist", "lanyard-data", "node_modules", "testdata"}
	endings := []string{".md", ".go", ".ts", ".tsx", ".py", ".sh", "Makefile"}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && slices.Contains(skipped, entry.Name()):
			return fs.SkipDir
		case entry.IsDir() || strings.Contains(entry.Name(), "_gen."):
			return nil
		}
		isWritten := func(ending string) bool { return strings.HasSuffix(path, ending) }
		if filepath.Dir(path) == ".ci" || slices.ContainsFunc(endings, isWritten) {
			files = append(files, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// readable returns the text of a file in which everything that need not be English is blank: names in a page,
// all but comments and strings of a Go source. Lines stay where they are.
func readable(file string, text []byte) string {
	switch {
	case file == "CONTRIBUTING.md":
		text = wordsSection.ReplaceAllFunc(text, blank)
		fallthrough
	case strings.HasSuffix(file, ".md"):
		return string(identifier.ReplaceAllFunc(text, blank))
	case strings.HasSuffix(file, ".go"):
		return commentsAndStrings(text)
	}
	return string(text)
}

// blank replaces every byte that is not white space.
func blank(text []byte) []byte {
	out := make([]byte, len(text))
	for i, b := range text {
		if b == ' ' || b == '\t' || b == '\n' || b == '\r' {
			out[i] = b
		}
	}
	return out
}

func commentsAndStrings(source []byte) string {
	out := blank(source)
	fset := token.NewFileSet()
	file := fset.AddFile("", fset.Base(), len(source))
	var s scanner.Scanner
	s.Init(file, source, nil, scanner.ScanComments)
	for {
		pos, tok, literal := s.Scan()
		if tok == token.EOF {
			return string(out)
		}
		if tok == token.COMMENT || tok == token.STRING {
			copy(out[file.Offset(pos):], escapes.ReplaceAllString(literal, "  "))
		}
	}
}

func wordProblems(words []word, text string) (problems []string) {
	for _, w := range words {
		for _, not := range w.not {
			for _, at := range not.FindAllStringIndex(text, -1) {
				line := strings.Count(text[:at[0]], "\n") + 1
				found := strings.Join(strings.Fields(text[at[0]:at[1]]), " ")
				problems = append(problems, fmt.Sprintf("%d: write %s, not %q", line, w.write, found))
			}
		}
	}
	return problems
}

func TestWordProblems(t *testing.T) {
	words := []word{{write: "dog", not: []*regexp.Regexp{wordPattern("hounds?"), wordPattern("small cat")}}}
	for _, tt := range []struct {
		name, file, text string
		want             []string
	}{
		{"none", "a.md", "A dog\nand another.\n", nil},
		{"in any case, with its line", "a.md", "A dog\nand Hounds.\n", []string{`2: write dog, not "Hounds"`}},
		{"a part of another word", "a.md", "A houndstooth.\n", nil},
		{"over the end of a line", "a.md", "A small\ncat.\n", []string{`1: write dog, not "small cat"`}},
		{"a name in a page", "a.md", "See `hound.go`.\n", nil},
		{"a command in a page", "a.md", "Say `walk the hound`.\n", []string{`1: write dog, not "hound"`}},
		{"a name in Go", "a.go", "package a\n\nvar hound int\n", nil},
		{"a comment and a string", "a.go", "package a\n\n// A small\n// cat.\nvar dog = \"hound\"\n",
			[]string{`5: write dog, not "hound"`, `3: write dog, not "small // cat"`}},
		{"after an escape", "a.go", "package a\n\nvar dog = \"\\nhound\"\n", []string{`3: write dog, not "hound"`}},
		{"code between comments", "a.go", "package a // small\nvar cat = 1 // cat\n", nil},
		{"a word of the table itself", "CONTRIBUTING.md", "A hound.\n\n### Words\n\nhound\n\n## More\n\nhound\n",
			[]string{`1: write dog, not "hound"`, `9: write dog, not "hound"`}},
	} {
		if got := wordProblems(words, readable(tt.file, []byte(tt.text))); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

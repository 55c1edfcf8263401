package lanyard_test

import (
	"go/scanner"
	"go/token"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unicode/utf8"
)

// widest is how many columns a line of Go may have, a tab counted as one.
const widest = 120

// Lines are at most that wide, but for string literals: a request, a record or a help text is easier to read, and to
// find, in one piece.
func TestLines(t *testing.T) {
	out, err := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", "*.go").Output()
	if err != nil {
		t.Skip("SKIPPED, not in a git working tree:", err)
	}
	for _, file := range strings.Fields(string(out)) {
		src, err := os.ReadFile(file)
		if err != nil || strings.HasSuffix(file, "_gen.go") {
			continue // deleted, or nobody reads it
		}
		literal := literalWidths(src)
		for i, line := range strings.Split(string(src), "\n") {
			if n := utf8.RuneCountInString(line); n-literal[i+1] > widest {
				t.Errorf("%s:%d has %d columns; break it after column %d at the latest", file, i+1, n, widest)
			}
		}
	}
}

// literalWidths returns the width of the widest string literal of each line.
func literalWidths(src []byte) map[int]int {
	widths := map[int]int{}
	fset := token.NewFileSet()
	file := fset.AddFile("", fset.Base(), len(src))
	var s scanner.Scanner
	s.Init(file, src, nil, 0)
	for {
		pos, tok, text := s.Scan()
		switch tok {
		case token.EOF:
			return widths
		case token.STRING:
			for i, part := range strings.Split(text, "\n") {
				line := file.Line(pos) + i
				widths[line] = max(widths[line], utf8.RuneCountInString(part))
			}
		}
	}
}

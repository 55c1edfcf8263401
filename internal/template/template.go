// Package template reads CloudFormation templates, in YAML and JSON: it parses files with positions ([Parse]),
// evaluates parameters, conditions and intrinsic functions ([Resolve]), checks properties against CloudFormation's
// schema, and edits files in place ([File.Edit]). It knows no server and plans nothing: package stack compares what it
// returns with an instance.
package template

import (
	"fmt"
	"strings"
)

// Bounds of what is read. A file is as large as AWS accepts from S3; the others are far beyond any template that AWS
// deploys and keep hostile files cheap.
const (
	MaxFileSize = 1 << 20  // bytes
	maxDepth    = 100      // of lists and maps in each other
	maxValues   = 500_000  // of a stack, with aliases expanded
	maxText     = 16 << 20 // bytes of all texts of a stack, as often as they are used
	maxMerges   = 50_000   // entries that merge keys bring, in a file
	maxFindings = 50       // reported at once
)

// A Position is where something stands in a file.
type Position struct {
	File         string
	Line, Column int // counted from 1; columns are characters
	Start, End   int // byte offsets in the file
}

func (p Position) String() string {
	switch {
	case p.File == "" && p.Line == 0:
		return "template"
	case p.Line == 0:
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// A Finding is what is wrong at a position, in one sentence or two.
type Finding struct {
	Pos     Position
	Message string
}

func (f Finding) String() string { return f.Pos.String() + ": " + f.Message }

// Errors is what is wrong with the files of a stack, in their order. It is the error that Parse and Resolve return.
type Errors []Finding

func (e Errors) Error() string {
	var b strings.Builder
	for i, f := range e {
		if i == maxFindings {
			fmt.Fprintf(&b, "\nand %d more", len(e)-i)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(f.String())
	}
	return b.String()
}

// failAt returns an error of one finding.
func failAt(pos Position, format string, args ...any) error {
	return Errors{{pos, fmt.Sprintf(format, args...)}}
}

// A File is a template as it is written.
type File struct {
	Name    string
	Content []byte
	JSON    bool
	Root    *Node
	// Warnings are about what AWS reads in another way, or refuses, though it is clear what is meant.
	Warnings []Finding

	lines []int // the offset of each line's first byte
	runes []int // how many characters begin before each stretch of that many bytes
}

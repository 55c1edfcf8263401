// Package policytest runs tests of who may do what that are written in YAML files: questions with the answers that are
// expected. It reads the files, answers their questions from a snapshot of package access, compares, and reports like a
// test runner. It decides nothing itself, and it opens neither instances nor backups: whoever runs tests hands it a
// Target.
package policytest

import (
	"fmt"
	"maps"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/questions"
)

// A Position is a place in a test file. Lines and columns count from 1; columns are characters.
type Position struct {
	File         string
	Line, Column int
}

func (p Position) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// A Problem is what is wrong at a place of a test file.
type Problem struct {
	Position
	Message string
}

func (p *Problem) Error() string { return p.Position.String() + ": " + p.Message }

// text is a value of a file, with variables replaced, and where it is.
type text struct {
	value string
	at    Position
}

// A File is a test file that has been read: what it is about, and its questions.
type File struct {
	Path   string // as reports have it
	Folder string // for the paths that the file names; whoever opens targets sets it
	Name   string // "" for none
	Target TargetRef
	Tests  []*Test

	fixtures  *fixtures
	described map[string]*described
}

// HasFixtures reports whether the file or one of its tests has fixtures.
func (f *File) HasFixtures() bool {
	return f.fixtures != nil || slices.ContainsFunc(f.Tests, func(t *Test) bool { return t.fixtures != nil })
}

// TargetRef says which instance a file's tests are about. The zero TargetRef names none.
type TargetRef struct {
	At Position
	// Paths are relative to the folder of the file. One of Instance, Only, Mirror and Backup is set, or Templates, or
	// both: the templates are applied to the instance then, and to an empty one otherwise.
	Instance  string   // id or alias of an instance of a server or data folder
	Only      bool     // in place of Instance: the only instance there is
	Mirror    string   // id or alias of a mirrored instance of the data folder
	Backup    string   // path; Instance says which instance in it, "" the only one
	Templates []string // paths of CloudFormation templates, such as lanyard export writes
	// Parameters are those of the templates.
	Parameters map[string]string
}

// None reports whether a file names no target.
func (t *TargetRef) None() bool {
	return t.Instance == "" && !t.Only && t.Mirror == "" && t.Backup == "" && len(t.Templates) == 0
}

// A Test is an entry of a file's tests: the questions that its lists and its table make.
type Test struct {
	At        Position
	Name      string // "" for none
	Questions []*Question

	fixtures *fixtures // of this test alone, on top of the file's
}

// A Question is one question of a test, with what is expected.
type Question struct {
	At     Position // of the answer that is expected
	Test   *Test
	WhoCan bool // asks for everybody who may; then there is no User

	user, onBehalfOf, permission text
	resource                     resourceRef
	surface                      access.Surface
	expect                       *expectation
}

// String returns the question as the command line of lanyard check would ask it.
func (q *Question) String() string {
	s := q.user.value
	if q.WhoCan {
		s = "who can"
	}
	s += " " + q.permission.value
	if r := q.resource.String(); r != "" {
		s += " " + r
	}
	if q.onBehalfOf.value != "" {
		s += " on behalf of " + q.onBehalfOf.value
	}
	if q.surface == access.Reports {
		s += " in reports"
	}
	return s
}

// FullName returns the name of the question's test and the question.
func (q *Question) FullName() string {
	if q.Test.Name == "" {
		return q.String()
	}
	return q.Test.Name + " › " + q.String()
}

// Count returns how many questions a file has.
func (f *File) Count() int {
	n := 0
	for _, t := range f.Tests {
		n += len(t.Questions)
	}
	return n
}

// AIAgents returns the ARNs of the AI agents that a file's questions name.
func (f *File) AIAgents() []string {
	seen := map[string]bool{}
	note := func(list ...text) {
		for _, t := range list {
			if lanyard.IsARN(t.value) && !questions.IsConnectARN(t.value) {
				seen[t.value] = true
			}
		}
	}
	for _, t := range f.Tests {
		for _, q := range t.Questions {
			note(q.user)
			for _, key := range whoCanKeys {
				if list := *q.expect.whoList(key); list != nil {
					note(*list...)
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// Bounds of a file.
const (
	MaxFile      = 16 << 20 // bytes
	MaxQuestions = 100_000
	maxVariables = 1000
	maxDepth     = 16        // of lists and mappings in one another
	maxNodes     = 2_000_000 // values, those that aliases repeat included
	maxExpanded  = 64 << 20  // bytes of values after variables are replaced
	maxFixtures  = 10_000
	maxProblems  = 20 // that are reported of one file
)

package main

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lanyard/lanyard/internal/stack"
)

// evil are names that try to leave where they are written.
var evil = []string{"a\n<!-- lanyard-plan: other -->", "`|b\n| x | y |", "```\n# c", "\x1b[31mred", "\u202egnp", "@team", "<b>"}

func evilPlan(n int) *stack.Plan {
	p := &stack.Plan{Stack: "team", Calls: []stack.Call{{}}, Warnings: evil}
	for i := range n {
		name := fmt.Sprintf("%s %d", evil[i%len(evil)], i)
		p.Changes = append(p.Changes, stack.Change{Action: stack.Update, LogicalID: fmt.Sprintf("R%d", i),
			Type: "AWS::Connect::SecurityProfile", Name: name, Where: name, Fields: []stack.FieldChange{
				{Path: "Description", Before: name, After: name + strings.Repeat("x", 300)},
				{Path: "Permissions", After: "Users.Edit", Element: true}}})
		p.Drift = append(p.Drift, stack.Drift{LogicalID: "R", Type: "T", Name: name, Fields: p.Changes[i].Fields})
	}
	return p
}

// A plan fits into a comment and has one marker; names stay in their place.
func TestPlanAsMarkdown(t *testing.T) {
	for _, n := range []int{1, len(evil), 1000} {
		w := planWriter{Plan: evilPlan(n)}
		w.warnings = w.Warnings
		text := w.markdown()
		if n := utf8.RuneCountInString(text); n > maxComment {
			t.Errorf("%d changes: %d characters", n, n)
		}
		if !strings.HasPrefix(text, "<!-- lanyard-plan: team -->\n") {
			t.Errorf("begins with %.40q", text)
		}
		if text != w.markdown() {
			t.Error("the same plan is another text")
		}
		fenced := false
		for line := range strings.Lines(text) {
			switch {
			case strings.HasPrefix(line, "```"):
				fenced = !fenced
			case strings.ContainsAny(line, "\x1b\u202e"):
				t.Errorf("%q", line)
			case fenced || strings.HasPrefix(text, line): // the marker begins the text
			case strings.HasPrefix(line, "| x |"), strings.HasPrefix(line, "<!--"), strings.HasPrefix(line, "# c"):
				t.Errorf("%d changes: a name begins the line %q", n, line)
			}
		}
		if fenced {
			t.Errorf("%d changes: a fence is open at the end", n)
		}
		if n > 1 && n < 100 && !strings.Contains(text, "(sensitive: escalates)") {
			t.Error("a sensitive permission is not marked")
		}
	}
}

// Names move no cursor and begin no line, and there are colours on terminals only.
func TestPlanAsText(t *testing.T) {
	w := planWriter{Plan: evilPlan(len(evil))}
	w.warnings = w.Warnings
	text := w.text()
	for line := range strings.Lines(text) {
		if strings.ContainsAny(line, "\x1b\u202e") || strings.HasPrefix(line, "| x |") || strings.HasPrefix(line, "<!--") {
			t.Errorf("%q", line)
		}
	}
	w.Color = true
	if !strings.Contains(w.text(), "\x1b[1;31m+ Permissions: Users.Edit (sensitive: escalates)\x1b[0m") {
		t.Error("a sensitive permission is not red")
	}
}

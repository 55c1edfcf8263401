package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lanyard/lanyard/internal/compare"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/lint"
	"github.com/lanyard/lanyard/internal/stack"
	"github.com/lanyard/lanyard/internal/template"
	"github.com/lanyard/lanyard/internal/terminal"
)

// showPlan writes a plan in a format.
func showPlan(s streams, format string, p *stack.Plan, of *planning) error {
	warnings := append([]string{}, p.Warnings...)
	if of != nil && of.resolved != nil {
		for _, w := range of.resolved.Warnings {
			warnings = append(warnings, w.String())
		}
		for _, f := range of.resolved.Foreign {
			warnings = append(warnings, fmt.Sprintf("%s: %s %s is left alone: lanyard does not manage its type", f.Pos, f.Type,
				f.LogicalID))
		}
	}
	w := planWriter{Plan: p, warnings: warnings}
	var err error
	if w.findings, err = newFindings(p); err != nil {
		return err
	}
	switch format {
	case "json":
		return w.writeJSON(s.out)
	case "markdown":
		_, err := io.WriteString(s.out, w.markdown())
		return err
	}
	w.Painter = s.painter()
	_, err = io.WriteString(s.out, w.text())
	return err
}

type planWriter struct {
	*stack.Plan
	terminal.Painter
	warnings []string
	findings []lint.Finding // that lint has after the plan and not before
}

// signs are how actions are marked, and colours how they are painted.
var (
	signs   = map[string]string{stack.Create: "+", stack.Update: "~", stack.Replace: "±", stack.Delete: "-"}
	colours = map[string]terminal.Style{stack.Create: terminal.Green, stack.Update: terminal.Yellow,
		stack.Replace: terminal.Magenta, stack.Delete: terminal.Red}
	titles = map[string]string{stack.Leave: "is no longer in the templates; --prune would delete it",
		stack.Release: "stays, and no longer belongs to the stack", stack.Adopt: "adopted: it was there already",
		stack.Note: "only the note of the stack changes"}
)

func (w *planWriter) text() string {
	var b strings.Builder
	for _, warning := range w.warnings {
		fmt.Fprintf(&b, "%s %s\n", w.Paint(terminal.Yellow, "warning:"), printable(warning))
	}
	if len(w.Drift) > 0 {
		fmt.Fprintf(&b, "%s\n", w.Paint(terminal.Bold, "Changed since the last apply"))
		for _, d := range w.Drift {
			fmt.Fprintf(&b, "  ! %s %s (%s)\n", stack.TypeName(d.Type), printable(d.Name), printable(d.LogicalID))
			w.fields(&b, d.Fields)
		}
		b.WriteString("\n")
	}
	for _, c := range w.Changes {
		w.change(&b, c)
	}
	if len(w.Changes) > 0 {
		b.WriteString("\n")
	}
	if d := w.Access(compare.Options{}); !d.Empty() {
		fmt.Fprintf(&b, "%s\n", w.Paint(terminal.Bold, "Who gains and who loses what"))
		_ = compare.Text{Painter: w.Painter}.Write(&b, d) // a Builder takes everything
		b.WriteString("\n")
	} else if !w.Empty() {
		b.WriteString("Nobody gains or loses anything.\n\n")
	}
	b.WriteString(w.lapses("  ", printable))
	w.findingsText(&b)
	fmt.Fprintf(&b, "%s\n", w.Paint(terminal.Bold, w.Summary()))
	return b.String()
}

// lapses says who loses access while something is replaced.
func (w *planWriter) lapses(indent string, show func(string) string) string {
	if len(w.Between) == 0 {
		return ""
	}
	all := w.Lapses()
	if len(all) == 0 {
		return "Nobody loses access while resources are replaced.\n\n"
	}
	var b strings.Builder
	b.WriteString("While resources are replaced, these lose access and have it again afterwards:\n\n")
	for i, l := range all {
		if i == 20 {
			fmt.Fprintf(&b, "%sand %d more\n", indent, len(all)-i)
			break
		}
		fmt.Fprintf(&b, "%s%s: %s\n", indent, show(orID(l)), show(shorten(strings.Join(l.Things, ", "), 500)))
	}
	return b.String() + "\n"
}

func orID(l stack.Lapse) string {
	if l.Name == "" {
		return l.Who
	}
	return l.Name
}

func shorten(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

func (w *planWriter) change(b *strings.Builder, c stack.Change) {
	name := c.Name
	if name == "" {
		name = c.LogicalID
	}
	head := fmt.Sprintf("%s %s %s", c.Action, stack.TypeName(c.Type), printable(name))
	if c.LogicalID != "" && c.LogicalID != name {
		head += " (" + printable(c.LogicalID) + ")"
	}
	sign := signs[c.Action]
	if sign == "" {
		sign = "·"
	}
	fmt.Fprintf(b, "%s %s", w.Paint(colours[c.Action], sign), w.Paint(terminal.Bold, head))
	if c.Where != "" {
		fmt.Fprintf(b, "  %s", w.Paint(terminal.Faint, printable(c.Where)))
	}
	b.WriteString("\n")
	for _, note := range changeNotes(c) {
		fmt.Fprintf(b, "      %s\n", printable(note))
	}
	w.fields(b, c.Fields)
}

// changeNotes are what there is to say about a change besides its fields.
func changeNotes(c stack.Change) (notes []string) {
	switch title := titles[c.Action]; {
	case c.Action == stack.Leave && c.Adopted:
		return []string{"is no longer in the templates; --prune would release it, and it stays, because it was there " +
			"before the stack"}
	case title != "":
		notes = append(notes, title)
	}
	if c.Adopted && c.Action != stack.Adopt {
		notes = append(notes, "adopted: it was there already")
	}
	if len(c.Because) > 0 {
		notes = append(notes, "replaced because no operation changes "+strings.Join(c.Because, " and "))
	}
	return notes
}

func (w *planWriter) fields(b *strings.Builder, fields []stack.FieldChange) {
	for _, f := range fields {
		l := w.Line(f)
		text := fmt.Sprintf("%s: %s", printable(l.Path), printable(l.Value))
		if l.Sign == '~' {
			text = fmt.Sprintf("%s: %s -> %s", printable(l.Path), printable(l.Before), printable(l.Value))
		}
		style := map[byte]terminal.Style{'+': terminal.Green, '-': terminal.Red, '~': terminal.Yellow}[l.Sign]
		if l.Sensitive != "" {
			text, style = text+" (sensitive: "+l.Sensitive+")", terminal.BoldRed
		}
		fmt.Fprintf(b, "    %s\n", w.Paint(style, string(l.Sign)+" "+text))
	}
}

// planFormat is the version of the JSON lines of plans.
const planFormat = 1

// writeProblems writes what is wrong with templates as JSON lines, if err is about templates.
func writeProblems(out io.Writer, name string, err error) {
	var problems stack.Problems
	var findings template.Errors
	switch {
	case errors.As(err, &problems):
	case errors.As(err, &findings):
		for _, f := range findings {
			problems = append(problems, stack.Problem{Where: f.Pos.String(), Message: f.Message})
		}
	default:
		return
	}
	lines := []any{map[string]any{"type": "version", "version": planFormat, "lanyard": version(), "stack": name}}
	for _, p := range problems {
		lines = append(lines, map[string]any{"type": "problem", "problem": p})
	}
	_ = writeLines(out, lines) // the error that is told is err
}

func writeLines(out io.Writer, lines []any) error {
	for _, line := range lines {
		b, err := laxjson.Marshal(line)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(out, "%s\n", b); err != nil {
			return err
		}
	}
	return nil
}

// writeJSON writes one object a line: version, problems, drift, changes, access and summary.
func (w *planWriter) writeJSON(out io.Writer) error {
	lines := []any{map[string]any{"type": "version", "version": planFormat, "lanyard": version(), "stack": w.Stack,
		"instance": w.Instance}}
	for _, warning := range w.warnings {
		lines = append(lines, map[string]any{"type": "warning", "message": warning})
	}
	for _, d := range w.Drift {
		d.Fields = w.Hidden(d.Fields)
		lines = append(lines, map[string]any{"type": "drift", "drift": d})
	}
	for _, c := range w.Changes {
		c.Fields = w.Hidden(c.Fields)
		lines = append(lines, map[string]any{"type": "change", "change": c})
	}
	lines = append(lines, map[string]any{"type": "access", "access": w.Access(compare.Options{})})
	for _, l := range w.Lapses() {
		lines = append(lines, map[string]any{"type": "lapse", "lapse": l})
	}
	for _, f := range w.findings {
		lines = append(lines, map[string]any{"type": "finding", "finding": f})
	}
	lines = append(lines, map[string]any{"type": "summary", "changes": w.Count(), "calls": len(w.Calls),
		"empty": w.Empty(), "drifted": len(w.Drift)})
	return writeLines(out, lines)
}

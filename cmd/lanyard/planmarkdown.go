package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/lanyard/lanyard/internal/compare"
	"github.com/lanyard/lanyard/internal/stack"
)

// Bounds of a comment on a pull request, in characters, and of its parts in bytes.
const (
	maxComment       = 65_536
	maxCommentAccess = 30_000
	maxCommentFields = 25_000
)

// marker is a comment that is not shown, by which the comment about a stack is found again and updated.
func marker(stackName string) string { return "<!-- lanyard-plan: " + stackName + " -->" }

// markdown is a plan for a comment on a pull request. The same plan is the same text.
func (w *planWriter) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n## Plan of stack %s\n\n**%s**\n", marker(w.Stack), compare.Code(w.Stack), w.Summary())
	w.markdownNotes(&b)
	if len(w.Drift) > 0 {
		b.WriteString("\n### Changed since the last apply\n\n```diff\n")
		for _, d := range w.Drift {
			w.fence(&b, "! "+stack.TypeName(d.Type)+" "+d.Name, d.Fields)
		}
		b.WriteString("```\n")
	}
	if len(w.Changes) > 0 {
		w.markdownChanges(&b)
	}
	if d := w.Access(compare.Options{}); !d.Empty() {
		b.WriteString("\n### Who gains and who loses what\n\n")
		b.WriteString(compare.Markdown{Level: 4, Bytes: maxCommentAccess}.Format(d))
	} else if !w.Empty() {
		b.WriteString("\nNobody gains or loses anything.\n")
	}
	if lapses := w.lapses("- ", compare.Code); lapses != "" {
		b.WriteString("\n" + lapses)
	}
	w.markdownFindings(&b)
	return boundComment(b.String())
}

// boundComment cuts a comment that is too long, between lines.
func boundComment(text string) string {
	const end = "\n\nThe rest is left out: run lanyard plan to see it.\n"
	if utf8.RuneCountInString(text) <= maxComment {
		return text
	}
	runes := []rune(text)[:maxComment-len(end)-len("```\n")]
	cut := string(runes)
	cut = cut[:strings.LastIndexByte(cut, '\n')+1]
	if strings.Count(cut, "\n```")%2 == 1 {
		cut += "```\n"
	}
	return cut + end
}

func (w *planWriter) markdownNotes(b *strings.Builder) {
	const most = 20
	for i, warning := range w.warnings {
		if i == most {
			fmt.Fprintf(b, "- and %d more warnings\n", len(w.warnings)-i)
			break
		}
		if i == 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(b, "- warning: %s\n", compare.Code(warning))
	}
}

func (w *planWriter) markdownChanges(b *strings.Builder) {
	b.WriteString("\n### Changes\n\n| action | resource | logical id |\n| --- | --- | --- |\n")
	const most = 200
	for i, c := range w.Changes {
		if i == most {
			fmt.Fprintf(b, "| … | and %d more | |\n", len(w.Changes)-i)
			break
		}
		action := c.Action
		switch {
		case action == stack.Leave && c.Adopted:
			action += " (--prune would release it)"
		case action == stack.Leave:
			action += " (--prune would delete it)"
		case c.Adopted && action != stack.Adopt:
			action += ", adopt"
		}
		fmt.Fprintf(b, "| %s | %s %s | %s |\n", action, stack.TypeName(c.Type), compare.Code(c.Name),
			compare.Code(c.LogicalID))
	}
	b.WriteString("\n<details><summary>Field by field</summary>\n\n```diff\n")
	from := b.Len()
	for i, c := range w.Changes {
		if b.Len()-from > maxCommentFields {
			fmt.Fprintf(b, "# and %d more resources\n", len(w.Changes)-i)
			break
		}
		if len(c.Fields) > 0 {
			w.fence(b, "# "+c.Action+" "+stack.TypeName(c.Type)+" "+c.Name, c.Fields)
		}
	}
	b.WriteString("```\n\n</details>\n")
}

// fence writes fields as lines of a fenced diff.
func (w *planWriter) fence(b *strings.Builder, head string, fields []stack.FieldChange) {
	const most = 100
	line := func(text string) { b.WriteString(strings.ReplaceAll(printable(text), "```", "'''") + "\n") }
	line(head)
	for i, f := range fields {
		if i == most {
			line(fmt.Sprintf("# and %d more", len(fields)-i))
			break
		}
		l := w.Line(f)
		sensitive := ""
		if l.Sensitive != "" {
			sensitive = " (sensitive: " + l.Sensitive + ")"
		}
		if l.Sign == '~' {
			line("- " + l.Path + ": " + l.Before)
			line("+ " + l.Path + ": " + l.Value + sensitive)
			continue
		}
		line(string(l.Sign) + " " + l.Path + ": " + l.Value + sensitive)
	}
}

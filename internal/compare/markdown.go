package compare

import (
	"fmt"
	"strings"

	"github.com/lanyard/lanyard/internal/terminal"
)

// Markdown is how a difference is written for a comment on a pull request. The same difference is written in the same
// bytes.
type Markdown struct {
	Level int // of the headings, default 3
	// Bytes bounds the text, default 40,000: comments on GitHub have at most 65,536 characters.
	Bytes int
	// Actions is how many permissions a row lists, of which the others are counted; default 20.
	Actions int
}

// Format returns a difference as Markdown. Names are in code spans, where neither markup nor mentions count.
func (m Markdown) Format(d *Difference) string {
	if m.Level == 0 {
		m.Level = 3
	}
	if m.Bytes == 0 {
		m.Bytes = 40_000
	}
	if m.Actions == 0 {
		m.Actions = 20
	}
	var b strings.Builder
	b.WriteString(d.Summary() + "\n")
	left := d.Omitted
	for _, s := range d.sections() {
		left += m.section(&b, s)
	}
	if left > 0 {
		fmt.Fprintf(&b, "\n%d more entries are left out.\n", left)
	}
	return b.String()
}

// section writes one list, and returns how many entries there was no room for.
func (m Markdown) section(b *strings.Builder, s section) (left int) {
	heading := map[string]string{"Gains": "Who gains", "Loses": "Who loses", "Changes": "Who reaches other resources"}
	fmt.Fprintf(b, "\n%s %s\n\n| who | what | over |\n| --- | --- | --- |\n", strings.Repeat("#", m.Level), heading[s.heading])
	for _, block := range blocks(s.entries) {
		row := m.row(s, block)
		if b.Len()+len(row) > m.Bytes {
			left += len(block.entries)
			continue
		}
		b.WriteString(row)
	}
	return left
}

// row is that of a block.
func (m Markdown) row(s section, block *block) string {
	first := block.entries[0]
	var what []string
	for i, e := range block.entries {
		if i == m.Actions {
			what = append(what, fmt.Sprintf("and %d more", len(block.entries)-i))
			break
		}
		text := Code(e.what())
		if e.Sensitive != "" && (s.gained && !e.Less || e.More) {
			text = "**" + text + " (sensitive: " + e.Sensitive + ")**"
		}
		what = append(what, text)
	}
	return fmt.Sprintf("| %s | %s | %s |\n", first.Who.words(Code), strings.Join(what, "<br>"),
		joinWords(first.over(Code, Code), first.through(Code)))
}

// Code returns text as a code span that may be in a table.
func Code(text string) string {
	text = strings.ReplaceAll(terminal.Escape(text), "|", `\|`)
	fence, run := "`", 0
	for _, r := range text {
		if r != '`' {
			run = 0
			continue
		}
		if run++; run >= len(fence) {
			fence = strings.Repeat("`", run+1)
		}
	}
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") || strings.Trim(text, " ") == "" {
		text = " " + text + " "
	}
	return fence + text + fence
}

package compare

import (
	"fmt"
	"io"
	"strings"

	"github.com/lanyard/lanyard/internal/terminal"
)

// Text is how a difference is written for a terminal.
type Text struct {
	terminal.Painter
	// Actions is how many permissions are listed of one group of people, of which the others are counted; default 100.
	Actions int
}

// Write writes a difference. What does not print is escaped.
func (t Text) Write(w io.Writer, d *Difference) error {
	if t.Actions == 0 {
		t.Actions = 100
	}
	var b strings.Builder
	b.WriteString(d.Summary() + "\n")
	for _, s := range d.sections() {
		t.section(&b, s)
	}
	if d.Omitted > 0 {
		fmt.Fprintf(&b, "\n%d more entries are left out.\n", d.Omitted)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// colours of the headings.
var colours = map[string]terminal.Style{"Gains": terminal.Green, "Loses": terminal.Red, "Changes": terminal.Yellow}

func (t Text) section(b *strings.Builder, s section) {
	b.WriteString("\n" + t.Paint(terminal.Bold+";"+colours[s.heading], s.heading) + "\n")
	var who *Audience
	for _, block := range blocks(s.entries) {
		first := block.entries[0]
		if first.Who != who {
			who = first.Who
			fmt.Fprintf(b, "  %s\n", t.Paint(terminal.Bold, terminal.Escape(who.String())))
		}
		fmt.Fprintf(b, "    %s\n", terminal.Escape(joinWords(first.over(plainText, plainName), first.through(plainName))))
		for i, e := range block.entries {
			if i == t.Actions {
				fmt.Fprintf(b, "        and %d more\n", len(block.entries)-i)
				break
			}
			if e.Sensitive != "" && (s.gained && !e.Less || e.More) {
				fmt.Fprintf(b, "      %s\n", t.Paint(terminal.BoldRed, "! "+terminal.Escape(e.what())+" (sensitive: "+e.Sensitive+")"))
			} else {
				fmt.Fprintf(b, "        %s\n", terminal.Escape(e.what()))
			}
		}
	}
}

func plainText(text string) string { return text }

func joinWords(a, b string) string {
	if b == "" {
		return a
	}
	return a + ", " + b
}

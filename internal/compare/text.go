package compare

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Text is how a difference is written for a terminal.
type Text struct {
	Color bool // by ANSI escapes
	// Actions is how many permissions are listed of one group of people, of which the others are counted; default 100.
	Actions int
}

// Codes of colours and weights.
const (
	bold   = "1"
	red    = "31"
	green  = "32"
	yellow = "33"
)

func (t Text) paint(code, text string) string {
	if !t.Color {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
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
var colours = map[string]string{"Gains": green, "Loses": red, "Changes": yellow}

func (t Text) section(b *strings.Builder, s section) {
	b.WriteString("\n" + t.paint(bold+";"+colours[s.heading], s.heading) + "\n")
	var who *Audience
	for _, block := range blocks(s.entries) {
		first := block.entries[0]
		if first.Who != who {
			who = first.Who
			fmt.Fprintf(b, "  %s\n", t.paint(bold, Printable(who.String())))
		}
		fmt.Fprintf(b, "    %s\n", Printable(joinWords(first.over(plainText, plainName), first.through(plainName))))
		for i, e := range block.entries {
			if i == t.Actions {
				fmt.Fprintf(b, "        and %d more\n", len(block.entries)-i)
				break
			}
			if e.Sensitive != "" && (s.gained && !e.Less || e.More) {
				fmt.Fprintf(b, "      %s\n", t.paint(bold+";"+red, "! "+Printable(e.what())+" (sensitive: "+e.Sensitive+")"))
			} else {
				fmt.Fprintf(b, "        %s\n", Printable(e.what()))
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

// Printable escapes, as in Go, what does not print: control characters, bytes that are not UTF-8, and invisible
// characters such as those that change the direction of writing.
func Printable(text string) string {
	var b strings.Builder
	for i, r := range text {
		switch _, size := utf8.DecodeRuneInString(text[i:]); {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case !strconv.IsPrint(r):
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

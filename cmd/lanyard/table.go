package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// A table is how commands print rows. Cells are untrusted text: they cannot move the cursor, start a line or a
// column, or reverse the text that follows.
type table struct {
	w *tabwriter.Writer
}

// newTable prints the header, if there is one.
func newTable(out io.Writer, header ...string) *table {
	t := &table{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	if len(header) > 0 {
		io.WriteString(t.w, strings.Join(header, "\t")+"\n") // Flush has the error
	}
	return t
}

// row adds a line.
func (t *table) row(cells ...any) {
	for i, cell := range cells {
		if i > 0 {
			io.WriteString(t.w, "\t")
		}
		io.WriteString(t.w, printable(fmt.Sprint(cell)))
	}
	io.WriteString(t.w, "\n")
}

func (t *table) flush() error { return t.w.Flush() }

// printf prints text that is not a table, with the same protection as in a table.
func printf(out io.Writer, format string, args ...any) {
	for i, a := range args {
		switch a := a.(type) {
		case string:
			args[i] = printable(a)
		case error:
			args[i] = printable(a.Error())
		case fmt.Stringer:
			args[i] = printable(a.String())
		}
	}
	fmt.Fprintf(out, format, args...)
}

// printable escapes, as in Go, what does not print: control characters, bytes that are not UTF-8, and invisible
// characters such as those that change the direction of writing.
func printable(text string) string {
	if strings.IndexFunc(text, unsafe) < 0 && utf8.ValidString(text) {
		return text
	}
	var b strings.Builder
	for i, r := range text {
		switch _, size := utf8.DecodeRuneInString(text[i:]); {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case unsafe(r):
			b.WriteString(strings.Trim(strconv.QuoteRune(r), "'"))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// printableLines is printable for text that may have several lines.
func printableLines(text string) string {
	all := strings.Split(text, "\n")
	for i := range all {
		all[i] = printable(all[i])
	}
	return strings.Join(all, "\n")
}

func unsafe(r rune) bool { return !strconv.IsPrint(r) }

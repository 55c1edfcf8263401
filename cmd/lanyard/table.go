package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/lanyard/lanyard/internal/terminal"
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

// printable escapes what does not print, as in Go.
func printable(text string) string { return terminal.Escape(text) }

// printableLines is printable for text that may have several lines.
func printableLines(text string) string { return terminal.EscapeLines(text) }

// painter returns what paints the output, if it is a terminal on which colours are welcome.
func (s streams) painter() terminal.Painter {
	return terminal.Painter{Color: s.outTerminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

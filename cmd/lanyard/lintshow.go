package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard/internal/compare"
	"github.com/lanyard/lanyard/internal/lint"
	"github.com/lanyard/lanyard/internal/terminal"
)

// showLint writes a report in a format.
func showLint(s streams, format string, r *lint.Report, all []*linted) error {
	w := lintWriter{Report: r, Painter: s.painter()}
	for _, l := range all {
		w.names = append(w.names, l.name)
	}
	var text string
	switch format {
	case "json":
		return w.writeJSON(s.out)
	case "sarif":
		b, err := r.SARIF(version())
		if err != nil {
			return err
		}
		text = string(b) + "\n"
	case "markdown":
		text = w.markdown()
	case "github":
		text = w.annotations()
	default:
		text = w.text()
	}
	_, err := io.WriteString(s.out, text)
	return err
}

type lintWriter struct {
	*lint.Report
	terminal.Painter
	names []string
}

var severityColours = map[lint.Severity]terminal.Style{lint.Error: terminal.Red, lint.Warning: terminal.Yellow,
	lint.Info: terminal.Cyan}

// text is for terminals. A finding begins with its place, as compilers write them.
func (w *lintWriter) text() string {
	var b strings.Builder
	silenced := 0
	for i := range w.Findings {
		f := &w.Findings[i]
		if f.Silenced != nil {
			silenced++
			continue
		}
		if place := f.Place.String(); place != "" {
			fmt.Fprintf(&b, "%s: ", printable(place))
		}
		fmt.Fprintf(&b, "%s %s %s\n", w.Paint(severityColours[f.Severity], f.Severity.String()), f.Code,
			w.Paint(terminal.Bold, printable(about(f))))
		fmt.Fprintf(&b, "  %s\n", printable(f.Message))
		for _, d := range f.Details {
			fmt.Fprintf(&b, "    %s\n", printable(d))
		}
		fmt.Fprintf(&b, "  Fix: %s\n\n", printable(f.Advice))
	}
	for _, text := range w.Incomplete {
		fmt.Fprintf(&b, "%s %s\n", w.Paint(terminal.Yellow, "not looked at:"), printable(text))
	}
	fmt.Fprintf(&b, "%s\n", w.Paint(terminal.Bold, w.summary(silenced)))
	return b.String()
}

// about names what a finding is about: the resource to change, and the others.
func about(f *lint.Finding) string {
	var names []string
	for i, r := range f.Resources {
		if i == 5 {
			names = append(names, fmt.Sprintf("%d more", len(f.Resources)-i))
			break
		}
		names = append(names, r.String())
	}
	return strings.Join(names, ", ")
}

func (w *lintWriter) summary(silenced int) string {
	text := fmt.Sprintf("%s, %s, %s", countOf(w.Count(lint.Error), "error"), countOf(w.Count(lint.Warning), "warning"),
		fmt.Sprintf("%d info", w.Count(lint.Info)))
	if silenced > 0 {
		text += fmt.Sprintf(", %d silenced", silenced)
	}
	return text
}

func countOf(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// writeJSON writes one object, with the version of its form.
func (w *lintWriter) writeJSON(out io.Writer) error {
	type counts struct {
		Error   int `json:"error"`
		Warning int `json:"warning"`
		Info    int `json:"info"`
	}
	b, err := json.Marshal(struct {
		Version    int            `json:"version"`
		Targets    []string       `json:"targets"`
		Counts     counts         `json:"counts"`
		Findings   []lint.Finding `json:"findings"`
		Incomplete []string       `json:"incomplete,omitzero"`
	}{1, w.names, counts{w.Count(lint.Error), w.Count(lint.Warning), w.Count(lint.Info)}, w.Findings, w.Incomplete},
		json.Deterministic(true), jsontext.WithIndent("  "), jsontext.AllowInvalidUTF8(true), jsontext.EscapeForHTML(true))
	if err != nil {
		return err
	}
	_, err = out.Write(append(b, '\n'))
	return err
}

// lintMarker is a comment that is not shown, by which a comment on a pull request is found again and updated.
const lintMarker = "<!-- lanyard-lint -->"

// markdown is for a comment on a pull request. The same findings are the same text.
func (w *lintWriter) markdown() string {
	var b strings.Builder
	silenced := 0
	for i := range w.Findings {
		if w.Findings[i].Silenced != nil {
			silenced++
		}
	}
	fmt.Fprintf(&b, "%s\n## lanyard lint\n\n**%s**\n", lintMarker, w.summary(silenced))
	rows := 0
	for i := range w.Findings {
		f := &w.Findings[i]
		if f.Silenced != nil {
			continue
		}
		if rows == 0 {
			b.WriteString("\n| severity | rule | about | finding |\n| --- | --- | --- | --- |\n")
		}
		rows++
		row := w.markdownRow(f)
		if b.Len()+len(row) > maxComment-500 {
			b.WriteString("\nThe rest is left out: run lanyard lint to see it.\n")
			break
		}
		b.WriteString(row)
	}
	for _, text := range w.Incomplete {
		fmt.Fprintf(&b, "\nNot looked at: %s\n", compare.Code(text))
	}
	return boundComment(b.String())
}

func (w *lintWriter) markdownRow(f *lint.Finding) string {
	what := compare.Code(about(f))
	if place := f.Place.String(); place != "" {
		what += "<br>" + compare.Code(place)
	}
	text := compare.Code(f.Message)
	for _, d := range f.Details {
		text += "<br>" + compare.Code(d)
	}
	return fmt.Sprintf("| %s | [%s](%s) | %s | %s |\n", f.Severity, f.Code, lint.DocsURL(f.Code), what, text)
}

// annotations are workflow commands of GitHub Actions, which shows them next to the lines.
func (w *lintWriter) annotations() string {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	var b strings.Builder
	for i := range w.Findings {
		f := &w.Findings[i]
		if f.Silenced != nil {
			continue
		}
		command := map[lint.Severity]string{lint.Error: "error", lint.Warning: "warning", lint.Info: "notice"}[f.Severity]
		fmt.Fprintf(&b, "::%s ", command)
		if f.Place.File != "" {
			fmt.Fprintf(&b, "file=%s,", property.Replace(f.Place.File))
			if f.Place.Line > 0 {
				fmt.Fprintf(&b, "line=%d,", f.Place.Line)
			}
			if f.Place.Column > 0 {
				fmt.Fprintf(&b, "col=%d,", f.Place.Column)
			}
		}
		text := about(f) + ": " + f.Message
		for _, d := range f.Details {
			text += "\n" + d
		}
		fmt.Fprintf(&b, "title=%s::%s\n", property.Replace(f.Code+" "+f.Rule), data.Replace(printableLines(text)))
	}
	return b.String()
}

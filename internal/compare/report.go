package compare

import (
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard/internal/terminal"
)

// A Report says how two states of an instance differ: in their resources, and so in who may do what.
type Report struct {
	Version int         `json:"version"` // of this form: ReportVersion
	Before  Side        `json:"before"`
	After   Side        `json:"after"`
	Changes []Change    `json:"changes"`
	Access  *Difference `json:"access"`
}

// ReportVersion grows when members of a Report come to mean something else or go. More may come without that.
const ReportVersion = 1

// A Side names one of the states.
type Side struct {
	Name       string   `json:"name"`     // as the caller wrote it
	Instance   string   `json:"instance"` // id
	Alias      string   `json:"alias,omitzero"`
	Unrevealed []string `json:"unrevealed,omitempty"` // what the source did not tell of it
}

// Same reports whether nothing differs.
func (r *Report) Same() bool { return len(r.Changes) == 0 && r.Access.Empty() }

// JSON writes the report as one JSON document.
func (r *Report) JSON(w io.Writer) error {
	return json.MarshalWrite(w, r, json.Deterministic(true), jsontext.WithIndent("  "))
}

// maxFields and maxShown bound what is shown of changes.
const (
	maxFields = 50  // of one resource
	maxShown  = 500 // resources
)

// signs stand before what is created, updated and deleted.
var signs = map[string]string{Created: "+", Updated: "~", Deleted: "-"}

// summary sums up what differs in resources.
func (r *Report) summary() string {
	if len(r.Changes) == 0 {
		return "No resource differs."
	}
	n := map[string]int{}
	for _, c := range r.Changes {
		n[c.Action]++
	}
	text := fmt.Sprintf("%d resources differ", len(r.Changes))
	if len(r.Changes) == 1 {
		text = "1 resource differs"
	}
	return fmt.Sprintf("%s: %d created, %d updated, %d deleted.", text, n[Created], n[Updated], n[Deleted])
}

// WriteReport writes a report for a terminal.
func (t Text) WriteReport(w io.Writer, r *Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s -> %s\n%s\n", terminal.Escape(r.Before.Name), terminal.Escape(r.After.Name), r.summary())
	for i, c := range r.Changes {
		if i == maxShown {
			fmt.Fprintf(&b, "and %d more resources\n", len(r.Changes)-i)
			break
		}
		t.change(&b, &c)
	}
	b.WriteString("\n")
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	if err := t.Write(w, r.Access); err != nil {
		return err
	}
	for _, s := range []Side{r.Before, r.After} {
		if len(s.Unrevealed) == 0 {
			continue
		}
		if _, err := fmt.Fprintf(w, "\nNot known of %s, and so not compared:\n", terminal.Escape(s.Name)); err != nil {
			return err
		}
		for _, u := range s.Unrevealed {
			if _, err := fmt.Fprintf(w, "  %s\n", terminal.Escape(u)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t Text) change(b *strings.Builder, c *Change) {
	style := map[string]terminal.Style{Created: terminal.Green, Updated: terminal.Yellow, Deleted: terminal.Red}[c.Action]
	fmt.Fprintf(b, "\n%s\n", t.Paint(style, terminal.Escape(signs[c.Action]+" "+c.Type+" "+plainName(c.Name))))
	if c.Action == Deleted {
		return
	}
	for i, f := range c.Fields {
		if i == maxFields {
			fmt.Fprintf(b, "    and %d more members\n", len(c.Fields)-i)
			break
		}
		fmt.Fprintf(b, "    %s\n", terminal.Escape(f.words(words)))
	}
}

// words says in words how a member differs.
func (f *Field) words(value func(any) string) string {
	switch {
	case f.Before == nil && f.Element:
		return fmt.Sprintf("+ %s: %s", f.Path, value(f.After))
	case f.After == nil && f.Element:
		return fmt.Sprintf("- %s: %s", f.Path, value(f.Before))
	case f.Before == nil:
		return fmt.Sprintf("%s: %s", f.Path, value(f.After))
	}
	return fmt.Sprintf("%s: %s -> %s", f.Path, value(f.Before), value(f.After))
}

// FormatReport returns a report as Markdown.
func (m Markdown) FormatReport(r *Report) string {
	if m.Level == 0 {
		m.Level = 3
	}
	if m.Bytes == 0 {
		m.Bytes = 40_000
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s → %s\n\n", Code(r.Before.Name), Code(r.After.Name))
	access := m.Format(r.Access) // first, as it is what a reviewer looks for
	b.WriteString(access)
	fmt.Fprintf(&b, "\n%s Resources\n\n%s\n", strings.Repeat("#", m.Level), r.summary())
	if len(r.Changes) > 0 {
		b.WriteString("\n| | resource | difference |\n| --- | --- | --- |\n")
	}
	left := 0
	for _, c := range r.Changes {
		row := m.changeRow(&c)
		if b.Len()+len(row) > m.Bytes+m.Bytes/4 { // a part of its own
			left++
			continue
		}
		b.WriteString(row)
	}
	if left > 0 {
		fmt.Fprintf(&b, "\n%d more resources are left out.\n", left)
	}
	for _, s := range []Side{r.Before, r.After} {
		if len(s.Unrevealed) > 0 {
			fmt.Fprintf(&b, "\nNot known of %s, and so not compared:\n\n", Code(s.Name))
		}
		for _, u := range s.Unrevealed {
			fmt.Fprintf(&b, "- %s\n", Code(u))
		}
	}
	return b.String()
}

func (m Markdown) changeRow(c *Change) string {
	var parts []string
	if c.Action != Deleted {
		for i, f := range c.Fields {
			if i == maxFields {
				parts = append(parts, fmt.Sprintf("and %d more members", len(c.Fields)-i))
				break
			}
			parts = append(parts, Code(f.words(func(v any) string { return clip(words(v)) })))
		}
	}
	return fmt.Sprintf("| %s | %s %s | %s |\n", c.Action, c.Type, Code(c.Name), strings.Join(parts, "<br>"))
}

// clip shortens a text that nobody reads in a table.
func clip(text string) string {
	const most = 200
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

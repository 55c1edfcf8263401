package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/alecthomas/kong"
)

type manCmd struct {
	Dir string `help:"Write lanyard.1 and a page for each command into this folder, which is created if it does not exist." type:"path" placeholder:"DIR"`
}

func (manCmd) Help() string {
	return `Without --dir, prints the page of the whole program, for man -l or mandoc.

Examples:
  lanyard man | man -l -
  lanyard man --dir ~/.local/share/man/man1 && man lanyard-check`
}

func (c *manCmd) Run(s streams, k *kong.Context) error {
	root, date := k.Model.Node, manDate()
	if c.Dir == "" {
		_, err := fmt.Fprint(s.out, manPage(root, date))
		return err
	}
	if err := os.MkdirAll(c.Dir, 0o755); err != nil {
		return err
	}
	return writeManPages(c.Dir, root, date)
}

// writeManPages writes the page of a command and those of the commands below it.
func writeManPages(dir string, n *kong.Node, date string) error {
	if n.Hidden {
		return nil
	}
	if err := os.WriteFile(filepath.Join(dir, manName(n)+".1"), []byte(manPage(n, date)), 0o644); err != nil {
		return err
	}
	for _, child := range n.Children {
		if err := writeManPages(dir, child, date); err != nil {
			return err
		}
	}
	return nil
}

// manDate is the date of the build, or of SOURCE_DATE_EPOCH for packages that are built twice alike.
func manDate() string {
	at := time.Now()
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if t, err := time.Parse(time.RFC3339, setting.Value); setting.Key == "vcs.time" && err == nil {
				at = t
			}
		}
	}
	if seconds, err := strconv.ParseInt(os.Getenv("SOURCE_DATE_EPOCH"), 10, 64); err == nil {
		at = time.Unix(seconds, 0)
	}
	return at.UTC().Format(time.DateOnly)
}

// commandPath are the names of the program and of the commands down to one.
func commandPath(n *kong.Node) []string {
	if n.Parent == nil {
		return []string{n.Name}
	}
	return append(commandPath(n.Parent), n.Name)
}

func manName(n *kong.Node) string { return strings.Join(commandPath(n), "-") }

// A roff writes text with the macros of man(7).
type roff struct{ strings.Builder }

// escapeRoff keeps a text from being taken for a request, an escape or a hyphen.
func escapeRoff(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\\':
			b.WriteString(`\e`)
		case r == '-':
			b.WriteString(`\-`)
		case (r == '.' || r == '\'') && (i == 0 || s[i-1] == '\n'):
			b.WriteString(`\&` + string(r))
		case r > unicode.MaxASCII:
			fmt.Fprintf(&b, `\[u%04X]`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func (r *roff) line(format string, args ...any) { fmt.Fprintf(&r.Builder, format+"\n", args...) }

func (r *roff) section(name string) { r.line(".SH %s", name) }

// text writes paragraphs, right after the heading of a section. Lines that are indented keep their form.
func (r *roff) text(s string) {
	first := true
	for block := range strings.SplitSeq(strings.Trim(s, "\n"), "\n\n") {
		for len(block) > 0 {
			part, rest := cutForm(block)
			r.paragraph(part, first)
			block, first = rest, false
		}
	}
}

func isIndented(line string) bool {
	return strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
}

// cutForm returns the lines at the beginning of a block that are all indented, or all not.
func cutForm(block string) (part, rest string) {
	lines := strings.Split(block, "\n")
	n := 1
	for n < len(lines) && isIndented(lines[n]) == isIndented(lines[0]) {
		n++
	}
	return strings.Join(lines[:n], "\n"), strings.Join(lines[n:], "\n")
}

func (r *roff) paragraph(s string, first bool) {
	if !first {
		r.line(".PP")
	}
	if !isIndented(s) {
		r.line("%s", escapeRoff(strings.TrimSpace(s)))
		return
	}
	r.line(".RS 4\n.nf")
	for line := range strings.SplitSeq(s, "\n") {
		r.line("%s", escapeRoff(strings.TrimPrefix(line, "  ")))
	}
	r.line(".fi\n.RE")
}

// manPage returns the page of a command.
func manPage(n *kong.Node, date string) string {
	r := &roff{}
	name := manName(n)
	r.line(`.TH "%s" "1" "%s" "lanyard %s" "lanyard"`, escapeRoff(strings.ToUpper(name)), date, escapeRoff(version()))
	r.section("NAME")
	help, detail := n.Help, n.Detail
	if n.Parent == nil { // the help of the program is a sentence, and then everything else
		help, detail, _ = strings.Cut(n.Help, "\n")
	}
	r.line(`%s \- %s`, escapeRoff(name), escapeRoff(strings.TrimSuffix(lowerFirst(help), ".")))
	r.synopsis(n)
	description, examples, _ := strings.Cut(detail, "Examples:\n")
	if strings.TrimSpace(description) != "" {
		r.section("DESCRIPTION")
		r.text(description)
	}
	r.arguments(n)
	r.commands(n)
	r.flags(n)
	if examples != "" {
		r.section("EXAMPLES")
		r.text("  " + strings.TrimPrefix(examples, "  "))
	}
	r.seeAlso(n)
	return r.String()
}

// lowerFirst makes the beginning of a sentence a phrase, unless it is a name.
func lowerFirst(s string) string {
	if strings.HasPrefix(s, "Amazon") || s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

func (r *roff) synopsis(n *kong.Node) {
	r.section("SYNOPSIS")
	words := strings.Join(commandPath(n), " ")
	line := `\fB` + escapeRoff(words) + `\fR`
	if len(n.Children) > 0 {
		line += ` \fICOMMAND\fR`
	}
	line += ` [\fIFLAGS\fR]`
	for _, arg := range n.Positional {
		name := `\fI` + escapeRoff(strings.ToUpper(arg.Name)) + `\fR`
		if arg.IsCumulative() {
			name += " ..."
		}
		if !arg.Required {
			name = "[" + name + "]"
		}
		line += " " + name
	}
	r.line("%s", line)
}

func (r *roff) arguments(n *kong.Node) {
	if len(n.Positional) == 0 {
		return
	}
	r.section("ARGUMENTS")
	for _, arg := range n.Positional {
		r.line(".TP\n\\fI%s\\fR", escapeRoff(strings.ToUpper(arg.Name)))
		r.line("%s", escapeRoff(arg.Help))
	}
}

func (r *roff) commands(n *kong.Node) {
	if len(n.Children) == 0 {
		return
	}
	r.section("COMMANDS")
	for _, child := range n.Children {
		if child.Hidden {
			continue
		}
		r.line(".TP\n\\fB%s\\fR", escapeRoff(strings.Join(commandPath(child), " ")))
		r.line("%s", escapeRoff(child.Help))
	}
}

func (r *roff) flags(n *kong.Node) {
	r.section("OPTIONS")
	for _, group := range n.AllFlags(true) {
		for _, f := range group {
			name := `\fB\-\-` + escapeRoff(f.Name) + `\fR`
			if f.Short != 0 {
				name = `\fB\-` + string(f.Short) + `\fR, ` + name
			}
			if !f.IsBool() {
				name += `=\fI` + escapeRoff(valueName(f)) + `\fR`
			}
			r.line(".TP\n%s", name)
			r.line("%s", escapeRoff(strings.TrimSpace(f.Help)))
			r.origin(f)
		}
	}
}

// valueName is what the value of a flag is called.
func valueName(f *kong.Flag) string {
	switch {
	case f.Enum != "":
		return strings.Join(f.EnumSlice(), "|")
	case f.PlaceHolder != "":
		return f.PlaceHolder
	}
	return strings.ToUpper(f.Name)
}

// origin says what else sets a flag.
func (r *roff) origin(f *kong.Flag) {
	var parts []string
	if f.HasDefault && f.Default != "" && !strings.Contains(f.Help, "default "+f.Default) {
		parts = append(parts, "default: "+f.Default)
	}
	if f.Required {
		parts = append(parts, "required")
	}
	if len(f.Envs) > 0 {
		parts = append(parts, "environment: "+strings.Join(f.Envs, ", "))
	}
	if len(parts) > 0 {
		r.line("(%s)", escapeRoff(strings.Join(parts, "; ")))
	}
}

func (r *roff) seeAlso(n *kong.Node) {
	var pages []string
	if n.Parent != nil {
		pages = append(pages, manName(n.Parent))
	}
	for _, child := range n.Children {
		if !child.Hidden {
			pages = append(pages, manName(child))
		}
	}
	r.section("SEE ALSO")
	for i, page := range pages {
		comma := ","
		if i == len(pages)-1 {
			comma = ""
		}
		r.line(`.BR %s (1)%s`, escapeRoff(page), comma)
	}
}

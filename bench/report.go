package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// report is all that was found; a part that was not asked for is nil.
type report struct {
	options   options
	machine   []string
	made      time.Time
	api       *apiFound
	decisions *decisionsFound
	growth    *growthFound
	postgres  *postgresFound
	plan      *planFound
	rows      *rowsFound
	mirror    *mirrorFound
	lint      *lintFound
	follow    *followFound
	gateway   *gatewayFound
	wasm      *wasmFound

	policyTests *policyTestsFound
}

// A part of the report.
type part interface {
	targets() []target
	tables() []table
	// page writes the part's section, which shows a picture of that name.
	page(b *strings.Builder, picture string)
	picture() string // "" for none
}

// parts are those that were measured, and what their pictures' names add to the page's.
func (rep *report) parts() (parts []part, suffixes []string) {
	if rep.api != nil {
		parts, suffixes = append(parts, rep.api), append(suffixes, "")
	}
	if rep.decisions != nil {
		parts, suffixes = append(parts, rep.decisions), append(suffixes, "-decisions")
	}
	if rep.growth != nil {
		parts, suffixes = append(parts, rep.growth), append(suffixes, "-growth")
	}
	if rep.postgres != nil {
		parts, suffixes = append(parts, rep.postgres), append(suffixes, "-postgres")
	}
	if rep.rows != nil {
		parts, suffixes = append(parts, rep.rows), append(suffixes, "-tables")
	}
	if rep.plan != nil {
		parts, suffixes = append(parts, rep.plan), append(suffixes, "-plan")
	}
	if rep.mirror != nil {
		parts, suffixes = append(parts, rep.mirror), append(suffixes, "-mirror")
	}
	if rep.policyTests != nil {
		parts, suffixes = append(parts, rep.policyTests), append(suffixes, "-policytest")
	}
	if rep.lint != nil {
		parts, suffixes = append(parts, rep.lint), append(suffixes, "-lint")
	}
	if rep.follow != nil {
		parts, suffixes = append(parts, rep.follow), append(suffixes, "-follow")
	}
	if rep.gateway != nil {
		parts, suffixes = append(parts, rep.gateway), append(suffixes, "-gateway")
	}
	if rep.wasm != nil {
		parts, suffixes = append(parts, rep.wasm), append(suffixes, "-wasm")
	}
	return parts, suffixes
}

// A spread is a median, with the lowest and the highest of the values.
type spread struct{ median, min, max float64 }

func newSpread(values []float64) spread {
	s := slices.Sorted(slices.Values(values))
	return spread{(s[(len(s)-1)/2] + s[len(s)/2]) / 2, s[0], s[len(s)-1]}
}

func (s spread) format(f func(float64) string) string {
	return fmt.Sprintf("%s (%s–%s)", f(s.median), f(s.min), f(s.max))
}

// A row of the table of targets.
type target struct{ what, found, wanted, verdict string }

func atLeast(what string, s spread, f func(float64) string, unit string, least float64) target {
	return target{what, s.format(f) + unit, "≥ " + plain(f, least) + unit, verdict(s.median >= least)}
}

func atMost(what string, s spread, f func(float64) string, unit string, most float64) target {
	return target{what, s.format(f) + unit, "≤ " + plain(f, most) + unit, verdict(s.median <= most)}
}

func below(what string, s spread, f func(float64) string, unit string, most float64) target {
	return target{what, s.format(f) + unit, "< " + plain(f, most) + unit, verdict(s.median < most)}
}

// plain writes a target as it was set: large ones like the figures, small ones with all their digits.
func plain(f func(float64) string, v float64) string {
	if v >= 1000 {
		return f(v)
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "not met"
}

// A table has a head, how its columns are aligned (l or r), and rows.
type table struct {
	head  []string
	align string
	rows  [][]string
}

func targetTable(targets []target) table {
	t := table{head: []string{"what", "found", "target", ""}, align: "llll"}
	for _, g := range targets {
		t.rows = append(t.rows, []string{g.what, g.found, g.wanted, g.verdict})
	}
	return t
}

func (t table) markdown(b *strings.Builder) {
	fmt.Fprintf(b, "| %s |\n|", strings.Join(t.head, " | "))
	for _, a := range t.align {
		if a == 'r' {
			b.WriteString(" ---: |")
		} else {
			b.WriteString(" --- |")
		}
	}
	b.WriteByte('\n')
	for _, row := range t.rows {
		fmt.Fprintf(b, "| %s |\n", strings.Join(row, " | "))
	}
}

func (t table) text(w io.Writer) {
	fmt.Fprintf(w, "\n%s\n", strings.ToUpper(strings.Join(t.head, "\t")))
	for _, row := range t.rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
}

// print shows the tables on a terminal.
func (rep *report) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	parts, _ := rep.parts()
	for _, p := range parts {
		for _, t := range append(p.tables(), targetTable(p.targets())) {
			t.text(w)
			w.Flush() // columns are for one table
		}
	}
}

// write writes the page and its pictures.
func (rep *report) write(file string) error {
	stem := strings.TrimSuffix(file, filepath.Ext(file))
	var b strings.Builder
	rep.head(&b)
	parts, suffixes := rep.parts()
	for i, p := range parts {
		picture := stem + suffixes[i] + ".svg"
		if drawn := p.picture(); drawn != "" {
			if err := os.WriteFile(picture, []byte(drawn), 0o644); err != nil {
				return err
			}
		}
		var section strings.Builder
		p.page(&section, filepath.Base(picture))
		fmt.Fprintf(&b, "%s\n\n", strings.TrimRight(section.String(), "\n"))
	}
	fmt.Fprintf(&b, "## The machine\n\n%s\n\nA missed target does not fail a build: figures from a machine that is busy "+
		"with other things say little.\n", strings.Join(rep.machine, "\n"))
	return os.WriteFile(file, []byte(b.String()), 0o644)
}

func (rep *report) head(b *strings.Builder) {
	fmt.Fprintf(b, `# Performance

How fast lanyard is, how much memory it takes and which targets it meets. Figures are medians of %d rounds, with the
lowest and the highest in brackets. On another machine they differ, so most targets are ratios to the same work without
lanyard, measured in the same run. Written by `+"`make bench`"+` on %s.

`, rep.options.rounds, rep.made.Format("2 January 2006"))
	if rep.options.short {
		b.WriteString("**This was a quick look: the figures are not for the record.**\n\n")
	}
	b.WriteString("| section | answers |\n| --- | --- |\n")
	for _, s := range rep.sections() {
		fmt.Fprintf(b, "| [%s](#%s) | %s |\n", s.title, anchor(s.title), s.answers)
	}
	b.WriteString("\nEach section has its targets first, then all figures, and then how they were measured.\n\n")
}

// A section of the page, and the questions that it answers.
type section struct{ title, answers string }

// sections are those of the parts that were measured.
func (rep *report) sections() (list []section) {
	if rep.api != nil {
		list = append(list, section{"The API",
			"How many calls a second, on one server with SQLite? How long does a start take, and how much memory?"})
	}
	if rep.decisions != nil {
		list = append(list, section{"Decisions", "How long does a decision take, in process and over HTTP, and in other engines?"})
	}
	if rep.growth != nil {
		list = append(list, section{"As an instance grows", "What does an instance of a million users cost?"})
	}
	if rep.postgres != nil {
		list = append(list, section{"Servers on PostgreSQL",
			"How many updates a second, on one server and on three? When do the others see a change?"})
	}
	if rep.rows != nil {
		list = append(list, section{"Data tables", "How long does a page of rows take when nearly all are hidden?"})
	}
	if rep.plan != nil {
		list = append(list, section{"Plans", "How long does the plan of a large template take?"})
	}
	if rep.mirror != nil {
		list = append(list, section{"Mirrors", "How close does a copy come to what the source's rate limit allows?"})
	}
	if rep.policyTests != nil {
		list = append(list, section{"Policy tests", "How long do 10,000 tests take?"})
	}
	if rep.lint != nil {
		list = append(list, section{"Lint", "How long do findings about 100,000 users take, and how much memory?"})
	}
	if rep.follow != nil {
		list = append(list, section{"Following from other processes",
			"When does another process decide by a change, and what do followers cost the server?"})
	}
	if rep.gateway != nil {
		list = append(list, section{"MCP gateway", "What does the gateway add to a call of a tool, and how many calls does it carry?"})
	}
	return append(list, section{"The machine", "Where were the figures taken?"})
}

// anchor is how a heading is linked to.
func anchor(title string) string { return strings.ToLower(strings.ReplaceAll(title, " ", "-")) }

// describeMachine lists what the figures depend on.
func describeMachine(dir string) []string {
	field := func(file, prefix string) string {
		b, _ := os.ReadFile(file)
		for line := range strings.Lines(string(b)) {
			if rest, ok := strings.CutPrefix(line, prefix); ok {
				return strings.Trim(rest, ": \t\n")
			}
		}
		return "unknown"
	}
	kib, _ := strconv.ParseFloat(strings.TrimSuffix(field("/proc/meminfo", "MemTotal"), " kB"), 64)
	return []string{
		"- CPU: " + field("/proc/cpuinfo", "model name") + ", " + strconv.Itoa(runtime.NumCPU()) + " cores",
		"- Memory: " + fixed(0)(kib/(1<<20)) + " GiB",
		"- Kernel: " + runtime.GOOS + " " + field("/proc/sys/kernel/osrelease", ""),
		"- File system: " + fileSystem(dir),
		"- Go: " + strings.TrimPrefix(runtime.Version(), "go") + ", " + runtime.GOARCH,
	}
}

// fileSystem is the type of the one that dir is on.
func fileSystem(dir string) string {
	b, _ := os.ReadFile("/proc/mounts")
	longest, kind := 0, "unknown"
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) < 3 || len(f[1]) < longest || !strings.HasPrefix(dir+"/", strings.TrimSuffix(f[1], "/")+"/") {
			continue
		}
		longest, kind = len(f[1]), f[2]
	}
	return kind
}

func fixed(digits int) func(float64) string {
	return func(v float64) string { return strconv.FormatFloat(v, 'f', digits, 64) }
}

// thousands sets the groups of a whole number apart.
func thousands(v float64) string {
	s := strconv.FormatFloat(v, 'f', 0, 64)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// short rounds a duration to two or three digits.
func short(d time.Duration) time.Duration {
	for unit := time.Duration(10); ; unit *= 10 {
		if d < 100*unit {
			return d.Round(unit / 10)
		}
	}
}

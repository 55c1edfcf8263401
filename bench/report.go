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

// report is all that was found.
type report struct {
	options options
	machine []string
	made    time.Time

	binary                                 float64   // MB
	startEmpty, startLarge, firstLarge     []float64 // ms
	memoryEmpty, memoryLarge, memoryLoaded float64   // MB
	rounds                                 [][measurements]result
}

// spread is a median and what it lies between.
type spread struct{ median, min, max float64 }

func newSpread(values []float64) spread {
	s := slices.Sorted(slices.Values(values))
	return spread{(s[(len(s)-1)/2] + s[len(s)/2]) / 2, s[0], s[len(s)-1]}
}

func (s spread) format(f func(float64) string) string {
	return fmt.Sprintf("%s (%s–%s)", f(s.median), f(s.min), f(s.max))
}

// over is the spread over the rounds of what f finds in one.
func (rep *report) over(f func(r *[measurements]result) float64) spread {
	var values []float64
	for i := range rep.rounds {
		values = append(values, f(&rep.rounds[i]))
	}
	return newSpread(values)
}

func (rep *report) rate(i int) spread {
	return rep.over(func(r *[measurements]result) float64 { return r[i].rate })
}

func (rep *report) ratio(a, b int) spread {
	return rep.over(func(r *[measurements]result) float64 { return r[a].rate / r[b].rate })
}

// ratios are those shown, with their targets, 0 for none.
var ratios = []struct {
	name   string
	a, b   int
	target float64
}{
	{"signature checked ÷ trivial", verified, trivial, 0},
	{"Describe ÷ signature checked", describe, verified, 0},
	{"List of 100 ÷ signature checked", list, verified, 0},
	{"Update, 1 client ÷ bare SQLite", update, bareUpsert, 0.5},
	{"Update, 64 clients ÷ bare SQLite", updateMany, bareUpsert, 0},
}

// A row of the table of targets.
type target struct{ what, found, wanted, verdict string }

func (rep *report) targets() []target {
	p99 := rep.over(func(r *[measurements]result) float64 { return milliseconds(r[update].p99) })
	atLeast := func(what string, s spread, f func(float64) string, unit string, least float64) target {
		return target{what, s.format(f) + unit, "≥ " + f(least) + unit, verdict(s.median >= least)}
	}
	below := func(what string, s spread, f func(float64) string, unit string, most float64) target {
		return target{what, s.format(f) + unit, "< " + strconv.FormatFloat(most, 'f', -1, 64) + unit, verdict(s.median < most)}
	}
	size := func(what string, mb float64) target {
		return target{what, fixed(1)(mb) + " MB", "< 40 MB", verdict(mb < 40)}
	}
	large := fmt.Sprintf("with %s profiles and %s users", thousands(float64(rep.options.large.profiles)), thousands(float64(rep.options.large.users)))
	list := []target{
		atLeast("DescribeSecurityProfile, signed, 32 clients", rep.rate(describe), thousands, "/s", 25_000),
		atLeast("ListSecurityProfiles of 100, signed, 32 clients", rep.rate(list), thousands, "/s", 5000),
		atLeast("UpdateSecurityProfile at one client ÷ bare SQLite", rep.ratio(update, bareUpsert), fixed(2), "", 0.5),
		below("UpdateSecurityProfile at one client, 99th percentile", p99, fixed(2), " ms", 3),
		below("start to ready, empty folder", newSpread(rep.startEmpty), fixed(0), " ms", 150),
		below("start to ready, "+large, newSpread(rep.startLarge), fixed(0), " ms", 1000),
		{"start to first Describe, " + large, newSpread(rep.firstLarge).format(fixed(0)) + " ms", "", ""},
		size("memory when idle, empty folder", rep.memoryEmpty),
		size("memory when idle, "+large, rep.memoryLarge),
		size("memory when idle, after the load above", rep.memoryLoaded),
		size("binary", rep.binary),
	}
	return list
}

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "not met"
}

func (rep *report) rateRows() [][]string {
	var rows [][]string
	for i, name := range names {
		median := func(f func(result) time.Duration) string {
			s := rep.over(func(r *[measurements]result) float64 { return f(r[i]).Seconds() })
			return short(time.Duration(s.median * 1e9)).String()
		}
		rows = append(rows, []string{name, strconv.Itoa(clients[i]), rep.rate(i).format(thousands),
			median(func(r result) time.Duration { return r.p50 }), median(func(r result) time.Duration { return r.p99 })})
	}
	return rows
}

// print shows the tables on a terminal.
func (rep *report) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nMEASURED\tCLIENTS\tA SECOND\tP50\tP99")
	for _, row := range rep.rateRows() {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	fmt.Fprintln(w, "\nRATIO, ROUND BY ROUND\tFOUND")
	for _, r := range ratios {
		fmt.Fprintf(w, "%s\t%s\n", r.name, rep.ratio(r.a, r.b).format(fixed(2)))
	}
	fmt.Fprintln(w, "\nTARGET\tFOUND\tWANTED\t")
	for _, t := range rep.targets() {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", t.what, t.found, t.wanted, t.verdict)
	}
	w.Flush()
}

// write writes the page and its picture.
func (rep *report) write(file string) error {
	picture := strings.TrimSuffix(file, filepath.Ext(file)) + ".svg"
	if err := os.WriteFile(picture, []byte(rep.picture()), 0o644); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(rep.page(filepath.Base(picture))), 0o644)
}

func (rep *report) page(picture string) string {
	var b strings.Builder
	o := rep.options
	note := ""
	if o.short {
		note = "**A short run: these are no figures of record.**\n\n"
	}
	fmt.Fprintf(&b, `# Performance

Written by `+"`make bench`"+` on %s. Figures are medians of %d rounds, with the least and the most in brackets.

%s## Targets

| what | found | target | |
| --- | --- | --- | --- |
`, rep.made.Format("2 January 2006"), len(rep.rounds), note)
	for _, t := range rep.targets() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", t.what, t.found, t.wanted, t.verdict)
	}
	b.WriteString(`
## Rates

| what | clients | a second | p50 | p99 |
| --- | ---: | --- | ---: | ---: |
`)
	for _, row := range rep.rateRows() {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
	}
	fmt.Fprintf(&b, `
Ratios are taken within a round and then their median over the rounds, so that what slows the machine for a while
falls out of them:

![The ratios, with the range over the rounds](%s)

| ratio | found |
| --- | --- |
`, picture)
	for _, r := range ratios {
		fmt.Fprintf(&b, "| %s | %s |\n", r.name, rep.ratio(r.a, r.b).format(fixed(2)))
	}
	fmt.Fprintf(&b, `
## The machine

%s

## How it was measured

- The real binary, started as anybody would, with quotas off; the load generator runs beside it on the same cores and
  takes its share of them. It sends requests that were signed and encoded beforehand, with the headers that boto3
  sends, over connections kept open, each when the one before is answered.
- Each round takes every measurement in turn, %v each, of which the first fifth is not counted.
- The trivial handler answers a fixed JSON object from a process of its own. "Signature checked" is the same
  handler behind lanyard's package sigv4, and gets the same requests as DescribeSecurityProfile.
- Bare SQLite is the same driver on the same disk, WAL and synchronous=FULL, replacing one row of 2 KB per
  transaction from one goroutine, with no HTTP.
- UpdateSecurityProfile sends every parameter, with 60 permissions. Each client has a profile of its own and sends
  two contents in turn, so that every call changes something; that each was recorded is checked. One such call
  writes the profile and an audit record with the request and the profile before and after.
- Start to ready is from the start of the process to the first answer of /readyz; on the empty folder the server also
  makes its database and its access key. Memory is what the process has resident %v after the last call.

## What the numbers mean

- Reads are answered from memory: net/http and the signature are most of their cost, which the first two ratios show.
- A single client that updates waits for the disk once per call. The disk's wait is in both parts of that ratio; the
  rest is HTTP, the signature, the rules, and writing the audit record in the same transaction.
- Updates of many clients are serial, so that they gain from more clients only what is done outside the transaction.
- No timing fails a build: figures of a machine that does other things meanwhile say little.
`, strings.Join(rep.machine, "\n"), o.step, o.settle)
	return b.String()
}

// describeMachine says what may matter about where the figures are from.
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

// picture draws the ratios: a bar to the median, a line over the range, a mark at the target.
func (rep *report) picture() string {
	const left, width, step, top = 250, 420, 34, 16
	most := 1.0
	for _, r := range ratios {
		most = max(most, rep.ratio(r.a, r.b).max)
	}
	x := func(v float64) float64 { return left + v/most*width }
	height := top + len(ratios)*step + 28
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13" role="img" aria-label="Ratios of rates">`+"\n", left+width+90, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	for v := 0.0; v <= most+1e-9; v += 0.25 {
		fmt.Fprintf(&b, `<path d="M%.1f %d V%d" stroke="#ddd"/><text x="%.1[1]f" y="%[4]d" fill="#555" text-anchor="middle">%.2[5]f</text>`+"\n", x(v), top-6, height-26, height-8, v)
	}
	for i, r := range ratios {
		s, y := rep.ratio(r.a, r.b), float64(top+i*step)
		fmt.Fprintf(&b, `<text x="%d" y="%.1f" text-anchor="end">%s</text>`, left-10, y+15, r.name)
		fmt.Fprintf(&b, `<rect x="%d" y="%.1f" width="%.1f" height="20" fill="#5b8db8"/>`, left, y, x(s.median)-left)
		fmt.Fprintf(&b, `<path d="M%.1f %.1f H%.1f" stroke="#1d3c57" stroke-width="3"/>`, x(s.min), y+10, x(s.max))
		if r.target > 0 {
			fmt.Fprintf(&b, `<path d="M%.1f %.1f V%.1f" stroke="#c0392b" stroke-width="2"/><text x="%.1[1]f" y="%.1[4]f" fill="#c0392b" font-size="10" text-anchor="middle">target</text>`, x(r.target), y-4, y+24, y-5)
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f">%.2f</text>`+"\n", x(s.max)+8, y+15, s.median)
	}
	b.WriteString("</svg>\n")
	return b.String()
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

// short drops the digits of a duration that mean nothing.
func short(d time.Duration) time.Duration {
	for unit := time.Duration(10); ; unit *= 10 {
		if d < 100*unit {
			return d.Round(unit / 10)
		}
	}
}

package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// apiFound is all that was found about the API.
type apiFound struct {
	options     options
	updatesOnly bool // neither starts nor reads were measured

	binary                                 float64   // MB
	startEmpty, startLarge, firstLarge     []float64 // ms
	memoryEmpty, memoryLarge, memoryLoaded float64   // MB
	rounds                                 [][measurements]result
	beside                                 [][len(besides)]besideFound // by round
}

// measured reports whether a measurement was taken.
func (rep *apiFound) measured(i int) bool { return !rep.updatesOnly || i >= bareUpsert }

// over is the spread over the rounds of what f finds in one.
func (rep *apiFound) over(f func(r *[measurements]result) float64) spread {
	var values []float64
	for i := range rep.rounds {
		values = append(values, f(&rep.rounds[i]))
	}
	return newSpread(values)
}

func (rep *apiFound) rate(i int) spread {
	return rep.over(func(r *[measurements]result) float64 { return r[i].rate })
}

func (rep *apiFound) ratio(a, b int) spread {
	return rep.over(func(r *[measurements]result) float64 { return r[a].rate / r[b].rate })
}

// overBeside is the spread over the rounds of what f finds alongside the i-th rate of updates, and alone.
func (rep *apiFound) overBeside(i int, f func(b besideFound, alone result) float64) spread {
	var values []float64
	for round := range rep.beside {
		values = append(values, f(rep.beside[round][i], rep.rounds[round][describe]))
	}
	return newSpread(values)
}

// kept is what is left of the rate of reads.
func (rep *apiFound) kept(i int) spread {
	return rep.overBeside(i, func(b besideFound, alone result) float64 { return b.reads.rate / alone.rate })
}

func besideName(rate float64) string {
	if rate == 0 {
		return fmt.Sprintf("as many updates as %d clients get done", clients[updateMany])
	}
	return thousands(rate) + " updates a second"
}

func (rep *apiFound) besideTable() table {
	t := table{[]string{"DescribeSecurityProfile, 32 clients, alongside", "÷ alone", "reads a second", "p99",
		"updates a second", "p99"}, "lllrlr", nil}
	for i, rate := range besides {
		late := func(f func(b besideFound) time.Duration) string {
			return short(time.Duration(rep.overBeside(i,
				func(b besideFound, _ result) float64 { return float64(f(b)) }).median)).String()
		}
		t.rows = append(t.rows, []string{besideName(rate), rep.kept(i).format(fixed(2)),
			rep.overBeside(i, func(b besideFound, _ result) float64 { return b.reads.rate }).format(thousands),
			late(func(b besideFound) time.Duration { return b.reads.p99 }),
			rep.overBeside(i, func(b besideFound, _ result) float64 { return b.updates.rate }).format(thousands),
			late(func(b besideFound) time.Duration { return b.updates.p99 })})
	}
	return t
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
	{"Update, 1 client ÷ bare SQLite", update, bareUpsert, 0.4},
	{"Update, 64 clients ÷ bare SQLite", updateMany, bareUpsert, 1.5},
}

// updateTargets are those of the write path. Bare SQLite flushes once for each transaction, so 64 clients get more than
// that only by sharing flushes.
func (rep *apiFound) updateTargets() []target {
	p99 := func(i int) spread {
		return rep.over(func(r *[measurements]result) float64 { return milliseconds(r[i].p99) })
	}
	return []target{
		atLeast("UpdateSecurityProfile at one client ÷ bare SQLite", rep.ratio(update, bareUpsert), fixed(2), "", 0.4),
		below("UpdateSecurityProfile at one client, 99th percentile", p99(update), fixed(2), " ms", 3),
		atLeast("UpdateSecurityProfile at 64 clients ÷ bare SQLite, one flush a transaction",
			rep.ratio(updateMany, bareUpsert), fixed(2), "", 1.5),
		below("UpdateSecurityProfile at 64 clients, 99th percentile", p99(updateMany), fixed(2), " ms", 15),
	}
}

func (rep *apiFound) targets() []target {
	if rep.updatesOnly {
		return rep.updateTargets()
	}
	size := func(what string, mb float64) target {
		return target{what, fixed(1)(mb) + " MB", "< 40 MB", verdict(mb < 40)}
	}
	large := fmt.Sprintf("with %s profiles and %s users", thousands(float64(rep.options.large.profiles)),
		thousands(float64(rep.options.large.users)))
	beside := func(i int) target {
		what := "DescribeSecurityProfile with " + besideName(besides[i]) + " ÷ alone"
		if besides[i] == 0 { // what the updates get, reads cannot
			return target{what, rep.kept(i).format(fixed(2)), "", ""}
		}
		return atLeast(what, rep.kept(i), fixed(2), "", 0.7)
	}
	all := []target{
		atLeast("DescribeSecurityProfile, signed, 32 clients", rep.rate(describe), thousands, "/s", 25_000),
		atLeast("ListSecurityProfiles of 100, signed, 32 clients", rep.rate(list), thousands, "/s", 5000),
	}
	all = append(all, rep.updateTargets()...)
	return append(all,
		beside(0), beside(1), beside(2),
		below("start to ready, empty folder", newSpread(rep.startEmpty), fixed(0), " ms", 150),
		below("start to ready, "+large, newSpread(rep.startLarge), fixed(0), " ms", 1000),
		target{"start to first Describe, " + large, newSpread(rep.firstLarge).format(fixed(0)) + " ms", "", ""},
		size("memory when idle, empty folder", rep.memoryEmpty),
		size("memory when idle, "+large, rep.memoryLarge),
		size("memory when idle, after the load above", rep.memoryLoaded),
		size("binary", rep.binary))
}

func (rep *apiFound) rateRows() [][]string {
	var rows [][]string
	for i, name := range names {
		if !rep.measured(i) {
			continue
		}
		median := func(f func(result) time.Duration) string {
			s := rep.over(func(r *[measurements]result) float64 { return f(r[i]).Seconds() })
			return short(time.Duration(s.median * 1e9)).String()
		}
		rows = append(rows, []string{name, strconv.Itoa(clients[i]), rep.rate(i).format(thousands),
			median(func(r result) time.Duration { return r.p50 }), median(func(r result) time.Duration { return r.p99 })})
	}
	return rows
}

func (rep *apiFound) tables() []table {
	var found [][]string
	for _, r := range ratios {
		if rep.measured(r.a) {
			found = append(found, []string{r.name, rep.ratio(r.a, r.b).format(fixed(2))})
		}
	}
	tables := []table{
		{[]string{"what", "clients", "a second", "p50", "p99"}, "lrlrr", rep.rateRows()},
		{[]string{"ratio, round by round", "found"}, "ll", found},
	}
	if rep.updatesOnly {
		return tables
	}
	return append(tables, rep.besideTable())
}

func (rep *apiFound) page(b *strings.Builder, picture string) {
	o := rep.options
	tables := rep.tables()
	b.WriteString("## The API\n\n")
	targetTable(rep.targets()).markdown(b)
	b.WriteByte('\n')
	tables[0].markdown(b)
	fmt.Fprintf(b, `
Ratios are taken within a round, so that a slow phase of the machine slows both sides alike. Shown is their median over
the rounds:

![The ratios, with the range over the rounds](%s)

`, picture)
	tables[1].markdown(b)
	if !rep.updatesOnly {
		b.WriteString("\nReads and updates at the same time:\n\n")
		tables[2].markdown(b)
	}
	fmt.Fprintf(b, `
### How it was measured

- The server is the real program, started as usual, with quotas off. The load generator runs next to it and takes its
  share of the same cores. It sends requests that were signed and encoded beforehand, with the headers that boto3
  sends, over connections kept open, each as soon as the one before is answered.
- Each round takes every measurement in turn, for %v each, of which the first fifth is not counted.
- The trivial handler answers a fixed JSON object from a process of its own. "Signature checked" is the same
  handler behind lanyard's package sigv4, and gets the same requests as DescribeSecurityProfile.
- Bare SQLite is the same driver on the same disk, WAL and synchronous=FULL, replacing one row of 2 KB per
  transaction from one goroutine, with no HTTP.
- UpdateSecurityProfile sends every parameter, with 60 permissions. Each client has a profile of its own and sends
  two contents in turn, so that every call changes something. One call writes the profile and an audit record with the
  request and the profile before and after. Afterwards the audit records are counted: every answered call has one.
- Reads alongside updates come from the same clients as reads alone, in the same round, while %d other clients update.
  At a fixed rate an update is sent when it is due, even if earlier ones are not answered yet, and its time counts from
  then. Clients, server and both kinds of work share the cores, so part of what the reads lose is the work of the
  updates, and not waiting for them.
- Start to ready is the time from the start of the process to the first answer of /readyz; on the empty folder the
  server also makes its database and its access key. Memory is the resident memory of the process, %v after the last
  call.

### What the numbers mean

- Reads are answered from memory. Most of their cost is net/http and the signature, as the first two ratios show.
- A single client that updates waits for one flush of the disk per call, and so does bare SQLite. The rest of the time
  is HTTP, the signature, the rules and the audit record in the same transaction.
- Updates of many clients share flushes: those that arrive during one are committed with the next.

`, o.step, clients[updateMany], o.settle)
}

func (rep *apiFound) picture() string {
	var list []bar
	for _, r := range ratios {
		if rep.measured(r.a) {
			list = append(list, bar{r.name, rep.ratio(r.a, r.b), r.target})
		}
	}
	return bars(list)
}

// A bar is a ratio as it is drawn, with its target, 0 for none.
type bar struct {
	name string
	spread
	target float64
}

// bars draws ratios: a bar to the median, a line over the range, a mark at the target.
func bars(list []bar) string {
	const left, width, step, top = 250, 420, 34, 16
	most := 1.0
	for _, r := range list {
		most = max(most, r.max)
	}
	x := func(v float64) float64 { return left + v/most*width }
	height := top + len(list)*step + 28
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13" role="img" aria-label="Ratios of rates">`+
		"\n", left+width+90, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	for v := 0.0; v <= most+1e-9; v += 0.25 {
		fmt.Fprintf(&b, `<path d="M%.1f %d V%d" stroke="#ddd"/><text x="%.1[1]f" y="%[4]d" fill="#555" text-anchor="middle">%.2[5]f</text>`+
			"\n", x(v), top-6, height-26, height-8, v)
	}
	for i, r := range list {
		s, y := r.spread, float64(top+i*step)
		fmt.Fprintf(&b, `<text x="%d" y="%.1f" text-anchor="end">%s</text>`, left-10, y+15, r.name)
		fmt.Fprintf(&b, `<rect x="%d" y="%.1f" width="%.1f" height="20" fill="#5b8db8"/>`, left, y, x(s.median)-left)
		fmt.Fprintf(&b, `<path d="M%.1f %.1f H%.1f" stroke="#1d3c57" stroke-width="3"/>`, x(s.min), y+10, x(s.max))
		if r.target > 0 {
			fmt.Fprintf(&b, `<path d="M%.1f %.1f V%.1f" stroke="#c0392b" stroke-width="2"/><text x="%.1[1]f" y="%.1[4]f" fill="#c0392b" font-size="10" text-anchor="middle">target</text>`,
				x(r.target), y-4, y+24, y-5)
		}
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f">%.2f</text>`+"\n", x(s.max)+8, y+15, s.median)
	}
	b.WriteString("</svg>\n")
	return b.String()
}

package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lanyard/lanyard/bench/peer"
)

// decisionsFound is all that was found about decisions.
type decisionsFound struct {
	options options
	scales  []*scale
	asked   *evaluations
}

// over is the spread over the rounds of what f finds in one.
func (s *scale) over(f func(r *[contenders]float64) float64) spread {
	var values []float64
	for i := range s.rounds {
		values = append(values, f(&s.rounds[i]))
	}
	return newSpread(values)
}

// ratio is how many times as long a takes as b.
func (s *scale) ratio(a, b int) spread {
	return s.over(func(r *[contenders]float64) float64 { return r[a] / r[b] })
}

func (e *evaluations) over(f func(r *[exchanges]result) float64) spread {
	var values []float64
	for i := range e.rounds {
		values = append(values, f(&e.rounds[i]))
	}
	return newSpread(values)
}

func (e *evaluations) rate(i int) spread {
	return e.over(func(r *[exchanges]result) float64 { return r[i].rate })
}

func (e *evaluations) ratio(a, b int) spread {
	return e.over(func(r *[exchanges]result) float64 { return r[a].rate / r[b].rate })
}

// rivals are those that lanyard is to be so many times as fast as.
var rivals = []struct {
	contender int
	times     float64
}{{cedarSet, 25}, {opaQuery, 100}, {casbinLoaded, 200}, {openfgaServer, 200}}

// references are how many nanoseconds a tight lookup took on this kind of machine before there was a
// lanyard, by users of the instance. The bare lookup of the same run has become faster than that.
var references = map[int]float64{100: 138, tens: 196, anyUsers: 680}

func (d *decisionsFound) targets() []target {
	var list []target
	size := func(s *scale) string { return ", " + thousands(float64(s.users)) + " users" }
	for _, s := range d.scales {
		list = append(list, atMost("time of Decide ÷ bare lookup"+size(s), s.ratio(own, bareLookup), fixed(2), "", 1.5))
	}
	for _, s := range d.scales {
		if reference := references[s.users]; reference > 0 {
			list = append(list, atMost("time of Decide"+size(s), s.over(func(r *[contenders]float64) float64 { return r[own] }),
				fixed(0), " ns", 1.5*reference))
		}
	}
	for _, s := range d.scales {
		list = append(list, atMost("the same by user name"+size(s), s.ratio(ownByName, bareByName), fixed(2), "", 1.5))
	}
	for _, s := range d.scales {
		list = append(list, target{"allocations a decision" + size(s), strconv.FormatFloat(s.allocations, 'g', 3, 64), "0",
			verdict(s.allocations == 0)})
	}
	for _, r := range rivals {
		for _, s := range d.scales {
			what := "times as fast as " + contest[r.contender].name + size(s)
			switch {
			case s.has(r.contender):
				list = append(list, atLeast(what, s.ratio(r.contender, own), fixed(0), "", r.times))
			case s.missing[r.contender] != "":
				list = append(list, notMeasured(what, s.missing[r.contender], "≥ "+fixed(0)(r.times)))
			}
		}
	}
	for _, s := range d.scales {
		if s.users != tens {
			continue
		}
		list = append(list, atLeast("two goroutines ÷ one"+size(s), s.ratio(own, inPairs), fixed(2), "", 1.9))
		change := s.ratio(live, liveUpdated)
		list = append(list, target{fmt.Sprintf("with %s profile updates a second ÷ without%s",
			thousands(newSpread(s.updates).median), size(s)),
			change.format(fixed(2)), "0.9 to 1.1", verdict(change.median >= 0.9 && change.median <= 1.1)})
	}
	return append(list, d.asked.targets()...)
}

func (e *evaluations) targets() []target {
	p99 := e.over(func(r *[exchanges]result) float64 {
		return r[askedByToken].p99.Seconds() / r[trivialPost].p99.Seconds()
	})
	list := []target{
		atLeast("HTTP: evaluation, bearer token ÷ trivial handler", e.ratio(askedByToken, trivialPost), fixed(2), "", 0.85),
		atLeast("HTTP: evaluation, SigV4 ÷ trivial handler", e.ratio(askedSigned, trivialPost), fixed(2), "", 0.7),
		atMost("HTTP: 99th percentile ÷ trivial handler's", p99, fixed(2), "", 1.5),
	}
	for _, r := range []struct {
		rival int
		times float64
	}{{askedOPA, 3}, {askedOpenFGA, 8}} {
		what := "HTTP: evaluation ÷ " + exchanged[r.rival].name
		if e.missing[r.rival] != "" {
			list = append(list, notMeasured(what, e.missing[r.rival], "≥ "+fixed(0)(r.times)))
			continue
		}
		list = append(list, atLeast(what, e.ratio(askedByToken, r.rival), fixed(1), "", r.times))
	}
	for _, b := range []struct {
		exchange int
		what     string
	}{{batchOfOne, "HTTP: batches, one user and action, 100 resources"},
		{batchOfMany, "HTTP: batches, 100 different questions"}} {
		decisions := e.over(func(r *[exchanges]result) float64 { return r[b.exchange].rate * batched })
		list = append(list, atLeast(b.what, decisions, thousands, "/s", 1_000_000))
	}
	return append(list, below("HTTP: who can, first 100 of "+thousands(float64(e.manyUsers))+" users, median",
		e.latency(whoCan, func(r result) time.Duration { return r.p50 }), fixed(2), " ms", 5))
}

func notMeasured(what, why, wanted string) target {
	return target{what, "not measured: " + why, wanted, "not measured"}
}

func (d *decisionsFound) tables() []table {
	return []table{d.times(), d.ratios(), d.asked.rates()}
}

// perScale is a table with a column for each size of instance.
func (d *decisionsFound) perScale(what string, first int, cell func(s *scale, i int) string) table {
	t := table{head: []string{what}, align: "l"}
	for _, s := range d.scales {
		t.head = append(t.head, thousands(float64(s.users))+" users")
		t.align += "l"
	}
	for i := first; i < contenders; i++ {
		row := []string{contest[i].name}
		for _, s := range d.scales {
			switch {
			case s.has(i):
				row = append(row, cell(s, i))
			case s.missing[i] != "":
				row = append(row, "not measured: "+s.missing[i])
			default:
				row = append(row, "")
			}
		}
		t.rows = append(t.rows, row)
	}
	return t
}

func (d *decisionsFound) times() table {
	return d.perScale("time of a decision", 0, func(s *scale, i int) string {
		return s.over(func(r *[contenders]float64) float64 { return r[i] }).format(nanoseconds)
	})
}

func (d *decisionsFound) ratios() table {
	return d.perScale("time ÷ lanyard's", 1, func(s *scale, i int) string { return s.ratio(i, own).format(significant) })
}

func (e *evaluations) rates() table {
	t := table{head: []string{"over HTTP", "connections", "requests a second", "÷ trivial", "decisions a second", "p50",
		"p99"}, align: "lrllrrr"}
	for i, x := range exchanged {
		if why := e.missing[i]; why != "" {
			t.rows = append(t.rows, []string{x.name, strconv.Itoa(x.clients), "not measured: " + why, "", "", "", ""})
			continue
		}
		decisions := ""
		if x.decisions > 0 {
			decisions = thousands(e.rate(i).median * float64(x.decisions))
		}
		latency := func(f func(result) time.Duration) string {
			return short(time.Duration(e.latency(i, f).median * 1e6)).String()
		}
		t.rows = append(t.rows,
			[]string{x.name, strconv.Itoa(x.clients), e.rate(i).format(thousands), e.ratio(i, trivialPost).format(fixed(2)),
				decisions,
				latency(func(r result) time.Duration { return r.p50 }), latency(func(r result) time.Duration { return r.p99 })})
	}
	return t
}

func (d *decisionsFound) page(b *strings.Builder, picture string) {
	tables := d.tables()
	b.WriteString("## Decisions\n\n")
	targetTable(d.targets()).markdown(b)
	fmt.Fprintf(b, "\n![Time of a decision in process, by system and size of the instance](%s)\n\n", picture)
	for _, t := range tables {
		t.markdown(b)
		b.WriteByte('\n')
	}
	var questions []string
	var shares []float64
	for _, s := range d.scales {
		questions = append(questions, thousands(float64(s.questions)))
		shares = append(shares, 100*float64(s.allowed)/float64(s.questions))
	}
	fmt.Fprintf(b, `### How it was measured

- Every system has the same instance: %d profiles with %d permissions out of %d, five of eight restricted by one or two
  tags, by the holder's own hierarchy group, by a named group, or by both; a hierarchy of three levels; users with one
  to three profiles. Half of the questions are about a user, a quarter about a queue, a quarter about nothing in
  particular; there are %s of them, and %.0f to %.0f %% are allowed.
- Before anything is timed, every system answers every question and must give the same answers as lanyard.
- Each round takes every system in turn, for %v each in process and %v over HTTP. Ratios are taken within a round.
- The bare lookup is written by hand for these questions and nothing else: maps from the names of users, queues and
  permissions to numbers, permissions as bits, tags and groups as numbers. It can neither be updated nor say why.
- lanyard is asked by user id; a user name is tried as an id first. Its time is that of one call of Decide.
- cedar-go %s: users, queues and actions are entities, and there is one policy for each different condition, which was
  the fastest of the models tried. It evaluates every policy of a set. "Picked by hand" gives it only the policies of
  the user's profiles, found in a map outside cedar-go.
- OPA %s: a prepared query; data and inputs are in the form in which it evaluates, which is faster than JSON.
- casbin %s: an enforcer for each user with the policies of that user's profiles only; conditions are a function in Go.
- OpenFGA %s: its store in memory, permissions only, and only the questions without a resource; tags and hierarchy are
  not modelled.
- With updates: every decision uses the newest snapshot, while another goroutine applies updates of profiles, including
  their JSON, through the engine. Two goroutines ask the same snapshot.
- Over HTTP: %d connections kept open, and the load generator on the same cores, which sends requests that were made
  beforehand. The instance has %s users, OpenFGA's %s, that of the search %s. The trivial handler gets the same
  requests as lanyard and answers a fixed JSON object. OPA's and OpenFGA's servers, of the versions above, check no
  credentials.

`, peer.Profiles, peer.Permissions, peer.Names, strings.Join(slices.Compact(questions), " or "), slices.Min(shares),
		slices.Max(shares),
		d.options.ask, d.options.step,
		peer.Version("github.com/cedar-policy/cedar-go"), peer.Version("github.com/open-policy-agent/opa"),
		peer.Version("github.com/casbin/casbin/v3"), peer.Version("github.com/openfga/openfga"),
		connections, thousands(float64(d.asked.users)), thousands(float64(d.asked.fewUsers)),
		thousands(float64(d.asked.manyUsers)))
}

// picture draws the times of a decision on a logarithmic scale: for each system a bar per size of
// instance, to the median, with a line over the range.
func (d *decisionsFound) picture() string {
	const left, width, bar, top = 250, 460, 11, 30
	from, to := math.Inf(1), 0.0
	type line struct {
		contender int
		spreads   []spread // by scale; a zero one was not measured
	}
	var lines []line
	for _, i := range []int{own, bareLookup, cedarSet, cedarPicked, opaQuery, casbinLoaded, openfgaServer} {
		l := line{contender: i}
		for _, s := range d.scales {
			var sp spread
			if s.has(i) {
				sp = s.over(func(r *[contenders]float64) float64 { return r[i] })
				from, to = min(from, sp.min), max(to, sp.max)
			}
			l.spreads = append(l.spreads, sp)
		}
		lines = append(lines, l)
	}
	low, high := math.Floor(math.Log10(from)), math.Ceil(math.Log10(to))
	x := func(ns float64) float64 { return left + (math.Log10(ns)-low)/(high-low)*width }
	group := len(d.scales)*bar + 8
	height := top + len(lines)*group + 24
	shades := []string{"#c6dbef", "#9ecae1", "#6baed6", "#3182bd", "#08519c"}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="13" role="img" aria-label="Time of a decision">`+
		"\n", left+width+90, height)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	for i, s := range d.scales {
		fmt.Fprintf(&b, `<rect x="%d" y="6" width="12" height="12" fill="%s"/><text x="%d" y="16" font-size="11">%s users</text>`+
			"\n", left+i*115, shades[i%len(shades)], left+i*115+16, thousands(float64(s.users)))
	}
	for e := low; e <= high; e++ {
		at := x(math.Pow(10, e))
		fmt.Fprintf(&b, `<path d="M%.1f %d V%d" stroke="#ddd"/><text x="%.1[1]f" y="%[4]d" fill="#555" text-anchor="middle">%[5]s</text>`+
			"\n", at, top-4, height-24, height-8, power(e))
	}
	for n, l := range lines {
		y := top + n*group
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s</text>`+"\n", left-10, y+(group-8)/2+4,
			contest[l.contender].name)
		for i, s := range l.spreads {
			if s.median == 0 {
				continue
			}
			y := y + i*bar
			fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/><path d="M%.1f %.1f H%.1f" stroke="#1d3c57" stroke-width="2"/><text x="%.1f" y="%d" font-size="10">%s</text>`+"\n",
				left, y, x(s.median)-left, bar-1, shades[i%len(shades)], x(s.min), float64(y)+bar/2.0, x(s.max), x(s.max)+5, y+
					bar-2, nanoseconds(s.median))
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// power writes 10 to the power of e nanoseconds.
func power(e float64) string {
	unit := int(e) / 3
	return fmt.Sprintf("%.0f %s", math.Pow(10, e-float64(3*unit)), [...]string{"ns", "µs", "ms", "s"}[min(unit, 3)])
}

// nanoseconds writes a time with the unit that suits it.
func nanoseconds(ns float64) string {
	for _, unit := range []struct {
		name string
		size float64
	}{{"ms", 1e6}, {"µs", 1e3}} {
		if ns >= unit.size {
			return significant(ns/unit.size) + " " + unit.name
		}
	}
	return significant(ns) + " ns"
}

// significant writes a number with three digits, or all of its whole ones.
func significant(v float64) string {
	switch {
	case v < 9.995:
		return fixed(2)(v)
	case v < 99.95:
		return fixed(1)(v)
	}
	return thousands(v)
}

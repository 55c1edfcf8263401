package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (f *postgresFound) over(at func(r *[pgMeasurements]result) float64) spread {
	var values []float64
	for i := range f.rounds {
		values = append(values, at(&f.rounds[i]))
	}
	return newSpread(values)
}

func (f *postgresFound) ratio(a, b int) spread {
	return f.over(func(r *[pgMeasurements]result) float64 { return r[a].rate / r[b].rate })
}

// followedAt is a quantile, in milliseconds, over the rounds.
func (f *postgresFound) followedAt(percent int) spread {
	var values []float64
	for _, took := range f.follow {
		s := slices.Sorted(slices.Values(took))
		values = append(values, milliseconds(s[len(s)*percent/100]))
	}
	return newSpread(values)
}

// all is a quantile, in milliseconds, of all rounds together.
func (f *postgresFound) all(percent int) float64 {
	s := slices.Concat(f.follow...)
	slices.Sort(s)
	return milliseconds(s[len(s)*percent/100])
}

// pgRatios are those shown, with their targets.
var pgRatios = []struct {
	name   string
	a, b   int
	target float64
}{
	{"1 client ÷ bare", pgUpdate, pgBare, 0.6},
	{"16 clients ÷ bare", pgUpdateMany, pgBareMany, 0.6},
	{"16 clients of one instance ÷ bare", pgUpdateShared, pgBareMany, 0.6},
	{"three servers ÷ one", pgUpdateThree, pgUpdateMany, 0.9},
}

func (f *postgresFound) targets() []target {
	if f.missing {
		return nil
	}
	var list []target
	for _, r := range pgRatios {
		list = append(list, atLeast("UpdateSecurityProfile, "+r.name, f.ratio(r.a, r.b), fixed(2), "", r.target))
	}
	p99 := f.all(99)
	return append(list, target{"from the acknowledgement on one server to the decision of another, 99th percentile of " +
		strconv.Itoa(len(slices.Concat(f.follow...))),
		fixed(1)(p99) + " ms", "< 20 ms", verdict(p99 < 20)})
}

func (f *postgresFound) tables() []table {
	if f.missing {
		return nil
	}
	rates := table{head: []string{"what", "clients", "a second", "p50", "p99"}, align: "lrlrr"}
	for i, m := range pgNames {
		at := func(q func(result) time.Duration) string {
			times := f.over(func(r *[pgMeasurements]result) float64 { return float64(q(r[i])) })
			return short(time.Duration(times.median)).String()
		}
		rates.rows = append(rates.rows,
			[]string{m.name, strconv.Itoa(m.clients),
				f.over(func(r *[pgMeasurements]result) float64 { return r[i].rate }).format(thousands),
				at(func(r result) time.Duration { return r.p50 }), at(func(r result) time.Duration { return r.p99 })})
	}
	follow := table{head: []string{"acknowledged on one server, decided on by another", "median", "99th percentile"},
		align: "lll",
		rows: [][]string{{"by rounds", f.followedAt(50).format(fixed(1)) + " ms", f.followedAt(99).format(fixed(1)) +
			" ms"}}}
	return []table{rates, follow}
}

func (f *postgresFound) page(b *strings.Builder, picture string) {
	b.WriteString("## Servers on PostgreSQL\n\n")
	if f.missing {
		b.WriteString("Not measured: PostgreSQL is not installed here (`apt-get install postgresql-15`).\n\n")
		return
	}
	targetTable(f.targets()).markdown(b)
	fmt.Fprintf(b, "\n![The ratios, with the range over the rounds](%s)\n\n", picture)
	for _, t := range f.tables() {
		t.markdown(b)
		b.WriteByte('\n')
	}
	fmt.Fprintf(b, `### How it was measured

- PostgreSQL %s as its package configures it, with fsync, on the same disk as the other measurements. The database, the
  servers and the load generator share the cores, so three servers have no more of them than one.
- Bare PostgreSQL is pgx replacing one row of 2 KB per transaction, never with the same value twice, each connection a
  row of its own, with no HTTP. An update is a signed call over HTTP that writes the profile and an audit record; the
  audit records are counted afterwards.
- Each round takes every measurement in turn, for %v each, of which the first fifth is not counted.
- When others see a change: a change on one server gives or takes a permission, at a random moment. After its answer
  another server is asked for a decision every 0.2 ms or so until it shows the change; %d times a round.

`, f.version, f.options.step, f.options.followed())
}

func (f *postgresFound) picture() string {
	if f.missing {
		return ""
	}
	var list []bar
	for _, r := range pgRatios {
		list = append(list, bar{r.name, f.ratio(r.a, r.b), r.target})
	}
	return bars(list)
}

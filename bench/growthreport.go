package main

import (
	"fmt"
	"math"
	"strings"
	"time"
)

func spreadOf(list []result, f func(result) float64) spread {
	var values []float64
	for _, r := range list {
		values = append(values, f(r))
	}
	return newSpread(values)
}

func rateOf(r result) float64 { return r.rate }

func p50Of(r result) float64 { return r.p50.Seconds() * 1e9 }

func p99Of(r result) float64 { return r.p99.Seconds() * 1e9 }

// A curve is what was found for each size.
type curve struct {
	name string
	at   func(g *grown) float64
}

// A panel is a diagram of the picture: curves of one unit.
type panel struct {
	title  string
	format func(float64) string
	curves []curve
}

var panels = []panel{
	{"Start, and the first decision after it", func(v float64) string { return nanoseconds(v * 1e6) }, []curve{
		{"start to ready", func(g *grown) float64 { return newSpread(g.ready).median }},
		{"first decision", func(g *grown) float64 { return newSpread(g.first).median }},
	}},
	{"Memory resident", func(v float64) string { return significant(v) + " MB" }, []curve{
		{"before any question", func(g *grown) float64 { return g.empty }},
		{"with the instance loaded", func(g *grown) float64 { return g.full }},
	}},
	{"One decision over HTTP, one client", nanoseconds, []curve{
		{"median", func(g *grown) float64 { return spreadOf(g.decide, p50Of).median }},
		{"99th percentile", func(g *grown) float64 { return spreadOf(g.decide, p99Of).median }},
	}},
	{"UpdateSecurityProfile, median", nanoseconds, []curve{
		{"1 client", func(g *grown) float64 { return spreadOf(g.one, p50Of).median }},
		{"64 clients", func(g *grown) float64 { return spreadOf(g.many, p50Of).median }},
	}},
}

func (f *growthFound) largest() *grown { return &f.sizes[len(f.sizes)-1] }

func (f *growthFound) targets() []target {
	var list []target
	for i := range f.sizes {
		g := &f.sizes[i]
		size := thousands(float64(g.Users)) + " users"
		switch g.Users {
		case tens:
			list = append(list, below("first decision of a cold instance, "+size, newSpread(g.first), fixed(0), " ms", 100))
		case anyUsers:
			list = append(list, below("start to ready, "+size, newSpread(g.ready), fixed(0), " ms", 150))
		}
	}
	small, large := &f.sizes[0], f.largest()
	between := fmt.Sprintf(", %s ÷ %s users", thousands(float64(large.Users)), thousands(float64(small.Users)))
	times := func(what string, at func(g *grown) float64) target {
		return target{what + between, fixed(2)(at(large) / at(small)), "", ""}
	}
	return append(list,
		times("median of an update at one client", panels[3].curves[0].at),
		times("median of a decision over HTTP", panels[2].curves[0].at),
		times("start to ready", panels[0].curves[0].at))
}

func (f *growthFound) tables() []table {
	t := table{head: []string{"users", "profiles", "on disk", "ready", "first decision", "memory", "loaded",
		"decision p50", "update p50", "p99", "updates/s, 1 client", "64 clients"},
		align: "rrrrrrrrrrrr"}
	took := func(ns float64) string { return short(time.Duration(ns)).String() }
	for i := range f.sizes {
		g := &f.sizes[i]
		t.rows = append(t.rows,
			[]string{thousands(float64(g.Users)), thousands(float64(g.Profiles)), significant(g.disk) + " MB",
				fixed(0)(newSpread(g.ready).median) + " ms", fixed(1)(newSpread(g.first).median) + " ms", fixed(0)(g.empty) + " MB",
				fixed(0)(g.full) + " MB",
				took(spreadOf(g.decide, p50Of).median), took(spreadOf(g.one, p50Of).median), took(spreadOf(g.one, p99Of).median),
				thousands(spreadOf(g.one, rateOf).median), thousands(spreadOf(g.many, rateOf).median)})
	}
	return []table{t}
}

func (f *growthFound) page(b *strings.Builder, picture string) {
	b.WriteString("## As an instance grows\n\n")
	targetTable(f.targets()).markdown(b)
	fmt.Fprintf(b, "\n![Start, memory, decisions and updates as an instance grows](%s)\n\n", picture)
	f.tables()[0].markdown(b)
	fmt.Fprintf(b, `
### How it was measured

- Each instance is alone in a folder, made by `+"`lanyard gen`"+`, with one profile for every 20 users, but at least 10 and
  at most 500. Starts and first decisions are medians of %d, all else of %d rounds of %v each.
- The first decision finds nothing in memory: it waits until the instance has been read and compiled. Memory is the
  resident memory of the process, before that decision and %v after it.
- Decisions ask whether a random user may see another, with a bearer token, over one connection. Updates change the
  description and 60 permissions; each of 64 clients changes a profile of its own, if there are as many.

`, f.options.starts, f.options.rounds, f.options.step, f.options.settle)
}

// picture draws the panels, with both scales logarithmic: what does not grow is flat.
func (f *growthFound) picture() string {
	const width, height, left, top, gapX, gapY = 300, 150, 70, 44, 110, 84
	colours := []string{"#08519c", "#e6550d"}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" role="img" aria-label="What grows with an instance">`+"\n",
		left+2*width+gapX+20, top+2*height+gapY+50)
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	first, last := math.Log10(float64(f.sizes[0].Users)), math.Log10(float64(f.largest().Users))
	for n, p := range panels {
		ox, oy := float64(left+n%2*(width+gapX)), float64(top+n/2*(height+gapY))
		low, high := math.Inf(1), math.Inf(-1)
		for _, c := range p.curves {
			for i := range f.sizes {
				v := max(c.at(&f.sizes[i]), 1e-3)
				low, high = min(low, v), max(high, v)
			}
		}
		from, to := math.Floor(math.Log10(low)), math.Ceil(math.Log10(high))
		if to <= from {
			to = from + 1
		}
		x := func(users int) float64 {
			if last == first {
				return ox + width/2
			}
			return ox + (math.Log10(float64(users))-first)/(last-first)*width
		}
		y := func(v float64) float64 { return oy + height - (math.Log10(max(v, 1e-3))-from)/(to-from)*height }
		fmt.Fprintf(&b, `<text x="%.0f" y="%.0f" font-weight="bold">%s</text>`+"\n", ox, oy-26, p.title)
		for e := from; e <= to; e++ {
			v := math.Pow(10, e)
			fmt.Fprintf(&b, `<path d="M%.1f %.1f h%d" stroke="#ddd"/><text x="%.1f" y="%.1f" fill="#555" font-size="10" text-anchor="end">%s</text>`+
				"\n", ox, y(v), width, ox-6, y(v)+4, p.format(v))
		}
		for i := range f.sizes {
			fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" fill="#555" font-size="10" text-anchor="middle">%s</text>`+"\n",
				x(f.sizes[i].Users), oy+height+14, thousands(float64(f.sizes[i].Users)))
		}
		for k, c := range p.curves {
			var points []string
			for i := range f.sizes {
				g := &f.sizes[i]
				points = append(points, fmt.Sprintf("%.1f,%.1f", x(g.Users), y(c.at(g))))
				fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"><title>%s users: %s</title></circle>`+"\n", x(g.Users),
					y(c.at(g)), colours[k], thousands(float64(g.Users)), p.format(c.at(g)))
			}
			fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n", strings.Join(points, " "),
				colours[k])
			fmt.Fprintf(&b, `<rect x="%.0f" y="%.0f" width="10" height="10" fill="%s"/><text x="%.0f" y="%.0f" font-size="11">%s</text>`+
				"\n", ox+float64(k)*140, oy-18, colours[k], ox+float64(k)*140+14, oy-9, c.name)
		}
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle" fill="#555">users of the instance</text>`+"\n", left+width+
		gapX/2, top+2*height+gapY+40)
	b.WriteString("</svg>\n")
	return b.String()
}

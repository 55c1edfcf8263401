package main

import (
	"fmt"
	"strings"
	"time"
)

// progress shows the progress of a long command: a bar on a terminal, a line every few seconds elsewhere. It shows
// nothing for commands that end within a second. It is for use by one goroutine.
type progress struct {
	io    streams
	what  string
	began time.Time
	last  time.Time
	shown bool
}

func newProgress(io streams, what string) *progress {
	now := time.Now()
	return &progress{io: io, what: what, began: now, last: now}
}

// at notes that n of total are done; total is 0 if unknown.
func (p *progress) at(n, total int) {
	every := time.Second / 5
	if !p.io.errTerminal {
		every = 5 * time.Second
	}
	now := time.Now()
	if now.Sub(p.began) < time.Second || now.Sub(p.last) < every && n != total {
		return
	}
	p.last, p.shown = now, true
	line := fmt.Sprintf("%d %s", n, p.what)
	if total > 0 {
		const width = 30
		done := width * min(n, total) / total
		left := time.Duration(float64(now.Sub(p.began)) * float64(total-n) / float64(max(n, 1))).Round(time.Second)
		line = fmt.Sprintf("%3d %%  %d of %d %s, %v left", 100*n/total, n, total, p.what, left)
		if p.io.errTerminal {
			line = "[" + strings.Repeat("=", done) + strings.Repeat(" ", width-done) + "] " + line
		}
	}
	if p.io.errTerminal {
		fmt.Fprintf(p.io.errs, "\r\x1b[K%s", line)
		return
	}
	fmt.Fprintln(p.io.errs, line)
}

// end moves to the next line of the terminal.
func (p *progress) end() {
	if p.shown && p.io.errTerminal {
		fmt.Fprintln(p.io.errs)
	}
}

// tally is a progress that counts, towards an approximate total.
type tally struct {
	*progress
	done, total int64 // total is 0 if unknown
}

func (s streams) tally(what string, total int64) *tally {
	return &tally{progress: newProgress(s, what), total: total}
}

func (t *tally) add(n int64) {
	t.done += n
	if t.total > 0 {
		t.total = max(t.total, t.done+1)
	}
	t.at(int(t.done), int(t.total))
}

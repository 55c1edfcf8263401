package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// How fast a mirror may ask, and how long its source takes for each answer. The rate is ten times Amazon Connect's, so
// that a round takes a tenth of the time; what is measured is the time above that of the rate.
const (
	mirrorRate    = 20.0
	mirrorBurst   = 5
	mirrorLatency = 100 * time.Millisecond
)

// mirrorFound is what was found about mirrors.
type mirrorFound struct {
	options         options
	users, profiles int
	rounds          []mirrorRound
}

// A mirrorRound is one copy into an empty folder.
type mirrorRound struct {
	calls, resources int
	seconds          float64
}

// bound is the shortest time that the rate allows for the calls.
func (r mirrorRound) bound() float64 { return float64(r.calls-mirrorBurst) / mirrorRate }

// measureMirror copies a generated instance again and again.
func measureMirror(ctx context.Context, o options, bin, dir string) (_ *mirrorFound, err error) {
	found := &mirrorFound{options: o, users: 5000, profiles: 100}
	if o.short {
		found.users, found.profiles = 2000, 60
	}
	data := filepath.Join(dir, "mirror-source")
	fill := exec.CommandContext(ctx, bin, "gen", "--data="+data, "--region="+region, "--account="+account,
		"--users="+strconv.Itoa(found.users), "--profiles="+strconv.Itoa(found.profiles))
	if out, err := fill.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("generate the source of mirrors: %w\n%s", err, out)
	}
	source, err := startLanyard(ctx, bin, data)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := source.stop(); err == nil {
			err = e
		}
	}()
	slow := exec.CommandContext(ctx, bin, "fault", "set", "--data="+data, "--operation=*",
		"--latency="+mirrorLatency.String())
	if out, err := slow.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("slow the source of mirrors down: %w\n%s", err, out)
	}
	for i := range o.rounds {
		progress("mirror, round %d of %d", i+1, o.rounds)
		round, err := mirrorOnce(ctx, bin, source.addr, filepath.Join(dir, fmt.Sprint("mirror-", i)))
		if err != nil {
			return nil, err
		}
		found.rounds = append(found.rounds, round)
	}
	return found, nil
}

// mirrorOnce copies the only instance of a source.
func mirrorOnce(ctx context.Context, bin, addr, data string) (r mirrorRound, err error) {
	cmd := exec.CommandContext(ctx, bin, "mirror", "--data="+data, "--instance=gen-1-1", "--output=json",
		fmt.Sprint("--rate=", mirrorRate), fmt.Sprint("--burst=", mirrorBurst))
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL_CONNECT=http://"+addr, "AWS_REGION="+region,
		"AWS_ACCESS_KEY_ID="+accessKey, "AWS_SECRET_ACCESS_KEY="+secretKey, "AWS_PROFILE=", "AWS_SESSION_TOKEN=")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	began := time.Now()
	out, err := cmd.Output()
	if err != nil {
		return r, fmt.Errorf("mirror: %w\n%s", err, errs.Bytes())
	}
	r.seconds = time.Since(began).Seconds()
	var said struct{ Calls, Resources int }
	err = json.Unmarshal(out, &said)
	r.calls, r.resources = said.Calls, said.Resources
	return r, err
}

func (f *mirrorFound) over(at func(mirrorRound) float64) spread {
	var values []float64
	for _, r := range f.rounds {
		values = append(values, at(r))
	}
	return newSpread(values)
}

func (f *mirrorFound) targets() []target {
	return []target{atMost("a mirror ÷ the time that the rate allows for its calls",
		f.over(func(r mirrorRound) float64 { return r.seconds / r.bound() }), fixed(3), "", 1.05)}
}

func (f *mirrorFound) tables() []table {
	return []table{{head: []string{"users", "profiles", "resources", "calls", "seconds", "seconds that the rate allows"},
		align: "rrrrrr", rows: [][]string{{strconv.Itoa(f.users), strconv.Itoa(f.profiles),
			f.over(func(r mirrorRound) float64 { return float64(r.resources) }).format(fixed(0)),
			f.over(func(r mirrorRound) float64 { return float64(r.calls) }).format(fixed(0)),
			f.over(func(r mirrorRound) float64 { return r.seconds }).format(fixed(1)),
			f.over(mirrorRound.bound).format(fixed(1))}}}}
}

func (f *mirrorFound) picture() string { return "" }

func (f *mirrorFound) page(b *strings.Builder, _ string) {
	b.WriteString("## Mirrors\n\n")
	targetTable(f.targets()).markdown(b)
	b.WriteByte('\n')
	for _, t := range f.tables() {
		t.markdown(b)
		b.WriteByte('\n')
	}
	fmt.Fprintf(b, `A generated instance is copied from another lanyard into an empty folder, with the whole program: it starts, reads,
stores and ends. The source takes %v for each answer. Requests are paced at %v a second with a burst of %d, ten times
Amazon Connect's rate.

`, mirrorLatency, mirrorRate, mirrorBurst)
}

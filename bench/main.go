// Command bench measures lanyard, in turns with the bare parts that it is made of and with other decision engines, on
// the same machine, and writes docs/performance.md. It does not fail when a run is slow: it prints which targets were
// met. Run it in this folder.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

type options struct {
	out    string
	dir    string
	only   string // parts, separated by commas; "" for all
	bin    string // the program to measure; "" builds it
	rounds int
	step   time.Duration
	settle time.Duration // before memory is read
	starts int
	large  size
	ask    time.Duration // how long each contender is asked in process
	users  []int         // of the instances that are asked about in process
	search int           // users of the instance that is searched over HTTP
	growth []int         // users of the instances whose growth is measured
	short  bool
}

// size is that of the large instance.
type size struct{ profiles, users int }

func main() {
	o := options{settle: 10 * time.Second, starts: 5, large: size{10_000, 100_000},
		users: []int{100, tens, 100_000, anyUsers}, search: 100_000,
		growth: []int{10, 100, 1000, tens, 100_000, anyUsers}}
	flag.StringVar(&o.out, "out", "", "write the report here and its picture next to it, e.g. ../docs/performance.md")
	flag.StringVar(&o.dir, "dir", "../.cache", "folder on the disk to measure; what is made in it is removed")
	flag.IntVar(&o.rounds, "rounds", 5, "how often everything is measured in turn")
	flag.DurationVar(&o.step, "step", 3*time.Second, "how long each measurement takes")
	flag.StringVar(&o.only, "only", "", "measure and report only these `parts`, separated by commas: "+
		strings.Join(partNames, ", ")+";\nupdates is the part of api that writes")
	flag.StringVar(&o.bin, "bin", "", "measure this lanyard `program` instead of building one; its formats on disk must be the same")
	flag.BoolVar(&o.short, "short", false, "take a quick look: 2 rounds of half a second and a tenth of the data")
	serve := flag.String("serve", "", "be a `server` to compare with: trivial, sigv4, decision, mcp or drain; bench starts itself so")
	flag.Usage = usage
	flag.Parse()
	if o.short {
		o.rounds, o.step, o.settle, o.starts, o.large = 2, 500*time.Millisecond, time.Second, 2, size{1000, 10_000}
		o.users, o.search = []int{100, tens}, 10_000
		o.growth = []int{10, 1000, tens}
	}
	o.ask = (o.step / 6).Round(time.Millisecond)

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	var err error
	if *serve == "drain" {
		err = serveDrain(ctx)
	} else if *serve != "" {
		err = serveBaseline(ctx, *serve)
	} else {
		err = run(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// partNames are what -only takes.
var partNames = []string{"api", "updates", "decisions", "growth", "postgres", "tables", "plan", "mirror", "policytest", "lint",
	"gateway", "follow", "wasm"}

// usage prints what -h shows.
func usage() {
	fmt.Fprint(flag.CommandLine.Output(), `Usage: go run . [flags]

Measures lanyard on this machine and prints the figures and which targets were met. Everything takes about an hour and
should have the machine for itself. Examples:

  go run . -out ../docs/performance.md           measure everything and write the page (make bench)
  go run . -only updates,postgres                only the write path, on SQLite and on PostgreSQL
  go run . -only updates -bin /path/to/lanyard   the same of another build, with the same formats on disk
  go run . -only decisions -short                a quick look at decisions

Flags:
`)
	flag.PrintDefaults()
}

// selects reports whether a part is to be measured.
func (o options) selects(part string) bool {
	return o.only == "" && part != "updates" || slices.Contains(strings.Split(o.only, ","), part)
}

// check reports what is wrong with the options.
func (o options) check() error {
	if o.only == "" {
		return nil
	}
	for _, part := range strings.Split(o.only, ",") {
		if !slices.Contains(partNames, part) {
			return fmt.Errorf("-only must list parts out of %s, got %q", strings.Join(partNames, ", "), part)
		}
	}
	if o.selects("api") && o.selects("updates") {
		return errors.New("-only must list either api or updates, which is a part of it")
	}
	return nil
}

// progress says what is being done.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

func run(ctx context.Context, o options) error {
	if err := o.check(); err != nil {
		return err
	}
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(o.dir, "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	rep := &report{options: o, machine: describeMachine(dir), made: time.Now()}
	bin, err := o.program(ctx, dir)
	if err != nil {
		return err
	}
	if err := rep.measure(ctx, bin, dir); err != nil {
		return err
	}
	rep.print(os.Stdout)
	if o.out == "" {
		return nil
	}
	return rep.write(o.out)
}

// program returns the path of the program to measure, which it builds unless there is one.
func (o options) program(ctx context.Context, dir string) (string, error) {
	if o.bin != "" {
		return filepath.Abs(o.bin)
	}
	progress("building lanyard")
	bin := filepath.Join(dir, "lanyard")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", bin, "./cmd/lanyard")
	build.Dir = ".."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build lanyard: %w\n%s", err, out)
	}
	return bin, nil
}

// measure measures the parts.
func (rep *report) measure(ctx context.Context, bin, dir string) (err error) {
	o := rep.options
	switch {
	case o.selects("api"):
		rep.api, err = measureAPI(ctx, o, bin, dir)
	case o.selects("updates"):
		rep.api = &apiFound{options: o, updatesOnly: true}
		err = measureRates(ctx, rep.api, bin, dir)
	}
	if err != nil {
		return err
	}
	if o.selects("decisions") {
		rep.decisions = &decisionsFound{options: o}
		if rep.decisions.asked, err = measureEvaluations(ctx, o, bin, dir); err != nil {
			return err
		}
		if rep.decisions.scales, err = measureDecisions(ctx, o); err != nil {
			return err
		}
	}
	if o.selects("growth") {
		if rep.growth, err = measureGrowth(ctx, o, bin, dir); err != nil {
			return err
		}
	}
	if o.selects("postgres") {
		if rep.postgres, err = measurePostgres(ctx, o, bin, dir); err != nil {
			return err
		}
	}
	if o.selects("tables") {
		if rep.rows, err = measureTables(ctx, o, bin, dir); err != nil {
			return err
		}
	}
	if o.selects("plan") {
		if rep.plan, err = measurePlan(ctx, o, bin, dir); err != nil {
			return err
		}
	}
	if o.selects("mirror") {
		if rep.mirror, err = measureMirror(ctx, o, bin, dir); err != nil {
			return err
		}
	}
	if o.selects("lint") {
		if rep.lint, err = measureLint(ctx, o, bin, dir); err != nil {
			return err
		}
	}
	if o.selects("gateway") {
		if rep.gateway, err = measureGateway(ctx, o, bin, dir); err != nil {
			return err
		}
	}
	if o.selects("wasm") {
		if rep.wasm, err = measureWASM(ctx, o, dir); err != nil {
			return err
		}
	}
	if o.selects("follow") {
		if rep.follow, err = measureFollow(ctx, o, bin, dir); err != nil {
			return err
		}
	}
	if o.selects("policytest") {
		if rep.policyTests, err = measurePolicyTests(ctx, o, bin, dir); err != nil {
			return err
		}
	}
	return nil
}

// measureAPI measures starts, memory and rates.
func measureAPI(ctx context.Context, o options, bin, dir string) (*apiFound, error) {
	found := &apiFound{options: o}
	info, err := os.Stat(bin)
	if err != nil {
		return nil, err
	}
	found.binary = float64(info.Size()) / 1e6
	if err := measureStarts(ctx, found, bin, dir); err != nil {
		return nil, err
	}
	return found, measureRates(ctx, found, bin, dir)
}

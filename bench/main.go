// Command bench compares lanyard with what the same machine does bare, and with other people's
// decision engines, in turns, and writes docs/performance.md. It judges nothing but the targets it prints: however slow
// a run is, it does
// not fail. Run it in this folder.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

type options struct {
	out    string
	dir    string
	only   string
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
	flag.StringVar(&o.only, "only", "", "measure, and report, one part only: api, decisions, growth or postgres")
	flag.BoolVar(&o.short, "short", false, "a fast look: 2 rounds of half a second and a tenth of the data")
	serve := flag.String("serve", "", "be a server to compare with, trivial, sigv4 or decision; bench starts itself so")
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
	if *serve != "" {
		err = serveBaseline(ctx, *serve)
	} else {
		err = run(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// progress says what happens now.
func progress(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}

func run(ctx context.Context, o options) error {
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
	if !slices.Contains([]string{"", "api", "decisions", "growth", "postgres"}, o.only) {
		return fmt.Errorf("-only: %q is not accepted; api, decisions, growth and postgres are", o.only)
	}
	wanted := func(part string) bool { return o.only == "" || o.only == part }

	progress("building lanyard")
	bin := filepath.Join(dir, "lanyard")
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", bin, "./cmd/lanyard")
	build.Dir = ".."
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build lanyard: %w\n%s", err, out)
	}
	if wanted("api") {
		if rep.api, err = measureAPI(ctx, o, bin, dir); err != nil {
			return err
		}
	}
	if wanted("decisions") {
		rep.decisions = &decisionsFound{options: o}
		if rep.decisions.asked, err = measureEvaluations(ctx, o, bin, dir); err != nil {
			return err
		}
		if rep.decisions.scales, err = measureDecisions(ctx, o); err != nil {
			return err
		}
	}
	if wanted("growth") {
		if rep.growth, err = measureGrowth(ctx, o, bin, dir); err != nil {
			return err
		}
	}
	if wanted("postgres") {
		if rep.postgres, err = measurePostgres(ctx, o, bin, dir); err != nil {
			return err
		}
	}
	rep.print(os.Stdout)
	if o.out == "" {
		return nil
	}
	return rep.write(o.out)
}

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

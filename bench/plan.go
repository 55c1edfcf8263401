package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/lanyard/lanyard/internal/gen"
)

// planFound is how long lanyard plan takes, in seconds.
type planFound struct {
	options options
	size    gen.Size
	full    []float64 // every profile changes, and is tried on the copy
	empty   []float64 // nothing changes
}

// measurePlan measures plans of a template with all profiles of an instance, against a server.
func measurePlan(ctx context.Context, o options, bin, dir string) (*planFound, error) {
	f := &planFound{options: o, size: gen.Size{Profiles: 500, Users: 1000}}
	data, out := filepath.Join(dir, "plan"), filepath.Join(dir, "templates")
	defer os.RemoveAll(data)
	if _, err := hostGrown(ctx, bin, data, gen.New(1, f.size)); err != nil {
		return nil, err
	}
	s, err := startLanyard(ctx, bin, data)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, err
	}
	if _, err := f.run(ctx, bin, "export", "--data", data, "--out", out); err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(out, "*.yaml"))
	if err != nil {
		return nil, err
	}
	args := []string{"plan", "--data", data, "--stack", "bench", "--format", "json"}
	for _, name := range files {
		if base := filepath.Base(name); strings.HasPrefix(base, "SecurityProfile") || strings.HasPrefix(base, "UserHierarchy") {
			args = append(args, name)
		}
	}
	if f.full, err = f.repeat(ctx, bin, args); err != nil {
		return nil, err
	}
	args[0] = "apply"
	if _, err := f.run(ctx, bin, append(args[:5:5], args[7:]...)...); err != nil {
		return nil, err
	}
	args[0] = "plan"
	f.empty, err = f.repeat(ctx, bin, args)
	return f, err
}

func (f *planFound) repeat(ctx context.Context, bin string, args []string) (seconds []float64, err error) {
	for i := range f.options.rounds {
		progress("plan %d of %d", i+1, f.options.rounds)
		took, err := f.run(ctx, bin, args...)
		if err != nil {
			return nil, err
		}
		seconds = append(seconds, took.Seconds())
	}
	return seconds, nil
}

func (f *planFound) run(ctx context.Context, bin string, args ...string) (time.Duration, error) {
	began := time.Now()
	out, err := exec.CommandContext(ctx, bin, args...).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("lanyard %s: %w\n%s", args[0], err, out)
	}
	return time.Since(began), nil
}

func (f *planFound) targets() []target {
	return []target{below("plan of 500 profiles against a server, all to be changed", newSpread(f.full), fixed(2), " s", 2),
		below("the same when nothing is to be changed", newSpread(f.empty), fixed(2), " s", 2)}
}

func (f *planFound) tables() []table { return nil }

func (f *planFound) picture() string { return "" }

func (f *planFound) page(b *strings.Builder, _ string) {
	b.WriteString("## Plans\n\n")
	targetTable(f.targets()).markdown(b)
	fmt.Fprintf(b, "\nThe instance has %d profiles of its own and %d users. Each time is that of the whole command: it reads the "+
		"templates and the instance, tries every call on a copy, and compares who may do what.\n", f.size.Profiles, f.size.Users)
}

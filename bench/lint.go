package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/lanyard/lanyard/internal/gen"
)

// lintFound is how long lanyard lint takes, in seconds, and how much memory, in MB.
type lintFound struct {
	size            gen.Size
	seconds, memory []float64
}

// measureLint measures findings about an instance with many users, in a data folder.
func measureLint(ctx context.Context, o options, bin, dir string) (*lintFound, error) {
	f := &lintFound{size: gen.Size{Profiles: 500, Users: 100_000}}
	if o.short {
		f.size.Users = 10_000
	}
	data := filepath.Join(dir, "lint")
	defer os.RemoveAll(data)
	if _, err := hostGrown(ctx, bin, data, gen.New(1, f.size)); err != nil {
		return nil, err
	}
	for i := range o.rounds {
		progress("lint %d of %d", i+1, o.rounds)
		began := time.Now()
		cmd := exec.CommandContext(ctx, bin, "lint", "--data", data, "--format", "json", "--fail-on", "never")
		var errs strings.Builder
		cmd.Stderr = &errs
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		peak := watchPeak(cmd.Process.Pid)
		if err := cmd.Wait(); err != nil {
			return nil, fmt.Errorf("lanyard lint: %w\n%s", err, errs.String())
		}
		f.seconds = append(f.seconds, time.Since(began).Seconds())
		f.memory = append(f.memory, peak())
	}
	return f, nil
}

func (f *lintFound) targets() []target {
	return []target{
		below(fmt.Sprintf("lint of %d profiles and %s users", f.size.Profiles, thousands(float64(f.size.Users))),
			newSpread(f.seconds), fixed(2), " s", 3),
		below("memory for that", newSpread(f.memory), fixed(0), " MB", 1000),
	}
}

func (f *lintFound) tables() []table { return nil }

func (f *lintFound) picture() string { return "" }

func (f *lintFound) page(b *strings.Builder, _ string) {
	b.WriteString("## Lint\n\n")
	targetTable(f.targets()).markdown(b)
	b.WriteString("\nThe time is that of the whole command: it reads the instance out of the folder, looks for everything, and " +
		"writes the findings.\n")
}

// watchPeak returns a function that returns the most memory, in MB, that a process had until it ended. What the
// system says of it afterwards would count the memory that bench had when it began it.
func watchPeak(pid int) func() float64 {
	peak := make(chan float64, 1)
	go func() {
		kib := 0.0
		for {
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			m := highest.FindSubmatch(b)
			if err != nil || m == nil { // it has ended
				peak <- kib * 1024 / 1e6
				return
			}
			kib, _ = strconv.ParseFloat(string(m[1]), 64)
			time.Sleep(5 * time.Millisecond)
		}
	}()
	return func() float64 { return <-peak }
}

var highest = regexp.MustCompile(`(?m)^VmHWM:\s+(\d+) kB$`)

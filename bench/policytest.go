package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/gen"
)

// policyTestsFound is how long lanyard test takes, in seconds.
type policyTestsFound struct {
	options   options
	size      gen.Size
	questions int
	plain     []float64
	covered   []float64 // with --coverage, which explains every answer
}

// measurePolicyTests measures a file of questions about users, in tables, against a data folder.
func measurePolicyTests(ctx context.Context, o options, bin, dir string) (*policyTestsFound, error) {
	f := &policyTestsFound{options: o, size: gen.Size{Profiles: 500, Users: 1000}, questions: 10_000}
	data := filepath.Join(dir, "policytest")
	defer os.RemoveAll(data)
	world := gen.New(1, f.size)
	if _, err := hostGrown(ctx, bin, data, world); err != nil {
		return nil, err
	}
	tests, err := f.write(world)
	if err != nil {
		return nil, err
	}
	name := filepath.Join(dir, "bench.test.yaml")
	if err := os.WriteFile(name, []byte(tests), 0o600); err != nil {
		return nil, err
	}
	for i := range o.rounds {
		progress("policy tests %d of %d", i+1, o.rounds)
		for _, run := range []struct {
			seconds *[]float64
			flags   []string
		}{{&f.plain, nil}, {&f.covered, []string{"--coverage"}}} {
			began := time.Now()
			args := append([]string{"test", "--data", data, "--target", "instance:", name}, run.flags...)
			out, err := exec.CommandContext(ctx, bin, args...).CombinedOutput()
			if err != nil {
				return nil, fmt.Errorf("lanyard test: %w\n%s", err, out)
			}
			*run.seconds = append(*run.seconds, time.Since(began).Seconds())
		}
	}
	return f, nil
}

// write returns a file of tables with the right answers: each asks what ten users may do to ten others.
func (f *policyTestsFound) write(w *gen.World) (string, error) {
	var resources []lanyard.Resource
	for _, g := range w.Groups {
		resources = append(resources, g)
	}
	for _, p := range w.Profiles {
		resources = append(resources, p)
	}
	for i := range f.size.Users {
		resources = append(resources, w.User(i))
	}
	s, err := access.New(&lanyard.Instance{Meta: lanyard.Meta{ID: "bench"}}, resources...)
	if err != nil {
		return "", err
	}
	const side = 10
	r := rand.New(rand.NewPCG(1, 1))
	permissions := []string{"Users.View", "Users.Edit", "Users.EditPermission", "Users.Delete"}
	var b strings.Builder
	b.WriteString("tests:\n")
	for t := range f.questions / side / side {
		permission := permissions[t%len(permissions)]
		fmt.Fprintf(&b, "- permission: %s\n  table:\n  - [user", permission)
		var columns [side]string
		for i := range columns {
			columns[i] = w.User(r.IntN(f.size.Users)).Name
			fmt.Fprintf(&b, ", User/%s", columns[i])
		}
		b.WriteString("]\n")
		for range side {
			user := w.User(r.IntN(f.size.Users)).Name
			fmt.Fprintf(&b, "  - [%s", user)
			for _, other := range columns {
				d := s.Decide(&access.Query{Subject: access.Subject{ID: user}, Action: permission,
					Resource: access.Resource{Type: access.TypeUser, ID: other}})
				b.WriteString(map[bool]string{true: ", allow", false: ", deny"}[d.Allow])
			}
			b.WriteString("]\n")
		}
	}
	return b.String(), nil
}

func (f *policyTestsFound) targets() []target {
	return []target{below("10,000 policy tests of 500 profiles and 1,000 users", newSpread(f.plain), fixed(2), " s", 1),
		below("the same with coverage", newSpread(f.covered), fixed(2), " s", 1)}
}

func (f *policyTestsFound) tables() []table { return nil }

func (f *policyTestsFound) picture() string { return "" }

func (f *policyTestsFound) page(b *strings.Builder, _ string) {
	b.WriteString("## Policy tests\n\n")
	targetTable(f.targets()).markdown(b)
	fmt.Fprintf(b, "\nThe instance has %d profiles of its own and %d users. Each time is that of the whole command: it reads the "+
		"file and the data folder, asks every question and compares.\n", f.size.Profiles, f.size.Users)
}

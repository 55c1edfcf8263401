package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lanyard/lanyard/bench/peer"
)

// wasmFound is how engines in WebAssembly decide in Node.js about one subject.
type wasmFound struct {
	engines            [3]wasmEngine
	questions, allowed float64
	node, opa, cedar   string // versions
	subjects           int
}

// The engines, in the order in which they are asked in a round.
const (
	ownWASM = iota
	opaWASM
	cedarWASM
)

// wasmEngine is what was found about one.
type wasmEngine struct {
	bytes, compressed float64
	decision          []float64 // in nanoseconds
	load              []float64 // in milliseconds
}

// measureWASM asks lanyard's module, OPA's and Cedar's. It returns nil where Node.js is missing.
func measureWASM(ctx context.Context, o options, dir string) (*wasmFound, error) {
	if _, err := exec.LookPath("npm"); err != nil {
		progress("engines in WebAssembly: skipped, Node.js (with npm) is not installed")
		return nil, nil
	}
	progress("building the engines in WebAssembly, and asserting that all answer alike")
	f := &wasmFound{subjects: 20}
	subjects, policy, err := f.prepare(dir)
	if err != nil {
		return nil, err
	}
	for _, step := range []struct {
		dir  string
		args []string
	}{
		{"wasm", []string{"npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"}},
		{"../packages/decide-js", []string{"npm", "ci", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"}},
		{"../packages/decide-js", []string{"npm", "run", "--silent", "build"}},
		{"..", []string{"bash", ".ci/wasm", "packages/decide-js/dist/lanyard.wasm"}},
	} {
		if _, err := output(ctx, step.dir, step.args...); err != nil {
			return nil, err
		}
	}
	lanyard, err := filepath.Abs("../packages/decide-js/dist")
	if err != nil {
		return nil, err
	}
	for round := range o.rounds {
		for i, name := range []string{"lanyard", "opa", "cedar"} {
			out, err := output(ctx, "wasm", "node", "ask.mjs", name, subjects, policy, lanyard,
				strconv.FormatInt(o.step.Milliseconds(), 10))
			if err != nil {
				return nil, err
			}
			if err := f.add(&f.engines[i], out); err != nil {
				return nil, err
			}
		}
		progress("engines in WebAssembly, round %d of %d: lanyard %s", round+1, o.rounds,
			nanoseconds(f.engines[ownWASM].decision[round]))
	}
	return f, f.readVersions(ctx)
}

// add adds what a round found.
func (f *wasmFound) add(e *wasmEngine, out []byte) error {
	var found struct{ Bytes, Compressed, Decision, Load, Questions, Allowed float64 }
	if err := json.Unmarshal(out, &found); err != nil {
		return err
	}
	f.questions, f.allowed = found.Questions, found.Allowed
	e.bytes, e.compressed = found.Bytes, found.Compressed
	e.decision, e.load = append(e.decision, found.Decision), append(e.load, found.Load)
	return nil
}

// prepare writes what is asked, and OPA's policy, and returns their paths.
func (f *wasmFound) prepare(dir string) (subjects, policy string, err error) {
	all, keys, err := peer.NewWorld(tens, 4096).Subjects(f.subjects, 200)
	if err != nil {
		return "", "", err
	}
	b, err := peer.WriteSubjects(all, keys)
	if err != nil {
		return "", "", err
	}
	wasm, err := peer.SubjectWASM()
	if err != nil {
		return "", "", err
	}
	subjects, policy = filepath.Join(dir, "subjects.json"), filepath.Join(dir, "policy.wasm")
	return subjects, policy, errors.Join(os.WriteFile(subjects, b, 0o600), os.WriteFile(policy, wasm, 0o600))
}

// output runs a command in a folder and returns what it prints.
func output(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir = dir
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s", strings.Join(args, " "), err, errs.String())
	}
	return out, nil
}

// readVersions reads the versions of what was asked.
func (f *wasmFound) readVersions(ctx context.Context) error {
	node, err := output(ctx, "wasm", "node", "--version")
	if err != nil {
		return err
	}
	f.node = strings.TrimPrefix(strings.TrimSpace(string(node)), "v")
	b, err := os.ReadFile("wasm/package.json")
	if err != nil {
		return err
	}
	var named struct{ Dependencies map[string]string }
	if err := json.Unmarshal(b, &named); err != nil {
		return err
	}
	f.opa, f.cedar = named.Dependencies["@open-policy-agent/opa-wasm"], named.Dependencies["@cedar-policy/cedar-wasm"]
	return nil
}

// quotients are how many times as long one takes as the other, round by round.
func quotients(of, to []float64) (all []float64) {
	for i := range of {
		all = append(all, of[i]/to[i])
	}
	return all
}

func scaled(values []float64, by float64) (all []float64) {
	for _, v := range values {
		all = append(all, v*by)
	}
	return all
}

func (f *wasmFound) targets() []target {
	own := f.engines[ownWASM]
	return []target{
		below("a decision in WebAssembly", newSpread(scaled(own.decision, 1e-3)), fixed(2), " µs", 20),
		below("the module, compressed", newSpread([]float64{own.compressed / 1e6}), fixed(2), " MB", 3),
		atLeast("OPA's WebAssembly takes", newSpread(quotients(f.engines[opaWASM].decision, own.decision)), fixed(1),
			" times as long", 1),
		atLeast("Cedar's WebAssembly takes", newSpread(quotients(f.engines[cedarWASM].decision, own.decision)), fixed(1),
			" times as long", 1),
	}
}

func (f *wasmFound) tables() []table {
	t := table{head: []string{"engine in WebAssembly", "µs a decision", "against lanyard", "ms to load a subject",
		"MB", "MB compressed"}, align: "lrrrrr"}
	for i, name := range []string{"lanyard", "OPA, opa-wasm " + f.opa, "Cedar, cedar-wasm " + f.cedar} {
		e := f.engines[i]
		t.rows = append(t.rows, []string{name, newSpread(scaled(e.decision, 1e-3)).format(fixed(2)),
			newSpread(quotients(e.decision, f.engines[ownWASM].decision)).format(fixed(1)) + " ×",
			newSpread(e.load).format(fixed(1)), fixed(2)(e.bytes / 1e6), fixed(2)(e.compressed / 1e6)})
	}
	return []table{t}
}

func (f *wasmFound) picture() string { return "" }

func (f *wasmFound) page(b *strings.Builder, _ string) {
	b.WriteString("## Decisions in WebAssembly\n\n")
	targetTable(f.targets()).markdown(b)
	b.WriteByte('\n')
	f.tables()[0].markdown(b)
	fmt.Fprintf(b, "\nNode.js %s asks each engine the same %s questions of %d users in turns, of which %s are allowed; all give "+
		"the same answers. Each engine has the rights of one user at a time: lanyard a signed snapshot, OPA a policy that it "+
		"compiled to WebAssembly and that user's data, Cedar a set of policies that was parsed before. Times include what "+
		"carries a question into the module and the answer out of it. Loading lanyard's snapshot includes verifying its "+
		"signature; OPA and Cedar verify nothing. OPA compiles a policy of its own into each module; lanyard's and Cedar's "+
		"are the same for all.\n", f.node, thousands(f.questions), f.subjects, thousands(f.allowed))
}

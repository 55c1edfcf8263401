package main

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// TestChangesAreConfirmed expects a question on a terminal before templates change an instance, and none elsewhere, for
// saved plans, with --yes, and when nothing would change.
func TestChangesAreConfirmed(t *testing.T) {
	t.Parallel()
	dir, plan := t.TempDir(), filepath.Join(t.TempDir(), "saved.plan")
	start(t, built(t, ""), dir, "--demo").ready()
	file := stackTemplate(t, 1)
	const question = "Enter yes to continue"
	terminal := streams{inTerminal: true, errTerminal: true}
	for _, step := range []struct {
		name, answer string
		at           streams
		args         []string
		status       int
		asked        bool
		done, says   string
	}{
		{"declined", "no\n", terminal, []string{"apply", file}, 1, true, "", "not confirmed; nothing was changed"},
		{"without an answer", "", terminal, []string{"apply", file}, 1, true, "", "nothing was changed"},
		{"to be saved", "", terminal, []string{"plan", file, "--out", plan}, 0, false, "1 to create", ""},
		{"saved", "", terminal, []string{"apply", plan}, 0, false, "Applied: 1 of 1", ""},
		{"destruction declined", "y\n", terminal, []string{"destroy", file}, 1, true, "", "nothing was changed"},
		{"dry run", "", terminal, []string{"destroy", file, "--dry-run"}, 0, false, "1 to delete", ""},
		{"destruction without asking", "", terminal, []string{"destroy", file, "--yes"}, 0, false, "Applied: 1 of 1", ""},
		{"confirmed", "yes\n", terminal, []string{"apply", file}, 0, true, "Applied: 1 of 1", ""},
		{"nothing to change", "", terminal, []string{"apply", file}, 0, false, "Nothing to change", ""},
		{"not a terminal", "", streams{errTerminal: true}, []string{"destroy", file}, 0, false, "Applied: 1 of 1", ""},
		{"only the output is one", "yes\n", streams{inTerminal: true, outTerminal: true}, []string{"apply", file}, 0, true,
			"Applied: 1 of 1", ""},
	} {
		var out, errs bytes.Buffer
		s := step.at
		s.ctx, s.in, s.out, s.errs = t.Context(), strings.NewReader(step.answer), &out, &errs
		status := runProgram(s, append(step.args, "--data", dir))
		asked := strings.Contains(out.String()+errs.String(), question)
		if status != step.status || asked != step.asked || !strings.Contains(out.String(), step.done) ||
			!strings.Contains(errs.String(), step.says) || step.done == "" && strings.Contains(out.String(), "Applied") {
			t.Errorf("%s: status %d, asked %t, output\n%s%s", step.name, status, asked, out.String(), errs.String())
		}
	}
}

// TestInterruptedQuestion expects that an interruption ends a question that nobody answers.
func TestInterruptedQuestion(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	stop()
	in, _ := io.Pipe()
	var errs bytes.Buffer
	err := streams{ctx: ctx, in: in, errs: &errs, inTerminal: true, errTerminal: true}.confirm("Change it?")
	if err == nil || !strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("interrupted: %v", err)
	}
}

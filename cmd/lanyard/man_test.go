package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestManPages writes the pages of all commands and has the formatters check them.
func TestManPages(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	dir := filepath.Join(t.TempDir(), "man1")
	run := streams{ctx: t.Context(), out: io.Discard, errs: os.Stderr}
	if status := runProgram(run, []string{"man", "--dir", dir}); status != 0 {
		t.Fatalf("status %d", status)
	}
	pages, err := filepath.Glob(dir + "/*.1")
	if err != nil {
		t.Fatal(err)
	}
	want := 1
	for _, n := range modelOf(t).Leaves(true) {
		if _, err := os.Stat(filepath.Join(dir, manName(n)+".1")); err != nil {
			t.Error(err)
		}
		want++
	}
	if len(pages) < want {
		t.Errorf("%d pages of at least %d commands", len(pages), want)
	}
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(page), ".1")
		if !strings.HasPrefix(string(text), `.TH "`+strings.ReplaceAll(strings.ToUpper(name), "-", `\-`)+`" "1" "2023-11-14"`) {
			t.Errorf("%s begins %.60s", name, text)
		}
		if strings.Contains(string(text), "__complete") {
			t.Errorf("%s mentions a hidden command", name)
		}
	}
	t.Run("mandoc", func(t *testing.T) { lintPages(t, pages, "mandoc", "-Tlint", "-W", "warning") })
	t.Run("groff", func(t *testing.T) { lintPages(t, pages, "groff", "-man", "-Tutf8", "-ww", "-z") })
	t.Run("man", func(t *testing.T) { showPage(t, filepath.Join(dir, "lanyard-check.1")) })
}

// lintPages fails if a formatter says anything about a page.
func lintPages(t *testing.T, pages []string, name string, args ...string) {
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("SKIPPED: %s is not installed", name)
	}
	for _, page := range pages {
		out, err := exec.Command(name, append(args, page)...).CombinedOutput()
		if err != nil || len(out) > 0 {
			t.Errorf("%s: %v\n%s", filepath.Base(page), err, out)
		}
	}
}

// showPage shows a page as a reader sees it: with the examples of the help in their form, and dashes that can be
// pasted.
func showPage(t *testing.T, page string) {
	if _, err := exec.LookPath("man"); err != nil {
		t.Skip("SKIPPED: man is not installed")
	}
	man := exec.Command("man", "-l", page)
	man.Env = append(os.Environ(), "MANWIDTH=200", "MANPAGER=cat", "LC_ALL=C.UTF-8")
	out, err := man.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"lanyard-check - ask whether a user may do something",
		"lanyard check [FLAGS] USER PERMISSION [RESOURCE]",
		"--output=auto|table|json",
		"(default: auto; environment: LANYARD_OUTPUT)",
		"\n           lanyard check claire.dubois Users.View User/jonas.becker --explain\n",
		"ai-agent/… orders___GetOrder",
		"SEE ALSO",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the page has no %q:\n%s", want, out)
		}
	}
}

func TestEscapeRoff(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"plain", "plain"}, {"--flag", `\-\-flag`}, {`a\b`, `a\eb`}, {".TH", `\&.TH`}, {"a\n.b\n'c", "a\n\\&.b\n\\&'c"},
		{"it's 1.5", "it's 1.5"}, {"…", `\[u2026]`},
	} {
		if got := escapeRoff(tt.text); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

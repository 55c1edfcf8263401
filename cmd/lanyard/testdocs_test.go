package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestPolicyTestDocs runs each example file of the page about policy tests on the demo instance. All questions pass.
func TestPolicyTestDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/policy-tests.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	_, stop := serving(t, "--data", filepath.Join(dir, "data"), "--demo")
	stop()
	blocks := regexp.MustCompile("(?s)\n```yaml\n(.*?)```").FindAllSubmatch(page, -1)
	if len(blocks) < 6 {
		t.Fatalf("the page has %d examples", len(blocks))
	}
	for i, block := range blocks {
		name := filepath.Join(dir, fmt.Sprintf("example%d.test.yaml", i))
		if err := os.WriteFile(name, block[1], 0o600); err != nil {
			t.Fatal(err)
		}
		var out, errs strings.Builder
		run := streams{ctx: t.Context(), in: strings.NewReader(""), out: &out, errs: &errs}
		if status := runProgram(run, []string{"test", "--data", filepath.Join(dir, "data"), name}); status != 0 {
			t.Errorf("status %d of\n%s\n%s%s", status, block[1], out.String(), errs.String())
		}
	}
	// What the page shows of a test that fails is what the program prints.
	_, shown, _ := strings.Cut(string(page), "with the place in the file:\n\n```text\n")
	shown, _, _ = strings.Cut(shown, "```")
	name := filepath.Join(dir, "access.test.yaml")
	example := regexp.MustCompile("(?s)<<'EOF'\n(.*?)EOF\n").FindSubmatch(page)
	failing := strings.Replace(string(example[1]), "User/hugo.moreau", "User/jonas.becker", 1)
	if err := os.WriteFile(name, []byte(failing), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	run := streams{ctx: t.Context(), out: &out, errs: io.Discard}
	status := runProgram(run, []string{"test", "--data", filepath.Join(dir, "data"), name})
	if got := strings.ReplaceAll(out.String(), dir+"/", ""); status != 1 || !strings.HasPrefix(got, shown) {
		t.Errorf("status %d, and it prints\n%s\nbut the page shows\n%s", status, got, shown)
	}
}

package mirror_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/lanyard/lanyard/internal/mirror"
)

var update = flag.Bool("update", false, "write docs/mirror.md instead of comparing it")

// TestPage holds docs/mirror.md to the code: the policy and the operations are made from it.
func TestPage(t *testing.T) {
	const file = "../../docs/mirror.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	policy, err := mirror.Policy("arn:aws:connect:REGION:ACCOUNT:instance/INSTANCE", false)
	if err != nil {
		t.Fatal(err)
	}
	table := "| operation | what it tells | one request for each |\n| --- | --- | --- |\n"
	for _, op := range mirror.Operations() {
		each := op.Each
		if op.Complete {
			each += ", with `--details`"
		}
		table += fmt.Sprintf("| `%s` | %s | %s |\n", op.Name, op.Reads, each)
	}
	want := string(text)
	for section, content := range map[string]string{"policy": "```json\n" + string(policy) + "```\n", "operations": table} {
		part := regexp.MustCompile(`(?s)<!-- ` + section + ` -->\n.*?<!-- end -->`)
		if !part.MatchString(want) {
			t.Fatalf("%s has no section %s", file, section)
		}
		want = part.ReplaceAllLiteralString(want, "<!-- "+section+" -->\n"+content+"<!-- end -->")
	}
	want = strings.ReplaceAll(want, "| \n", "|\n")
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(text) != want {
		t.Errorf("%s does not say what the code says; run go test ./internal/mirror -run TestPage -update", file)
	}
}

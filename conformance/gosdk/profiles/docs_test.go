// Package profiles has the tests that docs/testing.md shows, as they are there.
package profiles

import (
	"os"
	"regexp"
	"testing"
)

// A block is a file that the page shows.
var block = regexp.MustCompile("(?ms)^```(?:go|yaml) (\\S+)\n(.*?)^```$")

func TestDocsShowTheseFiles(t *testing.T) {
	page, err := os.ReadFile("../../../docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, m := range block.FindAllSubmatch(page, -1) {
		name := string(m[1])
		shown[name] = true
		if have, err := os.ReadFile(name); err != nil || string(have) != string(m[2]) {
			t.Errorf("docs/testing.md shows another %s than is tested here (%v)", name, err)
		}
	}
	for _, name := range []string{"profiles_test.go", "team_test.go", "faults_test.go", "team.yaml"} {
		if !shown[name] {
			t.Errorf("docs/testing.md does not show %s", name)
		}
	}
}

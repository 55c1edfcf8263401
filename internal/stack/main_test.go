package stack

import (
	"flag"
	"os"
	"testing"
)

// TestMain tries the properties on 25 random instances each, unless -rapid.checks says otherwise: each is planned and
// applied as a whole. make properties tries more.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		flag.Set("rapid.checks", "25")
	}
	os.Exit(m.Run())
}

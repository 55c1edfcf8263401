package lanyard_test

import (
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
)

func TestClip(t *testing.T) {
	long := strings.Repeat("a", 127)
	for _, tt := range []struct{ name, in, want string }{
		{"short", "é\xff", "é\xff"},
		{"as long as may be", long + "b", long + "b"},
		{"longer", long + "bc", long + "b…"},
		{"not within a character", long + "é", long + "…"},
		{"nor anything that is no text", "\xff" + long + "b", long + "…"},
	} {
		if got := lanyard.Clip(tt.in); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if got, want := lanyard.Quote("a\"\n"), `"a\"\n"`; got != want {
		t.Errorf("quoted: %s, want %s", got, want)
	}
	if got := lanyard.ClipTo("abc", 2); got != "ab…" {
		t.Errorf("to two bytes: %s", got)
	}
}

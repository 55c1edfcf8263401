package lanyard_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lanyard/lanyard"
)

// FoldCase makes of two texts the same exactly if strings.EqualFold takes them for equal.
func TestFoldCase(t *testing.T) {
	for _, tt := range []struct{ a, b string }{
		{"Straße", "STRAßE"}, {"K", "\u212a"}, {"s", "\u017f"}, {"Ångström", "\u212bngström"}, {"σ", "ς"}, {"", ""},
	} {
		if x, y := lanyard.FoldCase(tt.a), lanyard.FoldCase(tt.b); x != y {
			t.Errorf("%q becomes %q, and %q becomes %q", tt.a, x, tt.b, y)
		}
	}
	letter := rapid.SampledFrom([]rune("aAkK\u212asS\u017fßẞåÅ\u212bσςΣiİıI1 -"))
	rapid.Check(t, func(t *rapid.T) {
		draw := rapid.OneOf(rapid.StringOfN(letter, 0, 4, -1), rapid.StringN(0, 4, -1))
		a, b := draw.Draw(t, "a"), draw.Draw(t, "b")
		x, y := lanyard.FoldCase(a), lanyard.FoldCase(b)
		if (x == y) != strings.EqualFold(a, b) || lanyard.FoldCase(x) != x {
			t.Errorf("%q becomes %q, and %q becomes %q; EqualFold: %v", a, x, b, y, strings.EqualFold(a, b))
		}
	})
}

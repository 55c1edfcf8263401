package typo

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNearest(t *testing.T) {
	names := []string{"Users.View", "Users.Edit", "Users.EditPermission", "Queues.View", "ab"}
	for _, tt := range []struct{ name, got, want string }{
		{"two letters swapped", "Users.Veiw", "Users.View"},
		{"another case", "USERS.VIEW", "Users.View"},
		{"the name itself", "Queues.View", "Queues.View"},
		{"a letter missing", "Users.EditPermision", "Users.EditPermission"},
		{"too many wrong letters", "Users.Zzzz", ""},
		{"another word", "Reports.Publish", ""},
		{"too short for a wrong letter", "aa", ""},
		{"nothing", "", ""},
		{"a text that is no name", strings.Repeat("Users.View", 100), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Nearest(tt.got, names); got != tt.want {
				t.Errorf("the nearest to %q is %q, want %q", tt.got, got, tt.want)
			}
		})
	}
}

func TestDidYouMean(t *testing.T) {
	if got := DidYouMean("alow", []string{"deny", "allow"}); got != "; did you mean allow?" {
		t.Errorf("got %q", got)
	}
	if got := DidYouMean("perhaps", []string{"deny", "allow"}); got != "" {
		t.Errorf("got %q", got)
	}
}

// distance is Distance as it is defined, without bounds.
func distance(a, b string) int {
	if a == "" || b == "" {
		return len(a) + len(b)
	}
	d := min(distance(a[1:], b), distance(a, b[1:])) + 1
	if a[0] == b[0] {
		d = min(d, distance(a[1:], b[1:]))
	} else {
		d = min(d, distance(a[1:], b[1:])+1)
	}
	if len(a) > 1 && len(b) > 1 && a[0] == b[1] && a[1] == b[0] {
		d = min(d, distance(a[2:], b[2:])+1)
	}
	return d
}

func TestDistance(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ab]{0,6}`)
		a, b, most := text.Draw(t, "a"), text.Draw(t, "b"), rapid.IntRange(0, 7).Draw(t, "most")
		if got, want := Distance(a, b, most), min(distance(a, b), most+1); got != want {
			t.Errorf("%q and %q differ in %d, want %d", a, b, got, want)
		}
	})
}

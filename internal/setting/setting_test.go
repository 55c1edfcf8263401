package setting

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestValues(t *testing.T) {
	for _, tt := range []struct {
		text        string
		count, size string // the value, or part of the error
	}{
		{"1", "1", "1B"},
		{"600", "600", "600B"},
		{"unlimited", "-1", "unlimited"},
		{"1MiB", "must be a whole number of at least 1, or unlimited", "1MiB"},
		{"1536KiB", "must be", "1536KiB"},
		{"2048KiB", "must be", "2MiB"},
		{"3GiB", "must be", "3GiB"},
		{"10B", "must be", "10B"},
		{"0", "must be", "must be a whole number of bytes, KiB, MiB, GiB or TiB, such as 256MiB, or unlimited, got \"0\""},
		{"-1", "must be", "must be"},
		{"1.5MiB", "must be", "must be"},
		{"9999999999999TiB", "must be", "must be"},
		{"", "must be", "must be"},
	} {
		var c Count
		var s Size
		count, size := c.UnmarshalText([]byte(tt.text)), s.UnmarshalText([]byte(tt.text))
		for _, got := range []struct{ err, value, want string }{{fmt.Sprint(count), fmt.Sprint(int64(c)), tt.count},
			{fmt.Sprint(size), s.String(), tt.size}} {
			if got.err == "<nil>" && got.value != got.want ||
				got.err != "<nil>" && (!strings.HasPrefix(got.want, "must be") || !strings.HasPrefix(got.err, got.want)) {
				t.Errorf("%q is %s, %s; want %s", tt.text, got.value, got.err, got.want)
			}
		}
	}
	if Count(None).Allows(1<<40) != true || Count(2).Allows(1) != true || Count(2).Allows(2) != false {
		t.Error("a count allows more or less than it says")
	}
}

func TestErrors(t *testing.T) {
	err := Below("limits", Below("overrides[1]", Between("timeout", time.Hour, time.Second, time.Minute)))
	var e *Error
	if !errors.As(err, &e) || e.Member != "limits.overrides[1].timeout" || e.Problem != "must be 1s to 1m0s, got 1h0m0s" {
		t.Errorf("the error is %v", err)
	}
	other := errors.New("x")
	if Below("a", other) != other || Below("a", nil) != nil || First(nil, nil, other, err) != other || First(nil) != nil {
		t.Error("an error of another kind is changed")
	}
}

// Patterns match what a regular expression of the same meaning matches, in bounded time.
func TestPatternAsRegexp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := rapid.StringOfN(rapid.SampledFrom([]rune("ab*?.é\n")), 0, 8, -1).Draw(rt, "pattern")
		name := rapid.StringOfN(rapid.SampledFrom([]rune("ab.é\n*")), 0, 10, -1).Draw(rt, "name")
		text := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(p))
		want := p == "" || regexp.MustCompile(`(?s)\A`+text+`\z`).MatchString(name)
		if got := Pattern(p).Matches(name); got != want {
			rt.Fatalf("%q matches %q: %v, want %v", p, name, got, want)
		}
	})
	began := time.Now()
	Pattern(strings.Repeat("a*", 500) + "b").Matches(strings.Repeat("a", 5000))
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("a pattern took %v", took)
	}
}

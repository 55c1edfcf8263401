// Package setting has the kinds of values that configuration files are made of, beyond those of YAML: counts and sizes
// with a word for no limit, patterns of names, and errors that say which member is wrong. It reads no files.
package setting

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// An Error says what is wrong with a member of a configuration.
type Error struct {
	Member  string // its path within the section that was checked, such as overrides[2].timeout
	Problem string // such as: must be 1s to 1h, got 0s
}

func (e *Error) Error() string { return e.Member + " " + e.Problem }

// Errorf returns an *Error about a member.
func Errorf(member, format string, args ...any) error {
	return &Error{member, fmt.Sprintf(format, args...)}
}

// Below returns an error about a member of a section as one about a member of what the section is in.
func Below(section string, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return err
	}
	return &Error{section + "." + e.Member, e.Problem}
}

// Unlimited is the word for a count or size without a limit, and their value then.
const (
	Unlimited = "unlimited"
	None      = -1
)

// A Count is a number of things: 0 when it was not set, None when it is unlimited.
type Count int64

// UnmarshalText reads a whole number of at least 1, or unlimited.
func (c *Count) UnmarshalText(text []byte) error {
	if string(text) == Unlimited {
		*c = None
		return nil
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || n < 1 {
		return fmt.Errorf("must be a whole number of at least 1, or %s, got %q", Unlimited, text)
	}
	*c = Count(n)
	return nil
}

// Or returns the count, or another when it was not set.
func (c Count) Or(other Count) Count {
	if c == 0 {
		return other
	}
	return c
}

// Allows reports whether there may be one more than n.
func (c Count) Allows(n int64) bool { return c < 0 || n < int64(c) }

// A Size is a number of bytes: 0 when it was not set, None when it is unlimited.
type Size int64

// Sizes of bytes.
const (
	KiB Size = 1 << 10
	MiB Size = 1 << 20
	GiB Size = 1 << 30
)

var units = []struct {
	name  string
	bytes Size
}{{"KiB", KiB}, {"MiB", MiB}, {"GiB", GiB}, {"TiB", GiB << 10}, {"B", 1}, {"", 1}}

// UnmarshalText reads a whole number of bytes, KiB, MiB, GiB or TiB, of at least 1 byte, or unlimited.
func (s *Size) UnmarshalText(text []byte) error {
	if string(text) == Unlimited {
		*s = None
		return nil
	}
	for _, u := range units {
		digits, ok := strings.CutSuffix(string(text), u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(digits, 10, 63)
		if err != nil || n == 0 || int64(n) > math.MaxInt64/int64(u.bytes) {
			break
		}
		*s = Size(n) * u.bytes
		return nil
	}
	return fmt.Errorf("must be a whole number of bytes, KiB, MiB, GiB or TiB, such as 256MiB, or %s, got %q", Unlimited,
		text)
}

// Or returns the size, or another when it was not set.
func (s Size) Or(other Size) Size {
	if s == 0 {
		return other
	}
	return s
}

func (s Size) String() string {
	if s < 0 {
		return Unlimited
	}
	for i := len(units) - 3; i >= 0; i-- {
		if u := units[i]; s >= u.bytes && s%u.bytes == 0 {
			return strconv.FormatInt(int64(s/u.bytes), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// Between returns an error unless a duration that was set is at least from and at most to.
func Between(member string, d, from, to time.Duration) error {
	if d != 0 && (d < from || d > to) {
		return Errorf(member, "must be %v to %v, got %v", from, to, d)
	}
	return nil
}

// First returns the first error that is not nil.
func First(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A Pattern is matched with names: * stands for any characters, ? for any one, everything else for itself. The empty
// pattern matches every name.
type Pattern string

// Matches reports whether the whole name matches.
func (p Pattern) Matches(name string) bool {
	if p == "" || p == "*" {
		return true
	}
	pattern, text := []rune(p), []rune(name)
	i, star, resume := 0, -1, 0 // after the last *: its place, and where its text is taken to end
	for j := 0; j < len(text); {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, resume = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == text[j]):
			i, j = i+1, j+1
		case star >= 0:
			resume++
			i, j = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(string(pattern[i:]), "*") == ""
}

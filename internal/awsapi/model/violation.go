package model

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// A Violation is a bound of the model that a request breaks.
type Violation struct {
	Member  string // the path, as in Applications[2].Type; empty within the check of one value
	Problem string // what the member must be
	Got     string // what it is instead, shortened; empty when there is nothing, or it is sensitive
}

func (v *Violation) Error() string {
	text := v.Member + " " + v.Problem
	if v.Got != "" {
		text += ", got " + v.Got
	}
	return text
}

// under, at and atKey put a step in front of the path, on the way up from where
// the bound was broken. So a valid input builds no paths.
func (v *Violation) under(member string) *Violation {
	if v.Member != "" && v.Member[0] != '[' {
		member += "."
	}
	v.Member = member + v.Member
	return v
}

func (v *Violation) at(i int) *Violation { return v.under("[" + strconv.Itoa(i) + "]") }

func (v *Violation) atKey(key string) *Violation { return v.under("[" + quote(key) + "]") }

// hide drops a value that came out of something sensitive.
func (v *Violation) hide() *Violation {
	v.Got = ""
	return v
}

func missing(member string) *Violation {
	return &Violation{Member: member, Problem: "is required"}
}

const maxShown = 128

// quote shows a value in an error: quoted, and cut after maxShown characters.
func quote(s string) string {
	n := 0
	for i := range s {
		if n++; n > maxShown {
			return strconv.Quote(s[:i]) + "..."
		}
	}
	return strconv.Quote(s)
}

// size checks how many items a list or map has; max 0 means no limit.
func size(n, min, max int) *Violation {
	if bound := bound(n, min, max, "item"); bound != "" {
		return &Violation{Problem: "must have " + bound, Got: strconv.Itoa(n)}
	}
	return nil
}

// bound says how many there must be, or "" when n is within.
func bound(n, min, max int, what string) string {
	if n >= min && (max == 0 || n <= max) {
		return ""
	}
	var bound string
	last := max
	switch {
	case max == 0:
		bound, last = "at least "+strconv.Itoa(min), min
	case min == 0:
		bound = "at most " + strconv.Itoa(max)
	case min == max:
		bound = "exactly " + strconv.Itoa(min)
	default:
		bound = strconv.Itoa(min) + " to " + strconv.Itoa(max)
	}
	if last != 1 {
		what += "s"
	}
	return bound + " " + what
}

// A stringRule holds the bounds of a string shape. Lengths count characters.
type stringRule struct {
	min, max  int
	enum      []string
	pattern   *pattern
	sensitive bool
}

// findViolation accepts nil: whether a member is required is not a rule of its shape.
func (r *stringRule) findViolation(s *string) *Violation {
	if s == nil || r == nil {
		return nil
	}
	v := r.violation(*s)
	switch {
	case v == nil || r.sensitive:
	case v.Got == "":
		v.Got = quote(*s)
	case *s != "":
		v.Got += ": " + quote(*s)
	}
	return v
}

func (r *stringRule) violation(s string) *Violation {
	if r.min > 0 || r.max > 0 {
		n := utf8.RuneCountInString(s)
		if bound := bound(n, r.min, r.max, "character"); bound != "" {
			return &Violation{Problem: "must be " + bound + " long", Got: strconv.Itoa(n)}
		}
	}
	if r.enum != nil && !slices.Contains(r.enum, s) {
		return &Violation{Problem: "must be " + oneOf(r.enum)}
	}
	if r.pattern != nil && !r.pattern.fits(s) {
		return &Violation{Problem: "must match " + r.pattern.text}
	}
	return nil
}

// oneOf lists alternatives.
func oneOf(names []string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// A pattern is compiled when first asked: a server would else do it for each at
// every start. A string fits when all of match match, and none of refuse.
type pattern struct {
	text          string
	match, refuse []string

	once        sync.Once
	is, mustNot []*regexp.Regexp
}

func (p *pattern) fits(s string) bool {
	p.once.Do(func() {
		for _, expr := range p.match {
			p.is = append(p.is, regexp.MustCompile(expr))
		}
		for _, expr := range p.refuse {
			p.mustNot = append(p.mustNot, regexp.MustCompile(expr))
		}
	})
	for _, re := range p.is {
		if !re.MatchString(s) {
			return false
		}
	}
	for _, re := range p.mustNot {
		if re.MatchString(s) {
			return false
		}
	}
	return true
}

// An intRule holds the bounds of a number shape, both of them inclusive.
type intRule struct{ min, max int64 }

func (r *intRule) findViolation(n int64) *Violation {
	if n >= r.min && n <= r.max {
		return nil
	}
	least, most := strconv.FormatInt(r.min, 10), strconv.FormatInt(r.max, 10)
	v := &Violation{Problem: "must be " + least + " to " + most, Got: strconv.FormatInt(n, 10)}
	switch {
	case r.min == math.MinInt64:
		v.Problem = "must be at most " + most
	case r.max == math.MaxInt64:
		v.Problem = "must be at least " + least
	}
	return v
}

// A floatRule holds the bounds of a number that need not be whole, both of them inclusive.
type floatRule struct{ min, max float64 }

func (r *floatRule) findViolation(n float64) *Violation {
	if n >= r.min && n <= r.max {
		return nil
	}
	show := func(n float64) string { return strconv.FormatFloat(n, 'g', -1, 64) }
	v := &Violation{Problem: "must be " + show(r.min) + " to " + show(r.max), Got: show(n)}
	if r.max == math.MaxFloat64 {
		v.Problem = "must be at least " + show(r.min)
	}
	return v
}

// checkMap checks the keys and values of a map; the rule or the check may be
// nil. Of more than one violation it returns the same one every time.
func checkMap[T any](m map[string]T, keys *stringRule, check func(*T) *Violation) *Violation {
	var first *Violation
	var firstKey string
	for k, value := range m {
		v := keys.findViolation(&k)
		if v != nil {
			v.Problem = "keys " + v.Problem
		} else if check != nil {
			if v = check(&value); v != nil {
				v.atKey(k)
			}
		}
		if v != nil && (first == nil || k < firstKey) {
			first, firstKey = v, k
		}
	}
	return first
}

// exactlyOne checks a union, of which set members are present.
func exactlyOne(set int, members string) *Violation {
	if set == 1 {
		return nil
	}
	return &Violation{Problem: "must have exactly one of " + members, Got: strconv.Itoa(set)}
}

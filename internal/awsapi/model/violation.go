package model

import (
	"regexp"
	"slices"
	"strconv"
	"sync"
	"unicode/utf8"
)

// A Violation is a bound of the model that a request breaks.
type Violation struct {
	Member   string // the path, as in Applications[2].Type; empty within the check of one value
	Value    string // the offending value, quoted and cut; empty when there is none, or it is sensitive
	Problem  string
	Required string // what is accepted; may be empty
}

func (v *Violation) Error() string {
	text := v.Member + ":"
	for _, part := range []string{v.Value, v.Problem, v.Required} {
		if part != "" {
			text += " " + part
		}
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
	v.Value = ""
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

// size checks how many of what there are; max 0 means no limit.
func size(n, min, max int, what string) *Violation {
	var required string
	switch {
	case n < min:
		required = "at least " + strconv.Itoa(min) + are(min) + "required"
	case max > 0 && n > max:
		required = "at most " + strconv.Itoa(max) + are(max) + "accepted"
	default:
		return nil
	}
	return &Violation{Problem: "has " + strconv.Itoa(n) + " " + what + ";", Required: required}
}

func are(n int) string {
	if n == 1 {
		return " is "
	}
	return " are "
}

// A stringRule holds the bounds of a string shape. Lengths count characters.
type stringRule struct {
	min, max  int
	enum      []string
	pattern   *pattern
	sensitive bool
}

// check accepts nil: whether a member is required is not a rule of its shape.
func (r *stringRule) check(s *string) *Violation {
	if s == nil || r == nil {
		return nil
	}
	v := r.find(*s)
	if v != nil && !r.sensitive {
		v.Value = quote(*s)
	}
	return v
}

func (r *stringRule) find(s string) *Violation {
	if r.min > 0 || r.max > 0 {
		if v := size(utf8.RuneCountInString(s), r.min, r.max, "characters"); v != nil {
			return v
		}
	}
	if r.enum != nil && !slices.Contains(r.enum, s) {
		v := &Violation{Problem: "is not one of", Required: r.enum[0]}
		for _, name := range r.enum[1:] {
			v.Required += ", " + name
		}
		return v
	}
	if r.pattern != nil && !r.pattern.fits(s) {
		return &Violation{Problem: "must match", Required: r.pattern.text}
	}
	return nil
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

func (r *intRule) check(n int64) *Violation {
	var problem, required string
	switch {
	case n < r.min:
		problem, required = "is too small;", "at least "+strconv.FormatInt(r.min, 10)+" is accepted"
	case n > r.max:
		problem, required = "is too large;", "at most "+strconv.FormatInt(r.max, 10)+" is accepted"
	default:
		return nil
	}
	return &Violation{Value: strconv.FormatInt(n, 10), Problem: problem, Required: required}
}

// A floatRule holds the bounds of a number that need not be whole, both of them inclusive.
type floatRule struct{ min, max float64 }

func (r *floatRule) check(n float64) *Violation {
	if n >= r.min && n <= r.max {
		return nil
	}
	show := func(n float64) string { return strconv.FormatFloat(n, 'g', -1, 64) }
	return &Violation{Value: show(n), Problem: "is out of bounds;", Required: show(r.min) + " to " + show(r.max) +
		" is accepted"}
}

// checkMap checks the keys and values of a map; either rule may be nil. Of more
// than one violation it returns the same one every time.
func checkMap(m map[string]string, keys, values *stringRule) *Violation {
	var first *Violation
	var firstKey string
	for k, s := range m {
		v := keys.check(&k)
		if v != nil {
			v.Value = "key " + v.Value
		} else if v = values.check(&s); v != nil {
			v.atKey(k)
		}
		if v != nil && (first == nil || k < firstKey) {
			first, firstKey = v, k
		}
	}
	return first
}

// exactlyOne checks a union, of which set members are present.
//
//lint:ignore U1000 a union of a newer model needs it
func exactlyOne(set int, members string) *Violation {
	if set == 1 {
		return nil
	}
	return &Violation{Problem: "has " + strconv.Itoa(set) + " members;", Required: "exactly one is accepted of " + members}
}

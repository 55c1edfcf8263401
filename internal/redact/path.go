package redact

import (
	"fmt"
	"strconv"
	"strings"
)

// A Path names values in a JSON document, by a part of JSONPath (RFC 9535): $.customer.email, $.items[*].price,
// $.items[0], $['two words'], $.*, $..password. A bare name stands for members of that name at any depth.
type Path struct{ steps []step }

// A step leads from a value to values in it.
type step struct {
	deep  bool // to values in those, too, at any depth
	any   bool // every member or element
	name  string
	index int // of an element; -1: a member
}

const (
	maxPath  = 512
	maxSteps = 32
)

// UnmarshalText reads a path.
func (p *Path) UnmarshalText(text []byte) error {
	s := string(text)
	switch {
	case s == "" || len(s) > maxPath:
		return fmt.Errorf("must be a path of 1 to %d bytes, got %d", maxPath, len(s))
	case !strings.HasPrefix(s, "$"):
		if strings.ContainsAny(s, ".[]*$'\"") {
			return fmt.Errorf("must be the name of a member, or a path that begins with $, got %q", s)
		}
		p.steps = []step{{deep: true, name: s, index: -1}}
		return nil
	}
	p.steps = nil
	for rest := s[1:]; rest != ""; {
		st, after, ok := readStep(rest)
		if !ok || len(p.steps) == maxSteps {
			return fmt.Errorf("must be a path such as $.customer.email, $.items[*].price or $..password, got %q", s)
		}
		p.steps, rest = append(p.steps, st), after
	}
	return nil
}

// readStep reads the step at the beginning of a text.
func readStep(s string) (st step, rest string, ok bool) {
	st.index = -1
	if after, deep := strings.CutPrefix(s, ".."); deep {
		st.deep = true
		if s = after; !strings.HasPrefix(s, "[") {
			return st.readName(s)
		}
	} else if after, dot := strings.CutPrefix(s, "."); dot {
		return st.readName(after)
	}
	inside, ok := strings.CutPrefix(s, "[")
	if !ok || inside == "" {
		return st, s, false
	}
	if quote := inside[:1]; quote == "'" || quote == `"` {
		name, after, found := strings.Cut(inside[1:], quote+"]")
		st.name = name
		return st, after, found && !strings.ContainsAny(name, `\'"`)
	}
	text, after, found := strings.Cut(inside, "]")
	if text == "*" {
		st.any = true
		return st, after, found
	}
	n, err := strconv.ParseUint(text, 10, 31)
	st.index = int(n)
	return st, after, found && err == nil
}

// readName reads a name that ends at the next step.
func (st step) readName(s string) (step, string, bool) {
	end := strings.IndexAny(s, ".[")
	if end < 0 {
		end = len(s)
	}
	st.name = s[:end]
	if st.name == "*" {
		st.any, st.name = true, ""
		return st, s[end:], true
	}
	return st, s[end:], st.name != "" && !strings.ContainsAny(st.name, `*$]'"`)
}

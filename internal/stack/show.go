package stack

import (
	"fmt"
	"strings"

	"github.com/lanyard/lanyard"
)

// A Count says how many resources a plan changes in which way.
type Count struct {
	Create  int `json:"create"`
	Update  int `json:"update"`
	Replace int `json:"replace"`
	Delete  int `json:"delete"`
	Adopt   int `json:"adopt"`
	Release int `json:"release"`
	Leave   int `json:"leave"`
}

// Count counts the changes.
func (p *Plan) Count() (n Count) {
	to := map[string]*int{Create: &n.Create, Update: &n.Update, Replace: &n.Replace, Delete: &n.Delete, Adopt: &n.Adopt,
		Release: &n.Release, Leave: &n.Leave}
	for _, c := range p.Changes {
		if at := to[c.Action]; at != nil {
			*at++
		}
		if c.Adopted && c.Action == Update {
			n.Adopt++
		}
	}
	return n
}

// Summary is one line about a plan.
func (p *Plan) Summary() string {
	if p.Empty() {
		return "Nothing to change."
	}
	n := p.Count()
	var parts []string
	for _, part := range []struct {
		n    int
		what string
	}{{n.Create, "to create"}, {n.Update, "to update"}, {n.Replace, "to replace"}, {n.Delete, "to delete"},
		{n.Adopt, "to adopt"}, {n.Release, "to release"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.what))
		}
	}
	if len(parts) == 0 {
		parts = []string{"only notes of the stack change"}
	}
	calls := "1 call"
	if len(p.Calls) != 1 {
		calls = fmt.Sprintf("%d calls", len(p.Calls))
	}
	return "Plan: " + strings.Join(parts, ", ") + "; " + calls + "."
}

// TypeName is a type without what all types of CloudFormation here begin with.
func TypeName(t string) string { return strings.TrimPrefix(t, prefix) }

// A Line is a difference as people read it.
type Line struct {
	Sign      byte // + - ~
	Path      string
	Before    string // of ~
	Value     string
	Sensitive string // why a permission that is added is sensitive
}

// maxShown bounds the text of one value.
const maxShown = 200

// Line returns a difference as people read it: with names in the place of ids, and without secrets.
func (p *Plan) Line(f FieldChange) Line {
	l := Line{Sign: '~', Path: f.Path, Before: p.show(f.Before), Value: p.show(f.After)}
	switch {
	case f.Before == nil:
		l.Sign = '+'
	case f.After == nil:
		l.Sign, l.Value = '-', l.Before
	}
	name, isText := f.After.(string)
	if isText && f.Element && f.Path == "Permissions" {
		permission, _ := lanyard.LookupPermission(name)
		l.Sensitive = permission.Sensitive
	}
	return l
}

func (p *Plan) show(v any) string {
	text := plain(mapStrings(v, func(s string) string {
		if name, ok := p.Names[idOf(s)]; ok {
			return name
		}
		return s
	}))
	text = hideSecrets(text, p.secrets)
	if len(text) > maxShown {
		text = lanyard.ClipTo(text, maxShown) + fmt.Sprintf(" (%d bytes)", len(text))
	}
	return text
}

// Hidden returns the differences without secrets, for machines.
func (p *Plan) Hidden(fields []FieldChange) []FieldChange {
	out := make([]FieldChange, len(fields))
	hide := func(v any) any { return mapStrings(v, func(s string) string { return hideSecrets(s, p.secrets) }) }
	for i, f := range fields {
		f.Before, f.After = hide(f.Before), hide(f.After)
		out[i] = f
	}
	return out
}

package main

import (
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
)

// findChecked finds the shapes of requests that have a bound, or reach one.
func (g *generator) findChecked() {
	g.checked = map[string]bool{}
	bounded := func(ref *Ref) bool { return ref != nil && g.checked[ref.Shape] }
	for before := -1; before != len(g.checked); { // shapes may be recursive
		before = len(g.checked)
		for name := range g.in {
			s := g.Shapes[name]
			fraction := s.Type == "double" || s.Type == "float"
			here := s.Min != nil && (*s.Min > 0 || fraction) || s.Max != nil || s.Pattern != "" || s.Enum != nil ||
				s.Required != nil || s.Union ||
				bounded(s.Member) || bounded(s.Key) || bounded(s.Value)
			if s.Type == "integer" || s.Type == "long" {
				here = here || s.Min != nil // 0 is a bound of a number, not of a length
			}
			for _, ref := range s.Members {
				here = here || bounded(&ref)
			}
			if here {
				g.checked[name] = true
			}
		}
	}
}

// rules writes the bounds of strings and numbers, one variable a shape.
func (g *generator) rules() {
	g.p("var (\n")
	for _, name := range sorted(g.checked) {
		s := g.Shapes[name]
		switch s.Type {
		case "string":
			g.stringRule(name, s)
		case "integer", "long":
			// Limits beyond the type's own are never reached.
			g.p("rule%s = &intRule{%d, %d}\n", name, g.bound(name, s.Min, -1<<63), g.bound(name, s.Max, 1<<63-1))
		case "float", "double":
			if s.Min == nil {
				g.fail("%s: one bound alone on a %s is not supported, unless it is the least", name, s.Type)
				return
			}
			most := math.MaxFloat64
			if s.Max != nil {
				most = *s.Max
			}
			g.p("rule%s = &floatRule{%v, %v}\n", name, *s.Min, most)
		case "boolean", "timestamp":
			g.fail("%s: bounds on a %s are not supported", name, s.Type)
		}
	}
	g.p(")\n")
}

func (g *generator) stringRule(name string, s Shape) {
	g.p("rule%s = &stringRule{", name)
	if min := g.bound(name, s.Min, 0); min > 0 {
		g.p("min: %d, ", min)
	}
	if s.Max != nil {
		if *s.Max == 0 {
			g.fail("%s: a string that must be empty is not supported", name)
		}
		g.p("max: %d, ", g.bound(name, s.Max, 0))
	}
	if s.Enum != nil {
		g.p("enum: %#v, ", s.Enum)
	}
	if s.Sensitive {
		g.p("sensitive: true, ")
	}
	if s.Pattern != "" {
		p, err := translate(s.Pattern)
		if err != nil {
			g.fail("%s: %w", name, err)
			return
		}
		g.p("pattern: &pattern{\ntext: %s,\nmatch: %s,\n", raw(p.Text), raws(p.Match))
		if p.Refuse != nil {
			g.p("refuse: %s,\n", raws(p.Refuse))
		}
		g.p("}")
	}
	g.p("}\n")
}

// raw quotes an expression so that it reads as it is.
func raw(expr string) string {
	if strconv.CanBackquote(expr) {
		return "`" + expr + "`"
	}
	return strconv.Quote(expr)
}

func raws(exprs []string) string {
	quoted := []string{}
	for _, expr := range exprs {
		quoted = append(quoted, raw(expr))
	}
	return "[]string{" + strings.Join(quoted, ", ") + "}"
}

// checks writes Validate of every input, and what it calls.
func (g *generator) checks() {
	for _, name := range sorted(g.in) {
		s := g.Shapes[name]
		if g.inputs[name] != "" {
			g.p("func (s *%s) Validate() error {\n", name)
			if g.checked[name] {
				g.p("if v := s.findViolation(); v != nil {\nreturn v\n}\n")
			}
			g.p("return nil\n}\n\n")
		}
		if !g.checked[name] {
			continue
		}
		switch s.Type {
		case "structure":
			g.p("func (s *%s) findViolation() *Violation {\n", name)
			g.structure(name, s)
			g.p("return nil\n}\n\n")
		case "list":
			g.p("func check%s(l %s) *Violation {\n", name, g.valueType(name))
			g.size(name, s)
			g.elements(s)
			g.p("return nil\n}\n\n")
		case "map":
			g.p("func check%s(l %s) *Violation {\n", name, g.valueType(name))
			g.size(name, s)
			g.p("return checkMap(l, %s, %s)\n}\n\n", g.rule(s.Key.Shape), g.valueCheck(s.Value.Shape))
		}
	}
}

// rule names the rule of a string shape, or none.
func (g *generator) rule(shape string) string {
	if g.checked[shape] {
		return "rule" + shape
	}
	return "nil"
}

// valueCheck is the check of the values of a map, a function of a pointer to one; or none.
func (g *generator) valueCheck(shape string) string {
	if !g.checked[shape] {
		return "nil"
	}
	switch g.Shapes[shape].Type {
	case "string":
		return "rule" + shape + ".findViolation"
	case "structure":
		return "(*" + shape + ").findViolation"
	}
	return "func(v *" + g.valueType(shape) + ") *Violation { return " + g.call(shape, "v", "*v") + " }"
}

// size checks how many elements a list or a map has, where l is either.
func (g *generator) size(name string, s Shape) {
	g.p("if l == nil {\nreturn nil\n}\n")
	min, max := g.bound(name, s.Min, 0), g.bound(name, s.Max, 0)
	if min > 0 || max > 0 {
		g.p("if v := size(len(l), %d, %d); v != nil {\nreturn v\n}\n", min, max)
	}
}

// elements checks each element of the list l.
func (g *generator) elements(s Shape) {
	if !g.checked[s.Member.Shape] {
		return
	}
	call := g.call(s.Member.Shape, "&l[i]", "l[i]")
	g.p("for i := range l {\nif v := %s; v != nil {\nreturn v.at(i)%s\n}\n}\n", call, hide(s))
}

// structure checks each member of the structure s.
func (g *generator) structure(name string, s Shape) {
	if g.inputs[name] == "" {
		g.p("if s == nil {\nreturn nil\n}\n")
	}
	if s.Union {
		g.p("set := 0\n")
		for _, member := range sorted(s.Members) {
			g.p("if s.%s != nil {\nset++\n}\n", goName(member))
		}
		g.p("if v := exactlyOne(set, %q); v != nil {\nreturn v\n}\n", strings.Join(sorted(s.Members), ", "))
	}
	for _, member := range sorted(s.Members) {
		ref, field := s.Members[member], "s."+goName(member)
		if slices.Contains(s.Required, member) {
			g.p("if %s == nil {\nreturn missing(%q)\n}\n", field, member)
		}
		if !g.checked[ref.Shape] {
			continue
		}
		kind, relaxed := g.Shapes[ref.Shape].Type, g.isRelaxed(name+"."+member)
		switch {
		case kind == "integer" || kind == "long" || kind == "float" || kind == "double":
			g.p("if %s != nil {\nif v := %s; v != nil {\nreturn v.under(%q)%s\n}\n}\n", field,
				g.call(ref.Shape, field, "*"+field), member, hide(s))
		case relaxed && kind == "string":
			g.p("if %s != nil && *%s != \"\" {\nif v := %s; v != nil {\nreturn v.under(%q)%s\n}\n}\n", field, field,
				g.call(ref.Shape, field, field), member, hide(s))
		case relaxed && (kind == "list" || kind == "map"):
			g.p("if len(%s) > 0 {\nif v := %s; v != nil {\nreturn v.under(%q)%s\n}\n}\n", field, g.call(ref.Shape, field, field),
				member, hide(s))
		case relaxed:
			g.fail("%s.%s: a %s cannot be relaxed", name, member, kind)
		default:
			g.p("if v := %s; v != nil {\nreturn v.under(%q)%s\n}\n", g.call(ref.Shape, field, field), member, hide(s))
		}
	}
}

// isRelaxed reports whether relaxed.txt has the optional member, and notes that its row was met.
func (g *generator) isRelaxed(member string) bool {
	met := false
	structure, name, _ := strings.Cut(member, ".")
	if slices.Contains(g.Shapes[structure].Required, name) {
		return false
	}
	for pattern := range g.relaxed {
		if ok, _ := path.Match(pattern, member); ok {
			g.relaxed[pattern], met = true, true
		}
	}
	return met
}

// call is the check of a value, or of a pointer to it where the shape's check
// takes one.
func (g *generator) call(shape, pointer, value string) string {
	switch g.Shapes[shape].Type {
	case "string":
		return "rule" + shape + ".findViolation(" + pointer + ")"
	case "integer", "long":
		return "rule" + shape + ".findViolation(int64(" + value + "))"
	case "float", "double":
		return "rule" + shape + ".findViolation(" + value + ")"
	case "structure":
		return value + ".findViolation()"
	}
	return "check" + shape + "(" + value + ")"
}

// hide keeps values out of errors when what holds them is sensitive.
func hide(s Shape) string {
	if s.Sensitive {
		return ".hide()"
	}
	return ""
}

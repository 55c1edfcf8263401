package template

import (
	"bytes"
	"regexp"
	"strings"
)

var (
	subVariable = regexp.MustCompile(`\$\{[^{}]*\}`)
	subName     = regexp.MustCompile(`^[A-Za-z0-9_.:]+$`)
)

func (r *resolver) sub(c *call) *Value {
	n := c.argument.resolved()
	var variables *Node
	if n.Kind == List && n.Tag == "" {
		items := r.arguments(c, 2, 2, "a string, or a list of a string and a map of variables")
		if items == nil {
			return &Value{Kind: Invalid, Pos: c.pos}
		}
		n, variables = items[0].resolved(), items[1].resolved()
		if variables.Kind != Map || variables.Tag != "" {
			return r.fail(variables.Pos, "the variables of Fn::Sub must be a map, got %s", describe(variables))
		}
	}
	if n.Kind == List || n.Kind == Map || n.Kind == Null || n.Tag != "" {
		return r.fail(n.Pos, "the text of Fn::Sub must be a string, got %s", describe(n))
	}
	return r.substitute(c, n, variables)
}

// substitute evaluates the variables in the text of Fn::Sub.
func (r *resolver) substitute(c *call, n, variables *Node) *Value {
	parts := &Value{Kind: List, Pos: c.pos}
	literal := func(text string) {
		if text != "" {
			parts.Items = append(parts.Items, &Value{Kind: String, Text: text, Pos: c.pos})
		}
	}
	end, raw := 0, n.Pos.Start
	for _, at := range subVariable.FindAllStringIndex(n.Text, -1) {
		variable := n.Text[at[0]:at[1]]
		name := variable[2 : len(variable)-1]
		literal(n.Text[end:at[0]])
		end = at[1]
		if strings.HasPrefix(name, "!") {
			literal("${" + name[1:] + "}")
			continue
		}
		var pos Position
		pos, raw = c.scope.file.find(variable, raw, n.Pos)
		v := r.measured(r.variable(c, name, variables, pos))
		switch v.Kind {
		case List, Map, noValue:
			return r.fail(pos, "variable %s of Fn::Sub must be a string, got %s", quote(name), v)
		case Invalid:
			return v
		}
		parts.Items = append(parts.Items, v)
	}
	literal(n.Text[end:])
	if len(parts.Items) == 1 && parts.Items[0].Kind == Deferred {
		return parts.Items[0]
	}
	return r.apply(c, func(a []*Value) (*Value, error) { return joinTexts("", a[0]) }, parts)
}

func (r *resolver) variable(c *call, name string, variables *Node, pos Position) *Value {
	if !subName.MatchString(name) {
		return r.fail(pos, "a variable of Fn::Sub must be letters, digits, _, . and :, got %s", quote(name))
	}
	if v := variables.Get(name); v != nil {
		return r.eval(c.scope, v)
	}
	if id, attribute, ok := strings.Cut(name, "."); ok {
		return r.attributeOf(id, attribute, pos)
	}
	return r.refTo(c, name, pos)
}

// find returns the position of a text within that of a scalar, from an offset on, and where to look for the next one.
// Text that the scalar has in another form, with escapes, is where the scalar is.
func (f *File) find(text string, from int, in Position) (Position, int) {
	if from < in.End {
		if i := bytes.Index(f.Content[from:in.End], []byte(text)); i >= 0 {
			return f.at(from+i, from+i+len(text)), from + i + len(text)
		}
	}
	return in, from
}

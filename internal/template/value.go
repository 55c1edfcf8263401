package template

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Value is what a node comes to when parameters, conditions and functions are evaluated. Values of a Stack's
// properties have the types of the schema: a number that was written as a string is a Number.
type Value struct {
	Kind    Kind
	Text    string // of a String, Number ("12") or Bool ("true", "false")
	Items   []*Value
	Members []Member // of a Map, in the order of the file
	Pos     Position // of what it was made of: of the function, not of the parameter that it names
	// Node is where the value is written as it is; nil if a function made it. Edits need it.
	Node *Node
	// Secret is set when it is made of a parameter with NoEcho. Never print Text then.
	Secret bool
	// Reference is set on a Deferred value that is exactly one attribute of one resource.
	Reference *Reference

	call *deferredCall // of a Deferred value that is more than a reference
}

// A Member is an entry of a Map.
type Member struct {
	Key   string
	Pos   Position // of the key
	Value *Value
}

// A Reference is to an attribute of a resource of the same stack, which need not exist yet. Ref is resolved to the
// attribute that it returns, so that !Ref Profile and !GetAtt Profile.SecurityProfileArn are equal.
type Reference struct {
	LogicalID string
	Attribute string // SecurityProfileArn
	Pos       Position
}

func (r Reference) String() string { return r.LogicalID + "." + r.Attribute }

// A deferredCall is a function over values of which some are deferred.
type deferredCall struct {
	function  string
	arguments []*Value
	apply     func(arguments []*Value) (*Value, error)
}

// Get returns the value of a key of a Map, or nil.
func (v *Value) Get(key string) *Value {
	if m := v.member(key); m != nil {
		return m.Value
	}
	return nil
}

func (v *Value) member(key string) *Member {
	if v == nil {
		return nil
	}
	for i := range v.Members {
		if v.Members[i].Key == key {
			return &v.Members[i]
		}
	}
	return nil
}

// String returns a short form for messages, without secrets.
func (v *Value) String() string {
	switch {
	case v == nil:
		return "nothing"
	case v.Secret:
		return "a value that is not shown"
	case v.Kind == String:
		return quote(v.Text)
	case v.Kind == Number || v.Kind == Bool:
		return v.Text
	case v.Reference != nil:
		return v.Reference.String()
	case v.Kind == Deferred:
		return "the result of " + v.call.function
	case v.Kind == List:
		return "a list of " + count(len(v.Items), "item")
	}
	return "a " + v.Kind.String()
}

// References returns what a value depends on, in order and without repetition.
func (v *Value) References() []Reference {
	var all []Reference
	seen := map[string]bool{}
	v.walk(func(v *Value) {
		if v.Reference != nil && !seen[v.Reference.String()] {
			seen[v.Reference.String()] = true
			all = append(all, *v.Reference)
		}
	})
	return all
}

// depends reports whether a value or something in it is deferred.
func (v *Value) depends() bool {
	switch {
	case v == nil:
		return false
	case v.Kind == Deferred:
		return true
	}
	return slices.ContainsFunc(v.Items, (*Value).depends) ||
		slices.ContainsFunc(v.Members, func(m Member) bool { return m.Value.depends() })
}

// walk visits a value and everything in it, arguments of deferred functions included.
func (v *Value) walk(visit func(*Value)) {
	if v == nil {
		return
	}
	visit(v)
	for _, item := range v.Items {
		item.walk(visit)
	}
	for _, m := range v.Members {
		m.Value.walk(visit)
	}
	if v.call != nil {
		for _, a := range v.call.arguments {
			a.walk(visit)
		}
	}
}

// Evaluate returns the value with its references replaced by what attribute returns for them. References for which it
// reports false stay, so that a part of the resources may exist.
func (v *Value) Evaluate(attribute func(Reference) (string, bool)) (*Value, error) {
	if !v.depends() {
		return v, nil
	}
	out := *v
	switch {
	case v.Reference != nil:
		if text, ok := attribute(*v.Reference); ok {
			return &Value{Kind: String, Text: text, Pos: v.Pos, Secret: v.Secret}, nil
		}
		return v, nil
	case v.call != nil:
		return v.evaluateCall(attribute)
	}
	out.Items = slices.Clone(v.Items)
	for i, item := range out.Items {
		done, err := item.Evaluate(attribute)
		if err != nil {
			return nil, err
		}
		out.Items[i] = done
	}
	out.Members = slices.Clone(v.Members)
	for i, m := range out.Members {
		done, err := m.Value.Evaluate(attribute)
		if err != nil {
			return nil, err
		}
		out.Members[i].Value = done
	}
	return &out, nil
}

func (v *Value) evaluateCall(attribute func(Reference) (string, bool)) (*Value, error) {
	call := *v.call
	call.arguments = slices.Clone(call.arguments)
	pending := false
	for i, a := range call.arguments {
		done, err := a.Evaluate(attribute)
		if err != nil {
			return nil, err
		}
		call.arguments[i] = done
		pending = pending || done.depends()
	}
	if pending {
		out := *v
		out.call = &call
		return &out, nil
	}
	done, err := call.apply(call.arguments)
	if err != nil {
		return nil, failAt(v.Pos, "%s %s", call.function, err)
	}
	done.Pos = v.Pos
	done.Secret = done.Secret || v.Secret
	return done, nil
}

// quote returns text for a message: quoted, without control characters, and not too long.
func quote(text string) string {
	const most = 200
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return fmt.Sprintf("%q", text)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// join lists alternatives for a message: a, b or c.
func join(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// Any returns a value as string, float64, bool, []any and map[string]any. Deferred parts are what attribute returns for
// their references, which must know them all.
func (v *Value) Any(attribute func(Reference) string) (any, error) {
	v, err := v.Evaluate(func(r Reference) (string, bool) { return attribute(r), true })
	if err != nil {
		return nil, err
	}
	return v.plain(), nil
}

func (v *Value) plain() any {
	switch v.Kind {
	case Number:
		number, _ := strconv.ParseFloat(v.Text, 64)
		return number
	case Bool:
		return v.Text == "true"
	case List:
		out := make([]any, len(v.Items))
		for i, item := range v.Items {
			out[i] = item.plain()
		}
		return out
	case Map:
		out := make(map[string]any, len(v.Members))
		for _, m := range v.Members {
			out[m.Key] = m.Value.plain()
		}
		return out
	}
	return v.Text
}

// Where returns the position of what is at a path of names and indexes in a resource, such as Properties, Permissions,
// 0; of the last of them that is there.
func (r *Resource) Where(path ...string) Position {
	if len(path) == 0 {
		return r.Pos
	}
	v, pos := r.Properties, r.Pos
	if path[0] == "Metadata" {
		v = r.Metadata
		if len(path) > 1 && path[1] == "Lanyard" {
			path = path[1:]
		}
	}
	for _, step := range path[1:] {
		if v == nil {
			break
		}
		if m := v.member(step); m != nil {
			v, pos = m.Value, m.Pos
			continue
		}
		i, err := strconv.Atoi(step)
		if err != nil || i < 0 || i >= len(v.Items) {
			break
		}
		v, pos = v.Items[i], v.Items[i].Pos
	}
	return pos
}

// Secrets returns the texts that must not be shown: of parameters with NoEcho, and what was made of them.
func (s *Stack) Secrets() []string {
	var all []string
	for _, r := range s.Resources {
		for _, v := range []*Value{r.Properties, r.Metadata} {
			v.walk(func(v *Value) {
				if v.Secret && v.Text != "" && !slices.Contains(all, v.Text) {
					all = append(all, v.Text)
				}
			})
		}
	}
	return all
}

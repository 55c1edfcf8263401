package policytest

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/lanyard/lanyard/internal/typo"
)

// A reader reads one file. It goes on after a problem, so that a file is corrected in one go.
type reader struct {
	path      string
	variables map[string]*yaml.Node
	nodes     int // read so far
	expanded  int // bytes of values so far
	questions int
	problems  []error
	stopped   bool // a bound was exceeded: nothing more is read
}

func (r *reader) at(n *yaml.Node) Position { return Position{r.path, max(n.Line, 1), max(n.Column, 1)} }

// report notes what is wrong at a place.
func (r *reader) report(at Position, format string, args ...any) {
	if len(r.problems) == maxProblems {
		r.problems = append(r.problems, &Problem{at, "further problems are not listed"})
	}
	if len(r.problems) < maxProblems && !r.stopped {
		r.problems = append(r.problems, &Problem{at, fmt.Sprintf(format, args...)})
	}
}

// stop notes that a bound is exceeded, and that nothing more is read.
func (r *reader) stop(n *yaml.Node, format string, args ...any) {
	r.report(r.at(n), format, args...)
	r.stopped = true
}

// parse returns the value of a file's only document.
func (r *reader) parse(source []byte) *yaml.Node {
	if len(source) > MaxFile {
		r.report(Position{r.path, 1, 1}, "the file must be at most %d MiB", MaxFile>>20)
		return nil
	}
	dec := yaml.NewDecoder(strings.NewReader(string(source)))
	var document, second yaml.Node
	if err := dec.Decode(&document); err != nil {
		r.reportSyntax(err)
		return nil
	}
	if err := dec.Decode(&second); err == nil {
		r.report(r.at(&second), "a test file must be one YAML document, got another one here")
		return nil
	}
	if len(document.Content) != 1 {
		return nil
	}
	return document.Content[0]
}

var syntaxLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?s:(.*))$`)

// reportSyntax reports what the YAML parser says.
func (r *reader) reportSyntax(err error) {
	at, message := Position{r.path, 1, 1}, err.Error()
	if err.Error() == "EOF" {
		r.report(at, "tests is required; the file is empty")
		return
	}
	if m := syntaxLine.FindStringSubmatch(message); m != nil {
		if line, err := strconv.Atoi(m[1]); err == nil {
			at.Line = line
		}
		message = m[2]
	}
	r.report(at, "the file is not valid YAML: %s", message)
}

// resolve follows an alias, and counts the value.
func (r *reader) resolve(n *yaml.Node, depth int) (*yaml.Node, bool) {
	for hops := 0; n.Kind == yaml.AliasNode; hops++ {
		if hops > maxDepth {
			break
		}
		n = n.Alias
	}
	if r.nodes++; r.nodes > maxNodes && !r.stopped {
		r.stop(n, "the file has more than %d values", maxNodes)
	}
	if depth > maxDepth && !r.stopped {
		r.stop(n, "lists and mappings must be at most %d deep in one another", maxDepth)
	}
	return n, !r.stopped
}

// isNull reports whether a value is left out: empty, null or ~.
func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

var kindNames = map[yaml.Kind]string{yaml.ScalarNode: "a text", yaml.SequenceNode: "a list",
	yaml.MappingNode: "a mapping"}

// describe says what a value is, for messages.
func describe(n *yaml.Node) string {
	if isNull(n) {
		return "nothing"
	}
	if n.Kind == yaml.ScalarNode {
		return strconv.Quote(clip(n.Value))
	}
	return kindNames[n.Kind]
}

// clip shortens a value for a message.
func clip(s string) string {
	const longest = 80
	if runes := []rune(s); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return s
}

// A member is a key of a mapping and its value.
type member struct {
	key   text
	value *yaml.Node
}

// mapping returns the members of a mapping in the order of the file, those without a value left out. name is what
// messages call it.
func (r *reader) mapping(n *yaml.Node, depth int, name string) []member {
	n, ok := r.resolve(n, depth)
	if !ok {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		r.report(r.at(n), "%s must be a mapping, got %s", name, describe(n))
		return nil
	}
	var all []member
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, ok := r.resolve(n.Content[i], depth+1)
		if !ok {
			return all
		}
		if key.Kind != yaml.ScalarNode {
			r.report(r.at(key), "a key must be a text, got %s", describe(key))
			continue
		}
		if seen[key.Value] {
			r.report(r.at(key), "%q is listed twice", clip(key.Value))
			continue
		}
		seen[key.Value] = true
		value := n.Content[i+1]
		if isNull(value) {
			continue
		}
		all = append(all, member{text{key.Value, r.at(key)}, value})
	}
	return all
}

// fields returns the values of a mapping whose keys are known, by key.
func (r *reader) fields(n *yaml.Node, depth int, s *shape) map[string]*yaml.Node {
	out := map[string]*yaml.Node{}
	for _, m := range r.mapping(n, depth, s.name) {
		if _, known := s.find(m.key.value); !known {
			r.report(m.key.at, "%s must have keys among %s, got %q%s", s.name, strings.Join(s.names(), ", "),
				clip(m.key.value), typo.DidYouMean(m.key.value, s.names()))
			continue
		}
		out[m.key.value] = m.value
	}
	return out
}

// items returns the values of a list, or one value as a list of its own. A variable that is a list counts as its
// values.
func (r *reader) items(n *yaml.Node, depth int) []*yaml.Node {
	n, ok := r.resolve(n, depth)
	if !ok || isNull(n) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		if list := r.variableList(n); list != nil {
			return list.Content
		}
		return []*yaml.Node{n}
	}
	var all []*yaml.Node
	for _, c := range n.Content {
		c, ok := r.resolve(c, depth+1)
		if !ok {
			return all
		}
		if list := r.variableList(c); list != nil {
			all = append(all, list.Content...)
			continue
		}
		all = append(all, c)
	}
	return all
}

// text returns a text with its variables replaced. name is what messages call it.
func (r *reader) text(n *yaml.Node, depth int, name string) (t text, ok bool) {
	n, ok = r.resolve(n, depth)
	if !ok {
		return t, false
	}
	t.at = r.at(n)
	if n.Kind != yaml.ScalarNode {
		r.report(t.at, "%s must be a text, got %s", name, describe(n))
		return t, false
	}
	if isNull(n) {
		r.report(t.at, "%s must be a text, got nothing", name)
		return t, false
	}
	t.value, ok = r.expand(n)
	return t, ok
}

// texts returns a list of texts, of which one may stand alone.
func (r *reader) texts(n *yaml.Node, depth int, name string) (all []text) {
	for _, item := range r.items(n, depth) {
		if t, ok := r.text(item, depth+1, name); ok {
			all = append(all, t)
		}
	}
	return all
}

// pairs returns a mapping from texts to texts.
func (r *reader) pairs(n *yaml.Node, depth int, name string) map[string]string {
	var all map[string]string
	for _, m := range r.mapping(n, depth, name) {
		if v, ok := r.text(m.value, depth+1, name+"."+clip(m.key.value)); ok {
			if all == nil {
				all = map[string]string{}
			}
			all[m.key.value] = v.value
		}
	}
	return all
}

// boolean returns a value that must be true or false.
func (r *reader) boolean(n *yaml.Node, depth int, name string) bool {
	t, ok := r.text(n, depth, name)
	if ok && t.value != "true" && t.value != "false" {
		r.report(t.at, "%s must be true or false, got %q", name, clip(t.value))
	}
	return t.value == "true"
}

// oneOf returns a text that must be one of some words.
func (r *reader) oneOf(n *yaml.Node, depth int, name string, words []string) (t text, ok bool) {
	t, ok = r.text(n, depth, name)
	if !ok {
		return t, false
	}
	for _, w := range words {
		if t.value == w {
			return t, true
		}
	}
	r.report(t.at, "%s must be %s, got %q%s", name, orList(words), clip(t.value), typo.DidYouMean(t.value, words))
	return t, false
}

// orList joins words as in "a, b or c".
func orList(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

var reference = regexp.MustCompile(`\$\$|\$\{([^}]*)\}`)

// escapeVariables returns the text that expand makes s of.
func escapeVariables(s string) string { return strings.ReplaceAll(s, "$", "$$") }

// expand replaces the variables of a text: ${name}. $$ is a dollar sign.
func (r *reader) expand(n *yaml.Node) (string, bool) {
	if !strings.Contains(n.Value, "$") {
		return n.Value, true
	}
	ok := true
	out := reference.ReplaceAllStringFunc(n.Value, func(ref string) string {
		if ref == "$$" {
			return "$"
		}
		name := ref[2 : len(ref)-1]
		v := r.variable(n, name)
		switch {
		case v == nil:
			ok = false
		case v.Kind == yaml.SequenceNode:
			r.report(r.at(n), "${%s} is a list, which must be a value or an item of a list by itself, got %q", name,
				clip(n.Value))
			ok = false
		case r.expanded > maxExpanded:
			ok = false
		default:
			r.expanded += len(v.Value)
			return v.Value
		}
		return ""
	})
	if r.expanded > maxExpanded && !r.stopped {
		r.stop(n, "variables must expand to at most %d MiB in all", maxExpanded>>20)
	}
	return out, ok
}

// variable returns the value of a variable; nil, and a problem, when there is none.
func (r *reader) variable(n *yaml.Node, name string) *yaml.Node {
	if v := r.variables[name]; v != nil {
		return v
	}
	var names []string
	for known := range r.variables {
		names = append(names, known)
	}
	r.report(r.at(n), "variable %q does not exist%s", clip(name), typo.DidYouMean(name, sorted(names)))
	return nil
}

// variableList returns the list that a value refers to; nil when it does not refer to one.
func (r *reader) variableList(n *yaml.Node) *yaml.Node {
	if n.Kind != yaml.ScalarNode || !strings.HasPrefix(n.Value, "${") {
		return nil
	}
	m := reference.FindStringSubmatch(n.Value)
	if m == nil || m[0] != n.Value {
		return nil
	}
	if v := r.variables[m[1]]; v != nil && v.Kind == yaml.SequenceNode {
		return v
	}
	return nil
}

// err returns all problems as one error; nil when there are none.
func (r *reader) err() error { return errors.Join(r.problems...) }

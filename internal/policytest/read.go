package policytest

import (
	"maps"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/lanyard/lanyard/access"
)

// Read reads a test file. variables replace those of the file. The error has every problem that was found, with its
// place.
func Read(path string, source []byte, variables map[string]string) (*File, error) {
	r := &reader{path: path, variables: map[string]*yaml.Node{}}
	root := r.parse(source)
	if root == nil {
		if r.err() == nil {
			r.report(Position{path, 1, 1}, "tests is required; the file is empty")
		}
		return nil, r.err()
	}
	f := &File{Path: path, described: map[string]*described{}}
	var tests *yaml.Node
	if resolved, ok := r.resolve(root, 1); ok && resolved.Kind == yaml.SequenceNode { // only tests
		r.override(variables)
		tests = resolved
	} else if ok {
		tests = r.readFile(f, resolved, variables)
	}
	if tests != nil {
		for _, n := range r.list(tests, 1, "tests") {
			if t := r.test(n, 2); t != nil {
				f.Tests = append(f.Tests, t)
			}
		}
		if len(f.Tests) == 0 && r.err() == nil {
			r.report(r.at(tests), "tests must have at least one test, got none")
		}
	}
	return f, r.err()
}

// readFile reads everything but the tests, whose node it returns.
func (r *reader) readFile(f *File, root *yaml.Node, variables map[string]string) *yaml.Node {
	if root.Kind != yaml.MappingNode {
		r.report(r.at(root), "the file must be a mapping with the key tests, or a list of tests, got %s", describe(root))
		return nil
	}
	fields := r.fields(root, 1, fileShape)
	if n := fields["variables"]; n != nil {
		r.readVariables(n)
	}
	r.override(variables)
	if n := fields["name"]; n != nil {
		name, _ := r.text(n, 2, "name")
		f.Name = name.value
	}
	if n := fields["target"]; n != nil {
		f.Target = r.target(n, 2)
	}
	if n := fields["resources"]; n != nil {
		for _, m := range r.mapping(n, 2, "resources") {
			f.described[m.key.value] = r.described(m.value, 3)
		}
	}
	if n := fields["fixtures"]; n != nil {
		f.fixtures = r.fixtures(n, 2)
	}
	if fields["tests"] == nil {
		r.report(r.at(root), "tests is required")
	}
	return fields["tests"]
}

// readVariables reads the variables of the file.
func (r *reader) readVariables(n *yaml.Node) {
	for _, m := range r.mapping(n, 2, "variables") {
		value, ok := r.resolve(m.value, 3)
		if !ok {
			return
		}
		if value.Kind == yaml.MappingNode {
			r.report(r.at(value), "variable %q must be a text or a list of texts, got a mapping", clip(m.key.value))
			continue
		}
		if len(r.variables) == maxVariables {
			r.stop(value, "there must be at most %d variables", maxVariables)
			return
		}
		r.variables[m.key.value] = value
	}
}

// override sets variables by what the caller says.
func (r *reader) override(variables map[string]string) {
	for name, value := range variables {
		r.variables[name] = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value, Line: 1, Column: 1}
	}
}

// list returns the items of a value that must be a list.
func (r *reader) list(n *yaml.Node, depth int, name string) []*yaml.Node {
	resolved, ok := r.resolve(n, depth)
	if ok && resolved.Kind != yaml.SequenceNode {
		r.report(r.at(resolved), "%s must be a list, got %s", name, describe(resolved))
		return nil
	}
	if !ok {
		return nil
	}
	return resolved.Content
}

func (r *reader) target(n *yaml.Node, depth int) TargetRef {
	resolved, _ := r.resolve(n, depth)
	t := TargetRef{At: r.at(resolved)}
	fields := r.fields(n, depth, targetShape)
	one := func(key string) string {
		if fields[key] == nil {
			return ""
		}
		v, _ := r.text(fields[key], depth+1, "target."+key)
		return v.value
	}
	t.Instance, t.Mirror, t.Backup = one("instance"), one("mirror"), one("backup")
	if fields["template"] != nil {
		for _, v := range r.texts(fields["template"], depth+1, "target.template") {
			t.Templates = append(t.Templates, v.value)
		}
	}
	if fields["parameters"] != nil {
		t.Parameters = r.pairs(fields["parameters"], depth+1, "target.parameters")
		if len(t.Templates) == 0 {
			r.report(t.At, "target.template is required when target.parameters is set")
		}
	}
	switch {
	case t.Mirror != "" && (t.Instance != "" || t.Backup != ""):
		r.report(t.At, "target must have one of instance, mirror and backup, got mirror and another")
	case t.None():
		r.report(t.At, "target must have one of instance, mirror, backup and template, got none")
	}
	return t
}

// A described resource is one that a file describes: not stored by lanyard, or new.
type described struct {
	at       Position
	resource access.Resource // without Group
	group    text
}

func (r *reader) described(n *yaml.Node, depth int) *described {
	resolved, _ := r.resolve(n, depth)
	d := &described{at: r.at(resolved)}
	fields := r.fields(n, depth, resourceShape)
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		value := fields[k]
		switch k {
		case "type":
			t, _ := r.text(value, depth+1, "type")
			d.resource.Type = t.value
		case "name":
			t, _ := r.text(value, depth+1, "name")
			d.resource.ID = t.value
		case "new":
			d.resource.New = r.boolean(value, depth+1, "new")
		case "tags":
			d.resource.Tags = r.pairs(value, depth+1, "tags")
		case "attributes":
			d.resource.Attributes = r.pairs(value, depth+1, "attributes")
		case "group":
			d.group, _ = r.text(value, depth+1, "group")
		case "channel":
			t, _ := r.oneOf(value, depth+1, "channel", channelWords)
			d.resource.Channel = t.value
		}
	}
	if fields["type"] == nil && resolved != nil && resolved.Kind == yaml.MappingNode {
		r.report(d.at, "type is required")
	}
	return d
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}

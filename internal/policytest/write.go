package policytest

import (
	"bytes"
	"slices"

	"go.yaml.in/yaml/v4"

	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/questions"
)

// A Case is a question about one user and its answer, to be written as a test.
type Case struct {
	User, OnBehalfOf, Permission string
	Resource                     string // TYPE/NAME, TYPE/ID or an ARN; "" for anything
	// Described has what a resource has that lanyard does not store; Group is as a person names it. Its type and id are
	// those of Resource.
	Described access.Resource
	Surface   access.Surface
	Answer    questions.Evaluation // explained
}

// YAML returns the test, as an item of a list. It is a test file by itself, and can be added to another.
func (c *Case) YAML() ([]byte, error) {
	test := mappingNode("name", c.name(), "user", c.User, "on-behalf-of", c.OnBehalfOf, "permission", c.Permission)
	resource, err := c.resourceNode()
	if err != nil {
		return nil, err
	}
	if resource != nil {
		test.Content = append(test.Content, textNode("resource"), resource)
	}
	if c.Surface == access.Reports {
		test.Content = append(test.Content, textNode("surface"), textNode("reports"))
	}
	test.Content = append(test.Content, textNode("expect"), c.expectNode())
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(&yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{test}}); err != nil {
		return nil, err
	}
	return b.Bytes(), enc.Close()
}

func (c *Case) name() string {
	verb := " may not "
	if c.Answer.Decision {
		verb = " may "
	}
	s := c.User + verb + c.Permission
	if c.Resource != "" {
		s += " on " + c.Resource
	}
	return s
}

// resourceNode names the resource, or describes it.
func (c *Case) resourceNode() (*yaml.Node, error) {
	d := c.Described
	if c.Resource == "" {
		return nil, nil
	}
	if !d.New && len(d.Tags) == 0 && len(d.Attributes) == 0 && d.Group == "" && d.Channel == "" {
		return escapedNode(c.Resource), nil
	}
	r, err := questions.ParseResource(c.Resource)
	if err != nil {
		return nil, err
	}
	n := mappingNode("type", r.Type, "name", r.ID)
	if d.New {
		n.Content = append(n.Content, textNode("new"), &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "true"})
	}
	for _, m := range []struct {
		key    string
		values map[string]string
	}{{"tags", d.Tags}, {"attributes", d.Attributes}} {
		if len(m.values) > 0 {
			n.Content = append(n.Content, textNode(m.key), pairsNode(m.values))
		}
	}
	n.Content = append(n.Content, mappingNode("group", d.Group, "channel", d.Channel).Content...)
	return n, nil
}

// expectNode is the answer: with the profile that allows it, or what is missing.
func (c *Case) expectNode() *yaml.Node {
	a := &c.Answer
	if a.Decision {
		return mappingNode("decision", "allow", "profile", c.profileName(a.Context.Profile))
	}
	n := mappingNode("decision", "deny", "reason", a.Context.Reason)
	if missing := c.missing(); len(missing) > 0 && a.Context.Reason == access.ConditionFailed.String() {
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for _, m := range missing {
			list.Content = append(list.Content, escapedNode(m))
		}
		n.Content = append(n.Content, textNode("missing"), list)
	}
	return n
}

func (c *Case) missing() (all []string) {
	if c.Answer.Context.Explanation == nil {
		return nil
	}
	for _, f := range c.Answer.Context.Profiles {
		for _, failed := range f.Failed {
			all = append(all, failed.Kind+" "+failed.Want)
		}
	}
	return slices.Compact(sorted(all))
}

// profileName returns the name of a profile that the explanation has.
func (c *Case) profileName(id string) string {
	if c.Answer.Context.Explanation != nil {
		for _, f := range c.Answer.Context.Profiles {
			if f.Profile == id && f.Name != "" {
				return f.Name
			}
		}
	}
	return id
}

// mappingNode makes a mapping of keys and texts, without those that are empty.
func mappingNode(pairs ...string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			n.Content = append(n.Content, textNode(pairs[i]), escapedNode(pairs[i+1]))
		}
	}
	return n
}

func pairsNode(m map[string]string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	for _, k := range sorted(keys) {
		n.Content = append(n.Content, textNode(k), escapedNode(m[k]))
	}
	return n
}

// textNode is a text, quoted if YAML would take it for something else.
func textNode(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

// escapedNode is a value whose dollar signs are not variables.
func escapedNode(s string) *yaml.Node { return textNode(escapeVariables(s)) }

package stack

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v4"

	"github.com/lanyard/lanyard"
)

// YAML returns an export as CloudFormation reads it, with comments.
func (e *Export) YAML() ([]byte, error) {
	document := e.document()
	document.HeadComment = "# " + strings.Join(append([]string{
		"Exported by lanyard. It serves lanyard apply and AWS alike; the parameter InstanceArn names the instance."},
		e.Comments...), "\n# ")
	var b bytes.Buffer
	d, err := yaml.NewDumper(&b, yaml.WithIndent(2), yaml.WithLineWidth(-1))
	if err != nil {
		return nil, err
	}
	if err := d.Dump(document); err != nil {
		return nil, err
	}
	if err := d.Close(); err != nil {
		return nil, err
	}
	return separate(b.Bytes()), nil
}

// A File is a part of an export, which refers to resources of the others.
type File struct {
	Name string // without a folder
	Text []byte
}

// MaxText is how many bytes a template may have.
const MaxText = 1 << 20

// Files returns an export as one stack of several files, each of one type and as small as templates must be. form is
// YAML or JSON of an Export, and ending that of the files' names.
func (e *Export) Files(form func(*Export) ([]byte, error), ending string) ([]File, error) {
	var out []File
	for _, k := range kinds {
		part := *e
		part.Resources = slices.DeleteFunc(slices.Clone(e.Resources), func(r Exported) bool { return r.kind != k })
		part.Passwords = e.Passwords && k.typ == lanyard.TypeUser
		if len(part.Resources) == 0 {
			continue
		}
		texts, err := part.split(form)
		if err != nil {
			return nil, err
		}
		for i, text := range texts {
			name := TypeName(k.name)
			if len(texts) > 1 {
				name += fmt.Sprintf("-%03d", i+1)
			}
			out = append(out, File{name + ending, text})
		}
	}
	return out, nil
}

// split returns an export as texts that are small enough.
func (e *Export) split(form func(*Export) ([]byte, error)) ([][]byte, error) {
	if len(e.Resources) <= maxTemplate {
		text, err := form(e)
		if err != nil || len(text) <= MaxText || len(e.Resources) == 1 {
			return [][]byte{text}, err
		}
	}
	half := (len(e.Resources) + 1) / 2
	first, second := *e, *e
	first.Resources, second.Resources = e.Resources[:half], e.Resources[half:]
	a, err := first.split(form)
	if err != nil {
		return nil, err
	}
	b, err := second.split(form)
	return append(a, b...), err
}

// separate puts an empty line before each resource.
func separate(text []byte) []byte {
	var b bytes.Buffer
	inResources, first := false, true
	for line := range bytes.Lines(text) {
		if line[0] != ' ' && line[0] != '#' {
			inResources, first = bytes.HasPrefix(line, []byte("Resources:")), true
		} else if inResources && len(line) > 2 && line[0] == ' ' && line[1] == ' ' && line[2] != ' ' {
			comment := line[2] == '#'
			if !first && !bytes.HasSuffix(b.Bytes(), []byte("#\n")) {
				b.WriteByte('\n')
			}
			first = comment
		}
		b.Write(line)
	}
	return b.Bytes()
}

// JSON returns an export as CloudFormation reads it. JSON has no comments.
func (e *Export) JSON() ([]byte, error) {
	return json.Marshal(plainDocument(e.document()), json.Deterministic(true), jsontext.WithIndent("  "))
}

func (e *Export) document() *yaml.Node {
	parameters := mapping("InstanceArn", mapping("Type", scalarNode("String"), "Description",
		scalarNode("ARN of the instance of Amazon Connect")))
	if e.Passwords {
		add(parameters, "InitialPassword", mapping("Type", scalarNode("String"), "NoEcho", boolNode(true), "Description",
			scalarNode("Password of each user that is created")))
	}
	resources := mapping()
	for i := range e.Resources {
		e.addResource(resources, &e.Resources[i])
	}
	return mapping("AWSTemplateFormatVersion", scalarNode("2010-09-09"), "Parameters", parameters, "Resources", resources)
}

func (e *Export) addResource(to *yaml.Node, r *Exported) {
	properties := mapping("InstanceArn", function("Ref", scalarNode("InstanceArn")))
	order := sortedKeys(r.Properties)
	slices.SortStableFunc(order, func(a, b string) int { return boolOrder(a == r.kind.named, b == r.kind.named) })
	for _, name := range order {
		add(properties, name, e.node(name, r.Properties[name]))
	}
	if e.Passwords && r.kind.typ == lanyard.TypeUser {
		add(properties, "Password", function("Ref", scalarNode("InitialPassword")))
	}
	body := mapping("Type", scalarNode(r.Type))
	if len(r.Lanyard) > 0 {
		add(body, "Metadata", mapping("Lanyard", e.node("Lanyard", r.Lanyard)))
	}
	add(body, "Properties", properties)
	key := scalarNode(r.LogicalID)
	if len(r.Comments) > 0 {
		key.HeadComment = "# " + strings.Join(r.Comments, "\n# ")
	}
	to.Content = append(to.Content, key, body)
}

func boolOrder(a, b bool) int {
	switch {
	case a && !b:
		return -1
	case b && !a:
		return 1
	}
	return 0
}

// node is a value as CloudFormation has it.
func (e *Export) node(name string, v any) *yaml.Node {
	switch v := v.(type) {
	case string:
		return e.textNode(v)
	case bool:
		return boolNode(v)
	case float64:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: strconv.FormatFloat(v, 'f', -1, 64)}
	case []any:
		out := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range v {
			out.Content = append(out.Content, e.node(name, item))
		}
		return out
	case map[string]any:
		if tagMembers[name] {
			return tagsNode(v)
		}
		out := mapping()
		for _, member := range sortedKeys(v) {
			add(out, member, e.node(member, v[member]))
		}
		return out
	}
	return scalarNode("")
}

func tagsNode(tags map[string]any) *yaml.Node {
	out := &yaml.Node{Kind: yaml.SequenceNode}
	for _, key := range sortedKeys(tags) {
		out.Content = append(out.Content, mapping("Key", scalarNode(key), "Value", scalarNode(plain(tags[key]))))
	}
	return out
}

// textNode is a text, whose placeholders become functions.
func (e *Export) textNode(s string) *yaml.Node {
	found := placeholders.FindStringSubmatch(s)
	if found == nil || e.types[found[1]] == nil {
		return scalarNode(s)
	}
	id := found[1]
	k := e.types[id]
	attribute := function("Fn::GetAtt", &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle,
		Content: []*yaml.Node{scalarNode(id), scalarNode(k.arn)}})
	switch s {
	case arnOf(e.arn, k.typ, Placeholder(id)):
		return attribute
	case Placeholder(id): // the last of arn:…:instance, INSTANCE, TYPE, ID
		return function("Fn::Select", &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode,
			Value: "3"}, function("Fn::Split", &yaml.Node{Kind: yaml.SequenceNode,
			Content: []*yaml.Node{scalarNode("/"), attribute}})}})
	}
	text := strings.ReplaceAll(s, "${", "${!")
	for _, m := range placeholders.FindAllStringSubmatch(s, -1) {
		if k := e.types[m[1]]; k != nil {
			text = strings.ReplaceAll(text, arnOf(e.arn, k.typ, m[0]), "${"+m[1]+"."+k.arn+"}")
		}
	}
	return function("Fn::Sub", scalarNode(text))
}

func function(name string, argument *yaml.Node) *yaml.Node { return mapping(name, argument) }

// mapping is a map of alternating names and nodes.
func mapping(pairs ...any) *yaml.Node {
	out := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; i < len(pairs); i += 2 {
		add(out, pairs[i].(string), pairs[i+1].(*yaml.Node))
	}
	return out
}

func add(to *yaml.Node, name string, v *yaml.Node) {
	to.Content = append(to.Content, scalarNode(name), v)
}

// scalarNode is a text, in quotes where another type would be read without.
func scalarNode(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	if n.Style == 0 && ambiguous(s) {
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// ambiguous reports whether some reader of YAML, whose versions differ, takes a text for something else.
func ambiguous(s string) bool {
	if s == "" || strings.Trim(s, "0123456789.:_-+eExXoO,") == "" {
		return true
	}
	switch strings.ToLower(s) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "=", "<<":
		return true
	}
	return strings.ContainsAny(s, "\u0085\u2028\u2029\ufeff")
}

func boolNode(v bool) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Value: strconv.FormatBool(v)}
}

// plainDocument is a node as a value for JSON.
func plainDocument(n *yaml.Node) any {
	switch n.Kind {
	case yaml.SequenceNode:
		out := make([]any, len(n.Content))
		for i := range n.Content {
			out[i] = plainDocument(n.Content[i])
		}
		return out
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			out[n.Content[i].Value] = plainDocument(n.Content[i+1])
		}
		return out
	}
	if n.Tag == "" && n.Style == 0 { // numbers and booleans, which are made without a tag
		return jsontext.Value(n.Value)
	}
	return n.Value
}

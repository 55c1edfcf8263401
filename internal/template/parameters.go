package template

import (
	"bytes"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lanyard/lanyard/internal/typo"
)

// A parameter is declared by a file. Its value is found when something needs it, so that those of other resources need
// none.
type parameter struct {
	name     string
	typeName string
	node     *Node
	secret   bool // NoEcho
	value    *Value
}

var parameterKeys = []string{"AllowedPattern", "AllowedValues", "ConstraintDescription", "Default", "Description",
	"MaxLength", "MaxValue", "MinLength", "MinValue", "NoEcho", "Type"}

var (
	ssmType   = regexp.MustCompile(`^AWS::SSM::Parameter::(Name|Value<.+>)$`)
	awsType   = regexp.MustCompile(`^AWS::[A-Za-z0-9]+(::[A-Za-z0-9]+)+$`)
	listType  = regexp.MustCompile(`^(List<.+>|CommaDelimitedList)$`)
	plainType = []string{"CommaDelimitedList", "List<Number>", "List<String>", "Number", "String"}
)

func (r *resolver) readParameter(e Entry) *parameter {
	n := e.Value.resolved()
	p := &parameter{name: e.Key.Text, node: n, typeName: "String"}
	if n.Kind != Map || n.Tag != "" {
		r.fail(e.Value.Pos, "parameter %q must be a map with Type, got %s", p.name, describe(n))
		return p
	}
	for entry := range n.All() {
		if !slices.Contains(parameterKeys, entry.Key.Text) {
			r.fail(entry.Key.Pos, "parameter attribute %s does not exist%s", quote(entry.Key.Text),
				typo.DidYouMean(entry.Key.Text, parameterKeys))
		}
	}
	t := n.Get("Type")
	switch {
	case t == nil:
		r.fail(e.Key.Pos, "Type is required in parameter %q", p.name)
		return p
	case !isParameterType(t.Text):
		r.fail(t.Pos, "Type must be String, Number, CommaDelimitedList, List<…> or a type of AWS's, got %s%s",
			quote(t.Text), typo.DidYouMean(t.Text, plainType))
		return p
	}
	p.typeName = t.Text
	if secret := n.Get("NoEcho"); secret != nil {
		p.secret = trueText.MatchString(secret.Text)
	}
	return p
}

func isParameterType(t string) bool {
	inner := strings.TrimSuffix(strings.TrimPrefix(t, "List<"), ">")
	return slices.Contains(plainType, t) || ssmType.MatchString(t) || awsType.MatchString(inner)
}

// parameterValue returns a parameter's value. What is wrong with it is reported where it is declared; that there is
// none, where it is needed.
func (r *resolver) parameterValue(name string, p *parameter, used Position) *Value {
	if p.value != nil && (p.value.Kind != Invalid || p.value.Text == "") {
		return p.value
	}
	given, ok := r.in.Parameters[name]
	source := p.node.Get("Default")
	switch {
	case ok && ssmType.MatchString(p.typeName):
		r.warn(p.node.Pos, "parameter %q is taken as the value itself; AWS takes it as the name of a parameter in SSM", name)
	case ok:
	case ssmType.MatchString(p.typeName):
		return r.fail(used, "parameter %q cannot be resolved here: its value is in SSM; give it with --param %s=…", name, printable(name))
	case source == nil:
		return r.fail(used, "parameter %q is required; give it with --param %s=…", name, printable(name))
	case source.Kind == List || source.Kind == Map || source.Kind == Null || source.Tag != "":
		p.value = r.fail(source.Pos, "Default must be a string or a number, got %s", describe(source))
		return p.value
	default:
		given = r.scalarText(source)
	}
	p.value = r.checkParameter(p, given)
	return p.value
}

// scalarText returns the text that AWS makes of a scalar where a string is meant, and warns if that is not what is
// written.
func (r *resolver) scalarText(n *Node) string {
	text := n.Text
	if n.Kind == Bool {
		text = strconv.FormatBool(trueText.MatchString(text))
	}
	r.warnPlain(n, text)
	return text
}

// checkParameter returns the value for a text, if it meets what the declaration demands.
func (r *resolver) checkParameter(p *parameter, text string) *Value {
	pos := p.node.Pos
	if n := p.node.Get("Default"); n != nil && n.Text == text {
		pos = n.Pos
	}
	if !listType.MatchString(p.typeName) && !strings.Contains(p.typeName, "<List<") {
		return r.checkItem(p, text, pos)
	}
	list := &Value{Kind: List, Secret: p.secret, Pos: pos}
	if text == "" {
		return list
	}
	for item := range strings.SplitSeq(text, ",") {
		v := r.checkItem(p, strings.TrimSpace(item), pos)
		if v.Kind == Invalid {
			return v
		}
		list.Items = append(list.Items, v)
	}
	return list
}

func (r *resolver) checkItem(p *parameter, text string, pos Position) *Value {
	v := &Value{Kind: String, Text: text, Secret: p.secret, Pos: pos}
	got := v.String()
	if strings.Contains(text, "{{resolve:") {
		return r.fail(pos, "parameter %q cannot be resolved here: it is a dynamic reference; give its value with --param",
			p.name)
	}
	if allowed := p.node.Get("AllowedValues"); allowed != nil && allowed.Kind == List {
		var values []string
		for _, a := range allowed.Items {
			values = append(values, r.scalarText(a.resolved()))
		}
		if !slices.Contains(values, text) {
			return r.fail(pos, "parameter %q must be %s, got %s%s", p.name, printable(join(values)), got, p.description())
		}
	}
	if pattern := p.node.Get("AllowedPattern"); pattern != nil {
		re, err := compilePattern("^(?:" + pattern.Text + ")$")
		if err != nil {
			r.warn(pattern.Pos, "AllowedPattern of parameter %q is not checked here: %s", p.name, err)
		} else if !re.MatchString(text) {
			return r.fail(pos, "parameter %q must match %s, got %s%s", p.name, printable(pattern.Text), got, p.description())
		}
	}
	if strings.Contains(p.typeName, "Number") {
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return r.fail(pos, "parameter %q must be a number, got %s", p.name, got)
		}
		v.Kind = Number
	}
	return r.checkBounds(p, v)
}

func (r *resolver) checkBounds(p *parameter, v *Value) *Value {
	length := strconv.Itoa(utf8.RuneCountInString(v.Text))
	for _, bound := range []struct {
		key, of, what string
		most          bool
	}{
		{"MinLength", length, "have at least %s characters", false},
		{"MaxLength", length, "have at most %s characters", true},
		{"MinValue", v.Text, "be at least %s", false},
		{"MaxValue", v.Text, "be at most %s", true},
	} {
		n := p.node.Get(bound.key)
		if n == nil || strings.HasSuffix(bound.key, "Value") && v.Kind != Number {
			continue
		}
		limit, ok := rational(n.Text)
		if !ok {
			return r.fail(n.Pos, "%s must be a number, got %s", bound.key, describe(n))
		}
		is, _ := rational(bound.of)
		if is == nil || is.Cmp(limit) < 0 && !bound.most || is.Cmp(limit) > 0 && bound.most {
			return r.fail(v.Pos, "parameter %q must %s, got %s%s", p.name, fmt.Sprintf(bound.what, printable(n.Text)), v,
				p.description())
		}
	}
	return v
}

// rational reads a number exactly, unless its exponent makes that expensive.
func rational(text string) (*big.Rat, bool) {
	if f, err := strconv.ParseFloat(text, 64); err != nil || f > 1e100 || f < -1e100 || len(text) > 100 {
		return nil, false
	}
	if f, _ := strconv.ParseFloat(text, 64); strings.ContainsAny(text, "eExXpP_") {
		return new(big.Rat).SetFloat64(f), true
	}
	return new(big.Rat).SetString(text)
}

// description is what the template's author says about the values that are accepted.
func (p *parameter) description() string {
	if d := p.node.Get("ConstraintDescription"); d != nil && d.Text != "" {
		return "; " + printable(d.Text)
	}
	return ""
}

// checkGiven reports parameters that were given and that no file declares.
func (r *resolver) checkGiven() {
	declared := map[string]bool{}
	for _, s := range r.scopes {
		for name := range s.parameters {
			declared[name] = true
		}
		for e := range s.file.Root.Get("Resources").All() {
			declared[e.Key.Text] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.in.Parameters)) {
		id, _, _ := strings.Cut(name, ".")
		if declared[name] || declared[id] || strings.HasPrefix(name, "Fn::ImportValue:") ||
			slices.Contains(pseudoParameters, name) {
			continue
		}
		r.fail(Position{File: r.firstFile()}, "parameter %q does not exist%s", name,
			r.hint(name, func() []string { return slices.Sorted(maps.Keys(declared)) }))
	}
}

func (r *resolver) firstFile() string {
	if len(r.scopes) == 1 {
		return r.scopes[0].file.Name
	}
	return ""
}

// ReadParameters reads a file of parameters into values by name: in the list form of the AWS CLI, also with items such
// as "Name=Value", in CodePipeline's form with a Parameters member, or as a plain map; in JSON or YAML.
func ReadParameters(name string, content []byte) (map[string]string, error) {
	f := newFile(name, content)
	if err := f.checkBytes(); err != nil {
		return nil, err
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(content, byteOrderMark), " \t\r\n")
	read := f.parseYAML
	if bytes.HasPrefix(text, []byte("[")) || bytes.HasPrefix(text, []byte("{")) {
		read = f.parseJSON
	}
	if len(text) == 0 {
		return nil, failAt(Position{File: name}, "parameters must be a map or a list, got an empty file")
	}
	root, err := read()
	if err != nil {
		return nil, err
	}
	root = root.resolved()
	if nested := root.Get("Parameters"); nested != nil && nested.Kind == Map {
		root = nested
	}
	switch {
	case root.Kind == List && root.Tag == "":
		return readParameterList(root)
	case root.Kind == Map && root.Tag == "":
		return readParameterMap(root)
	}
	return nil, failAt(root.Pos, "parameters must be a map, or a list of ParameterKey and ParameterValue, got a %s",
		root.Kind)
}

func readParameterMap(root *Node) (map[string]string, error) {
	out := map[string]string{}
	for e := range root.All() {
		text, err := parameterText(e.Key.Text, e.Value)
		if err != nil {
			return nil, err
		}
		out[e.Key.Text] = text
	}
	return out, nil
}

func readParameterList(root *Node) (map[string]string, error) {
	out := map[string]string{}
	for _, item := range root.Items {
		item = item.resolved()
		name, text, err := readParameterItem(item)
		if err != nil {
			return nil, err
		}
		if _, ok := out[name]; ok {
			return nil, failAt(item.Pos, "parameter %q must be given once, got it twice", name)
		}
		out[name] = text
	}
	return out, nil
}

func readParameterItem(item *Node) (name, text string, err error) {
	if item.Kind == String && item.Tag == "" {
		name, text, err = ParseParameter(item.Text)
		if err != nil {
			err = failAt(item.Pos, "%s", err)
		}
		return name, text, err
	}
	key, value := item.Get("ParameterKey"), item.Get("ParameterValue")
	switch {
	case item.Kind != Map || item.Tag != "":
		return "", "", failAt(item.Pos, "a parameter must be a map with ParameterKey and ParameterValue, got a %s",
			item.Kind)
	case key == nil || key.Kind != String:
		return "", "", failAt(item.Pos, "ParameterKey is required")
	case value == nil && item.Get("UsePreviousValue") != nil:
		return "", "", failAt(item.Pos, "ParameterValue is required for %s, since no earlier value is known here",
			printable(key.Text))
	case value == nil:
		return "", "", failAt(item.Pos, "ParameterValue is required for %s", printable(key.Text))
	}
	text, err = parameterText(key.Text, value)
	return key.Text, text, err
}

// parameterText returns the text of a value; items of a list are joined.
func parameterText(name string, n *Node) (string, error) {
	n = n.resolved()
	switch {
	case n.Tag == "" && (n.Kind == String || n.Kind == Number || n.Kind == Bool):
		return n.Text, nil
	case n.Tag == "" && n.Kind == List:
		var texts []string
		for _, item := range n.Items {
			item = item.resolved()
			if item.Kind == List { // which would nest without end
				return "", failAt(item.Pos, "items of parameter %q must be strings, got a list", name)
			}
			text, err := parameterText(name, item)
			if err != nil {
				return "", err
			}
			texts = append(texts, text)
		}
		return strings.Join(texts, ","), nil
	}
	return "", failAt(n.Pos, "parameter %q must be a string, a number or a list of them, got %s", name, describe(n))
}

// ParseParameter reads a parameter as it is given on a command line: Name=Value. The error does not have the text,
// which may be a secret.
func ParseParameter(text string) (name, value string, err error) {
	name, value, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return "", "", fmt.Errorf("a parameter must be NAME=VALUE, got %s without a name or without =",
			count(utf8.RuneCountInString(text), "character"))
	}
	return name, value, nil
}

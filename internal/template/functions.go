package template

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard/internal/typo"
)

// noValue is the kind of AWS::NoValue, which is removed from the list or map that it is in.
const noValue = Deferred + 1

// A call is a function where it is used.
type call struct {
	name     string // Ref, Condition or Fn::Name
	argument *Node
	pos      Position
	scope    *scope
}

// functionOf returns the call that a node is, or nil: a short tag, or a map of one key.
func (r *resolver) functionOf(s *scope, n *Node) *call {
	if n.Tag != "" {
		name := strings.TrimPrefix(n.Tag, "!")
		if name != "Ref" && name != "Condition" {
			name = "Fn::" + name
		}
		argument := *n
		argument.Tag = ""
		if n.Kind == String && n.Plain { // the text of a tagged scalar is a string, whatever it looks like
			argument.Plain = false
		}
		return &call{name, &argument, n.Pos, s}
	}
	if n.Kind != Map {
		return nil
	}
	for _, e := range n.Entries {
		if e.Key.Text == "Ref" || strings.HasPrefix(e.Key.Text, "Fn::") {
			if len(n.Entries) > 1 {
				r.fail(e.Key.Pos, "%s must be the only key of its map, got %d keys", printable(e.Key.Text), len(n.Entries))
			}
			return &call{e.Key.Text, e.Value, n.Pos, s}
		}
	}
	return nil
}

// eval evaluates a node. What cannot be evaluated is reported and becomes an invalid value.
func (r *resolver) eval(s *scope, n *Node) *Value {
	n = n.resolved()
	if r.values++; r.values > maxValues || r.depth > 4*maxDepth {
		return r.exhaust(n.Pos, "a stack must have at most %d values, nested at most %d deep; aliases make too many of them",
			maxValues, 4*maxDepth)
	}
	r.depth++
	defer func() { r.depth-- }()
	if c := r.functionOf(s, n); c != nil {
		return r.measured(r.call(c))
	}
	return r.measured(r.literal(s, n))
}

// measured returns a value, unless all texts together are too long: an alias or a variable can repeat one at no cost.
func (r *resolver) measured(v *Value) *Value {
	if r.text += len(v.Text); r.text <= maxText || v.Kind == Invalid {
		return v
	}
	return r.exhaust(v.Pos, "the values of a stack must have at most %d bytes of text, got more", maxText)
}

// literal evaluates a node that is no function.
func (r *resolver) literal(s *scope, n *Node) *Value {
	v := &Value{Kind: n.Kind, Text: n.Text, Pos: n.Pos, Node: n}
	switch n.Kind {
	case Null:
		return r.fail(n.Pos, "null is not accepted in a template; remove the entry, or use AWS::NoValue")
	case Bool:
		v.Text = strconv.FormatBool(trueText.MatchString(n.Text))
	case String:
		if strings.Contains(n.Text, "{{resolve:") {
			return r.fail(n.Pos, "{{resolve:…}} cannot be resolved here; use a parameter and give it with --param")
		}
	case List:
		r.evalItems(s, n, v)
	case Map:
		r.evalMembers(s, n, v)
	}
	return v
}

func (r *resolver) evalItems(s *scope, n *Node, v *Value) {
	for _, item := range n.Items {
		if r.exhausted {
			return
		}
		if x := r.eval(s, item); x.Kind != noValue {
			v.Items = append(v.Items, x)
		}
	}
}

func (r *resolver) evalMembers(s *scope, n *Node, v *Value) {
	for e := range n.All() {
		if r.exhausted {
			return
		}
		if x := r.eval(s, e.Value); x.Kind != noValue {
			v.Members = append(v.Members, Member{e.Key.Text, e.Key.Pos, x})
		}
	}
}

// functions are those that can be evaluated here. It is filled by init, since they call eval.
var functions map[string]func(*resolver, *call) *Value

func init() {
	functions = map[string]func(*resolver, *call) *Value{
		"Ref":              (*resolver).ref,
		"Fn::Base64":       (*resolver).base64,
		"Fn::FindInMap":    (*resolver).findInMap,
		"Fn::GetAtt":       (*resolver).getAtt,
		"Fn::If":           (*resolver).ifElse,
		"Fn::ImportValue":  (*resolver).importValue,
		"Fn::Join":         (*resolver).join,
		"Fn::Length":       (*resolver).length,
		"Fn::Select":       (*resolver).choose,
		"Fn::Split":        (*resolver).split,
		"Fn::Sub":          (*resolver).sub,
		"Fn::ToJsonString": (*resolver).toJSONString,
	}
}

// unresolvable are functions of CloudFormation's that need AWS, or a condition around them.
var unresolvable = map[string]string{
	"Fn::Transform": "macros run on AWS; give their result as a parameter",
	"Fn::GetAZs":    "only AWS knows the zones of a region; give them as a parameter",
	"Fn::Cidr":      "give the result as a parameter",
	"Fn::ForEach":   "write out what it repeats",
	"Fn::And":       "use it in Conditions, and Fn::If here",
	"Fn::Or":        "use it in Conditions, and Fn::If here",
	"Fn::Not":       "use it in Conditions, and Fn::If here",
	"Fn::Equals":    "use it in Conditions, and Fn::If here",
	"Condition":     "use Fn::If here",
}

func (r *resolver) call(c *call) *Value {
	if f := functions[c.name]; f != nil {
		v := f(r, c)
		if v.Kind != Invalid && v.Kind != noValue && c.name != "Fn::If" { // a branch of that is where it is written
			shown := *v
			shown.Pos, shown.Node = c.pos, nil
			return &shown
		}
		return v
	}
	name, _, _ := strings.Cut(c.name, "::ForEach::")
	if name != c.name {
		name += "::ForEach"
	}
	if hint := unresolvable[name]; hint != "" {
		return r.fail(c.pos, "%s cannot be resolved here; %s", printable(name), hint)
	}
	known := slices.Collect(maps.Keys(functions))
	known = slices.Sorted(slices.Values(slices.AppendSeq(known, maps.Keys(unresolvable))))
	return r.fail(c.pos, "function %s does not exist in CloudFormation%s", quote(c.name), typo.DidYouMean(c.name, known))
}

// apply calls a function of values now if they are known, and when the resources that they depend on exist if not.
func (r *resolver) apply(c *call, apply func([]*Value) (*Value, error), arguments ...*Value) *Value {
	secret, deferred := false, false
	for _, a := range arguments {
		if a.Kind == Invalid {
			return &Value{Kind: Invalid, Pos: c.pos}
		}
		a.walk(func(v *Value) {
			secret = secret || v.Secret
			deferred = deferred || v.Kind == Deferred
		})
	}
	if deferred {
		return &Value{Kind: Deferred, Pos: c.pos, Secret: secret,
			call: &deferredCall{c.name, arguments, apply}}
	}
	v, err := apply(arguments)
	if err != nil {
		return r.fail(c.pos, "%s %s", c.name, err)
	}
	out := *v // it may be one of the arguments
	out.Secret = out.Secret || secret
	return &out
}

// arguments returns the list of nodes that a function is given, if it has from least to most of them.
func (r *resolver) arguments(c *call, least, most int, form string) []*Node {
	n := c.argument.resolved()
	if n.Kind != List || n.Tag != "" || len(n.Items) < least || len(n.Items) > most {
		got := describe(n)
		if n.Kind == List && n.Tag == "" {
			got = "a list of " + count(len(n.Items), "item")
		}
		r.fail(n.Pos, "%s must be %s, got %s", c.name, form, got)
		return nil
	}
	return n.Items
}

// scalar returns an evaluated argument that must be a string, a number or a boolean; others are reported.
func (r *resolver) scalar(c *call, n *Node, what string) *Value {
	v := r.eval(c.scope, n)
	switch v.Kind {
	case String, Number, Bool, Deferred, Invalid:
		return v
	}
	return r.fail(v.Pos, "%s of %s must be a string, got %s", what, c.name, v)
}

// known returns an argument that must not depend on a resource.
func (r *resolver) known(c *call, n *Node, what string) *Value {
	v := r.scalar(c, n, what)
	if v.Kind == Deferred {
		return r.fail(v.Pos, "%s of %s must not depend on a resource, got %s", what, c.name, v)
	}
	return v
}

func (r *resolver) ifElse(c *call) *Value {
	items := r.arguments(c, 3, 3, "a list of a condition's name and two values")
	if items == nil {
		return &Value{Kind: Invalid, Pos: c.pos}
	}
	name := items[0].resolved()
	if name.Kind != String || name.Tag != "" {
		return r.fail(name.Pos, "the condition of Fn::If must be the name of a condition, got %s", describe(name))
	}
	holds, ok := r.namedCondition(c.scope, name.Text, name.Pos)
	switch {
	case !ok:
		return &Value{Kind: Invalid, Pos: c.pos}
	case holds:
		return r.eval(c.scope, items[1])
	}
	return r.eval(c.scope, items[2])
}

func (r *resolver) findInMap(c *call) *Value {
	items := r.arguments(c, 3, 4, "a list of a map's name and two keys")
	if items == nil {
		return &Value{Kind: Invalid, Pos: c.pos}
	}
	keys := [3]*Value{}
	for i, what := range []string{"the map", "the first key", "the second key"} {
		if keys[i] = r.known(c, items[i], what); keys[i].Kind == Invalid {
			return keys[i]
		}
	}
	found := c.scope.mappings
	for i, key := range keys {
		next := found.Get(key.Text)
		if next == nil && len(items) == 4 {
			return r.mapDefault(c, items[3])
		}
		if next == nil {
			where := []string{"Mappings", keys[0].Text, keys[0].Text + "." + keys[1].Text}[i]
			return r.fail(c.pos, "key %s does not exist in %s%s", key, printable(where),
				r.hint(key.Text, func() []string { return keysOf(found) }))
		}
		found = next
	}
	return r.eval(c.scope, found)
}

func (r *resolver) mapDefault(c *call, n *Node) *Value {
	if d := n.resolved().Get("DefaultValue"); d != nil {
		return r.eval(c.scope, d)
	}
	return r.fail(n.Pos, "the fourth item of Fn::FindInMap must be a map with DefaultValue, got %s", describe(n))
}

func keysOf(n *Node) (keys []string) {
	for e := range n.All() {
		keys = append(keys, e.Key.Text)
	}
	return keys
}

func (r *resolver) importValue(c *call) *Value {
	name := r.known(c, c.argument, "the name")
	if name.Kind == Invalid {
		return name
	}
	key := "Fn::ImportValue:" + name.Text
	if given, ok := r.in.Parameters[key]; ok {
		return &Value{Kind: String, Text: given, Pos: c.pos}
	}
	e, ok := r.exports[name.Text]
	switch {
	case !ok:
		return r.fail(c.pos, "export %s cannot be resolved here: no file of this stack exports it; give it with --param %s=…",
			name, printable(key))
	case r.importing[name.Text] || e.value == nil:
		return r.fail(c.pos, "export %s must not import itself", name)
	}
	r.importing[name.Text] = true
	defer delete(r.importing, name.Text)
	return r.eval(e.scope, e.value)
}

func (r *resolver) join(c *call) *Value {
	items := r.arguments(c, 2, 2, "a list of a delimiter and a list of values")
	if items == nil {
		return &Value{Kind: Invalid, Pos: c.pos}
	}
	delimiter := r.known(c, items[0], "the delimiter")
	return r.apply(c, func(a []*Value) (*Value, error) { return joinTexts(a[0].Text, a[1]) },
		delimiter, r.eval(c.scope, items[1]))
}

// joinTexts joins a list of scalars. One that is the only one stays what it is.
func joinTexts(delimiter string, list *Value) (*Value, error) {
	if list.Kind != List {
		return nil, fmt.Errorf("must have a list of values, got %s", list)
	}
	var texts []string
	size := 0
	for _, item := range list.Items {
		if item.Kind == List || item.Kind == Map {
			return nil, fmt.Errorf("must have a list of strings, got %s in it", item)
		}
		if size += len(item.Text) + len(delimiter); size > maxText {
			return nil, fmt.Errorf("must make at most %d bytes of text, got more", maxText)
		}
		texts = append(texts, item.Text)
	}
	return &Value{Kind: String, Text: strings.Join(texts, delimiter)}, nil
}

func (r *resolver) choose(c *call) *Value {
	items := r.arguments(c, 2, 2, "a list of an index and a list of values")
	if items == nil {
		return &Value{Kind: Invalid, Pos: c.pos}
	}
	index, list := r.known(c, items[0], "the index"), r.eval(c.scope, items[1])
	if list.Kind == List && index.Kind != Invalid { // the others may depend on resources
		v, err := selectItem([]*Value{index, list})
		if err != nil {
			return r.fail(c.pos, "%s %s", c.name, err)
		}
		return v
	}
	return r.apply(c, selectItem, index, list)
}

func selectItem(a []*Value) (*Value, error) {
	index, list := a[0], a[1]
	i, err := strconv.Atoi(index.Text)
	switch {
	case list.Kind != List:
		return nil, fmt.Errorf("must have a list of values, got %s", list)
	case err != nil || i < 0 || i >= len(list.Items):
		return nil, fmt.Errorf("must have an index from 0 to %d, got %s", len(list.Items)-1, index)
	}
	return list.Items[i], nil
}

func (r *resolver) split(c *call) *Value {
	items := r.arguments(c, 2, 2, "a list of a delimiter and a string")
	if items == nil {
		return &Value{Kind: Invalid, Pos: c.pos}
	}
	return r.apply(c, splitText, r.known(c, items[0], "the delimiter"), r.scalar(c, items[1], "the text"))
}

func splitText(a []*Value) (*Value, error) {
	if a[0].Text == "" {
		return nil, errors.New("must have a delimiter of 1 character or more, got none")
	}
	const most = 10_000
	out := &Value{Kind: List}
	texts := strings.SplitN(a[1].Text, a[0].Text, most+1)
	if len(texts) > most {
		return nil, fmt.Errorf("must make at most %d items, got more", most)
	}
	for _, text := range texts {
		out.Items = append(out.Items, &Value{Kind: String, Text: text, Pos: a[1].Pos, Secret: a[1].Secret})
	}
	return out, nil
}

func (r *resolver) base64(c *call) *Value {
	return r.apply(c, func(a []*Value) (*Value, error) {
		return &Value{Kind: String, Text: base64.StdEncoding.EncodeToString([]byte(a[0].Text))}, nil
	}, r.scalar(c, c.argument, "the text"))
}

func (r *resolver) length(c *call) *Value {
	v := r.eval(c.scope, c.argument)
	if v.Kind == List {
		return &Value{Kind: Number, Text: strconv.Itoa(len(v.Items)), Pos: c.pos}
	}
	return r.apply(c, func(a []*Value) (*Value, error) {
		if a[0].Kind != List {
			return nil, fmt.Errorf("must have a list, got %s", a[0])
		}
		return &Value{Kind: Number, Text: strconv.Itoa(len(a[0].Items))}, nil
	}, v)
}

func (r *resolver) toJSONString(c *call) *Value {
	return r.apply(c, func(a []*Value) (*Value, error) {
		if a[0].Kind != List && a[0].Kind != Map {
			return nil, fmt.Errorf("must have a list or a map, got %s", a[0])
		}
		text, err := appendJSON(nil, a[0])
		return &Value{Kind: String, Text: string(text)}, err
	}, r.eval(c.scope, c.argument))
}

// appendJSON writes a value without deferred parts as JSON.
func appendJSON(b []byte, v *Value) ([]byte, error) {
	var err error
	switch v.Kind {
	case String:
		return jsontext.AppendQuote(b, v.Text)
	case List:
		b = append(b, '[')
		for i, item := range v.Items {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendJSON(b, item); err != nil {
				return b, err
			}
		}
		return append(b, ']'), nil
	case Map:
		b = append(b, '{')
		for i, m := range v.Members {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = jsontext.AppendQuote(b, m.Key); err != nil {
				return b, err
			}
			if b, err = appendJSON(append(b, ':'), m.Value); err != nil {
				return b, err
			}
		}
		return append(b, '}'), nil
	case Number:
		if !jsontext.Value(v.Text).IsValid() { // YAML has more forms of numbers
			return jsontext.AppendQuote(b, v.Text)
		}
	}
	return append(b, v.Text...), nil
}

// printable returns text of a file for a message, without what a terminal would act on.
func printable(text string) string {
	quoted := quote(text)
	return quoted[1 : len(quoted)-1]
}

package template

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lanyard/lanyard/internal/typo"
)

// A checker compares a resource's values with the schema of its type, and gives them the schema's types.
type checker struct {
	r    *resolver
	t    *ResourceType
	what string // what unknown members are said not to be of, at the top
}

func (r *resolver) checkProperties(d *declared, v *Value) *Value {
	c := &checker{r, d.schema, d.typeName}
	if v.Kind != Map {
		if v.Kind != Invalid {
			r.fail(v.Pos, "Properties must be a map, got %s", v)
		}
		return &Value{Kind: Map, Pos: v.Pos}
	}
	members := v.Members
	v.Members = nil
	for _, m := range members {
		if slices.Contains(d.schema.Attributes, m.Key) {
			r.fail(m.Pos, "%s must be absent: it is set by AWS and can only be read", m.Key)
			continue
		}
		v.Members = append(v.Members, m)
	}
	if v.Pos == d.pos || len(v.Members) == 0 {
		v.Pos = d.pos // what is missing is reported at the resource
	}
	return c.value(v, d.schema.shape, "")
}

func (r *resolver) checkMetadata(d *declared, v *Value) *Value {
	switch {
	case v.Kind == Invalid || v.Kind == noValue:
		return nil
	case d.schema.metadata == nil && v.Kind == Map && len(v.Members) == 0:
		return v
	case d.schema.metadata == nil:
		return r.fail(v.Pos, "Metadata.Lanyard must be absent: lanyard reads none of %s", d.typeName)
	case v.Kind != Map:
		return r.fail(v.Pos, "Metadata.Lanyard must be a map, got %s", v)
	}
	c := &checker{r, d.schema, "Metadata.Lanyard of " + d.typeName}
	return c.value(v, d.schema.metadata, "")
}

// value returns v in the type of a shape. What does not fit is reported and becomes invalid.
func (c *checker) value(v *Value, s *shape, path string) *Value {
	s = c.t.follow(s)
	if v.Kind == Invalid {
		return v
	}
	if v.Kind == Deferred {
		c.deferred(v, s, path)
		return v
	}
	switch s.Type {
	case "object":
		return c.object(v, s, path)
	case "array":
		return c.array(v, s, path)
	case "boolean":
		return c.boolean(v, path)
	case "integer", "number":
		return c.number(v, s, path)
	}
	return c.text(v, s, path)
}

func (c *checker) object(v *Value, s *shape, path string) *Value {
	if v.Kind != Map {
		return c.wrong(v, path, "a map")
	}
	out := *v
	out.Members = slices.Clone(v.Members)
	for i, m := range out.Members {
		inner := s.Properties[m.Key]
		if inner == nil {
			c.unknown(m, s, path)
			continue
		}
		out.Members[i].Value = c.value(m.Value, inner, strings.TrimPrefix(path+"."+m.Key, "."))
	}
	for _, name := range s.Required {
		if v.member(name) != nil {
			continue
		}
		if where := c.place(path); !slices.ContainsFunc(v.Members, func(m Member) bool {
			return s.Properties[m.Key] == nil && typo.Nearest(m.Key, []string{name}) != ""
		}) { // else the misspelt name says it
			c.r.fail(v.Pos, "%s is required in %s", name, where)
		}
	}
	return &out
}

// place names the map at a path.
func (c *checker) place(path string) string {
	if path == "" {
		return c.what
	}
	return path
}

func (c *checker) unknown(m Member, s *shape, path string) {
	known := slices.Sorted(maps.Keys(s.Properties))
	if path == "" && c.what == c.t.Name {
		known = c.t.Properties
	}
	c.r.fail(m.Pos, "property %s does not exist in %s%s", quote(m.Key), c.place(path), typo.DidYouMean(m.Key, known))
}

func (c *checker) wrong(v *Value, path, want string) *Value {
	return c.r.fail(v.Pos, "%s must be %s, got %s", path, want, v)
}

func (c *checker) array(v *Value, s *shape, path string) *Value {
	if v.Kind != List {
		return c.wrong(v, path, "a list")
	}
	n := len(v.Items)
	if s.MinItems != nil && n < *s.MinItems {
		return c.wrong(v, path, "a list of at least "+count(*s.MinItems, "item"))
	}
	if s.MaxItems != nil && n > *s.MaxItems {
		return c.wrong(v, path, "a list of at most "+count(*s.MaxItems, "item"))
	}
	out := *v
	out.Items = make([]*Value, n)
	first := map[string]int{}
	for i, item := range v.Items {
		out.Items[i] = c.value(item, s.Items, fmt.Sprintf("%s[%d]", path, i))
		if !s.UniqueItems || item.Kind == Invalid {
			continue
		}
		key := out.Items[i].key()
		if j, ok := first[key]; ok {
			c.r.fail(item.Pos, "%s must have unique items, got %s twice; the first is %s[%d]", path, item, path, j)
			continue
		}
		first[key] = i
	}
	return &out
}

func (c *checker) boolean(v *Value, path string) *Value {
	text := strings.ToLower(v.Text)
	if v.Kind != Bool && (v.Kind != String || text != "true" && text != "false") {
		return c.wrong(v, path, "true or false")
	}
	out := *v
	out.Kind, out.Text = Bool, text
	return &out
}

var (
	integerText  = regexp.MustCompile(`^[-+]?[0-9]{1,18}$`)
	ordinaryText = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,14})(\.[0-9]*[1-9])?$`) // read and written alike by everybody
)

func (c *checker) number(v *Value, s *shape, path string) *Value {
	want := "a whole number"
	if s.Type == "number" {
		want = "a number"
	}
	text := v.Text
	if v.Node != nil && v.Node.Plain && octalText.MatchString(text) {
		n, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 8, 64)
		if err != nil {
			return c.wrong(v, path, want)
		}
		c.r.warn(v.Pos, "AWS reads %s as an octal number, %d; write it without the leading 0", text, n)
		text = strconv.FormatInt(n, 10)
	}
	number, err := strconv.ParseFloat(text, 64)
	if v.Kind != Number && v.Kind != String || err != nil || s.Type == "integer" && !integerText.MatchString(text) {
		return c.wrong(v, path, want)
	}
	if s.Minimum != nil && number < *s.Minimum || s.Maximum != nil && number > *s.Maximum {
		return c.wrong(v, path, want+" "+bounds(s))
	}
	out := *v
	out.Kind, out.Text = Number, strconv.FormatFloat(number, 'f', -1, 64)
	return &out
}

func bounds(s *shape) string {
	number := func(f *float64) string { return strconv.FormatFloat(*f, 'f', -1, 64) }
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		return "from " + number(s.Minimum) + " to " + number(s.Maximum)
	case s.Minimum != nil:
		return "of at least " + number(s.Minimum)
	}
	return "of at most " + number(s.Maximum)
}

func (c *checker) text(v *Value, s *shape, path string) *Value {
	if v.Kind == List || v.Kind == Map {
		return c.wrong(v, path, "a string")
	}
	c.r.warnPlain(v.Node, v.Text)
	n := utf8.RuneCountInString(v.Text)
	switch {
	case s.MinLength != nil && n < *s.MinLength:
		return c.wrong(v, path, "a string of at least "+count(*s.MinLength, "character"))
	case s.MaxLength != nil && n > *s.MaxLength:
		return c.r.fail(v.Pos, "%s must be a string of at most %s, got %d", path, count(*s.MaxLength, "character"), n)
	case len(s.Enum) > 0 && !slices.Contains(s.Enum, v.Text):
		hint := ""
		if !v.Secret {
			hint = typo.DidYouMean(v.Text, s.Enum)
		}
		return c.r.fail(v.Pos, "%s must be %s, got %s%s", path, join(s.Enum), v, hint)
	}
	if p := s.compiled(); p != nil && !p.MatchString(v.Text) {
		return c.wrong(v, path, patternWords(s.Pattern))
	}
	out := *v
	out.Kind = String
	return &out
}

// warnPlain warns about words without quotes that are no strings for AWS, though a string is meant.
func (r *resolver) warnPlain(n *Node, text string) {
	switch {
	case n == nil || !n.Plain:
	case n.Kind == Bool && !strings.EqualFold(n.Text, text):
		r.warn(n.Pos, "AWS reads %s as %s; write it in quotes if the word is meant", n.Text, text)
	case n.Kind == Number && !ordinaryText.MatchString(n.Text):
		r.warn(n.Pos, "AWS reads %s as a number and may write it in another way; write it in quotes", printable(n.Text))
	}
}

var arnWord = regexp.MustCompile(`:instance/[^/]*\*/([a-z-]+)/?`)

// wordOf returns the type of resource in the pattern of an ARN: security-profile, or instance.
func wordOf(expression string) string {
	if m := arnWord.FindStringSubmatch(expression); m != nil {
		return m[1]
	}
	if strings.Contains(expression, ":instance/") {
		return "instance"
	}
	return ""
}

// texts say what patterns accept that are hard to read.
var texts = map[string]string{
	`^[ a-zA-Z0-9_@-]+$`:         "letters, digits, spaces, _, @ and -",
	`^(?!aws:)[a-zA-Z+-=._:/]+$`: "letters, digits and + - = . _ : / that do not begin with aws:",
	`^\+[1-9]\d{1,14}$`:          "a phone number such as +15550100",
	`^\d{4}-\d{2}-\d{2}$`:        "a date such as 2026-01-31",
	`[a-zA-Z0-9\_\-\.\@]+`:       "letters, digits, _, -, . and @",
	`^(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[a-zA-Z\d\S]{8,64}$`: "8 to 64 characters with no spaces and include a " +
		"lowercase letter, an uppercase letter and a digit",
}

// patternWords says what a pattern accepts.
func patternWords(expression string) string {
	if words := texts[expression]; words != "" {
		return words
	}
	if word := wordOf(expression); word == "instance" {
		return "the ARN of an instance"
	} else if word != "" {
		return "the ARN of a resource of type " + word
	}
	return "text that matches " + expression
}

// deferred checks that a reference is to a resource of the type that a property names.
func (c *checker) deferred(v *Value, s *shape, path string) {
	want := wordOf(s.Pattern)
	switch {
	case s.Type == "object" || s.Type == "boolean":
		c.wrong(v, path, map[string]string{"object": "a map", "boolean": "true or false"}[s.Type])
	case s.Type == "array" && v.Reference != nil:
		c.wrong(v, path, "a list")
	case v.Reference != nil && want != "":
		t := c.r.resources[v.Reference.LogicalID].schema
		if is := wordOf(t.follow(t.shape.Properties[v.Reference.Attribute]).Pattern); is != want {
			c.wrong(v, path, patternWords(s.Pattern))
		}
	}
}

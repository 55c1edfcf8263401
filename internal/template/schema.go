package template

import (
	_ "embed"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
)

// schema.json is made by conformance/schemas.py of what CloudFormation publishes; a test there compares the two.
//
//go:embed schema.json
var schemaJSON []byte

// metadata.json has what lanyard reads below Metadata: Lanyard:, in the same form.
//
//go:embed metadata.json
var metadataJSON []byte

// A ResourceType is a type of resource that lanyard manages.
type ResourceType struct {
	Name       string   // AWS::Connect::SecurityProfile
	Identifier string   // the attribute that Ref returns: SecurityProfileArn
	Attributes []string // those of Fn::GetAtt, which are read-only
	Properties []string // those that a template may set
	Required   []string
	// Named is the property that is unique in an instance; "" for a type of which there is one.
	Named string
	// CreateOnly are the properties of which another value replaces the resource.
	CreateOnly []string
	WriteOnly  []string // Password

	shape       *shape
	metadata    *shape
	definitions map[string]*shape
}

// A shape is the part of JSON Schema that CloudFormation's schemas of these types use.
type shape struct {
	Ref         string `json:"$ref"`
	Type        string
	Properties  map[string]*shape
	Required    []string
	Additional  *bool `json:"additionalProperties"`
	Items       *shape
	UniqueItems bool
	MinItems    *int
	MaxItems    *int
	MinLength   *int
	MaxLength   *int
	Minimum     *float64
	Maximum     *float64
	Pattern     string
	Enum        []string
}

// names are the properties that must be unique in an instance.
var names = map[string]string{
	"AWS::Connect::SecurityProfile": "SecurityProfileName", "AWS::Connect::User": "Username",
	"AWS::Connect::UserHierarchyGroup": "Name", "AWS::Connect::Queue": "Name", "AWS::Connect::RoutingProfile": "Name",
	"AWS::Connect::HoursOfOperation": "Name", "AWS::Connect::ContactFlowModule": "Name",
	"AWS::Connect::QuickConnect": "Name",
}

type schemaFile struct {
	Types map[string]struct {
		shape
		Definitions          map[string]*shape
		PrimaryIdentifier    []string
		ReadOnlyProperties   []string
		WriteOnlyProperties  []string
		CreateOnlyProperties []string
	}
	Others []string
}

// loadSchema reads the embedded schema once. It is part of the program, so that it is never wrong.
var loadSchema = sync.OnceValues(func() (map[string]*ResourceType, []string) {
	var file schemaFile
	var metadata map[string]*shape
	lax := json.MatchCaseInsensitiveNames(true)
	if err := json.Unmarshal(schemaJSON, &file, lax); err != nil {
		panic(err)
	}
	if err := json.Unmarshal(metadataJSON, &metadata, lax); err != nil {
		panic(err)
	}
	types := make(map[string]*ResourceType, len(file.Types))
	for name, t := range file.Types {
		t.shape.Type = "object"
		rt := &ResourceType{Name: name, Identifier: pointers(t.PrimaryIdentifier)[0],
			Attributes: pointers(t.ReadOnlyProperties), CreateOnly: pointers(t.CreateOnlyProperties),
			WriteOnly: pointers(t.WriteOnlyProperties), Required: t.Required, Named: names[name],
			shape: &t.shape, metadata: metadata[name], definitions: t.Definitions}
		for property := range t.Properties {
			if !slices.Contains(rt.Attributes, property) {
				rt.Properties = append(rt.Properties, property)
			}
		}
		slices.Sort(rt.Properties)
		types[name] = rt
	}
	return types, file.Others
})

// pointers returns the names in JSON pointers such as /properties/Name.
func pointers(list []string) []string {
	out := make([]string, len(list))
	for i, p := range list {
		out[i] = strings.TrimPrefix(p, "/properties/")
	}
	slices.Sort(out)
	return out
}

func resourceTypes() map[string]*ResourceType {
	types, _ := loadSchema()
	return types
}

// Types returns the types of resources that lanyard manages, by name in alphabetical order.
func Types() []*ResourceType {
	types := resourceTypes()
	var out []*ResourceType
	for _, name := range slices.Sorted(maps.Keys(types)) {
		out = append(out, types[name])
	}
	return out
}

// LookupType returns a type of resource that lanyard manages, or nil.
func LookupType(name string) *ResourceType { return resourceTypes()[name] }

// follow returns the shape that a reference is to.
func (t *ResourceType) follow(s *shape) *shape {
	if s.Ref != "" {
		return t.definitions[strings.TrimPrefix(s.Ref, "#/definitions/")]
	}
	return s
}

// A pattern is a regular expression of a schema. Lookaheads at its start, which Go lacks, are expressions of their own.
type pattern struct {
	main    *regexp.Regexp
	require []*regexp.Regexp
	refuse  []*regexp.Regexp
}

func (p *pattern) MatchString(text string) bool {
	fits := func(re *regexp.Regexp) bool { return re.MatchString(text) }
	return p.main.MatchString(text) && !slices.ContainsFunc(p.refuse, fits) &&
		!slices.ContainsFunc(p.require, func(re *regexp.Regexp) bool { return !fits(re) })
}

var (
	unicodeEscape = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)
	anchored      = regexp.MustCompile(`^\^?(\(\?:)?\(\?[=!]`)
)

// compilePattern compiles an expression in the dialect of JSON Schema or, for parameters, of Java.
func compilePattern(expression string) (*pattern, error) {
	p := &pattern{}
	rest := unicodeEscape.ReplaceAllString(expression, `\x{$1}`)
	if anchored.MatchString(rest) {
		closing := ""
		rest = strings.TrimPrefix(rest, "^")
		if inner, ok := strings.CutPrefix(rest, "(?:"); ok && strings.HasSuffix(inner, ")$") {
			rest, closing = strings.TrimSuffix(inner, ")$"), ")$"
		}
		for strings.HasPrefix(rest, "(?=") || strings.HasPrefix(rest, "(?!") {
			end := closingParenthesis(rest)
			re, err := regexp.Compile("^(?:" + strings.TrimPrefix(rest[3:end], "^") + ")")
			if err != nil {
				return nil, err
			}
			if rest[2] == '=' {
				p.require = append(p.require, re)
			} else {
				p.refuse = append(p.refuse, re)
			}
			rest = rest[min(end+1, len(rest)):]
		}
		if closing != "" {
			closing = "$"
		}
		rest = "^(?:" + rest + ")" + closing
	}
	var err error
	p.main, err = regexp.Compile(rest)
	return p, err
}

// closingParenthesis returns where the group ends that an expression begins with.
func closingParenthesis(expression string) int {
	depth, class := 0, false
	for i := 0; i < len(expression); i++ {
		switch c := expression[i]; {
		case c == '\\':
			i++
		case class:
			class = c != ']'
		case c == '[':
			class = true
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(expression)
}

var patterns sync.Map // by expression

// compiled returns the compiled pattern of a shape; nil if it has none or Go cannot compile it.
func (s *shape) compiled() *pattern {
	if s.Pattern == "" {
		return nil
	}
	if p, ok := patterns.Load(s.Pattern); ok {
		return p.(*pattern)
	}
	p, err := compilePattern(s.Pattern)
	if err != nil {
		p = nil
	}
	patterns.Store(s.Pattern, p)
	return p
}

// otherTypes are the types of Amazon Connect that lanyard does not manage.
func otherTypes() []string {
	_, others := loadSchema()
	return others
}

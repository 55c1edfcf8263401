package model_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/url"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/lanyard/lanyard/internal/awsapi/model"
)

type ref struct{ Shape, Location, LocationName string }

type shape struct {
	Type               string
	Members            map[string]ref
	Required           []string
	Member, Key, Value *ref
	Min, Max           *float64
	Pattern            string
	Enum               []string
	Sensitive, Union   bool
}

var pinned struct {
	Operations map[string]struct{ Input *ref }
	Shapes     map[string]shape
}

func init() {
	if err := json.Unmarshal([]byte(model.JSON), &pinned); err != nil {
		panic(err)
	}
}

// patterned has strings for each pattern that a request reaches: one that fits,
// one that does not for no other reason, and what any number of fits as well.
var patterned = map[string]struct{ good, bad, pad string }{
	"ACGRInstanceIdOrArn":            {"arn:aws:connect:eu-west-2:123456789012:instance/a-1", "a b", "a"},
	"AiAgentId":                      {"00000000-0000-0000-0000-000000000000:LATEST", "0000", ""},
	"AwsRegion":                      {"us-west-2", "US-WEST-2", ""},
	"CommonHumanReadableDescription": {"two\nlines", "a\x01b", ""},
	"CommonHumanReadableName":        {"a name é", "a\x01b", ""},
	"ContactFlowModuleAlias":         {"a-b_c$1", "a--b", "a"},
	"ContactFlowModuleDescription":   {"a module", "  ", "é"},
	"ContactFlowModuleName":          {"a module", "  ", "é"},
	"CreateSecurityProfileName":      {"a_B-3 @", "a*b", "a"},
	"DataTableDescription":           {"two\nlines", "a\x01b", "é"},
	"DataTableName":                  {"a name|-_.:=@'é", "a/b", "é"},
	"DateTimeFormat":                 {"2026-01-31T00:00:00.000Z", "2026-01-31", ""},
	"DateYearMonthDayFormat":         {"2026-01-31", "31.1.2026", ""},
	"Description250":                 {"a name", " a", "é"},
	"DirectoryAlias":                 {"con-tact", "d-contact", "a"},
	"DirectoryId":                    {"d-0123456789", "e-0123456789", ""},
	"EmailAddress":                   {"desk@example.com", "desk.example.com", ""},
	"EvaluationFormMetricName":       {"a name", "a\x01b", "é"},
	"FlowContentSha256": {"0123456789012345678901234567890123456789012345678901234567890abc",
		"01-3456789012345678901234567890123456789012345678901234567890abc", ""},
	"FlowModuleContentSha256": {"0123456789012345678901234567890123456789012345678901234567890abc",
		"01-3456789012345678901234567890123456789012345678901234567890abc", ""},
	"HoursOfOperationOverrideYearMonthDayDateFormat": {"2026-01-31", "31.1.2026", ""},
	"IAMRestrictedPrimaryValue":                      {"value", "value\x01", "a"},
	"InstanceIdOrArn":                                {"00000000-0000-0000-0000-000000000000", "00000000", ""},
	"IpCidr":                                         {"2001:db8::/32", "2001 db8", "a"},
	"Name128":                                        {"a name", " a", "é"},
	"Page":                                           {"a page", "..", "é"},
	"Password":                                       {"Passw0rd", "password1", ""},
	"PhoneNumber":                                    {"+441234567890", "01234567890", ""},
	"PhoneNumberDescription":                         {"two\nlines\x01", "", "é"},
	"PhoneNumberPrefix":                              {"+44", "forty-four", ""},
	"PrimaryAttributeContextKeyName":                 {"key", "connect:key", "a"},
	"ReferenceArn":                                   {"arn:aws:connect:eu-west-2:123456789012", "!aws:connect:eu-west-2:123456789012", "a"},
	"RegionName":                                     {"us-gov-east-1", "moon", ""},
	"RuleName":                                       {"a.rule", " a", "a"},
	"S3Uri":                                          {"s3://bucket/key", "http://bucket/key", ""},
	"SensitivePhoneNumber":                           {"+441234567890", "01234567890", ""},
	"SlaName":                                        {"a name", "a ", "é"},
	"Slug":                                           {"a-b", "ab", "é"},
	"SourceApplicationName":                          {"an app", "a*b", "a"},
	"TagKey":                                         {"k é/1", "aws:k", "é"},
	"ThemeImageLink":                                 {"https://example.com/a.png", "  ", "é"},
	"ThemeString":                                    {"a font", "  ", "é"},
	"TrafficDistributionGroupIdOrArn":                {"00000000-0000-0000-0000-000000000000", "00000000", ""},
	"ViewAction":                                     {"an action", " a", "é"},
	"ViewContentSha256":                              {"a", "-", ""}, // no digest: the model fits one character
	"ViewDescription":                                {"a view, described", " a", "é"},
	"ViewId":                                         {"an-id:$LATEST", "an id", "a"},
	"ViewName":                                       {"a view", " a", "é"},
	"ViewsClientToken":                               {"a token", "a!b", "é"},
	"ViewsInstanceId":                                {"an-id", "an id", "a"},
	"ViewsNextToken":                                 {"dG9rZW4=", "a token", "a"},
	"VocabularyName":                                 {"a.name", " a", "a"},
	"VocabularyNextToken":                            {"a token", "  ", "é"},
	"WorkspaceDescription":                           {"two\nlines", "a\x01b", "é"},
	"WorkspaceName":                                  {"a name", "  ", "é"},
	"WorkspaceTitle":                                 {"a title", "a\x01b", "é"},
}

// anything is a pattern that no string fails to match.
const anything = `^[\W\S_]*`

// A bench breaks one bound after another of an otherwise valid request.
type bench struct {
	*testing.T
	op     model.Operation
	root   shape
	values map[string]any // the request, by member; every member that can be there is
	relax  bool           // the member at hand may be empty, whatever its bound
	within []string       // the shapes around the value at hand
}

// relaxed reports whether relaxed.txt lets an optional member be empty.
func relaxed(structure, member string) bool {
	text, err := os.ReadFile("relaxed.txt")
	if err != nil {
		panic(err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] != "#" {
			if ok, _ := path.Match(fields[0], structure+"."+member); ok {
				return !slices.Contains(pinned.Shapes[structure].Required, member)
			}
		}
	}
	return false
}

// short tries what is one below a least bound.
func (b *bench) short(min float64, path string, hidden bool) {
	if b.relax && min == 1 {
		b.passes(path, "empty")
		return
	}
	b.fails(path, hidden, "too short")
}

// walked has the shapes whose bounds were tried.
var walked = map[string]bool{}

// TestBounds goes through every bound that the model has on a request: exactly at
// it a request passes, one beyond it fails and the violation names the member.
func TestBounds(t *testing.T) {
	reached := map[string]bool{}
	for _, op := range model.Operations {
		if op.NewInput == nil {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			in := pinned.Operations[op.Name].Input.Shape
			values, _ := sample(in, nil)
			b := &bench{T: t, op: op, root: pinned.Shapes[in], values: values.(map[string]any)}
			b.passes("with every member")
			b.walk(in, values, "", false, nil)
			reach(in, reached)
		})
	}
	for name := range reached {
		s := pinned.Shapes[name]
		bounded := s.Min != nil || s.Max != nil || s.Pattern != "" || s.Enum != nil || s.Required != nil
		if bounded && !walked[name] {
			t.Errorf("the bounds of %s were not tried", name)
		}
	}
}

// reach adds the shapes that can be reached from one.
func reach(name string, seen map[string]bool) {
	if seen[name] {
		return
	}
	seen[name] = true
	s := pinned.Shapes[name]
	for _, r := range s.Members {
		reach(r.Shape, seen)
	}
	for _, r := range []*ref{s.Member, s.Key, s.Value} {
		if r != nil {
			reach(r.Shape, seen)
		}
	}
}

// sample makes a valid value of a shape with every member in it, and of a union the
// first that can be. Recursive shapes hold themselves once; there is none for a shape
// within two of itself, nor for one that requires it.
func sample(name string, within []string) (any, bool) {
	depth := 0
	for _, outer := range within {
		if outer == name {
			depth++
		}
	}
	if depth == 2 {
		return nil, false
	}
	s := pinned.Shapes[name]
	within = append(slices.Clone(within), name)
	switch s.Type {
	case "structure":
		members := map[string]any{}
		for _, member := range slices.Sorted(maps.Keys(s.Members)) {
			if v, ok := sample(s.Members[member].Shape, within); ok {
				members[member] = v
			} else if slices.Contains(s.Required, member) {
				return nil, false
			}
			if s.Union && len(members) == 1 {
				break
			}
		}
		return members, !s.Union || len(members) == 1
	case "list":
		e, ok := sample(s.Member.Shape, within)
		return slices.Repeat([]any{e}, max(1, int(limit(s.Min, 1)))), ok
	case "map":
		return entries(s, max(1, int(limit(s.Min, 1)))), true
	case "string":
		switch {
		case s.Enum != nil:
			return s.Enum[0], true
		case s.Pattern != "":
			return patterned[name].good, true
		}
		return strings.Repeat("é", int(max(1, limit(s.Min, 1)))), true
	case "boolean":
		return true, true
	}
	return limit(s.Min, min(1, limit(s.Max, 1))), true
}

// entries makes n entries of a map, with keys as short as that allows.
func entries(s shape, n int) map[string]any {
	m := map[string]any{}
	for i := range n {
		m[key(s, i)], _ = sample(s.Value.Shape, nil)
	}
	return m
}

// key is the i-th key of a map.
func key(s shape, i int) string {
	if enum := pinned.Shapes[s.Key.Shape].Enum; enum != nil {
		return enum[i]
	}
	return "k" + strconv.Itoa(i)
}

func limit(bound *float64, absent float64) float64 {
	if bound == nil {
		return absent
	}
	return *bound
}

// walk tries the bounds of v, which is at path and which set replaces, and of all
// that is in it. A hidden value is within something sensitive.
func (b *bench) walk(name string, v any, path string, hidden bool, set func(any)) {
	walked[name] = true
	s := pinned.Shapes[name]
	hidden = hidden || s.Sensitive
	b.within = append(b.within, name)
	defer func() { b.within = b.within[:len(b.within)-1] }()
	if s.Union {
		b.union(s, v, path, hidden, set)
		return
	}
	switch s.Type {
	case "structure":
		members := v.(map[string]any)
		for _, member := range slices.Sorted(maps.Keys(members)) {
			at, was := strings.TrimPrefix(path+"."+member, "."), members[member]
			if slices.Contains(s.Required, member) {
				delete(members, member)
				b.fails(at, hidden, "left out")
				members[member] = was
			}
			b.relax = relaxed(name, member)
			b.walk(s.Members[member].Shape, was, at, hidden, func(v any) { members[member] = v })
			b.relax = false
			members[member] = was
		}
	case "list":
		elements := v.([]any)
		b.counts(s, path, hidden, func(n int) { set(slices.Repeat(elements[:1], n)) })
		set(elements)
		first := elements[0]
		b.walk(s.Member.Shape, first, path+"[0]", hidden, func(v any) { elements[0] = v })
		elements[0] = first
	case "map":
		b.counts(s, path, hidden, func(n int) { set(entries(s, n)) })
		first := key(s, 0)
		value := v.(map[string]any)[first]
		b.walk(s.Key.Shape, first, path, hidden, func(key any) { set(map[string]any{key.(string): value}) })
		set(v)
		b.walk(s.Value.Shape, value, path+"["+strconv.Quote(first)+"]", hidden, func(v any) { set(map[string]any{first: v}) })
		set(v)
	case "string":
		b.text(name, s, path, hidden, set)
	case "integer", "long", "float", "double":
		b.number(s, path, hidden, set)
	}
}

// union tries a union with each of its members, then with none and with two of them.
func (b *bench) union(s shape, v any, path string, hidden bool, set func(any)) {
	b.relax = false
	all := map[string]any{}
	for _, member := range slices.Sorted(maps.Keys(s.Members)) {
		value, ok := sample(s.Members[member].Shape, b.within)
		if !ok {
			continue
		}
		all[member] = value
		one := map[string]any{member: value}
		set(one)
		b.passes(path, "with", member)
		b.walk(s.Members[member].Shape, value, path+"."+member, hidden, func(v any) { one[member] = v })
	}
	set(map[string]any{})
	b.fails(path, hidden, "none of them")
	if len(all) > 1 {
		set(all)
		b.fails(path, hidden, "more than one of them")
	}
	set(v)
}

// counts tries how long a list or a map may be.
func (b *bench) counts(s shape, path string, hidden bool, set func(n int)) {
	if s.Min != nil && *s.Min > 0 {
		set(int(*s.Min))
		b.passes(path, "at its least")
		set(int(*s.Min) - 1)
		b.short(*s.Min, path, hidden)
	}
	b.relax = false
	if s.Max != nil {
		set(int(*s.Max))
		b.passes(path, "at its most")
		set(int(*s.Max) + 1)
		b.fails(path, hidden, "too long")
	}
}

func (b *bench) text(name string, s shape, path string, hidden bool, set func(any)) {
	pad, known := patterned[name]
	if s.Pattern == "" {
		pad.pad = "é"
	} else if !known {
		b.Fatalf("%s: add samples for the pattern of %s: %s", path, name, s.Pattern)
	} else {
		set(pad.good)
		b.passes(path, "fits", pad.good)
		if s.Pattern != anything {
			set(pad.bad)
			b.fails(path, hidden, pad.bad)
		}
	}
	if s.Enum != nil {
		for _, value := range s.Enum {
			set(value)
			b.passes(path, value)
		}
		set("NOT_ONE_OF_THEM")
		b.fails(path, hidden, "not one of them")
	}
	for _, bound := range []*float64{s.Min, s.Max} {
		if bound != nil && pad.pad != "" && s.Enum == nil && *bound > 0 {
			set(strings.Repeat(pad.pad, int(*bound)))
			b.passes(path, "of length", *bound)
		}
	}
	if s.Min != nil && *s.Min > 0 {
		set(strings.Repeat("a", int(*s.Min)-1))
		b.short(*s.Min, path, hidden)
	}
	if s.Max != nil {
		set(strings.Repeat("a", int(*s.Max)+1))
		b.fails(path, hidden, "too long")
	}
}

func (b *bench) number(s shape, path string, hidden bool, set func(any)) {
	if s.Min != nil {
		set(*s.Min)
		b.passes(path, "at its least")
		set(*s.Min - 1)
		b.fails(path, hidden, "too small")
	}
	if s.Max != nil {
		set(*s.Max)
		b.passes(path, "at its most")
		if s.Type == "long" || *s.Max < math.MaxInt32 {
			set(*s.Max + 1)
			b.fails(path, hidden, "too large")
		}
	}
}

func (b *bench) passes(what ...any) {
	b.Helper()
	if err := b.send(); err != nil {
		b.Errorf("%v: %v", what, err)
	}
}

func (b *bench) fails(path string, hidden bool, what string) {
	b.Helper()
	err := b.send()
	var v *model.Violation
	if !errors.As(err, &v) {
		b.Errorf("%s: %s: got %v, want a violation", path, what, err)
		return
	}
	if v.Member != path {
		b.Errorf("%s: %s: the violation names another member: %v", path, what, err)
	}
	if _, notSize := strconv.Atoi(v.Got); hidden && v.Got != "" && notSize != nil {
		b.Errorf("%s: %s: a sensitive value is shown: %v", path, what, err)
	}
	if !strings.HasPrefix(err.Error(), path+" "+v.Problem) || v.Problem == "" {
		b.Errorf("%s: %s: does not say what is wrong: %v", path, what, err)
	}
}

// send puts the values where they travel, then reads them as a server does.
func (b *bench) send() error {
	body, params := map[string]any{}, model.Params{Query: url.Values{}}
	for member, v := range b.values {
		r := b.root.Members[member]
		key := member
		if r.LocationName != "" {
			key = r.LocationName
		}
		switch r.Location {
		case "uri":
			params.Labels = append(params.Labels, model.Label{Name: key, Value: written(v)})
		case "querystring":
			list, ok := v.([]any)
			if !ok {
				list = []any{v}
			}
			for _, v := range list {
				params.Query.Add(key, written(v))
			}
		default:
			body[key] = v
		}
	}
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	in := b.op.NewInput()
	if err := jsonv2.Unmarshal(text, in, jsonv2.RejectUnknownMembers(true)); err != nil {
		return err
	}
	if err := in.Bind(params); err != nil {
		return err
	}
	return in.Validate()
}

// written is a value as a query has it.
func written(v any) string {
	if n, ok := v.(float64); ok {
		return strconv.FormatFloat(n, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}

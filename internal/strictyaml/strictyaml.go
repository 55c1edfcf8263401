// Package strictyaml decodes a YAML file into structs and says what is wrong with it by file, line and column: keys
// that do not exist, with the nearest that does, and values of the wrong form. The structs' tags name and explain the
// keys, and the same tags make the JSON schema of the file, with which editors complete and check it.
//
// It knows no particular file. What values mean together is for the caller, who reports problems at a path such as
// upstreams[2].url.
package strictyaml

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/lanyard/lanyard/internal/typo"
)

// Bounds of a file.
const (
	maxFile     = 1 << 20 // bytes
	maxNodes    = 100_000
	maxDepth    = 20
	maxProblems = 50
)

// A Position is a place in a file; lines and columns count from 1.
type Position struct {
	File         string
	Line, Column int
}

// String returns FILE:LINE:COLUMN.
func (p Position) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// A Problem is what is wrong at a place.
type Problem struct {
	At   Position
	Text string
}

// Error returns the place and what is wrong there.
func (p *Problem) Error() string { return p.At.String() + ": " + p.Text }

// A Document is a file that was decoded.
type Document struct {
	name     string
	places   map[string]Position // of values, by path
	nodes    int
	problems []error
	stopped  bool // a bound is exceeded: nothing more is read
}

// Decode decodes a file into a struct, whose fields have tags:
//
//	Name string `yaml:"name" help:"What it is." required:""`
//
// A field is a string, bool, int, float64, time.Duration, encoding.TextUnmarshaler, struct, pointer to one of these,
// slice, or map with strings as keys. enum:"a,b" lists the values that a string may have. short:"" has a text in place
// of a mapping set that field alone. yaml:",inline" has the keys of a struct among those around it. Problems are in the
// document; see Err.
func Decode(name string, source []byte, to any) *Document {
	d := &Document{name: name, places: map[string]Position{}}
	if root := d.parse(source); root != nil {
		d.value(root, reflect.ValueOf(to).Elem(), place{path: "", depth: 1})
	}
	return d
}

// Report notes what is wrong with the value at a path, or with the nearest one around it that is in the file.
func (d *Document) Report(path, format string, args ...any) {
	d.report(d.At(path), format, args...)
}

// At returns where the value at a path is, or the nearest one around it that is in the file.
func (d *Document) At(path string) Position {
	for {
		if at, ok := d.places[path]; ok {
			return at
		}
		i := strings.LastIndexAny(path, ".[")
		if i < 0 {
			break
		}
		path = path[:i]
	}
	if at, ok := d.places[""]; ok {
		return at
	}
	return Position{d.name, 1, 1}
}

// Has reports whether the file has a value at a path.
func (d *Document) Has(path string) bool { _, ok := d.places[path]; return ok }

// Err returns all problems in the order of their places; nil when there are none.
func (d *Document) Err() error {
	slices.SortStableFunc(d.problems, func(a, b error) int {
		x, y := a.(*Problem).At, b.(*Problem).At
		if x.Line != y.Line {
			return x.Line - y.Line
		}
		return x.Column - y.Column
	})
	return errors.Join(d.problems...)
}

func (d *Document) at(n *yaml.Node) Position {
	return Position{d.name, max(n.Line, 1), max(n.Column, 1)}
}

func (d *Document) report(at Position, format string, args ...any) {
	if len(d.problems) < maxProblems && !d.stopped {
		d.problems = append(d.problems, &Problem{at, fmt.Sprintf(format, args...)})
	}
}

// parse returns the value of the only document of a file.
func (d *Document) parse(source []byte) *yaml.Node {
	if len(source) > maxFile {
		d.report(Position{d.name, 1, 1}, "the file must be at most %d KiB", maxFile>>10)
		return nil
	}
	dec := yaml.NewDecoder(strings.NewReader(string(source)))
	var document, second yaml.Node
	if err := dec.Decode(&document); err != nil {
		d.reportSyntax(err)
		return nil
	}
	if err := dec.Decode(&second); err == nil {
		d.report(d.at(&second), "the file must be one YAML document, got another one here")
		return nil
	} else if err.Error() != "EOF" {
		d.reportSyntax(err)
		return nil
	}
	if len(document.Content) != 1 {
		return nil
	}
	return document.Content[0]
}

var syntaxLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(?s:(.*))$`)

// reportSyntax reports what the YAML parser says.
func (d *Document) reportSyntax(err error) {
	at, message := Position{d.name, 1, 1}, err.Error()
	if message == "EOF" {
		d.report(at, "the file must be a mapping, got nothing")
		return
	}
	if m := syntaxLine.FindStringSubmatch(message); m != nil {
		if line, err := strconv.Atoi(m[1]); err == nil {
			at.Line = line
		}
		message = m[2]
	}
	d.report(at, "the file is not valid YAML: %s", message)
}

// A place is where a value belongs.
type place struct {
	path  string
	depth int
	field field
}

// name is what messages call the value.
func (p place) name() string {
	if p.path == "" {
		return "the file"
	}
	return p.path
}

func (p place) key(name string, f field) place {
	path := name
	if p.path != "" {
		path = p.path + "." + name
	}
	return place{path, p.depth + 1, f}
}

func (p place) index(i int) place {
	return place{fmt.Sprintf("%s[%d]", p.path, i), p.depth + 1, field{enum: p.field.enum}}
}

// isNull reports whether a value is left out: empty, null or ~.
func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// describe says what a value is, for messages.
func describe(n *yaml.Node) string {
	switch {
	case isNull(n):
		return "nothing"
	case n.Kind == yaml.ScalarNode:
		return strconv.Quote(clip(n.Value))
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	}
	return "an alias"
}

// clip shortens a value for a message.
func clip(s string) string {
	return clipTo(s, 80)
}

// maxText bounds what a type says about a value.
const maxText = 1000

func clipTo(s string, longest int) string {
	if runes := []rune(s); len(runes) > longest {
		return string(runes[:longest]) + "…"
	}
	return s
}

var durationType = reflect.TypeFor[time.Duration]()

// value decodes one value.
func (d *Document) value(n *yaml.Node, to reflect.Value, at place) {
	if n = d.count(n, at); n == nil {
		return
	}
	d.places[at.path] = d.at(n)
	if u, ok := to.Addr().Interface().(encoding.TextUnmarshaler); ok {
		d.unmarshal(n, u, at)
		return
	}
	switch to.Kind() {
	case reflect.Pointer:
		to.Set(reflect.New(to.Type().Elem()))
		d.value(n, to.Elem(), at)
	case reflect.Struct:
		d.structure(n, to, at)
	case reflect.Map:
		d.mapping(n, to, at)
	case reflect.Slice:
		d.list(n, to, at)
	default:
		d.scalar(n, to, at)
	}
}

// unmarshal decodes a text into a value that knows how. Its error continues the name of the value.
func (d *Document) unmarshal(n *yaml.Node, to encoding.TextUnmarshaler, at place) {
	if n.Kind != yaml.ScalarNode || isNull(n) {
		d.report(d.at(n), "%s must be a text, got %s", at.name(), describe(n))
		return
	}
	if err := to.UnmarshalText([]byte(n.Value)); err != nil {
		d.report(d.at(n), "%s %s", at.name(), clipTo(err.Error(), maxText))
	}
}

// count bounds what is read, and refuses aliases, by which a small file can become large. It returns nil for a value
// that is not read.
func (d *Document) count(n *yaml.Node, at place) *yaml.Node {
	d.nodes++
	switch {
	case d.stopped:
		return nil
	case d.nodes > maxNodes:
		d.report(d.at(n), "the file has more than %d values", maxNodes)
		d.stopped = true
		return nil
	case at.depth > maxDepth:
		d.report(d.at(n), "lists and mappings must be at most %d deep in one another", maxDepth)
		return nil
	case n.Kind == yaml.AliasNode:
		d.report(d.at(n), "%s must be written out, got an alias", at.name())
		return nil
	}
	return n
}

// structure decodes a mapping whose keys are known.
func (d *Document) structure(n *yaml.Node, to reflect.Value, at place) {
	fields := fieldsOf(to.Type())
	if n.Kind == yaml.ScalarNode && !isNull(n) {
		if i := slices.IndexFunc(fields, func(f field) bool { return f.short }); i >= 0 {
			d.value(n, to.FieldByIndex(fields[i].index), place{at.path, at.depth, fields[i]})
			return
		}
	}
	set := map[string]bool{}
	d.members(n, at, func(key, value *yaml.Node) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == key.Value })
		if i < 0 {
			names := make([]string, len(fields))
			for i, f := range fields {
				names[i] = f.name
			}
			d.report(d.at(key), "%s must have keys among %s, got %q%s", at.name(), strings.Join(names, ", "), clip(key.Value),
				typo.DidYouMean(key.Value, names))
			return
		}
		if isNull(value) {
			return // it is left out
		}
		set[key.Value] = true
		d.value(value, to.FieldByIndex(fields[i].index), at.key(key.Value, fields[i]))
	})
	for _, f := range fields {
		if f.required && !set[f.name] && n.Kind == yaml.MappingNode {
			d.report(d.at(n), "%s is required", at.key(f.name, f).path)
		}
	}
}

// members calls each with the keys of a mapping and their values, also with keys that have none.
func (d *Document) members(n *yaml.Node, at place, each func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.report(d.at(n), "%s must be a mapping, got %s", at.name(), describe(n))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode:
			d.report(d.at(key), "a key must be a text, got %s", describe(key))
		case seen[key.Value]:
			d.report(d.at(key), "%q is listed twice", clip(key.Value))
		default:
			seen[key.Value] = true
			each(key, value)
		}
	}
}

func (d *Document) mapping(n *yaml.Node, to reflect.Value, at place) {
	if to.Type().Key().Kind() != reflect.String {
		panic("a map must have strings as keys")
	}
	all := reflect.MakeMap(to.Type())
	d.members(n, at, func(key, value *yaml.Node) {
		if isNull(value) {
			return // it is left out
		}
		v := reflect.New(to.Type().Elem()).Elem()
		d.value(value, v, at.key(key.Value, field{enum: at.field.enum}))
		all.SetMapIndex(reflect.ValueOf(key.Value).Convert(to.Type().Key()), v)
	})
	to.Set(all)
}

func (d *Document) list(n *yaml.Node, to reflect.Value, at place) {
	if n.Kind != yaml.SequenceNode {
		d.report(d.at(n), "%s must be a list, got %s", at.name(), describe(n))
		return
	}
	all := reflect.MakeSlice(to.Type(), len(n.Content), len(n.Content))
	for i, c := range n.Content {
		d.value(c, all.Index(i), at.index(i))
	}
	to.Set(all)
}

// scalar decodes a value that is no list and no mapping.
func (d *Document) scalar(n *yaml.Node, to reflect.Value, at place) {
	form := scalarForm(to.Type())
	if n.Kind != yaml.ScalarNode || isNull(n) {
		d.report(d.at(n), "%s must be %s, got %s", at.name(), form, describe(n))
		return
	}
	if !set(n, to) {
		d.report(d.at(n), "%s must be %s, got %s", at.name(), form, describe(n))
		return
	}
	if enum := at.field.enum; to.Kind() == reflect.String && len(enum) > 0 && !slices.Contains(enum, n.Value) {
		d.report(d.at(n), "%s must be %s, got %q%s", at.name(), orList(enum), clip(n.Value), typo.DidYouMean(n.Value, enum))
	}
}

// scalarForm says what a value of a type must be.
func scalarForm(t reflect.Type) string {
	switch {
	case t == durationType:
		return "a duration such as 30s or 5m"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Int, t.Kind() == reflect.Int64:
		return "a whole number"
	case t.Kind() == reflect.Float64:
		return "a number"
	case t.Kind() == reflect.String:
		return "a text"
	}
	panic("a field of type " + t.String() + " cannot be decoded")
}

// set sets a value from a text and reports whether it has the right form.
func set(n *yaml.Node, to reflect.Value) bool {
	switch {
	case to.Type() == durationType:
		v, err := time.ParseDuration(n.Value)
		to.SetInt(int64(v))
		return err == nil && v >= 0
	case to.Kind() == reflect.Bool:
		to.SetBool(n.Value == "true")
		return n.Value == "true" || n.Value == "false"
	case to.Kind() == reflect.Int || to.Kind() == reflect.Int64:
		v, err := strconv.ParseInt(n.Value, 10, 64)
		to.SetInt(v)
		return err == nil
	case to.Kind() == reflect.Float64:
		v, err := strconv.ParseFloat(n.Value, 64)
		to.SetFloat(v)
		return err == nil && n.Tag != "!!str" && v-v == 0 // not infinite
	}
	to.SetString(n.Value)
	return n.Tag == "!!str" || n.Tag == "!!int" || n.Tag == "!!float"
}

// orList joins words as in "a, b or c".
func orList(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// A field is a field of a struct and what its tags say.
type field struct {
	index      []int
	name, help string
	required   bool
	short      bool // a text in place of the whole mapping is the value of this field
	enum       []string
}

// fieldsOf returns the fields of a struct that a file can set.
func fieldsOf(t reflect.Type) (all []field) {
	for i := range t.NumField() {
		tag := t.Field(i).Tag
		f := field{index: []int{i}, name: tag.Get("yaml"), help: tag.Get("help")}
		if f.name == ",inline" {
			for _, in := range fieldsOf(t.Field(i).Type) {
				in.index = append([]int{i}, in.index...)
				all = append(all, in)
			}
			continue
		}
		if f.name == "" || f.name == "-" {
			continue
		}
		_, f.required = tag.Lookup("required")
		_, f.short = tag.Lookup("short")
		if enum := tag.Get("enum"); enum != "" {
			f.enum = strings.Split(enum, ",")
		}
		all = append(all, f)
	}
	return all
}

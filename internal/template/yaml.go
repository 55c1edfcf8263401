package template

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// A yamlReader makes nodes of those of the library, which have only the line and column where they begin; where they
// end is found in the text.
type yamlReader struct {
	file *File
	made map[*yaml.Node]*Node // anchored
	open map[*yaml.Node]bool

	merges int // entries that merge keys brought
}

func (f *File) parseYAML() (*Node, error) {
	text := bytes.TrimPrefix(f.Content, byteOrderMark)
	loader, err := yaml.NewLoader(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	var document, second yaml.Node
	if err := loader.Load(&document); errors.Is(err, io.EOF) {
		return nil, failAt(Position{File: f.Name}, "a template must be a map with Resources, got an empty file")
	} else if err != nil {
		return nil, f.yamlError(err)
	}
	switch err := loader.Load(&second); {
	case err == nil:
		at := f.offset(second.Line, second.Column)
		return nil, failAt(f.at(at, at), "a file must be one YAML document, got a second one; put it into a file of its own")
	case !errors.Is(err, io.EOF):
		return nil, f.yamlError(err)
	}
	r := &yamlReader{file: f, made: map[*yaml.Node]*Node{}, open: map[*yaml.Node]bool{}}
	if document.Kind == yaml.DocumentNode {
		return r.node(document.Content[0], place{column: -1})
	}
	return r.node(&document, place{column: -1})
}

// yamlError returns an error of the library with its position in the file.
func (f *File) yamlError(err error) error {
	var load *yaml.LoadError
	if !errors.As(err, &load) {
		return failAt(Position{File: f.Name}, "the file must be YAML: %s", err)
	}
	at := f.offset(load.Mark.Line, max(load.Mark.Column, 1))
	if load.Mark.Line == 0 {
		at = load.Mark.Index + len(f.Content) - len(bytes.TrimPrefix(f.Content, byteOrderMark))
	}
	message := load.Message
	switch {
	case strings.Contains(message, "max depth"):
		return failAt(f.at(at, at+1), "lists and maps must be nested at most %d deep", maxDepth)
	case strings.Contains(message, "cannot start any token") && at < len(f.Content) && f.Content[at] == '\t':
		message = "indentation must be spaces, got a tab"
	case load.ContextMsg != "" && load.ContextMark.Line > 0 && load.ContextMark.Line != load.Mark.Line:
		message += fmt.Sprintf(" %s, which begins on line %d", load.ContextMsg, load.ContextMark.Line)
	case load.ContextMsg != "":
		message += " " + load.ContextMsg
	}
	return failAt(f.at(at, at+1), "the file must be YAML: %s%s", message, yamlHint(message))
}

// yamlHints say what to do about the errors that people meet most.
var yamlHints = []struct{ message, hint string }{
	{"mapping values are not allowed", "put text that has a colon and a space in quotes, or check the indentation"},
	{"cannot start any token", "put text that begins with this character in quotes"},
	{"unknown escape character", `write \\ for a backslash, or use single quotes`},
	{"did not find expected key", "check the indentation"},
	{"found unexpected end of stream while scanning a quoted scalar", "close the quotes"},
	{"did not find expected ','", "close the bracket, or separate the items by commas"},
	{"unknown anchor", "an alias such as *name must come after its anchor &name; put text that begins with * in quotes"},
}

func yamlHint(message string) string {
	for _, h := range yamlHints {
		if strings.Contains(message, h.message) {
			return "; " + h.hint
		}
	}
	return ""
}

// A place is what a node is in: the column of the block collection around it, from 0, and how deep that is.
type place struct {
	column, depth int
	flow          bool
}

// node converts a node with all that is in it.
func (r *yamlReader) node(y *yaml.Node, in place) (*Node, error) {
	start := r.file.offset(y.Line, y.Column)
	n := &Node{Pos: r.file.at(start, start), parent: in.column, inFlow: in.flow}
	if in.depth > maxDepth {
		return nil, failAt(n.Pos, "lists and maps must be nested at most %d deep", maxDepth)
	}
	if y.Kind == yaml.AliasNode {
		return r.alias(n, y)
	}
	if y.Anchor != "" {
		r.made[y], r.open[y] = n, true
		defer delete(r.open, y)
	}
	if err := r.tag(n, y); err != nil {
		return nil, err
	}
	n.body = r.skipProperties(start)
	n.Flow = y.Style&yaml.FlowStyle != 0
	var err error
	switch y.Kind {
	case yaml.SequenceNode:
		n.Kind = List
		err = r.items(n, y, in)
	case yaml.MappingNode:
		n.Kind = Map
		err = r.entries(n, y, in)
	default:
		r.scalar(n, y)
	}
	if err != nil {
		return nil, err
	}
	n.Pos = r.file.at(start, n.Pos.End)
	return n, nil
}

func (r *yamlReader) alias(n *Node, y *yaml.Node) (*Node, error) {
	n.Kind, n.Text, n.Target = Alias, y.Value, r.made[y.Alias]
	n.body = n.Pos.Start
	n.Pos.End = n.Pos.Start + 1 + len(y.Value)
	if r.open[y.Alias] || n.Target == nil {
		return nil, failAt(n.Pos, "*%s must stand outside of &%s, got an anchor that contains itself", y.Value, y.Value)
	}
	r.file.warn(n.Pos, "AWS accepts no aliases in templates; write out *%s, or expand it before you deploy", y.Value)
	return n, nil
}

func (f *File) warn(pos Position, format string, args ...any) {
	if len(f.Warnings) < maxFindings {
		f.Warnings = append(f.Warnings, failAt(pos, format, args...).(Errors)...)
	}
}

// tag keeps tags of CloudFormation's functions. Those of YAML itself say nothing that a template needs.
func (r *yamlReader) tag(n *Node, y *yaml.Node) error {
	if y.Style&yaml.TaggedStyle == 0 {
		return nil
	}
	switch tag := y.ShortTag(); {
	case strings.HasPrefix(tag, "!!"):
		if !strings.Contains(" !!str !!int !!float !!bool !!null !!seq !!map ", " "+tag+" ") {
			return failAt(n.Pos, "a tag must be one of CloudFormation's functions, got %s; AWS does not accept it", tag)
		}
		n.Tag = ""
	default:
		n.Tag = tag
	}
	return nil
}

// skipProperties returns where a node's content begins, after its tag and anchor.
func (r *yamlReader) skipProperties(at int) int {
	text := r.file.Content
	for at < len(text) && (text[at] == '!' || text[at] == '&') {
		for at < len(text) && !isBlank(text[at]) && text[at] != ',' && text[at] != ']' && text[at] != '}' {
			at++
		}
		if next := skipSpace(text, at); next < len(text) {
			at = next
		}
	}
	return at
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// skipSpace skips white space and comments.
func skipSpace(text []byte, at int) int {
	for at < len(text) {
		switch c := text[at]; {
		case isBlank(c):
			at++
		case c == '#' && (at == 0 || isBlank(text[at-1])):
			for at < len(text) && text[at] != '\n' {
				at++
			}
		default:
			return at
		}
	}
	return at
}

// inside returns the place of what is in a collection.
func (r *yamlReader) inside(n *Node, in place) place {
	inner := place{column: in.column, depth: in.depth + 1, flow: n.Flow || in.flow}
	if !n.Flow {
		inner.column = r.file.at(n.body, n.body).Column - 1
	}
	return inner
}

func (r *yamlReader) items(n *Node, y *yaml.Node, in place) error {
	inner := r.inside(n, in)
	n.Pos.End = n.body
	for _, c := range y.Content {
		item, err := r.node(c, inner)
		if err != nil {
			return err
		}
		n.Items = append(n.Items, item)
		n.Pos.End = max(n.Pos.End, item.Pos.End)
	}
	r.closeFlow(n, ']')
	return nil
}

func (r *yamlReader) entries(n *Node, y *yaml.Node, in place) error {
	if len(y.Content) > 0 && !n.Flow {
		n.body = r.blockStart(n.body, y.Content[0])
	}
	inner := r.inside(n, in)
	n.Pos.End = n.body
	for i := 0; i+1 < len(y.Content); i += 2 {
		key, err := r.node(y.Content[i], inner)
		if err != nil {
			return err
		}
		if k := key.resolved(); k.Kind == List || k.Kind == Map || k.Kind == Null || k.Tag != "" {
			return failAt(key.Pos, "a key must be a string, got %s", describe(key))
		}
		value, err := r.node(y.Content[i+1], inner)
		if err != nil {
			return err
		}
		if key.isMerge() {
			if err := r.checkMerge(value); err != nil {
				return err
			}
		}
		n.Entries = append(n.Entries, Entry{key.resolved(), value})
		n.Pos.End = max(n.Pos.End, value.Pos.End, key.Pos.End)
	}
	r.closeFlow(n, '}')
	if err := checkKeys(n); err != nil {
		return err
	}
	return r.merge(n)
}

// merge carries out merge keys, as far as that is no attack: each can bring what others brought.
func (r *yamlReader) merge(n *Node) error {
	if slices.ContainsFunc(n.Entries, func(e Entry) bool { return e.Key.isMerge() }) {
		r.merges += n.merge()
	}
	if r.merges > maxMerges {
		return failAt(n.Pos, "merge keys (<<) must bring at most %d entries in all, got more", maxMerges)
	}
	n.makeIndex()
	return nil
}

// blockStart returns where a block map begins: at its first key, or at the ? before it. The properties that the map
// seems to have may be those of its first key.
func (r *yamlReader) blockStart(body int, first *yaml.Node) int {
	key := r.file.offset(first.Line, first.Column)
	if body < key && r.file.Content[body] == '?' {
		return body
	}
	return key
}

func (r *yamlReader) checkMerge(value *Node) error {
	r.file.warn(value.Pos, "AWS accepts no merge keys (<<) in templates; write out the entries before you deploy")
	sources := []*Node{value}
	if v := value.resolved(); v.Kind == List {
		sources = v.Items
	}
	for _, s := range sources {
		if s.resolved().Kind != Map || s.resolved().Tag != "" {
			return failAt(s.Pos, "<< must be a map or a list of maps, got %s", describe(s))
		}
	}
	return nil
}

// closeFlow moves the end of a flow collection behind its bracket, whose code is two more than that of the first.
func (r *yamlReader) closeFlow(n *Node, bracket byte) {
	text := r.file.Content
	if !n.Flow || n.body >= len(text) || text[n.body] != bracket-2 { // a pair in a list needs no brackets
		return
	}
	at := max(n.Pos.End, n.body+1)
	for at = skipSpace(text, at); at < len(text) && text[at] != bracket; at = skipSpace(text, at+1) {
	}
	n.Pos.End = min(at+1, len(text))
}

func (r *yamlReader) scalar(n *Node, y *yaml.Node) {
	n.Kind, n.Text = String, y.Value
	text := r.file.Content
	switch {
	case y.Style&yaml.DoubleQuotedStyle != 0:
		n.Pos.End = quotedEnd(text, n.body)
	case y.Style&yaml.SingleQuotedStyle != 0:
		n.Pos.End = singleQuotedEnd(text, n.body)
	case y.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		n.Pos.End = blockEnd(text, n.body, n.parent)
	case y.Value == "":
		n.Kind, n.Plain, n.Pos.End = Null, true, r.emptyEnd(n)
		n.body = n.Pos.End
	default:
		n.Plain, n.Pos.End = true, plainEnd(text, n.body, y.Value)
		n.Kind = plainKind(y.Value)
	}
	if y.Style&yaml.TaggedStyle != 0 && (n.Tag != "" || y.ShortTag() == "!!str") {
		n.Kind = String
	}
}

// emptyEnd returns the end of a scalar without text: of its tag and anchor, if it has any.
func (r *yamlReader) emptyEnd(n *Node) int {
	text, at := r.file.Content, n.Pos.Start
	if at >= n.body {
		return at
	}
	at = n.body
	for at > n.Pos.Start && !isProperty(text[n.Pos.Start:at]) {
		at--
	}
	return at
}

// isProperty reports whether text ends in a tag or an anchor.
func isProperty(text []byte) bool {
	words := bytes.Fields(text)
	if len(words) == 0 || isBlank(text[len(text)-1]) {
		return false
	}
	last := words[len(words)-1]
	return last[0] == '!' || last[0] == '&'
}

func quotedEnd(text []byte, at int) int {
	for at++; at < len(text); at++ {
		switch text[at] {
		case '\\':
			at++
		case '"':
			return at + 1
		}
	}
	return len(text)
}

func singleQuotedEnd(text []byte, at int) int {
	for at++; at < len(text); at++ {
		if text[at] != '\'' {
			continue
		}
		if at+1 == len(text) || text[at+1] != '\'' {
			return at + 1
		}
		at++
	}
	return len(text)
}

// plainEnd finds the end of a plain scalar by its characters, which are those of its value but for white space.
func plainEnd(text []byte, at int, value string) int {
	for _, want := range value {
		if unicode.IsSpace(want) && want < 0x80 {
			continue
		}
		for at < len(text) && isBlank(text[at]) {
			at++
		}
		at += utf8.RuneLen(want)
	}
	return min(at, len(text))
}

// blockEnd returns the end of a literal or folded scalar: of its last line that is not blank, or of all its blank lines
// when it keeps them. Its lines are indented more than the collection around it.
func blockEnd(text []byte, at, parent int) int {
	line := lineEnd(text, at)
	keep := bytes.IndexByte(bytes.SplitN(text[at:line], []byte(" "), 2)[0], '+') >= 0
	end := line
	for line < len(text) {
		start := line + 1
		line = lineEnd(text, start)
		content := bytes.TrimRight(text[start:line], "\r")
		indent := len(content) - len(bytes.TrimLeft(content, " "))
		switch {
		case indent == len(content): // blank
			if keep {
				end = line
			}
		case indent <= parent:
			return trimCR(text, end)
		default:
			end = line
		}
	}
	return trimCR(text, end)
}

func trimCR(text []byte, end int) int {
	if end > 0 && end < len(text) && text[end-1] == '\r' {
		return end - 1
	}
	return end
}

// lineEnd returns the offset of the line feed that ends the line, or of the end of the text.
func lineEnd(text []byte, at int) int {
	if at >= len(text) {
		return len(text)
	}
	if i := bytes.IndexByte(text[at:], '\n'); i >= 0 {
		return at + i
	}
	return len(text)
}

// What plain scalars are in YAML 1.1, which AWS reads.
var (
	nullText  = regexp.MustCompile(`^(~|null|Null|NULL)$`)
	boolText  = regexp.MustCompile(`^(yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$`)
	trueText  = regexp.MustCompile(`^(?i:yes|true|on)$`)
	octalText = regexp.MustCompile(`^[-+]?0[0-7_]+$`)
	intText   = regexp.MustCompile(`^[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*(:[0-5]?[0-9])*)$`)
	floatText = regexp.MustCompile(`^[-+]?(([0-9][0-9_]*)?\.[0-9_]*([eE][-+]?[0-9]+)?|[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*` +
		`|[0-9][0-9_]*[eE][-+]?[0-9]+)$`)
)

func plainKind(text string) Kind {
	switch {
	case nullText.MatchString(text):
		return Null
	case boolText.MatchString(text):
		return Bool
	case text == "." || text == "-." || text == "+.":
		return String
	case octalText.MatchString(text), intText.MatchString(text), floatText.MatchString(text):
		return Number
	}
	return String
}

package template

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// Text returns a node for a string, to be put into a file.
func Text(text string) *Node { return &Node{Kind: String, Text: text} }

// Literal returns a node for a number or a boolean as it is to be written, such as 12 or true.
func Literal(kind Kind, text string) *Node { return &Node{Kind: kind, Text: text} }

// ListOf returns a node for a list.
func ListOf(items ...*Node) *Node { return &Node{Kind: List, Items: items} }

// MapOf returns a node for a map. A map of one key such as Ref is a function.
func MapOf(entries ...Entry) *Node { return &Node{Kind: Map, Entries: entries} }

// EntryOf returns an entry for a map.
func EntryOf(key string, value *Node) Entry { return Entry{Text(key), value} }

// A writer writes nodes as a file writes them.
type writer struct {
	json    bool
	comma   string // between items in brackets: ", " or ","
	colon   string // after keys in brackets
	newline string
}

func (f *File) writer() writer {
	w := writer{json: f.JSON, comma: ", ", colon: ": ", newline: "\n"}
	text := string(f.Content)
	if strings.Contains(text, "\r\n") {
		w.newline = "\r\n"
	}
	if f.JSON && !strings.Contains(text, "\n") && !strings.Contains(text, ", ") {
		w.comma, w.colon = ",", ":"
	}
	return w
}

// flow writes a node in one line.
func (w writer) flow(n *Node) string {
	var parts []string
	switch n.Kind {
	case List:
		for _, item := range n.Items {
			parts = append(parts, w.flow(item))
		}
		return "[" + strings.Join(parts, w.comma) + "]"
	case Map:
		for _, e := range n.Entries {
			parts = append(parts, w.flow(e.Key)+w.colon+w.flow(e.Value))
		}
		return "{" + strings.Join(parts, w.comma) + "}"
	}
	return w.scalar(n, true)
}

// block writes a node in lines, of which all but the first are indented by so many spaces.
func (w writer) block(n *Node, indent int) string {
	var parts []string
	switch {
	case n.Kind == List && len(n.Items) > 0:
		for _, item := range n.Items {
			parts = append(parts, "- "+w.block(item, indent+2))
		}
	case n.Kind == Map && len(n.Entries) > 0:
		for _, e := range n.Entries {
			parts = append(parts, w.entry(e, indent))
		}
	case n.Kind == List || n.Kind == Map:
		return w.flow(n)
	default:
		return w.scalar(n, false)
	}
	return strings.Join(parts, w.newline+strings.Repeat(" ", indent))
}

func (w writer) entry(e Entry, indent int) string {
	key := w.scalar(e.Key, false) + ":"
	if isEmpty(e.Value) {
		return key + " " + w.block(e.Value, indent)
	}
	indent += 2
	return key + w.newline + strings.Repeat(" ", indent) + w.block(e.Value, indent)
}

// isEmpty reports whether a node is a scalar or a collection without items, which fit behind a key.
func isEmpty(n *Node) bool { return len(n.Items) == 0 && len(n.Entries) == 0 }

func (w writer) scalar(n *Node, flow bool) string {
	switch {
	case n.Kind == Null:
		return "null"
	case n.Kind != String:
		return n.Text
	case !w.json && isPlain(n.Text, flow):
		return n.Text
	}
	return quoteDouble(n.Text)
}

var (
	plainWord  = regexp.MustCompile(`^[\pL_/][\pL\pN_./@+*()&!?'"%$=~^|<>;:# -]*$`)
	plainUnfit = regexp.MustCompile(`: |:$| #| $`)
)

// isPlain reports whether a string can be written without quotes.
func isPlain(text string, flow bool) bool {
	if !plainWord.MatchString(text) || plainUnfit.MatchString(text) || plainKind(text) != String || text == "<<" {
		return false
	}
	return !flow || !strings.ContainsAny(text, `:"'#`)
}

// quoteDouble writes a string in double quotes, as both YAML and JSON read it.
func quoteDouble(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r <= 0xFFFF && (unicode.IsControl(r) || !unicode.IsPrint(r)):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// quoteSingle writes a string in single quotes, and reports whether that is possible.
func quoteSingle(text string) (string, bool) {
	for _, r := range text {
		if !unicode.IsPrint(r) {
			return "", false
		}
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'", true
}

package template

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// An emitter writes random trees as people write them: in any style, with comments and blank lines.
type emitter struct {
	t       *rapid.T
	json    bool
	newline string
	b       strings.Builder
	notes   int
}

func (e *emitter) flip(what string) bool { return rapid.Bool().Draw(e.t, what) }

var words = rapid.SampledFrom([]string{"Users.View", "Users.Edit", "BasicAgentAccess", "a b", "yes", "012", "1e3", "", "x: y",
	"#no", "it's", `say "hi"`, "- a", "[x]", "{y}", "ü", "line\nbreak", " lead", "trail ", "a,b", "null", "!Ref x", "&a", "*a",
	"arn:aws:connect:us-east-1:123456789012:instance/a", "a #b", "%x", "@x", "`x", "?", "-", "a:", "\u2028", "😀", "<<", "|", ">"})

// tree draws a node. Keys are drawn without repetition.
func tree(t *rapid.T, depth int) *Node {
	kinds := []Kind{String, String, Number, Bool, List, Map}
	if depth == 0 {
		kinds = kinds[:4]
	}
	switch rapid.SampledFrom(kinds).Draw(t, "kind") {
	case Number:
		return Literal(Number, rapid.SampledFrom([]string{"1", "-20", "3.5", "12345678901234567890"}).Draw(t, "number"))
	case Bool:
		return Literal(Bool, rapid.SampledFrom([]string{"true", "false"}).Draw(t, "bool"))
	case List:
		n := ListOf()
		for range rapid.IntRange(0, 4).Draw(t, "items") {
			n.Items = append(n.Items, tree(t, depth-1))
		}
		return n
	case Map:
		return mapTree(t, depth, 0)
	}
	return Text(words.Draw(t, "text"))
}

func mapTree(t *rapid.T, depth, least int) *Node {
	n := MapOf()
	for _, key := range rapid.SliceOfNDistinct(words, least, 4, rapid.ID).Draw(t, "keys") {
		n.Entries = append(n.Entries, EntryOf(key, tree(t, depth-1)))
	}
	return n
}

func (e *emitter) scalar(n *Node, flow bool) string {
	if n.Kind != String || e.json {
		return writer{json: e.json}.scalar(n, flow)
	}
	switch rapid.IntRange(0, 2).Draw(e.t, "quotes") {
	case 0:
		return quoteDouble(n.Text)
	case 1:
		if single, ok := quoteSingle(n.Text); ok {
			return single
		}
	}
	return writer{}.scalar(n, flow)
}

// gap writes white space within brackets.
func (e *emitter) gap() {
	switch rapid.IntRange(0, 4).Draw(e.t, "gap") {
	case 0:
		e.b.WriteString(" ")
	case 1:
		e.b.WriteString(e.newline + strings.Repeat(" ", 12))
		if !e.json && e.flip("comment") {
			e.note()
			e.b.WriteString(e.newline + strings.Repeat(" ", 12))
		}
	}
}

func (e *emitter) note() {
	e.notes++
	fmt.Fprintf(&e.b, "# note %d, [a: {", e.notes)
}

// lines ends a line, with comments and blank lines.
func (e *emitter) lines(indent int) {
	if e.flip("trailing comment") {
		e.b.WriteString(" ")
		e.note()
	}
	e.b.WriteString(e.newline)
	switch rapid.IntRange(0, 3).Draw(e.t, "between") {
	case 0:
		e.b.WriteString(e.newline)
	case 1:
		e.b.WriteString(strings.Repeat(" ", indent))
		e.note()
		e.b.WriteString(e.newline)
	}
}

func (e *emitter) flow(n *Node) {
	switch n.Kind {
	case List:
		e.b.WriteString("[")
		e.gap()
		for i, item := range n.Items {
			e.flow(item)
			e.gap()
			e.comma(i, len(n.Items))
		}
		e.b.WriteString("]")
	case Map:
		e.b.WriteString("{")
		e.gap()
		for i, entry := range n.Entries {
			e.b.WriteString(e.scalar(entry.Key, true) + ": ")
			e.flow(entry.Value)
			e.gap()
			e.comma(i, len(n.Entries))
		}
		e.b.WriteString("}")
	default:
		e.b.WriteString(e.scalar(n, true))
	}
}

func (e *emitter) comma(i, n int) {
	if i < n-1 || !e.json && e.flip("comma at the end") {
		e.b.WriteString(",")
		e.gap()
	}
}

// block writes a node whose first line is begun, and ends its last line.
func (e *emitter) block(n *Node, indent int) {
	if isEmpty(n) || rapid.IntRange(0, 3).Draw(e.t, "in brackets") == 0 {
		e.flow(n)
		e.lines(indent)
		return
	}
	pad := strings.Repeat(" ", indent)
	for i, item := range n.Items {
		if i > 0 {
			e.b.WriteString(pad)
		}
		e.b.WriteString("- ")
		e.block(item, indent+2)
	}
	for i, entry := range n.Entries {
		if i > 0 {
			e.b.WriteString(pad)
		}
		e.b.WriteString(e.scalar(entry.Key, false) + ":")
		e.value(entry.Value, indent)
	}
}

func (e *emitter) value(n *Node, indent int) {
	if isEmpty(n) || rapid.IntRange(0, 3).Draw(e.t, "behind the key") == 0 {
		e.b.WriteString(" ")
		e.flow(n)
		e.lines(indent)
		return
	}
	inner := indent + rapid.SampledFrom([]int{2, 4}).Draw(e.t, "indent")
	if n.Kind == List && e.flip("not indented") {
		inner = indent
	}
	e.lines(inner)
	e.b.WriteString(strings.Repeat(" ", inner))
	e.inLines(n, inner)
}

// inLines is block without the choice of brackets, which would not fit where a list is not indented.
func (e *emitter) inLines(n *Node, indent int) {
	pad := strings.Repeat(" ", indent)
	for i, item := range n.Items {
		if i > 0 {
			e.b.WriteString(pad)
		}
		e.b.WriteString("- ")
		e.block(item, indent+2)
	}
	for i, entry := range n.Entries {
		if i > 0 {
			e.b.WriteString(pad)
		}
		e.b.WriteString(e.scalar(entry.Key, false) + ":")
		e.value(entry.Value, indent)
	}
}

// emit returns a tree as a file, YAML or JSON.
func emit(t *rapid.T, root *Node) (name, text string, json bool) {
	e := &emitter{t: t, newline: rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "line end")}
	e.json = e.flip("JSON")
	if e.json {
		e.flow(root)
		return "a.json", e.b.String(), true
	}
	e.b.WriteString("# head" + e.newline)
	e.inLines(root, 0)
	text = e.b.String()
	if e.flip("no line end at the end") {
		text = strings.TrimRight(text, "\r\n")
	}
	return "a.yaml", text, false
}

// nodesOf lists a file's nodes, keys apart.
func nodesOf(n *Node) (all []*Node) {
	all = append(all, n)
	for _, item := range n.Items {
		all = append(all, nodesOf(item)...)
	}
	for _, e := range n.Entries {
		all = append(all, nodesOf(e.Value)...)
	}
	return all
}

// randomEdit draws an edit of one node.
func randomEdit(t *rapid.T, root *Node) Edit {
	all := nodesOf(root)
	n := all[rapid.IntRange(0, len(all)-1).Draw(t, "node")]
	switch {
	case n.Kind == List && len(n.Items) > 0 && rapid.Bool().Draw(t, "remove"):
		return RemoveItem(n, rapid.IntRange(0, len(n.Items)-1).Draw(t, "index"))
	case n.Kind == List:
		return InsertItem(n, rapid.IntRange(0, len(n.Items)).Draw(t, "index"), tree(t, 2))
	case n.Kind == Map && len(n.Entries) > 1 && rapid.Bool().Draw(t, "remove"):
		return RemoveEntry(n, n.Entries[rapid.IntRange(0, len(n.Entries)-1).Draw(t, "entry")].Key.Text)
	case n.Kind == Map && (n == root || rapid.Bool().Draw(t, "set")):
		return SetEntry(n, words.Draw(t, "key"), tree(t, 2))
	}
	return Replace(n, tree(t, 2))
}

// TestEditProperties compares the parse of an edited file with the edit of the parsed file, and what is outside of the
// edited node byte for byte.
func TestEditProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		root := mapTree(t, 3, 1)
		name, text, _ := emit(t, root)
		f, err := Parse(name, []byte(text))
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		if !equal(f.Root, root) {
			t.Fatalf("another tree is read from\n%s", text)
		}
		edit := randomEdit(t, f.Root)
		want, _ := applyTree(f.Root, []Edit{edit})
		got, err := f.Edit(edit)
		if err != nil {
			t.Fatalf("%v\n%+v in\n%s", err, edit, text)
		}
		out, err := Parse(name, got)
		if err != nil || !equal(out.Root, want) {
			t.Fatalf("%v: another tree is in\n%s", err, got)
		}
		checkOutside(t, f, edit, got)
	})
}

// checkOutside checks that a file is the same up to the line before the edited node and from the line after it on, and
// that comments outside of a node that is gone are still there.
func checkOutside(t *rapid.T, f *File, e Edit, got []byte) {
	start := lineStart(f.Content, f.behindKey(e.node, f.places()))
	if !bytes.HasPrefix(got, f.Content[:start]) {
		t.Fatalf("what is before the node changed:\n%s\nwas\n%s", got, f.Content)
	}
	if after := f.Content[afterLine(f.Content, e.node.Pos.End):]; !bytes.HasSuffix(got, after) {
		t.Fatalf("what is after the node changed:\n%s\nwas\n%s", got, f.Content)
	}
	from, to := e.node.Pos.Start, e.node.Pos.End
	switch e.kind {
	case insertItem, insertEntry:
		from, to = 0, 0
	case removeItem:
		from, to = f.parts(e.node)[e.index].start, f.parts(e.node)[e.index].end
	case removeEntry:
		p := f.parts(e.node)[entryIndex(e.node, e.key)]
		from, to = p.start, p.end
	}
	if f.JSON {
		return
	}
	outside := slices.Concat(f.Content[:from], f.Content[min(lineEnd(f.Content, to), len(f.Content)):])
	for _, line := range strings.Split(string(outside), "\n") {
		if _, note, ok := strings.Cut(line, "# note"); ok && !e.node.Flow && !e.node.inFlow &&
			!strings.Contains(string(got), strings.TrimRight("# note"+note, "\r")) {
			t.Fatalf("comment %q is lost:\n%s\nwas\n%s", note, got, f.Content)
		}
	}
}

package template

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// An Edit is a change of a file at one node. File.Edit makes it.
type Edit struct {
	kind  editKind
	node  *Node // what is replaced, or the collection that is changed
	index int
	key   string
	value *Node
}

type editKind uint8

const (
	replaceNode editKind = iota
	removeItem
	removeEntry
	insertItem
	insertEntry
)

// Replace puts a value in a node's place. A string keeps the node's quotes.
func Replace(n, value *Node) Edit { return Edit{kind: replaceNode, node: n, value: value} }

// RemoveItem takes an item out of a list.
func RemoveItem(list *Node, index int) Edit { return Edit{kind: removeItem, node: list, index: index} }

// RemoveEntry takes an entry out of a map.
func RemoveEntry(m *Node, key string) Edit { return Edit{kind: removeEntry, node: m, key: key} }

// InsertItem puts an item into a list before the one at index, counted as the list is before the edits; after all for
// its length.
func InsertItem(list *Node, index int, item *Node) Edit {
	return Edit{kind: insertItem, node: list, index: index, value: item}
}

// SetEntry replaces the value of a key, or appends the key to a map.
func SetEntry(m *Node, key string, value *Node) Edit {
	if m != nil && m.Kind == Map {
		for _, e := range m.Entries {
			if e.Key.Text == key {
				return Replace(e.Value, value)
			}
		}
	}
	return Edit{kind: insertEntry, node: m, key: key, value: value}
}

// A splice replaces bytes of a file.
type splice struct {
	start, end int
	text       string
}

// Edit returns the file's content with the edits made, in one go: nodes and indexes are those of f. Everything but what
// is edited stays as it is, with comments, blank lines, order, quotes and line ends. The result is parsed, and an error
// is returned if it is not exactly what the edits say.
func (f *File) Edit(edits ...Edit) ([]byte, error) {
	places := f.places()
	var first, second []Edit
	for _, e := range edits {
		if err := f.checkEdit(e, places); err != nil {
			return nil, err
		}
		if e.kind == insertItem || e.kind == insertEntry {
			second = append(second, e)
		} else {
			first = append(first, e)
		}
	}
	file, moved, err := f.pass(first, places)
	if err != nil || len(second) == 0 {
		return file.Content, err
	}
	for i, e := range second {
		to := moved[e.node]
		if to == nil {
			return nil, failAt(e.node.Pos, "an edit must be outside of what another edit replaces or removes")
		}
		second[i].index = e.index - removedBefore(first, e.node, e.index)
		second[i].node = to
	}
	file, _, err = file.pass(second, file.places())
	return file.Content, err
}

// removedBefore counts the items of a list that edits remove before an index.
func removedBefore(edits []Edit, list *Node, index int) (n int) {
	for _, e := range edits {
		if e.kind == removeItem && e.node == list && e.index < index {
			n++
		}
	}
	return n
}

// pass makes edits of which none moves another, and returns the file with where its nodes are now.
func (f *File) pass(edits []Edit, places map[*Node]spot) (*File, map[*Node]*Node, error) {
	want, expected := applyTree(f.Root, edits)
	var splices []splice
	done := map[*Node]bool{}
	w := f.writer()
	for _, e := range edits {
		switch {
		case e.kind == replaceNode:
			splices = append(splices, f.replacement(w, e, places)...)
		case !done[e.node]:
			done[e.node] = true
			splices = append(splices, f.collectionSplices(w, e.node, edits, places)...)
		}
	}
	content, ok := applySplices(f.Content, splices)
	if !ok {
		return &File{}, nil, failAt(edits[0].node.Pos, "edits must not overlap; make them one after the other")
	}
	out, err := Parse(f.Name, content)
	if err != nil || !equal(out.Root, want) {
		return &File{}, nil, failAt(edits[0].node.Pos, "the file cannot be edited in place here; edit it by hand")
	}
	now := map[*Node]*Node{}
	pair(want, out.Root, now)
	moved := map[*Node]*Node{}
	for from, to := range expected {
		moved[from] = now[to]
	}
	return out, moved, nil
}

func applySplices(content []byte, splices []splice) ([]byte, bool) {
	slices.SortStableFunc(splices, func(a, b splice) int { return a.start - b.start })
	var out []byte
	at := 0
	for _, s := range splices {
		if s.start < at {
			return nil, false
		}
		out = append(append(out, content[at:s.start]...), s.text...)
		at = s.end
	}
	return append(out, content[at:]...), true
}

// A spot is what a node is in.
type spot struct {
	parent *Node // nil for the root
	index  int   // of the item or entry
}

// places returns the nodes of a file with what they are in.
func (f *File) places() map[*Node]spot {
	all := map[*Node]spot{}
	var visit func(n *Node, in spot)
	visit = func(n *Node, in spot) {
		all[n] = in
		for i, item := range n.Items {
			visit(item, spot{n, i})
		}
		for i, e := range n.Entries {
			visit(e.Key, spot{n, i})
			visit(e.Value, spot{n, i})
		}
	}
	visit(f.Root, spot{})
	return all
}

func (f *File) checkEdit(e Edit, places map[*Node]spot) error {
	_, ok := places[e.node]
	switch {
	case !ok:
		return fmt.Errorf("an edit must be of a node of %s", f.Name)
	case e.kind == removeItem && (e.node.Kind != List || e.index < 0 || e.index >= len(e.node.Items)):
		return failAt(e.node.Pos, "item %d does not exist", e.index)
	case e.kind == insertItem && (e.node.Kind != List || e.index < 0 || e.index > len(e.node.Items)):
		return failAt(e.node.Pos, "an item must be put at an index from 0 to %d, got %d", len(e.node.Items), e.index)
	case e.kind == insertEntry && e.node.Kind != Map:
		return failAt(e.node.Pos, "an entry must be put into a map, got %s", describe(e.node))
	case e.kind == removeEntry && entryIndex(e.node, e.key) < 0:
		return failAt(e.node.Pos, "key %q does not exist", e.key)
	}
	if e.value != nil && !validText(e.value) {
		return failAt(e.node.Pos, "what is put into a file must be UTF-8")
	}
	return nil
}

func validText(n *Node) bool {
	return utf8.ValidString(n.Text) && !slices.ContainsFunc(n.Items, func(i *Node) bool { return !validText(i) }) &&
		!slices.ContainsFunc(n.Entries, func(e Entry) bool { return !validText(e.Key) || !validText(e.Value) })
}

func entryIndex(m *Node, key string) int {
	return slices.IndexFunc(m.Entries, func(e Entry) bool { return e.Key.Text == key && !e.Key.isMerge() })
}

// applyTree returns the tree as the edits leave it, and where its nodes come from.
func applyTree(root *Node, edits []Edit) (*Node, map[*Node]*Node) {
	of := map[*Node][]Edit{}
	for _, e := range edits {
		of[e.node] = append(of[e.node], e)
	}
	from := map[*Node]*Node{}
	var copyNode func(n *Node) *Node
	copyNode = func(n *Node) *Node {
		out := *n
		from[n] = &out
		for _, e := range of[n] {
			if e.kind == replaceNode {
				delete(from, n)
				return e.value
			}
		}
		out.Items, out.Entries = nil, nil
		for i, item := range n.Items {
			out.Items = append(out.Items, inserted(of[n], i)...)
			if !has(of[n], removeItem, i, "") {
				out.Items = append(out.Items, copyNode(item))
			}
		}
		out.Items = append(out.Items, inserted(of[n], len(n.Items))...)
		for _, e := range n.Entries {
			if !has(of[n], removeEntry, 0, e.Key.Text) {
				out.Entries = append(out.Entries, Entry{copyNode(e.Key), copyNode(e.Value)})
			}
		}
		for _, e := range of[n] {
			if e.kind == insertEntry {
				out.Entries = append(out.Entries, Entry{Text(e.key), e.value})
			}
		}
		return &out
	}
	return copyNode(root), from
}

func inserted(edits []Edit, index int) (items []*Node) {
	for _, e := range edits {
		if e.kind == insertItem && e.index == index {
			items = append(items, e.value)
		}
	}
	return items
}

func has(edits []Edit, kind editKind, index int, key string) bool {
	return slices.ContainsFunc(edits, func(e Edit) bool { return e.kind == kind && e.index == index && e.key == key })
}

// equal reports whether two trees say the same, in the same order.
func equal(a, b *Node) bool {
	if a.Kind != b.Kind || a.Text != b.Text || a.Tag != b.Tag || len(a.Items) != len(b.Items) ||
		len(a.Entries) != len(b.Entries) {
		return false
	}
	for i := range a.Items {
		if !equal(a.Items[i], b.Items[i]) {
			return false
		}
	}
	for i, e := range a.Entries {
		if !equal(e.Key, b.Entries[i].Key) || !equal(e.Value, b.Entries[i].Value) {
			return false
		}
	}
	return true
}

// pair notes which node of an equal tree is in the place of which.
func pair(a, b *Node, now map[*Node]*Node) {
	now[a] = b
	for i := range a.Items {
		pair(a.Items[i], b.Items[i], now)
	}
	for i, e := range a.Entries {
		pair(e.Key, b.Entries[i].Key, now)
		pair(e.Value, b.Entries[i].Value, now)
	}
}

// replacement writes a value where a node is.
func (f *File) replacement(w writer, e Edit, places map[*Node]spot) []splice {
	n, s := e.node, splice{start: e.node.Pos.Start, end: e.node.Pos.End}
	switch {
	case n.inFlow:
		s.text = w.flow(e.value)
	case !isEmpty(e.value):
		return []splice{f.blockReplacement(w, e)}
	case !n.Flow && !isEmpty(n) && firstOnLine(f.Content, n.Pos.Start):
		at := f.behindKey(n, places)
		return []splice{{at, at, " " + w.scalarOrFlow(e.value)},
			{start: lineStart(f.Content, n.Pos.Start), end: afterLine(f.Content, n.Pos.End)}}
	default:
		s.text = w.scalarOrFlow(e.value)
	}
	if e.value.Kind == String && n.Kind == String {
		s.text = f.requote(w, n, e.value, s.text)
	}
	if s.start == s.end { // nothing was there
		if before := f.Content[:s.start]; len(before) > 0 && !isBlank(before[len(before)-1]) {
			s.text = " " + s.text
		}
	}
	return []splice{s}
}

func (w writer) scalarOrFlow(n *Node) string {
	if n.Kind == List || n.Kind == Map {
		return w.flow(n)
	}
	return w.scalar(n, false)
}

// requote writes a string as the one that it replaces was written.
func (f *File) requote(w writer, n, value *Node, text string) string {
	switch f.Content[n.body] {
	case '"':
		return quoteDouble(value.Text)
	case '\'':
		if single, ok := quoteSingle(value.Text); ok && !w.json {
			return single
		}
	}
	return text
}

// blockReplacement writes a list or map in lines: below a key, or behind a dash.
func (f *File) blockReplacement(w writer, e Edit) splice {
	n := e.node
	s := splice{start: n.Pos.Start, end: n.Pos.End}
	for s.start > 0 && (f.Content[s.start-1] == ' ' || f.Content[s.start-1] == '\t') {
		s.start--
	}
	indent := n.parent + 2
	if s.start > 0 && f.Content[s.start-1] == '-' {
		s.text = " " + w.block(e.value, indent)
		return s
	}
	if at := f.at(n.body, n.body); firstOnLine(f.Content, n.Pos.Start) && !n.Flow && (n.Kind == List || n.Kind == Map) {
		s.start, indent = n.Pos.Start, at.Column-1
		if e.value.Kind == Map && indent == n.parent { // only the dashes of a list may be below the key itself
			indent += 2
			s.text = "  "
		}
		s.text += w.block(e.value, indent)
		return s
	}
	s.text = w.newline + strings.Repeat(" ", indent) + w.block(e.value, indent)
	return s
}

// collectionSplices writes the removals or the insertions of one list or map.
func (f *File) collectionSplices(w writer, n *Node, all []Edit, places map[*Node]spot) []splice {
	var edits []Edit
	for _, e := range all {
		if e.node == n && e.kind != replaceNode {
			edits = append(edits, e)
		}
	}
	parts := f.parts(n)
	removed := make([]bool, len(parts))
	inserts := make([][]Edit, len(parts)+1)
	for _, e := range edits {
		switch e.kind {
		case removeItem:
			removed[e.index] = true
		case removeEntry:
			removed[entryIndex(n, e.key)] = true
		case insertItem:
			inserts[e.index] = append(inserts[e.index], e)
		case insertEntry:
			inserts[len(parts)] = append(inserts[len(parts)], e)
		}
	}
	switch {
	case slices.Contains(removed, true) && !slices.Contains(removed, false) && !n.Flow:
		return f.emptied(n, parts, f.behindKey(n, places))
	case slices.Contains(removed, true):
		return f.removals(n, parts, removed)
	}
	return f.insertions(w, n, parts, inserts)
}

// A part is an item with its dash, or an entry with its key.
type part struct{ start, end int }

func (f *File) parts(n *Node) (parts []part) {
	at := n.body
	for _, item := range n.Items {
		if n.Flow {
			at = item.Pos.Start
		}
		at = skipSpace(f.Content, at) // to the dash
		parts = append(parts, part{at, max(item.Pos.End, at+1)})
		at = parts[len(parts)-1].end
	}
	for _, e := range n.Entries {
		parts = append(parts, part{e.Key.Pos.Start, max(e.Value.Pos.End, f.colonAfter(e.Key.Pos.End))})
	}
	return parts
}

// colonAfter returns the offset behind the colon of a key.
func (f *File) colonAfter(at int) int {
	at = skipSpace(f.Content, at)
	if at < len(f.Content) && f.Content[at] == ':' {
		return at + 1
	}
	return at
}

func lineStart(text []byte, at int) int { return bytes.LastIndexByte(text[:at], '\n') + 1 }

// firstOnLine reports whether only spaces are before an offset in its line.
func firstOnLine(text []byte, at int) bool {
	return len(bytes.Trim(text[lineStart(text, at):at], " ")) == 0
}

// afterLine returns the offset behind the line that has the offset, with its line feed.
func afterLine(text []byte, at int) int { return min(lineEnd(text, at)+1, len(text)) }

func (f *File) removals(n *Node, parts []part, removed []bool) []splice {
	if n.Flow {
		return f.flowRemovals(n, parts, removed)
	}
	var splices []splice
	for i, p := range parts {
		if !removed[i] {
			continue
		}
		s := splice{start: lineStart(f.Content, p.start), end: afterLine(f.Content, p.end)}
		if !firstOnLine(f.Content, p.start) { // behind a dash: what comes next takes its place
			s.start = p.start
			for s.end < len(f.Content) && isBlank(f.Content[s.end]) {
				s.end++
			}
		} else if i > 0 && removed[i-1] && len(splices) > 0 && splices[len(splices)-1].end > s.start {
			s.start = splices[len(splices)-1].end
			s.end = f.skipIndent(s.end)
		}
		splices = append(splices, s)
	}
	return splices
}

// skipIndent returns the offset of the first character that is not blank.
func (f *File) skipIndent(at int) int {
	for at < len(f.Content) && isBlank(f.Content[at]) {
		at++
	}
	return at
}

// emptied writes [] or {} for a block collection that loses everything: behind its key or dash, or in its place.
func (f *File) emptied(n *Node, parts []part, behindKey int) []splice {
	brackets := map[Kind]string{List: "[]", Map: "{}"}[n.Kind]
	first, last := parts[0], parts[len(parts)-1]
	if !firstOnLine(f.Content, first.start) {
		return []splice{{first.start, last.end, brackets}}
	}
	splices := []splice{{behindKey, behindKey, " " + brackets}}
	for _, p := range parts {
		splices = append(splices, splice{start: lineStart(f.Content, p.start), end: afterLine(f.Content, p.end)})
	}
	return splices
}

// behindKey returns the offset behind the colon or dash before a node.
func (f *File) behindKey(n *Node, places map[*Node]spot) int {
	in := places[n]
	switch {
	case in.parent == nil:
		return n.Pos.Start
	case in.parent.Kind == List:
		return f.parts(in.parent)[in.index].start + 1
	}
	return f.colonAfter(in.parent.Entries[in.index].Key.Pos.End)
}

func (f *File) flowRemovals(n *Node, parts []part, removed []bool) []splice {
	var splices []splice
	for i := 0; i < len(parts); i++ {
		if !removed[i] {
			continue
		}
		last := i
		for last+1 < len(parts) && removed[last+1] {
			last++
		}
		s := splice{start: parts[i].start, end: parts[last].end}
		switch {
		case last+1 < len(parts):
			s.end = parts[last+1].start
		case i > 0:
			s.start = parts[i-1].end
		default: // nothing is left
			if comma := skipSpace(f.Content, s.end); comma < n.Pos.End && f.Content[comma] == ',' {
				s.end = comma + 1
			}
		}
		splices = append(splices, s)
		i = last
	}
	return splices
}

func (f *File) insertions(w writer, n *Node, parts []part, inserts [][]Edit) []splice {
	var splices []splice
	for i, edits := range inserts {
		var texts []string
		for _, e := range edits {
			texts = append(texts, f.newPart(w, n, e))
		}
		if len(texts) == 0 {
			continue
		}
		if n.Flow {
			splices = append(splices, f.flowInsertion(w, n, parts, i, texts))
		} else {
			splices = append(splices, f.blockInsertion(w, n, parts, i, texts))
		}
	}
	return splices
}

// newPart writes an item with its dash, or an entry with its key.
func (f *File) newPart(w writer, n *Node, e Edit) string {
	indent := f.at(n.body, n.body).Column - 1
	switch {
	case n.Flow && e.kind == insertItem:
		return w.flow(e.value)
	case n.Flow:
		return w.flow(Text(e.key)) + w.colon + w.flow(e.value)
	case e.kind == insertItem:
		return "- " + w.block(e.value, indent+2)
	}
	return w.entry(Entry{Text(e.key), e.value}, indent)
}

// flowInsertion puts parts between those in brackets, separated as the others are.
func (f *File) flowInsertion(w writer, n *Node, parts []part, i int, texts []string) splice {
	if len(parts) == 0 {
		at := n.body + 1
		return splice{at, at, strings.Join(texts, w.comma)}
	}
	separator := w.comma
	if len(parts) > 1 {
		separator = f.separator(parts[0].end, parts[1].start, w.comma)
	} else if space := string(f.Content[n.body+1 : parts[0].start]); strings.TrimSpace(space) == "" &&
		strings.Contains(space, "\n") {
		separator = "," + space
	}
	joined := strings.Join(texts, separator)
	if i < len(parts) {
		return splice{parts[i].start, parts[i].start, joined + separator}
	}
	last := parts[len(parts)-1].end
	return splice{last, last, separator + joined}
}

// separator returns what is between two parts, unless there is a comment in it.
func (f *File) separator(from, to int, otherwise string) string {
	text := string(f.Content[from:to])
	if strings.TrimSpace(text) != "," {
		return otherwise
	}
	return text
}

// blockInsertion puts parts into lines of their own: after the one before, or before the first and its comments.
func (f *File) blockInsertion(w writer, n *Node, parts []part, i int, texts []string) splice {
	indent := strings.Repeat(" ", f.at(n.body, n.body).Column-1)
	if i > 0 {
		lines := indent + strings.Join(texts, w.newline+indent)
		at := afterLine(f.Content, parts[i-1].end)
		if at > 0 && f.Content[at-1] != '\n' {
			return splice{at, at, w.newline + lines}
		}
		return splice{at, at, lines + w.newline}
	}
	at := parts[0].start
	if !firstOnLine(f.Content, at) {
		return splice{at, at, strings.Join(texts, w.newline+indent) + w.newline + indent}
	}
	at = lineStart(f.Content, at)
	for at > 0 {
		above := lineStart(f.Content, at-1)
		if !bytes.HasPrefix(bytes.TrimLeft(f.Content[above:at], " "), []byte("#")) {
			break
		}
		at = above
	}
	return splice{at, at, indent + strings.Join(texts, w.newline+indent) + w.newline}
}

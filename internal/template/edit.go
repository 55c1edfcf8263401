package template

import (
	"fmt"
	"slices"
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

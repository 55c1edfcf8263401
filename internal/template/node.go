package template

import (
	"iter"
	"slices"
)

// A Kind is what a node or value is.
type Kind uint8

// The kinds of nodes and values.
const (
	Invalid  Kind = iota // of a value with a reported error
	Null                 // of nodes only; AWS accepts no null
	String               //
	Number               //
	Bool                 //
	List                 //
	Map                  //
	Alias                // of nodes only: *name in YAML
	Deferred             // of values only: it depends on resources, see Value.References
)

var kindNames = [...]string{"invalid", "null", "string", "number", "boolean", "list", "map", "alias", "reference"}

func (k Kind) String() string { return kindNames[k] }

// A Node is a part of a file as it is written, before any function is evaluated.
type Node struct {
	Kind    Kind
	Text    string // of a scalar: decoded, numbers and booleans as written; of an alias: its name
	Tag     string // a local YAML tag, such as !Ref
	Plain   bool   // a YAML scalar without quotes
	Flow    bool   // a list or map in brackets
	Items   []*Node
	Entries []Entry
	Target  *Node // of an alias
	Pos     Position

	body   int  // where it begins after tag and anchor
	parent int  // the column, from 0, of the block collection that it is in; -1 for none
	inFlow bool // it is in a list or map in brackets

	merged []Entry        // of a map with merge keys: its entries with theirs
	index  map[string]int // of a large map: the places of keys in entries
}

// An Entry is a key of a map with its value.
type Entry struct {
	Key, Value *Node
}

// resolved follows an alias.
func (n *Node) resolved() *Node {
	for n != nil && n.Kind == Alias {
		n = n.Target
	}
	return n
}

// Get returns the value of a key of a map, merged keys included, with aliases followed; nil if there is none.
func (n *Node) Get(key string) *Node {
	n = n.resolved()
	if n == nil || n.Kind != Map {
		return nil
	}
	if n.index != nil {
		if i, ok := n.index[key]; ok {
			return n.entries()[i].Value.resolved()
		}
		return nil
	}
	for _, e := range n.entries() {
		if e.Key.Text == key {
			return e.Value.resolved()
		}
	}
	return nil
}

// All returns the entries of a map, with those that merge keys bring last. Keys of the map itself win.
func (n *Node) All() iter.Seq[Entry] {
	n = n.resolved()
	if n == nil || n.Kind != Map {
		return func(func(Entry) bool) {}
	}
	return slices.Values(n.entries())
}

func (n *Node) entries() []Entry {
	if n.merged != nil {
		return n.merged
	}
	return n.Entries
}

func (n *Node) isMerge() bool { return n.Plain && n.Text == "<<" }

// merge carries out the merge keys of a map, whose sources must be maps. It returns how many entries it looked at.
func (n *Node) merge() (seen int) {
	var sources []*Node
	n.merged = make([]Entry, 0, len(n.Entries))
	for _, e := range n.Entries {
		if !e.Key.isMerge() {
			n.merged = append(n.merged, e)
			continue
		}
		if v := e.Value.resolved(); v.Kind == List {
			sources = append(sources, v.Items...)
		} else {
			sources = append(sources, v)
		}
	}
	there := map[string]bool{}
	for _, e := range n.merged {
		there[e.Key.Text] = true
	}
	for _, source := range sources {
		for e := range source.All() {
			if seen++; !there[e.Key.Text] {
				there[e.Key.Text] = true
				n.merged = append(n.merged, e)
			}
		}
	}
	return seen
}

// makeIndex makes Get fast for maps that are large.
func (n *Node) makeIndex() {
	const small = 16
	if len(n.entries()) <= small {
		return
	}
	n.index = make(map[string]int, len(n.entries()))
	for i, e := range n.entries() {
		n.index[e.Key.Text] = i
	}
}

package template

import "iter"

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
	for e := range n.All() {
		if e.Key.Text == key {
			return e.Value.resolved()
		}
	}
	return nil
}

// All returns the entries of a map, with those that merge keys bring last. Keys of the map itself win.
func (n *Node) All() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		n = n.resolved()
		if n == nil || n.Kind != Map {
			return
		}
		if !n.merges() {
			for _, e := range n.Entries {
				if !yield(e) {
					return
				}
			}
			return
		}
		n.merged(map[string]bool{}, yield)
	}
}

func (n *Node) merges() bool {
	for _, e := range n.Entries {
		if e.Key.isMerge() {
			return true
		}
	}
	return false
}

func (n *Node) isMerge() bool { return n.Plain && n.Text == "<<" }

// merged yields the entries whose keys were not seen, and reports whether to go on.
func (n *Node) merged(seen map[string]bool, yield func(Entry) bool) bool {
	for _, e := range n.Entries {
		if e.Key.isMerge() || seen[e.Key.Text] {
			continue
		}
		seen[e.Key.Text] = true
		if !yield(e) {
			return false
		}
	}
	for _, e := range n.Entries {
		if !e.Key.isMerge() {
			continue
		}
		sources := []*Node{e.Value}
		if v := e.Value.resolved(); v.Kind == List {
			sources = v.Items
		}
		for _, source := range sources {
			if !source.resolved().merged(seen, yield) {
				return false
			}
		}
	}
	return true
}

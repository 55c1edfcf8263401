package template

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// at returns the node at a path such as A/B/0.
func at(t *testing.T, f *File, path string) *Node {
	t.Helper()
	n := f.Root
	for step := range strings.SplitSeq(path, "/") {
		switch {
		case step == "":
		case n.Kind == List:
			n = n.Items[int(step[0]-'0')]
		default:
			if i := entryIndex(n, step); i >= 0 {
				n = n.Entries[i].Value
			} else {
				t.Fatalf("there is no %s in %s", step, path)
			}
		}
	}
	return n
}

func TestEdit(t *testing.T) {
	type edits func(get func(path string) *Node) []Edit
	one := func(make func(get func(string) *Node) Edit) edits {
		return func(get func(string) *Node) []Edit { return []Edit{make(get)} }
	}
	replace := func(path string, value *Node) edits {
		return one(func(get func(string) *Node) Edit { return Replace(get(path), value) })
	}
	remove := func(path string, indexes ...int) edits {
		return func(get func(string) *Node) (all []Edit) {
			for _, i := range indexes {
				all = append(all, RemoveItem(get(path), i))
			}
			return all
		}
	}
	insert := func(path string, index int, values ...string) edits {
		return func(get func(string) *Node) (all []Edit) {
			for _, v := range values {
				all = append(all, InsertItem(get(path), index, Text(v)))
			}
			return all
		}
	}
	set := func(path, key string, value *Node) edits {
		return one(func(get func(string) *Node) Edit { return SetEntry(get(path), key, value) })
	}
	drop := func(path, key string) edits {
		return one(func(get func(string) *Node) Edit { return RemoveEntry(get(path), key) })
	}
	for _, tt := range []struct {
		name, before string
		edits        edits
		after        string
	}{
		{"a plain scalar", "a: b # why\n", replace("a", Text("c")), "a: c # why\n"},
		{"a scalar over several lines", "a: b\n  c\n  d # why\ne: f\n", replace("a", Text("x")), "a: x # why\ne: f\n"},
		{"in double quotes", `a: "b" # why`, replace("a", Text("c\n")), `a: "c\n" # why`},
		{"in single quotes", "a: 'it''s'\n", replace("a", Text("he's")), "a: 'he''s'\n"},
		{"single quotes do not fit", "a: 'x'\n", replace("a", Text("a\nb")), "a: \"a\\nb\"\n"},
		{"that must be quoted now", "a: b\n", replace("a", Text("yes")), "a: \"yes\"\n"},
		{"a folded scalar", "a: >-\n  b\n\n  c\n\n# note\nd: e\n", replace("a", Text("x")), "a: x\n\n# note\nd: e\n"},
		{"a literal scalar that keeps its lines", "a: |+\n  b\n\nd: e\n", replace("a", Text("x")), "a: x\nd: e\n"},
		{"a literal scalar with an indentation", "a:\n  - |2\n      b\n    c\n  - d\n", replace("a/0", Text("x")),
			"a:\n  - x\n  - d\n"},
		{"a function", "a: !Ref b # why\n", replace("a", Text("c")), "a: c # why\n"},
		{"a function over several lines", "a: !Join\n  - ''\n  - - b\n    - c\nd: e\n", replace("a", Text("x")), "a: x\nd: e\n"},
		{"by a function", "a: b\n", replace("a", MapOf(EntryOf("Ref", Text("c")))), "a:\n  Ref: c\n"},
		{"nothing", "a:\nb: c\n", replace("a", Text("x")), "a: x\nb: c\n"},
		{"nothing in a list", "a:\n-\n- b\n", replace("a/0", Text("x")), "a:\n- x\n- b\n"},
		{"a list by a scalar", "a: # why\n  - b\n  # note\n  - c\nd: e\n", replace("a", Text("x")), "a: x # why\nd: e\n"},
		{"in CRLF", "a:\r\n  - b\r\n  - c # why\r\nd: e\r\n", replace("a/1", ListOf(Text("x"), Text("y"))),
			"a:\r\n  - b\r\n  - - x\r\n    - y # why\r\nd: e\r\n"},

		{"remove from lines", "a:\n  - b # 1\n  # 2\n  - c # 3\n  - d # 4\ne: f\n", remove("a", 1),
			"a:\n  - b # 1\n  # 2\n  - d # 4\ne: f\n"},
		{"remove two neighbours", "a:\n  - b\n  - c\n\n  - d\n  - e\n", remove("a", 1, 2), "a:\n  - b\n\n  - e\n"},
		{"remove the last line of the file", "a:\n  - b\n  - c", remove("a", 1), "a:\n  - b\n"},
		{"remove all", "a: # why\n- b\n# note\n- c\nd: e\n", remove("a", 0, 1), "a: [] # why\n# note\nd: e\n"},
		{"remove a map of a list", "a:\n  - k: b\n    v: c\n  - k: d\n    v: e\n", remove("a", 0), "a:\n  - k: d\n    v: e\n"},
		{"remove a text of several lines", "a:\n  - |\n    b\n    c\n\n  - d\n", remove("a", 0), "a:\n\n  - d\n"},
		{"remove the first of a list in a list", "a:\n  - - b\n    - c\n  - d\n", remove("a/0", 0), "a:\n  - - c\n  - d\n"},
		{"remove in brackets", "a: [b, c, d] # why\n", remove("a", 1), "a: [b, d] # why\n"},
		{"remove the first in brackets", "a: [ b, c, d ]\n", remove("a", 0), "a: [ c, d ]\n"},
		{"remove the last in brackets", "a: [b, c, d,]\n", remove("a", 2), "a: [b, c,]\n"},
		{"remove all in brackets", "a: [b, c,]\n", remove("a", 0, 1), "a: []\n"},
		{"remove from brackets over several lines", "a: [\n  b, # 1\n  c, # 2\n  d\n]\n", remove("a", 2),
			"a: [\n  b, # 1\n  c\n]\n"},
		{"remove an entry", "a: b\n# note\nc: d # why\ne: f\n", drop("", "c"), "a: b\n# note\ne: f\n"},
		{"remove the first entry behind a dash", "a:\n  - k: b # 1\n    # 2\n    v: c\n", drop("a/0", "k"),
			"a:\n  - # 2\n    v: c\n"},
		{"remove the only entry", "a:\n  b: c\nd: e\n", drop("a", "b"), "a: {}\nd: e\n"},
		{"remove an entry in brackets", `{"a": 1, "b": {"c": 2}}`, drop("", "b"), `{"a": 1}`},

		{"insert into lines", "a:\n    - b # 1\n    # 2\n    - c # 3\nd: e\n", insert("a", 1, "x"),
			"a:\n    - b # 1\n    - x\n    # 2\n    - c # 3\nd: e\n"},
		{"insert before the first and its comment", "a:\n  # 1\n  - b\n", insert("a", 0, "x"), "a:\n  - x\n  # 1\n  - b\n"},
		{"insert two at the end of the file", "a:\n- b", insert("a", 1, "x", "y"), "a:\n- b\n- x\n- y"},
		{"insert in a list in a list", "a:\n- - b\n", insert("a/0", 0, "x"), "a:\n- - x\n  - b\n"},
		{"insert in brackets", "a: [b, c]\n", insert("a", 1, "x"), "a: [b, x, c]\n"},
		{"insert in empty brackets", "a: []\n", insert("a", 0, "x", "yes"), "a: [x, \"yes\"]\n"},
		{"insert in brackets over several lines", "a: [\n  b,\n  c\n]\n", insert("a", 2, "x"), "a: [\n  b,\n  c,\n  x\n]\n"},
		{"insert in JSON", "{\n  \"a\": [\n    \"b\"\n  ]\n}\n", insert("a", 1, "x"),
			"{\n  \"a\": [\n    \"b\",\n    \"x\"\n  ]\n}\n"},
		{"insert in JSON without spaces", `{"a":["b","c"]}`, insert("a", 0, "x"), `{"a":["x","b","c"]}`},
		{"set a new key", "a:\n  b: c # 1\n\nd: e\n", set("a", "k", ListOf(Text("x"), Text("y"))),
			"a:\n  b: c # 1\n  k:\n    - x\n    - y\n\nd: e\n"},
		{"set a key that is there", "a:\n  b: 'c' # 1\n", set("a", "b", Text("x")), "a:\n  b: 'x' # 1\n"},
		{"set a key in brackets", "a: {b: c}\n", set("a", "d", Literal(Bool, "true")), "a: {b: c, d: true}\n"},
		{"remove and insert", "a:\n- b\n- c\n- d\n", func(get func(string) *Node) []Edit {
			return append(remove("a", 0, 2)(get), insert("a", 2, "x")(get)...)
		}, "a:\n- c\n- x\n"},
		{"in several places", "a:\n- b\nc: {d: e}\n", func(get func(string) *Node) []Edit {
			return []Edit{Replace(get("a/0"), Text("x")), SetEntry(get("c"), "f", Text("y")), RemoveEntry(get("c"), "d")}
		}, "a:\n- x\nc: {f: y}\n"},
	} {
		name := "a.yaml"
		if strings.HasPrefix(tt.before, "{") {
			name = "a.json"
		}
		f := parse(t, name, tt.before)
		got, err := f.Edit(tt.edits(func(path string) *Node { return at(t, f, path) })...)
		if err != nil || string(got) != tt.after {
			t.Errorf("%s: %v, got\n%s\nwant\n%s", tt.name, err, got, tt.after)
		}
	}
}

func TestEditRefused(t *testing.T) {
	f := parse(t, "a.yaml", "a: &x [b, c]\nd: *x\n? e\n: f\n")
	list := f.Root.Entries[0].Value
	for _, tt := range []struct {
		name  string
		edits []Edit
		want  string
	}{
		{"an anchor that is needed", []Edit{Replace(list, Text("x"))},
			"a.yaml:1:4: the file cannot be edited in place here; edit it by hand"},
		{"a key in another form", []Edit{RemoveEntry(f.Root, "e")},
			"a.yaml:1:1: the file cannot be edited in place here; edit it by hand"},
		{"no such item", []Edit{RemoveItem(list, 2)}, "a.yaml:1:4: item 2 does not exist"},
		{"no such key", []Edit{RemoveEntry(f.Root, "x")}, `a.yaml:1:1: key "x" does not exist`},
		{"behind the end", []Edit{InsertItem(list, 3, Text("x"))},
			"a.yaml:1:4: an item must be put at an index from 0 to 2, got 3"},
		{"an entry into a list", []Edit{SetEntry(list, "x", Text("x"))},
			"a.yaml:1:4: an entry must be put into a map, got a list"},
		{"a node of another file", []Edit{Replace(&Node{}, Text("x"))}, "an edit must be of a node of a.yaml"},
		{"one in another", []Edit{Replace(list, ListOf()), RemoveItem(list, 0)},
			"a.yaml:1:4: edits must not overlap; make them one after the other"},
		{"an insertion into what goes", []Edit{RemoveEntry(f.Root, "a"), RemoveEntry(f.Root, "d"),
			InsertItem(list, 0, Text("x"))}, "a.yaml:1:4: an edit must be outside of what another edit replaces or removes"},
		{"text that is not UTF-8", []Edit{Replace(list, Text("\xff"))}, "a.yaml:1:4: what is put into a file must be UTF-8"},
	} {
		if _, err := f.Edit(tt.edits...); err == nil || err.Error() != tt.want {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
}

// TestEditListProperties removes and inserts any items of a list at once, and compares with slices.
func TestEditListProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := ListOf()
		for range rapid.IntRange(1, 6).Draw(t, "items") {
			list.Items = append(list.Items, tree(t, 1))
		}
		name, text, _ := emit(t, MapOf(EntryOf("a", Text("b")), EntryOf("list", list), EntryOf("z", Text("y"))))
		f, err := Parse(name, []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		n := f.Root.Get("list")
		var edits []Edit
		want := ListOf()
		for i := 0; i <= len(n.Items); i++ {
			if rapid.IntRange(0, 2).Draw(t, "insert") == 0 {
				item := tree(t, 1)
				edits, want.Items = append(edits, InsertItem(n, i, item)), append(want.Items, item)
			}
			if i == len(n.Items) {
				break
			}
			if rapid.Bool().Draw(t, "remove") {
				edits = append(edits, RemoveItem(n, i))
			} else {
				want.Items = append(want.Items, n.Items[i])
			}
		}
		got, err := f.Edit(edits...)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		out, err := Parse(name, got)
		if err != nil || !equal(out.Root.Get("list"), want) {
			t.Fatalf("%v: another list is in\n%s\nwas\n%s", err, got, text)
		}
	})
}

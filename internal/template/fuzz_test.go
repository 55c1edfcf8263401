package template

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"unicode"
)

// controls has what a terminal would act on wherever a message could repeat it.
const controls = `{"\u001bA": 1, "Parameters": {"P\u001b": {"Type": "\u001b", "\u001b": 1}, "Q\u001b": {"Type": "String"}},
"Mappings": {"M\u001b": {}}, "Conditions": {"C\u001b": {"Fn::\u001b": []}, "D\u001b": {"Fn::Equals": ["a", "b"]}},
"Resources": {"A\u001b": {"Type": "AWS::Connect::SecurityProfile"}, "T": {"Type": "AWS::Connect::User\u001b"},
"F": {"Type": "F\u001b"}, "X": {"Type": "AWS::Connect::UserHierarchyGroup", "Condition": "D\u001b"},
"B": {"Type": "AWS::Connect::SecurityProfile", "\u001b": 1, "Condition": "C\u001b", "DependsOn": "\u001b",
"DeletionPolicy": "\u001b", "Properties": {"InstanceArn": "\u001b", "SecurityProfileName": {"Ref": "\u001b"},
"\u001b": {"Fn::GetAtt": "B.\u001b"}, "Description": {"Fn::GetAtt": ["F", "\u001b"]}, "Permissions": [
{"Fn::Sub": "${\u001b}"}, {"\u001b": 1}, {"Fn::FindInMap": ["M\u001b", "\u001b", "\u001b"]}, {"Ref": "X"},
{"Fn::Select": ["\u001b", ["a"]]}, {"Fn::ImportValue": "\u001b"}, {"Fn::If": ["\u001b", 1, 2]}, {"Ref": "Q\u001b"},
{"Ref": "P\u001b"}, {"Ref": "AWS::\u001b"}, {"Fn::\u001b": 1}, {"Fn::Join": "\u001b"}]}}}}`

func seeds(f *testing.F) {
	for _, name := range []string{"testdata/centre.yaml", "testdata/cdk.json"} {
		content, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	for _, text := range []string{"a: &x [b, {c: d}]\ne: *x\n", "{\"a\": [1, -2.5e3, null, true, \"\\ud83d\\ude00\"]}",
		"a: |2-\n   b\n\n  c\n# d\ne: >+\n  f\n\n\ng: 'h''i'\n", "? a\n: - - b\n  -\n", "a: !Sub\n  - x${b}\n  - b: c\n",
		"<<: {a: b}\nc: d\n", "\ufeffa: \"b\\\n  c\"\r\nd: e\r\n", "a: !!str &b c # d\n", "- !Ref a\n-\n- ~\n",
		"a:\n- b\n-   c: d\n    e: f\n", controls} {
		f.Add([]byte(text))
	}
}

// resolveAny resolves a file with all that a template may need, and checks what must hold for every stack.
func resolveAny(t *testing.T, file *File) {
	stack, err := Resolve([]*File{file}, Inputs{Account: "123456789012", Region: "us-east-1", StackName: "s",
		Parameters: map[string]string{}})
	if err != nil {
		if len(err.(Errors)) == 0 {
			t.Fatal("an error says nothing")
		}
		for _, f := range err.(Errors) {
			if f.Pos.File == "" || f.Message == "" || strings.ContainsFunc(f.Message, unicode.IsControl) {
				t.Fatalf("%q at %v", f.Message, f.Pos)
			}
		}
		return
	}
	if len(stack.Order()) != len(stack.Resources) {
		t.Fatalf("%d of %d resources are in order", len(stack.Order()), len(stack.Resources))
	}
	for _, r := range stack.Resources {
		if _, err := r.Properties.Any(func(Reference) string { return "a/b/c/d" }); err != nil && len(err.Error()) == 0 {
			t.Fatal("an error says nothing")
		}
	}
}

// FuzzParse reads and resolves any bytes. Nodes are where they say: their text alone is read as the same again.
func FuzzParse(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, name := range []string{"a.yaml", "a.json", "a.template"} {
			file, err := Parse(name, content)
			if err != nil {
				continue
			}
			for _, n := range nodesOf(file.Root) {
				checkPlace(t, file, n)
			}
			resolveAny(t, file)
		}
		_, _ = ReadParameters("a", content)
	})
}

func checkPlace(t *testing.T, f *File, n *Node) {
	p := n.Pos
	if p.Start < 0 || p.End < p.Start || p.End > len(f.Content) {
		t.Fatalf("%v is at %d to %d of %d", n.Kind, p.Start, p.End, len(f.Content))
	}
	if f.at(p.Start, p.End) != p || f.offset(p.Line, p.Column) != p.Start {
		t.Fatalf("%v is not at %v", n.Kind, p)
	}
	text := f.Content[p.Start:p.End]
	scalar := n.Kind == String || n.Kind == Number || n.Kind == Bool
	if !scalar && !n.Flow || bytes.ContainsAny(text, "|>&*\n") || n.Tag != "" || len(text) == 0 {
		return // it needs what is around it
	}
	alone := newFile("a", append([]byte(" "), text...)) // at the start of a line, --- is no text
	read := alone.parseYAML
	if f.JSON {
		read = alone.parseJSON
	}
	got, err := read()
	if err != nil || !equal(got, n) {
		t.Fatalf("%v: %q at %v is not %+v", err, text, p, n)
	}
}

// FuzzEdit makes an edit in any file. One that is made leaves what is before and after its node as it is.
func FuzzEdit(f *testing.F) {
	for i, text := range []string{"a: b # c\nd:\n- e\n-  f\n", "a: {b: c, d: [e]}\n", "{\n \"a\": [\n  1\n ]\n}", "a:\n  - b: c\n    d: e\n"} {
		f.Add([]byte(text), uint16(i), uint8(i), "x: y")
	}
	f.Fuzz(func(t *testing.T, content []byte, which uint16, how uint8, value string) {
		file, err := Parse("a.yaml", content)
		if err != nil || len(content) > 10_000 {
			return
		}
		nodes := nodesOf(file.Root)
		n := nodes[int(which)%len(nodes)]
		edit := Replace(n, Text(value))
		switch items := len(n.Items); {
		case how%5 == 0 && items > 0:
			edit = RemoveItem(n, int(how)%items)
		case how%5 == 1 && n.Kind == List:
			edit = InsertItem(n, int(how)%(items+1), ListOf(Text(value)))
		case how%5 == 2 && len(n.Entries) > 0:
			edit = RemoveEntry(n, n.Entries[int(how)%len(n.Entries)].Key.Text)
		case how%5 == 3 && n.Kind == Map:
			edit = SetEntry(n, value, MapOf(EntryOf(value, Text(value))))
		}
		got, err := file.Edit(edit)
		if err != nil {
			return
		}
		before := content[:lineStart(content, file.behindKey(edit.node, file.places()))]
		after := content[afterLine(content, edit.node.Pos.End):]
		if !bytes.HasPrefix(got, before) || !bytes.HasSuffix(got, after) {
			t.Fatalf("more than the node changed:\n%q\nwas\n%q", got, content)
		}
		out, err := Parse("a.yaml", got)
		want, _ := applyTree(file.Root, []Edit{edit})
		if err != nil || !equal(out.Root, want) {
			t.Fatalf("%v: another tree is in %q", err, got)
		}
	})
}

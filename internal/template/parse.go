package template

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

var byteOrderMark = []byte("\ufeff")

// Parse reads a template. The name is for messages, and its ending decides how a file that could be both YAML and JSON
// is read. The error is an Errors.
func Parse(name string, content []byte) (*File, error) {
	f := newFile(name, content)
	if err := f.checkBytes(); err != nil {
		return nil, err
	}
	root, err := f.parse()
	if err != nil {
		return nil, err
	}
	f.Root = root
	if r := root.resolved(); r.Kind != Map || r.Tag != "" {
		return nil, failAt(root.Pos, "a template must be a map with Resources, got %s", describe(root))
	}
	return f, nil
}

// parse reads JSON where it is JSON. A file that begins like JSON but does not end in .json may still be YAML.
func (f *File) parse() (*Node, error) {
	ending := strings.ToLower(filepath.Ext(f.Name))
	text := bytes.TrimLeft(bytes.TrimPrefix(f.Content, byteOrderMark), " \t\r\n")
	if ending != ".json" && !bytes.HasPrefix(text, []byte("{")) {
		return f.parseYAML()
	}
	root, err := f.parseJSON()
	if err == nil {
		f.JSON = true
		return root, nil
	}
	if ending != ".json" {
		if root, yamlErr := f.parseYAML(); yamlErr == nil {
			return root, nil
		} else if ending == ".yaml" || ending == ".yml" {
			return nil, yamlErr
		}
	}
	return nil, err
}

// checkBytes refuses what neither format reads, and line ends by which lines would be counted differently.
func (f *File) checkBytes() error {
	if n := len(f.Content); n > MaxFileSize {
		return failAt(Position{File: f.Name}, "a template must have at most %d bytes, as on AWS, got %d; split it into "+
			"several files", MaxFileSize, n)
	}
	for i := 0; i < len(f.Content); {
		r, size := utf8.DecodeRune(f.Content[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return failAt(f.at(i, i+1), "the file must be UTF-8, got byte 0x%02X; save it as UTF-8", f.Content[i])
		case r == '\r' && !bytes.HasPrefix(f.Content[i:], []byte("\r\n")):
			return failAt(f.at(i, i+1), "lines must end in LF or CRLF, got a lone CR")
		case r == '\u0085' || r == '\u2028' || r == '\u2029':
			return failAt(f.at(i, i+size), `U+%04X must be written in quotes as "\u%04x", got the character itself`, r, r)
		}
		i += size
	}
	return nil
}

// stretch is how many bytes are counted at once, so that a position in a long line costs no more than another.
const stretch = 32

func newFile(name string, content []byte) *File {
	f := &File{Name: name, Content: content, lines: []int{0}}
	n := 0
	for i, c := range content {
		if i%stretch == 0 {
			f.runes = append(f.runes, n)
		}
		if utf8.RuneStart(c) {
			n++
		}
		if c == '\n' {
			f.lines = append(f.lines, i+1)
		}
	}
	f.runes = append(f.runes, n)
	return f
}

// runesBefore returns how many characters begin before an offset.
func (f *File) runesBefore(at int) int {
	i := at / stretch
	n := f.runes[min(i, len(f.runes)-1)]
	for _, c := range f.Content[min(i*stretch, at):at] {
		if utf8.RuneStart(c) {
			n++
		}
	}
	return n
}

// at returns the position of the bytes from start to end.
func (f *File) at(start, end int) Position {
	start = min(max(start, 0), len(f.Content))
	line, found := slices.BinarySearch(f.lines, start)
	if found {
		line++
	}
	column := f.runesBefore(start) - f.runesBefore(f.lines[line-1]) + 1
	if line == 1 && start > 0 && bytes.HasPrefix(f.Content, byteOrderMark) {
		column--
	}
	return Position{File: f.Name, Line: line, Column: column, Start: start, End: max(start, end)}
}

// offset returns where a line and column are, both counted from 1.
func (f *File) offset(line, column int) int {
	if line < 1 || line > len(f.lines) {
		return len(f.Content)
	}
	start := f.lines[line-1]
	if line == 1 && bytes.HasPrefix(f.Content, byteOrderMark) {
		start += len(byteOrderMark)
	}
	want := f.runesBefore(start) + column - 1 // so many characters are before it
	i, _ := slices.BinarySearch(f.runes, want+1)
	at := min(max(start, (i-1)*stretch), len(f.Content))
	for n := f.runesBefore(at); at < len(f.Content); at++ {
		if utf8.RuneStart(f.Content[at]) {
			if n == want {
				return at
			}
			n++
		}
	}
	return at
}

// checkKeys reports keys of a map that are there twice.
func checkKeys(n *Node) error {
	first := make(map[string]Position, len(n.Entries))
	for _, e := range n.Entries {
		if p, ok := first[e.Key.Text]; ok {
			return failAt(e.Key.Pos, "key %q must be unique in its map, got it already on line %d", e.Key.Text, p.Line)
		}
		first[e.Key.Text] = e.Key.Pos
	}
	return nil
}

// describe names what a node is, for messages.
func describe(n *Node) string {
	n = n.resolved()
	switch {
	case n.Tag != "":
		return n.Tag
	case n.Kind == Null:
		return "nothing (null)"
	case n.Kind == List || n.Kind == Map:
		return "a " + n.Kind.String()
	case n.Kind == Number || n.Kind == Bool:
		return printable(n.Text)
	}
	return quote(n.Text)
}

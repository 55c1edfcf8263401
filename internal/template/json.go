package template

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// A jsonReader makes nodes of JSON tokens. Numbers stay as they are written.
type jsonReader struct {
	file *File
	dec  *jsontext.Decoder
	skip int // bytes of the file before what dec reads
}

func (f *File) parseJSON() (*Node, error) {
	text := bytes.TrimPrefix(f.Content, byteOrderMark)
	r := &jsonReader{
		file: f,
		// duplicates are reported by checkKeys, which says where the first is
		dec:  jsontext.NewDecoder(bytes.NewReader(text), jsontext.AllowDuplicateNames(true)),
		skip: len(f.Content) - len(text),
	}
	root, err := r.value(0)
	if err != nil {
		return nil, err
	}
	start := r.next()
	if _, err := r.dec.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, failAt(f.at(start, start+1), "a JSON file must be one value, got more after its end")
	}
	return root, nil
}

// next returns the offset of the first byte of the next token.
func (r *jsonReader) next() int {
	at := int(r.dec.InputOffset()) + r.skip
	for at < len(r.file.Content) && bytes.IndexByte([]byte(" \t\r\n,:"), r.file.Content[at]) >= 0 {
		at++
	}
	return at
}

func (r *jsonReader) value(depth int) (*Node, error) {
	start := r.next()
	if depth > maxDepth {
		return nil, failAt(r.file.at(start, start+1), "lists and maps must be nested at most %d deep", maxDepth)
	}
	token, err := r.dec.ReadToken()
	if err != nil {
		return nil, r.syntaxError(err)
	}
	n := &Node{body: start, parent: -1, inFlow: true}
	switch token.Kind() {
	case 'n':
		n.Kind = Null
	case 't', 'f':
		n.Kind, n.Text = Bool, token.String()
	case '"':
		n.Kind, n.Text = String, token.String()
	case '0':
		n.Kind, n.Text = Number, token.String()
	case '[', '{':
		n.Flow = true
		if err := r.children(n, token.Kind(), depth); err != nil {
			return nil, err
		}
	}
	n.Pos = r.file.at(start, int(r.dec.InputOffset())+r.skip)
	return n, nil
}

func (r *jsonReader) children(n *Node, open jsontext.Kind, depth int) error {
	n.Kind = List
	if open == '{' {
		n.Kind = Map
	}
	for r.dec.PeekKind() > 0 && r.dec.PeekKind() != ']' && r.dec.PeekKind() != '}' {
		child, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		if n.Kind == List {
			n.Items = append(n.Items, child)
			continue
		}
		value, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.Entries = append(n.Entries, Entry{child, value})
	}
	if _, err := r.dec.ReadToken(); err != nil {
		return r.syntaxError(err)
	}
	n.makeIndex()
	return checkKeys(n)
}

func (r *jsonReader) syntaxError(err error) error {
	at, message := int(r.dec.InputOffset()), err.Error()
	var syntactic *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntactic):
		at = int(syntactic.ByteOffset)
		message = syntactic.Err.Error()
	case errors.Is(err, io.EOF):
		at = len(r.file.Content) - r.skip
	}
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		message = "the file ends too early; close the brackets"
	case strings.Contains(message, "invalid character"):
		message += "; JSON has no comments, no single quotes and no comma after the last item"
	}
	return failAt(r.file.at(at+r.skip, at+r.skip+1), "the file must be JSON: %s", message)
}

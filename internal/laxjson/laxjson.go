// Package laxjson reads and writes JSON of our own: what is stored, what the programs of lanyard send one another, and
// what they show. It does so as encoding/json did: a nil slice is null, an empty one is not, the keys of a map are
// sorted, and what a caller once managed to send is taken. It is not for requests: each front end reads those itself,
// strictly.
package laxjson

import (
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Options are how Marshal and Unmarshal write and read. Equal values are equal bytes, which are hashed where they are
// stored: so they must not change.
var Options = json.JoinOptions(
	json.Deterministic(true),
	json.FormatNilSliceAsNull(true),
	json.FormatNilMapAsNull(true),
	jsontext.AllowDuplicateNames(true),
	jsontext.AllowInvalidUTF8(true),
)

// Marshal returns v as JSON.
func Marshal(v any) ([]byte, error) { return json.Marshal(v, Options) }

// Encode writes v to w, as Marshal returns it. A *bytes.Buffer as w spares a copy.
func Encode(w io.Writer, v any) error { return json.MarshalWrite(w, v, Options) }

// Unmarshal reads JSON into v. Names of members must be the same in every letter.
func Unmarshal(b []byte, v any) error { return json.Unmarshal(b, v, Options) }

// Write writes v as one line.
func Write(w io.Writer, v any) error {
	b, err := Marshal(v)
	if err != nil {
		return err
	}
	_, err = w.Write(append(b, '\n'))
	return err
}

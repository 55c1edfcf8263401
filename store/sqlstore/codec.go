package sqlstore

import (
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
	"github.com/klauspost/compress/s2"

	"github.com/lanyard/lanyard"
)

// What is stored is JSON as encoding/json would write and read it, but faster: a nil slice stays
// nil, an empty one empty, and map keys are sorted, so that equal resources are equal bytes. What a
// caller managed to send is taken: a store is not the place to be strict.
var codec = json.JoinOptions(
	json.Deterministic(true),
	json.FormatNilSliceAsNull(true),
	json.FormatNilMapAsNull(true),
	jsonv1.OmitEmptyWithLegacySemantics(true),
	jsontext.AllowDuplicateNames(true),
	jsontext.AllowInvalidUTF8(true),
)

func encode(v any) ([]byte, error) { return json.Marshal(v, codec) }

// encodeEvent is encode, but does not read the documents of the changes again, which it wrote itself.
func encodeEvent(e *lanyard.Event) ([]byte, error) {
	bare := *e
	bare.Changes = nil
	body, err := encode(&bare)
	if err != nil || len(e.Changes) == 0 {
		return body, err
	}
	size := len(body)
	for i := range e.Changes {
		c := &e.Changes[i]
		size += len(c.ID) + len(c.Before) + len(c.After) + 128
	}
	body = append(make([]byte, 0, size), body[:len(body)-1]...)
	for i := range e.Changes {
		c := e.Changes[i]
		before, after := c.Before, c.After
		c.Before, c.After = nil, nil
		head, err := encode(&c)
		if err != nil {
			return nil, err
		}
		body = append(body, [2]string{`,"Changes":[`, `,`}[min(i, 1)]...)
		body = append(body, head[:len(head)-1]...)
		if before != nil {
			body = append(append(body, `,"Before":`...), before...)
		}
		if after != nil {
			body = append(append(body, `,"After":`...), after...)
		}
		body = append(body, '}')
	}
	return append(body, `]}`...), nil
}

// pack compresses the body of an event. It holds the request, what was before and what is
// afterwards, which say nearly the same three times: packed, an update of a profile takes a third of
// the pages.
func pack(body []byte) []byte { return s2.Encode(nil, body) }

func unpack(packed []byte) ([]byte, error) { return s2.Decode(nil, packed) }

func decode(t lanyard.Type, doc []byte) (lanyard.Resource, error) {
	r := lanyard.New(t)
	if r == nil {
		return nil, fmt.Errorf("%q is not a type of resource", t)
	}
	if err := json.Unmarshal(doc, r, codec); err != nil {
		return nil, fmt.Errorf("stored %s: %w", t, err)
	}
	return r, nil
}

// weight is about what a decoded resource takes in memory.
func weight(doc []byte) int64 { return 2*int64(len(doc)) + 512 }

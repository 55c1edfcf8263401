package sqlstore

import (
	"bytes"
	_ "embed"
	"fmt"
	"sync"

	"github.com/klauspost/compress/s2"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
)

// buffers are room for what is needed only while an event is made: its JSON, of which the hash and the packed form are
// kept.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func takeBuffer() *bytes.Buffer { return buffers.Get().(*bytes.Buffer) }

// giveBuffer takes back a buffer, unless it has grown large.
func giveBuffer(b *bytes.Buffer) {
	const large = 1 << 20
	if b.Cap() <= large {
		b.Reset()
		buffers.Put(b)
	}
}

// encodeEvent writes the JSON of an event. It does not parse the documents of the changes again, which this package
// wrote.
func encodeEvent(b *bytes.Buffer, e *lanyard.Event) error {
	bare := *e
	bare.Changes = nil
	if err := laxjson.Encode(b, &bare); err != nil || len(e.Changes) == 0 {
		return err
	}
	b.Truncate(b.Len() - 1) // its brace
	for i := range e.Changes {
		c := e.Changes[i]
		before, after := c.Before, c.After
		c.Before, c.After = nil, nil
		b.WriteString([2]string{`,"Changes":[`, `,`}[min(i, 1)])
		if err := laxjson.Encode(b, &c); err != nil {
			return err
		}
		b.Truncate(b.Len() - 1)
		if before != nil {
			b.WriteString(`,"Before":`)
			b.Write(before)
		}
		if after != nil {
			b.WriteString(`,"After":`)
			b.Write(after)
		}
		b.WriteByte('}')
	}
	b.WriteString(`]}`)
	return nil
}

// dictionary1 is text such as events have, permissions above all. Stored events can only be read with it, so it must
// never change: a better dictionary is another file and another first byte.
//
//go:embed dictionary/1.txt
var dictionary1 []byte

var dict1 = sync.OnceValue(func() *s2.Dict { return s2.MakeDictManual(dictionary1, 0) })

// pack compresses the body of an event. It has the request and what was before and after, nearly the same text three
// times, in words of the dictionary: packed, an update of a profile takes a tenth of the space. The first byte is the
// number of the dictionary.
func pack(body []byte) []byte {
	room := takeBuffer()
	defer giveBuffer(room)
	most := s2.MaxEncodedLen(len(body))
	room.Grow(most)
	packed := dict1().Encode(room.AvailableBuffer()[:most], body)
	return append(append(make([]byte, 0, 1+len(packed)), 1), packed...)
}

// Unpack returns the JSON of an event, of which its hash is, from the column body. It also accepts an event that was
// packed without a dictionary: that begins with the length of the body, and no body has a single byte.
func Unpack(packed []byte) ([]byte, error) {
	hasDictionary := len(packed) > 1 && packed[0] == 1
	if hasDictionary {
		packed = packed[1:]
	}
	// A damaged length must not exhaust the memory.
	if n, err := s2.DecodedLen(packed); err != nil || n > maxBody {
		return nil, fmt.Errorf("a packed event of %d bytes says that it has %d: %w", len(packed), n, s2.ErrCorrupt)
	}
	if hasDictionary {
		return dict1().Decode(nil, packed)
	}
	return s2.Decode(nil, packed)
}

// maxBody is more than any event has: a request of at most 4 MiB, and what it changed.
const maxBody = 64 << 20

func decode(t lanyard.Type, doc []byte) (lanyard.Resource, error) {
	r := lanyard.New(t)
	if r == nil {
		return nil, fmt.Errorf("%q is not a type of resource", t)
	}
	if err := laxjson.Unmarshal(doc, r); err != nil {
		return nil, fmt.Errorf("stored %s: %w", t, err)
	}
	return r, nil
}

// weight is about what a decoded resource takes in memory.
func weight(doc []byte) int64 { return 2*int64(len(doc)) + 512 }

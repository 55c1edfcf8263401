package subject

import (
	"encoding/binary"
	"unicode/utf8"
	"unsafe"

	"github.com/lanyard/lanyard/access"
)

// A questionReader reads questions, whose texts stay where they are. A question is, with every text as its length as a
// uvarint and then its bytes in UTF-8:
//
//	flags       one byte, the sum of the flag constants
//	texts       action, type and id of the resource, its hierarchy group, its channel
//	tags        if flagTags: their number as a uvarint, then each key and value
//	attributes  if flagAttributes: the same
type questionReader struct {
	query            access.Query
	tags, attributes map[string]string
}

const (
	flagNew = 1 << iota
	flagTags
	flagAttributes
	flagReports
	flagEnd
)

// maxPairs bounds tags and attributes.
const maxPairs = 1_000

// read sets query, which refers to b, and reports whether b is a question.
func (q *questionReader) read(b []byte) bool {
	if len(b) == 0 || b[0] >= flagEnd {
		return false
	}
	flags, r := b[0], reader{b[1:], true}
	q.query = access.Query{}
	res := &q.query.Resource
	q.query.Action, res.Type, res.ID, res.Group, res.Channel = r.text(), r.text(), r.text(), r.text(), r.text()
	res.New = flags&flagNew != 0
	if flags&flagTags != 0 {
		q.tags = r.pairs(q.tags)
		res.Tags = q.tags
	}
	if flags&flagAttributes != 0 {
		q.attributes = r.pairs(q.attributes)
		res.Attributes = q.attributes
	}
	if flags&flagReports != 0 {
		q.query.Surface = access.Reports
	}
	return r.ok && len(r.rest) == 0
}

// A reader takes texts off the front of rest, as long as ok.
type reader struct {
	rest []byte
	ok   bool
}

// number returns the next uvarint, at most the bytes that are left.
func (r *reader) number() int {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 || n > uint64(len(r.rest)-size) {
		r.rest, r.ok = nil, false
		return 0
	}
	r.rest = r.rest[size:]
	return int(n)
}

func (r *reader) text() string {
	n := r.number()
	if n == 0 {
		return ""
	}
	s := unsafe.String(&r.rest[0], n)
	r.rest = r.rest[n:]
	if !utf8.ValidString(s) {
		r.ok = false
	}
	return s
}

// pairs reads texts by name into m, which it makes if it is nil.
func (r *reader) pairs(m map[string]string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	clear(m)
	n := r.number()
	if n > maxPairs {
		r.ok = false
	}
	for i := 0; i < n && r.ok; i++ {
		k := r.text()
		m[k] = r.text()
	}
	return m
}

package questions

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Nearly every question comes in a plain form: subject, action and resource with the members that they need and no
// others, and strings without escapes. Reading that form takes a fraction of what decoding any JSON takes. It is
// read here; whatever differs from it in the least, right or wrong, is left to decode, so that there is one place
// that decides what is accepted and says what is wrong.

// parts are the members that came.
type parts uint8

const (
	hasSubject parts = 1 << iota
	hasAction
	hasResource
	hasContext
	hasItems
	hasOptions
)

// add notes a member, and reports whether it is the first of its name.
func (has *parts) add(p parts) bool {
	if *has&p != 0 {
		return false
	}
	*has |= p
	return true
}

// missing says what a question lacks.
func (has parts) missing() error {
	switch {
	case has&hasSubject == 0:
		return malformed("subject, subject.type and subject.id are required")
	case has&hasAction == 0:
		return malformed("action and action.name are required")
	case has&hasResource == 0:
		return malformed("resource, resource.type and resource.id are required")
	}
	return nil
}

// A plain reads the plain form. Its methods report whether they found it. The strings that it reads are parts of s.
type plain struct {
	s string
	i int // what is before it has been read
}

// plainQuestion reads the request of one evaluation.
func plainQuestion(body []byte, it *Item) bool {
	p := plain{s: string(body)}
	var c *requestContext
	ok := p.object(func(name string) (ok bool) {
		if name == "context" {
			c, ok = flat[requestContext](&p)
			return it.has.add(hasContext) && ok
		}
		return p.part(name, it)
	})
	it.setContext(c)
	return ok && p.end()
}

// plainBatch reads the request of many evaluations.
func plainBatch(body []byte, to *batch) bool {
	p := plain{s: string(body)}
	ok := p.object(func(name string) (ok bool) {
		switch name {
		case "context":
			to.context, ok = flat[requestContext](&p)
			return to.defaults.has.add(hasContext) && ok
		case "options":
			to.options, ok = flat[options](&p)
			return to.defaults.has.add(hasOptions) && ok
		case "evaluations":
			return to.defaults.has.add(hasItems) && p.items(to)
		}
		return p.part(name, &to.defaults)
	})
	return ok && p.end() && len(to.items) > 0
}

// plainItem reads an item of a batch.
func plainItem(raw jsontext.Value, it *Item) bool {
	p := plain{s: string(raw)}
	return p.item(it) && p.end()
}

// items reads as many as there may be.
func (p *plain) items(to *batch) bool {
	if !p.next('[') {
		return false
	}
	for {
		to.items = append(to.items, Item{})
		if len(to.items) > maxEvaluations || !p.item(&to.items[len(to.items)-1]) {
			return false
		}
		if !p.next(',') {
			return p.next(']')
		}
	}
}

func (p *plain) item(it *Item) bool {
	return p.object(func(name string) bool { return p.part(name, it) })
}

// part reads a member of a question.
func (p *plain) part(name string, it *Item) bool {
	var typ string
	switch name {
	case "subject":
		if !it.has.add(hasSubject) || !p.ref(&typ, &it.Subject.ID) {
			return false
		}
		it.Subject.Type = subjectType(typ)
		return true
	case "resource":
		if !it.has.add(hasResource) || !p.ref(&typ, &it.Resource.ID) {
			return false
		}
		it.Resource.Type = resourceType(typ)
		return true
	case "action":
		return it.has.add(hasAction) && p.next('{') && p.name() == "name" && p.text(&it.Action) && p.next('}')
	}
	return false
}

// ref reads an object of a type and an id.
func (p *plain) ref(typ, id *string) bool {
	if !p.next('{') {
		return false
	}
	switch p.name() {
	case "type":
		return p.text(typ) && p.next(',') && p.name() == "id" && p.text(id) && p.next('}')
	case "id":
		return p.text(id) && p.next(',') && p.name() == "type" && p.text(typ) && p.next('}')
	}
	return false
}

// flat reads an object that has no arrays and objects in it: up to the first closing
// brace. If that brace is inside a string, the text before it is not valid JSON.
func flat[T any](p *plain) (*T, bool) {
	if !p.next('{') {
		return nil, false
	}
	start, n := p.i-1, strings.IndexAny(p.s[p.i:], "[}")
	if n < 0 {
		return nil, false
	}
	p.i += n + 1
	to := new(T)
	return to, json.Unmarshal([]byte(p.s[start:p.i]), to) == nil
}

// object reads an object whose members member reads.
func (p *plain) object(member func(name string) bool) bool {
	if !p.next('{') {
		return false
	}
	if p.next('}') {
		return true
	}
	for member(p.name()) {
		if !p.next(',') {
			return p.next('}')
		}
	}
	return false
}

// name reads the name of a member and the colon after it. It returns "" when there is none.
func (p *plain) name() (name string) {
	if !p.text(&name) || !p.next(':') {
		return ""
	}
	return name
}

// text reads a string.
func (p *plain) text(to *string) bool {
	if !p.next('"') {
		return false
	}
	ascii := true
	for i := plainASCII(p.s, p.i); i < len(p.s); i++ {
		switch c := p.s[i]; {
		case c == '"':
			*to, p.i = p.s[p.i:i], i+1
			return ascii || utf8.ValidString(*to)
		case c == '\\' || c < ' ':
			return false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return false
}

// plainASCII passes over what needs no closer look in a string, eight bytes at a time: it returns
// where, at or after i, that ends or less than eight bytes are left.
func plainASCII(s string, i int) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(s); i += 8 {
		w := binary.LittleEndian.Uint64([]byte(s[i : i+8]))
		// Of a byte that is not ASCII, less than a space, a quote or a backslash, the highest bit becomes 1.
		// So may those of bytes behind it, but it is the first that counts.
		quote, backslash := w^'"'*ones, w^'\\'*ones
		if w = (w | (w - ' '*ones) | (quote - ones) | (backslash - ones)) & high; w != 0 {
			return i + bits.TrailingZeros64(w)/8
		}
	}
	return i
}

// next passes over white space, and over c if that comes then.
func (p *plain) next(c byte) bool {
	for ; p.i < len(p.s); p.i++ {
		switch p.s[p.i] {
		case c:
			p.i++
			return true
		case ' ', '\t', '\n', '\r':
		default:
			return false
		}
	}
	return false
}

// end reports whether nothing but white space is left. A NUL is something.
func (p *plain) end() bool { return !p.next(0) && p.i == len(p.s) }

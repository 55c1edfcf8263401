// Package redact takes out of the arguments of tool calls what audit and logs must not keep. By default it keeps the
// names and types of members and masks every value. It knows no tool and no log.
package redact

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
)

// A Redactor redacts arguments of tools by the rules of a Config. It is safe for concurrent use.
type Redactor struct {
	config Config
	key    []byte
	plans  sync.Map // *plan by planKey
	known  atomic.Int64
}

type planKey struct{ upstream, tool string }

// maxPlans bounds the plans that are kept: callers may ask for tools by any name.
const maxPlans = 10_000

// New returns a Redactor, and reads the key of the configuration, which must have passed Check.
func New(c Config) (*Redactor, error) {
	r := &Redactor{config: c}
	var err error
	if c.HashKeyFile != "" {
		r.key, err = c.readKey()
	} else {
		r.key = make([]byte, sha256.Size)
		rand.Read(r.key) // never fails
	}
	return r, err
}

// A plan is what the rules say about the arguments of one tool.
type plan struct {
	paths   []planned
	general Action // of what no path names
}

type planned struct {
	steps  []step
	action Action
}

func (r *Redactor) plan(upstream, tool string) *plan {
	key := planKey{upstream, tool}
	if p, ok := r.plans.Load(key); ok {
		return p.(*plan)
	}
	p := r.makePlan(upstream, tool)
	if r.known.Load() < maxPlans {
		if _, had := r.plans.LoadOrStore(key, p); !had {
			r.known.Add(1)
		}
	}
	return p
}

func (r *Redactor) makePlan(upstream, tool string) *plan {
	p := &plan{}
	for _, rule := range r.config.Rules {
		if !rule.Upstream.Matches(upstream) || !rule.Tool.Matches(tool) {
			continue
		}
		p.general = max(p.general, rule.Default)
		for action, paths := range [][]Path{Keep: rule.Keep, Hash: rule.Hash, Mask: rule.Mask, Drop: rule.Drop} {
			for _, path := range paths {
				p.paths = append(p.paths, planned{path.steps, Action(action)})
			}
		}
	}
	if p.general == unset {
		p.general = r.config.Default
	}
	if p.general == unset {
		p.general = Mask
	}
	return p
}

// What stands in the place of values.
const (
	maskedString  = `"<string>"`
	maskedNumber  = `"<number>"`
	maskedBoolean = `"<boolean>"`
	deepObject    = `"<object>"`
	deepArray     = `"<array>"`
	notJSON       = `"<not JSON>"`
)

// Bounds of what is kept.
const (
	maxDepth    = 16  // objects and arrays in one another
	maxElements = 16  // of an array
	maxText     = 256 // bytes of a text that is kept
	maxName     = 48  // bytes of a name that no rule names
	maxDigits   = 4   // in such a name
)

// Arguments returns the arguments of a call of a tool as the rules leave them: valid JSON of a bounded size, nil when
// there is nothing left.
func (r *Redactor) Arguments(upstream, tool string, doc lanyard.JSON) lanyard.JSON {
	if len(doc) == 0 {
		return nil
	}
	w := &walk{plan: r.plan(upstream, tool), key: r.key, left: int(r.config.MaxSize.Or(defaultSize)) - len(`"<more>":"`) - 24}
	w.in.Reset(bytes.NewBuffer(doc), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	root := w.root()
	dropped, err := w.value(root, 0)
	if err == nil && !w.full {
		if _, end := w.in.ReadToken(); !errors.Is(end, io.EOF) {
			err = errors.New("more follows")
		}
	}
	switch {
	case err != nil:
		return lanyard.JSON(notJSON)
	case dropped:
		return nil
	case w.full:
		return w.more(len(doc))
	}
	return w.out
}

// A walk goes through one document.
type walk struct {
	*plan
	key  []byte
	in   jsontext.Decoder
	out  []byte
	left int  // bytes that may be added to out
	full bool // something did not fit; nothing more is written
}

// A place is where in the document the walk is, as the paths see it.
type place struct {
	open   []cursor // the paths that may lead to values below
	action Action   // by the paths that lead here or above
	named  bool     // a path names the member itself
}

// A cursor is a path of which some steps have been gone.
type cursor struct{ path, gone int }

func (w *walk) root() place {
	var p place
	for i := range w.paths {
		p.reach(w.paths, cursor{i, 0})
	}
	return p
}

// reach adds a cursor to the place that it has come to.
func (p *place) reach(paths []planned, c cursor) {
	if c.gone == len(paths[c.path].steps) {
		p.action = max(p.action, paths[c.path].action)
		return
	}
	p.open = append(p.open, c)
}

// below returns the place of a member, or of an element where name is "" and index at least 0.
func (w *walk) below(p place, name string, index int) place {
	child := place{action: p.action}
	for _, c := range p.open {
		path := w.paths[c.path]
		st := path.steps[c.gone]
		if st.deep {
			child.open = append(child.open, c)
		}
		if st.leads(name, index, path.action) {
			child.named = child.named || index < 0 && !st.any
			child.reach(w.paths, cursor{c.path, c.gone + 1})
		}
	}
	return child
}

// leads reports whether a step leads to a member or element. What is not to be kept is found in any case of letters.
func (st *step) leads(name string, index int, action Action) bool {
	switch {
	case st.any:
		return true
	case index >= 0 || st.index >= 0:
		return index == st.index
	case action == Keep:
		return name == st.name
	}
	return strings.EqualFold(name, st.name)
}

func (w *walk) effective(p place) Action {
	if p.action == unset {
		return w.general
	}
	return p.action
}

// value reads the next value and writes what is left of it, and reports whether that is nothing.
func (w *walk) value(p place, depth int) (dropped bool, err error) {
	action := w.effective(p)
	if action == Drop {
		return true, w.in.SkipValue()
	}
	switch kind := w.in.PeekKind(); kind {
	case '{', '[':
		if depth == maxDepth {
			text := deepObject
			if kind == '[' {
				text = deepArray
			}
			w.write(text)
			return false, w.in.SkipValue()
		}
		if _, err := w.in.ReadToken(); err != nil {
			return false, err
		}
		if kind == '{' {
			return false, w.object(p, depth)
		}
		return false, w.array(p, depth)
	}
	v, err := w.in.ReadValue()
	if err != nil {
		return false, err
	}
	w.write(w.scalar(v, action))
	return false, nil
}

// write writes a text if it fits.
func (w *walk) write(text string) {
	if w.full || len(text) > w.left {
		w.full = true
		return
	}
	w.out = append(w.out, text...)
	w.left -= len(text)
}

// object writes the members of an object that has been opened.
func (w *walk) object(p place, depth int) error {
	if w.write("{}"); w.full {
		return nil
	}
	w.out = w.out[:len(w.out)-1] // the closing bracket always fits
	hidden, first := 0, true
	for w.in.PeekKind() != '}' {
		name, err := w.in.ReadToken()
		if err != nil {
			return err
		}
		text := name.String()
		child := w.below(p, text, -1)
		if !child.named && w.effective(p) != Keep && !isPlain(text) {
			hidden++
			text = "<name " + strconv.Itoa(hidden) + ">"
		}
		before, left := len(w.out), w.left
		w.writeName(text, first)
		dropped, err := w.value(child, depth+1)
		if err != nil {
			return err
		}
		if dropped || w.full && !w.wroteValue(before, text, first) {
			w.out, w.left = w.out[:before], left
		} else {
			first = false
		}
		if w.full {
			w.out = append(w.out, '}')
			return nil
		}
	}
	_, err := w.in.ReadToken()
	w.out = append(w.out, '}')
	return err
}

func (w *walk) writeName(name string, first bool) {
	quoted, _ := jsontext.AppendQuote(nil, name) // invalid UTF-8 is replaced
	text := string(quoted) + ":"
	if !first {
		text = "," + text
	}
	w.write(text)
}

// wroteValue reports whether a value follows the name that was written at a place.
func (w *walk) wroteValue(before int, name string, first bool) bool {
	quoted, _ := jsontext.AppendQuote(nil, name)
	n := len(quoted) + 1
	if !first {
		n++
	}
	return len(w.out) > before+n
}

// array writes the elements of an array that has been opened.
func (w *walk) array(p place, depth int) error {
	if w.write("[]"); w.full {
		return nil
	}
	w.out = w.out[:len(w.out)-1]
	written, skipped := 0, 0
	for index := 0; w.in.PeekKind() != ']'; index++ {
		if written == maxElements {
			skipped++
			if err := w.in.SkipValue(); err != nil {
				return err
			}
			continue
		}
		before, left := len(w.out), w.left
		if written > 0 {
			w.write(",")
		}
		start := len(w.out)
		dropped, err := w.value(w.below(p, "", index), depth+1)
		if err != nil {
			return err
		}
		if dropped || w.full && len(w.out) == start {
			w.out, w.left = w.out[:before], left
		} else {
			written++
		}
		if w.full {
			w.out = append(w.out, ']')
			return nil
		}
	}
	if skipped > 0 {
		w.write(`,"<` + strconv.Itoa(skipped) + ` more>"`)
	}
	_, err := w.in.ReadToken()
	w.out = append(w.out, ']')
	return err
}

// scalar returns what stands for a text, number, boolean or null.
func (w *walk) scalar(v jsontext.Value, action Action) string {
	switch {
	case v.Kind() == 'n':
		return "null"
	case action == Keep:
		return keep(v)
	case action == Hash:
		return w.hash(v)
	}
	switch v.Kind() {
	case '"':
		return maskedString
	case '0':
		return maskedNumber
	}
	return maskedBoolean
}

// keep returns a value as it is, unless it is long.
func keep(v jsontext.Value) string {
	if v.Kind() != '"' {
		if len(v) > maxText {
			return maskedNumber
		}
		return string(v)
	}
	text, _ := jsontext.AppendUnquote(nil, v)
	if len(text) > maxText {
		text = append(bytes.ToValidUTF8(text[:maxText], nil), "…"...)
	}
	quoted, _ := jsontext.AppendQuote(nil, text)
	return string(quoted)
}

// hash returns the same text for equal values.
func (w *walk) hash(v jsontext.Value) string {
	mac := hmac.New(sha256.New, w.key)
	mac.Write([]byte{byte(v.Kind())})
	if v.Kind() == '"' {
		text, _ := jsontext.AppendUnquote(nil, v)
		mac.Write(text)
	} else {
		v = v.Clone()
		_ = v.Canonicalize() // a number that cannot be stays as it was sent
		mac.Write(v)
	}
	return `"hmac:` + hex.EncodeToString(mac.Sum(nil)[:16]) + `"`
}

// isPlain reports whether the name of a member looks like one that a programmer chose, and not like data.
func isPlain(name string) bool {
	if name == "" || len(name) > maxName {
		return false
	}
	digits := 0
	for i, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '$' && i == 0:
		case c >= '0' && c <= '9':
			digits++
		case c == '-' || c == '.':
		default:
			return false
		}
	}
	return digits <= maxDigits
}

// more returns what was written, with a note of how large the arguments were.
func (w *walk) more(size int) lanyard.JSON {
	note := `"<` + strconv.Itoa(size) + ` bytes in all>"`
	switch {
	case len(w.out) == 0:
		return lanyard.JSON(note)
	case w.out[0] == '[' && len(w.out) > 2:
		return append(append(w.out[:len(w.out)-1], ","+note...), ']')
	case w.out[0] == '[':
		return lanyard.JSON("[" + note + "]")
	case w.out[0] == '{' && len(w.out) > 2:
		return append(append(w.out[:len(w.out)-1], `,"<more>":`+note...), '}')
	case w.out[0] == '{':
		return lanyard.JSON(`{"<more>":` + note + `}`)
	}
	return lanyard.JSON(note)
}

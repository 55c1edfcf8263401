package template

import (
	"bytes"
	"slices"
	"strings"
)

// replacement writes a value where a node is.
func (f *File) replacement(w writer, e Edit, places map[*Node]spot) []splice {
	n, s := e.node, splice{start: e.node.Pos.Start, end: e.node.Pos.End}
	switch {
	case n.inFlow:
		s.text = w.flow(e.value)
	case !isEmpty(e.value):
		return []splice{f.blockReplacement(w, e)}
	case !n.Flow && !isEmpty(n) && firstOnLine(f.Content, n.Pos.Start):
		at := f.behindKey(n, places)
		return []splice{{at, at, " " + w.scalarOrFlow(e.value)},
			{start: lineStart(f.Content, n.Pos.Start), end: afterLine(f.Content, n.Pos.End)}}
	default:
		s.text = w.scalarOrFlow(e.value)
	}
	if e.value.Kind == String && n.Kind == String {
		s.text = f.requote(w, n, e.value, s.text)
	}
	if s.start == s.end { // nothing was there
		if before := f.Content[:s.start]; len(before) > 0 && !isBlank(before[len(before)-1]) {
			s.text = " " + s.text
		}
	}
	return []splice{s}
}

func (w writer) scalarOrFlow(n *Node) string {
	if n.Kind == List || n.Kind == Map {
		return w.flow(n)
	}
	return w.scalar(n, false)
}

// requote writes a string as the one that it replaces was written.
func (f *File) requote(w writer, n, value *Node, text string) string {
	switch f.Content[n.body] {
	case '"':
		return quoteDouble(value.Text)
	case '\'':
		if single, ok := quoteSingle(value.Text); ok && !w.json {
			return single
		}
	}
	return text
}

// blockReplacement writes a list or map in lines: below a key, or behind a dash.
func (f *File) blockReplacement(w writer, e Edit) splice {
	n := e.node
	s := splice{start: n.Pos.Start, end: n.Pos.End}
	for s.start > 0 && (f.Content[s.start-1] == ' ' || f.Content[s.start-1] == '\t') {
		s.start--
	}
	indent := n.parent + 2
	if s.start > 0 && f.Content[s.start-1] == '-' {
		s.text = " " + w.block(e.value, indent)
		return s
	}
	if at := f.at(n.body, n.body); firstOnLine(f.Content, n.Pos.Start) && !n.Flow && (n.Kind == List || n.Kind == Map) {
		s.start, indent = n.Pos.Start, at.Column-1
		if e.value.Kind == Map && indent == n.parent { // only the dashes of a list may be below the key itself
			indent += 2
			s.text = "  "
		}
		s.text += w.block(e.value, indent)
		return s
	}
	s.text = w.newline + strings.Repeat(" ", indent) + w.block(e.value, indent)
	return s
}

// collectionSplices writes the removals or the insertions of one list or map.
func (f *File) collectionSplices(w writer, n *Node, all []Edit, places map[*Node]spot) []splice {
	var edits []Edit
	for _, e := range all {
		if e.node == n && e.kind != replaceNode {
			edits = append(edits, e)
		}
	}
	parts := f.parts(n)
	removed := make([]bool, len(parts))
	inserts := make([][]Edit, len(parts)+1)
	for _, e := range edits {
		switch e.kind {
		case removeItem:
			removed[e.index] = true
		case removeEntry:
			removed[entryIndex(n, e.key)] = true
		case insertItem:
			inserts[e.index] = append(inserts[e.index], e)
		case insertEntry:
			inserts[len(parts)] = append(inserts[len(parts)], e)
		}
	}
	switch {
	case slices.Contains(removed, true) && !slices.Contains(removed, false) && !n.Flow:
		return f.emptied(n, parts, f.behindKey(n, places))
	case slices.Contains(removed, true):
		return f.removals(n, parts, removed)
	}
	return f.insertions(w, n, parts, inserts)
}

// A part is an item with its dash, or an entry with its key.
type part struct{ start, end int }

func (f *File) parts(n *Node) (parts []part) {
	at := n.body
	for _, item := range n.Items {
		if n.Flow {
			at = item.Pos.Start
		}
		at = skipSpace(f.Content, at) // to the dash
		parts = append(parts, part{at, max(item.Pos.End, at+1)})
		at = parts[len(parts)-1].end
	}
	for _, e := range n.Entries {
		parts = append(parts, part{e.Key.Pos.Start, max(e.Value.Pos.End, f.colonAfter(e.Key.Pos.End))})
	}
	return parts
}

// colonAfter returns the offset behind the colon of a key.
func (f *File) colonAfter(at int) int {
	at = skipSpace(f.Content, at)
	if at < len(f.Content) && f.Content[at] == ':' {
		return at + 1
	}
	return at
}

func lineStart(text []byte, at int) int { return bytes.LastIndexByte(text[:at], '\n') + 1 }

// firstOnLine reports whether only spaces are before an offset in its line.
func firstOnLine(text []byte, at int) bool {
	return len(bytes.Trim(text[lineStart(text, at):at], " ")) == 0
}

// afterLine returns the offset behind the line that has the offset, with its line feed.
func afterLine(text []byte, at int) int { return min(lineEnd(text, at)+1, len(text)) }

func (f *File) removals(n *Node, parts []part, removed []bool) []splice {
	if n.Flow {
		return f.flowRemovals(n, parts, removed)
	}
	var splices []splice
	for i, p := range parts {
		if !removed[i] {
			continue
		}
		s := splice{start: lineStart(f.Content, p.start), end: afterLine(f.Content, p.end)}
		if !firstOnLine(f.Content, p.start) { // behind a dash: what comes next takes its place
			s.start = p.start
			for s.end < len(f.Content) && isBlank(f.Content[s.end]) {
				s.end++
			}
		} else if i > 0 && removed[i-1] && len(splices) > 0 && splices[len(splices)-1].end > s.start {
			s.start = splices[len(splices)-1].end
			s.end = f.skipIndent(s.end)
		}
		splices = append(splices, s)
	}
	return splices
}

// skipIndent returns the offset of the first character that is not blank.
func (f *File) skipIndent(at int) int {
	for at < len(f.Content) && isBlank(f.Content[at]) {
		at++
	}
	return at
}

// emptied writes [] or {} for a block collection that loses everything: behind its key or dash, or in its place.
func (f *File) emptied(n *Node, parts []part, behindKey int) []splice {
	brackets := map[Kind]string{List: "[]", Map: "{}"}[n.Kind]
	first, last := parts[0], parts[len(parts)-1]
	if !firstOnLine(f.Content, first.start) {
		return []splice{{first.start, last.end, brackets}}
	}
	splices := []splice{{behindKey, behindKey, " " + brackets}}
	for _, p := range parts {
		splices = append(splices, splice{start: lineStart(f.Content, p.start), end: afterLine(f.Content, p.end)})
	}
	return splices
}

// behindKey returns the offset behind the colon or dash before a node.
func (f *File) behindKey(n *Node, places map[*Node]spot) int {
	in := places[n]
	switch {
	case in.parent == nil:
		return n.Pos.Start
	case in.parent.Kind == List:
		return f.parts(in.parent)[in.index].start + 1
	}
	return f.colonAfter(in.parent.Entries[in.index].Key.Pos.End)
}

func (f *File) flowRemovals(n *Node, parts []part, removed []bool) []splice {
	var splices []splice
	for i := 0; i < len(parts); i++ {
		if !removed[i] {
			continue
		}
		last := i
		for last+1 < len(parts) && removed[last+1] {
			last++
		}
		s := splice{start: parts[i].start, end: parts[last].end}
		switch {
		case last+1 < len(parts):
			s.end = parts[last+1].start
		case i > 0:
			s.start = parts[i-1].end
		default: // nothing is left
			if comma := skipSpace(f.Content, s.end); comma < n.Pos.End && f.Content[comma] == ',' {
				s.end = comma + 1
			}
		}
		splices = append(splices, s)
		i = last
	}
	return splices
}

func (f *File) insertions(w writer, n *Node, parts []part, inserts [][]Edit) []splice {
	var splices []splice
	for i, edits := range inserts {
		var texts []string
		for _, e := range edits {
			texts = append(texts, f.newPart(w, n, e))
		}
		if len(texts) == 0 {
			continue
		}
		if n.Flow {
			splices = append(splices, f.flowInsertion(w, n, parts, i, texts))
		} else {
			splices = append(splices, f.blockInsertion(w, n, parts, i, texts))
		}
	}
	return splices
}

// newPart writes an item with its dash, or an entry with its key.
func (f *File) newPart(w writer, n *Node, e Edit) string {
	indent := f.at(n.body, n.body).Column - 1
	switch {
	case n.Flow && e.kind == insertItem:
		return w.flow(e.value)
	case n.Flow:
		return w.flow(Text(e.key)) + w.colon + w.flow(e.value)
	case e.kind == insertItem:
		return "- " + w.block(e.value, indent+2)
	}
	return w.entry(Entry{Text(e.key), e.value}, indent)
}

// flowInsertion puts parts between those in brackets, separated as the others are.
func (f *File) flowInsertion(w writer, n *Node, parts []part, i int, texts []string) splice {
	if len(parts) == 0 {
		at := n.body + 1
		return splice{at, at, strings.Join(texts, w.comma)}
	}
	separator := w.comma
	if len(parts) > 1 {
		separator = f.separator(parts[0].end, parts[1].start, w.comma)
	} else if space := string(f.Content[n.body+1 : parts[0].start]); strings.TrimSpace(space) == "" &&
		strings.Contains(space, "\n") {
		separator = "," + space
	}
	joined := strings.Join(texts, separator)
	if i < len(parts) {
		return splice{parts[i].start, parts[i].start, joined + separator}
	}
	last := parts[len(parts)-1].end
	return splice{last, last, separator + joined}
}

// separator returns what is between two parts, unless there is a comment in it.
func (f *File) separator(from, to int, otherwise string) string {
	text := string(f.Content[from:to])
	if strings.TrimSpace(text) != "," {
		return otherwise
	}
	return text
}

// blockInsertion puts parts into lines of their own: after the one before, or before the first and its comments.
func (f *File) blockInsertion(w writer, n *Node, parts []part, i int, texts []string) splice {
	indent := strings.Repeat(" ", f.at(n.body, n.body).Column-1)
	if i > 0 {
		lines := indent + strings.Join(texts, w.newline+indent)
		at := afterLine(f.Content, parts[i-1].end)
		if at > 0 && f.Content[at-1] != '\n' {
			return splice{at, at, w.newline + lines}
		}
		return splice{at, at, lines + w.newline}
	}
	at := parts[0].start
	if !firstOnLine(f.Content, at) {
		return splice{at, at, strings.Join(texts, w.newline+indent) + w.newline + indent}
	}
	at = lineStart(f.Content, at)
	for at > 0 {
		above := lineStart(f.Content, at-1)
		if !bytes.HasPrefix(bytes.TrimLeft(f.Content[above:at], " "), []byte("#")) {
			break
		}
		at = above
	}
	return splice{at, at, indent + strings.Join(texts, w.newline+indent) + w.newline}
}

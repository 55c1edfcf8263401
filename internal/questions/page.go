package questions

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"sort"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/coaz"
	"github.com/lanyard/lanyard/internal/sealed"
)

// maxAnswer limits the bytes of results or explanations in an answer. A list then ends with a token for the rest, and
// a batch goes on with decisions that are not explained.
const maxAnswer = 4 << 20

// PageInfo describes a page of an answer.
type PageInfo struct {
	NextToken string `json:"next_token"` // of the next page; "" on the last one
	Count     int    `json:"count"`
}

// size returns how many results a page may have.
func (p Page) size() int {
	if p.Limit <= 0 {
		return defaultPage
	}
	return min(p.Limit, maxPage)
}

// bytes returns how large the results of a page may be together.
func (p Page) bytes() int {
	if p.Bytes <= 0 {
		return maxAnswer
	}
	return min(p.Bytes, maxAnswer)
}

// A position is where the next page of a list begins, nil at its beginning and at its end: a Cursor, or the key of
// the last entry. Neither depends on the server or on what has changed in the meantime.
type position []byte

func positionOf(c access.Cursor) position {
	if c == (access.Cursor{}) {
		return nil
	}
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(c.After)), uint64(c.Until))
}

func (p position) cursor() (c access.Cursor) {
	if len(p) == 16 {
		c = access.Cursor{After: int64(binary.BigEndian.Uint64(p)), Until: int64(binary.BigEndian.Uint64(p[8:]))}
	}
	return c
}

// positionOfThing returns the key of a thing. A part that may hold any byte follows its length, or comes last.
func positionOfThing(t access.Thing) position {
	at := append(position(t.Type), 0)
	at = binary.AppendUvarint(at, uint64(len(t.On)))
	return append(append(at, t.On...), t.Action...)
}

// behindThing returns the part of list behind a position.
func behindThing(list []access.Effective, at position) []access.Effective {
	if at == nil {
		return list
	}
	var last access.Thing
	t, rest, _ := bytes.Cut(at, []byte{0})
	length, n := binary.Uvarint(rest)
	last.Type, last.On, last.Action = string(t), string(rest[n:][:length]), string(rest[n:][length:])
	return list[sort.Search(len(list), func(i int) bool { return list[i].Compare(last) > 0 }):]
}

// measure counts the bytes of results, up to most.
type measure struct{ most, results, size int }

// add reports whether another result fits, and counts it. The first one always fits.
func (m *measure) add(result any) (bool, error) {
	b, err := Marshal(result)
	if err != nil || m.results > 0 && m.size+len(b) > m.most {
		return false, err
	}
	m.results++
	m.size += len(b) + 1
	return true, nil
}

// listing is what was found for a page of a list.
type listing[T, R any] struct {
	found  []T
	next   position         // of the page behind found
	behind func(T) position // the one behind an entry
	show   func(T) R        // an entry in the answer
	most   int              // bytes of the results
}

// results returns as many results as fit into an answer, and where the next page begins.
func (l listing[T, R]) results() ([]R, position, error) {
	out, m := make([]R, 0, len(l.found)), measure{most: l.most}
	for i, f := range l.found {
		r := l.show(f)
		fits, err := m.add(r)
		if err != nil {
			return nil, nil, err
		}
		if !fits {
			return out, l.behind(l.found[i-1]), nil
		}
		out = append(out, r)
	}
	return out, l.next, nil
}

func behindHolder(from access.Cursor) func(access.Holder) position {
	return func(h access.Holder) position { return positionOf(from.Behind(h.Seq)) }
}

func behindFound(from access.Cursor) func(access.Found) position {
	return func(f access.Found) position { return positionOf(from.Behind(f.Seq)) }
}

// visible returns a page of what find finds and the viewer sees, nil for all, and where the next page begins. Pages
// are full, and there is a next one only if something seen is on it: neither gives away what is hidden.
func visible[T any](from access.Cursor, limit int, sees func(T) bool,
	find func(access.Page) ([]T, access.Cursor)) ([]T, access.Cursor) {
	if sees == nil {
		return find(access.Page{From: from, Limit: limit})
	}
	const chunk = 500
	var next access.Cursor
	var page []T
	for {
		some, following := find(access.Page{From: from, Limit: chunk})
		for i, one := range some {
			if !sees(one) {
				continue
			}
			if len(page) == limit {
				return page, next
			}
			if page = append(page, one); len(page) == limit {
				if next = following; i < len(some)-1 {
					_, next = find(access.Page{From: from, Limit: i + 1}) // right behind this one
				}
			}
		}
		if from = following; following == (access.Cursor{}) {
			return page, access.Cursor{}
		}
	}
}

// A pager reads and makes the tokens of one list: they are of no use for another question.
type pager struct {
	box   sealed.Box
	scope string
	most  int // bytes of the results of a page
}

// pager returns that of a question, which must stay the same from page to page, unlike the size of the pages.
func (s *Service) pager(by Viewer, question any, page Page) (pager, error) {
	b, err := Marshal(struct {
		Account, Instance, User string
		Question                any
	}{by.Caller.Account, by.Instance, by.User, question})
	if err != nil {
		return pager{}, err
	}
	scope := sha256.Sum256(b)
	return pager{sealed.Box{Secret: s.TokenSecret, Purpose: "authzen page"}, string(scope[:]), page.bytes()}, nil
}

// A searchView is what a viewer sees of an instance, to make the page from that a search asks for.
type searchView struct {
	View
	pager pager
	at    position // where the page begins
}

// beginSearch returns the view that a search of a kind is answered from.
func (s *Service) beginSearch(ctx context.Context, by Viewer, kind string, q *Search) (v searchView, err error) {
	v.pager, err = s.pager(by, struct {
		Kind    string
		Query   access.Query
		Explain bool
		MCP     *coaz.Request `json:",omitzero"`
	}{kind, q.Query, q.Explain, q.MCP}, q.Page)
	if err != nil {
		return v, err
	}
	if v.at, err = v.pager.open(q.Page); err != nil {
		return v, err
	}
	v.View, err = s.view(ctx, by, q.AtLeast)
	return v, err
}

// whatIfPager returns the pager of a question about a proposal, and where the page that is asked for begins.
func (s *Service) whatIfPager(by Viewer, q *WhatIf) (pager, position, error) {
	p, err := s.pager(by, struct {
		Operation  string
		Parameters jsontext.Value
		Question   *Question
	}{q.Operation, q.Parameters, q.Question}, q.Page)
	if err != nil {
		return p, nil, err
	}
	at, err := p.open(q.Page)
	return p, at, err
}

// info describes a page, and seals the position of the next one, if there is one.
func (p pager) info(count int, next position) PageInfo {
	info := PageInfo{Count: count}
	if next != nil {
		info.NextToken = p.box.Seal(next, p.scope)
	}
	return info
}

// open returns where a page begins. Any server with the same secret opens its token.
func (p pager) open(page Page) (position, error) {
	if page.Token == "" {
		return nil, nil
	}
	at, ok := p.box.Open(page.Token, p.scope)
	if !ok || len(at) == 0 {
		return nil, malformed("page.token must be one that this search gave; repeat the request as it was, with the token " +
			"added")
	}
	return at, nil
}

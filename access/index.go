package access

import (
	"hash/maphash"
	"math/bits"
)

// Snapshots share all that did not change between them. What they are made of is kept in chunks of
// a fixed size; an edit copies the chunks that it touches, once each, so that the cost of an update
// does not depend on how much there is. A chunk that this edit made itself may be changed in place:
// it carries the edit's mark.
type mark *byte

func newMark() mark { return new(byte) }

// chunkSize is how many values stand together in a vector.
const chunkSize = 64

// A vector is an immutable list with cheap edits. Its zero value is empty.
type vector[T any] struct {
	top  []*[chunkSize]*chunk[T]
	mark []mark // of each of top
	own  mark   // of the two slices themselves
	n    uint32
}

type chunk[T any] struct {
	mark  mark
	items [chunkSize]T
}

// at returns the i-th value, which must not be changed. i must be less than n.
func (v *vector[T]) at(i uint32) *T {
	return &v.top[i/(chunkSize*chunkSize)][i/chunkSize%chunkSize].items[i%chunkSize]
}

// edit returns the i-th value for changing. i may be n, which appends.
func (v *vector[T]) edit(i uint32, m mark) *T {
	if v.own != m {
		v.top = append(make([]*[chunkSize]*chunk[T], 0, len(v.top)+1), v.top...)
		v.mark = append(make([]mark, 0, len(v.mark)+1), v.mark...)
		v.own = m
	}
	t := i / (chunkSize * chunkSize)
	if int(t) == len(v.top) {
		v.top = append(v.top, new([chunkSize]*chunk[T]))
		v.mark = append(v.mark, m)
	} else if v.mark[t] != m {
		c := *v.top[t]
		v.top[t], v.mark[t] = &c, m
	}
	at := &v.top[t][i/chunkSize%chunkSize]
	switch {
	case *at == nil:
		*at = &chunk[T]{mark: m}
	case (*at).mark != m:
		c := **at
		c.mark = m
		*at = &c
	}
	if i == v.n {
		v.n++
	}
	return &(*at).items[i%chunkSize]
}

// An index finds a slot number by hash: extendible hashing over small pages. Its zero value is
// empty. It does not know keys: whoever asks compares.
type index struct {
	pages vector[*page] // 1<<depth of them, many pointing to the same page
	depth uint8
	count int64 // of different pages
}

// pageSlots is the size of a page: at most three quarters of it are used.
const pageSlots = 512

type page struct {
	mark  mark
	depth uint8 // of the hash bits that all entries have in common
	used  uint16
	slots [pageSlots]cell
}

// A cell is a hash's lower half and a slot number plus one, so that zero is a free cell.
type cell uint64

func newCell(hash uint64, slot uint32) cell { return cell(hash<<32) | cell(slot+1) }

func (c cell) slot() uint32 { return uint32(c) - 1 }

func (x *index) page(hash uint64) *page {
	if x.pages.n == 0 {
		return nil
	}
	return *x.pages.at(uint32(hash >> 32 & (1<<x.depth - 1)))
}

// find returns the slot for which same holds among those put with that hash.
func (x *index) find(hash uint64, same func(slot uint32) bool) (uint32, bool) {
	p := x.page(hash)
	if p == nil {
		return 0, false
	}
	low := cell(hash << 32)
	for i := uint32(hash) % pageSlots; ; i = (i + 1) % pageSlots {
		c := p.slots[i]
		if c == 0 {
			return 0, false
		}
		if c&^0xffffffff == low && same(c.slot()) {
			return c.slot(), true
		}
	}
}

// candidates returns, for each of two hashes, the first slot put with it.
func (x *index) candidates(h1, h2 uint64) (slot1 uint32, ok1 bool, slot2 uint32, ok2 bool) {
	p1, p2 := x.page(h1), x.page(h2)
	if p1 == nil {
		return 0, false, 0, false
	}
	// Both are loaded before either is looked at.
	c1, c2 := p1.slots[uint32(h1)%pageSlots], p2.slots[uint32(h2)%pageSlots]
	slot1, ok1 = p1.first(uint32(h1), c1)
	slot2, ok2 = p2.first(uint32(h2), c2)
	return slot1, ok1, slot2, ok2
}

// first returns the first slot of a page put with a hash; c is the cell where the search begins.
func (p *page) first(low uint32, c cell) (uint32, bool) {
	for i := low % pageSlots; c != 0; c = p.slots[i] {
		if uint32(c>>32) == low {
			return c.slot(), true
		}
		i = (i + 1) % pageSlots
	}
	return 0, false
}

// own returns the page of hash for changing.
func (x *index) own(hash uint64, m mark) *page {
	if x.pages.n == 0 {
		p := &page{mark: m}
		*x.pages.edit(0, m) = p
		x.count = 1
		return p
	}
	p := x.page(hash)
	if p.mark == m {
		return p
	}
	c := *p
	c.mark = m
	x.point(hash, &c, m)
	return &c
}

// point makes every entry of the directory that a page serves lead to it.
func (x *index) point(hash uint64, p *page, m mark) {
	step := uint32(1) << p.depth
	for i := uint32(hash>>32) & (step - 1); i < 1<<x.depth; i += step {
		*x.pages.edit(i, m) = p
	}
}

// put adds a slot. It must not be there yet.
func (x *index) put(hash uint64, slot uint32, m mark) {
	for {
		p := x.own(hash, m)
		if p.used < pageSlots*3/4 {
			p.add(newCell(hash, slot))
			return
		}
		x.split(hash, p, m)
	}
}

func (p *page) add(c cell) {
	i := uint32(c>>32) % pageSlots
	for p.slots[i] != 0 {
		i = (i + 1) % pageSlots
	}
	p.slots[i] = c
	p.used++
}

// split moves half of a full page's entries to a new one. A cell keeps the lower half of the hash
// only, so the upper half, by which pages are found, is derived from it: see hashOf.
func (x *index) split(hash uint64, p *page, m mark) {
	if p.depth == x.depth {
		n := x.pages.n
		for i := range n { // the directory doubles; it is small beside the pages
			*x.pages.edit(n+i, m) = *x.pages.at(i)
		}
		x.depth++
	}
	x.count++
	low := &page{mark: m, depth: p.depth + 1}
	high := &page{mark: m, depth: p.depth + 1}
	for _, c := range p.slots {
		if c == 0 {
			continue
		}
		if upper(uint32(c>>32))>>p.depth&1 == 0 {
			low.add(c)
		} else {
			high.add(c)
		}
	}
	base := hash >> 32 & (1<<p.depth - 1) << 32
	x.point(base, low, m)
	x.point(base|1<<p.depth<<32, high, m)
}

// remove takes a slot out. It must be there.
func (x *index) remove(hash uint64, slot uint32, m mark) {
	p := x.own(hash, m)
	i := uint32(hash) % pageSlots
	for p.slots[i] != newCell(hash, slot) {
		i = (i + 1) % pageSlots
	}
	// Linear probing without tombstones: close the gap.
	for j := i; ; {
		j = (j + 1) % pageSlots
		c := p.slots[j]
		if c == 0 {
			break
		}
		home := uint32(c>>32) % pageSlots
		if (j-home)%pageSlots >= (j-i)%pageSlots {
			p.slots[i] = c
			i = j
		}
	}
	p.slots[i] = 0
	p.used--
}

var seed = maphash.MakeSeed()

// hashOf is the hash under which an id of a kind is put. Its upper half follows from the lower, so
// that a page can be split without asking for the keys.
func hashOf(k kind, id string) uint64 {
	h := hashText(id)
	low := uint32(h) ^ uint32(h>>32) ^ bits.RotateLeft32(uint32(k)*0x9e3779b1, 7)
	return uint64(upper(low))<<32 | uint64(low)
}

// keys make the hashes of ids unpredictable.
var keys = func() (k [5]uint64) {
	for i := range k {
		k[i] = maphash.String(seed, string(rune(i))) | 1
	}
	return k
}()

// hashText is maphash.String, but in a third of the time for what is as long as a UUID, as nearly
// every id is. lanyard draws those itself, so nobody chooses them to collide.
func hashText(id string) uint64 {
	if len(id) != 36 {
		return maphash.String(seed, id)
	}
	h1, l1 := bits.Mul64(word(id)^keys[0], word(id[8:])^keys[1])
	h2, l2 := bits.Mul64(word(id[16:])^keys[2], word(id[24:])^keys[3])
	h3, l3 := bits.Mul64(h1^l1^h2^l2, word(id[28:])^keys[4])
	return h3 ^ l3
}

// word is the first eight bytes of s.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// upper mixes the lower half into the one by which pages are found.
func upper(low uint32) uint32 {
	low ^= low >> 16
	low *= 0x7feb352d
	low ^= low >> 15
	low *= 0x846ca68b
	return low ^ low>>16
}

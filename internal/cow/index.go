package cow

import "unsafe"

// A Hash is that of a key. NewHash makes it.
type Hash uint64

// NewHash returns the Hash for 32 bits that depend evenly on the whole key. Entries are put into pages by bits mixed
// from those, so that a page can be split without asking for the keys.
func NewHash(bits uint32) Hash { return Hash(mix(bits))<<32 | Hash(bits) }

func mix(bits uint32) uint32 {
	bits ^= bits >> 16
	bits *= 0x7feb352d
	bits ^= bits >> 15
	bits *= 0x846ca68b
	return bits ^ bits>>16
}

// An Index finds numbers below 1<<32-1, such as places in a Vector, by the hashes of their keys: extendible hashing
// over small pages. Its zero value is empty. It does not know the keys: whoever asks compares. Several numbers may
// have one hash, but not hundreds.
type Index struct {
	pages Vector[*page] // 1<<depth of them, many pointing to the same page
	depth uint8
	count int64 // of different pages
}

// A page is a hash table with linear probing; at most three quarters of it are used.
const pageCells = 512

type page struct {
	edit  Edit
	depth uint8 // of the hash bits that all entries have in common
	used  uint16
	cells [pageCells]cell
}

// A cell is the lower half of a hash and a number plus one, so that zero is a free cell.
type cell uint64

func newCell(h Hash, number uint32) cell { return cell(h<<32) | cell(number+1) }

func (c cell) number() uint32 { return uint32(c) - 1 }

// bits are the lower half of the hash.
func (c cell) bits() uint32 { return uint32(c >> 32) }

func (x *Index) page(h Hash) *page {
	if x.pages.n == 0 {
		return nil
	}
	return *x.pages.At(uint32(h >> 32 & (1<<x.depth - 1)))
}

// Find returns the number for which same holds, of those put with a hash.
func (x *Index) Find(h Hash, same func(number uint32) bool) (number uint32, ok bool) {
	p := x.page(h)
	if p == nil {
		return 0, false
	}
	low := cell(h << 32)
	for i := uint32(h) % pageCells; ; i = (i + 1) % pageCells {
		c := p.cells[i]
		if c == 0 {
			return 0, false
		}
		if c&^0xffffffff == low && same(c.number()) {
			return c.number(), true
		}
	}
}

// A Candidate is the first number put with a hash, if there is one. Its key is likely, but not certain, to be the one
// that was asked for.
type Candidate struct {
	Number uint32
	Found  bool
}

// FindTwo returns the candidates for two hashes. When neither is in a cache, that takes as long as finding one: both
// are loaded from memory before either is looked at.
func (x *Index) FindTwo(h1, h2 Hash) (c1, c2 Candidate) {
	p1, p2 := x.page(h1), x.page(h2)
	if p1 == nil {
		return Candidate{}, Candidate{}
	}
	cell1, cell2 := p1.cells[uint32(h1)%pageCells], p2.cells[uint32(h2)%pageCells]
	return p1.first(uint32(h1), cell1), p2.first(uint32(h2), cell2)
}

// first returns the first number of a page put with a hash; c is the cell where the search begins.
func (p *page) first(bits uint32, c cell) Candidate {
	for i := bits % pageCells; c != 0; c = p.cells[i] {
		if c.bits() == bits {
			return Candidate{c.number(), true}
		}
		i = (i + 1) % pageCells
	}
	return Candidate{}
}

// Put adds a number. It must not be there yet with the same hash.
func (x *Index) Put(h Hash, number uint32, e Edit) {
	for {
		p := x.own(h, e)
		if p.used < pageCells*3/4 {
			p.add(newCell(h, number))
			return
		}
		x.split(h, p, e)
	}
}

func (p *page) add(c cell) {
	i := c.bits() % pageCells
	for p.cells[i] != 0 {
		i = (i + 1) % pageCells
	}
	p.cells[i] = c
	p.used++
}

// Remove takes a number out. It must be there with that hash.
func (x *Index) Remove(h Hash, number uint32, e Edit) {
	p := x.own(h, e)
	i := uint32(h) % pageCells
	for p.cells[i] != newCell(h, number) {
		i = (i + 1) % pageCells
	}
	// No tombstones: close the gap.
	for j := i; ; {
		j = (j + 1) % pageCells
		c := p.cells[j]
		if c == 0 {
			break
		}
		if home := c.bits() % pageCells; (j-home)%pageCells >= (j-i)%pageCells {
			p.cells[i] = c
			i = j
		}
	}
	p.cells[i] = 0
	p.used--
}

// own returns the page of a hash for changing.
func (x *Index) own(h Hash, e Edit) *page {
	if x.pages.n == 0 {
		p := &page{edit: e}
		*x.pages.Edit(0, e) = p
		x.count = 1
		return p
	}
	p := x.page(h)
	if p.edit == e {
		return p
	}
	c := *p
	c.edit = e
	x.point(h, &c, e)
	return &c
}

// point makes every entry of the directory that a page serves lead to it.
func (x *Index) point(h Hash, p *page, e Edit) {
	step := uint32(1) << p.depth
	for i := uint32(h>>32) & (step - 1); i < 1<<x.depth; i += step {
		*x.pages.Edit(i, e) = p
	}
}

// split moves half of a full page's entries to a new one.
func (x *Index) split(h Hash, p *page, e Edit) {
	if p.depth == x.depth {
		n := x.pages.n
		for i := range n { // the directory doubles; it is small compared with the pages
			*x.pages.Edit(n+i, e) = *x.pages.At(i)
		}
		x.depth++
	}
	x.count++
	low := &page{edit: e, depth: p.depth + 1}
	high := &page{edit: e, depth: p.depth + 1}
	for _, c := range p.cells {
		if c == 0 {
			continue
		}
		if mix(c.bits())>>p.depth&1 == 0 {
			low.add(c)
		} else {
			high.add(c)
		}
	}
	base := h >> 32 & (1<<p.depth - 1) << 32
	x.point(base, low, e)
	x.point(base|1<<p.depth<<32, high, e)
}

// Bytes estimates what x takes on the heap.
func (x *Index) Bytes() int64 {
	return x.pages.Bytes() + x.count*allocated(int64(unsafe.Sizeof(page{})), 768)
}

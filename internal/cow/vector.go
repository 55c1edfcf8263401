package cow

import "unsafe"

// An Edit marks the chunks that one edit made and may change in place.
type Edit *byte

// NewEdit returns an Edit that nothing is marked with yet.
func NewEdit() Edit { return new(byte) }

// chunkSize is how many values are in a chunk, and how many chunks in a group of them.
const chunkSize = 64

// A Vector is a list with cheap copies and cheap edits. Its zero value is empty.
type Vector[T any] struct {
	groups []*[chunkSize]*chunk[T]
	edits  []Edit // that made each of groups
	edit   Edit   // that made the two slices themselves
	n      uint32
}

type chunk[T any] struct {
	edit  Edit
	items [chunkSize]T
}

// Len returns the number of values.
func (v *Vector[T]) Len() uint32 { return v.n }

// At returns the i-th value, which must not be changed. i must be less than Len.
func (v *Vector[T]) At(i uint32) *T {
	return &v.groups[i/(chunkSize*chunkSize)][i/chunkSize%chunkSize].items[i%chunkSize]
}

// Edit returns the i-th value for changing, until the next value is copied from v. i may be Len, which appends a zero
// value.
func (v *Vector[T]) Edit(i uint32, e Edit) *T {
	if v.edit != e {
		v.groups = append(make([]*[chunkSize]*chunk[T], 0, len(v.groups)+1), v.groups...)
		v.edits = append(make([]Edit, 0, len(v.edits)+1), v.edits...)
		v.edit = e
	}
	g := i / (chunkSize * chunkSize)
	if int(g) == len(v.groups) {
		v.groups = append(v.groups, new([chunkSize]*chunk[T]))
		v.edits = append(v.edits, e)
	} else if v.edits[g] != e {
		c := *v.groups[g]
		v.groups[g], v.edits[g] = &c, e
	}
	at := &v.groups[g][i/chunkSize%chunkSize]
	switch {
	case *at == nil:
		*at = &chunk[T]{edit: e}
	case (*at).edit != e:
		c := **at
		c.edit = e
		*at = &c
	}
	if i == v.n {
		v.n++
	}
	return &(*at).items[i%chunkSize]
}

// Bytes estimates what v takes on the heap, without what its values point to.
func (v *Vector[T]) Bytes() int64 {
	const group = chunkSize*8 + 16
	chunks := (int64(v.n) + chunkSize - 1) / chunkSize
	return int64(len(v.groups))*group + chunks*allocated(int64(unsafe.Sizeof(chunk[T]{})), 512)
}

// allocated rounds a size up as the allocator does about that size.
func allocated(size, step int64) int64 { return (size + step - 1) / step * step }

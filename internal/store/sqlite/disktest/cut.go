package disktest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// A Loss says what happened to the writes that were not synced when the power was cut.
type Loss string

// Every loss that a disk may show is one of Scattered; the others are those that one meets most.
const (
	All       Loss = "all"       // all is lost
	Nothing   Loss = "nothing"   // it was all written just in time
	Last      Loss = "last"      // it was written in order up to some point; the write there is torn
	Scattered Loss = "scattered" // of each file and folder any of it, in any order, torn
)

// Losses are all losses.
var Losses = []Loss{All, Nothing, Last, Scattered}

// sector is what a disk writes whole or not at all.
const sector = 512

// A Cut is a moment at which the power is cut, and what is lost.
type Cut struct {
	At   int // of Now
	Loss Loss
}

// After calls f for every cut, in the order of time, with a function that writes what a restart finds
// into an empty folder.
func (d *Disk) After(rnd *rand.Rand, cuts []Cut, f func(c Cut, write func(dir string) error) error) error {
	d.mu.Lock()
	log := d.log // what is in it does not change any more
	d.mu.Unlock()
	cuts = slices.Clone(cuts)
	slices.SortFunc(cuts, func(a, b Cut) int { return a.At - b.At })
	m := medium{files: map[*node][]byte{}, names: map[*node]map[string]*node{}, pending: map[*node][]entry{}}
	done := 0
	root := rootOf(log)
	for _, c := range cuts {
		for ; done < c.At; done++ {
			m.add(log[done])
		}
		left := m.after(rnd, c.Loss)
		if err := f(c, func(dir string) error { return left.write(root, dir) }); err != nil {
			return fmt.Errorf("power cut at %d of %d, lost %s: %w", c.At, len(log), c.Loss, err)
		}
	}
	return nil
}

func rootOf(log []entry) *node {
	if len(log) == 0 {
		return nil
	}
	return log[0].node // nothing can be done before something was made in the root
}

// medium is what would be found after a power cut, and what might be found next to it.
type medium struct {
	files   map[*node][]byte
	names   map[*node]map[string]*node
	pending map[*node][]entry // since the file or folder was synced
}

func (m *medium) add(e entry) {
	if e.op != Sync {
		m.pending[e.node] = append(m.pending[e.node], e)
		return
	}
	for _, e := range m.pending[e.node] {
		m.apply(e)
	}
	delete(m.pending, e.node)
}

func (m *medium) apply(e entry) {
	n := e.node
	switch e.op {
	case Write:
		m.files[n] = overwritten(m.files[n], e.data, e.off)
	case Truncate:
		m.files[n] = resized(m.files[n], e.off)
	default:
		m.name(n, e.name, e.to)
		if e.from != nil {
			m.name(e.from, e.was, nil)
		}
	}
}

func (m *medium) name(dir *node, name string, to *node) {
	if m.names[dir] == nil {
		m.names[dir] = map[string]*node{}
	}
	if to == nil {
		delete(m.names[dir], name)
		return
	}
	m.names[dir][name] = to
}

// after is what is there after a power cut now.
func (m *medium) after(rnd *rand.Rand, loss Loss) *medium {
	left := &medium{files: maps.Clone(m.files), names: map[*node]map[string]*node{}}
	for dir, names := range m.names {
		left.names[dir] = maps.Clone(names)
	}
	for n, list := range m.pending {
		if !n.dir {
			left.files[n] = slices.Clone(m.files[n])
		}
		// Of those in order, how many; each file has its own queue to the disk.
		most := rnd.IntN(len(list) + 1)
		for i, e := range list {
			switch loss {
			case All:
				continue
			case Last:
				if i > most {
					continue
				}
				if i == most {
					left.torn(rnd, e)
					continue
				}
			case Scattered:
				if rnd.IntN(2) == 0 {
					left.torn(rnd, e)
					continue
				}
			}
			left.apply(e)
		}
	}
	return left
}

// torn applies any of the sectors of a write, and all or nothing of everything else.
func (m *medium) torn(rnd *rand.Rand, e entry) {
	if e.op != Write {
		if rnd.IntN(2) == 0 {
			m.apply(e)
		}
		return
	}
	for from := int64(0); from < int64(len(e.data)); {
		to := min(int64(len(e.data)), from+sector-(e.off+from)%sector)
		if rnd.IntN(2) == 0 {
			part := e
			part.off, part.data = e.off+from, e.data[from:to]
			m.apply(part)
		}
		from = to
	}
}

// write puts a folder and what is in it into dir.
func (m *medium) write(folder *node, dir string) error {
	for name, n := range m.names[folder] {
		path := filepath.Join(dir, name)
		if !n.dir {
			if err := os.WriteFile(path, m.files[n], 0o600); err != nil {
				return err
			}
			continue
		}
		if err := os.Mkdir(path, 0o700); err != nil {
			return err
		}
		if err := m.write(n, path); err != nil {
			return err
		}
	}
	return nil
}

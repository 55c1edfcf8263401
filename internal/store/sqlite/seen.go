package sqlite

import (
	"encoding/binary"
	"hash/crc32"
	"sync"
)

// seen is what this process last wrote or read on each page of a database and of its log. It finds a page that the
// disk put in another place, and an older version of a page: those have the right checksum.
//
// It counts only while the process has the database open for writing. Then it is the only one that writes (the
// folder is locked), and else pages change without it.
type seen struct {
	mu      sync.RWMutex
	pages   []uint64         // checksums, by number; 0: not known
	log     map[int64]uint32 // checksums, by place
	files   int              // that are open
	writers int              // of them
}

var (
	seenMu sync.Mutex
	seenBy = map[string]*seen{} // by the path of the database
)

// joinSeen counts a file in. All files of one database share one seen, which is forgotten with the last of them.
func joinSeen(path string, writes bool) *seen {
	seenMu.Lock()
	defer seenMu.Unlock()
	s := seenBy[path]
	if s == nil {
		s = &seen{log: map[int64]uint32{}}
		seenBy[path] = s
	}
	s.count(1, writes)
	return s
}

func (s *seen) leave(path string, writes bool) {
	seenMu.Lock()
	defer seenMu.Unlock()
	if s.count(-1, writes); s.files == 0 {
		delete(seenBy, path)
	}
}

func (s *seen) count(n int, writes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files += n
	if writes {
		s.writers += n
	}
	if s.writers == 0 {
		s.pages = nil
		clear(s.log)
	}
}

// write notes a page that is written; n counts from 0.
func (s *seen) write(page []byte, n int64) {
	sum := binary.LittleEndian.Uint64(page[len(page)-trailer:])
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writers == 0 {
		return
	}
	if missing := n + 1 - int64(len(s.pages)); missing > 0 {
		s.pages = append(s.pages, make([]uint64, missing)...)
	}
	s.pages[n] = sum
}

// isNewest reports whether a page is what was last written there or read, as far as that is known.
func (s *seen) isNewest(page []byte, n int64) bool {
	sum := binary.LittleEndian.Uint64(page[len(page)-trailer:])
	s.mu.RLock()
	known := uint64(0)
	if n < int64(len(s.pages)) {
		known = s.pages[n]
	}
	s.mu.RUnlock()
	if known == 0 {
		s.write(page, n)
		return true
	}
	return known == sum
}

const (
	logHeader   = 32 // bytes at the beginning of a log
	frameHeader = 24 // bytes before each page in it
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// framePlace is where in a log a page is.
type framePlace struct {
	at   int64 // of the page, in the log
	skip int   // bytes of the frame's header that were read or written with it
	ok   bool  // that it is a page
}

// inFrame returns where the page is in n bytes of a log, which are a page or a frame with its header.
func inFrame(n int, off int64) framePlace {
	for _, skip := range []int{0, frameHeader} {
		size := n - skip
		if size >= 512 && size&(size-1) == 0 && off >= logHeader {
			at := off + int64(skip)
			return framePlace{at, skip, (at-logHeader-frameHeader)%int64(size+frameHeader) == 0}
		}
	}
	return framePlace{}
}

// writeLog notes what is written to the log.
func (s *seen) writeLog(data []byte, off int64) {
	place := inFrame(len(data), off)
	if !place.ok {
		return
	}
	sum := crc32.Checksum(data[place.skip:], castagnoli)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writers > 0 {
		s.log[place.at] = sum
	}
}

// isLogged reports whether a page is what was written to the log, as far as that is known. A whole frame is read at
// recovery, when SQLite checks it; and what it reads then is what is there.
func (s *seen) isLogged(data []byte, off int64) bool {
	place := inFrame(len(data), off)
	switch {
	case !place.ok:
		return true
	case place.skip > 0:
		s.writeLog(data, off)
		return true
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	sum, known := s.log[place.at]
	return !known || sum == crc32.Checksum(data, castagnoli)
}

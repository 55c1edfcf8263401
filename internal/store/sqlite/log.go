package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
)

// inspectLog looks for damage in a log that SQLite takes for its end: SQLite recovers what is before the first frame
// that is wrong. At the end that is right, because a transaction whose sync had not ended was not acknowledged. But a
// transaction is written only after the one before it was synced: when a transaction follows what is wrong, that was
// acknowledged and damaged later. logged reports whether the log has any valid frame.
func inspectLog(path string, size int) (logged bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	defer f.Close()
	scan, err := readLogHeader(f, size)
	if err != nil || scan == nil {
		return false, damagedError(path, err)
	}
	frame := make([]byte, frameHeader+size)
	for {
		if _, err := io.ReadFull(f, frame); isEnd(err) {
			return scan.logged, nil
		} else if err != nil {
			return false, err
		}
		if err := scan.next(frame); err != nil {
			return false, damagedError(path, err)
		}
	}
}

// isEnd reports whether a file ended, be it in the middle of what was to be read.
func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// readLogHeader reads the header of a log, and returns nil when nothing in the log is valid.
func readLogHeader(f *os.File, size int) (*logScan, error) {
	var header [logHeader]byte
	if _, err := io.ReadFull(f, header[:]); isEnd(err) { // empty, or truncated before its first transaction
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	if header == [logHeader]byte{} {
		return nil, checkNoFrames(f)
	}
	magic := binary.BigEndian.Uint32(header[:])
	s := &logScan{bigEndian: magic&1 == 1, salt: header[16:24]}
	s.computed = s.checksum([2]uint32{}, header[:24])
	s.continued = s.computed
	if magic&^1 != 0x377f0682 || s.computed != readChecksum(header[24:]) {
		return nil, damage(": its header is wrong")
	}
	if n := int(binary.BigEndian.Uint32(header[8:])); n != size {
		return nil, damage(fmt.Sprintf(": its header says pages of %d bytes, the database has %d", n, size))
	}
	return s, nil
}

// checkNoFrames is for a log whose header is zero: it never reached the disk. The header is synced before the first
// transaction, so there must be no frame.
func checkNoFrames(f *os.File) error {
	var first [frameHeader]byte
	if _, err := f.ReadAt(first[:], logHeader); errors.Is(err, io.EOF) {
		return nil
	} else if err != nil {
		return err
	}
	if first != [frameHeader]byte{} {
		return damage(": its header is gone")
	}
	return nil
}

// A logScan follows the frames of a log. Each frame has a checksum of all that precedes it.
type logScan struct {
	bigEndian bool   // the order of bytes in checksums
	salt      []byte // of this use of the file
	n         int    // the number of the frame
	computed  [2]uint32
	continued [2]uint32 // from the checksum that the frame before has, which may be what is wrong
	wrong     int       // the number of the first frame that is wrong, or 0
	follows   bool      // since then, each frame after one that ended a transaction continues from it
	logged    bool      // a frame is valid
}

// next looks at a frame, and returns damage when it ends a transaction that follows a wrong frame.
func (s *logScan) next(frame []byte) error {
	s.n++
	written := readChecksum(frame[16:])
	s.computed = s.checksum(s.checksum(s.computed, frame[:8]), frame[frameHeader:])
	s.continued = s.checksum(s.checksum(s.continued, frame[:8]), frame[frameHeader:])
	// A frame with another salt is from an earlier use of the file, all of which is in the database, unless its
	// checksum continues from this header: then the salt is what is wrong.
	ours := string(frame[8:16]) == string(s.salt)
	chained := written == s.computed || ours && written == s.continued
	ends := (ours || written == s.computed) && binary.BigEndian.Uint32(frame[4:]) != 0
	switch {
	case ours && chained && s.wrong == 0:
		s.logged = true
	case s.wrong == 0:
		s.wrong = s.n
	case chained && s.follows && ends:
		return damage(fmt.Sprintf(": frame %d is wrong, and a later transaction follows", s.wrong))
	}
	s.follows = s.wrong > 0 && (ends || chained && s.follows)
	s.continued = written
	return nil
}

func readChecksum(b []byte) [2]uint32 {
	return [2]uint32{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])}
}

// checksum continues a checksum with b, whose length is a multiple of eight.
func (s *logScan) checksum(sum [2]uint32, b []byte) [2]uint32 {
	s0, s1 := sum[0], sum[1]
	for ; len(b) >= 8; b = b[8:] {
		x, y := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
		if s.bigEndian {
			x, y = bits.ReverseBytes32(x), bits.ReverseBytes32(y)
		}
		s0 += x + s1
		s1 += y + s0
	}
	return [2]uint32{s0, s1}
}

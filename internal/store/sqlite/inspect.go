package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
)

// restore is what to do with a damaged database.
const restore = "nothing was changed; keep a copy of the folder, restore the last backup, and see docs/operating.md " +
	"on how to look at the damage"

// inspect looks at a database that no process has open, for what SQLite itself does not mind or takes
// for the end of what was written: a file that is cut off, a log with a hole. What is in the pages is
// checked when they are read.
func inspect(path string) error {
	info, err := os.Stat(path) // opening a pipe would wait
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	damaged := func(format string, args ...any) error {
		return fmt.Errorf("%s is damaged%s; %s", path, fmt.Sprintf(format, args...), restore)
	}
	if info.Size() == 0 {
		return damaged(": it is empty")
	}
	var header [100]byte
	if _, err := io.ReadFull(f, header[:]); errors.Is(err, io.ErrUnexpectedEOF) {
		return damaged(": its header is cut off")
	} else if err != nil {
		return err
	}
	if string(header[:16]) != "SQLite format 3\x00" {
		return damaged(" or not a SQLite database: it does not begin like one")
	}
	size := pageSize(header[:])
	if size < 512 || size&(size-1) != 0 || header[20] != 0 && header[20] != trailer {
		return damaged(": its header says pages of %d bytes with %d set aside", size, header[20])
	}
	logged, err := inspectLog(path+"-wal", size)
	if err != nil || logged {
		return err // with a log, the newest pages are there
	}
	if want := int64(size) * int64(binary.BigEndian.Uint32(header[28:])); info.Size() < want {
		return damaged(": it has %d bytes of %d", info.Size(), want)
	}
	first := make([]byte, size)
	if _, err := f.ReadAt(first, 0); err != nil {
		return err
	}
	// One of before there were checksums is taken, unless it only claims to be one.
	older := header[20] == 0
	first[20] = trailer
	if (isSealed(first) || isLegacy(first, 1)) == older {
		return damaged(": the checksum of its first page is wrong")
	}
	return nil
}

// inspectLog looks for damage in a log that SQLite takes for its end: it recovers what is before the
// first frame that is wrong. At the end that is right, for a transaction whose sync had not ended was
// not acknowledged. But a transaction is written only once the one before is synced: when one is
// followed by another then it was, and what is wrong in it or before it got lost later. logged tells
// that the log has anything that counts.
func inspectLog(path string, size int) (logged bool, err error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	defer f.Close()
	var header [logHeader]byte
	if _, err := io.ReadFull(f, header[:]); err != nil { // empty, or cut off before its first transaction
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = nil
		}
		return false, err
	}
	damaged := func(what string) error { return fmt.Errorf("%s is damaged: %s; %s", path, what, restore) }
	magic := binary.BigEndian.Uint32(header[:])
	big := magic&1 == 1
	sum := logSum(big, [2]uint32{}, header[:24])
	if header == [logHeader]byte{} {
		// It never came to the disk, and it is synced before the first transaction.
		info, err := f.Stat()
		if err == nil && info.Size() > logHeader {
			var first [frameHeader]byte
			if _, err = f.ReadAt(first[:], logHeader); err == nil && first != [frameHeader]byte{} {
				err = damaged("its header is gone")
			} else if errors.Is(err, io.EOF) {
				err = nil
			}
		}
		return false, err
	}
	if magic&^1 != 0x377f0682 || sum != stored(header[24:]) {
		return false, damaged("its header is wrong")
	}
	if n := int(binary.BigEndian.Uint32(header[8:])); n != size {
		return false, damaged(fmt.Sprintf("its header says pages of %d bytes, the database has %d", n, size))
	}
	frame := make([]byte, frameHeader+size)
	also := sum
	wrong := 0       // the first frame that is
	follows := false // after that: each frame since one that ended a transaction goes on from there
	for n := 1; ; n++ {
		if _, err := io.ReadFull(f, frame); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return logged, nil
		} else if err != nil {
			return false, err
		}
		end := stored(frame[16:])
		sum, also = logSum(big, logSum(big, sum, frame[:8]), frame[frameHeader:]),
			logSum(big, logSum(big, also, frame[:8]), frame[frameHeader:])
		// What has another salt is of an earlier use of the file, all of which is in the database, unless its
		// checksum goes on from this header: then the salt is what is wrong.
		ours := string(frame[8:16]) == string(header[16:24])
		chained := end == sum || ours && end == also
		ends := (ours || end == sum) && binary.BigEndian.Uint32(frame[4:]) != 0
		switch {
		case ours && chained && wrong == 0:
			logged = true
		case wrong == 0:
			wrong = n
		case chained && follows && ends:
			return false, damaged(fmt.Sprintf("frame %d is wrong, and a later transaction follows", wrong))
		}
		follows = wrong > 0 && (ends || chained && follows)
		// The next goes on from the checksum that was written here, which may be what is wrong.
		also = end
	}
}

func stored(b []byte) [2]uint32 {
	return [2]uint32{binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])}
}

// logSum goes on with the checksum of a log. big tells the order of bytes, b has a multiple of eight.
func logSum(big bool, sum [2]uint32, b []byte) [2]uint32 {
	s0, s1 := sum[0], sum[1]
	for ; len(b) >= 8; b = b[8:] {
		x, y := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
		if big {
			x, y = bits.ReverseBytes32(x), bits.ReverseBytes32(y)
		}
		s0 += x + s1
		s1 += y + s0
	}
	return [2]uint32{s0, s1}
}

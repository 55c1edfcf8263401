package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// restore is what to do with a damaged database.
const restore = "nothing was changed; keep a copy of the folder, restore the last backup, and see docs/operating.md " +
	"on how to look at the damage"

// inspect looks at a database that no process has open, for what SQLite itself ignores or takes for the end of what
// was written: a truncated file, a log with a hole. What is in the pages is checked when they are read.
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
	header, err := inspectHeader(f, info.Size())
	if err != nil {
		return damagedError(path, err)
	}
	logged, err := inspectLog(path+"-wal", pageSize(header))
	if err != nil || logged {
		return err // with a log, the newest pages are there
	}
	return damagedError(path, inspectFirstPage(f, header, info.Size()))
}

// damage is what is wrong with a file.
type damage string

func (d damage) Error() string { return string(d) }

// damagedError says of a file what is damaged and what to do, and leaves other errors alone.
func damagedError(path string, err error) error {
	var d damage
	if errors.As(err, &d) {
		return fmt.Errorf("%s is damaged%w; %s", path, err, restore)
	}
	return err
}

func inspectHeader(f io.Reader, size int64) (header []byte, err error) {
	if size == 0 {
		return nil, damage(": it is empty")
	}
	header = make([]byte, 100)
	if _, err := io.ReadFull(f, header); errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, damage(": its header is truncated")
	} else if err != nil {
		return nil, err
	}
	if string(header[:16]) != "SQLite format 3\x00" {
		return nil, damage(" or not a SQLite database: it does not begin like one")
	}
	if size := pageSize(header); size < 512 || size&(size-1) != 0 || header[20] != 0 && header[20] != trailer {
		return nil, damage(fmt.Sprintf(": its header says pages of %d bytes with %d reserved", size, header[20]))
	}
	return header, nil
}

func inspectFirstPage(f io.ReaderAt, header []byte, size int64) error {
	page := make([]byte, pageSize(header))
	if want := int64(len(page)) * int64(binary.BigEndian.Uint32(header[28:])); size < want {
		return damage(fmt.Sprintf(": it has %d bytes of %d", size, want))
	}
	if _, err := f.ReadAt(page, 0); err != nil {
		return err
	}
	// A database from before there were checksums is accepted, unless it only claims to be one.
	older := header[20] == 0
	page[20] = trailer
	if (isSealed(page) || isLegacy(page, 1)) == older {
		return damage(": the checksum of its first page is wrong")
	}
	return nil
}

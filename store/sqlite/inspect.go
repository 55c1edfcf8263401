package sqlite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
)

// inspect looks at the header of a database that no process has open, because SQLite itself does
// not mind a file that is cut off until it needs what is missing.
func inspect(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 { // a new one
		return err
	}
	var header [100]byte
	if _, err := io.ReadFull(f, header[:]); err != nil {
		return fmt.Errorf("%s is damaged: its header is cut off: %w", path, err)
	}
	if !bytes.HasPrefix(header[:], []byte("SQLite format 3\x00")) {
		return fmt.Errorf("%s is damaged or not a SQLite database: it does not begin like one", path)
	}
	if log, err := os.Stat(path + "-wal"); err == nil && log.Size() > 0 {
		return nil // pages may be missing that the log still has
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	page := int64(binary.BigEndian.Uint16(header[16:]))
	if page == 1 {
		page = 65536
	}
	pages := int64(binary.BigEndian.Uint32(header[28:]))
	if want := page * pages; info.Size() < want {
		return fmt.Errorf("%s is damaged: it has %d bytes of %d", path, info.Size(), want)
	}
	return nil
}

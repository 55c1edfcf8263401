package sqlite

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"log/slog"
	"os"
	"time"
)

// The last 8 bytes of a page were once a format of our own: a CRC-32C of the page's number and the page, then
// legacyMark. A database that has it is converted when it is opened.

const legacyMark = "LNY1"

// isLegacy reports whether a page, numbered from 1, ends with the checksum of before.
func isLegacy(page []byte, number uint32) bool {
	body := len(page) - trailer
	return string(page[body+4:]) == legacyMark && binary.BigEndian.Uint32(page[body:]) == legacySum(page[:body], number)
}

func legacySum(body []byte, number uint32) uint32 {
	var n [4]byte
	binary.BigEndian.PutUint32(n[:], number)
	return crc32.Update(crc32.Checksum(n[:], castagnoli), castagnoli, body)
}

// hasLegacyPages reports whether the pages of a database have the checksums of before.
func hasLegacyPages(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	first, err := firstPage(f)
	return first != nil && isLegacy(first, 1), err
}

// firstPage reads the first page of a database. It is nil when the pages have no checksums.
func firstPage(f io.ReaderAt) ([]byte, error) {
	var header [100]byte
	if _, err := f.ReadAt(header[:], 0); err != nil {
		return nil, err
	}
	if header[20] != trailer {
		return nil, nil
	}
	page := make([]byte, pageSize(header[:]))
	if _, err := f.ReadAt(page, 0); err != nil {
		if errors.Is(err, io.EOF) { // only with a log, which has the page
			err = nil
		}
		return nil, err
	}
	return page, nil
}

// disk is the file of a database, while SQLite does not have it.
type disk interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
}

// convert gives each page of a database that nobody has open a checksum in SQLite's format, if it has the right one
// of before. No other page is touched: a page that is damaged stays so, and one that a crash left half written is
// in the log.
//
// A process may be killed at any time: the first page is converted last, so that the next start goes on.
func convert(path string, log *slog.Logger) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	began := time.Now()
	pages, err := convertPages(f)
	if err = errors.Join(err, f.Close()); err == nil && pages > 0 {
		log.Info("the checksums of the database's pages are in SQLite's format now", "pages", pages, "took",
			time.Since(began).Round(time.Millisecond).String())
	}
	return err
}

// convertPages returns how many pages it converted.
func convertPages(f disk) (pages int, err error) {
	first, err := firstPage(f)
	if err != nil || first == nil || isSealed(first) {
		return 0, err
	}
	size := len(first)
	const some = 64
	for number := uint32(2); ; number += some {
		read := make([]byte, some*size)
		n, err := f.ReadAt(read, int64(number-1)*int64(size))
		if err != nil && !errors.Is(err, io.EOF) {
			return pages, err
		}
		for i := range n / size {
			page, its := read[i*size:(i+1)*size], number+uint32(i)
			if !isLegacy(page, its) {
				continue
			}
			if err := reseal(f, page, its); err != nil {
				return pages, err
			}
			pages++
		}
		if n < len(read) {
			break
		}
	}
	if err := f.Sync(); err != nil || !isLegacy(first, 1) { // else the log has the first page
		return pages, err
	}
	if err := reseal(f, first, 1); err != nil {
		return pages, err
	}
	return pages + 1, f.Sync()
}

// reseal writes the checksum of a page. It lies within a sector, so that a crash leaves the old one or the new one.
func reseal(f disk, page []byte, number uint32) error {
	seal(page)
	_, err := f.WriteAt(page[len(page)-trailer:], int64(number)*int64(len(page))-trailer)
	return err
}

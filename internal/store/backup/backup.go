// Package backup writes the rows of a store into one stream and reads them again: a portable form
// that every engine can be filled from. It neither reads a store nor opens files, and what the rows
// mean is not its to know.
//
// The stream begins with Magic. All that follows is one frame of Zstandard, and in it: the header
// as JSON; the rows, each the number of its table in store.Tables, from 1, and its values; a 0; how
// many rows there were of each table, as JSON; and the SHA-256 of all of that. Numbers are varints;
// texts, bytes and JSON have their length before them.
package backup

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/store"
)

// Magic begins every backup.
const Magic = "lanyard backup 1\n"

// Header says where a backup comes from.
type Header struct {
	Made    time.Time
	Program string // version of the program that made it
}

// Counts is how many rows there are of each table, by its name.
type Counts map[string]int64

// maxValue bounds a text or document, in bytes. The largest event, with a request of 4 MiB and what
// was before and after it, has far less.
const maxValue = 256 << 20

// Append appends the row's own form to b.
func Append(b []byte, r store.Row) []byte {
	for i, t := range store.Tables {
		if t == r.Table {
			b = binary.AppendUvarint(b, uint64(i+1))
		}
	}
	for _, v := range r.Values {
		switch v := v.(type) {
		case int64:
			b = binary.AppendVarint(b, v)
		case string:
			b = append(binary.AppendUvarint(b, uint64(len(v))), v...)
		case []byte:
			b = append(binary.AppendUvarint(b, uint64(len(v))), v...)
		}
	}
	return b
}

// A Writer writes a backup. It is used by one goroutine.
type Writer struct {
	z      *zstd.Encoder
	sum    hash.Hash
	counts Counts
	buf    []byte
}

// NewWriter begins a backup. Close must be called.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	if _, err := io.WriteString(w, Magic); err != nil {
		return nil, err
	}
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(2))
	if err != nil {
		return nil, err
	}
	b := &Writer{z: z, sum: sha256.New(), counts: Counts{}}
	return b, b.json(h)
}

func (w *Writer) json(v any) error {
	text, err := laxjson.Marshal(v)
	if err != nil {
		return err
	}
	return w.write(append(binary.AppendUvarint(nil, uint64(len(text))), text...))
}

func (w *Writer) write(b []byte) error {
	w.sum.Write(b)
	_, err := w.z.Write(b)
	return err
}

// Row writes a row.
func (w *Writer) Row(r store.Row) error {
	w.counts[r.Table.Name]++
	w.buf = Append(w.buf[:0], r)
	return w.write(w.buf)
}

// Counts is how many rows were written.
func (w *Writer) Counts() Counts { return w.counts }

// Close ends the backup and releases what it holds; what Row was not called for is not in it. It does
// not close the writer below.
func (w *Writer) Close() error {
	err := w.write([]byte{0})
	if err == nil {
		err = w.json(w.counts)
	}
	if err == nil {
		_, err = w.z.Write(w.sum.Sum(nil))
	}
	return errors.Join(err, w.z.Close())
}

// Abort releases what the Writer holds without ending the backup, which nobody can restore then.
func (w *Writer) Abort() {
	w.z.Reset(nil)
	w.z.Close()
}

// A Reader reads a backup. It is used by one goroutine.
type Reader struct {
	Header Header

	z      *zstd.Decoder
	r      *bufio.Reader
	sum    hash.Hash
	counts Counts
	ended  bool
}

// NewReader begins to read a backup. Close must be called.
func NewReader(r io.Reader) (*Reader, error) {
	magic := make([]byte, len(Magic))
	if n, err := io.ReadFull(r, magic); err != nil || string(magic) != Magic {
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, err
		}
		if word := []byte("lanyard backup "); bytes.HasPrefix(magic[:n], word) && n == len(magic) {
			return nil, fmt.Errorf("the backup is of another form (%q) than this program reads: use the program that made "+
				"it, or a newer one", bytes.TrimSpace(magic))
		}
		return nil, errors.New("this is not a backup of lanyard: it does not begin like one")
	}
	z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(64<<20))
	if err != nil {
		return nil, err
	}
	b := &Reader{z: z, sum: sha256.New(), counts: Counts{}}
	b.r = bufio.NewReaderSize(z, 64<<10)
	if err := b.json(&b.Header); err != nil {
		z.Close()
		return nil, damaged(err)
	}
	return b, nil
}

// Close releases what the Reader holds.
func (r *Reader) Close() { r.z.Close() }

// Counts is how many rows were read.
func (r *Reader) Counts() Counts { return r.counts }

// damaged words what is wrong with a backup that begins like one.
func damaged(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the backup is truncated: its end is missing")
	}
	return fmt.Errorf("the backup is damaged: %w", err)
}

// ReadByte reads one byte of what is summed.
func (r *Reader) ReadByte() (byte, error) {
	b, err := r.r.ReadByte()
	if err == nil {
		r.sum.Write([]byte{b})
	}
	return b, err
}

func (r *Reader) bytes() ([]byte, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, err
	}
	if n > maxValue {
		return nil, fmt.Errorf("a value of %d bytes, where %d are accepted", n, maxValue)
	}
	b := new(bytes.Buffer) // which grows with what is there, not with what is said
	if _, err := io.CopyN(io.MultiWriter(b, r.sum), r.r, int64(n)); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

func (r *Reader) json(out any) error {
	text, err := r.bytes()
	if err != nil {
		return err
	}
	return laxjson.Unmarshal(text, out)
}

// Next returns the next row. It returns io.EOF only after the last, when the backup is whole: what it
// returned before may be put somewhere, but must not count until then.
func (r *Reader) Next() (store.Row, error) {
	if r.ended {
		return store.Row{}, io.EOF
	}
	row, err := r.next()
	if err != nil {
		return row, damaged(err)
	}
	if row.Table == nil {
		r.ended = true
		return row, io.EOF
	}
	r.counts[row.Table.Name]++
	return row, nil
}

func (r *Reader) next() (row store.Row, err error) {
	number, err := binary.ReadUvarint(r)
	if err != nil {
		return row, err
	}
	if number == 0 {
		return row, r.end()
	}
	if number > uint64(len(store.Tables)) {
		return row, fmt.Errorf("a row of table number %d, where %d are known", number, len(store.Tables))
	}
	row.Table = store.Tables[number-1]
	for _, c := range row.Table.Columns {
		var v any
		if c.Kind == store.Int {
			v, err = binary.ReadVarint(r)
		} else {
			var b []byte
			b, err = r.bytes()
			if v = b; c.Kind == store.Text {
				v = string(b)
			} else if b == nil {
				v = []byte{}
			}
		}
		if err != nil {
			return row, err
		}
		row.Values = append(row.Values, v)
	}
	return row, nil
}

// end checks what the backup says of itself.
func (r *Reader) end() error {
	var counts Counts
	if err := r.json(&counts); err != nil {
		return err
	}
	want, have := make([]byte, sha256.Size), r.sum.Sum(nil)
	if _, err := io.ReadFull(r.r, want); err != nil {
		return err
	}
	if !bytes.Equal(want, have) {
		return errors.New("its checksum differs")
	}
	if !maps.Equal(counts, r.counts) {
		return fmt.Errorf("it says that it has the rows %v and has %v", counts, r.counts)
	}
	if _, err := r.r.ReadByte(); !errors.Is(err, io.EOF) {
		if err == nil {
			err = errors.New("something follows its end")
		}
		return err
	}
	return nil
}

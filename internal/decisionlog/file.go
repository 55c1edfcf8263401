package decisionlog

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/DeRuina/timberjack"
	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard/internal/setting"
)

const (
	defaultMaxSize = 100 * setting.MiB
	defaultMaxAge  = 24 * time.Hour
	defaultKeep    = 14
	maxWrite       = 256 << 10 // bytes that are written at once
)

// A file is where entries are written as lines. It is used by one goroutine.
type file struct {
	rotated *timberjack.Logger
	maxAge  time.Duration
	began   time.Time // when the first of its lines was written
	torn    bool      // its last line has no end
	now     func() time.Time
}

// openFile opens the file, so that a path that cannot be written to is found at once.
func openFile(c *FileConfig) (*file, error) {
	f := &file{maxAge: defaultMaxAge, now: time.Now, rotated: &timberjack.Logger{Filename: c.Path, FileMode: 0o600,
		MaxSize: int(c.MaxSize.Or(defaultMaxSize) / setting.MiB), Compression: "none"}}
	if c.MaxAge != 0 {
		f.maxAge = c.MaxAge
	}
	if n := c.Keep.Or(defaultKeep); n > 0 {
		f.rotated.MaxBackups = int(n)
	}
	if c.KeepDays > 0 {
		f.rotated.MaxAge = int(c.KeepDays)
	}
	if c.Compress {
		f.rotated.Compression = "gzip"
	}
	old, err := os.OpenFile(c.Path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the decision log: %w", err)
	}
	defer old.Close()
	f.began = f.firstTime(old)
	last := make([]byte, 1)
	if size, err := old.Seek(0, io.SeekEnd); err == nil && size > 0 {
		_, err := old.ReadAt(last, size-1)
		f.torn = err == nil && last[0] != '\n'
	}
	return f, nil
}

// firstTime returns the time of the first line, or now when it has none.
func (f *file) firstTime(r io.Reader) time.Time {
	line, _, _ := bufio.NewReaderSize(io.LimitReader(r, maxWrite), maxWrite).ReadLine()
	var first struct {
		Time time.Time `json:"time"`
	}
	if json.Unmarshal(line, &first) != nil || first.Time.IsZero() {
		return f.now()
	}
	return first.Time
}

// write writes a line for each entry.
func (f *file) write(_ context.Context, batch []*Entry) error {
	if f.now().Sub(f.began) >= f.maxAge {
		if err := f.rotated.RotateWithReason("time"); err != nil {
			return err
		}
		f.began, f.torn = f.now(), false
	}
	var b []byte
	lost, waiting := &lostError{}, 0
	flush := func() {
		if waiting == 0 {
			return
		}
		if f.torn {
			b = append([]byte{'\n'}, b...)
		}
		n, err := f.rotated.Write(b)
		if err != nil {
			lost.entries, lost.err = lost.entries+waiting, err
		}
		if n > 0 {
			f.torn = b[n-1] != '\n'
		}
		b, waiting = b[:0], 0
	}
	for _, e := range batch {
		var err error
		if b, err = e.appendLine(b); err != nil {
			lost.entries, lost.err = lost.entries+1, err
			continue
		}
		if waiting++; len(b) > maxWrite {
			flush()
		}
	}
	if flush(); lost.entries > 0 {
		return lost
	}
	return nil
}

func (f *file) close() error { return f.rotated.Close() }

package follow

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/url"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/compact"
)

// Bounds of what is taken from a server.
const (
	maxLine      = 16 << 20 // bytes of a resource
	maxResources = 50_000_000
	maxWindow    = 8 << 20 // bytes that packed data may refer back
)

// load loads the instance. What the follower has stays until all of it is there.
func (r *receiver) load(ctx context.Context, base *url.URL) error {
	a, err := r.get(ctx, base, snapshotPath, nil, "application/x-ndjson", loadSilence)
	if err != nil {
		return err
	}
	defer a.close()
	body, err := unpack(a, a.Header.Get("Content-Encoding"))
	if err != nil {
		return err
	}
	defer body.Close()
	l := &loading{instance: r.config.Instance, lines: bufio.NewReaderSize(body, 64<<10)}
	if err := l.run(); err != nil {
		return a.why(err)
	}
	r.next, r.at, r.reach = l.snapshot, l.at, l.reach
	r.publish()
	return nil
}

// unpack returns what is in a body.
func unpack(body io.Reader, encoding string) (io.ReadCloser, error) {
	switch encoding {
	case "", "identity":
		return io.NopCloser(body), nil
	case "gzip":
		return gzip.NewReader(body)
	case "zstd":
		d, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow),
			zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, err
		}
		return d.IOReadCloser(), nil
	}
	return nil, malformed("Content-Encoding must be zstd, gzip or absent, got %s", lanyard.Quote(encoding))
}

// A loading makes a snapshot of the lines of one.
type loading struct {
	instance string
	lines    *bufio.Reader
	long     []byte // a line that did not fit into the buffer

	edit     *access.Edit
	at       compact.Position
	count    int64
	reach    int64
	snapshot *access.Snapshot
}

// run reads everything from the head to the end.
func (l *loading) run() error {
	for l.snapshot == nil {
		text, err := l.line()
		if err != nil {
			return err
		}
		var line compact.Line
		if err := compact.Decode(text, &line); err != nil {
			return malformed("line %d of the snapshot: %v", l.count+1, err)
		}
		if err := l.take(&line); err != nil {
			return err
		}
	}
	if _, err := l.lines.ReadByte(); err != io.EOF {
		l.snapshot = nil
		if err != nil {
			return truncated(err)
		}
		return malformed("the snapshot goes on after its end")
	}
	return nil
}

// line returns the next line. It is overwritten by the one after.
func (l *loading) line() ([]byte, error) {
	l.long = l.long[:0]
	for {
		part, err := l.lines.ReadSlice('\n')
		switch {
		case err == nil && len(l.long) == 0:
			return part, nil
		case len(l.long)+len(part) > maxLine:
			return nil, malformed("a line of the snapshot must have at most %d bytes", maxLine)
		case err != nil && err != bufio.ErrBufferFull:
			return nil, truncated(err)
		}
		l.long = append(l.long, part...)
		if err == nil {
			return l.long, nil
		}
	}
}

// truncated is the error of a snapshot that ends before its end.
func truncated(err error) error {
	if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
		return malformed("the snapshot is truncated")
	}
	return err
}

func (l *loading) take(line *compact.Line) error {
	switch {
	case line.Head != nil && line.Put == nil && line.End == nil && l.edit == nil:
		return l.takeHead(line.Head)
	case line.Put != nil && line.Head == nil && line.End == nil && l.edit != nil:
		if l.count++; l.count > maxResources {
			return malformed("a snapshot must have at most %d resources", maxResources)
		}
		return put(l.edit, line.Put)
	case line.End != nil && line.Head == nil && line.Put == nil && l.edit != nil:
		return l.takeEnd(line.End)
	}
	return malformed("line %d of the snapshot must be a head first, then a resource or the end", l.count+1)
}

func (l *loading) takeHead(h *compact.Head) error {
	switch {
	case h.Version != compact.Version:
		return malformed("version must be %d, got %d; this program and the server are of different versions", compact.Version,
			h.Version)
	case h.Instance != l.instance:
		return malformed("the snapshot must be of instance %s, got %s", l.instance, lanyard.Quote(h.Instance))
	case h.Position.Revision < 1:
		return malformed("position is required")
	}
	l.at, l.edit = h.Position, access.Empty(l.instance).Edit()
	return nil
}

func (l *loading) takeEnd(end *compact.End) error {
	if end.Resources != l.count || end.Reach < l.at.Revision {
		return malformed("the snapshot has %d resources at revision %d, and says that there are %d at revision %d", l.count,
			l.at.Revision, end.Resources, end.Reach)
	}
	s, err := finish(l.edit, l.at)
	l.snapshot, l.reach = s, end.Reach
	return err
}

// finish returns the snapshot of an edit, at a position.
func finish(edit *access.Edit, at compact.Position) (*access.Snapshot, error) {
	if err := edit.Apply(&lanyard.Event{Revision: at.Revision, Hash: []byte(at.Hash)}); err != nil {
		return nil, err
	}
	return edit.Snapshot(at.Revision), nil
}

// put puts a resource, or removes it. A type that this program does not know decides nothing here.
func put(edit *access.Edit, c *compact.Resource) error {
	if c.ID == "" || c.Type == "" {
		return malformed("the type and the id of a resource are required")
	}
	if c.Removed {
		edit.Remove(c.Type, c.ID)
		return nil
	}
	if r, ok := c.Resource(); ok {
		edit.Put(r)
	}
	return nil
}

// trimLine returns a line without its end.
func trimLine(line []byte) []byte {
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
}

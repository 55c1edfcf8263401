package followapi

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/compact"
)

// sendSnapshot sends all that decisions need of the instance as it is, one resource a line. Only a page of it is in
// memory at a time.
func (f *following) sendSnapshot() error {
	if err := f.takeTurn(); err != nil {
		return err
	}
	defer func() { <-f.loads }()
	var cancel context.CancelFunc
	f.ctx, cancel = context.WithTimeout(f.ctx, f.Limits.Load)
	defer cancel()
	at, err := f.head()
	if err != nil {
		return err
	}
	h := f.w.Header()
	h.Set("Content-Type", "application/x-ndjson")
	h.Set("Cache-Control", "no-store, no-transform")
	h.Set("X-Accel-Buffering", "no")
	h.Set("Vary", "Accept-Encoding")
	s := &sending{following: f}
	if err := s.begin(); err != nil {
		return err
	}
	if err := s.run(at); err != nil { // it is too late to answer it
		if f.r.Context().Err() == nil && f.Server.ctx.Err() == nil {
			f.Logger.Warn("snapshot not sent to a follower", "instance", f.instance, "error", err)
		}
		panic(http.ErrAbortHandler) // so that the follower sees that it is not complete
	}
	return nil
}

// takeTurn waits until the snapshot may be sent.
func (f *following) takeTurn() error {
	ctx, cancel := context.WithTimeout(f.ctx, f.Limits.Turn)
	defer cancel()
	select {
	case f.loads <- struct{}{}:
		return nil
	case <-ctx.Done():
		return lanyard.Errorf(lanyard.Unavailable, "other followers are still being sent their snapshots")
	}
}

// head returns the position of the instance's last event.
func (f *following) head() (p compact.Position, err error) {
	if _, err := f.Control.Instance(f.ctx, f.call, f.instance); err != nil {
		return p, err
	}
	revision, err := f.Control.Revision(f.ctx, f.instance)
	if err != nil {
		return p, err
	}
	events, err := f.Control.Events(f.ctx, f.instance, revision-1, 1)
	if err != nil {
		return p, err
	}
	if len(events) == 0 {
		return p, lanyard.Errorf(lanyard.NotFound, "instance %s does not exist", lanyard.Quote(f.instance))
	}
	return compact.PositionOf(&events[0]), nil
}

// A sending is a snapshot on its way.
type sending struct {
	*following
	out   io.WriteCloser // packs what is written
	lines []byte         // that are not written yet
	count int64
}

// flushLines is how many bytes of lines are written together.
const flushLines = 64 << 10

// begin chooses how the follower gets it.
func (s *sending) begin() (err error) {
	raw := rawWriter{s.following}
	switch encoding := acceptedEncoding(s.r); encoding {
	case "zstd":
		s.w.Header().Set("Content-Encoding", encoding)
		s.out, err = zstd.NewWriter(raw, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(1<<20))
	case "gzip":
		s.w.Header().Set("Content-Encoding", encoding)
		s.out, err = gzip.NewWriterLevel(raw, gzip.BestSpeed)
	default:
		s.out = raw
	}
	return err
}

// acceptedEncoding returns the best encoding that a request accepts by name; "" for none.
func acceptedEncoding(r *http.Request) string {
	accepted := ""
	for _, header := range r.Header["Accept-Encoding"] {
		for one := range strings.SplitSeq(header, ",") {
			name, weight, _ := strings.Cut(strings.ToLower(strings.TrimSpace(one)), ";")
			if strings.ReplaceAll(weight, " ", "") == "q=0" {
				continue
			}
			if name == "zstd" || name == "gzip" && accepted == "" {
				accepted = name
			}
		}
	}
	return accepted
}

// run sends everything from the head to the end.
func (s *sending) run(at compact.Position) error {
	head := compact.Head{Version: compact.Version, Instance: s.instance, Position: at}
	if err := s.line(compact.Line{Head: &head}); err != nil {
		return err
	}
	if err := s.resources(); err != nil {
		return err
	}
	reach, err := s.Control.Revision(s.ctx, s.instance)
	if err != nil {
		return err
	}
	if err := s.line(compact.Line{End: &compact.End{Resources: s.count, Reach: reach}}); err != nil {
		return err
	}
	if err := s.send(0); err != nil {
		return err
	}
	return s.out.Close()
}

// resources sends the resources.
func (s *sending) resources() error {
	ctx, cancel := context.WithCancelCause(s.ctx)
	defer cancel(nil)
	_, err := s.Control.Load(ctx, s.instance, func(r lanyard.Resource) {
		c, ok := compact.Of(r)
		if !ok || ctx.Err() != nil {
			return
		}
		s.count++
		s.lines = compact.AppendPut(s.lines, &c)
		if err := s.send(flushLines); err != nil {
			cancel(err)
		}
	})
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

func (s *sending) line(l compact.Line) error {
	b, err := compact.Encode(l)
	if err != nil {
		return err
	}
	s.lines = append(append(s.lines, b...), '\n')
	return s.send(flushLines)
}

// send writes the lines if they are a number of bytes.
func (s *sending) send(least int) error {
	if len(s.lines) < least {
		return nil
	}
	if err := s.valid(); err != nil {
		return err
	}
	_, err := s.out.Write(s.lines)
	s.lines = s.lines[:0]
	return err
}

// rawWriter writes to the follower.
type rawWriter struct{ *following }

func (w rawWriter) Write(b []byte) (int, error) {
	if err := w.write(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (w rawWriter) Close() error { return nil }

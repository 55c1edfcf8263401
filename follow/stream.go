package follow

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/url"
	"strconv"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/compact"
)

// maxEvent bounds an event of a stream, in bytes.
const maxEvent = 64 << 20

// stream follows the instance for as long as the server sends. It always fails.
func (r *receiver) stream(ctx context.Context, base *url.URL) error {
	beat := r.heartbeat()
	query := url.Values{"after": {r.at.String()}, "heartbeat": {strconv.FormatInt(beat.Milliseconds(), 10)}}
	a, err := r.get(ctx, base, changesPath, query, "text/event-stream", max(leastSilence, 4*beat))
	if err != nil {
		return err
	}
	defer a.close()
	if kind, _, err := mime.ParseMediaType(a.Header.Get("Content-Type")); err != nil || kind != "text/event-stream" {
		return malformed("Content-Type must be text/event-stream, got %s", lanyard.Quote(a.Header.Get("Content-Type")))
	}
	body, err := unpack(a, a.Header.Get("Content-Encoding"))
	if err != nil {
		return a.why(err)
	}
	defer body.Close()
	r.connected(base.Redacted())
	return r.receive(body, a.sent)
}

// receive takes one event after the other, of an answer to a request that was sent at a time.
func (r *receiver) receive(body io.Reader, sent time.Time) error {
	events := &eventReader{lines: bufio.NewReaderSize(body, 64<<10)}
	greeted := false
	for {
		e, err := events.next()
		if err != nil {
			return err
		}
		switch {
		case !greeted:
			greeted, err = true, r.takeHello(e)
		case e.kind == "change":
			err = r.takeChange(e)
		case e.kind == "alive":
			err = r.takeAlive(e, sent)
		case e.kind == "end":
			err = readEnd(e)
		default:
			err = malformed("the event %s is unknown", lanyard.Quote(e.kind))
		}
		if err != nil {
			return err
		}
	}
}

func (r *receiver) takeHello(e event) error {
	var hello compact.Hello
	if err := e.decode("hello", &hello); err != nil {
		return err
	}
	switch {
	case hello.Version != compact.Version:
		return malformed("version must be %d, got %d; this program and the server are of different versions", compact.Version,
			hello.Version)
	case hello.Instance != r.config.Instance:
		return malformed("the stream must be of instance %s, got %s", r.config.Instance, lanyard.Quote(hello.Instance))
	case hello.Position != r.at:
		return malformed("the stream must begin after position %v, got %v", r.at, hello.Position)
	}
	return nil
}

// takeChange makes the next snapshot.
func (r *receiver) takeChange(e event) error {
	var c compact.Change
	if err := e.decode("change", &c); err != nil {
		return err
	}
	if c.From != r.at || c.To.Revision <= c.From.Revision {
		return malformed("a change must lead on from position %v, got one from %v to %v", r.at, c.From, c.To)
	}
	edit := r.next.Edit()
	for i := range c.Changes {
		if err := put(edit, &c.Changes[i]); err != nil {
			return err
		}
	}
	s, err := finish(edit, c.To)
	if err != nil {
		return err
	}
	r.next, r.at = s, c.To
	r.publish()
	return nil
}

// maxAhead is by how much clocks may go at different speeds, over the length of a stream.
const maxAhead = 5 * time.Second

// takeAlive notes that there were no other changes at a time, which the server measures from when it got the request.
// That was not before the request was sent, so what is noted is never too late, however long the message took.
func (r *receiver) takeAlive(e event, sent time.Time) error {
	var alive compact.Alive
	if err := e.decode("alive", &alive); err != nil {
		return err
	}
	if alive.Revision != r.at.Revision {
		return malformed("the server is at revision %d, and sent the changes up to revision %d", alive.Revision, r.at.Revision)
	}
	const most = int64(365 * 24 * time.Hour / time.Millisecond)
	at := sent.Add(time.Duration(min(max(alive.At, -most), most)) * time.Millisecond)
	now := r.now()
	if at.Sub(now) > maxAhead {
		return malformed("the server confirms its state for a time that has not come, as if the stream were a record of another")
	}
	if at.After(now) {
		at = now
	}
	r.confirm(at)
	if max(now.Sub(at), now.Round(0).Sub(at.Round(0))) > r.config.MaxStaleness {
		r.healthy = false
		return errLate
	}
	return nil
}

// errLate says that confirmations are of no use when they come. A clock that was set forward makes all of a stream seem
// so, because they count from when the request was sent: another request has the right time.
var errLate = errors.New("the server's confirmation is older than MaxStaleness allows; it is held up, or the clock was set")

func readEnd(e event) error {
	var bye compact.Goodbye
	if err := e.decode("end", &bye); err != nil {
		return err
	}
	return &endError{bye.Reason}
}

// An event is a server-sent event.
type event struct {
	kind string
	data []byte // overwritten by the next
}

// decode reads an event of a kind.
func (e event) decode(kind string, v any) error {
	if e.kind != kind {
		return malformed("the event must be %s, got %s", kind, lanyard.Quote(e.kind))
	}
	if err := compact.Decode(e.data, v); err != nil {
		return malformed("%s: %v", kind, err)
	}
	return nil
}

// An eventReader reads server-sent events.
type eventReader struct {
	lines *bufio.Reader
	data  []byte
	line  []byte
}

// errCut says that a stream ended without a word.
var errCut = errors.New("the connection was cut")

// next returns the next event that has data. One that is not complete is none.
func (r *eventReader) next() (e event, err error) {
	r.data = r.data[:0]
	for {
		if err := r.readLine(); err != nil {
			if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
				err = errCut
			}
			return event{}, err
		}
		line := trimLine(r.line)
		if len(line) == 0 {
			if len(r.data) > 0 {
				e.data = r.data[:len(r.data)-1]
				return e, nil
			}
			e = event{}
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) { // a comment has no name
		case "event":
			e.kind = string(value)
		case "data":
			if len(r.data)+len(value) > maxEvent {
				return e, malformed("an event must have at most %d bytes", maxEvent)
			}
			r.data = append(append(r.data, value...), '\n')
		}
	}
}

// readLine reads a line with its end.
func (r *eventReader) readLine() error {
	r.line = r.line[:0]
	for {
		part, err := r.lines.ReadSlice('\n')
		if r.line = append(r.line, part...); len(r.line) > maxEvent {
			return malformed("a line must have at most %d bytes", maxEvent)
		}
		if err != bufio.ErrBufferFull {
			return err
		}
	}
}

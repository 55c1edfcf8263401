package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// An event is one of a stream of server-sent events.
type event struct {
	id    string
	hasID bool
	retry time.Duration // -1: not said
	data  []byte        // nil: none
}

// errTooLarge is of a message that has more than MaxMessageBytes.
var errTooLarge = errors.New("message is larger than MaxMessageBytes")

// An eventReader reads events, each within bounds.
type eventReader struct {
	in  *bufio.Reader
	max int
}

func newEventReader(r io.Reader, maxBytes int) *eventReader {
	return &eventReader{bufio.NewReaderSize(r, 4096), maxBytes}
}

// next returns the next event. Comments and events of other types are passed over.
func (r *eventReader) next() (event, error) {
	e, kind, size, some := event{retry: -1}, "", 0, false
	for {
		line, err := r.line(&size)
		if err != nil {
			return event{}, err
		}
		if len(line) == 0 {
			if some && (kind == "" || kind == "message" || len(e.data) == 0) {
				return e, nil
			}
			e, kind, size, some = event{retry: -1}, "", 0, false
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "data":
			if some && e.data != nil {
				e.data = append(append(e.data, '\n'), value...)
			} else {
				e.data = append([]byte{}, value...)
			}
			some = true
		case "id":
			if bytes.IndexByte(value, 0) < 0 {
				e.id, e.hasID, some = string(value), true, true
			}
		case "retry":
			if ms, err := strconv.ParseUint(string(value), 10, 31); err == nil {
				e.retry, some = time.Duration(ms)*time.Millisecond, true
			}
		case "event":
			kind = string(value)
		}
	}
}

// line returns the next line without its end. A comment counts like any other, so that a flood of them ends too.
func (r *eventReader) line(size *int) ([]byte, error) {
	var whole []byte
	for {
		part, err := r.in.ReadSlice('\n')
		*size += len(part)
		if *size > r.max+1024 {
			return nil, errTooLarge
		}
		if err == nil && whole == nil {
			return bytes.TrimRight(part, "\r\n"), nil
		}
		whole = append(whole, part...)
		if err == nil {
			return bytes.TrimRight(whole, "\r\n"), nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return nil, err
		}
	}
}

// appendEvent appends an event with a message, which is JSON.
func appendEvent(b []byte, id string, data []byte) []byte {
	b = append(b, "event: message\n"...)
	if id != "" {
		b = fmt.Appendf(b, "id: %s\n", id)
	}
	b = append(b, "data: "...)
	from := len(b)
	b = append(b, data...)
	for i := from; i < len(b); i++ {
		if b[i] == '\n' || b[i] == '\r' { // between values of JSON, and the end of a line for readers of events
			b[i] = ' '
		}
	}
	return append(b, "\n\n"...)
}

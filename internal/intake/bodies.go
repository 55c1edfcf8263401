// Package intake bounds what strangers can make a server hold: the bodies of their requests and their
// connections. It does not know who is a stranger: whoever reads a body says from which pool it is.
package intake

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// Why a body is not read.
var (
	// ErrBusy means that the pool has no room. The caller may retry soon.
	ErrBusy = errors.New("the server is receiving as many request bodies as it has memory for; retry in a second")
	// ErrShort means that the body ended before its announced length.
	ErrShort = errors.New("the request body ended early")
	// ErrSlow means that the body arrived more slowly than the least rate.
	ErrSlow = fmt.Errorf("the request body must arrive within %v plus a second for every %d bytes", grace, leastRate)
)

// A TooLargeError refuses a body for its length.
type TooLargeError struct {
	Most   int64
	Length int64 // -1: more than Most
}

func (e *TooLargeError) Error() string {
	if e.Length < 0 {
		return fmt.Sprintf("the request body must be at most %d bytes, got more", e.Most)
	}
	return fmt.Sprintf("the request body must be at most %d bytes, got %d bytes", e.Most, e.Length)
}

// How fast a body must arrive, and how much memory it gets before any of it has.
const (
	grace      = 5 * time.Second
	leastRate  = 64 << 10 // bytes a second
	firstPiece = 4 << 10
)

// A Pool is the memory for bodies that are held at the same time. A nil Pool, or one of 0 bytes, has no
// bound. It must not be copied.
type Pool struct {
	Bytes int64
	held  atomic.Int64
}

// Held returns how many bytes are in use.
func (p *Pool) Held() int64 {
	if p == nil {
		return 0
	}
	return p.held.Load()
}

func (p *Pool) take(n int64) bool {
	if p == nil {
		return true
	}
	if p.held.Add(n) > p.Bytes && p.Bytes > 0 {
		p.held.Add(-n)
		return false
	}
	return true
}

// A Body is a whole body. Its memory is the pool's until it is freed.
type Body struct {
	Bytes []byte
	pool  *Pool
	held  int64
}

// Free gives the memory back to the pool's budget. It does not touch Bytes, and may be called again.
func (b *Body) Free() {
	if b.pool != nil {
		b.pool.held.Add(-b.held)
	}
	b.pool, b.held = nil, 0
}

// grow moves the body into room for size bytes.
func (b *Body) grow(size int64) error {
	if !b.pool.take(size) {
		return ErrBusy
	}
	larger := make([]byte, len(b.Bytes), size)
	copy(larger, b.Bytes)
	b.pool.give(b.held)
	b.Bytes, b.held = larger, size
	return nil
}

func (p *Pool) give(n int64) {
	if p != nil {
		p.held.Add(-n)
	}
}

// Read reads the whole body of r, of at most most bytes, into memory or, where that is too small, into
// more. Memory is taken as bytes arrive, never as a length promises, so that holding it costs its sender
// at least half as many bytes. A body that arrives too slowly is refused with ErrSlow.
func (p *Pool) Read(w http.ResponseWriter, r *http.Request, memory []byte, most int64) (Body, error) {
	length := r.ContentLength
	switch {
	case length > most:
		return Body{}, &TooLargeError{most, length}
	case length == 0:
		return Body{Bytes: memory[:0]}, nil
	}
	if !p.take(int64(cap(memory))) {
		return Body{}, ErrBusy
	}
	b := Body{Bytes: memory[:0], pool: p, held: int64(cap(memory))}
	if err := b.readBytes(w, r.Body, length, most); err != nil {
		b.Free()
		return Body{}, err
	}
	return b, nil
}

// readBytes reads what length, or with -1 nothing, is known of.
func (b *Body) readBytes(w http.ResponseWriter, from io.Reader, length, most int64) error {
	room := most + 1 // one more byte shows that there are too many
	if length >= 0 {
		room = length
	}
	pace := pace{http.NewResponseController(w), time.Now(), 0}
	if err := pace.allow(0); err != nil {
		return err
	}
	for have := int64(len(b.Bytes)); ; have = int64(len(b.Bytes)) {
		if have > most {
			return &TooLargeError{most, -1}
		}
		if have == length {
			break
		}
		if have == int64(cap(b.Bytes)) {
			if err := b.grow(min(max(2*have, firstPiece), room)); err != nil {
				return err
			}
		}
		n, err := from.Read(b.Bytes[have:min(int64(cap(b.Bytes)), room)])
		b.Bytes = b.Bytes[:have+int64(n)]
		if err == io.EOF {
			break
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return ErrSlow
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrShort, err)
		}
		if err := pace.allow(have + int64(n)); err != nil {
			return err
		}
	}
	switch have := int64(len(b.Bytes)); {
	case have > most:
		return &TooLargeError{most, -1}
	case have < length:
		return ErrShort
	}
	return pace.end()
}

// pace gives a body time in proportion to what has arrived of it, and never more than grace for what comes
// next.
type pace struct {
	control *http.ResponseController
	began   time.Time
	next    int64 // at how many bytes there is more time
}

func (p *pace) allow(arrived int64) error {
	if arrived < p.next {
		return nil
	}
	p.next = arrived + leastRate
	paced, silent := p.began.Add(grace+time.Duration(arrived)*time.Second/leastRate), time.Now().Add(grace)
	if silent.Before(paced) {
		paced = silent
	}
	return p.until(paced)
}

// end lifts the deadline: the server sets its own for the next request.
func (p *pace) end() error { return p.until(time.Time{}) }

func (p *pace) until(t time.Time) error {
	if err := p.control.SetReadDeadline(t); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return fmt.Errorf("%w: %w", ErrShort, err)
	}
	return nil
}

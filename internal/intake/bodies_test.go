package intake_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/lanyard/lanyard/internal/intake"
)

// Whatever a body does, it is read whole or not at all, and gives its memory back.
func TestRead(t *testing.T) {
	const most = 300_000
	for _, memory := range [][]byte{nil, make([]byte, 0, 100), make([]byte, 7, 1<<20)} {
		for _, n := range []int{most, 0, 1, 511, 512, 4095, 4096, 4097, 64<<10 - 1, 64 << 10, 64<<10 + 1, most + 1,
			most - 1} {
			sent := strings.Repeat("0123456789", n/10+1)[:n]
			for _, tt := range []struct {
				name   string
				body   io.Reader
				length int64
				says   string
			}{
				{"length said", strings.NewReader(sent), int64(n), ""},
				{"length not said", strings.NewReader(sent), -1, ""},
				{"bit by bit", iotest.HalfReader(strings.NewReader(sent)), -1, ""},
				{"end with the last byte", iotest.DataErrReader(strings.NewReader(sent)), int64(n), ""},
				{"less than was said", strings.NewReader(sent), int64(n) + 1, "the request body ended early"},
				{"interrupted", io.MultiReader(strings.NewReader(sent), iotest.ErrReader(io.ErrUnexpectedEOF)), -1,
					"the request body ended early: unexpected EOF"},
				{"too slow", io.MultiReader(strings.NewReader(sent), iotest.ErrReader(os.ErrDeadlineExceeded)), -1,
					intake.ErrSlow.Error()},
			} {
				if n > most && tt.length < 0 {
					tt.says = "the request body must be at most 300000 bytes, got more"
				} else if tt.length > most {
					tt.says = fmt.Sprintf("the request body must be at most 300000 bytes, got %d bytes", tt.length)
				}
				pool := &intake.Pool{Bytes: 2 << 20}
				r := &http.Request{Body: io.NopCloser(tt.body), ContentLength: tt.length}
				got, err := pool.Read(httptest.NewRecorder(), r, memory, most)
				if err != nil && err.Error() != tt.says || err == nil && (tt.says != "" || string(got.Bytes) != sent) {
					t.Errorf("%d bytes, %s: reads %d, %v, want %q", n, tt.name, len(got.Bytes), err, tt.says)
				}
				if held := pool.Held(); held > max(2*int64(n), 4096, int64(cap(memory))) {
					t.Errorf("%d bytes, %s: takes %d", n, tt.name, held)
				}
				got.Free()
				got.Free()
				if pool.Held() != 0 {
					t.Errorf("%d bytes, %s: keeps %d", n, tt.name, pool.Held())
				}
			}
		}
	}
}

// Bodies take of the pool what has arrived of them, whatever they promise, and no more than there is.
func TestPool(t *testing.T) {
	pool := &intake.Pool{Bytes: 72 << 10} // growing to 16 KiB takes 8 KiB more for a moment
	read := func(arrived, length int) (intake.Body, error) {
		body := io.MultiReader(strings.NewReader(strings.Repeat("x", arrived)),
			strings.NewReader(strings.Repeat("y", length-arrived)))
		return pool.Read(httptest.NewRecorder(), &http.Request{Body: io.NopCloser(body), ContentLength: int64(length)}, nil,
			1<<20)
	}
	var held []intake.Body
	for range 4 {
		b, err := read(1, 16<<10)
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, b)
	}
	if _, err := read(1, 8<<10); !errors.Is(err, intake.ErrBusy) {
		t.Errorf("beyond the pool: %v", err)
	}
	if pool.Held() != 64<<10 {
		t.Errorf("%d bytes are held", pool.Held())
	}
	held[0].Free()
	if b, err := read(1, 8<<10); err != nil {
		t.Errorf("once there is room: %v", err)
	} else {
		b.Free()
	}
	if _, err := read(1, 1<<20); !errors.Is(err, intake.ErrBusy) || pool.Held() != 48<<10 {
		t.Errorf("a body that does not fit: %v, %d bytes are held", err, pool.Held())
	}
	silent, _ := io.Pipe()
	go pool.Read(httptest.NewRecorder(), &http.Request{Body: silent, ContentLength: 1 << 20}, nil, 1<<20)
	for pool.Held() == 48<<10 {
		time.Sleep(time.Millisecond)
	}
	if pool.Held() != 52<<10 {
		t.Errorf("a promise of 1 MiB takes %d bytes", pool.Held()-48<<10)
	}
	silent.Close()
	var unbounded *intake.Pool
	if b, err := unbounded.Read(httptest.NewRecorder(), httptest.NewRequest("POST", "/", strings.NewReader("all")), nil,
		9); err != nil || string(b.Bytes) != "all" || unbounded.Held() != 0 {
		t.Errorf("without a pool: %q, %v", b.Bytes, err)
	}
}

//go:build unix

package postgres

import (
	"bytes"
	"errors"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/lanyard/lanyard/internal/idleconn"
	"github.com/lanyard/lanyard/internal/store/postgres/pgtest"
)

// startReading reads from a connection in the background, and returns when that waits for something to arrive.
func startReading(t *testing.T, ours, _ net.Conn) {
	go ours.Read(make([]byte, 1))
	pgtest.Await(t, "a goroutine that reads", func() error {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		for goroutine := range bytes.SplitSeq(stacks, []byte("\n\n")) {
			if bytes.Contains(goroutine, []byte("[IO wait")) && bytes.Contains(goroutine, []byte("startReading")) {
				return nil
			}
		}
		return errors.New("none waits")
	})
}

// still returns at once, also while somebody reads from the connection, and notices a word from the other side, or its
// end.
func TestStill(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, ours, theirs net.Conn)
		want bool
	}{
		{"idle", func(*testing.T, net.Conn, net.Conn) {}, true},
		{"somebody reads", startReading, true},
		{"a word", func(_ *testing.T, _, theirs net.Conn) { theirs.Write([]byte("x")) }, false},
		{"the end", func(_ *testing.T, _, theirs net.Conn) { theirs.Close() }, false},
		{"closed here", func(_ *testing.T, ours, _ net.Conn) { ours.Close() }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ours, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer ours.Close()
			theirs, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			defer theirs.Close()
			tt.do(t, ours, theirs)
			returned := make(chan bool, 1)
			go func() {
				// What was sent may take a moment to arrive.
				for began := time.Now(); idleconn.Still(ours) != tt.want && time.Since(began) < 2*time.Second; {
				}
				returned <- idleconn.Still(ours)
			}()
			select {
			case got := <-returned:
				if got != tt.want {
					t.Errorf("still: %t, want %t", got, tt.want)
				}
			case <-time.After(5 * time.Second):
				t.Error("it waits")
			}
		})
	}
}

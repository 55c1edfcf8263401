//go:build unix

package postgres

import (
	"net"
	"testing"
	"time"
)

// Whether a connection is still is told at once, also while somebody reads from it; a word from the other
// side, or its end, is noticed.
func TestStill(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, tt := range []struct {
		name string
		do   func(ours, theirs net.Conn)
		want bool
	}{
		{"idle", func(_, _ net.Conn) {}, true},
		{"somebody reads", func(ours, _ net.Conn) { go ours.Read(make([]byte, 1)) }, true},
		{"a word", func(_, theirs net.Conn) { theirs.Write([]byte("x")) }, false},
		{"the end", func(_, theirs net.Conn) { theirs.Close() }, false},
		{"closed here", func(ours, _ net.Conn) { ours.Close() }, false},
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
			tt.do(ours, theirs)
			time.Sleep(50 * time.Millisecond) // until it has come, or is being read
			told := make(chan bool, 1)
			go func() { told <- still(ours) }()
			select {
			case got := <-told:
				if got != tt.want {
					t.Errorf("still: %t, want %t", got, tt.want)
				}
			case <-time.After(5 * time.Second):
				t.Error("it waits")
			}
		})
	}
}

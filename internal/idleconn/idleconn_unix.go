//go:build unix

// Package idleconn looks whether an idle connection can be used again. It neither keeps connections nor closes them.
package idleconn

import (
	"net"
	"syscall"
)

// Still reports whether nothing has arrived on an idle connection: neither its end, nor a message that announces it,
// nor an answer that nobody asked for. It is one system call and does not wait, because a goroutine may be reading
// until the next answer comes. A connection that is not still cannot be used any more.
func Still(c net.Conn) bool {
	if over, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
		c = over.NetConn()
	}
	sc, ok := c.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	nothing := false
	err = raw.Control(func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		nothing = err == syscall.EAGAIN || err == syscall.EINTR
	})
	return err == nil && nothing
}

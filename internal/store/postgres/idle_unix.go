//go:build unix

package postgres

import (
	"net"
	"syscall"
)

// still tells that nothing has come over a connection that nobody waits for: neither its end, nor a word
// of the server, which would be a farewell. It takes a system call, and does not wait: pgx may have left
// somebody reading who is there until the next answer comes. A connection that is not still is of no use
// any more.
func still(c net.Conn) bool {
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

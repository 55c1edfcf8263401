package intake

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Conns bounds the connections of a server. When there are too many it closes the one that has waited
// for its client for the longest: to send a request, the rest of one, or to take an answer. Only when
// every connection is busy with a request do new ones wait, and then some more are taken for whoever
// asks how the server is. Set the fields first; it must not be copied.
type Conns struct {
	Most       int // connections at a time
	PerAddress int // of one IPv4 address or IPv6 /64 network; 0: no bound. Loopback addresses have none
	Reserve    int // beyond Most, for requests that Vital reports
	// Vital reports whether a request is answered on a reserved connection.
	Vital func(*http.Request) bool

	mu      sync.Mutex
	open    map[*conn]struct{}
	from    map[netip.Prefix]int
	closed  bool
	waiting atomic.Bool   // whether Accept waits for room
	room    chan struct{} // gets a value when there may be
}

// conn is a connection and what it is doing.
type conn struct {
	net.Conn
	conns    *Conns
	from     netip.Prefix // not valid: not counted
	reserved bool
	busy     atomic.Int32 // requests that the server works on, and does not wait for the client
	since    atomic.Int64 // when it last began to wait, in nanoseconds
}

// Listen returns a listener whose connections are bounded. Shutting it down is l's.
func (c *Conns) Listen(l net.Listener) net.Listener {
	c.open, c.from, c.room = map[*conn]struct{}{}, map[netip.Prefix]int{}, make(chan struct{}, 1)
	return &listener{l, c}
}

type listener struct {
	net.Listener
	conns *Conns
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		inner, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if c := l.conns.admit(inner); c != nil {
			return c, nil
		}
		inner.Close()
	}
}

func (l *listener) Close() error {
	l.conns.mu.Lock()
	l.conns.closed = true
	l.conns.mu.Unlock()
	l.conns.wake()
	return l.Listener.Close()
}

// admit makes room for a connection, waiting for it if it must. It returns nil for one that its address
// may not have, or when the listener closes.
func (c *Conns) admit(inner net.Conn) *conn {
	n := &conn{Conn: inner, conns: c}
	n.since.Store(time.Now().UnixNano())
	if a, err := netip.ParseAddrPort(inner.RemoteAddr().String()); err == nil && !a.Addr().Unmap().IsLoopback() {
		n.from = network(a.Addr())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.PerAddress > 0 && n.from.IsValid() && c.from[n.from] >= c.PerAddress && !c.evict(n.from) {
		return nil
	}
	for !c.closed && len(c.open) >= c.Most && !c.evict(netip.Prefix{}) {
		if len(c.open) < c.Most+c.Reserve {
			n.reserved = true
			break
		}
		c.wait()
	}
	if c.closed {
		return nil
	}
	c.open[n] = struct{}{}
	c.from[n.from]++
	return n
}

// wait lets go of the lock until there may be room. The pause bounds what a missed signal costs.
func (c *Conns) wait() {
	c.waiting.Store(true)
	c.mu.Unlock()
	pause := time.NewTimer(100 * time.Millisecond)
	select {
	case <-c.room:
	case <-pause.C:
	}
	pause.Stop()
	c.mu.Lock()
	c.waiting.Store(false)
}

func (c *Conns) wake() {
	select {
	case c.room <- struct{}{}:
	default:
	}
}

// evict closes the connection that has waited for its client for the longest, of one network if that is
// valid, and reports whether there was one.
func (c *Conns) evict(from netip.Prefix) bool {
	var oldest *conn
	for n := range c.open {
		if n.busy.Load() > 0 || from.IsValid() && n.from != from {
			continue
		}
		if oldest == nil || n.since.Load() < oldest.since.Load() {
			oldest = n
		}
	}
	if oldest == nil {
		return false
	}
	c.forget(oldest)
	oldest.Conn.Close()
	return true
}

// forget drops a connection that is closed. It may be called again.
func (c *Conns) forget(n *conn) {
	if _, ok := c.open[n]; !ok {
		return
	}
	delete(c.open, n)
	if c.from[n.from]--; c.from[n.from] == 0 {
		delete(c.from, n.from)
	}
}

func (n *conn) Close() error {
	n.conns.mu.Lock()
	n.conns.forget(n)
	n.conns.mu.Unlock()
	n.conns.wake()
	return n.Conn.Close()
}

// CloseWrite lets the server end an answer without a reset that the client may see before it.
func (n *conn) CloseWrite() error {
	if half, ok := n.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Write counts as waiting: the client may not be reading.
func (n *conn) Write(b []byte) (int, error) {
	n.idle()
	defer n.busy.Add(1)
	return n.Conn.Write(b)
}

// idle notes that one request fewer is worked on.
func (n *conn) idle() {
	n.since.Store(time.Now().UnixNano())
	if n.busy.Add(-1) <= 0 && n.conns.waiting.Load() {
		n.conns.wake()
	}
}

// network is what a client is counted as.
func network(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits) // the number of bits fits
	return p
}

type connKey struct{}

// Context is the ConnContext of the server.
func (c *Conns) Context(ctx context.Context, n net.Conn) context.Context {
	if t, ok := n.(*tls.Conn); ok {
		n = t.NetConn()
	}
	return context.WithValue(ctx, connKey{}, n)
}

// Handler answers with next, and notes for which connections the server is at work. On reserved
// connections all but vital requests are answered with 503.
func (c *Conns) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, ok := r.Context().Value(connKey{}).(*conn)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		if n.reserved {
			w.Header().Set("Connection", "close")
			if !c.Vital(r) {
				w.Header().Set("Retry-After", "1")
				http.Error(w, "the server has as many connections as it may", http.StatusServiceUnavailable)
				return
			}
		}
		n.busy.Add(1)
		defer n.idle()
		if r.ContentLength != 0 {
			r.Body = &body{r.Body, n}
		}
		next.ServeHTTP(w, r)
	})
}

// body notes that the server waits for the client while it reads.
type body struct {
	io.ReadCloser
	conn *conn
}

func (b *body) Read(p []byte) (int, error) {
	b.conn.idle()
	defer b.conn.busy.Add(1)
	return b.ReadCloser.Read(p)
}

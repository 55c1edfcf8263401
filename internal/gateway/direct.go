//go:build unix

package gateway

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/lanyard/lanyard/internal/idleconn"
)

// A direct is an http.RoundTripper that writes a request and reads its answer in the goroutine of the caller. That of
// net/http hands both to goroutines of the connection, which costs some 40 µs when processors are idle and have to be
// woken. Whatever is not a small request by plain HTTP it leaves to other.
type direct struct {
	other  *http.Transport
	dialer net.Dialer
	mu     sync.Mutex
	idle   []*directConn // the one that was used last is last
}

// Bounds of direct.
const (
	maxDirectBody    = 32 << 10 // of a request: a larger one may have to be answered while it is written
	maxDirectHeader  = 64 << 10 // of an answer
	maxDirectIdle    = 512
	directIdleTime   = 90 * time.Second
	maxInformational = 5 // answers before the final one
)

func newRoundTripper(other *http.Transport, dialer net.Dialer) http.RoundTripper {
	return &direct{other: other, dialer: dialer}
}

// A directConn is a connection that answers one request at a time.
type directConn struct {
	net.Conn
	in   *io.LimitedReader
	r    *bufio.Reader
	used time.Time
}

// RoundTrip implements http.RoundTripper.
func (d *direct) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme != "http" || req.ContentLength < 0 || req.ContentLength > maxDirectBody {
		return d.other.RoundTrip(req)
	}
	if proxy, err := http.ProxyFromEnvironment(req); proxy != nil || err != nil {
		return d.other.RoundTrip(req)
	}
	ctx := req.Context()
	c, err := d.take(ctx, req)
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	resp, err := c.exchange(req)
	if err != nil {
		stop()
		_ = c.Close()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	resp.Body = &directBody{body: resp.Body, conn: c, of: d, stop: stop, keep: !resp.Close && !req.Close}
	return resp, nil
}

// exchange writes a request and reads the head of its answer.
func (c *directConn) exchange(req *http.Request) (*http.Response, error) {
	if err := req.Write(c.Conn); err != nil {
		return nil, err
	}
	c.in.N = maxDirectHeader
	for range maxInformational {
		resp, err := http.ReadResponse(c.r, req)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode >= 200 {
			c.in.N = math.MaxInt64 // who reads a body bounds it
			return resp, nil
		}
		if resp.StatusCode == http.StatusSwitchingProtocols {
			break
		}
	}
	return nil, errors.New("the answer has no final status")
}

// take returns an idle connection, or a new one.
func (d *direct) take(ctx context.Context, req *http.Request) (*directConn, error) {
	for c := d.pop(); c != nil; c = d.pop() {
		if time.Since(c.used) < directIdleTime && idleconn.Still(c.Conn) {
			return c, nil
		}
		_ = c.Close()
	}
	address := req.URL.Host
	if req.URL.Port() == "" {
		address = net.JoinHostPort(req.URL.Hostname(), "80")
	}
	conn, err := d.dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	in := &io.LimitedReader{R: conn}
	return &directConn{Conn: conn, in: in, r: bufio.NewReader(in)}, nil
}

func (d *direct) pop() *directConn {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.idle) == 0 {
		return nil
	}
	c := d.idle[len(d.idle)-1]
	d.idle = d.idle[:len(d.idle)-1]
	return c
}

// put keeps a connection for the next request.
func (d *direct) put(c *directConn) {
	c.used = time.Now()
	d.mu.Lock()
	full := len(d.idle) >= maxDirectIdle
	if !full {
		d.idle = append(d.idle, c)
	}
	d.mu.Unlock()
	if full {
		_ = c.Close()
	}
}

// CloseIdleConnections closes what no request uses.
func (d *direct) CloseIdleConnections() {
	for c := d.pop(); c != nil; c = d.pop() {
		_ = c.Close()
	}
	d.other.CloseIdleConnections()
}

// A directBody is the body of an answer. The connection is used again only if the body was read to its end, nothing
// follows it, and the request was not cancelled.
type directBody struct {
	body io.Reader
	conn *directConn
	of   *direct
	stop func() bool
	keep bool
	err  error // set once the connection is given back or closed
}

func (b *directBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.body.Read(p)
	if err != nil {
		b.end(err)
	}
	return n, err
}

// Close implements io.Closer. It does not wait for the rest of the body.
func (b *directBody) Close() error {
	if b.err == nil {
		b.end(http.ErrBodyReadAfterClose)
	}
	return nil
}

func (b *directBody) end(err error) {
	b.err = err
	if b.stop() && err == io.EOF && b.keep && b.conn.r.Buffered() == 0 {
		b.of.put(b.conn)
		return
	}
	_ = b.conn.Close()
}

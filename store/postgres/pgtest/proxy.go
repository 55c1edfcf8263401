package pgtest

import (
	"bytes"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// A Proxy stands between a store and its server, and can cut the wire.
type Proxy struct {
	l      net.Listener
	server string
	mode   atomic.Int32

	mu    sync.Mutex
	conns []net.Conn
}

// Mode is what a Proxy does.
type Mode int32

// What a Proxy does with what passes through it.
const (
	Through  Mode = iota
	Deaf          // the next request reaches the server, its answer does not come back
	Mute          // the next request does not reach the server
	Blackout      // nothing passes, and nobody is told
	Shut          // who connects is hung up on; Cut ends the others
)

// NewProxy returns a proxy to the server at a port of this machine, which ends with the test.
func NewProxy(t testing.TB, port int) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{l: l, server: fmt.Sprintf("127.0.0.1:%d", port)}
	var accepting, copying sync.WaitGroup
	accepting.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			if Mode(p.mode.Load()) == Shut {
				client.Close()
				continue
			}
			server, err := net.Dial("tcp", p.server)
			if err != nil {
				client.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, client, server)
			p.mu.Unlock()
			notifies := new(atomic.Bool)
			copying.Go(func() { p.copy(server, client, true, notifies) })
			copying.Go(func() { p.copy(client, server, false, notifies) })
		}
	})
	t.Cleanup(func() { l.Close(); accepting.Wait(); p.Cut(); copying.Wait() })
	return p
}

// Addr is where the proxy listens.
func (p *Proxy) Addr() string { return p.l.Addr().String() }

// Set changes what the proxy does.
func (p *Proxy) Set(m Mode) { p.mode.Store(int32(m)) }

// Cut closes every connection.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

// copy carries what comes from one side to the other. The connection of the notifier, which is known
// by its settings, goes through a Deaf or Mute proxy: those are about one request, and it comes at any
// time.
func (p *Proxy) copy(to, from net.Conn, request bool, notifies *atomic.Bool) {
	defer to.Close()
	defer from.Close()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		if request && bytes.Contains(b[:n], []byte("synchronous_commit\x00off")) {
			notifies.Store(true)
		}
		switch mode := Mode(p.mode.Load()); {
		case mode == Blackout:
			continue
		case notifies.Load():
		case mode == Mute && request, mode == Deaf && !request:
			p.Set(Through)
			return
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

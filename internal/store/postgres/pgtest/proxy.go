package pgtest

import (
	"bytes"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// A Proxy stands between a store and the server, and can cut the wire.
type Proxy struct {
	Address string // where it listens
	server  string
	mode    atomic.Int32

	mu       sync.Mutex
	listener net.Listener // nil while it refuses
	conns    []net.Conn
	dark     *atomic.Bool // of the connections there are
	copying  atomic.Int32 // directions in which something is carried, without those of the notifier
	alter    atomic.Pointer[func([]byte) []byte]
}

// A Mode is what a Proxy does with what it should carry.
type Mode int32

const (
	Through  Mode = iota
	Deaf          // the next request reaches the server, its answer does not come back; then Through
	Mute          // the next request does not reach the server; then Through
	Blackout      // nothing passes, and nobody is told
	HalfOpen      // requests pass and answers do not, and nobody is told
	Shut          // who connects is hung up on; Cut ends the others
)

// Proxy starts a proxy before the server's TCP port, gone after the test.
func (s *Server) Proxy(t testing.TB) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Address: l.Addr().String(), server: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)), listener: l,
		dark: new(atomic.Bool)}
	go p.accept(l)
	t.Cleanup(p.Refuse)
	return p
}

// Set says what happens to what comes from now on.
func (p *Proxy) Set(m Mode) { p.mode.Store(int32(m)) }

// Alter has f make other answers of those of the server, up to the first that it changes.
func (p *Proxy) Alter(f func(answer []byte) []byte) { p.alter.Store(&f) }

// Darken has nothing pass on the connections that there are, and tells nobody, as when a firewall on
// the way forgets them. Later ones are not concerned.
func (p *Proxy) Darken() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dark.Store(true)
	p.dark = new(atomic.Bool)
}

// Cut closes every connection.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut()
}

func (p *Proxy) cut() {
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

// AwaitClosed waits until every connection is closed on both sides, except those of the notifier, which come and go.
func (p *Proxy) AwaitClosed(t testing.TB) {
	t.Helper()
	Await(t, "the connections to end", func() error {
		if n := p.copying.Load(); n > 0 {
			return fmt.Errorf("%d directions are open", n)
		}
		return nil
	})
}

// Refuse closes every connection and takes no more of them, until Accept.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		p.listener.Close()
		p.listener = nil
	}
	p.cut()
}

// Accept undoes Refuse.
func (p *Proxy) Accept(t testing.TB) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		return
	}
	l, err := net.Listen("tcp", p.Address)
	if err != nil {
		t.Fatal(err)
	}
	p.listener = l
	go p.accept(l)
}

func (p *Proxy) accept(l net.Listener) {
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
		dark := p.dark
		p.mu.Unlock()
		notifies := new(atomic.Bool)
		p.copying.Add(2)
		go p.copy(server, client, true, notifies, dark)
		go p.copy(client, server, false, notifies, dark)
	}
}

// copy carries what comes from one side to the other. The connection of the notifier, which is known
// by its settings, goes through Deaf and Mute: it is not what these are about, and comes at any time.
func (p *Proxy) copy(to, from net.Conn, request bool, notifies, dark *atomic.Bool) {
	defer func() {
		if !notifies.Load() {
			p.copying.Add(-1)
		}
	}()
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
			p.copying.Add(-2)
		}
		switch mode := Mode(p.mode.Load()); {
		case dark.Load(), mode == Blackout, mode == HalfOpen && !request:
			continue
		case notifies.Load():
		case mode == Mute && request, mode == Deaf && !request:
			p.Set(Through)
			return
		}
		out := b[:n]
		if alter := p.alter.Load(); alter != nil && !request && !notifies.Load() {
			if out = (*alter)(bytes.Clone(b[:n])); !bytes.Equal(out, b[:n]) {
				p.alter.CompareAndSwap(alter, nil)
			}
		}
		if _, err := to.Write(out); err != nil {
			return
		}
	}
}

package intake_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lanyard/lanyard/internal/intake"
)

// from is a listener whose connections come from an address.
type from struct {
	net.Listener
	mu      sync.Mutex
	address string
}

func (f *from) Accept() (net.Conn, error) {
	c, err := f.Listener.Accept()
	f.mu.Lock()
	defer f.mu.Unlock()
	return addressed{c, f.address}, err
}

type addressed struct {
	net.Conn
	address string
}

func (a addressed) RemoteAddr() net.Addr { return named(a.address) }

type named string

func (named) Network() string  { return "tcp" }
func (n named) String() string { return string(n) }

type place struct {
	*testing.T
	*from
	srv    *httptest.Server
	atWork chan struct{} // gets a value when somebody asks for /wait
}

// awaitWork returns once n more connections are at work.
func (p *place) awaitWork(n int) {
	p.Helper()
	for range n {
		select {
		case <-p.atWork:
		case <-time.After(20 * time.Second):
			p.Fatal("nobody asks for /wait")
		}
	}
}

// newPlace serves with bounds; what asks for /wait is answered once the test lets it.
func newPlace(t *testing.T, conns *intake.Conns) (p *place, release chan struct{}) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	release = make(chan struct{})
	p = &place{T: t, from: &from{Listener: l, address: "127.0.0.1:1"}, atWork: make(chan struct{}, 10)}
	conns.Vital = func(r *http.Request) bool { return r.URL.Path == "/health" }
	p.srv = httptest.NewUnstartedServer(conns.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			p.atWork <- struct{}{}
			<-release
		}
		io.Copy(io.Discard, r.Body)
	})))
	p.srv.Listener.Close()
	p.srv.Listener, p.srv.Config.ConnContext = conns.Listen(p.from), conns.Context
	p.srv.Start()
	t.Cleanup(p.srv.Close)
	return p, release
}

// open sends text over a new connection from an address.
func (p *place) open(address, text string) net.Conn {
	p.Helper()
	p.mu.Lock()
	p.address = address
	p.mu.Unlock()
	c, err := net.Dial("tcp", p.Addr().String())
	if err != nil {
		p.Fatal(err)
	}
	p.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(c, text)
	return c
}

// status is what a connection is answered, 0 for nothing.
func status(c net.Conn) int {
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0
	}
	return res.StatusCode
}

func get(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n" }

// The connection that has waited for its client for the longest makes room, and none that is at work.
func TestConnsEvictsTheOldest(t *testing.T) {
	p, release := newPlace(t, &intake.Conns{Most: 3})
	working := p.open("127.0.0.1:1", get("/wait"))
	p.awaitWork(1)
	silent := p.open("127.0.0.1:1", "")
	idle := p.open("127.0.0.1:1", get("/"))
	if got := status(idle); got != 200 {
		t.Fatalf("answers %d", got)
	}
	if got := status(p.open("127.0.0.1:1", get("/"))); got != 200 { // takes the place of the silent one
		t.Errorf("a fourth is answered %d", got)
	}
	if _, err := silent.Read(make([]byte, 1)); err == nil {
		t.Error("the silent one is still open")
	}
	io.WriteString(idle, get("/"))
	if got := status(idle); got != 200 {
		t.Errorf("the one that is idle for less time is answered %d", got)
	}
	close(release)
	if got := status(working); got != 200 {
		t.Errorf("the one at work is answered %d", got)
	}
}

// One address has so many connections, an IPv6 network counts as one, and loopback has no bound.
func TestConnsPerAddress(t *testing.T) {
	for _, tt := range []struct {
		name      string
		addresses []string
		closed    bool // the first
	}{
		{"one address", []string{"192.0.2.1:1", "192.0.2.1:2", "192.0.2.1:3"}, true},
		{"several", []string{"192.0.2.1:1", "192.0.2.1:2", "192.0.2.2:3"}, false},
		{"an IPv6 network", []string{"[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::3]:1"}, true},
		{"several IPv6 networks", []string{"[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8:0:1::3]:1"}, false},
		{"loopback", []string{"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"}, false},
		{"loopback, IPv6", []string{"[::1]:1", "[::1]:2", "[::1]:3"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, _ := newPlace(t, &intake.Conns{Most: 100, PerAddress: 2})
			var all []net.Conn
			for _, a := range tt.addresses {
				c := p.open(a, get("/"))
				if got := status(c); got != 200 {
					t.Fatalf("%s is answered %d", a, got)
				}
				all = append(all, c)
			}
			io.WriteString(all[0], get("/"))
			if got := status(all[0]); (got == 0) != tt.closed {
				t.Errorf("the first is answered %d", got)
			}
		})
	}
	t.Run("all at work", func(t *testing.T) {
		p, release := newPlace(t, &intake.Conns{Most: 100, PerAddress: 1})
		working := p.open("192.0.2.1:1", get("/wait"))
		p.awaitWork(1)
		if got := status(p.open("192.0.2.1:2", get("/"))); got != 0 {
			t.Errorf("one more of the address is answered %d", got)
		}
		if got := status(p.open("192.0.2.2:1", get("/"))); got != 200 {
			t.Errorf("another address is answered %d", got)
		}
		close(release)
		if got := status(working); got != 200 {
			t.Errorf("the one at work is answered %d", got)
		}
	})
}

// While all are at work a few more are taken, for what is vital; then others wait until there is room.
func TestConnsReserve(t *testing.T) {
	p, release := newPlace(t, &intake.Conns{Most: 2, Reserve: 1})
	working := []net.Conn{p.open("127.0.0.1:1", get("/wait")),
		p.open("127.0.0.1:1", strings.Replace(get("/wait"), "GET", "POST", 1))}
	p.awaitWork(2)
	for path, want := range map[string]int{"/health": 200, "/": 503} {
		c := p.open("127.0.0.1:1", get(path))
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || res.StatusCode != want || !res.Close || want == 503 && res.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %v, %v", path, res, err)
		}
		if n, err := c.Read(make([]byte, 1)); err == nil {
			t.Errorf("%s: the connection goes on with %d bytes", path, n)
		}
	}
	close(release)
	for _, c := range working {
		if got := status(c); got != 200 {
			t.Errorf("one at work is answered %d", got)
		}
	}
	if got := status(p.open("127.0.0.1:1", get("/"))); got != 200 {
		t.Errorf("afterwards one is answered %d", got)
	}
}

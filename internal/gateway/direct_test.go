//go:build unix

package gateway

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lanyard/lanyard/internal/idleconn"
)

// serveRaw answers each request with the next of answers, as they are. It counts the connections.
func serveRaw(t *testing.T, answers ...string) (url string, connections *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	connections = new(atomic.Int64)
	next := make(chan string, len(answers))
	for _, a := range answers {
		next <- a
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			go func() {
				defer c.Close()
				r := bufio.NewReader(c)
				for {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					io.Copy(io.Discard, req.Body)
					io.WriteString(c, <-next)
				}
			}()
		}
	}()
	return "http://" + l.Addr().String(), connections
}

// Connections are used again where nothing can be mistaken for the answer to the next request, and nowhere else.
func TestDirect(t *testing.T) {
	const one, two = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo"
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n0\r\n\r\n"
	for _, tt := range []struct {
		name        string
		first       string
		readNothing bool // of the first answer's body
		body, err   string
		connections int64
	}{
		{"a length", one, false, "one", "", 1},
		{"chunks", chunked, false, "one", "", 1},
		{"no body", "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", false, "", "", 1},
		{"an interim answer", "HTTP/1.1 103 Early Hints\r\n\r\n" + one, false, "one", "", 1},
		{"a body that is not read", one, true, "", "", 2},
		{"an answer too many", one + "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfalse", false, "one", "", 2},
		{"the end of the connection", "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\none", false,
			"one", "", 2},
		{"an old server", "HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\none", false, "one", "", 2},
		{"no HTTP", "nonsense\r\n\r\n", false, "", "malformed HTTP", 2},
		{"headers without end", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 70<<10) + "\r\n\r\n", false, "", "EOF", 2},
		{"interim answers without end", strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 10), false, "", "no final status", 2},
		{"another protocol", "HTTP/1.1 101 Switching Protocols\r\n\r\n", false, "", "no final status", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url, connections := serveRaw(t, tt.first, two)
			client := newClient()
			defer client.CloseIdleConnections()
			post := func() (*http.Response, error) { return client.Post(url, "application/json", strings.NewReader("{}")) }
			resp, err := post()
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("got %v, want %s", err, tt.err)
				}
			} else {
				if err != nil {
					t.Fatal(err)
				}
				if !tt.readNothing {
					if body, err := io.ReadAll(resp.Body); err != nil || string(body) != tt.body {
						t.Errorf("got %q, %v, want %q", body, err, tt.body)
					}
				}
				resp.Body.Close()
			}
			if resp, err = post(); err != nil {
				t.Fatal(err)
			}
			if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "two" {
				t.Errorf("the next answer is %q, %v", body, err)
			}
			resp.Body.Close()
			if n := connections.Load(); n != tt.connections {
				t.Errorf("%d connections, want %d", n, tt.connections)
			}
		})
	}
}

// A request that is given up ends, and its connection with it, whether it waits for the answer or for its rest.
func TestDirectIsCancelled(t *testing.T) {
	for _, sent := range []string{"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome"} {
		url, connections := serveRaw(t, sent, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\ntwo")
		client := newClient()
		defer client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err == nil {
			_, err = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		if err == nil || ctx.Err() == nil {
			t.Errorf("%q: got no error, or too early", sent)
		}
		if sent == "" && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if resp, err = client.Post(url, "application/json", strings.NewReader("{}")); err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if n := connections.Load(); n != 2 {
			t.Errorf("%d connections, want 2", n)
		}
	}
}

// An idle connection on which something arrives is not used again: it would be taken for the next answer.
func TestDirectNoticesWhatNobodyAsked(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"
	url, connections := serveRaw(t, head+"one", head+"two")
	client := newClient()
	defer client.CloseIdleConnections()
	d := client.Transport.(*direct)
	for _, want := range []string{"one", "two"} {
		resp, err := client.Post(url, "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(resp.Body); err != nil || string(body) != want {
			t.Errorf("got %q, %v, want %q", body, err, want)
		}
		resp.Body.Close()
		if want == "one" {
			ours, theirs := tcpPair(t)
			io.WriteString(theirs, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfalse")
			for began := time.Now(); idleconn.Still(ours) && time.Since(began) < 10*time.Second; {
				time.Sleep(time.Millisecond)
			}
			in := &io.LimitedReader{R: ours}
			d.put(&directConn{Conn: ours, in: in, r: bufio.NewReader(in)})
		}
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func tcpPair(t *testing.T) (ours, theirs net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if ours, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if theirs, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}

package postgres

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// Another machine is sent nothing in clear text unless the URL says so.
func TestFallsBackToPlainTextOnlyHere(t *testing.T) {
	t.Setenv("PGSSLMODE", "")
	for _, tt := range []struct {
		name, url string
		want      int // ways that are plain text
	}{
		{"this machine", "postgres://u@127.0.0.1/db", 1},
		{"this machine by name", "postgres://u@localhost/db", 1},
		{"IPv6 loopback", "postgres://u@/db?host=::1", 1},
		{"another", "postgres://u@db.example/db", 0},
		{"several", "postgres://u@one.example,two.example/db", 0},
		{"one of them here", "postgres://u@one.example,127.0.0.1/db", 1},
		{"as it says", "postgres://u@db.example/db?sslmode=prefer", 1},
		{"without, as it says", "postgres://u@db.example/db?sslmode=disable", 1},
		{"verified", "postgres://u@db.example/db?sslmode=verify-full", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			config, err := parseURL(&Config{URL: tt.url})
			if err != nil {
				t.Fatal(err)
			}
			plain := 0
			if config.TLSConfig == nil {
				plain++
			}
			for _, f := range config.Fallbacks {
				if f.TLSConfig == nil {
					plain++
				}
			}
			if plain != tt.want {
				t.Errorf("%d ways are plain text, want %d", plain, tt.want)
			}
		})
	}
}

// A server elsewhere, or whoever is in between, that says it has no TLS learns no more.
func TestNoTLSElsewhere(t *testing.T) {
	t.Setenv("PGSSLMODE", "")
	l, err := net.Listen("tcp4", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	host := ""
	for _, a := range addresses {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && !n.IP.IsLoopback() {
			host = n.IP.String()
		}
	}
	if host == "" {
		t.Skip("this machine has no address but loopback")
	}
	more := make(chan string, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		io.ReadFull(c, make([]byte, 8)) // the request for TLS
		c.Write([]byte("N"))
		rest, _ := io.ReadAll(c)
		more <- string(rest)
	}()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, err = Open(ctx, Config{URL: "postgres://u:hunter2@" + net.JoinHostPort(host, port) + "/db"})
	if err == nil || !strings.Contains(err.Error(), "sslmode=disable") {
		t.Errorf("says %v, want what to do", err)
	}
	if rest := <-more; rest != "" {
		t.Errorf("it was sent %q", rest)
	}
}

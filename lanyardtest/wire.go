package lanyardtest

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/lanyard/lanyard/internal/frontends"
)

const (
	loopback = "127.0.0.1:0"
	// endpoint is where requests over Transport seem to go. The name means this machine, and nobody else can have it.
	endpoint = "http://lanyard.localhost"
)

// A wire connects clients with the server: by pipes in memory and, once somebody has asked for a URL, by a port.
type wire struct {
	handler http.Handler

	mu     sync.Mutex
	server *http.Server     // of the pipes; nil until the first use
	pipes  *pipes           // on which it listens
	over   *http.Transport  // that connects to it
	port   *httptest.Server // nil until the first use
	closed bool
}

func newWire(h http.Handler) *wire { return &wire{handler: h} }

var errClosed = errors.New("the server has ended with its test")

// transport returns what connects clients by pipes.
func (w *wire) transport() (*http.Transport, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, errClosed
	}
	if w.over == nil {
		w.pipes = &pipes{offered: make(chan net.Conn), closed: make(chan struct{})}
		w.over = &http.Transport{DialContext: w.pipes.dial, DialTLSContext: w.pipes.dial, DisableCompression: true,
			MaxIdleConnsPerHost: 16}
		w.server = &http.Server{Handler: w.handler}
		go w.server.Serve(w.pipes) // until it is closed, which is its only error
	}
	return w.over, nil
}

// url returns the URL of the port.
func (w *wire) url() (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return "", errClosed
	}
	if w.port == nil {
		w.port = httptest.NewServer(w.handler)
	}
	return w.port.URL, nil
}

func (w *wire) close() (err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.over != nil {
		w.over.CloseIdleConnections()
		err = w.server.Close()
	}
	if w.port != nil {
		w.port.CloseClientConnections()
		w.port.Close()
	}
	return err
}

// pipes is a net.Listener whose connections are pipes in memory.
type pipes struct {
	offered chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.offered <- server:
		return client, nil
	case <-p.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.offered:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// inProcess sends every request to the server, wherever it seems to go.
type inProcess struct {
	wire   *wire
	signed bool // the name of the host is among what is signed
}

func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	over, err := t.wire.transport()
	if err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	if name := r.URL.Hostname(); !t.signed && !frontends.IsLoopback(net.JoinHostPort(name, "1")) {
		r = r.Clone(r.Context())
		r.Host = "lanyard.localhost"
	}
	return over.RoundTrip(r)
}

// Transport returns an http.RoundTripper that sends every request to the server in memory, whatever host and port its
// URL has.
func (s *Server) Transport() http.RoundTripper { return inProcess{s.wire, s.signed} }

// Client returns an HTTP client with that Transport.
func (s *Server) Client() *http.Client { return &http.Client{Transport: s.Transport()} }

// URL returns the address of the server for clients that need a port, on this machine only. The first call opens it.
func (s *Server) URL() string {
	s.t.Helper()
	url, err := s.wire.url()
	s.must("listen", err)
	return url
}

// AWSConfig returns what clients of aws-sdk-go-v2 take, such as connect.NewFromConfig: they call the server in memory.
// A client in another process needs URL as its BaseEndpoint instead.
//
// Clients retry as they do with Amazon Connect, three attempts by default. In tests of throttling, set RetryMaxAttempts
// to 1 to see each failure.
func (s *Server) AWSConfig() aws.Config {
	key := aws.Credentials{AccessKeyID: s.Account, SecretAccessKey: "test", Source: "lanyardtest"}
	if s.signed {
		root := s.world.RootKey()
		key.AccessKeyID, key.SecretAccessKey = root.ID, root.Secret
	}
	return aws.Config{Region: s.Region, HTTPClient: s.Client(), BaseEndpoint: aws.String(endpoint),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return key, nil })}
}

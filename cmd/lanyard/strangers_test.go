package main

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// peak is the most memory that a process has had, in bytes, or 0 where nobody tells.
func (s *server) peak() int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return kib << 10
}

// endless is a body that stops just before its end until it is closed.
type endless struct {
	left  int64
	over  chan struct{}
	close func()
}

func newEndless(size int64) *endless {
	over := make(chan struct{})
	return &endless{size, over, sync.OnceFunc(func() { close(over) })}
}

func (e *endless) Close() error {
	e.close()
	return nil
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		<-e.over
		return 0, errors.New("closed")
	}
	n := int(min(e.left, int64(len(p))))
	clear(p[:n])
	e.left -= int64(n)
	return n, nil
}

// flood sends a request many times over connections of client, each with all but the last byte of its body,
// and counts the answers by status. 0 is none.
func flood(ctx context.Context, client *http.Client, proto *http.Request, length int64, times int) func() map[int]int {
	var mu sync.Mutex
	var wg sync.WaitGroup
	got := map[int]int{}
	for range times {
		wg.Go(func() {
			ctx, stop := context.WithTimeout(ctx, 30*time.Second)
			defer stop()
			r := proto.Clone(ctx)
			r.Body, r.ContentLength, r.GetBody = newEndless(length-1), length, nil
			status := 0
			if res, err := client.Do(r); err == nil {
				if status = res.StatusCode; status == 503 && res.Header.Get("Retry-After") == "" {
					status = -503
				}
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
			mu.Lock()
			defer mu.Unlock()
			got[status]++
		})
	}
	return func() map[int]int { wg.Wait(); return got }
}

// TestStrangersTakeLittleMemory expects that clients without a key hold next to no memory of the server, and those
// that claim one, all together, no more than the budget; over HTTP/2 too. In the meantime callers are answered, if
// only with 503, and afterwards as usual.
func TestStrangersTakeLittleMemory(t *testing.T) {
	cert, key := selfSigned(t)
	const budget, length, times = 16 << 20, 4 << 20, 60
	for _, tt := range []struct {
		name, method, path string
		header             map[string]string
		signed             bool
		statuses           []int // that may be answered
		must               int   // that is answered to somebody
		most               int64 // of memory
	}{
		{"nobody", "POST", "/search-users", nil, false, []int{403}, 403, 64 << 20},
		{"a key that is unknown", "PUT", "/contact-flow-modules/x",
			map[string]string{"Authorization": "AWS4-HMAC-SHA256 Credential=AKIANOBODY0000000000/20260101/us-east-1/connect/aws4_request, SignedHeaders=host;x-amz-date, Signature=" +
				strings.Repeat("0", 64), "X-Amz-Date": "20260101T000000Z"}, false, []int{403}, 403, 64 << 20},
		{"a token that is nonsense", "POST", "/access/v1/evaluation", map[string]string{"Authorization": "Bearer nonsense"},
			false, []int{401}, 401, 64 << 20},
		{"a decision of nobody", "POST", "/access/v1/evaluation", nil, false, []int{401}, 401, 64 << 20},
		{"management of nobody", "POST", "/lanyard/v1/keys", nil, false, []int{403}, 403, 64 << 20},
		{"the console of nobody", "POST", "/console/api/overview", map[string]string{"Content-Type": "application/json"},
			false, []int{401}, 401, 64 << 20},
		{"a signature that will not match", "PUT", "/contact-flow-modules/x", nil, true, []int{0, 400, 503}, 503, 3*budget +
			64<<20},
		{"a decision that will not be signed", "POST", "/access/v1/evaluation", nil, true, []int{0, 400, 503}, 503, 3*budget +
			64<<20},
		{"far too large", "PUT", "/security-profiles/x", nil, true, []int{400}, 400, 64 << 20},
	} {
		for _, http2 := range []bool{false, true} {
			name := tt.name
			if http2 {
				name += ", HTTP/2"
			}
			t.Run(name, func(t *testing.T) {
				args := []string{fmt.Sprintf("--body-memory=%d", budget)}
				if http2 {
					args = append(args, "--tls-cert="+cert, "--tls-key="+key)
				}
				s := start(t, built(t, ""), t.TempDir(), args...).ready()
				client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
					ForceAttemptHTTP2: http2}}
				s.client.Transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
				defer client.CloseIdleConnections()
				if err := s.get("GET", "/instance", "", nil); err != nil {
					t.Fatal(err)
				}
				r, err := http.NewRequest(tt.method, s.url+tt.path, nil)
				if tt.signed {
					r, err = s.request(tt.method, tt.path, strings.Repeat("x", length))
				}
				if err != nil {
					t.Fatal(err)
				}
				for name, value := range tt.header {
					r.Header.Set(name, value)
				}
				before := s.peak()
				ctx, stop := context.WithCancel(t.Context())
				defer stop()
				answers := flood(ctx, client, r, length, times)
				for range 20 { // a proper caller, at the same time
					if err := s.get("PUT", "/instance", `{}`, nil); err != nil && !strings.Contains(err.Error(), "400") &&
						!strings.Contains(err.Error(), "503") {
						t.Errorf("a caller is answered %v", err)
					}
					time.Sleep(20 * time.Millisecond) // the pace, so that the calls come all through the flood
				}
				if _, err := s.newInstance("afterwards"); err != nil {
					if err := until(func() error { _, err := s.newInstance("afterwards"); return err }); err != nil {
						t.Error(err)
					}
				}
				got := answers()
				if got[tt.must] == 0 {
					t.Errorf("nobody is answered %d: %v", tt.must, got)
				}
				for status := range got {
					if refused := http2 && status == 0; !refused && !contains(tt.statuses, status) { // a stream more than there may be
						t.Errorf("answers %v, want %v only", got, tt.statuses)
					}
				}
				if took := s.peak() - before; took > tt.most {
					t.Errorf("takes %d MiB, want at most %d", took>>20, tt.most>>20)
				} else {
					t.Logf("%v, %d MiB", got, took>>20)
				}
			})
		}
	}
}

func contains(all []int, one int) bool {
	for _, n := range all {
		if n == one {
			return true
		}
	}
	return false
}

// TestIdleConnectionsKeepNobodyOut expects that idle and slow connections keep out neither health checks nor callers.
func TestIdleConnectionsKeepNobodyOut(t *testing.T) {
	const most = 20
	s := start(t, built(t, ""), t.TempDir(), fmt.Sprintf("--max-connections=%d", most)).ready()
	signed, err := s.request("PUT", "/instance", "0123456789")
	if err != nil {
		t.Fatal(err)
	}
	var claim strings.Builder
	for name, values := range signed.Header {
		fmt.Fprintf(&claim, "%s: %s\r\n", name, values[0])
	}
	address := strings.TrimPrefix(s.url, "http://")
	for _, tt := range []struct{ name, send string }{
		{"silent", ""},
		{"an unfinished header", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: "},
		{"idle after a request", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"},
		{"a slow body", "PUT /instance HTTP/1.1\r\nHost: " + address + "\r\nContent-Length: 10\r\n" + claim.String() +
			"\r\n0"},
		{"a slow body of nobody", "PUT /instance HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n0"},
		{"an answer that nobody reads", strings.Repeat("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 5000)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 3 * most {
				c, err := net.Dial("tcp", address)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if len(tt.send) > 1<<16 {
					go io.WriteString(c, tt.send)
				} else if _, err := io.WriteString(c, tt.send); err != nil {
					t.Fatal(err)
				}
			}
			for _, path := range []string{"/healthz", "/readyz"} {
				c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
				if err := until(func() error {
					res, err := c.Get(s.url + path)
					if err != nil {
						return err
					}
					res.Body.Close()
					if res.StatusCode != 200 {
						return fmt.Errorf("%s answers %d", path, res.StatusCode)
					}
					return nil
				}); err != nil {
					t.Error(err)
				}
			}
			began := time.Now()
			if err := until(func() error { return s.get("GET", "/instance", "", nil) }); err != nil ||
				time.Since(began) > 8*time.Second {
				t.Errorf("a caller is answered after %v: %v", time.Since(began), err)
			}
		})
	}
}

// TestBusyServerTellsItsHealth expects that, while every connection is busy, health checks are answered and other
// callers are told to wait.
func TestBusyServerTellsItsHealth(t *testing.T) {
	t.Parallel()
	const most = 5
	s := start(t, built(t, ""), t.TempDir(), fmt.Sprintf("--max-connections=%d", most)).ready()
	s.client.Transport = &http.Transport{DisableKeepAlives: true}
	s.slow(t, "ListInstances", most, 10*time.Second)
	done := make(chan error, most)
	for i := range most {
		go func() { done <- s.get("GET", "/instance", "", nil) }()
		if i == most-1 {
			// The last one has time to get to work. Nothing shows that it has: whoever asks is told to wait if it has, and
			// takes its place if it has not.
			time.Sleep(time.Second)
			break
		}
		// One is at work before the next comes, which would otherwise take its place.
		if err := until(func() error {
			var left []struct{ Count int }
			if err := s.get("GET", "/lanyard/v1/faults", "", &left); err != nil || len(left) != 1 || left[0].Count != most-1-i {
				return fmt.Errorf("call %d is not under way: %v, %v", i, left, err)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	ask := func(path string) (*http.Response, error) {
		c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Second}
		res, err := c.Get(s.url + path)
		if err == nil {
			res.Body.Close()
		}
		return res, err
	}
	if err := until(func() error {
		res, err := ask("/nowhere")
		if err == nil && (res.StatusCode != 503 || res.Header.Get("Retry-After") != "1") {
			return fmt.Errorf("answers %d, Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	if res, err := ask("/healthz"); err != nil || res.StatusCode != 200 {
		t.Errorf("/healthz: %v, %v", res, err)
	}
	for range most {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if err := s.get("GET", "/instance", "", nil); err != nil {
		t.Error(err)
	}
}

// TestForeignPages expects that with --no-auth a page of another site reaches nothing, neither by a simple request
// nor by a name that it points to this machine, and that the console signs nobody in under such a name.
func TestForeignPages(t *testing.T) {
	noAuth := start(t, built(t, ""), t.TempDir(), "--no-auth").ready()
	signed := start(t, built(t, ""), t.TempDir()).ready()
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(noAuth.url, "http://"))
	const make = `PUT /instance`
	for _, tt := range []struct {
		name, line, host string
		header           http.Header
		signed           bool
		want             int
	}{
		{"a program", "GET /instance", "127.0.0.1:" + port, nil, false, 200},
		{"by name", "GET /instance", "localhost:" + port, nil, false, 200},
		{"by a name below localhost", "GET /instance", "lanyard.localhost:" + port, nil, false, 200},
		{"by another loopback address", "GET /instance", "127.9.9.9:" + port, nil, false, 200},
		{"by IPv6", "GET /instance", "[::1]:" + port, nil, false, 200},
		{"an upper-case name", "GET /instance", "LOCALHOST.:" + port, nil, false, 200},
		{"its own page", "GET /instance", "localhost:" + port,
			http.Header{"Origin": {"http://localhost:" + port}, "Sec-Fetch-Site": {"same-origin"}}, false, 200},
		{"typed in", "GET /instance", "localhost:" + port, http.Header{"Sec-Fetch-Site": {"none"}}, false, 200},
		{"DNS rebinding", "GET /instance", "evil.example:" + port, nil, false, 403},
		{"DNS rebinding, a change", make, "evil.example:" + port,
			http.Header{"Origin": {"http://evil.example:" + port}, "Sec-Fetch-Site": {"same-origin"}}, false, 403},
		{"a name that begins like ours", "GET /instance", "localhost.evil.example", nil, false, 403},
		{"another address", "GET /instance", "192.0.2.1:" + port, nil, false, 403},
		{"another site", make, "localhost:" + port,
			http.Header{"Origin": {"http://evil.example"}, "Sec-Fetch-Site": {"cross-site"}, "Content-Type": {"text/plain"}},
			false, 403},
		{"another site without Origin", "GET /instance", "localhost:" + port, http.Header{"Sec-Fetch-Site": {"cross-site"}},
			false, 403},
		{"another port of this machine", make, "localhost:" + port,
			http.Header{"Origin": {"http://localhost:1"}, "Sec-Fetch-Site": {"same-site"}}, false, 403},
		{"a page without origin", make, "localhost:" + port, http.Header{"Origin": {"null"}}, false, 403},
		{"an old browser", make, "localhost:" + port, http.Header{"Origin": {"http://evil.example"}}, false, 403},
		{"a decision", "POST /access/v1/evaluation", "evil.example", nil, false, 403},
		{"management", "GET /lanyard/v1/keys", "evil.example", nil, false, 403},
		{"the console", "GET /console/api/session", "evil.example", nil, false, 403},
		{"the page", "GET /", "evil.example", nil, false, 403},
		{"health", "GET /healthz", "evil.example", nil, false, 200},
		{"with authentication, a name of a stranger", "GET /instance", "evil.example", nil, true, 403},
		{"signing in", "POST /console/api/sign-in", "localhost", http.Header{"Content-Type": {"application/json"}}, true,
			400},
		{"signing in, DNS rebinding", "POST /console/api/sign-in", "evil.example",
			http.Header{"Content-Type": {"application/json"}}, true, 403},
		{"signing in, another address", "POST /console/api/sign-in", "192.0.2.1",
			http.Header{"Content-Type": {"application/json"}}, true, 403},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := noAuth
			if tt.signed {
				s = signed
			}
			method, path, _ := strings.Cut(tt.line, " ")
			c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(patience))
			r, err := http.NewRequest(method, s.url+path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			r.Host, r.Header = tt.host, tt.header.Clone()
			if r.Header == nil {
				r.Header = http.Header{}
			}
			if err := r.Write(c); err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(bufio.NewReader(c), r)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(res.Body)
			if res.StatusCode != tt.want {
				t.Errorf("answers %d %s, want %d", res.StatusCode, text, tt.want)
			}
			if res.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Error("lets browsers guess what the answer is")
			}
		})
	}
}

// TestSignedHeaders expects that lanyard's own headers count only if they are signed, so that nobody in between adds,
// changes or removes them.
func TestSignedHeaders(t *testing.T) {
	s := start(t, built(t, ""), t.TempDir(), "--demo").ready()
	for _, tt := range []struct{ header, method, path, body string }{
		{"X-Lanyard-Revision", "POST", "/access/v1/evaluation", `{}`},
		{"X-Lanyard-Acting-User", "GET", "/instance", ""},
		{"If-Match", "GET", "/instance", ""},
	} {
		t.Run(tt.header, func(t *testing.T) {
			r, err := s.request(tt.method, tt.path, tt.body)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set(tt.header, "1")
			res, err := s.client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			text, _ := io.ReadAll(res.Body)
			res.Body.Close()
			if want := "'" + strings.ToLower(tt.header) +
				"', which must be a signed header"; !strings.Contains(string(text), want) {
				t.Errorf("answers %d %s, want %q", res.StatusCode, text, want)
			}
		})
	}
}

// selfSigned writes a certificate and its key into files.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
		NotAfter: time.Now().Add(time.Hour)}
	certDER, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{"/cert.pem": {Type: "CERTIFICATE", Bytes: certDER},
		"/key.pem": {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(dir+name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir + "/cert.pem", dir + "/key.pem"
}

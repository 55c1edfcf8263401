package console

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// A browser gets a file once and whole, or what it asks for of it.
func TestStatic(t *testing.T) {
	page, small := strings.Repeat("<p>lanyard</p>", 1000), "x"
	s := &static{map[string]file{}}
	for name, body := range map[string]string{"/": page, "/assets/a.js": page, "/assets/b.woff2": small} {
		s.add(name, func() []byte { return []byte(body) })
	}
	get := func(method, path string, header ...string) *http.Response {
		r := httptest.NewRequest(method, path, nil)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Result()
	}
	tag := get("GET", "/").Header.Get("Etag")
	zipped := get("GET", "/", "Accept-Encoding", "gzip").Header.Get("Etag")
	if tag == zipped {
		t.Errorf("two encodings of a page have the same tag %s", tag)
	}
	const immutable = "public, max-age=31536000, immutable"
	for _, tt := range []struct {
		name, method, path string
		header             []string
		status             int
		body, kind, cache  string
		encoding           string
	}{
		{"page", "GET", "/", nil, 200, page, "text/html; charset=utf-8", "no-cache", ""},
		{"page, compressed", "GET", "/", []string{"Accept-Encoding", "br, gzip"}, 200, page, "text/html; charset=utf-8",
			"no-cache", "gzip"},
		{"gzip refused", "GET", "/", []string{"Accept-Encoding", "br, gzip;q=0"}, 200, page, "text/html; charset=utf-8",
			"no-cache", ""},
		{"asset", "GET", "/assets/a.js", []string{"Accept-Encoding", "gzip"}, 200, page, "text/javascript; charset=utf-8",
			immutable, "gzip"},
		{"incompressible", "GET", "/assets/b.woff2", []string{"Accept-Encoding", "gzip"}, 200, small, "font/woff2",
			immutable, ""},
		{"head", "HEAD", "/", nil, 200, "", "text/html; charset=utf-8", "no-cache", ""},
		{"the same", "GET", "/", []string{"If-None-Match", tag}, 304, "", "", "no-cache", ""},
		{"the same, one of several", "GET", "/", []string{"If-None-Match", `"a", W/` + tag}, 304, "", "", "no-cache", ""},
		{"the same, compressed", "GET", "/", []string{"If-None-Match", zipped, "Accept-Encoding", "gzip"}, 304, "", "",
			"no-cache", ""},
		{"another version", "GET", "/", []string{"If-None-Match", `"a"`}, 200, page, "text/html; charset=utf-8", "no-cache",
			""},
		{"a range", "GET", "/", []string{"Range", "bytes=3-9"}, 206, "lanyard", "text/html; charset=utf-8", "no-cache", ""},
		{"a range of another version", "GET", "/", []string{"Range", "bytes=3-9", "If-Range", `"a"`}, 200, page,
			"text/html; charset=utf-8", "no-cache", ""},
		{"no file", "GET", "/assets/c.js", nil, 404, "the file does not exist\n", "text/plain; charset=utf-8", "", ""},
		{"a folder", "GET", "/assets/", nil, 404, "the file does not exist\n", "text/plain; charset=utf-8", "", ""},
		{"outside", "GET", "/assets/../static.go", nil, 404, "the file does not exist\n", "text/plain; charset=utf-8", "",
			""},
		{"to change", "POST", "/", nil, 405, "the method must be GET or HEAD\n", "text/plain; charset=utf-8", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res := get(tt.method, tt.path, tt.header...)
			body, err := io.ReadAll(res.Body)
			if n := res.Header.Get("Content-Length"); tt.status == 200 && tt.body != "" && n != strconv.Itoa(len(body)) {
				t.Errorf("%d bytes have the Content-Length %q", len(body), n)
			}
			if tt.encoding == "gzip" && err == nil {
				var z *gzip.Reader
				if z, err = gzip.NewReader(strings.NewReader(string(body))); err == nil {
					body, err = io.ReadAll(z)
				}
			}
			h := res.Header
			if err != nil || res.StatusCode != tt.status || string(body) != tt.body || h.Get("Content-Type") != tt.kind ||
				h.Get("Cache-Control") != tt.cache || h.Get("Content-Encoding") != tt.encoding {
				t.Errorf("got %d, %d bytes, %v; %v", res.StatusCode, len(body), h, err)
			}
		})
	}
}

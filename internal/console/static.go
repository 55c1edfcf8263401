package console

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
)

// dist is what Vite made of console/app. Without Node there is a placeholder only.
//
//go:embed all:dist
var dist embed.FS

// static serves the page and what it loads. http.ServeContent knows conditional requests, ranges and HEAD; it gets
// each file already compressed. gzhttp would compress for every request, and so have strangers, who may load the
// page, spend the server's processors. A file is compressed when it is first requested: a server that nobody looks
// at starts sooner and is smaller without.
type static struct{ files map[string]file }

type file struct {
	kind    string // its media type; "": what http.ServeContent finds
	forever bool   // its name changes when it does
	content func() content
}

type content struct {
	tag          string // without quotes
	body, packed []byte // packed is nil when compression does not make it smaller
}

// kinds are the types of what a build has. The system's own table is not asked: it may be wrong.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
	".png": "image/png", ".ico": "image/x-icon", ".woff": "font/woff", ".woff2": "font/woff2", ".json": "application/json",
	".txt": "text/plain; charset=utf-8",
	".map": "application/json", ".webmanifest": "application/manifest+json",
}

// builtPage is the page as it was built into the program. All servers of a process share it, because they pack it.
var builtPage = sync.OnceValue(newStatic)

func newStatic() *static {
	s := &static{map[string]file{}}
	err := fs.WalkDir(dist, "dist", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		s.add(strings.TrimPrefix(name, "dist"), func() []byte {
			body, err := dist.ReadFile(name)
			if err != nil {
				panic(err) // what is embedded can be read
			}
			return body
		})
		return nil
	})
	if err != nil {
		panic(err)
	}
	if page, ok := s.files["/index.html"]; ok {
		s.files["/"] = page
	} else {
		s.add("/", func() []byte { return []byte(notBuilt) })
	}
	return s
}

// notBuilt is the page of a binary that was built without Node.
const notBuilt = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>lanyard</title></head>
<body><h1>lanyard</h1><p>The console was not built into this server. With Node.js installed, run <code>make console build</code> and start it again.</p>
<p>The API works: see the README.</p></body></html>
`

func (s *static) add(name string, read func() []byte) {
	kind := kinds[path.Ext(name)]
	if name == "/" {
		kind = kinds[".html"]
	}
	s.files[name] = file{kind, strings.HasPrefix(name, "/assets/"), sync.OnceValue(func() content {
		body := read()
		sum := sha256.Sum256(body)
		c := content{tag: hex.EncodeToString(sum[:12]), body: body}
		if packed := pack(body); len(packed) < len(body)*9/10 {
			c.packed = packed
		}
		return c
	})}
}

// pack compresses with the smallest result, as it is done once.
func pack(body []byte) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(body)
		err = errors.Join(err, z.Close())
	}
	if err != nil {
		panic(err) // the level is one, and memory can be written to
	}
	return b.Bytes()
}

func (s *static) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "the method must be GET or HEAD", http.StatusMethodNotAllowed)
		return
	}
	f, ok := s.files[r.URL.Path]
	if !ok {
		http.Error(w, "the file does not exist", http.StatusNotFound)
		return
	}
	c, h := f.content(), w.Header()
	body, tag := c.body, c.tag
	if c.packed != nil && acceptsGzip(r.Header.Get("Accept-Encoding")) {
		body, tag = c.packed, c.tag+"-gzip" // other bytes, of which other ranges can be requested
		h.Set("Content-Encoding", "gzip")
		h.Set("Content-Length", strconv.Itoa(len(body))) // which ServeContent leaves to whoever encodes
	}
	h.Set("Etag", `"`+tag+`"`)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache") // ask whether it is the same
	if f.forever {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if f.kind != "" {
		h.Set("Content-Type", f.kind)
	}
	http.ServeContent(w, r, path.Base(r.URL.Path), time.Time{}, bytes.NewReader(body))
}

// acceptsGzip reports whether an Accept-Encoding names gzip and does not refuse it.
func acceptsGzip(header string) bool {
	for one := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(strings.TrimSpace(one), ";")
		if name == "gzip" {
			weight = strings.ReplaceAll(weight, " ", "")
			return weight != "q=0" && weight != "q=0.0"
		}
	}
	return false
}

package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// dist is what Vite made of console/app. Without Node there is a placeholder only.
//
//go:embed all:dist
var dist embed.FS

// static serves the page and what it loads. A file is compressed when it is first asked for, and then
// kept: a server that nobody looks at starts sooner and is smaller without.
type static struct{ files map[string]file }

type file struct {
	kind    string
	forever bool // its name changes when it does
	content func() content
}

type content struct {
	tag          string
	body, packed []byte // packed is nil when that does not make it smaller
}

// kinds are the types of what a build has. The system's own table is not asked: it may be wrong.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
	".png": "image/png", ".ico": "image/x-icon", ".woff": "font/woff", ".woff2": "font/woff2", ".json": "application/json",
	".txt": "text/plain; charset=utf-8",
	".map": "application/json", ".webmanifest": "application/manifest+json",
}

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
	if kind == "" {
		if kind = mime.TypeByExtension(path.Ext(name)); kind == "" {
			kind = "application/octet-stream"
		}
	}
	s.files[name] = file{kind, strings.HasPrefix(name, "/assets/"), sync.OnceValue(func() content {
		body := read()
		sum := sha256.Sum256(body)
		c := content{tag: `"` + hex.EncodeToString(sum[:12]) + `"`, body: body}
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		z.Write(body)
		z.Close()
		if b.Len() < len(body)*9/10 {
			c.packed = b.Bytes()
		}
		return c
	})}
}

func (s *static) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "GET is accepted", http.StatusMethodNotAllowed)
		return
	}
	f, ok := s.files[r.URL.Path]
	if !ok {
		http.Error(w, "there is no such file", http.StatusNotFound)
		return
	}
	c, h := f.content(), w.Header()
	h.Set("Etag", c.tag)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache") // ask whether it is the same
	if f.forever {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if r.Header.Get("If-None-Match") == c.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := c.body
	if c.packed != nil && acceptsGzip(r.Header.Get("Accept-Encoding")) {
		body = c.packed
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", f.kind)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		w.Write(body)
	}
}

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

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
)

// dist is what Vite made of console/app. Without Node there is a placeholder only.
//
//go:embed all:dist
var dist embed.FS

// static serves the page and what it loads. All of it is in memory, compressed once.
type static struct{ files map[string]file }

type file struct {
	kind, tag    string
	body, packed []byte // packed is nil when that does not make it smaller
	forever      bool   // its name changes when it does
}

// kinds are the types of what a build has. The system's own table is not asked: it may be wrong.
var kinds = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
	".png": "image/png", ".ico": "image/x-icon", ".woff": "font/woff", ".woff2": "font/woff2", ".json": "application/json", ".txt": "text/plain; charset=utf-8",
	".map": "application/json", ".webmanifest": "application/manifest+json",
}

func newStatic() *static {
	s := &static{map[string]file{}}
	err := fs.WalkDir(dist, "dist", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") {
			return err
		}
		body, err := dist.ReadFile(name)
		if err == nil {
			s.add(strings.TrimPrefix(name, "dist"), body)
		}
		return err
	})
	if err != nil {
		panic(err) // what is embedded can be read
	}
	if page, ok := s.files["/index.html"]; ok {
		s.files["/"] = page
	} else {
		s.add("/", []byte(notBuilt))
	}
	return s
}

// notBuilt is the page of a binary that was built without Node.
const notBuilt = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>lanyard</title></head>
<body><h1>lanyard</h1><p>The console was not built into this server. With Node.js installed, run <code>make console build</code> and start it again.</p>
<p>The API works: see the README.</p></body></html>
`

func (s *static) add(name string, body []byte) {
	kind := kinds[path.Ext(name)]
	if name == "/" {
		kind = kinds[".html"]
	}
	if kind == "" {
		if kind = mime.TypeByExtension(path.Ext(name)); kind == "" {
			kind = "application/octet-stream"
		}
	}
	sum := sha256.Sum256(body)
	f := file{kind: kind, tag: `"` + hex.EncodeToString(sum[:12]) + `"`, body: body, forever: strings.HasPrefix(name, "/assets/")}
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	z.Write(body)
	z.Close()
	if b.Len() < len(body)*9/10 {
		f.packed = b.Bytes()
	}
	s.files[name] = f
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
	h := w.Header()
	h.Set("Etag", f.tag)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache") // ask whether it is the same
	if f.forever {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if r.Header.Get("If-None-Match") == f.tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.body
	if f.packed != nil && acceptsGzip(r.Header.Get("Accept-Encoding")) {
		body = f.packed
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

package frontends

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/lanyard/lanyard/internal/callers"
)

// GatewayPath is where agents reach the MCP gateway. No operation of the API is there.
const GatewayPath = "/mcp"

// A Gateway serves the MCP gateway over HTTP. Its streams stay open for as long as their agents listen, whatever the
// time limits of the server.
type Gateway struct {
	handler  http.Handler
	resource string   // path
	paths    []string // of calls
}

// NewGateway returns the Gateway of a handler whose URL is resource. Paths, besides GatewayPath, are those of calls.
func NewGateway(handler http.Handler, resource string, paths ...string) *Gateway {
	g := &Gateway{handler: handler, paths: append(paths, GatewayPath)}
	if u, err := url.Parse(resource); err == nil {
		g.resource = u.Path
	}
	return g
}

// serves reports whether a path is one of the gateway's.
func (g *Gateway) serves(path string) bool {
	return g != nil && (slices.Contains(g.paths, path) || callers.ServesMetadata(path, g.resource))
}

func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.serves(r.URL.Path) {
		http.NotFound(w, r)
		return
	}
	body := &wholeBody{r.Body, http.NewResponseController(w)}
	if r.ContentLength == 0 {
		body.endDeadline()
	}
	r.Body = body
	g.handler.ServeHTTP(w, r)
}

// wholeBody ends the time limit for reading a request once all of it was read. What comes next on the connection is
// its end, which a stream waits for.
type wholeBody struct {
	io.ReadCloser
	control *http.ResponseController
}

func (b *wholeBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.endDeadline()
	}
	return n, err
}

func (b *wholeBody) endDeadline() { _ = b.control.SetReadDeadline(time.Time{}) } // not every writer can

package frontends_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/frontends"
)

// TestGatewayPath keeps the path of the gateway apart from those of the API.
func TestGatewayPath(t *testing.T) {
	for _, o := range model.Operations {
		if strings.HasPrefix(o.URI, "/mcp") || strings.HasPrefix(o.URI, "/{") {
			t.Errorf("%s has the path %s", o.Name, o.URI)
		}
	}
}

func TestGatewayServes(t *testing.T) {
	teapot := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }
	g := frontends.NewGateway(http.HandlerFunc(teapot), "https://tools.example.com/agents")
	for path, want := range map[string]int{
		"/mcp": http.StatusTeapot, "/.well-known/oauth-protected-resource": http.StatusTeapot,
		"/.well-known/oauth-protected-resource/agents": http.StatusTeapot,
		"/.well-known/oauth-protected-resource/mcp":    http.StatusNotFound, "/mcp/": http.StatusNotFound, "/": http.StatusNotFound,
		"/agents": http.StatusNotFound,
	} {
		w := httptest.NewRecorder()
		g.ServeHTTP(w, httptest.NewRequest("POST", path, nil))
		if w.Code != want {
			t.Errorf("%s is answered with %d, want %d", path, w.Code, want)
		}
	}
}

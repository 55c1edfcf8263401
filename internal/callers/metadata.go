package callers

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/gateway"
)

// metadataPath is where the metadata of a protected resource is, followed by the path of the resource.
const metadataPath = "/.well-known/oauth-protected-resource"

// ServesMetadata reports whether a path is one of the metadata of a gateway whose own path is the second.
func ServesMetadata(path, resource string) bool {
	rest, ok := strings.CutPrefix(path, metadataPath)
	return ok && (rest == "" || rest == resource)
}

// metadata is the metadata of a protected resource (RFC 9728).
type metadata struct {
	Resource string   `json:"resource"`
	Servers  []string `json:"authorization_servers,omitempty"`
	Scopes   []string `json:"scopes_supported,omitempty"`
	Methods  []string `json:"bearer_methods_supported"`
	Name     string   `json:"resource_name"`
}

// ServeMetadata says where tokens for the gateway come from. Pages of other origins may read it.
func (a *Authenticator) ServeMetadata(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Access-Control-Allow-Methods", "GET")
	w.Header().Set("Access-Control-Allow-Headers", "MCP-Protocol-Version")
	switch r.Method {
	case http.MethodOptions:
		w.WriteHeader(http.StatusNoContent)
		return
	case http.MethodGet, http.MethodHead:
	default:
		w.Header().Set("Allow", "GET, HEAD, OPTIONS")
		http.Error(w, "the method must be GET", http.StatusMethodNotAllowed)
		return
	}
	m := metadata{Resource: a.Resource, Scopes: a.Scopes, Methods: []string{"header"}, Name: "lanyard MCP gateway"}
	for _, i := range a.Issuers {
		m.Servers = append(m.Servers, i.URL)
	}
	body, err := json.Marshal(m)
	if err != nil {
		http.Error(w, "the metadata cannot be written", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "max-age=300")
	w.Write(body)
}

// metadataURL is where the metadata is, as the path of the resource goes behind the well-known one.
func (a *Authenticator) metadataURL() string {
	u, err := url.Parse(a.Resource)
	if err != nil {
		return ""
	}
	u.Path, u.RawPath, u.RawQuery = metadataPath+strings.TrimSuffix(u.Path, "/"), "", ""
	return u.String()
}

// Challenge returns the WWW-Authenticate header of an answer with status 401, or with 403 for a right that is missing;
// the zero Right stands for the scopes that every JWT must have. It is "" for a right that no other token would bring:
// security profiles grant it, and not the issuer.
func (a *Authenticator) Challenge(r *http.Request, insufficient *gateway.Right) string {
	scopes := a.Scopes
	var problem string
	switch {
	case insufficient != nil:
		text, err := bearer(r)
		scope, every := scopeOf(*insufficient), *insufficient == gateway.Right{}
		if err != nil || control.IsToken(text) || !every && (!a.StepUp || scope == "") {
			return ""
		}
		problem = `error="insufficient_scope", `
		if !every {
			scopes = append(scopes[:len(scopes):len(scopes)], scope)
		}
	case len(r.Header["Authorization"]) > 0:
		problem = `error="invalid_token", `
	}
	header := fmt.Sprintf(`Bearer %sresource_metadata="%s"`, problem, a.metadataURL())
	if len(scopes) > 0 {
		header += fmt.Sprintf(`, scope="%s"`, strings.Join(scopes, " "))
	}
	return header
}

// maxScope bounds the scope that a challenge names, in bytes.
const maxScope = 1 << 10

// scopeOf names a right as a scope: tool:NAMESPACE/TOOL or module:ID. What a scope cannot hold is percent-encoded.
func scopeOf(r gateway.Right) (scope string) {
	switch {
	case r.Module != "":
		scope = "module:" + escapeScope(r.Module)
	case r.Tool != "":
		scope = "tool:" + escapeScope(r.Namespace) + "/" + escapeScope(r.Tool)
	}
	if len(scope) > maxScope {
		return ""
	}
	return scope
}

func escapeScope(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~:", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

package gateway

import (
	"strings"

	"github.com/lanyard/lanyard/internal/mcprights"
)

// separator stands between an upstream's name and the name of what it offers, as agents see it. It is that of other
// gateways. No name of an upstream has an underscore, so that a name can be split in one way only.
const separator = "___"

// maxName is of a tool or prompt. A permission of a profile has at most as many characters.
const maxName = 128

// offered reports whether the gateway offers what has this name. It offers names of ASCII letters, digits and
// _ - . / alone, as the specification recommends: no two of them look the same to people. A tool is not named like a
// prompt's or resource's permission, so that no grant means two things.
func offered(name string) bool {
	if len(name) > maxName || !mcprights.IsTool(name) {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
			c == '_' || c == '-' || c == '.' || c == '/') {
			return false
		}
	}
	return true
}

// maxURI is of a resource, in bytes.
const maxURI = 2048

// offeredURI reports whether the gateway offers a resource or template with this URI: printable ASCII alone, which is
// all that a URI may have, and a scheme, so that no other than its upstream's can be meant.
func offeredURI(uri string) bool {
	if uri == "" || len(uri) > maxURI {
		return false
	}
	for i := range len(uri) {
		if uri[i] <= ' ' || uri[i] > '~' {
			return false
		}
	}
	scheme, _, ok := strings.Cut(uri, ":")
	return ok && scheme != "" && !strings.ContainsAny(scheme, "/?#{")
}

// outerName returns the name by which agents know a tool or prompt of u.
func (g *Gateway) outerName(u *upstream, name string) string {
	if !g.prefixed {
		return name
	}
	return u.Name + separator + name
}

// byName returns the upstream of a tool or prompt, and its name there.
func (g *Gateway) byName(name string) (*upstream, string, bool) {
	if !g.prefixed {
		return g.upstreams[0], name, offered(name)
	}
	prefix, inner, ok := strings.Cut(name, separator)
	if !ok || !offered(inner) {
		return nil, "", false
	}
	u := g.upstream(prefix)
	return u, inner, u != nil
}

// outerURI returns the URI by which agents know a resource of u. The upstream's name becomes a part of the scheme, so
// that URIs of two upstreams never meet.
func (g *Gateway) outerURI(u *upstream, uri string) string {
	if !g.prefixed {
		return uri
	}
	return u.Name + "+" + uri
}

// byURI returns the upstream of a resource or template, and its URI there.
func (g *Gateway) byURI(uri string) (*upstream, string, bool) {
	if !g.prefixed {
		return g.upstreams[0], uri, offeredURI(uri)
	}
	prefix, inner, ok := strings.Cut(uri, "+")
	if !ok || !offeredURI(inner) {
		return nil, "", false
	}
	u := g.upstream(prefix)
	return u, inner, u != nil
}

// upstream returns the one with a name, nil if there is none.
func (g *Gateway) upstream(name string) *upstream {
	for _, u := range g.upstreams {
		if u.Name == name {
			return u
		}
	}
	return nil
}

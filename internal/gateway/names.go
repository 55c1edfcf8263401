package gateway

import (
	"net/url"
	"strings"

	"github.com/yosida95/uritemplate/v3"
)

// separator stands between an upstream's name and the name of what it offers, as agents see it. It is that of other
// gateways. No name of an upstream has an underscore, so that a name can be split in one way only.
const separator = "___"

// maxName is of a tool or prompt. A permission of a profile has at most as many characters.
const maxName = 128

// What profiles grant besides tools has a permission string that begins with its kind.
const (
	promptRight   = "prompts/"
	resourceRight = "resources/"
)

// offered reports whether the gateway offers what has this name. It offers names of ASCII letters, digits and
// _ - . / alone, as the specification recommends: no two of them look the same to people. A tool is not named like a
// prompt's or resource's permission, so that no grant means two things.
func offered(name string) bool {
	if name == "" || len(name) > maxName || strings.HasPrefix(name, promptRight) || strings.HasPrefix(name, resourceRight) {
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

// A template is a URI template that an upstream offers.
type template struct {
	text    string
	matcher *uritemplate.Template
}

// newTemplate returns a template, whose matcher is nil if text is none.
func newTemplate(text string) template {
	t, err := uritemplate.New(text)
	if err != nil {
		return template{text: text}
	}
	return template{text, t}
}

// grants reports whether the right to a template is the right to read uri: whether the template can expand to it,
// without steps to other folders, which templates such as file:///docs/{name} are not meant to expand to.
func (t template) grants(uri string) bool {
	return t.matcher.Match(uri) != nil && !climbs(uri)
}

// climbs reports whether a URI has segments that lead elsewhere, however they are written.
func climbs(uri string) bool {
	plain := uri
	for range 3 { // encoded more than once
		decoded, err := url.PathUnescape(plain)
		if err != nil {
			return true
		}
		if strings.ContainsRune(decoded, 0) || strings.Count(decoded, "/") != strings.Count(uri, "/") {
			return true // an encoded slash makes another path
		}
		if decoded == plain {
			break
		}
		plain = decoded
	}
	for part := range strings.FieldsFuncSeq(plain, func(r rune) bool {
		return r == '/' || r == '\\' || r == '?' || r == '#' || r == '&' || r == '=' || r == ';'
	}) {
		if part == ".." || part == "." {
			return true
		}
	}
	return strings.Contains(plain, "%")
}

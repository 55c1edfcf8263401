// Package mcprights names what security profiles grant of an MCP server: the permissions of an application that stand
// for its tools, prompts and resources. There is one rule for whoever enforces profiles. It decides nothing.
package mcprights

import (
	"net/url"
	"strings"

	"github.com/yosida95/uritemplate/v3"

	"github.com/lanyard/lanyard/access"
)

// What profiles grant besides tools has a permission that begins with its kind.
const (
	PromptPrefix   = "prompts/"
	ResourcePrefix = "resources/"
)

// Prompt returns the permission for a prompt.
func Prompt(name string) string { return PromptPrefix + name }

// Resource returns the permission for a resource, or for all that a template can expand to.
func Resource(uri string) string { return ResourcePrefix + uri }

// IsTool reports whether a permission is that of a tool, whose name it is. No tool may be named like a permission that
// means something else: that of a prompt or a resource, or the one that opens a third-party application, which may
// have the same namespace.
func IsTool(permission string) bool {
	return permission != "" && permission != access.ActionAccess && !strings.HasPrefix(permission, PromptPrefix) &&
		!strings.HasPrefix(permission, ResourcePrefix)
}

// Covers reports whether a permission is that of a template which grants a resource.
func Covers(permission, uri string) bool {
	text, ok := strings.CutPrefix(permission, ResourcePrefix)
	if !ok || !strings.Contains(text, "{") {
		return false
	}
	t, ok := ParseTemplate(text)
	return ok && t.Grants(uri)
}

// A Template is a URI template of resources.
type Template struct{ matcher *uritemplate.Template }

// ParseTemplate returns the template that text is; ok is false if it is none.
func ParseTemplate(text string) (t Template, ok bool) {
	m, err := uritemplate.New(text)
	return Template{m}, err == nil
}

// Grants reports whether the right to a template is the right to read uri: whether the template can expand to it,
// without steps to other folders, which templates such as file:///docs/{name} are not meant to expand to.
func (t Template) Grants(uri string) bool {
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

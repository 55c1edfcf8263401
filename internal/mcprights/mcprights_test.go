package mcprights_test

import (
	"testing"

	"github.com/lanyard/lanyard/internal/mcprights"
)

func TestIsTool(t *testing.T) {
	for permission, want := range map[string]bool{"find": true, "orders___find": true, "prompts": true, "prompt/x": true,
		"access": true, "": false, "ACCESS": false, "prompts/": false, "prompts/x": false, "resources/file:///a": false} {
		if got := mcprights.IsTool(permission); got != want {
			t.Errorf("%q is a tool: %v, want %v", permission, got, want)
		}
	}
	if mcprights.IsTool(mcprights.Prompt("find")) || mcprights.IsTool(mcprights.Resource("find")) {
		t.Error("the permission of a prompt or a resource is that of a tool")
	}
}

func TestCovers(t *testing.T) {
	const docs = "resources/file:///docs/{name}"
	for _, tt := range []struct {
		permission, uri string
		want            bool
	}{
		{docs, "file:///docs/a.txt", true},
		{docs, "file:///docs/a/b.txt", false},
		{docs, "file:///docs/..", false},
		{docs, "file:///docs/%2e%2e", false},
		{docs, "file:///docs/%252e%252e", false},
		{docs, "file:///docs/a%2Fb", false},
		{docs, "file:///docs/a%00", false},
		{docs, "file:///docs/a%zz", false},
		{docs, "file:///other/a.txt", false},
		{docs, "xfile:///docs/a.txt", false},
		{"resources/file:///{+path}", "file:///a/b", true},
		{"resources/file:///{+path}", "file:///a/../b", false},
		{"resources/db://{table}/{id}", "db://orders/7", true},
		{"resources/file:///a", "file:///a", false}, // no template: the permission itself is asked about
		{"resources/{", "{", false},
		{"prompts/{x}", "a", false},
		{"{x}", "a", false},
	} {
		if got := mcprights.Covers(tt.permission, tt.uri); got != tt.want {
			t.Errorf("%s covers %s: %v, want %v", tt.permission, tt.uri, got, tt.want)
		}
	}
}

func TestTemplatesGrant(t *testing.T) {
	for _, tt := range []struct {
		template, uri string
		want          bool
	}{
		{"file:///docs/{name}", "file:///docs/a.txt", true},
		{"file:///docs/{name}", "file:///docs/a%20b", true},
		{"file:///docs/{name}", "file:///docs/a/b", false},
		{"file:///docs/{name}", "file:///docs/..", false},
		{"file:///docs/{name}", "file:///docs/%2e%2e", false},
		{"file:///docs/{name}", "file:///docs/..%2fsecret", false},
		{"file:///docs/{name}", "file:///docs/%252e%252e%252fsecret", false},
		{"file:///docs/{name}", "file:///other/a", false},
		{"file:///docs/{name}", "file:///docs/a%00", false},
		{"file:///{+path}", "file:///a/b", true},
		{"file:///{+path}", "file:///a/../b", false},
		{"file:///{+path}", "file:///a/./b", false},
		{"file:///docs/{name}", "FILE:///docs/a", false},
		{"crm://x{?id}", "crm://x?id=1", true},
		{"crm://x{?id}", "crm://x?id=1&admin=1", false},
	} {
		tmpl, ok := mcprights.ParseTemplate(tt.template)
		if got := ok && tmpl.Grants(tt.uri); got != tt.want {
			t.Errorf("%s grants %s: %v, want %v", tt.template, tt.uri, got, tt.want)
		}
	}
}

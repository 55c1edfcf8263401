package coaz

import (
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/mcprights"
)

// The types of resources that the binding's requests have.
const (
	TypeTool     = "tool"
	TypePrompt   = "prompt"
	TypeResource = "resource"
	TypeTask     = "task"
	TypeServer   = "mcp_server"
)

// MethodCall is the method that calls a tool, MethodStream the one that opens a stream of what changes.
const (
	MethodCall   = "tools/call"
	MethodStream = "subscriptions/listen"
)

// methods are those that can be allowed, with the types of resources that they are about: of the current revision of
// MCP and of those before it. Every other method is refused, so that what a later revision adds is not open until it
// is understood.
var methods = map[string][]string{
	MethodCall: {TypeTool},

	"prompts/get":           {TypePrompt},
	"resources/read":        {TypeResource},
	"resources/subscribe":   {TypeResource},
	"resources/unsubscribe": {TypeResource},
	"completion/complete":   {TypePrompt, TypeResource},

	"initialize":               {TypeServer},
	"server/discover":          {TypeServer},
	MethodStream:               {TypeServer},
	"tools/list":               {TypeServer},
	"prompts/list":             {TypeServer},
	"resources/list":           {TypeServer},
	"resources/templates/list": {TypeServer},
	"logging/setLevel":         {TypeServer},

	// The id of a task does not say which tool began it. It is the server's to give it to whoever began it only.
	"tasks/get":    {TypeTask},
	"tasks/result": {TypeTask},
	"tasks/update": {TypeTask},
	"tasks/cancel": {TypeTask},
}

// passes reports whether a request is one that gateways let through without a question.
func (r *Request) passes() bool { return passes(r.Action) }

func passes(method string) bool {
	return method == "ping" || strings.HasPrefix(method, "notifications/") && len(method) > len("notifications/")
}

// isMCP reports whether r is what the binding says of a method, and not what a tool's own mapping does.
func (r *Request) isMCP() bool {
	switch r.Type {
	case TypeTool, TypePrompt, TypeResource, TypeTask, TypeServer:
		return true
	}
	_, known := methods[r.Action]
	return known
}

// right returns what an application's permissions must have for r: the id of a tool, or "" for any; or what is wrong.
func (r *Request) right() (right, problem string) {
	about, known := methods[r.Action]
	if !known {
		return "", "the method " + lanyard.Quote(r.Action) + " is not known"
	}
	fits := false
	for _, t := range about {
		fits = fits || t == r.Type
	}
	switch {
	case !fits:
		return "", r.Action + " must be about a resource of type " + strings.Join(about, " or ") + ", got " +
			lanyard.Quote(r.Type)
	case r.ID == "" && r.Type != TypeServer:
		return "", "resource.id is required"
	case r.Type == TypeTool:
		return toolRight(r.ID)
	case r.Type == TypePrompt:
		return mcprights.Prompt(r.ID), ""
	case r.Type == TypeResource:
		return mcprights.Resource(r.ID), ""
	}
	return "", ""
}

// toolRight returns the permission for a tool, or what is wrong.
func toolRight(name string) (right, problem string) {
	if !mcprights.IsTool(name) {
		return "", "a tool must not be called " + access.ActionAccess + ", " + mcprights.PromptPrefix + "… or " +
			mcprights.ResourcePrefix + "…, got " + lanyard.Quote(name)
	}
	return name, ""
}

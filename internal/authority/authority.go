// Package authority decides for the MCP gateway who may use which tool, from the snapshots that all decisions of
// lanyard are made from, and says which tokens and users there are. [Local] does so in the process of a server;
// [Remote] asks a running server through its management API.
//
// It answers questions about rights, and has the records of calls stored where the instances are. It knows neither MCP
// nor HTTP.
package authority

import (
	"context"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/gateway"
	"github.com/lanyard/lanyard/internal/questions"
)

// An Authority is what a gateway and its authenticator need: [Local] or [Remote].
type Authority interface {
	gateway.Authority
	// Token returns the token of that text if it is valid now. Otherwise the error is Invalid and says why.
	Token(ctx context.Context, text string) (lanyard.Token, error)
	// Instance returns an account's instance by id or alias; "" is the only one of the account, and the account "" is
	// that of the server.
	Instance(ctx context.Context, account, ref string) (Instance, error)
	// User returns the id of a user of an instance by id or name, or NotFound.
	User(ctx context.Context, in Instance, ref string) (id string, err error)
	// RecordCalls stores calls of AI agents as one event of their instance; by is the gateway.
	RecordCalls(ctx context.Context, by lanyard.Caller, b lanyard.CallBatch) error
}

// An Instance is one that callers may be of.
type Instance struct{ Account, ID string }

// decide decides rights from one snapshot.
func decide(s *access.Snapshot, c *gateway.Caller, rights []gateway.Right) []gateway.Decision {
	out := make([]gateway.Decision, len(rights))
	subject := subjectOf(c)
	for i, r := range rights {
		d := access.Decision{}
		if q, ok := query(subject, r); ok {
			d = s.Decide(&q)
		}
		out[i] = gateway.Decision{Allow: d.Allow, Reason: d.Reason.String(), Profile: d.Profile, Revision: s.Revision()}
	}
	return out
}

// subjectOf says whose profiles decide: the agent's, and those of the user whom it assists; or those of a user who
// calls without an agent. Nobody is a user without an id, whom no snapshot knows.
func subjectOf(c *gateway.Caller) access.Subject {
	if c.Agent == "" {
		return access.Subject{Type: access.User, ID: c.User}
	}
	return access.Subject{Type: access.AIAgent, ID: c.Agent, Human: c.User}
}

// query returns the question whether a subject has a right; ok is false when nobody can have it.
func query(subject access.Subject, r gateway.Right) (q access.Query, ok bool) {
	q.Subject = subject
	switch {
	case subject.ID == "":
		return q, false
	case r.Module != "":
		q.Action, q.Resource = access.ActionInvoke, access.Resource{Type: access.TypeFlowModule, ID: r.Module}
		return q, r.Namespace == "" && r.Tool == ""
	}
	q.Action, q.Resource = r.Tool, access.Resource{Type: access.TypeApplication, ID: r.Namespace}
	// ACCESS opens a third-party application of that namespace. It is no tool, whatever a server calls its own.
	return q, r.Namespace != "" && r.Tool != "" && r.Tool != access.ActionAccess
}

// refusedPlainly is a refusal of which the caller may know nothing more.
const refusedPlainly = "you are not allowed to do this"

// refusal words a denial for who gets it. An agent by itself learns that it lacks the right. A user learns more only
// as far as their own profiles show security profiles and AI agents.
func refusal(s *access.Snapshot, c *gateway.Caller, r gateway.Right) string {
	what := describe(r)
	switch {
	case c.User == "" && r.Module != "":
		return "the AI agent lacks the flow module of this tool" // if there is one: its id is not the agent's to know
	case c.User == "": // it is told the name by which it knows the server, and not which application stands for that
		return "the AI agent lacks the permission " + lanyard.Quote(r.Tool) + " on server " + lanyard.Quote(r.Namespace)
	}
	view := questions.View{Snapshot: s, Viewer: c.User}
	permission := questions.ViewPermission(access.TypeSecurityProfile)
	if !view.May(permission, access.Resource{}) {
		return refusedPlainly
	}
	var text strings.Builder
	text.WriteString(missing(view, c, r, what))
	if q, ok := query(subjectOf(c), r); ok {
		writeGranting(&text, view, s.WhichProfiles(&q))
	}
	return text.String()
}

// describe names a right as security profiles do.
func describe(r gateway.Right) string {
	if r.Module != "" {
		return "flow module " + lanyard.Quote(r.Module)
	}
	return "the permission " + lanyard.Quote(r.Tool) + " of application " + lanyard.Quote(r.Namespace)
}

// missing says who lacks a right.
func missing(view questions.View, c *gateway.Caller, r gateway.Right, what string) string {
	if c.Agent == "" {
		return "you lack " + what
	}
	if !view.Sees(access.TypeAIAgent, c.Agent) {
		return "the AI agent and you both require " + what
	}
	lacks := func(c gateway.Caller) bool { return !decide(view.Snapshot, &c, []gateway.Right{r})[0].Allow }
	agent, user := lacks(gateway.Caller{Agent: c.Agent}), lacks(gateway.Caller{User: c.User})
	switch {
	case agent && user:
		return "the AI agent and you both lack " + what
	case agent:
		return "the AI agent lacks " + what
	}
	return "you lack " + what + ", which the AI agent has"
}

// maxNamed is how many security profiles a refusal names.
const maxNamed = 5

// writeGranting names the profiles that grant a right, of those that the viewer may view.
func writeGranting(text *strings.Builder, view questions.View, found []access.Found) {
	named := 0
	for _, p := range found {
		if !view.Sees(access.TypeSecurityProfile, p.ID) {
			continue
		}
		switch named++; {
		case named == 1:
			text.WriteString("; security profiles that grant it: ")
		case named > maxNamed:
			text.WriteString(", …")
			return
		default:
			text.WriteString(", ")
		}
		text.WriteString(lanyard.Quote(p.Name))
	}
	if named == 0 {
		text.WriteString("; no security profile that you may view grants it")
	}
}

// Package coaz says what a gateway's question about a request of MCP means for the decision engine. It has the rules
// of the COAZ binding for MCP (AuthZEN, draft 1): which of the caller's rights a method requires; the table from what
// tokens say (client ids, subjects, audiences) to AI agents, users and applications; and how to read a request of MCP
// from the body that a proxy hands over. It decides nothing, and it knows neither HTTP nor an instance.
package coaz

import (
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// Identity is the type of subjects that the binding's requests have.
const Identity = "identity"

// A Request is what a gateway asks about: a request of MCP, and what the token says of who sends it.
type Request struct {
	Identity  string   // subject of the token
	Agent     *string  // client id of the token; nil: none was said
	Audience  []string // of the token; the application is the only one that is known
	Namespace string   // of the application, if the address of the question says it
	Action    string   // the method, or what a tool's own mapping says
	Type, ID  string   // of the resource
	// Unnamed says that the request was read from a message, which names no server: an mcp_server has no ID then.
	Unnamed bool
}

// A Mapping says what tokens stand for in an instance. A table that is not nil is complete: what it does not have is
// unknown. Without a table everything stands for itself. Nil is a Mapping without tables.
type Mapping struct {
	Agents  map[string]string // client id to ARN of the AI agent
	Users   map[string]string // subject to id or user name
	Servers map[string]string // audience to namespace of the application
	Proxies map[string]*Proxy // that ask with a client's own request, by name
}

// A Proxy is one that asks with a client's own request. Its headers must be set by the proxy and by nobody else.
type Proxy struct {
	Namespace string // of the application whose server is behind it; "": Audience says
	User      string // header with the subject of the token; "" for none
	Agent     string // header with the client id
	Audience  string // header with the audience
}

// A Verdict says how to answer a question.
type Verdict uint8

// The verdicts. The zero Verdict refuses.
const (
	Refuse    Verdict = iota // for Ask.Reason
	Decide                   // Ask.Query
	AnyTool                  // allow if Ask.Query is allowed for any tool as its action
	AResource                // allow if Ask.Query is allowed, also for a template of r.ID as its action
	Pass                     // allow
)

// An Ask is what to ask the decision engine.
type Ask struct {
	Verdict Verdict
	Query   access.Query
	Reason  access.Reason
	// Message says what the question is about and, of a refusal, what is wrong.
	Message string
}

func refuse(reason access.Reason, message string) Ask {
	return Ask{Verdict: Refuse, Reason: reason, Message: message}
}

// Ask returns what to ask about r. q is the question as it was read, of which a tool's own mapping may use more than r
// has. isUser reports whether the instance has a user of an id or user name.
func (m *Mapping) Ask(r *Request, q access.Query, isUser func(string) bool) Ask {
	if m == nil {
		m = new(Mapping)
	}
	if r.passes() {
		return Ask{Verdict: Pass, Message: "every caller may send " + r.Action}
	}
	subject, problem := m.subject(r, isUser)
	if problem != "" {
		return refuse(access.UnknownSubject, problem)
	}
	if !r.isMCP() { // a tool's own mapping
		q.Subject = subject
		return Ask{Verdict: Decide, Query: q}
	}
	right, problem := r.right()
	if problem != "" {
		reason := access.WrongType
		if _, known := methods[r.Action]; !known {
			reason = access.UnknownAction
		}
		return refuse(reason, problem)
	}
	namespace, problem := m.namespace(r)
	if problem != "" {
		return refuse(access.UnknownResource, problem)
	}
	ask := Ask{Verdict: Decide, Message: "it requires " + lanyard.Quote(right) + " of application " +
		lanyard.Quote(namespace)}
	if r.Type == TypeResource {
		ask.Verdict = AResource
	}
	if right == "" {
		ask.Verdict, ask.Message = AnyTool, "it requires any tool of application "+lanyard.Quote(namespace)
	}
	ask.Query = access.Query{Subject: subject, Action: right, Surface: q.Surface,
		Resource: access.Resource{Type: access.TypeApplication, ID: namespace}}
	return ask
}

// Tools returns the question which tools the caller of r may call: one without an action. ok is false when r is no
// such question, or nobody may call any.
func (m *Mapping) Tools(r *Request, isUser func(string) bool) (q access.Query, ok bool) {
	if m == nil {
		m = new(Mapping)
	}
	if r.Action != MethodCall || r.Type != TypeTool {
		return q, false
	}
	subject, problem := m.subject(r, isUser)
	if problem != "" {
		return q, false
	}
	namespace, problem := m.namespace(r)
	q.Subject, q.Resource = subject, access.Resource{Type: access.TypeApplication, ID: namespace}
	return q, problem == ""
}

// subject returns who asks, or what is wrong. An identity with a client is a user whom the AI agent assists. A token
// that is its client's own has the client as its subject: then it is the agent itself, unless a user has that name.
func (m *Mapping) subject(r *Request, isUser func(string) bool) (s access.Subject, problem string) {
	if r.Agent == nil {
		s.ID, problem = m.user(r.Identity)
		return s, problem
	}
	s.Type = access.AIAgent
	if s.ID, problem = m.agent(*r.Agent); problem != "" {
		return s, problem
	}
	if r.Identity == *r.Agent && !isUser(r.Identity) {
		return s, ""
	}
	s.Human, problem = m.user(r.Identity)
	return s, problem
}

func (m *Mapping) user(identity string) (ref, problem string) {
	if identity == "" {
		return "", "subject.id is required"
	}
	if m.Users == nil {
		return identity, ""
	}
	if ref = m.Users[identity]; ref == "" {
		return "", "users has no user for the subject " + lanyard.Quote(identity)
	}
	return ref, ""
}

func (m *Mapping) agent(client string) (arn, problem string) {
	switch {
	case m.Agents != nil:
		if arn = m.Agents[client]; arn == "" {
			return "", "agents has no AI agent for the client id " + lanyard.Quote(client)
		}
		return arn, ""
	case !lanyard.IsARN(client):
		return "", "context.agent must be the ARN of an AI agent, or a client id that agents lists, got " +
			lanyard.Quote(client)
	}
	return client, ""
}

// namespace returns that of the application. All that is said must agree: a token that is for another server than the
// one that is asked about opens nothing.
func (m *Mapping) namespace(r *Request) (namespace, problem string) {
	said := slices.Clone(r.Audience)
	if r.Type == TypeServer && !r.Unnamed {
		if m.server(r.ID) == "" {
			return "", "servers has no application for the audience " + lanyard.Quote(r.ID)
		}
		said = append(said, r.ID)
	}
	var found []string
	for _, audience := range said {
		if n := m.server(audience); n != "" && !slices.Contains(found, n) {
			found = append(found, n)
		}
	}
	switch {
	case len(said) > 0 && len(found) == 0:
		return "", "servers has no application for the audience " + lanyard.Quote(strings.Join(said, " "))
	case len(found) > 1:
		return "", "the audience must be of one application, got " + lanyard.Quote(strings.Join(found, " "))
	case r.Namespace != "" && !m.knows(r.Namespace):
		return "", "servers has no application " + lanyard.Quote(r.Namespace)
	case r.Namespace != "" && len(found) == 1 && found[0] != r.Namespace:
		return "", "the audience is of application " + lanyard.Quote(found[0]) + ", and the question about " +
			lanyard.Quote(r.Namespace)
	case len(found) == 1:
		return found[0], ""
	case r.Namespace != "":
		return r.Namespace, ""
	}
	if only := m.only(); only != "" {
		return only, ""
	}
	return "", "the MCP server is not named: send context.audience, or ask at /servers/NAMESPACE/access/v1/…"
}

// server returns the namespace of the application that an audience stands for; "" when there is none.
func (m *Mapping) server(audience string) string {
	if m.Servers == nil {
		return audience
	}
	return m.Servers[audience]
}

// knows reports whether an application is one of those that audiences stand for.
func (m *Mapping) knows(namespace string) bool {
	if m.Servers == nil {
		return true
	}
	for _, n := range m.Servers {
		if n == namespace {
			return true
		}
	}
	return false
}

// only returns the only application that there is; "" if there are none or several.
func (m *Mapping) only() (namespace string) {
	for _, n := range m.Servers {
		if namespace != "" && n != namespace {
			return ""
		}
		namespace = n
	}
	return namespace
}

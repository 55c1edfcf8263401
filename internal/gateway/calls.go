package gateway

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard/internal/mcprights"
)

// callTool serves tools/call.
func (q *request) callTool() error {
	if !q.name.at.there() {
		return faultf(codeInvalidParams, "params.name is required")
	}
	u, inner, ok := q.g.byName(q.name.value)
	e := errand{tool: q.name.value}
	switch {
	case !ok:
		e.rights = []Right{q.unknown(q.name.value)}
		return q.run(e)
	case u.Local != nil:
		right, err := u.Local.Right(q.ctx, q.caller, inner)
		if err != nil {
			q.g.Logger.Error("a right cannot be found", "upstream", u.Name, "error", err)
			return faultf(codeInternal, "the call cannot be decided now")
		}
		e.upstream, e.local, e.rights = u, inner, []Right{right}
		return q.run(e)
	}
	e.upstream, e.name, e.rights = u, inner, []Right{{Namespace: u.Namespace, Tool: inner}}
	e.edits = q.renamed(q.name, inner)
	if it := u.offers.Load().find(kindTools, inner); it != nil {
		e.params = it.params
	}
	return q.runWithState(e)
}

// unknown returns the right to what no upstream has, as it would be if one had.
func (q *request) unknown(name string) Right {
	if namespace, tool, ok := strings.Cut(name, separator); ok && q.g.prefixed {
		return Right{Namespace: namespace, Tool: tool}
	}
	if q.g.prefixed {
		return Right{Tool: name}
	}
	return Right{Namespace: q.g.upstreams[0].Namespace, Tool: name}
}

// renamed returns the edit that gives a value its name with the upstream.
func (q *request) renamed(t text, inner string) []edit {
	if t.value == inner {
		return nil
	}
	return []edit{{t.at, quote(inner)}}
}

// runWithState runs an errand after it has opened the state that the agent sends back, which must be of a call of the
// same caller for the same thing.
func (q *request) runWithState(e errand) error {
	e.target = q.method + " " + e.upstream.Name + " " + e.name
	if q.state.at.there() {
		inner, ok := q.g.states.Open(q.state.value, q.scope(e.target)...)
		if !ok {
			return faultf(codeInvalidParams, "params.requestState must be what the gateway returned for this call to this caller")
		}
		e.state = string(inner)
		e.edits = append(e.edits, edit{q.state.at, quote(e.state)})
	}
	return q.run(e)
}

// scope is what a text that travels through an agent is bound to.
func (q *request) scope(what string) []string {
	c := q.caller
	return []string{c.Account, c.Instance, c.Agent, c.User, what}
}

// getPrompt serves prompts/get.
func (q *request) getPrompt() error {
	if !q.name.at.there() {
		return faultf(codeInvalidParams, "params.name is required")
	}
	u, inner, ok := q.g.byName(q.name.value)
	if !ok || u.Local != nil {
		right := q.unknown(q.name.value)
		right.Tool = mcprights.Prompt(right.Tool)
		return q.run(errand{tool: q.name.value, rights: []Right{right}})
	}
	return q.runWithState(errand{upstream: u, tool: q.name.value, name: inner, edits: q.renamed(q.name, inner),
		rights: []Right{{Namespace: u.Namespace, Tool: mcprights.Prompt(inner)}}})
}

// readResource serves resources/read, and resources/subscribe and resources/unsubscribe in sessions.
func (q *request) readResource() error {
	if !q.uri.at.there() {
		return faultf(codeInvalidParams, "params.uri is required")
	}
	u, inner, rights := q.g.resourceRights(q.uri.value)
	e := errand{upstream: u, tool: q.uri.value, name: inner, rights: rights}
	if u == nil {
		return q.run(e)
	}
	e.edits = q.renamed(q.uri, inner)
	return q.runWithState(e)
}

// resourceRights returns the upstream of a resource or template, nil if there is none, its URI there, and the rights of
// which one is required: to the URI itself, or to a template that it is of.
func (g *Gateway) resourceRights(uri string) (*upstream, string, []Right) {
	u, inner, ok := g.byURI(uri)
	if !ok || u.Local != nil {
		if !g.prefixed {
			return nil, "", []Right{{Namespace: g.upstreams[0].Namespace, Tool: mcprights.Resource(uri)}}
		}
		namespace, rest, _ := strings.Cut(uri, "+")
		return nil, "", []Right{{Namespace: namespace, Tool: mcprights.Resource(rest)}}
	}
	rights := []Right{{Namespace: u.Namespace, Tool: mcprights.Resource(inner)}}
	for _, it := range u.offers.Load().list(kindTemplates) {
		if len(rights) == maxTemplateRights {
			break
		}
		if it.template.Grants(inner) {
			rights = append(rights, it.right)
		}
	}
	return u, inner, rights
}

// maxTemplateRights is how many rights are tried for one resource.
const maxTemplateRights = 32

// complete serves completion/complete: who may use a prompt or template may have its arguments completed.
func (q *request) complete() error {
	switch q.refType {
	case "ref/prompt":
		if !q.refName.at.there() {
			return faultf(codeInvalidParams, "params.ref.name is required")
		}
		u, inner, ok := q.g.byName(q.refName.value)
		if !ok || u.Local != nil {
			right := q.unknown(q.refName.value)
			right.Tool = mcprights.Prompt(right.Tool)
			return q.run(errand{tool: q.refName.value, rights: []Right{right}})
		}
		return q.run(errand{upstream: u, tool: q.refName.value, edits: q.renamed(q.refName, inner),
			rights: []Right{{Namespace: u.Namespace, Tool: mcprights.Prompt(inner)}}})
	case "ref/resource":
		if !q.refURI.at.there() {
			return faultf(codeInvalidParams, "params.ref.uri is required")
		}
		u, inner, rights := q.g.resourceRights(q.refURI.value)
		e := errand{upstream: u, tool: q.refURI.value, rights: rights}
		if u != nil {
			e.edits = q.renamed(q.refURI, inner)
		}
		return q.run(e)
	}
	return faultf(codeInvalidParams, "params.ref.type must be ref/prompt or ref/resource, got %.40q", q.refType)
}

// askStateless has an upstream answer that speaks the revision without sessions.
func (q *request) askStateless(ctx context.Context, e errand, c *connection) (*incoming, error) {
	o := &outgoing{id: q.raw(q.id), method: q.method, name: e.name}
	// Made of the body: what else an agent sends in such headers was compared with nothing.
	o.header = paramHeadersFor(e.params, q.arguments.orNull(q.message))
	if q.stateless() {
		o.text = splice(q.text, e.edits...)
		return c.link.call(ctx, o, q.pass)
	}
	return q.session.callStateless(ctx, q, e, c, o)
}

// orNull returns the value at a span, null if there is none.
func (s span) orNull(m *message) jsontext.Value {
	if !s.there() {
		return null
	}
	return m.raw(s)
}

// paramHeadersFor returns the headers that repeat arguments.
func paramHeadersFor(params []paramHeader, arguments jsontext.Value) http.Header {
	h := http.Header{}
	for _, p := range params {
		v, ok := lookUp(arguments, p.path)
		if !ok {
			continue
		}
		switch v.Kind() {
		case '"':
			h[p.header] = []string{encodeHeader(unquote(v))}
		case 't', 'f', '0':
			h[p.header] = []string{string(v)}
		}
	}
	return h
}

// A resultWriter changes a result for the agent.
type resultWriter struct {
	q     *request
	e     errand
	raw   jsontext.Value
	edits []edit
	seen  map[string]bool
}

// uriPaths are where results of calls have URIs of resources.
var uriPaths = map[string]bool{
	"content.*.uri": true, "content.*.resource.uri": true, "contents.*.uri": true,
	"messages.*.content.uri": true, "messages.*.content.resource.uri": true,
	"result.content.*.uri": true, "result.content.*.resource.uri": true, // of a task
}

func (w *resultWriter) rewrite(raw jsontext.Value) (jsontext.Value, error) {
	w.raw, w.seen = raw, map[string]bool{}
	if raw.Kind() != '{' {
		return nil, errors.New("result must be an object")
	}
	if err := w.walk(newReader(raw), ""); err != nil {
		return nil, err
	}
	var more []byte
	if w.q.stateless() && !w.seen["resultType"] {
		more = append(more, `"resultType":"complete"`...)
	}
	if w.q.stateless() && w.q.method == "resources/read" && !w.seen["requestState"] && !w.seen["inputRequests"] {
		for name, value := range map[string]string{"ttlMs": "0", "cacheScope": `"private"`} {
			if !w.seen[name] {
				more = append(append(more, ','), `"`+name+`":`+value...)
			}
		}
	}
	if more = bytes.TrimPrefix(more, []byte(",")); len(more) > 0 {
		if len(w.seen) > 0 {
			more = append(more, ',')
		}
		w.edits = append(w.edits, edit{span{1, 1}, more})
	}
	return splice(raw, w.edits...), nil
}

// walk follows the parts of a result that may have to be changed.
func (w *resultWriter) walk(r *reader, path string) error {
	switch r.dec.PeekKind() {
	case '{':
		return r.object("result", func(name string) error {
			if path == "" {
				w.seen[name] = true
				return w.member(r, name)
			}
			return w.member(r, path+"."+name)
		})
	case '[':
		if _, err := r.dec.ReadToken(); err != nil {
			return err
		}
		for r.dec.PeekKind() != ']' {
			if err := w.walk(r, path+".*"); err != nil {
				return err
			}
		}
		_, err := r.dec.ReadToken()
		return err
	}
	_, err := r.value()
	return err
}

func (w *resultWriter) member(r *reader, path string) error {
	kind := r.dec.PeekKind()
	switch {
	case kind == '{' || kind == '[':
		first, _, _ := strings.Cut(path, ".")
		switch first {
		case "content", "contents", "messages", "task", "result":
			return w.walk(r, path)
		}
	case kind == '"':
		value, at, err := r.string(path)
		if err != nil {
			return err
		}
		w.text(path, value, at)
		return nil
	case path == "ttlMs" && w.q.method == "resources/read":
		at, err := r.value()
		if err == nil && !ttlFits(w.raw[at.start:at.end]) {
			w.edits = append(w.edits, edit{at, []byte("1000")})
		}
		return err
	}
	_, err := r.value()
	return err
}

// maxTTL is the lifetime of what depends on the caller's rights, in milliseconds.
const maxTTL = 1000

func ttlFits(v jsontext.Value) bool {
	var ms float64
	return json.Unmarshal(v, &ms) == nil && ms <= maxTTL
}

// text changes a string of a result.
func (w *resultWriter) text(path, value string, at span) {
	q := w.q
	switch {
	case path == "cacheScope" && q.method == "resources/read":
		w.edits = append(w.edits, edit{at, []byte(`"private"`)})
	case (path == "taskId" || path == "task.taskId") && q.method != "prompts/get" && q.method != "resources/read":
		w.edits = append(w.edits, edit{at, quote(q.sealTask(w.e, w.e.rights[0], value))})
	case path == "requestState" && w.e.target != "":
		w.edits = append(w.edits, edit{at, quote(q.g.states.Seal([]byte(value), q.scope(w.e.target)...))})
	case q.g.prefixed && uriPaths[path] && offeredURI(value):
		w.edits = append(w.edits, edit{at, quote(q.g.outerURI(w.e.upstream, value))})
	}
}

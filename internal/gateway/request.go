package gateway

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
)

// A request is one of an agent that is to be answered.
type request struct {
	*message
	g       *Gateway
	ctx     context.Context
	http    *http.Request
	caller  *Caller
	reply   *reply
	session *session // nil in the revision without

	decision string // id
	began    time.Time
}

// A method serves requests. It answers through the reply, or returns an error that becomes the answer.
type method func(q *request) error

// statelessMethods are those of the revision without sessions. Whatever is not here is denied.
var statelessMethods = map[string]method{
	"server/discover":          (*request).discover,
	"tools/list":               (*request).listTools,
	"tools/call":               (*request).callTool,
	"prompts/list":             (*request).listPrompts,
	"prompts/get":              (*request).getPrompt,
	"resources/list":           (*request).listResources,
	"resources/templates/list": (*request).listTemplates,
	"resources/read":           (*request).readResource,
	"completion/complete":      (*request).complete,
	"tasks/get":                (*request).task,
	"tasks/update":             (*request).task,
	"tasks/cancel":             (*request).task,
}

// serve finds the method and answers.
func (q *request) serve(methods map[string]method) {
	serve, ok := methods[q.method]
	if !ok {
		q.fail(faultf(codeMethodNotFound, "method %.80q does not exist", q.method))
		return
	}
	q.began = time.Now()
	if err := serve(q); err != nil {
		q.fail(err)
	}
}

// stateless reports whether the agent speaks the revision without sessions.
func (q *request) stateless() bool { return q.session == nil }

// fail answers with an error.
func (q *request) fail(err error) {
	var f *fault
	if !errors.As(err, &f) {
		q.g.Logger.Error("a request failed", "method", q.method, "error", err)
		f = faultf(codeInternal, "the gateway cannot answer this now")
	}
	q.reply.final(q.status(f.Code), faultMessage(q.raw(q.id), f))
}

// status returns the HTTP status of an error, which in revisions with sessions is none of HTTP's business.
func (q *request) status(code int) int {
	if !q.stateless() {
		return http.StatusOK
	}
	switch code {
	case codeMethodNotFound:
		return http.StatusNotFound
	case codeInvalidParams, codeUnsupportedVersion, codeMissingCapability, codeHeaderMismatch, codeInvalidRequest:
		return http.StatusBadRequest
	}
	return http.StatusOK
}

// succeed answers with a result of the gateway's own. Members are added for the revision without sessions.
func (q *request) succeed(result map[string]any) {
	if q.stateless() {
		result["resultType"] = "complete"
	}
	q.reply.final(http.StatusOK, resultMessage(q.raw(q.id), encode(result)))
}

// An errand is what is to be asked of an upstream, once it is decided.
type errand struct {
	upstream *upstream // nil if there is none of that name; then nothing is allowed
	rights   []Right   // of which one suffices; refusals name the first
	tool     string    // for limits and records
	edits    []edit
	name     string // for Mcp-Name
	params   []paramHeader
	local    string // name of a tool of a Local upstream
	target   string // what the state of a call that needs input is bound to
	state    string // that the agent sent back, opened
}

// run decides an errand and, if it is allowed, has it done.
func (q *request) run(e errand) error {
	call, err := q.decide(e)
	if call == nil {
		return err
	}
	return q.forward(call, e)
}

// decideOnly decides a request that the gateway serves itself.
func (q *request) decideOnly(e errand, serve func() error) error {
	call, err := q.decide(e)
	if call == nil {
		return err
	}
	if err := serve(); err != nil {
		return q.end(call, "failed", faultOf(err), nil)
	}
	if err := q.record(call, "answered", ""); err != nil {
		return err
	}
	q.succeed(map[string]any{})
	return nil
}

// faultOf returns err as a fault.
func faultOf(err error) *fault {
	var f *fault
	if errors.As(err, &f) {
		return f
	}
	return faultf(codeInternal, "the gateway cannot answer this now")
}

// decide decides an errand. If it is not allowed, or nobody can do it, it answers, or returns the error that is the
// answer, and no call.
func (q *request) decide(e errand) (*Call, error) {
	q.decision = newDecisionID()
	q.reply.setHeader(headerDecision, q.decision)
	decisions, err := q.g.Authority.Decide(q.ctx, q.caller, e.rights)
	if err == nil && len(decisions) != len(e.rights) {
		err = errors.New("Authority decided another number of rights")
	}
	call := &Call{ID: q.decision, Caller: q.caller, Method: q.method, Right: e.rights[0], Began: q.began,
		Arguments: q.argumentsSent()}
	if e.upstream != nil {
		call.Upstream = e.upstream.Name
	}
	if err != nil {
		q.g.logAway("a call cannot be decided", err)
		return nil, q.end(call, "failed", faultf(codeInternal, "the call cannot be decided now"), nil)
	}
	call.Decision = decisions[0]
	for i, d := range decisions {
		if d.Allow {
			call.Right, call.Decision = e.rights[i], d
			break
		}
	}
	if !call.Decision.Allow {
		q.g.parked.abandon(e.state)
		return nil, q.refuse(call, e)
	}
	if e.upstream == nil {
		return nil, q.end(call, "answered", faultf(codeInvalidParams, "%s does not exist", q.subject(e.tool)), nil)
	}
	return call, nil
}

// argumentsSent returns the arguments of a tool or prompt.
func (q *request) argumentsSent() lanyard.JSON {
	if !q.arguments.there() {
		return nil
	}
	return lanyard.JSON(q.raw(q.arguments))
}

// subject names what a request is about.
func (q *request) subject(tool string) string {
	what, _, _ := strings.Cut(q.method, "/")
	return fmt.Sprintf("%s %s", map[string]string{"tools": "tool", "prompts": "prompt", "resources": "resource",
		"completion": "argument of", "tasks": "task"}[what], lanyard.Quote(tool))
}

// refuse answers a request that is not allowed. The answer is the same whether or not there is what was asked for.
func (q *request) refuse(call *Call, e errand) error {
	shown := q.shownRight(call.Right, e)
	reason := q.g.Authority.Refusal(q.ctx, q.caller, shown)
	call.Error = reason
	if shown != call.Right { // the record is for those who grant permissions, and names the one that is missing
		call.Error = q.g.Authority.Refusal(q.ctx, q.caller, call.Right)
	}
	if challenge := q.g.Authenticator.Challenge(q.http, &call.Right); challenge != "" {
		q.reply.setHeader("WWW-Authenticate", challenge)
		if err := q.record(call, "refused", call.Error); err != nil {
			return err
		}
		q.reply.final(http.StatusForbidden, faultMessage(q.raw(q.id), faultf(codeDenied, "%s", reason)))
		return nil
	}
	return q.end(call, "refused", faultf(codeDenied, "%s", reason), nil)
}

// shownRight returns the right that a refusal names. To an agent by itself that is the one that it asked for, with the
// name by which it knows the server: which application stands for that, and whether there is one, is not its to know.
func (q *request) shownRight(r Right, e errand) Right {
	if q.caller.User == "" && q.g.prefixed && e.upstream != nil && r.Namespace != "" {
		r.Namespace = e.upstream.Name
	}
	return r
}

// end records how a call ended and answers: with a response if there is one, else with f.
func (q *request) end(call *Call, outcome string, f *fault, response *incoming) error {
	text := ""
	if f != nil {
		text = cmp.Or(call.Error, f.Message)
	}
	if f != nil && f.Code == codeHeaderMismatch {
		text = "a header must be as in the body" // the message has what it was: an argument
	}
	if err := q.record(call, outcome, text); err != nil {
		return err
	}
	if response != nil {
		q.reply.final(q.responseStatus(response), response.text)
		return nil
	}
	switch outcome {
	case "refused", "failed", "limited", "timed out":
		if q.method == "tools/call" && (f.Code == codeDenied || f.Code == codeUnavailable) {
			q.tellModel(outcome, f.Message)
			return nil
		}
	}
	return f
}

// tellModel answers a call of a tool with a result that is an error: agents hand it to their model, which can do
// something else. They end with an error of the protocol.
func (q *request) tellModel(outcome, text string) {
	q.succeed(map[string]any{
		"content": []any{map[string]any{"type": "text", "text": text}},
		"isError": true,
		"_meta":   map[string]any{"lanyard/decision": map[string]any{"id": q.decision, "outcome": outcome}},
	})
}

// record records a call. What cannot be recorded is not answered.
func (q *request) record(call *Call, outcome, text string) error {
	call.Outcome, call.Duration = outcome, time.Since(call.Began)
	if outcome != "answered" {
		call.Error = text
	}
	if err := q.g.Recorder.Record(context.WithoutCancel(q.ctx), call); err != nil {
		q.g.Logger.Error("a call cannot be recorded", "error", err)
		return faultf(codeInternal, "the call cannot be recorded, so its result is withheld")
	}
	return nil
}

func (q *request) responseStatus(in *incoming) int {
	if !q.stateless() || !in.fault.there() {
		return http.StatusOK
	}
	return q.status(readFault(in.message).Code)
}

// forward sends a request to its upstream and its response to the agent.
func (q *request) forward(call *Call, e errand) error {
	sizes := q.g.Guard.Sizes(q.caller, e.upstream.Name, call.Right.name())
	if exceeds(len(q.text), sizes.Request) {
		return q.end(call, "limited", faultf(codeUnavailable, "a call of %s must have at most %d bytes, got %d",
			q.subject(e.tool), sizes.Request, len(q.text)), nil)
	}
	ctx, cancel := context.WithTimeoutCause(q.ctx, q.g.CallTimeout, errTimeout)
	defer cancel()
	ctx, leave, err := q.g.Guard.Enter(ctx, q.caller, e.upstream.Name, call.Right.name())
	if err != nil {
		var limited *Limited
		if !errors.As(err, &limited) {
			q.g.Logger.Error("a call cannot be admitted", "error", err)
			return q.end(call, "failed", faultf(codeUnavailable, "the call cannot be made now"), nil)
		}
		if limited.RetryAfter > 0 {
			q.reply.setHeader("Retry-After", strconv.Itoa(int((limited.RetryAfter+time.Second-1)/time.Second)))
		}
		return q.end(call, "limited", faultf(codeUnavailable, "%s", limited.Reason), nil)
	}
	in, err := q.exchange(ctx, e)
	late := ctx.Err() != nil // leave ends ctx
	var f *fault
	if err != nil && (q.ctx.Err() != nil || errors.As(err, &f)) {
		leave(context.Canceled) // the agent went away or is at fault, which says nothing about the upstream
	} else {
		leave(err)
	}
	if err == nil && exceeds(len(in.text), sizes.Answer) {
		return q.end(call, "failed", faultf(codeUnavailable, "the answer of %s must have at most %d bytes, got %d",
			q.subject(e.tool), sizes.Answer, len(in.text)), nil)
	}
	if err == nil {
		return q.end(call, "answered", nil, in)
	}
	switch {
	case errors.As(err, &f):
		return q.end(call, "failed", f, nil)
	case q.ctx.Err() != nil:
		return q.end(call, "cancelled", faultf(codeUnavailable, "the call was cancelled"), nil)
	case late:
		return q.end(call, "timed out", faultf(codeUnavailable, "%s did not answer in time", q.subject(e.tool)), nil)
	}
	q.g.Logger.Warn("an upstream failed in a call", "upstream", e.upstream.Name, "method", q.method, "error", err)
	return q.end(call, "failed", faultf(codeUnavailable, "%s is not available now", q.subject(e.tool)), nil)
}

var errTimeout = errors.New("call took too long")

// exchange has an upstream answer.
func (q *request) exchange(ctx context.Context, e errand) (*incoming, error) {
	u := e.upstream
	if u.Local != nil {
		return q.callLocal(ctx, e)
	}
	c, err := u.connected(ctx)
	if err != nil {
		return nil, err
	}
	if q.stateless() {
		if f := checkParams(q.http.Header, e.params, q.arguments.orNull(q.message)); f != nil {
			return nil, f
		}
	}
	if c.hello.version == revisionStateless {
		in, err := q.askStateless(ctx, e, c)
		if err != nil {
			return nil, err
		}
		return q.rewrite(in, e)
	}
	in, err := q.askSession(ctx, e, c)
	if err != nil {
		return nil, err
	}
	in.sessions = true
	return q.rewrite(in, e)
}

// pass sends a notification of the upstream that belongs to the request to the agent.
func (q *request) pass(m *message) { passTo(q.reply, m) }

func passTo(p *reply, m *message) {
	switch m.method {
	case "notifications/progress", "notifications/message", "notifications/elicitation/complete":
		p.interim(m.text)
	}
}

// setHeader sets a header of the answer, unless that has begun.
func (p *reply) setHeader(name, value string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w != nil && !p.events {
		p.w.Header()[name] = []string{value}
	}
}

// rewrite changes the response for the agent: names of resources, ids of tasks and states become those that agents
// know, and members that the agent's revision requires are added.
func (q *request) rewrite(in *incoming, e errand) (*incoming, error) {
	if !in.result.there() {
		return in, nil
	}
	text := in.text
	cached := q.method == "resources/read"
	typed := !q.stateless() || !in.sessions && bytes.Contains(text, []byte(`"resultType"`))
	if typed && !cached && !(q.g.prefixed && mayHaveURI(text)) && !bytes.Contains(text, []byte("taskId")) &&
		!bytes.Contains(text, []byte("requestState")) {
		return in, nil
	}
	w := resultWriter{q: q, e: e}
	result, err := w.rewrite(in.raw(in.result))
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errMalformed, err)
	}
	m, err := parseMessage(splice(text, edit{in.result, result}))
	if err != nil {
		return nil, err
	}
	return &incoming{message: m, status: in.status}, nil
}

func mayHaveURI(text []byte) bool {
	return bytes.Contains(text, []byte(`"resource`)) || bytes.Contains(text, []byte(`"contents"`))
}

// callLocal calls a tool of a Local upstream.
func (q *request) callLocal(ctx context.Context, e errand) (*incoming, error) {
	arguments := q.argumentsSent()
	if arguments == nil {
		arguments = lanyard.JSON("{}")
	}
	result, err := e.upstream.Local.Call(ctx, q.caller,
		LocalCall{ID: q.decision, Name: e.local, Right: e.rights[0], Arguments: arguments})
	if err != nil {
		return nil, err
	}
	m, err := parseMessage(resultMessage(q.raw(q.id), jsontext.Value(result)))
	if err != nil {
		return nil, fmt.Errorf("%w: %v", errMalformed, err)
	}
	return q.rewrite(&incoming{message: m}, e)
}

// newDecisionID returns an id that no other decision has.
func newDecisionID() string { return rand.Text() }

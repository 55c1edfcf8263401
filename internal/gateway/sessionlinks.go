package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// sessionPeer hands what an upstream sends to the agent.
type sessionPeer struct{ s *session }

func (p sessionPeer) outside(u *upstream, m *message) {
	switch m.method {
	case "notifications/message", "notifications/elicitation/complete":
		p.s.out.push(m.text)
	default:
		u.heard(m)
	}
}

func (p sessionPeer) ask(ctx context.Context, u *upstream, m *message, within *reply) []byte {
	if !isAgentMethod(m.method) {
		return answerAlone(m)
	}
	var params jsontext.Value
	if m.params.there() {
		params = m.raw(m.params)
	}
	answer, err := p.s.ask(ctx, m.method, params, within)
	if err != nil {
		return faultMessage(m.raw(m.id), faultf(codeInternal, "the agent did not answer"))
	}
	return splice(answer.text, edit{answer.id, m.raw(m.id)})
}

// link returns the session with an upstream that belongs to this one.
func (s *session) link(ctx context.Context, u *upstream) (*sessionLink, error) {
	s.mu.Lock()
	l := s.links[u]
	s.mu.Unlock()
	if l != nil && l.ctx.Err() == nil {
		return l, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, u.g.ConnectTimeout, errTimeout)
	defer cancel()
	l, err := u.openSession(ctx, sessionPeer{s}, s.caps)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	if s.links == nil { // ended in the meantime
		s.mu.Unlock()
		l.close()
		return nil, errSessionGone
	}
	if other := s.links[u]; other != nil && other.ctx.Err() == nil {
		s.mu.Unlock()
		l.close()
		return other, nil
	}
	s.links[u] = l
	level := s.level
	s.mu.Unlock()
	if level != "" {
		_ = l.setLevel(ctx, level) // it does not matter to the call
	}
	s.g.spawn(func() { _ = l.listen(l.ctx, func() {}) }) // what it says there is a courtesy
	return l, nil
}

func (l *sessionLink) setLevel(ctx context.Context, level string) error {
	_, err := l.call(ctx, &outgoing{id: jsontext.Value("0"), method: "logging/setLevel", text: encode(map[string]any{
		"jsonrpc": "2.0", "id": 0, "method": "logging/setLevel", "params": map[string]any{"level": level}})},
		func(*message) {})
	return err
}

// askSession has an upstream answer that speaks a revision with sessions.
func (q *request) askSession(ctx context.Context, e errand, c *connection) (*incoming, error) {
	o := &outgoing{id: q.raw(q.id), method: q.method, text: splice(q.text, append(e.edits, q.withoutMeta()...)...)}
	if !c.sessions() {
		return c.link.call(ctx, o, q.pass)
	}
	if q.stateless() {
		return q.askParked(ctx, e, o)
	}
	for again := true; ; again = false {
		l, err := q.session.link(ctx, e.upstream)
		if err != nil {
			return nil, err
		}
		in, err := l.call(ctx, o, func(m *message) {
			if m.isRequest() {
				l.take(ctx, m, q.reply)
			} else {
				q.pass(m)
			}
		})
		if !errors.Is(err, errSessionGone) || !again {
			return in, err
		}
		l.cancel() // the upstream has forgotten it, and has not seen the request
	}
}

// askParked has an upstream answer in a session of the caller's own. The call may have to wait for the agent.
func (q *request) askParked(ctx context.Context, e errand, o *outgoing) (*incoming, error) {
	if strings.HasPrefix(e.state, parkedState) {
		return q.resume(ctx, e.state)
	}
	for again := true; ; again = false {
		l, err := q.g.pools.link(ctx, q.caller, e.upstream, q.sessionCapabilities())
		if err != nil {
			return nil, err
		}
		in, err := q.await(ctx, q.park(l, o))
		if !errors.Is(err, errSessionGone) || !again {
			return in, err
		}
		l.cancel() // the upstream has forgotten it, and has not seen the request
	}
}

// withoutMeta returns the edit that removes what only the revision without sessions says in each request.
func (q *request) withoutMeta() []edit {
	if !q.stateless() || !q.meta.there() {
		return nil
	}
	var meta map[string]jsontext.Value
	if json.Unmarshal(q.raw(q.meta), &meta) != nil {
		return nil
	}
	for _, key := range []string{keyVersion, keyClientInfo, keyClientCaps, keyLogLevel} {
		delete(meta, key)
	}
	return []edit{{q.meta, encode(meta)}}
}

// maxRounds is how often an upstream may ask for more in one call.
const maxRounds = 10

// inputNeeded is a result that asks the agent for something.
type inputNeeded struct {
	ResultType    string                    `json:"resultType"`
	InputRequests map[string]agentRequest   `json:"inputRequests"`
	RequestState  jsontext.Value            `json:"requestState"`
	responses     map[string]jsontext.Value // to be sent
}

type agentRequest struct {
	Method string         `json:"method"`
	Params jsontext.Value `json:"params"`
}

// callStateless has an upstream answer that speaks the revision without sessions. What it needs of the agent is asked
// for in the session, and each further round is decided like the first.
func (s *session) callStateless(ctx context.Context, q *request, e errand, c *connection, o *outgoing) (
	*incoming, error) {
	if q.inputs.there() || q.state.at.there() { // which the gateway sends in later rounds
		return nil, faultf(codeInvalidParams, "params.inputResponses and params.requestState must be absent in a session")
	}
	o.text = splice(q.text, append(e.edits, s.metaEdit(q.message, nil))...)
	for range maxRounds {
		in, err := c.link.call(ctx, o, q.pass)
		if err != nil || !in.result.there() {
			return in, err
		}
		var need inputNeeded
		if json.Unmarshal(in.raw(in.result), &need) != nil || need.ResultType != "input_required" {
			return in, nil
		}
		if err := s.fulfil(ctx, q, &need); err != nil {
			return nil, err
		}
		if err := q.decideAgain(e); err != nil {
			return nil, err
		}
		o.text = splice(q.text, append(e.edits, s.metaEdit(q.message, &need))...)
	}
	return nil, fmt.Errorf("upstream asked for more in %d rounds", maxRounds)
}

// fulfil asks the agent for all that an upstream needs.
func (s *session) fulfil(ctx context.Context, q *request, need *inputNeeded) error {
	if len(need.InputRequests) > maxAsking {
		return errors.New("upstream asks for too much")
	}
	need.responses = map[string]jsontext.Value{}
	for key, r := range need.InputRequests {
		if !isAgentMethod(r.Method) {
			return fmt.Errorf("upstream asks for %q", r.Method)
		}
		m, err := s.ask(ctx, r.Method, r.Params, q.reply)
		if err != nil {
			return err
		}
		if m.fault.there() {
			return readFault(m)
		}
		need.responses[key] = m.raw(m.result)
	}
	return nil
}

// decideAgain decides an errand once more.
func (q *request) decideAgain(e errand) error {
	decisions, err := q.g.Authority.Decide(q.ctx, q.caller, e.rights)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(decisions, func(d Decision) bool { return d.Allow }) {
		return faultf(codeDenied, "%s", q.g.Authority.Refusal(q.ctx, q.caller, e.rights[0]))
	}
	return nil
}

// metaEdit returns the edit that adds to a request of a session what the revision without requires.
func (s *session) metaEdit(m *message, need *inputNeeded) edit {
	meta := map[string]any{keyVersion: revisionStateless, keyClientInfo: gatewayInfo, keyClientCaps: s.caps}
	s.mu.Lock()
	if s.level != "" {
		meta[keyLogLevel] = s.level
	}
	s.mu.Unlock()
	inner := encode(meta)
	inner = inner[1 : len(inner)-1]
	var more []byte
	if need != nil {
		more = fmt.Appendf(more, `"inputResponses":%s,`, encode(need.responses))
		if need.RequestState != nil {
			more = fmt.Appendf(more, `"requestState":%s,`, need.RequestState)
		}
	}
	comma := func(at span) string {
		for _, c := range m.text[at.start+1 : at.end-1] {
			if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
				return ","
			}
		}
		return ""
	}
	switch {
	case !m.params.there():
		end := len(m.text)
		for m.text[end-1] != '}' {
			end--
		}
		return edit{span{end - 1, end - 1}, fmt.Appendf(nil, `,"params":{%s"_meta":{%s}}`, more, inner)}
	case !m.meta.there():
		at := m.params.start + 1
		return edit{span{at, at}, fmt.Appendf(nil, `%s"_meta":{%s}%s`, more, inner, comma(m.params))}
	}
	return edit{m.meta, append(encode(mergedMeta(m.raw(m.meta), meta)), moreAfter(more)...)}
}

// mergedMeta returns what an agent says in _meta with what the gateway says of itself, which the agent cannot say.
func mergedMeta(sent jsontext.Value, own map[string]any) map[string]any {
	var all map[string]jsontext.Value
	if json.Unmarshal(sent, &all) != nil {
		return own
	}
	for name, value := range all {
		switch name {
		case keyVersion, keyClientInfo, keyClientCaps, keyLogLevel:
		default:
			own[name] = value
		}
	}
	return own
}

// moreAfter returns members that follow another.
func moreAfter(more []byte) []byte {
	if len(more) == 0 {
		return nil
	}
	return append([]byte(","), more[:len(more)-1]...)
}

package authzen

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/coaz"
	"github.com/lanyard/lanyard/internal/questions"
)

// A proxy that knows ext_authz over HTTP (Envoy, agentgateway) asks with the request of its client: method, path, some
// of the headers and the body. Status 200 lets the request through; the client gets any other answer. The body decides
// what is asked, and the headers that the proxy sets say who asks. Everything else in the request is the client's.

// Codes of errors of JSON-RPC, as the COAZ binding and MCP use them.
const (
	codeParse       = -32700
	codeInvalid     = -32600
	codeMismatch    = -32020 // headers and body differ
	codeDenied      = -32001
	codeUnavailable = -32603 // no decision
)

// A refusal is why a client's request is not let through. Its message is shown to the client. No refusal has a status
// of 500 or more: a proxy can be told to let requests through then.
type refusal struct {
	status, code int
	id           jsontext.Value // of the client's request
	message      string
	reason       string // for the log; "" for a plain denial
}

func (e *refusal) Error() string { return e.message }

// deny refuses a request because it must not be let through as it came.
func deny(code int, format string, args ...any) *refusal {
	return &refusal{status: http.StatusBadRequest, code: code, message: fmt.Sprintf(format, args...)}
}

// misled refuses every request of a proxy that asks in the wrong way, without telling clients how.
func misled(format string, args ...any) *refusal {
	return &refusal{http.StatusForbidden, codeUnavailable, nil, "no decision: the gateway is not set up to ask for one",
		fmt.Sprintf(format, args...)}
}

// checkProxied answers whether a proxy may let a client's request through.
func (s *Server) checkProxied(w http.ResponseWriter, r *http.Request, at address, memory *scratch) {
	err := s.decideProxied(w, r, at, memory)
	if err == nil {
		w.Header()["Content-Length"] = []string{"0"}
		w.WriteHeader(http.StatusOK)
		return
	}
	var refused *refusal
	if !errors.As(err, &refused) {
		refused = &refusal{http.StatusForbidden, codeUnavailable, nil, "no decision: ask again later", err.Error()}
	}
	if refused.reason != "" && r.Context().Err() == nil {
		s.Logger.Warn("request of a proxy refused", "proxy", at.proxy, "reason", refused.reason)
	}
	send(w, refused.status, refused.body())
}

// body returns the answer to the client: an error of JSON-RPC.
func (e *refusal) body() []byte {
	id := e.id
	if id == nil {
		id = jsontext.Value("null")
	}
	b := append([]byte(`{"jsonrpc":"2.0","id":`), id...)
	b = fmt.Appendf(b, `,"error":{"code":%d,"message":`, e.code)
	return append(quote(b, strings.ToValidUTF8(e.message, "?")), "}}"...)
}

// decideProxied takes a client's request through every step. It returns why the request is refused.
func (s *Server) decideProxied(w http.ResponseWriter, r *http.Request, at address, memory *scratch) error {
	p, err := s.readRequest(w, r, memory)
	if err != nil {
		return err
	}
	by, err := viewer(r, p, at)
	if err != nil {
		return err
	}
	proxy := s.proxy(by.Instance, at.proxy)
	if proxy == nil {
		return misled("proxy %s does not exist in the mapping of instance %s", lanyard.Quote(at.proxy), by.Instance)
	}
	caller, err := callerOf(r.Header, proxy)
	if err != nil {
		return err
	}
	m, err := readProxied(r, memory.read.Bytes)
	if err != nil {
		return err
	}
	asked := m.Request()
	asked.Identity, asked.Agent, asked.Audience = caller.Identity, caller.Agent, caller.Audience
	asked.Namespace = proxy.Namespace
	e, err := s.Questions.Evaluate(r.Context(), by, &questions.Question{MCP: &asked})
	if err != nil {
		return err
	}
	if !e.Decision {
		return &refusal{status: http.StatusForbidden, code: codeDenied, id: m.ID,
			message: "access denied: " + describe(&asked)}
	}
	return nil
}

// proxy returns the proxy of a name that may ask about an instance; nil when there is none.
func (s *Server) proxy(instance, name string) *coaz.Proxy {
	if m := s.Questions.Mapping; m != nil {
		if of := m(instance); of != nil {
			return of.Proxies[name]
		}
	}
	return nil
}

// callerOf returns who sends a client's request, as the headers say that the proxy sets. Each must be there once: a
// second one could be the client's.
func callerOf(h http.Header, p *coaz.Proxy) (c coaz.Request, err error) {
	one := func(name string) string {
		values := h[name]
		if name == "" || err != nil {
			return ""
		}
		if len(values) != 1 || strings.TrimSpace(values[0]) == "" {
			err = misled("the header %s must be there once and not be empty, got it %d times", name, len(values))
			return ""
		}
		return values[0]
	}
	user, agent, audience := one(p.User), one(p.Agent), one(p.Audience)
	c.Identity = user
	if p.Agent != "" {
		c.Agent = &agent
	}
	if p.User == "" { // the agent itself
		c.Identity = agent
	}
	if p.Audience != "" {
		c.Audience = []string{audience}
	}
	return c, err
}

// readProxied reads a client's request, as far as a decision needs it.
func readProxied(r *http.Request, body []byte) (m coaz.Message, err error) {
	h := r.Header
	if v := h["X-Envoy-Auth-Partial-Body"]; len(v) > 1 || len(v) == 1 && v[0] != "false" {
		return m, deny(codeInvalid, "the request is too large to be decided on")
	}
	switch {
	case r.Method == http.MethodPost:
		if len(body) == 0 {
			return m, misled("the request has no body; the proxy must send it (with_request_body)")
		}
		if m, err = coaz.ReadMessage(body); err != nil {
			refused := deny(codeInvalid, "%v", err)
			refused.id = m.ID
			return m, refused
		}
		if err := checkHeaders(h, &m); err != nil {
			refused := deny(codeMismatch, "%v", err)
			refused.id = m.ID
			return m, refused
		}
		return m, nil
	case (r.Method == http.MethodGet || r.Method == http.MethodDelete) && len(body) == 0:
		// The stream and the end of a session, in revisions that have sessions.
		return coaz.Message{Method: coaz.MethodStream, Type: coaz.TypeServer}, nil
	}
	return m, deny(codeInvalid, "the method must be POST, or GET or DELETE without a body")
}

// checkHeaders reports a header that says something else than the body: whoever reads it next may go by the header.
func checkHeaders(h http.Header, m *coaz.Message) error {
	for _, said := range []struct{ header, body string }{{"Mcp-Method", m.Method}, {"Mcp-Name", m.Name}} {
		values := h[said.header]
		if len(values) == 0 || said.header == "Mcp-Name" && m.Name == "" {
			continue
		}
		if len(values) > 1 || decoded(values[0]) != said.body {
			return fmt.Errorf("%s must be %s as in the body, got %s", said.header, lanyard.Quote(said.body),
				lanyard.Quote(strings.Join(values, ", ")))
		}
	}
	return nil
}

// decoded returns what the value of a header stands for, which may be encoded.
func decoded(value string) string {
	inner, open := strings.CutPrefix(value, "=?base64?")
	inner, closed := strings.CutSuffix(inner, "?=")
	if !open || !closed {
		return value
	}
	b, err := base64.StdEncoding.Strict().DecodeString(inner)
	if err != nil {
		return value
	}
	return string(b)
}

// describe names what was asked, which the client has sent.
func describe(r *coaz.Request) string {
	if r.ID == "" {
		return lanyard.Quote(r.Action)
	}
	return r.Action + " " + lanyard.Quote(r.ID)
}

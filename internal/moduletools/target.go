package moduletools

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/gateway"
	"github.com/lanyard/lanyard/internal/nesting"
)

// variables are what a target's URL may name in braces. Nothing that an agent sends is among them.
var variables = map[string]func(*gateway.Caller, *tool) string{
	"instance": func(c *gateway.Caller, _ *tool) string { return c.Instance },
	"module":   func(_ *gateway.Caller, t *tool) string { return t.module.ID },
	"version":  func(_ *gateway.Caller, t *tool) string { return strconv.FormatInt(t.module.Version, 10) },
}

// CheckTarget reports, by its error, what is wrong with the URL of a target. The operator decides the host: variables
// may stand in the path and the query only.
func CheckTarget(target string) error {
	_, rest, _ := strings.Cut(target, "://")
	host, _, _ := strings.Cut(rest, "/")
	if strings.Contains(host, "@") { // not quoted: it has a password
		return errors.New("target must be a URL without user name and password; send them in headers, from the environment")
	}
	filled, err := fillTarget(target, func(name string) (string, bool) {
		_, ok := variables[name]
		return "x", ok
	})
	u, wrong := url.Parse(filled)
	if err != nil || wrong != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Fragment != "" ||
		strings.Contains(host, "{") {
		return fmt.Errorf("target must be an http or https URL whose path and query may have {instance}, {module} and "+
			"{version}, got %s", lanyard.Quote(target))
	}
	return nil
}

// fillTarget replaces what stands in braces.
func fillTarget(target string, value func(name string) (string, bool)) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(target, "{")
		if strings.Contains(before, "}") {
			return "", errors.New("there is no { for a }")
		}
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		v, ok := value(name)
		if !closed || !ok {
			return "", errors.New("there is no such variable")
		}
		b.WriteString(v)
		target = after
	}
}

// newClient returns a client that stays at the target: it follows no redirects.
func newClient(limit time.Duration) *http.Client {
	return &http.Client{
		Timeout:       limit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            (&net.Dialer{Timeout: min(limit, 10*time.Second)}).DialContext,
			TLSHandshakeTimeout:    10 * time.Second,
			MaxIdleConnsPerHost:    64,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
		},
	}
}

// maxRefusal bounds what an agent is shown of a target's refusal, in bytes.
const maxRefusal = 2 << 10

// A request is what a target is sent.
type request struct {
	Instance  string         `json:"instance"`
	Module    string         `json:"module"` // id
	Name      string         `json:"name"`   // of the module
	Version   int64          `json:"version"`
	Alias     string         `json:"alias,omitzero"` // by which the version was chosen
	Arguments jsontext.Value `json:"arguments"`
	Agent     string         `json:"agent,omitzero"` // ARN
	User      string         `json:"user,omitzero"`  // id of the user whom the agent assists
	Decision  string         `json:"decision"`       // id, as in the audit
}

// send has the target run a module, and returns its answer as a result of MCP.
func (u *Upstream) send(ctx context.Context, c *gateway.Caller, t *tool, call gateway.LocalCall) (*result, error) {
	target, err := fillTarget(u.config.Target, func(name string) (string, bool) {
		value, ok := variables[name]
		if !ok {
			return "", false
		}
		return url.PathEscape(value(c, t)), true
	})
	if err != nil {
		return nil, err
	}
	m := t.module
	body, err := json.Marshal(request{Instance: c.Instance, Module: m.ID, Name: m.Name, Version: m.Version, Alias: m.Alias,
		Arguments: jsontext.Value(call.Arguments), Agent: c.Agent, User: c.User, Decision: call.ID})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, value := range u.config.Headers {
		r.Header.Set(name, value)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/json, text/plain")
	r.Header.Set("Lanyard-Decision-Id", call.ID)
	answer, err := u.client.Do(r)
	if err != nil {
		return nil, plainError(err)
	}
	defer answer.Body.Close()
	return u.readAnswer(t, answer)
}

// plainError leaves out the URL: what an operator put into it is not for whoever reads the error.
func plainError(err error) error {
	var in *url.Error
	if errors.As(err, &in) {
		err = in.Err
	}
	return fmt.Errorf("the target of flow modules does not answer: %w", err)
}

// readAnswer makes a result of what the target answers. Where the target is at fault it is an error.
func (u *Upstream) readAnswer(t *tool, answer *http.Response) (*result, error) {
	most := u.config.MaxAnswer
	body, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	switch code := answer.StatusCode; {
	case err != nil:
		return nil, plainError(err)
	case int64(len(body)) > most:
		return nil, fmt.Errorf("the answer of the target of flow modules must be at most %d bytes, got more", most)
	case refusesAgent(code):
		return failure(fmt.Sprintf("flow module %q refused this with status %d: %s", t.module.Name, code,
			lanyard.ClipTo(strings.ToValidUTF8(string(body), "?"), maxRefusal))), nil
	case code < 200 || code > 299:
		return nil, fmt.Errorf("the target of flow modules answered with status %d", code)
	case !utf8.Valid(body):
		return nil, errors.New("the answer of the target of flow modules must be UTF-8, got other bytes")
	}
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if kind != "application/json" && !strings.HasSuffix(kind, "+json") || len(body) == 0 {
		return t.textResult(string(body))
	}
	return t.jsonResult(body)
}

// refusesAgent reports whether a status says that the agent asked for what cannot be, such as 404 or 422. The other
// ones are the operator's affair: what they say is not for agents.
func refusesAgent(code int) bool {
	switch code {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired, http.StatusRequestTimeout,
		http.StatusTooManyRequests:
		return false
	}
	return code >= 400 && code < 500
}

// A result is a CallToolResult of MCP.
type result struct {
	Content    []content      `json:"content"`
	Structured jsontext.Value `json:"structuredContent,omitzero"`
	IsError    bool           `json:"isError,omitzero"`
}

type content struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

func textOf(s string) []content { return []content{{"text", s}} }

// failure is a result that tells a model what it did wrong.
func failure(text string) *result { return &result{Content: textOf(text), IsError: true} }

func (t *tool) textResult(text string) (*result, error) {
	if t.gives != nil {
		return nil, fmt.Errorf("the answer of the target for flow module %s must be JSON that matches its output schema, got text",
			t.module.ID)
	}
	return &result{Content: textOf(text)}, nil
}

func (t *tool) jsonResult(body []byte) (*result, error) {
	var value any
	if nesting.Exceeds(body, 100) {
		return nil, errors.New("the answer of the target of flow modules must be nested at most 100 levels deep")
	}
	if err := json.Unmarshal(body, &value); err != nil {
		return nil, fmt.Errorf("the answer of the target of flow modules cannot be read: %w", err)
	}
	if t.gives != nil {
		if err := checkValue(t.gives, "answer", value); err != nil {
			return nil, fmt.Errorf("the answer of the target for flow module %s does not match its output schema: %w",
				t.module.ID, err)
		}
	}
	text := jsontext.Value(body)
	if err := text.Compact(); err != nil {
		return nil, err
	}
	out := &result{Content: textOf(string(text))}
	if _, object := value.(map[string]any); object { // nothing else is structured content in every revision of MCP
		out.Structured = text
	}
	return out, nil
}

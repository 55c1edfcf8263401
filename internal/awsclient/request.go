package awsclient

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/invocation"
)

// A request is one call as it is sent.
type request struct {
	method, url string
	body        []byte
}

// newRequest puts the members of an input where they belong: path, query or body.
func newRequest(op *model.Operation, endpoint string, input []byte) (*request, error) {
	members := map[string]jsontext.Value{}
	if len(input) > 0 {
		if err := json.Unmarshal(input, &members); err != nil {
			return nil, fmt.Errorf("read the input of %s: %w", op.Name, err)
		}
	}
	path, err := fillLabels(op, members)
	if err != nil {
		return nil, err
	}
	query := url.Values{}
	for _, key := range op.Query {
		name, value := takeMember(members, key.Member)
		if value == nil {
			continue
		}
		if query[key.Key], err = queryValues(value); err != nil {
			return nil, fmt.Errorf("%s of %s %w", name, op.Name, err)
		}
	}
	r := &request{method: op.Method, url: endpoint + path}
	if len(query) > 0 {
		r.url += "?" + query.Encode()
	}
	if len(members) > 0 {
		r.body, err = json.Marshal(members, json.Deterministic(true))
	} else if op.Method == http.MethodPost || op.Method == http.MethodPut {
		r.body = []byte("{}")
	}
	return r, err
}

// fillLabels returns the path of an operation, and removes from members what is in it.
func fillLabels(op *model.Operation, members map[string]jsontext.Value) (string, error) {
	segments := strings.Split(op.URI, "/")
	for i, segment := range segments {
		label, ok := strings.CutPrefix(segment, "{")
		if !ok {
			continue
		}
		label = strings.TrimSuffix(label, "}")
		member, value, err := takeLabel(members, label)
		if err != nil {
			return "", fmt.Errorf("%s of %s %w", member, op.Name, err)
		}
		segments[i] = escape(value)
	}
	return strings.Join(segments, "/"), nil
}

// takeMember removes a member and returns its name as it was given. Labels, keys and members of the model may differ in
// the case of a letter.
func takeMember(members map[string]jsontext.Value, wanted string) (name string, value jsontext.Value) {
	for name, value := range members {
		if strings.EqualFold(name, wanted) {
			delete(members, name)
			return name, value
		}
	}
	return wanted, nil
}

// takeLabel removes the member that a label is named for.
func takeLabel(members map[string]jsontext.Value, label string) (member, value string, err error) {
	member, v := takeMember(members, label)
	if v == nil {
		return member, "", errors.New("is required")
	}
	values, err := queryValues(v)
	if err == nil && (len(values) != 1 || values[0] == "") {
		err = errors.New("must not be empty")
	}
	if err != nil {
		return member, "", err
	}
	return member, values[0], nil
}

// queryValues reads a string, a number, a Boolean or a list of strings.
func queryValues(value jsontext.Value) ([]string, error) {
	switch value.Kind() {
	case '"':
		var s string
		err := json.Unmarshal(value, &s)
		return []string{s}, err
	case '0', 't', 'f':
		return []string{string(bytes.TrimSpace(value))}, nil
	case '[':
		var list []string
		err := json.Unmarshal(value, &list)
		return list, err
	}
	return nil, errors.New("must be a string, a number, a Boolean or a list of strings")
}

// escape percent-encodes a segment as the AWS SDKs do: all but unreserved characters.
func escape(segment string) string {
	return strings.ReplaceAll(url.QueryEscape(segment), "+", "%20")
}

// A refusal is an exception, with the methods by which the SDK's retryer knows errors.
type refusal struct{ *invocation.Exception }

func (r *refusal) ErrorCode() string   { return r.Name }
func (r *refusal) HTTPStatusCode() int { return r.Status }
func (r *refusal) Unwrap() error       { return r.Exception }

// readException reads what a service answers instead of an output.
func readException(res *http.Response, answer []byte) *invocation.Exception {
	e := &invocation.Exception{Status: res.StatusCode, RequestID: res.Header.Get("X-Amzn-Requestid")}
	var body struct {
		Type    string `json:"__type"`
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	_ = json.Unmarshal(answer, &body, json.MatchCaseInsensitiveNames(true)) // proxies answer otherwise
	for _, name := range []string{res.Header.Get("X-Amzn-Errortype"), body.Type, body.Code} {
		if name, _, _ = strings.Cut(name, ":"); name != "" {
			e.Name = name[strings.LastIndexByte(name, '#')+1:]
			break
		}
	}
	if e.Message = body.Message; e.Name == "" {
		e.Name = http.StatusText(res.StatusCode)
	}
	return e
}

// A connectionError is a request that was not answered.
type connectionError struct{ err error }

func (e *connectionError) Error() string         { return e.err.Error() }
func (e *connectionError) Unwrap() error         { return e.err }
func (e *connectionError) ConnectionError() bool { return true }

// uncertain reports whether a request that failed with err may have been carried out.
func uncertain(err error) bool {
	var connection *connectionError
	if errors.As(err, &connection) {
		return !unsent(err)
	}
	var e *refusal
	return errors.As(err, &e) && e.Status >= http.StatusInternalServerError
}

// unsent reports whether no connection was made.
func unsent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" || errors.Is(err, syscall.ECONNREFUSED)
}

// mayRepeat reports whether a request may be sent again after err.
func mayRepeat(op *model.Operation, err error) bool {
	return op.ReadOnly || op.Idempotent || !uncertain(err)
}

// finalError is what a caller gets of err.
func finalError(op *model.Operation, err error) error {
	var e *refusal
	if errors.As(err, &e) {
		return e.Exception
	}
	return fmt.Errorf("%s: %w", op.Name, err)
}

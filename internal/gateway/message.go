package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard/internal/nesting"
)

// maxNesting is of arrays and objects of a message, so that no reader behind the gateway exhausts its stack.
const maxNesting = 128

// A span is where a value stands in the text of a message. The zero span is that of a member that is not there.
type span struct{ start, end int }

func (s span) there() bool { return s.end > 0 }

// A message is a JSON-RPC message as it was sent, and where what the gateway looks at stands in it. The gateway
// forwards the text that it has read, so it must not read it differently from whoever reads it next: names that are
// listed twice, or that differ in case only from those that count, are refused.
type message struct {
	text   []byte
	id     span
	nullID bool
	method string
	params span
	result span
	fault  span // member error

	// Members of params.
	name      text
	uri       text
	taskID    text
	state     text // requestState
	cursor    string
	level     string
	version   string // protocolVersion of initialize
	arguments span
	caps      span // capabilities of initialize
	listen    span // notifications of subscriptions/listen
	refType   string
	refName   text
	refURI    text
	requestID span // of notifications/cancelled
	token     span // progressToken of notifications/progress
	inputs    span // inputResponses

	// Members of params._meta.
	meta          span
	metaVersion   string
	clientCaps    span
	logLevel      string
	progressToken span
}

// A text is a string, and where it stands.
type text struct {
	at    span
	value string
}

// raw returns the text of a value.
func (m *message) raw(at span) jsontext.Value { return jsontext.Value(m.text[at.start:at.end]) }

func (m *message) isRequest() bool      { return m.method != "" && m.id.there() }
func (m *message) isNotification() bool { return m.method != "" && !m.id.there() }
func (m *message) isResponse() bool     { return m.method == "" }

// known are the names that count at each place. Readers that ignore case would take others for them.
var known = map[string][]string{
	"": {"jsonrpc", "id", "method", "params", "result", "error"},
	"params": {"name", "uri", "taskId", "requestState", "inputResponses", "cursor", "level", "protocolVersion", "arguments",
		"capabilities", "clientInfo", "notifications", "ref", "argument", "context", "requestId", "task", "_meta"},
	"ref": {"type", "name", "uri"},
	"_meta": {keyVersion, keyClientInfo, keyClientCaps, keyLogLevel, "progressToken",
		"io.modelcontextprotocol/related-task"},
}

// Names in _meta.
const (
	keyVersion      = "io.modelcontextprotocol/protocolVersion"
	keyClientInfo   = "io.modelcontextprotocol/clientInfo"
	keyServerInfo   = "io.modelcontextprotocol/serverInfo"
	keyClientCaps   = "io.modelcontextprotocol/clientCapabilities"
	keyLogLevel     = "io.modelcontextprotocol/logLevel"
	keySubscription = "io.modelcontextprotocol/subscriptionId"
)

// parseMessage reads a message. It keeps b.
func parseMessage(b []byte) (*message, error) {
	if nesting.Exceeds(b, maxNesting) {
		return nil, fmt.Errorf("message must be nested at most %d deep", maxNesting)
	}
	m := &message{text: b}
	r := newReader(b)
	if r.dec.PeekKind() != '{' {
		if r.dec.PeekKind() == '[' {
			return nil, errors.New("message must be one JSON object, got an array")
		}
		return nil, errors.New("message must be a JSON object")
	}
	version := ""
	err := r.object("", func(name string) error { return m.readMember(r, name, &version) })
	if err != nil {
		return nil, err
	}
	if rest := bytes.TrimLeft(b[r.dec.InputOffset():], " \t\r\n"); len(rest) > 0 {
		return nil, errors.New("message must be one JSON object, got more after it")
	}
	if version != "2.0" {
		return nil, errors.New(`jsonrpc must be "2.0"`)
	}
	return m, m.check()
}

// check reports whether m is a request, a notification or a response.
func (m *message) check() error {
	if m.method != "" {
		if m.nullID {
			return errors.New("id must be a string or a number, got null")
		}
		if m.result.there() || m.fault.there() {
			return errors.New("message must have either method or one of result and error")
		}
		return nil
	}
	if m.result.there() == m.fault.there() {
		return errors.New("method is required")
	}
	return nil
}

func (m *message) readMember(r *reader, name string, version *string) (err error) {
	switch name {
	case "jsonrpc":
		*version, _, err = r.string("jsonrpc")
	case "id":
		if m.nullID = r.dec.PeekKind() == 'n'; m.nullID {
			_, err = r.value() // of the response to what could not be read
			return err
		}
		m.id, err = r.id()
	case "method":
		m.method, _, err = r.string("method")
		if err == nil && m.method == "" {
			return errors.New("method must not be empty")
		}
	case "params":
		if r.dec.PeekKind() != '{' {
			return errors.New("params must be an object")
		}
		m.params.start = r.next()
		err = r.object("params", func(name string) error { return m.readParam(r, name) })
		m.params.end = int(r.dec.InputOffset())
	case "result":
		m.result, err = r.value()
	case "error":
		m.fault, err = r.value()
	default:
		_, err = r.value()
	}
	return err
}

func (m *message) readParam(r *reader, name string) (err error) {
	switch name {
	case "name":
		m.name.value, m.name.at, err = r.string("params.name")
	case "uri":
		m.uri.value, m.uri.at, err = r.string("params.uri")
	case "taskId":
		m.taskID.value, m.taskID.at, err = r.string("params.taskId")
	case "requestState":
		m.state.value, m.state.at, err = r.string("params.requestState")
	case "cursor":
		m.cursor, _, err = r.string("params.cursor")
	case "level":
		m.level, _, err = r.string("params.level")
	case "protocolVersion":
		m.version, _, err = r.string("params.protocolVersion")
	case "arguments":
		m.arguments, err = r.value()
	case "capabilities":
		m.caps, err = r.value()
	case "notifications":
		m.listen, err = r.value()
	case "progressToken":
		m.token, err = r.value()
	case "inputResponses":
		m.inputs, err = r.value()
	case "requestId":
		m.requestID, err = r.value()
	case "ref":
		if r.dec.PeekKind() != '{' {
			return errors.New("params.ref must be an object")
		}
		return r.object("ref", func(name string) error { return m.readRef(r, name) })
	case "_meta":
		if r.dec.PeekKind() != '{' {
			return errors.New("params._meta must be an object")
		}
		m.meta.start = r.next()
		err = r.object("_meta", func(name string) error { return m.readMeta(r, name) })
		m.meta.end = int(r.dec.InputOffset())
	default:
		_, err = r.value()
	}
	return err
}

func (m *message) readRef(r *reader, name string) (err error) {
	switch name {
	case "type":
		m.refType, _, err = r.string("params.ref.type")
	case "name":
		m.refName.value, m.refName.at, err = r.string("params.ref.name")
	case "uri":
		m.refURI.value, m.refURI.at, err = r.string("params.ref.uri")
	default:
		_, err = r.value()
	}
	return err
}

func (m *message) readMeta(r *reader, name string) (err error) {
	switch name {
	case keyVersion:
		m.metaVersion, _, err = r.string("params._meta." + keyVersion)
	case keyLogLevel:
		m.logLevel, _, err = r.string("params._meta." + keyLogLevel)
	case keyClientCaps:
		m.clientCaps, err = r.value()
	case "progressToken":
		m.progressToken, err = r.value()
	default:
		_, err = r.value()
	}
	return err
}

// A reader reads values and says where they stand.
type reader struct{ dec *jsontext.Decoder }

func newReader(b []byte) *reader { return &reader{jsontext.NewDecoder(bytes.NewBuffer(b))} }

// object reads an object, which is next, and calls member after each name, to read the value.
func (r *reader) object(place string, member func(name string) error) error {
	if _, err := r.dec.ReadToken(); err != nil {
		return syntaxError(err)
	}
	for r.dec.PeekKind() != '}' {
		token, err := r.dec.ReadToken()
		if err != nil {
			return syntaxError(err)
		}
		name := token.String()
		if err := checkName(place, name); err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
	}
	_, err := r.dec.ReadToken()
	return syntaxError(err)
}

// checkName refuses a name that a reader who ignores case would take for one that counts.
func checkName(place, name string) error {
	names := known[place]
	if slices.Contains(names, name) {
		return nil
	}
	for _, counts := range names {
		if strings.EqualFold(name, counts) {
			return fmt.Errorf("name of a member must be %q, got %q", counts, name)
		}
	}
	return nil
}

// next returns where the next value begins, which has been peeked at.
func (r *reader) next() int {
	buffered := r.dec.UnreadBuffer()
	return int(r.dec.InputOffset()) + len(buffered) - len(bytes.TrimLeft(buffered, " \t\r\n:,"))
}

func (r *reader) value() (span, error) {
	v, err := r.dec.ReadValue()
	if err != nil {
		return span{}, syntaxError(err)
	}
	end := int(r.dec.InputOffset())
	return span{end - len(v), end}, nil
}

func (r *reader) string(what string) (string, span, error) {
	if r.dec.PeekKind() != '"' {
		return "", span{}, fmt.Errorf("%s must be a string", what)
	}
	v, err := r.dec.ReadValue()
	if err != nil {
		return "", span{}, syntaxError(err)
	}
	end := int(r.dec.InputOffset())
	return unquote(v), span{end - len(v), end}, nil
}

// unquote returns what a valid JSON string says.
func unquote(v jsontext.Value) string {
	if inner := v[1 : len(v)-1]; bytes.IndexByte(inner, '\\') < 0 {
		return string(inner)
	}
	s, _ := jsontext.AppendUnquote(nil, v)
	return string(s)
}

const maxIDBytes = 1024

func (r *reader) id() (span, error) {
	kind := r.dec.PeekKind()
	at, err := r.value()
	if err != nil {
		return span{}, err
	}
	if kind != '"' && kind != '0' || at.end-at.start > maxIDBytes {
		return span{}, fmt.Errorf("id must be a string or a number of at most %d bytes", maxIDBytes)
	}
	return at, nil
}

// syntaxError words an error of a decoder without what it says of Go.
func syntaxError(err error) error {
	if err == nil {
		return nil
	}
	var syntactic *jsontext.SyntacticError
	if !errors.As(err, &syntactic) {
		return errors.New("message must be complete JSON")
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return fmt.Errorf("names of members must be unique: %s is listed twice", syntactic.JSONPointer)
	}
	return fmt.Errorf("message must be valid JSON: %v at byte %d", syntactic.Err, syntactic.ByteOffset)
}

// An edit replaces a value, or inserts text where its span is empty.
type edit struct {
	at   span
	with []byte
}

// splice returns text with edits.
func splice(text []byte, edits ...edit) []byte {
	if len(edits) == 0 {
		return text
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return a.at.start - b.at.start })
	size := len(text)
	for _, e := range edits {
		size += len(e.with) - (e.at.end - e.at.start)
	}
	out := make([]byte, 0, size)
	from := 0
	for _, e := range edits {
		out = append(append(out, text[from:e.at.start]...), e.with...)
		from = e.at.end
	}
	return append(out, text[from:]...)
}

// quote returns s as JSON.
func quote(s string) []byte {
	b, err := jsontext.AppendQuote(nil, s)
	if err != nil { // not UTF-8: it has been replaced
		b, _ = jsontext.AppendQuote(nil, strings.ToValidUTF8(s, "�"))
	}
	return b
}

// encode returns v as JSON; v is the gateway's own and always can be.
func encode(v any) []byte {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		panic(err)
	}
	return b
}

// A fault is the error of a JSON-RPC response.
type fault struct {
	Code    int            `json:"code"`
	Message string         `json:"message"`
	Data    jsontext.Value `json:"data,omitzero"`
}

func (f *fault) Error() string { return f.Message }

// Codes of faults.
const (
	codeParse              = -32700
	codeInvalidRequest     = -32600
	codeMethodNotFound     = -32601
	codeInvalidParams      = -32602
	codeInternal           = -32603
	codeDenied             = -32001 // as AuthZEN's profile for MCP has it
	codeUnavailable        = -32003 // of an upstream, or for now
	codeHeaderMismatch     = -32020
	codeUnsupportedVersion = -32022
	codeMissingCapability  = -32021
)

// faultf returns a fault that was not caused by the upstream.
func faultf(code int, format string, args ...any) *fault {
	return &fault{Code: code, Message: fmt.Sprintf(format, args...)}
}

var null = jsontext.Value("null")

// faultMessage returns the response with f to the request with the id, which is nil if it is not known.
func faultMessage(id jsontext.Value, f *fault) []byte {
	if id == nil {
		id = null
	}
	return encode(struct {
		JSONRPC string         `json:"jsonrpc"`
		ID      jsontext.Value `json:"id"`
		Error   *fault         `json:"error"`
	}{"2.0", id, f})
}

// resultMessage returns the response with a result.
func resultMessage(id, result jsontext.Value) []byte {
	b := make([]byte, 0, len(id)+len(result)+40)
	b = append(append(b, `{"jsonrpc":"2.0","id":`...), id...)
	return append(append(append(b, `,"result":`...), result...), '}')
}

// notificationMessage returns a notification.
func notificationMessage(method string, params any) []byte {
	return encode(struct {
		JSONRPC string `json:"jsonrpc"`
		Method  string `json:"method"`
		Params  any    `json:"params,omitzero"`
	}{"2.0", method, params})
}

package gateway

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Headers of the protocol.
const (
	headerVersion   = "Mcp-Protocol-Version"
	headerMethod    = "Mcp-Method"
	headerName      = "Mcp-Name"
	headerParam     = "Mcp-Param-"
	headerSession   = "Mcp-Session-Id"
	headerLastEvent = "Last-Event-Id"
	headerDecision  = "Lanyard-Decision-Id"
)

const base64Open, base64Close = "=?base64?", "?="

// decodeHeader returns what a header's value stands for, which may be encoded.
func decodeHeader(value string) (string, error) {
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c > '~' {
			return "", errors.New("has a byte that no header may have")
		}
	}
	inner, ok := strings.CutPrefix(value, base64Open)
	if !ok {
		return value, nil
	}
	inner, ok = strings.CutSuffix(inner, base64Close)
	if !ok {
		return value, nil
	}
	decoded, err := base64.StdEncoding.Strict().DecodeString(inner)
	if err != nil || !utf8.Valid(decoded) {
		return "", errors.New("is not valid base64 of UTF-8")
	}
	return string(decoded), nil
}

// encodeHeader returns s as the value of a header.
func encodeHeader(s string) string {
	plain := s == strings.Trim(s, " \t") && !(strings.HasPrefix(s, base64Open) && strings.HasSuffix(s, base64Close))
	for i := 0; plain && i < len(s); i++ {
		plain = ' ' <= s[i] && s[i] <= '~'
	}
	if plain {
		return s
	}
	return base64Open + base64.StdEncoding.EncodeToString([]byte(s)) + base64Close
}

// named returns what the header Mcp-Name must say of a request, and whether it must be there.
func (m *message) named() (value string, required bool) {
	switch m.method {
	case "tools/call", "prompts/get":
		return m.name.value, true
	case "resources/read":
		return m.uri.value, true
	case "tasks/get", "tasks/update", "tasks/cancel":
		return m.taskID.value, false
	}
	return "", false
}

// checkHeaders reports where headers say something else than the body. What they say decides nothing.
func checkHeaders(h http.Header, m *message) *fault {
	switch values := h.Values(headerMethod); {
	case len(values) == 0:
		return faultf(codeHeaderMismatch, "Mcp-Method is required")
	case len(values) > 1 || values[0] != m.method:
		return faultf(codeHeaderMismatch, "Mcp-Method must be %q as in the body, got %q", m.method, strings.Join(values, ", "))
	}
	want, required := m.named()
	values := h.Values(headerName)
	if len(values) == 0 {
		if required {
			return faultf(codeHeaderMismatch, "Mcp-Name is required for %s", m.method)
		}
		return nil
	}
	if want == "" && !required {
		return nil // says nothing about this method
	}
	got, err := decodeHeader(values[0])
	if err != nil {
		return faultf(codeHeaderMismatch, "Mcp-Name %v", err)
	}
	if len(values) > 1 || got != want {
		return faultf(codeHeaderMismatch, "Mcp-Name must be %q as in the body, got %q", want, strings.Join(values, ", "))
	}
	return nil
}

// A paramHeader is a header that a tool's argument is repeated in.
type paramHeader struct {
	header string
	path   []string
}

// schemaNode is what of a JSON schema says which arguments are repeated in headers.
type schemaNode struct {
	Type       jsontext.Value        `json:"type"`
	Header     jsontext.Value        `json:"x-mcp-header"`
	Properties map[string]schemaNode `json:"properties"`
}

// paramHeaders returns those of a tool's input schema, or why clients must not accept the tool.
func paramHeaders(schema jsontext.Value) ([]paramHeader, error) {
	if !strings.Contains(string(schema), `"x-mcp-header"`) {
		return nil, nil
	}
	var root schemaNode
	if err := json.Unmarshal(schema, &root); err != nil {
		return nil, errors.New("inputSchema must be a JSON schema")
	}
	found, err := root.collect(nil, nil)
	slices.SortFunc(found, func(a, b paramHeader) int { return strings.Compare(a.header, b.header) })
	for i := 1; i < len(found); i++ {
		if found[i].header == found[i-1].header {
			return nil, fmt.Errorf("x-mcp-header %q is listed twice", found[i].header)
		}
	}
	return found, err
}

func (n schemaNode) collect(path []string, found []paramHeader) (_ []paramHeader, err error) {
	for name, p := range n.Properties {
		at := append(slices.Clone(path), name)
		if p.Header != nil {
			var header string
			if json.Unmarshal(p.Header, &header) != nil || !isToken(header) {
				return nil, fmt.Errorf("x-mcp-header of %s must be the name of a header", strings.Join(at, "."))
			}
			if !slices.Contains([]string{`"string"`, `"integer"`, `"boolean"`}, string(p.Type)) {
				return nil, fmt.Errorf("x-mcp-header of %s must be of a string, integer or boolean", strings.Join(at, "."))
			}
			found = append(found, paramHeader{http.CanonicalHeaderKey(headerParam + header), at})
		}
		if found, err = p.collect(at, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// isToken reports whether s can name a header.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0) {
			return false
		}
	}
	return s != ""
}

// checkParams reports where a header of an argument says something else than the arguments.
func checkParams(h http.Header, params []paramHeader, arguments jsontext.Value) *fault {
	for _, p := range params {
		value, there := lookUp(arguments, p.path)
		sent := h.Values(p.header)
		switch {
		case !there && len(sent) > 0:
			return faultf(codeHeaderMismatch, "%s must be absent when the body has no %s", p.header, strings.Join(p.path, "."))
		case !there:
			continue
		case len(sent) != 1:
			return faultf(codeHeaderMismatch, "%s is required when the body has %s", p.header, strings.Join(p.path, "."))
		}
		got, err := decodeHeader(sent[0])
		if err != nil {
			return faultf(codeHeaderMismatch, "%s %v", p.header, err)
		}
		if !sameValue(got, value) {
			return faultf(codeHeaderMismatch, "%s must be as in the body, got %q", p.header, sent[0])
		}
	}
	return nil
}

// lookUp returns what the arguments have at a path, unless it is null or absent.
func lookUp(v jsontext.Value, path []string) (jsontext.Value, bool) {
	for _, name := range path {
		var members map[string]jsontext.Value
		if json.Unmarshal(v, &members) != nil {
			return nil, false
		}
		var ok bool
		if v, ok = members[name]; !ok {
			return nil, false
		}
	}
	return v, v.Kind() != 'n'
}

const maxSafeInteger = 1<<53 - 1

// sameValue reports whether a header says what v is: a string, a boolean or an integer.
func sameValue(header string, v jsontext.Value) bool {
	switch v.Kind() {
	case '"':
		return header == unquote(v)
	case 't', 'f':
		return header == string(v)
	case '0':
		a, err1 := strconv.ParseFloat(header, 64)
		b, err2 := strconv.ParseFloat(string(v), 64)
		return err1 == nil && err2 == nil && a == b && a == math.Trunc(a) && math.Abs(a) <= maxSafeInteger
	}
	return false
}

package awsapi

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// hidden are the members that the model marks as sensitive; the audit shows that they were sent,
// not what they held. A test compares them with the model.
var hidden = map[string]bool{
	"Password": true, "FirstName": true, "LastName": true, "Email": true, "SecondaryEmail": true,
	"DeskPhoneNumber": true, "PhoneNumber": true, "InstanceAlias": true,
}

const hiddenValue = `"HIDDEN_DUE_TO_SECURITY_REASONS"`

// auditRequest is the request as the audit shows it: what stood in path, query and body in one
// object, sensitive values hidden. The body has been decoded, so it is valid JSON or empty.
func auditRequest(req *request) []byte {
	b := []byte{'{'}
	add := func(name string, value []byte) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b, _ = jsontext.AppendQuote(b, name)
		b = append(append(b, ':'), value...)
	}
	for _, l := range req.params.Labels {
		v, _ := jsontext.AppendQuote(nil, l.Value)
		add(l.Name, v)
	}
	for key, values := range req.params.Query {
		if strings.HasPrefix(key, "X-Amz-") {
			continue // the signature of a presigned request
		}
		v, _ := json.Marshal(values)
		add(key, v)
	}
	body := bytes.TrimSpace(req.body)
	if hasBody := len(body) > 2 && body[0] == '{' && req.http.Method != "GET" && req.http.Method != "DELETE"; hasBody {
		if len(b) > 1 {
			b = append(b, ',')
		}
		body = hide(body)
		b = append(b, body[1:len(body)-1]...)
	}
	return append(b, '}')
}

// hide replaces the values of sensitive members wherever they stand.
func hide(body []byte) []byte {
	found := false
	for name := range hidden {
		found = found || bytes.Contains(body, []byte(`"`+name))
	}
	// A name may be written with escapes; then only a parser finds it.
	if !found && bytes.IndexByte(body, '\\') < 0 {
		return body
	}
	dec := jsontext.NewDecoder(bytes.NewReader(body))
	var out bytes.Buffer
	enc := jsontext.NewEncoder(&out)
	for {
		tok, err := dec.ReadToken()
		if err != nil {
			return bytes.TrimSpace(out.Bytes())
		}
		isName := false
		if tok.Kind() == '"' {
			kind, length := dec.StackIndex(dec.StackDepth())
			isName = kind == '{' && length%2 == 1
		}
		name := ""
		if isName {
			name = tok.String()
		}
		if enc.WriteToken(tok) != nil {
			return []byte("{}")
		}
		if hidden[name] {
			if dec.SkipValue() != nil || enc.WriteValue(jsontext.Value(hiddenValue)) != nil {
				return []byte("{}")
			}
		}
	}
}

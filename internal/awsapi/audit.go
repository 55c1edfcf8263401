package awsapi

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard/internal/awsapi/model"
)

// hidden are the members that the model marks as sensitive; the audit shows that they were sent,
// not what they held. A test compares them with the model.
var hidden = map[string]bool{
	"Password": true, "FirstName": true, "LastName": true, "Email": true, "SecondaryEmail": true,
	"DeskPhoneNumber": true, "PhoneNumber": true, "InstanceAlias": true,
}

// hiddenOf are the members that the model marks as sensitive in some operations and not in others.
var hiddenOf = map[string][]string{
	"CreateView": {"Actions", "Name"}, "UpdateViewContent": {"Actions"}, "UpdateViewMetadata": {"Name"},
	"CreateEmailAddress":         {"Description", "DisplayName", "EmailAddress"},
	"UpdateEmailAddressMetadata": {"Description", "DisplayName"},
}

// hides reports whether the audit hides a member of an operation's requests.
func hides(operation, member string) bool {
	return hidden[member] || slices.Contains(hiddenOf[operation], member)
}

// isSensitive reports whether anything in values of a type, in requests of an operation, is hidden.
func isSensitive(operation string, t reflect.Type, seen map[reflect.Type]bool) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return isSensitive(operation, t.Elem(), seen)
	case reflect.Struct:
		if seen[t] {
			return false
		}
		seen[t] = true
		for i := range t.NumField() {
			if f := t.Field(i); hides(operation, f.Name) || isSensitive(operation, f.Type, seen) {
				return true
			}
		}
	}
	return false
}

const hiddenValue = `"HIDDEN_DUE_TO_SECURITY_REASONS"`

// auditRequest is the request as the audit shows it: what was understood of path, query and body,
// in one object, sensitive values hidden. What the operation does not know is not kept, whatever a
// caller called it.
func auditRequest(req *request, in model.Input) ([]byte, error) {
	b := append(make([]byte, 0, len(req.body)+256), '{')
	add := func(name string, value []byte) {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b, _ = jsontext.AppendQuote(b, name)
		b = append(append(b, ':'), value...)
	}
	for _, l := range req.params.Labels {
		v, err := jsontext.AppendQuote(nil, l.Value)
		if err != nil {
			return nil, err
		}
		add(l.Name, v)
	}
	for _, key := range slices.Sorted(maps.Keys(req.params.Query)) {
		if !slices.Contains(boundQuery, key) {
			continue // a signature, or unknown
		}
		v, err := json.Marshal(req.params.Query[key])
		if err != nil {
			return nil, err
		}
		add(key, v)
	}
	body := bytes.TrimSpace(req.body)
	var err error
	if !req.plain || req.op.sensitive {
		// members of path and query are not among these
		if body, err = json.Marshal(in, json.Deterministic(true)); err != nil {
			return nil, err
		}
		if body, err = hide(req.op.Name, body); err != nil {
			return nil, err
		}
	}
	if body = bytes.TrimSpace(body[1 : len(body)-1]); len(body) > 0 {
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(b, body...)
	}
	return append(b, '}'), nil
}

// boundQuery are the query parameters of operations that change something. A test compares them
// with the model.
var boundQuery = []string{"botName", "clientToken", "functionArn", "instanceId", "lexRegion", "origin", "resourceType",
	"tagKeys", "version"}

// hide replaces the values of sensitive members, at any depth. The names in body were
// written by us, so they are plain.
func hide(operation string, body []byte) ([]byte, error) {
	for found, rest := false, body; !found; {
		before, after, ok := bytes.Cut(rest, []byte(`":`))
		if !ok {
			return body, nil
		}
		found, rest = hides(operation, string(before[bytes.LastIndexByte(before, '"')+1:])), after
	}
	dec := jsontext.NewDecoder(bytes.NewReader(body))
	var out bytes.Buffer
	enc := jsontext.NewEncoder(&out)
	for dec.PeekKind() != 0 {
		tok, err := dec.ReadToken()
		if err != nil {
			return nil, err
		}
		name := ""
		if kind, length := dec.StackIndex(dec.StackDepth()); tok.Kind() == '"' && kind == '{' && length%2 == 1 {
			name = tok.String()
		}
		if err := enc.WriteToken(tok); err != nil {
			return nil, err
		}
		if hides(operation, name) {
			if err := dec.SkipValue(); err != nil {
				return nil, err
			}
			if err := enc.WriteValue(jsontext.Value(hiddenValue)); err != nil {
				return nil, err
			}
		}
	}
	return bytes.TrimSpace(out.Bytes()), nil
}

// cut shortens a text of the request that is for the audit alone.
func cut(s string, most int) string {
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(s, "?")
}

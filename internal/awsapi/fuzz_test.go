package awsapi

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

// FuzzRoute sends any method and target through the router and the decoder.
func FuzzRoute(f *testing.F) {
	for _, op := range model.Operations {
		if strings.Contains(op.Name, "SecurityProfile") || strings.Contains(op.Name, "Tag") {
			f.Add(op.Method, op.URI)
		}
	}
	for _, target := range []string{
		"", "/", "//", "*", "host:443", "http://host/instance", "/instance?maxResults=1&maxResults=2",
		"/instance?nextToken=%zz", "/instance?a;b",
		"/security-profiles/%2F/%00", "/security-profiles/%ff/x",
		"/tags/arn:aws:connect:us-east-1:123456789012:instance/x/queue/y?tagKeys=a&tagKeys=b",
		"/tags", "/tags/", "/tags//", "/users/a/b/security-profiles?" + strings.Repeat("&", 1000), "/" +
			strings.Repeat("a/", 100), "/instance/%",
	} {
		f.Add("GET", target)
		f.Add("POST", target)
	}
	s := routing()
	f.Fuzz(func(t *testing.T, method, target string) {
		req := &request{http: &http.Request{Method: method, RequestURI: target, URL: &url.URL{}, Header: http.Header{}}}
		err := s.route(req)
		if err != nil {
			var e *lanyard.Error
			if !errorAs(err, &e) || e.Kind == lanyard.Internal {
				t.Fatalf("%q %q: %v is no refusal", method, target, err)
			}
			s.writeError(httptest.NewRecorder(), req, err)
			return
		}
		if req.op.Method != method {
			t.Fatalf("%q %q became %s %s", method, target, req.op.Method, req.op.Name)
		}
		if len(req.values) != len(req.op.labels) {
			t.Fatalf("%q has labels %v, want %v", target, req.values, req.op.labels)
		}
		if req.op.Service == model.NotServed {
			return
		}
		in, err := decode(req)
		if err == nil {
			_ = in.Validate()
			if audit, err := auditRequest(req, in); err != nil || !jsontext.Value(audit).IsValid() {
				t.Fatalf("%q %q: the audit is not valid JSON: %s, %v", method, target, audit, err)
			}
		}
	})
}

func errorAs(err error, to **lanyard.Error) bool {
	e, ok := err.(*lanyard.Error)
	*to = e
	return ok
}

var bodies = []string{
	"", " ", "{}", " { } ", "[]", "null", `{"Description":"x"}`, `{"Description":null}`,
	`{"Description":"a","Description":"b"}`,
	`{"Permissions":["Users.View"],"AllowedAccessControlTags":{"a":"b"},"Applications":[{"Namespace":"n","ApplicationPermissions":["ACCESS"]}]}`,
	`{"Permissions":[null],"AllowedAccessControlTags":{"a":null},"Applications":[null],"GranularAccessControlConfiguration":{}}`,
	`{"GranularAccessControlConfiguration":{"DataTableAccessControlConfiguration":{"PrimaryAttributeAccessControlConfiguration":{"PrimaryAttributeValues":[{"AccessType":"ALLOW","AttributeName":"R","Values":["a"]}]}}}}`,
	`{"InstanceId":"i","MaxResults":1,"NextToken":"t","SearchCriteria":{"OrConditions":[{"AndConditions":[{"StringCondition":{"FieldName":"Username","Value":"v","ComparisonType":"EXACT"}}]}]}}`,
	`{"MaxResults":1.0}`, `{"MaxResults":1e1}`, `{"MaxResults":99999999999}`, `{"MaxResults":-0}`, `{"MaxResults":"1"}`,
	`{"SearchFilter":{"TagFilter":{"OrConditions":[[],[{"TagKey":"k"}]]},"UserAttributeFilter":{"AndCondition":{"TagConditions":[{}],"HierarchyGroupCondition":{}}}}}`,
	"\xff", "{\"Description\":\"\xff\"}", `{"Description":"\ud800"}`, `{"Description":"\u0000"}`,
	strings.Repeat(`{"a":`, 70), `{"a":` + strings.Repeat("[", 63), `{}{}`,
	`{"` + strings.Repeat("é", 80) + `":]`,
}

// FuzzDecode decodes any body into two inputs, and what it accepts again after encoding it.
func FuzzDecode(f *testing.F) {
	for _, b := range bodies {
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, in := range []model.Input{new(model.UpdateSecurityProfileRequest), new(model.SearchUsersRequest)} {
			plain, err := decodeBody(body, in)
			if err != nil {
				if !errors.Is(err, lanyard.ErrMalformed) {
					t.Fatalf("%q: %v is not a refusal of a malformed body", body, err)
				}
				continue
			}
			in.Validate()
			b, err := json.Marshal(in)
			if err != nil {
				t.Fatalf("%q is accepted and does not encode: %v", body, err)
			}
			if plain { // then its own bytes are what is recorded
				sent, understood := jsontext.Value(bytes.TrimSpace(body)), jsontext.Value(b)
				if err := errors.Join(sent.Canonicalize(), understood.Canonicalize()); err != nil ||
					!bytes.Equal(sent, understood) {
					t.Fatalf("%q is taken for plain, and understood as %s, %v", body, b, err)
				}
			}
			again := reflect.New(reflect.TypeOf(in).Elem()).Interface()
			if _, err := decodeBody(b, again); err != nil || !reflect.DeepEqual(again, in) {
				t.Fatalf("%q is encoded as %s, which decodes as %+v, %v", body, b, again, err)
			}
		}
	})
}

// FuzzSearchCondition turns any valid search of users into conditions, and looks whether they have
// a condition for every one that was sent.
func FuzzSearchCondition(f *testing.F) {
	for _, b := range bodies {
		f.Add([]byte(b))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		in := new(model.SearchUsersRequest)
		if _, err := decodeBody(body, in); err != nil || in.Validate() != nil {
			return
		}
		if in.SearchCriteria != nil && asksProficiencies(*in.SearchCriteria) {
			return // it is refused
		}
		got := leaves(control.Condition{And: userConditions(in)})
		if want := sent(reflect.ValueOf(in)); got != want {
			t.Fatalf("%s has %d conditions and becomes %d", body, want, got)
		}
	})
}

func leaves(c control.Condition) int {
	n := len(c.Fields)
	for _, set := range []bool{c.String != nil, c.Tag != nil, c.Group != nil, c.State != "", c.Never, c.Unknown != "",
		c.Date != nil} {
		if set {
			n++
		}
	}
	for _, list := range [][]control.Condition{c.Or, c.And} {
		for _, sub := range list {
			n += leaves(sub)
		}
	}
	return n
}

// sent counts the conditions that are not made of others.
func sent(v reflect.Value) int {
	n := 0
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			n = sent(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			n += sent(v.Index(i))
		}
	case reflect.Struct:
		switch v.Interface().(type) {
		case model.StringCondition, model.TagCondition, model.HierarchyGroupCondition, model.ListCondition:
			return 1
		}
		for i := range v.NumField() {
			n += sent(v.Field(i))
		}
	}
	return n
}

// FuzzToken opens any text with any scope: only what was sealed for that scope opens.
func FuzzToken(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	tk := tokens{secret: []byte("secret"), now: func() time.Time { return now }}
	sealed := map[string]string{} // what is inside of tokens, to scope
	for _, scope := range []string{"", "a", "ab"} {
		token := tk.seal(position{"7", 3}, scope, "b")
		f.Add(token, scope)
		f.Add(token, scope+"b")
		f.Add(token+"A", scope)
		raw, err := decodeToken(token)
		if err != nil {
			f.Fatal(err)
		}
		sealed[raw] = scope
	}
	f.Add(strings.Repeat("A", 43), "")
	f.Fuzz(func(t *testing.T, token, scope string) {
		p, err := tk.open(token, scope, "b")
		if err != nil {
			if !errors.Is(err, lanyard.ErrInvalid) || p != (position{}) {
				t.Fatalf("%q: %+v, %v", token, p, err)
			}
			return
		}
		raw, err := decodeToken(token)
		if at, ok := sealed[raw]; err != nil || !ok || at != scope || p != (position{"7", 3}) {
			t.Fatalf("%q opens for %q as %+v", token, scope, p)
		}
	})
}

func decodeToken(token string) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	return string(b), err
}

// FuzzAuditHide writes a sensitive member's name in other ways, somewhere in a body: its value is
// never in the audit, and what the audit has is valid and without repeated names.
func FuzzAuditHide(f *testing.F) {
	names := []string{"Password", "FirstName", "LastName", "Email", "SecondaryEmail", "DeskPhoneNumber", "PhoneNumber"}
	for i := range names {
		f.Add(byte(i), uint16(0), "", "", byte(0))
		f.Add(byte(i), uint16(1<<i), " \n", `"a":[{"b":1}],`, byte(1))
		f.Add(byte(i), ^uint16(0), "\t", `"Tags":{"\"":"}"},`, byte(2))
	}
	f.Add(byte(0), uint16(0), "", `"InstanceId":"x","password":"kept-from-the-audit",`, byte(0))
	const secret = "kept-from-the-audit"
	f.Fuzz(func(t *testing.T, which byte, escapes uint16, space, before string, where byte) {
		var name strings.Builder
		for i, c := range names[int(which)%len(names)] {
			if escapes>>i&1 == 1 {
				fmt.Fprintf(&name, `\u%04X`, c)
			} else {
				name.WriteRune(c)
			}
		}
		member := fmt.Sprintf(`"%s"%s:%s"%s"`, name.String(), space, space, secret)
		switch where % 4 {
		case 1:
			member = `"IdentityInfo":{` + space + member + `}`
		case 2:
			member = `"PhoneConfig":{` + member + `}`
		case 3:
			member = `"PhoneNumberConfigs":[{` + member + `}]`
		}
		body := []byte(space + "{" + before + member + "}" + space)
		if strings.Contains(strings.ReplaceAll(before, `"password":"`+secret+`"`, ""), secret) {
			return // as the value of something that may be shown
		}
		in := new(model.CreateUserRequest)
		plain, err := decodeBody(body, in)
		if err != nil {
			return // the decoder refuses it, so it never gets to the audit
		}
		op := &operation{Operation: &model.Operation{Name: "CreateUser"}}
		op.sensitive = isSensitive(op.Name, reflect.TypeOf(in), map[reflect.Type]bool{})
		req := &request{op: op, plain: plain,
			body: body, http: &http.Request{Method: "PUT"},
			params: model.Params{Labels: []model.Label{{Name: "InstanceId", Value: "i"}},
				Query: url.Values{"Password": {secret}, "password": {secret}}}}
		audit, err := auditRequest(req, in)
		if err != nil || bytes.Contains(audit, []byte(secret)) {
			t.Fatalf("%s is shown as %s, %v", body, audit, err)
		}
		if !jsontext.Value(audit).IsValid() {
			t.Fatalf("%s is shown as %s, which is not valid", body, audit)
		}
	})
}

// TestDisconnected has callers that went away while a fault held their call.
func TestDisconnected(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := New(Config{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	rec := httptest.NewRecorder()
	s.writeError(rec, &request{}, fmt.Errorf("read: %w", ctx.Err()))
	if rec.Code != http.StatusInternalServerError {
		t.Errorf("the status is %d", rec.Code)
	}
}

package awsapi

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/invocation"
)

// Invoke carries out an operation as ServeHTTP does, but for routing and authentication.
func (s *Server) Invoke(ctx context.Context, i invocation.Call) invocation.Answer {
	req := &request{Call: control.Call{Caller: i.Caller}}
	if i.Planning {
		req.Call = req.Planning()
	}
	if req.RequestID == "" {
		req.RequestID = uuid.NewString()
	}
	req.UserAgent = cut(req.UserAgent, maxUserAgent)
	if i.User != "" {
		req.actingUser = []string{i.User}
	}
	if i.Agent != "" {
		req.actingAgent = []string{i.Agent}
	}
	if i.IfMatch != "" {
		req.ifMatch = []string{i.IfMatch}
	}
	got, err := s.invoke(ctx, req, i)
	var b []byte
	if err == nil && got.output != nil {
		var ok bool
		if b, ok = got.output.([]byte); !ok {
			b, err = json.Marshal(got.output, json.Deterministic(true))
		}
	}
	if err != nil {
		e, body := s.exception(req, err)
		a := invocation.Answer{Status: e.Status, Exception: e.Name, Message: body.Message, Err: err}
		var domain *lanyard.Error
		if errors.As(err, &domain) {
			a.Permission = domain.Permission
		}
		return a
	}
	return invocation.Answer{Output: b, Revision: got.Revision, ETag: got.ETag, Warning: warning(got.Warnings),
		Status: http.StatusOK, Plan: got.Plan}
}

func (s *Server) invoke(ctx context.Context, req *request, i invocation.Call) (answer, error) {
	for _, op := range s.all {
		if op.Name == i.Operation {
			req.op, req.Operation = op, op.Name
		}
	}
	switch {
	case req.op == nil:
		return answer{}, lanyard.Errorf(lanyard.UnknownRoute, "%s is not an operation of Amazon Connect",
			lanyard.Clip(i.Operation))
	case req.op.Service == model.NotServed:
		return answer{}, notServed(req.op)
	}
	if !i.Planning { // a plan is a question, which has limits of its own
		if err := s.limit(ctx, req); err != nil {
			return answer{}, err
		}
	}
	in, err := s.decodeObject(req, i)
	if err != nil {
		return answer{}, err
	}
	req.Within = i.Instance
	if i.Instance != "" {
		if err := refuseOtherInstance(i.Instance, in); err != nil {
			return answer{}, err
		}
	}
	return s.runOperation(ctx, req, in)
}

// decodeObject decodes an input whose members are all in one object. Those of path and query are set
// where the request would have had them, too, for the audit.
func (s *Server) decodeObject(req *request, i invocation.Call) (model.Input, error) {
	in, body := req.op.NewInput(), i.Input
	if len(body) > MaxBody {
		return nil, lanyard.Errorf(lanyard.TooLarge, "the input must be at most %d bytes, got %d", MaxBody, len(body))
	}
	if _, err := decodeBody(body, in); err != nil {
		return nil, err
	}
	members := map[string]jsontext.Value{}
	if _, err := decodeBody(body, &members); err != nil {
		return nil, err
	}
	if v := reflect.ValueOf(in).Elem().FieldByName("InstanceId"); v.IsValid() && i.Instance != "" &&
		members["InstanceId"] == nil && members["instanceId"] == nil {
		members["InstanceId"] = jsontext.Value(strconv.Quote(i.Instance))
		v.Set(reflect.ValueOf(&i.Instance)) // where it is of the body, nothing else sets it
	}
	known, err := bindMembers(req, in, members)
	if err != nil {
		return nil, err
	}
	for name := range members {
		if !known[name] {
			return nil, lanyard.Errorf(lanyard.Invalid, "%s must be absent: %s has no such member", lanyard.Clip(name), req.op.Name)
		}
	}
	req.body = body
	return in, nil
}

// bindMembers sets the members of path and query, and returns the names of all members that the operation has.
func bindMembers(req *request, in model.Input, members map[string]jsontext.Value) (map[string]bool, error) {
	req.params.Query = map[string][]string{}
	known := map[string]bool{}
	v := reflect.ValueOf(in).Elem()
	for n := range v.NumField() {
		f := v.Type().Field(n)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name != "-" {
			known[name] = true
			continue
		}
		small := strings.ToLower(f.Name[:1]) + f.Name[1:]
		value, ok := members[f.Name]
		if known[f.Name], known[small] = true, true; !ok {
			if value, ok = members[small]; !ok {
				continue
			}
		}
		to := v.Field(n)
		if err := json.Unmarshal(value, to.Addr().Interface()); err != nil {
			return nil, wrongMember(f.Name, err)
		}
		if list, ok := to.Interface().([]string); ok {
			req.params.Query[small] = list
		} else if text, ok := asParameter(to); ok {
			if label := labelNamed(req.op, f.Name); label != "" {
				req.params.Labels = append(req.params.Labels, model.Label{Name: label, Value: text})
			} else {
				req.params.Query[small] = []string{text}
			}
		}
	}
	return known, nil
}

// asParameter is a member as it would be in a path or a query.
func asParameter(v reflect.Value) (string, bool) {
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return "", false
	}
	switch v := v.Elem(); v.Kind() {
	case reflect.String:
		return v.String(), true
	case reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), true
	}
	return "", false
}

// wrongMember says what is wrong with the value of a member.
func wrongMember(name string, err error) error {
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		return lanyard.Errorf(lanyard.Malformed, "%s %s", name, wrongType(semantic))
	}
	return refusal(err)
}

// refuseOtherInstance refuses an input that names another instance than the one that there is for the caller.
func refuseOtherInstance(instance string, in model.Input) error {
	v := reflect.ValueOf(in).Elem()
	for _, name := range []string{"InstanceId", "ResourceArn", "TargetArn"} {
		f := v.FieldByName(name)
		if !f.IsValid() {
			continue
		}
		ref, ok := f.Interface().(*string)
		if !ok || ref == nil || *ref == instance {
			continue
		}
		if a, err := lanyard.ParseARN(*ref); err != nil || !a.MayBeOf(instance) {
			return lanyard.Errorf(lanyard.NotFound, "%s %q does not exist in the instance that you are signed in to", name,
				lanyard.Clip(*ref))
		}
	}
	return nil
}

func labelNamed(op *operation, field string) string {
	for _, l := range op.labels {
		if strings.EqualFold(l, field) {
			return l
		}
	}
	return ""
}

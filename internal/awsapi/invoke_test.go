package awsapi_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/invocation"
)

// TestInvokeIsTheSame has every operation done over the wire in one world and from within in another
// that is like it: the answers are equal, and so is what the audit has.
func TestInvokeIsTheSame(t *testing.T) {
	for _, op := range model.Operations {
		if op.Service == model.NotServed {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			t.Parallel()
			wire, within := newWorld(t, unbounded), newWorld(t, unbounded)
			in := wire.furnish()
			within.furnish()
			sent := wire.required(op.Name, in)
			for name, m := range map[string]members{"what is required": sent, "nothing": {}} {
				body, err := json.Marshal(m)
				if err != nil {
					t.Fatal(err)
				}
				if name == "nothing" { // the path would be another operation's
					if a := within.api.Invoke(t.Context(),
						invocation.Call{Operation: op.Name, Input: body, Caller: lanyard.Caller{Account: account}}); a.Status >= 500 {
						t.Errorf("%s: %d %s %s", name, a.Status, a.Exception, a.Message)
					}
					continue
				}
				a := within.api.Invoke(t.Context(),
					invocation.Call{Operation: op.Name, Input: body,
						Caller: lanyard.Caller{Account: account, SourceIP: "192.0.2.1", RequestID: "x"}})
				x := wire.do(op.Name, m)
				if a.Status != x.status || a.Exception != x.exception() || a.Message != x.message() || x.status == 200 &&
					string(a.Output) != x.answer {
					t.Errorf("%s: over the wire it is %d %s %s\nfrom within %d %s %s %s", name, x.status, x.exception(), x.answer,
						a.Status, a.Exception, a.Message, a.Output)
				}
			}
			one, two := lastRequest(t, wire, in.instance), lastRequest(t, within, in.instance)
			if one != two {
				t.Errorf("the audit has %s\nfrom within %s", one, two)
			}
		})
	}
}

// TestPlanOfEveryOperation has every operation that changes something planned, and then done: a plan changes
// nothing, and it says that there is something to change exactly where there is.
func TestPlanOfEveryOperation(t *testing.T) {
	for _, op := range model.Operations {
		if op.Service == model.NotServed || op.ReadOnly {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, unbounded)
			in := w.furnish()
			body, err := json.Marshal(w.required(op.Name, in))
			if err != nil {
				t.Fatal(err)
			}
			call := invocation.Call{Operation: op.Name, Input: body, Caller: lanyard.Caller{Account: account}}
			before := w.revision(in.instance)
			plan := call
			plan.Planning = true
			planned := w.api.Invoke(t.Context(), plan)
			if after := w.revision(in.instance); after != before {
				t.Errorf("the plan moved the instance from revision %d to %d", before, after)
			}
			done := w.api.Invoke(t.Context(), call)
			if planned.Exception != done.Exception || planned.Message != done.Message || len(done.Plan) > 0 {
				t.Errorf("the plan answers %s %q, the call %s %q with a plan of %d", planned.Exception, planned.Message,
					done.Exception, done.Message, len(done.Plan))
			}
			changed := w.revision(in.instance) > before || op.Name == "CreateInstance" && done.Revision > 0
			if planned := len(planned.Plan) > 0; planned != changed {
				t.Errorf("something is planned: %t; something changed: %t; the call answers %s %s", planned, changed, done.Exception, done.Message)
			}
		})
	}
}

// revision is that of the last change of an instance, 0 when it is gone.
func (w *world) revision(instance string) int64 {
	w.Helper()
	events, err := w.svc.Events(w.Context(), instance, 0, 1000)
	if err != nil {
		w.Fatal(err)
	}
	if len(events) == 0 {
		return 0
	}
	return events[len(events)-1].Revision
}

func lastRequest(t *testing.T, w *world, instance string) string {
	t.Helper()
	events, err := w.svc.Events(t.Context(), instance, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	e := events[len(events)-1]
	var request map[string]any // in any order
	if err := json.Unmarshal(e.Request, &request); err != nil {
		t.Fatal(err)
	}
	b, _ := json.Marshal(request)
	return e.Operation + " " + string(b)
}

func TestInvokeRefuses(t *testing.T) {
	c := newCentre(t, func(c *control.Config, _ *awsapi.Config) { c.Quotas.InstancesPerAccount = -1 })
	other := c.instance("other")
	fritz := c.fritz
	arn := c.arn(c.in, "agent", fritz)
	for _, tt := range []struct {
		name, op, input, user, instance string
		status                          int
		exception, permission           string
	}{
		{"unknown operation", "Fly", `{}`, "", "", 404, "UnknownOperationException", ""},
		{"not served", "StartChatContact", `{}`, "", "", 501, "UnsupportedOperationException", ""},
		{"no object", "ListUsers", `[]`, "", "", 400, "InvalidRequestException", ""},
		{"broken", "ListUsers", `{"InstanceId": `, "", "", 400, "InvalidRequestException", ""},
		{"twice", "ListUsers", `{"InstanceId": "a", "InstanceId": "b"}`, "", "", 400, "InvalidRequestException", ""},
		{"unknown member", "ListUsers", `{"InstanceId": "` + c.in + `", "Colour": "red"}`, "", "", 400,
			"InvalidParameterException", ""},
		{"wrong type in the path", "ListUsers", `{"InstanceId": 1}`, "", "", 400, "InvalidRequestException", ""},
		{"wrong type in the query", "ListUsers", `{"InstanceId": "` + c.in + `", "MaxResults": "many"}`, "", "", 400,
			"InvalidRequestException", ""},
		{"out of bounds", "ListUsers", `{"InstanceId": "` + c.in + `", "MaxResults": 100000}`, "", "", 400,
			"InvalidParameterException", ""},
		{"without an instance", "ListUsers", `{}`, "", "", 400, "InvalidParameterException", ""},
		{"the only instance is meant", "ListUsers", `{}`, "", c.in, 200, "", ""},
		{"another than the only instance", "ListUsers", `{"InstanceId": "` + other + `"}`, "", c.in, 404,
			"ResourceNotFoundException", ""},
		{"the same by its small name", "ListUsers", `{"instanceId": "` + other + `"}`, "", c.in, 404,
			"ResourceNotFoundException", ""},
		{"the only instance by ARN", "ListUsers", `{"InstanceId": "` + c.arn(c.in) + `"}`, "", c.in, 200, "", ""},
		{"another's tags", "ListTagsForResource", `{"resourceArn": "` + c.arn(other, "queue", "x") + `"}`, "", c.in, 404,
			"ResourceNotFoundException", ""},
		{"tags", "ListTagsForResource", `{"resourceArn": "` + arn + `"}`, "", c.in, 200, "", ""},
		{"removing tags", "UntagResource", `{"resourceArn": "` + arn + `", "tagKeys": ["none"]}`, "", c.in, 200, "", ""},
		{"as a user who may", "DescribeUser", `{"UserId": "` + fritz + `"}`, c.lead, c.in, 200, "", ""},
		{"as one who may not", "DescribeUser", `{"UserId": "` + c.sam + `"}`, c.lead, c.in, 403, "AccessDeniedException",
			"Users.View"},
		{"as one without the permission", "ListQueues", `{}`, c.lead, c.in, 403, "AccessDeniedException", "Queues.View"},
		{"as nobody", "ListQueues", `{}`, "nobody", c.in, 403, "AccessDeniedException", ""},
		{"what no permission is about", "DeleteInstance", `{}`, c.boss, c.in, 403, "AccessDeniedException", ""},
		{"a foreign account", "ListUsers", `{"InstanceId": "` + c.in + `"}`, "", "", 200, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			caller := lanyard.Caller{Account: account}
			if tt.name == "a foreign account" {
				caller.Account, tt.status, tt.exception = stranger, 404, "ResourceNotFoundException"
			}
			a := c.api.Invoke(t.Context(),
				invocation.Call{Operation: tt.op, Input: []byte(tt.input), Caller: caller, User: tt.user, Instance: tt.instance})
			if a.Status != tt.status || a.Exception != tt.exception || a.Permission != tt.permission ||
				(a.Message == "") != (tt.exception == "") {
				t.Errorf("got %d %s %s (permission %q), want %d %s (%q)", a.Status, a.Exception, a.Message, a.Permission, tt.status,
					tt.exception, tt.permission)
			}
		})
	}
}

// A page token that a user got is good for that user alone, however the call comes in.
func TestInvokeTokens(t *testing.T) {
	c := newCentre(t)
	page := func(user, token string) invocation.Answer {
		input := `{"MaxResults": 1}`
		if token != "" {
			input = `{"MaxResults": 1, "NextToken": "` + token + `"}`
		}
		return c.api.Invoke(t.Context(),
			invocation.Call{Operation: "ListUsers", Input: []byte(input), Caller: lanyard.Caller{Account: account}, User: user,
				Instance: c.in})
	}
	first := page(c.boss, "")
	var out struct{ NextToken string }
	if err := json.Unmarshal(first.Output, &out); err != nil || out.NextToken == "" {
		t.Fatalf("the first page is %+v, %v", first, err)
	}
	if a := page(c.boss, out.NextToken); a.Status != 200 {
		t.Errorf("the next page is %+v", a)
	}
	if a := page(c.lead, out.NextToken); a.Status != 400 || !strings.Contains(a.Message, "NextToken") {
		t.Errorf("another user's token is answered with %+v", a)
	}
}

package recorder

import (
	"cmp"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/decisionlog"
	"github.com/lanyard/lanyard/internal/gateway"
)

// Bounds of texts in records, in bytes.
const (
	maxID         = 64
	maxARN        = 1024
	maxName       = 256
	maxText       = 256
	maxRefusedDoc = 256 // of the redacted arguments of a refused call
)

// newCall is what is kept of a call.
func (r *Recorder) newCall(c *gateway.Call) *lanyard.AgentCall {
	by := c.Caller
	call := &lanyard.AgentCall{
		ID: lanyard.ClipTo(c.ID, maxID), Time: c.Began.UTC(), Duration: c.Duration.Microseconds(),
		Agent: lanyard.ClipTo(by.Agent, maxARN), User: lanyard.ClipTo(by.User, maxName),
		Credential: lanyard.ClipTo(by.Credential, maxName),
		Method:     lanyard.ClipTo(c.Method, maxID), Upstream: lanyard.ClipTo(c.Upstream, maxName),
		Namespace: lanyard.ClipTo(c.Right.Namespace, maxName), Tool: lanyard.ClipTo(c.Right.Tool, maxName),
		Module: lanyard.ClipTo(c.Right.Module, maxName), Allowed: c.Decision.Allow,
		Reason: lanyard.ClipTo(c.Decision.Reason, maxText), Profile: lanyard.ClipTo(c.Decision.Profile, maxID),
		Revision: c.Decision.Revision, Outcome: lanyard.ClipTo(c.Outcome, maxID),
		Error: lanyard.ClipTo(c.Error, maxText),
	}
	call.Arguments = r.Redactor.Arguments(c.Upstream, cmp.Or(c.Right.Tool, c.Right.Module), c.Arguments)
	if isRefusal(call) && len(call.Arguments) > maxRefusedDoc {
		call.Arguments = nil
	}
	return call
}

// newEntry is what the decision log has of a call.
func newEntry(c *gateway.Call, call *lanyard.AgentCall, arguments bool) *decisionlog.Entry {
	e := &decisionlog.Entry{Time: call.Time, ID: call.ID, Account: c.Caller.Account, Instance: c.Caller.Instance,
		Subject:  decisionlog.Subject{Type: "ai_agent", ID: call.Agent},
		Action:   decisionlog.Action{Name: call.Tool},
		Resource: decisionlog.Resource{Type: "Application", ID: call.Namespace}, Decision: call.Allowed,
		Context: decisionlog.Context{Reason: call.Reason, Profile: call.Profile, Revision: call.Revision},
		Call: &decisionlog.Call{Method: call.Method, Upstream: call.Upstream, Outcome: call.Outcome, Error: call.Error,
			Duration: float64(c.Duration) / float64(time.Millisecond), Credential: call.Credential}}
	switch {
	case call.Agent == "":
		e.Subject = decisionlog.Subject{Type: "user", ID: call.User}
	case call.User != "":
		e.Subject.Properties = &decisionlog.SubjectProperties{Assisting: call.User}
	}
	switch {
	case call.Module != "":
		e.Action.Name, e.Resource = "Invoke", decisionlog.Resource{Type: "FlowModule", ID: call.Module}
	case call.Tool == "":
		e.Action.Name, e.Resource = call.Method, decisionlog.Resource{Type: "Instance", ID: c.Caller.Instance}
	}
	if arguments {
		e.Call.Arguments = jsontext.Value(call.Arguments)
	}
	return e
}

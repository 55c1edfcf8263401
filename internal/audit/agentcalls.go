package audit

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
)

// A Decision is what was decided about a call of an AI agent, and what became of it.
type Decision struct {
	ID         string  `json:"id,omitempty"`
	Allowed    bool    `json:"allowed"`
	Reason     string  `json:"reason,omitempty"`
	Profile    string  `json:"profile,omitempty"` // id
	Revision   int64   `json:"revision,omitzero"` // of the instance that it is based on
	Outcome    string  `json:"outcome"`
	Error      string  `json:"error,omitempty"`
	Duration   float64 `json:"durationMs"`
	Credential string  `json:"credential,omitempty"`
	// More counts refused calls without records of their own, up to Last.
	More int       `json:"more,omitzero"`
	Last time.Time `json:"last,omitzero"`
}

// agentParameters are the request parameters of a call of an AI agent.
type agentParameters struct {
	InstanceID string       `json:"instanceId"`
	Upstream   string       `json:"upstream,omitempty"`
	Namespace  string       `json:"namespace,omitempty"`
	Tool       string       `json:"tool,omitempty"`
	Module     string       `json:"flowModuleId,omitempty"`
	Arguments  lanyard.JSON `json:"arguments,omitzero"`
}

// AgentCalls returns the calls of AI agents that an event records, or nil when it records something else.
func AgentCalls(e lanyard.Event) []lanyard.AgentCall {
	if e.Operation != lanyard.OperationAgentCalls {
		return nil
	}
	var in lanyard.AgentCalls
	if laxjson.Unmarshal(e.Request, &in) != nil {
		return nil // it is shown as it is
	}
	return in.Calls
}

// Records shapes an event: as one record, or as one for each call of an AI agent.
func Records(e lanyard.Event) []Record {
	calls := AgentCalls(e)
	if len(calls) == 0 {
		return []Record{From(e)}
	}
	records := make([]Record, 0, len(calls))
	for i := range calls {
		records = append(records, fromCall(e, i, &calls[i]))
	}
	return records
}

// Narrow returns an event that records calls of AI agents with those alone that show returns true for, and reports
// whether there are any.
func Narrow(e lanyard.Event, show func(*lanyard.AgentCall) bool) (lanyard.Event, bool) {
	calls := slices.DeleteFunc(AgentCalls(e), func(c lanyard.AgentCall) bool { return !show(&c) })
	if len(calls) == 0 {
		return e, false
	}
	request, err := laxjson.Marshal(lanyard.AgentCalls{InstanceID: e.Instance, Calls: calls})
	e.Request = request
	return e, err == nil
}

// fromCall shapes the call of an AI agent at a place in an event, as CloudTrail does data events.
func fromCall(e lanyard.Event, i int, c *lanyard.AgentCall) Record {
	r := From(e)
	r.EventTime, r.EventName = c.Time.UTC().Truncate(time.Second), c.Method
	r.ManagementEvent, r.EventCategory, r.ReadOnly = false, "Data", c.Method != "tools/call"
	if r.EventID = c.ID; c.ID == "" {
		r.EventID = fmt.Sprintf("%s.%d", e.ID, i)
	}
	r.UserIdentity = Identity{Type: "Unknown", PrincipalID: c.Agent, ARN: c.Agent, AccountID: e.Account}
	if c.Agent == "" {
		r.UserIdentity.PrincipalID = c.User
	}
	if c.User != "" {
		r.UserIdentity.OnBehalfOf = &OnBehalfOf{UserID: c.User}
	}
	r.RequestParameters, _ = laxjson.Marshal(agentParameters{e.Instance, c.Upstream, c.Namespace, c.Tool, c.Module,
		c.Arguments})
	switch {
	case !c.Allowed:
		r.ErrorCode, r.ErrorMessage = "AccessDenied", cmp.Or(c.Error, c.Reason)
	case c.Outcome == "limited":
		r.ErrorCode, r.ErrorMessage = "ThrottlingException", c.Error
	case c.Outcome != "answered":
		r.ErrorCode, r.ErrorMessage = c.Outcome, c.Error
	}
	r.Additional.Decision = &Decision{ID: c.ID, Allowed: c.Allowed, Reason: c.Reason, Profile: c.Profile,
		Revision: c.Revision, Outcome: c.Outcome, Error: c.Error, Duration: float64(c.Duration) / 1000,
		Credential: c.Credential, More: c.More, Last: c.Last}
	return r
}

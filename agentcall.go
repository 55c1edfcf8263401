package lanyard

import "time"

// OperationAgentCalls is the operation of an Event that records calls of AI agents; its Request is an AgentCalls.
const OperationAgentCalls = "AgentCalls"

// AgentCalls is the Request of an Event that records calls of AI agents: those of one instance that came close
// together, in the order in which they ended.
type AgentCalls struct {
	InstanceID string `json:"InstanceId"`
	Calls      []AgentCall
}

// An AgentCall records one request of an AI agent, or of a user without one, to a tool, or counts several that were
// refused.
type AgentCall struct {
	ID         string    // of the decision
	Time       time.Time // when the call began
	Agent      string    `json:",omitempty"` // ARN, qualifier included
	User       string    `json:",omitempty"` // id
	Credential string    `json:",omitempty"` // what proved it
	Method     string    // of MCP, such as tools/call
	Upstream   string    `json:",omitempty"`
	Namespace  string    `json:",omitempty"` // and Tool: the right that the call required
	Tool       string    `json:",omitempty"`
	Module     string    `json:",omitempty"` // id of a flow module in their place
	Allowed    bool      // the decision
	Reason     string    `json:",omitempty"`
	Profile    string    `json:",omitempty"` // id of the profile that allowed it
	Revision   int64     `json:",omitzero"`  // of the instance that the decision is based on
	Arguments  JSON      `json:",omitzero"`  // redacted
	Outcome    string    // refused, answered, failed, limited, timed out or cancelled
	Error      string    `json:",omitempty"`
	Duration   int64     `json:",omitzero"` // microseconds
	// More counts further refused calls of the same caller and kind, up to Last, that have no records of their own.
	// ID and Arguments are then empty.
	More int       `json:",omitzero"`
	Last time.Time `json:",omitzero"`
}

// A CallBatch is calls of AI agents that a gateway has stored together.
type CallBatch struct {
	ID       string // random; the event has it
	Account  string
	Instance string
	Calls    []AgentCall
	Again    bool // it was sent before, and whether it was stored is not known
}

// Bounds of a CallBatch.
const (
	MaxBatchCalls = 1000
	MaxBatchSize  = 56 << 10 // bytes of its calls as JSON
)

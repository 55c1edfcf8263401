package decisionlog

import (
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// An Entry is a decision in the form of the AuthZEN API, as lanyard lint --decisions reads it, with what was called.
// An entry that was handed to a Log must not be changed.
type Entry struct {
	Time     time.Time `json:"time"`
	ID       string    `json:"decision_id"`
	Account  string    `json:"account"`
	Instance string    `json:"instance"`
	Subject  Subject   `json:"subject"`
	Action   Action    `json:"action"`
	Resource Resource  `json:"resource"`
	Decision bool      `json:"decision"`
	Context  Context   `json:"context"`
	Call     *Call     `json:"call,omitzero"`
	// Sample is the share of decisions like this one that is logged, unless that is all.
	Sample float64 `json:"sample,omitzero"`
}

// A Subject is who asked.
type Subject struct {
	Type       string             `json:"type"` // user or ai_agent
	ID         string             `json:"id"`
	Properties *SubjectProperties `json:"properties,omitzero"`
}

// SubjectProperties name the user whom an AI agent assists.
type SubjectProperties struct {
	Assisting string `json:"assisting"`
}

// An Action is what was asked for: a permission, the id of a tool, or a method.
type Action struct {
	Name string `json:"name"`
}

// A Resource is what it was asked of.
type Resource struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// Context is what a decision rests on.
type Context struct {
	Reason   string `json:"reason,omitempty"`
	Profile  string `json:"profile,omitempty"`
	Revision int64  `json:"revision"`
}

// A Call is what became of a call that was decided.
type Call struct {
	Method     string         `json:"method"`
	Upstream   string         `json:"upstream,omitempty"`
	Outcome    string         `json:"outcome"`
	Error      string         `json:"error,omitempty"`
	Duration   float64        `json:"duration_ms"`
	Credential string         `json:"credential,omitempty"`
	Arguments  jsontext.Value `json:"arguments,omitzero"` // redacted
}

// appendLine appends the entry as one line of JSON.
func (e *Entry) appendLine(b []byte) ([]byte, error) {
	line, err := json.Marshal(e, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
	if err != nil {
		return b, err
	}
	return append(append(b, line...), '\n'), nil
}

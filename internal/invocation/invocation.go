// Package invocation describes a call of an operation of the API from within the server, and its answer. It is what a
// front end that calls operations and the one that carries them out have in common; it carries nothing out.
package invocation

import "github.com/lanyard/lanyard"

// A Call is a call of an operation by somebody who is known already.
type Call struct {
	Operation string
	// Input has all members by their names in the model, those of path and query included.
	Input  []byte
	Caller lanyard.Caller // RequestID: drawn when it is ""
	User   string         // on whose behalf, by id; "" for the caller's own
	Agent  string         // ARN of the AI agent on whose behalf, if any; it assists the user
	// Instance, unless "", is the id of the only instance that exists for the caller, and the one that
	// is meant when the input names none.
	Instance string
	IfMatch  string
	Planning bool // nothing is committed: the answer has what would change
}

// An Answer is what came of a Call: Output, nil when the operation has none, or an exception.
type Answer struct {
	Output     []byte
	Revision   int64            // of the instance after a change
	ETag       string           // of the profile or user that was described or changed
	Warning    string           // about the profile, as the header has it
	Plan       []lanyard.Change // what a call that only plans would change, in order
	Status     int
	Exception  string // its name; "" for success
	Message    string
	Permission string // that is missing, of a refusal
	Err        error  // what became of Exception and Message, with its Kind
}

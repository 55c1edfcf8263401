// Package gateway stands between AI agents and MCP servers and lets through what security profiles grant. An agent
// sees one MCP server whose tools are those of all upstreams that it may use; every call is decided again, from its
// body, when it is made.
//
// The package speaks MCP and enforces. Who a caller is, what they may do, what is kept of a call and how much is too
// much are decided by what is handed to it: an [Authenticator], an [Authority], a [Recorder] and a [Guard].
package gateway

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/lanyard/lanyard"
)

// A Caller is who calls: an AI agent, for itself or assisting a user, or a user without an agent.
type Caller struct {
	Account  string // that owns the instance
	Instance string // id
	Agent    string // the agent's ARN, qualifier included; "" for a user without an agent
	User     string // id of the user, whom the agent assists if there is one; "" for an agent that serves itself
	// Credential names what proved it, for records: the id of a token, or issuer and subject of a JWT.
	Credential string
	Expires    time.Time // of the credential; zero: never
}

// A Right is what a security profile grants one by one: a tool of an MCP server, or a flow module as a tool.
type Right struct {
	Namespace string // of the application that stands for the server
	Tool      string // as profiles name it in ApplicationPermissions
	Module    string // id of a flow module; then Namespace and Tool are ""
}

// name returns the name of the tool as its upstream has it, or the id of the flow module.
func (r Right) name() string { return cmp.Or(r.Tool, r.Module) }

// A Decision says whether a caller has a right.
type Decision struct {
	Allow    bool
	Reason   string // as package access words it
	Profile  string // id of the profile that grants it; "" in a denial
	Revision int64  // of the instance that it is based on
}

// An Authority decides. It is safe for concurrent use.
type Authority interface {
	// Decide decides each of rights, in order and from one state. An error means that nothing could be decided, and
	// then nothing is allowed.
	Decide(ctx context.Context, c *Caller, rights []Right) ([]Decision, error)
	// Refusal words for the caller why they do not have a right: which permission is missing, and which profiles
	// would grant it if the caller may view profiles. It names nothing that the caller may not see.
	Refusal(ctx context.Context, c *Caller, r Right) string
	// Watch calls changed after each change of the instance until ctx ends, within a second and perhaps too often.
	Watch(ctx context.Context, c *Caller, changed func())
}

// An Authenticator finds out who sends a request.
type Authenticator interface {
	// Authenticate returns the caller, or an error that is an *Unauthenticated where the request proves nobody.
	Authenticate(r *http.Request) (*Caller, error)
	// ServeMetadata answers requests for the protected-resource metadata (RFC 9728).
	ServeMetadata(w http.ResponseWriter, r *http.Request)
	// Challenge returns the WWW-Authenticate header of an answer with status 401 (insufficient nil) or 403, for the
	// scope that the refused right needs. It returns "" for a right that no other token would bring; then the refusal
	// is answered with status 200, which agents show to their model.
	Challenge(r *http.Request, insufficient *Right) string
}

// Unauthenticated says why a request proves nobody's identity. Its text is shown to the caller.
type Unauthenticated struct {
	Reason string
	// Insufficient reports that the token is valid and lacks a scope that every call requires: the status is 403 with
	// the Challenge of the zero Right, and otherwise 401.
	Insufficient bool
}

func (e *Unauthenticated) Error() string { return e.Reason }

// A Call is what is recorded of one request that was decided.
type Call struct {
	ID        string // of the decision; the answer has it in the header Lanyard-Decision-Id
	Caller    *Caller
	Method    string // of MCP, such as tools/call
	Upstream  string // name; "" when none was found
	Right     Right
	Decision  Decision
	Arguments lanyard.JSON // as they were sent; the Recorder redacts them before it keeps or sends them
	Began     time.Time
	Duration  time.Duration // the upstream's part included
	Outcome   string        // "refused", "answered", "failed", "limited", "timed out" or "cancelled"
	Error     string        // of a call that failed
}

// A Recorder keeps what was decided. It is safe for concurrent use.
type Recorder interface {
	// Record takes a call whose answer is about to be sent. It may wait for room, and fails when the call cannot be
	// recorded; then the answer is an error. It does not keep c.
	Record(ctx context.Context, c *Call) error
}

// A Guard bounds what callers do to upstreams and upstreams to callers. It is safe for concurrent use.
type Guard interface {
	// Enter admits a call of a tool, by the name that its upstream has for it, or says why not now. The returned
	// context has the call's time limit; leave must be called once, with the error of an upstream that failed, nil when
	// it answered, and context.Canceled when the call says nothing about the upstream.
	Enter(ctx context.Context, c *Caller, upstream, tool string) (_ context.Context, leave func(error), err error)
	// Sizes returns how large a call of a tool and its answer may be.
	Sizes(c *Caller, upstream, tool string) Sizes
}

// Sizes are numbers of bytes; one below 0 is unlimited, as far as the gateway itself has no limit.
type Sizes struct{ Request, Answer int64 }

// exceeds reports whether a size is larger than a limit.
func exceeds(size int, limit int64) bool { return limit >= 0 && int64(size) > limit }

// A Limited refuses a call for now. Its text is shown to the caller.
type Limited struct {
	Reason     string
	RetryAfter time.Duration
}

func (e *Limited) Error() string { return e.Reason }

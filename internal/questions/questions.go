// Package questions answers questions about access to an instance: whether somebody may do something, who can,
// what somebody can, who holds a profile, which resources of a type somebody reaches, and what a proposed change
// would do. Every question is asked by a Viewer: it is refused unless the viewer may ask it, and its answer holds
// what the viewer may see and nothing else, selected before it is cut into pages.
//
// The front ends read a question, call the function of its kind and encode what that returns. The package has the
// JSON form that they share, the one of the OpenID AuthZEN Authorization API 1.0, but knows neither HTTP, nor
// credentials, nor a store.
package questions

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/coaz"
)

// A Viewer asks about an instance.
type Viewer struct {
	Caller   lanyard.Caller // who owns the instance, and what is recorded of a refused proposal
	Instance string         // id
	// User is the id of the user who asks. "" may see everything.
	User string
}

// Config says what a Service works with.
type Config struct {
	// Snapshot returns what to answer from: the latest state of the viewer's instance, of at least a revision. An
	// instance that the viewer may not ask about is NotFound.
	Snapshot func(ctx context.Context, v Viewer, atLeast int64) (*access.Snapshot, error)
	// Propose plans an operation on behalf of the viewer and changes nothing. Its refusals are those of the
	// operation. Without it there is no what-if.
	Propose func(ctx context.Context, v Viewer, p Proposal) (Outcome, error)
	// Mapping returns what tokens stand for in an instance. nil: everything stands for itself.
	Mapping func(instance string) *coaz.Mapping
	// Log, unless nil, is told of each evaluation that a caller asks for who may see everything: what was decided in
	// the end, and the answer. Neither may be changed or kept.
	Log func(by Viewer, asked *access.Query, answer *Evaluation)
	// TokenSecret signs page tokens.
	TokenSecret []byte
}

// A Service answers questions. It is safe for concurrent use.
type Service struct {
	Config
	decided, denied atomic.Int64
}

// New returns a Service.
func New(c Config) *Service { return &Service{Config: c} }

// Decided counts the evaluations that were answered since the service began, and the denials among them.
func (s *Service) Decided() (all, denied int64) { return s.decided.Load(), s.denied.Load() }

// count counts evaluations.
func (s *Service) count(all, allowed int64) {
	s.decided.Add(all)
	if all > allowed {
		s.denied.Add(all - allowed)
	}
}

// view returns what the viewer sees of the state to answer from.
func (s *Service) view(ctx context.Context, v Viewer, atLeast int64) (View, error) {
	if atLeast < 0 {
		return View{}, malformed("context.at_least_revision must be a revision, 0 or more, got %d", atLeast)
	}
	snapshot, err := s.Snapshot(ctx, v, atLeast)
	return View{snapshot, v.User}, err
}

// Marshal encodes an answer as every front end shows it.
func Marshal(answer any) ([]byte, error) {
	return json.Marshal(answer, json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
}

// malformed refuses a question. What the caller sent is repeated in part only: a batch may repeat it a thousand
// times.
func malformed(format string, args ...any) error {
	for i, arg := range args {
		if s, ok := arg.(string); ok {
			args[i] = lanyard.Clip(s)
		}
	}
	return &lanyard.Error{Kind: lanyard.Malformed, Message: fmt.Sprintf(format, args...)}
}

package invocation

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"
)

// An API carries out operations of Amazon Connect: those of a server that is reached over HTTP, be it Amazon's or
// lanyard's, or those of this process. Implementations are safe for concurrent use.
type API interface {
	// Invoke carries out an operation by its name in the model. input has all members by their names in the model, those
	// of path and query included. output is nil when the operation has none. What the service refuses is an *Exception.
	Invoke(ctx context.Context, operation string, input []byte) (output []byte, err error)
}

// An Exception is what a service answers instead of an output.
type Exception struct {
	Name      string // as in the model: ResourceNotFoundException
	Message   string
	Status    int // of HTTP
	RequestID string
}

func (e *Exception) Error() string {
	if e.Message == "" {
		return fmt.Sprintf("%s (HTTP status %d)", e.Name, e.Status)
	}
	return e.Name + ": " + e.Message
}

// Do carries out an operation with an input that is encoded, and decodes its output. An Out of struct{} takes none.
func Do[Out any](ctx context.Context, api API, operation string, in any) (out Out, err error) {
	input, err := json.Marshal(in)
	if err != nil {
		return out, fmt.Errorf("encode the input of %s: %w", operation, err)
	}
	output, err := api.Invoke(ctx, operation, input)
	if err != nil || len(output) == 0 {
		return out, err
	}
	if err := json.Unmarshal(output, &out); err != nil {
		return out, fmt.Errorf("decode the output of %s: %w", operation, err)
	}
	return out, nil
}

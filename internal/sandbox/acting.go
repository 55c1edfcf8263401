package sandbox

import (
	"context"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/invocation"
)

// InvokeAs carries out an operation on the copy on behalf of a user, by id or name, whose security profiles must allow
// it.
func (s *Sandbox) InvokeAs(ctx context.Context, user, operation string, input []byte) ([]byte, error) {
	return invoke(ctx, s.api, invocation.Call{Operation: operation, Input: input, User: user,
		Caller: lanyard.Caller{Account: s.instance.Account}})
}

package awsapi

import (
	"context"

	"github.com/lanyard/lanyard/internal/awsapi/model"
)

// Run carries out an operation on an input, past the decoder. It is for tests that need a database,
// which this package may not import.
func (s *Server) Run(ctx context.Context, op string, account string, in model.Input) error {
	for _, o := range s.operations() {
		if o.Name == op {
			req := &request{op: o, http: post}
			req.Account, req.Operation = account, op
			_, err := o.handle(ctx, req, in)
			return err
		}
	}
	panic("no operation " + op)
}

// RightsForTest are the permissions that operations ask of the users on whose behalf they are called.
func RightsForTest() map[string]string {
	m := map[string]string{}
	for op, r := range rights {
		m[op] = r.permission
	}
	return m
}

// MaxBodyOf is how many bytes of an operation's body are read.
func MaxBodyOf(name string) int64 {
	for _, op := range New(Config{}).all {
		if op.Name == name {
			return op.maxBody()
		}
	}
	return 0
}

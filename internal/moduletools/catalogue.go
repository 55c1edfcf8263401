package moduletools

import (
	"context"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
)

// A Catalogue knows which flow modules of an account's instance can be tools: [InProcess] or [Remote].
type Catalogue interface {
	ModuleTools(ctx context.Context, account string, q control.ModuleToolQuery) (control.ModuleTools, error)
}

// InProcess is the Catalogue of a server in this process.
type InProcess struct{ Control *control.Service }

// ModuleTools asks the operations.
func (p InProcess) ModuleTools(ctx context.Context, account string,
	q control.ModuleToolQuery) (control.ModuleTools, error) {
	call := control.Call{Caller: lanyard.Caller{Account: account, UserAgent: "lanyard mcp-gateway"}}
	return p.Control.ModuleTools(ctx, call, q)
}

// Path is where below the management API a server answers a Remote: it takes a POST with a Question, and answers with
// control.ModuleTools.
const Path = "gateway/modules"

// A Question is what a Remote sends.
type Question struct {
	Account string
	Query   control.ModuleToolQuery
}

// Remote is the Catalogue of a server in another process. It sends a question to a path of the management API and
// decodes the answer.
type Remote func(ctx context.Context, path string, question, answer any) error

// maxAsking is how long an agent waits for a server that takes the question and does not answer.
const maxAsking = 3 * time.Second

// ModuleTools asks the server, which sends nothing again that is known.
func (r Remote) ModuleTools(ctx context.Context, account string,
	q control.ModuleToolQuery) (found control.ModuleTools, err error) {
	ctx, cancel := context.WithTimeout(ctx, maxAsking)
	defer cancel()
	return found, r(ctx, Path, Question{account, q}, &found)
}

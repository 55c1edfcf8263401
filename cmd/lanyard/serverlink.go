package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/admin"
	"github.com/lanyard/lanyard/internal/httpstatus"
	"github.com/lanyard/lanyard/internal/laxjson"
)

// serverLink calls the management API of the server that uses a data folder. The server may be restarted, and listen
// elsewhere then.
type serverLink struct {
	data dataFlag

	mu     sync.Mutex
	server *remote // nil while it is not known
}

// maxIdleToServer is how many connections to the server are kept.
const maxIdleToServer = 64

// connect finds the server that uses the folder.
func (l *serverLink) connect(ctx context.Context) error {
	_, err := l.find(ctx)
	if notRunning(err) {
		return refuse("no server uses the data folder %s; start it with lanyard serve, or let it be the gateway with lanyard "+
			"serve --mcp-gateway", l.data.Data)
	}
	return err
}

func (l *serverLink) find(ctx context.Context) (*remote, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server != nil {
		return l.server, nil
	}
	r, err := l.data.connectServer(ctx)
	if err != nil {
		return nil, err
	}
	if t, ok := r.client.Transport.(*http.Transport); ok {
		t.MaxIdleConnsPerHost = maxIdleToServer
	}
	l.server = r
	return r, nil
}

// lose forgets a server that did not answer.
func (l *serverLink) lose(r *remote) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server == r {
		l.server = nil
		r.client.CloseIdleConnections()
	}
}

// call posts a question and decodes the answer. A refusal has the kind of error that the server had.
func (l *serverLink) call(ctx context.Context, path string, question, answer any) error {
	r, err := l.find(ctx)
	if err != nil {
		return err
	}
	body, err := laxjson.Marshal(question)
	if err != nil {
		return err
	}
	status, text, err := r.send(ctx, http.MethodPost, admin.Prefix+path, body)
	if err != nil {
		if ctx.Err() == nil {
			l.lose(r)
		}
		return err
	}
	if status == http.StatusOK {
		return readAnswer(text, answer)
	}
	var failure struct{ Message string }
	if readAnswer(text, &failure) != nil || failure.Message == "" {
		failure.Message = fmt.Sprintf("the server answered %d %s", status, http.StatusText(status))
	}
	return &lanyard.Error{Kind: kindOfStatus(status), Message: failure.Message}
}

// kindOfStatus returns the kind of error that has a status; Internal for those of several kinds.
func kindOfStatus(status int) lanyard.Kind {
	for _, k := range []lanyard.Kind{lanyard.NotFound, lanyard.Invalid, lanyard.Denied, lanyard.Unavailable} {
		if httpstatus.Of(k) == status {
			return k
		}
	}
	return lanyard.Internal
}

package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/lanyard/lanyard"
)

// A commandLink is a process that speaks over its standard input and output. All agents share it, so it is told that
// its client can do nothing: what it asked for could not be traced to the agent that it concerns.
type commandLink struct {
	u       *upstream
	conn    mcp.Connection
	version string
	out     chan jsonrpc.Message
	ended   chan struct{} // closed when the process or its output has ended

	mu    sync.Mutex
	last  int64
	calls map[int64]*commandCall
	err   error // why it ended
}

// A commandCall waits for the response to a request.
type commandCall struct {
	messages chan *message // notifications, as many as there is room for, and the response
	token    jsontext.Value
}

const (
	commandQueue  = 64   // messages that wait to be written, and notifications that wait for one agent
	commandCalls  = 1024 // that wait for responses
	commandStderr = 1024 // bytes of a line that are logged
)

// connectCommand starts the process and finds out which revision it speaks.
func (u *upstream) connectCommand(ctx context.Context) (*connection, error) {
	cmd := exec.Command(u.Command[0], u.Command[1:]...)
	cmd.Dir, cmd.Env = u.Dir, commandEnv(u.Env)
	stderr := &lineLogger{log: u.log}
	cmd.Stderr = stderr
	cmd.WaitDelay = 2 * time.Second
	transport := &mcp.CommandTransport{Command: cmd, TerminateDuration: 2 * time.Second}
	conn, err := transport.Connect(ctx)
	if err != nil {
		return nil, err
	}
	l := &commandLink{u: u, conn: conn, out: make(chan jsonrpc.Message, commandQueue), ended: make(chan struct{}),
		calls: map[int64]*commandCall{}}
	u.g.spawn(l.read)
	u.g.spawn(l.write)
	h, err := l.greet(ctx)
	if err != nil {
		l.close() // waits for the process, so its standard error is complete
		if line := stderr.lastLine(); line != "" {
			err = fmt.Errorf("%w; the last line of its standard error is %s", err, lanyard.Quote(line))
		}
		return nil, err
	}
	l.version = h.version
	return &connection{h, l}, nil
}

// greet asks for the newest revision, and then for one with sessions, of which the process is one.
func (l *commandLink) greet(ctx context.Context) (*hello, error) {
	in, err := l.call(ctx, discoverRequest(), func(*message) {})
	if err != nil {
		return nil, err
	}
	if h, err := readHello(in.message); err == nil && h.version == revisionStateless {
		return h, nil
	}
	if in, err = l.call(ctx, initializeRequest(nil), func(*message) {}); err != nil {
		return nil, err
	}
	h, err := readHello(in.message)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(upstreamSessions, h.version) {
		return nil, fmt.Errorf("upstream speaks revision %q, which the gateway does not", h.version)
	}
	return h, l.notify(ctx, initialized)
}

// commandEnv returns the environment of a command: what is configured, and little else, so that no secret of the
// gateway reaches it.
func commandEnv(own []string) []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "LANG", "TMPDIR", "TZ"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return append(env, own...)
}

// call implements link. The id and the progress token become those of the process's only client, and come back.
func (l *commandLink) call(ctx context.Context, o *outgoing, each func(*message)) (*incoming, error) {
	m, err := parseMessage(o.text)
	if err != nil {
		return nil, err
	}
	call := &commandCall{messages: make(chan *message, commandQueue)}
	id, err := l.begin(call)
	if err != nil {
		return nil, err
	}
	defer l.forget(id)
	own := strconv.AppendInt(nil, id, 10)
	edits := []edit{{m.id, own}}
	if m.progressToken.there() {
		call.token = m.raw(m.progressToken)
		edits = append(edits, edit{m.progressToken, own})
	}
	if err := l.enqueue(ctx, splice(m.text, edits...)); err != nil {
		return nil, err
	}
	for {
		select {
		case in := <-call.messages:
			if !in.isResponse() {
				each(in)
				continue
			}
			return restoreID(in, o.id)
		case <-l.ended:
			return nil, l.why()
		case <-ctx.Done():
			l.cancelCall(id)
			return nil, context.Cause(ctx)
		}
	}
}

// restoreID returns a response with the id of the agent's request.
func restoreID(in *message, id jsontext.Value) (*incoming, error) {
	m, err := parseMessage(splice(in.text, edit{in.id, id}))
	return &incoming{message: m}, err
}

func (l *commandLink) begin(call *commandCall) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return 0, l.err
	}
	if len(l.calls) >= commandCalls {
		return 0, errors.New("upstream has too many calls to answer")
	}
	l.last++
	l.calls[l.last] = call
	return l.last, nil
}

func (l *commandLink) forget(id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.calls, id)
}

func (l *commandLink) why() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

func (l *commandLink) cancelCall(id int64) {
	text := notificationMessage("notifications/cancelled", map[string]any{"requestId": id, "reason": "no longer needed"})
	if msg, err := jsonrpc.DecodeMessage(text); err == nil {
		select {
		case l.out <- msg:
		default: // it does not read either
		}
	}
}

func (l *commandLink) notify(ctx context.Context, text []byte) error { return l.enqueue(ctx, text) }

// enqueue has a message written. A process that does not read holds up those who call it, until their time is up.
func (l *commandLink) enqueue(ctx context.Context, text []byte) error {
	msg, err := jsonrpc.DecodeMessage(text)
	if err != nil {
		return err
	}
	select {
	case l.out <- msg:
		return nil
	case <-l.ended:
		return l.why()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l *commandLink) write() {
	for {
		select {
		case msg := <-l.out:
			if err := l.conn.Write(l.u.g.ctx, msg); err != nil {
				l.end(err)
				return
			}
		case <-l.ended:
			return
		}
	}
}

// read hands what the process says to those whom it concerns.
func (l *commandLink) read() {
	for pace := newPace(); ; {
		msg, err := l.conn.Read(l.u.g.ctx)
		if err != nil {
			l.end(err)
			return
		}
		text, err := jsonrpc.EncodeMessage(msg)
		if err == nil && len(text) > l.u.g.MaxMessageBytes {
			err = errTooLarge
		}
		var m *message
		if err == nil {
			m, err = parseMessage(text)
		}
		if err != nil {
			l.end(fmt.Errorf("%w: %v", errMalformed, err))
			return
		}
		if !m.isResponse() && pace.Wait(l.u.g.ctx) != nil {
			return
		}
		l.take(m)
	}
}

func (l *commandLink) take(m *message) {
	switch {
	case m.isRequest():
		if msg, err := jsonrpc.DecodeMessage(answerAlone(m)); err == nil {
			select {
			case l.out <- msg:
			default:
			}
		}
	case m.isResponse():
		l.give(m.raw(m.id), m)
	case m.method == "notifications/progress" && m.token.there():
		if call := l.waiting(m.raw(m.token)); call != nil && call.token != nil {
			if restored, err := parseMessage(splice(m.text, edit{m.token, call.token})); err == nil {
				l.give(m.raw(m.token), restored)
			}
		}
	default:
		l.u.heard(m)
	}
}

func (l *commandLink) waiting(id jsontext.Value) *commandCall {
	n, err := strconv.ParseInt(string(id), 10, 64)
	if err != nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls[n]
}

// give hands a message to the call with an id. A notification is dropped when the agent does not keep up.
func (l *commandLink) give(id jsontext.Value, m *message) {
	call := l.waiting(id)
	if call == nil {
		return
	}
	if m.isResponse() {
		for {
			select {
			case call.messages <- m:
				return
			default:
			}
			select {
			case <-call.messages: // the oldest notification makes room
			default:
			}
		}
	}
	select {
	case call.messages <- m:
	default:
	}
}

// end fails all calls.
func (l *commandLink) end(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil {
		l.err = fmt.Errorf("%w: %w", errDown, err)
		close(l.ended)
	}
}

// wait returns when the process or its output has ended.
func (l *commandLink) wait(ctx context.Context) error {
	if l.version == revisionStateless {
		l.u.g.spawn(func() { _ = l.u.listenStateless(ctx, l.u.conn.Load()) }) // it ends with ctx, or with the link
	}
	select {
	case <-l.ended:
		return l.why()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (l *commandLink) close() {
	l.end(errors.New("closed"))
	if err := l.conn.Close(); err != nil {
		l.u.log.Debug("upstream ended", "error", err)
	}
}

// A lineLogger logs what a command writes to its standard error, a bounded number of lines a second.
type lineLogger struct {
	log   *slog.Logger
	mu    sync.Mutex
	line  []byte
	last  string // that is not empty
	since time.Time
	lines int
}

const linesPerSecond = 20

func (w *lineLogger) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	rest := p
	for {
		line, after, ended := bytes.Cut(rest, []byte("\n"))
		if room := commandStderr - len(w.line); room > 0 {
			w.line = append(w.line, line[:min(room, len(line))]...)
		}
		if !ended {
			return len(p), nil
		}
		w.flush()
		rest = after
	}
}

// lastLine returns the last line that is not empty, whether or not it was logged.
func (w *lineLogger) lastLine() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note()
	return w.last
}

func (w *lineLogger) note() {
	if text := strings.TrimSpace(strings.ToValidUTF8(string(w.line), "�")); text != "" {
		w.last = text
	}
}

func (w *lineLogger) flush() {
	w.note()
	if now := time.Now(); now.Sub(w.since) > time.Second {
		w.since, w.lines = now, 0
	}
	if w.lines++; w.lines <= linesPerSecond && len(w.line) > 0 {
		w.log.Debug("upstream wrote to its standard error", "line", strings.ToValidUTF8(string(w.line), "�"))
	}
	w.line = w.line[:0]
}

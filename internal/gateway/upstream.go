package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// An upstream is an MCP server behind the gateway. What happens to one concerns no other: each has goroutines,
// connections and bounds of its own.
type upstream struct {
	Upstream
	g      *Gateway
	order  int
	at     *url.URL
	client *http.Client
	log    *slog.Logger

	conn    atomic.Pointer[connection] // the last one; nil before the first
	offers  atomic.Pointer[catalogue]  // the last that was read
	tried   chan struct{}              // closed after the first attempt to connect
	reload  chan struct{}              // has an item when the lists have changed
	onceTry sync.Once
}

// A connection is what is known of an upstream that answers.
type connection struct {
	hello *hello
	link  link // of the gateway itself, and of every call where the upstream has no sessions
}

// sessions reports whether each agent has a session of its own with the upstream.
func (c *connection) sessions() bool {
	_, ok := c.link.(*sessionLink)
	return ok
}

// A hello is what an upstream says of itself.
type hello struct {
	version      string
	capabilities capabilities
	instructions string
}

// capabilities are those of a server.
type capabilities struct {
	Tools       *listCapability           `json:"tools,omitzero"`
	Prompts     *listCapability           `json:"prompts,omitzero"`
	Resources   *listCapability           `json:"resources,omitzero"`
	Completions *struct{}                 `json:"completions,omitzero"`
	Logging     *struct{}                 `json:"logging,omitzero"`
	Extensions  map[string]jsontext.Value `json:"extensions,omitzero"`
}

type listCapability struct {
	ListChanged bool `json:"listChanged,omitzero"`
	Subscribe   bool `json:"subscribe,omitzero"`
}

// maxInstructions is how much of an upstream's instructions is handed on, in bytes.
const maxInstructions = 16 << 10

// readHello reads the response to initialize or server/discover.
func readHello(m *message) (*hello, error) {
	if m.fault.there() {
		return nil, readFault(m)
	}
	var result struct {
		ProtocolVersion   string       `json:"protocolVersion"`
		SupportedVersions []string     `json:"supportedVersions"`
		Capabilities      capabilities `json:"capabilities"`
		Instructions      string       `json:"instructions"`
	}
	if err := json.Unmarshal(m.raw(m.result), &result); err != nil {
		return nil, fmt.Errorf("%w: %v", errMalformed, err)
	}
	h := &hello{result.ProtocolVersion, result.Capabilities, result.Instructions}
	if slices.Contains(result.SupportedVersions, revisionStateless) {
		h.version = revisionStateless
	}
	if len(h.instructions) > maxInstructions {
		h.instructions = strings.ToValidUTF8(h.instructions[:maxInstructions], "")
	}
	return h, nil
}

// readFault returns the error of a response.
func readFault(m *message) *fault {
	var f fault
	if err := json.Unmarshal(m.raw(m.fault), &f); err != nil {
		return faultf(codeInternal, "upstream sent a malformed error")
	}
	return &f
}

func newUpstream(g *Gateway, order int, u Upstream) *upstream {
	up := &upstream{Upstream: u, g: g, order: order, client: u.Client, log: g.Logger.With("upstream", u.Name),
		tried: make(chan struct{}), reload: make(chan struct{}, 1)}
	up.Namespace = u.namespace()
	if u.URL != "" {
		up.at, _ = url.Parse(u.URL) // checked before
	}
	if up.client == nil {
		up.client = newClient() // its own, so that no other waits for its connections
	}
	up.offers.Store(&catalogue{})
	return up
}

// settle is how long the lists of an upstream may change before they are read again.
const settle = 50 * time.Millisecond

// Delays between attempts to connect.
const (
	firstDelay = 100 * time.Millisecond
	lastDelay  = 30 * time.Second
)

// run keeps the connection to the upstream until the gateway ends.
func (u *upstream) run() {
	delay := firstDelay
	for u.g.ctx.Err() == nil {
		began := time.Now()
		err := u.connectAndFollow(u.g.ctx)
		u.onceTry.Do(func() { close(u.tried) })
		if u.g.ctx.Err() != nil {
			return
		}
		if time.Since(began) > lastDelay {
			delay = firstDelay
		}
		u.log.Warn("upstream is not connected; retrying", "error", err, "after", delay)
		if sleep(u.g.ctx, delay/2+rand.N(delay)) != nil {
			return
		}
		delay = min(2*delay, lastDelay)
	}
}

// connectAndFollow connects, reads the lists, and follows their changes until the connection is lost.
func (u *upstream) connectAndFollow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c, err := u.connect(ctx)
	if err != nil {
		return err
	}
	defer c.link.close()
	u.conn.Store(c)
	if err := u.readLists(ctx, c); err != nil {
		return err
	}
	u.onceTry.Do(func() { close(u.tried) })
	u.log.Info("upstream is connected", "revision", c.hello.version)
	lost := make(chan error, 1)
	u.g.spawn(func() { lost <- u.listen(ctx, c) })
	tick := time.NewTicker(u.g.RefreshInterval)
	defer tick.Stop()
	for {
		select {
		case err := <-lost:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case <-u.reload:
			// One look serves all changes of this time, however many an upstream reports.
			if err := sleep(ctx, settle); err != nil {
				return err
			}
		case <-tick.C:
		}
		if err := u.readLists(ctx, c); err != nil {
			return err
		}
	}
}

// connect finds out which revision the upstream speaks, the newest first.
func (u *upstream) connect(ctx context.Context) (*connection, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, u.g.ConnectTimeout, errors.New("upstream did not answer in time"))
	defer cancel()
	if len(u.Command) > 0 {
		return u.connectCommand(ctx)
	}
	l := stateless{u}
	in, err := l.call(ctx, discoverRequest(), func(*message) {})
	if err == nil {
		if h, err := readHello(in.message); err == nil && h.version == revisionStateless {
			return &connection{h, l}, nil
		}
	}
	var status *statusError
	if err != nil && !(errors.As(err, &status) && status.status < 500) && !errors.Is(err, errMalformed) {
		return nil, err
	}
	session, err := u.openSession(ctx, nobody{}, anyAgent)
	if err != nil {
		return nil, err
	}
	return &connection{session.hello, session}, nil
}

// anyAgent are capabilities that some agents have. With them an upstream lists also the tools that ask an agent for
// something; what it asks the gateway itself is refused.
var anyAgent = jsontext.Value(`{"elicitation":{"form":{},"url":{}},"sampling":{}}`)

// discoverRequest returns the first request to an upstream without sessions.
func discoverRequest() *outgoing {
	return ownRequest("server/discover", map[string]any{})
}

// ownRequest returns a request of the gateway itself in the revision without sessions.
func ownRequest(method string, params map[string]any) *outgoing {
	params["_meta"] = map[string]any{keyVersion: revisionStateless, keyClientInfo: gatewayInfo, keyClientCaps: struct{}{}}
	return &outgoing{id: jsontext.Value("0"), method: method,
		text: encode(map[string]any{"jsonrpc": "2.0", "id": 0, "method": method, "params": params})}
}

// request returns a request of the gateway itself in the revision that the upstream speaks.
func (c *connection) request(method string, params map[string]any) *outgoing {
	if c.hello.version == revisionStateless {
		return ownRequest(method, params)
	}
	return &outgoing{id: jsontext.Value("0"), method: method,
		text: encode(map[string]any{"jsonrpc": "2.0", "id": 0, "method": method, "params": params})}
}

// gatewayInfo is what upstreams and agents hear of the gateway.
var gatewayInfo = map[string]any{"name": "lanyard-mcp-gateway", "title": "lanyard MCP gateway", "version": "1"}

// stir asks for the lists to be read again.
func (u *upstream) stir() {
	select {
	case u.reload <- struct{}{}:
	default:
	}
}

// heard takes a notification of the upstream that concerns no call.
func (u *upstream) heard(m *message) {
	switch m.method {
	case "notifications/tools/list_changed", "notifications/prompts/list_changed", "notifications/resources/list_changed":
		u.stir()
	case "notifications/resources/updated":
		u.g.updates.publish(u, m.uri.value)
	}
}

// listen follows what the upstream says outside of calls until the connection is lost.
func (u *upstream) listen(ctx context.Context, c *connection) error {
	switch l := c.link.(type) {
	case stateless:
		return u.listenStateless(ctx, c)
	case *sessionLink:
		l.peer = listener{u}
		err := l.listen(ctx, u.stir) // something may have changed before
		var status *statusError
		if errors.As(err, &status) &&
			(status.status == http.StatusMethodNotAllowed || status.status == http.StatusNotImplemented) {
			return u.poll(ctx, c) // it never says anything
		}
		return err
	case *commandLink:
		return l.wait(ctx)
	}
	panic("a link of another type")
}

// listener is the peer of the gateway's own session.
type listener struct{ u *upstream }

func (l listener) outside(_ *upstream, m *message) { l.u.heard(m) }

func (l listener) ask(_ context.Context, _ *upstream, m *message, _ *reply) []byte {
	return answerAlone(m)
}

func (u *upstream) listenStateless(ctx context.Context, c *connection) error {
	caps := c.hello.capabilities
	lists := map[string]any{}
	for name, has := range map[string]*listCapability{"toolsListChanged": caps.Tools, "promptsListChanged": caps.Prompts,
		"resourcesListChanged": caps.Resources} {
		if has != nil && has.ListChanged {
			lists[name] = true
		}
	}
	if len(lists) == 0 {
		return u.poll(ctx, c)
	}
	o := ownRequest("subscriptions/listen", map[string]any{"notifications": lists})
	for {
		in, err := c.link.call(ctx, o, func(m *message) {
			if m.method == "notifications/subscriptions/acknowledged" {
				u.stir() // something may have changed before
			}
			u.heard(m)
		})
		var status *statusError
		switch {
		case err == nil && in.fault.there() || errors.As(err, &status) && status.status < 500:
			return u.poll(ctx, c)
		case err == nil, errors.Is(err, errNoResponse): // it ended the stream, as it may
			u.stir()
			if err := sleep(ctx, time.Second); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// poll waits until the upstream no longer answers. The lists are read again all the time, which finds that out.
func (u *upstream) poll(ctx context.Context, _ *connection) error {
	<-ctx.Done()
	return ctx.Err()
}

// connected returns the connection, for which it waits when the gateway has just begun.
func (u *upstream) connected(ctx context.Context) (*connection, error) {
	if c := u.conn.Load(); c != nil {
		return c, nil
	}
	select {
	case <-u.tried:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if c := u.conn.Load(); c != nil {
		return c, nil
	}
	return nil, errDown
}

// patience is how long a list waits for upstreams that the gateway has never reached.
const patience = 2 * time.Second

// ready waits for the first attempt to connect to every upstream, so that an agent that comes at once sees all tools.
// An upstream that hangs does not hold up the others' for long.
func (g *Gateway) ready(ctx context.Context) {
	enough := time.NewTimer(time.Until(g.began.Add(patience)))
	defer enough.Stop()
	for _, u := range g.upstreams {
		select {
		case <-u.tried:
			continue
		default:
		}
		select {
		case <-u.tried:
		case <-enough.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

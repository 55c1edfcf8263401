package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A parked call is one of an agent without a session, to an upstream with sessions that asked for something in the
// middle of it. The agent gets a result that says what is needed, and calls again with it; in the meantime the call
// waits here.
type parked struct {
	link    *sessionLink
	asks    chan *message // requests of the upstream
	done    chan struct{}
	in      *incoming // once done
	err     error
	cancel  context.CancelFunc
	reply   atomic.Pointer[reply] // of the request that waits now
	waiting map[string]*message   // requests that were handed to the agent
	timer   *time.Timer
}

// parkedCalls are those that wait, by id.
type parkedCalls struct {
	mu   sync.Mutex
	byID map[string]*parked
}

const (
	maxParked   = 1000
	parkedFor   = 5 * time.Minute
	parkedState = "parked:"
	// together is how long an upstream may take to ask for everything that it needs at once.
	together = 20 * time.Millisecond
)

func (p *parkedCalls) add(c *parked) (id string, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.byID) >= maxParked {
		return "", false
	}
	if p.byID == nil {
		p.byID = map[string]*parked{}
	}
	id = rand.Text()
	p.byID[id] = c
	c.timer = time.AfterFunc(parkedFor, func() {
		if c := p.take(id); c != nil {
			c.cancel()
		}
	})
	return id, true
}

func (p *parkedCalls) take(id string) *parked {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.byID[id]
	delete(p.byID, id)
	if c != nil {
		c.timer.Stop()
	}
	return c
}

// abandon ends the call of a state, if it is one of a call that waits.
func (p *parkedCalls) abandon(state string) {
	if id, ok := strings.CutPrefix(state, parkedState); ok {
		if c := p.take(id); c != nil {
			c.cancel()
		}
	}
}

func (p *parkedCalls) endAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.byID {
		c.timer.Stop()
		c.cancel()
	}
	p.byID = nil
}

// sessionParts are the capabilities of agents that upstreams with sessions use, and what there is of each.
var sessionParts = map[string][]string{"elicitation": {"form", "url"}, "roots": nil, "sampling": {"context", "tools"}}

// sessionCapabilities returns what of an agent's capabilities an upstream can use in a session.
func (q *request) sessionCapabilities() jsontext.Value {
	var sent map[string]jsontext.Value
	if json.Unmarshal(q.raw(q.clientCaps), &sent) != nil {
		return nil
	}
	// The upstream has a session for each set of capabilities, so there are few.
	kept := map[string]map[string]struct{}{}
	for name, parts := range sessionParts {
		var has map[string]jsontext.Value
		if v, ok := sent[name]; !ok || json.Unmarshal(v, &has) != nil {
			continue
		}
		kept[name] = map[string]struct{}{}
		for _, part := range parts {
			if v := has[part]; v.Kind() == '{' {
				kept[name][part] = struct{}{}
			}
		}
	}
	return encode(kept)
}

// park starts a call that may have to wait for the agent.
func (q *request) park(l *sessionLink, o *outgoing) *parked {
	ctx, cancel := context.WithTimeoutCause(l.ctx, q.g.CallTimeout+parkedFor, errTimeout)
	p := &parked{link: l, asks: make(chan *message, maxAsking), done: make(chan struct{}), cancel: cancel,
		waiting: map[string]*message{}}
	p.reply.Store(q.reply)
	q.g.spawn(func() {
		defer cancel()
		defer close(p.done)
		p.in, p.err = l.call(ctx, o, p.take)
	})
	return p
}

// take takes what the upstream sends before the response.
func (p *parked) take(m *message) {
	if !m.isRequest() {
		if reply := p.reply.Load(); reply != nil {
			passTo(reply, m)
		}
		return
	}
	if isAgentMethod(m.method) {
		select {
		case p.asks <- m:
			return
		default: // it asks for more than anybody answers
		}
	}
	p.answer(answerAlone(m))
}

// answer answers a request of the upstream.
func (p *parked) answer(text []byte) {
	p.link.u.g.spawn(func() {
		ctx, cancel := context.WithTimeout(p.link.ctx, p.link.u.g.ConnectTimeout)
		defer cancel()
		if err := p.link.notify(ctx, text); err != nil {
			p.link.u.log.Debug("upstream did not take a response", "error", err)
		}
	})
}

// await waits for the response, or for what the upstream needs, which becomes the result.
func (q *request) await(ctx context.Context, p *parked) (*incoming, error) {
	select {
	case <-p.done:
		p.reply.Store(nil)
		return restored(p, q.raw(q.id))
	case m := <-p.asks:
		p.waiting[strconv.Itoa(len(p.waiting)+1)] = m
	case <-ctx.Done():
		p.reply.Store(nil)
		p.cancel()
		return nil, context.Cause(ctx)
	}
	for more := time.After(together); ; {
		select {
		case m := <-p.asks:
			p.waiting[strconv.Itoa(len(p.waiting)+1)] = m
			continue
		case <-more:
		}
		break
	}
	return q.needInput(p)
}

// restored returns the response with the id of the agent's last request.
func restored(p *parked, id jsontext.Value) (*incoming, error) {
	if p.err != nil {
		return nil, p.err
	}
	return restoreID(p.in.message, id)
}

// needInput parks the call and says what it needs.
func (q *request) needInput(p *parked) (*incoming, error) {
	p.reply.Store(nil)
	id, ok := q.g.parked.add(p)
	if !ok {
		p.cancel()
		return nil, errors.New("too many calls wait for agents")
	}
	requests := map[string]agentRequest{}
	for key, m := range p.waiting {
		r := agentRequest{Method: m.method}
		if m.params.there() {
			r.Params = m.raw(m.params)
		}
		requests[key] = r
	}
	m, err := parseMessage(resultMessage(q.raw(q.id), encode(map[string]any{"resultType": "input_required",
		"inputRequests": requests, "requestState": parkedState + id})))
	return &incoming{message: m}, err
}

// resume goes on with a call that waited, with what the agent provides.
func (q *request) resume(ctx context.Context, state string) (*incoming, error) {
	p := q.g.parked.take(strings.TrimPrefix(state, parkedState))
	if p == nil {
		return nil, faultf(codeInvalidParams, "params.requestState must be of a call that still waits")
	}
	var provided map[string]jsontext.Value
	if q.inputs.there() && json.Unmarshal(q.raw(q.inputs), &provided) != nil {
		provided = nil
	}
	for key, m := range p.waiting {
		if v, ok := provided[key]; ok && v.Kind() == '{' {
			delete(p.waiting, key)
			p.answer(resultMessage(m.raw(m.id), v))
		}
	}
	if len(p.waiting) > 0 {
		return q.needInput(p)
	}
	p.reply.Store(q.reply)
	return q.await(ctx, p)
}

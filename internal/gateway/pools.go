package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// pools are the sessions with upstreams of callers that have none with the gateway. A caller shares none with another.
type pools struct {
	mu    sync.Mutex
	links map[poolKey]*pooled
}

type poolKey struct {
	caller       string
	upstream     *upstream
	capabilities string // of the agent
}

type pooled struct {
	link *sessionLink
	used time.Time
}

// link returns the session of a caller with an upstream, for an agent with these capabilities.
func (p *pools) link(ctx context.Context, c *Caller, u *upstream, capabilities jsontext.Value) (*sessionLink, error) {
	key := poolKey{c.key(), u, string(capabilities)}
	p.mu.Lock()
	if have := p.links[key]; have != nil && have.link.ctx.Err() == nil {
		have.used = time.Now()
		p.mu.Unlock()
		return have.link, nil
	}
	p.mu.Unlock()
	ctx, cancel := context.WithTimeoutCause(ctx, u.g.ConnectTimeout, errTimeout)
	defer cancel()
	l, err := u.openSession(ctx, nobody{}, capabilities)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.links == nil {
		p.links = map[poolKey]*pooled{}
	}
	if other := p.links[key]; other != nil && other.link.ctx.Err() == nil {
		l.close()
		return other.link, nil
	}
	if len(p.links) >= u.g.MaxSessions {
		p.endOldest()
	}
	p.links[key] = &pooled{l, time.Now()}
	return l, nil
}

// endOldest makes room. The caller holds mu.
func (p *pools) endOldest() {
	var oldest poolKey
	var at *pooled
	for key, have := range p.links {
		if at == nil || have.used.Before(at.used) {
			oldest, at = key, have
		}
	}
	if at != nil {
		delete(p.links, oldest)
		at.link.close()
	}
}

func (p *pools) endIdle(before time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for key, have := range p.links {
		if have.used.Before(before) {
			delete(p.links, key)
			have.link.close()
		}
	}
}

func (p *pools) endAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, have := range p.links {
		have.link.close()
	}
	p.links = nil
}

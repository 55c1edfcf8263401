package gateway

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
)

// updates hands on which resources have changed to those who subscribed to them. Each resource is subscribed to once
// with its upstream, whoever listens.
type updates struct {
	mu    sync.Mutex
	heard map[resourceKey]map[*updateReader]string // to the URI that the agent knows
	stops map[resourceKey]context.CancelFunc
}

type resourceKey struct {
	upstream *upstream
	uri      string
}

// An updateReader is one agent's subscription.
type updateReader struct {
	mu      sync.Mutex
	pending map[string]bool
	wake    chan struct{}
}

// note adds a URI to what the agent is to be told. It never waits.
func (r *updateReader) note(uri string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.pending) < maxResourceSubscriptions {
		r.pending[uri] = true
	}
	poke(r.wake)
}

func (r *updateReader) take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var uris []string
	for uri := range r.pending {
		uris = append(uris, uri)
	}
	clear(r.pending)
	return uris
}

// subscribe calls send for each change of one of the resources, as long as the caller may read it, until stop is
// called or ctx ends.
func (g *Gateway) subscribe(ctx context.Context, c *Caller, uris []string, send func(uri string)) (stop func()) {
	if len(uris) == 0 {
		return func() {}
	}
	r := &updateReader{pending: map[string]bool{}, wake: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(ctx)
	var keys []resourceKey
	for _, outer := range uris {
		u, inner, _ := g.resourceRights(outer)
		if u == nil {
			continue
		}
		key := resourceKey{u, inner}
		keys = append(keys, key)
		g.updates.add(key, r, outer)
	}
	g.spawn(func() {
		for {
			select {
			case <-r.wake:
			case <-ctx.Done():
				return
			}
			for _, uri := range r.take() {
				if g.mayRead(ctx, c, uri) {
					send(uri)
				}
			}
		}
	})
	return func() {
		cancel()
		for _, key := range keys {
			g.updates.remove(key, r)
		}
	}
}

func (s *updates) add(key resourceKey, r *updateReader, outer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard == nil {
		s.heard, s.stops = map[resourceKey]map[*updateReader]string{}, map[resourceKey]context.CancelFunc{}
	}
	if s.heard[key] == nil {
		s.heard[key] = map[*updateReader]string{}
		ctx, cancel := context.WithCancel(key.upstream.g.ctx)
		s.stops[key] = cancel
		key.upstream.g.spawn(func() { key.upstream.follow(ctx, key.uri) })
	}
	s.heard[key][r] = outer
}

func (s *updates) remove(key resourceKey, r *updateReader) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.heard[key], r)
	if len(s.heard[key]) == 0 && s.stops[key] != nil {
		s.stops[key]()
		delete(s.heard, key)
		delete(s.stops, key)
	}
}

// publish tells who subscribed to a resource, or to one that it is a part of.
func (s *updates) publish(u *upstream, uri string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, readers := range s.heard {
		if key.upstream != u || uri != key.uri && !strings.HasPrefix(uri, strings.TrimSuffix(key.uri, "/")+"/") {
			continue
		}
		for r := range readers {
			r.note(u.g.outerURI(u, uri))
		}
	}
}

// follow subscribes to a resource with the upstream, again after each loss of the connection, until ctx ends.
func (u *upstream) follow(ctx context.Context, uri string) {
	for delay := firstDelay; ctx.Err() == nil; delay = min(2*delay, lastDelay) {
		if c := u.conn.Load(); c != nil {
			var err error
			if c.hello.version == revisionStateless {
				_, err = c.link.call(ctx, ownRequest("subscriptions/listen",
					map[string]any{"notifications": map[string]any{"resourceSubscriptions": []string{uri}}}), u.heard)
			} else {
				err = u.followInSession(ctx, c, uri)
			}
			if ctx.Err() != nil {
				return
			}
			u.log.Debug("a subscription to a resource ended", "error", err)
		}
		if sleep(ctx, delay) != nil {
			return
		}
	}
}

// followInSession subscribes in the gateway's own session, until that is another.
func (u *upstream) followInSession(ctx context.Context, c *connection, uri string) error {
	request := func(ctx context.Context, method string) error {
		in, err := c.link.call(ctx, c.request(method, map[string]any{"uri": uri}), func(*message) {})
		if err == nil && in.fault.there() {
			err = readFault(in.message)
		}
		return err
	}
	if err := request(ctx, "resources/subscribe"); err != nil {
		return err
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for u.conn.Load() == c {
		select {
		case <-tick.C:
		case <-ctx.Done():
			ctx, cancel := context.WithTimeout(u.g.ctx, 5*time.Second)
			defer cancel()
			return request(ctx, "resources/unsubscribe")
		}
	}
	return errors.New("the connection is another")
}

package gateway

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// A feed tells those who listen that something has changed.
type feed struct {
	mu    sync.Mutex
	heard map[chan struct{}]bool
}

// publish tells all. Nobody waits: who is busy looks again afterwards.
func (f *feed) publish() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.heard {
		poke(c)
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// listen pokes c after each change, until stop is called.
func (f *feed) listen(c chan struct{}) (stop func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.heard == nil {
		f.heard = map[chan struct{}]bool{}
	}
	f.heard[c] = true
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.heard, c)
	}
}

// A watcher tells one agent when the lists that it may see have changed.
type watcher struct {
	g      *Gateway
	caller *Caller
	last   map[string]uint64
	send   func(changed string) // a notification
}

// run watches until ctx ends.
func (w *watcher) run(ctx context.Context) {
	again := make(chan struct{}, 1)
	defer w.g.changes.listen(again)()
	poked := func() { poke(again) }
	w.g.spawn(func() { w.g.Authority.Watch(ctx, w.caller, poked) })
	for _, u := range w.g.upstreams {
		if u.Local != nil {
			w.g.spawn(func() { u.Local.Watch(ctx, w.caller, poked) })
		}
	}
	poke(again) // something may have changed since the first look
	for {
		select {
		case <-again:
			w.look(ctx)
		case <-ctx.Done():
			return
		}
		if sleep(ctx, settle) != nil {
			return
		}
	}
}

// look compares the lists with those of the last look.
func (w *watcher) look(ctx context.Context) {
	now, err := w.g.fingerprints(ctx, w.caller)
	if err != nil {
		if ctx.Err() == nil {
			w.g.logAway("lists cannot be decided", err)
		}
		return
	}
	last := w.last
	w.last = now
	told := map[string]bool{}
	for _, k := range kinds {
		if last != nil && last[k.method] != now[k.method] && !told[k.changed] {
			told[k.changed] = true
			w.send(k.changed)
		}
	}
}

// maxResourceSubscriptions is of one stream or session.
const maxResourceSubscriptions = 100

// wanted is what an agent subscribes to.
type wanted struct {
	Tools     bool     `json:"toolsListChanged,omitzero"`
	Prompts   bool     `json:"promptsListChanged,omitzero"`
	Lists     bool     `json:"resourcesListChanged,omitzero"`
	Resources []string `json:"resourceSubscriptions,omitzero"`
	Tasks     []string `json:"taskIds,omitzero"`
}

// has reports whether a notification was asked for.
func (f wanted) has(changed string) bool {
	return f.Tools && changed == kindTools.changed || f.Prompts && changed == kindPrompts.changed ||
		f.Lists && changed == kindResources.changed
}

// serveSubscription serves subscriptions/listen: a stream of notifications until the agent goes or its credential
// expires.
func (g *Gateway) serveSubscription(w http.ResponseWriter, q *request) {
	var f wanted
	if !q.listen.there() {
		q.fail(faultf(codeInvalidParams, "params.notifications is required"))
		return
	}
	if err := json.Unmarshal(q.raw(q.listen), &f); err != nil ||
		len(f.Resources)+len(f.Tasks) > maxResourceSubscriptions {
		q.fail(faultf(codeInvalidParams, "params.notifications must be an object of booleans and at most %d resources and "+
			"tasks", maxResourceSubscriptions))
		return
	}
	if !q.reply.accepts {
		q.fail(faultf(codeInvalidRequest, "Accept must have text/event-stream"))
		return
	}
	if !g.streams.take(g, q.caller) {
		q.fail(faultf(codeUnavailable, "the gateway has no room for another subscription now"))
		return
	}
	defer g.streams.leave(q.caller)
	ctx, cancel := g.streamContext(q.ctx, q.caller)
	defer cancel()
	defer context.AfterFunc(g.streaming, cancel)()
	g.spawn(func() { g.endRevoked(ctx, cancel, q.http, q.caller) })
	s := &subscription{g: g, q: q, w: w, cancel: cancel, want: f}
	s.serve(ctx)
}

// streamSlots bound the streams that are open, by caller and in all.
type streamSlots struct {
	mu    sync.Mutex
	all   int
	byKey map[string]int
}

func (s *streamSlots) take(g *Gateway, c *Caller) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= g.MaxStreams || s.byKey[c.key()] >= g.MaxCallerStreams {
		return false
	}
	if s.byKey == nil {
		s.byKey = map[string]int{}
	}
	s.all++
	s.byKey[c.key()]++
	return true
}

func (s *streamSlots) leave(c *Caller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.byKey[c.key()]--; s.byKey[c.key()] == 0 {
		delete(s.byKey, c.key())
	}
}

// proofInterval is how often the credential that opened a stream is checked again.
const proofInterval = 500 * time.Millisecond

// endRevoked ends a stream when its request no longer proves the caller, such as after the token was revoked. While
// nobody can be authenticated it waits: nothing is allowed then, so the stream tells nothing.
func (g *Gateway) endRevoked(ctx context.Context, end func(), r *http.Request, c *Caller) {
	tick := time.NewTicker(proofInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		now, err := g.Authenticator.Authenticate(r.WithContext(ctx))
		var refused *Unauthenticated
		if errors.As(err, &refused) || err == nil && now.key() != c.key() {
			end()
			return
		}
	}
}

// streamContext returns a context that ends with a request, the gateway, and the caller's credential.
func (g *Gateway) streamContext(ctx context.Context, c *Caller) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(g.ctx, cancel)
	end := func() { stop(); cancel() }
	if c.Expires.IsZero() {
		return ctx, end
	}
	ctx, expire := context.WithDeadline(ctx, c.Expires)
	return ctx, func() { expire(); end() }
}

// A subscription is a stream of subscriptions/listen.
type subscription struct {
	g      *Gateway
	q      *request
	want   wanted
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu sync.Mutex
	w  http.ResponseWriter
}

func (s *subscription) serve(ctx context.Context) {
	s.g.ready(ctx)
	watch := &watcher{g: s.g, caller: s.q.caller, send: func(changed string) {
		if s.want.has(changed) {
			s.send(notificationMessage(changed, s.tagged(nil)))
		}
	}}
	first, err := s.g.fingerprints(ctx, s.q.caller)
	if err != nil {
		s.q.fail(faultf(codeInternal, "the subscription cannot be decided now"))
		return
	}
	watch.last = first
	uris := s.allowed(ctx)
	s.want.Resources = uris
	tasks := s.watchedTasks(ctx)
	startEvents(s.w)
	s.send(notificationMessage("notifications/subscriptions/acknowledged", s.tagged(map[string]any{"notifications": s.want})))
	stop := s.g.subscribe(ctx, s.q.caller, uris, func(uri string) {
		s.send(notificationMessage("notifications/resources/updated", s.tagged(map[string]any{"uri": uri})))
	})
	s.group.Go(func() { watch.run(ctx) })
	for _, watch := range tasks {
		s.group.Go(func() { watch(ctx) })
	}
	s.keepAlive(ctx)
	s.cancel()
	stop()
	s.group.Wait()
	s.send(resultMessage(s.q.raw(s.q.id), encode(map[string]any{"resultType": "complete",
		"_meta": map[string]any{keySubscription: s.q.raw(s.q.id)}})))
}

// allowed returns the resources of those asked for that the caller may read.
func (s *subscription) allowed(ctx context.Context) []string {
	var uris []string
	for _, uri := range s.want.Resources {
		if s.g.mayRead(ctx, s.q.caller, uri) && !slices.Contains(uris, uri) {
			uris = append(uris, uri)
		}
	}
	return uris
}

// mayRead reports whether a caller may read a resource.
func (g *Gateway) mayRead(ctx context.Context, c *Caller, uri string) bool {
	u, _, rights := g.resourceRights(uri)
	if u == nil {
		return false
	}
	decisions, err := g.Authority.Decide(ctx, c, rights)
	return err == nil && slices.ContainsFunc(decisions, func(d Decision) bool { return d.Allow })
}

// tagged returns params that name the subscription.
func (s *subscription) tagged(params map[string]any) map[string]any {
	if params == nil {
		params = map[string]any{}
	}
	params["_meta"] = map[string]any{keySubscription: jsontext.Value(s.q.raw(s.q.id))}
	return params
}

func (s *subscription) send(text []byte) { s.write(appendEvent(nil, "", text)) }

func (s *subscription) write(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w == nil {
		return
	}
	if writeFlushed(s.w, b) != nil {
		s.w = nil
		s.cancel()
	}
}

func (s *subscription) keepAlive(ctx context.Context) {
	tick := time.NewTicker(s.g.KeepAlive)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.write([]byte(": alive\n\n"))
		}
	}
}

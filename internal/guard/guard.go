// Package guard bounds what agents do to upstreams and upstreams to agents: calls a minute and at a time for each agent
// and tool, time limits and sizes, and a rest for upstreams that fail. It calls nothing and knows no protocol.
package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/time/rate"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/gateway"
	"github.com/lanyard/lanyard/internal/setting"
)

// Bounds of what is remembered. What does not fit shares limits, which is stricter.
const (
	maxAgents    = 20_000  // agents at upstreams
	maxTools     = 100_000 // of all agents
	maxOwnTools  = 1000    // of one agent at one upstream
	sweepEvery   = time.Second
	retryAtLeast = time.Second
)

// A Guard is a gateway.Guard. Make it with New.
type Guard struct {
	config Config
	log    *slog.Logger

	mu        sync.Mutex
	upstreams map[string]*upstream // those of the gateway's configuration
	agents    map[agentKey]*agent
	tools     int // of all agents
	swept     time.Time
}

// An agentKey is who calls an upstream: an agent, or a user without one. With id "" it is all that do not fit.
type agentKey struct{ instance, id, upstream string }

// upstream is what is known of one upstream.
type upstream struct {
	limits  UpstreamLimits
	running int64
	breaker *breaker
	failed  agentKey // who saw the last failure; nobody after a success
}

// agent is what is known of an agent at an upstream.
type agent struct {
	running int64
	breaker *breaker
	tools   map[string]*tool // with the name "" those that do not fit
	used    time.Time
}

// tool is what is known of an agent's calls of a tool.
type tool struct {
	Limits
	running int64
	calls   *rate.Limiter // nil: unlimited
}

// New returns a Guard for a configuration that has passed Check. A nil logger is slog.Default().
func New(c Config, log *slog.Logger) *Guard {
	if log == nil {
		log = slog.Default()
	}
	return &Guard{config: c, log: log, upstreams: map[string]*upstream{}, agents: map[agentKey]*agent{}}
}

var _ gateway.Guard = (*Guard)(nil)

// Sizes returns how large a call of a tool and its answer may be.
func (g *Guard) Sizes(c *gateway.Caller, upstream, tool string) gateway.Sizes {
	l := g.config.limits(callerID(c), upstream, tool)
	return gateway.Sizes{Request: int64(l.RequestSize), Answer: int64(l.AnswerSize)}
}

func callerID(c *gateway.Caller) string {
	if c.Agent != "" {
		return c.Agent
	}
	return c.User
}

// Enter admits a call of a tool, or says in a *gateway.Limited why not now. An upstream is at fault unless the error
// that leave is called with is nil or context.Canceled.
func (g *Guard) Enter(ctx context.Context, c *gateway.Caller, upstream, tool string) (context.Context, func(error),
	error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.visit(agentKey{c.Instance, callerID(c), upstream}, tool)
	if limited := v.admit(time.Now()); limited != nil {
		return nil, nil, limited
	}
	ctx, cancel := context.WithTimeout(ctx, v.tool.Timeout)
	var once sync.Once
	return ctx, func(err error) {
		once.Do(func() {
			cancel()
			g.mu.Lock()
			defer g.mu.Unlock()
			v.leave(err)
		})
	}, nil
}

// A visit is one call with what bounds it.
type visit struct {
	key      agentKey
	name     string
	upstream *upstream
	agent    *agent
	tool     *tool
	// What the breakers are told of the call.
	doneUpstream, doneAgent func(error)
}

// visit finds what bounds a call, or makes it.
func (g *Guard) visit(key agentKey, name string) *visit {
	now := time.Now()
	u := g.upstreams[key.upstream]
	if u == nil {
		u = &upstream{limits: g.config.upstreamLimits(key.upstream)}
		u.breaker = newBreaker(u.limits, func(open bool) {
			g.log.Warn("the state of an upstream changed", "upstream", key.upstream, "failing", open)
		})
		g.upstreams[key.upstream] = u
	}
	a := g.agents[key]
	if a == nil && len(g.agents) >= maxAgents {
		if g.sweep(now); len(g.agents) >= maxAgents {
			key.id = ""
			a = g.agents[key]
		}
	}
	if a == nil {
		a = &agent{breaker: newBreaker(u.limits, nil), tools: map[string]*tool{}}
		g.agents[key] = a
	}
	a.used = now
	return &visit{key: key, name: name, upstream: u, agent: a, tool: g.toolOf(a, key, name, now)}
}

// toolOf returns what is known of an agent's calls of a tool.
func (g *Guard) toolOf(a *agent, key agentKey, name string, now time.Time) *tool {
	if t := a.tools[name]; t != nil {
		return t
	}
	limits := g.config.limits(key.id, key.upstream, name)
	if len(a.tools) >= maxOwnTools || g.tools >= maxTools {
		if g.sweep(now); len(a.tools) >= maxOwnTools || g.tools >= maxTools {
			if name = ""; a.tools[name] != nil {
				a.tools[name].narrow(limits)
				return a.tools[name]
			}
		}
	}
	t := &tool{Limits: limits}
	if limits.CallsPerMinute != setting.None {
		t.calls = newLimiter(limits)
	}
	a.tools[name] = t
	g.tools++
	return t
}

func newLimiter(l Limits) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(float64(l.CallsPerMinute)/60), int(l.Burst))
}

// narrow makes limits that tools share as strict as those of one that joins them.
func (t *tool) narrow(to Limits) {
	if stricter(to.CallsPerMinute, t.CallsPerMinute) {
		t.CallsPerMinute, t.Burst, t.calls = to.CallsPerMinute, to.Burst, newLimiter(to)
	}
	if stricter(to.Concurrent, t.Concurrent) {
		t.Concurrent = to.Concurrent
	}
	t.Timeout = min(t.Timeout, to.Timeout)
}

// stricter reports whether a limit allows less than another.
func stricter(a, b setting.Count) bool {
	return a != setting.None && (b == setting.None || a < b)
}

// sweep forgets what has nothing to remember, at most once in a while.
func (g *Guard) sweep(now time.Time) {
	if now.Sub(g.swept) < sweepEvery {
		return
	}
	g.swept = now
	for key, a := range g.agents {
		for name, t := range a.tools {
			if t.running == 0 && (t.calls == nil || t.calls.TokensAt(now) >= float64(t.calls.Burst())) {
				delete(a.tools, name)
				g.tools--
			}
		}
		if rest := g.upstreams[key.upstream].limits.CoolDown; a.running == 0 && len(a.tools) == 0 &&
			now.Sub(a.used) > 2*rest {
			delete(g.agents, key)
		}
	}
}

// errNotSent tells breakers that a call did not take place.
var errNotSent = errors.New("not sent")

// admit counts a call in, or says why not.
func (v *visit) admit(now time.Time) *gateway.Limited {
	u, a, t := v.upstream, v.agent, v.tool
	name := lanyard.Clip(v.name)
	switch {
	case !t.Concurrent.Allows(t.running):
		return limited(retryAtLeast, "%d calls of %s at a time are allowed, and as many are in progress", t.Concurrent, name)
	case !u.limits.AgentConcurrent.Allows(a.running):
		return limited(retryAtLeast, "%d calls of one agent to %s at a time are allowed, and as many are in progress",
			u.limits.AgentConcurrent, v.key.upstream)
	case !u.limits.UpstreamConcurrent.Allows(u.running):
		return limited(retryAtLeast, "%s has as many calls in progress as it may have, %d", v.key.upstream,
			u.limits.UpstreamConcurrent)
	case u.breaker.halfOpen() && a.running > 0: // one agent does not try an upstream on behalf of all
		return limited(retryAtLeast, "%s failed and is being tried again", v.key.upstream)
	}
	var err error
	if v.doneUpstream, err = u.breaker.Allow(); err != nil {
		return limited(u.breaker.rest(now), "%s failed %d times in a row and is not called for a while", v.key.upstream,
			u.limits.Failures)
	}
	if v.doneAgent, err = a.breaker.Allow(); err != nil {
		v.doneUpstream(errNotSent)
		return limited(a.breaker.rest(now), "calls of this agent to %s failed %d times in a row; it is not called for a while",
			v.key.upstream, u.limits.Failures)
	}
	if t.calls != nil {
		if r := t.calls.ReserveN(now, 1); r.DelayFrom(now) > 0 {
			wait := r.DelayFrom(now)
			r.CancelAt(now)
			v.doneUpstream(errNotSent)
			v.doneAgent(errNotSent)
			return limited(wait, "%d calls of %s a minute are allowed", t.CallsPerMinute, name)
		}
	}
	t.running++
	a.running++
	u.running++
	return nil
}

func limited(after time.Duration, format string, args ...any) *gateway.Limited {
	after = max(after, time.Millisecond)
	return &gateway.Limited{Reason: fmt.Sprintf(format, args...) + "; retry in " + roundUp(after).String(),
		RetryAfter: after}
}

// roundUp returns whole seconds, as in the header Retry-After.
func roundUp(d time.Duration) time.Duration {
	return (d + time.Second - 1) / time.Second * time.Second
}

// leave counts a call out.
func (v *visit) leave(err error) {
	v.tool.running--
	v.agent.running--
	v.upstream.running--
	v.doneAgent(err)
	switch {
	case err == nil:
		v.upstream.failed = agentKey{}
	case isFailure(err) && v.upstream.failed == v.key:
		err = errNotSent // an agent whose calls always fail does not keep others from an upstream
	case isFailure(err):
		v.upstream.failed = v.key
	}
	v.doneUpstream(err)
}

// isFailure reports whether an upstream is at fault.
func isFailure(err error) bool {
	return err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, errNotSent)
}

// A breaker lets no calls through for a while after so many failed in a row. Then one is let through at a time, until
// one succeeds.
type breaker struct {
	*gobreaker.TwoStepCircuitBreaker[struct{}]
	open time.Time // until when, if it is open; the guard's lock is held when it changes
}

// newBreaker returns a breaker; changed, unless nil, is called when it opens and when it closes.
func newBreaker(l UpstreamLimits, changed func(open bool)) *breaker {
	b := &breaker{}
	b.TwoStepCircuitBreaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout: l.CoolDown,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return l.Failures != setting.None && int64(c.ConsecutiveFailures) >= int64(l.Failures)
		},
		IsExcluded: func(err error) bool { return err != nil && !isFailure(err) },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				b.open = time.Now().Add(l.CoolDown)
			}
			if changed != nil && to != gobreaker.StateHalfOpen {
				changed(to == gobreaker.StateOpen)
			}
		}})
	return b
}

func (b *breaker) halfOpen() bool { return b.State() == gobreaker.StateHalfOpen }

// rest returns how long the breaker stays open.
func (b *breaker) rest(now time.Time) time.Duration { return max(b.open.Sub(now), retryAtLeast) }

package guard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.yaml.in/yaml/v4"
	"pgregory.net/rapid"

	"github.com/lanyard/lanyard/internal/gateway"
	"github.com/lanyard/lanyard/internal/setting"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newGuard(c Config) *Guard { return New(c, slog.New(slog.NewTextHandler(io.Discard, nil))) }

func agentCaller(id string) *gateway.Caller { return &gateway.Caller{Instance: "i", Agent: id} }

var errDied = errors.New("the upstream died")

// enter admits a call that leaves with err, and returns why it was not admitted.
func enter(g *Guard, who, upstream, tool string, err error) *gateway.Limited {
	_, leave, refused := g.Enter(context.Background(), agentCaller(who), upstream, tool)
	var l *gateway.Limited
	if errors.As(refused, &l) {
		return l
	}
	leave(err)
	return nil
}

func TestConfig(t *testing.T) {
	for _, tt := range []struct {
		name, yaml, want string // want: the error; "" for none
	}{
		{"nothing", ``, ""},
		{"everything", `
calls-per-minute: 60
burst: 10
concurrent: 4
timeout: 5s
request-size: 64KiB
answer-size: unlimited
concurrent-per-agent: 8
concurrent-per-upstream: unlimited
failures: 3
cool-down: 1m
overrides:
  - upstream: crm
    tool: export_*
    agent: "*agent/a1*"
    calls-per-minute: unlimited
    timeout: 10m
  - upstream: legacy
    failures: unlimited
    concurrent-per-upstream: 2
`, ""},
		{"a time that is too short", `timeout: 1ms`, "timeout must be 10ms to 1h0m0s, got 1ms"},
		{"a time that is too long", `overrides: [{timeout: 2h}]`, "overrides[0].timeout must be 10ms to 1h0m0s, got 2h0m0s"},
		{"no burst", `burst: unlimited`,
			"burst must be 1 to 60000000; without a limit of calls-per-minute it counts for nothing"},
		{"limits of an upstream for a tool", `overrides: [{}, {upstream: crm, tool: x, failures: 2}]`,
			"overrides[1].upstream must be the only pattern of an override that sets concurrent-per-agent, " +
				"concurrent-per-upstream, failures or cool-down, got tool or agent too"},
		{"a rest that is too long", `cool-down: 24h`, "cool-down must be 100ms to 1h0m0s, got 24h0m0s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c Config
			if err := yaml.Unmarshal([]byte(tt.yaml), &c); err != nil {
				t.Fatal(err)
			}
			got := ""
			if err := c.Check(); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// The last override that matches and sets a member counts; the rest has the section's value, or the default.
func TestOverrides(t *testing.T) {
	c := Config{Limits: Limits{Concurrent: 5}, Overrides: []Override{
		{Upstream: "crm", Limits: Limits{CallsPerMinute: 60, Timeout: time.Second}},
		{Tool: "export_*", Limits: Limits{CallsPerMinute: 6}},
		{Upstream: "crm", Agent: "vip*", Limits: Limits{CallsPerMinute: setting.None, AnswerSize: 5}},
		{Upstream: "crm", UpstreamLimits: UpstreamLimits{Failures: 9}},
	}}
	d := Defaults.Limits
	for _, tt := range []struct {
		agent, upstream, tool string
		want                  Limits
	}{
		{"a", "mail", "send", Limits{600, 100, 5, d.Timeout, d.RequestSize, d.AnswerSize}},
		{"a", "crm", "get", Limits{60, 10, 5, time.Second, d.RequestSize, d.AnswerSize}},
		{"a", "crm", "export_all", Limits{6, 1, 5, time.Second, d.RequestSize, d.AnswerSize}},
		{"vip1", "crm", "export_all", Limits{setting.None, 1, 5, time.Second, d.RequestSize, 5}},
	} {
		if got := c.limits(tt.agent, tt.upstream, tt.tool); got != tt.want {
			t.Errorf("%s at %s/%s: %+v, want %+v", tt.agent, tt.upstream, tt.tool, got, tt.want)
		}
	}
	want := Defaults.UpstreamLimits
	if want.Failures = 9; c.upstreamLimits("crm") != want || c.upstreamLimits("mail") != Defaults.UpstreamLimits {
		t.Errorf("upstreams have %+v and %+v", c.upstreamLimits("crm"), c.upstreamLimits("mail"))
	}
	g := newGuard(c)
	if got := g.Sizes(agentCaller("vip2"), "crm", "x"); got != (gateway.Sizes{Request: 1 << 20, Answer: 5}) {
		t.Errorf("sizes are %+v", got)
	}
}

func TestTimeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(Config{Limits: Limits{Timeout: 3 * time.Second}})
		began := time.Now()
		ctx, leave, err := g.Enter(t.Context(), agentCaller("a"), "crm", "x")
		if err != nil {
			t.Fatal(err)
		}
		<-ctx.Done()
		if ctx.Err() != context.DeadlineExceeded || time.Since(began) != 3*time.Second {
			t.Errorf("the call ended after %v: %v", time.Since(began), ctx.Err())
		}
		leave(ctx.Err())
		leave(nil) // counts for nothing
		if g.agents[agentKey{"i", "a", "crm"}].running != 0 {
			t.Error("the call is still counted")
		}
	})
}

// Refused calls take nothing away from later ones, and say when to come back.
func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(Config{Limits: Limits{CallsPerMinute: 6, Burst: 1}})
		if enter(g, "a", "crm", "x", nil) != nil {
			t.Fatal("the first call is refused")
		}
		for range 100 {
			l := enter(g, "a", "crm", "x", nil)
			if l == nil || l.RetryAfter != 10*time.Second || l.Reason != "6 calls of x a minute are allowed; retry in 10s" {
				t.Fatalf("the next call: %+v", l)
			}
		}
		for _, other := range [][3]string{{"b", "crm", "x"}, {"a", "crm", "y"}, {"a", "mail", "x"}} {
			if l := enter(g, other[0], other[1], other[2], nil); l != nil {
				t.Errorf("%v: %+v", other, l)
			}
		}
		time.Sleep(10 * time.Second)
		if l := enter(g, "a", "crm", "x", nil); l != nil {
			t.Errorf("after the time that was said: %+v", l)
		}
	})
}

func TestConcurrent(t *testing.T) {
	g := newGuard(Config{Limits: Limits{Concurrent: 2},
		UpstreamLimits: UpstreamLimits{AgentConcurrent: 3, UpstreamConcurrent: 5}})
	var leaves []func(error)
	for _, tt := range []struct {
		who, upstream, tool string
		want                string // part of the refusal; "" for none
	}{
		{"a", "crm", "x", ""}, {"a", "crm", "x", ""},
		{"a", "crm", "x", "2 calls of x at a time"},
		{"a", "crm", "y", ""},
		{"a", "crm", "z", "3 calls of one agent to crm"},
		{"a", "mail", "x", ""},
		{"b", "crm", "x", ""}, {"b", "crm", "y", ""},
		{"c", "crm", "x", "crm has as many calls in progress as it may have, 5"},
		{"c", "mail", "x", ""},
	} {
		_, leave, err := g.Enter(t.Context(), agentCaller(tt.who), tt.upstream, tt.tool)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s at %s/%s: %v, want %q", tt.who, tt.upstream, tt.tool, err, tt.want)
		}
		if err == nil {
			leaves = append(leaves, leave)
		}
	}
	leaves[0](nil)
	if l := enter(g, "a", "crm", "x", nil); l != nil {
		t.Errorf("after one left: %+v", l)
	}
}

// An agent whose calls fail rests, and others do not notice. When those of several fail, all rest.
func TestBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(Config{UpstreamLimits: UpstreamLimits{Failures: 3, CoolDown: 10 * time.Second}})
		fail := func(who string, n int) {
			t.Helper()
			for range n {
				if l := enter(g, who, "crm", "x", errDied); l != nil {
					t.Fatalf("%s: %+v", who, l)
				}
			}
		}
		refused := func(who string, want bool) {
			t.Helper()
			if l := enter(g, who, "crm", "x", nil); (l != nil) != want {
				t.Fatalf("%s: %+v, want refused: %v", who, l, want)
			}
		}
		fail("a", 2)
		refused("a", false) // a success begins the count again
		fail("a", 2)
		if l := enter(g, "a", "crm", "x", context.Canceled); l != nil { // counts for nothing
			t.Fatal(l)
		}
		fail("a", 1)
		if l := enter(g, "a", "crm", "y", nil); l == nil || l.RetryAfter != 10*time.Second {
			t.Fatalf("a after three failures: %+v", l)
		}
		refused("b", false)
		time.Sleep(10*time.Second + 1)
		fail("a", 1) // the one try
		refused("a", true)
		time.Sleep(10*time.Second + 1)
		refused("a", false)
		refused("a", false)

		for _, who := range []string{"a", "b", "c"} {
			fail(who, 1)
		}
		refused("d", true)
		if l := enter(g, "d", "mail", "x", nil); l != nil {
			t.Errorf("another upstream: %+v", l)
		}
		time.Sleep(10*time.Second + 1)
		fail("c", 1) // the same agent again: not enough to keep others out
		refused("d", false)
		refused("e", false)
	})
}

// While an upstream is tried again, one agent cannot take every try.
func TestHalfOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(Config{UpstreamLimits: UpstreamLimits{Failures: 2, CoolDown: time.Second}})
		enter(g, "a", "crm", "x", errDied)
		enter(g, "b", "crm", "x", errDied)
		time.Sleep(time.Second + 1)
		_, leave, err := g.Enter(t.Context(), agentCaller("a"), "crm", "x")
		if err != nil {
			t.Fatal(err)
		}
		if l := enter(g, "a", "crm", "x", nil); l == nil {
			t.Error("a second try alongside the first")
		}
		leave(nil)
		if l := enter(g, "a", "crm", "x", nil); l != nil {
			t.Errorf("after a success: %+v", l)
		}
	})
}

// However many tools an agent asks for, little is remembered, and it gets no more calls.
func TestStateIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(Config{Limits: Limits{CallsPerMinute: 60, Burst: 1}})
		admitted := 0
		for i := range 5 * maxOwnTools {
			if enter(g, "a", "crm", fmt.Sprint("tool", i), nil) == nil {
				admitted++
			}
		}
		if g.tools > maxOwnTools+1 || admitted > maxOwnTools+1 {
			t.Errorf("%d tools are remembered, %d calls were admitted", g.tools, admitted)
		}
		for i := range 2 * maxAgents {
			enter(g, fmt.Sprint("agent", i), "crm", "x", nil)
		}
		if len(g.agents) > maxAgents+1 || g.tools > maxTools+maxAgents {
			t.Errorf("%d agents and %d tools are remembered", len(g.agents), g.tools)
		}
		time.Sleep(time.Hour)
		enter(g, "new", "crm", "x", nil)
		if len(g.agents) > 2 || g.tools > 2 {
			t.Errorf("after an hour %d agents and %d tools are remembered", len(g.agents), g.tools)
		}
	})
}

// What is not remembered by itself is held to the strictest limits of all that is not: an unlimited tool that comes
// first does not make the others unlimited.
func TestToolsThatDoNotFitAreNarrowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGuard(Config{Limits: Limits{CallsPerMinute: 60, Burst: 1}, Overrides: []Override{{Tool: "free",
			Limits: Limits{CallsPerMinute: setting.None, Concurrent: setting.None, Timeout: time.Hour}}}})
		for i := range maxOwnTools {
			enter(g, "a", "crm", fmt.Sprint("tool", i), nil)
		}
		for _, tool := range []string{"free", "free", "another"} {
			if limited := enter(g, "a", "crm", tool, nil); limited != nil {
				t.Errorf("%s: %v", tool, limited)
			}
		}
		for _, tool := range []string{"another", "one more"} {
			if enter(g, "a", "crm", tool, nil) == nil {
				t.Errorf("%s is called twice a second", tool)
			}
		}
	})
}

// An oracle is what the limits say, computed from all that happened so far.
type oracle struct {
	Limits
	UpstreamLimits
	admitted []oracleCall
}

type oracleCall struct {
	who, tool string
	at        time.Duration
	running   bool
}

// tokens are those of a bucket that is filled evenly, in 60000ths of a call.
func (o *oracle) tokens(who, tool string, at time.Duration) int64 {
	full := int64(o.Burst) * 60_000
	have, last := full, time.Duration(0)
	for _, c := range o.admitted {
		if c.who == who && c.tool == tool {
			have = min(full, have+int64((c.at-last)/time.Millisecond)*int64(o.CallsPerMinute)) - 60_000
			last = c.at
		}
	}
	return min(full, have+int64((at-last)/time.Millisecond)*int64(o.CallsPerMinute))
}

func (o *oracle) admits(who, tool string, at time.Duration) bool {
	var ofTool, ofAgent, ofAll int64
	for _, c := range o.admitted {
		if c.running {
			ofAll++
			if c.who == who {
				ofAgent++
				if c.tool == tool {
					ofTool++
				}
			}
		}
	}
	return ofTool < int64(o.Concurrent) && ofAgent < int64(o.AgentConcurrent) && ofAll < int64(o.UpstreamConcurrent) &&
		o.tokens(who, tool, at) >= 60_000
}

// A scripted step waits and then calls a tool, or ends a call that is in progress.
type scripted struct {
	wait      time.Duration
	leave     bool
	who, tool string
}

func TestLimitsAsTheOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := &oracle{}
		o.CallsPerMinute = setting.Count(rapid.SampledFrom([]int{6, 60, 120, 600}).Draw(rt, "calls"))
		o.Burst = setting.Count(rapid.IntRange(1, 4).Draw(rt, "burst"))
		o.Concurrent = setting.Count(rapid.IntRange(1, 4).Draw(rt, "concurrent"))
		o.AgentConcurrent = setting.Count(rapid.IntRange(1, 5).Draw(rt, "agent"))
		o.UpstreamConcurrent = setting.Count(rapid.IntRange(1, 6).Draw(rt, "upstream"))
		steps := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) scripted {
			return scripted{time.Duration(rapid.SampledFrom([]int{0, 0, 1, 50, 100, 500, 1000, 9999}).Draw(rt, "wait")) *
				time.Millisecond, rapid.Bool().Draw(rt, "leave"), rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "who"),
				rapid.SampledFrom([]string{"x", "y"}).Draw(rt, "tool")}
		}), 1, 60).Draw(rt, "steps")
		problem := ""
		synctest.Test(t, func(t *testing.T) { problem = o.compare(steps) })
		if problem != "" {
			rt.Fatal(problem)
		}
	})
}

// compare runs a script against a guard, and returns where the two differ.
func (o *oracle) compare(steps []scripted) string {
	g := newGuard(Config{Limits: o.Limits, UpstreamLimits: o.UpstreamLimits})
	var leaves []func()
	defer func() {
		for _, leave := range leaves {
			leave()
		}
	}()
	var at time.Duration
	for _, s := range steps {
		time.Sleep(s.wait)
		at += s.wait
		if s.leave && len(leaves) > 0 {
			leaves[0]()
			leaves = leaves[1:]
			continue
		}
		want := o.admits(s.who, s.tool, at)
		_, leave, err := g.Enter(context.Background(), agentCaller(s.who), "crm", s.tool)
		if want != (err == nil) {
			return fmt.Sprintf("after %v %s calls %s: %v, want admitted: %v; %+v", at, s.who, s.tool, err, want, o)
		}
		if want {
			i := len(o.admitted)
			o.admitted = append(o.admitted, oracleCall{s.who, s.tool, at, true})
			leaves = append(leaves, func() { leave(nil); o.admitted[i].running = false })
		}
	}
	return ""
}

// Many at once: never more than may be, and in the end nothing is left counted.
func TestAtOnce(t *testing.T) {
	g := newGuard(Config{Limits: Limits{CallsPerMinute: setting.None, Concurrent: 4}})
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for range 200 {
				_, leave, err := g.Enter(context.Background(), agentCaller(fmt.Sprint(i%4)), "crm", "x")
				if err != nil {
					continue
				}
				g.mu.Lock()
				if n := g.agents[agentKey{"i", fmt.Sprint(i % 4), "crm"}].running; n > 4 {
					t.Errorf("%d calls at a time", n)
				}
				g.mu.Unlock()
				leave(nil)
			}
		})
	}
	wg.Wait()
	if n := g.upstreams["crm"].running; n != 0 {
		t.Errorf("%d calls are still counted", n)
	}
}

func BenchmarkEnter(b *testing.B) {
	g := newGuard(Config{Limits: Limits{CallsPerMinute: maxCalls, Burst: maxCalls}})
	ctx, who := context.Background(), agentCaller("a")
	b.ReportAllocs()
	for b.Loop() {
		_, leave, err := g.Enter(ctx, who, "crm", "x")
		if err != nil {
			b.Fatal(err)
		}
		leave(nil)
	}
}

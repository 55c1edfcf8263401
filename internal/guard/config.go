package guard

import (
	"fmt"
	"time"

	"github.com/lanyard/lanyard/internal/setting"
)

// Config is the section limits of a gateway's configuration. What is not set has its default.
type Config struct {
	Limits         `yaml:",inline"`
	UpstreamLimits `yaml:",inline"`
	// Overrides set other limits for some upstreams, tools and agents. Of several that match, the last that sets a
	// member counts.
	Overrides []Override `yaml:"overrides" help:"Other limits for some upstreams, tools and agents. Of several that match, the last that sets a limit counts."`
}

// Limits bound the calls of one tool by one agent, or by one user without an agent.
type Limits struct {
	CallsPerMinute setting.Count `yaml:"calls-per-minute" help:"Calls of one tool by one agent in a minute, on average, or unlimited. Default: 600."`
	Burst          setting.Count `yaml:"burst" help:"Calls of one tool by one agent at once after a rest. Default: a sixth of calls-per-minute."`
	Concurrent     setting.Count `yaml:"concurrent" help:"Calls of one tool by one agent at a time, or unlimited. Default: 16."`
	Timeout        time.Duration `yaml:"timeout" help:"Time limit of a call, 10ms to 1h. Default: 1m."`
	RequestSize    setting.Size  `yaml:"request-size" help:"Size of the request of a call, or unlimited. Default: 1MiB."`
	AnswerSize     setting.Size  `yaml:"answer-size" help:"Size of the answer to a call, or unlimited. Default: 8MiB."`
}

// UpstreamLimits bound the calls of all tools of one upstream.
type UpstreamLimits struct {
	AgentConcurrent    setting.Count `yaml:"concurrent-per-agent" help:"Calls of all tools of one upstream by one agent at a time, or unlimited. Default: 64."`
	UpstreamConcurrent setting.Count `yaml:"concurrent-per-upstream" help:"Calls of one upstream by all agents at a time, or unlimited. Default: 256."`
	// Failures in a row after which an upstream is not called for CoolDown; defaults 5 and 10s.
	Failures setting.Count `yaml:"failures" help:"Failures in a row after which an upstream is not called for cool-down, or unlimited. Default: 5."`
	CoolDown time.Duration `yaml:"cool-down" help:"How long an upstream that failed is not called, 100ms to 1h. Default: 10s."`
}

// An Override sets limits where all of its patterns match.
type Override struct {
	Upstream       setting.Pattern `yaml:"upstream" help:"Names of upstreams; * stands for any characters, ? for one. Default: all."`
	Tool           setting.Pattern `yaml:"tool" help:"Names of tools as their upstream calls them, or ids of flow modules; * stands for any characters, ? for one. Default: all."`
	Agent          setting.Pattern `yaml:"agent" help:"ARNs of agents, or ids of users without one; * stands for any characters, ? for one. Default: all."`
	Limits         `yaml:",inline"`
	UpstreamLimits `yaml:",inline"`
}

// Defaults are the limits where nothing else is set.
var Defaults = struct {
	Limits
	UpstreamLimits
}{
	Limits{CallsPerMinute: 600, Concurrent: 16, Timeout: time.Minute, RequestSize: setting.MiB,
		AnswerSize: 8 * setting.MiB},
	UpstreamLimits{AgentConcurrent: 64, UpstreamConcurrent: 256, Failures: 5, CoolDown: 10 * time.Second},
}

// Bounds of a configuration.
const (
	minTimeout, maxTimeout   = 10 * time.Millisecond, time.Hour
	minCoolDown, maxCoolDown = 100 * time.Millisecond, time.Hour
	maxCalls                 = 60_000_000
	maxOverrides             = 1000
	maxPattern               = 2048
)

// Check returns what is wrong with the configuration; its members are relative to the section.
func (c *Config) Check() error {
	if err := setting.First(c.Limits.check(), c.UpstreamLimits.check()); err != nil {
		return err
	}
	if len(c.Overrides) > maxOverrides {
		return setting.Errorf("overrides", "must have at most %d entries, got %d", maxOverrides, len(c.Overrides))
	}
	for i := range c.Overrides {
		if err := c.Overrides[i].check(); err != nil {
			return setting.Below(fmt.Sprintf("overrides[%d]", i), err)
		}
	}
	return nil
}

func (l *Limits) check() error {
	if l.CallsPerMinute > maxCalls {
		return setting.Errorf("calls-per-minute", "must be at most %d, or %s, got %d", maxCalls, setting.Unlimited,
			l.CallsPerMinute)
	}
	if l.Burst > maxCalls || l.Burst == setting.None {
		return setting.Errorf("burst", "must be 1 to %d; without a limit of calls-per-minute it counts for nothing", maxCalls)
	}
	return setting.Between("timeout", l.Timeout, minTimeout, maxTimeout)
}

func (l *UpstreamLimits) check() error {
	return setting.Between("cool-down", l.CoolDown, minCoolDown, maxCoolDown)
}

func (o *Override) check() error {
	for name, p := range map[string]setting.Pattern{"upstream": o.Upstream, "tool": o.Tool, "agent": o.Agent} {
		if len(p) > maxPattern {
			return setting.Errorf(name, "must have at most %d bytes, got %d", maxPattern, len(p))
		}
	}
	if o.UpstreamLimits != (UpstreamLimits{}) && (o.Tool != "" || o.Agent != "") {
		return setting.Errorf("upstream", "must be the only pattern of an override that sets concurrent-per-agent, "+
			"concurrent-per-upstream, failures or cool-down, got tool or agent too")
	}
	return setting.First(o.Limits.check(), o.UpstreamLimits.check())
}

// limits returns those of a tool for an agent.
func (c *Config) limits(agent, upstream, tool string) Limits {
	l := c.Limits
	for _, o := range c.Overrides {
		if o.Upstream.Matches(upstream) && o.Tool.Matches(tool) && o.Agent.Matches(agent) {
			l = o.Limits.over(l)
		}
	}
	l = l.over(Defaults.Limits)
	if l.Burst == 0 {
		l.Burst = max(1, l.CallsPerMinute/6)
	}
	return l
}

// over returns the limits, and others where they are not set.
func (l Limits) over(o Limits) Limits {
	l.CallsPerMinute, l.Burst = l.CallsPerMinute.Or(o.CallsPerMinute), l.Burst.Or(o.Burst)
	l.Concurrent = l.Concurrent.Or(o.Concurrent)
	l.RequestSize, l.AnswerSize = l.RequestSize.Or(o.RequestSize), l.AnswerSize.Or(o.AnswerSize)
	if l.Timeout == 0 {
		l.Timeout = o.Timeout
	}
	return l
}

// upstreamLimits returns those of an upstream.
func (c *Config) upstreamLimits(upstream string) UpstreamLimits {
	l := c.UpstreamLimits
	for _, o := range c.Overrides {
		if o.Upstream.Matches(upstream) {
			l = o.UpstreamLimits.over(l)
		}
	}
	return l.over(Defaults.UpstreamLimits)
}

func (l UpstreamLimits) over(o UpstreamLimits) UpstreamLimits {
	l.AgentConcurrent = l.AgentConcurrent.Or(o.AgentConcurrent)
	l.UpstreamConcurrent = l.UpstreamConcurrent.Or(o.UpstreamConcurrent)
	l.Failures = l.Failures.Or(o.Failures)
	if l.CoolDown == 0 {
		l.CoolDown = o.CoolDown
	}
	return l
}

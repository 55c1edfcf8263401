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
	Overrides []Override `yaml:"overrides"`
}

// Limits bound the calls of one tool by one agent, or by one user without an agent.
type Limits struct {
	CallsPerMinute setting.Count `yaml:"calls-per-minute"` // on average; default 600
	Burst          setting.Count `yaml:"burst"`            // calls at once after a rest; default a sixth of CallsPerMinute
	Concurrent     setting.Count `yaml:"concurrent"`       // calls at a time; default 16
	Timeout        time.Duration `yaml:"timeout"`          // of one call; default 1m
	RequestSize    setting.Size  `yaml:"request-size"`     // of one call; default 1MiB
	AnswerSize     setting.Size  `yaml:"answer-size"`      // to one call; default 8MiB
}

// UpstreamLimits bound the calls of all tools of one upstream.
type UpstreamLimits struct {
	AgentConcurrent    setting.Count `yaml:"concurrent-per-agent"`    // calls of one agent at a time; default 64
	UpstreamConcurrent setting.Count `yaml:"concurrent-per-upstream"` // calls of all agents at a time; default 256
	// Failures in a row after which an upstream is not called for CoolDown; defaults 5 and 10s.
	Failures setting.Count `yaml:"failures"`
	CoolDown time.Duration `yaml:"cool-down"`
}

// An Override sets limits where all of its patterns match.
type Override struct {
	Upstream       setting.Pattern `yaml:"upstream"`
	Tool           setting.Pattern `yaml:"tool"`
	Agent          setting.Pattern `yaml:"agent"` // the agent's ARN, or the id of a user without an agent
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

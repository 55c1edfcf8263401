package policytest

import (
	"cmp"
	"maps"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// Coverage notes which permissions, profiles and conditions of targets the questions exercise: a permission is, when a
// question asks for it; a profile, when it grants what is asked; a condition, when a resource does not meet it, because
// only then would a test notice its loss. A nil Coverage notes nothing.
type Coverage struct {
	targets []*targetCoverage
	current *targetCoverage
}

// A targetCoverage is what questions exercise of one target.
type targetCoverage struct {
	target                *Target
	permissions, profiles map[string]bool // whether exercised, by name or id
	conditions            map[conditionOf]bool
	names                 map[string]string // of profiles, and of permissions that are called by ids
}

// A conditionOf is a condition of a profile.
type conditionOf struct{ profile, condition string }

// begin notes what the target has, the first time that it is asked about.
func (c *Coverage) begin(w *world) {
	if c == nil {
		return
	}
	i := slices.IndexFunc(c.targets, func(t *targetCoverage) bool { return t.target == w.target })
	if i < 0 {
		i = len(c.targets)
		c.targets = append(c.targets, &targetCoverage{target: w.target, permissions: map[string]bool{},
			profiles: map[string]bool{}, conditions: map[conditionOf]bool{}, names: map[string]string{}})
	}
	c.current = c.targets[i]
	for _, list := range [][]lanyard.Resource{w.target.Resources, w.added} {
		for _, r := range list {
			if m, ok := r.(*lanyard.Module); ok {
				c.current.names[thingName(access.ActionInvoke, access.TypeFlowModule, m.ID)] =
					thingName(access.ActionInvoke, access.TypeFlowModule, cmp.Or(m.Name, m.ID))
			}
		}
	}
	profiles := w.target.profiles
	if w.target.fixtures {
		profiles = w.profiles
	}
	for _, id := range slices.Sorted(maps.Keys(profiles)) {
		c.current.add(profiles[id])
	}
}

// add notes a profile and what is in it.
func (t *targetCoverage) add(p *lanyard.Profile) {
	if _, known := t.profiles[p.ID]; known {
		return
	}
	t.profiles[p.ID], t.names[p.ID] = false, cmp.Or(p.Name, p.ID)
	note := func(name string) {
		if _, known := t.permissions[name]; !known {
			t.permissions[name] = false
		}
	}
	for _, name := range p.Permissions {
		note(name)
	}
	for _, a := range p.Applications {
		for _, tool := range a.Permissions {
			note(thingName(tool, access.TypeApplication, a.Namespace))
		}
	}
	for _, m := range p.FlowModules {
		note(thingName(access.ActionInvoke, access.TypeFlowModule, m.ID))
	}
	for _, a := range p.AIAgents {
		note(thingName(access.ActionHandOff, access.TypeAIAgent, a.ARN))
	}
	for _, condition := range access.ConditionsOf(p) {
		t.conditions[conditionOf{p.ID, condition.String()}] = false
	}
}

// thingName names an action and what alone it is about.
func thingName(action, resourceType, on string) string {
	return action + " on " + resourceType + " " + on
}

// asked notes the permission of a question.
func (c *Coverage) asked(q *access.Query) {
	name := q.Action
	switch q.Resource.Type {
	case access.TypeApplication, access.TypeFlowModule:
		name = thingName(q.Action, q.Resource.Type, q.Resource.ID)
	case access.TypeAIAgent:
		if q.Action == access.ActionHandOff {
			name = thingName(q.Action, q.Resource.Type, q.Resource.ID)
		}
	}
	if _, known := c.current.permissions[name]; known {
		c.current.permissions[name] = true
	}
}

func (c *Coverage) profile(id string) {
	if _, known := c.current.profiles[id]; known {
		c.current.profiles[id] = true
	}
}

// decision notes what an explained decision exercises.
func (c *Coverage) decision(w *world, q *access.Query, x *access.Explanation) {
	if c == nil {
		return
	}
	c.asked(q)
	for _, f := range x.Profiles {
		if f.Grants {
			c.profile(f.Profile)
		}
		for _, failed := range f.Failed {
			c.condition(f.Profile, failed.Condition)
		}
	}
	if x.Reason == access.Restricted {
		c.restricted(w, q)
	}
}

func (c *Coverage) condition(profile string, condition access.Condition) {
	key := conditionOf{profile, condition.String()}
	if _, known := c.current.conditions[key]; known {
		c.current.conditions[key] = true
	}
}

// restricted notes the restricting permissions that took something away.
func (c *Coverage) restricted(w *world, q *access.Query) {
	can, _ := w.snapshot.WhatCan(access.Subject{Type: q.Subject.Type, ID: q.Subject.ID})
	held, _ := w.snapshot.ProfilesOf(q.Subject)
	for _, e := range can {
		for _, g := range e.Grants {
			for _, condition := range g.Conditions {
				if e.Action != q.Action || condition.By == "" {
					continue
				}
				for _, id := range held {
					c.condition(id, condition)
				}
			}
		}
	}
}

// whoCan notes what a list of those who can exercises.
func (c *Coverage) whoCan(q *access.Query, holders []access.Holder) {
	if c == nil {
		return
	}
	c.asked(q)
	for _, h := range holders {
		for _, id := range h.Profiles {
			c.profile(id)
		}
	}
}

// A CoverageReport says how much of a target is exercised, and what is not.
type CoverageReport struct {
	Target      string  `json:"target"`
	Permissions Covered `json:"permissions"`
	Profiles    Covered `json:"profiles"`
	Conditions  Covered `json:"conditions"`
	Percent     float64 `json:"percent"`
}

// Covered counts things of one kind.
type Covered struct {
	Exercised int      `json:"exercised"`
	All       int      `json:"all"`
	Missing   []string `json:"missing"`
}

// Reports returns a report of each target, in the order in which they were asked about.
func (c *Coverage) Reports() []CoverageReport {
	var all []CoverageReport
	for _, t := range c.targets {
		r := CoverageReport{Target: t.target.Name}
		r.Permissions.count(t.permissions, func(name string) string { return cmp.Or(t.names[name], name) })
		r.Profiles.count(t.profiles, func(id string) string { return t.names[id] })
		conditions := map[string]bool{}
		for key, exercised := range t.conditions {
			conditions[t.names[key.profile]+": "+key.condition] = exercised
		}
		r.Conditions.count(conditions, func(name string) string { return name })
		r.Percent = percent(r.Permissions, r.Profiles, r.Conditions)
		all = append(all, r)
	}
	return all
}

func (c *Covered) count(all map[string]bool, name func(string) string) {
	c.All, c.Missing = len(all), []string{}
	for key, exercised := range all {
		if exercised {
			c.Exercised++
		} else {
			c.Missing = append(c.Missing, name(key))
		}
	}
	slices.Sort(c.Missing)
}

// percent returns how many of all things are exercised; 100 of nothing.
func percent(kinds ...Covered) float64 {
	exercised, all := 0, 0
	for _, k := range kinds {
		exercised, all = exercised+k.Exercised, all+k.All
	}
	if all == 0 {
		return 100
	}
	return 100 * float64(exercised) / float64(all)
}

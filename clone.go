package lanyard

import (
	"maps"
	"slices"
)

// Clone returns a copy of r whose Meta, slices and maps may be replaced or changed without
// touching r.
func Clone[R Resource](r R) R {
	c := clone(r)
	m := c.Head()
	m.Tags = maps.Clone(m.Tags)
	return c.(R)
}

func clone(r Resource) Resource {
	switch r := r.(type) {
	case *Instance:
		c := *r
		c.Attributes = maps.Clone(r.Attributes)
		return &c
	case *Profile:
		c := *r
		c.Permissions = slices.Clone(r.Permissions)
		c.AccessTags = maps.Clone(r.AccessTags)
		c.TagRestricted = slices.Clone(r.TagRestricted)
		c.HierarchyRestricted = slices.Clone(r.HierarchyRestricted)
		c.Applications = slices.Clone(r.Applications)
		c.FlowModules = slices.Clone(r.FlowModules)
		c.AIAgents = slices.Clone(r.AIAgents)
		c.DataTables = slices.Clone(r.DataTables)
		return &c
	case *User:
		c := *r
		c.Profiles = slices.Clone(r.Profiles)
		c.Settings = maps.Clone(r.Settings)
		return &c
	case *Group:
		c := *r
		return &c
	case *Structure:
		c := *r
		c.Levels = slices.Clone(r.Levels)
		return &c
	case *Queue:
		c := *r
		c.Settings = maps.Clone(r.Settings)
		return &c
	case *RoutingProfile:
		c := *r
		c.Queues = slices.Clone(r.Queues)
		c.ManualQueues = slices.Clone(r.ManualQueues)
		c.Settings = maps.Clone(r.Settings)
		return &c
	case *Hours:
		c := *r
		c.Parents = slices.Clone(r.Parents)
		c.Settings = maps.Clone(r.Settings)
		return &c
	case *Module:
		c := *r
		c.Settings = maps.Clone(r.Settings)
		return &c
	case *AIAgent:
		c := *r
		c.Profiles = slices.Clone(r.Profiles)
		return &c
	case *ClientToken:
		c := *r
		return &c
	}
	panic("lanyard: clone of an unknown resource type")
}

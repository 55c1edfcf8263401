package compact

import (
	"fmt"
	"maps"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
)

// ChangeOf returns the change that events of an instance lead to, one after the other: each resource as the last of
// them left it. There must be at least one event.
func ChangeOf(events []lanyard.Event) (Change, error) {
	first, last := &events[0], &events[len(events)-1]
	g := gathered{at: map[lanyard.Ref]int{}}
	for i := range events {
		for j := range events[i].Changes {
			if err := g.add(&events[i].Changes[j]); err != nil {
				return Change{}, fmt.Errorf("revision %d of instance %s: %w", events[i].Revision, events[i].Instance, err)
			}
		}
	}
	from := Position{first.Revision - 1, string(first.Previous)}
	return Change{From: from, To: PositionOf(last), Changes: g.changes}, nil
}

// PositionOf returns the position after an event.
func PositionOf(e *lanyard.Event) Position { return Position{e.Revision, string(e.Hash)} }

// gathered are the last states of resources.
type gathered struct {
	changes []Resource
	at      map[lanyard.Ref]int
}

func (g *gathered) add(c *lanyard.Change) error {
	if !Needs(c.Type) {
		return nil
	}
	if len(c.After) == 0 {
		if c.Type == lanyard.TypeInstance { // it takes everything with it
			g.changes = nil
			clear(g.at)
		}
		g.set(Resource{Type: c.Type, ID: c.ID, Removed: true})
		return nil
	}
	r := c.Now
	if r == nil {
		r = lanyard.New(c.Type)
		if err := laxjson.Unmarshal(c.After, r); err != nil {
			return fmt.Errorf("read %s %s: %w", c.Type, c.ID, err)
		}
	}
	now, _ := Of(r)
	if c.Was != nil {
		if was, _ := Of(c.Was); was.equal(&now) {
			return nil // what changed decides nothing
		}
	}
	g.set(now)
	return nil
}

func (g *gathered) set(r Resource) {
	ref := lanyard.Ref{Type: r.Type, ID: r.ID}
	if i, ok := g.at[ref]; ok {
		g.changes[i] = r
		return
	}
	g.at[ref] = len(g.changes)
	g.changes = append(g.changes, r)
}

// equal reports whether c and d send the same.
func (c *Resource) equal(d *Resource) bool {
	return c.Type == d.Type && c.ID == d.ID && c.Removed == d.Removed && c.Name == d.Name && c.Seq == d.Seq &&
		maps.Equal(c.Tags, d.Tags) && c.Account == d.Account && c.Mirror == d.Mirror &&
		slices.Equal(c.Profiles, d.Profiles) && c.Group == d.Group &&
		slices.Equal(c.Path, d.Path) && slices.Equal(c.Permissions, d.Permissions) &&
		maps.Equal(c.AccessTags, d.AccessTags) && slices.Equal(c.TagRestricted, d.TagRestricted) &&
		slices.Equal(c.HierarchyRestricted, d.HierarchyRestricted) && c.HierarchyGroup == d.HierarchyGroup &&
		slices.EqualFunc(c.Applications, d.Applications, func(a, b Application) bool {
			return a.Namespace == b.Namespace && a.Type == b.Type && slices.Equal(a.Permissions, b.Permissions)
		}) && slices.Equal(c.FlowModules, d.FlowModules) && slices.Equal(c.AIAgents, d.AIAgents) &&
		slices.EqualFunc(c.DataTables, d.DataTables, func(a, b AttributeRule) bool {
			return a.Access == b.Access && a.Attribute == b.Attribute && slices.Equal(a.Values, b.Values)
		})
}

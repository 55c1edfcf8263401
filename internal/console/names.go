package console

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
)

// mentions are the resources that a resource names by id.
func mentions(r lanyard.Resource) []lanyard.Ref {
	refs := slices.Clone(r.Refs())
	switch r := r.(type) {
	case *lanyard.Profile:
		if r.HierarchyGroup != "" {
			refs = append(refs, lanyard.Ref{Type: lanyard.TypeGroup, ID: r.HierarchyGroup})
		}
		for _, m := range r.FlowModules {
			refs = append(refs, lanyard.Ref{Type: lanyard.TypeModule, ID: m.ID})
		}
	case *lanyard.Group:
		for _, id := range r.Path {
			refs = append(refs, lanyard.Ref{Type: lanyard.TypeGroup, ID: id})
		}
	}
	return refs
}

// Bounds of finding the names of what was deleted.
const (
	// maxDeleted is how many ids one answer looks for in the events; each may take 0.1 s, once.
	maxDeleted       = 5
	maxDeletedStates = 4096
)

// deletedStates keep the last state of deleted resources, as far as their names and the right to see them need it.
// Ids are never used again, so what was true of one stays so.
type deletedStates struct {
	mu  sync.Mutex
	all map[string]lanyard.Change // by instance and id; without Before: not found
}

func (d *deletedStates) findState(key string) (c lanyard.Change, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, ok = d.all[key]
	return c, ok
}

func (d *deletedStates) keepState(key string, c lanyard.Change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all == nil || len(d.all) >= maxDeletedStates {
		d.all = map[string]lanyard.Change{}
	}
	d.all[key] = c
}

// naming collects what the ids in one answer are called, as far as its viewer may know.
type naming struct {
	sight *changeSight
	names map[string]string // "": not to be told
}

func (s *Server) naming(v *viewer) *naming {
	return &naming{sight: s.newChangeSight(v), names: map[string]string{}}
}

func (s *Server) newChangeSight(v *viewer) *changeSight {
	return &changeSight{s: s, v: v, tags: map[lanyard.Ref]map[string]string{}}
}

// add finds the names of the ids that a stored document mentions.
func (n *naming) add(ctx context.Context, t lanyard.Type, doc lanyard.JSON) error {
	if len(doc) == 0 {
		return nil
	}
	r := lanyard.New(t)
	if r == nil {
		return nil
	}
	if err := laxjson.Unmarshal(doc, r); err != nil {
		return err
	}
	for _, ref := range mentions(r) {
		if _, ok := n.names[ref.ID]; ok {
			continue
		}
		name, err := n.findName(ctx, ref)
		if err != nil {
			return err
		}
		n.names[ref.ID] = name
	}
	return nil
}

// findName returns what a resource is called or, once it was deleted, was called; "" when the viewer may not know.
func (n *naming) findName(ctx context.Context, ref lanyard.Ref) (string, error) {
	v, t := n.sight.v, ref.Type.Name()
	for _, f := range v.Lookup(t, ref.ID) {
		if f.ID != ref.ID {
			continue
		}
		if !v.Sees(t, ref.ID) {
			return "", nil
		}
		if ref.Type == lanyard.TypeGroup { // groups of one name are told apart by those above
			g, err := n.sight.s.group(ctx, v, ref.ID)
			if err != nil || g.Name == "" {
				return f.Name, err
			}
			return strings.Join(append(g.Path, g.Name), " / "), nil
		}
		return f.Name, nil
	}
	last, err := n.sight.last(ctx, ref)
	if err != nil || len(last.Before) == 0 {
		return "", err
	}
	if v.Viewer != "" {
		if ok, err := n.sight.sees(ctx, last); err != nil || !ok {
			return "", err
		}
	}
	var was lanyard.Meta
	err = laxjson.Unmarshal(last.Before, &was)
	return was.Name, err
}

// last returns the change that deleted a resource.
func (g *changeSight) last(ctx context.Context, ref lanyard.Ref) (lanyard.Change, error) {
	s, in := g.s, g.v.in.ID
	key := in + " " + ref.ID
	if c, ok := s.deletedStates.findState(key); ok {
		return c, nil
	}
	if g.deleted++; g.deleted > maxDeleted {
		return lanyard.Change{}, nil
	}
	events, _, err := s.Control.History(ctx, in, ref, 0, maxLook, 1)
	if err != nil {
		return lanyard.Change{}, err
	}
	found := lanyard.Change{Type: ref.Type, ID: ref.ID}
	for _, e := range events {
		for _, c := range e.Changes {
			if c.Type != ref.Type || c.ID != ref.ID || len(c.After) > 0 {
				continue
			}
			var was struct{ Name, Group string }
			if err := laxjson.Unmarshal(c.Before, &was); err != nil {
				return found, err
			}
			if found.Before, err = laxjson.Marshal(was); err != nil {
				return found, err
			}
		}
	}
	s.deletedStates.keepState(key, found)
	return found, nil
}

// known are the names found, without the ids that have none for the viewer.
func (n *naming) known() map[string]string {
	out := map[string]string{}
	for id, name := range n.names {
		if name != "" {
			out[id] = name
		}
	}
	return out
}

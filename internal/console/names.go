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
	maxDeleted  = 5
	maxEpitaphs = 4096
)

// epitaphs remember the last state of what was deleted, as much of it as a name and the right to see it take.
// Ids are never used again, so an epitaph stays true.
type epitaphs struct {
	mu  sync.Mutex
	all map[string]lanyard.Change // by instance and id; without Before: not found
}

func (e *epitaphs) get(key string) (c lanyard.Change, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, ok = e.all[key]
	return c, ok
}

func (e *epitaphs) put(key string, c lanyard.Change) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.all == nil || len(e.all) >= maxEpitaphs {
		e.all = map[string]lanyard.Change{}
	}
	e.all[key] = c
}

// naming collects what the ids in one answer are called, as far as its viewer may know.
type naming struct {
	gone  *gone
	names map[string]string // "": not to be told
}

func (s *Server) naming(v *viewer) *naming {
	return &naming{gone: s.gone(v), names: map[string]string{}}
}

func (s *Server) gone(v *viewer) *gone {
	return &gone{s: s, v: v, tags: map[lanyard.Ref]map[string]string{}}
}

// add takes in the ids that a stored document mentions.
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
		name, err := n.find(ctx, ref)
		if err != nil {
			return err
		}
		n.names[ref.ID] = name
	}
	return nil
}

func (n *naming) find(ctx context.Context, ref lanyard.Ref) (string, error) {
	v, t := n.gone.v, ref.Type.Name()
	for _, f := range v.Lookup(t, ref.ID) {
		if f.ID != ref.ID {
			continue
		}
		if !v.Sees(t, ref.ID) {
			return "", nil
		}
		if ref.Type == lanyard.TypeGroup { // groups of one name are told apart by those above
			g, err := n.gone.s.group(ctx, v, ref.ID)
			if err != nil || g.Name == "" {
				return f.Name, err
			}
			return strings.Join(append(g.Path, g.Name), " / "), nil
		}
		return f.Name, nil
	}
	last, err := n.gone.last(ctx, ref)
	if err != nil || len(last.Before) == 0 {
		return "", err
	}
	if v.Viewer != "" {
		if ok, err := n.gone.sees(ctx, last); err != nil || !ok {
			return "", err
		}
	}
	var was lanyard.Meta
	err = laxjson.Unmarshal(last.Before, &was)
	return was.Name, err
}

// last returns the change that deleted a resource.
func (g *gone) last(ctx context.Context, ref lanyard.Ref) (lanyard.Change, error) {
	s, in := g.s, g.v.in.ID
	key := in + " " + ref.ID
	if c, ok := s.epitaphs.get(key); ok {
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
	s.epitaphs.put(key, found)
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

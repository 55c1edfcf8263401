package access

import (
	"iter"
	"unique"

	"github.com/lanyard/lanyard"
)

// AIAgents yields the AI agents that hold profiles in the order of their creation, with their ID, which is the ARN, Seq
// and Profiles, and nothing else.
func (s *Snapshot) AIAgents() iter.Seq[lanyard.AIAgent] {
	return func(yield func(lanyard.AIAgent) bool) {
		if s == nil || !s.exists {
			return
		}
		s.each(kindAgent, func(e *entity) bool {
			return yield(lanyard.AIAgent{Meta: lanyard.Meta{ID: e.id, Seq: e.seq}, Profiles: heldIDs(s, e)})
		})
	}
}

// GroupPath returns the ids of the hierarchy groups from level one down to the one with an id; nil when there is no
// such group.
func (s *Snapshot) GroupPath(id string) []string {
	_, g := s.findByID(kindGroup, id)
	if g == nil {
		return nil
	}
	var path []string
	for _, slot := range heldSlots(g) {
		path = append(path, s.entities.At(slot-1).id)
	}
	return path
}

// TagSets yields the tags that resources of a type carry, each set of tags once, in no order; those of resources with
// many tags possibly several times. It yields nothing for types that lanyard does not store.
func (s *Snapshot) TagSets(resourceType string) iter.Seq[map[string]string] {
	return func(yield func(map[string]string) bool) {
		k, ok := countable[resourceType]
		if !ok {
			return
		}
		seen := map[unique.Handle[tagSet]]bool{}
		s.each(k, func(e *entity) bool {
			few := e.extra == nil || len(e.extra.tags) == 0
			if few && seen[e.tags] {
				return true
			}
			if few {
				seen[e.tags] = true
			}
			return yield(tagMaps{}.of(e))
		})
	}
}

// All yields the ids of the resources of a type in the order of their creation, and nothing for types that lanyard does
// not store.
func (s *Snapshot) All(resourceType string) iter.Seq[string] {
	return func(yield func(string) bool) {
		if k, ok := countable[resourceType]; ok && s != nil && s.exists {
			s.each(k, func(e *entity) bool { return yield(e.id) })
		}
	}
}

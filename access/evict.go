package access

import (
	"cmp"
	"log/slog"
	"slices"
)

// drop takes an instance's snapshot out. Questions under way keep it.
func (e *Engine) drop(instance string, c *current) bool {
	if !e.instances.CompareAndDelete(instance, c) {
		return false
	}
	if size := c.size.Swap(-1); size > 0 {
		e.held.Add(-size)
	}
	return true
}

// trim drops snapshots when they take more than Memory, and then some more, so that not every load has to look for the
// least recently used.
func (e *Engine) trim() {
	if e.Memory <= 0 || e.held.Load() <= e.Memory {
		return
	}
	e.evict.Lock()
	defer e.evict.Unlock()
	if e.held.Load() <= e.Memory {
		return
	}
	type candidate struct {
		instance string
		c        *current
		asked    int64
	}
	var all []candidate
	e.instances.Range(func(id, v any) bool {
		if c := v.(*current); c.size.Load() > 0 {
			all = append(all, candidate{id.(string), c, c.asked.Load()})
		}
		return true
	})
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Compare(a.asked, b.asked) })
	n := 0
	for _, x := range all[:max(0, len(all)-1)] {
		if e.held.Load() <= e.Memory/8*7 {
			break
		}
		if e.drop(x.instance, x.c) {
			n++
		}
	}
	e.evicted.Add(int64(n))
	log := e.Logger
	if log == nil {
		log = slog.Default()
	}
	s := e.Stats()
	log.Debug("dropped the least recently used snapshots", "dropped", n, "held", s.Held, "bytes",
		s.Bytes, "bound", e.Memory, "loads", s.Loads, "evicted", s.Evicted)
}

// Stats are counts of what an Engine holds and has done.
type Stats struct {
	Held    int   // instances with a snapshot
	Bytes   int64 // that the snapshots take, as Snapshot.Memory estimates
	Loads   int64 // instances loaded since the start
	Evicted int64 // snapshots dropped since the start to stay below Engine.Memory
}

// Stats returns the counts, in time that grows with the number of instances held.
func (e *Engine) Stats() Stats {
	s := Stats{Bytes: e.held.Load(), Loads: e.loads.Load(), Evicted: e.evicted.Load()}
	e.instances.Range(func(_, v any) bool {
		if v.(*current).snapshot.Load() != nil {
			s.Held++
		}
		return true
	})
	return s
}

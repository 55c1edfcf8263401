// Package fault keeps the faults that somebody who tests their retries has asked for: which
// operation is to fail or to be slow, how, how often and how many times. It decides; it neither
// fails anything nor knows how a failure looks on the wire.
package fault

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// Fault describes one injected failure. The zero Exception with a Latency only slows down.
type Fault struct {
	Operation string        // exact name, or "*" for all
	Exception string        // name of the exception to answer with; "" answers as usual
	Rate      float64       // share of the calls, over 0 to 1
	Latency   time.Duration // waited before the answer
	Count     int           // calls still to be hit; 0 means no end
	Status    int           // of the answer with the Exception; 0 means the usual one
}

// A Rule injects failures by region and operation. The first of a list that matches a call, and whose turn it is by its
// Rate, is what happens.
type Rule struct {
	Region, Operation string // "" for all
	Exception         string
	Status            int     // of the answer; 0 means the usual one of the exception
	Rate              float64 // share of the calls, 0 to 1
}

// Set holds at most one fault per operation, and rules after them. The zero Set has none and is ready; it is safe for
// concurrent use.
type Set struct {
	// Random is in [0, 1); default math/rand/v2.
	Random func() float64

	mu     sync.RWMutex
	faults map[string]*Fault

	rules   []Rule // replaced, never changed
	latency time.Duration
}

// Put adds f, replacing the fault of the same operation.
func (s *Set) Put(f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults == nil {
		s.faults = map[string]*Fault{}
	}
	s.faults[f.Operation] = &f
}

// Clear removes the fault of one operation, or with "" all of them with the rules and the latency, and returns how many
// faults and rules there were.
func (s *Set) Clear(operation string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.faults)
	if operation == "" {
		n += len(s.rules)
		clear(s.faults)
		s.rules, s.latency = nil, 0
	} else {
		delete(s.faults, operation)
	}
	return n - len(s.faults)
}

// List returns the faults by operation.
func (s *Set) List() []Fault {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := []Fault{}
	for _, f := range s.faults {
		list = append(list, *f)
	}
	slices.SortFunc(list, func(a, b Fault) int {
		if a.Operation < b.Operation {
			return -1
		}
		return 1
	})
	return list
}

// SetRules replaces the rules.
func (s *Set) SetRules(rules []Rule) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = slices.Clone(rules)
}

// Rules returns how many rules there are, and the latency of all calls.
func (s *Set) Rules() (n int, latency time.Duration) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.rules), s.latency
}

// SetLatency has every call that no fault of an operation is for wait before its answer.
func (s *Set) SetLatency(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = d
}

// Match reports what is to happen to a call by the rules and the latency of all calls.
func (s *Set) Match(region, operation string) (Fault, bool) {
	s.mu.RLock()
	rules, latency := s.rules, s.latency
	s.mu.RUnlock()
	hit := Fault{Operation: operation, Latency: latency}
	for _, r := range rules {
		if r.Region != "" && r.Region != region || r.Operation != "" && r.Operation != operation || s.random() >= r.Rate {
			continue
		}
		hit.Exception, hit.Status = r.Exception, r.Status
		break
	}
	return hit, hit.Exception != "" || latency > 0
}

func (s *Set) random() float64 {
	if s.Random != nil {
		return s.Random()
	}
	return rand.Float64()
}

// Next tells what is to happen to the next call of operation, and counts it. A fault of the
// operation itself goes before one of "*".
func (s *Set) Next(operation string) (Fault, bool) {
	s.mu.RLock()
	none := len(s.faults) == 0
	s.mu.RUnlock()
	if none {
		return Fault{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range []string{operation, "*"} {
		f := s.faults[name]
		if f == nil {
			continue
		}
		if s.random() >= f.Rate {
			continue
		}
		hit := *f
		if f.Count > 0 {
			if f.Count--; f.Count == 0 {
				delete(s.faults, name)
			}
		}
		return hit, true
	}
	return Fault{}, false
}

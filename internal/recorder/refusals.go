package recorder

import (
	"cmp"
	"slices"
	"time"

	"github.com/lanyard/lanyard"
)

// Refused calls and lists cost their caller nothing, and each would leave a record. So only so many are recorded one by
// one in a window; the others are counted, by caller and what they called.
const (
	refusalWindow       = 5 * time.Minute
	refusalsPerCaller   = 50  // recorded one by one, in a window
	refusalsPerInstance = 500 // of all callers together
	groupsPerCaller     = 20  // of calls that are counted together
	groupsPerInstance   = 500
)

// isRefusal reports whether a call did not reach an upstream.
func isRefusal(c *lanyard.AgentCall) bool {
	return !c.Allowed || c.Outcome == "limited" || c.Outcome == "refused"
}

// isList reports whether a call read a list, which no limit bounds.
func isList(c *lanyard.AgentCall) bool {
	return c.Outcome == "answered" && c.Namespace == "" && c.Tool == "" && c.Module == ""
}

// counted returns with what a call is counted, nil if each is recorded. Lists do not use up the room of refusals.
func (q *queue) counted(c *lanyard.AgentCall) *refusals {
	switch {
	case isRefusal(c):
		return &q.refusals
	case isList(c):
		return &q.lists
	}
	return nil
}

// refusals are those of one instance in the current window, or lists that were read.
type refusals struct {
	began    time.Time
	recorded int
	byCaller map[string]int // recorded, by caller
	grouped  map[string]int // groups, by caller
	groups   map[refusalGroup]*lanyard.AgentCall
}

// A refusalGroup is calls that are counted together; with a caller "" those for which there are no more groups.
type refusalGroup struct {
	caller, method, upstream, right, outcome string
}

func newRefusals() refusals {
	return refusals{byCaller: map[string]int{}, grouped: map[string]int{}, groups: map[refusalGroup]*lanyard.AgentCall{}}
}

func (r *refusals) isEmpty() bool { return r.recorded == 0 && len(r.groups) == 0 }

// admit reports whether a call is to be recorded by itself. Otherwise it is counted.
func (r *refusals) admit(c *lanyard.AgentCall, now time.Time) bool {
	if r.isEmpty() {
		r.began = now
	}
	caller := cmp.Or(c.Agent, c.User)
	if r.recorded < refusalsPerInstance && r.byCaller[caller] < refusalsPerCaller {
		r.recorded++
		r.byCaller[caller]++
		return true
	}
	key := refusalGroup{caller, c.Method, c.Upstream, c.Namespace + "\x00" + c.Tool + "\x00" + c.Module, c.Outcome}
	one := *c
	one.ID, one.Arguments, one.Error, one.Duration, one.Credential = "", nil, "", 0, ""
	if r.groups[key] == nil && (r.grouped[caller] >= groupsPerCaller || len(r.groups) >= groupsPerInstance) {
		key = refusalGroup{caller: caller}
		one = lanyard.AgentCall{Time: c.Time, Agent: c.Agent, User: c.User, Method: "various", Outcome: "refused",
			Revision: c.Revision}
		if isList(c) {
			one.Outcome, one.Allowed = c.Outcome, c.Allowed
		}
		if r.groups[key] == nil && len(r.groups) >= 2*groupsPerInstance {
			key, one.Agent, one.User = refusalGroup{}, "", ""
		}
	}
	g := r.groups[key]
	if g == nil {
		g = &one
		r.groups[key] = g
		r.grouped[caller]++
	}
	g.More++
	g.Last = c.Time
	return false
}

// end returns a record for each group, and begins a new window.
func (r *refusals) end() []*lanyard.AgentCall {
	list := make([]*lanyard.AgentCall, 0, len(r.groups))
	for _, g := range r.groups {
		list = append(list, g)
	}
	slices.SortFunc(list, func(a, b *lanyard.AgentCall) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(a.Agent, b.Agent), cmp.Compare(a.User, b.User),
			cmp.Compare(a.Tool, b.Tool), cmp.Compare(a.Outcome, b.Outcome))
	})
	*r = newRefusals()
	return list
}

// reviewLater ends the window of an instance's refusals and lists when its time has come.
func (r *Recorder) reviewLater(in instance, q *queue) {
	if q.review != nil || r.closed {
		return
	}
	q.review = time.AfterFunc(refusalWindow, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if !r.closed {
			r.endRefusals(in, q, time.Now())
			r.forget(in, q)
		}
	})
}

// endRefusals records what the window of an instance's refusals and lists has counted, whether or not there is room: it
// is bounded.
func (r *Recorder) endRefusals(in instance, q *queue, now time.Time) {
	if q.review != nil {
		q.review.Stop()
		q.review = nil
	}
	for _, c := range append(q.refusals.end(), q.lists.end()...) {
		r.add(in, q, c, sizeOf(c))
	}
}

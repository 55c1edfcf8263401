package control

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/store"
)

// Refused calls cost their caller nothing, and each would leave a record that is kept for as long as those of
// changes. So little is kept of each, and only so many are recorded; the others are counted in one record.
const (
	refusalWindow       = 5 * time.Minute
	refusalsPerUser     = 20  // recorded one by one, in a window
	refusalsPerInstance = 200 // of all users together
	refusalWindows      = 4096
	maxRefusedRequest   = 2 << 10 // bytes of a refused request that are kept
	maxRefusedMember    = 256     // bytes of one of its members, when it is larger than that
)

// refusals counts the calls that were refused lately. Its state is bounded by refusalWindows, and by the
// number of instances.
type refusals struct {
	mu      sync.Mutex
	windows map[refuser]*refusalCount
	ended   map[refuser]omitted // of windows that are over: to be recorded
}

func newRefusals() *refusals {
	return &refusals{windows: map[refuser]*refusalCount{}, ended: map[refuser]omitted{}}
}

// A refuser is a user, an AI agent or both in an instance; without either it is all of the instance.
type refuser struct{ instance, user, agent string }

type refusalCount struct {
	began    time.Time
	recorded int
	omitted  omitted
}

// omitted are the calls that were refused and have no records of their own.
type omitted struct {
	calls       int
	operations  map[string]int
	first, last time.Time
	account     string
}

// admit reports whether a refusal at a time is to be recorded. Otherwise it is counted.
func (r *refusals) admit(call Call, instance string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := refuser{instance: instance}
	user := all
	if call.acting != nil && call.acting.known {
		user.user, user.agent = call.acting.user, call.acting.agent
	}
	if r.windows[user] == nil && len(r.windows) >= refusalWindows {
		r.end(now.Add(-refusalWindow))
		if len(r.windows) >= refusalWindows {
			user = all
		}
	}
	one, whole := r.window(user, now), r.window(all, now)
	if whole.recorded < refusalsPerInstance && (one == whole || one.recorded < refusalsPerUser) {
		whole.recorded++
		if one != whole {
			one.recorded++
		}
		return true
	}
	one.omitted.add(call, now)
	return false
}

// window returns the current window of who.
func (r *refusals) window(who refuser, now time.Time) *refusalCount {
	w := r.windows[who]
	if w != nil && now.Sub(w.began) < refusalWindow {
		return w
	}
	if w != nil {
		r.keep(who, w.omitted)
	}
	w = &refusalCount{began: now}
	r.windows[who] = w
	return w
}

// end removes the windows that began at a time or before.
func (r *refusals) end(began time.Time) {
	for who, w := range r.windows {
		if !w.began.After(began) {
			r.keep(who, w.omitted)
			delete(r.windows, who)
		}
	}
}

// keep keeps what a window omitted until it is recorded.
func (r *refusals) keep(who refuser, o omitted) {
	was := r.ended[who]
	switch {
	case o.calls == 0:
		return
	case was.calls > 0: // nobody records them for long
		o.calls, o.first = o.calls+was.calls, was.first
		for operation, n := range was.operations {
			o.operations[operation] += n
		}
	}
	r.ended[who] = o
}

// take returns what is to be recorded of windows that are known to be over.
func (r *refusals) take() map[refuser]omitted {
	r.mu.Lock()
	defer r.mu.Unlock()
	ended := r.ended
	r.ended = map[refuser]omitted{}
	return ended
}

func (o *omitted) add(call Call, now time.Time) {
	if o.calls == 0 {
		*o = omitted{operations: map[string]int{}, first: now, account: call.Account}
	}
	o.calls++
	o.operations[call.Operation]++ // the operations are those of the model
	o.last = now
}

// OmittedRefusals is the operation of a record that counts refused calls without records of their own.
const OmittedRefusals = "OmittedRefusals"

// recordOmitted stores one record for each of what windows omitted.
func (s *Service) recordOmitted(ctx context.Context, ended map[refuser]omitted) {
	for _, who := range slices.SortedFunc(maps.Keys(ended), func(a, b refuser) int {
		return cmp.Or(cmp.Compare(a.instance, b.instance), cmp.Compare(a.user, b.user), cmp.Compare(a.agent, b.agent))
	}) {
		o := ended[who]
		request, err := laxjson.Marshal(map[string]any{"InstanceId": who.instance, "Calls": o.calls, "Operations": o.operations,
			"From": o.first.UTC().Format(time.RFC3339), "To": o.last.UTC().Format(time.RFC3339)})
		if err == nil {
			call := Call{Caller: lanyard.Caller{Account: o.account}, Operation: OmittedRefusals, Request: request}
			if who.user != "" || who.agent != "" {
				call.acting = &acting{user: who.user, agent: who.agent}
			}
			event := s.event(call, who.instance)
			event.Refused = fmt.Sprintf("%d more calls were refused and have no records of their own", o.calls)
			if err = s.appendEvent(ctx, event); err == nil {
				continue
			}
		}
		s.log.Error("cannot record the number of refused calls", "instance", who.instance, "user", who.user, "calls",
			o.calls, "error", err)
	}
}

// RecordRefusals records, until ctx ends and then once more, how many refused calls have no records of their own.
func (s *Service) RecordRefusals(ctx context.Context) {
	tick := time.NewTicker(refusalWindow / 5)
	defer tick.Stop()
	for more := true; more; {
		var began time.Time
		select {
		case <-ctx.Done():
			more, began = false, s.now()
		case <-tick.C:
			began = s.now().Add(-refusalWindow)
		}
		s.refused.mu.Lock()
		s.refused.end(began)
		s.refused.mu.Unlock()
		recording, cancel := context.WithTimeout(context.WithoutCancel(ctx), maxAsk)
		s.recordOmitted(recording, s.refused.take())
		cancel()
	}
}

// appendEvent stores an event that goes with no change.
func (s *Service) appendEvent(ctx context.Context, event *lanyard.Event) error {
	if err := s.store.Update(ctx, event.Instance, func(tx store.Tx) error { return tx.Append(ctx, event) }); err != nil {
		return err
	}
	s.publish(ctx, event)
	return nil
}

// refuse records a refusal and returns it.
func (s *Service) refuse(ctx context.Context, call Call, instance string, d *denial) error {
	ok := s.refused.admit(call, instance, s.now())
	s.recordOmitted(ctx, s.refused.take())
	if ok {
		event := s.event(call, instance)
		event.Request, event.Refused = shorten(call.Request), d.message
		if call.planning {
			event.Refused = "what-if: " + d.message
		}
		if err := s.appendEvent(ctx, event); err != nil {
			return err
		}
	}
	return &lanyard.Error{Kind: lanyard.Denied, Message: d.message, Permission: d.permission}
}

// shorten returns a request of a bounded size: of a larger one it keeps the members that name what the request is
// about, which are short, and the size and hash of the whole.
func shorten(request lanyard.JSON) lanyard.JSON {
	if len(request) <= maxRefusedRequest {
		return request
	}
	var members map[string]lanyard.JSON
	if laxjson.Unmarshal(request, &members) != nil {
		members = nil
	}
	sum := sha256.Sum256(request)
	kept := map[string]any{}
	size := 0
	for _, name := range slices.Sorted(maps.Keys(members)) {
		n := len(name) + len(members[name])
		if n > maxRefusedMember || size+n > maxRefusedRequest/2 {
			continue
		}
		kept[name] = members[name]
		size += n
	}
	kept["OmittedFromRequest"] = map[string]any{"Bytes": len(request), "SHA256": hex.EncodeToString(sum[:])}
	short, err := laxjson.Marshal(kept)
	if err != nil {
		return nil
	}
	return short
}

package access

import (
	"slices"
	"strings"

	"github.com/lanyard/lanyard"
)

// A Difference is what a change that has not been carried out would do to one subject.
type Difference struct {
	Holder
	Gains   []Effective // could not do before at all
	Loses   []Effective // could do before, and not afterwards
	Changes []Changed   // can do before and afterwards, to other resources
}

// Changed is an action whose conditions differ.
type Changed struct {
	Action        string
	On            string
	Before, After []Grant
}

// WhatIf is what a proposed change would do.
type WhatIf struct {
	Affected int // subjects with a difference
	Gaining  int // of those, how many gain something
	Losing   int // and how many lose something
	// Differences are those of a page of the affected, in the order of their places.
	Differences []Difference
	Next        uint32 // place for the next page, 0 at the end
}

// With returns the snapshot as it would be after putting resources, at the same revision.
func (s *Snapshot) With(put ...lanyard.Resource) *Snapshot {
	e := s.Edit()
	for _, r := range put {
		e.Put(r)
	}
	return e.Snapshot(s.revision)
}

// IfProfile tells what replacing a profile by p would do to its holders. It is false when there is
// no such profile. Paging is as in WhoCan.
func (s *Snapshot) IfProfile(p *lanyard.Profile, after uint32, limit int) (WhatIf, bool) {
	_, e := s.find(kindProfile, p.ID)
	if e == nil {
		return WhatIf{}, false
	}
	d := differ{before: s, after: s.With(p), seen: map[string]*verdict{}}
	e.prof().holders.Scan(func(slot uint32, _ struct{}) bool {
		h := s.entities.at(slot)
		d.add(slot, h, heldSlots(h), heldSlots(h), after, limit)
		return true
	})
	return d.out, true
}

// IfUser tells what replacing a user by u would do to that user. It is false when there is no such user.
func (s *Snapshot) IfUser(u *lanyard.User) (WhatIf, bool) {
	slot, e := s.find(kindUser, u.ID)
	if e == nil {
		return WhatIf{}, false
	}
	d := differ{before: s, after: s.With(u), seen: map[string]*verdict{}}
	d.add(slot, e, heldSlots(e), heldSlots(d.after.entities.at(slot)), 0, 1)
	return d.out, true
}

// differ compares what subjects may do in two snapshots. Subjects with the same profiles are
// compared once.
type differ struct {
	before, after *Snapshot
	seen          map[string]*verdict
	out           WhatIf
}

type verdict struct {
	gains, loses []Effective
	changes      []Changed
}

func (d *differ) add(slot uint32, h *entity, had, has []uint32, after uint32, limit int) {
	key := slotKey(had) + "/" + slotKey(has)
	v := d.seen[key]
	if v == nil {
		v = compareEffective(d.before.effective(had), d.after.effective(has))
		d.seen[key] = v
	}
	if len(v.gains)+len(v.loses)+len(v.changes) == 0 {
		return
	}
	d.out.Affected++
	if len(v.gains) > 0 {
		d.out.Gaining++
	}
	if len(v.loses) > 0 {
		d.out.Losing++
	}
	switch {
	case slot < after:
	case len(d.out.Differences) < limit:
		d.out.Differences = append(d.out.Differences, Difference{Holder: holder(h, ""), Gains: v.gains, Loses: v.loses, Changes: v.changes})
	case d.out.Next == 0:
		d.out.Next = slot
	}
}

func slotKey(slots []uint32) string {
	b := make([]byte, 0, 4*len(slots))
	for _, s := range slots {
		b = append(b, byte(s), byte(s>>8), byte(s>>16), byte(s>>24))
	}
	return string(b)
}

func compareEffective(before, after []Effective) *verdict {
	v := &verdict{}
	had := map[[2]string]Effective{}
	for _, e := range before {
		had[[2]string{e.Action, e.On}] = e
	}
	for _, e := range after {
		k := [2]string{e.Action, e.On}
		was, ok := had[k]
		delete(had, k)
		switch {
		case !ok:
			v.gains = append(v.gains, e)
		case reach(was) != reach(e):
			v.changes = append(v.changes, Changed{Action: e.Action, On: e.On, Before: was.Grants, After: e.Grants})
		}
	}
	for _, e := range before {
		if _, ok := had[[2]string{e.Action, e.On}]; ok {
			v.loses = append(v.loses, e)
		}
	}
	return v
}

// reach is what the grants of an action let through, in a form that can be compared: alternatives,
// each all of its conditions. One without conditions lets everything through.
func reach(e Effective) string {
	var alternatives []string
	for _, g := range e.Grants {
		if len(g.Conditions) == 0 {
			return ""
		}
		alternatives = append(alternatives, strings.Join(g.Conditions, "\x00"))
	}
	slices.Sort(alternatives)
	return strings.Join(slices.Compact(alternatives), "\x01")
}

package stack

import (
	"cmp"
	"slices"

	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/compare"
)

// A Lapse is what somebody may do before and after, and not in between.
type Lapse struct {
	Who    string   `json:"who"`
	Name   string   `json:"name"`
	Things []string `json:"loses"`
}

// Access returns who gains and who loses what by the plan.
func (p *Plan) Access(o compare.Options) *compare.Difference {
	if p.Before == nil || p.After == nil {
		return &compare.Difference{Gains: []compare.Entry{}, Losses: []compare.Entry{}, Changed: []compare.Entry{}}
	}
	return compare.Compare(p.Before, p.After, o)
}

// Lapses returns who loses access while resources are replaced, and has it again afterwards.
func (p *Plan) Lapses() []Lapse {
	found := map[string]*Lapse{}
	for _, between := range p.Between {
		fromBefore, fromAfter := losses(p.Before, between), losses(p.After, between)
		for who, things := range fromBefore {
			for thing := range things {
				if !fromAfter[who][thing] {
					continue
				}
				l := found[who.ID]
				if l == nil {
					l = &Lapse{Who: who.ID, Name: who.Name}
					found[who.ID] = l
				}
				if !slices.Contains(l.Things, thing) {
					l.Things = append(l.Things, thing)
				}
			}
		}
	}
	out := make([]Lapse, 0, len(found))
	for _, l := range found {
		slices.Sort(l.Things)
		out = append(out, *l)
	}
	slices.SortFunc(out, func(a, b Lapse) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Who, b.Who)) })
	return out
}

type person struct{ ID, Name string }

// losses are what the people of one state may do there and not in another.
func losses(from, to *access.Snapshot) map[person]map[string]bool {
	out := map[person]map[string]bool{}
	for _, d := range access.Compare(from, to) {
		things := map[string]bool{}
		for _, l := range d.Loses {
			things[thingText(l.Thing)] = true
		}
		for _, c := range d.Changes {
			if c.Less {
				things[thingText(c.Thing)+" on some resources"] = true
			}
		}
		for _, shift := range d.Shifts {
			for _, action := range shift.Actions {
				if !shift.Gained {
					things[action+" on some resources"] = true
				}
			}
		}
		if len(things) == 0 {
			continue
		}
		for _, s := range d.Subjects {
			out[person{s.ID, s.Name}] = things
		}
	}
	return out
}

func thingText(t access.Thing) string {
	if t.Type == "" {
		return t.Action
	}
	return t.Action + " of " + t.Type + " " + t.On
}

package questions

import (
	"context"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// An Outcome is what a Proposal would change: one profile or user, as it is and as it would be.
type Outcome struct{ Before, After lanyard.Resource }

type (
	// Effects answers what a proposal would do.
	Effects struct {
		Page     PageInfo   `json:"page"`
		Revision int64      `json:"revision"`
		Affected int        `json:"affected"`
		Gaining  int        `json:"gaining"`
		Losing   int        `json:"losing"`
		Hidden   int        `json:"hidden,omitzero"` // security profiles that the viewer may not see
		Results  []Affected `json:"results"`
		// Differences are those of the results, which name them by their place here: many users have the same.
		Differences []Difference `json:"differences"`
		// Before and After are the answers to the question, if one was asked.
		Before *Evaluation `json:"before,omitzero"`
		After  *Evaluation `json:"after,omitzero"`
	}
	// An Affected is a user or an AI agent that could do something more or less.
	Affected struct {
		Holder     `tstype:",extends"`
		Difference int `json:"difference"`
	}
	// A Difference is what somebody could do more or less.
	Difference struct {
		Gains   []Granted `json:"gains"`
		Loses   []Granted `json:"loses"`
		Changes []Changed `json:"changes"`
	}
	// A Changed is a thing that could be done to other resources.
	Changed struct {
		Thing  `tstype:",extends"`
		More   bool    `json:"more"`
		Less   bool    `json:"less"`
		Before []Grant `json:"before"`
		After  []Grant `json:"after"`
	}
)

// WhatIf answers who would gain and who would lose what by a change that is not carried out, and what a question
// would be answered then. A viewer must be allowed the operation itself, and to view what it changes.
func (s *Service) WhatIf(ctx context.Context, by Viewer, q WhatIf) (out Effects, err error) {
	pages, at, err := s.whatIfPager(by, &q)
	if err != nil {
		return out, err
	}
	// The revision that is asked for must be there before the proposal is made of it.
	if _, err := s.view(ctx, by, q.AtLeast); err != nil {
		return out, err
	}
	outcome, err := s.Propose(ctx, by, q.Proposal)
	if err != nil {
		return out, err
	}
	v, err := s.view(ctx, by, q.AtLeast)
	if err != nil {
		return out, err
	}
	if err := v.requireProposal(&q); err != nil {
		return out, err
	}
	// The proposal was made from the store, which may be a change ahead of the snapshot or behind it.
	v.Snapshot = v.With(outcome.Before)
	from := at.cursor().Begin(v.Snapshot)
	effects, err := v.effects(outcome.After, from, q.Page.size())
	if err != nil {
		return out, err
	}
	next, err := out.show(effects, from, pages.most)
	if err != nil {
		return out, err
	}
	out.Page, out.Revision = pages.info(len(out.Results), next), v.Revision()
	if q.Question != nil {
		before, after := v.evaluate(q.Question), View{v.With(outcome.After), v.Viewer}.evaluate(q.Question)
		out.Before, out.After = &before, &after
	}
	return out, nil
}

// requireProposal refuses a viewer who may not view what a proposal changes and what its question is about.
func (v View) requireProposal(q *WhatIf) error {
	if v.Viewer == "" {
		return nil
	}
	about := access.TypeSecurityProfile
	if q.Operation == updateUser {
		about = access.TypeUser
	}
	if err := v.requireRef(about, q.ID); err != nil || q.Question == nil {
		return err
	}
	// The answers to a question, as things are and as they would be, rest on all of the subject's profiles.
	if err := v.requireHeld(q.Question.Subject); err != nil {
		return err
	}
	if err := v.requireResource(&q.Question.Query); err != nil {
		return err
	}
	var in struct {
		SecurityProfileIDs []string `json:"SecurityProfileIds"`
	}
	if err := json.Unmarshal(q.Parameters, &in); err != nil {
		return malformed("parameters.SecurityProfileIds must be a list of strings")
	}
	for _, p := range in.SecurityProfileIDs {
		if err := v.requireRef(access.TypeSecurityProfile, p); err != nil {
			return err
		}
	}
	return nil
}

// requireRef is RequireView for what an id or ARN names.
func (v View) requireRef(resourceType, ref string) error {
	id, err := v.ID(ref)
	if err != nil {
		return err
	}
	return v.RequireView(resourceType, id)
}

// effects compares the view with what it would be with a changed profile or user.
func (v View) effects(after lanyard.Resource, from access.Cursor, limit int) (w access.WhatIf, err error) {
	ok := false
	switch r := after.(type) {
	case *lanyard.Profile:
		w, ok = v.IfProfile(r, v.sight(), access.Page{From: from, Limit: limit})
	case *lanyard.User:
		w, ok = v.IfUser(r, v.sight())
	}
	if !ok {
		return w, lanyard.Errorf(lanyard.NotFound, "the security profile or user of the proposal was deleted in the meantime")
	}
	return w, nil
}

// show fills in a page of effects, as far as they fit into most bytes, and returns where the next one begins.
func (out *Effects) show(w access.WhatIf, from access.Cursor, most int) (position, error) {
	out.Affected, out.Gaining, out.Losing, out.Hidden = w.Affected, w.Gaining, w.Losing, w.Hidden
	out.Results, out.Differences = []Affected{}, []Difference{}
	places, size := map[*access.Delta]int{}, measure{most: most}
	for i, d := range w.Differences {
		place, known := places[d.Delta]
		if !known {
			shown := differenceOf(d.Delta)
			fits, err := size.add(shown)
			if err != nil {
				return nil, err
			}
			if !fits {
				return positionOf(from.Behind(w.Differences[i-1].Seq)), nil
			}
			place = len(out.Differences)
			places[d.Delta], out.Differences = place, append(out.Differences, shown)
		}
		out.Results = append(out.Results, Affected{holderOf(d.Holder), place})
	}
	return positionOf(w.Next), nil
}

func differenceOf(d *access.Delta) Difference {
	x := Difference{Gains: grantedOf(d.Gains), Loses: grantedOf(d.Loses), Changes: []Changed{}}
	for _, c := range d.Changes {
		x.Changes = append(x.Changes, Changed{thingOf(c.Thing), c.More, c.Less, someOf(c.Before), someOf(c.After)})
	}
	return x
}

func grantedOf(list []access.Effective) []Granted {
	out := make([]Granted, len(list))
	for i, e := range list {
		out[i] = Granted{thingOf(e.Thing), someOf(e.Grants)}
	}
	return out
}

// someOf returns the first grants of many. Users hold no more profiles than that, AI agents may.
func someOf(grants []access.Grant) []Grant {
	return grantsOf(grants[:min(len(grants), access.MaxProfiles)])
}

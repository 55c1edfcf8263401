package questions

import (
	"context"
	"slices"
	"sort"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// An Entity is a subject or a resource in an answer.
type Entity struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// Named are the properties of an Entity that has a name.
type Named struct {
	Name string `json:"name"`
}

type (
	// WhoCan answers who may do something.
	WhoCan struct {
		Page    PageInfo      `json:"page"`
		Context WhoCanContext `json:"context"`
		Results []Allowed     `json:"results"`
	}
	// WhoCanContext has the names of the security profiles that the results name by their ids.
	WhoCanContext struct {
		Profiles map[string]string `json:"profiles"`
	}
	// An Allowed is a user or an AI agent that may do what was asked.
	Allowed struct {
		Entity     `tstype:",extends"`
		Properties AllowedProperties `json:"properties"`
	}
	// AllowedProperties say through which security profiles.
	AllowedProperties struct {
		Name string `json:"name,omitempty"`
		// Profile is the first that allows it by itself. Profiles are all, at most access.MaxProfiles of
		// ProfileCount.
		Profile      string   `json:"profile,omitempty"`
		ProfileName  string   `json:"profile_name,omitempty"`
		Profiles     []string `json:"profiles"`
		ProfileCount int      `json:"profile_count"`
	}

	// Resources answers which resources something may be done to, or have an id or a name.
	Resources struct {
		Page    PageInfo   `json:"page"`
		Results []Resource `json:"results"`
	}
	// A Resource is one that was found.
	Resource struct {
		Entity     `tstype:",extends"`
		Properties Named `json:"properties"`
	}

	// Actions answers which actions a subject may do to a resource.
	Actions struct {
		Page    PageInfo `json:"page"`
		Results []Named  `json:"results"`
	}

	// Holders answers who holds a security profile.
	Holders struct {
		Page    PageInfo `json:"page"`
		Results []Holder `json:"results"`
	}
	// A Holder is a user or an AI agent.
	Holder struct {
		Entity     `tstype:",extends"`
		Properties *Named `json:"properties,omitempty"`
	}

	// Effective answers what a subject may do.
	Effective struct {
		Page     PageInfo  `json:"page"`
		Revision int64     `json:"revision"`
		Results  []Granted `json:"results"`
	}
	// A Thing is an action, and what alone it may be done to, if that is all.
	Thing struct {
		Action   string  `json:"action"`
		Resource *Entity `json:"resource,omitempty"`
	}
	// Granted is a thing that a subject may do.
	Granted struct {
		Thing  `tstype:",extends"`
		Grants []Grant `json:"grants"`
	}
	// A Grant is a security profile that grants a thing.
	Grant struct {
		Profile    string   `json:"profile"`
		Name       string   `json:"name"`
		Conditions []string `json:"conditions"`
	}
)

// WhoCan answers who may do what q asks, whatever the id of its subject. A viewer must hold the permission to view
// subjects of that type, and is shown those that their profiles cover.
func (s *Service) WhoCan(ctx context.Context, by Viewer, q Search) (out WhoCan, err error) {
	v, err := s.beginSearch(ctx, by, "who-can", &q)
	if err != nil {
		return out, err
	}
	viewed := access.TypeUser
	if q.Subject.Type == access.AIAgent {
		viewed = access.TypeAIAgent
	}
	if err := v.RequirePermission(ViewPermission(viewed)); err != nil {
		return out, err
	}
	if err := v.requireResource(&q.Query); err != nil {
		return out, err
	}
	from, see := v.at.cursor().Begin(v.Snapshot), v.sight()
	found, end := visible(from, q.Page.size(), seesHolder(see),
		func(page access.Page) ([]access.Holder, access.Cursor) { return v.Snapshot.WhoCan(&q.Query, page) })
	names := v.profileNames(found)
	var next position
	out.Results, next, err = listing[access.Holder, Allowed]{found, positionOf(end), behindHolder(from),
		func(h access.Holder) Allowed {
			return Allowed{Entity{subjectName(q.Subject.Type), h.ID}, v.allowed(h, names)}
		}, v.pager.most}.results()
	out.Context.Profiles, out.Page = names, v.pager.info(len(out.Results), next)
	return out, err
}

// allowed says through which profiles somebody may do what was asked, less those that the viewer may not see.
func (v View) allowed(h access.Holder, names map[string]string) AllowedProperties {
	if see := v.sight(); see != nil {
		h.Profiles = slices.DeleteFunc(slices.Clone(h.Profiles),
			func(id string) bool { return !see(access.TypeSecurityProfile, id) })
		h.Granting = len(h.Profiles)
	}
	first := "" // that allows it by itself
	if h.Profile != "" && len(h.Profiles) > 0 {
		first = h.Profiles[0]
	}
	return AllowedProperties{h.Name, first, names[first], h.Profiles, h.Granting}
}

// profileNames returns the names of the profiles that holders are named with and the viewer sees, by their ids.
func (v View) profileNames(found []access.Holder) map[string]string {
	names, see := map[string]string{}, v.sight()
	for _, h := range found {
		for _, id := range h.Profiles {
			if _, known := names[id]; known || see != nil && !see(access.TypeSecurityProfile, id) {
				continue
			}
			for _, p := range v.Snapshot.Lookup(access.TypeSecurityProfile, id) {
				names[id] = p.Name
			}
		}
	}
	return names
}

func seesHolder(see access.Sight) func(access.Holder) bool {
	if see == nil {
		return nil
	}
	return func(h access.Holder) bool {
		if h.Type == access.AIAgent {
			return see(access.TypeAIAgent, h.ID)
		}
		return see(access.TypeUser, h.ID)
	}
}

func seesFound(see access.Sight, resourceType string) func(access.Found) bool {
	if see == nil {
		return nil
	}
	return func(f access.Found) bool { return see(resourceType, f.ID) }
}

// Resources answers to which resources of a type a subject may do something. A viewer must be able to view the
// subject, and is shown those resources that their profiles cover.
func (s *Service) Resources(ctx context.Context, by Viewer, q Search) (out Resources, err error) {
	v, err := s.beginSearch(ctx, by, "resources", &q)
	if err != nil {
		return out, err
	}
	if err := v.requireSearch(&q); err != nil {
		return out, err
	}
	if q.MCP != nil {
		return v.toolsOf(&q, s.mapping(v.Instance()))
	}
	from := v.at.cursor().Begin(v.Snapshot)
	found, end := visible(from, q.Page.size(), seesFound(v.sight(), q.Resource.Type),
		func(page access.Page) ([]access.Found, access.Cursor) {
			found, next, _ := v.WhichResources(&q.Query, page)
			return found, next
		})
	return v.pager.resources(found, positionOf(end), from, q.Resource.Type)
}

// requireSearch refuses a viewer who may not ask what a subject can reach.
func (v View) requireSearch(q *Search) error {
	asked := q.Question
	asked.Explain = false // no search explains anything
	return v.requireQuestion(&asked)
}

// resources makes a page of resources of a type.
func (p pager) resources(found []access.Found, next position, from access.Cursor, resourceType string) (
	out Resources, err error) {
	out.Results, next, err = listing[access.Found, Resource]{found, next, behindFound(from),
		func(f access.Found) Resource { return Resource{Entity{resourceType, f.ID}, Named{f.Name}} }, p.most}.results()
	out.Page = p.info(len(out.Results), next)
	return out, err
}

// Actions answers which actions a subject may do to a resource. A viewer must be able to view both.
func (s *Service) Actions(ctx context.Context, by Viewer, q Search) (out Actions, err error) {
	v, err := s.beginSearch(ctx, by, "actions", &q)
	if err != nil {
		return out, err
	}
	if err := v.requireSearch(&q); err != nil {
		return out, err
	}
	names := v.WhichActions(&q.Query)
	names = names[sort.Search(len(names), func(i int) bool { return names[i] > string(v.at) }):]
	var next position
	out.Results, next, err = listing[string, Named]{names, nil, func(name string) position { return position(name) },
		func(name string) Named { return Named{name} }, v.pager.most}.results()
	out.Page = v.pager.info(len(out.Results), next)
	return out, err
}

// Effective answers what a subject may do: all of it in one page, unless that would be too large. A viewer must be
// able to view the subject and its security profiles.
func (s *Service) Effective(ctx context.Context, by Viewer, q Search) (out Effective, err error) {
	v, err := s.beginSearch(ctx, by, "effective", &q)
	if err != nil {
		return out, err
	}
	if err := v.requireHeld(q.Subject); err != nil {
		return out, err
	}
	can, _ := v.WhatCan(q.Subject) // of nobody: nothing
	var next position
	out.Results, next, err = listing[access.Effective, Granted]{behindThing(can, v.at), nil,
		func(e access.Effective) position { return positionOfThing(e.Thing) },
		func(e access.Effective) Granted { return Granted{thingOf(e.Thing), grantsOf(e.Grants)} },
		v.pager.most}.results()
	out.Page, out.Revision = v.pager.info(len(out.Results), next), v.Revision()
	return out, err
}

func thingOf(t access.Thing) Thing {
	out := Thing{Action: t.Action}
	if t.Type != "" {
		out.Resource = &Entity{Type: t.Type, ID: t.On}
	}
	return out
}

func grantsOf(grants []access.Grant) []Grant {
	out := make([]Grant, len(grants))
	for i, g := range grants {
		out[i] = Grant{Profile: g.Profile, Name: g.Name}
		for _, c := range g.Conditions {
			out[i].Conditions = append(out[i].Conditions, c.String())
		}
	}
	return out
}

// Holders answers who holds a security profile. A viewer must be able to view the profile, and is shown those
// holders that their profiles cover.
func (s *Service) Holders(ctx context.Context, by Viewer, q Search) (out Holders, err error) {
	v, err := s.beginSearch(ctx, by, "holders", &q)
	if err != nil {
		return out, err
	}
	profile := q.Resource.ID
	if err := v.RequireView(access.TypeSecurityProfile, profile); err != nil {
		return out, err
	}
	from, known := v.at.cursor().Begin(v.Snapshot), true
	found, end := visible(from, q.Page.size(), seesHolder(v.sight()),
		func(page access.Page) (found []access.Holder, next access.Cursor) {
			found, next, known = v.Snapshot.Holders(profile, page)
			return found, next
		})
	if !known {
		return out, lanyard.Errorf(lanyard.NotFound, "security profile %q does not exist in instance %s",
			lanyard.Clip(profile), by.Instance)
	}
	var next position
	out.Results, next, err = listing[access.Holder, Holder]{found, positionOf(end), behindHolder(from),
		holderOf, v.pager.most}.results()
	out.Page = v.pager.info(len(out.Results), next)
	return out, err
}

func holderOf(h access.Holder) Holder {
	out := Holder{Entity: Entity{subjectName(h.Type), h.ID}}
	if h.Name != "" {
		out.Properties = &Named{h.Name}
	}
	return out
}

// Lookup answers which resources of a type that lanyard stores have an id or else a name, of those that the viewer
// may see.
func (s *Service) Lookup(ctx context.Context, by Viewer, q Search) (out Resources, err error) {
	v, err := s.beginSearch(ctx, by, "lookup", &q)
	if err != nil {
		return out, err
	}
	from, sees := v.at.cursor().Begin(v.Snapshot), seesFound(v.sight(), q.Resource.Type)
	found := slices.DeleteFunc(v.Snapshot.Lookup(q.Resource.Type, q.Resource.ID), func(f access.Found) bool {
		return f.Seq <= from.After || f.Seq > from.Until || sees != nil && !sees(f)
	})
	return v.pager.resources(found, nil, from, q.Resource.Type)
}

package authzen

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"net/http"
	"slices"
	"sort"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// The endpoints of this file are lanyard's own, beside those of the standard. They are asked and
// answered in the same way.

// thing is an action on what it is narrowed to, if anything, as answers show it.
type thing struct {
	Action   string  `json:"action"`
	Resource *entity `json:"resource,omitempty"`
}

type (
	effective struct {
		thing
		Grants []grant `json:"grants"`
	}
	grant struct {
		Profile    string   `json:"profile"`
		Name       string   `json:"name"`
		Conditions []string `json:"conditions"`
	}
)

func thingOf(t access.Thing) thing {
	out := thing{Action: t.Action}
	if t.Type != "" {
		out.Resource = &entity{Type: t.Type, ID: t.On}
	}
	return out
}

func grantsOf(grants []access.Grant) []grant {
	out := make([]grant, len(grants))
	for i, g := range grants {
		out[i] = grant{g.Profile, g.Name, nil}
		for _, c := range g.Conditions {
			out[i].Conditions = append(out[i].Conditions, c.String())
		}
	}
	return out
}

func effectivesOf(list []access.Effective) []effective {
	out := make([]effective, len(list))
	for i, e := range list {
		out[i] = effective{thingOf(e.Thing), someOf(e.Grants)}
	}
	return out
}

// effective answers what a subject can do: all of it in one page, unless that would be too large.
func (a *asking) effective(body []byte) ([]byte, error) {
	var in searchRequest
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	if in.Subject == nil || in.Subject.Type == nil || in.Subject.ID == nil {
		return nil, bad("subject, subject.type and subject.id are required")
	}
	scope, err := a.scope(whatCan, &item{Subject: in.Subject})
	if err != nil {
		return nil, err
	}
	at, _, err := a.page(in.Page, scope)
	if err != nil {
		return nil, err
	}
	snapshot, err := a.snapshot(in.Context)
	if err != nil {
		return nil, err
	}
	var q access.Query
	(&item{Subject: in.Subject}).fill(&q)
	can, _ := snapshot.WhatCan(q.Subject) // of nobody: nothing
	behind := func(e access.Effective) position { return positionOfThing(e.Thing) }
	list, next, err := results(behindThing(can, at), nil, behind,
		func(e access.Effective) any { return effective{thingOf(e.Thing), grantsOf(e.Grants)} })
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		Page     pageInfo         `json:"page"`
		Revision int64            `json:"revision"`
		Results  []jsontext.Value `json:"results"`
	}{a.pageInfo(len(list), next, scope), snapshot.Revision(), list})
}

// positionOfThing is the key of a thing. What may hold any byte stands behind its length, or last.
func positionOfThing(t access.Thing) position {
	at := append(position(t.Type), 0)
	at = binary.AppendUvarint(at, uint64(len(t.On)))
	return append(append(at, t.On...), t.Action...)
}

// behindThing is the part of list behind a position.
func behindThing(list []access.Effective, at position) []access.Effective {
	if at == nil {
		return list
	}
	var last access.Thing
	t, rest, _ := bytes.Cut(at, []byte{0})
	length, n := binary.Uvarint(rest)
	last.Type, last.On, last.Action = string(t), string(rest[n:][:length]), string(rest[n:][length:])
	return list[sort.Search(len(list), func(i int) bool { return list[i].Compare(last) > 0 }):]
}

// holders answers who holds a security profile.
func (a *asking) holders(body []byte) ([]byte, error) {
	var in searchRequest
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	r := in.Resource
	if r == nil || r.Type == nil || r.ID == nil {
		return nil, bad("resource, resource.type and resource.id are required")
	}
	if *r.Type != access.TypeSecurityProfile {
		return nil, bad("resource.type must be %s, got %q", access.TypeSecurityProfile, lanyard.Clip(*r.Type))
	}
	scope, err := a.scope(holders, &item{Resource: r})
	if err != nil {
		return nil, err
	}
	at, limit, err := a.page(in.Page, scope)
	if err != nil {
		return nil, err
	}
	snapshot, err := a.snapshot(in.Context)
	if err != nil {
		return nil, err
	}
	from, see := at.cursor().Begin(snapshot), a.principal.sight(snapshot)
	ok := see == nil || see(access.TypeSecurityProfile, *r.ID)
	found, end := visible(from, limit, seesHolder(see),
		func(page access.Page) ([]access.Holder, access.Cursor) {
			found, next, known := snapshot.Holders(*r.ID, page)
			ok = ok && known
			return found, next
		})
	if !ok {
		return nil, lanyard.Errorf(lanyard.NotFound, "security profile %q does not exist in instance %s", lanyard.Clip(*r.ID),
			a.instance)
	}
	list, next, err := results(found, positionOf(end), behindHolder(from),
		func(h access.Holder) any { return holderOf(h) })
	if err != nil {
		return nil, err
	}
	return json.Marshal(searchResponse{Page: a.pageInfo(len(list), next, scope), Results: list}, json.Deterministic(true))
}

func holderOf(h access.Holder) entity {
	e := entity{Type: typeUser, ID: h.ID}
	if h.Type == access.AIAgent {
		e.Type = typeAgent
	}
	if h.Name != "" {
		e.Properties = nameProperty{h.Name}
	}
	return e
}

// lookup answers which resources of a type that lanyard stores have an id or else a name.
func (a *asking) lookup(body []byte) ([]byte, error) {
	var in searchRequest
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	r := in.Resource
	if r == nil || r.Type == nil || r.ID == nil {
		return nil, bad("resource, resource.type and resource.id are required")
	}
	snapshot, err := a.snapshot(in.Context)
	if err != nil {
		return nil, err
	}
	scope, err := a.scope(lookup, &item{Resource: r})
	if err != nil {
		return nil, err
	}
	at, _, err := a.page(in.Page, scope)
	if err != nil {
		return nil, err
	}
	from := at.cursor().Begin(snapshot)
	see := seesFound(a.principal.sight(snapshot), *r.Type)
	found := slices.DeleteFunc(snapshot.Lookup(*r.Type, *r.ID), func(f access.Found) bool {
		return f.Seq <= from.After || f.Seq > from.Until || see != nil && !see(f)
	})
	list, next, err := results(found, nil, behindFound(from),
		func(f access.Found) any { return entity{*r.Type, f.ID, nameProperty{f.Name}} })
	if err != nil {
		return nil, err
	}
	return json.Marshal(searchResponse{Page: a.pageInfo(len(list), next, scope), Results: list}, json.Deterministic(true))
}

// The operations that may be proposed.
const (
	updateProfile = "UpdateSecurityProfile"
	updateUser    = "UpdateUserSecurityProfiles"
)

// A Proposal is an operation that is not carried out.
type Proposal struct {
	Operation  string // UpdateSecurityProfile or UpdateUserSecurityProfiles
	Instance   string
	ID         string // id or ARN of the profile or user
	Parameters []byte // the operation's request, a JSON object
}

// An Outcome is what a Proposal would change: one profile or user, as it is and as it would be.
type Outcome struct{ Before, After lanyard.Resource }

type (
	whatIfRequest struct {
		item
		Operation  *string        `json:"operation"`
		Parameters jsontext.Value `json:"parameters"`
		Page       *page          `json:"page"`
	}
	whatIfResponse struct {
		Page     pageInfo   `json:"page"`
		Revision int64      `json:"revision"`
		Affected int        `json:"affected"`
		Gaining  int        `json:"gaining"`
		Losing   int        `json:"losing"`
		Hidden   int        `json:"hidden,omitzero"`
		Results  []affected `json:"results"`
		// Differences are those of the results, which name them by their place here: many users have
		// the same.
		Differences []jsontext.Value `json:"differences"`
		Before      jsontext.Value   `json:"before,omitzero"` // the answers to the question, if one was asked
		After       jsontext.Value   `json:"after,omitzero"`
	}
	affected struct {
		entity
		Difference int `json:"difference"`
	}
	difference struct {
		Gains   []effective `json:"gains"`
		Loses   []effective `json:"loses"`
		Changes []changed   `json:"changes"`
	}
	changed struct {
		thing
		More   bool    `json:"more"`
		Less   bool    `json:"less"`
		Before []grant `json:"before"`
		After  []grant `json:"after"`
	}
)

// whatIf answers who would gain and who would lose what by a change that is not carried out, and
// what a question would be answered then.
func (a *asking) whatIf(body []byte) ([]byte, error) {
	if a.s.Propose == nil {
		return nil, &httpError{http.StatusNotFound, "this server takes no proposals"}
	}
	if !a.principal.Administer {
		return nil, &httpError{http.StatusForbidden,
			"the token is of scope decide; a proposed change needs one of scope administer, or a signature"}
	}
	var in whatIfRequest
	if err := decode(body, &in); err != nil {
		return nil, err
	}
	p, err := in.proposal(a.instance)
	if err != nil {
		return nil, err
	}
	var q *access.Query
	if in.Subject != nil || in.Action != nil || in.Resource != nil {
		asked, err := in.query()
		if err != nil {
			return nil, err
		}
		q = &asked
	}
	scope := a.scopeOf(body)
	at, limit, err := a.page(in.Page, scope)
	if err != nil {
		return nil, err
	}
	if _, err := a.snapshot(in.Context); err != nil { // the revision that is asked for, before the proposal is made of it
		return nil, err
	}
	outcome, err := a.s.Propose(a.ctx, a.principal, p)
	if err != nil {
		return nil, err
	}
	snapshot, err := a.snapshot(in.Context)
	if err != nil {
		return nil, err
	}
	// The proposal was made from the store, which may be a change ahead of the snapshot or behind it.
	snapshot = snapshot.With(outcome.Before)
	out, err := a.differences(snapshot, outcome, at.cursor(), limit, scope)
	if err != nil {
		return nil, err
	}
	if q != nil {
		out.Before, _ = decide(nil, snapshot, q, in.Context)
		out.After, _ = decide(nil, snapshot.With(outcome.After), q, in.Context)
	}
	return json.Marshal(out, json.Deterministic(true))
}

// proposal checks what names the proposed change; the rest is for whoever carries it out.
func (in *whatIfRequest) proposal(instance string) (Proposal, error) {
	p := Proposal{Instance: instance, Parameters: in.Parameters}
	if in.Operation == nil {
		return p, bad("operation is required: %s or %s", updateProfile, updateUser)
	}
	if in.Parameters.Kind() != '{' {
		return p, bad("parameters must be the request of %s, an object", *in.Operation)
	}
	var names struct {
		InstanceID        *string `json:"InstanceId"`
		SecurityProfileID *string `json:"SecurityProfileId"`
		UserID            *string `json:"UserId"`
	}
	if err := json.Unmarshal(in.Parameters, &names); err != nil {
		return p, bad("parameters.InstanceId, parameters.SecurityProfileId and parameters.UserId must be strings")
	}
	p.Operation = *in.Operation
	id, member := names.SecurityProfileID, "SecurityProfileId"
	switch p.Operation {
	case updateProfile:
	case updateUser:
		id, member = names.UserID, "UserId"
	default:
		return p, bad("operation must be %s or %s, got %q", updateProfile, updateUser, p.Operation)
	}
	if id == nil || *id == "" {
		return p, bad("parameters.%s is required", member)
	}
	if names.InstanceID != nil && *names.InstanceID != instance {
		if arn, err := lanyard.ParseARN(*names.InstanceID); err != nil || arn.Instance != instance {
			return p, bad("parameters.InstanceId must be the instance that is asked about, %s, got %q", instance,
				*names.InstanceID)
		}
	}
	p.ID = *id
	return p, nil
}

// differences compares before and after, and shows a page of it.
func (a *asking) differences(s *access.Snapshot, o Outcome, from access.Cursor, limit int,
	scope []byte) (*whatIfResponse, error) {
	var w access.WhatIf
	ok, see := false, a.principal.sight(s)
	from = from.Begin(s)
	switch r := o.After.(type) {
	case *lanyard.Profile:
		w, ok = s.IfProfile(r, see, access.Page{From: from, Limit: limit})
	case *lanyard.User:
		w, ok = s.IfUser(r, see)
	}
	if !ok {
		return nil, lanyard.Errorf(lanyard.NotFound, "what the proposal is about has been deleted meanwhile")
	}
	out := &whatIfResponse{Revision: s.Revision(), Affected: w.Affected, Gaining: w.Gaining, Losing: w.Losing,
		Hidden: w.Hidden, Results: []affected{}}
	next, places := positionOf(w.Next), map[*access.Delta]int{}
	differences := list{results: []jsontext.Value{}}
	for i, d := range w.Differences {
		place, ok := places[d.Delta]
		if !ok {
			place = len(differences.results)
			places[d.Delta] = place
			fits, err := differences.add(differenceOf(d.Delta))
			if err != nil {
				return nil, err
			}
			if !fits {
				next = positionOf(from.Behind(w.Differences[i-1].Seq))
				break
			}
		}
		out.Results = append(out.Results, affected{holderOf(d.Holder), place})
	}
	out.Differences = differences.results
	out.Page = a.pageInfo(len(out.Results), next, scope)
	return out, nil
}

func differenceOf(d *access.Delta) difference {
	x := difference{Gains: effectivesOf(d.Gains), Loses: effectivesOf(d.Loses), Changes: []changed{}}
	for _, c := range d.Changes {
		x.Changes = append(x.Changes, changed{thingOf(c.Thing), c.More, c.Less, someOf(c.Before), someOf(c.After)})
	}
	return x
}

// someOf are the first grants of many. Users hold no more profiles than that, AI agents may.
func someOf(grants []access.Grant) []grant {
	return grantsOf(grants[:min(len(grants), access.MaxProfiles)])
}

// scopeOf is what must stay the same from page to page of a request whose members are many: all of
// it but the page.
func (a *asking) scopeOf(body []byte) []byte {
	h := sha256.New()
	h.Write([]byte(a.principal.Account + "\x00" + a.instance + "\x00"))
	var members map[string]jsontext.Value
	if json.Unmarshal(body, &members) == nil {
		delete(members, "page")
		if b, err := json.Marshal(members, json.Deterministic(true)); err == nil {
			h.Write(b)
		}
	}
	return h.Sum(nil)
}

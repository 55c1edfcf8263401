package mcpserver

import (
	"context"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/questions"
)

var whatIf = tool{name: "what_if", title: "Show what a change would do, without making it", administer: true, slow: true,
	description: `Shows who would gain or lose what if a security profile, or the profiles of a user, were changed. Nothing is ` +
		`changed. Use it before you recommend a change, and to compare ways of making one. Give either profile and what would ` +
		`differ about it, or user and the profiles that they would hold.
Examples: {"profile": "Supervisor France", "add_permissions": ["Users.Edit"]}
{"profile": "Auditor", "access_control_tags": {"Country": "FR"}, "tag_restricted_types": ["User", "Queue"]}
{"user": "tom.ellis", "add_profiles": ["Auditor"], "ask_permission": "Users.Edit", "ask_resource": "User/jonas.becker"}`}

type whatIfIn struct {
	About
	Profile           string             `json:"profile,omitempty" jsonschema:"The security profile that would be changed: its name, id or ARN."`
	AddPermissions    []string           `json:"add_permissions,omitempty" jsonschema:"Permissions that it would have as well."`
	RemovePermissions []string           `json:"remove_permissions,omitempty" jsonschema:"Permissions that it would no longer have."`
	SetPermissions    *[]string          `json:"set_permissions,omitzero" jsonschema:"All permissions that it would have, instead of its own."`
	AccessTags        *map[string]string `json:"access_control_tags,omitzero" jsonschema:"Its access-control tags, instead of its own; {} for none."`
	TagTypes          *[]string          `json:"tag_restricted_types,omitzero" jsonschema:"Types of resources that the tags would restrict, instead of its own, such as User and Queue; [] for none."`
	GroupTypes        *[]string          `json:"hierarchy_restricted_types,omitzero" jsonschema:"Types that the hierarchy would restrict: [\"User\"], or [] for none."`
	Group             *string            `json:"hierarchy_group,omitzero" jsonschema:"Its hierarchy group, by name or id; an empty text: the group of each holder."`

	User           string    `json:"user,omitempty" jsonschema:"The user whose profiles would be changed: user name, id or ARN."`
	AddProfiles    []string  `json:"add_profiles,omitempty" jsonschema:"Security profiles that the user would hold as well: names, ids or ARNs."`
	RemoveProfiles []string  `json:"remove_profiles,omitempty" jsonschema:"Security profiles that the user would no longer hold."`
	SetProfiles    *[]string `json:"set_profiles,omitzero" jsonschema:"All security profiles that the user would hold."`

	AskSubject    string `json:"ask_subject,omitempty" jsonschema:"Also answer as of before and after the change whether this user or AI agent may do ask_permission. Default: user."`
	AskPermission string `json:"ask_permission,omitempty" jsonschema:"Permission to ask about."`
	AskResource   string `json:"ask_resource,omitempty" jsonschema:"Resource to ask about, as resource in check_access."`
	Paged
}

type whatIfOut struct {
	Affected    int             `json:"affected" jsonschema:"How many users and AI agents could do something more or less, of those that you may view."`
	Gaining     int             `json:"gaining" jsonschema:"How many could do something more."`
	Losing      int             `json:"losing" jsonschema:"How many could do something less."`
	Hidden      int             `json:"hidden_profiles,omitzero" jsonschema:"How many of the security profiles concerned you may not view. What they grant is not taken into account."`
	Results     []affectedOut   `json:"results"`
	Differences []differenceOut `json:"differences" jsonschema:"What the results gain and lose; a result names one by its place, from 0."`
	Before      *checkAccessOut `json:"before,omitzero" jsonschema:"The answer to ask_permission as things are."`
	After       *checkAccessOut `json:"after,omitzero" jsonschema:"The answer to ask_permission as things would be."`
	Revision    int64           `json:"revision" jsonschema:"Revision of the instance that would be changed."`
	Next        token           `json:"next_page_token,omitzero" jsonschema:"Give this as page_token for more."`
}

type affectedOut struct {
	Holder
	Difference int `json:"difference" jsonschema:"Place in differences."`
}

type differenceOut struct {
	Gains   []grantedOut `json:"gains"`
	Loses   []grantedOut `json:"loses"`
	Changes []changedOut `json:"changes" jsonschema:"What could be done to other resources than before."`
	Omitted int          `json:"omitted,omitzero" jsonschema:"How many entries are left out because there are many."`
}

type changedOut struct {
	Action   string     `json:"action"`
	Resource string     `json:"resource,omitempty"`
	More     bool       `json:"more" jsonschema:"Whether it could be done to resources to which it cannot now."`
	Less     bool       `json:"less" jsonschema:"Whether it could no longer be done to some."`
	Before   []grantOut `json:"before"`
	After    []grantOut `json:"after"`
}

func (a *asker) whatIf(ctx context.Context, in whatIfIn) (out whatIfOut, err error) {
	q := questions.WhatIf{}
	if q.Page, err = in.page(); err != nil {
		return out, err
	}
	if q.Proposal, err = a.proposal(ctx, &in); err != nil {
		return out, err
	}
	if in.AskPermission == "" && (in.AskSubject != "" || in.AskResource != "") {
		return out, lanyard.Errorf(lanyard.Invalid, "ask_permission is required when ask_subject or ask_resource is given")
	}
	if in.AskPermission != "" {
		if q.Question, err = a.alsoAsked(ctx, &in); err != nil {
			return out, err
		}
	}
	effects, err := a.s.Questions.WhatIf(ctx, a.viewer, q)
	if err != nil {
		return out, err
	}
	if q.Question != nil {
		if err := checkAsked(&q.Question.Query, effects.After); err != nil {
			return out, err
		}
	}
	return effectsOut(&effects), nil
}

// alsoAsked reads the question that is answered as of before and after.
func (a *asker) alsoAsked(ctx context.Context, in *whatIfIn) (q *questions.Question, err error) {
	q = &questions.Question{Explain: true}
	who := in.AskSubject
	if who == "" {
		who = in.User
	}
	if who == "" {
		return nil, lanyard.Errorf(lanyard.Invalid, "ask_subject is required when ask_permission is given and user is not")
	}
	if q.Subject, err = a.subject(ctx, who, ""); err != nil {
		return nil, err
	}
	return q, a.ask(ctx, &q.Query, in.AskPermission, in.AskResource, Described{}, "")
}

// proposal makes the operation and its request.
func (a *asker) proposal(ctx context.Context, in *whatIfIn) (p questions.Proposal, err error) {
	ofProfile := len(in.AddPermissions)+len(in.RemovePermissions) > 0 || in.SetPermissions != nil ||
		in.AccessTags != nil || in.TagTypes != nil || in.GroupTypes != nil || in.Group != nil
	ofUser := len(in.AddProfiles)+len(in.RemoveProfiles) > 0 || in.SetProfiles != nil
	switch {
	case (in.Profile == "") == (in.User == ""):
		return p, lanyard.Errorf(lanyard.Invalid, "profile or user is required, and not both")
	case in.Profile != "" && (ofUser || !ofProfile):
		return p, lanyard.Errorf(lanyard.Invalid, "add_permissions, remove_permissions, set_permissions, "+
			"access_control_tags, tag_restricted_types, hierarchy_restricted_types or hierarchy_group is required when profile "+
			"is given, and nothing about the profiles of a user")
	case in.User != "" && (ofProfile || !ofUser):
		return p, lanyard.Errorf(lanyard.Invalid, "add_profiles, remove_profiles or set_profiles is required when user is given, and "+
			"nothing about a profile")
	case in.Profile != "":
		return a.profileProposal(ctx, in)
	}
	return a.userProposal(ctx, in)
}

// profileProposal makes the request of UpdateSecurityProfile.
func (a *asker) profileProposal(ctx context.Context, in *whatIfIn) (p questions.Proposal, err error) {
	found, err := a.lookup(ctx, access.TypeSecurityProfile, in.Profile)
	if err != nil {
		return p, err
	}
	request := map[string]any{"SecurityProfileId": found.ID}
	set(request, "Permissions", in.SetPermissions)
	set(request, "AllowedAccessControlTags", in.AccessTags)
	set(request, "TagRestrictedResources", in.TagTypes)
	set(request, "HierarchyRestrictedResources", in.GroupTypes)
	if len(in.AddPermissions)+len(in.RemovePermissions) > 0 {
		if in.SetPermissions != nil {
			return p, lanyard.Errorf(lanyard.Invalid, "set_permissions must not be given with add_permissions or remove_permissions")
		}
		if err := a.view.RequireView(access.TypeSecurityProfile, found.ID); err != nil {
			return p, err
		}
		_, now, err := a.s.Control.DescribeSecurityProfile(ctx, control.Call{Caller: a.viewer.Caller}, a.in.ID, found.ID)
		if err != nil {
			return p, err
		}
		if request["Permissions"], err = changed("remove_permissions", now.Permissions, in.AddPermissions,
			in.RemovePermissions); err != nil {
			return p, err
		}
	}
	if in.Group != nil {
		request["AllowedAccessControlHierarchyGroupId"] = ""
		if *in.Group != "" {
			group, err := a.lookup(ctx, access.TypeHierarchyGroup, *in.Group)
			if err != nil {
				return p, err
			}
			request["AllowedAccessControlHierarchyGroupId"] = group.ID
		}
	}
	return a.propose("UpdateSecurityProfile", request)
}

// set puts a value into a request, if there is one.
func set[T any](request map[string]any, member string, value *T) {
	if value != nil {
		request[member] = *value
	}
}

// changed returns a list with some added and others removed, which must be there.
func changed(member string, now, add, remove []string) ([]string, error) {
	out := slices.Clone(now)
	for _, x := range remove {
		i := slices.Index(out, x)
		if i < 0 {
			return nil, lanyard.Errorf(lanyard.Invalid, "%s must be among those that are there, got %s", member, lanyard.Quote(x))
		}
		out = slices.Delete(out, i, i+1)
	}
	for _, x := range add {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out, nil
}

// userProposal makes the request of UpdateUserSecurityProfiles.
func (a *asker) userProposal(ctx context.Context, in *whatIfIn) (p questions.Proposal, err error) {
	found, err := a.lookup(ctx, access.TypeUser, in.User)
	if err != nil {
		return p, err
	}
	var lists [3][]string // to add, to remove, to set
	for i, refs := range [][]string{in.AddProfiles, in.RemoveProfiles, valueOf(in.SetProfiles)} {
		for _, ref := range refs {
			profile, err := a.lookup(ctx, access.TypeSecurityProfile, ref)
			if err != nil {
				return p, err
			}
			lists[i] = append(lists[i], profile.ID)
		}
	}
	ids := append([]string{}, lists[2]...)
	if in.SetProfiles == nil {
		if err := a.view.RequireView(access.TypeUser, found.ID); err != nil {
			return p, err
		}
		now, _ := a.view.ProfilesOf(access.Subject{ID: found.ID})
		if ids, err = changed("remove_profiles", now, lists[0], lists[1]); err != nil {
			return p, err
		}
	} else if len(in.AddProfiles)+len(in.RemoveProfiles) > 0 {
		return p, lanyard.Errorf(lanyard.Invalid, "set_profiles must not be given with add_profiles or remove_profiles")
	}
	return a.propose("UpdateUserSecurityProfiles", map[string]any{"UserId": found.ID, "SecurityProfileIds": ids})
}

func valueOf(list *[]string) []string {
	if list == nil {
		return nil
	}
	return *list
}

func (a *asker) propose(operation string, request map[string]any) (p questions.Proposal, err error) {
	parameters, err := json.Marshal(request, json.Deterministic(true)) // a page token is for the same request only
	if err != nil {
		return p, err
	}
	return questions.NewProposal(operation, parameters, a.in.ID)
}

// maxShown is how many entries of a difference are shown.
const maxShown = 60

func effectsOut(e *questions.Effects) whatIfOut {
	out := whatIfOut{Affected: e.Affected, Gaining: e.Gaining, Losing: e.Losing, Hidden: e.Hidden, Revision: e.Revision,
		Next: token(e.Page.NextToken)}
	for _, r := range e.Results {
		out.Results = append(out.Results, affectedOut{holderOf(r.Holder), r.Difference})
	}
	for i := range e.Differences {
		out.Differences = append(out.Differences, differenceOf(&e.Differences[i]))
	}
	if e.Before != nil && e.After != nil {
		before, after := evaluationOut(e.Before), evaluationOut(e.After)
		out.Before, out.After = &before, &after
	}
	return out
}

func differenceOf(d *questions.Difference) (out differenceOut) {
	left := maxShown
	room := func() bool {
		if left--; left < 0 {
			out.Omitted++
		}
		return left >= 0
	}
	for i := range d.Gains {
		if room() {
			out.Gains = append(out.Gains, grantedOf(&d.Gains[i]))
		}
	}
	for i := range d.Loses {
		if room() {
			out.Loses = append(out.Loses, grantedOf(&d.Loses[i]))
		}
	}
	for _, c := range d.Changes {
		if room() {
			thing := grantedOf(&questions.Granted{Thing: c.Thing})
			out.Changes = append(out.Changes, changedOut{thing.Action, thing.Resource, c.More, c.Less, grantsOf(c.Before),
				grantsOf(c.After)})
		}
	}
	return out
}

func (out whatIfOut) write(w *writer) {
	w.linef("%d affected: %d could do more, %d could do less. Nothing was changed.", out.Affected, out.Gaining, out.Losing)
	if out.Hidden > 0 {
		w.linef("%s that you may not view left out.", count(out.Hidden, "security profile is", "security profiles are"))
	}
	for i := range out.Differences {
		var who []string
		for _, r := range out.Results {
			if r.Difference == i {
				who = append(who, r.Type+" "+r.text())
			}
		}
		w.linef("%s:", strings.Join(who, ", "))
		out.Differences[i].write(w)
	}
	if out.Before != nil && out.After != nil {
		w.linef("Before: %s. %s", out.Before.verdict(), quote(out.Before.Explanation))
		w.linef("After: %s. %s", out.After.verdict(), quote(out.After.Explanation))
	}
	w.more(out.Next)
}

func (d *differenceOut) write(w *writer) {
	for _, g := range d.Gains {
		w.linef("- gains %s through %s", g.text(), grantsText(g.Grants))
	}
	for _, g := range d.Loses {
		w.linef("- loses %s, had through %s", g.text(), grantsText(g.Grants))
	}
	for _, c := range d.Changes {
		extent := map[[2]bool]string{{true, false}: "more", {false, true}: "fewer", {true, true}: "other"}[[2]bool{c.More, c.Less}]
		w.linef("- %s on %s resources: before %s; after %s", grantedOut{Action: c.Action, Resource: c.Resource}.text(),
			extent, grantsText(c.Before), grantsText(c.After))
	}
	if d.Omitted > 0 {
		w.linef("- and %d more", d.Omitted)
	}
}

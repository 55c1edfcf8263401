package questions

import (
	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// A View is a snapshot as somebody sees it.
type View struct {
	*access.Snapshot
	// Viewer is the id of the user who looks. "" may see everything.
	Viewer string
}

// viewPermissions are the permissions that show the resources of a type that lanyard stores.
var viewPermissions = func() map[string]string {
	m := map[string]string{}
	for _, t := range lanyard.Types() {
		if t.View() != "" && t.Name() != "" { // pages and questions do not mention types without a name
			m[t.Name()] = t.View()
		}
	}
	return m
}()

// ViewPermission returns the permission that shows the resources of a type that lanyard stores; "" when none
// does.
func ViewPermission(resourceType string) string { return viewPermissions[resourceType] }

// May reports whether the viewer has a permission on a resource.
func (v View) May(permission string, r access.Resource) bool {
	return v.Viewer == "" ||
		v.Decide(&access.Query{Subject: access.Subject{ID: v.Viewer}, Action: permission, Resource: r}).Allow
}

// Sees reports whether the viewer may view a resource of a type that lanyard stores.
func (v View) Sees(resourceType, id string) bool {
	if v.Viewer == "" {
		return true
	}
	permission := ViewPermission(resourceType)
	if resourceType == access.TypeAIAgent {
		return v.May(permission, access.Resource{})
	}
	return permission != "" && v.May(permission, access.Resource{Type: resourceType, ID: id})
}

// SeesAll reports whether the viewer may view every resource of a type, including those that do not exist.
func (v View) SeesAll(resourceType string) bool {
	if v.Viewer == "" {
		return true
	}
	r := access.Resource{Type: resourceType, New: true}
	if resourceType == access.TypeAIAgent {
		r = access.Resource{}
	}
	return v.May(ViewPermission(resourceType), r)
}

// RequirePermission refuses a viewer who does not have a permission on anything at all.
func (v View) RequirePermission(permission string) error {
	if v.Viewer == "" {
		return nil
	}
	all, _ := v.WhatCan(access.Subject{ID: v.Viewer})
	for _, e := range all {
		if e.Action == permission && e.Type == "" {
			return nil
		}
	}
	return Denied(permission, "no security profile of yours holds it")
}

// RequireView refuses a viewer who may not view a resource. One that does not exist is refused in the same way.
func (v View) RequireView(resourceType, id string) error {
	if v.Sees(resourceType, id) {
		return nil
	}
	return Denied(ViewPermission(resourceType), "your security profiles do not cover "+resourceType+" "+
		lanyard.Quote(id)+", or it does not exist")
}

// Denied is a refusal for want of a permission.
func Denied(permission, why string) error {
	return &lanyard.Error{Kind: lanyard.Denied, Permission: permission, Message: "you are not allowed " + permission +
		": " + why}
}

// ID returns the id in an id or an ARN of this instance.
func (v View) ID(ref string) (string, error) {
	if !lanyard.IsARN(ref) {
		return ref, nil
	}
	a, err := lanyard.ParseARN(ref)
	if err != nil || !a.MayBeOf(v.Instance()) {
		return "", lanyard.Errorf(lanyard.NotFound, "%q is not of this instance", lanyard.Clip(ref))
	}
	return a.ID, nil
}

// sight returns what the viewer may see; nil for everything.
func (v View) sight() access.Sight {
	if v.Viewer == "" {
		return nil
	}
	return func(resourceType, id string) bool { return v.Sees(storedName(resourceType), id) }
}

// storedName returns the name of a type that a question may call by another.
func storedName(name string) string {
	if t, ok := lanyard.RestrictedType(name); ok {
		return t
	}
	return name
}

// asksAboutSelf reports whether a question is about the viewer alone.
func (v View) asksAboutSelf(s access.Subject) bool {
	if s.Type != access.User {
		return false
	}
	id, ok := v.LookupUser(s.ID)
	return ok && id == v.Viewer
}

// requireSubject refuses a viewer who may not view the subject of a question.
func (v View) requireSubject(s access.Subject) error {
	switch {
	case v.Viewer == "":
		return nil
	case s.Type == access.User:
		return v.RequireView(access.TypeUser, s.ID)
	case s.Type != access.AIAgent:
		return malformed("subject.type must be %s or %s", typeUser, typeAgent)
	}
	if err := v.RequireView(access.TypeAIAgent, s.ID); err != nil || s.Human == "" {
		return err
	}
	return v.RequireView(access.TypeUser, s.Human)
}

// requireHeld refuses a viewer who may not view the subject of a question and every security profile that it
// holds, which the answer names.
func (v View) requireHeld(s access.Subject) error {
	if v.Viewer == "" || v.asksAboutSelf(s) {
		return nil
	}
	if err := v.requireSubject(s); err != nil {
		return err
	}
	profiles, _ := v.ProfilesOf(s)
	if s.Human != "" {
		more, _ := v.ProfilesOf(access.Subject{ID: s.Human})
		profiles = append(profiles, more...)
	}
	for _, p := range profiles {
		if err := v.RequireView(access.TypeSecurityProfile, p); err != nil {
			return err
		}
	}
	return nil
}

// requireResource refuses a viewer who may not view what a question is about: by whom it can be reached, and why,
// gives its tags and its group away. Nobody needs a right to ask about themselves.
func (v View) requireResource(q *access.Query) error {
	r := &q.Resource
	if v.Viewer == "" || r.ID == "" || r.Type == access.TypeAIAgent || r.New {
		return nil
	}
	t := storedName(r.Type)
	if ViewPermission(t) == "" ||
		r.Type == access.TypeFlowModule && (q.Action == "" || q.Action == access.ActionInvoke) {
		return nil
	}
	if id, ok := v.LookupUser(r.ID); t == access.TypeUser && ok && id == v.Viewer {
		return nil
	}
	return v.RequireView(t, r.ID)
}

// requireQuestion refuses a viewer who may not ask a question. Whoever may not view what it is about is told
// nothing of that, not even of themselves.
func (v View) requireQuestion(q *Question) error {
	switch {
	case v.Viewer == "":
		return nil
	case q.Explain:
		if err := v.requireHeld(q.Subject); err != nil {
			return err
		}
	case !v.asksAboutSelf(q.Subject):
		if err := v.requireSubject(q.Subject); err != nil {
			return err
		}
	}
	return v.requireResource(&q.Query)
}

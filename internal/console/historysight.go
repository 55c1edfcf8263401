package console

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/laxjson"
	"github.com/lanyard/lanyard/internal/questions"
)

// A changeSight decides what the viewer may see of changes, also of what does not exist any more.
type changeSight struct {
	s       *Server
	v       *viewer
	tags    map[lanyard.Ref]map[string]string // the last ones of what was deleted
	deleted int                               // how many deletions were looked for
	// passwords has events count that gave a password.
	passwords bool
}

// nothing is an id that no resource has.
const nothing = "00000000-0000-0000-0000-000000000000"

// hide returns what is looked for in the place of a resource: nothing, where the viewer may not view it. Reading the
// changes of a hidden resource only to filter them out would take longer than finding none of one that never existed.
func (g *changeSight) hide(ctx context.Context, about lanyard.Ref) (lanyard.Ref, error) {
	if g.v.Viewer == "" || about.Type == lanyard.TypeAIAgent || about.Type == lanyard.TypeStructure {
		return about, nil // there is no single one of these that is hidden
	}
	name := about.Type.Name()
	d := g.v.Decide(&access.Query{Subject: access.Subject{ID: g.v.Viewer}, Action: questions.ViewPermission(name),
		Resource: access.Resource{Type: name, ID: about.ID}})
	if !d.Allow && d.Reason != access.UnknownResource {
		about.ID = nothing
	}
	shown, err := g.sees(ctx, lanyard.Change{Type: about.Type, ID: about.ID})
	if !shown {
		about.ID = nothing
	}
	return about, err
}

// filter leaves in an event the changes that the viewer may see, and reports whether there are any.
func (g *changeSight) filter(ctx context.Context, e *lanyard.Event, about lanyard.Ref) (bool, error) {
	is := func(c lanyard.Change) bool {
		whole, err := wholeOf(c)
		return err == nil && (about.Type == "" || whole.Type == about.Type) && (about.ID == "" || whole.ID == about.ID)
	}
	if g.v.Viewer == "" {
		if about.Type == "" {
			return true, nil
		}
		first := slices.DeleteFunc(slices.Clone(e.Changes), func(c lanyard.Change) bool { return !is(c) })
		rest := slices.DeleteFunc(slices.Clone(e.Changes), is)
		e.Changes = append(first, rest...)
		given := g.passwords &&
			slices.ContainsFunc(e.Passwords, func(p lanyard.PasswordSet) bool { return is(passwordOf(p)) })
		return len(first) > 0 || given, nil
	}
	if e.Refused != "" {
		return false, nil
	}
	var kept []lanyard.Change
	whole := true
	for _, c := range e.Changes {
		if !is(c) || isOfValues(c) {
			continue
		}
		ok, err := g.sees(ctx, c)
		if err != nil {
			return false, err
		}
		if ok {
			if c.Before, err = g.v.shown(c.Type, c.Before); err == nil {
				c.After, err = g.v.shown(c.Type, c.After)
			}
			if err != nil {
				return false, err
			}
			whole = whole && g.v.showsWhole(c.Type)
			kept = append(kept, c)
		}
	}
	given := slices.Clone(e.Passwords)
	for i := len(given) - 1; i >= 0; i-- {
		ok, err := is(passwordOf(given[i])), error(nil)
		if ok {
			ok, err = g.sees(ctx, passwordOf(given[i]))
		}
		if err != nil {
			return false, err
		}
		if !ok {
			given = slices.Delete(given, i, i+1)
		}
	}
	if len(kept) < len(e.Changes) || len(given) < len(e.Passwords) || !whole {
		e.Request = nil // it is about what is not shown, too
	}
	e.Changes, e.Passwords = kept, given
	return len(kept) > 0 || g.passwords && len(given) > 0, nil
}

// passwordOf returns the user whose password was set, as a change without documents.
func passwordOf(p lanyard.PasswordSet) lanyard.Change {
	return lanyard.Change{Type: lanyard.TypeUser, ID: p.User}
}

// partNames are what history calls parts of resources, whose changes are shown with those of what they are parts of.
var partNames = map[lanyard.Type]string{lanyard.TypeDataTableAttribute: "DataTableAttribute"}

// shownName is what history calls a type; "" when it does not show it.
func shownName(t lanyard.Type) string { return cmp.Or(t.Name(), partNames[t]) }

// wholeOf is the resource that a change is about: of a part, what that is a part of.
func wholeOf(c lanyard.Change) (lanyard.Ref, error) {
	if c.Type != lanyard.TypeDataTableAttribute {
		return lanyard.Ref{Type: c.Type, ID: c.ID}, nil
	}
	doc := c.After
	if len(doc) == 0 {
		doc = c.Before
	}
	var a struct{ Table string }
	err := laxjson.Unmarshal(doc, &a)
	return lanyard.Ref{Type: lanyard.TypeDataTable, ID: a.Table}, err
}

// ofValues are the members of documents that change with the values of a data table, of which some may be hidden.
var ofValues = map[lanyard.Type][]string{
	lanyard.TypeDataTable: {"Lock", "Values"}, lanyard.TypeDataTableAttribute: {"Lock"},
}

// isOfValues reports whether nothing but values of a data table changed.
func isOfValues(c lanyard.Change) bool {
	if ofValues[c.Type] == nil || len(c.Before) == 0 || len(c.After) == 0 {
		return false
	}
	docs, err := bare([]lanyard.Change{c})
	return err == nil && bytes.Equal(docs[0].Before, docs[0].After)
}

func (g *changeSight) sees(ctx context.Context, c lanyard.Change) (bool, error) {
	whole, err := wholeOf(c)
	if err != nil {
		return false, err
	}
	c.Type, c.ID = whole.Type, whole.ID
	name := c.Type.Name()
	switch {
	case c.Type == lanyard.TypeStructure:
		return g.v.May(questions.ViewPermission(access.TypeHierarchyGroup), access.Resource{}), nil
	case questions.ViewPermission(name) == "":
		return false, nil
	case c.Type == lanyard.TypeAIAgent:
		return g.v.Sees(name, c.ID), nil
	}
	d := g.v.Decide(&access.Query{Subject: access.Subject{ID: g.v.Viewer}, Action: questions.ViewPermission(name),
		Resource: access.Resource{Type: name, ID: c.ID}})
	if d.Reason != access.UnknownResource {
		return d.Allow, nil
	}
	// It was deleted: its last tags count, and of a user the last group.
	ref := lanyard.Ref{Type: c.Type, ID: c.ID}
	tags, ok := g.tags[ref]
	if !ok {
		var err error
		tags, err = g.s.Control.ListTagsForResource(ctx, g.v.call, g.s.Control.ARN(g.v.in, c.Type, c.ID))
		if err != nil && !errors.Is(err, lanyard.ErrNotFound) {
			return false, err
		}
		g.tags[ref] = tags
	}
	r := access.Resource{Type: name, New: true, Tags: tags}
	if c.Type == lanyard.TypeUser {
		var err error
		if r.Group, ok, err = g.group(ctx, ref); err != nil || !ok {
			return false, err
		}
	}
	return g.v.May(questions.ViewPermission(name), r), nil
}

// group returns the group that a deleted user was in last, which its deletion tells. It is not found when that lies
// too far back.
func (g *changeSight) group(ctx context.Context, ref lanyard.Ref) (group string, ok bool, err error) {
	last, err := g.last(ctx, ref)
	if err != nil || len(last.Before) == 0 {
		return "", false, err
	}
	var was struct{ Group string }
	err = laxjson.Unmarshal(last.Before, &was)
	return was.Group, err == nil, err
}

package control

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/store"
)

// guard is a transaction on behalf of a principal. It refuses every change that the principal's profiles, as
// they are before the transaction, do not allow.
type guard struct {
	store.Tx
	*acting
	snapshot *access.Snapshot
	strict   bool
	had      []lanyard.Ref // what the resource that the call is about refers to already
	tables   map[string]*tableView
	made     []lanyard.Ref // what the transaction made, which parts may be added to
}

// guard returns tx, guarded when call is on behalf of a user.
func (s *Service) guard(ctx context.Context, call Call, instance string, tx store.Tx) (store.Tx, error) {
	if call.acting == nil {
		return tx, nil
	}
	revision, err := tx.Revision(ctx)
	if err != nil {
		return nil, err
	}
	snapshot, err := s.engine.Snapshot(ctx, instance)
	if err != nil {
		return nil, err
	}
	// What was changed just now may be known to the transaction alone.
	edit := snapshot.Edit()
	for after := snapshot.Revision(); after < revision; {
		events, err := tx.Events(ctx, after, 500)
		if err != nil {
			return nil, err
		}
		if len(events) == 0 {
			return nil, lanyard.Errorf(lanyard.Internal, "instance %s has no event after revision %d, but is at %d", instance,
				after, revision)
		}
		for i := range events {
			if err := edit.Apply(&events[i]); err != nil {
				return nil, err
			}
		}
		after = events[len(events)-1].Revision
		snapshot = edit.Snapshot(after)
	}
	return &guard{Tx: tx, acting: call.acting, snapshot: snapshot, strict: s.strict}, nil
}

// Get notes what the resource that the call is about refers to: that may stay.
func (g *guard) Get(ctx context.Context, t lanyard.Type, id string) (lanyard.Resource, error) {
	r, err := g.Tx.Get(ctx, t, id)
	if err == nil && (t == g.right.Type && id == g.right.Ref || t == lanyard.TypeAIAgent) {
		g.had = append(g.had, shownRefs(r)...)
	}
	return r, err
}

// shownRefs are the references that everybody who may view a resource is shown. Lists of others, such as the queues
// of a routing profile, show what the viewer may view.
func shownRefs(r lanyard.Resource) []lanyard.Ref {
	switch r := r.(type) {
	case *lanyard.RoutingProfile:
		return []lanyard.Ref{{Type: lanyard.TypeQueue, ID: r.DefaultQueue}}
	case *lanyard.Queue:
		return append([]lanyard.Ref{{Type: lanyard.TypeHours, ID: r.Hours}}, r.Uses...)
	case *lanyard.Hours:
		return nil
	}
	return r.Refs()
}

// Put checks what is replaced and what replaces it.
func (g *guard) Put(ctx context.Context, r lanyard.Resource) error {
	var before lanyard.Resource
	if r.Head().Seq != 0 {
		var err error
		if before, err = g.Get(ctx, r.Type(), r.Head().ID); err != nil {
			return err
		}
	}
	if err := g.checkChange(ctx, before, r); err != nil {
		return err
	}
	if before == nil {
		g.made = append(g.made, lanyard.Ref{Type: r.Type(), ID: r.Head().ID})
	}
	return g.Tx.Put(ctx, r)
}

// Delete checks what is deleted.
func (g *guard) Delete(ctx context.Context, t lanyard.Type, id string) error {
	before, err := g.Get(ctx, t, id)
	if err != nil {
		return err
	}
	if err := g.checkChange(ctx, before, nil); err != nil {
		return err
	}
	return g.Tx.Delete(ctx, t, id)
}

// mayName reports whether the user may be told of a resource: a part of another belongs to that.
func (g *guard) mayName(ctx context.Context, t lanyard.Type, id string) bool {
	if t.Whole() != "" || wholeOf(lanyard.New(t)).Type != "" {
		part, err := g.Tx.Get(ctx, t, id)
		if err != nil {
			return false
		}
		whole := wholeOf(part)
		return g.views(g.snapshot, whole.Type, whole.ID)
	}
	return g.views(g.snapshot, t, id)
}

// checkChange decides about both ends of a change; either may be nil.
func (g *guard) checkChange(ctx context.Context, before, after lanyard.Resource) error {
	for _, r := range []lanyard.Resource{before, after} {
		if r != nil && r.Type() == lanyard.TypeClientToken {
			return nil // it is of the call, and nothing that anybody has a right to
		}
	}
	if _, ok := cmp.Or(before, after).(*lanyard.DataTableRow); ok {
		for _, r := range []lanyard.Resource{before, after} {
			if r == nil {
				continue
			}
			if err := g.checkRow(ctx, r.(*lanyard.DataTableRow)); err != nil {
				return err
			}
		}
		return nil
	}
	if whole := wholeOf(cmp.Or(before, after)); whole.Type != "" { // the right to change the whole covers its parts
		if slices.Contains(g.made, whole) {
			return nil
		}
		r := access.Resource{Type: whole.Type.DecisionName(), ID: whole.ID}
		if d := g.denied(g.snapshot, g.decide(g.snapshot, g.right.Permission, r), r); d != nil {
			return d
		}
		return nil
	}
	if before != nil {
		t := before.Type()
		r := access.Resource{Type: t.DecisionName(), ID: before.Head().ID}
		if r.Type == "" {
			r.ID = ""
		}
		if d := g.denied(g.snapshot, g.decide(g.snapshot, g.right.Permission, r), r); d != nil {
			return d
		}
	}
	if after != nil {
		r := access.Resource{Type: after.Type().DecisionName()}
		if r.Type != "" {
			r.New, r.Tags = true, after.Head().Tags
		}
		if u, ok := after.(*lanyard.User); ok {
			r.Group = u.Group
		}
		if d := g.denied(g.snapshot, g.decide(g.snapshot, g.right.Permission, r), r); d != nil {
			return d
		}
	}
	if d := g.attach(before, after); d != nil {
		return d
	}
	if g.strict {
		return g.checkStrict(ctx, before, after)
	}
	return nil
}

// wholeOf is the resource that a resource is a part of: a flow module or a data table. It is zero for those that are no
// part of another.
func wholeOf(r lanyard.Resource) lanyard.Ref {
	switch r := r.(type) {
	case *lanyard.ModuleVersion:
		return lanyard.Ref{Type: lanyard.TypeModule, ID: r.Module}
	case *lanyard.ModuleAlias:
		return lanyard.Ref{Type: lanyard.TypeModule, ID: r.Module}
	case *lanyard.DataTableAttribute:
		return lanyard.Ref{Type: lanyard.TypeDataTable, ID: r.Table}
	case *lanyard.FlowAssociation: // it is what the flow is for
		return lanyard.Ref{Type: lanyard.TypeFlow, ID: oneText(r.Doc(), "FlowId")}
	case lanyard.Documented:
		if d := r.Doc(); d.Whole != "" {
			return lanyard.Ref{Type: r.Type().Whole(), ID: d.Whole}
		}
	}
	return lanyard.Ref{}
}

// also asks for one more permission than the operation's own, of the user on whose behalf tx changes
// anything, if there is one.
func also(tx store.Tx, permission string, r access.Resource) error {
	g, ok := tx.(*guard)
	if !ok {
		return nil
	}
	a := acting{user: g.user, agent: g.agent, known: g.known, right: Right{Permission: permission}}
	if d := a.denied(g.snapshot, a.decide(g.snapshot, permission, r), r); d != nil {
		return d
	}
	return nil
}

// attach refuses to refer to what the user can neither see nor pick from a list. What is referred
// to already stays, and the right to change a resource includes the right to remove references from it.
func (g *guard) attach(before, after lanyard.Resource) *denial {
	if after == nil {
		return nil
	}
	var had []lanyard.Ref
	if before != nil {
		had = before.Refs()
	}
	if q, ok := before.(*lanyard.QuickConnect); ok {
		had = append(had, lanyard.Ref{Type: lanyard.TypeUser, ID: q.User})
	}
	refs := after.Refs()
	if q, ok := after.(*lanyard.QuickConnect); ok && q.User != "" { // which is no Ref: it may be deleted
		refs = append(refs, lanyard.Ref{Type: lanyard.TypeUser, ID: q.User})
	}
	for _, ref := range refs {
		if slices.Contains(had, ref) || ref.Type == lanyard.TypePredefinedAttribute { // who edits users is offered all
			continue
		}
		if d := g.use(ref); d != nil {
			return d
		}
	}
	return nil
}

// use refuses what the user can neither see nor pick from a list. Whether it exists is told only to those
// who may see everything of the type, or pick from everything.
func (g *guard) use(ref lanyard.Ref) *denial {
	r := access.Resource{Type: ref.Type.DecisionName(), ID: ref.ID}
	if r.Type == "" { // decisions do not know it by id
		if ref.Type.View() == "" {
			return nil // no permission shows what everybody may pick from
		}
		r.ID = ""
	}
	every := access.Resource{Type: r.Type, New: true}
	for _, permission := range []string{access.ActionReference, ref.Type.View()} {
		d := g.decide(g.snapshot, permission, r)
		if d.Allow || d.Reason == access.UnknownResource && g.decide(g.snapshot, permission, every).Allow {
			return nil
		}
	}
	return &denial{message: fmt.Sprintf("%s is not allowed to use %s %s: %s neither show nor offer it, or it does not exist",
		g.name(), ref.Type.Word(), lanyard.Quote(ref.ID), g.profiles())}
}

// mayUse asks the guard of a transaction, if there is one, before what a parameter names is looked at.
func mayUse(r store.Reader, ref lanyard.Ref) error {
	if g, ok := r.(*guard); ok && !slices.Contains(g.had, ref) {
		if d := g.use(ref); d != nil {
			return d
		}
	}
	return nil
}

// checkStrict refuses to change the user's own rights, and to grant anything that the user's
// profiles do not hold, over as much as they hold it.
func (g *guard) checkStrict(ctx context.Context, before, after lanyard.Resource) error {
	switch after := after.(type) {
	case *lanyard.Profile:
		old, _ := before.(*lanyard.Profile)
		if old != nil && g.snapshot.Holds(g.user, old.ID) {
			return &denial{message: fmt.Sprintf("user %s holds security profile %s; users must not change their own profiles (strict)",
				lanyard.Quote(g.user), lanyard.Quote(old.Name))}
		}
		h := access.Handover{After: access.Holding{Profiles: []*lanyard.Profile{after}}, Anybody: true}
		if old != nil {
			h.Before.Profiles = []*lanyard.Profile{old}
		}
		return g.checkGrant(h)
	case *lanyard.User:
		old, _ := before.(*lanyard.User)
		if old == nil {
			old = new(lanyard.User)
		} else if old.ID == g.user &&
			(!slices.Equal(old.Profiles, after.Profiles) || old.Group != after.Group || !maps.Equal(old.Tags, after.Tags)) {
			return &denial{message: fmt.Sprintf("user %s must not change their own security profiles, hierarchy group or tags (strict)",
				lanyard.Quote(g.user))}
		}
		return g.assign(ctx, held{old.Profiles, old.Group}, held{after.Profiles, after.Group})
	case *lanyard.AIAgent:
		old, _ := before.(*lanyard.AIAgent)
		if old == nil {
			old = new(lanyard.AIAgent)
		}
		return g.assign(ctx, held{profiles: old.Profiles}, held{profiles: after.Profiles})
	case nil:
		if old, ok := before.(*lanyard.AIAgent); ok {
			return g.assign(ctx, held{profiles: old.Profiles}, held{})
		}
	}
	return nil
}

// held is what a user or an AI agent holds: profiles, by id, in a hierarchy group.
type held struct {
	profiles []string
	group    string
}

// assign checks a change of what somebody holds. It is compared as a whole: in another group a profile
// for the holder's own group reaches others, and reports combine profiles.
func (g *guard) assign(ctx context.Context, had, has held) error {
	if slices.Equal(had.profiles, has.profiles) && had.group == has.group {
		return nil
	}
	before, err := g.holding(ctx, had)
	if err != nil {
		return err
	}
	after, err := g.holding(ctx, has)
	if err != nil {
		return err
	}
	refused := g.checkGrant(access.Handover{Before: before, After: after})
	unseen := func(id string) bool { return !g.views(g.snapshot, lanyard.TypeProfile, id) }
	if refused != nil && slices.ContainsFunc(slices.Concat(had.profiles, has.profiles), unseen) {
		// What is in a profile is for those who may view it.
		return &denial{message: fmt.Sprintf("%s is not allowed to assign these security profiles: they grant what the "+
			"user does not hold, or holds over less (strict)", g.name())}
	}
	return refused
}

func (g *guard) holding(ctx context.Context, h held) (access.Holding, error) {
	out := access.Holding{Group: h.group}
	for _, id := range h.profiles {
		r, err := g.Get(ctx, lanyard.TypeProfile, id)
		if err != nil {
			return access.Holding{}, err
		}
		out.Profiles = append(out.Profiles, r.(*lanyard.Profile))
	}
	return out, nil
}

// checkGrant refuses a handover that would give away more than the user holds.
func (g *guard) checkGrant(h access.Handover) error {
	if g.agent != "" {
		return &denial{message: fmt.Sprintf("%s is not allowed to change security profiles or who holds them: AI agents "+
			"grant nothing (strict)", g.name())}
	}
	if what, more := g.snapshot.Exceeds(g.user, h); more {
		return &denial{message: fmt.Sprintf("user %s is not allowed to grant %s: they do not hold it themselves, or hold it over "+
			"less (strict)", lanyard.Quote(g.user), what)}
	}
	return nil
}

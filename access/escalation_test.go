package access_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// When Exceeds finds nothing, whoever is given the profiles can do nothing that neither the giver can do
// nor they could before: on resources, in pick-lists, with contacts, in reports.
func TestExceedsIsSound(t *testing.T) {
	passed, refused, asked := map[string]int{}, map[string]int{}, 0
	for round := range uint64(1500) {
		g := newGenerator(round)
		edit := access.Empty("i").Edit()
		edit.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
		for range 30 {
			g.change(edit)
		}
		giver := g.w.users[key(g, g.w.users)]
		if giver == nil || len(giver.Profiles) == 0 {
			continue
		}
		for i := range 24 {
			g.next++
			what := []string{"grant", "edit", "assign", "move"}[i%4]
			h := g.handover(what, giver)
			for _, p := range append(h.Before.Profiles, h.After.Profiles...) {
				edit.Put(p)
			}
			edit.Put(&lanyard.User{Meta: lanyard.Meta{ID: "had", Name: "had"}, Profiles: ids(h.Before, h.beside),
				Group: h.wasIn})
			edit.Put(&lanyard.User{Meta: lanyard.Meta{ID: "holder", Name: "holder"}, Profiles: ids(h.After, h.beside),
				Group: h.isIn})
			s := edit.Snapshot(1)
			if _, more := s.Exceeds(giver.ID, h.Handover); more {
				refused[what]++
				continue
			}
			passed[what]++
			for range 100 {
				q := g.query()
				if strings.HasPrefix(q.Action, "Restrict") {
					continue // to be restricted is no right
				}
				if q.Surface == access.Reports && len(h.beside) > 0 {
					continue // where profiles do not add up
				}
				may := func(user string) bool {
					q := q
					q.Subject = access.Subject{ID: user}
					return s.Decide(&q).Allow
				}
				asked++
				if may("holder") && !may(giver.ID) && !may("had") {
					t.Fatalf("round %d, %s: %s of %+v gave to a user in %q what they had in %q\nafter %s\nbefore %s\nalongside %q, who then may %+v", round, what,
						giver.ID, giver.Profiles, h.isIn, h.wasIn, spelled(h.After), spelled(h.Before), h.beside, q)
				}
			}
		}
	}
	for _, what := range []string{"grant", "edit", "assign", "move"} {
		if passed[what] < 500 || refused[what] < 500 {
			t.Errorf("%s: %d passed and %d refused; the test needs many of both", what, passed[what], refused[what])
		}
	}
	t.Logf("passed %v, refused %v, %d decisions compared", passed, refused, asked)
}

// A handover is what somebody gives to somebody.
type handover struct {
	access.Handover
	wasIn, isIn string   // the groups of who gets it, which Exceeds is told of a known holder only
	beside      []string // ids of what they hold besides, which Exceeds is not told of
}

// handover makes a random one.
func (g *generator) handover(what string, giver *lanyard.User) (h handover) {
	group := func() string {
		g.next++
		if g.IntN(4) == 0 {
			return ""
		}
		return key(g, g.w.groups)
	}
	h.isIn = group()
	h.wasIn = h.isIn
	like := func(id string) *lanyard.Profile { // what the giver holds, or nearly
		p := lanyard.Clone(g.w.profiles[giver.Profiles[g.IntN(len(giver.Profiles))]])
		p.ID = id
		if len(p.Permissions) > 0 && g.IntN(2) == 0 {
			p.Permissions = p.Permissions[1:]
		}
		return p
	}
	of := func(p ...*lanyard.Profile) access.Holding { return access.Holding{Profiles: p} }
	h.Anybody = what == "grant" || what == "edit"
	switch what {
	case "grant":
		h.After, h.Before = of(like("after")), of()
		if g.IntN(3) == 0 {
			h.After = of(g.profile("after"))
		}
	case "edit":
		before := g.profile("before")
		after := lanyard.Clone(before)
		after.ID, after.Permissions = "after", some(g, 5, before.Permissions...)
		switch g.IntN(4) {
		case 0:
			after.HierarchyRestricted, after.HierarchyGroup = []string{"User"}, key(g, g.w.groups)
		case 1:
			after.AccessTags, after.TagRestricted = g.tags(), some(g, 3, "User", "Queue", "Widget")
		case 2:
			after.Permissions = append(after.Permissions, pick(g, actions...))
		}
		h.After, h.Before = of(after), of(before)
		if g.IntN(2) == 0 {
			h.beside = g.held()
		}
	default: // of a holder who is known
		had := g.held()
		has := append([]string{}, had...)
		if what == "move" {
			h.isIn = group()
		} else {
			has = some(g, 3, append(has, giver.Profiles...)...)
		}
		h.Before, h.After = access.Holding{Group: h.wasIn}, access.Holding{Group: h.isIn}
		for _, id := range had {
			h.Before.Profiles = append(h.Before.Profiles, g.w.profiles[id])
		}
		slices.Sort(has)
		for _, id := range slices.Compact(has) {
			h.After.Profiles = append(h.After.Profiles, g.w.profiles[id])
		}
	}
	if what == "grant" && g.IntN(2) == 0 {
		h.beside = g.held()
	}
	return h
}

// ids are those of all that somebody holds.
func ids(h access.Holding, beside []string) []string {
	var all []string
	for _, p := range h.Profiles {
		all = append(all, p.ID)
	}
	return append(all, beside...)
}

func spelled(h access.Holding) string {
	out := ""
	for _, p := range h.Profiles {
		out += fmt.Sprintf("%+v; ", *p)
	}
	return out
}

func TestExceeds(t *testing.T) {
	edit := access.Empty("i").Edit()
	put := func(r lanyard.Resource) { edit.Put(r) }
	put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	put(&lanyard.Group{Meta: lanyard.Meta{ID: "eu"}, Path: []string{"eu"}})
	put(&lanyard.Group{Meta: lanyard.Meta{ID: "fr"}, Path: []string{"eu", "fr"}})
	put(&lanyard.Group{Meta: lanyard.Meta{ID: "us"}, Path: []string{"us"}})
	for _, id := range []string{"m", "n"} {
		put(&lanyard.Module{Meta: lanyard.Meta{ID: id, Name: id}})
	}
	plain := &lanyard.Profile{Meta: lanyard.Meta{ID: "plain"},
		Permissions:  []string{"Users.View", "Queues.View", "SelfAssignContacts.Access"},
		Applications: []lanyard.Application{{Namespace: "gw", Type: "MCP", Permissions: []string{"a"}}},
		FlowModules:  []lanyard.FlowModule{{ID: "m"}}}
	tagged := &lanyard.Profile{Meta: lanyard.Meta{ID: "tagged"}, Permissions: []string{"Users.Edit", "BasicAgentAccess"},
		AccessTags: map[string]string{"Country": "FR"}, TagRestricted: []string{"User"}}
	scoped := &lanyard.Profile{Meta: lanyard.Meta{ID: "scoped"},
		Permissions: []string{"Users.Delete", "RestrictPhoneTypeSettings.Access"}, HierarchyRestricted: []string{"User"}}
	for _, p := range []*lanyard.Profile{plain, tagged, scoped} {
		put(p)
	}
	put(&lanyard.User{Meta: lanyard.Meta{ID: "ann", Name: "ann.name"}, Profiles: []string{"plain", "tagged", "scoped"},
		Group: "eu"})
	s := edit.Snapshot(1)

	profile := func(change func(*lanyard.Profile), permissions ...string) *lanyard.Profile {
		p := &lanyard.Profile{Meta: lanyard.Meta{ID: "new"}, Permissions: permissions}
		change(p)
		return p
	}
	permission := func(name string) access.Excess { return access.Excess{Thing: access.Thing{Action: name}} }
	lifted := func(name string) access.Excess { return access.Excess{Thing: access.Thing{Action: name}, Lifted: true} }
	none := func(*lanyard.Profile) {}
	tags := func(p *lanyard.Profile) {
		p.AccessTags, p.TagRestricted = map[string]string{"Country": "FR", "Team": "1"}, []string{"User", "Queue"}
	}
	scope := func(group string) func(*lanyard.Profile) {
		return func(p *lanyard.Profile) { p.HierarchyRestricted, p.HierarchyGroup = []string{"User"}, group }
	}
	for _, tt := range []struct {
		name          string
		after, before *lanyard.Profile
		group         string
		want          access.Excess
	}{
		{name: "nothing", after: profile(none)},
		{name: "what is held", after: profile(none, "Users.View")},
		{name: "what is not held", after: profile(none, "Users.View", "Users.Create"), want: permission("Users.Create")},
		{name: "held for a tag, given for all", after: profile(none, "Users.Edit"), want: permission("Users.Edit")},
		{name: "held for a tag, given for it and one more", after: profile(tags, "Users.Edit")},
		{name: "held for own group, given for all", after: profile(none, "Users.Delete"), want: permission("Users.Delete")},
		{name: "held for own group, given for one below", after: profile(scope("fr"), "Users.Delete")},
		{name: "held for own group, given for another", after: profile(scope("us"), "Users.Delete"),
			want: permission("Users.Delete")},
		{name: "held for own group, given for the holder's, unknown", after: profile(scope(""), "Users.Delete"),
			want: permission("Users.Delete")},
		{name: "held for own group, given for the holder's, below", after: profile(scope(""), "Users.Delete"), group: "fr"},
		{name: "held for own group, given for the holder's, elsewhere", after: profile(scope(""), "Users.Delete"),
			group: "us", want: permission("Users.Delete")},
		{name: "was there before", after: profile(none, "Users.Create"),
			before: profile(none, "Users.Create", "Prompts.View")},
		{name: "was there before for fewer", after: profile(none, "Users.Create"), before: profile(tags, "Users.Create"),
			want: permission("Users.Create")},
		{name: "a tool", after: profile(func(p *lanyard.Profile) {
			p.Applications = []lanyard.Application{{Namespace: "gw", Type: "MCP", Permissions: []string{"a", "b"}}}
		}), want: access.Excess{Thing: access.Thing{Action: "b", Type: access.TypeApplication, On: "gw"}}},
		{name: "a module", after: profile(func(p *lanyard.Profile) {
			p.FlowModules = []lanyard.FlowModule{{ID: "m"},
				{ID: "n"}}
		}), want: access.Excess{Thing: access.Thing{Action: access.ActionInvoke, Type: access.TypeFlowModule,
			On: "n"}}},
		{name: "an AI agent",
			after: profile(func(p *lanyard.Profile) { p.AIAgents = []lanyard.AllowedAIAgent{{ARN: "arn:x"}} }),
			want:  access.Excess{Thing: access.Thing{Action: access.ActionHandOff, Type: access.TypeAIAgent, On: "arn:x"}}},
		{name: "a restriction is no grant", after: profile(none, "RestrictTaskCreation.Access")},
		{name: "a restriction that binds the giver too is taken away", after: profile(none),
			before: profile(none, "RestrictPhoneTypeSettings.Access"), want: lifted("RestrictPhoneTypeSettings.Access")},
		{name: "one of contacts that the giver does not search", after: profile(none),
			before: profile(none, "RestrictContactAccessByHierarchy.View"),
			want:   lifted("RestrictContactAccessByHierarchy.View")},
		{name: "one that does not bind the giver, who holds what it restricts", after: profile(none),
			before: profile(none, "RestrictTaskCreation.Access")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, more := s.Exceeds("ann.name", handed(tt.before, tt.after, tt.group))
			if got != tt.want || more != (got != access.Excess{}) {
				t.Errorf("Exceeds = %+v, %v; want %+v", got, more, tt.want)
			}
		})
	}
	if got, more := s.Exceeds("nobody", handed(nil, plain, "")); !more || got.String() != "anything" {
		t.Errorf("somebody who does not exist may grant all but %v", got)
	}
}

// handed is a handover of one profile for another, in a group or else by anybody.
func handed(before, after *lanyard.Profile, group string) access.Handover {
	holding := func(p *lanyard.Profile) access.Holding {
		if p == nil {
			return access.Holding{Group: group}
		}
		return access.Holding{Group: group, Profiles: []*lanyard.Profile{p}}
	}
	return access.Handover{Before: holding(before), After: holding(after), Anybody: group == ""}
}

func TestExcessString(t *testing.T) {
	for _, tt := range []struct {
		excess access.Excess
		want   string
	}{
		{access.Excess{}, "anything"},
		{access.Excess{Thing: access.Thing{Action: "Users.View"}}, "Users.View"},
		{access.Excess{Thing: access.Thing{Action: "Users.View"}, Extent: access.InReports}, "Users.View in reports"},
		{access.Excess{Thing: access.Thing{Action: "SelfAssignContacts.Access"}, Extent: access.Unrestricted},
			"SelfAssignContacts.Access without what restricts it"},
		{access.Excess{Thing: access.Thing{Action: "RestrictTaskCreation.Access"}, Lifted: true},
			"the absence of RestrictTaskCreation.Access"},
		{access.Excess{Thing: access.Thing{Action: access.ActionReference, Type: "User"}}, "User in pick-lists"},
		{access.Excess{Thing: access.Thing{Action: access.ActionReference, Type: "User"}, Extent: access.InReports},
			"User in pick-lists in reports"},
		// a permission that only a profile knows
		{access.Excess{Thing: access.Thing{Action: access.ActionReference}}, "Reference"},
		{access.Excess{Thing: access.Thing{Action: "tool", Type: access.TypeApplication, On: "gw"}},
			`tool on application "gw"`},
		{access.Excess{Thing: access.Thing{Action: access.ActionInvoke, Type: access.TypeFlowModule, On: "m"}},
			`flow module "m"`},
		{access.Excess{Thing: access.Thing{Action: access.ActionHandOff, Type: access.TypeAIAgent, On: "arn:x"}},
			`AI agent "arn:x"`},
	} {
		if got := tt.excess.String(); got != tt.want {
			t.Errorf("%+v is called %q, want %q", tt.excess, got, tt.want)
		}
	}
}

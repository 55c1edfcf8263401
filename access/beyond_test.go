package access_test

import (
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// When Beyond finds nothing, whoever is given the profile can do nothing that neither the giver can
// do nor the profile allowed before.
func TestBeyondIsSound(t *testing.T) {
	passed, refused, asked := 0, 0, 0
	for round := range uint64(1500) {
		g := newGenerator(round)
		edit := access.Empty("i").Edit()
		edit.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
		for range 30 {
			g.change(edit)
		}
		giver := key(g, g.w.users)
		if giver == "" {
			continue
		}
		for i := range 20 {
			g.next++
			var before *lanyard.Profile
			after := g.profile("after")
			switch i % 3 {
			case 0: // one that the giver holds, or nearly
				held := g.w.users[giver].Profiles
				if len(held) == 0 {
					continue
				}
				after = lanyard.Clone(g.w.profiles[held[g.IntN(len(held))]])
				after.ID = "after"
				if len(after.Permissions) > 0 && g.IntN(2) == 0 {
					after.Permissions = after.Permissions[1:]
				}
			case 1: // a change of another
				before = g.profile("before")
				after = lanyard.Clone(before)
				after.ID, after.Permissions = "after", some(g, 3, before.Permissions...)
				if g.IntN(3) == 0 {
					after.HierarchyRestricted, after.HierarchyGroup = []string{"User"}, key(g, g.w.groups)
				}
			}
			group := ""
			if g.IntN(2) == 0 {
				group = key(g, g.w.groups)
			}
			edit.Put(after)
			edit.Put(&lanyard.User{Meta: lanyard.Meta{ID: "holder", Name: "holder"}, Profiles: []string{"after"}, Group: group})
			if before != nil {
				edit.Put(before)
				edit.Put(&lanyard.User{Meta: lanyard.Meta{ID: "had", Name: "had"}, Profiles: []string{"before"}, Group: group})
			} else {
				edit.Remove(lanyard.TypeUser, "had")
			}
			s := edit.Snapshot(1)
			if s.Beyond(giver, after, before, group) != "" {
				refused++
				continue
			}
			passed++
			for range 60 {
				q := g.query()
				q.Surface = access.Admin
				if strings.HasPrefix(q.Action, "Restrict") {
					continue // to be restricted is no right
				}
				may := func(user string) bool {
					q := q
					q.Subject = access.Subject{ID: user}
					return s.Decide(&q).Allow
				}
				asked++
				if may("holder") && !may(giver) && !may("had") {
					t.Fatalf("round %d: %s gave %+v (before: %+v) to a user of group %q, who then may %+v", round, giver, after, before, group, q)
				}
			}
		}
	}
	if passed < 1000 || refused < 1000 {
		t.Errorf("of the profiles %d were passed and %d refused; the test wants many of both", passed, refused)
	}
	t.Logf("%d profiles passed, %d refused, %d decisions compared", passed, refused, asked)
}

func TestBeyond(t *testing.T) {
	edit := access.Empty("i").Edit()
	put := func(r lanyard.Resource) { edit.Put(r) }
	put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	put(&lanyard.Group{Meta: lanyard.Meta{ID: "eu"}, Path: []string{"eu"}})
	put(&lanyard.Group{Meta: lanyard.Meta{ID: "fr"}, Path: []string{"eu", "fr"}})
	put(&lanyard.Group{Meta: lanyard.Meta{ID: "us"}, Path: []string{"us"}})
	plain := &lanyard.Profile{Meta: lanyard.Meta{ID: "plain"}, Permissions: []string{"Users.View", "Queues.View"},
		Applications: []lanyard.Application{{Namespace: "gw", Type: "MCP", Permissions: []string{"a"}}}, FlowModules: []lanyard.FlowModule{{ID: "m"}}}
	tagged := &lanyard.Profile{Meta: lanyard.Meta{ID: "tagged"}, Permissions: []string{"Users.Edit", "BasicAgentAccess"}, AccessTags: map[string]string{"Country": "FR"}, TagRestricted: []string{"User"}}
	scoped := &lanyard.Profile{Meta: lanyard.Meta{ID: "scoped"}, Permissions: []string{"Users.Delete", "RestrictPhoneTypeSettings.Access"}, HierarchyRestricted: []string{"User"}}
	for _, p := range []*lanyard.Profile{plain, tagged, scoped} {
		put(p)
	}
	put(&lanyard.User{Meta: lanyard.Meta{ID: "ann", Name: "ann.name"}, Profiles: []string{"plain", "tagged", "scoped"}, Group: "eu"})
	s := edit.Snapshot(1)

	profile := func(change func(*lanyard.Profile), permissions ...string) *lanyard.Profile {
		p := &lanyard.Profile{Meta: lanyard.Meta{ID: "new"}, Permissions: permissions}
		change(p)
		return p
	}
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
		want          string
	}{
		{name: "nothing", after: profile(none)},
		{name: "what is held", after: profile(none, "Users.View")},
		{name: "what is not held", after: profile(none, "Users.View", "Users.Create"), want: "Users.Create"},
		{name: "held for a tag, given for all", after: profile(none, "Users.Edit"), want: "Users.Edit"},
		{name: "held for a tag, given for it and one more", after: profile(tags, "Users.Edit")},
		{name: "held for own group, given for all", after: profile(none, "Users.Delete"), want: "Users.Delete"},
		{name: "held for own group, given for one below", after: profile(scope("fr"), "Users.Delete")},
		{name: "held for own group, given for another", after: profile(scope("us"), "Users.Delete"), want: "Users.Delete"},
		{name: "held for own group, given for the holder's, unknown", after: profile(scope(""), "Users.Delete"), want: "Users.Delete"},
		{name: "held for own group, given for the holder's, below", after: profile(scope(""), "Users.Delete"), group: "fr"},
		{name: "held for own group, given for the holder's, elsewhere", after: profile(scope(""), "Users.Delete"), group: "us", want: "Users.Delete"},
		{name: "was there before", after: profile(none, "Users.Create"), before: profile(none, "Users.Create", "Prompts.View")},
		{name: "was there before for fewer", after: profile(none, "Users.Create"), before: profile(tags, "Users.Create"), want: "Users.Create"},
		{name: "a tool", after: profile(func(p *lanyard.Profile) {
			p.Applications = []lanyard.Application{{Namespace: "gw", Type: "MCP", Permissions: []string{"a", "b"}}}
		}), want: "b on application"},
		{name: "a module", after: profile(func(p *lanyard.Profile) { p.FlowModules = []lanyard.FlowModule{{ID: "m"}, {ID: "n"}} }), want: `flow module "n"`},
		{name: "an AI agent", after: profile(func(p *lanyard.Profile) { p.AIAgents = []lanyard.AllowedAIAgent{{ARN: "arn:x"}} }), want: "AI agent"},
		{name: "a restriction is no grant", after: profile(none, "RestrictTaskCreation.Access")},
		{name: "a restriction that binds the giver too is taken away", after: profile(none), before: profile(none, "RestrictPhoneTypeSettings.Access"), want: "absence of RestrictPhoneTypeSettings"},
		{name: "one that does not", after: profile(none), before: profile(none, "RestrictTaskCreation.Access")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := s.Beyond("ann.name", tt.after, tt.before, tt.group)
			if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("Beyond = %q, want %q", got, tt.want)
			}
		})
	}
	if got := s.Beyond("nobody", plain, nil, ""); got == "" {
		t.Error("somebody who does not exist may grant")
	}
}

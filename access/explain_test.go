package access_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

const (
	somebody = "11111111-2222-3333-4444-555555555555" // an id
	nobody   = "00000000-2222-3333-4444-55555555555F" // the form of one
)

// office is an instance for the tests of explanations.
func office() *access.Snapshot {
	e := access.Empty("i").Edit()
	e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	users := []string{"User"}
	for _, p := range []*lanyard.Profile{
		profile("all", []string{"Users.View", "BasicAgentAccess"}, nil),
		profile("more", []string{"Users.View"}, nil),
		profile("equals", []string{"Users.View"}, tagged(map[string]string{"a=b": "c", "Team": "Red=Blue"}, "User")),
		profile("red", []string{"Users.View"}, tagged(map[string]string{"Team": "red"}, "User")),
		profile("eu", []string{"Users.View"},
			func(p *lanyard.Profile) { p.HierarchyRestricted, p.HierarchyGroup = users, "EU" }),
		profile("half", []string{"Users.View"}, tagged(map[string]string{"Team": "red"})),
		profile("us", []string{"Users.View"}, func(p *lanyard.Profile) {
			p.HierarchyRestricted, p.HierarchyGroup = users, "US"
			p.AccessTags, p.TagRestricted = map[string]string{"Team": "red"}, users
		}),
		profile("gone", []string{"Users.View"},
			func(p *lanyard.Profile) { p.HierarchyRestricted, p.HierarchyGroup = users, "closed" }),
		profile("tools", nil, func(p *lanyard.Profile) {
			p.FlowModules = []lanyard.FlowModule{{ID: "module"}, {ID: "deleted"}}
			p.Applications = []lanyard.Application{{Namespace: "app", Permissions: []string{"ACCESS"},
				Type: "THIRD_PARTY_APPLICATION"}}
		}),
	} {
		e.Put(p)
	}
	e.Put(&lanyard.Group{Meta: lanyard.Meta{ID: "EU", Name: "Europe"}, Path: []string{"EU"}})
	e.Put(&lanyard.Group{Meta: lanyard.Meta{ID: "US", Name: "America"}, Path: []string{"US"}})
	e.Put(&lanyard.Module{Meta: lanyard.Meta{ID: "module"}})
	e.Put(&lanyard.Module{Meta: lanyard.Meta{ID: "deleted"}})
	e.Remove(lanyard.TypeModule, "deleted")
	for _, u := range []struct {
		id, name, group string
		tags            map[string]string
		profiles        []string
	}{
		{"u", "u.name", "", nil, []string{"all"}},
		{"both", "both.name", "", nil, []string{"red", "more", "all"}},
		{"equal", "equal.name", "", map[string]string{"A=b": "c", "Team": "red=blue"}, []string{"equals"}},
		{"combined", "combined.name", "", nil, []string{"red", "eu"}},
		{"wide", "wide.name", "", nil, []string{"eu", "us"}},
		{"blue", "blue.name", "US", map[string]string{"Team": "blue"}, []string{"tools"}},
		{"halved", "halved.name", "", nil, []string{"half"}},
		{"shut", "shut.name", "", nil, []string{"gone"}},
		{"tool", "tool.name", "", nil, []string{"tools", "all"}},
		{"target", "target.name", "EU", map[string]string{"Team": "red"}, []string{"all"}},
		{somebody, "with an id", "", nil, []string{"all"}},
		{"imposter", nobody, "", nil, []string{"all"}},
	} {
		e.Put(&lanyard.User{Meta: lanyard.Meta{ID: u.id, Name: u.name, Tags: u.tags}, Group: u.group, Profiles: u.profiles})
	}
	e.Put(&lanyard.AIAgent{Meta: lanyard.Meta{ID: "agent"}, Profiles: []string{"all", "more"}})
	return e.Snapshot(1)
}

// Explanations decide as Decide does, and give every reason and every profile.
func TestExplain(t *testing.T) {
	s := office()
	on := func(resourceType, id string) access.Resource { return access.Resource{Type: resourceType, ID: id} }
	user := func(id string) access.Resource { return on(access.TypeUser, id) }
	denied := func(why access.Reason) access.Decision { return access.Decision{Reason: why} }
	granted := func(profile string) access.Decision {
		return access.Decision{Allow: true, Reason: access.Granted, Profile: profile}
	}
	for _, tt := range []struct {
		name     string
		q        access.Query
		want     access.Decision
		sentence string // its end
		hints    []string
	}{
		{"one profile", access.Query{Subject: access.Subject{ID: "u"}, Action: "Users.View"}, granted("all"),
			`profile "all" grants it.`, nil},
		{"two of three", access.Query{Subject: access.Subject{ID: "both"}, Action: "Users.View", Resource: user("u")},
			granted("more"),
			`profiles "more" and "all" grant it.`,
			[]string{`profile "red" does not allow it, but profiles "more" and "all" do: what any profile allows is allowed`}},
		{"three", access.Query{Subject: access.Subject{ID: "both"}, Action: "Users.View", Resource: user("target")},
			granted("red"), `profiles "red", "more" and "all" grant it.`, nil},
		{"an agent's, not the human's",
			access.Query{Subject: access.Subject{Type: access.AIAgent, ID: "agent", Human: "u"}, Action: "Users.View"},
			granted("all"),
			`profiles "all" and "more" grant it.`, nil},
		{"together on reports",
			access.Query{Subject: access.Subject{ID: "combined"}, Action: "Users.View", Resource: user("target"),
				Surface: access.Reports}, granted("red"),
			`profiles "red" and "eu" grant it.`, nil},
		{"on reports by none alone",
			access.Query{Subject: access.Subject{ID: "wide"}, Action: "Users.View", Resource: user("blue"),
				Surface: access.Reports}, granted(""),
			`profiles "eu" and "us" grant it together: reports apply the tags of a profile only to users in the hierarchies of all profiles, so they show this user though no profile alone grants it.`, nil},
		{"half a restriction",
			access.Query{Subject: access.Subject{ID: "halved"}, Action: "Users.View", Resource: user("blue")}, granted("half"),
			`profile "half" grants it.`,
			[]string{`profile "half": AllowedAccessControlTags restricts nothing without TagRestrictedResources`}},
		{"elsewhere they do not",
			access.Query{Subject: access.Subject{ID: "wide"}, Action: "Users.View", Resource: user("blue")},
			denied(access.ConditionFailed),
			`profile "eu" requires hierarchy group "Europe" or below; the resource has "America"; profile "us" requires tag Team=red; the resource has Team=blue.`, nil},
		{"equals signs in keys and values",
			access.Query{Subject: access.Subject{ID: "equal"}, Action: "Users.View", Resource: user("equal")},
			denied(access.ConditionFailed),
			`profile "equals" requires tag Team=Red=Blue; the resource has Team=red=blue; profile "equals" requires tag a=b=c; the resource has nothing.`,
			[]string{"tag Team=red=blue differs from Team=Red=Blue in case only; tags are compared exactly",
				"tag A=b=c differs from a=b=c in case only; tags are compared exactly"}},
		{"a group that is gone",
			access.Query{Subject: access.Subject{ID: "shut"}, Action: "Users.View", Resource: user("target")},
			denied(access.ConditionFailed),
			`profile "gone" requires hierarchy group closed or below; the resource has "Europe".`,
			[]string{`profile "gone" names hierarchy group closed, which does not exist any more`}},
		{"a flow module", access.Query{Subject: access.Subject{ID: "tool"}, Action: access.ActionInvoke,
			Resource: on(access.TypeFlowModule, "module")}, granted("tools"), `profile "tools" grants it.`, nil},
		{"a flow module that is gone",
			access.Query{Subject: access.Subject{ID: "tool"}, Action: access.ActionInvoke,
				Resource: on(access.TypeFlowModule, "deleted")}, denied(access.UnknownResource),
			`there is no such resource.`,
			[]string{`profile "tools" lists flow module "deleted", which does not exist; the entry grants nothing`}},
		{"no flow module", access.Query{Subject: access.Subject{ID: "tool"}, Action: access.ActionInvoke,
			Resource: on(access.TypeFlowModule, "")}, denied(access.UnknownResource), `there is no such resource.`, nil},
		{"no user", access.Query{Subject: access.Subject{ID: "u"}, Action: "Users.View", Resource: user("")},
			denied(access.UnknownResource), `there is no such resource.`, nil},
		{"no queue", access.Query{Subject: access.Subject{ID: "u"}, Action: access.ActionReference,
			Resource: on(access.TypeQueue, "")}, denied(access.UnknownResource), `there is no such resource.`, nil},
		{"by id", access.Query{Subject: access.Subject{ID: somebody}, Action: "Users.View", Resource: user(somebody)},
			granted("all"), `grants it.`, nil},
		{"by name", access.Query{Subject: access.Subject{ID: "u.name"}, Action: "Users.View", Resource: user("u.name")},
			granted("all"), `grants it.`, nil},
		{"a name like an id is nobody's", access.Query{Subject: access.Subject{ID: nobody}, Action: "Users.View"},
			denied(access.UnknownSubject), `there is no such subject, or it holds no profile.`, nil},
		{"nor that of what is asked about",
			access.Query{Subject: access.Subject{ID: "u"}, Action: "Users.View", Resource: user(nobody)},
			denied(access.UnknownResource), `there is no such resource.`, nil},
		{"nor that of a human",
			access.Query{Subject: access.Subject{Type: access.AIAgent, ID: "agent", Human: nobody}, Action: "Users.View"},
			denied(access.HumanDenied),
			`the AI agent may, but the human whom it assists may not.`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := s.Decide(&tt.q); got != tt.want {
				t.Errorf("Decide says %+v, want %+v", got, tt.want)
			}
			got := s.Explain(&tt.q)
			if got.Decision != tt.want || !strings.HasSuffix(got.Sentence, ": "+tt.sentence) &&
				!strings.HasSuffix(got.Sentence, tt.sentence) || !slices.Equal(got.Hints, tt.hints) {
				t.Errorf("Explain says %+v\n%s\n%q\nwant %+v\n%s\n%q", got.Decision, got.Sentence, got.Hints, tt.want, tt.sentence,
					tt.hints)
			}
		})
	}
	for _, ref := range []string{nobody, ""} {
		if id, ok := s.LookupUser(ref); ok {
			t.Errorf("%q finds %s", ref, id)
		}
		if found := s.Lookup(access.TypeUser, ref); len(found) > 0 {
			t.Errorf("%q is looked up as %v", ref, found)
		}
	}
}

// Searches name everybody with every profile through which they may do it, and only what exists.
func TestSearches(t *testing.T) {
	s := office()
	who := func(q access.Query) (all []access.Holder) {
		found, next := s.WhoCan(&q, access.Page{Limit: 100})
		if next != (access.Cursor{}) {
			t.Errorf("%+v has more than a page", q)
		}
		for _, h := range found {
			h.Seq = 0
			all = append(all, h)
		}
		return all
	}
	want := []access.Holder{
		{ID: "u", Name: "u.name", Profile: "all", Profiles: []string{"all"}, Granting: 1},
		{ID: "both", Name: "both.name", Profile: "red", Profiles: []string{"red", "more", "all"}, Granting: 3},
		{ID: "combined", Name: "combined.name", Profile: "red", Profiles: []string{"red", "eu"}, Granting: 2},
		{ID: "wide", Name: "wide.name", Profile: "eu", Profiles: []string{"eu"}, Granting: 1},
		{ID: "halved", Name: "halved.name", Profile: "half", Profiles: []string{"half"}, Granting: 1},
		{ID: "tool", Name: "tool.name", Profile: "all", Profiles: []string{"all"}, Granting: 1},
		{ID: "target", Name: "target.name", Profile: "all", Profiles: []string{"all"}, Granting: 1},
		{ID: somebody, Name: "with an id", Profile: "all", Profiles: []string{"all"}, Granting: 1},
		{ID: "imposter", Name: nobody, Profile: "all", Profiles: []string{"all"}, Granting: 1},
	}
	if got := who(access.Query{Action: "Users.View",
		Resource: access.Resource{Type: access.TypeUser, ID: "target"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("who can view target:\n%+v\nwant\n%+v", got, want)
	}
	together := access.Holder{ID: "wide", Name: "wide.name", Profiles: []string{"eu", "us"}, Granting: 2}
	if got := who(access.Query{Action: "Users.View", Resource: access.Resource{Type: access.TypeUser, ID: "blue"},
		Surface: access.Reports}); !slices.ContainsFunc(got,
		func(h access.Holder) bool { return reflect.DeepEqual(h, together) }) {
		t.Errorf("on reports blue is shown to\n%+v\nwant among them\n%+v", got, together)
	}
	if got := who(access.Query{Action: access.ActionInvoke,
		Resource: access.Resource{Type: access.TypeFlowModule, ID: "deleted"}}); got != nil {
		t.Errorf("a deleted flow module can be invoked by %+v", got)
	}
	can, _ := s.WhatCan(access.Subject{ID: "tool"})
	var things []access.Thing
	for _, e := range can {
		things = append(things, e.Thing)
	}
	if want := []access.Thing{{Action: "BasicAgentAccess"}, {Action: "Users.View"},
		{Action: "ACCESS", Type: access.TypeApplication, On: "app"},
		{Action: "Invoke", Type: access.TypeFlowModule, On: "module"}}; !slices.Equal(things, want) {
		t.Errorf("what tool can do: %+v, want %+v", things, want)
	}
	for _, tt := range []struct {
		of   access.Resource
		want []string
	}{
		{access.Resource{Type: access.TypeUser, ID: "target"}, []string{"Users.View"}},
		{access.Resource{}, []string{"BasicAgentAccess", "Users.View"}},
		{access.Resource{Type: access.TypeApplication, ID: "app"}, []string{"ACCESS"}},
		{access.Resource{Type: access.TypeFlowModule, ID: "module"}, []string{"Invoke"}},
		{access.Resource{Type: access.TypeFlowModule, ID: "deleted"}, nil},
		{access.Resource{Type: "Widget", ID: "w"}, []string{"BasicAgentAccess"}},
	} {
		got := s.WhichActions(&access.Query{Subject: access.Subject{ID: "tool"}, Resource: tt.of})
		if !slices.Equal(got, tt.want) {
			t.Errorf("what tool can do to %+v: %v, want %v", tt.of, got, tt.want)
		}
	}
}

package control_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/control"
)

// everything is a change that sends every member, and the profile that it makes.
func (w *world) everything(group, module string) (control.ProfileChange, lanyard.Profile) {
	c := control.ProfileChange{
		Description: ptr("text"), Permissions: []string{"Users.View", "Queues.View", "Users.View"},
		AccessTags: map[string]string{"Team": "A", "Zone": ""}, TagRestricted: []string{"User", "Queue", "User"},
		HierarchyRestricted: []string{"User"}, HierarchyGroup: &group,
		Applications: []lanyard.Application{{Namespace: "crm", Permissions: []string{"ACCESS"}},
			{Namespace: "crm", Permissions: []string{"a", "b", "a"}, Type: "MCP"}},
		FlowModules: []lanyard.FlowModule{{ID: module}, {ID: module, Type: "MCP"}},
		AIAgents: []lanyard.AllowedAIAgent{{ARN: agentARN("1")}, {ARN: agentARN("1"), Type: "THIRD_PARTY"},
			{ARN: agentARN("2")}},
		DataTables: []lanyard.AttributeRule{{Attribute: "Region", Values: []string{"EU", "EU"}},
			{Attribute: "Tier", Values: []string{"Gold", "Silver"}, Access: "ALLOW"}},
	}
	return c, lanyard.Profile{
		Description: "text", Permissions: []string{"Queues.View", "Users.View"}, AccessTags: c.AccessTags,
		TagRestricted:       []string{"User", "Queue"},
		HierarchyRestricted: []string{"User"}, HierarchyGroup: group,
		Applications: []lanyard.Application{{Namespace: "crm", Permissions: []string{"ACCESS"},
			Type: lanyard.ApplicationThirdParty}, {Namespace: "crm", Permissions: []string{"a", "b"}, Type: "MCP"}},
		FlowModules: []lanyard.FlowModule{{ID: module, Type: "MCP"}},
		AIAgents: []lanyard.AllowedAIAgent{{ARN: agentARN("1"), Type: "THIRD_PARTY"},
			{ARN: agentARN("2"), Type: "THIRD_PARTY"}},
		DataTables: []lanyard.AttributeRule{{Access: "ALLOW", Attribute: "Region", Values: []string{"EU"}},
			{Access: "ALLOW", Attribute: "Tier", Values: []string{"Gold", "Silver"}}},
	}
}

func agentARN(id string) string {
	return "arn:aws:app-integrations:us-east-1:123456789012:application/" + id
}

// TestProfileChange sends each member to a profile that has everything: what is not sent stays,
// what is sent replaces the whole, and what is sent empty is gone.
func TestProfileChange(t *testing.T) {
	w := newWorld(t)
	w.must(w.levels("One"))
	g, other := w.group("G", ""), w.group("H", "")
	m, n := w.tool("M"), w.tool("N")
	all, want := w.everything(g.ID, m.ID)
	for _, tt := range []struct {
		name   string
		sent   control.ProfileChange
		change func(*lanyard.Profile)
	}{
		{"Description", control.ProfileChange{Description: ptr("other")},
			func(p *lanyard.Profile) { p.Description = "other" }},
		{"Description, empty", control.ProfileChange{Description: ptr("")}, func(p *lanyard.Profile) { p.Description = "" }},
		{"Permissions", control.ProfileChange{Permissions: []string{"BasicAgentAccess"}},
			func(p *lanyard.Profile) { p.Permissions = []string{"BasicAgentAccess"} }},
		{"Permissions, empty", control.ProfileChange{Permissions: []string{}},
			func(p *lanyard.Profile) { p.Permissions = nil }},
		{"AccessTags", control.ProfileChange{AccessTags: map[string]string{"b": "c"}},
			func(p *lanyard.Profile) { p.AccessTags = map[string]string{"b": "c"} }},
		{"TagRestricted", control.ProfileChange{TagRestricted: []string{"RoutingProfile"}},
			func(p *lanyard.Profile) { p.TagRestricted = []string{"RoutingProfile"} }},
		{"AccessTags and TagRestricted, empty",
			control.ProfileChange{AccessTags: map[string]string{}, TagRestricted: []string{}},
			func(p *lanyard.Profile) { p.AccessTags, p.TagRestricted = nil, nil }},
		{"HierarchyRestricted, empty", control.ProfileChange{HierarchyRestricted: []string{}},
			func(p *lanyard.Profile) { p.HierarchyRestricted = nil }},
		{"HierarchyGroup", control.ProfileChange{HierarchyGroup: &other.ID},
			func(p *lanyard.Profile) { p.HierarchyGroup = other.ID }},
		{"HierarchyGroup by ARN", control.ProfileChange{HierarchyGroup: ptr(w.arn(other))},
			func(p *lanyard.Profile) { p.HierarchyGroup = other.ID }},
		{"HierarchyGroup, empty", control.ProfileChange{HierarchyGroup: ptr("")},
			func(p *lanyard.Profile) { p.HierarchyGroup = "" }},
		{"Applications", control.ProfileChange{Applications: []lanyard.Application{{Namespace: "x",
			Permissions: []string{"t"}, Type: "MCP"}}}, func(p *lanyard.Profile) {
			p.Applications = []lanyard.Application{{Namespace: "x", Permissions: []string{"t"}, Type: "MCP"}}
		}},
		{"Applications, empty", control.ProfileChange{Applications: []lanyard.Application{}},
			func(p *lanyard.Profile) { p.Applications = nil }},
		{"FlowModules by ARN", control.ProfileChange{FlowModules: []lanyard.FlowModule{{ID: w.arn(n)}}},
			func(p *lanyard.Profile) { p.FlowModules = []lanyard.FlowModule{{ID: n.ID, Type: "MCP"}} }},
		{"FlowModules, empty", control.ProfileChange{FlowModules: []lanyard.FlowModule{}},
			func(p *lanyard.Profile) { p.FlowModules = nil }},
		{"AIAgents", control.ProfileChange{AIAgents: []lanyard.AllowedAIAgent{{ARN: agentARN("3")}}},
			func(p *lanyard.Profile) {
				p.AIAgents = []lanyard.AllowedAIAgent{{ARN: agentARN("3"), Type: "THIRD_PARTY"}}
			}},
		{"AIAgents, empty", control.ProfileChange{AIAgents: []lanyard.AllowedAIAgent{}},
			func(p *lanyard.Profile) { p.AIAgents = nil }},
		{"DataTables", control.ProfileChange{DataTables: []lanyard.AttributeRule{{Attribute: "a", Values: []string{"1"}}}},
			func(p *lanyard.Profile) {
				p.DataTables = []lanyard.AttributeRule{{Access: "ALLOW", Attribute: "a", Values: []string{"1"}}}
			}},
		{"DataTables, empty", control.ProfileChange{DataTables: []lanyard.AttributeRule{}},
			func(p *lanyard.Profile) { p.DataTables = nil }},
		{"several", control.ProfileChange{Description: ptr("d"), FlowModules: []lanyard.FlowModule{}},
			func(p *lanyard.Profile) { p.Description, p.FlowModules = "d", nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w.T = t
			p := w.profile(tt.name, all)
			want := want
			want.Meta = p.Meta
			if got := w.current(p); !reflect.DeepEqual(*got, want) {
				t.Fatalf("created as %+v\nwant %+v", *got, want)
			}
			w.pass(time.Second)
			before := w.revision()
			w.must(w.update(p, control.ProfileChange{}))
			w.must(w.update(p, all))
			if got := w.current(p); !reflect.DeepEqual(*got, want) || w.revision() != before {
				t.Fatalf("what changes nothing makes it %+v at revision %d, want %+v at %d", *got, w.revision(), want, before)
			}
			w.must(w.update(p, tt.sent))
			tt.change(&want)
			want.Modified = p.Modified.Add(time.Second)
			if got := w.current(p); !reflect.DeepEqual(*got, want) || w.revision() != before+1 {
				t.Errorf("got %+v at revision %d\nwant %+v at %d", *got, w.revision(), want, before+1)
			}
			w.did(w.DeleteSecurityProfile(t.Context(), call("DeleteSecurityProfile"), w.in.ID, p.ID))
		})
	}
}

// TestProfileRules has what is refused, by default and leniently. What a row has no words for is kept.
func TestProfileRules(t *testing.T) {
	many := func(n int) (names []string) {
		for i := range n {
			names = append(names, fmt.Sprintf("Odd.N%d", i))
		}
		return names
	}
	const kept = "" // says nothing
	foreign := "arn:aws:connect:us-east-1:" + stranger + ":instance/x/agent-group/y"
	app := func(a ...lanyard.Application) control.ProfileChange { return control.ProfileChange{Applications: a} }
	agent := func(arn string) control.ProfileChange {
		return control.ProfileChange{AIAgents: []lanyard.AllowedAIAgent{{ARN: agentARN("fine")}, {ARN: arn}}}
	}
	table := func(r ...lanyard.AttributeRule) control.ProfileChange { return control.ProfileChange{DataTables: r} }
	for _, tt := range []struct {
		name             string
		sent             control.ProfileChange
		refused, lenient string // words, each after a |
	}{
		{"unknown permissions, all named", control.ProfileChange{Permissions: []string{"Users.Fly", "Users.View", "Nope"}},
			`Permissions|"Users.Fly"|"Nope"`, kept},
		{"permission in another case", control.ProfileChange{Permissions: []string{"users.view"}}, `"users.view"`, kept},
		{"no permission name at all", control.ProfileChange{Permissions: []string{"a b", "Odd.Name"}}, `"a b"|"Odd.Name"`,
			`"a b"`},
		{"empty permission", control.ProfileChange{Permissions: []string{""}}, `""`, `""`},
		{"eleven unknown permissions", control.ProfileChange{Permissions: many(11)}, `"Odd.N0"|"Odd.N9"|and more`, kept},
		{"tags without types", control.ProfileChange{AccessTags: map[string]string{"a": "b"}}, kept, kept},
		{"types without tags", control.ProfileChange{TagRestricted: []string{"User"}}, kept, kept},
		{"tags and empty types", control.ProfileChange{AccessTags: map[string]string{"a": "b"}, TagRestricted: []string{}},
			kept, kept},
		{"types by all their names", control.ProfileChange{AccessTags: map[string]string{"a": "b"},
			TagRestricted: []string{"OperatingHours", "TransferDestination", "Queue", "User", "RoutingProfile", "EmailAddress",
				"HoursOfOperation", "Cases"}}, kept, kept},
		{"unknown types, all named",
			control.ProfileChange{AccessTags: map[string]string{"a": "b"}, TagRestricted: []string{"User", "Widget", "user"}},
			`TagRestrictedResources|"Widget"|"user"|RoutingProfile|OperatingHours = HoursOfOperation`, kept},
		{"hierarchy of another type", control.ProfileChange{HierarchyRestricted: []string{"Queue"}},
			`HierarchyRestrictedResources|"Queue"|User`, kept},
		{"unknown hierarchy group", control.ProfileChange{HierarchyGroup: ptr("nothing")},
			`AllowedAccessControlHierarchyGroupId|"nothing"`, `"nothing"`},
		{"group of another account", control.ProfileChange{HierarchyGroup: &foreign},
			"AllowedAccessControlHierarchyGroupId|" + foreign, foreign},
		{"group by a malformed ARN", control.ProfileChange{HierarchyGroup: ptr("arn:aws:connect")},
			"AllowedAccessControlHierarchyGroupId|arn:aws:connect", "arn:aws:connect"},
		{"application without a namespace", app(lanyard.Application{Permissions: []string{"ACCESS"}}),
			"Applications[0].Namespace", "Namespace"},
		{"application without permissions", app(lanyard.Application{Namespace: "n"}),
			"Applications[0].ApplicationPermissions", "ApplicationPermissions"},
		{"third-party application with another permission",
			app(lanyard.Application{Namespace: "n", Permissions: []string{"ACCESS", "READ"}}),
			`Applications[0].ApplicationPermissions|"READ"|ACCESS`, kept},
		{"application twice, differently",
			app(lanyard.Application{Namespace: "n", Permissions: []string{"a"}, Type: "MCP"},
				lanyard.Application{Namespace: "n", Permissions: []string{"b"}, Type: "MCP"}), `Applications[1].Namespace|"n"`,
			`"n"`},
		{"application twice, the same",
			app(lanyard.Application{Namespace: "n", Permissions: []string{"ACCESS"}},
				lanyard.Application{Namespace: "n", Permissions: []string{"ACCESS", "ACCESS"}}), kept, kept},
		{"unknown flow module", control.ProfileChange{FlowModules: []lanyard.FlowModule{{ID: "m1", Type: "MCP"}}},
			`AllowedFlowModules[0].FlowModuleId|"m1"`, `"m1"`},
		{"AI agent that is no ARN", agent("agent"), `AllowedAIAgents[1].Arn|"agent"`, `"agent"`},
		{"AI agent without an account", agent("arn:aws:x:us-east-1::a"), "AllowedAIAgents[1].Arn", "Arn"},
		{"AI agent with a space", agent(agentARN("a b")), "AllowedAIAgents[1].Arn", "Arn"},
		{"AI agent too long", agent(agentARN(strings.Repeat("x", 1011))), "1011", "1011"},
		{"attribute without a name", table(lanyard.AttributeRule{Values: []string{"a"}}),
			"PrimaryAttributeValues[0].AttributeName", "AttributeName"},
		{"attribute twice", table(lanyard.AttributeRule{Attribute: "R", Values: []string{"a"}},
			lanyard.AttributeRule{Attribute: "R", Values: []string{"b"}}), `PrimaryAttributeValues[1].AttributeName|"R"`, `"R"`},
		{"attribute without values", table(lanyard.AttributeRule{Attribute: "R"}), `PrimaryAttributeValues[0].Values|"R"`,
			`"R"`},
	} {
		for mode, says := range map[string]string{"default": tt.refused, "lenient": tt.lenient} {
			t.Run(tt.name+", "+mode, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, func(c *control.Config) { c.Lenient = mode == "lenient" })
				p := w.profile("P", control.ProfileChange{Description: ptr("before")})
				before, revision := w.current(p), w.revision()
				sent := tt.sent
				sent.Description = ptr("after")
				err := w.update(p, sent)
				_, createErr := w.CreateSecurityProfile(t.Context(), call("CreateSecurityProfile"), w.in.ID,
					control.NewProfile{Name: "Q", ProfileChange: sent})
				if says == kept {
					w.must(err)
					w.must(createErr)
					return
				}
				words := strings.Split(says, "|")
				w.fails(err, lanyard.Invalid, words...)
				w.fails(createErr, lanyard.Invalid, words...)
				if got := w.current(p); !reflect.DeepEqual(got, before) || w.revision() != revision {
					t.Errorf("a refused update makes it %+v at revision %d, want %+v at %d", got, w.revision(), before, revision)
				}
			})
		}
	}
}

// TestIncompleteRestriction makes a tag restriction incomplete in every way. It is kept and warned about,
// and with Strict refused to every caller, whatever else is set.
func TestIncompleteRestriction(t *testing.T) {
	tags, types := map[string]string{"a": "b"}, []string{"User"}
	whole := control.ProfileChange{AccessTags: tags, TagRestricted: types}
	const noTypes, noTags = "AllowedAccessControlTags restricts nothing without TagRestrictedResources",
		"TagRestrictedResources restricts nothing without AllowedAccessControlTags"
	for _, tt := range []struct {
		name      string
		had, sent control.ProfileChange
		warning   string
	}{
		{"tags alone", control.ProfileChange{}, control.ProfileChange{AccessTags: tags}, noTypes},
		{"types alone", control.ProfileChange{}, control.ProfileChange{TagRestricted: types}, noTags},
		{"tags cleared", whole, control.ProfileChange{AccessTags: map[string]string{}}, noTags},
		{"types cleared", whole, control.ProfileChange{TagRestricted: []string{}}, noTypes},
	} {
		for _, mode := range []struct {
			name            string
			lenient, strict bool
		}{{name: "default"}, {name: "lenient", lenient: true}, {name: "strict", strict: true},
			{"lenient and strict", true, true}} {
			t.Run(tt.name+", "+mode.name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, func(c *control.Config) { c.Lenient, c.Strict = mode.lenient, mode.strict })
				p := w.profile("P", tt.had)
				before := w.current(p)
				result, err := w.UpdateSecurityProfile(t.Context(), call("UpdateSecurityProfile"), w.in.ID, p.ID, tt.sent)
				if mode.strict {
					w.fails(err, lanyard.Invalid, "is required when", "AllowedAccessControlTags", "TagRestrictedResources")
					if got := w.current(p); !reflect.DeepEqual(got, before) {
						t.Errorf("a refused update makes it %+v, want %+v", got, before)
					}
					return
				}
				w.must(err)
				if want := []string{tt.warning}; !reflect.DeepEqual(result.Warnings, want) ||
					!reflect.DeepEqual(w.current(p).Warnings(), want) {
					t.Errorf("the update warns %q, the profile %q, want %q", result.Warnings, w.current(p).Warnings(), want)
				}
				w.must(w.update(p, control.ProfileChange{Description: ptr("another member")}))
			})
		}
	}
}

// TestGroupWithoutUser keeps a hierarchy group that restricts nothing, in every mode, and warns.
func TestGroupWithoutUser(t *testing.T) {
	w := newWorld(t, func(c *control.Config) { c.Strict = true })
	w.must(w.levels("One"))
	g := w.group("G", "")
	p := w.profile("P", control.ProfileChange{HierarchyGroup: &g.ID})
	want := []string{"AllowedAccessControlHierarchyGroupId has no effect unless HierarchyRestrictedResources lists User"}
	if got := w.current(p).Warnings(); !reflect.DeepEqual(got, want) {
		t.Errorf("the profile warns %q, want %q", got, want)
	}
}

// TestLenientKeepsNames keeps unknown names as they were sent.
func TestLenientKeepsNames(t *testing.T) {
	w := newWorld(t, lenient)
	p := w.profile("P", control.ProfileChange{Permissions: []string{"New.Thing", "Users.View"},
		TagRestricted: []string{"Widget"}, HierarchyRestricted: []string{"Team"}})
	got := w.current(p)
	if want := []string{"New.Thing", "Users.View"}; !reflect.DeepEqual(got.Permissions, want) {
		t.Errorf("the permissions are %v, want %v", got.Permissions, want)
	}
	if !reflect.DeepEqual([][]string{got.TagRestricted, got.HierarchyRestricted}, [][]string{{"Widget"}, {"Team"}}) {
		t.Errorf("the types are %v and %v", got.TagRestricted, got.HierarchyRestricted)
	}
}

// TestDeletedLater updates a profile whose group and module are gone.
func TestDeletedLater(t *testing.T) {
	w := newWorld(t)
	w.must(w.levels("One"))
	g, m := w.group("G", ""), w.tool("M")
	p := w.profile("P", control.ProfileChange{HierarchyRestricted: []string{"User"}, HierarchyGroup: &g.ID,
		FlowModules: []lanyard.FlowModule{{ID: m.ID}}})
	w.did(w.DeleteUserHierarchyGroup(t.Context(), call(""), w.in.ID, g.ID))
	w.did(w.DeleteContactFlowModule(t.Context(), call(""), w.in.ID, m.ID))
	w.must(w.update(p, control.ProfileChange{Description: ptr("x")}))
	if got := w.current(p); got.HierarchyGroup != g.ID || len(got.FlowModules) != 1 {
		t.Errorf("the profile no longer names what it named: %+v", got)
	}
	// Who reads everything, changes a part and sends it all back is not refused for what was there.
	w.must(w.update(p, control.ProfileChange{Description: ptr("y"), HierarchyGroup: &g.ID,
		FlowModules: []lanyard.FlowModule{{ID: m.ID, Type: "MCP"}}}))
	q := w.profile("Q", control.ProfileChange{})
	w.fails(w.update(q, control.ProfileChange{HierarchyGroup: &g.ID}), lanyard.Invalid, g.ID)
	w.fails(w.update(q, control.ProfileChange{FlowModules: []lanyard.FlowModule{{ID: m.ID}}}), lanyard.Invalid, m.ID)
}

func TestProfileNames(t *testing.T) {
	w := newWorld(t)
	p := w.profile("Name", control.ProfileChange{})
	_, err := w.CreateSecurityProfile(t.Context(), call(""), w.in.ID, control.NewProfile{Name: "Name"})
	w.fails(err, lanyard.Duplicate, "Name")
	w.profile("name", control.ProfileChange{}) // byte for byte
	w.did(w.DeleteSecurityProfile(t.Context(), call(""), w.in.ID, w.arn(p)))
	w.fails(failure(w.DeleteSecurityProfile(t.Context(), call(""), w.in.ID, p.ID)), lanyard.NotFound, p.ID)
	w.profile("Name", control.ProfileChange{})
}

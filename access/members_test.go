package access_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// Every member of a profile, and what an unknown or dangling value in it does: grants nothing, or
// restricts. A member that is missing here fails.
func TestUnknownValuesFailClosed(t *testing.T) {
	on := func(resourceType string) access.Resource {
		return access.Resource{Type: resourceType, ID: "x", Tags: map[string]string{"Team": "2"}, Group: "EU"}
	}
	tagged := func(names ...string) func(*lanyard.Profile) {
		return func(p *lanyard.Profile) { p.AccessTags, p.TagRestricted = map[string]string{"Team": "1"}, names }
	}
	hours := func(called string) access.Resource { return access.Resource{Type: called, ID: "hours"} }
	scoped := func(names ...string) func(*lanyard.Profile) {
		return func(p *lanyard.Profile) { p.HierarchyRestricted, p.HierarchyGroup = names, "US" }
	}
	app := func(kind string) func(*lanyard.Profile) {
		return func(p *lanyard.Profile) {
			p.Applications = []lanyard.Application{{Namespace: "x", Permissions: []string{"ACCESS", "tool"}, Type: kind}}
		}
	}
	rows := func(r lanyard.AttributeRule) func(*lanyard.Profile) {
		return func(p *lanyard.Profile) { p.DataTables = []lanyard.AttributeRule{r} }
	}
	module := func(id, kind string) func(*lanyard.Profile) {
		return func(p *lanyard.Profile) { p.FlowModules = []lanyard.FlowModule{{ID: id, Type: kind}} }
	}
	agent := func(kind string) func(*lanyard.Profile) {
		return func(p *lanyard.Profile) { p.AIAgents = []lanyard.AllowedAIAgent{{ARN: "arn:agent", Type: kind}} }
	}
	row := on(access.TypeDataTableRow)
	row.Attributes = map[string]string{"Region": "EU"}
	none, application := access.Resource{}, access.Resource{Type: access.TypeApplication, ID: "x"}
	tool := access.Resource{Type: access.TypeFlowModule, ID: "module"}
	handOff := access.Resource{Type: access.TypeAIAgent, ID: "arn:agent"}
	european := access.Resource{Type: access.TypeUser, ID: "in EU"}

	const granted, condition, not = "p", "condition failed", "not granted"
	type value struct {
		name   string
		change func(*lanyard.Profile)
		action string
		on     access.Resource
		want   string
	}
	members := map[string][]value{
		"Meta": nil, "Description": nil, "ModifiedBy": nil, // which decide nothing
		"Permissions": {
			{"unknown grants itself", func(p *lanyard.Profile) { p.Permissions = []string{"Prompts.Fly"} }, "Prompts.Fly", none,
				granted},
			{"and no other", func(p *lanyard.Profile) { p.Permissions = []string{"Prompts.Fly"} }, "Prompts.View", none, not},
			{"and is restricted as others are",
				func(p *lanyard.Profile) { p.Permissions = []string{"Prompts.Fly"}; tagged("Prompt")(p) }, "Prompts.Fly",
				on("Prompt"), condition},
			{"of another case grants nothing known", func(p *lanyard.Profile) { p.Permissions = []string{"users.view"} },
				"Users.View", european, not},
		},
		"AccessTags": {
			{"with a tag that nothing carries", tagged("Prompt"), "Prompts.View", on("Prompt"), condition},
			{"without types: an incomplete restriction", tagged(), "Prompts.View", on("Prompt"), granted},
			{"with an empty key", func(p *lanyard.Profile) {
				p.AccessTags, p.TagRestricted = map[string]string{"": ""}, []string{"Prompt"}
			}, "Prompts.View", on("Prompt"), condition},
		},
		"TagRestricted": {
			{"known", tagged("Prompt"), "Prompts.View", on("Prompt"), condition},
			{"known by another name", tagged("OperatingHours"), "HoursOfOperation.View", hours("HoursOfOperation"), condition},
			{"known by another name, asked by that", tagged("HoursOfOperation"), "HoursOfOperation.View",
				hours("OperatingHours"), condition},
			{"twice by two names", tagged("Cases", "Case"), "Cases.View", on("Cases"), condition},
			{"unknown restricts the type of that name", tagged("Widget"), "AccessMetrics", on("Widget"), condition},
			{"and every other unknown type", tagged("Widget"), "AccessMetrics", on("Gadget"), condition},
			{"and types without a name of their own", tagged("Widget"), "ContactSearch.View", on(access.TypeContact), condition},
			{"workspaces are such", tagged("Widget"), "Workspaces.View", on("Workspace"), condition},
			{"phone numbers are such", tagged("Widget"), "PhoneNumbers.View", on("PhoneNumber"), condition},
			{"and no known type", tagged("Widget"), "Prompts.View", on("Prompt"), granted},
			{"nor asking without a resource", tagged("Widget"), "AccessMetrics", none, granted},
			{"a known name of another case restricts its type too", tagged("prompt"), "Prompts.View", on("Prompt"), condition},
			{"a table restricts its rows", tagged("DataTable"), "DataTables.View", row, condition},
			{"rows by a name that is not one", tagged("DataTableRow"), "DataTables.View", row, condition},
			{"flow modules are no tools", tagged("FlowModule"), access.ActionInvoke, tool, granted},
			{"flow modules", tagged("FlowModule"), "ContactFlowModules.View", access.Resource{Type: "FlowModule", ID: "module"},
				condition},
			{"applications, of which tags are not known", tagged("Application"), access.ActionAccess, application, not},
			{"AI agents, of which tags are not known", tagged("AIAgent"), access.ActionHandOff, handOff, not},
			{"without tags: an incomplete restriction", func(p *lanyard.Profile) { p.TagRestricted = []string{"Widget"} },
				"AccessMetrics", on("Widget"), granted},
		},
		"HierarchyRestricted": {
			{"unknown restricts users", scoped("Team"), "Users.View", european, condition},
			{"and contacts", scoped("Team"), "ContactSearch.View", on(access.TypeContact), condition},
			{"and unknown types", scoped("Team"), "AccessMetrics", on("Widget"), condition},
			{"and no type that has a name", scoped("Team"), "Prompts.View", on("Prompt"), granted},
			{"users of another case", scoped("user"), "Users.View", european, condition},
		},
		"HierarchyGroup": {
			{"deleted", func(p *lanyard.Profile) { p.HierarchyRestricted, p.HierarchyGroup = []string{"User"}, "gone" },
				"Users.View", european, condition},
			{"without User: no restriction", func(p *lanyard.Profile) { p.HierarchyGroup = "gone" }, "Users.View", european,
				granted},
		},
		"Applications": {
			{"without a type, a third party's", app(""), access.ActionAccess, application, granted},
			{"and no tool", app(""), "tool", application, not},
			{"of an unknown type", app("OTHER"), access.ActionAccess, application, not},
			{"and no tool either", app("OTHER"), "tool", application, not},
			{"a tool of a third party", app(lanyard.ApplicationThirdParty), "tool", application, not},
			{"ACCESS on MCP", app(lanyard.ApplicationMCP), access.ActionAccess, application, not},
		},
		"FlowModules": {
			{"of an unknown type", module("module", "OTHER"), access.ActionInvoke, tool, not},
			{"deleted", module("gone", ""), access.ActionInvoke, access.Resource{Type: access.TypeFlowModule, ID: "gone"},
				"unknown resource"},
		},
		"AIAgents": {
			{"without a type", agent(""), access.ActionHandOff, handOff, granted},
			{"of an unknown type", agent("FIRST_PARTY"), access.ActionHandOff, handOff, not},
		},
		"DataTables": {
			{"allowed", rows(lanyard.AttributeRule{Attribute: "Region", Values: []string{"EU"}}), "DataTables.View", row,
				granted},
			{"an unknown AccessType", rows(lanyard.AttributeRule{Access: "DENY", Attribute: "Region", Values: []string{"UK"}}),
				"DataTables.View", row, condition},
			{"even of the value", rows(lanyard.AttributeRule{Access: "ALOW", Attribute: "Region", Values: []string{"EU"}}),
				"DataTables.View", row, condition},
			{"no values", rows(lanyard.AttributeRule{Attribute: "Region"}), "DataTables.View", row, condition},
			{"an attribute that the row lacks", rows(lanyard.AttributeRule{Attribute: "Zone", Values: []string{"EU"}}),
				"DataTables.View", row, condition},
			{"no name", rows(lanyard.AttributeRule{Values: []string{"EU"}}), "DataTables.View", row, condition},
		},
	}
	for i := range reflect.TypeFor[lanyard.Profile]().NumField() {
		name := reflect.TypeFor[lanyard.Profile]().Field(i).Name
		if _, ok := members[name]; !ok {
			t.Errorf("profiles have the member %s: say here what an unknown value in it does", name)
		}
	}

	e := access.Empty("i").Edit()
	e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	for _, id := range []string{"EU", "US"} {
		e.Put(&lanyard.Group{Meta: lanyard.Meta{ID: id, Name: id}, Path: []string{id}})
	}
	e.Put(&lanyard.Hours{Meta: lanyard.Meta{ID: "hours", Name: "hours"}})
	x := lanyard.Document{Meta: lanyard.Meta{ID: "x", Name: "x"}}
	for _, r := range []lanyard.Resource{&lanyard.Prompt{Document: x}, &lanyard.Workspace{Document: x},
		&lanyard.PhoneNumber{Document: x}} {
		e.Put(r)
	}
	e.Put(&lanyard.Module{Meta: lanyard.Meta{ID: "module", Name: "module"}})
	e.Put(&lanyard.User{Meta: lanyard.Meta{ID: "in EU", Name: "in EU"}, Group: "EU"})
	for member, all := range members {
		for _, tt := range all {
			t.Run(member+": "+tt.name, func(t *testing.T) {
				p := profile("p", []string{"Users.View", "Prompts.View", "Cases.View", "DataTables.View", "ContactSearch.View",
					"ContactFlowModules.View", "Workspaces.View", "PhoneNumbers.View", "HoursOfOperation.View", "AccessMetrics"}, nil)
				p.FlowModules = []lanyard.FlowModule{{ID: "module"}}
				p.AIAgents = []lanyard.AllowedAIAgent{{ARN: "arn:agent"}}
				app(lanyard.ApplicationThirdParty)(p)
				tt.change(p)
				edit := e.Snapshot(1).Edit()
				edit.Put(p)
				edit.Put(&lanyard.User{Meta: lanyard.Meta{ID: "viewer", Name: "viewer"}, Profiles: []string{"p"}})
				s := edit.Snapshot(2)
				q := access.Query{Subject: access.Subject{ID: "viewer"}, Action: tt.action, Resource: tt.on}
				if got := s.Explain(&q); said(got.Decision) != tt.want {
					t.Errorf("%s, want %s: %s", said(got.Decision), tt.want, got.Sentence)
				}
				found, _ := s.WhoCan(&q, access.Page{Limit: 10})
				if (len(found) == 1 && found[0].ID == "viewer") != (tt.want == granted) {
					t.Errorf("who can: %+v", found)
				}
			})
		}
	}
}

// Explanations say which restrictions of the profiles that grant do not work as they may be meant, and how
// reports combine them.
func TestExplainWarns(t *testing.T) {
	users := []string{"User"}
	e := access.Empty("i").Edit()
	e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	for _, id := range []string{"EU", "US"} {
		e.Put(&lanyard.Group{Meta: lanyard.Meta{ID: id, Name: id}, Path: []string{id}})
	}
	below := func(group string) func(*lanyard.Profile) {
		return func(p *lanyard.Profile) { p.HierarchyRestricted, p.HierarchyGroup = users, group }
	}
	for _, p := range []*lanyard.Profile{
		profile("tags", []string{"Users.View"}, func(p *lanyard.Profile) { p.AccessTags = map[string]string{"a": "b"} }),
		profile("group", []string{"Users.View"}, func(p *lanyard.Profile) { p.HierarchyGroup = "EU" }),
		profile("other", nil, func(p *lanyard.Profile) { p.TagRestricted = users }),
		profile("eu", []string{"Users.View"}, below("EU")),
		profile("us", []string{"Users.View"}, func(p *lanyard.Profile) {
			below("US")(p)
			p.AccessTags, p.TagRestricted = map[string]string{"a": "b"}, users
		}),
		profile("tagged", []string{"Users.View"}, tagged(map[string]string{"a": "b"}, "User")),
	} {
		e.Put(p)
	}
	e.Put(&lanyard.User{Meta: lanyard.Meta{ID: "in US", Name: "in US"}, Profiles: []string{"other"}, Group: "US"})
	for _, tt := range []struct {
		name     string
		profiles []string
		surface  access.Surface
		decided  string
		sentence string // part of it
		hint     string
	}{
		{"tags alone", []string{"other", "tags"}, access.Admin, "tags", `profile "tags" grants it`,
			`profile "tags": AllowedAccessControlTags restricts nothing without TagRestrictedResources`},
		{"a group alone", []string{"group"}, access.Admin, "group", `profile "group" grants it`,
			`profile "group": AllowedAccessControlHierarchyGroupId has no effect unless HierarchyRestrictedResources lists User`},
		{"shown in reports only", []string{"eu", "us"}, access.Reports, "together",
			"reports apply the tags of a profile only to users in the hierarchies of all", ""},
		{"not shown in reports only", []string{"tagged", "tags"}, access.Admin, "tags", `profile "tags" grants it`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			edit := e.Snapshot(1).Edit()
			edit.Put(&lanyard.User{Meta: lanyard.Meta{ID: "viewer", Name: "viewer"}, Profiles: tt.profiles})
			q := access.Query{Subject: access.Subject{ID: "viewer"}, Action: "Users.View", Surface: tt.surface,
				Resource: access.Resource{Type: access.TypeUser, ID: "in US"}}
			x := edit.Snapshot(2).Explain(&q)
			if said(x.Decision) != tt.decided || !strings.Contains(x.Sentence, tt.sentence) {
				t.Errorf("%s, want %s: %s", said(x.Decision), tt.decided, x.Sentence)
			}
			if tt.hint != "" && !slices.Contains(x.Hints, tt.hint) {
				t.Errorf("the hints are %q, want %q among them", x.Hints, tt.hint)
			}
		})
	}
}

package lanyard_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
)

// Every row has what others derive from it, and nothing that another row has.
func TestResourceTypes(t *testing.T) {
	seen := map[string]string{}
	once := func(what, value, row string) {
		if value == "" {
			return
		}
		if other, ok := seen[what+value]; ok {
			t.Errorf("%s and %s have the %s %s", other, row, what, value)
		}
		seen[what+value] = row
	}
	stems := map[string]bool{}
	for _, p := range lanyard.Permissions() {
		stem, _, _ := strings.Cut(p.Name, ".")
		stems[stem] = true
	}
	for _, x := range lanyard.ResourceTypes() {
		row := x.Name + "/" + string(x.Type)
		once("type", string(x.Type), row)
		once("name", x.Name, row)
		once("word", x.Word, row)
		once("member", x.Member, row)
		once("stem", x.Stem, row)
		if (x.Type != "") != (x.Word != "") || (x.Type != "") != (x.Plural != "") || x.Type == "" && x.Name == "" {
			t.Errorf("%s: messages about its resources need a word and its plural", row)
		}
		if x.Stored() && x.Type == "" {
			t.Errorf("%s is stored under no type", row)
		}
		if x.Decided && (!x.Stored() || x.Name == "" || x.Stem == "" || x.Load == 0 || !x.Taggable) {
			t.Errorf("%s: what decisions find by id is stored, loaded and tagged, and has a name and permissions", row)
		}
		if (x.Load > 0 || x.Searchable) && (!x.Stored() || x.View() == "") {
			t.Errorf("%s: what is loaded or searched is stored, and a permission shows it", row)
		}
		if x.Taggable && x.Member == "" {
			t.Errorf("%s: a call that is about one has a member for it", row)
		}
		if x.Stem != "" && !stems[x.Stem] {
			t.Errorf("%s: no permission begins with %s", row, x.Stem)
		}
		if _, known := lanyard.LookupPermission(x.View()); x.View() != "" && !known {
			t.Errorf("%s: %s is no permission", row, x.View())
		}
		if got, ok := lanyard.StoredType(x.Name); x.Name != "" && (ok != x.Stored() || ok && got != x.Type) {
			t.Errorf("StoredType(%s) = %s, %v", x.Name, got, ok)
		}
	}
}

func TestResourceTypeWords(t *testing.T) {
	type row struct{ word, plural, name, decisions, member, view string }
	for _, tt := range []struct {
		t    lanyard.Type
		want row
	}{
		{lanyard.TypeInstance, row{"instance", "instances", "Instance", "", "InstanceId", ""}},
		{lanyard.TypeGroup, row{"hierarchy group", "hierarchy groups", "HierarchyGroup", "HierarchyGroup", "HierarchyGroupId",
			"AgentGrouping.View"}},
		{lanyard.TypeHours, row{"hours of operation", "hours of operation", "HoursOfOperation", "HoursOfOperation",
			"HoursOfOperationId", "HoursOfOperation.View"}},
		{lanyard.TypeAIAgent, row{"AI agent", "AI agents", "AIAgent", "", "", "QConnectAIAgents.View"}},
		{lanyard.TypeModuleAlias, row{"flow module alias", "flow module aliases", "", "", "", ""}},
		{lanyard.TypeAgentQueue, row{"agent queue", "agent queues", "", "", "", ""}},
		{"wisdom", row{"wisdom", "", "", "", "", ""}},
	} {
		got := row{tt.t.Word(), tt.t.Plural(), tt.t.Name(), tt.t.DecisionName(), tt.t.Member(), tt.t.View()}
		if got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.t, got, tt.want)
		}
	}
}

// What decides about others is loaded before them.
func TestLoadOrder(t *testing.T) {
	order := lanyard.LoadOrder()
	for _, pair := range [][2]lanyard.Type{{lanyard.TypeGroup, lanyard.TypeProfile}, {lanyard.TypeGroup, lanyard.TypeUser},
		{lanyard.TypeProfile, lanyard.TypeUser}, {lanyard.TypeProfile, lanyard.TypeAIAgent}} {
		before, after := slices.Index(order, pair[0]), slices.Index(order, pair[1])
		if before < 0 || after < before {
			t.Errorf("%s is loaded after %s: %v", pair[0], pair[1], order)
		}
	}
}

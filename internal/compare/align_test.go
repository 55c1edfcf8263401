package compare_test

import (
	"reflect"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/compare"
)

// center is an instance whose ids begin with a prefix.
func center(prefix string) []lanyard.Resource {
	named := func(id, name string) lanyard.Meta { return lanyard.Meta{ID: prefix + id, Name: name} }
	return []lanyard.Resource{
		&lanyard.User{Meta: named("ann", "ann"), Profiles: []string{prefix + "agent", prefix + "own"}, Group: prefix + "paris",
			RoutingProfile: prefix + "routing"},
		&lanyard.Group{Meta: named("paris", "Team"), Path: []string{prefix + "france", prefix + "paris"}},
		&lanyard.Group{Meta: named("rome", "Team"), Path: []string{prefix + "italy", prefix + "rome"}},
		&lanyard.Group{Meta: named("france", "France"), Path: []string{prefix + "france"}},
		&lanyard.Group{Meta: named("italy", "Italy"), Path: []string{prefix + "italy"}},
		&lanyard.Profile{Meta: named("agent", "Agent"), HierarchyRestricted: []string{"User"}, HierarchyGroup: prefix + "rome",
			FlowModules: []lanyard.FlowModule{{ID: prefix + "module"}}, AccessTags: map[string]string{"id": "2-agent"}},
		&lanyard.Module{Meta: named("module", "Module")},
		&lanyard.ModuleVersion{Meta: lanyard.Meta{ID: lanyard.ModuleVersionID(prefix+"module", 3)}, Module: prefix + "module",
			Number: 3},
		&lanyard.ModuleAlias{Meta: named("alias", "live"), Module: prefix + "module", Version: 3},
		&lanyard.Queue{Meta: named("queue", "Queue"), Hours: prefix + "hours", Settings: lanyard.Settings{
			"OutboundCallerConfig": lanyard.JSON(`{"OutboundFlowId":"x"}`)}},
		&lanyard.Hours{Meta: named("hours", "Hours")},
		&lanyard.RoutingProfile{Meta: named("routing", "Routing"), DefaultQueue: prefix + "queue",
			Queues: []lanyard.QueueConfig{{Queue: prefix + "queue", Channel: "VOICE"}}},
	}
}

// The same instance with other ids becomes the same, tags and what only one of them has apart.
func TestAlign(t *testing.T) {
	other := center("2-")
	own := &lanyard.Profile{Meta: lanyard.Meta{ID: "2-own", Name: "Only here"}}
	got := compare.Align(append(other, own), center("1-"))
	want := append(center("1-"), own)
	want[0].(*lanyard.User).Profiles[1] = "2-own"
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	if other[0].Head().ID != "2-ann" {
		t.Error("the resources that were given are changed")
	}
}

package access_test

import (
	"fmt"
	"testing"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// The worked examples of docs/decisions.md, by their numbers.
func TestWorkedExamples(t *testing.T) {
	user := []string{"User"}
	a := profile("A", []string{"Users.View"}, tagged(map[string]string{"Country": "US"}, "User"))
	a2 := profile("A2", []string{"Users.View"}, tagged(map[string]string{"Country": "US", "Dept": "Sales"}, "User"))
	b := profile("B", []string{"Users.Edit", "Users.View"}, tagged(map[string]string{"Country": "AR"}, "User"))
	c := profile("C", []string{"Users.View"}, nil)
	queues := profile("Queues", []string{"Queues.View", "Users.View"}, tagged(map[string]string{"Country": "US"}, "Queue"))
	hole := profile("Hole", []string{"SecurityProfiles.Create"}, tagged(map[string]string{"Team": "1"}, "User"))
	closed := profile("Closed", []string{"SecurityProfiles.Create"},
		tagged(map[string]string{"Team": "1"}, "User", "SecurityProfile"))
	h1 := profile("H1", []string{"Users.View"},
		func(p *lanyard.Profile) { p.HierarchyRestricted, p.HierarchyGroup = user, "EU" })
	h2 := profile("H2", []string{"Users.View"}, func(p *lanyard.Profile) { p.HierarchyRestricted = user })
	h3 := profile("H3", []string{"Users.View"}, func(p *lanyard.Profile) {
		p.HierarchyRestricted, p.HierarchyGroup = user, "FR"
		p.AccessTags, p.TagRestricted = map[string]string{"Dept": "Sales"}, user
	})
	hDE := profile("HDE", []string{"Users.View"},
		func(p *lanyard.Profile) { p.HierarchyRestricted, p.HierarchyGroup = user, "DE" })
	h4 := profile("H4", []string{"Users.View"}, func(p *lanyard.Profile) {
		p.HierarchyRestricted, p.HierarchyGroup = user, "DE"
		p.AccessTags, p.TagRestricted = map[string]string{"Dept": "Sales"}, user
	})
	rows := profile("Rows", []string{"DataTables.View"}, func(p *lanyard.Profile) {
		p.DataTables = []lanyard.AttributeRule{{Attribute: "Region", Values: []string{"EU", "UK"}},
			{Attribute: "Tier", Values: []string{"Gold"}}}
	})
	allRows := profile("AllRows", []string{"DataTables.View"}, nil)
	tool := profile("Tool", []string{"Wisdom.View"}, func(p *lanyard.Profile) {
		p.Applications = []lanyard.Application{{Namespace: "gw1", Permissions: []string{"a", "b"}, Type: "MCP"}}
	})
	wisdom := profile("Wisdom", []string{"Wisdom.View"}, nil)

	e := access.Empty("i").Edit()
	e.Put(&lanyard.Instance{Meta: lanyard.Meta{ID: "i"}})
	for _, path := range [][]string{{"EU"}, {"EU", "FR"}, {"EU", "FR", "Paris"}, {"EU", "DE"}, {"US"}} {
		id := path[len(path)-1]
		e.Put(&lanyard.Group{Meta: lanyard.Meta{ID: id, Name: id}, Path: path})
	}
	for _, p := range []*lanyard.Profile{a, a2, b, c, queues, hole, closed, h1, h2, h3, hDE, h4, rows, allRows, tool,
		wisdom} {
		e.Put(p)
	}
	for _, u := range []struct {
		id, group string
		tags      map[string]string
	}{
		{"bob", "", map[string]string{"Country": "US", "Team": "1"}}, {"ann", "", map[string]string{"Country": "us"}},
		{"carl", "", nil},
		{"dora", "", map[string]string{"Country": "US", "Dept": "Sales", "X": "1"}},
		{"ar", "", map[string]string{"Country": "AR"}},
		{"in EU", "EU", nil}, {"in FR", "FR", nil}, {"in Paris", "Paris", map[string]string{"Dept": "Sales"}},
		{"in DE", "DE", map[string]string{"Dept": "Sales"}}, {"in US", "US", nil},
		{"US in FR", "FR", map[string]string{"Country": "US"}},
	} {
		e.Put(&lanyard.User{Meta: lanyard.Meta{ID: u.id, Name: u.id, Tags: u.tags}, Profiles: []string{"C"}, Group: u.group})
	}
	e.Put(&lanyard.Queue{Meta: lanyard.Meta{ID: "us queue", Tags: map[string]string{"Country": "US"}}})
	e.Put(&lanyard.Queue{Meta: lanyard.Meta{ID: "other queue"}})
	e.Put(&lanyard.AIAgent{Meta: lanyard.Meta{ID: "agent"}, Profiles: []string{"Tool"}})

	on := func(id string) access.Resource { return access.Resource{Type: access.TypeUser, ID: id} }
	row := func(region, tier string) access.Resource {
		return access.Resource{Type: access.TypeDataTableRow, ID: "row",
			Attributes: map[string]string{"Region": region, "Tier": tier}}
	}
	newProfile := func(tags map[string]string) access.Resource {
		return access.Resource{Type: access.TypeSecurityProfile, New: true, Tags: tags}
	}
	for _, tt := range []struct {
		name     string
		profiles []string // that the viewer holds
		group    string   // that the viewer is in
		action   string
		resource access.Resource
		surface  access.Surface
		want     string // the profile that allows, or why not
	}{
		{"1 tag matches", []string{"A"}, "", "Users.View", on("bob"), 0, "A"},
		{"1 tag differs in case", []string{"A"}, "", "Users.View", on("ann"), 0, "condition failed"},
		{"1 no tag", []string{"A"}, "", "Users.View", on("carl"), 0, "condition failed"},
		{"1 no permission", []string{"A"}, "", "Queues.View", access.Resource{Type: access.TypeQueue, ID: "us queue"}, 0,
			"not granted"},
		{"2 one of two tags", []string{"A2"}, "", "Users.View", on("bob"), 0, "condition failed"},
		{"2 both tags and more", []string{"A2"}, "", "Users.View", on("dora"), 0, "A2"},
		{"3 US users are viewed", []string{"A", "B"}, "", "Users.View", on("bob"), 0, "A"},
		{"3 US users are not edited", []string{"A", "B"}, "", "Users.Edit", on("bob"), 0, "condition failed"},
		{"3 AR users are edited", []string{"A", "B"}, "", "Users.Edit", on("ar"), 0, "B"},
		{"4 the profile without tags prevails", []string{"A", "C"}, "", "Users.View", on("carl"), 0, "C"},
		{"5 users are not restricted", []string{"Queues"}, "", "Users.View", on("carl"), 0, "Queues"},
		{"5 queues are", []string{"Queues"}, "", "Queues.View", access.Resource{Type: access.TypeQueue, ID: "other queue"}, 0,
			"condition failed"},
		{"5 to those with the tag", []string{"Queues"}, "", "Queues.View",
			access.Resource{Type: access.TypeQueue, ID: "us queue"}, 0, "Queues"},
		{"6 the hole", []string{"Hole"}, "", "SecurityProfiles.Create", newProfile(nil), 0, "Hole"},
		{"6 closed", []string{"Closed"}, "", "SecurityProfiles.Create", newProfile(nil), 0, "condition failed"},
		{"6 with the tag", []string{"Closed"}, "", "SecurityProfiles.Create", newProfile(map[string]string{"Team": "1"}), 0,
			"Closed"},
		{"7 the group itself", []string{"H1"}, "", "Users.View", on("in EU"), 0, "H1"},
		{"7 below", []string{"H1"}, "", "Users.View", on("in FR"), 0, "H1"},
		{"7 two below", []string{"H1"}, "", "Users.View", on("in Paris"), 0, "H1"},
		{"7 next to it", []string{"H1"}, "", "Users.View", on("in DE"), 0, "H1"},
		{"7 elsewhere", []string{"H1"}, "", "Users.View", on("in US"), 0, "condition failed"},
		{"7 in no group", []string{"H1"}, "", "Users.View", on("bob"), 0, "condition failed"},
		{"8 own group", []string{"H2"}, "FR", "Users.View", on("in FR"), 0, "H2"},
		{"8 below it", []string{"H2"}, "FR", "Users.View", on("in Paris"), 0, "H2"},
		{"8 above it", []string{"H2"}, "FR", "Users.View", on("in EU"), 0, "condition failed"},
		{"9 viewer in no group", []string{"H2"}, "", "Users.View", on("in FR"), 0, "condition failed"},
		{"10 both", []string{"H3"}, "", "Users.View", on("in Paris"), 0, "H3"},
		{"10 hierarchy only", []string{"H3"}, "", "Users.View", on("in FR"), 0, "condition failed"},
		{"10 tag only", []string{"H3"}, "", "Users.View", on("in DE"), 0, "condition failed"},
		{"11 either: hierarchy", []string{"H1", "A"}, "", "Users.View", on("in FR"), 0, "H1"},
		{"11 either: tag", []string{"H1", "A"}, "", "Users.View", on("bob"), 0, "A"},
		{"11 neither", []string{"H1", "A"}, "", "Users.View", on("in US"), 0, "condition failed"},
		{"12 the plain profile prevails", []string{"H3", "C"}, "", "Users.View", on("in US"), 0, "C"},
		{"13 Gold in the EU", []string{"Rows"}, "", "DataTables.View", row("EU", "Gold"), 0, "Rows"},
		{"13 Silver in the EU", []string{"Rows"}, "", "DataTables.View", row("EU", "Silver"), 0, "condition failed"},
		{"13 Gold in the US", []string{"Rows"}, "", "DataTables.View", row("US", "Gold"), 0, "condition failed"},
		{"13 a row without the attribute", []string{"Rows"}, "", "DataTables.View",
			access.Resource{Type: access.TypeDataTableRow, ID: "row"}, 0, "condition failed"},
		{"13 the profile without rules prevails", []string{"Rows", "AllRows"}, "", "DataTables.View", row("US", "Silver"), 0,
			"AllRows"},
		{"reports: tag and hierarchy must both hold", []string{"H1", "A"}, "", "Users.View", on("in FR"), access.Reports,
			"condition failed"},
		{"reports: an unrestricted profile prevails", []string{"H1", "A", "C"}, "", "Users.View", on("in US"), access.Reports,
			"C"},
		{"reports: tags count for who is in both hierarchies, who lacks them", []string{"H1", "H3"}, "", "Users.View",
			on("in FR"), access.Reports, "condition failed"},
		{"reports: and for who has them", []string{"H3", "H1"}, "", "Users.View", on("in Paris"), access.Reports, "H3"},
		{"reports: not for who is in the other only", []string{"H3", "HDE"}, "", "Users.View", on("in DE"), access.Reports,
			"HDE"},
		{"reports: nor for who is in the tagged one only, whom no profile shows elsewhere", []string{"HDE", "H3"}, "",
			"Users.View", on("in FR"), access.Reports, "together"},
		{"reports: who in fact is not shown elsewhere", []string{"HDE", "H3"}, "", "Users.View", on("in FR"), access.Admin,
			"condition failed"},
		{"reports: both tagged, the hierarchy counts for either tag", []string{"A", "H3"}, "", "Users.View", on("US in FR"),
			access.Reports, "A"},
		{"reports: which bob is not in", []string{"A", "H3"}, "", "Users.View", on("bob"), access.Reports,
			"condition failed"},
		{"reports: two profiles with both", []string{"H3", "H4"}, "", "Users.View", on("in Paris"), access.Reports,
			"unenforceable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			edit := e.Snapshot(1).Edit()
			edit.Put(&lanyard.User{Meta: lanyard.Meta{ID: "viewer", Name: "viewer"}, Profiles: tt.profiles, Group: tt.group})
			q := access.Query{Subject: access.Subject{ID: "viewer"}, Action: tt.action, Resource: tt.resource,
				Surface: tt.surface}
			if got := edit.Snapshot(2).Explain(&q); said(got.Decision) != tt.want {
				t.Errorf("%s, want %s: %s", said(got.Decision), tt.want, got.Sentence)
			}
		})
	}

	agent := access.Subject{Type: access.AIAgent, ID: "agent"}
	retrieve := access.Query{Subject: agent, Action: "Wisdom.View"}
	callTool := access.Query{Subject: agent, Action: "a",
		Resource: access.Resource{Type: access.TypeApplication, ID: "gw1"}}
	for _, tt := range []struct {
		name  string
		human []string // profiles of the human whom the agent assists; nil: self-service
		q     access.Query
		want  string
	}{
		{"14 retrieve by itself", nil, retrieve, "Tool"},
		{"14 tool by itself", nil, callTool, "Tool"},
		{"14 retrieve, the human may too", []string{"Wisdom"}, retrieve, "Tool"},
		{"14 tool, the human may not", []string{"Wisdom"}, callTool, "human denied"},
		{"14 tool, the human may too", []string{"Wisdom", "Tool"}, callTool, "Tool"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			edit := e.Snapshot(1).Edit()
			if tt.human != nil {
				edit.Put(&lanyard.User{Meta: lanyard.Meta{ID: "human", Name: "human"}, Profiles: tt.human})
				tt.q.Subject.Human = "human"
			}
			if got := edit.Snapshot(2).Explain(&tt.q); said(got.Decision) != tt.want {
				t.Errorf("%s, want %s: %s", said(got.Decision), tt.want, got.Sentence)
			}
		})
	}
}

// said is a decision in a word: the profile that allows, or why not.
func said(d access.Decision) string {
	switch {
	case d.Allow != (d.Reason == access.Granted), !d.Allow && d.Profile != "":
		return fmt.Sprintf("inconsistent %+v", d)
	case d.Allow && d.Profile == "":
		return "together"
	case d.Allow:
		return d.Profile
	}
	return d.Reason.String()
}

func profile(id string, permissions []string, more func(*lanyard.Profile)) *lanyard.Profile {
	p := &lanyard.Profile{Meta: lanyard.Meta{ID: id, Name: id}, Permissions: permissions}
	if more != nil {
		more(p)
	}
	return p
}

func tagged(tags map[string]string, types ...string) func(*lanyard.Profile) {
	return func(p *lanyard.Profile) { p.AccessTags, p.TagRestricted = tags, types }
}

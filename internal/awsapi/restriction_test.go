package awsapi_test

import (
	"strings"
	"testing"

	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/control"
)

// Strict mode compares everything that follows from what is held, not only the resources that a permission
// is about.
func TestStrictReaches(t *testing.T) {
	c := newCentre(t, func(cfg *control.Config, _ *awsapi.Config) { cfg.Strict = true })
	const denied = "AccessDeniedException"
	profile := func(name string, m members) string {
		m["InstanceId"], m["SecurityProfileName"] = c.in, name
		return c.id("CreateSecurityProfile", m)
	}
	contacts := profile("Contacts",
		members{"Permissions": []string{"ContactSearch.View", "RestrictContactAccessByHierarchy.View",
			"Users.View", "Users.Edit", "AgentGrouping.View"}})
	mover := c.user("mover", contacts, c.fr, nil)
	moved := c.user("moved", contacts, c.fr, nil)
	move := func(group string) members {
		return members{"InstanceId": c.in, "UserId": moved, "HierarchyGroupId": group}
	}
	// The group is the mover's: contacts of all of the EU are not the mover's to show.
	c.doAs(c.as(mover), "UpdateUserHierarchy", move(c.eu)).fails(denied, "(strict)")

	c.doAs(c.as(mover), "UpdateUserHierarchy", move(c.fr)).ok()

	// A page for users offers routing profiles: those of the tag, to somebody restricted so.
	narrow := members{"Team": "1"}
	editor := []string{"Users.View", "Users.Edit", "SecurityProfiles.View", "SecurityProfiles.Create"}
	attacker := c.user("attacker", profile("Attacker", members{"Permissions": editor, "AllowedAccessControlTags": narrow,
		"TagRestrictedResources": []string{"User", "SecurityProfile", "RoutingProfile"}}), "", narrow)
	make := func(name string, types ...string) members {
		return members{"InstanceId": c.in, "SecurityProfileName": name, "Permissions": []string{"Users.Edit"}, "Tags": narrow,
			"AllowedAccessControlTags": narrow, "TagRestrictedResources": types}
	}
	c.doAs(c.as(attacker), "CreateSecurityProfile", make("wide", "User")).fails(denied, "in pick-lists")
	c.doAs(c.as(attacker), "CreateSecurityProfile", make("as narrow", "User", "SecurityProfile", "RoutingProfile")).ok()
}

// What restricts nothing, or more than is said, is told with the profile: in a header of bounded ASCII.
func TestWarnings(t *testing.T) {
	odd := strings.Repeat("\u00e9x", 60)
	for _, tt := range []struct {
		name    string
		lenient bool
		sent    members
		want    string
	}{
		{"complete", false, members{"AllowedAccessControlTags": members{"a": "b"},
			"TagRestrictedResources": []string{"OperatingHours"}}, ""},
		{"tags alone", false, members{"AllowedAccessControlTags": members{"a": "b"}},
			"AllowedAccessControlTags restricts nothing without TagRestrictedResources"},
		{"types alone", false, members{"TagRestrictedResources": []string{"User"}},
			"TagRestrictedResources restricts nothing without AllowedAccessControlTags"},
		{"unknown names", true,
			members{"AllowedAccessControlTags": members{"a": "b"}, "TagRestrictedResources": []string{"Widget"},
				"HierarchyRestrictedResources": []string{odd},
				"Permissions":                  []string{"New.Thing"}}, `lists unknown "Widget"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, func(c *control.Config, _ *awsapi.Config) { c.Lenient = tt.lenient })
			in := w.instance("centre")
			check := func(x *wire) string {
				t.Helper()
				got := x.header.Get(awsapi.Warning)
				if (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
					t.Errorf("%s warns %q, want %q", x.op, got, tt.want)
				}
				if len(got) > 1024 || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r > '~' }) {
					t.Errorf("%s: %d bytes, or not ASCII: %q", x.op, len(got), got)
				}
				return got
			}
			create := members{"InstanceId": in, "SecurityProfileName": "P"}
			update := members{"InstanceId": in}
			for name, v := range tt.sent {
				create[name], update[name] = v, v
			}
			x := w.do("CreateSecurityProfile", create)
			id := x.ok()["SecurityProfileId"]
			update["SecurityProfileId"] = id
			created := check(x)
			described := check(w.do("DescribeSecurityProfile", members{"InstanceId": in, "SecurityProfileId": id}))
			updated := check(w.do("UpdateSecurityProfile", update))
			if created != described || created != updated {
				t.Errorf("created %q, described %q, updated %q", created, described, updated)
			}
			cleared := w.do("UpdateSecurityProfile",
				members{"InstanceId": in, "SecurityProfileId": id, "AllowedAccessControlTags": members{},
					"TagRestrictedResources": []string{}, "HierarchyRestrictedResources": []string{}, "Permissions": []string{}})
			if got := cleared.header.Get(awsapi.Warning); got != "" {
				t.Errorf("a profile without restrictions warns %q", got)
			}
		})
	}
}

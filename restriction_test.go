package lanyard_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/lanyard/lanyard"
)

// Each name restricts one type, by which it is found; the spelling decides.
func TestRestrictableTypes(t *testing.T) {
	seen := map[string]string{}
	for _, x := range lanyard.ResourceTypes() {
		if len(x.TagNames) == 0 {
			continue
		}
		for _, name := range x.TagNames {
			if other, ok := seen[name]; ok {
				t.Errorf("%s restricts %s and %s", name, other, x.Name)
			}
			seen[name] = x.Name
			if got, ok := lanyard.RestrictedType(name); !ok || got != x.Name {
				t.Errorf("%s restricts %q, want %s", name, got, x.Name)
			}
			if _, ok := lanyard.RestrictedType(strings.ToLower(name)); ok {
				t.Errorf("%s is taken in lower case", name)
			}
			if !strings.Contains(lanyard.RestrictableNames(), name) {
				t.Errorf("messages do not list %s", name)
			}
		}
		if !slices.Contains(x.TagNames, x.Name) {
			t.Errorf("%s is not a name of itself", x.Name)
		}
	}
	if _, ok := lanyard.RestrictedType("Widget"); ok {
		t.Error("Widget is known")
	}
}

func TestProfileWarnings(t *testing.T) {
	tags := map[string]string{"a": "b"}
	for _, tt := range []struct {
		name string
		p    lanyard.Profile
		want []string
	}{
		{"nothing", lanyard.Profile{}, nil},
		{"complete", lanyard.Profile{AccessTags: tags, TagRestricted: []string{"Cases"},
			HierarchyRestricted: []string{"User"}, HierarchyGroup: "g"}, nil},
		{"tags alone", lanyard.Profile{AccessTags: tags},
			[]string{"AllowedAccessControlTags restricts nothing without TagRestrictedResources"}},
		{"types alone, even unknown ones", lanyard.Profile{TagRestricted: []string{"Widget"}},
			[]string{"TagRestrictedResources restricts nothing without AllowedAccessControlTags"}},
		{"group alone", lanyard.Profile{HierarchyGroup: "g"},
			[]string{"AllowedAccessControlHierarchyGroupId has no effect unless HierarchyRestrictedResources lists User"}},
		{"unknown types", lanyard.Profile{AccessTags: tags, TagRestricted: []string{"User", "a", "b", "c", "d\u2028"}},
			[]string{
				`TagRestrictedResources lists unknown "a", "b", "c", 1 more, which restricts every resource type that has no name of its own`}},
		{"unknown hierarchy types", lanyard.Profile{HierarchyRestricted: []string{"Caf\u00e9"}}, []string{
			`HierarchyRestrictedResources lists unknown "Caf\u00e9", which restricts users and every type that has no name of its own`}},
		{"unknown permission", lanyard.Profile{Permissions: []string{"New.Thing"}}, []string{
			`Permissions lists unknown "New.Thing", which grants only itself and takes nothing away`}},
		{"unknown types of entries",
			lanyard.Profile{Applications: []lanyard.Application{{Namespace: "n", Type: "X"}},
				FlowModules: []lanyard.FlowModule{{ID: "m", Type: "X"}},
				AIAgents:    []lanyard.AllowedAIAgent{{ARN: "a", Type: "X"}},
				DataTables:  []lanyard.AttributeRule{{Attribute: "r", Access: "DENY"}}}, []string{
				`application "n" has the unknown type "X" and grants nothing`,
				`flow module "m" has the unknown type "X" and grants nothing`,
				`AI agent "a" has the unknown type "X" and grants nothing`,
				`the rule of attribute "r" has the unknown AccessType "DENY" and matches no row`}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.p.Warnings(); !slices.Equal(got, tt.want) {
				t.Errorf("%q, want %q", got, tt.want)
			}
		})
	}
}

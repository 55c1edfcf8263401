package awsapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/audit"
	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

// as is the API called on behalf of a user.
func (w *world) as(user string) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		r.Header[awsapi.ActingUser] = []string{user}
		w.api.ServeHTTP(rw, r)
	})
}

// centre is an instance with restricted administrators.
type centre struct {
	*world
	in, routing            string
	eu, fr, us             string
	all, team, below, none string // profiles
	boss, lead, head, cog  string // their holders
	fritz, sam             string // users of team 1 in fr, and of team 2 in us
}

func newCentre(t *testing.T, change ...func(*control.Config, *awsapi.Config)) *centre {
	c := &centre{world: newWorld(t, change...)}
	c.in = c.instance("centre")
	c.routing = c.first("ListRoutingProfiles", c.in, "RoutingProfileSummaryList", "Id")
	c.do("UpdateUserHierarchyStructure",
		members{"InstanceId": c.in,
			"HierarchyStructure": members{"LevelOne": members{"Name": "Region"}, "LevelTwo": members{"Name": "Country"}}}).ok()
	group := func(name string, parent any) string {
		return c.id("CreateUserHierarchyGroup", members{"InstanceId": c.in, "Name": name, "ParentGroupId": parent})
	}
	c.eu, c.us = group("EU", nil), group("US", nil)
	c.fr = group("FR", c.eu)
	profile := func(name string, m members) string {
		m["InstanceId"], m["SecurityProfileName"] = c.in, name
		return c.id("CreateSecurityProfile", m)
	}
	every := []string{"Users.View", "Users.Edit", "Users.EditPermission", "Users.Create", "Users.Delete",
		"SecurityProfiles.View", "SecurityProfiles.Edit", "SecurityProfiles.Create", "SecurityProfiles.Delete"}
	c.all = profile("All",
		members{"Permissions": append([]string{"AgentGrouping.View", "AgentGrouping.Edit", "Queues.View",
			"RoutingPolicies.View", "QConnectAIAgents.Edit", "QConnectAIAgents.View"}, every...)})
	c.team = profile("Team 1",
		members{"Permissions": every, "Tags": members{"Team": "1"}, "AllowedAccessControlTags": members{"Team": "1"},
			"TagRestrictedResources": []string{"User", "SecurityProfile"}})
	c.below = profile("Below",
		members{"Permissions": []string{"Users.View", "Users.Edit"}, "HierarchyRestrictedResources": []string{"User"}})
	c.none = profile("Nothing", members{"Permissions": []string{"BasicAgentAccess"}, "Tags": members{"Team": "1"}})
	c.boss = c.user("boss", c.all, "", nil)
	c.lead = c.user("lead", c.team, "", members{"Team": "1"})
	c.head = c.user("head", c.below, c.eu, nil)
	c.cog = c.user("cog", c.none, "", nil)
	c.fritz = c.user("fritz", c.none, c.fr, members{"Team": "1"})
	c.sam = c.user("sam", c.none, c.us, members{"Team": "2"})
	return c
}

func (c *centre) newUser(name, profile, group string, tags members) members {
	m := members{"InstanceId": c.in, "Username": name, "SecurityProfileIds": []string{profile},
		"RoutingProfileId": c.routing,
		"PhoneConfig":      members{"PhoneType": "SOFT_PHONE"}, "IdentityInfo": members{"FirstName": name}}
	if group != "" {
		m["HierarchyGroupId"] = group
	}
	if tags != nil {
		m["Tags"] = tags
	}
	return m
}

func (c *centre) user(name, profile, group string, tags members) string {
	c.Helper()
	return c.id("CreateUser", c.newUser(name, profile, group, tags))
}

// The rights name operations that are served and permissions of the catalogue; whatever is served
// and has none is refused to everybody.
func TestRights(t *testing.T) {
	served := map[string]bool{}
	for _, op := range model.Operations {
		served[op.Name] = op.Service != model.NotServed
	}
	rights := awsapi.RightsForTest()
	for op, permission := range rights {
		if _, ok := lanyard.LookupPermission(permission); !ok || !served[op] {
			t.Errorf("%s asks for %s; want a served operation and a permission of the catalogue", op, permission)
		}
	}
	without := []string{"CreateInstance", "DescribeInstance", "ListInstances", "DeleteInstance",
		"DescribeInstanceAttribute", "ListInstanceAttributes", "UpdateInstanceAttribute",
		// No permission of the catalogue is about these.
		"ListAuthenticationProfiles", "DescribeAuthenticationProfile", "UpdateAuthenticationProfile",
		"CreateNotification", "DescribeNotification", "ListNotifications", "SearchNotifications",
		"UpdateNotificationContent", "DeleteNotification"}
	without = append(without, connections...)
	byARN := []string{"TagResource", "UntagResource", "ListTagsForResource"}
	for _, op := range model.Operations {
		if op.Service == model.Served && rights[op.Name] == "" && !slices.Contains(without, op.Name) &&
			!slices.Contains(byARN, op.Name) {
			t.Errorf("%s is served, but nobody can be acted for", op.Name)
		}
	}
}

// connections are the operations on what an instance is connected with, which Amazon Connect leaves to IAM. Whom a
// workspace is assigned to is told to keys alone, since users may not be allowed to view them all.
var connections = []string{"AssociateInstanceStorageConfig", "DescribeInstanceStorageConfig",
	"ListInstanceStorageConfigs", "UpdateInstanceStorageConfig", "DisassociateInstanceStorageConfig",
	"AssociateApprovedOrigin", "ListApprovedOrigins", "DisassociateApprovedOrigin", "AssociateSecurityKey",
	"ListSecurityKeys", "DisassociateSecurityKey", "AssociateLambdaFunction", "ListLambdaFunctions",
	"DisassociateLambdaFunction", "AssociateLexBot", "ListLexBots", "DisassociateLexBot", "AssociateBot", "ListBots",
	"DisassociateBot", "CreateIntegrationAssociation", "ListIntegrationAssociations", "DeleteIntegrationAssociation",
	"CreateUseCase", "ListUseCases", "DeleteUseCase", "CreateTrafficDistributionGroup",
	"DescribeTrafficDistributionGroup", "ListTrafficDistributionGroups", "DeleteTrafficDistributionGroup",
	"GetTrafficDistribution", "UpdateTrafficDistribution", "AssociateWorkspace", "DisassociateWorkspace",
	"SearchWorkspaceAssociations"}

func TestActingUser(t *testing.T) {
	c := newCentre(t)
	const denied = "AccessDeniedException"
	user := func(id string) members { return members{"InstanceId": c.in, "UserId": id} }
	profile := func(id string) members { return members{"InstanceId": c.in, "SecurityProfileId": id} }
	with := func(m members, name string, v any) members { m[name] = v; return m }
	tag := func(path ...string) members {
		return members{"resourceArn": c.arn(c.in, path...), "tags": members{"Team": "2"}}
	}
	for i, tt := range []struct {
		who, op string
		m       members
		want    string // exception, "" for success
		says    string
	}{
		{c.boss, "DescribeUser", user(c.sam), "", ""},
		{"boss", "DescribeUser", user(c.sam), "", ""},
		{c.arn(c.in, "agent", c.boss), "DescribeUser", user(c.arn(c.in, "agent", c.sam)), "", ""},
		{c.boss, "DescribeUser", user("99999999-0000-4000-8000-000000000000"), "ResourceNotFoundException", ""},
		{c.lead, "DescribeUser", user(c.fritz), "", ""},
		{c.lead, "DescribeUser", user(c.sam), denied, "Users.View"},
		// says no more than of a hidden one
		{c.lead, "DescribeUser", user("99999999-0000-4000-8000-000000000000"), denied, "does not exist"},
		{c.head, "DescribeUser", user(c.fritz), "", ""},
		{c.head, "DescribeUser", user(c.sam), denied, "hierarchy"},
		{c.cog, "DescribeUser", user(c.cog), denied, "none of their security profiles grants it"},
		{"nobody", "DescribeUser", user(c.cog), denied, "does not exist"},
		{c.boss, "DescribeQueue",
			members{"InstanceId": c.in, "QueueId": c.first("ListQueues", c.in, "QueueSummaryList", "Id")}, "", ""},
		{c.lead, "ListQueues", members{"InstanceId": c.in}, denied, "Queues.View"},
		{c.boss, "ListPrompts", members{"InstanceId": c.in}, denied, "Prompts.View"},
		{c.boss, "DescribeInstance", members{"InstanceId": c.in}, denied, "DescribeInstance"},
		{c.boss, "ListInstances", members{}, denied, "it does not concern one instance"},
		{c.boss, "CreateInstance",
			members{"InstanceAlias": "x", "IdentityManagementType": "SAML", "InboundCallsEnabled": true,
				"OutboundCallsEnabled": false}, denied, ""},

		// What would come out of reach, or is, cannot be changed.
		{c.lead, "UpdateUserIdentityInfo", with(user(c.fritz), "IdentityInfo", members{"FirstName": "F"}), "", ""},
		{c.lead, "UpdateUserIdentityInfo", with(user(c.sam), "IdentityInfo", members{"FirstName": "F"}), denied, ""},
		{c.lead, "CreateUser", c.newUser("one", c.none, "", members{"Team": "1"}), "", ""},
		{c.lead, "CreateUser", c.newUser("two", c.none, "", members{"Team": "2"}), denied, "would become"},
		{c.lead, "CreateUser", c.newUser("three", c.none, "", nil), denied, "would become"},
		// an escalation: All is hidden from lead
		{c.lead, "CreateUser", c.newUser("four", c.all, "", members{"Team": "1"}), denied, "security profile"},
		{c.lead, "UpdateUserSecurityProfiles", with(user(c.fritz), "SecurityProfileIds", []string{c.none, c.all}), denied,
			""},
		{c.lead, "UpdateUserSecurityProfiles", with(user(c.fritz), "SecurityProfileIds", []string{c.none, c.team}), "", ""},
		{c.boss, "UpdateUserSecurityProfiles", with(user(c.cog), "SecurityProfileIds", []string{c.none, c.all}), "", ""},
		{c.lead, "TagResource", tag("agent", c.fritz), denied, "would become"},
		{c.lead, "TagResource", tag("agent", c.sam), denied, ""},
		{c.lead, "TagResource", tag(), denied, ""},
		{c.lead, "ListTagsForResource", members{"resourceArn": c.arn(c.in, "agent", c.fritz)}, "", ""},
		{c.lead, "ListTagsForResource", members{"resourceArn": c.arn(c.in, "agent", c.sam)}, denied, ""},
		{c.lead, "UntagResource", members{"resourceArn": c.arn(c.in, "agent", c.fritz), "tagKeys": []string{"Team"}}, denied,
			""},
		// faithful: no subset check
		{c.lead, "UpdateSecurityProfile", with(profile(c.none), "Permissions", []string{"BasicAgentAccess", "Queues.Purge"}),
			"", ""},
		{c.lead, "UpdateSecurityProfile", with(profile(c.all), "Permissions", []string{}), denied, ""},
		{c.lead, "UpdateSecurityProfile", profile(c.all), denied, ""}, // changes nothing, and is refused all the same
		{c.lead, "CreateSecurityProfile",
			members{"InstanceId": c.in, "SecurityProfileName": "mine", "Tags": members{"Team": "1"}}, "", ""},
		{c.lead, "CreateSecurityProfile", members{"InstanceId": c.in, "SecurityProfileName": "yours"}, denied, ""},
		{c.head, "UpdateUserHierarchy", with(user(c.fritz), "HierarchyGroupId", c.eu), "", ""},
		{c.head, "UpdateUserHierarchy", with(user(c.fritz), "HierarchyGroupId", c.us), denied, "would become"},
		{c.head, "UpdateUserHierarchy", user(c.fritz), denied, "would become"}, // into no group
		// out of a group that lead may not view: letting go belongs to the user
		{c.lead, "UpdateUserHierarchy", user(c.fritz), "", ""},
		{c.boss, "UpdateUserHierarchy", with(user(c.fritz), "HierarchyGroupId", c.fr), "", ""},
		{c.head, "UpdateUserSecurityProfiles", with(user(c.fritz), "SecurityProfileIds", []string{c.none}), denied,
			"Users.EditPermission"},
		{c.head, "DeleteUser", user(c.fritz), denied, "Users.Delete"},
		{c.lead, "DeleteUser", user(c.sam), denied, ""},
		{c.boss, "DeleteUserHierarchyGroup", members{"InstanceId": c.in, "HierarchyGroupId": c.us}, "ResourceInUseException",
			""},
		{c.boss, "AssociateSecurityProfiles",
			members{"InstanceId": c.in, "EntityType": "AI_AGENT",
				"EntityArn": "arn:aws:wisdom:us-east-1:123456789012:ai-agent/a/b", "SecurityProfiles": []members{{"Id": c.none}}},
			"", ""},
		{c.lead, "AssociateSecurityProfiles",
			members{"InstanceId": c.in, "EntityType": "AI_AGENT",
				"EntityArn": "arn:aws:wisdom:us-east-1:123456789012:ai-agent/a/c", "SecurityProfiles": []members{{"Id": c.none}}},
			denied, "QConnectAIAgents.Edit"},
	} {
		x := c.doAs(c.as(tt.who), tt.op, tt.m)
		if tt.want == "" {
			x.ok()
		} else {
			x.fails(tt.want, tt.says)
		}
		if t.Failed() {
			t.Fatalf("row %d", i)
		}
	}
}

func TestActingUserListsAndSearches(t *testing.T) {
	c := newCentre(t)
	for i := range 30 { // more than one chunk of a page, seen and hidden in turns
		c.user(fmt.Sprintf("agent%02d", i), c.none, "", members{"Team": fmt.Sprint(1 + i%2)})
	}
	names := func(op string, list, member string, m members) (all []string, pages int) {
		t.Helper()
		m["InstanceId"] = c.in
		for {
			out := c.doAs(c.as(c.lead), op, m).ok()
			pages++
			for _, u := range out[list].([]any) {
				all = append(all, u.(members)[member].(string))
			}
			if out["NextToken"] == nil {
				return all, pages
			}
			m["NextToken"] = out["NextToken"]
		}
	}
	want := []string{"lead", "fritz"}
	for i := 0; i < 30; i += 2 {
		want = append(want, fmt.Sprintf("agent%02d", i))
	}
	for _, op := range []struct{ name, list string }{{"ListUsers", "UserSummaryList"}, {"SearchUsers", "Users"}} {
		got, pages := names(op.name, op.list, "Username", members{"MaxResults": 5})
		if !slices.Equal(got, want) || pages != 4 {
			t.Errorf("%s on behalf of lead lists %v in %d pages, want %v in 4", op.name, got, pages, want)
		}
	}
	if total := c.doAs(c.as(c.lead), "SearchUsers",
		members{"InstanceId": c.in, "MaxResults": 5}).ok()["ApproximateTotalCount"]; total != float64(len(want)) {
		t.Errorf("SearchUsers on behalf of lead counts %v, want %d: how many others there are is not theirs to know", total,
			len(want))
	}
	if got, _ := names("ListSecurityProfiles", "SecurityProfileSummaryList", "Name", members{}); !slices.Equal(got,
		[]string{"Team 1", "Nothing"}) {
		t.Errorf("ListSecurityProfiles on behalf of lead lists %v", got)
	}
	// A token given to one is not good for another, nor for the key itself.
	token := c.doAs(c.as(c.lead), "ListUsers", members{"InstanceId": c.in, "MaxResults": 5}).ok()["NextToken"]
	c.doAs(c.as(c.boss), "ListUsers",
		members{"InstanceId": c.in, "MaxResults": 5, "NextToken": token}).fails("InvalidParameterException", "NextToken")
	c.do("ListUsers", members{"InstanceId": c.in, "MaxResults": 5, "NextToken": token}).fails("InvalidParameterException",
		"NextToken")
}

// What is refused to a user is recorded, reads as well, and changes nothing else.
func TestActingUserIsRecorded(t *testing.T) {
	c := newCentre(t)
	before := c.do("UpdateSecurityProfile",
		members{"InstanceId": c.in, "SecurityProfileId": c.none}).header.Get("X-Lanyard-Revision")
	c.doAs(c.as("lead"), "DescribeUser", members{"InstanceId": c.in, "UserId": c.sam}).fails("AccessDeniedException")
	c.doAs(c.as("lead"), "TagResource",
		members{"resourceArn": c.arn(c.in, "agent", c.fritz), "tags": members{"Team": "2"}}).fails("AccessDeniedException")
	c.doAs(c.as("lead"), "TagResource",
		members{"resourceArn": c.arn(c.in, "agent", c.fritz), "tags": members{"Shift": "2"}}).ok()
	var revision int64
	fmt.Sscan(before, &revision)
	events, err := c.svc.Events(t.Context(), c.in, revision, 100)
	if err != nil || len(events) != 3 {
		t.Fatalf("%d events, %v; want 3", len(events), err)
	}
	for i, want := range []struct {
		op, request string
		refused     bool
		changes     int
	}{{"DescribeUser", c.sam, true, 0}, {"TagResource", `"Team":"2"`, true, 0}, {"TagResource", `"Shift":"2"`, false, 1}} {
		e := events[i]
		r := audit.From(e)
		if e.Operation != want.op || e.OnBehalfOf != c.lead || (e.Refused != "") != want.refused ||
			len(e.Changes) != want.changes || !strings.Contains(string(e.Request), want.request) ||
			(r.ErrorCode == "AccessDenied") != want.refused || r.UserIdentity.OnBehalfOf == nil ||
			r.UserIdentity.OnBehalfOf.UserID != c.lead {
			t.Errorf("event %d is %+v, want %+v", i, e, want)
		}
	}
	if tags := c.do("ListTagsForResource",
		members{"resourceArn": c.arn(c.in, "agent", c.fritz)}).ok()["tags"].(members); tags["Team"] != "1" {
		t.Errorf("the refused call set the tags to %v", tags)
	}
}

func TestActingUserHeader(t *testing.T) {
	c := newCentre(t)
	for _, values := range [][]string{{""}, {"lead", "boss"}, {strings.Repeat("x", 5000)}, {}} {
		h := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			r.Header[awsapi.ActingUser] = values
			c.api.ServeHTTP(rw, r)
		})
		c.doAs(h, "ListUsers", members{"InstanceId": c.in}).fails("InvalidParameterException", "x-lanyard-acting-user")
	}
	other := c.instance("other")
	c.doAs(c.as(c.boss), "ListUsers", members{"InstanceId": other}).fails("AccessDeniedException",
		"does not exist in instance "+other)
	c.doAs(c.as(c.arn(c.in, "agent", c.boss)), "ListUsers",
		members{"InstanceId": other}).fails("ResourceNotFoundException", "acting user")
	rec := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/users-summary/"+c.in, nil)
	r.Header[awsapi.ActingUser] = []string{c.boss}
	c.other.ServeHTTP(rec, r) // an account that does not own the instance learns nothing
	if rec.Code != http.StatusNotFound {
		t.Errorf("a stranger on behalf of boss gets %d %s", rec.Code, rec.Body)
	}
}

// A right that is taken away is gone for the next call.
func TestActingUserAfterRevocation(t *testing.T) {
	c := newCentre(t)
	m := members{"InstanceId": c.in, "UserId": c.sam}
	for range 20 {
		c.doAs(c.as(c.cog), "DescribeUser", m).fails("AccessDeniedException")
		c.do("UpdateUserSecurityProfiles",
			members{"InstanceId": c.in, "UserId": c.cog, "SecurityProfileIds": []string{c.all}}).ok()
		c.doAs(c.as(c.cog), "DescribeUser", m).ok()
		c.do("UpdateUserSecurityProfiles",
			members{"InstanceId": c.in, "UserId": c.cog, "SecurityProfileIds": []string{c.none}}).ok()
	}
}

// Client tokens belong to calls: who may make modules may remember and forget them, without any other right.
func TestActingUserAndClientTokens(t *testing.T) {
	c := newCentre(t)
	maker := c.user("maker",
		c.id("CreateSecurityProfile",
			members{"InstanceId": c.in, "SecurityProfileName": "Modules", "Permissions": []string{"ContactFlowModules.Create"},
				"AllowedAccessControlTags": members{"Team": "1"}, "TagRestrictedResources": []string{"User"}}), "", nil)
	for _, token := range []string{"one", "two", "three"} {
		c.doAs(c.as(maker), "CreateContactFlowModule",
			members{"InstanceId": c.in, "Name": token, "Content": "{}", "ClientToken": token}).ok()
		c.pass(8 * 24 * time.Hour)
	}
}

// TestActingUserAndFlowModules has an editor save and not publish, and a publisher reach only modules of
// the team, with all that hangs below them.
func TestActingUserAndFlowModules(t *testing.T) {
	c := newCentre(t)
	who := func(name string, permissions ...string) http.Handler {
		return c.as(c.user(name, c.id("CreateSecurityProfile", members{"InstanceId": c.in, "SecurityProfileName": name,
			"Permissions": permissions, "AllowedAccessControlTags": members{"Team": "1"},
			"TagRestrictedResources": []string{"FlowModule"}}), "", nil))
	}
	module := func(team string) string {
		return c.id("CreateContactFlowModule",
			members{"InstanceId": c.in, "Name": "of " + team, "Content": "{}", "Tags": members{"Team": team}})
	}
	ours, theirs := module("1"), module("2")
	editor := who("editor", "ContactFlowModules.Edit")
	publisher := who("publisher", "ContactFlowModules.Edit", "ContactFlowModules.Publish")
	viewer := who("viewer", "ContactFlowModules.View")
	alias := func(id string) string {
		c.do("CreateContactFlowModuleVersion", members{"InstanceId": c.in, "ContactFlowModuleId": id}).ok()
		return c.id("CreateContactFlowModuleAlias",
			members{"InstanceId": c.in, "ContactFlowModuleId": id, "AliasName": "live", "ContactFlowModuleVersion": 1})
	}
	our, their := alias(ours), alias(theirs)
	for i, tt := range []struct {
		who       http.Handler
		op, id    string
		more      members
		permitted bool
	}{
		{editor, "UpdateContactFlowModuleContent", ours + ":$SAVED", members{"Content": "[]"}, true},
		{editor, "UpdateContactFlowModuleContent", ours, members{"Content": "[]"}, false},
		{editor, "UpdateContactFlowModuleContent", theirs + ":$SAVED", members{"Content": "[]"}, false},
		{editor, "CreateContactFlowModuleVersion", ours, nil, false},
		{publisher, "UpdateContactFlowModuleContent", ours, members{"Content": "[1]"}, true},
		{publisher, "CreateContactFlowModuleVersion", ours, nil, true},
		{publisher, "CreateContactFlowModuleVersion", theirs, nil, false},
		{publisher, "UpdateContactFlowModuleAlias", ours, members{"AliasId": our, "ContactFlowModuleVersion": 2}, true},
		{publisher, "UpdateContactFlowModuleAlias", theirs, members{"AliasId": their, "Name": "taken"}, false},
		{publisher, "DeleteContactFlowModuleAlias", theirs, members{"AliasId": their}, false},
		{publisher, "DeleteContactFlowModuleVersion", theirs, members{"ContactFlowModuleVersion": 1}, false},
		{publisher, "DeleteContactFlowModuleVersion", ours, members{"ContactFlowModuleVersion": 1}, true},
		{viewer, "DescribeContactFlowModule", ours + ":2", nil, true},
		{viewer, "DescribeContactFlowModule", theirs + ":1", nil, false},
		{viewer, "ListContactFlowModuleVersions", theirs, nil, false},
		{viewer, "DescribeContactFlowModuleAlias", theirs, members{"AliasId": their}, false},
	} {
		m := members{"InstanceId": c.in, "ContactFlowModuleId": tt.id}
		for name, v := range tt.more {
			m[name] = v
		}
		if x := c.doAs(tt.who, tt.op, m); tt.permitted {
			x.ok()
		} else {
			x.fails("AccessDeniedException")
		}
		if t.Failed() {
			t.Fatalf("row %d: %s", i, tt.op)
		}
	}
}

func TestStrict(t *testing.T) {
	c := newCentre(t, func(cfg *control.Config, _ *awsapi.Config) { cfg.Strict = true })
	const denied = "AccessDeniedException"
	update := func(id string, permissions ...string) members {
		return members{"InstanceId": c.in, "SecurityProfileId": id, "Permissions": permissions}
	}
	assign := func(id string, profiles ...string) members {
		return members{"InstanceId": c.in, "UserId": id, "SecurityProfileIds": profiles}
	}
	for i, tt := range []struct {
		who, op string
		m       members
		want    string
		says    string
	}{
		{c.boss, "UpdateSecurityProfile", update(c.none, "BasicAgentAccess", "Users.View"), "", ""},
		{c.boss, "UpdateSecurityProfile", update(c.none, "BasicAgentAccess", "Queues.Purge"), denied, "Queues.Purge"},
		{c.boss, "UpdateSecurityProfile", update(c.all, "Users.View"), denied, "their own profiles"},
		{c.boss, "UpdateUserSecurityProfiles", assign(c.boss, c.all, c.team), denied, "their own"},
		// what cog holds already is not asked about
		{c.boss, "UpdateUserSecurityProfiles", assign(c.cog, c.none, c.all), "", ""},
		{c.boss, "TagResource", members{"resourceArn": c.arn(c.in, "agent", c.boss), "tags": members{"Team": "1"}}, denied,
			"their own"},
		{c.boss, "CreateUser", c.newUser("five", c.all, "", nil), "", ""},
		{c.boss, "CreateSecurityProfile",
			members{"InstanceId": c.in, "SecurityProfileName": "x", "Permissions": []string{"Queues.Purge"}}, denied,
			"Queues.Purge"},
		// boss sees everybody
		{c.boss, "UpdateSecurityProfile",
			members{"InstanceId": c.in, "SecurityProfileId": c.below, "HierarchyRestrictedResources": []string{}}, "", ""},
		{c.lead, "CreateSecurityProfile",
			members{"InstanceId": c.in, "SecurityProfileName": "y", "Permissions": []string{"Users.View"},
				"Tags": members{"Team": "1"}}, denied, "Users.View"},
		{c.lead, "CreateSecurityProfile",
			members{"InstanceId": c.in, "SecurityProfileName": "y", "Permissions": []string{"Users.View"},
				"Tags":                     members{"Team": "1"},
				"AllowedAccessControlTags": members{"Team": "1"}, "TagRestrictedResources": []string{"User"}}, "", ""},
		{c.boss, "AssociateSecurityProfiles",
			members{"InstanceId": c.in, "EntityType": "AI_AGENT",
				"EntityArn": "arn:aws:wisdom:us-east-1:123456789012:ai-agent/a/b", "SecurityProfiles": []members{{"Id": c.below}}},
			"", ""},
		{"", "UpdateSecurityProfile", update(c.all, "Queues.Purge"), "", ""}, // the operator's key is nobody's
	} {
		var h http.Handler = c.api
		if tt.who != "" {
			h = c.as(tt.who)
		}
		x := c.doAs(h, tt.op, tt.m)
		if tt.want == "" {
			x.ok()
		} else {
			x.fails(tt.want, tt.says)
		}
		if t.Failed() {
			t.Fatalf("row %d", i)
		}
	}
}

// What a user is refused costs little room, whatever they ask and however often, and is found in the audit.
func TestRefusedCallsAreSmall(t *testing.T) {
	c := newCentre(t)
	size := func() (bytes, records int) {
		for after := int64(0); ; {
			page, err := c.svc.Events(t.Context(), c.in, after, 1000)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				return bytes, records
			}
			for _, e := range page {
				b, err := json.Marshal(e)
				if err != nil {
					t.Fatal(err)
				}
				bytes, records, after = bytes+len(b), records+1, e.Revision
			}
		}
	}
	before, n := size()
	text := strings.Repeat("x", 280_000)
	for range 10 {
		m := members{"InstanceId": c.in,
			"SearchCriteria": members{"StringCondition": members{"FieldName": "Name", "Value": text,
				"ComparisonType": "CONTAINS"}}}
		c.doAs(c.as(c.cog), "SearchSecurityProfiles", m).fails("AccessDeniedException")
	}
	after, now := size()
	if grown := after - before; now-n != 10 || grown > 16<<10 {
		t.Errorf("ten refused calls of 280 KB left %d records and %d bytes", now-n, grown)
	}
	for range 200 {
		c.doAs(c.as(c.cog), "ListUsers", members{"InstanceId": c.in}).fails("AccessDeniedException")
	}
	last, all := size()
	if grown := last - after; all-now > 10 || grown > 16<<10 {
		t.Errorf("200 refused calls more left %d records and %d bytes", all-now, grown)
	}
}

// TestActingUserOnDataTables reads and changes data tables on behalf of users who may reach one of two by its tag, and
// of one whose profile restricts rows.
func TestActingUserOnDataTables(t *testing.T) {
	c := newCentre(t)
	profile := func(name string, m members) string {
		m["InstanceId"], m["SecurityProfileName"] = c.in, name
		return c.id("CreateSecurityProfile", m)
	}
	every := []string{"DataTables.View", "DataTables.Create", "DataTables.Edit", "DataTables.Delete"}
	editor := c.user("editor", profile("Edit tables", members{"Permissions": every,
		"AllowedAccessControlTags": members{"Team": "1"}, "TagRestrictedResources": []string{"DataTable"}}), "", nil)
	viewer := c.user("viewer", profile("View tables", members{"Permissions": []string{"DataTables.View"}}), "", nil)
	ofRows := c.user("of.rows", profile("Rows", members{"Permissions": every, "GranularAccessControlConfiguration": members{
		"DataTableAccessControlConfiguration": members{"PrimaryAttributeAccessControlConfiguration": members{
			"PrimaryAttributeValues": []members{{"AccessType": "ALLOW", "AttributeName": "Region",
				"Values": []string{"EU"}}}}}}}), "", nil)
	table := func(name string, tags members) string {
		id := c.id("CreateDataTable", members{"InstanceId": c.in, "Name": name, "TimeZone": "UTC", "ValueLockLevel": "NONE",
			"Status": "PUBLISHED", "Tags": tags})
		for _, a := range []string{"Region", "Price"} {
			c.do("CreateDataTableAttribute", members{"InstanceId": c.in, "DataTableId": id, "Name": a, "ValueType": "TEXT",
				"Primary": a == "Region"}).ok()
		}
		return id
	}
	ours, theirs := table("Ours", members{"Team": "1"}), table("Theirs", members{"Team": "2"})
	of := func(table string, more members) members {
		m := members{"InstanceId": c.in, "DataTableId": table}
		for k, v := range more {
			m[k] = v
		}
		return m
	}
	metadata := members{"Name": "Renamed", "TimeZone": "UTC", "ValueLockLevel": "VALUE"}
	price := members{"AttributeName": "Price", "Name": "Price", "ValueType": "TEXT"}
	create := func(tags members) members {
		return members{"InstanceId": c.in, "Name": "New", "TimeZone": "UTC", "ValueLockLevel": "NONE", "Status": "PUBLISHED",
			"Tags": tags}
	}
	const denied = "AccessDeniedException"
	for i, tt := range []struct {
		who, op    string
		m          members
		want, says string
	}{
		{editor, "DescribeDataTable", of(ours+":$LATEST", nil), "", ""},
		{editor, "DescribeDataTable", of(theirs, nil), denied, "DataTables.View"},
		{editor, "DescribeDataTable", of("none", nil), denied, "DataTables.View"},
		{editor, "ListDataTableAttributes", of(theirs, nil), denied, "DataTables.View"},
		{editor, "DescribeDataTableAttribute", of(theirs, members{"AttributeName": "Region"}), denied, "DataTables.View"},
		{editor, "UpdateDataTableMetadata", of(ours, metadata), "", ""},
		{editor, "UpdateDataTableMetadata", of(theirs, metadata), denied, "DataTables.Edit"},
		{editor, "CreateDataTableAttribute", of(ours, members{"Name": "Tier", "ValueType": "TEXT"}), "", ""},
		{editor, "CreateDataTableAttribute", of(theirs, members{"Name": "Tier", "ValueType": "TEXT"}), denied,
			"DataTables.Edit"},
		{editor, "UpdateDataTableAttribute", of(ours, price), "", ""},
		{editor, "UpdateDataTableAttribute", of(theirs, price), denied, "DataTables.Edit"},
		{editor, "DeleteDataTableAttribute", of(theirs, members{"AttributeName": "Price"}), denied, "DataTables.Edit"},
		{editor, "DeleteDataTableAttribute", of(ours, members{"AttributeName": "Tier"}), "", ""},
		{editor, "CreateDataTable", create(members{"Team": "1"}), "", ""},
		{editor, "CreateDataTable", create(members{"Team": "2"}), denied, "would become"},
		{editor, "TagResource", members{"resourceArn": c.arn(c.in, "data-table", ours), "tags": members{"Team": "2"}}, denied,
			"would become"},
		{editor, "DeleteDataTable", of(theirs, nil), denied, "DataTables.Delete"},
		{viewer, "DescribeDataTableAttribute", of(theirs, members{"AttributeName": "Region"}), "", ""},
		{viewer, "CreateDataTable", create(nil), denied, "DataTables.Create"},
		{viewer, "UpdateDataTableMetadata", of(ours, metadata), denied, "DataTables.Edit"},
		{viewer, "CreateDataTableAttribute", of(ours, members{"Name": "x", "ValueType": "TEXT"}), denied, "DataTables.Edit"},
		{viewer, "DeleteDataTable", of(ours, nil), denied, "DataTables.Delete"},
		// What changes or deletes all rows requires the right to all rows, whether there are any or not.
		{ofRows, "DescribeDataTable", of(ours, nil), "", ""},
		{ofRows, "CreateDataTableAttribute", of(ours, members{"Name": "x", "ValueType": "TEXT"}), "", ""},
		{ofRows, "CreateDataTableAttribute", of(ours, members{"Name": "y", "ValueType": "TEXT", "Primary": true}), denied,
			"all rows"},
		{ofRows, "UpdateDataTableAttribute", of(ours, members{"AttributeName": "x", "Name": "z", "ValueType": "TEXT"}), "", ""},
		{ofRows, "UpdateDataTableAttribute", of(ours, members{"AttributeName": "z", "Name": "z", "ValueType": "NUMBER"}), denied,
			"all rows"},
		{ofRows, "UpdateDataTableAttribute", of(ours, members{"AttributeName": "Region", "Name": "Region", "ValueType": "TEXT",
			"Primary": true, "Validation": members{"IgnoreCase": true}}), denied, "all rows"},
		// Rules name attributes: another name would have them be about other values.
		{ofRows, "UpdateDataTableAttribute", of(ours, members{"AttributeName": "Region", "Name": "Area", "ValueType": "TEXT",
			"Primary": true}), denied, "all rows"},
		{ofRows, "DeleteDataTableAttribute", of(ours, members{"AttributeName": "z"}), denied, "all rows"},
		{ofRows, "DeleteDataTable", of(ours, nil), denied, "all rows"},
	} {
		x := c.doAs(c.as(tt.who), tt.op, tt.m)
		if tt.want == "" {
			x.ok()
		} else {
			x.fails(tt.want, tt.says)
		}
		if t.Failed() {
			t.Fatalf("row %d", i)
		}
	}
	for who, want := range map[string]int{editor: 2, viewer: 3, ofRows: 3} {
		listed := c.doAs(c.as(who), "ListDataTables", members{"InstanceId": c.in}).ok()["DataTableSummaryList"].([]any)
		found := c.doAs(c.as(who), "SearchDataTables", members{"InstanceId": c.in}).ok()
		if total := found["ApproximateTotalCount"]; len(listed) != want || fmt.Sprint(total) != fmt.Sprint(want) {
			t.Errorf("%s is shown %d tables and finds %v, want %d", who, len(listed), total, want)
		}
	}
	c.doAs(c.as(editor), "DeleteDataTable", of(ours, nil)).ok()
}

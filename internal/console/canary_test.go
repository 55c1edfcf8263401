package console_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/lanyard/lanyard"
	api "github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/console"
	"github.com/lanyard/lanyard/internal/control"
)

// A canaryWorld is an instance with or without resources that nearly all of its viewers may not see. Resources that
// are in both worlds have the same ids, names and times in both.
type canaryWorld struct {
	*site
	with  bool
	next  string // id of what is made next
	ids   uuid.UUID
	n     int
	root  *browser
	meter *meter
}

// idOf returns the id of the resource that requests call $name.
func idOf(name string) string { return uuid.NewSHA1(uuid.NameSpaceURL, []byte(name)).String() }

var canaryNames = regexp.MustCompile(`\$[a-z]+[0-9]*`)

// spell replaces names that begin with a dollar sign by ids.
func spell(body string) string {
	return canaryNames.ReplaceAllStringFunc(body, func(name string) string { return idOf(name[1:]) })
}

// newHidingWorld makes a world with hidden resources, newOpenWorld one without.
func newHidingWorld(t *testing.T, change ...func(*control.Config)) *canaryWorld {
	t.Helper()
	return (&canaryWorld{with: true}).prepare(t, change...)
}

func newOpenWorld(t *testing.T, change ...func(*control.Config)) *canaryWorld {
	t.Helper()
	return new(canaryWorld).prepare(t, change...)
}

func (w *canaryWorld) prepare(t *testing.T, change ...func(*control.Config)) *canaryWorld {
	t.Helper()
	w.meter = new(meter)
	w.meter.reset()
	now := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)
	w.begin("start")
	s := newEmptySite(t, func(c *control.Config) {
		c.Now = func() time.Time { return now }
		c.NewID, c.Lenient = w.newID, true // tags restrict every type
		c.Store = meteredStore{c.Store, w.meter}
		for _, f := range change {
			f(c)
		}
	})
	w.site = s
	s.handler = w.meter.measure(s.handler)
	var err error
	if s.root, err = s.svc.SetRootKey(t.Context(), "AKIACANARY0000000001", "canary-secret-canary-secret",
		ownAccount); err != nil {
		t.Fatal(err)
	}
	w.next = idOf("instance")
	created, err := s.svc.CreateInstance(t.Context(), s.operation("CreateInstance"),
		control.NewInstance{Alias: "canaries", IdentityManagement: control.ConnectManaged})
	if err != nil {
		t.Fatal(err)
	}
	in := created.Instance
	s.in = in
	w.root = s.operator()
	w.fill()
	return w
}

// begin makes generated ids the same in both worlds from here on.
func (w *canaryWorld) begin(step string) {
	w.ids, w.n = uuid.NewSHA1(uuid.NameSpaceURL, []byte(step)), 0
}

func (w *canaryWorld) newID() string {
	if id := w.next; id != "" {
		w.next = ""
		return id
	}
	w.n++
	return uuid.NewSHA1(w.ids, []byte(fmt.Sprint(w.n))).String()
}

// make creates the resource that requests call $name, as the operator.
func (w *canaryWorld) make(name, operation, body string) {
	w.Helper()
	w.begin(name + operation)
	w.next = idOf(name)
	w.root.ok("call/"+operation, spell(`{"InstanceId": "$instance", `+body+`}`))
	w.next = ""
}

const (
	seen   = `"Tags": {"Country": "FR"}`
	unseen = `"Tags": {"Country": "DE", "CanaryKey": "canary"}`
	soft   = `"PhoneConfig": {"PhoneType": "SOFT_PHONE"}, "Password": "` + goodPassword + `"`
)

// canaryTypes are the names under which tags restrict what lanyard stores.
const canaryTypes = `["User", "SecurityProfile", "Queue", "RoutingProfile", "HierarchyGroup", "HoursOfOperation", "ContactFlowModule", "QuickConnect", "DataTable", "ContactFlow"]`

// viewers are the users who look, with their permissions and restrictions.
var viewers = []struct{ name, permissions, restriction string }{
	{"nothing", ``, ``},
	{"agent", `"BasicAgentAccess", "OutboundCallAccess"`, ``},
	{"one", `"Users.View"`, `"TagRestrictedResources": ["User"], "AllowedAccessControlTags": {"Country": "FR"}`},
	{"looker", canaryViews + `, "HistoricalChanges.View"`, `"TagRestrictedResources": ` + canaryTypes +
		`, "AllowedAccessControlTags": {"Country": "FR"}`},
	{"head", `"Users.View", "Users.Edit", "Users.EditPermission", "Users.Delete", "SecurityProfiles.View"`,
		`"HierarchyRestrictedResources": ["User"], "AllowedAccessControlHierarchyGroupId": "$group", "TagRestrictedResources": ["SecurityProfile"], "AllowedAccessControlTags": {"Country": "FR"}`},
	{"lead", canaryViews + `, "HistoricalChanges.View", "Users.Edit", "Users.EditPermission", "Users.Create", "Users.Delete", "SecurityProfiles.Edit", "SecurityProfiles.Create", "SecurityProfiles.Delete",
		"Queues.Edit", "Queues.Create", "Queues.Delete", "RoutingPolicies.Edit", "RoutingPolicies.Create", "RoutingPolicies.Delete", "AgentGrouping.Edit", "AgentGrouping.Create",
		"HoursOfOperation.Edit", "HoursOfOperation.Create", "HoursOfOperation.Delete", "ContactFlowModules.Edit", "ContactFlowModules.Create", "ContactFlowModules.Delete", "ContactFlowModules.Publish",
		"TransferDestinations.Edit", "TransferDestinations.Create", "TransferDestinations.Delete", "DataTables.Edit", "DataTables.Create", "DataTables.Delete", "DataTables.ManageValues", ` + canaryFlowEdits + `, ` + canaryFormEdits,
		`"TagRestrictedResources": ` + canaryTypes + `, "AllowedAccessControlTags": {"Country": "FR"}`},
	{"rows", `"DataTables.View", "DataTables.ManageValues", "DataTables.Edit", "DataTables.Delete", "HistoricalChanges.View", "Users.View"`,
		`"TagRestrictedResources": ["DataTable", "User"], "AllowedAccessControlTags": {"Country": "IT"},
		"GranularAccessControlConfiguration": {"DataTableAccessControlConfiguration": {"PrimaryAttributeAccessControlConfiguration":
			{"PrimaryAttributeValues": [{"AccessType": "ALLOW", "AttributeName": "Key", "Values": ["FR"]}]}}}`},
	{"mailer", `"AgentStates.View", "AgentStates.Create", "AgentStates.Edit", "PredefinedAttributes.View", "PredefinedAttributes.Create", "PredefinedAttributes.Edit",
		"PredefinedAttributes.Delete", "EmailAddresses.View", "EmailAddresses.Create", "EmailAddresses.Edit", "EmailAddresses.Remove", "Queues.View", "Queues.Edit"`,
		`"TagRestrictedResources": ["Queue", "EmailAddress", "HoursOfOperation", "QuickConnect", "ContactFlow"], "AllowedAccessControlTags": {"Country": "FR"}`},
	{"assigner", `"Users.View", "Users.EditPermission"`,
		`"TagRestrictedResources": ["User"], "AllowedAccessControlTags": {"Country": "FR"}`},
	{"admin", canaryViews + `, "HistoricalChanges.View", "QConnectAIAgents.View", "QConnectAIAgents.Edit", "Users.Edit", "Users.EditPermission", "Users.Create", "Users.Delete",
		"SecurityProfiles.Edit", "SecurityProfiles.Create", "SecurityProfiles.Delete", "AgentGrouping.Edit", "AgentGrouping.Create", ` + canaryFlowEdits + `, ` + canaryFormEdits, ``},
}

const canaryViews = `"Users.View", "SecurityProfiles.View", "Queues.View", "RoutingPolicies.View", "AgentGrouping.View", "HoursOfOperation.View", "ContactFlowModules.View", "TransferDestinations.View", "DataTables.View", ` + canaryFlowViews + `, ` + canaryFormViews

// canaryLine is a queue of a routing profile.
const canaryLine = `{"QueueReference": {"QueueId": "%s", "Channel": "VOICE"}, "Priority": 1, "Delay": 0}`

const canaryAgent = "arn:aws:wisdom:us-east-1:" + ownAccount + ":ai-agent/canary/one"

// inRow is a value of the row of $prices with a key; cell is the rest of the value.
func inRow(key, cell string) string {
	return `{"PrimaryValues": [{"AttributeName": "Key", "Value": "` + key + `"}], "AttributeName": "Price"` + cell + `}`
}

// fill creates visible resources; hidden ones that are in one world only (their names begin with h); and hidden ones
// whose content differs between the worlds (x), because visible resources refer to them.
func (w *canaryWorld) fill() {
	w.Helper()
	hidden := func(name, operation, body string) {
		if w.with {
			w.make(name, operation, body)
		}
	}
	// other is a text that differs.
	other, more := "Canary one", `, "ManagerListenIn"`
	if w.with {
		other, more = "Canary two", `, "Queues.Purge", "ManagerBargeIn"`
	}
	only := func(text string) string {
		if w.with {
			return text
		}
		return ""
	}
	w.begin("structure")
	w.root.ok("call/UpdateUserHierarchyStructure",
		spell(`{"InstanceId": "$instance", "HierarchyStructure": {"LevelOne": {"Name": "One"}, "LevelTwo": {"Name": "Two"}, "LevelThree": {"Name": "Three"}}}`))
	w.make("group", "CreateUserHierarchyGroup", `"Name": "Europe", `+seen)
	w.make("xgroup", "CreateUserHierarchyGroup", `"ParentGroupId": "$group", "Name": "`+other+`", `+unseen)
	w.make("below", "CreateUserHierarchyGroup", `"ParentGroupId": "$xgroup", "Name": "Below", `+seen)
	hidden("hgroup", "CreateUserHierarchyGroup", `"Name": "Canary group", `+unseen)
	hidden("hgroup2", "CreateUserHierarchyGroup", `"ParentGroupId": "$group", "Name": "Canary below", `+unseen)
	w.make("hours", "CreateHoursOfOperation", `"Name": "Hours", "TimeZone": "UTC", "Config": [], `+seen)
	w.make("xhours", "CreateHoursOfOperation", `"Name": "`+other+`", "TimeZone": "UTC", "Config": [], `+unseen)
	hidden("hhours", "CreateHoursOfOperation", `"Name": "Canary hours", "TimeZone": "UTC", "Config": [], `+unseen)
	w.make("hours2", "CreateHoursOfOperation",
		`"Name": "Inheriting", "TimeZone": "UTC", "Config": [], "ParentHoursOfOperationConfigs": [{"HoursOfOperationId": "$hours"}`+
			only(`, {"HoursOfOperationId": "$hhours"}`)+`], `+seen)
	w.make("flow", "CreateContactFlow", `"Name": "Flow", "Type": "CONTACT_FLOW", "Content": `+canaryFlow+`, `+seen)
	phone := `"QuickConnectConfig": {"QuickConnectType": "PHONE_NUMBER", "PhoneConfig": {"PhoneNumber": "+12065550100"}}`
	w.make("connect", "CreateQuickConnect", `"Name": "Connect", `+phone+`, `+seen)
	w.make("connect2", "CreateQuickConnect", `"Name": "Unused", `+phone+`, `+seen)
	hidden("hconnect", "CreateQuickConnect", `"Name": "Canary connect", `+phone+`, `+unseen)
	w.make("address", "CreateEmailAddress", `"EmailAddress": "seen@example.com", `+seen)
	hidden("haddress", "CreateEmailAddress", `"EmailAddress": "canary@example.com", `+unseen)
	w.make("address2", "CreateEmailAddress", `"EmailAddress": "second@example.com", `+seen)
	w.make("address3", "CreateEmailAddress", `"EmailAddress": "unused@example.com", `+seen)
	w.make("attribute", "CreatePredefinedAttribute", `"Name": "a", "Values": {"StringList": ["b"]}`)
	w.make("status", "CreateAgentStatus", `"Name": "Lunch", "State": "ENABLED"`)
	w.make("override", "CreateHoursOfOperationOverride", `"HoursOfOperationId": "$hours", "Name": "Closed", `+canaryDay)
	hidden("hoverride", "CreateHoursOfOperationOverride", `"HoursOfOperationId": "$hhours", "Name": "Canary day", `+
		`"EffectiveFrom": "2030-01-01", "EffectiveTill": "2030-01-01", "Config": []`)
	w.make("queue", "CreateQueue", `"Name": "Queue", "HoursOfOperationId": "$hours", "QuickConnectIds": ["$connect"`+
		only(`, "$hconnect"`)+`], "EmailAddressesConfig": [{"EmailAddressId": "$address"}`+
		only(`, {"EmailAddressId": "$haddress"}`)+`], `+seen)
	w.make("queue2", "CreateQueue", `"Name": "Queue at night", "HoursOfOperationId": "$xhours", `+seen)
	w.make("hours3", "CreateHoursOfOperation", `"Name": "Unused", "TimeZone": "UTC", "Config": [], `+seen)
	w.make("queue3", "CreateQueue", `"Name": "Unused", "HoursOfOperationId": "$hours", `+seen)
	hidden("hqueue", "CreateQueue", `"Name": "Canary queue", "HoursOfOperationId": "$hours", `+unseen)
	voice := `"Description": "d", "DefaultOutboundQueueId": "$queue", "MediaConcurrencies": [{"Channel": "VOICE", "Concurrency": 1}]`
	line := canaryLine
	w.make("routing", "CreateRoutingProfile", `"Name": "Routing", `+voice+`, "QueueConfigs": [`+
		only(fmt.Sprintf(line, "$hqueue")+",")+fmt.Sprintf(line, "$queue2")+
		`], "ManualAssignmentQueueConfigs": [{"QueueReference": {"QueueId": "$queue", "Channel": "VOICE"}}`+
		only(`, {"QueueReference": {"QueueId": "$hqueue", "Channel": "VOICE"}}`)+`], `+seen)
	w.make("routing2", "CreateRoutingProfile", `"Name": "Second", `+voice+`, `+seen)
	w.make("routing3", "CreateRoutingProfile", `"Name": "Unused", `+voice+`, `+seen)
	hidden("hrouting", "CreateRoutingProfile", `"Name": "Canary routing", `+strings.ReplaceAll(voice, "$queue", "$hqueue")+
		`, `+unseen)
	w.make("xrouting", "CreateRoutingProfile", `"Name": "`+other+`", `+voice+`, `+unseen)
	w.make("module", "CreateContactFlowModule", `"Name": "Module", "Content": "{}", `+seen)
	hidden("hmodule", "CreateContactFlowModule", `"Name": "Canary module", "Content": "{}", `+unseen)
	for _, of := range []string{"", "h"} {
		if of == "h" && !w.with {
			continue
		}
		w.make(of+"version", "CreateContactFlowModuleVersion", `"ContactFlowModuleId": "$`+of+`module"`)
		w.make(of+"alias", "CreateContactFlowModuleAlias", `"ContactFlowModuleId": "$`+of+
			`module", "AliasName": "Live", "ContactFlowModuleVersion": 1`)
	}

	w.fillFlows(other)
	w.fillForms()

	table := `"TimeZone": "UTC", "ValueLockLevel": "NONE", "Status": "PUBLISHED", `
	w.make("table", "CreateDataTable", `"Name": "Table", `+table+seen)
	w.make("table2", "CreateDataTable", `"Name": "Unused", `+table+seen)
	hidden("htable", "CreateDataTable", `"Name": "Canary table", `+table+unseen)
	w.make("column", "CreateDataTableAttribute", `"DataTableId": "$table", "Name": "Column", "ValueType": "TEXT"`)
	hidden("hcolumn", "CreateDataTableAttribute", `"DataTableId": "$htable", "Name": "Canary column", "ValueType": "TEXT"`)
	w.make("id", "CreateDataTableAttribute", `"DataTableId": "$table", "Name": "Id", "ValueType": "TEXT", "Primary": true`)
	w.make("one", "BatchCreateDataTableValue",
		`"DataTableId": "$table", "Values": [{"PrimaryValues": [{"AttributeName": "Id", "Value": "1"}], "AttributeName": "Column", "Value": "x"}]`)
	// Of this table one viewer may view the rows of FR; to others it does not exist.
	w.make("prices", "CreateDataTable", `"Name": "Prices", `+table+`"Tags": {"Country": "IT"}`)
	w.make("key", "CreateDataTableAttribute", `"DataTableId": "$prices", "Name": "Key", "ValueType": "TEXT", "Primary": true`)
	w.make("price", "CreateDataTableAttribute", `"DataTableId": "$prices", "Name": "Price", "ValueType": "TEXT"`)
	w.make("row", "BatchCreateDataTableValue", `"DataTableId": "$prices", "Values": [`+inRow("FR", `, "Value": "12"`)+`]`)
	hidden("hrow", "BatchCreateDataTableValue", `"DataTableId": "$prices", "Values": [`+
		inRow("DE", `, "Value": "canary 13"`)+`, `+inRow("AT", `, "Value": "canary 14"`)+`]`)

	w.make("profile", "CreateSecurityProfile",
		`"SecurityProfileName": "Visible", "Permissions": ["BasicAgentAccess", "Users.View", "Queues.View", "Queues.Edit"], `+
			seen)
	w.make("unheld", "CreateSecurityProfile",
		`"SecurityProfileName": "Unheld", "Permissions": ["Users.EditPermission", "Users.View", "Queues.View"], `+seen)
	w.make("linted", "CreateSecurityProfile",
		`"SecurityProfileName": "Linted", "Permissions": ["Users.View"], "AllowedAccessControlTags": {"canarykey": "x"}, "TagRestrictedResources": `+
			canaryTypes+`, `+seen)
	w.make("linted2", "CreateSecurityProfile",
		`"SecurityProfileName": "Linted too", "Permissions": ["Users.View"], "AllowedAccessControlTags": {"CanaryKey": "canary"}, "TagRestrictedResources": `+
			canaryTypes+`, `+seen)
	w.make("xprofile", "CreateSecurityProfile", `"SecurityProfileName": "`+other+`", "Permissions": ["BasicAgentAccess"`+
		more+`], "Description": "`+other+`", `+unseen)
	hidden("hprofile", "CreateSecurityProfile", `"SecurityProfileName": "Canary profile", "Permissions": ["Queues.Purge", "Users.View", "Queues.View"],
		"Applications": [{"Namespace": "CANARYAPP", "ApplicationPermissions": ["ACCESS"]}], `+unseen)

	user := func(name, profiles, more string) string {
		return `"Username": "` + name + `", "SecurityProfileIds": [` + profiles + `], "IdentityInfo": {"FirstName": "` +
			name + `", "LastName": "x", "Email": "` + name + `@example.com"}, ` + soft + `, ` + more
	}
	for _, v := range viewers {
		restriction := ""
		if v.restriction != "" {
			restriction = ", " + v.restriction
		}
		w.make("p"+v.name, "CreateSecurityProfile", `"SecurityProfileName": "For `+v.name+`", "Permissions": [`+v.permissions+
			`]`+restriction+`, `+seen)
		w.make(v.name, "CreateUser",
			user(v.name, `"$p`+v.name+`"`, `"RoutingProfileId": "$routing2", "HierarchyGroupId": "$group", `+seen))
	}
	w.make("user", "CreateUser",
		user("vera", `"$profile"`, `"RoutingProfileId": "$routing", "HierarchyGroupId": "$group", `+seen))
	w.make("user2", "CreateUser",
		user("viktor", `"$profile", "$xprofile"`, `"RoutingProfileId": "$xrouting", "HierarchyGroupId": "$xgroup", `+seen))
	w.make("spare", "CreateUser",
		user("spare", `"$unheld", "$profile"`, `"RoutingProfileId": "$routing", "HierarchyGroupId": "$group", `+seen))
	w.begin("spare")
	w.root.ok("call/UpdateUserSecurityProfiles",
		spell(`{"InstanceId": "$instance", "UserId": "$spare", "SecurityProfileIds": ["$profile"]}`))
	hidden("huser", "CreateUser", user("canary.user", `"$profile"`, `"RoutingProfileId": "$routing", `+unseen))
	hidden("huser2", "CreateUser",
		user("canary.boss", `"$hprofile", "$profile", "$unheld"`,
			`"RoutingProfileId": "$hrouting", "HierarchyGroupId": "$hgroup", `+unseen))
	if w.with {
		w.begin("agent")
		w.root.ok("call/AssociateSecurityProfiles",
			spell(`{"InstanceId": "$instance", "EntityType": "AI_AGENT", "EntityArn": "`+canaryAgent+
				`", "SecurityProfiles": [{"Id": "$profile"}, {"Id": "$unheld"}]}`))
		// What was hidden stays so when it is deleted.
		w.make("hgone", "CreateSecurityProfile", `"SecurityProfileName": "Canary that was", `+unseen)
		w.make("hleft", "CreateUser",
			user("canary.who.left", `"$profile"`, `"RoutingProfileId": "$routing", "HierarchyGroupId": "$hgroup", `+unseen))
		w.begin("delete")
		w.root.ok("call/DeleteSecurityProfile", spell(`{"InstanceId": "$instance", "SecurityProfileId": "$hgone"}`))
		w.root.ok("call/DeleteUser", spell(`{"InstanceId": "$instance", "UserId": "$hleft"}`))
		// A hidden person changes what is seen.
		w.begin("change")
		w.root.ok("call/UpdateSecurityProfile",
			spell(`{"InstanceId": "$instance", "SecurityProfileId": "$hprofile", "Description": "Canary again"}`))
	}
}

// canaryBodies are the request bodies for the endpoints, "" for {}. Only InstanceId is added.
var canaryBodies = map[string][]string{
	"session": {""}, "catalogue": {""},
	"profile": {`{"SecurityProfileId": "$profile"}`, `{"SecurityProfileId": "$unheld"}`,
		`{"SecurityProfileId": "$hprofile"}`, `{"SecurityProfileId": "$xprofile"}`},
	"profiles": {"", `{"PageSize": 2, "Sort": "Holders", "Descending": true}`, `{"Sort": "Holders"}`,
		`{"Search": "canary"}`, `{"Tag": {"Key": "CanaryKey"}}`, `{"PageSize": 2, "Sort": "Modified"}`},
	"users": {"", `{"Limit": 1}`, `{"Search": "canary"}`, `{"UserId": "$huser"}`, `{"SecurityProfileId": "$profile"}`,
		`{"SecurityProfileId": "$hprofile"}`, `{"SecurityProfileId": "$xprofile"}`,
		`{"HierarchyGroupId": "$hgroup"}`, `{"HierarchyGroupId": "$group"}`, `{"HierarchyGroupId": "$hgroup2"}`,
		`{"Tag": {"Key": "CanaryKey", "Value": "canary"}}`},
	"agents": {"", `{"Limit": 1}`, `{"SecurityProfileId": "$profile"}`},
	"blockers": {`{"SecurityProfileIds": ["$profile", "$unheld"]}`, `{"SecurityProfileIds": ["$hprofile"]}`,
		`{"SecurityProfileIds": ["$xprofile"]}`},
	"history": {"", `{"Limit": 2}`, `{"Type": "User"}`, `{"Type": "SecurityProfile"}`, `{"Type": "RoutingProfile"}`,
		`{"Type": "HoursOfOperation"}`, `{"Type": "HierarchyGroup"}`, `{"Type": "AIAgent"}`,
		`{"Type": "DataTable"}`, `{"Type": "DataTable", "Id": "$htable"}`, `{"Type": "DataTable", "Id": "$table"}`,
		`{"Type": "DataTable", "Id": "$prices"}`, `{"Type": "DataTable", "Id": "$prices", "Limit": 1}`,
		`{"Type": "User", "Id": "$huser"}`, `{"Type": "User", "Id": "$user"}`,
		`{"Type": "User", "Id": "$hleft"}`, `{"Type": "SecurityProfile", "Id": "$hgone"}`,
		`{"Type": "SecurityProfile", "Id": "$hprofile"}`, `{"Type": "SecurityProfile", "Id": "$xprofile"}`,
		`{"Type": "SecurityProfile", "Id": "$profile"}`,
		`{"Type": "HierarchyGroup", "Id": "$xgroup"}`, `{"Type": "RoutingProfile", "Id": "$routing"}`,
		`{"Type": "AIAgent", "Id": "` + canaryAgent + `"}`},
	"history/export": {"", `{"Type": "DataTable"}`, `{"Type": "DataTable", "Id": "$prices"}`, `{"Type": "Queue"}`, `{"Limit": 2}`, `{"Type": "User"}`,
		`{"Type": "RoutingProfile", "Id": "$routing"}`, `{"Type": "HoursOfOperation"}`, `{"Type": "User", "Id": "$huser"}`},
	"history/state": {`{"Type": "User", "Id": "$huser", "Revision": 9}`,
		`{"Type": "User", "Id": "$hleft", "Revision": 999}`,
		`{"Type": "SecurityProfile", "Id": "$hgone", "Revision": 999}`,
		`{"Type": "DataTable", "Id": "$prices", "Revision": 999}`,
		`{"Type": "User", "Id": "$user", "Revision": 999}`, `{"Type": "RoutingProfile", "Id": "$routing", "Revision": 999}`,
		`{"Type": "HoursOfOperation", "Id": "$hours2", "Revision": 999}`,
		`{"Type": "SecurityProfile", "Id": "$hprofile", "Revision": 999}`,
		`{"Type": "SecurityProfile", "Id": "$xprofile", "Revision": 999}`},
	"overview": {""}, "findings": {"", `{"Limit": 1}`}, "heat": {""}, "mirror": {""}, "visibility": {""},
	"subject-snapshot": {""},
	"ask/lookup": {`{"resource": {"type": "User", "id": "canary.user"}}`, `{"resource": {"type": "User", "id": "$huser"}}`,
		`{"resource": {"type": "User", "id": "vera"}}`,
		`{"resource": {"type": "SecurityProfile", "id": "Canary profile"}}`,
		`{"resource": {"type": "SecurityProfile", "id": "$xprofile"}}`,
		`{"resource": {"type": "SecurityProfile", "id": "Canary two"}}`,
		`{"resource": {"type": "Queue", "id": "Canary queue"}}`,
		`{"resource": {"type": "RoutingProfile", "id": "Canary routing"}}`,
		`{"resource": {"type": "HierarchyGroup", "id": "Canary group"}}`,
		`{"resource": {"type": "HoursOfOperation", "id": "Canary hours"}}`,
		`{"resource": {"type": "ContactFlowModule", "id": "Canary module"}}`,
		`{"resource": {"type": "DataTable", "id": "Canary table"}}`,
		`{"resource": {"type": "QuickConnect", "id": "Canary connect"}}`, `{"resource": {"type": "AIAgent", "id": "` +
			canaryAgent + `"}}`},
	"ask/holders": {`{"resource": {"type": "SecurityProfile", "id": "$profile"}, "page": {"limit": 1}}`,
		`{"resource": {"type": "SecurityProfile", "id": "$profile"}}`,
		`{"resource": {"type": "SecurityProfile", "id": "$unheld"}}`,
		`{"resource": {"type": "SecurityProfile", "id": "$hprofile"}}`,
		`{"resource": {"type": "SecurityProfile", "id": "$xprofile"}}`},
	"ask/effective": {`{"subject": {"type": "user", "id": "$huser"}}`,
		`{"subject": {"type": "user", "id": "canary.user"}}`, `{"subject": {"type": "user", "id": "$user"}}`,
		`{"subject": {"type": "user", "id": "$user2"}}`,
		`{"subject": {"type": "ai_agent", "id": "` + canaryAgent + `"}}`, `{"subject": {"type": "ai_agent", "id": "` +
			canaryAgent + `", "properties": {"assisting": "canary.user"}}}`},
	"ask/who-can": {`{"subject": {"type": "user"}, "action": {"name": "BasicAgentAccess"}, "resource": {"type": "Instance", "id": ""}, "page": {"limit": 1}}`,
		`{"subject": {"type": "user"}, "action": {"name": "Queues.Edit"}, "resource": {"type": "Instance", "id": ""}}`,
		`{"subject": {"type": "ai_agent"}, "action": {"name": "Queues.Edit"}, "resource": {"type": "Instance", "id": ""}}`,
		`{"subject": {"type": "user"}, "action": {"name": "Users.View"}, "resource": {"type": "User", "id": "$huser"}}`,
		`{"subject": {"type": "user"}, "action": {"name": "Users.View"}, "resource": {"type": "User", "id": "canary.user"}}`,
		`{"subject": {"type": "user"}, "action": {"name": "Users.View"}, "resource": {"type": "User", "id": "$user"}}`,
		`{"subject": {"type": "user"}, "action": {"name": "SecurityProfiles.View"}, "resource": {"type": "SecurityProfile", "id": "$hprofile"}}`},
	"ask/resources": {`{"subject": {"type": "user", "id": "$me"}, "action": {"name": "Users.View"}, "resource": {"type": "User"}, "page": {"limit": 2}}`,
		`{"subject": {"type": "user", "id": "$user"}, "action": {"name": "Users.View"}, "resource": {"type": "User"}, "page": {"limit": 1}}`,
		`{"subject": {"type": "user", "id": "$user"}, "action": {"name": "Queues.Edit"}, "resource": {"type": "Queue"}}`,
		`{"subject": {"type": "user", "id": "$me"}, "action": {"name": "DataTables.View"}, "resource": {"type": "DataTable"}}`,
		`{"subject": {"type": "user", "id": "$user"}, "action": {"name": "Users.View"}, "resource": {"type": "HierarchyGroup"}}`,
		`{"subject": {"type": "user", "id": "$huser"}, "action": {"name": "Queues.Edit"}, "resource": {"type": "Queue"}}`},
	"ask/actions": {`{"subject": {"type": "user", "id": "$me"}, "resource": {"type": "User", "id": "$huser"}}`,
		`{"subject": {"type": "user", "id": "$me"}, "resource": {"type": "User", "id": "$user"}}`,
		`{"subject": {"type": "user", "id": "$user"}, "resource": {"type": "Queue", "id": "$hqueue"}}`,
		`{"subject": {"type": "user", "id": "$huser"}, "resource": {"type": "Instance", "id": ""}}`},
	"ask/evaluation": canaryEvaluations(),
	"ask/what-if": {`{"operation": "UpdateUserSecurityProfiles", "parameters": {"UserId": "$user", "SecurityProfileIds": ["$profile", "$xprofile"]}}`,
		`{"operation": "UpdateUserSecurityProfiles", "parameters": {"UserId": "$user", "SecurityProfileIds": ["$xprofile"]}}`,
		`{"operation": "UpdateUserSecurityProfiles", "parameters": {"UserId": "$user2", "SecurityProfileIds": ["$profile"]}}`,
		`{"operation": "UpdateUserSecurityProfiles", "parameters": {"UserId": "$user2", "SecurityProfileIds": ["$profile", "$unheld", "$xprofile"]}}`,
		`{"operation": "UpdateUserSecurityProfiles", "parameters": {"UserId": "$user", "SecurityProfileIds": ["$xprofile"]}, "subject": {"type": "user", "id": "$user"}, "action": {"name": "Queues.Purge"}, "resource": {"type": "Instance", "id": ""}}`,
		`{"operation": "UpdateUserSecurityProfiles", "parameters": {"UserId": "$huser", "SecurityProfileIds": ["$profile"]}}`,
		`{"operation": "UpdateSecurityProfile", "parameters": {"SecurityProfileId": "$profile", "Permissions": ["Users.View"]}, "page": {"limit": 1}}`,
		`{"operation": "UpdateSecurityProfile", "parameters": {"SecurityProfileId": "$unheld", "Permissions": []}}`,
		`{"operation": "UpdateSecurityProfile", "parameters": {"SecurityProfileId": "$hprofile", "Permissions": []}}`,
		`{"operation": "UpdateSecurityProfile", "parameters": {"SecurityProfileId": "$xprofile", "Permissions": []}}`},
	// Signing in and out and one's own password have nothing of others.
	"password": nil, "sign-in": nil, "sign-out": nil, "sign-out-everywhere": nil, "call/": nil, "ask/": nil,
}

func canaryEvaluations() (all []string) {
	for _, subject := range []string{"$me", "$user", "$huser"} {
		for _, action := range []string{"Users.View", "Users.Edit", "BasicAgentAccess", "Queues.Purge"} {
			for _, explain := range []string{"", `, "context": {"explain": true}`} {
				for _, on := range []string{"$huser", "canary.user", "$user"} {
					all = append(all, `{"subject": {"type": "user", "id": "`+subject+`"}, "action": {"name": "`+action+
						`"}, "resource": {"type": "User", "id": "`+on+`"}`+explain+`}`)
				}
			}
		}
		all = append(all, `{"subject": {"type": "user", "id": "`+subject+
			`"}, "action": {"name": "Queues.View"}, "resource": {"type": "Queue", "id": "$hqueue"}}`,
			`{"subject": {"type": "user", "id": "`+subject+
				`"}, "action": {"name": "Queues.View"}, "resource": {"type": "Instance", "id": ""}}`)
	}
	return append(all, `{"subject": {"type": "ai_agent", "id": "`+canaryAgent+
		`"}, "action": {"name": "Queues.View"}, "resource": {"type": "Queue", "id": "$queue"}}`)
}

// canaryDay are the members of an override of hours.
const canaryDay = `"EffectiveFrom": "2026-12-24", "EffectiveTill": "2026-12-24", "Config": []`

// canaryFlow is the content of a flow, as a JSON string.
const canaryFlow = `"{\"Version\":\"2019-10-30\",\"StartAction\":\"a\",\"Actions\":[{\"Identifier\":\"a\",` +
	`\"Type\":\"DisconnectParticipant\",\"Parameters\":{},\"Transitions\":{}}]}"`

// canaryMembers are the members that name the resource of an operation, with the values to try.
var canaryMembers = map[string][]string{
	"UserId":             {"$user", "$user2", "$huser", "$hleft"},
	"SecurityProfileId":  {"$profile", "$hprofile", "$xprofile", "$hgone"},
	"QueueId":            {"$queue", "$queue2", "$hqueue"},
	"RoutingProfileId":   {"$routing", "$hrouting", "$xrouting"},
	"HierarchyGroupId":   {"$group", "$below", "$hgroup", "$xgroup"},
	"HoursOfOperationId": {"$hours", "$hours2", "$hhours", "$xhours"}, "ContactFlowModuleId": {"$module", "$hmodule"},
	"QuickConnectId": {"$connect", "$hconnect"}, "DataTableId": {"$table", "$htable", "$prices"}, "EntityArn": {canaryAgent},
	"EmailAddressId": {"$address", "$haddress"},
}

// canaryMore are further members for single operations; for those that change anything, all members.
var canaryMore = map[string][]string{
	"SearchUsers": {`"SearchCriteria": {"StringCondition": {"FieldName": "Username", "Value": "canary", "ComparisonType": "STARTS_WITH"}}`,
		`"SearchFilter": {"TagFilter": {"TagCondition": {"TagKey": "CanaryKey", "TagValue": "canary"}}}`,
		`"SearchCriteria": {"HierarchyGroupCondition": {"Value": "$hgroup", "HierarchyGroupMatchType": "EXACT"}}`,
		`"SearchCriteria": {"HierarchyGroupCondition": {"Value": "$hgroup2", "HierarchyGroupMatchType": "WITH_CHILD_GROUPS"}}`,
		`"SearchCriteria": {"HierarchyGroupCondition": {"Value": "$group", "HierarchyGroupMatchType": "WITH_CHILD_GROUPS"}}`,
		`"SearchCriteria": {"StringCondition": {"FieldName": "SecurityProfileId", "Value": "$hprofile", "ComparisonType": "EXACT"}}`,
		`"SearchCriteria": {"StringCondition": {"FieldName": "RoutingProfileId", "Value": "$hrouting", "ComparisonType": "EXACT"}}`},
	"SearchSecurityProfiles": {`"SearchCriteria": {"StringCondition": {"FieldName": "name", "Value": "canary", "ComparisonType": "CONTAINS"}}`},
	"SearchUserHierarchyGroups": {`"SearchCriteria": {"StringCondition": {"FieldName": "parentId", "Value": "$group", "ComparisonType": "EXACT"}}`,
		`"SearchCriteria": {"StringCondition": {"FieldName": "name", "Value": "canary", "ComparisonType": "CONTAINS"}}`},
	"SearchQueues": {`"SearchCriteria": {"StringCondition": {"FieldName": "name", "Value": "canary", "ComparisonType": "CONTAINS"}}`},
	"SearchRoutingProfiles": {`"SearchCriteria": {"StringCondition": {"FieldName": "associatedQueueIds", "Value": "$hqueue", "ComparisonType": "EXACT"}}`,
		`"SearchCriteria": {"StringCondition": {"FieldName": "associatedQueueIds", "Value": "$queue2", "ComparisonType": "EXACT"}}`},
	"SearchHoursOfOperationOverrides": {`"SearchCriteria": {"StringCondition": {"FieldName": "name", "Value": "canary", "ComparisonType": "CONTAINS"}}`},

	"SearchEmailAddresses": {`"SearchCriteria": {"StringCondition": {"FieldName": "emailAddress", "Value": "canary", "ComparisonType": "CONTAINS"}}`},
	"DescribeAgentStatus":  {`"AgentStatusId": "$status"`},
	"CreateAgentStatus":    {`"Name": "Break", "State": "ENABLED"`},
	"UpdateAgentStatus":    {`"AgentStatusId": "$status", "State": "DISABLED"`},

	"DescribePredefinedAttribute": {`"Name": "a"`},
	"CreatePredefinedAttribute":   {`"Name": "Language", "Values": {"StringList": ["French"]}`},
	"UpdatePredefinedAttribute":   {`"Name": "Language", "Purposes": []`},
	"DeletePredefinedAttribute":   {`"Name": "Language"`},

	"DescribeHoursOfOperationOverride": {`"HoursOfOperationId": "$hours", "HoursOfOperationOverrideId": "$override"`,
		`"HoursOfOperationId": "$hhours", "HoursOfOperationOverrideId": "$hoverride"`,
		`"HoursOfOperationId": "$hours", "HoursOfOperationOverrideId": "$hoverride"`},
	"CreateHoursOfOperationOverride": {`"HoursOfOperationId": "$hours", "Name": "Another", ` + canaryDay,
		`"HoursOfOperationId": "$hhours", "Name": "Another", ` + canaryDay},
	"UpdateHoursOfOperationOverride": {`"HoursOfOperationId": "$hours", "HoursOfOperationOverrideId": "$override", "Name": "x"`,
		`"HoursOfOperationId": "$hhours", "HoursOfOperationOverrideId": "$hoverride", "Name": "x"`},
	"DeleteHoursOfOperationOverride": {`"HoursOfOperationId": "$hhours", "HoursOfOperationOverrideId": "$hoverride"`,
		`"HoursOfOperationId": "$hours", "HoursOfOperationOverrideId": "$override"`},
	"GetEffectiveHoursOfOperations": {`"HoursOfOperationId": "$hours2", "FromDate": "2026-12-24", "ToDate": "2026-12-26"`,
		`"HoursOfOperationId": "$hhours", "FromDate": "2026-12-24", "ToDate": "2026-12-26"`},

	"CreateEmailAddress": {`"EmailAddress": "new1@example.com", ` + seen},
	"UpdateEmailAddressMetadata": {`"EmailAddressId": "$haddress", "Description": "x"`,
		`"EmailAddressId": "$address", "Description": "x"`},
	"AssociateEmailAddressAlias": {`"EmailAddressId": "$address", "AliasConfiguration": {"EmailAddressId": "$address2"}`,
		`"EmailAddressId": "$address", "AliasConfiguration": {"EmailAddressId": "$haddress"}`,
		`"EmailAddressId": "$haddress", "AliasConfiguration": {"EmailAddressId": "$address"}`},
	"DisassociateEmailAddressAlias": {`"EmailAddressId": "$address", "AliasConfiguration": {"EmailAddressId": "$address2"}`,
		`"EmailAddressId": "$address", "AliasConfiguration": {"EmailAddressId": "$haddress"}`},
	"AssociateQueueEmailAddresses": {`"QueueId": "$queue", "EmailAddressesConfig": [{"EmailAddressId": "$haddress"}]`,
		`"QueueId": "$queue2", "EmailAddressesConfig": [{"EmailAddressId": "$address"}]`},
	"DisassociateQueueEmailAddresses": {`"QueueId": "$queue", "EmailAddressesId": ["$haddress"]`,
		`"QueueId": "$queue2", "EmailAddressesId": ["$address"]`},

	"CreateUser": {`"Username": "new1", "SecurityProfileIds": ["$profile"], "RoutingProfileId": "$routing2", ` + soft +
		`, ` + seen, `"Username": "new2", "SecurityProfileIds": ["$hprofile"], "RoutingProfileId": "$routing2", ` + soft +
		`, ` + seen,
		`"Username": "new3", "SecurityProfileIds": ["$profile"], "RoutingProfileId": "$hrouting", ` + soft + `, ` + seen,
		`"Username": "new4", "SecurityProfileIds": ["$profile"], "RoutingProfileId": "$routing2", "HierarchyGroupId": "$hgroup", ` + soft + `, ` + seen},
	"CreateSecurityProfile": {`"SecurityProfileName": "new1", ` + seen,
		`"SecurityProfileName": "new2", "HierarchyRestrictedResources": ["User"], "AllowedAccessControlHierarchyGroupId": "$hgroup", ` + seen,
		`"SecurityProfileName": "new3", "AllowedFlowModules": [{"FlowModuleId": "$hmodule", "Type": "MCP"}], ` + seen},
	"UpdateSecurityProfile": {`"SecurityProfileId": "$unheld", "AllowedAccessControlHierarchyGroupId": "$hgroup", "HierarchyRestrictedResources": ["User"]`,
		`"SecurityProfileId": "$unheld", "AllowedFlowModules": [{"FlowModuleId": "$hmodule", "Type": "MCP"}]`,
		`"SecurityProfileId": "$hprofile", "Description": "x"`, `"SecurityProfileId": "$unheld", "Description": "x"`},
	"UpdateUserSecurityProfiles": {`"UserId": "$user", "SecurityProfileIds": ["$profile", "$hprofile"]`,
		`"UserId": "$huser", "SecurityProfileIds": ["$profile"]`,
		`"UserId": "$user2", "SecurityProfileIds": ["$xprofile", "$profile", "$unheld"]`,
		`"UserId": "$user2", "SecurityProfileIds": ["$profile", "$xprofile"]`},
	"UpdateUserHierarchy": {`"UserId": "$spare", "HierarchyGroupId": "$hgroup"`,
		`"UserId": "$huser", "HierarchyGroupId": "$group"`, `"UserId": "$spare", "HierarchyGroupId": "$below"`,
		`"UserId": "$huser"`},
	"UpdateUserRoutingProfile": {`"UserId": "$spare", "RoutingProfileId": "$hrouting"`,
		`"UserId": "$huser", "RoutingProfileId": "$routing"`, `"UserId": "$spare", "RoutingProfileId": "$routing2"`},
	"UpdateUserIdentityInfo": {`"UserId": "$huser", "IdentityInfo": {"FirstName": "x"}`,
		`"UserId": "$spare", "IdentityInfo": {"FirstName": "x"}`},
	"UpdateUserConfig": {`"UserId": "$huser", "AutoAcceptConfigs": []`,
		`"UserId": "$spare", "AutoAcceptConfigs": []`},
	"ListUserProficiencies": {`"UserId": "$huser"`, `"UserId": "$spare"`},
	"AssociateUserProficiencies": {`"UserId": "$huser", "UserProficiencies": [{"AttributeName": "a", "AttributeValue": "b", "Level": 1}]`,
		`"UserId": "$spare", "UserProficiencies": [{"AttributeName": "a", "AttributeValue": "b", "Level": 1}]`},
	"UpdateUserProficiencies": {`"UserId": "$huser", "UserProficiencies": []`,
		`"UserId": "$spare", "UserProficiencies": []`},
	"DisassociateUserProficiencies": {`"UserId": "$huser", "UserProficiencies": []`,
		`"UserId": "$spare", "UserProficiencies": []`},
	"UpdateUserPhoneConfig": {`"UserId": "$huser", "PhoneConfig": {"PhoneType": "SOFT_PHONE"}`,
		`"UserId": "$spare", "PhoneConfig": {"PhoneType": "SOFT_PHONE", "AutoAccept": true}`},
	"CreateUserHierarchyGroup": {`"Name": "new1", "ParentGroupId": "$hgroup", ` + seen,
		`"Name": "new2", "ParentGroupId": "$group", ` + seen},
	"UpdateUserHierarchyGroupName": {`"HierarchyGroupId": "$hgroup", "Name": "x"`,
		`"HierarchyGroupId": "$below", "Name": "Further below"`},
	"UpdateUserHierarchyStructure": {`"HierarchyStructure": {"LevelOne": {"Name": "One"}, "LevelTwo": {"Name": "Two"}}`,
		`"HierarchyStructure": {"LevelOne": {"Name": "One"}, "LevelTwo": {"Name": "Two"}, "LevelThree": {"Name": "Three"}, "LevelFour": {"Name": "Four"}}`},
	"CreateQueue": {`"Name": "new1", "HoursOfOperationId": "$hhours", ` + seen,
		`"Name": "new2", "HoursOfOperationId": "$hours", ` + seen},
	"CreateRoutingProfile": {`"Name": "new1", "Description": "d", "DefaultOutboundQueueId": "$hqueue", "MediaConcurrencies": [{"Channel": "VOICE", "Concurrency": 1}], ` + seen,
		`"Name": "new2", "Description": "d", "DefaultOutboundQueueId": "$queue", "MediaConcurrencies": [{"Channel": "VOICE", "Concurrency": 1}], "QueueConfigs": [{"QueueReference": {"QueueId": "$hqueue", "Channel": "VOICE"}, "Priority": 1, "Delay": 0}], ` + seen,
		`"Name": "new3", "Description": "d", "DefaultOutboundQueueId": "$queue", "MediaConcurrencies": [{"Channel": "VOICE", "Concurrency": 1}], ` + seen},
	"CreateHoursOfOperation": {`"Name": "new1", "TimeZone": "UTC", "Config": [], "ParentHoursOfOperationConfigs": [{"HoursOfOperationId": "$hhours"}], ` +
		seen, `"Name": "new2", "TimeZone": "UTC", "Config": [], ` + seen},
	"CreateContactFlowModuleAlias": {`"ContactFlowModuleId": "$hmodule", "AliasName": "new1", "ContactFlowModuleVersion": 1`,
		`"ContactFlowModuleId": "$module", "AliasName": "new2", "ContactFlowModuleVersion": 1`},
	"CreateContactFlowModuleVersion": {`"ContactFlowModuleId": "$hmodule"`, `"ContactFlowModuleId": "$module"`},
	"UpdateContactFlowModuleAlias": {`"ContactFlowModuleId": "$hmodule", "AliasId": "$alias", "Name": "x", "ContactFlowModuleVersion": 1`,
		`"ContactFlowModuleId": "$module", "AliasId": "$alias", "Name": "changed", "ContactFlowModuleVersion": 1`},
	"DescribeContactFlowModuleAlias": {`"ContactFlowModuleId": "$module", "AliasId": "$alias"`,
		`"ContactFlowModuleId": "$hmodule", "AliasId": "$halias"`},
	"DeleteContactFlowModuleAlias": {`"ContactFlowModuleId": "$hmodule", "AliasId": "$halias"`,
		`"ContactFlowModuleId": "$module", "AliasId": "$alias"`},
	"DeleteContactFlowModuleVersion": {`"ContactFlowModuleId": "$hmodule", "ContactFlowModuleVersion": 1`,
		`"ContactFlowModuleId": "$module", "ContactFlowModuleVersion": 1`,
		`"ContactFlowModuleId": "$module", "ContactFlowModuleVersion": 2`},
	"UpdateContactFlowModuleContent": {`"ContactFlowModuleId": "$hmodule", "Content": "{}"`,
		`"ContactFlowModuleId": "$module", "Content": "{}"`},
	"UpdateContactFlowModuleMetadata": {`"ContactFlowModuleId": "$hmodule", "Description": "x"`,
		`"ContactFlowModuleId": "$module", "Description": "x"`},
	"CreateContactFlowModule": {`"Name": "new1", "Content": "{}", ` + seen},
	"AssociateSecurityProfiles": {`"EntityType": "AI_AGENT", "EntityArn": "` + canaryAgent +
		`", "SecurityProfiles": [{"Id": "$pone"}]`},
	"DisassociateSecurityProfiles": {`"EntityType": "AI_AGENT", "EntityArn": "` + canaryAgent +
		`", "SecurityProfiles": [{"Id": "$pone"}]`},
	"ListEntitySecurityProfiles": {`"EntityType": "AI_AGENT", "EntityArn": "` + canaryAgent + `"`},
	"SearchQuickConnects":        {`"SearchCriteria": {"StringCondition": {"FieldName": "name", "Value": "canary", "ComparisonType": "CONTAINS"}}`},
	"CreateQuickConnect": {`"Name": "new1", "QuickConnectConfig": {"QuickConnectType": "QUEUE", "QueueConfig": {"QueueId": "$hqueue", "ContactFlowId": "$flow"}}, ` + seen,
		`"Name": "new2", "QuickConnectConfig": {"QuickConnectType": "USER", "UserConfig": {"UserId": "$huser", "ContactFlowId": "$flow"}}, ` + seen,
		`"Name": "new3", "QuickConnectConfig": {"QuickConnectType": "QUEUE", "QueueConfig": {"QueueId": "$queue", "ContactFlowId": "$flow"}}, ` + seen},
	"UpdateQuickConnectName": {`"QuickConnectId": "$hconnect", "Name": "x"`,
		`"QuickConnectId": "$connect", "Name": "Connected"`},
	"UpdateQuickConnectConfig": {`"QuickConnectId": "$hconnect", "QuickConnectConfig": {"QuickConnectType": "PHONE_NUMBER", "PhoneConfig": {"PhoneNumber": "+12065550101"}}`,
		`"QuickConnectId": "$connect2", "QuickConnectConfig": {"QuickConnectType": "QUEUE", "QueueConfig": {"QueueId": "$hqueue", "ContactFlowId": "$flow"}}`,
		`"QuickConnectId": "$connect2", "QuickConnectConfig": {"QuickConnectType": "PHONE_NUMBER", "PhoneConfig": {"PhoneNumber": "+12065550101"}}`},
	"AssociateQueueQuickConnects": {`"QueueId": "$queue", "QuickConnectIds": ["$hconnect"]`,
		`"QueueId": "$hqueue", "QuickConnectIds": ["$connect"]`, `"QueueId": "$queue", "QuickConnectIds": ["$connect"]`},
	"DisassociateQueueQuickConnects": {`"QueueId": "$queue", "QuickConnectIds": ["$hconnect"]`,
		`"QueueId": "$queue", "QuickConnectIds": ["$connect2"]`},
	"AssociateHoursOfOperations": {`"HoursOfOperationId": "$hours2", "ParentHoursOfOperationConfigs": [{"HoursOfOperationId": "$hhours"}]`,
		`"HoursOfOperationId": "$hours3", "ParentHoursOfOperationConfigs": [{"HoursOfOperationId": "$hours"}]`},
	"DisassociateHoursOfOperations": {`"HoursOfOperationId": "$hours2", "ParentHoursOfOperationIds": ["$hhours"]`,
		`"HoursOfOperationId": "$hours3", "ParentHoursOfOperationIds": ["$hours"]`},
	"UpdateHoursOfOperation": {`"HoursOfOperationId": "$hhours", "Name": "x"`,
		`"HoursOfOperationId": "$hours2", "Name": "Inherited"`},
	"UpdateQueueHoursOfOperation": {`"QueueId": "$queue", "HoursOfOperationId": "$hhours"`,
		`"QueueId": "$hqueue", "HoursOfOperationId": "$hours"`, `"QueueId": "$queue", "HoursOfOperationId": "$hours"`},
	"UpdateQueueMaxContacts": {`"QueueId": "$hqueue", "MaxContacts": 5`,
		`"QueueId": "$queue", "MaxContacts": 5`},
	"UpdateQueueName": {`"QueueId": "$hqueue", "Name": "x"`,
		`"QueueId": "$queue", "Name": "Queued"`},
	"UpdateQueueStatus": {`"QueueId": "$hqueue", "Status": "DISABLED"`,
		`"QueueId": "$queue", "Status": "DISABLED"`},
	"UpdateQueueOutboundCallerConfig": {`"QueueId": "$hqueue", "OutboundCallerConfig": {"OutboundCallerIdName": "x"}`,
		`"QueueId": "$queue", "OutboundCallerConfig": {"OutboundCallerIdName": "x"}`},
	"UpdateQueueOutboundEmailConfig": {`"QueueId": "$hqueue", "OutboundEmailConfig": {}`,
		`"QueueId": "$queue", "OutboundEmailConfig": {}`},
	"UpdateRoutingProfileName": {`"RoutingProfileId": "$hrouting", "Name": "x"`,
		`"RoutingProfileId": "$routing2", "Name": "Routed"`},
	"UpdateRoutingProfileDefaultOutboundQueue": {`"RoutingProfileId": "$routing2", "DefaultOutboundQueueId": "$hqueue"`,
		`"RoutingProfileId": "$routing2", "DefaultOutboundQueueId": "$queue2"`},
	"UpdateRoutingProfileConcurrency": {`"RoutingProfileId": "$hrouting", "MediaConcurrencies": [{"Channel": "VOICE", "Concurrency": 1}]`,
		`"RoutingProfileId": "$routing2", "MediaConcurrencies": [{"Channel": "VOICE", "Concurrency": 1}]`},
	"UpdateRoutingProfileAgentAvailabilityTimer": {`"RoutingProfileId": "$hrouting", "AgentAvailabilityTimer": "TIME_SINCE_LAST_INBOUND"`,
		`"RoutingProfileId": "$routing2", "AgentAvailabilityTimer": "TIME_SINCE_LAST_INBOUND"`},
	"UpdateRoutingProfileQueues": {`"RoutingProfileId": "$routing", "QueueConfigs": [` +
		fmt.Sprintf(canaryLine, "$hqueue") + `]`, `"RoutingProfileId": "$routing", "QueueConfigs": [` +
		fmt.Sprintf(canaryLine, "$queue2") + `]`},
	"AssociateRoutingProfileQueues": {`"RoutingProfileId": "$routing", "QueueConfigs": [` +
		fmt.Sprintf(canaryLine, "$hqueue") + `]`, `"RoutingProfileId": "$routing2", "QueueConfigs": [` +
		fmt.Sprintf(canaryLine, "$queue") + `]`},
	"DisassociateRoutingProfileQueues": {`"RoutingProfileId": "$routing", "QueueReferences": [{"QueueId": "$hqueue", "Channel": "VOICE"}]`,
		`"RoutingProfileId": "$routing2", "QueueReferences": [{"QueueId": "$queue", "Channel": "VOICE"}]`},
	"SearchDataTables": {`"SearchCriteria": {"StringCondition": {"FieldName": "name", "Value": "canary", "ComparisonType": "CONTAINS"}}`,
		`"SearchFilter": {"AttributeFilter": {"TagCondition": {"TagKey": "CanaryKey", "TagValue": "canary"}}}`},
	"CreateDataTable": {`"Name": "new1", "TimeZone": "UTC", "ValueLockLevel": "NONE", "Status": "PUBLISHED", ` + seen,
		`"Name": "new2", "TimeZone": "UTC", "ValueLockLevel": "NONE", "Status": "PUBLISHED", "Tags": {"Country": "DE"}`},
	"UpdateDataTableMetadata": {`"DataTableId": "$htable", "Name": "x", "TimeZone": "UTC", "ValueLockLevel": "NONE"`,
		`"DataTableId": "$table", "Name": "Renamed", "TimeZone": "Europe/Paris", "ValueLockLevel": "NONE"`},
	"CreateDataTableAttribute": {`"DataTableId": "$htable", "Name": "x", "ValueType": "TEXT"`,
		`"DataTableId": "$table", "Name": "Another", "ValueType": "TEXT"`},
	"DescribeDataTableAttribute": {`"DataTableId": "$htable", "AttributeName": "Canary column"`,
		`"DataTableId": "$table", "AttributeName": "Column"`, `"DataTableId": "$table", "AttributeName": "Canary column"`},
	"UpdateDataTableAttribute": {`"DataTableId": "$htable", "AttributeName": "Canary column", "Name": "x", "ValueType": "TEXT"`,
		`"DataTableId": "$table", "AttributeName": "Column", "Name": "Columns", "ValueType": "TEXT_LIST"`},
	"BatchCreateDataTableValue": {`"DataTableId": "$prices", "Values": [` + inRow("DE", `, "Value": "x"`) + `]`,
		`"DataTableId": "$prices", "Values": [` + inRow("FR", `, "Value": "x"`) + `, ` + inRow("DE", `, "Value": "x"`) + `]`,
		`"DataTableId": "$prices", "Values": [` + inRow("FR", `, "Value": "x"`) + `]`,
		`"DataTableId": "$htable", "Values": [` + inRow("FR", `, "Value": "x"`) + `]`},
	"BatchUpdateDataTableValue": {`"DataTableId": "$prices", "Values": [` + inRow("DE", `, "Value": "x"`) + `]`,
		`"DataTableId": "$prices", "Values": [` + inRow("FR", `, "Value": "15"`) + `]`},
	"BatchDescribeDataTableValue": {`"DataTableId": "$prices", "Values": [` + inRow("DE", "") + `]`,
		`"DataTableId": "$prices", "Values": [` + inRow("FR", "") + `, ` + inRow("AT", "") + `]`,
		`"DataTableId": "$prices", "Values": [` + inRow("FR", "") + `]`},
	"BatchDeleteDataTableValue": {`"DataTableId": "$prices", "Values": [` + inRow("DE", `, "LockVersion": {}`) + `]`,
		`"DataTableId": "$prices", "Values": [` + inRow("FR", `, "LockVersion": {}`) + `]`},
	"EvaluateDataTableValues": {
		`"DataTableId": "$prices", "Values": [{"PrimaryValues": [{"AttributeName": "Key", "Value": "DE"}], "AttributeNames": ["Price"]}]`,
		`"DataTableId": "$prices", "Values": [{"PrimaryValues": [{"AttributeName": "Key", "Value": "FR"}], "AttributeNames": ["Price"]}]`},
	"ListDataTableValues": {
		`"DataTableId": "$prices", "PrimaryAttributeValues": [{"AttributeName": "Key", "Values": ["DE", "AT"]}], "MaxResults": 1`},
	"ListDataTablePrimaryValues": {
		`"DataTableId": "$prices", "PrimaryAttributeValues": [{"AttributeName": "Key", "Values": ["DE", "FR"]}], "MaxResults": 1`},
	"UpdateDataTablePrimaryValues": {`"DataTableId": "$table", "PrimaryValues": [{"AttributeName": "Id", "Value": "1"}],
		"NewPrimaryValues": [{"AttributeName": "Id", "Value": "2"}], "LockVersion": {}`, `"DataTableId": "$prices", "PrimaryValues": [{"AttributeName": "Key", "Value": "FR"}],
		"NewPrimaryValues": [{"AttributeName": "Key", "Value": "DE"}], "LockVersion": {}`,
		`"DataTableId": "$prices", "PrimaryValues": [{"AttributeName": "Key", "Value": "DE"}],
		"NewPrimaryValues": [{"AttributeName": "Key", "Value": "FR"}], "LockVersion": {}`},
	"DeleteDataTableAttribute": {`"DataTableId": "$prices", "AttributeName": "Price"`,
		`"DataTableId": "$prices", "AttributeName": "Key"`, `"DataTableId": "$htable", "AttributeName": "Canary column"`,
		`"DataTableId": "$table", "AttributeName": "Columns"`},
	"TagResource": {`"tags": {"a": "b"}`}, "UntagResource": {`"tagKeys": ["a"]`},
	"ListTagsForResource": {``},
}

// canaryDeletes are the resources to delete, to which nothing hidden refers.
var canaryDeletes = map[string][]string{
	"DeleteUser": {"$huser", "$spare"}, "DeleteSecurityProfile": {"$hprofile", "$xprofile", "$linted"},
	"DeleteQueue": {"$hqueue", "$queue2", "$queue3"}, "DeleteRoutingProfile": {"$hrouting", "$xrouting", "$routing3"},
	"DeleteUserHierarchyGroup": {"$hgroup", "$xgroup", "$below"},
	"DeleteHoursOfOperation":   {"$hhours", "$xhours", "$hours3"}, "DeleteContactFlowModule": {"$hmodule", "$module"},
	"DeleteQuickConnect": {"$hconnect", "$connect2"}, "DeleteDataTable": {"$htable", "$prices", "$table2"},
	"DeleteEmailAddress": {"$haddress", "$address3"},
}

// notForUsers are the operations that nobody can call on behalf of a user.
var notForUsers = []string{"CreateInstance", "DescribeInstance", "ListInstances", "DeleteInstance",
	"DescribeInstanceAttribute", "ListInstanceAttributes", "UpdateInstanceAttribute",
	"ListAuthenticationProfiles", "DescribeAuthenticationProfile", "UpdateAuthenticationProfile",
	"CreateNotification", "DescribeNotification", "ListNotifications", "SearchNotifications",
	"UpdateNotificationContent", "DeleteNotification"}

type canaryRequest struct{ path, body string }

// canaryRequests returns all requests: first those that read, then those that change, then those that delete.
func canaryRequests(t *testing.T) (all []canaryRequest) {
	for _, path := range console.Endpoints() {
		bodies, ok := canaryBodies[path]
		if !ok {
			t.Errorf("%s is not among the requests", path)
		}
		for _, body := range bodies {
			all = append(all, canaryRequest{path, body})
		}
	}
	var changes, parts, deletes []canaryRequest
	for _, op := range api.Operations {
		if op.Service == api.NotServed {
			continue
		}
		var of []canaryRequest
		add := func(members string) {
			members = strings.TrimSuffix(members, ", ")
			if _, ok := reflect.TypeOf(op.NewInput()).Elem().FieldByName("InstanceId"); ok {
				members = strings.TrimSuffix(`"InstanceId": "$instance", `+members, ", ")
			}
			of = append(of, canaryRequest{"call/" + op.Name, "{" + members + "}"})
		}
		more := canaryMore[op.Name]
		member := ""
		for name := range canaryMembers {
			if strings.Contains(op.URI, "{"+name+"}") {
				member = name
			}
		}
		reads := strings.HasPrefix(op.Name, "List") || strings.HasPrefix(op.Name, "Describe") ||
			strings.HasPrefix(op.Name, "Search")
		switch {
		case canaryDeletes[op.Name] != nil:
			for _, id := range canaryDeletes[op.Name] {
				add(fmt.Sprintf("%q: %q", member, id))
			}
			deletes = append(deletes, of...)
			continue
		case strings.HasSuffix(op.Name, "agResource") || op.Name == "ListTagsForResource":
			for _, of := range []string{"agent/$user", "agent/$huser", "agent/$hleft", "security-profile/$hprofile",
				"security-profile/$hgone", "queue/$hqueue",
				"routing-profile/$hrouting", "agent-group/$hgroup", "operating-hours/$hhours", "flow-module/$hmodule",
				"transfer-destination/$hconnect", "data-table/$htable", "contact-flow/$hflow", "prompt/$hprompt", "view/$hview"} {
				add(fmt.Sprintf(`"resourceArn": "arn:aws:connect:us-east-1:%s:instance/$instance/%s", %s`, ownAccount, of, more[0]))
			}
		case slices.Contains(notForUsers, op.Name):
			add("")
		case reads && member != "":
			for _, id := range canaryMembers[member] {
				add(fmt.Sprintf("%q: %q", member, id))
				if strings.HasPrefix(op.Name, "List") {
					add(fmt.Sprintf(`%q: %q, "MaxResults": 1`, member, id))
				}
			}
		case reads && !strings.HasPrefix(op.Name, "Describe"):
			add("")
			add(`"MaxResults": 1`)
		case reads:
			add("")
		case more == nil:
			t.Errorf("%s is not among the requests", op.Name)
		}
		if !strings.HasSuffix(op.Name, "agResource") && op.Name != "ListTagsForResource" {
			for _, members := range more {
				add(members)
			}
		}
		switch {
		case reads:
			all = append(all, of...)
		case strings.HasPrefix(op.Name, "Delete"):
			parts = append(parts, of...)
		default:
			changes = append(changes, of...)
		}
	}
	return slices.Concat(all, changes, parts, deletes)
}

// followed requests all pages, and returns the answers without what differs between the worlds for everybody:
// revisions, tokens and request ids.
func (w *canaryWorld) followed(b *browser, step string, r canaryRequest) string {
	b.Helper()
	var out strings.Builder
	method, body := "POST", spell(strings.ReplaceAll(r.body, "$me", "$"+step[:strings.IndexByte(step, ' ')]))
	if r.path == "session" || r.path == "catalogue" {
		method = "GET"
	}
	if r.path == "history/state" {
		body = strings.Replace(body, "999", fmt.Sprint(w.revision()), 1)
	}
	for page := range 500 {
		w.begin(fmt.Sprint(step, page))
		status, answer := b.do(method, "/console/api/"+r.path, body)
		next := nextOf(r.path, answer)
		text, err := json.Marshal(plain(answer))
		if err != nil {
			b.Fatal(err)
		}
		fmt.Fprintf(&out, "%d %s%s\n", status, text, headersOf(b.answer))
		if next == nil {
			return out.String()
		}
		members := map[string]any{}
		if body != "" {
			if err := json.Unmarshal([]byte(body), &members); err != nil {
				b.Fatal(err)
			}
		}
		switch {
		case strings.HasPrefix(r.path, "ask/"):
			p, _ := members["page"].(map[string]any)
			if p == nil {
				p = map[string]any{}
			}
			p["token"] = next
			members["page"] = p
		case strings.HasPrefix(r.path, "history"):
			members["Before"] = next
		default:
			members["NextToken"] = next
		}
		again, _ := json.Marshal(members)
		body = string(again)
	}
	b.Fatalf("%s %s: more than 500 pages", r.path, r.body)
	return ""
}

// headersOf returns the headers of an answer that say anything about its content.
func headersOf(h http.Header) string {
	h = h.Clone()
	h.Del("X-Lanyard-Revision")
	for name := range h {
		if !strings.HasPrefix(name, "X-Lanyard-") && name != "Retry-After" {
			h.Del(name)
		}
	}
	if len(h) == 0 {
		return ""
	}
	return fmt.Sprint(" ", h)
}

func (w *canaryWorld) revision() int64 {
	events, _, err := w.svc.History(w.Context(), w.in.ID, lanyard.Ref{}, 0, 1, 1)
	if err != nil || len(events) == 0 {
		w.Fatal(err)
	}
	return events[0].Revision
}

func nextOf(path string, answer map[string]any) any {
	switch {
	case strings.HasPrefix(path, "ask/"):
		p, _ := answer["page"].(map[string]any)
		if token, _ := p["next_token"].(string); token != "" {
			return token
		}
	case strings.HasPrefix(path, "history"):
		if n, _ := answer["Next"].(float64); n > 0 {
			return n
		}
	default:
		if token, _ := answer["NextToken"].(string); token != "" {
			return token
		}
	}
	return nil
}

// plain removes from an answer what differs between the worlds without telling anything hidden: revisions, which
// count the changes of the whole instance, and what is random or measured.
func plain(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for k, value := range v {
			switch strings.ToLower(k) {
			case "revision", "requestid", "eventid", "csrf", "expires", "idleexpires", "at", "lanyardrevision":
				delete(v, k)
			case "nexttoken", "next_token", "next", "searched":
				text := fmt.Sprint(value)
				v[k] = text != "" && text != "0" && text != "<nil>"
			default:
				v[k] = plain(value)
			}
		}
	case string:
		return revisionsIn.ReplaceAllString(v, "revision N")
	}
	return v
}

var revisionsIn = regexp.MustCompile(`revisions? \d+|1 to \d+ are|1 to \d+`)

// canaryExcept are requests that are not made because their answers may differ, by viewer and part of the request,
// with the reason.
var canaryExcept = []struct{ viewer, path, part, why string }{
	{"assigner", "call/UpdateUserSecurityProfiles", "$hprofile",
		"a profile is offered to whoever may assign profiles and is not restricted: it can be given"},
	{"head", "call/UpdateUserRoutingProfile", "$hrouting",
		"a routing profile is offered to whoever may edit users and is not restricted"},
	{"head", "call/UpdateUserHierarchy", "$hgroup", "so is a group"},
	{"*", "call/UpdateUserHierarchyStructure", `"Two"}}`, "a level is refused to go while a hidden group is at it"},
}

// canaryExcepted reports whether a request is left out for a viewer.
func canaryExcepted(viewer string, r canaryRequest) bool {
	return slices.ContainsFunc(canaryExcept, func(x struct{ viewer, path, part, why string }) bool {
		return (x.viewer == "*" || x.viewer == viewer) && x.path == r.path && strings.Contains(r.body, x.part)
	})
}

// TestCanaries compares everything that viewers are answered in a world with and a world without what they may not
// see.
func TestCanaries(t *testing.T) {
	requests := canaryRequests(t)
	if t.Failed() {
		return
	}
	worlds := []*canaryWorld{newHidingWorld(t), newOpenWorld(t)}
	sung := 0
	reached := map[string]bool{}
	for _, v := range viewers {
		t.Run(v.name, func(t *testing.T) {
			var browsers [2]*browser
			for i, w := range worlds {
				browsers[i] = w.nobody().signIn(fmt.Sprintf(`{"Username": %q, "Password": %q}`, v.name, goodPassword))
				browsers[i].T = t
			}
			for n, r := range requests {
				step := fmt.Sprintf("%s %d ", v.name, n)
				if canaryExcepted(v.name, r) {
					continue
				}
				var got [2]string
				for i, w := range worlds {
					got[i] = w.followed(browsers[i], step, r)
				}
				if strings.HasPrefix(got[0], "200") {
					reached[r.path] = true
				}
				if v.name == "admin" {
					if strings.Contains(strings.ToLower(got[0]), "canary") {
						sung++
					}
					continue
				}
				if r.path == "subject-snapshot" { // each world has a key of its own to sign with
					got[0], got[1] = signedPayload(got[0]), signedPayload(got[1])
				}
				if got[0] != got[1] {
					at := 0
					for at < min(len(got[0]), len(got[1])) && got[0][at] == got[1][at] {
						at++
					}
					t.Errorf("%s %s differs at byte %d:\nwith     %s\nwithout  %s", r.path, r.body, at, around(got[0], at),
						around(got[1], at))
				}
			}
		})
	}
	if sung < 50 {
		t.Errorf("the administrator is shown canaries in %d answers only", sung)
	}
	for _, op := range api.Operations {
		if op.Service == api.Served && !reached["call/"+op.Name] && !slices.Contains(notForUsers, op.Name) {
			t.Errorf("%s is answered to nobody", op.Name)
		}
	}
}

func around(s string, at int) string {
	return s[max(0, at-160):min(len(s), at+240)]
}

// TestCanariesStrict expects that strict mode, which refuses to grant more than one holds, does not tell what a
// hidden profile grants.
func TestCanariesStrict(t *testing.T) {
	var got [2]string
	strict := func(c *control.Config) { c.Strict = true }
	for i, w := range []*canaryWorld{newHidingWorld(t, strict), newOpenWorld(t, strict)} {
		b := w.nobody().signIn(`{"Username": "assigner", "Password": "` + goodPassword + `"}`)
		for n, r := range []canaryRequest{
			{"ask/what-if", `{"operation": "UpdateUserSecurityProfiles", "parameters": {"UserId": "$user", "SecurityProfileIds": ["$profile", "$xprofile"]}}`},
			{"call/UpdateUserSecurityProfiles", `{"UserId": "$user", "SecurityProfileIds": ["$profile", "$xprofile"]}`},
			{"call/UpdateUserSecurityProfiles", `{"UserId": "$user", "SecurityProfileIds": ["$xprofile"]}`},
		} {
			got[i] += w.followed(b, fmt.Sprintf("assigner %d ", n), r)
		}
	}
	if got[0] != got[1] || !strings.Contains(got[0], "(strict)") {
		t.Errorf("with hidden permissions:\n%s\nwithout:\n%s", got[0], got[1])
	}
}

// TestCanariesInUse expects that answers which cannot be the same in both worlds tell no more than they must.
func TestCanariesInUse(t *testing.T) {
	w := newHidingWorld(t)
	as := func(name string) *browser {
		return w.nobody().signIn(fmt.Sprintf(`{"Username": %q, "Password": %q}`, name, goodPassword))
	}
	last := func() lanyard.Event {
		events, _, err := w.svc.History(t.Context(), w.in.ID, lanyard.Ref{}, 0, 1, 1)
		if err != nil || len(events) == 0 {
			t.Fatal(err)
		}
		return events[0]
	}
	t.Run("in use by what is hidden", func(t *testing.T) {
		for _, tt := range []struct{ operation, member, name, by string }{
			{"DeleteSecurityProfile", "SecurityProfileId", "unheld", "resources that you are not allowed to view"}, // huser2 and an AI agent
			{"DeleteSecurityProfile", "SecurityProfileId", "profile", "user " + idOf("user")},                      // seen and hidden users
			{"DeleteHoursOfOperation", "HoursOfOperationId", "hours", "queue " + idOf("queue")},
			{"DeleteUserHierarchyGroup", "HierarchyGroupId", "xgroup", ""},
		} {
			status, answer := as("lead").post("call/"+tt.operation, fmt.Sprintf(`{%q: %q}`, tt.member, idOf(tt.name)))
			text := fmt.Sprint(answer)
			if tt.by == "" {
				if status != 403 {
					t.Errorf("%s of %s answers %d %s, want 403", tt.operation, tt.name, status, text)
				}
				continue
			}
			if status != 409 && status != 400 || !strings.Contains(text, "is in use by "+tt.by) ||
				strings.Contains(text, idOf("huser2")) || strings.Contains(text, canaryAgent) {
				t.Errorf("%s of %s answers %d %s, want in use by %s", tt.operation, tt.name, status, text, tt.by)
			}
		}
		_, answer := as("lead").post("call/DeleteContactFlowModuleVersion",
			spell(`{"ContactFlowModuleId": "$module", "ContactFlowModuleVersion": 1}`))
		if text := fmt.Sprint(answer); !strings.Contains(text, idOf("alias")) {
			t.Errorf("deleting a version that an alias names answers %s", text)
		}
		_, answer = as("lead").post("call/UpdateUserHierarchyStructure",
			`{"HierarchyStructure": {"LevelOne": {"Name": "One"}}}`)
		if text := fmt.Sprint(answer); strings.Contains(text, "Canary") {
			t.Errorf("taking levels away answers %s", text)
		}
	})
	t.Run("what-if shows what profiles that are seen give", func(t *testing.T) {
		for _, tt := range []struct {
			who, user, profiles string
			hidden              float64
			gains, loses        []string
		}{
			{"assigner", "user", `"$profile", "$xprofile"`, 2, nil, nil}, // the asker sees none at all
			{"lead", "user2", `"$profile"`, 1, nil, nil},
			{"lead", "user2", `"$xprofile"`, 1, nil, []string{"BasicAgentAccess", "Queues.Edit", "Queues.View", "Users.View"}},
			{"admin", "user", `"$profile", "$xprofile"`, 0, []string{"ManagerBargeIn", "Queues.Purge"}, nil},
		} {
			answer := as(tt.who).ok("ask/what-if",
				spell(`{"operation": "UpdateUserSecurityProfiles", "parameters": {"UserId": "$`+tt.user+
					`", "SecurityProfileIds": [`+tt.profiles+`]}}`))
			var gains, loses []string
			if all, _ := answer["differences"].([]any); len(all) > 0 {
				d := all[0].(map[string]any)
				gains, loses = names(d["gains"], "action"), names(d["loses"], "action")
			}
			hidden, _ := answer["hidden"].(float64)
			if hidden != tt.hidden || !slices.Equal(gains, tt.gains) || !slices.Equal(loses, tt.loses) {
				t.Errorf("%s: %s with %s: hidden %v, gains %q, loses %q, want %v, %q, %q", tt.who, tt.user, tt.profiles, hidden,
					gains, loses, tt.hidden, tt.gains, tt.loses)
			}
		}
	})
	t.Run("refused proposals are recorded", func(t *testing.T) {
		before := last().Revision
		as("agent").refused("ask/what-if",
			spell(`{"operation": "UpdateUserSecurityProfiles", "parameters": {"UserId": "$user", "SecurityProfileIds": ["$hprofile"]}}`),
			403, "AccessDeniedException")
		e := last()
		if e.Revision != before+1 || !strings.HasPrefix(e.Refused, "what-if: ") ||
			e.Operation != "UpdateUserSecurityProfiles" || e.OnBehalfOf != idOf("agent") || len(e.Changes) > 0 {
			t.Errorf("the last event is %+v", e)
		}
		as("admin").ok("ask/what-if",
			spell(`{"operation": "UpdateUserSecurityProfiles", "parameters": {"UserId": "$user", "SecurityProfileIds": ["$hprofile"]}}`))
		if now := last(); now.Revision != e.Revision {
			t.Errorf("a proposal that is not refused leaves %+v", now)
		}
	})
	t.Run("key ids are the operator's", func(t *testing.T) {
		for _, path := range []string{"history", "history/export", "profiles"} {
			if text := fmt.Sprint(as("admin").ok(path, `{}`)); strings.Contains(text, w.site.root.ID) {
				t.Errorf("%s shows a user the root key's id", path)
			}
			if text := fmt.Sprint(w.root.ok(path, spell(`{"InstanceId": "$instance"}`))); !strings.Contains(text,
				w.site.root.ID) {
				t.Errorf("%s does not show the operator the root key's id", path)
			}
		}
	})
}

// signedPayload returns what the JWS of an answer says, or the answer if it has none.
func signedPayload(answer string) string {
	parts := strings.Split(answer, ".")
	if len(parts) != 3 {
		return answer
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return answer
	}
	return revisionOfRights.ReplaceAllString(string(payload), "")
}

// revisionOfRights says how many changes there were, as the revision of every other answer does.
var revisionOfRights = regexp.MustCompile(`"Revision":\d+,`)

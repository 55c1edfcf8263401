package awsapi_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
	"github.com/lanyard/lanyard/internal/fault"
	"github.com/lanyard/lanyard/internal/throttle"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// text is an exchange as it stands in a golden file. A request id is random.
func (x *wire) text() string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s\n", x.method, x.target)
	if x.body != "" {
		fmt.Fprintf(&b, "\n%s\n", x.body)
	}
	fmt.Fprintf(&b, "\n---\n%d\n", x.status)
	for _, name := range []string{"Content-Type", "X-Amzn-Errortype", "X-Amzn-Requestid"} {
		v := x.header.Get(name)
		if name == "X-Amzn-Requestid" && v != "" {
			v = "(random)"
		}
		if v != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, v)
		}
	}
	if x.answer != "" {
		fmt.Fprintf(&b, "\n%s\n", strings.ReplaceAll(x.answer, x.header.Get("X-Amzn-Requestid"), "(random)"))
	}
	return b.String()
}

// recorder holds exchanges against the files of testdata.
type recorder struct {
	*world
	seen []string
}

// golden compares the exchange with the file of its operation or, for a failure, of its operation
// and exception.
func (r *recorder) golden(x *wire) *wire {
	r.Helper()
	name := x.op
	if x.exception() != "" {
		name += "." + x.exception()
	}
	if slices.Contains(r.seen, name) {
		r.Errorf("two exchanges for %s.golden", name)
	}
	r.seen = append(r.seen, name)
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, []byte(x.text()), 0o644); err != nil {
			r.Fatal(err)
		}
		return x
	}
	want, err := os.ReadFile(file)
	if err != nil {
		r.Error(err)
	} else if got := x.text(); got != string(want) {
		r.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
	return x
}

// makes is golden for a call that makes something, whose id it returns.
func (r *recorder) makes(op string, m members) string {
	r.Helper()
	for name, v := range r.golden(r.do(op, m)).ok() {
		if strings.HasSuffix(name, "Id") {
			return v.(string)
		}
	}
	r.Fatalf("%s answers no id", op)
	return ""
}

// does is golden for a call that succeeds.
func (r *recorder) does(op string, m members) members { r.Helper(); return r.golden(r.do(op, m)).ok() }

// refused is golden for a call that does not.
func (r *recorder) refused(exception, op string, m members) {
	r.Helper()
	r.golden(r.do(op, m)).fails(exception)
}

// TestWire plays one long script and holds every request and answer against testdata.
func TestWire(t *testing.T) {
	limiter := &throttle.Limiter{Rate: 1e-9, Burst: 1}
	r := &recorder{world: newWorld(t, func(c *control.Config, a *awsapi.Config) {
		c.Quotas = control.Quotas{InstancesPerAccount: 2, Profiles: 7, Modules: 2, Users: 2, Groups: 6, Queues: 3,
			RoutingProfiles: 3, Hours: 3, QuickConnects: 2,
			DataTables: 2, AttributesPerTable: 3, PrimaryPerTable: 1}
	})}
	in := r.instances()
	p := r.profiles(in)
	r.faults(in, p, limiter)
	r.empties(in)
	r.routingChanges(in)
	r.end(in, p)
	r.dataTables(in)
	r.routingDocuments(in.instance)
	r.flows(in)
	r.forms(in)
	r.complete()
}

// things are the ids of what the script made.
type things struct {
	instance, hours, queue, routing, parent, quick, group, below, module, alias, table, user, agent, held string

	flow, address      string
	more, flows, forms map[string]any // by member, as of a sampler; see furnishFlows
}

func (r *recorder) instances() things {
	r.Helper()
	var in things
	in.instance = r.makes("CreateInstance",
		members{"ClientToken": "first", "InstanceAlias": "contact-centre", "IdentityManagementType": "CONNECT_MANAGED",
			"InboundCallsEnabled": true, "OutboundCallsEnabled": false, "Tags": map[string]string{"Team": "Sales"}})
	r.refused("InvalidRequestException", "CreateInstance",
		members{"IdentityManagementType": "SAML", "InboundCallsEnabled": true, "OutboundCallsEnabled": true})
	second := r.instance("second")
	r.refused("ServiceQuotaExceededException", "CreateInstance",
		members{"InstanceAlias": "third", "IdentityManagementType": "SAML", "InboundCallsEnabled": true,
			"OutboundCallsEnabled": true})
	r.does("DescribeInstance", members{"InstanceId": in.instance})
	r.refused("ResourceNotFoundException", "DescribeInstance", members{"InstanceId": "none"})
	r.does("ListInstances", members{"MaxResults": 1})
	r.does("DescribeInstanceAttribute", members{"InstanceId": in.instance, "AttributeType": "INBOUND_CALLS"})
	r.does("ListInstanceAttributes", members{"InstanceId": in.instance, "MaxResults": 7})
	r.does("UpdateInstanceAttribute",
		members{"InstanceId": in.instance, "AttributeType": "CONTACT_LENS", "Value": "false"})
	r.refused("InvalidParameterException", "UpdateInstanceAttribute",
		members{"InstanceId": in.instance, "AttributeType": "CONTACT_LENS", "Value": "perhaps"})
	r.does("DeleteInstance", members{"InstanceId": second})
	r.refused("ResourceNotFoundException", "DeleteInstance", members{"InstanceId": second})

	id := in.instance
	r.does("UpdateUserHierarchyStructure",
		members{"InstanceId": id,
			"HierarchyStructure": members{"LevelOne": members{"Name": "Country"}, "LevelTwo": members{"Name": "City"}}})
	r.refused("InvalidParameterException", "UpdateUserHierarchyStructure",
		members{"InstanceId": id, "HierarchyStructure": members{"LevelTwo": members{"Name": "City"}}})
	in.group = r.makes("CreateUserHierarchyGroup",
		members{"InstanceId": id, "Name": "France", "Tags": map[string]string{"Zone": "EU"}})
	r.refused("DuplicateResourceException", "CreateUserHierarchyGroup", members{"InstanceId": id, "Name": "France"})
	in.below = r.id("CreateUserHierarchyGroup", members{"InstanceId": id, "Name": "Paris", "ParentGroupId": in.group})
	r.refused("ResourceNotFoundException", "CreateUserHierarchyGroup",
		members{"InstanceId": id, "Name": "Montmartre", "ParentGroupId": in.below})
	r.does("DescribeUserHierarchyStructure", members{"InstanceId": id})
	r.refused("ResourceInUseException", "UpdateUserHierarchyStructure",
		members{"InstanceId": id, "HierarchyStructure": members{"LevelOne": members{"Name": "Country"}}})
	r.does("DescribeUserHierarchyGroup", members{"InstanceId": id, "HierarchyGroupId": in.below})
	r.does("ListUserHierarchyGroups", members{"InstanceId": id})
	r.does("SearchUserHierarchyGroups",
		members{"InstanceId": id,
			"SearchCriteria": members{"StringCondition": members{"FieldName": "name", "Value": "par",
				"ComparisonType": "STARTS_WITH"}}})
	r.does("UpdateUserHierarchyGroupName", members{"InstanceId": id, "HierarchyGroupId": in.below, "Name": "Lyon"})
	r.refused("ResourceInUseException", "DeleteUserHierarchyGroup",
		members{"InstanceId": id, "HierarchyGroupId": in.group})

	in.hours = r.makes("CreateHoursOfOperation",
		members{"InstanceId": id, "Name": "Night", "Description": "When others sleep", "TimeZone": "Europe/Paris",
			"Config": []members{{"Day": "MONDAY", "StartTime": members{"Hours": 22, "Minutes": 0},
				"EndTime": members{"Hours": 23, "Minutes": 59}}}, "Tags": map[string]string{"Team": "Night"}})
	r.refused("InvalidParameterException", "CreateHoursOfOperation",
		members{"InstanceId": id, "Name": "Nowhere", "TimeZone": "Moon/Tranquility", "Config": []members{}})
	r.does("DescribeHoursOfOperation", members{"InstanceId": id, "HoursOfOperationId": in.hours})
	r.does("ListHoursOfOperations", members{"InstanceId": id})
	r.does("SearchHoursOfOperations",
		members{"InstanceId": id,
			"SearchFilter": members{"TagFilter": members{"TagCondition": members{"TagKey": "Team", "TagValue": "Night"}}}})
	in.queue = r.makes("CreateQueue",
		members{"InstanceId": id, "Name": "Sales", "Description": "Buyers", "HoursOfOperationId": in.hours, "MaxContacts": 10,
			"OutboundCallerConfig": members{"OutboundCallerIdName": "Shop"}})
	r.refused("DuplicateResourceException", "CreateQueue",
		members{"InstanceId": id, "Name": "Sales", "HoursOfOperationId": in.hours})
	r.does("DescribeQueue", members{"InstanceId": id, "QueueId": in.queue})
	r.does("ListQueues", members{"InstanceId": id, "QueueTypes": []string{"STANDARD", "AGENT"}})
	r.does("SearchQueues", members{"InstanceId": id, "SearchCriteria": members{"QueueTypeCondition": "STANDARD"}})
	in.routing = r.makes("CreateRoutingProfile",
		members{"InstanceId": id, "Name": "Sellers", "Description": "Who sells", "DefaultOutboundQueueId": in.queue,
			"QueueConfigs": []members{{"QueueReference": members{"QueueId": in.queue, "Channel": "VOICE"},
				"Priority": 1, "Delay": 5}},
			"ManualAssignmentQueueConfigs": []members{{"QueueReference": members{"QueueId": in.queue, "Channel": "TASK"}}},
			"MediaConcurrencies":           []members{{"Channel": "VOICE", "Concurrency": 1}}})
	r.does("DescribeRoutingProfile", members{"InstanceId": id, "RoutingProfileId": in.routing})
	r.does("ListRoutingProfiles", members{"InstanceId": id})
	r.does("SearchRoutingProfiles",
		members{"InstanceId": id,
			"SearchCriteria": members{"StringCondition": members{"FieldName": "associatedQueueIds", "Value": in.queue,
				"ComparisonType": "EXACT"}}})
	r.does("ListRoutingProfileQueues", members{"InstanceId": id, "RoutingProfileId": in.routing})
	module := members{"InstanceId": id, "Name": "Look up order", "Description": "By number", "Content": "{}",
		"ClientToken": "once", "ExternalInvocationConfiguration": members{"Enabled": true}}
	in.module = r.golden(r.do("CreateContactFlowModule", module)).ok()["Id"].(string)
	module["Content"] = `{"Version":"2"}`
	r.refused("IdempotencyException", "CreateContactFlowModule", module)
	r.does("DescribeContactFlowModule", members{"InstanceId": id, "ContactFlowModuleId": in.module})
	r.does("ListContactFlowModules", members{"InstanceId": id})
	r.does("SearchContactFlowModules", members{"InstanceId": id})
	r.does("CreateContactFlowModuleVersion",
		members{"InstanceId": id, "ContactFlowModuleId": in.module, "Description": "First"})
	r.refused("InvalidRequestException", "DeleteHoursOfOperation",
		members{"InstanceId": id, "HoursOfOperationId": in.hours})
	r.refused("ResourceInUseException", "DeleteQueue", members{"InstanceId": id, "QueueId": in.queue})
	in.agent = "arn:aws:wisdom:us-east-1:" + account +
		":ai-agent/11111111-1111-4111-8111-111111111111/22222222-2222-4222-8222-222222222222:$LATEST"
	return in
}

// routingChanges makes a quick connect and changes what the script made for routing.
func (r *recorder) routingChanges(in things) {
	r.Helper()
	r.pass(time.Minute)
	of := func(name, id string) func(...any) members {
		return func(more ...any) members {
			m := members{"InstanceId": in.instance, name: id}
			for i := 0; i < len(more); i += 2 {
				m[more[i].(string)] = more[i+1]
			}
			return m
		}
	}
	flow := r.flow(in.instance, "Transfer")
	to := members{"QuickConnectType": "QUEUE", "QueueConfig": members{"QueueId": in.queue, "ContactFlowId": flow}}
	quick := r.makes("CreateQuickConnect",
		members{"InstanceId": in.instance, "Name": "To sales", "Description": "Those who sell", "QuickConnectConfig": to,
			"Tags": members{"Team": "Sales"}})
	r.refused("DuplicateResourceException", "CreateQuickConnect",
		members{"InstanceId": in.instance, "Name": "To sales", "QuickConnectConfig": to})
	to["QuickConnectType"] = "USER"
	r.refused("InvalidParameterException", "CreateQuickConnect",
		members{"InstanceId": in.instance, "Name": "To nobody", "QuickConnectConfig": to})
	phone := members{"QuickConnectType": "PHONE_NUMBER", "PhoneConfig": members{"PhoneNumber": "+12065550100"}}
	spare := r.id("CreateQuickConnect",
		members{"InstanceId": in.instance, "Name": "Operator", "QuickConnectConfig": phone})
	r.refused("LimitExceededException", "CreateQuickConnect",
		members{"InstanceId": in.instance, "Name": "Too many", "QuickConnectConfig": phone})
	connect := of("QuickConnectId", quick)
	r.does("DescribeQuickConnect", connect())
	r.does("ListQuickConnects", members{"InstanceId": in.instance, "QuickConnectTypes": []string{"QUEUE", "USER"}})
	r.does("SearchQuickConnects",
		members{"InstanceId": in.instance,
			"SearchCriteria": members{"StringCondition": members{"FieldName": "description", "Value": "sell",
				"ComparisonType": "CONTAINS"}}})
	r.does("UpdateQuickConnectName", connect("Name", "Sales", "Description", ""))
	// DuplicateResourceException is not declared
	r.refused("InvalidRequestException", "UpdateQuickConnectName", connect("Name", "Operator"))
	r.does("UpdateQuickConnectConfig", connect("QuickConnectConfig", phone))

	queue := of("QueueId", in.queue)
	r.does("AssociateQueueQuickConnects", queue("QuickConnectIds", []string{quick}))
	r.does("ListQueueQuickConnects", queue())
	r.refused("InvalidRequestException", "DeleteQuickConnect", connect()) // ResourceInUseException is not declared
	r.does("DisassociateQueueQuickConnects",
		queue("QuickConnectIds", []string{r.arn(in.instance, "transfer-destination", quick)}))
	r.does("DeleteQuickConnect", of("QuickConnectId", spare)())
	r.does("UpdateQueueHoursOfOperation", queue("HoursOfOperationId", in.hours))
	r.does("UpdateQueueMaxContacts", queue("MaxContacts", 20))
	r.does("UpdateQueueName", queue("Description", "Buyers and others"))
	r.refused("DuplicateResourceException", "UpdateQueueName", queue("Name", "BasicQueue"))
	r.refused("InvalidParameterException", "UpdateQueueName", queue())
	r.does("UpdateQueueOutboundCallerConfig",
		queue("OutboundCallerConfig", members{"OutboundCallerIdName": "Store", "OutboundFlowId": flow}))
	r.does("UpdateQueueOutboundEmailConfig", queue("OutboundEmailConfig", members{}))
	r.does("UpdateQueueStatus", queue("Status", "ENABLED"))

	routing := of("RoutingProfileId", in.routing)
	voice := members{"QueueId": in.queue, "Channel": "VOICE"}
	task := members{"QueueId": in.queue, "Channel": "TASK"}
	r.does("ListRoutingProfileManualAssignmentQueues", routing())
	r.does("AssociateRoutingProfileQueues",
		routing("QueueConfigs", []members{{"QueueReference": task, "Priority": 2, "Delay": 0}}))
	r.does("UpdateRoutingProfileQueues",
		routing("QueueConfigs", []members{{"QueueReference": voice, "Priority": 1, "Delay": 30}}))
	r.refused("InvalidRequestException", "UpdateRoutingProfileQueues",
		routing("QueueConfigs",
			[]members{{"QueueReference": members{"QueueId": in.queue, "Channel": "CHAT"}, "Priority": 1, "Delay": 30}}))
	r.does("DisassociateRoutingProfileQueues",
		routing("QueueReferences", []members{task}, "ManualAssignmentQueueReferences", []members{task}))
	r.refused("InvalidParameterException", "DisassociateRoutingProfileQueues",
		routing("QueueReferences", slices.Repeat([]members{task}, 11)))
	r.does("UpdateRoutingProfileAgentAvailabilityTimer", routing("AgentAvailabilityTimer", "TIME_SINCE_LAST_INBOUND"))
	r.does("UpdateRoutingProfileConcurrency",
		routing("MediaConcurrencies",
			[]members{{"Channel": "VOICE", "Concurrency": 1}, {"Channel": "CHAT", "Concurrency": 5}}))
	r.does("UpdateRoutingProfileDefaultOutboundQueue", routing("DefaultOutboundQueueId", in.queue))
	r.does("UpdateRoutingProfileName", routing("Name", "Sales people"))

	hours := of("HoursOfOperationId", in.hours)
	parent := r.first("ListHoursOfOperations", in.instance, "HoursOfOperationSummaryList", "Id")
	r.does("UpdateHoursOfOperation", hours("Description", "", "TimeZone", "Europe/Berlin"))
	r.does("AssociateHoursOfOperations", hours("ParentHoursOfOperationConfigs", []members{{"HoursOfOperationId": parent}}))
	r.refused("InvalidParameterException", "AssociateHoursOfOperations",
		of("HoursOfOperationId", parent)("ParentHoursOfOperationConfigs", []members{{"HoursOfOperationId": in.hours}}))
	r.does("ListChildHoursOfOperations", of("HoursOfOperationId", parent)())
	r.does("DisassociateHoursOfOperations", hours("ParentHoursOfOperationIds", []string{parent}))

}

// dataTables makes a data table and changes it and its attributes.
func (r *recorder) dataTables(in things) {
	r.Helper()
	id := in.instance
	table := r.makes("CreateDataTable", members{"InstanceId": id, "Name": " Callback hours ", "Description": "By language",
		"TimeZone": "Europe/Paris", "ValueLockLevel": "PRIMARY_VALUE", "Status": "PUBLISHED", "Tags": members{"Team": "Sales"}})
	plain := func(name string) members {
		return members{"InstanceId": id, "Name": name, "TimeZone": "UTC", "ValueLockLevel": "NONE", "Status": "PUBLISHED"}
	}
	r.refused("DuplicateResourceException", "CreateDataTable", plain("callback HOURS"))
	r.refused("InvalidParameterException", "CreateDataTable", plain("AWS:tables"))
	spare := r.id("CreateDataTable", plain("Spare"))
	r.refused("ServiceQuotaExceededException", "CreateDataTable", plain("Too many"))
	of := func(more members) members {
		more["InstanceId"], more["DataTableId"] = id, table
		return more
	}
	r.pass(time.Minute)
	r.does("CreateDataTableAttribute", of(members{"Name": "Language ", "Description": "As ISO says", "ValueType": "TEXT",
		"Primary": true, "Validation": members{"MinLength": 2, "MaxLength": 3, "IgnoreCase": true,
			"Enum": members{"Strict": true, "Values": []string{"en", "fr"}}}}))
	r.refused("DuplicateResourceException", "CreateDataTableAttribute", of(members{"Name": "LANGUAGE", "ValueType": "TEXT"}))
	r.refused("InvalidParameterException", "CreateDataTableAttribute",
		of(members{"Name": "From", "ValueType": "NUMBER", "Validation": members{"Minimum": 9, "ExclusiveMaximum": 9}}))
	r.refused("ServiceQuotaExceededException", "CreateDataTableAttribute",
		of(members{"Name": "Country", "ValueType": "TEXT", "Primary": true}))
	r.do("CreateDataTableAttribute", of(members{"Name": "Hour", "ValueType": "NUMBER"})).ok()
	r.does("UpdateDataTableAttribute", of(members{"AttributeName": "hour", "Name": "From", "ValueType": "NUMBER",
		"Validation": members{"Minimum": 0, "ExclusiveMaximum": 24, "MultipleOf": 0.25}}))
	r.refused("LimitExceededException", "UpdateDataTableAttribute",
		of(members{"AttributeName": "From", "Name": "From", "ValueType": "NUMBER", "Primary": true}))
	r.does("DescribeDataTableAttribute", of(members{"AttributeName": "Language"}))
	r.refused("ResourceNotFoundException", "DescribeDataTableAttribute", of(members{"AttributeName": "none"}))
	r.does("ListDataTableAttributes", of(members{"MaxResults": 1}))
	r.does("UpdateDataTableMetadata", of(members{"Name": "Callbacks", "Description": "", "TimeZone": "Europe/Berlin",
		"ValueLockLevel": "VALUE"}))
	r.refused("DuplicateResourceException", "UpdateDataTableMetadata",
		of(members{"Name": "spare", "TimeZone": "Europe/Berlin", "ValueLockLevel": "VALUE"}))
	r.does("DescribeDataTable", members{"InstanceId": id, "DataTableId": r.arn(id, "data-table", table) + ":$LATEST"})
	r.refused("InvalidParameterException", "DescribeDataTable", members{"InstanceId": id, "DataTableId": table + ":1"})
	r.does("ListDataTables", members{"InstanceId": id, "MaxResults": 1})
	r.does("SearchDataTables", members{"InstanceId": id,
		"SearchFilter": members{"AttributeFilter": members{"TagCondition": members{"TagKey": "Team", "TagValue": "Sales"}}}})
	r.dataTableValues(of)
	r.does("DeleteDataTableAttribute", of(members{"AttributeName": "From"}))
	r.does("DeleteDataTable", members{"InstanceId": id, "DataTableId": spare})
	r.refused("ResourceNotFoundException", "DeleteDataTable", members{"InstanceId": id, "DataTableId": spare})
}

// dataTableValues writes and reads values of a data table with the attributes Language, which is primary, and From.
func (r *recorder) dataTableValues(of func(members) members) {
	r.Helper()
	in := func(language string) []members { return []members{{"AttributeName": "Language", "Value": language}} }
	value := func(language, from string) members {
		return members{"PrimaryValues": in(language), "AttributeName": "From", "Value": from}
	}
	made := r.does("BatchCreateDataTableValue", of(members{"Values": []members{value("fr", "8"), value("en", "9.5"),
		value("FR", "1"), value("de", "1"), value("en", "24"), {"AttributeName": "From", "Value": "10"},
		{"AttributeName": "Until", "Value": "18"}}}))
	lock := made["Successful"].([]any)[0].(members)["LockVersion"]
	r.pass(time.Minute)
	r.does("BatchUpdateDataTableValue", of(members{"Values": []members{
		{"PrimaryValues": in("fr"), "AttributeName": "from", "Value": "8.25", "LockVersion": lock},
		{"PrimaryValues": in("en"), "AttributeName": "From", "Value": "9", "LockVersion": members{"Value": "an old one"}},
		value("en", "9")}}))
	r.does("BatchDescribeDataTableValue", of(members{"Values": []members{
		{"PrimaryValues": in("Fr"), "AttributeName": "From"}, {"AttributeName": "From"},
		{"PrimaryValues": in("en"), "AttributeName": "Language"}}}))
	r.does("ListDataTableValues", of(members{"MaxResults": 1,
		"PrimaryAttributeValues": []members{{"AttributeName": "Language", "Values": []string{"en", "fr"}}}}))
	r.refused("InvalidParameterException", "ListDataTableValues", of(members{
		"PrimaryAttributeValues": []members{{"AttributeName": "From", "Values": []string{"9"}}}}))
	r.does("ListDataTablePrimaryValues", of(members{}))
	r.does("EvaluateDataTableValues", of(members{"Values": []members{
		{"PrimaryValues": in("fr"), "AttributeNames": []string{"From"}},
		{"PrimaryValues": in(""), "AttributeNames": []string{"From"}}, {"AttributeNames": []string{"From"}}}}))
	row := r.do("BatchDescribeDataTableValue", of(members{"Values": []members{{"PrimaryValues": in("en"),
		"AttributeName": "From"}}})).ok()["Successful"].([]any)[0].(members)["LockVersion"]
	r.refused("ConflictException", "UpdateDataTablePrimaryValues", of(members{"PrimaryValues": in("en"),
		"NewPrimaryValues": in("EN"), "LockVersion": members{"PrimaryValues": "an old one"}}))
	r.does("UpdateDataTablePrimaryValues", of(members{"PrimaryValues": in("en"), "NewPrimaryValues": in("EN"),
		"LockVersion": row}))
	r.refused("ResourceNotFoundException", "UpdateDataTablePrimaryValues", of(members{"PrimaryValues": in(""),
		"NewPrimaryValues": in("fr"), "LockVersion": members{}}))
	r.does("BatchDeleteDataTableValue", of(members{"Values": []members{
		{"PrimaryValues": in("en"), "AttributeName": "From", "LockVersion": row},
		{"PrimaryValues": in("en"), "AttributeName": "From", "LockVersion": members{}}}}))
}

func (r *recorder) profiles(in things) string {
	r.Helper()
	id := in.instance
	p := r.makes("CreateSecurityProfile",
		members{"InstanceId": id, "SecurityProfileName": "Sales lead", "Description": "Leads the sellers",
			"Permissions": []string{"Users.View", "Users.Edit", "BasicAgentAccess"}, "Tags": map[string]string{"Team": "Sales"}})
	r.refused("DuplicateResourceException", "CreateSecurityProfile",
		members{"InstanceId": id, "SecurityProfileName": "Sales lead"})
	r.refused("InvalidParameterException", "CreateSecurityProfile",
		members{"InstanceId": id, "SecurityProfileName": "a/b"})
	r.refused("ResourceNotFoundException", "CreateSecurityProfile",
		members{"InstanceId": "none", "SecurityProfileName": "x"})
	r.golden(r.raw(r.api, "CreateSecurityProfile", "PUT", "/security-profiles/"+id,
		`{"SecurityProfileName":"a","SecurityProfileName":"b"}`)).fails("InvalidRequestException", "duplicate")
	spare := r.id("CreateSecurityProfile", members{"InstanceId": id, "SecurityProfileName": "Spare"})
	r.id("CreateSecurityProfile", members{"InstanceId": id, "SecurityProfileName": "Last"})
	r.refused("LimitExceededException", "CreateSecurityProfile",
		members{"InstanceId": id, "SecurityProfileName": "Too many"})

	r.pass(time.Minute)
	both := func(m members) members { m["InstanceId"], m["SecurityProfileId"] = id, p; return m }
	r.golden(r.do("UpdateSecurityProfile", both(members{
		"Description": "Leads and tags", "Permissions": []string{"Users.View", "Queues.View"},
		"AllowedAccessControlTags": map[string]string{"Zone": ""}, "TagRestrictedResources": []string{"User", "Queue"},
		"HierarchyRestrictedResources":         []string{"User"},
		"AllowedAccessControlHierarchyGroupId": r.arn(id, "agent-group", in.group),
		"Applications": []members{{"Namespace": "gateway-1", "ApplicationPermissions": []string{"orders___Find"},
			"Type": "MCP"}, {"Namespace": "crm", "ApplicationPermissions": []string{"ACCESS"}}},
		"AllowedFlowModules": []members{{"Type": "MCP", "FlowModuleId": in.module}},
		"AllowedAIAgents": []members{{"Arn": "arn:aws:app-integrations:us-east-1:" + account + ":application/aaaa",
			"Type": "THIRD_PARTY"}},
		"GranularAccessControlConfiguration": members{"DataTableAccessControlConfiguration": members{"PrimaryAttributeAccessControlConfiguration": members{
			"PrimaryAttributeValues": []members{{"AccessType": "ALLOW", "AttributeName": "Region",
				"Values": []string{"EU", "UK"}}}}}},
	}))).ok()
	r.refused("InvalidParameterException", "UpdateSecurityProfile",
		both(members{"Permissions": []string{"Users.View", "Users.Fly", "Nothing"}}))
	r.refused("ResourceNotFoundException", "UpdateSecurityProfile", members{"InstanceId": id, "SecurityProfileId": "none"})
	r.golden(r.raw(r.api, "UpdateSecurityProfile", "POST", "/security-profiles/"+id+"/"+p,
		`{"Permissions":"Users.View"}`)).fails("InvalidRequestException", "Permissions", "a list")

	for _, op := range []string{"DescribeSecurityProfile", "ListSecurityProfilePermissions",
		"ListSecurityProfileApplications", "ListSecurityProfileFlowModules", "ListSecurityProfileAIAgents"} {
		r.does(op, both(members{}))
		r.refused("ResourceNotFoundException", op,
			members{"InstanceId": id, "SecurityProfileId": r.arn("other", "security-profile", p)})
		r.refused("InvalidParameterException", op, members{"InstanceId": id, "SecurityProfileId": r.arn(id, "queue", p)})
		r.golden(r.raw(r.api, op, pinned().Operations[op].HTTP.Method,
			strings.NewReplacer("{InstanceId}", id, "{SecurityProfileId}",
				"%ff").Replace(pinned().Operations[op].HTTP.RequestURI), "")).fails("InvalidRequestException", "SecurityProfileId",
			"UTF-8")
	}
	r.does("ListSecurityProfiles", members{"InstanceId": id, "MaxResults": 2})
	r.refused("InvalidParameterException", "ListSecurityProfiles", members{"InstanceId": id, "MaxResults": 1001})
	r.refused("ResourceNotFoundException", "ListSecurityProfiles", members{"InstanceId": "none"})
	r.golden(r.raw(r.api, "ListSecurityProfiles", "GET", "/security-profiles-summary/"+id+"?nextToken=%zz",
		"")).fails("InvalidRequestException", "query")
	r.does("SearchSecurityProfiles",
		members{"InstanceId": id, "MaxResults": 1, "SearchCriteria": members{"OrConditions": []members{
			{"StringCondition": members{"FieldName": "name", "Value": "sales", "ComparisonType": "CONTAINS"}},
			{"StringCondition": members{"FieldName": "name", "Value": "AGENT", "ComparisonType": "EXACT"}}}}})
	r.refused("InvalidParameterException", "SearchSecurityProfiles",
		members{"InstanceId": id,
			"SearchCriteria": members{"StringCondition": members{"FieldName": "name", "Value": "s",
				"ComparisonType": "CONTAINS"}}})
	r.refused("ResourceNotFoundException", "SearchSecurityProfiles", members{"InstanceId": "none"})
	r.golden(r.raw(r.api, "SearchSecurityProfiles", "POST", "/search-security-profiles", `{"InstanceId":"`+id+
		`"} {}`)).fails("InvalidRequestException", "must be valid JSON")

	held := func(ids ...string) members {
		items := []members{}
		for _, id := range ids {
			items = append(items, members{"Id": id})
		}
		return members{"InstanceId": id, "EntityType": "AI_AGENT", "EntityArn": in.agent, "SecurityProfiles": items}
	}
	r.does("AssociateSecurityProfiles", held(p, spare))
	r.refused("ResourceConflictException", "AssociateSecurityProfiles", held(p))
	r.refused("ResourceNotFoundException", "AssociateSecurityProfiles", held("none"))
	user := held(p)
	user["EntityType"] = "USER"
	r.refused("InvalidParameterException", "AssociateSecurityProfiles", user)
	r.golden(r.raw(r.api, "AssociateSecurityProfiles", "POST", "/associate-security-profiles/"+id,
		`[]`)).fails("InvalidRequestException", "object")
	entity := members{"InstanceId": id, "EntityType": "AI_AGENT", "EntityArn": in.agent}
	r.does("ListEntitySecurityProfiles", entity)
	r.refused("InvalidParameterException", "ListEntitySecurityProfiles",
		members{"InstanceId": id, "EntityType": "AI_AGENT", "EntityArn": "mine"})
	r.refused("ResourceNotFoundException", "ListEntitySecurityProfiles",
		members{"InstanceId": "none", "EntityType": "AI_AGENT", "EntityArn": in.agent})
	r.golden(r.raw(r.api, "ListEntitySecurityProfiles", "POST", "/entity-security-profiles-summary/"+id,
		`{"EntityType":1}`)).fails("InvalidRequestException", "EntityType")
	r.refused("ResourceInUseException", "DeleteSecurityProfile", members{"InstanceId": id, "SecurityProfileId": spare})
	r.does("DisassociateSecurityProfiles", held(spare))
	r.refused("InvalidParameterException", "DisassociateSecurityProfiles", held(spare))
	elsewhere := held(spare)
	elsewhere["InstanceId"] = "none"
	r.refused("ResourceNotFoundException", "DisassociateSecurityProfiles", elsewhere)
	r.golden(r.raw(r.api, "DisassociateSecurityProfiles", "POST", "/disassociate-security-profiles/"+id,
		`{`)).fails("InvalidRequestException", "must be valid JSON")
	r.does("DeleteSecurityProfile", members{"InstanceId": id, "SecurityProfileId": spare})
	r.refused("ResourceNotFoundException", "DeleteSecurityProfile", members{"InstanceId": id, "SecurityProfileId": spare})
	r.refused("InvalidParameterException", "DeleteSecurityProfile",
		members{"InstanceId": id, "SecurityProfileId": "arn:aws:s3:::bucket"})
	r.golden(r.raw(r.api, "DeleteSecurityProfile", "DELETE", "/security-profiles/"+id+"/%ff",
		"")).fails("InvalidRequestException", "UTF-8")

	in.user = r.users(in, p)
	r.tags(in, p)
	return p
}

func (r *recorder) users(in things, p string) string {
	r.Helper()
	id := in.instance
	u := r.makes("CreateUser",
		members{"InstanceId": id, "Username": "jane", "Password": "Secret-1234",
			"IdentityInfo": members{"FirstName": "Jane", "LastName": "Doe", "Email": "jane@example.com"},
			"PhoneConfig": members{"PhoneType": "DESK_PHONE", "DeskPhoneNumber": "+12065550100", "AutoAccept": true,
				"AfterContactWorkTimeLimit": 30}, "SecurityProfileIds": []string{p},
			"RoutingProfileId": in.routing, "HierarchyGroupId": in.below, "Tags": map[string]string{"Team": "Sales"}})
	user := func(m members) members { m["InstanceId"], m["UserId"] = id, u; return m }
	r.refused("DuplicateResourceException", "CreateUser",
		members{"InstanceId": id, "Username": "jane", "Password": "Secret-1234", "SecurityProfileIds": []string{p},
			"RoutingProfileId": in.routing})
	r.refused("InvalidParameterException", "CreateUser",
		members{"InstanceId": id, "Username": "joe", "SecurityProfileIds": []string{p}, "RoutingProfileId": in.routing})
	r.does("DescribeUser", user(members{}))
	r.refused("ResourceNotFoundException", "DescribeUser", members{"InstanceId": id, "UserId": "none"})
	r.does("ListUsers", members{"InstanceId": id})
	r.does("SearchUsers", members{"InstanceId": id, "SearchCriteria": members{"AndConditions": []members{
		{"HierarchyGroupCondition": members{"Value": in.group, "HierarchyGroupMatchType": "WITH_CHILD_GROUPS"}},
		{"StringCondition": members{"FieldName": "SecurityProfileId", "Value": p, "ComparisonType": "EXACT"}}}}})
	agent := r.first("ListSecurityProfiles", id, "SecurityProfileSummaryList", "Id")
	r.does("UpdateUserSecurityProfiles", user(members{"SecurityProfileIds": []string{p, agent}}))
	r.refused("InvalidParameterException", "UpdateUserSecurityProfiles",
		user(members{"SecurityProfileIds": []string{"none"}}))
	r.refused("ResourceNotFoundException", "UpdateUserSecurityProfiles",
		members{"InstanceId": id, "UserId": "none", "SecurityProfileIds": []string{p}})
	r.golden(r.raw(r.api, "UpdateUserSecurityProfiles", "POST", "/users/"+id+"/"+u+"/security-profiles",
		`{"SecurityProfileIds":[1]}`)).fails("InvalidRequestException", "SecurityProfileIds[0]")
	r.does("UpdateUserHierarchy", user(members{"HierarchyGroupId": in.group}))
	r.does("UpdateUserRoutingProfile", user(members{"RoutingProfileId": in.routing}))
	r.does("UpdateUserIdentityInfo", user(members{"IdentityInfo": members{"Mobile": "+12065550101"}}))
	r.does("UpdateUserPhoneConfig", user(members{"PhoneConfig": members{"PhoneType": "SOFT_PHONE"}}))
	r.does("UpdateUserConfig", user(members{"AutoAcceptConfigs": []members{{"Channel": "CHAT", "AutoAccept": true}}}))
	r.refused("InvalidParameterException", "UpdateUserConfig",
		user(members{"PhoneNumberConfigs": []members{{"Channel": "VOICE", "PhoneType": "DESK_PHONE"}}}))
	french := members{"AttributeName": "Language", "AttributeValue": "French", "Level": 2}
	r.does("AssociateUserProficiencies", user(members{"UserProficiencies": []members{french}}))
	r.refused("InvalidParameterException", "AssociateUserProficiencies",
		user(members{"UserProficiencies": []members{french}}))
	r.does("UpdateUserProficiencies",
		user(members{"UserProficiencies": []members{{"AttributeName": "Language", "AttributeValue": "French", "Level": 5}}}))
	r.refused("InvalidParameterException", "UpdateUserProficiencies",
		user(members{"UserProficiencies": []members{{"AttributeName": "Language", "AttributeValue": "French",
			"Level": 5.5}}}))
	r.does("ListUserProficiencies", user(members{}))
	r.does("DisassociateUserProficiencies",
		user(members{"UserProficiencies": []members{{"AttributeName": "Language", "AttributeValue": "French"}}}))
	r.refused("InvalidParameterException", "DisassociateUserProficiencies",
		user(members{"UserProficiencies": []members{{"AttributeName": "Language", "AttributeValue": "French"}}}))
	r.refused("InvalidParameterException", "UpdateUserPhoneConfig",
		user(members{"PhoneConfig": members{"PhoneType": "DESK_PHONE"}}))
	r.refused("ResourceInUseException", "DeleteRoutingProfile", members{"InstanceId": id, "RoutingProfileId": in.routing})
	return u
}

func (r *recorder) tags(in things, p string) {
	r.Helper()
	arn := r.arn(in.instance, "security-profile", p)
	r.does("TagResource", members{"resourceArn": arn, "tags": map[string]string{"Stage": "prod"}})
	r.refused("ResourceNotFoundException", "TagResource",
		members{"resourceArn": r.arn(in.instance, "security-profile", "none"), "tags": map[string]string{"a": "b"}})
	r.refused("InvalidParameterException", "TagResource",
		members{"resourceArn": arn, "tags": map[string]string{"aws:a": "b"}})
	r.does("UntagResource", members{"resourceArn": arn, "tagKeys": []string{"Stage", "a b"}})
	r.does("ListTagsForResource", members{"resourceArn": arn})
	r.refused("InvalidParameterException", "ListTagsForResource", members{"resourceArn": "arn:aws:s3:::bucket"})
}

// faults has the exceptions that no request causes by itself.
func (r *recorder) faults(in things, p string, limiter *throttle.Limiter) {
	r.Helper()
	m := func() members {
		return members{"InstanceId": in.instance, "SecurityProfileId": p, "SecurityProfileName": "x", "UserId": "u",
			"EntityType": "AI_AGENT", "EntityArn": in.agent,
			"SecurityProfiles": []members{{"Id": p}}, "SecurityProfileIds": []string{p}}
	}
	config := r.config
	config.Throttle = limiter
	slow := awsapi.New(config)
	for _, op := range model.Operations {
		if !strings.Contains(op.Name, "SecurityProfile") {
			continue
		}
		sent := members{}
		for name := range pinned().Shapes[pinned().Operations[op.Name].Input.Shape].Members {
			if v, ok := m()[name]; ok {
				sent[name] = v
			}
		}
		r.config.Faults.Put(fault.Fault{Operation: op.Name, Exception: "InternalServiceException", Rate: 1, Count: 1})
		r.refused("InternalServiceException", op.Name, sent)
		limiter.Allow(account, "us-east-1", op.Name)
		r.golden(r.doAs(slow, op.Name, sent)).fails("ThrottlingException")
		for _, e := range op.Errors {
			if !slices.Contains(r.seen, op.Name+"."+e.Name) {
				r.config.Faults.Put(fault.Fault{Operation: op.Name, Exception: e.Name, Rate: 1, Count: 1})
				r.refused(e.Name, op.Name, sent)
			}
		}
	}
	r.golden(r.do("StartChatContact", members{})).fails("UnsupportedOperationException", "StartChatContact", "coverage")
}

func (r *recorder) empties(in things) {
	r.Helper()
	for _, op := range model.Operations {
		if op.Service == model.Empty {
			r.does(op.Name, r.required(op.Name, in))
		}
	}
}

// required has the members that an operation requires, and the instance.
func (w *world) required(op string, in things) members {
	s := pinned().Shapes[pinned().Operations[op].Input.Shape]
	m := members{}
	for name, r := range s.Members {
		if v, ok := (sampler{known: in.known(w)}).of(name, r.Shape, 0); ok &&
			(slices.Contains(s.Required, name) || name == "InstanceId") {
			m[name] = v
		}
	}
	return m
}

func (r *recorder) end(in things, p string) {
	r.Helper()
	id := in.instance
	user := r.first("ListUsers", id, "UserSummaryList", "Id")
	r.does("DeleteUser", members{"InstanceId": id, "UserId": user})
	r.does("DeleteRoutingProfile", members{"InstanceId": id, "RoutingProfileId": in.routing})
	r.does("DeleteQueue", members{"InstanceId": id, "QueueId": in.queue})
	r.does("DeleteHoursOfOperation", members{"InstanceId": id, "HoursOfOperationId": in.hours})
	r.does("DeleteUserHierarchyGroup", members{"InstanceId": id, "HierarchyGroupId": in.below})
	r.modules(in)
	r.does("DeleteContactFlowModule", members{"InstanceId": id, "ContactFlowModuleId": in.module})
	// What was deleted keeps its tags.
	m := r.do("ListTagsForResource", members{"resourceArn": r.arn(id, "operating-hours", in.hours)}).ok()
	if b, _ := json.Marshal(m["tags"]); string(b) != `{"Team":"Night"}` {
		r.Errorf("the tags of deleted hours are %s", b)
	}
}

// modules has what hangs below a flow module.
func (r *recorder) modules(in things) {
	r.Helper()
	of := func(m members) members { m["InstanceId"], m["ContactFlowModuleId"] = in.instance, in.module; return m }
	r.refused("InvalidParameterException", "CreateContactFlowModuleVersion",
		of(members{"FlowModuleContentSha256": strings.Repeat("0", 64)}))
	r.does("ListContactFlowModuleVersions", of(members{}))
	alias := r.makes("CreateContactFlowModuleAlias",
		of(members{"AliasName": "prod", "ContactFlowModuleVersion": 1, "Description": "In use"}))
	r.refused("DuplicateResourceException", "CreateContactFlowModuleAlias",
		of(members{"AliasName": "prod", "ContactFlowModuleVersion": 1}))
	r.refused("ResourceNotFoundException", "CreateContactFlowModuleAlias",
		of(members{"AliasName": "next", "ContactFlowModuleVersion": 2}))
	r.does("UpdateContactFlowModuleAlias", of(members{"AliasId": alias, "Name": "live"}))
	r.does("DescribeContactFlowModuleAlias", of(members{"AliasId": alias}))
	r.does("ListContactFlowModuleAliases", of(members{}))
	r.refused("InvalidRequestException", "DeleteContactFlowModuleVersion", of(members{"ContactFlowModuleVersion": 1}))
	r.does("DeleteContactFlowModuleAlias", of(members{"AliasId": alias}))
	r.does("DeleteContactFlowModuleVersion", of(members{"ContactFlowModuleVersion": 1}))
	r.does("UpdateContactFlowModuleContent", of(members{"Content": `{"Version":"3"}`}))
	r.does("UpdateContactFlowModuleMetadata", of(members{"Name": "Find order", "State": "ARCHIVED"}))
}

// complete fails for an operation without a file, for an exception of a security-profile operation
// without one, and for files of neither.
func (r *recorder) complete() {
	r.Helper()
	for _, op := range model.Operations {
		if op.Service == model.NotServed {
			continue
		}
		if !slices.Contains(r.seen, op.Name) {
			r.Errorf("%s has no exchange", op.Name)
		}
		for _, e := range op.Errors {
			if strings.Contains(op.Name, "SecurityProfile") && !slices.Contains(r.seen, op.Name+"."+e.Name) {
				r.Errorf("%s has no exchange that ends in %s", op.Name, e.Name)
			}
		}
	}
	files, err := filepath.Glob("testdata/*.golden")
	if err != nil {
		r.Fatal(err)
	}
	for _, f := range files {
		if name := strings.TrimSuffix(filepath.Base(f), ".golden"); !slices.Contains(r.seen, name) {
			r.Errorf("%s belongs to no exchange", f)
		}
	}
}

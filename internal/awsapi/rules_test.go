package awsapi_test

import (
	"maps"
	"reflect"
	"testing"
)

const someFlow = `{"Version":"2019-10-30","StartAction":"a","Actions":[{"Identifier":"a","Type":"DisconnectParticipant",` +
	`"Parameters":{},"Transitions":{}}]}`

func (w *world) flow(in, name string) string {
	w.Helper()
	return w.id("CreateContactFlow", members{"InstanceId": in, "Name": name, "Type": "CONTACT_FLOW", "Content": someFlow})
}

func (w *world) moduleOf(in, name string) string {
	w.Helper()
	return w.do("CreateContactFlowModule", members{"InstanceId": in, "Name": name, "Content": someFlow}).ok()["Id"].(string)
}

// changed is a copy of m with other members; those that are nil are removed.
func changed(m members, change members) members {
	out := maps.Clone(m)
	for k, v := range change {
		if out[k] = v; v == nil {
			delete(out, k)
		}
	}
	return out
}

func fieldNamed(name string) members { return members{"Id": members{"Name": name}} }

func TestTaskTemplates(t *testing.T) {
	w := newWorld(t)
	in := w.instance("tasks")
	flow, module := w.flow(in, "Route"), w.moduleOf(in, "Wrap up")
	of := func(name, kind string) members { return members{"Id": members{"Name": name}, "Type": kind} }
	content := members{"InstanceId": in, "Name": "Call back", "Description": "Calls a customer", "ContactFlowId": flow,
		"SelfAssignFlowId": w.arn(in, "contact-flow", flow), "ContactHooks": members{"WrapUpFlowId": module},
		"Fields": []any{of("Task name", "NAME"), of("Note", "TEXT_AREA"),
			changed(of("Kind", "SINGLE_SELECT"), members{"SingleSelectOptions": []any{"a", "b"}})},
		"Constraints": members{"RequiredFields": []any{fieldNamed("Task name")}, "InvisibleFields": []any{fieldNamed("Note")}},
		"Defaults":    members{"DefaultFieldValues": []any{changed(fieldNamed("Note"), members{"DefaultValue": "none"})}}}
	made := w.do("CreateTaskTemplate", content).ok()
	id := made["Id"].(string)
	get := members{"InstanceId": in, "TaskTemplateId": id}
	const at = 1773500966.535
	want := changed(content, members{"Id": id, "Arn": w.arn(in, "task-template", id), "Status": "ACTIVE", "Tags": members{},
		"SelfAssignFlowId": flow, "LastModifiedTime": at, "CreatedTime": at})
	if got := w.do("GetTaskTemplate", get).ok(); !reflect.DeepEqual(got, want) {
		t.Errorf("GetTaskTemplate = %v, want %v", got, want)
	}
	w.do("GetTaskTemplate", changed(get, members{"SnapshotVersion": "1"})).fails("ResourceNotFoundException", id)
	w.do("TagResource", members{"resourceArn": made["Arn"], "tags": members{"a": "b"}}).ok()
	if got := w.do("GetTaskTemplate", get).ok()["Tags"]; !reflect.DeepEqual(got, any(members{"a": "b"})) {
		t.Errorf("the tags are %v", got)
	}
	w.do("CreateTaskTemplate", content).fails("PropertyValidationException", "Name", `"Call back"`)

	list := func(m members) *wire { return w.do("ListTaskTemplates", changed(members{"InstanceId": in}, m)) }
	list(members{"Status": "ACTIVE"}).lists("TaskTemplates", "Name", "Call back")
	list(members{"Status": "INACTIVE"}).lists("TaskTemplates", "Name")
	list(members{"Name": "Call back"}).lists("TaskTemplates", "Id", id)
	list(members{"Name": "Call"}).lists("TaskTemplates", "Id")

	w.do("DeleteContactFlowModule", members{"InstanceId": in, "ContactFlowModuleId": module}).
		fails("InvalidRequestException", "in use by task template "+id)

	// An update replaces what it leaves out.
	update := changed(content, members{"TaskTemplateId": id, "Status": "INACTIVE", "Description": nil, "ContactHooks": nil})
	w.do("UpdateTaskTemplate", changed(update, members{"Status": nil})).fails("InvalidParameterException", "Status is required")
	got := w.do("UpdateTaskTemplate", update).ok()
	if got["Status"] != "INACTIVE" || got["Description"] != nil || got["ContactHooks"] != nil || got["ContactFlowId"] != flow {
		t.Errorf("UpdateTaskTemplate = %v", got)
	}
	w.do("DeleteContactFlowModule", members{"InstanceId": in, "ContactFlowModuleId": module}).ok()
	w.do("DeleteContactFlow", members{"InstanceId": in, "ContactFlowId": flow}).fails("InvalidRequestException",
		"in use by task template "+id)

	for name, tt := range map[string]struct {
		change members
		says   string
	}{
		"no field for the name": {members{"Fields": []any{of("Note", "TEXT")}}, "Fields must have exactly one field of type NAME, got 0"},
		"two":                   {members{"Fields": []any{of("a", "NAME"), of("b", "NAME")}}, "got 2"},
		"a field twice":         {members{"Fields": []any{of("a", "NAME"), of("a", "TEXT")}}, "Fields[1].Id.Name must be unique"},
		"a field without name":  {members{"Fields": []any{of("a", "NAME"), members{"Id": members{}}}}, "Fields[1].Id.Name is required"},
		"nothing to select":     {members{"Fields": []any{of("a", "NAME"), of("b", "SINGLE_SELECT")}}, "Fields[1].SingleSelectOptions is required"},
		"options of a text": {members{"Fields": []any{of("a", "NAME"), changed(of("b", "TEXT"),
			members{"SingleSelectOptions": []any{"x"}})}}, "Fields[1].SingleSelectOptions must be absent"},
		"the name is optional": {members{"Constraints": members{"RequiredFields": []any{fieldNamed("Note")}}}, "Constraints.RequiredFields must have"},
		"no constraints":       {members{"Constraints": nil}, "Constraints.RequiredFields must have"},
		"a field that is none": {members{"Constraints": members{"RequiredFields": []any{fieldNamed("Task name")},
			"ReadOnlyFields": []any{fieldNamed("x")}}}, "Constraints.ReadOnlyFields[0].Id.Name must be the name of one of Fields"},
		"a default of none": {members{"Defaults": members{"DefaultFieldValues": []any{fieldNamed("x")}}}, "Defaults.DefaultFieldValues[0]"},
		"no flow":           {members{"ContactFlowId": nil}, "ContactFlowId is required"},
		"no such flow":      {members{"ContactFlowId": "none"}, "ContactFlowId must be the id or ARN of an existing flow"},
		"no such module":    {members{"ContactHooks": members{"WrapUpFlowId": "none"}}, "ContactHooks.WrapUpFlowId must be"},
	} {
		t.Run(name, func(t *testing.T) {
			w.do("CreateTaskTemplate", changed(changed(content, members{"Name": "Other", "ContactHooks": nil}), tt.change)).
				fails("InvalidParameterException", tt.says)
		})
	}
	w.do("DeleteTaskTemplate", get).ok()
	w.do("GetTaskTemplate", get).fails("ResourceNotFoundException", id)
	w.do("DeleteContactFlow", members{"InstanceId": in, "ContactFlowId": flow}).ok()
}

func TestRules(t *testing.T) {
	w := newWorld(t)
	in := w.instance("rules")
	flow := w.flow(in, "Route")
	zendesk := w.id("CreateIntegrationAssociation", members{"InstanceId": in, "IntegrationType": "EVENT",
		"IntegrationArn":       "arn:aws:app-integrations:us-east-1:123456789012:event-integration/z",
		"SourceApplicationUrl": "https://z", "SourceApplicationName": "Z", "SourceType": "ZENDESK"})
	category := members{"ActionType": "ASSIGN_CONTACT_CATEGORY", "AssignContactCategoryAction": members{}}
	task := members{"ActionType": "CREATE_TASK", "TaskAction": members{"Name": "Look", "ContactFlowId": flow}}
	mail := func(users ...any) members {
		return members{"ActionType": "SEND_NOTIFICATION", "SendNotificationAction": members{"DeliveryMethod": "EMAIL",
			"Content": "c", "ContentType": "PLAIN_TEXT", "Recipient": members{"UserIds": users}}}
	}
	event := func(name string) members { return members{"EventSourceName": name} }
	rule := members{"InstanceId": in, "Name": "Refunds", "TriggerEventSource": event("OnPostCallAnalysisAvailable"),
		"Function": `{"Version":"2022-11-25"}`, "Actions": []any{category, mail("$.ContactLens.ContactEvaluation.Agent.AgentId")},
		"PublishStatus": "PUBLISHED", "Tags": members{"a": "b"},
		"PreEvaluationFilters": members{"AndConditions": []any{members{"ResourceType": "CONTACT", "FilterType": "TAG",
			"FilterKey": "k", "FilterValue": "v", "Operator": "EQUALS"}}}}
	id := w.id("CreateRule", rule)
	describe := members{"InstanceId": in, "RuleId": id}
	const at = 1773500966.535
	want := changed(rule, members{"InstanceId": nil, "RuleId": id, "RuleArn": w.arn(in, "rule", id), "CreatedTime": at,
		"LastUpdatedTime": at, "LastUpdatedBy": "arn:aws:iam::123456789012:root"})
	if got := w.do("DescribeRule", describe).ok()["Rule"]; !reflect.DeepEqual(got, any(want)) {
		t.Errorf("DescribeRule = %v, want %v", got, want)
	}
	third := members{"EventSourceName": "OnZendeskTicketCreate", "IntegrationAssociationId": zendesk}
	ticket := changed(rule, members{"Name": "Tickets", "TriggerEventSource": third, "Actions": []any{task}, "PublishStatus": "DRAFT",
		"Tags": nil})
	other := w.id("CreateRule", ticket)
	w.do("CreateRule", rule).fails("ResourceConflictException", "Name", `"Refunds"`)

	list := func(m members) *wire { return w.do("ListRules", changed(members{"InstanceId": in}, m)) }
	list(nil).lists("RuleSummaryList", "Name", "Refunds", "Tickets")
	list(members{"PublishStatus": "DRAFT"}).lists("RuleSummaryList", "EventSourceName", "OnZendeskTicketCreate")
	list(members{"EventSourceName": "OnPostCallAnalysisAvailable"}).lists("RuleSummaryList", "ActionSummaries",
		"[map[ActionType:ASSIGN_CONTACT_CATEGORY] map[ActionType:SEND_NOTIFICATION]]")
	search := func(m members) *wire { return w.do("SearchRules", changed(members{"InstanceId": in}, m)) }
	for field, value := range map[string]string{"Name": "Tickets", "PublishStatus": "draft", "RuleId": w.arn(in, "rule", other),
		"EventSourceName": "OnZendeskTicketCreate", "IntegrationAssociationId": zendesk, "ActionSummaries": "CREATE_TASK"} {
		search(members{"SearchCriteria": members{"StringCondition": members{"FieldName": field, "Value": value,
			"ComparisonType": "EXACT"}}}).lists("Rules", "Name", "Tickets")
	}
	search(members{"SearchFilter": members{"AttributeFilter": members{"TagCondition": members{"TagKey": "a", "TagValue": "b"}}}}).
		lists("Rules", "Name", "Refunds")

	// The event stays, and the filters are replaced.
	update := members{"InstanceId": in, "RuleId": id, "Name": "Refunds", "Function": "{}", "Actions": []any{category},
		"PublishStatus": "DRAFT"}
	w.do("UpdateRule", changed(update, members{"Name": "Returns"})).fails("InvalidRequestException", `Name must be "Refunds"`)
	w.do("UpdateRule", update).ok()
	got := w.do("DescribeRule", describe).ok()["Rule"].(members)
	if got["PreEvaluationFilters"] != nil || got["PublishStatus"] != "DRAFT" || got["TriggerEventSource"] == nil {
		t.Errorf("DescribeRule = %v", got)
	}
	w.do("UpdateRule", changed(update, members{"RuleId": other, "Name": "Requests", "Actions": []any{task}})).ok()

	for name, tt := range map[string]struct {
		change members
		says   string
	}{
		"without its action": {members{"Actions": []any{members{"ActionType": "CREATE_TASK"}}},
			"Actions[0].TaskAction is required when ActionType is CREATE_TASK"},
		"another's action": {members{"Actions": []any{changed(category, members{"TaskAction": task["TaskAction"]})}},
			"Actions[0].TaskAction must be absent"},
		"an action of another event": {members{"Actions": []any{members{"ActionType": "END_ASSOCIATED_TASKS"}}},
			"EventSourceName must be OnCaseUpdate for an action of type END_ASSOCIATED_TASKS"},
		"no such flow": {members{"Actions": []any{members{"ActionType": "CREATE_TASK",
			"TaskAction": members{"Name": "n", "ContactFlowId": "none"}}}}, "Actions[0].TaskAction.ContactFlowId must be"},
		"no such user": {members{"Actions": []any{mail("nobody")}},
			"Actions[0].SendNotificationAction.Recipient.UserIds[0] must be"},
		"no integration": {members{"TriggerEventSource": event("OnZendeskTicketCreate"), "Actions": []any{task}},
			"TriggerEventSource.IntegrationAssociationId is required"},
		"no such integration": {members{"TriggerEventSource": changed(third, members{"IntegrationAssociationId": "none"})},
			"TriggerEventSource.IntegrationAssociationId must be"},
		"a function that is no JSON": {members{"Function": "$.a"}, "Function must be a JSON object"},
		"no such form": {members{"Actions": []any{members{"ActionType": "SUBMIT_AUTO_EVALUATION",
			"SubmitAutoEvaluationAction": members{"EvaluationFormId": "none"}}}}, "EvaluationFormId must be"},
	} {
		t.Run(name, func(t *testing.T) {
			w.do("CreateRule", changed(changed(rule, members{"Name": "Other"}), tt.change)).fails("InvalidRequestException", tt.says)
		})
	}
	gone := members{"InstanceId": in, "IntegrationAssociationId": zendesk}
	w.do("DeleteIntegrationAssociation", gone).fails("InvalidRequestException", "in use by rule "+other)
	w.do("DeleteContactFlow", members{"InstanceId": in, "ContactFlowId": flow}).fails("InvalidRequestException",
		"in use by rule "+other)
	w.do("DeleteRule", members{"InstanceId": in, "RuleId": other}).ok()
	w.do("DescribeRule", members{"InstanceId": in, "RuleId": other}).fails("ResourceNotFoundException", other)
	w.do("DeleteIntegrationAssociation", gone).ok()
}

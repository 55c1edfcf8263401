package awsapi_test

import (
	"maps"
	"strings"
)

// furnishForms makes one of each form, and of what an instance is connected with, and notes what names them.
func (w *world) furnishForms(in *things) {
	w.Helper()
	of := func(m members) members { m["InstanceId"] = in.instance; return m }
	template := w.do("CreateTaskTemplate", of(members{"Name": "Template", "ContactFlowId": in.flow, "Fields": taskFields,
		"Constraints": taskConstraints})).ok()["Id"]
	form := w.id("CreateEvaluationForm", of(members{"Title": "Form", "Items": formItems}))
	rule := w.id("CreateRule", of(members{"Name": "Rule", "Function": "{}", "PublishStatus": "DRAFT", "Actions": ruleActions,
		"TriggerEventSource": ruleSource}))
	storage := w.id("AssociateInstanceStorageConfig", of(members{"ResourceType": "CALL_RECORDINGS",
		"StorageConfig": s3("b")}))
	integration := w.id("CreateIntegrationAssociation", of(members{"IntegrationType": "WISDOM_ASSISTANT",
		"IntegrationArn": "arn:aws:wisdom:us-east-1:" + account + ":assistant/a"}))
	group := w.do("CreateTrafficDistributionGroup", of(members{"Name": "Group"})).ok()["Id"]
	workspace := w.id("CreateWorkspace", of(members{"Name": "Workspace"}))
	page := members{"WorkspaceId": workspace, "Page": "HOME", "ResourceArn": formView}
	w.do("CreateWorkspacePage", of(page)).ok()
	in.forms = map[string]any{
		"TaskTemplateId": template, "EvaluationFormId": form, "EvaluationFormVersion": 1, "RuleId": rule,
		"AssociationId": storage, "IntegrationAssociationId": integration, "TrafficDistributionGroupId": group,
		"WorkspaceId": workspace, "Page": "HOME", "UseCaseId": "none", "Function": "{}", "SelfAssignFlowId": in.flow,
		"WrapUpFlowId": in.module, "IntegrationArn": "arn:aws:app-integrations:us-east-1:" + account + ":event-integration/a",
	}
}

const formView = "arn:aws:connect:us-east-1:aws:view/form:1"

var (
	taskFields      = []any{members{"Id": members{"Name": "aa"}, "Type": "NAME"}}
	taskConstraints = members{"RequiredFields": []any{fieldNamed("aa")}}
	formItems       = []any{section("s", question("q", "TEXT"))}
	ruleActions     = []any{members{"ActionType": "ASSIGN_CONTACT_CATEGORY"}}
	ruleSource      = members{"EventSourceName": "OnPostCallAnalysisAvailable"}
	distribution    = members{"Distributions": []any{members{"Region": "us-east-1", "Percentage": 100}}}
)

// connected are samples of what an instance is connected with, which operations that end it need.
var connected = map[string]members{
	"ApprovedOrigin": {"Origin": "https://example.com"}, "SecurityKey": {"Key": aPublicKey},
	"LambdaFunction": {"FunctionArn": "arn:aws:lambda:us-east-1:" + account + ":function:f"},
	"LexBot":         {"LexBot": members{"Name": "aa", "LexRegion": "aa"}},
	"Bot":            {"LexBot": members{"Name": "aa", "LexRegion": "aa"}},
}

// formsFor notes what operations on forms and connections need in addition, and makes what they end.
func (w *world) formsFor(in things, operation string, known map[string]any) {
	w.Helper()
	maps.Copy(known, map[string]any{
		"shape TaskTemplateFields": taskFields, "shape TaskTemplateConstraints": taskConstraints,
		"shape TaskTemplateDefaults":    members{"DefaultFieldValues": []any{fieldNamed("aa")}},
		"shape EvaluationFormItemsList": formItems, "shape RuleActions": ruleActions, "shape RuleTriggerEventSource": ruleSource,
		"shape InstanceStorageConfig": s3("c"), "shape TelephonyConfig": distribution, "shape AgentConfig": distribution,
		"shape SignInConfig": members{"Distributions": []any{members{"Region": "us-east-1", "Enabled": true}}},
	})
	what, ends := strings.CutPrefix(operation, "Disassociate")
	switch {
	case ends && connected[what] != nil:
		m := maps.Clone(connected[what])
		m["InstanceId"] = in.instance
		if id := w.do("Associate"+what, m).ok()["AssociationId"]; id != nil {
			known["AssociationId"] = id
		}
		known["BotName"] = "aa"
	case operation == "DeactivateEvaluationForm":
		w.do("ActivateEvaluationForm", members{"InstanceId": in.instance, "EvaluationFormId": known["EvaluationFormId"],
			"EvaluationFormVersion": 1}).ok()
	case strings.HasSuffix(operation, "InstanceStorageConfig") && !strings.HasPrefix(operation, "Associate"):
		known["ResourceType"] = "CALL_RECORDINGS"
	case operation == "UpdateRule":
		known["Name"] = "Rule"
	case strings.HasSuffix(operation, "TrafficDistribution"):
		for _, g := range w.do("ListTrafficDistributionGroups",
			members{"InstanceId": in.instance}).ok()["TrafficDistributionGroupSummaryList"].([]any) {
			if g.(members)["IsDefault"] == true {
				known["Id"] = g.(members)["Id"]
			}
		}
	case strings.HasSuffix(operation, "WorkspacePage"):
		known["ResourceArn"], known["InputData"] = formView, "{}"
		if operation == "CreateWorkspacePage" {
			known["Page"] = "AGENT_EXPERIENCE"
		}
	}
}

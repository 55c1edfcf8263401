package console_test

import "maps"

const (
	canaryTask = `"Fields": [{"Id": {"Name": "a"}, "Type": "NAME"}], "Constraints": {"RequiredFields": [{"Id": {"Name": "a"}}]}`
	canaryRule = `"TriggerEventSource": {"EventSourceName": "OnPostCallAnalysisAvailable"}, ` + canaryActs
	canaryActs = `"Function": "{}", "PublishStatus": "DRAFT", "Actions": [{"ActionType": "ASSIGN_CONTACT_CATEGORY"}]`
	canaryForm = `"Items": [{"Section": {"Title": "s", "RefId": "s", "Items": [` +
		`{"Question": {"Title": "q", "RefId": "q", "QuestionType": "TEXT"}}]}}]`
)

const canaryViewARN = "arn:aws:connect:us-east-1:" + ownAccount + ":instance/$instance/view/"

// canaryJudge is the part of a form that names who is asked to review.
func canaryJudge(user string) string {
	return `, "ReviewConfiguration": {"ReviewNotificationRecipients": [{"Type": "USER_ID", "Value": {"UserId": "` + user + `"}}]}`
}

// canaryWarns is a rule that notifies a user, and canaryTasks one that begins a flow.
func canaryWarns(user string) string {
	return `"TriggerEventSource": {"EventSourceName": "OnPostCallAnalysisAvailable"}, "Function": "{}", "PublishStatus": "DRAFT",
		"Actions": [{"ActionType": "SEND_NOTIFICATION", "SendNotificationAction": {"DeliveryMethod": "EMAIL", "Content": "c",
		"ContentType": "PLAIN_TEXT", "Recipient": {"UserIds": ["` + user + `"]}}}]`
}

func canaryTasks(flow string) string {
	return `"TriggerEventSource": {"EventSourceName": "OnPostCallAnalysisAvailable"}, "Function": "{}", "PublishStatus": "DRAFT",
		"Actions": [{"ActionType": "CREATE_TASK", "TaskAction": {"Name": "n", "ContactFlowId": "` + flow + `"}}]`
}

// fillForms creates what tags do not hide from these viewers. It must not tell of what they do hide.
func (w *canaryWorld) fillForms() {
	w.Helper()
	for _, n := range []string{"", "2"} {
		w.make("template"+n, "CreateTaskTemplate", `"Name": "template`+n+`", "ContactFlowId": "$flow", `+canaryTask)
		w.make("rule"+n, "CreateRule", `"Name": "rule`+n+`", `+canaryRule+`, `+seen)
		w.make("form"+n, "CreateEvaluationForm", `"Title": "form`+n+`", `+canaryForm+`, `+seen)
		w.make("workspace"+n, "CreateWorkspace", `"Name": "workspace`+n+`", `+seen)
		w.make("page"+n, "CreateWorkspacePage", `"WorkspaceId": "$workspace`+n+`", "Page": "HOME", "ResourceArn": "`+canaryViewARN+`$view"`)
	}
}

const canaryFormViews = `"TaskTemplates.View", "Rules.View", "EvaluationForms.View", "Workspaces.View"`

const canaryFormEdits = `"TaskTemplates.Edit", "TaskTemplates.Create", "TaskTemplates.Delete", "Rules.Edit", "Rules.Create",
	"Rules.Delete", "EvaluationForms.Edit", "EvaluationForms.Create", "EvaluationForms.Delete", "Workspaces.Edit",
	"Workspaces.Create", "Workspaces.Delete", "Workspaces.EditVisibility"`

func init() {
	maps.Copy(canaryMembers, map[string][]string{"TaskTemplateId": {"$template"}, "RuleId": {"$rule"},
		"EvaluationFormId": {"$form"}, "WorkspaceId": {"$workspace"}})
	version := `"EvaluationFormId": "$form", "EvaluationFormVersion": 1`
	unlocked := `"EvaluationFormId": "$form2", "EvaluationFormVersion": 1`
	search := func(field string) []string {
		return []string{`"SearchCriteria": {"StringCondition": {"FieldName": "` + field +
			`", "Value": "canary", "ComparisonType": "CONTAINS"}}`}
	}
	maps.Copy(canaryMore, map[string][]string{
		"CreateTaskTemplate": {`"Name": "new1", "ContactFlowId": "$hflow", ` + canaryTask,
			`"Name": "new2", "ContactFlowId": "$flow", ` + canaryTask},
		"GetTaskTemplate": {`"TaskTemplateId": "$template"`},
		"UpdateTaskTemplate": {`"TaskTemplateId": "$template", "Status": "ACTIVE", "ContactFlowId": "$hflow", ` + canaryTask,
			`"TaskTemplateId": "$template", "Status": "INACTIVE", "ContactFlowId": "$flow", ` + canaryTask},

		"SearchRules": search("Name"), "SearchEvaluationForms": search("title"), "SearchWorkspaces": search("name"),
		"CreateRule": {`"Name": "new1", ` + canaryWarns("$huser"), `"Name": "new2", ` + canaryTasks("$hflow"),
			`"Name": "new3", ` + canaryRule + `, ` + seen},
		"UpdateRule": {`"RuleId": "$rule", "Name": "rule", ` + canaryActs},

		"CreateEvaluationForm": {`"Title": "new1", ` + canaryForm + canaryJudge("$huser") + `, ` + seen,
			`"Title": "new2", ` + canaryForm + canaryJudge("$user") + `, ` + seen},
		"UpdateEvaluationForm": {unlocked + `, "Title": "form2", ` + canaryForm + canaryJudge("$huser"),
			unlocked + `, "Title": "form2", "Description": "d", ` + canaryForm},
		"ActivateEvaluationForm": {version}, "DeactivateEvaluationForm": {version},

		"CreateWorkspace":           {`"Name": "new1", ` + seen},
		"UpdateWorkspaceMetadata":   {`"WorkspaceId": "$workspace", "Title": "t"`},
		"UpdateWorkspaceTheme":      {`"WorkspaceId": "$workspace"`},
		"UpdateWorkspaceVisibility": {`"WorkspaceId": "$workspace", "Visibility": "ALL"`},
		"CreateWorkspacePage": {`"WorkspaceId": "$workspace", "Page": "new1", "ResourceArn": "` + canaryViewARN + `$hview"`,
			`"WorkspaceId": "$workspace", "Page": "new2", "ResourceArn": "` + canaryViewARN + `$view"`},
		"UpdateWorkspacePage": {`"WorkspaceId": "$workspace", "Page": "HOME", "Slug": "home"`},
		"DeleteWorkspacePage": {`"WorkspaceId": "$workspace2", "Page": "HOME"`, `"WorkspaceId": "$workspace", "Page": "HOME"`,
			`"WorkspaceId": "$workspace", "Page": "new2"`}, // or the view is in use
	})
	maps.Copy(canaryDeletes, map[string][]string{"DeleteTaskTemplate": {"$template2"}, "DeleteRule": {"$rule2"},
		"DeleteEvaluationForm": {"$form2"}, "DeleteWorkspace": {"$workspace2"}})
	notForUsers = append(notForUsers,
		"AssociateInstanceStorageConfig", "DescribeInstanceStorageConfig", "ListInstanceStorageConfigs",
		"UpdateInstanceStorageConfig", "DisassociateInstanceStorageConfig", "AssociateApprovedOrigin", "ListApprovedOrigins",
		"DisassociateApprovedOrigin", "AssociateSecurityKey", "ListSecurityKeys", "DisassociateSecurityKey",
		"AssociateLambdaFunction", "ListLambdaFunctions", "DisassociateLambdaFunction", "AssociateLexBot", "ListLexBots",
		"DisassociateLexBot", "AssociateBot", "ListBots", "DisassociateBot", "CreateIntegrationAssociation",
		"ListIntegrationAssociations", "DeleteIntegrationAssociation", "CreateUseCase", "ListUseCases", "DeleteUseCase",
		"CreateTrafficDistributionGroup", "DescribeTrafficDistributionGroup", "ListTrafficDistributionGroups",
		"DeleteTrafficDistributionGroup", "GetTrafficDistribution", "UpdateTrafficDistribution",
		"AssociateWorkspace", "DisassociateWorkspace", "SearchWorkspaceAssociations")
}

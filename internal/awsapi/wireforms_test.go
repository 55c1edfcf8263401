package awsapi_test

// forms has task templates, evaluation forms and rules, and what an instance is connected with.
func (r *recorder) forms(in things) {
	r.Helper()
	of := func(m members) members { m["InstanceId"] = in.instance; return m }
	flow := r.flow(in.instance, "Route tasks")
	template := of(members{"Name": "Call back", "ContactFlowId": flow, "Fields": []any{members{"Id": members{"Name": "Name"},
		"Type": "NAME"}}, "Constraints": members{"RequiredFields": []any{fieldNamed("Name")}}})
	made := r.does("CreateTaskTemplate", template)
	r.refused("PropertyValidationException", "CreateTaskTemplate", template)
	task := of(members{"TaskTemplateId": made["Id"]})
	r.does("GetTaskTemplate", task)
	r.does("ListTaskTemplates", of(members{"Status": "ACTIVE"}))
	r.does("UpdateTaskTemplate", changed(template, members{"TaskTemplateId": made["Id"], "Status": "INACTIVE"}))
	r.does("DeleteTaskTemplate", task)

	items := []any{section("s", question("q", "TEXT"))}
	form := of(members{"EvaluationFormId": r.makes("CreateEvaluationForm", of(members{"Title": "Sales", "Items": items}))})
	version := changed(form, members{"EvaluationFormVersion": 1})
	r.does("DescribeEvaluationForm", version)
	r.does("UpdateEvaluationForm", changed(version, members{"Title": "Sales", "Items": items, "Description": "d"}))
	r.does("ActivateEvaluationForm", version)
	r.refused("ResourceConflictException", "UpdateEvaluationForm", changed(version, members{"Title": "Sales", "Items": items}))
	r.does("ListEvaluationForms", of(members{}))
	r.does("SearchEvaluationForms", of(members{}))
	r.does("ListEvaluationFormVersions", form)
	r.does("DeactivateEvaluationForm", version)
	r.does("DeleteEvaluationForm", form)

	rule := of(members{"Name": "Refunds", "TriggerEventSource": members{"EventSourceName": "OnPostCallAnalysisAvailable"},
		"Function": "{}", "PublishStatus": "DRAFT", "Actions": []any{members{"ActionType": "ASSIGN_CONTACT_CATEGORY"}}})
	known := of(members{"RuleId": r.does("CreateRule", rule)["RuleId"]})
	r.does("DescribeRule", known)
	r.does("ListRules", of(members{}))
	r.does("SearchRules", of(members{}))
	r.does("UpdateRule", changed(rule, members{"RuleId": known["RuleId"], "TriggerEventSource": nil}))
	r.does("DeleteRule", known)
	r.connections(in)
	r.integrations(in)
	r.distribution(in)
	r.workspaces(in)
}

func (r *recorder) connections(in things) {
	r.Helper()
	of := func(m members) members { m["InstanceId"] = in.instance; return m }
	kind := of(members{"ResourceType": "CALL_RECORDINGS"})
	config := changed(kind, members{"StorageConfig": s3("one")})
	id := r.makes("AssociateInstanceStorageConfig", config)
	known := changed(kind, members{"AssociationId": id})
	r.does("DescribeInstanceStorageConfig", known)
	r.does("ListInstanceStorageConfigs", kind)
	r.does("UpdateInstanceStorageConfig", changed(config, members{"AssociationId": id}))
	r.does("DisassociateInstanceStorageConfig", known)

	origin := of(members{"Origin": "https://example.com"})
	r.does("AssociateApprovedOrigin", origin)
	r.refused("InvalidParameterException", "AssociateApprovedOrigin", of(members{"Origin": "example.com"}))
	r.does("ListApprovedOrigins", of(members{}))
	r.does("DisassociateApprovedOrigin", origin)

	key := r.makes("AssociateSecurityKey", of(members{"Key": aPublicKey}))
	r.does("ListSecurityKeys", of(members{}))
	r.does("DisassociateSecurityKey", of(members{"AssociationId": key}))

	function := of(members{"FunctionArn": "arn:aws:lambda:us-east-1:" + account + ":function:f"})
	r.does("AssociateLambdaFunction", function)
	r.does("ListLambdaFunctions", of(members{}))
	r.does("DisassociateLambdaFunction", function)

	lex := members{"Name": "Orders", "LexRegion": "us-east-1"}
	r.does("AssociateLexBot", of(members{"LexBot": lex}))
	r.does("ListLexBots", of(members{}))
	r.does("DisassociateLexBot", of(members{"BotName": "Orders", "LexRegion": "us-east-1"}))
	bot := of(members{"LexV2Bot": members{"AliasArn": "arn:aws:lex:us-east-1:" + account + ":bot-alias/BOT/ALIAS"}})
	r.does("AssociateBot", bot)
	r.does("ListBots", of(members{"LexVersion": "V2"}))
	r.does("DisassociateBot", bot)
}

// aPublicKey is the example of RFC 8410.
const aPublicKey = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n" +
	"-----END PUBLIC KEY-----\n"

func (r *recorder) integrations(in things) {
	r.Helper()
	of := func(m members) members { m["InstanceId"] = in.instance; return m }
	id := r.makes("CreateIntegrationAssociation", of(members{"IntegrationType": "WISDOM_ASSISTANT",
		"IntegrationArn": "arn:aws:wisdom:us-east-1:" + account + ":assistant/a"}))
	known := of(members{"IntegrationAssociationId": id})
	r.does("ListIntegrationAssociations", of(members{}))
	use := r.makes("CreateUseCase", changed(known, members{"UseCaseType": "RULES_EVALUATION"}))
	r.does("ListUseCases", known)
	r.refused("InvalidRequestException", "DeleteIntegrationAssociation", known)
	r.does("DeleteUseCase", changed(known, members{"UseCaseId": use}))
	r.does("DeleteIntegrationAssociation", known)
}

func (r *recorder) distribution(in things) {
	r.Helper()
	made := r.does("CreateTrafficDistributionGroup", members{"InstanceId": in.instance, "Name": "Main"})
	group := members{"TrafficDistributionGroupId": made["Id"]}
	r.does("DescribeTrafficDistributionGroup", group)
	r.does("ListTrafficDistributionGroups", members{"InstanceId": in.instance})
	r.does("GetTrafficDistribution", members{"Id": made["Id"]})
	r.does("UpdateTrafficDistribution", members{"Id": made["Arn"], "TelephonyConfig": members{"Distributions": []any{
		members{"Region": "us-east-1", "Percentage": 30}, members{"Region": "us-west-2", "Percentage": 70}}}})
	r.does("DeleteTrafficDistributionGroup", group)
}

func (r *recorder) workspaces(in things) {
	r.Helper()
	of := func(m members) members { m["InstanceId"] = in.instance; return m }
	known := of(members{"WorkspaceId": r.does("CreateWorkspace", of(members{"Name": "Desk"}))["WorkspaceId"]})
	r.does("DescribeWorkspace", known)
	r.does("ListWorkspaces", of(members{}))
	r.does("SearchWorkspaces", of(members{}))
	r.does("UpdateWorkspaceMetadata", changed(known, members{"Description": "d"}))
	r.does("UpdateWorkspaceTheme", changed(known, members{"Theme": members{"Dark": members{}}}))
	r.does("UpdateWorkspaceVisibility", changed(known, members{"Visibility": "ASSIGNED"}))
	page := changed(known, members{"Page": "HOME", "ResourceArn": "arn:aws:connect:us-east-1:aws:view/form:1"})
	r.does("CreateWorkspacePage", page)
	r.does("ListWorkspacePages", known)
	r.does("UpdateWorkspacePage", changed(page, members{"Slug": "home"}))
	r.does("DeleteWorkspacePage", changed(page, members{"ResourceArn": nil}))
	routing := changed(known, members{"ResourceArns": []any{r.arn(in.instance, "routing-profile", in.routing), "arn:x"}})
	r.does("AssociateWorkspace", routing)
	r.does("SearchWorkspaceAssociations", of(members{}))
	r.does("DisassociateWorkspace", routing)
	r.does("DeleteWorkspace", known)
}

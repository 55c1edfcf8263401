package awsapi

import (
	"context"
	"reflect"
	"strings"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/awsapi/model"
	"github.com/lanyard/lanyard/internal/control"
)

// ActingUser is the header that names the user on whose behalf a call is made.
const ActingUser = "X-Lanyard-Acting-User"

// ActingAgent is the header that names, by ARN, the AI agent on whose behalf a call is made. With ActingUser too, the
// agent assists the user.
const ActingAgent = "X-Lanyard-Acting-Agent"

// right is a row of rights: the permission that an operation asks of the user on whose behalf it is
// called, and the member that names what it is about.
type right struct {
	permission string
	t          lanyard.Type
	member     string
}

// rights are the operations that may be called on behalf of users. Amazon Connect's own API is
// governed by IAM; these are the permissions that its web site asks for the same things.
var rights = map[string]right{
	"CreateSecurityProfile":           {"SecurityProfiles.Create", lanyard.TypeProfile, ""},
	"UpdateSecurityProfile":           {"SecurityProfiles.Edit", lanyard.TypeProfile, "SecurityProfileId"},
	"DescribeSecurityProfile":         {"SecurityProfiles.View", lanyard.TypeProfile, "SecurityProfileId"},
	"DeleteSecurityProfile":           {"SecurityProfiles.Delete", lanyard.TypeProfile, "SecurityProfileId"},
	"ListSecurityProfiles":            {"SecurityProfiles.View", lanyard.TypeProfile, ""},
	"SearchSecurityProfiles":          {"SecurityProfiles.View", lanyard.TypeProfile, ""},
	"ListSecurityProfilePermissions":  {"SecurityProfiles.View", lanyard.TypeProfile, "SecurityProfileId"},
	"ListSecurityProfileApplications": {"SecurityProfiles.View", lanyard.TypeProfile, "SecurityProfileId"},
	"ListSecurityProfileFlowModules":  {"SecurityProfiles.View", lanyard.TypeProfile, "SecurityProfileId"},
	"ListSecurityProfileAIAgents":     {"SecurityProfiles.View", lanyard.TypeProfile, "SecurityProfileId"},
	"UpdateUserSecurityProfiles":      {"Users.EditPermission", lanyard.TypeUser, "UserId"},
	// For the entity type USER see actingRight.
	"AssociateSecurityProfiles":    {"QConnectAIAgents.Edit", "", ""},
	"DisassociateSecurityProfiles": {"QConnectAIAgents.Edit", "", ""},
	"ListEntitySecurityProfiles":   {"QConnectAIAgents.View", "", ""},

	"CreateUser":               {"Users.Create", lanyard.TypeUser, ""},
	"DescribeUser":             {"Users.View", lanyard.TypeUser, "UserId"},
	"ListUsers":                {"Users.View", lanyard.TypeUser, ""},
	"SearchUsers":              {"Users.View", lanyard.TypeUser, ""},
	"DeleteUser":               {"Users.Delete", lanyard.TypeUser, "UserId"},
	"UpdateUserHierarchy":      {"Users.Edit", lanyard.TypeUser, "UserId"},
	"UpdateUserRoutingProfile": {"Users.Edit", lanyard.TypeUser, "UserId"},
	"UpdateUserIdentityInfo":   {"Users.Edit", lanyard.TypeUser, "UserId"},
	"UpdateUserPhoneConfig":    {"Users.Edit", lanyard.TypeUser, "UserId"},
	"UpdateUserConfig":         {"Users.Edit", lanyard.TypeUser, "UserId"},
	"ListUserProficiencies":    {"Users.View", lanyard.TypeUser, "UserId"},

	"AssociateUserProficiencies":    {"Users.Edit", lanyard.TypeUser, "UserId"},
	"UpdateUserProficiencies":       {"Users.Edit", lanyard.TypeUser, "UserId"},
	"DisassociateUserProficiencies": {"Users.Edit", lanyard.TypeUser, "UserId"},

	"CreateUserHierarchyGroup":   {"AgentGrouping.Create", lanyard.TypeGroup, ""},
	"DescribeUserHierarchyGroup": {"AgentGrouping.View", lanyard.TypeGroup, "HierarchyGroupId"},
	"ListUserHierarchyGroups":    {"AgentGrouping.View", lanyard.TypeGroup, ""},
	"SearchUserHierarchyGroups":  {"AgentGrouping.View", lanyard.TypeGroup, ""},
	// there is no AgentGrouping.Delete
	"DeleteUserHierarchyGroup":       {"AgentGrouping.Edit", lanyard.TypeGroup, "HierarchyGroupId"},
	"UpdateUserHierarchyGroupName":   {"AgentGrouping.Edit", lanyard.TypeGroup, "HierarchyGroupId"},
	"DescribeUserHierarchyStructure": {"AgentGrouping.View", "", ""},
	"UpdateUserHierarchyStructure":   {"AgentGrouping.Edit", "", ""},

	"CreateQueue":                     {"Queues.Create", lanyard.TypeQueue, ""},
	"DescribeQueue":                   {"Queues.View", lanyard.TypeQueue, "QueueId"},
	"ListQueues":                      {"Queues.View", lanyard.TypeQueue, ""},
	"SearchQueues":                    {"Queues.View", lanyard.TypeQueue, ""},
	"DeleteQueue":                     {"Queues.Delete", lanyard.TypeQueue, "QueueId"},
	"ListQueueQuickConnects":          {"Queues.View", lanyard.TypeQueue, "QueueId"},
	"ListQueueEmailAddresses":         {"Queues.View", lanyard.TypeQueue, "QueueId"},
	"AssociateQueueEmailAddresses":    {"Queues.Edit", lanyard.TypeQueue, "QueueId"},
	"DisassociateQueueEmailAddresses": {"Queues.Edit", lanyard.TypeQueue, "QueueId"},
	"UpdateQueueHoursOfOperation":     {"Queues.Edit", lanyard.TypeQueue, "QueueId"},
	"UpdateQueueMaxContacts":          {"Queues.Edit", lanyard.TypeQueue, "QueueId"},
	"UpdateQueueName":                 {"Queues.Edit", lanyard.TypeQueue, "QueueId"},
	"UpdateQueueOutboundCallerConfig": {"Queues.Edit", lanyard.TypeQueue, "QueueId"},
	"UpdateQueueOutboundEmailConfig":  {"Queues.Edit", lanyard.TypeQueue, "QueueId"},
	"UpdateQueueStatus":               {"Queues.Edit", lanyard.TypeQueue, "QueueId"},
	"AssociateQueueQuickConnects":     {"Queues.Edit", lanyard.TypeQueue, "QueueId"},
	"DisassociateQueueQuickConnects":  {"Queues.Edit", lanyard.TypeQueue, "QueueId"},

	"CreateRoutingProfile":                     {"RoutingPolicies.Create", lanyard.TypeRoutingProfile, ""},
	"DescribeRoutingProfile":                   {"RoutingPolicies.View", lanyard.TypeRoutingProfile, "RoutingProfileId"},
	"ListRoutingProfiles":                      {"RoutingPolicies.View", lanyard.TypeRoutingProfile, ""},
	"SearchRoutingProfiles":                    {"RoutingPolicies.View", lanyard.TypeRoutingProfile, ""},
	"ListRoutingProfileQueues":                 {"RoutingPolicies.View", lanyard.TypeRoutingProfile, "RoutingProfileId"},
	"ListRoutingProfileManualAssignmentQueues": {"RoutingPolicies.View", lanyard.TypeRoutingProfile, "RoutingProfileId"},
	"DeleteRoutingProfile": {"RoutingPolicies.Delete", lanyard.TypeRoutingProfile,
		"RoutingProfileId"},
	"UpdateRoutingProfileName":                   {"RoutingPolicies.Edit", lanyard.TypeRoutingProfile, "RoutingProfileId"},
	"UpdateRoutingProfileDefaultOutboundQueue":   {"RoutingPolicies.Edit", lanyard.TypeRoutingProfile, "RoutingProfileId"},
	"UpdateRoutingProfileConcurrency":            {"RoutingPolicies.Edit", lanyard.TypeRoutingProfile, "RoutingProfileId"},
	"UpdateRoutingProfileAgentAvailabilityTimer": {"RoutingPolicies.Edit", lanyard.TypeRoutingProfile, "RoutingProfileId"},
	"UpdateRoutingProfileQueues":                 {"RoutingPolicies.Edit", lanyard.TypeRoutingProfile, "RoutingProfileId"},
	"AssociateRoutingProfileQueues":              {"RoutingPolicies.Edit", lanyard.TypeRoutingProfile, "RoutingProfileId"},
	"DisassociateRoutingProfileQueues":           {"RoutingPolicies.Edit", lanyard.TypeRoutingProfile, "RoutingProfileId"},

	"CreateHoursOfOperation":          {"HoursOfOperation.Create", lanyard.TypeHours, ""},
	"DescribeHoursOfOperation":        {"HoursOfOperation.View", lanyard.TypeHours, "HoursOfOperationId"},
	"ListHoursOfOperations":           {"HoursOfOperation.View", lanyard.TypeHours, ""},
	"SearchHoursOfOperations":         {"HoursOfOperation.View", lanyard.TypeHours, ""},
	"DeleteHoursOfOperation":          {"HoursOfOperation.Delete", lanyard.TypeHours, "HoursOfOperationId"},
	"ListHoursOfOperationOverrides":   {"HoursOfOperation.View", lanyard.TypeHours, "HoursOfOperationId"},
	"SearchHoursOfOperationOverrides": {"HoursOfOperation.View", lanyard.TypeHours, ""},
	"ListChildHoursOfOperations":      {"HoursOfOperation.View", lanyard.TypeHours, "HoursOfOperationId"},
	// The right to change hours of operation covers their overrides.
	"CreateHoursOfOperationOverride":   {"HoursOfOperation.Edit", lanyard.TypeHours, "HoursOfOperationId"},
	"DescribeHoursOfOperationOverride": {"HoursOfOperation.View", lanyard.TypeHours, "HoursOfOperationId"},
	"UpdateHoursOfOperationOverride":   {"HoursOfOperation.Edit", lanyard.TypeHours, "HoursOfOperationId"},
	"DeleteHoursOfOperationOverride":   {"HoursOfOperation.Edit", lanyard.TypeHours, "HoursOfOperationId"},
	"GetEffectiveHoursOfOperations":    {"HoursOfOperation.View", lanyard.TypeHours, "HoursOfOperationId"},
	"UpdateHoursOfOperation":           {"HoursOfOperation.Edit", lanyard.TypeHours, "HoursOfOperationId"},
	"AssociateHoursOfOperations":       {"HoursOfOperation.Edit", lanyard.TypeHours, "HoursOfOperationId"},
	"DisassociateHoursOfOperations":    {"HoursOfOperation.Edit", lanyard.TypeHours, "HoursOfOperationId"},

	"CreateQuickConnect":       {"TransferDestinations.Create", lanyard.TypeQuickConnect, ""},
	"DescribeQuickConnect":     {"TransferDestinations.View", lanyard.TypeQuickConnect, "QuickConnectId"},
	"ListQuickConnects":        {"TransferDestinations.View", lanyard.TypeQuickConnect, ""},
	"SearchQuickConnects":      {"TransferDestinations.View", lanyard.TypeQuickConnect, ""},
	"DeleteQuickConnect":       {"TransferDestinations.Delete", lanyard.TypeQuickConnect, "QuickConnectId"},
	"UpdateQuickConnectName":   {"TransferDestinations.Edit", lanyard.TypeQuickConnect, "QuickConnectId"},
	"UpdateQuickConnectConfig": {"TransferDestinations.Edit", lanyard.TypeQuickConnect, "QuickConnectId"},

	"CreateContactFlowModule":   {"ContactFlowModules.Create", lanyard.TypeModule, ""},
	"DescribeContactFlowModule": {"ContactFlowModules.View", lanyard.TypeModule, "ContactFlowModuleId"},
	"ListContactFlowModules":    {"ContactFlowModules.View", lanyard.TypeModule, ""},
	"SearchContactFlowModules":  {"ContactFlowModules.View", lanyard.TypeModule, ""},
	"DeleteContactFlowModule":   {"ContactFlowModules.Delete", lanyard.TypeModule, "ContactFlowModuleId"},
	// Publishing content asks for ContactFlowModules.Publish too: control sees to that.
	"UpdateContactFlowModuleContent":  {"ContactFlowModules.Edit", lanyard.TypeModule, "ContactFlowModuleId"},
	"UpdateContactFlowModuleMetadata": {"ContactFlowModules.Edit", lanyard.TypeModule, "ContactFlowModuleId"},
	"CreateContactFlowModuleVersion":  {"ContactFlowModules.Publish", lanyard.TypeModule, "ContactFlowModuleId"},
	"ListContactFlowModuleVersions":   {"ContactFlowModules.View", lanyard.TypeModule, "ContactFlowModuleId"},
	"DeleteContactFlowModuleVersion":  {"ContactFlowModules.Publish", lanyard.TypeModule, "ContactFlowModuleId"},
	"CreateContactFlowModuleAlias":    {"ContactFlowModules.Publish", lanyard.TypeModule, "ContactFlowModuleId"},
	"DescribeContactFlowModuleAlias":  {"ContactFlowModules.View", lanyard.TypeModule, "ContactFlowModuleId"},
	"UpdateContactFlowModuleAlias":    {"ContactFlowModules.Publish", lanyard.TypeModule, "ContactFlowModuleId"},
	"ListContactFlowModuleAliases":    {"ContactFlowModules.View", lanyard.TypeModule, "ContactFlowModuleId"},
	"DeleteContactFlowModuleAlias":    {"ContactFlowModules.Publish", lanyard.TypeModule, "ContactFlowModuleId"},

	// The right to change a data table covers its attributes.
	"CreateDataTable":            {"DataTables.Create", lanyard.TypeDataTable, ""},
	"DescribeDataTable":          {"DataTables.View", lanyard.TypeDataTable, "DataTableId"},
	"ListDataTables":             {"DataTables.View", lanyard.TypeDataTable, ""},
	"SearchDataTables":           {"DataTables.View", lanyard.TypeDataTable, ""},
	"UpdateDataTableMetadata":    {"DataTables.Edit", lanyard.TypeDataTable, "DataTableId"},
	"DeleteDataTable":            {"DataTables.Delete", lanyard.TypeDataTable, "DataTableId"},
	"CreateDataTableAttribute":   {"DataTables.Edit", lanyard.TypeDataTable, "DataTableId"},
	"DescribeDataTableAttribute": {"DataTables.View", lanyard.TypeDataTable, "DataTableId"},
	"ListDataTableAttributes":    {"DataTables.View", lanyard.TypeDataTable, "DataTableId"},
	"UpdateDataTableAttribute":   {"DataTables.Edit", lanyard.TypeDataTable, "DataTableId"},
	"DeleteDataTableAttribute":   {"DataTables.Edit", lanyard.TypeDataTable, "DataTableId"},
	// Writing an expression asks for DataTables.EditExpressionValues too, and all of these leave a user the rows that
	// security profiles allow: control sees to that.
	"BatchCreateDataTableValue":    {"DataTables.ManageValues", lanyard.TypeDataTable, "DataTableId"},
	"BatchUpdateDataTableValue":    {"DataTables.ManageValues", lanyard.TypeDataTable, "DataTableId"},
	"BatchDeleteDataTableValue":    {"DataTables.ManageValues", lanyard.TypeDataTable, "DataTableId"},
	"UpdateDataTablePrimaryValues": {"DataTables.ManageValues", lanyard.TypeDataTable, "DataTableId"},
	"BatchDescribeDataTableValue":  {"DataTables.View", lanyard.TypeDataTable, "DataTableId"},
	"ListDataTableValues":          {"DataTables.View", lanyard.TypeDataTable, "DataTableId"},
	"ListDataTablePrimaryValues":   {"DataTables.View", lanyard.TypeDataTable, "DataTableId"},
	"EvaluateDataTableValues":      {"DataTables.View", lanyard.TypeDataTable, "DataTableId"},

	"CreateTaskTemplate": {"TaskTemplates.Create", lanyard.TypeTaskTemplate, ""},
	"GetTaskTemplate":    {"TaskTemplates.View", lanyard.TypeTaskTemplate, "TaskTemplateId"},
	"ListTaskTemplates":  {"TaskTemplates.View", lanyard.TypeTaskTemplate, ""},
	"UpdateTaskTemplate": {"TaskTemplates.Edit", lanyard.TypeTaskTemplate, "TaskTemplateId"},
	"DeleteTaskTemplate": {"TaskTemplates.Delete", lanyard.TypeTaskTemplate, "TaskTemplateId"},

	"CreateEvaluationForm":       {"EvaluationForms.Create", lanyard.TypeEvaluationForm, ""},
	"DescribeEvaluationForm":     {"EvaluationForms.View", lanyard.TypeEvaluationForm, "EvaluationFormId"},
	"ListEvaluationForms":        {"EvaluationForms.View", lanyard.TypeEvaluationForm, ""},
	"ListEvaluationFormVersions": {"EvaluationForms.View", lanyard.TypeEvaluationForm, "EvaluationFormId"},
	"SearchEvaluationForms":      {"EvaluationForms.View", lanyard.TypeEvaluationForm, ""},
	"UpdateEvaluationForm":       {"EvaluationForms.Edit", lanyard.TypeEvaluationForm, "EvaluationFormId"},
	"ActivateEvaluationForm":     {"EvaluationForms.Edit", lanyard.TypeEvaluationForm, "EvaluationFormId"},
	"DeactivateEvaluationForm":   {"EvaluationForms.Edit", lanyard.TypeEvaluationForm, "EvaluationFormId"},
	"DeleteEvaluationForm":       {"EvaluationForms.Delete", lanyard.TypeEvaluationForm, "EvaluationFormId"},

	"CreateWorkspace":           {"Workspaces.Create", lanyard.TypeWorkspace, ""},
	"DescribeWorkspace":         {"Workspaces.View", lanyard.TypeWorkspace, "WorkspaceId"},
	"ListWorkspaces":            {"Workspaces.View", lanyard.TypeWorkspace, ""},
	"SearchWorkspaces":          {"Workspaces.View", lanyard.TypeWorkspace, ""},
	"UpdateWorkspaceMetadata":   {"Workspaces.Edit", lanyard.TypeWorkspace, "WorkspaceId"},
	"UpdateWorkspaceTheme":      {"Workspaces.Edit", lanyard.TypeWorkspace, "WorkspaceId"},
	"UpdateWorkspaceVisibility": {"Workspaces.EditVisibility", lanyard.TypeWorkspace, "WorkspaceId"},
	"DeleteWorkspace":           {"Workspaces.Delete", lanyard.TypeWorkspace, "WorkspaceId"},
	"CreateWorkspacePage":       {"Workspaces.Edit", lanyard.TypeWorkspace, "WorkspaceId"},
	"ListWorkspacePages":        {"Workspaces.View", lanyard.TypeWorkspace, "WorkspaceId"},
	"UpdateWorkspacePage":       {"Workspaces.Edit", lanyard.TypeWorkspace, "WorkspaceId"},
	"DeleteWorkspacePage":       {"Workspaces.Edit", lanyard.TypeWorkspace, "WorkspaceId"},
	// Who a workspace is assigned to is told to keys alone: users may not be allowed to view them all.

	"CreateRule":   {"Rules.Create", lanyard.TypeRule, ""},
	"DescribeRule": {"Rules.View", lanyard.TypeRule, "RuleId"},
	"ListRules":    {"Rules.View", lanyard.TypeRule, ""},
	"SearchRules":  {"Rules.View", lanyard.TypeRule, ""},
	"UpdateRule":   {"Rules.Edit", lanyard.TypeRule, "RuleId"},
	"DeleteRule":   {"Rules.Delete", lanyard.TypeRule, "RuleId"},

	"CreatePrompt":   {"Prompts.Create", lanyard.TypePrompt, ""},
	"DescribePrompt": {"Prompts.View", lanyard.TypePrompt, "PromptId"},
	"ListPrompts":    {"Prompts.View", lanyard.TypePrompt, ""},
	"SearchPrompts":  {"Prompts.View", lanyard.TypePrompt, ""},
	"UpdatePrompt":   {"Prompts.Edit", lanyard.TypePrompt, "PromptId"},
	"DeletePrompt":   {"Prompts.Delete", lanyard.TypePrompt, "PromptId"},

	"AssociateFlow":           {"ContactFlows.Edit", lanyard.TypeFlow, ""},
	"DisassociateFlow":        {"ContactFlows.Edit", lanyard.TypeFlow, ""},
	"GetFlowAssociation":      {"ContactFlows.View", lanyard.TypeFlow, ""},
	"ListFlowAssociations":    {"ContactFlows.View", lanyard.TypeFlow, ""},
	"BatchGetFlowAssociation": {"ContactFlows.View", lanyard.TypeFlow, ""},

	"CreateView":         {"Views.Create", lanyard.TypeView, ""},
	"DescribeView":       {"Views.View", lanyard.TypeView, "ViewId"},
	"ListViews":          {"Views.View", lanyard.TypeView, ""},
	"SearchViews":        {"Views.View", lanyard.TypeView, ""},
	"UpdateViewContent":  {"Views.Edit", lanyard.TypeView, "ViewId"},
	"UpdateViewMetadata": {"Views.Edit", lanyard.TypeView, "ViewId"},
	"DeleteView":         {"Views.Remove", lanyard.TypeView, "ViewId"},
	"CreateViewVersion":  {"Views.Edit", lanyard.TypeView, "ViewId"},
	"ListViewVersions":   {"Views.View", lanyard.TypeView, "ViewId"},
	"DeleteViewVersion":  {"Views.Edit", lanyard.TypeView, "ViewId"},

	"CreateVocabulary":           {"ContactLensCustomVocabulary.Edit", "", ""},
	"DescribeVocabulary":         {"ContactLensCustomVocabulary.View", "", ""},
	"SearchVocabularies":         {"ContactLensCustomVocabulary.View", "", ""},
	"DeleteVocabulary":           {"ContactLensCustomVocabulary.Edit", "", ""},
	"AssociateDefaultVocabulary": {"ContactLensCustomVocabulary.Edit", "", ""},
	"ListDefaultVocabularies":    {"ContactLensCustomVocabulary.View", "", ""},

	"SearchAvailablePhoneNumbers":        {"PhoneNumbers.Claim", lanyard.TypePhoneNumber, ""},
	"ClaimPhoneNumber":                   {"PhoneNumbers.Claim", lanyard.TypePhoneNumber, ""},
	"ImportPhoneNumber":                  {"PhoneNumbers.Claim", lanyard.TypePhoneNumber, ""},
	"DescribePhoneNumber":                {"PhoneNumbers.View", lanyard.TypePhoneNumber, "PhoneNumberId"},
	"ListPhoneNumbers":                   {"PhoneNumbers.View", lanyard.TypePhoneNumber, ""},
	"ListPhoneNumbersV2":                 {"PhoneNumbers.View", lanyard.TypePhoneNumber, ""},
	"UpdatePhoneNumber":                  {"PhoneNumbers.Edit", lanyard.TypePhoneNumber, "PhoneNumberId"},
	"UpdatePhoneNumberMetadata":          {"PhoneNumbers.Edit", lanyard.TypePhoneNumber, "PhoneNumberId"},
	"AssociatePhoneNumberContactFlow":    {"PhoneNumbers.Edit", lanyard.TypePhoneNumber, "PhoneNumberId"},
	"DisassociatePhoneNumberContactFlow": {"PhoneNumbers.Edit", lanyard.TypePhoneNumber, "PhoneNumberId"},
	"ReleasePhoneNumber":                 {"PhoneNumbers.Release", lanyard.TypePhoneNumber, "PhoneNumberId"},

	// Publishing content asks for ContactFlows.Publish too: control sees to that.
	"CreateContactFlow":         {"ContactFlows.Create", lanyard.TypeFlow, ""},
	"DescribeContactFlow":       {"ContactFlows.View", lanyard.TypeFlow, "ContactFlowId"},
	"ListContactFlows":          {"ContactFlows.View", lanyard.TypeFlow, ""},
	"SearchContactFlows":        {"ContactFlows.View", lanyard.TypeFlow, ""},
	"UpdateContactFlowMetadata": {"ContactFlows.Edit", lanyard.TypeFlow, "ContactFlowId"},
	"UpdateContactFlowName":     {"ContactFlows.Edit", lanyard.TypeFlow, "ContactFlowId"},
	"UpdateContactFlowContent":  {"ContactFlows.Edit", lanyard.TypeFlow, "ContactFlowId"},
	"DeleteContactFlow":         {"ContactFlows.Delete", lanyard.TypeFlow, "ContactFlowId"},
	"CreateContactFlowVersion":  {"ContactFlows.Publish", lanyard.TypeFlow, "ContactFlowId"},
	"ListContactFlowVersions":   {"ContactFlows.View", lanyard.TypeFlow, "ContactFlowId"},
	"DeleteContactFlowVersion":  {"ContactFlows.Publish", lanyard.TypeFlow, "ContactFlowId"},
	"CreateContactFlowAlias":    {"ContactFlows.Publish", lanyard.TypeFlow, "ContactFlowId"},
	"DescribeContactFlowAlias":  {"ContactFlows.View", lanyard.TypeFlow, "ContactFlowId"},
	"ListContactFlowAliases":    {"ContactFlows.View", lanyard.TypeFlow, "ContactFlowId"},
	"UpdateContactFlowAlias":    {"ContactFlows.Publish", lanyard.TypeFlow, "ContactFlowId"},
	"DeleteContactFlowAlias":    {"ContactFlows.Publish", lanyard.TypeFlow, "ContactFlowId"},

	// there is no EmailAddresses.Delete
	"CreateEmailAddress":            {"EmailAddresses.Create", lanyard.TypeEmailAddress, ""},
	"DescribeEmailAddress":          {"EmailAddresses.View", lanyard.TypeEmailAddress, "EmailAddressId"},
	"SearchEmailAddresses":          {"EmailAddresses.View", lanyard.TypeEmailAddress, ""},
	"UpdateEmailAddressMetadata":    {"EmailAddresses.Edit", lanyard.TypeEmailAddress, "EmailAddressId"},
	"DeleteEmailAddress":            {"EmailAddresses.Remove", lanyard.TypeEmailAddress, "EmailAddressId"},
	"AssociateEmailAddressAlias":    {"EmailAddresses.Edit", lanyard.TypeEmailAddress, "EmailAddressId"},
	"DisassociateEmailAddressAlias": {"EmailAddresses.Edit", lanyard.TypeEmailAddress, "EmailAddressId"},

	"CreateAgentStatus":           {"AgentStates.Create", "", ""},
	"DescribeAgentStatus":         {"AgentStates.View", "", ""},
	"ListAgentStatuses":           {"AgentStates.View", "", ""},
	"SearchAgentStatuses":         {"AgentStates.View", "", ""},
	"UpdateAgentStatus":           {"AgentStates.Edit", "", ""},
	"CreatePredefinedAttribute":   {"PredefinedAttributes.Create", "", ""},
	"DescribePredefinedAttribute": {"PredefinedAttributes.View", "", ""},
	"ListPredefinedAttributes":    {"PredefinedAttributes.View", "", ""},
	"SearchPredefinedAttributes":  {"PredefinedAttributes.View", "", ""},
	"UpdatePredefinedAttribute":   {"PredefinedAttributes.Edit", "", ""},
	"DeletePredefinedAttribute":   {"PredefinedAttributes.Delete", "", ""},

	// Lists of what no instance here has.
	"SearchContactEvaluations": {"Evaluation.View", "", ""},
	"ListTestCases":            {"TestCases.View", "", ""},
	"SearchTestCases":          {"TestCases.View", "", ""},
	"ListTestCaseExecutions":   {"TestCases.View", "", ""},
	"SearchContacts":           {"ContactSearch.View", "", ""},
}

// acts reports whether the call is made on anybody's behalf.
func (req *request) acts() bool { return req.actingUser != nil || req.actingAgent != nil }

// act returns the call as one on behalf of whom the request names, if it names anybody. A header without a name is
// refused: its sender does not mean to act with all of the key's rights.
func (s *Server) act(ctx context.Context, req *request, in model.Input) (control.Call, error) {
	if !req.acts() {
		return req.Call, nil
	}
	user, ok := actingName(req.actingUser)
	if !ok {
		return req.Call, lanyard.Errorf(lanyard.Invalid, "%s must be one id, ARN or name of a user of the instance, got %s",
			strings.ToLower(ActingUser), lanyard.Quote(strings.Join(req.actingUser, ", ")))
	}
	agent, ok := actingName(req.actingAgent)
	if !ok {
		return req.Call, lanyard.Errorf(lanyard.Invalid, "%s must be one ARN of an AI agent, got %s",
			strings.ToLower(ActingAgent), lanyard.Quote(strings.Join(req.actingAgent, ", ")))
	}
	instance, r, err := actingRight(req.op.Name, in)
	if err != nil {
		return req.Call, err
	}
	if instance == "" && r.Type == lanyard.TypePhoneNumber && r.Ref != "" {
		if of, n, err := s.control.PhoneNumber(ctx, req.Call, r.Ref); err == nil {
			instance, r.Ref = of.ID, n.ID
		}
	}
	if instance == "" {
		return req.Call, lanyard.Errorf(lanyard.Denied,
			"%s cannot be called on behalf of a user: it does not concern one instance", req.op.Name)
	}
	return s.control.Act(ctx, req.Call, instance, control.Principal{User: user, Agent: agent}, r)
}

// actingName returns the name in a header: "" without the header, and false when it does not have one name.
func actingName(values []string) (name string, ok bool) {
	if values == nil {
		return "", true
	}
	if len(values) != 1 || values[0] == "" || len(values[0]) > lanyard.MaxARN {
		return "", false
	}
	return values[0], true
}

// actingRight is what a call asks of the user on whose behalf it is made, and of which instance.
func actingRight(operation string, in model.Input) (instance string, r control.Right, err error) {
	v := reflect.ValueOf(in).Elem()
	member := func(name string) string {
		if f := v.FieldByName(name); f.IsValid() {
			if p, ok := f.Interface().(*string); ok {
				return text(p)
			}
		}
		return ""
	}
	switch operation {
	case "TagResource", "UntagResource", "ListTagsForResource":
		a, err := lanyard.ParseARN(member("ResourceArn"))
		if err != nil {
			return "", r, lanyard.Errorf(lanyard.Invalid, "resourceArn %v", err)
		}
		action := ".Edit"
		if operation == "ListTagsForResource" {
			action = ".View"
		}
		r.Type, r.Ref = a.Type, a.ID
		if stem := a.Type.Stem(); stem != "" {
			r.Permission = stem + action
		}
		if a.Type.Apart() { // of which instance it is has to be found out
			r.Ref = member("ResourceArn")
			return "", r, nil
		}
		a.Type, a.ID = "", ""
		return a.String(), r, nil
	}
	row := rights[operation]
	r = control.Right{Permission: row.permission, Type: row.t}
	if row.member != "" {
		r.Ref = member(row.member)
	}
	switch row.t {
	case lanyard.TypeModule, lanyard.TypeDataTable, lanyard.TypeFlow, lanyard.TypeView:
		r.Ref, _ = control.SplitQualifier(r.Ref)
	}
	if member("EntityType") == control.EntityUser {
		r = control.Right{Permission: "Users.EditPermission", Type: lanyard.TypeUser, Ref: member("EntityArn")}
		if operation == "ListEntitySecurityProfiles" {
			r.Permission = "Users.View"
		}
	}
	switch instance = member("InstanceId"); {
	case operation == "UpdatePhoneNumber": // that is where it is moved to
		instance = ""
	case instance == "":
		if a, err := lanyard.ParseARN(member("TargetArn")); err == nil && a.Type == lanyard.TypeInstance {
			instance = member("TargetArn")
		}
	}
	return instance, r, nil
}

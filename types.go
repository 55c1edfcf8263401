package lanyard

import "slices"

// A ResourceType describes a type of resource: a row of the one table from which everything that differs from type to
// type derives. What a type does not have is left out of its row.
type ResourceType struct {
	Type Type // the word in ARNs, or one in its place; "" when lanyard neither stores the type nor reads its ARNs
	// Name is what decisions, the console and the API call it.
	Name         string
	Word, Plural string // in messages
	Member       string // of the API's requests that holds the id of one
	Stem         string // the first word of the permissions about it
	// TagNames are the spellings that TagRestrictedResources takes for it. The first is the one that
	// Amazon Connect has been seen to take, or is expected to.
	TagNames   []string
	Taggable   bool // its resources carry tags and have an ARN by which they are tagged
	Decided    bool // decisions find each of its resources by id
	Searchable bool // the API searches them
	// Load is the place in which a snapshot for decisions reads the type, after those that it refers to;
	// 0 when no snapshot has it.
	Load int

	// Bulk is set of a type of which there may be a million resources: what reads the resources of an instance as a whole
	// leaves it out.
	Bulk bool

	// Whole is the type of resource that each is a part of, which Document.Whole has the id of; "" for those that are no
	// part of another. Parts go with the whole, and the rights to it are the rights to them.
	Whole Type

	// Unmirrored is set of a type that decisions find by id and mirrors do not read: in a mirror, decisions about one go
	// by the tags in the question.
	Unmirrored bool

	viewedBy string          // the permission that shows resources of the type, where it is not Stem's View
	new      func() Resource // an empty one; nil when lanyard stores none
}

// Stored reports whether lanyard stores resources of the type.
func (t *ResourceType) Stored() bool { return t.new != nil }

// View returns the permission that shows resources of the type; "" when none does.
func (t *ResourceType) View() string {
	if t.viewedBy == "" && t.Stem != "" {
		return t.Stem + ".View"
	}
	return t.viewedBy
}

// ResourceTypes returns the table of types: those that lanyard stores resources of, those that only have ARNs, and
// those whose resources only the caller of a decision knows. It must not be changed.
func ResourceTypes() []ResourceType { return resourceTypes }

// resourceTypes is in the order in which messages list the names of TagRestrictedResources.
var resourceTypes = []ResourceType{
	{Type: TypeInstance, Name: "Instance", Word: "instance", Plural: "instances", Member: "InstanceId",
		Taggable: true, new: func() Resource { return new(Instance) }},
	{Type: TypeUser, Name: "User", Word: "user", Plural: "users", Member: "UserId", Stem: "Users",
		TagNames: []string{"User"}, Taggable: true, Decided: true, Searchable: true, Load: 3,
		new: func() Resource { return new(User) }},
	{Type: TypeProfile, Name: "SecurityProfile", Word: "security profile", Plural: "security profiles",
		Member: "SecurityProfileId", Stem: "SecurityProfiles", TagNames: []string{"SecurityProfile"},
		Taggable: true, Decided: true, Searchable: true, Load: 2, new: func() Resource { return new(Profile) }},
	{Type: TypeQueue, Name: "Queue", Word: "queue", Plural: "queues", Member: "QueueId", Stem: "Queues",
		TagNames: []string{"Queue"}, Taggable: true, Decided: true, Searchable: true, Load: 5,
		new: func() Resource { return new(Queue) }},
	{Type: TypeRoutingProfile, Name: "RoutingProfile", Word: "routing profile", Plural: "routing profiles",
		Member: "RoutingProfileId", Stem: "RoutingPolicies", TagNames: []string{"RoutingProfile"},
		Taggable: true, Decided: true, Searchable: true, Load: 6, new: func() Resource { return new(RoutingProfile) }},
	{Type: TypeHours, Name: "HoursOfOperation", Word: "hours of operation", Plural: "hours of operation",
		Member: "HoursOfOperationId", Stem: "HoursOfOperation", TagNames: []string{"OperatingHours", "HoursOfOperation"},
		Taggable: true, Decided: true, Searchable: true, Load: 7, new: func() Resource { return new(Hours) }},
	{Type: TypeQuickConnect, Name: "QuickConnect", Word: "quick connect", Plural: "quick connects",
		Member: "QuickConnectId", Stem: "TransferDestinations", TagNames: []string{"TransferDestination", "QuickConnect"},
		Taggable: true, Decided: true, Searchable: true, Load: 9, new: func() Resource { return new(QuickConnect) }},
	{Type: TypeEmailAddress, Name: "EmailAddress", Word: "e-mail address", Plural: "e-mail addresses",
		Member: "EmailAddressId", Stem: "EmailAddresses", TagNames: []string{"EmailAddress"}, Taggable: true,
		Decided: true, Searchable: true, Load: 12,
		Unmirrored: true, new: func() Resource { return new(EmailAddress) }},
	{Name: "Case", Stem: "Cases", TagNames: []string{"Cases", "Case"}},
	{Type: TypeFlow, Name: "ContactFlow", Word: "flow", Plural: "flows", Member: "ContactFlowId", Stem: "ContactFlows",
		TagNames: []string{"ContactFlow"}, Taggable: true, Decided: true, Searchable: true, Load: 13,
		Unmirrored: true, new: func() Resource { return new(Flow) }},
	{Type: TypeFlowVersion, Word: "flow version", Plural: "flow versions", Whole: TypeFlow,
		new: func() Resource { return new(FlowVersion) }},
	{Type: TypeFlowAlias, Word: "flow alias", Plural: "flow aliases", Member: "AliasId", Whole: TypeFlow,
		new: func() Resource { return new(FlowAlias) }},
	{Type: TypeFlowAssociation, Word: "flow association", Plural: "flow associations",
		new: func() Resource { return new(FlowAssociation) }},
	{Type: TypeModule, Name: "ContactFlowModule", Word: "flow module", Plural: "flow modules",
		Member: "ContactFlowModuleId", Stem: "ContactFlowModules", TagNames: []string{"FlowModule", "ContactFlowModule"},
		Taggable: true, Decided: true, Searchable: true, Load: 8, new: func() Resource { return new(Module) }},
	{Type: TypePrompt, Name: "Prompt", Word: "prompt", Plural: "prompts", Member: "PromptId", Stem: "Prompts",
		TagNames: []string{"Prompt"}, Taggable: true, Decided: true, Searchable: true, Load: 11,
		Unmirrored: true, new: func() Resource { return new(Prompt) }},
	{Type: TypeGroup, Name: "HierarchyGroup", Word: "hierarchy group", Plural: "hierarchy groups",
		Member: "HierarchyGroupId", Stem: "AgentGrouping",
		TagNames: []string{"AgentGroup", "UserHierarchyGroup", "HierarchyGroup"},
		Taggable: true, Decided: true, Searchable: true, Load: 1, new: func() Resource { return new(Group) }},
	{Type: TypeDataTable, Name: "DataTable", Word: "data table", Plural: "data tables", Member: "DataTableId",
		Stem: "DataTables", TagNames: []string{"DataTable"}, Taggable: true, Decided: true, Searchable: true, Load: 10,
		new: func() Resource { return new(DataTable) }},
	{Type: TypeView, Name: "View", Word: "view", Plural: "views", Member: "ViewId", Stem: "Views",
		TagNames: []string{"View"}, Taggable: true, Decided: true, Searchable: true, Load: 14,
		Unmirrored: true, new: func() Resource { return new(View) }},
	{Type: TypeViewVersion, Word: "view version", Plural: "view versions", Whole: TypeView,
		new: func() Resource { return new(ViewVersion) }},
	{Type: TypeVocabulary, Name: "Vocabulary", Word: "vocabulary", Plural: "vocabularies", Member: "VocabularyId",
		Stem: "ContactLensCustomVocabulary", Taggable: true, new: func() Resource { return new(Vocabulary) }},
	{Type: TypeDefaultVocabulary, Word: "default vocabulary", Plural: "default vocabularies",
		new: func() Resource { return new(DefaultVocabulary) }},
	{Name: "TestCase", Stem: "TestCases", TagNames: []string{"TestCase"}},
	{Type: TypeEvaluationForm, Name: "EvaluationForm", Word: "evaluation form", Plural: "evaluation forms",
		Member: "EvaluationFormId", Stem: "EvaluationForms", TagNames: []string{"EvaluationForm"}, Taggable: true,
		Decided: true, Searchable: true, Load: 15,
		Unmirrored: true, new: func() Resource { return new(EvaluationForm) }},

	// What tags cannot restrict.
	{Name: "Contact", Stem: "ContactSearch"},
	{Type: TypeDataTableRow, Name: "DataTableRow", Word: "data table row", Plural: "data table rows", Bulk: true,
		new: func() Resource { return new(DataTableRow) }},
	{Type: TypeWorkspace, Name: "Workspace", Word: "workspace", Plural: "workspaces", Member: "WorkspaceId", Stem: "Workspaces",
		Taggable: true, Decided: true, Searchable: true, Load: 16,
		Unmirrored: true, new: func() Resource { return new(Workspace) }},
	{Type: TypePhoneNumber, Name: "PhoneNumber", Word: "phone number", Plural: "phone numbers",
		Member: "PhoneNumberId", Stem: "PhoneNumbers", Taggable: true, Decided: true, Load: 17,
		Unmirrored: true, new: func() Resource { return new(PhoneNumber) }},
	{Name: "Application"},
	{Name: "FlowModule"}, // a flow module as a tool
	// Decisions know an AI agent as one who acts, and as what a profile lists; see access.TypeAIAgent.
	{Type: TypeAIAgent, Name: "AIAgent", Word: "AI agent", Plural: "AI agents", Load: 4,
		viewedBy: "QConnectAIAgents.View", new: func() Resource { return new(AIAgent) }},

	{Type: TypeTaskTemplate, Word: "task template", Plural: "task templates", Member: "TaskTemplateId",
		Stem: "TaskTemplates", Taggable: true, new: func() Resource { return new(TaskTemplate) }},
	{Type: TypeRule, Word: "rule", Plural: "rules", Member: "RuleId", Stem: "Rules", Taggable: true, Searchable: true,
		new: func() Resource { return new(Rule) }},
	{Type: TypeFormVersion, Word: "evaluation form version", Plural: "evaluation form versions", Whole: TypeEvaluationForm,
		new: func() Resource { return new(FormVersion) }},

	// What an instance is connected with, which no permission is about: Amazon Connect leaves it to IAM.
	{Type: TypeStorageConfig, Word: "storage configuration", Plural: "storage configurations", Member: "AssociationId",
		new: func() Resource { return new(StorageConfig) }},
	{Type: TypeApprovedOrigin, Word: "approved origin", Plural: "approved origins", Member: "Origin",
		new: func() Resource { return new(ApprovedOrigin) }},
	{Type: TypeSecurityKey, Word: "security key", Plural: "security keys", Member: "Key",
		new: func() Resource { return new(SecurityKey) }},
	{Type: TypeLambdaFunction, Word: "Lambda function", Plural: "Lambda functions", Member: "FunctionArn",
		new: func() Resource { return new(LambdaFunction) }},
	{Type: TypeBot, Word: "Lex bot", Plural: "Lex bots", Member: "LexBot", new: func() Resource { return new(Bot) }},
	{Type: TypeIntegration, Word: "integration association", Plural: "integration associations",
		Member: "IntegrationAssociationId", Taggable: true, new: func() Resource { return new(Integration) }},
	{Type: TypeUseCase, Word: "use case", Plural: "use cases", Member: "UseCaseId", Taggable: true,
		Whole: TypeIntegration, new: func() Resource { return new(UseCase) }},
	{Type: TypeTrafficGroup, Word: "traffic distribution group", Plural: "traffic distribution groups",
		Member: "TrafficDistributionGroupId", Taggable: true, new: func() Resource { return new(TrafficGroup) }},
	{Type: TypeWorkspacePage, Word: "workspace page", Plural: "workspace pages", Member: "Page", Whole: TypeWorkspace,
		new: func() Resource { return new(WorkspacePage) }},
	{Type: TypeWorkspaceAssociation, Word: "workspace association", Plural: "workspace associations", Whole: TypeWorkspace,
		Searchable: true, viewedBy: "Workspaces.View", new: func() Resource { return new(WorkspaceAssociation) }},

	// Parts of others and what no permission is about.
	{Type: TypeStructure, Name: "HierarchyStructure", Word: "hierarchy structure", Plural: "hierarchy structures",
		new: func() Resource { return new(Structure) }},
	{Type: TypeLevel, Word: "hierarchy level", Plural: "hierarchy levels"},
	{Type: TypeAgentQueue, Word: "agent queue", Plural: "agent queues"},
	{Type: TypeModuleVersion, Word: "flow module version", Plural: "flow module versions",
		new: func() Resource { return new(ModuleVersion) }},
	{Type: TypeModuleAlias, Word: "flow module alias", Plural: "flow module aliases",
		new: func() Resource { return new(ModuleAlias) }},
	{Type: TypeDataTableAttribute, Word: "data table attribute", Plural: "data table attributes",
		new: func() Resource { return new(DataTableAttribute) }},
	{Type: TypeDataTableRemoval, Word: "data table removal", Plural: "data table removals",
		new: func() Resource { return new(DataTableRemoval) }},
	{Type: TypeAgentStatus, Word: "agent status", Plural: "agent statuses", Member: "AgentStatusId", Stem: "AgentStates",
		Taggable: true, Searchable: true, new: func() Resource { return new(AgentStatus) }},
	{Type: TypePredefinedAttribute, Word: "predefined attribute", Plural: "predefined attributes", Member: "Name",
		Stem: "PredefinedAttributes", Searchable: true, new: func() Resource { return new(PredefinedAttribute) }},
	{Type: TypeHoursOverride, Word: "override of hours of operation", Plural: "overrides of hours of operation",
		Member: "HoursOfOperationOverrideId", Whole: TypeHours, viewedBy: "HoursOfOperation.View", Searchable: true,
		new: func() Resource { return new(HoursOverride) }},
	{Type: TypeAuthenticationProfile, Word: "authentication profile", Plural: "authentication profiles",
		Member: "AuthenticationProfileId", new: func() Resource { return new(AuthenticationProfile) }},
	{Type: TypeNotification, Word: "notification", Plural: "notifications", Member: "NotificationId", Taggable: true,
		new: func() Resource { return new(Notification) }},
	{Type: TypeClientToken, Word: "client token", Plural: "client tokens",
		new: func() Resource { return new(ClientToken) }},
}

// byType finds the rows of the types that have a word.
var byType = func() map[Type]*ResourceType {
	m := make(map[Type]*ResourceType, len(resourceTypes))
	for i := range resourceTypes {
		if t := &resourceTypes[i]; t.Type != "" {
			m[t.Type] = t
		}
	}
	return m
}()

// noType is the row of types that have none.
var noType ResourceType

// row is the type's, or an empty one.
func (t Type) row() *ResourceType {
	if row, ok := byType[t]; ok {
		return row
	}
	return &noType
}

// Word returns what messages call a resource of the type, even of an unknown one.
func (t Type) Word() string {
	if w := t.row().Word; w != "" {
		return w
	}
	return string(t)
}

// Plural returns what messages call several of them.
func (t Type) Plural() string { return t.row().Plural }

// Name returns what the API and the console call the type; "" when they do not mention it.
func (t Type) Name() string { return t.row().Name }

// DecisionName returns what decisions call a type whose resources they find by id; "" for others.
func (t Type) DecisionName() string {
	if row := t.row(); row.Decided {
		return row.Name
	}
	return ""
}

// Member returns the member of the API's requests that has the id of a resource of the type.
func (t Type) Member() string { return t.row().Member }

// Stem returns the first word of the permissions about the type; "" when there are none.
func (t Type) Stem() string { return t.row().Stem }

// View returns the permission that shows resources of the type; "" when none does.
func (t Type) View() string { return t.row().View() }

// Taggable reports whether resources of the type carry tags and have an ARN.
func (t Type) Taggable() bool { return t.row().Taggable }

// Whole returns the type of resource that each of the type is a part of; "" when they are no part of another.
func (t Type) Whole() Type { return t.row().Whole }

// Unmirrored reports whether mirrors do not read the resources of the type, about which decisions are made.
func (t Type) Unmirrored() bool { return t.row().Unmirrored }

// Bulk reports whether there may be too many resources of the type to read them all.
func (t Type) Bulk() bool { return t.row().Bulk }

// StoredType returns the type of stored resources with a Name.
func StoredType(name string) (t Type, ok bool) {
	i := slices.IndexFunc(resourceTypes, func(t ResourceType) bool { return t.Stored() && t.Name == name })
	if i < 0 || name == "" {
		return "", false
	}
	return resourceTypes[i].Type, true
}

// Types returns every type of stored resources, for tables and tests that must cover them all.
func Types() []Type {
	var all []Type
	for i := range resourceTypes {
		if resourceTypes[i].Stored() {
			all = append(all, resourceTypes[i].Type)
		}
	}
	return all
}

// LoadOrder returns the types that snapshots for decisions have, those that others refer to before those that refer to
// them.
func LoadOrder() []Type {
	var order []Type
	for i := range resourceTypes {
		if resourceTypes[i].Load > 0 {
			order = append(order, resourceTypes[i].Type)
		}
	}
	slices.SortFunc(order, func(a, b Type) int { return a.row().Load - b.row().Load })
	return order
}

// New returns an empty resource of type t, or nil for an unknown type.
func New(t Type) Resource {
	if row := byType[t]; row != nil && row.Stored() {
		return row.new()
	}
	return nil
}

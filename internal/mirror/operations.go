package mirror

import "slices"

// An Operation is one that a mirror calls, and what it learns from it.
type Operation struct {
	Name string
	// Reads is what is learned, for the documentation.
	Reads string
	// Each is what takes one call each; "" for an operation whose pages cover all.
	Each string
	// Complete reports that only Options.Complete calls it.
	Complete bool
}

// Operations are all that a mirror ever calls. None of them changes anything.
func Operations() []Operation { return slices.Clone(operations) }

var operations = []Operation{
	{Name: "ListInstances", Reads: "the id of an alias"},
	{Name: "DescribeInstance", Reads: "alias, identity management, time of creation and tags of the instance"},
	{Name: "ListInstanceAttributes", Reads: "attributes of the instance"},
	{Name: "SearchUsers", Reads: "users with security profiles, routing profile, hierarchy group, tags and settings"},
	{Name: "ListUsers", Reads: "when users were last changed"},
	{Name: "DescribeUser", Each: "user", Complete: true, Reads: "e-mail addresses and mobile number of a user"},
	{Name: "ListUserProficiencies", Each: "user", Complete: true, Reads: "proficiencies of a user"},
	{Name: "SearchSecurityProfiles", Reads: "names, descriptions and tags of security profiles"},
	{Name: "ListSecurityProfiles", Reads: "when security profiles were last changed"},
	{Name: "DescribeSecurityProfile", Each: "security profile", Reads: "restrictions by tags, hierarchy and data tables"},
	{Name: "ListSecurityProfilePermissions", Each: "security profile", Reads: "permissions"},
	{Name: "ListSecurityProfileApplications", Each: "security profile", Reads: "applications"},
	{Name: "ListSecurityProfileFlowModules", Each: "security profile", Reads: "flow modules as tools"},
	{Name: "ListSecurityProfileAIAgents", Each: "security profile", Reads: "AI agents that may be handed to"},
	{Name: "ListEntitySecurityProfiles", Each: "AI agent that is named", Reads: "profiles of an AI agent"},
	{Name: "DescribeUserHierarchyStructure", Reads: "levels of the agent hierarchy"},
	{Name: "SearchUserHierarchyGroups", Reads: "hierarchy groups with their place and tags"},
	{Name: "SearchQueues", Reads: "queues with hours, status, settings and tags"},
	{Name: "ListQueueQuickConnects", Each: "queue", Reads: "quick connects of a queue"},
	{Name: "SearchRoutingProfiles", Reads: "routing profiles with settings and tags"},
	{Name: "ListRoutingProfileQueues", Each: "routing profile with queues",
		Reads: "channels, priorities and delays of queues"},
	{Name: "ListRoutingProfileManualAssignmentQueues", Each: "routing profile with queues for manual assignment",
		Reads: "channels of these queues"},
	{Name: "SearchHoursOfOperations", Reads: "hours of operation with parents and tags"},
	{Name: "SearchQuickConnects", Reads: "quick connects with their destinations and tags"},
	{Name: "SearchContactFlowModules", Reads: "flow modules with tags"},
	{Name: "DescribeContactFlowModule", Each: "flow module whose content the search does not have",
		Reads: "content of a flow module; of drafts and versions if asked for"},
	{Name: "ListContactFlowModuleVersions", Each: "flow module", Reads: "versions of a flow module"},
	{Name: "ListContactFlowModuleAliases", Each: "flow module", Reads: "aliases of a flow module"},
}

func isUsed(operation string) bool {
	return slices.ContainsFunc(operations, func(o Operation) bool { return o.Name == operation })
}

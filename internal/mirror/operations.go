package mirror

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// An Operation is one that a mirror calls, and what it learns from it.
type Operation struct {
	Name string
	// Reads is what is learned, for the documentation.
	Reads string
	// Each is what takes one call each; "" for an operation whose pages cover all.
	Each string
	// Complete is set if it is only called with Options.Complete.
	Complete bool
	// Needs are the IAM actions that Amazon documents as required in addition to that of the operation's name.
	Needs []string
}

// Operations are all that a mirror ever calls. None of them changes anything.
func Operations() []Operation { return slices.Clone(operations) }

var operations = []Operation{
	{Name: "ListInstances", Reads: "the id of an alias",
		Needs: []string{"ds:DescribeDirectories"}},
	{Name: "DescribeInstance", Reads: "alias, identity management, time of creation and tags of the instance",
		Needs: []string{"ds:DescribeDirectories"}},
	{Name: "ListInstanceAttributes", Reads: "attributes of the instance"},
	{Name: "SearchUsers", Reads: "users with security profiles, routing profile, hierarchy group, tags and settings",
		Needs: []string{"connect:DescribeUser"}},
	{Name: "ListUsers", Reads: "when users were last changed"},
	{Name: "DescribeUser", Each: "user", Complete: true, Reads: "e-mail addresses and mobile number of a user"},
	{Name: "ListUserProficiencies", Each: "user", Complete: true, Reads: "proficiencies of a user"},
	{Name: "SearchSecurityProfiles", Reads: "names, descriptions and tags of security profiles",
		Needs: []string{"connect:DescribeSecurityProfile"}},
	{Name: "ListSecurityProfiles", Reads: "when security profiles were last changed"},
	{Name: "DescribeSecurityProfile", Each: "security profile", Reads: "restrictions by tags, hierarchy and data tables"},
	{Name: "ListSecurityProfilePermissions", Each: "security profile", Reads: "permissions"},
	{Name: "ListSecurityProfileApplications", Each: "security profile", Reads: "applications"},
	{Name: "ListSecurityProfileFlowModules", Each: "security profile", Reads: "flow modules as tools"},
	{Name: "ListSecurityProfileAIAgents", Each: "security profile", Reads: "AI agents that may be handed to"},
	{Name: "ListEntitySecurityProfiles", Each: "AI agent that is named", Reads: "profiles of an AI agent"},
	{Name: "DescribeUserHierarchyStructure", Reads: "levels of the agent hierarchy"},
	{Name: "SearchUserHierarchyGroups", Reads: "hierarchy groups with their place and tags",
		Needs: []string{"connect:DescribeUserHierarchyGroup"}},
	{Name: "SearchQueues", Reads: "queues with hours, status, settings and tags",
		Needs: []string{"connect:DescribeQueue"}},
	{Name: "ListQueueQuickConnects", Each: "queue", Reads: "quick connects of a queue"},
	{Name: "SearchRoutingProfiles", Reads: "routing profiles with settings and tags",
		Needs: []string{"connect:DescribeRoutingProfile"}},
	{Name: "ListRoutingProfileQueues", Each: "routing profile with queues",
		Reads: "channels, priorities and delays of queues"},
	{Name: "ListRoutingProfileManualAssignmentQueues", Each: "routing profile with queues for manual assignment",
		Reads: "channels of these queues"},
	{Name: "SearchHoursOfOperations", Reads: "hours of operation with parents and tags",
		Needs: []string{"connect:DescribeHoursOfOperation"}},
	{Name: "SearchQuickConnects", Reads: "quick connects with their destinations and tags",
		Needs: []string{"connect:DescribeQuickConnect"}},
	{Name: "SearchContactFlowModules", Reads: "flow modules with tags",
		Needs: []string{"connect:DescribeContactFlowModule"}},
	{Name: "DescribeContactFlowModule", Each: "flow module whose content the search does not have",
		Reads: "content of a flow module; of drafts and versions if asked for"},
	{Name: "ListContactFlowModuleVersions", Each: "flow module", Reads: "versions of a flow module"},
	{Name: "ListContactFlowModuleAliases", Each: "flow module", Reads: "aliases of a flow module"},
	{Name: "SearchDataTables", Reads: "data tables with tags", Needs: []string{"connect:DescribeDataTable"}},
	{Name: "ListDataTableAttributes", Each: "data table", Reads: "attributes of a data table"},
}

// Names returns the names of all operations that a mirror calls.
func Names() []string {
	names := make([]string, len(operations))
	for i, o := range operations {
		names[i] = o.Name
	}
	return names
}

func isUsed(operation string) bool {
	return slices.ContainsFunc(operations, func(o Operation) bool { return o.Name == operation })
}

// Actions returns the IAM actions that an operation requires.
func Actions(operation string) []string {
	for _, o := range operations {
		if o.Name == operation {
			return append([]string{"connect:" + o.Name}, o.Needs...)
		}
	}
	return nil
}

// Policy returns the IAM policy with the actions that a mirror of an instance requires, and no others. instance is its
// ARN, or * for any.
func Policy(instance string, complete bool) ([]byte, error) {
	type statement struct {
		Sid, Effect      string
		Action, Resource []string
	}
	find := statement{Sid: "FindInstance", Effect: "Allow", Resource: []string{"*"}}
	read := statement{Sid: "ReadInstance", Effect: "Allow", Resource: []string{instance, instance + "/*"}}
	if instance == "*" {
		read.Resource = []string{"*"}
	}
	for _, o := range operations {
		if o.Complete && !complete {
			continue
		}
		for _, action := range Actions(o.Name) {
			if o.Name == "ListInstances" || !strings.HasPrefix(action, "connect:") { // of no one instance
				find.Action = append(find.Action, action)
			} else {
				read.Action = append(read.Action, action)
			}
		}
	}
	for _, list := range []*[]string{&find.Action, &read.Action} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	text, err := json.Marshal(struct {
		Version   string
		Statement []statement
	}{"2012-10-17", []statement{find, read}}, jsontext.WithIndent("  "))
	return append(text, '\n'), err
}

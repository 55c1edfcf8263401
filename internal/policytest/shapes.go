package policytest

import (
	"slices"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
)

// A shape is a mapping whose keys are known. Reading and the published schema both derive from the shapes, so neither
// has a key that the other has not.
type shape struct {
	name string // in messages and the schema
	help string
	keys []key
	// required are keys without which the schema rejects a mapping.
	required []string
}

// A key is one key of a shape.
type key struct {
	name, help string
	form       form
}

// find returns the key of a name.
func (s *shape) find(name string) (key, bool) {
	i := slices.IndexFunc(s.keys, func(k key) bool { return k.name == name })
	if i < 0 {
		return key{}, false
	}
	return s.keys[i], true
}

func (s *shape) names() []string {
	var all []string
	for _, k := range s.keys {
		all = append(all, k.name)
	}
	return all
}

// The words of values.
var (
	decisionWords = []string{"allow", "deny"}
	surfaceWords  = []string{"admin", "reports"}
	channelWords  = []string{"VOICE", "CHAT", "TASK", "EMAIL"}
	nobody        = "nobody"
)

// reasonWords are the reasons of decisions, as they are spelt.
func reasonWords() []string {
	var all []string
	for r := access.Reason(0); r.String() != "unknown reason"; r++ {
		if r != access.UnknownInstance { // a target always exists
			all = append(all, r.String())
		}
	}
	return all
}

// reasonOf returns the reason that is spelt so.
func reasonOf(word string) access.Reason {
	r := access.Reason(0)
	for r.String() != word && r.String() != "unknown reason" {
		r++
	}
	return r
}

var fileShape = &shape{name: "the file", help: "Tests of who may do what, for lanyard test.", keys: []key{
	{"name", "What the tests are about.", formText},
	{"target", "The instance that the tests are about. Without it the instance is empty but for the fixtures.",
		formOf("target")},
	{"variables", "Values by name, which ${name} stands for in all other values. A value may be a list.",
		formMapOf(formTexts)},
	{"resources", "Resources by a name of your choice, for use as resource: those that lanyard does not store, and new " +
		"ones.", formMapOf(formOf("resource"))},
	{"fixtures", "Resources that are added to the target. One of the same name replaces the target's.",
		formOf("fixtures")},
	{"tests", "The tests.", formListOf(formOf("test"))},
}, required: []string{"tests"}}

var targetShape = &shape{name: "target", help: "The instance that the tests are about.", keys: []key{
	{"instance", "Alias or id of an instance of the server or data folder that lanyard test is called for. With backup: " +
		"which instance of it.", formText},
	{"mirror", "Alias or id of a mirrored instance of the data folder.", formText},
	{"backup", "File that lanyard backup wrote, relative to this file.", formText},
	{"template", "CloudFormation templates, relative to this file, such as lanyard export writes. They are applied to the " +
		"instance that target names too, and otherwise to an empty one.", formTexts},
	{"parameters", "Parameters of the templates.", formMapOf(formText)},
}}

var testShape = &shape{name: "a test", help: "One question, or as many as its lists and its table make.", keys: []key{
	{"name", "What the test shows.", formText},
	{"user", "Who asks for access: names, ids or ARNs of users, or ARNs of AI agents.", formTexts},
	{"on-behalf-of", "User whom the AI agent assists; then both must be allowed.", formTexts},
	{"permission", "Permissions such as Users.View; ACCESS or a tool id on an Application, Invoke on a FlowModule, HandOff " +
		"on an AIAgent, Reference for a pick-list.", formPermissions},
	{"who-can", "Instead of user and permission: who may do this?", formPermissions},
	{"resource", "What access is asked to: TYPE/NAME, TYPE/ID, an ARN, the name of an entry of resources, or a " +
		"description. Default: anything.", formOneOrList(formAnyOf(formText, formOf("resource")))},
	{"surface", "Where the question is asked: admin, or reports. Default: admin.", formOneOrList(formEnum(surfaceWords))},
	{"expect", "The answer: allow, deny, more about the decision, or those who can.", formExpect},
	{"table", "A list of rows. The first row says what the columns are: names of keys of a test, then the values of the key " +
		"that is missing, under which the cells are the expected answers.",
		formListOf(formListOf(map[string]any{}))},
	{"fixtures", "Resources that are added for this test alone.", formOf("fixtures")},
}}

var expectShape = &shape{name: "expect", help: "What is expected of an answer.", keys: []key{
	{"decision", "allow or deny.", formEnum(decisionWords)},
	{"profile", "Name or id of the first security profile that allows it by itself.", formText},
	{"reason", "What the decision rests on.", formEnum(reasonWords())},
	{"missing", "Conditions that the resource does not meet, such as tag Country=FR; all of them.", formTexts},
	{"exactly", "These may, and nobody else: users, AI agents, or SecurityProfile/NAME for all holders of a profile.",
		formTexts},
	{"nobody-but", "Nobody may who is not among these.", formTexts},
	{"includes", "These may.", formTexts},
	{"excludes", "These may not.", formTexts},
}}

var resourceShape = &shape{name: "resource", help: "A resource that lanyard does not store, or that is about to be made.",
	keys: []key{
		{"type", "Such as User, Queue, Contact or DataTableRow.", formTypes},
		{"name", "Its name or id.", formText},
		{"new", "It is about to be created, with tags and group.", formBool},
		{"tags", "Its tags.", formMapOf(formText)},
		{"group", "Hierarchy group of a user about to be created or of a contact's agent: name, path from the top, or id.",
			formText},
		{"attributes", "Primary attributes of a DataTableRow.", formMapOf(formText)},
		{"channel", "Channel of a Contact.", formEnum(channelWords)},
	}, required: []string{"type"}}

var fixturesShape = &shape{name: "fixtures", help: "Resources by type and name.", keys: []key{
	{"users", "Users by user name.", formMapOf(formOf("user"))},
	{"profiles", "Security profiles by name.", formMapOf(formOf("profile"))},
	{"ai-agents", "AI agents by ARN.", formMapOf(formOf("ai-agent"))},
	{"hierarchy-groups", "Hierarchy groups by path from the top, such as Europe/France.", formMapOf(formOf("tagged"))},
	{"queues", "Queues by name.", formMapOf(formOf("tagged"))},
	{"routing-profiles", "Routing profiles by name.", formMapOf(formOf("tagged"))},
	{"hours-of-operation", "Hours of operation by name.", formMapOf(formOf("tagged"))},
	{"quick-connects", "Quick connects by name.", formMapOf(formOf("tagged"))},
	{"flow-modules", "Flow modules by name.", formMapOf(formOf("tagged"))},
	{"data-tables", "Data tables by name.", formMapOf(formOf("tagged"))},
}}

// taggedKinds are the types of fixtures that have tags and nothing else that decides.
var taggedKinds = []struct {
	key string
	t   lanyard.Type
}{
	{"queues", lanyard.TypeQueue}, {"routing-profiles", lanyard.TypeRoutingProfile},
	{"hours-of-operation", lanyard.TypeHours}, {"quick-connects", lanyard.TypeQuickConnect},
	{"flow-modules", lanyard.TypeModule}, {"data-tables", lanyard.TypeDataTable},
}

var taggedShape = &shape{name: "a fixture", help: "A resource with tags.", keys: []key{
	{"tags", "Its tags.", formMapOf(formText)},
}}

var userShape = &shape{name: "a user", help: "A user.", keys: []key{
	{"profiles", "Names or ids of the security profiles that the user holds.", formTexts},
	{"group", "Hierarchy group: name, path from the top, or id.", formText},
	{"tags", "The user's tags.", formMapOf(formText)},
}}

var agentShape = &shape{name: "an AI agent", help: "An AI agent.", keys: []key{
	{"profiles", "Names or ids of the security profiles that the AI agent holds.", formTexts},
}}

var profileShape = &shape{name: "a profile", help: "A security profile; the keys are called as in the API.", keys: []key{
	{"permissions", "Permissions that it grants.", formPermissions},
	{"tags", "The profile's own tags.", formMapOf(formText)},
	{"allowed-access-control-tags", "Tags that a resource of a restricted type must have.", formMapOf(formText)},
	{"tag-restricted-resources", "Types that the tags restrict, such as User.", formTexts},
	{"hierarchy-restricted-resources", "Types that the hierarchy restricts: User.", formTexts},
	{"allowed-access-control-hierarchy-group", "Group to which the hierarchy restricts; default: the holder's own.",
		formText},
	{"applications", "Applications and the permissions or tools of each.", formListOf(formOf("application"))},
	{"allowed-flow-modules", "Names or ids of flow modules that may be used as tools.", formTexts},
	{"allowed-ai-agents", "ARNs of third-party AI agents that may be handed to.", formTexts},
	{"data-table-rows", "Primary attributes of data-table rows, and the values that a row must have one of.",
		formMapOf(formTexts)},
}}

var applicationShape = &shape{name: "an application", help: "Access to an application, or to tools of an MCP server.",
	keys: []key{
		{"namespace", "The application's namespace.", formText},
		{"permissions", "ACCESS, or the ids of tools.", formTexts},
		{"type", "MCP for tools. Default: THIRD_PARTY_APPLICATION.",
			formEnum([]string{lanyard.ApplicationThirdParty, lanyard.ApplicationMCP})},
	}, required: []string{"namespace", "permissions"}}

// shapes are all shapes, by their names in the schema.
var shapes = map[string]*shape{"target": targetShape, "test": testShape, "expect": expectShape,
	"resource": resourceShape, "fixtures": fixturesShape, "user": userShape, "profile": profileShape,
	"ai-agent": agentShape, "tagged": taggedShape, "application": applicationShape}

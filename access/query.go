package access

// A Query asks whether a subject may do an action on a resource. Methods that take one neither change nor keep it.
type Query struct {
	Subject  Subject
	Action   string   // a permission such as Users.View, the id of a tool, or one of the Action constants
	Resource Resource // the zero Resource asks about anything at all
	Surface  Surface
}

// A Subject is the user or AI agent that asks for access.
type Subject struct {
	Type SubjectType
	ID   string // of a user: id or user name; of an AI agent: its ARN, qualifier included
	// Human is the id or user name of the user whom an AI agent assists; both must be allowed then. Without one the
	// agent acts by itself, and only its own profiles count.
	Human string
}

// A SubjectType is the type of a subject. The zero SubjectType is User.
type SubjectType uint8

// The types of subjects.
const (
	User SubjectType = iota
	AIAgent
)

// A Resource is what access is asked to.
//
// Resources of the types that lanyard stores are looked up by their ID, and their own tags and group count: Tags and
// Group of the query count for them only if they are New. For all other types the caller must say what the resource
// has, and is trusted.
type Resource struct {
	// Type is one of the Type constants or the name of another type, such as Prompt. "" is for an action without an
	// object, and for the question whether the action is allowed on anything at all.
	Type string
	// ID is required with a Type, unless the resource is New. Of a user it is the id or the user name; what has the
	// form of an id (see lanyard.IsID) is not taken for a name. Of the types that lanyard does not store, any ID will do,
	// except for those that profiles list one by one.
	ID    string
	New   bool              // about to be created, with these Tags and in this Group
	Tags  map[string]string // see above
	Group string            // id of the hierarchy group of a New user, or of the agent who has a contact
	// Attributes are the primary attributes of a data-table row, by name.
	Attributes map[string]string
	// Channel is that of a contact: VOICE, CHAT, TASK or EMAIL.
	Channel string
}

// The names of resource types, as TagRestrictedResources and the API spell them. All others can be asked about too.
// Words of ARNs, such as lanyard.TypeUser, are no such names; lanyard.Type.DecisionName returns the name for a word.
const (
	TypeUser              = "User"
	TypeSecurityProfile   = "SecurityProfile"
	TypeQueue             = "Queue"
	TypeRoutingProfile    = "RoutingProfile"
	TypeHierarchyGroup    = "HierarchyGroup"
	TypeHoursOfOperation  = "HoursOfOperation"
	TypeContactFlowModule = "ContactFlowModule"
	TypeQuickConnect      = "QuickConnect"
	TypeContact           = "Contact"
	TypeDataTable         = "DataTable"
	TypeDataTableRow      = "DataTableRow"
	TypeApplication       = "Application" // third-party application or MCP server, by namespace
	TypeFlowModule        = "FlowModule"  // a flow module as a tool
	TypeAIAgent           = "AIAgent"     // a third-party AI agent that may be handed to
)

// Actions that are not permissions.
const (
	ActionAccess  = "ACCESS"  // opens a third-party application; any other action on an Application is the id of a tool
	ActionInvoke  = "Invoke"  // runs a flow module as a tool
	ActionHandOff = "HandOff" // hands a contact over to a third-party AI agent
	// ActionReference reads the name of a resource in a pick-list, on a page that the subject may edit.
	ActionReference = "Reference"
)

// A Surface is where access takes place. The zero Surface is Admin.
type Surface uint8

// The surfaces.
const (
	Admin   Surface = iota // the admin website and the API
	Reports                // reports and dashboards, which combine the profiles of a subject in another way
)

// A Decision is the answer to a Query. The zero Decision denies.
type Decision struct {
	Allow  bool
	Reason Reason // Granted if and only if Allow is true
	// Profile is the id of the first profile that allows it by itself, in the order in which the subject holds them.
	// It is "" in a denial, and where reports show something that no single profile allows.
	Profile string
}

// A Reason says what a Decision rests on. The zero Reason is NotGranted.
type Reason uint8

// The reasons.
const (
	NotGranted      Reason = iota // no profile of the subject holds the permission
	Granted                       // a profile holds it and its conditions are met
	ConditionFailed               // profiles hold it, but the resource does not meet their conditions
	UnknownSubject                // there is no such user, or AI agent with profiles
	UnknownAction                 // neither a permission of the catalogue nor held by any profile
	UnknownResource               // lanyard stores resources of the type and has none of that id, or the id is missing
	UnknownInstance               // there is no such instance
	WrongType                     // the permission is not about resources of the type
	Restricted                    // a restricting permission takes it away
	Unenforceable                 // two profiles with tags and hierarchy each, which reports cannot enforce
	HumanDenied                   // the AI agent may, but the human whom it assists may not
	reasonCount
)

var reasonTexts = [reasonCount]string{
	"not granted", "granted", "condition failed", "unknown subject", "unknown action", "unknown resource",
	"unknown instance", "wrong type", "restricted", "unenforceable", "human denied",
}

// String returns the reason as the decision API spells it, such as "condition failed".
func (r Reason) String() string {
	if r < reasonCount {
		return reasonTexts[r]
	}
	return "unknown reason"
}

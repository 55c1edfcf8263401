package access

// A Query asks whether a subject may do an action to a resource.
type Query struct {
	Subject  Subject
	Action   string // a permission such as Users.View, a tool id, or one of the Action constants
	Resource Resource
	Surface  Surface
}

// A Subject is the user or AI agent that asks for access.
type Subject struct {
	Type SubjectType
	ID   string // of a user: id or user name, see Resource; of an AI agent: its ARN, qualifier included
	// Human is the user whom an AI agent assists. Then both must be allowed. Without one the agent
	// serves itself and its own profiles count.
	Human string
}

// SubjectType is the type of a subject: a user or an AI agent.
type SubjectType uint8

// The types of subjects.
const (
	User SubjectType = iota
	AIAgent
)

// A Resource is what access is asked to. Of the types that snapshots hold, Tags and Group count only for a
// resource that is about to be made (New); those of one that exists are known.
type Resource struct {
	// Type is one of the Type constants, or another type's name. "" is for an action without an object,
	// and for the question whether something may be done to anything at all.
	Type string
	// ID counts for the types that lanyard stores, and for what profiles list one by one; of other types any
	// will do, but "" names nothing of any type, unless the resource is New. Of a user it is the id or the user name; what
	// has the form of an id is not taken for a name.
	ID    string
	New   bool // about to be created with these tags and in this group
	Tags  map[string]string
	Group string // of a user about to be made, or of the agent of a contact
	// Attributes are the primary attributes of a data-table row.
	Attributes map[string]string
	// Channel of a contact: VOICE, CHAT, TASK or EMAIL.
	Channel string
}

// The types of resources, as TagRestrictedResources and the API spell them.
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
	TypeDataTableRow      = "DataTableRow"
	TypeApplication       = "Application" // third-party application or MCP server, by namespace
	TypeFlowModule        = "FlowModule"  // a flow module as a tool
	TypeAIAgent           = "AIAgent"     // a third-party AI agent that may be handed to
)

// Actions that are not permissions.
const (
	ActionAccess  = "ACCESS"  // to a third-party application; any other action on an Application is a tool id
	ActionInvoke  = "Invoke"  // a flow module as a tool
	ActionHandOff = "HandOff" // to an AI agent
	// ActionReference reads a resource for a pick-list of a page that the subject may edit.
	ActionReference = "Reference"
)

// A Surface is where access takes place. Amazon Connect combines tags and hierarchy differently in
// reports and dashboards.
type Surface uint8

// The surfaces.
const (
	Admin Surface = iota
	Reports
)

// A Decision is the answer to a Query. The zero Decision denies.
type Decision struct {
	Allow  bool
	Reason Reason
	// Profile is the id of the first profile, in the order in which the subject holds them, that
	// allows; "" when none does, which is so of something allowed only where reports show what no
	// profile alone lets through.
	Profile string
}

// A Reason says what a Decision rests on.
type Reason uint8

// The reasons.
const (
	NotGranted      Reason = iota // no profile of the subject holds the permission
	Granted                       // a profile holds it and its conditions are met
	ConditionFailed               // profiles hold it, but the resource does not meet their conditions
	UnknownSubject                // no such user or AI agent, or it holds no profile
	UnknownAction                 // neither a permission of the catalogue nor held by any profile
	UnknownResource               // lanyard stores resources of the type and has none of that id
	UnknownInstance               // no such instance
	WrongType                     // the permission is not about resources of the type
	Restricted                    // a restricting permission takes it away
	Unenforceable                 // two profiles each with tags and hierarchy cannot be enforced on reports
	HumanDenied                   // the AI agent may, the human whom it assists may not
	reasonCount
)

var reasonTexts = [reasonCount]string{
	"not granted", "granted", "condition failed", "unknown subject", "unknown action", "unknown resource",
	"unknown instance",
	"wrong type", "restricted", "unenforceable", "human denied",
}

func (r Reason) String() string {
	if r < reasonCount {
		return reasonTexts[r]
	}
	return "unknown reason"
}

package lanyard

// The documents by which contacts find agents, next to queues and routing profiles.

// The types of these documents.
const (
	TypeAgentStatus           Type = "agent-state"
	TypePredefinedAttribute   Type = "predefined-attribute" // its id is its name
	TypeHoursOverride         Type = "hours-of-operation-override"
	TypeAuthenticationProfile Type = "authentication-profile"
	TypeNotification          Type = "notification"
)

// An AgentStatus is what an agent says of themselves, such as Available or Lunch.
type AgentStatus struct{ Document }

// Type is TypeAgentStatus.
func (*AgentStatus) Type() Type { return TypeAgentStatus }

// A PredefinedAttribute has the values that proficiencies of users, and contacts, may have.
type PredefinedAttribute struct{ Document }

// Type is TypePredefinedAttribute.
func (*PredefinedAttribute) Type() Type { return TypePredefinedAttribute }

// An HoursOverride is a part of hours of operation: dates on which others apply.
type HoursOverride struct{ Document }

// Type is TypeHoursOverride.
func (*HoursOverride) Type() Type { return TypeHoursOverride }

// Key holds the hours of operation: overrides of different ones may have the same name.
func (o *HoursOverride) Key() string { return o.Whole + "/" + o.Name }

// An AuthenticationProfile says from where users may sign in, and for how long. Nothing here enforces it.
type AuthenticationProfile struct{ Document }

// Type is TypeAuthenticationProfile.
func (*AuthenticationProfile) Type() Type { return TypeAuthenticationProfile }

// A Notification is a message that users are shown. It has no name.
type Notification struct{ Document }

// Type is TypeNotification.
func (*Notification) Type() Type { return TypeNotification }

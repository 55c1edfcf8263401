package console

import (
	"time"

	"github.com/lanyard/lanyard"
)

// This file holds what the endpoints of the console answer. The page's types (app/src/answers_gen.ts) are generated
// from it by make generate, with their comments. Each field has a line of its own because tygo reads only the first
// name of a line. Lists and maps are never null.

// ErrorAnswer is every answer with a status of 400 and more.
type ErrorAnswer struct {
	Error ErrorBody
	// With NotSignedIn: how to sign in.
	SignIn *SignIn `json:",omitzero"`
	// With the 412 of UpdateSecurityProfile: the profile as it is now.
	Current *ProfileAnswer `json:",omitzero"`
}

// ErrorBody says what went wrong.
type ErrorBody struct {
	Code    string
	Message string
	// With NotSignedIn: none, expired, ended (signed out elsewhere, password changed, user deleted) or instance-deleted.
	Reason string `json:",omitempty"`
	// The permission that is missing.
	Permission string `json:",omitempty"`
	// The members of the input that are wrong, by the API's names, such as Applications[0].Namespace.
	Members []string `json:",omitempty"`
	// In seconds; the header Retry-After says the same.
	RetryAfter int    `json:",omitzero"`
	RequestID  string `json:"RequestId,omitempty"`
}

// SignIn says how to sign in.
type SignIn struct {
	// Whether an instance must be named, because there are several.
	InstanceNeeded bool
	// Null unless single sign-on is set up.
	OIDC *OIDCStart `tstype:"OIDCStart | null,required"`
}

// OIDCStart is where single sign-on starts: the browser loads Path as a page.
type OIDCStart struct {
	Label string
	Path  string
}

// SessionAnswer is what session and sign-in answer.
type SessionAnswer struct {
	Session Session
	// The value of the header X-Lanyard-Csrf.
	Csrf string
}

// Session is who is signed in. The operator has no instance and no user.
type Session struct {
	Kind     string       `tstype:"'user' | 'operator'"`
	Instance *InstanceRef `json:",omitzero"`
	User     *SessionUser `json:",omitzero"`
	// Those that any profile of the user grants: for greying out what would be refused, never for deciding.
	Permissions []string
	// password, oidc or key.
	Method      string
	Expires     time.Time
	IdleExpires time.Time
	// In seconds.
	Idle int
}

// InstanceRef names an instance.
type InstanceRef struct {
	ID    string `json:"Id"`
	ARN   string `json:"Arn"`
	Alias string
}

// SessionUser is the user who is signed in.
type SessionUser struct {
	ID        string `json:"Id"`
	Username  string
	FirstName string
	LastName  string
}

// Catalogue is what forms are made of. It does not change while the server runs.
type Catalogue struct {
	Permissions           []Permission
	TagRestrictable       []string
	HierarchyRestrictable []string
	MaxTags               int
	Version               string
}

// Permission is an entry of the permission catalogue.
type Permission struct {
	Name        string
	Group       string
	Label       string
	Resource    string
	Action      string
	Status      string
	Restriction bool
	// Why it is sensitive; empty unless it is.
	Sensitive string
	// The permissions without which this one cannot be used in the web site.
	Needs []string
}

// Named is anything that is mentioned. A profile that the viewer may not see has an empty name.
type Named struct {
	ID   string `json:"Id"`
	Name string
}

// Holder is a user or an AI agent that holds a profile.
type Holder struct {
	Type string `tstype:"'user' | 'ai_agent'"`
	ID   string `json:"Id"`
	Name string
}

// By is who made a change. The id is empty for a user whom the viewer may not view; key ids are for the operator only.
type By struct {
	Kind string `tstype:"'user' | 'operator' | 'key' | 'unknown'"`
	ID   string `json:"Id"`
	Name string
}

// LastModified is the last change of a profile.
type LastModified struct {
	Time     time.Time
	By       By
	Revision int64
}

// ProfileAnswer is all of one profile.
type ProfileAnswer struct {
	Profile  Profile
	ETag     string
	Revision int64
	// Like every number, it counts what the viewer may view.
	Holders int
	// What of the profile may not work as it was meant.
	Warnings     []string
	LastModified LastModified
}

// Profile is the state of a profile, with the members of UpdateSecurityProfile. Sent to UpdateSecurityProfile without
// SecurityProfileArn, SecurityProfileName, Tags and LastModifiedTime, it restores that state.
type Profile struct {
	SecurityProfileID                    string `json:"SecurityProfileId"`
	SecurityProfileARN                   string `json:"SecurityProfileArn"`
	SecurityProfileName                  string
	Description                          string
	Permissions                          []string
	AllowedAccessControlTags             map[string]string
	TagRestrictedResources               []string
	HierarchyRestrictedResources         []string
	AllowedAccessControlHierarchyGroupID string `json:"AllowedAccessControlHierarchyGroupId"`
	Applications                         []Application
	AllowedFlowModules                   []FlowModule
	AllowedAIAgents                      []AIAgent
	// Empty without rules.
	GranularAccessControlConfiguration Granular
	Tags                               map[string]string
	LastModifiedTime                   time.Time
}

// Application is a third-party application or an MCP server.
type Application struct {
	Namespace              string
	ApplicationPermissions []string
	Type                   string
}

// FlowModule is a flow module as a tool.
type FlowModule struct {
	Type         string
	FlowModuleID string `json:"FlowModuleId"`
}

// AIAgent is an AI agent to hand off to.
type AIAgent struct {
	Type string
	ARN  string `json:"Arn"`
}

// Granular holds the rules about rows of data tables.
type Granular struct {
	DataTableAccessControlConfiguration *DataTableAccess `json:",omitzero"`
}

// DataTableAccess is a level of Granular.
type DataTableAccess struct {
	PrimaryAttributeAccessControlConfiguration *PrimaryAttributeAccess `json:",omitzero"`
}

// PrimaryAttributeAccess is the innermost level of Granular.
type PrimaryAttributeAccess struct {
	PrimaryAttributeValues []AttributeRule
}

// AttributeRule lets through the rows that have one of the values.
type AttributeRule struct {
	AccessType    string
	AttributeName string
	Values        []string
}

// ProfilesAnswer is a page of the profiles.
type ProfilesAnswer struct {
	Rows     []ProfileRow
	Total    int
	Page     int
	Pages    int
	Revision int64
	// The keys of tags that profiles carry.
	TagKeys []string
}

// ProfileRow is a row of the profiles.
type ProfileRow struct {
	ID                  string `json:"Id"`
	ARN                 string `json:"Arn"`
	Name                string
	Description         string
	Tags                map[string]string
	Holders             int
	Permissions         int
	Sensitive           int
	TagRestricted       bool
	HierarchyRestricted bool
	LastModified        LastModified
}

// UsersAnswer is a page of the users.
type UsersAnswer struct {
	Rows   []UserRow
	Cursor `tstype:",extends"`
}

// UserRow is a row of the users.
type UserRow struct {
	ID               string `json:"Id"`
	ARN              string `json:"Arn"`
	Username         string
	FirstName        string
	LastName         string
	Tags             map[string]string
	SecurityProfiles []Named
	HierarchyGroup   *GroupRef `tstype:"GroupRef | null,required"`
}

// GroupRef is a hierarchy group with the names of those above it.
type GroupRef struct {
	ID   string `json:"Id"`
	Name string
	Path []string
}

// AgentsAnswer is a page of the AI agents that hold profiles.
type AgentsAnswer struct {
	Rows   []AgentRow
	Cursor `tstype:",extends"`
}

// AgentRow is a row of the AI agents.
type AgentRow struct {
	ARN              string `json:"Arn"`
	SecurityProfiles []Named
}

// Cursor says where the next page of a list begins.
type Cursor struct {
	// Absent on the last page.
	NextToken string `json:",omitempty"`
	// On the first page only, and of AI agents only when all are asked for.
	Total    *int64 `json:",omitzero"`
	Revision int64
}

// BlockersAnswer says what keeps profiles from being deleted.
type BlockersAnswer struct {
	Blockers []Blocker
}

// Blocker counts and samples the holders of a profile.
type Blocker struct {
	Named  `tstype:",extends"`
	Users  int
	Agents int
	Sample []Holder
}

// HistoryAnswer is a page of changes, newest first.
type HistoryAnswer struct {
	Events []HistoryEvent
	// What the ids in the changes are called: profiles, groups, queues, routing profiles, hours and flow modules that the
	// viewer may see, groups with those above them, deleted ones by their last name.
	Names map[string]string
	// The Before of the next page, 0 at the end. A page may be short, or empty with a Next: looking far back for one
	// resource is done in steps.
	Next int64
	// Back to when was searched; null: to the beginning.
	Searched *time.Time `tstype:"string | null,required"`
	Revision int64
}

// HistoryEvent is a change as it was made: one call, of one or many resources.
type HistoryEvent struct {
	Revision  int64
	ID        string `json:"Id"`
	Time      time.Time
	Operation string
	By        By
	// Why it was refused; empty unless it was. Refused calls are for the operator only.
	Refused string
	From    Source
	// The first 20, those of the Type and Id that were asked for first.
	Changes []HistoryChange
	// Counts all of them.
	ChangesTotal int
}

// Source is where a call came from.
type Source struct {
	SourceIP  string
	UserAgent string
	Console   bool
}

// HistoryChange is what happened to one resource.
type HistoryChange struct {
	Type   string
	ID     string `json:"Id"`
	Name   string
	Action string `tstype:"'create' | 'update' | 'delete'"`
	Fields []FieldChange
}

// FieldChange is a member that has changed, by the API's name where it has one.
type FieldChange struct {
	Field  string
	Before lanyard.JSON `json:",omitzero"`
	After  lanyard.JSON `json:",omitzero"`
	// For lists of texts.
	Added   *[]string `json:",omitzero"`
	Removed *[]string `json:",omitzero"`
}

// StateAnswer is a resource as it was after a change: a profile as Profile, any other as State.
type StateAnswer struct {
	Profile *Profile                `json:",omitzero"`
	ETag    string                  `json:",omitempty"`
	State   map[string]lanyard.JSON `json:",omitempty"`
	// Whether the change deleted it; the rest is as before.
	Deleted  bool
	Names    map[string]string
	Revision int64
}

// ExportAnswer is a page of changes as CloudTrail records. In those that users export, access keys and users whom they
// may not view are HIDDEN_DUE_TO_SECURITY_REASONS.
type ExportAnswer struct {
	Records  []any `tstype:"unknown[]"`
	Next     int64
	Searched *time.Time `tstype:"string | null,required"`
}

// OverviewAnswer summarizes an instance. A part that the viewer may not see is null: Counts, Sensitive, Unheld and
// Findings require SecurityProfiles.View; Unheld also an unrestricted view of users and AI agents; Changes requires
// HistoricalChanges.View and an unrestricted view of users and profiles; Server is for the operator.
type OverviewAnswer struct {
	Revision  int64
	Counts    *Counts          `tstype:"Counts | null,required"`
	Sensitive []SensitiveInUse `tstype:"SensitiveInUse[] | null"`
	// The first 30.
	Unheld      []Named `tstype:"Named[] | null"`
	UnheldTotal *int    `tstype:"number | null,required"`
	// The first 8.
	Findings []Finding `tstype:"Finding[] | null"`
	// At most 100 of a rule are counted.
	FindingsTotal *int       `tstype:"number | null,required"`
	Changes       []Day      `tstype:"Day[] | null"`
	ChangesSince  *time.Time `tstype:"string | null,required"`
	Server        *Health    `tstype:"Health | null,required"`
	// For everybody; null for an instance that is not a mirror.
	Mirror *Mirror `tstype:"Mirror | null,required"`
}

// MirrorAnswer says whether an instance is a mirror, to everybody who is signed in.
type MirrorAnswer struct {
	// Null for an instance that is not a mirror.
	Mirror *Mirror `tstype:"Mirror | null,required"`
}

// Mirror says what an instance is a copy of. It takes no changes.
type Mirror struct {
	Source string
	// When the last complete copy began to be read; null before the first.
	Refreshed *time.Time `tstype:"string | null,required"`
	// A copy is being stored, or was interrupted while it was.
	Incomplete bool
}

// Counts are how many there are of what the viewer may view.
type Counts struct {
	Profiles int
	Users    *int `json:",omitzero"`
	Agents   *int `json:",omitzero"`
}

// SensitiveInUse is a sensitive permission that profiles grant.
type SensitiveInUse struct {
	Permission string
	Why        string
	// The first 6.
	Profiles      []Named
	ProfilesTotal int
	Holders       int
	Sample        []Holder
}

// Finding is something about profiles that an administrator would want to be told. Those about who holds a profile, and
// about tags that a type carries or does not, are for those who may view everything of the type.
type Finding struct {
	// The rule that found it: LY1001. docs/lint.md has them all.
	Code string
	// The rule in words: unknown-permission.
	Rule     string
	Severity string `tstype:"'error' | 'warning' | 'info'"`
	// Those to change, at most 10.
	Profiles []Named
	Message  string
	Details  []string
	Why      string // it matters
	Advice   string // what to do
}

// Day counts the changes of a day.
type Day struct {
	Day     string
	Changes int
}

// Health is how the server is.
type Health struct {
	Version string
	Started time.Time
	// In seconds.
	Uptime    int
	Store     string
	Decisions DecisionCounts
	Calls     CallCounts
}

// DecisionCounts counts the decisions of the server.
type DecisionCounts struct {
	Total     int64
	Denied    int64
	PerSecond float64
}

// CallCounts counts the API calls of the server.
type CallCounts struct {
	Total   int64
	Refused int64
}

// FindingsAnswer is a page of the findings.
type FindingsAnswer struct {
	Findings []Finding
	Total    int
	Revision int64
}

// HeatAnswer says how many permissions of each group each profile has.
type HeatAnswer struct {
	Groups    []PermissionGroup
	Profiles  []HeatRow
	Near      []NearPair
	Truncated bool
	Revision  int64
}

// PermissionGroup counts the permissions of a group.
type PermissionGroup struct {
	Name        string
	Permissions int
}

// HeatRow is a profile; Counts has a number for each group.
type HeatRow struct {
	Named     `tstype:",extends"`
	Holders   int
	Counts    []int
	Total     int
	Sensitive int
}

// NearPair is two profiles whose permissions are nearly the same.
type NearPair struct {
	A      Named
	B      Named
	Shared int
	OnlyA  int
	OnlyB  int
}

// VisibilityAnswer says which profiles show the users of which groups.
type VisibilityAnswer struct {
	Groups []*GroupSeen `tstype:"GroupSeen[]"`
	// Profiles that show users whatever group they are in.
	Everywhere []Everywhere
	// How many users are in no group.
	Ungrouped int
	Truncated bool
	Revision  int64
}

// GroupSeen is a hierarchy group and the profiles that show its users by hierarchy.
type GroupSeen struct {
	ID     string `json:"Id"`
	Name   string
	Parent string
	Level  int
	// Those directly in the group.
	Users  int
	SeenBy []SeenBy
}

// SeenBy is a profile that shows the users of a group; Own: to holders in that group or above it.
type SeenBy struct {
	Named   `tstype:",extends"`
	Own     bool
	Holders int
}

// Everywhere is a profile that shows users of every group, restricted by Tags if there are any.
type Everywhere struct {
	Named   `tstype:",extends"`
	Holders int
	Tags    map[string]string
}

// Package lanyard has the types that all of lanyard uses, and the rules about them that need no I/O. It knows neither
// the API's encoding nor a database, and decides nothing: package access does.
//
// # Resources
//
// An [Instance] is a contact centre. It has users ([User]) that hold security profiles ([Profile]), a hierarchy of
// groups ([Group], [Structure]), queues, data tables ([DataTable]) and more; AI agents hold profiles too ([AIAgent]).
// Each is a [Resource] of a [Type], with a [Meta]. [ResourceTypes] is the table of all types, and [New] makes an empty
// resource of one. An [ARN] names a resource across accounts.
//
// Resources are treated as immutable, since snapshots and caches share them: change a [Clone].
//
// # Permissions and restrictions
//
// [Permissions] is the catalogue of permission names and [LookupPermission] finds one. [Prerequisites] and [ViewOf] say
// which permissions others need, and [RestrictedType] what a name in TagRestrictedResources restricts.
// [Profile.Warnings] says what in a profile has no effect.
//
// # Changes
//
// An [Event] is what a change leaves behind, with a [Change] for each resource.
//
// # Errors
//
// An [Error] has a [Kind], and matches the sentinel of its kind: errors.Is(err, lanyard.ErrNotFound).
package lanyard

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Type is the type of a resource. Its text is the word for the type in ARNs, such as security-profile.
type Type string

// The types of resources. Those without an ARN of their own are named for what they are.
const (
	TypeInstance       Type = "instance"
	TypeProfile        Type = "security-profile"
	TypeUser           Type = "agent"
	TypeGroup          Type = "agent-group"
	TypeStructure      Type = "hierarchy-structure" // one per instance
	TypeQueue          Type = "queue"
	TypeRoutingProfile Type = "routing-profile"
	TypeHours          Type = "operating-hours"
	TypeModule         Type = "flow-module"
	TypeModuleVersion  Type = "flow-module-version" // its ID is the module's and the number: see ModuleVersionID
	TypeModuleAlias    Type = "flow-module-alias"
	TypeQuickConnect   Type = "transfer-destination"
	TypeDataTable      Type = "data-table"
	TypeFlow           Type = "contact-flow"
	TypeFlowVersion    Type = "contact-flow-version" // its ID is the flow's and the number: see VersionID
	TypeFlowAlias      Type = "contact-flow-alias"
	TypePrompt         Type = "prompt"
	TypeView           Type = "view"
	TypeViewVersion    Type = "view-version" // see VersionID
	TypeVocabulary     Type = "vocabulary"
	TypeEmailAddress   Type = "email-address"
	TypeEvaluationForm Type = "evaluation-form"
	TypePhoneNumber    Type = "phone-number"
	TypeWorkspace      Type = "workspace"
	TypeTaskTemplate   Type = "task-template"
	TypeRule           Type = "rule"
	TypeFormVersion    Type = "evaluation-form-version" // its ID is the form's and the number: see VersionID
	TypeIntegration    Type = "integration-association"
	TypeUseCase        Type = "use-case"
	TypeStorageConfig  Type = "storage-config"
	TypeApprovedOrigin Type = "approved-origin"
	TypeSecurityKey    Type = "security-key"
	TypeLambdaFunction Type = "lambda-function"
	TypeBot            Type = "lex-bot"
	TypeTrafficGroup   Type = "traffic-distribution-group"
	TypeWorkspacePage  Type = "workspace-page"

	TypeWorkspaceAssociation Type = "workspace-association"

	TypeAIAgent     Type = "ai-agent" // its ID is the qualified ARN
	TypeClientToken Type = "client-token"

	TypeFlowAssociation   Type = "flow-association"
	TypeDefaultVocabulary Type = "default-vocabulary"

	TypeDataTableAttribute Type = "data-table-attribute"
	TypeDataTableRow       Type = "data-table-row"
	TypeDataTableRemoval   Type = "data-table-removal"
)

// Meta is what every resource has.
type Meta struct {
	ID       string
	Name     string            // as shown; see Resource.Key for uniqueness
	Tags     map[string]string `json:",omitempty"`
	Modified time.Time         // when anything but the tags last changed
	Seq      int64             // order of creation within the instance; set by the store, never 0 there
}

// Head returns the resource's Meta itself: change it in a Clone only.
func (m *Meta) Head() *Meta { return m }

// Key is the name.
func (m *Meta) Key() string { return m.Name }

// A Resource is anything that an instance stores.
type Resource interface {
	Type() Type
	Head() *Meta
	// Key is unique among the resources of the same type in the instance, compared byte for byte.
	// The empty key is not held to be unique.
	Key() string
	// Refs lists the resources that this one refers to and that must not be deleted in the meantime,
	// without repetition.
	Refs() []Ref
}

// A Ref names a resource within an instance.
type Ref struct {
	Type Type
	ID   string
}

// Settings are members of a resource that lanyard keeps for its callers but has no rules about, as the caller sent
// them.
type Settings map[string]JSON

// An Instance is one contact centre. Its Meta.Name is the alias.
type Instance struct {
	Meta
	Account            string // twelve digits
	Region             string
	IdentityManagement string // SAML, CONNECT_MANAGED or EXISTING_DIRECTORY
	DirectoryID        string `json:",omitempty"`
	Created            time.Time
	Attributes         map[string]string // attribute type to value
	ClientToken        string            `json:",omitempty"` // of the call that created it
	RequestHash        string            `json:",omitempty"` // what that call asked for
	Mirror             *Mirror           `json:",omitzero"`  // nil for an instance of its own
}

// A Mirror says that an instance is a copy of one elsewhere, which takes no other changes than those made there.
type Mirror struct {
	Source string // URL of the API that it is read from
	// Refreshed is about when the last complete copy began to be read; zero before the first. A copy that finds nothing
	// changed is recorded at most once an hour.
	Refreshed time.Time
	// ReadAll is when a copy last read every security profile again, and not only those that had changed since.
	ReadAll time.Time
	// Run names the copy that is being stored; "" when the last one is complete.
	Run string `json:",omitempty"`
}

// Type is TypeInstance.
func (*Instance) Type() Type { return TypeInstance }

// Refs is empty.
func (*Instance) Refs() []Ref { return nil }

// A Profile is a security profile: what its holders may do, and to which resources.
type Profile struct {
	Meta
	Description         string            `json:",omitempty"`
	Permissions         []string          // sorted bytewise, no duplicates
	AccessTags          map[string]string `json:",omitempty"` // all must be on a resource of a tag-restricted type
	TagRestricted       []string          `json:",omitempty"` // names of restricted types, e.g. User
	HierarchyRestricted []string          `json:",omitempty"` // only User exists
	HierarchyGroup      string            `json:",omitempty"` // "" with User restricted: the holder's own group
	Applications        []Application     `json:",omitempty"`
	FlowModules         []FlowModule      `json:",omitempty"`
	AIAgents            []AllowedAIAgent  `json:",omitempty"`
	DataTables          []AttributeRule   `json:",omitempty"` // empty: rows are not restricted
	// who made the change at Modified; empty if an earlier version of lanyard made it
	ModifiedBy Actor `json:",omitzero"`
}

// Actor is who made a call: an access key, on behalf of a user if User has an id.
type Actor struct {
	AccessKeyID string `json:",omitempty"`
	User        string `json:",omitempty"`
	Agent       string `json:",omitempty"` // ARN of an AI agent
}

// Application is access to a third-party application or to tools of an MCP server.
type Application struct {
	Namespace   string
	Permissions []string // ACCESS for a third-party application, tool ids for MCP
	Type        string   // MCP or THIRD_PARTY_APPLICATION
}

// FlowModule is a flow module that may be used as a tool.
type FlowModule struct {
	Type string `json:",omitempty"` // MCP
	ID   string
}

// AllowedAIAgent is a third-party AI agent that may be handed to.
type AllowedAIAgent struct {
	ARN  string
	Type string `json:",omitempty"` // THIRD_PARTY
}

// AttributeRule restricts data-table rows to those whose primary attribute has one of Values.
type AttributeRule struct {
	Access    string `json:",omitempty"` // ALLOW
	Attribute string
	Values    []string
}

// Type is TypeProfile.
func (*Profile) Type() Type { return TypeProfile }

// Refs is empty: what a profile names can be deleted. A hierarchy group that was deleted has no members.
func (*Profile) Refs() []Ref { return nil }

// A User is a person who signs in to an instance. Its Meta.Name is the user name.
type User struct {
	Meta
	FirstName       string   `json:",omitempty"`
	LastName        string   `json:",omitempty"`
	Email           string   `json:",omitempty"`
	SecondaryEmail  string   `json:",omitempty"`
	Mobile          string   `json:",omitempty"`
	DirectoryUserID string   `json:",omitempty"`
	Profiles        []string // 1 to 10, in the order given
	RoutingProfile  string
	Group           string `json:",omitempty"`
	// Proficiencies are in the order of association; there is one for each attribute and value.
	Proficiencies []Proficiency `json:",omitempty"`
	Settings      Settings      `json:",omitempty"`
}

// Proficiency is how good a user is at a value of an attribute, such as French of Language.
type Proficiency struct {
	Attribute string
	Value     string
	Level     int // 1 to 5
}

// Type is TypeUser.
func (*User) Type() Type { return TypeUser }

// Refs are the user's profiles, routing profile and hierarchy group, and the attributes of their proficiencies.
func (u *User) Refs() []Ref {
	refs := make([]Ref, 0, len(u.Profiles)+2+len(u.Proficiencies))
	for _, id := range u.Profiles {
		refs = append(refs, Ref{TypeProfile, id})
	}
	refs = append(refs, Ref{TypeRoutingProfile, u.RoutingProfile})
	if u.Group != "" {
		refs = append(refs, Ref{TypeGroup, u.Group})
	}
	for _, p := range u.Proficiencies {
		if ref := (Ref{TypePredefinedAttribute, p.Attribute}); !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	return refs
}

// A Group is a node of the agent hierarchy.
type Group struct {
	Meta
	// Path holds the ids from level one down to the group itself, so its length is the level.
	// A group never moves.
	Path []string
}

// Type is TypeGroup.
func (*Group) Type() Type { return TypeGroup }

// Parent is the id of the group above, or "".
func (g *Group) Parent() string {
	if len(g.Path) < 2 {
		return ""
	}
	return g.Path[len(g.Path)-2]
}

// Key holds the parent: groups below different parents may have the same name.
func (g *Group) Key() string { return g.Parent() + "/" + g.Name }

// Refs is the parent.
func (g *Group) Refs() []Ref {
	if p := g.Parent(); p != "" {
		return []Ref{{TypeGroup, p}}
	}
	return nil
}

// MaxLevels is how deep an agent hierarchy may be.
const MaxLevels = 5

// Structure names the levels of an instance's agent hierarchy, level one first.
type Structure struct {
	Meta
	Levels []Level // at most MaxLevels, no gaps
}

// StructureID is the id of the only Structure of an instance.
const StructureID = "structure"

// Level is one level of the agent hierarchy. Its id on the wire is its number; see LevelID.
type Level struct {
	ID       string // LevelID, or the UUID that earlier versions gave a level, which is still accepted on input
	Name     string
	Modified time.Time
}

// LevelID is the id of level n of a hierarchy, counted from 1.
func LevelID(n int) string { return strconv.Itoa(n) }

// LevelNumber returns the number of the level with that id, LevelID or the one of earlier versions, or 0.
func (s *Structure) LevelNumber(id string) int {
	for i, l := range s.Levels {
		if id == LevelID(i+1) || strings.EqualFold(id, l.ID) {
			return i + 1
		}
	}
	return 0
}

// Type is TypeStructure.
func (*Structure) Type() Type { return TypeStructure }

// Refs is empty.
func (*Structure) Refs() []Ref { return nil }

// A Queue is where contacts wait.
type Queue struct {
	Meta
	Description string `json:",omitempty"`
	Hours       string
	MaxContacts *int32 `json:",omitzero"`
	Disabled    bool   `json:",omitzero"`
	// QuickConnects are ids, in the order of association.
	QuickConnects []string `json:",omitempty"`
	// EmailAddresses are the ids of those that agents choose from, in the order of association. The default is one of the
	// settings.
	EmailAddresses []string `json:",omitempty"`
	Settings       Settings `json:",omitempty"`
	// Uses are the resources that Settings name: flows, phone numbers and e-mail addresses. What an earlier version of
	// lanyard took without looking for it is not among them.
	Uses []Ref `json:",omitempty"`
}

// Type is TypeQueue.
func (*Queue) Type() Type { return TypeQueue }

// Refs are the queue's hours of operation, quick connects and e-mail addresses, and what its settings name.
func (q *Queue) Refs() []Ref {
	refs := []Ref{{TypeHours, q.Hours}}
	for _, id := range q.QuickConnects {
		refs = append(refs, Ref{TypeQuickConnect, id})
	}
	for _, id := range q.EmailAddresses {
		refs = append(refs, Ref{TypeEmailAddress, id})
	}
	for _, ref := range q.Uses {
		if !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	return refs
}

// A RoutingProfile says which queues its users serve.
type RoutingProfile struct {
	Meta
	Description  string
	DefaultQueue string
	Queues       []QueueConfig `json:",omitempty"`
	ManualQueues []QueueConfig `json:",omitempty"` // Priority and Delay unused
	IsDefault    bool          `json:",omitzero"`
	Settings     Settings      `json:",omitempty"`
}

// QueueConfig is a queue served on a channel.
type QueueConfig struct {
	Queue    string
	Channel  string
	Priority int32 `json:",omitzero"`
	Delay    int32 `json:",omitzero"`
}

// Type is TypeRoutingProfile.
func (*RoutingProfile) Type() Type { return TypeRoutingProfile }

// Refs are the queues.
func (r *RoutingProfile) Refs() []Ref {
	refs := []Ref{{TypeQueue, r.DefaultQueue}}
	seen := map[string]bool{r.DefaultQueue: true}
	for _, list := range [][]QueueConfig{r.Queues, r.ManualQueues} {
		for _, q := range list {
			if !seen[q.Queue] {
				seen[q.Queue] = true
				refs = append(refs, Ref{TypeQueue, q.Queue})
			}
		}
	}
	return refs
}

// Hours are hours of operation.
type Hours struct {
	Meta
	Description string `json:",omitempty"`
	TimeZone    string
	Parents     []string `json:",omitempty"` // ids of other hours that these inherit from
	Settings    Settings `json:",omitempty"`
}

// Type is TypeHours.
func (*Hours) Type() Type { return TypeHours }

// Refs are the parents.
func (h *Hours) Refs() []Ref {
	var refs []Ref
	for _, id := range h.Parents {
		refs = append(refs, Ref{TypeHours, id})
	}
	return refs
}

// A Module is a flow module. Its versions and aliases are resources of their own, which go with it.
type Module struct {
	Meta
	Description        string `json:",omitempty"`
	Content            string // as published
	ExternalInvocation bool   `json:",omitzero"`
	Archived           bool   `json:",omitzero"`
	// Draft is what was saved under the qualifier $SAVED and is not published; nil for nothing.
	Draft       *Draft   `json:",omitzero"`
	LastVersion int64    `json:",omitzero"` // the highest number that a version was ever given
	Settings    Settings `json:",omitempty"`
}

// A Draft is content of a flow module that was saved and is not published.
type Draft struct {
	Content  string
	Settings Settings `json:",omitempty"`
}

// Type is TypeModule.
func (*Module) Type() Type { return TypeModule }

// Refs is empty.
func (*Module) Refs() []Ref { return nil }

// A ModuleVersion is a flow module as it was when the version was made. It never changes.
type ModuleVersion struct {
	Meta
	Module             string // id
	Number             int64
	Description        string `json:",omitempty"`
	Content            string
	ExternalInvocation bool     `json:",omitzero"`
	Settings           Settings `json:",omitempty"`
}

// ModuleVersionID is the id of a version of a flow module, which is in its ARN too.
func ModuleVersionID(module string, number int64) string {
	return module + ":" + strconv.FormatInt(number, 10)
}

// Type is TypeModuleVersion.
func (*ModuleVersion) Type() Type { return TypeModuleVersion }

// Key is empty: the id is unique.
func (*ModuleVersion) Key() string { return "" }

// Refs is the module.
func (v *ModuleVersion) Refs() []Ref { return []Ref{{TypeModule, v.Module}} }

// A ModuleAlias is a name for a version of a flow module.
type ModuleAlias struct {
	Meta
	Module      string // id
	Version     int64
	Description string `json:",omitempty"`
}

// Type is TypeModuleAlias.
func (*ModuleAlias) Type() Type { return TypeModuleAlias }

// Key holds the module: aliases of different modules may have the same name.
func (a *ModuleAlias) Key() string { return a.Module + "/" + a.Name }

// Refs are the module and the version.
func (a *ModuleAlias) Refs() []Ref {
	return []Ref{{TypeModule, a.Module}, {TypeModuleVersion, ModuleVersionID(a.Module, a.Version)}}
}

// The kinds of quick connects, as the API spells them.
const (
	ToUser        = "USER"
	ToQueue       = "QUEUE"
	ToPhoneNumber = "PHONE_NUMBER"
	ToFlow        = "FLOW"
)

// A QuickConnect is a destination to which agents transfer contacts.
type QuickConnect struct {
	Meta
	Description string `json:",omitempty"`
	Kind        string
	User        string `json:",omitempty"` // ToUser
	Queue       string `json:",omitempty"` // ToQueue
	PhoneNumber string `json:",omitempty"` // ToPhoneNumber
	// Flow is of all kinds but ToPhoneNumber. Earlier versions of lanyard stored no flows, and kept any id.
	Flow string `json:",omitempty"`
}

// Type is TypeQuickConnect.
func (*QuickConnect) Type() Type { return TypeQuickConnect }

// Refs are the queue and the flow. A user can be deleted while a quick connect leads to them.
func (q *QuickConnect) Refs() (refs []Ref) {
	if q.Queue != "" {
		refs = append(refs, Ref{TypeQueue, q.Queue})
	}
	if q.Flow != "" {
		refs = append(refs, Ref{TypeFlow, q.Flow})
	}
	return refs
}

// An AIAgent is an AI agent that holds security profiles in an instance. Its id is the ARN it
// was associated by, qualifier included: each qualifier is a principal of its own.
type AIAgent struct {
	Meta
	Profiles []string // in the order of association
}

// Type is TypeAIAgent.
func (*AIAgent) Type() Type { return TypeAIAgent }

// Refs are the profiles.
func (a *AIAgent) Refs() []Ref {
	refs := make([]Ref, len(a.Profiles))
	for i, id := range a.Profiles {
		refs[i] = Ref{TypeProfile, id}
	}
	return refs
}

// A ClientToken remembers what a call that carried one did, so that a repetition does it once.
// Its id is the operation and the token.
type ClientToken struct {
	Meta
	RequestHash string
	Result      string // id of the resource created
}

// Type is TypeClientToken.
func (*ClientToken) Type() Type { return TypeClientToken }

// Refs is empty.
func (*ClientToken) Refs() []Ref { return nil }

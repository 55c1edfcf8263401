// Package compact is the form in which what decisions need of an instance leaves the server: for followers, which
// decide in other processes. It says what is sent, member by member, and how: a resource that gains a member does not
// send it until it is added here. It neither serves nor receives anything.
package compact

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/internal/laxjson"
)

// Version is that of the form. Whoever knows another must not decide by it.
const Version = 1

// A Resource is what decisions need of a resource, or that it was removed. The members after Tags are those of some
// types only.
type Resource struct {
	Type    lanyard.Type      `json:"type"`
	ID      string            `json:"id"`
	Removed bool              `json:"removed,omitzero"`
	Name    string            `json:"name,omitzero"`
	Seq     int64             `json:"seq,omitzero"`
	Tags    map[string]string `json:"tags,omitempty"`

	Account  string   `json:"account,omitzero"`   // of an instance
	Mirror   bool     `json:"mirror,omitzero"`    // of an instance
	Profiles []string `json:"profiles,omitempty"` // of a user or an AI agent
	Group    string   `json:"group,omitzero"`     // of a user
	Path     []string `json:"path,omitempty"`     // of a hierarchy group

	// Of a security profile:
	Permissions         []string          `json:"permissions,omitempty"`
	AccessTags          map[string]string `json:"accessTags,omitempty"`
	TagRestricted       []string          `json:"tagRestricted,omitempty"`
	HierarchyRestricted []string          `json:"hierarchyRestricted,omitempty"`
	HierarchyGroup      string            `json:"hierarchyGroup,omitzero"`
	Applications        []Application     `json:"applications,omitempty"`
	FlowModules         []FlowModule      `json:"flowModules,omitempty"`
	AIAgents            []AIAgent         `json:"aiAgents,omitempty"`
	DataTables          []AttributeRule   `json:"dataTables,omitempty"`
}

// An Application is a lanyard.Application.
type Application struct {
	Namespace   string   `json:"namespace"`
	Permissions []string `json:"permissions,omitempty"`
	Type        string   `json:"type,omitzero"`
}

// A FlowModule is a lanyard.FlowModule.
type FlowModule struct {
	Type string `json:"type,omitzero"`
	ID   string `json:"id"`
}

// An AIAgent is a lanyard.AllowedAIAgent.
type AIAgent struct {
	ARN  string `json:"arn"`
	Type string `json:"type,omitzero"`
}

// An AttributeRule is a lanyard.AttributeRule.
type AttributeRule struct {
	Access    string   `json:"access,omitzero"`
	Attribute string   `json:"attribute"`
	Values    []string `json:"values,omitempty"`
}

// needed are the types that decisions depend on.
var needed = func() map[lanyard.Type]bool {
	types := map[lanyard.Type]bool{lanyard.TypeInstance: true}
	for _, t := range lanyard.LoadOrder() {
		types[t] = true
	}
	return types
}()

// Needs reports whether decisions depend on resources of a type.
func Needs(t lanyard.Type) bool { return needed[t] }

// Of returns what decisions need of a resource. ok is false when they do not depend on it.
func Of(r lanyard.Resource) (c Resource, ok bool) {
	if !Needs(r.Type()) {
		return c, false
	}
	h := r.Head()
	c = Resource{Type: r.Type(), ID: h.ID, Name: h.Name, Seq: h.Seq, Tags: h.Tags}
	switch r := r.(type) {
	case *lanyard.Instance:
		// The instance is known by its id alone; its alias, tags and attributes decide nothing.
		c = Resource{Type: c.Type, ID: c.ID, Account: r.Account, Mirror: r.Mirror != nil}
	case *lanyard.User:
		c.Profiles, c.Group = r.Profiles, r.Group
	case *lanyard.AIAgent:
		c.Profiles = r.Profiles
	case *lanyard.Group:
		c.Path = r.Path
	case *lanyard.Profile:
		c.setProfile(r)
	}
	return c, true
}

func (c *Resource) setProfile(r *lanyard.Profile) {
	c.Permissions, c.AccessTags, c.TagRestricted = r.Permissions, r.AccessTags, r.TagRestricted
	c.HierarchyRestricted, c.HierarchyGroup = r.HierarchyRestricted, r.HierarchyGroup
	for _, a := range r.Applications {
		c.Applications = append(c.Applications, Application(a))
	}
	for _, m := range r.FlowModules {
		c.FlowModules = append(c.FlowModules, FlowModule(m))
	}
	for _, a := range r.AIAgents {
		c.AIAgents = append(c.AIAgents, AIAgent(a))
	}
	for _, rule := range r.DataTables {
		c.DataTables = append(c.DataTables, AttributeRule(rule))
	}
}

// Resource returns the resource that c was made of, with what c has of it. ok is false when this program does not know
// the type, or decisions do not depend on it.
func (c *Resource) Resource() (r lanyard.Resource, ok bool) {
	if !Needs(c.Type) {
		return nil, false
	}
	r = lanyard.New(c.Type)
	*r.Head() = lanyard.Meta{ID: c.ID, Name: c.Name, Seq: c.Seq, Tags: c.Tags}
	switch r := r.(type) {
	case *lanyard.Instance:
		r.Account = c.Account
		if c.Mirror {
			r.Mirror = new(lanyard.Mirror)
		}
	case *lanyard.User:
		r.Profiles, r.Group = c.Profiles, c.Group
	case *lanyard.AIAgent:
		r.Profiles = c.Profiles
	case *lanyard.Group:
		r.Path = c.Path
	case *lanyard.Profile:
		c.profile(r)
	}
	return r, true
}

func (c *Resource) profile(r *lanyard.Profile) {
	r.Permissions, r.AccessTags, r.TagRestricted = c.Permissions, c.AccessTags, c.TagRestricted
	r.HierarchyRestricted, r.HierarchyGroup = c.HierarchyRestricted, c.HierarchyGroup
	for _, a := range c.Applications {
		r.Applications = append(r.Applications, lanyard.Application(a))
	}
	for _, m := range c.FlowModules {
		r.FlowModules = append(r.FlowModules, lanyard.FlowModule(m))
	}
	for _, a := range c.AIAgents {
		r.AIAgents = append(r.AIAgents, lanyard.AllowedAIAgent(a))
	}
	for _, rule := range c.DataTables {
		r.DataTables = append(r.DataTables, lanyard.AttributeRule(rule))
	}
}

// A Line is a line of a snapshot: the Head first, the End last, and resources in between.
type Line struct {
	Head *Head     `json:"head,omitzero"`
	Put  *Resource `json:"put,omitzero"`
	End  *End      `json:"end,omitzero"`
}

// A Head begins a snapshot.
type Head struct {
	Version  int    `json:"version"`
	Instance string `json:"instance"`
	// Position is that of the state in the snapshot. Later changes may be among the resources.
	Position Position `json:"position"`
}

// An End ends a snapshot that is complete.
type End struct {
	Resources int64 `json:"resources"` // how many there were
	// Reach is the revision of the last change that may be among the resources: only the state there, or at a later
	// revision, is one that the instance had.
	Reach int64 `json:"reach"`
}

// A Change leads from one position of an instance to a later one.
type Change struct {
	From    Position   `json:"from"`
	To      Position   `json:"to"`
	Changes []Resource `json:"changes,omitempty"`
}

// A Hello begins a stream of changes.
type Hello struct {
	Version   int      `json:"version"`
	Instance  string   `json:"instance"`
	Position  Position `json:"position"`  // from which the changes are
	Heartbeat int64    `json:"heartbeat"` // milliseconds between two Alive
}

// An Alive says that there were no changes after a revision at a time, in milliseconds since the request arrived.
type Alive struct {
	Revision int64 `json:"revision"`
	At       int64 `json:"at"`
}

// A Goodbye says why the server ends a stream.
type Goodbye struct {
	Reason string `json:"reason"`
}

// A Position is a revision of an instance and the hash of the event that led to it, which differs when two servers have
// different events of that revision. Its text is the revision, a full stop and the hash in hexadecimal.
type Position struct {
	Revision int64
	Hash     string // the bytes
}

// hashSize is the size of hashes in bytes.
const hashSize = 32

// String returns the text of a position.
func (p Position) String() string {
	return strconv.FormatInt(p.Revision, 10) + "." + hex.EncodeToString([]byte(p.Hash))
}

// MarshalText returns the text of a position.
func (p Position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads the text of a position.
func (p *Position) UnmarshalText(b []byte) error {
	text, digits, ok := strings.Cut(string(b), ".")
	revision, err := strconv.ParseInt(text, 10, 64)
	hash, err2 := hex.DecodeString(digits)
	if !ok || err != nil || err2 != nil || revision < 1 || len(hash) != hashSize ||
		strconv.FormatInt(revision, 10) != text {
		return lanyard.Errorf(lanyard.Invalid, "position must be a revision, a full stop and %d hexadecimal digits, got %s",
			2*hashSize, lanyard.Quote(string(b)))
	}
	*p = Position{revision, string(hash)}
	return nil
}

// Encode returns the JSON of a part of the form.
func Encode(v any) ([]byte, error) {
	return json.Marshal(v, laxjson.Options, json.FormatNilSliceAsNull(false))
}

// Decode reads the JSON of a part of the form. A member that it does not know is an error: it could be one that takes
// rights away.
func Decode(b []byte, v any) error { return json.Unmarshal(b, v, json.RejectUnknownMembers(true)) }

package lanyard

import (
	"encoding/json"
	"time"
)

// JSON is a JSON document as it was sent or is stored.
type JSON = json.RawMessage

// A Caller is who makes a call, and from where.
type Caller struct {
	Account     string // twelve digits
	AccessKeyID string
	Root        bool   // the operator's own key
	Region      string // whose instances alone exist for the caller; "" for those of every region
	SourceIP    string
	UserAgent   string
	RequestID   string
}

// An Event is what a change leaves behind: the audit record, the history and the change feed in one. A call on behalf
// of a user whose profiles do not allow it leaves one too, without changes. The first event of an instance has revision
// 1, and revisions have no gaps.
type Event struct {
	ID          string // random, unique
	Instance    string
	Revision    int64
	Time        time.Time
	Operation   string
	Account     string
	Region      string
	AccessKeyID string
	SourceIP    string        `json:",omitempty"`
	UserAgent   string        `json:",omitempty"`
	RequestID   string        `json:",omitempty"`
	OnBehalfOf  string        `json:",omitempty"` // id of the user for whom the call was made, if any
	Agent       string        `json:",omitempty"` // ARN of the AI agent for which it was made, if any; it assisted the user
	Refused     string        `json:",omitempty"` // why the call was refused, if it was; then nothing changed
	Request     JSON          `json:",omitzero"`  // as the caller sent it, sensitive members hidden
	Passwords   []PasswordSet `json:",omitempty"` // the store sets it
	Changes     []Change      `json:",omitempty"` // in the order in which they were made

	// Hash is that of the chain of the instance's events up to this one, Previous that up to the one
	// before, 32 zeros for the first; nil when it is not known. The store sets them.
	Hash, Previous []byte `json:"-"`
}

// A Change is what happened to one resource. Before is absent for a creation, After for a deletion.
type Change struct {
	Type   Type
	ID     string
	Before JSON `json:",omitzero"`
	After  JSON `json:",omitzero"`

	// Was and Now are Before and After decoded, where the change was made in this process; nil where it
	// was read from a store. They are shared and must not be changed.
	Was, Now Resource `json:"-"`
}

// A PasswordSet records that a user was given a password.
type PasswordSet struct {
	User   string // id
	Digest []byte // SHA-256 of the salted hash that is stored, so that a hash put in its place is noticed
}

// An AccessKey signs calls for one account.
type AccessKey struct {
	ID       string
	Secret   string
	Account  string
	Root     bool // the operator's own: may manage keys, faults and the audit
	Disabled bool
	Created  time.Time
	Comment  string
}

// A Token lets its bearer ask questions, administer, call tools, or follow an instance, until it expires or is
// revoked. Only a hash of the text that the bearer sends is kept.
type Token struct {
	ID       string
	Hash     string // SHA-256 of the text, hexadecimal
	Account  string
	Instance string // the only instance that it is for; "" for all of the account
	Scope    TokenScope
	Agent    string `json:",omitempty"` // ARN of the AI agent that may call with it, qualifier included
	User     string `json:",omitempty"` // id of the user whom the agent assists, or who calls without one
	Created  time.Time
	Expires  time.Time // zero: never
	Revoked  bool
	Comment  string
}

// A TokenScope is what a Token may be used for.
type TokenScope string

// The scopes of tokens.
const (
	ScopeDecide     TokenScope = "decide"     // to ask questions
	ScopeAdminister TokenScope = "administer" // to ask questions and about proposed changes
	ScopeCall       TokenScope = "call"       // to call tools as the token's Agent and User, and nothing else
	ScopeFollow     TokenScope = "follow"     // to follow the token's Instance and decide elsewhere, and nothing else
)

// A Record is an event as it is stored: one link of its instance's chain of hashes.
type Record struct {
	Instance string
	Revision int64
	Time     int64  // of the event, in milliseconds since 1970
	Seq      int64  // the last one given to a resource of the instance so far
	Body     []byte // the Event as JSON
	Hash     []byte // SHA-256 of the Hash of the record before it (32 zeros before the first) and Body
}

// A Checkpoint stands in for the oldest events of an instance, which were pruned: the chain of hashes continues from
// it.
type Checkpoint struct {
	Instance string
	Revision int64     // of the last event that was pruned; 0: none ever was
	Seq      int64     // that Record's
	Hash     []byte    // that Record's
	Time     time.Time // when it was pruned, to the millisecond
	By       string    // who pruned it: an access key's id, or the server's own retention
	MAC      []byte    // with it the server signs all of the above; package audit makes and checks it
}

// A Session is a user's or the operator's at the console, from signing in to signing out. Only a hash of the text
// that the browser sends is kept.
type Session struct {
	ID       string // SHA-256 of the text, hexadecimal
	Owner    string // the same for all sessions of one user or key
	Instance string `json:",omitempty"` // of a user
	User     string `json:",omitempty"` // id
	Key      string `json:",omitempty"` // id of the root access key, of the operator
	Method   string // password, oidc or key
	Created  time.Time
	Seen     time.Time // about when it was last used
	Expires  time.Time // at the latest
}

package questions

import (
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/coaz"
)

// A Question asks whether a subject may do an action to a resource. A search leaves out the part that it searches
// for.
type Question struct {
	access.Query
	Explain bool  // the answer says why
	AtLeast int64 // the revision that the answer must be from, or a later one
	// MCP is what a gateway asks about a request of MCP, with a subject of type identity. It takes the place of the
	// Query, of which it uses what it does not have itself. Nil: the Query is the question.
	MCP *coaz.Request
}

// The types of subjects in the JSON form, and that of the resource of a permission without an object.
const (
	typeUser     = "user"
	typeAgent    = "ai_agent"
	typeInstance = "Instance"
)

// unknownSubject is a type of subjects that does not exist; nobody is found under it.
const unknownSubject access.SubjectType = 255

// identity is the type of subjects that gateways know by a token. Nobody is found under it either.
const identity access.SubjectType = 254

func subjectType(name string) access.SubjectType {
	switch name {
	case typeUser:
		return access.User
	case typeAgent:
		return access.AIAgent
	case coaz.Identity:
		return identity
	}
	return unknownSubject
}

func subjectName(t access.SubjectType) string {
	if t == access.AIAgent {
		return typeAgent
	}
	return typeUser
}

func resourceType(name string) string {
	if name == typeInstance {
		return ""
	}
	return name
}

// A Semantic says when a batch ends before its last question.
type Semantic uint8

// The semantics of batches.
const (
	ExecuteAll Semantic = iota
	DenyOnFirstDeny
	PermitOnFirstPermit
)

// ends reports whether a decision ends a batch.
func (s Semantic) ends(allowed bool) bool {
	return s == DenyOnFirstDeny && !allowed || s == PermitOnFirstPermit && allowed
}

// A Batch is questions that are answered from one state, in order.
type Batch struct {
	Items    []Item
	Semantic Semantic
	AtLeast  int64 // of all of them; that of one Question counts for nothing
}

// An Item is a question of a batch, or the reason why there is none.
type Item struct {
	Question
	Err   error
	has   parts // while it is read
	token token // of its context
}

// A Search asks for a page of those for whom, or of that for which, a question is answered with yes.
type Search struct {
	Question
	Page Page
}

// Page is the part of a list that is asked for.
type Page struct {
	Token string // that came with the page before; "" for the first page
	Limit int    // how many results it may have; 0 for the default
	Bytes int    // how large its results may be together, as they are encoded; 0 for the default
}

// A Proposal is an operation that is not carried out.
type Proposal struct {
	Operation  string // UpdateSecurityProfile or UpdateUserSecurityProfiles
	ID         string // id or ARN of the profile or user
	Parameters []byte // the operation's request, a JSON object
}

// The operations that may be proposed.
const (
	updateProfile = "UpdateSecurityProfile"
	updateUser    = "UpdateUserSecurityProfiles"
)

// A WhatIf asks what a proposal would do, and how a question would be answered before and after it.
type WhatIf struct {
	Proposal
	Question *Question // nil: none
	AtLeast  int64
	Page     Page
}

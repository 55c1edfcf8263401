package lanyard

import (
	"errors"
	"fmt"
)

// Kind says what sort of thing went wrong, for whoever must act on it. The zero Kind is Internal.
type Kind uint8

// The kinds of errors.
const (
	Internal     Kind = iota // a fault of ours or of the database
	Malformed                // the request cannot be read
	Invalid                  // a parameter's value is not acceptable
	NotFound                 // a resource does not exist, or not for this caller
	Duplicate                // a name is taken
	InUse                    // the resource is referred to by another
	Limit                    // a quota of the instance is reached
	Quota                    // a quota of the account is reached
	Throttled                // too many requests
	Denied                   // the caller may not do this
	Exists                   // an association is there already
	Condition                // a precondition does not hold
	TokenReused              // a client token came back with another request
	NotServed                // an operation of the model that lanyard does not answer
	UnknownRoute             // no operation of the model has this method and path
	TooLarge                 // the body exceeds the bound
	Unavailable              // shutting down, or the store is out of reach
	Unknown                  // the database was lost in mid-commit: whether the change happened cannot be said
	Stale                    // the state that a change was meant for is gone
	Untaggable               // an ARN is one whose resources carry no tags
	kindCount                // keep last
)

var kindNames = [kindCount]string{"internal", "malformed", "invalid", "not found", "duplicate", "in use", "limit",
	"quota", "throttled", "denied", "exists", "condition", "token reused", "not served", "unknown route", "too large",
	"unavailable", "unknown", "stale", "untaggable"}

func (k Kind) String() string {
	if k < kindCount {
		return kindNames[k]
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Kinds lists every kind, for tables that must cover them all.
func Kinds() []Kind {
	all := make([]Kind, kindCount)
	for i := range all {
		all[i] = Kind(i)
	}
	return all
}

// Error is the error that crosses packages.
type Error struct {
	Kind    Kind
	Message string // shown to the caller
	Ref     Ref    // the resource in the way, for InUse
	// Permission is the one that is missing, for Denied, if one is.
	Permission string
	Err        error // the cause, for the log only
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Err }

// Errorf returns an Error of kind k whose message is shown to the caller.
func Errorf(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Message: fmt.Sprintf(format, args...)}
}

// KindOf returns the kind of the first *Error in err's chain, or Internal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

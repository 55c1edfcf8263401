package lanyard

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Kind classifies an error for the callers that handle it. The zero Kind is Internal.
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
	BadContent               // what a flow or the like consists of cannot be published
	NotPublished             // a resource has only been saved so far
	kindCount                // keep last

	// None is the KindOf(nil). No error has it, and Kinds does not list it.
	None Kind = math.MaxUint8
)

var kindNames = [kindCount]string{"internal", "malformed", "invalid", "not found", "duplicate", "in use", "limit",
	"quota", "throttled", "denied", "exists", "condition", "token reused", "not served", "unknown route", "too large",
	"unavailable", "unknown", "stale", "untaggable", "bad content", "not published"}

func (k Kind) String() string {
	switch {
	case k < kindCount:
		return kindNames[k]
	case k == None:
		return "none"
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

// An Error is an error with a Kind. It matches the sentinel of its kind with errors.Is.
type Error struct {
	Kind    Kind
	Message string // shown to the caller
	Ref     Ref    // the resource in the way, for InUse
	// Permission is the one that is missing, for Denied, if one is.
	Permission string
	Problems   []string // each of what is wrong, for BadContent
	Err        error    // the cause, for the log only
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

// Is reports whether target is the sentinel of e's kind, such as ErrNotFound.
func (e *Error) Is(target error) bool {
	s, ok := target.(sentinel)
	return ok && e.Kind == Kind(s)
}

// A sentinel is an error that says its kind and nothing else.
type sentinel Kind

func (s sentinel) Error() string { return Kind(s).String() }

// As lets KindOf find the kind of a sentinel that is returned itself.
func (s sentinel) As(target any) bool {
	e, ok := target.(**Error)
	if ok {
		*e = &Error{Kind: Kind(s), Message: s.Error()}
	}
	return ok
}

// The sentinels of the kinds, for errors.Is. As always, errors.Is(err, ErrNotFound) looks at err and at everything that
// it wraps; KindOf looks at the outermost Error only. An error of another package does not match ErrInternal, though
// its KindOf is Internal.
var (
	ErrInternal     error = sentinel(Internal)
	ErrMalformed    error = sentinel(Malformed)
	ErrInvalid      error = sentinel(Invalid)
	ErrNotFound     error = sentinel(NotFound)
	ErrDuplicate    error = sentinel(Duplicate)
	ErrInUse        error = sentinel(InUse)
	ErrLimit        error = sentinel(Limit)
	ErrQuota        error = sentinel(Quota)
	ErrThrottled    error = sentinel(Throttled)
	ErrDenied       error = sentinel(Denied)
	ErrExists       error = sentinel(Exists)
	ErrCondition    error = sentinel(Condition)
	ErrTokenReused  error = sentinel(TokenReused)
	ErrNotServed    error = sentinel(NotServed)
	ErrUnknownRoute error = sentinel(UnknownRoute)
	ErrTooLarge     error = sentinel(TooLarge)
	ErrUnavailable  error = sentinel(Unavailable)
	ErrUnknown      error = sentinel(Unknown)
	ErrStale        error = sentinel(Stale)
	ErrUntaggable   error = sentinel(Untaggable)
	ErrBadContent   error = sentinel(BadContent)
	ErrNotPublished error = sentinel(NotPublished)
)

// KindOf returns the kind of the first *Error in err's chain, Internal if there is none, and None if err is nil.
func KindOf(err error) Kind {
	if err == nil {
		return None
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// maxShown is how many bytes of what a caller sent messages show.
const maxShown = 128

// Clip shortens what a caller sent, so that a message that quotes it stays readable.
//
// Clip and Quote are exported for those who call Errorf: a message that quotes what a stranger sent must bound it. They
// are not below internal because ParseARN needs them too, and this package imports the standard library only.
func Clip(s string) string { return ClipTo(s, maxShown) }

// ClipTo shortens s to at most some number of bytes, and an ellipsis. It does not cut a character in two.
func ClipTo(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// Quote shortens what a caller sent and puts it in quotes, for a message.
func Quote(s string) string { return strconv.Quote(Clip(s)) }

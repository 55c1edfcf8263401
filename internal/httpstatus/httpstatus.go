// Package httpstatus says which HTTP status a kind of error has, and after which ones a client may ask
// again. It holds what the front ends have in common; where one must answer otherwise, for its protocol
// says so, that one keeps the exception and words the body.
package httpstatus

import (
	"errors"
	"net/http"

	"github.com/lanyard/lanyard"
)

var statuses = map[lanyard.Kind]int{
	lanyard.Internal:     http.StatusInternalServerError,
	lanyard.Malformed:    http.StatusBadRequest,
	lanyard.Invalid:      http.StatusBadRequest,
	lanyard.NotFound:     http.StatusNotFound,
	lanyard.Duplicate:    http.StatusConflict,
	lanyard.InUse:        http.StatusConflict,
	lanyard.Limit:        http.StatusBadRequest,
	lanyard.Quota:        http.StatusBadRequest,
	lanyard.Throttled:    http.StatusTooManyRequests,
	lanyard.Denied:       http.StatusForbidden,
	lanyard.Exists:       http.StatusConflict,
	lanyard.Condition:    http.StatusConflict,
	lanyard.TokenReused:  http.StatusConflict,
	lanyard.NotServed:    http.StatusNotImplemented,
	lanyard.UnknownRoute: http.StatusNotFound,
	lanyard.TooLarge:     http.StatusBadRequest,
	lanyard.Unavailable:  http.StatusServiceUnavailable,
	lanyard.Unknown:      http.StatusInternalServerError,
	lanyard.Stale:        http.StatusPreconditionFailed,
	lanyard.Untaggable:   http.StatusBadRequest,
	lanyard.BadContent:   http.StatusBadRequest,
	lanyard.NotPublished: http.StatusNotFound,
}

// Of is the status of a kind of error.
func Of(k lanyard.Kind) int {
	if status, ok := statuses[k]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// RetryAfter is in how many seconds the same request may be answered, when its status says that nothing
// is wrong with it; else 0.
func RetryAfter(status int) int {
	if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
		return 1
	}
	return 0
}

// OfStranger is the status of a request whose sender could not be told, or may not ask, and what to tell them; 0 when
// that is another kind of failure.
func OfStranger(err error) (status int, message string) {
	var e *lanyard.Error
	switch {
	case !errors.As(err, &e) || e.Kind == lanyard.Internal || e.Kind == lanyard.Unavailable:
		return 0, ""
	case e.Kind == lanyard.Denied:
		return http.StatusForbidden, e.Message
	}
	return http.StatusUnauthorized, e.Message
}

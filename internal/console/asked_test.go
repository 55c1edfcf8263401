package console

import (
	"errors"
	"net/http"
	"testing"
)

// What the decision API answers keeps its status on the way to the page, and so does what may be tried
// again.
func TestAskedKeepsTheStatus(t *testing.T) {
	for _, tt := range []struct {
		status int
		want   failure
	}{
		{http.StatusBadRequest, failure{Status: 400, Code: "InvalidRequestException", Message: "why"}},
		{http.StatusForbidden, failure{Status: 403, Code: "AccessDeniedException", Message: "why"}},
		{http.StatusNotFound, failure{Status: 404, Code: "ResourceNotFoundException", Message: "why"}},
		{http.StatusConflict, failure{Status: 409, Code: "ResourceConflictException", Message: "why"}},
		{http.StatusTooManyRequests, failure{Status: 429, Code: "ThrottlingException", Message: "why", RetryAfter: 1}},
		{http.StatusServiceUnavailable,
			failure{Status: 503, Code: "InternalServiceException", Message: "why", RetryAfter: 1}},
		{http.StatusInternalServerError, failure{Status: 500, Code: "InternalServiceException", Message: "why"}},
		{http.StatusTeapot, failure{Status: 500, Code: "InternalServiceException", Message: "why"}},
	} {
		var got *failure
		if err := asked(tt.status, []byte(`"why"`)); !errors.As(err, &got) || got.Status != tt.want.Status ||
			got.Code != tt.want.Code ||
			got.Message != tt.want.Message || got.RetryAfter != tt.want.RetryAfter {
			t.Errorf("%d becomes %+v, want %+v", tt.status, got, tt.want)
		}
	}
}

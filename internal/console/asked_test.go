package console

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"reflect"
	"testing"

	"github.com/lanyard/lanyard"
)

// Whatever a question is refused with keeps its status on the way to the page, and so does what may be tried
// again.
func TestRefusalsKeepTheirStatus(t *testing.T) {
	const own, busy = "internal failure; the server's log has it under request r", "InternalServiceException"
	want := map[lanyard.Kind]failure{
		lanyard.Internal:     {Status: 500, Code: busy, Message: own},
		lanyard.Unknown:      {Status: 500, Code: busy, Message: own},
		lanyard.Malformed:    {Status: 400, Code: "InvalidRequestException"},
		lanyard.Invalid:      {Status: 400, Code: "InvalidParameterException"},
		lanyard.TooLarge:     {Status: 400, Code: "InvalidRequestException"},
		lanyard.Limit:        {Status: 400, Code: "LimitExceededException"},
		lanyard.Quota:        {Status: 400, Code: "ServiceQuotaExceededException"},
		lanyard.Untaggable:   {Status: 400, Code: "BadRequestException"},
		lanyard.BadContent:   {Status: 400, Code: "InvalidContactFlowException"},
		lanyard.NotPublished: {Status: 404, Code: "ContactFlowNotPublishedException"},
		lanyard.Denied:       {Status: 403, Code: "AccessDeniedException", Permission: "Users.View"},
		lanyard.NotFound:     {Status: 404, Code: "ResourceNotFoundException"},
		lanyard.UnknownRoute: {Status: 404, Code: "UnknownOperationException"},
		lanyard.Duplicate:    {Status: 409, Code: "DuplicateResourceException"},
		lanyard.InUse:        {Status: 409, Code: "ResourceInUseException"},
		lanyard.Exists:       {Status: 409, Code: "ResourceConflictException"},
		lanyard.Condition:    {Status: 409, Code: "ResourceConflictException"},
		lanyard.TokenReused:  {Status: 409, Code: "IdempotencyException"},
		lanyard.Stale:        {Status: 412, Code: "ResourceConflictException"},
		lanyard.Throttled:    {Status: 429, Code: "TooManyAttempts", RetryAfter: 1},
		lanyard.NotServed:    {Status: 501, Code: "UnsupportedOperationException"},
		lanyard.Unavailable:  {Status: 503, Code: busy, RetryAfter: 1},
	}
	s := &Server{Config: Config{Logger: slog.New(slog.DiscardHandler)}}
	for _, kind := range lanyard.Kinds() {
		refusal := &lanyard.Error{Kind: kind, Message: "why"}
		if kind == lanyard.Denied {
			refusal.Permission = "Users.View"
		}
		got := s.fail(&asking{http: httptest.NewRequest("POST", "/", nil), requestID: "r"},
			fmt.Errorf("asked: %w", refusal))
		w := want[kind]
		if w.RequestID = "r"; w.Message == "" {
			w.Message = "why"
		}
		if !reflect.DeepEqual(*got, w) {
			t.Errorf("%v becomes %+v, want %+v", kind, *got, w)
		}
	}
}

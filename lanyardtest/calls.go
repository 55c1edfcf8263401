package lanyardtest

import (
	"context"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/access"
	"github.com/lanyard/lanyard/internal/awsapi"
	"github.com/lanyard/lanyard/internal/fault"
	"github.com/lanyard/lanyard/internal/invocation"
)

// An Exception is what an operation answers with when it refuses.
type Exception struct {
	Operation string
	Name      string // such as DuplicateResourceException
	Message   string
	Status    int // of HTTP
}

func (e *Exception) Error() string { return fmt.Sprintf("%s: %s: %s", e.Operation, e.Name, e.Message) }

// Call carries out an operation of the API, such as CreateUser, without a client. Input has the members of the request
// and output takes those of the answer; both may be structs, maps or nil. Where the request has an InstanceId and the
// input does not, it is that of Instance. The error is an *Exception when the operation refuses.
func (s *Server) Call(operation string, input, output any) error {
	if input == nil {
		input = map[string]any{}
	}
	in, err := json.Marshal(input)
	if err != nil {
		return fmt.Errorf("encode the input of %s: %w", operation, err)
	}
	call := invocation.Call{Operation: operation, Input: in,
		Caller: lanyard.Caller{Account: s.Account, UserAgent: "lanyardtest"}}
	var named struct {
		Instance any `json:"InstanceId,case:ignore"`
		Resource any `json:"ResourceArn,case:ignore"`
	}
	if json.Unmarshal(in, &named) == nil && named.Instance == nil && named.Resource == nil {
		call.Instance = s.Instance.ID
	}
	answer := s.world.Invoke(context.Background(), call)
	switch {
	case answer.Exception != "":
		return &Exception{operation, answer.Exception, answer.Message, answer.Status}
	case output == nil || len(answer.Output) == 0:
		return nil
	}
	if err := json.Unmarshal(answer.Output, output); err != nil {
		return fmt.Errorf("decode the output of %s: %w", operation, err)
	}
	return nil
}

type object = map[string]any

// AddProfile creates a security profile with permissions, and returns its id.
func (s *Server) AddProfile(name string, permissions ...string) (id string) {
	s.t.Helper()
	var out struct{ SecurityProfileId string }
	s.must("add a profile", s.Call("CreateSecurityProfile", object{"SecurityProfileName": name,
		"Permissions": permissions}, &out))
	return out.SecurityProfileId
}

// AddUser creates a user with security profiles, given by their names or ids, and returns the user's id.
func (s *Server) AddUser(name string, profiles ...string) (id string) {
	s.t.Helper()
	held := []string{}
	for _, p := range profiles {
		found, err := s.find(access.TypeSecurityProfile, p)
		s.must("add user "+name, err)
		held = append(held, found)
	}
	var routing struct{ RoutingProfileSummaryList []struct{ Id string } }
	s.must("add a user", s.Call("ListRoutingProfiles", object{"MaxResults": 1}, &routing))
	if len(routing.RoutingProfileSummaryList) == 0 {
		s.t.Fatal("lanyardtest: add a user: the instance has no routing profile")
	}
	var out struct{ UserId string }
	s.must("add a user", s.Call("CreateUser", object{"Username": name, "Password": "Example-1-password",
		"IdentityInfo": object{"FirstName": name, "LastName": "Example"}, "SecurityProfileIds": held,
		"RoutingProfileId": routing.RoutingProfileSummaryList[0].Id,
		"PhoneConfig":      object{"PhoneType": "SOFT_PHONE", "AutoAccept": false}}, &out))
	return out.UserId
}

// Fault has the next n calls of an operation answered with an exception, such as ThrottlingException, which must be one
// that the operation declares. It replaces an earlier fault of the operation. "*" stands for all operations.
func (s *Server) Fault(operation, exception string, n int) {
	s.t.Helper()
	switch {
	case operation != "*" && !awsapi.IsServed(operation):
		s.t.Fatalf("lanyardtest: inject a fault: operation %q does not exist", operation)
	case !awsapi.CanFail(operation, exception):
		s.t.Fatalf("lanyardtest: inject a fault: the exception must be one that %s declares, got %q", operation, exception)
	case n < 1:
		s.t.Fatalf("lanyardtest: inject a fault: the number of calls must be 1 or more, got %d", n)
	}
	s.world.Faults().Put(fault.Fault{Operation: operation, Exception: exception, Rate: 1, Count: n})
}

// Delay has every call of an operation wait before it is carried out. It replaces an earlier fault of the operation.
// "*" stands for all operations.
func (s *Server) Delay(operation string, d time.Duration) {
	s.t.Helper()
	if operation != "*" && !awsapi.IsServed(operation) {
		s.t.Fatalf("lanyardtest: delay an operation: operation %q does not exist", operation)
	}
	s.world.Faults().Put(fault.Fault{Operation: operation, Rate: 1, Latency: d})
}

// ClearFaults removes what Fault and Delay injected.
func (s *Server) ClearFaults() { s.world.Faults().Clear("") }

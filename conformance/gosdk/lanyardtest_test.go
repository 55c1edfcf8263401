package gosdk

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/connect"
	"github.com/aws/aws-sdk-go-v2/service/connect/types"

	"github.com/lanyard/lanyard/lanyardtest"
)

// rename is code to be tested, as a user would have it.
func rename(t *testing.T, c *connect.Client, instance, profile, description string) error {
	t.Helper()
	_, err := c.UpdateSecurityProfile(t.Context(), &connect.UpdateSecurityProfileInput{InstanceId: &instance,
		SecurityProfileId: &profile, Description: &description})
	return err
}

// A program's tests need a server in their process and AWS's client, and no more. Each has a server of its own.
func TestInProcess(t *testing.T) {
	t.Parallel()
	as := func(target any) func(error) bool { return func(err error) bool { return errors.As(err, target) } }
	for _, tt := range []struct {
		name                 string
		fault                string // of the next calls
		calls                int
		profile, description string
		want                 func(error) bool
	}{
		{"succeeds", "", 0, "", "Works at night", func(err error) bool { return err == nil }},
		{"is retried", "ThrottlingException", 2, "", "Works at night", func(err error) bool { return err == nil }},
		{"is throttled", "ThrottlingException", 3, "", "Works at night", as(new(*types.ThrottlingException))},
		{"fails", "InternalServiceException", 3, "", "Works at night", as(new(*types.InternalServiceException))},
		{"does not exist", "", 0, missing, "Works at night", as(new(*types.ResourceNotFoundException))},
		{"is refused", "InvalidParameterException", 1, "", "Works at night", as(new(*types.InvalidParameterException))},
		{"is malformed", "InvalidRequestException", 1, "", "Works at night", as(new(*types.InvalidRequestException))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := lanyardtest.New(t)
			config := srv.AWSConfig()
			config.Retryer = func() aws.Retryer { return withoutDelay{} }
			client := connect.NewFromConfig(config)
			profile := srv.AddProfile("Night shift", "Users.View")
			if tt.fault != "" {
				srv.Fault("UpdateSecurityProfile", tt.fault, tt.calls)
			}
			if tt.profile != "" {
				profile = tt.profile
			}
			if err := rename(t, client, srv.Instance.ID, profile, tt.description); !tt.want(err) {
				t.Errorf("the update ends with %v", err)
			}
		})
	}
}

// withoutDelay tries three times, as the SDK does by default, and does not wait in between.
type withoutDelay struct{ aws.NopRetryer }

func (withoutDelay) IsErrorRetryable(err error) bool {
	var throttled *types.ThrottlingException
	return errors.As(err, &throttled)
}
func (withoutDelay) MaxAttempts() int                             { return 3 }
func (withoutDelay) RetryDelay(int, error) (time.Duration, error) { return 0, nil }

// What a client changes is decided by at once.
func TestDecisionsInProcess(t *testing.T) {
	t.Parallel()
	srv := lanyardtest.New(t)
	client := connect.NewFromConfig(srv.AWSConfig())
	profile := srv.AddProfile("Night shift", "Users.View")
	srv.AddUser("anna", "Night shift")
	srv.AssertDenied("anna", "Users.Edit")
	if _, err := client.UpdateSecurityProfile(t.Context(), &connect.UpdateSecurityProfileInput{
		InstanceId: &srv.Instance.ID, SecurityProfileId: &profile, Permissions: []string{"Users.View", "Users.Edit"},
	}); err != nil {
		t.Fatal(err)
	}
	srv.AssertAllowed("anna", "Users.Edit", "User/anna")
}

// A client over a port, with signatures that are checked.
func TestSignedOverAPort(t *testing.T) {
	t.Parallel()
	srv := lanyardtest.New(t, lanyardtest.WithSignatures())
	config := srv.AWSConfig()
	config.BaseEndpoint, config.HTTPClient = aws.String(srv.URL()), nil
	out, err := connect.NewFromConfig(config).ListInstances(t.Context(), nil)
	if err != nil || len(out.InstanceSummaryList) != 1 || *out.InstanceSummaryList[0].Id != srv.Instance.ID {
		t.Errorf("ListInstances: %v, %v", fmt.Sprint(out), err)
	}
}

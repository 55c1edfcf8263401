package profiles

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/connect"

	"github.com/lanyard/lanyard/lanyardtest"
)

func TestTheSDKRetries(t *testing.T) {
	srv := lanyardtest.New(t)
	srv.Fault("ListSecurityProfiles", "ThrottlingException", 1)
	client := connect.NewFromConfig(srv.AWSConfig())
	_, err := client.ListSecurityProfiles(t.Context(), &connect.ListSecurityProfilesInput{InstanceId: &srv.Instance.ID})
	if err != nil {
		t.Error(err)
	}
}

func TestLastModified(t *testing.T) {
	srv := lanyardtest.New(t)
	then := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	srv.SetTime(then)
	id := srv.AddProfile("Night shift", "Users.View")
	out, err := connect.NewFromConfig(srv.AWSConfig()).DescribeSecurityProfile(t.Context(),
		&connect.DescribeSecurityProfileInput{InstanceId: &srv.Instance.ID, SecurityProfileId: &id})
	if err != nil {
		t.Fatal(err)
	}
	if got := *out.SecurityProfile.LastModifiedTime; !got.Equal(then) {
		t.Errorf("the profile was last modified at %v", got)
	}
}

package profiles

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/connect"
	"github.com/aws/aws-sdk-go-v2/service/connect/types"

	"github.com/lanyard/lanyard/lanyardtest"
)

func TestNamesAreUnique(t *testing.T) {
	t.Parallel()
	srv := lanyardtest.New(t)
	client := connect.NewFromConfig(srv.AWSConfig())
	create := func() error {
		_, err := client.CreateSecurityProfile(t.Context(), &connect.CreateSecurityProfileInput{
			InstanceId: &srv.Instance.ID, SecurityProfileName: aws.String("Night shift")})
		return err
	}
	if err := create(); err != nil {
		t.Fatal(err)
	}
	var duplicate *types.DuplicateResourceException
	if err := create(); !errors.As(err, &duplicate) {
		t.Errorf("a second profile of the same name: %v", err)
	}
}

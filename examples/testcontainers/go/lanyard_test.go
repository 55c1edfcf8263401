// Package example tests against lanyard in a container.
package example

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/connect"
	"github.com/aws/aws-sdk-go-v2/service/connect/types"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

func newClient(t *testing.T) *connect.Client {
	t.Helper()
	testcontainers.SkipIfProviderIsNotHealthy(t)
	lanyard, err := testcontainers.Run(t.Context(), "lanyard:latest",
		testcontainers.WithCmd("serve", "--emulator", "--store", "memory"),
		testcontainers.WithExposedPorts("4580/tcp"),
		testcontainers.WithWaitStrategy(wait.ForLog("Ready.")))
	testcontainers.CleanupContainer(t, lanyard)
	if err != nil {
		t.Fatal(err)
	}
	url, err := lanyard.PortEndpoint(t.Context(), "4580/tcp", "http")
	if err != nil {
		t.Fatal(err)
	}
	return connect.New(connect.Options{
		BaseEndpoint: aws.String(url),
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("123456789012", "any", ""), // in an emulator, the account
	})
}

func TestUnknownPermissionIsRefused(t *testing.T) {
	client := newClient(t)
	instance, err := client.CreateInstance(t.Context(), &connect.CreateInstanceInput{
		IdentityManagementType: types.DirectoryTypeSaml, InstanceAlias: aws.String("centre"),
		InboundCallsEnabled: aws.Bool(true), OutboundCallsEnabled: aws.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	profile, err := client.CreateSecurityProfile(t.Context(), &connect.CreateSecurityProfileInput{
		InstanceId: instance.Id, SecurityProfileName: aws.String("Agents"), Permissions: []string{"BasicAgentAccess"}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.UpdateSecurityProfile(t.Context(), &connect.UpdateSecurityProfileInput{
		InstanceId: instance.Id, SecurityProfileId: profile.SecurityProfileId, Permissions: []string{"Users.Veiw"}})
	var refused *types.InvalidParameterException
	if !errors.As(err, &refused) || !strings.Contains(refused.ErrorMessage(), "Users.Veiw") {
		t.Errorf("an unknown permission answers %v", err)
	}
}

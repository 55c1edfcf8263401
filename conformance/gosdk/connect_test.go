// Package gosdk plays the life of a security profile with AWS's SDK for Go against the server that
// LANYARD_URL names. It is a module of its own, so that the SDK never enters the server's go.mod.
// AllowedAIAgents is left to the other SDKs: the newest release of this one does not know it.
package gosdk

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/connect"
	"github.com/aws/aws-sdk-go-v2/service/connect/types"
	"github.com/aws/smithy-go"
)

const missing = "00000000-0000-4000-8000-000000000000"

func client(t *testing.T, secret string) *connect.Client {
	t.Helper()
	url := os.Getenv("LANYARD_URL")
	if url == "" {
		t.Skip("LANYARD_URL does not name the server to test")
	}
	return connect.New(connect.Options{
		BaseEndpoint: &url, Region: os.Getenv("AWS_REGION"), Retryer: aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: secret}, nil
		}),
	})
}

type centre struct {
	*connect.Client
	id     *string
	groups []string
	module string
}

func newCentre(t *testing.T) centre {
	c := centre{Client: client(t, os.Getenv("AWS_SECRET_ACCESS_KEY"))}
	made := must(c.CreateInstance(t.Context(), &connect.CreateInstanceInput{
		IdentityManagementType: types.DirectoryTypeSaml,
		InstanceAlias:          aws.String(fmt.Sprintf("go-%d", time.Now().UnixNano())),
		InboundCallsEnabled:    aws.Bool(true), OutboundCallsEnabled: aws.Bool(true),
	}))(t)
	c.id = made.Id
	must(c.UpdateUserHierarchyStructure(t.Context(), &connect.UpdateUserHierarchyStructureInput{
		InstanceId:         c.id,
		HierarchyStructure: &types.HierarchyStructureUpdate{LevelOne: &types.HierarchyLevelUpdate{Name: aws.String("Country")}},
	}))(t)
	for _, name := range []string{"FR", "DE"} {
		g := must(c.CreateUserHierarchyGroup(t.Context(),
			&connect.CreateUserHierarchyGroupInput{InstanceId: c.id, Name: &name}))(t)
		c.groups = append(c.groups, *g.HierarchyGroupId)
	}
	m := must(c.CreateContactFlowModule(t.Context(),
		&connect.CreateContactFlowModuleInput{InstanceId: c.id, Name: aws.String("module"), Description: aws.String("A tool"),
			Content:                         aws.String("{}"),
			ExternalInvocationConfiguration: &types.ExternalInvocationConfiguration{Enabled: true}}))(t)
	c.module = *m.Id
	must(c.CreateContactFlowModuleVersion(t.Context(),
		&connect.CreateContactFlowModuleVersionInput{InstanceId: c.id, ContactFlowModuleId: m.Id}))(t)
	return c
}

// must returns the value of a call that is to succeed.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (c centre) create(t *testing.T, name string) (id string) {
	t.Helper()
	return *must(c.CreateSecurityProfile(t.Context(),
		&connect.CreateSecurityProfileInput{InstanceId: c.id, SecurityProfileName: &name}))(t).SecurityProfileId
}

func granular(values ...string) *types.GranularAccessControlConfiguration {
	return &types.GranularAccessControlConfiguration{
		DataTableAccessControlConfiguration: &types.DataTableAccessControlConfiguration{
			PrimaryAttributeAccessControlConfiguration: &types.PrimaryAttributeAccessControlConfigurationItem{
				PrimaryAttributeValues: []types.PrimaryAttributeValue{{AccessType: types.AccessTypeAllow,
					AttributeName: aws.String("Region"), Values: values}},
			}}}
}

// state reads all of a profile into the request that would set it.
func (c centre) state(t *testing.T, profile *string) connect.UpdateSecurityProfileInput {
	t.Helper()
	p := must(c.DescribeSecurityProfile(t.Context(),
		&connect.DescribeSecurityProfileInput{InstanceId: c.id, SecurityProfileId: profile}))(t).SecurityProfile
	if age := time.Since(*p.LastModifiedTime); age < -time.Minute || age > time.Minute {
		t.Errorf("LastModifiedTime is %v", p.LastModifiedTime)
	}
	return connect.UpdateSecurityProfileInput{
		InstanceId: c.id, SecurityProfileId: profile, Description: p.Description,
		AllowedAccessControlTags: p.AllowedAccessControlTags,
		TagRestrictedResources:   p.TagRestrictedResources, HierarchyRestrictedResources: p.HierarchyRestrictedResources,
		AllowedAccessControlHierarchyGroupId: p.AllowedAccessControlHierarchyGroupId,
		GranularAccessControlConfiguration:   p.GranularAccessControlConfiguration,
		Permissions: must(c.ListSecurityProfilePermissions(t.Context(),
			&connect.ListSecurityProfilePermissionsInput{InstanceId: c.id, SecurityProfileId: profile}))(t).Permissions,
		Applications: must(c.ListSecurityProfileApplications(t.Context(),
			&connect.ListSecurityProfileApplicationsInput{InstanceId: c.id, SecurityProfileId: profile}))(t).Applications,
		AllowedFlowModules: must(c.ListSecurityProfileFlowModules(t.Context(),
			&connect.ListSecurityProfileFlowModulesInput{InstanceId: c.id, SecurityProfileId: profile}))(t).AllowedFlowModules,
	}
}

func TestEveryParameter(t *testing.T) {
	c := newCentre(t)
	profile := aws.String(c.create(t, "Every parameter"))
	want := connect.UpdateSecurityProfileInput{
		InstanceId: c.id, SecurityProfileId: profile, AllowedAccessControlTags: map[string]string{},
		TagRestrictedResources:       []string{},
		HierarchyRestrictedResources: []string{}, Permissions: []string{}, Applications: []types.Application{},
		AllowedFlowModules: []types.FlowModule{},
	}
	for _, tt := range []struct {
		name string
		set  func(*connect.UpdateSecurityProfileInput)
	}{
		{"nothing", func(*connect.UpdateSecurityProfileInput) {}},
		{"description", func(u *connect.UpdateSecurityProfileInput) { u.Description = aws.String("Zweite é") }},
		{"permissions", func(u *connect.UpdateSecurityProfileInput) {
			u.Permissions = []string{"Queues.View",
				"Users.View"}
		}},
		{"tags", func(u *connect.UpdateSecurityProfileInput) {
			u.AllowedAccessControlTags = map[string]string{"Country": "FR", "Empty": ""}
			u.TagRestrictedResources = []string{"User", "Queue"}
		}},
		{"applications", func(u *connect.UpdateSecurityProfileInput) {
			u.Applications = []types.Application{
				{Namespace: aws.String("gateway"), ApplicationPermissions: []string{"t___A", "t___B"},
					Type: types.ApplicationTypeMcp},
				{Namespace: aws.String("orders"), ApplicationPermissions: []string{"ACCESS"},
					Type: types.ApplicationTypeThirdPartyApplication}}
		}},
		{"hierarchy", func(u *connect.UpdateSecurityProfileInput) {
			u.HierarchyRestrictedResources = []string{"User"}
			u.AllowedAccessControlHierarchyGroupId = &c.groups[0]
		}},
		{"another group", func(u *connect.UpdateSecurityProfileInput) { u.AllowedAccessControlHierarchyGroupId = &c.groups[1] }},
		{"modules", func(u *connect.UpdateSecurityProfileInput) {
			u.AllowedFlowModules = []types.FlowModule{{Type: types.FlowModuleTypeMcp, FlowModuleId: &c.module}}
		}},
		{"data tables", func(u *connect.UpdateSecurityProfileInput) {
			u.GranularAccessControlConfiguration = granular("EU", "UK")
		}},
		{"permissions cleared", func(u *connect.UpdateSecurityProfileInput) { u.Permissions = []string{} }},
		{"applications cleared", func(u *connect.UpdateSecurityProfileInput) { u.Applications = []types.Application{} }},
	} {
		sent := connect.UpdateSecurityProfileInput{InstanceId: c.id, SecurityProfileId: profile}
		tt.set(&sent)
		tt.set(&want)
		must(c.UpdateSecurityProfile(t.Context(), &sent))(t)
		if got := c.state(t, profile); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: got %+v, want %+v", tt.name, got, want)
		}
	}
	must(c.DeleteSecurityProfile(t.Context(),
		&connect.DeleteSecurityProfileInput{InstanceId: c.id, SecurityProfileId: profile}))(t)
}

func TestPages(t *testing.T) {
	c := newCentre(t)
	var made []string
	for n := range 7 {
		made = append(made, c.create(t, fmt.Sprintf("Page %d", n)))
	}
	var seen []string
	for p := connect.NewListSecurityProfilesPaginator(c,
		&connect.ListSecurityProfilesInput{InstanceId: c.id, MaxResults: aws.Int32(2)}); p.HasMorePages(); {
		for _, s := range must(p.NextPage(t.Context()))(t).SecurityProfileSummaryList {
			seen = append(seen, *s.Id)
		}
	}
	if len(seen) != 11 || !slices.Equal(seen[4:], made) {
		t.Errorf("pages hold %v, want them to end with %v", seen, made)
	}
	found := 0
	for p := connect.NewSearchSecurityProfilesPaginator(c,
		&connect.SearchSecurityProfilesInput{InstanceId: c.id, MaxResults: aws.Int32(3),
			SearchCriteria: &types.SecurityProfileSearchCriteria{StringCondition: &types.StringCondition{FieldName: aws.String("name"),
				Value: aws.String("page"), ComparisonType: types.StringComparisonTypeStartsWith}},
		}); p.HasMorePages(); {
		page := must(p.NextPage(t.Context()))(t)
		if *page.ApproximateTotalCount != 7 {
			t.Errorf("the total is %d, want 7", *page.ApproximateTotalCount)
		}
		found += len(page.SecurityProfiles)
	}
	if found != 7 {
		t.Errorf("found %d, want 7", found)
	}
}

func TestTagsUsersAndAgents(t *testing.T) {
	c := newCentre(t)
	ctx := t.Context()
	made := must(c.CreateSecurityProfile(ctx,
		&connect.CreateSecurityProfileInput{InstanceId: c.id, SecurityProfileName: aws.String("Held"),
			Tags: map[string]string{"a": "b"}}))(t)
	arn, profile, other := made.SecurityProfileArn, *made.SecurityProfileId, c.create(t, "Other")
	must(c.TagResource(ctx, &connect.TagResourceInput{ResourceArn: arn, Tags: map[string]string{"Größe/1": "ß"}}))(t)
	must(c.UntagResource(ctx, &connect.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"a", "never there"}}))(t)
	tags := must(c.ListTagsForResource(ctx, &connect.ListTagsForResourceInput{ResourceArn: arn}))(t).Tags
	if !maps.Equal(tags, map[string]string{"Größe/1": "ß"}) {
		t.Errorf("tags are %v", tags)
	}
	routing := must(c.ListRoutingProfiles(ctx,
		&connect.ListRoutingProfilesInput{InstanceId: c.id}))(t).RoutingProfileSummaryList[0].Id
	user := must(c.CreateUser(ctx,
		&connect.CreateUserInput{InstanceId: c.id, Username: aws.String("zoe"), SecurityProfileIds: []string{profile},
			RoutingProfileId: routing, HierarchyGroupId: &c.groups[0],
			PhoneConfig: &types.UserPhoneConfig{PhoneType: types.PhoneTypeSoftPhone, AutoAccept: true}}))(t).UserId
	_, err := c.DeleteSecurityProfile(ctx,
		&connect.DeleteSecurityProfileInput{InstanceId: c.id, SecurityProfileId: &profile})
	var inUse *types.ResourceInUseException
	if !errors.As(err, &inUse) || inUse.ResourceType != types.ResourceTypeUser || aws.ToString(inUse.ResourceId) != *user {
		t.Errorf("deleting a profile in use: %v", err)
	}
	must(c.UpdateUserSecurityProfiles(ctx,
		&connect.UpdateUserSecurityProfilesInput{InstanceId: c.id, UserId: user, SecurityProfileIds: []string{other}}))(t)
	if got := must(c.DescribeUser(ctx,
		&connect.DescribeUserInput{InstanceId: c.id, UserId: user}))(t).User.SecurityProfileIds; !slices.Equal(got,
		[]string{other}) {
		t.Errorf("the user holds %v", got)
	}
	agent := aws.String("arn:aws:wisdom:us-east-1:123456789012:ai-agent/a/b:$LATEST")
	items := []types.SecurityProfileItem{{Id: &profile}}
	must(c.AssociateSecurityProfiles(ctx,
		&connect.AssociateSecurityProfilesInput{InstanceId: c.id, EntityType: types.EntityTypeAiAgent, EntityArn: agent,
			SecurityProfiles: items}))(t)
	held := must(c.ListEntitySecurityProfiles(ctx,
		&connect.ListEntitySecurityProfilesInput{InstanceId: c.id, EntityType: types.EntityTypeAiAgent,
			EntityArn: agent}))(t).SecurityProfiles
	if len(held) != 1 || *held[0].Id != profile {
		t.Errorf("the agent holds %v", held)
	}
	_, err = c.AssociateSecurityProfiles(ctx,
		&connect.AssociateSecurityProfilesInput{InstanceId: c.id, EntityType: types.EntityTypeAiAgent, EntityArn: agent,
			SecurityProfiles: items})
	if conflict := new(types.ResourceConflictException); !errors.As(err, &conflict) {
		t.Errorf("associating twice: %v", err)
	}
	must(c.DisassociateSecurityProfiles(ctx,
		&connect.DisassociateSecurityProfilesInput{InstanceId: c.id, EntityType: types.EntityTypeAiAgent, EntityArn: agent,
			SecurityProfiles: items}))(t)
	must(c.DeleteSecurityProfile(ctx,
		&connect.DeleteSecurityProfileInput{InstanceId: c.id, SecurityProfileId: &profile}))(t)
}

func TestExceptions(t *testing.T) {
	c := newCentre(t)
	profile := aws.String(c.create(t, "Refusing"))
	update := func(u connect.UpdateSecurityProfileInput) error {
		u.InstanceId = c.id
		if u.SecurityProfileId == nil {
			u.SecurityProfileId = profile
		}
		_, err := c.UpdateSecurityProfile(t.Context(), &u)
		return err
	}
	_, duplicate := c.CreateSecurityProfile(t.Context(),
		&connect.CreateSecurityProfileInput{InstanceId: c.id, SecurityProfileName: aws.String("Refusing")})
	for _, tt := range []struct {
		name string
		err  error
		want any // a pointer for errors.As
		says string
	}{
		{"unknown permission", update(connect.UpdateSecurityProfileInput{Permissions: []string{"Users.Fly"}}),
			new(*types.InvalidParameterException), "Users.Fly"},
		{"too long", update(connect.UpdateSecurityProfileInput{Description: aws.String(strings.Repeat("x", 251))}),
			new(*types.InvalidParameterException), "Description"},
		{"missing", update(connect.UpdateSecurityProfileInput{SecurityProfileId: aws.String(missing)}),
			new(*types.ResourceNotFoundException), missing},
		{"duplicate", duplicate, new(*types.DuplicateResourceException), "Refusing"},
	} {
		var api smithy.APIError
		if !errors.As(tt.err, tt.want) || !errors.As(tt.err, &api) || !strings.Contains(api.ErrorMessage(), tt.says) {
			t.Errorf("%s: got %v, want %T that says %q", tt.name, tt.err, tt.want, tt.says)
		}
	}
	_, err := client(t, "wrong-secret-wrong-secret").ListInstances(t.Context(), &connect.ListInstancesInput{})
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "InvalidSignatureException" {
		t.Errorf("wrong secret: %v", err)
	}
}

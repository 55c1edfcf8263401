package main

import (
	"context"
	"fmt"
	"time"

	"github.com/lanyard/lanyard"
	"github.com/lanyard/lanyard/store"
	"github.com/lanyard/lanyard/store/sqlite"
)

type object = map[string]any

// instance is what the measured calls are about: 100 profiles, the most that a page may hold.
type instance struct {
	id       string
	profiles []string
	group    string
	module   string
}

const profiles = 100

// makeInstance fills an instance by way of the API.
func makeInstance(ctx context.Context, addr string) (*instance, error) {
	var made struct{ Id, HierarchyGroupId string }
	err := call(ctx, addr, "PUT", "/instance", object{"IdentityManagementType": "SAML", "InstanceAlias": "bench",
		"InboundCallsEnabled": true, "OutboundCallsEnabled": true}, &made)
	if err != nil {
		return nil, err
	}
	in := &instance{id: made.Id}
	err = call(ctx, addr, "POST", "/user-hierarchy-structure/"+in.id, object{"HierarchyStructure": object{"LevelOne": object{"Name": "Company"}}}, nil)
	if err != nil {
		return nil, err
	}
	if err := call(ctx, addr, "PUT", "/user-hierarchy-groups/"+in.id, object{"Name": "Everybody"}, &made); err != nil {
		return nil, err
	}
	in.group = made.HierarchyGroupId
	err = call(ctx, addr, "PUT", "/contact-flow-modules/"+in.id, object{"Name": "Order status",
		"Content": `{"Version":"2019-10-30","StartAction":"end","Actions":[]}`, "ExternalInvocationConfiguration": object{"Enabled": true}}, &made)
	if err != nil {
		return nil, err
	}
	in.module = made.Id
	list, err := in.list(ctx, addr)
	if err != nil {
		return nil, err
	}
	for i := len(list); i < profiles; i++ {
		var profile struct{ SecurityProfileId string }
		err := call(ctx, addr, "PUT", "/security-profiles/"+in.id, object{"SecurityProfileName": fmt.Sprintf("Profile %d", i)}, &profile)
		if err != nil {
			return nil, err
		}
		in.profiles = append(in.profiles, profile.SecurityProfileId)
	}
	for _, id := range in.profiles {
		if err := call(ctx, addr, "POST", in.path(id), in.content(0), nil); err != nil {
			return nil, err
		}
	}
	if list, err = in.list(ctx, addr); err == nil && len(list) != profiles {
		err = fmt.Errorf("the instance has %d profiles, not %d", len(list), profiles)
	}
	return in, err
}

func (in *instance) path(profile string) string { return "/security-profiles/" + in.id + "/" + profile }

func (in *instance) listPath() string {
	return fmt.Sprintf("/security-profiles-summary/%s?maxResults=%d", in.id, profiles)
}

func (in *instance) list(ctx context.Context, addr string) ([]struct{ Id string }, error) {
	var out struct{ SecurityProfileSummaryList []struct{ Id string } }
	err := call(ctx, addr, "GET", in.listPath(), nil, &out)
	return out.SecurityProfileSummaryList, err
}

// content is every parameter of UpdateSecurityProfile, with 60 permissions. Contents of a different
// i differ in every parameter that can.
func (in *instance) content(i int) object {
	var permissions []string
	for _, p := range lanyard.Permissions()[10*i : 10*i+60] {
		permissions = append(permissions, p.Name)
	}
	team := [...]string{"Sales", "Support"}[i]
	return object{
		"Description":                          "What people in " + team + " may do, and to whom",
		"Permissions":                          permissions,
		"AllowedAccessControlTags":             object{"Country": "FR", "Department": team},
		"TagRestrictedResources":               lanyard.TagRestrictable[i : i+3],
		"HierarchyRestrictedResources":         []string{lanyard.HierarchyRestrictable},
		"AllowedAccessControlHierarchyGroupId": in.group,
		"Applications": []object{
			{"Namespace": "orders-" + team, "ApplicationPermissions": []string{"ACCESS"}, "Type": "THIRD_PARTY_APPLICATION"},
			{"Namespace": "order-gateway", "ApplicationPermissions": []string{"orders___GetOrder", "orders___" + team}, "Type": "MCP"},
		},
		"AllowedFlowModules": []object{{"Type": "MCP", "FlowModuleId": in.module}},
		"AllowedAIAgents":    []object{{"Arn": "arn:aws:app-integrations:us-east-1:123456789012:application/" + team, "Type": "THIRD_PARTY"}},
		"GranularAccessControlConfiguration": object{"DataTableAccessControlConfiguration": object{"PrimaryAttributeAccessControlConfiguration": object{
			"PrimaryAttributeValues": []object{{"AccessType": "ALLOW", "AttributeName": "team", "Values": []string{team}}}}}},
	}
}

// enlarge adds profiles and users to the instance in a folder that no server uses, past the API,
// which would take an hour.
func enlarge(ctx context.Context, dir string, in *instance, n size) error {
	db, err := sqlite.Open(ctx, sqlite.Config{Dir: dir, Cache: -1})
	if err != nil {
		return err
	}
	defer db.Close()
	routing, err := db.Reader(in.id).List(ctx, lanyard.TypeRoutingProfile, 0, 1)
	if err != nil {
		return err
	}
	id := func(kind string, i int) string { return fmt.Sprintf("%s-0000-4000-8000-%012d", kind, i) }
	const batch = 20_000
	add := func(what string, count int, make func(i int) lanyard.Resource) error {
		for from := 0; from < count; from += batch {
			progress("filling the large folder: %d of %d %s", from, count, what)
			err := db.Update(ctx, in.id, func(tx store.Tx) error {
				for i := from; i < min(from+batch, count); i++ {
					if err := tx.Put(ctx, make(i)); err != nil {
						return err
					}
				}
				return tx.Append(ctx, &lanyard.Event{ID: id("e0000000", from), Instance: in.id, Time: time.Now().UTC(), Operation: "Bench", Account: account, Region: region})
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	var permissions []string
	for _, p := range lanyard.Permissions()[:60] {
		permissions = append(permissions, p.Name)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	err = add("profiles", n.profiles, func(i int) lanyard.Resource {
		return &lanyard.Profile{Meta: lanyard.Meta{ID: id("a0000000", i), Name: fmt.Sprintf("Large profile %d", i), Modified: now, Tags: map[string]string{"Team": fmt.Sprint(i % 50)}},
			Description: "One of many", Permissions: lanyard.SortPermissions(permissions)}
	})
	if err != nil {
		return err
	}
	return add("users", n.users, func(i int) lanyard.Resource {
		return &lanyard.User{Meta: lanyard.Meta{ID: id("b0000000", i), Name: fmt.Sprintf("user%d", i), Modified: now, Tags: map[string]string{"Team": fmt.Sprint(i % 50)}},
			FirstName: "First", LastName: "Last", Profiles: []string{id("a0000000", i%n.profiles)}, RoutingProfile: routing[0].Head().ID, Group: in.group}
	})
}
